"""What can be said of a run in a few words: whether it goes on, how far it is, how fast, how good."""

import datetime
import itertools
import time
from dataclasses import dataclass
from typing import Any

from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import Row, count, number, section, text

KINDS = ("live", "silent", "stopped", "finished", "failed", "damaged")
# A trainer's lock cannot be looked at without taking it for an instant, which might turn away one that starts then.
# So a run goes on while it writes: between two reports it may be silent this long, or four times as long as before.
PATIENCE_SECONDS = 180.0
PATIENCE_FACTOR = 4.0
ASCENDING = {"kid": "KID", "fid": "FID"}  # lower is better


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes:
        kind: one of `KINDS`.
        words: a sentence or two for people.
    """

    kind: str
    words: str


def state_of(run: Run, now: float | None = None) -> State:
    """Judges a run by its record and by when it last wrote.

    Args:
        run: as it was read.
        now: seconds since 1970; None: this moment.
    """
    if not run.record:
        return State("damaged", "Its run.json cannot be read.")
    said, reason = text(run.record.get("state")), text(run.record.get("reason"))
    if said in ("finished", "stopped", "failed"):
        return State(said, f"{said.capitalize()}{f': {reason}' if reason else ''}")
    if said != "running":
        return State("damaged", f"Its run.json names no known state, but {said!r}.")
    silence = (time.time() if now is None else now) - run.changed_at if run.changed_at is not None else None
    if silence is None:  # a record on the Hub, pushed while it went on
        return State("stopped", "Pushed while it was training; open it again for a newer record")
    if silence <= _patience(run.metrics.rows):
        return State("live", "Training now")
    return State(
        "silent",
        f"Silent for {duration(silence)}, though it says that it is running: it was probably killed. The same command "
        "goes on from its last checkpoint",
    )


def progress_of(run: Run) -> Row:
    """Newest `step`, `images_seen` and `seconds` of training, whether a report or a checkpoint told them."""
    newest = dict(run.metrics.rows[-1]) if run.metrics.rows else {}
    checkpoint = section(run.record, "progress")
    if (count(checkpoint.get("step")) or 0) > newest.get("step", 0):
        newest |= {
            name: value for name in ("step", "images_seen", "seconds") if (value := number(checkpoint.get(name)))
        }
    return {name: newest[name] for name in ("step", "images_seen", "seconds") if name in newest}


def speed_of(run: Run) -> float | None:
    """Images a second: the median of the last nine reports, since the first ones wait for compilation."""
    speeds = sorted(row["images_per_second"] for row in run.metrics.rows[-9:] if "images_per_second" in row)
    return speeds[len(speeds) // 2] if speeds else None


def best_of(run: Run) -> dict[str, Any] | None:
    """The best quality measured: `name` (KID, else FID), `value`, `step`; None where none was measured."""
    for name, title in ASCENDING.items():
        rows = [row for row in run.metrics.measured if name in row]
        if rows:
            best = min(rows, key=lambda row: row[name])
            return {"name": title, "value": best[name], "step": int(best["step"])}
    return None


def data_of(run: Run) -> tuple[str, int | None]:
    """Name of the images and how many they are."""
    dataset = section(run.record, "dataset")
    return text(dataset.get("name"), 80) or "unknown images", count(dataset.get("count"))


def age_of(run: Run, now: float | None = None) -> float | None:
    """Seconds since something was written last; of a record on the Hub since its last start."""
    now = time.time() if now is None else now
    if run.changed_at is not None:
        return max(0.0, now - run.changed_at)
    started = moment(run.record.get("started"))
    return max(0.0, now - started.timestamp()) if started else None


def moment(value: Any) -> datetime.datetime | None:
    """An ISO time of a record, None where it is none."""
    try:
        found = datetime.datetime.fromisoformat(value)
        return found.replace(tzinfo=found.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def summary(run: Run, now: float | None = None) -> dict[str, Any]:
    """A run in short, as its card shows it and `/runs` tells it: plain values."""
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


def duration(seconds: float) -> str:
    """95 as "95 s", 1346 as "22 min", 9000 as "2.5 h", 200000 as "2.3 days"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < 172_800 else f"{seconds / 86_400:,.1f} days"


def _patience(rows: tuple[Row, ...]) -> float:
    times = [row["seconds"] for row in rows[-9:] if "seconds" in row]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    return max(PATIENCE_SECONDS, PATIENCE_FACTOR * max(pauses, default=0.0))
