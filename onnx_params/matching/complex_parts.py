"""Find complex tensors of a reference, which ONNX's operators cannot take: exporters store pairs of
numbers, or real and imaginary parts apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


def complex_parts(state: MatchState) -> None:
    """Complex tensors as pairs in one stored tensor, or as two of them; equal numbers in any order
    of axes are the proof.
    """
    for tensor in state.open():
        values = _complex(tensor)
        if values is None:
            continue
        pairs = np.stack([values.real, values.imag], -1).reshape(-1)
        whole = next(_equal(state, pairs), None) if tensor.dtype.is_complex else None
        if whole is not None:
            keys: tuple[Key, ...] = (whole.key,)
            because = f"'{whole.tensor.name}' has its real and imaginary parts in pairs"
        else:
            real, imaginary = (
                next(_equal(state, part), None) for part in (values.real, values.imag)
            )
            if real is None or imaginary is None:
                continue
            keys = (real.key, imaginary.key)
            because = (
                f"'{real.tensor.name}' has its real parts, '{imaginary.tensor.name}' its imaginary"
                " ones"
            )
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


def _equal(state: MatchState, numbers: np.ndarray) -> Iterator[Candidate]:
    """The stored tensors with these numbers, in any order."""
    ordered = np.sort(numbers)
    for candidate in state.free():
        if candidate.is_float and candidate.tensor.count == numbers.size:
            values = np.sort(state.values.of(candidate.key, ()).reshape(-1))
            if np.array_equal(values, ordered.astype(values.dtype)):
                yield candidate
