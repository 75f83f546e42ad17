"""The networks of a small R3GAN, see r3gan.py, which imports this module where PyTorch must be there.

B images a batch, S x S pixels, C channels.
"""

import itertools
import math
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

BASE_SIDE = 4  # pixels of the learned map that the generator begins with, and of the discriminator's last map
BLOCKS = 2  # a resolution
SLOPE = 0.2  # of leaky ReLU
GROUP = 16  # channels of a grouped convolution


def widths_for(side: int, width: int) -> list[int]:
    """Channels of the resolutions from 4 x 4 on: `width` next to the image, doubled per halving, up to 8 times."""
    resolutions = int(math.log2(side // BASE_SIDE)) + 1
    return [width * min(2**steps, 8) for steps in reversed(range(resolutions))]


def convolution(inputs: int, outputs: int, kernel: int, gain: float, groups: int = 1, bias: bool = False) -> Any:
    """Convolution that keeps the size, with normal initial weights of deviation gain / sqrt(fan-in)."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs // groups * kernel**2))
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def block(width: int, depth: int) -> Any:
    """Inverted bottleneck of a network with `depth` of them, whose variance thus stays what it was."""
    gain = math.sqrt(2.0 / 1.04) * depth**-0.25
    wide = 2 * width
    return nn.Sequential(
        convolution(width, wide, 1, gain, bias=True),
        nn.LeakyReLU(SLOPE),
        convolution(wide, wide, 3, gain, groups=max(wide // GROUP, 1), bias=True),
        nn.LeakyReLU(SLOPE),
        convolution(wide, width, 1, 0.0),
    )


class Stage(nn.Module):
    """Residual blocks of one resolution."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(block(width, depth) for _ in range(BLOCKS))

    def forward(self, features: Any) -> Any:
        """(B, width, S, S) to the same."""
        for residual in self.blocks:
            features = features + residual(features)
        return features


class Generator(nn.Module):
    """(B, 64) to (B, C, S, S)."""

    latent_dim = 64

    def __init__(self, widths: list[int], channels: int) -> None:
        super().__init__()
        self.base = nn.Parameter(torch.randn(1, widths[0], BASE_SIDE, BASE_SIDE))
        self.style = nn.Linear(self.latent_dim, widths[0], bias=False)
        nn.init.normal_(self.style.weight, 0.0, 1 / math.sqrt(self.latent_dim))
        depth = BLOCKS * len(widths)
        self.stages = nn.ModuleList(Stage(width, depth) for width in widths)
        changes = itertools.pairwise(widths)
        self.changes = nn.ModuleList(convolution(above, below, 1, 1.0) for above, below in changes)
        self.to_pixels = convolution(widths[-1], channels, 1, 1.0)

    def forward(self, latents: Any) -> Any:
        """Images of latents; nothing keeps them within [-1, 1]."""
        features = self.stages[0](self.base * self.style(latents)[:, :, None, None])
        for change, stage in zip(self.changes, self.stages[1:], strict=True):
            up = interpolate(change(features), scale_factor=2, mode="bilinear", align_corners=False)
            features = stage(up)
        return self.to_pixels(features)


class Discriminator(nn.Module):
    """(B, C, S, S) to (B,) logits."""

    def __init__(self, widths: list[int], channels: int) -> None:
        super().__init__()
        depth = BLOCKS * len(widths)
        self.from_pixels = convolution(channels, widths[-1], 1, 1.0)
        self.stages = nn.ModuleList(Stage(width, depth) for width in reversed(widths))
        changes = itertools.pairwise(reversed(widths))
        self.changes = nn.ModuleList(convolution(below, above, 1, 1.0) for below, above in changes)
        self.pooling = nn.Conv2d(widths[0], widths[0], BASE_SIDE, groups=widths[0], bias=False)
        nn.init.normal_(self.pooling.weight, 0.0, 1 / BASE_SIDE)
        self.verdict = nn.Linear(widths[0], 1, bias=False)
        nn.init.normal_(self.verdict.weight, 0.0, 1 / math.sqrt(widths[0]))

    def forward(self, images: Any) -> Any:
        """Logits of images."""
        features = self.from_pixels(images)
        for stage, change in zip(self.stages, self.changes, strict=False):
            halved = interpolate(stage(features), scale_factor=0.5, mode="bilinear", align_corners=False)
            features = change(halved)
        return self.verdict(self.pooling(self.stages[-1](features)).flatten(1)).flatten(0)
