"""The model card: the README.md of a published generator, made from the bundle's facts and the files beside it.

The facts are untrusted, since a downloaded bundle can be pushed again. So every string in them is truncated, cleaned
and escaped before it becomes Markdown, and goes into the front matter only through a YAML writer.
"""

import functools
import hashlib
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dcgan_hub.bundle.description import describe_facts, object_or_empty
from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.keras_files import KERAS_FILES, keras_download_code, keras_drawing_code
from dcgan_hub.bundle.markdown import MAX_ITEMS, escaped, listed, one_line
from dcgan_hub.bundle.origin import FIELD as ORIGIN_FIELD
from dcgan_hub.bundle.origin import OriginFacts
from dcgan_hub.bundle.reproduction import run_settings, training_command
from dcgan_hub.console import rough_duration
from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.hub.names import check_repo_id, check_revision
from dcgan_hub.settings_fields import format_image_size

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

UNKNOWN_LICENSE = "unknown"
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
INDEXED_METRICS = {"fid": "FID", "kid": "KID", "precision": "Precision", "recall": "Recall"}
METRIC_TITLES = INDEXED_METRICS | {"seam_ratio": "seam ratio"}
PLOTS = {
    "run/plots/losses.png": "Losses of both networks over the steps",
    "run/plots/accuracy.png": "Accuracy of the discriminator over the steps",
    "run/plots/quality.png": "Distance between generated and real images over the steps",
}
SEAL = re.compile(r"<!-- dcgan-hub card sha256:([0-9a-f]{64}) -->\s*\Z")
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=False,  # the card is Markdown, not HTML; the filter `escaped` is used instead
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {
    "duration": functools.partial(rough_duration, in_words=True),
    "escaped": escaped,
    "listed": listed,
    "training_command": training_command,
}


def make_card(
    facts: BundleFacts, repo_id: str, files: Collection[str], *, licence: str | None = None, tag: str | None = None
) -> str:
    """Returns the model card of a repository, the text of its README.md; a pure function of its arguments.

    It uses those values of `facts.training` that `dcgan-hub train` writes, and `metrics_protocol`, an object of plain
    values; any of them may be missing. `files` are the paths in the repository; the card describes only these. Without
    a `licence` it names that of the images, if the generator that the run started from has the same; else "unknown".

    Raises:
        SettingsError: for a name, tag or licence that the Hub does not allow.
    """
    check_repo_id(repo_id)
    if tag is not None:
        check_revision(tag)
    origin = OriginFacts.from_dict(facts.training.get(ORIGIN_FIELD))
    chosen = _default_license(facts, origin) if licence is None else check_license(licence)
    content = TEMPLATES.get_template("card.md.jinja").render(
        metadata=_metadata(facts, origin, repo_id, files, chosen).to_yaml(),
        origin=origin,
        title=repo_id.partition("/")[2],
        repo_id=repo_id,
        tag=tag,
        licence=chosen,
        files=files,
        has_keras_files=set(KERAS_FILES) <= set(files),
        keras_download=keras_download_code(repo_id, "commit"),
        keras_drawing=keras_drawing_code(facts.network),
        network=facts.network,
        dataset=facts.dataset,
        known=describe_facts(facts),
        size=format_image_size(facts.network.image_size),
        plots=[(name, text) for name, text in PLOTS.items() if name in files],
        metrics=[(METRIC_TITLES.get(name, name), value) for name, value in facts.metrics.items()][:MAX_ITEMS],
        protocol=[f"{name} {value}" for name, value in _protocol(facts).items()],
        settings=run_settings(facts),
    )
    content += "\n"
    return f"{content}<!-- dcgan-hub card sha256:{_digest(content)} -->\n"


def is_unedited_card(text: str) -> bool:
    r"""Whether a text is a card written by `make_card` and not edited since.

    Line endings changed to \r\n, as git does on Windows, do not count as an edit.
    """
    unified = text.replace("\r\n", "\n")
    seal = SEAL.search(unified)
    return seal is not None and seal[1] == _digest(unified[: seal.start()])


def check_license(licence: Any) -> str:
    """Returns a licence as the Hub spells it, such as "cc0-1.0"; raises SettingsError if its form is invalid.

    Only the form is checked, since only the Hub knows the list.
    """
    text = licence.lower() if isinstance(licence, str) else ""
    if not LICENSE.fullmatch(text):
        raise SettingsError(
            "`licence` must be an identifier from the Hub's list: letters, digits, dots and dashes. "
            f"Received: {shorten(licence)!r}. Try cc0-1.0, cc-by-4.0, mit or other."
        )
    return text


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()


def _default_license(facts: BundleFacts, origin: OriginFacts | None) -> str:
    given = {facts.dataset.licence if facts.dataset else None} | ({origin.licence} if origin else set())
    licence = (given.pop() or UNKNOWN_LICENSE).lower() if len(given) == 1 else UNKNOWN_LICENSE
    return licence if LICENSE.fullmatch(licence) else UNKNOWN_LICENSE


def _metadata(
    facts: BundleFacts, origin: OriginFacts | None, repo_id: str, files: Collection[str], licence: str
) -> "ModelCardData":
    """The YAML front matter, which the Hub uses to index and display the model."""
    from huggingface_hub import EvalResult, ModelCardData

    task = "unconditional-image-generation"
    dataset = facts.dataset
    hub_id = dataset.hub_id if dataset else None
    dataset_name = one_line(dataset.short_name) if dataset else "unknown"
    results = [
        EvalResult(
            task_type=task,
            dataset_type=hub_id or dataset_name,
            dataset_name=dataset_name,
            metric_type=name,
            metric_name=INDEXED_METRICS[name],
            metric_value=facts.metrics[name],
            metric_args=_protocol(facts) or None,
        )
        for name in INDEXED_METRICS
        if name in facts.metrics
    ]
    tags = ["dcgan", "gan", "keras", "dcgan-hub"]
    if any(".tfevents." in name for name in files):
        tags.append("tensorboard")
    return ModelCardData(
        library_name="keras",
        pipeline_tag=task,
        license=licence,
        tags=tags,
        datasets=[hub_id] if hub_id else None,
        base_model=origin.hub_id if origin else None,
        model_name=repo_id.partition("/")[2] if results else None,
        eval_results=results or None,
    )


def _protocol(facts: BundleFacts) -> dict[str, str | int | float]:
    """How the metrics were measured: plain values by name."""
    given = list(object_or_empty(facts.training.get("metrics_protocol")).items())[:MAX_ITEMS]
    plain = {name: value for name, value in given if isinstance(value, str | int | float)}
    return {one_line(name): one_line(value) if isinstance(value, str) else value for name, value in plain.items()}
