"""A bundle as a folder: finding it, reading it, and replacing its files so that it can be loaded at every instant.

`dcgan.json` names the SHA-256 of the weights that belong to it, so two files have to change as one. The new weights are
laid beside the old ones under WAITING_FILE; replacing `dcgan.json` is the instant at which the bundle changes; then the
waiting file takes the place of the old weights. A reader takes whichever of the two files has the right SHA-256.
"""

import hashlib
import importlib.resources
import os
import re
from pathlib import Path

import numpy as np

from dcgan_hub.bundle.format import FACTS_FILE, BundleFacts, read_bounded, read_facts
from dcgan_hub.bundle.strict_json import REFETCH, shorten
from dcgan_hub.bundle.weights import MAXIMUM_HEADER_BYTES, WEIGHTS_FILE, decode_weights
from dcgan_hub.errors import BundleError
from dcgan_hub.files import flush_to_disk, remove_unfinished, whole_file

WAITING_FILE = f".{WEIGHTS_FILE}.next"
RUN_FILE = "run.json"
RUN_GENERATOR = "generator"
EMBEDDED = "avatars"
READ_ATTEMPTS = 3  # a writer may replace both files between our two reads


def locate_bundle(folder: str | os.PathLike[str]) -> tuple[str, Path]:
    """Finds the bundle that a user means.

    Args:
        folder: a run directory, a bundle, or "avatars" for the generator inside this package.

    Returns:
        A short name and the folder that holds `dcgan.json`.

    Raises:
        BundleError: if there is none.
    """
    path = Path(folder)
    try:
        for candidate in (path / RUN_GENERATOR, path):
            if (candidate / FACTS_FILE).is_file():
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


def read_bundle(folder: Path) -> tuple[BundleFacts, dict[str, np.ndarray]]:
    """Reads the facts and the weights that belong to them; builds nothing.

    Returns:
        The facts, and float32 or float16 arrays by name, as many values as the settings' network has.

    Raises:
        BundleError: if a file is missing, damaged, too large, or not of this format.
    """
    received = ""
    for _ in range(READ_ATTEMPTS):
        facts = read_facts(folder / FACTS_FILE)
        parameters = facts.network.generator_parameters
        content, received = _matching_weights(folder, facts, 8 + MAXIMUM_HEADER_BYTES + 4 * parameters)
        if content is None:
            continue
        source = folder / WEIGHTS_FILE
        arrays = decode_weights(content, facts.weights.dtype if facts.weights else "F32", source)
        values = sum(array.size for array in arrays.values())
        if values != parameters:
            raise BundleError(f"{source} must have {parameters:,} values. Received: {values:,}. {REFETCH}")
        return facts, arrays
    raise BundleError(
        f"{folder / WEIGHTS_FILE} must be the file whose SHA-256 {FACTS_FILE} names. Received: {received}; it is "
        f"damaged, cut short, or belongs to another bundle. {REFETCH}"
    )


def write_bundle(folder: Path, facts: BundleFacts, weights: bytes) -> None:
    """Replaces facts and weights as one; `facts.weights` must have the SHA-256 of `weights`."""
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


def _matching_weights(folder: Path, facts: BundleFacts, maximum_bytes: int) -> tuple[bytes | None, str]:
    """The weights that `facts` name, or None and what was found instead."""
    wanted = facts.weights.sha256 if facts.weights else ""
    received = "no file"
    for name in (WEIGHTS_FILE, WAITING_FILE):
        try:
            content = read_bounded(folder / name, maximum_bytes)
        except BundleError as error:  # missing, or too large: perhaps of the bundle that comes or goes
            received = str(error) if (folder / name).exists() else received
            continue
        if sha256_of(content) == wanted:
            return content, ""
        received = f"{len(content):,} bytes with SHA-256 {sha256_of(content)[:12]}..."
    return None, received


def _finish_interrupted(folder: Path) -> None:
    """Completes a save that was killed after its facts were in place, since its weights still wait."""
    waiting = folder / WAITING_FILE
    if not waiting.is_file():
        return
    try:
        wanted = read_facts(folder / FACTS_FILE).weights
    except BundleError:
        return
    if wanted and sha256_of(waiting.read_bytes()) == wanted.sha256:
        waiting.replace(folder / WEIGHTS_FILE)
        flush_to_disk(folder)


def _short_name(bundle: Path) -> str:
    resolved = bundle.resolve()
    in_run = resolved.name == RUN_GENERATOR and resolved.parent.name
    return resolved.parent.name if in_run else resolved.name or RUN_GENERATOR


def _explain_missing(text: str, path: Path) -> str:
    wanted = f"A generator is a run directory or a bundle (a folder with {FACTS_FILE}), or '{EMBEDDED}'."
    if (path / RUN_FILE).is_file():
        return f"{wanted} Received: the run {text}, which has saved no generator yet. Wait for its first checkpoint."
    if path.is_dir():
        return f"{wanted} Received: the folder {text}, without {FACTS_FILE}. Check the path."
    if path.exists():
        return f"{wanted} Received: the file {text}. Give the folder it is in."
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text) and not text.startswith("."):
        return (
            f"{wanted} Received: {text}, which is no folder here. If it is the name of a Hub repository: this version "
            "opens local folders only, so download it first."
        )
    return f"{wanted} Received: {shorten(text)!r}, which does not exist. Check the path."
