"""Unpack weights whose bytes mean what the attributes of their operator say.

Which inputs are packed is in the records of the operators (:mod:`onnx_params.operators`). Sources
of the layouts: onnxruntime, docs/ContribOperators.md (MatMulNBits, MatMulBnb4,
GatherBlockQuantized, QMoE).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue, Model, Node, Use
from onnx_params.operators.record import Packing, Unpacking
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import (
    SWAP,
    Dequantize,
    Key,
    Reshape,
    Shape,
    Slice,
    Step,
    Steps,
    Unpack,
    chain,
)
from onnx_params.tensors.stored import StoredTensor

Attributes = dict[str, AttributeValue]
DEFAULT_BITS: Final = 4
_BITS: Final = (2, 4, 8)  # widths whose layout is documented
_PER_BYTE: Final = {1: 8, 2: 4, 4: 2, 8: 1}


class Unpacked(NamedTuple):
    """The true shape of a packed weight, its bits, and the steps from its bytes; ``None`` where
    they are not known.
    """

    shape: Shape
    bits: int
    steps: Steps | None


def unpacked(model: Model, tensor: StoredTensor) -> Unpacked | None:
    """How a tensor is packed; ``None`` where no operator that uses it packs its input.

    Reads attributes.
    """
    if tensor.dtype.name != "uint8" or not tensor.shape:
        return None
    for use in model.def_use.uses(tensor.key):
        found = None if use.node is None else schema(use.node.domain, use.node.op_type)
        packing = None if found is None else found.packing.get(use.slot)
        if packing is None or use.node is None:
            continue
        made = _by_packing(model, use, use.node, tensor, packing)
        if made is not None:
            return made
    return None


def _by_packing(
    model: Model, use: Use, node: Node, tensor: StoredTensor, packing: Packing
) -> Unpacked | None:
    attributes = node.read_attributes()
    bits = _whole_number(attributes, packing.bits_attribute, DEFAULT_BITS)
    shape = _true_shape(tensor.shape, attributes, packing, bits)
    count = math.prod(shape)
    # what the attributes say must fit into the bytes that are there: a K of 10^15 is not a weight
    if not 0 < bits <= 8 or not count or count * bits > 8 * tensor.count:
        return None
    beside = _stored_inputs(model, use, node)
    if packing.steps is Unpacking.BLOCKS_OF_ROWS:
        return Unpacked(
            shape, bits, _rows_in_blocks(tensor, shape, bits, attributes, beside, packing)
        )
    if packing.steps is Unpacking.BLOCKS_OF_AXIS:
        return Unpacked(shape, bits, _axis_in_blocks(shape, bits, attributes, beside, packing))
    return Unpacked(shape, bits, None)


def _whole_number(attributes: Attributes, name: str, default: int) -> int:
    value = attributes.get(name, default)
    return value if isinstance(value, int) and value >= 0 else default


def _true_shape(shape: Shape, attributes: Attributes, packing: Packing, bits: int) -> Shape:
    """K x N by the attributes, whatever padding the last block of a column has; else as many
    elements as the bytes hold.
    """
    if not packing.by_rows:
        return _whole_number(attributes, "K", 0), _whole_number(attributes, "N", 0)
    return (*shape[:-1], shape[-1] * _PER_BYTE.get(bits, 1))


def _stored_inputs(model: Model, use: Use, node: Node) -> dict[int, Key]:
    """The inputs of a node that are stored, by slot."""
    keys = {
        slot: model.def_use.resolve(use.graph, name)
        for slot, name in enumerate(node.inputs)
        if name
    }
    return {slot: key for slot, key in keys.items() if key in model.stored}


def _rows_in_blocks(
    tensor: StoredTensor,
    shape: Shape,
    bits: int,
    attributes: Attributes,
    beside: dict[int, Key],
    packing: Packing,
) -> Steps | None:
    """``[N, blocks, bytes]`` to ``[K, N]``."""
    block = _whole_number(attributes, "block_size", 0)
    if len(tensor.shape) != 3 or bits not in _BITS or not block or packing.scale not in beside:
        return None
    k, n = shape
    padded = tensor.shape[1] * tensor.shape[2] * 8 // bits
    cut: tuple[Step, ...] = (Slice(1, ((0, k),)),) if padded != k else ()
    middle = 1 << (bits - 1)
    scale = Dequantize(
        beside[packing.scale], beside.get(packing.zero), 1, block, zero_bits=bits, offset=middle
    )
    return chain(Unpack(bits), Reshape((n, padded)), *cut, scale, SWAP)


def _axis_in_blocks(
    shape: Shape, bits: int, attributes: Attributes, beside: dict[int, Key], packing: Packing
) -> Steps | None:
    """A table whose last axis is packed, dequantized in blocks along ``quantize_axis``."""
    block = _whole_number(attributes, "block_size", 0)
    if bits not in _BITS or not block or packing.scale not in beside:
        return None
    axis = _whole_number(attributes, "quantize_axis", len(shape) - 1)
    offset = 1 << (bits - 1) if packing.zero not in beside else 0
    scale = Dequantize(
        beside[packing.scale], beside.get(packing.zero), axis, block, zero_bits=bits, offset=offset
    )
    return chain(Unpack(bits), scale)
