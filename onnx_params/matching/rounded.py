"""Find tensors of a reference that were rounded: to steps of a scale, or to another type."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.onnxruntime import is_dequantized
from onnx_params.matching.candidates import CHANNELS_LAST, Candidate
from onnx_params.matching.casts import casts_to
from onnx_params.matching.epsilons import epsilon_of
from onnx_params.matching.exact import MIN_DISTINCT
from onnx_params.matching.grids import is_of_many_steps, is_rounded
from onnx_params.matching.levels import has_few_levels
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.shifts import bias_of
from onnx_params.matching.verify import bits_equal
from onnx_params.tensors.steps import (
    SWAP,
    Cast,
    Permute,
    Placement,
    Reshape,
    Shape,
    Steps,
    Unpack,
    chain,
    dequantizes,
    shape_after,
    without_ones,
)
from onnx_params.tensors.stored import StoredTensor

SAMPLES: Final = 64  # elements that are compared before all are
# of the mean size: a sample of a tensor rounded to 4 bits is nearer than this to the original,
# another one is not
CLOSE: Final = 0.35
CLOSE_OF_FEW: Final = 0.65  # of codes of one or two bits; unrelated ones are twice as far
MAX_LOOKED_AT: Final = 1 << 28  # bytes of leftover tensors held at once
N_ROWS: Final = 8  # of which levels are counted
MIN_CODE: Final = 8  # of a bias, below which all codes say little
MAX_NEAR: Final = 3  # the nearest stored tensors that are compared whole

_TURNED_EXPERTS: Final = Permute((0, 2, 1))

_ON_GRID: Final = (
    "whose values are whole numbers of steps: a quantizer rounded it and stored the numbers"
)
_BESIDE_CODES: Final = (
    "if that is of integers of 32 bits, as a quantizer wrote the weight beside it"
)
_OF_CODES: Final = "which was computed of codes, by its name"

Fit: TypeAlias = tuple[Candidate, Steps]  # a stored tensor, and the steps to the shape asked for


def rounded(state: MatchState) -> None:
    """Within half a step of a quantized tensor's scale, or the rounding of its type.

    Kernels before batch norms must be so for every value: one whose norm was folded into it, by
    factors of about one, is near to few bits too. So are their biases, where a step is large: all
    are about zero then, those with a norm's shift as well.
    """
    sizes = {norm.variance.size for norm in state.norms}
    before_norms = {
        tensor.name
        for tensor in state.open()
        if len(tensor.shape) > 1 and not sizes.isdisjoint(tensor.shape[:2])
    }
    _rounded(state, before_norms)


def rounded_loosely(state: MatchState) -> None:
    """What is left, as quantizers round that correct errors."""
    _rounded(state, frozenset())


def _rounded(state: MatchState, strictly: Collection[str]) -> None:
    vague = set(map(bias_of, strictly))
    for tensor in state.open():
        placement = state.said(tensor)
        if placement is None:
            continue
        candidate = state.candidates[placement.key]
        if tensor.name in vague and _says_little(state, candidate, placement.steps):
            continue
        if candidate.tensor.count and state.values.is_close(
            tensor.read(), candidate, placement.steps, tensor.name in strictly
        ):
            take_close(state, tensor, candidate, placement.steps)
    for tensor, candidate, steps in near(
        state, {tensor.name: tensor.read() for tensor in small(state, state.open())}
    ):
        if _is_near_by_chance(state, tensor, candidate, steps):
            continue
        if state.values.is_close(tensor.read(), candidate, steps, tensor.name in strictly):
            take_close(state, tensor, candidate, steps)


def _says_little(state: MatchState, candidate: Candidate, steps: Steps) -> bool:
    """Whether all codes are a step or two, which many numbers are rounded to."""
    if not candidate.is_quantized or not dequantizes(steps):
        return False
    codes = state.values.codes(candidate.key, steps)
    return bool(np.abs(codes.astype(np.float64)).max(initial=0) < MIN_CODE)


def _is_near_by_chance(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps
) -> bool:
    """Whether there are too few numbers for nearness to tell which they are."""
    if tensor.count >= MIN_DISTINCT:
        return False
    return not np.array_equal(tensor.read(), state.values.of(candidate.key, steps))


def split(state: MatchState) -> None:
    """Rows that were split over several stored tensors and then rounded, one after the other."""
    rounded_ones = [candidate for candidate in state.free() if candidate.is_quantized]
    for tensor in small(state, state.open()) if rounded_ones else ():
        if len(tensor.shape) != 2:
            continue
        placements = _rows_of(state, tensor.read(), rounded_ones)
        if len(placements) < 2:
            continue
        keys = tuple(placement.key for placement in placements)
        because = (
            f"every value is within half a step of {', '.join(repr(key[1]) for key in keys)},"
            " its rows one after the other"
        )
        state.found[tensor.name] = Found(
            view=View.DEQUANTIZED,
            because=because,
            placements=placements,
            axis=0,
            stored=keys,
        )
        for key in keys:
            state.assigned.setdefault(key, tensor.name)


def _rows_of(
    state: MatchState, values: np.ndarray, candidates: list[Candidate]
) -> tuple[Placement, ...]:
    """The candidates that hold the rows of ``values``, one after the other; none where some rows
    are nowhere.
    """
    placements: list[Placement] = []
    at = 0
    while at < len(values):
        taken = {placement.key for placement in placements}
        untaken = (candidate for candidate in candidates if candidate.key not in taken)
        tries = (_rows(state, candidate, values[at:]) for candidate in untaken)
        placement = next((each for each in tries if each is not None), None)
        if placement is None:
            return ()
        placements.append(placement)
        at += shape_after(state.candidates[placement.key].tensor.shape, placement.steps)[0]
    return tuple(placements)


def _rows(state: MatchState, candidate: Candidate, values: np.ndarray) -> Placement | None:
    """A candidate that is the first rows of ``values``, rounded."""
    for way in candidate.ways:
        for steps in (way, chain(*way, SWAP)) if len(candidate.shape_under(way)) == 2 else ():
            rows, width = candidate.shape_under(steps)
            if (
                width == values.shape[1]
                and rows < len(values) + 1
                and state.values.is_close(values[:rows], candidate, steps)
            ):
                return Placement(candidate.key, steps)
    return None


def take_close(state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps) -> None:
    if (
        not candidate.is_quantized
        and candidate.tensor.dtype is tensor.dtype
        and bits_equal(tensor.read(), state.values.of(candidate.key, steps))
    ):
        # too few to be recognized by them alone
        state.assign(
            tensor.name,
            candidate.key,
            steps,
            f"every value equals that of '{candidate.tensor.name}'",
        )
        return
    epsilon = epsilon_of(state, tensor, candidate, steps)
    if epsilon:
        state.assigned.setdefault(candidate.key, tensor.name)
        state.found[tensor.name] = Found(
            view=View.FOLDED,
            because=f"'{candidate.tensor.name}' is it plus {epsilon:g}, as norms take the root of",
            stored=(candidate.key,),
            formula=f"w + {epsilon:g}",
        )
        return
    why = _why_from_grid(state, tensor, candidate, steps)
    if why:
        _take_from_grid(state, tensor, candidate, steps, why)
        return
    if candidate.is_quantized:
        because = f"every value is within half a step of '{candidate.tensor.name}'"
    else:
        because = f"every value is that of '{candidate.tensor.name}' but for rounding"
        steps = chain(*steps, Cast(tensor.dtype.name))
    view = (
        candidate.view
        if candidate.is_quantized
        else View.CAST
        if candidate.tensor.dtype.name != tensor.dtype.name
        else View.FOLDED
    )
    state.assigned.setdefault(candidate.key, tensor.name)
    state.found[tensor.name] = Found(
        view=view,
        because=because,
        placements=(Placement(candidate.key, steps),),
        axis=0,
        stored=(candidate.key,),
    )


def _why_from_grid(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps
) -> str:
    """What says that a quantizer rounded a tensor and stored the numbers; empty where nothing does:
    the artifact has codes, or the numbers were cast alone.
    """
    if candidate.is_quantized:
        return ""
    if _is_from_grid(state, tensor, candidate, steps):
        return _ON_GRID
    if candidate.tensor.dtype is not tensor.dtype:
        return ""
    if candidate.is_beside_coarse:
        return _BESIDE_CODES
    return _OF_CODES if is_dequantized(candidate.tensor.name) else ""


def _is_from_grid(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps
) -> bool:
    """Whether a quantizer rounded a tensor and stored the numbers, rather than that they were cast
    alone.
    """
    original, values = tensor.read(), state.values.of(candidate.key, steps)
    if candidate.tensor.dtype is tensor.dtype:
        return is_rounded(original, values) or is_of_many_steps(original, values)
    name = candidate.tensor.dtype.name
    is_cast = any(np.array_equal(cast, values) for cast in casts_to(original, name, values))
    return not is_cast and is_rounded(original, values)


def _take_from_grid(
    state: MatchState, tensor: StoredTensor, candidate: Candidate, steps: Steps, why: str
) -> None:
    """Write down that a quantizer rounded a tensor and stored the numbers."""
    because = f"every value is within half a step of '{candidate.tensor.name}', {why}"
    state.assigned.setdefault(candidate.key, tensor.name)
    state.found[tensor.name] = Found(
        view=View.DEQUANTIZED,
        because=because,
        placements=(Placement(candidate.key, steps),),
        axis=0,
        stored=(candidate.key,),
    )


def small(state: MatchState, tensors: list[StoredTensor]) -> list[StoredTensor]:
    """Those whose values fit into memory together."""
    room, found = MAX_LOOKED_AT, []
    for tensor in tensors:
        room -= tensor.n_bytes
        if room > 0 and tensor.dtype.is_float:
            found.append(tensor)
    return found


def near(
    state: MatchState, targets: Mapping[str, np.ndarray], again: bool = False
) -> Iterable[tuple[StoredTensor, Candidate, Steps]]:
    """For each target the free stored tensors of its shape, or of the transposed one, whose sample
    is nearest; the nearest first.

    ``again`` asks for all of them, also for targets that were found already.
    """
    by_shape = fits_by_shape(state)
    shapes = {values.shape for values in targets.values()}
    unfolded = {shape: list(_unfolded(shape, by_shape)) for shape in shapes}
    for shape, more in unfolded.items():
        by_shape.setdefault(shape, []).extend(more)
    samples = Samples(state)
    for name, values in targets.items():
        fits = by_shape.get(values.shape, ())
        nearest = samples.nearest(values, fits)
        for candidate, steps in nearest[: None if again else MAX_NEAR]:
            if candidate.key not in state.assigned and (again or name not in state.found):
                yield state.reference[name], candidate, steps


def fits_by_shape(state: MatchState) -> dict[tuple[int, ...], list[Fit]]:
    """Shape -> the free stored tensors that have it: as they are, transposed, or without the axes
    of one.
    """
    found: dict[tuple[int, ...], list[Fit]] = {}
    for candidate in state.free():
        for way in candidate.ways if candidate.is_float or candidate.is_quantized else ():
            shape = candidate.shape_under(way)
            squeezed = without_ones(shape)
            ways = [way] if squeezed == shape else [way, chain(*way, Reshape(squeezed))]
            for each in ways:
                rank = len(candidate.shape_under(each))
                turns = (*CHANNELS_LAST.get(rank, ()), *(() if rank != 3 else (_TURNED_EXPERTS,)))
                for steps in (each, *(chain(*each, turn) for turn in turns)):
                    turned = candidate.shape_under(steps)
                    found.setdefault(turned, []).append((candidate, steps))
    return found


def _unfolded(shape: Shape, by_shape: Mapping[Shape, Sequence[Fit]]) -> Iterator[Fit]:
    """The matrices that are an array with its first axes, or its last ones, taken as one, and the
    vectors that are it with all: weights and biases of heads, as Keras and Flax have them; what is
    it without its axes of one.
    """
    flat = [(math.prod(shape[:axis]), math.prod(shape[axis:])) for axis in range(1, len(shape))]
    lower: list[Shape] = [
        *(flat if len(shape) > 2 else ()),
        *([(math.prod(shape),)] if flat else ()),
    ]
    for each in lower:
        for candidate, steps in by_shape.get(each, ()):
            if len(candidate.shape) == len(each):
                yield candidate, chain(*steps, Reshape(shape))
    lean = without_ones(shape)
    if lean != shape:
        for candidate, steps in by_shape.get(lean, ()):
            yield candidate, chain(*steps, Reshape(shape))


class Samples:
    """A few elements of each stored tensor of a shape, read once and side by side, and how near
    each must be.
    """

    def __init__(self, state: MatchState) -> None:
        self._values = state.values
        self._kept: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        self._places: dict[tuple[int, ...], np.ndarray] = {}

    def nearest(self, values: np.ndarray, fits: Sequence[Fit]) -> list[Fit]:
        """The fits of which a few elements are close to those of ``values``, the nearest first.
        ``fits`` are always those of the shape.
        """
        if values.shape not in self._places:
            self._places[values.shape] = sample_places(values.shape)
        places = self._places[values.shape]
        wanted = values.reshape(-1)[places].astype(np.float64)
        size = float(np.abs(wanted).mean()) if wanted.size else 0.0
        if not size or not fits:
            return []
        kept = self._kept.get(values.shape)
        if kept is None:
            rows = np.stack([self._of(fit, places) for fit in fits])
            limits = np.asarray(
                [_limit(steps, self._values.of(each.key, steps)) for each, steps in fits]
            )
            kept = self._kept[values.shape] = rows, limits
        samples, limits = kept
        with np.errstate(invalid="ignore", over="ignore"):  # NaN in files
            distances = np.abs(samples - wanted).mean(axis=1) / size
        close = np.flatnonzero(distances < limits)
        return [fits[at] for at in close[np.argsort(distances[close], kind="stable")]]

    def _of(self, fit: Fit, places: np.ndarray) -> np.ndarray:
        candidate, steps = fit
        values = self._values.of(candidate.key, steps)
        sample: np.ndarray = values.reshape(-1)[places].astype(np.float64)
        return sample


def _limit(steps: Steps, values: np.ndarray) -> float:
    """How near a sample must be, by how many bits a code has, or how many numbers there are."""
    has_few = any(isinstance(step, Unpack) and step.bits <= 2 for step in steps)
    has_few = has_few or (values.ndim > 1 and has_few_levels(values[:N_ROWS]))
    return CLOSE_OF_FEW if has_few else CLOSE


def sample_places(shape: tuple[int, ...]) -> np.ndarray:
    """Some positions in a flat tensor of that shape, spread over it, the same each time."""
    count = math.prod(shape)
    return (
        np.unique(np.random.default_rng(0).integers(0, max(1, count), SAMPLES))
        if count
        else np.empty(0, np.int64)
    )
