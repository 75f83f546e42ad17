import gzip
import io
import json
import os
import stat
import struct
import sys
import tarfile
import time
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from image_files import encoded, fill, noise_image
from PIL import Image
from pyarrow import parquet

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.survey import quick_size
from dcgan_hub.images.sources.detection import open_source
from dcgan_hub.images.sources.file_names import is_junk, is_unsafe, labels_from_folders, printable
from dcgan_hub.images.sources.folders import FolderSource
from dcgan_hub.images.sources.hub_data import HubSource
from dcgan_hub.images.sources.hub_names import HubName
from dcgan_hub.images.sources.readers import RejectedFile


def pixels(*seeds: int) -> np.ndarray:
    return np.array([np.asarray(noise_image(seed)) for seed in seeds])


def reasons(prepared) -> dict[str, int]:
    return {reason: rejected.count for reason, rejected in prepared.report.rejected.items()}


# Folders


def test_nested_folders_with_names_in_any_script(tmp_path, prepare):
    folder = tmp_path / "φωτο"
    for number, name in enumerate(["写真/猫 1.png", "écharpe/a.PNG", "без расширения", "emoji/🐈.webp.png"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(noise_image(number)))
    prepared = prepare(folder)
    assert prepared.report.used == 4
    assert prepared.label_names == ("emoji", "écharpe", "写真")
    assert sorted(prepared.labels.tolist()) == [-1, 0, 1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_unicode(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 0)
    (folder / os.fsdecode(b"\xff\xfe.png")).write_bytes(encoded(noise_image(0)))
    (folder / os.fsdecode(b"\x80.jpg")).write_bytes(b"text")
    prepared = prepare(folder)
    assert prepared.report.used == 1
    assert r"'\udc80.jpg'" in prepared.report.summary()


def test_loops_of_links_pipes_and_odd_entries_are_survived(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 2)
    (folder / "sub").mkdir()
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "sub" / "self.png").symlink_to(folder / "sub" / "self.png")
    (folder / "linked.png").symlink_to(fill(tmp_path / "elsewhere", 1, 50) / "00050.png")
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.png")
    prepared = prepare(folder)
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 50))
    assert reasons(prepared) == {"cannot be opened": 1, "not a regular file": 1}


