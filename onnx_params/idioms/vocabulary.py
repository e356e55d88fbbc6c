"""Say a parameter's name in another framework's words, where the rule is known.

Sources: ``keras/src/layers`` (kernel, bias, gamma, beta, moving_mean, moving_variance, embeddings,
recurrent_kernel, depthwise_kernel); flax nnx (kernel, bias, scale, mean, var, embedding); torch.nn
(weight, bias, running_mean, running_var).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from onnx_params.tensors.steps import Permute, Shape, shape_after


class Convention(enum.Enum):
    """Whose names."""

    TORCH = "torch"
    KERAS = "keras"
    FLAX = "flax"


class _Leaf(NamedTuple):
    """One kind of parameter in three frameworks' words."""

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
    """A name with dots between its words, and torch's word last: what pairs ``stem/kernel`` with
    ``stem.weight``.
    """
    words = [word for word in _SEPARATOR.split(name.removesuffix(":0")) if word]
    if not words:
        return name
    return ".".join([*words[:-1], _CANONICAL.get(words[-1], words[-1])])


def convention_of(names: list[str]) -> Convention | None:
    """Whose names these are, by the words that only one framework uses; ``None`` where nothing
    tells.
    """
    leaves = {_SEPARATOR.split(name.removesuffix(":0"))[-1] for name in names}
    if leaves & {"gamma", "moving_mean", "embeddings", "recurrent_kernel"} or (
        "kernel" in leaves and any("/" in name for name in names)
    ):
        return Convention.KERAS
    if leaves & {"kernel"}:
        return Convention.FLAX
    return Convention.TORCH if leaves & {"weight"} else None


class Kind(enum.Enum):
    """What a module is, as far as its parameters' words depend on it."""

    LAYER = "layer"
    NORM = "norm"
    TABLE = "table"


def kinds(rows: Iterable[tuple[str, Shape | None]], tables: frozenset[str]) -> dict[str, Kind]:
    """Name -> the kind of its module: a norm has a vector for its weight, or running statistics;
    ``tables`` are names that lookups take.
    """
    listed = list(rows)
    owners = {name: _SEPARATOR.split(name)[:-1] for name, _ in listed}
    norms = {
        tuple(owners[name])
        for name, shape in listed
        if (leaf := _SEPARATOR.split(name)[-1]) in _STATISTICS
        or (leaf in _WEIGHTS and shape is not None and len(shape) == 1)
    }
    found = {
        name: Kind.NORM if tuple(owner) in norms else Kind.LAYER for name, owner in owners.items()
    }
    return found | dict.fromkeys(tables & found.keys(), Kind.TABLE)


def told_as(
    name: str, shape: Shape | None, kind: Kind, frm: Convention, to: Convention
) -> tuple[str, Shape | None]:
    """A name and a shape in another framework's convention; as they are, but for separators, where
    no rule is known.
    """
    separator, other = ("/" if side is Convention.KERAS else "." for side in (frm, to))
    head, _, leaf = name.rpartition(separator)
    special = {Kind.NORM: _OF_NORMS, Kind.TABLE: _OF_TABLES}.get(kind, ())
    row = next((row for row in (*special, *_LEAVES) if getattr(row, frm.value) == leaf), None)
    word = leaf if row is None else getattr(row, to.value)
    if (
        row is _LEAVES[0]
        and shape is not None
        and (frm is Convention.TORCH) != (to is Convention.TORCH)
        and len(shape) in _TO_LAST
    ):
        shape = shape_after(
            shape, (Permute((_TO_LAST if frm is Convention.TORCH else _TO_FIRST)[len(shape)]),)
        )
    joined = head.replace(separator, other)
    return (f"{joined}{other}{word}" if head else word), shape


_STATISTICS: Final = frozenset(
    {"running_mean", "running_var", "moving_mean", "moving_variance", "mean", "var"}
)
_WEIGHTS: Final = frozenset({"weight", "gamma", "scale"})
# torch's [out, in, ...] and the others' [..., in, out], by rank
_TO_LAST: Final = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}
_TO_FIRST: Final = {2: (1, 0), 3: (2, 1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}
