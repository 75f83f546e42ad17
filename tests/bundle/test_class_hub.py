"""A pushed generator with classes, loaded three ways: by this package, by Keras alone, and as ONNX."""

from typing import TYPE_CHECKING

import keras
import numpy as np
import onnxruntime
import pytest
from varied_networks import lively_generator

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.networks.classes import draw_classes

if TYPE_CHECKING:
    from pathlib import Path

    from local_hub import LocalHub

NAMES = ["T-shirt", "Hose", "ズボン"]
SEEDS = range(16)


@pytest.mark.parametrize("chosen", [None, 2], ids=["by-seed", "chosen"])
def test_three_ways_from_the_hub_draw_the_same_images(chosen: int | None, hub: "LocalHub", tmp_path: "Path") -> None:
    trio = lively_generator(classes=3, class_names=NAMES, generator_normalization="modulated")
    trio.push_to_hub("tester/trio", token=hub.write_token)
    numbers = draw_classes(SEEDS, 3) if chosen is None else np.full(len(SEEDS), chosen, np.int32)
    wanted = trio.generate(SEEDS, classes=chosen)

    loaded = Generator.from_pretrained("tester/trio", token=hub.read_token)
    assert loaded.class_names == tuple(NAMES) and loaded.facts.format_version == 2
    np.testing.assert_array_equal(loaded.generate(SEEDS, classes=chosen), wanted)

    latents = np.stack([np.random.RandomState(seed).standard_normal(8) for seed in SEEDS]).astype(np.float32)
    network = keras.saving.load_model("hf://tester/trio")
    pixels = network.predict([latents, numbers], verbose=0)
    assert np.abs(np.clip(np.rint((pixels + 1) * 127.5), 0, 255) - wanted).max() <= 1

    loaded.export(tmp_path / "trio.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "trio.onnx")
    (images,) = session.run(["images"], {"latents": latents, "classes": numbers})
    difference = np.abs(images.astype(int) - wanted)
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3
