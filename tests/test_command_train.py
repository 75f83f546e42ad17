"""`train.py` as a user runs it: help, dry run, settings file, and every kind of wrong option."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from preloaded import run_program

from dcgan_hub.cli import main, make_parser
from dcgan_hub.presets import field_by_name, make_settings, read_settings_file
from dcgan_hub.settings import SECTIONS
from dcgan_hub.settings_fields import option_of

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
SMALL = ["--image-size", "16", "--filters", "2", "--latent-dim", "4", "--batch-size", "4", "--precision", "float32"]


def train_script(*words, folder=ROOT):
    command = [sys.executable, str(ROOT / "train.py"), *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, env=environment)


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "noise.npy"
    np.save(path, np.random.RandomState(0).randint(0, 256, (12, 16, 16, 3), dtype=np.uint8))
    return path


@pytest.mark.parametrize(("option", "file"), [("--help", "train-help.txt"), ("--help-all", "train-help-all.txt")])
def test_the_help_is_the_one_that_was_read_and_approved(option, file, monkeypatch):
    """After a change on purpose: COLUMNS=100 python train.py --help > tests/golden/train-help.txt, and read it."""
    monkeypatch.setenv("COLUMNS", "100")
    assert train_script(option).stdout == (GOLDEN / file).read_text(encoding="utf-8")


def listed_options(file):
    text = (GOLDEN / file).read_text(encoding="utf-8").partition("examples:")[0]
    return re.findall(r"^  (?:-\w, )?(--[a-z0-9-]+)", text, flags=re.MULTILINE)


def test_all_settings_are_options_of_which_the_short_help_shows_the_common_ones():
    common, every = listed_options("train-help.txt"), listed_options("train-help-all.txt")
    assert set(every) >= {option_of(item) for _, item in field_by_name().values()} | set(common)
    assert len(every) == len(set(every)) and len(common) <= 20
    assert len(SECTIONS) == 3


def test_an_option_may_have_another_name_than_its_key_in_files():
    words = ["--gradient-penalty=3", "--update=one-stage", "--minibatch-stddev", "--augmentation-color=yes"]
    arguments = make_parser().parse_args(["train", *words])
    given = {name: getattr(arguments, name) for name in field_by_name() if getattr(arguments, name) is not None}
    assert given == {
        "slope_penalty": 3.0, "schedule": "one-stage", "batch_deviation": True, "augmentation_colour": "yes",
    }  # fmt: skip


def test_a_dry_run_shows_settings_as_a_settings_file_and_writes_nothing(noise, tmp_path):
    words = ["--data", noise, *SMALL, "--dry-run", "--steps", "400", "--value-range", "0:9000"]
    result = run_program(ROOT / "train.py", *words, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "12 images, 16x16 color" in result.stdout and "images per second, measured" in result.stdout
    assert "# warning: All 12 pictures come out black" in result.stdout
    assert list(tmp_path.iterdir()) == []

    path = tmp_path / "settings.toml"
    path.write_text(result.stdout, encoding="utf-8")
    values = read_settings_file(path)
    settings = make_settings(values.pop("preset"), values)
    assert settings.network.filters == 2 and settings.training.steps == 400 and settings.data.value_range == "0:9000"


def test_the_script_trains_with_a_settings_file_and_says_what_to_do_next(noise, tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(
        "[network]\nimage_size = [16, 20]\nfilters = 2\nlatent_dim = 4\n[training]\nbatch_size = 6\nsteps = 9\n"
        'augmentation = "none"\nr1_gamma = 0.0\n'
    )
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "noise.npy", np.load(noise) // 16)
    run = tmp_path / "it's $HOME"
    words = ["--data", "data/noise.npy", "--config", "tiny.toml", "--epochs", "1.5", "--run", run.name]
    result = train_script(*words, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.startswith(
        "warning: All 12 pictures come out black or nearly black, e.g. 'row 0': their files"
    )
    assert "the values 0 to 15 of 255. `--value-range 0:15` stretches these values" in result.stdout
    assert "finished at step 3" in result.stdout
    commands = [shlex.split(line) for line in result.stdout.partition("next:\n")[2].splitlines()]
    assert [words[1:3] for words in commands[:2]] == [["sample", run.name], ["interpolate", run.name]]
    assert commands[2][1:] == ["app", "--model", run.name]
    monkeypatch.chdir(tmp_path)
    assert main(commands[0][1:]) == 0 and Path("sheet.png").exists()
    settings = json.loads((run / "run.json").read_text())["settings"]
    assert settings["network"]["image_size"] == [16, 20] and settings["training"]["steps"] is None


@pytest.mark.parametrize(
    "words, message",
    [
        (["--data", "nowhere"], "nowhere"),
        (["--image-size", "12"], "Nearest valid: 16x16"),
        (["--image-size", "wide"], "height x width"),
        (["--filters", "-3"], "Nearest valid: 2"),
        (["--seed", "-1"], "Nearest valid: 0"),
        (["--steps", "10", "--minutes", "2"], "Keep one of them"),
        (["--preset", "best"], "invalid choice"),
        (["--gradient-penalty", "-1"], "slope_penalty (--gradient-penalty)"),
        (["--update", "one-stage", "--minibatch-stddev"], "(--minibatch-stddev)"),
        (["--slope-penalty", "1"], "unrecognized arguments"),
        (["--fit", "zoom"], "invalid choice"),
        (["--value-range", "9:0"], "the smaller first"),
        (["--value-range", "0-255"], "Try 0:255"),
        (["--epochs", "some"], "invalid float value"),
        (["--learnin-rate", "1"], "unrecognized arguments"),
        (["--config", "none.toml"], "must exist"),
        (["--batch-size", "4096"], "fewer than one batch of 4096"),
        (["--run", "used"], "no run.json"),
        (["--run", "x" * 300], "must be a readable folder"),
        (["--run", "used/file"], "must be a readable folder"),
        (["--run", "used/file/run"], "must be a writable folder"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_option_gives_one_message_and_touches_nothing(words, message, noise, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("kept")
    words = ["train", *words] if "--data" in words else ["train", "--data", str(noise), *words]
    words += [] if "--batch-size" in words else ["--batch-size", "4"]
    try:
        status = main(words)
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr().err
    assert status == 2 and message in said and "Traceback" not in said
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["used", "used/file"]
    assert (tmp_path / "used" / "file").read_text() == "kept"
