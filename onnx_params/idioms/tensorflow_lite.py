"""Name what TensorFlow Lite's converter stored, which calls constants after the operators that it
fused them into: ``net/dense/MatMul;net/dense/Relu;net/dense/BiasAdd`` is the bias of ``net/dense``.

Kernels have no name of their own; the operators that take them have. Source: tf2onnx 1.17's output
for files of TensorFlow 2.21's ``TFLiteConverter``; tensorflow/compiler/mlir/lite, locations of
fused operators are joined by ``;``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import Consumer, as_torch, consumers
from onnx_params.idioms import keras
from onnx_params.idioms.tensorflow import PRODUCTS, Scopes, operations_in
from onnx_params.idioms.written import Written
from onnx_params.operators.record import Kind
from onnx_params.tensors.steps import SWAP, Shape, Steps, shape_after

# what adds a bias; what a norm ends with, whose numbers are in those of its layer
_BIASES: Final = frozenset({"BiasAdd", "Add", "add"})
_NORMS: Final = frozenset({"FusedBatchNormV3", "batchnorm/sub"})
_JOINT: Final = ";"


def described(
    model: Model, written: Written, scopes: Scopes
) -> tuple[str, Shape, Steps | None] | None:
    """The name, the shape and the steps of a bias by its own name, or of a kernel by the name of
    the operator that takes it.
    """
    if len(written.shape) == 1:
        return _of_bias(written, scopes)
    for consumer in consumers(model, written.stored):
        kind = consumer.operator.kind if consumer.operator is not None else None
        if kind is Kind.CONVOLUTION or (kind is Kind.MATRIX and len(written.shape) == 2):
            return _of_kernel(consumer, written, scopes)
    return None


def is_joined(name: str) -> bool:
    """Whether a name is that of several operators."""
    return _JOINT in name


def _of_bias(written: Written, scopes: Scopes) -> tuple[str, Shape, Steps | None] | None:
    if ":" in written.name:  # a result of TensorFlow's, not a constant of the converter's
        return None
    operations = dict(_turned(written.name))
    for operator in _NORMS & operations.keys():
        return scopes.name(operations[operator], "beta"), written.shape, None
    for operator in _BIASES & operations.keys():
        return scopes.name(operations[operator], "bias"), written.shape, ()
    return None


def _of_kernel(
    consumer: Consumer, written: Written, scopes: Scopes
) -> tuple[str, Shape, Steps | None] | None:
    operations = dict(_turned(consumer.node.name))
    operator = next(iter(sorted(PRODUCTS & operations.keys())), "")
    if not operator:
        return None
    is_depthwise = operator.startswith("depthwise")
    if len(written.shape) == 2:
        steps: Steps | None = (SWAP,) if not as_torch(consumer, written.shape) else ()
    else:
        steps = keras.kernel(consumer.node, written.shape, is_depthwise)
    if steps is None:
        return None
    leaf = "depthwise_kernel" if is_depthwise and not scopes.are_counted else "kernel"
    shape = shape_after(written.shape, steps)
    is_folded = bool(_NORMS & operations.keys())
    return scopes.name(operations[operator], leaf), shape, None if is_folded else steps


def _turned(name: str) -> Iterator[tuple[str, str]]:
    """The operators of a name, each with its scope."""
    return ((operator, scope) for scope, operator in operations_in(name))
