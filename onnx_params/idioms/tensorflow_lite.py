"""Name what TensorFlow Lite's converter stored, which calls constants after the operators that it
fused them into: ``net/dense/MatMul;net/dense/Relu;net/dense/BiasAdd`` is the bias of ``net/dense``.

Kernels have no name of their own; the operators that take them have. Source: tf2onnx 1.17's output
for files of TensorFlow 2.21's ``TFLiteConverter``; tensorflow/compiler/mlir/lite, locations of
fused operators are joined by ``;``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import Consumer, consumers
from onnx_params.idioms import keras
from onnx_params.idioms.tensorflow import PRODUCTS, Described, Scopes, operations_in
from onnx_params.idioms.written import Written
from onnx_params.operators.record import Kind
from onnx_params.tensors.steps import Steps, shape_after

# what adds a bias, the likeliest first; what a norm ends with, whose numbers are in its layer's
_BIASES: Final = ("BiasAdd", "Add", "add")
_NORMS: Final = ("FusedBatchNormV3", "batchnorm/sub")


def described(model: Model, written: Written, scopes: Scopes) -> Described | None:
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


def _of_bias(written: Written, scopes: Scopes) -> Described | None:
    if ":" in written.name:  # a result of TensorFlow's, not a constant of the converter's
        return None
    operations = dict(operations_in(written.name))
    norm = _first(_NORMS, operations)
    if norm:
        return scopes.name(operations[norm], "beta"), written.shape, None
    bias = _first(_BIASES, operations)
    return (scopes.name(operations[bias], "bias"), written.shape, ()) if bias else None


def _of_kernel(consumer: Consumer, written: Written, scopes: Scopes) -> Described | None:
    operations = dict(operations_in(consumer.node.name))
    operator = _first(PRODUCTS, operations)
    if not operator:
        return None
    is_depthwise = operator.startswith("depthwise")
    if len(written.shape) == 2:
        steps: Steps | None = keras.matrix(consumer, written.shape)
    else:
        steps = keras.kernel(consumer.node, written.shape, is_depthwise)
    if steps is None:
        return None
    leaf = "depthwise_kernel" if is_depthwise and not scopes.are_counted else "kernel"
    shape = shape_after(written.shape, steps)
    is_folded = bool(_first(_NORMS, operations))
    return scopes.name(operations[operator], leaf), shape, None if is_folded else steps


def _first(operators: Iterable[str], operations: Mapping[str, str]) -> str:
    """The first of some operators that a name has; empty where it has none."""
    return next((each for each in operators if each in operations), "")
