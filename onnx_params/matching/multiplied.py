"""Find weights whose channels were multiplied: by the factors of a batch norm, by another
parameter, by their own spread or length, by one number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.consumers import multiplies_input_of, transposed_groups
from onnx_params.dataflow.view import View
from onnx_params.idioms.torch_modules import spectral_vectors
from onnx_params.idioms.vocabulary import NORM_BIASES, NORM_WEIGHTS
from onnx_params.matching import folds
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.folds import Norm, NormTable
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import small
from onnx_params.matching.samples import Alike, Directions, Vectors, outputs_first
from onnx_params.tensors.evaluate import apply
from onnx_params.tensors.steps import SWAP, Key, Permute, Steps
from onnx_params.tensors.stored import StoredTensor

# energy that scaled channels may differ by: exact ones, and those of codes of a few bits
NOISE: Final = 0.02
ROUNDED_NOISE: Final = 0.3
FACTOR_APART: Final = 1e-5  # relative; how far a factor may lie from a parameter
LINES_APART: Final = 1e-2  # relative; lines of one length are divided by a number
EVEN: Final = 1e-3  # relative; how much factors that are one number may differ
_NORM_WEIGHT: Final = re.compile(rf"({'|'.join(NORM_WEIGHTS)})$")
# from [out, in, ...], as operators take kernels, to channels last, as Keras and Flax have them
_TURNS: Final = {
    2: (SWAP,),
    3: (Permute((2, 1, 0)),),
    4: (Permute((2, 3, 1, 0)), Permute((2, 3, 0, 1))),
}
# epsilons of weight standardization: timm's, and the usual ones
_SPREAD_EPSILONS: Final = (1e-6, 1e-8, 1e-5, 1e-10, 0.0)


class Multiplied(NamedTuple):
    """A tensor of the reference, and what a stored one makes of it: each channel times a scale,
    about. ``formula`` is what was done to the tensor before; empty where nothing was.
    """

    tensor: StoredTensor
    values: np.ndarray
    candidate: Candidate
    steps: Steps
    axis: int
    scales: np.ndarray
    formula: str

    def is_by(self, state: MatchState, factor: np.ndarray) -> bool:
        """Whether the stored tensor is it with its channels times ``factor``, by all values."""
        made = folds.scaled(self.values, factor, self.axis)
        return state.values.is_close(made, self.candidate, self.steps)

    @property
    def stored(self) -> str:
        return f"'{self.candidate.tensor.name}'"


def normed(state: MatchState) -> None:
    """Weights whose channels were multiplied, as they are and with the mean of each channel taken
    off (weight standardization).
    """
    table = NormTable(folds.norms(state.reference))
    groups = transposed_groups(state.model, [each.tensor for each in state.free()])
    search = _Search(state, Directions(state, _TURNS, groups), Vectors(state), table)
    for tensor in small(state, state.open()):
        if len(tensor.shape) < 2 or tensor.name in state.found:
            continue
        values = tensor.read()
        if search.find(tensor, values, "") or search.find(
            tensor, _centered(values), "standardized w"
        ):
            continue
        for n in sorted(set(groups.values())):
            steps = outputs_first(tensor.shape, n)
            if steps and search.find(tensor, apply(values, steps, _no_scales), ""):
                break


def _no_scales(key: Key) -> np.ndarray:
    raise AssertionError(key)


def _centered(values: np.ndarray) -> np.ndarray:
    """Each output channel without its mean."""
    lines = values.reshape(len(values), -1).astype(np.float64)
    made: np.ndarray = (lines - lines.mean(axis=1, keepdims=True)).reshape(values.shape)
    return made


class _Search(NamedTuple):
    """What is asked while weights are looked for."""

    state: MatchState
    directions: Directions
    vectors: Vectors
    norms: NormTable

    def find(self, tensor: StoredTensor, values: np.ndarray, formula: str) -> bool:
        """Whether a stored tensor is this one with its channels multiplied; writes down which, and
        further copies with the factors of other norms.
        """
        is_found = False
        for alike in self._in_order(tensor, values):
            each = _multiplied(self.state, tensor, values, alike, formula)
            if each is None:
                continue
            is_by = self._is_by_norm(each, again=is_found)
            if not is_by and (not is_found or self.state.found[tensor.name].by):
                is_by = _is_multiplied(self.state, self.vectors, each)
            if is_by:
                self.state.assigned.setdefault(each.candidate.key, tensor.name)
                is_found = True
        return is_found

    def _in_order(self, tensor: StoredTensor, values: np.ndarray) -> list[Alike]:
        """The candidates, the one that the artifact's own name says first."""
        claim = self.state.named.get(tensor.name)
        first = claim.stored[0] if claim is not None and claim.stored else None
        return sorted(self.directions.alike(values), key=lambda each: each.candidate.key != first)

    def _is_by_norm(self, each: Multiplied, again: bool) -> bool:
        """A weight times the factors of a batch norm; ``again`` where another copy of it is known
        already.
        """
        for base, word in _bases(each):
            for norm in self.norms.near(each.scales / base, each.candidate.is_quantized):
                if again and norm.names[3] in self.state.found:
                    continue
                factors = [f for f in norm.scales() if each.is_by(self.state, f * base)]
                if factors:
                    factor = self._with_bias(each, norm, factors)
                    self._write_norm(each, norm, factor, word, again)
                    return True
        return False

    def _with_bias(self, each: Multiplied, norm: Norm, factors: list[np.ndarray]) -> np.ndarray:
        """The factor whose shift is stored, of those that rounding does not tell apart; the first
        where none is.
        """
        if len(factors) > 1:
            for factor in factors:
                shift = _shift(self.state, each.tensor.name, norm, factor)
                if self.vectors.holding(shift) is not None:
                    return factor
        return factors[0]

    def _write_norm(
        self, each: Multiplied, norm: Norm, factor: np.ndarray, word: str, again: bool
    ) -> None:
        state = self.state
        because = (
            f"{each.stored} is {word or 'it'} times weight / sqrt(variance + epsilon) of the batch"
            f" norm '{norm.owner}'"
        )
        folded = Found(
            view=View.FOLDED,
            because=because,
            stored=(each.candidate.key,),
            formula="batch norm",
        )
        if again:
            _add_copy(state, each)
        else:
            state.found[each.tensor.name] = folded
        for name in (norm.names[0], norm.names[3]):
            if name:
                state.found.setdefault(name, folded)
        _fold_bias(state, self.vectors, each.tensor.name, norm, factor, because)


