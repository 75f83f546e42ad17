"""From the user's options to a plan: complete settings, prepared images, and whether a run is resumed."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcgan_hub.bundle.origin import OriginFacts
from dcgan_hub.errors import DataError, RunError, SettingsError
from dcgan_hub.images.preparation.cache import default_cache_folder
from dcgan_hub.images.preparation.classes import choose_classes, with_classes
from dcgan_hub.images.preparation.earlier import find_prepared
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.images.preparation.survey import quick_size
from dcgan_hub.images.sources.detection import data_name
from dcgan_hub.images.sources.hub_names import without_page
from dcgan_hub.presets import make_settings, read_settings_file
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.runs.origin import Origin, read_origin
from dcgan_hub.settings import DURATIONS, SMALL_DATA, DataSettings, Settings, TrainingSettings
from dcgan_hub.settings_fields import parse_value_range
from dcgan_hub.training.backend_choice import choose_backend
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.distributed.cluster import Layout, read_cluster
from dcgan_hub.training.hardware import has_gpu, lay_out, resolve_precision
from dcgan_hub.training.health.recovery import MAX_ROLLBACKS, RollbackRecord, effective_settings, read_rollbacks
from dcgan_hub.training.resuming import KEEP_IMAGES, choose_backend_of, merged_settings, origin_to_go_on, other_images
from dcgan_hub.training.start.defaults import origin_defaults, preset_of


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
        choose_backend_of(directory, record, backend)
        origin = origin_to_go_on(directory, record, start_from)
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


def resolve_augmentation_color(training: TrainingSettings, count: int) -> str:
    """Resolves "auto" by the number of images; other values are returned unchanged."""
    if training.augmentation_colour != "auto":
        return training.augmentation_colour
    if count < SMALL_DATA:
        return "yes"
    return "late" if training.augmentation_color_after else "no"


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
        augmentation_colour=resolve_augmentation_color(settings.training, len(images.images)),
    )
    channels = images.images.shape[-1]
    network = dataclasses.replace(settings.network, channels=channels, classes=len(images.class_names))
    if channels == 1 and "palette_size" not in values:
        network = dataclasses.replace(network, palette_size=0)  # that of a preset is for color
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


def _plan_to_go_on(
    run: RunDirectory, record: dict[str, Any], given: dict[str, Any], show_progress: bool, keep_images: bool
) -> Plan:
    try:
        old = Settings.from_dict(record["settings"])
    except SettingsError as error:
        raise RunError(f"The settings in '{run.record_file}' must be valid. {error}") from error
    if old.data.classes == "auto":  # of a version without classes; others resolve it
        old = dataclasses.replace(old, data=dataclasses.replace(old.data, classes="none"))
    settings = merged_settings(run, old, given)
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
        raise other_images(run, settings.data.data, images, fingerprint)
    return Plan(run, settings, _as_before(images, settings), record, layout)


def _as_before(images: PreparedImages, settings: Settings) -> PreparedImages:
    """Images of a run that is resumed, with classes if it was started with them."""
    return with_classes(images) if settings.network.classes else images


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
