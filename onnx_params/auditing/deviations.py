"""Say how a stored tensor differs from a tensor of the reference: all elements, some of them, or by
little.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from onnx_params.auditing.computed import is_quantized, used_elements
from onnx_params.auditing.differences import difference
from onnx_params.auditing.judgements import Difference
from onnx_params.auditing.state import State
from onnx_params.idioms.torchscript import is_result
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import casts_to, coarse_type
from onnx_params.matching.rounded import CLOSE
from onnx_params.matching.verify import bits_equal
from onnx_params.tensors.steps import Cast, Key, Placement, Reshape, chain
from onnx_params.tensors.stored import StoredTensor

FEW: Final = 4  # elements for each that differs, for what is the same but for some


def difference_from(
    state: State, tensor: StoredTensor, placements: tuple[Placement, ...], axis: int
) -> Difference | None:
    """How what placements hold differs from a tensor: beyond half a step where it is quantized, in
    its bits else, after every cast that there is.
    """
    bare = tuple(
        Placement(
            placement.key, tuple(step for step in placement.steps if not isinstance(step, Cast))
        )
        for placement in placements
    )
    values, original = evaluated(state, bare, axis), tensor.read()
    if values is None or values.shape != original.shape:
        return Difference(original.size, original.size, (), 0.0)
    if len(bare) == 1 and is_quantized(state.model, bare[0].key):
        candidate = Candidate(state.model, state.model.stored[bare[0].key], 0)
        if state.values.is_close(original, candidate, bare[0].steps):
            return None
        return difference(
            original,
            values,
            np.broadcast_to(
                state.values.allowed(original, bare[0].key, bare[0].steps), original.shape
            ),
        )
    once = state.values.once
    coarse = coarse_type(values, once)
    if values.dtype == original.dtype and (not coarse or coarse_type(original, once) == coarse):
        if bits_equal(original, values):
            return None
        if original.dtype.name != "float16":  # of which converters change the smallest numbers
            return difference(original, values)
    # numbers of few bits are of both types
    names = dict.fromkeys((coarse or values.dtype.name, values.dtype.name))
    casts = (cast for name in names for cast in casts_to(original, name, values))
    found = [difference(cast.astype(values.dtype), values) for cast in casts]
    return min(found, key=lambda each: 0 if each is None else each.changed)


def mostly_equal(state: State, tensor: StoredTensor, key: Key) -> Difference | None:
    """How a stored tensor differs from a tensor of the reference, where most elements are equal: no
    formula leaves that. ``None`` where most are not, or all are.
    """
    candidate = Candidate(state.model, state.model.stored[key], 0)
    for way in candidate.ways:
        shape = candidate.shape_under(way)
        if math.prod(shape) != tensor.count or tensor.count < 2:
            continue
        placement = Placement(
            key, way if shape == tensor.shape else chain(*way, Reshape(tensor.shape))
        )
        apart = difference_from(state, tensor, (placement,), 0)
        if apart is not None and FEW * apart.changed < apart.of:
            return apart
    return None


def is_distorted(state: State, tensor: StoredTensor, key: Key) -> bool:
    """Whether a stored tensor of as many elements is near to a tensor of the reference, or one
    number throughout, where no operator is said to have computed it.
    """
    stored = state.model.stored[key]
    if is_result(stored.name):
        return False
    original = tensor.read().reshape(-1).astype(np.float64)
    if original.size < 2 or np.ptp(original) == 0:
        return False
    if used_elements(state.model, stored) != tensor.count:
        return False
    if stored.count > 1 and np.ptp(stored.read().astype(np.float64)) == 0:
        return True
    candidate = Candidate(state.model, stored, 0)
    for way in candidate.ways:
        values = state.values.of(key, way).reshape(-1).astype(np.float64)
        if values.size != original.size or not np.isfinite(values).all():
            continue
        apart = float(np.abs(values - original).mean()) / float(np.abs(original).mean())
        if apart < CLOSE:
            return True
    return False


def evaluated(state: State, placements: tuple[Placement, ...], axis: int) -> np.ndarray | None:
    """What placements make; ``None`` where they do not fit together."""
    try:
        parts = [state.values.of(placement.key, placement.steps) for placement in placements]
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
    except (ValueError, IndexError):
        return None
