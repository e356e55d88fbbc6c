"""Measure how far two arrays lie apart, some rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from onnx_params.auditing.judgements import Difference, Rounding
from onnx_params.matching.candidates import Candidate, Values
from onnx_params.tensors.steps import Steps, Unpack

BAND: Final = 1 << 20  # elements compared at once
MAX_SAMPLED: Final = 1 << 16  # elements of which residuals are counted
INTERVALS: Final = 41  # of residuals; odd, so that one is around zero


def difference(
    original: np.ndarray, values: np.ndarray, allowed: np.ndarray | None = None
) -> Difference | None:
    """Where two arrays of one shape differ, ``None`` where nowhere: in their bits, or by more than
    ``allowed`` at each element.

    NaN equals NaN.
    """
    changed = n_nan = 0
    first: tuple[int, ...] = ()
    largest = 0.0
    for at, rows in _bands(original.shape):
        one, two = original[rows], values[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
            same = (
                (one == two) | ((one != one) & (two != two))
                if allowed is None
                else apart <= allowed[rows]
            )
        if same.all():
            continue
        differs = ~same
        if not changed:
            inside = np.unravel_index(int(np.argmax(differs)), differs.shape)
            first = tuple(int(i) for i in inside)
            first = (first[0] + at, *first[1:]) if first else ()
        changed += int(differs.sum())
        numbers = apart[differs & ~np.isnan(apart)]
        largest = max(largest, float(numbers.max(initial=0.0)))
        n_nan += int((np.isnan(two) & ~np.isnan(one)).sum()) if two.dtype.kind == "f" else 0
    return Difference(changed, original.size, first, largest, n_nan) if changed else None


def rounding(original: np.ndarray, candidate: Candidate, steps: Steps, values: Values) -> Rounding:
    """What a quantized tensor lost against the original of the same shape."""
    made = values.of(candidate.key, steps)
    signal = noise = largest = 0.0
    for _, rows in _bands(original.shape):
        one = original[rows].astype(np.float64)
        error = one - made[rows].astype(np.float64)
        signal += float((one * one).sum())
        noise += float((error * error).sum())
        largest = max(largest, float(np.abs(error).max(initial=0.0)))
    codes = values.codes(candidate.key, steps)
    low, high = _range(codes, steps)
    saturated = float(((codes <= low) | (codes >= high)).mean()) if codes.size else 0.0
    return Rounding(
        _decibels(signal, noise), largest, saturated, _residuals(original, made, largest)
    )


def _residuals(original: np.ndarray, made: np.ndarray, largest: float) -> tuple[int, ...]:
    """How many errors lie in each interval from ``-largest`` to ``largest``, of elements that are
    evenly spaced.
    """
    if not largest or not math.isfinite(largest):
        return ()
    step = -(-original.size // MAX_SAMPLED)
    one, two = (each.reshape(-1)[::step].astype(np.float64) for each in (original, made))
    counts, _ = np.histogram(one - two, bins=INTERVALS, range=(-largest, largest))
    return tuple(map(int, counts))


def _decibels(signal: float, noise: float) -> float:
    """A ratio in decibels; of numbers that are none, the lowest that there is."""
    if not noise:
        return math.inf
    ratio = signal / noise
    return 10 * math.log10(ratio) if ratio > 0 and math.isfinite(ratio) else -math.inf


def _range(codes: np.ndarray, steps: Steps) -> tuple[int, int]:
    """The least and the greatest code that there can be."""
    bits = next((step.bits for step in steps if isinstance(step, Unpack)), 0)
    if bits:
        return 0, (1 << bits) - 1
    if codes.dtype.kind not in "iu":
        return -(1 << 62), 1 << 62
    bounds = np.iinfo(codes.dtype)
    return int(bounds.min), int(bounds.max)


def _bands(shape: tuple[int, ...]) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """The first row and the index of bands of rows; one band for a number."""
    if not shape:
        yield 0, ()
        return
    height = max(1, BAND // max(1, math.prod(shape[1:])))
    for at in range(0, shape[0], height):
        yield at, (slice(at, at + height),)
