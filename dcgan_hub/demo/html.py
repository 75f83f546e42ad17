"""Facts as HTML tables and paragraphs; every text is escaped, since runs and models are untrusted."""

import html
from collections.abc import Iterable, Mapping
from typing import Any

MAX_VALUE_LENGTH = 300  # characters of one cell


def escaped(text: str) -> str:
    """Escapes text for HTML shown by Gradio; braces too, since its HTML component interprets them as templates."""
    signs = {"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"}
    return "".join(signs.get(sign, sign) for sign in html.escape(text))


def table(rows: Iterable[tuple[str, Any]]) -> str:
    """Name-value pairs as an HTML table."""
    cells = (f"<tr><th scope='row'>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table class='facts'><tbody>{''.join(cells)}</tbody></table>"


def plain_rows(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The entries of a dictionary as rows for `table`; underscores become spaces, nested dictionaries are left out."""
    return [(str(name).replace("_", " "), value) for name, value in values.items() if not isinstance(value, dict)]


def note(text: str, kind: str = "note") -> str:
    """A paragraph in the muted color; `kind` is one of our own CSS classes."""
    return f"<p class='{kind}'>{_text(text)}</p>"


def _text(value: Any) -> str:
    """One value as truncated, escaped text."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, float):
        value = f"{value:,.4g}"
    elif isinstance(value, int):
        value = f"{value:,}"
    elif isinstance(value, list | tuple):
        value = " × ".join(str(item) for item in value)
    text = str("–" if value is None else value)
    return escaped(text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…")
