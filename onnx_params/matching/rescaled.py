"""Find the factors of rows and columns by which stored weights are those of a reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.matching.candidates import TOLERANCE, Candidate
from onnx_params.matching.match_state import MatchState
from onnx_params.matching.rounded import fits_by_shape, sample_places, small
from onnx_params.matching.rounding import Rounded, bits_of, is_rounded
from onnx_params.matching.samples import MAX_TRIED
from onnx_params.tensors.steps import Key, Steps, dequantizes
from onnx_params.tensors.stored import StoredTensor

N_ROUNDS: Final = 8  # of least squares, for rows and columns in turn
SAME_SIGNS: Final = 0.9  # of the numbers of a sample
SURE: Final = 6.0  # standard deviations that a factor may be off
EXACT: Final = 1e-3  # relative; factors are known no better
_UNIFORM: Final = 3.0**-0.5  # half steps; the deviation of what rounding leaves


class Rescaled(NamedTuple):
    """A parameter, a stored tensor, and by what the one's rows and columns are multiplied in the
    other; how far these factors may be off, relative. A vector, and a kernel for each channel, have
    no columns.
    """

    tensor: StoredTensor
    candidate: Candidate
    rows: np.ndarray
    columns: np.ndarray | None
    rows_off: np.ndarray
    columns_off: np.ndarray
    is_vector: bool = False

    @property
    def key(self) -> Key:
        return self.candidate.key

    @property
    def stored(self) -> str:
        return f"'{self.candidate.tensor.name}'"

    @property
    def has_plain_inputs(self) -> bool:
        """Whether nothing says that inputs were rescaled."""
        return self.columns is None or is_one(self.columns, self.columns_off)

    def with_columns_divided_by(self, number: float) -> Rescaled:
        """The same product, of other factors."""
        columns = None if self.columns is None else self.columns / number
        return self._replace(rows=self.rows * number, columns=columns)


def is_one(factors: np.ndarray, off: np.ndarray) -> bool:
    """Whether factors are all one, as far as they are known."""
    return bool(np.all(np.abs(factors - 1) <= np.maximum(EXACT, SURE * off)))


def rescaled_ones(state: MatchState) -> dict[Key, Rescaled]:
    """The parameters without an answer that are stored ones with their rows and columns multiplied,
    by the key of these.
    """
    found: dict[Key, Rescaled] = {}
    signs = _Signs(state)
    for tensor in small(state, state.open()):
        if len(tensor.shape) == 1:
            each = _vector(state, tensor)
            if each is not None:
                found.setdefault(each.key, each)
        if len(tensor.shape) < 2:
            continue
        values = tensor.read()
        for candidate, steps in signs.alike(tensor, values):
            if candidate.key in found:
                continue
            each = _rescaled(state, tensor, values, candidate, steps)
            if each is not None:
                found[candidate.key] = each
                break
    return found


def _vector(state: MatchState, tensor: StoredTensor) -> Rescaled | None:
    """A vector, and the stored one that the artifact's names say it is."""
    said = state.said(tensor)
    if said is None or said.key in state.assigned:
        return None
    values = tensor.read().astype(np.float64)
    stored = state.values.of(said.key, said.steps).astype(np.float64)
    candidate = state.candidates[said.key]
    if stored.shape != values.shape or not candidate.is_float or not np.all(values):
        return None
    off = np.zeros(values.size)
    return Rescaled(tensor, candidate, stored / values, None, off, off, is_vector=True)


