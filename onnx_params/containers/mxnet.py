"""Read MXNet's ``.params``: a list of arrays, then the list of their names.

Source: apache/mxnet, src/ndarray/ndarray.cc (``NDArray::Save``, ``Load``, ``LegacyLoad``) for lists
and arrays, include/mxnet/tuple.h for shapes, 3rdparty/mshadow/mshadow/base.h for types. Gluon's
``save_parameters``, ``export`` and Module's checkpoints write such files, as ``mx.nd.save`` does.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from typing import Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.cursor import Cursor
from onnx_params.io.sources import FileSource
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

MAX_ARRAYS: Final = 1 << 20
MAX_AXES: Final = 32  # MXNet's own operators take fewer
MAX_NAME: Final = 1 << 16  # bytes
_LIST: Final = 0x112  # kMXAPINDArrayListMagic
_RESERVED: Final = 8  # bytes after it, which are zero
# versions of an array; one without is older, and begins with the number of its axes
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_HAS_STORAGE: Final = (_V2, _V3)
_DENSE: Final = 0  # kDefaultStorage
_SPARSE: Final = {1: "row_sparse", 2: "csr"}
_CONTEXT: Final = 8  # bytes: type and number of the device that an array was on
_PREFIXES: Final = ("arg:", "aux:")  # of parameters, and of what training keeps up, in a symbol
_UNKNOWN: Final = -1  # a number of axes, or a dimension, in NumPy's semantics of shapes
_TYPES: Final = {
    0: "float32",
    1: "float64",
    2: "float16",
    3: "uint8",
    4: "int32",
    5: "int8",
    6: "int64",
    7: "bool",
    8: "int16",
    9: "uint16",
    10: "uint32",
    11: "uint64",
    12: "bfloat16",
}


class _Array(NamedTuple):
    """What a file says of one array, whose name comes later."""

    dtype: DType
    shape: Shape
    span: Span


def is_it(path: str, head: bytes) -> bool:
    """Whether a file begins as a list of MXNet's does, by its first 9 bytes.

    A safetensors header of 274 bytes begins with the same 8; its ninth is no zero.
    """
    return head.startswith(_LIST.to_bytes(9, "little"))


def read(path: str) -> Checkpoint:
    """The arrays of a file, in its own order, without the prefixes ``arg:`` and ``aux:``; those of
    a file without names are called ``array.0``, ``array.1``, ...

    Reads headers, no values. Raises :class:`FormatError` where it is damaged,
    :class:`UnsupportedError` where it has no arrays, sparse ones, or some without values.
    """
    source = FileSource(path)
    cursor = Cursor(source)
    try:
        arrays = _arrays(cursor)
        names = _names(cursor, len(arrays))
    except (struct.error, ValueError) as error:
        raise FormatError(f"{path}: is no MXNet file, or damaged: {error}") from error
    if cursor.at != source.n_bytes:
        raise FormatError(
            f"{path}: {source.n_bytes - cursor.at} bytes stand after its list of names at byte"
            f" {cursor.at}; is it damaged?"
        )
    if not arrays:
        raise UnsupportedError(f"{path}: contains no arrays")
    tensors = tuple(
        StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (span,), source)
        for name, (dtype, shape, span) in zip(names, arrays, strict=True)
    )
    return Checkpoint(path=path, tensors=tensors, ordered=True)


def _arrays(cursor: Cursor) -> list[_Array]:
    if cursor.number("<Q") != _LIST:
        raise ValueError("it begins with another number than a list of arrays")
    cursor.step_over(_RESERVED)
    count = cursor.number("<Q")
    if count > MAX_ARRAYS:
        raise ValueError(f"{count} arrays")
    return [_array(cursor, f"array {at + 1} of {count}") for at in range(count)]


def _array(cursor: Cursor, label: str) -> _Array:
    """The array that begins at the cursor, which then stands after its values."""
    version = cursor.number("<I")
    if version in _HAS_STORAGE:
        _check_storage(cursor, label)
    shape = _shape(cursor, label, version)
    if shape is None:
        raise UnsupportedError(f"{cursor.source.label}: {label} was saved without values")
    if any(length < 0 for length in shape):
        raise ValueError(f"{label} has the shape {list(shape)}")
    cursor.step_over(_CONTEXT)
    dtype = _dtype(cursor, label)
    start = cursor.at
    cursor.step_over(dtype.packed_length(math.prod(shape)))
    return _Array(dtype, shape, Span(start, cursor.at))


def _check_storage(cursor: Cursor, label: str) -> None:
    """Refuse an array that is not dense."""
    kind = cursor.number("<i")
    if kind in _SPARSE:
        raise UnsupportedError(
            f"{cursor.source.label}: {label} is sparse ({_SPARSE[kind]}), which is not supported;"
            " save it with tostype('default')"
        )
    if kind != _DENSE:
        raise ValueError(f"{label} has storage of type {kind}")


def _shape(cursor: Cursor, label: str, version: int) -> Shape | None:
    """The dimensions: 64 bits each, 32 in the oldest version. ``None`` for an array with neither
    type nor values: one without axes, or with unknown dimensions in NumPy's semantics.
    """
    has_version = version in (_V1, *_HAS_STORAGE)
    n_axes = cursor.number("<i") if has_version else version
    if version == _V3 and n_axes == _UNKNOWN:
        return None
    if not 0 <= n_axes <= MAX_AXES:
        raise ValueError(f"{label} has {n_axes} axes")
    code = "<q" if has_version else "<I"
    shape = tuple(cursor.number(code) for _ in range(n_axes))
    is_unknown = _UNKNOWN in shape if version == _V3 else not shape
    return None if is_unknown else shape


def _dtype(cursor: Cursor, label: str) -> DType:
    number = cursor.number("<i")
    if number not in _TYPES:
        raise ValueError(f"{label} has elements of type {number}")
    return BY_NAME[_TYPES[number]]


def _names(cursor: Cursor, n_arrays: int) -> list[str]:
    """A name for each array."""
    count = cursor.number("<Q")
    if count == 0:
        return [f"array.{at}" for at in range(n_arrays)]
    if count != n_arrays:
        raise ValueError(f"{count} names for {n_arrays} arrays")
    return _without_prefixes([_name(cursor) for _ in range(count)])


def _name(cursor: Cursor) -> str:
    length = cursor.number("<Q")
    if length > MAX_NAME:
        raise ValueError(f"a name of {length} bytes")
    return cursor.text(length)


def _without_prefixes(names: list[str]) -> list[str]:
    """Names without ``arg:`` and ``aux:``, but for those that would then be the same."""
    short = [_without_prefix(name) for name in names]
    uses = Counter(short)
    found = [own if uses[own] == 1 else name for own, name in zip(short, names, strict=True)]
    name, count = Counter(found).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{count} arrays are called '{name}'")
    return found


def _without_prefix(name: str) -> str:
    return name[len(_PREFIXES[0]) :] if name.startswith(_PREFIXES) else name
