"""Validates and converts input values; an invalid one raises SettingsError with the valid range."""

from collections.abc import Sequence
from typing import Any

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.latent_points import Point
from dcgan_hub.networks.point_syntax import MAX_CHARACTERS, MAX_LIST_CHARACTERS, parse_point, parse_points


def whole_number(name: str, value: Any, minimum: int, maximum: int) -> int:
    """The value as an integer."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value != value // 1 or not minimum <= value <= maximum:
        raise SettingsError(
            f"`{name}` must be a whole number from {minimum} to {maximum}. Received: {_shown(value)}. "
            f"Try {_nearest(value, minimum, maximum):.0f}."
        )
    return int(value)


def number_between(name: str, value: Any, minimum: float, maximum: float) -> float:
    """The value as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise SettingsError(
            f"`{name}` must be a number from {minimum:g} to {maximum:g}. Received: {_shown(value)}. "
            f"Try {_nearest(value, minimum, maximum):g}."
        )
    return float(value)


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """The value, if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise SettingsError(
            f"`{name}` must be one of {', '.join(choices)}. Received: {shorten(value)!r}. Try {choices[0]}."
        )
    return value


def plain_text(name: str, value: Any, most: int) -> str:
    """The value as stripped text; whole numbers are converted."""
    if isinstance(value, float) and value == value // 1:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > most:
        received = f"{len(value):,} characters" if isinstance(value, str) else shorten(value)
        raise SettingsError(
            f"`{name}` must be text of at most {most:,} characters. Received: {received}. Send it as a string."
        )
    return value.strip()


def read_point(name: str, value: Any) -> Point:
    """The value as one point in latent space."""
    return parse_point(plain_text(name, value, MAX_CHARACTERS))


def read_points(name: str, value: Any, most: int) -> list[Point]:
    """The value as a list of 1 to `most` points."""
    return parse_points(plain_text(name, value, MAX_LIST_CHARACTERS), most, name)


def _nearest(value: Any, minimum: float, maximum: float) -> float:
    """The valid number nearest to the received one, or to 1 if it is not a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value  # not NaN
    return min(max(value if is_number else 1, minimum), maximum)


def _shown(value: Any) -> str:
    is_whole = isinstance(value, float) and value.is_integer()  # of a link, in which all numbers are texts
    return shorten(repr(int(value) if is_whole else value))