def test_a_file_that_becomes_a_pipe_or_vanishes_after_listing_is_refused(tmp_path, prepare):
    """The listing is of a moment; what is opened later may be something else, and opening a pipe waits for ever."""
    folder = fill(tmp_path / "photos", 3)
    listing = FolderSource(folder).listing(tmp_path)
    (folder / "00001.png").unlink()
    os.mkfifo(folder / "00001.png")
    (folder / "00002.png").unlink()
    with pytest.raises(RejectedFile, match="not a regular file"):
        listing.reader.read("00001.png")
    with pytest.raises(RejectedFile, match="cannot be opened"):
        listing.reader.read("00002.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_and_folders_are_reported(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 3)
    (folder / "00001.png").chmod(0)
    fill(folder / "closed", 1, 9)
    (folder / "closed").chmod(0)
    try:
        assert reasons(prepare(folder)) == {"cannot be opened": 2}
    finally:
        (folder / "closed").chmod(stat.S_IRWXU)


def test_fifty_thousand_files_are_listed_in_well_under_a_second(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "first.png").write_bytes(encoded(noise_image(0)))
    for number in range(50_000):  # names of one file, as many inodes would take the test longer than the listing
        os.link(folder / "first.png", folder / f"{number:06}.png")
    started = time.process_time()  # other work on the machine must not count
    source = open_source(folder)
    key = source.key()
    seconds = time.process_time() - started
    assert len(source.listing(tmp_path).names) == 50_001
    assert open_source(folder).key() == key
    assert seconds < 1.0, f"{seconds:.2f} s for 50,000 files"
    assert quick_size(folder) == (16, 16, False)


def test_junk_is_told_by_name():
    for name in ["a/.DS_Store", "__MACOSX/a/._b.jpg", "._b.jpg", "Thumbs.db", ".git/x.png", "x/labels.CSV", "README"]:
        assert is_junk(name), name
    for name in ["a.jpg", "a", "a.b/c", "txt", "photo.jpg.jpeg", "a.jfif", "x.heic", "1.0"]:
        assert not is_junk(name), name


@pytest.mark.parametrize(
    "names, labels",
    [
        (["x/cat/1", "x/dog/1"], ["cat", "dog"]),
        (["cat/2019/1", "cat/2020/1", "dog/1"], ["cat", "cat", "dog"]),
        (["train/cat/1", "test/cat/1", "test/dog/1"], ["cat", "cat", "dog"]),
        (["all/1", "all/2"], [None, None]),
        (["1", "cat/1"], [None, "cat"]),
        (["train/1", "test/1"], [None, None]),
        ([], []),
    ],
)
def test_labels_are_the_folders_that_tell_images_apart(names, labels):
    indices, label_names = labels_from_folders(names)
    assert [label_names[i] if i >= 0 else None for i in indices] == labels


def test_names_are_printed_without_control_characters():
    assert printable("a\x1b[31m\u202e\n写") == r"a\x1b[31m\u202e\n写"
    assert len(printable("x" * 10_000)) < 130


# Archives


def test_a_zip_of_stored_and_deflated_members(tmp_path, prepare):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/b/2.png", encoded(noise_image(2)), zipfile.ZIP_DEFLATED)
        archive.writestr("top/a/1.bmp", encoded(noise_image(1), "BMP"), zipfile.ZIP_DEFLATED)
        archive.writestr("top/a/0.png", encoded(noise_image(0)), zipfile.ZIP_STORED)
        archive.writestr("__MACOSX/top/a/._0.png", b"junk")
        archive.writestr("top/empty/", b"")
    prepared = prepare(tmp_path / "a.zip")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2))
    assert prepared.label_names == ("a", "b") and prepared.report.not_images == 1 and prepared.report.files_found == 4


def rewritten(path: Path, offset_of: bytes, at: int, form: str, value: int, occurrence: int = 0) -> None:
    """Overwrites a field of the header that starts with `offset_of`."""
    content, position = bytearray(path.read_bytes()), -1
    for _ in range(occurrence + 1):
        position = content.index(offset_of, position + 1)
    struct.pack_into(form, content, position + at, value)
    path.write_bytes(content)


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


def test_hostile_members_of_a_zip_are_refused_one_by_one(tmp_path, prepare):
    path, image = tmp_path / "evil.zip", encoded(noise_image(0))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", image)
        for name in ("../../escape.png", "/etc/passwd.png", "C:\\x.png", "a/..\\b.png"):
            archive.writestr(zipfile.ZipInfo(name), image)
        archive.writestr("bomb.bmp", bytes(50 * 2**20))
        archive.writestr("empty.png", b"")
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("lzma.png", image, zipfile.ZIP_LZMA)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr("good.png", encoded(noise_image(1)))
    prepared = prepare(path)
    np.testing.assert_array_equal(prepared.images, pixels(0))
    assert reasons(prepared) == {
        "stored under an unsafe name": 4,
        "packed more than 200 to 1": 1,
        "empty": 1,
        "not a regular file": 1,
        "packed by a method other than deflate": 1,
        "stored twice under the same name": 1,
    }
    assert not (tmp_path.parent / "escape.png").exists()


def test_a_member_that_unpacks_to_more_than_it_declares_is_read_no_further(tmp_path, prepare):
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", encoded(noise_image(0)))
        archive.writestr("b.bmp", bytes(100 * 2**20))
    rewritten(path, CENTRAL, 24, "<I", 1000, occurrence=1)
    assert reasons(prepare(path)) == {"damaged inside its archive": 1}


