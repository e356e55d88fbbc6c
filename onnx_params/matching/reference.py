"""Prepare a reference: quantized layers as numbers, and of several sets of weights in one file the
one that the artifact was made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.quantized_checkpoint import dequantized
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.matching.probes import read_numbers
from onnx_params.tensors.stored import StoredTensor


class Prepared(NamedTuple):
    """A reference, and what is to be said of it."""

    checkpoint: Checkpoint
    notes: tuple[str, ...]


def prepared(checkpoint: Checkpoint, model: Model) -> Prepared:
    """The set of weights that agrees best with an artifact; the one that is meant where none
    does. Reads a few elements of each tensor.
    """
    if not checkpoint.others:
        return Prepared(dequantized(checkpoint), ())
    every = (replace(checkpoint, others=()), *checkpoint.others)
    agreement = _agreement(model)
    scores = [agreement(each) for each in every]
    best = max(range(len(every)), key=lambda at: (scores[at], -at))
    chosen = every[best]
    shown = ", ".join(f"'{each.part or 'the whole file'}'" for each in every[:4])
    note = f"the reference has {len(every)} sets of weights ({shown})"
    if best:
        note += f"; '{chosen.part or 'the whole file'}' agrees best with the artifact and was read"
    else:
        note += f"; '{chosen.part or 'the whole file'}' was read"
    return Prepared(dequantized(chosen), (note,))


def _agreement(model: Model) -> Callable[[Checkpoint], tuple[int, float, int]]:
    """A function that says how many tensors of a checkpoint are in an artifact by some of their
    elements, which share that is of those that are no buffers, and how many it has in all.
    """
    stored = {
        (_key(tensor, False))
        for graph in model.graphs.values()
        for tensor in graph.tensors
        if tensor.dtype.is_float
    }

    def score(checkpoint: Checkpoint) -> tuple[int, float, int]:
        found = sum(
            any(_key(tensor, turned) in stored for turned in (False, True))
            for tensor in checkpoint.tensors
            if tensor.dtype.is_float and tensor.count
        )
        n_learned = sum(not is_buffer_name(tensor.name) for tensor in checkpoint.tensors)
        return found, found / max(1, n_learned), len(checkpoint.tensors)

    return score


def _key(tensor: StoredTensor, turned: bool) -> tuple[object, ...]:
    """Shape and some numbers, as float32: a checkpoint may be in half precision."""
    numbers = read_numbers(tensor, turned) if len(tensor.shape) == 2 or not turned else None
    if numbers is None:
        return ()
    shape = tensor.shape[::-1] if turned else tensor.shape
    return shape, numbers.tobytes()
