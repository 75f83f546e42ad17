"""What a generator draws where the kernels are others: with older vector units, without oneDNN, with more threads.

Processors with fewer abilities are had by telling the libraries to use less, each in a process of its own.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from dcgan_hub.bundle.generator import Generator

PROGRAM = """
import sys
import numpy as np
from dcgan_hub.bundle.generator import Generator

generators = [Generator.from_pretrained(path) for path in sys.argv[2:]]
images = {}
for number, generator in enumerate(generators):
    seeds = list(range(45))
    together = generator.generate(seeds)
    for others in (
        np.concatenate([generator.generate([seed]) for seed in seeds]),
        np.concatenate([generator.generate(seeds[start : start + 7]) for start in range(0, 45, 7)]),
        generator.generate(seeds[::-1])[::-1],
    ):
        np.testing.assert_array_equal(others, together)
    images[f"images_{number}"], images[f"latents_{number}"] = together, generator.latents(seeds)
np.savez(sys.argv[1], **images)
"""
SETTINGS = {
    "oneDNN for SSE 4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN for AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "Eigen": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "three threads": {"TF_NUM_INTRAOP_THREADS": "3"},
}
MAX_FRACTION = 1e-3  # of bytes that differ; docs/decisions/0020 has 68 in a million at most


@pytest.fixture(scope="module")
def generators(make_generator, tmp_path_factory) -> dict[str, Generator]:
    wide = make_generator(image_size=(50, 34), filters=24, max_filters=48, generator_normalization="modulated")
    folder = wide.save_pretrained(tmp_path_factory.mktemp("wide"))
    return {"avatars": Generator.from_pretrained("avatars"), str(folder): wide}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_images_hold_to_themselves_there_and_nearly_to_those_of_here(setting, generators, tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "images.npz", *generators],
        env=os.environ | setting, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]

    with np.load(tmp_path / "images.npz") as there:
        for number, generator in enumerate(generators.values()):
            np.testing.assert_array_equal(there[f"latents_{number}"], generator.latents(range(45)))
            here = generator.generate(range(45)).astype(int)
            differences = np.abs(there[f"images_{number}"].astype(int) - here)
            assert here.std() > 20, "flat images would be equal anyway"
            assert differences.max() <= 1
            assert np.mean(differences > 0) < MAX_FRACTION
