"""Recognize a basis by its columns, which are orthogonal to each other, without NumPy."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Final

from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.stored import StoredTensor

MAX_ELEMENTS: Final = 4096  # of a tensor that is read
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
