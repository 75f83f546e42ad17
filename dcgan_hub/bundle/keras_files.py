"""Keras' own folder format beside the bundle, so that plain `keras.saving.load_model` can open it.

This package writes these files but never reads them, nor the other three named here. Keras is imported lazily, since
the file names are used by code that runs without it.
"""

import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.atomic_files import TEMPORARY_PREFIX, flush_to_disk
from dcgan_hub.network_settings import NetworkSettings

if TYPE_CHECKING:
    import keras

# The weights come last: while they are missing, Keras rejects the folder instead of using random weights.
KERAS_FILES = ("metadata.json", "config.json", "model.weights.h5")
SAMPLES_FILE = "samples.png"
CARD_FILE = "README.md"
MAX_CARD_BYTES = 1_000_000
PAGE_FILE = "page.html"  # of `Generator.save_page`


def write_keras_files(network: "keras.Model", folder: Path) -> None:
    """Replaces Keras' three files one by one, each whole or not at all."""
    import keras

    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder))
    try:
        with warnings.catch_warnings():
            # Keras 3.15 converts TensorFlow variables to arrays in a way that NumPy 2 deprecates.
            warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
            keras.saving.save_model(network, temporary, zipped=False)
        for name in KERAS_FILES:
            flush_to_disk(temporary / name)
            (temporary / name).replace(folder / name)
        flush_to_disk(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_keras_files(folder: Path) -> None:
    """Removes the files of an earlier bundle, which do not match the new weights."""
    for name in KERAS_FILES:
        (folder / name).unlink(missing_ok=True)


def keras_download_code(repo_id: str, revision: str) -> str:
    """Python code that downloads Keras' files of a repository to `folder`; `revision` is a Python expression."""
    return (
        f"files = {json.dumps(list(KERAS_FILES))}\n"
        f"folder = snapshot_download({json.dumps(repo_id)}, revision={revision}, allow_patterns=files)"
    )


def keras_drawing_code(settings: NetworkSettings) -> str:
    """Python code that computes the `images` of seeds 0 to 15 with `network`, by the rules in `dcgan.json`."""
    classes, inputs = "", 'latents.astype("float32")'
    if settings.classes:
        draw = f"int(np.random.RandomState([seed, 1]).random_sample() * {settings.classes})"
        classes = f'classes = np.array([{draw} for seed in range(16)], "int32")\n'
        inputs = f"[{inputs}, classes]"
    return f"""\
latents = np.stack([np.random.RandomState(seed).standard_normal({settings.latent_dim}) for seed in range(16)])
{classes}pixels = network.predict_on_batch({inputs})
images = np.clip(np.rint((pixels + 1) * 127.5), 0, 255).astype("uint8")"""
