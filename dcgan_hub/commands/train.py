"""`dcgan-hub train`, also run by `train.py`: parses the settings, shows them, and starts the training."""

import argparse
import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_hub.commands.models import MODEL_HELP
from dcgan_hub.commands.publishing import (
    add_publishing,
    examine_before_images,
    finish_pushing,
    prepare_before_training,
    push_settings,
)
from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.keras_startup import BACKENDS, import_keras_quietly
from dcgan_hub.presets import PRESETS
from dcgan_hub.settings import SECTIONS, DataSettings
from dcgan_hub.settings_fields import option_of, settable_fields

if TYPE_CHECKING:
    from dcgan_hub.console import Console
    from dcgan_hub.publishing.settings import PushSettings
    from dcgan_hub.training.plan import Plan

SUMMARY = "train an image generator (DCGAN) on a folder of images, or resume the run that is there"
EXAMPLES = """\
python train.py --data ./anime --minutes 60     # Ctrl-C stops and saves; the same command resumes
python train.py --minutes 5                     # the embedded drawings of faces
python train.py --data ./anime --dry-run        # shows all settings, the networks' sizes and an estimate of the time
python train.py --data ./anime --image-size 96x64 --run runs/tall
python train.py --data ./anime --start-from anna/faces-dcgan    # begins with its weights
python train.py --data ./anime --push-to-hub anna/anime-dcgan    # publishes the generator at the end
python train.py --data ./anime --config anime.toml    # --dry-run prints settings in the form that --config reads"""

