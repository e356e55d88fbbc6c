"""Name the ways in which a parameter lies in storage."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from onnx_params.tensors.steps import Permute, Reshape, Shape, Slice, Steps


class View(enum.Enum):
    """How a parameter lies in storage."""

    WHOLE = "whole"
    TRANSPOSED = "transposed"
    PERMUTED = "permuted"
    RESHAPED = "reshaped"
    PART = "part"
    REORDERED = "reordered"
    CAST = "cast"
    DEQUANTIZED = "dequantized"
    UNPACKED = "unpacked"
    UNPADDED = "unpadded"
    MERGED = "merged"
    TIED = "tied"
    FOLDED = "folded"
    DROPPED = "dropped"
    SLICED = "sliced"
    CHANGED = "changed"
    UNKNOWN = "unknown"


# views under which every element of the parameter is in storage, so that its values can be had
READABLE: Final = frozenset(
    {
        View.WHOLE,
        View.TRANSPOSED,
        View.PERMUTED,
        View.RESHAPED,
        View.PART,
        View.REORDERED,
        View.CAST,
        View.DEQUANTIZED,
        View.UNPACKED,
        View.UNPADDED,
        View.MERGED,
        View.TIED,
    }
)


class Logical(NamedTuple):
    """A stored tensor as its operator uses it; ``steps`` lead there from storage, ``None`` where
    the file does not say them.
    """

    shape: Shape
    dtype: str
    view: View
    steps: Steps | None = ()


def view_of(steps: Steps) -> View:
    """The word for a chain without quantization."""
    if any(isinstance(step, Slice) for step in steps):
        return (
            View.REORDERED
            if any(isinstance(step, Slice) and len(step.runs) > 1 for step in steps)
            else View.PART
        )
    last = steps[-1]
    if isinstance(last, Permute):
        return View.TRANSPOSED if last.axes == (1, 0) else View.PERMUTED
    return View.RESHAPED if isinstance(last, Reshape) else View.WHOLE
