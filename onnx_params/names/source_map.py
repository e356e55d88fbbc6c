"""Read our own source map: the original parameters that an exporter of ours wrote into the
artifact.

Format: ``onnx-params/source-map/1``, JSON in ``metadata_props["onnx-params.source-map"]``:
``parameters`` in order, each with ``name``, ``shape`` (null where it is not known), ``dtype``,
``sha256`` of its little-endian bytes, ``aliases``, and where known ``stored`` and ``view``, or
``pieces`` with the steps that lead from storage to it. A row that was inferred when the map was
made says ``certain: false``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import Words
from onnx_params.idioms.naming import Evidence
from onnx_params.names.claim import Claim
from onnx_params.names.placement import Stored
from onnx_params.tensors.evaluate import evaluate
from onnx_params.tensors.steps import SWAP, Piece, is_exact, shape_after
from onnx_params.tensors.steps_json import from_json

SCHEMA = "onnx-params/source-map/1"


def claims(model: Model, words: Words) -> list[Claim]:
    """One claim for each row of the map, in its order; none where there is no map, or it does not
    fit what is stored.
    """
    source_map = words.source_map
    if source_map is None or source_map.get("schema") != SCHEMA:
        return []
    rows = source_map.get("parameters")
    stored = Stored(model)
    found: list[Claim] = []
    for row in rows if isinstance(rows, list) else ():
        if not _is_sound(row):
            return []
        found.append(_claim(model, stored, row))
    return found


def buffers(model: Model, words: Words) -> list[Claim]:
    """The buffers that the map lists and that lie in the artifact."""
    rows = (words.source_map or {}).get("buffers")
    stored = Stored(model)
    found = [
        _claim(model, stored, row)
        for row in (rows if isinstance(rows, list) else ())
        if _is_sound(row)
    ]
    return [claim for claim in found if claim.pieces]


def _claim(model: Model, stored: Stored, row: dict[str, Any]) -> Claim:
    shape = None if row["shape"] is None else tuple(row["shape"])
    view = next((v for v in View if v.value == row.get("view")), View.UNKNOWN)
    pieces = _pieces(model, row, shape)
    keys = tuple(dict.fromkeys(piece.key for piece in pieces))
    name = row.get("stored")
    tensor = stored.get(name) if isinstance(name, str) and name else None
    if (
        tensor is not None
        and not pieces
        and shape is not None
        and view in (View.WHOLE, View.TRANSPOSED, View.MERGED)
        and isinstance(name, str)
    ):
        held = stored.hold(name, *((SWAP,) if view is View.TRANSPOSED else ()))
        if held is not None and held.shape == shape:
            keys = (held.tensor.key,)
            pieces = () if held.steps is None else (Piece(held.tensor.key, held.steps),)
            view = view if held.tensor.name == name else held.view
        else:
            tensor, view = None, View.UNKNOWN
    elif tensor is not None and not keys:
        keys = (tensor.key,)
    because = "the source map lists it"
    because += f", stored as '{keys[0][1]}'" if keys else "; where its numbers are is not known"
    if row.get("evidence") in {each.value for each in Evidence}:
        because += f"; named by {row['evidence']} when the map was made"
    return Claim(
        name=row["name"],
        shape=shape,
        dtype=row.get("dtype") if isinstance(row.get("dtype"), str) else None,
        evidence=Evidence.SOURCE_MAP,
        certain=row.get("certain") is not False,
        because=because,
        view=view,
        stored=keys,
        aliases=tuple(str(alias) for alias in row.get("aliases") or ()),
        pieces=pieces,
        axis=row["axis"] if type(row.get("axis")) is int and row["axis"] >= 0 else 0,
    )


def _pieces(model: Model, row: dict[str, Any], shape: tuple[int, ...] | None) -> tuple[Piece, ...]:
    """The pieces that a row lists, if all of them are there and make the row's shape; none
    otherwise.
    """
    listed = row.get("pieces")
    pieces = [from_json(each) for each in listed] if isinstance(listed, list) else []
    if (
        not pieces
        or shape is None
        or any(piece is None or piece.key not in model.held for piece in pieces)
    ):
        return ()
    sound = [piece for piece in pieces if piece is not None]
    axis = row.get("axis", 0)
    try:
        shapes = [shape_after(model.held[piece.key].shape, piece.steps) for piece in sound]
        whole = (
            shapes[0]
            if len(shapes) == 1
            else (*shapes[0][:axis], sum(each[axis] for each in shapes), *shapes[0][axis + 1 :])
        )
    except (IndexError, TypeError, ValueError):
        return ()
    return tuple(sound) if whole == shape else ()


def read_map(path: str | os.PathLike[str]) -> dict[str, Any] | None:  # JSON
    """The source map in a JSON file; ``None`` where the file is none, so that someone else may read
    it.
    """
    path = os.fspath(path)
    if not path.endswith(".json") or not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How many parameters' values agree with the digests of a source map, how many differ, how many
    could not be compared.
    """

    agreed: int
    differed: int
    skipped: int

    def __str__(self) -> str:
        return (
            f"values compared with the source map: {self.agreed} agree, {self.differed} differ,"
            f" {self.skipped} cannot be compared"
        )


def verified(claims: list[Claim], model: Model, words: Words) -> tuple[list[Claim], Verification]:
    """The claims, each compared with the SHA-256 in its row, and the outcome.

    Reads the values: touches the disk.

    A row whose stored values are not those that were exported is no longer certain. Raises
    :class:`MissingDataError` where values are not there.
    """
    import hashlib

    import numpy as np

    listed = (words.source_map or {}).get("parameters")
    rows = {
        row["name"]: row for row in (listed if isinstance(listed, list) else ()) if _is_sound(row)
    }
    stored = model.held
    found: list[Claim] = []
    agreed = differed = 0
    for claim in claims:
        digest = rows[claim.name].get("sha256")
        if claim.pieces and is_exact(claim.steps) and isinstance(digest, str):
            parts = [evaluate(stored, piece) for piece in claim.pieces]
            values = parts[0] if len(parts) == 1 else np.concatenate(parts, claim.axis)
            if hashlib.sha256(np.ascontiguousarray(values).data).hexdigest() == digest:
                agreed += 1
                found.append(
                    claim._replace(because=f"{claim.because}; SHA-256 of its values agrees")
                )
            else:
                differed += 1
                found.append(
                    claim._replace(
                        certain=False,
                        because=(
                            f"{claim.because}; SHA-256 of its values differs from what was exported"
                        ),
                    )
                )
        else:
            found.append(claim)
    return found, Verification(
        agreed=agreed, differed=differed, skipped=len(claims) - agreed - differed
    )


def _is_sound(row: Any) -> bool:  # JSON of a stranger
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and (
            row.get("shape", 0) is None
            or (
                isinstance(row.get("shape"), list)
                and all(type(dim) is int and dim >= 0 for dim in row["shape"])
            )
        )
    )
