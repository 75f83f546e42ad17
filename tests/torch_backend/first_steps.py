"""Steps of a tiny network on the backend of this process: usage: python first_steps.py WEIGHTS.npz RESULTS.npz.

The weights are those before the first step, by their names in a checkpoint. With plain gradient descent at a learning
rate of 1 the gradients are the differences of the weights. Run by the tests on PyTorch; on TensorFlow they import it.
"""

import sys

import keras
import numpy as np

from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.presets import make_settings
from dcgan_hub.settings import NetworkSettings
from dcgan_hub.training.backends import loop
from dcgan_hub.training.checkpoint import read_state, state_variables
from dcgan_hub.training.dcgan import DCGAN, METRICS
from dcgan_hub.training.distributed.cluster import Layout
from dcgan_hub.training.model import build_gan

SETTINGS = {
    "image_size": (16, 16), "filters": 4, "latent_dim": 7, "batch_size": 6, "precision": "float32", "flip": True,
    "augmentation": "adaptive", "augmentation_strength": 0.5, "augmentation_colour": "yes", "slope_penalty": 1.0,
    "batch_deviation": True, "discriminator_normalization": "spectral", "ema_decay": 0.9,
}  # fmt: skip
IMAGES = np.random.RandomState(0).randint(0, 256, (40, 16, 16, 3), dtype=np.uint8)
STEPS = 200


def make_gan(learning_rate):
    gan = build_gan(make_settings("avatars-32", SETTINGS))
    gan.compile(keras.optimizers.SGD(learning_rate), keras.optimizers.SGD(learning_rate))
    return gan


def steps_with_classes():
    """Metrics and embeddings after two steps of networks with classes, whose weights NumPy draws."""
    network = NetworkSettings(image_size=16, filters=4, latent_dim=6, generator_normalization="modulated", classes=3)
    gan = DCGAN(build_generator(network), build_discriminator(network), r1_every=2, seed=5)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
    random = np.random.RandomState(3)
    for part in (gan.generator, gan.discriminator):
        for weight in part.weights:
            is_variance = "variance" in weight.name
            weight.assign(np.ones(weight.shape) if is_variance else random.normal(0.0, 0.2, weight.shape))
    batch = [keras.ops.convert_to_tensor(array) for array in (IMAGES[:6], np.arange(6, dtype=np.int32) % 3)]
    for _ in range(2):
        logs = gan.train_step(tuple(batch))
    tables = {"generator": "class_embedding", "discriminator": "class_projection"}
    results = {part: getattr(gan, part).get_layer(name).embeddings.numpy() for part, name in tables.items()}
    return {f"classes/{name}": np.asarray(value) for name, value in results.items()} | {
        f"classes/{name}": float(value) for name, value in logs.items()
    }


def first_steps(weights):
    """State and metrics after the first step, and metrics after many; and of networks with classes."""
    gan = make_gan(1.0)
    variables = dict(state_variables(gan))
    for name, value in weights.items():
        variables[name].assign(value)
    batches = iter(loop.gather_group(Layout()).batches(IMAGES, 6, 3, 0))
    several_steps = loop.make_several_steps(gan, METRICS)
    figures = several_steps(batches, np.int32(1))
    results = {f"first/{name}": float(value) for name, value in figures.items()}
    results |= {f"state/{name}": value for name, value in read_state(gan, 1).items()}
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        optimizer.learning_rate = 0.01
    gan.reset_metrics()
    figures = several_steps(batches, np.int32(STEPS - 1))
    assert int(gan.step.numpy()) == STEPS
    results |= {f"last/{name}": float(value) for name, value in figures.items()}
    return results | steps_with_classes()


def tensors_read_by_python():
    """How many tensors besides the step's number Python reads in a step: for each it would wait for a GPU."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    gan = build_gan(make_settings("avatars-32", SETTINGS | {"discriminator_normalization": "none"}))
    read = []

    class NoteReads(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, arguments=(), named=None):
            if operation is torch.ops.aten._local_scalar_dense.default:
                read.append(arguments[0].data_ptr() != gan.step.value.data_ptr())
            return operation(*arguments, **(named or {}))

    with NoteReads():
        gan.train_step(torch.from_numpy(IMAGES[:6]))
    assert read, "the number itself is read"
    return sum(read)


if __name__ == "__main__":
    with np.load(sys.argv[1]) as stored:
        found = first_steps(dict(stored))
    np.savez(sys.argv[2], backend=keras.backend.backend(), tensors_read=tensors_read_by_python(), **found)
