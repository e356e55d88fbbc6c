"""Read NumPy's archives of arrays, in place where they are stored uncompressed.

Formats: numpy/lib/_npyio_impl.py and format.py.
"""

from __future__ import annotations

import ast
import math
import struct
import zipfile
from typing import Final

from onnx_params.containers.checkpoint import PLACE
from onnx_params.containers.inert_pickle import MAX_PICKLE
from onnx_params.containers.strided import (
    MAX_INFLATED,
    Storage,
    Strided,
    in_order,
    is_plain,
    start_of,
)
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

_NPY_NAMES: Final = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "b1": "bool",
    "c8": "complex64",
    "c16": "complex128",
} | {
    f"{sign}{bits // 8}": f"{'u' if sign == 'u' else ''}int{bits}"
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


def read_array(
    path: str, source: FileSource, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
) -> StoredTensor:
    with archive.open(entry) as file:
        head = file.read(12)
        if head[:6] != b"\x93NUMPY" or len(head) < 12:
            raise FormatError(f"{path}: '{entry.filename}' is not a NumPy array")
        length, skip = (
            (struct.unpack("<H", head[8:10])[0], 10)
            if head[6] == 1
            else (struct.unpack("<I", head[8:12])[0], 12)
        )
        if length > MAX_PICKLE:
            raise FormatError(f"{path}: '{entry.filename}' has a header of {length} bytes; refused")
        text = head[skip:] + file.read(max(0, length - (12 - skip)))
    try:
        header = ast.literal_eval(text.decode("latin1"))
        kind, fortran = str(header["descr"]), bool(header["fortran_order"])
        shape: tuple[int, ...] = tuple(int(dim) for dim in header["shape"])
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise FormatError(
            f"{path}: '{entry.filename}' has a broken header: {type(error).__name__}"
        ) from error
    name = entry.filename.removesuffix(".npy")
    if kind[:1] not in "<|=" or kind[1:] not in _NPY_NAMES or any(dim < 0 for dim in shape):
        raise UnsupportedError(f"{path}: array '{name}' is of type {kind}, which is not supported")
    dtype = BY_NAME[_NPY_NAMES[kind[1:]]]
    base, width = skip + length, dtype.bits // 8
    strides = [1] * len(shape)
    for at in range(1, len(shape)) if fortran else range(len(shape) - 2, -1, -1):
        strides[at] = (
            strides[at - 1] * shape[at - 1] if fortran else strides[at + 1] * shape[at + 1]
        )
    if base + width * math.prod(shape) > entry.file_size:
        raise FormatError(f"{path}: array '{name}' ends after its entry")
    tensor = Strided(Storage(entry.filename, dtype.name), 0, shape, tuple(strides), dtype.name)
    if is_plain(tensor) and entry.compress_type == zipfile.ZIP_STORED:
        start = start_of(path, source, entry) + base
        return StoredTensor(
            name,
            dtype,
            shape,
            PLACE,
            Encoding.RAW,
            (Span(start, start + width * math.prod(shape)),),
            source,
        )
    if entry.file_size > MAX_INFLATED:
        raise UnsupportedError(
            f"{path}: array '{name}' is too large to be unpacked in memory; save it uncompressed"
        )
    return in_order(path, name, tensor, dtype, archive.read(entry)[base:])
