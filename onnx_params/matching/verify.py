"""Prove that a tensor lies in an artifact under a view, by comparing all values, a band
at a time.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Final

import numpy as np

from onnx_params.io.sources import FileSource, Source
from onnx_params.matching.casts import cast_to
from onnx_params.tensors.chunks import CHUNK, in_place
from onnx_params.tensors.evaluate import rearranged
from onnx_params.tensors.steps import (
    SWAP,
    Permute,
    Reshape,
    Steps,
    chain,
    shape_after,
    without_ones,
)
from onnx_params.tensors.stored import StoredTensor

BAND: Final = 8 << 20  # bytes of a matrix compared with a transposed one at once
# rows and columns compared transposed at once: a cache line of columns, and what the first-level
# cache holds of it
TILE: Final = (1024, 16)
THREADS: Final = min(4, os.cpu_count() or 1)  # NumPy compares without the interpreter's lock
MAX_PERMUTED: Final = 5  # rank up to which every order of axes is tried


def is_equal(reference: StoredTensor, stored: StoredTensor, cast: str | None = None) -> bool:
    """Whether two tensors of one shape have the same bits, after a cast of the reference if one is
    named. Reads both, in chunks.
    """
    left, right = in_place(reference), in_place(stored)
    if left is None or right is None:
        return bits_equal(_as(reference.read(), cast), stored.read())
    (source, start, dtype), (other, begin, kind) = left, right
    step = max(1, CHUNK // max(dtype.itemsize, kind.itemsize))
    for at in range(0, reference.count, step):
        n = min(step, reference.count - at)
        one = source.read(start + at * dtype.itemsize, n * dtype.itemsize)
        two = other.read(begin + at * kind.itemsize, n * kind.itemsize)
        if cast is not None:
            one = cast_to(np.frombuffer(one, dtype), cast).tobytes()
        if one != two:
            return False
    return True


def is_transposed(reference: StoredTensor, stored: StoredTensor, cast: str | None = None) -> bool:
    """Whether a matrix has the bits of the other one transposed.

    Reads both, a band of rows at a time.
    """
    rows, columns = reference.shape
    left, right = in_place(reference), in_place(stored)
    if left is None or right is None:
        return bits_equal(_as(reference.read(), cast), stored.read().T)
    source, start, dtype = left
    width = dtype.itemsize
    height = max(TILE[0], BAND // max(1, columns * width) // TILE[0] * TILE[0])

    def is_band(top: int) -> bool:
        n = min(height, rows - top)
        band = _as(
            np.frombuffer(
                source.read(start + top * columns * width, n * columns * width), dtype
            ).reshape(n, columns),
            cast,
        )
        # mapped anew for each band: the pages of the last one are let go
        other = _map(stored, right)
        bits = f"u{band.dtype.itemsize}"
        one, two = band.view(bits), other.view(bits)
        return one.dtype == two.dtype and all(
            np.array_equal(
                one[y : y + TILE[0], x : x + TILE[1]],
                two[x : x + TILE[1], top + y : top + min(n, y + TILE[0])].T,
            )
            for y in range(0, n, TILE[0])
            for x in range(0, columns, TILE[1])
        )

    tops = range(0, rows, height)
    if len(tops) == 1:
        return is_band(0)
    with ThreadPoolExecutor(THREADS) as pool:
        return all(pool.map(is_band, tops))


def _map(tensor: StoredTensor, place: tuple[Source, int, np.dtype]) -> np.ndarray:
    source, start, dtype = place
    if isinstance(source, FileSource) and source.path:
        return np.memmap(source.path, dtype, "r", start, tensor.shape)
    return tensor.read()


def _as(values: np.ndarray, cast: str | None) -> np.ndarray:
    return values if cast is None else cast_to(values, cast)


def bits_equal(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether two arrays have one shape, one type and the same bits; NaN equals itself, zero does
    not equal minus zero.
    """
    if one.shape != two.shape or one.dtype != two.dtype:
        return False
    bits = f"u{one.dtype.itemsize}"
    if one.dtype.itemsize not in (1, 2, 4, 8):
        return one.tobytes() == two.tobytes()
    return bool(
        np.array_equal(np.ascontiguousarray(one).view(bits), np.ascontiguousarray(two).view(bits))
    )


def view_between(
    reference: StoredTensor, stored: StoredTensor, taken: Steps, cast: str | None = None
) -> Steps | None:
    """The steps from ``stored``, after ``taken``, to the bits of ``reference``; ``None`` where no
    order of axes and no reshape does it.

    Reads both, whole.
    """
    shape = shape_after(stored.shape, taken)
    if not taken and shape == reference.shape and is_equal(reference, stored, cast):
        return ()
    if (
        not taken
        and len(shape) == 2
        and shape == reference.shape[::-1]
        and is_transposed(reference, stored, cast)
    ):
        return (SWAP,)
    wanted, values = _as(reference.read(), cast), rearranged(stored.read(), taken)
    if wanted.size != values.size:
        return None
    for steps in layouts_between(values.shape, wanted.shape):
        if bits_equal(wanted, rearranged(values, steps)):
            return chain(*taken, *steps)
    return None


def layouts_between(shape: tuple[int, ...], wanted: tuple[int, ...]) -> list[Steps]:
    """Reshapes and orders of axes that lead from one shape to another, the simplest first."""
    from itertools import permutations

    ways: list[Steps] = [()] if shape == wanted else [(Reshape(wanted),)]
    for start in dict.fromkeys((shape, without_ones(shape), *_split(shape, wanted))):
        if not 1 < len(start) <= MAX_PERMUTED:
            continue
        for axes in permutations(range(len(start))):
            if axes == tuple(range(len(start))):
                continue
            end = tuple(start[axis] for axis in axes)
            squeezed = without_ones(wanted)
            if end in (wanted, squeezed) or start not in (shape, squeezed) or len(start) < 5:
                first = (Reshape(start),) if start != shape else ()
                last = (Reshape(wanted),) if end != wanted else ()
                ways.append(chain(*first, Permute(axes), *last))
    return ways


def _split(shape: tuple[int, ...], wanted: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Finer shapes of a matrix by the other's dimensions: heads that were joined with features, a
    patch flattened.
    """
    if len(shape) != 2 or len(wanted) < 3:
        return []
    squeezed = without_ones(wanted)
    if len(squeezed) > MAX_PERMUTED:
        return []
    found = []
    for taken in product((False, True), repeat=len(squeezed)):
        rows = [dim for dim, is_row in zip(squeezed, taken, strict=True) if is_row]
        columns = [dim for dim, is_row in zip(squeezed, taken, strict=True) if not is_row]
        if math.prod(rows) == shape[0] and math.prod(columns) == shape[1]:
            found.append((*rows, *columns))
    return found
