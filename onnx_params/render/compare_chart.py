"""Draw the bytes of models side by side: by type, or by module."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from onnx_params.render.chart import COLOURS, new_figure, save
from onnx_params.render.compare import by_dtype
from onnx_params.render.text import n_bytes
from onnx_params.report.report import Report

MAX_MODULES: Final = 12  # of a chart

_UNITS: Final = ((10**9, "GB"), (10**6, "MB"), (10**3, "KB"))


def draw(reports: Sequence[Report], path: str, by_module: bool = False) -> None:
    """Bytes of each model side by side, stacked by type, or grouped by module (the
    largest ones).
    """
    names = [report.name for report in reports]
    if len(set(names)) < len(names):
        names = [os.path.basename(report.inventory.model.source.label) for report in reports]
    if by_module:
        figure = new_figure(path, 7.5, 5)
    else:
        figure = new_figure(path, 1.6 + 1.9 * len(reports), 4.8)
    axes = figure.add_subplot()
    if by_module:
        _draw_modules(axes, reports, names)
    else:
        _draw_types(axes, reports, names)
    axes.legend(frameon=False, fontsize=9)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    axes.set_title("bytes by module" if by_module else "bytes by type", fontsize=13)
    save(figure, path)


def _draw_modules(  # ``axes`` are matplotlib's
    axes: Any, reports: Sequence[Report], names: Sequence[str]
) -> None:
    """A group of bars a module, a bar a model."""
    sizes = [{m.name: m.n_bytes for m in report.modules(2)} for report in reports]
    shown = _largest_leaves(sizes)
    height = 0.8 / len(reports)
    for at, side in enumerate(sizes):
        places = [y + (len(reports) / 2 - 0.5 - at) * height for y in range(len(shown))]
        axes.barh(
            places,
            [side.get(name, 0) / 1e6 for name in shown],
            height,
            label=names[at],
            color=COLOURS[at % len(COLOURS)],
        )
    axes.set_yticks(range(len(shown)), shown, fontsize=8)
    axes.set_xlabel("MB")


def _largest_leaves(sizes: Sequence[Mapping[str, int]]) -> list[str]:
    """The largest modules that contain no other one, the largest last: it is drawn on top."""
    known = {name for side in sizes for name in side}
    leaves = [name for name in known if not any(other.startswith(f"{name}.") for other in known)]
    ordered = sorted(leaves, key=lambda name: -max(side.get(name, 0) for side in sizes))
    return ordered[:MAX_MODULES][::-1]


def _draw_types(  # ``axes`` are matplotlib's
    axes: Any, reports: Sequence[Report], names: Sequence[str]
) -> None:
    """A bar a model, stacked by type."""
    listed = [by_dtype(report) for report in reports]
    types = list(dict.fromkeys(name for side in listed for name in side))
    most = max(sum(side.values()) for side in listed)
    unit, word = next((each for each in _UNITS if most >= each[0]), (1, "bytes"))
    base = [0.0] * len(reports)
    for at, name in enumerate(types):
        heights = [side[name] / unit for side in listed]
        axes.bar(
            range(len(reports)),
            heights,
            0.6,
            bottom=base,
            label=name,
            color=COLOURS[at % len(COLOURS)],
        )
        base = [low + height for low, height in zip(base, heights, strict=True)]
    for at, top in enumerate(base):
        axes.annotate(
            n_bytes(round(top * unit)),
            (at, top),
            ha="center",
            va="bottom",
            fontsize=10,
            fontweight="bold",
        )
    axes.set_xticks(range(len(reports)), names, fontsize=9)
    axes.set_ylabel(word)
    axes.set_ylim(0, max(most, 1) / unit * 1.15)
