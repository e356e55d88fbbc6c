"""Write down in the artifact which weights it has now: its source map with new digests, and where
they came from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from onnx_params.applying.plan import Plan
from onnx_params.applying.record import Row
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.source_map import KEY as SOURCE_MAP_KEY
from onnx_params.idioms.source_map import MapRow, to_document
from onnx_params.inventory.by_digest import sha256
from onnx_params.tensors.stored import StoredTensor
from onnx_params.version import __version__

KEY: Final = "onnx-params.applied"
SCHEMA: Final = "onnx-params/applied/1"


def entries(
    plan: Plan, sources: Mapping[str, object], weights: Mapping[str, StoredTensor]
) -> dict[str, str]:
    """The entries of the model's metadata. Reads the values whose digests are renewed.

    ``sources`` has what the weights came from, under the word for it; ``weights`` are the new
    tensors by name.
    """
    made = {KEY: json.dumps(_document(plan, sources))}
    renewed = _renewed_map(plan, weights)
    if renewed:
        made[SOURCE_MAP_KEY] = renewed
    return made


def _document(plan: Plan, sources: Mapping[str, object]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        **sources,
        "when": _now(),
        "version": __version__,
        "tensors": sum(row.is_written for row in plan.rows),
    }


def _now() -> str:
    """The time in UTC; ``SOURCE_DATE_EPOCH`` sets it, for builds that are to be the same again."""
    stated = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(stated) if stated.isdigit() else int(datetime.now(UTC).timestamp())
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _renewed_map(plan: Plan, weights: Mapping[str, StoredTensor]) -> str:
    """The artifact's source map with the digests of what was written; empty where it has none."""
    old = ExporterMetadata(model=plan.model).source_map
    if old is None:
        return ""
    written = {plan.names[row.name]: row for row in plan.rows if row.is_written}
    parameters = tuple(_renewed(row, written, weights) for row in old.parameters)
    return json.dumps(to_document(replace(old, parameters=parameters)))


def _renewed(
    row: MapRow, written: Mapping[str, Row], weights: Mapping[str, StoredTensor]
) -> MapRow:
    """A row with the digest of its new values, as the framework has them; where the row had none it
    stays without.
    """
    new = next((written[name] for name in _names(row) if name in written), None)
    if new is None or row.sha256 is None:
        return row
    tensor = weights[new.name]
    return replace(row, sha256=sha256(tensor.read()), dtype=tensor.dtype.name)


def _names(row: MapRow) -> Iterator[str]:
    yield row.name
    yield from row.aliases
