"""Say what exporters and optimizers compute from parameters before they store the result: formulas,
proved by computing them again.

Each row is a formula of one parameter, or of the several of a norm. Sources: onnxruntime,
``core/optimizer/conv_bn_fusion.cc``; onnxscript, ``rewriter/rules/common/_fuse_batchnorm.py``;
torch/nn/utils/parametrizations.py; Gemma's RMSNorm (``1 + weight``) and Mamba's decay
(``-exp(A_log)``) in transformers.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from onnx_params.idioms.torch_modules import weight_norm_parts
from onnx_params.idioms.torchscript import is_result
from onnx_params.idioms.vocabulary import NORMS, OWN_NORM_WEIGHTS
from onnx_params.matching.probes import read_numbers
from onnx_params.tensors.stored import StoredTensor

# numbers and words between a weight and what is registered with it
_PARAMETRIZED: Final = re.compile(r"\.parametrizations\.\w+\.(\d+\.)?")
MAX_OF_MODULE: Final = 16  # arrays of a module of which each pair is asked for


def _upper(w: np.ndarray, diagonal: int = 0) -> np.ndarray:
    """The upper triangle of square matrices. Raises ``ValueError`` for others."""
    if w.ndim < 2 or w.shape[-1] != w.shape[-2]:
        raise ValueError("no square matrices")
    return np.triu(w, diagonal)


def _softmax(w: np.ndarray) -> np.ndarray:
    """The shares of a vector's elements. Raises ``ValueError`` for others."""
    if w.ndim != 1 or w.size < 2:
        raise ValueError("no vector")
    powers = np.exp(w - w.max())
    made: np.ndarray = powers / powers.sum()
    return made


