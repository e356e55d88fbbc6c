"""Say how a parameter lies in storage: its shape and element type as the operator that consumes it takes them.

Packed weights are bytes whose meaning stands in the attributes of the operator. Sources: onnxruntime, docs/ContribOperators.md
(MatMulNBits, MatMulBnb4, GatherBlockQuantized, QMoE).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, NamedTuple

from onnx_params.graph import AttributeValue, Model
from onnx_params.tensors import StoredTensor

Shape = tuple[int, ...]


class View(enum.Enum):
    """How a parameter lies in storage."""

    WHOLE = "whole"
    TRANSPOSED = "transposed"
    RESHAPED = "reshaped"
    UNPACKED = "unpacked"
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
    return Logical(tensor.shape, tensor.dtype.name, View.WHOLE)


def _product(shape: Shape) -> int:
    product = 1
    for dim in shape:
        product *= dim
    return product
