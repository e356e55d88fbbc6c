"""Distinguish what was computed from what was learned, by numbers, names and uses."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.logical import logical
from onnx_params.idioms.recurrent import GATES
from onnx_params.idioms.torchscript import is_result
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import coarse_type
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.evaluate import evaluate
from onnx_params.tensors.steps import Key, Placement, dequantizes
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import has_angles

MIN_REPEATS: Final = 2  # of each filter of a bank, on the average; of one alone as well
MAX_FILLER: Final = 4096  # elements; larger constants of one value are no fillers


MAX_WIDTH: Final = 65536  # of a layer
BITS_OF_WAVES: Final = 8  # of codes whose numbers still show that they are sines
OF_NUMBERS: Final = 5e-3
OF_CODES: Final = 15e-3  # half a step of 8 bits, of both
N_AXES: Final = (1, 2, 3, 4)  # of positions that tables of sines are made for


def is_unused(model: Model, key: Key) -> bool:
    """Whether no node takes a stored tensor; a checkpoint has no nodes, and uses all it holds."""
    if model.checkpoint is not None:
        return False
    place = model.stored[key].place
    return not model.def_use.uses(key) and (not place.op_type or place.op_type == "Constant")


def is_quantized(model: Model, key: Key) -> bool:
    return Candidate(model, model.stored[key], 0).is_quantized


def used_elements(model: Model, tensor: StoredTensor) -> int:
    """Elements of a stored tensor that its operator uses: without padding, packed ones each by
    itself.
    """
    return math.prod(logical(model, tensor).shape)


def is_computed(model: Model, tensor: StoredTensor) -> str:
    """Why a stored tensor was computed and not learned, as far as its numbers and its name
    tell; empty where they do not.
    """
    if tensor.encoding is Encoding.GENERATED:
        return "a node of the graph makes it, of one number"
    values = tensor.read()
    if values.size < MAX_FILLER and len(np.unique(values)) < 2 and not is_weight(model, tensor):
        return "all its numbers are the same: a constant that was computed, as far as is known"
    if is_fixed_filter(values):
        return "all its channels are the same filter: computed, not learned"
    if has_angles(tensor):
        return "a table of multiples of frequencies: computed, not learned"
    if is_wave_table(values) or is_wave_table(_dequantized(model, tensor), OF_CODES):
        return "a table of sines and cosines: computed, not learned"
    if is_result(tensor.name) and not is_weight(model, tensor):
        return "it bears the name of an operator's result: computed, as far as is known"
    return ""


def is_fixed_filter(values: np.ndarray) -> bool:
    """Whether a kernel does the same in every channel, as one that blurs, or has a few filters
    again and again, as a bank of wavelets for each channel: none is trained to.
    """
    if values.ndim < 3 or len(values) < 2 or values.shape[1] != 1:
        return False
    filters = values.reshape(len(values), -1)
    filters = filters[np.any(filters != filters[:, :1], axis=1)]
    n_different = len(np.unique(filters, axis=0))
    return len(filters) > 1 and len(filters) >= MIN_REPEATS * n_different


def n_zeros(tensor: StoredTensor) -> int:
    """How many elements are zero. Reads the tensor."""
    values = tensor.read()
    return values.size - int(np.count_nonzero(values))


def is_weight(model: Model, tensor: StoredTensor) -> bool:
    rank = len(tensor.shape)
    while rank > 2 and tensor.shape[-rank] == 1:  # of a batch of one matrix
        rank -= 1
    for consumer in consumers(model, tensor):
        is_layer = consumer.is_product or consumer.node.op_type in GATES
        is_there = consumer.word == "weight" or (consumer.word == "operand" and rank == 2)
        if rank >= 2 and is_layer and is_there:
            return True
    return False


def is_known_factor(factor: float) -> bool:
    """Whether networks multiply weights by such a number: an integer, its second or fourth root, or
    one over that.

    Embeddings are multiplied by the root of their width, queries divided by that of a head's, or
    queries and keys each by the fourth root.
    """
    powers = [factor**power for power in (2, 4, -2, -4)] if factor else []
    return any(
        0.5 < number < MAX_WIDTH and abs(number - round(number)) <= 1e-5 * number
        for number in powers
    )


def _dequantized(model: Model, tensor: StoredTensor) -> np.ndarray:
    """The numbers that codes of 8 bits or more stand for; none of others."""
    taken = logical(model, tensor)
    if taken.steps is None or not dequantizes(taken.steps) or tensor.dtype.bits < BITS_OF_WAVES:
        return np.zeros(0, np.float32)
    return evaluate(model.stored, Placement(tensor.key, taken.steps))


def is_wave_table(values: np.ndarray, room: float = OF_NUMBERS) -> bool:
    """Whether a table holds sines beside cosines of the same angles, in halves or in turns along
    its last axis; ``room`` is what the sum of their squares may be off from one.
    """
    if values.dtype.name == "bfloat16":
        values = values.astype(np.float32)
    if coarse_type(values):
        room = OF_CODES
    if (
        values.ndim < 2
        or values.dtype.kind != "f"
        or values.shape[-1] % 2
        or not values.size
        or float(np.abs(values[..., :2]).max()) > 1.01
    ):
        return False
    wide = values.astype(np.float64)
    half = values.shape[-1] // 2
    pairs = [(wide[..., ::2], wide[..., 1::2])]
    for n_axes in N_AXES:  # of positions, each with halves of its own
        if half % n_axes == 0:
            each = wide.reshape(*wide.shape[:-1], n_axes, 2, half // n_axes)
            pairs.append((each[..., 0, :], each[..., 1, :]))
    # the row of padding may be zero
    there = np.any(wide.reshape(-1, values.shape[-1]) != 0, axis=1)
    return bool(there.any()) and any(
        bool(np.allclose((one * one + two * two).reshape(len(there), -1)[there], 1, atol=room))
        for one, two in pairs
    )
