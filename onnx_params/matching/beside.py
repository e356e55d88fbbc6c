"""Find biases of so few numbers that equal ones say nothing, by the layer that takes the weight of
their module.
"""

from __future__ import annotations

from onnx_params.idioms.vocabulary import PARTNERS
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
    vectors = Vectors(state)
    for tensor in few:
        values = tensor.read()
        for key in _layers(state, tensor.name) if tensor.dtype.is_float else ():
            candidate = vectors.of_layer(values, key)
            if candidate is not None:
                steps = chain(*candidate.steps, Reshape(tensor.shape))
                take_close(state, tensor, candidate, steps)
                break


def _layers(state: MatchState, name: str) -> list[Key]:
    """The stored tensors that are the weight beside a bias."""
    leaf = next((leaf for leaf in PARTNERS if _has_leaf(name, leaf)), "")
    owner = name.removesuffix(leaf)
    weights = [state.found.get(f"{owner}{partner}") for partner in PARTNERS.get(leaf, ())]
    return [key for found in weights if found is not None for key in found.stored]


def _has_leaf(name: str, leaf: str) -> bool:
    return name == leaf or name.endswith((f".{leaf}", f"/{leaf}"))
