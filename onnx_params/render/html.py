"""Write a report as a fragment of HTML, for notebooks."""

from __future__ import annotations

from html import escape

from onnx_params.render.text import human, plain, shape
from onnx_params.report.report import Report, Row


def render(report: Report) -> str:
    """A heading line and one table."""
    rows = "".join(f"<tr>{''.join(map(_cell, _texts(row)))}</tr>" for row in report.rows)
    head = "".join(
        f"<th>{title}</th>" for title in ("Name", "Shape", "Parameters", "Form", "Type", "Evidence")
    )
    name = escape(plain(report.name))
    return (
        f"<p><b>{name}</b>: {report.layers} layers, {human(report.parameters)}"
        f" parameters</p><table><tr>{head}</tr>{rows}</table>\n"
    )


def _texts(row: Row) -> tuple[str, ...]:
    count = "?" if row.count is None else str(row.count)
    evidence = row.evidence if row.certain else f"{row.evidence} ?"
    return plain(row.name), shape(row.shape), count, row.form, row.dtype or "", evidence


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"
