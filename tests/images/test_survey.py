import numpy as np
import pytest
from image_files import encoded, fill, noise_image
from PIL import Image, ImageDraw

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.examination import has_bars
from dcgan_hub.images.preparation.survey import quick_size, survey_images


def test_a_survey_counts_what_was_put_in(tmp_path, cache):
    folder = tmp_path / "photos"
    fill(folder / "cat", 3)
    fill(folder / "dog", 2, 3)
    (folder / "dog" / "again.png").write_bytes(encoded(noise_image(0)))
    (folder / "dog" / "wide.jpg").write_bytes(encoded(noise_image(9, 20, 40), "JPEG"))
    (folder / "cat" / "gray.webp").write_bytes(encoded(noise_image(8, 30, 10, "L"), "WEBP", lossless=True))
    (folder / "cat" / "broken.png").write_bytes(encoded(noise_image(7))[:100])
    (folder / "notes.txt").write_text("x")
    survey = survey_images(folder)
    assert (survey.files_found, survey.examined, survey.readable, survey.duplicates, survey.not_images) == (
        10,
        9,
        8,
        1,
        1,
    )
    assert {reason: r.count for reason, r in survey.rejected.items()} == {"truncated or damaged": 1}
    assert survey.heights == (16, 16, 16, 16, 30) and survey.widths == (10, 16, 16, 16, 40)
    assert survey.sizes == {(16, 16): 6, (30, 10): 1, (20, 40): 1}
    assert survey.formats == {"PNG": 6, "WEBP": 1, "JPEG": 1} and survey.modes == {"RGB": 8}
    assert survey.labels == {"cat": 4, "dog": 4}
    assert not survey.all_gray and survey.constant_borders == 0
    assert len(survey.samples) == 8 and survey.samples[0].size == (16, 16)
    assert list(cache.iterdir()) == []


def test_a_survey_through_workers_with_a_limit(tmp_path, cache):
    folder = fill(tmp_path / "photos", 900, size=8)
    survey = survey_images(folder, limit=600)
    assert (survey.files_found, survey.examined, survey.readable) == (900, 600, 600)
    assert len(survey.samples) == 64
    np.testing.assert_array_equal(np.asarray(survey.samples[0]), np.asarray(noise_image(0, 8, 8)))
    np.testing.assert_array_equal(np.asarray(survey.samples[-1]), np.asarray(noise_image(899, 8, 8)))


def test_a_survey_of_an_array(tmp_path, cache):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (70, 9, 7), np.uint8))
    survey = survey_images(tmp_path / "a.npy")
    assert survey.all_gray and survey.formats == {"array": 70} and survey.sizes == {(9, 7): 70} and survey.labels == {}


def test_a_survey_of_nothing_is_an_error_with_reasons(tmp_path, cache):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("text")
    with pytest.raises(DataError, match=r"(?s)None of the 1 files.*1 not readable.*'a\.jpg'"):
        survey_images(tmp_path / "photos")
    with pytest.raises(DataError, match=r"(?s)None of the 1 files.*1 not readable.*'a\.jpg'"):
        quick_size(tmp_path / "photos")


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (20, 60, 20)])
def test_letter_boxes_are_bars_and_plain_backgrounds_are_not(colour):
    letter_box = Image.new("RGB", (64, 64), colour)
    letter_box.paste(noise_image(0, 40, 64), (0, 12))
    assert has_bars(letter_box) and has_bars(letter_box.rotate(90))
    large = letter_box.resize((1000, 1000))
    assert has_bars(large)
    portrait = Image.new("RGB", (64, 64), colour)
    ImageDraw.Draw(portrait).ellipse((12, 12, 52, 52), fill=(230, 120, 40))
    assert not has_bars(portrait)
    assert not has_bars(Image.new("RGB", (64, 64), colour)) and not has_bars(noise_image(1, 64, 64))
    one_side = Image.new("RGB", (64, 64), colour)
    one_side.paste(noise_image(0, 52, 64), (0, 12))
    assert not has_bars(one_side)


def test_quick_size_is_the_median_upright(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(3):
        image = noise_image(number, 30, 50, "L").convert("RGB")
        (folder / f"{number}.jpg").write_bytes(encoded(image, "JPEG", exif=exif))
    (folder / "broken.jpg").write_text("x")
    assert quick_size(folder) == (50, 30, True)
    (folder / "colour.png").write_bytes(encoded(noise_image(9)))
    assert quick_size(folder) == (50, 30, False)
