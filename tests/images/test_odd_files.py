"""Files that Pillow stumbles over, or that are not of the common formats, and that others show."""

import struct
import zlib

import numpy as np
import pytest
from image_files import encoded, noise_image
from PIL import Image, ImageCms

from dcgan_hub.images.preparation import decoding
from dcgan_hub.images.preparation.decoding import decode
from dcgan_hub.images.preparation.formats import sniff_format
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.survey import quick_size
from dcgan_hub.images.sources.readers import RejectedFile

SMOOTH = noise_image(3, 5, 6).resize((60, 40), Image.Resampling.BICUBIC)
UPRIGHT = SMOOTH.transpose(Image.Transpose.ROTATE_270)  # what orientation 6 asks for


def exif(*entries: tuple[int, int, int, bytes], behind: bytes = b"") -> bytes:
    """EXIF with orientation 6 and further entries: tag, type, count, value or offset."""
    entries = ((0x112, 3, 1, struct.pack("<HH", 6, 0)), *entries)
    directory = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + directory + b"\0\0\0\0" + behind


BEHIND = struct.pack("<I", 8 + 2 + 2 * 12 + 4)  # offset of what follows two entries
ODD_EXIF = {
    "exposure of -1/0": exif((0x9204, 10, 1, BEHIND), behind=struct.pack("<ii", -1, 0)),
    "negative unsigned": exif((0x829A, 5, 1, BEHIND), behind=struct.pack("<ii", -1, -1)),
    "width as text": exif((0x100, 2, 4, b"abc\0")),
    "height as a fraction": exif((0x101, 5, 1, BEHIND), behind=struct.pack("<II", 7, 2)),
    "offset beyond the end": exif((0x11A, 5, 1, struct.pack("<I", 99_999))),
    "unknown type": exif((0x11A, 77, 1, b"\0\0\0\0")),
    "directory in itself": exif((0x8769, 4, 1, struct.pack("<I", 8))),
}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kind", ODD_EXIF)
def test_an_image_is_turned_whatever_else_its_exif_says(kind, image_format):
    options = {"lossless": True} if image_format == "WEBP" else {}
    with decoding.without_pillow_warnings():
        decoded = decode(encoded(SMOOTH, image_format, exif=ODD_EXIF[kind], **options))
    assert decoded.stored_size == (60, 40)
    np.testing.assert_allclose(np.asarray(decoded.image, int), np.asarray(UPRIGHT, int), atol=30)


