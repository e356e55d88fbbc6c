"""Name stored tensors by our own source map: the original parameters that an exporter of ours wrote
down.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.source_map import MapRow
from onnx_params.names.claim import Claim
from onnx_params.names.placement import Stored
from onnx_params.tensors.evaluate import evaluate_all
from onnx_params.tensors.steps import SWAP, Placement, is_exact, joined_shape, shape_after

_BY_NAME = frozenset(
    {View.WHOLE, View.TRANSPOSED, View.MERGED}
)  # views for which a stored name is enough


def claims(model: Model, metadata: ExporterMetadata) -> list[Claim]:
    """One claim for each row of the map, in its order; none where there is no map."""
    if metadata.source_map is None:
        return []
    stored = Stored(model)
    return [_claim(model, stored, row) for row in metadata.source_map.parameters]


def buffers(model: Model, metadata: ExporterMetadata) -> list[Claim]:
    """The buffers that the map lists and that lie in the artifact."""
    if metadata.source_map is None:
        return []
    stored = Stored(model)
    found = [_claim(model, stored, row) for row in metadata.source_map.buffers]
    return [claim for claim in found if claim.placements]


def _claim(model: Model, stored: Stored, row: MapRow) -> Claim:
    place = _place(model, stored, row)
    because = "the source map lists it"
    if place.keys:
        because += f", stored as '{place.keys[0][1]}'"
    else:
        because += "; where its numbers are is not known"
    if row.evidence is not None:
        because += f"; named by {row.evidence.value} when the map was made"
    return Claim(
        name=row.name,
        shape=row.shape,
        dtype=row.dtype,
        evidence=Evidence.SOURCE_MAP,
        certain=row.certain,
        because=because,
        view=place.view,
        stored=place.keys,
        aliases=row.aliases,
        placements=place.placements,
        axis=row.axis,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a row's numbers are now."""

    view: View
    keys: tuple[tuple[str, str], ...] = ()
    placements: tuple[Placement, ...] = ()


def _place(model: Model, stored: Stored, row: MapRow) -> _Place:
    """By the placements that the row lists, else by the name that it was stored under."""
    placements = row.placements if _fits(model, row) else ()
    if placements:
        keys = tuple(dict.fromkeys(placement.key for placement in placements))
        return _Place(view=row.view, keys=keys, placements=placements)
    tensor = None if row.stored is None else stored.get(row.stored)
    if tensor is None or row.stored is None:
        return _Place(view=row.view)
    if row.shape is None or row.view not in _BY_NAME:
        return _Place(view=row.view, keys=(tensor.key,))
    location = stored.locate(row.stored, *((SWAP,) if row.view is View.TRANSPOSED else ()))
    if location is None or location.shape != row.shape:
        return _Place(view=View.UNKNOWN)
    return _Place(
        view=row.view if location.tensor.name == row.stored else location.view,
        keys=(location.tensor.key,),
        placements=()
        if location.steps is None
        else (Placement(location.tensor.key, location.steps),),
    )


def _fits(model: Model, row: MapRow) -> bool:
    """Whether all placements of a row are stored and make its shape."""
    if row.shape is None or any(placement.key not in model.stored for placement in row.placements):
        return False
    try:
        shapes = [
            shape_after(model.stored[placement.key].shape, placement.steps)
            for placement in row.placements
        ]
        return bool(shapes) and joined_shape(shapes, row.axis) == row.shape
    except (IndexError, TypeError, ValueError):
        return False


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


def verified(
    claims: list[Claim], model: Model, metadata: ExporterMetadata
) -> tuple[list[Claim], Verification]:
    """The claims, each compared with the SHA-256 in its row, and the outcome.

    Reads the values: touches the disk. A row whose stored values are not those that were exported
    is no longer certain. Raises :class:`MissingDataError` where values are not there.
    """
    rows = () if metadata.source_map is None else metadata.source_map.parameters
    digests = {row.name: row.sha256 for row in rows}
    found: list[Claim] = []
    agreed = differed = 0
    for claim in claims:
        digest = digests.get(claim.name)
        if digest is None or not claim.placements or not is_exact(claim.steps):
            found.append(claim)
        elif _digest(model, claim) == digest:
            agreed += 1
            found.append(replace(claim, because=f"{claim.because}; SHA-256 of its values agrees"))
        else:
            differed += 1
            because = f"{claim.because}; SHA-256 of its values differs from what was exported"
            found.append(replace(claim, certain=False, because=because))
    skipped = len(claims) - agreed - differed
    return found, Verification(agreed=agreed, differed=differed, skipped=skipped)


def _digest(model: Model, claim: Claim) -> str:
    import numpy as np

    values = evaluate_all(model.stored, claim.placements, claim.axis)
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()
