"""Write reports as a page that a browser shows: one file, which needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from onnx_params.render import json as documents
from onnx_params.render.page import page
from onnx_params.render.terminal import headline
from onnx_params.render.text import plain, shape
from onnx_params.report.report import Report

MAX_ROWS: Final = 20  # for readers without scripts


def render(report: Report, live: str = "") -> str:
    """The page of one report."""
    return of_reports([report], several=False, live=live)


def of_reports(reports: Sequence[Report], several: bool, live: str = "") -> str:
    """The page of reports; of ``several`` models side by side."""
    title = ", ".join(report.name for report in reports)
    fallback = "".join(map(_fallback, reports))
    made = documents.of_reports(reports, several)
    return page(made, f"{title} - onnx-params", fallback, live)


def _fallback(report: Report) -> str:
    """The first rows as a plain table."""
    rows = "".join(
        f"<tr><td>{escape(plain(row.name))}</td><td>{shape(row.shape)}</td></tr>"
        for row in report.rows[:MAX_ROWS]
    )
    left = len(report.rows) - MAX_ROWS
    more = f"<p>and {left:,} more tensors</p>" if left > 0 else ""
    return (
        f"<p>{escape(headline(report))}. This page needs JavaScript.</p>"
        f"<table><tbody>{rows}</tbody></table>{more}"
    )
