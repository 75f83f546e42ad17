"""The repository of a model, laid out as a folder: what is published of a bundle and of its run, and what is not.

Every file and the reasons: docs/model-repository.md. Nothing that is published names the user's folders, files or
machine; so what a run writes next to the files named here stays at home until someone adds it to this module.
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
from dcgan_hub.bundle.folder import WAITING_FILE
from dcgan_hub.bundle.format import FACTS_FILE, BundleFacts, read_facts, without_folders
from dcgan_hub.bundle.keras_files import CARD_FILE, KERAS_FILES, SAMPLES_FILE
from dcgan_hub.bundle.weights import WEIGHTS_FILE
from dcgan_hub.errors import BundleError
from dcgan_hub.images.sources.hub_names import parse_hub_name, without_page
from dcgan_hub.runs.checkpoint_files import matches_checksum
from dcgan_hub.runs.directory import PUBLISHED_FOLDER, RunDirectory, step_number

MAX_SHEETS = 100
SHEET = re.compile(r"step-\d{8}\.png")
PLOT = re.compile(r"[a-z0-9_-]{1,40}\.png")
EVENTS = re.compile(r"events\.out\.tfevents\.(\d{1,12})\..+")
ORDINARY_ENDS = ("finished", "stopped")  # their reasons are sentences of ours; that of a failure may name a folder
# Of run.json; `dataset.report` and `label_names` hold names of the user's files and folders.
RECORD_FIELDS = (
    "format_version", "name", "state", "settings", "parameters", "versions", "created", "started", "progress",
)  # fmt: skip
DATASET_FIELDS = ("name", "fingerprint", "count", "channels_asked")
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
    """Fills an empty folder with exactly the files that the model's repository shall hold; see `make_card`.

    Files that are only ever replaced are linked where the file system can, so that this is quick; those that grow are
    copied. Nobody may save into the bundle meanwhile, whose last save may have been killed halfway; the run may go on.

    Raises:
        BundleError: if facts or weights are missing, damaged, or do not belong together.
        RunError: if the run has no readable run.json.
        SettingsError: for a name, tag or licence that the Hub does not allow.
    """
    facts = _lay_out_bundle(folder, bundle)
    if run is not None:
        place(run.timelapse_file, folder / run.timelapse_file.name, run.path)
        _lay_out_run(folder / PUBLISHED_FOLDER, run, facts)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    card = make_card(facts, repo_id, names, licence=licence, tag=tag)
    (folder / CARD_FILE).write_text(card, encoding="utf-8", newline="\n")


def _lay_out_bundle(folder: Path, bundle: Path) -> BundleFacts:
    facts = read_facts(bundle / FACTS_FILE)
    place(bundle / FACTS_FILE, folder / FACTS_FILE, bundle)
    wanted = facts.weights.sha256 if facts.weights else ""
    # After a kill the weights that the facts name may still wait under their other name.
    for name in (WEIGHTS_FILE, WAITING_FILE):
        found = bundle / name
        if found.is_file() and matches_checksum(found, wanted) and place(found, folder / WEIGHTS_FILE, bundle):
            break
    else:
        raise BundleError(
            f"A bundle is published with the weights that its {FACTS_FILE} names. Received: '{bundle}' without them; "
            "it is damaged or was cut short. Save the generator again."
        )
    # The sheet is written last and names its weights. Where these are others, Keras' files may be older, too.
    if _sheet_weights(bundle / SAMPLES_FILE) == f"sha256:{wanted}":
        for name in (*KERAS_FILES, SAMPLES_FILE):
            place(bundle / name, folder / name, bundle)
    return facts


def _lay_out_run(folder: Path, run: RunDirectory, facts: BundleFacts) -> None:
    write_json(folder / run.record_file.name, public_record(run.read_record(), facts))
    if _is_inside(run.metrics_file, run.path):
        lines = run.metrics_file.read_bytes().splitlines(keepends=True)
        whole = b"".join(line for line in lines if line.endswith(b"\n"))  # the last one may be half written
        (folder / run.metrics_file.name).write_bytes(whole)
    sheets = {step_number(path): path for path in _files(run.samples, SHEET)}
    for step in chosen_steps(sheets):
        place(sheets[step], folder / run.samples.name / sheets[step].name, run.path)
    for path in _files(run.plots, PLOT):
        place(path, folder / run.plots.name / path.name, run.path)
    for name, path in _renamed_events(_files(run.tensorboard, EVENTS)).items():
        place(path, folder / run.tensorboard.name / name, run.path, grows=True)


def place(source: Path, target: Path, root: Path, grows: bool = False) -> bool:
    """Links or copies a file, and returns whether it was there, and no link that leads out of `root`.

    One that `grows`, so is ever changed in place, must be copied. Missing folders of the target are made.
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
    """Chooses at most 100 sample sheets, so that those chosen earlier stay chosen or go, and few are sent each time.

    All, if they are few. Else those at multiples of the usual distance, or of it times two, four, eight ..., and the
    newest. The usual distance and not the smallest: a run that was stopped leaves a sheet between the others.
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
    """What of `run.json` is published, with the data called by name and not by place.

    Whether the data are of the Hub the facts of the run's bundle say.
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
    """The name of a file or folder without those it lies in; a Hub data set keeps its user's name.

    Whether user/name is of the Hub only the facts know: a folder can be called so, too.
    """
    text = data if isinstance(data, str) else ""
    name = parse_hub_name(text)
    if name and name.repo_id == hub_id:
        return without_page(text)
    return without_folders(text)


def _renamed_events(paths: Iterable[Path]) -> dict[str, Path]:
    """Event files by a name without that of the machine, which TensorFlow puts into it; the time of the start stays."""
    renamed: dict[str, Path] = {}
    for path in sorted(paths):
        match = EVENTS.fullmatch(path.name)
        number = int(match[1]) if match else 0
        while (name := f"events.out.tfevents.{number}.dcgan-hub") in renamed:  # two starts within a second
            number += 1
        renamed[name] = path
    return renamed


def _files(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """Files of a folder by name; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if names.fullmatch(path.name))
    except OSError:
        return []


def _is_inside(path: Path, root: Path) -> bool:
    real = Path(os.path.realpath(path))
    return real.is_file() and real.is_relative_to(os.path.realpath(root))


def _sheet_weights(path: Path) -> str | None:
    """The SHA-256 of the weights that a sheet was drawn with, as its text field says."""
    try:
        with Image.open(path, formats=["PNG"]) as sheet:
            return sheet.info.get("weights")
    except (OSError, ValueError, SyntaxError):  # missing, or damaged
        return None
