"""The required format of image arrays, and for arrays in another format the line of Python that converts them.

Axes: N images, H rows, W columns, C channels. Nothing is converted silently, because it matters which number is white
and which axis counts the images. There is one line for each interpretation; an ambiguous array has several.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import isqrt
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from dcgan_hub.errors import DataError

FORM = "An array of images must be uint8 from 0 to 255, of shape (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels."
CHANNELS = (1, 3, 4)
SIDE = 5  # pixels; a shorter axis is not taken for height or width if there is another interpretation
WIDE = 16  # an axis this many times as long as the one before it counts images
ALONE = ", where many are needed"
SCANNED_BYTES = 2**22  # at a time


@dataclass(frozen=True, kw_only=True)
class StoredArray:
    """An array in a file, before its content is read."""

    text: str  # its name in messages, printable
    load: str  # the Python expression that loads it
    load_labels: str = ""  # loads its labels; empty without labels
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    open: Callable[[], IO[bytes]]  # at the first byte of the content


class Reading(NamedTuple):
    """One interpretation of an array's axes or numbers."""

    meaning: str
    statement: str = ""  # converts `array` to the required format; empty if unknown


class Span(NamedTuple):
    """The range of the numbers in an array; `low` and `high` ignore non-finite ones."""

    low: float
    high: float
    whole: bool  # no fractional parts
    finite: bool  # neither NaN nor infinite


def array_error(text: str, received: str, advice: str) -> DataError:
    """Explains what an array of images must be."""
    return DataError(f"{FORM} Received: {text}, {received}. {advice}")


def check_array(array: StoredArray) -> None:
    """Raises `DataError` unless an array has the required format. Reads all of it unless it is bool or uint8."""
    received = f"{array.dtype} of shape {array.shape}"
    if array.dtype.hasobject:
        raise array_error(array.text, f"Python objects of shape {array.shape}", _advice_on_objects(array))
    if 0 in array.shape:
        raise array_error(
            array.text, f"{received}, which contains no images", "Write the array again, with images in it."
        )
    if array.dtype.names:
        raise _explained(array, received, [_field_readings(array.dtype)])
    if array.dtype.kind not in "biuf":
        raise array_error(array.text, f"{received}, which are not numbers", "Give an array of numbers.")
    layouts = layout_readings(array.shape)
    numbers, gaps = [], []
    if array.dtype == np.bool_:
        numbers = [Reading("true is white", "array = array.astype('uint8') * 255")]
    elif array.dtype != np.uint8:  # of which few values, as in masks of 0 and 1, are a matter of `value_range`
        span = span_of(array)
        received += f", numbers from {span.low:g} to {span.high:g}" + ("" if span.finite else ", NaN or infinity")
        numbers, gaps = number_readings(array.dtype, span), _gap_readings(span)
    order = (
        [Reading("the same images in C order", "array = np.ascontiguousarray(array)")] if array.fortran_order else []
    )
    if array.fortran_order:
        received += ", in Fortran order"
    if not layouts and not numbers and not gaps and not order:
        return
    raise _explained(array, received, [order, layouts, gaps, numbers])


def _explained(array: StoredArray, received: str, aspects: list[list[Reading]]) -> DataError:
    """Lists each interpretation, with the line for it."""
    if unknown := [reading.meaning for aspect in aspects for reading in aspect if not reading.statement]:
        return array_error(array.text, received, f"{unknown[0]}. Give an array of that form.")
    ways = list(product(*[aspect for aspect in aspects if aspect]))
    target = _free_name("images.npz" if array.load_labels else "images.npy")
    head = "This line of Python writes" if len(ways) == 1 else "Run the line of Python that fits; it writes"
    lines = [f"{head} '{target}'; give that instead:"]
    for way in ways:
        lines.append(f"  {', '.join(reading.meaning for reading in way)}:")
        lines.append(f"    {_line(array, [reading.statement for reading in way], target)}")
    return array_error(array.text, received, "\n".join(lines))


def _line(array: StoredArray, statements: list[str], target: str) -> str:
    save = f"np.save({target!r}, array)"
    if array.load_labels:
        kept = "[kept]" if any(statement.startswith("kept =") for statement in statements) else ""
        save = f"np.savez({target!r}, images=array, labels={array.load_labels}{kept})"
    return "; ".join(["import numpy as np", f"array = {array.load}", *statements, save])


def _free_name(name: str) -> str:
    """A file name that is not in use in the working directory."""
    stem, _, suffix = name.rpartition(".")
    names = (name, *(f"{stem}-{number}.{suffix}" for number in range(2, 1000)))
    return next((free for free in names if not Path(free).exists()), name)


