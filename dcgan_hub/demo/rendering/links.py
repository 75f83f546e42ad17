"""Links that reproduce what the page shows: their parameters, and how they are written.

`sheets.py`, `walks.py` and the tabs read them; an invalid link raises SettingsError.
"""

import urllib.parse
from collections.abc import Mapping
from typing import Any

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.hub.names import is_commit
from dcgan_hub.networks.point_syntax import MAX_LIST_CHARACTERS

TAB = "tab"  # the parameter that names the open tab
CLASS = "class"  # the parameter that names a class, as on the pages of `pages/`
TABS = ("generate", "interpolate", "mix", "directions", "runs", "about")  # the first one is not written into links
WITHOUT_MODEL = ("generate", "runs", "about")  # tabs that show something where there is no generator
PARAMETERS = (
    *("model", "revision", "seed", "count", "truncation", CLASS, "other", "chosen", TAB, "run"),
    *("keys", "frames", "speed", "method", "loop", "corners", "a", "b", "c", "line", "start"),
)
MAX_NAME_LENGTH = 300  # of a model, revision or class
MAX_QUERY_LENGTH = 3 * MAX_LIST_CHARACTERS


def link_query(model: str, revision: str, values: Mapping[str, Any]) -> str:
    """The query string of a link, including the question mark; a commit in the name of the model is left out of it."""
    repository, _, commit = model.rpartition("@")
    named = {"model": repository if is_commit(commit) else model, "revision": revision}
    return "?" + urllib.parse.urlencode({**named, **values}, safe=",/")


def read_number(name: str, text: str) -> float:
    """A number in a link."""
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"`{name}` in a link must be a number. Received: {shorten(text)!r}. Leave it out."
        ) from None
