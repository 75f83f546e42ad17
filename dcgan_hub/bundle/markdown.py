"""A stranger's texts and numbers as Markdown: short, on one line, and shown as they are."""

import html
import re
from collections.abc import Iterable

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
