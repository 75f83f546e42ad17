"""`dcgan-hub inspect` on a folder that holds something of everything."""

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.cli import main


@pytest.fixture
def folder(tmp_path):
    """12 colour images of 40 x 50 (one of them twice), one with bars, one truncated, one text."""
    random = np.random.RandomState(0)
    data = tmp_path / "photos"
    (data / "cats").mkdir(parents=True)
    for index in range(12):
        image = Image.fromarray(random.randint(0, 256, (40, 50, 3), dtype=np.uint8))
        image.save(data / "cats" / f"{index}.png")
    image.save(data / "again.png")
    barred = random.randint(0, 256, (40, 50, 3), dtype=np.uint8)
    barred[:8] = barred[-8:] = 0
    Image.fromarray(barred).save(data / "barred.png")
    (data / "cut.png").write_bytes((data / "again.png").read_bytes()[:200])
    (data / "notes.txt").write_text("not an image")
    return data


def test_what_is_there_is_told(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", str(folder), "--no-estimate"]) == 0
    said = capsys.readouterr().out
    assert "13 unique" in said and "(16 files)" in said
    assert "duplicates     1" in said and "not images     1" in said
    assert "height         40 to 40 pixels, median 40" in said and "40x50 14" in said
    assert "PNG 14" in said and "RGB 14" in said
    assert "1 truncated" in said or "cut.png" in said
    assert "borders        7%" in said  # one of 14
    assert "preset         avatars-32" in said
    with Image.open("inspect-photos.png") as sheet:
        assert sheet.width > 400


def test_the_estimate_is_measured_here(capsys, monkeypatch, tmp_path, folder):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "images per second, measured" in said and "while training" in said


@pytest.mark.parametrize("data", ["nowhere", "empty"])
def test_what_cannot_be_inspected_is_explained(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["inspect", data]) == 2
    said = capsys.readouterr().err
    assert data in said and "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_sheet_that_exists_is_not_overwritten(folder, tmp_path, capsys):
    (tmp_path / "sheet.png").write_text("mine")
    assert main(["inspect", str(folder), "--sheet", str(tmp_path / "sheet.png"), "--no-estimate"]) == 2
    assert (tmp_path / "sheet.png").read_text() == "mine"
