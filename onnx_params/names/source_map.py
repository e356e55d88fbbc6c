"""Read our own source map: the original parameters that an exporter of ours wrote into the artifact.

Format: ``onnx-params/source-map/1``, JSON in ``metadata_props["onnx-params.source-map"]``: ``parameters`` in order, each with ``name``,
``shape``, ``dtype``, ``sha256`` of its little-endian bytes, ``aliases``, and where known ``stored`` and ``view``.
"""

from __future__ import annotations

from typing import Any

from onnx_params.graph import Model
from onnx_params.names.claims import Claim, Evidence
from onnx_params.names.words import Words
from onnx_params.views import View

SCHEMA = "onnx-params/source-map/1"


def claims(model: Model, words: Words) -> list[Claim]:
    """One claim for each row of the map, in its order; none where there is no map, or it does not fit what is stored."""
    source_map = words.source_map
    if source_map is None or source_map.get("schema") != SCHEMA:
        return []
    rows = source_map.get("parameters")
    stored = {tensor.name: tensor for tensor in model.main.tensors}
    found: list[Claim] = []
    for row in rows if isinstance(rows, list) else ():
        if not _is_sound(row):
            return []
        shape = tuple(row["shape"])
        tensor = stored.get(row.get("stored") or "")
        view = next((v for v in View if v.value == row.get("view")), View.UNKNOWN)
        if tensor is not None and view in (View.WHOLE, View.TRANSPOSED, View.MERGED):
            expected = shape[::-1] if view is View.TRANSPOSED else shape
            if tensor.shape != expected:
                tensor, view = None, View.UNKNOWN
        because = "the source map lists it"
        because += f", stored as '{tensor.name}'" if tensor is not None else "; where its numbers are is not known"
        found.append(
            Claim(
                name=row["name"],
                shape=shape,
                dtype=row.get("dtype") if isinstance(row.get("dtype"), str) else None,
                evidence=Evidence.SOURCE_MAP,
                certain=True,
                because=because,
                view=view,
                stored=(tensor.key,) if tensor is not None else (),
                aliases=tuple(str(alias) for alias in row.get("aliases") or ()),
            )
        )
    return found


def verified(claims: list[Claim], model: Model, words: Words) -> tuple[list[Claim], str]:
    """The claims, each held against the SHA-256 in its row, and a note of the outcome. Reads the values: touches the disk.

    A row whose stored values are not those that were exported is no longer certain. Raises :class:`MissingDataError` where values
    are not there.
    """
    import hashlib

    import numpy as np

    rows = {row["name"]: row for row in (words.source_map or {}).get("parameters", ())}
    stored = {tensor.key: tensor for tensor in model.main.tensors}
    found: list[Claim] = []
    agreed = differed = 0
    for claim in claims:
        digest = rows[claim.name].get("sha256")
        if len(claim.stored) == 1 and claim.view in (View.WHOLE, View.MERGED, View.TRANSPOSED) and isinstance(digest, str):
            values = stored[claim.stored[0]].read()
            turned = values.T if claim.view is View.TRANSPOSED else values
            if hashlib.sha256(np.ascontiguousarray(turned).data).hexdigest() == digest:
                agreed += 1
                found.append(claim._replace(because=f"{claim.because}; SHA-256 of its values agrees"))
            else:
                differed += 1
                found.append(claim._replace(certain=False, because=f"{claim.because}; SHA-256 of its values differs from what was exported"))
        else:
            found.append(claim)
    return found, f"values held against the source map: {agreed} agree, {differed} differ, {len(claims) - agreed - differed} cannot be compared"


def _is_sound(row: Any) -> bool:  # JSON of a stranger
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("shape"), list)
        and all(isinstance(dim, int) and dim >= 0 for dim in row["shape"])
    )
