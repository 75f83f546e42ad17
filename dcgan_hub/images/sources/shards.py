"""Several archives in a folder, read as one: the shards of WebDataset and of other large datasets."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.images.sources.file_names import labels_from_folders
from dcgan_hub.images.sources.listing import Listing, RejectionCounts, Sample, Source

SAMPLED_SHARDS = 8


@dataclass(frozen=True)
class ShardReader:
    """Members of several archives; the locator is (number of the archive, its own locator)."""

    readers: tuple[Any, ...]
    _state: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def read(self, locator: tuple[int, Any], limit: int | None = None) -> bytes:
        """Reads a member. Raises `RejectedFile`."""
        number, place = locator
        last = self._state.get("last", number)
        if last != number:
            self.readers[last].close()  # or the process would run out of file descriptors
        self._state["last"] = number
        return self.readers[number].read(place, limit)


class ShardsSource:
    """Archives of images below a folder."""

    def __init__(self, shards: Sequence[tuple[Path, Source]], text: str, others: Counter[str]) -> None:
        """Takes the archives in order, the name of all in messages, and counts of the other files beside them."""
        self.text = text
        self._shards = shards
        self._others = others

    def key(self) -> str:
        """Identifies the archives by path, size and time of modification."""
        return "\n".join(shard.key() for _, shard in self._shards)

    def listing(self, workspace: Path) -> Listing:
        """Lists all archives, one after the other. Raises `DataError` if one is damaged."""
        readers, locators = [], []
        names: list[str] = []
        members: list[str] = []
        refused, others = RejectionCounts(), self._others.copy()
        for number, (path, shard) in enumerate(self._shards):
            place = workspace / f"shard-{number}"
            place.mkdir()
            part = shard.listing(place)
            readers.append(part.reader)
            members += part.names
            names += [f"{path.name}/{name}" for name in part.names]
            locators += [(number, locator) for locator in part.locators]
            refused.include(part.refused, path.name)
            others += part.others
        labels, label_names = labels_from_folders(members)  # the names of shards are not labels
        return Listing(
            reader=ShardReader(tuple(readers)),
            names=names,
            locators=locators,
            labels=labels,
            label_names=label_names,
            others=others,
            refused=refused,
        )

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives members of up to eight evenly spread archives."""
        chosen = np.unique(np.linspace(0, len(self._shards) - 1, SAMPLED_SHARDS).astype(int))
        for number in chosen:
            yield from self._shards[number][1].samples(-(-count // len(chosen)))
