"""The generators that the app can show: which there are, loaded at first use and kept while they do not change."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.bundle.folder import EMBEDDED, locate_bundle
from dcgan_hub.bundle.format import FACTS_FILE, BundleFacts, read_facts
from dcgan_hub.demo.runs import RunShelf
from dcgan_hub.errors import BundleError
from dcgan_hub.quiet import import_keras_quietly

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

KEPT_GENERATORS = 4  # in memory at a time; a visitor switching to and fro should not wait


class ModelRegistry:
    """Generators by the name shown in the app: "model/…" given by the user, "avatars" embedded, "runs/…" trained here.

    Only names that `names` lists can be loaded, so a name that was sent by a visitor never becomes a path.
    """

    def __init__(self, runs: RunShelf, model: Path | None = None) -> None:
        """Looks at nothing yet.

        Args:
            runs: where the trained generators are.
            model: a bundle or a run directory to show first.

        Raises:
            BundleError: if `model` holds no generator.
        """
        self._runs = runs
        self._given = locate_bundle(model) if model is not None else None
        self._loaded: OrderedDict[tuple[Path, int], Generator] = OrderedDict()
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """What can be chosen at this moment, the given one first."""
        return list(self._bundles())

    def facts(self, name: str) -> BundleFacts:
        """What a generator's `dcgan.json` says; needs no Keras.

        Raises:
            BundleError: if there is no such generator, or its file is damaged.
        """
        return read_facts(self._bundle(name) / FACTS_FILE)

    def load(self, name: str) -> "Generator":
        """The generator itself; the first call imports Keras, which takes seconds.

        Raises:
            BundleError: if there is no such generator, or it cannot be loaded safely.
        """
        bundle = self._bundle(name)
        with self._lock:
            key = (bundle, _changed_at(bundle))  # a run that goes on replaces its generator
            if key not in self._loaded:
                import_keras_quietly()
                from dcgan_hub.bundle.generator import Generator

                self._loaded[key] = Generator.from_pretrained(bundle)
            self._loaded.move_to_end(key)
            while len(self._loaded) > KEPT_GENERATORS:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def _bundles(self) -> dict[str, Path]:
        bundles = {}
        if self._given is not None:
            bundles[f"model/{self._given[0]}"] = self._given[1]
        try:
            bundles[EMBEDDED] = locate_bundle(EMBEDDED)[1]
        except BundleError:
            pass  # the package came without it; the app says what to do when nothing else is there either
        for run in self._runs.names():
            folder = self._runs.generator_folder(run)
            if folder is not None:
                bundles[f"runs/{run}"] = folder
        return bundles

    def _bundle(self, name: str) -> Path:
        bundles = self._bundles()
        if name not in bundles:
            known = ", ".join(bundles) or "none; train one with `python train.py`"
            raise BundleError(
                f"The model must be one of those on this machine. Received: {name!r}. There are: {known}."
            )
        return bundles[name]


def _changed_at(bundle: Path) -> int:
    try:
        return (bundle / FACTS_FILE).stat().st_mtime_ns
    except OSError:
        return 0
