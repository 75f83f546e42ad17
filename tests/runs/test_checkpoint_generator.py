"""The generator inside a checkpoint: the right one, and none from a file that was changed."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.errors import RunError
from dcgan_hub.runs.checkpoint_generator import checkpoint_facts, load_checkpoint_generator
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.training.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("data")
    images = np.random.RandomState(0).randint(0, 256, (40, 16, 16, 3), np.uint8)
    np.save(folder / "noise.npy", images)
    return train(
        folder / "noise.npy", run=folder / "run", quiet=True, preset="avatars-32", image_size=16, filters=4,
        latent_dim=8, batch_size=8, steps=6, report_every=3, sample_every=3, checkpoint_every=3,
        augmentation="none", r1_gamma=0.0,
    )  # fmt: skip


@pytest.fixture
def run(trained: RunDirectory, tmp_path: Path) -> RunDirectory:
    shutil.copytree(trained.path, tmp_path / "run")
    return RunDirectory(tmp_path / "run")


def change_state(run: RunDirectory, step: int, **changed: np.ndarray | None) -> None:
    """Replaces arrays of a checkpoint, or leaves them out, with a checksum that is right."""
    folder = run.checkpoint(step)
    arrays = load_file(folder / "state.safetensors")
    for name, array in changed.items():
        arrays.pop(name) if array is None else arrays.update({name: array})
    save_file(arrays, folder / "state.safetensors")
    facts = json.loads((folder / "checkpoint.json").read_text())
    facts["sha256"] = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
    (folder / "checkpoint.json").write_text(json.dumps(facts))


def test_the_newest_checkpoint_draws_as_the_bundle_and_an_older_one_otherwise(run: RunDirectory) -> None:
    bundle = Generator.from_pretrained(run.path)
    newest, older = load_checkpoint_generator(run.path, 6), load_checkpoint_generator(run.path, 3)
    np.testing.assert_array_equal(newest.generate(range(8)), bundle.generate(range(8)))
    assert not np.array_equal(older.generate(range(8)), bundle.generate(range(8)))
    assert older.name == "run@step-00000003"
    assert older.facts.training["step"] == 3
    assert older.facts.dataset.count == 40


def test_facts_need_no_weights(run: RunDirectory) -> None:
    (run.checkpoint(6) / "state.safetensors").unlink()
    assert checkpoint_facts(run.path, 6).network.image_size == (16, 16)
    with pytest.raises(RunError, match="not a file of a valid size"):
        load_checkpoint_generator(run.path, 6)


@pytest.mark.parametrize("file", ["state.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 5000, b"[" * 100_000])
def test_a_damaged_checkpoint_is_refused(run: RunDirectory, file: str, content: bytes) -> None:
    (run.checkpoint(6) / file).write_bytes(content)
    with pytest.raises(RunError, match="A checkpoint must be intact") as caught:
        load_checkpoint_generator(run.path, 6)
    assert str(run.path) not in str(caught.value)


def test_a_changed_weight_is_found_by_the_checksum(run: RunDirectory) -> None:
    path = run.checkpoint(6) / "state.safetensors"
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="does not match its checksum"):
        load_checkpoint_generator(run.path, 6)


def test_weights_must_be_those_of_the_settings_and_finite(run: RunDirectory) -> None:
    name = "ema_generator/stage_1_enlarge/bias"
    bias = load_file(run.checkpoint(6) / "state.safetensors")[name]
    for changed, words in (
        ({name: bias * np.nan}, "NaN or infinity"),
        ({name: bias.astype(np.float64)}, "not F32"),
        ({name: np.zeros(7, np.float32)}, "of shape"),
        ({name: None}, "not those of its settings"),
        ({name: bias, "ema_generator/more/bias": bias}, "not those of its settings"),
    ):
        change_state(run, 6, **changed)
        with pytest.raises(RunError, match=words):
            load_checkpoint_generator(run.path, 6)
        shutil.copytree(
            run.path.parent / "run" / "checkpoints" / "step-00000003", run.checkpoint(6), dirs_exist_ok=True
        )


def test_nothing_outside_of_the_run_is_read(run: RunDirectory, tmp_path: Path) -> None:
    shutil.move(run.checkpoint(6), tmp_path / "elsewhere")
    run.checkpoint(6).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="leads out of the run"):
        load_checkpoint_generator(run.path, 6)
    with pytest.raises(RunError, match="A checkpoint must be intact"):
        load_checkpoint_generator(run.path, 7)


@pytest.mark.parametrize(
    "network", [None, {}, {"image_size": 16, "filters": 10**9}, {"unknown": 1}, {"image_size": "x"}]
)
def test_settings_that_cannot_be_are_refused(run: RunDirectory, network: object) -> None:
    record = run.read_record()
    record["settings"]["network"] = network
    run.write_record(record)
    with pytest.raises(RunError, match="A checkpoint must be intact"):
        load_checkpoint_generator(run.path, 6)


def test_a_run_directory_is_found_by_a_text_or_a_path(run: RunDirectory) -> None:
    assert RunDirectory(str(run.path)).read_record() == RunDirectory(run.path).read_record()
