"""Recognize matrices that no one learned by their numbers, without NumPy."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Final

from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.stored import StoredTensor

MAX_ELEMENTS: Final = 1 << 14  # of a tensor that is read
EVEN: Final = 1e-6  # of the largest number, that a matrix and its transpose may differ by
MIN_SHIFTED: Final = 6  # rows of a filter that is written out
MIN_PLACES: Final = 3  # of a square matrix, below which it is the same turned by chance
N_FIRST: Final = 64  # numbers that are looked at before all are
CLOSE: Final = 1e-5  # of the cosine between two columns, to zero


def has_orthogonal_columns(tensor: StoredTensor) -> bool:
    """Whether every two columns ``[..., :, n]`` of a tensor are orthogonal, as those of a basis
    are; numbers that were trained are not. Reads a small one.
    """
    width = tensor.shape[-1] if tensor.shape else 0
    if width < 2 or not width < tensor.count <= MAX_ELEMENTS or tensor.count < width * width:
        return False
    numbers = first_numbers(tensor, tensor.count)
    columns = [numbers[at::width] for at in range(width)] if numbers else []
    lengths = [math.hypot(*column) for column in columns]
    if not columns or not all(lengths):
        return False
    directions = [
        [number / length for number in column]
        for column, length in zip(columns, lengths, strict=True)
    ]
    return all(
        abs(sum(map(operator.mul, one, two))) <= CLOSE
        for one, two in itertools.combinations(directions, 2)
    )


def is_symmetric(tensor: StoredTensor) -> bool:
    """Whether a square matrix is its own transpose and no diagonal, as the adjacency of places and
    a covariance are: a step of training makes a difference where nothing keeps it so. Reads a small
    one.
    """
    rows = _square(tensor)
    is_diagonal = not any(any(row[:at]) for at, row in enumerate(rows))
    if not rows or is_diagonal:
        return False
    near = EVEN * max(max(map(abs, row)) for row in rows)
    if not math.isfinite(near):
        return False
    pairs = zip(rows, zip(*rows, strict=True), strict=True)
    return all(
        abs(one - two) <= near
        for row, turned in pairs
        for one, two in zip(row, turned, strict=True)
    )


def is_shifted(tensor: StoredTensor) -> bool:
    """Whether each row of a square matrix is the one before it, a place further on, but for the
    first row and column, with zeros in one corner: a filter along time, written out. Reads a small
    one.
    """
    rows = _square(tensor)
    if len(rows) < MIN_SHIFTED or (rows[0][-1] and rows[-1][0]):
        return False  # it would look at what comes later, as a learned kernel does
    n_numbers = len({number for row in rows for number in row})
    return n_numbers > MIN_PLACES and all(
        above[1:-1] == below[2:] for above, below in itertools.pairwise(rows[1:])
    )


def _square(tensor: StoredTensor) -> list[tuple[float, ...]]:
    """The rows of a square matrix; none where it is no small one."""
    n = tensor.shape[0] if len(tensor.shape) == 2 else 0
    if n < MIN_PLACES or tensor.shape[1] != n or tensor.count > MAX_ELEMENTS:
        return []
    numbers = first_numbers(tensor, tensor.count)
    return [numbers[at : at + n] for at in range(0, len(numbers), n)]


def is_of_ones_and_zeros(tensor: StoredTensor) -> bool:
    """Whether a matrix has ones and zeros alone, as one that takes or moves elements, or one number
    beside them, as a step of time. Reads it, if it begins so.
    """
    if len(tensor.shape) != 2 or tensor.count < MIN_PLACES:
        return False
    both = {0.0, 1.0}
    first = first_numbers(tensor, min(N_FIRST, tensor.count))
    if not first or len(set(first) - both) > 1 or tensor.count > MAX_ELEMENTS:
        return False
    numbers = set(first_numbers(tensor, tensor.count))
    return both <= numbers and len(numbers - both) <= 1 and -1.0 not in numbers  # ternary codes
