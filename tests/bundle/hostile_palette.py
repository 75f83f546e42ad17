"""Bundles with a palette whose dcgan.json is damaged or made to harm."""

from pathlib import Path

from hostile_bundles import MISSING, Change, register_changes

PALETTE_BUNDLE = Path(__file__).parent.parent / "golden" / "tiny-palette-bundle"

PALETTE_CHANGES: list[Change] = [
    ("network.palette_size", MISSING, "without palette_size"),
    ("network.palette_size", 0, "`network.palette_size` must be 2 to 64 in format version 4. Received: 0"),
    ("network.palette_size", 1, "`palette_size` must be 0, or 2 to 64. Received: palette_size=1"),
    ("network.palette_size", 65, "`palette_size`"),
    ("network.palette_size", 10**12, "`palette_size`"),
    ("network.palette_size", -3, "`palette_size`"),
    ("network.palette_size", 3.5, "`palette_size`"),
    ("network.palette_size", True, "`palette_size`"),
    ("network.palette_size", "3", "`palette_size`"),
    ("network.palette_size", None, "`palette_size`"),
    ("network.seamless", False, "`network.seamless` must be true in format version 4. Received: False"),
    ("network.classes", 3, "unknown classes"),
    ("class_names", ["a", "b"], "without classes"),
    ("format_version", 1, "unknown palette_size"),
    ("format_version", 2, "without class_names, classes"),
    ("format_version", 3, "without seamless"),
]

register_changes("palette", PALETTE_BUNDLE, PALETTE_CHANGES)
