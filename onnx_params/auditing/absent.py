"""Judge a tensor of the reference that no stored tensor contains: an exporter may leave out what
has no effect, and nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from onnx_params.auditing.computed import is_weight, used_elements
from onnx_params.auditing.deviations import is_distorted, mostly_equal
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.outside import is_used_outside
from onnx_params.auditing.state import State, is_buffer, say
from onnx_params.dataflow.consumers import consumers, is_beside_product
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import beside, leaf_of, module_of
from onnx_params.idioms.recurrent import GATES
from onnx_params.idioms.torch_dynamo import TAKES_SOME, operator_of
from onnx_params.idioms.torch_modules import COMPUTED_WEIGHTS
from onnx_params.idioms.torchscript import is_result, real_name
from onnx_params.idioms.vocabulary import PARTNERS
from onnx_params.matching import grids
from onnx_params.matching.folds import UNARY, lacks_statistics
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim
from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.steps import Key, Shape
from onnx_params.tensors.stored import StoredTensor

# onnxruntime, ``core/optimizer/conv_add_fusion.cc``; onnxslim, ``core/pattern/fusion``
_SUM: Final = re.compile(
    r"^ConvAddFusion_(Add_)?B_|(^add|/Add)(_\d+)?(_output_\d+)?_bias(_fused)?$"
)


# views of a claim on what was computed into another tensor
_COMPUTED: Final = frozenset({View.FOLDED, View.SLICED})
N_FIRST: Final = 64  # numbers that are looked at before all are


def gone(state: State, tensor: StoredTensor, found: Found, claim: Claim | None) -> Judgement:
    """Nothing in the artifact holds it: an exporter may leave out what has no effect, or compute
    away what is used in a way that nobody knows; nothing else.
    """
    judgement = (
        _left_out(state, tensor, found)
        or _summed(state, tensor, found, claim)
        or _computed_away(state, tensor, found, claim)
    )
    if judgement is not None:
        return judgement
    hidden = state.may_hold(tensor)
    if hidden is not None:
        because = f"'{hidden[1]}' may be it: the layout that its operator says it has is not known"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, (hidden,))
    other = impostor(state, tensor) if claim is None else None
    if other is not None:
        because = (
            f"nothing holds it, as the artifact holds others of its kind, and '{other.name}' of its"
            " shape holds what nothing in the reference explains"
        )
        return say(state, tensor, Verdict.CHANGED, because, (other.key,))
    reason = is_missed(state, tensor.name)
    if reason:
        return say(state, tensor, Verdict.MISSING, f"{reason}; {found.because}", found.stored)
    return say(state, tensor, Verdict.NOT_COMPARABLE, found.because, found.stored)


def _summed(
    state: State, tensor: StoredTensor, found: Found, claim: Claim | None
) -> Judgement | None:
    """The judgement on a bias that an optimizer named after an addition that it put into it."""
    if len(tensor.shape) != 1:
        return None
    keys = (*_place(found, claim), *_biases_beside(state, tensor))
    added = next((key for key in keys if _SUM.search(key[1]) is not None), None)
    if added is None:
        return None
    because = f"'{added[1]}' is it with what was added to its layer's result, by the name"
    return say(state, tensor, Verdict.NOT_COMPARABLE, because, (added,))


def _place(found: Found, claim: Claim | None) -> tuple[Key, ...]:
    """The stored tensors that represent a parameter, by content or else by the artifact's word."""
    return found.stored or (claim.stored if claim is not None else ())


def _biases_beside(state: State, tensor: StoredTensor) -> Iterator[Key]:
    """The stored tensors in the bias slot of the product that takes the weight of a bias's
    module.
    """
    owner, _, leaf = tensor.name.rpartition(".")
    weight = state.found.get(f"{owner}.weight") if leaf == "bias" else None
    for key in weight.stored if weight is not None else ():
        for consumer in consumers(state.model, state.model.stored[key]):
            for name in consumer.node.inputs[2:3] if consumer.is_product else ():
                bias = state.model.def_use.resolve(consumer.graph, name)
                if bias in state.model.stored:
                    yield bias


def _left_out(state: State, tensor: StoredTensor, found: Found) -> Judgement | None:
    """The judgement on what has no effect, or is no parameter: exporters leave it out."""
    if found.view is View.SLICED and found.certain:
        return say(state, tensor, Verdict.MOVED, found.because, found.stored)
    if not np.any(tensor.read()):
        because = "it is all zeros, which changes nothing where it is added: exporters leave it out"
        return say(state, tensor, Verdict.FOLDED, because)
    if is_buffer(state, tensor):
        because = f"a buffer, computed or left out by the exporter: {found.because}"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, found.stored)
    return None


