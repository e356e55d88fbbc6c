"""Pair parameters by names, shapes and order alone."""

from __future__ import annotations

from collections.abc import Sequence

from onnx_params.comparison.pairs import By, Pair, Relation
from onnx_params.idioms.vocabulary import canonical
from onnx_params.report.report import Report, Row


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
