"""Find which rows of a table an exporter looked up and stored, so that they can be looked up again
in another one.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

SLACK: Final = 2e-5  # of the largest number; what computing in float32 may change
MAX_COMPARED: Final = 1 << 28  # comparisons of numbers in a search for rounded rows


class Rows(NamedTuple):
    """Rows of a table in the order in which a stored tensor has them along ``axis``, which is as
    long as a row.
    """

    numbers: np.ndarray
    axis: int

    def of(self, table: np.ndarray, like: np.ndarray) -> np.ndarray:
        """What the stored tensor ``like`` becomes with other rows."""
        moved = np.moveaxis(like, self.axis, -1)
        made = as_rows(table)[self.numbers].reshape(moved.shape)
        return np.moveaxis(made, -1, self.axis)


def as_rows(table: np.ndarray) -> np.ndarray:
    """A table as a matrix: along its first axis, along its last where that is of one."""
    if table.shape[0] > 1:
        return table.reshape(table.shape[0], -1)
    return table.reshape(-1, table.shape[-1])


def rows_in(table: np.ndarray, stored: np.ndarray) -> Iterator[Rows]:
    """The ways in which every line of a stored tensor is a row of a table, bit for bit.

    Rows that are equal in the table are the first of them, which other values may tell apart.
    """
    rows = np.ascontiguousarray(as_rows(table).astype(stored.dtype))
    numbers: dict[bytes, int] = {}
    for at, row in enumerate(rows):
        numbers.setdefault(row.tobytes(), at)
    for axis in reversed(range(stored.ndim)):
        if stored.shape[axis] != rows.shape[1]:
            continue
        lines = np.ascontiguousarray(np.moveaxis(stored, axis, -1)).reshape(-1, rows.shape[1])
        found = [numbers.get(line.tobytes(), -1) for line in lines]
        if found and min(found) >= 0:
            yield Rows(np.array(found), axis)


def rows_near(table: np.ndarray, values: np.ndarray, room: np.ndarray) -> Iterator[Rows]:
    """The ways in which every line of dequantized values is a row of a table and no other one, each
    number within its ``room``.
    """
    rows = as_rows(table).astype(np.float32)
    for axis in reversed(range(values.ndim)):
        if values.shape[axis] != rows.shape[1]:
            continue
        lines = np.moveaxis(values, axis, -1).reshape(-1, rows.shape[1])
        allowed = np.moveaxis(room, axis, -1).reshape(lines.shape) + SLACK * np.abs(rows).max()
        if lines.size * len(rows) > MAX_COMPARED:
            return
        found = [_near(rows, line, most) for line, most in zip(lines, allowed, strict=True)]
        if all(each is not None for each in found):
            yield Rows(np.array(found), axis)


def _near(rows: np.ndarray, line: np.ndarray, most: np.ndarray) -> int | None:
    near = np.flatnonzero((np.abs(rows - line) <= most).all(axis=1))
    return int(near[0]) if len(near) == 1 else None


def run_in(values: np.ndarray, stored: np.ndarray) -> int | None:
    """Where in a vector the elements of a stored tensor begin, one after the other; ``None`` where
    they are not there, or more than once.
    """
    part = stored.reshape(-1)
    whole = values.astype(part.dtype)
    starts = np.flatnonzero(whole[: whole.size - part.size + 1] == part[0])
    found = [at for at in starts if np.array_equal(whole[at : at + part.size], part)]
    return int(found[0]) if len(found) == 1 else None


def is_told_apart(table: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether no other row of a table equals one of those that were looked up."""
    rows = np.ascontiguousarray(as_rows(table))
    lines = [row.tobytes() for row in rows]
    counts = collections.Counter(lines)
    return all(counts[lines[at]] == 1 for at in np.unique(numbers))
