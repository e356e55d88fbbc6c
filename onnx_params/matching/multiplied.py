"""Find weights whose channels were multiplied: by the factors of a batch norm, by another
parameter, by their own spread or length, by one number.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.consumers import multiplies_input_of, transposed_groups
from onnx_params.dataflow.view import View
from onnx_params.matching import folds
from onnx_params.matching.candidates import CHANNELS_LAST
from onnx_params.matching.factors import (
    EVEN,
    MIN_DIFFERENT,
    ROUNDED_NOISE,
    Multiplied,
    add_copy,
    bases,
    is_by_number,
    is_by_parameter,
)
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.norms import Norm, NormTable, with_scales
from onnx_params.matching.rounded import small
from onnx_params.matching.samples import Alike, Directions, Vectors, outputs_first
from onnx_params.matching.shifts import fold_bias, shift_of
from onnx_params.tensors.evaluate import rearranged
from onnx_params.tensors.steps import without_ones
from onnx_params.tensors.stored import StoredTensor

# energy that scaled channels may differ by: exact ones, and those of codes of a few bits
NOISE: Final = 0.02
BATCH_NORM: Final = "batch norm"  # the formula


def normed(state: MatchState) -> None:
    """Weights whose channels were multiplied, as they are and with the mean of each channel taken
    off (weight standardization).
    """
    tables = (NormTable(state.norms), NormTable(with_scales(state.norms, state.reference)))
    groups = transposed_groups(state.model, [each.tensor for each in state.free()])
    search = _Search(state, Directions(state, CHANNELS_LAST, groups), Vectors(state), tables)
    computed = {each.main: each for each in folds.of_two(state.reference)}
    for tensor in small(state, state.open()):
        # a single number is any other one times a factor
        if len(tensor.shape) < 2 or tensor.count < 2 or tensor.name in state.found:
            continue
        values = tensor.read()
        made = computed.get(tensor.name)
        if made is not None and any(search.find(tensor, each, "") for each in _laid_out(made)):
            _write_of_two(state, made)
            continue
        if search.find(tensor, values, "") or search.find(
            tensor, _centered(values), "standardized w"
        ):
            continue
        lean = without_ones(tensor.shape)
        if 1 < len(lean) < len(tensor.shape) and search.find(tensor, values.reshape(lean), ""):
            continue
        *window, channels, outputs = tensor.shape
        if (
            window
            and outputs > 1
            and search.find(  # of several outputs for each channel
                tensor, values.reshape(*window, channels * outputs, 1), ""
            )
        ):
            continue
        for n in sorted(set(groups.values())):
            steps = outputs_first(tensor.shape, n)
            if steps and search.find(tensor, rearranged(values, steps), ""):
                break


def _laid_out(made: folds.OfTwo) -> Iterator[np.ndarray]:
    """What is computed of two tensors, in its own shape and as the matrix of a product that sums
    over all axes but the first.
    """
    yield made.values
    lean = without_ones(made.values.shape)
    if len(lean) > 2:
        yield made.values.reshape(lean[0], -1)


def _write_of_two(state: MatchState, made: folds.OfTwo) -> None:
    """Write down that what was multiplied had been computed of two tensors; where the factor is
    one, nothing was multiplied.
    """
    found = state.found[made.main]
    if found.formula == folds.times(1.0):
        because = f"'{found.stored[0][1]}' is {made.formula} of it and its sibling, laid out anew"
        found = replace(found, because=because, formula="", factor=1.0)
        state.found.revise(made.main, found)
    state.found.setdefault(made.other, found)


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
    norms: tuple[NormTable, ...]  # the likelier first

    def find(self, tensor: StoredTensor, values: np.ndarray, formula: str) -> bool:
        """Whether a stored tensor is this one with its channels multiplied; writes down which, and
        further copies with the factors of other norms. Norms are asked first: the factor of a
        single channel is one number too.
        """
        tries = (
            _multiplied(self.state, tensor, values, alike, formula)
            for alike in self._in_order(tensor, values)
        )
        made = [each for each in tries if each is not None]
        is_found = False
        for each in made:
            if self._is_by_norm(each, again=is_found):
                self.state.assigned.setdefault(each.candidate.key, tensor.name)
                is_found = True
        for each in made:
            if each.candidate.key in self.state.assigned:
                continue
            if is_found and not self.state.found[tensor.name].by:
                continue
            if _is_multiplied(self.state, self.vectors, each):
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
        for table, (base, word) in itertools.product(self.norms, list(bases(self.state, each))):
            near = table.near(each.scales / base, each.candidate.is_coarse)
            for norm in (*near, *table.beside(each.tensor.name, each.scales.size)):
                if again and norm.names[3] in self.state.found:
                    continue
                scales = norm.scales()
                fits = [each.is_by(self.state, scale * base) for scale in scales]
                if norm.is_guess and not self._has_shift(each, norm, scales, fits):
                    continue
                if any(fits):
                    factor = self._with_bias(each, norm, scales, fits)
                    self._write_norm(each, norm, factor, word, again)
                    return True
        return not again and not each.formula and self._is_by_norm_and_number(each)

    def _is_by_norm_and_number(self, each: Multiplied) -> bool:
        """A weight times the factors of a batch norm of its module, and one number for all of them:
        what its input was multiplied by.
        """
        if each.candidate.is_coarse:
            return False
        for norm in self.norms[0].beside(each.tensor.name, each.scales.size):
            for factor in [] if norm.is_guess else norm.scales():
                number = _one_number(each.scales, factor)
                if number and each.is_by(self.state, factor * number):
                    self._write_norm(each, norm, factor, "", again=False, number=number)
                    return True
        return False

    def _has_shift(
        self, each: Multiplied, norm: Norm, scales: list[np.ndarray], fits: list[bool]
    ) -> bool:
        """Whether what becomes of a norm's bias is stored."""
        shifts = (
            shift_of(self.state, each.tensor.name, norm, scale)
            for scale, fit in zip(scales, fits, strict=True)
            if fit
        )
        key = each.candidate.key
        return any(self.vectors.holding(shift, key) is not None for shift in shifts)

    def _with_bias(
        self, each: Multiplied, norm: Norm, scales: list[np.ndarray], fits: list[bool]
    ) -> np.ndarray:
        """The factor whose shift is stored, where rounding may hide which epsilon it was; the first
        that fits where none is.
        """
        factors = [scale for scale, fit in zip(scales, fits, strict=True) if fit]
        if not each.candidate.is_coarse and len(factors) == 1:
            return factors[0]
        tried = list(factors)
        if each.candidate.is_coarse:
            tried += [scale for scale, fit in zip(scales, fits, strict=True) if not fit]
        for factor in tried:
            shift = shift_of(self.state, each.tensor.name, norm, factor)
            if self.vectors.holding(shift, each.candidate.key) is not None:
                return factor
        return factors[0]

    def _write_norm(
        self,
        each: Multiplied,
        norm: Norm,
        factor: np.ndarray,
        word: str,
        again: bool,
        number: float = 1.0,
    ) -> None:
        state = self.state
        because = (
            f"{each.stored} is {word or 'it'} times weight / sqrt(variance + epsilon) of the batch"
            f" norm '{norm.owner}'" + (f", times '{norm.scale}'" if norm.scale else "")
        )
        folded = Found(
            view=View.FOLDED,
            because=because,
            stored=(each.candidate.key,),
            formula=BATCH_NORM,
        )
        if again:
            add_copy(state, each)
        elif number != 1.0:
            state.found[each.tensor.name] = replace(
                folded,
                because=f"{because}, times {number:.6g}",
                factor=number,
                formula=folds.times(number, BATCH_NORM),
            )
        else:
            state.found[each.tensor.name] = folded
        for name in (norm.names[0], norm.names[3], norm.scale):
            if name:
                state.found.setdefault(name, folded)
        fold_bias(state, self.vectors, each.tensor.name, norm, factor, because, each.candidate.key)


