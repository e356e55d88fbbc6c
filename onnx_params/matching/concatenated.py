"""Find tensors of a reference as lines of stored ones: parts, blocks in another order, one split
over several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching import lines
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import cast_to
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.tensors.steps import Cast, Key, Placement, Reshape, chain
from onnx_params.tensors.stored import StoredTensor

Array = tuple[Key, np.ndarray]
_NONE: Final = np.empty(0, np.float32)
MAX_WIDTH: Final = 1 << 16  # numbers of a bias
MAX_HEADED: Final = 3  # axes of a weight that has one for heads
MAX_LOOKED_AT: Final = 1 << 28  # bytes of leftover tensors held at once for lookups of lines


class Leftovers(NamedTuple):
    """Stored tensors of one type: by their lines, by the numbers with which vectors that are looked
    for begin, by how many elements they have.
    """

    by_line: lines.Index
    beginnings: Mapping[float, Sequence[Array]]
    by_size: Mapping[int, Sequence[Array]]

    def find(self, values: np.ndarray) -> tuple[tuple[Placement, ...], int] | None:
        """The placements that hold a tensor, and the axis along which they stand side by side."""
        if not values.ndim:
            return None
        if values.ndim > 1:
            return self.by_line.find(values)
        if not values.size:
            return None
        beginning = self.beginnings.get(float(values[0]), ())
        placements = lines.find_vector(values, beginning) or lines.split_vector(
            values, self.by_size
        )
        return None if placements is None else (placements, 0)


def _beginnings(arrays: Sequence[Array], firsts: np.ndarray) -> dict[float, list[Array]]:
    """First number of a vector that is looked for -> the stored tensors that have it somewhere."""
    found: dict[float, list[Array]] = {}
    wanted = np.unique(firsts[~np.isnan(firsts)])
    for key, values in arrays if wanted.size else ():
        flat = values.reshape(-1).astype(np.float64)
        at = np.searchsorted(wanted, flat).clip(max=wanted.size - 1)
        for number in np.unique(wanted[at[wanted[at] == flat]]):
            found.setdefault(float(number), []).append((key, values))
    return found


def by_size(arrays: Sequence[Array]) -> dict[int, list[Array]]:
    """Arrays by how many elements they have."""
    found: dict[int, list[Array]] = {}
    for key, values in arrays:
        found.setdefault(values.size, []).append((key, values))
    return found


def by_lines(state: MatchState) -> None:
    """Parts of concatenations, blocks in another order, one tensor split over several."""
    for dtype, candidates in _by_dtype(state).items():
        arrays = [(c.key, state.values.of(c.key, ())) for c in candidates]
        every = [each for key, values in arrays for each in lines.layouts(key, values)]
        vectors = [t.read().reshape(-1)[:1] for t in state.open() if _may_be_vector(t)]
        firsts = np.concatenate(
            [cast_to(each, dtype).astype(np.float64) for each in vectors or [_NONE]]
        )
        leftovers = Leftovers(lines.Index(every), _beginnings(arrays, firsts), by_size(arrays))
        for tensor in state.open():
            cast = None if tensor.dtype.name == dtype else dtype
            if cast is not None and not tensor.dtype.is_float:
                continue
            values = tensor.read() if cast is None else cast_to(tensor.read(), cast)
            found = leftovers.find(values) or _flattened(leftovers, values)
            if found is not None:
                take_parts(state, tensor, *found, cast)


def _may_be_vector(tensor: StoredTensor) -> bool:
    """Whether a tensor is a vector, or the bias of heads."""
    is_short = len(tensor.shape) == 2 and tensor.count <= MAX_WIDTH
    return tensor.dtype.is_float and (len(tensor.shape) == 1 or is_short)


def _flattened(
    leftovers: Leftovers, values: np.ndarray
) -> tuple[tuple[Placement, ...], int] | None:
    """The one placement of an array with axes of heads, as Keras and Flax have them, in what has
    none.
    """
    shape = values.shape
    if not 2 <= len(shape) <= MAX_HEADED:
        return None
    if len(shape) == 2 and values.size > MAX_WIDTH:
        return None
    flat = [(values.size,)] if len(shape) == 2 else [(shape[0], -1), (-1, shape[-1])]
    for each in flat:
        found = leftovers.find(values.reshape(each))
        if found is not None and len(found[0]) == 1:
            (placement,), axis = found
            return (Placement(placement.key, chain(*placement.steps, Reshape(shape))),), axis
    return None


def _by_dtype(state: MatchState) -> dict[str, list[Candidate]]:
    """The free stored tensors of floating-point numbers by type, as many as fit into memory."""
    by_dtype: dict[str, list[Candidate]] = {}
    room = MAX_LOOKED_AT
    for candidate in state.free():
        has_lines = candidate.tensor.count >= lines.MIN_LINE
        if not candidate.is_float or candidate.is_quantized or not has_lines:
            continue
        room -= candidate.tensor.n_bytes
        if room > 0:
            by_dtype.setdefault(candidate.tensor.dtype.name, []).append(candidate)
    return by_dtype


def take_parts(
    state: MatchState,
    tensor: StoredTensor,
    placements: tuple[Placement, ...],
    axis: int,
    cast: str | None,
) -> None:
    names = [f"'{state.candidates[placement.key].tensor.name}'" for placement in placements]
    because = (
        "every value is in"
        f" {', '.join(names[:3])}{f' (and {len(names) - 3} more)' if len(names) > 3 else ''}, by"
        " lines"
    )
    if cast is not None:
        because += f", cast to {cast}"
        placements = tuple(
            Placement(placement.key, chain(*placement.steps, Cast(tensor.dtype.name)))
            for placement in placements
        )
    state.found[tensor.name] = Found(
        view=View.PART,
        because=because,
        placements=placements,
        axis=axis,
        stored=tuple(dict.fromkeys(placement.key for placement in placements)),
    )
