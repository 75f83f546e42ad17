"""What the tests of Spaces share: the command as a user runs it, and models on the local Hub."""

import contextlib
import io
import os
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from local_hub import LocalHub

from dcgan_hub.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
TINY_BUNDLE = ROOT / "tests" / "golden" / "tiny-bundle"


def plant_model(hub: LocalHub, repo_id: str = "tester/faces", **options: object) -> str:
    """Puts a tiny generator on the Hub; returns the commit."""
    files = {name: (TINY_BUNDLE / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
    return hub.plant(repo_id, files, **options)


def run_space(*arguments: str | Path, folder: Path, token: str | None = None) -> CompletedProcess[str]:
    """`dcgan-hub space` in `folder`, with the Hub of HF_ENDPOINT; in this process, which starts sooner."""
    words = ["space", *map(str, arguments)]
    out, errors = io.StringIO(), io.StringIO()
    environment = mock.patch.dict(os.environ, {"HF_TOKEN": token} if token else {})
    with environment, contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            status = main(words)
        except SystemExit as end:  # of argparse
            status = int(end.code or 0)
    return CompletedProcess(words, status, out.getvalue(), errors.getvalue())
