"""Say which steps lead from what ONNX operators take to how Keras lays its variables out.

Sources: keras/src/layers (kernels are [..., in, out], depthwise ones [..., in, multiplier]; gates
of an LSTM i, f, c, o, of a GRU z, r, h with both biases as two rows where ``reset_after``); the
schemas of LSTM (gates i, o, f, c), GRU (z, r, h) and RNN.
"""

from __future__ import annotations

from typing import Final

from onnx_params.containers.onnx.graph import Node
from onnx_params.dataflow.consumers import Consumer, as_torch
from onnx_params.operators.record import Kind
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import SWAP, Permute, Reshape, Shape, Slice, Step, Steps, shape_after

# [out, in, ...] -> [..., in, out]
TO_LAST: Final = {3: Permute((2, 1, 0)), 4: Permute((2, 3, 1, 0)), 5: Permute((2, 3, 4, 1, 0))}
# [in, multiplier, ...] -> [..., in, multiplier]
_DEPTHWISE: Final = {4: Permute((2, 3, 0, 1)), 3: Permute((2, 0, 1))}
CELLS: Final = {"LSTM": "lstm_cell", "GRU": "gru_cell", "RNN": "simple_rnn_cell"}
N_DIRECTIONS: Final = 2  # of a recurrent operator that runs both ways
LEAVES: Final = ("kernel", "recurrent_kernel", "bias")


def kernel(node: Node, shape: Shape, depthwise: bool) -> Steps | None:
    """The steps to the kernel of a convolution; ``None`` where the operator is none, or its groups
    do not fit.
    """
    operator = schema(node.domain, node.op_type)
    is_convolution = operator is not None and operator.kind is Kind.CONVOLUTION
    if not is_convolution or len(shape) not in TO_LAST:
        return None
    if not depthwise:
        return (TO_LAST[len(shape)],)
    groups = node.read_attributes().get("group", 1)
    if (
        not isinstance(groups, int)
        or groups < 1
        or shape[0] % groups
        or shape[1] != 1
        or len(shape) not in _DEPTHWISE
    ):
        return None
    split: tuple[Step, ...] = (
        () if shape[0] == groups else (Reshape((groups, shape[0] // groups, *shape[2:])),)
    )
    return (*split, _DEPTHWISE[len(shape)])


def folded(node: Node, shape: Shape) -> tuple[str, Shape]:
    """The word and the shape of Keras' kernel of which a convolution's weight was made with a norm:
    its numbers are others, its shape is its own.
    """
    depthwise = kernel(node, shape, True) if shape[1:2] == (1,) and shape[0] > 1 else None
    return "kernel" if depthwise is None else "depthwise_kernel", shape_after(
        shape, depthwise or kernel(node, shape, False) or ()
    )


def matrix(consumer: Consumer, shape: Shape) -> Steps:
    """The steps to a kernel ``[in, out]`` from the matrix that a product takes."""
    return () if as_torch(consumer, shape) else (SWAP,)


def cells(node: Node, slot: int, shape: Shape) -> list[tuple[str, Steps]]:
    """What ``cell`` gives for each direction, the one that runs forward first; none where the shape
    is not a recurrent operator's.
    """
    runs_both_ways = len(shape) > 1 and shape[0] == N_DIRECTIONS
    made = cell(node, slot, (1, *shape[1:]) if runs_both_ways else shape)
    if made is None:
        return []
    if not runs_both_ways:
        return [made]
    leaf, steps = made
    return [(leaf, (Slice(0, ((at, at + 1),)), *steps)) for at in range(N_DIRECTIONS)]


def cell(node: Node, slot: int, shape: Shape) -> tuple[str, Steps] | None:
    """The word of Keras' for input 1, 2 or 3 of a recurrent operator with one direction, and the
    steps to it.
    """
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}.get(node.op_type)
    if (
        gates is None
        or slot not in (1, 2, 3)
        or len(shape) != (2 if slot == 3 else 3)
        or shape[0] != 1
    ):
        return None
    rows = shape[1] if slot < 3 else shape[1] // 2
    units = rows // gates
    if not units or rows != gates * units:
        return None
    leaf = LEAVES[slot - 1]
    if slot == 3 and node.op_type == "GRU" and node.read_attributes().get("linear_before_reset"):
        return leaf, (Reshape((2, rows)),)
    runs = (
        ((0, units), (2 * units, 4 * units), (units, 2 * units))
        if node.op_type == "LSTM"
        else ((0, rows),)
    )
    taken: tuple[Step, ...] = (Slice(0, runs),) if node.op_type == "LSTM" or slot == 3 else ()
    return leaf, (Reshape(shape[1:]), *taken, *(() if slot == 3 else (SWAP,)))
