"""Write reports, and lists of what artifacts have, of one model or of several in one document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from onnx_params.errors import UsageError
from onnx_params.render import html as pages
from onnx_params.render import json as documents
from onnx_params.render import listing as lists
from onnx_params.render import markdown as seed
from onnx_params.render.listing import Listing
from onnx_params.render.lists import parameters
from onnx_params.render.screen import PIPE, Window
from onnx_params.render.text import json_text, markdown_cell
from onnx_params.report.report import Report

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


_OF_REPORTS: Final[Mapping[str, Callable[[Sequence[Report], bool], str]]] = {
    "markdown": lambda reports, several: "\n".join(map(seed.render, reports)),
    "html": pages.of_reports,
    "json": lambda reports, several: json_text(documents.of_reports(reports, several)),
}
_OF_LISTS: Final[Mapping[str, Callable[[Sequence[Listing], bool], Text]]] = {
    "table": lambda listings, several: "\n".join(map(lists.render, listings)),
    "markdown": lambda listings, several: "\n".join(_headed(listings, several)),
    "json": lambda listings, several: _json(
        SEVERAL_LISTS, "listings", [*map(lists.document, listings)], several
    ),
    "ndjson": lambda listings, several: lists.to_ndjson(listings),
    "csv": lists.to_csv,
    "parquet": lambda listings, several: lists.to_parquet(listings),
    "arrow": lambda listings, several: lists.to_arrow_file(listings),
}


def of_reports(reports: Sequence[Report], format: str, several: bool) -> Text:
    """Reports in one document; of ``several`` models, even if only one could be read, an envelope.

    Raises :class:`DependencyError` where a package that the format needs is not installed.
    """
    write = _OF_REPORTS.get(format)
    if write is not None:
        return write(reports, several)
    return of_lists([*map(parameters, reports)], format, several)


def of_lists(listings: Sequence[Listing], format: str, several: bool) -> Text:
    """Lists in one document.

    Raises :class:`UsageError` where a list cannot be written as that.
    """
    write = _OF_LISTS.get(format)
    if write is None:
        raise UsageError(f"--format {format}: only the report itself can be written so")
    return write(listings, several)


def _headed(listings: Sequence[Listing], several: bool) -> Iterator[str]:
    """Each table, under the name of its model where there are several."""
    for listing in listings:
        heading = f"## {markdown_cell(listing.model)}\n\n" if several else ""
        yield f"{heading}{lists.markdown(listing)}"


def _json(schema: str, word: str, every: list[dict[str, Any]], several: bool) -> str:
    """One document, or an envelope around several."""
    return json_text({"schema": schema, word: every} if several else every[0])
