"""Arrays saved by NumPy: .npy, and .npz with several arrays."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.archives import damage_explained
from dcgan_hub.images.sources.array_forms import StoredArray, array_error, check_array, layout_readings
from dcgan_hub.images.sources.arrays import (
    LABEL_KINDS,
    check_declared,
    cut_off,
    first_rows,
    labels_and_names,
    pixel_listing,
    unpack,
)
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.listing import FileSource, Listing, Sample

# In lower case, the most likely first: x_train is of Keras' mnist.npz, train_images of MedMNIST, imgs of dSprites.
IMAGE_KEYS = ("images", "x_train", "arr_0", "x", "data", "train_images", "imgs", "image", "train_x", "img", "pictures")
LABEL_KEYS = ("labels", "y_train", "arr_1", "y", "targets", "train_labels", "label", "train_y")
NUMPY_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others pack a gigabyte into a few hundred bytes
MAX_LABEL_BYTES = 2**30
ARRAY_IN_FILE = re.compile(r"(.+\.npz):([^/\\]+)", re.IGNORECASE)


class NumpySource(FileSource):
    """An array in a .npy or .npz file.

    Attributes:
        label_column: name of the array of labels in an .npz; None: one of the usual name, or none.
    """

    label_column: str | None = None

    def __init__(self, path: Path, array_key: str | None = None) -> None:
        """Takes an existing file, and for an .npz the name of the array; '' or None chooses one."""
        super().__init__(path)
        self._array_key = array_key
        self._is_packed = path.suffix.lower() == ".npz"

    def key(self) -> str:
        """Identifies the file by path, size and time of modification, and the requested array."""
        labels = "" if self.label_column is None else f"\0labels\0{self.label_column}"
        return super().key() + (f"\0{self._array_key}" if self._array_key else "") + labels

    def listing(self, workspace: Path) -> Listing:
        """Lists the rows. An .npz is unpacked into the workspace first. Raises `DataError` on any other array."""
        if self._is_packed:
            return self._npz_listing(workspace)
        with self._path.open("rb") as file:
            array = self._stored(file, self.text, f"np.load({str(self._path)!r})", partial(self._path.open, "rb"))
            offset = file.tell()
        if self._path.stat().st_size < offset + int(np.prod(array.shape, dtype=object)) * array.dtype.itemsize:
            raise cut_off(self.text)
        check_array(array)
        return pixel_listing(self._path, offset, array.shape, None, ())

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives evenly spread rows; of an .npz the first ones."""
        if not self._is_packed:
            yield from self.listing(self._path.parent).samples(count)
            return
        with self._npz() as archive:
            array, _ = self._chosen(archive)
            with closing(array.open()) as member:
                yield from first_rows(member, array.shape, count)

    def _stored(self, file: IO[bytes], text: str, load: str, reopen: partial) -> StoredArray:
        """Reads the header of an array. `reopen` opens the file or member again, at its beginning."""
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, dtype = read(file)
        except (ValueError, EOFError, TypeError, SyntaxError) as error:
            reason = printable(" ".join(str(error).split()))
            advice = "Save it again with np.save, or copy it again; files of np.memmap have no header."
            raise array_error(text, f"with a damaged header: {reason}", advice) from None
        return StoredArray(
            text=text,
            load=load,
            shape=shape,
            dtype=dtype,
            fortran_order=fortran_order and len(shape) > 1,
            open=partial(_opened_after, reopen, file.tell()),
        )

    @contextmanager
    def _npz(self) -> Iterator[zipfile.ZipFile]:
        with damage_explained(self.text, "npz"), zipfile.ZipFile(self._path) as archive:
            if any(member.compress_type not in NUMPY_METHODS for member in archive.infolist()):
                raise array_error(
                    self.text, "packed by another method than deflate", "Write it with np.savez_compressed."
                )
            yield archive

    def _npz_listing(self, workspace: Path) -> Listing:
        path = workspace / "array"
        with self._npz() as archive:
            array, label_key = self._chosen(archive)
            with closing(array.open()) as member:
                unpack(member, path, int(np.prod(array.shape, dtype=object)), self.text)
            labels = _read_labels(archive, label_key) if label_key else None
        return pixel_listing(path, 0, array.shape, *labels_and_names(self.text, labels, array.shape[0]))

    def _chosen(self, archive: zipfile.ZipFile) -> tuple[StoredArray, str]:
        """Returns the array of images, and the key of its labels or ''. Raises `DataError` if it has another form."""
        arrays = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        stored = {}
        for key, name in arrays.items():
            load = f"np.load({str(self._path)!r})[{key!r}]"
            with archive.open(name) as member:
                reopen = partial(archive.open, name)
                stored[key] = self._stored(member, f"{self.text}, array '{printable(key)}'", load, reopen)
        key = self._image_key(stored)
        array = stored[key]
        label_key = _label_key(stored, key) if self.label_column is None else self._named_label_key(stored, key)
        if label_key:
            array = replace(array, load_labels=f"np.load({str(self._path)!r})[{label_key!r}]")
        check_declared(array.shape, array.dtype.itemsize, self._path, array.text)
        check_array(array)
        if len([other for other in stored.values() if len(other.shape) > 2]) > 1:
            self.text = array.text  # so that the user sees which one was chosen
        return array, label_key

    def _named_label_key(self, stored: dict[str, StoredArray], image_key: str) -> str:
        """The array of labels that the user named. Raises `DataError` if it is not there, or of another form."""
        labels = stored.get(self.label_column or "")
        count = stored[image_key].shape[:1]
        if self.label_column is None or labels is None or labels.shape != count or labels.dtype.kind not in LABEL_KINDS:
            shown = [f"'{printable(key)}' ({array.dtype} {array.shape})" for key, array in list(stored.items())[:12]]
            raise DataError(
                "`--label-column` must name an array with a whole number or text for each image. Received: "
                f"'{printable(self.label_column or '')}' for {self.text} with the arrays {', '.join(shown)}. Name one "
                "of that form, or leave it out."
            )
        return self.label_column

    def _image_key(self, stored: dict[str, StoredArray]) -> str:
        """Chooses the image array: the requested one, else one by its usual name, else the only candidate."""
        if self._array_key is not None:
            if self._array_key in stored:
                return self._array_key
            raise self._no_choice(stored, f"but none named '{printable(self._array_key)}'")
        sound = [key for key, array in stored.items() if array.dtype == np.uint8 and _has_layout(array)]
        pictures = [key for key, array in stored.items() if len(array.shape) > 2]
        tables = [key for key, array in stored.items() if len(array.shape) == 2]
        by_name = {key.lower(): key for key in reversed(stored)}
        named = [by_name[name] for name in IMAGE_KEYS if name in by_name]
        for candidates in (sound, pictures, tables):
            if chosen := [key for key in named if key in candidates]:
                if candidates is pictures and sound:  # one has the right name, another one the right format
                    break
                return chosen[0]
        else:
            # If there is only one, the check that follows reports what is wrong with it.
            for only in (sound, pictures, list(stored)):
                if len(only) == 1:
                    return only[0]
        raise self._no_choice(stored, "several of which can be images" if pictures else "none of which can be images")

    def _no_choice(self, stored: dict[str, StoredArray], reason: str) -> DataError:
        shown = [f"'{printable(key)}' ({array.dtype} {array.shape})" for key, array in list(stored.items())[:12]]
        largest = max(stored, key=lambda key: np.prod(stored[key].shape, dtype=object), default="images")
        advice = f"Name the array after a colon, e.g. --data '{printable(f'{self._path}:{largest}')}'."
        return array_error(self.text, f"with the arrays {', '.join(shown) or '(none)'}, {reason}", advice)


def _opened_after(reopen: partial, offset: int) -> IO[bytes]:
    file = reopen()
    file.seek(offset)
    return file


def _has_layout(array: StoredArray) -> bool:
    return 0 not in array.shape and not layout_readings(array.shape)


def _label_key(stored: dict[str, StoredArray], image_key: str) -> str:
    """Returns the key of the labels that belong to an array of images, or ''."""
    paired = image_key.lower().replace("images", "labels").replace("x_", "y_").replace("_x", "_y")
    by_name = {key.lower(): key for key in reversed(stored)}
    names = (paired,) if paired in by_name and paired != image_key.lower() else LABEL_KEYS
    count = stored[image_key].shape[:1]
    for name in names:
        labels = stored.get(by_name.get(name, ""))
        if labels is None or by_name[name] == image_key or labels.dtype.hasobject or labels.dtype.itemsize > 1024:
            continue
        size = int(np.prod(labels.shape, dtype=object))
        if (size,) == count and size * labels.dtype.itemsize <= MAX_LABEL_BYTES:
            return by_name[name]
    return ""


def _read_labels(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    with archive.open(f"{key}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)
