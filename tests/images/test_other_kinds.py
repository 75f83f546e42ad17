"""Folders without image files: archives are read, all else is named with what to do."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from image_files import encoded, fill, noise_image

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.survey import quick_size, survey_images
from dcgan_hub.images.sources.detection import open_source
from dcgan_hub.images.sources.other_kinds import kind_of


def pixels(*seeds: int) -> np.ndarray:
    return np.array([np.asarray(noise_image(seed)) for seed in seeds])


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("suffix, mode", [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_a_folder_of_shards_is_read_as_one(tmp_path, prepare, suffix, mode):
    """As WebDataset writes them: an image and its label under one name, and a table of what is in the shard."""
    for shard in range(3):
        members = {f"{2 * shard + row:05}.png": encoded(noise_image(2 * shard + row)) for row in range(2)}
        write_tar(
            tmp_path / "set" / f"train-{shard:05}{suffix}", members | {f"{shard}.cls": b"3", "../x.png": b"x"}, mode
        )
    (tmp_path / "set" / "00000.parquet").write_bytes(b"PAR1")
    prepared = prepare(tmp_path / "set")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2, 3, 4, 5))
    assert prepared.report.other_kinds == {".cls": 3, ".parquet": 1} and prepared.label_names == ()
    assert f"3 stored under an unsafe name, e.g. 'train-00000{suffix}/../x.png'" in prepared.report.summary()
    assert quick_size(tmp_path / "set") == (16, 16, False)


def test_a_folder_of_zips_keeps_the_labels_inside(tmp_path, prepare):
    (tmp_path / "set").mkdir()
    for number, label in enumerate(["cat", "dog"]):
        with zipfile.ZipFile(tmp_path / "set" / f"{number}.zip", "w") as archive:
            archive.writestr(f"{label}/a.png", encoded(noise_image(number)))
    prepared = prepare(tmp_path / "set")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1))
    assert prepared.label_names == ("cat", "dog") and prepared.labels.tolist() == [0, 1]


def test_more_shards_than_files_may_be_open(tmp_path):
    resource = pytest.importorskip("resource")
    for shard in range(60):
        write_tar(tmp_path / "set" / f"{shard}.tar", {"a.png": encoded(noise_image(shard))})
    (tmp_path / "workspace").mkdir()
    listing = open_source(tmp_path / "set").listing(tmp_path / "workspace")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, limits[1]))
    try:
        assert {len(listing.reader.read(locator)) > 0 for locator in listing.locators} == {True}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_damaged_shard_is_named(tmp_path, prepare):
    write_tar(tmp_path / "set" / "0.tar", {"a.png": encoded(noise_image(0))})
    (tmp_path / "set" / "1.tar").write_bytes(b"x" * 600)
    with pytest.raises(DataError, match=r"whole and sound tar file\. Received: .*1\.tar"):
        prepare(tmp_path / "set")


def test_the_one_array_of_a_folder_is_read(tmp_path, prepare):
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "images.npy", pixels(0, 1))
    (tmp_path / "set" / "notes.txt").write_text("x")
    np.testing.assert_array_equal(prepare(tmp_path / "set").images, pixels(0, 1))


@pytest.mark.parametrize(
    "names, said",
    [
        (["a.npy", "b.npy"], r"2 not image files: 2 \.npy\n +\.npy are arrays: .*np\.stack"),
        (
            ["a.rar", "b.7z", "c.7z"],
            r"2 \.7z, 1 \.rar\n +\.7z, \.rar are archives of formats that are not read: unpack",
        ),
        (["x/film.mp4", "notes.txt"], r"1 \.mp4, 1 \.txt\n +\.mp4 are videos: .*ffmpeg"),
        (["data.h5", "Thumbs.db", ".DS_Store"], r"2 hidden, 1 \.h5\n +\.h5 are not read: write their images"),
        (["photos.zip.part"], r"1 \.part\n +\.part are unfinished downloads"),
        (["README", "labels.csv"], r"1 \.csv, 1 readme\nGive a folder of images"),
    ],
)
def test_whatever_is_in_a_folder_is_named(tmp_path, prepare, names, said):
    for name in names:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(b"x")
    for look in (prepare, survey_images, quick_size):
        with pytest.raises(DataError, match=rf"None of the {len(names)} files in .* can be used:\n.*{said}"):
            look(tmp_path / "set")


def test_what_may_hold_images_is_named_beside_images(tmp_path, prepare):
    (fill(tmp_path / "set", 2) / "more.zip").write_bytes(b"PK\3\4")
    assert (
        ".zip are archives, read only if there are no images beside them" in prepare(tmp_path / "set").report.summary()
    )


def test_tables_inside_an_archive_are_named(tmp_path, prepare):
    write_tar(tmp_path / "a.tar", {"data/a.parquet": b"PAR1"})
    with pytest.raises(DataError, match=r"1 \.parquet\n.*give one by itself, unpacked"):
        prepare(tmp_path / "a.tar")


@pytest.mark.parametrize("name, advice", [("a.rar", "unpack them"), ("a.h5", "np.save"), ("a.mp4", "ffmpeg")])
def test_a_file_that_is_no_source_is_answered_by_its_kind(tmp_path, name, advice):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=f"which is none of these.*{advice}"):
        open_source(tmp_path / name)


def test_kinds():
    names = ["a.zip", "A.TAR.GZ", "x/.git/a.png", "__MACOSX/a.jpg", "Thumbs.db", "LICENSE", ".DS_Store", "a.b/c.csv"]
    assert [kind_of(name) for name in names] == [
        ".zip", ".tar.gz", "hidden", "hidden", "hidden", "license", "hidden", ".csv",
    ]  # fmt: skip
