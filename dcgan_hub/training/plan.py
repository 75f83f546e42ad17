"""From the user's options to a plan: complete settings, prepared images, and whether a run is resumed."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcgan_hub.bundle.origin import OriginFacts
from dcgan_hub.console import shell_word
from dcgan_hub.errors import DataError, RunError, SettingsError, shorten
from dcgan_hub.images.preparation.cache import default_cache_folder
from dcgan_hub.images.preparation.classes import choose_classes, with_classes
from dcgan_hub.images.preparation.earlier import count_differences, find_prepared
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.images.preparation.survey import quick_size
from dcgan_hub.images.sources.detection import data_name
from dcgan_hub.images.sources.hub_names import without_page
from dcgan_hub.keras_startup import BACKENDS
from dcgan_hub.presets import PRESETS, field_by_name, flat_values, make_settings, read_settings_file
from dcgan_hub.runs.directory import RunDirectory, checkpoint_folders
from dcgan_hub.runs.origin import Origin, origin_name, read_origin
from dcgan_hub.settings import DURATIONS, RESUMABLE, SMALL_DATA, DataSettings, Settings
from dcgan_hub.settings_fields import full_name, parse_value_range
from dcgan_hub.training.backend_choice import asked_backend, choose_backend
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.distributed.cluster import Layout, read_cluster
from dcgan_hub.training.hardware import has_gpu, lay_out, resolve_precision
from dcgan_hub.training.health.recovery import MAX_ROLLBACKS, RollbackRecord, effective_settings, read_rollbacks
from dcgan_hub.training.start.defaults import origin_defaults, preset_of

RESOLVED = ("precision", "augmentation_colour", "classes")  # "auto" is resolved when a run starts, and kept
KEEP_IMAGES = "which are in the cache, give the same command with --keep-images"


@dataclass(frozen=True)
class Plan:
    """What is trained, on which images, and where."""

    run: RunDirectory
    settings: Settings  # complete, as the user asked for them
    images: PreparedImages
    record: dict[str, Any] | None  # `run.json` of the run that is resumed; None for a new run
    layout: Layout = field(default_factory=Layout)
    classes_line: str = ""  # of a new run: which classes there are, or why there are none
    origin: Origin | None = None  # from which the first step starts; None where a checkpoint exists

    @property
    def origin_facts(self) -> OriginFacts | None:
        """What is known of the generator that the run started from; None if it started afresh."""
        return self.origin.facts if self.origin else OriginFacts.from_dict((self.record or {}).get("origin"))

    @property
    def rollbacks(self) -> tuple[RollbackRecord, ...]:
        """What `--heal` has done in this run so far, oldest first."""
        return read_rollbacks(self.record)

    @property
    def effective_settings(self) -> Settings:
        """The settings in force: with the changes of all rollbacks."""
        return effective_settings(self.settings, self.rollbacks)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; empty without classes."""
        return self.images.class_names

    @property
    def class_labels(self) -> ClassLabels | None:
        """The labels of the images and how often each class is shown; None without classes."""
        labels = self.images.class_labels
        return None if labels is None else ClassLabels(labels, self.settings.data.class_sampling)

    @property
    def reported_every(self) -> int:
        """Steps between two reports of the run so far; it may change on resuming."""
        so_far = Settings.from_dict(self.record["settings"]) if self.record else self.settings
        return so_far.training.report_every

    @property
    def may_heal(self) -> bool:
        """Whether another rollback is allowed."""
        return self.settings.training.heal and len(self.rollbacks) < MAX_ROLLBACKS

    @property
    def last_step(self) -> int | None:
        """Number of steps in all after which the run is complete; None for a run with a time limit."""
        training = self.settings.training
        if training.epochs is not None:
            return math.ceil(training.epochs * (len(self.images.images) // training.batch_size))
        return training.steps

    def is_complete(self, step: int) -> bool:
        """Whether a run at `step` has finished, so that there is nothing to do."""
        ended = self.record is not None and self.record.get("state") == "finished"
        return ended and self.last_step is not None and step >= self.last_step


def make_plan(
    run: Path | None, config: Path | None, values: dict[str, Any], show_progress: bool = True,
    keep_images: bool = False, backend: str = "auto", start_from: str | None = None,
) -> Plan:  # fmt: skip
    """Completes settings, flat by name, from file, preset, data and existing run, and prepares the images.

    Values take precedence over the TOML file `config`. Without `run` the folder is runs/ and the name of the data. With
    `keep_images` an existing run is resumed with its own images from the cache, even if the data have changed. The
    `backend` of Keras is selected, see `choose_backend`. A new run can `start_from` a generator, see `read_origin`,
    and then has its networks, unless values say otherwise.

    Raises:
        DcganHubError: for settings, data or a run directory that cannot be used.
    """
    from_file = read_settings_file(config) if config else {}
    if any(values.get(name) is not None for name in DURATIONS):  # a length given explicitly replaces that of the file
        from_file = {name: value for name, value in from_file.items() if name not in DURATIONS}
    given = from_file | values
    if "data" in given:
        DataSettings(data=given["data"])  # refuses other types before it is used as a path
        given["data"] = without_page(given["data"])
    directory = RunDirectory(run or default_run_path(given.get("data", "avatars")))
    directory.refuse_foreign_content()
    if directory.exists:
        record = directory.read_record()
        _choose_backend_of(directory, record, backend)
        origin = _origin_to_go_on(directory, record, start_from)
        plan = _plan_to_go_on(directory, record, given, show_progress, keep_images)
        return dataclasses.replace(plan, origin=origin)
    if keep_images:
        raise RunError(
            f"--keep-images is for resuming a run. Received: it for '{directory.path}', where there is no run. "
            "Leave it out to start a run, or name the run's directory with --run."
        )
    choose_backend(backend)
    return _plan_from_start(directory, given, show_progress, start_from)


def default_run_path(data: str) -> Path:
    """runs/anime for ./anime, data/anime.zip or hf://datasets/user/anime@v1; see `data_name`."""
    return Path("runs") / data_name(str(data))


def choose_preset(data: str, height: float, width: float, gpu: bool, wanted: bool = False) -> str:
    """The preset for images of this size in pixels (height x width).

    Large images are trained at 64 x 64, which takes hours and not days, unless the size is `wanted` by the user.
    """
    if data == "avatars":
        return "avatars-32"  # they are 64 x 64, but at 32 x 32 a first run is good after minutes
    side = min(height, width)
    if side < 30:
        return "mnist-28"
    if side < 48:
        return "avatars-32"
    if wanted and side >= 96:
        return "dcgan-128"
    return "dcgan-64" if gpu else "dcgan-64-light"


def resolve_augmentation_color(wanted: str, count: int) -> str:
    """Resolves "auto" by the number of images; other values are returned unchanged."""
    if wanted != "auto":
        return wanted
    return "yes" if count < SMALL_DATA else "no"


def _plan_from_start(
    run: RunDirectory, given: dict[str, Any], show_progress: bool, start_from: str | None
) -> Plan:  # fmt: skip
    values = {name: value for name, value in given.items() if name != "preset"}
    data = values.setdefault("data", "avatars")
    preset = given.get("preset")
    origin = None
    if start_from is not None:
        origin = read_origin(start_from)
        preset = preset or (preset_of(origin) if "image_size" not in values else None)
        values |= origin_defaults(origin, values)
    if preset is None and "image_size" in values:
        network = make_settings("dcgan-64-light", {"image_size": values["image_size"]}).network
        preset = choose_preset("", *network.image_size, gpu=has_gpu(), wanted=True)
    elif preset is None:
        preset = choose_preset(data, *quick_size(data)[:2], gpu=has_gpu())
    settings = make_settings(preset, values)  # refuses wrong settings before any image is read
    layout = _lay_out(settings)
    images, line = choose_classes(_prepare(settings, values.get("channels"), show_progress), settings.data.classes)
    _check_class_sampling(settings, images)
    training = dataclasses.replace(
        settings.training,
        precision=resolve_precision(settings.training.precision, layout.replicas),
        augmentation_colour=resolve_augmentation_color(settings.training.augmentation_colour, len(images.images)),
    )
    network = dataclasses.replace(settings.network, channels=images.images.shape[-1], classes=len(images.class_names))
    given_data = dataclasses.replace(settings.data, classes="folders" if images.class_names else "none")
    resolved = dataclasses.replace(settings, data=given_data, network=network, training=training)
    return Plan(run, resolved, images, None, layout, line, origin)


def _check_class_sampling(settings: Settings, images: PreparedImages) -> None:
    if settings.data.class_sampling != "natural" and not images.class_names:
        raise SettingsError(
            "`class_sampling` is for training with classes. Received: "
            f"class_sampling={settings.data.class_sampling} for images without classes. Leave it out, or give "
            "--classes folders."
        )


def _origin_to_go_on(run: RunDirectory, record: dict[str, Any], start_from: str | None) -> Origin | None:
    """The origin of a run, if it was killed before its first checkpoint; otherwise it is not needed any more.

    Raises RunError if the run started from something else than `start_from`, or afresh.
    """
    if start_from is None:
        return None
    origin = OriginFacts.from_dict(record.get("origin"))
    if origin is None or origin.name != origin_name(start_from):
        before = f"from {shorten(origin.name)}" if origin else "afresh"
        raise RunError(
            f"A run keeps the start it had. Received: --start-from {shorten(start_from)} for '{run.path}', which "
            f"started {before}. Leave the option out to resume the run, or name a new directory with --run."
        )
    return None if checkpoint_folders(run.checkpoints) else read_origin(start_from)


def _plan_to_go_on(
    run: RunDirectory, record: dict[str, Any], given: dict[str, Any], show_progress: bool, keep_images: bool
) -> Plan:
    try:
        old = Settings.from_dict(record["settings"])
    except SettingsError as error:
        raise RunError(f"The settings in '{run.record_file}' must be valid. {error}") from error
    if old.data.classes == "auto":  # of a version without classes; others resolve it
        old = dataclasses.replace(old, data=dataclasses.replace(old.data, classes="none"))
    settings = _merge(run, old, given)
    layout, dataset = _lay_out(settings), record["dataset"]
    resolve_precision(settings.training.precision, layout.replicas)  # refuses what this device lacks
    fingerprint = str(dataset.get("fingerprint"))
    if keep_images:
        images = find_prepared(fingerprint)
        if images is None:
            raise RunError(
                f"--keep-images needs the prepared images of the run. Received: '{run.path}' with the fingerprint "
                f"{fingerprint[:12]}, which is not in '{default_cache_folder()}'. Bring the images back to what they "
                "were and leave the option out, or name a new directory with --run."
            )
        return Plan(run, settings, _as_before(images, settings), record, layout)
    try:
        # As they were asked for at the start, or the prepared images would not be found again.
        images = _prepare(settings, dataset.get("channels_asked"), show_progress)
    except DataError as error:
        if find_prepared(fingerprint) is None:
            raise
        raise DataError(f"{error} To go on with the images of before, {KEEP_IMAGES}.") from error
    if images.fingerprint != fingerprint:
        raise _other_images(run, settings.data.data, images, fingerprint)
    return Plan(run, settings, _as_before(images, settings), record, layout)


def _as_before(images: PreparedImages, settings: Settings) -> PreparedImages:
    """Images of a run that is resumed, with classes if it was started with them."""
    return with_classes(images) if settings.network.classes else images


def _choose_backend_of(run: RunDirectory, record: dict[str, Any], wanted: str) -> None:
    """Selects the backend that a run was started with; older runs, all of TensorFlow, do not name it."""
    before, asked = record.get("backend", BACKENDS[0]), asked_backend(wanted)
    if asked not in ("auto", before):
        raise RunError(
            f"A run must be resumed with the backend it was started with. Received: backend={asked} for '{run.path}', "
            f"which was started with {before}. Resume it with --backend {before} (in Python, with "
            f"KERAS_BACKEND={before} in the environment), or {_start_anew(run)}."
        )
    choose_backend(before)


def _other_images(run: RunDirectory, data: str, images: PreparedImages, fingerprint: str) -> RunError:
    """Returns an error that says what is different, and both ways to go on."""
    rule = "A run must be resumed with the images it was started with. Received:"
    before = find_prepared(fingerprint)
    if before is None:
        return RunError(
            f"{rule} '{data}' with the fingerprint {images.fingerprint[:12]}, where the run in '{run.path}' has "
            f"{fingerprint[:12]}, and the original images are no longer in the cache. Restore them, or "
            f"{_start_anew(run)}."
        )
    new, gone = count_differences(before.images, images.images)
    differ = f"{new:,} new and {gone:,} gone (a changed one counts as both)"
    if not new and not gone:
        differ = "the same as before, but under other names or in other folders, which determine order and labels"
    return RunError(
        f"{rule} {len(images.images):,} images in '{data}', {differ}. To resume with the {len(before.images):,} "
        f"original images, {KEEP_IMAGES}. For a run with the current images, {_start_anew(run)}."
    )


def _start_anew(run: RunDirectory) -> str:
    return (
        f"name a new directory with --run, where --start-from {shell_word(run.path)} begins with the generator of this "
        "run"
    )


def _merge(run: RunDirectory, old: Settings, given: dict[str, Any]) -> Settings:
    """The run's settings with a new length and new intervals; any other difference is refused."""
    before = flat_values(old)
    wanted = {name: value for name, value in given.items() if name != "preset"}
    if given.get("preset") is not None:
        make_settings(given["preset"], {})  # refuses an unknown one with the list of presets
        row = {name: value for name, value in PRESETS[given["preset"]].items() if name not in RESUMABLE}
        wanted = row | wanted
    wanted = {name: value for name, value in wanted.items() if name not in RESOLVED or value != "auto"}
    if any(wanted.get(name) is not None for name in DURATIONS):
        wanted |= {name: wanted.get(name) for name in DURATIONS}
    base = before
    if ("image_size" in wanted or "stride" in wanted) and "depth" not in wanted:
        base = before | {"depth": None}  # or an error could be about the run's depth, which the user did not give
    now = flat_values(make_settings(old.preset, base | wanted))
    changed = [name for name in wanted if name in now and name not in RESUMABLE and name != "data"]
    changed = [name for name in changed if now[name] != before[name]]
    if changed:
        names = {name: full_name(field_by_name()[name][1]) for name in changed}
        width = max(28, *map(len, names.values()))
        lines = "\n".join(
            f"  {names[name]:<{width}} {_show(before[name])} in the run, {_show(now[name])} now" for name in changed
        )
        raise RunError(
            f"The run in '{run.path}' was started with other settings; it cannot be continued with these:\n{lines}\n"
            "Give the settings of the run, or name a new directory with --run."
        )
    merged = make_settings(old.preset, before | {name: now[name] for name in (*RESUMABLE, "data")})
    return dataclasses.replace(merged, network=dataclasses.replace(merged.network, classes=old.network.classes))


def _lay_out(settings: Settings) -> Layout:
    return lay_out(settings.training, read_cluster())


def _prepare(settings: Settings, channels: int | None, show_progress: bool) -> PreparedImages:
    value_range = settings.data.value_range
    return prepare_images(
        settings.data.data,
        image_size=settings.network.image_size,
        channels=channels,
        fit=settings.data.fit,
        value_range=parse_value_range(value_range) if value_range else None,
        label_column=settings.data.label_column,
        minimum_count=settings.training.batch_size,
        show_progress=show_progress,
    )


def _show(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) else json.dumps(value).strip('"')
