"""Find weights of two layers of the checkpoint that were exchanged, by what lies beside each.

A weight has the norm of another layer folded into it, while that layer's weight has the norm of
this one; or it lies in one stored tensor with the parts of another layer, and theirs with its own.
Which norm belongs to a weight, the other layers of the artifact say: where ``layers.2.conv`` was
found with ``layers.2.norm``, ``layers.3.conv`` belongs with ``layers.3.norm``.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping
from typing import Final

from onnx_params.idioms.naming import pattern_of
from onnx_params.matching.match_state import Found
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

NORM: Final = "batch norm"  # the formula
MIN_PARTS: Final = 3  # of a joined tensor, so that most of them can be of one layer
_NUMBER: Final = re.compile(r"\d+")


def crossed(reference: Mapping[str, StoredTensor], found: Mapping[str, Found]) -> dict[str, str]:
    """Each weight of two that were exchanged -> the other one."""
    norm_of = _pairs(reference, found)
    weight_of = {norm: weight for weight, norm in norm_of.items()}
    usual = {
        pair
        for weight, norm in norm_of.items()
        if weight.rpartition(".")[0] == norm.rpartition(".")[0]
        for pair in _alike(weight.rpartition(".")[2], norm.rpartition(".")[2])
    }
    made: dict[str, str] = {}
    for weight, norm in norm_of.items():
        for own in _own_norms(weight, usual):
            other = weight_of.get(own)
            if own == norm or other is None or norm not in _own_norms(other, usual):
                continue
            if _shape(reference, weight) == _shape(reference, other):
                made[f"{weight}.weight"] = f"{other}.weight"
    return made | _among_parts(reference, found)


def _among_parts(
    reference: Mapping[str, StoredTensor], found: Mapping[str, Found]
) -> dict[str, str]:
    """Each part of a joined tensor whose other parts are of another layer, where a part of that
    layer is among those of its own.
    """
    parts: dict[Key, list[str]] = collections.defaultdict(list)
    for name, each in found.items():
        if name in reference and each.placements and len(each.stored) == 1:
            parts[each.stored[0]].append(name)
    strangers: dict[tuple[str, str], str] = {}  # layer of the others, its own -> the one part
    for names in parts.values():
        layers = collections.Counter(map(_layer, names))
        if len(layers) != 2 or len(names) < MIN_PARTS:
            continue
        (usual, _), (other, n) = layers.most_common()
        if n == 1:
            strangers[usual, other] = next(name for name in names if _layer(name) == other)
    made: dict[str, str] = {}
    for (usual, other), name in strangers.items():
        exchanged = strangers.get((other, usual))
        if exchanged is not None and reference[name].shape == reference[exchanged].shape:
            made[name] = exchanged
    return made


def _layer(name: str) -> str:
    """What stands before the module of a parameter."""
    return name.rpartition(".")[0].rpartition(".")[0]


def _pairs(reference: Mapping[str, StoredTensor], found: Mapping[str, Found]) -> dict[str, str]:
    """The module of each weight -> that of the norm that was folded into it."""
    weights: dict[Key, str] = {}
    norms: dict[Key, str] = {}
    for name, each in found.items():
        if each.formula != NORM or len(each.stored) != 1 or name not in reference:
            continue
        owner, _, leaf = name.rpartition(".")
        if len(reference[name].shape) > 1 and leaf == "weight":
            weights[each.stored[0]] = owner
        elif len(reference[name].shape) == 1:
            norms[each.stored[0]] = owner
    return {weights[key]: norm for key, norm in norms.items() if key in weights}


def _alike(weight: str, norm: str) -> set[tuple[str, str]]:
    """Two words of modules, and without their number where both have the same one."""
    numbers = set(_NUMBER.findall(weight)), set(_NUMBER.findall(norm))
    if numbers[0] != numbers[1]:
        return {(weight, norm)}
    return {(weight, norm), (pattern_of(weight), pattern_of(norm))}


def _own_norms(weight: str, usual: Iterable[tuple[str, str]]) -> list[str]:
    """The norms that would be this weight's, as they are elsewhere called beside such a one."""
    owner, _, word = weight.rpartition(".")
    number = "".join(_NUMBER.findall(word)[:1])
    words = [norm.replace("#", number) for of, norm in usual if of in (word, pattern_of(word))]
    return [f"{owner}.{norm}".lstrip(".") for norm in words]


def _shape(reference: Mapping[str, StoredTensor], module: str) -> tuple[int, ...]:
    return reference[f"{module}.weight"].shape
