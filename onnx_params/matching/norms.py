"""List the batch norms of a reference with the factors that a layer before them is multiplied by.

Sources: onnxruntime, ``core/optimizer/conv_bn_fusion.cc`` and ``conv_mul_fusion.cc``; onnxslim,
``core/pattern/fusion/convmul.py``: what multiplies a norm's result is folded after the norm.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

import numpy as np

from onnx_params.idioms.naming import module_of
from onnx_params.idioms.vocabulary import NORMS, NUMBERED
from onnx_params.matching.places import N_NUMBERS, places
from onnx_params.tensors.stored import StoredTensor

# defaults of torch, Keras, and what models set
APART: Final = 0.05  # relative; how far a norm's factors may lie from the scales of channels
ROUNDED_APART: Final = 0.5
MAX_NORMS: Final = 8  # that are compared whole for one weight
N_VECTORS: Final = 4  # of a norm
MIN_CHANNELS: Final = 4  # that tell which vector is which
MAX_SCALES: Final = 4  # vectors that are tried after each norm
EPSILONS: Final = (1e-5, 1e-3, 1e-6, 1e-12, 1e-8, 1e-4, 1e-2)


class Norm(NamedTuple):
    """A batch norm of the reference: its names (weight, bias, mean, variance), and its numbers by
    channel. A norm without affine has no name for weight and bias, which are one and zero.
    ``scale`` names the vector that multiplies its result, and with it ``weight`` and ``bias``.
    ``is_guess``: no names say which of its vectors is which; what becomes of its bias must show it.
    """

    names: tuple[str, str, str, str]
    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    scale: str = ""
    is_guess: bool = False

    @property
    def owner(self) -> str:
        """A name to call it by."""
        return self.names[0] or self.names[3]

    def factor(self, epsilon: float) -> np.ndarray:
        """What a convolution's output channels are multiplied by."""
        return self.weight / np.sqrt(self.variance + epsilon)

    def scales(self) -> list[np.ndarray]:
        """The same for each epsilon that it may have."""
        return [self.factor(epsilon) for epsilon in EPSILONS]


def norms(reference: Mapping[str, StoredTensor]) -> list[Norm]:
    """The batch norms of a reference: the owners of running statistics. Reads them."""
    found: list[Norm] = []
    for name in reference:
        rows = [
            (owner, words)
            for words in (*NORMS, NUMBERED)
            if (owner := name.removesuffix(words.variance)) != name
            and f"{owner}{words.mean}" in reference
        ]
        if rows:  # frameworks may have words in common; one without affine has neither of the rest
            owner, words = max(rows, key=lambda row: f"{row[0]}{row[1].weight}" in reference)
            made = _norm(reference, owner, words)
            if made is not None:
                found.append(made)
    bare = [norm for norm in found if not norm.names[0] and not norm.names[1]]
    modules: dict[str, list[StoredTensor]] = {}
    for name in reference if bare else ():
        modules.setdefault(module_of(name), []).append(reference[name])
    for norm in bare:
        found += _with_unknown_words(norm, modules[module_of(norm.names[3])])
    taken = {name for norm in found for name in norm.names}
    return [*found, *_guessed(reference, taken)]


def _with_unknown_words(norm: Norm, module: Sequence[StoredTensor]) -> Iterator[Norm]:
    """A norm whose factor and bias have names that nobody knows: the two other vectors of its
    module, either way round.
    """
    shape = norm.variance.shape
    others = [each for each in module if each.shape == shape and each.name not in norm.names]
    if len(others) != 2 or not module_of(others[0].name):
        return
    for weight, bias in itertools.permutations(others):
        yield norm._replace(
            names=(weight.name, bias.name, *norm.names[2:]),
            weight=weight.read().astype(np.float64),
            bias=bias.read().astype(np.float64),
            is_guess=True,
        )


def _guessed(reference: Mapping[str, StoredTensor], taken: Container[str]) -> Iterator[Norm]:
    """Four vectors of one length that stand together in a reference and have names that nobody
    knows, as norms in each order: of lists, and of graphs that were frozen.
    """
    for run in _runs(reference, taken):
        if len(run) != N_VECTORS or run[0].shape[0] < MIN_CHANNELS:
            continue
        values = {each.name: each.read().astype(np.float64) for each in run}
        for one, two, three, four in itertools.permutations(values):
            weight, bias, mean, variance = (values[name] for name in (one, two, three, four))
            if np.all(variance > 0):
                names = (one, two, three, four)
                yield Norm(names, weight, bias, mean, variance, is_guess=True)


