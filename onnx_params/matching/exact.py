"""Find tensors of a reference by equal bits: under the same name, by some elements, by the sum over
all; each is proved whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import beside, leaf_of, module_of
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import cast_to
from onnx_params.matching.match_state import MatchState
from onnx_params.matching.multiset_hash import digest
from onnx_params.matching.probes import read_probe
from onnx_params.matching.verify import is_equal, is_transposed, view_between
from onnx_params.tensors.evaluate import dtype_of
from onnx_params.tensors.steps import SWAP, Steps
from onnx_params.tensors.stored import StoredTensor

MIN_DISTINCT: Final = 4  # elements below which equal content says nothing without a name
MAX_EQUAL: Final = 64  # stored tensors with equal probes that are compared whole


def by_name(state: MatchState) -> None:
    """The artifact's own names first: what they say is compared, and most of it is so."""
    for tensor in state.open():
        placement = state.said(tensor)
        if placement is None:
            continue
        candidate = state.candidates[placement.key]
        for cast in state.casts(tensor):
            if (cast or tensor.dtype.name) == candidate.tensor.dtype.name and holds(
                state, tensor, candidate, placement.steps, cast
            ):
                because = f"every value equals that of '{candidate.tensor.name}'"
                state.assign(tensor.name, placement.key, placement.steps, because, cast=cast)


def holds(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps, cast: str | None
) -> bool:
    if not steps:
        return tensor.shape == candidate.tensor.shape and is_equal(tensor, candidate.tensor, cast)
    if steps == (SWAP,):
        return tensor.shape == candidate.tensor.shape[::-1] and is_transposed(
            tensor, candidate.tensor, cast
        )
    if candidate.is_quantized or candidate.shape_under(steps) != tensor.shape:
        return False
    values = tensor.read()
    return np.array_equal(
        values if cast is None else cast_to(values, cast),
        state.values.of(candidate.key, steps),
        equal_nan=True,
    )


def by_probe(state: MatchState) -> None:
    """Some elements at places that follow from the shape: equal ones are compared whole."""
    index: dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], list[Candidate]] = {}
    for candidate in state.free():
        probe = read_probe(candidate.tensor, False)
        if probe and candidate.tensor.count >= MIN_DISTINCT:
            index.setdefault(
                (candidate.tensor.dtype.name, candidate.tensor.shape, tuple(probe)), []
            ).append(candidate)
    for tensor in state.open():
        for turned in (False, True) if len(tensor.shape) == 2 else (False,):
            probe = read_probe(tensor, turned)
            if not probe or tensor.name in state.found:
                continue
            shape = tensor.shape[::-1] if turned else tensor.shape
            for cast in state.casts(tensor):
                shown = (
                    tuple(probe)
                    if cast is None
                    else tuple(recast(element, tensor, cast) for element in probe)
                )
                fits = index.get((cast or tensor.dtype.name, shape, shown), ())
                take_equal(state, tensor, fits, (SWAP,) if turned else (), cast)


def take_equal(
    state: MatchState,
    tensor: StoredTensor,
    fits: Sequence[Candidate],
    steps: Steps,
    cast: str | None,
) -> None:
    """The candidate that is equal; where several are, one that is not taken, in order, and no
    longer certain.
    """
    if tensor.name in state.found:
        return
    equal = [c for c in fits[:MAX_EQUAL] if holds(state, tensor, c, steps, cast)]
    if not equal:
        return
    untaken = [c for c in equal if c.key not in state.assigned]
    chosen = (untaken or equal)[0]
    because = f"every value equals that of '{chosen.tensor.name}'"
    if len(equal) > 1:
        because += f", and of {len(equal) - 1} more stored tensors: settled by their order"
    state.assign(tensor.name, chosen.key, steps, because, certain=len(equal) == 1, cast=cast)


