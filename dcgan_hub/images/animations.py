"""Animations from frames: .mp4, .gif, .webp, or a folder of PNG files.

H x W pixels, C channels. Frames go one by one to ffmpeg (which comes with imageio-ffmpeg), so a film may be longer than
memory. Only .webp joins equal neighbors, and shows them for as long.
"""

import errno
import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from dcgan_hub.atomic_files import whole_file, whole_folder
from dcgan_hub.console import shell_word
from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.images.comments import with_comment
from dcgan_hub.images.grids import cannot_write, enlarged, opaque, save_png

MAX_SIDE = 4096  # pixels; what H.264 players are sure to show
MAX_FRAME_RATE = {".mp4": 240.0, ".gif": 50.0, ".webp": 240.0, "": 240.0}  # GIF counts in hundredths of a second
MIN_FRAME_RATE = 0.1
FFMPEG_DISK_IS_FULL = 256 - errno.ENOSPC  # its exit status


def check_animation(path: Path, frames_per_second: float, scale: int = 1) -> None:
    """Checks what can be checked before a frame is drawn.

    Raises SettingsError for an unknown suffix, a frame rate that the format cannot have, or a wrong scale.
    """
    suffix = path.suffix.lower()
    if suffix not in MAX_FRAME_RATE:
        raise SettingsError(
            "An animation ends in .mp4, .gif or .webp, or is a folder without a suffix. "
            f"Received: {path}. Try {shell_word(path.with_suffix('.mp4'))}."
        )
    fastest = MAX_FRAME_RATE[suffix]
    if not MIN_FRAME_RATE <= frames_per_second <= fastest:
        raise SettingsError(
            f"{suffix or 'An animation'} can show {MIN_FRAME_RATE} to {fastest:g} frames a second. "
            f"Received: {frames_per_second}. Try 24."
        )
    if scale < 1:
        raise SettingsError(f"`scale` must be at least 1. Received: {scale}. Try 1.")


def save_animation(
    frames: Iterable[np.ndarray],
    path: Path,
    frames_per_second: float,
    scale: int = 1,
    loop: bool = True,
    webp_quality: int | None = None,
    comment: str = "",
) -> None:
    """Writes an animation, whole or not at all; an existing file is replaced, an existing folder must be empty.

    Colors: .webp and PNG frames keep every pixel, and transparency; .mp4 (H.264, yuv420p) is slightly lossy and has
    even sides, so an odd one gets its last row or column twice; .gif has 256 colors a frame. Where transparency cannot
    be kept, a light checkerboard shows instead.

    Args:
        frames: uint8 (H, W, C) each, all of one size, C 1, 3 or 4; taken one at a time.
        path: its suffix chooses the format; without a suffix it is a folder for frame-00000.png and so on.
        frames_per_second: 0.1 to 240, for .gif up to 50.
        scale: factor of enlargement, without smoothing.
        loop: whether .gif and .webp start over for ever; in an .mp4 the player decides.
        webp_quality: 1 to 100 for a small .webp that loses a little; None for one that keeps every pixel.
        comment: ASCII text for the file's metadata: the comment of an .mp4 or .gif, the Exif description of a .webp.

    Raises:
        SettingsError: for wrong settings, no frame, or frames of different sizes.
        DataError: if the file cannot be written.
    """
    check_animation(path, frames_per_second, scale)
    shown = (enlarged(frame, scale) for frame in _checked_frames(frames, scale))
    try:
        if path.suffix:
            with whole_file(path) as temporary:
                encoding = _encoding(path.suffix.lower(), loop, webp_quality, comment)
                _write_animation(shown, temporary, frames_per_second, encoding)
                if comment and path.suffix.lower() != ".mp4":
                    temporary.write_bytes(with_comment(temporary.read_bytes(), path.suffix.lower(), comment))
        else:
            _write_folder(shown, path)
    except OSError as error:
        raise cannot_write(path, error) from error


