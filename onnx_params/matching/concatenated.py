"""Find tensors of a reference as lines of stored ones: parts, blocks in another order, one split
over several.
"""

from __future__ import annotations

from typing import Final

from onnx_params.dataflow.view import View
from onnx_params.matching import lines
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.casts import cast_to
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.tensors.steps import Cast, Placement, chain
from onnx_params.tensors.stored import StoredTensor

MAX_LOOKED_AT: Final = 1 << 28  # bytes of leftover tensors held at once for lookups of lines


def by_lines(state: MatchState) -> None:
    """Parts of concatenations, blocks in another order, one tensor split over several."""
    free = [
        c
        for c in state.free()
        if c.is_float and not c.is_quantized and c.tensor.count >= lines.MIN_LINE
    ]
    by_dtype: dict[str, list[Candidate]] = {}
    room = MAX_LOOKED_AT
    for candidate in free:
        room -= candidate.tensor.n_bytes
        if room > 0:
            by_dtype.setdefault(candidate.tensor.dtype.name, []).append(candidate)
    for dtype, candidates in by_dtype.items():
        arrays = [(c.key, state.values.of(c.key, ())) for c in candidates]
        index = lines.Index([each for key, values in arrays for each in lines.layouts(key, values)])
        for tensor in state.open():
            cast = None if tensor.dtype.name == dtype else dtype
            if cast is not None and not tensor.dtype.is_float:
                continue
            values = tensor.read() if cast is None else cast_to(tensor.read(), cast)
            if values.ndim == 1:
                placements, axis = (
                    lines.find_vector(values, arrays) or lines.split_vector(values, arrays),
                    0,
                )
            else:
                placements, axis = index.find(values) or (None, 0) if values.ndim else (None, 0)
            if placements is not None:
                take_parts(state, tensor, placements, axis, cast)


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