class _Signs:
    """The stored weights that a tensor may be, by the signs of a few numbers, which no positive
    factor changes.
    """

    def __init__(self, state: MatchState) -> None:
        self._state = state
        self._fits = fits_by_shape(state)
        self._kept: dict[tuple[int, ...], np.ndarray] = {}

    def alike(self, tensor: StoredTensor, values: np.ndarray) -> Iterator[tuple[Candidate, Steps]]:
        """The one that the artifact's names say, then those with the same signs."""
        said = self._state.said(tensor)
        if said is not None and said.key not in self._state.assigned:
            yield self._state.candidates[said.key], said.steps
        fits = self._fits.get(values.shape, [])
        if not fits:
            return
        places = sample_places(values.shape)
        if values.shape not in self._kept:
            samples = [self._sample(each.key, steps, places) for each, steps in fits]
            self._kept[values.shape] = np.sign(np.stack(samples))
        wanted = np.sign(values.reshape(-1)[places].astype(np.float32))
        stored = self._kept[values.shape]
        n_same, n_other = (stored == wanted).sum(axis=1), (stored == -wanted).sum(axis=1)
        share = n_same / np.maximum(n_same + n_other, 1)
        for at in np.argsort(-share, kind="stable")[:MAX_TRIED]:
            if share[at] < SAME_SIGNS:
                return
            if fits[at][0].key not in self._state.assigned:
                yield fits[at]

    def _sample(self, key: Key, steps: Steps, places: np.ndarray) -> np.ndarray:
        values = self._state.values.of(key, steps)
        found: np.ndarray = values.reshape(-1)[places].astype(np.float32)
        return found


def _rescaled(
    state: MatchState, tensor: StoredTensor, values: np.ndarray, candidate: Candidate, steps: Steps
) -> Rescaled | None:
    """The factors that best make a stored tensor of a weight; ``None`` where none do."""
    stored = state.values.of(candidate.key, steps)
    if stored.shape != values.shape:
        return None
    one = values.reshape(*values.shape[:2], -1).astype(np.float64)
    two = stored.reshape(one.shape).astype(np.float64)
    rows, columns = _least_squares(one, two)
    with np.errstate(over="ignore", invalid="ignore"):
        made = one * rows[:, None, None] * columns[None, :, None]
    if not np.isfinite(made).all():
        return None
    half = _half_steps(state, candidate, steps, stored)
    rows_off, columns_off = _deviations(made, half.reshape(one.shape) * _UNIFORM)
    off = rows_off[:, None, None] + columns_off[None, :, None]
    allowed = half + (SURE * off * np.abs(made)).reshape(values.shape)
    if not _is_close(state, candidate, steps, made.reshape(values.shape), allowed):
        return None
    if one.shape[1] == 1:
        return Rescaled(tensor, candidate, rows, None, rows_off, np.zeros(1))
    return Rescaled(tensor, candidate, rows, columns, rows_off, columns_off)


def _least_squares(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors of rows and columns that make ``two`` of ``one``; the geometric mean of those of
    columns is one.
    """
    columns = np.ones(one.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        product, power = (one * two).sum(axis=2), (one * one).sum(axis=2)
        rows = (product @ columns) / (power @ columns**2)
        for _ in range(N_ROUNDS if one.shape[1] > 1 else 0):
            columns = (rows @ product) / (rows**2 @ power)
            rows = (product @ columns) / (power @ columns**2)
        middle = float(np.exp(np.mean(np.log(np.abs(columns)))))
        return rows * middle, columns / middle


def _deviations(made: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far factors of rows and columns may be off, relative, by what rounding leaves."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = made * made
        every = [
            np.sqrt((noise**2 * power).sum(axis=axes)) / power.sum(axis=axes)
            for axes in ((1, 2), (0, 2))
        ]
    rows, columns = (np.nan_to_num(each, nan=1.0, posinf=1.0) for each in every)
    return rows, columns


def _half_steps(
    state: MatchState, candidate: Candidate, steps: Steps, stored: np.ndarray
) -> np.ndarray:
    """Half a step at each number; what float32 rounds where there are no codes."""
    if dequantizes(steps):
        return state.values.half_steps(candidate.key, steps)
    size = float(np.abs(stored).max(initial=0.0))
    return np.full(stored.shape, TOLERANCE.get(candidate.tensor.dtype.name, 1e-5) * size)


def _is_close(
    state: MatchState, candidate: Candidate, steps: Steps, made: np.ndarray, allowed: np.ndarray
) -> bool:
    """Whether stored numbers, or codes, are those of ``made``."""
    stored = state.values.of(candidate.key, steps)
    if not dequantizes(steps):
        return bool(np.all(np.abs(made - stored) <= allowed))
    codes = state.values.codes(candidate.key, steps)
    each = Rounded(made, stored, codes, allowed, bits_of(codes, steps))
    return is_rounded(each, TOLERANCE["float32"] * float(np.abs(made).max(initial=0.0)))
