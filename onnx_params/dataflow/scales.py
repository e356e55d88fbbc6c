"""Find the scale and the zero point of a quantised weight, by the operators that take them.

Sources: onnx ``Operators.md`` (DequantizeLinear, QLinearMatMul, QLinearConv, MatMulInteger,
ConvInteger); onnxruntime ``ContribOperators.md`` (QGemm, QLinearAdd, DynamicQuantizeMatMul,
MatMulIntegerToFloat, QAttention, DynamicQuantizeLSTM). Where none of them stands there, names tell.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.tensors.steps import Dequantise
from onnx_params.tensors.stored import StoredTensor

MAX_USES: Final = 16  # uses of a value that are looked at
MAX_HOPS: Final = 3  # operators that hand a table on before it is dequantised: a lookup, a reshape


class _Beside(NamedTuple):
    """Slots of the scale and zero point of a weight, the axis along which there may be many;
    ``second`` is a further scale's slot.
    """

    scale: int
    zero: int
    axis: int
    second: int = -1


# operator and slot of the weight -> where its scale stands
_ROWS: Final[dict[tuple[str, str, int], _Beside]] = {
    ("", "DequantizeLinear", 0): _Beside(1, 2, 1),
    ("", "QLinearMatMul", 0): _Beside(1, 2, 0),
    ("", "QLinearMatMul", 3): _Beside(4, 5, -1),
    ("", "QLinearConv", 3): _Beside(4, 5, 0),
    ("", "QLinearConv", 8): _Beside(4, -1, 0, 1),
    ("com.microsoft", "DequantizeLinear", 0): _Beside(1, 2, 1),
    ("com.microsoft", "QGemm", 3): _Beside(4, 5, -1),
    ("com.microsoft", "QGemm", 6): _Beside(4, -1, 0, 1),
    ("com.microsoft", "QLinearAdd", 0): _Beside(1, 2, 0),
    ("com.microsoft", "QLinearAdd", 3): _Beside(4, 5, 0),
    ("com.microsoft", "QLinearMul", 0): _Beside(1, 2, 0),
    ("com.microsoft", "QLinearMul", 3): _Beside(4, 5, 0),
    ("com.microsoft", "DynamicQuantizeMatMul", 1): _Beside(2, 3, -1),
    ("com.microsoft", "MatMulIntegerToFloat", 1): _Beside(3, 5, -1),
    ("com.microsoft", "QAttention", 1): _Beside(4, 7, -1),
    ("com.microsoft", "DynamicQuantizeLSTM", 1): _Beside(8, 9, 2),
    ("com.microsoft", "DynamicQuantizeLSTM", 2): _Beside(10, 11, 2),
}
# slot of the zero point, axis
_INTEGER: Final = {
    ("MatMulInteger", 0): (2, 0),
    ("MatMulInteger", 1): (3, -1),
    ("ConvInteger", 1): (3, 0),
}
_HANDS_ON: Final = frozenset(
    {"Gather", "Reshape", "Transpose", "Slice", "Identity", "Squeeze", "Unsqueeze"}
)


def scale_of(model: Model, tensor: StoredTensor) -> Dequantise | None:
    """How to dequantise a stored tensor, or ``None`` where no operator that takes it says.

    Reads attributes of its consumers.
    """
    return _at(model, tensor.key, MAX_HOPS) or _by_name(model, tensor)


def _by_name(model: Model, tensor: StoredTensor) -> Dequantise | None:
    """onnxruntime's quantiser calls what it makes of ``w`` ``w_quantized``, ``w_scale`` and
    ``w_zero_point``, whatever takes them.

    Source: onnxruntime, ``quantization/base_quantizer.py``, quantize_initializer_impl.
    """
    base = tensor.name.removesuffix("_quantized")
    scale = model.held.get((tensor.place.graph, f"{base}_scale"))
    if base == tensor.name or scale is None or not scale.dtype.is_float:
        return None
    zero = (tensor.place.graph, f"{base}_zero_point")
    axes = [axis for axis, dim in enumerate(tensor.shape) if dim == scale.count]
    if scale.count > 1 and len(axes) != 1:
        return None
    return Dequantise(
        scale.key, zero if zero in model.held else None, axes[0] if scale.count > 1 else None
    )


def _at(model: Model, key: tuple[str, str], hops: int) -> Dequantise | None:
    for use in model.wiring.uses(key)[:MAX_USES]:
        node = use.node
        if node is None:
            continue
        row = _ROWS.get((node.domain, node.op_type, use.slot))
        if row is not None:
            found = _from_row(model, use, node, row)
        elif not node.domain and (node.op_type, use.slot) in _INTEGER:
            found = _after(model, use, node)
        elif (
            not node.domain
            and node.op_type in _HANDS_ON
            and use.slot == 0
            and node.outputs
            and hops
        ):
            found = _at(model, (use.graph, node.outputs[0]), hops - 1)
            found = (
                None
                if found is None
                else (
                    found._replace(axis=None)
                    if found.axis is not None and not found.block
                    else found
                )
            )
        elif not node.domain and node.op_type == "Cast" and node.outputs:
            found = _by_hand(model, (use.graph, node.outputs[0]))
        else:
            found = None
        if found is not None:
            return found
    return None


def _held(model: Model, graph: str, node: Node, slot: int) -> tuple[str, str] | None:
    """The key of the stored tensor in a slot, ``None`` where there is none."""
    if not 0 <= slot < len(node.inputs) or not node.inputs[slot]:
        return None
    key = model.wiring.resolve(graph, node.inputs[slot])
    return key if key in model.held else None


def _from_row(model: Model, use: Use, node: Node, row: _Beside) -> Dequantise | None:
    scale = _held(model, use.graph, node, row.scale)
    second = _held(model, use.graph, node, row.second) if row.second >= 0 else None
    if scale is None or (row.second >= 0 and second is None):
        return None
    axis, block = row.axis, 0
    if node.op_type in ("DequantizeLinear", "QGemm"):
        attributes = node.read_attributes()
        if node.op_type == "DequantizeLinear":
            stated, blocks = attributes.get("axis", 1), attributes.get("block_size", 0)
            axis, block = (
                stated if isinstance(stated, int) else 1,
                (blocks if isinstance(blocks, int) else 0),
            )
        elif attributes.get("transB") == 1 and use.slot == 3:
            axis = 0
    return Dequantise(scale, _held(model, use.graph, node, row.zero), axis, block, second)


def _after(model: Model, use: Use, node: Node) -> Dequantise | None:
    """MatMulInteger and ConvInteger give int32; a Cast, then a Mul by the product of both scales,
    makes floats of them.
    """
    zero_slot, axis = _INTEGER[node.op_type, use.slot]
    for cast in model.wiring.uses((use.graph, node.outputs[0]))[:MAX_USES] if node.outputs else ():
        if cast.node is None or cast.node.op_type != "Cast" or not cast.node.outputs:
            continue
        for by in model.wiring.uses((use.graph, cast.node.outputs[0]))[:MAX_USES]:
            if by.node is None or by.node.op_type != "Mul" or len(by.node.inputs) != 2:
                continue
            scale = _held(model, use.graph, by.node, 1 - by.slot)
            product = model.wiring.maker(
                model.wiring.resolve(use.graph, by.node.inputs[1 - by.slot])
            )
            if scale is None and product is not None and product.op_type == "Mul":
                # the product has the scales in the order of the inputs
                slots = (use.slot, 1 - use.slot) if use.slot else (0,)
                scale = next(
                    (
                        key
                        for slot in slots
                        if (key := _held(model, use.graph, product, slot)) is not None
                    ),
                    None,
                )
            if scale is not None:
                return Dequantise(scale, _held(model, use.graph, node, zero_slot), axis)
    return None


def _by_hand(model: Model, key: tuple[str, str]) -> Dequantise | None:
    """A Cast, a Sub of the zero point where there is one, a Mul by the scale."""
    zero = None
    for _ in range(2):
        for use in model.wiring.uses(key)[:MAX_USES]:
            node = use.node
            if (
                node is None
                or node.op_type not in ("Mul", "Sub")
                or len(node.inputs) != 2
                or not node.outputs
            ):
                continue
            other = _held(model, use.graph, node, 1 - use.slot)
            if other is None:
                continue
            if node.op_type == "Mul":
                return Dequantise(other, zero, 0)
            zero, key = other, (use.graph, node.outputs[0])
            break
        else:
            return None
    return None
