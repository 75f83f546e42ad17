"""Sets of pictures that come out blank, or nearly all the same: what is said, and the stretch that is offered."""

import numpy as np
import pytest
from image_files import encoded, noise_image
from PIL import Image, ImageDraw

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.decoding import decode
from dcgan_hub.images.preparation.survey import survey_images
from dcgan_hub.images.sources.readers import RejectedFile


def picture(seed: int, mode: str = "L") -> np.ndarray:
    """A smooth picture of 48 x 48, uint8, that uses nearly all values."""
    return np.asarray(noise_image(seed, 6, 6, mode).resize((48, 48), Image.Resampling.BICUBIC))


def with_alpha(colors: np.ndarray, alpha: np.ndarray | int) -> np.ndarray:
    return np.concatenate([colors, np.broadcast_to(alpha, (48, 48))[..., None]], axis=2).astype(np.uint8)


def with_label(pixels: np.ndarray) -> np.ndarray:
    """Letters burnt into the corner of an X-ray have the largest value that the file can have."""
    pixels[2:5, 2:14] = np.iinfo(pixels.dtype).max
    return pixels


WHITE = np.full((48, 48, 3), 255)
ONE_TONE = {  # what each of the pictures is, and what must be said of all
    "14 bits": (lambda n: picture(n).astype(np.uint16) * 64, ["come out dark", "of 65535", "`--value-range "]),
    "10 bits": (lambda n: picture(n).astype(np.uint16) * 4, ["black", "values 0 to 1020 of 65535", "0:1020`"]),
    "12 bits, label": (
        lambda n: with_label(picture(n).astype(np.uint16) * 16),
        ["black", "nearly all their pixels use only the values 0 to 4080 of 65535", "`--value-range 0:4080`"],
    ),
    "12 bits, negative": (lambda n: 65535 - picture(n).astype(np.uint16) * 16, ["white", "values 61455 to 65535"]),
    "numbers of classes": (lambda n: picture(n) // 13, ["black", "values 0 to 19 of 255", "`--value-range 0:19`"]),
    "masks in color": (lambda n: picture(n, "RGB") // 128, ["black", "values 0 to 1 of 255", "0:1`"]),
    "around zero": (lambda n: picture(n) // 64 + 126, ["one tone", "126 to 129 of 255", "126:129`"]),
    "no alpha": (lambda n: with_alpha(picture(n, "RGB"), 0), ["white", "transparent everywhere (alpha is 0)"]),
    "white icons": (lambda n: with_alpha(WHITE, picture(n)), ["white on a transparent background", "`--channels 4`"]),
    "plain colors": (
        lambda n: np.full((48, 48, 3), (n, 90, 200 - n), np.uint8),
        ["one tone", "stretching their values would not help", "sheet"],
    ),
}


def write(folder, paint, count=40, first=0):
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        (folder / f"{number:03}.png").write_bytes(encoded(Image.fromarray(paint(number))))
    return folder


@pytest.mark.parametrize("kind", ONE_TONE)
def test_pictures_without_contrast_are_told_with_their_values_and_what_to_do(kind, tmp_path, prepare, cache):
    paint, expected = ONE_TONE[kind]
    folder = write(tmp_path / "set", paint)
    prepared = prepare(folder)
    for notes in (prepared.report.notes, survey_images(folder).notes, prepare(folder).report.notes):
        assert len(notes) == 1 and notes[0].startswith("All 40 pictures come out ") and "'000.png'" in notes[0]
        assert [words for words in expected if words not in notes[0]] == []
    assert prepared.report.notes[0] in prepared.report.summary()


@pytest.mark.parametrize("kind", ["10 bits", "no alpha"])
def test_a_part_of_the_set_is_told_as_a_part(kind, tmp_path, prepare):
    folder = write(tmp_path / "set", ONE_TONE[kind][0], count=10)
    write(folder, lambda n: picture(n, "RGB"), count=30, first=10)
    (note,) = prepare(folder).report.notes
    assert note.startswith("10 of the 40 pictures (25%) come out ") and "emove them" in note


def test_pictures_that_become_equal_for_want_of_contrast_are_no_mere_duplicates(tmp_path, prepare):
    folder = write(tmp_path / "set", lambda n: (picture(n) // 3).astype(np.uint16))
    with pytest.raises(DataError, match=r"(?s)Only 1 of the 40.*39 exact duplicates.*values 0 to 85 of 65535"):
        prepare(folder, minimum_count=8)


def test_with_four_channels_alpha_is_a_part_of_the_picture(tmp_path, prepare):
    icons, unseen = (write(tmp_path / kind, ONE_TONE[kind][0]) for kind in ("white icons", "no alpha"))
    assert prepare(icons, channels=4).report.notes == []
    (note,) = prepare(unseen, channels=4).report.notes
    assert "white" in note and "transparent everywhere" in note


def sketch(number: int) -> np.ndarray:
    image = Image.new("L", (48, 48), 255)
    ends = np.random.default_rng(number).integers(2, 46, (4, 2))
    ImageDraw.Draw(image).line([tuple(end) for end in ends.tolist()], fill=0)
    return np.asarray(image)


@pytest.mark.parametrize(
    "paint",
    [
        sketch,
        lambda n: picture(n, "RGB"),
        lambda n: picture(n).astype(np.uint16) * 257,
        lambda n: with_alpha(WHITE * 0, picture(n)),  # dark icons
        lambda n: picture(n) // 5 + 150 if n < 10 else picture(n),  # some fog
        lambda n: picture(n) // 2,  # a dark set
    ],
)
def test_nothing_is_said_of_pictures_with_contrast(paint, tmp_path, prepare, cache):
    folder = write(tmp_path / "set", paint)
    assert prepare(folder).report.notes == [] and survey_images(folder).notes == ()


@pytest.mark.parametrize("alike", [40, 8])
def test_nearly_equal_pictures_are_told(alike, tmp_path, prepare, cache):
    """Frames of a camera that stands still: the same, but for noise."""

    def frame(number: int) -> np.ndarray:
        noise = np.random.default_rng(number).normal(0, 4, (48, 48, 3))
        return np.clip(picture(0 if number < alike else number, "RGB") + noise, 0, 255).astype(np.uint8)

    folder = write(tmp_path / "set", frame)
    for notes in (prepare(folder).report.notes, survey_images(folder).notes):
        assert len(notes) == 1 and notes[0].startswith(f"{alike} of 40 pictures that were compared are nearly the same")


def test_a_stretch_is_the_same_for_all_and_another_set_of_prepared_images(tmp_path, prepare):
    folder = write(tmp_path / "set", lambda n: (picture(n) // (1 + n % 2)).astype(np.uint16) * 16)
    plain, stretched = prepare(folder, image_size=None), prepare(folder, image_size=None, value_range=(0, 4095))
    assert stretched.folder != plain.folder and stretched.fingerprint != plain.fingerprint
    assert stretched.report.notes == [] and stretched.report.options["value_range"] == [0.0, 4095.0]
    values = np.stack([(picture(n) // (1 + n % 2)).astype(float) * 16 for n in range(40)])
    np.testing.assert_array_equal(stretched.images[..., 0], np.rint(values / 4095 * 255))
    with pytest.raises(DataError, match="two numbers"):
        prepare(folder, value_range=(5, 5))


def test_a_stretch_leaves_alpha_and_takes_arrays_and_deep_values(tmp_path, prepare):
    image = Image.new("RGBA", (8, 8), (10, 20, 99, 51))
    assert decode(encoded(image), value_range=(10, 30)).image.getpixel((0, 0)) == (0, 128, 255, 51)
    np.save(tmp_path / "masks.npy", np.arange(40)[:, None, None] // (1 + np.indices((16, 16))[0]) % 2 == 1)
    masks = np.load(tmp_path / "masks.npy").astype(np.uint8)
    np.save(tmp_path / "masks.npy", masks)
    kept = [row for row in range(40) if masks[row].tobytes() not in {masks[other].tobytes() for other in range(row)}]
    np.testing.assert_array_equal(prepare(tmp_path / "masks.npy", value_range=(0, 1)).images[..., 0], masks[kept] * 255)
    scan = encoded(Image.fromarray(np.array([[-1000, 0, 3000]], np.int32)), "TIFF")
    with pytest.raises(RejectedFile, match="--value-range"):
        decode(scan)
    assert np.asarray(decode(scan, value_range=(-1000, 400)).image).tolist() == [[0, 182, 255]]
    fractions = encoded(Image.fromarray(np.array([[0, 0.5, 1, np.nan]], np.float32)), "TIFF")
    assert np.asarray(decode(fractions, value_range=(0, 1)).image).tolist() == [[0, 128, 255, 0]]
