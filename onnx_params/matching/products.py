"""Find weights of small layers whose result for fixed inputs was computed: a table of biases for
relative positions (Swin Transformer V2), of which the weight itself is not stored.

Every line of the result is a combination of the weight's columns, which no other weight gives.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import small
from onnx_params.tensors.stored import StoredTensor

MAX_INPUTS: Final = 16  # of a layer
MIN_MORE: Final = 4  # lines and columns of the result, more than the layer has inputs
EXACT: Final = 1e-8  # share of the result's energy that rounding may leave
ROUNDED: Final = 1e-3  # the same of codes


def multiplied_out(state: MatchState) -> None:
    """Answer for open weights of layers of few inputs."""
    weights = [tensor for tensor in small(state, state.open()) if _is_narrow(tensor)]
    results = _by_width(state) if weights else {}
    for weight in weights:
        values = weight.read().astype(np.float64)
        for columns in (values.T, values):  # torch's [out, in], and [in, out]
            found = _result_of(state, columns, results.get(columns.shape[1], []))
            if found is not None:
                because = f"every line of '{found.tensor.name}' is a combination of its columns"
                state.found[weight.name] = Found(
                    view=View.FOLDED, because=because, stored=(found.key,)
                )
                break


def _is_narrow(tensor: StoredTensor) -> bool:
    """Whether a matrix is the weight of a layer of few inputs."""
    if len(tensor.shape) != 2:
        return False
    few, many = sorted(tensor.shape)
    return few <= MAX_INPUTS and many >= few + MIN_MORE


def _by_width(state: MatchState) -> dict[int, list[Candidate]]:
    """Length of the last axis -> the free stored tensors of more axes than one."""
    found: dict[int, list[Candidate]] = {}
    for candidate in state.free():
        is_number = candidate.is_float or candidate.is_quantized
        if is_number and len(candidate.shape) > 1 and candidate.ways:
            found.setdefault(candidate.shape[-1], []).append(candidate)
    return found


def _result_of(
    state: MatchState, columns: np.ndarray, candidates: list[Candidate]
) -> Candidate | None:
    """The stored tensor whose lines are combinations of ``columns``, ``[inputs, outputs]``."""
    n_inputs, width = columns.shape
    if width < n_inputs + MIN_MORE:
        return None
    for candidate in candidates:
        lines = state.values.of(candidate.key, candidate.steps).reshape(-1, width)
        energy = float(np.einsum("ij,ij->", lines, lines, dtype=np.float64))
        if len(lines) < n_inputs + MIN_MORE or not np.isfinite(energy) or not energy:
            continue
        if len(np.unique(lines, axis=0)) < n_inputs + MIN_MORE:  # rows that were looked up
            continue
        wide = lines.astype(np.float64)
        factors = np.linalg.lstsq(columns.T, wide.T, rcond=None)[0]
        left = wide - factors.T @ columns
        room = ROUNDED if candidate.is_quantized else EXACT
        if float(np.einsum("ij,ij->", left, left)) <= room * energy:
            return candidate
    return None
