"""Answers queries about runs, for the page and for API clients: plain values, images, files."""

import dataclasses
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.run_views.playback import END, STEPS, film_of, film_of_two, pair_at, plots_of
from dcgan_hub.demo.run_views.sheets import SheetCache, side_by_side
from dcgan_hub.demo.run_views.timeline import course_of, summary
from dcgan_hub.demo.validation import whole_number
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.hub.limits import limited
from dcgan_hub.images.animations import save_animation
from dcgan_hub.runs.sheet_grid import cell_names
from dcgan_hub.runs.snapshot import Run, Signature
from dcgan_hub.runs.untrusted import Metrics, evenly, section

MAX_ANIMATION_FRAMES = 120
# A film of sheets of 128 x 128 images has all its frames; what is larger has fewer, since decoding takes the time.
MAX_FILM_PIXELS, MIN_FILM_FRAMES = 150_000_000, 2
MAX_FILM_SIZE = (2160, 1080)  # pixels, width and height
MAX_FILM_SECONDS = 60.0
FASTEST_ANIMATION = 30  # frames per second
COMFORTABLE_SPEED, SHORTEST_SECONDS = 8, 6  # of an animation for which no speed is given
COMFORTABLE_ANIMATION_HEIGHT = 480  # pixels, to which smaller sheets are enlarged
MAX_NAME_CHARACTERS = 60  # of a run in a file name
SECTIONS = ("settings", "dataset", "parameters", "versions", "hardware")
TIMES = ("created", "started")
MAX_CARDS = 200
ROWS_NEEDED = 9  # by a summary


