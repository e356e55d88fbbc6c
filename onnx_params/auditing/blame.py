"""Say which parameter is at fault, where what is wrong was found at another name.

A weight with other values that no name leads to is found twice: as a parameter that is nowhere, and
as a stored tensor that nothing explains. Of the two parts of a weight norm either may be wrong.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.state import State
from onnx_params.dataflow.logical import logical
from onnx_params.idioms.naming import without_number
from onnx_params.idioms.torch_modules import weight_norm_parts
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

_NEAR: Final = 1e-4  # of lines of length one


def blamed(
    state: State, made: Mapping[str, Judgement], extra: Sequence[Judgement]
) -> tuple[dict[str, Judgement], list[Judgement]]:
    """The judgements with the fault at the parameter that has it, and the extras that are left."""
    by_name = dict(made)
    left = _at_the_absent(state, by_name, extra)
    for name in made:
        _at_the_lengths(state, by_name, name)
    return by_name, left


def _at_the_absent(
    state: State, made: dict[str, Judgement], extra: Sequence[Judgement]
) -> list[Judgement]:
    """Take each extra weight for the parameter that is nowhere, where its name says which it is or
    there is one of its shape and no more.
    """
    stored = {tensor.name: tensor for tensor in state.model.stored.values()}
    absent: dict[Shape, list[str]] = collections.defaultdict(list)
    for name, each in made.items():
        if each.verdict is Verdict.NOT_COMPARABLE and not each.stored and each.is_parameter:
            absent[_sorted(each.shape)].append(name)
    wanting: dict[Shape, list[Judgement]] = collections.defaultdict(list)
    left: list[Judgement] = []
    for each in extra:
        is_weight = each.verdict is Verdict.EXTRA and each.stored[0] in stored
        shape = logical(state.model, stored[each.stored[0]]).shape if is_weight else ()
        own = without_number(each.stored[0])
        if is_weight and own in made and _sorted(made[own].shape) == _sorted(shape):
            made[own] = _changed(made[own], each)
        elif is_weight and shape:
            wanting[_sorted(shape)].append(each)
        else:
            left.append(each)
    for shape, extras in wanting.items():
        names = [name for name in absent[shape] if made[name].verdict is not Verdict.CHANGED]
        if len(extras) == len(names) == 1:
            made[names[0]] = _changed(made[names[0]], extras[0])
        else:
            left += extras
    return left


def _sorted(shape: Shape | None) -> Shape:
    """A shape whichever way it lies."""
    return tuple(sorted(shape or ()))


def _changed(was: Judgement, extra: Judgement) -> Judgement:
    is_copied = was.verdict is not Verdict.NOT_COMPARABLE
    because = (
        f"{'it is there' if is_copied else 'nothing holds it'}, and '{extra.stored[0]}' of its"
        f" {'name' if is_copied else 'shape'} holds what nothing in the reference explains"
    )
    return was._replace(verdict=Verdict.CHANGED, because=because, stored=extra.stored)


def _at_the_lengths(state: State, made: dict[str, Judgement], name: str) -> None:
    """Of a weight norm that does not make what is stored, blame the lengths where the lines have
    the directions that the other part gives them.
    """
    parts = weight_norm_parts(name)
    if parts is None or name != parts[2] or parts[1] not in made:
        return
    if made[name].verdict is not Verdict.CHANGED or len(made[name].stored) != 1:
        return
    direction = state.reference[name]
    stored = next(
        (each for each in state.model.stored.values() if each.name == made[name].stored[0]), None
    )
    if stored is None or not _are_alike(direction, stored):
        return
    because = f"the lines of '{stored.name}' have the directions of '{name}' and other lengths"
    made[parts[1]] = made[parts[1]]._replace(
        verdict=Verdict.CHANGED, because=because, stored=(stored.name,)
    )
    made[name] = made[name]._replace(verdict=Verdict.FOLDED, because=because, difference=None)


def _are_alike(direction: StoredTensor, stored: StoredTensor) -> bool:
    """Whether the lines along the first axis of both have the same directions."""
    if direction.shape != stored.shape or not direction.count or not stored.dtype.is_float:
        return False
    one, two = (_of_length_one(each.read()) for each in (direction, stored))
    apart = np.minimum(np.abs(one - two).max(axis=1), np.abs(one + two).max(axis=1))
    return bool(apart.max() <= _NEAR)  # a length may be negative


def _of_length_one(values: np.ndarray) -> np.ndarray:
    lines = values.reshape(len(values), -1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        made: np.ndarray = np.nan_to_num(lines / np.sqrt((lines * lines).sum(1, keepdims=True)))
    return made