def _advice_on_objects(array: StoredArray) -> str:
    load = array.load.replace("'npz'", "npz").replace(")", ", allow_pickle=True)", 1)
    head = "Reading them can run code; if you trust the file, this line of Python writes"
    if array.shape == ():
        target = _free_name("images.npz")
        return f"{head} the arrays of a dictionary to '{target}':\n    " + "; ".join(
            ["import numpy as np", f"array = {load}", f"np.savez({target!r}, **array.item())"]
        )
    target = "images" if not Path("images").exists() else f"images-of-{array.shape[0]}"
    return (
        f"{head} pictures of different sizes to the folder '{target}'; give that instead:\n    import os; "
        f"import numpy as np; from PIL import Image; os.makedirs({target!r}); array = {load}; "
        f"[Image.fromarray(picture).save(f'{target}/{{number:06}}.png') for number, picture in enumerate(array)]"
    )


def _field_readings(dtype: np.dtype) -> list[Reading]:
    """Interpretations of a structured array."""
    fields = {name: dtype.fields[name][0] for name in dtype.names or () if dtype.fields}
    if len(fields) in CHANNELS and len({field.str for field in fields.values()}) == 1:
        stacked = f"np.stack([array[name] for name in {list(fields)!r}], axis=-1)"
        return [Reading(f"the fields {', '.join(fields)} are channels", f"array = {stacked}")]
    pictures = {name: field for name, field in fields.items() if len(field.shape) >= 2} or fields
    return [Reading(f"the field '{name}' has the images", f"array = array[{name!r}]") for name in pictures]


# Layouts


def layout_readings(shape: tuple[int, ...]) -> list[Reading]:
    """Returns interpretations of the axes, the most likely first; an empty list for (N, H, W) and (N, H, W, C)."""
    by_count = {2: _readings_of_two, 3: _readings_of_three, 4: _readings_of_four}
    if len(shape) in by_count:
        return by_count[len(shape)](shape)
    if len(shape) > 4 and shape[-1] in CHANNELS:
        return [Reading("images in groups", f"array = array.reshape(-1, *{shape[-3:]})")]
    if len(shape) > 4 and shape[-3] in CHANNELS:
        merged = f"array.reshape(-1, *{shape[-3:]}).transpose(0, 2, 3, 1)"
        return [Reading("images in groups, channels before rows", f"array = {merged}")]
    return [Reading("No known layout has this shape")]


