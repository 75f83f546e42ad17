"""Bundles whose dcgan.json is damaged or made to harm."""

import os
from pathlib import Path

from hostile_bundles import ATTACKS, FACTS, MISSING, TEN_GIGABYTES, Attack, attack, change, change_network


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


# Path in the document, value, reason.
CHANGES: list[tuple[str, object, str]] = [
    ("format_version", 5, "up to format version 4. Received: 5. Install a newer"),
    ("format_version", 2, "without class_names, classes"),
    ("format_version", 3, "`network` .* without seamless"),
    ("format_version", 4, "`network` .* without palette_size"),
    ("network.palette_size", 8, "unknown palette_size"),
    ("network.seamless", True, "unknown seamless"),
    ("network.seamless", False, "unknown seamless"),
    (
        "format_version",
        True,
        "`format_version` must be 1, 2 with classes, 3 if seamless, or 4 with a palette. Received: True",
    ),
    (
        "format_version",
        1.0,
        "`format_version` must be 1, 2 with classes, 3 if seamless, or 4 with a palette. Received: 1.0",
    ),
    (
        "format_version",
        "1",
        "`format_version` must be 1, 2 with classes, 3 if seamless, or 4 with a palette. Received: 1",
    ),
    (
        "format_version",
        0,
        "`format_version` must be 1, 2 with classes, 3 if seamless, or 4 with a palette. Received: 0",
    ),
    (
        "format_version",
        MISSING,
        "`format_version` must be 1, 2 with classes, 3 if seamless, or 4 with a palette. Received: None",
    ),
    ("metrics", MISSING, "without metrics"),
    ("extra", 1, "unknown extra"),
    ("\x1b[31mred\u202e", 1, r"unknown \?\[31mred\?"),
    ("weights.pickle", "x", "unknown pickle"),
    ("weights.dtype", MISSING, "without dtype"),
    ("weights.dtype", "F64", "F32 or F16. Received: F64"),
    ("weights.dtype", ["F32"], r"F32 or F16. Received: \['F32'\]"),
    ("weights.sha256", "abc", "64 hexadecimal digits. Received: abc"),
    ("weights.sha256", "A" * 64, "64 hexadecimal digits"),
    ("weights.sha256", 64, "64 hexadecimal digits. Received: 64"),
    ("weights", None, "`weights` must be an object"),
    ("network", [], "`network` must be an object"),
    ("network.filters", MISSING, "without filters"),
    ("network.layers", ["Lambda"], "unknown layers"),
    ("network.filters", 10**9, "`filters` must be 2 to 1024"),
    ("network.filters", -6, "`filters` must be 2 to 1024"),
    ("network.filters", True, "`filters` must be a whole number"),
    ("network.filters", 6.0, "`filters` must be a whole number"),
    ("network.filters", "6", "`filters` must be a whole number"),
    ("network.depth", 9, "`depth` must be 1 to 8"),
    ("network.depth", None, "network.depth"),
    ("network.dropout", False, "`dropout` must be a number"),
    ("network.dropout", 1e300, "`dropout` must be 0.0 to 0.9"),
    ("network.upsampling", "__import__('os')", "`upsampling` must be one of"),
    ("network.image_size", "18x24", "network.image_size"),
    ("network.image_size", [18], "network.image_size"),
    ("network.image_size", [18, 24, 3], "`image_size` must be one number"),
    ("network.image_size", [18.5, 24], "`image_size` must be one number"),
    ("network.image_size", [True, 24], "`image_size` must be one number"),
    ("network.image_size", [10**6, 24], "16 to 256"),
    ("latents.distribution", "uniform", "`latents` must be"),
    ("latents.draw", "eval(input())", "`latents` must be"),
    ("latents", None, "`latents` must be"),
    ("pixels.minimum", 0, "`pixels` must be"),
    ("pixels.maximum", True, "`pixels` must be"),
    ("metrics.kid", float("nan"), "`metrics.kid` must be .* finite"),
    ("metrics.kid", float("-inf"), "`metrics.kid` must be .* finite"),
    ("metrics.kid", True, "`metrics` must be numbers"),
    ("metrics.kid", "good", "`metrics` must be numbers"),
    ("metrics", [], "`metrics` must be an object"),
    ("training", "fast", "`training` must be an object"),
    ("training.steps", 10**30, "`training.steps`"),
    ("training.steps", 2**63, "`training.steps`"),
    ("training.deep", nested(7), "`training.deep"),
    ("training.long", [0] * 10_001, "`training.long` .* short list"),
    ("training.note", "x" * 100_001, "`training.note` must be short text"),
    ("training.note", "\ud800", "`training.note` must be short text"),
    ("training." + "x" * 100_001, 1, "names must be text of at most 100,000"),
    ("versions.keras", 3, "`versions` must be text"),
    ("versions.\x1b]0;title\x07", 3, r"`versions` must be text. Received: \?\]0;title\?=3"),
    ("dataset", "squares", "`dataset` must be an object"),
    ("dataset.hub_id", MISSING, "without hub_id"),
    ("dataset.url", "x", "unknown url"),
    ("dataset.count", "many", "`count`"),
    ("dataset.count", -1, "`count`"),
    ("dataset.count", True, "`count`"),
    ("dataset.licence", 0, "`licence`"),
    ("dataset.hub_id", "../../etc/passwd", "`dataset.hub_id`"),
    ("dataset.hub_id", 5, "`dataset.hub_id`"),
]


