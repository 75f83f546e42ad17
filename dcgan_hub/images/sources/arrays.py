"""Arrays of pixels: .npy, .npz, MNIST-style idx files, and the data sets that Keras can fetch."""

import gzip
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.archives import damage_explained
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.listing import FileSource, Listing, Sample, already_read, file_key
from dcgan_hub.images.sources.readers import PixelReader

IMAGE_KEYS = ("images", "x_train", "arr_0", "x", "data")
LABEL_KEYS = ("labels", "y_train", "arr_1", "y", "targets")
IDX_UINT8 = 0x08
MAX_UNPACKED_BYTES = 64 * 2**30  # bytes of pixels in a packed array; more is a bomb, or should be unpacked with care
KERAS_NAMES = {"mnist": "mnist", "fashion-mnist": "fashion_mnist", "cifar10": "cifar10"}
KERAS_LABELS = {
    "mnist": "0,1,2,3,4,5,6,7,8,9",
    "fashion-mnist": "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot",
    "cifar10": "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck",
}


def array_error(text: str, received: str) -> DataError:
    """Explains what an array of images must be."""
    return DataError(
        "An array of images must be uint8 from 0 to 255, of shape (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels. "
        f"Received: {text} with {received}. Convert it first, e.g. "
        "`np.save('images.npy', np.clip(array * 255, 0, 255).astype('uint8'))` for floats from 0 to 1."
    )


def check_array(text: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raises `DataError` unless shape and dtype are those of images."""
    if dtype != np.uint8:
        raise array_error(text, f"dtype {dtype}, shape {shape}")
    if not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))) or 0 in shape:
        raise array_error(text, f"shape {shape}")


def pixel_listing(
    path: Path, offset: int, shape: tuple[int, ...], labels: np.ndarray | None, label_names: tuple[str, ...]
) -> Listing:
    """Lists the rows of an array that lies plainly in a file, in the order in which they are stored."""
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
    """Turns a column of labels, numbers or texts, into indices and names; None if there are none.

    Raises DataError if there are not as many labels as images.
    """
    if labels is None:
        return None, ()
    flat = labels.reshape(-1)
    if len(flat) != count or flat.dtype.kind not in "iuUSb":
        raise DataError(
            f"Labels must be one whole number or text per image. Received: {text} with {count:,} images and labels of "
            f"shape {labels.shape}, dtype {labels.dtype}. Correct the labels, or leave them out."
        )
    values, indices = np.unique(flat, return_inverse=True)
    names = tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values)
    return indices.astype(np.int32), names


class NumpySource(FileSource):
    """An array in a .npy or .npz file."""

    def listing(self, workspace: Path) -> Listing:
        """Lists the rows. An .npz is unpacked into the workspace first. Raises `DataError` on any other array."""
        if self._path.suffix.lower() == ".npz":
            return self._npz_listing(workspace)
        with self._path.open("rb") as file:
            shape, offset = self._header(file, self.text)
        if self._path.stat().st_size < offset + int(np.prod(shape, dtype=object)):
            raise array_error(self.text, "fewer pixels than its header says: it is cut off")
        return pixel_listing(self._path, offset, shape, None, ())

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives evenly spread rows; of an .npz the first ones."""
        if self._path.suffix.lower() != ".npz":
            yield from self.listing(self._path.parent).samples(count)
            return
        with damage_explained(self.text, "npz"), zipfile.ZipFile(self._path) as archive:
            key = self._image_key(archive, _npz_keys(archive))
            with archive.open(f"{key}.npy") as member:
                shape, _ = self._header(member, f"{self.text}, array '{printable(key)}'")
                yield from _first_rows(member, shape, count)

    def _header(self, file: IO[bytes], text: str) -> tuple[tuple[int, ...], int]:
        shape, fortran_order, dtype, offset = _numpy_header(file, text)
        check_array(text, shape, dtype)
        if fortran_order:
            raise array_error(text, "pixels in Fortran order")
        return shape, offset

    def _npz_listing(self, workspace: Path) -> Listing:
        path = workspace / "array"
        with damage_explained(self.text, "npz"), zipfile.ZipFile(self._path) as archive:
            keys = _npz_keys(archive)
            key = self._image_key(archive, keys)
            with archive.open(f"{key}.npy") as member:
                shape, _ = self._header(member, f"{self.text}, array '{printable(key)}'")
                unpack(member, path, int(np.prod(shape, dtype=object)), self.text)
            labels = self._labels(archive, keys, key, shape[0])
        return pixel_listing(path, 0, shape, *labels_and_names(self.text, labels, shape[0]))

    def _image_key(self, archive: zipfile.ZipFile, keys: list[str]) -> str:
        """Chooses the array of images: by its usual name, or because it is the only one that can be it."""
        likely = []
        for key in keys:
            with archive.open(f"{key}.npy") as member:
                shape, _, dtype, _ = _numpy_header(member, self.text)
            if dtype == np.uint8 and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))):
                likely.append(key)
        named = [key for key in IMAGE_KEYS if key in likely]
        if named or len(likely) == 1:
            return (named or likely)[0]
        if len(keys) == 1:  # the check that follows says what is wrong with it
            return keys[0]
        known = ", ".join(f"'{printable(key)}'" for key in keys[:8]) or "none"
        raise array_error(self.text, f"no single array that can be images (arrays: {known}); name it 'images', and")

    def _labels(self, archive: zipfile.ZipFile, keys: list[str], image_key: str, count: int) -> np.ndarray | None:
        for key in LABEL_KEYS:
            if key in keys and key != image_key:
                with archive.open(f"{key}.npy") as member:
                    shape, _, dtype, _ = _numpy_header(member, self.text)
                    if dtype.hasobject or int(np.prod(shape, dtype=object)) != count or dtype.itemsize > 1024:
                        continue
                    content = member.read(count * dtype.itemsize)
                return np.frombuffer(content, dtype).reshape(shape)
        return None


