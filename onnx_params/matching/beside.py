"""Find biases of so few numbers that equal ones say nothing, by the layer that takes the weight of
their module.
"""

from __future__ import annotations

from onnx_params.idioms.naming import module_of
from onnx_params.matching.exact import MIN_DISTINCT
from onnx_params.matching.match_state import MatchState
from onnx_params.matching.rounded import take_close
from onnx_params.matching.samples import Vectors
from onnx_params.tensors.steps import Key, Reshape, chain


def beside(state: MatchState) -> None:
    """Answer for open vectors of few numbers."""
    few = [tensor for tensor in state.open() if 0 < tensor.count < MIN_DISTINCT]
    if not few:
        return
    vectors, modules = Vectors(state), _by_module(state)
    for tensor in few:
        values = tensor.read()
        for key in modules.get(module_of(tensor.name), ()) if tensor.dtype.is_float else ():
            candidate = vectors.of_layer(values, key)
            if candidate is not None:
                steps = chain(*candidate.steps, Reshape(tensor.shape))
                take_close(state, tensor, candidate, steps)
                break


def _by_module(state: MatchState) -> dict[str, list[Key]]:
    """Module -> the stored tensors that are parameters of it."""
    found: dict[str, list[Key]] = {}
    for name, answer in state.found.items():
        found.setdefault(module_of(name), []).extend(answer.stored)
    return found
