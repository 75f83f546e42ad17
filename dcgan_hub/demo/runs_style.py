"""How the tabs Training runs and About look: the content of runs.css."""

from pathlib import Path

RUNS_CSS = (Path(__file__).parent / "runs.css").read_text(encoding="utf-8")
