"""Keep what is known while a reference is matched: its tensors, the candidates, the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View, view_of
from onnx_params.matching.candidates import Candidate, Values
from onnx_params.matching.norms import Norm, norms
from onnx_params.names.claim import Claim
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Cast, Key, Placement, Slice, Steps, chain
from onnx_params.tensors.stored import StoredTensor

LEAST_WHOLE: Final = 16  # whole numbers, and different ones among them
LEAST_DIFFERENT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where one tensor of the reference lies; without ``placements`` its values are not there to be
    compared, and ``because`` says why.

    ``formula`` is what was computed from it, in words that are alike wherever the same was;
    ``factor`` is the number that it was multiplied by, where it was by one. ``by`` is the other
    parameter that it was multiplied by or multiplies.
    """

    view: View
    because: str
    placements: tuple[Placement, ...] = ()
    axis: int = 0
    stored: tuple[Key, ...] = ()
    certain: bool = True
    alias_of: str = ""
    factor: float = 1.0
    formula: str = ""
    by: str = ""

    @property
    def is_proved(self) -> bool:
        """Whether its values were found: as they are, rounded, or by a formula."""
        if self.view is View.CHANGED or self.alias_of:
            return False
        return bool(self.placements) or (self.view in (View.FOLDED, View.SLICED) and self.certain)

    def with_stored(self, stored: tuple[Key, ...]) -> Found:
        """The same with other stored tensors."""
        return replace(self, stored=stored)


class Answers(dict[str, Found]):
    """One answer for each tensor of the reference. Stages go from the surest to the weakest, so the
    first answer stands: a second one is refused, and only :meth:`revise` changes one.

    ``once`` is the type of half precision that all weights went through, where there was one.
    """

    once: str = ""

    def __setitem__(self, name: str, found: Found) -> None:
        if name not in self:
            super().__setitem__(name, found)

    def revise(self, name: str, found: Found) -> None:
        """Replace an answer by one that says more of the same place."""
        super().__setitem__(name, found)


def _tells(tensor: StoredTensor) -> bool:
    """Whether whole numbers are so many and so different that no others are the same by chance."""
    if not tensor.dtype.is_narrow_integer or tensor.count < LEAST_WHOLE:
        return False
    return np.unique(tensor.read()).size >= LEAST_DIFFERENT


class MatchState:
    """The state that the stages of a match share."""

    def __init__(
        self,
        model: Model,
        reference: Sequence[StoredTensor],
        stored: Iterable[StoredTensor],
        named: Mapping[str, Claim],
        aliases: Mapping[str, str],
    ) -> None:
        self.model = model
        self.reference = {tensor.name: tensor for tensor in reference}
        self.candidates = {
            tensor.key: Candidate(model, tensor, order)
            for order, tensor in enumerate(stored)
            if tensor.encoding is not Encoding.GENERATED and tensor.dtype.bits
        }
        self.named = named
        self.aliases = aliases
        self.values = Values(model)
        self.found = Answers()
        # stored tensor that is one reference tensor as a whole -> its name
        self.assigned: dict[Key, str] = {}
        self.placed: dict[tuple[Key, Steps], str] = {}
        self.dtypes = dict.fromkeys(
            c.tensor.dtype.name for c in self.candidates.values() if c.is_float
        )

    @cached_property
    def norms(self) -> list[Norm]:
        """The batch norms of the reference, which several stages ask for; read once."""
        return norms(self.reference)

    def take_as_reference(self, reference: Mapping[str, StoredTensor]) -> None:
        """Go on with other tensors of the same names and shapes."""
        self.reference = dict(reference)
        self.__dict__.pop("norms", None)  # which are read of it

    def open(self) -> list[StoredTensor]:
        """The tensors that have no answer yet."""
        return [tensor for name, tensor in self.reference.items() if name not in self.found]

    def free(self) -> list[Candidate]:
        """The stored tensors that are not taken yet."""
        return [candidate for key, candidate in self.candidates.items() if key not in self.assigned]

    def said(self, tensor: StoredTensor) -> Placement | None:
        """Where the artifact's own names say that a tensor lies, whole and in its shape."""
        claim = self.named.get(tensor.name)
        if claim is None or len(claim.placements) != 1 or claim.shape != tensor.shape:
            return None
        placement = claim.placements[0]
        return placement if placement.key in self.candidates else None

    def casts(self, tensor: StoredTensor) -> list[str | None]:
        """The types under which a tensor may be stored: its own, then the artifact's other
        floating-point types, as which a graph may take whole numbers too.
        """
        if not tensor.dtype.is_float and not _tells(tensor):
            return [None]
        return [None, *(name for name in self.dtypes if name != tensor.dtype.name)]

    def assign(
        self,
        name: str,
        key: Key,
        steps: Steps,
        because: str,
        *,
        certain: bool = True,
        cast: str | None = None,
    ) -> None:
        """Write down that a stored tensor is a reference tensor under ``steps``."""
        view = view_of(steps) if steps else View.WHOLE
        candidate = self.candidates[key]
        if cast is not None or candidate.view is not View.WHOLE:
            view = View.CAST if cast is not None else candidate.view
        if cast is not None:
            because += f", cast to {candidate.tensor.dtype.name}"
            steps = chain(*steps, Cast(self.reference[name].dtype.name))
        elif (key, steps) in self.placed:
            view = View.MERGED
            because += f"; equal content is stored once, with '{self.placed[key, steps]}'"
        # else its siblings are in the same tensor
        if not any(isinstance(step, Slice) for step in steps):
            self.assigned.setdefault(key, name)
        self.placed.setdefault((key, steps), name)
        self.found[name] = Found(
            view=view,
            because=because,
            placements=(Placement(key, steps),),
            axis=0,
            stored=(key,),
            certain=certain,
        )
