"""A partial file never stands under its final name."""

import errno
import math
import os
import stat

import pytest

from dcgan_hub.atomic_files import TEMPORARY_PREFIX, remove_unfinished, whole_file, whole_folder, write_json


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "notes.txt"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists() and temporary.suffix == ".txt"
    assert path.read_text() == "half" and path.stat().st_mode & 0o777 == 0o644


def test_after_an_error_the_old_file_stands(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with whole_folder(tmp_path / "state") as temporary:
        (temporary / "a").write_text("1")
        assert not (tmp_path / "state").exists()
    assert (tmp_path / "state" / "a").read_text() == "1"
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "other") as temporary:
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_folder_is_replaced_once_the_new_one_is_whole(tmp_path):
    path = tmp_path / "state"
    path.mkdir()
    (path / "old").write_text("1")
    with pytest.raises(OSError), whole_folder(path) as temporary:
        (temporary / "new").write_text("half")
        raise OSError("no space left")
    assert [entry.name for entry in path.iterdir()] == ["old"]
    with whole_folder(path) as temporary:
        (temporary / "new").write_text("2")
        assert (path / "old").exists()
    assert [entry.name for entry in path.iterdir()] == ["new"] and list(tmp_path.iterdir()) == [path]


def test_numbers_that_are_not_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "record.json", {"loss": math.nan})
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / f"{TEMPORARY_PREFIX}abc").mkdir()
    (tmp_path / f"{TEMPORARY_PREFIX}def.json").write_text("{")
    (tmp_path / "kept.json").write_text("{}")
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.skipif(os.name != "posix", reason="Windows flushes no folders")
@pytest.mark.parametrize("code", ["EINVAL", "EBADF", "ENOSYS", "ENOTSUP"])
def test_a_folder_that_cannot_be_flushed_is_no_error_and_its_files_are_flushed(code, tmp_path, monkeypatch):
    """As on network drives and folders shared with a virtual machine, some of which have no modes either."""
    flush, flushed = os.fsync, []

    def flush_files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(getattr(errno, code), "not here")
        flushed.append(os.fstat(descriptor).st_ino)
        flush(descriptor)

    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "fsync", flush_files_only)
    monkeypatch.setattr(os, "chmod", refuse)
    write_json(tmp_path / "record.json", {})
    with whole_folder(tmp_path / "state") as temporary:
        (temporary / "a").write_text("1")
    assert flushed == [path.stat().st_ino for path in (tmp_path / "record.json", tmp_path / "state" / "a")]


@pytest.mark.skipif(os.name != "posix", reason="Windows flushes no folders")
@pytest.mark.parametrize("kind, code", [(stat.S_ISDIR, errno.EIO), (stat.S_ISREG, errno.EINVAL)], ids=["disk", "file"])
def test_a_disk_that_fails_and_a_file_that_cannot_be_flushed_are_errors(kind, code, tmp_path, monkeypatch):
    def fail(descriptor):
        if kind(os.fstat(descriptor).st_mode):
            raise OSError(code, "failed")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="failed"):
        write_json(tmp_path / "record.json", {})
