"""Recognize floating-point weights that a quantizer rounded and stored as the numbers that its
codes stand for: every value is a whole number of steps.

The steps are read off the values themselves, for the tensor, each row, each column, or each block
along a row or a column, as quantizers choose them: the largest magnitude is that of the last code,
or the range that of all codes. Sources: AIMET, ``quantsim`` (fake quantization); onnxruntime,
``quantization/neural_compressor/weight_only.py`` (bits that no operator takes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np

BITS: Final = range(2, 9)
BLOCKS: Final = (16, 32, 64, 128, 256)
FEWEST: Final = 8  # values in a group, or different ones, below which a grid may be chance
N_GROUPS: Final = 8  # that are looked at before all are
OFF: Final = 1e-3  # of a step, that a value may be beside a whole number
HALF: Final = 0.5 + OFF


Grids: TypeAlias = tuple[np.ndarray | None, ...]  # each way of grouping: the steps, if it has some


def grids_of(values: np.ndarray) -> Grids:
    """The grids on which ``values`` lie, for each way in which quantizers group them; none of them
    where values are too few to tell.
    """
    if not np.isfinite(values).all() or len(np.unique(values)) < FEWEST:
        return ()
    return tuple(_found(groups) for groups in _groupings(values))


def is_rounded(target: np.ndarray, values: np.ndarray, grids: Grids | None = None) -> bool:
    """Whether ``values`` are those of ``target``, each within half a step of the grid on which
    ``values`` lie; arrays of one shape. ``grids`` are those of ``values``, where they are known.
    """
    grids = grids_of(values) if grids is None else grids
    if all(steps is None for steps in grids):
        return False
    groupings = zip(grids, _groupings(target), _groupings(values), strict=True)
    return any(
        steps is not None and np.all(np.abs(wanted - groups) <= HALF * steps)
        for steps, wanted, groups in groupings
    )


def is_on_grid(values: np.ndarray) -> bool:
    """Whether values are codes times steps, stored as numbers; codes alone are not."""
    if np.array_equal(values, np.round(values)):
        return False
    return any(_found(groups) is not None for groups in _groupings(values))


def _groupings(values: np.ndarray) -> Iterator[np.ndarray]:
    """The values as ``[groups, n]``, in the ways in which quantizers group them."""
    wide = values.astype(np.float64)
    yield wide.reshape(1, -1)
    if values.ndim < 2:
        return
    rows = wide.reshape(len(wide), -1)
    columns = np.moveaxis(wide, 1, 0).reshape(wide.shape[1], -1)
    for lines in (rows, columns):
        yield lines
        for size in BLOCKS:
            is_split = values.ndim == 2 and not lines.shape[1] % size and lines.shape[1] > size
            yield lines.reshape(-1, size) if is_split else lines[:0]


def _steps(groups: np.ndarray) -> Iterator[np.ndarray]:
    """The step that each group may have ``[groups, 1]``, by bits and scheme, the coarsest first."""
    largest = np.abs(groups).max(axis=1, keepdims=True)
    top, bottom = groups.max(axis=1, keepdims=True), groups.min(axis=1, keepdims=True)
    spread = np.maximum(top, 0) - np.minimum(bottom, 0)  # zero has a code of its own
    for bits in BITS:
        last = 1 << (bits - 1)  # below zero there is one more code
        yield largest / (last - 1)
        yield np.maximum(top / (last - 1), -bottom / last)
        yield spread / (2 * last - 1)


def _found(groups: np.ndarray) -> np.ndarray | None:
    """The step of each group on whose grid all its values lie; ``None`` where one has none."""
    if not groups.size or groups.shape[1] < FEWEST:
        return None
    few = groups[:: max(1, len(groups) // N_GROUPS)]
    return None if _grids(few) is None else _grids(groups)


def _grids(groups: np.ndarray) -> np.ndarray | None:
    found = np.zeros((len(groups), 1))
    is_open = np.any(groups != 0, axis=1, keepdims=True)  # zeros lie on every grid
    for steps in _steps(groups):
        fits = is_open & _are_whole(groups, steps)
        found[fits] = steps[fits]
        is_open &= ~fits
        if not is_open.any():
            return found
    return None


def _are_whole(groups: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Whether all values of each group are whole numbers of its step ``[groups, 1]``."""
    counts = np.divide(groups, steps, out=np.full_like(groups, 0.5), where=steps > 0)
    whole: np.ndarray = np.all(np.abs(counts - np.round(counts)) <= OFF, axis=1, keepdims=True)
    return whole
