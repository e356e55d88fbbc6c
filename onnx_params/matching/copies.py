"""Find stored tensors that repeat what another holds already: the same parameter once more, under
another shape, or rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import without_number
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.duplicates import with_scales
from onnx_params.matching.match_state import MatchState
from onnx_params.matching.multiset_hash import digest
from onnx_params.matching.probes import read_probe
from onnx_params.matching.rounded import near, small
from onnx_params.matching.verify import is_equal, is_transposed
from onnx_params.tensors.steps import SWAP, Shape, chain
from onnx_params.tensors.stored import StoredTensor

MAX_CUT: Final = 8  # rows of a table that a second copy may lack
MIN_COPIED: Final = 8  # elements whose bits are not equal by chance


def copied(state: MatchState) -> None:
    """Stored tensors that repeat what another holds already: the same parameter once more."""
    index = _index(state)
    for candidate in _unused(state):
        stored = candidate.tensor
        probe = tuple(read_probe(stored, False) or ())
        alike = index.get((stored.dtype.name, stored.shape, probe), ())
        name = next((name for name in alike if _is_copy(state.reference[name], stored)), None)
        if name is None:
            continue
        _add_copy(state, name, candidate, "is a copy of it")
    _copied_under_numbers(state)
    _copied_in_bytes(state)
    _copied_reshaped(state)
    _copied_rounded(state)
    _copied_in_part(state)


def _unused(state: MatchState) -> list[Candidate]:
    """The free stored tensors that no answer refers to."""
    used = {key for found in state.found.values() for key in found.stored}
    return [candidate for candidate in state.free() if candidate.key not in used]


def _add_copy(state: MatchState, name: str, candidate: Candidate, what: str) -> None:
    """Write down that a stored tensor is what a parameter has an answer for already."""
    was = state.found[name]
    because = f"{was.because}; '{candidate.tensor.name}' {what}"
    state.found.revise(name, replace(was, stored=(*was.stored, candidate.key), because=because))
    state.assigned[candidate.key] = name


def _copied_in_part(state: MatchState) -> None:
    """Matrices that are a table but for a few rows at either end: what scores every item leaves out
    the one that pads.
    """
    tables: dict[int, list[str]] = {}
    for name, found in state.found.items():
        shape = state.reference[name].shape
        if found.is_proved and len(shape) == 2:
            tables.setdefault(shape[1], []).append(name)
    for candidate in _unused(state):
        name = _table_of(state, candidate, tables)
        if name:
            _add_copy(state, name, candidate, "is a part of it once more")


def _table_of(state: MatchState, candidate: Candidate, tables: Mapping[int, Sequence[str]]) -> str:
    """The parameter of which a stored matrix is all but a few rows; empty where there is none."""
    matrices = [way for way in candidate.ways if len(candidate.shape_under(way)) == 2]
    for steps in [chain(*way, *turn) for way in matrices for turn in ((), (SWAP,))]:
        shape = candidate.shape_under(steps)
        for name in tables.get(shape[1], ()):
            n_more = state.reference[name].shape[0] - shape[0]
            if not 0 < n_more <= MAX_CUT:
                continue
            values = state.reference[name].read()
            for first in range(n_more + 1):
                part = values[first : first + shape[0]]
                if state.values.is_close(part, candidate, steps, strictly=True):
                    return name
    return ""


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


def _copied_under_numbers(state: MatchState) -> None:
    """Stored tensors with the bits of one that is known, and its name but for the number at the
    end: a converter's copy for each use.
    """
    owners: dict[tuple[str, str], tuple[str, StoredTensor]] = {}
    for name, found in state.found.items():
        for key in found.stored if found.placements else ():
            if key in state.candidates:
                place = (key[0], without_number(key[1]))
                owners.setdefault(place, (name, state.candidates[key].tensor))
    for candidate in _unused(state):
        stored = candidate.tensor
        name, known = owners.get((stored.key[0], without_number(stored.name)), ("", stored))
        is_alike = (known.dtype, known.shape) == (stored.dtype, stored.shape)
        if name and stored.count >= MIN_COPIED and is_alike and is_equal(known, stored):
            _add_copy(state, name, candidate, "is a copy of that")


def _copied_in_bytes(state: MatchState) -> None:
    """Stored tensors with the bytes of one that is known, scales and zero points included, whatever
    part of a parameter that is: the copies that a graph has which runs a layer several times.
    """
    free = [each for each in _unused(state) if each.tensor.count >= MIN_COPIED]
    wanted = {_kind(each) for each in free}
    owners: dict[tuple[int, ...], tuple[str, Candidate]] = {}
    for name, found in state.found.items():
        for key in found.stored if found.is_proved else ():
            known = state.candidates.get(key)
            if known is not None and _kind(known) in wanted:
                owners.setdefault(_digests(state, known), (name, known))
    for candidate in free if owners else ():
        owner = owners.get(_digests(state, candidate))
        if owner is not None and _has_bytes_of(state, candidate, owner[1]):
            _add_copy(state, owner[0], candidate, "has the bytes of that")


def _kind(candidate: Candidate) -> tuple[str, Shape]:
    return candidate.tensor.dtype.name, candidate.tensor.shape


def _digests(state: MatchState, candidate: Candidate) -> tuple[int, ...]:
    return tuple(map(digest, with_scales(state.model, candidate.tensor, candidate.steps)))


def _has_bytes_of(state: MatchState, one: Candidate, other: Candidate) -> bool:
    parts = [with_scales(state.model, each.tensor, each.steps) for each in (one, other)]
    pairs = zip(*parts, strict=True)
    return all(a.shape == b.shape and a.dtype is b.dtype and is_equal(a, b) for a, b in pairs)


def _copied_rounded(state: MatchState) -> None:
    """Stored tensors that are within half a step of what another holds already: the same parameter
    quantized once more, or cast.
    """
    free = {
        candidate.key
        for candidate in _unused(state)
        if candidate.is_quantized or (candidate.is_float and candidate.tensor.count >= MIN_COPIED)
    }
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
            candidate.key in free
            and candidate.key not in state.assigned
            and state.values.is_close(tensor.read(), candidate, steps)
        ):
            _add_copy(state, tensor.name, candidate, "is it once more, rounded")


def _copied_reshaped(state: MatchState) -> None:
    """Stored tensors that have the elements of what another holds already, under another shape."""
    free = [each for each in _unused(state) if each.tensor.count >= MIN_COPIED]
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
        _add_copy(state, twin, candidate, "has its elements once more")
