"""Give the parameters and buffers of an artifact as a checkpoint has them: under their original
names, in their original layout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.dataflow.view import READABLE, View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import dtype_of, shape_of, values_of
from onnx_params.io.sources import ComputedSource
from onnx_params.names import signature
from onnx_params.names import source_map as mapped
from onnx_params.names.claim import Claim
from onnx_params.roles.role import RuleId
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor


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


def buffers(inventory: Inventory) -> Iterator[Claim]:
    """Persistent buffers that are still in the file: by the signature, or running statistics under
    names of their own.
    """
    metadata = ExporterMetadata(model=inventory.model)
    listed = mapped.buffers(inventory.model, metadata) or list(
        signature.buffers(inventory.model, metadata)
    )
    yield from listed
    known = {claim.name for claim in listed}
    for tensor, classification in inventory.classified:
        if (
            classification.rule is RuleId.RUNNING_STATISTICS_SLOT
            and "." in tensor.name
            and tensor.name not in known
            and not tensor.name.startswith("/")
        ):
            yield signature.buffer(inventory.model, tensor)
