"""What a run costs beyond its steps: `fit` with all callbacks of a real run beside a bare loop over the same step.

usage: python benchmarks/step_overhead.py [--data avatars] [--block 1000] [--rounds 5] [--json FILE]

Starts a run as `train.py` does, with the default intervals of reports, sample sheets and checkpoints, and a progress
line as on a terminal. After every block of steps in `fit`, as many steps are made by a loop that does nothing else,
with the same compiled function, one step a call. Prints what a step takes in both, and which callback takes how much.
A block of 1,000 steps of a small preset holds twenty reports, two sample sheets and one checkpoint; plots are drawn
every minute, bare blocks included. Measuring quality, some seconds every 2,500 steps, is left out. Time between
callbacks that the bare loop does not need is Keras' own. `fit` makes several steps a call; after the bare block come as
many steps in calls of that size, for comparison. Seconds of all cores together depend less than time on what else the
machine does.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import load_average, markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.keras_startup import import_keras_quietly

WARM_UP_STEPS = 20
WRITERS = ("sample", "plot", "checkpoint")  # what writes files for users; the rest is needed to go on


class Terminal(io.StringIO):
    """Takes the progress line as a terminal does, and forgets it."""

    def isatty(self) -> bool:
        """Yes, so that the line is updated in place."""
        return True

    def write(self, text: str) -> int:
        """Takes all."""
        return len(text)


class Stopwatch:
    """Adds up seconds, and those of all cores, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.core_seconds: dict[str, float] = defaultdict(float)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the time of its calls added to a name."""

        def call(*words: Any, **named: Any) -> Any:
            start, start_cores = time.perf_counter(), time.process_time()
            try:
                return function(*words, **named)
            finally:
                self.seconds[name] += time.perf_counter() - start
                self.core_seconds[name] += time.process_time() - start_cores

        return call


def callback_name(callback: Any) -> str:
    """As in the code: the class, or what is called every so many steps."""
    return getattr(getattr(callback, "action", None), "__name__", type(callback).__name__)


def make_turns(options: argparse.Namespace, batches: Any, watch: Stopwatch, pace: Any) -> Any:
    """The callback, the last of all, that makes bare blocks after those of `fit`; `pace` says how many steps a call."""
    import keras

    class Turns(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.rounds: list[dict[str, float]] = []
            self.calls = self.first_step = 0
            self.started = (0.0, 0.0)

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.calls += 1
            made = pace.clock.step - self.first_step
            if self.started == (0.0, 0.0):
                if made >= WARM_UP_STEPS and pace.clock.step % options.block == 0:
                    self.iterator = iter(batches)
                    self.bare_block(WARM_UP_STEPS, 1)
                    self.start()
            elif made >= options.block:
                now, cores = time.perf_counter(), time.process_time()
                fit = {"fit": (now - self.started[0]) / made, "fit_cores": (cores - self.started[1]) / made}
                at_once = max(made // self.calls, 1)
                bare, grouped = self.bare_block(options.block, 1), self.bare_block(options.block, at_once)
                grouped = {name.replace("bare", "grouped"): value for name, value in grouped.items()}
                self.rounds.append(fit | bare | grouped | {"steps_a_call": made / self.calls})
                shown = (f"{name} {1000 * self.rounds[-1][name]:.2f} ms a step" for name in ("fit", "bare", "grouped"))
                say(f"round {len(self.rounds)}: {', '.join(shown)}")
                self.model.stop_training = len(self.rounds) == options.rounds
                self.start()

        def start(self) -> None:
            if not self.rounds:
                watch.seconds.clear()
                watch.core_seconds.clear()
            self.calls, self.first_step = 0, pace.clock.step
            self.started = (time.perf_counter(), time.process_time())

        def bare_block(self, steps: int, at_once: int) -> dict[str, float]:
            kept = self.model.step.numpy(), pace.steps_at_once
            pace.steps_at_once = at_once
            # A batch is read ahead while `fit` works, so those do not count.
            for _ in range(5):
                self.model.train_function(self.iterator)
            start, start_cores = time.perf_counter(), time.process_time()
            for _ in range(steps // at_once):
                logs = self.model.train_function(self.iterator)
            float(logs["g_loss"])  # on a GPU the steps may still be under way
            bare, cores = time.perf_counter() - start, time.process_time() - start_cores
            # The run goes on as if it had made none of these.
            self.model.step.assign(kept[0])
            pace.steps_at_once = kept[1]
            made = steps // at_once * at_once
            return {"bare": bare / made, "bare_cores": cores / made}

    return Turns()


def measured_run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A run whose `fit` takes turns with the bare loop."""
    import_keras_quietly()
    from dcgan_hub.console import Console
    from dcgan_hub.training.dcgan import DCGAN
    from dcgan_hub.training.plan import make_plan
    from dcgan_hub.training.steps_per_call import AdaptiveStepsPerCall
    from dcgan_hub.training.train import run_plan

    watch, found = Stopwatch(), {}
    fit = DCGAN.fit

    def fit_in_turns(gan: DCGAN, batches: Any, *, callbacks: list[Any], **named: Any) -> Any:
        for callback in callbacks:
            callback.on_train_batch_end = watch.timed(callback_name(callback), callback.on_train_batch_end)
        pace = next(callback for callback in callbacks if isinstance(callback, AdaptiveStepsPerCall))
        found["turns"] = make_turns(options, batches, watch, pace)
        return fit(gan, batches, callbacks=[*callbacks, found["turns"]], **named)

    values = {"data": options.data, "steps": 10**6, "evaluate_every": 0}
    plan = make_plan(folder / "run", None, values | ({"preset": options.preset} if options.preset else {}))
    with mock.patch.object(DCGAN, "fit", fit_in_turns):
        run_plan(plan, Console(Terminal()))
    steps = options.block * options.rounds
    parts = {
        name: {"seconds": seconds / steps, "core_seconds": watch.core_seconds[name] / steps}
        for name, seconds in watch.seconds.items()
    }
    return {"rounds": found["turns"].rounds, "parts": parts, "settings": plan.settings.to_dict()}


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Runs, and sums up. Returns what goes into the JSON file."""
    load = load_average()
    facts = measured_run(options, folder)
    medians = {name: statistics.median(r[name] for r in facts["rounds"]) for name in facts["rounds"][0]}
    overheads = {
        "seconds": statistics.median(r["fit"] / r["bare"] - 1.0 for r in facts["rounds"]),
        "core_seconds": statistics.median(r["fit_cores"] / r["bare_cores"] - 1.0 for r in facts["rounds"]),
    }
    kept = [part for name, part in facts["parts"].items() if name not in WRITERS]
    return {
        "dcgan_hub": __version__, "block": options.block, "load_before": load, "load_after": load_average(),
        "medians": medians, "overheads": overheads, **facts,
        "share_of_callbacks": sum(part["core_seconds"] for part in kept) / medians["bare_cores"],
        "share_of_files": sum(p["core_seconds"] for n, p in facts["parts"].items() if n in WRITERS)
        / medians["bare_cores"],
    }  # fmt: skip


def table_rows(result: dict[str, Any]) -> Iterator[list[str]]:
    """Both loops, and the callbacks."""
    medians, overheads = result["medians"], result["overheads"]
    labels = {"bare": "bare loop", "grouped": "bare loop, several steps a call", "fit": "fit with callbacks"}
    for name, label in labels.items():
        shares = [f"{overheads[key]:+.1%}" if name == "fit" else "" for key in ("seconds", "core_seconds")]
        yield [
            label, f"{1000 * medians[name]:.2f}", shares[0], f"{1000 * medians[f'{name}_cores']:.2f}", shares[1]
        ]  # fmt: skip
    for name, part in result["parts"].items():
        cells = []
        for key, whole in (("seconds", medians["bare"]), ("core_seconds", medians["bare_cores"])):
            cells += [f"{1000 * part[key]:.3f}", f"{part[key] / whole:.2%}"]
        yield [f"  {name}", *cells]


def describe(result: dict[str, Any]) -> str:
    """The table."""
    medians = result["medians"]
    lines = [
        markdown_table(["loop", "ms a step", "share", "core ms a step", "share"], list(table_rows(result))),
        "",
        f"of the bare loop's core seconds: callbacks without files {result['share_of_callbacks']:.1%}, files for users "
        f"{result['share_of_files']:.1%}; {medians['steps_a_call']:.1f} steps a call; load average "
        f"{result['load_before']} before, {result['load_after']} after",
    ]
    return "\n".join(lines)


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "rounds", "block")
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, Path(folder).resolve())
    print(describe(result))
    write_figures(options.json, result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="avatars", help="images to train on [avatars]")
    parser.add_argument("--preset", help="of the networks [the one for the images]")
    parser.add_argument("--block", type=int, default=1000, metavar="STEPS", help="steps of each in a round [1000]")
    parser.add_argument("--rounds", type=int, default=5, help="turns of both [5]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all rounds")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
