"""Say what became of biases folded with a norm, or multiplied with their weight."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.vocabulary import NORM_BIASES, NORM_WEIGHTS
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.norms import Norm
from onnx_params.matching.samples import Vectors
from onnx_params.tensors.steps import Key

# Sources: torch/nn/utils/parametrize.py; weight_norm.py, spectral_norm.py, prune.py beside it
_WEIGHT: Final = re.compile(
    r"(weight(_orig|_v|_g|_bar)?|(depthwise_|pointwise_)?kernel|parametrizations\.weight\.original\d*)$"
)
_NORM_WEIGHT: Final = re.compile(rf"({'|'.join(NORM_WEIGHTS)})$")
_COUNTED: Final = re.compile(r"(.*/vars/)(\d+)")  # in ``.weights.h5``


def bias_of(weight: str) -> str:
    """The name of a weight's bias: the same module's, whatever its weight is computed of; the next
    variable where Keras only counts them.
    """
    counted = _COUNTED.fullmatch(weight)
    if counted is not None:
        return f"{counted[1]}{int(counted[2]) + 1}"
    return f"{_WEIGHT.sub('', weight)}bias"


def multiplied_bias(
    state: MatchState,
    vectors: Vectors,
    name: str,
    factor: np.ndarray,
    by: str,
    times: str = "",
    layer: Key | None = None,
) -> None:
    """A bias that was multiplied as well, or multiplied and added to what stands beside the factor:
    a norm's shift. ``times`` are words for the factor where it is not the parameter ``by`` itself,
    ``layer`` is the weight that it belongs to.
    """
    times = times or f"'{by}'"
    made = state.reference[name].read().astype(np.float64).reshape(-1)
    if factor.shape != made.shape:
        return
    stem = _NORM_WEIGHT.sub("", by)
    beside = [f"{stem}{leaf}" for leaf in NORM_BIASES]
    for shift in ("", *(each for each in beside if each in state.reference and each != name)):
        values = made * factor
        if shift:
            values = values + state.reference[shift].read().astype(np.float64).reshape(-1)
        candidate = vectors.holding(values, layer) if values.shape == made.shape else None
        if candidate is None:
            continue
        stored = f"'{candidate.tensor.name}'"
        because = f"{stored} is it times {times}" + (f", plus '{shift}'" if shift else "")
        state.found[name] = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
        state.assigned.setdefault(candidate.key, name)
        if shift and shift not in state.found:
            because = f"{stored} is '{name}' times {times}, plus it"
            state.found[shift] = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
        return


def shift_of(state: MatchState, weight: str, norm: Norm, factor: np.ndarray) -> np.ndarray:
    """What becomes of a norm's bias: ``bias + (own - mean) * factor``, with the layer's own where
    it has one.
    """
    own = bias_of(weight)
    # one that was folded already was folded with another norm of the same layer
    has_own = own in state.reference and (
        own not in state.found or state.found[own].view is View.FOLDED
    )
    before = state.reference[own].read().astype(np.float64) if has_own else 0.0
    made: np.ndarray = norm.bias + (before - norm.mean) * factor
    return made


def fold_bias(
    state: MatchState,
    vectors: Vectors,
    weight: str,
    norm: Norm,
    factor: np.ndarray,
    because: str,
    layer: Key,
) -> None:
    """The norm's bias, with the layer's own if there was one: what became of them is ``bias +
    (own - mean) * factor``. ``layer`` is the stored weight into which it was folded.
    """
    own = bias_of(weight)
    has_own = own in state.reference and own not in state.found
    made = shift_of(state, weight, norm, factor)
    candidate = vectors.holding(made, layer)
    keys: tuple[Key, ...] = ()
    if candidate is not None:
        keys = (candidate.key,)
        state.assigned[candidate.key] = norm.names[1] or own
    sure = bool(keys) or not np.any(made)
    if not sure:
        because = f"{because}; no stored tensor is what becomes of its bias"
    folded = Found(view=View.FOLDED, because=because, stored=keys, certain=sure)
    for name in norm.names[1:3]:
        if name:
            state.found.setdefault(name, folded)
    if has_own:
        because = f"{because}; with it its bias into '{norm.owner}'"
        state.found.setdefault(
            own, Found(view=View.FOLDED, because=because, stored=keys, certain=sure)
        )
