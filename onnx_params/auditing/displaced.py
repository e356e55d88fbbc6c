"""Judge content that is not where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from onnx_params.auditing.deviations import difference_from
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.present import changed
from onnx_params.auditing.state import State, is_buffer, say
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.recurrent import GATES, read_name
from onnx_params.inventory.values import shape_of
from onnx_params.matching.match_state import Found
from onnx_params.matching.verify import is_equal
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import SWAP, Cast, Key, Placement, Slice, Unblock, chain, describe
from onnx_params.tensors.stored import StoredTensor

# views under which a claim does not say where the values themselves lie
_WITHOUT_PLACE: Final = frozenset({View.FOLDED, View.SLICED, View.UNKNOWN, View.CHANGED})


def displaced(
    state: State, tensor: StoredTensor, found: Found, claim: Claim | None
) -> Judgement | None:
    """The judgement on content that does not lie where the artifact says that this parameter
    is; ``None`` where it does, or nothing says.
    """
    if tensor.name in state.crossed:
        other = state.crossed[tensor.name]
        because = (
            f"'{found.stored[0][1]}' has it beside what belongs to '{other}', and that one lies"
            " beside what belongs to it"
        )
        return _swapped(state, tensor, found.stored, other, because)
    if claim is None or not claim.stored:
        return unspoken(state, tensor, found)
    if not found.stored or claim.view in _WITHOUT_PLACE:
        return another(state, tensor, found, claim)
    if set(claim.stored).isdisjoint(found.stored):
        return another(state, tensor, found, claim)
    if not state.is_trusted(claim):
        return unspoken(state, tensor, found)
    if not _is_comparable(state, tensor, found, claim):
        return None
    apart = difference_from(state, tensor, claim.placements, claim.axis)
    if apart is None:
        return None
    # a name does not tell in which orientation a square matrix lies; an exporter's record does
    is_recorded = claim.certain and claim.evidence is Evidence.SIGNATURE
    is_recorded &= not _is_recorded_turned(state, tensor.name)
    fits = state.turns.fits(tensor.name)
    may_be_turned = fits or (fits is None and state.turns.is_alone(tensor.name))
    if _is_turn(found, claim) and not is_recorded and may_be_turned:
        return None
    because = f"'{found.stored[0][1]}' holds its values at other places: {how(state, found)}"
    return say(state, tensor, Verdict.CHANGED, because, found.stored)._replace(difference=apart)


def _is_recorded_turned(state: State, name: str) -> bool:
    """Whether the exporter's record has most matrices of a kind the other way round than the
    reference: this is another implementation's.
    """
    turned = same = 0
    for other in state.turns.oblong(name):
        claim, shape = state.named.get(other), state.reference[other].shape
        if claim is not None and claim.shape == shape[::-1]:
            turned += 1
        elif claim is not None and claim.shape == shape:
            same += 1
    return turned > same


def _swapped(
    state: State, tensor: StoredTensor, stored: tuple[Key, ...], other: str, because: str
) -> Judgement:
    """The judgement that the place of a parameter holds another one."""
    return say(state, tensor, Verdict.SWAPPED, because, stored)._replace(other=other)


def _is_comparable(state: State, tensor: StoredTensor, found: Found, claim: Claim) -> bool:
    """Whether a claim says at which places of a stored tensor the values should lie, and others
    than they do.
    """
    if not claim.placements or claim.shape != tensor.shape:
        return False
    if claim.placements == found.placements or found.view is View.FOLDED:
        return False
    # the size of a block is not always said
    steps = (*claim.steps, *found.placements[0].steps)
    if any(isinstance(step, Unblock) for step in steps):
        return False
    return shape_of(state.inventory, claim) == tensor.shape


def another(state: State, tensor: StoredTensor, found: Found, claim: Claim) -> Judgement | None:
    """Its content lies in one stored tensor, and the artifact's own word is that another one
    represents it.
    """
    if not set(claim.stored).isdisjoint(found.stored):
        return None
    place, lies = claim.stored[0], found.stored[0]
    owner = state.owner.get(lies)
    if (
        owner == tensor.name
        or is_same(state, owner, tensor)
        or (owner is not None and lies in state.found[owner].stored)
    ):
        return None
    other = state.holds.get(place, "")
    is_trusted = state.is_trusted(claim) or _is_exchange(state, tensor, found, claim)
    if is_same(state, other, tensor) or not is_trusted:
        return None
    if owner is not None and state.reference[owner].shape == tensor.shape:
        content = f"'{other}'" if other else "nothing of the reference"
        because = (
            f"it lies in '{lies[1]}', which represents '{owner}'; '{place[1]}', which stands"
            f" for it, holds {content}"
        )
        return _swapped(state, tensor, (place,), other or owner, because)
    # it is there; what stands under its name may be another result
    if not other or state.reference[other].shape != tensor.shape:
        return None
    return changed(
        state,
        tensor,
        replace(found, placements=claim.placements, stored=claim.stored, axis=claim.axis),
        claim,
    )


def _is_exchange(state: State, tensor: StoredTensor, found: Found, claim: Claim) -> bool:
    """Whether a parameter and its kin of another layer have each other's place, by names that were
    inferred for both: no inference goes wrong like that.
    """
    owner = state.owner.get(found.stored[0])
    if owner is None or owner not in state.kin.others(tensor.name):
        return False
    return state.found[owner].stored[:1] == claim.stored[:1]


def is_same(state: State, name: str | None, tensor: StoredTensor) -> bool:
    """Whether a parameter has the content of another: either may represent both."""
    if not name or name == tensor.name or name not in state.reference or name not in state.found:
        return False
    return state.found[name].placements == state.found[tensor.name].placements and bool(
        state.found[name].placements
    )


def unspoken(state: State, tensor: StoredTensor, found: Found) -> Judgement | None:
    """The judgement on content for whose place no name of the artifact's speaks, where the rest
    of the artifact does.
    """
    other = state.misplaced.get(tensor.name, "")
    if other and not is_equal(tensor, state.reference[other]):
        because = (
            f"'{found.stored[0][1]}' runs where '{other}' should, by the order in which the"
            " rest of its list runs"
        )
        return _swapped(state, tensor, found.stored, other, because)
    if tensor.name in state.exchanged:
        other = state.exchanged[tensor.name]
        because = (
            f"'{found.stored[0][1]}' has it, where in other layers, by the names of both, '{other}'"
            " is"
        )
        return _swapped(state, tensor, found.stored, other, because)
    if state.turns.fits(tensor.name) is False:
        because = (
            f"'{found.stored[0][1]}' is turned: all other matrices that such products take lie"
            " the other way round"
        )
        return say(state, tensor, Verdict.CHANGED, because, found.stored)
    if found.view is not View.REORDERED and not any(
        isinstance(s, Slice) and len(s.runs) > 1 for p in found.placements for s in p.steps
    ):
        return None
    if _is_lookup(state, tensor, found):
        return None
    if any(_gates_are_in_order(state, tensor, found, key) for key in found.stored):
        return None
    if not _is_in_cell(state, tensor, found) and state.order_is_usual(tensor.name):
        return None
    if is_buffer(state, tensor):  # rows of positions, taken as the graph wants them
        return None
    return say(
        state,
        tensor,
        Verdict.CHANGED,
        f"'{found.stored[0][1]}' holds its values in another order of blocks",
        found.stored,
    )


def _is_lookup(state: State, tensor: StoredTensor, found: Found) -> bool:
    """Whether a stored tensor has nothing but rows of a table, some of them more than once: where
    they were looked up, in the order of the indices.
    """
    if len(found.stored) != 1 or state.model.stored[found.stored[0]].count <= tensor.count:
        return False
    return state.holders[found.stored[0]] == 1


def _is_in_cell(state: State, tensor: StoredTensor, found: Found) -> bool:
    """Whether recurrent operators alone take a parameter whose gates torch orders: in which order
    they lie, ONNX says.
    """
    operators = {op_type for key in found.stored for op_type in _operators(state, key)}
    return _has_gates(tensor.name) and bool(operators) and operators <= GATES.keys()


def _gates_are_in_order(state: State, tensor: StoredTensor, found: Found, key: Key) -> bool:
    """Whether a recurrent layer takes a stored tensor, with the gates in ONNX's order."""
    operators = [op_type for op_type in _operators(state, key) if op_type in GATES]
    if not operators:
        return False
    return not _has_gates(tensor.name) or all(
        _in_gate_order(each, tensor.shape[0], GATES[operators[0]]) for each in found.placements
    )


