"""Put the numbers of a weight into the groups that quantizers give a scale of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

BLOCKS: Final = (16, 32, 64, 128, 256)
# which ways of grouping are no blocks: all, rows, columns, channels last
UNBLOCKED: Final = (0, 1, 2 + len(BLOCKS), 3 + 2 * len(BLOCKS), 4 + 2 * len(BLOCKS))
FEWEST: Final = 8  # numbers in a group, below which what they have in common may be chance
N_GROUPS: Final = 8  # that are looked at before all are


def groupings(values: np.ndarray) -> Iterator[np.ndarray]:
    """The values as ``[groups, n]``: all, each row, blocks along a row, each column, blocks along a
    column, of a kernel each channel of the last axis and of the one before it; without groups where
    one of these does not fit.
    """
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
    for axis in (-1, -2):
        lines = np.moveaxis(wide, axis, 0).reshape(wide.shape[axis], -1)
        yield lines if values.ndim > 2 else lines[:0]


def is_enough(groups: np.ndarray) -> bool:
    """Whether there are groups, with numbers enough to tell."""
    return bool(groups.size) and groups.shape[1] >= FEWEST


def few(groups: np.ndarray) -> slice:
    """Which groups to look at before all are."""
    return slice(None, None, max(1, len(groups) // N_GROUPS))
