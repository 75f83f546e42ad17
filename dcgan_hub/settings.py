"""All settings of a run: frozen dataclasses that convert to JSON and TOML.

Every field carries its own help text and limits. The command line, the settings file and the error messages are
generated from them, so each setting is described in one place only.
"""

import typing
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, Self

import tomli_w

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.network_settings import NetworkSettings
from dcgan_hub.settings_fields import CheckedSettings, parse_value_range, settable_fields, setting

MAX_SEED = 2**32 - 1
LOSS_NAMES = ("non-saturating", "hinge", "least-squares", "wasserstein")
ONE_STAGE_LOSSES = ("non-saturating", "wasserstein")
MAX_DEVICES = 1024
SMALL_DATA = 1000  # images; below this, augmentation also changes colors (docs/experiments.md)
DURATIONS = ("steps", "epochs", "minutes")


@dataclass(frozen=True, kw_only=True)
class DataSettings(CheckedSettings):
    """Which images, and how they are brought to one size."""

    section: ClassVar[str] = "data"

    data: str = setting(
        "avatars",
        "images: a folder, a .zip, .tar, .npy, .npz, idx, parquet or arrow file, a Hub dataset (user/name or "
        "user/name:subset), or one of avatars, mnist, fashion-mnist, cifar10",
        metavar="DATA",
        common=True,
    )
    fit: str = setting("crop", "how images are fitted to the image size", choices=("crop", "pad", "stretch"))
    value_range: str | None = setting(
        None, "stored pixel values that become black and white, in all images alike, e.g. 0:4095 for 12 bits in 16-bit "
        "files [all values that the files could have]", metavar="LOW:HIGH",
    )  # fmt: skip
    classes: str = setting(
        "auto", "train a conditional generator, with classes by folders (or labels); auto: for 2 to 1,000 folders with "
        "50 images on average that are not named by dates or by a camera",
        choices=("auto", "none", "folders"), common=True,
    )  # fmt: skip
    class_sampling: str = setting(
        "natural", "with classes: each image equally often, or each class (balanced)", choices=("natural", "balanced")
    )
    label_column: str | None = setting(
        None, "column of a table or Hub dataset, or array of an .npz file, that holds the labels [one of a usual name, "
        "such as label]", metavar="NAME",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Checks each field."""
        super().__post_init__()
        if self.value_range is not None:
            parse_value_range(self.value_range)


class LearningRates(NamedTuple):
    """The learning rates in effect for the two networks."""

    generator: float
    discriminator: float


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(CheckedSettings):
    """How the two networks learn, for how long, and how often the run reports."""

    section: ClassVar[str] = "training"

    steps: int | None = setting(
        None, "total number of training steps", minimum=1, maximum=99_999_999, resumable=True, common=True
    )
    epochs: float | None = setting(
        None, "or: total number of passes over the images", minimum=0.0, maximum=10**6, resumable=True, common=True
    )
    minutes: float | None = setting(
        None, "or: training time, counted from this start", minimum=0.0, maximum=10**6, resumable=True, common=True
    )
    batch_size: int = setting(32, "images in one training step", minimum=2, maximum=4096, common=True)
    learning_rate: float = setting(2e-3, "learning rate of both networks", minimum=1e-8, maximum=1.0)
    generator_learning_rate: float | None = setting(
        None, "learning rate of the generator, if different", minimum=1e-8, maximum=1.0
    )
    discriminator_learning_rate: float | None = setting(
        None, "learning rate of the discriminator, if different", minimum=1e-8, maximum=1.0
    )
    learning_rate_decay_steps: int = setting(
        0, "inverse-time decay of the learning rates: lr / (1 + step / N); 0 disables it",
        minimum=0, maximum=10**8,
    )  # fmt: skip
    optimizer: str = setting("adam", "optimizer of both networks", choices=("adam", "adamw", "rmsprop"))
    beta_1: float = setting(0.5, "Adam's decay rate of the first moment", minimum=0.0, maximum=0.9999)
    beta_2: float = setting(0.99, "decay rate of the second moment (RMSprop: rho)", minimum=0.0, maximum=0.99999)
    loss: str = setting("non-saturating", "GAN loss", choices=LOSS_NAMES)
    label_smoothing: float = setting(
        0.0, "one-sided label smoothing: lowers the discriminator's target for real images", minimum=0.0, maximum=0.4
    )
    r1_gamma: float | None = setting(
        None, "weight of the R1 gradient penalty; 0 disables it [1, or 0 with the Wasserstein loss]",
        minimum=0.0, maximum=1e4,
    )  # fmt: skip
    r1_every: int = setting(
        8, "lazy R1: the penalty is computed every N steps and weighted by N", minimum=1, maximum=1024
    )
    slope_penalty: float | None = setting(
        None, "weight of the WGAN-GP gradient penalty; 0 disables it [0, or 10 with the Wasserstein loss]",
        minimum=0.0, maximum=1e4, option="gradient-penalty",
    )  # fmt: skip
    schedule: str = setting(
        "alternating", "generator after discriminator, or both from one forward pass of the discriminator, which is "
        "faster", choices=("alternating", "one-stage"), option="update",
    )  # fmt: skip
    checkerboard_constraint: bool = setting(
        False, "constrain the kernels of the generator's transposed convolutions, against checkerboard artifacts"
    )
    batch_deviation: bool = setting(
        False, "minibatch standard deviation layer in the discriminator", option="minibatch-stddev"
    )
    flip: bool = setting(False, "mirror half of the images horizontally", common=True)
    augmentation: str = setting(
        "adaptive", "augment the discriminator's images against overfitting (translation, cutout; color for small "
        "sets): with fixed strength, or as much as needed (ADA)", choices=("none", "fixed", "adaptive"), common=True,
    )  # fmt: skip
    augmentation_strength: float | None = setting(
        None, "probability of each augmentation [fixed: 1; adaptive: starts at 0]", minimum=0.0, maximum=1.0
    )
    augmentation_colour: str = setting(
        "auto", "also augment brightness, saturation and contrast; late: only after --augmentation-color-after images; "
        f"auto: yes with fewer than {SMALL_DATA:,} images, else late if that number is not 0, else no",
        choices=("auto", "yes", "late", "no"), option="augmentation-color",
    )  # fmt: skip
    augmentation_color_after: int = setting(
        0, "number of real images seen before the late augmentation of color begins", minimum=0, maximum=10**9
    )
    augmentation_target: float = setting(
        0.8,
        "target of adaptive augmentation: fraction of real images that the discriminator classifies as real",
        minimum=0.01,
        maximum=0.99,
    )
    augmentation_images: int = setting(
        100_000, "real images within which adaptive augmentation can rise from 0 to 1", minimum=1, maximum=10**9
    )
    ema_decay: float = setting(
        0.999,
        "decay of the exponential moving average (EMA) of the generator's weights, per step",
        minimum=0.0,
        maximum=0.999999,
    )
    precision: str = setting(
        "auto", "number format of the layers; auto: bfloat16 where the hardware supports it natively, else float16 on "
        "a GPU that does, else float32", choices=("auto", "float32", "bfloat16", "float16"),
    )  # fmt: skip
    deterministic: bool = setting(
        False, "also resume exactly on a GPU, by deterministic kernels, which are slower; on processors every run does",
        resumable=True,
    )  # fmt: skip
    devices: str = setting(
        "auto", "GPUs for data-parallel training; auto: all, or the CPU if there are none; without a GPU, N logical "
        "devices of the CPU", metavar="auto|all|N", resumable=True,
    )  # fmt: skip
    seed: int = setting(
        0, "seed of the initial weights, the order of images and the latents", minimum=0, maximum=MAX_SEED, common=True
    )
    report_every: int = setting(50, "steps between reports of metrics", minimum=1, maximum=10**6, resumable=True)
    sample_every: int = setting(
        500, "steps between sample sheets (grids of generated images)", minimum=1, maximum=10**6, resumable=True
    )
    checkpoint_every: int = setting(500, "steps between checkpoints", minimum=1, maximum=10**6, resumable=True)
    evaluate_every: int = setting(
        2500, "steps between quality measurements; the generator of the best one is kept; 0 disables them",
        minimum=0, maximum=10**6, resumable=True,
    )  # fmt: skip
    evaluate_images: int = setting(
        1000, "images generated for each quality measurement", minimum=100, maximum=100_000, resumable=True
    )
    heal: bool = setting(
        False, "on failure, roll back to the last healthy checkpoint and adjust the setting responsible",
        resumable=True, common=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Validates each field, and that at most one of `steps`, `epochs` and `minutes` is given."""
        super().__post_init__()
        self._check_devices()
        self._fill_in_automatic_values()
        if self.label_smoothing and self.loss in ("hinge", "wasserstein"):
            raise SettingsError(
                "`label_smoothing` needs a loss with targets, non-saturating or least-squares. Received: "
                f"label_smoothing={self.label_smoothing:g} with loss={self.loss}. Nearest valid: label_smoothing=0."
            )
        if self.augmentation_colour == "late" and not self.augmentation_color_after:
            raise SettingsError(
                "`augmentation_colour` late needs the number of images before it begins. Received: "
                "augmentation_color_after=0. Try augmentation_color_after=320000."
            )
        durations = {name: getattr(self, name) for name in DURATIONS if getattr(self, name) is not None}
        if len(durations) > 1:
            raise SettingsError(
                "The length of a run must be given only once, as `steps`, `epochs` or `minutes`. Received: "
                + ", ".join(f"{name}={value}" for name, value in durations.items()) + ". Keep one of them."
            )  # fmt: skip
        for name, value in durations.items():
            if value <= 0:
                raise SettingsError(f"`{name}` must be more than 0. Received: {name}={value}. Try {name}=1.")

    @property
    def rates(self) -> LearningRates:
        """The learning rate of each network: its own if given, else the common one."""
        return LearningRates(
            self.generator_learning_rate or self.learning_rate, self.discriminator_learning_rate or self.learning_rate
        )

    def _check_devices(self) -> None:
        number = self.devices.isascii() and self.devices.isdecimal() and 1 <= int(self.devices[:5]) <= MAX_DEVICES
        if self.devices not in ("auto", "all") and not number:
            raise SettingsError(
                f"`devices` must be auto, all, or a number from 1 to {MAX_DEVICES}. Received: "
                f"devices={shorten(self.devices)}. Try devices=auto."
            )

    def _fill_in_automatic_values(self) -> None:
        wasserstein = self.loss == "wasserstein"
        automatic = {
            "r1_gamma": 0.0 if wasserstein else 1.0,
            "slope_penalty": 10.0 if wasserstein else 0.0,  # Gulrajani et al. 2017, section 4
            "augmentation_strength": 1.0 if self.augmentation == "fixed" else 0.0,
        }
        for name, value in automatic.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)


