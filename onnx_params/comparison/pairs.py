"""Define what a comparison says of one pair of parameters."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from onnx_params.report.report import Row


class Relation(enum.Enum):
    """How the two of a pair stand to each other."""

    EQUAL = "equal"
    VIEW = "equal after a view"
    CAST = "equal after a cast"
    FOLDED = "equal after folding"
    QUANTIZED = "quantized"
    CLOSE = "close"
    DIFFERENT = "different"
    UNREAD = "values not compared"
    ERASED = "no numbers of its own"
    ONLY_A = "only in A"
    ONLY_B = "only in B"


class By(enum.Enum):
    """What paired them."""

    NAME = "name"
    CONTENT = "content"
    PLACE = "place"
    NOTHING = "-"


class Pair(NamedTuple):
    """Two parameters that are one in two artifacts, or one that has no partner.

    ``how`` names the view or the reason. ``largest`` is the largest difference of two numbers,
    ``relative`` that by the largest number, ``sqnr`` is in decibels; ``None`` where nothing was
    measured, or there was nothing to measure.
    """

    a: Row | None
    b: Row | None
    by: By
    relation: Relation
    how: str = ""
    largest: float | None = None
    relative: float | None = None
    sqnr: float | None = None

    @property
    def name(self) -> str:
        """A's name, or B's where there is none."""
        row = self.a or self.b
        assert row is not None
        return row.name

    def differences(self) -> frozenset[str]:
        """In what the two differ, in the words of ``--ignore``."""
        if self.relation is Relation.ERASED:
            return frozenset()
        if self.a is None or self.b is None:
            return frozenset({"only"})
        alike = self.relation is Relation.EQUAL or self.relation is Relation.UNREAD
        if (
            alike
            and self.a.name == self.b.name
            and self.a.dtype == self.b.dtype
            and self.a.count == self.b.count
        ):
            return frozenset()  # nearly all
        found: set[str] = set()
        if {self.a.name, *self.a.aliases}.isdisjoint((self.b.name, *self.b.aliases)):
            found.add("names")
        if self.a.dtype != self.b.dtype:
            found.add("dtype")
        if self.relation in _WORD_OF:
            found.add(_WORD_OF[self.relation])
        if self.relation is Relation.UNREAD and self.a.count != self.b.count:
            found.add("values")
        return frozenset(found)


_WORD_OF: Final = {
    Relation.VIEW: "layout",
    Relation.CAST: "dtype",
    Relation.QUANTIZED: "dtype",
    Relation.CLOSE: "rounding",
    Relation.FOLDED: "folding",
    Relation.DIFFERENT: "values",
}
WORDS: Final = {
    "names": "original names",
    "layout": "transposed, permuted, reordered, part of another",
    "dtype": "element types: casts and quantization",
    "rounding": "differences within float tolerance",
    "folding": "computed with others on one side, and equal when that is done again",
    "values": "other values",
    "only": "parameters of one side alone",
}
