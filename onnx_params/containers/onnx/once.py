"""Keep what was read of a model for as long as the model is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from onnx_params.containers.onnx.graph import DefUse, Model

T = TypeVar("T")


def once(read: Callable[[Model], T]) -> Callable[[Model], T]:
    """A function of a model that reads each model once; what it gives must not hold the model."""
    known: WeakKeyDictionary[DefUse, T] = WeakKeyDictionary()  # a model has one of these

    @wraps(read)
    def get(model: Model) -> T:
        if model.def_use not in known:
            known[model.def_use] = read(model)
        return known[model.def_use]

    return get
