"""Classes of a generator: their names, those that seeds draw, and those that users choose. Does not import Keras."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.latents import checked_seeds

NUMBER = re.compile("[0-9]{1,9}")
CLASS_STREAM = 1  # the stream's key is (seed, 1), so that drawing a class does not change the latents of the seed
Choice = str | int | Iterable[str | int]  # a class by name or number for all images, or one for each


def draw_classes(seeds: Iterable[int], count: int) -> np.ndarray:
    """Draws one of `count` classes per seed, all equally likely: one seed, one class, forever.

    It is int(RandomState([seed, 1]).random_sample() * count), and NumPy's policy (NEP 19) freezes that stream.

    Returns:
        int32 (N,), 0 to `count` - 1.
    """
    stream = np.random.RandomState()  # created once and reseeded, see `draw_latents`
    classes = []
    for seed in checked_seeds(seeds):
        stream.seed([seed, CLASS_STREAM])
        classes.append(int(stream.random_sample() * count))
    return np.asarray(classes, np.int32)


def chosen_classes(classes: Choice, names: Sequence[str]) -> int | list[int]:
    """The numbers of classes that a user has chosen: one for all images, or a list with one for each.

    Args:
        classes: a name, a number from 0, or several of them.
        names: of all classes of the generator.

    Raises:
        SettingsError: if the generator has no classes, or not this one.
    """
    if not names:
        raise without_classes(classes)
    if isinstance(classes, str | int | np.integer):
        return _number_of(classes, names)
    try:
        return [_number_of(given, names) for given in classes]
    except TypeError:
        raise SettingsError(
            f"`classes` must be a name, a number, or a list of them. Received: {shorten(classes)}. Try {names[0]!r}."
        ) from None


def number_of_class(given: Any, names: Sequence[str]) -> int:
    """The number of one class, given by its name or number; raises SettingsError as `chosen_classes`."""
    if not names:
        raise without_classes(given)
    return _number_of(given, names)


def without_classes(given: Any) -> SettingsError:
    """The error for classes that are chosen of a generator without."""
    return SettingsError(
        f"`classes` are for generators with classes. Received: {shorten(given)} for one without. Leave it out."
    )


def wrong_count(classes: int, images: int) -> SettingsError:
    """The error for a list of classes whose length is not the number of images."""
    return SettingsError(
        f"`classes` must be one class, or a list with one for each image. Received: {classes:,} for {images:,} "
        f"image{'' if images == 1 else 's'}. Repeat or leave out some."
    )


def parse_classes(text: str, names: Sequence[str]) -> list[int]:
    """Parses a list of classes on the command line: names or numbers separated by commas, or "all"; a name goes first.

    Raises:
        SettingsError: as `chosen_classes`.
    """
    if not names:
        raise without_classes(text)
    if text == "all" and text not in names:
        return list(range(len(names)))
    if text in names:  # with a comma in it
        return [list(names).index(text)]
    parts = [part.strip() for part in text.split(",")]
    given = [int(part) if part not in names and NUMBER.fullmatch(part) else part for part in parts]
    return [_number_of(part, names) for part in given]


def _number_of(given: Any, names: Sequence[str]) -> int:
    if isinstance(given, str):
        if given in names:
            return list(names).index(given)
        near = difflib.get_close_matches(given[:100], names, n=1, cutoff=0.0)
        raise SettingsError(
            f"A class must be one of the generator's {len(names):,}. Received: {shorten(given)!r}. "
            f"Did you mean {shorten(near[0])!r}?"
        )
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise SettingsError(
            f"A class must be a name or a whole number. Received: {shorten(given)}. Try {shorten(names[0])!r}."
        )
    if not 0 <= given < len(names):
        raise SettingsError(
            f"The number of a class must be 0 to {len(names) - 1}. Received: {shorten(given)}. Try 0, "
            f"{shorten(names[0])!r}."
        )
    return int(given)
