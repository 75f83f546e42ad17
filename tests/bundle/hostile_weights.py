"""Bundles whose model.safetensors is damaged or made to harm."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hostile_bundles import ATTACKS, FACTS, MISSING, TEN_GIGABYTES, WEIGHTS, Attack, attack, change, change_network

from dcgan_hub.bundle.format import BundleFacts, WeightFacts
from dcgan_hub.bundle.weights import weights_file_bytes
from dcgan_hub.settings import NetworkSettings


def pack(header: object, data: bytes) -> bytes:
    """A safetensors file by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def unpack(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put_weights(bundle: Path, content: bytes) -> None:
    """Lays the weights, and their SHA-256 into the facts: whoever makes a hostile file can do that, too."""
    (bundle / WEIGHTS).write_bytes(content)
    change(bundle, "weights", "sha256", value=hashlib.sha256(content).hexdigest())


def weights_attack(reason: str) -> Callable[[Callable[[dict[str, Any], bytes], bytes]], None]:
    """Registers a function from header and data to another file."""

    def register(damage: Callable[[dict[str, Any], bytes], bytes]) -> None:
        def spoil(bundle: Path) -> None:
            put_weights(bundle, damage(*unpack((bundle / WEIGHTS).read_bytes())))

        ATTACKS[f"weights: {damage.__name__.replace('_', ' ')}"] = Attack(WEIGHTS, reason, spoil)

    return register


def _register_entries() -> None:
    """Attacks that change one field of one weight's entry in the header."""
    entries: list[tuple[str, str, object, str]] = [
        ("stage_1_enlarge/bias", "dtype", "I32", "in F32. Received: I32"),
        ("stage_1_enlarge/bias", "dtype", "BF16", "in F32. Received: BF16"),
        ("stage_1_enlarge/bias", "dtype", ["F32"], "in F32. Received: "),
        ("stage_1_enlarge/bias", "dtype", {"F32": None}, "in F32. Received: "),
        ("stage_1_enlarge/bias", "code", "x", "unknown code"),
        ("stage_1_enlarge/bias", "shape", MISSING, "without shape"),
        ("project/kernel", "shape", [2**40, 2**40], "`project/kernel` of shape"),
        ("project/kernel", "shape", [2**62, 2**62, 2**62], "`project/kernel` of shape"),
        ("project/kernel", "shape", [-8, -360], "`project/kernel` of shape"),
        ("project/kernel", "shape", [360, 8], "`project/kernel` of shape"),
        ("project/kernel", "shape", [8.0, 360], "valid safetensors header. Received: .*floating point `8.0`"),
        ("project/kernel", "shape", [1] * 5000, "`project/kernel` of shape"),
        ("project/kernel", "shape", "8x360", "`project/kernel` of shape"),
        (
            "project/kernel",
            "data_offsets",
            [0, 2**62],
            "valid safetensors header. Received: invalid shape, data type, or offset",
        ),
        ("project/kernel", "data_offsets", [-4, 11516], "valid safetensors header. Received: .*integer `-4`"),
        ("project/kernel", "data_offsets", [0.0, 11520], "valid safetensors header. Received: .*floating point `0.0`"),
        ("project/kernel", "data_offsets", [False, True], "valid safetensors header. Received: .*boolean `false`"),
        (
            "project/kernel",
            "data_offsets",
            [2**62, 2**62 + 11520],
            "valid safetensors header. Received: invalid offset",
        ),
        ("project/kernel", "data_offsets", [0], "valid safetensors header. Received: .*invalid length 1"),
        ("project/kernel", "data_offsets", None, "valid safetensors header. Received: .*invalid type: null"),
    ]
    for weight, field, value, reason in entries:

        def spoil(bundle: Path, weight: str = weight, field: str = field, value: object = value) -> None:
            header, data = unpack((bundle / WEIGHTS).read_bytes())
            if value is MISSING:
                del header[weight][field]
            else:
                header[weight][field] = value
            put_weights(bundle, pack(header, data))

        shown = "missing" if value is MISSING else str(value)[:40]
        ATTACKS[f"weights: {weight} {field} {shown}"] = Attack(WEIGHTS, reason, spoil)


_register_entries()


@weights_attack("valid safetensors header. Received: incomplete metadata, file not fully covered")
def cut_short_by_its_author(header: dict[str, Any], data: bytes) -> bytes:
    return pack(header, data[:-4])


@weights_attack("valid safetensors header. Received: incomplete metadata, file not fully covered")
def trailing_bytes(header: dict[str, Any], data: bytes) -> bytes:
    return pack(header, data + b"\0\0\0\0")


@weights_attack("valid safetensors header. Received: invalid offset for tensor `stage_1_enlarge/kernel`")
def overlapping_ranges(header: dict[str, Any], data: bytes) -> bytes:
    start = header["stage_2_normalize/beta"]["data_offsets"][0]
    header["stage_1_enlarge/bias"]["data_offsets"] = [start, start + 12]
    return pack(header, data)


@weights_attack("valid safetensors header. Received: invalid offset for tensor `project/kernel`")
def a_gap_between_ranges(header: dict[str, Any], data: bytes) -> bytes:
    for entry in header.values():
        entry["data_offsets"] = [offset + 4 for offset in entry["data_offsets"]]
    return pack(header, b"code" + data)


@weights_attack("without stage_1_enlarge/bias and with the unknown stage_1_enlarge/code")
def a_renamed_weight(header: dict[str, Any], data: bytes) -> bytes:
    header["stage_1_enlarge/code"] = header.pop("stage_1_enlarge/bias")
    return pack(header, data)


@weights_attack("without stage_1_enlarge/bias")
def a_missing_weight(header: dict[str, Any], data: bytes) -> bytes:
    del header["stage_1_enlarge/bias"]
    return pack(header, data)


@weights_attack(r"with the unknown \?\[1mextra")
def an_extra_weight_of_no_values(header: dict[str, Any], data: bytes) -> bytes:
    header["\x1b[1mextra"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(data), len(data)]}
    return pack(header, data)


