"""Lays out a model repository as a folder: which files of a bundle and its run are published, and which are not.

All files and the reasons: docs/model-repository.md. Nothing published reveals the user's folders, files or machine, so
files of a run are published only if they are listed in this module.
"""

import itertools
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from dcgan_hub.atomic_files import write_json
from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.description import object_or_empty
from dcgan_hub.bundle.discriminator import DISCRIMINATOR_FILE, encode_discriminator
from dcgan_hub.bundle.folder import WAITING_FILE
from dcgan_hub.bundle.format import FACTS_FILE, BundleFacts, read_facts, without_folders
from dcgan_hub.bundle.keras_files import CARD_FILE, KERAS_FILES, SAMPLES_FILE
from dcgan_hub.bundle.weights import WEIGHTS_FILE
from dcgan_hub.errors import BundleError, RunError
from dcgan_hub.images.sources.hub_names import parse_hub_name, without_page
from dcgan_hub.runs.checkpoint_files import matches_checksum
from dcgan_hub.runs.directory import PUBLISHED_FOLDER, RunDirectory, step_number
from dcgan_hub.runs.origin import find_run_discriminator

MAX_SHEETS = 100
SHEET = re.compile(r"step-\d{8}\.png")
PLOT = re.compile(r"[a-z0-9_-]{1,40}\.png")
EVENTS = re.compile(r"events\.out\.tfevents\.(\d{1,12})\..+")
ORDINARY_ENDS = ("finished", "stopped")  # their reasons are our own sentences; that of a failure may name a folder
# Published fields of run.json. Not `dataset.report` and `label_names`, which contain names of the user's files;
# `class_names` are in the bundle too.
RECORD_FIELDS = (
    "format_version", "name", "state", "settings", "parameters", "versions", "created", "started", "progress",
    "origin",
)  # fmt: skip
DATASET_FIELDS = ("name", "fingerprint", "count", "channels_asked", "class_names")
HARDWARE_FIELDS = ("processor", "cores", "gpus", "system", "kernels")


def lay_out(
    folder: Path,
    repo_id: str,
    bundle: Path,
    run: RunDirectory | None,
    *,
    licence: str | None = None,
    tag: str | None = None,
) -> None:
    """Fills a folder with exactly the files of the model repository; for the arguments see `make_card`.

    It is empty, or holds the page of the generator, which the card then links to.

    For speed, files that are only ever replaced are hard-linked if the file system supports it; those that grow are
    copied. The bundle must not be saved meanwhile, but its last save may have been killed; the run may continue.

    Raises:
        BundleError: if facts or weights are missing, damaged, or do not belong together.
        RunError: if the run has no readable run.json.
        SettingsError: for a name, tag or licence that the Hub does not allow.
    """
    facts = _lay_out_bundle(folder, bundle)
    if run is not None:
        _lay_out_discriminator(folder, run, facts)
        place(run.timelapse_file, folder / run.timelapse_file.name, run.path)
        _lay_out_run(folder / PUBLISHED_FOLDER, run, facts)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    card = make_card(facts, repo_id, names, licence=licence, tag=tag)
    (folder / CARD_FILE).write_text(card, encoding="utf-8", newline="\n")


def _lay_out_bundle(folder: Path, bundle: Path) -> BundleFacts:
    facts = read_facts(bundle / FACTS_FILE)
    place(bundle / FACTS_FILE, folder / FACTS_FILE, bundle)
    wanted = facts.weights.sha256 if facts.weights else ""
    # After a kill the weights may still have their temporary name.
    for name in (WEIGHTS_FILE, WAITING_FILE):
        found = bundle / name
        if found.is_file() and matches_checksum(found, wanted) and place(found, folder / WEIGHTS_FILE, bundle):
            break
    else:
        raise BundleError(
            f"A bundle must have the weights whose SHA-256 is in its {FACTS_FILE}. Received: '{bundle}' without them; "
            "it is damaged or incomplete. Save the generator again."
        )
    # The sheet is written last and records its weights. If these differ, Keras' files may be outdated, too.
    if _sheet_weights(bundle / SAMPLES_FILE) == f"sha256:{wanted}":
        for name in (*KERAS_FILES, SAMPLES_FILE):
            place(bundle / name, folder / name, bundle)
    return facts


def _lay_out_discriminator(folder: Path, run: RunDirectory, facts: BundleFacts) -> None:
    try:
        arrays = find_run_discriminator(run, facts)
    except RunError:  # damaged, or replaced by a newer one at this moment; the generator is published without it
        return
    if arrays is not None:
        path = folder / DISCRIMINATOR_FILE
        path.parent.mkdir()
        path.write_bytes(encode_discriminator(arrays))


