"""Compare two artifacts: the more exact one is the reference, and each of its parameters is looked
for in the other by name, content and place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from onnx_params.comparison.by_names import by_names
from onnx_params.comparison.pairs import By, Pair, Relation
from onnx_params.inventory.opening import gc_paused
from onnx_params.report.analyze import analyze
from onnx_params.report.report import Report

EXPLAINED: Final = frozenset(
    {
        Relation.EQUAL,
        Relation.VIEW,
        Relation.CAST,
        Relation.FOLDED,
        Relation.QUANTIZED,
        Relation.CLOSE,
        Relation.ERASED,
    }
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison:
    """Two reports and how their parameters pair."""

    a: Report
    b: Report
    pairs: tuple[Pair, ...]

    def __repr__(self) -> str:
        words = ", ".join(sorted(self.differences)) or "nothing"
        return f"<Comparison of {self.a.name} and {self.b.name}: they differ in {words}>"

    @property
    def path_a(self) -> str:
        return self.a.inventory.model.source.label

    @property
    def path_b(self) -> str:
        return self.b.inventory.model.source.label

    @cached_property
    def differences(self) -> frozenset[str]:
        """In what the two differ, in the words of ``--ignore``."""
        return frozenset().union(*(pair.differences() for pair in self.pairs))

    def count(self, relation: Relation) -> int:
        return sum(pair.relation is relation for pair in self.pairs)


def compare(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    values: bool = True,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Comparison:
    """Pair the parameters of two artifacts; with ``values`` they are read and compared, else names,
    shapes and places alone pair.

    Raises :class:`~onnx_params.errors.OnnxParamsError`.
    """
    with gc_paused():
        return of_reports(analyze(a), analyze(b), values=values, progress=progress)


def of_reports(
    one: Report,
    two: Report,
    *,
    values: bool = True,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Comparison:
    """The same of two reports that are there already."""
    if values:
        turned = _exactness(two) > _exactness(one)
        from onnx_params.comparison.contents import pair

        pairs = (
            [_turned(each) for each in pair(two, one, progress)]
            if turned
            else pair(one, two, progress)
        )
        # the other way round, what one framework joins the other has in parts
        if any(each.relation not in EXPLAINED for each in pairs):
            again = (
                pair(one, two, progress)
                if turned
                else [_turned(each) for each in pair(two, one, progress)]
            )
            pairs = merged(one, two, pairs, again)
    else:
        pairs = by_names(one, two)
    return Comparison(a=one, b=two, pairs=tuple(pairs))


def _exactness(report: Report) -> tuple[int, int]:
    """What says which side the other may have been made from: bits a weight, and how little was
    folded.
    """
    return 8 * report.n_bytes // max(1, report.stored_parameters), -sum(
        row.view.startswith("folded") for row in report.rows
    )


def _turned(pair: Pair) -> Pair:
    relation = {Relation.ONLY_A: Relation.ONLY_B, Relation.ONLY_B: Relation.ONLY_A}.get(
        pair.relation, pair.relation
    )
    return pair._replace(a=pair.b, b=pair.a, relation=relation)


class _Covered:
    """The rows of both sides that stand in a pair."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._a: set[int] = set()
        self._b: set[int] = set()
        for pair in pairs:
            self.add(pair)

    def add(self, pair: Pair) -> None:
        if pair.a is not None:
            self._a.add(id(pair.a))
        if pair.b is not None:
            self._b.add(id(pair.b))

    def has_all(self, pair: Pair) -> bool:
        return id(pair.a) in self._a and id(pair.b) in self._b

    def has_any(self, pair: Pair) -> bool:
        return id(pair.a) in self._a or id(pair.b) in self._b

    def missing(self, one: Report, two: Report) -> list[Pair]:
        """A pair without a partner for each row that is in none."""
        left_a = [row for row in one.rows if id(row) not in self._a]
        left_b = [row for row in two.rows if id(row) not in self._b]
        return [
            *(Pair(row, None, By.NOTHING, Relation.ONLY_A, row.view) for row in left_a),
            *(Pair(None, row, By.NOTHING, Relation.ONLY_B, row.view) for row in left_b),
        ]


def merged(one: Report, two: Report, first: list[Pair], second: list[Pair]) -> list[Pair]:
    """The pairs of the first search, with those of the second for rows that only it explains."""
    chosen = [pair for pair in first if pair.relation in EXPLAINED]
    covered = _Covered(chosen)
    again = [pair for pair in second if _is_whole(pair) and not covered.has_all(pair)]
    for pair in again:
        chosen.append(pair)
        covered.add(pair)
    for pair in (*first, *second):
        if pair.relation not in EXPLAINED and not covered.has_any(pair):
            chosen.append(pair)
            covered.add(pair)
    order_a, order_b = (
        {id(row): at for at, row in enumerate(report.rows)} for report in (one, two)
    )
    return sorted(
        [*chosen, *covered.missing(one, two)],
        key=lambda pair: (pair.a is None, order_a.get(id(pair.a), 0), order_b.get(id(pair.b), 0)),
    )


def _is_whole(pair: Pair) -> bool:
    """Whether a pair has both sides, and something explains how they differ."""
    return pair.relation in EXPLAINED and pair.a is not None and pair.b is not None


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """How three and more models compare:

    ``made`` has a comparison for every two, by their positions, the lower first.
    """

    reports: tuple[Report, ...]
    made: Mapping[tuple[int, int], Comparison]
