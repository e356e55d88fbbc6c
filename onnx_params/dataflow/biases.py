"""Find the stored tensors that are added to a product: in its own slot, or after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import Consumer
from onnx_params.dataflow.walk import MAX_HOPS, MAX_USES, stored_behind
from onnx_params.operators.schemas import slot_word
from onnx_params.tensors.stored import StoredTensor

# between a product and the Add of its bias
_UNTIL_BIAS: Final = frozenset(
    {
        "Cast",
        "Mul",
        "Reshape",
        "DequantizeLinear",
        "QuantizeLinear",
        "Identity",
        "Squeeze",
        "Unsqueeze",
        "ReorderOutput",
    }
)
_ADDS: Final = {
    "Add": (0, 1),
    "BiasGelu": (1,),
    "FastGelu": (1,),
    "BiasAdd": (1,),
    "SkipLayerNormalization": (4,),
    "QLinearAdd": (0, 3),
}


def biases(model: Model, consumer: Consumer) -> Iterator[StoredTensor]:
    """Stored tensors in the bias slot of a product, or added to its result."""
    yield from in_bias_slot(model, consumer)
    yield from added(model, consumer.graph, consumer.node.outputs[:1])


def in_bias_slot(model: Model, consumer: Consumer) -> Iterator[StoredTensor]:
    """Stored tensors in the bias slot of a product."""
    for slot, name in enumerate(consumer.node.inputs):
        if (
            name
            and slot != consumer.slot
            and slot_word(consumer.node.domain, consumer.node.op_type, slot) == "bias"
        ):
            tensor = stored_behind(model, consumer.graph, name)
            if tensor is not None:
                yield tensor


def added(model: Model, graph: str, outputs: Iterable[str]) -> Iterator[StoredTensor]:
    """Stored tensors that are added to values, through casts, scales and reshapes."""
    todo = [(graph, output, 0) for output in outputs]
    seen = {(graph, output) for graph, output, _ in todo}
    while todo:
        graph, output, hops = todo.pop()
        for use in model.def_use.uses((graph, output))[:MAX_USES]:
            node = use.node
            if node is None:
                continue
            if node.op_type in _ADDS:
                for slot in _ADDS[node.op_type]:
                    if slot != use.slot and slot < len(node.inputs):
                        tensor = stored_behind(model, use.graph, node.inputs[slot])
                        if tensor is not None:
                            yield tensor
            elif (
                node.op_type in _UNTIL_BIAS
                and node.outputs
                and hops < MAX_HOPS
                and (use.graph, node.outputs[0]) not in seen
            ):
                seen.add((use.graph, node.outputs[0]))
                todo.append((use.graph, node.outputs[0], hops + 1))
