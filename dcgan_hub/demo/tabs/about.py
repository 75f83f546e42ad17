"""The About tab: facts about the selected generator, its origin, and code that uses it."""

import json
from typing import Any

import gradio as gr

from dcgan_hub.bundle.description import describe_facts
from dcgan_hub.bundle.folder import EMBEDDED
from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.keras_files import keras_download_code, keras_drawing_code
from dcgan_hub.console import rough_duration
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.html import escaped, note, table
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.tabs.event_options import SILENT, Updates
from dcgan_hub.demo.tabs.widgets import add_code
from dcgan_hub.errors import DcganHubError
from dcgan_hub.hub.names import is_commit, names_model, parse_model
from dcgan_hub.runs.untrusted import text

LOCAL = ("runs/", "model/")  # prefixes of the names of generators on this machine
CHECKPOINT = "@step-"  # before the step, in the name of a checkpoint
MAX_ITEMS = 16  # of untrusted metrics, versions and GPUs
MEASURES = {
    "kid": "KID (lower is better)",
    "fid": "FID (lower is better)",
    "precision": "precision",
    "recall": "recall",
    "seam_ratio": "seam ratio (1 is ideal)",
}

EXPLANATION = """\
<h2 class='run-title'>One seed, one image</h2>
<p>Seed 7 here is seed 7 on the command line, in Python, and next year. A seed becomes a list of random numbers, and the
generator turns these numbers into an image.</p>"""


def describe(facts: BundleFacts) -> dict[str, str]:
    """The known facts of a generator by name, as short plain texts, not escaped."""
    known, dataset, (height, width) = describe_facts(facts), facts.dataset, facts.network.image_size
    metrics = list(facts.metrics.items())[:MAX_ITEMS]
    tiles = ", seamless tiles" if facts.network.seamless else ""
    palette = f", palette of {facts.network.palette_size} colors" if facts.network.palette_size else ""
    rows = {
        "images": f"{height} × {width} pixels, {known.channels} ({known.kind})" + tiles + palette,
        "latent vector": known.latent_vector,
        "classes": _classes(known.classes, known.class_names),
        "parameters of the generator": known.generator_parameters,
        "parameters of the discriminator": known.discriminator_parameters,
        "learned from": _joined([dataset.short_name, known.dataset_images]) if dataset else "",
        "dataset on the Hub": (dataset.hub_id or "") if dataset else "",
        "license of the images": (text(dataset.licence, 80) or "unknown") if dataset else "unknown",
        "steps": known.steps,
        "images seen": known.images_seen,
        "time of training": rough_duration(known.seconds) if known.seconds else "",
        "images a second": known.images_per_second,
        "hardware": _joined(known.hardware),
        **{MEASURES.get(name) or text(name, 40): f"{value:.4g}" for name, value in metrics},
        "weights": f"{facts.weights.dtype}, SHA-256 {facts.weights.sha256[:12]}…" if facts.weights else "",
        "saved with": _joined(known.versions),
    }
    return {name: value for name, value in rows.items() if value}


def _classes(count: str, names: list[str]) -> str:
    """The number of classes, and the names of the first ones."""
    more = ", …" if len(names) > MAX_ITEMS else ""
    return f"{count}: {_joined(names[:MAX_ITEMS])}{more}" if names else ""


def repository_of(name: str, revision: str) -> tuple[str, str] | None:
    """Repository and commit of a generator on the Hub, or None for one on this machine."""
    if name.startswith(LOCAL) or not is_commit(revision) or not names_model(name):
        return None
    return parse_model(name)[0], revision


def code_for(name: str, repository: tuple[str, str] | None) -> str:
    """Python code that generates images with this package, at the revision that is shown."""
    imports, call = "from dcgan_hub import Generator", ""
    if repository:
        call = f"Generator.from_pretrained({_literal(repository[0])}, revision={_literal(repository[1])})"
    elif name.startswith("runs/") and CHECKPOINT in name:
        run, _, step = name.rpartition(CHECKPOINT)
        imports = (
            "from pathlib import Path\n\nfrom dcgan_hub.runs.checkpoint_generator import load_checkpoint_generator"
        )
        call = f"load_checkpoint_generator(Path({_literal(run)}), {int(step)})"
    else:
        call = f"Generator.from_pretrained({_literal(name if name == EMBEDDED else name.removeprefix('model/'))})"
    return f"{imports}\n\ngenerator = {call}\nimages = generator.generate(seeds=range(16))  # uint8 (16, H, W, C)"


def keras_code_for(repository: tuple[str, str], facts: BundleFacts) -> str:
    """Python code that generates the same images with Keras alone; empty for float16 weights, which it cannot load."""
    if facts.weights is None or facts.weights.dtype != "F32":
        return ""
    repo_id, commit = repository
    return f"""\
import keras
import numpy as np
from huggingface_hub import snapshot_download

{keras_download_code(repo_id, _literal(commit))}
network = keras.saving.load_model(folder)  # unlike dcgan-hub, it trusts the files: use it only if you trust the owner
{keras_drawing_code(facts.network)}"""


def about(registry: ModelRegistry, name: Any) -> tuple[str, str, str]:
    """The contents of the tab for a generator.

    Returns:
        The facts as HTML, the code, and the code with Keras alone, or "" if there is none. If a generator cannot be
        read, the error replaces its facts.
    """
    if not name:
        return note("No generator yet."), "", ""
    try:
        facts, revision = registry.facts(name), registry.revision(name)
    except DcganHubError as error:
        return note(explanation(error), "run-problem"), "", ""
    repository = repository_of(name, revision)
    title = f"<h2 class='run-title'>{escaped(name)}</h2>{_link(repository) if repository else ''}"
    keras_code = keras_code_for(repository, facts) if repository else ""
    return title + table(describe(facts).items()), code_for(name, repository), keras_code


def add_about_tab(registry: ModelRegistry, model: gr.Dropdown, tab: gr.Tab) -> None:
    """Adds the contents of `tab`, which show the generator selected in `model`."""

    def show(model: str | None) -> Updates:
        html, text, keras_text = about(registry, model)
        return {
            facts: html,
            code: {"label": "With dcgan-hub", "code": text},
            keras_code: {"label": "With Keras alone", "code": keras_text},
        }

    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=1, min_width=300):
            facts = gr.HTML(min_height=420, elem_id="facts")
        with gr.Column(scale=1, min_width=300):
            gr.HTML(EXPLANATION, elem_id="facts-explanation")
            code, keras_code = add_code("code"), add_code("keras-code")
    gr.on([tab.select, model.change], show, model, [facts, code, keras_code], **SILENT)


def _link(repository: tuple[str, str]) -> str:
    """A link to the repository at its commit, built only from checked names and the URL of the Hub in use."""
    from huggingface_hub import constants

    address = f"{constants.ENDPOINT}/{repository[0]}/tree/{repository[1]}"
    return (
        f"<p class='note'><a href='{escaped(address)}' target='_blank' rel='noopener noreferrer'>{repository[0]} on "
        f"the Hub</a>, commit {repository[1][:8]}, with the model card and license.</p>"
    )


def _literal(value: str) -> str:
    """Any text as a Python string literal; above U+FFFF, JSON's escapes are not Python's."""
    return json.dumps(value) if value.isascii() else repr(value)


def _joined(texts: list[str]) -> str:
    """The first 16 of untrusted texts, truncated."""
    return ", ".join(text(item, 80) for item in texts[:MAX_ITEMS])
