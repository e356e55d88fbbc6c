"""Read a tensor's elements in order, some at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from onnx_params.tensors.encoding import IN_PLACE
from onnx_params.tensors.evaluate import dtype_of
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    from onnx_params.io.sources import Source

CHUNK: Final = 1 << 20  # bytes read at once: what the second-level cache holds twice


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
    if tensor.encoding not in IN_PLACE or tensor.dtype.bits < 8 or tensor.indices is not None:
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
