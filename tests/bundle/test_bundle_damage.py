"""Damaged, foreign and hostile bundles are refused with the file and the reason, before anything large is made."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.errors import BundleError
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings


def change(bundle: Path, *path: str, value: object) -> None:
    """Sets one value of dcgan.json; without a value, removes it."""
    document = json.loads((bundle / "dcgan.json").read_text())
    place = document
    for name in path[:-1]:
        place = place[name]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (bundle / "dcgan.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    "path, value, reason",
    [
        (["format_version"], 2, "up to format version 1. Received: 2. Install a newer"),
        (["format_version"], True, "`format_version` must be 1. Received: True"),
        (["format_version"], ..., "`format_version` must be 1. Received: None"),
        (["metrics"], ..., "without metrics"),
        (["extra"], 1, "unknown extra"),
        (["weights", "pickle"], "x", "unknown pickle"),
        (["weights", "dtype"], "F64", "F32 or F16. Received: F64"),
        (["weights", "dtype"], ["F32"], r"F32 or F16. Received: \['F32'\]"),
        (["weights", "sha256"], "abc", "64 hexadecimal digits. Received: abc"),
        (["weights"], None, "`weights` must be an object"),
        (["network"], [], "`network` must be an object"),
        (["network", "filters"], ..., "without filters"),
        (["network", "filters"], 10**9, "`filters` must be 2 to 1024"),
        (["network", "filters"], True, "`filters` must be a whole number"),
        (["network", "image_size"], "18x24", "network.image_size"),
        (["network", "image_size"], [18.5, 24], "`image_size` must be one number"),
        (["network", "image_size"], [10**6, 24], "16 to 256"),
        (["network", "depth"], None, "network.depth"),
        (["latents", "distribution"], "uniform", "`latents` must be"),
        (["pixels", "minimum"], 0, "`pixels` must be"),
        (["metrics", "kid"], float("nan"), "`metrics.kid` must be .* finite"),
        (["metrics", "kid"], "good", "`metrics` must be numbers"),
        (["training", "steps"], 10**30, "`training.steps`"),
        (["versions", "keras"], 3, "`versions` must be texts"),
        (["dataset", "count"], "many", "`count`"),
        (["dataset"], "squares", "`dataset` must be an object"),
    ],
)
def test_wrong_facts_are_explained(golden_bundle, path, value, reason):
    change(golden_bundle, *path, value=value)

    with pytest.raises(BundleError, match=rf"dcgan\.json: .*{reason}"):
        Generator.from_pretrained(golden_bundle)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[1]", "must hold a JSON object. Received: list"),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "must be JSON|short list"),
        (b'{"a": ' + b"9" * 5000 + b"}", "must be JSON"),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', "may have 1,000,000 bytes"),
    ],
    ids=["empty", "binary", "list", "double name", "deep", "long number", "large"],
)
def test_what_is_no_facts_file_is_explained(golden_bundle, content, reason):
    (golden_bundle / "dcgan.json").write_bytes(content)

    with pytest.raises(BundleError, match=rf"dcgan\.json.*({reason})"):
        Generator.from_pretrained(golden_bundle)


def test_absurd_settings_are_refused_before_a_network_is_built(golden_bundle):
    for name, value in {"latent_dim": 4096, "max_filters": 4096, "filters": 1024, "kernel_size": 11}.items():
        change(golden_bundle, "network", name, value=value)

    with pytest.raises(BundleError, match=r"may have 100,000,000 parameters"):
        Generator.from_pretrained(golden_bundle)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"image_size": (28, 28), "channels": 1, "filters": 5},
        {"generator_normalization": "none", "increment": 7, "filters": 8},
        {"upsampling": "resize", "kernel_size": 3, "image_size": (50, 34), "max_filters": 40},
        {"stride": 3, "channels": 4, "generator_normalization": "none", "depth": 1, "image_size": (48, 40)},
    ],
)
def test_parameters_are_counted_without_building(settings):
    network_settings = NetworkSettings(**settings)

    assert network_settings.generator_parameters == build_generator(network_settings).count_params()


def pack(header: dict, data: bytes) -> bytes:
    """A safetensors file by hand."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def unpack(content: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def shorter(header, data):
    return pack(header, data[:-4])


