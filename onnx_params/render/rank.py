"""Write a leaderboard: a table, Markdown with links to reports, JSON, comma-separated values, a bar
chart.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Sequence

from onnx_params.ranking.rank import Entry
from onnx_params.render.chart import COLOURS, new_figure, save
from onnx_params.render.terminal import columns
from onnx_params.render.text import human, n_bytes, plain

_TITLES = ("#", "Model", "Layers", "Parameters", "Bytes", "Bits a parameter")


def _cells(at: int, each: Entry) -> tuple[str, ...]:
    return (
        f"{at}",
        plain(each.name),
        f"{each.layers:,}",
        f"{human(each.parameters)}",
        n_bytes(each.n_bytes),
        f"{each.bits:.2f}",
    )


def table(entries: Sequence[Entry]) -> str:
    """Aligned columns."""
    return columns(
        _TITLES,
        [_cells(at, each) for at, each in enumerate(entries, 1)],
        frozenset({0, 2, 3, 4, 5}),
    )


def markdown(entries: Sequence[Entry]) -> str:
    """A table whose names link to the models' reports, where they lie beside them."""
    lines = [f"| {' | '.join(_TITLES)} |", "|---:|---|---:|---:|---:|---:|"]
    for at, each in enumerate(entries, 1):
        cells = list(_cells(at, each))
        cells[1] = cells[1].replace("|", "\\|").replace("<", "&lt;")
        if each.report:
            cells[1] = f"[{cells[1]}]({os.path.basename(each.report)})"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def to_json(entries: Sequence[Entry]) -> str:
    rows = [
        {
            "name": e.name,
            "path": e.path,
            "layers": e.layers,
            "parameters": e.parameters,
            "bytes": e.n_bytes,
            "bits_per_parameter": e.bits,
        }
        for e in entries
    ]
    return json.dumps({"schema": "onnx-params/rank/1", "models": rows}, indent=2) + "\n"


def to_csv(entries: Sequence[Entry]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("rank", "name", "path", "layers", "parameters", "bytes", "bits_per_parameter"))
    writer.writerows(
        (at, plain(e.name), plain(e.path), e.layers, e.parameters, e.n_bytes, f"{e.bits:.4g}")
        for at, e in enumerate(entries, 1)
    )
    return out.getvalue()


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
        told = (
            f"{value:.2f}"
            if by == "bits"
            else n_bytes(int(value))
            if by == "bytes"
            else human(int(value))
        )
        axes.annotate(
            told, (value, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False)
    axes.margins(x=0.15, y=0.02)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    axes.set_title({"bits": "bits a parameter"}.get(by, by), fontsize=13)
    save(figure, path)
