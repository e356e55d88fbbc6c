"""Judge every tensor of a reference, and every stored tensor that the reference does not have.

Matching says where content lies; judging asks whether that is the place where it belongs. The
artifact's own claims say which parameter each stored tensor stands for: content that lies under
another parameter's claim is swapped, and a place that holds other content is changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np

from onnx_params.auditing import places
from onnx_params.auditing.differences import difference, rounding
from onnx_params.auditing.judgements import Difference, Judgement, Verdict
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.recurrent import GATES, read_name
from onnx_params.idioms.torchscript import is_result
from onnx_params.idioms.vocabulary import PARTNERS, is_buffer_name
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import shape_of
from onnx_params.matching.candidates import Candidate, Values
from onnx_params.matching.casts import casts_to
from onnx_params.matching.claims import Matched
from onnx_params.matching.folds import lacks_statistics
from onnx_params.matching.match_state import Found
from onnx_params.matching.verify import bits_equal
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import moved
from onnx_params.roles.role import Role
from onnx_params.tensors.steps import (
    SWAP,
    Cast,
    Key,
    Piece,
    Slice,
    Unblock,
    chain,
    describe,
    shape_after,
)
from onnx_params.tensors.stored import StoredTensor

_GUESSES: Final = frozenset({Evidence.NONE, Evidence.ARCHITECTURE})
MAX_FILLER: Final = 4096  # elements; larger constants of one value are no fillers
MAX_WIDTH: Final = 65536  # of a layer
MAX_ULP: Final = 1e-6  # relative; what a product in another order does to a single number


class Judge:
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
        self.named = {
            name: claim for name, claim in matched.named.items() if claim.evidence not in _GUESSES
        }
        self.values = Values(self.model)
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
    def turns(self) -> places.Turns:
        return places.Turns(self.model, self.found)

    def judgements(self) -> list[Judgement]:
        """One for each tensor of the reference, in its order, then the extras in file order."""
        made = {
            name: self._judge(tensor, self.found[name])
            for name, tensor in self.reference.items()
            if not self.found[name].alias_of
        }
        for name in self.reference:
            first = self.found[name].alias_of
            if first:
                was = made[first]
                verdict = (
                    was.verdict
                    if was.fails or was.verdict is Verdict.NOT_COMPARABLE
                    else Verdict.MOVED
                )
                made[name] = was._replace(
                    name=name, verdict=verdict, because=f"tied to '{first}'; {was.because}"
                )
        return [*(made[name] for name in self.reference), *self._extras()]

    # -- one tensor of the reference --------------------------------------------------------------------------------------------

    def _judge(self, tensor: StoredTensor, found: Found) -> Judgement:
        claim = self.named.get(tensor.name)
        if (
            claim is not None
            and claim.name != tensor.name
            and claim.view in (View.MERGED, View.TIED)
        ):
            claim = None
        if found.view is View.CHANGED:
            return self._changed(tensor, found, claim)
        if found.pieces or (found.view is View.FOLDED and found.certain):
            spoken_for = claim is not None and bool(claim.stored)
            wrong = self._displaced(tensor, found, claim) if self.strict else None
            return wrong or self._held(tensor, found)._replace(placed=spoken_for)
        return self._gone(tensor, found, claim)

    def _say(
        self, tensor: StoredTensor, verdict: Verdict, because: str, stored: tuple[Key, ...] = ()
    ) -> Judgement:
        return Judgement(
            tensor.name,
            verdict,
            because,
            tensor.shape,
            tensor.dtype.name,
            tuple(key[1] for key in stored),
        )

    def _held(self, tensor: StoredTensor, found: Found) -> Judgement:
        """What was found where nothing says that it does not belong."""
        if found.stored and all(self._is_unused(key) for key in found.stored):
            return self._say(
                tensor,
                Verdict.MISSING,
                f"'{found.stored[0][1]}' holds it, and no node takes that",
                found.stored,
            )
        steps = found.pieces[0].steps if found.pieces else ()
        if found.view is View.FOLDED and not steps and not is_known_factor(found.factor):
            return self._say(
                tensor,
                Verdict.CHANGED,
                f"{found.because}, a number that nothing explains",
                found.stored,
            )
        if found.view is View.FOLDED and not steps:
            return self._say(tensor, Verdict.FOLDED, found.because, found.stored)
        if found.view is View.FOLDED:  # close, and of the same type: no rounding explains that
            return self._nearly(tensor, found)
        if self._is_quantised(found.pieces[0].key):
            made = self._say(tensor, Verdict.QUANTISED, found.because, found.stored)
            if len(found.pieces) > 1:
                return made
            candidate = Candidate(self.model, self.model.held[found.pieces[0].key], 0)
            return made._replace(rounding=rounding(tensor.read(), candidate, steps, self.values))
        if any(isinstance(step, Cast) for piece in found.pieces for step in piece.steps):
            apart = self._apart(tensor, found.pieces, found.axis)
            if apart is not None:
                return self._say(
                    tensor,
                    Verdict.CHANGED,
                    f"'{found.stored[0][1]}' is near to it, and not it cast",
                    found.stored,
                )._replace(difference=apart)
            return self._say(tensor, Verdict.CAST, found.because, found.stored)
        same = found.view is View.WHOLE and len(found.stored) == 1
        return self._say(
            tensor, Verdict.IDENTICAL if same else Verdict.MOVED, found.because, found.stored
        )

    def _is_unused(self, key: Key) -> bool:
        place = self.model.held[key].place
        return not self.model.wiring.uses(key) and (
            not place.op_type or place.op_type == "Constant"
        )

    def _is_quantised(self, key: Key) -> bool:
        return Candidate(self.model, self.model.held[key], 0).is_quantised

    def _nearly(self, tensor: StoredTensor, found: Found) -> Judgement:
        apart = self._apart(tensor, found.pieces, found.axis)
        if apart is None:
            return self._say(tensor, Verdict.MOVED, found.because, found.stored)
        if tensor.count == 1 and apart.largest <= MAX_ULP * float(np.abs(tensor.read()).max()):
            return self._say(tensor, Verdict.FOLDED, found.because, found.stored)
        return self._say(
            tensor,
            Verdict.CHANGED,
            f"'{found.stored[0][1]}' is near to it, and of the same type",
            found.stored,
        )._replace(difference=apart)

    def _apart(
        self, tensor: StoredTensor, pieces: tuple[Piece, ...], axis: int
    ) -> Difference | None:
        """How what pieces hold differs from a tensor: beyond half a step where it is quantised, in
        its bits else, after every cast that there is.
        """
        bare = tuple(
            Piece(piece.key, tuple(step for step in piece.steps if not isinstance(step, Cast)))
            for piece in pieces
        )
        values, original = self._values(bare, axis), tensor.read()
        if values is None or values.shape != original.shape:
            return Difference(original.size, original.size, (), 0.0)
        if len(bare) == 1 and self._is_quantised(bare[0].key):
            candidate = Candidate(self.model, self.model.held[bare[0].key], 0)
            if self.values.is_close(original, candidate, bare[0].steps):
                return None
            return difference(
                original,
                values,
                np.broadcast_to(
                    self.values.allowed(original, bare[0].key, bare[0].steps), original.shape
                ),
            )
        if values.dtype == original.dtype:
            return None if bits_equal(original, values) else difference(original, values)
        found = [difference(cast, values) for cast in casts_to(original, values.dtype.name)]
        return min(found, key=lambda each: 0 if each is None else each.changed)

    # -- content that is not where it belongs -----------------------------------------------------------------------------------

    def _displaced(
        self, tensor: StoredTensor, found: Found, claim: Claim | None
    ) -> Judgement | None:
        """The judgement on content that does not lie where the artifact says that this parameter
        is; ``None`` where it does, or nothing says.
        """
        if (
            claim is None
            or not claim.stored
            or not found.stored
            or claim.view in (View.FOLDED, View.SLICED, View.UNKNOWN, View.CHANGED)
        ):
            return (
                self._unspoken(tensor, found)
                if claim is None or not claim.stored
                else self._another(tensor, found, claim)
            )
        if set(claim.stored).isdisjoint(found.stored):
            return self._another(tensor, found, claim)
        if (
            not claim.pieces
            or claim.shape != tensor.shape
            or claim.pieces == found.pieces
            or found.view is View.FOLDED
        ):
            return None
        if (
            any(isinstance(step, Unblock) for step in (*claim.steps, *found.pieces[0].steps))
            or shape_of(self.inventory, claim) != tensor.shape
        ):
            return None  # the size of a block is not always told
        apart = self._apart(tensor, claim.pieces, claim.axis)
        # a name does not tell which way round a square matrix lies
        if apart is None or (_is_turn(found, claim) and self.turns.fits(tensor.name)):
            return None
        because = f"'{found.stored[0][1]}' holds its values at other places: {self._how(found)}"
        return self._say(tensor, Verdict.CHANGED, because, found.stored)._replace(difference=apart)

    def _another(self, tensor: StoredTensor, found: Found, claim: Claim) -> Judgement | None:
        """Its content lies in one stored tensor, and the artifact's own word is that another one
        stands for it.
        """
        if not set(claim.stored).isdisjoint(found.stored):
            return None
        place, lies = claim.stored[0], found.stored[0]
        owner = self.owner.get(lies)
        if (
            owner == tensor.name
            or self._is_same(owner, tensor)
            or (owner is not None and lies in self.found[owner].stored)
        ):
            return None
        other = self.holds.get(place, "")
        if self._is_same(other, tensor):
            return None
        if owner is not None and self.reference[owner].shape == tensor.shape:
            content = f"'{other}'" if other else "nothing of the reference"
            because = (
                f"it lies in '{lies[1]}', which stands for '{owner}'; '{place[1]}', which stands"
                f" for it, holds {content}"
            )
            return self._say(tensor, Verdict.SWAPPED, because, (place,))._replace(
                other=other or owner
            )
        if not claim.certain and owner is None:
            return None
        return self._changed(
            tensor, found._replace(pieces=claim.pieces, stored=claim.stored, axis=claim.axis), claim
        )

    def _is_same(self, name: str | None, tensor: StoredTensor) -> bool:
        """Whether a parameter has the content of another: either may stand for both."""
        if not name or name == tensor.name or name not in self.reference or name not in self.found:
            return False
        return self.found[name].pieces == self.found[tensor.name].pieces and bool(
            self.found[name].pieces
        )

    def _unspoken(self, tensor: StoredTensor, found: Found) -> Judgement | None:
        """The judgement on content for whose place no name of the artifact's speaks, where the rest
        of the artifact does.
        """
        if tensor.name in self.misplaced:
            other = self.misplaced[tensor.name]
            because = (
                f"'{found.stored[0][1]}' runs where '{other}' should, by the order in which the"
                " rest of its list runs"
            )
            return self._say(tensor, Verdict.SWAPPED, because, found.stored)._replace(other=other)
        if self.turns.fits(tensor.name) is False:
            because = (
                f"'{found.stored[0][1]}' is turned: all other matrices that such products take lie"
                " the other way round"
            )
            return self._say(tensor, Verdict.CHANGED, because, found.stored)
        if found.view is not View.REORDERED and not any(
            isinstance(s, Slice) and len(s.runs) > 1 for p in found.pieces for s in p.steps
        ):
            return None
        for key in found.stored:
            operator = next(
                (
                    consumer.node.op_type
                    for consumer in consumers(self.model, self.model.held[key])
                    if consumer.node.op_type in GATES
                ),
                "",
            )
            if operator and (
                not _has_gates(tensor.name)
                or all(_in_gate_order(p, tensor.shape[0], GATES[operator]) for p in found.pieces)
            ):
                return None
        return self._say(
            tensor,
            Verdict.CHANGED,
            f"'{found.stored[0][1]}' holds its values in another order of blocks",
            found.stored,
        )

    def _how(self, found: Found) -> str:
        told = dict.fromkeys(word for piece in found.pieces for word in describe(piece.steps))
        return ", ".join(told) or "as they are, where the artifact takes them otherwise"

    def _values(self, pieces: tuple[Piece, ...], axis: int) -> np.ndarray | None:
        """What pieces make; ``None`` where they do not fit together."""
        try:
            parts = [self.values.of(piece.key, piece.steps) for piece in pieces]
            if not parts:
                return None
            return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
        except (ValueError, IndexError):
            return None

    # -- other values, or none --------------------------------------------------------------------------------------------------

    def _changed(self, tensor: StoredTensor, found: Found, claim: Claim | None) -> Judgement:
        """Measure how far what stands in its place is from it."""
        other = next(
            (
                name
                for key in found.stored
                if (name := self.holds.get(key, "")) and name != tensor.name
            ),
            "",
        )
        made = self._say(tensor, Verdict.CHANGED, found.because, found.stored)
        if other:
            because = f"'{found.stored[0][1]}', which stands for it, holds '{other}'"
            made = made._replace(verdict=Verdict.SWAPPED, because=because, other=other)
        values = self._values(found.pieces, found.axis)
        if values is None or values.shape != tensor.shape:
            return made
        if len(found.pieces) == 1 and self._is_quantised(found.pieces[0].key):
            candidate = Candidate(self.model, self.model.held[found.pieces[0].key], 0)
            made = made._replace(
                rounding=rounding(tensor.read(), candidate, found.pieces[0].steps, self.values)
            )
        return made._replace(difference=self._apart(tensor, found.pieces, found.axis))

    def _gone(self, tensor: StoredTensor, found: Found, claim: Claim | None) -> Judgement:
        """Nothing in the artifact holds it: an exporter may leave out what has no effect, and
        nothing else.
        """
        if found.view is View.SLICED and found.certain:
            return self._say(tensor, Verdict.MOVED, found.because, found.stored)
        if not tensor.count:
            return self._say(tensor, Verdict.FOLDED, found.because)
        if not np.any(tensor.read()):
            return self._say(
                tensor,
                Verdict.FOLDED,
                "it is all zeros, which changes nothing where it is added: exporters leave it out",
            )
        if (
            is_buffer_name(tensor.name)
            or not tensor.dtype.is_float
            or self.matched.kinds.get(tensor.name) == "BUFFER"
        ):
            return self._say(
                tensor,
                Verdict.NOT_COMPARABLE,
                f"a buffer, computed or left out by the exporter: {found.because}",
                found.stored,
            )
        place = found.stored or (claim.stored if claim is not None else ())
        if (
            found.view is View.FOLDED
            and not self.strict
            and lacks_statistics(tensor.name, self.reference)
        ):
            return self._say(
                tensor,
                Verdict.NOT_COMPARABLE,
                "it was folded with running statistics that the other side does not hold",
                place,
            )
        if found.view in (View.FOLDED, View.SLICED) and place and claim is not None:
            return self._say(
                tensor, Verdict.CHANGED, f"'{place[0][1]}' is not what comes of it", place
            )
        other = self._stands_in(tensor) if claim is None else None
        if other is not None:
            because = (
                f"nothing holds it, and '{other.name}', which nothing of the reference explains,"
                " has room for it"
            )
            return self._say(tensor, Verdict.CHANGED, because, (other.key,))
        reason = self._is_missed(tensor.name)
        if reason:
            return self._say(tensor, Verdict.MISSING, f"{reason}; {found.because}", found.stored)
        return self._say(tensor, Verdict.NOT_COMPARABLE, found.because, found.stored)

    def _stands_in(self, tensor: StoredTensor) -> StoredTensor | None:
        """A stored parameter that nothing explains, or explains in part, of a size that this one
        may have there.
        """
        width = tensor.shape[-1] if tensor.shape else 1
        for other, left in self.unexplained:
            rows = (
                len(tensor.shape) == 2
                and tensor.shape[0] > 1 < width
                and width in other.shape
                and left < tensor.count
            )
            # of rows of a table, as far as can be told
            if other.key not in self.listed or self._is_computed(other):
                if rows and len(other.shape) > 2:
                    self.suspects[other.key] = tensor.name
                    return other
                continue
            if (
                left == tensor.count
                or (
                    left > tensor.count > 1
                    and left < self._used_elements(other)
                    and width in other.shape
                )
                or rows
            ):
                self.suspects[other.key] = tensor.name
                return other
        return None

    @cached_property
    def unexplained(self) -> list[tuple[StoredTensor, int]]:
        """Stored parameters of which nothing in the reference gives some elements, with how many;
        what was surely computed is not among them.

        Elements are those that the operator uses: padding counts nothing, for how much of it there
        is depends on the processor that an artifact was optimised on.
        """
        given: dict[Key, int] = {}
        for found in self.found.values():
            pieces = [
                piece
                for piece in found.pieces
                if any(isinstance(step, Slice) for step in piece.steps)
            ]
            for key in found.stored:
                parts = [
                    shape_after(self.model.held[key].shape, piece.steps)
                    for piece in pieces
                    if piece.key == key
                ]
                given[key] = given.get(key, 0) + (
                    sum(map(math.prod, parts))
                    if parts
                    else self._used_elements(self.model.held[key])
                )
        found_open: list[tuple[StoredTensor, int]] = []
        for tensor, verdict in self.inventory.verdicts:
            if verdict.role not in (Role.PARAMETER, Role.BUFFER) or is_buffer_name(tensor.name):
                continue
            size = self._used_elements(tensor)
            left = size - given.get(tensor.key, 0)
            if left > 0 and size > 1 and self.model.wiring.uses(tensor.key):
                found_open.append((tensor, left))
        return [
            (t, left)
            for t, left in found_open
            if is_result(t.name) or len(t.shape) > 2 or not self._is_computed(t)
        ]

    def _used_elements(self, tensor: StoredTensor) -> int:
        """Elements of a stored tensor that its operator uses: without padding, packed ones each by
        itself.
        """
        return math.prod(logical(self.model, tensor).shape)

    def _is_computed(self, tensor: StoredTensor) -> str:
        """Why a stored tensor was computed and not learned, as far as its numbers and its name
        tell; empty where they do not.
        """
        values = tensor.read()
        if values.size < MAX_FILLER and len(np.unique(values)) < 2 and not self._is_weight(tensor):
            return (
                "all its numbers are the same: a constant that was computed, as far as can be told"
            )
        if is_wave_table(values):
            return "a table of sines and cosines: computed, not learned"
        if is_result(tensor.name) and not self._is_weight(tensor):
            return "it bears the name of an operator's result: computed, as far as can be told"
        return ""

    def _is_weight(self, tensor: StoredTensor) -> bool:
        return len(tensor.shape) >= 2 and any(
            (consumer.is_product or consumer.node.op_type in GATES) and consumer.word == "weight"
            for consumer in consumers(self.model, tensor)
        )

    def _is_missed(self, name: str) -> str:
        """Why it should be there: its partner is, or the same leaf of the module's siblings in a
        list.
        """
        owner, _, leaf = name.rpartition(".")
        for partner in PARTNERS.get(leaf, ()) if owner else ():
            if self._is_there(f"{owner}.{partner}"):
                return f"'{owner}.{partner}' is there and it is not"
        segments = name.split(".")
        for at, segment in enumerate(segments):
            if segment.isdigit():
                head, tail = segments[:at], segments[at + 1 :]
                siblings = [
                    other
                    for other in self.reference
                    if self._is_sibling(other.split("."), head, tail)
                ]
                shape = self.reference[name].shape
                there = [
                    other
                    for other in siblings
                    if other != name
                    and self.reference[other].shape == shape
                    and self._is_there(other)
                ]
                if there:
                    return f"'{there[0]}' is there and it is not"
        return ""

    @staticmethod
    def _is_sibling(segments: list[str], head: list[str], tail: list[str]) -> bool:
        at = len(head)
        return (
            len(segments) == at + 1 + len(tail)
            and segments[:at] == head
            and segments[at].isdigit()
            and segments[at + 1 :] == tail
        )

    def _is_there(self, name: str) -> bool:
        found = self.found.get(name)
        return found is not None and bool(found.pieces or found.stored or found.alias_of)

    # -- what the reference does not have ---------------------------------------------------------------------------------------

    def _extras(self) -> Iterator[Judgement]:
        covered = {key for found in self.found.values() for key in found.stored}
        for tensor, verdict in self.inventory.verdicts:
            if (
                tensor.key in covered
                or tensor.key in self.suspects
                or verdict.role is not Role.PARAMETER
            ):
                continue
            claim = next((c for c in self.inventory.parameters if tensor.key in c.stored), None)
            if claim is None or not self.model.wiring.uses(tensor.key):
                continue
            surely, why = self._is_extra(tensor, claim)
            said = Verdict.EXTRA if surely else Verdict.NOT_COMPARABLE
            yield Judgement(claim.name, said, why, tensor.shape, tensor.dtype.name, (tensor.name,))

    def _is_extra(self, tensor: StoredTensor, claim: Claim) -> tuple[bool, str]:
        """Whether what the reference does not have was learned, and why; constants that an
        optimiser computed look like it.
        """
        computed = self._is_computed(tensor)
        if computed:
            return False, computed
        if self._is_weight(tensor):
            return (
                True,
                (
                    "a matrix product or convolution takes it as its weight, and nothing of the"
                    " reference has its content"
                ),
            )
        if (
            claim.evidence not in _GUESSES
            and "." in claim.name
            and moved(claim.name, self.matched.prefix) not in self.reference
        ):
            return (
                True,
                (
                    "the artifact calls it a parameter, and the reference has nothing of that name"
                    " or content"
                ),
            )
        return (
            False,
            (
                "nothing of the reference has its content, and nothing tells that it was learned: a"
                " constant that was computed, perhaps"
            ),
        )


def _has_gates(name: str) -> bool:
    return read_name(name.rpartition(".")[2]) is not None


def _in_gate_order(piece: Piece, rows: int, gates: tuple[int, ...]) -> bool:
    """Whether a piece takes the gates of a recurrent layer out of ONNX's order into torch's, of
    either direction.
    """
    runs = [
        run
        for step in piece.steps
        if isinstance(step, Slice) and len(step.runs) > 1
        for run in step.runs
    ]
    size = rows // len(gates)
    taken = [row for start, stop in runs for row in range(start, stop)]
    if not taken or len(taken) != rows or not size:
        return not taken
    blocks = [row // size for row in taken[::size]]
    base = min(blocks)
    return tuple(block - base for block in blocks) == gates


def _is_turn(found: Found, claim: Claim) -> bool:
    """Whether where something lies differs from where its name says that it does by nothing but a
    transposition.
    """
    bare = [
        tuple(step for step in pieces[0].steps if not isinstance(step, Cast))
        for pieces in (found.pieces, claim.pieces)
    ]
    return len(found.pieces) == len(claim.pieces) == 1 and chain(*bare[1], SWAP) == bare[0]


def is_known_factor(factor: float) -> bool:
    """Whether networks multiply weights by such a number: an integer, its second or fourth root, or
    one over that.

    Embeddings are multiplied by the root of their width, queries divided by that of a head's, or
    queries and keys each by the fourth root.
    """
    powers = [factor**power for power in (2, 4, -2, -4)] if factor else []
    return any(
        0.5 < number < MAX_WIDTH and abs(number - round(number)) <= 1e-5 * number
        for number in powers
    )


def is_wave_table(values: np.ndarray) -> bool:
    """Whether a table holds sines beside cosines of the same angles, in halves or in turns along
    its last axis.
    """
    if (
        values.ndim < 2
        or values.dtype.kind != "f"
        or values.shape[-1] % 2
        or not values.size
        or float(np.abs(values[..., :2]).max()) > 1.01
    ):
        return False
    wide = values.astype(np.float64)
    half = values.shape[-1] // 2
    pairs = ((wide[..., :half], wide[..., half:]), (wide[..., ::2], wide[..., 1::2]))
    return any(bool(np.allclose(one * one + two * two, 1, atol=5e-3)) for one, two in pairs)


def judge(inventory: Inventory) -> list[Judgement]:
    """Judge an inventory that was taken with a checkpoint. Reads values."""
    assert inventory.matched is not None
    return Judge(inventory, inventory.matched).judgements()
