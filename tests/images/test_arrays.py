"""Arrays as people have them: what has the form is read; for the rest the advised line gives the right pixels."""

import re
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.survey import quick_size
from dcgan_hub.images.sources.detection import hub_id

COUNT, SIDE = 9, 16
RGB = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8)
GREY = RGB[..., 0]
MASKS = (GREY > 128).astype(np.uint8)
DIGITS = np.random.default_rng(1).integers(0, 17, (COUNT, SIDE, SIDE))
DIGITS[0, 0, 0] = 16
VOLUMES = np.random.default_rng(2).integers(0, 256, (5, SIDE, SIDE, SIDE), np.uint8)
TWELVE = GREY.astype(np.uint16) * 16 + 8
GAPS = (RGB / 255).astype(np.float32)
GAPS[2, 0, 0, 0] = np.nan
PARTS = np.zeros(COUNT, [("label", "i4"), ("image", "u1", (SIDE, SIDE, 3))])
PARTS["image"] = RGB
BANDS = np.zeros((COUNT, SIDE, SIDE), [("r", "u1"), ("g", "u1"), ("b", "u1")])
BANDS["r"], BANDS["g"], BANDS["b"] = RGB[..., 0], RGB[..., 1], RGB[..., 2]
LABELS = np.arange(COUNT, dtype=np.uint8)[:, None]


def advised(message: str) -> dict[str, str]:
    """The advised lines of Python by the reading that each is for."""
    return {meaning: line for meaning, line in re.findall(r"\n  (\S.*):\n    (import .*)", message)}


def refusal(prepare, path: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        prepare(path, image_size=None)
    with pytest.raises(DataError):
        quick_size(path)
    message = str(caught.value)
    assert message.startswith("An array of images must be uint8 from 0 to 255") and "Received: 'given.np" in message
    return message


def followed(prepare, line: str) -> np.ndarray:
    """The pixels of what a line writes, as they are prepared. (N, H, W) or (N, H, W, C)."""
    before = {path.name for path in Path().iterdir()}
    exec(line, {})
    (written,) = {path.name for path in Path().iterdir()} - before - {"cache"}
    images = prepare(written, image_size=None, channels=None).images
    Path(written).unlink()
    return images[..., 0] if images.shape[-1] == 1 else images


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "array, meaning, expected",
    [
        # layouts
        (RGB.transpose(0, 3, 1, 2), r"channels before rows \(N, C, H, W\)", RGB),
        (RGB[..., :1].transpose(0, 3, 1, 2), "channels before rows", GREY),
        (np.ascontiguousarray(RGB.transpose(1, 2, 3, 0)), r"\(H, W, C, N\)", RGB),
        (np.ascontiguousarray(RGB.transpose(3, 1, 2, 0)), r"\(C, H, W, N\)", RGB),
        (np.ascontiguousarray(GREY.transpose(1, 2, 0)), r"9 gray pictures of 16 x 16", GREY),
        (RGB[0], "one picture of 16 x 16 with 3 channels", RGB[:1]),
        (RGB[0].transpose(2, 0, 1), "one picture of 16 x 16, channels before rows", RGB[:1]),
        (GREY[0], "one gray picture of 16 x 16", GREY[:1]),
        (GREY.reshape(COUNT, -1), "9 gray pictures of 16 x 16 in rows", GREY),
        (np.hstack([LABELS, GREY.reshape(COUNT, -1)]), "in rows after a label", GREY),
        (RGB.transpose(0, 3, 1, 2).reshape(COUNT, -1), "all red values first", RGB),
        (RGB.reshape(COUNT, -1), "of each pixel together", RGB),
        (RGB.reshape(3, 3, SIDE, SIDE, 3), "groups", RGB),
        (RGB.reshape(3, 3, SIDE, SIDE, 3).transpose(0, 1, 4, 2, 3), "groups, channels before rows", RGB),
        (np.concatenate([RGB, RGB[..., :2]], axis=-1), "5 channels, .* red, green and blue", RGB),
        (RGB[..., :2], "2 channels, of which the first", GREY),
        (VOLUMES, "volumes", VOLUMES.reshape(-1, SIDE, SIDE)),
        (np.asfortranarray(RGB), "C order", RGB),
        (PARTS, "the field 'image'", RGB),
        (BANDS, "the fields r, g, b are channels", RGB),
        # numbers
        (MASKS.astype(bool), "true is white", MASKS * 255),
        (MASKS.astype(np.int8), "0 is black and 1 is white", MASKS * 255),
        (MASKS.astype(np.float64), "0 is black and 1 is white", MASKS * 255),
        (RGB.astype(np.int64), "255 is white", RGB),
        (RGB.astype(">u2"), "255 is white", RGB),
        (RGB.astype(np.float16), "255 is white", RGB),
        (RGB + np.float32(0.2), "255 is white", RGB),
        ((RGB / 255).astype(np.float32), "0 is black and 1 is white", RGB),
        ((RGB / 255).astype(np.float16), "0 is black and 1 is white", RGB),
        ((RGB / 255).astype(">f8"), "0 is black and 1 is white", RGB),
        ((RGB / 127.5 - 1).astype(np.float32), "-1 is black and 1 is white", RGB),
        ((RGB / 127.5 - 1).astype(np.float16), "-1 is black and 1 is white", RGB),
        ((RGB / 255 - 0.5).astype(np.float32), "-0.5 is black", RGB),
        ((RGB.astype(np.int16) - 128).astype(np.int8), "-128 is black", RGB),
        (RGB.view(np.int8), "uint8 taken for int8", RGB),
        (DIGITS, "16 is white", np.rint(DIGITS * (255 / 16)).astype(np.uint8)),
        (DIGITS, "255 is white", DIGITS.astype(np.uint8)),
        (TWELVE, "12 bits", GREY),
        (GREY.astype(np.uint16) * 257, "16 bits", GREY),
        (GREY.astype(np.int16) * 10 - 1000, "-1000 is black and 1550 is white", GREY),
        (GAPS, "left out", np.delete(RGB, 2, axis=0)),
        # several at once
        (np.asfortranarray((RGB / 127.5 - 1).transpose(0, 3, 1, 2)), r"C order, channels before.*, -1 is black", RGB),
        (np.ascontiguousarray((GREY / 255).astype(">f4").transpose(1, 2, 0)), "9 gray pictures .* 1 is white", GREY),
        (MASKS.astype(np.int8).reshape(COUNT, -1), "in rows, 0 is black and 1 is white", MASKS * 255),
    ],
)
@pytest.mark.parametrize("save", [np.save, np.savez_compressed])
def test_the_advice_gives_the_right_pixels(array, meaning, expected, save, prepare):
    path = "given.npy" if save is np.save else "given.npz"
    save(path, array)
    lines = advised(refusal(prepare, path))
    (line,) = [line for reading, line in lines.items() if re.search(meaning, reading)]
    np.testing.assert_array_equal(followed(prepare, line), expected)


