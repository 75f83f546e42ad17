"""`dcgan-hub space`: a Space on the Hub that shows generators: static, which is free, or with the Gradio app."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.console import shell_word
from dcgan_hub.errors import SettingsError

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.publishing.space import ShownModel, Space
    from dcgan_hub.publishing.static_space import StaticSpace

SUMMARY = "create a Space that shows models on the Hub: static, which is free, or with the Gradio app"
EXAMPLES = """\
dcgan-hub space anna/faces-demo --model anna/faces --static
dcgan-hub space anna/demo --model anna/faces@v1 --model anna/cats --title "Faces and cats"
dcgan-hub space anna/demo --model anna/faces --to ./space    # only write its files"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.add_argument("space", metavar="SPACE", help="user/name of the Space on the Hub")
    parser.add_argument(
        "--model", action="append", required=True, metavar="MODEL",
        help="user/name or user/name@revision on the Hub; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--static",
        action="store_true",
        help="a static Space, which is free: one page that draws a single model in the visitor's browser",
    )
    parser.add_argument(
        "--embed", action="store_true",
        help="with --static: the page carries the model along; it may also be a run, a bundle folder, or avatars",
    )  # fmt: skip
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit hash, with a single model [main]")
    parser.add_argument("--private", action="store_true", default=None, help="make the Space visible to you only")
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="write the files of the Space to a new folder, without using the network",
    )
    parser.add_argument("--license", metavar="ID", default="mit", help="license of the Space [mit, as this package]")
    parser.add_argument("--title", metavar="TEXT", help="title of the Space [its name]")


def run(arguments: argparse.Namespace) -> int:
    """Writes the Space to a folder or to the Hub."""
    from dcgan_hub.hub.names import check_repo_id
    from dcgan_hub.hub.transport import limit_waiting
    from dcgan_hub.publishing.space import Space, find_model, publish_space, write_space

    check_repo_id(arguments.space)
    if arguments.static:
        return _run_static(arguments)
    if arguments.embed:
        raise SettingsError("`--embed` is for static Spaces. Received: --embed without --static. Add --static.")
    models = _wanted_models(arguments)
    limit_waiting()
    if arguments.to is None:
        models = [find_model(model.repo_id, model.revision) for model in models]
    space = Space(arguments.space, tuple(models), arguments.title, arguments.license)
    if arguments.to is not None:
        write_space(arguments.to, space)
        sys.stdout.write(_words_on_the_folder(space, arguments.to))
    else:
        sys.stdout.write(_words_on_the_hub(space, publish_space(space, private=arguments.private)))
    return 0


def _run_static(arguments: argparse.Namespace) -> int:
    from dcgan_hub.publishing.space import publish_space, write_space
    from dcgan_hub.publishing.static_space import WHAT_IT_COSTS

    if len(arguments.model) > 1:
        raise SettingsError(
            f"A static Space shows one model. Received: {', '.join(arguments.model)}. Give one; visitors reach other "
            "public ones by ?model=user/name in its address."
        )
    space = _embedding_space(arguments) if arguments.embed else _loading_space(arguments)
    if arguments.to is not None:
        write_space(arguments.to, space)
        place = shell_word(arguments.to)
        lines = [
            f"Wrote the static Space {space.repo_id} to {arguments.to}.",
            f"Try it: python -m http.server --directory {place}",
            f"Publish it: the same command without --to, or `hf upload {space.repo_id} {place} --type space`.",
        ]
    else:
        url = publish_space(space, private=arguments.private)
        lines = [f"The static Space is at {url}. Run this command again to show a newer commit."]
    sys.stdout.write("\n".join([*lines, f"{WHAT_IT_COSTS}."]) + "\n")
    return 0


