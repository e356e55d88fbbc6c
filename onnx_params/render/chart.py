"""Draw the pie of parameters by form, and histograms of their numbers."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from onnx_params.errors import DependencyError, UsageError
from onnx_params.io.atomic import write_bytes
from onnx_params.render.screen import shortened
from onnx_params.render.text import human, n_bytes
from onnx_params.report.report import Report

# Okabe and Ito's palette, which people who do not see all colours can tell apart
COLOURS = ("#E69F00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
# white text is legible on these, black on the others
_DARK = frozenset({"#0072B2", "#009E73", "#D55E00"})
_FORMATS = (".png", ".svg", ".pdf")
MAX_HISTOGRAMS = 24  # in one figure, which is read at the width of a page
COLUMNS = 3  # of histograms
ICICLE_CHARACTERS = 130  # over its whole width
MAX_OVER = 42  # characters of a name over its histogram
MAX_TITLE = 30  # and beside its bar
MAX_BARS = 16  # beside each other; the rest is one
MAX_DEPTH = 4  # of the module tree
LEAST_MODULES = 3  # that tell something
_TINY = 0.04  # share below which a slice has no room for its own label


def draw(report: Report, path: str, by: str = "form") -> None:
    """Write a chart to ``path`` (.png, .svg or .pdf), whole or not at all: the pie of parameters by
    form, bars by ``dtype``, by ``module`` or by ``bytes`` of the largest tensors, or an ``icicle``
    of the module tree.

    Raises :class:`UsageError` for another ending, :class:`DependencyError` where matplotlib is not
    installed.
    """
    if by in _WHOLE:
        _WHOLE[by](report, path)
        return
    title, bars = _BARS[by](report)
    shown = [bar for bar in sorted(bars, key=lambda bar: -bar[1]) if bar[1]]
    if not shown:
        raise UsageError(f"{report.name}: has no parameters, so there is no chart to draw")
    rest = shown[MAX_BARS:]
    shown = shown[:MAX_BARS]
    if rest:
        shown.append((f"{len(rest)} others", sum(size for _, size in rest)))
    _bars(f"{report.name}: {title}", shown, path, is_bytes=by != "module")


def _bars(title: str, bars: Sequence[tuple[str, int]], path: str, is_bytes: bool) -> None:
    """A horizontal bar for each name, the largest at the top, with its number and its share."""
    whole = sum(size for _, size in bars)
    figure = new_figure(path, 7.5, 1.1 + 0.32 * len(bars))
    axes = figure.add_subplot()
    axes.barh(range(len(bars)), [size for _, size in bars], 0.7, color=COLOURS[1])
    for at, (_, size) in enumerate(bars):
        number = n_bytes(size) if is_bytes else human(size)
        label = f"{number}  {100 * size / whole:.1f}%"
        axes.annotate(
            label, (size, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
        )
    names = [shortened(name, MAX_TITLE) for name, _ in bars]
    axes.set_yticks(range(len(bars)), names, fontsize=9, parse_math=False)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.margins(x=0.22, y=0.02)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(title, fontsize=13, parse_math=False)
    save(figure, path)


def _by_dtype(report: Report) -> tuple[str, list[tuple[str, int]]]:
    sizes: Counter[str] = Counter()
    for row in report.rows:
        sizes[row.dtype or "unknown"] += row.n_bytes
    return "bytes by type", list(sizes.items())


def _by_module(report: Report) -> tuple[str, list[tuple[str, int]]]:
    """The modules at the depth where there are some to tell apart."""
    depth = 1
    while depth < MAX_DEPTH and len(_at_depth(report, depth)) < LEAST_MODULES:
        depth += 1
    return "parameters by module", _at_depth(report, depth)


def _at_depth(report: Report, depth: int) -> list[tuple[str, int]]:
    sizes: Counter[str] = Counter()
    for row in report.rows:
        sizes[".".join(row.name.split(".")[:depth])] += row.count or 0
    return list(sizes.items())


def _by_tensor(report: Report) -> tuple[str, list[tuple[str, int]]]:
    return "the largest tensors", [(row.name, row.n_bytes) for row in report.rows]


_BARS: Final[Mapping[str, Callable[[Report], tuple[str, list[tuple[str, int]]]]]] = {
    "dtype": _by_dtype,
    "module": _by_module,
    "bytes": _by_tensor,
}


def _pie(report: Report, path: str) -> None:
    """The pie of parameters by form: the seed's."""
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


