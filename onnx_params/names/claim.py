"""Define one answer to 'what was it called', with who says so and why."""

from __future__ import annotations

from dataclasses import dataclass

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import Evidence, Naming
from onnx_params.tensors.steps import Key, Placement, Steps, describe
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One parameter as one source of evidence knows it.

    ``shape`` is the original shape, ``None`` where nothing says it. ``stored`` are the keys of the
    stored tensors that hold it, none where its numbers are gone. ``aliases`` are further names of
    the same parameter (ties).
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str | None
    evidence: Evidence
    certain: bool
    because: str
    view: View
    stored: tuple[Key, ...] = ()
    aliases: tuple[str, ...] = ()
    placements: tuple[Placement, ...] = ()
    axis: int = 0

    @property
    def steps(self) -> Steps:
        """What is done to storage to get the values, all placements together."""
        return tuple(step for placement in self.placements for step in placement.steps)

    @property
    def view_words(self) -> tuple[str, ...]:
        """The view in words, the one that matters most first; a chain of several lists each."""
        if not any(placement.steps for placement in self.placements):  # nearly all
            return (self.view.value,)
        found = dict.fromkeys((self.view.value, *describe(self.steps)))
        if len(found) > 1:
            found.pop(View.WHOLE.value, None)
        # how bytes are laid out for their operator is its own affair
        if self.view is View.UNPACKED:
            found.pop(View.RESHAPED.value, None)
            found.pop(View.PART.value, None)
        return tuple(found)


def claim_of(tensor: StoredTensor, naming: Naming) -> Claim:
    """The claim, inferred, that a writer's words make on a stored tensor."""
    steps = naming.steps
    return Claim(
        name=naming.name,
        shape=naming.shape,
        dtype=naming.dtype or tensor.dtype.name,
        evidence=naming.evidence,
        certain=False,
        because=naming.because,
        view=naming.view,
        stored=(tensor.key,),
        aliases=naming.aliases,
        placements=() if steps is None else (Placement(tensor.key, steps),),
    )
