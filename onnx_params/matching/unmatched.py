"""Say what became of a reference's tensors that no stored tensor contains: looked up in part,
changed, or erased, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.torchscript import is_layers_result
from onnx_params.matching import lines
from onnx_params.matching.candidates import TOLERANCE, Candidate
from onnx_params.matching.casts import cast_to
from onnx_params.matching.concatenated import MAX_LOOKED_AT
from onnx_params.matching.exact import MIN_DISTINCT
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.multiset_hash import line_digests
from onnx_params.matching.rounded import near
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import SWAP, Key, Placement, Reshape, chain
from onnx_params.tensors.stored import StoredTensor

MIN_ROW: Final = 16  # different numbers in a single row, for it to tell its table
MAX_OTHERS: Final = 3  # lines that are rows of a table for each that is none
REPEATS: Final = 1.5  # lines for each row of a table that was looked up again and again
MAX_COMPARED: Final = 1 << 28  # comparisons of numbers in a search for rounded rows


def looked_up(state: MatchState, tensor: StoredTensor) -> Found | None:
    """A table of which only some rows are left: every line of a stored tensor is one of its rows;
    or a vector of which parts are.
    """
    if len(tensor.shape) == 1:
        return _parts_of_vector(state, tensor)
    if len(tensor.shape) < 2 or not tensor.dtype.is_float or tensor.n_bytes > MAX_LOOKED_AT:
        return None
    values = _rows_of(tensor)
    kept = _lookups(state, tensor, values)
    if not kept and len(tensor.shape) == 2:  # the weight of a layer that takes one input
        values = np.ascontiguousarray(values.T)
        kept = _lookups(state, tensor, values)
    if not kept:
        return None
    keys = tuple(each.key for each in kept)
    others = [each for each in kept if each.n_others]
    if others:
        return _with_others(others[0], keys)
    shown = ", ".join(f"'{each.key[1]}' {each.n_rows}{each.how}" for each in kept)
    because = (
        f"of its {len(values)} rows, looked up at fixed places, the artifact has some: {shown}"
    )
    return Found(view=View.SLICED, because=because, stored=keys)


def _lookups(state: MatchState, tensor: StoredTensor, values: np.ndarray) -> list[_Lookup]:
    """The stored tensors of which every line is a row of ``values``, which a tensor has."""
    if values.shape[1] < 2 or len(values) < 2:
        return []
    casts = state.casts(tensor)[1:]
    known = cache(lambda dtype, power: _digests(values, dtype, power))
    own = tensor.dtype.name
    width = values.shape[1]
    kept: list[_Lookup] = []
    for candidate in state.free():
        dtype = candidate.tensor.dtype.name
        if candidate.is_quantized:
            kept += _rounded_rows(state, candidate, values)
        elif dtype == own:
            equal = _equal_rows(state, candidate, known(own, 0), width)
            kept += equal or _scaled_rows(state, candidate, known, width)
        elif dtype in casts:
            kept += _equal_rows(state, candidate, known(dtype, 0), width)
    return kept


def compare_repeated(state: MatchState) -> None:
    """Tables of which every row was found in what was looked up in them: that has rows again and
    again, and the further ones must be the table's too.
    """
    holders = Counter(key for found in state.found.values() for key in found.stored)
    for name, found in list(state.found.items()):
        tensor = state.reference.get(name)
        if tensor is None or len(tensor.shape) < 2 or len(found.stored) != 1:
            continue
        (key,) = found.stored
        candidate = state.candidates.get(key)
        is_whole = found.placements and found.is_proved and holders[key] == 1
        if candidate is None or not is_whole or candidate.is_quantized or not candidate.is_float:
            continue
        if candidate.tensor.count <= tensor.count or tensor.n_bytes > MAX_LOOKED_AT:
            continue
        rows = _rows_of(tensor)
        known = _digests(rows, candidate.tensor.dtype.name)
        made = _equal_rows(state, candidate, known, rows.shape[1])
        if made and made[0].n_others and made[0].n_lines >= REPEATS * made[0].n_rows:
            state.found.revise(name, _with_others(made[0], (key,)))


def _with_others(made: _Lookup, keys: tuple[Key, ...]) -> Found:
    because = (
        f"'{made.key[1]}' has {made.n_rows} of its rows, looked up at fixed places, and"
        f" {made.n_others} that are none of them"
    )
    return Found(view=View.CHANGED, because=because, stored=keys)


class _Lookup(NamedTuple):
    """A stored tensor whose lines are rows of a table: how many different ones, how many lines are
    none, and how many it has in all.
    """

    key: Key
    n_rows: int
    n_others: int
    how: str
    n_lines: int = 0


def _rows_of(tensor: StoredTensor) -> np.ndarray:
    """A table as a matrix: along its first axis, along its last where that is of one."""
    if tensor.shape[0] > 1:
        return tensor.read().reshape(tensor.shape[0], -1)
    return tensor.read().reshape(-1, tensor.shape[-1])


def _digests(rows: np.ndarray, dtype: str, power: float = 0) -> frozenset[int]:
    """What tells the rows of a table, as numbers of a type, times a power of their width."""
    values = rows * rows.dtype.type(rows.shape[1] ** power) if power else rows
    return frozenset(line_digests(cast_to(values, dtype)).tolist())


def _equal_rows(
    state: MatchState, candidate: Candidate, known: Set[int], width: int
) -> list[_Lookup]:
    """The lookup that a stored tensor is, if every line of it is a row of the table, or most of
    them are; ``known`` tells the table's rows.
    """
    best: list[_Lookup] = []
    for layout in lines.layouts(candidate.key, state.values.of(candidate.key, ())):
        for grid in _grids(state, candidate, layout.values):
            says_enough = len(grid) > 1 or len(np.unique(grid)) >= MIN_ROW
            if grid.shape[1] != width or not says_enough:
                continue
            digests = line_digests(grid).tolist()
            n_others = sum(each not in known for each in digests)
            made = _Lookup(candidate.key, len(set(digests) & known), n_others, "", len(digests))
            if not n_others:
                return [made]
            if len(grid) > MAX_OTHERS * n_others and made.n_rows >= MAX_OTHERS:
                best = [made]
    return best


def _scaled_rows(
    state: MatchState,
    candidate: Candidate,
    known: Callable[[str, float], Set[int]],
    width: int,
) -> list[_Lookup]:
    """The lookup of rows that are divided or multiplied by the square root of their width, as
    embeddings are.

    Source: Vaswani et al., "Attention Is All You Need", 3.4.
    """
    dtype = candidate.tensor.dtype.name
    if candidate.tensor.shape[-1:] != (width,) or dtype != "float32":
        return []
    for power, how in ((-0.5, "/ sqrt"), (0.5, "* sqrt")):
        made = _equal_rows(state, candidate, known(dtype, power), width)
        if made and not made[0].n_others:
            return [made[0]._replace(how=f" {how}({width})")]
    return []


def _grids(state: MatchState, candidate: Candidate, grid: np.ndarray) -> list[np.ndarray]:
    """The matrices whose rows may be a table's: this one, and those of other orders of axes."""
    if len(candidate.tensor.shape) <= 2:
        return [grid]
    values = state.values.of(candidate.key, ())
    turned = np.moveaxis(values, -1, 0)
    return [
        grid,
        turned.reshape(-1, turned.shape[-1]),
        np.moveaxis(values, 1, -1).reshape(-1, candidate.tensor.shape[1]),
    ]


