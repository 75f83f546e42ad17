"""Circular padding by stock layers of Keras: a map continues on its other side, as a tile beside itself does."""

from typing import Any

import keras

AXES = ("rows", "columns")


def pad_circularly(maps: Any, margins: tuple[int, int], dtype: str | None, name: str) -> Any:
    """Puts the last rows before the first ones and the first after the last, then the same for columns.

    By cropping and concatenating, so that plain Keras opens the model. Margins may be wider than the map.

    Args:
        maps: (B, H, W, C).
        margins: rows to add before and after, and as many columns.
        dtype: Keras dtype policy of the layers.
        name: beginning of the layers' names.

    Returns:
        (B, H + P, W + P, C) with P the sum of the margins.
    """
    for axis, lines in enumerate(AXES):
        side, (before, after) = maps.shape[1 + axis], margins
        parts = [
            *_lines(maps, axis, side - before % side, side, dtype, f"{name}_last_{lines}"),
            *[maps] * (before // side + 1 + after // side),
            *_lines(maps, axis, 0, after % side, dtype, f"{name}_first_{lines}"),
        ]
        if len(parts) > 1:
            maps = keras.layers.Concatenate(axis=1 + axis, dtype=dtype, name=f"{name}_wrapped_{lines}")(parts)
    return maps


def _lines(maps: Any, axis: int, first: int, end: int, dtype: str | None, name: str) -> list[Any]:
    """Rows (axis 0) or columns from `first` to before `end`, as a list of one; empty if there are none."""
    if first == end:
        return []
    cropping = [(0, 0), (0, 0)]
    cropping[axis] = (first, maps.shape[1 + axis] - end)
    return [keras.layers.Cropping2D(tuple(cropping), data_format="channels_last", dtype=dtype, name=name)(maps)]
