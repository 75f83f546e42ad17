"""Animations, read back with other programs than wrote them."""

import itertools
import tracemalloc

import av
import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base as ExifTag

from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.images.animations import border_color, on_canvas, save_animation
from dcgan_hub.images.grids import opaque


def moving_square(count: int, channels: int = 3, height: int = 28, width: int = 34) -> list[np.ndarray]:
    frames = np.full((count, height, width, channels), 40, np.uint8)
    if channels == 4:
        frames[..., 3] = 0
    for index, frame in enumerate(frames):
        frame[8:16, 2 + index : 10 + index] = 230 if channels == 1 else (230, 40, 90, 255)[:channels]
    return list(frames)


def seen(frame: np.ndarray, scale: int) -> np.ndarray:
    """What a viewer should show, written with `kron` instead of `repeat`."""
    large = np.stack([np.kron(frame[..., c], np.ones((scale, scale), np.uint8)) for c in range(frame.shape[-1])], -1)
    return opaque(large).astype(int)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_mp4_is_what_every_player_shows(tmp_path, channels):
    frames = moving_square(12, channels, height=27, width=33)  # odd, which yuv420p cannot have

    save_animation(iter(frames), tmp_path / "walk.mp4", 24, scale=3)

    with av.open(str(tmp_path / "walk.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 24
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(stream)]
    assert len(shown) == 12
    assert shown[0].shape == (82, 100, 3), "81 x 99 with the last row and column doubled"
    for index in (0, 11):
        difference = np.abs(shown[index][:81, :99] - seen(frames[index], 3))
        assert difference.mean() < 6  # lossy, and colours at half resolution


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gif_has_every_frame_in_its_colours(tmp_path, channels):
    frames = moving_square(12, channels)
    frames[5] = frames[4]  # equal neighbours are two frames all the same

    save_animation(iter(frames), tmp_path / "walk.gif", 10, scale=2)

    with Image.open(tmp_path / "walk.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (12, (68, 56), 0)
        for index in range(12):
            film.seek(index)
            assert film.info["duration"] == 100
            difference = np.abs(np.asarray(film.convert("RGB")).astype(int) - seen(frames[index], 2))
            assert difference.mean() < 3


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_webp_keeps_every_pixel(tmp_path, channels):
    frames = moving_square(9, channels)

    save_animation(iter(frames), tmp_path / "walk.webp", 20, scale=2)

    with Image.open(tmp_path / "walk.webp") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (9, (68, 56), 0)
        for index in range(9):
            film.seek(index)
            film.load()
            assert film.info["duration"] == 50
            if channels == 4:
                pixels = np.asarray(film.convert("RGBA"))
                np.testing.assert_array_equal(pixels[..., 3], np.kron(frames[index][..., 3], np.ones((2, 2))))
                np.testing.assert_array_equal(opaque(pixels), seen(frames[index], 2))
            else:
                np.testing.assert_array_equal(np.asarray(film.convert("RGB")), seen(frames[index], 2))


COMMENT = "what is longer than 255 characters takes several blocks; " * 9


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", ["walk.mp4", "walk.gif", "walk.webp"])
def test_a_comment_is_read_by_other_programs(tmp_path, name, channels):
    save_animation(moving_square(9, channels), tmp_path / name, 20, comment=COMMENT)

    if name == "walk.mp4":
        with av.open(str(tmp_path / name)) as film:
            assert film.metadata["comment"] == COMMENT
        return
    with Image.open(tmp_path / name) as film:
        found = film.info["comment"].decode() if name == "walk.gif" else film.getexif()[ExifTag.ImageDescription]
        assert found == COMMENT
        assert film.n_frames == 9
        film.seek(8)
        film.load()


def test_a_still_image_is_left_as_it_is(tmp_path):
    """libwebp joins equal frames, and one is no animation."""
    save_animation([moving_square(1)[0]] * 3, tmp_path / "still.webp", 20, comment=COMMENT)

    with Image.open(tmp_path / "still.webp") as image:
        assert (image.n_frames, image.size) == (1, (34, 28))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_frame_is_enlarged_by_a_whole_factor_in_the_middle_of_a_canvas(channels):
    frame = moving_square(1, channels)[0]
    color = border_color([frame, frame])

    canvas = on_canvas(frame, (200, 111), color)

    edges = np.concatenate([opaque(frame)[0], opaque(frame)[-1], opaque(frame)[:, 0], opaque(frame)[:, -1]])
    np.testing.assert_array_equal(color, np.median(edges, axis=0).astype(np.uint8))
    expected = np.tile(color, (200, 111, 1))
    expected[58 : 58 + 84, 4 : 4 + 102] = seen(frame, 3)  # 111 // 34 is 3
    np.testing.assert_array_equal(canvas, expected)


@pytest.mark.parametrize("name", ["walk.gif", "walk.webp"])
def test_an_animation_can_be_shown_once(tmp_path, name):
    save_animation(moving_square(3), tmp_path / name, 10, loop=False)

    with Image.open(tmp_path / name) as film:
        assert film.info.get("loop") in (None, 1)  # GIF says nothing, WebP says once


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_folder_keeps_every_pixel(tmp_path, channels):
    frames = moving_square(3, channels)
    (tmp_path / "frames").mkdir()  # an empty folder may be there

    save_animation(iter(frames), tmp_path / "frames", 24)

    paths = sorted((tmp_path / "frames").iterdir())
    assert [path.name for path in paths] == ["frame-00000.png", "frame-00001.png", "frame-00002.png"]
    for path, frame in zip(paths, frames, strict=True):
        with Image.open(path) as read:
            np.testing.assert_array_equal(np.asarray(read).reshape(frame.shape), frame)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_text("mine")

    with pytest.raises(DataError, match=r"new or an empty folder. Received: "):
        save_animation(moving_square(2), tmp_path, 24)

    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_frames_are_taken_one_at_a_time(tmp_path):
    """300 frames of 192 kB each would be 58 MB."""
    frames = (np.full((256, 256, 3), index % 256, np.uint8) for index in range(300))
    tracemalloc.start()
    save_animation(frames, tmp_path / "long.mp4", 60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10_000_000


@pytest.mark.parametrize("name", ["walk.mp4", "walk.gif", "walk.webp", "frames"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, SettingsError])
def test_a_stop_in_the_middle_leaves_what_was_there(tmp_path, name, failure):
    if name != "frames":
        (tmp_path / name).write_text("old")

    def broken():
        yield from itertools.islice(moving_square(9), 5)
        if failure is KeyboardInterrupt:
            raise KeyboardInterrupt
        yield np.zeros((5, 5, 3), np.uint8)  # another size

    with pytest.raises(failure):
        save_animation(broken(), tmp_path / name, 24)

    assert [path.read_text() for path in tmp_path.iterdir()] == ([] if name == "frames" else ["old"])


@pytest.mark.parametrize(
    "name, options, received",
    [
        ("walk.avi", {}, "walk.avi"),
        ("walk.gif", {"frames_per_second": 60}, "60"),
        ("walk.mp4", {"frames_per_second": 0}, "0"),
        ("walk.mp4", {"frames_per_second": float("nan")}, "nan"),
        ("walk.mp4", {"scale": 0}, "0"),
        ("walk.mp4", {"scale": 200}, "34 x 28 with scale=200. Try scale=120"),
        ("walk.mp4", {"frames": []}, "none"),
        ("walk.mp4", {"frames": [np.zeros((4, 4, 3))]}, "float64"),
        ("walk.mp4", {"frames": [np.zeros((4, 4, 2), np.uint8)]}, r"uint8 \(4, 4, 2\)"),
    ],
)
def test_wrong_animations_are_explained(tmp_path, name, options, received):
    with pytest.raises(SettingsError, match=f"Received: .*{received}"):
        save_animation(**{"frames": moving_square(2), "path": tmp_path / name, "frames_per_second": 24} | options)

    assert not list(tmp_path.iterdir())


def test_a_failing_encoder_is_explained(tmp_path, monkeypatch):
    encoder = tmp_path / "ffmpeg"
    encoder.write_text("#!/bin/sh\necho no space left on this disk >&2\nexit 3\n")
    encoder.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(encoder))

    with pytest.raises(DataError, match=r"walk\.mp4: ffmpeg stopped with status 3: no space left on this disk"):
        save_animation(moving_square(50, height=200, width=200), tmp_path / "walk.mp4", 24)

    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]
