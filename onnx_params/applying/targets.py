"""Find where each parameter is stored, with every copy: by the artifact's own words, or by the
checkpoint that it was made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import READABLE, View
from onnx_params.errors import OnnxParamsError
from onnx_params.idioms.naming import Evidence
from onnx_params.inventory.as_checkpoint import buffers
from onnx_params.inventory.record import Inventory
from onnx_params.matching.candidates import Candidate, Values
from onnx_params.matching.match_state import Found
from onnx_params.matching.multiset_hash import digest
from onnx_params.matching.verify import layouts_between
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Role
from onnx_params.tensors.evaluate import evaluate_all
from onnx_params.tensors.steps import Key, Placement, Shape, Steps, chain
from onnx_params.tensors.stored import StoredTensor

MIN_COPIED: Final = 8  # elements whose bits are not equal by chance


class Chain(NamedTuple):
    """One copy of a parameter: the placements that make it, joined along an axis."""

    placements: tuple[Placement, ...]
    axis: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parameter or buffer as the artifact stores it.

    ``chains`` has every copy of it, none where its values are not stored as they are; ``found`` is
    what the old checkpoint says of it, ``claim`` what the artifact does.
    """

    name: str
    aliases: tuple[str, ...] = ()
    shape: Shape | None
    chains: tuple[Chain, ...]
    stored: tuple[Key, ...]
    view: View
    certain: bool
    because: str
    found: Found | None = None
    is_buffer: bool = False

    @property
    def keys(self) -> frozenset[Key]:
        """The stored tensors that hold its values."""
        return frozenset(placement.key for each in self.chains for placement in each.placements)


class Located(NamedTuple):
    """Where everything is: targets by name, and the learned tensors that none of them covers."""

    targets: Mapping[str, Target]
    left: tuple[StoredTensor, ...]


def located(inventory: Inventory, finder: Finder) -> Located:
    """Every parameter and buffer with its place. Reads the values of tensors that may be copies."""
    if inventory.matched is None:
        found = {target.name: target for target in _own(inventory)}
    else:
        found = {target.name: target for target in _witnessed(inventory)}
    found = {name: finder.completed(target) for name, target in found.items()}
    left = [tensor for tensor in _learned(inventory) if not _is_covered(tensor, found)]
    found = finder.with_copies(found, left)
    left = [tensor for tensor in left if not _is_covered(tensor, found)]
    return Located(found, tuple(left))


def _own(inventory: Inventory) -> Iterator[Target]:
    """The artifact's own claims, parameters first; the first one of a name stands."""
    seen: set[str] = set()
    listed = [(claim, False) for claim in inventory.parameters]
    listed += [(claim, True) for claim in buffers(inventory)]
    for claim, is_buffer in listed:
        if claim.name in seen or claim.evidence is Evidence.NONE:
            continue
        seen.add(claim.name)
        yield _of_claim(inventory, claim, is_buffer)


def _of_claim(inventory: Inventory, claim: Claim, is_buffer: bool) -> Target:
    is_placed = (
        bool(claim.placements) and claim.view in READABLE and not _lacks_scale(inventory, claim)
    )
    return Target(
        name=claim.name,
        aliases=claim.aliases,
        shape=claim.shape,
        chains=(Chain(claim.placements, claim.axis),) if is_placed else (),
        stored=claim.stored,
        view=claim.view,
        certain=claim.certain,
        because=claim.because,
        is_buffer=is_buffer,
    )


def _lacks_scale(inventory: Inventory, claim: Claim) -> bool:
    """Whether codes are stored, and nothing says what numbers they stand for."""
    tensor = inventory.model.stored[claim.placements[0].key]
    return not claim.steps and tensor.dtype.is_narrow_integer and claim.dtype == tensor.dtype.name


