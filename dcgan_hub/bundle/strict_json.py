"""Parses untrusted JSON: bounded in size, without NaN and duplicate names; and checks that values are plain."""

import collections
import json
import math
import os
from pathlib import Path
from typing import Any

from dcgan_hub.errors import BundleError, shorten

MAX_TEXT_LENGTH = 100_000  # characters of one string
MAX_ITEMS = 10_000  # of one list or object
MAX_DEPTH = 6
MAX_INTEGER = 2**63 - 1
MAX_PLACE_LENGTH = 200  # characters of a value's path that are kept for error messages
MAX_DIGITS = 1000  # of an integer: Python parses long ones in quadratic time
REFETCH = "Fetch or save the bundle again."


def parse_strict_json(content: bytes, source: str | Path) -> dict[str, Any]:
    """Parses an untrusted JSON object: UTF-8 text, whose size the caller has already limited.

    Raises:
        BundleError: if it is not a JSON object, has a duplicate name, or a value is not plain (see `check_plain`).
    """
    try:
        text = content.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_object_without_doubles, parse_int=_bounded_integer)
    except RecursionError as error:
        raise _no_json(source, "lists or objects nested too deeply") from error
    except ValueError as error:  # a UnicodeDecodeError and a JSONDecodeError are ValueErrors
        raise _no_json(source, str(error)) from error
    if not isinstance(document, dict):
        raise BundleError(
            f"{shorten_path(source)} must be a JSON object. Received: {type(document).__name__}. {REFETCH}"
        )
    check_plain(document, source)
    return document


def check_plain(value: Any, source: str | Path, place: str = "", depth: int = 0) -> None:
    """Raises BundleError unless `value` is a string, finite number, bool, None, or a list or dictionary of these."""
    if value is None or type(value) is bool:
        return
    if type(value) is str and _is_text(value):
        return
    if type(value) is int and abs(value) <= MAX_INTEGER:
        return
    if type(value) is float and math.isfinite(value):
        return
    if type(value) in (list, dict) and len(value) <= MAX_ITEMS and depth < MAX_DEPTH:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in pairs:
            if isinstance(value, dict) and not (type(name) is str and _is_text(name)):
                raise BundleError(
                    f"{shorten_path(source)}: names must be text of at most {MAX_TEXT_LENGTH:,} characters. Received: "
                    f"{shorten(name)} in `{shorten(place)}`. Correct or leave out this name."
                )
            check_plain(item, source, (f"{place}.{name}" if place else str(name))[:MAX_PLACE_LENGTH], depth + 1)
        return
    raise BundleError(
        f"{shorten_path(source)}: `{shorten(place)}` must be short text, a finite number, true, false, null, or a "
        f"short list or object of these. Received: {type(value).__name__} {shorten(value)}. Correct or leave out this "
        "value."
    )


def check_names(values: dict[str, Any], required: set[str], source: str | Path, place: str) -> None:
    """Raises BundleError unless `values` has exactly the names `required`."""
    missing, unknown = sorted(required - set(values)), sorted(set(values) - required)
    if missing or unknown:
        parts = [f"without {shorten(', '.join(missing), 200)}"] if missing else []
        parts += [f"with the unknown {shorten(', '.join(unknown))}"] if unknown else []
        raise BundleError(
            f"{shorten_path(source)}: {place} must have exactly {shorten(', '.join(sorted(required)), 300)}. "
            f"Received: {place} {' and '.join(parts)}. {REFETCH}"
        )


def shorten_path(path: str | Path, length: int = 200) -> str:
    """A path as one line of printable text; a long one is truncated at the start, so that the file name remains."""
    text = os.fspath(path)
    text = shorten(text, len(text))
    return text if len(text) <= length else f"...{text[3 - length :]}"


def _no_json(source: str | Path, received: str) -> BundleError:
    return BundleError(f"{shorten_path(source)} must be JSON. Received: {shorten(received, 200)}. {REFETCH}")


def _is_text(value: str) -> bool:
    """Whether a string is of bounded length and can be encoded as UTF-8, unlike a lone surrogate."""
    if len(value) > MAX_TEXT_LENGTH:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bounded_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a whole number of {len(digits):,} digits")
    return int(digits)


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        double = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"the name {shorten(double)!r} occurs twice in one object")
    return values
