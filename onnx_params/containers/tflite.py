"""Read TensorFlow Lite's models: the constant tensors of a flatbuffer, codes as float32.

Source: tensorflow/lite/schema/schema.fbs; https://flatbuffers.dev/internals/ for the layout.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import ComputedSource, FileSource
from onnx_params.io.wire import Window
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

IDENTIFIER: Final = b"TFL3"  # at byte 4
MAX_AXES, MAX_TENSORS, MAX_NAME = 32, 1 << 20, 4096
_N_SLOTS: Final = 16  # of a table; the longest that is read here has 11
_COST: Final = 16  # bytes that a listed tensor takes at least: its offset, its table, its name

# numbers of TensorType -> ours
_TYPES: Final = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    6: "bool",
    7: "int16",
    8: "complex64",
    9: "int8",
    10: "float64",
    11: "complex128",
    12: "uint64",
    15: "uint32",
    16: "uint16",
    17: "int4",
    18: "bfloat16",
    19: "int2",
    20: "uint4",
}
_NO_NUMBERS: Final = (5, 13, 14)  # strings, resources, variants
_NO_DETAILS: Final = 0  # of QuantizationDetails: scales and zero points are what counts

# slots of the fields of Model, SubGraph, Buffer, Tensor and QuantizationParameters
_SUBGRAPHS, _BUFFERS, _TENSORS = 2, 4, 0
_DATA, _OFFSET, _LENGTH = 0, 1, 2
_SHAPE, _TYPE, _BUFFER, _NAME, _QUANTIZATION, _SPARSITY, _EXTERNAL_BUFFER = 0, 1, 2, 3, 4, 6, 10
_SCALE, _ZERO_POINT, _DETAILS_TYPE, _QUANTIZED_DIMENSION = 2, 3, 4, 6


class _Vector(NamedTuple):
    """A vector: where its elements begin, and how many there are."""

    start: int
    n: int


class _Constant(NamedTuple):
    """A tensor whose values are in the file. ``scales`` is empty where they are no codes."""

    name: str
    dtype: DType
    shape: Shape
    span: Span
    scales: _Vector
    zeros: _Vector
    axis: int


def read(path: str) -> Checkpoint:
    """The constant tensors of a model, in the file's order, under its names; those that occur more
    than once get a number.

    Codes with scales are given as float32, computed when they are read. Raises :class:`FormatError`
    where the file is damaged, :class:`UnsupportedError` where it has no constants, or one that is
    not supported.
    """
    source = FileSource(path)
    file = _Flatbuffer(path, source)
    if source.n_bytes < 8 or file.bytes(4, 4) != IDENTIFIER:
        raise FormatError(f"{path}: is no TensorFlow Lite model: {IDENTIFIER!r} is missing")
    names: dict[str, int] = {}
    tensors = [
        _stored(source, each._replace(name=_distinct(each.name, names)))
        for each in _constants(file)
    ]
    if not tensors:
        raise UnsupportedError(f"{path}: contains no constant tensors")
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


class _Flatbuffer:
    """Follows the offsets of a flatbuffer; refuses those that lead out of the file."""

    def __init__(self, path: str, source: FileSource) -> None:
        self.path = path
        self.n_bytes = source.n_bytes
        self._window = Window(source)
        self._layouts: dict[int, tuple[int, ...]] = {}

    def bytes(self, at: int, length: int) -> bytes:
        self._check(at, length)
        self._window.view(at, at + length)
        return self._window.bytes(at, at + length)

    def number(self, code: str, at: int) -> int:
        found: int = struct.unpack(code, self.bytes(at, struct.calcsize(code)))[0]
        return found

    def target(self, at: int) -> int:
        """The address that the offset at ``at`` leads to."""
        return at + self.number("<I", at)

    def field(self, table: int, slot: int) -> int | None:
        """The address of a table's field; ``None`` where it is not there."""
        offsets = self._layout(table - self.number("<i", table))
        if slot >= len(offsets) or not offsets[slot]:
            return None
        return table + offsets[slot]

    def scalar(self, code: str, table: int, slot: int) -> int:
        """A number of a table; 0 where it is not there."""
        at = self.field(table, slot)
        return 0 if at is None else self.number(code, at)

    def vector(self, table: int, slot: int, width: int) -> _Vector:
        """A vector of elements of ``width`` bytes; empty where it is not there."""
        at = self.field(table, slot)
        if at is None:
            return _Vector(0, 0)
        start = self.target(at)
        count = self.number("<I", start)
        self._check(start + 4, width * count)
        return _Vector(start + 4, count)

    def tables(self, table: int, slot: int) -> Iterator[int]:
        """The addresses of the tables that a vector lists."""
        listed = self.vector(table, slot, 4)
        for place in range(listed.n):
            yield self.target(listed.start + 4 * place)

    def _layout(self, at: int) -> tuple[int, ...]:
        """Where a table's fields are, from its own address: the vtable."""
        if at not in self._layouts:
            length = min(self.number("<H", at), 4 + 2 * _N_SLOTS)
            count = max(0, length - 4) // 2
            self._layouts[at] = struct.unpack(f"<{count}H", self.bytes(at + 4, 2 * count))
        return self._layouts[at]

    def _check(self, at: int, length: int) -> None:
        if at < 0 or at + length > self.n_bytes:
            raise FormatError(
                f"{self.path}: is damaged or cut off: {length} bytes at byte {at} are not in it"
            )


