"""Nothing is ever lost: stopped, killed and damaged runs go on to the same weights."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import time
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from preloaded import Program, run_program
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tiny_runs import DEFAULT_RECIPE, TINY

from dcgan_hub import RunError, train
from dcgan_hub.console import Console
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.runs.directory import checkpoint_folders
from dcgan_hub.settings import Settings
from dcgan_hub.training.callbacks import Clock, StopWhenDone
from dcgan_hub.training.checkpoint import load_newest, read_state
from dcgan_hub.training.hardware import describe_hardware
from dcgan_hub.training.interruption import Interruption
from dcgan_hub.training.model import build_gan
from dcgan_hub.training.plan import make_plan
from dcgan_hub.training.reporting.summary import _describe_other_kernels
from dcgan_hub.training.train import run_plan

ROOT = Path(__file__).resolve().parents[2]


def digest(run):
    return hashlib.sha256((run / "generator" / "model.safetensors").read_bytes()).hexdigest()


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def without_clocks(rows):
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in rows]


def test_a_run_in_two_parts_equals_a_run_in_one(squares, tiny, tmp_path):
    """Fails if an optimizer, the strength of the augmentation or the order of images does not survive."""
    settings = tiny | DEFAULT_RECIPE
    train(squares, run=tmp_path / "whole", steps=12, quiet=True, **settings)
    train(squares, run=tmp_path / "parts", steps=5, quiet=True, **settings)  # in the middle of everything
    assert [row["step"] for row in metrics(tmp_path / "parts")] == [2, 4, 5]
    train(squares, run=tmp_path / "parts", steps=12, quiet=True, **settings)
    check_equal(tmp_path / "parts", tmp_path / "whole")


def check_equal(parts, whole):
    """The line at a break is gone, and means go on over it."""
    assert digest(parts) == digest(whole)
    rows = without_clocks(metrics(parts))
    assert [row["step"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert rows == without_clocks(metrics(whole))


@pytest.mark.parametrize(
    "recipe",
    [
        {
            "precision": "bfloat16",
            "generator_normalization": "modulated",
            "discriminator_normalization": "spectral",
            "dropout": 0.3,
            "optimizer": "adamw",
        },
        {"discriminator_normalization": "batch", "optimizer": "rmsprop"},
    ],
    ids=["bfloat16 modulated spectral dropout adamw", "batch rmsprop"],
)
def test_a_run_that_lost_all_after_a_checkpoint_equals_a_run_in_one(recipe, squares, tiny, tmp_path):
    """Fails if an optimizer, a batch statistic, a dropout seed or the order of images does not survive.

    The checkpoint is one of the run in one: a copy of its folder is what a kill at that instant would leave.
    """
    whole, parts, settings = tmp_path / "whole", tmp_path / "parts", tiny | recipe | {"steps": 12}
    plan = make_plan(whole, None, settings | {"data": str(squares), "checkpoint_every": 5}, show_progress=False)
    run_plan(plan, Console(quiet=True), lambda step: shutil.copytree(whole, parts) if step == 5 else None)
    assert [row["step"] for row in metrics(parts)] == [2, 4]
    train(squares, run=parts, quiet=True, **settings)
    check_equal(parts, whole)


def test_the_last_line_of_metrics_is_forgotten_by_the_interval_it_was_written_by(finished, squares, tiny):
    """Step 9 lies between two reports of the first part, and of the second it would be one."""
    assert [row["step"] for row in metrics(finished)] == [2, 4, 6, 8, 9]
    train(squares, run=finished, steps=13, quiet=True, **(tiny | {"report_every": 3}))
    assert [row["step"] for row in metrics(finished)] == [2, 4, 6, 8, 12, 13]
    train(squares, run=finished, steps=14, quiet=True, **(tiny | {"report_every": 1}))
    assert [row["step"] for row in metrics(finished)] == [2, 4, 6, 8, 12, 14]


def test_a_run_killed_at_random_ends_with_the_same_weights(monkeypatch, capsys):
    """The benchmark does so with ten kills, and with programs that start from nothing.

    Float16 has the most state, and a run with classes the most weights.
    """
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from kill_and_resume import main

    words = ["--kills", "2", "--precision", "float16", "--steps", "200", "--seed", "1", "--classes", "3"]
    words += ["--options", "--image-size 16 --augmentation none --r1-gamma 0"]  # whose graph is built sooner
    status, printed = main(words, Program), capsys.readouterr().out
    assert status == 0 and printed.endswith("the same\n"), printed
    assert "s: step-" in printed, "no kill came after a checkpoint: " + printed


def start(squares, run, **options):
    settings = TINY | {"report_every": 100, "checkpoint_every": 500, "sample_every": 500} | options
    words = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return Program(ROOT / "train.py", "--data", squares, "--run", run, *words, cwd=run.parent)


def wait_until(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_saves_and_says_what_to_do_next(number, squares, tmp_path):
    run = tmp_path / "run"
    process = start(squares, run, steps=10**6, report_every=1, checkpoint_every=10**5)
    wait_until(lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 3, process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)

    record = json.loads((run / "run.json").read_text())
    assert process.returncode == 0
    assert record["state"] == "stopped" and signal.Signals(number).name in record["reason"]
    assert "repeat the same command" in output and "Traceback" not in output
    newest = checkpoint_folders(run / "checkpoints")[0]
    assert newest.name == f"step-{record['progress']['step']:08d}" and record["progress"]["step"] > 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_before_the_first_step_loses_nothing(number, squares, tmp_path):
    """It comes as soon as the record says that the run goes on, while real images are looked at for the first sheet."""
    run = tmp_path / "run"
    process = start(squares, run, steps=10**6)
    wait_until((run / "run.json").exists, process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)

    record = json.loads((run / "run.json").read_text())
    assert process.returncode == 0, output
    assert record["state"] == "stopped" and signal.Signals(number).name in record["reason"]
    assert "Traceback" not in output and "repeat the same command" in output
    train(squares, run=run, steps=record["progress"]["step"] + 2, quiet=True)
    assert json.loads((run / "run.json").read_text())["state"] == "finished"


def test_a_signal_is_told_between_two_steps_and_never_by_its_handler():
    """The handler may come in the middle of a write, and a stream must not be entered twice."""
    stream = io.StringIO()
    interruption = Interruption(Console(stream))
    stop = StopWhenDone(Clock(Progress(), 4), last_step=None, seconds=None, interruption=interruption)
    stop.set_model(keras.Sequential([keras.Input((1,))]))
    interruption.listen()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.interrupted_by == "SIGTERM" and stream.getvalue() == ""
        stop.on_train_batch_end(0)
        stop.on_train_batch_end(1)
    finally:
        interruption.release()
    assert stop.model.stop_training
    assert stream.getvalue() == "SIGTERM: finishing the step and saving; Ctrl-C again exits at once.\n"


def test_a_second_ctrl_c_exits_at_once_and_signals_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    interruption = Interruption(Console(io.StringIO()))
    stop = StopWhenDone(Clock(Progress(), 4), last_step=100, seconds=None, interruption=interruption)
    interruption.listen()
    assert not stop.is_over
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.is_over and stop.interrupted_by == "SIGINT"
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_closed_terminal_is_heard_unless_the_user_has_it_ignored():
    interruption = Interruption(Console(io.StringIO()))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
    try:
        for handler, heard in ((signal.SIG_IGN, None), (signal.SIG_DFL, "SIGHUP")):
            signal.signal(signal.SIGHUP, handler)
            interruption.listen()
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption.heard == heard
            interruption.release()
            assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_goes_away_does_not_end_a_run():
    read, write = os.pipe()
    stream = os.fdopen(write, "w")
    os.close(read)
    console = Console(stream)
    console.say("nobody listens")
    console.warn("nobody listens")
    with contextlib.suppress(BrokenPipeError):
        stream.close()


@pytest.fixture(scope="module")
def killed_run(squares, tmp_path_factory):
    """A run that was killed after a few steps and before its first checkpoint, and a second trainer of it meanwhile."""
    run = tmp_path_factory.mktemp("runs") / "run"
    first = start(squares, run, steps=10**6, report_every=1, checkpoint_every=10**6)
    try:
        wait_until(lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 3, first)
        (second := start(squares, run, steps=10**6)).communicate(timeout=60)
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    return run, second


def test_a_second_trainer_is_refused(killed_run):
    _, second = killed_run
    assert second.returncode == 2 and "Only one process" in second.output() and "Traceback" not in second.output()


@pytest.fixture
def finished(finished_run, tmp_path):
    """A copy of a run of 9 steps with checkpoints at 8 and 9."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture(scope="module")
