"""Judge what is stored and the reference does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onnx_params.auditing.computed import is_computed, is_weight
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.state import GUESSES, State
from onnx_params.dataflow.logical import logical
from onnx_params.idioms.naming import without_number
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import (
    COMPUTED_FOR_GEMM,
    LIFTED,
    computed_by,
    path_of_value,
    real_name,
    scope_of,
)
from onnx_params.matching.copies import MIN_COPIED
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import moved
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import without_ones
from onnx_params.tensors.stored import StoredTensor

_AS_WEIGHT: Final = (
    "a matrix product or convolution takes it as its weight, and nothing of the reference has its"
    " content"
)


def extras(state: State) -> Iterator[Judgement]:
    covered = {key for found in state.found.values() for key in found.stored}
    for tensor, classification in state.inventory.classified:
        if (
            not tensor.count
            or tensor.key in covered
            or tensor.key in state.suspects
            or not _may_be_learned(classification)
        ):
            continue
        claim = next((c for c in state.inventory.parameters if tensor.key in c.stored), None)
        if not state.model.def_use.uses(tensor.key):
            continue
        if classification.rule is RuleId.STATE_ORDER:
            surely, why = False, f"{classification.because}, and the reference has no such content"
        elif claim is not None:
            surely, why = is_extra(state, tensor, claim)
        elif _is_unclaimed_weight(state, tensor):
            surely, why = True, _AS_WEIGHT
        else:
            continue
        said = Verdict.EXTRA if surely else Verdict.NOT_COMPARABLE
        yield Judgement(
            tensor.name if claim is None else claim.name,
            said,
            why,
            tensor.shape,
            tensor.dtype.name,
            (tensor.name,),
            is_parameter=False,
        )


def _may_be_learned(said: Classification) -> bool:
    """Whether a stored tensor is a parameter, or a buffer by its place in a list alone."""
    return said.role is Role.PARAMETER or said.rule is RuleId.STATE_ORDER


def _is_unclaimed_weight(state: State, tensor: StoredTensor) -> bool:
    """Whether nodes compute a tensor of codes, and a product takes it as its weight, while the
    exporter's list has the codes alone.
    """
    return tensor.encoding is Encoding.COMPUTED and is_weight(state.model, tensor)


def is_extra(state: State, tensor: StoredTensor, claim: Claim) -> tuple[bool, str]:
    """Whether what the reference does not have was learned, and why; constants that an
    optimizer computed look like it.
    """
    if tensor.key in state.unreadable:
        return False, "its operator says that it has a layout that is not known"
    if _has_name_of_another(state, tensor):
        because = "it has the name of a parameter of the reference, and other values than that"
        return True, because
    computed = is_computed(state.model, tensor)
    if computed:
        return False, computed
    original = _copied_elsewhere(state, tensor)
    if original:
        because = (
            f"others of its kind are stored once more under such a name, and it is no copy of"
            f" '{original}'"
        )
        return True, because
    if is_weight(state.model, tensor):
        gone = _computed_of(state, tensor)
        because = f"it was computed, by its name, perhaps of '{gone}', of which nothing is left"
        return (False, because) if gone else (True, _AS_WEIGHT)
    if (
        claim.evidence not in GUESSES
        and real_name(tensor.name) is not None
        and "." in claim.name
        and moved(claim.name, state.matched.prefix) not in state.reference
    ):
        return (
            True,
            (
                "the artifact calls it a parameter, and the reference has nothing of that name"
                " or content"
            ),
        )
    return (
        False,
        (
            "nothing of the reference has its content, and nothing says that it was learned: a"
            " constant that was computed, perhaps"
        ),
    )


def _computed_of(state: State, tensor: StoredTensor) -> str:
    """A weight of the reference of which nothing is left in the module where, by its name, a stored
    tensor was computed: an operator's result, or what TorchScript's exporter made for a Gemm, for
    it leaves the weights of those as they are. Empty where there is none.
    """
    name = name_before(tensor.name)
    if name.startswith(COMPUTED_FOR_GEMM):
        uses = state.model.def_use.uses(tensor.key)
        taken = [(use.slot, scope_of(use.node) or "") for use in uses if use.node is not None]
        # what a layer is given, in slot 0, may have been made anywhere
        is_data = any(slot == 0 for slot, _ in taken)
        module = taken[0][1] if taken and not is_data else ""
    elif computed_by(name) and not name.startswith(LIFTED):
        module = path_of_value(name)
    else:
        return ""
    inside = f"{module}." if module else ""
    for gone, found in state.found.items():
        weight = state.reference[gone]
        # one of as many elements may be what it should be
        is_another = len(weight.shape) > 1 and weight.count != tensor.count
        if is_another and not found.stored and moved(gone, state.matched.prefix).startswith(inside):
            return gone
    return ""


def _has_name_of_another(state: State, tensor: StoredTensor) -> bool:
    """Whether a stored tensor bears the name and has the shape of a tensor of the reference, whose
    values another one holds: the second copy of a tied parameter.
    """
    name = real_name(tensor.name)
    named = None if name is None else state.reference.get(moved(name, state.matched.prefix))
    if named is None or name != tensor.name or named.count < MIN_COPIED:
        return False
    return logical(state.model, tensor).shape == named.shape


def _copied_elsewhere(state: State, tensor: StoredTensor) -> str:
    """A parameter of a stored tensor's shape that is stored once, while most of its kin are stored
    twice, the second time under the stored tensor's name but for its number; empty where there is
    none. A graph that computes something of its weights takes each of them twice.
    """
    if tensor.count < MIN_COPIED or real_name(tensor.name) is not None:
        return ""
    word = without_number(tensor.name)
    for name in state.alone.get(without_ones(tensor.shape), ()):
        kin = [state.found[other].stored for other in state.kin.others(name)]
        twice = [
            keys
            for keys in kin
            if len(keys) > 1 and any(without_number(key[1]) == word for key in keys)
        ]
        if kin and 2 * len(twice) > len(kin):
            return name
    return ""
