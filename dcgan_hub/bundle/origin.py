"""The generator that another one was trained from, as the facts of the new one name it."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Self

from dcgan_hub.bundle.description import object_or_empty
from dcgan_hub.hub.names import is_commit, is_repo_id

FIELD = "start"  # of the facts of the training
LICENSE_LINE = re.compile(r"^license: *([a-z0-9][a-z0-9.+-]{0,63}) *$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class OriginFacts:
    """Where a run has started from. Nothing in it reveals a user's folders."""

    name: str  # user/name[@revision] on the Hub, or the short name of a folder
    sha256: str  # of its weights file
    hub_id: str | None = None  # user/name if it is on the Hub
    commit: str | None = None  # on the Hub
    licence: str | None = None  # of the model, or of its training images if the model has none
    step: int | None = None  # of its training

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in `run.json` and `dcgan.json`."""
        return dataclasses.asdict(self)

    @property
    def source(self) -> str:
        """What `--start-from` needs to find exactly this origin again."""
        return f"{self.hub_id}@{self.commit}" if self.hub_id and self.commit else self.name

    @classmethod
    def from_dict(cls, values: Any) -> Self | None:
        """The inverse of `to_dict`, of untrusted values; None if they do not describe an origin."""
        given = object_or_empty(values)
        hub_id, commit, licence, step = (given.get(name) for name in ("hub_id", "commit", "licence", "step"))
        if type(given.get("name")) is not str or type(given.get("sha256")) is not str:
            return None
        return cls(
            name=given["name"],
            sha256=given["sha256"],
            hub_id=hub_id if type(hub_id) is str and is_repo_id(hub_id) else None,
            commit=commit if type(commit) is str and is_commit(commit) else None,
            licence=licence if type(licence) is str else None,
            step=step if type(step) is int and step >= 0 else None,
        )


def license_of_card(text: str) -> str | None:
    """The license in the front matter of an untrusted model card; None if there is none, or it is "unknown"."""
    parts = text.replace("\r\n", "\n").split("\n---", 2)
    front_matter = parts[0] if len(parts) > 1 and parts[0].startswith("---\n") else ""
    found = LICENSE_LINE.search(front_matter)
    return found[1].lower() if found and found[1].lower() != "unknown" else None
