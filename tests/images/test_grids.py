"""Sheets keep every pixel where it belongs; PNG files carry their text."""

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.images.grids import MAX_SHEET_PIXELS, check_sheet_size, make_sheet, opaque, save_png


def random_images(count: int, height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("scale", [1, 3])
def test_every_image_is_at_its_place_pixel_by_pixel(scale):
    images = random_images(5, 20, 30, 3)

    sheet = make_sheet(images, columns=3, scale=scale)

    assert sheet.mode == "RGB"
    assert sheet.size == (2 + 3 * (30 * scale + 2), 2 + 2 * (20 * scale + 2))
    pixels = np.asarray(sheet)
    for index, image in enumerate(images):
        top, left = 2 + index // 3 * (20 * scale + 2), 2 + index % 3 * (30 * scale + 2)
        for row, column in ((0, 0), (7, 11), (19, 29)):
            block = pixels[
                top + row * scale : top + (row + 1) * scale, left + column * scale : left + (column + 1) * scale
            ]
            assert (block == image[row, column]).all()
    assert (pixels[-21 * scale :, -31 * scale :] == 255).all(), "the empty sixth cell is paper"


@pytest.mark.parametrize("side, factor", [(16, 6), (28, 3), (32, 3), (48, 2), (64, 1), (256, 1)])
def test_small_images_are_enlarged(side, factor):
    assert make_sheet(random_images(1, side, side // 2, 3)).size == (4 + side // 2 * factor, 4 + side * factor)


def test_a_sheet_is_as_square_as_it_can_be():
    assert make_sheet(random_images(10, 16, 16, 3), scale=1).size == (2 + 4 * 18, 2 + 3 * 18)


def test_grey_is_shown_grey():
    images = random_images(1, 16, 16, 1)

    pixels = np.asarray(make_sheet(images, scale=1))[2:-2, 2:-2]

    np.testing.assert_array_equal(pixels, np.repeat(images[0], 3, axis=-1))


def test_transparency_shows_a_checkerboard():
    image = np.zeros((16, 16, 4), np.uint8)  # black; left half transparent, right half opaque
    image[:, 8:, 3] = 255
    image[0, 0] = (200, 100, 0, 102)  # 40 % of itself and 60 % of white

    seen = opaque(image)

    assert seen[0, 0].tolist() == [233, 193, 153]
    assert seen[1, 0].tolist() == [255, 255, 255]
    assert seen[8, 0].tolist() == [225, 225, 225]
    assert (seen[:, 8:] == 0).all()


def test_captions_are_written_below_and_change_no_image():
    images = random_images(2, 64, 64, 3)

    sheet = np.asarray(make_sheet(images, captions=["4294967295", "a caption wider than its image"], scale=1))

    caption_rows = sheet[2 + 64 : 2 + 64 + 13]
    cell = (sheet.shape[1] - 2) // 2
    np.testing.assert_array_equal(sheet[2:66, 2:66], images[0])
    np.testing.assert_array_equal(sheet[2:66, 2 + cell : 2 + cell + 64], images[1])
    assert cell - 2 > 64, "the cells are as wide as the widest caption"
    assert (caption_rows[:, 2:66] < 128).any() and (caption_rows[:, 2 + cell :] < 128).any()
    assert (caption_rows[:, 2 + 66 : 2 + cell] == 255).all(), "captions do not run into each other"


@pytest.mark.parametrize(
    "images, options",
    [
        (np.zeros((0, 16, 16, 3), np.uint8), {}),
        (np.zeros((1, 16, 16, 2), np.uint8), {}),
        (np.zeros((1, 16, 16, 3), np.float32), {}),
        (np.zeros((16, 16, 3), np.uint8), {}),
        (np.zeros((2, 16, 16, 3), np.uint8), {"captions": ["one"]}),
        (np.zeros((2, 16, 16, 3), np.uint8), {"columns": 0}),
        (np.zeros((2, 16, 16, 3), np.uint8), {"scale": 0}),
        (np.zeros((2, 16, 16, 3), np.uint8), {"scale": 1000}),
    ],
)
def test_wrong_sheets_are_explained(images, options):
    with pytest.raises(SettingsError, match=r"Received: "):
        make_sheet(images, **options)


def test_a_sheet_too_large_is_refused_before_drawing():
    check_sheet_size(MAX_SHEET_PIXELS // 64**2, (64, 64, 3))
    with pytest.raises(SettingsError, match="15,626 images"):
        check_sheet_size(15_626, (64, 64, 3))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("quick", [False, True])
def test_png_keeps_pixels_and_text(tmp_path, channels, quick):
    image = random_images(1, 17, 19, channels)[0]

    save_png(image, tmp_path / "new" / "image.png", {"seed": "42", "model": "Käse 猫"}, quick=quick)

    with Image.open(tmp_path / "new" / "image.png") as read:
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)
        assert read.text == {"seed": "42", "model": "Käse 猫"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["image.png"]


@pytest.mark.parametrize("quick", [False, True])
def test_a_png_that_fails_leaves_the_old_one(tmp_path, quick):
    path = tmp_path / "image.png"
    save_png(random_images(1, 16, 16, 3)[0], path)
    before = path.read_bytes()

    with pytest.raises(DataError, match=r"Received: .*image\.png"):
        save_png(Image.new("CMYK", (4, 4)).convert("YCbCr"), path, quick=quick)

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["image.png"]


def test_a_place_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match=r"Received: .*image\.png"):
        save_png(random_images(1, 16, 16, 3)[0], tmp_path / "file" / "image.png")
