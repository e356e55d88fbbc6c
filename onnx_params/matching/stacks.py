"""Find stacks of matrices, as of experts, whose matrices were stored apart and then rounded."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import MAX_NEAR, Fit, Samples, fits_by_shape, small
from onnx_params.tensors.steps import Key, Placement, Reshape, chain
from onnx_params.tensors.stored import StoredTensor


def stacked(state: MatchState) -> None:
    """Stacks of matrices of which each is a quantized tensor of its own; where most are, and the
    others are not there, the stack was changed.
    """
    stacks = [each for each in small(state, state.open()) if len(each.shape) == 3]
    if not stacks or not any(candidate.is_quantized for candidate in state.free()):
        return
    matrices = _Matrices(state)
    for tensor in stacks:
        taken: set[Key] = set()
        placements = [_place(matrices, values, taken) for values in tensor.read()]
        there = tuple(each for each in placements if each is not None)
        if 2 * len(there) > len(placements):
            _write(state, tensor, there)


def _place(matrices: _Matrices, values: np.ndarray, taken: set[Key]) -> Placement | None:
    """Where a matrix of a stack lies, that no other one of the stack has taken."""
    found = matrices.find(values, taken)
    if found is None:
        return None
    candidate, steps = found
    taken.add(candidate.key)
    return Placement(candidate.key, chain(*steps, Reshape((1, *values.shape))))


class _Matrices:
    """The free quantized tensors, by the shapes of the matrices that they may be."""

    def __init__(self, state: MatchState) -> None:
        self._state = state
        self._samples = Samples(state)
        self._fits = {
            shape: [(candidate, steps) for candidate, steps in fits if candidate.is_quantized]
            for shape, fits in fits_by_shape(state).items()
            if len(shape) == 2
        }

    def find(self, values: np.ndarray, taken: Set[Key]) -> Fit | None:
        """The stored tensor that is a matrix, rounded."""
        nearest = self._samples.nearest(values, self._fits.get(values.shape, []))
        free = [fit for fit in nearest if fit[0].key not in taken]
        return next(
            (fit for fit in free[:MAX_NEAR] if self._state.values.is_close(values, *fit)), None
        )


def _write(state: MatchState, tensor: StoredTensor, placements: tuple[Placement, ...]) -> None:
    """Write down where the matrices of a stack lie: all of them, or all but some."""
    keys = tuple(placement.key for placement in placements)
    n_absent = tensor.shape[0] - len(placements)
    shown = f"'{keys[0][1]}' and {len(keys) - 1} more"
    if n_absent:
        state.found[tensor.name] = Found(
            view=View.CHANGED,
            because=f"{shown} hold its matrices, but for {n_absent} of them",
            stored=keys,
        )
    else:
        state.found[tensor.name] = Found(
            view=View.DEQUANTIZED,
            because=f"every value is within half a step of {shown}, its matrices one by one",
            placements=placements,
            axis=0,
            stored=keys,
        )
    for key in keys:
        state.assigned.setdefault(key, tensor.name)
