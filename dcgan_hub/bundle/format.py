"""`dcgan.json`: everything about a published generator except its weights. All fields: docs/bundle-format.md."""

import dataclasses
import json
import platform
import re
from dataclasses import dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from dcgan_hub.bundle.class_names import checked_class_names
from dcgan_hub.bundle.safe_files import read_bounded
from dcgan_hub.bundle.strict_json import REFETCH, check_names, check_plain, parse_strict_json, shorten_path
from dcgan_hub.errors import BundleError, SettingsError, shorten
from dcgan_hub.hub.names import is_repo_id
from dcgan_hub.network_settings import MAX_CLASSES, MAX_PALETTE_SIZE, MIN_CLASSES, MIN_PALETTE_SIZE
from dcgan_hub.settings import NetworkSettings

FORMAT_VERSION, FORMAT_VERSION_WITH_CLASSES, FORMAT_VERSION_SEAMLESS, FORMAT_VERSION_PALETTE = 1, 2, 3, 4
FACTS_FILE = "dcgan.json"
MAX_FACTS_BYTES = 1_000_000
WEIGHT_DTYPES = ("F32", "F16")

# Rules that readers of a bundle must follow. They are constants of the format, written so that others can
# generate the same images without this package, and checked on reading.
LATENT_RULE = {
    "distribution": "standard normal",
    "seeds": "0 to 4294967295",
    "draw": "numpy.random.RandomState(seed).standard_normal(latent_dim).astype(numpy.float32)",
}
CLASS_RULE = {
    "inputs": "latents, classes",
    "draw": "int(numpy.random.RandomState([seed, 1]).random_sample() * len(class_names))",
}
PIXEL_RULE = {
    "order": "height, width, channels",
    "minimum": -1.0,
    "maximum": 1.0,
    "uint8": "clip(rint((pixels + 1) * 127.5), 0, 255)",
}


@dataclass(frozen=True, kw_only=True)
class WeightFacts:
    """How the weights are stored."""

    dtype: str  # "F32", or "F16": kernels halved, vectors F32
    sha256: str  # of the file

    def __post_init__(self) -> None:
        if self.dtype not in WEIGHT_DTYPES or not isinstance(self.dtype, str):
            raise BundleError(f"`weights.dtype` must be F32 or F16. Received: {shorten(self.dtype)}. {REFETCH}")
        if not isinstance(self.sha256, str) or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise BundleError(
                f"`weights.sha256` must be 64 hexadecimal digits. Received: {shorten(self.sha256)}. {REFETCH}"
            )