def _icicle(report: Report, path: str) -> None:
    """The module tree from the root down: a level a row, each module as wide as its share."""
    if not report.parameters:
        raise UsageError(f"{report.name}: has no parameters, so there is no chart to draw")
    figure = new_figure(path, 9, 0.6 * MAX_DEPTH + 1)
    axes = figure.add_subplot()
    for depth in range(MAX_DEPTH):
        at = 0.0
        for number, (name, size) in enumerate(_runs(report, depth)):
            width = size / report.parameters
            colour = COLOURS[number % len(COLOURS)] if name else "#ffffff00"
            axes.barh(-depth, width, 0.92, left=at, color=colour, edgecolor="white", linewidth=0.8)
            label = name.rpartition(".")[2]
            if width * ICICLE_CHARACTERS > len(label):
                ink = "white" if colour in _DARK else "black"
                place = (at + width / 2, -depth)
                axes.text(*place, label, ha="center", va="center", fontsize=8, color=ink)
            at += width
    axes.set_xlim(0, 1)
    axes.axis("off")
    axes.set_title(f"{report.name}: parameters by module", fontsize=13, parse_math=False)
    save(figure, path)


def _runs(report: Report, depth: int) -> list[tuple[str, int]]:
    """The modules of one level in the report's order, with how many parameters each has; empty
    names stand for parameters that hang higher.
    """
    runs: list[tuple[str, int]] = []
    for row in report.rows:
        segments = row.name.split(".")
        name = ".".join(segments[: depth + 1]) if depth < len(segments) else ""
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + (row.count or 0))
        else:
            runs.append((name, row.count or 0))
    return runs


_WHOLE: Final[Mapping[str, Callable[[Report, str], None]]] = {"form": _pie, "icicle": _icicle}


def histograms(report: Report, path: str) -> None:
    """Write a histogram of the numbers of the largest parameters that have statistics: a small one
    each, in the report's order.
    """
    rows = [row for row in report.rows if row.name in report.stats and report.stats[row.name].bins]
    if not rows:
        raise UsageError(f"{report.name}: has no values to draw a histogram of")
    largest = sorted(rows, key=lambda row: -(row.count or 0))[:MAX_HISTOGRAMS]
    shown = [row for row in rows if row in largest]
    columns = min(COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    figure = new_figure(path, 2.6 * columns, 1.6 * lines + 0.6)
    for at, row in enumerate(shown):
        stats = report.stats[row.name]
        axes = figure.add_subplot(lines, columns, at + 1)
        edges = [edge for edge, _ in stats.bins]
        width = edges[1] - edges[0] if len(edges) > 1 else 1.0
        axes.bar(
            edges, [count for _, count in stats.bins], width=width, align="edge", color=COLOURS[1]
        )
        axes.set_title(shortened(row.name, MAX_OVER), fontsize=7, parse_math=False)
        axes.tick_params(labelsize=8)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=4)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    more = f" (the {len(shown)} largest of {len(rows)})" if len(rows) > len(shown) else ""
    figure.suptitle(f"{report.name}: values by parameter{more}", fontsize=11, parse_math=False)
    save(figure, path)


def new_figure(path: str, width: float, height: float) -> Any:  # a matplotlib Figure
    """An empty figure of that many inches for a file of a kind that can be written."""
    if os.path.splitext(path)[1].lower() not in _FORMATS:
        raise UsageError(f"{path}: a chart is one of {', '.join(_FORMATS)}")
    try:
        from matplotlib.figure import Figure  # 0.5 s that nobody else should pay
    except ImportError as error:
        raise DependencyError.of("a chart", "matplotlib", "chart") from error
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: str) -> None:  # a matplotlib Figure
    """Write a figure beside ``path``, then move it there.

    Raises :class:`UnreadableError` where that folder cannot be written.
    """
    made = io.BytesIO()  # a library that is in the midst of a file does not end well on a full disk
    figure.savefig(made, dpi=150, format=os.path.splitext(path)[1].lower()[1:])
    write_bytes(path, [made.getvalue()])
