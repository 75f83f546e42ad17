"""A published generator draws the same images whatever backend Keras has: ours and plain Keras, in fresh processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.bundle.generator import Generator

# The second part is what strangers run without this package; see docs/bundle-format.md.
PROGRAM = """
import sys
import keras, numpy as np
from dcgan_hub.bundle.generator import Generator

ours = Generator.from_pretrained("avatars").generate(range(16))
saved = Generator.from_pretrained(sys.argv[1]).generate(range(16))

network = keras.saving.load_model(sys.argv[1])
latents = np.stack([np.random.RandomState(seed).standard_normal(128) for seed in range(16)]).astype("float32")
pixels = np.asarray(network.predict_on_batch(latents))
plain = np.clip(np.rint((pixels + 1) * 127.5), 0, 255).astype("uint8")

np.savez(sys.argv[2], ours=ours, saved=saved, plain=plain)
print(keras.backend.backend())
"""


@pytest.fixture(scope="module")
def embedded() -> Generator:
    return Generator.from_pretrained("avatars")


def test_jax_draws_the_images_that_tensorflow_draws(embedded, tmp_path):
    pytest.importorskip("jax")
    bundle = embedded.save_pretrained(tmp_path / "bundle")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, bundle, tmp_path / "images.npz"],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.split() == ["jax"]

    expected = embedded.generate(range(16)).astype(int)
    assert expected.std() > 20, "flat images would be equal anyway"
    with np.load(tmp_path / "images.npz") as images:
        for way in ("ours", "saved", "plain"):
            np.testing.assert_allclose(images[way].astype(int), expected, atol=1, err_msg=way)
