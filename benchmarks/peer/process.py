"""Starts the peer under a Python of its own, since PyTorch is no dependency of this package."""

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from dcgan_hub.errors import RunError, SettingsError

PROGRAM = Path(__file__).with_name("torch_dcgan.py")
VARIABLE = "TORCH_PYTHON"


def add_torch_python(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the other Python."""
    parser.add_argument(
        "--torch-python",
        metavar="PATH",
        default=os.environ.get(VARIABLE),
        help=f"a Python with `pip install torch==2.13.0 numpy`, for the peer [the variable {VARIABLE}]",
    )


def run_peer(python: str, images: Path, words: list[str]) -> dict[str, Any]:
    """Runs the peer to its end and returns the facts that it prints; its progress goes to standard error.

    Args:
        python: of `--torch-python`.
        images: .npy file, uint8 (N, H, W, C).
        words: further options of the program.

    Raises:
        SettingsError: if there is no such Python, or it refuses images or options.
        RunError: if it fails in another way.
    """
    command = [python, str(PROGRAM), str(images), *words]
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise SettingsError(
            f"`--torch-python` must be a Python that can be started. Received: {python} ({error.strerror}). "
            "Make one: python -m venv torch-venv && torch-venv/bin/pip install torch==2.13.0 numpy"
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
