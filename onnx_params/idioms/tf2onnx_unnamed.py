"""Name what tf2onnx stored without a name, after constant folding: from the operator that takes it,
by that operator's own name, its bias's, or its initial state's.

Sources: as for ``onnx_params.idioms.tf2onnx``.
"""

from __future__ import annotations

import re
from typing import Final

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import Consumer, consumers
from onnx_params.idioms import keras
from onnx_params.tensors.steps import Permute, Reshape, Shape, Steps, shape_after, without_ones
from onnx_params.tensors.stored import StoredTensor

MAX_HOPS: Final = 6  # nodes before an initial state
COUNTER: Final = re.compile(r"_\d+$")
_CALLED: Final = "/StatefulPartitionedCall"

# a name, the shape that Keras gives, and the steps to it; None where the numbers were computed
Described = tuple[str, Shape, Steps | None]


def path_of(scope: str) -> str:
    """A scope without its counters."""
    return "/".join(COUNTER.sub("", part) for part in scope.split("/"))


def by_consumer(model: Model, tensor: StoredTensor) -> Described | None:
    """The first description that an operator which takes the tensor gives."""
    for consumer in consumers(model, tensor):
        described = _by_operator(model, tensor, consumer)
        if described is not None:
            return described
    return None


def _by_operator(model: Model, tensor: StoredTensor, consumer: Consumer) -> Described | None:
    node, slot = consumer.node, consumer.slot
    if node.op_type in keras.CELLS and slot in (1, 2, 3):
        return _of_cell_operator(model, node, tensor, slot)
    if node.op_type == "Conv" and slot == 1:
        return _of_convolution(node, tensor)
    if node.op_type == "Add":
        return _of_addition(node, tensor)
    return None


def _of_convolution(node: Node, tensor: StoredTensor) -> Described | None:
    if node.name.endswith("/depthwise"):
        steps = keras.kernel(node, tensor.shape, True)
        if steps is not None:
            name = _depthwise(node.name.removesuffix("/depthwise"))
            return name, shape_after(tensor.shape, steps), steps
    if len(tensor.shape) != 4:
        return None
    bias = next((name for name in node.inputs[2:3] if name.endswith("/Squeeze:0")), "")
    if not bias:
        return None
    to_last = Permute((2, 3, 0, 1)) if tensor.shape[1] == 1 else keras.TO_LAST[4]
    name = f"{path_of(bias.removesuffix('/Squeeze:0'))}/kernel"
    return name, shape_after(tensor.shape, (to_last,)), (to_last,)


def _of_addition(node: Node, tensor: StoredTensor) -> Described | None:
    size = without_ones(tensor.shape)
    if len(size) != 1:
        return None
    norm, is_norm, _ = node.name.partition("/batchnorm/")
    if is_norm:
        return f"{path_of(norm)}/beta", size, None
    if node.name.endswith("/BiasAdd"):
        return f"{path_of(node.name.removesuffix('/BiasAdd'))}/bias", size, (Reshape(size),)
    return None


def _depthwise(scope: str) -> str:
    """The name of a depthwise kernel:

    Keras 3, whose scopes have counters throughout, calls it ``kernel`` where it is the layer's only
    one.
    """
    layer = scope.removesuffix("/separable_conv2d")
    only = layer == scope and all(COUNTER.search(part) for part in scope.split("/"))
    return f"{path_of(layer)}/{'kernel' if only else 'depthwise_kernel'}"


def _scope_behind(model: Model, name: str) -> str:
    """The scope of the nearest node before a value that has one."""
    for _ in range(MAX_HOPS):
        producer = model.def_use.producer(model.def_use.resolve("", name))
        if producer is None:
            return ""
        if "/" in producer.name:
            return producer.name.rpartition("/")[0]
        if not producer.inputs or not producer.inputs[0]:
            return ""
        name = producer.inputs[0]
    return ""


def _of_cell_operator(
    model: Model, node: Node, tensor: StoredTensor, slot: int
) -> Described | None:
    """Keras' variable out of what a recurrent operator takes; the layer's path by its initial
    state's name, or its input's.
    """
    made = keras.cell(node, slot, tensor.shape)
    # the function that ran it in tf.keras 2; its initial state may be another layer's too
    called = _CALLED in node.inputs[0]
    names = node.inputs[:1] if called else [*node.inputs[5:7], *node.inputs[:1]]
    scope = next((scope for name in names if name and (scope := _scope_behind(model, name))), "")
    scope = scope.partition(_CALLED)[0].removesuffix("/zeros")
    if made is None or not scope:
        return None
    leaf, steps = made
    return (
        f"{path_of(scope)}/{keras.CELLS[node.op_type]}/{leaf}",
        shape_after(tensor.shape, steps),
        steps,
    )