def by_digest(state: MatchState) -> None:
    """Equal multisets of elements: candidates under any order of axes, any reshape, in blocks of
    channels.
    """
    index: dict[tuple[str, int], list[Candidate]] = {}
    for candidate in state.candidates.values():
        if candidate.tensor.count >= MIN_DISTINCT and not candidate.is_quantized:
            index.setdefault((candidate.tensor.dtype.name, digest(candidate.tensor)), []).append(
                candidate
            )
    for tensor in state.open():
        for cast in state.casts(tensor) if tensor.count >= MIN_DISTINCT else ():
            sums = digest(tensor, cast)
            for candidate in (
                index.get((cast or tensor.dtype.name, sums), ())
                if tensor.name not in state.found
                else ()
            ):
                steps = next(
                    (
                        v
                        for way in candidate.ways
                        if (v := view_between(tensor, candidate.tensor, way, cast)) is not None
                    ),
                    None,
                )
                if steps is not None and (
                    candidate.key not in state.assigned
                    or not has_free_twin(state, tensor, index, cast, sums)
                ):
                    state.assign(
                        tensor.name,
                        candidate.key,
                        steps,
                        f"every value equals that of '{candidate.tensor.name}'",
                        cast=cast,
                    )
                    break


def has_free_twin(
    state: MatchState,
    tensor: StoredTensor,
    index: Mapping[tuple[str, int], list[Candidate]],
    cast: str | None,
    sums: int,
) -> bool:
    return any(
        c.key not in state.assigned for c in index.get((cast or tensor.dtype.name, sums), ())
    )


def as_another(state: MatchState) -> None:
    """What equals another tensor of the reference lies where that one does."""
    groups: dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], list[StoredTensor]] = {}
    for name, tensor in state.reference.items():
        if (
            name in state.found
            and state.found[name].is_proved
            and tensor.count >= MIN_DISTINCT
            and (probe := read_probe(tensor, False))
        ):
            groups.setdefault((tensor.dtype.name, tensor.shape, tuple(probe)), []).append(tensor)
    for tensor in state.open():
        shown = tuple(read_probe(tensor, False) or ())
        for other in groups.get((tensor.dtype.name, tensor.shape, shown), ()):
            if is_equal(tensor, other):
                was = state.found[other.name]
                state.found[tensor.name] = replace(
                    was,
                    view=View.MERGED,
                    because=f"it equals '{other.name}' in the reference; {was.because}",
                )
                break


def as_module(state: MatchState) -> None:
    """The few numbers of a module whose larger tensors are those of another one: it was registered
    twice, and saved under both names.
    """
    twins = dict(_twins(state))  # module -> a tensor of the other one
    for tensor in state.open():
        other = beside(twins.get(module_of(tensor.name), ""), leaf_of(tensor.name))
        was = state.found.get(other)
        if was is None or not was.is_proved or other == tensor.name:
            continue
        if state.reference[other].shape == tensor.shape and is_equal(
            tensor, state.reference[other]
        ):
            because = f"its module is that of '{other}', by name and content; {was.because}"
            state.found[tensor.name] = replace(was, view=View.MERGED, because=because)


def _twins(state: MatchState) -> Iterator[tuple[str, str]]:
    """The modules of which a tensor is one of another module, and that tensor."""
    single = {
        name: found.placements[0]
        for name, found in state.found.items()
        if len(found.placements) == 1
    }
    owners = {
        (placement.key, placement.steps): name
        for name, placement in single.items()
        if state.found[name].view is not View.MERGED
    }
    for name, placement in single.items():
        if state.found[name].view is not View.MERGED:
            continue
        first = owners.get((placement.key, placement.steps), "")
        if first and leaf_of(first) == leaf_of(name) and first != name:
            yield module_of(name), first


def recast(element: bytes, tensor: StoredTensor, cast: str) -> bytes:
    return cast_to(np.frombuffer(element, dtype_of(tensor.dtype.name)), cast).tobytes()
