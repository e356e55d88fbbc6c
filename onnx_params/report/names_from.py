"""Name an artifact by another export of the same model: one that was not optimized, or the source
map of one.

Values that are the same prove a name; where they are others, of another checkpoint, the shapes and
the order in which both graphs take parameters say which is which, and all is inferred.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import READABLE, View, view_of
from onnx_params.errors import UsageError
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.source_map import read_map
from onnx_params.idioms.torchscript import is_result, real_name
from onnx_params.inventory.lists import unique
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.take import divided, take
from onnx_params.names.architecture import Expected
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Key, Placement, chain, is_exact

if TYPE_CHECKING:  # NumPy, which a report without values does not pay
    from onnx_params.matching.match_state import Found

LEAST_KNOWN: Final = 0.1  # share of tensors, of either side, that a reference must explain
FEW: Final = 4  # tensors of which no share is made


def named_from(
    path: str | os.PathLike[str],
    model: Model,
    strip_prefix: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Inventory:
    """The inventory of ``model`` under the names that the artifact or source map at ``path`` has.

    A name is certain where the values prove it and it is certain there. Reads the values of both.
    Raises :class:`UsageError` where nothing there has a name.
    """
    source_map = read_map(path)
    if source_map is not None:
        if not source_map.parameters:
            raise UsageError(f"{os.fspath(path)}: is a source map that lists no parameters")
        return take(model, source_map=source_map, match_digests=True, strip_prefix=strip_prefix)
    plain = take(open_artifact(path).model)
    named = plain.parameters
    if all(claim.evidence is Evidence.NONE for claim in named):
        raise UsageError(f"{os.fspath(path)}: has no names to take")
    if not all(is_exact(claim.steps) for claim in named):  # rounded: no value is the original's
        return take(model, like=_architecture(named), strip_prefix=strip_prefix)
    made = take(model, checkpoint=_as_stored(plain), strip_prefix=strip_prefix, progress=progress)
    if is_stranger(made):
        return take(model, like=_architecture(named), strip_prefix=strip_prefix)
    assert made.matched is not None
    claims = [_translated(claim, made.matched.found, os.fspath(path)) for claim in named]
    covered = {key for claim in claims for key in claim.stored}
    own = (claim for claim in made.parameters if claim.evidence is not Evidence.REFERENCE)
    extra = [claim for claim in own if not covered.intersection(claim.stored)]
    is_complete = all(claim.view is not View.UNKNOWN for claim in claims)
    left = [claim for claim in extra if is_complete or not _is_made_up(claim)]
    kept = {key for claim in left for key in claim.stored}
    gone = {key for claim in extra for key in claim.stored} - kept
    return _without(divided(replace(made, parameters=unique([*claims, *left]))), gone)


def _is_made_up(claim: Claim) -> bool:
    """Whether no name of what a claim is on is a module's."""
    return all(real_name(name) is None or is_result(name) for _, name in claim.stored)


def _without(inventory: Inventory, keys: Set[Key]) -> Inventory:
    """The inventory, where those stored tensors are no parameters: an optimizer computed them of
    such of the plain export as are gone.
    """
    if not keys:
        return inventory
    because = "an optimizer computed it of parameters of the plain export, of which some are gone; "
    classified = tuple(
        (tensor, Classification(Role.CONSTANT, RuleId.NOT_LISTED, because + found.because))
        if tensor.key in keys
        else (tensor, found)
        for tensor, found in inventory.classified
    )
    return replace(inventory, classified=classified)


def _as_stored(plain: Inventory) -> Checkpoint:
    """What an artifact stores of parameters and buffers, as it lies, under names of its own."""
    learned = (Role.PARAMETER, Role.BUFFER)
    tensors = [
        tensor._replace(name=_label(tensor.key))
        for tensor, found in plain.classified
        if found.role in learned
        and tensor.key in plain.model.stored
        and tensor.encoding is not Encoding.GENERATED
    ]
    return Checkpoint(path=plain.model.source.label, tensors=tuple(tensors), ordered=True)


def _label(key: Key) -> str:
    graph, name = key
    return f"{graph}/{name}" if graph else name


def _translated(claim: Claim, found: Mapping[str, Found], path: str) -> Claim:
    """A claim on a plain export as one on the artifact, where its stored tensors lie now."""
    places = [found.get(_label(key)) for key in claim.stored]
    keys = dict.fromkeys(key for place in places if place is not None for key in place.stored)
    placements = _composed(claim, found)
    because = f"{claim.because}, in {path}"
    if not claim.stored:
        return replace(claim, because=because)
    if not keys:
        because += "; nothing of it is left"
        return replace(claim, view=View.UNKNOWN, stored=(), placements=(), because=because)
    proved = bool(placements) and all(place is not None and place.certain for place in places)
    steps = tuple(step for placement in placements for step in placement.steps)
    if placements:
        view = view_of(steps) if steps else claim.view
        because += f"; {places[0].because}" if places[0] is not None else ""
    else:
        view = claim.view if claim.view not in READABLE else View.FOLDED
    is_nameless = claim.evidence is Evidence.NONE
    return replace(
        claim,
        evidence=Evidence.NONE if is_nameless else Evidence.REFERENCE,
        certain=claim.certain and (proved or not claim.placements),
        view=view,
        stored=tuple(keys),
        placements=placements,
        because=because,
    )


def _composed(claim: Claim, found: Mapping[str, Found]) -> tuple[Placement, ...]:
    """The steps from where the claim's stored tensors lie now; none where one lies in parts, or is
    not readable.
    """
    made: list[Placement] = []
    for placement in claim.placements:
        place = found.get(_label(placement.key))
        if place is None or len(place.placements) != 1:
            return ()
        now = place.placements[0]
        made.append(Placement(now.key, chain(*now.steps, *placement.steps)))
    return tuple(made)


def _architecture(named: Iterable[Claim]) -> list[Expected]:
    """The names and shapes of an artifact's parameters, in its order."""
    return [
        Expected(claim.name, claim.shape, claim.aliases)
        for claim in named
        if claim.shape is not None
    ]


def is_stranger(inventory: Inventory) -> bool:
    """Whether a reference is another model's: hardly any of its tensors is in the artifact, and it
    explains hardly any of the artifact's.
    """
    matched = inventory.matched
    if matched is None:
        return False
    answers = list(matched.found.values())
    proved = [each for each in answers if each.is_proved]
    explained = {key for each in proved for key in each.stored}
    is_known = len(proved) >= LEAST_KNOWN * len(answers)
    if is_known or (len(answers) < FEW and proved):
        return False
    return len(explained) < LEAST_KNOWN * max(1, len(inventory.parameter_tensors))
