"""Say what became of a reference's tensors that nothing holds: looked up in part, changed, or erased, with the reason."""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params import ties
from onnx_params.layout import Piece
from onnx_params.matching import parts
from onnx_params.matching.board import Board, Found
from onnx_params.matching.candidates import TOLERANCE, Candidate
from onnx_params.matching.digest import cast_to, line_digests
from onnx_params.matching.exact import MIN_TELLING
from onnx_params.matching.joined import MAX_LOOKED_AT
from onnx_params.matching.proof import is_equal, is_transposed
from onnx_params.matching.rounded import near, small
from onnx_params.tensors import StoredTensor
from onnx_params.views import View

MAX_COMPARED: Final = 1 << 28  # comparisons of numbers in a search for rounded rows


def looked_up(board: Board, tensor: StoredTensor) -> Found | None:
    """A table of which only some rows are left: every line of a stored tensor is one of its rows; or a vector of which parts are."""
    if len(tensor.shape) == 1:
        return _parts_of_vector(board, tensor)
    if len(tensor.shape) < 2 or not tensor.dtype.is_float or tensor.n_bytes > MAX_LOOKED_AT:
        return None
    values = tensor.read().reshape(tensor.shape[0], -1)
    if values.shape[1] < 2:
        return None
    for candidate in board.free():
        if candidate.is_quantised:
            found = _looked_up_rounded(board, candidate, values)
            if found is not None:
                return found
        if candidate.tensor.dtype.name not in board.casts(tensor)[1:] and candidate.tensor.dtype.name != tensor.dtype.name:
            continue
        own = values if candidate.tensor.dtype.name == tensor.dtype.name else cast_to(values, candidate.tensor.dtype.name)
        known = set(line_digests(own).tolist())
        for lines in parts.layouts(candidate.key, board.values.of(candidate.key, ())):
            grids = [lines.values]
            if len(candidate.tensor.shape) > 2:
                turned = np.moveaxis(board.values.of(candidate.key, ()), -1, 0)
                grids += [turned.reshape(-1, turned.shape[-1]), np.moveaxis(board.values.of(candidate.key, ()), 1, -1).reshape(-1, candidate.tensor.shape[1])]
            for grid in grids:
                if grid.shape[1] == values.shape[1] and len(grid) > 1 and set(line_digests(grid).tolist()) <= known:
                    rows = len(set(line_digests(grid).tolist()))
                    because = f"'{candidate.tensor.name}' holds {rows} of its {len(values)} rows: it was looked up at fixed places"
                    return Found(View.SLICED, because, stored=(candidate.key,))
    return None


def _looked_up_rounded(board: Board, candidate: Candidate, values: np.ndarray) -> Found | None:
    """The same of a quantised tensor: every line is within half a step of a row."""
    width = values.shape[1]
    for way in candidate.ways:
        made, allowed = board.values.of(candidate.key, way), board.values.half_steps(candidate.key, way)
        if not made.size or np.ndim(allowed) != made.ndim:
            continue
        for axis in range(made.ndim):
            if made.shape[axis] != width or made.size // width < 2 or made.size * len(values) > MAX_COMPARED:
                continue
            grid = np.moveaxis(made, axis, -1).reshape(-1, width)
            room = np.moveaxis(allowed, axis, -1).reshape(-1, width) + TOLERANCE["float32"] * float(np.abs(values).max())
            near = [np.flatnonzero((np.abs(values - line) <= step).all(axis=1)) for line, step in zip(grid, room, strict=True)]
            if all(len(rows) for rows in near):
                rows = len({int(each[0]) for each in near})
                because = f"'{candidate.tensor.name}' holds {rows} of its {len(values)} rows, rounded: it was looked up at fixed places"
                return Found(View.SLICED, because, stored=(candidate.key,))
    return None


