"""Account for an artifact: every stored tensor once, as (part of) a parameter or as something else,
with reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.onnx.parse import Parser
from onnx_params.dataflow.generated import expand
from onnx_params.dataflow.view import View
from onnx_params.errors import FormatError, UsageError
from onnx_params.idioms.exporter_metadata import Words
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.idioms.wrappers import wrapper_prefix
from onnx_params.io.sniff import HEAD, recognise
from onnx_params.io.sources import Source
from onnx_params.matching import claims as by_content
from onnx_params.matching import duplicates
from onnx_params.names import architecture, signature, stored
from onnx_params.names import source_map as mapped
from onnx_params.names.architecture import Expected
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.roles.rules import classify
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """One file of an artifact: its length, and how much of it stored tensors take; the rest is
    structure or padding.

    ``n_bytes`` is ``None`` where the file is not there; ``tensor_bytes`` is then what the headers
    say.
    """

    path: str
    n_bytes: int | None
    tensor_bytes: int

    @property
    def structure_bytes(self) -> int | None:
        """Bytes that belong to no stored tensor."""
        return None if self.n_bytes is None else self.n_bytes - self.tensor_bytes


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What is in one artifact.

    ``parameters`` are the claims that won, in the original's order where something tells it, else
    in file order. ``verdicts`` holds every stored tensor once, in file order. ``others`` are the
    positions in ``verdicts`` that no parameter's claim covers. ``matched`` is what a reference was
    found to be here, where one was given; ``verification`` the outcome where values were verified.
    """

    model: Model
    verdicts: tuple[tuple[StoredTensor, Classification], ...]
    parameters: tuple[Claim, ...]
    claims: tuple[Claim, ...]
    holders: dict[Key, StoredTensor]
    others: tuple[int, ...]
    files: tuple[FileBytes, ...]
    notes: tuple[str, ...]
    matched: by_content.Matched | None = None
    verification: mapped.Verification | None = None

    def input_paths(self) -> list[str]:
        """Every file that was read: the artifact's, and the reference's where one was given.

        No output may overwrite them.
        """
        paths = [file.path for file in self.files]
        if self.matched is not None:
            paths += [
                self.matched.checkpoint.path,
                *dict.fromkeys(tensor.source.label for tensor in self.matched.checkpoint.tensors),
            ]
        return paths


