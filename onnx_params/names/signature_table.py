"""Keep what torch's dynamo exporter says of parameters: stored names, calls, what was folded from
what.
"""

from __future__ import annotations

from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.dataflow.walk import stored_behind
from onnx_params.idioms.call_sites import Site, Sites
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence
from onnx_params.names.claim import Claim
from onnx_params.names.placement import Stored
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

SIGNATURE: Final = Evidence.SIGNATURE


class Table:
    """The answers to where a parameter's numbers are now, asked in order."""

    def __init__(self, model: Model, metadata: ExporterMetadata) -> None:
        self.model = model
        self.metadata = metadata
        self.stored = Stored(model)
        self.sites = Sites(model)
        # parameter -> the values that are still there and were made of it
        self.folded: dict[str, list[str]] = {}
        self.alone: set[str] = set()  # values that were made of one parameter and nothing else
        for value in metadata.values:
            sources = metadata.folded_from(value)
            if len(sources) == 1:
                self.alone.add(value)
            for source in sources:
                if self.stored.get(value) is not None:
                    self.folded.setdefault(source, []).append(value)


def constant_of(table: Table, name: str) -> StoredTensor | None:
    """The stored tensor of the main graph that a value is, behind what dequantizes or casts it."""
    return stored_behind(table.model, "", name)


def weight_of(table: Table, site: Site) -> StoredTensor | None:
    return constant_of(table, site.node.inputs[1]) if len(site.node.inputs) > 1 else None


def in_slot(table: Table, site: Site) -> StoredTensor | None:
    """The stored tensor in the input slot that plays the argument's role."""
    node, role = site.node, site.role
    operator = schema(node.domain, node.op_type)
    row = () if operator is None else operator.slots
    slots: list[int] = []
    if role in ("weight", "bias", "table") and role in row:
        slots = [row.index(role)]
    elif role == "weight" and row[:2] == ("operand", "operand"):
        slots = [1]
    elif role == "bias" and node.op_type == "Add":
        slots = [0, 1]
    found = (constant_of(table, node.inputs[slot]) for slot in slots if slot < len(node.inputs))
    return next((tensor for tensor in found if tensor is not None), None)


def placeholder_of(metadata: ExporterMetadata, name: str) -> str:
    """The placeholder that represents a parameter in FX calls."""
    return metadata.placeholders.get(name, "")


def without(
    name: str,
    shape: Shape | None,
    view: View,
    because: str,
    tensor: StoredTensor | None = None,
    *,
    certain: bool = True,
) -> Claim:
    """A claim on a parameter whose values cannot be had; ``tensor`` is what is left of it."""
    return Claim(
        name=name,
        shape=shape,
        dtype=None if tensor is None else tensor.dtype.name,
        evidence=SIGNATURE,
        certain=certain,
        because=because,
        view=view,
        stored=() if tensor is None else (tensor.key,),
    )
