"""Find scales and zero points for new values by the scheme of the old ones, and round to codes.

The schemes: onnxruntime, ``quantization/quant_utils.py`` (compute_scale_zp, quantize_data), and
``mlas/lib/q4_dq.cpp`` (in blocks, the number of the largest size becomes the lowest code, which
makes scales negative); bitsandbytes and OCP Microscaling for codes of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.dtypes import DType
from onnx_params.tensors.encode import numpy_type
from onnx_params.tensors.evaluate import spread
from onnx_params.tensors.steps import Dequantize

CHUNK: Final = 1 << 22  # numbers looked up in a table at once


class Range(NamedTuple):
    """The least and the greatest number of each group that shares a scale, zero included."""

    low: np.ndarray
    high: np.ndarray

    def with_other(self, other: Range) -> Range:
        return Range(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How numbers become codes from ``low`` to ``high``.

    ``zero`` is the code of zero where that is the same everywhere, else ``None``: it is then found
    for each group. The number of the largest size becomes the code ``levels`` away from it; with
    ``is_extreme_low`` it becomes the lowest code whatever its sign. ``table`` is set where codes
    are places in a table.
    """

    low: float
    high: float
    zero: float | None
    levels: float
    is_extreme_low: bool = False
    table: tuple[float, ...] = ()


def scheme_of(
    codes: np.ndarray, zero: np.ndarray | None, scale: np.ndarray, dtype: DType, **more: object
) -> Scheme:
    """The scheme that made ``codes``. ``zero`` are the zero points of its groups, ``dtype`` the
    type of the codes; ``more`` has ``bits`` where bytes hold several, ``offset`` and ``codebook``
    of the steps.
    """
    codebook = str(more.get("codebook") or "")
    if codebook:
        table = CODEBOOKS[codebook]
        top = float(np.abs(table).max())
        return Scheme(low=0, high=len(table) - 1, zero=0.0, levels=top, table=table)
    low, high = _bounds(dtype, int(str(more.get("bits") or 0)))
    offset = float(str(more.get("offset") or 0))
    fixed = _fixed(zero, offset, low, high)
    if fixed is None:
        return Scheme(low=low, high=high, zero=None, levels=high - low)
    reached = max(float(codes.max(initial=0)) - fixed, fixed - float(codes.min(initial=0)))
    reached = reached if reached > 0 else high - fixed
    is_extreme_low = bool((scale < 0).any())
    levels = fixed - low if is_extreme_low else min(reached, high - fixed)
    return Scheme(low=low, high=high, zero=fixed, levels=levels, is_extreme_low=is_extreme_low)


def _bounds(dtype: DType, bits: int) -> tuple[float, float]:
    if bits:
        return 0.0, float((1 << bits) - 1)
    if dtype.is_float:
        top = _greatest(numpy_type(dtype))
        return -top, top
    if dtype.name.startswith("uint"):
        return 0.0, float((1 << dtype.bits) - 1)
    return -float(1 << (dtype.bits - 1)), float((1 << (dtype.bits - 1)) - 1)


def _greatest(dtype: np.dtype) -> float:
    """The greatest number of a floating-point type."""
    import ml_dtypes

    finfo: Any = ml_dtypes.finfo  # not typed
    return float(finfo(dtype).max)


def _fixed(zero: np.ndarray | None, offset: float, low: float, high: float) -> float | None:
    """The code of zero where the scheme is symmetric: there is no zero point, or every one is in
    the middle of the codes.
    """
    if zero is None:
        return offset
    first = float(zero.reshape(-1)[0])
    middle = (high + 1) / 2
    is_middle = first == 0 if low < 0 else first in (middle, middle - 0.5, middle - 1)
    return first if is_middle and bool((zero.astype(np.float32) == first).all()) else None


def range_of(
    values: np.ndarray,
    step: Dequantize,
    shape: tuple[int, ...],
    size: int,
    groups: np.ndarray | None,
) -> Range:
    """The range of each of ``size`` groups of values; ``shape`` is that of the scales.

    Raises ``ValueError`` where a value is no number.
    """
    if not np.isfinite(values).all():
        raise ValueError("it has numbers that are not finite, which no code stands for")
    lines = _lines(values, step, shape, size) if groups is None else None
    if lines is not None:
        low, high = lines.min(-1, initial=0.0), lines.max(-1, initial=0.0)
        return Range(low.astype(np.float64), high.astype(np.float64))
    numbers = np.arange(size, dtype=np.int64).reshape(shape)
    group = np.broadcast_to(spread(numbers, step, values.shape, groups), values.shape).reshape(-1)
    low, high = np.zeros(size), np.zeros(size)
    flat = values.reshape(-1).astype(np.float64)
    np.minimum.at(low, group, flat)
    np.maximum.at(high, group, flat)
    return Range(low, high)


def _lines(
    values: np.ndarray, step: Dequantize, shape: tuple[int, ...], size: int
) -> np.ndarray | None:
    """The values with those of a group along the last axis; ``None`` where groups lie
    otherwise.
    """
    if size == 1:
        return values.reshape(1, -1)
    axis = (step.axis or 0) % values.ndim
    if step.block:
        moved = np.moveaxis(values, axis, -1)
        short = -moved.shape[-1] % step.block
        if short:  # zeros change no range
            moved = np.pad(moved, [(0, 0)] * (values.ndim - 1) + [(0, short)])
        blocks = moved.reshape(*moved.shape[:-1], -1, step.block)
        lines = np.moveaxis(blocks, -2, axis).reshape(-1, step.block)
        return lines if len(lines) == size else None
    is_by_axis = len(shape) == 1 and shape[0] == values.shape[axis]
    return np.moveaxis(values, axis, 0).reshape(size, -1) if is_by_axis else None


def in_float32(found: Range) -> Range:
    """A range in the precision in which quantizers of blocks compute."""
    return Range(found.low.astype(np.float32), found.high.astype(np.float32))


def scales(found: Range, scheme: Scheme) -> tuple[np.ndarray, np.ndarray | None]:
    """Scale and zero point of each group, before they are rounded to their types; zero points only
    where the scheme has them.
    """
    if scheme.zero is None:
        scale = (found.high - found.low) / (scheme.high - scheme.low)
        scale = np.where(scale > 0, scale, np.ones_like(scale))
        return scale, np.clip(np.rint(scheme.low - found.low / scale), scheme.low, scheme.high)
    size = np.maximum(found.high, -found.low)
    if scheme.is_extreme_low:
        extreme = np.where(found.high >= -found.low, found.high, found.low)
        made = -extreme / scheme.levels
    else:
        made = size / scheme.levels
    return np.where(size > 0, made, np.ones_like(made)), None


def codes_of(
    values: np.ndarray, scale: np.ndarray, zero: np.ndarray | float, scheme: Scheme
) -> np.ndarray:
    """The nearest code of each value; scales and zero points stand beside the values."""
    divisor = np.where(scale != 0, scale, np.ones_like(scale))
    units = np.asarray(values / divisor, np.float32)
    if not np.all(scale):
        units = np.where(scale != 0, units, np.float32(0))
    if scheme.table:
        return _looked_up(units, np.asarray(scheme.table, np.float32))
    units += zero
    np.rint(units, out=units)
    return np.clip(units, scheme.low, scheme.high, out=units)


def _looked_up(units: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The place in a table of the number that is nearest to each."""
    order = np.argsort(table, kind="stable")
    between = (table[order][1:] + table[order][:-1]) / 2
    return order[np.searchsorted(between, units)].astype(np.uint8)
