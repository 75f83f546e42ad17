"""The order of images: each once an epoch, and the same from wherever a run goes on."""

import itertools
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.training import input_pipeline
from dcgan_hub.training.backends.tensorflow import dataset
from dcgan_hub.training.backends.tensorflow.dataset import training_dataset
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.input_pipeline import RandomRows, batches_read_ahead, epoch_order, read_through

IMAGES = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8)


def batches_of(images, batch_size, seed, steps):
    """The batches of a range of steps, as the dataset gives them."""
    batches = training_dataset(images, batch_size, seed, steps.start)
    return [batch.numpy() for batch in batches.take(len(steps))]


def shown(steps, seed=4):
    return [batch[:, 0, 0, 0].tolist() for batch in batches_of(IMAGES, 3, seed, steps)]


def test_each_image_is_shown_at_most_once_an_epoch():
    epoch = [image for batch in shown(range(3)) for image in batch]
    assert len(epoch) == len(set(epoch)) == 9


def test_epochs_and_seeds_differ():
    orders = [epoch_order(50, seed, epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(order) for order in orders}) == 3
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_a_batch_holds_the_images_of_its_place_in_the_order():
    order = np.random.RandomState([4, 2]).permutation(11)  # of the third pass over the images
    assert shown(range(7, 8)) == [sorted(order[3:6].tolist())]


def test_going_on_at_any_step_continues_the_same_order():
    whole = shown(range(10))
    for step in range(10):
        assert shown(range(step, 10)) == whole[step:]


def test_a_thread_reads_the_same_batches_and_ends_with_its_reader(mapped):
    threads = threading.active_count()
    reader = batches_read_ahead(mapped, 8, 3, 4)
    np.testing.assert_array_equal(
        [images for (images,) in itertools.islice(reader, 9)], batches_of(mapped, 8, 3, range(4, 13))
    )
    reader.close()
    assert threading.active_count() == threads

    reader = batches_read_ahead(mapped, 8, 3, 0)
    os.truncate(mapped.filename, 200)
    with pytest.raises(OSError, match="shorter than before"):
        next(reader)


def test_however_much_is_read_at_once_the_batches_are_the_same(monkeypatch):
    whole = shown(range(10))
    for images_at_once in (3, 6, 30):  # one batch, two, which do not fill an epoch of three, and several epochs
        monkeypatch.setattr(dataset, "READ_AT_ONCE_BYTES", images_at_once * 4)
        assert shown(range(2, 10)) == whole[2:]


def test_the_dataset_tells_its_shape():
    assert training_dataset(IMAGES, 3, seed=4, step=2).element_spec.shape == (3, 2, 2, 1)


def test_labels_stay_with_their_images_and_balanced_classes_come_equally_often():
    """Of 11 images in classes of 7, 3 and 1, an epoch shows 4 or 3 of each class, whatever the step it is read from."""
    labels = np.array([0] * 7 + [1] * 3 + [2], np.int32)
    for sampling in ("natural", "balanced"):
        classes = ClassLabels(labels, sampling)
        whole = [(pixels[:, 0, 0, 0].numpy(), found.numpy()) for pixels, found in
                 training_dataset(IMAGES, 3, 4, 0, classes).take(12)]  # fmt: skip
        assert all(found.dtype == np.int32 and (labels[rows] == found).all() for rows, found in whole)
        for start in (2, 7):
            read = itertools.islice(batches_read_ahead(IMAGES, 3, 4, start, classes), 5)
            for (pixels, found), (rows, known) in zip(read, whole[start:], strict=False):
                assert pixels[:, 0, 0, 0].tolist() == rows.tolist() and found.tolist() == known.tolist()
        is_plain = [rows.tolist() for rows, _ in whole] == shown(range(12))
        assert is_plain is (sampling == "natural")

    orders = [ClassLabels(labels, "balanced").epoch_order(4, epoch) for epoch in range(40)]
    for order in orders:
        assert sorted(np.bincount(labels[order]).tolist()) == [3, 4, 4]
        seen = np.bincount(order, minlength=11)
        assert seen[:7].max() == 1 and (seen[7:10] >= 1).all() and seen[7:10].max() <= 2 and seen[10] >= 3
    assert np.bincount(np.concatenate(orders), minlength=11)[:7].min() > 10  # of 21: no image is left out for long


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux' count of the process's own memory")
def test_memory_stays_flat_however_large_the_set_is(tmp_path):
    def own_bytes():
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    shape = (300_000, 16, 16, 3)  # 230 MB, of which the file system keeps nothing: it is all zeros
    images = np.lib.format.open_memmap(tmp_path / "images.npy", mode="w+", dtype=np.uint8, shape=shape)
    batches = iter(training_dataset(images, 64, seed=0, step=0))
    next(batches)
    before = own_bytes()

    for _ in range(1500):  # 74 MB of pixels
        next(batches)

    assert own_bytes() - before < 20e6


