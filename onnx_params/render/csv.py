"""Write a report's rows as comma-separated values."""

from __future__ import annotations

import csv
import io

from onnx_params.render.text import for_sheet, plain
from onnx_params.report.report import Report

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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in report.rows:
        dims = [
            "" if dims is None else "x".join(map(str, dims))
            for dims in (row.shape, row.squeezed_shape)
        ]
        bits = "" if row.bits_per_weight is None else f"{row.bits_per_weight:.4g}"
        names = [" ".join(map(plain, group)) for group in (row.stored, row.aliases)]
        count = "" if row.count is None else row.count
        writer.writerow(
            [
                for_sheet(row.name),
                *dims,
                count,
                row.form,
                row.dtype or "",
                row.n_bytes,
                bits,
                row.evidence,
                row.certain,
                row.view,
                *names,
            ]
        )
    return out.getvalue()