SECTIONS: tuple[type[CheckedSettings], ...] = (DataSettings, NetworkSettings, TrainingSettings)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that determines a run, except the images themselves."""

    preset: str
    data: DataSettings
    network: NetworkSettings
    training: TrainingSettings

    def __post_init__(self) -> None:
        """Validates the combination of the sections."""
        training = self.training
        if training.schedule != "one-stage":
            return
        obstacles = {
            f"discriminator_normalization={self.network.discriminator_normalization}":
                self.network.discriminator_normalization == "batch",
            "batch_deviation=true (--minibatch-stddev)": training.batch_deviation,
            f"loss={training.loss}": training.loss not in ONE_STAGE_LOSSES,
        }  # fmt: skip
        found = [name for name, is_obstacle in obstacles.items() if is_obstacle]
        if found:
            raise SettingsError(
                "`schedule (--update)` can be one-stage only where each logit depends on a single image, with the loss "
                f"{' or '.join(ONE_STAGE_LOSSES)}. Received: schedule=one-stage with {', '.join(found)}. "
                "Nearest valid: schedule=alternating."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, one dictionary per section, as in `run.json`."""
        return {"preset": self.preset} | {name: getattr(self, name).to_dict() for name in SECTION_NAMES}

    def to_toml(self) -> str:
        """The settings as a TOML file for `--config`, without those that are None or follow from the images."""
        given = {section.section: _given(getattr(self, section.section)) for section in SECTIONS}
        text = tomli_w.dumps({"preset": self.preset} | given, indent=0)
        return text.replace("[\n", "[").replace(",\n]", "]").replace(",\n", ", ")  # an image size on one line

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises SettingsError for a missing or unknown section, an unknown name, or a value out of range.
        """
        if set(values) != {"preset", *SECTION_NAMES} or not all(isinstance(values[n], dict) for n in SECTION_NAMES):
            raise SettingsError(
                f"Settings must have `preset` and the sections {', '.join(SECTION_NAMES)}. Received: {sorted(values)}."
            )
        parts = {section.section: section.from_dict(values[section.section]) for section in SECTIONS}
        return cls(preset=values["preset"], **typing.cast(dict[str, Any], parts))


def _given(section: CheckedSettings) -> dict[str, Any]:
    values = section.to_dict()
    names = [item.name for item in settable_fields(type(section)) if values.get(item.name) is not None]
    return {name: values[name] for name in names}


SECTION_NAMES = tuple(section.section for section in SECTIONS)
RESUMABLE = frozenset(item.name for item in fields(TrainingSettings) if item.metadata.get("resumable"))
