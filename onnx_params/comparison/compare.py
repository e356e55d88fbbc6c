"""Compare two artifacts: the more exact one is the reference, and each of its parameters is looked
for in the other by name, content and place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from onnx_params.comparison.by_names import by_names
from onnx_params.comparison.pairs import By, Pair, Relation
from onnx_params.inventory.opening import gc_paused, need_numpy
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


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two reports and how their parameters pair."""

    a: Report
    b: Report
    pairs: tuple[Pair, ...]

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
        need_numpy()
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


def merged(one: Report, two: Report, first: list[Pair], second: list[Pair]) -> list[Pair]:
    """The pairs of the first search, with those of the second for rows that only it explains."""
    chosen = [pair for pair in first if pair.relation in EXPLAINED]
    done_a = {id(pair.a) for pair in chosen if pair.a is not None}
    done_b = {id(pair.b) for pair in chosen if pair.b is not None}
    for pair in second:
        if (
            pair.relation in EXPLAINED
            and (id(pair.a) not in done_a or id(pair.b) not in done_b)
            and pair.a is not None
            and pair.b is not None
        ):
            chosen.append(pair)
    done_a |= {id(pair.a) for pair in chosen if pair.a is not None}
    done_b |= {id(pair.b) for pair in chosen if pair.b is not None}
    for pair in (*first, *second):
        if (
            pair.relation in EXPLAINED
            or (pair.a is not None and id(pair.a) in done_a)
            or (pair.b is not None and id(pair.b) in done_b)
        ):
            continue
        chosen.append(pair)
        done_a |= {id(pair.a)} if pair.a is not None else set()
        done_b |= {id(pair.b)} if pair.b is not None else set()
    missing_a = [
        Pair(row, None, By.NOTHING, Relation.ONLY_A, row.view)
        for row in one.rows
        if id(row) not in done_a
    ]
    missing_b = [
        Pair(None, row, By.NOTHING, Relation.ONLY_B, row.view)
        for row in two.rows
        if id(row) not in done_b
    ]
    order_a, order_b = (
        {id(row): at for at, row in enumerate(report.rows)} for report in (one, two)
    )
    whole = [*chosen, *missing_a, *missing_b]
    return sorted(
        whole,
        key=lambda pair: (pair.a is None, order_a.get(id(pair.a), 0), order_b.get(id(pair.b), 0)),
    )


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """How three and more models compare:

    ``made`` has a comparison for every two, by their positions, the lower first.
    """

    reports: tuple[Report, ...]
    made: Mapping[tuple[int, int], Comparison]