def _computed_away(
    state: State, tensor: StoredTensor, found: Found, claim: Claim | None
) -> Judgement | None:
    """The judgement on what was folded into another tensor, or cut."""
    place = _place(found, claim)
    is_folded = found.view is View.FOLDED
    if is_folded and not state.strict and lacks_statistics(tensor.name, state.reference):
        because = "it was folded with running statistics that the other side does not hold"
        return say(state, tensor, Verdict.NOT_COMPARABLE, because, place)
    if found.view not in _COMPUTED or not place or claim is None:
        return None
    apart = mostly_equal(state, tensor, place[0]) if len(place) == 1 else None
    if apart is not None:
        because = f"'{place[0][1]}' holds it but for some elements"
        return say(state, tensor, Verdict.CHANGED, because, place)._replace(difference=apart)
    if len(place) == 1 and is_distorted(state, tensor, place[0]):
        because = f"'{place[0][1]}' is near to it, with other values, or one number throughout"
        return say(state, tensor, Verdict.CHANGED, because, place)
    if _is_rounded_only(state, tensor, place[0]):
        because = f"'{place[0][1]}' holds codes times scales, as numbers, and others than its own"
        return say(state, tensor, Verdict.CHANGED, because, place)
    if _has_known_formula(state, tensor, place[0], claim):
        because = f"'{place[0][1]}' is not what comes of it, as of others of its kind"
        return say(state, tensor, Verdict.CHANGED, because, place)
    because = f"'{place[0][1]}' was computed from it, by a formula that is not known"
    return say(state, tensor, Verdict.NOT_COMPARABLE, because, place)


def _is_rounded_only(state: State, tensor: StoredTensor, place: Key) -> bool:
    """Whether what was computed from a parameter has as many numbers, on the grid of a quantizer:
    it was rounded, and nothing else was done to it.
    """
    stored = state.model.stored[place]
    if _is_repeated(stored, stored.shape[-1:]):
        return False  # a vector again and again, which happens to have so many numbers
    is_alike = stored.dtype.is_float and stored.count == tensor.count and len(tensor.shape) > 1
    return is_alike and grids.is_on_grid(stored.read())


def _has_known_formula(state: State, tensor: StoredTensor, place: Key, claim: Claim) -> bool:
    """Whether what was computed from a parameter of this kind is known: its kin are explained, and
    the place, or what was taken of it all in all, has as many elements as it has.
    """
    is_alike = used_elements(state.model, state.model.stored[place]) == tensor.count
    is_whole = bool(claim.shape) and math.prod(claim.shape or ()) == tensor.count
    if is_whole and _parts_of_kin(state, tensor):
        return True
    if _is_taken_as_kin(state, tensor, place):
        return True
    if not is_alike or _is_of_a_layer(state, tensor, place):
        return False
    if state.kin.are_explained(tensor.name, widest=2) or _has_open_norm(state, tensor):
        return True
    mask = state.reference.get(beside(tensor.name, "mask"))
    if mask is not None and mask.shape == tensor.shape:  # a product that was computed, and failed
        return True
    return (state.kin.share(tensor.name, "batch norm") or 0.0) > 0.5


def _is_taken_as_kin(state: State, tensor: StoredTensor, place: Key) -> bool:
    """Whether the lines of all kin are in constants that the exporter took of them by the operator
    by which it took this one.
    """
    kin = [state.found[each] for each in state.kin.others(tensor.name)]
    operator = operator_of(place[1])
    return (
        operator in TAKES_SOME
        and bool(kin)
        and all(
            other.is_proved
            and bool(other.placements)
            and len(other.stored) == 1
            and operator_of(other.stored[0][1]) == operator
            for other in kin
        )
    )


def _is_of_a_layer(state: State, tensor: StoredTensor, place: Key) -> bool:
    """Whether a stored tensor is what a layer makes of fixed inputs: the weight of a bias' module
    was computed into the same one, or it has the same numbers in all its lines.
    """
    stored = state.model.stored[place]
    if _is_repeated(stored, stored.shape[-1:]):
        return True
    owner, _, leaf = tensor.name.rpartition(".")
    weight = state.named.get(f"{owner}.weight") if leaf == "bias" else None
    if weight is None or weight.view not in _COMPUTED or place not in weight.stored:
        return False
    return len(state.reference[f"{owner}.weight"].shape) > len(tensor.shape)


def _has_open_norm(state: State, tensor: StoredTensor) -> bool:
    """Whether a batch norm of as many channels as a kernel has is nowhere, while others were found
    folded into what stands before them.
    """
    is_kernel = len(tensor.shape) > 2
    return is_kernel and not state.open_norms.isdisjoint(tensor.shape[:2])


