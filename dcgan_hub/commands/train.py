"""`dcgan-hub train`, which is also `train.py`: settings, show them, train. No mathematics."""

import argparse
import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_hub.commands.publishing import (
    add_publishing,
    examine_before_images,
    finish_pushing,
    prepare_before_training,
    push_settings,
)
from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.keras_startup import import_keras_quietly
from dcgan_hub.presets import PRESETS
from dcgan_hub.settings import SECTIONS

if TYPE_CHECKING:
    from dcgan_hub.console import Console
    from dcgan_hub.publishing.settings import PushSettings
    from dcgan_hub.training.plan import Plan

SUMMARY = "train an image generator (DCGAN) on a folder of images, or go on with the run that is there"
EXAMPLES = """\
python train.py --data ./anime --minutes 60     # Ctrl-C stops and saves; the same command again goes on
python train.py --minutes 5                     # the embedded drawings of faces
python train.py --data ./anime --dry-run        # every setting, the networks' sizes, the time it takes; trains nothing
python train.py --data ./anime --image-size 96x64 --run runs/tall
python train.py --data ./anime --push-to-hub anna/anime-dcgan    # publishes the generator at the end
python train.py --data ./anime --config anime.toml    # --dry-run prints settings in the form that --config reads"""

GROUPS = {
    "data": "data",
    "network": "network (a preset sets these; for people who experiment)",
    "training": "training",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds one option for every setting, the common ones first; none has a default, so that presets can be seen."""
    parser.usage = "%(prog)s [--data DATA] [--minutes X] [options]"
    common = parser.add_argument_group("common options")
    _add_setting(common, "data")
    common.add_argument("--run", type=Path, metavar="DIR", help="run directory [runs/ and the name of the data]")
    common.add_argument(
        "--preset", choices=tuple(PRESETS), metavar="NAME", help=f"{', '.join(PRESETS)} [chosen from the images]"
    )
    for name in COMMON:
        if name != "data":
            _add_setting(common, name)
    common.add_argument("--config", type=Path, metavar="FILE", help="TOML file with any of the settings below")
    common.add_argument(
        "-n", "--dry-run", action="store_true", help="show settings, data and an estimate; train nothing"
    )
    common.add_argument("-q", "--quiet", action="store_true", help="print warnings only")
    add_publishing(parser)
    for section in SECTIONS:
        names = [item.name for item in dataclasses.fields(section) if item.name not in COMMON]
        if names:
            group = parser.add_argument_group(GROUPS[section.section])
            for name in names:
                _add_setting(group, name)


FIELDS = {item.name: item for section in SECTIONS for item in dataclasses.fields(section)}
COMMON = tuple(name for name, item in FIELDS.items() if item.metadata.get("common"))


def _add_setting(group: Any, name: str) -> None:
    item = FIELDS[name]
    limits = item.metadata
    option = f"--{name.replace('_', '-')}"
    if item.type is bool:
        group.add_argument(option, action=argparse.BooleanOptionalAction, help=limits["help"], default=None)
        return
    choices = limits.get("choices")
    # An image size is read later, with the error that names the nearest valid one.
    kind = str if name == "image_size" else _accepted_type(item)
    default = "" if item.default is None or name in ("image_size", "channels") else f" [{_shown(item.default)}]"
    marker = "" if not default or not any(name in row for row in PRESETS.values()) else " by default, or by preset"
    shown = default.replace("]", f"{marker}]") if marker else default
    group.add_argument(
        option,
        type=kind,
        choices=choices,
        metavar=limits.get("metavar") or ("|".join(map(str, choices)) if choices else _metavar(kind)),
        help=limits["help"].replace("%", "%%") + shown,
        default=None,
    )


def _accepted_type(item: dataclasses.Field[Any]) -> type:
    accepted = getattr(item.type, "__args__", (item.type,))
    return next(kind for kind in accepted if kind in (int, float, str))


def _metavar(kind: Any) -> str:
    return {int: "N", float: "X", str: "TEXT"}.get(kind, "VALUE")


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def run(arguments: argparse.Namespace) -> int:
    """Trains, or with --dry-run shows what would be trained."""
    values = {name: getattr(arguments, name) for name in (*FIELDS, "preset")}
    given = {name: value for name, value in values.items() if value is not None}

    from dcgan_hub.console import Console
    from dcgan_hub.training.distributed.cluster import read_cluster
    from dcgan_hub.training.plan import make_plan

    cluster = read_cluster()
    if cluster is not None and arguments.resume_from is not None:
        raise SettingsError(
            f"--resume-from fetches a run to one machine. Received: it with {len(cluster.workers)} workers in "
            "TF_CONFIG. Fetch the run first, on one machine without TF_CONFIG, to a disk that all see."
        )
    is_chief = cluster is None or cluster.is_chief  # of several workers one writes, publishes and speaks
    arguments.quiet = arguments.quiet or not is_chief
    console = Console(quiet=arguments.quiet)
    pushing = push_settings(arguments)
    if arguments.dry_run or not is_chief:
        pushing = None
    answered = pushing is not None and examine_before_images(pushing, console)
    if arguments.resume_from is not None:
        arguments.run = _fetch(arguments, console)
    try:
        plan = make_plan(arguments.run, arguments.config, given, show_progress=not arguments.quiet)
    except DataError as error:
        if arguments.resume_from is None or "data" in given:
            raise
        raise DataError(
            f"The images of a run are not on the Hub with it. Received: --resume-from without --data, and here they "
            f"are not found by their name: {error} Give the same command with --data and where they are."
        ) from error
    if pushing is not None and answered:
        prepare_before_training(pushing, console)

    import_keras_quietly()  # not sooner, so that a wrong option is answered at once
    if arguments.dry_run:
        _show(plan)
    else:
        _train(plan, console, pushing)
    return 0


def _train(plan: "Plan", console: "Console", pushing: "PushSettings | None") -> None:
    from dcgan_hub.training.train import run_plan

    if pushing is None:
        run_plan(plan, console)
        return
    from dcgan_hub.publishing.background import BackgroundPush

    with contextlib.closing(BackgroundPush(plan.run, pushing, console)) as push:
        run_plan(plan, console, push.saved)
        finish_pushing(push, console)


def _show(plan: "Plan") -> None:
    from dcgan_hub.console import Console
    from dcgan_hub.training.model import build_gan
    from dcgan_hub.training.reporting.failures import failures_explained
    from dcgan_hub.training.reporting.summary import describe_dry_run

    with failures_explained(plan):
        Console().say(describe_dry_run(plan, build_gan(plan.settings)))


def _fetch(arguments: argparse.Namespace, console: "Console") -> Path:
    """Brings the run from the Hub to its run directory."""
    from dcgan_hub.hub.names import SCHEME, check_repo_id

    repo_id = check_repo_id(arguments.resume_from.removeprefix(SCHEME))
    if arguments.dry_run:
        raise SettingsError(
            "--resume-from fetches a run, and --dry-run writes nothing. Received: both. Leave one of them out."
        )
    import_keras_quietly()
    from dcgan_hub.publishing.checkpoints import fetch_run
    from dcgan_hub.runs.directory import RunDirectory

    run = RunDirectory(arguments.run or Path("runs") / repo_id.partition("/")[2])
    if fetch_run(repo_id, run):
        console.say(f"fetched the run of {repo_id} into {run.path}")
    else:
        console.say(f"{run.path} is as far as {repo_id} or further; nothing was fetched")
    return run.path
