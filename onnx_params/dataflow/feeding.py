"""Say which layer's result a product takes as its input, behind what a factor for each channel
passes through: a positive one changes nothing but itself there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.walk import MAX_HOPS, stored_behind
from onnx_params.operators.record import Kind
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

# f(s x) = s f(x) for positive s; Clip and quantization hold within their range
_COMMUTE: Final = frozenset(
    {
        "Relu",
        "LeakyRelu",
        "PRelu",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "ReduceMean",
        "Identity",
        "Cast",
        "Dropout",
        "Pad",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Transpose",
        "QuantizeLinear",
        "DequantizeLinear",
        "Clip",
        "Resize",
        "Upsample",
    }
)


class _At(NamedTuple):
    graph: str
    node: Node


def fed_by(model: Model, weight: StoredTensor) -> StoredTensor | None:
    """The stored weight of the layer, or of the norm, whose result the product takes that uses
    ``weight``; ``None`` where something else lies between them.
    """
    for consumer in consumers(model, weight):
        if not consumer.is_product:
            continue
        at = _producer(model, consumer.graph, consumer.node.inputs[0])
        for _ in range(MAX_HOPS):
            if at is None:
                return None
            found = _weight_of(model, at)
            if found is not None:
                return found
            name = _onward(model, at)
            at = _producer(model, at.graph, name) if name else None
    return None


def _producer(model: Model, graph: str, name: str) -> _At | None:
    key: Key = model.def_use.resolve(graph, name)
    node = model.def_use.producer(key)
    return None if node is None else _At(key[0], node)


def _weight_of(model: Model, at: _At) -> StoredTensor | None:
    """What a layer or a norm multiplies by; of a product by hand, the stored factor."""
    operator = schema(at.node.domain, at.node.op_type)
    if operator is not None and (operator.is_product or operator.kind is Kind.NORM):
        words = [operator.word(slot) for slot in range(len(at.node.inputs))]
        slots = [slot for slot, word in enumerate(words) if word == "weight"]
        slot = slots[0] if slots else operator.weight
        if slot is None or slot >= len(at.node.inputs):
            return None
        return stored_behind(model, at.graph, at.node.inputs[slot])
    return _stored_input(model, at) if at.node.op_type == "Mul" else None


def _onward(model: Model, at: _At) -> str:
    """The input through which a factor comes; empty where it would be changed."""
    if at.node.op_type in _COMMUTE and at.node.inputs:
        return at.node.inputs[0]
    if at.node.op_type != "Add" or _stored_input(model, at) is None:
        return ""
    others = [name for name in at.node.inputs if stored_behind(model, at.graph, name) is None]
    return others[0] if others else ""


def _stored_input(model: Model, at: _At) -> StoredTensor | None:
    """The stored tensor that an operator of two inputs takes."""
    every = (stored_behind(model, at.graph, name) for name in at.node.inputs)
    return next((each for each in every if each is not None), None)