def test_encrypted_corrupt_and_overlapping_members(tmp_path, prepare):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for seed in range(5):
            archive.writestr(f"{seed}.png", encoded(noise_image(seed)))
    rewritten(path, CENTRAL, 8, "<H", 1, occurrence=1)  # encrypted
    rewritten(path, LOCAL, 200, "<I", 0x12345678, occurrence=2)  # content does not fit the checksum
    offset = struct.unpack_from("<I", path.read_bytes(), path.read_bytes().index(CENTRAL) + 42)[0]
    rewritten(path, CENTRAL, 42, "<I", offset, occurrence=4)  # the last one is said to lie where the first one lies
    prepared = prepare(path)
    np.testing.assert_array_equal(prepared.images, pixels(3))
    assert reasons(prepared) == {
        "overlapping another file of the archive": 2,
        "encrypted": 1,
        "damaged inside its archive": 1,
    }


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".npz", ".npy", ".parquet"])
def test_damaged_archives_are_explained(tmp_path, prepare, suffix):
    starts = {".zip": LOCAL, ".tar": b"x" * 257 + b"ustar", ".tar.gz": b"\x1f\x8b", ".npz": LOCAL}
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(starts.get(suffix, {".npy": b"\x93NUMPY\1\0", ".parquet": b"PAR1"}.get(suffix)) + b"\7" * 2000)
    with pytest.raises(DataError, match=r"(?s)must be.*Received: .*broken"):
        prepare(path)


def tar_of(path: Path, mode: str, extra=()) -> Path:
    with tarfile.open(path, mode) as archive:
        for number in (2, 0, 1):
            add_member(archive, f"top/{'ab'[number % 2]}/{number}.png", encoded(noise_image(number)))
        for member, content in extra:
            archive.addfile(member, io.BytesIO(content) if content else None)
    return path