class RunAnswers:
    """All queries about the runs on a shelf; images and summaries are cached for all visitors.

    A run or sheet that does not exist or cannot be read raises a DcganHubError.
    """

    def __init__(self, shelf: RunShelf) -> None:
        """Does not read any runs yet."""
        self.shelf = shelf
        self.sheet_cache = SheetCache(shelf)
        self.index = RunIndex(shelf)

    def describe_all(self) -> list[dict[str, Any]]:
        """Summaries of all runs in the folder, most recently changed first; see `summary`."""
        return self.index.summaries()

    def describe(self, run: str) -> dict[str, Any]:
        """All information on one run: summary, record, history, at most 1,000 reports, steps with sheets."""
        found = self.shelf.open(run)
        return {
            **summary(found),
            **{name: section(found.record, name) for name in SECTIONS},
            **{name: found.record.get(name) for name in TIMES},
            "course": course_of(found),
            "metrics": list(found.metrics.rows),
            "quality": list(found.metrics.measured),
            "steps": list(found.steps),
            "checkpoints": list(found.checkpoints),
            "problems": list(found.problems),
        }

    def sample(self, run: str, position: float) -> tuple[Image.Image, str]:
        """A sample sheet by its position, starting at 1, and a caption."""
        found = self.shelf.open(run)
        if not found.steps:
            raise RunError(
                f"A run must have a sample sheet to show. Received: {found.title} without one. Wait for the first."
            )
        index = whole_number("position", position, 1, len(found.steps))
        step = found.steps[index - 1]
        return self.sheet_cache.picture(run, step), f"Step {step:,} · sheet {index} of {len(found.steps)}"

    def compare(
        self, first: str, second: str, measure: str = STEPS, at: str | float = END
    ) -> tuple[Image.Image, Image.Image, str]:
        """The sheets of two runs at the same step or training time, and a caption; see `pair_at`."""
        frame = pair_at(self.shelf.open(first), self.shelf.open(second), measure, at)
        pictures = [
            self.sheet_cache.picture(run, step) for run, step in zip((first, second), frame["steps"], strict=True)
        ]
        return pictures[0], pictures[1], f"{frame['label']}: {' and '.join(frame['captions'])}"

    def film(self, run: Run, other: Run | None, measure: str) -> dict[str, Any]:
        """The data of the page's player: one run, or two side by side; `problem` tells why they cannot be compared."""
        runs = [run] if other is None else [run, other]
        try:
            frames, problem = _frames(runs, measure), ""
        except SettingsError as error:
            frames, problem = [], explanation(error)
        return {
            "id": _identity(runs, measure),
            "runs": [{"run": shown.name, "title": shown.title, "cells": cell_names(shown.record)} for shown in runs],
            "frames": frames,
            "problem": problem,
        }

    def plots(self, run: Run, other: Run | None, measure: str) -> dict[str, Any]:
        """The data of the page's plots."""
        runs = [run] if other is None else [run, other]
        return plots_of(runs, measure if other else STEPS) | {"id": _identity(runs, measure)}

    def save_film(
        self,
        folder: Path,
        run: str,
        other: str = "",
        measure: str = STEPS,
        frames_per_second: float | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> Path:
        """Writes a video of at most 120 frames of the page's film: of one run, or of two side by side.

        Of large sheets there are fewer frames, shrunk to 2160 x 1080 pixels. Frames with a damaged sheet are left out,
        and `tell` is called with a sentence about them. Without a speed it plays at 8 frames per second, or slower, so
        that it lasts six seconds.

        Returns:
            The video's path, which names the runs.

        Raises:
            RunError: if there is no readable sheet, or it takes longer than a minute.
        """
        speed: float | None = None
        if frames_per_second is not None:
            speed = whole_number("frames_per_second", frames_per_second, 1, FASTEST_ANIMATION)
        with limited(MAX_FILM_SECONDS):
            return self._save_film(
                folder, [self.shelf.open(name) for name in ([run, other] if other else [run])], measure, speed, tell
            )

    def _save_film(
        self, folder: Path, runs: Sequence[Run], measure: str, speed: float | None, tell: Callable[[str], None] | None
    ) -> Path:
        frames = evenly(_frames(runs, measure), MAX_ANIMATION_FRAMES)
        first = next(self._pictures(runs, frames, None), None)
        if first is None:
            titles = " and ".join(shown.title for shown in runs)
            raise RunError(
                f"A time-lapse needs sample sheets. Received: {titles} with no readable one. "
                "Wait for the first, or check the run's folder."
            )
        frames = evenly(frames, max(MIN_FILM_FRAMES, MAX_FILM_PIXELS // (first.width * first.height)))
        shrunk = (_shrunk(picture) for picture in self._pictures(runs, frames, tell) if picture.size == first.size)
        scale = max(1, COMFORTABLE_ANIMATION_HEIGHT // first.height)
        path = folder / _film_name(runs)
        save_animation(
            map(np.asarray, shrunk), path, speed or min(COMFORTABLE_SPEED, len(frames) / SHORTEST_SECONDS), scale=scale
        )
        return path

    def _pictures(
        self, runs: Sequence[Run], frames: Sequence[dict[str, Any]], tell: Callable[[str], None] | None
    ) -> Iterator[Image.Image]:
        damaged = 0
        ends_at, pixels = time.monotonic() + MAX_FILM_SECONDS, 0
        for frame in frames:
            if time.monotonic() > ends_at or pixels > 2 * MAX_FILM_PIXELS:  # sheets may be larger than the first one
                titles = " and ".join(shown.title for shown in runs)
                raise RunError(
                    f"A time-lapse must be made within {MAX_FILM_SECONDS:.0f} seconds. Received: {titles} with sheets "
                    "that take longer. Try again later, or watch it in the app."
                )
            try:
                joined = side_by_side([
                    self.sheet_cache.picture(run.name, step) for run, step in zip(runs, frame["steps"], strict=True)
                ])  # fmt: skip
            except RunError:
                damaged += 1
                continue
            pixels += joined.width * joined.height
            yield joined
        if damaged and tell:
            tell(f"{damaged:,} of {len(frames):,} frames of the time-lapse are left out: their sheets are damaged.")


def _shrunk(picture: Image.Image) -> Image.Image:
    picture.thumbnail(MAX_FILM_SIZE)
    return picture


def _identity(runs: list[Run], measure: str) -> str:
    """Identifies what is shown; a new run under the same name has another identity."""
    parts = [f"{run.name} {run.record.get('created')}" for run in runs]
    return " | ".join([*parts, measure] if len(parts) > 1 else parts)


def _frames(runs: Sequence[Run], measure: str) -> list[dict[str, Any]]:
    """The frames of the film of one run or two."""
    return film_of(runs[0]) if len(runs) == 1 else film_of_two(runs[0], runs[1], measure)


def _film_name(runs: Sequence[Run]) -> str:
    """The file name of a time-lapse, e.g. anime-and-faces-time-lapse.mp4."""
    names = [re.sub(r"[^\w-]+", "-", run.title, flags=re.ASCII)[:MAX_NAME_CHARACTERS].strip("-") for run in runs]
    return f"{'-and-'.join(name or 'run' for name in names)}-time-lapse.mp4"


class RunIndex:
    """Cached summaries of the runs in the folder; a run is read again only if it has changed."""

    def __init__(self, shelf: RunShelf) -> None:
        """Does not read any runs yet."""
        self._shelf = shelf
        self._kept: dict[str, tuple[Signature, Run]] = {}
        self._lock = threading.Lock()

    def summaries(self) -> list[dict[str, Any]]:
        """Summaries of all runs, most recently changed first; see `summary`."""
        signatures = self._shelf.signatures()
        with self._lock:
            self._kept = {name: kept for name, kept in self._kept.items() if name in signatures}
        runs = [run for name, signature in signatures.items() if (run := self._light_run(name, signature))]
        runs.sort(key=lambda run: run.changed_at or 0.0, reverse=True)
        return [summary(run) for run in runs]

    def look(self, asked: Any) -> dict[str, Any]:
        """The data of the cards for the page, unless it is unchanged.

        Args:
            asked: {"known": the `known` of the last answer}; for anything else all data are returned.

        Returns:
            `known`, whether any run is `live`, `runs` (None: unchanged; at most 200), and how many are `hidden`.
        """
        found = self.summaries()
        shown = found[:MAX_CARDS]
        lasting = [entry | {"age_seconds": None} for entry in shown]
        known = hashlib.blake2b(json.dumps(lasting).encode(), digest_size=16).hexdigest()
        is_known = isinstance(asked, dict) and asked.get("known") == known
        return {
            "known": known,
            "live": any(entry["state"] == "live" for entry in found),
            "runs": None if is_known else shown,
            "hidden": len(found) - len(shown),
        }

    def _light_run(self, name: str, signature: Signature) -> Run | None:
        kept = self._kept.get(name)
        if kept and kept[0] == signature:
            return kept[1]
        try:
            run = self._shelf.open(name)
        except RunError:  # it was removed meanwhile
            return None
        rows = run.metrics.rows[-ROWS_NEEDED:]
        light = dataclasses.replace(run, metrics=Metrics(rows=rows, measured=run.metrics.measured))
        self._kept[name] = (signature, light)
        return light
