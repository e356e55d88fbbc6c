"""Judge a tensor of the reference whose content was found, or other content in its place."""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params.auditing.computed import is_quantized, is_unused
from onnx_params.auditing.deviations import difference_from, evaluated
from onnx_params.auditing.differences import rounding
from onnx_params.auditing.judgements import Judgement, Rounding, Verdict
from onnx_params.auditing.state import State, say
from onnx_params.auditing.witness import is_witnessed
from onnx_params.dataflow.view import View
from onnx_params.idioms.torchscript import is_result
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Cast, Placement
from onnx_params.tensors.stored import StoredTensor

MAX_ULP: Final = 1e-6  # relative; what computing in another order does to numbers


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
    if found.view is View.FOLDED:
        return _folded(state, tensor, found)
    if is_quantized(state.model, found.placements[0].key):
        return _quantized(state, tensor, found)
    if found.view is View.DEQUANTIZED:  # stored as the numbers that its codes stand for
        return say(state, tensor, Verdict.QUANTIZED, found.because, found.stored)
    if any(isinstance(step, Cast) for placement in found.placements for step in placement.steps):
        return _cast(state, tensor, found)
    is_whole = found.view is View.WHOLE and len(found.stored) == 1
    verdict = Verdict.IDENTICAL if is_whole else Verdict.MOVED
    return say(state, tensor, verdict, found.because, found.stored)


def _folded(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    if found.placements and found.placements[0].steps:
        # close, and of the same type: no rounding explains that
        return nearly(state, tensor, found)
    if is_witnessed(state, tensor.name, found):
        return say(state, tensor, Verdict.FOLDED, found.because, found.stored)
    because = f"{found.because}, and nothing but the numbers says that this was computed"
    return say(state, tensor, Verdict.CHANGED, because, found.stored)


def _quantized(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    values = evaluated(state, found.placements, found.axis)
    if values is not None and np.array_equal(values, tensor.read()):
        because = "the reference has what its codes stand for, to the bit"
        return say(state, tensor, Verdict.IDENTICAL, because, found.stored)
    made = say(state, tensor, Verdict.QUANTIZED, found.because, found.stored)
    if len(found.placements) > 1:
        return made
    return made._replace(rounding=_rounding(state, tensor, found.placements[0]))


def _rounding(state: State, tensor: StoredTensor, placement: Placement) -> Rounding:
    """What quantization cost a tensor that lies in one place."""
    candidate = Candidate(state.model, state.model.stored[placement.key], 0)
    return rounding(tensor.read(), candidate, placement.steps, state.values)


def _cast(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    apart = difference_from(state, tensor, found.placements, found.axis)
    if apart is None:
        return say(state, tensor, Verdict.CAST, found.because, found.stored)
    because = f"'{found.stored[0][1]}' is near to it, and not it cast"
    made = say(state, tensor, Verdict.CHANGED, because, found.stored)
    return made._replace(difference=apart)


def nearly(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    apart = difference_from(state, tensor, found.placements, found.axis)
    if apart is None:
        return say(state, tensor, Verdict.MOVED, found.because, found.stored)
    # a formula and its inverse, in the exporter's order: log of a sigmoid's odds
    is_computed = all(is_result(key[1]) for key in found.stored)
    # near one half the odds' logarithm has the rounding of numbers of about one
    size = max(1.0, float(np.abs(tensor.read()).max()))
    is_tiny = apart.largest <= MAX_ULP * size
    if is_tiny and (is_computed or tensor.count == 1):
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
            if (name := state.holds.get(key, ""))
            and name != tensor.name
            and state.found[name].placements  # else it was put together of both
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
        made = made._replace(rounding=_rounding(state, tensor, found.placements[0]))
    return made._replace(difference=difference_from(state, tensor, found.placements, found.axis))
