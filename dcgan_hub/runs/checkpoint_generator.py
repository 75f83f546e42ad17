"""Reads single networks of a checkpoint: its generator, to inspect steps without a bundle, and its discriminator.

They are read as safely as a bundle: JSON and checked numbers, and of the state only that network. TensorFlow and Keras
are not imported until the weights have been validated.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dcgan_hub.bundle.discriminator import discriminator_shapes, has_batch_deviation
from dcgan_hub.bundle.format import BundleFacts, DatasetFacts, WeightFacts
from dcgan_hub.bundle.safe_files import read_bounded
from dcgan_hub.bundle.strict_json import parse_strict_json
from dcgan_hub.bundle.weights import Shapes, assign_weights, weight_shapes
from dcgan_hub.errors import BundleError, RunError, SettingsError, shorten
from dcgan_hub.runs.checkpoint_files import FACTS_FILE, STATE_FILE, matches_checksum
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import NetworkSettings

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

AVERAGE, DISCRIMINATOR = "ema_generator/", "discriminator/"  # prefixes of the names in a state
SEEDS = {"dropout/seed_generator_state"}  # variables that are no weights
MAX_RECORD_BYTES = 1_000_000
MAX_STATE_BYTES = 4_000_000_000


def checkpoint_facts(run: Path, step: int) -> BundleFacts:
    """The facts of the generator in a checkpoint; `weights.sha256` is that of the whole state file.

    Raises:
        RunError: if run or checkpoint are missing, damaged, or do not belong together.
    """
    directory = RunDirectory(run)
    try:
        record = json.loads(read_bounded(_inside(run, directory.record_file), MAX_RECORD_BYTES))
        facts_file = _inside(run, directory.checkpoint(step) / FACTS_FILE)
        facts = parse_strict_json(read_bounded(facts_file, MAX_RECORD_BYTES), FACTS_FILE)
        training = {name: facts[name] for name in ("step", "images_seen", "seconds")}
        network = NetworkSettings.from_dict(record["settings"]["network"])
        return BundleFacts(
            network=network,
            weights=WeightFacts(dtype="F32", sha256=facts["sha256"]),
            training=training,
            dataset=DatasetFacts(**{name: record["dataset"][name] for name in ("name", "fingerprint", "count")}),
            class_names=record["dataset"]["class_names"] if network.classes else (),
        )
    except (BundleError, SettingsError, ValueError, RecursionError, KeyError, TypeError, OverflowError) as error:
        raise _unusable(run, step, error) from error


def load_checkpoint_generator(run: Path, step: int) -> "Generator":
    """The EMA generator of a checkpoint, as a bundle of that step would contain it.

    Raises:
        RunError: if the checkpoint is missing, damaged, or does not fit the settings in run.json.
    """
    facts = checkpoint_facts(run, step)
    arrays = _read_network(run, step, facts, AVERAGE, weight_shapes(facts.network))
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.networks.generator import build_generator

    network = build_generator(facts.network, "float32")
    assign_weights(network, arrays, STATE_FILE)
    return Generator(facts.network, network, facts, f"{run.name}@{RunDirectory(run).checkpoint(step).name}")


def read_checkpoint_discriminator(run: Path, step: int) -> dict[str, np.ndarray]:
    """The weights of the discriminator in a checkpoint by name, float32 and finite, see `discriminator_shapes`.

    Raises:
        RunError: if the checkpoint is missing, damaged, or does not fit the settings in run.json.
    """
    facts = checkpoint_facts(run, step)
    return _read_network(run, step, facts, DISCRIMINATOR, discriminator_shapes(facts.network, _has_deviation(run)))


def _has_deviation(run: Path) -> bool:
    training = RunDirectory(run).read_record()["settings"].get("training")
    return has_batch_deviation(training if isinstance(training, dict) else {})


def _read_network(run: Path, step: int, facts: BundleFacts, network: str, shapes: Shapes) -> dict[str, np.ndarray]:
    """The weights of one network by name, float32 and finite, with exactly the names and shapes of its settings."""
    from safetensors import SafetensorError, safe_open

    try:
        path = _inside(run, RunDirectory(run).checkpoint(step) / STATE_FILE)
        if not path.is_file() or path.stat().st_size > MAX_STATE_BYTES:
            raise ValueError("its state is not a file of a valid size")
        if facts.weights is None or not matches_checksum(path, facts.weights.sha256):
            raise ValueError("its state does not match its checksum")
        arrays = {}
        with safe_open(path, framework="numpy") as state:
            names = {name.removeprefix(network) for name in state.keys() if name.startswith(network)}
            names -= SEEDS
            if names != set(shapes):
                raise ValueError(f"its weights are not those of its settings: {sorted(names ^ set(shapes))[:3]}")
            for name, shape in shapes.items():
                stored: Any = state.get_slice(network + name)
                if stored.get_dtype() != "F32" or tuple(stored.get_shape()) != shape:
                    raise ValueError(
                        f"{name} is {stored.get_dtype()} of shape {stored.get_shape()}, not F32 of {shape}"
                    )
                arrays[name] = state.get_tensor(network + name)
    except (OSError, ValueError, SafetensorError) as error:
        raise _unusable(run, step, error) from error
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if wrong:
        raise _unusable(run, step, ValueError(f"NaN or infinity in {wrong[0]}"))
    return arrays


def _inside(run: Path, path: Path) -> Path:
    """Resolves a path; raises ValueError if a link leads out of the run."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(os.path.realpath(run)):
        raise ValueError("it is a link that leads out of the run")
    return real


def _unusable(run: Path, step: int, error: Exception) -> RunError:
    reason = f"no {error}" if isinstance(error, KeyError) else shorten(error, 200)
    return RunError(
        f"A checkpoint must be intact and belong to its run. Received: step {step} of {shorten(run.name)}: {reason} "
        "Use another checkpoint, or the run's newest generator."
    )