def take(
    source: Source,
    path: str | None,
    *,
    verify: bool = False,
    checkpoint: Checkpoint | None = None,
    like: Sequence[Expected] | None = None,
    source_map: dict[str, Any] | None = None,  # JSON
    strip_prefix: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Inventory:
    """Read an artifact and account for it; ``verify`` holds values against the source map,
    ``checkpoint`` names them by content, ``like`` by an architecture's names and shapes;
    ``source_map`` stands for the one in the artifact; ``strip_prefix`` takes a wrapper's prefix off
    the names.

    Raises :class:`FormatError` where it is no artifact.
    """
    try:
        model = expand(Parser(source, path).model())
    except FormatError as error:
        found = recognise(source.read(0, min(HEAD, source.n_bytes)))
        if found is None:
            raise
        raise FormatError(f"{source.label}: is no ONNX model: it is {found}") from error
    words = Words(model=model, given=source_map)
    return _unwrapped(_account(words, verify, checkpoint, like, progress), strip_prefix)


def _account(
    words: Words,
    verify: bool,
    checkpoint: Checkpoint | None,
    like: Sequence[Expected] | None,
    progress: Callable[[int], None],
) -> Inventory:
    model = words.model
    verdicts = list(classify(model, words))
    table = mapped.claims(model, words)
    second = signature.claims(model, words)
    notes: list[str] = []
    verification = None
    if verify:
        table, verification = mapped.verified(table, model, words)
        notes.append(
            str(verification) if table else "there is no source map to verify values against"
        )
    if words.source_map is not None and not table:
        notes.append("a source map is there and cannot be used")
    listed = _completed(table, second) if table and second else table or second
    if listed:
        listed = _placed(
            listed,
            [tensor for tensor, verdict in verdicts if verdict.role is Role.PARAMETER],
            model,
        )
    covered = {key for claim in listed for key in claim.stored}
    complete = all(claim.view is not View.UNKNOWN for claim in listed)
    others: list[int] = []
    loose: list[StoredTensor] = []
    holders: dict[Key, StoredTensor] = {}
    for position, (tensor, verdict) in enumerate(verdicts):
        key = tensor.key
        if key in covered:
            holders.setdefault(key, tensor)
        elif verdict.role is not Role.PARAMETER or (listed and _is_derived(words, tensor)):
            others.append(position)
        elif listed and _is_unlisted(tensor, verdict):
            verdicts[position] = tensor, _unlisted(verdict, complete)
            others.append(position)
        else:
            holders.setdefault(key, tensor)
            loose.append(tensor)
    extra = stored.claims(model, loose)
    if not listed:
        extra = _tied(extra, holders, model)
    own = (*table, *second, *extra)
    matched = None
    if checkpoint is not None or like is not None:
        if checkpoint is not None:
            ours = [*listed, *extra]
            matched = by_content.claims(model, words, checkpoint, ours, verdicts, progress)
            listed, extra = _by_reference(matched.claims, ours, notes)
        else:
            listed, extra = _by_architecture(model, like or (), [*listed, *extra], notes)
        covered = {key for claim in (*listed, *extra) for key in claim.stored}
        holders = {tensor.key: tensor for tensor, _ in reversed(verdicts) if tensor.key in covered}
        others = [
            position
            for position, (tensor, _) in enumerate(verdicts)
            if holders.get(tensor.key) is not tensor
        ]
    elif listed and extra:
        notes.append(
            f"{len(extra)} stored tensors look like parameters and are in no list of the exporter's"
        )
    notes.extend(getattr(model.source, "notes", ()))
    opaque = [tensor for tensor, verdict in verdicts if verdict.role is Role.OPAQUE]
    if opaque:
        size = sum(tensor.n_bytes for tensor in opaque)
        notes.append(
            f"{len(opaque)} opaque nodes of {size} bytes ({opaque[0].place.op_type}): what is"
            " compiled into them cannot be read or counted"
        )
    files, missing = _files(model, [tensor for tensor, _ in verdicts])
    if missing:
        notes.append(
            f"{', '.join(missing[:5])} is not there: names, shapes and totals are from the headers"
            " alone"
        )
    unknown = sum(claim.shape is None for claim in listed)
    if unknown:
        notes.append(
            f"{unknown} parameters have no shape that the file tells; they count nothing in the"
            " totals"
        )
    return Inventory(
        model=model,
        verdicts=tuple(verdicts),
        parameters=(*listed, *extra),
        claims=(*(listed if checkpoint is not None or like is not None else ()), *own),
        holders=holders,
        others=tuple(others),
        files=files,
        notes=tuple(notes),
        matched=matched,
        verification=verification,
    )


def _unwrapped(inventory: Inventory, strip: bool) -> Inventory:
    """The inventory with a note on a wrapper's prefix, or without the prefix."""
    prefix = wrapper_prefix(
        claim.name for claim in inventory.parameters if claim.evidence is not Evidence.NONE
    )
    if not prefix:
        return inventory
    if not strip:
        note = (
            f"every name begins with '{prefix}', which a wrapper may have put there; --strip-prefix"
            " takes it off"
        )
        return replace(inventory, notes=(*inventory.notes, note))

    def bare(claim: Claim) -> Claim:
        return claim._replace(
            name=claim.name.removeprefix(prefix),
            aliases=tuple(alias.removeprefix(prefix) for alias in claim.aliases),
        )

    notes = (*inventory.notes, f"'{prefix}' was taken off every name")
    return replace(
        inventory,
        parameters=tuple(map(bare, inventory.parameters)),
        claims=tuple(map(bare, inventory.claims)),
        notes=notes,
    )


def _by_reference(
    rows: list[Claim], own: list[Claim], notes: list[str]
) -> tuple[list[Claim], list[Claim]]:
    """The reference's parameters, and those of the artifact's own claims on what the reference does
    not have.
    """
    covered = {key for claim in rows for key in claim.stored}
    extra = [claim for claim in own if claim.stored and not covered.intersection(claim.stored)]
    if extra:
        notes.append(f"{len(extra)} parameters of the artifact are nowhere in the reference")
    changed = sum(claim.view is View.CHANGED for claim in rows)
    if changed:
        notes.append(
            f"{changed} parameters have other values in the artifact than in the reference"
        )
    gone = sum(not claim.pieces and claim.view is not View.CHANGED for claim in rows)
    if gone:
        notes.append(
            f"{gone} parameters of the reference have no values in the artifact that could be"
            " compared: folded, looked up or erased"
        )
    return rows, extra


def _by_architecture(
    model: Model, like: Sequence[Expected], own: list[Claim], notes: list[str]
) -> tuple[list[Claim], list[Claim]]:
    """The architecture's parameters, and the artifact's own claims on what the architecture does
    not have.
    """
    rows = architecture.claims(model, like, own)
    fitting = sum(bool(claim.stored) for claim in rows)
    if 2 * fitting < len(rows):
        raise UsageError(
            f"{model.source.label}: the architecture does not fit: {fitting} of its {len(rows)}"
            " parameters could be found by name and shape"
        )
    covered = {key for claim in rows for key in claim.stored}
    extra = [claim for claim in own if claim.stored and not covered.intersection(claim.stored)]
    if extra:
        notes.append(f"{len(extra)} parameters of the artifact are nowhere in the architecture")
    open_rows = sum(claim.view is View.UNKNOWN for claim in rows)
    if open_rows:
        notes.append(f"{open_rows} parameters of the architecture are nowhere in the artifact")
    return rows, extra


def _tied(claims: list[Claim], holders: dict[Key, StoredTensor], model: Model) -> list[Claim]:
    """The claims, where what lies in the file twice is one parameter, and what two parameters share
    is two.
    """
    # parts, or several that were folded into one
    shared = {
        key for key, count in Counter(claim.stored[0] for claim in claims).items() if count > 1
    }
    copies = duplicates.transposed(
        holders[claim.stored[0]] for claim in claims if claim.stored[0] not in shared
    )
    by_key = {claim.stored[0]: claim for claim in claims if claim.stored[0] not in shared}
    for copy, first in copies.items():
        was, other = by_key[first], by_key[copy]
        because = f"{was.because}; '{other.name}' is a transposed copy of it"
        by_key[first] = was._replace(
            stored=(*was.stored, copy), aliases=(*was.aliases, other.name), because=because
        )
    claims = [
        by_key.get(claim.stored[0], claim) for claim in claims if claim.stored[0] not in copies
    ]
    if not any(
        node.op_type == "Identity" for graph in model.graphs.values() for node in graph.nodes
    ):
        return claims
    found: list[Claim] = []
    for claim in claims:
        key = claim.stored[0]
        twins = duplicates.behind_identities(model, holders[key], _is_module_name)
        same = tuple(twin.name for twin in twins if twin.same)
        found.append(claim._replace(aliases=(*claim.aliases, *same)) if same else claim)
        for twin in twins:
            if not twin.same:
                because = (
                    f"an Identity gives it the numbers of '{claim.name}', which are all the same:"
                    " two parameters may well share them"
                )
                found.append(
                    claim._replace(name=twin.name, certain=False, because=because, view=View.MERGED)
                )
    return found


def _is_module_name(name: str) -> bool:
    return "." in name and not is_made_up(name)


def _placed(listed: list[Claim], tensors: list[StoredTensor], model: Model) -> list[Claim]:
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
        found[name] = row._replace(view=view, stored=(tensor.key,), because=because)
    return [found.get(claim.name, claim) for claim in listed]


# rules by which a tensor was learned whatever its name
_SURE = frozenset({RuleId.WEIGHT_SLOT, RuleId.BIAS_SLOT, RuleId.EXPORTER})


def _is_unlisted(tensor: StoredTensor, verdict: Classification) -> bool:
    """Whether an exporter that listed the parameters cannot have meant this one: a made-up name, a
    value's name in a slot that anything may fill, or a filler that a node makes.
    """
    if tensor.encoding is Encoding.GENERATED:
        return True
    return is_made_up(tensor.name) or (tensor.name.isidentifier() and verdict.rule not in _SURE)


def _unlisted(verdict: Classification, complete: bool) -> Classification:
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
        "it may hold listed parameters whose place is not known, and is no further one;"
        f" {verdict.because}"
    )
    return Classification(role=Role.PARAMETER, rule=RuleId.UNPLACED, because=because)