@weights_attack("`project/kernel` without data_offsets, dtype, shape")
def an_entry_that_is_no_object(header: dict[str, Any], data: bytes) -> bytes:
    header["project/kernel"] = [0, 1]
    return pack(header, data)


@weights_attack("`project/kernel` without data_offsets, dtype, shape")
def an_entry_as_a_list_of_its_values(header: dict[str, Any], data: bytes) -> bytes:
    header["project/kernel"] = [header["project/kernel"][name] for name in ("dtype", "shape", "data_offsets")]
    return pack(header, data)


@weights_attack("finite weights. Received: NaN or infinity in `project/kernel`")
def infinity(header: dict[str, Any], data: bytes) -> bytes:
    start = header["project/kernel"]["data_offsets"][0]
    return pack(header, data[:start] + np.float32(np.inf).tobytes() + data[start + 4 :])


@weights_attack("finite weights. Received: NaN or infinity in `project/kernel`")
def not_a_number_at_the_end(header: dict[str, Any], data: bytes) -> bytes:
    end = header["project/kernel"]["data_offsets"][1]
    return pack(header, data[: end - 4] + np.float32(np.nan).tobytes() + data[end:])


@weights_attack("header that fits the file. Received: a header of 9,223,372,036,854,775,808 bytes")
def a_header_of_absurd_length(header: dict[str, Any], data: bytes) -> bytes:
    return struct.pack("<Q", 2**63) + pack(header, data)[8:]


@weights_attack("header that fits the file. Received: a header of 0 bytes")
def a_header_of_length_zero(header: dict[str, Any], data: bytes) -> bytes:
    return struct.pack("<Q", 0) + pack(header, data)[8:]


