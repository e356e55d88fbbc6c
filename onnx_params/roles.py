"""Decide what each stored tensor is: ordered rules, the most specific first, the first that answers wins."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

from onnx_params.graph import Model, Use
from onnx_params.names.words import Words
from onnx_params.operators import PASS_THROUGH, slot_word
from onnx_params.tensors import StoredTensor

MAX_HOPS: Final = 16  # pass-through nodes looked through before a chain counts as unknown


class Role(enum.Enum):
    """What a stored tensor is."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    QUANTIZATION = "quantization"
    CONSTANT = "constant"


class Verdict(NamedTuple):
    """A role with the rule that said so and the reason in the model at hand."""

    role: Role
    rule: str
    because: str


# slot word -> (role, rule) for tensors with more than one element
_BY_WORD: Final = {
    "weight": (Role.PARAMETER, "weight-slot"),
    "bias": (Role.PARAMETER, "bias-slot"),
    "stat": (Role.BUFFER, "running-statistics-slot"),
    "state": (Role.BUFFER, "initial-state-slot"),
    "basis": (Role.BUFFER, "basis-slot"),
    "scale": (Role.QUANTIZATION, "scale-slot"),
    "zero": (Role.QUANTIZATION, "zero-point-slot"),
    "mask": (Role.BUFFER, "mask-slot"),
    "index": (Role.CONSTANT, "index-slot"),
}
_ELEMENTWISE: Final = frozenset({"Add", "Sub", "Mul", "Div"})


def classify(model: Model, words: Words) -> Iterator[tuple[StoredTensor, Verdict]]:
    """Yield every stored tensor of ``model`` once, in file order, with its verdict; ``words`` is what the exporter said."""
    for tensor in model.tensors:
        yield tensor, _verdict(model, words, tensor)


def _verdict(model: Model, words: Words, tensor: StoredTensor) -> Verdict:
    said = words.role_of(tensor.key)
    if said is not None:
        role, because = said
        return Verdict(role=Role(role), rule="exporter", because=because)
    if tensor.dtype.name == "string" or tensor.dtype.name == "bool":
        return Verdict(role=Role.CONSTANT, rule="no-number", because=f"elements are {tensor.dtype.name}")
    if tensor.place.node is not None and tensor.place.op_type != "Constant":
        return Verdict(role=Role.CONSTANT, rule="operator-attribute", because=f"{tensor.place}")
    uses = _through(model, tensor)
    for use, word in uses:
        if word in ("scale", "zero") and use.node is not None:
            return Verdict(role=Role.QUANTIZATION, rule=_BY_WORD[word][1], because=_because(use))
    if not tensor.count > 1:
        bias = next((use for use, word in uses if word in ("weight", "bias")), None)
        if bias is None or not tensor.count:
            return Verdict(role=Role.CONSTANT, rule="scalar", because=f"{tensor.count} element")
        return Verdict(role=Role.PARAMETER, rule="weight-slot", because=_because(bias))
    numeric = tensor.dtype.is_float or tensor.dtype.is_complex
    for use, word in uses:
        if word in ("weight", "bias") or (word in ("table", "operand") and (numeric or tensor.dtype.is_narrow_integer)):
            rule = _BY_WORD[word][1] if word in _BY_WORD else f"{word}-slot"
            return Verdict(role=Role.PARAMETER, rule=rule, because=_because(use))
    for use, word in uses:
        if word in _BY_WORD and use.node is not None:
            return Verdict(role=_BY_WORD[word][0], rule=_BY_WORD[word][1], because=_because(use))
    if not numeric:
        return Verdict(role=Role.CONSTANT, rule="integers", because=f"elements are {tensor.dtype.name}")
    for use, _ in uses:
        if use.node is not None and use.node.op_type in _ELEMENTWISE:
            if _feeds(model, use, "Softmax"):
                return Verdict(role=Role.BUFFER, rule="attention-mask", because=f"{_because(use)}, whose result goes to Softmax")
            return Verdict(role=Role.PARAMETER, rule="elementwise-float", because=_because(use))
    if not uses:
        return Verdict(role=Role.PARAMETER, rule="unused-float", because="floating point, and no node uses it")
    use = uses[0][0]
    return Verdict(role=Role.PARAMETER, rule="float-by-default", because=f"floating point with {tensor.count} elements, {_because(use)}")


def _because(use: Use) -> str:
    if use.node is None:
        return f"output {use.slot} of its graph"
    return f"input {use.slot} of {use.node.op_type} '{use.node.name or use.node.position}'"


def _through(model: Model, tensor: StoredTensor) -> list[tuple[Use, str | None]]:
    """Who consumes the tensor, looking through operators that only hand a value on."""
    wiring = model.wiring
    found: list[tuple[Use, str | None]] = []
    seen = {tensor.key}
    todo = [(tensor.key, 0)]
    while todo:
        key, hops = todo.pop()
        for use in wiring.uses(key):
            node = use.node
            if node is None:
                found.append((use, None))
                continue
            word = slot_word(node.domain, node.op_type, use.slot)
            if node.op_type in PASS_THROUGH and use.slot == 0 and hops < MAX_HOPS and node.outputs:
                following = (use.graph, node.outputs[0])
                if following not in seen:
                    seen.add(following)
                    todo.append((following, hops + 1))
                continue
            found.append((use, word))
    return found


def _feeds(model: Model, use: Use, op_type: str) -> bool:
    assert use.node is not None
    return any(after.node is not None and after.node.op_type == op_type for output in use.node.outputs for after in model.wiring.uses((use.graph, output)))
