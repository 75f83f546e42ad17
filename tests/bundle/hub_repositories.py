"""What tests plant on the Hub, and how they look at what was asked of it."""

import os
import subprocess
import sys
from pathlib import Path

from local_hub import LocalHub

ID = "tester/avatars"
GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"
BUNDLE = {name: (GOLDEN / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
GALLERY = {
    "README.md": b"---\nlicense: mit\n---\n<script>alert(1)</script>",
    "config.json": b'{"module": "os", "class_name": "system", "config": "touch /tmp/evil"}',
    "metadata.json": b"{}",
    "model.weights.h5": b"\x89HDF no such thing",
    "model.pkl": b"cos\nsystem\n(S'touch /tmp/evil'\ntR.",
    "samples.png": b"\x89PNG" + b"\0" * 5_000_000,
    "timelapse.webp": b"RIFF",
    "run/metrics.jsonl": b"{}\n" * 100_000,
}
SEEDS = range(16)


def asked(hub: LocalHub, method: str = "GET") -> list[str]:
    """Names of the files that were asked for, and paths of other requests."""
    return [record.path.split("/resolve/")[-1].split("/", 1)[-1] for record in hub.requests if record.method == method]


def process(program: str, **environment: str) -> str:
    """What a fresh process writes."""
    words = [sys.executable, "-c", program]
    finished = subprocess.run(words, capture_output=True, text=True, env=os.environ | environment, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def tree(folder: Path, without: str) -> set[tuple[str, int]]:
    """All files under a folder with their sizes, except those in a folder of this name."""
    return {(str(path), path.lstat().st_size) for path in folder.rglob("*") if without not in path.parts}