# -- what is listed -------------------------------------------------------------------------------


def _constants(file: _Flatbuffer) -> Iterator[_Constant]:
    """The tensors of all subgraphs whose buffers have data.

    Offsets may lead to the same bytes again and again, so that what is listed is held against the
    length of the file.
    """
    model = file.target(0)
    buffers = file.vector(model, _BUFFERS, 4)
    left = min(file.n_bytes, _COST * MAX_TENSORS)
    for subgraph in file.tables(model, _SUBGRAPHS):
        left -= _COST
        for place, table in enumerate(file.tables(subgraph, _TENSORS)):
            name = file.vector(table, _NAME, 1)
            left -= _COST + name.n
            if left < 0 or name.n > MAX_NAME:
                raise FormatError(f"{file.path}: lists more tensors than it has bytes for; refused")
            text = file.bytes(name.start, name.n).decode("utf-8", "backslashreplace")
            found = _constant(file, buffers, table, text or f"tensor.{place}")
            if found is not None:
                yield found


def _constant(file: _Flatbuffer, buffers: _Vector, table: int, name: str) -> _Constant | None:
    label = f"{file.path}: tensor '{name}'"
    if file.scalar("<I", table, _EXTERNAL_BUFFER):
        raise UnsupportedError(f"{label} has its values in another file, which is not supported")
    span = _data(file, buffers, file.scalar("<I", table, _BUFFER), label)
    kind = file.scalar("<B", table, _TYPE)
    if not span.n_bytes or kind in _NO_NUMBERS:
        return None
    if kind not in _TYPES or file.field(table, _SPARSITY) is not None:
        what = f"is of type {kind}" if kind not in _TYPES else "is sparse"
        raise UnsupportedError(f"{label} {what}, which is not supported")
    dtype, shape = BY_NAME[_TYPES[kind]], _shape(file, table, label)
    if dtype.packed_length(math.prod(shape)) != span.n_bytes:
        raise FormatError(f"{label} of shape {list(shape)} has {span.n_bytes} bytes")
    made = _Constant(name, dtype, shape, span, _Vector(0, 0), _Vector(0, 0), 0)
    is_integer = dtype.name.startswith(("int", "uint"))
    return _with_scales(file, table, made, label) if is_integer else made


