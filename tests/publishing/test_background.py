"""Whatever the Hub does, a run ends as it would have; what was not pushed can be pushed with the printed command."""

import os
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from local_hub import LocalHub
from preloaded import Program

from dcgan_hub import Generator
from dcgan_hub.bundle.publication import Target
from dcgan_hub.cli import main
from dcgan_hub.commands import publishing
from dcgan_hub.console import Console
from dcgan_hub.hub import limits
from dcgan_hub.publishing import background
from dcgan_hub.publishing.background import BackgroundPush
from dcgan_hub.publishing.settings import PushSettings
from dcgan_hub.runs.directory import RunDirectory

ID = "tester/squares"
TRAIN = Path(__file__).resolve().parents[2] / "train.py"
PATIENCE_SECONDS = 120
LATER = "push it later with:\n"
FEW_SHEETS_AND_REPORTS = ["--sample-every", "500", "--report-every", "50"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(background, "PAUSES_AT_THE_END_SECONDS", (0.1, 0.2))
    monkeypatch.setattr(background, "FIRST_PAUSE_SECONDS", 0.1)
    yield
    huggingface_hub.close_session()  # which may have become too impatient for other tests


@pytest.fixture
def words(squares: Path, tiny_words: list[str], tmp_path: Path) -> list[str]:
    return ["--data", str(squares), "--run", str(tmp_path / "the run"), *tiny_words]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "the run")


def check_complete(run: RunDirectory, state: str = "finished") -> None:
    """The run is as it would be without a Hub, and nothing of the push is left in it."""
    assert run.read_record()["state"] == state and run.timelapse_file.exists()
    Generator.from_pretrained(run.path).generate([1])
    check_tidy(run)


def check_tidy(run: RunDirectory) -> None:
    assert not list(run.path.glob(".unfinished-*"))


def push_with_the_printed_command(hub: LocalHub, printed: str, run: RunDirectory) -> None:
    """As the user would, when the Hub is well again."""
    hub.behave()
    command = shlex.split(printed.partition(LATER)[2].splitlines()[0])
    assert command[0].endswith("dcgan-hub"), printed
    assert main(command[1:]) == 0
    check_pushed(hub, run)


def check_pushed(hub: LocalHub, run: RunDirectory) -> None:
    images = Generator.from_pretrained(ID, force_download=True).generate(seeds=range(8))
    assert (images == Generator.from_pretrained(run.path).generate(seeds=range(8))).all()


def steps_pushed(hub: LocalHub) -> list[int]:
    titles = [commit.title for commit in reversed(hub.commits(ID))]
    return [int(title.rpartition(" ")[2].replace(",", "")) for title in titles if title.startswith("Upload generator")]


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)


def test_a_run_is_pushed_at_its_end_and_the_token_is_nowhere(hub, token, words, run, capfd, tmp_path):
    options = ["--push-to-hub", f"hf://{ID}", "--private", "--license", "cc-by-4.0"]
    assert main(["train", *words, "--steps", "9", *options]) == 0
    check_complete(run)
    check_pushed(hub, run)
    assert steps_pushed(hub) == [9] and hub.settings(ID)["private"]
    assert b'"state": "finished"' in hub.files(ID)["run/run.json"] and "timelapse.webp" in hub.files(ID)
    assert b"license: cc-by-4.0" in hub.files(ID)["README.md"]
    assert "checkpoint" not in str(hub.refs(ID))
    printed = "".join(capfd.readouterr())
    assert f"/{ID} at commit {hub.head(ID)}" in printed and "warning" not in printed
    assert hub.write_token not in printed + str(hub.requests)
    for path in (*run.path.rglob("*"), *(tmp_path / "local-hub" / "repositories").rglob("*")):
        assert not path.is_file() or hub.write_token.encode() not in path.read_bytes(), path


