"""Image formats, detected by content whatever the file name, and Pillow's decoders for them."""

import functools
import importlib
import io
import re
from collections.abc import Callable

from PIL import Image

from dcgan_hub.images.sources.readers import RejectedFile

MAX_PIXELS = 100 * 10**6  # of one image, judged from its header before any memory is taken for it
TOO_MANY_PIXELS = "more than 100 megapixels"
UNREADABLE = "not readable as JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PGM/PPM"
DAMAGED = "truncated or damaged"
UNSUPPORTED = "of a variant of their format that Pillow does not read"
# By Pillow's names. Only these are ever loaded: some of Pillow's forty formats run other programs.
PLUGINS = {
    "JPEG": "PIL.JpegImagePlugin",
    "PNG": "PIL.PngImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
    "PPM": "PIL.PpmImagePlugin",
    "AVIF": "PIL.AvifImagePlugin",
    "HEIF": "pillow_heif",
    "JXL": "pillow_jxl",
    "JPEG2000": "PIL.Jpeg2KImagePlugin",
    "TGA": "PIL.TgaImagePlugin",
    "ICO": "PIL.IcoImagePlugin",
    "PSD": "PIL.PsdImagePlugin",
    "QOI": "PIL.QoiImagePlugin",
    "DDS": "PIL.DdsImagePlugin",
    "SGI": "PIL.SgiImagePlugin",
    "PCX": "PIL.PcxImagePlugin",
}
MISSING_DECODERS = {
    "AVIF": "AVIF images, which need `pip install --upgrade pillow`, or to be saved as PNG",
    "HEIF": "HEIC images, which need `pip install pillow-heif`, or to be saved as JPEG",
    "JXL": "JPEG XL images, which need `pip install pillow-jxl-plugin`, or to be saved as PNG",
}
SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    ((b"GIF87a", b"GIF89a"), "GIF"),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
    (b"BM", "BMP"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), "JXL"),
    ((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), "JPEG2000"),
    (b"\0\0\1\0", "ICO"),
    (b"8BPS", "PSD"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"\x01\xda", "SGI"),
    ((b"\x0a\0\1", b"\x0a\2\1", b"\x0a\3\1", b"\x0a\5\1"), "PCX"),
)
PORTABLE_MAP = re.compile(rb"P[1-6f]\s")  # PBM, PGM, PPM, PFM
# Image type, depth of a color map, pixel depth. These files have no signature.
TARGA = re.compile(
    rb".(\0[\x02\x03\x0a\x0b].{4}\0|\x01[\x01\x09].{4}[\x0f\x10\x18\x20]).{8}[\x08\x0f\x10\x18\x20]", re.S
)
# Content that users take for images, and what to do about it.
OTHER_CONTENT = (
    (re.compile(rb"version https://git-lfs"), "pointers of Git LFS, for which `git lfs pull` fetches the images"),
    (re.compile(rb"\s*<(!doctype html|html)", re.I), "web pages, left by failed downloads in place of images"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml.{,2000}<svg|svg)\b", re.S), "SVG drawings, which must be exported as PNG"),
    (re.compile(rb"%PDF|%!PS|\xc5\xd0\xd3\xc6"), "PDF or PostScript pages, which must be exported as PNG"),
    (re.compile(rb".{128}DICM", re.S), "DICOM files, which must be saved as PNG, e.g. by dcm2img of DCMTK"),
    (re.compile(rb"v/1\x01|#\?RADIANCE"), "OpenEXR or Radiance images, which must be saved as PNG"),
    (re.compile(rb"P[7F]\s"), "PAM or color PFM images, which must be saved as PNG"),
    (re.compile(rb"SIMPLE  ="), "FITS images, which must be saved as PNG"),
    (re.compile(rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI ", re.S), "videos, whose frames must be extracted as images"),
)  # fmt: skip


def sniff_format(content: bytes) -> str | None:
    """Detects the format by the first bytes: Pillow's name for it, or None."""
    for signature, image_format in SIGNATURES:
        if content.startswith(signature):
            return image_format
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp":
        brands = content[8 : min(int.from_bytes(content[:4]), 256)]
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        return "HEIF" if re.search(rb"hei[cxms]|hev[cxms]|mif1|msf1", brands) else None
    if PORTABLE_MAP.match(content):
        return "PPM"
    return "TGA" if TARGA.match(content) else None


@functools.cache
def _factory(image_format: str) -> Callable[[io.BytesIO, str], Image.Image]:
    """Returns Pillow's function that opens files of one format. Raises `ImportError` if it is not installed."""
    plugin = importlib.import_module(PLUGINS[image_format])
    if image_format == "HEIF":
        plugin.register_heif_opener()
    if image_format == "AVIF" and not plugin.SUPPORTED:
        raise ImportError("Pillow was built without AVIF")
    return Image.OPEN[image_format][0]


def open_content(content: bytes) -> Image.Image:
    """Reads the header of an image file with the decoder for its first bytes. Raises `RejectedFile`."""
    image_format = sniff_format(content)
    if image_format is None:
        head = content[:4096]
        raise RejectedFile(next((reason for pattern, reason in OTHER_CONTENT if pattern.match(head)), UNREADABLE))
    try:
        _check_webp_canvas(content)
        # `Image.open` does the same after trying its forty formats in turn, which takes as long as a small image.
        return _factory(image_format)(io.BytesIO(content), "")
    except RejectedFile:
        raise
    except ImportError:
        raise RejectedFile(MISSING_DECODERS.get(image_format, UNREADABLE)) from None
    except Exception as error:  # hostile headers make Pillow raise nearly anything: struct.error, SyntaxError, …
        raise decoder_refusal(error, "no sound header") from None


def check_pixel_count(width: int, height: int, largest: int = MAX_PIXELS) -> None:
    """Raises `RejectedFile` for more pixels than an image may have, before any memory is taken for them."""
    if width * height > largest:
        raise RejectedFile(TOO_MANY_PIXELS, f"{width:,} x {height:,}")


def _check_webp_canvas(content: bytes) -> None:
    """Pillow takes memory for the canvas of an animation, twice, when it reads the header."""
    if content.startswith(b"RIFF") and content[8:16] == b"WEBPVP8X" and len(content) >= 30:
        check_pixel_count(1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little"))


def decoder_refusal(error: Exception, detail: str = "") -> RejectedFile:
    """Returns why a decoder failed: an unsupported variant, or damage, described by `detail` or else by the error."""
    words = " ".join(str(error).split())[:80]
    if re.search(r"(?i)unsupported|not supported|unknown|cannot handle|unimplemented|not implemented", words):
        return RejectedFile(UNSUPPORTED, words)
    return RejectedFile(DAMAGED, detail or words)
