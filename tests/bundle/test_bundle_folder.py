"""Saving and loading: the same images by every reader, and a bundle that can be loaded at every instant."""

import hashlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from dcgan_hub.bundle.folder import WAITING_FILE
from dcgan_hub.bundle.format import BundleFacts, DatasetFacts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.errors import BundleError
from dcgan_hub.images.pixels import to_uint8
from dcgan_hub.networks.generator import build_generator

GOLDEN = Path(__file__).parent.parent / "golden"
SEEDS = range(10)


def test_a_bundle_of_the_first_version_still_shows_the_same_images():
    sheet = np.asarray(Image.open(GOLDEN / "tiny-bundle-images.png")).astype(int)  # four images, one below the other

    generator = Generator.from_pretrained(GOLDEN / "tiny-bundle")

    images = generator.generate([0, 1, 42, 2**32 - 1])
    np.testing.assert_allclose(images.reshape(-1, 24, 3), sheet, atol=1)  # another processor may round otherwise
    assert generator.name == "tiny-bundle"
    assert generator.facts.training["steps"] == 1200
    assert generator.facts.dataset == DatasetFacts(
        name="squares", fingerprint="sha256:0123456789abcdef", count=500, licence="CC0-1.0"
    )


def test_saving_and_loading_changes_nothing(generator, tmp_path):
    generator.save_pretrained(tmp_path / "first")
    loaded = Generator.from_pretrained(tmp_path / "first")
    loaded.save_pretrained(tmp_path / "second")

    np.testing.assert_array_equal(loaded.generate(SEEDS), generator.generate(SEEDS))
    for name in ("model.safetensors", "dcgan.json", "samples.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_a_run_is_opened_by_its_folder_or_by_its_generator(generator, tmp_path):
    generator.save_pretrained(tmp_path / "anime" / "generator")

    for folder in ("anime", "anime/generator"):
        assert Generator.from_pretrained(tmp_path / folder).name == "anime"


def test_every_weight_is_in_the_file_under_the_name_of_its_layer(generator, tmp_path):
    folder = generator.save_pretrained(tmp_path / "bundle")
    stored = safetensors.numpy.load_file(folder / "model.safetensors")

    expected = {
        f"{layer.name}/{weight.name}": weight for layer in generator._network.layers for weight in layer.weights
    }
    assert set(stored) == set(expected)
    assert {"project/kernel", "project_normalize/moving_mean", "stage_1_enlarge/bias"} <= set(stored)
    for name, weight in expected.items():
        assert stored[name].dtype == np.float32
        np.testing.assert_array_equal(stored[name], weight.numpy())


def test_names_stay_the_same_in_a_second_network_and_in_another_scope(generator, tmp_path):
    with keras.name_scope("elsewhere"):
        network = build_generator(generator.settings)
    network.set_weights(generator._network.get_weights())
    first = generator.save_pretrained(tmp_path / "first")
    second = Generator(generator.settings, network).save_pretrained(tmp_path / "second")

    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()


def test_plain_keras_draws_the_same_images(generator, tmp_path):
    folder = generator.save_pretrained(tmp_path / "bundle")

    network = keras.saving.load_model(folder)
    network.jit_compile = False

    np.testing.assert_array_equal(
        to_uint8(network.predict_on_batch(generator.latents(range(8)))), generator.generate(range(8))
    )


def test_the_samples_are_the_first_64_seeds(generator, tmp_path):
    folder = generator.save_pretrained(tmp_path / "bundle")

    with Image.open(folder / "samples.png") as sheet:
        assert sheet.text["seeds"] == "0-63"
        assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() in sheet.text["weights"]
        pixels = np.asarray(sheet)
    row, column = 5, 3
    top, left = 2 + row * (18 + 2), 2 + column * (24 + 2)
    np.testing.assert_array_equal(pixels[top : top + 18, left : left + 24], generator.generate([row * 8 + column])[0])


def test_half_precision_is_half_as_large_and_nearly_the_same(make_generator, tmp_path):
    generator = make_generator(filters=32, max_filters=64, latent_dim=64)
    folder = generator.save_pretrained(tmp_path / "bundle")
    full_size = (folder / "model.safetensors").stat().st_size
    generator.save_pretrained(folder, half_precision=True)

    loaded = Generator.from_pretrained(folder)

    stored = safetensors.numpy.load_file(folder / "model.safetensors")
    assert {array.dtype for name, array in stored.items() if "kernel" in name} == {np.dtype("float16")}
    assert {array.dtype for name, array in stored.items() if "kernel" not in name} == {np.dtype("float32")}
    assert (folder / "model.safetensors").stat().st_size < 0.55 * full_size
    assert not (folder / "model.weights.h5").exists(), "Keras' files of the full bundle would show other images"
    difference = np.abs(loaded.generate(SEEDS).astype(int) - generator.generate(SEEDS))
    assert 0 < difference.max() <= 8


def test_samples_in_half_precision_are_of_the_generator_just_saved(make_generator, tmp_path):
    """Also where the folder is a run directory, whose own generator comes first for who loads from it."""
    make_generator(seed=1).save_pretrained(tmp_path / "run" / "generator")
    make_generator(seed=2).save_pretrained(tmp_path / "run", half_precision=True)

    make_generator(seed=2).save_pretrained(tmp_path / "alone", half_precision=True)

    with Image.open(tmp_path / "run" / "samples.png") as here, Image.open(tmp_path / "alone" / "samples.png") as there:
        assert here.text == there.text
        np.testing.assert_array_equal(np.asarray(here), np.asarray(there))


def test_facts_come_back_as_they_were_given(generator, tmp_path):
    facts = BundleFacts(
        network=generator.settings,
        training={"steps": 5, "nested": {"list": [1, 2.5, None, True, "ü"]}},
        dataset=DatasetFacts(name="squares", fingerprint="abc", count=3),
        metrics={"fid": 31.5},
    )
    Generator(generator.settings, generator._network, facts).save_pretrained(tmp_path / "bundle")

    loaded = Generator.from_pretrained(tmp_path / "bundle").facts

    assert (loaded.training, loaded.dataset, loaded.metrics) == (facts.training, facts.dataset, facts.metrics)
    assert loaded.versions["keras"] == keras.__version__


def test_other_files_in_the_folder_stay(generator, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    generator.save_pretrained(tmp_path)
    generator.save_pretrained(tmp_path)

    assert (tmp_path / "README.md").read_text() == "mine"
    keras_files = {"config.json", "metadata.json", "model.weights.h5"}
    assert {path.name for path in tmp_path.iterdir()} == keras_files | {
        "README.md",
        "dcgan.json",
        "model.safetensors",
        "samples.png",
    }


class Killed(BaseException):
    """Stands for the end of the process: nothing handles it."""


def kill_at_rename(monkeypatch: pytest.MonkeyPatch, survived: int) -> None:
    """Lets `survived` renames happen and ends the process before the next."""
    rename, count = Path.replace, iter(range(1000))

    def deadly_rename(self, target):
        if next(count) >= survived:
            raise Killed
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", deadly_rename)


def save_until_killed(generator: Generator, folder: Path, survived: int) -> bool:
    with pytest.MonkeyPatch.context() as monkeypatch:
        kill_at_rename(monkeypatch, survived)
        try:
            generator.save_pretrained(folder)
        except Killed:
            return True
        return False


def test_a_save_killed_at_any_instant_leaves_the_old_or_the_new_bundle(make_generator, tmp_path):
    """Old and new differ in shape too, so facts of one and weights of the other would not load."""
    old, new, newest = make_generator(1), make_generator(2, channels=1), make_generator(3)
    shown = {generator.generate(SEEDS).tobytes(): name for generator, name in ((old, "old"), (new, "new"))}
    old.save_pretrained(tmp_path / "old")
    states = []
    for survived in range(20):
        folder = Path(shutil.copytree(tmp_path / "old", tmp_path / f"bundle-{survived}"))
        killed = save_until_killed(new, folder, survived)
        states.append(shown[Generator.from_pretrained(folder).generate(SEEDS).tobytes()])
        if not killed:
            break
        # A second save, killed in its turn, must not take away weights that still wait for their name.
        for again in range(3):
            assert save_until_killed(newest, folder, again)
            Generator.from_pretrained(folder)
        newest.save_pretrained(folder)
        np.testing.assert_array_equal(Generator.from_pretrained(folder).generate(SEEDS), newest.generate(SEEDS))
        assert not (folder / WAITING_FILE).exists()

    assert states[0] == "old" and states[-1] == "new" and len(states) >= 4
    assert states == sorted(states, reverse=True), "the bundle changes once"


@pytest.mark.parametrize(
    "right_file, other_file", [("model.safetensors", WAITING_FILE), (WAITING_FILE, "model.safetensors")]
)
def test_a_much_larger_bundle_that_comes_or_goes_does_not_disturb_readers(golden_bundle, right_file, other_file):
    expected = Generator.from_pretrained(golden_bundle).generate([1])
    (golden_bundle / "model.safetensors").rename(golden_bundle / right_file)
    (golden_bundle / other_file).write_bytes(b"\0" * 3_000_000)

    np.testing.assert_array_equal(Generator.from_pretrained(golden_bundle).generate([1]), expected)


@pytest.mark.parametrize("name", ["dcgan.json", "model.safetensors", WAITING_FILE])
def test_saving_into_a_foreign_folder_writes_through_no_link(generator, golden_bundle, tmp_path, name):
    treasure = tmp_path / "treasure"
    treasure.write_bytes(b"kept")
    (golden_bundle / name).unlink(missing_ok=True)
    (golden_bundle / name).symlink_to(treasure)

    generator.save_pretrained(golden_bundle)

    assert treasure.read_bytes() == b"kept"
    assert not (golden_bundle / "model.safetensors").is_symlink()
    np.testing.assert_array_equal(Generator.from_pretrained(golden_bundle).generate([1]), generator.generate([1]))


def test_weights_of_another_bundle_are_refused(golden_bundle, generator, tmp_path):
    generator.save_pretrained(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", golden_bundle)

    with pytest.raises(BundleError, match=r"model\.safetensors must have the SHA-256.*Received: .*Fetch"):
        Generator.from_pretrained(golden_bundle)


def test_a_generator_that_is_not_finite_is_not_saved(make_generator, tmp_path):
    generator = make_generator()
    generator._network.variables[0].assign(np.full(generator._network.variables[0].shape, np.nan))

    with pytest.raises(BundleError, match=r"Weights must be finite.*project/kernel"):
        generator.save_pretrained(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    "name, received",
    [
        ("missing", "'missing', which does not exist"),
        ("missing\0name", "'missing.name', which does not exist"),
        ("empty", "the folder empty, without dcgan.json; it holds nothing"),
        ("young-run", "the run young-run, which has saved no generator yet"),
        ("file.txt", "the file file.txt"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_is_no_generator_is_explained(tmp_path, monkeypatch, name, received):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("young-run").mkdir()
    Path("young-run/run.json").write_text(json.dumps({}))
    Path("file.txt").write_text("")

    with pytest.raises(BundleError, match=f"Received: .*{received}"):
        Generator.from_pretrained(name)