def test_pushing_goes_on_beside_the_training(hub, token, words, run, monkeypatch):
    """The run does not get past step 300 before its first checkpoint is on the Hub, however slow the machine is."""
    saved = BackgroundPush.saved

    def saved_in_turn(push, step):
        if step == 300:
            wait_until(lambda: hub.exists(ID) and steps_pushed(hub))
        saved(push, step)

    monkeypatch.setattr(BackgroundPush, "saved", saved_in_turn)
    options = ["--push-to-hub", ID, "--push-every", "100", "--checkpoint-every", "100", *FEW_SHEETS_AND_REPORTS]
    assert main(["train", *words, "--steps", "400", *options]) == 0
    check_complete(run)
    check_pushed(hub, run)
    steps = steps_pushed(hub)
    assert steps[0] == 100 and steps[-1] == 400 and steps == sorted(steps)


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut_after": 0}, {"delay": 60.0}], ids=["500", "cut", "stalled"])
def test_a_hub_that_fails_in_everything_does_not_hurt_a_run(hub, token, words, run, fault, capfd, monkeypatch):
    monkeypatch.setattr(publishing, "MAX_LOOK_SECONDS", 1.0)
    monkeypatch.setattr(limits, "OPERATION_SECONDS", 1.0)
    hub.misbehave(**fault)
    options = ["--push-to-hub", ID, "--private", "--push-every", "8", "--license", "mit", "--push-checkpoints"]
    options += ["--checkpoint-every", "8", *FEW_SHEETS_AND_REPORTS]
    assert main(["train", *words, "--steps", "40", *options]) == 0
    check_complete(run)
    printed = "".join(capfd.readouterr())
    assert "It could not be checked whether pushing will work" in printed and "Traceback" not in printed
    assert printed.count("warning: ") == 3, "before, during and after training: " + printed
    push_with_the_printed_command(hub, printed, run)
    assert hub.settings(ID)["private"] and b"license: mit" in hub.files(ID)["README.md"]
    assert "checkpoints/step-00000040/state.safetensors" in hub.files(ID, "checkpoint")


def test_without_a_network_a_run_ends_as_ever(words, run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 34)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nothing listens
    process = start(words, "--steps", "8")
    printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0 and "cannot be reached" in printed and LATER in printed
    assert "Traceback" not in printed and "hf_" not in printed
    check_complete(run)


def test_what_fails_for_a_while_is_sent_later_with_the_newest_files(hub, token, words, run, capfd):
    fault = hub.misbehave("/commit/", status=503, times=3)
    options = ["--push-to-hub", ID, "--push-every", "20", "--checkpoint-every", "20", *FEW_SHEETS_AND_REPORTS]
    assert main(["train", *words, "--steps", "200", *options]) == 0
    assert fault.times == 0 and steps_pushed(hub)[-1] == 200
    check_complete(run)
    check_pushed(hub, run)
    assert "".join(capfd.readouterr()).count("warning: ") == 1


def test_a_slow_push_of_old_files_does_not_replace_the_last_one(hub, token, words, run):
    hub.misbehave("/commit/", delay=3.0, times=1)
    options = ["--push-to-hub", ID, "--push-every", "4", *FEW_SHEETS_AND_REPORTS]
    assert main(["train", *words, "--steps", "32", *options]) == 0
    assert steps_pushed(hub)[-1] == 32
    check_complete(run)
    check_pushed(hub, run)


def test_a_run_that_is_already_complete_is_pushed(hub, token, words, run, finished_run, capfd):
    shutil.copytree(finished_run, run.path)
    assert main(["train", *words, "--steps", "9", "--push-to-hub", ID]) == 0
    assert "is complete: 9 of 9 steps" in capfd.readouterr().out
    check_pushed(hub, run)
    check_complete(run)


@pytest.mark.parametrize("kind", ["missing", "wrong", "read-only", "fine-grained", "foreign", "public", "of others"])
def test_what_would_be_refused_is_found_before_training(hub, words, run, kind, capfd, monkeypatch):
    tokens = {
        "missing": None,
        "wrong": "hf_" + "a" * 34,
        "read-only": hub.read_token,
        "fine-grained": hub.add_token("tester", "fineGrained", writable=("tester/other",)),
    }
    token = tokens.get(kind, hub.write_token)
    monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN", raising=False)
    repo_id = "other/squares" if kind == "of others" else ID
    hub.add_account("other")
    if kind in ("foreign", "public"):
        hub.plant(ID, {"model.h5" if kind == "foreign" else "dcgan.json": b"1"})
    assert main(["train", *words, "--steps", "8", "--push-to-hub", repo_id, "--private"]) == 2
    printed = capfd.readouterr().err
    assert printed.startswith("error: ") and "Received: " in printed and "Traceback" not in printed
    assert not run.path.exists()
    assert hub.exists(repo_id) is (kind in ("foreign", "public"))


def test_images_that_cannot_be_used_leave_no_repository_behind(hub, token, capfd, tmp_path):
    assert main(["train", "--data", str(tmp_path / "nowhere"), "--push-to-hub", ID]) == 2
    assert not hub.exists(ID)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--push-to-hub", "squares"], "is called user/name"),
        (["--push-to-hub", f"{ID}@v1"], "is called user/name"),
        (["--push-to-hub", ID, "--license", "no such thing"], "identifier from the Hub's list"),
        (["--push-to-hub", ID, "--push-every", "0"], "`--push-every` must be 1 or more"),
        (["--push-every", "5"], "requires --push-to-hub"),
        (["--private"], "requires --push-to-hub"),
        (["--push-checkpoints"], "requires --push-to-hub"),
    ],
)
def test_wrong_options_are_answered_before_anything_is_asked(hub, token, words, run, options, message, capfd):
    assert main(["train", *words, *options]) == 2
    assert message in capfd.readouterr().err and not hub.requests and not run.path.exists()


