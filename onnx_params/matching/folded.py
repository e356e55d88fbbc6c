"""Find tensors of a reference that were computed with: batch norms, weight norms, factors, formulas
of one parameter.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.vocabulary import NORM_BIASES, NORM_WEIGHTS
from onnx_params.matching import folds
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.lines import find_vector, split_vector
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import small
from onnx_params.tensors.steps import SWAP, Key, Permute, Reshape, Steps, chain
from onnx_params.tensors.stored import StoredTensor

# how far a norm's factors may lie from the scales of rounded channels, relative to the largest
MAX_APART: Final = 0.05
_NORM_WEIGHT: Final = re.compile(rf"({'|'.join(NORM_WEIGHTS)})$")
# from [out, in, ...], as operators take kernels, to channels last, as Keras and Flax have them
_TO_LAST: Final = {3: ((2, 1, 0),), 4: ((2, 3, 1, 0), (2, 3, 0, 1))}


def weight_normed(state: MatchState) -> None:
    made = folds.weight_norms(state.reference)
    for weight, magnitude, direction, values in made:
        for candidate in state.free():
            if candidate.is_quantized or candidate.is_float:
                for way in candidate.ways:
                    if candidate.shape_under(way) == values.shape and state.values.is_close(
                        values, candidate, way
                    ):
                        because = (
                            f"'{candidate.tensor.name}' is g * v / |v| of it and its sibling, the"
                            f" weight norm of '{weight}'"
                        )
                        for name in (magnitude, direction):
                            state.found.setdefault(
                                name,
                                Found(view=View.FOLDED, because=because, stored=(candidate.key,)),
                            )


def normed(state: MatchState) -> None:
    """Weights whose channels were multiplied: by the factors of one batch norm, by another
    parameter, by a number.
    """
    norms = folds.norms(state.reference)
    weights = [tensor for tensor in small(state, state.open()) if len(tensor.shape) >= 2]
    used: set[Key] = set()
    for tensor in weights:
        claim = state.named.get(tensor.name)
        first = claim.stored[0] if claim is not None and claim.stored else None
        fits = sorted(
            (c for c in state.free() if c.key not in used and c.ways), key=lambda c: c.key != first
        )
        for candidate in fits:
            if is_normed(state, tensor, candidate, norms):
                used.add(candidate.key)
                state.assigned.setdefault(candidate.key, tensor.name)
                break


def norm_alone(state: MatchState) -> None:
    """A batch norm that is not an operator: its factor and its shift, computed, are what a Mul and
    an Add take.
    """
    for norm in folds.norms(state.reference):
        if norm.names[0] in state.found and norm.names[1] in state.found:
            continue
        for factor in norm.scales():
            multiplied = _holding(state, factor)
            shifted = _holding(state, norm.bias - norm.mean * factor)
            if multiplied is None or (shifted is None and np.any(norm.bias - norm.mean * factor)):
                continue
            because = (
                f"'{multiplied.tensor.name}' is weight / sqrt(variance + epsilon) of the batch norm"
            )
            for name in (norm.names[0], norm.names[3]):
                state.found.setdefault(
                    name, Found(view=View.FOLDED, because=because, stored=(multiplied.key,))
                )
            state.assigned.setdefault(multiplied.key, norm.names[0])
            if shifted is not None:
                because = (
                    f"'{shifted.tensor.name}' is bias - mean * weight / sqrt(variance + epsilon)"
                )
                state.assigned.setdefault(shifted.key, norm.names[1])
            for name in norm.names[1:3]:
                state.found.setdefault(
                    name,
                    Found(
                        view=View.FOLDED,
                        because=because,
                        stored=() if shifted is None else (shifted.key,),
                    ),
                )
            break


def _holding(state: MatchState, values: np.ndarray) -> Candidate | None:
    """A stored tensor that no one has yet, whose numbers these are, in order, whatever its axes of
    one.
    """
    for candidate in state.free():
        fits = (
            candidate.is_float
            and candidate.tensor.count == values.size
            and max(candidate.tensor.shape, default=1) == values.size
        )
        if fits and state.values.is_close(values, candidate, (Reshape(values.shape),)):
            return candidate
    return None


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
    placements = find_vector(values, arrays) or split_vector(values, arrays) or ()
    return tuple(dict.fromkeys(placement.key for placement in placements))


class Multiplied(NamedTuple):
    """A tensor of the reference, and what a stored one makes of it: each channel times a scale,
    about.
    """

    tensor: StoredTensor
    values: np.ndarray
    candidate: Candidate
    steps: Steps
    axis: int
    scales: np.ndarray

    def is_by(self, state: MatchState, factor: np.ndarray) -> bool:
        """Whether the stored tensor is it with its channels times ``factor``, by all values."""
        made = folds.scaled(self.values, factor, self.axis)
        return state.values.is_close(made, self.candidate, self.steps)


def is_normed(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, norms: list[folds.Norm]
) -> bool:
    if not (candidate.is_float or candidate.is_quantized):
        return False
    for way in candidate.ways:
        steps = _turn_to(candidate, way, tensor.shape)
        if steps is None:
            continue
        values, folded = tensor.read(), state.values.of(candidate.key, steps)
        for axis in (0, 1, *((values.ndim - 1,) if values.ndim > 2 else ())):
            scales = folds.channel_scales(values, folded, axis)
            if scales is None:
                continue
            each = Multiplied(tensor, values, candidate, steps, axis, scales)
            if is_by_norm(state, each, norms) or is_multiplied(state, each):
                return True
    return False


def _turn_to(candidate: Candidate, way: Steps, shape: tuple[int, ...]) -> Steps | None:
    """The steps that bring a stored tensor to a shape: as it is, transposed, or with its channels
    last; ``None`` where none does.
    """
    turns = (
        way,
        chain(*way, SWAP),
        *(chain(*way, Permute(axes)) for axes in _TO_LAST.get(len(shape), ())),
    )
    return next((steps for steps in turns if has_shape(candidate, steps, shape)), None)


def is_by_norm(state: MatchState, each: Multiplied, norms: list[folds.Norm]) -> bool:
    """A weight times the factors of a batch norm."""
    for norm in norms:
        if norm.weight.shape != each.scales.shape:
            continue
        for factor in norm.scales():
            room = MAX_APART * max(float(np.abs(factor).max()), 1e-30)
            if np.abs(factor - each.scales).max() > room or not each.is_by(state, factor):
                continue
            because = (
                f"'{each.candidate.tensor.name}' is it times weight / sqrt(variance +"
                f" epsilon) of the batch norm '{norm.names[0]}'"
            )
            folded = Found(
                view=View.FOLDED,
                because=because,
                stored=(each.candidate.key,),
                formula="batch norm",
            )
            state.found[each.tensor.name] = folded
            for name in (norm.names[0], norm.names[3]):
                state.found.setdefault(name, folded)
            fold_bias(state, each.tensor.name, norm, factor, because)
            return True
    return False


def is_multiplied(state: MatchState, each: Multiplied) -> bool:
    """A weight times one number, or times a vector that is a parameter as well: an attention's
    scale, a layer scale.
    """
    tensor, candidate, scales = each.tensor, each.candidate, each.scales
    stored = f"'{candidate.tensor.name}'"
    middle = float(np.median(scales))
    if (
        middle
        and np.abs(scales - middle).max() <= 1e-4 * abs(middle)
        and state.values.is_close(each.values * middle, candidate, each.steps)
    ):
        state.found[tensor.name] = Found(
            view=View.FOLDED,
            because=f"{stored} is it times {middle:.6g}",
            stored=(candidate.key,),
            factor=middle,
            formula=f"w * {middle:.4g}",
        )
        return True
    for other in state.open():
        if other.name != tensor.name and other.count == len(scales) == max(other.shape, default=0):
            factor = other.read().reshape(-1).astype(np.float64)
            if np.allclose(factor, scales, rtol=1e-3, atol=1e-6) and each.is_by(state, factor):
                state.found[tensor.name] = Found(
                    view=View.FOLDED,
                    because=f"{stored} is it times '{other.name}'",
                    stored=(candidate.key,),
                    formula="w * another parameter",
                    by=other.name,
                )
                state.found[other.name] = Found(
                    view=View.FOLDED,
                    because=f"{stored} is '{tensor.name}' times it",
                    stored=(candidate.key,),
                    formula="w * another parameter",
                    by=tensor.name,
                )
                bias = bias_of(tensor.name)
                if bias in state.reference and bias not in state.found:
                    multiplied_bias(state, bias, factor, other.name)
                return True
    return False


def bias_of(weight: str) -> str:
    """The name of a weight's bias: the same module's."""
    return f"{weight.removesuffix('weight').removesuffix('kernel')}bias"


def multiplied_bias(state: MatchState, name: str, factor: np.ndarray, by: str) -> None:
    """A bias that was multiplied as well, or multiplied and added to what stands beside the factor:
    a norm's shift.
    """
    made = state.reference[name].read().astype(np.float64).reshape(-1)
    if factor.shape != made.shape:
        return
    beside = [
        each
        for leaf in NORM_BIASES
        if (each := f"{_NORM_WEIGHT.sub('', by)}{leaf}") in state.reference and each != name
    ]
    shifts = [
        (None, np.zeros_like(made)),
        *((each, state.reference[each].read().astype(np.float64).reshape(-1)) for each in beside),
    ]
    for shift, values in shifts:
        for candidate in state.free() if values.shape == made.shape else ():
            if (
                candidate.is_float
                and candidate.tensor.shape == made.shape
                and state.values.is_close(made * factor + values, candidate, candidate.steps)
            ):
                because = f"'{candidate.tensor.name}' is it times '{by}'"
                because += f", plus '{shift}'" if shift else ""
                state.found[name] = Found(
                    view=View.FOLDED, because=because, stored=(candidate.key,)
                )
                state.assigned.setdefault(candidate.key, name)
                if shift and shift not in state.found:
                    state.found[shift] = Found(
                        view=View.FOLDED,
                        because=f"'{candidate.tensor.name}' is '{name}' times '{by}', plus it",
                        stored=(candidate.key,),
                    )
                return


def fold_bias(
    state: MatchState, weight: str, norm: folds.Norm, factor: np.ndarray, because: str
) -> None:
    """The norm's bias, with the convolution's own if there was one: what became of them is ``bias +
    (own - mean) * factor``.
    """
    own = bias_of(weight)
    before = (
        state.reference[own].read().astype(np.float64)
        if own in state.reference and own not in state.found
        else 0.0
    )
    made = norm.bias + (before - norm.mean) * factor
    keys: tuple[Key, ...] = ()
    for candidate in state.free():
        fits = (
            (candidate.is_float or candidate.is_quantized)
            and candidate.ways
            and has_shape(candidate, candidate.steps, made.shape)
        )
        if fits and state.values.is_close(made, candidate, candidate.steps):
            keys = (candidate.key,)
            state.assigned[candidate.key] = norm.names[1]
            break
    sure = bool(keys) or not np.any(made)
    if not sure:
        because = f"{because}; no stored tensor is what becomes of its bias"
    for name in norm.names[1:3]:
        state.found.setdefault(
            name, Found(view=View.FOLDED, because=because, stored=keys, certain=sure)
        )
    if own in state.reference:
        state.found.setdefault(
            own,
            Found(
                view=View.FOLDED,
                because=f"{because}; with it its bias into '{norm.names[1]}'",
                stored=keys,
                certain=sure,
            ),
        )


def has_shape(candidate: Candidate, steps: Steps, shape: tuple[int, ...]) -> bool:
    try:
        return candidate.shape_under(steps) == shape
    except (IndexError, ValueError):
        return False
