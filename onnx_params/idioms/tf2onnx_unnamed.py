"""Name what tf2onnx stored without a name, after constant folding: from the operator that takes it,
by that operator's own name, its bias's, or its initial state's.

Sources: as for ``onnx_params.idioms.tf2onnx``.
"""

from __future__ import annotations

import re
from typing import Final

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.biases import added, in_bias_slot
from onnx_params.dataflow.consumers import Consumer, consumers
from onnx_params.idioms import keras
from onnx_params.idioms.tensorflow import READ, Described, Scopes, is_joined, listed, without_calls
from onnx_params.idioms.written import Written, as_written
from onnx_params.operators.record import Kind
from onnx_params.tensors.steps import (
    Permute,
    Reshape,
    Shape,
    shape_after,
    without_ones,
)

MAX_HOPS: Final = 6  # nodes before an initial state
_QUANTIZED: Final = "_quant"  # onnxruntime, ``quantization/operators``: names of nodes
_ADDITIONS: Final = frozenset({"Add", "QLinearAdd"})
# a bias that Keras gave axes for its result. Source: keras/src/backend/tensorflow/nn.py
_SQUEEZED: Final = re.compile(r"^(?P<scope>[^;]+)/Squeeze(?::0|__\d+)$")
_ADDED: Final = re.compile(rf"^(?P<scope>[^;]+)/(?:BiasAdd|[Aa]dd)(?:/{READ})?(?::0|__\d+)?$")
_TRANSPOSITION: Final = "/transpose"  # of time to the front
# keras/src/layers/rnn/bidirectional.py: the names of the two layers
_FORWARD: Final = re.compile(r"/forward_")
_CALLED: Final = "/StatefulPartitionedCall"


def by_consumer(model: Model, written: Written, scopes: Scopes) -> list[Described]:
    """The descriptions that the first operator gives which takes the tensor and has any: two of
    what a recurrent operator that runs both ways has joined.
    """
    for consumer in consumers(model, written.stored):
        if consumer.node.op_type in keras.CELLS:
            several = _of_cell_operator(model, consumer, written, scopes)
        else:
            several = listed(_by_operator(model, written, consumer, scopes))
        if several:
            return several
    return []


def bias_of(model: Model, consumer: Consumer) -> Written | None:
    """The stored bias of a convolution, as it was written; ``None`` where it has none."""
    operator = consumer.operator
    if operator is None or operator.kind is not Kind.CONVOLUTION or consumer.word != "weight":
        return None
    bias = next(in_bias_slot(model, consumer), None)
    return None if bias is None else as_written(model, bias)


def _by_operator(
    model: Model, written: Written, consumer: Consumer, scopes: Scopes
) -> Described | None:
    if consumer.node.op_type in _ADDITIONS:
        return _of_addition(consumer.node, written, scopes)
    kind = consumer.operator.kind if consumer.operator is not None else None
    if kind is Kind.CONVOLUTION and consumer.word == "weight":
        return _of_convolution(model, consumer, written, scopes)
    if kind is Kind.MATRIX and len(written.shape) == 2:
        return _of_matrix(model, consumer, written, scopes)
    if kind is Kind.TABLE and consumer.word == "table":
        return written.name.removesuffix(":0"), written.shape, ()
    return None


def _of_matrix(
    model: Model, consumer: Consumer, written: Written, scopes: Scopes
) -> Described | None:
    """A kernel by the bias that is added to the product: of an einsum, of which tf2onnx makes a
    product without its name, with as many axes as the bias has.
    """
    stored = next(added(model, consumer.graph, consumer.node.outputs[:1]), None)
    bias = None if stored is None else as_written(model, stored)
    match = _ADDED.match(bias.name) if bias is not None else None
    if bias is None or match is None:
        return None
    turned = keras.matrix(consumer, written.shape)
    entering, leaving = shape_after(written.shape, turned)
    heads = scopes.heads(match["scope"], entering)
    if len(bias.shape) == 2 and bias.n_elements == leaving:
        shape: Shape = (entering, *bias.shape)
    elif consumer.node.op_type == "Gemm" and heads is not None:
        shape = (*heads, leaving)
    else:
        shape = (entering, leaving)
    steps = turned if len(shape) == 2 else (*turned, Reshape(shape))
    return scopes.name(match["scope"], "kernel"), shape, steps


