"""Write lists of things that an artifact has in every format: parameters, stored tensors, modules,
statistics.

A list has fields and rows of plain values; how one value is shown is the field's affair, how a list
is written that of a format.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onnx_params.errors import DependencyError, UsageError
from onnx_params.render.screen import PIPE, Block, Column, Line, Style, Table, Window, text
from onnx_params.render.text import csv_text, for_sheet, json_text, markdown_table, plain

if TYPE_CHECKING:
    import pyarrow

SCHEMA: Final = "onnx-params/listing/1"


class Field(NamedTuple):
    """One field: its key in documents, its title on the screen, its type, how a value is shown.

    ``kind`` is ``str``, ``int``, ``float`` or ``bool``, of a value or of each in a tuple;
    ``right``, ``drop`` and ``long`` are those of the screen's column, ``is_hidden`` keeps it off
    that. Values of one that ``is_list`` are tuples.
    """

    key: str
    title: str
    kind: type
    show: Callable[[Any], str] = str
    right: bool = False
    drop: int = 0
    long: bool = False
    is_hidden: bool = False
    is_list: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A list of one kind of things in one model: ``head`` and ``foot`` stand around its table."""

    kind: str
    model: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Any, ...], ...]
    head: tuple[Block, ...] = ()
    foot: tuple[Block, ...] = ()
    style: Style | None = None
    marks: dict[str, Sequence[str]] = field(default_factory=dict)  # key -> see Column

    def picked(self, keys: Sequence[str]) -> Listing:
        """The list with these fields, in this order, and nothing around it.

        Raises :class:`UsageError` where it has no such one.
        """
        known = [each.key for each in self.fields]
        for key in keys:
            if key not in known:
                raise UsageError(f"there is no column '{key}'; there are {', '.join(known)}")
        at = [known.index(key) for key in keys]
        return Listing(
            kind=self.kind,
            model=self.model,
            fields=tuple(self.fields[each]._replace(is_hidden=False) for each in at),
            rows=tuple(tuple(row[each] for each in at) for row in self.rows),
        )


def render(listing: Listing, window: Window = PIPE) -> str:
    """The screen."""
    shown = [at for at, each in enumerate(listing.fields) if not each.is_hidden]
    columns = [_column(listing, listing.fields[at]) for at in shown]
    rows = [
        [_marked(listing, number, listing.fields[at], row[at]) for at in shown]
        for number, row in enumerate(listing.rows)
    ]
    table = Table(columns, rows, listing.style)
    head = (*listing.head, Line()) if listing.head else ()
    foot = (Line(), *listing.foot) if listing.foot else ()
    return text((*head, table, *foot), window)


def _marked(listing: Listing, number: int, each: Field, value: Any) -> str:
    """A value as text, with the mark that its row has for it."""
    marks = listing.marks.get(each.key)
    mark = marks[number] if marks else ""
    return f"{each.show(value)} {mark}" if mark else each.show(value)


def _column(listing: Listing, each: Field) -> Column:
    marks = listing.marks.get(each.key, ())
    return Column(each.title, each.right, each.drop, each.long, marks)


def markdown(listing: Listing) -> str:
    """One table of all fields that the screen has."""
    shown = [at for at, each in enumerate(listing.fields) if not each.is_hidden]
    fields = [listing.fields[at] for at in shown]
    rows = [
        [each.show(row[at]) for at, each in zip(shown, fields, strict=True)] for row in listing.rows
    ]
    right = frozenset(at for at, each in enumerate(fields) if each.right)
    return "\n".join(markdown_table([each.title for each in fields], rows, right))


def document(listing: Listing) -> dict[str, Any]:  # JSON
    """The list by the contract ``onnx-params/listing/1``."""
    return {
        "schema": SCHEMA,
        "kind": listing.kind,
        "model": listing.model,
        "rows": [_record(listing, row) for row in listing.rows],
    }


def _record(listing: Listing, row: Sequence[Any]) -> dict[str, Any]:  # JSON
    """A row as JSON has it, which has neither infinity nor NaN."""
    return {
        each.key: None if isinstance(value, float) and not math.isfinite(value) else value
        for each, value in zip(listing.fields, row, strict=True)
    }


def to_json(listing: Listing) -> str:
    """The document as text."""
    return json_text(document(listing))


def to_ndjson(listings: Sequence[Listing]) -> str:
    """A line a row, each with its model."""
    lines = [
        json.dumps({"model": listing.model, **_record(listing, row)})
        for listing in listings
        for row in listing.rows
    ]
    return "".join(f"{line}\n" for line in lines)


def to_csv(listings: Sequence[Listing], several: bool = False) -> str:
    """A header and a line a row, numbers as numbers; the model first where there are ``several``.

    Dimensions are joined by ``x``, names by spaces.
    """
    fields = listings[0].fields if listings else ()
    header = [*(["model"] if several else []), *(each.key for each in fields)]
    rows = [
        [
            *([for_sheet(listing.model)] if several else []),
            *(_sheet(each, value) for each, value in zip(fields, row, strict=True)),
        ]
        for listing in listings
        for row in listing.rows
    ]
    return csv_text(header, rows)


def _sheet(each: Field, value: Any) -> object:
    """A value as a cell of a sheet."""
    if value is None:
        return ""
    if isinstance(value, (tuple, list)):
        words = [plain(str(part)) for part in value]
        return "x".join(words) if each.kind is int else for_sheet(" ".join(words))
    if isinstance(value, float):
        return f"{value:.6g}"
    return for_sheet(value) if isinstance(value, str) else value


def to_arrow(listings: Sequence[Listing]) -> pyarrow.Table:
    """One table of all rows, with a column for the model.

    Raises :class:`DependencyError` where pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
    except ImportError as error:
        raise DependencyError.of("this format", "pyarrow", "parquet") from error
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    fields = listings[0].fields if listings else ()
    columns: dict[str, Any] = {
        "model": arrow.array(
            [listing.model for listing in listings for _ in listing.rows], arrow.string()
        )
    }
    for at, each in enumerate(fields):
        values = [row[at] for listing in listings for row in listing.rows]
        kind = arrow.list_(kinds[each.kind]) if each.is_list else kinds[each.kind]
        plain_values = [list(value) if isinstance(value, tuple) else value for value in values]
        columns[each.key] = arrow.array(plain_values, kind)
    return arrow.table(columns)


def to_parquet(listings: Sequence[Listing]) -> bytes:
    """A Parquet file of all rows."""
    table = to_arrow(listings)
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def to_arrow_file(listings: Sequence[Listing]) -> bytes:
    """An Arrow IPC file (Feather) of all rows."""
    table = to_arrow(listings)
    import pyarrow.feather

    out = io.BytesIO()
    pyarrow.feather.write_feather(table, out, compression="uncompressed")
    return out.getvalue()
