"""The sample sheets of a run as frames of a time-lapse, and its metrics as curves.

Those of two runs are shown side by side, or in the same plot, at equal steps or equal training time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_hub.console import rough_duration
from dcgan_hub.demo.run_views.timeline import progress_of
from dcgan_hub.demo.validation import one_of
from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import by_step, count, evenly, number, section

STEPS, TIME = "steps", "time"
END = "end"
MAX_DIGITS = 20
MEASURES = (STEPS, TIME)
MAX_FRAMES = 400  # of the player; its slider cannot resolve more
ACCURACIES = (("real_accuracy", "on real images"), ("generated_accuracy", "on generated images"))
# Title, unit, limits of the axis or None, and the curves: name in metrics.jsonl, display name.
PLOTS: Sequence[tuple[str, str, tuple[float, float] | None, Sequence[tuple[str, str]]]] = (
    ("Losses", "nats", None, (("g_loss", "generator"), ("d_loss", "discriminator"))),
    ("Discriminator accuracy", "fraction", (0.0, 1.0), ACCURACIES),
    ("KID", "lower is better", None, (("kid", "KID"),)),
    ("FID", "lower is better", None, (("fid", "FID"),)),
    ("Precision and recall", "fraction", (0.0, 1.0), (("precision", "precision"), ("recall", "recall"))),
    ("Speed", "images per second", None, (("images_per_second", "speed"),)),
)
DIGITS = 5  # significant ones; a plot cannot show more


def seconds_at(run: Run, steps: list[int]) -> list[float | None]:
    """Training time in seconds at each step, interpolated between reports; None if unknown."""
    known = {0: 0.0} | {int(row["step"]): row["seconds"] for row in run.metrics.rows if "seconds" in row}
    progress = progress_of(run)
    if "seconds" in progress and "step" in progress:
        known[int(progress["step"])] = progress["seconds"]
    if len(known) < 2:
        return [None] * len(steps)
    ascending = sorted(known)
    times = np.maximum.accumulate([known[step] for step in ascending])
    return [float(value) for value in np.interp(steps, ascending, times)]


def film_of(run: Run) -> list[dict[str, Any]]:
    """The frames of one run.

    Returns:
        For each `at`, its place on the axis of the plots, `steps` of its single sheet, `label`, and `captions`.
    """
    steps = evenly(list(run.steps), MAX_FRAMES)
    seconds = seconds_at(run, steps)
    batch = count(section(section(run.record, "settings"), "training").get("batch_size"))
    return [
        {"at": step, "steps": [step], "label": _label(step, time, batch), "captions": [""]}
        for step, time in zip(steps, seconds, strict=True)
    ]


def film_of_two(first: Run, second: Run, measure: str) -> list[dict[str, Any]]:
    """The frames of two runs at equal steps or equal training time, up to the end of the shorter one.

    At every position each run shows its newest sheet up to there.

    Raises:
        SettingsError: for an invalid measure, or if the runs do not overlap in it.
    """
    courses = _courses(first, second, measure)
    start, end = _shared(courses)
    positions = sorted({at for course in courses for at, _ in course if start <= at <= end} | {end})
    return [_pair(courses, at, measure) for at in evenly(positions, MAX_FRAMES)]


def pair_at(first: Run, second: Run, measure: str, at: str | float = END) -> dict[str, Any]:
    """One frame of `film_of_two`, at the step or training second `at`; END: the last that both runs have."""
    courses = _courses(first, second, measure)
    start, end = _shared(courses)
    place = end if at == END else _as_number(at)
    if place is None or not start <= place <= end:
        raise SettingsError(
            f"`at` must be one of the {'steps' if measure == STEPS else 'seconds of training'} that both runs have: "
            f"{start:g} to {end:g}; or end. Received: {shorten(at, 40)}. Try {end:g}."
        )
    return _pair(courses, place, measure)


def _as_number(value: Any) -> float | None:
    """A number, which may be given as text; None for anything else."""
    if isinstance(value, str) and len(value) <= MAX_DIGITS:
        try:
            value = float(value)
        except ValueError:
            return None
    return number(value)


def _courses(first: Run, second: Run, measure: str) -> list[list[tuple[float, int]]]:
    one_of("measure", measure, MEASURES)
    courses = [_positions(run, measure) for run in (first, second)]
    start, end = _shared(courses)
    if start > end:
        raise SettingsError(
            f"Two runs can only be compared where both have sheets. Received: {shorten(first.title)} and "
            f"{shorten(second.title)}, whose {measure} do not overlap. Compare others."
        )
    return courses


def _shared(courses: list[list[tuple[float, int]]]) -> tuple[float, float]:
    return max(course[0][0] for course in courses), min(course[-1][0] for course in courses)


def _pair(courses: list[list[tuple[float, int]]], at: float, measure: str) -> dict[str, Any]:
    steps = [[step for reached, step in course if reached <= at][-1] for course in courses]
    label = f"Step {at:,.0f}" if measure == STEPS else f"After {rough_duration(at)} of training"
    return {"at": at, "steps": steps, "label": label, "captions": [f"step {step:,}" for step in steps]}


def _positions(run: Run, measure: str) -> list[tuple[float, int]]:
    """The position of each sheet on the axis, ascending, with its step."""
    steps = list(run.steps)
    places: list[float | None] = [float(step) for step in steps] if measure == STEPS else seconds_at(run, steps)
    found = [(place, step) for place, step in zip(places, steps, strict=True) if place is not None]
    if not found:
        wanted = "sample sheets" if not steps else "reports with the training time"
        raise SettingsError(
            f"Runs are compared by their sheets. Received: {shorten(run.title)} without {wanted} yet. "
            "Wait for its first report, or compare another one."
        )
    return found


def _label(step: int, seconds: float | None, batch: int | None) -> str:
    parts = [f"Step {step:,}"]
    if seconds is not None:
        parts.append(f"{rough_duration(seconds)} of training")
    if batch:
        parts.append(f"{step * batch:,.0f} images seen")
    return " · ".join(parts)


def plots_of(runs: Sequence[Run], measure: str = STEPS) -> dict[str, Any]:
    """The data of the plots of one run, or of two runs in the same plots, as plain values; empty plots are left out.

    The horizontal axis is "steps", or "time" in seconds of training; anything else raises SettingsError.

    Returns:
        `axis`, and `plots`: each with `title`, `unit`, `limits` or None, and `curves`: each with `name`, `run`
        (0 or 1), `colour` (0 or 1) and `points` [[x, y], ...].
    """
    place = "step" if one_of("measure", measure, MEASURES) == STEPS else "seconds"
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
