"""Find tensors of a reference that a formula of one parameter made: ``1 + w``, a factor, and the
like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.torchscript import LIFTED
from onnx_params.matching import folds
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import cast_to
from onnx_params.matching.exact import MIN_DISTINCT
from onnx_params.matching.factors import EVEN, scalar_of
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import near, small, take_close
from onnx_params.matching.samples import Vectors
from onnx_params.tensors.steps import Reshape, chain, without_ones
from onnx_params.tensors.stored import StoredTensor

FEW: Final = 2  # numbers that a formula which is known already makes, to the bit
ZEROED: Final = "w with a third set to zero"
N_JOINED: Final = 3


def by_formula(state: MatchState) -> None:
    """Stored as a function of it: the formulas of one parameter that exporters compute, or a vector
    times one number.
    """
    vectors = Vectors(state)
    lifted = [
        each
        for each in state.free()
        if FEW < each.tensor.count < MIN_DISTINCT and each.tensor.name.startswith(LIFTED)
    ]
    for tensor in small(state, state.open()):
        if tensor.count >= MIN_DISTINCT and max(tensor.shape, default=0) == tensor.count:
            multiplied_vector(state, vectors, tensor)
            if tensor.name not in state.found:
                zeroed(state, vectors, tensor)
            if tensor.name not in state.found:
                shifted_vector(state, vectors, tensor)
        computed(state, tensor)
        if tensor.name not in state.found:
            shares(state, lifted, tensor)
    for formula in folds.UNARY:
        _by_unary(state, formula, MIN_DISTINCT)
    # what was computed of others of an artifact is recognized by fewer numbers
    for formula in dict.fromkeys(found.formula for found in state.found.values()):
        if formula in folds.UNARY:
            _by_unary(state, formula, FEW)
    # of models that were halved before they were exported
    halves = [name for name in ("float16", "bfloat16") if name in state.dtypes]
    for formula in folds.UNARY:
        for name in halves:
            _by_unary(state, formula, MIN_DISTINCT, name)


def _by_unary(state: MatchState, formula: str, least: int, cast: str = "") -> None:
    """What one formula makes of tensors that have so many elements at least; ``cast``: after they
    were cast to this type, if the artifact has tensors of it.
    """
    targets = {}
    for tensor in small(state, state.open()):
        if cast and cast not in state.casts(tensor):
            continue
        values = cast_to(tensor.read(), cast) if cast else tensor.read()
        made = folds.computed(folds.UNARY[formula], values)
        if np.isfinite(made).all() and made.size >= least:
            plain = without_ones(made.shape) or (1,)
            targets[tensor.name] = made.reshape(plain)
    for tensor, candidate, steps in near(state, targets):
        target = targets[tensor.name]
        if np.ptp(target) and not np.ptp(state.values.of(candidate.key, steps)):
            continue  # a constant is near to what comes of anything small
        if folds.is_another(formula, candidate.tensor.name):
            continue
        if state.values.is_close(target, candidate, steps):
            state.assigned.setdefault(candidate.key, tensor.name)
            state.found[tensor.name] = _by(formula, candidate)


def _by(formula: str, candidate: Candidate) -> Found:
    """The answer that a stored tensor is a formula of one parameter."""
    return Found(
        view=View.FOLDED,
        because=f"'{candidate.tensor.name}' is {formula} of it",
        stored=(candidate.key,),
        formula=formula,
    )


def computed(state: MatchState, tensor: StoredTensor) -> None:
    """What the artifact's own word says was computed from a tensor, held against the formulas;
    however few numbers it has.
    """
    claim = state.named.get(tensor.name)
    if (
        tensor.name in state.found
        or claim is None
        or claim.view not in (View.FOLDED, View.SLICED)
        or len(claim.stored) != 1
    ):
        return
    candidate = state.candidates.get(claim.stored[0])
    if candidate is None or not candidate.ways or candidate.count != tensor.count:
        return
    steps = chain(*candidate.steps, Reshape(tensor.shape))
    if state.values.is_close(tensor.read(), candidate, steps):
        take_close(state, tensor, candidate, steps)
        return
    for formula, function in folds.UNARY.items():
        if folds.is_another(formula, candidate.tensor.name):
            continue
        made = folds.computed(function, tensor.read())
        if np.isfinite(made).all() and state.values.is_close(made, candidate, steps):
            state.found[tensor.name] = _by(formula, candidate)
            return


def shares(state: MatchState, lifted: Sequence[Candidate], tensor: StoredTensor) -> None:
    """A vector of fewer numbers than are recognized otherwise as what softmax makes of them, where
    TorchScript's exporter computed it: those that add up to one are no chance.
    """
    if len(tensor.shape) != 1 or not FEW < tensor.count < MIN_DISTINCT:
        return
    made = folds.computed(folds.UNARY[folds.SHARES], tensor.read())
    if not np.isfinite(made).all():
        return
    for candidate in lifted:
        if candidate.count != tensor.count or candidate.key in state.assigned:
            continue
        steps = chain(*candidate.steps, Reshape(tensor.shape))
        if state.values.is_close(made, candidate, steps):
            state.assigned.setdefault(candidate.key, tensor.name)
            state.found[tensor.name] = _by(folds.SHARES, candidate)
            return


def zeroed(state: MatchState, vectors: Vectors, tensor: StoredTensor) -> None:
    """A bias of three joined projections, of which one has none: that third is zero."""
    values = tensor.read().reshape(-1)
    if tensor.count % N_JOINED or not np.any(values):
        return
    for at in range(N_JOINED):
        made = values.reshape(N_JOINED, -1).copy()
        made[at] = 0
        candidate = vectors.holding(made.reshape(-1))
        if candidate is not None:
            state.assigned.setdefault(candidate.key, tensor.name)
            state.found[tensor.name] = _by(ZEROED, candidate)
            return


def shifted_vector(state: MatchState, vectors: Vectors, tensor: StoredTensor) -> None:
    """A vector plus one number, as of a hard sigmoid that a converter put into the bias before
    it.
    """
    values = tensor.read().reshape(-1).astype(np.float64)
    if not np.isfinite(values).all() or not np.ptp(values):  # any number fits one
        return
    for candidate in vectors.shifted(values):
        steps = chain(*candidate.steps, Reshape(values.shape))
        stored = state.values.of(candidate.key, steps).astype(np.float64)
        number = float(np.median(stored - values)) if np.isfinite(stored).all() else 0.0
        if number and state.values.is_close(values + number, candidate, steps):
            is_one = abs(number - 1) <= EVEN  # a row of its own
            formula = folds.ONE_MORE if is_one else f"w + {number:.4g}"
            state.found[tensor.name] = _by(formula, candidate)
            return


def multiplied_vector(state: MatchState, vectors: Vectors, tensor: StoredTensor) -> None:
    """A vector times one number."""
    values = tensor.read().reshape(-1).astype(np.float64)
    power = float(values @ values)
    if not power or not np.isfinite(power) or not np.ptp(values):  # any factor fits one number
        return
    for candidate in vectors.proportional(values):
        if candidate.is_quantized:
            continue
        steps = chain(*candidate.steps, Reshape(values.shape))
        stored = state.values.of(candidate.key, steps).astype(np.float64)
        factor = float(values @ stored) / power if np.isfinite(stored).all() else 0.0
        if abs(factor + 1) <= EVEN and state.values.is_close(-values, candidate, steps):
            state.found[tensor.name] = _by(folds.NEGATED, candidate)
            return
        if factor and state.values.is_close(values * factor, candidate, steps):
            scalar = scalar_of(state, factor)
            shown = f"'{scalar}'" if scalar else f"{factor:.6g}"
            state.found[tensor.name] = Found(
                view=View.FOLDED,
                because=f"'{candidate.tensor.name}' is it times {shown}",
                stored=(candidate.key,),
                factor=factor,
                formula=folds.times(factor),
                by=scalar,
            )
            return
