"""Define the source map, the project's own contract: the original parameters of an artifact, as a
record and as JSON.

Format: ``onnx-params/source-map/1``, JSON in ``metadata_props["onnx-params.source-map"]`` or in a
file: ``parameters`` in order, each with ``name``, ``shape`` (null where it is not known),
``dtype``, ``sha256`` of its little-endian bytes, ``aliases``, and where known ``stored`` and
``view``, or ``pieces`` with the steps that lead from storage to it, to be joined along ``axis``. A
row that was inferred when the map was made says ``certain: false``, and by what ``evidence``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Final

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence
from onnx_params.tensors.steps import Placement, Shape
from onnx_params.tensors.steps_json import from_json, to_json

SCHEMA: Final = "onnx-params/source-map/1"
KEY: Final = "onnx-params.source-map"
# views as release 0.1.0 wrote them
_OLD_VIEWS: Final = {"dequantised": View.DEQUANTIZED.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRow:
    """One parameter or buffer."""

    name: str
    shape: Shape | None
    dtype: str | None = None
    sha256: str | None = None
    aliases: tuple[str, ...] = ()
    stored: str | None = None
    view: View = View.UNKNOWN
    evidence: Evidence | None = None
    certain: bool = True
    placements: tuple[Placement, ...] = ()
    axis: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMap:
    """The list of original parameters, and of buffers."""

    framework: str
    exporter: str
    parameters: tuple[MapRow, ...]
    buffers: tuple[MapRow, ...] = ()

    @property
    def has_digests(self) -> bool:
        """Whether values can be compared with it."""
        return any(row.sha256 is not None for row in self.parameters)


def from_document(document: Any) -> SourceMap | None:  # JSON of a stranger
    """The record of a document; ``None`` where it is not a source map, or one of its parameters has
    no name or shape.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    listed = document.get("parameters")
    rows = [_row(each) for each in listed] if isinstance(listed, list) else []
    parameters = tuple(row for row in rows if row is not None)
    if len(parameters) < len(rows):
        return None
    others = document.get("buffers")
    buffers = [_row(each) for each in others] if isinstance(others, list) else []
    return SourceMap(
        framework=_text(document.get("framework")) or "",
        exporter=_text(document.get("exporter")) or "",
        parameters=parameters,
        buffers=tuple(row for row in buffers if row is not None),
    )


def _text(value: Any) -> str | None:  # JSON of a stranger
    return value if isinstance(value, str) and value else None


def _row(row: Any) -> MapRow | None:  # JSON of a stranger
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not _has_shape(row):
        return None
    aliases = row.get("aliases")
    axis = row.get("axis")
    return MapRow(
        name=row["name"],
        shape=None if row["shape"] is None else tuple(row["shape"]),
        dtype=_text(row.get("dtype")),
        sha256=_text(row.get("sha256")),
        aliases=tuple(map(str, aliases)) if isinstance(aliases, list) else (),
        stored=_text(row.get("stored")),
        view=_view(row.get("view")),
        evidence=next((each for each in Evidence if each.value == row.get("evidence")), None),
        certain=row.get("certain") is not False,
        placements=_pieces(row.get("pieces")),
        axis=axis if type(axis) is int and axis >= 0 else 0,
    )


def _has_shape(row: dict[str, Any]) -> bool:  # JSON of a stranger
    shape = row.get("shape", ())
    if shape is None:
        return True
    return isinstance(shape, list) and all(type(dim) is int and dim >= 0 for dim in shape)


def _view(word: Any) -> View:  # JSON of a stranger
    if not isinstance(word, str):
        return View.UNKNOWN
    current = _OLD_VIEWS.get(word, word)
    return next((view for view in View if view.value == current), View.UNKNOWN)


def _pieces(listed: Any) -> tuple[Placement, ...]:  # JSON of a stranger
    """The placements of a row; none where one of them is broken."""
    found = [from_json(each) for each in listed] if isinstance(listed, list) else []
    sound = tuple(placement for placement in found if placement is not None)
    return sound if len(sound) == len(found) else ()


def to_document(
    source_map: SourceMap, renamed: dict[str, str] | None = None
) -> dict[str, Any]:  # JSON
    """The record as JSON has it; stored names as ``renamed`` changes them in the main graph."""
    names = renamed or {}
    return {
        "schema": SCHEMA,
        "framework": source_map.framework,
        "exporter": source_map.exporter,
        "parameters": [_row_document(row, names) for row in source_map.parameters],
        "buffers": [_row_document(row, names) for row in source_map.buffers],
    }


def _row_document(row: MapRow, renamed: dict[str, str]) -> dict[str, Any]:  # JSON
    found: dict[str, Any] = {
        "name": row.name,
        "shape": None if row.shape is None else list(row.shape),
        "dtype": row.dtype,
    }
    if row.sha256 is not None:
        found["sha256"] = row.sha256
    if row.aliases:
        found["aliases"] = list(row.aliases)
    found["view"] = row.view.value
    if row.evidence is not None:
        found["evidence"] = row.evidence.value
    found["certain"] = row.certain
    if row.stored is not None:
        found["stored"] = renamed.get(row.stored, row.stored)
    if row.placements:
        found["pieces"] = [to_json(placement, renamed) for placement in row.placements]
        found["axis"] = row.axis
    return found


def read_map(path: str | os.PathLike[str]) -> SourceMap | None:
    """The source map in a JSON file; ``None`` where the file is none, so that another reader may
    try it.
    """
    path = os.fspath(path)
    if not path.endswith(".json") or not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return from_document(json.load(file))
    except (OSError, ValueError, RecursionError):
        return None
