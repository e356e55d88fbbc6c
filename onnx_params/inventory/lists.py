"""Complete a list of parameters that an exporter left, and say what is in none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import as_torch, consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence, without_number
from onnx_params.idioms.torch_dynamo import KEEPS_ELEMENTS, operator_of
from onnx_params.idioms.torchscript import is_made_up, real_name
from onnx_params.inventory.open_rows import alone_in_their_modules, filled
from onnx_params.names import stored
from onnx_params.names.claim import Claim
from onnx_params.names.placement import locate
from onnx_params.names.slots import MADE_BIAS
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.stored import StoredTensor


def placed(
    listed: list[Claim],
    tensors: list[StoredTensor],
    kept: Sequence[StoredTensor],
    model: Model,
) -> list[Claim]:
    """The list, where rows whose numbers no one found get the stored tensor that stands in their
    module's slot, if its shape fits; then those of products without a shape get one in the order in
    which the graph takes the rest, if it is of as many. ``tensors`` are what was learned, as far as
    is known, ``kept`` those and the constants that modules keep.
    """
    open_rows = {claim.name: claim for claim in listed if claim.view is View.UNKNOWN}
    if not open_rows:
        return listed
    # a kernel into which a norm was folded holds the norm's rows too
    folded = {key for claim in listed if claim.view is View.FOLDED for key in claim.stored}
    taken = {key for claim in listed if claim.view is not View.FOLDED for key in claim.stored}
    loose = {tensor.key: tensor for tensor in tensors if tensor.key not in taken}
    found: dict[str, Claim] = {}
    own_claims = stored.claims(model, loose.values())
    for own in own_claims:
        row = next((open_rows[name] for name in _said(own.name) if name in open_rows), None)
        if row is None or row.name in found or len(own.stored) != 1:
            continue
        tensor = loose[own.stored[0]]
        made = _in_its_slot(row, own, tensor)
        if made is not None and tensor.key in folded:
            made = replace(made, view=View.FOLDED, placements=())
        if made is not None:
            found[row.name] = made
            del loose[tensor.key]
    alone = alone_in_their_modules(
        [claim for name, claim in open_rows.items() if name not in found],
        [own for own in own_claims if not loose.keys().isdisjoint(own.stored)],
        [each for each in kept if each.key not in taken],
        model,
    )
    found.update(alone)
    for key in [key for claim in alone.values() for key in claim.stored]:
        loose.pop(key, None)
    rows = [claim for name, claim in open_rows.items() if name not in found]
    left = [tensor for key, tensor in loose.items() if key not in folded]
    found.update(_dealt(rows, left, model))
    return [found.get(claim.name, claim) for claim in listed]


def _said(name: str) -> Iterator[str]:
    """A name, that of what its weight is computed from, and what is left of it without words that a
    tool put before it and a number behind: ``q_output_fc.weight_1``.
    """
    yield name
    if name.endswith(".weight"):
        yield f"{name}_orig"
        yield f"{name.removesuffix('.weight')}.parametrizations.weight.original"
    rest = without_number(name)
    while rest:
        yield rest
        rest = rest.partition("_")[2]


def _in_its_slot(row: Claim, own: Claim, tensor: StoredTensor) -> Claim | None:
    """A listed row, with the tensor in its module's slot; ``None`` where the shape differs."""
    if row.shape is None:
        is_view = tensor.name.startswith("val_") or operator_of(tensor.name) in KEEPS_ELEMENTS
        return filled(row, own, f"by its place '{tensor.name}' holds it", has_values=is_view)
    if row.shape not in (tensor.shape, tensor.shape[::-1]):
        return None
    view = View.WHOLE if row.shape == tensor.shape else View.TRANSPOSED
    because = f"{row.because}; by its place '{tensor.name}' holds it, with values that were changed"
    return replace(row, view=view, stored=own.stored, because=because)


def _dealt(rows: list[Claim], tensors: list[StoredTensor], model: Model) -> dict[str, Claim]:
    """Weights without a shape, by name: one each of the weights of products that are left, in the
    order of the graph, where there are as many. Which values they have is not said by that.
    """
    weights = [row for row in rows if row.shape is None and row.name.endswith(".weight")]
    every = [
        (consumer.node.position, tensor, consumer)
        for tensor in tensors
        for consumer in list(consumers(model, tensor))[:1]
        if consumer.is_product and not consumer.graph and len(locate(model, tensor).shape) > 1
    ]
    matrices = [each for each in every if each[2].is_matrix_product]
    left = next((some for some in (every, matrices) if len(some) == len(weights)), [])
    if not left:
        return {}
    left.sort(key=lambda each: each[0])
    found: dict[str, Claim] = {}
    for row, (_, tensor, consumer) in zip(weights, left, strict=True):
        location = locate(model, tensor)
        turned = locate(model, tensor, *as_torch(consumer, location.shape))
        because = f"by the order in which the graph takes weights, '{tensor.name}'"
        lies = turned.claim(row.name, row.evidence, because, certain=False, view=View.UNKNOWN)
        found[row.name] = filled(row, lies, because, has_values=False)
    return found


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


def unique(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims, where every name is that of one row: a later one of the same name keeps what the
    file calls it.
    """
    names: set[str] = set()
    found: list[Claim] = []
    for claim in claims:
        if claim.name in names:
            made = claim.stored[0][1] if claim.stored else claim.name
            tries = (made, *(f"{made} ({number})" for number in range(2, len(claims) + 2)))
            because = f"{claim.because}; but another row has that name"
            claim = replace(
                claim,
                name=next(name for name in tries if name not in names),
                evidence=Evidence.NONE,
                certain=False,
                because=because,
            )
        names.add(claim.name)
        found.append(claim)
    return tuple(found)


def is_derived(metadata: ExporterMetadata, tensor: StoredTensor) -> bool:
    """Whether a tensor was computed from parameters that the table lists already, or is the bias
    that a fusion made beside a listed weight.
    """
    if tensor.place.graph:
        return False
    owner, _, leaf = (real_name(tensor.name) or "").rpartition(".")
    if leaf == MADE_BIAS and metadata.kinds.get(f"{owner}.weight") == "PARAMETER":
        return True
    sources = metadata.folded_from(tensor.name)
    return any(metadata.kinds.get(source) == "PARAMETER" for source in sources)
