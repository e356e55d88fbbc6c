"""Lay out how three and more models stand to each other: the totals of each, then for every two of
them how many parameters are equal, of how many.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from onnx_params.comparison.compare import Comparison
from onnx_params.comparison.pairs import Relation
from onnx_params.render.compare import by_dtype, markdown_table, whole
from onnx_params.render.terminal import columns
from onnx_params.render.text import for_sheet, n_bytes, plain
from onnx_params.report.report import Report

SCHEMA: Final = "onnx-params/compare-matrix/1"
Made = Mapping[tuple[int, int], Comparison]  # by the positions of the two, the lower first
_TOTALS: Final = ("Model", "Layers", "Parameters", "Bytes", "By type")
_GRID: Final = "Equal, also after a view, a cast, folding"
_SAME: Final = (Relation.EQUAL, Relation.VIEW, Relation.CAST, Relation.FOLDED)
_TOLD: Final = (Relation.CLOSE, Relation.QUANTISED, Relation.DIFFERENT, Relation.UNREAD)


def render(reports: Sequence[Report], made: Made) -> str:
    """The screen: two tables."""
    totals, grid = _tables(reports, made)
    right = frozenset(range(1, len(reports) + 1))
    return f"{columns(_TOTALS, totals, frozenset({1, 2, 3}))}\n{columns((_GRID, *_names(reports)), grid, right)}"


def markdown(reports: Sequence[Report], made: Made) -> str:
    """The same two as Markdown."""
    totals, grid = _tables(reports, made)
    right = frozenset(range(1, len(reports) + 1))
    return "\n".join(
        [
            *markdown_table(_TOTALS, totals, frozenset({1, 2, 3})),
            *markdown_table((_GRID, *_names(reports)), grid, right),
        ]
    )


def to_json(reports: Sequence[Report], made: Made) -> str:
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

    return (
        json.dumps(
            {
                "schema": SCHEMA,
                "models": [*map(whole, reports)],
                "comparisons": [one(at, each) for at, each in made.items()],
            },
            indent=2,
        )
        + "\n"
    )


def to_csv(reports: Sequence[Report], made: Made) -> str:
    """A line for every two models, a column a relation."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("a", "b", "pairs", *(relation.value.replace(" ", "_") for relation in Relation))
    )
    names = [for_sheet(report.inventory.model.source.label) for report in reports]
    writer.writerows(
        (names[a], names[b], len(each.pairs), *(each.count(relation) for relation in Relation))
        for (a, b), each in made.items()
    )
    return out.getvalue()


RENDERERS: Final[Mapping[str, Callable[[Sequence[Report], Made], str]]] = {
    "table": render,
    "markdown": markdown,
    "json": to_json,
    "csv": to_csv,
}


def _names(reports: Sequence[Report]) -> list[str]:
    """Files' names; with their folder where several are called alike."""
    paths = [report.inventory.model.source.label for report in reports]
    names = [os.path.basename(path) for path in paths]
    return [
        plain(path if names.count(name) > 1 else name)
        for path, name in zip(paths, names, strict=True)
    ]


def _tables(
    reports: Sequence[Report], made: Made
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
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
    """``24/39, 15 quantised``; what has no numbers of its own on one side is not counted."""
    same = sum(made.count(relation) for relation in _SAME)
    of = len(made.pairs) - made.count(Relation.ERASED)
    alone = made.count(Relation.ONLY_A) + made.count(Relation.ONLY_B)
    rest = [
        f"{made.count(relation)} {relation.value}" for relation in _TOLD if made.count(relation)
    ] + ([f"{alone} alone"] if alone else [])
    return ", ".join([f"{same}/{of}", *rest])
