"""A bundle as a folder: finding it, reading it, and replacing its files so that it can be loaded at any moment.

`dcgan.json` contains the SHA-256 of its weights, so two files must be replaced as one. First the new weights are
written beside the old ones as WAITING_FILE. Replacing `dcgan.json` then switches the bundle, and finally WAITING_FILE
replaces the old weights. Readers use whichever of the two weights files has the right SHA-256.
"""

import hashlib
import importlib.resources
import itertools
import os
import typing
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from dcgan_hub.atomic_files import flush_to_disk, remove_unfinished, whole_file
from dcgan_hub.bundle.format import FACTS_FILE, BundleFacts, WeightFacts, read_facts
from dcgan_hub.bundle.safe_files import read_bounded
from dcgan_hub.bundle.strict_json import REFETCH, shorten_path
from dcgan_hub.bundle.weights import WEIGHTS_FILE, decode_weights, weights_file_bytes
from dcgan_hub.errors import BundleError, shorten
from dcgan_hub.hub.names import SCHEME, names_model
from dcgan_hub.settings import NetworkSettings

WAITING_FILE = f".{WEIGHTS_FILE}.next"
RUN_FILE = "run.json"
RUN_GENERATOR = "generator"
EMBEDDED = "avatars"
READ_ATTEMPTS = 3  # a writer may replace both files between our two reads
MAX_EXAMINED = 1000  # file names of an unknown folder
MAX_NAMED = 3  # of these, listed in a message
# Model files of other programs. Opening one can run code of its author, or cannot be checked beforehand.
FOREIGN_KINDS = {
    **dict.fromkeys((".h5", ".hdf5"), "Keras HDF5"),
    ".keras": "Keras archive",
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".dill"), "Python pickle"),
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), "PyTorch, mostly a pickle"),
    **dict.fromkeys((".pb", ".index"), "TensorFlow"),
    **dict.fromkeys((".npy", ".npz"), "NumPy"),
    ".tflite": "TensorFlow Lite",
    ".onnx": "ONNX",
    ".msgpack": "Flax",
}


def locate_bundle(folder: str | os.PathLike[str]) -> tuple[str, Path]:
    """Returns short name and folder of a bundle, given a run directory, a bundle, or "avatars" for the embedded one.

    Raises BundleError if there is none.
    """
    path = Path(folder)
    try:
        for candidate in (path / RUN_GENERATOR, path):
            if _has_facts(candidate):
                _refuse_link_away(candidate, path)
                return _short_name(candidate), candidate
    except OSError as error:  # a name too long, a folder that may not be entered
        raise BundleError(
            f"A generator's folder must be readable. Received: {shorten(path)}: {error.strerror}. Check the path."
        ) from error
    if os.fspath(folder) == EMBEDDED:
        embedded = Path(str(importlib.resources.files("dcgan_hub"))) / "assets" / RUN_GENERATOR
        if (embedded / FACTS_FILE).is_file():
            return EMBEDDED, embedded
        raise BundleError(f"The package must hold the generator '{EMBEDDED}'. Received: none. Install dcgan-hub again.")
    raise BundleError(_explain_missing(os.fspath(folder), path))


def explain_contents(names: Iterable[str]) -> str:
    """Describes the contents of a folder or repository without `dcgan.json`, and what to do about it.

    `names` are its file names, which are untrusted. Returns printable text of bounded length that continues a sentence
    after "it holds", without the final period.
    """
    examined = sorted(itertools.islice(names, MAX_EXAMINED))
    foreign = {name: FOREIGN_KINDS.get(PurePosixPath(name).suffix.lower()) for name in examined}
    kinds = {name: kind for name, kind in foreign.items() if kind}
    if not kinds:
        return _listing([shorten_path(name, 60) for name in examined]) or "nothing"
    return (
        f"{_listing([f'{shorten_path(name, 60)} ({kind})' for name, kind in kinds.items()])}: such files can run code "
        "when they are opened, or cannot be checked. Ask its author for a bundle made by dcgan-hub, or open it with "
        "the library that wrote it, if you trust it"
    )


def read_bundle(folder: Path) -> tuple[BundleFacts, dict[str, np.ndarray]]:
    """Reads the facts and their weights, without building the network.

    Returns:
        The facts, and float32 or float16 arrays by name: exactly the weights of the network that the facts describe.

    Raises:
        BundleError: if a file is missing, damaged, of the wrong size for the network, not of this format, or outside
            this folder; see `read_bounded`.
    """
    for attempt in range(READ_ATTEMPTS):
        before = _stamps(folder)
        facts = read_facts(folder / FACTS_FILE)
        stored = typing.cast(WeightFacts, facts.weights)  # never None in facts read from a file
        try:
            content = _matching_weights(folder, facts.network, stored)
            break
        except BundleError:
            if attempt == READ_ATTEMPTS - 1 or _stamps(folder) == before:
                raise
    return facts, decode_weights(content, facts.network, stored.dtype, folder / WEIGHTS_FILE)


