"""Generators with a palette: their bundle, and that all readers draw the same images."""

import numpy as np
import pytest
from facts_schema import change_is_refused
from hostile_bundles import replace_bundle
from hostile_palette import PALETTE_BUNDLE, PALETTE_CHANGES
from PIL import Image
from three_readers import assert_readers_agree
from varied_networks import lively_generator

from dcgan_hub.bundle.generator import Generator

IMAGES = PALETTE_BUNDLE.parent / "tiny-palette-bundle-images.png"


def test_a_bundle_of_format_version_4_still_shows_the_same_images():
    """Written once by `write_golden`, and not again."""
    generator = Generator.from_pretrained(PALETTE_BUNDLE)
    images = generator.generate([0, 42]).reshape(-1, 24, 3)
    np.testing.assert_allclose(images, np.asarray(Image.open(IMAGES)).astype(int), atol=1)
    assert generator.settings.palette_size == 5 and generator.facts.format_version == 4


def write_golden() -> None:
    small = {"image_size": (16, 24), "depth": 2, "latent_dim": 4, "filters": 2, "max_filters": 4}
    generator = lively_generator(**small, palette_size=5)
    generator.save_pretrained(PALETTE_BUNDLE)
    for path in PALETTE_BUNDLE.iterdir():
        if path.name not in ("dcgan.json", "model.safetensors"):
            path.unlink()
    Image.fromarray(generator.generate([0, 42]).reshape(-1, 24, 3)).save(IMAGES)


@pytest.mark.parametrize(
    "values",
    [{"palette_size": 5}, {"palette_size": 3, "seamless": True, "image_size": (16, 24)},
     {"palette_size": 2, "classes": 2, "class_names": ["a", "b"]}],
    ids=str,
)  # fmt: skip
def test_three_readers_draw_the_same_mixtures_of_colors(values, tmp_path):
    document, card = assert_readers_agree(lively_generator(**values), tmp_path)
    assert document["format_version"] == 4 and ("class_names" in document) == ("classes" in values)
    assert ("seamless" in document["network"]) == ("seamless" in values)
    assert f"from a palette of {values['palette_size']} colors" in card


@pytest.mark.parametrize("place, value, reason", PALETTE_CHANGES)
def test_reader_and_schema_refuse_damaged_bundles_with_a_palette(tmp_path, place, value, reason):
    replace_bundle(tmp_path, PALETTE_BUNDLE)
    assert change_is_refused(tmp_path, place, value, reason)