def _one_number(scales: np.ndarray, factor: np.ndarray) -> float:
    """The number that all scales are of a factor; 0 where they are not one."""
    if not np.all(factor):
        return 0.0
    ratio = scales / factor
    middle = float(np.median(ratio))
    is_one = len(ratio) >= MIN_DIFFERENT and np.abs(ratio - middle).max() <= EVEN * abs(middle)
    return middle if is_one else 0.0


def _multiplied(
    state: MatchState, tensor: StoredTensor, values: np.ndarray, alike: Alike, formula: str
) -> Multiplied | None:
    candidate, steps, axis = alike
    folded = state.values.of(candidate.key, steps)
    noise = ROUNDED_NOISE if candidate.is_coarse else NOISE
    scales = folds.channel_scales(values, folded, axis, noise)
    if scales is None:
        return None
    return Multiplied(tensor, values, candidate, steps, axis, scales, formula)


def _is_multiplied(state: MatchState, vectors: Vectors, each: Multiplied) -> bool:
    """A weight times one number, or times a vector that is a parameter as well: an attention's
    scale, a layer scale, a gain; or a quantized one times what its input is divided by.
    """
    for base, word in bases(state, each):
        ratio = each.scales / base
        if is_by_number(state, vectors, each, base, ratio, word) or is_by_parameter(
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
    directions, vectors = Directions(state, CHANNELS_LAST, {}), Vectors(state)
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
