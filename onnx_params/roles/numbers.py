"""Read the numbers for which codes stand, so that rules hold for quantized tensors."""

from __future__ import annotations

import math
import struct
from functools import partial
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.scales import scale_of
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.small import first_codes, first_numbers
from onnx_params.tensors.stored import StoredTensor

MAX_CODES: Final = 1 << 13  # of a tensor that is read
_FLOAT: Final = BY_NAME["float32"]


def with_numbers(model: Model, tensor: StoredTensor) -> StoredTensor:
    """A small tensor of codes of 8 bits as one of the float32 numbers that they stand for, under
    the same name and in the same place; any other as it is. Codes are read when the numbers are.
    """
    if not tensor.dtype.is_narrow_integer or tensor.dtype.bits != 8:
        return tensor
    if not 1 < tensor.count <= MAX_CODES:
        return tensor
    said = scale_of(model, tensor)
    if said is None or said.block or said.second is not None or said.groups is not None:
        return tensor
    scale = model.stored[said.scale]
    zero = None if said.zero is None else model.stored.get(said.zero)
    rank = len(tensor.shape)
    axis = said.axis or 0
    axis += rank if axis < 0 else 0
    if scale.count != 1 and (not 0 <= axis < rank or scale.count != tensor.shape[axis]):
        return tensor
    size = math.prod(tensor.shape[axis + 1 :]) if scale.count > 1 else tensor.count
    n_bytes = _FLOAT.packed_length(tensor.count)
    make = partial(_numbers, tensor, scale, zero, size)
    return tensor._replace(
        dtype=_FLOAT,
        encoding=Encoding.DECODED,
        spans=(Span(0, n_bytes),),
        source=ComputedSource(f"numbers of '{tensor.name}'", n_bytes, make),
        external=None,
    )


def _numbers(
    tensor: StoredTensor, scale: StoredTensor, zero: StoredTensor | None, size: int
) -> bytes:
    """Codes less their zero point, times the scale, which each ``size`` elements share; nothing
    where they cannot be read so.
    """
    codes = first_codes(tensor, tensor.count)
    scales = first_numbers(scale, scale.count)
    zeros = (0,) if zero is None else first_codes(zero, zero.count)
    if not codes or not scales or not zeros:
        return b""
    numbers = (
        (code - zeros[at // size % len(zeros)]) * scales[at // size % len(scales)]
        for at, code in enumerate(codes)
    )
    try:
        return struct.pack(f"<{len(codes)}f", *numbers)
    except OverflowError:  # beyond float32
        return b""