def _rounded_rows(state: MatchState, candidate: Candidate, values: np.ndarray) -> list[_Lookup]:
    """The same of a quantized tensor: every line is within half a step of a row."""
    width = values.shape[1]
    for way in candidate.ways:
        made = state.values.of(candidate.key, way)
        allowed = state.values.allowed(made, candidate.key, way)
        for axis in range(made.ndim) if made.size else ():
            if (
                made.shape[axis] != width
                or (made.size // width < 2 and width < MIN_ROW)
                or made.size * len(values) > MAX_COMPARED
            ):
                continue
            grid = np.moveaxis(made, axis, -1).reshape(-1, width)
            room = np.moveaxis(np.broadcast_to(allowed, made.shape), axis, -1).reshape(
                -1, width
            ) + TOLERANCE["float32"] * float(np.abs(values).max())
            near = [
                np.flatnonzero((np.abs(values - line) <= step).all(axis=1))
                for line, step in zip(grid, room, strict=True)
            ]
            # what is within half a step of many rows, as zeros may be, is none of them for sure
            n_single = sum(len(rows) == 1 for rows in near)
            if all(len(rows) for rows in near) and 2 * n_single >= len(near):
                n_rows = len({int(each[0]) for each in near})
                return [_Lookup(candidate.key, n_rows, 0, ", rounded")]
    return []


def _parts_of_vector(state: MatchState, tensor: StoredTensor) -> Found | None:
    """A vector of which stored tensors hold parts."""
    values = tensor.read()
    if values.size < lines.MIN_VECTOR or not tensor.dtype.is_float:
        return None
    inside = [
        candidate.key
        for candidate in state.free()
        if lines.MIN_VECTOR <= candidate.count < values.size
        and _is_inside(state, candidate, tensor)
    ]
    if not inside:
        return None
    because = f"'{inside[0][1]}' holds a part of it; the rest was computed away"
    return Found(view=View.SLICED, because=because, stored=tuple(inside))


def _is_inside(state: MatchState, candidate: Candidate, tensor: StoredTensor) -> bool:
    """Whether a stored tensor is some elements of a vector, one after the other; rounded ones at a
    multiple of their own length.
    """
    values = tensor.read()
    if candidate.is_quantized:
        n = candidate.count  # without padding
        ways = [chain(*way, Reshape((n,))) for way in candidate.ways]
        return any(
            state.values.is_close(values[at : at + n], candidate, way)
            for way in ways
            for at in range(0, values.size - n + 1, n)
        )
    if not candidate.is_float:
        return False
    own = (
        values
        if candidate.tensor.dtype.name == tensor.dtype.name
        else cast_to(values, candidate.tensor.dtype.name)
    )
    stored = state.values.of(candidate.key, ()).reshape(-1)
    if lines.find_vector(stored, [(candidate.key, own)]) is not None:
        return True
    return _is_in_disorder(stored, own)


def _is_in_disorder(part: np.ndarray, whole: np.ndarray) -> bool:
    """Whether numbers, enough of them to tell, are a share of a vector in another order, as
    rotations ask of queries and keys.
    """
    n = len(part)
    if len(np.unique(part)) < MIN_DISTINCT or len(whole) % n:
        return False
    wanted = np.sort(part)
    return any(
        np.array_equal(np.sort(whole[at : at + n]), wanted) for at in range(0, len(whole), n)
    )


def _in_its_place(state: MatchState, tensor: StoredTensor, claim: Claim) -> tuple[Placement, ...]:
    """Where the values lie that stand in the place of a parameter's; of a matrix the way round in
    which they are nearer to it, for a name does not tell that.
    """
    as_claimed = claim.placements if claim.shape == tensor.shape else ()
    is_matrix = len(tensor.shape) == 2 and len(claim.placements) == 1
    if not is_matrix or claim.shape is None or tensor.n_bytes > MAX_LOOKED_AT:
        return as_claimed
    turned = (_turned(claim.placements[0]),) if claim.shape[::-1] == tensor.shape else ()
    if not as_claimed or not turned:
        return as_claimed or turned
    wanted = tensor.read().astype(np.float32)
    apart = [
        float(np.nansum(np.abs(wanted - state.values.of(placed.key, placed.steps))))
        for (placed,) in (as_claimed, turned)
    ]
    return turned if apart[1] < apart[0] else as_claimed


def _turned(placement: Placement) -> Placement:
    return placement._replace(steps=chain(*placement.steps, SWAP))


def erased(state: MatchState, tensor: StoredTensor) -> Found:
    """Why nothing holds it, as far as is known."""
    claim = state.named.get(tensor.name)
    if (
        claim is not None
        and claim.view in (View.SLICED, View.FOLDED, View.DROPPED)
        and not claim.placements
    ):
        return Found(
            view=claim.view,
            because=f"its values are not in the artifact: {claim.because}",
            stored=claim.stored,
            certain=False,
        )
    if tensor.count and not np.any(tensor.read()):
        return Found(
            view=View.DROPPED,
            because="it is all zeros, which exporters leave out; no stored tensor of its shape is",
        )
    if claim is not None and claim.stored:
        name = claim.stored[0][1]
        return Found(
            view=View.CHANGED,
            because=f"the artifact has '{name}' in its place, with other values",
            placements=_in_its_place(state, tensor, claim),
            axis=claim.axis,
            stored=claim.stored,
            certain=False,
        )
    looked_for = (
        tensor.count >= MIN_DISTINCT and tensor.dtype.is_float and tensor.n_bytes < MAX_LOOKED_AT
    )
    for _, candidate, steps in near(state, {tensor.name: tensor.read()}) if looked_for else ():
        if is_layers_result(candidate.tensor.name):
            continue
        state.assigned[candidate.key] = tensor.name
        because = f"'{candidate.tensor.name}' is nearest to it, with other values"
        return Found(
            view=View.CHANGED,
            because=because,
            placements=(Placement(candidate.key, steps),),
            axis=0,
            stored=(candidate.key,),
            certain=False,
        )
    if claim is not None and claim.view is View.UNKNOWN:
        return Found(
            view=View.DROPPED, because=f"not in the artifact: {claim.because}", certain=False
        )
    return Found(
        view=View.DROPPED,
        because="no stored tensor contains it, whole, in part, rounded or computed: it was never"
        " used, or computed away",
        certain=False,
    )