def test_what_is_ambiguous_is_asked_about_and_either_answer_settles_it(prepare):
    array = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 40), np.uint8)
    np.save("given.npy", array)
    lines = advised(refusal(prepare, "given.npy"))
    assert list(lines) == [
        "40 gray pictures of 16 x 16, counted by the last axis (H, W, N)",
        "16 gray pictures of 16 x 40",
    ]
    by_last, by_first = lines.values()
    np.testing.assert_array_equal(followed(prepare, by_first), array)
    np.testing.assert_array_equal(followed(prepare, by_last), array.transpose(2, 0, 1))


@pytest.mark.parametrize("shape", [(28, 28, 28), (40, 28, 20), (20, 28, 40), (4, 8, 8), (7, 20, 28, 1), (2, 4, 4, 3)])
def test_plain_arrays_are_read_without_a_question(shape, prepare):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save("given.npy", array)
    prepared = prepare("given.npy", image_size=None)
    np.testing.assert_array_equal(prepared.images.reshape(shape), array)


@pytest.mark.parametrize(
    "array, said",
    [
        (np.zeros((0, 8, 8, 3), np.uint8), "contains no images"),
        (np.full((4, 8, 8), np.nan), "none of them is finite"),
        (np.zeros((4, 8, 8), complex), "not numbers"),
        (np.array(["a.png", "b.png"]), "not numbers"),
        (np.zeros(7, np.uint8), "No known layout"),
        (np.uint8(7), "No known layout"),
    ],
)
def test_what_cannot_become_images_gets_no_line(array, said, prepare):
    np.save("given.npy", array)
    message = refusal(prepare, "given.npy")
    assert re.search(said, message) and "import numpy" not in message


