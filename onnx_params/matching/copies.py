"""Find stored tensors that repeat what another holds already: the same parameter once more, under
another shape, or rounded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import MatchState
from onnx_params.matching.multiset_hash import digest
from onnx_params.matching.probes import read_probe
from onnx_params.matching.rounded import near, small
from onnx_params.matching.verify import is_equal, is_transposed
from onnx_params.tensors.stored import StoredTensor

MIN_COPIED: Final = 8  # elements whose bits are not equal by chance


def copied(state: MatchState) -> None:
    """Stored tensors that repeat what another holds already: the same parameter once more."""
    index = _index(state)
    used = {key for found in state.found.values() for key in found.stored}
    for candidate in state.free():
        if candidate.key in used:
            continue
        stored = candidate.tensor
        probe = tuple(read_probe(stored, False) or ())
        alike = index.get((stored.dtype.name, stored.shape, probe), ())
        name = next((name for name in alike if _is_copy(state.reference[name], stored)), None)
        if name is None:
            continue
        was = state.found[name]
        because = f"{was.because}; '{stored.name}' is a copy of it"
        state.found.revise(name, replace(was, stored=(*was.stored, candidate.key), because=because))
        state.assigned[candidate.key] = name
    _copied_reshaped(state)
    _copied_rounded(state)


def _index(state: MatchState) -> dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], list[str]]:
    """Type, shape and probe -> the tensors of the reference that have an answer; matrices also
    transposed.
    """
    index: dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], list[str]] = {}
    for name, found in state.found.items():
        tensor = state.reference[name]
        if not found.placements or tensor.count < MIN_COPIED:
            continue
        for turned in (False, True) if len(tensor.shape) == 2 else (False,):
            probe = read_probe(tensor, turned)
            if probe:
                shape = tensor.shape[::-1] if turned else tensor.shape
                index.setdefault((tensor.dtype.name, shape, tuple(probe)), []).append(name)
    return index


def _is_copy(tensor: StoredTensor, stored: StoredTensor) -> bool:
    """Whether a stored tensor has the bits of a tensor of the reference, as it is or transposed."""
    if tensor.shape == stored.shape and is_equal(tensor, stored):
        return True
    return (
        len(tensor.shape) == 2
        and tensor.shape == stored.shape[::-1]
        and is_transposed(tensor, stored)
    )


def _copied_rounded(state: MatchState) -> None:
    """Stored tensors that are within half a step of what another holds already: the same parameter
    quantized once more.
    """
    used = {key for found in state.found.values() for key in found.stored}
    free = [
        candidate
        for candidate in state.free()
        if candidate.is_quantized and candidate.key not in used
    ]
    if not free:
        return
    known = [
        state.reference[name]
        for name, found in state.found.items()
        if found.placements and found.view is not View.CHANGED
    ]
    for tensor, candidate, steps in near(
        state, {tensor.name: tensor.read() for tensor in small(state, known)}, again=True
    ):
        if (
            candidate in free
            and candidate.key not in state.assigned
            and state.values.is_close(tensor.read(), candidate, steps)
        ):
            was = state.found[tensor.name]
            because = f"{was.because}; '{candidate.tensor.name}' is it once more, rounded"
            state.found.revise(
                tensor.name, replace(was, stored=(*was.stored, candidate.key), because=because)
            )
            state.assigned[candidate.key] = tensor.name


def _copied_reshaped(state: MatchState) -> None:
    """Stored tensors that have the elements of what another holds already, under another shape."""
    used = {key for found in state.found.values() for key in found.stored}
    free = [
        candidate
        for candidate in state.free()
        if candidate.key not in used and candidate.tensor.count >= MIN_COPIED
    ]
    if not free:
        return
    counts = {(candidate.tensor.dtype.name, candidate.tensor.count) for candidate in free}
    index: dict[tuple[str, int], str] = {}
    for name, found in state.found.items():
        tensor = state.reference[name]
        if found.placements and (tensor.dtype.name, tensor.count) in counts:
            index.setdefault((tensor.dtype.name, digest(tensor)), name)
    for candidate in free:
        twin = index.get((candidate.tensor.dtype.name, digest(candidate.tensor)))
        if twin is None:
            continue
        was = state.found[twin]
        because = f"{was.because}; '{candidate.tensor.name}' has its elements once more"
        stored = (*was.stored, candidate.key)
        state.found.revise(twin, replace(was, stored=stored, because=because))
        state.assigned[candidate.key] = twin
