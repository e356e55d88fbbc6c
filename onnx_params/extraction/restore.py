"""Give an artifact its parameters' own names back: stored tensors renamed where the view is one to
one, a source map for the rest.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from onnx_params.containers.onnx.rewrite import CHUNK, rewrite
from onnx_params.errors import UnreadableError, UsageError
from onnx_params.idioms.exporter_metadata import SOURCE_MAP_KEY, Words
from onnx_params.idioms.naming import Evidence
from onnx_params.inventory.record import Inventory
from onnx_params.io.atomic import refuse_overwriting, write, write_bytes
from onnx_params.names.claim import Claim
from onnx_params.names.source_map import SCHEMA
from onnx_params.tensors.steps import is_exact
from onnx_params.tensors.steps_json import to_json


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """Which stored tensors were renamed (old -> new), and which could not be, with the reason."""

    renamed: dict[str, str]
    kept: tuple[tuple[str, str], ...]
    mapped: int  # parameters that the source map lists


def restore(inventory: Inventory, output: str) -> Restoration:
    """Write the artifact to ``output`` with original names and a source map, whole or not at all;
    values and everything else stay as they are.

    External data is copied beside ``output`` where that is in another folder. Raises
    :class:`UsageError` for artifacts that have no path, :class:`UnreadableError` where ``output``
    cannot be written.
    """
    model = inventory.model
    renamed, kept = _renaming(inventory)
    made = source_map(inventory, renamed)
    document = json.dumps(made)
    if model.checkpoint is not None:
        raise UsageError(
            f"{model.source.label}: is a checkpoint, whose names are the original ones"
        )
    inputs = inventory.input_paths()
    refuse_overwriting([output], inputs)  # before anything is copied
    _copy_external(inventory, output)
    write_bytes(output, rewrite(model.source, renamed, {SOURCE_MAP_KEY: document}), inputs)
    return Restoration(renamed=renamed, kept=kept, mapped=len(made["parameters"]))


def write_map(inventory: Inventory, output: str) -> int:
    """Write the source map alone, as JSON; returns how many parameters it lists.

    Those whose name nothing tells are not among them.
    """
    document = source_map(inventory, {})
    write(output, json.dumps(document, indent=2) + "\n", inventory.input_paths())
    return len(document["parameters"])


def source_map(inventory: Inventory, renamed: dict[str, str]) -> dict[str, Any]:  # JSON
    """The source map of an artifact by ``onnx-params/source-map/1``: what is inferred stays marked
    so.
    """
    words = Words(model=inventory.model)
    was = words.source_map or {}
    rows = {row.get("name"): row for row in was.get("parameters") or () if isinstance(row, dict)}
    return {
        "schema": SCHEMA,
        "framework": was.get("framework", inventory.model.producer_name),
        "exporter": was.get("exporter", ""),
        "parameters": [
            _row(claim, renamed, rows.get(claim.name) or {})
            for claim in inventory.parameters
            if claim.evidence is not Evidence.NONE
        ],
        "buffers": (
            was.get("buffers")
            or [{"name": entry.target} for entry in words.signature if entry.kind == "BUFFER"]
        ),
    }


def _row(claim: Claim, renamed: dict[str, str], was: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": claim.name,
        "shape": None if claim.shape is None else list(claim.shape),
        "dtype": claim.dtype,
    }
    if "sha256" in was:
        row["sha256"] = was["sha256"]
    if claim.aliases:
        row["aliases"] = list(claim.aliases)
    row.update(view=claim.view.value, evidence=claim.evidence.value, certain=claim.certain)
    if len(claim.stored) == 1:
        row["stored"] = renamed.get(claim.stored[0][1], claim.stored[0][1])
    if claim.pieces:
        row["pieces"] = [to_json(piece, renamed) for piece in claim.pieces]
        row["axis"] = claim.axis
    return row


def _renaming(inventory: Inventory) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Old name -> new for stored tensors of the main graph that are one parameter each; the others
    with the reason.
    """
    model = inventory.model
    sharing: dict[tuple[str, str], int] = {}
    for claim in inventory.parameters:
        for key in claim.stored:
            sharing[key] = sharing.get(key, 0) + 1
    values = {
        name
        for graph in model.graphs.values()
        for node in graph.nodes
        for name in (*node.inputs, *node.outputs)
    }
    values.update(
        name
        for graph in model.graphs.values()
        for name in (*graph.inputs, *graph.outputs, *(t.name for t in graph.tensors))
    )
    inside = {
        name
        for path, graph in model.graphs.items()
        if path
        for node in graph.nodes
        for name in node.outputs
    }
    inside.update(
        name
        for path, graph in model.graphs.items()
        if path
        for name in (*graph.inputs, *(t.name for t in graph.tensors))
    )
    faces = {*model.main.inputs, *model.main.outputs}
    renamed: dict[str, str] = {}
    kept: list[tuple[str, str]] = []
    for claim in inventory.parameters:
        new = claim.name
        if claim.evidence is Evidence.NONE or len(claim.stored) != 1:
            continue
        path, old = claim.stored[0]
        if old == new:
            continue
        reason = ""
        if len(claim.pieces) != 1 or sharing[claim.stored[0]] > 1:
            reason = f"it is not that parameter alone ({claim.view.value})"
        elif path:
            reason = f"it is in {path}"
        elif old in faces:
            reason = "it is an input or output of the model"
        elif old in inside:
            reason = "a subgraph has a value of that name as well"
        elif new in values or new in renamed.values():
            reason = f"'{new}' is the name of another value"
        if not is_exact(claim.steps) and not reason:
            reason = (
                "its values were rounded: under the parameter's name one would expect the parameter"
            )
        if reason:
            kept.append((old, reason))
        else:
            renamed[old] = new
    return renamed, tuple(kept)


def _copy_external(inventory: Inventory, output: str) -> None:
    """Copy the files that the artifact points into to the folder of ``output``, each whole or not
    at all.
    """
    model = inventory.model
    if model.path is None:
        if any(tensor.external is not None for tensor in model.tensors):
            raise UsageError(f"{model.source.label}: has external data and no path; name the file")
        return
    folder, target = os.path.dirname(model.path) or ".", os.path.dirname(output) or "."
    if os.path.realpath(folder) == os.path.realpath(target):
        return
    files = {
        tensor.external.file.location: tensor.external.file
        for tensor in model.tensors
        if tensor.external is not None
    }
    for location, file in files.items():
        path = os.path.join(target, location)
        if file.n_bytes is None:
            raise UnreadableError(f"{file.path}: is not there and has to be copied beside {output}")
        if os.path.exists(path):
            raise UnreadableError(
                f"{path}: is there already; restore into a folder of its own, or beside the model"
            )
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        except OSError as error:
            raise UnreadableError(
                f"{path}: cannot be written: {(error.strerror or str(error)).lower()}"
            ) from error
        source = file.open()
        write_bytes(
            path,
            (
                source.read(at, min(CHUNK, source.n_bytes - at))
                for at in range(0, source.n_bytes, CHUNK)
            ),
        )
