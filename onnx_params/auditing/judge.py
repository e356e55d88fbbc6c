"""Judge every tensor of a reference, and every stored tensor that the reference does not have.

Matching says where content lies; judging asks whether that is the place where it belongs. The
artifact's own claims say which parameter each stored tensor represents: content that lies under
another parameter's claim is swapped, and a place that holds other content is changed.
"""

from __future__ import annotations

from onnx_params.auditing.absent import gone
from onnx_params.auditing.blame import blamed
from onnx_params.auditing.deviations import FEW
from onnx_params.auditing.displaced import displaced
from onnx_params.auditing.extras import extras
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.present import changed, judge_found
from onnx_params.auditing.state import State, is_buffer, say
from onnx_params.dataflow.view import View
from onnx_params.idioms.torchscript import is_result
from onnx_params.inventory.record import Inventory
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim
from onnx_params.tensors.stored import StoredTensor


def judgements(state: State) -> list[Judgement]:
    """One for each tensor of the reference, in its order, then the extras in file order."""
    made = {
        name: judge_tensor(state, tensor, state.found[name])._replace(
            is_parameter=not is_buffer(state, tensor)
        )
        for name, tensor in state.reference.items()
        if not state.found[name].alias_of
    }
    made, left = blamed(state, made, list(extras(state)))
    for name in state.reference:
        first = state.found[name].alias_of
        if first:
            was = made[first]
            verdict = (
                was.verdict if was.fails or was.verdict is Verdict.NOT_COMPARABLE else Verdict.MOVED
            )
            made[name] = was._replace(
                name=name,
                verdict=verdict,
                because=f"tied to '{first}'; {was.because}",
                is_alias=True,
            )
    return [*(made[name] for name in state.reference), *left]


def judge_tensor(state: State, tensor: StoredTensor, found: Found) -> Judgement:
    if not tensor.count:
        return say(state, tensor, Verdict.FOLDED, "it has no elements")
    claim = state.named.get(tensor.name)
    if claim is not None and claim.name != tensor.name and claim.view in (View.MERGED, View.TIED):
        claim = None
    if found.view is View.CHANGED:
        return _other_values(state, tensor, found, claim)
    if found.placements or (found.view is View.FOLDED and found.certain):
        spoken_for = claim is not None and bool(claim.stored)
        wrong = displaced(state, tensor, found, claim) if state.strict else None
        return wrong or judge_found(state, tensor, found)._replace(placed=spoken_for)
    return gone(state, tensor, found, claim)


def _other_values(
    state: State, tensor: StoredTensor, found: Found, claim: Claim | None
) -> Judgement:
    """Other values stand in its place, by a name of the artifact's own or by being near to it:
    changed, unless a formula that nobody knows may have made them.
    """
    stored = found.stored[0][1]
    is_named = claim is not None and state.is_trusted(claim)
    may_be_computed = is_result(stored) or not is_named
    if is_buffer(state, tensor) and may_be_computed:
        because = f"a buffer, computed or left out by the exporter: {found.because}"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, found.stored)
    holder = state.holds.get(found.stored[0], "")
    is_held = holder not in ("", tensor.name) and bool(state.found[holder].placements)
    if claim is None and is_held:
        because = f"'{stored}', which would have room for it, holds '{holder}'"
        return gone(state, tensor, Found(view=View.DROPPED, because=because), None)
    made = changed(state, tensor, found, claim)
    if made.verdict is Verdict.SWAPPED:
        return made
    apart = made.difference
    is_mostly_equal = apart is not None and FEW * apart.changed < apart.of
    if found.certain:
        return made
    if may_be_computed and not is_mostly_equal and not state.kin.are_explained(tensor.name):
        because = f"'{stored}' may have been computed from it, by a formula that is not known"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, found.stored)
    return made


def judge(inventory: Inventory) -> list[Judgement]:
    """State an inventory that was taken with a checkpoint. Reads values."""
    assert inventory.matched is not None
    return judgements(State(inventory, inventory.matched))