def _register_changes() -> None:
    for place, value, reason in CHANGES:

        def damage(bundle: Path, place: str = place, value: object = value) -> None:
            change(bundle, *place.split("."), value=value)

        shown = "missing" if value is MISSING else ascii(value)
        ATTACKS[f"{ascii(place)[1:30]} {shown[:30]}"] = Attack(FACTS, reason, damage)


_register_changes()


# What is no facts file at all: content, reason.
CONTENTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "must be JSON"),
    "binary": (b"\xff\xfe\x00\x01", "must be JSON. Received: 'utf-8' codec"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "must be JSON"),
    "byte order mark": (b"\xef\xbb\xbf{}", "must be JSON. Received: Unexpected UTF-8 BOM"),
    "list": (b"[1]", "must be a JSON object. Received: list"),
    "null": (b"null", "must be a JSON object. Received: NoneType"),
    "cut short": (b'{"format_version": 1, "netw', "must be JSON"),
    "two documents": (b"{}{}", "must be JSON"),
    "double name": (b'{"a": 1, "a": 2}', "'a' occurs twice"),
    "double name inside": (b'{"a": {"\\u001b[2J": 1, "\\u001b[2J": 2}}', r"'\?\[2J' occurs twice"),
    "deep": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply|short list"),
    "number of 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "a whole number of 5,000 digits"),
    "number of 900,000 digits": (b'{"a": -' + b"9" * 900_000 + b"}", "a whole number of 900,001 digits"),
    "number beyond floats": (b'{"a": 1e999}', "`a` must be .* finite"),
    "nothing but NaN": (b"NaN", "must be a JSON object"),
    "one byte too large": (b'{"a": "' + b" " * 999_992 + b'"}', "at most 1,000,000 bytes. Received: 1,000,001"),
    "long names around many values": (
        b'{"' + b"x" * 99_000 + b'": [' + b",".join([b"[" + b",".join([b"0"] * 4000) + b"]"] * 100) + b"]}",
        "`format_version` must be 1, 2",
    ),
    "a name for every byte": (b"{" + b",".join(b'"%d":0' % n for n in range(80_000)) + b"}", "short list or object"),
}
for _name, (_content, _reason) in CONTENTS.items():
    ATTACKS[f"facts: {_name}"] = Attack(
        FACTS, _reason, lambda bundle, content=_content: (bundle / FACTS).write_bytes(content) and None
    )


@attack(FACTS, "may have at most 100,000,000 parameters")
def a_network_beyond_the_cap_on_parameters(bundle: Path) -> None:
    change_network(bundle, latent_dim=4096, max_filters=4096, filters=1024, kernel_size=11)


@attack(FACTS, "A feature map may have at most 33,554,432 values")
def a_network_beyond_the_cap_on_memory(bundle: Path) -> None:
    change_network(bundle, image_size=[256, 256], depth=5, filters=1024, max_filters=1024, kernel_size=2)


@attack(FACTS, "`depth` must reduce 18x24 pixels to a first map")
def a_network_deeper_than_its_image(bundle: Path) -> None:
    change_network(bundle, depth=8)


@attack(FACTS, "at most 1,000,000 bytes. Received: 10,737,418,240")
def facts_of_ten_gigabytes(bundle: Path) -> None:
    os.truncate(bundle / FACTS, TEN_GIGABYTES)
