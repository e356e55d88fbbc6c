"""Find the biases in int32 whose scale is the product of two others: that of the layer's input and
that of its weight. They change where the weight's scale does.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from onnx_params.applying.codes import Codes, codes_in
from onnx_params.applying.shares import Share
from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.logical import logical
from onnx_params.tensors.steps import Key, dequantizes
from onnx_params.tensors.stored import StoredTensor

CLOSE: Final = 1e-4  # relative; how far a product may lie from what is stored of it
_LAYERS: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


class Follower(NamedTuple):
    """A bias; ``input_scale`` and ``weight_scale`` are set where its own scale is their product
    and is stored apart.
    """

    codes: Codes
    input_scale: Key | None = None
    weight_scale: Key | None = None


def followers(model: Model, wide: Sequence[Codes], changed: Container[Key]) -> Iterator[Follower]:
    """The biases that get new values, and those whose scale changes under them."""
    given = {each.key: each for each in wide}
    for tensor in model.tensors:
        if tensor.dtype.name != "int32":
            continue
        each = given.get(tensor.key) or _unchanged(model, tensor)
        if each is None:
            continue
        pair = _product(model, each)
        is_moved = each.step.scale in changed or (pair is not None and pair[1] in changed)
        if tensor.key not in given and not is_moved:
            continue
        yield Follower(each, *pair) if pair is not None and is_moved else Follower(each)


def _unchanged(model: Model, tensor: StoredTensor) -> Codes | None:
    """A bias that keeps its values."""
    steps = logical(model, tensor).steps
    if not steps or not dequantizes(steps):
        return None
    made = codes_in(tensor.key, [Share(tensor, steps)])
    return Codes(
        key=made.key, before=made.before, codebook="", step=made.step, more=made.more, shares=()
    )


def _product(model: Model, each: Codes) -> tuple[Key, Key] | None:
    """The scales of the input and the weight of the layer that takes a bias, where its own is their
    product.
    """
    for use in model.def_use.uses(each.key):
        node = use.node
        if node is None or node.op_type != "DequantizeLinear" or not node.outputs:
            continue
        for after in model.def_use.uses((use.graph, node.outputs[0])):
            pair = None if after.node is None else _scales(model, after.graph, after.node)
            if pair is not None and _is_product(model, each.step.scale, pair):
                return pair
    return None


def _scales(model: Model, graph: str, node: Node) -> tuple[Key, Key] | None:
    if node.op_type not in _LAYERS or len(node.inputs) < 3:
        return None
    found: list[Key] = []
    for name in node.inputs[:2]:
        producer = model.def_use.producer(model.def_use.resolve(graph, name))
        if producer is None or producer.op_type != "DequantizeLinear" or len(producer.inputs) < 2:
            return None
        found.append(model.def_use.resolve(graph, producer.inputs[1]))
    return (found[0], found[1]) if all(key in model.stored for key in found) else None


def _is_product(model: Model, scale: Key, pair: tuple[Key, Key]) -> bool:
    own, one, two = (
        model.stored[key].read().reshape(-1).astype(np.float64) for key in (scale, *pair)
    )
    if own.shape != two.shape or one.size != 1 or scale == pair[1]:
        return False
    return bool(np.allclose(own, one * two, rtol=CLOSE, atol=0))