def _runs(
    reference: Mapping[str, StoredTensor], taken: Container[str]
) -> Iterator[list[StoredTensor]]:
    """The vectors of one length that stand together, whatever single numbers are between them."""
    run: list[StoredTensor] = []
    for tensor in reference.values():
        if not tensor.shape or tensor.name in taken:
            continue
        is_vector = len(tensor.shape) == 1 and tensor.dtype.is_float
        if is_vector and run and run[0].shape == tensor.shape:
            run.append(tensor)
            continue
        yield run
        run = [tensor] if is_vector else []
    yield run


def with_scales(norms: Sequence[Norm], reference: Mapping[str, StoredTensor]) -> list[Norm]:
    """The norms with a vector that may multiply their result: the nearest by name of those that are
    of no norm (layer scale).
    """
    own = {name for norm in norms for name in norm.names}
    vectors: dict[int, list[str]] = {}
    for name, tensor in reference.items():
        is_vector = tensor.count == max(tensor.shape, default=0) > 1
        if is_vector and name not in own and not name.endswith("bias") and tensor.dtype.is_float:
            vectors.setdefault(tensor.count, []).append(name)
    found: list[Norm] = []
    for norm in norms:
        if norm.is_guess:
            continue
        for name in _nearest(norm.owner, vectors.get(norm.weight.size, ())):
            scale = reference[name].read().reshape(-1).astype(np.float64)
            made = norm._replace(weight=norm.weight * scale, bias=norm.bias * scale, scale=name)
            found.append(made)
    return found


def _nearest(owner: str, names: Sequence[str]) -> list[str]:
    """The names that share most of a module path, a few of them."""
    path = owner.split(".")
    shared = {name: _n_shared(path, name.split(".")) for name in names}
    most = max(shared.values(), default=0)
    return [name for name in names if most and shared[name] == most][:MAX_SCALES]


def _n_shared(one: Sequence[str], two: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def _norm(
    reference: Mapping[str, StoredTensor], owner: str, leaves: tuple[str, str, str, str]
) -> Norm | None:
    """The norm with these leaves; ``None`` where its parts do not fit together."""
    names = [f"{owner}{leaf}" for leaf in leaves]
    variance = reference[names[3]]
    if len(variance.shape) != 1:
        return None
    there = [name if name in reference else "" for name in names]
    if any(name and reference[name].shape != variance.shape for name in there):
        return None
    fillers = (np.ones(variance.shape), np.zeros(variance.shape))
    numbers = [
        reference[name].read().astype(np.float64) if name else filler
        for name, filler in zip(there, (*fillers, *fillers), strict=True)
    ]
    return Norm(
        names=(there[0], there[1], there[2], there[3]),
        weight=numbers[0],
        bias=numbers[1],
        mean=numbers[2],
        variance=numbers[3],
    )


class NormTable:
    """The factors of all norms by the number of their channels, a row for each epsilon, so that one
    comparison finds those that are near.
    """

    def __init__(self, norms: Sequence[Norm]) -> None:
        self._rows: dict[int, list[tuple[Norm, np.ndarray]]] = {}
        for norm in norms:
            rows = self._rows.setdefault(norm.weight.size, [])
            rows += [(norm, factor) for factor in norm.scales()]
        self._by_module: dict[tuple[str, int], list[Norm]] = {}
        for norm in norms:
            self._by_module.setdefault((_module_of(norm.names[3]), norm.weight.size), []).append(
                norm
            )
        self._samples = {
            size: np.stack([factor[places(size, N_NUMBERS)] for _, factor in rows])
            for size, rows in self._rows.items()
        }

    def beside(self, name: str, n_channels: int) -> list[Norm]:
        """The norms of the module that a weight's module is in, a few of them."""
        return self._by_module.get((_module_of(name), n_channels), [])[:MAX_NORMS]

    def near(self, scales: np.ndarray, is_rounded: bool) -> list[Norm]:
        """The norms one of whose factors is near to ``scales``, the nearest first."""
        rows = self._rows.get(scales.size, [])
        if not rows:
            return []
        samples = self._samples[scales.size]
        wanted = scales[places(scales.size, N_NUMBERS)]
        size = np.maximum(np.abs(samples).max(axis=1), 1e-30)
        apart = np.abs(samples - wanted).max(axis=1) / size
        room = ROUNDED_APART if is_rounded else APART
        close = np.flatnonzero(apart <= room)
        order = close[np.argsort(apart[close], kind="stable")][: MAX_NORMS * len(EPSILONS)]
        found = {rows[at][0].names: rows[at][0] for at in order}
        return list(found.values())[:MAX_NORMS]


def _module_of(name: str) -> str:
    """The module in which the module of a tensor is."""
    return module_of(module_of(name))
