"""Measures by how much pushing to the Hub slows down the training beside it.

usage: python benchmarks/push_beside.py [--steps 3000] [--rounds 3] [--every 500] [--bytes-per-second N]

Trains the embedded drawings with and without `--push-every --push-checkpoints`, turn by turn, against the Hub of the
tests in a process of its own on this machine, at the lowest priority. Prints for each run the seconds of training
(run.json: without imports and the last push) and the seconds of processor time (of the whole process), their medians,
and the ratios. On a machine with other work the second ratio is the one to believe.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from local_hub import HubProcess  # noqa: E402, it is of the tests

ID = "tester/avatars"
IDLE = 19  # the priority of the Hub, which would be another machine


@dataclass(frozen=True)
class Cost:
    """Seconds of one run: of training by the clock, and of the processor for everything."""

    training: float
    processor: float


def cost_of_run(run: Path, options: argparse.Namespace, pushing: list[str], environment: dict[str, str]) -> Cost:
    words = [sys.executable, str(ROOT / "train.py"), "--preset", "avatars-32", "--run", str(run), "--quiet"]
    words += ["--steps", str(options.steps), "--checkpoint-every", str(options.every), *pushing]
    before = processor_seconds()
    subprocess.run(words, check=True, env=environment)
    training = json.loads((run / "run.json").read_text())["progress"]["seconds"]
    return Cost(training, processor_seconds() - before)


def processor_seconds() -> float:
    """Of the children that have ended: not of the Hub."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=500, help="steps between two checkpoints, and two pushes")
    parser.add_argument("--bytes-per-second", type=int, help="speed of the line")
    options = parser.parse_args()
    pushing = ["--push-to-hub", ID, "--push-every", str(options.every), "--push-checkpoints"]
    costs: dict[str, list[Cost]] = {"alone": [], "pushing": []}
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder) / "hub") as server:
        os.setpriority(os.PRIO_PROCESS, server._process.pid, IDLE)
        server.hub.add_account("tester")
        token = server.hub.add_token("tester", "write")
        environment = os.environ | {
            "HF_ENDPOINT": server.endpoint, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        if options.bytes_per_second:
            server.misbehave(bytes_per_second=options.bytes_per_second)
        for number in range(options.rounds):
            for kind in ("alone", "pushing"):
                words = pushing if kind == "pushing" else []
                run = Path(folder) / f"{kind}-{number}"
                cost = cost_of_run(run, options, words, environment)
                costs[kind].append(cost)
                shown = f"{kind:<8} {cost.training:7.2f} s, processor {cost.processor:7.2f} s"
                print(f"{shown}, load {os.getloadavg()[0]:.1f}", flush=True)
        commits = len(server.hub.commits(ID))
    for name in ("training", "processor"):
        alone, pushing_too = (statistics.median(getattr(cost, name) for cost in costs[kind]) for kind in costs)
        print(f"{name}: median {alone:.2f} s alone, {pushing_too:.2f} s pushing: {pushing_too / alone - 1:+.2%}")
    print(f"{commits} commits in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
