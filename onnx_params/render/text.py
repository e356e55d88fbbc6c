"""Write numbers, shapes and untrusted names the way that every format writes them."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from onnx_params.plain import plain as plain


def shape(dims: tuple[int, ...] | None) -> str:
    """A shape as Python writes it; ``?`` where it is not known."""
    return "?" if dims is None else str(dims)


def finite(value: float | None) -> float | None:
    """A number as JSON has it, which has neither infinity nor NaN."""
    return value if value is not None and math.isfinite(value) else None


def for_sheet(text: str) -> str:
    """Text as a cell: what a spreadsheet would take for a formula gets an apostrophe in front."""
    text = plain(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and len(text) > 1 else text


def human(count: int) -> str:
    """A count by thousands with two decimals: 124.44M; a smaller one as it is."""
    if count < 1000:
        return f"{count}"
    value = float(count)
    for unit in ("", "K", "M", "G"):
        if round(value, 2) < 1000:
            return f"{value:.2f}{unit}"
        value /= 1000
    return f"{value:.2f}T"


def count_of(count: int, what: str) -> str:
    """A number of things: 1 tensor, 2 tensors."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def n_bytes(count: int) -> str:
    """Bytes by thousands: 497.76 MB."""
    text = human(count)
    return f"{count} B" if count < 1000 else f"{text[:-1]} {text[-1]}B"


def percent(part: int, whole: int) -> str:
    """A share with two decimals, without the sign."""
    return f"{100 * part / whole if whole else 0:.2f}"


def markdown_cell(text: str) -> str:
    """Text that cannot leave its cell of a Markdown table or bring in markup: the one escape of all
    documents.
    """
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("|", "\\|").replace('"', "&quot;")


def markdown_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()
) -> list[str]:
    """The lines of a Markdown table and an empty one; columns in ``right`` are flush right."""
    rule = "|".join("---:" if at in right else "---" for at in range(len(titles)))
    body = [f"| {' | '.join(map(markdown_cell, row))} |" for row in rows]
    return [f"| {' | '.join(map(markdown_cell, titles))} |", f"|{rule}|", *body, ""]


def json_text(document: Any, indent: int = 2) -> str:  # JSON
    """A document as text, with a line end."""
    return json.dumps(document, indent=indent) + "\n"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and rows, comma-separated."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
