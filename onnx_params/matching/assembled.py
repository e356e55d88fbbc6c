"""Find matrices that are put together of parameters block by block, each with a sign: the weights
of complex numbers (``[[r, -i], [i, r]]``) and of quaternions, as real ones.

Sources: C. Trabelsi et al., "Deep Complex Networks"; T. Parcollet et al., "Quaternion Recurrent
Neural Networks"; speechbrain, ``nnet/quaternion_networks/q_ops.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.tensors.steps import Permute, Shape, Steps, chain
from onnx_params.tensors.stored import StoredTensor

PARTS: Final = (2, 4)  # of a complex number, of a quaternion
NEAR: Final = 1e-3  # of a part's largest number: half precision
_MODULES: Final = 2  # how far out the parts of one number may have a module in common


def assembled(state: MatchState) -> None:
    """Answer for open parameters of which a free matrix is put together."""
    groups = _groups(state)
    if not groups:
        return
    for candidate in state.free():
        if not (candidate.is_float or candidate.is_quantized):
            continue
        for steps in _layouts(candidate):
            shape = candidate.shape_under(steps)
            if any(_take(state, candidate, steps, parts) for parts in groups.get(shape, ())):
                break


def _groups(state: MatchState) -> dict[Shape, list[list[StoredTensor]]]:
    """Shape of a whole -> the parameters of which it may consist: two or four of one shape that a
    module has.
    """
    modules: dict[tuple[str, Shape], list[StoredTensor]] = {}
    for tensor in state.open():
        if len(tensor.shape) < 2 or not tensor.dtype.is_float:
            continue
        words = tensor.name.split(".")
        for up in range(1, _MODULES + 1):
            if up <= len(words):
                modules.setdefault((".".join(words[:-up]), tensor.shape), []).append(tensor)
    found: dict[Shape, list[list[StoredTensor]]] = {}
    for (_, shape), parts in modules.items():
        if len(parts) in PARTS:
            whole = (shape[0] * len(parts), shape[1] * len(parts), *shape[2:])
            found.setdefault(whole, []).append(parts)
    return found


def _layouts(candidate: Candidate) -> Iterator[Steps]:
    """The ways to a matrix or kernel, with outputs first or inputs first."""
    for way in candidate.ways:
        rank = len(candidate.shape_under(way))
        if rank >= 2:
            yield way
            yield chain(*way, Permute((1, 0, *range(2, rank))))


def _take(state: MatchState, candidate: Candidate, steps: Steps, parts: list[StoredTensor]) -> bool:
    """Whether a stored tensor is put together of these, each of them in every row of blocks."""
    if any(part.name in state.found for part in parts):
        return False
    stored = state.values.of(candidate.key, steps).astype(np.float64)
    numbers = [part.read().astype(np.float64) for part in parts]
    whole = _whole(stored, numbers)
    is_strict = candidate.is_float  # numbers that repeat with signs are no few levels
    other: int | None = None
    if whole is None or not state.values.is_close(whole, candidate, steps, is_strict):
        other = _other(stored, numbers) if candidate.is_float else None
        if other is None:
            return False
    names = ", ".join(f"'{part.name}'" for part in parts)
    because = f"'{candidate.tensor.name}' is put together of {names}, each with signs"
    for at, part in enumerate(parts):
        view, why = View.FOLDED, because
        if at == other:
            view, why = View.CHANGED, f"{because}, and of this one with other values"
        state.found[part.name] = Found(view=view, because=why, stored=(candidate.key,))
    state.assigned.setdefault(candidate.key, parts[0].name)
    return True


def _other(stored: np.ndarray, parts: list[np.ndarray]) -> int | None:
    """Which of the parts is the only one that is not there, where every row of blocks has all the
    others and one block more; ``None`` where there is no such part.
    """
    height, width = parts[0].shape[:2]
    absent: set[int] = set()
    for row in range(len(parts)):
        down = slice(row * height, (row + 1) * height)
        blocks = [
            stored[down, column * width : (column + 1) * width] for column in range(len(parts))
        ]
        lacking = [
            at
            for at, part in enumerate(parts)
            if not any(_is_near(block, part) for block in blocks)
        ]
        if len(lacking) != 1:
            return None
        absent.update(lacking)
    return absent.pop() if len(absent) == 1 else None


def _is_near(block: np.ndarray, part: np.ndarray) -> bool:
    """Whether a block has the numbers of a part, or those with the other sign."""
    room = NEAR * np.abs(part).max()
    return bool((np.abs(block - part) <= room).all() or (np.abs(block + part) <= room).all())


def _whole(stored: np.ndarray, parts: list[np.ndarray]) -> np.ndarray | None:
    """The parts with signs where a matrix has what is nearest to them; ``None`` where a row of
    blocks lacks one of them.
    """
    height, width = parts[0].shape[:2]
    whole = np.zeros_like(stored)
    flat = np.stack([part.reshape(-1) for part in parts])
    for row in range(len(parts)):
        down = slice(row * height, (row + 1) * height)
        used = set()
        for column in range(len(parts)):
            across = slice(column * width, (column + 1) * width)
            products = flat @ stored[down, across].reshape(-1)
            nearest = int(np.argmax(np.abs(products)))
            whole[down, across] = np.sign(products[nearest]) * parts[nearest]
            used.add(nearest)
        if len(used) < len(parts):
            return None
    return whole
