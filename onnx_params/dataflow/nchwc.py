"""Read convolutions that onnxruntime laid out in blocks of channels.

Blocks are 8 or 16 channels, and the last one is filled with zeros. Source: onnxruntime,
``core/optimizer/nchwc_transformer.cc``. ReorderOutput says how many channels are true; between two
blocked convolutions nothing does, and the zeros at the end of the bias are counted instead.
"""

from __future__ import annotations

from typing import Final

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.view import Logical, View
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Shape, Slice, Steps, Unblock
from onnx_params.tensors.stored import StoredTensor

NCHWC: Final = "com.microsoft.nchwc"


_MAX_CHAIN: Final = 64  # nodes looked back through for the channels of an input


def is_blocked(model: Model, tensor: StoredTensor) -> bool:
    """Whether a convolution in blocks of channels takes a tensor as its weight."""
    return any(
        use.node is not None
        and use.node.domain == NCHWC
        and use.node.op_type == "Conv"
        and use.slot == 1
        for use in model.def_use.uses(tensor.key)
    )


def unblocked(model: Model, tensor: StoredTensor) -> Logical | None:
    for use in model.def_use.uses(tensor.key):
        node = use.node
        if node is None or node.domain != NCHWC or node.op_type != "Conv":
            continue
        out = _true_channels(model, use.graph, node)
        if out is None or not tensor.shape or not 0 < out <= tensor.shape[0]:
            return None
        if use.slot == 2 and len(tensor.shape) == 1:
            return Logical(
                (out,),
                tensor.dtype.name,
                View.UNPADDED,
                () if out == tensor.shape[0] else (Slice(0, ((0, out),)),),
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
        Slice(axis, ((0, true),))
        for axis, true in enumerate((out, entering))
        if shape[axis] != true
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
        producer = model.def_use.producer(model.def_use.resolve(path, name))
        if producer is None or producer.domain != NCHWC or not producer.inputs:
            return None
        if producer.op_type == "Conv":
            return _true_channels(model, path, producer)
        name = producer.inputs[0]  # a pool or an upsampling keeps channels
    return None


def _true_channels(model: Model, path: str, node: Node) -> int | None:
    for output in node.outputs:
        for use in model.def_use.uses((path, output)):
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
