"""What the cards of the runs show, asked for every few seconds by every open page: so little is read anew."""

import dataclasses
import hashlib
import json
import threading
import time
from typing import Any

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.run_views.state import summary
from dcgan_hub.errors import RunError
from dcgan_hub.runs.snapshot import Run, Signature
from dcgan_hub.runs.untrusted import Metrics

MOST_CARDS = 200
ROWS_NEEDED = 9  # by a summary


class RunIndex:
    """Summaries of the runs in the folder, read anew only where a run has changed."""

    def __init__(self, shelf: RunShelf) -> None:
        """Reads nothing yet."""
        self._shelf = shelf
        self._kept: dict[str, tuple[Signature, Run]] = {}
        self._lock = threading.Lock()

    def summaries(self, now: float | None = None) -> list[dict[str, Any]]:
        """All runs in short, the one that changed last first; see `summary`."""
        now = time.time() if now is None else now
        signatures = self._shelf.signatures()
        with self._lock:
            self._kept = {name: kept for name, kept in self._kept.items() if name in signatures}
        runs = [run for name, signature in signatures.items() if (run := self._light_run(name, signature))]
        runs.sort(key=lambda run: run.changed_at or 0.0, reverse=True)
        return [summary(run, now) for run in runs]

    def look(self, asked: Any) -> dict[str, Any]:
        """Answers the page: what the cards show, unless it is what the page knows.

        Args:
            asked: {"known": the `known` of the last answer}; anything else counts as nothing known.

        Returns:
            `known`, whether any run is `live`, and `runs` (None: as before; at most 200) and how many are `hidden`.
        """
        found = self.summaries()
        shown = found[:MOST_CARDS]
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
        except RunError:  # it has just been removed
            return None
        rows = run.metrics.rows[-ROWS_NEEDED:]
        light = dataclasses.replace(run, metrics=Metrics(rows=rows, measured=run.metrics.measured))
        self._kept[name] = (signature, light)
        return light
