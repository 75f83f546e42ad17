"""Settings of the two networks, and the sizes computed from them."""

import math
import typing
from dataclasses import dataclass
from typing import ClassVar

from dcgan_hub.errors import SettingsError
from dcgan_hub.settings_fields import CheckedSettings, format_image_size, setting

MIN_IMAGE_SIDE = 16
MAX_IMAGE_SIDE = 256
MAX_BASE_PIXELS = 1024  # of the generator's first feature map (32 x 32); beyond it the dense layer dwarfs the network
MAX_PARAMETERS = 100_000_000  # of a generator; 30 times as many as in the largest preset
MAX_FEATURE_MAP = 2**25  # values per image, 128 MB as float32; 64 times as many as in the largest preset
MIN_AUTOMATIC_SIDE = 4  # Radford et al. 2016 start from 4 x 4 pixels
MIN_CLASSES, MAX_CLASSES = 2, 1000
MIN_PALETTE_SIZE, MAX_PALETTE_SIZE = 2, 64  # colors
MAX_CLASS_NAME_LENGTH, MAX_CLASS_NAMES_LENGTH = 100, 50_000  # characters of one name, and of all
PALETTE = "palette"  # the generator's layer
CLASS_EMBEDDING, CLASS_EMBEDDING_DIM = "class_embedding", 32  # the generator's layer, and E, its dimensions