def _embedding_space(arguments: argparse.Namespace) -> "StaticSpace":
    """A Space whose page holds the weights of any model that can be loaded here."""
    from dcgan_hub.bundle.source import is_hub_model
    from dcgan_hub.commands.models import load_model
    from dcgan_hub.hub.names import parse_model
    from dcgan_hub.publishing.static_space import StaticSpace, draw_thumbnail, embedding_page

    arguments.run = arguments.model[0]
    generator = load_model(arguments)
    return StaticSpace(
        arguments.space,
        embedding_page(generator),
        model=parse_model(arguments.run)[0] if is_hub_model(arguments.run) else None,
        thumbnail=draw_thumbnail(generator),
        title=arguments.title,
        licence=arguments.license,
    )


def _loading_space(arguments: argparse.Namespace) -> "StaticSpace":
    """A Space whose page loads a public model from the Hub; one that goes there is checked and pinned to its commit."""
    from dcgan_hub.publishing.space import find_model
    from dcgan_hub.publishing.static_space import StaticSpace, draw_thumbnail, loading_page

    (model,) = _wanted_models(arguments)
    thumbnail = None
    if arguments.to is None:
        model = find_model(model.repo_id, model.revision)
        if not model.public:
            raise SettingsError(
                "A static Space loads its model as every visitor can. Received: "
                f"{model.repo_id}, to which access is restricted. Add --embed, which copies it into the Space."
            )
        arguments.run, arguments.revision = f"hf://{model.name}", None
        thumbnail = draw_thumbnail(_small_enough(arguments))
    page = loading_page(arguments.space, arguments.title, model)
    return StaticSpace(arguments.space, page, model.repo_id, thumbnail, arguments.title, arguments.license)


def _small_enough(arguments: argparse.Namespace) -> "Generator":
    """The generator of the arguments; raises BundleError if a page cannot draw it."""
    from dcgan_hub.commands.models import load_model
    from dcgan_hub.pages.limits import check_fits_page

    generator = load_model(arguments)
    check_fits_page(generator.settings)
    return generator


def _wanted_models(arguments: argparse.Namespace) -> "list[ShownModel]":
    """The models as given; in a public Space they are assumed to be public until the Hub has been queried."""
    from dcgan_hub.hub.names import parse_model
    from dcgan_hub.publishing.space import ShownModel

    wanted = [parse_model(text) for text in arguments.model]
    if arguments.revision is not None:
        if len(wanted) > 1 or wanted[0][1] is not None:
            raise SettingsError(
                f"`--revision` requires a single --model without a revision. Received: --revision {arguments.revision} "
                f"with {', '.join(arguments.model)}. Write user/name@revision instead."
            )
        wanted = [(wanted[0][0], arguments.revision)]
    return [ShownModel(repo_id, revision, public=not arguments.private) for repo_id, revision in wanted]


def _words_on_the_folder(space: "Space", folder: Path) -> str:
    from dcgan_hub.hub.names import is_commit
    from dcgan_hub.publishing.space import WHO_MAY_HAVE_ONE

    lines = [f"Wrote the Space {space.repo_id} to {folder}."]
    following = [model.name for model in space.models if not is_commit(model.revision)]
    if following:
        lines.append(f"At each start it loads the newest {', '.join(following)}; to pin one, give a commit after @.")
    place = shell_word(folder)
    lines += [
        f"Try it: cd {place} && pip install -r requirements.txt && python app.py",
        f"Publish it: the same command without --to, or `hf upload {space.repo_id} {place} --type space`.",
        f"{WHO_MAY_HAVE_ONE}.",
    ]
    return "\n".join(lines) + "\n"


def _words_on_the_hub(space: "Space", url: str) -> str:
    from dcgan_hub.publishing.space import WHO_MAY_HAVE_ONE

    lines = [
        f"The Space is at {url}; the Hub is building it, which takes a few minutes.",
        f"It shows {', '.join(model.name for model in space.models)}. Run this command again to show a newer commit.",
    ]
    private = [model.repo_id for model in space.models if not model.public]
    if private:
        lines.append(
            f"Access to {', '.join(private)} is restricted: the Space needs a token with read access, as the secret "
            f"HF_TOKEN at {url}/settings. This command does not store any token there."
        )
    lines.append(f"{WHO_MAY_HAVE_ONE}.")
    return "\n".join(lines) + "\n"
