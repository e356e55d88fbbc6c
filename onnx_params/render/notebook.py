"""Write a report as a fragment of HTML, for notebooks: the head of its page, and the first rows.

It has no script and no style sheet, and takes its colours of text from the notebook around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from onnx_params.render.screen import Line
from onnx_params.render.terminal import headline, totals
from onnx_params.render.text import n_bytes, percent, plain, shape
from onnx_params.report.report import Report, Row

MAX_ROWS: Final = 100
MAX_PARTS: Final = 8  # of a bar
_TITLES: Final = ("Name", "Shape", "Parameters", "Form", "Type", "Evidence")
_STYLE: Final = (
    "font-size:90%;border-collapse:collapse",
    "text-align:left;padding:2px 10px 2px 0;white-space:nowrap",
    "text-align:right;padding:2px 10px 2px 0;font-variant-numeric:tabular-nums",
)
# page/src/colours.ts has the same
_KINDS: Final[Mapping[str, str]] = {
    "embedding": "#7655c4",
    "attention": "#2b6cb8",
    "feed-forward": "#12796c",
    "convolution": "#b0531f",
    "recurrent": "#8a6a10",
    "linear": "#4c7590",
    "norm": "#ab3f86",
    "other": "#66717d",
}
_BAR: Final = "display:flex;gap:2px;height:12px;max-width:640px;margin:4px 0"
_SWATCH: Final = "display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:5px"


def render(report: Report) -> str:
    """A heading, a bar of parameters by kind of module, one table, lines on what it adds up to."""
    rows = "".join(f"<tr>{_cells(row)}</tr>" for row in report.rows[:MAX_ROWS])
    head = "".join(f'<th style="{_STYLE[1]}">{title}</th>' for title in _TITLES)
    lines = [escape(block.text) for block in totals(report) if isinstance(block, Line)]
    left = len(report.rows) - MAX_ROWS
    if left > 0:
        lines.insert(0, f"and {left:,} more tensors")
    return (
        f"<p><b>{escape(headline(report))}</b></p>{''.join(_bar(report))}"
        f'<table style="{_STYLE[0]}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"<p>{'<br>'.join(lines)}</p>\n"
    )


def _bar(report: Report) -> Iterator[str]:
    """The parameters by kind of module: one bar in parts, and what they are."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in report.rows:
        kind = report.kinds.get(row.claim.name, "other") if row.claim is not None else "other"
        counts[kind] += row.count or 0
        sizes[kind] += row.n_bytes
    parts = [(kind, count) for kind, count in counts.most_common(MAX_PARTS) if count]
    if not parts:
        return
    yield f'<div style="{_BAR}">'
    for kind, count in parts:
        yield f'<span style="flex:{count};min-width:2px;background:{_KINDS[kind]}"></span>'
    yield '</div><p style="font-size:90%">'
    for kind, count in parts:
        swatch = f'<span style="{_SWATCH};background:{_KINDS[kind]}"></span>'
        share = percent(count, report.parameters)
        yield f"<span>{swatch}{kind} {share} %, {n_bytes(sizes[kind])}</span>&emsp;"
    yield "</p>"


def _cells(row: Row) -> str:
    count = "?" if row.count is None else f"{row.count:,}"
    evidence = row.evidence if row.certain else f"{row.evidence} ?"
    texts = (plain(row.name), shape(row.shape), count, row.form, row.dtype or "", evidence)
    return "".join(
        f'<td style="{_STYLE[2 if at == 2 else 1]}">{escape(text)}</td>'
        for at, text in enumerate(texts)
    )