def chunk(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_with(*chunks: bytes, at_end: bool = False, **options: object) -> bytes:
    content = encoded(SMOOTH, **options)
    place = len(content) - 12 if at_end else 33
    return content[:place] + b"".join(chunks) + content[place:]


PACKED = zlib.compress(bytes(3_000_000))
ODD_PNG = {
    "packed text": png_with(chunk(b"zTXt", b"parameters\0\0" + PACKED)),
    "packed international text": png_with(chunk(b"iTXt", b"workflow\0\1\0\0\0" + PACKED)),
    "packed text at the end": png_with(chunk(b"zTXt", b"parameters\0\0" + PACKED), at_end=True),
    "70 MB of text": png_with(*[chunk(b"tEXt", b"part\0" + bytes(10**6)) for _ in range(70)]),
    "large profile": png_with(chunk(b"iCCP", b"scanner\0\0" + PACKED)),
    "empty profile": png_with(chunk(b"iCCP", b"")),
    "text with a wrong checksum": png_with(chunk(b"tEXt", b"a\0b", checksum=1)),
    "short resolution": png_with(chunk(b"pHYs", b"\0\0")),
    "short gamma": png_with(chunk(b"gAMA", b"")),
    "short animation": png_with(chunk(b"acTL", b"\0")),
    "short transparency": png_with(chunk(b"tRNS", b"\0")),
}


@pytest.mark.parametrize("kind", ODD_PNG)
def test_a_png_is_its_pixels_whatever_else_is_in_it(kind):
    np.testing.assert_array_equal(decode(ODD_PNG[kind]).image, SMOOTH)


def test_metadata_that_decides_about_the_look_survives_the_loss_of_the_rest():
    text = chunk(b"zTXt", b"parameters\0\0" + PACKED)
    turned = png_with(text, exif=ODD_EXIF["width as text"])
    np.testing.assert_array_equal(decode(turned).image, UPRIGHT)
    colored = png_with(text, icc_profile=swapped_profile())
    np.testing.assert_allclose(np.asarray(decode(colored).image, int), np.asarray(SMOOTH)[..., ::-1], atol=2)
    padded = swapped_profile() + bytes(2_000_000)
    large = png_with(chunk(b"iCCP", b"large\0\0" + zlib.compress(padded)))
    np.testing.assert_array_equal(decode(large).image, decode(colored).image)


def test_a_preset_is_chosen_by_a_picture_behind_much_text(tmp_path):
    (tmp_path / "a.png").write_bytes(png_with(chunk(b"tEXt", b"a\0" + bytes(3 * 10**6)), chunk(b"gAMA", b"")))
    assert quick_size(tmp_path)[:2] == (40, 60)


def jpeg_with(*segments: tuple[int, bytes], **options: object) -> bytes:
    content = encoded(SMOOTH, "JPEG", **options)
    added = [b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments]
    return content[:2] + b"".join(added) + content[2:]


@pytest.mark.parametrize(
    "segment",
    [(0xE0, b"JFIF"), (0xEE, b"Adobe"), (0xE2, b"ICC_PROFILE\0"), (0xE2, b"ICC_PROFILE\0\1\5x"), (0xE2, b"MPF\0II*\0")],
)
def test_a_jpeg_is_its_pixels_whatever_else_is_in_it(segment):
    plain = decode(encoded(SMOOTH, "JPEG"))
    np.testing.assert_array_equal(decode(jpeg_with(segment)).image, plain.image)
    assert decode(jpeg_with(segment, exif=exif())).stored_size == (60, 40)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_end_is_whole_and_one_without_its_last_rows_is_not(progressive):
    content = encoded(SMOOTH, "JPEG", progressive=progressive)
    np.testing.assert_array_equal(decode(content[:-2]).image, decode(content).image)
    for size in (len(content) - 40, len(content) * 3 // 4):
        with pytest.raises(RejectedFile, match="truncated or damaged"):
            decode(content[:size])


def test_what_a_decoder_does_not_know_is_not_called_damaged():
    content = bytearray(encoded(SMOOTH, "BMP"))
    struct.pack_into("<I", content, 30, 77)  # compression
    with pytest.raises(RejectedFile, match="does not read"):
        decode(bytes(content))


@pytest.mark.parametrize("image_format", ["PPM", "AVIF", "JPEG2000", "TGA", "ICO", "QOI", "DDS", "SGI", "PCX"])
def test_rarer_formats_are_read_by_their_content_and_refused_when_cut(image_format):
    image = SMOOTH.resize((32, 32)) if image_format == "ICO" else SMOOTH
    content = encoded(image, image_format, **({"subsampling": "4:4:4"} if image_format == "AVIF" else {}))
    assert sniff_format(content) == image_format
    decoded = decode(content)
    assert decoded.stored_size == (image.height, image.width)
    np.testing.assert_allclose(np.asarray(decoded.image.convert("RGB"), int), np.asarray(image, int), atol=20)
    with pytest.raises(RejectedFile):
        decode(content[: len(content) // 2])


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"P1\n# drawn\n2 1\n1 0\n", [[0, 255]]),
        (b"P2 2 1 15\n0 15\n", [[0, 255]]),
        (b"P3 1 1 255\n9 8 7\n", [[[9, 8, 7]]]),
        (b"P4\n8 1\n\x0f", [[255] * 4 + [0] * 4]),
        (b"P5\n2 1\n255\n\x05\x80", [[5, 128]]),
        (b"P5\n2 1\n4095\n\x0f\xff\x00\x00", [[255, 0]]),
        (b"P6\r1 1\n255\n\x01\x02\x03", [[[1, 2, 3]]]),
    ],
)
def test_every_portable_map_is_scaled_by_its_own_largest_value(content, expected):
    np.testing.assert_array_equal(decode(content).image, expected)


HEIF_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


@pytest.mark.parametrize(
    "content, expected",
    [
        (HEIF_HEAD, "HEIC images, which need `pip install pillow-heif`"),
        (b"\xff\x0a" + bytes(50), "JPEG XL images, which need `pip install pillow-jxl-plugin`"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"\n<!DOCTYPE HTML><html>404", "web pages"),
        (b"<?xml version='1.0'?>\n<!-- a drawing -->\n<svg width='1'/>", "SVG drawings"),
        (bytes(128) + b"DICM" + bytes(99), "DICOM"),
        (b"v/1\x01" + bytes(99), "OpenEXR"),
        (b"\0\0\0\x18ftypmp42" + bytes(99), "videos"),
    ],
)
def test_what_is_not_read_is_named_with_what_to_do(content, expected, monkeypatch):
    monkeypatch.setitem(decoding.open_content.__globals__["PLUGINS"], "HEIF", "not_installed")
    monkeypatch.setitem(decoding.open_content.__globals__["PLUGINS"], "JXL", "not_installed")
    with pytest.raises(RejectedFile, match=expected):
        decode(content)


def jpeg_that_claims(height: int, width: int) -> bytes:
    """A sound JPEG of one color: the entropy-coded data of one block, as often as the header asks for."""
    content = bytearray(encoded(Image.new("L", (64, 8), 200), "JPEG"))
    frame, scan = content.index(b"\xff\xc0"), content.index(b"\xff\xda")
    struct.pack_into(">HH", content, frame + 5, height, width)
    restart = b"\xff\xdd\0\4" + struct.pack(">H", 8)  # after each eight blocks, so that these can be repeated
    data = bytes(content[scan + 10 : -2])
    rows = b"".join(data + bytes([0xFF, 0xD0 + number % 8]) for number in range(height * width // 512))
    return bytes(content[:scan]) + restart + bytes(content[scan : scan + 10]) + rows[:-2] + b"\xff\xd9"


def test_a_very_large_jpeg_is_decoded_at_the_size_that_is_needed():
    content = jpeg_that_claims(9_000, 12_032)
    decoded = decode(content, (64, 64))
    assert decoded.stored_size == (9_000, 12_032) and decoded.image.size == (1_504, 1_125)
    assert decoded.image.getextrema() == (200, 200)
    with pytest.raises(RejectedFile, match="megapixels"):
        decode(content)
    with pytest.raises(RejectedFile, match="megapixels"):
        decode(jpeg_that_claims(8, 64).replace(struct.pack(">HH", 8, 64), struct.pack(">HH", 16_000, 16_000)), (64, 64))


def swapped_profile() -> bytes:
    """The profile of a device whose red is sRGB's blue and the reverse."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ", 1)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_colors_are_those_that_the_profile_means(image_format):
    content = encoded(Image.new("RGB", (16, 16), (200, 120, 40)), image_format, icc_profile=swapped_profile())
    assert decode(content).image.getpixel((8, 8)) == pytest.approx((40, 120, 200), abs=4)


def test_alpha_is_no_color_and_neither_srgb_nor_a_foreign_profile_changes_anything():
    profile = swapped_profile()
    transparent = decode(encoded(Image.new("RGBA", (8, 8), (200, 120, 40, 51)), icc_profile=profile)).image
    assert transparent.getpixel((0, 0)) == pytest.approx((40, 120, 200, 51), abs=2)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for same in (srgb, b"no profile", b""):
        np.testing.assert_array_equal(decode(encoded(SMOOTH, icc_profile=same)).image, SMOOTH)
    gray = SMOOTH.convert("L")
    np.testing.assert_array_equal(decode(encoded(gray, icc_profile=profile)).image, gray)


def test_lab_images_are_read():
    lab = ImageCms.createProfile("LAB")
    orange = Image.new("RGB", (8, 8), (230, 120, 40))
    image = ImageCms.profileToProfile(orange, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    assert decode(encoded(image, "TIFF")).image.getpixel((0, 0)) == pytest.approx((230, 120, 40), abs=4)


def test_a_set_without_profiles_keeps_the_fingerprint_that_runs_have_recorded(tmp_path):
    (tmp_path / "photos").mkdir()
    for seed in range(3):
        (tmp_path / "photos" / f"{seed}.png").write_bytes(encoded(noise_image(seed)))
    prepared = prepare_images(tmp_path / "photos", image_size=(16, 16), channels=None, cache_folder=tmp_path / "cache")
    assert prepared.fingerprint[:16] == "3bebecb559a722b1"
