"""Records and time-lapses of strangers cost bounded memory and work."""

import json
import tracemalloc
from pathlib import Path

import av
import pytest
from PIL import Image

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.run_views import service
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.run_views.sheets import SheetCache
from dcgan_hub.errors import RunError
from dcgan_hub.runs import untrusted
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.runs.untrusted import MAX_NAMES, MAX_ROWS

MEBIBYTE = 2**20


def make_run(folder: Path, metrics: bytes = b"") -> RunDirectory:
    run = RunDirectory(folder)
    run.samples.mkdir(parents=True)
    run.record_file.write_text('{"state": "finished"}')
    run.metrics_file.write_bytes(metrics)
    return run


def peak_of_opening(folder: Path) -> tuple[int, object]:
    """Bytes at the peak, and the run."""
    shelf = RunShelf(folder.parent)
    tracemalloc.start()
    run = shelf.open(folder.name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, run


def test_very_many_short_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read behind the last line that is allowed."""
    monkeypatch.setattr(untrusted, "MAX_REPORTS", 10_000)
    make_run(tmp_path / "short", b"\n" * (60 * MEBIBYTE))
    peak, run = peak_of_opening(tmp_path / "short")
    assert "may have at most 10,000 lines" in run.problems[0] and run.metrics.rows == ()
    assert peak < MEBIBYTE


def test_a_long_record_is_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an invalid line of a megabyte, lines of quality, and names without end."""
    monkeypatch.setattr(untrusted, "MAX_LINES", 1_000)
    ours = "".join(json.dumps({"step": step, "g_loss": 1.0, "d_loss": 1.0}) + "\n" for step in range(2, 20_000))
    odd = "".join(json.dumps({"step": 0} | {f"{step} {number}": 1 for number in range(30)}) + "\n" for step in range(9))
    long_line = b'{"step": 1, "note": "' + b"x" * MEBIBYTE + b'"}\n'
    quality = b'{"step": 20000, "kid": 0.5}\n'
    content = odd.encode() + long_line + ours.encode() + quality + b'{"step": 20001, "kid": 0.4'
    run_directory = make_run(tmp_path / "long", content)
    peak, run = peak_of_opening(tmp_path / "long")
    assert peak < len(content) < 3 * MEBIBYTE, "not all of its lines are in memory"
    rows = run.metrics.rows
    assert len(rows) <= MAX_ROWS and (rows[0]["step"], rows[-1]["step"]) == (0, 20_000)
    assert [row["step"] for row in run.metrics.measured] == [20_000]
    assert len({name for row in rows for name in row}) <= MAX_NAMES
    assert run.metrics.unreadable <= 1
    run_directory.metrics_file.write_bytes(long_line + b'{"step": 7, "g_loss": 2}\n' + long_line[:-1])
    _, run = peak_of_opening(tmp_path / "long")
    assert run.metrics.rows == ({"step": 7, "g_loss": 2},) and run.metrics.unreadable == 1


def test_a_film_of_large_sheets_has_fewer_and_smaller_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "runs" / "large")
    for step in range(40):
        Image.new("RGB", (600, 400), (step, 0, 0)).save(run.sample_file(step))
    monkeypatch.setattr(service, "MAX_FILM_PIXELS", 10 * 600 * 400)
    monkeypatch.setattr(service, "MAX_FILM_SIZE", (320, 160))
    decoded = []
    picture = SheetCache.picture

    def counted(cache: SheetCache, name: str, step: int) -> Image.Image:
        decoded.append(step)
        return picture(cache, name, step)

    monkeypatch.setattr(SheetCache, "picture", counted)
    answers = RunAnswers(RunShelf(tmp_path / "runs"))
    film = answers.save_film(tmp_path / "films", "large")
    assert len(decoded) <= 11 and decoded[-1] == 39, "the newest is among them"
    with av.open(str(film)) as video:
        frames = list(video.decode(video=0))
    assert len(frames) == 10 and (frames[0].width, frames[0].height) == (240, 160)

    Image.new("RGB", (60, 40)).save(run.sample_file(0))  # the first one is small, to look cheap
    decoded.clear()
    with pytest.raises(RunError, match="within 60 seconds"):
        answers.save_film(tmp_path / "films", "large")
    assert len(decoded) <= 25
    monkeypatch.setattr(service, "MAX_FILM_SECONDS", -1.0)
    with pytest.raises(RunError, match="Try again later"):
        answers.save_film(tmp_path / "films", "large")
