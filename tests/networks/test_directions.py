"""Directions: against other ways of finding them, as points with names, and as a command."""

from pathlib import Path

import keras
import numpy as np
import pytest
from latent_space import Space
from PIL import Image

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.directions import find_directions
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.networks.latent_points import shift, vector
from dcgan_hub.networks.point_syntax import parse_point
from dcgan_hub.settings import NetworkSettings

BUNDLE = Path(__file__).parents[1] / "golden" / "tiny-bundle"
Z = 12


def network(normalization: str, seed: int = 1) -> keras.Model:
    """A generator whose weights and batch statistics are random."""
    settings = NetworkSettings(
        image_size=(20, 16), latent_dim=Z, filters=4, depth=2, generator_normalization=normalization
    )
    built, random = build_generator(settings, "float32"), np.random.RandomState(seed)
    built.set_weights([np.abs(random.standard_normal(weight.shape)) + 0.1 for weight in built.get_weights()])
    return built


def alignment(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.abs(np.sum(ours * theirs, axis=1))


@pytest.mark.parametrize("normalization", ["batch", "modulated", "none"])
def test_sefa_is_the_singular_value_decomposition_of_all_that_reads_the_latents(normalization: str) -> None:
    """The matrices are measured: what each layer gives for a latent, less what it gives for none."""
    model = network(normalization)
    first = "project_normalize" if "project_normalize" in [layer.name for layer in model.layers] else "project"
    names = [first, *(layer.name for layer in model.layers if layer.name.endswith(("_scale", "_shift")))]
    changes = []
    for name in names:
        layer = keras.Model(model.input, model.get_layer(name).output)
        at, zero = (
            np.asarray(layer(latents)) for latents in (np.eye(Z, dtype=np.float32), np.zeros((1, Z), np.float32))
        )
        changes.append((at - zero).reshape(Z, -1))
    changes[0] /= np.sqrt(np.prod(model.get_layer("first_map").output.shape[1:3]))
    vectors, values, _ = np.linalg.svd(np.concatenate(changes, axis=1).astype(np.float64))
    assert len(names) == (3 if normalization == "modulated" else 1) and values[0] > values[1] > values[2]

    found = find_directions(model)
    assert found.dtype == np.float32 and found.shape == (Z, Z)
    np.testing.assert_allclose(alignment(found, vectors.T), 1, atol=1e-3)
    np.testing.assert_allclose(found @ found.T, np.eye(Z), atol=1e-5)
    assert all(row[np.abs(row).argmax()] > 0 for row in found)


def test_pca_finds_the_latents_that_predict_the_principal_components() -> None:
    model = network("batch")
    latents = np.stack([np.random.RandomState(seed).standard_normal(Z) for seed in range(512)])
    first_map = keras.Model(model.input, model.get_layer("project_activate").output)
    features = np.asarray(first_map(latents.astype(np.float32), training=False), np.float64).reshape(512, -1)
    centered = features - features.mean(axis=0)
    _, components = np.linalg.eigh(centered.T @ centered)
    for ours, component in zip(find_directions(model, "pca")[:4], components[:, ::-1].T, strict=False):
        theirs = np.linalg.lstsq((centered @ component)[:, None], latents, rcond=None)[0][0]
        assert alignment(ours[None], theirs[None] / np.linalg.norm(theirs)) == pytest.approx(1, abs=1e-3)


def test_a_shifted_point_is_its_start_and_steps_along_directions() -> None:
    start = np.random.RandomState(42).standard_normal(4)
    point = parse_point("42_1@2.5_2@-0.75")
    np.testing.assert_allclose(point.latent(Space(4)), start + np.array([0, 0, 2.5, -0.75]), rtol=1e-6)
    assert shift(parse_point("42"), {2: -0.75, 1: 2.499}) == shift(point.start, {1: 2.5, 2: -0.75}) == point
    assert shift(parse_point("42"), {1: 0.001}).text == "42"
    assert parse_point("(42_1@2.50)~7@0.5").text == "(42_1@2.5)~7@0.5"
    assert parse_point("(1.2.3)_1@1").text == "(1.2.3)_1@1"
    with pytest.raises(SettingsError, match=r"has 2 directions\. Received: 42_3@1\. Use 1 to 2"):
        parse_point("42_3@1").latent(Space(4))


def test_a_vector_in_full_is_itself_in_steps() -> None:
    latent = np.random.RandomState(5).standard_normal(4)
    point = vector(latent)
    assert parse_point(point.text) == point and parse_point(f"({point.text}.7)~{point.text}@0.5").text
    np.testing.assert_array_equal(point.latent(Space(4)), np.rint(latent * 32) / 32)
    np.testing.assert_array_equal(vector([9, -9, 0, 4]).latent(Space(4)), [3.96875, -4, 0, 3.96875])
    with pytest.raises(SettingsError, match="a point of 4, which belongs to another generator"):
        point.latent(Space(5))
    for wrong in ("z", "z1", "zA", point.text.lower(), point.text[:-1] + "B", f"{point.text}_"):
        with pytest.raises(SettingsError, match="and a point consists of seeds"):
            parse_point(wrong)


@pytest.mark.parametrize(
    "text",
    ["42_", "42_0@1", "42_21@1", "42_1", "42_1@", "42_1@0", "42_1@-0.00", "42_1@10", "42_1@1.234", "42_2@1_1@1",
     "42_1@1_1@2", "42_1@1.5.3", "42_01@1", "1.2_1@1", "42_1@1~7@0.5", "42_1@+1"],
)  # fmt: skip
def test_what_is_no_shift_is_explained(text: str) -> None:
    with pytest.raises(SettingsError, match="and a point consists of seeds"):
        parse_point(text)


def test_a_generator_has_directions_and_a_sheet_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = Generator.from_pretrained(BUNDLE)
    directions = generator.directions(3)
    np.testing.assert_array_equal(directions, find_directions(generator._network)[:3])
    directions[:] = 0
    assert generator.directions(3).any(), "a caller's copy"
    for wrong, message in (({"count": 21}, "1 to 20. Received: 21"), ({"method": ["pca"]}, "sefa or pca")):
        with pytest.raises(SettingsError, match=message):
            generator.directions(**wrong)

    command = ["directions", str(BUNDLE), "--count", "3", "--point", "5", "--out", str(tmp_path / "sheet.png")]
    assert main(command) == 0
    assert "Wrote 3 directions to" in capsys.readouterr().out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.text == {"model": "tiny-bundle", "point": "5", "method": "sefa"}
        size, pixels = sheet.size, np.asarray(sheet)
    height, width, channels = generator.image_shape
    scale = 96 // max(height, width)
    row = size[1] // 3
    latent = generator.latents([5])[0] + 3 * generator.directions(2)[1]
    expected = generator.generate(latents=latent[None])[0].repeat(scale, axis=0).repeat(scale, axis=1)
    shown = pixels[2 + row : 2 + row + height * scale, -2 - width * scale : -2]
    np.testing.assert_array_equal(
        shown, np.broadcast_to(expected, (*expected.shape[:2], 3)) if channels == 1 else expected
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "`count` of directions must be 1 to 20"),
        (["--reach", "nan"], "`--reach` must be above 0"),
        (["--point", "seven"], "A seed is a whole number"),
        (["--out", "sheet.jpg"], "The sheet must be a PNG"),
    ],
)
def test_mistakes_are_said_before_anything_is_loaded(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["directions", "no-such-model", "--out", "sheet.png", *words]) == 2
    assert message in capsys.readouterr().err
