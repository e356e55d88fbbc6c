"""Find the scale and the zero point of a quantized weight: by the operators that use it, else by
its name.

Which slots they stand in is in the records of the operators (:mod:`onnx_params.operators`).
"""

from __future__ import annotations

from collections.abc import Iterator

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.dataflow.walk import MAX_USES
from onnx_params.operators.record import AFTER, Passes, Scale
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import Dequantize, Key
from onnx_params.tensors.stored import StoredTensor

MAX_HOPS = 3  # operators between a table and its dequantization: a lookup, a reshape
# operators between codes and their dequantization: a lookup in a table, the narrow range of
# brevitas
_BETWEEN = frozenset({"Gather", "Clip"})
_INTEGER_PRODUCTS = frozenset({"ConvInteger", "MatMulInteger"})


def scale_of(model: Model, tensor: StoredTensor) -> Dequantize | None:
    """How to dequantize a stored tensor, or ``None`` where nothing says it.

    Reads attributes of its consumers.
    """
    return _by_consumer(model, tensor.key, tensor, MAX_HOPS) or _by_name(model, tensor)


def _by_name(model: Model, tensor: StoredTensor) -> Dequantize | None:
    """onnxruntime's quantizer calls what it makes of ``w`` ``w_quantized``, ``w_scale`` and
    ``w_zero_point``.

    Source: onnxruntime, ``quantization/base_quantizer.py``, quantize_initializer_impl.
    """
    base = tensor.name.removesuffix("_quantized")
    scale = model.stored.get((tensor.place.graph, f"{base}_scale"))
    if base == tensor.name or scale is None or not scale.dtype.is_float:
        return None
    zero = (tensor.place.graph, f"{base}_zero_point")
    axis = None
    if scale.count > 1:
        axes = [at for at, dim in enumerate(tensor.shape) if dim == scale.count]
        if len(axes) != 1:
            return None
        axis = axes[0]
    return Dequantize(scale.key, zero if zero in model.stored else None, axis)


def _by_consumer(model: Model, key: Key, tensor: StoredTensor, hops: int) -> Dequantize | None:
    for use in model.def_use.uses(key)[:MAX_USES]:
        found = None if use.node is None else _by_use(model, use, use.node, tensor, hops)
        if found is not None:
            return found
    return None


def _by_use(
    model: Model, use: Use, node: Node, tensor: StoredTensor, hops: int
) -> Dequantize | None:
    if node.op_type == "Add" and len(node.inputs) == 2 and tensor.dtype.name == "int32":
        return _added_to_product(model, use, node)
    operator = schema(node.domain, node.op_type)
    if operator is None:
        return None
    row = operator.scales.get(use.slot)
    if row is not None:
        if row.scale == AFTER:
            return _multiplied_after(model, use, node, row)
        return _beside(model, use, node, row, tensor)
    if not node.outputs:
        return None
    if node.op_type == "Cast":
        result = (use.graph, node.outputs[0])
        return _by_hand(model, result) or _after_product(model, result, tensor)
    is_passed = operator.passes in (Passes.WHOLE, Passes.PART) or node.op_type in _BETWEEN
    if not is_passed or use.slot != 0 or not hops:
        return None
    found = _by_consumer(model, (use.graph, node.outputs[0]), tensor, hops - 1)
    if found is None or found.axis is None or found.block or node.op_type == "Clip":
        return found
    if node.op_type == "Transpose" and len(tensor.shape) == 2:
        return found._replace(axis=1 - found.axis % 2)
    if node.op_type == "Reshape" and not _fits(tensor, model.stored[found.scale]):
        return None  # a scale for each block, into which the reshape cuts the tensor
    return found._replace(axis=None)  # the axis is one of what was passed on, not of what is stored


def _fits(tensor: StoredTensor, scale: StoredTensor) -> bool:
    """Whether a scale broadcasts to a tensor as it is stored."""
    pairs = zip(reversed(scale.shape), reversed(tensor.shape), strict=False)
    return len(scale.shape) <= len(tensor.shape) and all(one in (1, dim) for one, dim in pairs)


def _in_slot(model: Model, graph: str, node: Node, slot: int) -> Key | None:
    """The key of the stored tensor in a slot, ``None`` where there is none."""
    if not 0 <= slot < len(node.inputs) or not node.inputs[slot]:
        return None
    key = model.def_use.resolve(graph, node.inputs[slot])
    return key if key in model.stored else None


def _beside(
    model: Model, use: Use, node: Node, row: Scale, tensor: StoredTensor
) -> Dequantize | None:
    """The scale in another slot of the same node."""
    scale = _in_slot(model, use.graph, node, row.scale)
    second = _in_slot(model, use.graph, node, row.second)
    if scale is None or (row.second != AFTER and second is None):
        return None
    zero = _in_slot(model, use.graph, node, row.zero)
    axis, block = _axis_and_block(model, node, row, use.slot, tensor, scale)
    return Dequantize(scale, zero, axis, block, second)


def _axis_and_block(
    model: Model, node: Node, row: Scale, slot: int, tensor: StoredTensor, scale: Key
) -> tuple[int, int]:
    operator = schema(node.domain, node.op_type)
    assert operator is not None
    turned_by = operator.turned_by if slot == operator.weight else ""
    needs_attributes = row.axis_attribute or row.block_attribute or turned_by
    attributes = node.read_attributes() if needs_attributes else {}
    axis, block = row.axis, 0
    stated = attributes.get(row.axis_attribute)
    if isinstance(stated, int):
        axis = stated
    elif turned_by and attributes.get(turned_by) == 1:
        axis = 0
    blocks = attributes.get(row.block_attribute)
    if isinstance(blocks, int):
        block = blocks
    elif row.is_blocked:
        block = _block_by_shape(tensor, model.stored[scale], axis)
    return axis, block


