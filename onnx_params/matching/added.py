"""Find biases that were added up: a layer's own, and another parameter that its module adds to what
the layer makes.

The sum stands in the layer's bias slot, multiplied where its weight is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.samples import Vectors
from onnx_params.matching.shifts import bias_of
from onnx_params.tensors.stored import StoredTensor


def added(state: MatchState) -> None:
    """Answer for the open biases that were added to another open parameter of their module."""
    search = _Search(state)
    for weight, found in list(state.found.items()):
        own = bias_of(weight)
        if own != weight and own in search.names and len(set(found.stored)) == 1:
            search.look_up(own, found)


class _Search:
    """The open vectors by their module and length."""

    def __init__(self, state: MatchState) -> None:
        self.state = state
        self.names = {tensor.name for tensor in state.open()}
        self._by_module: dict[tuple[str, int], list[StoredTensor]] = {}
        for tensor in state.open():
            if tensor.count == max(tensor.shape, default=0):
                module = tensor.name.rpartition(".")[0]
                self._by_module.setdefault((module, tensor.count), []).append(tensor)

    @cached_property
    def _vectors(self) -> Vectors:
        return Vectors(self.state)

    def look_up(self, own: str, weight: Found) -> None:
        """Answer for a bias, by the weight of its layer, and for what was added to it."""
        bias = self.state.reference[own].read().astype(np.float64).reshape(-1)
        factor = self._factor(weight, bias.size)
        if factor is None:
            return
        for other in self._others(own, bias.size):
            total = (bias + other.read().astype(np.float64).reshape(-1)) * factor
            candidate = self._vectors.of_layer(total, weight.stored[0])
            if candidate is None:
                continue
            times = f", times '{weight.by}'" if weight.by else ""
            because = f"'{candidate.tensor.name}' is the sum of '{own}' and '{other.name}'{times}"
            folded = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
            for name in (own, other.name):
                self.state.found[name] = folded
            self.state.assigned.setdefault(candidate.key, own)
            return

    def _factor(self, weight: Found, length: int) -> np.ndarray | float | None:
        """What the weight was multiplied by; ``None`` where that is no number for each row."""
        if not weight.by:
            return weight.factor
        factor = self.state.reference[weight.by].read().astype(np.float64).reshape(-1)
        return factor if factor.size == length else None

    def _others(self, own: str, length: int) -> Iterator[StoredTensor]:
        """The open vectors of a length in the modules that a layer stands in."""
        module = own.rpartition(".")[0]
        for around in dict.fromkeys((module, module.rpartition(".")[0] or module)):
            for tensor in self._by_module.get((around, length), ()):
                if tensor.name != own and tensor.name not in self.state.found:
                    yield tensor
