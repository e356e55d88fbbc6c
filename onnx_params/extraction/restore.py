"""Give an artifact its parameters' own names back: stored tensors renamed where the view is one to
one, a source map for the rest.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.onnx.rewrite import CHUNK, rewrite
from onnx_params.errors import UnreadableError, UsageError, system_reason
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.source_map import KEY as SOURCE_MAP_KEY
from onnx_params.idioms.source_map import MapRow, SourceMap, to_document
from onnx_params.inventory.record import Inventory
from onnx_params.io.atomic import refuse_overwriting, seen, write, write_bytes
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import is_exact


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """Which stored tensors were renamed (old -> new), and which could not be, with the reason."""

    renamed: dict[str, str]
    kept: tuple[tuple[str, str], ...]
    mapped: int  # parameters that the source map lists


def restore(
    inventory: Inventory, output: str, *, progress: Callable[[int], None] = lambda n_bytes: None
) -> Restoration:
    """Write the artifact to ``output`` with original names and a source map, whole or not at all;
    values and everything else stay as they are.

    External data is copied beside ``output`` where that is in another folder. Raises
    :class:`UsageError` for artifacts that have no path, :class:`UnreadableError` where ``output``
    cannot be written.
    """
    model = inventory.model
    renamed, kept = _renaming(inventory)
    made = source_map(inventory)
    document = json.dumps(to_document(made, renamed))
    if model.checkpoint is not None:
        raise UsageError(
            f"{model.source.label}: is a checkpoint, whose names are the original ones"
        )
    inputs = inventory.input_paths()
    refuse_overwriting([output], inputs)  # before anything is copied
    _copy_external(inventory, output)
    pieces = rewrite(model.source, renamed, {SOURCE_MAP_KEY: document})
    write_bytes(output, seen(pieces, progress), inputs)
    return Restoration(renamed=renamed, kept=kept, mapped=len(made.parameters))


def write_map(inventory: Inventory, output: str) -> int:
    """Write the source map alone, as JSON; returns how many parameters it lists.

    Those whose name nothing says are not among them.
    """
    made = source_map(inventory)
    write(output, json.dumps(to_document(made), indent=2) + "\n", inventory.input_paths())
    return len(made.parameters)


def source_map(inventory: Inventory) -> SourceMap:
    """The source map of an artifact; what is inferred stays marked so, digests of an older map are
    kept.
    """
    metadata = ExporterMetadata(model=inventory.model)
    old = metadata.source_map
    digests = {} if old is None else {row.name: row.sha256 for row in old.parameters}
    named = [claim for claim in inventory.parameters if claim.evidence is not Evidence.NONE]
    listed = [entry.target for entry in metadata.signature if entry.kind == "BUFFER"]
    buffers = tuple(MapRow(name=name, shape=None) for name in listed)
    return SourceMap(
        framework=inventory.model.producer_name if old is None else old.framework,
        exporter="" if old is None else old.exporter,
        parameters=tuple(_row(claim, digests.get(claim.name)) for claim in named),
        buffers=buffers if old is None or not old.buffers else old.buffers,
    )


def _row(claim: Claim, sha256: str | None) -> MapRow:
    return MapRow(
        name=claim.name,
        shape=claim.shape,
        dtype=claim.dtype,
        sha256=sha256,
        aliases=claim.aliases,
        stored=claim.stored[0][1] if len(claim.stored) == 1 else None,
        view=claim.view,
        evidence=claim.evidence,
        certain=claim.certain,
        placements=claim.placements,
        axis=claim.axis,
    )


def _renaming(inventory: Inventory) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Old name -> new for stored tensors of the main graph that are one parameter each; the others
    with the reason.
    """
    sharing = Counter(key for claim in inventory.parameters for key in claim.stored)
    graphs = _GraphNames.of(inventory.model)
    renamed: dict[str, str] = {}
    kept: list[tuple[str, str]] = []
    for claim in inventory.parameters:
        if claim.evidence is Evidence.NONE or len(claim.stored) != 1:
            continue
        key, new = claim.stored[0], claim.name
        old = key[1]
        if old == new:
            continue
        reason = _obstacle(claim, sharing[key] > 1, graphs)
        if not reason and new in renamed.values():
            reason = _taken(new)
        if not reason and not is_exact(claim.steps):
            reason = (
                "its values were rounded: under the parameter's name one would expect the parameter"
            )
        if reason:
            kept.append((old, reason))
        else:
            renamed[old] = new
    return renamed, tuple(kept)


class _GraphNames(NamedTuple):
    """Names of values: all, those of subgraphs, and those of the main graph's inputs and outputs,
    which callers use.
    """

    every: frozenset[str]
    inside: frozenset[str]
    faces: frozenset[str]

    @classmethod
    def of(cls, model: Model) -> _GraphNames:
        every: set[str] = set()
        inside: set[str] = set()
        for path, graph in model.graphs.items():
            defined = {*graph.inputs, *(tensor.name for tensor in graph.tensors)}
            every.update(graph.outputs)
            for node in graph.nodes:
                defined.update(node.outputs)
                every.update(node.inputs)
            every |= defined
            if path:
                inside |= defined
        faces = frozenset((*model.main.inputs, *model.main.outputs))
        return cls(frozenset(every), frozenset(inside), faces)


def _obstacle(claim: Claim, is_shared: bool, graphs: _GraphNames) -> str:
    """Why a stored tensor cannot have its parameter's name; empty where the graphs allow it."""
    path, old = claim.stored[0]
    if len(claim.placements) != 1 or is_shared:
        return f"it is not that parameter alone ({claim.view.value})"
    if path:
        return f"it is in {path}"
    if old in graphs.faces:
        return "it is an input or output of the model"
    if old in graphs.inside:
        return "a subgraph has a value of that name as well"
    return _taken(claim.name) if claim.name in graphs.every else ""


def _taken(name: str) -> str:
    return f"'{name}' is the name of another value"


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
            raise UnreadableError(
                f"{file.path}: does not exist and has to be copied beside {output}"
            )
        if os.path.exists(path):
            raise UnreadableError(
                f"{path}: already exists; restore into a new folder, or beside the model"
            )
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        except OSError as error:
            raise UnreadableError(f"{path}: cannot be written: {system_reason(error)}") from error
        source = file.open()
        write_bytes(
            path,
            (
                source.read(at, min(CHUNK, source.n_bytes - at))
                for at in range(0, source.n_bytes, CHUNK)
            ),
        )
