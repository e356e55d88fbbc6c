"""Turn the payload of a stored tensor into a NumPy array.

Packing rules: ``onnx.proto``, TensorProto (``raw_data``, ``int32_data``): sub-byte elements lie low
bits first; ``int32_data`` holds one element an entry from 8 bits up and for 6 bits, two for 4 bits,
four for 2 bits.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from onnx_params.errors import FormatError, MissingDataError, UnsupportedError, content_errors
from onnx_params.io.sources import BytesSource, FileSource, Source
from onnx_params.io.wire import VARINT, Window, fields, signed, varints
from onnx_params.tensors.dtypes import DType
from onnx_params.tensors.encoding import Encoding, External, Span


class Payload(Protocol):
    """What decoding needs to know of a stored tensor; see
    :class:`~onnx_params.tensors.stored.StoredTensor`.
    """

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> DType: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def encoding(self) -> Encoding: ...
    @property
    def spans(self) -> tuple[Span, ...]: ...
    @property
    def source(self) -> Source: ...
    @property
    def external(self) -> External | None: ...
    @property
    def external_span(self) -> Span: ...
    @property
    def indices(self) -> Payload | None: ...
    @property
    def stored(self) -> int | None: ...
    @property
    def count(self) -> int: ...


def read(tensor: Payload, mapped: bool = False) -> np.ndarray:
    """Read one stored tensor; see :meth:`StoredTensor.read` for shapes and errors."""
    with content_errors(f"{tensor.source.label}: tensor '{tensor.name}'"):
        if tensor.indices is not None:
            return _dense(tensor)
        return _values(tensor, mapped).reshape(tensor.shape)


def packed(tensor: Payload, mapped: bool = False) -> np.ndarray:
    """The elements as they lie, as ``uint8``: little-endian, packed; ``mapped`` asks for a memory
    map where that is possible.
    """
    bring = _map if mapped else _copy
    if tensor.encoding is Encoding.EXTERNAL:
        assert tensor.external is not None
        return bring(tensor.external.file.open(), tensor.external_span)
    if tensor.encoding in (Encoding.RAW, Encoding.FLOATS, Encoding.DOUBLES, Encoding.OPAQUE):
        runs = [bring(tensor.source, span) for span in tensor.spans]
        return runs[0] if len(runs) == 1 else np.concatenate(runs or [np.empty(0, np.uint8)])
    raise UnsupportedError(
        f"tensor '{tensor.name}' is stored as {tensor.encoding.value}, which has no packed bytes"
    )


def taken(tensor: Payload, places: np.ndarray) -> np.ndarray:
    """The elements at flat places, shaped as ``places``; those of fewer than 8 bits one a byte.

    Touches the pages of those elements alone where the file can be mapped. Raises as :func:`read`
    does, and :class:`UnsupportedError` for elements that do not lie side by side.
    """
    dtype = tensor.dtype
    with content_errors(f"{tensor.source.label}: tensor '{tensor.name}'"):
        if tensor.indices is not None or dtype.bits not in (2, 4) and dtype.bits % 8:
            raise UnsupportedError(f"tensor '{tensor.name}' has no element at a place of its own")
        data = packed(tensor, mapped=True)
        if dtype.bits >= 8:
            size = dtype.packed_length(tensor.count)
            found: np.ndarray = data[:size].view(_numpy_type(dtype))[places]
            return found
        per_byte = 8 // dtype.bits
        shifts = (places % per_byte * dtype.bits).astype(np.uint8)
        codes = (data[places // per_byte] >> shifts) & ((1 << dtype.bits) - 1)
        return _narrow(codes, dtype)


def unpack(data: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Split packed bytes into ``count`` unsigned elements of 2, 4 or 6 bits, low bits first."""
    if bits == 6:  # four elements in three bytes
        flat = np.unpackbits(data, bitorder="little")[: 6 * count].reshape(count, 6)
        return np.packbits(flat, axis=1, bitorder="little").reshape(count)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((data[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)[:count]


def _map(source: Source, span: Span) -> np.ndarray:
    if isinstance(source, FileSource) and source.path and span.n_bytes:
        return np.memmap(source.path, np.uint8, "r", span.start, (span.n_bytes,))
    return _copy(source, span)


def _copy(source: Source, span: Span) -> np.ndarray:
    if isinstance(source, BytesSource):
        return np.frombuffer(source.data, np.uint8, span.n_bytes, span.start)
    return np.frombuffer(source.read(span.start, span.n_bytes), np.uint8)


def _values(tensor: Payload, mapped: bool = False) -> np.ndarray:
    dtype = tensor.dtype
    count = tensor.count if tensor.stored is None else tensor.stored
    if tensor.encoding is Encoding.EMPTY:
        if count:
            raise MissingDataError(f"tensor '{tensor.name}' has no data in the file")
        return np.empty(0, object if dtype.name == "string" else _numpy_type(dtype))
    if tensor.encoding is Encoding.STRINGS:
        return np.array(
            [tensor.source.read(span.start, span.n_bytes) for span in tensor.spans], dtype=object
        )
    if tensor.encoding in (Encoding.INT32S, Encoding.INT64S, Encoding.UINT64S):
        return _from_varints(tensor, count)
    if tensor.encoding is Encoding.FIELDS:
        return _from_fields(tensor)
    if tensor.encoding is Encoding.GENERATED:
        raise UnsupportedError(
            f"tensor '{tensor.name}' is made by ConstantOfShape: every element is the value of that"
            " node"
        )
    if tensor.encoding is Encoding.COMPUTED:
        whole = tensor.source.read(0, dtype.packed_length(count))
        return _interpret(np.frombuffer(whole, np.uint8), dtype, count)
    data = packed(tensor, mapped)
    if tensor.encoding is Encoding.EXTERNAL:
        data = data[: dtype.packed_length(count)]
    return _interpret(data, dtype, count)


def _interpret(data: np.ndarray, dtype: DType, count: int) -> np.ndarray:
    if dtype.bits < 8:
        return _narrow(unpack(data, dtype.bits, count), dtype)
    return data.view(_numpy_type(dtype))


def _narrow(codes: np.ndarray, dtype: DType) -> np.ndarray:
    """Sub-byte codes as numbers: integers as (u)int8, floats as their ml_dtypes type."""
    if dtype.name.startswith("uint"):
        return codes
    if dtype.name.startswith("int"):
        sign = 1 << (dtype.bits - 1)
        return ((codes ^ sign).astype(np.int8) - sign).astype(np.int8)
    return codes.view(_numpy_type(dtype))


def _numpy_type(dtype: DType) -> np.dtype:
    if dtype.numpy is not None:
        return np.dtype(dtype.numpy)
    if dtype.bits == 0:
        raise FormatError(f"values of type {dtype.name} cannot be read")
    try:
        import ml_dtypes
    except ImportError as error:
        raise UnsupportedError(
            f"values of type {dtype.name} need ml_dtypes: pip install ml_dtypes"
        ) from error
    found: np.dtype = np.dtype(getattr(ml_dtypes, dtype.name))
    return found


def _from_varints(tensor: Payload, count: int) -> np.ndarray:
    dtype = tensor.dtype
    runs = (tensor.source.read(span.start, span.n_bytes) for span in tensor.spans)
    entries = np.fromiter((value for run in runs for value in varints(run)), np.uint64)
    if dtype.bits in (2, 4):
        return _narrow(unpack(entries.astype(np.uint8), dtype.bits, count), dtype)
    width = 8 if dtype.bits == 6 else dtype.bits
    codes = entries.astype(f"<u{width // 8}")
    return codes.view(_numpy_type(dtype)) if dtype.bits >= 8 else _narrow(codes, dtype)


def _from_fields(tensor: Payload) -> np.ndarray:
    """Numbers or strings of an attribute: fields side by side, packed or one by one."""
    found: list[float | int | bytes] = []
    for span in tensor.spans:
        data = tensor.source.read(span.start, span.n_bytes)
        window = Window(BytesSource(data, tensor.source.label))
        for number, kind, a, b in fields(window, 0, len(data)):
            if kind == VARINT:
                found.append(signed(a))
            elif number in (2, 7):
                found.extend(np.frombuffer(data[a:b], "<f4").tolist())
            elif number == 8:
                found.extend(map(signed, varints(data[a:b])))
            else:
                found.append(data[a:b])
    is_text = tensor.dtype.name == "string"
    if any(isinstance(item, bytes) is not is_text for item in found):
        raise FormatError(f"tensor '{tensor.name}' is of type {tensor.dtype.name}, its data is not")
    return np.array(found, dtype=object if is_text else _numpy_type(tensor.dtype))


def _dense(tensor: Payload) -> np.ndarray:
    """A sparse tensor filled out:

    ``indices`` is [NNZ] of flat positions or [NNZ, rank] of coordinates.
    """
    assert tensor.indices is not None
    values, indices = _values(tensor), read(tensor.indices)
    dense = np.zeros(tensor.count, values.dtype)
    flat = indices if indices.ndim == 1 else np.ravel_multi_index(tuple(indices.T), tensor.shape)
    if len(flat) and (flat.min() < 0 or flat.max() >= tensor.count):
        raise FormatError(
            f"sparse tensor '{tensor.name}': an index lies outside the shape {list(tensor.shape)}"
        )
    dense[flat] = values
    return dense.reshape(tensor.shape)
