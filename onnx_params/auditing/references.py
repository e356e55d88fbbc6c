"""Open what an artifact is compared with: a checkpoint, another artifact, or a source map."""

from __future__ import annotations

import math
import os

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.formats import open_checkpoint
from onnx_params.dataflow.view import READABLE, View
from onnx_params.errors import FormatError
from onnx_params.extraction.extract import buffers
from onnx_params.idioms.source_map import SourceMap, read_map
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.take import take
from onnx_params.inventory.values import dtype_of, shape_of, values_of
from onnx_params.io.remote import is_url
from onnx_params.io.sources import ComputedSource
from onnx_params.names.claim import Claim
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor


def open_reference(path: str | os.PathLike[str]) -> Checkpoint | SourceMap:
    """A checkpoint, the parameters of another artifact as one, or a source map.

    Raises :class:`FormatError` where it is none of them.
    """
    path = os.fspath(path)
    found = read_map(path)
    if found is not None:
        return found
    if path.endswith((".onnx", ".onnx.gz", ".ort")) or is_url(path):
        return of_artifact(take(open_artifact(path).model))
    try:
        return open_checkpoint(path)
    except FormatError:
        if os.path.isdir(path) or path.endswith(
            (
                ".json",
                ".safetensors",
                ".npz",
                ".bin",
                ".pt",
                ".pth",
                ".h5",
                ".keras",
                ".nemo",
                ".tar",
            )
        ):
            raise
        return of_artifact(take(open_artifact(path).model))


def of_artifact(inventory: Inventory, folded: bool = False) -> Checkpoint:
    """The parameters of an artifact under their original names, as a checkpoint has them; values
    are made when they are read.

    With ``folded`` also what is left of those that were computed with others, and the buffers that
    they were computed with.
    """
    tensors: list[StoredTensor] = []
    aliases: list[tuple[str, str]] = []
    seen: set[str] = set()
    for claim in (*inventory.parameters, *(buffers(inventory) if folded else ())):
        is_folded = folded and claim.view is View.FOLDED and len(claim.stored) == 1
        if claim.name in seen or not (is_folded or (claim.placements and claim.view in READABLE)):
            continue
        seen.add(claim.name)
        tensors.append(
            inventory.model.stored[claim.stored[0]]._replace(name=claim.name)
            if is_folded
            else _tensor(inventory, claim)
        )
        for alias in claim.aliases:
            if alias not in seen:
                seen.add(alias)
                tensors.append(tensors[-1]._replace(name=alias))
                aliases.append((alias, claim.name))
    return Checkpoint(
        path=inventory.model.source.label,
        tensors=tuple(tensors),
        ordered=True,
        aliases=tuple(aliases),
    )


def _tensor(inventory: Inventory, claim: Claim) -> StoredTensor:
    stored = inventory.model.stored[claim.placements[0].key]
    if len(claim.placements) == 1 and not claim.steps:
        return stored._replace(name=claim.name)
    shape, dtype = shape_of(inventory, claim), BY_NAME[dtype_of(inventory, claim)]

    def make() -> bytes:
        import numpy as np

        return np.ascontiguousarray(values_of(inventory, claim)).tobytes()

    label = f"{inventory.model.source.label}: '{claim.name}'"
    made = ComputedSource(label, dtype.packed_length(math.prod(shape)), make)
    return StoredTensor(
        claim.name, dtype, shape, PLACE, Encoding.RAW, (Span(0, made.n_bytes),), made
    )