@weights_attack("header that fits the file")
def a_header_longer_than_the_file(header: dict[str, Any], data: bytes) -> bytes:
    content = pack(header, data)
    return struct.pack("<Q", len(content) - 7) + content[8:]


@weights_attack("header that fits the file. Received: a header of 1,000,001 bytes")
def a_header_beyond_the_cap(header: dict[str, Any], data: bytes) -> bytes:
    return pack(b" " * 1_000_001, data[:-20])


@weights_attack("must be JSON")
def a_header_of_something_else(header: dict[str, Any], data: bytes) -> bytes:
    return pack(b"\x80\x04cos\nsystem\n(S'true'\ntR.", data)


@weights_attack("must be a JSON object")
def a_header_that_is_a_list(header: dict[str, Any], data: bytes) -> bytes:
    return pack([], data)


@weights_attack("'project/kernel' occurs twice")
def a_name_twice_in_the_header(header: dict[str, Any], data: bytes) -> bytes:
    twice = json.dumps({"project/kernel": header["project/kernel"]})[:-1] + ","
    return pack(json.dumps(header).replace("{", twice, 1).encode(), data)


@weights_attack("without project/kernel")
def an_empty_header(header: dict[str, Any], data: bytes) -> bytes:
    return pack({}, data)


@weights_attack("valid safetensors header. Received: .*integer `1`, expected a string")
def metadata_that_is_no_text(header: dict[str, Any], data: bytes) -> bytes:
    return pack({"__metadata__": {"format": 1}} | header, data)


@attack(WEIGHTS, "bytes for its network. Received: 0")
def empty_weights(bundle: Path) -> None:
    put_weights(bundle, b"")


@attack(WEIGHTS, "must have the SHA-256.*Received: 18,619 bytes.*truncated")
def weights_cut_by_a_download(bundle: Path) -> None:
    (bundle / WEIGHTS).write_bytes((bundle / WEIGHTS).read_bytes()[:-1])


@attack(WEIGHTS, "must have the SHA-256")
def one_bit_flipped(bundle: Path) -> None:
    content = bytearray((bundle / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (bundle / WEIGHTS).write_bytes(content)


@attack(WEIGHTS, "in F32. Received: F16")
def half_precision_where_full_is_declared(bundle: Path) -> None:
    header, data = unpack((bundle / WEIGHTS).read_bytes())
    header["project/kernel"] |= {"dtype": "F16"}
    put_weights(bundle, pack(header, data))


@attack(WEIGHTS, "to 1,0[0-9,]+ bytes for its network. Received: 10,737,418,240")
def weights_of_ten_gigabytes(bundle: Path) -> None:
    os.truncate(bundle / WEIGHTS, TEN_GIGABYTES)


@attack(WEIGHTS, "must have the SHA-256")
def ten_gigabytes_that_wait(bundle: Path) -> None:
    (bundle / WEIGHTS).write_bytes((bundle / WEIGHTS).read_bytes() + b"x")
    (bundle / ".model.safetensors.next").touch()
    os.truncate(bundle / ".model.safetensors.next", TEN_GIGABYTES)


@attack(WEIGHTS, "must have the SHA-256")
def zeros_as_many_as_the_largest_network_has(bundle: Path) -> None:
    settings = NetworkSettings(image_size=(64, 64), filters=256, max_filters=4096, depth=4, kernel_size=5)
    facts = BundleFacts(network=settings, weights=WeightFacts(dtype="F32", sha256="0" * 64))
    (bundle / FACTS).write_bytes(facts.to_json())
    os.truncate(bundle / WEIGHTS, weights_file_bytes(settings, "F32")[1])


@attack(WEIGHTS, "for its network. Received: 18,620")
def a_large_network_with_small_weights(bundle: Path) -> None:
    change_network(bundle, image_size=[64, 64], depth=4, filters=256, max_filters=2048)


@attack(WEIGHTS, "no such file|No such file")
def no_weights(bundle: Path) -> None:
    (bundle / WEIGHTS).unlink()
