"""Prepare a reference: quantized layers as numbers, and of several sets of weights in one file the
one that the artifact was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.quantized_checkpoint import dequantized
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.matching.probes import read_numbers
from onnx_params.tensors.stored import StoredTensor

CLEARLY: Final = 2  # times as many tensors that agree as of the next set
MAX_CONTENDERS: Final = 4


class Prepared(NamedTuple):
    """A reference, and what is to be said of it."""

    checkpoint: Checkpoint
    notes: tuple[str, ...]


def prepared(checkpoint: Checkpoint, model: Model) -> Prepared:
    """The set of weights that agrees best with an artifact; the one that is meant where none
    does. Reads a few elements of each tensor.
    """
    return contenders(checkpoint, model)[0]


def contenders(checkpoint: Checkpoint, model: Model) -> list[Prepared]:
    """The sets of weights that an artifact may have been made of, the likeliest first: one alone
    where samples of it agree with stored tensors far more often than those of any other. Of numbers
    that were rounded or computed anew samples say nothing. Reads a few elements of each tensor.
    """
    if not checkpoint.others:
        return [Prepared(dequantized(checkpoint), ())]
    every = (replace(checkpoint, others=()), *checkpoint.others)
    agreement = _agreement(model)
    scores = [agreement(each) for each in every]
    ranked = sorted(range(len(every)), key=lambda at: scores[at], reverse=True)
    best, second = (scores[at][0] for at in ranked[:2])
    ranked = ranked[: 1 if best > CLEARLY * second else MAX_CONTENDERS]
    return [Prepared(dequantized(every[at]), (_note(every, at),)) for at in ranked]


def _note(every: Sequence[Checkpoint], chosen: int) -> str:
    shown = ", ".join(f"'{each.part or 'the whole file'}'" for each in every[:4])
    name = every[chosen].part or "the whole file"
    is_best = " agrees best with the artifact and" if chosen else ""
    return f"the reference has {len(every)} sets of weights ({shown}); '{name}'{is_best} was read"


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
