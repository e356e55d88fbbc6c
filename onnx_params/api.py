"""Offer the verbs to Python: open what a user has, return a record that can write itself down."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from onnx_params.comparison.compare import Comparison
from onnx_params.names.architecture import Expected
from onnx_params.report import analyze as reports
from onnx_params.report import report as records


class Report(records.Report):
    """A report that writes itself down in any format."""

    def to_markdown(self) -> str:
        """The report in the seed's format."""
        from onnx_params.render.markdown import render

        return render(self)

    def to_json(self) -> str:
        """The report by the contract ``onnx-params/report/1``."""
        from onnx_params.render.json import render

        return render(self)

    def to_csv(self) -> str:
        """The rows, comma-separated, with a header."""
        from onnx_params.render.csv import render

        return render(self)

    def _repr_html_(self) -> str:
        from onnx_params.render.html import render

        return render(self)


def _writable(report: records.Report) -> Report:
    """The same report as one that writes itself down."""
    return Report(
        name=report.name, inventory=report.inventory, rows=report.rows, stats=report.stats
    )


def analyze(
    source: str | os.PathLike[str] | bytes | BinaryIO | Any,  # Any: onnx, onnx_ir
    *,
    name: str | None = None,
    verify: bool = False,
    reference: str | os.PathLike[str] | None = None,
    like: Sequence[Expected] | None = None,
    strip_prefix: bool = False,
    stats: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Report:
    """Report on an artifact; see :func:`onnx_params.report.analyze.analyze` for the arguments.

    Raises :class:`~onnx_params.errors.OnnxParamsError`.
    """
    made = reports.analyze(
        source,
        name=name,
        verify=verify,
        reference=reference,
        like=like,
        strip_prefix=strip_prefix,
        stats=stats,
        progress=progress,
    )
    return _writable(made)


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
