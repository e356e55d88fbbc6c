"""Write a report's rows as comma-separated values."""

from __future__ import annotations

from onnx_params.render.text import csv_text, for_sheet, plain
from onnx_params.report.report import Report, Row

COLUMNS = (
    "name",
    "shape",
    "squeezed_shape",
    "count",
    "form",
    "dtype",
    "bytes",
    "bits_per_weight",
    "evidence",
    "certain",
    "view",
    "stored",
    "aliases",
)


def render(report: Report) -> str:
    """A header and one line a row; dimensions are joined by ``x``, names by spaces."""
    return csv_text(COLUMNS, map(_cells, report.rows))


def _cells(row: Row) -> list[object]:
    dims = [
        "" if each is None else "x".join(map(str, each)) for each in (row.shape, row.squeezed_shape)
    ]
    bits = "" if row.bits_per_weight is None else f"{row.bits_per_weight:.4g}"
    names = [" ".join(map(plain, group)) for group in (row.stored, row.aliases)]
    count = "" if row.count is None else row.count
    kind = row.form, row.dtype or "", row.n_bytes, bits
    return [for_sheet(row.name), *dims, count, *kind, row.evidence, row.certain, row.view, *names]
