"""The columns of a table: which holds the images, and which their labels."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.file_names import printable

IMAGE_COLUMNS = ("image", "images", "img", "picture", "photo", "jpg", "jpeg", "png", "webp")
PATH_COLUMNS = ("file_name", "filename", "file", "path", "image_path")
LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "fine_label")


class Columns(NamedTuple):
    """The columns of a table that are used."""

    image: str
    label: str | None
    label_names: Sequence[str] | None  # of the labels 0, 1, …, if the table has them

    def read(self, batch: Any) -> Iterator[tuple[Any, Any]]:
        """Yields (image cell, label or None) for each row of a record batch, and for each image in a list of images."""
        cells = batch.column(batch.schema.get_field_index(self.image))
        known = batch.schema.get_field_index(self.label) if self.label else -1
        labels = batch.column(known).to_pylist() if known >= 0 else [None] * len(cells)
        for stored, label in zip(cells, labels, strict=True):
            cell = stored.as_py()  # one at a time, since cells may share their bytes
            for one in cell if isinstance(cell, list) else [cell]:
                yield one, label

    def names(self) -> list[str]:
        """Returns the columns to be read."""
        return [self.image] + ([self.label] if self.label else [])


def find_columns(schema: Any, text: str, label_column: str | None = None) -> Columns:
    """Finds the image and label columns in an arrow schema.

    Args:
        schema: of the table.
        text: how messages call the table.
        label_column: name of the column of labels; None: one of the usual name, or none.

    Raises:
        DataError: if there is no image column, or `label_column` is not there or holds neither whole numbers nor text.
    """
    features = _features(schema.metadata)
    encoded = [column.name for column in schema if _holds_bytes(column.type)]
    texts = [column.name for column in schema if _is_text(column.type)]
    said = [name for name in encoded if features.get(name, {}).get("_type") == "Image"]
    usual = [name for name in IMAGE_COLUMNS if name in encoded]
    only = encoded if len(encoded) == 1 else []
    paths = [name for name in IMAGE_COLUMNS + PATH_COLUMNS if name in texts]
    chosen = said or usual or only or paths
    if not chosen:
        raise _no_images(schema, text)
    classes = [name for name in schema.names if features.get(name, {}).get("_type") == "ClassLabel"]
    plain = [name for name in LABEL_COLUMNS if name in schema.names and _is_label(schema.field(name).type)]
    if label_column is not None:
        _check_label_column(schema, text, label_column)
    label = label_column or next((name for name in classes + plain if name != chosen[0]), None)
    known = features.get(label, {}).get("names") if label else None
    return Columns(chosen[0], label, known if isinstance(known, list) else None)


def _check_label_column(schema: Any, text: str, name: str) -> None:
    if name in schema.names and _can_label(schema.field(name).type):
        return
    raise DataError(
        f"`--label-column` must name a column of whole numbers or text. Received: '{printable(name)}' for {text} with "
        f"the columns {_listed_columns(schema)}. Name one of these, or leave it out."
    )


def _listed_columns(schema: Any) -> str:
    return ", ".join(f"'{printable(column.name)}' ({printable(str(column.type))})" for column in list(schema)[:12])


def _no_images(schema: Any, text: str) -> DataError:
    return DataError(
        "A table must have a column 'image' of encoded images, as in JPEG or PNG files, or of paths to such files. "
        f"Received: {text} with the columns {_listed_columns(schema) or 'none'}. Rename the column if it has another "
        "name; images that are stored as lists of numbers from 0 to 255 can be given as an array: "
        "np.save('images.npy', np.array(table['image'], 'uint8'))."
    )


def _holds_bytes(kind: Any) -> bool:
    """Whether an arrow type can hold encoded images: bytes, a struct of bytes and path, or lists of these."""
    from pyarrow import types

    in_list = types.is_list(kind) or types.is_large_list(kind)
    if in_list:
        kind = kind.value_type
    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    # Views may show the same bytes in every image of a list, which is read as a whole.
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or (types.is_binary_view(kind) and not in_list))


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_label(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or _is_text(kind))


def _can_label(kind: Any) -> bool:
    """Whether a column that the user names can be labels: those of a pandas category are a dictionary of texts."""
    from pyarrow import types

    return _is_label(kind.value_type if types.is_dictionary(kind) else kind)


def _features(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Reads the features that the `datasets` library stores in a schema; {} if there are none, or malformed ones."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
