"""Files of a few kilobytes that declare gigabytes inside are refused before anything is unpacked."""

import gzip
import io
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest
from PIL import Image, PngImagePlugin

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.decoding import decode
from dcgan_hub.images.sources import parquet_pages, tables
from dcgan_hub.images.sources.detection import open_source
from dcgan_hub.images.sources.readers import RejectedFile
from dcgan_hub.runs.untrusted import decode_picture

MEBIBYTE = 2**20
MEMORY = 700 * MEBIBYTE  # of the process that reads all of them, imports included
LARGE = 100 * MEBIBYTE
READ_ALL = r"""
import re, resource, sys, tempfile
from pathlib import Path
from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.detection import open_source
resource.setrlimit(resource.RLIMIT_FSIZE, (2**27, 2**27))
for path in map(Path, sys.argv[1:]):
    for read in (lambda source, folder: source.listing(folder), lambda source, folder: list(source.samples(4))):
        with tempfile.TemporaryDirectory() as folder:
            try:
                read(open_source(path), Path(folder))
                print(path.name, "was read")
            except DataError as error:
                print(path.name, "refused:", error)
print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def npy(shape: tuple[int, ...], dtype: str = "uint8", content: bytes = b"") -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape})
    return header.getvalue() + content


def npz(path: Path, content: bytes, method: int, member: str = "images.npy") -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(member, content)
    return path


def tables_of(folder: Path) -> list[Path]:
    zeros = pa.py_buffer(bytes(LARGE))
    cell = pa.BinaryArray.from_buffers(pa.binary(), 1, [None, pa.py_buffer(struct.pack("<ii", 0, LARGE)), zeros])
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 32, pa.int32()), cell)
    options: dict = {"compression": "zstd", "dictionary_pagesize_limit": 2 * LARGE, "store_schema": False}
    parquet.write_table(pa.table({"image": repeated}), folder / "repeated.parquet", **options)
    one_cell = pa.table({"image": cell})
    parquet.write_table(one_cell, folder / "one-cell.parquet", use_dictionary=False, compression="zstd")
    parquet.write_table(pa.table({"image": pa.nulls(10**7, pa.binary())}), folder / "rows.parquet")
    feather.write_feather(one_cell, folder / "one-cell.arrow", compression="zstd")
    feather.write_feather(pa.table({"image": pa.array([b"x" * 100] * 50)}), folder / "forged.arrow", compression="lz4")
    packed = (folder / "forged.arrow").read_bytes()
    declared = struct.pack("<q", 5000)  # of the images; arrow takes this much memory
    assert declared in packed
    (folder / "forged.arrow").write_bytes(packed.replace(declared, struct.pack("<q", 2**33)))
    return [
        folder / name
        for name in ("repeated.parquet", "one-cell.parquet", "rows.parquet", "one-cell.arrow", "forged.arrow")
    ]


def arrays_of(folder: Path) -> list[Path]:
    shape = (2**22, 64, 64, 1)  # 16 GiB
    zeros = npy((LARGE // 1024, 32, 32), content=bytes(LARGE))
    npz(folder / "bzip2.npz", zeros, zipfile.ZIP_BZIP2)
    npz(folder / "declared.npz", npy(shape, content=bytes(1000)), zipfile.ZIP_DEFLATED)
    npz(folder / "floats.npz", npy(shape, "float64", bytes(1000)), zipfile.ZIP_DEFLATED)
    npz(folder / "many.npz", npy((2**31, 1, 1), content=bytes(1000)), zipfile.ZIP_DEFLATED)
    header = struct.pack(">HBB4I", 0, 8, 4, *shape)
    (folder / "images-idx4-ubyte.gz").write_bytes(gzip.compress(header + bytes(1000)))
    return [folder / name for name in ("bzip2.npz", "declared.npz", "floats.npz", "many.npz", "images-idx4-ubyte.gz")]


def archives_of(folder: Path) -> list[Path]:
    """A chain of headers, each of which speaks of the next."""
    block = bytearray(512)
    block[:7], block[124:136], block[156:157] = b"././@Px", b"00000000012\0", b"x"
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    (folder / "chain.tar").write_bytes((bytes(block) + b"10 a=bcdef"[:10].ljust(512, b"\0")) * 3000)
    return [folder / "chain.tar"]


def test_tables_arrays_and_archives_in_bounded_memory(tmp_path: Path) -> None:
    paths = [*tables_of(tmp_path), *arrays_of(tmp_path), *archives_of(tmp_path)]
    assert all(path.stat().st_size < 4 * MEBIBYTE for path in paths)
    result = subprocess.run(
        [sys.executable, "-c", READ_ALL, *map(str, paths)], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr[-2000:]
    *lines, memory = result.stdout.splitlines()
    told = "\n".join(lines)
    for path in paths:
        assert f"{path.name} was read" not in told and f"{path.name} refused: " in told, told
    assert int(memory) * 1024 < MEMORY, told


def test_cells_that_are_repeated_fill_neither_memory_nor_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a ratio that real drawings have."""
    cell = np.random.RandomState(0).bytes(MEBIBYTE)
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 500, pa.int32()), pa.array([cell]))
    options: dict = {"dictionary_pagesize_limit": 2**24, "store_schema": False}
    parquet.write_table(pa.table({"image": rows}), tmp_path / "rows.parquet", **options)
    monkeypatch.setattr(tables, "UNPACKED_IN_ANY_CASE", 20 * MEBIBYTE)
    monkeypatch.setattr(tables, "MAX_RATIO", 20)
    with pytest.raises(DataError, match="may unpack to at most 20 times its size"):
        open_source(tmp_path / "rows.parquet").listing(tmp_path)
    assert (tmp_path / "images").stat().st_size <= 22 * MEBIBYTE

    monkeypatch.setattr(parquet_pages, "MAX_REPEATED_BYTES", 10 * MEBIBYTE)
    parquet.write_table(pa.table({"images": pa.array([[cell] * 20])}), tmp_path / "list.parquet", **options)
    with pytest.raises(DataError, match="lists of repeated images"):
        open_source(tmp_path / "list.parquet").listing(tmp_path)


def webp(width: int, height: int) -> bytes:
    """The header of an animation."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiled_tiff(side: int) -> bytes:
    """An image of 16 x 16 pixels in one tile of `side` x `side`, packed by deflate."""
    packed = zlib.compress(bytes(1000))
    tags = {256: 16, 257: 16, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8, 325: len(packed)}
    start = 8 + len(packed)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHI", b"II", 42, start) + packed + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("content", [webp(16384, 16384), tiled_tiff(40000)], ids=["webp", "tiff"])
def test_images_are_judged_by_all_sizes_in_their_headers(content: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RejectedFile, match="more than 100 megapixels"):
        decode(content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_texts_of_a_sheet_are_not_unpacked() -> None:
    texts = PngImagePlugin.PngInfo()
    for number in range(70):
        texts.add_text(f"note {number}", "a" * 1_000_000, zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, format="PNG", pnginfo=texts)
    assert len(buffer.getvalue()) < 100_000
    picture = decode_picture(buffer.getvalue(), "step-00000001.png")
    assert picture.getpixel((0, 0)) == (255, 0, 0) and not picture.info
