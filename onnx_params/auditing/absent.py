"""Judge a tensor of the reference that no stored tensor contains: an exporter may leave out what
has no effect, and nothing else.
"""

from __future__ import annotations

import numpy as np

from onnx_params.auditing.computed import is_computed, used_elements
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.state import State, say
from onnx_params.dataflow.view import View
from onnx_params.idioms.vocabulary import PARTNERS, is_buffer_name
from onnx_params.matching.folds import lacks_statistics
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim
from onnx_params.tensors.stored import StoredTensor


def gone(state: State, tensor: StoredTensor, found: Found, claim: Claim | None) -> Judgement:
    """Nothing in the artifact holds it: an exporter may leave out what has no effect, and
    nothing else.
    """
    judgement = _left_out(state, tensor, found) or _computed_away(state, tensor, found, claim)
    if judgement is not None:
        return judgement
    other = stands_in(state, tensor) if claim is None else None
    if other is not None:
        because = (
            f"nothing holds it, and '{other.name}', which nothing of the reference explains,"
            " has room for it"
        )
        return say(state, tensor, Verdict.CHANGED, because, (other.key,))
    reason = is_missed(state, tensor.name)
    if reason:
        return say(state, tensor, Verdict.MISSING, f"{reason}; {found.because}", found.stored)
    return say(state, tensor, Verdict.NOT_COMPARABLE, found.because, found.stored)


def _left_out(state: State, tensor: StoredTensor, found: Found) -> Judgement | None:
    """The judgement on what has no effect, or is no parameter: exporters leave it out."""
    if found.view is View.SLICED and found.certain:
        return say(state, tensor, Verdict.MOVED, found.because, found.stored)
    if not tensor.count:
        return say(state, tensor, Verdict.FOLDED, found.because)
    if not np.any(tensor.read()):
        because = "it is all zeros, which changes nothing where it is added: exporters leave it out"
        return say(state, tensor, Verdict.FOLDED, because)
    if (
        is_buffer_name(tensor.name)
        or not tensor.dtype.is_float
        or state.matched.kinds.get(tensor.name) == "BUFFER"
    ):
        because = f"a buffer, computed or left out by the exporter: {found.because}"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, found.stored)
    return None


def _computed_away(
    state: State, tensor: StoredTensor, found: Found, claim: Claim | None
) -> Judgement | None:
    """The judgement on what was folded into another tensor, or cut."""
    place = found.stored or (claim.stored if claim is not None else ())
    is_folded = found.view is View.FOLDED
    if is_folded and not state.strict and lacks_statistics(tensor.name, state.reference):
        because = "it was folded with running statistics that the other side does not hold"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, place)
    if found.view in (View.FOLDED, View.SLICED) and place and claim is not None:
        because = f"'{place[0][1]}' is not what comes of it"
        return say(state, tensor, Verdict.CHANGED, because, place)
    return None


def stands_in(state: State, tensor: StoredTensor) -> StoredTensor | None:
    """A stored parameter that nothing explains, or explains in part, of a size that this one
    may have there.
    """
    width = tensor.shape[-1] if tensor.shape else 1
    for other, left in state.unexplained:
        rows = (
            len(tensor.shape) == 2
            and tensor.shape[0] > 1 < width
            and width in other.shape
            and left < tensor.count
        )
        # of rows of a table, as far as is known
        if other.key not in state.listed or is_computed(state.model, other):
            if rows and len(other.shape) > 2:
                state.suspects[other.key] = tensor.name
                return other
            continue
        if (
            left == tensor.count
            or (
                left > tensor.count > 1
                and left < used_elements(state.model, other)
                and width in other.shape
            )
            or rows
        ):
            state.suspects[other.key] = tensor.name
            return other
    return None


def is_missed(state: State, name: str) -> str:
    """Why it should be there: its partner is, or the same leaf of the module's siblings in a
    list.
    """
    owner, _, leaf = name.rpartition(".")
    for partner in PARTNERS.get(leaf, ()) if owner else ():
        if is_there(state, f"{owner}.{partner}"):
            return f"'{owner}.{partner}' is there and it is not"
    segments = name.split(".")
    for at, segment in enumerate(segments):
        if segment.isdigit():
            head, tail = segments[:at], segments[at + 1 :]
            siblings = [
                other for other in state.reference if is_sibling(other.split("."), head, tail)
            ]
            shape = state.reference[name].shape
            there = [
                other
                for other in siblings
                if other != name
                and state.reference[other].shape == shape
                and is_there(state, other)
            ]
            if there:
                return f"'{there[0]}' is there and it is not"
    return ""


def is_sibling(segments: list[str], head: list[str], tail: list[str]) -> bool:
    at = len(head)
    return (
        len(segments) == at + 1 + len(tail)
        and segments[:at] == head
        and segments[at].isdigit()
        and segments[at + 1 :] == tail
    )


def is_there(state: State, name: str) -> bool:
    found = state.found.get(name)
    return found is not None and bool(found.placements or found.stored or found.alias_of)
