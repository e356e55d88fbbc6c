"""Find weights that were stored with an adapter merged into them, where the reference holds both:
``w + s * B @ A`` (LoRA), its rows of the lengths that a vector says (DoRA).

Sources: peft, ``tuners/lora/layer.py`` and ``tuners/lora/dora.py``. The scale is in no checkpoint:
it is the one number that fits all rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import Fit, fits_by_shape, near, small
from onnx_params.matching.samples import MAX_TRIED
from onnx_params.tensors.steps import Shape, Steps
from onnx_params.tensors.stored import StoredTensor

MAX_BESIDE: Final = 8  # tensors of a module among which the factors are looked for
_LEVELS: Final = (1, 2)  # parts of a name after the module's: ``weight``, ``base_layer.weight``
_LEAST: Final = 1e-6  # scales that change nothing
N_DIGITS: Final = 2  # of a scale: alpha / r


class _Adapter(NamedTuple):
    """The factors of an adapter ``[out, r]`` and ``[r, in]``, and the vector of lengths if any; of
    an embedding's both are turned.
    """

    left: StoredTensor
    right: StoredTensor
    lengths: StoredTensor | None
    is_turned: bool = False

    def product(self) -> np.ndarray:
        """What the adapter adds to the weight. Reads both factors."""
        left, right = (each.read().astype(np.float64) for each in (self.left, self.right))
        made: np.ndarray = left.T @ right.T if self.is_turned else left @ right
        return made

    @property
    def names(self) -> tuple[str, ...]:
        lengths = () if self.lengths is None else (self.lengths.name,)
        return (self.left.name, self.right.name, *lengths)


def merged(state: MatchState) -> None:
    """Weights with their adapters in them."""
    beside = _by_module(state)
    adapters = {
        tensor.name: found
        for tensor in small(state, state.open())
        if (found := list(_adapters(tensor, beside)))
    }
    targets = {name: state.reference[name].read() for name in adapters}
    for tensor, candidate, steps in near(state, targets):
        _take(state, tensor, adapters[tensor.name], candidate, steps)
    fits = fits_by_shape(state) if any(name not in state.found for name in adapters) else {}
    for name in adapters:  # what an adapter changed by much is near to nothing
        for candidate, steps in likely(state, [name], fits.get(state.reference[name].shape, [])):
            if name not in state.found and candidate.key not in state.assigned:
                _take(state, state.reference[name], adapters[name], candidate, steps)


def likely(state: MatchState, names: Sequence[str], fits: Sequence[Fit]) -> list[Fit]:
    """Some of the stored tensors that fit: those first that the artifact's own names say were
    computed of one of these parameters.
    """
    claims = [state.named[name] for name in names if name in state.named]
    said = {key for claim in claims for key in claim.stored}
    return sorted(fits, key=lambda fit: fit[0].key not in said)[:MAX_TRIED]


def _take(
    state: MatchState,
    tensor: StoredTensor,
    adapters: list[_Adapter],
    candidate: Candidate,
    steps: Steps,
) -> None:
    """Write down a stored tensor that is a weight with an adapter in it, if it is."""
    for adapter in adapters:
        made = _made(state, tensor, adapter, candidate, steps)
        if any(state.values.is_close(each, candidate, steps) for each in made):
            _write(state, tensor, adapter, candidate)
            return


def _by_module(state: MatchState) -> dict[str, list[StoredTensor]]:
    """Module -> the tensors in it, however deep."""
    found: dict[str, list[StoredTensor]] = {}
    for tensor in state.reference.values():
        parts = tensor.name.split(".")
        for end in range(1, len(parts)):
            found.setdefault(".".join(parts[:end]), []).append(tensor)
    return found


def _adapters(tensor: StoredTensor, beside: dict[str, list[StoredTensor]]) -> Iterator[_Adapter]:
    """The pairs of tensors beside a matrix whose product has its shape."""
    if len(tensor.shape) != 2:
        return
    for level in _LEVELS:
        module = tensor.name.rsplit(".", level)[0]
        others = [each for each in beside.get(module, ()) if each.name != tensor.name]
        if not 2 <= len(others) <= MAX_BESIDE:
            continue
        lengths = next((each for each in others if _are_lengths(each, tensor)), None)
        for left, right in itertools.permutations(others, 2):
            if _is_product(left.shape, right.shape, tensor):
                yield _Adapter(left, right, lengths)
            elif _is_product(left.shape[::-1], right.shape[::-1], tensor):
                yield _Adapter(left, right, None, is_turned=True)


def _is_product(left: Shape, right: Shape, weight: StoredTensor) -> bool:
    """Whether two shapes are ``[out, r]`` and ``[r, in]`` of a weight, and r is small."""
    out, into = weight.shape
    rank = right[0] if right else 0
    return left == (out, rank) and right == (rank, into) and rank < min(out, into)


def _are_lengths(each: StoredTensor, weight: StoredTensor) -> bool:
    return each.count == weight.shape[0] and not each.name.endswith("bias")


def _made(
    state: MatchState,
    tensor: StoredTensor,
    adapter: _Adapter,
    candidate: Candidate,
    steps: Steps,
) -> Iterator[np.ndarray]:
    """The weight with the adapter in it, by the scales that fit what is stored."""
    weight = tensor.read().astype(np.float64)
    change = adapter.product()
    stored = state.values.of(candidate.key, steps).astype(np.float64)
    is_finite = all(np.isfinite(each).all() for each in (weight, change, stored))
    if not is_finite or not np.any(change):
        return
    if adapter.lengths is None:
        scale = float(((stored - weight) * change).sum() / (change * change).sum())
    else:
        scale = _scale_of_directions(weight, change, stored)
    for each in likely_scales(scale):
        yield _with_lengths(weight + each * change, adapter.lengths)


def likely_scales(scale: float) -> Iterator[float]:
    """A scale that was computed of rounded numbers, and the fraction of small numbers that it may
    have been; none that changes nothing.
    """
    for each in (scale, float(f"{scale:.{N_DIGITS}g}")):
        if abs(each) > _LEAST:
            yield each


def _scale_of_directions(weight: np.ndarray, change: np.ndarray, stored: np.ndarray) -> float:
    """The scale by which rows of ``weight + scale * change`` have the directions of the stored
    ones.
    """
    rows = [
        np.linalg.lstsq(np.stack([one, two], axis=1), three, rcond=None)[0]
        for one, two, three in zip(weight, change, stored, strict=True)
    ]
    return float(np.median([row[1] / row[0] for row in rows if row[0]] or [0.0]))


def _with_lengths(rows: np.ndarray, lengths: StoredTensor | None) -> np.ndarray:
    """Rows stretched to the lengths that a vector says, where there is one."""
    if lengths is None:
        return rows
    size = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        made: np.ndarray = lengths.read().astype(np.float64).reshape(-1, 1) * rows / size
    return made


def _write(
    state: MatchState, tensor: StoredTensor, adapter: _Adapter, candidate: Candidate
) -> None:
    because = f"'{candidate.tensor.name}' is '{tensor.name}' with the adapter beside it merged"
    state.assigned.setdefault(candidate.key, tensor.name)
    for name in (tensor.name, *adapter.names):
        found = Found(view=View.FOLDED, because=because, stored=(candidate.key,))
        state.found.setdefault(name, found)
