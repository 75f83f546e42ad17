"""What the tests of Spaces share: the command as a user runs it, and models on the local Hub."""

import os
import subprocess
import sys
from pathlib import Path

from local_hub import LocalHub

ROOT = Path(__file__).resolve().parent.parent.parent
TINY_BUNDLE = ROOT / "tests" / "golden" / "tiny-bundle"
COMMAND_SECONDS = 120


def plant_model(hub: LocalHub, repo_id: str = "tester/faces", **options: object) -> str:
    """Puts a tiny generator on the Hub; returns the commit."""
    files = {name: (TINY_BUNDLE / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
    return hub.plant(repo_id, files, **options)


def run_space(*arguments: str | Path, folder: Path, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """`dcgan-hub space` in `folder`, with the Hub of HF_ENDPOINT."""
    program = "import sys; from dcgan_hub.cli import main_of; sys.exit(main_of('space', 'dcgan-hub space'))"
    environment = os.environ | ({"HF_TOKEN": token} if token else {})
    command = [sys.executable, "-c", program, *map(str, arguments)]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result