def _npz_keys(archive: zipfile.ZipFile) -> list[str]:
    return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def _first_rows(file: IO[bytes], shape: tuple[int, ...], count: int) -> Iterator[Sample]:
    """Gives the first rows of an array whose header has been read."""
    for _ in range(min(count, shape[0])):
        content = file.read(int(np.prod(shape[1:])))
        if len(content) == int(np.prod(shape[1:])):
            yield already_read(np.frombuffer(content, np.uint8).reshape(shape[1:]))


def _numpy_header(file: IO[bytes], text: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Reads the header of a .npy file: shape, whether in Fortran order, dtype, bytes before the array."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
    except (ValueError, EOFError, TypeError, SyntaxError) as error:
        raise array_error(text, f"a damaged header: {printable(' '.join(str(error).split()))}") from None
    if dtype.hasobject:
        raise array_error(text, "Python objects, which could run code when they are read")
    return shape, fortran_order, dtype, file.tell()


def unpack(packed: IO[bytes], path: Path, size: int, text: str) -> None:
    """Copies exactly `size` bytes from a packed file to `path`. Raises `DataError` if there are fewer or too many."""
    if size > MAX_UNPACKED_BYTES:
        raise array_error(text, f"{size:,} bytes of pixels; more than 64 GiB have to be unpacked beforehand")
    remaining = size
    with path.open("wb") as output:
        while remaining:
            with damage_explained(text, "packed"):
                part = packed.read(min(remaining, 2**22))
            if not part:
                raise array_error(text, "fewer pixels than its header says: it is cut off")
            output.write(part)
            remaining -= len(part)


class IdxSource(FileSource):
    """Images in the form of MNIST: `train-images-idx3-ubyte`, maybe with .gz; labels beside it are found."""

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
            shape, offset = _idx_header(file, self.text)
            if len(shape) not in (3, 4) or 0 in shape:
                raise array_error(self.text, f"shape {shape}")
            check_array(self.text, shape, np.dtype(np.uint8))
            size = int(np.prod(shape, dtype=object))
            if _is_gzip(self._path):
                path, offset = workspace / "array", 0
                unpack(file, path, size, self.text)
            elif self._path.stat().st_size < offset + size:
                raise array_error(self.text, "fewer pixels than its header says: it is cut off")
        return pixel_listing(path, offset, shape, *labels_and_names(self.text, self._labels(shape[0]), shape[0]))

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives the first rows."""
        with _open_packed_or_not(self._path) as file:
            shape, _ = _idx_header(file, self.text)
            check_array(self.text, shape, np.dtype(np.uint8))
            with damage_explained(self.text, "idx"):
                yield from _first_rows(file, shape, count)

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
        raise array_error(text, "no header of an idx file of uint8")
    return struct.unpack(f">{dimensions}I", content), 4 + 4 * dimensions


def is_idx_header(head: bytes) -> bool:
    """Tells by the first four bytes whether a file may be an idx file of uint8 images."""
    return len(head) >= 4 and head[:3] == b"\0\0\x08" and head[3] in (3, 4)


class KerasSource:
    """One of the small data sets that Keras fetches and keeps."""

    def __init__(self, name: str) -> None:
        """Takes one of `KERAS_NAMES`."""
        self.text = f"'{name}'"
        self._name = name

    def key(self) -> str:
        """Returns the name; these data sets do not change."""
        return f"keras:{self._name}"

    def listing(self, workspace: Path) -> Listing:
        """Loads the training half through `keras.datasets`. Raises `DataError` if it cannot be had."""
        images, labels = self._load()
        path = workspace / "array"
        images.tofile(path)
        return pixel_listing(path, 0, images.shape, labels.reshape(-1), tuple(KERAS_LABELS[self._name].split(",")))

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives blank rows of the known size and depth: these data sets need not be fetched to know that."""
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
                f"The data set {self.text} must be fetched by Keras once, with a connection to the internet. "
                f"Received: {printable(' '.join(str(error).split()))[:200]}. Connect and try again, "
                "or give the files themselves, as a folder, an archive or an array."
            ) from None
