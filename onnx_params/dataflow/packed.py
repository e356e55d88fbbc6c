"""Unpack weights whose bytes mean what the attributes of their operator say.

Which inputs are packed is in the records of the operators (:mod:`onnx_params.operators`). Sources
of the layouts: onnxruntime, docs/ContribOperators.md (MatMulNBits, MatMulBnb4,
GatherBlockQuantized, QMoE).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue, Model, Node, Use
from onnx_params.operators.record import Packing, Unpacking
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import (
    SWAP,
    Dequantize,
    Key,
    Lookup,
    Permute,
    Reshape,
    Shape,
    Slice,
    Step,
    Steps,
    Unpack,
    chain,
    shape_after,
)
from onnx_params.tensors.stored import StoredTensor

Attributes = dict[str, AttributeValue]
DEFAULT_BITS: Final = 4
_BITS: Final = (2, 4, 8)  # widths whose layout is documented
_CODEBOOKS: Final = {0: "fp4", 1: "nf4"}  # quant_type of MatMulBnb4
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
    packed = _Packed(
        tensor=tensor,
        shape=shape,
        bits=bits,
        block=_whole_number(attributes, "block_size", 0),
        attributes=attributes,
        scale=_stored_input(model, use, node, packing.scale),
        zero=_stored_input(model, use, node, packing.zero),
        second=_stored_input(model, use, node, packing.second),
        groups=_stored_input(model, use, node, packing.groups),
    )
    is_known = bits in _BITS and not any(
        value and name not in packing.attributes for name, value in attributes.items()
    )
    to_steps = _TO_STEPS.get(packing.steps)
    steps = to_steps(packed) if is_known and to_steps is not None else None
    return Unpacked(shape if steps is None else shape_after(tensor.shape, steps), bits, steps)


@dataclass(frozen=True, kw_only=True)
class _Packed:
    """A packed tensor with what its operator says of it."""

    tensor: StoredTensor
    shape: Shape  # of the elements
    bits: int
    block: int  # elements that share a scale; 0 where nothing says so
    attributes: Attributes
    scale: Key | None
    zero: Key | None
    second: Key | None
    groups: Key | None


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


def _stored_input(model: Model, use: Use, node: Node, slot: int) -> Key | None:
    """The stored tensor in a slot of a node."""
    if not 0 <= slot < len(node.inputs) or not node.inputs[slot]:
        return None
    key = model.def_use.resolve(use.graph, node.inputs[slot])
    return key if key in model.stored else None


def _rows_in_blocks(packed: _Packed) -> Steps | None:
    """``[N, blocks, bytes]`` to ``[K, N]``."""
    tensor, bits = packed.tensor, packed.bits
    if len(tensor.shape) != 3 or not packed.block or packed.scale is None:
        return None
    k, n = packed.shape
    padded = tensor.shape[1] * tensor.shape[2] * 8 // bits
    cut: tuple[Step, ...] = (Slice(1, ((0, k),)),) if padded != k else ()
    scale = Dequantize(
        packed.scale,
        packed.zero,
        1,
        packed.block,
        zero_bits=bits,
        offset=1 << (bits - 1),
        groups=packed.groups,
    )
    return chain(Unpack(bits), Reshape((n, padded)), *cut, scale, SWAP)


def _axis_in_blocks(packed: _Packed) -> Steps | None:
    """A table whose last axis is packed, dequantized in blocks along ``quantize_axis``."""
    if not packed.block or packed.scale is None:
        return None
    axis = _whole_number(packed.attributes, "quantize_axis", len(packed.shape) - 1)
    offset = 1 << (packed.bits - 1) if packed.zero is None else 0
    scale = Dequantize(
        packed.scale, packed.zero, axis, packed.block, zero_bits=packed.bits, offset=offset
    )
    return chain(Unpack(packed.bits), scale)


def _experts(packed: _Packed) -> Steps | None:
    """``[experts, N, bytes]`` to ``[experts, N, K]``; codes are integers unless ``quant_type`` says
    otherwise.
    """
    if len(packed.shape) != 3 or packed.scale is None:
        return None
    codes = packed.attributes.get("quant_type", "int")
    if codes == "fp4":
        return _experts_of_codebook(packed, packed.scale)
    if codes not in ("int", ""):
        return None
    scale = Dequantize(
        packed.scale,
        packed.zero,
        2,
        packed.block or packed.shape[2],
        zero_bits=packed.bits,
        offset=1 << (packed.bits - 1),
    )
    return chain(Unpack(packed.bits), scale)


def _experts_of_codebook(packed: _Packed, scale: Key) -> Steps | None:
    """``[experts, K, bytes]`` of MXFP4 to ``[experts, N, K]``: blocks of K share an exponent, and
    each expert may have a scale more.
    """
    if packed.bits != 4 or not packed.block:
        return None
    of_all = () if packed.second is None else (Dequantize(packed.second, None, 0),)
    blocks = Dequantize(scale, None, 2, packed.block)
    return chain(Unpack(4), Permute((0, 2, 1)), Lookup("e2m1"), blocks, *of_all)


def _blocks_of_codebook(packed: _Packed) -> Steps | None:
    """``[N, bytes]`` of NVFP4: the scales of blocks are bytes of E4M3, and the whole has one."""
    if len(packed.shape) != 2 or packed.scale is None or not packed.block:
        return None
    blocks = Dequantize(
        packed.scale, None, 1, packed.block, packed.second, scale_type="float8_e4m3fn"
    )
    return chain(Unpack(4), Lookup("e2m1"), blocks)


def _codebook(packed: _Packed) -> Steps | None:
    """The bytes of the flattened ``[N, K]``, high bits first, to ``[K, N]``."""
    codebook = _CODEBOOKS.get(_whole_number(packed.attributes, "quant_type", -1))
    if codebook is None or packed.bits != 4 or not packed.block or packed.scale is None:
        return None
    k, n = packed.shape
    cut: tuple[Step, ...] = (Slice(0, ((0, n * k),)),) if packed.tensor.count * 2 != n * k else ()
    scale = Dequantize(packed.scale, None, 0, packed.block)
    flat = () if len(packed.tensor.shape) == 1 else (Reshape((packed.tensor.count,)),)
    return chain(
        *flat, Unpack(4, high_first=True), *cut, Lookup(codebook), scale, Reshape((n, k)), SWAP
    )


_TO_STEPS: Final[Mapping[Unpacking, Callable[[_Packed], Steps | None]]] = {
    Unpacking.BLOCKS_OF_ROWS: _rows_in_blocks,
    Unpacking.BLOCKS_OF_AXIS: _axis_in_blocks,
    Unpacking.EXPERTS: _experts,
    Unpacking.CODEBOOK: _codebook,
    Unpacking.BLOCKS_OF_CODEBOOK: _blocks_of_codebook,
}