def _add_copy(state: MatchState, each: Multiplied) -> None:
    """One more stored tensor that was made of a weight: levels that share a convolution."""
    was = state.found[each.tensor.name]
    stored = (*was.stored, each.candidate.key)
    state.found.revise(each.tensor.name, was.with_stored(stored))


def _multiplied(
    state: MatchState, tensor: StoredTensor, values: np.ndarray, alike: Alike, formula: str
) -> Multiplied | None:
    candidate, steps, axis = alike
    folded = state.values.of(candidate.key, steps)
    noise = ROUNDED_NOISE if candidate.is_quantized else NOISE
    scales = folds.channel_scales(values, folded, axis, noise)
    if scales is None:
        return None
    return Multiplied(tensor, values, candidate, steps, axis, scales, formula)


def _bases(each: Multiplied) -> Iterator[tuple[np.ndarray, str]]:
    """What else a channel may have been multiplied by: nothing, its length or spread inverted."""
    if not each.formula:
        yield np.ones_like(each.scales), ""
    lines = np.moveaxis(each.values, each.axis, 0).reshape(len(each.scales), -1)
    power = (lines.astype(np.float64) ** 2).sum(axis=1)
    if not np.all(power > 0):
        return
    if each.formula:
        for epsilon in _SPREAD_EPSILONS:
            yield 1 / np.sqrt(power / lines.shape[1] + epsilon), each.formula
    elif not each.candidate.is_quantized and np.ptp(power) > LINES_APART * float(power.max()):
        yield 1 / np.sqrt(power), "w / |w|"


def _is_multiplied(state: MatchState, vectors: Vectors, each: Multiplied) -> bool:
    """A weight times one number, or times a vector that is a parameter as well: an attention's
    scale, a layer scale, a gain; or a quantized one times what its input is divided by.
    """
    for base, word in _bases(each):
        ratio = each.scales / base
        if _is_by_number(state, each, base, ratio, word) or _is_by_parameter(
            state, vectors, each, base, ratio, word
        ):
            return True
    return False


