"""Classify numbers that a node keeps in its attributes."""

from __future__ import annotations

from typing import Final

from onnx_params.operators.attributes import ATTRIBUTES
from onnx_params.operators.schemas import KNOWN_DOMAINS
from onnx_params.roles.context import Context, Subject
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.stored import StoredTensor

_BY_WORD: Final = {
    "learned": (Role.PARAMETER, RuleId.LEARNED_ATTRIBUTE),
    "structure": (Role.BUFFER, RuleId.STRUCTURE_ATTRIBUTE),
    "label": (Role.CONSTANT, RuleId.LABEL_ATTRIBUTE),
}
# attributes that converters fill where the estimator has nothing
_FILLED: Final = frozenset(
    {("Scaler", "offset"), ("Scaler", "scale"), ("LinearRegressor", "intercepts")}
)


def in_attribute(context: Context, subject: Subject) -> Classification | None:
    """Numbers in an attribute of any operator but Constant."""
    tensor = subject.tensor
    place = tensor.place
    if not place.op_type or (place.op_type == "Constant" and not place.domain):
        return None
    if tensor.encoding is Encoding.OPAQUE:
        because = f"{place.op_type} keeps a compiled model there; what is in it cannot be read"
        return Classification(Role.OPAQUE, RuleId.COMPILED, because)
    word = ATTRIBUTES.get((place.domain, place.op_type), {}).get(place.attribute)
    if word == "learned" and _changes_nothing(context, tensor):
        because = f"{place}: adds nothing, or multiplies everything by 1: it was not learned"
        return Classification(Role.CONSTANT, RuleId.IDENTITY_ATTRIBUTE, because)
    if word is not None:
        return Classification(*_BY_WORD[word], str(place))
    if place.domain not in KNOWN_DOMAINS and tensor.dtype.is_float and tensor.count > 1:
        because = f"floating point in {place}, of a domain that no table knows: by type alone"
        return Classification(Role.PARAMETER, RuleId.UNKNOWN_OPERATOR, because)
    return Classification(Role.CONSTANT, RuleId.OPERATOR_ATTRIBUTE, str(place))


def _changes_nothing(context: Context, tensor: StoredTensor) -> bool:
    """Whether an attribute represents what the estimator does not have: offsets of zero, scales of
    one, a zero for each of many targets.
    """
    place = tensor.place
    if (place.op_type, place.attribute) not in _FILLED or place.node is None:
        return False
    attributes = context.model.graphs[place.graph].nodes[place.node].read_attributes()
    values, targets = attributes.get(place.attribute), attributes.get("targets")
    if not isinstance(values, list) or not values:
        return False
    if place.op_type == "LinearRegressor":
        return isinstance(targets, int) and len(values) != targets and not any(values)
    neutral = place.attribute == "scale"
    return all(value == neutral for value in values)
