"""Recognize filters that no one learned by their numbers, without NumPy."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from onnx_params.tensors.small import first_numbers, repeated_axes
from onnx_params.tensors.stored import StoredTensor

MIN_TAPS: Final = 3  # of a filter that resamples
EVEN: Final = 1e-6  # of the largest number, that both ends may differ by
MIN_WINDOW: Final = 8  # numbers, below which they are the same from both ends by chance
MAX_WINDOW: Final = 1 << 12
MIN_DIFFERENT: Final = 4  # numbers of a window
MIN_SIZE: Final = 9  # elements of a filter of differences, of three by three
MAX_SIZE: Final = 125
MAX_FILTERS: Final = 16
MAX_NUMBERS: Final = 5  # different ones of such a filter
MIN_MIRRORED: Final = 4  # taps of a wavelet
MAX_MIRRORED: Final = 1 << 10  # filters, a pair for each channel
_WEIGHT: Final = re.compile(r"[._](weight|kernel)$")


def is_resampling(tensor: StoredTensor) -> bool:
    """Whether a kernel has the same filter for each channel, or one, that is the same from both
    ends and no number throughout: it makes a signal longer or shorter, and was not learned. Reads
    it.

    Sources: alias-free-torch, ``filter.py`` (Kaiser windows); timm, ``layers/blur_pool.py``.
    """
    shape = tensor.shape
    if len(shape) < 3 or shape[1] != 1 or max(shape[2:]) < MIN_TAPS:
        return False
    length = math.prod(shape[2:])
    one = first_numbers(tensor, length)
    if not one or not _are_even(one) or len(set(one)) == 1:
        return False
    return shape[0] == 1 or 0 in repeated_axes(tensor)


def is_window(tensor: StoredTensor) -> bool:
    """Whether a vector of different numbers is the same from both ends: what a frame is multiplied
    by. Reads it.
    """
    is_vector = max(tensor.shape, default=0) == tensor.count
    if not is_vector or not MIN_WINDOW <= tensor.count <= MAX_WINDOW:
        return False
    numbers = first_numbers(tensor, tensor.count)
    return len(set(numbers)) >= MIN_DIFFERENT and _are_even(numbers)


def _are_even(numbers: Sequence[float]) -> bool:
    """Whether numbers are the same from both ends."""
    near = EVEN * max(map(abs, numbers))
    pairs = zip(numbers, reversed(numbers), strict=True)
    return all(abs(left - right) <= near for left, right in pairs)


def are_differences(tensor: StoredTensor) -> bool:
    """Whether each filter of a kernel, of one channel and under a name that is no weight's, has a
    few numbers that add up to zero, as those of Sobel, Scharr and Laplace have. Reads a small one.

    Source: kornia, ``filters/kernels.py``.
    """
    shape = tensor.shape
    size = math.prod(shape[2:])
    if len(shape) < 3 or shape[1] != 1 or not MIN_SIZE <= size <= MAX_SIZE:
        return False
    if tensor.count > MAX_FILTERS * size or _WEIGHT.search(tensor.name) is not None:
        return False
    numbers = first_numbers(tensor, tensor.count)
    filters = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    return bool(filters) and all(
        1 < len(set(each)) <= MAX_NUMBERS and abs(sum(each)) <= EVEN * max(map(abs, each))
        for each in filters
    )


def are_of_one_size(tensor: StoredTensor) -> bool:
    """Whether all numbers of a kernel, each filter of one channel and under a name that is no
    weight's, are one but for their signs, as those of Haar are. Reads a small one.
    """
    shape = tensor.shape
    if len(shape) < 3 or shape[1] != 1 or not 1 < tensor.count <= MAX_SIZE:
        return False
    if _WEIGHT.search(tensor.name) is not None:
        return False
    return len(set(map(abs, first_numbers(tensor, tensor.count)))) == 1


def are_mirrored(tensor: StoredTensor) -> bool:
    """Whether the filters of a kernel, each of one channel and under a name that is no weight's,
    are pairs of which the second is the first from its other end with every other sign changed: the
    low and the high half of a wavelet. Reads a small one.

    Source: Mallat, "A Theory for Multiresolution Signal Decomposition", III.
    """
    n_taps = math.prod(tensor.shape[2:])
    if len(tensor.shape) < 3 or tensor.shape[1] != 1 or tensor.shape[0] % 2:
        return False
    if not MIN_MIRRORED <= n_taps <= MAX_SIZE or _WEIGHT.search(tensor.name) is not None:
        return False
    numbers = _numbers(tensor)
    filters = [numbers[at : at + n_taps] for at in range(0, len(numbers), n_taps)]
    half = len(filters) // 2
    side_by_side = zip(filters[::2], filters[1::2], strict=True)
    one_after_the_other = zip(filters[:half], filters[half:], strict=True)
    return bool(filters) and any(
        all(_is_mirror(low, high) for low, high in pairs)
        for pairs in (side_by_side, one_after_the_other)
    )


def _numbers(tensor: StoredTensor) -> tuple[float, ...]:
    is_small = tensor.shape[0] <= MAX_MIRRORED
    return first_numbers(tensor, tensor.count) if is_small else ()


def _is_mirror(low: Sequence[float], high: Sequence[float]) -> bool:
    turned = [number * (-1) ** at for at, number in enumerate(reversed(low))]
    near = EVEN * max(map(abs, low), default=0)
    return any(
        bool(near) and all(abs(a - sign * b) <= near for a, b in zip(high, turned, strict=True))
        for sign in (1, -1)
    )
