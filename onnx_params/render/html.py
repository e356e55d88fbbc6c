"""Write a report as a fragment of HTML, for notebooks."""

from __future__ import annotations

from html import escape

from onnx_params.render.text import human, plain, shape
from onnx_params.report.report import Report


def render(report: Report) -> str:
    """A heading line and one table."""
    rows = "".join(
        f"<tr><td>{escape(plain(row.name))}</td><td>{shape(row.shape)}</td><td>{'?' if row.count is None else row.count}</td>"
        f"<td>{row.form}</td><td>{escape(row.dtype or '')}</td><td>{row.evidence}{'' if row.certain else ' ?'}</td></tr>"
        for row in report.rows
    )
    head = "".join(
        f"<th>{title}</th>" for title in ("Name", "Shape", "Parameters", "Form", "Type", "Evidence")
    )
    name = escape(plain(report.name))
    return (
        f"<p><b>{name}</b>: {report.layers} layers, {human(report.parameters)}"
        f" parameters</p><table><tr>{head}</tr>{rows}</table>\n"
    )
