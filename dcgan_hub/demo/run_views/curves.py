"""The metrics of one run, or of two, as curves to be drawn: losses, accuracies, quality, speed."""

from collections.abc import Sequence
from typing import Any

from dcgan_hub.demo.run_views.playback import STEPS, check_measure
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import by_step

# Title, unit, limits of the axis or None, and the curves: name in metrics.jsonl, name for people.
PLOTS: Sequence[tuple[str, str, tuple[float, float] | None, Sequence[tuple[str, str]]]] = (
    ("Losses", "nats", None, (("g_loss", "generator"), ("d_loss", "discriminator"))),
    (
        "Discriminator is right",
        "share",
        (0.0, 1.0),
        (("real_accuracy", "on real images"), ("generated_accuracy", "on generated images")),
    ),
    ("KID", "lower is better", None, (("kid", "KID"),)),
    ("FID", "lower is better", None, (("fid", "FID"),)),
    ("Precision and recall", "share", (0.0, 1.0), (("precision", "precision"), ("recall", "recall"))),
    ("Speed", "images a second", None, (("images_per_second", "speed"),)),
)
DIGITS = 5  # that a plot can show


def plots_of(runs: Sequence[Run], measure: str = STEPS) -> dict[str, Any]:
    """What the plots show, as plain values; a plot without a point is left out.

    Args:
        runs: one, or two that are laid over each other.
        measure: what the horizontal axis counts: "steps", or "time" in seconds of training.

    Returns:
        `axis`, and `plots`: each with `title`, `unit`, `limits` or None, and `curves`: each with `name`, `run`
        (0 or 1), `colour` (0 or 1) and `points` [[x, y], ...].

    Raises:
        SettingsError: for another measure.
    """
    place = "step" if check_measure(measure) == STEPS else "seconds"
    plots = []
    for title, unit, limits, names in PLOTS:
        curves = [
            {"name": _name(shown, run, runs), "run": index, "colour": colour, "points": points}
            for index, run in enumerate(runs)
            for colour, (name, shown) in enumerate(names)
            if (points := _points(run, place, name))
        ]
        if curves:
            plots.append({"title": title, "unit": unit, "limits": list(limits) if limits else None, "curves": curves})
    return {"axis": "step" if place == "step" else "seconds of training", "plots": plots}


def _name(shown: str, run: Run, runs: Sequence[Run]) -> str:
    return shown if len(runs) == 1 else f"{run.title}: {shown}"


def _points(run: Run, place: str, name: str) -> list[list[float]]:
    rows = by_step((*run.metrics.rows, *run.metrics.measured))
    found = [row for row in rows if name in row and place in row]
    return [[row[place], float(f"{row[name]:.{DIGITS}g}")] for row in found]
