"""Describe a tensor inside a storage by its offset and strides, and put it in order."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, TypeGuard

from onnx_params.containers.checkpoint import PLACE
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import Source
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

try:
    from lzma import LZMAError
except ImportError:  # zipfile then refuses such entries itself
    _OF_LZMA: tuple[type[Exception], ...] = ()
else:
    _OF_LZMA = (LZMAError,)

# what zipfile and the decompressors raise of a damaged archive, or of one that says it is encrypted
ZIP_ERRORS: Final[tuple[type[Exception], ...]] = (
    zipfile.BadZipFile,
    zlib.error,
    *_OF_LZMA,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
MAX_RANK: Final = 32
MAX_INFLATED: Final = 1 << 31  # bytes of one compressed entry, which is unpacked in memory


class Storage(NamedTuple):
    key: str
    dtype: str


class Strided(NamedTuple):
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class Sparse(NamedTuple):
    """A tensor of which only some elements are not zero: their positions ``[rank, n]`` and their
    values ``[n]``.
    """

    indices: Strided
    values: Strided
    shape: tuple[int, ...]


class Bytes(NamedTuple):
    """The bytes of a storage: where they begin in the file, how many there are, whether they are
    compressed, and a function that reads them.
    """

    start: int
    n_bytes: int
    is_compressed: bool
    read: Callable[[], bytes]


def is_shape(shape: object) -> TypeGuard[tuple[int, ...]]:
    """Whether what a pickle says is a shape is one."""
    if not isinstance(shape, tuple) or len(shape) > MAX_RANK:
        return False
    return all(isinstance(dim, int) and dim >= 0 for dim in shape)


def in_entry(path: str, source: Source, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Bytes:
    """A storage that is an entry of a zip."""
    return Bytes(
        start_of(path, source, entry),
        entry.file_size,
        entry.compress_type != zipfile.ZIP_STORED,
        lambda: archive.read(entry),
    )


def in_storage(
    path: str, name: str, tensor: Strided, source: Source, storage: Bytes
) -> StoredTensor:
    """A tensor in a storage: in place where its elements lie side by side, else put in order in
    memory.

    Raises :class:`FormatError` where it ends after its storage.
    """
    dtype = BY_NAME[tensor.dtype]
    width = dtype.bits // 8
    count = math.prod(tensor.shape)
    spans = [(dim - 1) * step for dim, step in zip(tensor.shape, tensor.strides, strict=True)]
    reach = tensor.offset + 1 + sum(spans) if count else 0
    if reach * width > storage.n_bytes:
        raise FormatError(
            f"{path}: tensor '{name}' ends at element {reach} of a storage of {storage.n_bytes}"
            " bytes"
        )
    if is_plain(tensor) and not storage.is_compressed:
        start = storage.start + tensor.offset * width
        span = Span(start, start + count * width)
        return StoredTensor(name, dtype, tensor.shape, PLACE, Encoding.RAW, (span,), source)
    if max(storage.n_bytes, width * count) > MAX_INFLATED:
        raise UnsupportedError(
            f"{path}: tensor '{name}' is too large to be put in order in memory; save it contiguous"
            " and uncompressed"
        )
    return in_order(path, name, tensor, dtype, storage.read())


def is_plain(tensor: Strided) -> bool:
    expected = 1
    for dim, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if dim > 1 and stride != expected:
            return False
        expected *= dim
    return True


def in_order(path: str, name: str, tensor: Strided, dtype: DType, data: bytes) -> StoredTensor:
    """A tensor whose elements do not lie side by side, or were compressed: put in order
    in memory.
    """
    import numpy as np

    from onnx_params.io.sources import BytesSource

    width = dtype.bits // 8
    plain = np.frombuffer(data, np.dtype((np.void, width)), len(data) // width)
    strides = tuple(stride * width for stride in tensor.strides)
    packed = np.lib.stride_tricks.as_strided(
        plain[tensor.offset :], tensor.shape, strides, writeable=False
    ).tobytes()
    return StoredTensor(
        name,
        dtype,
        tensor.shape,
        PLACE,
        Encoding.RAW,
        (Span(0, len(packed)),),
        BytesSource(packed, path),
    )


def start_of(path: str, source: Source, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin: after its local header, whose name and extra field may be
    longer than the directory's.
    """
    header = source.read(entry.header_offset, 30)
    if header[:4] != b"PK\x03\x04":
        raise FormatError(
            f"{path}: entry '{entry.filename}' has no header at byte {entry.header_offset}"
        )
    name, extra = struct.unpack("<HH", header[26:30])
    start = int(entry.header_offset) + 30 + int(name) + int(extra)
    if start + entry.compress_size > source.n_bytes:
        raise FormatError(
            f"{path}: entry '{entry.filename}' ends after the file; was the download complete?"
        )
    return start
