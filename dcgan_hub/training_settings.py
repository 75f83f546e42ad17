"""The settings of training: how the two networks learn, for how long, and how often the run reports."""

from dataclasses import dataclass
from typing import ClassVar

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.settings_fields import CheckedSettings, setting

MAXIMUM_SEED = 2**32 - 1
LOSS_NAMES = ("non-saturating", "hinge", "least-squares", "wasserstein")
ONE_STAGE_LOSSES = ("non-saturating", "wasserstein")
MOST_DEVICES = 1024
SMALL_DATA = 1000  # images; with fewer their colours are changed, too (docs/experiments.md)
DURATIONS = ("steps", "epochs", "minutes")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(CheckedSettings):
    """How the two networks learn, for how long, and how often the run reports."""

    section: ClassVar[str] = "training"

    steps: int | None = setting(
        None, "train up to this many steps in all", minimum=1, maximum=99_999_999, resumable=True, common=True
    )
    epochs: float | None = setting(
        None,
        "or: up to this many passes over the images in all",
        minimum=0.0,
        maximum=10**6,
        resumable=True,
        common=True,
    )
    minutes: float | None = setting(
        None,
        "or: for this many minutes, counted from this start",
        minimum=0.0,
        maximum=10**6,
        resumable=True,
        common=True,
    )
    batch_size: int = setting(32, "images in one step", minimum=2, maximum=4096, common=True)
    learning_rate: float = setting(2e-3, "of both networks", minimum=1e-8, maximum=1.0)
    generator_learning_rate: float | None = setting(
        None, "of the generator, where it differs", minimum=1e-8, maximum=1.0
    )
    discriminator_learning_rate: float | None = setting(
        None, "of the discriminator, where it differs", minimum=1e-8, maximum=1.0
    )
    learning_rate_decay_steps: int = setting(
        0, "steps after which the learning rates are a half, after twice as many a third, and so on; 0: they stay",
        minimum=0, maximum=10**8,
    )  # fmt: skip
    optimizer: str = setting("adam", "of both networks", choices=("adam", "adamw", "rmsprop"))
    beta_1: float = setting(0.5, "Adam's decay of the mean gradient, per step", minimum=0.0, maximum=0.9999)
    beta_2: float = setting(0.99, "Adam's decay of the squared gradient, per step", minimum=0.0, maximum=0.99999)
    loss: str = setting("non-saturating", "what both networks minimize", choices=LOSS_NAMES)
    label_smoothing: float = setting(
        0.0, "lowers the discriminator's target for real images, against too much certainty", minimum=0.0, maximum=0.4
    )
    r1_gamma: float | None = setting(
        None, "weight of the R1 gradient penalty, 0 turns it off [1, with the Wasserstein loss 0]",
        minimum=0.0, maximum=1e4,
    )  # fmt: skip
    r1_every: int = setting(8, "steps between two R1 penalties, each weighted by this number", minimum=1, maximum=1024)
    slope_penalty: float | None = setting(
        None, "weight of the penalty on slopes between real and generated images [0, with the Wasserstein loss 10]",
        minimum=0.0, maximum=1e4,
    )  # fmt: skip
    schedule: str = setting(
        "alternating", "generator after discriminator, or both from one look at the images, which is faster",
        choices=("alternating", "one-stage"),
    )  # fmt: skip
    batch_deviation: bool = setting(False, "let the discriminator see how much the images of a batch differ")
    flip: bool = setting(False, "mirror half of the images left to right", common=True)
    augmentation: str = setting(
        "adaptive", "change images before they are judged, so that the discriminator cannot learn them by heart: "
        "always as strong, or as it is needed", choices=("none", "fixed", "adaptive"), common=True,
    )  # fmt: skip
    augmentation_strength: float | None = setting(
        None, "probability of each change [1; the start of an adaptive one is 0]", minimum=0.0, maximum=1.0
    )
    augmentation_colour: str = setting(
        "auto", "whether augmentation also changes brightness, saturation and contrast, and not only where things are; "
        f"auto: with fewer than {SMALL_DATA:,} images", choices=("auto", "yes", "no"),
    )  # fmt: skip
    augmentation_target: float = setting(
        0.8, "share of real images judged correctly at which adaptive augmentation rests", minimum=0.01, maximum=0.99
    )
    augmentation_images: int = setting(
        100_000, "real images in which adaptive augmentation could rise from 0 to 1", minimum=1, maximum=10**9
    )
    ema_decay: float = setting(
        0.999, "moving average of the generator's weights, per step", minimum=0.0, maximum=0.999999
    )
    precision: str = setting(
        "auto", "number format of the layers; auto is bfloat16 where the processor multiplies it natively",
        choices=("auto", "float32", "bfloat16"),
    )  # fmt: skip
    devices: str = setting(
        "auto", "GPUs to share each batch out to; auto: all, or whatever there is; without a GPU, N parts of the "
        "processor", metavar="auto|all|N", resumable=True,
    )  # fmt: skip
    seed: int = setting(0, "of weights, order of images and latents", minimum=0, maximum=MAXIMUM_SEED, common=True)
    report_every: int = setting(50, "steps between two lines of metrics", minimum=1, maximum=10**6, resumable=True)
    sample_every: int = setting(
        500, "steps between two sample sheets", minimum=1, maximum=10**6, resumable=True, common=True
    )
    checkpoint_every: int = setting(
        500, "steps between two checkpoints", minimum=1, maximum=10**6, resumable=True, common=True
    )
    evaluate_every: int = setting(
        2500, "steps between two measurements of quality, of which the best becomes the generator; 0 measures nothing",
        minimum=0, maximum=10**6, resumable=True, common=True,
    )  # fmt: skip
    evaluate_images: int = setting(
        1000, "images generated for a measurement", minimum=100, maximum=100_000, resumable=True
    )
    heal: bool = setting(
        False, "when the run goes wrong, go back to where it was well, and change what is to blame",
        resumable=True, common=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Checks each field; at most one of `steps`, `epochs` and `minutes` may be given."""
        super().__post_init__()
        self._check_devices()
        self._fill_in_automatic_values()
        if self.label_smoothing and self.loss in ("hinge", "wasserstein"):
            raise SettingsError(
                "`label_smoothing` needs a loss with targets, non-saturating or least-squares. Received: "
                f"label_smoothing={self.label_smoothing:g} with loss={self.loss}. Nearest valid: label_smoothing=0."
            )
        durations = {name: getattr(self, name) for name in DURATIONS if getattr(self, name) is not None}
        if len(durations) > 1:
            raise SettingsError(
                "The length of a run is given once, as `steps`, `epochs` or `minutes`. Received: "
                + ", ".join(f"{name}={value}" for name, value in durations.items()) + ". Keep one of them."
            )  # fmt: skip
        for name, value in durations.items():
            if value <= 0:
                raise SettingsError(f"`{name}` must be more than 0. Received: {name}={value}. Try {name}=1.")

    def _check_devices(self) -> None:
        number = self.devices.isascii() and self.devices.isdecimal() and 1 <= int(self.devices[:5]) <= MOST_DEVICES
        if self.devices not in ("auto", "all") and not number:
            raise SettingsError(
                f"`devices` must be auto, all, or a number from 1 to {MOST_DEVICES}. Received: "
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
