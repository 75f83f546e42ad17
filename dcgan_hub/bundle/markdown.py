"""A stranger's texts and numbers as Markdown: short, on one line, and shown as they are."""

import html
import re
from collections.abc import Iterable
from typing import Any

MAX_TEXT_LENGTH = 120  # characters of one text
MAX_ITEMS = 16  # of one list or object
# Code, emphasis, links also bare ones, table cells, formulas. Signs that mean something only at the start of a line are
# left: no such text stands there.
SIGNS = re.compile(r"[\\`*_\[\]|~:@$]|(?<=www)\.", re.IGNORECASE)


def escaped(text: str) -> str:
    """A text for the middle of a line of Markdown, where none of its signs has a meaning."""
    return SIGNS.sub(r"\\\g<0>", html.escape(one_line(text), quote=False))


def one_line(text: str) -> str:
    """A text without line ends and signs that cannot be seen, of at most 120 characters."""
    words = " ".join(text.split())
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words)
    return shown if len(shown) <= MAX_TEXT_LENGTH else f"{shown[: MAX_TEXT_LENGTH - 1]}…"


def listed(texts: Iterable[str]) -> str:
    """The first texts of many, escaped, with commas between them."""
    return ", ".join(escaped(text) for text in list(texts)[:MAX_ITEMS])


def table(heading: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns; rows without a value are left out. Heading and cells must be Markdown already."""
    lines = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join([f"| {heading[0]} | {heading[1]} |", "| --- | --- |", *lines])


def plain_object(value: Any) -> dict[str, Any]:
    """The first entries of an object; nothing where there is none."""
    return dict(list(value.items())[:MAX_ITEMS]) if isinstance(value, dict) else {}


def plain_text(value: Any) -> str:
    """A text, escaped; empty where there is none."""
    return escaped(value) if isinstance(value, str) else ""


def count(value: Any) -> str:
    """12345 as "12,345"; empty for what is no count."""
    return f"{value:,}" if type(value) is int and value >= 0 else ""


def counted(value: Any, thing: str) -> str:
    """1 as "1 image", 12345 as "12,345 images"; empty for what is no count."""
    number = count(value)
    return number and f"{number} {thing}{'' if value == 1 else 's'}"


def speed(value: Any) -> str:
    """231.04 as "231"; empty for what is no number above 0."""
    return f"{value:,.4g}" if type(value) in (int, float) and value > 0 else ""


def duration(seconds: Any) -> str:
    """95 as "95 seconds", 1346 as "22 minutes", 9000 as "2.5 hours"; empty for what is no number above 0."""
    if type(seconds) not in (int, float) or seconds <= 0:
        return ""
    if seconds < 120:
        return counted(round(seconds), "second")
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"
