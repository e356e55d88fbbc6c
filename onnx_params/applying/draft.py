"""Keep what is known while it is decided what goes where; say what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np

from onnx_params.applying.computing import Computed
from onnx_params.applying.record import Row, Way
from onnx_params.applying.shares import Share
from onnx_params.applying.surgery import Surgery
from onnx_params.applying.suspects import Suspects
from onnx_params.applying.targets import Located, Target
from onnx_params.inventory.record import Inventory
from onnx_params.matching.verify import is_equal
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is asked for: which names, and how sure a place has to be."""

    only: tuple[str, ...] = ()
    accepts_inferred: bool = False
    keeps_scales: bool = False
    adds_dropped: bool = False

    def takes(self, name: str) -> bool:
        return not self.only or any(fnmatchcase(name, glob) for glob in self.only)


@dataclass(slots=True, kw_only=True)
class Draft:
    """A plan while it is being drawn up."""

    inventory: Inventory
    place: Located
    by_name: Mapping[str, Target]  # the checkpoint's names, those of ties too
    old: Mapping[str, StoredTensor]  # the old checkpoint, by its names
    new: Mapping[str, StoredTensor]  # what is to be written, by the old names
    computed: dict[Key, Computed]
    suspects: Suspects
    surgery: Surgery
    choice: Choice
    numbers: dict[str, Key] = field(default_factory=dict)  # a few, computed: target -> tensor
    rows: list[Row] = field(default_factory=list)
    shares: dict[Key, list[Share]] = field(default_factory=dict)
    written: dict[str, StoredTensor] = field(default_factory=dict)  # target -> what it gets


def is_same(one: StoredTensor, two: StoredTensor) -> bool:
    if one is two:
        return True
    if one.shape != two.shape:
        return False
    if one.dtype == two.dtype:
        return is_equal(one, two)
    return bool(np.array_equal(one.read(), two.read(), equal_nan=one.dtype.is_float))


def is_zero(tensor: StoredTensor) -> bool:
    return not np.any(tensor.read())


def say(tensor: StoredTensor, way: Way, because: str, stored: tuple[str, ...] = ()) -> Row:
    return Row(
        name=tensor.name,
        way=way,
        because=because,
        shape=tensor.shape,
        dtype=tensor.dtype.name,
        stored=tuple(dict.fromkeys(stored)),
    )
