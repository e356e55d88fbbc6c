"""Sum up a tensor's elements so that their order does not matter: equal multisets have equal sums,
and a whole has the sum of its parts.

Each element's bits go through a 32-bit mixer (multiply, fold, multiply); zero goes to zero, so that
padding adds nothing. Equal sums are candidates and no proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from onnx_params.tensors.steps import dtype_of
from onnx_params.tensors.stored import Encoding, StoredTensor

if TYPE_CHECKING:
    from onnx_params.io.wire import Source

CHUNK: Final = 1 << 20  # bytes read at once: what the second-level cache holds twice
_BATCH: Final = 1 << 17  # elements mixed at once
_FIRST, _SECOND = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)
_HALF_BOUNDS: Final = ((5.96e-08, 65504.0), (1e-7, 1e4))
_IN_PLACE: Final = frozenset({Encoding.RAW, Encoding.FLOATS, Encoding.DOUBLES, Encoding.EXTERNAL})


def words_of(values: np.ndarray) -> np.ndarray:
    """The bits of an array's elements as 32-bit words; 64-bit elements are folded into 32."""
    width = values.dtype.itemsize
    bits = (
        values.reshape(-1).view(f"<u{width}")
        if width in (1, 2, 4, 8)
        else np.frombuffer(values.tobytes(), np.uint32)
    )
    if width == 8:
        return (bits ^ (bits >> np.uint64(32)) * np.uint64(0x85EBCA6B)).astype(np.uint32)
    return bits if bits.dtype == np.uint32 else bits.astype(np.uint32)


def mixed(words: np.ndarray) -> np.ndarray:
    """Each word through the mixer; a new array of ``uint32``."""
    found: np.ndarray = words * _FIRST
    np.bitwise_xor(found, found >> np.uint32(15), out=found)
    np.multiply(found, _SECOND, out=found)
    return found


def digest(tensor: StoredTensor, cast: str | None = None) -> int:
    """The sum over a tensor's elements, after a cast if one is named. Reads all values, in chunks."""
    total = 0
    for values in chunks(tensor):
        words = words_of(values if cast is None else cast_to(values, cast))
        for start in range(0, len(words), _BATCH):
            total += int(mixed(words[start : start + _BATCH]).sum(dtype=np.uint64))
    return total & (2**64 - 1)


def cast_to(values: np.ndarray, name: str) -> np.ndarray:
    """Values as another floating-point type; what is too large becomes infinite, without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype_of(name))


def casts_to(values: np.ndarray, name: str) -> Iterator[np.ndarray]:
    """Values as another type, in every way that converters cast.

    Converters to float16 take numbers whose size is below or above some bounds for those bounds.
    Sources: onnxruntime, ``transformers/float16.py``, and onnxconverter-common, ``float16.py``,
    both convert_np_to_float16.
    """
    yield cast_to(values, name)
    for low, high in (
        _HALF_BOUNDS
        if name == "float16" and values.dtype.kind == "f" and values.dtype.itemsize > 2
        else ()
    ):
        size = np.abs(values)
        bounded = np.where(
            (size > 0) & (size < low),
            np.copysign(low, values),
            np.where(np.isfinite(values), np.clip(values, -high, high), values),
        )
        yield cast_to(bounded, name)


def line_digests(values: np.ndarray) -> np.ndarray:
    """The sum over each row of a matrix, as ``uint64``."""
    width = int(values.shape[-1])
    words = words_of(np.ascontiguousarray(values)).reshape(-1, width)
    found = np.empty(len(words), np.uint64)
    step = max(1, _BATCH // max(1, width))
    for start in range(0, len(words), step):
        rows = words[start : start + step]
        found[start : start + step] = (
            mixed(rows.reshape(-1)).reshape(rows.shape).sum(axis=1, dtype=np.uint64)
        )
    return found


def chunks(tensor: StoredTensor) -> Iterator[np.ndarray]:
    """A tensor's elements in order, some at a time, flat. Reads all values."""
    place = in_place(tensor)
    if place is None:
        yield tensor.read().reshape(-1)
        return
    source, start, dtype = place
    width = dtype.itemsize
    step = max(1, CHUNK // width)
    for at in range(0, tensor.count, step):
        n = min(step, tensor.count - at)
        yield np.frombuffer(source.read(start + at * width, n * width), dtype)


def in_place(tensor: StoredTensor) -> tuple[Source, int, np.dtype] | None:
    """Where a tensor's elements lie side by side, one in whole bytes each; ``None`` where they do
    not.
    """
    if tensor.encoding not in _IN_PLACE or tensor.dtype.bits < 8 or tensor.indices is not None:
        return None
    dtype = (
        np.dtype(tensor.dtype.numpy)
        if tensor.dtype.numpy is not None
        else dtype_of(tensor.dtype.name)
    )
    if tensor.external is not None:
        return tensor.external.file.open(), tensor.external.offset, dtype
    if len(tensor.spans) != 1:
        return None
    return tensor.source, tensor.spans[0].start, dtype
