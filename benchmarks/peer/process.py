"""Starts a peer in a process of its own, under a Python that has what it needs."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_hub.errors import RunError, SettingsError

VARIABLE = "TORCH_PYTHON"
TORCH = "torch==2.13.0 numpy"


@dataclass(frozen=True)
class Peer:
    """What is trained beside this package."""

    title: str
    program: str  # in this folder
    packages: str | None = TORCH  # of its Python; None: that of this package has them

    def python(self, torch_python: str | None) -> str | None:
        """The Python that it runs under; None if it needs `--torch-python`, which was not given."""
        return torch_python if self.packages else sys.executable


PEERS = {
    "tutorial": Peer("PyTorch tutorial", "torch_dcgan.py"),
    "keras-ada": Peer("Keras, adaptive augmentation", "keras_ada.py", packages=None),
    "lightweight-gan": Peer("lightweight-gan", "lightweight.py", packages="lightweight-gan==1.2.1"),
    "r3gan": Peer("R3GAN", "r3gan.py"),
}


def add_torch_python(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the other Python."""
    parser.add_argument(
        "--torch-python",
        metavar="PATH",
        default=os.environ.get(VARIABLE),
        help=f"a Python with what the peer needs, as of `pip install {TORCH}` [the variable {VARIABLE}]",
    )


def run_peer(python: str, images: Path, words: list[str], peer: Peer = PEERS["tutorial"]) -> dict[str, Any]:
    """Runs a peer to its end and returns the facts that it prints; its progress goes to standard error.

    Args:
        python: that it runs under.
        images: .npy file, uint8 (N, H, W, C).
        words: further options of the program.
        peer: which one.

    Raises:
        SettingsError: if there is no such Python, or it refuses images or options.
        RunError: if it fails in another way.
    """
    command = [python, str(Path(__file__).with_name(peer.program)), str(images), *words]
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise SettingsError(
            f"`--torch-python` must be a Python that can be started. Received: {python} ({error.strerror}). "
            f"Make one: python -m venv torch-venv && torch-venv/bin/pip install {peer.packages}"
        ) from None
    if result.returncode == 2:
        raise SettingsError(
            f"The peer must accept images and options. Received: {' '.join(command)}, refused for the reason above. "
            "Mend that."
        )
    if result.returncode:
        raise RunError(
            f"The peer must come to its end. Received: status {result.returncode} of {' '.join(command)}. "
            "See its messages above."
        )
    return json.loads(result.stdout.splitlines()[-1])