def on_canvas(frame: np.ndarray, size: tuple[int, int], color: np.ndarray) -> np.ndarray:
    """A frame in the middle of a plain canvas, uint8 (height, width, 3), enlarged as far as whole pixels allow.

    Args:
        frame: uint8 (H, W, C), at most as large as the canvas.
        size: height and width of the canvas.
        color: of the canvas, uint8 (3,).
    """
    scale = min(size[0] // frame.shape[0], size[1] // frame.shape[1])
    picture = opaque(enlarged(frame, scale))
    height, width = picture.shape[:2]
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas = np.empty((*size, 3), np.uint8)
    canvas[:] = color
    canvas[top : top + height, left : left + width] = picture
    return canvas


def border_color(images: Iterable[np.ndarray]) -> np.ndarray:
    """The median color of the outermost pixels of images, uint8 (H, W, C) each, as uint8 (3,)."""
    edges = []
    for image in images:
        seen = opaque(image)
        edges += [seen[0], seen[-1], seen[:, 0], seen[:, -1]]
    return np.median(np.concatenate(edges), axis=0).astype(np.uint8)


def _checked_frames(frames: Iterable[np.ndarray], scale: int) -> Iterator[np.ndarray]:
    shape: tuple[int, ...] | None = None
    for frame in frames:
        shape = frame.shape if shape is None else shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape != shape or shape[-1] not in (1, 3, 4):
            raise SettingsError(
                f"Frames must be uint8 (H, W, C) of one size, C 1, 3 or 4. Received: {frame.dtype} {frame.shape} "
                f"after {shape}. Convert with `to_uint8`."
            )
        if max(shape[:2]) * scale > MAX_SIDE:
            raise SettingsError(
                f"An animation may have {MAX_SIDE} pixels a side. Received: {shape[1]} x {shape[0]} with "
                f"scale={scale}. Try scale={max(1, MAX_SIDE // max(shape[:2]))}."
            )
        yield frame
    if shape is None:
        raise SettingsError("An animation needs at least one frame. Received: none. Give some.")


def _write_folder(frames: Iterable[np.ndarray], folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"Frames go into a new or an empty folder. Received: {folder}. Give another one.")
    with whole_folder(folder) as temporary:
        for number, frame in enumerate(frames):
            save_png(frame, temporary / f"frame-{number:05d}.png")
        if folder.is_dir():
            folder.rmdir()


def _write_animation(frames: Iterator[np.ndarray], path: Path, frames_per_second: float, encoding: list[str]) -> None:
    """Pipes raw frames into ffmpeg."""
    suffix = path.suffix.lower()
    first = _as_stored(next(frames), suffix)
    height, width, channels = first.shape
    command = [
        _ffmpeg(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgba" if channels == 4 else "rgb24",
        "-video_size", f"{width}x{height}", "-framerate", f"{frames_per_second:.6f}", "-i", "pipe:0",
        *encoding, "-map_metadata", "-1", "-bitexact", str(path),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints)
        try:
            _feed(process, itertools.chain([first], (_as_stored(frame, suffix) for frame in frames)))
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode == FFMPEG_DISK_IS_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if process.returncode != 0:
            complaints.seek(0)
            reason = complaints.read()[-300:].decode("utf-8", "replace").strip()
            raise OSError(f"ffmpeg stopped with status {process.returncode}: {reason}")


def _feed(process: "subprocess.Popen[bytes]", frames: Iterable[np.ndarray]) -> None:
    pipe: IO[bytes] | None = process.stdin
    if pipe is None:
        raise OSError("ffmpeg takes no input")
    try:
        for frame in frames:
            pipe.write(frame.tobytes())
        pipe.flush()
    except BrokenPipeError:
        pass  # ffmpeg gave up; its exit status and its complaint say why
    finally:
        with suppress(BrokenPipeError):  # also after Ctrl-C, which ends ffmpeg too
            pipe.close()


def _encoding(suffix: str, loop: bool, webp_quality: int | None, comment: str) -> list[str]:
    """Options for ffmpeg behind its input."""
    if suffix == ".mp4":
        noted = ["-metadata", f"comment={comment}"] if comment else []
        return ["-c:v", "libx264", "-crf", "15", "-pix_fmt", "yuv420p", *noted, "-movflags", "+faststart", "-f", "mp4"]
    if suffix == ".webp":
        loss = ["-lossless", "1"] if webp_quality is None else ["-lossless", "0", "-quality", str(webp_quality)]
        return ["-c:v", "libwebp_anim", *loss, "-loop", "0" if loop else "1", "-f", "webp"]
    # One palette a frame, as a palette for all frames would need all of them in memory.
    palettes = "split[a][b];[a]palettegen=stats_mode=single[palette];[b][palette]paletteuse=new=1"
    return ["-filter_complex", palettes, "-loop", "0" if loop else "-1", "-f", "gif"]


def _as_stored(frame: np.ndarray, suffix: str) -> np.ndarray:
    """The frame as its format can hold it: color, transparency only in .webp, even sides in .mp4."""
    if suffix == ".webp" and frame.shape[-1] == 4:
        return frame
    seen = opaque(frame)
    odd = (seen.shape[0] % 2, seen.shape[1] % 2) if suffix == ".mp4" else (0, 0)
    return np.pad(seen, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")


def _ffmpeg() -> str:
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise OSError("no ffmpeg program; install imageio-ffmpeg again, or set IMAGEIO_FFMPEG_EXE") from error
