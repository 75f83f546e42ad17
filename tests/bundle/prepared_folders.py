"""Folders as they are pushed, made without Keras; run as a program, pushes them: what the kill tests kill."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from safetensors.numpy import load, save

from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.folder import read_bundle, sha256_of
from dcgan_hub.bundle.format import FACTS_FILE, WeightFacts, read_facts
from dcgan_hub.bundle.publication import Target, publish_folder
from dcgan_hub.bundle.weights import WEIGHTS_FILE

GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"


def prepare_folder(folder: Path, repo_id: str, number: int, pictures: int = 2, picture_bytes: int = 1000) -> Path:
    """Lays out state `number` of a generator: other weights, other pictures, another sheet than any other number."""
    arrays = load((GOLDEN / WEIGHTS_FILE).read_bytes())
    weights = save({name: array + array.dtype.type(0.001 * number) for name, array in arrays.items()})
    facts = dataclasses.replace(
        read_facts(GOLDEN / FACTS_FILE),
        weights=WeightFacts(dtype="F32", sha256=sha256_of(weights)),
        training={"step": number},
    )
    files = {FACTS_FILE: facts.to_json(), WEIGHTS_FILE: weights, "run/run.json": b'{"number": %d}' % number}
    picture = number.to_bytes(2, "big") + b"\0" * (picture_bytes - 2)
    files |= {f"run/samples/step-{100 * number + index:08d}.png": picture for index in range(pictures)}
    files["README.md"] = make_card(facts, repo_id, list(files)).encode()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Files by name as they shall stand in the repository."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_loads(files: dict[str, bytes], folder: Path) -> None:
    """Fails unless the files of a repository are a whole bundle."""
    for name in (FACTS_FILE, WEIGHTS_FILE):
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(files[name])
    read_bundle(folder)


def push_what_is_named() -> None:
    """Reads lines of a folder and a repository, and pushes each in a process of its own, whose id it writes.

    That is a fork of this one, since importing takes longer than pushing. After the next line its exit status is
    written; until then its id stays its own, whether it has ended or not.
    """
    while line := sys.stdin.readline():
        folder, repo_id = json.loads(line)
        child = os.fork()
        if not child:
            publish_folder(Path(folder), Target(repo_id=repo_id))
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    push_what_is_named()