def smoothed(state: MatchState) -> None:
    """Weights that were multiplied with what their input is divided by; asked last, for the factor
    of a norm before a layer is no such vector.
    """
    if not any(candidate.is_quantized for candidate in state.free()):
        return
    directions, vectors = Directions(state, _TURNS, {}), Vectors(state)
    for tensor in small(state, state.open()):
        if len(tensor.shape) != 2:
            continue
        values = tensor.read()
        for alike in directions.alike(values):
            if not alike.candidate.is_quantized:
                continue
            each = _multiplied(state, tensor, values, alike, "")
            if each is not None and _is_smoothed(state, vectors, each):
                state.assigned.setdefault(each.candidate.key, tensor.name)
                break


def _is_smoothed(state: MatchState, vectors: Vectors, each: Multiplied) -> bool:
    """A weight whose inputs were multiplied before it was quantized, by one over a stored vector
    that multiplies the layer's input (AWQ, SmoothQuant).
    """
    if np.any(each.scales == 0):
        return False
    for candidate in vectors.near(1 / each.scales, ROUNDED_NOISE):
        if not multiplies_input_of(state.model, candidate.tensor, each.candidate.tensor):
            continue
        factor = state.values.of(candidate.key, candidate.steps).reshape(-1).astype(np.float64)
        if not np.all(factor) or not each.is_by(state, 1 / factor):
            continue
        state.found[each.tensor.name] = Found(
            view=View.FOLDED,
            because=(
                f"{each.stored} is it divided by '{candidate.tensor.name}', which multiplies the"
                " layer's input"
            ),
            stored=(each.candidate.key,),
            formula="w / the factor of its input",
            by=candidate.tensor.name,
        )
        return True
    return False


def _is_by_number(
    state: MatchState, each: Multiplied, base: np.ndarray, ratio: np.ndarray, word: str
) -> bool:
    if word and each.candidate.is_quantized:
        return False  # of a few lines, rounding leaves room for such a formula
    middle = float(np.median(ratio))
    room = EVEN if not each.candidate.is_quantized else 0.1
    if not middle or np.abs(ratio - middle).max() > room * abs(middle):
        return False
    factor = 1.0 if word and abs(middle - 1) <= EVEN else middle
    if not each.is_by(state, base * factor):
        return False
    scalar = "" if word else scalar_of(state, factor)
    if scalar:
        _write_scalar(state, each, scalar)
        return True
    spectral = _is_spectral(state, each, factor) if not word else False
    number = "" if word and factor == 1.0 else f" * {factor:.4g}"
    state.found[each.tensor.name] = Found(
        view=View.FOLDED,
        because=(
            f"{each.stored} is it divided by its spectral norm"
            if spectral
            else f"{each.stored} is {word or 'it'}{f' times {factor:.6g}' if number else ''}"
        ),
        stored=(each.candidate.key,),
        factor=1.0 if spectral else factor,
        formula="spectral norm" if spectral else f"{word or 'w'}{number}",
    )
    return True


def scalar_of(state: MatchState, factor: float) -> str:
    """The parameter of one element that a factor is; empty where it is none."""
    if abs(factor - 1) <= EVEN:
        return ""
    for name, tensor in state.reference.items():
        if tensor.count != 1 or not tensor.dtype.is_float:
            continue
        number = float(tensor.read().reshape(()))
        if abs(factor - number) <= FACTOR_APART * abs(number):
            return name
    return ""


def _write_scalar(state: MatchState, each: Multiplied, scalar: str) -> None:
    """A weight times a parameter of one element; with it its bias, for each of several."""
    because = f"{each.stored} is it times '{scalar}'"
    folded = Found(
        view=View.FOLDED,
        because=because,
        stored=(each.candidate.key,),
        formula="w * another parameter",
        by=scalar,
    )
    if each.tensor.name in state.found:
        _add_copy(state, each)
    else:
        state.found[each.tensor.name] = folded
    state.found.setdefault(scalar, folded)


def _is_spectral(state: MatchState, each: Multiplied, factor: float) -> bool:
    """Whether a factor is one over the spectral norm that the checkpoint's vectors give, and writes
    down what became of those.
    """
    names = spectral_vectors(each.tensor.name)
    if names is None or not all(name in state.reference for name in names):
        return False
    u, v = (state.reference[name].read().astype(np.float64).reshape(-1) for name in names)
    values = each.tensor.read().astype(np.float64)
    for axis in (0, 1):
        matrix = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        if matrix.shape != (u.size, v.size):
            continue
        norm = float(u @ matrix @ v)
        if abs(factor * norm - 1) <= EVEN:
            because = f"{each.stored} is '{each.tensor.name}' divided by its spectral norm"
            for name in names:
                state.found.setdefault(
                    name,
                    Found(view=View.FOLDED, because=because, stored=(each.candidate.key,)),
                )
            return True
    return False