@pytest.fixture
def mapped(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (50, 5, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


def test_a_mapped_file_gives_the_batches_of_the_array(mapped):
    np.testing.assert_array_equal(batches_of(mapped, 8, 3, range(20)), batches_of(np.array(mapped), 8, 3, range(20)))


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="other systems read through the mapping")
def test_only_a_whole_mapped_file_is_read_by_its_rows(mapped):
    assert RandomRows.fits(mapped)
    for other in (np.array(mapped), mapped[3:], mapped[::2], mapped[:, 1:]):
        assert not RandomRows.fits(other)
        np.testing.assert_array_equal(batches_of(other, 8, 3, range(1)), batches_of(np.array(other), 8, 3, range(1)))


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="other systems read through the mapping")
def test_a_file_that_was_shortened_is_an_error_and_not_a_crash(mapped):
    rows = RandomRows(mapped)
    os.truncate(mapped.filename, 200)

    with pytest.raises(OSError, match="shorter than before"):
        rows[np.array([0, 49])]


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="other systems read through the mapping")
def test_a_file_that_fits_into_memory_is_read_into_it_and_a_larger_one_is_not(mapped, monkeypatch):
    rows = RandomRows(mapped)
    rows.warming.join(timeout=60)
    assert not rows.warming.is_alive()

    monkeypatch.setattr(input_pipeline, "KEPT_FRACTION", 0.0)
    assert RandomRows(mapped).warming is None


def test_reading_through_ends_with_the_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * input_pipeline.WARMING_BYTES + 1))
    assert read_through(path) == 3 * input_pipeline.WARMING_BYTES + 1
    assert read_through(tmp_path / "none") == 0


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="other systems read through the mapping")
@pytest.mark.parametrize(("limit", "is_read"), [("100", False), ("1000000000", True), ("max", True)])
def test_a_container_has_the_memory_it_may_use(mapped, tmp_path, monkeypatch, limit, is_read):
    (tmp_path / "memory.max").write_text(limit + "\n")
    monkeypatch.setattr(input_pipeline, "CONTAINER_LIMITS", (tmp_path / "memory.max", tmp_path / "none"))

    assert (RandomRows(mapped).warming is not None) == is_read


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="other systems read through the mapping")
def test_nothing_is_tuned_by_a_thread_that_an_iterator_would_wait_for_at_its_end():
    """It sleeps for up to a minute."""
    assert training_dataset(IMAGES, 4, seed=0, step=0).options().autotune.enabled is False


def test_it_reads_no_further_ahead_than_it_says(mapped, monkeypatch):
    read, readings = RandomRows.__getitem__, []
    monkeypatch.setattr(RandomRows, "__getitem__", lambda rows, numbers: [readings.append(1), read(rows, numbers)][1])
    batches = iter(training_dataset(mapped, 8, 3, 0))

    next(batches)
    time.sleep(1)  # for a reading too many to show itself
    # One is being handed out, READINGS_AHEAD wait, and the next one is held until there is room.
    assert len(readings) <= dataset.READINGS_AHEAD + 2
