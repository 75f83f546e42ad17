"""Seamless generators: their bundle, and that all readers draw the same tiles."""

import numpy as np
import pytest
from facts_schema import change_is_refused
from hostile_bundles import replace_bundle
from hostile_seamless import SEAMLESS_BUNDLE, SEAMLESS_CHANGES
from PIL import Image
from three_readers import assert_readers_agree
from varied_networks import lively_generator

from dcgan_hub.bundle.generator import Generator

IMAGES = SEAMLESS_BUNDLE.parent / "tiny-seamless-bundle-images.png"
SIZE = {"image_size": (16, 24), "seamless": True}


def test_a_bundle_of_format_version_3_still_shows_the_same_images():
    """Written once by `write_golden`, and not again."""
    generator = Generator.from_pretrained(SEAMLESS_BUNDLE)
    images = generator.generate([0, 42]).reshape(-1, 24, 3)
    np.testing.assert_allclose(images, np.asarray(Image.open(IMAGES)).astype(int), atol=1)
    assert generator.settings.seamless and generator.facts.format_version == 3


def write_golden() -> None:
    generator = lively_generator(**SIZE, depth=2, latent_dim=4, filters=2, max_filters=4)
    generator.save_pretrained(SEAMLESS_BUNDLE)
    for path in SEAMLESS_BUNDLE.iterdir():
        if path.name not in ("dcgan.json", "model.safetensors"):
            path.unlink()
    Image.fromarray(generator.generate([0, 42]).reshape(-1, 24, 3)).save(IMAGES)


@pytest.mark.parametrize(
    "values", [{"kernel_size": 5}, {"upsampling": "resize", "classes": 2, "class_names": ["a", "b"]}], ids=str
)
def test_three_readers_draw_the_same_images(values, tmp_path):
    document, _ = assert_readers_agree(lively_generator(**SIZE, **values), tmp_path)
    assert document["format_version"] == 3 and ("class_names" in document) == ("classes" in values)


@pytest.mark.parametrize("place, value, reason", SEAMLESS_CHANGES)
def test_reader_and_schema_refuse_damaged_seamless_bundles(tmp_path, place, value, reason):
    replace_bundle(tmp_path, SEAMLESS_BUNDLE)
    is_beyond = place == "network.image_size"  # a schema does not multiply
    assert change_is_refused(tmp_path, place, value, reason) != is_beyond