def _is_by_parameter(
    state: MatchState,
    vectors: Vectors,
    each: Multiplied,
    base: np.ndarray,
    ratio: np.ndarray,
    word: str,
) -> bool:
    for other in _of_length(state, each.tensor.name, len(ratio)):
        factor = other.read().reshape(-1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            number = float(np.median(ratio / factor)) if np.all(factor) else 1.0
        if not word or abs(number - 1) <= EVEN:
            number = 1.0  # a plain weight times a parameter times a number would be two formulas
        room = ROUNDED_NOISE if each.candidate.is_quantized else EVEN
        size = max(float(np.abs(ratio).max()), 1e-30)
        if np.abs(factor * number - ratio).max() > room * size:
            continue
        if not each.is_by(state, base * factor * number):
            continue
        _write_parameter(state, vectors, each, other, factor, word)
        return True
    return False


def _of_length(state: MatchState, name: str, length: int) -> list[StoredTensor]:
    """The open vectors of a length, those of the same module first."""
    owner = name.rpartition(".")[0]
    found = [
        tensor
        for tensor in state.open()
        if tensor.name != name and tensor.count == length == max(tensor.shape, default=0)
    ]
    return sorted(found, key=lambda tensor: tensor.name.rpartition(".")[0] != owner)


def _write_parameter(
    state: MatchState,
    vectors: Vectors,
    each: Multiplied,
    other: StoredTensor,
    factor: np.ndarray,
    word: str,
) -> None:
    formula = f"{word or 'w'} * another parameter"
    state.found[each.tensor.name] = Found(
        view=View.FOLDED,
        because=f"{each.stored} is {word or 'it'} times '{other.name}'",
        stored=(each.candidate.key,),
        formula=formula,
        by=other.name,
    )
    state.found[other.name] = Found(
        view=View.FOLDED,
        because=f"{each.stored} is '{each.tensor.name}' times it",
        stored=(each.candidate.key,),
        formula=formula,
        by=each.tensor.name,
    )
    bias = bias_of(each.tensor.name)
    if bias in state.reference and bias not in state.found:
        _multiplied_bias(state, vectors, bias, factor, other.name)


def bias_of(weight: str) -> str:
    """The name of a weight's bias: the same module's."""
    return f"{weight.removesuffix('weight').removesuffix('kernel')}bias"


def _multiplied_bias(
    state: MatchState, vectors: Vectors, name: str, factor: np.ndarray, by: str
) -> None:
    """A bias that was multiplied as well, or multiplied and added to what stands beside the factor:
    a norm's shift.
    """
    made = state.reference[name].read().astype(np.float64).reshape(-1)
    if factor.shape != made.shape:
        return
    stem = _NORM_WEIGHT.sub("", by)
    beside = [f"{stem}{leaf}" for leaf in NORM_BIASES]
    for shift in ("", *(each for each in beside if each in state.reference and each != name)):
        values = made * factor
        if shift:
            values = values + state.reference[shift].read().astype(np.float64).reshape(-1)
        candidate = vectors.holding(values) if values.shape == made.shape else None
        if candidate is None:
            continue
        stored = f"'{candidate.tensor.name}'"
        because = f"{stored} is it times '{by}'" + (f", plus '{shift}'" if shift else "")
        state.found[name] = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
        state.assigned.setdefault(candidate.key, name)
        if shift and shift not in state.found:
            because = f"{stored} is '{name}' times '{by}', plus it"
            state.found[shift] = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
        return


def _shift(state: MatchState, weight: str, norm: Norm, factor: np.ndarray) -> np.ndarray:
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


def _fold_bias(
    state: MatchState,
    vectors: Vectors,
    weight: str,
    norm: Norm,
    factor: np.ndarray,
    because: str,
) -> None:
    """The norm's bias, with the layer's own if there was one: what became of them is ``bias +
    (own - mean) * factor``.
    """
    own = bias_of(weight)
    has_own = own in state.reference and own not in state.found
    made = _shift(state, weight, norm, factor)
    candidate = vectors.holding(made)
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
