"""Publishes a run or a bundle from the disk."""

import tempfile
from pathlib import Path

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.keras_files import PAGE_FILE
from dcgan_hub.bundle.publication import Published, Target, publish_folder
from dcgan_hub.errors import HubError
from dcgan_hub.publishing.checkpoints import lay_out_checkpoint, publish_checkpoint
from dcgan_hub.publishing.repository import lay_out
from dcgan_hub.publishing.settings import with_message
from dcgan_hub.runs.directory import RunDirectory


def push(
    name: str,
    bundle: Path,
    target: Target,
    licence: str | None = None,
    checkpoint_branch: str | None = None,
    with_page: bool = False,
) -> Published:
    """Publishes a generator, and the record of its run if the bundle is in a run directory.

    With `with_page` the repository also gets the page of `Generator.save_page`, and the card a link to it.

    The generator is loaded and saved again, so that the published bundle is known to load, includes Keras' files even
    if the original has none, and is consistent even while the run continues. With `checkpoint_branch`, the
    newest checkpoint of the run is pushed to that branch.

    Raises:
        BundleError: if the bundle cannot be loaded, or is too large for a page.
        RunError: if a checkpoint is to be published, but there is none.
        HubError: if the Hub refuses; HubUnavailable if a later attempt may succeed. Nothing was changed.
    """
    generator = Generator.from_bundle(bundle, name)
    run = RunDirectory(bundle.parent)
    is_run = bundle.resolve() == run.generator.resolve() and run.exists
    with tempfile.TemporaryDirectory() as temporary:
        folder, checkpoint = Path(temporary) / "repository", Path(temporary) / "checkpoint"
        try:
            saved = generator.save_pretrained(Path(temporary) / "bundle")
            folder.mkdir()
            if with_page:
                generator.save_page(folder / PAGE_FILE)
            lay_out(folder, target.repo_id, saved, run if is_run else None, licence=licence, tag=target.tag)
            if checkpoint_branch is not None:
                lay_out_checkpoint(checkpoint, run)
        except OSError as error:
            raise HubError(
                f"A push needs disk space for a copy of its files. Received: {error.strerror or error} ({temporary}). "
                "Free some space, or choose another folder with TMPDIR."
            ) from error
        published = publish_folder(folder, with_message(target, generator.facts))
        if checkpoint_branch is not None:
            publish_checkpoint(checkpoint, target.repo_id, checkpoint_branch, target.token)
        return published
