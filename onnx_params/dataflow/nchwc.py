"""Read convolutions that onnxruntime laid out in blocks of channels.

Blocks are 8 or 16 channels, and the last one is filled with zeros. Source: onnxruntime,
``core/optimizer/nchwc_transformer.cc``. ReorderOutput says how many channels are true; between two
blocked convolutions nothing does. Then the zeros at the end of the bias, or of the kernel's blocks,
are the filling: where blocks were concatenated, in the middle too.
"""

from __future__ import annotations

import math
from typing import Final
from weakref import WeakKeyDictionary

from onnx_params.containers.onnx.graph import DefUse, Model, Node
from onnx_params.dataflow.view import Logical, View
from onnx_params.errors import OnnxParamsError
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Key, Runs, Shape, Slice, Steps, Unblock
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
        if out is None and use.slot == 1:
            out = _outputs_of(tensor)
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
            ways = [
                block
                for block in BLOCKS
                if tensor.shape[0] % block == 0 and -(-out // block) * block == tensor.shape[0]
            ]
            runs = [inputs_of(model, tensor, block) for block in ways]
            entering = n_in(runs[0]) if runs else tensor.shape[1]
            # where both sizes of blocks fit, the file does not say which it was
            steps = block_steps(tensor.shape, out, runs[0], ways[0]) if len(ways) == 1 else None
            shape = (out, entering, *tensor.shape[2:])
            return Logical(shape, tensor.dtype.name, View.UNPADDED, steps)
    return None


# channels in a block. Source: onnxruntime, core/mlas/lib/platform.cpp: AVX-512, else AVX2 and NEON
BLOCKS: Final = (16, 8)


def block_steps(shape: Shape, out: int, inputs: Runs, block: int) -> Steps:
    """The steps from blocks of ``block`` channels to ``[out, in, h, w]``; ``inputs`` are the input
    channels that are no filling.
    """
    inner = block if shape[1] % block == 0 else 1
    cuts = [Slice(0, ((0, out),))] if out != shape[0] else []
    if n_in(inputs) != shape[1]:
        cuts.append(Slice(1, inputs))
    return (Unblock(block, inner), *cuts)


def n_in(runs: Runs) -> int:
    """How many channels are in runs."""
    return sum(stop - start for start, stop in runs)


# what was read of a model's kernels, which many ask for
_USED: WeakKeyDictionary[DefUse, dict[tuple[Key, int], Runs]] = WeakKeyDictionary()


def inputs_of(model: Model, tensor: StoredTensor, block: int) -> Runs:
    """The input channels of a blocked kernel that are no filling. Reads it where the graph does not
    say.
    """
    entering = tensor.shape[1]
    whole = ((0, entering),)
    if entering % block:
        return whole
    for use in model.def_use.uses(tensor.key):
        true = _channels_of(model, use.graph, use.node.inputs[0]) if use.node is not None else None
        if true:
            return ((0, min(entering, true)),)
    known = _USED.setdefault(model.def_use, {})
    if (tensor.key, block) not in known:
        known[tensor.key, block] = _used(tensor, block) or whole
    return known[tensor.key, block]


def _used(tensor: StoredTensor, block: int) -> Runs:
    """Runs of input channels of which each that ends before its block does is followed by zeros."""
    import numpy as np

    try:
        kernel = tensor.read(mapped=True)
    except OnnxParamsError:
        return ()
    outputs, inputs, *window = tensor.shape
    blocks = kernel.reshape(outputs // block, inputs // block, math.prod(window), block, block)
    is_used = blocks[0].any(axis=(1, 3))
    is_open = ~is_used[:, -1]  # a block may end in filling: look at all outputs of it
    is_used[is_open] = blocks[:, is_open].any(axis=(0, 2, 4))
    ends = [int(np.flatnonzero(row)[-1]) + 1 if row.any() else block for row in is_used]
    return _merged([(at * block, at * block + end) for at, end in enumerate(ends)])


def _merged(runs: list[tuple[int, int]]) -> Runs:
    """Runs with those made one that follow each other."""
    found: list[tuple[int, int]] = []
    for start, stop in runs:
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], stop
        else:
            found.append((start, stop))
    return tuple(found)


def _outputs_of(tensor: StoredTensor) -> int | None:
    """How many outputs of a blocked kernel are no filling, by the zeros at the end of the last
    block. Reads it: in blocks of another size than its own, it has no more filling.
    """
    found = [
        _n_outputs(tensor, block)
        for block in BLOCKS
        if len(tensor.shape) == 4 and tensor.count and tensor.shape[0] % block == 0
    ]
    return min((n for n in found if n is not None), default=None)


def _n_outputs(tensor: StoredTensor, block: int) -> int | None:
    """The same for one size of blocks; ``None`` where it cannot be read."""
    import numpy as np

    try:
        kernel = tensor.read(mapped=True)
    except OnnxParamsError:
        return None
    last = kernel.reshape(tensor.shape[0] // block, -1, block)[-1]
    used = np.flatnonzero(last.any(axis=0))
    filling = block - 1 - int(used[-1]) if used.size else 0
    return tensor.shape[0] - filling


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
