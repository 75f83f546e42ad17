"""JSON of strangers: bounded, without NaN, without double names; and the check for plain values."""

import json
import math
from pathlib import Path
from typing import Any

from dcgan_hub.errors import BundleError

MAXIMUM_TEXT = 100_000  # characters of one string
MAXIMUM_ITEMS = 10_000  # of one list or object
MAXIMUM_DEPTH = 6
MAXIMUM_INTEGER = 2**63 - 1
REFETCH = "Fetch or save the bundle again."


def parse_strict_json(content: bytes, source: str | Path) -> dict[str, Any]:
    """Reads a JSON object that someone else may have written.

    Args:
        content: UTF-8 text, its size already bounded by the caller.
        source: what the error message calls it.

    Returns:
        The object, of plain values only; see `check_plain`.

    Raises:
        BundleError: if it is no JSON object, a name stands twice, or a value is not plain.
    """
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_object_without_doubles)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError and a JSONDecodeError are ValueErrors
        raise BundleError(f"{source} must be JSON. Received: {error}. {REFETCH}") from error
    if not isinstance(document, dict):
        raise BundleError(f"{source} must hold a JSON object. Received: {type(document).__name__}. {REFETCH}")
    check_plain(document, source)
    return document


def check_plain(value: Any, source: str | Path, place: str = "", depth: int = 0) -> None:
    """Raises BundleError unless `value` is text, a finite number, a truth value, None, or a list or object of these."""
    if value is None or type(value) is bool:
        return
    if type(value) is str and len(value) <= MAXIMUM_TEXT:
        return
    if type(value) is int and abs(value) <= MAXIMUM_INTEGER:
        return
    if type(value) is float and math.isfinite(value):
        return
    if type(value) in (list, dict) and len(value) <= MAXIMUM_ITEMS and depth < MAXIMUM_DEPTH:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in pairs:
            if isinstance(value, dict) and type(name) is not str:
                raise BundleError(f"{source}: names must be text. Received: {name!r} in `{place}`. Use text.")
            check_plain(item, source, f"{place}.{name}" if place else str(name), depth + 1)
        return
    raise BundleError(
        f"{source}: `{shorten(place)}` must be text, a finite number, true, false, null, or a short list or object of "
        f"these. Received: {type(value).__name__} {shorten(value)}. Correct or leave out this value."
    )


def check_names(values: dict[str, Any], required: set[str], source: str | Path, place: str) -> None:
    """Raises BundleError unless `values` has exactly the names `required`."""
    missing, unknown = sorted(required - set(values)), sorted(set(values) - required)
    if missing or unknown:
        parts = [f"without {', '.join(missing)}"] if missing else []
        parts += [f"with the unknown {shorten(', '.join(unknown))}"] if unknown else []
        raise BundleError(
            f"{source}: {place} must have exactly {', '.join(sorted(required))}. Received: {place} "
            f"{' and '.join(parts)}. {REFETCH}"
        )


def shorten(value: Any, length: int = 80) -> str:
    """The start of a value as text, fit for an error message."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {shorten(double)!r} stands twice in one object")
    return values
