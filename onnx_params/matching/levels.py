"""Recognize weights whose numbers are few, whatever their distances: tables of weights that were
clustered, powers of two, signs, floats of few bits.

Each test has two parts: whether values may be such ones, which asks some of them alone, and whether
they are those of a tensor: larger ones never for smaller numbers of it, and none of its numbers
beyond the levels next to its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from onnx_params.matching.groups import UNBLOCKED, few, groupings, is_enough

FEW_LEVELS: Final = 4  # of codes of one or two bits
MANY_LEVELS: Final = 48  # of codes of six bits, about
MEMBERS: Final = 2  # numbers for each level, at least, on the average
BEYOND: Final = 1.0  # distances of the outermost levels, that a number may lie outside of them
BEYOND_FEW: Final = 2.5  # of two or three levels
MOST_LOST: Final = 0.5  # of the energy of a tensor
N_LOOKED_AT: Final = 4096  # numbers of a row, when levels are counted
N_TOGETHER: Final = 512  # numbers of several rows, when levels of all are counted
MIN_OF_FLOATS: Final = 32  # numbers of a group in which mantissas are counted
MOST_MANTISSAS: Final = 8  # of three bits
MANTISSAS: Final = 1 << 16  # places between which they are told apart
FEWEST_NORMAL: Final = 0.5  # share of the numbers that have all their bits
SUBNORMAL: Final = 2.0**-8  # of the largest number: below, floats of few bits have fewer mantissas
APART: Final = 1e-4  # relative; by which places in a table are told apart
OFF: Final = 1e-3  # of the levels at both sides, that a number may be beyond one of them

# the groups of a tensor and of values, and how many levels one may have
Holds = Callable[[np.ndarray, np.ndarray, int], bool]


class Test(NamedTuple):
    """A kind of few numbers: whether a way of grouping may have it, by its place, whether some
    groups have so few, and whether all groups are those of a tensor.
    """

    is_asked_of: Callable[[int], bool]
    may_be: Callable[[np.ndarray], bool]
    holds: Holds


def tests_of(values: np.ndarray) -> tuple[Test, ...]:
    """The kinds that values may be of."""
    if not np.isfinite(values).all():
        return ()
    return tuple(test for test in TESTS if any(True for _ in _asked(test, values)))


def _asked(test: Test, values: np.ndarray) -> list[int]:
    """The ways of grouping in which values may be of a kind."""
    return [
        at
        for at, groups in enumerate(groupings(values))
        if test.is_asked_of(at) and is_enough(groups) and test.may_be(groups[few(groups)])
    ]


def is_by(test: Test, target: np.ndarray, values: np.ndarray, most: int) -> bool:
    """Whether ``values`` are those of ``target``, by few numbers of a kind, at most so many in a
    group; arrays of one shape.
    """
    if not np.isfinite(target).all() or not _is_near(target, values):
        return False
    asked = _asked(test, values)
    for at, (wanted, groups) in enumerate(zip(groupings(target), groupings(values), strict=True)):
        if at in asked and test.holds(wanted, groups, most):
            return True
    return False


def _is_near(target: np.ndarray, values: np.ndarray) -> bool:
    """Whether most of the energy of a tensor is left: signs alone leave two thirds."""
    difference = target.astype(np.float64) - values
    with np.errstate(over="ignore"):
        lost = float((difference * difference).sum())
    return lost <= MOST_LOST * float((target.astype(np.float64) ** 2).sum())


def is_by_few(target: np.ndarray, values: np.ndarray) -> bool:
    """The same of levels, of which each row has two to four."""
    return has_few_levels(values) and is_by(BY_LEVELS, target, values, MANY_LEVELS)


# -- levels ---------------------------------------------------------------------------------------


def n_levels(groups: np.ndarray) -> np.ndarray:
    """How many different numbers each group has."""
    ordered = np.sort(groups, axis=1)
    found: np.ndarray = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
    return found


def has_few_levels(values: np.ndarray) -> bool:
    """Whether each row has few numbers, so that a quantizer does not choose the nearest of them but
    the sign, or whether to keep one.
    """
    if values.ndim < 2 or not values.size:
        return False
    return bool(n_levels(values.reshape(len(values), -1)).max() <= FEW_LEVELS)


def has_levels(values: np.ndarray) -> bool:
    """Whether the first rows have far fewer numbers than elements, each or all together."""
    if values.ndim < 2:
        return False
    lines = values.reshape(len(values), -1)
    rows = lines[few(lines), :N_LOOKED_AT]
    if not is_enough(rows):
        return False
    n_rows = max(len(rows), N_TOGETHER // rows.shape[1])
    return _are_shared(rows) or _are_shared(lines[:n_rows, :N_LOOKED_AT].reshape(1, -1))


def _are_shared(groups: np.ndarray) -> bool:
    return bool(n_levels(groups).max() * MEMBERS <= groups.shape[1])


def _are_runs(wanted: np.ndarray, groups: np.ndarray, most: int) -> bool:
    """Whether each level of a group stands for a run of the numbers of ``wanted``."""
    order = np.argsort(groups, axis=1, kind="stable")
    levels = np.take_along_axis(groups, order, 1)
    numbers = np.take_along_axis(wanted, order, 1)
    begins = np.ones(levels.shape, bool)
    begins[:, 1:] = levels[:, 1:] > levels[:, :-1]
    counts = begins.sum(axis=1)
    if np.any(counts * MEMBERS > levels.shape[1]) or not 2 <= counts.max() <= most:
        return False
    starts = np.flatnonzero(begins.reshape(-1))
    least = np.minimum.reduceat(numbers.reshape(-1), starts)
    largest = np.maximum.reduceat(numbers.reshape(-1), starts)
    level = levels.reshape(-1)[starts]
    has_next = np.diff(starts // levels.shape[1], append=-1) == 0
    has_last = np.roll(has_next, 1)
    # by the levels on both sides: one that is far larger must not make room for all others
    room = OFF * (np.abs(level[1:]) + np.abs(level[:-1]))
    is_in_order = largest[:-1] <= least[1:] + room
    is_below_next = largest[:-1] <= level[1:] + room
    is_above_last = least[1:] >= level[:-1] - room
    fits = is_in_order & is_below_next & is_above_last
    if not fits[has_next[:-1]].all():
        return False
    top, bottom = level[~has_next], level[~has_last]
    beyond = np.maximum(largest[~has_next] - top, bottom - least[~has_last])
    times = BEYOND_FEW if counts.max() < FEW_LEVELS else BEYOND
    return bool(np.all(beyond <= times * (top - bottom)))


# -- a table, the same for all blocks -------------------------------------------------------------


def _scales(groups: np.ndarray) -> np.ndarray:
    """The largest number of each group, in size."""
    scale = np.abs(groups).max(axis=1, keepdims=True)
    found: np.ndarray = np.where(scale > 0, scale, 1)
    return found


def _relative_levels(groups: np.ndarray) -> np.ndarray:
    """The numbers of all groups, each by the largest of its group, as ``[1, n]``; those that
    float32 makes different are one.
    """
    flat = (groups / _scales(groups)).reshape(-1)
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    begins = np.ones(flat.size, bool)
    with np.errstate(invalid="ignore"):  # infinities side by side
        begins[1:] = np.diff(ordered) > APART * np.maximum(
            np.abs(ordered[1:]), np.abs(ordered[:-1])
        )
    made = np.empty((1, flat.size))
    made[0, order] = ordered[begins][np.cumsum(begins) - 1]
    return made


def _has_table(groups: np.ndarray) -> bool:
    levels = _relative_levels(groups)
    return _are_shared(levels) and int(n_levels(levels)[0]) <= MANY_LEVELS


def _are_of_table(wanted: np.ndarray, groups: np.ndarray, most: int) -> bool:
    shown = (wanted / _scales(groups)).reshape(1, -1)
    return _are_runs(shown, _relative_levels(groups), MANY_LEVELS)


# -- floats of few bits ---------------------------------------------------------------------------


def _n_mantissas(groups: np.ndarray) -> int:
    """How many different mantissas a group has, at most, but for the smallest numbers."""
    is_normal = np.abs(groups) > np.abs(groups).max(axis=1, keepdims=True) * SUBNORMAL
    if np.any(is_normal.mean(axis=1) < FEWEST_NORMAL):
        return int(groups.shape[1])  # one number is far larger than the others
    mantissas = np.round(np.abs(np.frexp(groups)[0]) * MANTISSAS)
    ordered = np.sort(np.where(is_normal, mantissas, 0), axis=1)
    return int((np.diff(ordered, axis=1) > 1).sum(axis=1).max(initial=0))


def _has_few_mantissas(groups: np.ndarray) -> bool:
    return groups.shape[1] >= MIN_OF_FLOATS and 0 < _n_mantissas(groups) <= MOST_MANTISSAS


def _are_floats(wanted: np.ndarray, groups: np.ndarray, most: int) -> bool:
    """Whether each number is within half a unit in the last place of such a float."""
    if not _has_few_mantissas(groups):
        return False
    bits = math.ceil(math.log2(max(2, _n_mantissas(groups))))
    size = np.maximum(np.abs(groups), np.abs(groups).max(axis=1, keepdims=True) * SUBNORMAL)
    return bool(np.all(np.abs(wanted - groups) <= size * 2.0 ** -(1 + bits) * (1 + OFF)))


def _of_any(at: int) -> bool:
    return True


def _of_whole_lines(at: int) -> bool:
    return at in UNBLOCKED


BY_LEVELS: Final = Test(_of_any, _are_shared, _are_runs)
BY_FLOATS: Final = Test(_of_whole_lines, _has_few_mantissas, _are_floats)
BY_TABLE: Final = Test(_of_any, _has_table, _are_of_table)
TESTS: Final = (BY_LEVELS, BY_FLOATS, BY_TABLE)
