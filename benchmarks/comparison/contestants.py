"""What is compared: a run of this package and one of a peer, each trained for the same time, as images."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from peer.process import PEERS, run_peer
from reporting.report import load_average, say

from comparison.sets import WRITTEN_AT_ONCE, Split, Task
from dcgan_hub.errors import RunError
from dcgan_hub.keras_startup import import_keras_quietly

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

TRAIN = Path(__file__).resolve().parent.parent.parent / "train.py"


@dataclass(frozen=True)
class Contestant:
    """What was trained, or real images in the place of it."""

    label: str
    recipe: str
    facts: dict[str, Any]  # images_seen, seconds, images_per_second, load_before; empty for real images
    images: np.ndarray  # uint8 (N, H, W, C)

    @property
    def title(self) -> str:
        """For a sheet."""
        return self.recipe.split(":")[0] if self.label == "peer" else self.label


def train_ours(task: Task, split: Split, options: argparse.Namespace, folder: Path) -> Contestant:
    """Trains with train.py, as a user would, and loads the bundle that it leaves."""
    run = folder / "run"
    _, side, _, channels = split.training.shape
    words = [*shlex.split(options.options), "--data", str(split.training_file), "--run", str(run)]
    unit, number = task.length
    words += ["--image-size", str(side), "--channels", str(channels), f"--{unit}", number]
    load = load_average()
    say(f"{task.name}: dcgan_hub trains for {number} {unit}")
    command = [sys.executable, str(TRAIN), "--seed", str(options.seed), *words]
    environment = os.environ | {"DCGAN_HUB_CACHE": str(folder / "cache")}
    status = subprocess.run(command, stdout=sys.stderr, env=environment, check=False).returncode
    if status:
        raise RunError(
            f"Training must come to its end. Received: status {status} of train.py {' '.join(words)}. "
            "See its messages above, and --options."
        )
    import_keras_quietly()  # not sooner, so that a wrong option is answered at once
    from dcgan_hub.bundle.generator import Generator

    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    facts = {name: record["progress"][name] for name in ("images_seen", "seconds")}
    facts |= {"images_per_second": facts["images_seen"] / facts["seconds"], "load_before": load}
    facts |= {"settings": record["settings"], "parameters": record["parameters"], "versions": record["versions"]}
    images = drawn(Generator.from_pretrained(run / "generator"), task.count, folder / "ours.npy")
    return Contestant("dcgan_hub", recipe_of(record["settings"], options.options), facts, images)


def drawn(generator: "Generator", count: int, path: Path) -> np.ndarray:
    """The images of the first `count` seeds, uint8 (count, H, W, C), drawn once for all judges into a file."""
    parts, start = iter(generator.generate_in_chunks(range(count))), 0
    first = next(parts)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *first.shape[1:]))
    for part in chain([first], parts):
        images[start : start + len(part)] = part
        start += len(part)
    images.flush()
    return images


def recipe_of(settings: dict[str, Any], given: str) -> str:
    """A run's settings in a few words."""
    network, training = settings["network"], settings["training"]
    words = [f"{settings['preset']}: width {network['filters']}", f"batch {training['batch_size']}"]
    return ", ".join([*words, training["precision"], *([given] if given else [])])


def train_peer(task: Task, split: Split, options: argparse.Namespace, folder: Path) -> Contestant:
    """Trains the peer for the same time; it writes its images itself."""
    generated = folder / "peer.npy"
    load = load_average()
    say(f"{task.name}: the peer ({options.peer}) trains for {task.minutes:g} minutes")
    words = ["--seconds", f"{task.minutes * 60:g}", "--out", str(generated), "--count", str(task.count)]
    facts = start_peer(split, words, options) | {"load_before": load, "peer": options.peer}
    recipe = f"{PEERS[options.peer].title}: {facts['recipe']}"
    return Contestant("peer", recipe, facts, np.load(generated, mmap_mode="r"))


def start_peer(split: Split, words: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Runs the peer with these options and those that do not depend on the set."""
    peer = PEERS[options.peer]
    words = [*words, "--seed", str(options.seed), *shlex.split(options.peer_options)]
    return run_peer(str(peer.python(options.torch_python)), split.training_file, words, peer)


def chunks_of(images: np.ndarray, seeds: range) -> Iterator[np.ndarray]:
    """As many images of an array as there are seeds, from the first one on, little by little."""
    for start in range(0, len(seeds), WRITTEN_AT_ONCE):
        yield np.asarray(images[start : min(start + WRITTEN_AT_ONCE, len(seeds))])
