"""Read what Flax saves with ``to_bytes``: dictionaries in MessagePack, with arrays as a type of
their own.

Formats: https://github.com/msgpack/msgpack/blob/master/spec.md; flax/serialization.py,
``_MsgpackExtType``, ``_ndarray_to_bytes`` and ``_chunk``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.npz import learned
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource, Source
from onnx_params.io.wire import Window
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

MAX_DEPTH: Final = 64  # dictionaries in dictionaries
MAX_ITEMS: Final = 1 << 22  # of the whole file
_HEAD: Final = 9  # bytes that the longest head of an item takes
_ARRAY: Final = 1  # Flax's types: an array
_NUMBER: Final = 3  # a NumPy number
_CHUNKED: Final = "__msgpack_chunked_array__"  # of an array that is longer than a gigabyte

# first byte -> struct's code of the number that follows
_NUMBERS: Final = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
# first byte -> kind, and the code of the length that follows
_LENGTHS: Final = {
    0xC4: ("bytes", ">B"),
    0xC5: ("bytes", ">H"),
    0xC6: ("bytes", ">I"),
    0xC7: ("type", ">B"),
    0xC8: ("type", ">H"),
    0xC9: ("type", ">I"),
    0xD9: ("text", ">B"),
    0xDA: ("text", ">H"),
    0xDB: ("text", ">I"),
    0xDC: ("list", ">H"),
    0xDD: ("list", ">I"),
    0xDE: ("dictionary", ">H"),
    0xDF: ("dictionary", ">I"),
}
_TYPES: Final = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}  # first byte -> length
_CONSTANTS: Final[dict[int, Any]] = {0xC0: None, 0xC2: False, 0xC3: True}


class _Array(NamedTuple):
    """An array by its header."""

    shape: Shape
    dtype: DType
    spans: tuple[Span, ...]


def read(path: str) -> Checkpoint:
    """The arrays of a file, under the keys on the way to them with ``/`` between.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where it has no
    arrays.
    """
    reader = _Reader(path, FileSource(path))
    try:
        root, _ = reader.item(0, MAX_DEPTH)
    except (struct.error, IndexError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: is no MessagePack, or damaged: {error}") from error
    tensors = [
        StoredTensor(name, each.dtype, each.shape, PLACE, Encoding.RAW, each.spans, reader.source)
        for name, each in _arrays(root, ())
    ]
    if not tensors:
        raise UnsupportedError(f"{path}: contains no arrays; save what flax.serialization gives")
    return Checkpoint(path=path, tensors=learned(tensors), ordered=True)


def _arrays(saved: Any, keys: tuple[str, ...]) -> Iterator[tuple[str, _Array]]:
    """Name and array, for each array in dictionaries and lists."""
    if isinstance(saved, _Array):
        yield "/".join(keys), saved
    elif isinstance(saved, dict) and saved.get(_CHUNKED):
        yield "/".join(keys), _whole(saved)
    elif isinstance(saved, dict):
        for key, value in saved.items():
            yield from _arrays(value, (*keys, str(key)))
    elif isinstance(saved, list):
        for at, value in enumerate(saved):
            yield from _arrays(value, (*keys, str(at)))


def _whole(saved: dict[Any, Any]) -> _Array:
    """An array that was saved in chunks, one after the other."""
    dims, chunks = saved.get("shape"), saved.get("chunks")
    if not isinstance(dims, dict) or not isinstance(chunks, dict):
        raise ValueError("an array in chunks has no shape or no chunks")
    parts = [chunks[str(at)] for at in range(len(chunks)) if str(at) in chunks]
    shape = tuple(dims[str(at)] for at in range(len(dims)) if str(at) in dims)
    is_sound = parts and all(isinstance(part, _Array) for part in parts)
    if not is_sound or not all(isinstance(dim, int) and dim >= 0 for dim in shape):
        raise ValueError("the chunks of an array are none")
    spans = tuple(span for part in parts for span in part.spans)
    return _checked(shape, parts[0].dtype, spans)


def _checked(shape: Shape, dtype: DType, spans: tuple[Span, ...]) -> _Array:
    n_bytes = sum(span.n_bytes for span in spans)
    if n_bytes != dtype.packed_length(math.prod(shape)):
        raise ValueError(f"an array of shape {list(shape)} has {n_bytes} bytes")
    return _Array(shape, dtype, spans)


class _Reader:
    """Walks over items; steps over the values of arrays."""

    def __init__(self, path: str, source: Source) -> None:
        self.path = path
        self.source = source
        self._window = Window(source)
        self._n_items = 0

    def item(self, at: int, depth: int) -> tuple[Any, int]:
        """The item that begins at an address, and the address after it."""
        self._n_items += 1
        if not depth or self._n_items > MAX_ITEMS:
            raise ValueError("too many items, or too deep")
        first = self._bytes(at, 1)[0]
        if first < 0x80 or first >= 0xE0:
            return first if first < 0x80 else first - 0x100, at + 1
        if first in _CONSTANTS:
            return _CONSTANTS[first], at + 1
        if first in _NUMBERS:
            code = _NUMBERS[first]
            size = struct.calcsize(code)
            return struct.unpack(code, self._bytes(at + 1, size))[0], at + 1 + size
        kind, length, start = self._head(first, at)
        if kind == "dictionary":
            return self._dictionary(start, length, depth)
        if kind == "list":
            return self._list(start, length, depth)
        if kind == "type":
            return self._typed(start, length, depth)
        self._check(start, length)
        if kind == "bytes":  # stepped over: the values of an array, or nothing of interest
            return Span(start, start + length), start + length
        return self._bytes(start, length).decode("utf-8", "backslashreplace"), start + length

    def _head(self, first: int, at: int) -> tuple[str, int, int]:
        """Kind of an item, its length, and where its content begins."""
        if first < 0x90:
            return "dictionary", first & 0x0F, at + 1
        if first < 0xA0:
            return "list", first & 0x0F, at + 1
        if first < 0xC0:
            return "text", first & 0x1F, at + 1
        if first in _TYPES:
            return "type", _TYPES[first], at + 1
        if first not in _LENGTHS:
            raise ValueError(f"no item begins at byte {at}")
        kind, code = _LENGTHS[first]
        size = struct.calcsize(code)
        length: int = struct.unpack(code, self._bytes(at + 1, size))[0]
        return kind, length, at + 1 + size

    def _dictionary(self, at: int, length: int, depth: int) -> tuple[dict[Any, Any], int]:
        found: dict[Any, Any] = {}
        for _ in range(length):
            key, at = self.item(at, depth - 1)
            if not isinstance(key, (str, int)):
                raise ValueError(f"a key before byte {at} is neither text nor a number")
            found[key], at = self.item(at, depth - 1)
        return found, at

    def _list(self, at: int, length: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        for _ in range(length):
            made, at = self.item(at, depth - 1)
            found.append(made)
        return found, at

    def _typed(self, at: int, length: int, depth: int) -> tuple[Any, int]:
        """An item of a type that Flax defines: an array is a list of shape, type and bytes."""
        kind, start = self._bytes(at, 1)[0], at + 1
        self._check(start, length)
        if kind not in (_ARRAY, _NUMBER):
            return None, start + length
        parts, after = self.item(start, depth - 1)
        is_array = isinstance(parts, list) and len(parts) == 3 and isinstance(parts[2], Span)
        if after != start + length or not is_array:
            raise ValueError(f"no array is at byte {start}")
        shape, name, span = parts
        is_shape = isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape)
        if not is_shape or name not in BY_NAME:
            raise UnsupportedError(f"{self.path}: an array is of type {name!r}, not known here")
        return _checked(tuple(shape), BY_NAME[name], (span,)), after

    def _bytes(self, at: int, length: int) -> bytes:
        self._check(at, length)
        self._window.view(at, min(at + max(length, _HEAD), self.source.n_bytes))
        return self._window.bytes(at, at + length)

    def _check(self, at: int, length: int) -> None:
        if at + length > self.source.n_bytes:
            raise ValueError(f"an item at byte {at} runs past the end of the file; is it whole?")
