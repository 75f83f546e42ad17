"""The generators that the app can show: listed, loaded on first use, and cached until they change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.bundle.folder import EMBEDDED, locate_bundle
from dcgan_hub.bundle.format import FACTS_FILE, MAX_FACTS_BYTES, BundleFacts, read_facts
from dcgan_hub.bundle.source import fetch_bundle, is_hub_model
from dcgan_hub.demo.admission import Failures, Room
from dcgan_hub.demo.catalog.hub_cache import HubCache
from dcgan_hub.demo.catalog.loaded import Loaded
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.errors import BundleError, DcganHubError, shorten
from dcgan_hub.hub.download import Access, download_file
from dcgan_hub.hub.names import SCHEME, is_commit, names_model, parse_model
from dcgan_hub.keras_startup import import_keras_quietly
from dcgan_hub.network_settings import NetworkSettings
from dcgan_hub.runs.checkpoint_generator import checkpoint_facts, load_checkpoint_generator

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

RUNS = "runs/"  # prefix of the name of a run; not a valid account name on the Hub
COMMIT_DIGITS = 8  # of a commit hash, to distinguish two commits by name
WEIGHTS_DIGITS = 12  # of the weights' checksum, used as a revision
# Of a generator that visitors open. The largest preset has 4 million parameters (15 MB), 0.3 billion operations an
# image, and feature maps of half a million values.
MAX_PARAMETERS = 30_000_000  # 120 MB of weights
MAX_OPERATIONS = 4_000_000_000  # multiplications and additions for one image: a DCGAN of 256 pixels and 64 filters
MAX_FEATURE_MAP = 2**22  # values, 16 MB
# Weights in memory, so that switching back and forth is fast. What visitors open displaces nothing of the app's own.
KEPT_BYTES, KEPT_VISITED_BYTES = 512 * 2**20, 256 * 2**20
# Threads that do so or wait for it. With those of `HubCache` they are fewer than those that draw, as some of them do.
LOADING_AT_ONCE, FETCHING_AT_ONCE = 3, 4
MAX_NAMED = 8  # generators listed in a message


class ModelRegistry:
    """Generators by the name shown in the app.

    Those given at the start are called "model/…" if from a folder and "user/name" if from the Hub; the embedded one is
    "avatars", and those trained here are "runs/…". `names` lists these. Visitors may also name a checkpoint of a run,
    "runs/anime@step-00000500", and any public repository on the Hub. A name from a visitor never becomes a path. A
    missing or damaged generator raises BundleError (RunError for a checkpoint), a failed download HubError.
    """

    def __init__(self, runs: RunShelf, models: Sequence[str] = (), open_hub: bool = True) -> None:
        """`models` are listed first: bundles, run directories, or user/name[@revision] on the Hub, fetched lazily."""
        self._runs = runs
        self._given: dict[str, Path | str] = {}
        for model in models:
            name, source = _hub_model(model, self._given) if is_hub_model(model) else _folder(model)
            self._given[name] = source
        self._visited = HubCache(runs.hub_store, fetch_small_bundle) if open_hub else None
        self._fetched: dict[str, Path] = {}  # so that one name remains one generator even if the branch moves
        self._fetching, self._failures = Room(FETCHING_AT_ONCE, "are fetching a generator"), Failures()
        self._loaded = Loaded(KEPT_BYTES)
        self._loaded_visited = Loaded(KEPT_VISITED_BYTES, Room(LOADING_AT_ONCE, "are loading generators of the Hub"))

    @property
    def opens_hub(self) -> bool:
        """Whether visitors may open other generators from the Hub."""
        return self._visited is not None

    def names(self) -> list[str]:
        """The names currently listed for all visitors, the given ones first."""
        return list(self._bundles())

    def open(self, model: str, revision: str | None = None) -> str:
        """Finds a generator that a link or a visitor refers to; user/name[@revision] is one on the Hub.

        Returns:
            Its name in the app: one of `names`, or user/name@commit.
        """
        listed = model.startswith(RUNS) or model in self._bundles()
        if listed and (not revision or self.revision(model) == revision):
            return model
        if listed and (model.startswith(RUNS) or not names_model(model)):
            return model  # the generator has changed since; see `revision`
        if self._visited is None or not names_model(model):
            raise self._unknown(model)
        repository, at = parse_model(model)
        commit, _ = self._visited.open(repository, revision or at)
        return f"{repository}@{commit}"

    def facts(self, name: str) -> BundleFacts:
        """The facts of a generator; does not import Keras."""
        place = self._place(name)
        return checkpoint_facts(place.folder, place.step) if place.step is not None else read_facts(place.facts_file)

    def revision(self, name: str) -> str:
        """Identifies the version of a generator: the commit on the Hub, or the start of its weights' checksum."""
        folder = self._place(name).folder
        if is_commit(folder.name):
            return folder.name
        weights = self.facts(name).weights
        return weights.sha256[:WEIGHTS_DIGITS] if weights else ""

    def load(self, name: str) -> "Generator":
        """The generator itself; the first call imports Keras, which takes seconds.

        Raises:
            BundleError: if there is no such generator, or it cannot be loaded safely.
            HubError: if it cannot be downloaded.
            RunError: for a damaged checkpoint.
            Busy: if several others are loading generators.
        """
        place = self._place(name)
        # With the time of the last change, since a run in training replaces its generator.
        return self._loaded_of(name).get((place, place.changed_at), lambda: place.load(name))

    def is_loaded(self, name: str) -> bool:
        """Whether `load` returns at once."""
        try:
            place = self._place(name)
        except DcganHubError:
            return False
        return self._loaded_of(name).holds((place, place.changed_at))

    def _loaded_of(self, name: str) -> Loaded:
        return self._loaded if self.is_own(name) else self._loaded_visited

    def is_own(self, name: str) -> bool:
        """Whether a generator is on this machine or was given at the start, so that no visitor has chosen it."""
        return name in self._given or name == EMBEDDED or name.startswith(RUNS)

    def _bundles(self) -> dict[str, Path | str]:
        """The location of each listed generator: a folder, or hf://user/name@revision."""
        bundles = dict(self._given)
        try:
            bundles[EMBEDDED] = locate_bundle(EMBEDDED)[1]
        except BundleError:
            pass  # the package was built without it; if there are no others, the app shows what to do
        for run in self._runs.names():
            folder = self._runs.generator_folder(run)
            if folder is not None:
                bundles.setdefault(f"{RUNS}{run}", folder)
        return bundles

    def _place(self, name: str) -> "_Place":
        """The location of one generator, without searching the others; `name` may be anything that was sent."""
        if not isinstance(name, str):
            raise self._unknown(name)
        if name in self._given:
            source = self._given[name]
            return _Place(source if isinstance(source, Path) else self._fetch(source))
        if name == EMBEDDED:
            return _Place(locate_bundle(EMBEDDED)[1])
        if name.startswith(RUNS):
            return self._place_of_run(name)
        if self._visited is None or not names_model(name):
            raise self._unknown(name)
        return _Place(self._visited.open(*parse_model(name))[1])

    def _fetch(self, source: str) -> Path:
        """The folder of a generator on the Hub that the app shows."""
        if source not in self._fetched:
            with self._failures.remembered(source), self._fetching.entered():
                self._fetched.setdefault(source, fetch_bundle(source)[1])
        return self._fetched[source]

    def _place_of_run(self, name: str) -> "_Place":
        run = name.removeprefix(RUNS)
        checkpoint = self._runs.checkpoint(run)
        if checkpoint is not None:
            return _Place(*checkpoint)
        folder = self._runs.generator_folder(run) if run in self._runs.names() else None
        if folder is None:
            raise self._unknown(name)
        return _Place(folder)

    def _unknown(self, name: str) -> BundleError:
        names = self.names()
        known = ", ".join(names[:MAX_NAMED]) or "none; train one with `python train.py`"
        others = " and others" if len(names) > MAX_NAMED else ""
        rule = "one of those listed here" + (", or user/name on the Hub" if self.opens_hub else "")
        return BundleError(f"The model must be {rule}. Received: {shorten(name)!r}. Listed: {known}{others}.")


