"""Lay an artifact's convolutions out in blocks of another number of channels, as onnxruntime does
on another processor.

onnxruntime optimizes for the processor that it runs on: blocks are 16 channels with AVX-512 and 8
without. Source: onnxruntime, ``core/optimizer/nchwc_transformer.cc`` and
``core/mlas/lib/reorder.cpp``.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

NCHWC = "com.microsoft.nchwc"


def reblocked(model: onnx.ModelProto, block: int) -> onnx.ModelProto:
    """A copy of the model whose blocked convolutions have blocks of ``block`` channels, whatever
    they had.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    held = {tensor.name: tensor for tensor in made.graph.initializer}
    for node in made.graph.node:
        if node.domain != NCHWC or node.op_type != "Conv":
            continue
        values = numpy_helper.to_array(held[node.input[1]])
        old = 16 if values.shape[0] % 16 == 0 else 8
        held[node.input[1]].CopyFrom(
            numpy_helper.from_array(_weight(values, old, block), node.input[1])
        )
        if len(node.input) > 2 and node.input[2]:
            bias = _padded(_stripped(numpy_helper.to_array(held[node.input[2]]), 0), 0, block)
            held[node.input[2]].CopyFrom(numpy_helper.from_array(bias, node.input[2]))
    return made


def _weight(values: np.ndarray, old: int, new: int) -> np.ndarray:
    """``[out, in, h, w]`` whose elements lie in blocks of ``old`` channels, in blocks of ``new``
    ones.
    """
    outputs, inputs, height, width = values.shape
    inner = old if inputs % old == 0 else 1
    blocks = values.reshape(outputs // old, inputs // inner, height, width, inner, old)
    plain = blocks.transpose(0, 5, 1, 4, 2, 3).reshape(values.shape)
    plain = _padded(_stripped(plain, 0), 0, new)
    if inner > 1:
        plain = _padded(_stripped(plain, 1), 1, new)
    outputs, inputs = plain.shape[:2]
    inner = new if inner > 1 else 1
    split = plain.reshape(outputs // new, new, inputs // inner, inner, height, width)
    return np.ascontiguousarray(split.transpose(0, 2, 4, 5, 3, 1)).reshape(plain.shape)


def _stripped(values: np.ndarray, axis: int) -> np.ndarray:
    """Without the zeros at the end of an axis, which fill its last block."""
    others = tuple(each for each in range(values.ndim) if each != axis)
    filled = np.flatnonzero(values.any(axis=others) if others else values)
    return values.take(range(int(filled[-1]) + 1), axis)


def _padded(values: np.ndarray, axis: int, block: int) -> np.ndarray:
    """With zeros at the end of an axis, up to a whole number of blocks."""
    missing = -values.shape[axis] % block
    return np.pad(values, [(0, missing if each == axis else 0) for each in range(values.ndim)])
