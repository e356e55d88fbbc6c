"""Recognize a table in what was looked up in it again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from onnx_params.tensors.small import MASK_NUMBERS, bit_patterns, distinct_lines
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

# how often each row is there at least, on the average: a window of two by two has nine different
# ones of sixteen; single numbers, and codes, are the same by chance
REPEATS: Final = 1.5
REPEATS_OF_FEW: Final = 2.0
MIN_PLACES: Final = 4  # in a window, below which places are as far by chance
MAX_ELEMENTS: Final = 1 << 18  # of all heads


def table_shape(
    tensor: StoredTensor, has_rows_first: bool, may_be_codes: bool = False
) -> Shape | None:
    """The shape of the table of which a tensor has rows again and again: biases of relative
    positions; ``None`` where it has none such.

    A row lies along the last axis, or along the first that is longer than one; there the table may
    have rows first or last. Of codes, different rows may be the same: ``may_be_codes`` allows that.
    Reads the values.
    """
    shape = tensor.shape
    relative = relative_shape(tensor)
    if relative is not None:
        return relative if has_rows_first else relative[::-1]
    if len(shape) < 2 or not (tensor.dtype.is_float or may_be_codes):
        return None
    tables = [
        (rows, shape[axis], axis)
        for axis in {_first_wide(shape), len(shape) - 1}
        if (rows := distinct_lines(tensor, axis)) is not None
    ]
    if not tables:
        return None
    rows, width, axis = min(tables, key=lambda table: table[0] * table[1])
    if rows == 1:  # one row for all, whatever the others are
        return None
    repeats = REPEATS if width > 1 and tensor.dtype.is_float else REPEATS_OF_FEW
    if repeats * rows * width > math.prod(shape):
        return None
    return (rows, width) if has_rows_first or axis == len(shape) - 1 else (width, rows)


def relative_shape(tensor: StoredTensor) -> Shape | None:
    """The shape ``[distances, heads]`` of a table of relative positions, where a tensor
    ``[..., heads, queries, keys]`` has the same elements for all pairs of places in a window that
    are as far from each other; ``None`` where it has not. Reads the values, which may be codes.

    Sources: torchvision, ``models/swin_transformer.py``, relative_position_index; timm,
    ``models/levit.py``, where a distance has no sign, and some queries are left out.
    """
    if len(tensor.shape) < 2 or tensor.count > MAX_ELEMENTS:
        return None
    shape = (1, *tensor.shape)
    heads, n_queries, n_keys = math.prod(shape[:-2]), shape[-2], shape[-1]
    every = math.isqrt(n_keys // max(1, n_queries))
    if heads != max(shape[:-2]) or min(n_queries, n_keys) < MIN_PLACES:
        return None
    if n_queries * every * every != n_keys:
        return None
    elements = bit_patterns(tensor)
    size = n_queries * n_keys
    maps = [elements[at * size : (at + 1) * size] for at in range(heads)]
    if not elements or all(len(set(each)) <= MASK_NUMBERS for each in maps):  # masks have so few
        return None
    if any(len(set(each)) > 4 * n_keys for each in maps):  # more than there are distances
        return None
    counts = [
        count
        for height in range(1, n_keys + 1)
        if n_keys % height == 0
        for signed in (False, True)
        if (count := _n_distances(maps, height, n_keys, every, signed))
    ]
    return (min(counts), heads) if counts else None


def _n_distances(
    maps: Sequence[Sequence[int]], height: int, n_keys: int, every: int, signed: bool
) -> int:
    """How many different distances the queries have to the keys of a window; 0 where not all pairs
    that are as far from each other have the same element, in each map. Every so many places has a
    query.
    """
    keys = [(row, column) for row in range(height) for column in range(n_keys // height)]
    queries = [(row, column) for row, column in keys if not (row % every or column % every)]
    if len(queries) * n_keys != len(maps[0]):
        return 0
    known: dict[tuple[int, int], int] = {}
    for elements in maps:
        known.clear()
        pairs = ((one, two) for one in queries for two in keys)
        for (one, two), element in zip(pairs, elements, strict=True):
            down, across = one[0] - two[0], one[1] - two[1]
            distance = (down, across) if signed else (abs(down), abs(across))
            if known.setdefault(distance, element) != element:
                return 0
    return len(known)


def _first_wide(shape: Shape) -> int:
    """The first axis that is longer than one."""
    return next((axis for axis, dim in enumerate(shape) if dim > 1), 0)