def ten_steps(squares, tiny, tmp_path_factory):
    """The digest of what 10 steps without a break give."""
    path = tmp_path_factory.mktemp("runs") / "run"
    train(squares, run=path, steps=10, quiet=True, **(tiny | {"sample_every": 100}))
    return digest(path)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "bit flipped": lambda folder: flip_a_bit(folder / "state.safetensors"),
    "truncated": lambda folder: (folder / "state.safetensors").write_bytes(b"12"),
    "file missing": lambda folder: (folder / "state.safetensors").unlink(),
    "facts empty": lambda folder: (folder / "checkpoint.json").write_text(""),
    "facts of another kind": lambda folder: (folder / "checkpoint.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_is_used(damage, finished):
    checkpoints, said = finished / "checkpoints", []
    before = load_file(checkpoints / "step-00000008" / "state.safetensors")
    damage(checkpoints / "step-00000009")
    gan = build_gan(Settings.from_dict(json.loads((finished / "run.json").read_text())["settings"]))
    assert load_newest(checkpoints, gan, said.append).step == 8
    (message,) = said
    assert "step-00000009" in message and "the previous one" in message
    state = read_state(gan, 8)
    assert state.keys() == before.keys()
    assert all(np.array_equal(state[name], before[name]) for name in before)


def test_the_one_before_a_damaged_checkpoint_leads_to_the_same_weights(finished, ten_steps, squares, tiny, capsys):
    flip_a_bit(finished / "checkpoints" / "step-00000009" / "state.safetensors")
    train(squares, run=finished, steps=10, quiet=True, **(tiny | {"sample_every": 100}))
    assert "step-00000009" in capsys.readouterr().out
    assert digest(finished) == ten_steps


@pytest.fixture(scope="module")
def gone_on(finished_run, squares, tmp_path_factory):
    """A copy of a run, with a wrong step in the facts of its newest checkpoint, that went on without its settings."""
    run = Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("runs") / "run"))
    path = run / "checkpoints" / "step-00000009" / "checkpoint.json"
    facts = path.read_text()
    assert '"step": 9' in facts
    path.write_text(facts.replace('"step": 9', '"step": 7'))
    train(squares, run=run, steps=10, quiet=True)
    return run