def test_pictures_of_different_sizes(prepare):
    pictures = np.array([RGB[0], RGB[1, :10], None], object)[:2]
    np.save("given.npy", pictures, allow_pickle=True)
    message = refusal(prepare, "given.npy")
    assert "can run code" in message
    (line,) = re.findall(r"\n    (import .*)", message)
    exec(line, {})
    assert prepare("images", image_size=(SIDE, SIDE)).report.used == 2


def test_a_pickled_dictionary(prepare):
    np.save("given.npy", {"images": RGB, "labels": LABELS}, allow_pickle=True)
    (line,) = re.findall(r"\n    (import .*)", refusal(prepare, "given.npy"))
    np.testing.assert_array_equal(followed(prepare, line), RGB)


def test_an_array_that_is_cut_off_or_has_no_header(prepare):
    np.save("given.npy", RGB)
    content = Path("given.npy").read_bytes()
    Path("given.npy").write_bytes(content[:-1])
    assert "truncated. Copy" in refusal(prepare, "given.npy")
    Path("given.npy").write_bytes(content[128:])
    assert "np.memmap" in refusal(prepare, "given.npy")


# Several arrays in one file


def test_the_splits_of_medmnist(prepare):
    parts = {"train": RGB[:5], "val": RGB[5:7], "test": RGB[7:]}
    content = {f"{name}_images": images for name, images in parts.items()}
    content |= {f"{name}_labels": LABELS[: len(images)] for name, images in parts.items()}
    np.savez("given.npz", **content)
    prepared = prepare("given.npz")
    np.testing.assert_array_equal(prepared.images, RGB[:5])
    assert prepared.labels.tolist() == [0, 1, 2, 3, 4]
    assert prepared.report.source == "'given.npz', array 'train_images'"
    other = prepare("given.npz:test_images")
    np.testing.assert_array_equal(other.images, RGB[7:])
    assert other.labels.tolist() == [0, 1]
    with pytest.raises(DataError, match=r"but none named 'tset'.*--data 'given.npz:train_images'"):
        prepare("given.npz:tset")


@pytest.mark.parametrize("key", ["images", "X_train", "arr_0", "imgs", "X", "faces"])
def test_the_usual_names_and_a_single_one(key, prepare):
    rest = {"latents_values": np.zeros((COUNT, 6)), "about": np.array({"by": "me"}, object)}
    np.savez("given.npz", **{key: RGB}, **rest)
    np.testing.assert_array_equal(prepare("given.npz").images, RGB)


def test_several_arrays_without_a_usual_name_are_asked_about(prepare):
    np.savez("given.npz", faces=RGB, masks=MASKS)
    message = refusal(prepare, "given.npz")
    assert "'faces' (uint8 (9, 16, 16, 3)), 'masks' (uint8 (9, 16, 16))" in message
    assert "--data 'given.npz:faces'" in message
    np.testing.assert_array_equal(prepare("given.npz:faces").images, RGB)
    assert "`--value-range 0:1`" in " ".join(prepare("given.npz:masks").report.notes)
    np.testing.assert_array_equal(prepare("given.npz:masks", value_range=(0, 1)).images[..., 0], MASKS * 255)
    assert hub_id("folder/given.npz:faces") is None


def test_a_file_without_images_says_so(prepare):
    np.savez("given.npz", names=np.array(["a", "b"]), ids=np.arange(5))
    assert "none of which can be images" in refusal(prepare, "given.npz")


def test_one_that_has_the_name_and_another_that_has_the_form_are_asked_about(prepare):
    """Else masks would be learned in place of the images."""
    np.savez("given.npz", x_train=RGB.astype(np.float32), masks=GREY)
    assert "--data 'given.npz:x_train'" in refusal(prepare, "given.npz")


def test_labels_stay_with_what_the_advice_writes(prepare):
    np.savez("given.npz", x_train=GAPS, y_train=LABELS)
    line = next(line for reading, line in advised(refusal(prepare, "given.npz")).items() if "left out" in reading)
    exec(line, {})
    prepared = prepare("images.npz")
    np.testing.assert_array_equal(prepared.images, np.delete(RGB, 2, axis=0))
    assert prepared.label_names == tuple("01345678")


def test_the_advice_overwrites_nothing(prepare):
    np.save("images.npy", RGB.astype(np.int64))
    with pytest.raises(DataError) as caught:
        prepare("images.npy")
    (line,) = advised(str(caught.value)).values()
    np.testing.assert_array_equal(followed(prepare, line), RGB)
    assert np.load("images.npy").dtype == np.int64
