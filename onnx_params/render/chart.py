"""Draw the pie of parameters by form, and histograms of their numbers."""

from __future__ import annotations

import os
from typing import Any

from onnx_params.errors import DependencyError, UsageError
from onnx_params.io.atomic import write_with
from onnx_params.report.report import Report

# Okabe and Ito's palette, which people who do not see all colours can tell apart
COLOURS = ("#E69F00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
# white text is legible on these, black on the others
_DARK = frozenset({"#0072B2", "#009E73", "#D55E00"})
_FORMATS = (".png", ".svg", ".pdf")
MAX_HISTOGRAMS = 200  # in one figure
MAX_TITLE = 34  # characters of a name over its histogram
_TINY = 0.04  # share below which a slice has no room for its own label


def draw(report: Report, path: str) -> None:
    """Write the pie to ``path`` (.png, .svg or .pdf), whole or not at all.

    Raises :class:`UsageError` for another ending, :class:`DependencyError` where matplotlib is not
    installed.
    """
    figure = new_figure(path, 6, 4.5)
    forms = [form for form in report.forms if form.parameters]
    whole = sum(form.parameters for form in forms)
    if not whole:
        raise UsageError(f"{report.name}: has no parameters, so there is no chart to draw")
    axes = figure.add_subplot()
    shares = [form.parameters / whole for form in forms]
    wedges, _, inside = axes.pie(
        [form.parameters for form in forms],
        colors=[COLOURS[at % len(COLOURS)] for at in range(len(forms))],
        startangle=90,
        counterclock=False,
        # an edge would paint over a tiny slice
        wedgeprops={"edgecolor": "white", "linewidth": 1.5 if min(shares) >= _TINY else 0},
        autopct=lambda share: f"{share:.1f}%" if share >= 100 * _TINY else "",
        textprops={"fontsize": 16, "fontweight": "bold"},
    )
    for label, colour in zip(inside, COLOURS * len(forms), strict=False):
        label.set_color("white" if colour in _DARK else "black")
    labels = [f"{form.form}  {100 * share:.1f}%" for form, share in zip(forms, shares, strict=True)]
    axes.legend(
        wedges,
        labels,
        loc="lower center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=min(3, len(forms)),
        frameon=False,
        fontsize=12,
    )
    axes.set_title(f"{report.name}: parameters by form", fontsize=15)
    save(figure, path)


def histograms(report: Report, path: str) -> None:
    """Write a histogram of the numbers of each parameter that has statistics: a small one each, in
    the report's order.
    """
    rows = [row for row in report.rows if row.name in report.stats and report.stats[row.name].bins]
    if not rows:
        raise UsageError(f"{report.name}: has no values to draw a histogram of")
    shown = rows[:MAX_HISTOGRAMS]
    columns = min(4, len(shown))
    lines = -(-len(shown) // columns)
    figure = new_figure(path, 3.2 * columns, 1.7 * lines + 0.6)
    for at, row in enumerate(shown):
        stats = report.stats[row.name]
        axes = figure.add_subplot(lines, columns, at + 1)
        edges = [edge for edge, _ in stats.bins]
        width = edges[1] - edges[0] if len(edges) > 1 else 1.0
        axes.bar(
            edges, [count for _, count in stats.bins], width=width, align="edge", color=COLOURS[1]
        )
        axes.set_title(
            row.name if len(row.name) <= MAX_TITLE else f"…{row.name[1 - MAX_TITLE :]}",
            fontsize=7,
            parse_math=False,
        )
        axes.tick_params(labelsize=6)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=4)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    more = f" (the first {len(shown)} of {len(rows)})" if len(rows) > len(shown) else ""
    figure.suptitle(f"{report.name}: values by parameter{more}", fontsize=11, parse_math=False)
    save(figure, path)


def new_figure(path: str, width: float, height: float) -> Any:  # a matplotlib Figure
    """An empty figure of that many inches for a file of a kind that can be written."""
    if os.path.splitext(path)[1].lower() not in _FORMATS:
        raise UsageError(f"{path}: a chart is one of {', '.join(_FORMATS)}")
    try:
        from matplotlib.figure import Figure  # 0.5 s that nobody else should pay
    except ImportError as error:
        raise DependencyError("charts need matplotlib: pip install 'onnx-params[chart]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: str) -> None:  # a matplotlib Figure
    """Write a figure beside ``path``, then move it there.

    Raises :class:`UnreadableError` where that folder cannot be written.
    """
    write_with(path, lambda temporary: figure.savefig(temporary, dpi=150))
