"""Find tensors of a reference that were computed with others: weight norms, batch norms that stand
alone, the two biases of a recurrent layer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching import folds
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.concatenated import by_size
from onnx_params.matching.lines import find_vector, split_vector
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.norms import Norm
from onnx_params.matching.rounded import near
from onnx_params.matching.samples import Vectors
from onnx_params.tensors.steps import Key


def weight_normed(state: MatchState) -> None:
    """Weights made of their magnitude and direction, or of themselves and a mask or a factor; as
    they are, then with a line for each output.
    """
    made = {
        each.main: each for each in folds.of_two(state.reference) if each.main not in state.found
    }
    targets = {name: each.values for name, each in made.items()}
    _take_computed(state, made, targets)
    lines = {
        name: values.reshape(len(values), -1) for name, values in targets.items() if values.ndim > 2
    }
    _take_computed(state, made, lines)


def _take_computed(
    state: MatchState, made: Mapping[str, folds.OfTwo], targets: Mapping[str, np.ndarray]
) -> None:
    """Write down which of the computed values are stored."""
    for tensor, candidate, steps in near(state, targets):
        each = made[tensor.name]
        if not state.values.is_close(targets[tensor.name], candidate, steps):
            continue
        because = f"'{candidate.tensor.name}' is {each.formula} of it and its sibling"
        state.assigned.setdefault(candidate.key, tensor.name)
        for name in (each.main, each.other):
            state.found.setdefault(
                name, Found(view=View.FOLDED, because=because, stored=(candidate.key,))
            )


def norm_alone(state: MatchState) -> None:
    """A batch norm that is not an operator: its factor and its shift, computed, are what a Mul and
    an Add take. The shift may be computed where it runs.
    """
    vectors = Vectors(state)
    for norm in state.norms:
        if norm.names[3] in state.found and all(
            not name or name in state.found for name in norm.names[:2]
        ):
            continue
        # rounding leaves room for more than one epsilon: the shift tells which it is
        fits = [
            (factor, multiplied)
            for factor in norm.scales()
            if (multiplied := vectors.holding(factor)) is not None
        ]
        whole = [each for each in fits if vectors.holding(_shift(norm, each[0])) is not None]
        if fits:
            _write_norm(state, vectors, norm, *(whole or fits)[0])


def _shift(norm: Norm, factor: np.ndarray) -> np.ndarray:
    """What a norm adds to its input times the factor."""
    made: np.ndarray = norm.bias - norm.mean * factor
    return made


def _write_norm(
    state: MatchState,
    vectors: Vectors,
    norm: Norm,
    factor: np.ndarray,
    multiplied: Candidate,
) -> None:
    because = f"'{multiplied.tensor.name}' is weight / sqrt(variance + epsilon) of the batch norm"
    folded = Found(view=View.FOLDED, because=because, stored=(multiplied.key,))
    for name in (norm.names[0], norm.names[3]):
        if name:
            state.found.setdefault(name, folded)
    state.assigned.setdefault(multiplied.key, norm.owner)
    shift = _shift(norm, factor)
    shifted = vectors.holding(shift)
    if shifted is None and np.any(shift):
        return
    keys: tuple[Key, ...] = ()
    if shifted is not None:
        because = f"'{shifted.tensor.name}' is bias - mean * weight / sqrt(variance + epsilon)"
        state.assigned.setdefault(shifted.key, norm.owner)
        keys = (shifted.key,)
    for name in norm.names[1:3]:
        if name:
            folded = Found(view=View.FOLDED, because=because, stored=keys)
            state.found.setdefault(name, folded)


def summed(state: MatchState) -> None:
    """Two biases of a recurrent layer that another framework has as one: their sum, whole, in a
    part, or a gate in each of several tensors.
    """
    for name in [tensor.name for tensor in state.open()]:
        other = name.replace("bias_ih", "bias_hh")
        if other == name or other not in state.reference:
            continue
        if name in state.found or other in state.found:
            continue
        one, two = state.reference[name].read(), state.reference[other].read()
        if one.shape != two.shape or one.dtype != two.dtype:
            continue
        keys = _holding_vector(state, one + two)
        if not keys:
            continue
        shown = ", ".join(repr(key[1]) for key in keys)
        because = f"{shown}: the sum of '{name}' and '{other}'"
        for each in (name, other):
            state.found[each] = Found(view=View.FOLDED, because=because, stored=keys)
        for key in keys:
            state.assigned.setdefault(key, name)


def _holding_vector(state: MatchState, values: np.ndarray) -> tuple[Key, ...]:
    """The stored tensors that no one has yet and that hold a vector, in runs or in shares."""
    arrays = [
        (c.key, state.values.of(c.key, ()))
        for c in state.free()
        if c.is_float and c.tensor.dtype.name == values.dtype.name and c.tensor.count
    ]
    placements = find_vector(values, arrays) or split_vector(values, by_size(arrays)) or ()
    return tuple(dict.fromkeys(placement.key for placement in placements))
