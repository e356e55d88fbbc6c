"""Undo steps: find what storage must have for a parameter to have given values.

The inverse of :mod:`onnx_params.tensors.evaluate`, step by step. What a step leaves out (the rest
of a tensor of which a parameter is a part) stays as it is stored now.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onnx_params.errors import content_errors
from onnx_params.tensors.encode import pack
from onnx_params.tensors.evaluate import rearranged
from onnx_params.tensors.steps import (
    Cast,
    Dequantize,
    Lookup,
    Permute,
    Reshape,
    Slice,
    Step,
    Steps,
    Unblock,
    Unpack,
    shape_after,
)


def undone(
    now: np.ndarray, steps: Steps, values: np.ndarray, where: str = "a placement"
) -> np.ndarray:
    """What storage, which is ``now``, has to become for ``steps`` to make ``values`` of it.

    The steps change layouts and types only: scales are found by
    :mod:`onnx_params.applying.quantize`. Raises :class:`FormatError`, which names ``where``, where
    the values do not fit.
    """
    with content_errors(where):
        return _undone(now, steps, values)


def _undone(now: np.ndarray, steps: Steps, values: np.ndarray) -> np.ndarray:
    levels = list(_levels(now, steps))
    if values.shape != levels[-1].shape:
        raise ValueError(f"values of the shape {values.shape} for {levels[-1].shape}")
    for level, step in zip(levels[-2::-1], reversed(steps), strict=True):
        values = _before(level, step, values)
    return values


def _levels(now: np.ndarray, steps: Steps) -> Iterator[np.ndarray]:
    """What is stored now, before each step and after the last; beyond the last one that leaves
    something out only shapes count.
    """
    last = max((at for at, step in enumerate(steps) if isinstance(step, Slice)), default=-1)
    yield now
    for at, step in enumerate(steps):
        if at < last:
            now = rearranged(now, (step,))
        else:
            now = np.broadcast_to(np.zeros((), np.uint8), shape_after(now.shape, (step,)))
        yield now


def _before(now: np.ndarray, step: Step, values: np.ndarray) -> np.ndarray:
    """What stood before one step, if ``values`` stand after it."""
    match step:
        case Permute(axes):
            return values.transpose(np.argsort(axes))
        case Reshape():
            return values.reshape(now.shape)
        case Slice(axis, runs):
            return _put(now, axis, runs, values)
        case Unpack(bits, high_first):
            return _repacked(values, now.shape, bits, high_first)
        case Unblock():
            return _reblocked(now, step, values)
        case Cast():
            return values
        case Lookup() | Dequantize():
            raise ValueError("numbers that were rounded need a scale")


def _put(
    now: np.ndarray, axis: int, runs: tuple[tuple[int, int], ...], values: np.ndarray
) -> np.ndarray:
    """``now`` with the runs along an axis replaced by values, one after the other."""
    made = now.astype(values.dtype, copy=True)
    at = 0
    for start, stop in runs:
        target = (slice(None),) * axis + (slice(start, stop),)
        source = (slice(None),) * axis + (slice(at, at + stop - start),)
        made[target] = values[source]
        at += stop - start
    return made


def _repacked(
    values: np.ndarray, shape: tuple[int, ...], bits: int, high_first: bool
) -> np.ndarray:
    if bits == 8:
        return values.astype(np.uint8).reshape(shape)
    codes = values.astype(np.uint8).reshape(-1, 8 // bits)
    if high_first:
        codes = codes[:, ::-1]
    return pack(np.ascontiguousarray(codes).reshape(-1), bits).reshape(shape)


def _reblocked(now: np.ndarray, step: Unblock, values: np.ndarray) -> np.ndarray:
    """Channels back in blocks: where each element comes from says where it goes."""
    if values.ndim == 1:
        return values
    origin = rearranged(np.arange(values.size).reshape(now.shape), (step,))
    made = np.empty(values.size, values.dtype)
    made[origin.reshape(-1)] = values.reshape(-1)
    return made.reshape(now.shape)
