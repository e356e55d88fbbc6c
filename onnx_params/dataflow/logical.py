"""Say how a parameter lies in storage: its shape and element type as the operator that consumes it
takes them.

Packed weights are bytes whose meaning stands in the attributes of the operator. Sources:
onnxruntime, docs/ContribOperators.md (MatMulNBits, MatMulBnb4, GatherBlockQuantized, QMoE).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue, Model, Node
from onnx_params.dataflow.scales import scale_of
from onnx_params.tensors.steps import (
    SWAP,
    Dequantise,
    Key,
    Permute,
    Reshape,
    Shape,
    Step,
    Steps,
    Take,
    Unblock,
    Unpack,
    chain,
)
from onnx_params.tensors.stored import Encoding, StoredTensor


class View(enum.Enum):
    """How a parameter lies in storage."""

    WHOLE = "whole"
    TRANSPOSED = "transposed"
    PERMUTED = "permuted"
    RESHAPED = "reshaped"
    PART = "part"
    REORDERED = "reordered"
    CAST = "cast"
    DEQUANTISED = "dequantised"
    UNPACKED = "unpacked"
    UNPADDED = "unpadded"
    MERGED = "merged"
    TIED = "tied"
    FOLDED = "folded"
    DROPPED = "dropped"
    SLICED = "sliced"
    CHANGED = "changed"
    UNKNOWN = "unknown"


# views under which every element of the parameter is in storage, so that its values can be had
HELD: Final = frozenset(
    {
        View.WHOLE,
        View.TRANSPOSED,
        View.PERMUTED,
        View.RESHAPED,
        View.PART,
        View.REORDERED,
        View.CAST,
        View.DEQUANTISED,
        View.UNPACKED,
        View.UNPADDED,
        View.MERGED,
        View.TIED,
    }
)


class Logical(NamedTuple):
    """A stored tensor as its operator takes it; ``steps`` lead there from storage, ``None`` where
    the file does not tell them.
    """

    shape: Shape
    dtype: str
    view: View
    steps: Steps | None = ()


def _whole_number(attributes: dict[str, AttributeValue], name: str, default: int) -> int:
    value = attributes.get(name, default)
    return value if isinstance(value, int) and value >= 0 else default


def _matrix(shape: Shape, attributes: dict[str, AttributeValue]) -> tuple[Shape, int]:
    """K x N, whatever padding the last block of a column has."""
    return (_whole_number(attributes, "K", 0), _whole_number(attributes, "N", 0)), _whole_number(
        attributes, "bits", 4
    )


def _packed_rows(bits_name: str) -> Callable[[Shape, dict[str, AttributeValue]], tuple[Shape, int]]:
    def unpack(shape: Shape, attributes: dict[str, AttributeValue]) -> tuple[Shape, int]:
        bits = _whole_number(attributes, bits_name, 4)
        each = 8 // bits if bits in (1, 2, 4, 8) else 1
        return (*shape[:-1], shape[-1] * each), bits

    return unpack


_EXPERTS: Final = _packed_rows("expert_weight_bits")
# operator and slot of a uint8 tensor that packs a weight -> its true shape and bits
_PACKED: Final[
    dict[tuple[str, str, int], Callable[[Shape, dict[str, AttributeValue]], tuple[Shape, int]]]
] = {
    ("com.microsoft", "MatMulNBits", 1): _matrix,
    ("com.microsoft", "MatMulBnb4", 1): _matrix,
    ("com.microsoft", "GatherBlockQuantized", 0): _packed_rows("bits"),
    ("com.microsoft", "QMoE", 2): _EXPERTS,
    ("com.microsoft", "QMoE", 5): _EXPERTS,
    ("com.microsoft", "QMoE", 8): _EXPERTS,
}


def logical(model: Model, tensor: StoredTensor) -> Logical:
    """The shape and type of a weight as its operator takes it; as stored where nothing says
    otherwise. Reads attributes of quantised weights only.
    """
    if tensor.dtype.is_narrow_integer or tensor.dtype.name in ("int32", "int16", "uint16"):
        return _integer(model, tensor)
    if tensor.dtype.bits and tensor.dtype.bits <= 8 and tensor.dtype.is_float:
        scale = scale_of(model, tensor)
        return Logical(
            tensor.shape,
            tensor.dtype.name,
            View.WHOLE if scale is None else View.DEQUANTISED,
            () if scale is None else (scale,),
        )
    if any(domain == _NCHWC for domain, _ in model.opsets):
        unblocked = _unblocked(model, tensor)
        if unblocked is not None:
            return unblocked
    return Logical(tensor.shape, tensor.dtype.name, View.WHOLE)


def _integer(model: Model, tensor: StoredTensor) -> Logical:
    uses = model.wiring.uses(tensor.key)
    for use in uses if tensor.dtype.name == "uint8" and tensor.shape else ():
        row = (
            None if use.node is None else _PACKED.get((use.node.domain, use.node.op_type, use.slot))
        )
        if row is not None and use.node is not None:
            attributes = use.node.read_attributes()
            shape, bits = row(tensor.shape, attributes)
            # what the attributes say must fit into the bytes that are there: a K of 10^15 is no
            # weight
            if 0 < bits <= 8 and _product(shape) * bits <= 8 * tensor.count and _product(shape):
                held = {
                    slot: model.wiring.resolve(use.graph, name)
                    for slot, name in enumerate(use.node.inputs)
                    if name
                }
                steps = _unpacking(
                    use.node,
                    tensor,
                    shape,
                    bits,
                    attributes,
                    {slot: key for slot, key in held.items() if key in model.held},
                )
                return Logical(shape, f"uint{bits}", View.UNPACKED, steps)
    scale = scale_of(model, tensor)
    if scale is None:
        return Logical(tensor.shape, tensor.dtype.name, View.WHOLE)
    if (
        any(use.node is not None and use.node.op_type == "DynamicQuantizeLSTM" for use in uses)
        and len(tensor.shape) == 3
    ):
        # stored [directions, in, 4 * hidden], where LSTM itself takes [directions, 4 * hidden, in]
        directions, entering, gates = tensor.shape
        return Logical(
            (directions, gates, entering),
            tensor.dtype.name,
            View.DEQUANTISED,
            (scale, Permute((0, 2, 1))),
        )
    return Logical(tensor.shape, tensor.dtype.name, View.DEQUANTISED, (scale,))


def _unpacking(
    node: Node,
    tensor: StoredTensor,
    shape: Shape,
    bits: int,
    attributes: dict[str, AttributeValue],
    held: dict[int, Key],
) -> Steps | None:
    """The steps from packed bytes to numbers; ``None`` for codes that are no integers (Bnb4's) and
    for layouts that are not known.
    """
    block = _whole_number(attributes, "block_size", 0)
    if (
        node.op_type == "MatMulNBits"
        and len(tensor.shape) == 3
        and bits in (2, 4, 8)
        and block
        and 2 in held
    ):
        k, n = shape
        padded = tensor.shape[1] * tensor.shape[2] * 8 // bits
        scale = Dequantise(held[2], held.get(3), 1, block, zero_bits=bits, offset=1 << (bits - 1))
        cut: tuple[Step, ...] = (Take(1, ((0, k),)),) if padded != k else ()
        return chain(Unpack(bits), Reshape((n, padded)), *cut, scale, SWAP)
    if node.op_type == "GatherBlockQuantized" and bits in (2, 4, 8) and block and 2 in held:
        axis = _whole_number(attributes, "quantize_axis", len(shape) - 1)
        offset = 1 << (bits - 1) if 3 not in held else 0
        return chain(
            Unpack(bits),
            Dequantise(held[2], held.get(3), axis, block, zero_bits=bits, offset=offset),
        )
    return None


# -- channels in blocks ------------------------------------------------------------------------------------------------------------
# onnxruntime lays convolutions out in blocks of 8 or 16 channels and fills the last block with
# zeros. Source: onnxruntime, core/optimizer/nchwc_transformer.cc. ReorderOutput says how many
# channels are true; between two blocked convolutions nothing does, and the zeros at the end of the
# bias are counted instead.

_NCHWC: Final = "com.microsoft.nchwc"
_MAX_CHAIN: Final = 64  # nodes looked back through for the channels of an input


def is_blocked(model: Model, tensor: StoredTensor) -> bool:
    """Whether a convolution in blocks of channels takes a tensor as its weight."""
    return any(
        use.node is not None
        and use.node.domain == _NCHWC
        and use.node.op_type == "Conv"
        and use.slot == 1
        for use in model.wiring.uses(tensor.key)
    )


def _unblocked(model: Model, tensor: StoredTensor) -> Logical | None:
    for use in model.wiring.uses(tensor.key):
        node = use.node
        if node is None or node.domain != _NCHWC or node.op_type != "Conv":
            continue
        out = _true_channels(model, use.graph, node)
        if out is None or not tensor.shape or not 0 < out <= tensor.shape[0]:
            return None
        if use.slot == 2 and len(tensor.shape) == 1:
            return Logical(
                (out,),
                tensor.dtype.name,
                View.UNPADDED,
                () if out == tensor.shape[0] else (Take(0, ((0, out),)),),
            )
        if use.slot == 1 and len(tensor.shape) == 4:
            entering = tensor.shape[1]
            if entering > 1:
                known = _channels_of(model, use.graph, node.inputs[0])
                entering = min(entering, known) if known else entering
            return Logical(
                (out, entering, *tensor.shape[2:]),
                tensor.dtype.name,
                View.UNPADDED,
                _unblocking(tensor.shape, out, entering),
            )
    return None


# channels in a block. Source: onnxruntime, core/mlas/lib/platform.cpp: AVX-512, else AVX2 and NEON
BLOCKS: Final = (16, 8)


def block_steps(shape: Shape, out: int, entering: int, block: int) -> Steps:
    """The steps from blocks of ``block`` channels to ``[out, entering, h, w]``."""
    inner = block if shape[1] % block == 0 else 1
    cuts = [
        Take(axis, ((0, true),)) for axis, true in enumerate((out, entering)) if shape[axis] != true
    ]
    return (Unblock(block, inner), *cuts)


def _unblocking(shape: Shape, out: int, entering: int) -> Steps | None:
    """The only way of reading the blocks, or ``None`` where both block sizes would fit: the file
    does not say which it was.
    """
    ways = [
        block for block in BLOCKS if shape[0] % block == 0 and -(-out // block) * block == shape[0]
    ]
    return block_steps(shape, out, entering, ways[0]) if len(ways) == 1 else None


def _channels_of(model: Model, path: str, name: str) -> int | None:
    for _ in range(_MAX_CHAIN):
        maker = model.wiring.maker(model.wiring.resolve(path, name))
        if maker is None or maker.domain != _NCHWC or not maker.inputs:
            return None
        if maker.op_type == "Conv":
            return _true_channels(model, path, maker)
        name = maker.inputs[0]  # a pool or an upsampling keeps channels
    return None


def _true_channels(model: Model, path: str, node: Node) -> int | None:
    for output in node.outputs:
        for use in model.wiring.uses((path, output)):
            if use.node is not None and use.node.op_type == "ReorderOutput":
                channels = use.node.read_attributes().get("channels")
                if isinstance(channels, int):
                    return channels
    bias = next(
        (
            t
            for t in model.graphs[path].tensors
            if len(node.inputs) > 2 and t.name == node.inputs[2]
        ),
        None,
    )
    if bias is None or bias.encoding is not Encoding.RAW or bias.dtype.bits != 32:
        return None
    values = bias.source.read(bias.spans[0].start, bias.spans[0].n_bytes)
    filled = values.rstrip(b"\0")
    return -(-len(filled) // 4) or bias.count


def _product(shape: Shape) -> int:
    product = 1
    for dim in shape:
        product *= dim
    return product
