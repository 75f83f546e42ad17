"""What the `datasets` library and others write: paths beside no bytes, arrow files, lists of images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from image_files import encoded, fill, noise_image
from pyarrow import feather, ipc, parquet

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.survey import quick_size
from dcgan_hub.images.sources.detection import open_source

datasets = pytest.importorskip("datasets")


def pixels(*seeds: int) -> np.ndarray:
    return np.array([np.asarray(noise_image(seed)) for seed in seeds])


def image_table(folder: Path, count: int) -> "datasets.Dataset":
    """A dataset that names images by their paths, with two classes."""
    paths = [str(path) for path in sorted(fill(folder, count).iterdir())]
    features = datasets.Features({"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "dog"])})
    return datasets.Dataset.from_dict({"picture": paths, "kind": [row % 2 for row in range(count)]}).cast(features)


@pytest.fixture
def table(tmp_path: Path) -> "datasets.Dataset":
    datasets.disable_progress_bars()
    return image_table(tmp_path / "files", 5)


def test_parquet_as_datasets_writes_it_names_files(tmp_path, prepare, table):
    table.to_parquet(tmp_path / "a.parquet")
    prepared = prepare(tmp_path / "a.parquet")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2, 3, 4))
    assert prepared.labels.tolist() == [0, 1, 0, 1, 0] and prepared.label_names == ("cat", "dog")
    assert quick_size(tmp_path / "a.parquet") == (16, 16, False)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_saved_data_set(tmp_path, prepare, table, shards):
    """A cache of a later `map`, which lies beside the saved files, is no part of it."""
    table.save_to_disk(tmp_path / "saved", num_shards=shards)
    image_table(tmp_path / "more", 1).save_to_disk(tmp_path / "other")
    (tmp_path / "other" / "data-00000-of-00001.arrow").rename(tmp_path / "saved" / "cache-1234.arrow")
    prepared = prepare(tmp_path / "saved")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2, 3, 4))
    assert prepared.label_names == ("cat", "dog") and prepared.report.files_found == 5
    assert quick_size(tmp_path / "saved") == (16, 16, False)


def test_all_splits_of_a_saved_data_set_or_one(tmp_path, prepare, table):
    splits = {"train": table.select(range(3)), "test": table.select(range(3, 5))}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    assert prepare(tmp_path / "saved").report.used == 5
    np.testing.assert_array_equal(prepare(tmp_path / "saved" / "test").images, pixels(3, 4))


def test_a_saved_data_set_that_was_copied_in_part_is_refused(tmp_path, prepare, table):
    table.save_to_disk(tmp_path / "saved", num_shards=3)
    (tmp_path / "saved" / "data-00001-of-00003.arrow").unlink()
    with pytest.raises(DataError, match=r"without 'data-00001-of-00003\.arrow', which its state.json names"):
        prepare(tmp_path / "saved")


def write_stream(table: pyarrow.Table, path: Path) -> None:
    with path.open("wb") as file, ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("write", [feather.write_feather, write_stream, parquet.write_table])
def test_images_in_each_kind_of_file(tmp_path, prepare, write: Callable):
    cells = [[encoded(noise_image(0)), encoded(noise_image(1))], [encoded(noise_image(2))], []]
    write(pyarrow.table({"pictures": cells, "class": ["b", "a", "a"]}), tmp_path / "lists")
    prepared = prepare(tmp_path / "lists")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1, 2))
    assert prepared.labels.tolist() == [1, 1, 0]
    assert quick_size(tmp_path / "lists") == (16, 16, False)


def test_paths_start_in_the_folder_of_the_table(tmp_path, prepare):
    fill(tmp_path / "photos", 2)
    names = ["photos/00000.png", "photos/00001.png", "gone.png", "https://example.org/a.png", None, "x" * 9000]
    (tmp_path / "tables").mkdir()
    parquet.write_table(pyarrow.table({"file_name": names}), tmp_path / "a.parquet")
    prepared = prepare(tmp_path / "a.parquet")
    np.testing.assert_array_equal(prepared.images, pixels(0, 1))
    assert {reason: rejected.count for reason, rejected in prepared.report.rejected.items()} == {
        "named by a path where there is no file": 2,
        "named by an address and not stored in the table": 1,
        "empty": 1,
    }
    assert "'a.parquet row 2' (gone.png)" in prepared.report.summary()


def test_a_file_that_a_table_names_is_looked_at_again_when_it_changes(tmp_path, prepare, table):
    table.to_parquet(tmp_path / "a.parquet")
    prepare(tmp_path / "a.parquet")
    (tmp_path / "files" / "00000.png").write_bytes(encoded(noise_image(99)))
    np.testing.assert_array_equal(prepare(tmp_path / "a.parquet").images, pixels(99, 1, 2, 3, 4))


@pytest.mark.parametrize("fault", ["cut off", "offsets outside of the file"])
def test_a_damaged_arrow_file_is_explained(tmp_path, prepare, fault):
    write_stream(pyarrow.table({"image": [encoded(noise_image(0))] * 3}), tmp_path / "a.arrow")
    content = (tmp_path / "a.arrow").read_bytes()
    if fault == "cut off":
        content = content[: len(content) // 2]
    else:
        size = len(encoded(noise_image(0)))
        offsets = np.array([size, 2 * size], "<i4").tobytes()
        content = content.replace(offsets, np.array([size, 2**30], "<i4").tobytes())
    (tmp_path / "a.arrow").write_bytes(content)
    with pytest.raises(DataError, match=r"must be whole and sound\. Received: .*a\.arrow"):
        prepare(tmp_path / "a.arrow")


def test_lists_of_numbers_are_named_with_what_to_do(tmp_path):
    parquet.write_table(pyarrow.table({"image": [[[1, 2], [3, 4]]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'image' \(list<.*int64>.*np\.save\('images\.npy'"):
        open_source(tmp_path / "a.parquet").key()
