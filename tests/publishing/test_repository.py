"""What of a bundle and a run goes into the repository of a model, and what stays at home."""

import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_hub import Generator, train
from dcgan_hub.bundle.card import is_unedited_card
from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.publication import is_own
from dcgan_hub.errors import BundleError, RunError, SettingsError
from dcgan_hub.publishing.repository import chosen_steps, lay_out
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import Settings

REPO_ID = "tester/squares"
PRIVATE_FOLDER = "of-aunt-emma"
PRIVATE_FILE = "broken-holiday-picture"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 10 steps on images in a folder whose name is nobody's business; some of them are broken."""
    data = tmp_path_factory.mktemp("data") / PRIVATE_FOLDER / "squares"
    data.mkdir(parents=True)
    random = np.random.RandomState(0)
    for number in range(12):
        Image.fromarray(random.randint(0, 256, (16, 16, 3), np.uint8)).save(data / f"{number}.png")
    (data / f"{PRIVATE_FILE}.jpg").write_bytes(b"\xff\xd8\xff no picture at all")
    run = train(
        data, run=tmp_path_factory.mktemp("runs") / "squares", steps=10, quiet=True, image_size=16, filters=4,
        latent_dim=8, batch_size=4, precision="float32", sample_every=4, checkpoint_every=4, report_every=5,
        augmentation="none", r1_gamma=0.0,
    )  # fmt: skip
    return run.path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> RunDirectory:
    """A copy of the run, free to be damaged."""
    return RunDirectory(Path(shutil.copytree(trained, tmp_path / "squares")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The empty folder to fill."""
    made = tmp_path / "repository"
    made.mkdir()
    return made


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_layout_is_what_its_description_says(run: RunDirectory, folder: Path) -> None:
    lay_out(folder, REPO_ID, run.generator, run)
    names = names_in(folder)
    events = {name for name in names if name.startswith("run/tensorboard/")}
    assert names - events == {
        "README.md", "dcgan.json", "model.safetensors", "config.json", "metadata.json", "model.weights.h5",
        "samples.png", "timelapse.webp", "run/run.json", "run/metrics.jsonl", "run/plots/losses.png",
        "run/plots/accuracy.png", "run/samples/step-00000000.png", "run/samples/step-00000004.png",
        "run/samples/step-00000008.png", "run/samples/step-00000010.png", "training/discriminator.safetensors",
    }  # fmt: skip
    assert len(events) == 1
    document = (Path(__file__).parents[2] / "docs" / "model-repository.md").read_text(encoding="utf-8")
    for name in names - events:
        shown = "run/samples/step-" if name.startswith("run/samples/") else name
        assert f"`{shown}" in document, f"docs/model-repository.md must name {name}"


def test_every_file_but_the_card_may_be_removed_by_the_next_push(run: RunDirectory, folder: Path) -> None:
    lay_out(folder, REPO_ID, run.generator, run)
    assert {name for name in names_in(folder) if not is_own(name)} == {"README.md"}


def test_the_card_speaks_of_the_files_that_are_there(run: RunDirectory, folder: Path) -> None:
    shutil.rmtree(run.plots)
    lay_out(folder, REPO_ID, run.generator, run, licence="mit", tag="v1")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert is_unedited_card(card)
    assert "(timelapse.webp)" in card and "hf://tester/squares" in card and 'revision="v1"' in card
    assert "license: mit" in card and "- tensorboard" in card
    assert "losses.png" not in card


def test_a_generator_alone_has_no_record(run: RunDirectory, folder: Path) -> None:
    lay_out(folder, REPO_ID, run.generator, None)
    assert not any(name.startswith(("run/", "timelapse")) for name in names_in(folder))
    assert "- tensorboard" not in (folder / "README.md").read_text(encoding="utf-8")


def test_the_published_generator_draws_the_same_images(run: RunDirectory, folder: Path) -> None:
    lay_out(folder, REPO_ID, run.generator, run)
    seeds = range(4)
    published = Generator.from_pretrained(folder).generate(seeds)
    assert np.array_equal(published, Generator.from_pretrained(run.path).generate(seeds))


def test_nothing_names_the_folders_the_files_or_the_machine(run: RunDirectory, folder: Path) -> None:
    record = run.read_record()
    home = str(Path(record["settings"]["data"]["data"]).parent)
    assert home.endswith(PRIVATE_FOLDER) and PRIVATE_FILE in json.dumps(record["dataset"]["report"])
    lay_out(folder, REPO_ID, run.generator, run)
    private = [home, PRIVATE_FOLDER, PRIVATE_FILE, str(run.path.parent)]
    if len(socket.gethostname()) > 5:  # a shorter one may stand in any file by chance
        private.append(socket.gethostname())
        assert any(socket.gethostname() in path.name for path in run.tensorboard.iterdir()), "nothing would be tested"
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for text in private:
            assert text.encode() not in content, f"{path.name} gives away {text}"
            assert text not in path.relative_to(folder).as_posix()


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("/data/emma/faces.zip", "faces.zip"),
        ("emma/faces", "faces"),  # a folder, though a Hub dataset could be called so
        ("../faces/", "faces"),
        ("C:\\Users\\emma\\faces", "faces"),
        ("avatars", "avatars"),
        ("huggan/few-shot-anime-face", "huggan/few-shot-anime-face"),
        ("hf://datasets/huggan/few-shot-anime-face@v1", "hf://datasets/huggan/few-shot-anime-face@v1"),
        ("huggan/few-shot-anime-face:shells:test", "huggan/few-shot-anime-face:shells:test"),
        (
            "https://huggingface.co/datasets/huggan/few-shot-anime-face/viewer/shells?user=emma",
            "hf://datasets/huggan/few-shot-anime-face:shells",
        ),
    ],
)
def test_data_are_called_by_name_and_not_by_place(data: str, shown: str, run: RunDirectory, folder: Path) -> None:
    record = run.read_record()
    record["settings"]["data"]["data"] = data
    record |= {"state": "failed", "reason": "There is no room in '/data/emma'."}
    record["label_names"] = record["dataset"]["label_names"] = ["emma"]
    run.write_record(record)
    if "huggan" in data:
        facts_file = run.generator / "dcgan.json"
        facts = json.loads(facts_file.read_text())
        facts["dataset"]["hub_id"] = "huggan/few-shot-anime-face"
        facts_file.write_text(json.dumps(facts))
    lay_out(folder, REPO_ID, run.generator, run)
    public = json.loads((folder / "run" / "run.json").read_text())
    assert Settings.from_dict(public["settings"]).data.data == shown
    assert public["settings"]["training"] == record["settings"]["training"]
    assert "emma" not in json.dumps(public)


def test_what_grows_is_copied_and_what_is_replaced_is_linked(run: RunDirectory, folder: Path) -> None:
    with run.metrics_file.open("ab") as file:
        file.write(b'{"step": 15, "g_lo')  # a line that is being written
    lay_out(folder, REPO_ID, run.generator, run)
    published = (folder / "run" / "metrics.jsonl").read_bytes()
    assert [json.loads(line)["step"] for line in published.splitlines()] == [5, 10]
    (events,) = run.tensorboard.iterdir()
    for path in (run.metrics_file, events):
        with path.open("ab") as file:
            file.write(b"more")
    assert (folder / "run" / "metrics.jsonl").read_bytes() == published
    (published_events,) = (folder / "run" / "tensorboard").iterdir()
    assert events.read_bytes() == published_events.read_bytes() + b"more"
    assert (folder / "model.safetensors").samefile(run.generator / "model.safetensors")
    assert (folder / "run" / "samples" / "step-00000010.png").samefile(run.sample_file(10))


def test_where_no_links_can_be_made_files_are_copied(
    run: RunDirectory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    lay_out(folder, REPO_ID, run.generator, run)
    assert (folder / "samples.png").read_bytes() == (run.generator / "samples.png").read_bytes()
    assert not (folder / "samples.png").samefile(run.generator / "samples.png")


def test_event_files_of_several_starts_keep_their_order(run: RunDirectory, folder: Path) -> None:
    shutil.rmtree(run.tensorboard)
    run.tensorboard.mkdir()
    for name in (
        "1700000000.desk.7.0.v2",
        "1700000000.desk.8.0.v2",
        "1700000001.desk.9.0.v2",
        "1800000000.desk.1.0.v2",
    ):
        (run.tensorboard / f"events.out.tfevents.{name}").write_text(name)
    (run.tensorboard / "notes.txt").write_text("mine")
    lay_out(folder, REPO_ID, run.generator, run)
    published = sorted((folder / "run" / "tensorboard").iterdir())
    numbers = [1700000000, 1700000001, 1700000002, 1800000000]
    assert [path.name for path in published] == [f"events.out.tfevents.{number}.dcgan-hub" for number in numbers]
    assert [path.read_text()[11:17] for path in published] == ["desk.7", "desk.8", "desk.9", "desk.1"]


def test_what_a_kill_leaves_is_not_published(run: RunDirectory, folder: Path) -> None:
    for place in (run.path, run.generator, run.samples, run.plots):
        (place / ".unfinished-abc.png").write_text("half")
    (run.generator / ".model.safetensors.next").write_bytes(b"weights of a save that came no further")
    (run.generator / "thesis.txt").write_text("mine")
    lay_out(folder, REPO_ID, run.generator, run)
    names = names_in(folder)
    assert not any(".unfinished" in name or ".next" in name or "thesis" in name for name in names)
    assert "model.weights.h5" in names


def test_a_save_that_was_killed_halfway_is_published_whole(run: RunDirectory, folder: Path) -> None:
    """Facts are new, the new weights wait under their other name, Keras' files and sheet are old."""
    newer = Generator.from_pretrained(run.path)
    newer._network.get_layer("project").kernel.assign(newer._network.get_layer("project").kernel * 2)
    bundle = newer.save_pretrained(folder.parent / "newer")
    shutil.copyfile(bundle / "model.safetensors", run.generator / ".model.safetensors.next")
    shutil.copyfile(bundle / "dcgan.json", run.generator / "dcgan.json")
    lay_out(folder, REPO_ID, run.generator, run)
    assert np.array_equal(read_bundle(folder)[1]["project/kernel"], read_bundle(bundle)[1]["project/kernel"])
    assert names_in(folder).isdisjoint({"config.json", "metadata.json", "model.weights.h5", "samples.png"})
    assert "keras.saving" not in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["dcgan.json", "model.safetensors"])
def test_a_damaged_generator_is_not_published(name: str, run: RunDirectory, folder: Path) -> None:
    content = (run.generator / name).read_bytes()
    (run.generator / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError):
        lay_out(folder, REPO_ID, run.generator, run)


def test_a_run_without_its_record_and_a_wrong_licence_are_refused(run: RunDirectory, folder: Path) -> None:
    with pytest.raises(SettingsError, match="licence"):
        lay_out(folder, REPO_ID, run.generator, None, licence="my own!")
    shutil.rmtree(folder)
    folder.mkdir()
    run.record_file.unlink()
    with pytest.raises(RunError, match=r"must have a run\.json"):
        lay_out(folder, REPO_ID, run.generator, run)


def test_links_that_leave_the_run_are_not_followed(run: RunDirectory, folder: Path) -> None:
    outside = run.path.parent / "diary.png"
    outside.write_text("nobody's business")
    for path in (run.sample_file(4), run.plots / "losses.png", run.timelapse_file, run.metrics_file):
        path.unlink()
        path.symlink_to(outside)
    (run.samples / "step-00000006.png").symlink_to("step-00000006.png")  # round in a circle
    (run.samples / "step-00000007.png").symlink_to(run.sample_file(8))  # stays inside
    shutil.rmtree(run.tensorboard)
    (run.path.parent / "elsewhere").mkdir()
    (run.path.parent / "elsewhere" / "events.out.tfevents.1.desk").write_text("nobody's business")
    run.tensorboard.symlink_to(run.path.parent / "elsewhere")
    lay_out(folder, REPO_ID, run.generator, run)
    names = names_in(folder)
    assert not any("nobody" in path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())
    assert {name for name in names if name.startswith("run/samples/")} == {
        "run/samples/step-00000000.png", "run/samples/step-00000007.png", "run/samples/step-00000008.png",
        "run/samples/step-00000010.png",
    }  # fmt: skip
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_few_sheets_are_all_kept() -> None:
    assert chosen_steps([10, 0, 4, 8]) == [0, 4, 8, 10]
    assert chosen_steps([]) == []


def test_many_sheets_are_thinned_evenly() -> None:
    steps = [*range(0, 100_001, 500), 100_123]
    chosen = chosen_steps(steps)
    assert len(chosen) <= 100
    assert chosen == [*range(0, 100_001, 2000), 100_123]


def test_a_sheet_between_the_others_does_not_decide_how_they_are_thinned() -> None:
    """A run that was stopped at step 1,237 and went on."""
    chosen = chosen_steps([*range(0, 60_001, 500), 1237])
    assert chosen == list(range(0, 60_001, 1000))


def test_a_longer_run_sends_no_sheet_again_that_was_left_out() -> None:
    """What a push leaves out, no later one has, but for the newest of its time; so a sheet is sent at most once."""
    left_out: set[int] = set()
    for last in range(500, 400_001, 500):
        chosen = set(chosen_steps(range(0, last + 1, 500)))
        assert len(chosen) <= 100 and last in chosen
        assert chosen.isdisjoint(left_out)
        left_out |= set(range(0, last, 500)) - chosen
