"""Find weights that a tool rescaled between layers before it rounded them: each output of one
divided by a number by which the next one's input is multiplied.

The numbers are not in the artifact. Their witness is that two layers agree about them: what the
outputs of one were multiplied by is what the inputs of the other were divided by, channel by
channel, as far as rounding lets both be known.

Sources: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
(AIMET, Quark, brevitas); Xiao et al., "SmoothQuant", and Lin et al., "AWQ", which put the factors
of a layer's input into the norm before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.feeding import fed_by, feeds
from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.norms import Norm, NormTable
from onnx_params.matching.rescaled import EXACT, SURE, Rescaled, is_one, rescaled_ones
from onnx_params.matching.samples import Vectors
from onnx_params.matching.shifts import bias_of, shift_of
from onnx_params.tensors.steps import Key, Reshape, chain, dequantizes

FORMULA: Final = "rescaled between layers"
MIN_CHANNELS: Final = 4  # that must agree
MAX_WAYS: Final = 64  # factors that are tried for one layer


class _Out(NamedTuple):
    """By what a layer's outputs were multiplied beside the factors of its norm, how far that may be
    off, the norm with its factors, and what it was followed through before that: layers of one
    kernel for each channel.
    """

    factor: np.ndarray
    off: np.ndarray
    norm: Norm | None
    by_norm: np.ndarray | None
    through: tuple[tuple[Rescaled, _Out], ...] = ()


def equalized(state: MatchState) -> None:
    """Weights whose inputs or outputs were multiplied by what a neighbour was divided by."""
    layers = rescaled_ones(state)
    if layers:
        _Search(state, layers).write()


def _agreement(out: _Out, layer: Rescaled) -> float | None:
    """The number by which a layer's columns, times the factors of the outputs before it, are off
    for all channels; ``None`` where they do not agree about the channels.
    """
    size = out.factor.size
    if layer.columns is None or size < MIN_CHANNELS or layer.columns.size % size:
        return None
    times = layer.columns.size // size  # a window that was flattened
    product = np.repeat(out.factor, times) * layer.columns
    middle = float(np.median(product))
    off = np.repeat(out.off, times) + layer.columns_off
    is_positive = middle > 0 and np.all(out.factor > 0)  # else an activation would not pass it on
    return middle if is_positive and is_one(product / middle, off) else None


class _Search:
    """What is asked while factors are followed from layer to layer."""

    def __init__(self, state: MatchState, layers: dict[Key, Rescaled]) -> None:
        self.state = state
        self.layers = layers
        self.vectors = Vectors(state)
        self.norms = NormTable(state.norms)
        self.before: dict[Key, Key] = {}  # layer -> the one that feeds it
        for key, layer in layers.items():
            found = None if layer.is_vector else fed_by(state.model, layer.candidate.tensor)
            if found is not None and found.key in layers:
                self.before[key] = found.key
        self.outs: dict[Key, list[_Out]] = {}  # the ways in which outputs may have been rescaled
        self.entered: dict[Key, Key] = {}  # whose inputs agree -> with which layer's outputs
        self.left: dict[Key, _Out] = {}  # whose outputs agree with somebody's inputs -> how

    def write(self) -> None:
        """Write down every layer that agrees with its neighbours about all its factors."""
        for key in self._in_order():
            layer = self._agreed(self.layers[key])
            self.layers[key] = layer
            self.outs[key] = list(self._outs(layer))[:MAX_WAYS]
        self._drop_unfit()
        for key, layer in self.layers.items():
            out = self.left.get(key) or self._unchanged(key)
            has_agreed = key in self.left or key in self.entered
            is_entered = layer.columns is None or key in self.entered or layer.has_plain_inputs
            if out is not None and has_agreed and is_entered:
                self._write(layer, out)

    def _drop_unfit(self) -> None:
        """Forget what agrees where the result goes elsewhere too, or where the bias was not
        rescaled as the outputs were.
        """
        while True:
            unfit = [key for key, out in self.left.items() if not self._is_fit(key, out)]
            if not unfit:
                return
            for key in unfit:
                del self.left[key]
            self.entered = {k: b for k, b in self.entered.items() if b in self.left}

    def _is_fit(self, key: Key, out: _Out) -> bool:
        targets = feeds(self.state.model, self.state.candidates[key].tensor)
        if not targets or not self._has_bias(self.layers[key], out):
            return False
        return all(
            self.entered.get(each) == key or (self.before.get(each) == key and each in self.left)
            for each in targets
        )

    def _has_bias(self, layer: Rescaled, out: _Out) -> bool:
        """Whether the bias of a layer, if it has one, was rescaled with it."""
        made = self._shift(layer, out)
        if made is None or not np.any(made):
            return True
        own = bias_of(layer.tensor.name)
        return self._holding(made * out.factor, out.off, layer, own) is not None

    def _shift(self, layer: Rescaled, out: _Out) -> np.ndarray | None:
        """The bias of a layer before it was rescaled, with that of its norm; ``None`` without."""
        own = bias_of(layer.tensor.name)
        if out.norm is not None and out.by_norm is not None:
            made = shift_of(self.state, layer.tensor.name, out.norm, out.by_norm)
        elif own in self.state.reference:
            made = self.state.reference[own].read().astype(np.float64).reshape(-1)
        else:
            return None
        return made if made.shape == out.factor.shape else None

    def _in_order(self) -> list[Key]:
        """The layers, each after the one that feeds it."""
        found: dict[Key, None] = {}
        for key in self.layers:
            path: dict[Key, None] = {}
            at: Key | None = key
            while at is not None and at not in found and at not in path:
                path[at] = None
                at = self.before.get(at)
            found |= dict.fromkeys(reversed(path))
        return list(found)

    def _agreed(self, layer: Rescaled) -> Rescaled:
        """A layer, with its columns as the layer before has them where both agree."""
        before = self.before.get(layer.key)
        if before is None or layer.columns is None or layer.has_plain_inputs:
            return layer
        anchored = self._anchored(layer)
        for out in self.outs.get(before, ()):
            number = _agreement(out, anchored or layer)
            if number is None or (anchored is not None and abs(number - 1) > EXACT):
                continue
            self.entered[layer.key] = before
            self.left.setdefault(before, out)
            for inner, its in out.through:
                self.left.setdefault(inner.key, its)
            return anchored or layer.with_columns_divided_by(number)
        return layer

    def _anchored(self, layer: Rescaled) -> Rescaled | None:
        """A layer whose outputs were all multiplied by one number, with that number given to its
        columns; ``None`` where its outputs were rescaled as well, so that any number may belong to
        them.
        """
        for _, by_norm in self._by_norms(layer):
            rows = layer.rows if by_norm is None else layer.rows / by_norm
            middle = float(np.median(rows))
            if middle and is_one(rows / middle, layer.rows_off):
                return layer.with_columns_divided_by(1 / middle)
        return None

    def _outs(self, layer: Rescaled) -> Iterator[_Out]:
        for norm, by_norm in self._by_norms(layer):
            rows = layer.rows if by_norm is None else layer.rows / by_norm
            if layer.columns is not None or layer.is_vector:
                yield _Out(rows, layer.rows_off, norm, by_norm)
                continue
            before = self.before.get(layer.key)
            for out in self.outs.get(before, ()) if before is not None else ():
                if before is not None and out.factor.size == rows.size:
                    through = (*out.through, (self.layers[before], out))
                    off = out.off + layer.rows_off
                    yield _Out(rows * out.factor, off, norm, by_norm, through)

    def _by_norms(self, layer: Rescaled) -> Iterator[tuple[Norm | None, np.ndarray | None]]:
        """The norms that may have been folded into a layer, with their factors; none at first."""
        yield None, None
        for norm in self.norms.beside(layer.tensor.name, layer.rows.size):
            for factor in norm.scales():
                yield norm, factor

    def _unchanged(self, key: Key) -> _Out | None:
        """A layer whose outputs were not rescaled."""
        outs = (out for out in self.outs[key] if is_one(out.factor, out.off))
        return next(outs, None)

    def _write(self, layer: Rescaled, out: _Out) -> None:
        state = self.state
        other = self._neighbour(layer.key)
        because = (
            f"{layer.stored} is it, rescaled by channels as '{other}' was rescaled the other way"
        )
        if out.norm is not None:
            because += f", and times the factors of the batch norm '{out.norm.owner}'"
        found = Found(
            view=View.FOLDED,
            because=because,
            stored=(layer.key,),
            formula=FORMULA,
            by=other,
        )
        state.found[layer.tensor.name] = found
        state.assigned.setdefault(layer.key, layer.tensor.name)
        if out.norm is not None:
            for name in (out.norm.names[0], out.norm.names[3]):
                if name:
                    state.found.setdefault(name, found)
        self._write_bias(layer, out, found)

    def _neighbour(self, key: Key) -> str:
        """The parameter that agrees with a layer about its factors."""
        before = self.entered.get(key)
        if before is None:
            before = next((k for k, b in self.entered.items() if b == key), None)
        if before is None:
            before = next(k for k, b in self.before.items() if b == key)
        return self.layers[before].tensor.name

    def _write_bias(self, layer: Rescaled, out: _Out, found: Found) -> None:
        """What became of the layer's own bias, and of its norm's: rescaled as its outputs were."""
        state = self.state
        own = bias_of(layer.tensor.name)
        has_own = own in state.reference and own not in state.found
        names = [own] if has_own else []
        if out.norm is not None:
            names = [*out.norm.names[1:3], *names]
        made = self._shift(layer, out)
        if made is None or not names:
            return
        key = self._holding(made * out.factor, out.off, layer, own)
        if key is None:
            return
        state.assigned.setdefault(key, own if has_own else names[0])
        for name in names:
            if name:
                state.found.setdefault(name, found.with_stored((key,)))

    def _holding(self, made: np.ndarray, off: np.ndarray, layer: Rescaled, own: str) -> Key | None:
        """A stored bias of a layer that these numbers are, as far as they are known."""
        candidates = self.vectors.biases_of(layer.key, made)
        said = self.state.named.get(own)
        for key in said.stored if said is not None else ():
            if key in self.state.candidates and key not in self.state.assigned:
                candidates.append(self.state.candidates[key])
        room = np.maximum(EXACT, SURE * off) * np.abs(made)
        for candidate in candidates:
            if candidate.count != made.size or not candidate.ways:
                continue
            steps = chain(*candidate.steps, Reshape(made.shape))
            values = self.state.values.of(candidate.key, steps)
            allowed = room + EXACT * float(np.abs(made).max(initial=0.0))
            if dequantizes(steps):
                allowed = allowed + self.state.values.half_steps(candidate.key, steps)
            if np.all(np.abs(values - made) <= allowed):
                return candidate.key
        return None
