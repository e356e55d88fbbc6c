"""Judge a tensor of the reference whose content was found, or other content in its place."""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params.auditing.computed import is_known_factor, is_quantized, is_unused
from onnx_params.auditing.differences import rounding
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.state import State, difference_from, evaluated, say
from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Cast
from onnx_params.tensors.stored import StoredTensor

MAX_ULP: Final = 1e-6  # relative; what a product in another order does to a single number


def judge_found(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    """What was found where nothing says that it does not belong."""
    if found.stored and all(is_unused(state.model, key) for key in found.stored):
        return say(
            state,
            tensor,
            Verdict.MISSING,
            f"'{found.stored[0][1]}' holds it, and no node takes that",
            found.stored,
        )
    steps = found.placements[0].steps if found.placements else ()
    if found.view is View.FOLDED and not steps and not is_known_factor(found.factor):
        return say(
            state,
            tensor,
            Verdict.CHANGED,
            f"{found.because}, a number that nothing explains",
            found.stored,
        )
    if found.view is View.FOLDED and not steps:
        return say(state, tensor, Verdict.FOLDED, found.because, found.stored)
    if found.view is View.FOLDED:  # close, and of the same type: no rounding explains that
        return nearly(state, tensor, found)
    if is_quantized(state.model, found.placements[0].key):
        made = say(state, tensor, Verdict.QUANTIZED, found.because, found.stored)
        if len(found.placements) > 1:
            return made
        candidate = Candidate(state.model, state.model.stored[found.placements[0].key], 0)
        return made._replace(rounding=rounding(tensor.read(), candidate, steps, state.values))
    if any(isinstance(step, Cast) for placement in found.placements for step in placement.steps):
        apart = difference_from(state, tensor, found.placements, found.axis)
        if apart is not None:
            return say(
                state,
                tensor,
                Verdict.CHANGED,
                f"'{found.stored[0][1]}' is near to it, and not it cast",
                found.stored,
            )._replace(difference=apart)
        return say(state, tensor, Verdict.CAST, found.because, found.stored)
    same = found.view is View.WHOLE and len(found.stored) == 1
    return say(
        state, tensor, Verdict.IDENTICAL if same else Verdict.MOVED, found.because, found.stored
    )


def nearly(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    apart = difference_from(state, tensor, found.placements, found.axis)
    if apart is None:
        return say(state, tensor, Verdict.MOVED, found.because, found.stored)
    if tensor.count == 1 and apart.largest <= MAX_ULP * float(np.abs(tensor.read()).max()):
        return say(state, tensor, Verdict.FOLDED, found.because, found.stored)
    return say(
        state,
        tensor,
        Verdict.CHANGED,
        f"'{found.stored[0][1]}' is near to it, and of the same type",
        found.stored,
    )._replace(difference=apart)


def changed(state: State, tensor: StoredTensor, found: Found, claim: Claim | None) -> Judgement:
    """Measure how far what stands in its place is from it."""
    other = next(
        (
            name
            for key in found.stored
            if (name := state.holds.get(key, "")) and name != tensor.name
        ),
        "",
    )
    made = say(state, tensor, Verdict.CHANGED, found.because, found.stored)
    if other:
        because = f"'{found.stored[0][1]}', which represents it, holds '{other}'"
        made = made._replace(verdict=Verdict.SWAPPED, because=because, other=other)
    values = evaluated(state, found.placements, found.axis)
    if values is None or values.shape != tensor.shape:
        return made
    if len(found.placements) == 1 and is_quantized(state.model, found.placements[0].key):
        candidate = Candidate(state.model, state.model.stored[found.placements[0].key], 0)
        made = made._replace(
            rounding=rounding(tensor.read(), candidate, found.placements[0].steps, state.values)
        )
    return made._replace(difference=difference_from(state, tensor, found.placements, found.axis))
