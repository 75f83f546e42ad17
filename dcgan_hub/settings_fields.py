"""Self-validating settings: fields with help texts and limits, and errors that name the nearest valid value."""

import dataclasses
import difflib
import math
import types
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from dcgan_hub.errors import SettingsError


def setting(default: Any, help_text: str, **limits: Any) -> Any:
    """Makes a dataclass field with its help text and its limits.

    Args:
        default: the default value.
        help_text: one line for `--help` and the documentation, including the unit.
        **limits: `choices` (tuple), `minimum` and `maximum` (inclusive numbers), `metavar` (placeholder in `--help`),
            `resumable` (True if a resumed run may change the value), `common` (True: shown by `--help` and not only
            by `--help-all`), `option` (name of the option, if it differs from the field's name, which existing files
            use), `derived` (True if it follows from the images, so that users cannot set it), `unwritten` (True if
            files leave out the default, as those of versions that did not know the setting).
    """
    return field(default=default, metadata={"help": help_text, **limits})


def settable_fields(section: type["CheckedSettings"]) -> list[dataclasses.Field[Any]]:
    """The fields of a section that users can set; see `derived` of `setting`."""
    return [item for item in fields(section) if not item.metadata.get("derived")]


def option_of(item: dataclasses.Field[Any]) -> str:
    """The command-line option of a setting, e.g. "--batch-size"."""
    return f"--{item.metadata.get('option') or item.name.replace('_', '-')}"


def full_name(item: dataclasses.Field[Any]) -> str:
    """The name of a setting for messages, with its option if that differs: "schedule (--update)"."""
    return f"{item.name} ({option_of(item)})" if "option" in item.metadata else item.name


def parse_image_size(value: Any) -> tuple[int, int]:
    """Parses an image size: 64, "64", "96x64" (height x width) or a pair of integers.

    Returns:
        (height, width) in pixels.

    Raises:
        SettingsError: if `value` has none of these forms.
    """
    try:
        parts = str(value).lower().split("x") if isinstance(value, str | int) else list(value)
        numbers = [int(part) for part in parts if isinstance(part, str) or type(part) is int]
    except (TypeError, ValueError):  # also an integer of thousands of digits
        parts, numbers = [], []
    if isinstance(value, bool) or len(numbers) not in (1, 2) or len(numbers) != len(parts):
        raise SettingsError(
            f"`image_size` must be one number, or height x width as in 96x64. Received: {_short(value)}. Try 64."
        )
    return (numbers[0], numbers[-1])


def parse_value_range(value: Any) -> tuple[float, float]:
    """Reads two stored pixel values that become black and white, as in "0:4095" or "-1000:400".

    Raises:
        SettingsError: if `value` is not of this form, or the first is not smaller than the second.
    """
    try:
        low, high = (float(part) for part in value.split(":"))
        if -math.inf < low < high < math.inf:
            return low, high
    except (AttributeError, ValueError):
        pass
    raise SettingsError(
        f"`value_range` must be LOW:HIGH, the stored values that become black and white, the smaller first. "
        f"Received: {_short(value)}. Try 0:255, or 0:4095 for 12 bits in 16-bit files."
    )


def format_image_size(image_size: tuple[int, ...]) -> str:
    """(64, 64) as "64x64": height x width."""
    return "x".join(str(side) for side in image_size)


def unknown_setting(name: str, known: set[str], place: str) -> SettingsError:
    """The error for an unknown name, with the closest known names."""
    nearest = difflib.get_close_matches(name, known, n=2) or sorted(known)
    return SettingsError(f"{place} has no `{name}`. Received: {name!r}. Did you mean {' or '.join(nearest)}?")


@dataclass(frozen=True, kw_only=True)
class CheckedSettings:
    """Base class of settings: validates types and limits, and converts to and from plain values."""

    section: ClassVar[str]

    def __post_init__(self) -> None:
        """Raises SettingsError for the first invalid field."""
        for item in fields(self):
            object.__setattr__(self, item.name, _checked(item, getattr(self, item.name)))

    def values(self) -> dict[str, Any]:
        """Plain values of all fields; an image size becomes a list of two integers."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML: `values` without defaults that are `unwritten`, see `setting`."""
        values = self.values()
        for item in fields(self):
            if item.metadata.get("unwritten") and values[item.name] == item.default:
                del values[item.name]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_dict`; an unknown name is rejected with a suggestion."""
        known = {item.name for item in fields(cls)}
        for name in values:
            if name not in known:
                raise unknown_setting(name, known, f"[{cls.section}]")
        return cls(**values)


def _checked(item: dataclasses.Field[Any], value: Any) -> Any:
    """Validates one field and converts the value to its type; the SettingsError names a valid value."""
    if item.name == "image_size":
        return parse_image_size(value)
    accepted = item.type.__args__ if isinstance(item.type, types.UnionType) else (item.type,)
    if value is None and types.NoneType in accepted:
        return None
    if float in accepted and isinstance(value, int) and not isinstance(value, bool):
        value = float(max(min(value, 10**300), -(10**300)))  # a larger one would overflow; the limits reject it below
    limits = item.metadata
    if type(value) not in accepted:
        wanted = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}[accepted[0]]
        raise SettingsError(
            f"`{full_name(item)}` must be {wanted}. Received: {item.name}={_short(value)}. Try {limit_hint(item)}."
        )
    if "choices" in limits and value not in limits["choices"]:
        choices = ", ".join(str(choice) for choice in limits["choices"])
        raise SettingsError(f"`{full_name(item)}` must be one of {choices}. Received: {item.name}={_short(value)}.")
    if "minimum" in limits and not limits["minimum"] <= value <= limits["maximum"]:
        nearest = min(max(value, limits["minimum"]), limits["maximum"]) if value == value else item.default
        raise SettingsError(
            f"`{full_name(item)}` must be {limits['minimum']} to {limits['maximum']} ({limits['help']}). "
            f"Received: {item.name}={value}. Nearest valid: {nearest}."
        )
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def limit_hint(item: dataclasses.Field[Any]) -> str:
    """A valid value to suggest at the end of an error message."""
    if item.default is not None:
        return f"{item.name}={item.default}"
    return f"{item.name}={max(item.metadata.get('minimum', 1), 1)}"
