"""Reads the generator that a run starts from: its weights, and those of its discriminator where they exist.

It is a run directory, a bundle, the embedded generator, or a repository on the Hub, and untrusted like these.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from dcgan_hub.bundle.discriminator import (
    DISCRIMINATOR_FILE,
    discriminator_file_bytes,
    has_batch_deviation,
    read_discriminator,
)
from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.format import BundleFacts, WeightFacts, without_folders
from dcgan_hub.bundle.keras_files import CARD_FILE, MAX_CARD_BYTES
from dcgan_hub.bundle.origin import OriginFacts, license_of_card
from dcgan_hub.bundle.source import fetch_bundle, is_hub_model
from dcgan_hub.hub.names import parse_model
from dcgan_hub.runs.checkpoint_generator import read_checkpoint_discriminator
from dcgan_hub.runs.directory import RunDirectory, checkpoint_folders, step_number
from dcgan_hub.settings import NetworkSettings

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Origin:
    """A generator to start from."""

    facts: OriginFacts
    network: NetworkSettings
    training: dict[str, Any]  # untrusted, see `BundleFacts.training`
    generator: Arrays  # float32 or float16, by name
    discriminator: Arrays | None  # float32, by name; None where there is none


def origin_name(model: str) -> str:
    """The name by which a run knows its origin; nothing is read, so the origin need not exist any more."""
    if is_hub_model(model):
        repo_id, revision = parse_model(model)
        return f"{repo_id}@{revision}" if revision else repo_id
    path = Path(model).absolute()
    return without_folders(str(path.parent if path.name == RunDirectory(path).generator.name else path))


def read_origin(model: str) -> Origin:
    """Reads a generator to start from; of one on the Hub all files come from the same commit.

    Raises:
        BundleError: if there is no generator, or a file is damaged.
        HubError: if it cannot be downloaded.
        RunError: if the checkpoint of a run directory is damaged.
    """
    _, bundle = fetch_bundle(model)
    facts, generator = read_bundle(bundle)
    on_hub = parse_model(model)[0] if is_hub_model(model) else None
    commit = bundle.name if on_hub else None  # the name of its folder in the cache
    licence = facts.dataset.licence if facts.dataset else None
    if on_hub:
        licence = _license_on_hub(on_hub, bundle.name) or licence
    step = facts.training.get("step")
    described = OriginFacts(
        name=origin_name(model), sha256=cast(WeightFacts, facts.weights).sha256, hub_id=on_hub, commit=commit,
        licence=licence, step=step if type(step) is int else None,
    )  # fmt: skip
    return Origin(described, facts.network, facts.training, generator, _find_discriminator(bundle, facts, on_hub))


def _license_on_hub(repo_id: str, commit: str) -> str | None:
    from dcgan_hub.hub.download import download_file

    card = download_file(repo_id, CARD_FILE, commit, MAX_CARD_BYTES)
    return license_of_card(card.read_bytes().decode("utf-8", "replace")) if card else None


def _find_discriminator(bundle: Path, facts: BundleFacts, on_hub: str | None) -> Arrays | None:
    path, deviation = bundle / DISCRIMINATOR_FILE, has_batch_deviation(facts.training)
    if on_hub:
        from dcgan_hub.hub.download import download_file

        _, largest = discriminator_file_bytes(facts.network, deviation)
        if download_file(on_hub, DISCRIMINATOR_FILE, bundle.name, largest) is None:
            return None
        return read_discriminator(path, facts.network, deviation)
    run = RunDirectory(bundle.parent)
    if bundle.name == run.generator.name and run.exists:
        return find_run_discriminator(run, facts)
    return read_discriminator(path, facts.network, deviation) if os.path.lexists(path) else None


def find_run_discriminator(run: RunDirectory, facts: BundleFacts) -> Arrays | None:
    """The discriminator of a run at the step of its generator, or else at the newest; None without a checkpoint.

    Raises RunError if that checkpoint is damaged.
    """
    for step in _steps_to_try(run, facts.training.get("step")):
        if run.checkpoint(step).is_dir():
            return read_checkpoint_discriminator(run.path, step)
    return None


def _steps_to_try(run: RunDirectory, of_generator: Any) -> Iterator[int]:
    if type(of_generator) is int and of_generator >= 0:
        yield of_generator
    yield from map(step_number, checkpoint_folders(run.checkpoints))
