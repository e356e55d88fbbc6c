"""Recognize floating-point weights that a quantizer rounded and stored as the numbers that its
codes stand for: every value is a whole number of steps, or one of few.

The steps are read off the values themselves, for the tensor, each row, each column, or each block
along a row or a column, as quantizers choose them: the largest magnitude is that of the last code,
or the range that of all codes; or whatever divides all of them. Sources: AIMET, ``quantsim`` (fake
quantization); onnxruntime, ``quantization/neural_compressor/weight_only.py`` (bits that no operator
takes); QONNX, ``transformation/fixedpt_quantize.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.matching.casts import coarse_type
from onnx_params.matching.groups import FEWEST, few, groupings, is_enough
from onnx_params.matching.levels import MANY_LEVELS, Test, is_by, tests_of

BITS: Final = range(2, 9)
# of the largest number of a group, that float32 may change what is left of a division: for steps
# of which there are hundreds in it, and for such of which there are ten thousands
ROUNDINGS: Final = (2e-5, 1e-6)
COARSE: Final = 32.0  # of these: what a step is at least
N_TRIED: Final = 6  # numbers that are divided before a grid is looked for
N_DIVIDED: Final = 8  # of each group, before all are held against the grid
MAX_PARTS: Final = 7  # into which what divides those few is divided
MAX_DIVISIONS: Final = 40
OFF: Final = 1e-3  # of a step, that a value may be beside a whole number
LEAST_CUT: Final = 0.25  # of a step, that is cut off on the average
CUT_OFF: Final = 2.0  # steps that a number may lie outside of the outermost code
MOST_OFF: Final = 0.15  # of a step, where numbers went through a coarser type
# half a unit in the last place, relative
UNITS: Final = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
HALF: Final = 0.5 + OFF
MOST_OF_16_BITS: Final = 2.0**-15  # of the largest number: half a step of signed 16 bits
MANY_OFF: Final = 64  # numbers that are enough to see that they are off evenly
UNEVEN: Final = 0.1
NEARLY_ALL: Final = 0.9


class Pattern(NamedTuple):
    """What values have in common: for each way of grouping the steps of the grid on which they lie,
    where there is one; the kinds of few numbers that they may be of.
    """

    steps: tuple[np.ndarray | None, ...]
    tests: tuple[Test, ...]

    @property
    def has_grid(self) -> bool:
        return any(steps is not None for steps in self.steps)


def pattern_of(values: np.ndarray) -> Pattern:
    """What ``values`` have in common; nothing where they are too few to tell."""
    if not np.isfinite(values).all():
        return Pattern((), ())
    tests = tests_of(values)
    if len(np.unique(values)) < FEWEST:
        return Pattern((), tests)
    relative = _relative(values)
    return Pattern(tuple(_found(groups, relative) for groups in groupings(values)), tests)


def _relative(values: np.ndarray) -> float:
    """How far a number may be off because it went through a coarser type."""
    return 2 * UNITS.get(coarse_type(values) or values.dtype.name, 0.0)


def is_rounded(
    target: np.ndarray, values: np.ndarray, pattern: Pattern | None = None, strictly: bool = False
) -> bool:
    """Whether ``values`` are those of ``target``, each within half a step of the grid on which
    ``values`` lie, or by few numbers; arrays of one shape. ``pattern`` is that of ``values``, where
    it is known; ``strictly`` leaves few numbers out.
    """
    pattern = pattern_of(values) if pattern is None else pattern
    if pattern.has_grid and _is_near(target, values, pattern):
        return True
    # codes of many bits are the nearest ones, if on one grid
    is_one_grid = bool(pattern.steps) and pattern.steps[0] is not None
    most = MANY_LEVELS if is_one_grid else values.size
    return not strictly and any(is_by(test, target, values, most) for test in pattern.tests)


def is_of_many_steps(target: np.ndarray, values: np.ndarray) -> bool:
    """Whether ``values`` are those of ``target`` rounded to steps of 16 bits, which float32 hardly
    shows: nearly all are off, as far as half a step and evenly between that and nothing.
    """
    apart = np.abs(values.astype(np.float64) - target)
    half = float(apart.max(initial=0.0))
    if apart.size < MANY_OFF or not 0 < half <= MOST_OF_16_BITS * float(np.abs(target).max()):
        return False
    rows = apart.reshape(len(apart) if apart.ndim > 1 else 1, -1)
    furthest = rows.max(axis=1)
    shares = rows.mean(axis=1)[furthest > 0] / furthest[furthest > 0]
    is_even = abs(float(shares.mean()) - 0.5) <= UNEVEN
    sizes = np.abs(values.reshape(rows.shape))
    is_less_than_a_step = (sizes > 0) & (sizes < 2 * (1 - OFF) * furthest[:, None])
    is_on_steps = is_even and not is_less_than_a_step.any()
    return is_on_steps and np.count_nonzero(apart) >= NEARLY_ALL * apart.size


def _is_near(target: np.ndarray, values: np.ndarray, pattern: Pattern) -> bool:
    relative = _relative(values)
    grouped = zip(pattern.steps, groupings(target), groupings(values), strict=True)
    return any(
        steps is not None and _is_within(wanted, groups, steps, relative)
        for steps, wanted, groups in grouped
    )


def _is_within(wanted: np.ndarray, groups: np.ndarray, steps: np.ndarray, relative: float) -> bool:
    """Whether numbers were rounded to the nearest step, or to the outermost that their group has,
    or all of them down; each may be off besides by ``relative`` of it.
    """
    difference = wanted - groups
    coarse = relative * np.abs(groups)
    is_far = np.abs(difference) > HALF * steps + coarse
    if not is_far.any():
        return True
    is_top = (groups == groups.max(axis=1, keepdims=True)) & (difference > 0)
    is_bottom = (groups == groups.min(axis=1, keepdims=True)) & (difference < 0)
    is_cut_off = (is_top | is_bottom) & (np.abs(difference) <= CUT_OFF * steps + coarse)
    if not np.any(is_far & ~is_cut_off):
        return True
    room = OFF * steps + coarse
    is_down = (difference >= -room) & (difference <= steps + room)
    # the fractions that were cut off lie anywhere between none and one
    shares = np.divide(difference, steps, out=np.zeros_like(difference), where=steps > 0)
    return bool(is_down.all()) and LEAST_CUT <= float(shares.mean()) <= 1 - LEAST_CUT


def half_gaps(values: np.ndarray) -> np.ndarray:
    """Half of the widest gap between numbers of the same row, at each element."""
    rows = np.sort(values.reshape(values.shape[0] if values.ndim > 1 else 1, -1), axis=1)
    with np.errstate(invalid="ignore"):  # infinities side by side
        widest = np.diff(rows, axis=1).max(axis=1, initial=0.0)
    shape = (-1, *(1,) * (values.ndim - 1))
    made: np.ndarray = np.broadcast_to(widest.reshape(shape) / 2, values.shape)
    return made


def is_on_grid(values: np.ndarray) -> bool:
    """Whether values are codes times steps, stored as numbers; codes alone are not."""
    if np.array_equal(values, np.round(values)):
        return False
    relative = _relative(values)
    return any(_found(groups, relative) is not None for groups in groupings(values))


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
    if not is_enough(groups):
        return None
    is_likely = _grids(groups[few(groups)], relative) is not None
    if is_likely and (found := _grids(groups, relative)) is not None:
        return _coarsest(groups, found)
    for rounding in ROUNDINGS:
        if _has_divisor(groups[0], rounding):
            found = _divisors(groups, rounding)
            if found is not None:
                return _coarsest(groups, found)
    return None


def _coarsest(groups: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The largest steps of which all numbers of a group are whole ones too."""
    counts = np.divide(groups, steps, out=np.zeros_like(groups), where=steps > 0).round()
    common = np.gcd.reduce(counts.astype(np.int64), axis=1, keepdims=True)
    made: np.ndarray = steps * np.maximum(common, 1)
    return made


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
    steps = np.zeros((len(groups), 1))
    is_open = np.any(groups != 0, axis=1, keepdims=True)
    for part in range(1, MAX_PARTS):  # those few may have been multiples of several steps
        tried = _refined(groups, found[:, None] / part)
        fits = is_open & _are_whole(groups, tried, 0.0)
        steps[fits] = tried[fits]
        is_open &= ~fits
        if not is_open.any():
            return steps
    return None


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
    """Whether all values of each group are whole numbers of its step ``[groups, 1]``; none of a
    step is nothing and not little, or all would lie on the steps of one that is very large.
    """
    counts = np.divide(groups, steps, out=np.full_like(groups, 0.5), where=steps > 0)
    nearest = np.round(counts)
    room = np.minimum(OFF + relative * np.abs(counts), MOST_OFF) if relative else OFF
    are_whole = (np.abs(counts - nearest) <= room) & ((nearest != 0) | (groups == 0))
    whole: np.ndarray = np.all(are_whole, axis=1, keepdims=True)
    return whole
