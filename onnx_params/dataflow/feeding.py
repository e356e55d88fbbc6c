"""Say which layer's result a product takes as its input, behind what a factor for each channel
passes through: a positive one changes nothing but itself there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.walk import MAX_HOPS, MAX_USES, stored_behind
from onnx_params.operators.record import Kind
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

# f(s x) = s f(x) for positive s; quantization holds within its range
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
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Transpose",
        "QuantizeLinear",
        "DequantizeLinear",
        "Resize",
        "Upsample",
    }
)


_ASKED: Final = frozenset({"Shape", "Size"})  # of a value's shape alone


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


def feeds(model: Model, weight: StoredTensor) -> set[Key] | None:
    """The stored weights of all products that take the result of the layer, or the norm, that uses
    ``weight``; ``None`` where something else takes it too, or the graph returns it.
    """
    todo = [
        (consumer.graph, consumer.node.outputs[0])
        for consumer in consumers(model, weight)
        if consumer.node.outputs
    ]
    seen: set[Key] = set()
    found: set[Key] = set()
    while todo:
        key = todo.pop()
        if key in seen or len(seen) > MAX_USES:
            continue
        seen.add(key)
        for use in model.def_use.uses(key):
            if use.node is None:
                return None
            at = _At(use.graph, use.node)
            operator = schema(use.node.domain, use.node.op_type)
            if use.node.op_type in _ASKED:
                continue
            if operator is not None and operator.is_product and use.slot == 0:
                taken = _weight_of(model, at)
                if taken is None:
                    return None
                found.add(taken.key)
            elif use.slot == 0 and use.node.op_type in _COMMUTE or _is_bias_added(model, at):
                todo += [(use.graph, name) for name in use.node.outputs]
            else:
                return None
    return found


def _is_bias_added(model: Model, at: _At) -> bool:
    return at.node.op_type == "Add" and _stored_input(model, at) is not None


def _producer(model: Model, graph: str, name: str) -> _At | None:
    key: Key = model.def_use.resolve(graph, name)
    node = model.def_use.producer(key)
    return None if node is None else _At(key[0], node)


def _weight_of(model: Model, at: _At) -> StoredTensor | None:
    """What a layer or a norm multiplies by; of a product by hand, the stored factor."""
    operator = schema(at.node.domain, at.node.op_type)
    if operator is not None and (operator.is_product or operator.kind is Kind.NORM):
        slot = operator.weight_slot
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
