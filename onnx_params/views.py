"""Say how a parameter lies in storage: its shape and element type as the operator that consumes it takes them.

Packed weights are bytes whose meaning stands in the attributes of the operator. Sources: onnxruntime, docs/ContribOperators.md
(MatMulNBits, MatMulBnb4, GatherBlockQuantized, QMoE).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, NamedTuple

from onnx_params.graph import AttributeValue, Model, Node
from onnx_params.tensors import Encoding, StoredTensor

Shape = tuple[int, ...]


class View(enum.Enum):
    """How a parameter lies in storage."""

    WHOLE = "whole"
    TRANSPOSED = "transposed"
    RESHAPED = "reshaped"
    UNPACKED = "unpacked"
    UNPADDED = "unpadded"
    MERGED = "merged"
    TIED = "tied"
    FOLDED = "folded"
    DROPPED = "dropped"
    SLICED = "sliced"
    UNKNOWN = "unknown"


class Logical(NamedTuple):
    """A stored tensor as its operator takes it."""

    shape: Shape
    dtype: str
    view: View


def _whole_number(attributes: dict[str, AttributeValue], name: str, default: int) -> int:
    value = attributes.get(name, default)
    return value if isinstance(value, int) and value >= 0 else default


def _matrix(shape: Shape, attributes: dict[str, AttributeValue]) -> tuple[Shape, int]:
    """K x N, whatever padding the last block of a column has."""
    return (_whole_number(attributes, "K", 0), _whole_number(attributes, "N", 0)), _whole_number(attributes, "bits", 4)


def _packed_rows(bits_name: str) -> Callable[[Shape, dict[str, AttributeValue]], tuple[Shape, int]]:
    def unpack(shape: Shape, attributes: dict[str, AttributeValue]) -> tuple[Shape, int]:
        bits = _whole_number(attributes, bits_name, 4)
        each = 8 // bits if bits in (1, 2, 4, 8) else 1
        return (*shape[:-1], shape[-1] * each), bits

    return unpack


_EXPERTS: Final = _packed_rows("expert_weight_bits")
# operator and slot of a uint8 tensor that packs a weight -> its true shape and bits
_PACKED: Final[dict[tuple[str, str, int], Callable[[Shape, dict[str, AttributeValue]], tuple[Shape, int]]]] = {
    ("com.microsoft", "MatMulNBits", 1): _matrix,
    ("com.microsoft", "MatMulBnb4", 1): _matrix,
    ("com.microsoft", "GatherBlockQuantized", 0): _packed_rows("bits"),
    ("com.microsoft", "QMoE", 2): _EXPERTS,
    ("com.microsoft", "QMoE", 5): _EXPERTS,
    ("com.microsoft", "QMoE", 8): _EXPERTS,
}


def logical(model: Model, tensor: StoredTensor) -> Logical:
    """The shape and type of a weight as its operator takes it; as stored where nothing says otherwise. Reads attributes of packed weights only."""
    if tensor.dtype.name == "uint8" and tensor.shape:
        for use in model.wiring.uses(tensor.key):
            row = None if use.node is None else _PACKED.get((use.node.domain, use.node.op_type, use.slot))
            if row is not None and use.node is not None:
                shape, bits = row(tensor.shape, use.node.read_attributes())
                # what the attributes say must fit into the bytes that are there: a K of 10^15 is no weight
                if 0 < bits <= 8 and _product(shape) * bits <= 8 * tensor.count and _product(shape):
                    return Logical(shape, f"uint{bits}", View.UNPACKED)
    if any(domain == _NCHWC for domain, _ in model.opsets):
        unblocked = _unblocked(model, tensor)
        if unblocked is not None:
            return unblocked
    return Logical(tensor.shape, tensor.dtype.name, View.WHOLE)


# -- channels in blocks ------------------------------------------------------------------------------------------------------------
# onnxruntime lays convolutions out in blocks of 8 or 16 channels and fills the last block with zeros. Source: onnxruntime,
# core/optimizer/nchwc_transformer.cc. ReorderOutput says how many channels are true; between two blocked convolutions nothing does, and
# the zeros at the end of the bias are counted instead.

_NCHWC: Final = "com.microsoft.nchwc"
_MAX_CHAIN: Final = 64  # nodes looked back through for the channels of an input


def _unblocked(model: Model, tensor: StoredTensor) -> Logical | None:
    for use in model.wiring.uses(tensor.key):
        node = use.node
        if node is None or node.domain != _NCHWC or node.op_type != "Conv":
            continue
        out = _true_channels(model, use.graph, node)
        if out is None or not tensor.shape or not 0 < out <= tensor.shape[0]:
            return None
        if use.slot == 2 and len(tensor.shape) == 1:
            return Logical((out,), tensor.dtype.name, View.UNPADDED)
        if use.slot == 1 and len(tensor.shape) == 4:
            entering = tensor.shape[1]
            if entering > 1:
                known = _channels_of(model, use.graph, node.inputs[0])
                entering = min(entering, known) if known else entering
            return Logical((out, entering, *tensor.shape[2:]), tensor.dtype.name, View.UNPADDED)
    return None


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
    bias = next((t for t in model.graphs[path].tensors if len(node.inputs) > 2 and t.name == node.inputs[2]), None)
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
