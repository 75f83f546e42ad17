"""The generator argument of commands: parsing and loading."""

import argparse
from typing import TYPE_CHECKING

from dcgan_hub.keras_startup import import_keras_quietly

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

MODEL_HELP = "run directory, bundle folder, user/name on the Hub, or avatars (the built-in generator)"


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the generator as a positional argument, and its revision as an option."""
    parser.add_argument("run", metavar="RUN", help=MODEL_HELP)
    parser.add_argument("--revision", metavar="R", help="with user/name: branch, tag or commit hash [main]")


def add_truncation(parser: argparse.ArgumentParser) -> None:
    """Adds `--truncation`."""
    about = "factor of the latents; below 1 more typical, above 1 more unusual [1]"
    parser.add_argument("--truncation", metavar="T", type=float, default=1.0, help=about)


def add_classes(
    parser: argparse.ArgumentParser, meaning: str, usual: str = "the one that a seed draws"
) -> None:  # fmt: skip
    """Adds `--classes`."""
    parser.add_argument(
        "--classes", metavar="LIST",
        help=f"names or numbers of classes, separated by commas, or all: {meaning} [{usual}]",
    )  # fmt: skip


def load_model(arguments: argparse.Namespace) -> "Generator":
    """Loads the generator given by the arguments of `add_model`; raises DcganHubError if that is not possible."""
    from dcgan_hub.bundle.source import fetch_bundle, is_hub_model

    if is_hub_model(arguments.run):
        from dcgan_hub.hub.transport import limit_waiting

        limit_waiting()
    name, bundle = fetch_bundle(arguments.run, arguments.revision)  # errors are reported before the slow Keras import
    import_keras_quietly()
    from dcgan_hub.bundle.generator import Generator

    return Generator.from_bundle(bundle, name)