def _completed(table: list[Claim], second: list[Claim]) -> list[Claim]:
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
            claim._replace(
                view=other.view,
                stored=other.stored,
                pieces=other.pieces,
                axis=other.axis,
                because=because,
            )
            if known and other
            else claim
        )
        rows.append(filled)
    return rows


def _is_derived(words: Words, tensor: StoredTensor) -> bool:
    """Whether a tensor was computed from parameters that the table lists already."""
    return not tensor.place.graph and any(
        words.kinds.get(source) == "PARAMETER" for source in words.folded_from(tensor.name)
    )


def _files(model: Model, tensors: list[StoredTensor]) -> tuple[tuple[FileBytes, ...], list[str]]:
    """Bytes by file.

    A byte that two tensors share counts once; spans of the model's own file must not overlap.
    """
    own = sum(
        span.n_bytes
        for t in tensors
        for part in (t, t.indices)
        if part is not None
        for span in part.spans
    )
    if own > model.source.n_bytes:
        raise FormatError(
            f"{model.source.label}: its tensors claim {own} bytes, the file has"
            f" {model.source.n_bytes}"
        )
    files = [FileBytes(path=model.source.label, n_bytes=model.source.n_bytes, tensor_bytes=own)]
    external: dict[str, list[tuple[int, int]]] = {}
    sizes: dict[str, int | None] = {}
    for tensor in tensors:
        for part in (tensor, tensor.indices):
            if part is not None and part.external is not None:
                external.setdefault(part.external.file.path, []).append(part.external_span)
                sizes[part.external.file.path] = part.external.file.n_bytes
    missing = []
    for path, spans in external.items():
        files.append(FileBytes(path=path, n_bytes=sizes[path], tensor_bytes=_union(spans)))
        if sizes[path] is None:
            missing.append(path)
    return tuple(files), missing


def _union(spans: list[tuple[int, int]]) -> int:
    total = reached = 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, reached))
        reached = max(reached, stop)
    return total