def longer(header, data):
    return pack(header, data + b"\0\0\0\0")


def overlap(header, data):
    bias, gamma = header["stage_1_enlarge/bias"], header["stage_2_normalize/beta"]
    bias["data_offsets"] = [gamma["data_offsets"][0], gamma["data_offsets"][0] + 12]
    return pack(header, data)


def other_dtype(header, data):
    header["stage_1_enlarge/bias"]["dtype"] = "I32"
    return pack(header, data)


def huge_shape(header, data):
    header["project/kernel"]["shape"] = [2**40, 2**40]
    return pack(header, data)


def negative_shape(header, data):
    header["project/kernel"]["shape"] = [-8, -360]
    return pack(header, data)


def turned_shape(header, data):
    header["project/kernel"]["shape"].reverse()
    return pack(header, data)


def other_name(header, data):
    header["stage_1_enlarge/code"] = header.pop("stage_1_enlarge/bias")
    return pack(header, data)


def not_finite(header, data):
    return pack(header, np.float32(np.inf).tobytes() + data[4:])


def long_header(header, data):
    return struct.pack("<Q", 2**63) + pack(header, data)[8:]


def no_header(header, data):
    return b"\0" * 4


def text_header(header, data):
    return struct.pack("<Q", 4) + b"code" + data


def emptied(header, data):
    return pack({}, b"")


@pytest.mark.parametrize(
    "damage, reason",
    [
        (shorter, "bytes of data"),
        (longer, "bytes of data"),
        (overlap, "at byte"),
        (other_dtype, "in F32. Received: I32"),
        (huge_shape, "bytes for `project/kernel`"),
        (negative_shape, "whole numbers for `project/kernel`"),
        (turned_shape, "`project/kernel` of shape"),
        (other_name, "without stage_1_enlarge/bias and with the unknown stage_1_enlarge/code"),
        (not_finite, "finite weights. Received: NaN or infinity"),
        (long_header, "header that fits the file"),
        (no_header, "at least 8 bytes"),
        (text_header, "must be JSON"),
        (emptied, "must have 4,[0-9]+ values. Received: 0"),
    ],
)
def test_damaged_weights_are_explained_even_if_their_sum_is_right(golden_bundle, damage, reason):
    content = damage(*unpack((golden_bundle / "model.safetensors").read_bytes()))
    (golden_bundle / "model.safetensors").write_bytes(content)
    change(golden_bundle, "weights", "sha256", value=hashlib.sha256(content).hexdigest())

    with pytest.raises(BundleError, match=rf"model\.safetensors.*{reason}"):
        Generator.from_pretrained(golden_bundle)


def test_a_cut_or_missing_weights_file_is_explained(golden_bundle):
    weights = golden_bundle / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"model\.safetensors must be.*Received: 18,619 bytes"):
        Generator.from_pretrained(golden_bundle)

    weights.unlink()
    with pytest.raises(BundleError, match=r"model\.safetensors must be.*Received: no file"):
        Generator.from_pretrained(golden_bundle)

    weights.write_bytes(b"\0" * 3_000_000)
    with pytest.raises(BundleError, match=r"model\.safetensors must be.*Received: .* may have 1,0[0-9,]+ bytes"):
        Generator.from_pretrained(golden_bundle)


def test_metadata_of_other_writers_is_harmless(golden_bundle):
    arrays = safetensors.numpy.load_file(golden_bundle / "model.safetensors")
    content = safetensors.numpy.save(arrays, {"format": "np"})
    before = Generator.from_pretrained(golden_bundle).generate([1])
    (golden_bundle / "model.safetensors").write_bytes(content)
    change(golden_bundle, "weights", "sha256", value=hashlib.sha256(content).hexdigest())

    np.testing.assert_array_equal(Generator.from_pretrained(golden_bundle).generate([1]), before)


@pytest.mark.parametrize("training", [{"loss": float("nan")}, {"loss": np.float32(1)}, {1: 2}, {"a": object()}])
def test_facts_that_no_reader_would_take_are_refused_at_once(training):
    with pytest.raises(BundleError, match="Received: "):
        BundleFacts(network=NetworkSettings(), training=training)