def impostor(state: State, tensor: StoredTensor) -> StoredTensor | None:
    """A stored parameter of this one's shape that nothing explains, or the rest of one of which the
    other parts are explained; where the kin of this one are there, or the other direction of a
    recurrent layer lies beside the rest.
    """
    twin = state.found.get(_of_other_direction(tensor.name))
    parts = _parts_of_kin(state, tensor)
    if not state.kin.are_explained(tensor.name, widest=2) and twin is None and not parts:
        return None
    shapes = (tensor.shape, tensor.shape[::-1])
    for other, left in state.unexplained:
        if other.key in state.suspects or other.key not in state.listed:
            continue
        if is_result(other.name) and not is_weight(state.model, other):
            continue  # the exporter computed it: no parameter lies under such a name
        is_beside = twin is not None and other.key in twin.stored
        if _is_stack(state, other) and not left % tensor.count and (is_beside or twin is None):
            return other
        taken = logical(state.model, other).shape
        if taken in parts and left == math.prod(taken):
            state.suspects[other.key] = tensor.name
            return other
        if left != tensor.count:
            continue
        if taken in shapes or left < math.prod(taken):
            state.suspects[other.key] = tensor.name
            return other
    return None


def _parts_of_kin(state: State, tensor: StoredTensor) -> set[Shape]:
    """The shapes of stored tensors in which others of its module and shape lie apart, as the
    matrices of a stack of experts.
    """
    parts: set[Shape] = set()
    for other in state.apart.get((module_of(tensor.name), tensor.shape), ()):
        for key in other.stored:
            shape = logical(state.model, state.model.stored[key]).shape
            if math.prod(shape) < tensor.count:
                parts |= {shape, shape[::-1]}
    return parts


def _of_other_direction(name: str) -> str:
    """The parameter of a recurrent layer's other direction, as torch calls it."""
    reverse = "_reverse"
    return name.removesuffix(reverse) if name.endswith(reverse) else f"{name}{reverse}"


def _is_stack(state: State, tensor: StoredTensor) -> bool:
    """Whether a recurrent layer takes a stored tensor: the parameters of both directions."""
    return any(consumer.node.op_type in GATES for consumer in consumers(state.model, tensor))


def is_missed(state: State, name: str) -> str:
    """Why it should be there: its partner in the same module is. Modules that are not there as a
    whole may never have been used.
    """
    leaf = leaf_of(name)
    partners = PARTNERS.get(leaf, ())
    if leaf == "bias":
        partners = (*partners, *COMPUTED_WEIGHTS)
    for partner in partners if module_of(name) else ():
        other = beside(name, partner)
        if not is_there(state, other) or _is_shared_filler(state, other):
            continue
        if leaf == "weight" and _is_added_alone(state, other):
            continue
        if not _is_never_used(state, name, other):
            return f"'{other}' is there and it is not"
    return ""


def _is_shared_filler(state: State, name: str) -> bool:
    """Whether all that is there of a parameter is one number throughout, under another one's name:
    zeros of any norm are those of all.
    """
    own = [key for key in state.found[name].stored if real_name(key[1]) == name]
    if own:
        return False
    first = first_numbers(state.reference[name], min(state.reference[name].count, N_FIRST))
    if len(set(first)) > 1:
        return False
    values = state.reference[name].read().reshape(-1)
    return bool(values.size) and bool(np.all(values == values[0]))


def _is_never_used(state: State, bias: str, weight: str) -> bool:
    """Whether a layer's weight is used without the layer, as its kin are: none of them has its bias
    in the artifact. What takes a formula of the weight is not the layer either.
    """
    if leaf_of(bias) != "bias" or any(is_there(state, kin) for kin in state.kin.others(bias)):
        return False
    found = state.found[weight]
    return found.formula in UNARY or is_used_outside(state.model, weight, found.stored, bias)


def _is_added_alone(state: State, bias: str) -> bool:
    """Whether a bias is added to something that no product made, or stored again and again: its
    layer has nothing but zeros to multiply, and what is left of it is the bias.
    """
    shape = state.reference[bias].shape
    if any(_is_repeated(state.model.stored[key], shape) for key in state.found[bias].stored):
        return True
    uses = [use for key in state.found[bias].stored for use in state.model.def_use.uses(key)]
    added = [use for use in uses if use.node is not None and use.node.op_type == "Add"]
    return (
        bool(uses)
        and len(added) == len(uses)
        and not any(is_beside_product(state.model, use) for use in added)
    )


def _is_repeated(tensor: StoredTensor, shape: Shape) -> bool:
    """Whether a stored tensor is a vector of a shape, in all its lines."""
    n_lines = tensor.count // max(math.prod(shape), 1)
    if len(shape) != 1 or n_lines < 2 or tensor.shape[-1:] != shape or not tensor.dtype.is_float:
        return False
    lines = tensor.read().reshape(n_lines, -1)
    return bool(np.all(lines == lines[0]))


def is_there(state: State, name: str) -> bool:
    found = state.found.get(name)
    return found is not None and (found.is_proved or bool(found.alias_of))
