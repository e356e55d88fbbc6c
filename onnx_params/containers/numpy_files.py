"""Read arrays that NumPy saved one after the other in one file: a single one, or the leaves that
Equinox serialises, which have no names.

Formats: numpy/lib/format.py; equinox/_serialisation.py, whose documentation puts a line of JSON
with hyperparameters before the leaves.
"""

from __future__ import annotations

import io
import math
import os
from typing import Final

from onnx_params.containers import npz
from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.strided import Storage, Strided, in_order, is_plain
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

MAX_ARRAYS: Final = 1 << 20
MAX_LINE: Final = 1 << 20  # bytes of hyperparameters
HEADER: Final = 1 << 12  # bytes that are read for one header; longer ones are rare
ENDING: Final = ".eqx"


def read(path: str) -> Checkpoint:
    """The arrays of a file, called ``leaf.0``, ``leaf.1``, ...; a single one by the file's name.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where it has none.
    """
    source = FileSource(path)
    at = _after_line(path, source)
    pickled = _pickle_after_header(path, source, at)
    if pickled:
        from onnx_params.containers import numpy_pickle

        return numpy_pickle.read_from(path, source, pickled)
    tensors: list[StoredTensor] = []
    while at < source.n_bytes and len(tensors) < MAX_ARRAYS:
        tensor, at = _array(path, source, at, f"leaf.{len(tensors)}")
        tensors.append(tensor)
    if not tensors:
        raise UnsupportedError(f"{path}: contains no arrays")
    if len(tensors) == 1 and not path.endswith(ENDING):
        name = os.path.splitext(os.path.basename(path))[0]
        tensors = [tensors[0]._replace(name=name)]
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


def _after_line(path: str, source: FileSource) -> int:
    """Where the arrays begin: after a line of JSON, if there is one."""
    head = source.read(0, min(MAX_LINE, source.n_bytes))
    if head.startswith(npz.MAGIC):
        return 0
    end = head.find(b"\n")
    if end < 0:
        raise FormatError(f"{path}: begins with a line that does not end; is it whole?")
    return end + 1


def _pickle_after_header(path: str, source: FileSource, at: int) -> int:
    """Where the pickle of an array of objects begins, such as a dictionary that was saved; 0 where
    the first array has numbers.
    """
    length = min(HEADER, source.n_bytes - at)
    header = npz.read_header(f"{path}: its first array", io.BytesIO(source.read(at, length)))
    return at + header.base if header.kind.endswith("O") else 0


def _array(path: str, source: FileSource, at: int, name: str) -> tuple[StoredTensor, int]:
    """The array that begins at an address, and the address after it."""
    label = f"{path}: array '{name}'"
    length = min(HEADER, source.n_bytes - at)
    header = npz.read_header(label, io.BytesIO(source.read(at, length)))
    dtype = npz.dtype_of(label, header)
    start = at + header.base
    stop = start + dtype.packed_length(math.prod(header.shape))
    if stop > source.n_bytes:
        raise FormatError(f"{label} ends after the file; is it whole?")
    tensor = Strided(Storage(name, dtype.name), 0, header.shape, npz.strides_of(header), dtype.name)
    if not is_plain(tensor):
        data = source.read(start, stop - start)
        return in_order(path, name, tensor, dtype, data), stop
    span = Span(start, stop)
    return StoredTensor(name, dtype, header.shape, PLACE, Encoding.RAW, (span,), source), stop