def _block_by_shape(tensor: StoredTensor, scale: StoredTensor, axis: int) -> int:
    """How many elements share a scale, by how many scales there are along an axis; 0 where the
    shapes do not fit.
    """
    if len(scale.shape) != len(tensor.shape) or not -len(tensor.shape) <= axis < len(tensor.shape):
        return 0
    blocks = scale.shape[axis]
    return -(-tensor.shape[axis] // blocks) if blocks else 0


def _multiplied_after(model: Model, use: Use, node: Node, row: Scale) -> Dequantize | None:
    """MatMulInteger and ConvInteger give int32, to which a bias may be added; a Cast, then a Mul by
    the product of both scales, makes floats of them, or a DequantizeLinear.
    """
    for found in _scales_behind(model, use.graph, node):
        scale = _own_scale(model, use, found)
        if scale is not None:
            return Dequantize(scale, _in_slot(model, use.graph, node, row.zero), row.axis)
    return None


def _added_to_product(model: Model, use: Use, node: Node) -> Dequantize | None:
    """An int32 bias that is added to what MatMulInteger or ConvInteger gives has the product of
    both scales.
    """
    other = model.def_use.resolve(use.graph, node.inputs[1 - use.slot])
    producer = model.def_use.producer(other)
    if producer is None or producer.op_type not in _INTEGER_PRODUCTS:
        return None
    for found in _scales_behind(model, use.graph, producer):
        product = _product(model, found)
        if product is None:
            continue
        one, two = (_in_slot(model, found.graph, product, slot) for slot in (1, 0))
        if one is not None and two is not None:
            return Dequantize(one, None, 0, second=two)
    return None


def _scales_behind(model: Model, path: str, product: Node) -> Iterator[Use]:
    """Where floats are made of what an integer product gives: the use of its scale by a Mul behind
    a Cast, or by a DequantizeLinear; a bias may be added before.
    """
    uses = model.def_use.uses
    todo = [(path, output) for output in product.outputs[:1]]
    for key in todo:
        for after in uses(key)[:MAX_USES]:
            node = after.node
            if node is None or not node.outputs:
                continue
            if node.op_type == "Add" and len(todo) == 1:
                todo.append((path, node.outputs[0]))
            elif node.op_type == "DequantizeLinear" and len(node.inputs) > 1:
                yield Use(path, node, 1)
            elif node.op_type == "Cast":
                for times in uses((path, node.outputs[0]))[:MAX_USES]:
                    if times.node is not None and times.node.op_type == "Mul":
                        yield Use(path, times.node, 1 - times.slot)


def _own_scale(model: Model, use: Use, scale: Use) -> Key | None:
    """The weight's scale: as it is, or in a product of both scales, which has them in the order of
    the inputs.
    """
    assert scale.node is not None
    stored = _in_slot(model, scale.graph, scale.node, scale.slot)
    if stored is not None:
        return stored
    product = _product(model, scale)
    if product is None:
        return None
    slots = (use.slot, 1 - use.slot) if use.slot else (0,)
    found = (_in_slot(model, use.graph, product, slot) for slot in slots)
    return next((key for key in found if key is not None), None)


def _product(model: Model, scale: Use) -> Node | None:
    """The Mul of two scales that makes one."""
    assert scale.node is not None
    if scale.slot >= len(scale.node.inputs):
        return None
    key = model.def_use.resolve(scale.graph, scale.node.inputs[scale.slot])
    product = model.def_use.producer(key)
    return product if product is not None and product.op_type == "Mul" else None


def _by_hand(model: Model, key: Key) -> Dequantize | None:
    """A Sub of the zero point where there is one, then a Mul by the scale."""
    zero: Key | None = None
    for _ in range(2):
        step = _arithmetic(model, key)
        if step is None:
            return None
        op_type, other, result = step
        if op_type == "Mul":
            return Dequantize(other, zero, 0)
        zero, key = other, result
    return None


def _after_product(model: Model, key: Key, tensor: StoredTensor) -> Dequantize | None:
    """A scale for each output, by which the result of a MatMul with codes as numbers is multiplied:
    torchao's weights of 8 bits.
    """
    for use in model.def_use.uses(key)[:MAX_USES]:
        node = use.node
        if node is None or (node.op_type, use.slot) != ("MatMul", 1) or not node.outputs:
            continue
        step = _arithmetic(model, (use.graph, node.outputs[0]))
        if step is not None and step[0] == "Mul":
            scale = model.stored[step[1]]
            if len(tensor.shape) == 2 and scale.shape in ((tensor.shape[0],), (tensor.shape[1],)):
                return Dequantize(scale.key, None, 1)
    return None


def _arithmetic(model: Model, key: Key) -> tuple[str, Key, Key] | None:
    """The first Mul or Sub of a value and a stored tensor: the operator, that tensor, the
    result.
    """
    for use in model.def_use.uses(key)[:MAX_USES]:
        node = use.node
        if node is None or node.op_type not in ("Mul", "Sub"):
            continue
        if len(node.inputs) != 2 or not node.outputs:
            continue
        other = _in_slot(model, use.graph, node, 1 - use.slot)
        if other is not None:
            return node.op_type, other, (use.graph, node.outputs[0])
    return None