def without_folders(path: str) -> str:
    r"""The last component of a path of any operating system: C:\pics\anime\ as anime. Folders are private."""
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """The images that the generator was trained on."""

    name: str
    fingerprint: str  # of the prepared pixels
    count: int
    licence: str | None = None  # as the Hub writes it, e.g. "cc0-1.0"; None where unknown
    hub_id: str | None = None  # its name on the Hub, e.g. "huggan/anime-faces"; None if it is not from the Hub

    @property
    def short_name(self) -> str:
        """The name without the folders before it."""
        return without_folders(self.name)

    def __post_init__(self) -> None:
        texts = type(self.name) is str and type(self.fingerprint) is str and isinstance(self.licence, str | None)
        if not texts or type(self.count) is not int or self.count < 0:
            raise BundleError(
                "`dataset` must have strings `name`, `fingerprint` and `licence` (or null) and an integer `count`. "
                f"Received: {shorten(dataclasses.asdict(self), 200)}. {REFETCH}"
            )
        if self.hub_id is not None and not (type(self.hub_id) is str and is_repo_id(self.hub_id)):
            raise BundleError(
                "`dataset.hub_id` must be the name of a dataset on the Hub, user/name, or null. Received: "
                f"{shorten(self.hub_id)}. {REFETCH}"
            )


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """Everything about a published generator except its weights."""

    network: NetworkSettings
    weights: WeightFacts | None = None  # None until the bundle is saved
    training: dict[str, Any] = field(default_factory=dict)  # plain values: steps, seconds, settings of the recipe ...
    dataset: DatasetFacts | None = None  # None where unknown
    metrics: dict[str, float] = field(default_factory=dict)  # finite numbers, e.g. {"kid": 0.012}
    versions: dict[str, str] = field(default_factory=dict)  # of the software that saved it; filled in on saving
    class_names: tuple[str, ...] = ()  # one for each of `network.classes`

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", checked_class_names(self.class_names, self.network.classes))
        for place in ("training", "metrics", "versions"):
            values = getattr(self, place)
            if type(values) is not dict:
                raise BundleError(f"`{place}` must be an object. Received: {shorten(values)}. Give names and values.")
            check_plain(values, "facts", place, depth=1)
        for name, number in self.metrics.items():
            if type(number) not in (int, float):
                raise BundleError(
                    f"`metrics` must be numbers. Received: {shorten(name)}={shorten(number)}. Leave it out."
                )
        for name, text in self.versions.items():
            if type(text) is not str:
                raise BundleError(f"`versions` must be text. Received: {shorten(name)}={shorten(text)}. Leave it out.")

    @property
    def format_version(self) -> int:
        """4 with a palette; else 3 of a seamless generator, with classes or without; else 2 with classes, else 1."""
        if self.network.palette_size:
            return FORMAT_VERSION_PALETTE
        if self.network.seamless:
            return FORMAT_VERSION_SEAMLESS
        return FORMAT_VERSION_WITH_CLASSES if self.class_names else FORMAT_VERSION

    def to_json(self) -> bytes:
        """The content of `dcgan.json`, the same bytes for the same facts."""
        document = {
            "format_version": self.format_version,
            "network": self.network.to_dict(),
            "latents": LATENT_RULE,
            "pixels": PIXEL_RULE,
            "weights": dataclasses.asdict(self.weights) if self.weights else None,
            "training": self.training,
            "dataset": dataclasses.asdict(self.dataset) if self.dataset else None,
            "metrics": self.metrics,
            "versions": self.versions,
        }
        if self.class_names:
            document |= {"classes": CLASS_RULE, "class_names": list(self.class_names)}
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        content = text.encode("utf-8", "replace")
        if len(content) > MAX_FACTS_BYTES:
            raise BundleError(
                f"{FACTS_FILE} may have at most {MAX_FACTS_BYTES:,} bytes. Received: {len(content):,}. "
                "Put fewer facts into `training`."
            )
        return content

    @classmethod
    def from_json(cls, content: bytes, source: str | Path = FACTS_FILE) -> Self:
        """The inverse of `to_json`, for untrusted files; raises BundleError for any deviation from the format."""
        source = shorten_path(source)
        document = parse_strict_json(content, source)
        rules: dict[str, dict[str, Any]] = {"latents": LATENT_RULE, "pixels": PIXEL_RULE}
        names = {"format_version"} | {item.name for item in fields(cls)}
        version = _checked_version(document.get("format_version"), source)
        if version == FORMAT_VERSION or (version > FORMAT_VERSION_WITH_CLASSES and "class_names" not in document):
            names.remove("class_names")
        else:
            rules["classes"] = CLASS_RULE
        check_names(document, names | set(rules), source, "the document")
        for name, rule in rules.items():
            if not _is_rule(document[name], rule):
                raise BundleError(
                    f"{source}: `{name}` must be {rule}. Received: {shorten(document[name], 200)}. {REFETCH}"
                )
        weights = _object(document["weights"], WeightFacts, source, "`weights`")
        dataset = document["dataset"]
        if dataset is not None:
            dataset = _object(dataset, DatasetFacts, source, "`dataset`")
        try:
            return cls(
                network=_network(document["network"], version, "class_names" in names, source),
                weights=WeightFacts(**weights),
                training=document["training"],
                dataset=None if dataset is None else DatasetFacts(**dataset),
                metrics=document["metrics"],
                versions=document["versions"],
                class_names=document.get("class_names", ()),
            )
        except BundleError as error:
            raise error if source in str(error) else BundleError(f"{source}: {error}") from error


