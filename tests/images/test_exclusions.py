"""What the product itself and others leave among images: runs, sheets, caches, environments, hidden folders."""

import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from image_files import fill, noise_image

from dcgan_hub.commands.inspect import describe_survey
from dcgan_hub.errors import DataError
from dcgan_hub.images.grids import save_png
from dcgan_hub.images.preparation.survey import survey_images
from dcgan_hub.images.sources.detection import open_source


def write(path: Path, content: str = "{}") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def add_run(folder: Path) -> None:
    """What a trainer leaves, as far as it matters here."""
    for name in ("run.json", "metrics.jsonl"):
        write(folder / name)
    fill(folder / "samples", 2, 500)
    fill(folder / "plots", 1, 510)


def add_sheet(path: Path, **text: str) -> None:
    save_png(noise_image(700, 30, 30), path, text)


RUN = "in a run directory of dcgan_hub"
SHEET = "sheets drawn by dcgan_hub"
MADE = {
    "runs/photos": (add_run, RUN),
    "a/deep/place": (add_run, RUN),
    "generator": (lambda folder: (fill(folder, 1, 520), write(folder / "dcgan.json")), "in a generator of dcgan_hub"),
    ".git/objects": (lambda folder: fill(folder, 1, 530), "in a hidden folder"),
    "cats/.thumbnails": (lambda folder: fill(folder, 1, 530), "in a hidden folder"),
    "env": (lambda folder: (write(folder / "pyvenv.cfg"), fill(folder / "lib", 1, 540)), "in a virtual environment"),
    "conda": (lambda folder: (write(folder / "conda-meta/history"), fill(folder, 1, 550)), "in a virtual environment"),
    "hub": (lambda folder: (write(folder / "CACHEDIR.TAG"), fill(folder / "blobs", 1, 560)), "in a cache"),
    "inspect-data.png": (lambda path: add_sheet(path, source="'./'"), SHEET),  # as older versions wrote it
    "cats/contacts.png": (lambda path: add_sheet(path, source="'.'", Software="dcgan-hub 1.0"), SHEET),
    "step.png": (lambda path: add_sheet(path, step="4", seeds="0-63", run="photos"), SHEET),
    "samples.png": (lambda path: add_sheet(path, seeds="0-63", weights="sha256:0"), SHEET),
    "near.png": (lambda path: add_sheet(path, model="photos", Software="dcgan-hub 1.0"), SHEET),
    "faces/seed-0000000042.png": (lambda path: add_sheet(path, seed="42"), "drawn by `dcgan-hub sample`"),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_no_training_image_changes_nothing_and_is_counted(name, tmp_path, prepare):
    folder = fill(tmp_path / "photos", 4)
    before = prepare(folder)
    make, reason = MADE[name]
    make(folder / name)
    after = prepare(folder)
    np.testing.assert_array_equal(after.images, before.images)
    assert after.fingerprint == before.fingerprint
    described = describe_survey(survey_images(folder, show_progress=False))
    assert f"{reason}" in described and "left out       files that are no training images" in described
    assert "unusable       none" in described and "images         4 unique" in described


@pytest.mark.parametrize("name", ["runs/photos", ".git/objects", "env", "hub", "inspect-data.png"])
def test_it_is_not_even_prepared_again(name, tmp_path):
    """A run that is at work below its images changes from second to second."""
    folder = fill(tmp_path / "photos", 4)
    before = open_source(folder).key()
    MADE[name][0](folder / name)
    assert open_source(folder).key() == before


def test_images_of_the_user_stay_under_names_like_ours(tmp_path, prepare):
    folder = fill(tmp_path / ".hidden" / "photos", 4)
    fill(folder / "runs" / "dogs", 1, 10)
    fill(folder / "samples", 1, 20)
    fill(folder / "shoot", 1, 30)
    write(folder / "shoot" / "run.json", '{"camera": 1}')
    write(folder / "CACHEDIR.TAG")  # the folder itself was asked for
    write(folder / "pyvenv.cfg")
    save_png(noise_image(40), folder / "inspect-weld.png", {"source": "https://example.com/1"})
    save_png(noise_image(41), folder / "made.png", {"Software": "Paint", "Source": "scanner"})
    assert prepare(folder).report.used == 9


def test_many_files_called_as_a_sheet_are_not_opened_at_each_start(tmp_path):
    folder = fill(tmp_path / "photos", 1)
    for number in range(300):
        os.link(folder / "00000.png", folder / f"inspect-{number}.png")
    (folder / "inspect-999.png").mkdir()
    assert len(open_source(folder).listing(tmp_path).names) == 301


def test_a_folder_of_nothing_but_drawn_images_can_be_trained_on(tmp_path, prepare):
    for seed in range(4):
        save_png(noise_image(seed), tmp_path / "drawn" / f"seed-{seed:010d}.png", {"seed": str(seed)})
    assert prepare(tmp_path / "drawn").report.used == 4


def test_a_run_given_as_images_is_refused_with_the_reason(tmp_path, prepare):
    add_run(tmp_path / "run")
    with pytest.raises(DataError, match=r"None of the 5 files .* can be used:\n +5 in a run directory of dcgan_hub"):
        prepare(tmp_path / "run")


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_runs_and_environments_in_an_archive(kind, tmp_path, prepare):
    folder = fill(tmp_path / "photos", 4)
    before = prepare(folder)
    for name in ("runs/photos", "env", "inspect-data.png"):
        MADE[name][0](folder / name)
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path, "photos")
    after = prepare(archive)
    assert after.fingerprint == before.fingerprint
    assert {RUN, "in a virtual environment", SHEET} == set(after.report.rejected)


def test_an_archive_made_of_nothing_but_files(tmp_path, prepare):
    """Many archives have no entries for folders."""
    add_run(fill(tmp_path / "photos", 3) / "runs" / "x")
    files = [path for path in sorted((tmp_path / "photos").rglob("*")) if path.is_file()]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, tarfile.open(tmp_path / "a.tar", "w") as other:
        for path in files:
            archive.write(path, path.relative_to(tmp_path / "photos"))
            other.add(path, path.relative_to(tmp_path / "photos"))
    assert prepare(tmp_path / "a.zip").report.used == prepare(tmp_path / "a.tar").report.used == 3
