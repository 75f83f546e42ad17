import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from image_files import encoded, fill, noise_image
from PIL import Image

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.cache import UNFINISHED, publish, remove_forgotten, unfinished_folder
from dcgan_hub.images.preparation.prepare import default_cache_folder, prepare_images

ROOT = Path(__file__).resolve().parents[2]


def zipped(folder: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in reversed(sorted(folder.rglob("*.*"))):  # the order in the archive must not matter
            archive.write(file, prefix + str(file.relative_to(folder)))
    return path


def test_pixels_labels_and_order_are_those_of_the_files(tmp_path, prepare):
    for folder, first_seed in (("b", 0), ("a", 10)):
        fill(tmp_path / "photos" / folder, 3, first_seed)
    prepared = prepare(tmp_path / "photos")
    expected = [np.asarray(noise_image(seed)) for seed in (10, 11, 12, 0, 1, 2)]
    np.testing.assert_array_equal(prepared.images, expected)
    assert prepared.images.dtype == np.uint8 and isinstance(prepared.images, np.memmap)
    assert not prepared.images.flags.writeable
    assert prepared.label_names == ("a", "b")
    assert prepared.labels.tolist() == [0, 0, 0, 1, 1, 1] and prepared.labels.dtype == np.int32
    np.testing.assert_array_equal(np.load(prepared.folder / "images.npy"), expected)


def test_many_files_go_through_workers_with_the_same_result_as_few(tmp_path, prepare, monkeypatch):
    folder = fill(tmp_path / "photos", 700)
    (folder / "00300.png").write_text("no image")
    shutil.copy(folder / "00100.png", folder / "00500.png")
    by_workers = prepare(folder)
    monkeypatch.setattr("dcgan_hub.images.preparation.assembly.WORTH_WORKERS", 10**9)
    alone = prepare(folder, cache_folder=tmp_path / "other")
    assert by_workers.fingerprint == alone.fingerprint
    assert by_workers.report == alone.report
    assert by_workers.report.used == 698 and by_workers.report.duplicates == 1
    seeds = [seed for seed in range(700) if seed not in (300, 500)]
    np.testing.assert_array_equal(by_workers.images, [np.asarray(noise_image(seed)) for seed in seeds])


def test_the_report_names_every_loss(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 3)
    shutil.copy(folder / "00000.png", folder / "copy.png")
    (folder / "notes.jpg").write_text("only text")
    (folder / "cut.png").write_bytes(encoded(noise_image(9))[:200])
    (folder / "empty.webp").touch()
    (folder / "small.png").write_bytes(encoded(noise_image(8, 3, 16)))
    (folder / "bell\a\u202eред.bmp").write_bytes(b"BM")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "captions.txt").write_text("a cat")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    report = prepare(folder).report
    assert report.summary() == (
        f"3 of 13 files in '{folder}/' are used\n"
        "  2 truncated or damaged, e.g. 'bell\\x07\\u202eред.bmp' (no sound header), 'cut.png' "
        "(image file is truncated)\n"
        "  1 cannot be opened, e.g. 'gone.png'\n"
        "  1 empty, e.g. 'empty.webp'\n"
        "  1 not readable as JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PGM/PPM, e.g. 'notes.jpg'\n"
        "  1 smaller than a quarter of 16 x 16, e.g. 'small.png' (3 x 16)\n"
        "  1 exact duplicates of another image\n"
        "  3 not image files: 2 hidden, 1 .txt"
    )
    assert report.files_found == report.used + report.duplicates + report.not_images + sum(
        rejected.count for rejected in report.rejected.values()
    )


def test_too_few_images_for_a_batch_is_explained(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 5)
    (folder / "notes.jpg").write_text("only text")
    with pytest.raises(DataError) as caught:
        prepare(folder, minimum_count=8)
    assert str(caught.value) == (
        f"Only 5 of the 6 files in '{folder}/' can be used, fewer than one batch of 8:\n"
        "  1 not readable as JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PGM/PPM, e.g. 'notes.jpg'\n"
        "Give more or larger images, or a smaller `--batch-size` (now 8) or `--image-size`."
    )
    assert len(prepare(folder, minimum_count=5).images) == 5


