"""Offer the verbs to Python: open what a user has, return a record that can write itself down."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import ParamSpec

from onnx_params.comparison.compare import Comparison
from onnx_params.render.registry import render
from onnx_params.report import analyze as reports
from onnx_params.report import report as records

P = ParamSpec("P")


class Report(records.Report):
    """A report that writes itself down in any format."""

    def to_markdown(self) -> str:
        """The report in the seed's format."""
        return render(self, "markdown")

    def to_json(self) -> str:
        """The report by the contract ``onnx-params/report/1``."""
        return render(self, "json")

    def to_csv(self) -> str:
        """The rows, comma-separated, with a header."""
        return render(self, "csv")

    def _repr_html_(self) -> str:
        return render(self, "html")


def _writable(report: records.Report) -> Report:
    """The same report as one that writes itself down."""
    return Report(
        name=report.name, inventory=report.inventory, rows=report.rows, stats=report.stats
    )


def _writing(analyze: Callable[P, records.Report]) -> Callable[P, Report]:
    """The same function, with a result that writes itself down."""

    @wraps(analyze)
    def call(*args: P.args, **kwargs: P.kwargs) -> Report:
        return _writable(analyze(*args, **kwargs))

    return call


analyze = _writing(reports.analyze)


def compare(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    values: bool = True,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Comparison:
    """Pair the parameters of two artifacts; see :func:`onnx_params.comparison.compare.compare`.

    Raises :class:`~onnx_params.errors.OnnxParamsError`.
    """
    from onnx_params.comparison.compare import compare as pair

    made = pair(a, b, values=values, progress=progress)
    return replace(made, a=_writable(made.a), b=_writable(made.b))