def _data(file: _Flatbuffer, buffers: _Vector, index: int, label: str) -> Span:
    """The bytes of a buffer: inside the flatbuffer, or behind it where that would be too long."""
    if not index:  # that of tensors without data
        return Span(0, 0)
    if index >= buffers.n:
        raise FormatError(f"{label} is in buffer {index} of {buffers.n}")
    buffer = file.target(buffers.start + 4 * index)
    data = file.vector(buffer, _DATA, 1)
    offset = file.scalar("<Q", buffer, _OFFSET)
    length = file.scalar("<Q", buffer, _LENGTH)
    if data.n or offset <= 1:  # 1 stands for an offset that was not yet known
        return Span(data.start, data.start + data.n)
    if offset + length > file.n_bytes:
        raise FormatError(f"{label} ends at byte {offset + length}, the file has {file.n_bytes}")
    return Span(offset, offset + length)


def _shape(file: _Flatbuffer, table: int, label: str) -> Shape:
    dims = file.vector(table, _SHAPE, 4)
    if dims.n > MAX_AXES:
        raise FormatError(f"{label} has {dims.n} axes")
    shape = struct.unpack(f"<{dims.n}i", file.bytes(dims.start, 4 * dims.n))
    if any(dim < 0 for dim in shape):
        raise FormatError(f"{label} has the shape {list(shape)}")
    return shape


def _with_scales(file: _Flatbuffer, table: int, made: _Constant, label: str) -> _Constant:
    """The same tensor with what its codes are multiplied by, if they are codes."""
    at = file.field(table, _QUANTIZATION)
    if at is None:
        return made
    found = file.target(at)
    if file.scalar("<B", found, _DETAILS_TYPE) != _NO_DETAILS:
        raise UnsupportedError(f"{label} is quantized in blocks or otherwise; not supported")
    scales = file.vector(found, _SCALE, 4)
    zeros = file.vector(found, _ZERO_POINT, 8)
    if scales.n < 2 and not any(file.bytes(scales.start, 4 * scales.n)):
        return made
    axis = file.scalar("<i", found, _QUANTIZED_DIMENSION)
    n_slices = made.shape[axis] if 0 <= axis < len(made.shape) else 0
    if scales.n not in (1, n_slices):
        raise FormatError(f"{label} has {scales.n} scales for {n_slices} slices")
    if zeros.n not in (0, 1, scales.n):
        raise FormatError(f"{label} has {zeros.n} zero points for {scales.n} scales")
    return made._replace(scales=scales, zeros=zeros, axis=axis)


# -- what is given --------------------------------------------------------------------------------


def _distinct(name: str, names: dict[str, int]) -> str:
    """The name, with a number after it where it was given before."""
    found = name
    while found in names:
        names[name] += 1
        found = f"{name}.{names[name]}"
    names[found] = 0
    return found


def _stored(source: FileSource, each: _Constant) -> StoredTensor:
    """A tensor in place, or computed where it has scales."""
    name, dtype, shape, span, *_ = each
    if not each.scales.n:
        return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (span,), source)
    dtype = BY_NAME["float32"]
    whole = Span(0, dtype.packed_length(math.prod(shape)))
    label = f"{source.label}: tensor '{name}'"
    computed = ComputedSource(label, whole.stop, lambda: _numbers(source, each))
    return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (whole,), computed)


def _numbers(source: FileSource, each: _Constant) -> bytes:
    """Codes less their zero points, times their scales, as float32; multiplied in float64, which is
    exact for codes of 16 bits and fewer.
    """
    import numpy as np

    codes = StoredTensor(
        each.name, each.dtype, each.shape, PLACE, Encoding.RAW, (each.span,), source
    ).read()
    scales = np.frombuffer(source.read(each.scales.start, 4 * each.scales.n), "<f4")
    zeros = np.frombuffer(source.read(each.zeros.start, 8 * each.zeros.n), "<i8")
    along = [1] * len(each.shape)
    if each.scales.n > 1:
        along[each.axis] = -1
    shifted = codes.astype(np.float64)
    if each.zeros.n:
        shifted = shifted - zeros.reshape(along if each.zeros.n > 1 else ())
    with np.errstate(all="ignore"):  # scales of a damaged file
        return (shifted * scales.astype(np.float64).reshape(along)).astype("<f4").tobytes()