def _witnessed(inventory: Inventory) -> Iterator[Target]:
    """What was found of each tensor of the old checkpoint."""
    matched = inventory.matched
    assert matched is not None
    aliases: dict[str, list[str]] = {}
    for name, found in matched.found.items():
        if found.alias_of:
            aliases.setdefault(found.alias_of, []).append(name)
    for tensor in matched.checkpoint.tensors:
        found = matched.found[tensor.name]
        if found.alias_of:
            continue
        is_placed = bool(found.placements) and found.view in READABLE
        yield Target(
            name=tensor.name,
            aliases=tuple(aliases.get(tensor.name, ())),
            shape=tensor.shape,
            chains=(Chain(found.placements, found.axis),) if is_placed else (),
            stored=found.stored,
            view=found.view,
            certain=True,  # values prove it; equal ones are settled by their names or their order
            because=found.because,
            found=found,
            is_buffer=matched.kinds.get(tensor.name) == "BUFFER",
        )


def _learned(inventory: Inventory) -> list[StoredTensor]:
    """The stored tensors that the model learned and that something uses."""
    uses = inventory.model.def_use.uses
    return [
        tensor
        for tensor, classification in inventory.classified
        if classification.role is Role.PARAMETER
        and tensor.count
        and (uses(tensor.key) or tensor.place.op_type)
    ]


def _is_covered(tensor: StoredTensor, targets: Mapping[str, Target]) -> bool:
    return any(
        tensor.key in target.keys or tensor.key in target.stored for target in targets.values()
    )


class Finder:
    """Finds stored tensors, and the steps from them, by values."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.values = Values(model)

    def completed(self, target: Target) -> Target:
        """The target with a chain for each of its stored tensors; without any where one of them
        has a layout that is not known, and would keep the old values.
        """
        rest = [key for key in target.stored if key not in target.keys]
        if not target.chains or not rest:
            return target
        chains = list(target.chains)
        for key in rest:
            steps = self.way_to(key, self.of(target))
            if steps is None:
                because = f"'{key[1]}' was made of it, in a way that is not known"
                return replace(target, chains=(), because=because)
            chains.append(Chain((Placement(key, steps),)))
        return replace(target, chains=tuple(chains))

    def of(self, target: Target) -> np.ndarray:
        """The values that the artifact has now."""
        first = target.chains[0]
        return evaluate_all(self.model.stored, first.placements, first.axis)

    def way_to(self, key: Key, values: np.ndarray) -> Steps | None:
        """The steps by which a stored tensor has given values; ``None`` where there are none."""
        candidate = Candidate(self.model, self.model.stored[key], 0)
        for way in candidate.ways:
            for layout in layouts_between(candidate.shape_under(way), values.shape):
                steps = chain(*way, *layout)
                try:
                    if self.values.is_close(values, candidate, steps):
                        return steps
                except (OnnxParamsError, ValueError):
                    continue
        return None

    def with_copies(
        self, targets: Mapping[str, Target], left: list[StoredTensor]
    ) -> dict[str, Target]:
        """The targets with the chains of stored tensors that have the elements of one."""
        made = dict(targets)
        free = [tensor for tensor in left if tensor.count >= MIN_COPIED and tensor.dtype.is_float]
        wanted = {(tensor.dtype.name, tensor.count) for tensor in free}
        index: dict[tuple[str, int], str] = {}
        for name, target in targets.items() if free else ():
            for tensor in self._whole(target):
                if (tensor.dtype.name, tensor.count) in wanted:
                    index.setdefault((tensor.dtype.name, digest(tensor)), name)
        for tensor in free:
            owner = index.get((tensor.dtype.name, digest(tensor)))
            steps = None if owner is None else self.way_to(tensor.key, self.of(made[owner]))
            if owner is not None and steps is not None:
                copy = Chain((Placement(tensor.key, steps),))
                chains = (*made[owner].chains, copy)
                stored = (*made[owner].stored, tensor.key)
                made[owner] = replace(made[owner], chains=chains, stored=stored)
        return made

    def _whole(self, target: Target) -> list[StoredTensor]:
        """The stored tensors that are a parameter alone and whole."""
        return [
            self.model.stored[each.placements[0].key]
            for each in target.chains
            if len(each.placements) == 1
        ]
