"""Seamless bundles whose dcgan.json is damaged or made to harm."""

import shutil
from pathlib import Path

from hostile_bundles import ATTACKS, FACTS, MISSING, WEIGHTS, Attack, change

SEAMLESS_BUNDLE = Path(__file__).parent.parent / "golden" / "tiny-seamless-bundle"

# Path in the document, value, reason.
SEAMLESS_CHANGES: list[tuple[str, object, str]] = [
    ("network.seamless", MISSING, "without seamless"),
    ("network.seamless", False, "`network.seamless` must be true in format version 3. Received: False"),
    ("network.seamless", 1, "`network.seamless` must be true in format version 3. Received: 1"),
    ("network.seamless", "true", "`network.seamless` must be true"),
    ("network.seamless", None, "`network.seamless` must be true"),
    ("network.image_size", [24, 18], "multiples of 4, .*=24x18. Nearest valid: image_size=24x16"),
    ("network.classes", 3, "unknown classes"),
    ("classes", {"inputs": "latents, classes"}, "unknown classes"),
    ("class_names", ["a", "b"], "without classes"),
    ("format_version", 1, "unknown seamless"),
    ("format_version", 2, "without class_names, classes"),
]


def put_seamless_bundle(bundle: Path) -> None:
    """Replaces the good bundle that is not seamless by one that is."""
    for name in (FACTS, WEIGHTS):
        shutil.copyfile(SEAMLESS_BUNDLE / name, bundle / name)


def _register() -> None:
    for place, value, reason in SEAMLESS_CHANGES:

        def damage(bundle: Path, place: str = place, value: object = value) -> None:
            put_seamless_bundle(bundle)
            change(bundle, *place.split("."), value=value)

        shown = "missing" if value is MISSING else ascii(value)
        ATTACKS[f"seamless: {place} {shown}"] = Attack(FACTS, reason, damage)


_register()
