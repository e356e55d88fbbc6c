"""Name stored tensors by a reference: its tensors are found by content, and each place is proved by
comparing values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import moved, natural, prefixes_between
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    from onnx_params.matching.match_state import Found

SAME: Final = 2e-2  # relative; half precision, twice rounded
# rules that a reference outweighs
_WEAK = frozenset({RuleId.BEFORE_THE_FIRST_LAYER, RuleId.AFTER_THE_LAST_LAYER})


class Matched(NamedTuple):
    """A reference with what was found of it.

    ``claims`` are the rows that it gives; ``found`` has an answer for each of its tensors, buffers
    too; ``named`` are the artifact's own claims under the reference's names, aliases too; ``kinds``
    what the exporter calls each name; ``prefix`` is what stands between both (see
    :func:`prefixes_between`); ``once`` is the type of half precision that all weights went through.
    """

    checkpoint: Checkpoint
    claims: list[Claim]
    found: Mapping[str, Found]
    named: Mapping[str, Claim]
    kinds: Mapping[str, str]
    prefix: str
    once: str = ""

    @property
    def n_proved(self) -> int:
        """How many elements of the reference were proved to be in the artifact."""
        proved = {name for name, found in self.found.items() if found.is_proved}
        return sum(each.count for each in self.checkpoint.tensors if each.name in proved)


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

    prefix = _prefix(model, checkpoint, own)
    named = _by_name(own, prefix)
    stored = _candidates(own, verdicts)
    found = match(model, checkpoint.tensors, stored, named, dict(checkpoint.aliases), progress)
    kinds = {moved(name, prefix): kind for name, kind in metadata.kinds.items()}
    classified = {tensor.key: verdict for tensor, verdict in verdicts}
    rows: dict[str, Claim] = {}
    aliases: dict[str, list[str]] = {}
    for tensor in checkpoint.tensors:
        place = found[tensor.name]
        if not _is_parameter(tensor, place, kinds.get(tensor.name), classified):
            continue
        first = _alias_of(tensor.name, place, named.get(tensor.name), prefix)
        if first is None:
            rows[tensor.name] = _row(tensor, place)
        else:
            aliases.setdefault(first, []).append(tensor.name)
    for name, others in aliases.items():
        if name in rows:
            rows[name] = replace(rows[name], aliases=tuple(others))
    if checkpoint.ordered and not (metadata.signature or metadata.source_map):
        ordered = list(rows.values())
    else:
        ordered = _ordered(rows, _order(own, prefix))
    return Matched(checkpoint, ordered, found, named, kinds, prefix, found.once)


def _prefix(model: Model, checkpoint: Checkpoint, own: Sequence[Claim]) -> str:
    """What stands between the names of both; where names leave a choice, as in a checkpoint of
    several models that are called alike, that under which some numbers agree most often.
    """
    by_name = {tensor.name: tensor for tensor in checkpoint.tensors}
    choices = prefixes_between(list(by_name), [claim.name for claim in own])
    if len(choices) == 1:
        return choices[0]
    whole = [claim for claim in own if len(claim.placements) == 1 and not claim.steps]
    agreeing = dict.fromkeys(choices, 0)
    for prefix in choices:
        for claim in whole:
            tensor = by_name.get(moved(claim.name, prefix))
            stored = model.stored[claim.placements[0].key]
            if tensor is not None and tensor.shape == stored.shape:
                agreeing[prefix] += _agree(tensor, stored)
    return max(choices, key=lambda prefix: (agreeing[prefix], -choices.index(prefix)))


def _agree(tensor: StoredTensor, stored: StoredTensor) -> bool:
    """Whether some elements of both are the same, but for the rounding of half precision."""
    import numpy as np

    from onnx_params.matching.probes import read_numbers

    if not (tensor.dtype.is_float and stored.dtype.is_float):
        return False
    one, two = read_numbers(tensor, False), read_numbers(stored, False)
    if one is None or two is None:
        return False
    return bool(np.allclose(one, two, rtol=SAME, atol=0))


def _by_name(own: Sequence[Claim], prefix: str) -> dict[str, Claim]:
    """The artifact's own claims under the reference's names, aliases too; the first one of a name
    stands. One that knows no place is none.
    """
    named: dict[str, Claim] = {}
    for each in own:
        if each.view is View.UNKNOWN and each.stored:
            continue
        for name in (each.name, *each.aliases):
            named.setdefault(moved(name, prefix), each)
    return named


def _candidates(
    own: Sequence[Claim], verdicts: Sequence[tuple[StoredTensor, Classification]]
) -> list[StoredTensor]:
    """The stored tensors that may be one of the reference's."""
    claimed = {key for each in own for key in each.stored}
    return [
        tensor
        for tensor, verdict in verdicts
        if verdict.role in (Role.PARAMETER, Role.BUFFER)
        or tensor.key in claimed
        or _is_number(tensor, verdict)
        or verdict.rule is RuleId.SCALE_NAME  # AWQ's factors, by which weights are divided
    ]


def _is_parameter(
    tensor: StoredTensor,
    place: Found,
    listed: str | None,
    classified: Mapping[Key, Classification],
) -> bool:
    """Whether a tensor of the reference is a parameter: by the kind that the exporter lists, else
    by its name, its type, and the roles of what holds it.
    """
    if listed is not None:
        return listed != "BUFFER"
    if is_buffer_name(tensor.name) or not tensor.dtype.is_float:
        return False
    return not place.placements or not all(_is_buffer(classified[key]) for key in place.stored)


def _is_buffer(verdict: Classification) -> bool:
    return verdict.role is Role.BUFFER and verdict.rule not in _WEAK


def _alias_of(name: str, place: Found, claim: Claim | None, prefix: str) -> str | None:
    """The parameter that a name of the reference is an alias of; ``None`` where it is its own."""
    if place.alias_of:
        return place.alias_of
    if claim is None or place.view not in (View.MERGED, View.TIED):
        return None
    first = moved(claim.name, prefix)
    return None if first == name else first


def _row(tensor: StoredTensor, place: Found) -> Claim:
    """The claim that a reference gives for one of its parameters."""
    return Claim(
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


def _order(own: Sequence[Claim], prefix: str) -> dict[str, int]:
    """Name -> its position in the artifact, of the parameters that something names there."""
    return {
        moved(claim.name, prefix): at
        for at, claim in enumerate(own)
        if claim.evidence is not Evidence.NONE
    }


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