GROUPS = {"data": "data", "network": "network (set by the preset; for experiments)", "training": "training"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds one option per setting, the common ones first; none has a default, so that presets can apply.

    `--help` shows the common options and `--push-to-hub`, `--help-all` shows all.
    """
    parser.usage = "%(prog)s [--data DATA] [--minutes X] [options]"
    hidden: dict[argparse.Action, str | None] = {}
    parser.add_argument(
        "--help-all", action=_HelpAll, hidden=hidden,
        help="show all options: networks, losses, augmentation, reports, publishing",
    )  # fmt: skip
    common = parser.add_argument_group("common options")
    _add_setting(common, "data")
    split = common.add_argument("--split", metavar="NAME", help="split of a Hub dataset [train, or else the first]")
    common.add_argument("--run", type=Path, metavar="DIR", help="run directory [runs/NAME_OF_DATA]")
    common.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        metavar="NAME",
        help=f"base settings: {', '.join(PRESETS)} [chosen from the images]",
    )
    common.add_argument("--start-from", metavar="MODEL", help=f"begin with the weights of a generator: {MODEL_HELP}")
    for name in COMMON:
        if name != "data":
            _add_setting(common, name)
    common.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings, as --dry-run prints them")
    common.add_argument(
        "-n", "--dry-run", action="store_true", help="show settings, data and an estimate of the time, without training"
    )
    common.add_argument("-q", "--quiet", action="store_true", help="print warnings only")
    keep_images = parser.add_argument_group("resuming").add_argument(
        "--keep-images", action="store_true",
        help="resume with the images the run was started with, from the cache, though --data has changed since",
    )  # fmt: skip
    backend = parser.add_argument_group("device").add_argument(
        "--backend", choices=("auto", *BACKENDS), default="auto", metavar="|".join(("auto", *BACKENDS)),
        help="Keras' backend; auto: torch (PyTorch) if it alone can use a GPU or is installed, else tensorflow",
    )  # fmt: skip
    rare = [split, keep_images, backend, *add_publishing(parser)[1:]]
    for section in SECTIONS:
        names = [item.name for item in settable_fields(section) if item.name not in COMMON]
        if names:
            group = parser.add_argument_group(GROUPS[section.section])
            rare += [_add_setting(group, name) for name in names]
    hidden |= {action: action.help for action in rare}
    for action in rare:
        action.help = argparse.SUPPRESS


class _HelpAll(argparse.Action):
    """Prints the help including the options that `--help` hides."""

    def __init__(self, hidden: dict[argparse.Action, str | None], **options: Any) -> None:
        super().__init__(nargs=0, **options | {"dest": argparse.SUPPRESS, "default": argparse.SUPPRESS})
        self.hidden = hidden

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        for action, text in self.hidden.items():
            action.help = text
        parser.print_help()
        parser.exit()


FIELDS = {item.name: item for section in SECTIONS for item in settable_fields(section)}
COMMON = tuple(name for name, item in FIELDS.items() if item.metadata.get("common"))


def _add_setting(group: Any, name: str) -> argparse.Action:
    item = FIELDS[name]
    limits = item.metadata
    option = option_of(item)
    about = limits["help"].replace("%", "%%") + (f" (in --config: {name})" if "option" in limits else "")
    if item.type is bool:
        boolean = argparse.BooleanOptionalAction
        return group.add_argument(option, dest=name, action=boolean, help=about, default=None)
    choices = limits.get("choices")
    # An image size is parsed later, by code whose error names the nearest valid one.
    kind = str if name == "image_size" else _accepted_type(item)
    default = "" if item.default is None or name in ("image_size", "channels") else f" [{_shown(item.default)}]"
    if default and any(name in row for row in PRESETS.values()):
        default = default.replace("]", ", or by preset]")
    return group.add_argument(
        option,
        dest=name,
        type=kind,
        choices=choices,
        metavar=limits.get("metavar") or ("|".join(map(str, choices)) if choices else _metavar(kind)),
        help=about + default,
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
    if arguments.split is not None:
        from dcgan_hub.images.sources.detection import with_split

        arguments.data = with_split(arguments.data or DataSettings().data, arguments.split)
    values = {name: getattr(arguments, name) for name in (*FIELDS, "preset")}
    given = {name: value for name, value in values.items() if value is not None}

    from dcgan_hub.console import Console
    from dcgan_hub.training.distributed.cluster import read_cluster

    cluster = read_cluster()
    if cluster is not None and arguments.resume_from is not None:
        raise SettingsError(
            f"--resume-from fetches a run to one machine. Received: {len(cluster.workers)} workers in TF_CONFIG. "
            "Fetch the run first, on one machine without TF_CONFIG, to a disk that all workers share."
        )
    is_chief = cluster is None or cluster.is_chief  # only the chief writes, publishes and prints
    arguments.quiet = arguments.quiet or not is_chief
    console = Console(quiet=arguments.quiet)
    pushing = push_settings(arguments)
    if arguments.dry_run or not is_chief:
        pushing = None
    answered = pushing is not None and examine_before_images(pushing, console)
    if arguments.resume_from is not None:
        arguments.run = _fetch(arguments, console)
    plan = _plan(arguments, given)
    if pushing is not None and answered:
        prepare_before_training(pushing, console)

    import_keras_quietly()  # only now, so that invalid options are reported at once
    if arguments.dry_run:
        _show(plan)
    else:
        _train(plan, console, pushing)
    return 0


def _plan(arguments: argparse.Namespace, given: dict[str, Any]) -> "Plan":
    from dcgan_hub.bundle.source import is_hub_model
    from dcgan_hub.training.plan import make_plan

    if arguments.start_from is not None and is_hub_model(arguments.start_from):
        from dcgan_hub.hub.transport import limit_waiting

        limit_waiting()
    try:
        return make_plan(
            arguments.run, arguments.config, given,
            show_progress=not arguments.quiet, keep_images=arguments.keep_images, backend=arguments.backend,
            start_from=arguments.start_from,
        )  # fmt: skip
    except DataError as error:
        if arguments.resume_from is None or "data" in given:
            raise
        raise DataError(
            f"The images of a run are not stored on the Hub. Received: --resume-from without --data, and they were not "
            f"found by their name: {error} Repeat the command with the path of the images as --data."
        ) from error


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
    """Downloads the run from the Hub to its run directory."""
    from dcgan_hub.hub.names import parse_model

    repo_id, branch = parse_model(arguments.resume_from)
    if arguments.dry_run:
        raise SettingsError(
            "--resume-from writes a run directory, but --dry-run writes nothing. Received: both. Leave one out."
        )
    import_keras_quietly()
    from dcgan_hub.hub.transport import limit_waiting
    from dcgan_hub.publishing.checkpoint_branch import BRANCH
    from dcgan_hub.publishing.checkpoints import fetch_run
    from dcgan_hub.runs.directory import RunDirectory

    limit_waiting()
    run = RunDirectory(arguments.run or Path("runs") / repo_id.partition("/")[2])
    if fetch_run(repo_id, run, branch or BRANCH):
        console.say(f"fetched the run of {repo_id} to {run.path}")
    else:
        console.say(f"{run.path} is not behind {repo_id}; nothing was fetched")
    return run.path
