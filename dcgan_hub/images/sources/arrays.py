"""Listings of pixel rows, MNIST-style idx files, and the datasets that Keras downloads."""

import gzip
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.archives import damage_explained
from dcgan_hub.images.sources.array_forms import CHANNELS, array_error
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.listing import FileSource, Listing, Sample, already_read, file_key
from dcgan_hub.images.sources.readers import MAX_RATIO, PixelReader

IDX_UINT8 = 0x08
MAX_UNPACKED_BYTES = 64 * 2**30  # bytes of pixels in a packed array; more is a bomb, or should be unpacked with care
UNPACKED_IN_ANY_CASE = 2**30  # bytes; from there on `MAX_RATIO` counts
LABEL_KINDS = "iuUSb"  # of NumPy dtypes: whole numbers, text, bytes and booleans
MAX_PACKED_IMAGES = 20_000_000  # in a packed array; each needs memory for its name
KERAS_NAMES = {"mnist": "mnist", "fashion-mnist": "fashion_mnist", "cifar10": "cifar10"}
KERAS_LABELS = {
    "mnist": "0,1,2,3,4,5,6,7,8,9",
    "fashion-mnist": "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot",
    "cifar10": "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck",
}


def pixel_listing(
    path: Path, offset: int, shape: tuple[int, ...], labels: np.ndarray | None, label_names: tuple[str, ...]
) -> Listing:
    """Lists the rows of an array that is stored uncompressed in a file, in the order in which they are stored."""
    count = shape[0]
    given = np.full(count, -1, np.int32) if labels is None else labels.astype(np.int32)
    return Listing(
        reader=PixelReader(str(path), offset=offset, row_shape=tuple(shape[1:])),
        names=[f"row {row}" for row in range(count)],
        locators=range(count),
        labels=given,
        label_names=label_names,
        pixel_shape=tuple(shape[1:]),
    )


