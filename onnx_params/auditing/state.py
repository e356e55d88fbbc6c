"""Keep what an audit knows: an inventory that was matched with a reference."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np

from onnx_params.auditing import places
from onnx_params.auditing.agreement import agreeing
from onnx_params.auditing.computed import (
    is_computed,
    is_wave_table,
    n_zeros,
    used_elements,
)
from onnx_params.auditing.crossed import crossed
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.kin import UNEXPLAINED, Kin, became
from onnx_params.auditing.words import exchanged
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence, module_of
from onnx_params.idioms.torchscript import is_result
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.inventory.record import Inventory
from onnx_params.matching.candidates import Candidate, Values
from onnx_params.matching.claims import Matched
from onnx_params.matching.folds import is_spelled
from onnx_params.matching.match_state import Found
from onnx_params.matching.norms import norms
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Role
from onnx_params.tensors.steps import (
    Key,
    Shape,
    Slice,
    shape_after,
    without_ones,
)
from onnx_params.tensors.stored import StoredTensor

# names that are right for each that is not, for their kind to be trusted; what stands beside a
# parameter of that module is the strongest of the kinds that are asked
CONFIRMED: Final = {Evidence.SIBLING: 2}
USUALLY: Final = 4
GUESSES: Final = frozenset({Evidence.NONE, Evidence.ARCHITECTURE})


class State:
    """The state of one audit: an inventory that was matched with a reference.

    ``strict`` asks also whether content is where it belongs; between frameworks, layouts and orders
    differ, and content is what counts.
    """

    def __init__(self, inventory: Inventory, matched: Matched, strict: bool = True) -> None:
        self.strict = strict
        self.inventory = inventory
        self.model = inventory.model
        self.matched = matched
        self.reference = {tensor.name: tensor for tensor in matched.checkpoint.tensors}
        self.found = matched.found
        named = {
            name: claim for name, claim in matched.named.items() if claim.evidence not in GUESSES
        }
        self.named = agreeing(named, self.found)
        self.values = Values(self.model)
        self.values.once = matched.once
        # stored tensor -> the parameter of the reference that the artifact's own claim says it is
        self.owner: dict[Key, str] = {}
        for name, claim in self.named.items():
            for key in claim.stored if name in self.reference else ():
                self.owner.setdefault(key, name)
        # stored tensor -> the parameter whose content was found in it
        self.holds: dict[Key, str] = {}
        for name, found in self.found.items():
            for key in found.stored if found.view is not View.CHANGED else ():
                self.holds.setdefault(key, name)
        self.listed = {key for claim in inventory.parameters for key in claim.stored}
        # stored tensor that nothing explains -> a parameter that nothing holds, and that it has
        # room for
        self.suspects: dict[Key, str] = {}

    @cached_property
    def misplaced(self) -> dict[str, str]:
        return places.out_of_order(self.model, self.found)

    @cached_property
    def apart(self) -> dict[tuple[str, Shape], list[Found]]:
        """The parameters that lie in several stored tensors, by module and shape."""
        groups: dict[tuple[str, Shape], list[Found]] = {}
        for name, found in self.found.items():
            if found.is_proved and len(found.stored) > 1:
                kind = module_of(name), self.reference[name].shape
                groups.setdefault(kind, []).append(found)
        return groups

    @cached_property
    def alone(self) -> dict[Shape, list[str]]:
        """The parameters that lie in one stored tensor, by shape without axes of one."""
        groups: dict[Shape, list[str]] = {}
        for name, found in self.found.items():
            if found.is_proved and len(found.stored) == 1:
                groups.setdefault(without_ones(self.reference[name].shape), []).append(name)
        return groups

    @cached_property
    def kin(self) -> Kin:
        return Kin(self.reference, self.found)

    def is_trusted(self, claim: Claim) -> bool:
        """Whether a name of the artifact's own may speak against content: a certain one, the name
        in the file, or one of a kind of evidence that content confirms nearly everywhere.
        """
        is_own = claim.evidence is Evidence.STORED_NAME
        return claim.certain or is_own or self._confirmed[claim.evidence]

    @cached_property
    def _confirmed(self) -> Mapping[Evidence, bool]:
        """Evidence -> whether the content that was found lies where such names say, but for a
        few.
        """
        right: collections.Counter[Evidence] = collections.Counter()
        wrong: collections.Counter[Evidence] = collections.Counter()
        for name, claim in self.named.items():
            found = self.found.get(name)
            if found is None or not found.stored or found.view is View.CHANGED:
                continue
            agrees = not set(claim.stored).isdisjoint(found.stored)
            (right if agrees else wrong)[claim.evidence] += 1
        return {
            each: right[each] >= CONFIRMED.get(each, USUALLY) * max(1, wrong[each])
            for each in Evidence
        }

    def order_is_usual(self, name: str) -> bool:
        """Whether the kin of a tensor lie in the same order of blocks, or nothing says in which
        they should lie.
        """
        own = _order(self.found[name])
        kin = self.kin.others(name) or self.kin.alike(name)
        others = [_order(self.found[other]) for other in kin]
        return not others or 2 * sum(order == own for order in others) >= len(others)

    @cached_property
    def holders(self) -> collections.Counter[Key]:
        """Stored tensor -> how many tensors of the reference were found in it."""
        return collections.Counter(key for found in self.found.values() for key in found.stored)

    @cached_property
    def metadata(self) -> ExporterMetadata:
        """What the exporter wrote of what it computed."""
        return ExporterMetadata(model=self.model)

    @cached_property
    def spelled(self) -> frozenset[str]:
        """The formulas that the stored name of some parameter spells."""
        return frozenset(each.formula for name, each in self.found.items() if spells(name, each))

    @cached_property
    def exchanged(self) -> dict[str, str]:
        return exchanged(self.reference, self.found)

    @cached_property
    def crossed(self) -> dict[str, str]:
        return crossed(self.reference, self.found)

    @cached_property
    def turns(self) -> places.Turns:
        return places.Turns(self.model, self.found)

    @cached_property
    def open_norms(self) -> frozenset[int]:
        """The numbers of channels of the batch norms that nothing explains; none where no other one
        was folded.
        """
        if not any(found.formula == "batch norm" for found in self.found.values()):
            return frozenset()
        return frozenset(
            norm.variance.size
            for norm in norms(self.reference)
            if became(self.found[norm.names[3]]) == UNEXPLAINED
        )

    @cached_property
    def unexplained(self) -> list[tuple[StoredTensor, int]]:
        """Stored parameters of which nothing in the reference gives some elements, with how many;
        what was surely computed is not among them.

        Elements are those that the operator uses: padding counts nothing, for how much of it there
        is depends on the processor that an artifact was optimized on.
        """
        given = self._given_elements()
        found_open: list[tuple[StoredTensor, int]] = []
        for tensor, classification in self.inventory.classified:
            is_learned = classification.role in (Role.PARAMETER, Role.BUFFER)
            is_open = is_learned and tensor.key not in self.unreadable
            if not is_open or is_buffer_name(tensor.name):
                continue
            size = used_elements(self.model, tensor)
            left = size - given.get(tensor.key, 0)
            is_filled = 0 < left < size and left <= n_zeros(tensor)  # a bias that is missing
            if left > 0 and not is_filled and size > 1 and self.model.def_use.uses(tensor.key):
                found_open.append((tensor, left))
        return [
            (t, left)
            for t, left in found_open
            if is_result(t.name) or len(t.shape) > 2 or not is_computed(self.model, t)
        ]

    @cached_property
    def roles(self) -> dict[Key, Role]:
        """What each stored tensor is."""
        return {tensor.key: said.role for tensor, said in self.inventory.classified}

    @cached_property
    def unreadable(self) -> dict[Key, Shape]:
        """Stored parameters in a layout whose numbers nobody but their operator knows, with the
        shape that it says they have.
        """
        every = [
            Candidate(self.model, tensor, 0)
            for tensor, classification in self.inventory.classified
            if classification.role is Role.PARAMETER
        ]
        return {each.key: each.shape for each in every if not each.ways}

    def may_hold(self, tensor: StoredTensor) -> Key | None:
        """A stored tensor that cannot be read and has room for one of the reference: with as many
        elements, or more of lines as long.
        """
        for key, shape in self.unreadable.items():
            has_room = math.prod(shape) >= tensor.count
            if has_room and tensor.shape and set(tensor.shape[-2:]) & set(shape[-2:]):
                return key
        return None

    def _given_elements(self) -> dict[Key, int]:
        """Stored tensor -> how many of its elements something in the reference gives."""
        given: dict[Key, int] = {}
        for found in self.found.values():
            for key in found.stored:
                given[key] = given.get(key, 0) + self._elements_given_by(found, key)
        return given

    def _elements_given_by(self, found: Found, key: Key) -> int:
        """The elements of its slices of a stored tensor; all that are used where it has none."""
        tensor = self.model.stored[key]
        parts = [
            shape_after(tensor.shape, placement.steps)
            for placement in found.placements
            if placement.key == key and any(isinstance(step, Slice) for step in placement.steps)
        ]
        return sum(map(math.prod, parts)) if parts else used_elements(self.model, tensor)


def spells(name: str, found: Found) -> bool:
    """Whether the stored names of a parameter spell the formula that was found."""
    return is_spelled(name, found.formula, [key[1] for key in found.stored])


def is_buffer(state: State, tensor: StoredTensor) -> bool:
    """Whether a tensor of the reference is no parameter, by its name, its type or the exporter's
    word.
    """
    said = state.matched.kinds.get(tensor.name)
    is_number = tensor.dtype.is_float or tensor.dtype.is_complex
    is_number |= tensor.dtype.is_narrow_integer and said == "PARAMETER"
    if said == "BUFFER" or is_buffer_name(tensor.name) or not is_number:
        return True
    is_table = "embed" in tensor.name or "pos" in tensor.name
    return is_table and is_wave_table(tensor.read())


def _order(found: Found) -> tuple[int, ...]:
    """The order of the blocks that placements take; one that is turned round is the same however
    many blocks it has.
    """
    starts = [
        start
        for placement in found.placements
        for step in placement.steps
        if isinstance(step, Slice)
        for start, _ in step.runs
    ]
    ranks = tuple(int(rank) for rank in np.argsort(np.argsort(starts)))
    return (1, 0) if len(ranks) > 2 and ranks == tuple(reversed(range(len(ranks)))) else ranks


def say(
    state: State, tensor: StoredTensor, verdict: Verdict, because: str, stored: tuple[Key, ...] = ()
) -> Judgement:
    return Judgement(
        tensor.name,
        verdict,
        because,
        tensor.shape,
        tensor.dtype.name,
        tuple(key[1] for key in stored),
    )
