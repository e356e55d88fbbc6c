"""Name stored tensors by an architecture without weights: its parameters' names and shapes in
order, against the graph's order.

What has a name of its own keeps it where the architecture has it too. The rest is dealt out by
shape, within the same layer where the neighbours tell it: as many stored tensors as parameters, in
the order in which the graph takes them. All of it is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import READABLE, View
from onnx_params.idioms.naming import Evidence
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.steps import SWAP, Placement, Shape, chain

_LAYER = re.compile(r"^(.*?\.\d+\.)")


class Expected(NamedTuple):
    """One parameter of an architecture."""

    name: str
    shape: Shape
    aliases: tuple[str, ...] = ()


def claims(model: Model, expected: Sequence[Expected], own: Sequence[Claim]) -> list[Claim]:
    """One claim for each parameter of the architecture, in its order. Reads attributes,
    no values.
    """
    names = [row.name for row in expected]
    prefix = prefixes_between(names, [claim.name for claim in own])[0]
    known = _known(expected, _by_name(own, prefix))
    used = {key for claim in known.values() for key in claim.stored}
    loose = sorted(
        (claim for claim in own if claim.stored and not used.intersection(claim.stored)),
        key=lambda claim: _position(model, claim),
    )
    anchors = sorted(
        (_position(model, claim), name) for name, claim in known.items() if claim.stored
    )
    dealt = _dealt(model, [row for row in expected if row.name not in known], loose, anchors)
    return [known.get(row.name) or dealt.get(row.name) or _unknown(row) for row in expected]


def _by_name(own: Sequence[Claim], prefix: str) -> dict[str, Claim]:
    """The artifact's own claims that something proves, under the architecture's names."""
    found: dict[str, Claim] = {}
    for claim in own:
        if claim.evidence is not Evidence.NONE:
            for name in (claim.name, *claim.aliases):
                found.setdefault(moved(name, prefix), claim)
    return found


def _known(expected: Sequence[Expected], by_name: Mapping[str, Claim]) -> dict[str, Claim]:
    """The parameters that have a name of their own in the artifact, and no other shape there."""
    known: dict[str, Claim] = {}
    for row in expected:
        for name in (row.name, *row.aliases):
            named = by_name.get(name)
            if named is not None and named.shape in (None, row.shape):
                found = replace(named, name=row.name, shape=row.shape, aliases=row.aliases)
                known.setdefault(row.name, found)
    return known


def _unknown(row: Expected) -> Claim:
    because = "the architecture has it; no stored tensor is left that it could be"
    return Claim(
        name=row.name,
        shape=row.shape,
        dtype=None,
        evidence=Evidence.ARCHITECTURE,
        certain=False,
        because=because,
        view=View.UNKNOWN,
        aliases=row.aliases,
    )


def _position(model: Model, claim: Claim) -> int:
    """Where the graph takes a parameter first."""
    positions = [
        use.node.position
        for key in claim.stored
        for use in model.def_use.uses(key)
        if use.node is not None and not use.graph
    ]
    return min(positions, default=len(model.main.nodes))


def _layer(name: str) -> str:
    match = _LAYER.match(name)
    return match[1] if match is not None else ""


def _dealt(
    model: Model, missing: list[Expected], loose: list[Claim], anchors: list[tuple[int, str]]
) -> dict[str, Claim]:
    """Names for stored tensors that have none, by shape and order."""
    found: dict[str, Claim] = {}
    for rows, claims in _groups(model, missing, loose, anchors):
        for row, claim in zip(rows, claims, strict=True):
            dealt = _as_expected(model, row, claim, len(rows))
            if dealt is not None:
                found[row.name] = dealt
    return found


def _groups(
    model: Model, missing: list[Expected], loose: list[Claim], anchors: list[tuple[int, str]]
) -> list[tuple[list[Expected], list[Claim]]]:
    """As many parameters as stored tensors of the same dimensions: layer by layer where that comes
    out even, else over all.
    """
    wanted: dict[tuple[Shape, str], list[Expected]] = {}
    for row in missing:
        wanted.setdefault((_dims(row.shape), _layer(row.name)), []).append(row)
    listed: dict[tuple[Shape, str], list[Claim]] = {}
    for claim in loose:
        layer = _layer_at(_position(model, claim), anchors)
        listed.setdefault((_dims(claim.shape), layer), []).append(claim)
    uneven = {
        key[0] for key in (*wanted, *listed) if len(wanted.get(key, ())) != len(listed.get(key, ()))
    }
    groups = [(wanted[key], listed[key]) for key in wanted if key[0] not in uneven]
    for dims in uneven:
        rows = [row for row in missing if _dims(row.shape) == dims]
        claims = [claim for claim in loose if _dims(claim.shape) == dims]
        if len(rows) == len(claims):
            groups.append((rows, claims))
    return groups


def _dims(shape: Shape | None) -> Shape:
    """Dimensions whatever their order."""
    return tuple(sorted(shape or ()))


def _layer_at(position: int, anchors: list[tuple[int, str]]) -> str:
    """The layer of the nearest named parameter at or before a place in the graph, or of the first
    after it.
    """
    before = [name for at, name in anchors if at <= position and _layer(name)]
    after = [name for at, name in anchors if at > position and _layer(name)]
    return _layer(before[-1]) if before else _layer(after[0]) if after else ""


def _as_expected(model: Model, row: Expected, claim: Claim, among: int) -> Claim | None:
    """A claim that this stored tensor is that parameter; ``None`` where no order of axes gives its
    shape.
    """
    assert claim.shape is not None
    turned = claim.shape != row.shape
    if turned and claim.shape != row.shape[::-1]:
        return None
    if (
        not turned
        and len(row.shape) == 2
        and row.shape[0] == row.shape[1]
        and claim.evidence is Evidence.NONE
    ):
        turned = _is_product(model, claim)
    because = (
        f"the architecture has it; of {among} parameters of these dimensions, by the order in which"
        " the graph takes them"
    )
    placements = (
        tuple(
            Placement(placement.key, chain(*placement.steps, SWAP))
            for placement in claim.placements
        )
        if turned
        else claim.placements
    )
    view = View.TRANSPOSED if turned and claim.view is View.WHOLE else claim.view
    return replace(
        claim,
        name=row.name,
        shape=row.shape,
        evidence=Evidence.ARCHITECTURE,
        certain=False,
        because=because,
        view=view,
        placements=placements if view in READABLE else (),
        aliases=row.aliases,
    )


def _is_product(model: Model, claim: Claim) -> bool:
    tensor = model.stored[claim.stored[0]]
    return any(
        consumer.is_matrix_product and not consumer.is_transposed
        for consumer in consumers(model, tensor)
    )