def fetch_small_bundle(repository: str, revision: str | None, access: Access) -> tuple[str, Path]:
    """Commit and folder of a bundle on the Hub; a costly one is rejected before its weights are downloaded."""
    facts_file = download_file(repository, FACTS_FILE, revision, MAX_FACTS_BYTES, access)
    if facts_file is not None:
        revision = facts_file.parent.name
        _check_cost(repository, read_facts(facts_file).network)
    bundle = fetch_bundle(f"{SCHEME}{repository}", revision, token=access.token, cache_dir=access.cache_dir)[1]
    return bundle.name, bundle


def _check_cost(repository: str, network: NetworkSettings) -> None:
    costs = [
        (network.generator_parameters, MAX_PARAMETERS, "parameters"),
        (network.generator_operations, MAX_OPERATIONS, "operations an image"),
        (network.largest_feature_map, MAX_FEATURE_MAP, "values in a feature map"),
    ]
    for cost, most, unit in costs:
        if cost > most:
            raise BundleError(
                f"Visitors may open generators of up to {most:,} {unit}. Received: {repository} with {cost:,}. "
                "Choose a smaller one."
            )


def _folder(model: str) -> tuple[str, Path]:
    name, folder = locate_bundle(model)
    return f"model/{name}", folder


def _hub_model(model: str, taken: dict[str, Path | str]) -> tuple[str, str]:
    """Display name and location; the name includes the revision only if the same repository is shown twice."""
    repo_id, revision = parse_model(model)
    source = f"{SCHEME}{repo_id}@{revision}" if revision else f"{SCHEME}{repo_id}"
    if taken.get(repo_id, source) == source:
        return repo_id, source
    short = revision[:COMMIT_DIGITS] if revision and is_commit(revision) else revision or "main"
    return f"{repo_id}@{short}", source


@dataclass(frozen=True)
class _Place:
    """A generator on this disk: a bundle, or a checkpoint of a run."""

    folder: Path
    step: int | None = None

    @property
    def facts_file(self) -> Path:
        return self.folder / FACTS_FILE

    @property
    def changed_at(self) -> int:
        try:
            return 0 if self.step is not None else self.facts_file.stat().st_mtime_ns
        except OSError:
            return 0

    def load(self, name: str) -> "Generator":
        import_keras_quietly()
        if self.step is not None:
            return load_checkpoint_generator(self.folder, self.step)
        from dcgan_hub.bundle.generator import Generator

        return Generator.from_bundle(self.folder, name)
