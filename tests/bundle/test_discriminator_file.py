"""The file of a discriminator: its names and shapes, and files that lie about them."""

import json
import struct

import numpy as np
import pytest

from dcgan_hub.bundle.discriminator import (
    DISCRIMINATOR_FILE,
    discriminator_file_bytes,
    discriminator_shapes,
    encode_discriminator,
    read_discriminator,
)
from dcgan_hub.bundle.weights import named_variables
from dcgan_hub.errors import BundleError
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.settings import NetworkSettings

SETTINGS = NetworkSettings(image_size=(16, 16), filters=4)


@pytest.mark.parametrize("deviation", [False, True])
@pytest.mark.parametrize("normalization", ["none", "batch", "spectral"])
def test_names_and_shapes_are_those_of_the_network(normalization, deviation):
    settings = NetworkSettings(
        image_size=(20, 16), channels=1, filters=3, increment=2, dropout=0.2, kernel_size=5, stride=3,
        discriminator_normalization=normalization,
    )  # fmt: skip
    variables = named_variables(build_discriminator(settings, minibatch_stddev=deviation))
    built = {name: tuple(item.shape) for name, item in variables.items() if "seed_generator" not in name}
    assert discriminator_shapes(settings, deviation) == built


def weights(**changes):
    shapes = discriminator_shapes(SETTINGS, False)
    return {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()} | changes


def with_header(change):
    """The file with another header, of the same length in all."""
    content = encode_discriminator(weights())
    (length,) = struct.unpack("<Q", content[:8])
    entries = json.loads(content[8 : 8 + length])
    change(entries)
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


LIES = {
    "a shape of a terabyte": with_header(lambda entries: entries["judge/kernel"].update(shape=[10**12, 1])),
    "another dtype": with_header(lambda entries: entries["judge/kernel"].update(dtype="F16")),
    "a range beyond the end": with_header(lambda entries: entries["judge/bias"].update(data_offsets=[0, 10**15])),
    "a name too many": encode_discriminator(weights(more=np.zeros(1, np.float32))),
    "a name too few": encode_discriminator({name: a for name, a in weights().items() if name != "judge/bias"}),
    "NaN": encode_discriminator(weights(**{"judge/bias": np.full(1, np.nan, np.float32)})),
    "no header": b"\xff" * 5000,
    "an end too early": encode_discriminator(weights())[:-100],
    "two megabytes too many": encode_discriminator(weights()) + bytes(2_000_000),
    "nothing": b"",
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_a_file_that_lies_is_refused_in_one_sentence(content, tmp_path):
    path = tmp_path / DISCRIMINATOR_FILE
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BundleError, match="Received:") as refused:
        read_discriminator(path, SETTINGS, False)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 700


def test_what_was_written_is_read_and_its_size_is_known_before(tmp_path):
    path = tmp_path / DISCRIMINATOR_FILE
    path.parent.mkdir()
    path.write_bytes(encode_discriminator(weights()))
    smallest, largest = discriminator_file_bytes(SETTINGS, False)
    assert smallest <= path.stat().st_size <= largest
    read = read_discriminator(path, SETTINGS, False)
    assert all(np.array_equal(read[name], array) for name, array in weights().items())
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="must be a file in the bundle's own folder"):
        read_discriminator(path, SETTINGS, False)
