"""Name stored tensors by a reference: its tensors are found by content, and each place is proved by
comparing values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import moved, natural, prefix_between
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    from onnx_params.matching.match_state import Found

# rules that a reference outweighs
_WEAK = frozenset({RuleId.BEFORE_THE_FIRST_LAYER, RuleId.AFTER_THE_LAST_LAYER})


class Matched(NamedTuple):
    """A reference with what was found of it.

    ``claims`` are the rows that it gives; ``found`` has an answer for each of its tensors, buffers
    too; ``named`` are the artifact's own claims under the reference's names, aliases too; ``kinds``
    what the exporter calls each name; ``prefix`` is what stands between both (see
    :func:`prefix_between`).
    """

    checkpoint: Checkpoint
    claims: list[Claim]
    found: Mapping[str, Found]
    named: Mapping[str, Claim]
    kinds: Mapping[str, str]
    prefix: str


def claims(
    model: Model,
    metadata: ExporterMetadata,
    checkpoint: Checkpoint,
    own: Sequence[Claim],
    verdicts: Sequence[tuple[StoredTensor, Classification]],
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Matched:
    """Match a checkpoint: one claim for each of its parameters, in the artifact's order where it
    lists them, else in the checkpoint's.

    ``own`` are the artifact's own claims. Reads all values of the checkpoint. Raises
    :class:`MissingDataError` where the artifact's are not there.
    """
    # NumPy, which a report without reference does not pay
    from onnx_params.matching.match import match

    names = [tensor.name for tensor in checkpoint.tensors]
    prefix = prefix_between(names, [claim.name for claim in own])
    named: dict[str, Claim] = {}
    for each in own:
        for name in (each.name, *each.aliases):
            named.setdefault(moved(name, prefix), each)
    claimed = {key for each in own for key in each.stored}
    stored = [
        t
        for t, verdict in verdicts
        if verdict.role in (Role.PARAMETER, Role.BUFFER)
        or t.key in claimed
        or _is_number(t, verdict)
    ]
    found = match(model, checkpoint.tensors, stored, named, dict(checkpoint.aliases), progress)
    roles = {tensor.key: verdict.role for tensor, verdict in verdicts}
    rules = {tensor.key: verdict.rule for tensor, verdict in verdicts}
    kinds = {moved(name, prefix): kind for name, kind in metadata.kinds.items()}
    rows: dict[str, Claim] = {}
    aliases: dict[str, list[str]] = {}
    for tensor in checkpoint.tensors:
        place = found[tensor.name]
        listed = kinds.get(tensor.name)
        if listed == "BUFFER" or (
            listed is None and (is_buffer_name(tensor.name) or not tensor.dtype.is_float)
        ):
            continue
        if (
            listed is None
            and place.placements
            and all(roles[key] is Role.BUFFER and rules[key] not in _WEAK for key in place.stored)
        ):
            continue
        claim = named.get(tensor.name)
        if place.alias_of or (
            claim is not None
            and moved(claim.name, prefix) != tensor.name
            and place.view in (View.MERGED, View.TIED)
        ):
            first = place.alias_of or (moved(claim.name, prefix) if claim is not None else "")
            aliases.setdefault(first, []).append(tensor.name)
            continue
        rows[tensor.name] = Claim(
            name=tensor.name,
            shape=tensor.shape,
            dtype=tensor.dtype.name,
            evidence=Evidence.REFERENCE,
            certain=place.certain,
            because=f"the reference has it; {place.because}",
            view=place.view,
            stored=place.stored,
            placements=place.placements,
            axis=place.axis,
        )
    for name, others in aliases.items():
        if name in rows:
            rows[name] = replace(rows[name], aliases=tuple(others))
    order = {
        moved(claim.name, prefix): at
        for at, claim in enumerate(own)
        if claim.evidence is not Evidence.NONE
    }
    if checkpoint.ordered and not (metadata.signature or metadata.source_map):
        return Matched(checkpoint, list(rows.values()), found, named, kinds, prefix)
    return Matched(checkpoint, _ordered(rows, order), found, named, kinds, prefix)


def _ordered(rows: dict[str, Claim], order: dict[str, int]) -> list[Claim]:
    """The rows in the artifact's order; those that it does not name after the last one of the
    innermost module that they share with others.
    """
    placed = sorted((name for name in rows if name in order), key=order.__getitem__)
    last: dict[str, int] = {}  # module -> the last of its rows
    for at, name in enumerate(placed):
        for owner in _owners(name):
            last[owner] = at
    after: dict[int, list[str]] = {}
    for name in sorted((name for name in rows if name not in order), key=natural):
        after.setdefault(
            next((last[owner] for owner in _owners(name) if owner in last), len(placed)), []
        ).append(name)
    every = [
        name for at in range(len(placed) + 1) for name in (*placed[at : at + 1], *after.get(at, ()))
    ]
    return [rows[name] for name in every]


def _owners(name: str) -> Iterator[str]:
    """The modules that a name stands in, the innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _is_number(tensor: StoredTensor, verdict: Classification) -> bool:
    return verdict.role is Role.CONSTANT and tensor.dtype.is_float and tensor.count > 0
