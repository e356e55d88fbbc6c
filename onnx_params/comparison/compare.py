"""Compare two artifacts: the more exact one is the reference, and each of its parameters is looked
for in the other by name, content and place.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from onnx_params import api
from onnx_params.comparison.pairs import By, Pair, Relation
from onnx_params.dataflow.logical import View
from onnx_params.idioms.vocabulary import canonical
from onnx_params.inventory.inventory import Inventory
from onnx_params.report.report import Report, Row
from onnx_params.tensors.steps import Key

EXPLAINED: Final = frozenset(
    {
        Relation.EQUAL,
        Relation.VIEW,
        Relation.CAST,
        Relation.FOLDED,
        Relation.QUANTISED,
        Relation.CLOSE,
        Relation.ERASED,
    }
)
# of the largest number: what another order of additions, or another epsilon, does
RELATIVE: Final = 1e-4


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
    with api.uncollected():
        return of_reports(api.analyze(a), api.analyze(b), values=values, progress=progress)


def of_reports(
    one: Report,
    two: Report,
    *,
    values: bool = True,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Comparison:
    """The same of two reports that are there already."""
    if values:
        api.need_numpy()
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


def by_names(one: Report, two: Report) -> list[Pair]:
    """Pairs without values: the same name, else the same name in another framework's words, else
    shape and leaf in order.
    """
    left = list(two.rows)
    pairs: dict[int, tuple[Row, By]] = {}
    taken: set[int] = set()
    named: dict[str, int] = {}
    for at, row in enumerate(left):
        for name in (row.name, *row.aliases):
            named.setdefault(name, at)
    for at, row in enumerate(one.rows):
        found = next((named[name] for name in (row.name, *row.aliases) if name in named), None)
        if found is not None and found not in taken:
            pairs[at] = left[found], By.NAME
            taken.add(found)
    loose_a = [(at, row) for at, row in enumerate(one.rows) if at not in pairs]
    loose_b = [(at, row) for at, row in enumerate(left) if at not in taken]
    for at_a, at_b, by in in_order([row for _, row in loose_a], [row for _, row in loose_b]):
        pairs[loose_a[at_a][0]] = loose_b[at_b][1], by
        taken.add(loose_b[at_b][0])
    result = []
    for at, row in enumerate(one.rows):
        if at in pairs:
            other, by = pairs[at]
            how = "" if row.shape == other.shape else f"shapes {row.shape} and {other.shape}"
            result.append(
                Pair(
                    row,
                    other,
                    by,
                    Relation.UNREAD if row.count == other.count else Relation.DIFFERENT,
                    how,
                )
            )
        else:
            result.append(Pair(row, None, By.NOTHING, Relation.ONLY_A))
    return [
        *result,
        *(
            Pair(None, row, By.NOTHING, Relation.ONLY_B)
            for at, row in enumerate(left)
            if at not in taken
        ),
    ]


def in_order(one: Sequence[Row], two: Sequence[Row]) -> list[tuple[int, int, By]]:
    """Positions that pair: the same name in other words; then the same leaf and sizes, where both
    sides have as many.
    """
    pairs: list[tuple[int, int, By]] = []
    taken: set[int] = set()
    words: dict[str, list[int]] = {}
    for at, row in enumerate(two):
        words.setdefault(canonical(row.name), []).append(at)
    done: set[int] = set()
    for at, row in enumerate(one):
        fits = words.get(canonical(row.name), [])
        if len(fits) == 1 and fits[0] not in taken and _sizes(row) == _sizes(two[fits[0]]):
            pairs.append((at, fits[0], By.NAME))
            taken.add(fits[0])
            done.add(at)
    groups: dict[tuple[tuple[int, ...], str], tuple[list[int], list[int]]] = {}
    for side, rows in enumerate((one, two)):
        for at, row in enumerate(rows):
            if at not in (done, taken)[side] and row.shape is not None:
                groups.setdefault((_sizes(row), canonical(row.name).rpartition(".")[2]), ([], []))[
                    side
                ].append(at)
    for ours, theirs in groups.values():
        if len(ours) == len(theirs):
            pairs.extend((at, other, By.PLACE) for at, other in zip(ours, theirs, strict=True))
    return pairs


def _sizes(row: Row) -> tuple[int, ...]:
    return tuple(sorted(dim for dim in row.shape or () if dim != 1))


def rows_by_key(report: Report) -> dict[Key, list[int]]:
    """Stored tensor -> the positions of the rows that it holds, or holds a part of."""
    found: dict[Key, list[int]] = {}
    for at, claim in enumerate(report.inventory.parameters):
        for key in claim.stored:
            found.setdefault(key, []).append(at)
    return found


def is_held(inventory: Inventory, at: int) -> bool:
    """Whether a row's numbers, folded ones too, lie in a stored tensor."""
    claim = inventory.parameters[at]
    return bool(claim.pieces) or (claim.view is View.FOLDED and len(claim.stored) == 1)


def relative_to(largest: float, size: float) -> float | None:
    """A difference by the largest number of the original."""
    return largest / size if size and math.isfinite(largest) else None
