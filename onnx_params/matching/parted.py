"""Find tensors of a reference as rows of a rounded one: concatenations that were quantized, rows in
another order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.places import places
from onnx_params.matching.rounded import CLOSE, small
from onnx_params.tensors.evaluate import rearranged
from onnx_params.tensors.steps import SWAP, Key, Placement, Reshape, Runs, Slice, Steps, chain
from onnx_params.tensors.stored import StoredTensor

N_SAMPLES: Final = 32  # elements of a row
MAX_RUNS: Final = 24  # of rows that still make a view
MAX_TRIED: Final = 4  # tensors whose first rows are near, that are compared whole
MAX_ROWS: Final = 1 << 20  # of all stored tensors of one width, in a search for rows in disorder


def parted(state: MatchState) -> None:
    """Tensors that are rows of a quantized one: side by side from its first row on, then in any
    order.
    """
    free = [candidate for candidate in state.free() if candidate.is_quantized]
    matrices = [each for tensor in small(state, state.open()) for each in _matrices(tensor)]
    if not free or not matrices:
        return
    heads = {width: _Heads(state, group) for width, group in _by_width(matrices).items()}
    grids = [grid for candidate in free for grid in _grids(candidate)]
    for grid in grids:
        if grid.width in heads:
            _side_by_side(state, grid, heads[grid.width])
    left = [each for each in matrices if each.name not in state.found and not each.back]
    for width, group in _by_width(left).items():
        rest = [grid for grid in grids if grid.width == width]
        _in_disorder(state, group, [g for g in rest if g.candidate.key not in state.assigned])


class _Matrix(NamedTuple):
    """A tensor of the reference as rows of outputs, and the steps from those back to its shape."""

    tensor: StoredTensor
    shape: tuple[int, int]
    turn: Steps
    back: Steps

    @property
    def name(self) -> str:
        return self.tensor.name

    def read(self) -> np.ndarray:
        """The values: ``[rows, width]``."""
        return rearranged(self.tensor.read(), self.turn)


def _matrices(tensor: StoredTensor) -> Iterator[_Matrix]:
    """A matrix or a kernel with outputs first, as torch has it, or last, as Keras and Flax have it,
    where they may be several axes: heads.
    """
    if len(tensor.shape) < 2 or not tensor.count:
        return
    entering = tensor.shape[0]
    leaving = tensor.count // entering
    flat = Reshape((entering, leaving))
    if len(tensor.shape) == 2:
        yield _Matrix(tensor, (entering, leaving), (), ())
    else:
        yield _Matrix(tensor, (entering, leaving), (flat,), (Reshape(tensor.shape),))
    turn = (SWAP,) if len(tensor.shape) == 2 else (flat, SWAP)
    back = (SWAP,) if len(tensor.shape) == 2 else (SWAP, Reshape(tensor.shape))
    yield _Matrix(tensor, (leaving, entering), turn, back)


class _Grid(NamedTuple):
    """A stored tensor as a matrix of rows."""

    candidate: Candidate
    steps: Steps
    n_rows: int
    width: int

    def rows(self, state: MatchState) -> np.ndarray:
        return state.values.of(self.candidate.key, self.steps)


def _grids(candidate: Candidate) -> list[_Grid]:
    """The matrices in a stored tensor: it, transposed, the matrices of experts one below the
    other, a kernel as rows of outputs.
    """
    found: list[_Grid] = []
    for way in candidate.ways:
        shape = candidate.shape_under(way)
        if len(shape) == 2:
            found.append(_Grid(candidate, way, *shape))
            found.append(_Grid(candidate, chain(*way, SWAP), *shape[::-1]))
        if len(shape) == 3:
            flat = (shape[0] * shape[1], shape[2])
            found.append(_Grid(candidate, chain(*way, Reshape(flat)), *flat))
        if len(shape) > 2 and shape[1] > 1:
            by_output = (shape[0], math.prod(shape[1:]))
            found.append(_Grid(candidate, chain(*way, Reshape(by_output)), *by_output))
    return found


def _by_width(tensors: list[_Matrix]) -> dict[int, list[_Matrix]]:
    found: dict[int, list[_Matrix]] = {}
    for tensor in tensors:
        found.setdefault(tensor.shape[1], []).append(tensor)
    return found


class _Heads:
    """The first rows of tensors of one width."""

    def __init__(self, state: MatchState, tensors: list[_Matrix]) -> None:
        self._state = state
        self.tensors = tensors
        self._at = places(tensors[0].shape[1], N_SAMPLES)
        rows = [tensor.read()[0][self._at].astype(np.float64) for tensor in tensors]
        self._rows = np.stack(rows)

    def near(self, row: np.ndarray) -> list[_Matrix]:
        """The open tensors whose first row is near to a row, the nearest first."""
        wanted = row[self._at].astype(np.float64)
        size = max(float(np.abs(wanted).mean()), 1e-30)
        with np.errstate(invalid="ignore"):  # infinite scales
            apart = np.abs(self._rows - wanted).mean(axis=1) / size
        order = [
            at for at in np.argsort(apart, kind="stable")[: 4 * MAX_TRIED] if apart[at] < CLOSE
        ]
        found = [self.tensors[at] for at in order]
        return [each for each in found if each.name not in self._state.found][:MAX_TRIED]


def _side_by_side(state: MatchState, grid: _Grid, heads: _Heads) -> None:
    """Tensors one after the other from the first row on; all rows are theirs, or nothing is."""
    rows = grid.rows(state)
    at = 0
    parts: list[tuple[_Matrix, Steps]] = []
    while at < grid.n_rows:
        part = next(
            (
                (tensor, steps)
                for tensor in heads.near(rows[at])
                if (steps := _is_part(state, grid, tensor, ((at, at + tensor.shape[0]),)))
            ),
            None,
        )
        if part is None:
            break
        parts.append(part)
        at += part[0].shape[0]
    names = {tensor.name for tensor, _ in parts}
    if at < grid.n_rows or len(parts) < 2 or len(names) < len(parts):
        return
    for tensor, steps in parts:
        _write(state, tensor, grid.candidate, steps, View.PART)
    state.assigned.setdefault(grid.candidate.key, parts[0][0].name)


def _is_part(state: MatchState, grid: _Grid, matrix: _Matrix, runs: Runs) -> Steps:
    """The steps to some rows of a stored tensor, if these are a tensor, rounded; none otherwise."""
    if max(stop for _, stop in runs) > grid.n_rows:
        return ()
    steps = chain(*grid.steps, Slice(0, runs), *matrix.back)
    values = matrix.tensor.read()
    return steps if state.values.is_close(values, grid.candidate, steps) else ()


def _in_disorder(state: MatchState, tensors: list[_Matrix], grids: list[_Grid]) -> None:
    """Tensors whose rows lie in a few runs of one stored tensor."""
    if not grids or sum(grid.n_rows for grid in grids) > MAX_ROWS:
        return
    at = places(grids[0].width, N_SAMPLES)
    samples = [grid.rows(state)[:, at].astype(np.float64) for grid in grids]
    for tensor in tensors:
        wanted = tensor.read()[:, at].astype(np.float64)
        for grid, sample in zip(grids, samples, strict=True):
            if grid.n_rows < len(wanted):
                continue
            runs = _runs(wanted, sample)
            steps = _is_part(state, grid, tensor, runs) if runs else ()
            if steps:
                view = View.PART if len(runs) == 1 else View.REORDERED
                _write(state, tensor, grid.candidate, steps, view)
                break


def _runs(wanted: np.ndarray, rows: np.ndarray) -> Runs:
    """The runs of rows that are nearest to those wanted, in their order; none where one is near to
    nothing or the runs are too many.
    """
    runs: list[tuple[int, int]] = []
    size = max(float(np.abs(wanted).mean()), 1e-30)
    for row in wanted:
        following = runs[-1][1] if runs else 0
        is_next = following < len(rows) and _apart(rows[following], row) < CLOSE * size
        if is_next and runs:
            runs[-1] = (runs[-1][0], following + 1)
            continue
        apart = np.abs(rows - row).mean(axis=1)
        best = int(np.argmin(apart))
        if apart[best] >= CLOSE * size or len(runs) == MAX_RUNS:
            return ()
        runs.append((best, best + 1))
    return tuple(runs)


def _apart(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.abs(one - two).mean())


def _write(
    state: MatchState, tensor: _Matrix, candidate: Candidate, steps: Steps, view: View
) -> None:
    stored: Key = candidate.key
    state.found[tensor.name] = Found(
        view=view,
        because=f"every value is within the rounding of rows of '{candidate.tensor.name}'",
        placements=(Placement(stored, steps),),
        stored=(stored,),
    )
