"""Runs the scripts of the page in Node, the one that comes with Playwright."""

import json
import subprocess
from pathlib import Path
from typing import Any

import playwright

from dcgan_hub.pages import page
from dcgan_hub.pages.limits import page_limits

NODE = Path(playwright.__file__).parent / "driver" / "node"
HARNESS = Path(__file__).with_suffix(".js")
STATIC = Path(page.__file__).parent / "static"
SCRIPTS = [str(STATIC / name) for name in (*page.ENGINE, "points.js", "png.js", "directions.js")]


def run_engine(folder: Path, kind: str, **job: Any) -> Any:
    """Does one kind of work of page_engine.js; `folder` takes the job. Returns its answer."""
    path = folder / f"{kind}-job.json"
    path.write_text(json.dumps({"kind": kind, "scripts": SCRIPTS, "limits": page_limits(), **job}))
    finished = subprocess.run([NODE, HARNESS, path], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
