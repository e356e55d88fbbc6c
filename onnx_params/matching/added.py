"""Find biases that were added up: a layer's own, and another parameter that its module adds to what
the layer makes.

The sum stands in the layer's bias slot, multiplied where its weight is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.samples import Vectors
from onnx_params.matching.shifts import bias_of
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

_MODULES = 2  # how far out the other parameter may stand: beside the layer's own, or around it


def added(state: MatchState) -> None:
    """Answer for the open biases that were added to another open parameter of their module."""
    vectors: Vectors | None = None
    open_names = {tensor.name for tensor in state.open()}
    for weight, found in list(state.found.items()):
        own = bias_of(weight)
        if own == weight or own not in open_names or len(_layers(found)) != 1:
            continue
        vectors = vectors or Vectors(state)
        _look_up(state, vectors, own, found, _layers(found)[0])


def _layers(found: Found) -> list[Key]:
    """The stored tensors that hold a weight."""
    keys = found.stored or tuple(placement.key for placement in found.placements)
    return list(dict.fromkeys(keys))


def _look_up(state: MatchState, vectors: Vectors, own: str, weight: Found, layer: Key) -> None:
    bias = state.reference[own].read().astype(np.float64).reshape(-1)
    factor = _factor(state, weight, bias.size)
    if factor is None:
        return
    for other in _others(state, own, bias.size):
        total = (bias + other.read().astype(np.float64).reshape(-1)) * factor
        candidate = vectors.of_layer(total, layer)
        if candidate is None:
            continue
        times = f", times '{weight.by}'" if weight.by else ""
        because = f"'{candidate.tensor.name}' is the sum of '{own}' and '{other.name}'{times}"
        for name in (own, other.name):
            state.found[name] = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
        state.assigned.setdefault(candidate.key, own)
        return


def _factor(state: MatchState, weight: Found, length: int) -> np.ndarray | float | None:
    """What the weight was multiplied by; ``None`` where that is no number for each row."""
    if not weight.by:
        return weight.factor
    factor = state.reference[weight.by].read().astype(np.float64).reshape(-1)
    return factor if factor.size == length else None


def _others(state: MatchState, own: str, length: int) -> Iterator[StoredTensor]:
    """The open vectors of a length in the modules that a layer stands in, the nearest ones."""
    module = own.rpartition(".")[0]
    around = {module.rsplit(".", up)[0] if up else module for up in range(_MODULES)}
    for tensor in state.open():
        is_vector = tensor.count == length == max(tensor.shape, default=0)
        if is_vector and tensor.name != own and tensor.name.rpartition(".")[0] in around:
            yield tensor
