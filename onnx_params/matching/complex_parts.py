"""Find complex tensors of a reference, which ONNX's operators cannot take: exporters store pairs of
numbers, or real and imaginary parts apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import cast_to
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

Place = tuple[tuple[Key, ...], str]  # stored tensors, and why they are it


class _Index:
    """The stored tensors by their numbers, in whatever order those are; read where a complex tensor
    has as many.
    """

    def __init__(self, state: MatchState) -> None:
        self._state = state
        self._by_count: dict[int, list[Candidate]] = {}
        for candidate in state.free():
            if candidate.is_float:
                self._by_count.setdefault(candidate.tensor.count, []).append(candidate)
        self._by_numbers: dict[int, dict[tuple[str, bytes], list[Candidate]]] = {}

    def equal(self, numbers: np.ndarray) -> Iterator[Candidate]:
        """The stored tensors with these numbers, in any order."""
        known = self._of_count(numbers.size)
        for name in sorted({name for name, _ in known}):
            for candidate in known.get((name, _digest(cast_to(numbers, name))), ()):
                if candidate.key not in self._state.assigned:
                    yield candidate

    def _of_count(self, count: int) -> dict[tuple[str, bytes], list[Candidate]]:
        """The type and the numbers of the stored tensors of so many -> those tensors."""
        if count not in self._by_numbers:
            found: dict[tuple[str, bytes], list[Candidate]] = {}
            for candidate in self._by_count.get(count, ()):
                values = self._state.values.of(candidate.key, ())
                kind = values.dtype.name, _digest(values.reshape(-1))
                found.setdefault(kind, []).append(candidate)
            self._by_numbers[count] = found
        return self._by_numbers[count]


def _digest(numbers: np.ndarray) -> bytes:
    ordered = np.sort(numbers + numbers.dtype.type(0))  # zeros without a sign
    return hashlib.blake2b(ordered.tobytes(), digest_size=16).digest()


def _in_pairs(index: _Index, values: np.ndarray) -> Place | None:
    """The stored tensor of real and imaginary parts in pairs."""
    pairs = np.stack([values.real, values.imag], -1).reshape(-1)
    whole = next(index.equal(pairs), None)
    if whole is None:
        return None
    return (whole.key,), f"'{whole.tensor.name}' has its real and imaginary parts in pairs"


def _apart(index: _Index, values: np.ndarray) -> Place | None:
    """The stored tensors of the real and of the imaginary parts."""
    real, imaginary = (next(index.equal(part), None) for part in (values.real, values.imag))
    if real is None or imaginary is None:
        return None
    because = (
        f"'{real.tensor.name}' has its real parts, '{imaginary.tensor.name}' its imaginary ones"
    )
    return (real.key, imaginary.key), because


def _as_matrices(index: _Index, values: np.ndarray) -> Place | None:
    """The stored tensors by which a product with a complex matrix is made of real ones: the real
    parts above the imaginary ones with another sign, and the imaginary ones above the real.
    """
    real = next(index.equal(np.concatenate([values.real, -values.imag])), None)
    imaginary = next(index.equal(np.concatenate([values.imag, values.real])), None)
    if real is None or imaginary is None:
        return None
    because = (
        f"'{real.tensor.name}' makes the real parts of products by it,"
        f" '{imaginary.tensor.name}' the imaginary ones"
    )
    return (real.key, imaginary.key), because


_WAYS_OF_PAIRS: Final = (_as_matrices, _apart)  # pairs are looked for as they are elsewhere
_WAYS: Final = (_as_matrices, _in_pairs, _apart)


def complex_parts(state: MatchState) -> None:
    """Complex tensors as pairs in one stored tensor, or as two of them; equal numbers in any order
    of axes are the proof.
    """
    index = _Index(state)
    for tensor in state.open():
        values = _complex(tensor)
        if values is None:
            continue
        ways = _WAYS if tensor.dtype.is_complex else _WAYS_OF_PAIRS
        place = next(filter(None, (way(index, values) for way in ways)), None)
        if place is None:
            continue
        keys, because = place
        state.found[tensor.name] = Found(view=View.FOLDED, because=because, stored=keys)
        for key in keys:
            state.assigned.setdefault(key, tensor.name)


def _complex(tensor: StoredTensor) -> np.ndarray | None:
    """The complex numbers of a tensor, flat; those that pairs along the last axis stand for."""
    if not tensor.count:
        return None
    if tensor.dtype.is_complex:
        return tensor.read().reshape(-1)
    if tensor.dtype.name != "float32" or len(tensor.shape) < 3 or tensor.shape[-1] != 2:
        return None
    pairs = tensor.read().reshape(-1, 2)
    found: np.ndarray = pairs[:, 0] + 1j * pairs[:, 1]
    return found
