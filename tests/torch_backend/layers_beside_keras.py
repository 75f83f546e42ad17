"""Our layers for training on PyTorch beside Keras' own; usage: python layers_beside_keras.py. Run by the tests."""

import keras
import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dcgan_hub.presets import make_settings
from dcgan_hub.training.backends.torch.layers import Convolution, FusedBatchNormalization, TransposedConvolution
from dcgan_hub.training.model import build_gan

# Height, width, channels, filters, window, stride: windows that fit, that do not, images that are no multiple.
PLACES = [(8, 8, 3, 5, 4, 2), (7, 10, 1, 6, 4, 2), (9, 6, 6, 4, 5, 2), (11, 13, 4, 8, 3, 2), (10, 7, 3, 4, 7, 3),
          (6, 5, 3, 2, 4, 1), (5, 5, 7, 3, 3, 3)]  # fmt: skip
SAME = {"padding": "same", "data_format": "channels_last"}
BATCH = {"momentum": 0.9, "epsilon": 1e-5}


def results_of(make, maps, dtype):
    """Outputs, gradients at inputs and weights, the gradients at both of the norm of the first, and statistics."""
    layer = make(dtype=dtype)
    layer.build(maps.shape)
    random = np.random.RandomState(1)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(0.5, 0.5, weight.shape))
    inputs = torch.from_numpy(maps).requires_grad_()
    outputs = layer(inputs, training=True) if "ormalization" in type(layer).__name__ else layer(inputs)
    assert keras.backend.standardize_dtype(outputs.dtype) == layer.compute_dtype
    points = [inputs, *(weight.value for weight in layer.trainable_variables)]
    gradients = torch.autograd.grad(torch.sin(2.0 * outputs.float()).sum(), points, create_graph=True)
    norm = sum(gradient.square().sum() for gradient in gradients)
    values = [outputs, *gradients, *torch.autograd.grad(norm, points, allow_unused=True)]
    values += [weight.value for weight in layer.non_trainable_variables]
    return [value.detach().float().numpy() for value in values if value is not None]


def pairs():
    """Ours, Keras' own, and the maps that both take."""
    random = np.random.RandomState(0)
    for height, width, channels, filters, window, stride in PLACES:
        large = random.normal(0.0, 1.0, (3, height, width, channels)).astype("float32")
        small = random.normal(0.0, 1.0, (3, -(-height // stride), -(-width // stride), filters)).astype("float32")
        for maps, count, kinds in (
            (large, filters, (Convolution, keras.layers.Conv2D)),
            (small, channels, (TransposedConvolution, keras.layers.Conv2DTranspose)),
        ):
            for use_bias in (True, False):
                options = SAME | {"strides": stride, "use_bias": use_bias}
                ours, usual = (
                    lambda dtype, kind=kind, count=count, window=window, options=options: kind(
                        count, window, **options, dtype=dtype
                    )
                    for kind in kinds
                )
                yield ours, usual, maps
    for shape in ((4, 5, 3, 7), (32, 16, 16, 16), (3, 2, 2, 3)):
        maps = random.normal(3.0, 2.0, shape).astype("float32")
        for options in (BATCH, BATCH | {"center": False, "scale": False}):
            ours, usual = (
                lambda dtype, kind=kind, options=options: kind(**options, dtype=dtype)
                for kind in (FusedBatchNormalization, keras.layers.BatchNormalization)
            )
            yield ours, usual, maps


def compare_layers():
    for ours, usual, maps in pairs():
        exact = results_of(usual, maps, "float32")
        for found, expected in zip(results_of(ours, maps, "float32"), exact, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max() + 1e-6)
        found, expected = (results_of(layer, maps, "mixed_bfloat16") for layer in (ours, usual))
        for value, rounded, right in zip(found, expected, exact, strict=True):
            error, usual_error = (np.sqrt(np.mean((given - right) ** 2)) for given in (value, rounded))
            assert error <= max(1.5 * usual_error, 0.03 * np.sqrt(np.mean(right**2))), (maps.shape, error, usual_error)


class NoteMaps(TorchDispatchMode):
    """Whether the maps that convolutions read lie channels last, by the operation's name."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        if operation in (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default):
            is_backward = operation is torch.ops.aten.convolution_backward.default
            maps = arguments[:2] if is_backward else arguments[:1]
            self.found += [each.is_contiguous(memory_format=torch.channels_last) for each in maps]
        return operation(*arguments, **(named or {}))


def check_memory():
    gan = build_gan(make_settings("avatars-32", {"filters": 4, "batch_size": 4, "precision": "float32"}))
    images = torch.from_numpy(np.random.RandomState(0).randint(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    gan.train_step(images)
    with NoteMaps() as noted:  # a step without a penalty, whose second derivatives exchange maps and kernels
        gan.train_step(images)
    assert len(noted.found) > 20 and all(noted.found), noted.found
    kinds = {Convolution, TransposedConvolution, FusedBatchNormalization}
    assert kinds <= {type(layer) for network in (gan.generator, gan.discriminator) for layer in network.layers}
    assert not kinds & {type(layer) for layer in gan.ema_generator.layers}


if __name__ == "__main__":
    compare_layers()
    check_memory()
