"""Kills runs that push checkpoints with SIGKILL at random instants, beside branches of somebody else.

usage: python benchmarks/kill_and_push.py [--kills 50] [--runs 5] [--steps 200]

Every other kill comes soon after a checkpoint, the others at any instant of a start. Each run pushes to a repository of
its own, on the Hub of the tests in a process of its own, which holds a branch `checkpoint` and another one of somebody
else. After every kill it checks that these branches have the commits that they had, and that ours is missing or marked,
with no checkpoint or a whole one. In the end it compares the SHA-256 of generator/model.safetensors, and the state that
another machine would resume from, with those of a run left alone, and ends with status 1 if they differ.
"""

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from kill_and_resume import Start, digest, finish, reached, start_python, wait_for_checkpoint  # noqa: E402
from local_hub import HubProcess, LocalHub  # noqa: E402, it is of the tests

TRAIN = ROOT / "train.py"
WHILE_TRAINING_SECONDS = 3.0  # after the first checkpoint of a start, within which it is killed
OURS, FOREIGN = "ours", ("checkpoint", "notes")
MARK_FILE = "checkpoint-branch.json"
State = dict[str, list[str]]


def command(run: Path, options: argparse.Namespace, *more: str) -> list[str]:
    words = [str(TRAIN), "--run", str(run), "--data", "avatars", "--steps", str(options.steps), "--quiet"]
    words += ["--image-size", "16", "--filters", "4", "--latent-dim", "8", "--batch-size", "4"]
    words += ["--augmentation", "none", "--r1-gamma", "0", "--precision", "float32"]
    words += ["--checkpoint-every", "5", "--sample-every", "50", "--report-every", "10"]
    return [*words, *more]


def pushing(repo_id: str) -> list[str]:
    return ["--push-to-hub", repo_id, "--push-every", "5", "--push-checkpoints", "--checkpoint-branch", OURS]


def plant(hub: LocalHub, repo_id: str) -> State:
    """A repository with branches of somebody else; returns their commits."""
    hub.plant(repo_id, {"README.md": b"# soon\n"})
    for branch in FOREIGN:
        for number in range(2):
            hub.plant(repo_id, {"notes.txt": b"%d" % number, "run.json": b"{}"}, branch=branch)
    return foreign_commits(hub, repo_id)


def foreign_commits(hub: LocalHub, repo_id: str) -> State:
    return {branch: [commit.oid for commit in hub.commits(repo_id, branch)] for branch in FOREIGN}


def check(hub: LocalHub, repo_id: str, planted: State) -> str:
    """Ends the program unless the branches are as they may be; returns what is on ours."""
    if foreign_commits(hub, repo_id) != planted:
        raise SystemExit(f"DIFFERENT: a branch of somebody else in {repo_id} was changed")
    if f"refs/heads/{OURS}" not in hub.refs(repo_id):
        return "no branch"
    files = hub.files(repo_id, OURS)
    states = {name.split("/")[1]: content for name, content in files.items() if name.endswith("state.safetensors")}
    facts = {name.split("/")[1]: content for name, content in files.items() if name.endswith("/checkpoint.json")}
    sums = {step: json.loads(content)["sha256"] for step, content in facts.items()}
    if MARK_FILE not in files or sums != {step: hashlib.sha256(state).hexdigest() for step, state in states.items()}:
        raise SystemExit(f"DIFFERENT: half a state on {OURS} of {repo_id}: {sorted(files)}")
    return ", ".join(states) or "no checkpoint"


def kill_and_finish(
    hub: LocalHub, folder: Path, number: int, longest: float, options: argparse.Namespace, start: Start
) -> tuple[str, int]:
    """Returns the digest of a run that is killed and finished, and how many kills came before its end."""
    repo_id, run, instants = f"tester/run-{number}", folder / f"run-{number}", random.Random(number)
    planted, useful = plant(hub, repo_id), 0
    words = command(run, options, *pushing(repo_id))
    for kill in range(options.kills // options.runs):
        before, process = reached(run), start(*words)
        if kill % 2:  # while it trains and pushes, or else at any instant
            wait_for_checkpoint(process, run, before)
        seconds = instants.uniform(0.2, WHILE_TRAINING_SECONDS if kill % 2 else longest)
        time.sleep(seconds)
        useful += process.poll() is None
        process.kill()
        process.wait()
        there = check(hub, repo_id, planted)
        print(f"  run {number} kill {kill + 1:2d}: {reached(run)}; Hub: {there}", flush=True)
    finish(start(*words))
    print(f"  run {number} finished; Hub: {check(hub, repo_id, planted)}", flush=True)
    step = f"checkpoints/step-{options.steps:08d}/state.safetensors"
    if hub.files(repo_id, OURS)[step] != (run / step).read_bytes():
        raise SystemExit(f"DIFFERENT: the state on the Hub is not that of {run}")
    return digest(run), useful


def main(words: Sequence[str] | None = None, start: Start = start_python) -> int:
    """`start` starts Python with the words of a command line, and returns what `subprocess.Popen` returns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name, HubProcess(Path(name) / "hub") as server:
        folder = Path(name)
        server.hub.add_account("tester")
        os.environ.update({
            "HF_ENDPOINT": server.endpoint, "HF_TOKEN": server.hub.add_token("tester", "write"), "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HOME": str(folder / "home"), "NO_PROXY": "127.0.0.1",
        })  # fmt: skip
        alone = folder / "alone"
        began = time.monotonic()
        finish(start(*command(alone, options)))
        seconds, wanted = time.monotonic() - began, digest(alone)
        print(f"left alone {seconds:.1f} s, {wanted}", flush=True)
        longest = seconds - json.loads((alone / "run.json").read_text())["progress"]["seconds"]
        results = [
            kill_and_finish(server.hub, folder, number, longest, options, start) for number in range(options.runs)
        ]
    same = all(found == wanted for found, _ in results)
    killed = sum(useful for _, useful in results)
    print(f"{options.runs} runs, killed {killed} times before their ends: {'the same' if same else 'DIFFERENT'}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