def test_nothing_usable_is_explained(tmp_path, prepare, cache):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        prepare(tmp_path / "empty")
    (tmp_path / "empty" / "a.jpg").write_text("text")
    with pytest.raises(DataError, match=r"(?s)None of the 1 files.*1 not readable.*'a\.jpg'"):
        prepare(tmp_path / "empty")
    assert list(cache.iterdir()) == []


def test_channels_are_one_only_if_every_image_is_grey(tmp_path, prepare):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(noise_image(0, mode="L")))
    (folder / "b.png").write_bytes(encoded(noise_image(1, mode="L").convert("RGB")))
    (folder / "broken.png").write_bytes(b"\x89PNG")
    gray = prepare(folder)
    assert gray.images.shape == (2, 16, 16, 1)
    np.testing.assert_array_equal(gray.images[1, :, :, 0], np.asarray(noise_image(1, mode="L")))
    assert prepare(folder, channels=3).images.shape == (2, 16, 16, 3)
    (folder / "c.png").write_bytes(encoded(noise_image(2)))
    assert prepare(folder).images.shape == (3, 16, 16, 3)
    assert prepare(folder, channels=4).images.shape == (3, 16, 16, 4)
    assert prepare(folder, channels=1).images.shape == (3, 16, 16, 1)


def test_without_a_size_all_images_must_agree(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 3, size=24)
    assert prepare(folder, image_size=None).images.shape == (3, 24, 24, 3)
    (folder / "other.png").write_bytes(encoded(noise_image(7, 24, 20)))
    with pytest.raises(DataError, match=r"24 x 24 at first, but 'other\.png' is 24 x 20\. Give `--image-size`"):
        prepare(folder, image_size=None)
    assert prepare(folder, image_size=(20, 28)).images.shape == (4, 20, 28, 3)


@pytest.mark.parametrize(
    "options, said",
    [({"image_size": (0, 8)}, "image_size"), ({"channels": 2}, "channels"), ({"fit": "zoom"}, "crop, pad, stretch")],
)
def test_wrong_options_are_refused(tmp_path, prepare, options, said):
    with pytest.raises(DataError, match=f"{said}.*Received: "):
        prepare(fill(tmp_path / "photos", 1), **options)


def test_the_second_start_decodes_nothing(tmp_path, prepare):
    """The files are made unreadable, but keep size and time: whoever opens one gets an error."""
    folder = fill(tmp_path / "photos", 5)
    first = prepare(folder)
    for file in folder.iterdir():
        status = file.stat()
        file.write_bytes(b"?" * status.st_size)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = prepare(folder)
    assert second.folder == first.folder and second.fingerprint == first.fingerprint and second.report == first.report
    np.testing.assert_array_equal(second.images, first.images)
    (folder / "00000.png").touch()  # and now it is a changed source
    with pytest.raises(DataError, match="None of the 5"):
        prepare(folder)


def test_added_removed_and_changed_files_are_noticed(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 4)
    fingerprints = {prepare(folder).fingerprint}
    (folder / "later.png").write_bytes(encoded(noise_image(77)))
    fingerprints.add(prepare(folder).fingerprint)
    (folder / "00001.png").unlink()
    fingerprints.add(prepare(folder).fingerprint)
    (folder / "00002.png").write_bytes(encoded(noise_image(78)))
    fingerprints.add(prepare(folder).fingerprint)
    assert len(fingerprints) == 4


def test_folders_that_agree_in_names_sizes_and_times_are_told_apart(tmp_path, prepare):
    for place, seed in (("one", 1), ("two", 2)):
        (tmp_path / place).mkdir()
        file = tmp_path / place / "a.bmp"
        file.write_bytes(encoded(noise_image(seed), "BMP"))
        os.utime(file, ns=(0, 0))
    one, two = prepare(tmp_path / "one"), prepare(tmp_path / "two")
    assert one.fingerprint != two.fingerprint
    np.testing.assert_array_equal(two.images[0], np.asarray(noise_image(2)))


