"""Labels as classes: which labels a generator can be trained with, their names, and what users are told about them.

N images, K classes.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.network_settings import MAX_CLASS_NAME_LENGTH, MAX_CLASS_NAMES_LENGTH, MAX_CLASSES, MIN_CLASSES

MIN_CLASS_IMAGES = 2
FEW_CLASS_IMAGES = 50  # fewer than that are easily memorized
MAX_NAMED = 6  # classes that are listed individually
# Folders of cameras (DCF: three digits and five other characters) and of dates, as in 100CANON, 2024, 2024-05-31.
NO_CLASS = re.compile(r"\d{3}(?=\w*[A-Z])[0-9A-Z_]{5}|(19|20)\d\d([-_. ]?(0[1-9]|1[0-2])([-_. ]?[0-3]\d)?)?")
RULE = (
    f"Training with classes needs {MIN_CLASSES} to {MAX_CLASSES:,} folders or labels with {MIN_CLASS_IMAGES} or more "
    "different images each, and no image without one."
)
ADVICE = "Put the images of each class into a folder of its own, or train without classes (--classes none)."


def choose_classes(prepared: PreparedImages, wanted: str) -> tuple[PreparedImages, str]:
    """Makes classes of the labels, if that is wanted and possible.

    Args:
        prepared: the images with their labels.
        wanted: `none`; `folders` for classes in any case; `auto` for classes where labels look like them: images in 2
            to 1,000 folders (or with as many labels), on average 50 or more in each, which are not named by dates or
            by a camera.

    Returns:
        The images, with `class_names` and `class_labels` if there are classes, and a line on the classes, or on why
        there are none.

    Raises:
        DataError: with `folders`, if labels cannot be classes.
    """
    if wanted == "none":
        return prepared, "none"
    counts, image_count = label_counts(prepared), len(prepared.images)
    if wanted == "auto" and (reason := explain_automatic(counts, image_count)):
        return prepared, reason
    if obstacle := find_obstacle(counts, image_count):
        raise DataError(f"{RULE} Received: {prepared.report.source} with {obstacle}. {ADVICE}")
    classes = with_classes(prepared)
    off = "; --classes none trains without them" if wanted == "auto" else ""
    return classes, describe_classes(class_counts(classes)) + off


def with_classes(prepared: PreparedImages) -> PreparedImages:
    """The same images with classes: those labels that images have; see `find_obstacle` first."""
    used, class_labels = np.unique(prepared.labels, return_inverse=True)
    names = tuple(class_name(prepared.label_names[label]) for label in used)
    return replace(prepared, class_names=names, class_labels=class_labels.astype(np.int32))


def classes_as(prepared: PreparedImages, names: Sequence[str]) -> PreparedImages:
    """The same images with the classes of a generator, by the names of their labels; without classes if one has none.

    Args:
        prepared: the images with their labels.
        names: of the generator's classes, in its order.
    """
    numbers = {name: number for number, name in enumerate(names)}
    found = np.array([numbers.get(class_name(label), -1) for label in prepared.label_names] + [-1], np.int32)
    class_labels = found[prepared.labels]  # the last one for images without label, -1
    if not names or (class_labels < 0).any():
        return prepared
    return replace(prepared, class_names=tuple(names), class_labels=class_labels)


def label_counts(prepared: PreparedImages) -> dict[str, int]:
    """Number of images by label, without labels that no image has."""
    counts = np.bincount(prepared.labels[prepared.labels >= 0], minlength=len(prepared.label_names))
    return {name: int(count) for name, count in zip(prepared.label_names, counts, strict=True) if count}


def class_counts(prepared: PreparedImages) -> dict[str, int]:
    """Number of images by class, in the order of the classes; empty without classes."""
    if prepared.class_labels is None:
        return {}
    counts = np.bincount(prepared.class_labels, minlength=len(prepared.class_names))
    return dict(zip(prepared.class_names, counts.tolist(), strict=True))


def class_name(label: str) -> str:
    """The name of a class: the label, printable, with at most 100 characters."""
    name = printable(label)
    return name if len(name) <= MAX_CLASS_NAME_LENGTH else f"{name[: MAX_CLASS_NAME_LENGTH - 1]}…"


def find_obstacle(counts: Mapping[str, int], image_count: int) -> str:
    """What labels have that classes cannot, as in "1 class ('cats')"; empty if they can be classes.

    Args:
        counts: number of images by label, without zeros.
        image_count: N, with those without label.
    """
    if not MIN_CLASSES <= len(counts) <= MAX_CLASSES:
        return f"1 class ({_listed(list(counts))})" if len(counts) == 1 else f"{len(counts):,} classes"
    if unlabeled := image_count - sum(counts.values()):
        return f"{unlabeled:,} of {image_count:,} images in none of the {len(counts):,} classes"
    smallest = min(counts, key=lambda label: counts[label])
    if counts[smallest] < MIN_CLASS_IMAGES:
        return f"only {counts[smallest]} image in the class '{printable(smallest)}'"
    names = Counter(map(class_name, counts))
    if not all(name.strip() for name in names):
        return "a class without a name"
    if sum(map(len, names)) > MAX_CLASS_NAMES_LENGTH:
        return f"names of classes of {sum(map(len, names)):,} characters in all, more than {MAX_CLASS_NAMES_LENGTH:,}"
    alike = next((name for name, count in names.items() if count > 1), None)
    return "" if alike is None else f"two classes with one name of {MAX_CLASS_NAME_LENGTH} characters ({alike})"


def find_doubt(counts: Mapping[str, int], image_count: int) -> str:
    """Why labels that could be classes probably are none; empty if they are; arguments as for `find_obstacle`."""
    if all(NO_CLASS.fullmatch(label) for label in counts):
        return f"folders are named by dates or by a camera ({_listed(list(counts))})"
    if image_count < FEW_CLASS_IMAGES * len(counts):
        return f"{len(counts):,} folders or labels have fewer than {FEW_CLASS_IMAGES} images each on average"
    return ""


def explain_automatic(counts: Mapping[str, int], image_count: int) -> str:
    """Why `auto` makes no classes, in a line; empty if it does. Arguments are those of `find_obstacle`."""
    if obstacle := find_obstacle(counts, image_count):
        return "none" if len(counts) < MIN_CLASSES else f"none: {obstacle}"
    doubt = find_doubt(counts, image_count)
    return f"none: {doubt}; --classes folders makes classes of them" if doubt else ""


def describe_classes(counts: Mapping[str, int]) -> str:
    """How many classes there are, and of how many images, in a line; `counts` as of `class_counts`."""
    few = [f"{name} {count}" for name, count in counts.items() if count < FEW_CLASS_IMAGES]
    sizes = sorted({min(counts.values()), max(counts.values())})
    images = " to ".join(f"{size:,}" for size in sizes)
    line = f"{len(counts):,} with {images} images each: {_listed(list(counts))}"
    return line + (f"; few images for a class: {_listed(few)}" if few else "")


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(map(printable, names[:MAX_NAMED])) + (f" and {more:,} more" if more > 0 else "")