def _readings_of_two(shape: tuple[int, ...]) -> list[Reading]:
    """Rows of a table, or one picture."""
    count, length = shape
    one = Reading(f"one gray picture of {count} x {length}{ALONE}", "array = array[None]")
    readings = []
    for skipped, columns in (("", "array"), (" after a label", "array[:, 1:]")):
        pixels = length - bool(skipped)
        side, third = isqrt(pixels), isqrt(pixels // 3)
        if side * side == pixels and side >= SIDE:
            meaning = f"{count:,} gray pictures of {side} x {side} in rows{skipped}"
            readings.append(Reading(meaning, f"array = {columns}.reshape(-1, {side}, {side})"))
        elif 3 * third * third == pixels and third >= SIDE:
            meaning = f"{count:,} pictures of {third} x {third} in rows{skipped}"
            planes = f"array = {columns}.reshape(-1, 3, {third}, {third}).transpose(0, 2, 3, 1)"
            pixelwise = f"array = {columns}.reshape(-1, {third}, {third}, 3)"
            readings.append(Reading(f"{meaning}, all red values first, as in CIFAR's own files", planes))
            readings.append(Reading(f"{meaning}, red, green and blue of each pixel together", pixelwise))
    return [one, *readings] if count == length or not readings else readings


def _readings_of_three(shape: tuple[int, ...]) -> list[Reading]:
    first, rows, columns = shape
    as_it_is = Reading(f"{first:,} gray pictures of {rows} x {columns}", "array = array[..., None]")
    if columns in CHANNELS and min(first, rows) >= SIDE:
        return [
            Reading(f"one picture of {first} x {rows} with {columns} channels{ALONE}", "array = array[None]"),
            as_it_is,
        ]
    if first == 3 and min(rows, columns) >= SIDE:
        one = "array = array.transpose(1, 2, 0)[None]"
        return [Reading(f"one picture of {rows} x {columns}, channels before rows{ALONE}", one), as_it_is]
    even = max(first, rows) <= 4 * min(first, rows) and columns > WIDE * rows
    if min(first, rows) >= SIDE and columns >= SIDE and (first == rows != columns or even):
        meaning = f"{columns:,} gray pictures of {first} x {rows}, counted by the last axis (H, W, N)"
        return [Reading(meaning, "array = np.moveaxis(array, 2, 0)"), as_it_is]
    return []


def _readings_of_four(shape: tuple[int, ...]) -> list[Reading]:
    first, second, third, last = shape
    sides = [side >= SIDE for side in shape]
    by_rows = third in (1, 3) and first == second and sides[0]  # 1 or 3 is too narrow for a picture
    if last in CHANNELS and not by_rows:
        return []
    readings = []
    if second in CHANNELS and sides[2] and sides[3]:
        readings.append(Reading("channels before rows (N, C, H, W)", "array = array.transpose(0, 2, 3, 1)"))
    if third in CHANNELS and sides[0] and sides[1]:
        readings.append(Reading("counted by the last axis (H, W, C, N)", "array = array.transpose(3, 0, 1, 2)"))
    if first in CHANNELS and sides[1] and sides[2]:
        readings.append(Reading("counted by the last axis (C, H, W, N)", "array = array.transpose(3, 1, 2, 0)"))
    return readings or _readings_of_other_channels(shape)


def _readings_of_other_channels(shape: tuple[int, ...]) -> list[Reading]:
    _, second, third, last = shape
    if last < min(second, third):
        gray, color = "array[..., 0]", "array[..., :3]"
    elif second < min(third, last):
        gray, color = "array[:, 0]", "array[:, :3].transpose(0, 2, 3, 1)"
    else:
        slices = f"array = array.reshape(-1, {third}, {last})"
        return [Reading(f"volumes, each slice of {third} x {last} becomes a gray picture", slices)]
    count = min(second, last)
    first = Reading(f"{count} channels, of which the first is used as gray", f"array = {gray}")
    three = Reading(f"{count} channels, of which the first three are red, green and blue", f"array = {color}")
    return [first, three] if count > 2 else [first]


# Numbers


def span_of(array: StoredArray) -> Span:
    """Reads the numbers of an array."""
    low, high, whole, finite = np.inf, -np.inf, True, True
    size = SCANNED_BYTES // array.dtype.itemsize * array.dtype.itemsize
    remaining = int(np.prod(array.shape, dtype=object)) * array.dtype.itemsize
    with array.open() as file:
        while remaining > 0 and (content := file.read(min(size, remaining))):
            remaining -= len(content)
            part = np.frombuffer(content[: len(content) // array.dtype.itemsize * array.dtype.itemsize], array.dtype)
            if part.dtype.kind == "f":
                is_finite = np.isfinite(part)
                finite = finite and bool(is_finite.all())
                part = part[is_finite]
                whole = whole and bool((part == np.floor(part)).all())
            if part.size:
                low, high = min(low, float(part.min())), max(high, float(part.max()))
    return Span(low, high, whole, finite)


def number_readings(dtype: np.dtype, span: Span) -> list[Reading]:
    """Returns interpretations of black and white for dtypes other than uint8, the most likely first."""
    low, high, _, _ = span
    if low >= high and not 0 <= high <= 255:
        return [Reading("All numbers are equal, or none of them is finite")]
    if dtype == np.int8 and low < 0:
        offset, taken = "(array.astype('int16') + 128).astype('uint8')", "array.view('uint8')"
        return [Reading("-128 is black", f"array = {offset}"), Reading("uint8 taken for int8", f"array = {taken}")]
    if span.whole and low >= 0 and high > 1:
        return _readings_of_whole_numbers(high)
    if low >= -0.1 and high <= 1.1:  # resizing filters overshoot
        return [_scaled("0 is black and 1 is white", "array * 255.0")]
    if low >= -1.1 and high <= 1.1:
        readings = [_scaled("-1 is black and 1 is white", "(array + 1) * 127.5")]
        half = _scaled("-0.5 is black and 0.5 is white", "(array + 0.5) * 255")
        return [half, *readings] if max(-low, high) <= 0.6 else readings
    if low >= -16 and 64 < high <= 271:
        return [_scaled("0 is black and 255 is white", "array")]
    return [_stretched(low, high)]


def _readings_of_whole_numbers(high: float) -> list[Reading]:
    plain = Reading("0 is black and 255 is white", "array = array.astype('uint8')")
    if high < 128:
        return [plain, _stretched(0.0, high)]
    if high <= 255:
        return [plain]
    for bits in (10, 12, 14, 16):
        if high < 2**bits:
            white = 2**bits - 1
            return [_scaled(f"{bits} bits, {white} is white", f"array * (255.0 / {white})")]
    return [_stretched(0.0, high)]


def _stretched(low: float, high: float) -> Reading:
    above = f"(array - ({low!r}))" if low else "array"
    return _scaled(f"{low:g} is black and {high:g} is white in all images", f"{above} * (255.0 / {high - low!r})")


def _scaled(meaning: str, expression: str) -> Reading:
    return Reading(meaning, f"array = np.rint(np.clip({expression}, 0, 255)).astype('uint8')")


def _gap_readings(span: Span) -> list[Reading]:
    if span.finite or span.low > span.high:
        return []
    kept = "kept = np.isfinite(array).reshape(len(array), -1).all(axis=1); array = array[kept]"
    filled = f"array = np.nan_to_num(array, nan={span.low!r}, posinf={span.high!r}, neginf={span.low!r})"
    return [Reading("images with NaN or infinity are left out", kept), Reading("NaN is black", filled)]
