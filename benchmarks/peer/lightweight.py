"""Trains `lightweight-gan` from its package for a given time, on the processor.

usage: python benchmarks/peer/lightweight.py IMAGES.npy --seconds 600 --out GENERATED.npy

Runs under a Python of its own:

    python -m venv lightweight-venv && lightweight-venv/bin/pip install lightweight-gan==1.2.1

The package is used as it is: its networks, its losses, its step. In this process only, its check for CUDA is gone
around, and what it sends to a GPU stays where it is. It saves and shows nothing while it trains, so all of the time is
spent on steps. Its defaults otherwise, but narrower and without attention in the large maps, since two cores would see
too few images. Its moving average begins after 20,000 steps, which two cores do not get to, so images are drawn with
the generator itself.
"""

import argparse
import atexit
import shutil
import tempfile
from typing import Any

from program import PeerError, Program, Recipe
from torch_images import facts_of, to_pixels

ACCUMULATED = 4  # batches a step, the package's default
FULL_AUGMENTATION = 100_000  # images from which on the package augments nothing


class TorchOnProcessor:
    """PyTorch as the package sees it: every device is the processor."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._torch, name)

    def device(self, name: str) -> Any:
        """The processor, whatever is asked for."""
        return self._torch.device("cpu")


def import_package() -> Any:
    """Imports the package's module so that it works without CUDA."""
    import torch

    available = torch.cuda.is_available
    torch.cuda.is_available = lambda: True
    try:
        from lightweight_gan import lightweight_gan
    finally:
        torch.cuda.is_available = available
    torch.Tensor.cuda = lambda tensor, *device, **options: tensor
    torch.nn.Module.cuda = lambda module, *device: module
    lightweight_gan.torch = TorchOnProcessor(torch)
    return lightweight_gan


def quiet_trainer(package: Any, **settings: Any) -> Any:
    """The package's trainer, which neither draws sheets nor saves checkpoints."""

    class QuietTrainer(package.Trainer):
        def evaluate(self, *arguments: Any, **options: Any) -> None:
            pass

        def save(self, *arguments: Any) -> None:
            pass

    return QuietTrainer(use_aim=False, **settings)


def augmentation_probability(count: int) -> float:
    """How often the package augments a set of this many images, unless told otherwise."""
    return min(0.5, max(FULL_AUGMENTATION - count, 0) * 3e-6)


def build(options: argparse.Namespace, shape: tuple[int, ...]) -> Recipe:
    """The package's trainer, its step and images of its generator."""
    import torch

    count, side, _, channels = shape
    torch.manual_seed(options.seed)
    if options.batch % ACCUMULATED:
        raise PeerError(f"`--batch` must be a multiple of {ACCUMULATED}. Received: {options.batch}. Leave it out.")
    part = options.batch // ACCUMULATED
    folder = tempfile.mkdtemp()  # the package insists on one
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    trainer = quiet_trainer(
        import_package(),
        base_dir=folder,
        image_size=side,
        fmap_max=options.fmap_max,
        fmap_inverse_coef=options.fmap_inverse_coef,
        transparent=channels == 4,
        greyscale=channels == 1,
        batch_size=part,
        gradient_accumulate_every=ACCUMULATED,
        attn_res_layers=options.attention,
        disc_output_size=1,
        aug_prob=augmentation_probability(count),
        aug_types=["cutout", "translation"],
    )
    trainer.init_GAN()
    drawing = torch.Generator().manual_seed(options.seed)

    def step(batch: Any) -> None:
        images = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255.0
        trainer.loader = iter(images.split(part))
        trainer.train()

    def draw(number: int) -> Any:
        trainer.GAN.eval()
        latents = torch.randn(number, trainer.GAN.latent_dim, generator=drawing)
        return to_pixels(trainer.generate_(trainer.GAN.G, latents) * 2.0 - 1.0)

    attention = ", ".join(map(str, options.attention)) or "none"
    words = f"at most {options.fmap_max} channels, batch {ACCUMULATED} x {part}, attention {attention}"
    return Recipe(words, step, draw, facts_of(trainer.GAN.G, trainer.GAN.D))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what only this peer knows."""
    parser.add_argument("--fmap-max", type=int, default=64, help="channels at most; the package's own are 512 [64]")
    parser.add_argument(
        "--fmap-inverse-coef", type=int, default=9, metavar="N",
        help="2^N / side are the channels at a side; the package's own N is 12 [9]",
    )  # fmt: skip
    parser.add_argument(
        "--attention", type=int, nargs="*", default=[], metavar="SIDE", help="maps with attention, as in 32 [none]"
    )


if __name__ == "__main__":
    program = Program(
        description=__doc__,
        modules=("lightweight_gan", "torch", "numpy"),
        install="pip install lightweight-gan==1.2.1",
        batch=40,
        build=build,
        add_options=add_options,
    )
    raise SystemExit(program.main())
