"""Take new weights from what a user has: a path, or a dictionary of arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import UsageError
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encode import packed
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

IN_MEMORY = "<state dict>"


def open_weights(given: str | os.PathLike[str] | Mapping[str, Any]) -> Checkpoint:  # any array
    """The checkpoint at a path, or one whose tensors are the arrays of a dictionary: NumPy's, or
    whatever NumPy makes an array of (``__array__``, DLPack).

    Reads headers; arrays are read when they are needed. Raises :class:`UsageError` where a value is
    no array, :class:`FormatError` where the file is none that is known.
    """
    if isinstance(given, (str, os.PathLike)):
        return open_checkpoint(os.fspath(given))
    if not isinstance(given, Mapping) or not given:
        kind = type(given).__name__
        raise UsageError(f"{kind}: weights are a path or a dictionary of arrays that has some")
    tensors = tuple(of_array(str(name), value) for name, value in given.items())
    return Checkpoint(path=IN_MEMORY, tensors=tensors, ordered=True, aliases=_ties(given))


def of_array(name: str, value: Any) -> StoredTensor:  # any array
    """An array as a checkpoint's tensor. Raises :class:`UsageError` where it is none."""
    shape, dtype = tuple(int(dim) for dim in np.shape(value)), _dtype_of(name, value)
    return computed(name, dtype, shape, lambda: to_numpy(value), IN_MEMORY)


def computed(
    name: str, dtype: DType, shape: tuple[int, ...], make: Any, label: str
) -> StoredTensor:
    """A tensor whose values ``make`` gives when they are read: a function without arguments that
    returns an array.
    """
    n_bytes = dtype.packed_length(int(np.prod(shape, dtype=np.int64)))
    source = ComputedSource(f"{label}: '{name}'", n_bytes, lambda: packed(make(), dtype))
    return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (Span(0, n_bytes),), source)


def to_numpy(value: Any) -> np.ndarray:  # any array
    """The values of an array, or of a tensor that is on another device or requires gradients."""
    if isinstance(value, np.ndarray):
        return value
    for step in ("detach", "cpu"):
        value = getattr(value, step, lambda value=value: value)()
    try:
        return np.asarray(value)
    except TypeError:  # bfloat16, which NumPy does not know: float32 has all its numbers
        return np.asarray(value.float())


def _dtype_of(name: str, value: Any) -> DType:  # any array
    word = str(getattr(value, "dtype", "")).rpartition(".")[2]
    found = BY_NAME.get(word)
    if found is None or not hasattr(value, "shape"):
        raise UsageError(f"'{name}' is {type(value).__name__}, which is no array of numbers")
    return found


def _ties(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:  # any array
    """Names of the same array again, with the first one."""
    first: dict[tuple[object, ...], str] = {}
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        pointer = getattr(value, "data_ptr", None)
        where = (pointer(), str(value.shape)) if callable(pointer) else (id(value),)
        if where in first:
            found.append((str(name), first[where]))
        first.setdefault(where, str(name))
    return tuple(found)
