"""The model card: the README.md of a published generator, made from the bundle's facts and the files beside it.

The facts may be a stranger's, of a bundle that is pushed on, so every text of theirs is cut, cleaned and escaped before
it becomes Markdown, and goes into the front matter through a YAML writer only.
"""

import hashlib
import json
import re
import urllib.parse
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.keras_files import KERAS_FILES
from dcgan_hub.bundle.markdown import (
    MAX_ITEMS,
    count,
    counted,
    duration,
    escaped,
    listed,
    one_line,
    plain_object,
    plain_text,
    speed,
    table,
)
from dcgan_hub.bundle.reproduction import run_settings, training_command
from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.hub.names import check_repo_id, check_revision
from dcgan_hub.settings_fields import format_image_size

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

UNKNOWN_LICENSE = "unknown"
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
INDEXED_METRICS = {"fid": "FID", "kid": "KID", "precision": "Precision", "recall": "Recall"}
SEAL = re.compile(r"<!-- dcgan-hub card sha256:([0-9a-f]{64}) -->\s*\Z")


def make_card(
    facts: BundleFacts, repo_id: str, files: Collection[str], *, licence: str | None = None, tag: str | None = None
) -> str:
    """Writes the model card of a repository.

    Args:
        facts: of the bundle. Of `facts.training` the card uses what `dcgan-hub train` notes there, and
            `metrics_protocol`, an object of plain values; anything may be missing.
        repo_id: user/name.
        files: names of the files in the repository, folders before them with "/". The card speaks of what is there.
        licence: see `check_license`; None: that of the images, else "unknown".
        tag: that the commit will get.

    Returns:
        The text of README.md, the same for the same arguments.

    Raises:
        SettingsError: for a name, tag or licence that the Hub does not allow.
    """
    check_repo_id(repo_id)
    if tag is not None:
        check_revision(tag)
    chosen = _image_license(facts) if licence is None else check_license(licence)
    sections = [
        f"---\n{_metadata(facts, repo_id, files, chosen).to_yaml()}\n---",
        f"# {escaped(repo_id.partition('/')[2])}",
        _opening(facts),
        _pictures(files),
        _loading(facts, repo_id, files, tag),
        _facts_table(facts),
        _course(files),
        _metrics(facts),
        _reproduction(facts),
        _limits(facts),
        _licence(facts, chosen),
    ]
    content = "\n\n".join(section for section in sections if section) + "\n\n"
    return f"{content}<!-- dcgan-hub card sha256:{_digest(content)} -->\n"


def is_unedited_card(text: str) -> bool:
    r"""Whether a text is a card that `make_card` wrote and nobody has edited since.

    Line ends may have become \r\n, as git makes them on Windows: that is no edit.
    """
    unified = text.replace("\r\n", "\n")
    seal = SEAL.search(unified)
    return seal is not None and seal[1] == _digest(unified[: seal.start()])