def test_a_dry_run_asks_the_hub_nothing(hub, token, words, run, capfd):
    assert main(["train", *words, "--dry-run", "--push-to-hub", ID]) == 0
    assert not hub.requests and not run.path.exists()


def test_a_token_that_is_withdrawn_meanwhile_is_mentioned_once(hub, token, words, run, capfd, monkeypatch):
    saved = BackgroundPush.saved

    def saved_in_turn(push: BackgroundPush, step: int) -> None:
        """Training waits for what the push has to meet, so that no machine is too fast or too slow."""
        if step == 8:
            wait_until(lambda: hub.exists(ID) and len(hub.commits(ID)) > 1)
            hub.remove_token(token)
        if step == 16:
            wait_until(lambda: any(record.status == 401 for record in hub.requests))
        saved(push, step)

    monkeypatch.setattr(BackgroundPush, "saved", saved_in_turn)
    options = ["--push-to-hub", ID, "--push-every", "4", *FEW_SHEETS_AND_REPORTS]
    assert main(["train", *words, "--steps", "20", *options]) == 0
    printed = "".join(capfd.readouterr())
    assert printed.count("The token must be valid") == 2, "once during the run, and at its end: " + printed
    assert LATER in printed and token not in printed
    check_complete(run)


def start(words: list[str], *options: str) -> Program:
    words = [*words, "--push-to-hub", ID, *FEW_SHEETS_AND_REPORTS, *options]
    return Program(TRAIN, *words, env=os.environ | {"PYTHONUNBUFFERED": "1"})


def test_ctrl_c_during_training_pushes_the_state_it_stopped_at(hub, token, words, run):
    process = start(words, "--steps", "1000000")
    wait_until(lambda: list(run.checkpoints.glob("step-*")))
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, printed
    assert b'"state": "stopped"' in hub.files(ID)["run/run.json"]
    check_complete(run, "stopped")
    check_pushed(hub, run)


def test_ctrl_c_while_the_push_is_waited_for_leaves_it(hub, token, words, run):
    hub.misbehave("/commit/", delay=PATIENCE_SECONDS)
    process = start(words, "--steps", "8")
    wait_until(lambda: "\npushing to" in process.output())
    wait_until(lambda: any("/commit/" in record.path for record in hub.requests))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0 and time.monotonic() - began < 20
    assert "Ctrl-C was received" in printed and "Traceback" not in printed, printed
    check_complete(run)
    push_with_the_printed_command(hub, printed, run)


def test_files_that_cannot_be_gathered_are_mentioned_once_and_the_run_goes_on(
    hub, token, words, run, capfd, monkeypatch
):
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(background, "lay_out", full)
    options = ["--push-to-hub", ID, "--push-every", "4", *FEW_SHEETS_AND_REPORTS]
    assert main(["train", *words, "--steps", "24", *options]) == 0
    printed = "".join(capfd.readouterr())
    assert printed.count("could not be collected") == 1 and LATER in printed
    check_complete(run)


def test_a_push_that_is_closed_in_the_middle_leaves_nothing_behind(hub, token, squares_run: RunDirectory):
    """As when the run fails: neither files in the run directory, nor half of them on the Hub."""
    fault = hub.misbehave("/commit/", delay=1.0)
    push = BackgroundPush(
        squares_run, PushSettings(target=Target(repo_id=ID), every=4, checkpoint_branch="checkpoint"), Console()
    )
    push.saved(9)
    wait_until(lambda: any("/commit/" in record.path for record in hub.requests))
    push.close()
    check_tidy(squares_run)
    wait_until(lambda: not push._thread.is_alive())
    check_tidy(squares_run)
    assert not fault.over
    assert hub.files(ID).keys() == {".gitattributes"} or "model.safetensors" in hub.files(ID)


def test_a_run_that_went_back_is_pushed_as_it_is_now(hub, token, squares_run: RunDirectory, monkeypatch):
    """The Hub shall not keep a state that the run itself has given up."""
    gathered = []
    gather = BackgroundPush._gather

    def counted(push: BackgroundPush) -> Path:
        gathered.append(True)
        return gather(push)

    monkeypatch.setattr(BackgroundPush, "_gather", counted)
    push = BackgroundPush(squares_run, PushSettings(target=Target(repo_id=ID), every=4), Console())
    counts = []
    for step in (4, 6, 8, 6, 7, 8):  # at 8 it goes back to 6
        push.saved(step)
        counts.append(len(gathered))
    push.close()
    assert counts == [1, 1, 2, 3, 3, 4]