def add_member(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("name, mode", [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tar.xz", "w:xz"), ("a.tgz", "w:gz")])
def test_tar_archives(tmp_path, prepare, name, mode):
    prepared = prepare(tar_of(tmp_path / name, mode))
    np.testing.assert_array_equal(prepared.images, pixels(0, 2, 1))
    assert prepared.labels.tolist() == [0, 0, 1]
    assert quick_size(tmp_path / name) == (16, 16, False)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_hostile_members_of_a_tar_are_refused_one_by_one(tmp_path, prepare, mode):
    extra = []
    for name, kind in [("../x.png", tarfile.REGTYPE), ("l.png", tarfile.SYMTYPE), ("d.png", tarfile.CHRTYPE)]:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        extra.append((member, b""))
    prepared = prepare(tar_of(tmp_path / "evil.tar", mode, extra))
    assert prepared.report.used == 3
    assert reasons(prepared) == {"stored under an unsafe name": 1, "not a regular file": 2}


def test_a_tar_bomb_is_stopped(tmp_path, prepare, cache):
    path = tmp_path / "bomb.tar.gz"
    member = tarfile.TarInfo("a.bmp")
    member.size = 2**40
    path.write_bytes(gzip.compress(member.tobuf() + bytes(2**20)))
    with pytest.raises(DataError, match="200 times its size"):
        prepare(path)
    attribute = tarfile.TarInfo("x")
    attribute.type, attribute.size = tarfile.XHDTYPE, 2**29
    path.write_bytes(gzip.compress(attribute.tobuf() + bytes(2**20)))
    with pytest.raises(DataError, match="more than 1 MiB"):
        prepare(path)
    assert list(cache.iterdir()) == []


def test_unsafe_names():
    for name in ["/a.png", "..", "a/../b.png", "..\\a.png", "C:\\a.png", "\\\\host\\a.png", "a\0.png"]:
        assert is_unsafe(name), name
    for name in ["a..b.png", "...png", "a/b.png", "a:b.png"]:
        assert not is_unsafe(name), name


# Arrays


@pytest.mark.parametrize("shape", [(5, 16, 16), (5, 16, 16, 1), (5, 16, 16, 3), (5, 16, 16, 4)])
def test_npy_of_each_shape(tmp_path, prepare, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(tmp_path / "a.npy", array)
    channels = {3: 1, 4: shape[-1]}[len(shape)]
    prepared = prepare(tmp_path / "a.npy", channels=channels, image_size=None)
    np.testing.assert_array_equal(prepared.images, array.reshape(5, 16, 16, channels))
    assert prepared.labels.tolist() == [-1] * 5


def test_arrays_keep_their_order_and_lose_their_duplicates(tmp_path, prepare):
    array = np.random.default_rng(0).integers(0, 256, (1200, 16, 16, 3), np.uint8)
    array[700] = array[3]
    np.savez_compressed(tmp_path / "a.npz", images=array, labels=np.arange(1200) % 7, other=np.zeros((3, 3)))
    prepared = prepare(tmp_path / "a.npz")
    np.testing.assert_array_equal(prepared.images, np.delete(array, 700, axis=0))
    np.testing.assert_array_equal(prepared.labels, np.delete(np.arange(1200) % 7, 700))
    assert prepared.report.duplicates == 1 and prepared.label_names == tuple("0123456")
    assert quick_size(tmp_path / "a.npz") == (16, 16, False)


def test_small_arrays_are_enlarged_freely(tmp_path, prepare):
    np.save(tmp_path / "a.npy", np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3))
    assert prepare(tmp_path / "a.npy", image_size=(64, 64)).images.shape == (2, 64, 64, 3)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_find_their_labels(tmp_path, prepare, packed):
    array = np.random.default_rng(0).integers(0, 256, (6, 16, 16), np.uint8)
    images = struct.pack(">HBB3I", 0, 8, 3, *array.shape) + array.tobytes()
    labels = struct.pack(">HBBI", 0, 8, 1, 6) + bytes([3, 1, 3, 0, 1, 3])
    suffix, wrap = (".gz", gzip.compress) if packed else ("", bytes)
    (tmp_path / f"train-images-idx3-ubyte{suffix}").write_bytes(wrap(images))
    (tmp_path / f"train-labels-idx1-ubyte{suffix}").write_bytes(wrap(labels))
    prepared = prepare(tmp_path / f"train-images-idx3-ubyte{suffix}")
    np.testing.assert_array_equal(prepared.images[..., 0], array)
    assert [prepared.label_names[i] for i in prepared.labels] == list("313013")
    assert quick_size(tmp_path / f"train-images-idx3-ubyte{suffix}") == (16, 16, True)


# Tables and names


def parquet_of(path: Path, images: list[bytes | None], labels: list[int], declared: bool = True) -> Path:
    cells = pyarrow.array([None if i is None else {"bytes": i, "path": None} for i in images])
    table = pyarrow.table({"image": cells, "label": labels, "text": ["x"] * len(labels)})
    if declared:  # as the `datasets` library writes it
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
        features["text"] = {"_type": "Value", "dtype": "string"}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path, row_group_size=2)
    return path


def test_parquet_with_images_labels_and_holes(tmp_path, prepare):
    contents = [*(encoded(noise_image(seed)) for seed in range(4)), None, b"no image"]
    path = parquet_of(tmp_path / "a.parquet", contents, [1, 0, 1, 1, 0, 0])
    prepared = prepare(path)
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2, 3))
    assert prepared.labels.tolist() == [1, 0, 1, 1] and prepared.label_names == ("cat", "dog")
    assert reasons(prepared) == {"empty": 1, "not readable as JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PGM/PPM": 1}
    assert "'a.parquet row 5'" in prepared.report.summary()
    assert quick_size(path) == (16, 16, False)


def test_a_folder_of_parquet_files(tmp_path, prepare):
    (tmp_path / "data").mkdir()
    for number in range(2):
        content = [encoded(noise_image(2 * number)), encoded(noise_image(2 * number + 1))]
        parquet_of(tmp_path / "data" / f"{number}.parquet", content, [0, 1])
    np.testing.assert_array_equal(prepare(tmp_path).images, pixels(0, 1, 2, 3))