ONE_MORE: Final = "1 + w"  # Gemma's norms
NEGATED: Final = "-w"
SHARES: Final = "softmax(w)"
MASKED: Final = "w where it is not zero"  # times a mask that the reference does not have
# formula of one parameter -> what computes it
UNARY: Final[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {
    ONE_MORE: lambda w: 1 + w,
    "-exp(w)": lambda w: -np.exp(w),
    "exp(w)": np.exp,
    NEGATED: lambda w: -w,
    "sigmoid(w)": lambda w: 1 / (1 + np.exp(-w)),
    "tanh(w)": np.tanh,
    "softplus(w)": lambda w: np.logaddexp(0, w),
    "w * w": lambda w: w * w,
    "1 / w": lambda w: 1 / w,
    "sin(w)": np.sin,
    "cos(w)": np.cos,
    "sqrt(w)": np.sqrt,
    "log(w)": np.log,
    "|w|": np.abs,
    "relu(w)": lambda w: np.maximum(w, 0),
    # of the widths of Gaussians: schnetpack, ``nn/radial.py``
    "-0.5 / (w * w)": lambda w: -0.5 / (w * w),
    # of layers that are summed: transformers, ``use_weighted_layer_sum``
    SHARES: _softmax,
    "1 - sigmoid(w)": lambda w: 1 / (1 + np.exp(w)),
    # torch's parametrizations by a symmetric and a skew-symmetric matrix, as its tutorial has them
    "triu(w) + triu(w, 1).T": lambda w: _upper(w) + np.swapaxes(_upper(w, 1), -1, -2),
    "triu(w, 1) - triu(w, 1).T": lambda w: _upper(w, 1) - np.swapaxes(_upper(w, 1), -1, -2),
    # a matrix over positions that looks back alone (gMLP), triangles of a decomposition
    "tril(w)": lambda w: np.swapaxes(_upper(np.swapaxes(w, -1, -2)), -1, -2),
    "triu(w)": lambda w: _upper(w),
}

# formula -> the words by which whoever computes it may call the result
SPELLED: Final[Mapping[str, frozenset[str]]] = {
    "-exp(w)": frozenset({"neg", "exp"}),
    "exp(w)": frozenset({"exp"}),
    NEGATED: frozenset({"neg"}),
    "sigmoid(w)": frozenset({"sigmoid"}),
    "tanh(w)": frozenset({"tanh"}),
    "softplus(w)": frozenset({"softplus"}),
    SHARES: frozenset({"softmax"}),
    "1 / w": frozenset({"inv"}),
    "sqrt(w)": frozenset({"sqrt"}),
    "sin(w)": frozenset({"sin"}),
    "cos(w)": frozenset({"cos"}),
    "log(w)": frozenset({"log"}),
    "|w|": frozenset({"abs"}),
    "relu(w)": frozenset({"relu"}),
    ONE_MORE: frozenset({"add"}),
    MASKED: frozenset({"mul"}),
}

_TAKEN: Final = "onnx::"  # TorchScript's exporter, and then the operator that takes it

# those that no other formula ends in
_FUNCTIONS: Final = [parts for each, parts in SPELLED.items() if each not in (ONE_MORE, MASKED)]


def is_another(formula: str, name: str) -> bool:
    """Whether the name that an exporter made up for a result spells another formula: of a few
    rounded numbers ``1 + w`` is as near as ``exp(w)``. Sums and products spell nothing: other
    formulas end in them too.
    """
    if not is_result(name):
        return False
    words = words_of(name)
    is_spelled = any(parts <= words for parts in _FUNCTIONS)
    return is_spelled and not SPELLED.get(formula, frozenset()) & words


def is_spelled(name: str, formula: str, stored: Collection[str]) -> bool:
    """Whether every stored name spells the formula in words that the parameter's own name has not:
    ``neg_exp_A`` for ``A_log``. TorchScript's exporter calls what it lays out after what takes it.
    """
    words = SPELLED.get(formula, frozenset())
    own = words_of(name)
    return bool(stored and words) and all(
        words <= words_of(each) - own and not each.startswith(_TAKEN) for each in stored
    )


def words_of(name: str) -> frozenset[str]:
    """The words of a name, in lower case, without numbers."""
    return frozenset(re.split(r"[^a-z]+", name.lower()))


def times(factor: float, what: str = "w") -> str:
    """A factor as a formula: alike where it is the same number but for rounding."""
    return f"{what} * {factor:.4g}"


def computed(function: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """What a formula makes of values; NaN where it does not fit their shape."""
    try:
        with np.errstate(all="ignore"):
            return function(values.astype(np.float64))
    except (ValueError, TypeError):  # of a number
        return np.full(values.shape, np.nan)


def lacks_statistics(name: str, reference: Container[str]) -> bool:
    """Whether a parameter is a norm's by its siblings, and no variance that it could have been
    folded with is in the reference.
    """
    variances: list[str] = []
    for weight, bias, _, variance in NORMS:
        leaf = next((leaf for leaf in (weight, bias) if name.endswith(leaf)), "")
        if not leaf:
            continue
        owner = name.removesuffix(leaf)
        has_both = f"{owner}{weight}" in reference and f"{owner}{bias}" in reference
        if has_both or weight in OWN_NORM_WEIGHTS:
            variances.append(f"{owner}{variance}")
    return bool(variances) and not any(variance in reference for variance in variances)


def channel_scales(
    weight: np.ndarray, folded: np.ndarray, axis: int, noise: float
) -> np.ndarray | None:
    """The factor of each channel that best makes ``folded`` of ``weight``; ``None`` where no factor
    does, up to a share ``noise`` of its energy.
    """
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)
    turned = np.moveaxis(folded, axis, 0).reshape(rows.shape).astype(np.float64)
    power = np.einsum("ij,ij->i", rows, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        scales: np.ndarray = np.where(power > 0, np.einsum("ij,ij->i", rows, turned) / power, 0.0)
        left = turned - scales[:, None] * rows
        size = np.einsum("ij,ij->i", turned, turned)
    if not np.isfinite(scales).all():
        return None
    energy = max(float(size.sum()), 1e-30)
    return scales if np.einsum("ij,ij->", left, left) <= noise * energy else None


def scaled(weight: np.ndarray, scales: np.ndarray, axis: int) -> np.ndarray:
    """A weight with its channels multiplied."""
    made: np.ndarray = weight * scales.reshape((*(1,) * axis, -1, *(1,) * (weight.ndim - axis - 1)))
    return made


class OfTwo(NamedTuple):
    """What is computed from two tensors of a reference: the one of its shape, the other, the
    formula, the values.
    """

    main: str
    other: str
    formula: str
    values: np.ndarray


def of_two(reference: Mapping[str, StoredTensor]) -> list[OfTwo]:
    """Everything that is computed from two tensors of a reference. Reads both."""
    return [
        *_weight_norms(reference),
        *_masked(reference),
        *_masked_by_buffer(reference),
        *_scaled_lines(reference),
    ]


def _weight_norms(reference: Mapping[str, StoredTensor]) -> list[OfTwo]:
    """Every weight norm: ``g * v / |v|``, the norm over the axes where ``g`` has one number; over
    all where it is a number itself.
    """
    found = []
    for name in reference:
        parts = weight_norm_parts(name)
        if parts is None or name != parts[2] or parts[1] not in reference:
            continue
        magnitude, direction = (reference[each].read().astype(np.float64) for each in parts[1:])
        if magnitude.ndim not in (0, direction.ndim):
            continue
        axes = tuple(
            axis
            for axis in range(direction.ndim)
            if not magnitude.ndim or magnitude.shape[axis] == 1 != direction.shape[axis]
        )
        length = np.sqrt((direction * direction).sum(axis=axes, keepdims=True))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = magnitude * direction / length
        found.append(OfTwo(parts[2], parts[1], "g * v / |v|", values))
    return found


def _masked(reference: Mapping[str, StoredTensor]) -> list[OfTwo]:
    """Every pruned weight: ``weight_orig * weight_mask`` (torch/nn/utils/prune.py)."""
    found = []
    for name, tensor in reference.items():
        mask = reference.get(f"{name.removesuffix('_orig')}_mask")
        if not name.endswith("_orig") or mask is None or mask.shape != tensor.shape:
            continue
        values = tensor.read().astype(np.float64) * mask.read().astype(np.float64)
        found.append(OfTwo(name, mask.name, "w * mask", values))
    return found


def _masked_by_buffer(reference: Mapping[str, StoredTensor]) -> list[OfTwo]:
    """Every weight times a buffer of its module and shape that has nothing but zeros and ones."""
    found = []
    for weight, other in _neighbours(reference, lambda weight, other: weight.shape == other.shape):
        probe = read_numbers(other, False)
        if probe is not None and not np.isin(probe, (0, 1)).all():
            continue
        mask = other.read()
        if set(np.unique(mask)) == {0, 1}:
            values = weight.read().astype(np.float64) * mask
            found.append(OfTwo(weight.name, other.name, "w * mask", values))
    return found


def _scaled_lines(reference: Mapping[str, StoredTensor]) -> list[OfTwo]:
    """Every weight times another parameter of its module that has a number for each line along the
    last axis.
    """
    return [
        OfTwo(
            weight.name,
            other.name,
            "w * another parameter",
            weight.read().astype(np.float64) * other.read()[..., None],
        )
        for weight, other in _neighbours(
            reference, lambda weight, other: weight.shape[:-1] == other.shape
        )
    ]


def _neighbours(
    reference: Mapping[str, StoredTensor], fits: Callable[[StoredTensor, StoredTensor], bool]
) -> Iterator[tuple[StoredTensor, StoredTensor]]:
    """The pairs of arrays of two axes or more of one module that fit together."""
    modules: dict[str, list[StoredTensor]] = {}
    for name, tensor in reference.items():
        is_array = len(tensor.shape) > 1 and tensor.count and tensor.dtype.is_float
        if is_array and "_orig" not in name:
            owner = _PARAMETRIZED.sub(".", name).rpartition(".")[0]
            modules.setdefault(owner, []).append(tensor)
    for group in modules.values():
        pairs = itertools.permutations(group, 2) if len(group) <= MAX_OF_MODULE else ()
        yield from (pair for pair in pairs if fits(*pair))
