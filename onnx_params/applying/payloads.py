"""Make the new payload of a stored tensor, some of it at a time where its layout allows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from onnx_params.applying.casting import cast
from onnx_params.applying.shares import Share
from onnx_params.io.patches import CHUNK
from onnx_params.io.sources import BytesSource, Source
from onnx_params.io.wire import I32, LEN, Window, fields
from onnx_params.tensors.chunks import chunks, in_place
from onnx_params.tensors.encode import RAW, encoded, packed
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import SWAP, Cast
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.undo import undone

BAND: Final = 256 << 20  # bytes of a transposed matrix made at once
# rows and columns turned at once: more rows would share the lines of a cache, for the widths of
# matrices are powers of two
LINES: Final = 64
TILE: Final = 512
_FLOATS: Final = (2, 7)  # AttributeProto.f and .floats
Place = tuple[Source, int, np.dtype]


def payload(stored: StoredTensor, shares: Sequence[Share]) -> Iterator[bytes]:
    """The bytes that a stored tensor gets: the shares where they belong, the rest as it is.

    Touches the disk. Raises :class:`FormatError` where values do not fit.
    """
    first = shares[0]
    steps = tuple(step for step in first.steps if not isinstance(step, Cast))
    is_streamed = (
        len(shares) == 1
        and first.part is None
        and stored.dtype.bits >= 8
        and stored.encoding in RAW
    )
    if is_streamed and not steps and first.tensor.shape == stored.shape:
        yield from _straight(stored, first.tensor)
        return
    place = in_place(first.tensor)
    if is_streamed and steps == (SWAP,) and place is not None:
        yield from _turned(stored, first.tensor, place)
        return
    values = written(stored, shares)
    if stored.encoding is Encoding.FIELDS:
        yield in_fields(stored, values)
        return
    yield encoded(values, stored.dtype, stored.encoding)


def in_fields(stored: StoredTensor, values: np.ndarray) -> bytes:
    """The fields of an attribute that hold floats, packed or one by one, with other numbers in
    them. Reads them.
    """
    start, stop = stored.spans[0].start, stored.spans[-1].stop
    data = bytearray(stored.source.read(start, stop - start))
    numbers = np.ascontiguousarray(values.astype("<f4")).tobytes()
    at = 0
    window = Window(BytesSource(bytes(data), stored.source.label))
    for span in stored.spans:
        for number, kind, a, b in fields(window, span.start - start, span.stop - start):
            if kind in (I32, LEN) and number in _FLOATS:
                data[a:b] = numbers[at : at + b - a]
                at += b - a
    return bytes(data)


def written(stored: StoredTensor, shares: Sequence[Share]) -> np.ndarray:
    """The whole array that a stored tensor becomes. Reads what it is now, and the new values."""
    values = stored.read()
    where = f"{stored.source.label}: tensor '{stored.name}'"
    for share in shares:
        values = undone(values, share.steps, cast(share.read(), stored.dtype), where)
    return values


def _straight(stored: StoredTensor, tensor: StoredTensor) -> Iterator[bytes]:
    """Elements in the same order, cast if need be."""
    place = in_place(tensor)
    if place is not None and tensor.dtype == stored.dtype:
        source, start, dtype = place
        n_bytes = tensor.count * dtype.itemsize
        step = CHUNK
        for at in range(0, n_bytes, step):
            yield source.read(start + at, min(step, n_bytes - at))
        return
    for some in chunks(tensor):
        yield packed(cast(some, stored.dtype), stored.dtype)


def _turned(stored: StoredTensor, tensor: StoredTensor, place: Place) -> Iterator[bytes]:
    """A matrix transposed, a band of its columns at a time."""
    rows, columns = tensor.shape
    width = place[2].itemsize
    height = max(TILE, min(columns, BAND // max(1, rows * width)))
    band = np.empty((height, rows), place[2])
    for left in range(0, columns, height):
        right = min(columns, left + height)
        made = band[: right - left]
        for top in range(0, rows, LINES):
            lines = _lines(place, top, min(rows, top + LINES), columns)
            _turn(lines[:, left:right], made[:, top : top + LINES])
        step = max(1, CHUNK // max(1, rows * width))
        for at in range(0, right - left, step):
            yield packed(cast(made[at : at + step], stored.dtype), stored.dtype)


def _lines(place: Place, top: int, bottom: int, columns: int) -> np.ndarray:
    """Some rows of a matrix."""
    source, start, dtype = place
    n_bytes = columns * dtype.itemsize
    data = source.read(start + top * n_bytes, (bottom - top) * n_bytes)
    return np.frombuffer(data, dtype).reshape(-1, columns)


def _turn(lines: np.ndarray, band: np.ndarray) -> None:
    """Write some rows transposed into a band, a tile at a time."""
    for at in range(0, lines.shape[1], TILE):
        band[at : at + TILE] = lines[:, at : at + TILE].T
