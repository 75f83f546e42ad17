"""Kills a run with SIGKILL at random instants, starts it again each time, and compares it with one left alone.

usage: python benchmarks/kill_and_resume.py [--kills 10] [--precision float32 bfloat16] [--steps 600] [--data DATA]
                                            [--classes N]

With --classes the runs are conditional, on images with labels that this program draws. Prints the SHA-256 of
generator/model.safetensors of both runs for each precision, and ends with status 1 if they differ. Every other kill
comes soon after a checkpoint; the others are at any instant, so that they fall into imports, the first compilation,
training and the writing of checkpoints.
"""

import argparse
import hashlib
import json
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TRAIN = Path(__file__).resolve().parent.parent / "train.py"
WHILE_TRAINING_SECONDS = 2.0  # after the first checkpoint of a start, within which it is killed
IMAGES_OF_A_CLASS, IMAGE_SIDE = 60, 32
Start = Callable[..., Any]


def draw_labeled_images(path: Path, classes: int) -> Path:
    """Writes uint8 images and their labels as .npz: bars of random colors, at an angle that is that of the class."""
    random_numbers = np.random.RandomState(0)
    rows, columns = np.mgrid[:IMAGE_SIDE, :IMAGE_SIDE]
    labels = np.arange(classes * IMAGES_OF_A_CLASS) % classes
    images = np.empty((len(labels), IMAGE_SIDE, IMAGE_SIDE, 3), np.uint8)
    for image, angle in zip(images, np.pi * labels / classes, strict=True):
        phase = (rows * np.sin(angle) + columns * np.cos(angle) + random_numbers.uniform(0, 8)) % 8
        ground, bars = random_numbers.randint(0, 256, (2, 3))
        image[:] = np.where((phase < 4)[..., None], bars, ground)
    np.savez(path, images=images, labels=labels)
    return path


def command(run: Path, precision: str, options: argparse.Namespace) -> list[str]:
    words = [str(TRAIN), "--run", str(run), "--data", options.data, "--steps", str(options.steps)]
    words += ["--precision", precision, "--image-size", "32", "--filters", "8", "--batch-size", "8"]
    words += ["--checkpoint-every", "5", "--sample-every", "40", "--report-every", "10", "--dropout", "0.1"]
    return [*words, *shlex.split(options.options)]


def start_python(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)


def finish(process: Any) -> None:
    status = process.wait()
    if status:
        raise SystemExit(f"train.py must come to its end. Received: status {status}. See its messages above.")


def digest(run: Path) -> str:
    return hashlib.sha256((run / "generator" / "model.safetensors").read_bytes()).hexdigest()


def reached(run: Path) -> str:
    names = sorted(folder.name for folder in (run / "checkpoints").glob("step-*"))
    return names[-1] if names else "no checkpoint yet"


def wait_for_checkpoint(process: Any, run: Path, before: str) -> None:
    """Waits until the run has another checkpoint than `before`, or has ended."""
    while process.poll() is None and reached(run) == before:
        time.sleep(0.05)


def run_with_kills(run: Path, words: list[str], options: argparse.Namespace, longest: float, start: Start) -> None:
    instants = random.Random(options.seed)
    for number in range(1, options.kills + 1):
        began, before, process = time.monotonic(), reached(run), start(*words)
        if number % 2 == 0:
            wait_for_checkpoint(process, run, before)
        time.sleep(instants.uniform(0.2, longest if number % 2 else WHILE_TRAINING_SECONDS))
        process.kill()
        process.wait()
        print(f"  kill {number:2d} after {time.monotonic() - began:5.1f} s: {reached(run)}", flush=True)
    finish(start(*words))


def main(words: Sequence[str] | None = None, start: Start = start_python) -> int:
    """`start` starts Python with the words of a command line, and returns what `subprocess.Popen` returns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--data", default="avatars")
    parser.add_argument("--classes", type=int, default=0, help="of a conditional run; 0: --data as it is")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--options", default="", metavar="TEXT", help="more options of train.py, in one text")
    options = parser.parse_args(words)
    same = True
    with tempfile.TemporaryDirectory() as folder:
        if options.classes:
            options.data = str(draw_labeled_images(Path(folder) / "bars.npz", options.classes))
            options.options += " --classes folders"
        for precision in options.precision:
            alone, killed = Path(folder) / f"{precision}-alone", Path(folder) / f"{precision}-killed"
            began = time.monotonic()
            finish(start(*command(alone, precision, options)))
            seconds = time.monotonic() - began
            print(f"{precision}: left alone {seconds:.1f} s, {digest(alone)}", flush=True)
            training = json.loads((alone / "run.json").read_text())["progress"]["seconds"]
            longest = seconds - training + 2.0 * training / options.kills
            run_with_kills(killed, command(killed, precision, options), options, longest, start)
            print(f"{precision}: killed {options.kills} times    {digest(killed)}", flush=True)
            same &= digest(alone) == digest(killed)
    print("the same" if same else "DIFFERENT")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