def test_facts_that_were_edited_are_not_believed(gone_on, ten_steps):
    """Only the checksum is read from the file beside the state; a wrong step there must change nothing."""
    assert digest(gone_on) == ten_steps


def test_a_whole_checkpoint_of_another_model_is_kept_and_explained(finished, squares, tiny):
    folder = finished / "checkpoints" / "step-00000009"
    with safe_open(folder / "state.safetensors", framework="numpy") as state:
        arrays = {name: state.get_tensor(name) for name in list(state.keys())[1:]}
        save_file(arrays, folder / "state.safetensors", metadata=state.metadata())
    digest_now = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
    (folder / "checkpoint.json").write_text(json.dumps({"sha256": digest_now}))
    with pytest.raises(RunError, match="must belong to this model"):
        train(squares, run=finished, steps=20, quiet=True, **tiny)
    assert folder.exists()


def test_a_kill_after_the_last_checkpoint_is_made_good(finished, squares, tiny):
    """As if the process had died between the last checkpoint and the bundle: the record still says running."""
    expected = digest(finished)
    record = json.loads((finished / "run.json").read_text())
    (finished / "run.json").write_text(json.dumps(record | {"state": "running"}))
    shutil.rmtree(finished / "generator")
    (finished / "samples" / "step-00000009.png").unlink()
    (finished / "timelapse.webp").unlink()
    train(squares, run=finished, steps=9, quiet=True, **tiny)
    assert digest(finished) == expected
    assert (finished / "samples" / "step-00000009.png").exists() and (finished / "timelapse.webp").exists()
    assert json.loads((finished / "run.json").read_text())["state"] == "finished"


