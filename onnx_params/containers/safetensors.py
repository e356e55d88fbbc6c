"""Read the header of a safetensors file.

Source: https://github.com/huggingface/safetensors, README, 'Format'.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from onnx_params.containers.checkpoint import PLACE
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

MAX_HEADER: Final = 100_000_000  # bytes, the format's own limit


DTYPES: Final = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}


def read(path: str) -> tuple[StoredTensor, ...]:
    """The tensors of a file, in the order of their bytes.

    Raises :class:`FormatError` where header and file do not agree.
    """
    source = FileSource(path)
    length = int.from_bytes(source.read(0, 8), "little")
    if length > min(MAX_HEADER, source.n_bytes - 8):
        raise FormatError(
            f"{path}: its header claims {length} bytes, the file has {source.n_bytes}; was the"
            " download complete?"
        )
    try:
        header = json.loads(source.read(8, length))
        rows = sorted(
            (
                (row["data_offsets"], name, row)
                for name, row in header.items()
                if name != "__metadata__"
            ),
            key=lambda row: (row[0], row[1]),
        )
        found = [_tensor(path, name, row, source, 8 + length) for _, name, row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{path}: its header is not a safetensors header: {type(error).__name__}"
        ) from error
    return tuple(found)


# JSON of a stranger
def _tensor(
    path: str, name: str, row: dict[str, Any], source: FileSource, base: int
) -> StoredTensor:
    if row["dtype"] not in DTYPES:
        raise UnsupportedError(
            f"{path}: tensor '{name}' is of type {row['dtype']}, which is not known here"
        )
    dtype = BY_NAME[DTYPES[row["dtype"]]]
    shape = tuple(row["shape"])
    start, stop = row["data_offsets"]
    if not all(isinstance(number, int) and number >= 0 for number in (start, stop, *shape)):
        raise TypeError
    if not start <= stop <= source.n_bytes - base:
        raise FormatError(
            f"{path}: tensor '{name}' ends at byte {base + stop}, the file has {source.n_bytes};"
            " was the download complete?"
        )
    if stop - start != dtype.packed_length(math.prod(shape)):
        raise FormatError(
            f"{path}: tensor '{name}' has {stop - start} bytes, its shape {list(shape)} needs"
            f" {dtype.packed_length(math.prod(shape))}"
        )
    return StoredTensor(
        name, dtype, shape, PLACE, Encoding.RAW, (Span(base + start, base + stop),), source
    )
