"""Match a reference's tensors with an artifact's, from what is proved by bits to what follows a
formula; every tensor gets an answer.

Order: the same bits under the same name; under another name, transposed or permuted, also after a
cast; lines of a concatenation; rounded to steps of a scale; computed by a formula; looked up in
part; erased, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.matching import (
    adapters,
    added,
    assembled,
    beside,
    branches,
    complex_parts,
    concatenated,
    copies,
    equalized,
    exact,
    folded,
    formulas,
    halved,
    low_rank,
    masked,
    multiplied,
    parted,
    products,
    rounded,
    stacks,
    unmatched,
    windows,
)
from onnx_params.matching.match_state import Answers, Found, MatchState
from onnx_params.names.claim import Claim
from onnx_params.tensors.stored import StoredTensor

_Stages: TypeAlias = Sequence[Callable[[MatchState], None]]

_AS_IT_IS: Final[_Stages] = (
    exact.by_name,
    exact.by_probe,
    exact.by_digest,
    halved.halved,
    complex_parts.complex_parts,
    concatenated.by_lines,
    rounded.rounded,
    rounded.split,
    stacks.stacked,
    parted.parted,
    exact.as_another,
)
_COMPUTED: Final[_Stages] = (
    folded.weight_normed,
    low_rank.merged,
    adapters.adapted,
    branches.branches,
    multiplied.normed,
    rounded.rounded_loosely,
    folded.norm_alone,
    folded.summed,
    formulas.by_formula,
    multiplied.smoothed,
    equalized.equalized,
    beside.beside,
    masked.masked,
    products.multiplied_out,
    added.added,
    windows.windows,
    assembled.assembled,
    exact.as_another,
    exact.as_module,
)
# what is computed of weights in half precision: no place of numbers that are compared afterwards
_OF_HALVES: Final[_Stages] = (
    complex_parts.complex_parts,
    concatenated.by_lines,
    folded.weight_normed,
    multiplied.normed,
    folded.norm_alone,
    folded.summed,
    formulas.by_formula,
)


def match(
    model: Model,
    reference: Sequence[StoredTensor],
    stored: Iterable[StoredTensor],
    named: Mapping[str, Claim],
    aliases: Mapping[str, str],
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Answers:
    """An answer for every tensor of ``reference``, by name.

    ``named`` are the artifact's own claims under the reference's names; they settle ties between
    equal tensors and say where to look first. Reads all values of the reference and those of the
    artifact that may be it; ``progress`` is called with the bytes of the reference that are done.
    Raises :class:`MissingDataError` where values are not there.
    """
    state = MatchState(model, reference, stored, named, aliases)
    for name, other in aliases.items():
        state.found[name] = Found(
            view=View.TIED, because=f"the reference holds it and '{other}' as one", alias_of=other
        )
    for tensor in reference:
        if not tensor.count:
            state.found.setdefault(
                tensor.name,
                Found(
                    view=View.DROPPED, because="it has no elements, so there is nothing to compare"
                ),
            )
    advance = _Advance(state, progress)
    advance.run(_AS_IT_IS)
    if state.values.once and state.open():
        with halved.as_halves(state):
            advance.run(_OF_HALVES)
    advance.run(_COMPUTED)
    for name in halved.TYPES if not state.values.once and _is_nothing_found(state) else ():
        state.values.once = name
        with halved.as_halves(state):
            advance.run(_OF_HALVES)
        if not _is_nothing_found(state):
            break
        state.values.once = ""
    for tensor in state.open():
        claim = state.named.get(tensor.name)
        # it is all there, if changed: the artifact's own word
        placed = claim is not None and claim.placements and claim.shape == tensor.shape
        state.found[tensor.name] = (
            None if placed else unmatched.looked_up(state, tensor)
        ) or unmatched.erased(state, tensor)
        progress(tensor.n_bytes)
    copies.copied(state)
    unmatched.compare_repeated(state)
    state.found.once = state.values.once
    return state.found


def _is_nothing_found(state: MatchState) -> bool:
    """Whether no number of the reference is in the artifact, as where all layers were folded of
    weights in half precision; then no tensor says which.
    """
    return not any(found.stored for found in state.found.values())


class _Advance:
    """Stages one after the other, and how many bytes of the reference have an answer."""

    def __init__(self, state: MatchState, progress: Callable[[int], None]) -> None:
        self._state = state
        self._progress = progress
        self._done = 0

    def run(self, stages: _Stages) -> None:
        """Run stages as long as some tensor has no answer."""
        state = self._state
        for stage in stages:
            if state.open():
                stage(state)
            found = (tensor for name, tensor in state.reference.items() if name in state.found)
            before, self._done = self._done, sum(tensor.n_bytes for tensor in found)
            self._progress(self._done - before)
