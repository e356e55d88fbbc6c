"""Write a comparison as JSON by the contract ``onnx-params/compare/1``, and as a sheet."""

from __future__ import annotations

from typing import Any, Final

from onnx_params.comparison.compare import Comparison
from onnx_params.comparison.pairs import Pair
from onnx_params.render.compare import by_dtype, outcome
from onnx_params.render.text import csv_text, finite, for_sheet, json_text
from onnx_params.report.report import Report, Row

SCHEMA: Final = "onnx-params/compare/1"


def document(made: Comparison) -> dict[str, Any]:  # JSON
    """The comparison by the contract ``onnx-params/compare/1``."""

    def side(row: Row | None) -> dict[str, Any] | None:  # JSON
        return (
            None
            if row is None
            else {
                "name": row.name,
                "shape": row.shape,
                "dtype": row.dtype,
                "bytes": row.n_bytes,
                "stored": row.stored,
                "view": row.view,
            }
        )

    return {
        "schema": SCHEMA,
        "a": whole(made.a),
        "b": whole(made.b),
        "outcome": outcome(made),
        "differences": sorted(made.differences),
        "pairs": [
            {
                "a": side(pair.a),
                "b": side(pair.b),
                "paired_by": pair.by.value,
                "relation": pair.relation.value,
                "how": pair.how,
                "largest": finite(pair.largest),
                "relative": finite(pair.relative),
                "sqnr_db": finite(pair.sqnr),
            }
            for pair in made.pairs
        ],
    }


def whole(report: Report) -> dict[str, Any]:  # JSON
    """What one model is in all."""
    path = report.inventory.model.source.label
    return {
        "name": report.name,
        "path": path,
        "layers": report.layers,
        "parameters": report.parameters,
        "bytes": report.n_bytes,
        "bytes_by_dtype": dict(by_dtype(report)),
    }


def to_json(made: Comparison) -> str:
    """The document as text."""
    return json_text(document(made))


_CSV_HEADER: Final = (
    "a",
    "b",
    "paired_by",
    "relation",
    "shape_a",
    "shape_b",
    "dtype_a",
    "dtype_b",
    "bytes_a",
    "bytes_b",
    "largest",
    "relative",
    "sqnr_db",
    "how",
)


def to_csv(made: Comparison) -> str:
    """A line a pair, with a header; numbers as numbers."""
    return csv_text(_CSV_HEADER, map(_line, made.pairs))


def _line(pair: Pair) -> list[object]:
    sides = (pair.a, pair.b)
    names = [for_sheet(row.name) if row is not None else "" for row in sides]
    shapes = ["x".join(map(str, row.shape or ())) if row is not None else "" for row in sides]
    types = [(row.dtype or "") if row is not None else "" for row in sides]
    sizes = [row.n_bytes if row is not None else "" for row in sides]
    numbers = [
        "" if number is None else f"{number:.6g}"
        for number in (pair.largest, pair.relative, pair.sqnr)
    ]
    how = for_sheet(pair.how)
    return [*names, pair.by.value, pair.relation.value, *shapes, *types, *sizes, *numbers, how]
