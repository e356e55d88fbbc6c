"""Find stored tensors that may be what was computed, by samples: a few numbers of each, side by
side in one array, so that a question costs one comparison and not one a tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.biases import biases
from onnx_params.dataflow.consumers import consumers
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import MatchState
from onnx_params.matching.places import N_NUMBERS, places
from onnx_params.tensors.steps import Key, Permute, Reshape, Shape, Steps, chain, without_ones

N_LINES: Final = 4
MAX_TRIED: Final = 8  # stored tensors that are compared whole for one question
# how near a sample is, relative to the largest number of the vector
VECTOR_APART: Final = 0.02
ROUNDED_VECTOR_APART: Final = 0.3
SHIFTED_APART: Final = 1e-3  # the same of numbers to which one number was added
# the least cosine between lines that differ by a factor, exact and rounded
COSINE: Final = 0.9995
ROUNDED_COSINE: Final = 0.85


class Vectors:
    """Stored tensors that are vectors, whatever their axes of one."""

    def __init__(self, state: MatchState) -> None:
        self._state = state
        groups: dict[int, list[Candidate]] = {}
        for candidate in state.candidates.values():
            count = candidate.count
            is_number = candidate.is_float or candidate.is_quantized
            is_vector = count > 0 and max(candidate.shape, default=1) == count
            if is_number and is_vector and candidate.ways:
                groups.setdefault(count, []).append(candidate)
        self._groups = groups
        self._samples: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def _sampled(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The samples of every vector of a length, and how far each may be from a question."""
        found = self._samples.get(count)
        if found is None:
            group = self._groups[count]
            rows = [_sample(self._state.values.of(each.key, each.steps)) for each in group]
            room = [ROUNDED_VECTOR_APART if each.is_quantized else VECTOR_APART for each in group]
            found = self._samples[count] = np.stack(rows), np.asarray(room)
        return found

    def holding(self, values: np.ndarray, layer: Key | None = None) -> Candidate | None:
        """A vector that nothing has yet, whose numbers these are, in order; first the biases of the
        layer that uses the weight ``layer``.
        """
        found = self.of_layer(values, layer)
        return self._close(values, self.near(values)) if found is None else found

    def of_layer(self, values: np.ndarray, layer: Key | None) -> Candidate | None:
        """A bias that nothing has yet of the layer that uses a weight, whose numbers these are."""
        return self._close(values, self.biases_of(layer, values))

    def _close(self, values: np.ndarray, candidates: Iterable[Candidate]) -> Candidate | None:
        for candidate in candidates:
            steps = chain(*candidate.steps, Reshape(values.shape))
            if self._state.values.is_close(values, candidate, steps):
                return candidate
        return None

    def biases_of(self, layer: Key | None, values: np.ndarray) -> list[Candidate]:
        """The vectors that are added to what a weight makes, however coarse their scale is."""
        if layer is None:
            return []
        model, every = self._state.model, self._state.candidates
        found = [
            every[bias.key]
            for consumer in consumers(model, model.stored[layer])
            if consumer.is_product
            for bias in biases(model, consumer)
            if bias.key in every and bias.count == values.size
        ]
        return [each for each in found if each.ways and each.key not in self._state.assigned]

    def near(self, values: np.ndarray, least: float = 0.0) -> Iterator[Candidate]:
        """The vectors that nothing has yet and whose samples are near, the nearest first; ``least``
        is how far they may be at least, relative to the largest number.
        """
        if values.size not in self._groups:
            return
        samples, room = self._sampled(values.size)
        wanted = _sample(values)
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(samples - wanted).max(axis=1)
        size = max(float(np.abs(values).max(initial=0.0)), 1e-30)
        is_near = apart <= np.maximum(room, least) * size
        order = np.flatnonzero(is_near)[np.argsort(apart[is_near], kind="stable")]
        yield from self._free(values.size, order)

    def proportional(self, values: np.ndarray) -> Iterator[Candidate]:
        """The vectors that nothing has yet and that point where these numbers do."""
        if values.size not in self._groups:
            return
        samples, _ = self._sampled(values.size)
        wanted = _sample(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            lengths = np.sqrt((samples * samples).sum(axis=1) * (wanted @ wanted))
            cosines = np.nan_to_num(np.abs(samples @ wanted) / lengths)
        alike = np.flatnonzero(cosines >= COSINE)
        yield from self._free(values.size, alike[np.argsort(-cosines[alike], kind="stable")])

    def shifted(self, values: np.ndarray) -> Iterator[Candidate]:
        """The vectors that nothing has yet and that are these numbers plus one number."""
        if values.size not in self._groups:
            return
        samples, _ = self._sampled(values.size)
        with np.errstate(invalid="ignore", over="ignore"):
            spread = np.ptp(samples - _sample(values), axis=1)
        room = SHIFTED_APART * max(float(np.ptp(values)), 1e-30)
        yield from self._free(values.size, np.flatnonzero(spread <= room))

    def _free(self, count: int, order: np.ndarray) -> Iterator[Candidate]:
        """The first few vectors of a length in an order, without those that are taken."""
        for at in order[:MAX_TRIED]:
            candidate = self._groups[count][at]
            if candidate.key not in self._state.assigned:
                yield candidate


def _sample(values: np.ndarray) -> np.ndarray:
    """Some numbers of a vector."""
    found: np.ndarray = values.reshape(-1)[places(values.size, N_NUMBERS)].astype(np.float64)
    return found


class Alike(NamedTuple):
    """A stored tensor whose channels along ``axis`` may be a tensor's, each times a factor."""

    candidate: Candidate
    steps: Steps
    axis: int


def outputs_first(shape: Shape, groups: int) -> Steps:
    """The steps from the kernel of a grouped transposed convolution, ``[in, out / groups, ...]``,
    to ``[out, in / groups, ...]``; none where the shape has no such groups.
    """
    if len(shape) < 3 or groups < 2 or shape[0] % groups:
        return ()
    entering, outputs = shape[0] // groups, shape[1]
    window = shape[2:]
    axes = (0, 2, 1, *range(3, 3 + len(window)))
    return (
        Reshape((groups, entering, outputs, *window)),
        Permute(axes),
        Reshape((groups * outputs, entering, *window)),
    )


class Directions:
    """Stored weights by the directions of some of their channels, which no factor changes."""

    def __init__(
        self,
        state: MatchState,
        turns: dict[int, tuple[Permute, ...]],
        groups: Mapping[Key, int],
    ) -> None:
        self._state = state
        self._groups: dict[tuple[Shape, int], list[Alike]] = {}
        for candidate in state.free():
            if not (candidate.is_float or candidate.is_quantized):
                continue
            for way in candidate.ways:
                rank = len(candidate.shape_under(way))
                ways = [way, *(chain(*way, turn) for turn in turns.get(rank, ()))]
                squeezed = without_ones(candidate.shape_under(way))
                if 1 < len(squeezed) < rank:
                    lean = chain(*way, Reshape(squeezed))
                    ways += [lean, *(chain(*lean, turn) for turn in turns.get(len(squeezed), ()))]
                turned = outputs_first(candidate.shape_under(way), groups.get(candidate.key, 1))
                if turned:
                    ways.append((*way, *turned))
                for steps in ways:
                    shape = candidate.shape_under(steps)
                    for axis in axes_of(shape):
                        each = Alike(candidate, steps, axis)
                        self._groups.setdefault((shape, axis), []).append(each)
        self._samples: dict[tuple[Shape, int], tuple[np.ndarray, np.ndarray]] = {}

    def _sampled(self, key: tuple[Shape, int]) -> tuple[np.ndarray, np.ndarray]:
        found = self._samples.get(key)
        if found is None:
            group = self._groups[key]
            rows = [
                directions(self._state.values.of(each.candidate.key, each.steps), each.axis)
                for each in group
            ]
            least = [ROUNDED_COSINE if each.candidate.is_coarse else COSINE for each in group]
            found = self._samples[key] = np.stack(rows), np.asarray(least)
        return found

    def alike(self, values: np.ndarray) -> Iterator[Alike]:
        """The weights that nothing has yet and whose channels point where these do, the likeliest
        first.
        """
        found: list[tuple[float, int, Alike]] = []
        for axis in axes_of(values.shape):
            key = (values.shape, axis)
            if key not in self._groups:
                continue
            samples, least = self._sampled(key)
            cosines = np.abs(np.einsum("nsp,sp->ns", samples, directions(values, axis)))
            # a channel that a norm made small may have been rounded to nothing
            is_rounded = least == ROUNDED_COSINE
            score = np.where(is_rounded, np.median(cosines, axis=1), cosines.min(axis=1))
            found += [
                (-float(score[at]), axis, self._groups[key][at])
                for at in np.flatnonzero(score >= least)
            ]
        found.sort(key=lambda each: each[:2])
        tried = 0
        for _, _, each in found:
            if each.candidate.key in self._state.assigned:
                continue
            yield each
            tried += 1
            if tried == MAX_TRIED:
                return


def axes_of(shape: Shape) -> tuple[int, ...]:
    """The axes along which channels may lie; the last but one in a kernel for each channel that
    Keras has, ``[height, width, channels, 1]``.
    """
    rank = len(shape)
    if rank < 2:
        return ()
    last = (rank - 1,) if rank > 2 else ()
    is_depthwise = rank > 2 and shape[-1] == 1
    return tuple(dict.fromkeys((0, 1, *last, *((rank - 2,) if is_depthwise else ()))))


def directions(values: np.ndarray, axis: int) -> np.ndarray:
    """Some channels at some places, each of length one: ``[N_LINES, N_NUMBERS]`` at most."""
    lines = np.moveaxis(values, axis, 0)
    lines = lines.reshape(lines.shape[0], -1)
    chosen = lines[places(lines.shape[0], N_LINES)][:, places(lines.shape[1], N_NUMBERS)]
    chosen = chosen.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        length = np.sqrt((chosen * chosen).sum(axis=1, keepdims=True))
        unit = np.where(length > 0, chosen / length, 1 / np.sqrt(chosen.shape[1]))
    made: np.ndarray = np.nan_to_num(unit)
    return made
