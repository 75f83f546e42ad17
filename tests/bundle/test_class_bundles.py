"""Generators with classes: their bundle, what is chosen, and what is drawn where classes are unknown."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from facts_schema import change_is_refused
from hostile_bundles import replace_bundle
from hostile_classes import CLASS_BUNDLE, CLASS_CHANGES, NAMES
from PIL import Image
from varied_networks import lively_generator

from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.class_names import checked_class_names
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.keras_files import KERAS_FILES
from dcgan_hub.cli import main
from dcgan_hub.demo.tabs.about import describe
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.classes import draw_classes
from dcgan_hub.networks.point_syntax import parse_point

SEEDS = range(12)
# What only the reader refuses.
BEYOND_THE_SCHEMA = ("network.classes 3.0", "network.classes 2", r"\ud800", r"\u202e", "['a', 'b']", "9000")


@pytest.fixture(scope="module")
def trio():
    """A generator with three classes, modulated: classes enter at every stage."""
    return lively_generator(classes=3, class_names=NAMES, generator_normalization="modulated")


@pytest.fixture(scope="module")
def saved(trio, tmp_path_factory):
    return trio.save_pretrained(tmp_path_factory.mktemp("classes") / "trio")


def test_a_bundle_of_format_version_2_still_shows_the_same_images():
    """Written once by `write_golden`, and not again."""
    sheet = np.asarray(Image.open(CLASS_BUNDLE.parent / "tiny-class-bundle-images.png")).astype(int)
    generator = Generator.from_pretrained(CLASS_BUNDLE)
    images = np.concatenate([generator.generate([0, 42]), generator.generate([0, 42], classes="coat")])
    np.testing.assert_allclose(images.reshape(-1, 24, 3), sheet, atol=1)  # another processor may round otherwise
    assert generator.class_names == tuple(NAMES) and generator.facts.format_version == 2


def write_golden() -> None:
    generator = lively_generator(classes=3, class_names=NAMES, latent_dim=4, filters=2, max_filters=4)
    generator.save_pretrained(CLASS_BUNDLE)
    for path in CLASS_BUNDLE.iterdir():
        if path.name not in ("dcgan.json", "model.safetensors"):
            path.unlink()
    images = np.concatenate([generator.generate([0, 42]), generator.generate([0, 42], classes="coat")])
    Image.fromarray(images.reshape(-1, 24, 3)).save(CLASS_BUNDLE.parent / "tiny-class-bundle-images.png")


def test_three_readers_draw_the_same_images(trio, saved, tmp_path):
    """This package, plain Keras by the snippet of the card, and onnxruntime."""
    wanted = trio.generate(range(16))
    loaded = Generator.from_pretrained(saved)
    np.testing.assert_array_equal(loaded.generate(range(16)), wanted)
    for name in ("model.safetensors", "dcgan.json", "samples.png"):
        assert (loaded.save_pretrained(tmp_path / "again") / name).read_bytes() == (saved / name).read_bytes(), name

    card = make_card(loaded.facts, "tester/trio", [*KERAS_FILES, "samples.png"])
    blocks = re.findall(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if '"hf://' in block]
    names: dict[str, np.ndarray] = {}
    exec(block.replace("hf://tester/trio", str(saved)).replace("seeds-0", str(tmp_path / "seeds-0")), names)  # our text
    assert np.abs(names["images"].astype(int) - wanted).max() <= 1
    (block,) = [block for block in blocks if "classes=0" in block]
    assert "It has 3 classes: T-shirt, trouser, coat. Each seed draws one" in card and "unconditional:" not in card
    exec(block.replace("tester/trio", str(saved)), names)
    np.testing.assert_array_equal(names["images"], trio.generate(range(16), classes="T-shirt"))

    assert trio.export(tmp_path / "trio.onnx").is_close
    half = Generator.from_pretrained(trio.save_pretrained(tmp_path / "half", half_precision=True))
    assert np.abs(half.generate(SEEDS).astype(int) - wanted[:12]).mean() < 2
    assert describe(loaded.facts)["classes"] == "3: T-shirt, trouser, coat"


def test_plain_keras_computes_what_a_class_adds(trio):
    """The embedding of the class is read by the first layer and by all that modulate."""
    latents, classes = trio.latents(SEEDS), draw_classes(SEEDS, 3)
    pixels = trio._network.predict_on_batch([latents, classes])
    images = np.clip(np.rint((pixels + 1) * 127.5), 0, 255)
    assert np.abs(images - trio.generate(SEEDS)).max() <= 1
    assert not np.array_equal(trio.generate([5], classes=0), trio.generate([5], classes=1))
    readers = [layer for layer in trio._network.layers if isinstance(layer, keras.layers.Dense)]
    assert len(readers) > 2 and {layer.kernel.shape[0] for layer in readers} == {trio.settings.conditioned_dim}


def test_classes_are_those_of_the_seeds_or_those_that_are_chosen(trio):
    by_seed = trio.generate(SEEDS)
    drawn = [int(number) for number in draw_classes(SEEDS, 3)]
    np.testing.assert_array_equal(trio.generate(SEEDS, classes=drawn), by_seed)
    np.testing.assert_array_equal(trio.generate(latents=trio.latents(SEEDS), classes=drawn), by_seed)
    np.testing.assert_array_equal(trio.generate(iter(SEEDS), classes="coat"), trio.generate(SEEDS, classes=[2] * 12))
    np.testing.assert_array_equal(
        trio.generate([4], classes=["coat"], truncation=0.5),
        trio.generate(latents=trio.latents([4]) * np.float32(0.5), classes=2),
    )
    many = np.concatenate(list(trio.generate_in_chunks(range(70), classes=[n % 3 for n in range(70)])))
    np.testing.assert_array_equal(many[69], trio.generate([69], classes=0)[0])


def test_between_two_classes_their_embeddings_are_interpolated(trio):
    frames = trio.interpolate([1, 2], 5, classes=["T-shirt", "coat"])
    np.testing.assert_array_equal(frames[[0, 4]], trio.generate([1, 2], classes=[0, 2]))
    walk = trio.walk([7, 7], 3, classes=["T-shirt", "coat"])
    ends = trio.conditioned(trio.latents([7, 7]), [0, 2])
    np.testing.assert_allclose(walk[1], ends.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(trio.interpolate([1, 2], 2), trio.generate([1, 2]))
    np.testing.assert_array_equal(
        trio.generate(latents=trio.point_latents([parse_point("1"), parse_point("1~2@0")])), trio.generate([1, 1])
    )


def test_a_point_that_names_classes_is_drawn_between_them(trio):
    points = [parse_point(text) for text in ("1c2", "1c0~2c2@0.5", "1c0.2c2", "1c0~2@0.9", "1c2_1@2")]
    conditioned, ends = trio.point_latents(points), trio.conditioned(trio.latents([0, 0]), [0, 2])[:, 8:]
    np.testing.assert_array_equal(trio.generate(latents=conditioned[:1]), trio.generate([1], classes=2))
    np.testing.assert_array_equal(conditioned[1], trio.walk([1, 2], 3, classes=[0, 2])[1])
    np.testing.assert_allclose(conditioned[1:3, 8:], [ends.mean(axis=0)] * 2, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(conditioned[3:, 8:], ends)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda g: g.generate([1], classes="trousers"), "Did you mean 'trouser'"),
        (lambda g: g.generate([1, 2], classes=3), "must be 0 to 2. Received: 3"),
        (lambda g: g.generate([1, 2], classes=[0]), "Received: 1 for 2 images"),
        (lambda g: g.generate([1], classes=[0, 1]), "Received: 2 for 1 image."),
        (lambda g: g.interpolate([1, 2], 4, classes=[0]), "Received: 1 for 2 images"),
        (lambda g: g.generate(latents=g.latents([1])), "needs `classes` beside latents"),
        (lambda g: g.generate(latents=np.zeros((1, 7))), "shape (N, 40)"),
        (lambda g: g.find(Image.new("RGB", (24, 18)), classes="trousers"), "Did you mean 'trouser'"),
        (lambda g: g.find(Image.new("RGB", (24, 18)), classes=[0, 3]), "must be 0 to 2. Received: 3"),
        (lambda g: g.find(Image.new("RGB", (24, 18)), classes=[]), "must name a class to look in. Received: none"),
        (lambda g: lively_generator().find(Image.new("RGB", (24, 18)), classes=0), "Received: 0 for one without"),
        (lambda g: g.generate(latents=g.point_latents([parse_point("1c3")])), "must be 0 to 2. Received: 3 in 1c3"),
        (lambda g: lively_generator().point_latents([parse_point("1c0")]), "Received: 1c0 for one without. Try 1."),
        (lambda g: lively_generator().generate([1], classes=0), "Received: 0 for one without"),
        (lambda g: Generator(g.settings, g._network), "as many names as `network.classes`, 3. Received: 0"),
    ],
)
def test_what_cannot_be_is_one_sentence(trio, call, words):
    with pytest.raises(DcganHubError) as refusal:
        call(trio)
    assert words in str(refusal.value) and "Received: " in str(refusal.value)


def test_commands_draw_the_classes_that_are_asked_for(trio, saved, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["sample", str(saved), "--seeds", "1,2", "--classes", "coat,0", "--out", "out", "--sheet", "sheet.png"]
    assert main(words) == 0 and main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == "Wrote 4 images to out and a sheet of 4 to sheet.png.\n" and "overwrite" in printed.err
    with Image.open("out/seed-0000000002-class-002.png") as image:
        assert image.text["class"] == "coat"
        np.testing.assert_array_equal(np.asarray(image), trio.generate([2], classes="coat")[0])
    assert len(list(Path("out").iterdir())) == 4
    assert main(["interpolate", str(saved), "--seeds", "1,2", "--classes", "coat", "--frames", "3", "--out", "w"]) == 0
    with Image.open(sorted(Path("w").iterdir())[-1]) as image:
        np.testing.assert_array_equal(np.asarray(image), trio.generate([2], classes="coat")[0])
    assert main(["directions", str(saved), "--count", "2", "--method", "pca", "--out", "directions.png"]) == 0
    assert main(["sample", str(saved), "--seeds", "1", "--classes", "hat", "--out", "new"]) == 2
    assert "Received: 'hat'. Did you mean" in capsys.readouterr().err


@pytest.mark.parametrize("place, value, reason", CLASS_CHANGES)
def test_reader_and_schema_refuse_damaged_classes(tmp_path, place, value, reason):
    replace_bundle(tmp_path, CLASS_BUNDLE)
    is_beyond = any(part in f"{place} {value!a}" for part in BEYOND_THE_SCHEMA)
    assert change_is_refused(tmp_path, place, value, reason) != is_beyond


def test_class_names_may_be_of_any_script():
    names = ("Hemd", "ズボン", "<b>x</b>", "a/b", "🧥", "'; DROP")
    assert checked_class_names(list(names), 6) == names
    with pytest.raises(SettingsError):
        lively_generator(classes=1)
