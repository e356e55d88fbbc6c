"""Find what writes a record in a format: one row for each pair of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from onnx_params.errors import UsageError

Renderer = Callable[[Any], str]  # any record: the row says which

# (record, format) -> module and function that write it; modules are imported when they are asked
# for
RENDERERS: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("Report", "table"): ("reports", "table"),
    ("Report", "markdown"): ("markdown", "render"),
    ("Report", "json"): ("json", "render"),
    ("Report", "ndjson"): ("reports", "ndjson"),
    ("Report", "csv"): ("reports", "csv"),
    ("Report", "parquet"): ("reports", "parquet"),
    ("Report", "arrow"): ("reports", "arrow"),
    ("Report", "html"): ("html", "render"),
    ("Audit", "table"): ("audit", "render"),
    ("Audit", "json"): ("audit", "to_json"),
    ("Audit", "markdown"): ("audit", "markdown"),
    ("Audit", "csv"): ("audit", "to_csv"),
    ("Audit", "sarif"): ("sarif", "render"),
    ("Audit", "html"): ("html_verdicts", "of_audit"),
    ("Comparison", "table"): ("compare", "render"),
    ("Comparison", "markdown"): ("compare", "markdown"),
    ("Comparison", "json"): ("compare_documents", "to_json"),
    ("Comparison", "csv"): ("compare_documents", "to_csv"),
    ("Comparison", "html"): ("html_verdicts", "of_comparison"),
    ("Matrix", "table"): ("matrix", "render"),
    ("Matrix", "markdown"): ("matrix", "markdown"),
    ("Matrix", "json"): ("matrix", "to_json"),
    ("Matrix", "csv"): ("matrix", "to_csv"),
    ("Ranking", "table"): ("rank", "table"),
    ("Ranking", "markdown"): ("rank", "markdown"),
    ("Ranking", "json"): ("rank", "to_json"),
    ("Ranking", "csv"): ("rank", "to_csv"),
    ("Application", "table"): ("apply", "render"),
    ("Application", "json"): ("apply", "to_json"),
    ("Lock", "json"): ("lock", "to_json"),
    ("Lock", "cyclonedx"): ("cyclonedx", "render"),
}


def formats_of(record: str) -> tuple[str, ...]:
    """The formats in which a record can be written."""
    return tuple(format for name, format in RENDERERS if name == record)


def render(record: Any, format: str, **options: Any) -> str:  # any record: its type decides
    """The record in a format; ``options`` are the renderer's own.

    Raises :class:`UsageError` where it has no such one.
    """
    for kind in type(record).__mro__:
        row = RENDERERS.get((kind.__name__, format))
        if row is not None:
            module, function = row
            write = getattr(import_module(f"onnx_params.render.{module}"), function)
            text: str = write(record, **options)
            return text
    raise UsageError(f"{type(record).__name__} cannot be written as {format}")