def copied(board: Board) -> None:
    """Stored tensors that repeat what another holds already: the same parameter once more."""
    index: dict[tuple[str, tuple[int, ...], tuple[bytes, ...]], list[str]] = {}
    for name, found in board.found.items():
        tensor = board.reference[name]
        for turned in (False, True) if len(tensor.shape) == 2 else (False,):
            probe = ties.probe(tensor, turned) if found.pieces and tensor.count >= ties.MIN_COUNT else None
            if probe:
                shape = tensor.shape[::-1] if turned else tensor.shape
                index.setdefault((tensor.dtype.name, shape, tuple(probe)), []).append(name)
    used = {key for found in board.found.values() for key in found.stored}
    for candidate in board.free():
        probe = ties.probe(candidate.tensor, False)
        for name in index.get((candidate.tensor.dtype.name, candidate.tensor.shape, tuple(probe or ())), ()) if candidate.key not in used else ():
            tensor = board.reference[name]
            same = is_equal(tensor, candidate.tensor) if tensor.shape == candidate.tensor.shape else False
            if same or (len(tensor.shape) == 2 and tensor.shape == candidate.tensor.shape[::-1] and is_transposed(tensor, candidate.tensor)):
                was = board.found[name]
                because = f"{was.because}; '{candidate.tensor.name}' is a copy of it"
                board.found[name] = was._replace(stored=(*was.stored, candidate.key), because=because)
                board.taken[candidate.key] = name
                break
    _copied_rounded(board)


def _copied_rounded(board: Board) -> None:
    """Stored tensors that are within half a step of what another holds already: the same parameter quantised once more."""
    used = {key for found in board.found.values() for key in found.stored}
    free = [candidate for candidate in board.free() if candidate.is_quantised and candidate.key not in used]
    if not free:
        return
    known = [board.reference[name] for name, found in board.found.items() if found.pieces and found.view is not View.CHANGED]
    for tensor, candidate, steps in near(board, {tensor.name: tensor.read() for tensor in small(board, known)}, again=True):
        if candidate in free and candidate.key not in board.taken and board.values.is_close(tensor.read(), candidate, steps):
            was = board.found[tensor.name]
            because = f"{was.because}; '{candidate.tensor.name}' is it once more, rounded"
            board.found[tensor.name] = was._replace(stored=(*was.stored, candidate.key), because=because)
            board.taken[candidate.key] = tensor.name


def _parts_of_vector(board: Board, tensor: StoredTensor) -> Found | None:
    """A vector of which stored tensors hold parts."""
    values = tensor.read()
    if values.size < parts.MIN_VECTOR or not tensor.dtype.is_float:
        return None
    inside = [
        candidate.key
        for candidate in board.free()
        if candidate.is_float
        and candidate.tensor.dtype.name == tensor.dtype.name
        and parts.MIN_VECTOR <= candidate.tensor.count < values.size
        and parts.find_vector(board.values.of(candidate.key, ()).reshape(-1), [(candidate.key, values)]) is not None
    ]
    if not inside:
        return None
    because = f"'{inside[0][1]}' holds a part of it; the rest was computed away"
    return Found(View.SLICED, because, stored=tuple(inside))


def erased(board: Board, tensor: StoredTensor) -> Found:
    """Why nothing holds it, as far as that can be told."""
    claim = board.named.get(tensor.name)
    if claim is not None and claim.view in (View.SLICED, View.FOLDED, View.DROPPED) and not claim.pieces:
        return Found(claim.view, f"its values are not in the artifact: {claim.because}", stored=claim.stored, certain=False)
    if tensor.count and not np.any(tensor.read()):
        return Found(View.DROPPED, "it is all zeros, which exporters leave out, and no stored tensor of its shape is")
    if claim is not None and claim.stored:
        name = claim.stored[0][1]
        pieces = claim.pieces if claim.shape == tensor.shape else ()
        return Found(View.CHANGED, f"the artifact has '{name}' in its place, with other values", pieces, claim.axis, claim.stored, certain=False)
    for _, candidate, steps in near(board, {tensor.name: tensor.read()}) if tensor.count >= MIN_TELLING and tensor.dtype.is_float and tensor.n_bytes < MAX_LOOKED_AT else ():
        board.taken[candidate.key] = tensor.name
        because = f"'{candidate.tensor.name}' is nearest to it, with other values"
        return Found(View.CHANGED, because, (Piece(candidate.key, steps),), 0, (candidate.key,), certain=False)
    if claim is not None and claim.view is View.UNKNOWN:
        return Found(View.DROPPED, f"not in the artifact: {claim.because}", certain=False)
    return Found(View.DROPPED, "no stored tensor holds it, whole, in part, rounded or computed: it was never used, or computed away", certain=False)
