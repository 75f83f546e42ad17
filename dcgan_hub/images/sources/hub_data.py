"""Datasets on the Hugging Face Hub, downloaded by the `datasets` library, an optional dependency."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.errors import DataError, shorten
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.hub_names import HubName
from dcgan_hub.images.sources.listing import Listing, Sample
from dcgan_hub.images.sources.table_columns import Columns, find_columns
from dcgan_hub.images.sources.tables import ROWS_AT_A_TIME, Spool, cell_sample

EXTRA = '`pip install "dcgan-hub[datasets]"`'
# Errors of `datasets` for a subset or split that must be chosen or does not exist.
_SUBSETS = re.compile(r"(?:available configs|not found\. Available): \[(.*?)\]")
_SPLITS = re.compile(r"Unknown split .*? one of \[(.*?)\]")
_ADVICE = {
    "scripts are no longer supported": "Its images are stored as code; the Hub may have a converted copy: try {copy}.",
    "gated": "Accept its terms on huggingface.co/datasets/{repo_id}, and log in with `hf auth login`.",
}


class HubSource:
    """A dataset on the Hub, or a subset or split of it.

    Attributes:
        label_column: name of the column of labels; None: one of the usual name, or none.
    """

    label_column: str | None = None

    def __init__(self, name: HubName, given: str) -> None:
        """Takes the parsed name, and the text that the user gave."""
        self.text = f"'{printable(given)}'"
        self._name, self._given = name, given

    def key(self) -> str:
        """Returns name and revision, without a request to the Hub: prepared images can be used offline."""
        part = f":{self._name.subset or ''}:{self._name.split or ''}" if self._name.subset or self._name.split else ""
        labels = "" if self.label_column is None else f"\0{self.label_column}"
        return f"{self._name.repo_id}@{self._name.revision or ''}{part}{labels}"

    def listing(self, workspace: Path) -> Listing:
        """Downloads the dataset and writes its images to the workspace. Raises `DataError` if that fails."""
        table, columns = self._table()
        path, row = workspace / "images", 0
        with path.open("wb") as output:
            spool = Spool(output)
            for batch in table.select_columns(columns.names()).iter(ROWS_AT_A_TIME):
                for cell, label in columns.read(batch):
                    spool.add(f"row {row}", cell, label, Path())
                    row += 1
        return spool.listing(path, columns.label_names)

    def samples(self, count: int) -> Iterator[Sample]:
        """Yields `count` evenly spread images."""
        table, columns = self._table()
        rows = np.unique(np.linspace(0, len(table) - 1, min(count, len(table))).astype(int))
        for batch in table.select_columns([columns.image]).select(rows).iter(1):
            for cell, _ in columns.read(batch):
                yield cell_sample(cell, Path())

    def _table(self) -> tuple[Any, Columns]:
        """Returns a `datasets.Dataset` that yields arrow tables, and its columns."""
        try:
            import datasets
        except ImportError:
            raise self._missing(f"datasets on the Hub need an extra: run {EXTRA}") from None
        name = self._name
        try:
            table = datasets.load_dataset(name.repo_id, name.subset, revision=name.revision, split=name.split)
        except Exception as error:  # many kinds: no connection, no such dataset, needs a login, needs its own code
            raise self._explained(" ".join(str(error).split())) from None
        if name.split is None:
            splits, chosen = list(table), "train" if "train" in table else next(iter(table))
            if len(splits) > 1:
                self.text = f"'{printable(self._given)}' (split {chosen} of {', '.join(splits)})"
            table = table[chosen]
        schema = table.features.arrow_schema
        return table.with_format("arrow"), find_columns(schema, self.text, self.label_column)

    def _explained(self, said: str) -> DataError:
        name = self._name
        if found := _SUBSETS.search(said):
            subsets = _listed(found[1])
            return self._choice("subset", name.subset, subsets, replace(name, subset=subsets[0]))
        if found := _SPLITS.search(said):
            splits = _listed(found[1])
            return self._choice("split", name.split, splits, replace(name, split=splits[0]))
        facts = {"repo_id": name.repo_id, "copy": replace(name, revision="refs/convert/parquet")}
        advice = "".join(f" {text.format(**facts)}" for words, text in _ADVICE.items() if words in said)
        return self._missing(f"the Hub has no such dataset: {shorten(said, 300)}", advice)

    def _choice(self, kind: str, given: str | None, names: list[str], example: HubName) -> DataError:
        fault = f"has no {kind} '{printable(given)}'" if given else f"has several {kind}s and no default"
        return DataError(
            f"`--data` must name a {kind} that the dataset has. Received: {self.text}, which {fault}. "
            f"There are: {', '.join(map(printable, names))}. Choose one, as in {printable(str(example))}"
        )

    def _missing(self, reason: str, advice: str = "") -> DataError:
        not_here = ", " if "://" in self._given else ": there is no file or folder of this name, and "
        received = f"{self.text}{not_here}{reason}"
        return DataError(
            "`--data` must be an existing path or a dataset on the Hugging Face Hub. "
            f"Received: {received}.{advice or ' Correct the path or the name, or check the connection.'}"
        )


def _listed(names: str) -> list[str]:
    """Parses the inside of a list as Python prints it."""
    return [name.strip("'\" ") for name in names.split(",")]
