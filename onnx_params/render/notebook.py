"""Write a report as a fragment of HTML, for notebooks: a heading, the first rows, the totals."""

from __future__ import annotations

from html import escape
from typing import Final

from onnx_params.render.screen import Line
from onnx_params.render.terminal import headline, totals
from onnx_params.render.text import plain, shape
from onnx_params.report.report import Report, Row

MAX_ROWS: Final = 100
_TITLES: Final = ("Name", "Shape", "Parameters", "Form", "Type", "Evidence")
_STYLE: Final = (
    "font-size:90%;border-collapse:collapse",
    "text-align:left;padding:2px 10px 2px 0;white-space:nowrap",
    "text-align:right;padding:2px 10px 2px 0;font-variant-numeric:tabular-nums",
)


def render(report: Report) -> str:
    """A heading line, one table, lines on what it adds up to."""
    rows = "".join(f"<tr>{_cells(row)}</tr>" for row in report.rows[:MAX_ROWS])
    head = "".join(f'<th style="{_STYLE[1]}">{title}</th>' for title in _TITLES)
    lines = [escape(block.text) for block in totals(report) if isinstance(block, Line)]
    left = len(report.rows) - MAX_ROWS
    if left > 0:
        lines.insert(0, f"and {left:,} more tensors")
    return (
        f"<p><b>{escape(headline(report))}</b></p>"
        f'<table style="{_STYLE[0]}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"<p>{'<br>'.join(lines)}</p>\n"
    )


def _cells(row: Row) -> str:
    count = "?" if row.count is None else f"{row.count:,}"
    evidence = row.evidence if row.certain else f"{row.evidence} ?"
    texts = (plain(row.name), shape(row.shape), count, row.form, row.dtype or "", evidence)
    return "".join(
        f'<td style="{_STYLE[2 if at == 2 else 1]}">{escape(text)}</td>'
        for at, text in enumerate(texts)
    )