def test_a_kill_in_the_first_moment_leaves_a_folder_that_can_be_used(squares, tiny, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").touch()
    (run / ".unfinished-abc.json").write_text("{")
    train(squares, run=run, steps=2, quiet=True, **tiny)
    assert not list(run.glob(".unfinished-*"))


def test_without_a_whole_checkpoint_nothing_is_started_over(finished, squares, tiny):
    for folder in checkpoint_folders(finished / "checkpoints"):
        flip_a_bit(folder / "state.safetensors")
    before = digest(finished)
    for _ in range(2):  # the second time, the damaged ones have been set aside
        with pytest.raises(RunError, match="needs an intact checkpoint"):
            train(squares, run=finished, steps=20, quiet=True, **tiny)
    assert digest(finished) == before


def test_changed_settings_are_refused_key_by_key(finished, squares, tiny):
    changed = tiny | {"latent_dim": 16, "learning_rate": 0.001}
    with pytest.raises(RunError) as error:
        train(squares, run=finished, steps=20, quiet=True, **changed)
    assert "latent_dim" in str(error.value) and "8 in the run, 16 now" in str(error.value)
    assert "0.002 in the run, 0.001 now" in str(error.value) and "batch_size" not in str(error.value)


def test_other_images_are_refused(finished, tiny):
    with pytest.raises(RunError, match="images it was started with"):
        train("avatars", run=finished, steps=20, quiet=True, **tiny)


def test_settings_that_are_not_given_are_those_of_the_run(gone_on, finished_run):
    before, after = (json.loads((run / "run.json").read_text()) for run in (finished_run, gone_on))
    assert after["progress"]["step"] == 10
    before["settings"]["training"]["steps"] = 10
    assert after["settings"] == before["settings"]


def test_a_run_that_is_complete_is_left_alone(finished, squares, tiny, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file() and path.name != ".lock"}
    train(squares, run=finished, steps=9, **tiny)
    assert "is complete: 9 of 9 steps" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_the_newest_two_checkpoints_are_kept(finished):
    assert [folder.name for folder in checkpoint_folders(finished / "checkpoints")] == [
        "step-00000009",
        "step-00000008",
    ]


def test_a_full_disk_keeps_the_last_checkpoint_and_says_so(finished, squares):
    """A limit on the size of files stands in for the disk: the system refuses to write more, as a full disk would."""
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from dcgan_hub.cli import main_of; import keras, sys;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "raise SystemExit(main_of('train', 'train.py'))"
    )
    result = run_program("-c", program, "--data", squares, "--run", finished, "--steps", 16)
    assert result.returncode == 2, result.stdout + result.stderr
    assert "cannot be written" in result.stdout and "The last good checkpoint is kept" in result.stdout
    assert "could not be saved" in result.stderr and "Traceback" not in result.stderr
    assert checkpoint_folders(finished / "checkpoints")[0].name == "step-00000009"

    train(squares, run=finished, steps=16, quiet=True)  # there is room again
    assert checkpoint_folders(finished / "checkpoints")[0].name == "step-00000016"


def test_a_kill_before_the_first_checkpoint_starts_from_the_beginning(killed_run, squares, tmp_path):
    run = Path(shutil.copytree(killed_run[0], tmp_path / "run"))
    assert len(metrics(run)) > 3 and checkpoint_folders(run / "checkpoints") == []
    train(squares, run=run, steps=2, quiet=True)
    assert [row["step"] for row in metrics(run)] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, False),
        ({"kernels": "oneDNN, AVX-9"}, True),
        ({"cores": 1000}, True),
        ({"kernels": None, "cores": "many"}, True),
    ],
)
def test_a_run_that_goes_on_with_other_kernels_says_so(changes, said):
    plan = types.SimpleNamespace(record={"hardware": describe_hardware() | changes})

    words = " ".join(_describe_other_kernels(plan))

    assert ("bit-identical" in words) == said
    assert all(str(value) in words for value in changes.values())


@pytest.mark.parametrize("record", [None, {}, {"hardware": [1]}, {"hardware": {"cores": 2}}])
def test_a_run_that_does_not_say_what_computed_it_goes_on_in_silence(record):
    assert _describe_other_kernels(types.SimpleNamespace(record=record)) == []