def automatic_depth(image_size: tuple[int, int], stride: int = 2) -> int:
    """Number of stages that reduce the smaller side to 4 to 7 pixels (for stride 2), at least one.

    Args:
        image_size: (height, width) in pixels.
        stride: scale factor of each stage.
    """
    depth, side = 0, min(image_size)
    while side / stride >= MIN_AUTOMATIC_SIDE:
        depth, side = depth + 1, -(-side // stride)
    return max(depth, 1)


def _nearest_multiple(side: int, factor: int) -> int:
    """The multiple of `factor` nearest to `side` that is a valid side; a first map has 2 pixels or more."""
    smallest, largest = max(-(-MIN_IMAGE_SIDE // factor), 2), MAX_IMAGE_SIDE // factor
    return factor * min(max(round(side / factor), smallest), largest)


def convolution_margins(kernel_size: int, stride: int) -> tuple[int, int]:
    """Rows before and after a map that a strided convolution with "same" padding also reads.

    For maps whose sides are multiples of the stride. Of an odd sum the larger part comes after, as Keras has it.
    """
    total = kernel_size - stride
    return total // 2, total - total // 2


def transposed_margin(kernel_size: int, stride: int) -> int:
    """Rows that must follow a map, so that its transposed convolution has a whole turn of rows with nothing missing.

    Without "same" padding, that turn begins with row `kernel_size` - `stride`.
    """
    return -(-(kernel_size - stride) // stride)


def stage_sizes(image_size: tuple[int, int], stride: int, depth: int) -> list[tuple[int, int]]:
    """Feature map sizes from the image (first) down to the generator's first map (last), rounding up.

    Args:
        image_size: (height, width) in pixels.
        stride: scale factor of each stage.
        depth: number of stages.

    Returns:
        `depth` + 1 pairs (height, width), e.g. [(28, 28), (14, 14), (7, 7)].
    """
    sizes = [image_size]
    for _ in range(depth):
        height, width = sizes[-1]
        sizes.append((-(-height // stride), -(-width // stride)))
    return sizes


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(CheckedSettings):
    """Architecture of the generator and the discriminator.

    H x W pixels, C channels, Z latent dimensions, E dimensions of the class embedding. Stage 1 is next to the image;
    stage i has min(filters * 2**(i - 1), max_filters) channels, or with `increment`
    min(filters + increment * (i - 1), max_filters).
    """

    section: ClassVar[str] = "network"

    image_size: tuple[int, int] = setting(
        (64, 64), "in pixels: N, or height x width as in 96x64; each side 16 to 256", metavar="N|HxW", common=True
    )
    channels: int = setting(3, "1: gray, 3: color, 4: color and alpha", choices=(1, 3, 4))
    latent_dim: int = setting(128, "number of dimensions of the latent space", minimum=1, maximum=4096)
    filters: int = setting(32, "channels of the stage next to the image", minimum=2, maximum=1024)
    increment: int | None = setting(
        None, "channels added from stage to stage, instead of doubling them", minimum=0, maximum=1024
    )
    max_filters: int = setting(512, "maximum number of channels of a stage", minimum=2, maximum=4096)
    depth: int | None = setting(
        None, "number of stages [until the smaller side is 4 to 7 pixels]", minimum=1, maximum=8
    )
    kernel_size: int = setting(4, "kernel size of the convolutions", minimum=1, maximum=11)
    stride: int = setting(2, "stride of the convolutions, the scale factor of each stage", minimum=2, maximum=4)
    dropout: float = setting(0.0, "dropout rate in the discriminator", minimum=0.0, maximum=0.9)
    generator_normalization: str = setting(
        "batch", "of the generator's layers; modulated: batch normalization with scale and offset from the latent",
        choices=("batch", "modulated", "none"),
    )  # fmt: skip
    discriminator_normalization: str = setting(
        "none", "of the discriminator's layers", choices=("batch", "spectral", "none")
    )
    upsampling: str = setting(
        "transposed", "transposed convolution, or nearest-neighbor resize and convolution",
        choices=("transposed", "resize"),
    )  # fmt: skip
    classes: int = setting(
        0, "number of classes, which follows from the images; 0: none", minimum=0, maximum=MAX_CLASSES, derived=True,
        unwritten=True,
    )  # fmt: skip
    seamless: bool = setting(False, "generate textures that tile without seams, from images that do", unwritten=True)
    palette_size: int = setting(
        0, "colors of a palette that the generator mixes each image from; 0: none",
        minimum=0, maximum=MAX_PALETTE_SIZE, unwritten=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Validates each field, then their combination; fills in the automatic depth."""
        super().__post_init__()
        self._check_image_size()
        if 0 < self.classes < MIN_CLASSES:
            raise SettingsError(
                f"`classes` must be 0, or {MIN_CLASSES} to {MAX_CLASSES:,}. Received: classes={self.classes}. "
                "Nearest valid: classes=0."
            )
        if 0 < self.palette_size < MIN_PALETTE_SIZE:
            raise SettingsError(
                f"`palette_size` must be 0, or {MIN_PALETTE_SIZE} to {MAX_PALETTE_SIZE}. Received: "
                f"palette_size={self.palette_size}. Nearest valid: palette_size={MIN_PALETTE_SIZE}."
            )
        if self.kernel_size < self.stride:
            raise SettingsError(
                "`kernel_size` must be at least `stride`, or pixels between kernels are never written. Received: "
                f"kernel_size={self.kernel_size}, stride={self.stride}. Nearest valid: kernel_size={self.stride}."
            )
        if self.max_filters < self.filters:
            raise SettingsError(
                "`max_filters` must be at least `filters`. Received: "
                f"max_filters={self.max_filters}, filters={self.filters}. Nearest valid: max_filters={self.filters}."
            )
        if self.depth is None:
            object.__setattr__(self, "depth", automatic_depth(self.image_size, self.stride))
        self._check_depth()
        self._check_seamless()
        if self.generator_parameters > MAX_PARAMETERS:
            raise SettingsError(
                f"A generator may have at most {MAX_PARAMETERS:,} parameters, so that others can load it. Received: "
                f"settings for {self.generator_parameters:,} (filters={self.filters}, max_filters={self.max_filters}, "
                f"depth={self.depth}, latent_dim={self.latent_dim}). Try half the filters, or one more stage."
            )
        if self.largest_feature_map > MAX_FEATURE_MAP:
            raise SettingsError(
                f"A feature map may have at most {MAX_FEATURE_MAP:,} values per image, so that others have the memory "
                f"for it. Received: settings for {self.largest_feature_map:,} (filters={self.filters}, "
                f"max_filters={self.max_filters}, image_size={format_image_size(self.image_size)}). "
                "Try half the filters."
            )

    def _check_image_size(self) -> None:
        nearest = tuple(min(max(side, MIN_IMAGE_SIDE), MAX_IMAGE_SIDE) for side in self.image_size)
        if nearest != self.image_size:
            raise SettingsError(
                f"`image_size` must have sides of {MIN_IMAGE_SIDE} to {MAX_IMAGE_SIDE} pixels. Received: "
                f"image_size={format_image_size(self.image_size)}. Nearest valid: {format_image_size(nearest)}."
            )

    def _check_depth(self) -> None:
        usable = [depth for depth in range(1, 9) if self._can_have_depth(depth)]
        if not usable:
            raise SettingsError(
                f"`stride` must suit the image size: no number of stages of stride {self.stride} reduces "
                f"{format_image_size(self.image_size)} pixels to a first map with sides of 2 pixels or more and at "
                f"most {MAX_BASE_PIXELS} pixels. Nearest valid: stride=2."
            )
        if self.depth not in usable:
            nearest = min(usable, key=lambda depth: abs(depth - (self.depth or 0)))
            raise SettingsError(
                f"`depth` must reduce {format_image_size(self.image_size)} pixels to a first map with sides of 2 "
                f"pixels or more and at most {MAX_BASE_PIXELS} pixels. Received: depth={self.depth} with "
                f"stride={self.stride}. "
                f"Nearest valid: depth={nearest}."
            )

    def _check_seamless(self) -> None:
        depth = typing.cast(int, self.depth)
        factor = self.stride**depth
        if not self.seamless or not any(side % factor for side in self.image_size):
            return
        nearest = format_image_size(tuple(_nearest_multiple(side, factor) for side in self.image_size))
        advice = f"Nearest valid: image_size={nearest}." if 2 * factor <= MAX_IMAGE_SIDE else "Try fewer stages."
        raise SettingsError(
            f"Seamless images must have sides that are multiples of {factor}, by which {depth} stages of stride "
            f"{self.stride} enlarge the first map, since cropping would leave a seam. Received: "
            f"image_size={format_image_size(self.image_size)}. {advice}"
        )

    def _can_have_depth(self, depth: int) -> bool:
        height, width = stage_sizes(self.image_size, self.stride, depth)[-1]
        return min(height, width) >= 2 and height * width <= MAX_BASE_PIXELS

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Feature map sizes, image first; see `stage_sizes`."""
        return stage_sizes(self.image_size, self.stride, typing.cast(int, self.depth))

    @property
    def widths(self) -> list[int]:
        """Channels of stage 1 (next to the image) to stage `depth`."""
        stages = range(typing.cast(int, self.depth))
        if self.increment is None:
            return [min(self.filters * 2**stage, self.max_filters) for stage in stages]
        return [min(self.filters + self.increment * stage, self.max_filters) for stage in stages]

    @property
    def output_channels(self) -> int:
        """Channels that stage 1 outputs: those of the image, or a mask for each color of the palette."""
        return self.palette_size or self.channels

    @property
    def conditioned_dim(self) -> int:
        """Z, or Z + E with classes: the length of what the generator's dense layers read."""
        return self.latent_dim + (CLASS_EMBEDDING_DIM if self.classes else 0)

    @property
    def generator_parameters(self) -> int:
        """Number of values in all variables of the generator, computed without building it."""
        widths, normalization = self.widths, self.generator_normalization
        base = math.prod(self.sizes[-1]) * widths[-1]
        # Per channel: scale, offset, mean and variance, or a bias. Modulated: mean, variance, and two dense layers.
        per_channel = {"batch": 4, "modulated": 2 + 2 * (self.conditioned_dim + 1), "none": 1}[normalization]
        total = self.conditioned_dim * base + (base if normalization == "none" else 4 * widths[-1])
        total += self.classes * CLASS_EMBEDDING_DIM
        for below, above in zip(widths[1:], widths[:-1], strict=True):
            total += self.kernel_size**2 * below * above + per_channel * above
        total += self.palette_size * self.channels * (self.conditioned_dim + 1)
        return total + self.kernel_size**2 * widths[0] * self.output_channels + self.output_channels

    @property
    def generator_operations(self) -> int:
        """Multiplications and additions of the generator for one image, computed without building it.

        Those of its convolutions and dense layers; the rest is less than a hundredth of them.
        """
        base = math.prod(self.sizes[-1]) * self.widths[-1]
        products = self.conditioned_dim * base
        if self.generator_normalization == "modulated":
            products += 2 * self.conditioned_dim * sum(self.widths[:-1])
        products += self.palette_size * self.channels * (self.conditioned_dim + math.prod(self.image_size))
        outputs = [self.output_channels, *self.widths[:-1]]
        for stage, (incoming, outgoing) in enumerate(zip(self.widths, outputs, strict=True)):
            # A transposed convolution spreads each pixel of the smaller map, a convolution gathers each of the larger.
            transposed = self.upsampling == "transposed"
            margin = transposed_margin(self.kernel_size, self.stride) if self.seamless and transposed else 0
            pixels = math.prod(side + margin for side in self.sizes[stage + transposed])
            products += pixels * self.kernel_size**2 * incoming * outgoing
        return 2 * products

    @property
    def largest_feature_map(self) -> int:
        """Number of values in the generator's largest feature map for one image, computed without building it.

        Input channels at output size: exact for `resize` upsampling, about right for transposed convolutions.
        """
        masks = math.prod(self.image_size) * self.palette_size
        return max(masks, *(math.prod(size) * width for size, width in zip(self.sizes, self.widths, strict=False)))
