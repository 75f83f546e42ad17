"""Seamless generators: their bundle, and that all readers draw the same tiles."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hostile_bundles import change
from hostile_seamless import SEAMLESS_BUNDLE, SEAMLESS_CHANGES, put_seamless_bundle
from jsonschema import Draft202012Validator
from PIL import Image
from varied_networks import lively_generator

from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.keras_files import KERAS_FILES
from dcgan_hub.errors import BundleError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "dcgan_hub" / "bundle" / "dcgan.schema.json").read_text(encoding="utf-8"))
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
    """This package, plain Keras by the snippet of the card, and onnxruntime."""
    generator = lively_generator(**SIZE, **values)
    wanted = generator.generate(range(16))
    saved = generator.save_pretrained(tmp_path / "tiles")
    loaded = Generator.from_pretrained(saved)
    np.testing.assert_array_equal(loaded.generate(range(16)), wanted)
    document = json.loads((saved / "dcgan.json").read_text())
    assert document["format_version"] == 3 and ("class_names" in document) == ("classes" in values)
    assert Draft202012Validator(SCHEMA).is_valid(document)

    card = make_card(loaded.facts, "tester/tiles", [*KERAS_FILES])
    blocks = re.findall(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if '"hf://' in block]
    names: dict[str, np.ndarray] = {}
    exec(block.replace("hf://tester/tiles", str(saved)).replace("seeds-0", str(tmp_path / "seeds-0")), names)
    assert np.abs(names["images"].astype(int) - wanted).max() <= 1
    assert generator.export(tmp_path / "tiles.onnx").is_close


@pytest.mark.parametrize("place, value, reason", SEAMLESS_CHANGES)
def test_reader_and_schema_refuse_damaged_seamless_bundles(tmp_path, place, value, reason):
    put_seamless_bundle(tmp_path)
    schema = Draft202012Validator(SCHEMA)
    assert schema.is_valid(json.loads((tmp_path / "dcgan.json").read_text()))
    change(tmp_path, *place.split("."), value=value)
    content = (tmp_path / "dcgan.json").read_bytes()
    with pytest.raises(BundleError, match=reason):
        BundleFacts.from_json(content)
    is_beyond = place == "network.image_size"  # a schema does not multiply
    assert schema.is_valid(json.loads(content)) == is_beyond
