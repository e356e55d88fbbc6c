"""List the weights that are in no file:

``ConstantOfShape`` of a constant shape, where what it makes stands in a weight's slot.

Models without their weights (the ``light_*`` networks that onnx ships) are written so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Graph, Model, Use
from onnx_params.dataflow.walk import ANYTHING, arrivals
from onnx_params.operators.record import Kind
from onnx_params.operators.schemas import schema
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Place, PlaceKind
from onnx_params.tensors.small import integers
from onnx_params.tensors.stored import StoredTensor

MAX_RANK: Final = 64  # numbers that are read as a shape
_WEIGHT_WORDS: Final = frozenset({"weight", "bias", "stat", "operand", "table"})


def expand(model: Model) -> Model:
    """The model with generated weights among its stored tensors; the same model where there are
    none.
    """
    found = {
        path: tuple(_made(model, graph))
        for path, graph in model.graphs.items()
        if any(node.op_type == "ConstantOfShape" for node in graph.nodes)
    }
    if not any(found.values()):
        return model
    graphs = {
        path: replace(graph, tensors=(*graph.tensors, *found.get(path, ())))
        for path, graph in model.graphs.items()
    }
    return replace(model, graphs=graphs)


def _made(model: Model, graph: Graph) -> Iterator[StoredTensor]:
    stored = {tensor.name: tensor for tensor in graph.tensors}
    values = {
        tensor.place.node: tensor
        for tensor in graph.tensors
        if tensor.place.op_type == "ConstantOfShape"
    }
    for node in graph.nodes:
        if (
            node.op_type != "ConstantOfShape"
            or node.domain
            or not node.inputs
            or not node.outputs
            or node.inputs[0] not in stored
        ):
            continue
        if (graph.path, node.outputs[0]) in model.computed_values:
            continue
        if not _feeds_a_weight(model, graph.path, node.outputs[0]):
            continue
        shape = integers(stored[node.inputs[0]], MAX_RANK)
        if shape is None or any(dim < 0 for dim in shape):
            continue
        value = values.get(node.position)
        yield StoredTensor(
            name=node.outputs[0],
            dtype=value.dtype if value is not None else BY_NAME["float32"],
            shape=shape,
            place=Place(kind=PlaceKind.GENERATED, graph=graph.path, node=node.position),
            encoding=Encoding.GENERATED,
            spans=(),
            source=graph.source,
        )


def _feeds_a_weight(model: Model, path: str, name: str) -> bool:
    for arrival in arrivals(model, (path, name), ANYTHING):
        use = arrival.use
        if use.node is None:
            continue
        operator = schema(use.node.domain, use.node.op_type)
        is_data = operator is not None and operator.kind is Kind.MATRIX and use.slot == 0
        if operator is not None and operator.word(use.slot) in _WEIGHT_WORDS and not is_data:
            return True
        if use.node.op_type in ("Mul", "Add") and _scales_a_norm(model, use):
            return True
    return False


def _scales_a_norm(model: Model, use: Use) -> bool:
    """Whether the other input is a batch norm's result, or that times something: a scale layer of
    its own, as in Caffe.
    """
    assert use.node is not None
    names = [name for slot, name in enumerate(use.node.inputs) if slot != use.slot]
    for name in names:
        producer = model.def_use.producer((use.graph, name))
        if producer is not None and producer.op_type == "Mul" and use.node.op_type == "Add":
            producers = [model.def_use.producer((use.graph, factor)) for factor in producer.inputs]
            if any(each is not None and each.op_type == "BatchNormalization" for each in producers):
                return True
        if producer is not None and producer.op_type == "BatchNormalization":
            return True
    return False