def read_facts(path: Path) -> BundleFacts:
    """Reads a `dcgan.json` like `from_json`; also rejects files above 1 MB and links that leave the folder."""
    return BundleFacts.from_json(read_bounded(path, MAX_FACTS_BYTES), path)


def current_versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect the generated images."""
    packages = ("dcgan-hub", "keras", "tensorflow", "torch", "numpy")
    found = {name: _version(name) for name in packages}
    return {"python": platform.python_version()} | {name: text for name, text in found.items() if text}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _checked_version(version: Any, source: str) -> int:
    if type(version) is int and version > FORMAT_VERSION_PALETTE:
        raise BundleError(
            f"{source}: this package reads bundles up to format version {FORMAT_VERSION_PALETTE}. Received: "
            f"{version}. Install a newer dcgan-hub."
        )
    if type(version) is not int or version < FORMAT_VERSION:
        raise BundleError(
            f"{source}: `format_version` must be {FORMAT_VERSION}, {FORMAT_VERSION_WITH_CLASSES} with classes, "
            f"{FORMAT_VERSION_SEAMLESS} if seamless, or {FORMAT_VERSION_PALETTE} with a palette. Received: "
            f"{shorten(version)}. {REFETCH}"
        )
    return version


def _is_rule(value: Any, rule: dict[str, Any]) -> bool:
    # In Python, True == 1.
    return bool(value == rule) and not any(type(item) is bool for item in value.values())


def _object(
    value: Any, kind: type, source: str, place: str, without: frozenset[str] = frozenset()
) -> dict[str, Any]:  # fmt: skip
    """An object with the fields of a class, but for those that it must be `without`."""
    if type(value) is not dict:
        raise BundleError(f"{source}: {place} must be an object. Received: {shorten(value)}. {REFETCH}")
    check_names(value, {item.name for item in fields(kind)} - without, source, place)
    return value


def _network(value: Any, version: int, has_classes: bool, source: str) -> NetworkSettings:
    has_palette = version == FORMAT_VERSION_PALETTE
    is_seamless = version == FORMAT_VERSION_SEAMLESS or (has_palette and type(value) is dict and "seamless" in value)
    written = {"classes": has_classes, "seamless": is_seamless, "palette_size": has_palette}
    unwritten = frozenset(name for name, is_there in written.items() if not is_there)
    values = _object(value, NetworkSettings, source, "`network`", without=unwritten)
    if has_classes and values["classes"] == 0:
        raise BundleError(
            f"{source}: `network.classes` must be {MIN_CLASSES} to {MAX_CLASSES:,} where there are class names. "
            f"Received: {shorten(values['classes'])}. {REFETCH}"
        )
    if is_seamless and values["seamless"] is not True:
        raise BundleError(
            f"{source}: `network.seamless` must be true in format version {version}. Received: "
            f"{shorten(values['seamless'])}. {REFETCH}"
        )
    if has_palette and values["palette_size"] == 0:
        raise BundleError(
            f"{source}: `network.palette_size` must be {MIN_PALETTE_SIZE} to {MAX_PALETTE_SIZE} in format version "
            f"{version}. Received: {shorten(values['palette_size'])}. {REFETCH}"
        )
    try:
        settings = NetworkSettings.from_dict(values)
    except (SettingsError, TypeError, OverflowError) as error:
        raise BundleError(f"{source}: `network`: {shorten(str(error), 400)} {REFETCH}") from error
    # Settings accept several spellings from users ("64" for 64x64, no depth); a file must have the canonical one.
    changed = [name for name, written in settings.to_dict().items() if written != values[name]]
    if changed:
        raise BundleError(
            f"{source}: `network.{changed[0]}` must be {settings.to_dict()[changed[0]]!r} as this package writes it. "
            f"Received: {shorten(values[changed[0]])}. {REFETCH}"
        )
    return settings