def _lay_out_run(folder: Path, run: RunDirectory, facts: BundleFacts) -> None:
    write_json(folder / run.record_file.name, public_record(run.read_record(), facts))
    if _is_inside(run.metrics_file, run.path):
        lines = run.metrics_file.read_bytes().splitlines(keepends=True)
        whole = b"".join(line for line in lines if line.endswith(b"\n"))  # the last line may be incomplete
        (folder / run.metrics_file.name).write_bytes(whole)
    sheets = {step_number(path): path for path in _files(run.samples, SHEET)}
    for step in chosen_steps(sheets):
        place(sheets[step], folder / run.samples.name / sheets[step].name, run.path)
    for path in _files(run.plots, PLOT):
        place(path, folder / run.plots.name / path.name, run.path)
    for name, path in _renamed_events(_files(run.tensorboard, EVENTS)).items():
        place(path, folder / run.tensorboard.name / name, run.path, grows=True)


def place(source: Path, target: Path, root: Path, grows: bool = False) -> bool:
    """Links or copies a file; returns False if it does not exist or is a link that leaves `root`.

    A file that `grows`, i.e. is modified in place, is copied. Missing folders of the target are created.
    """
    if not _is_inside(source, root):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    real = os.path.realpath(source)  # a hard link to a link would be a link again
    if not grows:
        try:
            os.link(real, target)
            return True
        except OSError:  # another disk, or a file system without links
            pass
    shutil.copyfile(real, target)
    return True


def chosen_steps(steps: Iterable[int]) -> list[int]:
    """Chooses at most 100 sample sheets, so that from push to push few new ones must be uploaded.

    Returns all if they are few, else the newest and those at multiples of d, 2 d, 4 d, ... steps, where d is the most
    common distance between sheets. Not the smallest, since a run that was stopped has a sheet in between.
    """
    ascending = sorted(set(steps))
    if len(ascending) <= MAX_SHEETS:
        return ascending
    distances = Counter(after - before for before, after in itertools.pairwise(ascending))
    distance = min(distances, key=lambda length: (-distances[length], length))
    while True:
        chosen = [step for step in ascending if step % distance == 0 or step == ascending[-1]]
        if len(chosen) <= MAX_SHEETS:
            return chosen
        distance *= 2


def public_record(record: dict[str, Any], facts: BundleFacts) -> dict[str, Any]:
    """The published part of `run.json`, in which the data are given by name, without folders.

    The facts of the bundle tell whether the data are from the Hub.
    """
    public = {name: record[name] for name in RECORD_FIELDS if name in record}
    if record.get("state") in ORDINARY_ENDS:
        public["reason"] = record.get("reason", "")
    hub_id = facts.dataset.hub_id if facts.dataset else None
    data = object_or_empty(record["settings"].get("data"))
    public["settings"] = record["settings"] | {"data": data | {"data": _public_name(data.get("data"), hub_id)}}
    dataset, hardware = record["dataset"], object_or_empty(record.get("hardware"))
    public["dataset"] = {name: dataset[name] for name in DATASET_FIELDS if name in dataset} | {"hub_id": hub_id}
    public["dataset"]["name"] = _public_name(dataset.get("name"), hub_id)
    public["hardware"] = {name: hardware[name] for name in HARDWARE_FIELDS if name in hardware}
    return public


def _public_name(data: Any, hub_id: str | None) -> str:
    """The name of a file or folder without its parent folders; a dataset on the Hub keeps its user name.

    Only the facts tell whether user/name is on the Hub, since it can be a folder, too.
    """
    text = data if isinstance(data, str) else ""
    name = parse_hub_name(text)
    if name and name.repo_id == hub_id:
        return without_page(text)
    return without_folders(text)


def _renamed_events(paths: Iterable[Path]) -> dict[str, Path]:
    """Event files by new names without the host name, which TensorFlow includes; the start time is kept."""
    renamed: dict[str, Path] = {}
    for path in sorted(paths):
        match = EVENTS.fullmatch(path.name)
        number = int(match[1]) if match else 0
        while (name := f"events.out.tfevents.{number}.dcgan-hub") in renamed:  # two starts within a second
            number += 1
        renamed[name] = path
    return renamed


def _files(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """The files of a folder whose names match, sorted; none if there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if names.fullmatch(path.name))
    except OSError:
        return []


def _is_inside(path: Path, root: Path) -> bool:
    real = Path(os.path.realpath(path))
    return real.is_file() and real.is_relative_to(os.path.realpath(root))


def _sheet_weights(path: Path) -> str | None:
    """The SHA-256 of the weights that a sheet was generated with, from its text field."""
    try:
        with Image.open(path, formats=["PNG"]) as sheet:
            return sheet.info.get("weights")
    except (OSError, ValueError, SyntaxError):  # missing, or damaged
        return None
