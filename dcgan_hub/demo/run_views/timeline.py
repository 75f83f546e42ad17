"""The course of a run as a log that people can read: starts, what was noticed on the way, and how it ended."""

import itertools
from collections.abc import Callable
from typing import Any

from dcgan_hub.demo.run_views.state import ASCENDING, duration, moment, progress_of, state_of
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import Row, count, lost_a_loss, section, text

MOST_NOTES = 50
MOST_CHANGES = 5
ACCURACIES = ("real_accuracy", "generated_accuracy")
SATURATED = 0.985  # of both accuracies; from there on the generator is told little more than that all is wrong
SATURATED_REPORTS = 5  # in a row, before it is worth a warning
SLOW = 0.5  # of the median speed


def course_of(run: Run, now: float | None = None) -> list[dict[str, str]]:
    """The log of a run, oldest first.

    Returns:
        Entries of `when` ("2026-11-22 03:49 UTC", "step 500" or empty), `kind` ("info", "warning") and `words`, all
        plain texts, not escaped.
    """
    noticed = _findings(run.record) if isinstance(run.record.get("health"), list) else _saturation(run.metrics.rows)
    warnings = sorted([*noticed, *_warnings(run.metrics.rows), *_healings(run.record)], key=lambda note: note[0])
    notes = [*_beginning(run), *(note for _, note in warnings), *_milestones(run), *_ending(run, now)]
    return notes[: MOST_NOTES - 1] + notes[-1:] if len(notes) > MOST_NOTES else notes


def _beginning(run: Run) -> list[dict[str, str]]:
    record, notes = run.record, []
    created, started = moment(record.get("created")), moment(record.get("started"))
    dataset = section(record, "dataset")
    images = count(dataset.get("count"))
    if created:
        learns = f"{images:,} images of " if images is not None else ""
        notes.append(_note(_clock(created), f"Begun, with {learns}{text(dataset.get('name'), 80) or 'unknown images'}"))
    report = dataset.get("report")
    for line in report if isinstance(report, list) else []:
        if text(line):
            notes.append(_note("", f"Of the data: {text(line, 300)}"))
    if started and created and (started - created).total_seconds() >= 1:
        notes.append(_note(_clock(started), "Started again, and gone on from the newest checkpoint"))
    rows = run.metrics.rows
    if rows:
        spent = f" after {duration(rows[0]['seconds'])}" if "seconds" in rows[0] else ""
        notes.append(_note(_step(rows[0]), f"First report{spent}"))
    return notes


def _findings(record: dict[str, Any]) -> list[tuple[int, dict[str, str]]]:
    """What the run's own doctor found, by step."""
    notes = []
    for entry in _entries(record, "health"):
        step, over, words = count(entry.get("step")), count(entry.get("over")), text(entry.get("words"), 600)
        if step is not None and words:
            ended = f" (Until step {over:,}.)" if over is not None else ""
            notes.append((step, _note(f"step {step:,}", f"{words}{ended}", "warning")))
    return notes


def _healings(record: dict[str, Any]) -> list[tuple[int, dict[str, str]]]:
    """Where the run went back to an earlier step and changed its settings."""
    notes = []
    for entry in _entries(record, "healings"):
        step, back_to = count(entry.get("at_step")), count(entry.get("back_to"))
        if step is None or back_to is None:
            continue
        changes = [
            f"{text(name, 40)} from {text(str(values[0]), 20)} to {text(str(values[1]), 20)}"
            for name, values in list(section(entry, "changes").items())[:MOST_CHANGES]
            if isinstance(values, list) and len(values) == 2
        ]
        changed = f" with {', '.join(changes)}" if changes else ""
        notes.append((step, _note(f"step {step:,}", f"Healed: went back to step {back_to:,} and on{changed}.")))
    return notes


def _entries(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = record.get(name)
    return [entry for entry in listed[:MOST_NOTES] if isinstance(entry, dict)] if isinstance(listed, list) else []


def _saturation(rows: tuple[Row, ...]) -> list[tuple[int, dict[str, str]]]:
    """For runs of versions that had no doctor."""
    return _stretches(
        rows,
        lambda row: all(row.get(name, 0.0) >= SATURATED for name in ACCURACIES),
        SATURATED_REPORTS,
        "the discriminator was nearly always right, so that the generator had little to learn from",
    )


def _warnings(rows: tuple[Row, ...]) -> list[tuple[int, dict[str, str]]]:
    speeds = sorted(row["images_per_second"] for row in rows if "images_per_second" in row)
    usual = speeds[len(speeds) // 2] if speeds else 0.0
    slow = f"training ran at less than half of its usual speed of {usual:,.0f} images a second"
    # At least two reports, since the first one waits for compilation.
    return [
        *_stretches(rows, lost_a_loss, 1, "a loss was missing or not finite"),
        *_stretches(rows, lambda row: row.get("images_per_second", usual) < SLOW * usual, 2, slow),
    ]


def _stretches(
    rows: tuple[Row, ...], is_amiss: Callable[[Row], bool], least: int, words: str
) -> list[tuple[int, dict[str, str]]]:
    """Stretches of at least so many reports in which something was amiss, each told once, by first step."""
    notes = []
    for wrong, stretch in itertools.groupby(rows, is_amiss):
        found = list(stretch)
        if wrong and len(found) >= least:
            until = f"Until step {found[-1]['step']:,.0f} " if len(found) > 1 else "Here "
            notes.append((int(found[0]["step"]), _note(_step(found[0]), f"{until}{words}", "warning")))
    return notes


def _milestones(run: Run) -> list[dict[str, str]]:
    notes = []
    for name, title in ASCENDING.items():
        rows = [row for row in run.metrics.measured if name in row]
        if rows:
            best = min(rows, key=lambda row: row[name])
            notes.append(_note(_step(best), f"Best {title}: {best[name]:.4g}, of {len(rows):,} measured"))
    return notes


def _ending(run: Run, now: float | None) -> list[dict[str, str]]:
    progress, state = progress_of(run), state_of(run, now)
    notes = [_note("", problem, "warning") for problem in run.problems]
    reached = f"{progress['images_seen']:,.0f} images seen" if "images_seen" in progress else ""
    if "seconds" in progress:
        reached += f"{' in ' if reached else ''}{duration(progress['seconds'])} of training"
    kind = "info" if state.kind in ("live", "finished", "stopped") else "warning"
    words = f"{state.words}{'' if state.words.endswith(('.', '!', '?')) else '.'}"
    notes.append(_note(_step(progress) if "step" in progress else "", f"{words} {reached}".strip(), kind))
    return notes


def _note(when: str, words: str, kind: str = "info") -> dict[str, str]:
    return {"when": when, "kind": kind, "words": words}


def _clock(time: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")


def _step(row: Row) -> str:
    return f"step {row['step']:,.0f}"
