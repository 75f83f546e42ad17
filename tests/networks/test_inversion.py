"""Inversion: images that the generator drew are found again, and what a user gives as an image is used or explained."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.search import Found
from dcgan_hub.cli import main
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.targets import target_pixels
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.networks.inversion import nearest_seeds
from dcgan_hub.networks.point_syntax import parse_point
from dcgan_hub.settings import NetworkSettings

BUNDLE = Path(__file__).parents[1] / "golden" / "tiny-bundle"
SHAPE = (18, 24, 3)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.from_pretrained(BUNDLE)


def test_an_image_of_the_generator_is_found_again_and_the_generator_stays_as_it_is(generator: Generator) -> None:
    target = generator.generate(seeds=[987_654])[0]
    before = [weight.copy() for weight in generator._network.get_weights()]
    counted: list[int] = []
    found = generator.find(target, steps=120, on_step=counted.append)
    assert isinstance(found, Found) and counted == list(range(1, 121))
    np.testing.assert_array_equal(found.target, target)
    np.testing.assert_array_equal(generator.generate(latents=found.latents[None])[0], found.image)
    assert found.distance == pytest.approx(np.abs(found.image / 255 - target / 255).mean(), abs=1e-6)
    nearest = np.abs(generator.generate(seeds=range(512)) / 255 - target / 255).mean(axis=(1, 2, 3)).min()
    assert found.distance < 0.02 < nearest, "far nearer than any of the images it starts from"
    for weight, kept in zip(generator._network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    assert generator._network.trainable


@pytest.fixture(scope="module")
def conditional() -> Generator:
    """Three classes, as tame as an untrained generator can be."""
    settings = NetworkSettings(image_size=(16, 16), channels=3, latent_dim=4, filters=2, classes=3)
    network = build_generator(settings)
    random = np.random.RandomState(1)
    for weight in network.trainable_weights:
        weight.assign(random.normal(0.0, 0.5, weight.shape))
    return Generator(settings, network, class_names=["<b>hat</b>", "coat", "7"])


def test_with_classes_the_class_is_found_too_or_the_one_that_is_named(conditional: Generator) -> None:
    target = conditional.generate(seeds=[987_654], classes="coat")[0]
    found = conditional.find(target, steps=120)
    assert found.distance < 0.02 and found.class_name == conditional.class_names[found.class_number]
    again = conditional.generate(latents=found.latents[None], classes=found.class_name)
    np.testing.assert_array_equal(again[0], found.image)
    within = conditional.find(target, steps=120, classes="coat")
    assert within.distance < 0.02 and (within.class_name, within.class_number) == ("coat", 1)
    assert within.point is not None and within.point.text.endswith("c1")
    rounded = conditional.generate(latents=conditional.point_latents([within.point]))[0].astype(int)
    assert np.abs(rounded - within.image).mean() < 3
    assert conditional.find(target, steps=3, classes=["7", 0]).class_number in (0, 2)


def test_the_command_names_the_class(
    conditional: Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conditional.save_pretrained(tmp_path / "bundle")
    Image.fromarray(conditional.generate([5], classes=0)[0]).save(tmp_path / "own.png")
    words = ["find", str(tmp_path / "bundle"), str(tmp_path / "own.png"), "--steps", "3", "--out"]
    assert main([*words, str(tmp_path / "found.png"), "--classes", "7"]) == 0
    assert "The nearest image is of the class 7." in capsys.readouterr().out
    with Image.open(tmp_path / "found.png") as sheet:
        assert sheet.text["class"] == "7" and sheet.text["point"].endswith("c2")
    assert main([*words, str(tmp_path / "none.png"), "--classes", "cot"]) == 2
    assert "Received: 'cot'. Did you mean 'coat'?" in capsys.readouterr().err
    assert main(["find", str(BUNDLE), *words[2:], str(tmp_path / "none.png"), "--classes", "0"]) == 2
    assert "for one without. Leave it out." in capsys.readouterr().err


def test_starts_are_the_seeds_whose_small_images_are_nearest() -> None:
    random = np.random.RandomState(0)
    images = random.uniform(-1, 1, (20, 9, 10, 1)).astype(np.float32)

    def small(image: np.ndarray) -> np.ndarray:
        return np.array([[image[y : y + 4, x : x + 4].mean() for x in (0, 4)] for y in (0, 4)])

    distances = [np.square(small(image) - small(images[7])).mean() for image in images]
    found = nearest_seeds(images[7], (images[start : start + 6] for start in range(0, 20, 6)), 5)
    assert found[0] == 7 and list(found) == list(np.argsort(distances)[:5])


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    """Files as users have them, all with a red middle and blue sides."""
    wide = np.zeros((60, 200, 3), np.uint8)
    wide[:, :, 2] = 255
    wide[:, 50:150] = (255, 0, 0)
    picture = Image.fromarray(wide)
    paths = {
        name: tmp_path / name for name in ("plain.png", "cmyk.jpg", "moving.gif", "turned.jpg", "text.jpg", "dot.png")
    }
    picture.save(paths["plain.png"])
    picture.convert("CMYK").save(paths["cmyk.jpg"], quality=95)
    picture.save(paths["moving.gif"], save_all=True, append_images=[picture.convert("L").convert("RGB")])
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(paths["turned.jpg"], exif=exif, quality=95)
    paths["text.jpg"].write_text("not an image")
    Image.new("RGB", (1, 1)).save(paths["dot.png"])
    return paths


@pytest.mark.parametrize("name", ["plain.png", "cmyk.jpg", "moving.gif", "turned.jpg"])
def test_the_middle_of_any_image_is_taken_upright(name: str, images: dict[str, Path]) -> None:
    pixels = target_pixels(images[name], SHAPE).astype(int)
    assert pixels.shape == SHAPE and np.abs(pixels - (255, 0, 0)).max() < 30
    with Image.open(images["plain.png"]) as picture:
        np.testing.assert_array_equal(target_pixels(picture, SHAPE), target_pixels(np.asarray(picture), SHAPE))
    assert target_pixels(images[name], (16, 16, 1)).shape == (16, 16, 1)
    assert (target_pixels(images[name], (16, 16, 4))[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("no-such-file.png", "The image must be a file. Received: no-such-file.png"),
        (np.zeros((20, 20, 3)), r"uint8 \(H, W, C\) with C 1, 3 or 4. Received: float64"),
        (np.zeros((20, 20, 2), np.uint8), r"Received: uint8 \(20, 20, 2\)"),
        (42, "a path, a Pillow image or a uint8 array. Received: 42"),
        (Image.new("1", (7, 300)), "at least 8 x 8 pixels. Received: 7 x 300"),
    ],
)
def test_what_is_no_image_is_explained(image: Any, message: str, generator: Generator) -> None:
    with pytest.raises(SettingsError, match=message):
        generator.find(image)


def test_wrong_numbers_are_explained(generator: Generator) -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(SettingsError, match="`steps` must be 1 to 10,000"):
        generator.find(image, steps=0)
    with pytest.raises(SettingsError, match="`seed` of a search must be at most 4294966784"):
        generator.find(image, seed=2**32 - 5)
    with pytest.raises(SettingsError, match="A seed must be a whole number"):
        generator.find(image, seed="first")


def test_a_command_writes_both_images_and_names_the_point(
    images: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], generator: Generator
) -> None:
    out = tmp_path / "found.png"
    for name, message in (("text.jpg", "The image must be one that can be opened"), ("dot.png", "Received: 1 x 1")):
        assert main(["find", "no-such-model", str(images[name]), "--out", str(out)]) == 2
        assert message in capsys.readouterr().err
    assert main(["find", "no-such-model", str(images["plain.png"]), "--steps", "0", "--out", str(out)]) == 2
    assert "`steps` must be 1 to 10,000" in capsys.readouterr().err
    assert main(["find", str(BUNDLE), str(images["plain.png"]), "--steps", "5", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    with Image.open(out) as sheet:
        assert sheet.text["point"] in printed
        said = float(re.search(r"differ by ([0-9.]+)%", printed)[1]) / 100
        assert said == pytest.approx(float(sheet.text["distance"]), abs=0.001)
        point = parse_point(sheet.text["point"])
        shown = np.asarray(sheet)[2:74:4, 102:198:4]  # the right one, each pixel enlarged four times
    again = generator.generate(latents=point.latent(generator)[None])[0].astype(int)
    assert np.abs(shown - again).mean() < 3, "the point is the image, but for rounding"
