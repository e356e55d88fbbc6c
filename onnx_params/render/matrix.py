"""Lay out how three and more models stand to each other: the totals of each, then for every two of
them how many parameters are equal, of how many.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

from onnx_params.comparison.compare import Comparison, Matrix
from onnx_params.comparison.pairs import Relation
from onnx_params.render.compare import by_dtype
from onnx_params.render.compare_documents import whole
from onnx_params.render.screen import PIPE, Block, Column, Line, Table, Window, text
from onnx_params.render.text import (
    count_of,
    csv_text,
    for_sheet,
    json_text,
    markdown_table,
    n_bytes,
    plain,
)
from onnx_params.report.report import Report

SCHEMA: Final = "onnx-params/compare-matrix/1"
_TOTALS: Final = ("Model", "Tensors", "Parameters", "Bytes", "By type")
_TOTALS_RIGHT: Final = frozenset({1, 2, 3})  # columns of numbers
_GRID: Final = "Equal, also after a view, a cast, folding"
_SAME: Final = (Relation.EQUAL, Relation.VIEW, Relation.CAST, Relation.FOLDED)
_TOLD: Final = (Relation.CLOSE, Relation.QUANTIZED, Relation.DIFFERENT, Relation.UNREAD)


def render(matrix: Matrix, window: Window = PIPE) -> str:
    """The screen: in what they differ, then two tables."""
    totals, grid = _tables(matrix)
    words = sorted({word for made in matrix.made.values() for word in made.differences})
    said = f"they differ in {', '.join(words)}" if words else "no difference"
    columns = [
        Column(title, at in _TOTALS_RIGHT, drop=at // 4, long=not at)
        for at, title in enumerate(_TOTALS)
    ]
    names = [Column(name, right=True, long=True) for name in _names(matrix.reports)]
    blocks: list[Block] = [
        Line(f"{count_of(len(matrix.reports), 'model')}: {said}", "warn" if words else "good"),
        Line(),
        Table(columns, totals),
        Line(),
        Line(_GRID),
        Table([Column("", long=True), *names], grid),
    ]
    return text(blocks, window)


def markdown(matrix: Matrix) -> str:
    """The same two as Markdown."""
    totals, grid = _tables(matrix)
    right = frozenset(range(1, len(matrix.reports) + 1))
    titles = (_GRID, *_names(matrix.reports))
    lines = markdown_table(_TOTALS, totals, _TOTALS_RIGHT) + markdown_table(titles, grid, right)
    return "\n".join(lines)


def to_json(matrix: Matrix) -> str:
    """The models, and for every two of them the number of pairs by relation."""

    def one(at: tuple[int, int], each: Comparison) -> dict[str, Any]:  # JSON
        counts = {
            relation.value: each.count(relation) for relation in Relation if each.count(relation)
        }
        return {
            "a": at[0],
            "b": at[1],
            "pairs": len(each.pairs),
            "relations": counts,
            "differences": sorted(each.differences),
        }

    return json_text(
        {
            "schema": SCHEMA,
            "models": [*map(whole, matrix.reports)],
            "comparisons": [one(at, each) for at, each in matrix.made.items()],
        }
    )


def to_csv(matrix: Matrix) -> str:
    """A line for every two models, a column a relation."""
    names = [for_sheet(report.inventory.model.source.label) for report in matrix.reports]
    header = ("a", "b", "pairs", *(relation.value.replace(" ", "_") for relation in Relation))
    rows = [
        (names[a], names[b], len(each.pairs), *(each.count(relation) for relation in Relation))
        for (a, b), each in matrix.made.items()
    ]
    return csv_text(header, rows)


def _names(reports: Sequence[Report]) -> list[str]:
    """Files' names; with their folder where several are called alike."""
    paths = [report.inventory.model.source.label for report in reports]
    names = [os.path.basename(path) for path in paths]
    return [
        plain(path if names.count(name) > 1 else name)
        for path, name in zip(paths, names, strict=True)
    ]


def _tables(matrix: Matrix) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    reports, made = matrix.reports, matrix.made
    names = _names(reports)
    totals: list[tuple[str, ...]] = [
        (
            name,
            f"{r.layers:,}",
            f"{r.parameters:,}",
            n_bytes(r.n_bytes),
            ", ".join(f"{dtype} {n_bytes(size)}" for dtype, size in by_dtype(r).items()),
        )
        for name, r in zip(names, reports, strict=True)
    ]
    every = range(len(reports))
    grid = [
        (
            names[one],
            *("-" if one == two else _share(made[min(one, two), max(one, two)]) for two in every),
        )
        for one in every
    ]
    return totals, grid


def _share(made: Comparison) -> str:
    """``24/39, 15 quantized``; what has no numbers of its own on one side is not counted."""
    same = sum(made.count(relation) for relation in _SAME)
    of = len(made.pairs) - made.count(Relation.ERASED)
    alone = made.count(Relation.ONLY_A) + made.count(Relation.ONLY_B)
    rest = [
        f"{made.count(relation)} {relation.value}" for relation in _TOLD if made.count(relation)
    ] + ([f"{alone} alone"] if alone else [])
    return ", ".join([f"{same}/{of}", *rest])
