"""Publishing during training: the options of `train.py`, the check of the account before, and the report after."""

import argparse
import shlex
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcgan_hub.commands.push import (
    CARD_HELP,
    CHECKPOINT_BRANCH_HELP,
    CHECKPOINTS_HELP,
    LICENSE_HELP,
    PRIVATE_HELP,
    checkpoint_branch_of,
    describe_published,
)
from dcgan_hub.console import shell_word
from dcgan_hub.errors import DcganHubError, HubUnavailable, SettingsError

if TYPE_CHECKING:
    from dcgan_hub.console import Console
    from dcgan_hub.publishing.background import BackgroundPush
    from dcgan_hub.publishing.settings import PushSettings
    from dcgan_hub.runs.directory import RunDirectory

MAX_LOOK_SECONDS = 20.0  # for the check of the account, so that a slow Hub does not delay a run


def add_publishing(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Adds the options; the others require the first one, `--push-to-hub`."""
    group = parser.add_argument_group("publishing (log in first: `hf auth login`, or HF_TOKEN)")
    add = group.add_argument
    return [
        add("--push-to-hub", metavar="USER/NAME", help="publish the generator there when the run ends"),
        add("--private", action="store_true", default=None, help=PRIVATE_HELP),
        add("--push-every", type=int, metavar="STEPS", help="also publish during training, at checkpoints STEPS apart"),
        add("--push-checkpoints", action="store_true", help=CHECKPOINTS_HELP),
        add("--checkpoint-branch", metavar="NAME", help=CHECKPOINT_BRANCH_HELP),
        add("--license", metavar="ID", help=LICENSE_HELP),
        add("--overwrite-card", action="store_true", help=CARD_HELP),
        add(
            "--resume-from",
            metavar="hf://USER/NAME[@BRANCH]",
            help="resume a run whose checkpoints another machine pushed",
        ),
    ]


def push_settings(arguments: argparse.Namespace) -> "PushSettings | None":
    """The settings given by the options; None if nothing is to be pushed."""
    if arguments.push_to_hub is None:
        names = ("private", "push_every", "push_checkpoints", "checkpoint_branch", "license", "overwrite_card")
        given = [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]
        if given:
            raise SettingsError(
                f"{given[0]} requires --push-to-hub. Received: it alone. Add --push-to-hub user/name, or leave it out."
            )
        return None
    if arguments.push_every is not None and arguments.push_every < 1:
        raise SettingsError(
            f"`--push-every` must be 1 or more steps. Received: {arguments.push_every}. Try --push-every 1000."
        )
    from dcgan_hub.bundle.card import check_license
    from dcgan_hub.bundle.publication import Target
    from dcgan_hub.hub.names import SCHEME
    from dcgan_hub.publishing.settings import PushSettings

    if arguments.license is not None:
        check_license(arguments.license)
    return PushSettings(
        target=Target(
            repo_id=arguments.push_to_hub.removeprefix(SCHEME),
            private=arguments.private,
            overwrite_card=arguments.overwrite_card,
        ),
        licence=arguments.license,
        every=arguments.push_every,
        checkpoint_branch=checkpoint_branch_of(arguments),
    )


def examine_before_images(settings: "PushSettings", console: "Console") -> bool:
    """Checks whether pushing will be allowed, without changing anything, before the images are prepared.

    Raises HubError if pushing would be refused. If the Hub does not respond, it only prints a warning and returns
    False.
    """
    from dcgan_hub.bundle.publication import examine_target
    from dcgan_hub.hub.transport import limit_waiting
    from dcgan_hub.publishing.checkpoint_branch import refuse_foreign_branch

    def examine() -> None:
        examine_target(settings.target)
        if settings.checkpoint_branch is not None:
            refuse_foreign_branch(settings.target.repo_id, settings.checkpoint_branch, settings.target.token)

    limit_waiting()
    return _look(examine, console)


def prepare_before_training(settings: "PushSettings", console: "Console") -> None:
    """Creates the repository after the images were prepared; otherwise like `examine_before_images`."""
    from dcgan_hub.bundle.publication import prepare_repository

    _look(lambda: prepare_repository(settings.target), console)


def _look(action: Callable[[], None], console: "Console") -> bool:
    errors: list[Exception] = []

    def look() -> None:
        try:
            action()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=look, name="look at the Hub", daemon=True)
    thread.start()
    thread.join(MAX_LOOK_SECONDS)
    if errors and not isinstance(errors[0], HubUnavailable):
        raise errors[0]
    if errors or thread.is_alive():
        reason = errors[0] if errors else f"The Hub did not answer within {MAX_LOOK_SECONDS:g} seconds."
        console.warn(f"It could not be checked whether pushing will work: {reason} Training starts anyway.")
        return False
    return True


def finish_pushing(push: "BackgroundPush", console: "Console") -> None:
    """Pushes the finished run; if that fails, prints how to do it later."""
    target = push.settings.target
    try:
        console.say(f"pushing to {target.repo_id} ... (Ctrl-C cancels)")
        console.say(describe_published(push.finish(), target).rstrip("\n"))
    except (DcganHubError, OSError) as error:
        reason = str(error)
    except KeyboardInterrupt:
        reason = "Ctrl-C was received."
    else:
        return
    console.warn(
        f"The run is complete in '{push.run.path}', but it was not pushed: {reason}\n"
        f"push it later with:\n  {push_command(push.run, push.settings)}"
    )


def push_command(run: "RunDirectory", settings: "PushSettings") -> str:
    """The command that pushes a run with the same options as its training."""
    from dcgan_hub.publishing.checkpoint_branch import BRANCH
    from dcgan_hub.training.reporting.summary import console_command

    words = [settings.target.repo_id]
    words += ["--private"] if settings.target.private else []
    words += ["--license", settings.licence] if settings.licence else []
    words += ["--overwrite-card"] if settings.target.overwrite_card else []
    if settings.checkpoint_branch is not None:
        words += ["--push-checkpoints"]
        words += ["--checkpoint-branch", settings.checkpoint_branch] if settings.checkpoint_branch != BRANCH else []
    return f"{console_command()} push {shell_word(run.path)} {shlex.join(words)}"
