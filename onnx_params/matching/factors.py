"""Say by what the channels of a weight were multiplied: a number, a parameter of one element, a
spectral norm, a vector that is a parameter as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import module_of
from onnx_params.idioms.torch_modules import spectral_vectors
from onnx_params.matching import folds
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.samples import Vectors
from onnx_params.matching.shifts import bias_of, multiplied_bias
from onnx_params.tensors.steps import Steps, dequantizes
from onnx_params.tensors.stored import StoredTensor

ROUNDED_NOISE: Final = 0.3  # energy that scaled channels of codes of a few bits may differ by
LINES_APART: Final = 1e-2  # relative; lines of one length are divided by a number
FACTOR_APART: Final = 1e-5  # relative; how far a factor may lie from a parameter
MIN_DIFFERENT: Final = 4  # numbers of a vector of which a formula is recognized
SNAPS: Final = 1e-5  # relative; how much rounding moves the factor of a weight, at least
ROOTS: Final = (1, -1, 2, -2)  # powers of a factor that are integers
MOST_ROOM: Final = 0.25  # of the distance of two integers, that a power may be off
NEARLY_ONE: Final = 0.01  # how far a factor that is one may lie from it by rounding
MOST_DIGITS: Final = 9  # of a factor, behind the point
EVEN: Final = 1e-3  # relative; how much factors that are one number may differ
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


def add_copy(state: MatchState, each: Multiplied) -> None:
    """One more stored tensor that was made of a weight: levels that share a convolution."""
    was = state.found[each.tensor.name]
    stored = (*was.stored, each.candidate.key)
    state.found.revise(each.tensor.name, was.with_stored(stored))


def bases(state: MatchState, each: Multiplied) -> Iterator[tuple[np.ndarray, str]]:
    """What else a channel may have been multiplied by: nothing, its length or spread inverted."""
    if not each.formula:
        yield np.ones_like(each.scales), ""
    norm = _spectral_norm(state, each)
    if norm:
        yield np.full_like(each.scales, 1 / norm), ""
    lines = np.moveaxis(each.values, each.axis, 0).reshape(len(each.scales), -1)
    power = (lines.astype(np.float64) ** 2).sum(axis=1)
    if not np.all(power > 0):
        return
    if each.formula:
        for epsilon in _SPREAD_EPSILONS:
            yield 1 / np.sqrt(power / lines.shape[1] + epsilon), each.formula
    elif np.ptp(power) > LINES_APART * float(power.max()) and _may_be_over_length(state, each):
        yield 1 / np.sqrt(power), "w / |w|"


def _may_be_over_length(state: MatchState, each: Multiplied) -> bool:
    """Whether its own lengths may be what a weight was divided by: of codes, whose rounding leaves
    room for that, only where the artifact says that they were computed of the weight.
    """
    if not each.candidate.is_coarse:
        return True
    claim = state.named.get(each.tensor.name)
    is_its = claim is not None and claim.stored == (each.candidate.key,)
    return claim is not None and is_its and claim.view is View.FOLDED


def is_by_number(
    state: MatchState,
    vectors: Vectors,
    each: Multiplied,
    base: np.ndarray,
    ratio: np.ndarray,
    word: str,
) -> bool:
    middle = float(np.median(ratio))
    if word and each.formula and each.candidate.is_coarse:
        if abs(middle - 1) > NEARLY_ONE or len(ratio) < MIN_DIFFERENT:
            return False  # of a few lines, rounding leaves room for a formula and a number
        middle = 1.0
    room = EVEN if not each.candidate.is_coarse else 0.1
    if not middle or np.abs(ratio - middle).max() > room * abs(middle):
        return False
    factor = 1.0 if word and abs(middle - 1) <= EVEN else _snapped(state, each, base, ratio)
    if not each.is_by(state, base * factor):
        factor = _between(state, each, base)
        if not factor or not each.is_by(state, base * factor):
            return False
    scalar = "" if word else scalar_of(state, factor)
    if scalar:
        _write_scalar(state, each, scalar)
        return True
    if not word and abs(middle + 1) <= EVEN and each.is_by(state, -base):
        because, formula, factor = f"{each.stored} is -w", folds.NEGATED, 1.0
    elif word and factor == 1.0:
        because, formula = f"{each.stored} is {word}", word
    elif not word and _is_spectral(state, each, factor):
        because, formula = f"{each.stored} is it divided by its spectral norm", "spectral norm"
        factor = 1.0
    else:
        because = f"{each.stored} is {word or 'it'} times {factor:.6g}"
        formula = folds.times(factor, word or "w")
    state.found[each.tensor.name] = Found(
        view=View.FOLDED,
        because=because,
        stored=(each.candidate.key,),
        factor=factor,
        formula=formula,
    )
    if not word and factor != 1.0:
        _multiply_bias(state, vectors, each, factor, formula)
    return True


def _multiply_bias(
    state: MatchState, vectors: Vectors, each: Multiplied, factor: float, formula: str
) -> None:
    """A bias in codes that was multiplied by the number by which its weight was."""
    name = bias_of(each.tensor.name)
    if name in state.found or name not in state.reference or not each.candidate.is_coarse:
        return
    made = state.reference[name].read().astype(np.float64).reshape(-1) * factor
    candidate = vectors.holding(made, each.candidate.key)
    if candidate is None or not candidate.is_quantized:
        return
    state.assigned.setdefault(candidate.key, name)
    state.found[name] = Found(
        view=View.FOLDED,
        because=f"'{candidate.tensor.name}' is it times {factor:.6g}, as its weight is",
        stored=(candidate.key,),
        factor=factor,
        formula=formula,
    )


def _snapped(state: MatchState, each: Multiplied, base: np.ndarray, ratio: np.ndarray) -> float:
    """The factor: the root of an integer, or one over that, where rounding does not tell it from
    the middle of the channels' factors.
    """
    middle = float(np.median(ratio))
    if not each.candidate.is_coarse or middle <= 0:
        return middle
    room = max(SNAPS, 4 * float(ratio.std()) / (middle * np.sqrt(ratio.size)))
    for power in ROOTS:
        number = round(middle**power)
        # integers that lie too near to each other say nothing
        if not 0 < number * abs(power) * room < MOST_ROOM:
            continue
        exact = float(number ** (1 / power))
        if abs(exact - middle) <= room * middle and each.is_by(state, base * exact):
            return exact
    # a bias with more digits than the weight needs the number itself
    return _between(state, each, base) or middle


def _between(state: MatchState, each: Multiplied, base: np.ndarray) -> float:
    """The shortest number by which all values are within half a step of their codes; 0 where there
    is none. The middle of the channels' factors may be off by more than that.
    """
    key, steps = each.candidate.key, each.steps
    if not dequantizes(steps):
        return 0.0
    made = folds.scaled(each.values, base, each.axis).astype(np.float64)
    stored, half = state.values.of(key, steps), state.values.half_steps(key, steps)
    codes = state.values.codes(key, steps)
    is_inside = (codes > codes.min()) & (codes < codes.max()) & (made != 0)
    if stored.shape != made.shape or not is_inside.any():
        return 0.0
    ends = np.stack([stored - half, stored + half]).astype(np.float64)[:, is_inside]
    ends = np.sort(ends / made[is_inside], axis=0)
    least, largest = float(ends[0].max()), float(ends[1].min())
    shortened = (round((least + largest) / 2, digits) for digits in range(MOST_DIGITS))
    return next((number for number in shortened if least <= number <= largest), 0.0)


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
        add_copy(state, each)
    else:
        state.found[each.tensor.name] = folded
    state.found.setdefault(scalar, folded)


def _is_spectral(state: MatchState, each: Multiplied, factor: float) -> bool:
    """Whether a factor is one over the spectral norm that the checkpoint's vectors give, and writes
    down what became of those.
    """
    norm = _spectral_norm(state, each)
    if not norm or abs(factor * norm - 1) > EVEN:
        return False
    because = f"{each.stored} is '{each.tensor.name}' divided by its spectral norm"
    for name in spectral_vectors(each.tensor.name) or ():
        found = Found(view=View.FOLDED, because=because, stored=(each.candidate.key,))
        state.found.setdefault(name, found)
    return True


def _spectral_norm(state: MatchState, each: Multiplied) -> float:
    """The spectral norm of a weight by the vectors of the checkpoint; 0 where it has none."""
    names = spectral_vectors(each.tensor.name)
    if names is None or not all(name in state.reference for name in names):
        return 0.0
    u, v = (state.reference[name].read().astype(np.float64).reshape(-1) for name in names)
    values = each.tensor.read().astype(np.float64)
    for axis in (0, 1):
        matrix = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        if matrix.shape == (u.size, v.size):
            norm = float(u @ matrix @ v)
            return norm if np.isfinite(norm) else 0.0
    return 0.0


def is_by_parameter(
    state: MatchState,
    vectors: Vectors,
    each: Multiplied,
    base: np.ndarray,
    ratio: np.ndarray,
    word: str,
) -> bool:
    owners = _owners(each.tensor.name)
    room = ROUNDED_NOISE if each.candidate.is_coarse else EVEN
    size = max(float(np.abs(ratio).max()), 1e-30)
    for other in _of_length(state, each.tensor.name, len(ratio)):
        values = other.read().reshape(-1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            number = float(np.median(ratio / values)) if np.all(values) else 1.0
        is_width = np.ptp(values) > EVEN and abs(number / np.sqrt(len(values)) - 1) <= FACTOR_APART
        if (not word and not is_width) or abs(number - 1) <= EVEN:
            number = 1.0  # a plain weight times a parameter times a number would be two formulas
        tries = [("{}", values, number)]
        if module_of(other.name) in owners:
            tries += [(what, factor, 1.0) for what, factor in _computed_factors(values, ratio)]
        for what, factor, by in tries:
            if np.abs(factor * by - ratio).max() > room * size:
                continue
            # rounding moves the middle of what channels say
            exact = (
                by
                if each.is_by(state, base * factor * by)
                else _between(state, each, base * factor)
            )
            if exact and (exact == by or each.is_by(state, base * factor * exact)):
                _write_parameter(state, vectors, each, other, factor, word, what)
                return True
    return False


def _owners(name: str) -> list[str]:
    """The modules that a parameter stands in, the innermost first; the root is an empty name."""
    found = [module_of(name)]
    while found[-1]:
        found.append(module_of(found[-1]))
    return found


def _computed_factors(values: np.ndarray, ratio: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What a module may compute of a parameter before it multiplies by it, with the formula: an
    exponential of it times a number, a gate.
    """
    if len(np.unique(values)) < MIN_DIFFERENT:
        return []
    with np.errstate(all="ignore"):
        number = float(np.median(np.log(np.abs(ratio)) / values))
        found = [
            (f"exp({{}} * {number:.4g})", np.exp(values * number)),
            ("sigmoid({})", 1 / (1 + np.exp(-values))),
            ("1 + {}", 1 + values),
        ]
    return [(what, factor) for what, factor in found if np.isfinite(factor).all()]


