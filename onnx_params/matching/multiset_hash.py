"""Sum a tensor's elements up so that their order does not matter.

Equal multisets have equal sums, and a whole has the sum of its parts. The bits of each element go
through a 32-bit mixer (multiply, fold, multiply); zero goes to zero, so that padding adds nothing.
Equal sums are candidates and no proof.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params.matching.casts import cast_to
from onnx_params.tensors.chunks import chunks
from onnx_params.tensors.stored import StoredTensor

_BATCH: Final = 1 << 17  # elements mixed at once


_FIRST, _SECOND = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)


def bits_of(values: np.ndarray) -> np.ndarray:
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
    """The sum over a tensor's elements, after a cast if one is named. Reads all values,
    in chunks.
    """
    total = 0
    for values in chunks(tensor):
        words = bits_of(values if cast is None else cast_to(values, cast))
        for start in range(0, len(words), _BATCH):
            total += int(mixed(words[start : start + _BATCH]).sum(dtype=np.uint64))
    return total & (2**64 - 1)


def line_digests(values: np.ndarray) -> np.ndarray:
    """The sum over each row of a matrix, as ``uint64``."""
    width = int(values.shape[-1])
    words = bits_of(np.ascontiguousarray(values)).reshape(-1, width)
    found = np.empty(len(words), np.uint64)
    step = max(1, _BATCH // max(1, width))
    for start in range(0, len(words), step):
        rows = words[start : start + step]
        found[start : start + step] = (
            mixed(rows.reshape(-1)).reshape(rows.shape).sum(axis=1, dtype=np.uint64)
        )
    return found
