"""Define what an audit says of one tensor: a verdict, where it lies, and how far its values are
from the original's.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from onnx_params.tensors.steps import Shape


class Verdict(enum.Enum):
    """What became of a tensor of the reference, or what a stored tensor is that the reference does
    not have.
    """

    IDENTICAL = "identical"
    MOVED = "moved"
    CAST = "cast"
    QUANTIZED = "quantized"
    FOLDED = "folded"
    CHANGED = "changed"
    SWAPPED = "swapped"
    MISSING = "missing"
    EXTRA = "extra"
    NOT_COMPARABLE = "not comparable"


FAILING: Final = frozenset({Verdict.CHANGED, Verdict.SWAPPED, Verdict.MISSING, Verdict.EXTRA})


class Difference(NamedTuple):
    """How values differ: how many of how many, the index of the first in the original's
    coordinates, the largest difference of two numbers.

    ``n_nan`` counts the elements that are NaN in the artifact and a number in the original.
    """

    changed: int
    of: int
    first: tuple[int, ...]
    largest: float
    n_nan: int = 0


class Rounding(NamedTuple):
    """What quantization cost: signal to noise in decibels, the largest error, the share of codes at
    the ends of their range.

    ``residuals`` counts errors in intervals of equal width from ``-largest`` to ``largest``, of a
    sample of the elements; empty where there are none, or where one is no number.
    """

    sqnr: float
    largest: float
    saturated: float
    residuals: tuple[int, ...] = ()


class Judgement(NamedTuple):
    """One verdict.

    ``name`` is the reference's, for an extra the artifact's; ``stored`` are names in the artifact;
    ``other`` is what a swapped one's place holds; ``placed`` says whether a name in the artifact
    confirms where it is; ``is_parameter`` is false of buffers and of
    what the reference does not have, ``is_alias`` true of further names of a tied parameter.
    """

    name: str
    verdict: Verdict
    because: str
    shape: Shape | None = None
    dtype: str = ""
    stored: tuple[str, ...] = ()
    difference: Difference | None = None
    rounding: Rounding | None = None
    other: str = ""
    placed: bool = True
    is_parameter: bool = True
    is_alias: bool = False

    @property
    def fails(self) -> bool:
        """Whether an artifact with this verdict is not the reference."""
        return self.verdict in FAILING