def _of_length(state: MatchState, name: str, length: int) -> list[StoredTensor]:
    """The open vectors of a length, those of the same module first."""
    owner = module_of(name)
    found = [
        tensor
        for tensor in state.open()
        if tensor.name != name and tensor.count == length == max(tensor.shape, default=0)
    ]
    return sorted(found, key=lambda tensor: module_of(tensor.name) != owner)


def _write_parameter(
    state: MatchState,
    vectors: Vectors,
    each: Multiplied,
    other: StoredTensor,
    factor: np.ndarray,
    word: str,
    what: str,
) -> None:
    formula = f"{word or 'w'} * another parameter"
    times = what.format(f"'{other.name}'")
    state.found[each.tensor.name] = Found(
        view=View.FOLDED,
        because=f"{each.stored} is {word or 'it'} times {times}",
        stored=(each.candidate.key,),
        formula=formula,
        by=other.name,
    )
    state.found[other.name] = Found(
        view=View.FOLDED,
        because=f"{each.stored} is '{each.tensor.name}' times {what.format('it')}",
        stored=(each.candidate.key,),
        formula=formula,
        by=each.tensor.name,
    )
    bias = bias_of(each.tensor.name)
    if bias in state.reference and bias not in state.found:
        multiplied_bias(state, vectors, bias, factor, other.name, times, each.candidate.key)
