"""Read NumPy's archives of arrays, in place where they are stored uncompressed.

Formats: numpy/lib/_npyio_impl.py and format.py.
"""

from __future__ import annotations

import ast
import math
import operator
import struct
import zipfile
from collections.abc import Sequence
from itertools import accumulate
from typing import IO, Final, NamedTuple

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
from onnx_params.io.sources import Source
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

MAGIC: Final = b"\x93NUMPY"
_FIXED: Final = 12  # bytes: magic, version, length
_LEARNED: Final = "params"
_GATHERED: Final = ("batch_stats", "buffers")
_NPY_NAMES: Final = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "b1": "bool",
    "c8": "complex64",
    "c16": "complex128",
    "V2": "bfloat16",  # of ml_dtypes, whose name NumPy does not write down
} | {
    f"{sign}{bits // 8}": f"{'u' if sign == 'u' else ''}int{bits}"
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


class Header(NamedTuple):
    """The header of an array: where the values begin, their type as NumPy spells it, whether
    the first axis runs fastest.
    """

    base: int
    kind: str
    fortran: bool
    shape: Shape


def read_array(
    path: str, source: Source, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
) -> StoredTensor:
    header = _read_header(path, archive, entry)
    base, shape = header.base, header.shape
    name = entry.filename.removesuffix(".npy")
    dtype = dtype_of(f"{path}: array '{name}'", header)
    width = dtype.bits // 8
    strides = strides_of(header)
    if base + width * math.prod(shape) > entry.file_size:
        raise FormatError(f"{path}: array '{name}' ends after its entry")
    tensor = Strided(Storage(entry.filename, dtype.name), 0, shape, strides, dtype.name)
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


def learned(arrays: Sequence[StoredTensor]) -> tuple[StoredTensor, ...]:
    """The arrays of a model, without the collections that a training state keeps beside it.

    Flax and others save ``params/...``, ``batch_stats/...`` and the optimizer's in one archive;
    the first two are one model, under the names without that word.
    """
    groups = {name for name, slash, _ in (each.name.partition("/") for each in arrays) if slash}
    if _LEARNED not in groups or len(groups) < 2:
        return tuple(arrays)
    parts = [(each.name.partition("/"), each) for each in arrays]
    return tuple(
        each._replace(name=rest)
        for (word, _, rest), each in parts
        if word in (_LEARNED, *_GATHERED)
    )


def _read_header(path: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Header:
    with archive.open(entry) as file:
        return read_header(f"{path}: '{entry.filename}'", file)


def read_header(label: str, file: IO[bytes]) -> Header:
    """The header of an array that begins where a file is read now; ``base`` counts from there."""
    head = file.read(_FIXED)
    if head[: len(MAGIC)] != MAGIC or len(head) < _FIXED:
        raise FormatError(f"{label} is not a NumPy array")
    if head[6] == 1:
        length, skip = struct.unpack("<H", head[8:10])[0], 10
    else:
        length, skip = struct.unpack("<I", head[8:12])[0], 12
    if length > MAX_PICKLE:
        raise FormatError(f"{label} has a header of {length} bytes; refused")
    text = head[skip:] + file.read(max(0, length - (_FIXED - skip)))
    try:
        header = ast.literal_eval(text[:length].decode("latin1"))
        return Header(
            skip + length,
            str(header["descr"]),
            bool(header["fortran_order"]),
            tuple(int(dim) for dim in header["shape"]),
        )
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise FormatError(f"{label} has a broken header: {type(error).__name__}") from error


def dtype_of(label: str, header: Header) -> DType:
    """The type of an array's elements; raises where it is none that is known here."""
    kind = header.kind
    known = kind[:1] in "<|=" and kind[1:] in _NPY_NAMES
    if not known or any(dim < 0 for dim in header.shape):
        raise UnsupportedError(f"{label} is of type {kind}, which is not supported")
    return BY_NAME[_NPY_NAMES[kind[1:]]]


def strides_of(header: Header) -> tuple[int, ...]:
    """Elements from one index to the next by axis; the first axis runs fastest in Fortran's
    order, the last one else.
    """
    shape = header.shape
    fastest_first = shape if header.fortran else shape[::-1]
    strides = tuple(accumulate(fastest_first, operator.mul, initial=1))[: len(shape)]
    return strides if header.fortran else strides[::-1]
