"""Find a tensor as lines of stored ones: part of a concatenation, blocks in another order, or split
over several.

Lines are rows or columns; equal sums over their elements are candidates. A vector is looked for
element by element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from onnx_params.matching.multiset_hash import line_digests
from onnx_params.tensors.steps import SWAP, Key, Permute, Placement, Reshape, Slice, Step, chain

# runs of lines that still make a view: gates by directions, or the parts of a few fused projections
MAX_RUNS: Final = 24
MIN_LINE: Final = 4  # elements of a line that says enough
MAX_SHARES: Final = (2, 3, 4)  # query, key, value; gates
MIN_VECTOR: Final = 4
_TURNED: Final = (0, 2, 1)


class Lines(NamedTuple):
    """A stored tensor laid out as a matrix whose rows are looked up, and the steps to
    that matrix.
    """

    key: Key
    values: np.ndarray
    steps: tuple[Step, ...]

    def cut(self, start: int, stop: int) -> tuple[Step, ...]:
        """The step that leaves some of the lines."""
        return () if stop - start == len(self.values) else (Slice(0, ((start, stop),)),)


def layouts(key: Key, values: np.ndarray) -> list[Lines]:
    """The matrices in a stored tensor: its rows along the last axis, its columns, its outermost
    slices.
    """
    found: list[Lines] = []
    shape = values.shape
    if values.ndim == 1 and shape[0] >= MIN_LINE:  # a line of a stack that lies apart
        found.append(Lines(key, values[None], (Reshape((1, shape[0])),)))
    if values.ndim >= 2 and shape[-1] >= MIN_LINE:
        rows = values.reshape(-1, shape[-1])
        found.append(Lines(key, rows, () if values.ndim == 2 else (Reshape(rows.shape),)))
    if values.ndim == 2 and shape[0] >= MIN_LINE:
        found.append(Lines(key, values.T, (SWAP,)))
    if values.ndim > 2 and shape[0] and values.size // shape[0] >= MIN_LINE:
        slices = values.reshape(shape[0], -1)
        if not found or slices.shape != found[0].values.shape:
            found.append(Lines(key, slices, (Reshape(slices.shape),)))
    return found


class Index:
    """All lines of stored tensors by their sums."""

    def __init__(self, lines: Sequence[Lines]) -> None:
        self.lines = lines
        sums = [line_digests(each.values) for each in lines]
        self.sums = sums
        owner = [np.full(len(each), at) for at, each in enumerate(sums)]
        place = [np.arange(len(each)) for each in sums]
        every = np.concatenate(sums) if sums else np.empty(0, np.uint64)
        order = np.argsort(every, kind="stable")
        self._sums = every[order]
        self._owner = np.concatenate(owner)[order] if sums else every
        self._place = np.concatenate(place)[order] if sums else every

    def find(self, values: np.ndarray) -> tuple[tuple[Placement, ...], int] | None:
        """The placements that hold a tensor of rank 2 or more, and the axis along which they stand
        side by side; proved by comparing.
        """
        shape = values.shape
        matrix = values.reshape(shape[0], -1)
        tries = [(matrix, False)] if values.ndim > 2 else [(matrix, False), (matrix.T, True)]
        for wanted, turned in tries:
            if wanted.shape[1] < MIN_LINE or not wanted.size:
                continue
            runs = self._runs(line_digests(wanted), wanted.shape[1])
            if runs is None or not self._proved(wanted, runs):
                continue
            last: tuple[Step, ...] = (SWAP,) if turned else () if values.ndim == 2 else ()
            placements = []
            for owner, spans in _by_owner(runs):
                lines = self.lines[owner]
                take = () if spans == ((0, len(lines.values)),) else (Slice(0, spans),)
                rows = sum(stop - start for start, stop in spans)
                shaped = (Reshape((rows, *shape[1:])),) if values.ndim > 2 else ()
                placements.append(Placement(lines.key, chain(*lines.steps, *take, *shaped, *last)))
            return tuple(placements), 1 if turned else 0
        apart = {2: self._of_vectors, 3: self._of_matrices}.get(values.ndim)
        placements = [] if apart is None else apart(values)
        return (tuple(placements), 0) if placements else None

    def _of_vectors(self, values: np.ndarray) -> list[Placement]:
        """The placements of vectors that a tensor ``[n, width]`` has one after the other, each
        whole in one stored tensor; none where they are not so.
        """
        n, width = values.shape
        if width < MIN_LINE or not n:
            return []
        runs = self._runs(line_digests(values), width, most=n)
        if runs is None or not self._proved(values, runs):
            return []
        found = [self.lines[owner] for owner, _, _ in runs]
        if any(len(each.values) > 1 for each in found):
            return []
        return [Placement(each.key, each.steps) for each in found]

    def _of_matrices(self, values: np.ndarray) -> list[Placement]:
        """The placements of matrices that a tensor ``[n, rows, columns]`` has one after the other,
        each whole in one stored tensor, as it is or transposed; none where they are not so.
        """
        for turned in (False, True):
            matrices = values.transpose(_TURNED) if turned else values
            n, rows, columns = matrices.shape
            wanted = matrices.reshape(-1, columns)
            if columns < MIN_LINE or not wanted.size:
                continue
            runs = self._runs(line_digests(wanted), columns, most=max(n, MAX_RUNS))
            if runs is None or not self._proved(wanted, runs):
                continue
            if any((stop - start) % rows for _, start, stop in runs):
                continue
            last: tuple[Step, ...] = (Permute(_TURNED),) if turned else ()
            return [
                Placement(
                    self.lines[owner].key,
                    chain(
                        *self.lines[owner].steps,
                        *self.lines[owner].cut(start, stop),
                        Reshape(((stop - start) // rows, rows, columns)),
                        *last,
                    ),
                )
                for owner, start, stop in runs
            ]
        return []

    def _runs(
        self, wanted: np.ndarray, width: int, most: int = MAX_RUNS
    ) -> list[tuple[int, int, int]] | None:
        """Runs ``(lines, start, stop)`` that follow one another; ``None`` where a line is nowhere
        or the runs are too many.
        """
        runs: list[tuple[int, int, int]] = []
        at = 0
        while at < len(wanted):
            best: tuple[int, int, int] | None = None
            left = int(np.searchsorted(self._sums, wanted[at], "left"))
            right = int(np.searchsorted(self._sums, wanted[at], "right"))
            for hit in range(left, min(right, left + 64)):
                owner, start = int(self._owner[hit]), int(self._place[hit])
                if self.lines[owner].values.shape[1] != width:
                    continue
                here = self.sums[owner][start : start + len(wanted) - at]
                same = here == wanted[at : at + len(here)]
                length = len(here) if same.all() else int(np.argmin(same))
                if best is None or length > best[2] - best[1]:
                    best = owner, start, start + length
            if best is None or len(runs) >= most:
                return None
            runs.append(best)
            at += best[2] - best[1]
        return runs

    def _proved(self, wanted: np.ndarray, runs: list[tuple[int, int, int]]) -> bool:
        at = 0
        for owner, start, stop in runs:
            n = stop - start
            if not np.array_equal(
                wanted[at : at + n],
                self.lines[owner].values[start:stop],
                equal_nan=wanted.dtype.kind == "f",
            ):
                return False
            at += n
        return True


def _by_owner(runs: list[tuple[int, int, int]]) -> list[tuple[int, tuple[tuple[int, int], ...]]]:
    """Neighbouring runs of one tensor together."""
    found: list[tuple[int, list[tuple[int, int]]]] = []
    for owner, start, stop in runs:
        if found and found[-1][0] == owner:
            found[-1][1].append((start, stop))
        else:
            found.append((owner, [(start, stop)]))
    return [(owner, tuple(spans)) for owner, spans in found]


def find_vector(
    wanted: np.ndarray, vectors: Sequence[tuple[Key, np.ndarray]]
) -> tuple[Placement, ...] | None:
    """The placements of flattened stored tensors that hold a vector, in runs of elements; the
    fewest runs first. Equal bits are the proof.
    """
    if len(wanted) < MIN_VECTOR or len(np.unique(wanted)) < MIN_VECTOR:
        return None
    for key, values in vectors:
        flat = values.reshape(-1)
        if flat.dtype != wanted.dtype or len(flat) < len(wanted):
            continue
        runs: list[tuple[int, int]] = []
        at = 0
        while at < len(wanted) and len(runs) <= MAX_RUNS // 2:
            best = (0, 0)
            for start in np.flatnonzero(flat == wanted[at])[:16]:
                here = flat[start : start + len(wanted) - at]
                same = here == wanted[at : at + len(here)]
                length = len(here) if same.all() else int(np.argmin(same))
                if length > best[1] - best[0]:
                    best = int(start), int(start) + length
            if best[1] - best[0] < min(MIN_VECTOR, len(wanted) - at):
                break
            runs.append(best)
            at += best[1] - best[0]
        if at == len(wanted):
            first = () if values.ndim == 1 else (Reshape((len(flat),)),)
            return (Placement(key, chain(*first, Slice(0, tuple(runs)))),)
    return None


def split_vector(
    wanted: np.ndarray, vectors: Mapping[int, Sequence[tuple[Key, np.ndarray]]]
) -> tuple[Placement, ...] | None:
    """The stored tensors that hold a vector in equal shares, one after the other: a joined
    projection's biases, gates apart. Equal bits. ``vectors`` are by their number of elements.
    """
    for shares in MAX_SHARES:
        if len(wanted) % shares or len(wanted) // shares < MIN_VECTOR:
            continue
        found: list[Placement] = []
        for part in np.split(wanted, shares):
            for key, values in vectors.get(part.size, ()):
                if (
                    values.size == part.size
                    and values.dtype == part.dtype
                    and np.array_equal(values.reshape(-1), part)
                ):
                    found.append(
                        Placement(key, () if values.ndim == 1 else (Reshape((part.size,)),))
                    )
                    break
            else:
                break
        if len(found) == shares and len({placement.key for placement in found}) == shares:
            return tuple(found)
    return None