def _operators(state: State, key: Key) -> list[str]:
    """The types of the operators that take a stored tensor."""
    return [each.node.op_type for each in consumers(state.model, state.model.stored[key])]


def how(state: State, found: Found) -> str:
    shown = dict.fromkeys(
        word for placement in found.placements for word in describe(placement.steps)
    )
    return ", ".join(shown) or "as they are, where the artifact takes them otherwise"


def _has_gates(name: str) -> bool:
    return read_name(name.rpartition(".")[2]) is not None


def _in_gate_order(placement: Placement, rows: int, gates: tuple[int, ...]) -> bool:
    """Whether a placement takes the gates of a recurrent layer out of ONNX's order into torch's, of
    either direction.
    """
    runs = [
        run
        for step in placement.steps
        if isinstance(step, Slice) and len(step.runs) > 1
        for run in step.runs
    ]
    size = rows // len(gates)
    taken = [row for start, stop in runs for row in range(start, stop)]
    if not taken or len(taken) != rows or not size:
        return not taken
    starts = taken[::size]
    if taken != [row for start in starts for row in range(start, start + size)]:
        return False  # rows within a gate are in another order
    blocks = [row // size for row in starts]
    base = min(blocks)
    return tuple(block - base for block in blocks) == gates


def _is_turn(found: Found, claim: Claim) -> bool:
    """Whether where something lies differs from where its name says that it does by nothing but a
    transposition.
    """
    bare = [
        tuple(step for step in placements[0].steps if not isinstance(step, Cast))
        for placements in (found.placements, claim.placements)
    ]
    return len(found.placements) == len(claim.placements) == 1 and chain(*bare[1], SWAP) == bare[0]