def test_parquet_without_images_is_explained(tmp_path, prepare):
    parquet.write_table(pyarrow.table({"text": ["a"], "number": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column 'image'.*Received: .*'text' \(string\), 'number'"):
        prepare(tmp_path / "a.parquet")


def test_an_existing_path_comes_before_a_name(tmp_path, prepare, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(Path("user/name"), 2)
    fill(Path("mnist"), 3)
    assert len(prepare("user/name").images) == 2
    assert len(prepare("mnist").images) == 3
    assert len(prepare("user/name/").images) == 2


@pytest.mark.parametrize(
    "data, said",
    [
        ("no/such", "(?s)there is no file or folder of this name, and.*Hub"),
        ("hf://datasets/no/such@main", r"(?s)Received: 'hf://datasets/no/such@main', .*Hub"),
        ("./nothing", "which does not exist"),
        ("a/b/c", "which does not exist"),
        ("nul\0l", "Received: "),
        ("", "Received: "),
        ("~nobody-of-this-name/photos", "Received: "),
    ],
)
def test_what_means_nothing_is_explained(data, said, prepare, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for module in ("huggingface_hub.constants", "datasets.config"):  # both read HF_HUB_OFFLINE when they are imported
        monkeypatch.setattr(f"{module}.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=said):
        prepare(data)


def test_a_single_image_is_no_source(tmp_path, prepare):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="Put single images into a folder"):
        prepare(tmp_path / "a.png")


def keras_that(monkeypatch: pytest.MonkeyPatch, name: str, load_data) -> None:
    """Stands for Keras, whose import takes seconds and whose datasets have to be fetched."""
    package = types.ModuleType("keras")
    package.datasets = types.SimpleNamespace(**{name: types.SimpleNamespace(load_data=load_data)})
    monkeypatch.setitem(sys.modules, "keras", package)


def test_a_data_set_of_keras(prepare, monkeypatch):
    array = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    labels = np.array([[6], [9], [9], [4], [1], [0]], np.uint8)
    keras_that(monkeypatch, "cifar10", lambda: ((array, labels), (array[:1], labels[:1])))
    prepared = prepare("cifar10", image_size=None)
    np.testing.assert_array_equal(prepared.images, array)
    assert [prepared.label_names[label] for label in prepared.labels] == [
        "frog",
        "truck",
        "truck",
        "deer",
        "automobile",
        "airplane",
    ]
    assert quick_size("cifar10") == (32, 32, False)
    assert quick_size("mnist") == quick_size("fashion-mnist") == (28, 28, True)


def test_a_data_set_of_keras_that_cannot_be_fetched_is_explained(prepare, monkeypatch):
    def load_data():
        raise Exception("URL fetch failure on https://…/mnist.npz: None -- [Errno -2] Name or service not known")

    keras_that(monkeypatch, "mnist", load_data)
    with pytest.raises(DataError, match=r"downloaded by Keras once.*Received: URL fetch failure.*or give the files"):
        prepare("mnist")


@pytest.mark.parametrize("declared, label_names", [(True, ("cat", "dog")), (False, ("0", "1"))])
def test_a_data_set_of_the_hub_through_its_library(tmp_path, monkeypatch, declared, label_names):
    """`load_dataset` takes a local folder of this name as it would take the Hub's, so nothing has to be fetched."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "home"))
    pytest.importorskip("datasets")
    content = [encoded(noise_image(seed)) for seed in range(3)]
    (tmp_path / "user" / "name").mkdir(parents=True)
    parquet_of(tmp_path / "user" / "name" / "train.parquet", content, [1, 0, 1], declared)
    monkeypatch.chdir(tmp_path)
    source = HubSource(HubName("user/name"), "user/name")
    listing = source.listing(tmp_path)
    assert [listing.reader.read(locator) for locator in listing.locators] == content
    assert listing.labels.tolist() == [1, 0, 1] and listing.label_names == label_names
    assert [sample(None) for sample in source.samples(2)] == [content[0], content[2]]


def test_a_table_without_declared_columns(tmp_path, prepare):
    content = [encoded(noise_image(seed)) for seed in range(3)]
    prepared = prepare(parquet_of(tmp_path / "a.parquet", content, [7, 5, 7], declared=False))
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2))
    assert prepared.labels.tolist() == [1, 0, 1] and prepared.label_names == ("5", "7")
