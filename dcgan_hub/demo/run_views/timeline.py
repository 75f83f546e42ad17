"""Descriptions of a run in words.

In short: its state, progress, speed and quality. In detail: its history as a readable log.
"""

import datetime
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dcgan_hub.console import rough_duration
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import Row, count, lost_a_loss, number, section, text

MAX_NOTES = 50
MAX_CHANGES = 5
ACCURACIES = ("real_accuracy", "generated_accuracy")
SATURATED = 0.985  # of both accuracies; above it the generator gets little useful gradient
SATURATED_REPORTS = 5  # consecutive ones that trigger a warning
SLOW = 0.5  # of the median speed
KINDS = ("live", "silent", "stopped", "finished", "failed", "damaged")
# A run's lock cannot be tested without taking it for a moment, which could make a starting run fail. So a run counts
# as live while it writes: it may be silent for this long, or four times the longest recent pause between reports.
PATIENCE_SECONDS = 180.0
PATIENCE_FACTOR = 4.0
ASCENDING = {"kid": "KID", "fid": "FID"}  # lower is better


@dataclass(frozen=True)
class State:
    """The state of a run: one of `KINDS`, and a sentence or two for display."""

    kind: str
    words: str


def state_of(run: Run, now: float | None = None) -> State:
    """Determines the state from the record and the time of the last write; `now` in seconds since 1970."""
    if not run.record:
        return State("damaged", "Its run.json cannot be read.")
    said, reason = text(run.record.get("state")), text(run.record.get("reason"))
    if said in ("finished", "stopped", "failed"):
        return State(said, f"{said.capitalize()}{f': {reason}' if reason else ''}")
    if said != "running":
        return State("damaged", f"Its run.json has an unknown state, {said!r}.")
    silence = (time.time() if now is None else now) - run.changed_at if run.changed_at is not None else None
    if silence is None:  # a record on the Hub that was pushed during training
        return State("stopped", "Pushed while it was training; open it again for a newer record")
    if silence <= _patience(run.metrics.rows):
        return State("live", "Training now")
    return State(
        "silent",
        f"No activity for {rough_duration(silence)}, although its state is running: it was probably killed. The same "
        "command resumes from its last checkpoint",
    )


def progress_of(run: Run) -> Row:
    """The newest `step`, `images_seen` and `seconds` of training, from reports and checkpoints."""
    newest = dict(run.metrics.rows[-1]) if run.metrics.rows else {}
    checkpoint = section(run.record, "progress")
    if (count(checkpoint.get("step")) or 0) > newest.get("step", 0):
        newest |= {
            name: value for name in ("step", "images_seen", "seconds") if (value := number(checkpoint.get(name)))
        }
    return {name: newest[name] for name in ("step", "images_seen", "seconds") if name in newest}


def speed_of(run: Run) -> float | None:
    """Images per second: the median of the last nine reports, since the first ones include compilation."""
    return _median_speed(run.metrics.rows[-9:])


def best_of(run: Run) -> dict[str, Any] | None:
    """The best measured quality: `name` (KID, else FID), `value`, `step`; None if not measured."""
    return next(
        ({"name": title, "value": value, "step": int(row["step"])} for title, value, row, _ in _best(run)), None
    )


def data_of(run: Run) -> tuple[str, int | None]:
    """Name and number of the images."""
    dataset = section(run.record, "dataset")
    return text(dataset.get("name"), 80) or "unknown images", count(dataset.get("count"))


def age_of(run: Run, now: float | None = None) -> float | None:
    """Seconds since the last write, or for a record on the Hub since its last start."""
    now = time.time() if now is None else now
    if run.changed_at is not None:
        return max(0.0, now - run.changed_at)
    started = moment(run.record.get("started"))
    return max(0.0, now - started.timestamp()) if started else None


