"""Say what exporters and optimizers compute from parameters before they store the result: formulas,
proved by computing them again.

Each row is a formula of one parameter, or of the several of a norm. Sources: onnxruntime,
``core/optimizer/conv_bn_fusion.cc``; onnxscript, ``rewriter/rules/common/_fuse_batchnorm.py``;
torch/nn/utils/parametrizations.py; Gemma's RMSNorm (``1 + weight``) and Mamba's decay
(``-exp(A_log)``) in transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Final, NamedTuple

import numpy as np

from onnx_params.idioms.torch_modules import weight_norm_parts
from onnx_params.idioms.vocabulary import NORMS, OWN_NORM_WEIGHTS
from onnx_params.tensors.stored import StoredTensor

# formula of one parameter -> what computes it
UNARY: Final[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {
    "1 + w": lambda w: 1 + w,
    "-exp(w)": lambda w: -np.exp(w),
    "exp(w)": np.exp,
    "-w": lambda w: -w,
    "sigmoid(w)": lambda w: 1 / (1 + np.exp(-w)),
    "tanh(w)": np.tanh,
    "softplus(w)": lambda w: np.logaddexp(0, w),
    "w * w": lambda w: w * w,
    "1 / w": lambda w: 1 / w,
}
# defaults of torch, Keras, and what models set
EPSILONS: Final = (1e-5, 1e-3, 1e-6, 1e-12, 1e-8, 1e-4, 1e-2)


class Norm(NamedTuple):
    """A batch norm of the reference: its names (weight, bias, mean, variance), and its numbers by
    channel.
    """

    names: tuple[str, str, str, str]
    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def scales(self) -> list[np.ndarray]:
        """What a convolution's output channels are multiplied by, for each epsilon that it may
        have.
        """
        return [self.weight / np.sqrt(self.variance + epsilon) for epsilon in EPSILONS]


def norms(reference: Mapping[str, StoredTensor]) -> list[Norm]:
    """The batch norms of a reference: the owners of running statistics. Reads them."""
    found: list[Norm] = []
    for name in reference:
        for weight, bias, mean, variance in NORMS:
            owner = name.removesuffix(variance)
            names = [f"{owner}{leaf}" for leaf in (weight, bias, mean, variance)]
            if owner != name and all(each in reference for each in names):
                tensors = [reference[each] for each in names]
                if len({tensor.shape for tensor in tensors}) == 1 and len(tensors[0].shape) == 1:
                    found.append(
                        Norm(
                            (names[0], names[1], names[2], names[3]),
                            *(tensor.read().astype(np.float64) for tensor in tensors),
                        )
                    )
    return found


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


def channel_scales(weight: np.ndarray, folded: np.ndarray, axis: int) -> np.ndarray | None:
    """The factor of each channel that best makes ``folded`` of ``weight``; ``None`` where no factor
    does.
    """
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)
    turned = np.moveaxis(folded, axis, 0).reshape(rows.shape).astype(np.float64)
    power = np.einsum("ij,ij->i", rows, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        scales: np.ndarray = np.where(power > 0, np.einsum("ij,ij->i", rows, turned) / power, 0.0)
        left = turned - scales[:, None] * rows
        size = np.einsum("ij,ij->i", turned, turned)
    if not np.isfinite(scales).all() or np.einsum("ij,ij->", left, left) > 0.02 * max(
        float(size.sum()), 1e-30
    ):
        return None
    return scales


def scaled(weight: np.ndarray, scales: np.ndarray, axis: int) -> np.ndarray:
    """A weight with its channels multiplied."""
    made: np.ndarray = weight * scales.reshape((*(1,) * axis, -1, *(1,) * (weight.ndim - axis - 1)))
    return made


def weight_norms(reference: Mapping[str, StoredTensor]) -> list[tuple[str, str, str, np.ndarray]]:
    """``(weight, magnitude, direction, values)`` of every weight norm:

    ``g * v / |v|``, the norm over the axes where ``g`` has one number.
    """
    found = []
    for name in reference:
        parts = weight_norm_parts(name)
        if parts is None or name != parts[2] or parts[1] not in reference:
            continue
        magnitude, direction = (reference[each].read().astype(np.float64) for each in parts[1:])
        if magnitude.ndim != direction.ndim:
            continue
        axes = tuple(
            axis
            for axis in range(direction.ndim)
            if magnitude.shape[axis] == 1 != direction.shape[axis]
        )
        length = np.sqrt((direction * direction).sum(axis=axes, keepdims=True))
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append((*parts, magnitude * direction / length))
    return found
