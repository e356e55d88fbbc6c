"""Say which operator takes a stored tensor, looking through what only hands it on, and how torch's
Linear had what it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.operators.schemas import slot_word
from onnx_params.tensors.steps import SWAP, Step
from onnx_params.tensors.stored import StoredTensor

MAX_HOPS: Final = 6  # operators that hand a tensor on before one takes it
# uses of a value that are looked at; a weight that more take is told by the first of them
MAX_USES: Final = 16
_HANDS_ON: Final = frozenset(
    {
        "DequantizeLinear",
        "QuantizeLinear",
        "Cast",
        "Identity",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Reshape",
    }
)
# operators that take ``[in, out]`` where torch's Linear has ``[out, in]``; those whose transB is
# set take it as it is
MATRIX_PRODUCTS: Final = frozenset(
    {
        "MatMul",
        "Gemm",
        "FusedMatMul",
        "FusedGemm",
        "MatMulInteger",
        "QLinearMatMul",
        "QGemm",
        "DynamicQuantizeMatMul",
        "MatMulIntegerToFloat",
        "MatMulNBits",
    }
)
PRODUCTS: Final = MATRIX_PRODUCTS | {
    "Conv",
    "ConvTranspose",
    "ConvInteger",
    "QLinearConv",
    "FusedConv",
    "NhwcConv",
}


class Taker(NamedTuple):
    """The operator that takes a stored tensor, its slot's word, and whether a Transpose stands
    between them.
    """

    graph: str
    node: Node
    slot: int
    word: str | None
    turned: bool


def takers(model: Model, tensor: StoredTensor) -> Iterator[Taker]:
    """Who takes a stored tensor, looking through what only hands it on."""
    uses = model.wiring.uses(tensor.key)
    # nearly all
    if len(uses) == 1 and (node := uses[0].node) is not None and node.op_type not in _HANDS_ON:
        yield Taker(
            uses[0].graph,
            node,
            uses[0].slot,
            slot_word(node.domain, node.op_type, uses[0].slot),
            False,
        )
        return
    todo = [(tensor.key, False, 0)]
    seen = {tensor.key}
    while todo:
        key, turned, hops = todo.pop()
        for use in model.wiring.uses(key)[:MAX_USES]:
            node = use.node
            if node is None:
                continue
            if (
                node.op_type in _HANDS_ON
                and not node.domain
                and use.slot == 0
                and node.outputs
                and hops < MAX_HOPS
            ):
                flips = node.op_type == "Transpose" and len(tensor.shape) == 2
                onward = use.graph, node.outputs[0]
                if onward not in seen:
                    seen.add(onward)
                    todo.append((onward, turned ^ flips, hops + 1))
            else:
                yield Taker(
                    use.graph,
                    node,
                    use.slot,
                    slot_word(node.domain, node.op_type, use.slot),
                    turned,
                )


def as_torch(taker: Taker, tensor: StoredTensor) -> tuple[Step, ...]:
    """The step from what a matrix product takes to torch's ``[out, in]``: the name was lost when
    the exporter transposed it.
    """
    if taker.node.op_type not in MATRIX_PRODUCTS or taker.turned:
        return ()
    if taker.node.op_type != "MatMulNBits" and len(tensor.shape) != 2:
        return ()
    flag = (
        taker.node.read_attributes().get("transB")
        if taker.node.op_type in ("Gemm", "FusedMatMul", "FusedGemm", "QGemm")
        else 0
    )
    return () if flag else (SWAP,)
