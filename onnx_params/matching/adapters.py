"""Find adapters that are no product of two matrices: two such products element by element (LoHa),
Kronecker products (LoKr). They are stored alone, where a model was exported with them, or in the
weight beside them.

Source: peft, ``tuners/loha/layer.py`` and ``tuners/lokr/layer.py``. The scale is in no checkpoint:
it is the one number that fits all elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.torch_modules import HADAMARD_FACTORS, KRONECKER_FACTORS
from onnx_params.matching.low_rank import likely, likely_scales
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import Fit, fits_by_shape, near
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

_FACTOR: Final = re.compile(r"(.*)\.((?:hada|lokr)_w[12])(_[ab])?((?:\.[^.]+)?)$")
_WEIGHTS: Final = ("weight", "base_layer.weight")  # by the module's name


class _Adapter(NamedTuple):
    """An adapter: its module, the parameters it is made of, and what it changes, but for a scale;
    the weight beside it, if there is one.
    """

    names: tuple[str, ...]
    change: np.ndarray
    weight: StoredTensor | None

    @property
    def shapes(self) -> list[Shape]:
        """The shapes in which the change may be stored: its own, and that of the weight."""
        shapes = [self.change.shape]
        if self.weight is not None and self.weight.count == self.change.size:
            shapes.append(self.weight.shape)
        return list(dict.fromkeys(shapes))


def adapted(state: MatchState) -> None:
    """Adapters that were computed, alone or in the weight beside them."""
    adapters = list(_adapters(state))
    if not adapters:
        return
    by_weight = {
        each.weight.name: each
        for each in adapters
        if each.weight is not None and each.weight.name not in state.found
    }
    targets = {name: state.reference[name].read() for name in by_weight}
    for tensor, candidate, steps in near(state, targets):
        _take(state, by_weight[tensor.name], (candidate, steps), tensor)
    fits = fits_by_shape(state)
    for adapter in adapters:
        found = [fit for shape in adapter.shapes for fit in fits.get(shape, ())]
        for fit in likely(state, adapter.names, found):
            # alone first, then in a weight that is open yet
            weights = (None,) if adapter.weight is None else (None, adapter.weight)
            for weight in weights:
                if _is_open(state, adapter, fit, weight):
                    _take(state, adapter, fit, weight)


def _is_open(state: MatchState, adapter: _Adapter, fit: Fit, weight: StoredTensor | None) -> bool:
    """Whether neither an adapter nor what may hold it has an answer yet."""
    if fit[0].key in state.assigned or all(name in state.found for name in adapter.names):
        return False
    return weight is None or weight.name not in state.found


def _adapters(state: MatchState) -> Iterator[_Adapter]:
    """The adapters of the reference of which nothing is found yet. Reads their factors."""
    modules: dict[tuple[str, str], dict[str, StoredTensor]] = {}
    for tensor in state.open():
        match = _FACTOR.match(tensor.name)
        if match is not None and tensor.dtype.is_float:
            owner, factor, side, adapter = match.groups()
            modules.setdefault((owner, adapter), {})[factor + (side or "")] = tensor
    for (owner, _), parts in modules.items():
        change = _hadamard(parts)
        if change is None:
            change = _kronecker(parts)
        if change is None or not np.any(change) or not np.isfinite(change).all():
            continue
        names = tuple(tensor.name for tensor in parts.values())
        weights = (state.reference.get(f"{owner}.{leaf}") for leaf in _WEIGHTS)
        yield _Adapter(names, change, next((each for each in weights if each is not None), None))


def _factor(parts: Mapping[str, StoredTensor], stem: str) -> np.ndarray | None:
    """A factor as it is, or the product that it is; ``None`` where it is neither."""
    whole, left, right = (parts.get(f"{stem}{side}") for side in ("", "_a", "_b"))
    if whole is not None:
        return whole.read().astype(np.float64)
    if left is None or right is None or len(left.shape) != 2 or left.shape[1:] != right.shape[:1]:
        return None
    made: np.ndarray = np.tensordot(left.read().astype(np.float64), right.read(), axes=1)
    return made


def _hadamard(parts: Mapping[str, StoredTensor]) -> np.ndarray | None:
    one, two = (_factor(parts, stem) for stem in HADAMARD_FACTORS)
    if one is None or two is None or one.shape != two.shape:
        return None
    made: np.ndarray = one * two
    return made


def _kronecker(parts: Mapping[str, StoredTensor]) -> np.ndarray | None:
    one, two = (_factor(parts, stem) for stem in KRONECKER_FACTORS)
    if one is None or two is None or one.ndim != 2 or two.ndim < 2:
        return None
    made: np.ndarray = np.kron(one.reshape(*one.shape, *(1,) * (two.ndim - 2)), two)
    return made


def _take(state: MatchState, adapter: _Adapter, fit: Fit, weight: StoredTensor | None) -> None:
    """Write down a stored tensor that is a change, or a weight with one in it, if it is."""
    candidate, steps = fit
    stored = state.values.of(candidate.key, steps)
    if stored.size != adapter.change.size:
        return
    base = 0.0 if weight is None else weight.read().astype(np.float64)
    change = adapter.change.reshape(stored.shape)
    rest = stored.astype(np.float64) - base
    scale = float((rest * change).sum() / (change * change).sum())
    for each in likely_scales(scale) if np.isfinite(scale) else ():
        if state.values.is_close(base + each * change, candidate, steps):
            _write(state, adapter, fit, weight)
            return


def _write(state: MatchState, adapter: _Adapter, fit: Fit, weight: StoredTensor | None) -> None:
    key = fit[0].key
    what = "an adapter's change" if weight is None else f"'{weight.name}' with its adapter merged"
    found = Found(view=View.FOLDED, because=f"'{key[1]}' is {what}", stored=(key,))
    state.assigned.setdefault(key, adapter.names[0] if weight is None else weight.name)
    for name in adapter.names if weight is None else (weight.name, *adapter.names):
        state.found.setdefault(name, found)
