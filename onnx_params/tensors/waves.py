"""Recognize sines and cosines of positions, from their first rows, without NumPy.

Source: Vaswani et al., "Attention Is All You Need", 3.5; rows of a grid count along its last axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.stored import StoredTensor

N_ROWS: Final = 4  # read: one for a class token, which has zeros, and three
MIN_WIDTH: Final = 8  # numbers in a row, below which its zeros and ones may be chance
CLOSE: Final = 2e-3  # of the amplitude; half precision has that


def has_waves(tensor: StoredTensor) -> bool:
    """Whether the first rows ``[..., n, width]`` are sines and cosines of 0, 1 and 2 times some
    frequencies, in any order. Reads them.
    """
    if len(tensor.shape) < 2:
        return False
    n, width = tensor.shape[-2:]
    if n < N_ROWS or width < MIN_WIDTH or width % 2:
        return False
    numbers = first_numbers(tensor, N_ROWS * width)
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    if not rows:
        return False
    return _are_waves(rows[:3]) or (not any(rows[0]) and _are_waves(rows[1:]))


def has_angles(tensor: StoredTensor) -> bool:
    """Whether the first rows ``[n, width]`` are 0, 1, 2 and 3 times some different frequencies: the
    angles of positions. Reads them.
    """
    if len(tensor.shape) != 2 or tensor.shape[0] < N_ROWS or tensor.shape[1] < 2:
        return False
    width = tensor.shape[1]
    numbers = first_numbers(tensor, N_ROWS * width)
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    if not rows or any(rows[0]) or len(set(rows[1])) < 2:
        return False
    near = [CLOSE * abs(number) for number in rows[1]]
    return all(
        abs(found - times * number) <= room
        for times, row in enumerate(rows)
        for found, number, room in zip(row, rows[1], near, strict=True)
    )


def has_one_wave(tensor: StoredTensor) -> bool:
    """Whether the first rows ``[n, ..., width]`` are sines, or cosines, of 0, 1 and 2 times some
    frequencies: half of a table of rotations. Reads them.
    """
    n, width = (tensor.shape[0], math.prod(tensor.shape[1:])) if len(tensor.shape) > 1 else (0, 0)
    numbers = first_numbers(tensor, 3 * width) if n >= N_ROWS and width >= 2 else ()
    if not numbers:
        return False
    first, second, third = (numbers[start : start + width] for start in range(0, 3 * width, width))
    if any(abs(number) > 1 + CLOSE for number in second):
        return False
    if all(number == 1 for number in first):
        expected = [2 * cosine * cosine - 1 for cosine in second]
        return _are_close(third, expected) and not _are_close(first, second)
    if any(first):
        return False
    squares = [4 * sine * sine * (1 - sine * sine) for sine in second]
    return _are_close([sine * sine for sine in third], squares) and not _are_close(first, second)


def _are_close(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(left - right) <= CLOSE for left, right in zip(one, other, strict=True))


def _are_waves(rows: list[tuple[float, ...]]) -> bool:
    """Whether three rows are those of 0, 1 and 2: a sine for each zero of the first row, a cosine
    for each other number in it, which are the amplitude.
    """
    first, second, third = rows
    sines = [at for at, number in enumerate(first) if not number]
    cosines = [at for at, number in enumerate(first) if number]
    amplitude = max(first)
    if len(sines) != len(cosines) or amplitude <= 0:
        return False
    near = CLOSE * amplitude
    if any(abs(first[at] - amplitude) > near for at in cosines):
        return False
    turned = False
    for at_sine, at_cosine in zip(sines, cosines, strict=True):
        sine, cosine = second[at_sine] / amplitude, second[at_cosine] / amplitude
        turned = turned or abs(sine) > CLOSE
        expected = (
            (math.hypot(sine, cosine), 1.0),
            (third[at_sine] / amplitude, 2 * sine * cosine),
            (third[at_cosine] / amplitude, 1 - 2 * sine * sine),
        )
        if any(abs(found - wanted) > CLOSE for found, wanted in expected):
            return False
    return turned
