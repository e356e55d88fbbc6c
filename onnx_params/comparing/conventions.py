"""Say a parameter's name in another framework's words, where the rule is known.

Sources: ``keras/src/layers`` (kernel, bias, gamma, beta, moving_mean, moving_variance, embeddings, recurrent_kernel, depthwise_kernel); flax nnx
(kernel, bias, scale, mean, var, embedding); torch.nn (weight, bias, running_mean, running_var).
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

from onnx_params.layout import Permute, Shape, shape_after


class Convention(enum.Enum):
    """Whose names."""

    TORCH = "torch"
    KERAS = "keras"
    FLAX = "flax"


class _Leaf(NamedTuple):
    """One kind of parameter in three frameworks' words; ``normed`` says that it belongs to a normalisation."""

    torch: str
    keras: str
    flax: str


_LEAVES: Final = (
    _Leaf("weight", "kernel", "kernel"),
    _Leaf("bias", "bias", "bias"),
    _Leaf("running_mean", "moving_mean", "mean"),
    _Leaf("running_var", "moving_variance", "var"),
)
_OF_NORMS: Final = (_Leaf("weight", "gamma", "scale"), _Leaf("bias", "beta", "bias"))
_OF_TABLES: Final = (_Leaf("weight", "embeddings", "embedding"),)
# leaves of other frameworks -> torch's, for pairing; the last word of a path
_CANONICAL: Final = {
    "kernel": "weight", "gamma": "weight", "scale": "weight", "embeddings": "weight", "embedding": "weight", "depthwise_kernel": "weight",
    "beta": "bias", "moving_mean": "running_mean", "mean": "running_mean", "moving_variance": "running_var", "var": "running_var",
}  # fmt: skip
_SEPARATOR: Final = re.compile(r"[/.]+")


def canonical(name: str) -> str:
    """A name with dots between its words, and torch's word last: what pairs ``stem/kernel`` with ``stem.weight``."""
    words = [word for word in _SEPARATOR.split(name.removesuffix(":0")) if word]
    if not words:
        return name
    return ".".join([*words[:-1], _CANONICAL.get(words[-1], words[-1])])


def convention_of(names: list[str]) -> Convention | None:
    """Whose names these are, by the words that only one framework uses; ``None`` where nothing tells."""
    leaves = {_SEPARATOR.split(name.removesuffix(":0"))[-1] for name in names}
    if any("/" in name for name in names) or leaves & {"gamma", "moving_mean", "embeddings", "recurrent_kernel"}:
        return Convention.KERAS
    if leaves & {"kernel"}:
        return Convention.FLAX
    return Convention.TORCH if leaves & {"weight"} else None


def told_as(name: str, shape: Shape | None, owned: frozenset[str], frm: Convention, to: Convention) -> tuple[str, Shape | None]:
    """A name and a shape in another framework's convention; as they are where no rule is known.

    ``owned`` are the leaves of its module: a weight beside running statistics, or a vector, is a norm's.
    """
    separator = "/" if frm is Convention.KERAS else "."
    head, _, leaf = name.rpartition(separator)
    rows = (_OF_NORMS if _is_norm(leaf, shape, owned) else ()) + (_OF_TABLES if _is_table(leaf, frm) else ()) + _LEAVES
    row = next((row for row in rows if getattr(row, frm.value) == leaf), None)
    joined = head.replace(separator, "/" if to is Convention.KERAS else ".")
    if row is None:
        return f"{joined}{'/' if to is Convention.KERAS else '.'}{leaf}" if head else leaf, shape
    word = getattr(row, to.value)
    turned = shape
    if row is _LEAVES[0] and shape is not None and (frm is Convention.TORCH) != (to is Convention.TORCH) and len(shape) in _TO_LAST:
        axes = _TO_LAST[len(shape)] if frm is Convention.TORCH else _TO_FIRST[len(shape)]
        turned = shape_after(shape, (Permute(axes),))
    return (f"{joined}{'/' if to is Convention.KERAS else '.'}{word}" if head else word), turned


# torch's [out, in, ...] and the others' [..., in, out], by rank
_TO_LAST: Final = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}
_TO_FIRST: Final = {2: (1, 0), 3: (2, 1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}


def _is_norm(leaf: str, shape: Shape | None, owned: frozenset[str]) -> bool:
    if leaf in ("gamma", "beta", "scale"):
        return True
    is_vector_owner = bool(owned & {"running_mean", "moving_mean", "mean", "gamma", "scale"})
    return is_vector_owner or (leaf == "weight" and shape is not None and len(shape) == 1)


def _is_table(leaf: str, frm: Convention) -> bool:
    return leaf in ("embeddings", "embedding") and frm is not Convention.TORCH
