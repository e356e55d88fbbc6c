"""Recognize floating-point weights that a quantizer rounded and stored as the numbers that its
codes stand for: every value is a whole number of steps.

The steps are read off the values themselves, for the tensor, each row, each column, or each block
along a row or a column, as quantizers choose them: the largest magnitude is that of the last code,
or the range that of all codes. Sources: AIMET, ``quantsim`` (fake quantization); onnxruntime,
``quantization/neural_compressor/weight_only.py`` (bits that no operator takes).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np

from onnx_params.matching.casts import coarse_type

BITS: Final = range(2, 9)
BLOCKS: Final = (16, 32, 64, 128, 256)
# of the largest number of a group, that float32 may change what is left of a division: for steps
# of which there are hundreds in it, and for such of which there are ten thousands
ROUNDINGS: Final = (2e-5, 1e-6)
COARSE: Final = 32.0  # of these: what a step is at least
N_TRIED: Final = 6  # numbers that are divided before a grid is looked for
N_DIVIDED: Final = 64  # of each group, before all are held against the grid
MAX_DIVISIONS: Final = 40
FEW_LEVELS: Final = 4  # of codes of one or two bits
MEMBERS: Final = 2  # numbers for each level, at least, on the average
BEYOND: Final = 1.0  # distances of the outermost levels, that a number may lie outside of them
BEYOND_FEW: Final = 2.5  # of two or three levels
N_LOOKED_AT: Final = 4096  # numbers of a row, when levels are counted
MIN_OF_FLOATS: Final = 32  # numbers of a group in which mantissas are counted
MOST_MANTISSAS: Final = 8  # of three bits
MANTISSAS: Final = 1 << 16  # places between which they are told apart
SUBNORMAL: Final = 2.0**-8  # of the largest number: below, floats of few bits have fewer mantissas
UNBLOCKED: Final = (0, 1, 2 + len(BLOCKS))  # ways of grouping: all, rows, columns
MANY_LEVELS: Final = 48  # of codes of six bits, about
N_WHOLE: Final = 1  # of the ways of grouping: that of all numbers
FEWEST: Final = 8  # values in a group, or different ones, below which a grid may be chance
N_GROUPS: Final = 8  # that are looked at before all are
OFF: Final = 1e-3  # of a step, that a value may be beside a whole number
MOST_OFF: Final = 0.15  # of a step, where numbers went through a coarser type
# half a unit in the last place, relative
UNITS: Final = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
HALF: Final = 0.5 + OFF


Grids: TypeAlias = tuple[np.ndarray | None, ...]  # each way of grouping: the steps, if it has some


def grids_of(values: np.ndarray) -> Grids:
    """The grids on which ``values`` lie, for each way in which quantizers group them; none of them
    where values are too few to tell.
    """
    if not np.isfinite(values).all() or len(np.unique(values)) < FEWEST:
        return ()
    relative = _relative(values)
    return tuple(_found(groups, relative) for groups in _groupings(values))


def _relative(values: np.ndarray) -> float:
    """How far a number may be off because it went through a coarser type."""
    return 2 * UNITS.get(coarse_type(values) or values.dtype.name, 0.0)


def is_rounded(
    target: np.ndarray, values: np.ndarray, grids: Grids | None = None, strictly: bool = False
) -> bool:
    """Whether ``values`` are those of ``target``, each within half a step of the grid on which
    ``values`` lie, or by few levels where they lie on none; arrays of one shape. ``grids`` are
    those of ``values``, where they are known; ``strictly`` leaves levels out.
    """
    grids = grids_of(values) if grids is None else grids
    if all(steps is None for steps in grids):
        return not strictly and (is_by_levels(target, values) or is_by_exponents(target, values))
    groupings = zip(grids, _groupings(target), _groupings(values), strict=True)
    relative = _relative(values)
    is_near = any(
        steps is not None and _is_within(wanted - groups, steps, relative * np.abs(groups))
        for steps, wanted, groups in groupings
    )
    if is_near or strictly:
        return is_near
    # codes of many bits are the nearest ones, if on such a grid
    if is_by_exponents(target, values):
        return True
    most = MANY_LEVELS if any(steps is not None for steps in grids[:N_WHOLE]) else None
    return is_by_levels(target, values, most)


def _is_within(difference: np.ndarray, steps: np.ndarray, coarse: np.ndarray) -> bool:
    """Whether numbers were rounded to the nearest step, or all of them down; ``coarse`` is by how
    much each may be off besides.
    """
    if np.all(np.abs(difference) <= HALF * steps + coarse):
        return True
    room = OFF * steps + coarse
    is_cut = (difference >= -room) & (difference <= steps + room)
    return bool(is_cut.all())


def has_few_levels(values: np.ndarray) -> bool:
    """Whether each row has few numbers, so that a quantizer does not choose the nearest of them but
    the sign, or whether to keep one.
    """
    if values.ndim < 2 or not values.size:
        return False
    rows = np.sort(values.reshape(len(values), -1), axis=1)
    n_levels = 1 + (np.diff(rows, axis=1) != 0).sum(axis=1)
    return bool(n_levels.max() <= FEW_LEVELS)


def is_by_levels(target: np.ndarray, values: np.ndarray, most: int | None = None) -> bool:
    """Whether ``values`` have a few levels, for all, a row, a column or a block, and each stands
    for a run of the numbers of ``target``: larger ones never for smaller numbers, and no number
    beyond the levels next to its own; arrays of one shape.

    Tables of weights that were clustered, powers of two, two or three levels. ``most`` is how many
    levels a group may have.
    """
    if not np.isfinite(values).all() or not np.isfinite(target).all():
        return False
    return any(
        groups.shape[1] >= FEWEST and _is_by_levels(wanted, groups, most)
        for wanted, groups in zip(_groupings(target), _groupings(values), strict=True)
        if groups.size
    )


def _is_by_levels(wanted: np.ndarray, groups: np.ndarray, most: int | None) -> bool:
    """The same of groups ``[n_groups, n]``; a few are looked at before all are."""
    few = slice(None, None, max(1, len(groups) // N_GROUPS))
    return all(_stands_for_runs(wanted[rows], groups[rows], most) for rows in (few, slice(None)))


def _stands_for_runs(wanted: np.ndarray, groups: np.ndarray, most: int | None) -> bool:
    order = np.argsort(groups, axis=1, kind="stable")
    levels = np.take_along_axis(groups, order, 1)
    numbers = np.take_along_axis(wanted, order, 1)
    begins = np.ones(levels.shape, bool)
    begins[:, 1:] = levels[:, 1:] > levels[:, :-1]
    n_levels = begins.sum(axis=1)
    if np.any(n_levels * MEMBERS > levels.shape[1]) or n_levels.max() < 2:
        return False
    if most is not None and n_levels.max() > most:
        return False
    # of each run its first place, and its least and largest number
    starts = np.flatnonzero(begins.reshape(-1))
    least = np.minimum.reduceat(numbers.reshape(-1), starts)
    largest = np.maximum.reduceat(numbers.reshape(-1), starts)
    level = levels.reshape(-1)[starts]
    has_next = np.diff(starts // levels.shape[1], append=-1) == 0
    has_last = np.roll(has_next, 1)
    room = OFF * float(np.abs(level).max(initial=0.0))
    is_in_order = largest[:-1] <= least[1:] + room
    is_below_next = largest[:-1] <= level[1:] + room
    is_above_last = least[1:] >= level[:-1] - room
    inner = has_next[:-1]
    fits = is_in_order & is_below_next & is_above_last | ~inner
    top, bottom = level[~has_next], level[~has_last]
    beyond = np.maximum(largest[~has_next] - top, bottom - least[~has_last])
    room_beyond = BEYOND_FEW if n_levels.max() < FEW_LEVELS else BEYOND
    return bool(fits.all() and np.all(beyond <= room_beyond * (top - bottom)))


def has_levels(values: np.ndarray) -> bool:
    """Whether the first rows have far fewer numbers than elements, each or all together."""
    rows = values.reshape(len(values), -1)[:N_GROUPS, :N_LOOKED_AT] if values.ndim > 1 else values
    if rows.ndim < 2 or rows.shape[1] < FEWEST:
        return False
    if len(np.unique(rows)) * MEMBERS <= rows.size:
        return True
    ordered = np.sort(rows, axis=1)
    n_levels = 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)
    return bool(n_levels.max() * MEMBERS <= rows.shape[1])


def is_by_exponents(target: np.ndarray, values: np.ndarray) -> bool:
    """Whether ``values`` are floats of few bits times a scale, for all, a row or a column, each the
    nearest to that of ``target``: in each octave there are few of them, the same in all.
    """
    if not np.isfinite(values).all() or not np.isfinite(target).all() or values.ndim < 2:
        return False
    return any(
        groups.shape[1] >= MIN_OF_FLOATS and _is_by_exponents(wanted, groups)
        for at, (wanted, groups) in enumerate(
            zip(_groupings(target), _groupings(values), strict=True)
        )
        if at in UNBLOCKED and groups.size
    )


def _is_by_exponents(wanted: np.ndarray, groups: np.ndarray) -> bool:
    few = slice(None, None, max(1, len(groups) // N_GROUPS))
    return all(_has_few_mantissas(wanted[rows], groups[rows]) for rows in (few, slice(None)))


def _has_few_mantissas(wanted: np.ndarray, groups: np.ndarray) -> bool:
    largest = np.abs(groups).max(axis=1, keepdims=True)
    is_normal = np.abs(groups) > largest * SUBNORMAL
    mantissas = np.round(np.frexp(groups)[0] * MANTISSAS)
    ordered = np.sort(np.where(is_normal, np.abs(mantissas), 0), axis=1)
    n_mantissas = (np.diff(ordered, axis=1) > 1).sum(axis=1)
    if n_mantissas.max(initial=0) > MOST_MANTISSAS:
        return False
    unit = 2.0 ** -(1 + math.ceil(math.log2(max(2, int(n_mantissas.max(initial=1))))))
    room = np.maximum(np.abs(groups) * unit, largest * SUBNORMAL * unit) * (1 + OFF)
    return bool(np.all(np.abs(wanted - groups) <= room))


def half_gaps(values: np.ndarray) -> np.ndarray:
    """Half of the widest gap between numbers of the same row, at each element."""
    rows = np.sort(values.reshape(values.shape[0] if values.ndim > 1 else 1, -1), axis=1)
    widest = np.diff(rows, axis=1).max(axis=1, initial=0.0)
    shape = (-1, *(1,) * (values.ndim - 1))
    made: np.ndarray = np.broadcast_to(widest.reshape(shape) / 2, values.shape)
    return made


def is_on_grid(values: np.ndarray) -> bool:
    """Whether values are codes times steps, stored as numbers; codes alone are not."""
    if np.array_equal(values, np.round(values)):
        return False
    relative = _relative(values)
    return any(_found(groups, relative) is not None for groups in _groupings(values))


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


def _found(groups: np.ndarray, relative: float) -> np.ndarray | None:
    """The step of each group on whose grid all its values lie; ``None`` where one has none."""
    if not groups.size or groups.shape[1] < FEWEST:
        return None
    few = groups[:: max(1, len(groups) // N_GROUPS)]
    if _grids(few, relative) is not None:
        return _grids(groups, relative)
    for rounding in ROUNDINGS:
        if _has_divisor(few[0], rounding):
            found = _divisors(groups, rounding)
            if found is not None:
                return found
    return None


def _has_divisor(numbers: np.ndarray, rounding: float) -> bool:
    """Whether a few numbers are whole numbers of one step, so that all may be."""
    least = float(np.abs(numbers).max(initial=0.0)) * rounding
    found = 0.0
    for number in numbers[np.flatnonzero(numbers)][:N_TRIED].tolist():
        one, other = abs(number), found
        while other > least:
            one, other = other, math.fmod(one, other)
            other = min(other, one - other)
        found = one
    return found > COARSE * least > 0


def _divisors(groups: np.ndarray, rounding: float) -> np.ndarray | None:
    """The largest step of each group on whose grid its numbers lie, whatever its codes are: those
    of a scale that was rounded itself, of a fixed point, of a bias in 32 bits.
    """
    least = np.abs(groups).max(axis=1) * rounding
    columns = np.unique(np.linspace(0, groups.shape[1] - 1, N_DIVIDED).astype(int))
    found = np.zeros(len(groups))
    for column in columns:
        one, other = np.abs(groups[:, column]), found
        for _ in range(MAX_DIVISIONS):
            is_open = other > least
            if not is_open.any():
                break
            rest = np.fmod(one, other, out=np.zeros_like(one), where=is_open)
            rest = np.minimum(rest, other - rest)
            one, other = np.where(is_open, other, one), np.where(is_open, rest, 0)
        found = one
        if np.any((found <= COARSE * least) & (found > 0)):
            return None
    steps = _refined(groups, found[:, None])
    is_empty = ~np.any(groups != 0, axis=1, keepdims=True)
    return steps if np.all(is_empty | _are_whole(groups, steps, 0.0)) else None


def _refined(groups: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The steps by all numbers, each of which is a whole number of them: the small ones first, of
    which an inexact step tells how many it is.
    """
    for most in (COARSE, np.inf):
        counts = np.divide(groups, steps, out=np.zeros_like(groups), where=steps > 0).round()
        counts = np.where(np.abs(counts) <= most, counts, 0)
        power = (counts * counts).sum(axis=1, keepdims=True)
        total = (counts * groups).sum(axis=1, keepdims=True)
        steps = np.divide(total, power, out=np.array(steps), where=power > 0)
    return steps


def _grids(groups: np.ndarray, relative: float) -> np.ndarray | None:
    found = np.zeros((len(groups), 1))
    is_open = np.any(groups != 0, axis=1, keepdims=True)  # zeros lie on every grid
    for steps in _steps(groups):
        fits = is_open & _are_whole(groups, steps, relative)
        found[fits] = steps[fits]
        is_open &= ~fits
        if not is_open.any():
            return found
    return None


def _are_whole(groups: np.ndarray, steps: np.ndarray, relative: float) -> np.ndarray:
    """Whether all values of each group are whole numbers of its step ``[groups, 1]``."""
    counts = np.divide(groups, steps, out=np.full_like(groups, 0.5), where=steps > 0)
    room = np.minimum(OFF + relative * np.abs(counts), MOST_OFF) if relative else OFF
    whole: np.ndarray = np.all(np.abs(counts - np.round(counts)) <= room, axis=1, keepdims=True)
    return whole
