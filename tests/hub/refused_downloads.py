"""What tests expect of every download that fails: one sentence for the user, and nothing half-written."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants
from local_hub import LocalHub

from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.errors import DcganHubError, SettingsError

ID = "tester/avatars"
GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"
BUNDLE = {name: (GOLDEN / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}


def sentence(error: type[DcganHubError], fetch: Callable[..., object] = fetch_bundle, *words: str, **options) -> str:
    """What the user reads instead of the bundle; it names the repository and nothing that is secret or ugly."""
    with pytest.raises(DcganHubError) as raised:
        fetch(*(words or (ID,)), **options)
    text = str(raised.value)
    assert type(raised.value) is error, text
    assert text.isprintable() and len(text) < 700 and "Received: " in text, text
    assert ID in text.removesuffix(f"(There is no local folder {ID} either.)") or error is SettingsError, text
    assert not any(ugly in text for ugly in ("hf_", "?sig", "Traceback", "Error(", "/resolve/", "/api/")), text
    return text


def check_cache() -> None:
    """Nothing half-written has a final name: every blob is what its name says, and nothing else is left."""
    folder = Path(constants.HF_HUB_CACHE)
    for path in folder.glob("models--*/blobs/*"):
        content = path.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content)
        assert path.name in (hashlib.sha256(content).hexdigest(), git.hexdigest()), f"{path.name} is half-written"
    for path in folder.glob("models--*/snapshots/*/*"):
        assert path.is_file(), f"{path} leads nowhere"


def check_recovery(hub: LocalHub) -> None:
    """As soon as the Hub is well, the same call works."""
    check_cache()
    hub.behave()
    _, folder = fetch_bundle(ID)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == BUNDLE


def command(*words: str, limit: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`dcgan-hub` as a process of its own."""
    program = f"{limit}\nimport sys, dcgan_hub.cli\nsys.exit(dcgan_hub.cli.main())"
    kept = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_PROGRESS_BARS"}
    words = (sys.executable, "-c", program, *words)
    return subprocess.run(words, capture_output=True, text=True, env=kept | environment, timeout=60)


def sample(folder: Path, **options: str) -> subprocess.CompletedProcess[str]:
    return command("sample", ID, "--seeds", "0", "--out", str(folder / "images"), **options)


def check_refused(finished: subprocess.CompletedProcess[str], words: str) -> None:
    """One line on standard error, and status 2."""
    assert finished.returncode == 2 and finished.stdout == "", finished
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1, finished.stderr
    assert words in finished.stderr