def moment(value: Any) -> datetime.datetime | None:
    """Parses an ISO time of a record; None if it is invalid."""
    try:
        found = datetime.datetime.fromisoformat(value)
        return found.replace(tzinfo=found.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def summary(run: Run, now: float | None = None) -> dict[str, Any]:
    """A summary of a run for its card and for `/runs`: plain values."""
    state, progress, (data, images) = state_of(run, now), progress_of(run), data_of(run)
    age = age_of(run, now)
    return {
        "run": run.name,
        "title": run.title,
        "state": state.kind,
        "words": state.words,
        "data": data,
        "images": images,
        "step": count(progress.get("step")),
        "images_seen": count(progress.get("images_seen")),
        "seconds": progress.get("seconds"),
        "images_per_second": speed_of(run),
        "best": best_of(run),
        "sheets": len(run.steps),
        "newest_sheet": run.steps[-1] if run.steps else None,
        "age_seconds": None if age is None else round(age, 1),
        "model": run.model,
    }


def _median_speed(rows: Sequence[Row]) -> float | None:
    speeds = sorted(row["images_per_second"] for row in rows if "images_per_second" in row)
    return speeds[len(speeds) // 2] if speeds else None


def _best(run: Run) -> Iterator[tuple[str, float, Row, int]]:
    """Title, value and report of the best measurement of each metric, and the number of measurements."""
    for name, title in ASCENDING.items():
        rows = [row for row in run.metrics.measured if name in row]
        if rows:
            best = min(rows, key=lambda row: row[name])
            yield title, best[name], best, len(rows)


def _patience(rows: tuple[Row, ...]) -> float:
    times = [row["seconds"] for row in rows[-9:] if "seconds" in row]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    return max(PATIENCE_SECONDS, PATIENCE_FACTOR * max(pauses, default=0.0))


def course_of(run: Run, now: float | None = None) -> list[dict[str, str]]:
    """The log of a run, oldest first.

    Returns:
        Entries of `when` ("2026-11-22 03:49 UTC", "step 500" or empty), `kind` ("info", "warning") and `words`, all
        plain texts, not escaped.
    """
    noticed = _findings(run.record) if isinstance(run.record.get("health"), list) else _saturation(run.metrics.rows)
    warnings = sorted([*noticed, *_warnings(run.metrics.rows), *_rollbacks(run.record)], key=lambda note: note[0])
    notes = [*_beginning(run), *(note for _, note in warnings), *_milestones(run), *_ending(run, now)]
    return notes[: MAX_NOTES - 1] + notes[-1:] if len(notes) > MAX_NOTES else notes


def _beginning(run: Run) -> list[dict[str, str]]:
    record, notes = run.record, []
    created, started = moment(record.get("created")), moment(record.get("started"))
    dataset = section(record, "dataset")
    images = count(dataset.get("count"))
    if created:
        learns = f"{images:,} images of " if images is not None else ""
        notes.append(_note(_clock(created), f"Begun with {learns}{text(dataset.get('name'), 80) or 'unknown images'}"))
    report = dataset.get("report")
    for line in report if isinstance(report, list) else []:
        if text(line):
            notes.append(_note("", f"Data: {text(line, 300)}"))
    if started and created and (started - created).total_seconds() >= 1:
        notes.append(_note(_clock(started), "Resumed from the newest checkpoint"))
    rows = run.metrics.rows
    if rows:
        spent = f" after {rough_duration(rows[0]['seconds'])}" if "seconds" in rows[0] else ""
        notes.append(_note(_step(rows[0]), f"First report{spent}"))
    return notes


def _findings(record: dict[str, Any]) -> list[tuple[int, dict[str, str]]]:
    """The findings of the doctor, by step."""
    notes = []
    for entry in _entries(record, "health"):
        step, over, words = count(entry.get("step")), count(entry.get("over")), text(entry.get("words"), 600)
        if step is not None and words:
            ended = f" (Until step {over:,}.)" if over is not None else ""
            notes.append((step, _note(f"step {step:,}", f"{words}{ended}", "warning")))
    return notes


def _rollbacks(record: dict[str, Any]) -> list[tuple[int, dict[str, str]]]:
    """The rollbacks of the run, with the changes of its settings."""
    notes = []
    for entry in _entries(record, "healings"):
        step, back_to = count(entry.get("at_step")), count(entry.get("back_to"))
        if step is None or back_to is None:
            continue
        changes = [
            f"{text(name, 40)} from {text(str(values[0]), 20)} to {text(str(values[1]), 20)}"
            for name, values in list(section(entry, "changes").items())[:MAX_CHANGES]
            if isinstance(values, list) and len(values) == 2
        ]
        changed = f" with {', '.join(changes)}" if changes else ""
        notes.append((step, _note(f"step {step:,}", f"Rolled back to step {back_to:,}, and continued{changed}.")))
    return notes


def _entries(record: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = record.get(name)
    return [entry for entry in listed[:MAX_NOTES] if isinstance(entry, dict)] if isinstance(listed, list) else []


def _saturation(rows: tuple[Row, ...]) -> list[tuple[int, dict[str, str]]]:
    """Warnings for runs of older versions, which had no doctor."""
    return _stretches(
        rows,
        lambda row: all(row.get(name, 0.0) >= SATURATED for name in ACCURACIES),
        SATURATED_REPORTS,
        "the discriminator classified nearly all images correctly, so the generator could learn little",
    )


def _warnings(rows: tuple[Row, ...]) -> list[tuple[int, dict[str, str]]]:
    usual = _median_speed(rows) or 0.0
    slow = f"training ran at less than half of its usual speed of {usual:,.0f} images per second"
    # At least two reports, since the first one includes compilation.
    return [
        *_stretches(rows, lost_a_loss, 1, "a loss was missing or not finite"),
        *_stretches(rows, lambda row: row.get("images_per_second", usual) < SLOW * usual, 2, slow),
    ]


def _stretches(
    rows: tuple[Row, ...], is_amiss: Callable[[Row], bool], least: int, words: str
) -> list[tuple[int, dict[str, str]]]:
    """A warning for each series of at least `least` consecutive reports in which `is_amiss`, by first step."""
    notes = []
    for wrong, stretch in itertools.groupby(rows, is_amiss):
        found = list(stretch)
        if wrong and len(found) >= least:
            until = f"Until step {found[-1]['step']:,.0f} " if len(found) > 1 else "Here "
            notes.append((int(found[0]["step"]), _note(_step(found[0]), f"{until}{words}", "warning")))
    return notes


def _milestones(run: Run) -> list[dict[str, str]]:
    return [
        _note(_step(row), f"Best {title}: {value:.4g}, of {measured:,} measurements")
        for title, value, row, measured in _best(run)
    ]


def _ending(run: Run, now: float | None) -> list[dict[str, str]]:
    progress, state = progress_of(run), state_of(run, now)
    notes = [_note("", problem, "warning") for problem in run.problems]
    reached = f"{progress['images_seen']:,.0f} images seen" if "images_seen" in progress else ""
    if "seconds" in progress:
        reached += f"{' in ' if reached else ''}{rough_duration(progress['seconds'])} of training"
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
