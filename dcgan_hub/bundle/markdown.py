"""Untrusted strings as Markdown: truncated, on one line, and shown literally."""

import html
import re
from collections.abc import Iterable

MAX_TEXT_LENGTH = 120  # characters of one text
MAX_ITEMS = 16  # of one list or object
# Code, emphasis, links (bare ones too), table cells, formulas. Characters that are special only at the start of a line
# are left alone, since no escaped text is placed there.
SIGNS = re.compile(r"[\\`*_\[\]|~:@$]|(?<=www)\.", re.IGNORECASE)


def escaped(text: str) -> str:
    """Escapes a text for the middle of a line of Markdown."""
    return SIGNS.sub(r"\\\g<0>", html.escape(one_line(text), quote=False))


def one_line(text: str) -> str:
    """A text without line breaks and unprintable characters, of at most 120 characters."""
    words = " ".join(text.split())
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words)
    return shown if len(shown) <= MAX_TEXT_LENGTH else f"{shown[: MAX_TEXT_LENGTH - 1]}…"


def listed(texts: Iterable[str]) -> str:
    """The first 16 texts, escaped and separated by commas."""
    return ", ".join(escaped(text) for text in list(texts)[:MAX_ITEMS])
