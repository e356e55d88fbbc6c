"""Complete a list of parameters that an exporter left, and say what is in none."""

from __future__ import annotations

from dataclasses import replace

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.names import stored
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.stored import StoredTensor


def placed(listed: list[Claim], tensors: list[StoredTensor], model: Model) -> list[Claim]:
    """The list, where rows whose numbers no one found get the stored tensor that stands in their
    module's slot, if its shape fits.
    """
    open_rows = {
        claim.name: claim
        for claim in listed
        if claim.view is View.UNKNOWN and claim.shape is not None
    }
    if not open_rows:
        return listed
    taken = {key for claim in listed for key in claim.stored}
    found: dict[str, Claim] = {}
    for tensor in tensors:
        if tensor.key in taken:
            continue
        name = stored.claim(model, tensor).name
        row = open_rows.get(name)
        if (
            row is None
            or row.shape is None
            or name in found
            or row.shape not in (tensor.shape, tensor.shape[::-1])
        ):
            continue
        view = View.WHOLE if row.shape == tensor.shape else View.TRANSPOSED
        because = (
            f"{row.because}; by its place '{tensor.name}' holds it, with values that were changed"
        )
        found[name] = replace(row, view=view, stored=(tensor.key,), because=because)
    return [found.get(claim.name, claim) for claim in listed]


# rules by which a tensor was learned whatever its name
_SURE = frozenset({RuleId.WEIGHT_SLOT, RuleId.BIAS_SLOT, RuleId.EXPORTER})


def is_unlisted(tensor: StoredTensor, verdict: Classification) -> bool:
    """Whether an exporter that listed the parameters cannot have meant this one: a made-up name, a
    value's name in a slot that anything may fill, or a filler that a node makes.
    """
    if tensor.encoding is Encoding.GENERATED:
        return True
    return is_made_up(tensor.name) or (tensor.name.isidentifier() and verdict.rule not in _SURE)


def unlisted(verdict: Classification, complete: bool) -> Classification:
    """A buffer where every parameter is accounted for; else it may hold one of those whose place is
    not known.
    """
    if complete:
        return Classification(
            role=Role.BUFFER,
            rule=RuleId.NOT_LISTED,
            because=(
                f"the exporter's list of parameters is complete without it; else {verdict.because}"
            ),
        )
    because = (
        "it may hold listed parameters whose place is not known, and is not another one;"
        f" {verdict.because}"
    )
    return Classification(role=Role.PARAMETER, rule=RuleId.UNPLACED, because=because)


def completed(table: list[Claim], second: list[Claim]) -> list[Claim]:
    """The source map's rows; where one does not know where its numbers are, the signature's word on
    that.
    """
    by_name = {claim.name: claim for claim in second}
    rows: list[Claim] = []
    for claim in table:
        other = by_name.get(claim.name)
        known = (
            other is not None
            and not claim.stored
            and (other.stored or other.view.value == "dropped")
        )
        because = f"{claim.because}; {other.because}" if other is not None else claim.because
        filled = (
            replace(
                claim,
                view=other.view,
                stored=other.stored,
                placements=other.placements,
                axis=other.axis,
                because=because,
            )
            if known and other
            else claim
        )
        rows.append(filled)
    return rows


def is_derived(metadata: ExporterMetadata, tensor: StoredTensor) -> bool:
    """Whether a tensor was computed from parameters that the table lists already."""
    return not tensor.place.graph and any(
        metadata.kinds.get(source) == "PARAMETER" for source in metadata.folded_from(tensor.name)
    )
