"""Write reports, and lists of what artifacts have, of one model or of several in one document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from onnx_params.errors import UsageError
from onnx_params.render import html as pages
from onnx_params.render import json as documents
from onnx_params.render import listing as lists
from onnx_params.render import markdown as seed
from onnx_params.render.listing import Listing
from onnx_params.render.lists import parameters
from onnx_params.render.screen import PIPE, Window
from onnx_params.render.text import json_text
from onnx_params.report.report import Report

SEVERAL: Final = "onnx-params/reports/1"
SEVERAL_LISTS: Final = "onnx-params/listings/1"
BINARY: Final = frozenset({"parquet", "arrow"})

Text = str | bytes


def table(report: Report, window: Window = PIPE) -> str:
    """The table of parameters, then totals."""
    return lists.render(parameters(report), window)


def csv(report: Report) -> str:
    """The rows, comma-separated."""
    return lists.to_csv([parameters(report)])


def ndjson(report: Report) -> str:
    """A line of JSON a row."""
    return lists.to_ndjson([parameters(report)])


def parquet(report: Report) -> bytes:
    """The rows as a Parquet file."""
    return lists.to_parquet([parameters(report)])


def arrow(report: Report) -> bytes:
    """The rows as an Arrow file."""
    return lists.to_arrow_file([parameters(report)])


_OF_REPORTS: Final[Mapping[str, Callable[[Sequence[Report]], str]]] = {
    "markdown": lambda reports: "\n".join(map(seed.render, reports)),
    "html": lambda reports: "".join(map(pages.render, reports)),
    "json": lambda reports: _json(SEVERAL, "reports", [*map(documents.document, reports)]),
}
_OF_LISTS: Final[Mapping[str, Callable[[Sequence[Listing]], Text]]] = {
    "table": lambda listings: "\n".join(map(lists.render, listings)),
    "markdown": lambda listings: "\n".join(map(lists.markdown, listings)),
    "json": lambda listings: _json(SEVERAL_LISTS, "listings", [*map(lists.document, listings)]),
    "ndjson": lists.to_ndjson,
    "csv": lists.to_csv,
    "parquet": lists.to_parquet,
    "arrow": lists.to_arrow_file,
}


def of_reports(reports: Sequence[Report], format: str) -> Text:
    """Reports in one document; one alone is a document by itself.

    Raises :class:`DependencyError` where a package that the format needs is not installed.
    """
    write = _OF_REPORTS.get(format)
    return write(reports) if write else of_lists([*map(parameters, reports)], format)


def of_lists(listings: Sequence[Listing], format: str) -> Text:
    """Lists in one document.

    Raises :class:`UsageError` where a list cannot be written as that.
    """
    write = _OF_LISTS.get(format)
    if write is None:
        raise UsageError(f"--format {format}: only the report itself can be written so")
    return write(listings)


def _json(schema: str, word: str, every: list[dict[str, Any]]) -> str:
    """One document, or an envelope around several."""
    return json_text(every[0] if len(every) == 1 else {"schema": schema, word: every})
