"""Hostile bundles: what one is, the list of them that hostile_*.py fill, and how a good bundle is changed."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FACTS, WEIGHTS = "dcgan.json", "model.safetensors"
TEN_GIGABYTES = 10 * 2**30  # of a file that takes no room on the disk
MISSING = object()


@dataclass(frozen=True)
class Attack:
    """One hostile bundle.

    Args:
        file: what the refusal must name.
        reason: a regular expression that the refusal must match behind it.
        damage: spoils the good bundle in the folder it is given; may return another path to open.
    """

    file: str
    reason: str
    damage: Callable[[Path], Path | None]


ATTACKS: dict[str, Attack] = {}
Change = tuple[str, object, str]  # path in the document, value, reason


def attack(file: str, reason: str) -> Callable[[Callable[[Path], Path | None]], Callable[[Path], Path | None]]:
    """Registers a function that damages a bundle, under its own name."""

    def register(damage: Callable[[Path], Path | None]) -> Callable[[Path], Path | None]:
        ATTACKS[damage.__name__.replace("_", " ")] = Attack(file, reason, damage)
        return damage

    return register


def change(bundle: Path, *path: str, value: object) -> None:
    """Sets one value of dcgan.json; MISSING removes it."""
    document = json.loads((bundle / FACTS).read_text())
    place = document
    for name in path[:-1]:
        place = place[name]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (bundle / FACTS).write_text(json.dumps(document))


def change_network(bundle: Path, **values: object) -> None:
    """Sets fields of `network` in dcgan.json."""
    for name, value in values.items():
        change(bundle, "network", name, value=value)


def replace_bundle(bundle: Path, good: Path) -> None:
    """Replaces the good bundle by another one, of another format version."""
    for name in (FACTS, WEIGHTS):
        shutil.copyfile(good / name, bundle / name)


def register_changes(kind: str, good: Path, changes: Sequence[Change]) -> None:
    """Registers attacks that each change one value in the dcgan.json of the `good` bundle."""
    for place, value, reason in changes:

        def damage(bundle: Path, place: str = place, value: object = value) -> None:
            replace_bundle(bundle, good)
            change(bundle, *place.split("."), value=value)

        shown = "missing" if value is MISSING else ascii(value)
        ATTACKS[f"{kind}: {place} {shown[:40]} {len(shown)}"] = Attack(FACTS, reason, damage)
