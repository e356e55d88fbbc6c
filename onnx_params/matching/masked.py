"""Find weights of which a module sets some elements to zero, by a mask that the checkpoint does not
hold: autoregressive layers (MADE), sparse wirings.

Sources: M. Germain et al., "MADE"; zuko, ``nn.py``, ``MaskedLinear``, whose mask is no persistent
buffer.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.folds import MASKED
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.places import places
from onnx_params.matching.rounded import small
from onnx_params.tensors.steps import SWAP, Shape, Steps, chain

MIN_LEFT: Final = 16  # elements that are no zeros
LEAST_LEFT: Final = 0.1  # the same as a share
N_SAMPLES: Final = 64  # elements that are compared before all are


def masked(state: MatchState) -> None:
    """Answer for open matrices and kernels that a stored tensor is but for zeros."""
    tensors = [tensor for tensor in small(state, state.open()) if len(tensor.shape) > 1]
    free = _with_zeros(state) if tensors else {}
    for tensor in tensors:
        target = tensor.read().astype(np.float64)
        for candidate, steps in free.get(tensor.shape, ()):
            if candidate.key in state.assigned or not _is_masked(state, target, candidate, steps):
                continue
            state.assigned[candidate.key] = tensor.name
            state.found[tensor.name] = Found(
                view=View.FOLDED,
                because=f"'{candidate.tensor.name}' is {MASKED}",
                stored=(candidate.key,),
                formula=MASKED,
            )
            break


def _with_zeros(state: MatchState) -> dict[Shape, list[tuple[Candidate, Steps]]]:
    """Shape -> the free stored tensors that have it, as they are or transposed, and zeros among
    their numbers.
    """
    found: dict[Shape, list[tuple[Candidate, Steps]]] = {}
    for candidate in state.free():
        if not (candidate.is_float or candidate.is_quantized) or len(candidate.shape) < 2:
            continue
        values = state.values.of(candidate.key, candidate.steps) if candidate.ways else None
        if values is None or not np.any(values == 0) or not np.any(values):
            continue
        turned = chain(*candidate.steps, SWAP) if len(candidate.shape) == 2 else None
        for steps in (candidate.steps, *((turned,) if turned is not None else ())):
            found.setdefault(candidate.shape_under(steps), []).append((candidate, steps))
    return found


def _is_masked(state: MatchState, target: np.ndarray, candidate: Candidate, steps: Steps) -> bool:
    """Whether a stored tensor has the numbers of a target wherever it is not zero."""
    values = state.values.of(candidate.key, steps)
    at = places(values.size, N_SAMPLES)
    some, wanted = values.reshape(-1)[at], target.reshape(-1)[at]
    apart = np.abs(np.where(some != 0, wanted, 0) - some).mean()
    if apart > 0.1 * max(float(np.abs(some).mean()), 1e-30):
        return False
    left = values != 0
    n_left = int(left.sum())
    if n_left < max(MIN_LEFT, LEAST_LEFT * values.size):
        return False
    return state.values.is_close(np.where(left, target, 0), candidate, steps, strictly=True)
