"""Write a report in the seed's Markdown, to the byte."""

from __future__ import annotations

from html import escape

from onnx_params.render.text import human, markdown_cell, percent, shape
from onnx_params.report.report import Report


def render(report: Report, image: str = "") -> str:
    """The page, with a link to the chart in ``image``; the trailing spaces and the empty lines are
    the format's own.
    """
    forms = report.forms
    image = escape(image) or f"../figs/{markdown_cell(report.name)}_pie_chart.png"
    name = markdown_cell(report.name)
    head = (
        f"| {' | '.join(form.form for form in forms)} | \n|  {' | '.join('---' for _ in forms)} |\n"
    )
    layers = " | ".join(percent(form.layers, report.layers) for form in forms)
    parameters = " | ".join(percent(form.parameters, report.parameters) for form in forms)
    lines = [
        f"# {name} parameter information\n\n",
        f"**Number of layers: [ {report.layers} ]**\n\n",
        f"**Number of parameters: [ {human(report.parameters)} ]**\n\n",
        f"**Proportional of each form** (%)\n\n{head}| {layers} | \n\n",
        f"**Proportional of parameters by form** (%)\n\n\n{head}| {parameters} | \n\n",
        f'<img src="{image}" alt="pie_chart" width="500"/>\n\n',
        "**Layer information**\n\n\n",
        (
            "| Name | Shape | Squeezed shape | Number of parameters | Form |\n| --- | --- | --- |"
            " --- | --- |\n"
        ),
    ]
    lines.extend(
        f"| {markdown_cell(row.name)} | {shape(row.shape)} | {shape(row.squeezed_shape)} |"
        f" {'?' if row.count is None else row.count} | {row.form} |\n"
        for row in report.rows
    )
    return "".join(lines) + "\n"
