"""Whether a change made training slower: two checkouts train in turns, one stopped while the other one computes.

usage: python benchmarks/compare_checkouts.py OTHER [--options "--preset avatars-32"] [--turns 20] [--steps 100]
                                              [--other-python PATH] [--other-options TEXT] [--json FILE]

OTHER is another checkout of this repository, as `git worktree add` makes one, or the same with other options or another
Python, such as one with PyTorch. Both runs start, report as often, and are stopped (SIGSTOP) once they have made their
first steps. In each turn one after the other goes on for as many steps; who is first alternates. So both meet the same
other work on the machine, and what they computed before does not count. Prints medians of seconds, and of seconds of
all cores together, and how this checkout compares: the median of the ratios of turns, and the standard error of their
mean. For Linux.
"""

import argparse
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub.errors import RunError, SettingsError

ROOT = Path(__file__).resolve().parent.parent
REPORT_STEPS = 10
NEVER = "1000000"
START_SECONDS = 600  # within which a run makes its first steps
POLL_SECONDS = 0.002


class RunInTurns:
    """A run of one checkout, stopped whenever it is not its turn."""

    def __init__(self, name: str, python: str, checkout: Path, words: list[str], folder: Path) -> None:
        self.name = name
        self._metrics = folder / name / "metrics.jsonl"
        self._messages = folder / f"{name}.txt"
        command = [python, str(checkout / "train.py"), *words, "--run", str(folder / name), "--steps", NEVER]
        command += ["--report-every", str(REPORT_STEPS), "--sample-every", NEVER, "--checkpoint-every", NEVER]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        with self._messages.open("w") as messages:
            self._process = subprocess.Popen(
                [*command, "--evaluate-every", "0", "--quiet"], cwd=checkout, env=environment, stderr=messages
            )

    def stop(self) -> None:
        """Holds it where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Ends it, without a trace."""
        self._process.kill()
        self._process.wait()

    def await_first_steps(self) -> None:
        """Waits until it has compiled its steps and reported twice, then stops it."""
        self._await_reports(2, START_SECONDS)
        self.stop()

    def take_turn(self, steps: int) -> tuple[float, float]:
        """Lets it make so many steps; returns seconds, and seconds of all cores together."""
        self._process.send_signal(signal.SIGCONT)
        self._await_reports(self._reports() + 1)  # the rest of those in which it was stopped
        reports, start, start_cores = self._reports(), time.perf_counter(), self._core_seconds()
        self._await_reports(reports + steps // REPORT_STEPS)
        seconds = time.perf_counter() - start, self._core_seconds() - start_cores
        self.stop()
        return seconds

    def _reports(self) -> int:
        return self._metrics.read_bytes().count(b"\n") if self._metrics.exists() else 0

    def _await_reports(self, count: int, seconds: float = float("inf")) -> None:
        end = time.monotonic() + seconds
        while self._reports() < count:
            if self._process.poll() is not None or time.monotonic() > end:
                lines = self._messages.read_text(errors="replace").strip().splitlines()
                raise RunError(
                    f"Both checkouts must train. Received: nothing more from the {self.name} one, "
                    f"whose last message is: {lines[-1] if lines else 'none'}"
                )
            time.sleep(POLL_SECONDS)

    def _core_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(runs: list[RunInTurns], turns: int, steps: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of every turn by name; a line about each of them."""
    for side in runs:
        side.await_first_steps()
    measured: dict[str, list[tuple[float, float]]] = {side.name: [] for side in runs}
    for turn in range(turns):
        for side in runs if turn % 2 else reversed(runs):
            measured[side.name].append(side.take_turn(steps))
        say(f"turn {turn + 1} of {turns}: " + ", ".join(f"{name} {m[-1][0]:.2f} s" for name, m in measured.items()))
    return measured


def ratio_and_error(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """The median of the ratios of turns, and the standard error of their mean."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return statistics.median(ratios), statistics.stdev(ratios) / len(ratios) ** 0.5


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "turns", "steps")
    if options.turns < 2 or options.steps % REPORT_STEPS:
        raise SettingsError(
            f"--turns must be 2 or more and --steps a multiple of {REPORT_STEPS}. "
            f"Received: {options.turns} and {options.steps}. Leave them out."
        )
    if not shutil.which(options.other_python):
        raise SettingsError(f"--other-python must be a Python. Received: {options.other_python}. Give its path.")
    if not (options.other / "train.py").is_file():
        raise SettingsError(
            f"OTHER must be a checkout of this repository. Received: {options.other}, without train.py. "
            "Make one: git worktree add ../before COMMIT"
        )
    load = load_average()
    runs: list[RunInTurns] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            other_words = shlex.split(f"{options.options} {options.other_options}")
            other = ("other", options.other_python, options.other.resolve(), other_words)
            this = ("this", sys.executable, ROOT, shlex.split(options.options))
            for words in (other, this):
                runs.append(RunInTurns(*words, Path(folder).resolve()))
            measured = measure(runs, options.turns, options.steps)
        finally:
            for side in runs:
                side.end()
    print_and_write(measured, options, load)


def print_and_write(measured: dict[str, list[tuple[float, float]]], options: argparse.Namespace, load: Any) -> None:
    """The table, and the file of figures."""
    rows, figures = [], {}
    for column, unit in enumerate(("seconds", "seconds of all cores")):
        other, ours = ([turn[column] for turn in measured[name]] for name in ("other", "this"))
        ratio, error = ratio_and_error(ours, other)
        medians = (f"{statistics.median(values):.2f}" for values in (other, ours))
        rows.append([unit, *medians, f"{ratio:.3f} ± {error:.3f}"])
        figures[unit] = {"ratio": ratio, "standard_error": error}
    print(markdown_table([f"for {options.steps} steps", "other", "this", "this / other"], rows))
    told = {"options": options.options, "other_options": options.other_options, "load_before": load}
    write_figures(options.json, {**told, "turns": measured, **figures})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, metavar="OTHER", help="another checkout")
    parser.add_argument("--options", default="", metavar="TEXT", help="of train.py, for both")
    parser.add_argument("--other-options", default="", metavar="TEXT", help="of train.py, for OTHER only")
    parser.add_argument("--other-python", default=sys.executable, metavar="PATH", help="that runs OTHER [this one]")
    parser.add_argument("--turns", type=int, default=20, help="of each [20]")
    parser.add_argument("--steps", type=int, default=100, help=f"of a turn, a multiple of {REPORT_STEPS} [100]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all turns")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