def _of_convolution(
    model: Model, consumer: Consumer, written: Written, scopes: Scopes
) -> Described | None:
    if is_joined(consumer.node.name):
        return None
    scope, called, _ = _called(consumer.node).rpartition("/depthwise")
    if called:
        steps = keras.kernel(consumer.node, written.shape, True)
        if steps is not None:
            return _depthwise(scope, scopes), shape_after(written.shape, steps), steps
    bias = bias_of(model, consumer)
    layer = _SQUEEZED.match(bias.name) if bias is not None else None
    if len(written.shape) != 4 or layer is None:
        return None
    to_last = Permute((2, 3, 0, 1)) if written.shape[1] == 1 else keras.TO_LAST[4]
    name = scopes.name(layer["scope"], "kernel")
    return name, shape_after(written.shape, (to_last,)), (to_last,)


def _of_addition(node: Node, written: Written, scopes: Scopes) -> Described | None:
    size = without_ones(written.shape)
    if len(size) != 1:
        return None
    called = _called(node)
    norm, is_norm, _ = called.partition("/batchnorm/")
    if is_norm:
        return scopes.name(norm, "beta"), size, None
    if called.endswith("/BiasAdd"):
        return scopes.name(called.removesuffix("/BiasAdd"), "bias"), size, (Reshape(size),)
    return None


def _called(node: Node) -> str:
    """The name of a node before a quantizer's word."""
    return node.name.removesuffix(_QUANTIZED)


def _depthwise(scope: str, scopes: Scopes) -> str:
    """The name of a depthwise kernel: Keras 3 calls it ``kernel`` where it is the layer's only
    one.
    """
    layer = scope.removesuffix("/separable_conv2d")
    is_only = layer == scope and scopes.are_counted
    return scopes.name(layer, "kernel" if is_only else "depthwise_kernel")


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
    model: Model, consumer: Consumer, written: Written, scopes: Scopes
) -> list[Described]:
    """Keras' variables out of what a recurrent operator takes."""
    node = consumer.node
    made = keras.cells(node, consumer.slot, written.shape)
    scope = _scope_of_cell(model, node) if made else ""
    if not scope:
        return []
    ways = [scope] if len(made) == 1 else [scope, _FORWARD.sub("/backward_", scope)]
    cell = keras.CELLS[node.op_type]
    return [
        (scopes.name(f"{way}/{cell}", leaf), shape_after(written.shape, steps), steps)
        for way, (leaf, steps) in zip(ways, made, strict=True)
    ]


def _scope_of_cell(model: Model, node: Node) -> str:
    """The scope of the layer that a recurrent operator is: of the transposition before it, which is
    the layer's own, else of its initial state, which may be another layer's, or of its input.
    """
    entering = model.def_use.producer(model.def_use.resolve("", node.inputs[0]))
    if entering is not None and entering.name.endswith(_TRANSPOSITION):
        return _scope_of_layer(entering.name.removesuffix(_TRANSPOSITION))
    # the function that ran it in tf.keras 2
    called = _CALLED in node.inputs[0]
    names = node.inputs[:1] if called else [*node.inputs[5:7], *node.inputs[:1]]
    scope = next((scope for name in names if name and (scope := _scope_behind(model, name))), "")
    return _scope_of_layer(scope)


def _scope_of_layer(scope: str) -> str:
    """A scope without the function that tf.keras 2 calls in it, and without an initial state's."""
    return without_calls(scope).partition(_CALLED)[0].removesuffix("/zeros")
