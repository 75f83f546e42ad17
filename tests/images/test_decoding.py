import io
import struct
import zlib

import numpy as np
import pytest
from image_files import encoded, noise_image
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from dcgan_hub.images.preparation import decoding
from dcgan_hub.images.preparation.decoding import decode, fit_image, open_image, with_channels
from dcgan_hub.images.sources.readers import RejectedFile

ORANGE = (230, 120, 40)
CORNERS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 0], [255, 0, 255], [0, 255, 255]]], np.uint8)


def colour_of(content: bytes, channels: int = 3) -> tuple[int, ...]:
    """The mean colour after everything that is done to an image."""
    image = with_channels(fit_image(decode(content).image, (8, 8), "crop"), channels)
    return tuple(np.asarray(image).reshape(64, channels).mean(axis=0).round().astype(int).tolist())


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_each_format_gives_the_colour_that_was_painted(image_format):
    content = encoded(Image.new("RGB", (24, 20), ORANGE), image_format)
    assert colour_of(content) == pytest.approx(ORANGE, abs=4)
    assert decode(content).stored_format == image_format
    assert decode(content).stored_size == (20, 24)


def grey_16_bits(level: int) -> Image.Image:
    return Image.fromarray(np.full((10, 10), level, np.uint16))


def palette_with_a_transparent_entry() -> Image.Image:
    image = Image.new("P", (10, 10), 1)
    image.putpalette([0, 0, 0, *ORANGE])
    return image


@pytest.mark.parametrize(
    "image, image_format, options, expected",
    [
        (Image.new("1", (10, 10), 1), "PNG", {}, (255, 255, 255)),
        (Image.new("L", (10, 10), 90), "PNG", {}, (90, 90, 90)),
        (Image.new("L", (10, 10), 90), "PNG", {"transparency": 90}, (255, 255, 255)),
        (Image.new("LA", (10, 10), (0, 51)), "PNG", {}, (204, 204, 204)),
        (Image.new("RGBA", (10, 10), (255, 0, 0, 51)), "PNG", {}, (255, 204, 204)),
        (Image.new("RGBA", (10, 10), (*ORANGE, 255)), "PNG", {}, ORANGE),
        (Image.new("RGB", (10, 10), ORANGE), "PNG", {"transparency": ORANGE}, (255, 255, 255)),
        (palette_with_a_transparent_entry(), "PNG", {}, ORANGE),
        (palette_with_a_transparent_entry(), "PNG", {"transparency": 1}, (255, 255, 255)),
        (palette_with_a_transparent_entry(), "PNG", {"transparency": bytes([255, 51])}, (250, 228, 212)),
        (Image.new("CMYK", (10, 10), (0, 255, 255, 0)), "TIFF", {}, (255, 0, 0)),
        (grey_16_bits(65535), "PNG", {}, (255, 255, 255)),
        (grey_16_bits(128 * 257), "PNG", {}, (128, 128, 128)),
        (grey_16_bits(300), "TIFF", {}, (1, 1, 1)),
    ],
)
def test_each_mode_gives_the_colour_that_was_painted(image, image_format, options, expected):
    assert colour_of(encoded(image, image_format, **options)) == pytest.approx(expected, abs=1)


def test_cmyk_jpeg_of_photo_editors_is_not_inverted():
    content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert b"Adobe" in content[:64]
    red, green, blue = colour_of(content)
    assert red > 240 and green < 15 and blue < 15


def test_alpha_is_kept_with_four_channels_only():
    content = encoded(Image.new("RGBA", (10, 10), (255, 0, 0, 51)))
    assert colour_of(content, 4) == (255, 0, 0, 51)
    assert colour_of(content, 1) == pytest.approx((219,), abs=1)  # 0.299 × 255 + 0.701 × 204
    assert colour_of(encoded(Image.new("L", (10, 10), 7)), 4) == (7, 7, 7, 255)


def test_floats_and_32_bits_are_refused_and_not_rescaled():
    for pixels in (np.full((8, 8), 0.5, np.float32), np.full((8, 8), 2**20, np.int32)):
        with pytest.raises(RejectedFile, match="not 0 to 65535"):
            decode(encoded(Image.fromarray(pixels), "TIFF"))


def oriented(corners: np.ndarray, orientation: int, image_format: str) -> bytes:
    """A file that says how the camera was held, with 16 x 16 pixels for each corner."""
    image = Image.fromarray(corners.repeat(16, axis=0).repeat(16, axis=1))
    if image_format == "TIFF":
        tags = ImageFileDirectory_v2()
        tags[0x0112] = orientation
        return encoded(image, "TIFF", tiffinfo=tags)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if image_format == "JPEG" else {}
    return encoded(image, image_format, exif=exif, **options)