def write_bundle(folder: Path, facts: BundleFacts, weights: bytes) -> None:
    """Replaces facts and weights atomically; `facts.weights` must have the SHA-256 of `weights`."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    _finish_interrupted(folder)
    for name, content in ((WAITING_FILE, weights), (FACTS_FILE, facts.to_json())):
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(content)
    (folder / WAITING_FILE).replace(folder / WEIGHTS_FILE)
    flush_to_disk(folder)


def sha256_of(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _stamps(folder: Path) -> list[tuple[int, ...]]:
    """Inode, modification time and size of each file, which change when a writer replaces it."""
    stamps: list[tuple[int, ...]] = []
    for name in (FACTS_FILE, WEIGHTS_FILE, WAITING_FILE):
        try:
            state = (folder / name).stat()
            stamps.append((state.st_ino, state.st_mtime_ns, state.st_size))
        except OSError:
            stamps.append(())
    return stamps


def _matching_weights(folder: Path, network: NetworkSettings, stored: WeightFacts) -> bytes:
    """The content of whichever of the two weights files has the SHA-256 in the facts."""
    refusals = []
    for name in (WEIGHTS_FILE, WAITING_FILE):
        try:
            return _read_weights(folder / name, network, stored)
        except BundleError as error:  # missing, or of the next or the previous bundle
            refusals.append(error)
    raise refusals[0]


def _read_weights(path: Path, network: NetworkSettings, stored: WeightFacts) -> bytes:
    smallest, largest = weights_file_bytes(network, stored.dtype)
    content = read_bounded(path, largest, smallest)
    received = sha256_of(content)
    if received == stored.sha256:
        return content
    size = len(content)
    del content  # the error's traceback would keep it alive
    raise BundleError(
        f"{shorten_path(path)} must have the SHA-256 given in {FACTS_FILE}. Received: {size:,} bytes with SHA-256 "
        f"{received[:12]}...; the file is damaged, truncated, or belongs to another bundle. {REFETCH}"
    )


def _finish_interrupted(folder: Path) -> None:
    """Completes a save that was killed after replacing the facts and before replacing the weights."""
    waiting = folder / WAITING_FILE
    if not waiting.is_file():
        return
    try:
        facts = read_facts(folder / FACTS_FILE)
        _read_weights(waiting, facts.network, typing.cast(WeightFacts, facts.weights))
    except BundleError:
        return
    waiting.replace(folder / WEIGHTS_FILE)
    flush_to_disk(folder)


def _has_facts(folder: Path) -> bool:
    """Whether anything named `dcgan.json` exists; errors in it are reported when it is read."""
    try:
        (folder / FACTS_FILE).lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null byte in the path
        return False
    return True


def _refuse_link_away(candidate: Path, path: Path) -> None:
    """The given folder itself may be a symbolic link, but links inside it may not point outside it."""
    target = Path(os.path.realpath(candidate))
    if not target.is_relative_to(os.path.realpath(path)):
        raise BundleError(
            f"{shorten_path(candidate)} must be inside the given folder. Received: a link to {shorten_path(target)}. "
            "Give that folder itself, if you trust it."
        )


def _short_name(bundle: Path) -> str:
    resolved = bundle.resolve()
    in_run = resolved.name == RUN_GENERATOR and resolved.parent.name
    return shorten(resolved.parent.name if in_run else resolved.name or RUN_GENERATOR)


def _explain_missing(text: str, path: Path) -> str:
    shown = shorten_path(text)
    wanted = f"A generator is a run directory or a bundle (a folder with {FACTS_FILE}), or '{EMBEDDED}'."
    if (path / RUN_FILE).is_file():
        return f"{wanted} Received: the run {shown}, which has saved no generator yet. Wait for its first checkpoint."
    if path.is_dir():
        holds = explain_contents(_names_in(path))
        return f"{wanted} Received: the folder {shown}, without {FACTS_FILE}; it holds {holds}. Check the path."
    if path.exists():
        kind = FOREIGN_KINDS.get(path.suffix.lower())
        if kind:
            return f"{wanted} Received: {explain_contents([text])}."
        return f"{wanted} Received: the file {shown}. Give the folder it is in."
    elsewhere = f", or write {SCHEME}{text} for a model on the Hub" if names_model(text) else ""
    return f"{wanted} Received: {shorten(text)!r}, which does not exist. Check the path{elsewhere}."


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in itertools.islice(entries, MAX_EXAMINED)]
    except OSError:
        return []


def _listing(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")
