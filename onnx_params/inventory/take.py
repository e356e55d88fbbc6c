"""Account for an artifact: classify, name, match, and check that nothing is left over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.source_map import SourceMap
from onnx_params.inventory import by_digest
from onnx_params.inventory.files import files_of
from onnx_params.inventory.given import by_architecture, by_reference, unwrapped
from onnx_params.inventory.lists import completed, is_derived, is_unlisted, placed, unique, unlisted
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.ties import joined_to_list, tied
from onnx_params.matching import claims as by_content
from onnx_params.matching.reference import Prepared, contenders
from onnx_params.names import checkpoint as own_names
from onnx_params.names import signature, stored
from onnx_params.names import source_map as mapped
from onnx_params.names.architecture import Expected
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Classification, Role
from onnx_params.roles.rules import classify
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

# sources of whole lists of parameters, in the order in which they are believed
LISTS: Final[tuple[Callable[[Model, ExporterMetadata], list[Claim]], ...]] = (
    mapped.claims,
    signature.claims,
    own_names.claims,
)


# of what a module may keep that was computed of its parameters
_KEPT: Final = frozenset({Role.PARAMETER, Role.BUFFER})


@dataclass(slots=True, kw_only=True)
class _Draft:
    """An account while it is being drawn up."""

    model: Model
    metadata: ExporterMetadata
    classified: list[tuple[StoredTensor, Classification]]
    listed: list[Claim]  # the parameters of the best list
    own: list[Claim]  # what every source of the artifact's own says
    notes: list[str]
    extra: list[Claim] = field(default_factory=list)  # parameters that are in no list
    loose: list[StoredTensor] = field(default_factory=list)
    parameter_tensors: dict[Key, StoredTensor] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)


def take(
    model: Model,
    *,
    verify: bool = False,
    checkpoint: Checkpoint | None = None,
    like: Sequence[Expected] | None = None,
    source_map: SourceMap | None = None,
    match_digests: bool = False,
    strip_prefix: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Inventory:
    """Account for an artifact.

    ``verify`` compares values with the digests of the source map, ``checkpoint`` names them by
    content, ``like`` by an architecture's names and shapes; ``source_map`` replaces the one in the
    artifact, and ``match_digests`` finds its rows by their digests too; ``strip_prefix`` removes
    a wrapper's prefix from the names.
    """
    metadata = ExporterMetadata(model=model, given=source_map)
    notes: list[str] = []
    lists = [source(model, metadata) for source in LISTS]
    if match_digests and metadata.source_map is not None:
        lists[0] = by_digest.placed(lists[0], metadata.source_map, model)
    verification = None
    if verify:
        lists[0], verification = mapped.verified(lists[0], model, metadata)
        nothing = "there is no source map to verify values against"
        notes.append(str(verification) if lists[0] else nothing)
    if metadata.has_broken_map or (metadata.source_map is not None and not lists[0]):
        notes.append("a source map is there and cannot be used")
    draft = _drafted(model, metadata, lists, notes, has_values=checkpoint is not None)
    matched = None
    if checkpoint is not None:
        ours = [*draft.listed, *draft.extra]
        matched, said = _best_matched(draft, contenders(checkpoint, model), ours, progress)
        notes += said
        draft.listed, draft.extra = by_reference(matched.claims, ours, notes)
        _account_again(draft)
    elif like is not None:
        ours = [*draft.listed, *draft.extra]
        draft.listed, draft.extra = by_architecture(model, like, ours, notes)
        _account_again(draft)
    elif draft.listed and draft.extra:
        notes.append(
            f"{len(draft.extra)} stored tensors look like parameters and are in no list of the"
            " exporter's"
        )
    is_given = checkpoint is not None or like is not None
    inventory = _finished(draft, is_given, matched, verification)
    return unwrapped(inventory, strip_prefix)


def _best_matched(
    draft: _Draft,
    references: Sequence[Prepared],
    ours: Sequence[Claim],
    progress: Callable[[int], None],
) -> tuple[by_content.Matched, tuple[str, ...]]:
    """The match with that set of weights of which most elements are proved, and its notes."""
    found: list[tuple[by_content.Matched, tuple[str, ...]]] = []
    for reference, notes in references:
        matched = by_content.claims(
            draft.model, draft.metadata, reference, ours, draft.classified, progress
        )
        found.append((matched, notes))
        progress = _silent
    return max(found, key=lambda each: each[0].n_proved)


def _silent(n_bytes: int) -> None:
    """No progress: the bytes of one set of weights are all that is to be read."""


def _drafted(
    model: Model,
    metadata: ExporterMetadata,
    lists: list[list[Claim]],
    notes: list[str],
    *,
    has_values: bool,
) -> _Draft:
    """What the artifact says of itself: the best list, and the names of what is in none. Where a
    checkpoint has the values, a quantized copy is held against those, and not joined unproved.
    """
    classified = list(classify(model, metadata))
    listed = _best(lists)
    if listed:
        learned = [tensor for tensor, found in classified if found.role is Role.PARAMETER]
        kept = [tensor for tensor, found in classified if found.role in _KEPT]
        listed = placed(listed, learned, kept, model)
    draft = _Draft(
        model=model,
        metadata=metadata,
        classified=classified,
        listed=listed,
        own=[claim for each in lists for claim in each],
        notes=notes,
    )
    _sort(draft)
    draft.extra = stored.claims(model, draft.loose)
    if listed and not has_values:
        draft.listed, draft.extra = joined_to_list(listed, draft.extra, model)
    if not listed:
        draft.extra = tied(
            draft.extra, draft.parameter_tensors, model, joins_rounded=not has_values
        )
    draft.own.extend(draft.extra)
    return draft


def _best(lists: list[list[Claim]]) -> list[Claim]:
    """The first list that is there; what it does not know of a place, the next one says."""
    found = [each for each in lists if each]
    if not found:
        return []
    return completed(found[0], found[1]) if len(found) > 1 else found[0]


def _sort(draft: _Draft) -> None:
    """Put every stored tensor with the claim that covers it, with the loose ones, or with the
    others.
    """
    covered = {key for claim in draft.listed for key in claim.stored}
    is_complete = all(claim.view is not View.UNKNOWN for claim in draft.listed)
    for position, (tensor, found) in enumerate(draft.classified):
        if tensor.key in covered:
            draft.parameter_tensors.setdefault(tensor.key, tensor)
        elif found.role is not Role.PARAMETER:
            draft.others.append(position)
        elif draft.listed and is_derived(draft.metadata, tensor):
            draft.others.append(position)
        elif draft.listed and is_unlisted(tensor, found):
            draft.classified[position] = tensor, unlisted(found, is_complete)
            draft.others.append(position)
        else:
            draft.parameter_tensors.setdefault(tensor.key, tensor)
            draft.loose.append(tensor)


def _account_again(draft: _Draft) -> None:
    """Divide the stored tensors by the claims that names from outside gave."""
    covered = {key for claim in (*draft.listed, *draft.extra) for key in claim.stored}
    draft.parameter_tensors = {
        tensor.key: tensor for tensor, _ in reversed(draft.classified) if tensor.key in covered
    }
    draft.others = [
        position
        for position, (tensor, _) in enumerate(draft.classified)
        if draft.parameter_tensors.get(tensor.key) is not tensor
    ]


def divided(inventory: Inventory) -> Inventory:
    """An inventory of other claims, with its stored tensors divided by them."""
    covered = {key for claim in inventory.parameters for key in claim.stored}
    tensors = {
        tensor.key: tensor for tensor, _ in reversed(inventory.classified) if tensor.key in covered
    }
    others = tuple(
        position
        for position, (tensor, _) in enumerate(inventory.classified)
        if tensors.get(tensor.key) is not tensor
    )
    return replace(inventory, parameter_tensors=tensors, others=others)


def _finished(
    draft: _Draft,
    is_given: bool,
    matched: by_content.Matched | None,
    verification: mapped.Verification | None,
) -> Inventory:
    model, notes = draft.model, draft.notes
    notes.extend(getattr(model.source, "notes", ()))
    notes.extend(_opaque(draft))
    files, missing = files_of(model, [tensor for tensor, _ in draft.classified])
    if missing:
        shown = ", ".join(missing[:5])
        notes.append(f"{shown} is not there: names, shapes and totals are from the headers alone")
    unknown = sum(claim.shape is None for claim in draft.listed)
    if unknown:
        notes.append(
            f"{unknown} parameters have no shape in the file; they count nothing in the totals"
        )
    return Inventory(
        model=model,
        classified=tuple(draft.classified),
        parameters=unique([*draft.listed, *draft.extra]),
        claims=(*(draft.listed if is_given else ()), *draft.own),
        parameter_tensors=draft.parameter_tensors,
        others=tuple(draft.others),
        files=files,
        notes=tuple(notes),
        matched=matched,
        verification=verification,
    )


def _opaque(draft: _Draft) -> list[str]:
    """A note on compiled models, whose content cannot be counted."""
    opaque = [tensor for tensor, found in draft.classified if found.role is Role.OPAQUE]
    if not opaque:
        return []
    size = sum(tensor.n_bytes for tensor in opaque)
    return [
        f"{len(opaque)} opaque nodes of {size} bytes ({opaque[0].place.op_type}): what is compiled"
        " into them cannot be read or counted"
    ]
