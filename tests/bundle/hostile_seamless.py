"""Seamless bundles whose dcgan.json is damaged or made to harm."""

from pathlib import Path

from hostile_bundles import MISSING, Change, register_changes

SEAMLESS_BUNDLE = Path(__file__).parent.parent / "golden" / "tiny-seamless-bundle"

SEAMLESS_CHANGES: list[Change] = [
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

register_changes("seamless", SEAMLESS_BUNDLE, SEAMLESS_CHANGES)
