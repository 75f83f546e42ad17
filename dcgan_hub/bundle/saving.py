"""A generator saved as a bundle, with Keras' own files and a sheet of samples beside it."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from dcgan_hub.bundle.folder import sha256_of, write_bundle
from dcgan_hub.bundle.format import BundleFacts, WeightFacts, current_versions
from dcgan_hub.bundle.keras_files import SAMPLES_FILE, remove_keras_files, write_keras_files
from dcgan_hub.bundle.weights import encode_weights
from dcgan_hub.errors import BundleError
from dcgan_hub.images.grids import cannot_write, make_sheet, save_png

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

SAMPLE_SEEDS = range(64)


def save_bundle(generator: "Generator", network: keras.Model, folder: Path, half_precision: bool) -> Path:
    """Writes the files and returns the folder, see `Generator.save_pretrained`; `network` is the generator's."""
    weights = encode_weights(network, half_precision)
    facts = generator.facts or BundleFacts(network=generator.settings, class_names=generator.class_names)
    facts = dataclasses.replace(
        facts,
        weights=WeightFacts(dtype="F16" if half_precision else "F32", sha256=sha256_of(weights)),
        versions=facts.versions or current_versions(),
    )
    try:
        write_bundle(folder, facts, weights)
        if half_precision:
            remove_keras_files(folder)
        else:
            write_keras_files(network, folder)
    except OSError as error:
        raise BundleError(str(cannot_write(folder, error))) from error
    # The samples must show the rounding. Not `from_pretrained`: in a run directory it loads the run's generator.
    saved = generator.from_bundle(folder, generator.name) if half_precision else generator
    text = {"seeds": "0-63", "weights": f"sha256:{sha256_of(weights)}"}
    save_png(make_sheet(saved.generate(SAMPLE_SEEDS), columns=8, scale=1), folder / SAMPLES_FILE, text)
    return folder
