"""Write a leaderboard: a table, Markdown with links to reports, JSON, comma-separated values, a bar
chart.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from onnx_params.ranking.rank import Entry, Ranking
from onnx_params.render.chart import COLOURS, new_figure, save
from onnx_params.render.screen import PIPE, Column, Line, Table, Window, text
from onnx_params.render.text import (
    count_of,
    csv_text,
    for_sheet,
    human,
    json_text,
    markdown_cell,
    n_bytes,
    plain,
)

SCHEMA = "onnx-params/rank/1"
_TITLES = ("#", "Model", "Tensors", "Parameters", "Bytes", "Bits a parameter")


def _cells(at: int, each: Entry) -> tuple[str, ...]:
    return (
        f"{at}",
        plain(each.name),
        f"{each.layers:,}",
        f"{human(each.parameters)}",
        n_bytes(each.n_bytes),
        f"{each.bits:.2f}",
    )


def table(ranking: Ranking, window: Window = PIPE) -> str:
    """Aligned columns."""
    rows = [_cells(at, each) for at, each in enumerate(ranking.entries, 1)]
    columns = [
        Column(title, title != "Model", drop, title == "Model")
        for title, drop in zip(_TITLES, (0, 0, 2, 0, 1, 3), strict=True)
    ]
    head = f"{count_of(len(rows), 'model')}, the largest first"
    return text([Line(head, "title"), Line(), Table(columns, rows)], window)


def markdown(ranking: Ranking) -> str:
    """A table whose names link to the models' reports, where they lie beside them."""
    lines = [f"| {' | '.join(_TITLES)} |", "|---:|---|---:|---:|---:|---:|"]
    for at, each in enumerate(ranking.entries, 1):
        cells = [markdown_cell(cell) for cell in _cells(at, each)]
        if each.report:
            cells[1] = f"[{cells[1]}]({os.path.basename(each.report)})"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def to_json(ranking: Ranking) -> str:
    """The models in order, by the contract ``onnx-params/rank/1``."""
    rows = [
        {
            "name": each.name,
            "path": each.path,
            "layers": each.layers,
            "parameters": each.parameters,
            "bytes": each.n_bytes,
            "bits_per_parameter": each.bits,
        }
        for each in ranking.entries
    ]
    return json_text({"schema": SCHEMA, "models": rows})


def to_csv(ranking: Ranking) -> str:
    """A line a model, with a header."""
    header = ("rank", "name", "path", "layers", "parameters", "bytes", "bits_per_parameter")
    rows = [
        (
            at,
            for_sheet(each.name),
            for_sheet(each.path),
            each.layers,
            each.parameters,
            each.n_bytes,
            f"{each.bits:.4g}",
        )
        for at, each in enumerate(ranking.entries, 1)
    ]
    return csv_text(header, rows)


def draw(entries: Sequence[Entry], path: str, by: str) -> None:
    """A horizontal bar for each model, on a logarithmic scale where the largest is more than a
    hundred times the smallest.
    """
    figure = new_figure(path, 7.5, 1.2 + 0.34 * len(entries))
    axes = figure.add_subplot()
    values = [
        {"parameters": e.parameters, "bytes": e.n_bytes, "bits": e.bits}[by] for e in entries
    ][::-1]
    names = [e.name for e in entries][::-1]
    axes.barh(range(len(values)), values, 0.7, color=COLOURS[1])
    low = min((value for value in values if value > 0), default=1)
    if max(values, default=1) > 100 * low:
        axes.set_xscale("log")
        axes.set_xlim(left=10 ** math.floor(math.log10(low)))
    for at, value in enumerate(values):
        shown = (
            f"{value:.2f}"
            if by == "bits"
            else n_bytes(int(value))
            if by == "bytes"
            else human(int(value))
        )
        axes.annotate(
            shown, (value, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False)
    axes.margins(x=0.15, y=0.02)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    axes.set_title({"bits": "bits a parameter"}.get(by, by), fontsize=13)
    save(figure, path)