# How the stored pixels lie for each orientation, by the EXIF standard (row 0 and column 0 of the stored image), written
# with NumPy only, so that it does not share a mistake with Pillow.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: upright.transpose(1, 0, 2)[:, ::-1],
}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation, image_format):
    content = oriented(np.ascontiguousarray(STORED[orientation](CORNERS)), orientation, image_format)
    decoded = decode(content)
    assert decoded.stored_size == (32, 48)
    centres = np.asarray(decoded.image.convert("RGB"))[8::16, 8::16]
    np.testing.assert_allclose(centres.astype(int), CORNERS, atol=90 if image_format == "WEBP" else 6)


def test_draft_mode_keeps_the_picture_and_the_stored_size():
    gradient = np.linspace(0, 255, 512, dtype=np.uint8)
    pixels = np.stack([np.tile(gradient, (512, 1)), np.tile(gradient, (512, 1)).T, np.full((512, 512), 80)], axis=2)
    content = encoded(Image.fromarray(pixels.astype(np.uint8)), "JPEG", quality=95)
    full, draft = decode(content), decode(content, (32, 32))
    assert draft.image.size == (64, 64) and draft.stored_size == full.stored_size == (512, 512)
    difference = [np.asarray(fit_image(d.image, (32, 32), "crop"), int) for d in (full, draft)]
    assert np.abs(difference[0] - difference[1]).max() <= 4


def test_crop_pad_and_stretch():
    """A green square between two red ones."""
    image = Image.fromarray(CORNERS[0][[0, 1, 0]].repeat(16, axis=0)[None].repeat(16, axis=0))
    crop, pad, stretch = (np.asarray(fit_image(image, (16, 16), fit)) for fit in ("crop", "pad", "stretch"))
    assert (crop[:, 2:-2] == (0, 255, 0)).all()
    assert (pad[0] == 255).all() and (pad[-1] == 255).all() and pad[8, 8, 1] > 245 > 10 > pad[8, 8, 0]
    assert pad[8, 0, 0] > 200 and pad[8, 0, 1] < 60
    assert stretch[8, 8, 1] > 245 > 10 > stretch[8, 8, 0] and stretch[8, 1, 0] > 240 and stretch[8, -2, 0] > 240
    assert np.asarray(fit_image(image.convert("RGBA"), (16, 16), "pad"))[0, 0, 3] == 0


def test_enlarging_does_not_overshoot_and_shrinking_averages():
    checker = np.indices((64, 64)).sum(axis=0) % 2 * 255
    shrunk = np.asarray(fit_image(Image.fromarray(checker.astype(np.uint8)), (16, 16), "crop"))
    assert abs(int(shrunk.mean()) - 127) <= 2 and shrunk.std() < 4  # nearest would give one of the two colours


def test_truncated_files_are_refused():
    image = noise_image(1, 64, 64)
    for image_format in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"):
        content = encoded(image, image_format)
        for size in (len(content) // 2, 20, 3):
            with pytest.raises(RejectedFile):
                decode(content[:size])


def test_what_is_no_image_is_refused_whatever_it_is_called():
    for content in (b"hello, I am a text", b"\0" * 100, b"P9 1 1", b"#!/bin/sh\n"):
        with pytest.raises(RejectedFile, match="not readable as JPEG"):
            decode(content)


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("width, height", [(10_001, 10_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_by_its_header(width, height):
    with decoding.without_pillow_warnings(), pytest.raises(RejectedFile, match="megapixels"):
        open_image(png_that_claims(width, height))


def test_only_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (10, 10), colour) for colour in (ORANGE, (0, 0, 255))]
    for image_format in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], image_format, save_all=True, append_images=frames[1:])
        assert colour_of(content) == pytest.approx(ORANGE, abs=4)


@pytest.mark.parametrize(
    "image_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF", "JPEG2000", "TGA"]
)
def test_random_damage_is_refused_or_survived_but_never_anything_else(image_format):
    """Whatever a damaged file makes Pillow raise, a run over 100,000 files must go on."""
    content, random = encoded(noise_image(2, 24, 24), image_format), np.random.default_rng(0)
    outcomes = set()
    with decoding.without_pillow_warnings():
        for _ in range(150):
            damaged = bytearray(content)
            for position in random.integers(4, len(content), 6):
                damaged[position] = random.integers(256)
            try:
                decode(bytes(damaged))
                outcomes.add("survived")
            except RejectedFile:
                outcomes.add("refused")
    assert outcomes  # every other exception has failed the test already


def test_the_sniffed_format_decides_and_not_the_forty_others_of_pillow():
    output = io.BytesIO()
    Image.new("RGB", (4, 4)).save(output, "EPS")  # Pillow would start Ghostscript
    with pytest.raises(RejectedFile, match="PostScript"):
        decode(output.getvalue())