def test_the_fingerprint_is_of_content_and_options_not_of_place(tmp_path, prepare):
    folder = tmp_path / "photos"
    fill(folder / "cat", 3)
    fill(folder / "dog", 3, 3)
    one = prepare(folder)
    shutil.copytree(folder, tmp_path / "elsewhere")
    packed = zipped(folder, tmp_path / "photos.zip", "some/prefix/")
    assert prepare(tmp_path / "elsewhere").fingerprint == one.fingerprint
    assert prepare(packed).fingerprint == one.fingerprint
    assert prepare(folder, fit="pad").fingerprint != one.fingerprint
    assert prepare(folder, channels=1).fingerprint != one.fingerprint
    (folder / "dog").rename(folder / "wolf")
    assert prepare(folder).fingerprint != one.fingerprint


def test_damaged_results_are_replaced(tmp_path, prepare):
    folder = fill(tmp_path / "photos", 4)
    first = prepare(folder)
    for name in ("images.npy", "prepared.json", "labels.npy"):
        content = (first.folder / name).read_bytes()
        (first.folder / name).write_bytes(content[: len(content) // 2])
        assert prepare(folder).fingerprint == first.fingerprint
        assert (first.folder / name).read_bytes() == content
    assert list(first.folder.parent.iterdir()) == [first.folder]


def test_nothing_but_the_result_is_left_in_the_cache(tmp_path, prepare, cache):
    prepared = prepare(fill(tmp_path / "photos", 4))
    assert list(cache.iterdir()) == [prepared.folder]
    assert sorted(path.name for path in prepared.folder.iterdir()) == ["images.npy", "labels.npy", "prepared.json"]
    assert json.loads((prepared.folder / "prepared.json").read_text())["fingerprint"] == prepared.fingerprint


def run_python(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


PREPARE = """
import sys
from pathlib import Path
from dcgan_hub.images.preparation.prepare import prepare_images
print(prepare_images(sys.argv[1], image_size=(64, 64), channels=3, cache_folder=Path(sys.argv[2])).fingerprint)
"""


def test_two_processes_preparing_the_same_do_not_harm_each_other(tmp_path):
    folder, cache = fill(tmp_path / "photos", 600, size=32), tmp_path / "cache"
    processes = [run_python(PREPARE, folder, cache) for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert len({answer[0] for answer in answers}) == 1
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_ended_preparation_leaves_nothing_under_a_final_name_and_the_next_succeeds(tmp_path, end):
    image, cache = encoded(noise_image(0, 600, 600)), tmp_path / "cache"
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "first.png").write_bytes(image)
    for number in range(1200):  # decoding takes several seconds, writing the files does not
        os.link(folder / "first.png", folder / f"{number}.png")
    process = run_python(PREPARE, folder, cache)
    deadline = time.monotonic() + 30
    while not list(cache.glob(f"{UNFINISHED}*/images.npy")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(end)
    process.communicate()
    left = list(cache.iterdir())
    assert all(path.name.startswith(UNFINISHED) for path in left)
    assert len(left) == (1 if end == signal.SIGKILL else 0), left
    for number in range(20, 1200):
        (folder / f"{number}.png").unlink()
    prepared = prepare_images(folder, image_size=(64, 64), channels=3, cache_folder=cache)
    assert prepared.report.used == 1 and prepared.report.duplicates == 20
    assert list(cache.iterdir()) == [prepared.folder]


def test_unfinished_work_of_living_processes_is_left_alone(tmp_path):
    with unfinished_folder(tmp_path) as mine:
        (mine / "images.npy").touch()
        with unfinished_folder(tmp_path) as other:
            assert mine.is_dir() and other.is_dir() and mine != other
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="locks of files as POSIX has them")
def test_no_instant_at_which_a_newborn_folder_can_be_taken_for_a_forgotten_one(tmp_path, monkeypatch):
    """Another process tidies up in the moment before the lock is held; a second opening of a file counts as another."""
    import fcntl

    lock, calls = fcntl.flock, []

    def tidy_up_first(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            remove_forgotten(tmp_path)
        return lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", tidy_up_first)
    with unfinished_folder(tmp_path) as folder:
        assert folder.is_dir()
        remove_forgotten(tmp_path)
        assert folder.is_dir()
    assert calls and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="how a file was opened is asked as POSIX does")
def test_files_are_flushed_where_only_writable_ones_can_be(tmp_path, monkeypatch):
    """As on Windows, and on some network file systems."""
    import fcntl

    flush = os.fsync

    def strict(descriptor):
        read_only = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        if read_only and stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", strict)
    with unfinished_folder(tmp_path) as folder:
        (folder / "images.npy").write_bytes(b"pixels")
        assert publish(folder, tmp_path / "final")
    assert [path.name for path in (tmp_path / "final").iterdir()] == ["images.npy"]


def test_a_script_without_main_guard_is_not_run_again_by_the_workers(tmp_path):
    folder = fill(tmp_path / "photos", 520, size=8)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nsys.path.insert(0, sys.argv[3])\nprint('start')\n"
        "from dcgan_hub.images.preparation.prepare import prepare_images\n"
        "print(len(prepare_images(sys.argv[1], image_size=(8, 8), channels=3, cache_folder=sys.argv[2]).images))\n"
    )
    command = [sys.executable, str(script), str(folder), str(tmp_path / "cache"), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["start", "520"]


def test_an_unwritable_cache_is_explained(tmp_path, prepare):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"'.*file/cache'.*DCGAN_HUB_CACHE"):
        prepare(fill(tmp_path / "photos", 1), cache_folder=tmp_path / "file" / "cache")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a size limit for files")
@pytest.mark.parametrize("count", [30, 600])
def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path, count):
    """A limit on the size of files fails in the same calls as a full disk, in this process and in the workers."""
    folder, cache = fill(tmp_path / "photos", count, size=16), tmp_path / "cache"
    code = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + PREPARE
    _, errors = run_python(code, folder, cache).communicate(timeout=60)
    assert "DataError" in errors and "DCGAN_HUB_CACHE" in errors
    assert list(cache.iterdir()) == []


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("DCGAN_HUB_CACHE", str(tmp_path / "own"))
    assert default_cache_folder() == tmp_path / "own"
    monkeypatch.delenv("DCGAN_HUB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "dcgan_hub"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == Path.home() / ".cache" / "dcgan_hub"


def test_the_embedded_set_is_there(prepare):
    prepared = prepare("avatars", image_size=(32, 32), minimum_count=1000)
    assert prepared.images.shape[1:] == (32, 32, 3) and prepared.report.source == "'avatars'"


def test_importing_is_light():
    code = "import sys, dcgan_hub.images, dcgan_hub.images.preparation.prepare; print(*sys.modules)"
    modules = set(run_python(code).communicate()[0].split())
    assert modules.isdisjoint({"tensorflow", "keras", "pyarrow", "datasets", "tqdm", "joblib"})
    code = "import sys, dcgan_hub.images; print(*sys.modules)"
    assert "PIL" not in run_python(code).communicate()[0].split()


def test_a_large_image_is_prepared_from_its_middle(tmp_path, prepare):
    folder = tmp_path / "photos"
    folder.mkdir()
    wide = np.zeros((400, 1200, 3), np.uint8)
    wide[:, 400:800] = (10, 200, 30)
    Image.fromarray(wide).save(folder / "wide.jpg", quality=95)
    centre = prepare(folder).images[0, 2:-2, 2:-2].reshape(-1, 3)
    np.testing.assert_allclose(centre.astype(int), np.broadcast_to((10, 200, 30), centre.shape), atol=6)
