"""Bundles with classes whose dcgan.json is damaged or made to harm."""

import json
from pathlib import Path

from hostile_bundles import ATTACKS, FACTS, MISSING, WEIGHTS, Attack, Change, change, register_changes, replace_bundle

CLASS_BUNDLE = Path(__file__).parent.parent / "golden" / "tiny-class-bundle"
NAMES = ["T-shirt", "trouser", "coat"]  # its classes

CLASS_CHANGES: list[Change] = [
    ("class_names", MISSING, "without class_names"),
    ("class_names", "abc", "`class_names` must be a list of as many names .* 3. Received: str"),
    ("class_names", {"0": "a", "1": "b", "2": "c"}, "`class_names` must be a list .* Received: dict"),
    ("class_names", ["a", "b"], "`class_names` must be a list of as many names .* 3. Received: 2"),
    ("class_names", [f"class {number}" for number in range(9000)], "as many names .* 3. Received: 9,000"),
    ("class_names", ["a"] * 10_001, "short list"),
    ("class_names", ["a", "b", 3], "A class name must be text of 1 to 100 .* Received: '3'"),
    ("class_names", ["a", "b", None], "A class name must be text"),
    ("class_names", ["a", "b", ["c"]], "A class name must be text"),
    ("class_names", ["a", "b", ""], "A class name must be text of 1 to 100"),
    ("class_names", ["a", "b", " "], "not only spaces"),
    ("class_names", ["a", "b", "c" * 101], "A class name must be text of 1 to 100"),
    ("class_names", ["a", "b", "c" * 100_001], "must be short text"),
    ("class_names", ["a", "b", "c\n"], r"A class name must be .* Received: 'c\?'"),
    ("class_names", ["a", "b", "\x1b[31mred"], r"A class name must be .* Received: '\?\[31mred'"),
    ("class_names", ["a", "b", "\u202egpj"], "A class name must be text"),
    ("class_names", ["a", "b", "\ud800"], "must be short text"),
    ("class_names", ["a", "b", "a"], "Class names must differ. Received: 'a' twice"),
    ("network.classes", MISSING, "without classes"),
    ("network.classes", 0, "`network.classes` must be 2 to 1,000"),
    ("network.classes", 1, "`classes` must be 0, or 2 to 1,000"),
    ("network.classes", 2, "as many names .* 2. Received: 3"),
    ("network.classes", 10**9, "`classes` must be 0 to 1000"),
    ("network.classes", 3.0, "`classes` must be a whole number"),
    ("network.classes", True, "`classes` must be a whole number"),
    ("classes", MISSING, "without classes"),
    ("classes.draw", "eval(input())", "`classes` must be"),
    ("classes.inputs", "latents", "`classes` must be"),
    ("format_version", 1, "unknown class_names, classes"),
]

register_changes("with classes", CLASS_BUNDLE, CLASS_CHANGES)


def _long_names(bundle: Path) -> None:
    replace_bundle(bundle, CLASS_BUNDLE)
    document = json.loads((bundle / FACTS).read_text())
    document["network"]["classes"] = 1000
    document["class_names"] = [f"{number:0100d}" for number in range(1000)]
    (bundle / FACTS).write_text(json.dumps(document))


def _weights_of_other_classes(bundle: Path) -> None:
    replace_bundle(bundle, CLASS_BUNDLE)
    change(bundle, "network", "classes", value=4)
    change(bundle, "class_names", value=[*NAMES, "dress"])


ATTACKS["with classes: long names"] = Attack(FACTS, "50,000 characters in all. Received: 100,000", _long_names)
ATTACKS["with classes: one more than in the weights"] = Attack(WEIGHTS, "must have", _weights_of_other_classes)
