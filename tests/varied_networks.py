"""Generators of every kind that settings allow, with weights as lively as trained ones, and their bundles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SEEDS = range(3)
# Sizes that are no multiple of the stride are cropped; kernels may be as small as the stride, odd, or larger.
VARIED = [
    {"image_size": (28, 28), "channels": 1, "generator_normalization": "modulated", "filters": 12},
    {"image_size": (96, 64), "channels": 3, "filters": 8},
    {"image_size": (150, 150), "channels": 4, "filters": 4},
    {"image_size": (64, 64), "channels": 3, "generator_normalization": "none", "filters": 6},
    {"image_size": (28, 28), "channels": 3, "upsampling": "resize", "filters": 6},
    {"image_size": (96, 64), "channels": 1, "generator_normalization": "modulated", "upsampling": "resize"},
    {"image_size": (150, 150), "generator_normalization": "none", "upsampling": "resize", "kernel_size": 5},
    {"image_size": (64, 64), "channels": 4, "generator_normalization": "modulated", "increment": 3, "max_filters": 13},
    {"image_size": (45, 31), "channels": 3, "stride": 3, "kernel_size": 5, "upsampling": "resize"},
    {"image_size": (45, 31), "channels": 3, "stride": 3, "kernel_size": 6},
    {"image_size": (64, 64), "channels": 3, "stride": 4, "kernel_size": 7, "generator_normalization": "modulated"},
    {"image_size": (17, 30), "channels": 1, "kernel_size": 2, "depth": 1, "upsampling": "resize"},
    {"image_size": (28, 28), "channels": 1, "classes": 3},
    {"image_size": (28, 28), "channels": 3, "classes": 1000, "generator_normalization": "modulated"},
    {"image_size": (32, 48), "channels": 3, "seamless": True},
    {"image_size": (32, 32), "channels": 1, "seamless": True, "upsampling": "resize", "kernel_size": 5, "classes": 3},
    {"image_size": (64, 32), "channels": 4, "seamless": True, "stride": 4, "kernel_size": 11, "depth": 2},
    {"image_size": (54, 27), "channels": 3, "seamless": True, "stride": 3, "kernel_size": 6, "upsampling": "resize"},
    {"image_size": (45, 64), "channels": 3, "palette_size": 7, "generator_normalization": "modulated"},
    {"image_size": (32, 32), "channels": 1, "palette_size": 2, "classes": 3, "seamless": True, "upsampling": "resize"},
    {"image_size": (28, 28), "channels": 4, "palette_size": 12, "generator_normalization": "none"},
]  # fmt: skip
SMALL = {"latent_dim": 9, "filters": 5, "max_filters": 24}


@dataclass(frozen=True)
class VariedBundle:
    """A bundle, and what Python draws with it: uint8 (3, H, W, C) of SEEDS."""

    folder: Path
    images: np.ndarray


def lively_generator(seed=0, class_names=(), **settings):
    """A generator whose pixels use the whole range, as those of a fresh one do not."""
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.networks.generator import build_generator
    from dcgan_hub.settings import NetworkSettings

    chosen = {"image_size": (18, 24), "channels": 3, "latent_dim": 8, "filters": 6, "max_filters": 12} | settings
    network_settings = NetworkSettings(**chosen)
    network = build_generator(network_settings)
    random = np.random.default_rng(seed)
    for variable in network.variables:
        if variable.name == "moving_variance":
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        elif variable.name == "kernel":
            inputs = variable.shape[0] if len(variable.shape) == 2 else variable.shape[0] ** 2 * max(variable.shape[2:])
            variable.assign(random.normal(0.0, 2.5 / np.sqrt(inputs), variable.shape))
        elif variable.name == "embeddings":
            variable.assign(random.normal(0.0, 1.0, variable.shape))
    return Generator(network_settings, network, class_names=class_names)


def write_lively_bundle(generator, folder, half_precision):
    """Writes only the two files of a bundle. Returns `folder`."""
    from dcgan_hub.bundle.folder import sha256_of, write_bundle
    from dcgan_hub.bundle.format import BundleFacts, WeightFacts
    from dcgan_hub.bundle.weights import encode_weights

    if half_precision:
        for variable in generator._network.variables:
            if variable.name in ("kernel", "embeddings"):
                variable.assign(variable.numpy().astype(np.float16))
    weights = encode_weights(generator._network, half_precision)
    stored = WeightFacts(dtype="F16" if half_precision else "F32", sha256=sha256_of(weights))
    facts = BundleFacts(network=generator.settings, weights=stored, class_names=generator.class_names)
    write_bundle(folder, facts, weights)
    return folder


@pytest.fixture(scope="session")
def varied_bundles(tmp_path_factory) -> list[VariedBundle]:
    """One bundle of each kind, every other one in half precision."""
    from dcgan_hub.images.pixels import to_uint8
    from dcgan_hub.networks.classes import draw_classes

    folder, bundles = tmp_path_factory.mktemp("varied"), []
    for number, settings in enumerate(VARIED):
        names = [f"class {number}" for number in range(settings.get("classes", 0))]
        generator = lively_generator(number, class_names=names, **(SMALL | settings))
        write_lively_bundle(generator, folder / str(number), half_precision=number % 2 == 0)
        inputs = [generator.latents(SEEDS), *([draw_classes(SEEDS, len(names))] if names else [])]
        pixels = generator._network(inputs if names else inputs[0], training=False)  # without a graph, to save seconds
        bundles.append(VariedBundle(folder / str(number), to_uint8(np.asarray(pixels))))
    return bundles
