"""List what may have been computed from the tensors of a checkpoint, so that it can be computed
again from other values.

Each recipe has its arithmetic in several variants: in which order a tool multiplies, and in which
precision, shows in the last bits of what it stored. Sources: onnxruntime,
``core/optimizer/conv_bn_fusion.cc``; torch, ``jit/passes/onnx/eval_peephole.cpp``; onnxscript,
``rewriter/rules/common/_fuse_batchnorm.py``; torch, ``nn/utils/parametrizations.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from onnx_params.matching import folds
from onnx_params.matching.match_state import Found
from onnx_params.matching.norms import EPSILONS, Norm, norms
from onnx_params.matching.shifts import bias_of
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

Arrays = Mapping[str, np.ndarray]
Compute = Callable[[Arrays], np.ndarray]
Reference = Mapping[str, StoredTensor]
BATCH_NORM: Final = "batch norm"


class Recipe(NamedTuple):
    """What a stored tensor may be: one of ``variants``, computed from the tensors ``names``.

    A ``period`` above 1 says that the variants are ways to compute a batch norm, in the same order
    in each recipe, and repeat after so many.
    """

    key: Key
    names: tuple[str, ...]
    variants: tuple[Compute, ...]
    period: int = 1


def recipes(old: Reference, found: Mapping[str, Found]) -> Iterator[Recipe]:
    """The recipes for what was found computed. Reads batch norms."""
    yield from _unary(found)
    yield from _of_two(old, found)
    yield from _batch_norms(old, found)


def _unary(found: Mapping[str, Found]) -> Iterator[Recipe]:
    """Formulas of one parameter, and its product with a number."""
    for name, each in found.items():
        function = folds.UNARY.get(each.formula)
        variants: list[Compute] = []
        if function is not None:
            variants = [partial(_by_function, name, function, kind) for kind in ("native", "f8")]
        elif each.factor != 1.0 and not each.by and each.formula == folds.times(each.factor):
            variants = [partial(_by_factor, name, each.factor)]
        for key in each.stored if variants else ():
            yield Recipe(key, (name,), tuple(variants))


def by_function(name: str, function: Callable[[np.ndarray], np.ndarray]) -> Compute:
    """What a function makes of one tensor."""
    return partial(_by_function, name, function, "native")


def _by_function(
    name: str, function: Callable[[np.ndarray], np.ndarray], kind: str, arrays: Arrays
) -> np.ndarray:
    values = arrays[name]
    with np.errstate(all="ignore"):
        made: np.ndarray = function(values if kind == "native" else values.astype(np.float64))
    return made


def _by_factor(name: str, factor: float, arrays: Arrays) -> np.ndarray:
    values = arrays[name]
    made: np.ndarray = values * values.dtype.type(factor)
    return made


def _of_two(old: Reference, found: Mapping[str, Found]) -> Iterator[Recipe]:
    """Weight norms, and weights with a mask."""
    for each in folds.of_two(old):
        keys = found[each.main].stored if each.main in found else ()
        variants = (
            partial(_weight_norm, each.main, each.other),
            partial(_two, each.main, each.other),
        )
        for key in keys:
            yield Recipe(key, (each.main, each.other), variants)


def _weight_norm(main: str, other: str, arrays: Arrays) -> np.ndarray:
    """As torch computes it: the direction times what its magnitude is divided by its length."""
    direction, magnitude = arrays[main], arrays[other]
    if magnitude.ndim != direction.ndim:
        return _two(main, other, arrays)
    axes = tuple(at for at, dim in enumerate(magnitude.shape) if dim == 1 != direction.shape[at])
    with np.errstate(all="ignore"):
        length = np.sqrt((direction * direction).sum(axis=axes, keepdims=True))
        made: np.ndarray = direction * (magnitude / length)
    return made


def _two(main: str, other: str, arrays: Arrays) -> np.ndarray:
    from onnx_params.applying.given import of_array

    made = folds.of_two({name: of_array(name, arrays[name]) for name in (main, other)})
    return made[0].values


def _batch_norms(old: Reference, found: Mapping[str, Found]) -> Iterator[Recipe]:
    """Weights that were multiplied with the factors of a batch norm, and what became of biases."""
    by_key: dict[Key, list[Norm]] = {}
    for norm in norms(old):
        statistics = found.get(norm.names[3])
        for key in statistics.stored if statistics is not None else ():
            by_key.setdefault(key, []).append(norm)
    for name, each in found.items():
        if each.formula != BATCH_NORM or len(old[name].shape) < 2:
            continue
        for key in each.stored:
            for norm in by_key.get(key, ()):
                yield from _of_norm(old, found, name, key, norm)


def _of_norm(
    old: Reference, found: Mapping[str, Found], name: str, key: Key, norm: Norm
) -> Iterator[Recipe]:
    """The weight of a layer before a batch norm, and the bias that is made of both."""
    _, bias, mean, variance = norm.names
    own = bias_of(name)
    own = own if own in found and found[own].view is found[name].view else ""
    names = tuple(each for each in (own, *norm.names) if each)
    shifts = tuple(partial(_shifted, own, norm.names, kind) for kind in _ARITHMETIC)
    for each in found[bias].stored if bias else found[mean].stored:
        if each != key:
            yield Recipe(each, names, shifts, len(_ARITHMETIC))
    owned = tuple(each for each in (norm.names[0], variance) if each)
    axes = [at for at, dim in enumerate(old[name].shape) if dim == norm.variance.size]
    weights = tuple(
        partial(_scaled, name, norm.names, arithmetic, axis)
        for axis in axes
        for arithmetic in _ARITHMETIC
    )
    yield Recipe(key, (name, *owned), weights, len(_ARITHMETIC))


class _Arithmetic(NamedTuple):
    """How a tool computes a batch norm's factor."""

    epsilon: float
    root: str  # divided by it, times one over it, or times one over it that was rounded once
    is_double: bool


_ARITHMETIC: Final = tuple(
    _Arithmetic(epsilon, root, is_double)
    for is_double in (False, True)
    for epsilon in EPSILONS
    for root in ("divided", "inverted", "rsqrt")
)
Names = tuple[str, str, str, str]


def _number(arrays: Arrays, name: str, like: np.ndarray, filler: float) -> np.ndarray:
    """The vector of that name, or one number throughout where the norm has none."""
    return arrays[name] if name else np.full_like(like, filler)


def _factor(names: Names, how: _Arithmetic, arrays: Arrays) -> np.ndarray:
    variance = arrays[names[3]]
    if how.is_double:
        variance = variance.astype(np.float64)
    weight = _number(arrays, names[0], variance, 1.0).astype(variance.dtype, copy=False)
    whole = variance + variance.dtype.type(how.epsilon)
    if how.root == "divided":
        return np.asarray(weight / np.sqrt(whole))
    if how.root == "inverted":
        return np.asarray(weight * (1 / np.sqrt(whole)))
    return np.asarray(weight * (1 / np.sqrt(whole.astype(np.float64))).astype(whole.dtype))


def _scaled(name: str, names: Names, how: _Arithmetic, axis: int, arrays: Arrays) -> np.ndarray:
    made: np.ndarray = folds.scaled(arrays[name], _factor(names, how, arrays), axis)
    return made


def _shifted(own: str, names: Names, how: _Arithmetic, arrays: Arrays) -> np.ndarray:
    factor = _factor(names, how, arrays)
    mean = _number(arrays, names[2], factor, 0.0)
    bias = _number(arrays, names[1], factor, 0.0)
    if not own:
        return np.asarray(bias - mean * factor)
    return np.asarray((arrays[own] - mean) * factor + bias)
