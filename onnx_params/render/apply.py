"""Write what became of each tensor of a checkpoint: as a table, and by the contract
``onnx-params/apply/1``.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from onnx_params.applying.record import SCHEMA, Application, Row, Way
from onnx_params.render.screen import PIPE, Block, Column, Line, Table, Window, text
from onnx_params.render.text import count_of, finite, json_text, plain

_COLUMNS: Final = (
    Column("Tensor", long=True),
    Column("Way"),
    Column("Shape", drop=2),
    Column("Stored as", long=True, drop=3),
    Column("SQNR", right=True, drop=1),
    Column("Because", long=True, drop=4, prose=True),
)
_STYLES: Final = {Way.REFUSED: "bad", Way.ABSENT: "warn", Way.UNCHANGED: "dim"}


def render(made: Application, window: Window = PIPE) -> str:
    """What was done in one line, then a row for each tensor, those that cannot be written first and
    with their reasons.
    """
    rows = sorted(made.rows, key=lambda row: row.way is not Way.REFUSED)
    blocks: list[Block] = [Line(_summary(made))]
    blocks += [Line(f"note: {plain(note)}") for note in made.notes]
    blocks.append(Line())
    reasons: dict[str, list[str]] = {}
    for row in made.refused:
        reasons.setdefault(row.because, []).append(row.name)
    for because, names in reasons.items():
        who = plain(names[0]) if len(names) == 1 else count_of(len(names), "tensor")
        blocks.append(Line(f"{who} cannot be written: {plain(because)}"))
    blocks += [Line()] if reasons else []
    table = Table(
        _COLUMNS,
        [_cells(row) for row in rows],
        style=lambda row, column: _STYLES.get(rows[row].way, "") if column == 1 else "",
    )
    return text([*blocks, table], window)


def _cells(row: Row) -> tuple[str, ...]:
    shape = "x".join(map(str, row.shape)) or "1"
    stored = ", ".join(map(plain, row.stored))
    return plain(row.name), row.way.value, shape, stored, _decibels(row), plain(row.because)


def _decibels(row: Row) -> str:
    if row.sqnr is None:
        return ""
    return f"{row.sqnr:.1f} dB" if math.isfinite(row.sqnr) else "no loss"


def _summary(made: Application) -> str:
    """How many tensors went which way, and where the result is."""
    counts = Counter(row.way for row in made.rows)
    ways = ", ".join(f"{counts[way]} {way.value}" for way in Way if counts[way])
    into = f"{count_of(made.n_tensors, 'stored tensor')}, {made.n_bytes:,} bytes"
    if not made.output:
        return f"would write {into}: {ways}"
    proved = "proved by an audit" if made.is_proved else "not proved"
    return f"{plain(made.output)}: {into} written and {proved}: {ways}"


def to_json(made: Application) -> str:
    """The contract ``onnx-params/apply/1``."""
    document = {
        "schema": SCHEMA,
        "model": made.model,
        "checkpoint": made.checkpoint,
        "output": made.output or None,
        "proved": made.is_proved,
        "totals": {
            "stored_tensors": made.n_tensors,
            "bytes": made.n_bytes,
            "ways": {way.value: len(made.of(way)) for way in Way},
        },
        "tensors": [
            {
                "name": row.name,
                "way": row.way.value,
                "because": row.because,
                "shape": row.shape,
                "dtype": row.dtype,
                "stored": row.stored,
                "certain": row.certain,
                "sqnr": None if row.sqnr is None else finite(row.sqnr),
            }
            for row in made.rows
        ],
        "notes": list(made.notes),
    }
    return json_text(document)
