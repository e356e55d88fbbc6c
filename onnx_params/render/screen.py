"""Show a report on a terminal, by rich: colours, and columns that fit the window.

Pipes get :mod:`~onnx_params.render.terminal`.
"""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from onnx_params.render.terminal import NUMBERS, TITLES, cells, totals
from onnx_params.report.report import Report

GAP: Final = 2  # blanks between columns
_LEFT_OUT_FIRST: Final = ("View", "Bits", "Form", "Type", "Evidence", "Shape")
_OF_FORM: Final = {"Vector": "cyan", "Matrix": "green"}


def show(report: Report, console: Console) -> None:
    """Print the table of parameters, then totals.

    Names are never cut: columns are left out, and named, where the window is narrow.
    """
    rows = [cells(row) for row in report.rows]
    widths = [max(map(len, column)) for column in zip(TITLES, *rows, strict=True)]
    shown = list(range(len(TITLES)))
    left_out: list[str] = []
    for title in _LEFT_OUT_FIRST:
        if sum(widths[at] + GAP for at in shown) - GAP <= console.width:
            break
        shown.remove(TITLES.index(title))
        left_out.append(title)
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
        header_style="bold",
    )
    for at in shown:
        table.add_column(
            TITLES[at],
            justify="right" if at in NUMBERS else "left",
            overflow="fold",
            no_wrap=bool(at),
        )
    for row, texts in zip(report.rows, rows, strict=True):
        styles = {
            0: "bold" if row.certain else "yellow",
            3: _OF_FORM.get(row.form, "magenta"),
            6: "" if row.certain else "yellow",
        }
        table.add_row(*(Text(texts[at], styles.get(at, "")) for at in shown))
    console.print(table)
    if left_out:
        console.print(
            Text(
                f"(left out for lack of room: {', '.join(left_out)}; a pipe, or --format csv, has"
                " all)",
                "dim",
            )
        )
    console.print(Text("\n" + totals(report)), end="", soft_wrap=True)
