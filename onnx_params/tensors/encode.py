"""Turn a NumPy array into the payload of a stored tensor: what :mod:`onnx_params.tensors.decode`
reads.
"""

from __future__ import annotations

import numpy as np

from onnx_params.errors import UnsupportedError
from onnx_params.tensors.dtypes import DType
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.evaluate import dtype_of

RAW = frozenset({Encoding.RAW, Encoding.FLOATS, Encoding.DOUBLES, Encoding.EXTERNAL})
VARINTS = frozenset({Encoding.INT32S, Encoding.INT64S, Encoding.UINT64S})


def encoded(values: np.ndarray, dtype: DType, encoding: Encoding) -> bytes:
    """The payload that holds ``values`` as elements of ``dtype``: packed, little-endian, in C
    order; as packed varints where the encoding has those.

    Raises :class:`UnsupportedError` for encodings that are neither.
    """
    if encoding in RAW:
        return packed(values, dtype)
    if encoding in VARINTS:
        return _varints(values, dtype)
    raise UnsupportedError(f"a tensor that is stored as {encoding.value} cannot be written")


def packed(values: np.ndarray, dtype: DType) -> bytes:
    """Elements side by side, those of fewer than 8 bits packed with the low bits first."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if dtype.bits >= 8:
        return np.ascontiguousarray(flat.astype(numpy_type(dtype), copy=False)).tobytes()
    codes = (flat.view(np.uint8) & ((1 << dtype.bits) - 1)).astype(np.uint8)
    return pack(codes, dtype.bits).tobytes()


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Unsigned elements of 1 to 8 bits in bytes, low bits first; the last byte is filled with
    zeros.
    """
    if bits == 8:
        return codes.astype(np.uint8, copy=False)
    if bits == 6:  # four elements in three bytes
        each = np.unpackbits(codes[:, None], axis=1, bitorder="little")[:, :6]
        return np.packbits(each.reshape(-1), bitorder="little")
    per_byte = 8 // bits
    short = -codes.size % per_byte
    filled = np.concatenate([codes, np.zeros(short, np.uint8)]) if short else codes
    lanes = filled.reshape(-1, per_byte)
    made = np.zeros(len(lanes), np.uint8)
    for lane in range(per_byte):
        made |= lanes[:, lane] << np.uint8(lane * bits)
    return made


def numpy_type(dtype: DType) -> np.dtype:
    """The NumPy type of elements of 8 bits and more."""
    return np.dtype(dtype.numpy) if dtype.numpy is not None else dtype_of(dtype.name)


def _varints(values: np.ndarray, dtype: DType) -> bytes:
    """Entries of ``int32_data`` and its kin: one an element, two of 4 bits, four of 2."""
    if dtype.bits in (2, 4):
        entries = np.frombuffer(packed(values, dtype), np.uint8)
    elif dtype.name.startswith("int"):
        entries = values.reshape(-1).astype(np.int64)
    elif dtype.name.startswith("uint") or dtype.name == "bool":
        entries = values.reshape(-1).astype(np.uint64)
    else:  # the bits of a floating-point number as an unsigned one
        flat = np.ascontiguousarray(values.astype(numpy_type(dtype), copy=False)).reshape(-1)
        entries = flat.view(f"u{flat.dtype.itemsize}")
    out = bytearray()
    for entry in entries.tolist():
        left = entry & ((1 << 64) - 1)
        while left >= 0x80:
            out.append(left & 0x7F | 0x80)
            left >>= 7
        out.append(left)
    return bytes(out)
