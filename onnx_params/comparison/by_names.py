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
    pairs = _same_names(one.rows, two.rows)
    taken = {place for place, _ in pairs.values()}
    left_a = [at for at in range(len(one.rows)) if at not in pairs]
    left_b = [at for at in range(len(two.rows)) if at not in taken]
    rows_a, rows_b = [one.rows[at] for at in left_a], [two.rows[at] for at in left_b]
    for at_a, at_b, by in in_order(rows_a, rows_b):
        pairs[left_a[at_a]] = left_b[at_b], by
        taken.add(left_b[at_b])
    found: list[Pair] = []
    for at, row in enumerate(one.rows):
        if at in pairs:
            place, by = pairs[at]
            found.append(_unread(row, two.rows[place], by))
        else:
            found.append(Pair(row, None, By.NOTHING, Relation.ONLY_A))
    left = [row for at, row in enumerate(two.rows) if at not in taken]
    return [*found, *(Pair(None, row, By.NOTHING, Relation.ONLY_B) for row in left)]


def _same_names(one: Sequence[Row], two: Sequence[Row]) -> dict[int, tuple[int, By]]:
    """Position in ``one`` -> that in ``two`` of the row that has one of its names."""
    named: dict[str, int] = {}
    for at, row in enumerate(two):
        for name in (row.name, *row.aliases):
            named.setdefault(name, at)
    pairs: dict[int, tuple[int, By]] = {}
    taken: set[int] = set()
    for at, row in enumerate(one):
        found = next((named[name] for name in (row.name, *row.aliases) if name in named), None)
        if found is not None and found not in taken:
            pairs[at] = found, By.NAME
            taken.add(found)
    return pairs


def _unread(a: Row, b: Row, by: By) -> Pair:
    relation = Relation.UNREAD if a.count == b.count else Relation.DIFFERENT
    how = "" if a.shape == b.shape else f"shapes {a.shape} and {b.shape}"
    return Pair(a, b, by, relation, how)


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