def labels_and_names(text: str, labels: np.ndarray | None, count: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Converts labels, numbers or texts, to indices and names; None if there are none.

    Raises DataError if there are not as many labels as images.
    """
    if labels is None:
        return None, ()
    flat = labels.reshape(-1)
    if len(flat) != count or flat.dtype.kind not in LABEL_KINDS:
        raise DataError(
            f"Labels must be one whole number or text per image. Received: {text} with {count:,} images and labels of "
            f"shape {labels.shape}, dtype {labels.dtype}. Correct the labels, or leave them out."
        )
    values, indices = np.unique(flat, return_inverse=True)
    names = tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values)
    return indices.astype(np.int32), names


def first_rows(file: IO[bytes], shape: tuple[int, ...], count: int) -> Iterator[Sample]:
    """Gives the first rows of an array whose header has been read."""
    for _ in range(min(count, shape[0])):
        content = file.read(int(np.prod(shape[1:])))
        if len(content) == int(np.prod(shape[1:])):
            yield already_read(np.frombuffer(content, np.uint8).reshape(shape[1:]))


def cut_off(text: str) -> DataError:
    """Returns the error for a truncated file."""
    return array_error(text, "with fewer pixels than its header says: it is truncated", "Copy or download it again.")


def check_declared(shape: tuple[int, ...], item_bytes: int, packed: Path, text: str) -> None:
    """Checks what the header of a packed array declares, before any of it is unpacked.

    Raises `DataError` if it is more than can be meant.
    """
    size, packed_size = int(np.prod(shape, dtype=object)) * item_bytes, packed.stat().st_size
    if size > MAX_UNPACKED_BYTES or max(shape[:1], default=0) > MAX_PACKED_IMAGES:
        received = f"{size:,} bytes of {max(shape[:1], default=0):,} images"
        raise array_error(text, received, f"Unpack more than 64 GiB, or {MAX_PACKED_IMAGES:,} images, yourself.")
    if size > max(UNPACKED_IN_ANY_CASE, MAX_RATIO * packed_size):
        received = f"{size:,} bytes declared in a file of {packed_size:,}, more than {MAX_RATIO} to 1"
        raise array_error(text, received, "Unpack it yourself, if you trust it.")


def unpack(packed: IO[bytes], path: Path, size: int, text: str) -> None:
    """Copies exactly `size` bytes, see `check_declared`, from a packed file to `path`.

    Raises `DataError` if there are fewer, or the disk has no room.
    """
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise array_error(text, f"{size:,} bytes of pixels, and a disk with {free:,} free", "Free some space.")
    remaining = size
    with path.open("wb") as output:
        while remaining:
            with damage_explained(text, "packed"):
                part = packed.read(min(remaining, 2**22))
            if not part:
                raise cut_off(text)
            output.write(part)
            remaining -= len(part)


class IdxSource(FileSource):
    """Images in MNIST's format: `train-images-idx3-ubyte`, also with .gz; a labels file beside it is used."""

    def __init__(self, path: Path) -> None:
        """Takes an existing file."""
        super().__init__(path)
        name = path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
        beside = [path.with_name(name), path.with_name(name.removesuffix(".gz")), path.with_name(f"{name}.gz")]
        self._label_path = next((other for other in beside if other != path and other.is_file()), None)

    def key(self) -> str:
        """Identifies both files by path, size and time of modification."""
        return super().key() + (file_key(self._label_path) if self._label_path else "")

    def listing(self, workspace: Path) -> Listing:
        """Lists the images. A packed file is unpacked into the workspace first. Raises `DataError` on another file."""
        path = self._path
        with _open_packed_or_not(path) as file:
            shape, offset = self._header(file)
            size = int(np.prod(shape, dtype=object))
            if _is_gzip(self._path):
                path, offset = workspace / "array", 0
                unpack(file, path, size, self.text)
            elif self._path.stat().st_size < offset + size:
                raise cut_off(self.text)
        return pixel_listing(path, offset, shape, *labels_and_names(self.text, self._labels(shape[0]), shape[0]))

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives the first rows."""
        with _open_packed_or_not(self._path) as file:
            shape, _ = self._header(file)
            with damage_explained(self.text, "idx"):
                yield from first_rows(file, shape, count)

    def _header(self, file: IO[bytes]) -> tuple[tuple[int, ...], int]:
        shape, offset = _idx_header(file, self.text)
        if 0 in shape or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in CHANNELS)):
            raise array_error(self.text, f"of shape {shape}", "Give the file of the images.")
        if _is_gzip(self._path):
            check_declared(shape, 1, self._path, self.text)
        return shape, offset

    def _labels(self, count: int) -> np.ndarray | None:
        if self._label_path is None:
            return None
        text = f"'{printable(str(self._label_path))}'"
        with _open_packed_or_not(self._label_path) as file:
            _idx_header(file, text)
            with damage_explained(text, "idx"):
                return np.frombuffer(file.read(count + 1), np.uint8)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _open_packed_or_not(path: Path) -> Any:
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")


def _idx_header(file: IO[bytes], text: str) -> tuple[tuple[int, ...], int]:
    """Reads the header of an idx file: the shape, and the bytes before the array."""
    with damage_explained(text, "idx"):
        head = file.read(4)
        dimensions = head[3] if len(head) == 4 and head[:2] == b"\0\0" else 0
        content = file.read(4 * dimensions)
    if not 1 <= dimensions <= 4 or len(content) < 4 * dimensions or head[2] != IDX_UINT8:
        raise array_error(text, "without the header of an idx file of uint8", "Copy or download it again.")
    return struct.unpack(f">{dimensions}I", content), 4 + 4 * dimensions


def is_idx_header(head: bytes) -> bool:
    """Whether the first four bytes are those of an idx file of uint8 images."""
    return len(head) >= 4 and head[:3] == b"\0\0\x08" and head[3] in (3, 4)


class KerasSource:
    """One of the small datasets that Keras downloads and caches."""

    def __init__(self, name: str) -> None:
        """Takes one of `KERAS_NAMES`."""
        self.text = f"'{name}'"
        self._name = name

    def key(self) -> str:
        """Returns the name; these datasets do not change."""
        return f"keras:{self._name}"

    def listing(self, workspace: Path) -> Listing:
        """Loads the training split through `keras.datasets`. Raises `DataError` if that fails."""
        images, labels = self._load()
        path = workspace / "array"
        images.tofile(path)
        return pixel_listing(path, 0, images.shape, labels.reshape(-1), tuple(KERAS_LABELS[self._name].split(",")))

    def samples(self, count: int) -> Iterator[Sample]:
        """Yields a blank image of the known size and channels, so that nothing is downloaded."""
        row = np.zeros((28, 28), np.uint8)
        if self._name == "cifar10":
            row = np.zeros((32, 32, 3), np.uint8)
            row[..., 0] = 255
        yield already_read(row)

    def _load(self) -> tuple[np.ndarray, np.ndarray]:
        try:
            import keras

            (images, labels), _ = getattr(keras.datasets, KERAS_NAMES[self._name]).load_data()
            return images, labels
        except Exception as error:  # Keras raises a bare Exception if a download fails
            raise DataError(
                f"The dataset {self.text} must be downloaded by Keras once. "
                f"Received: {printable(' '.join(str(error).split()))[:200]}. Connect and try again, "
                "or give the files themselves, as a folder, an archive or an array."
            ) from None