def check_license(licence: Any) -> str:
    """Returns a licence as the Hub spells it, such as "cc0-1.0" or "mit"; the Hub alone knows which ones there are.

    Raises:
        SettingsError: if it cannot be one.
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


def _image_license(facts: BundleFacts) -> str:
    given = (facts.dataset.licence if facts.dataset else None) or UNKNOWN_LICENSE
    return given.lower() if LICENSE.fullmatch(given.lower()) else UNKNOWN_LICENSE


def _metadata(facts: BundleFacts, repo_id: str, files: Collection[str], licence: str) -> "ModelCardData":
    """The front matter, by which the Hub finds and shows the model."""
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
        model_name=repo_id.partition("/")[2] if results else None,
        eval_results=results or None,
    )


def _opening(facts: BundleFacts) -> str:
    text = (
        "A small [DCGAN](https://arxiv.org/abs/1511.06434): it turns a seed, a whole number, into "
        f"{_kind(facts)} image of {format_image_size(facts.network.image_size)} pixels. One seed is one image."
    )
    if facts.dataset:
        images = counted(facts.dataset.count, "image")
        text += f" It learned from {images} of the data set {escaped(facts.dataset.short_name)}."
    return text


def _kind(facts: BundleFacts) -> str:
    return {1: "a grey", 3: "a colour", 4: "a colour and transparency"}[facts.network.channels]


def _pictures(files: Collection[str]) -> str:
    lines = []
    if "samples.png" in files:
        lines += ["![The images of seeds 0 to 63, eight in a row](samples.png)"]
    if "timelapse.webp" in files:
        lines += ["The same seeds while it learned:", "![From the first step to the last](timelapse.webp)"]
    return "\n\n".join(lines)


def _loading(facts: BundleFacts, repo_id: str, files: Collection[str], tag: str | None) -> str:
    """Code that runs as it stands, each block alone; each leaves uint8 `images`, and some a picture."""
    name, (height, width) = f'"{repo_id}"', facts.network.image_size
    row = "images" if facts.network.channels > 1 else "images[..., 0]"
    save = f'Image.fromarray(np.hstack({row})).save("seeds-0-to-15.png")'
    shape = f"uint8 (16, {height}, {width}, {facts.network.channels})"
    parts = [
        "## Load it",
        "With the Python package `dcgan-hub`, in one line:",
        _python(
            "import numpy as np\nfrom PIL import Image\n\nfrom dcgan_hub import Generator\n\n"
            f"images = Generator.from_pretrained({name}).generate(seeds=range(16))  # {shape}\n{save}"
        ),
        "That reads two files, `dcgan.json` and `model.safetensors`: checked JSON and plain numbers. Nothing in this "
        "repository is run.",
        "What stands here may change. To get the same images for ever, note the commit and load exactly that:",
        _python(
            "from huggingface_hub import HfApi\n\nfrom dcgan_hub import Generator\n\n"
            f"commit = HfApi().model_info({name}).sha  # 40 hexadecimal digits to keep\n"
            f"images = Generator.from_pretrained({name}, revision=commit).generate(seeds=range(16))"
        ),
    ]
    if tag is not None:
        code = f"Generator.from_pretrained({name}, revision={json.dumps(tag)}).generate(seeds=range(16))"
        parts += [
            "This state also has a name, a tag:",
            _python(f"from dcgan_hub import Generator\n\nimages = {code}"),
        ]
    if set(KERAS_FILES) <= set(files):
        parts += _keras_loading(repo_id, facts.network.latent_dim, save)
    return "\n\n".join(parts)


def _keras_loading(repo_id: str, latent_dim: int, save: str) -> list[str]:
    draw = (
        f"latents = np.stack([np.random.RandomState(seed).standard_normal({latent_dim}) for seed in range(16)])\n"
        'pixels = network.predict_on_batch(latents.astype("float32"))\n'
        'images = np.clip(np.rint((pixels + 1) * 127.5), 0, 255).astype("uint8")\n'
        f"{save}"
    )
    imports, wanted = "import keras\nimport numpy as np\n", json.dumps(list(KERAS_FILES))
    return [
        "Without that package, with Keras 3.15 or newer and TensorFlow:",
        _python(f'{imports}from PIL import Image\n\nnetwork = keras.saving.load_model("hf://{repo_id}")\n{draw}'),
        "The same for one commit, which any backend of Keras can do:",
        _python(
            f"{imports}from huggingface_hub import HfApi, snapshot_download\nfrom PIL import Image\n\n"
            f'commit = HfApi().model_info("{repo_id}").sha  # 40 hexadecimal digits to keep\n'
            f"files = {wanted}\n"
            f'folder = snapshot_download("{repo_id}", revision=commit, allow_patterns=files)\n'
            f"network = keras.saving.load_model(folder)\n{draw}"
        ),
        "`load_model` trusts the files that it opens, as `dcgan-hub` does not: use it where you trust the owner.",
    ]


def _facts_table(facts: BundleFacts) -> str:
    training, dataset, network = facts.training, facts.dataset, facts.network
    hub_id = dataset.hub_id if dataset and dataset.hub_id else ""
    steps, batch = count(training.get("step")), counted(training.get("batch_size"), "image")
    channels = counted(network.channels, "channel")
    rows = [
        ("Learned from", f"{escaped(dataset.short_name)}, {counted(dataset.count, 'image')}" if dataset else ""),
        ("Data set on the Hub", _dataset_link(hub_id) if hub_id else ""),
        ("Fingerprint of the prepared images", escaped(dataset.fingerprint) if dataset else ""),
        ("Images", f"{format_image_size(network.image_size)} pixels (height x width), {channels}"),
        ("Latent vector", counted(network.latent_dim, "number")),
        ("Parameters of the generator", f"{network.generator_parameters:,}"),
        ("Parameters of the discriminator", count(plain_object(training.get("parameters")).get("discriminator"))),
        ("Steps", steps and f"{steps}{f', of {batch} each' if batch else ''}"),
        ("Images seen", count(training.get("images_seen"))),
        ("Time", duration(training.get("seconds"))),
        ("Images per second", speed(training.get("images_per_second"))),
        ("Hardware", _hardware(plain_object(training.get("hardware")))),
        ("Precision", plain_text(training.get("precision"))),
        ("Preset", plain_text(training.get("preset"))),
        ("Saved with", listed(f"{name} {version}" for name, version in facts.versions.items())),
    ]
    return f"## Facts\n\n{table(('fact', 'value'), rows)}"


def _dataset_link(hub_id: str) -> str:
    return f"[{escaped(hub_id)}](https://huggingface.co/datasets/{urllib.parse.quote(hub_id)})"


def _hardware(hardware: dict[str, Any]) -> str:
    gpus = hardware.get("gpus")
    texts = [hardware.get("processor"), counted(hardware.get("cores"), "core")]
    texts += [*(gpus if isinstance(gpus, list) else []), hardware.get("system")]
    return listed(text for text in texts if isinstance(text, str) and text)


def _course(files: Collection[str]) -> str:
    plots = {
        "run/plots/losses.png": "Losses of both networks over the steps",
        "run/plots/accuracy.png": "How often the discriminator was right, over the steps",
        "run/plots/quality.png": "Distance of generated to real images, over the steps",
    }
    shown = [f"![{text}]({name})" for name, text in plots.items() if name in files]
    return "\n\n".join(["## How it learned", *shown]) if shown else ""


def _metrics(facts: BundleFacts) -> str:
    if not facts.metrics:
        return ""
    measured = list(facts.metrics.items())[:MAX_ITEMS]
    rows = [(INDEXED_METRICS.get(name) or escaped(name), f"{value:.6g}") for name, value in measured]
    protocol = listed(f"{name} {value}" for name, value in _protocol(facts).items())
    ending = f"How it was measured: {protocol}." if protocol else "How it was measured is not noted."
    return f"## Measured\n\n{table(('measure', 'value'), rows)}\n\n{ending}"


def _protocol(facts: BundleFacts) -> dict[str, str | int | float]:
    """How the metrics were measured: plain values by name."""
    given = plain_object(facts.training.get("metrics_protocol"))
    plain = {name: value for name, value in given.items() if isinstance(value, str | int | float)}
    return {one_line(name): one_line(value) if isinstance(value, str) else value for name, value in plain.items()}


def _reproduction(facts: BundleFacts) -> str:
    settings = run_settings(facts)
    if settings is None:
        return ""
    named = facts.dataset is not None and facts.dataset.hub_id is not None
    source = "" if named else " A folder or file behind `--data` is not in this repository."
    return (
        f"## Train it again\n\n```bash\n{training_command(settings)}\n```\n\n"
        "The same images (see the fingerprint), settings and versions give the same weights: on the same processor to "
        f"the last bit, on GPUs untested.{source}\n\n"
        "<details>\n<summary>All settings, as a file for <code>--config</code></summary>\n\n"
        f"```toml\n{settings.to_toml()}```\n\n</details>"
    )


def _limits(facts: BundleFacts) -> str:
    return (
        "## What it cannot do\n\n"
        "- It draws the kind of image that it learned from, and nothing else. It cannot be told what to draw: a seed "
        "picks an image, and neighbouring seeds have nothing in common.\n"
        f"- It is small, and {format_image_size(facts.network.image_size)} pixels are few: many images have flaws, and "
        "some kinds of training images may never come up.\n"
        "- What its training images lack or show too often, it lacks or shows too often. An image may resemble one of "
        "them closely, the more so the fewer they were; look before you publish one."
    )


def _licence(facts: BundleFacts, chosen: str) -> str:
    given = facts.dataset.licence if facts.dataset else None
    images = (
        f"The images it learned from have the licence {escaped(given)}."
        if given
        else "The licence of the images it learned from is not known."
    )
    own = f"This model is published under the licence {escaped(chosen)}."
    if chosen == UNKNOWN_LICENSE:
        own = "The licence of this model is unknown: its owner has named none, so ask before you use it."
    return f"## Licence\n\n{own} {images}"


def _python(code: str) -> str:
    return f"```python\n{code}\n```"
