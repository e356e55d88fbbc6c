"""Recognize a table in what was looked up in it again and again."""

from __future__ import annotations

import math
from typing import Final

from onnx_params.tensors.small import distinct_lines
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

# how often each row is there at least, on the average: a window of two by two has nine different
# ones of sixteen; single numbers, and codes, are the same by chance
REPEATS: Final = 1.5
REPEATS_OF_FEW: Final = 2.0


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


def _first_wide(shape: Shape) -> int:
    """The first axis that is longer than one."""
    return next((axis for axis, dim in enumerate(shape) if dim > 1), 0)
