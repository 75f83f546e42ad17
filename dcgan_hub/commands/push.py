"""`dcgan-hub push`: publishes a run or a bundle on the Hugging Face Hub."""

import argparse
import sys
from typing import TYPE_CHECKING

from dcgan_hub.commands.models import add_model
from dcgan_hub.errors import SettingsError
from dcgan_hub.keras_startup import import_keras_quietly

if TYPE_CHECKING:
    from dcgan_hub.bundle.publication import Published, Target

SUMMARY = "publish a generator on the Hugging Face Hub, with its model card and the record of its run"
EXAMPLES = """\
dcgan-hub push runs/anime anna/anime-dcgan
dcgan-hub push runs/anime anna/anime-dcgan --private --tag v1 --license cc-by-4.0"""
LICENSE_HELP = "license of the model, by its identifier on the Hub, such as cc-by-4.0 [that of the images, if known]"
PRIVATE_HELP = "make the repository visible to you only"
CARD_HELP = "overwrite the model card even if it was edited on the Hub"
PAGE_HELP = "also push a page that draws its images in any browser, and link to it on the model card"
CHECKPOINTS_HELP = "also push the newest checkpoint, for `train.py --resume-from`"
CHECKPOINT_BRANCH_HELP = "branch for checkpoints: a new one, or one that an earlier push has made [checkpoint]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("repository", metavar="REPOSITORY", help="user/name on the Hub; created if it does not exist")
    parser.add_argument("--private", action="store_true", default=None, help=PRIVATE_HELP)
    parser.add_argument(
        "--tag", metavar="NAME", help="name of this version, such as v1, by which it can be loaded permanently"
    )
    parser.add_argument("--license", metavar="ID", help=LICENSE_HELP)
    parser.add_argument("--branch", metavar="NAME", default="main", help="branch to push to [main]")
    parser.add_argument("--message", metavar="TEXT", help="commit message [names the step]")
    parser.add_argument("--create-pr", action="store_true", help="open a pull request instead of pushing to the branch")
    parser.add_argument("--overwrite-card", action="store_true", help=CARD_HELP)
    parser.add_argument("--page", action="store_true", help=PAGE_HELP)
    parser.add_argument("--push-checkpoints", action="store_true", help=CHECKPOINTS_HELP)
    parser.add_argument("--checkpoint-branch", metavar="NAME", help=CHECKPOINT_BRANCH_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Publishes the generator and prints how to load it."""
    from dcgan_hub.bundle.card import check_license
    from dcgan_hub.bundle.publication import Target, examine_target
    from dcgan_hub.bundle.source import fetch_bundle
    from dcgan_hub.hub.account import require_token
    from dcgan_hub.hub.transport import limit_waiting
    from dcgan_hub.publishing.checkpoint_branch import refuse_foreign_branch

    target = Target(
        repo_id=arguments.repository, branch=arguments.branch, private=arguments.private, message=arguments.message,
        create_pr=arguments.create_pr, tag=arguments.tag, overwrite_card=arguments.overwrite_card,
    )  # fmt: skip
    checkpoint_branch = checkpoint_branch_of(arguments, target.branch)
    if arguments.license is not None:
        check_license(arguments.license)
    limit_waiting()
    require_token(target.repo_id)
    name, bundle = fetch_bundle(arguments.run, arguments.revision)
    if not target.create_pr:  # a pull request needs no write permission
        examine_target(target)
    if checkpoint_branch is not None:
        refuse_foreign_branch(target.repo_id, checkpoint_branch)
    import_keras_quietly()  # only now, so that errors are reported at once
    from huggingface_hub.utils import disable_progress_bars

    from dcgan_hub.publishing.push import push

    if not sys.stderr.isatty():  # progress bars would clutter a log file
        disable_progress_bars()

    sys.stdout.write(f"pushing {name} to {target.repo_id} ...\n")
    sys.stdout.flush()
    published = push(name, bundle, target, arguments.license, checkpoint_branch, arguments.page)
    sys.stdout.write(describe_published(published, target))
    return 0


def checkpoint_branch_of(arguments: argparse.Namespace, generator_branch: str = "main") -> str | None:
    """The branch that the options name for checkpoints; None if they are not to be pushed."""
    from dcgan_hub.publishing.checkpoint_branch import BRANCH, check_checkpoint_branch

    if arguments.push_checkpoints:
        return check_checkpoint_branch(arguments.checkpoint_branch or BRANCH, generator_branch)
    if arguments.checkpoint_branch is not None:
        raise SettingsError(
            "--checkpoint-branch requires --push-checkpoints. Received: it alone. Add --push-checkpoints, or leave it "
            "out."
        )
    return None


def describe_published(published: "Published", target: "Target") -> str:
    """Where the generator is and how to load it, as lines that can be copied."""
    from dcgan_hub.training.reporting.summary import console_command

    commit, command, repo_id = published.commit, console_command(), target.repo_id
    lines = [f"published {commit.url} at commit {commit.oid}" + (f", tag {target.tag}" if target.tag else "")]
    if published.card_kept:
        lines.append("its model card was edited on the Hub and was kept; --overwrite-card replaces it")
    fixed = f'Generator.from_pretrained("{repo_id}", revision="{target.tag or commit.oid}")  # always this version'
    if target.create_pr:
        return "\n".join([*lines, "next:", f"  {fixed}", "  merge the pull request on its page"]) + "\n"
    newest = f'"{repo_id}"' if target.branch == "main" else f'"{repo_id}", revision="{target.branch}"'
    name = repo_id if target.branch == "main" else f"{repo_id}@{target.branch}"
    lines += [
        "next:",
        f"  Generator.from_pretrained({newest})  # the newest",
        f"  {fixed}",
        f"  {command} app --model {name}",
        f"  {command} space {repo_id}-demo --model {name}",
    ]
    return "\n".join(lines) + "\n"
