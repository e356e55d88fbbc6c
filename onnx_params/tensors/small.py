"""Read short tensors without NumPy, whose import a report does not pay: shapes, axes, whether a
vector is all zeros or all ones, how many different ones a table has.
"""

from __future__ import annotations

import itertools
import math
import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Final

from onnx_params.errors import OnnxParamsError
from onnx_params.io.wire import signed, varints
from onnx_params.tensors.encoding import IN_PLACE, Encoding
from onnx_params.tensors.stored import StoredTensor

_CODES_OF_BYTES: Final = {"int8": "b", "uint8": "B"}
_CODES: Final = {64: "Q", 32: "I", 16: "H", 8: "B"}  # of array, by the width of an element
_FLOATS: Final = {"float64": "d", "float32": "f", "float16": "e"}  # of struct
MASK_NUMBERS: Final = 3  # different ones of a mask at most: zero, the least number, infinity
DIGITS: Final = 3  # of a number that somebody wrote down
MAX_WRITTEN: Final = 4096  # elements of what is read to see that
MAX_BYTES: Final = 1 << 20  # of a tensor that is read to see what fills it
# the bytes of a one, little-endian. Source: IEEE 754; bfloat16 is the upper half of float32
_ONE: Final = {
    "float64": struct.pack("<d", 1.0),
    "float32": struct.pack("<f", 1.0),
    "float16": struct.pack("<e", 1.0),
    "bfloat16": struct.pack("<f", 1.0)[2:],
}


def integers(tensor: StoredTensor, most: int) -> tuple[int, ...] | None:
    """The numbers of an int64 tensor of at most ``most`` elements in the model's own file; ``None``
    where it is none. Reads them.
    """
    if tensor.dtype.name != "int64" or tensor.count > most or tensor.external is not None:
        return None
    data = b"".join(tensor.source.read(span.start, span.n_bytes) for span in tensor.spans)
    if tensor.encoding is Encoding.RAW and len(data) == 8 * tensor.count:
        return struct.unpack(f"<{tensor.count}q", data)
    if tensor.encoding is Encoding.INT64S:
        return tuple(map(signed, varints(data)))
    return () if not tensor.count else None


def is_zeros(tensor: StoredTensor, start: int = 0, stop: int | None = None) -> bool:
    """Whether the elements from ``start`` up to ``stop`` are zeros, without a sign. Reads them."""
    data = _elements(tensor, start, stop)
    return bool(data) and not any(data)


def is_ones(tensor: StoredTensor) -> bool:
    """Whether all elements are ones. Reads them."""
    data = _elements(tensor, 0, None)
    one = _ONE.get(tensor.dtype.name, b"")
    return bool(data) and bool(one) and data == one * tensor.count


def _whole(tensor: StoredTensor) -> bytes:
    """The bytes of all elements; none where they are elsewhere, or are too many."""
    is_plain = tensor.dtype.bits >= 8 and tensor.indices is None
    if not is_plain or tensor.encoding not in IN_PLACE or tensor.n_bytes > MAX_BYTES:
        return b""
    try:
        return _payload(tensor)
    except OnnxParamsError:  # the file that has them is not there, or is shorter
        return b""


def _elements(tensor: StoredTensor, start: int, stop: int | None) -> bytes:
    """The bytes of floating-point elements; none where they are elsewhere, or are too many."""
    data = _whole(tensor) if tensor.dtype.is_float else b""
    width = tensor.dtype.bits // 8
    return data[start * width : (tensor.count if stop is None else stop) * width]


def _payload(tensor: StoredTensor, most: int = MAX_BYTES) -> bytes:
    """The payload's bytes, the first ``most`` of each piece."""
    if tensor.external is not None:
        span = tensor.external_span
        return tensor.external.file.open().read(span.start, min(most, span.n_bytes))
    return b"".join(
        tensor.source.read(span.start, min(most, span.n_bytes)) for span in tensor.spans
    )


def _front(tensor: StoredTensor, count: int) -> bytes:
    """The bytes of the first ``count`` elements; none where they are elsewhere, or in pieces."""
    width = tensor.dtype.bits // 8
    is_plain = width and tensor.indices is None and tensor.encoding in IN_PLACE
    if not is_plain or len(tensor.spans) > 1:
        return b""
    try:
        return _payload(tensor, count * width)
    except OnnxParamsError:  # the file that has them is not there, or is shorter
        return b""


def first_numbers(tensor: StoredTensor, count: int) -> tuple[float, ...]:
    """The first ``count`` elements of a floating-point tensor; none where they cannot be read so,
    or are too many. Reads them.
    """
    if count * tensor.dtype.bits // 8 > MAX_BYTES:
        return ()
    is_upper_half = tensor.dtype.name == "bfloat16"  # of float32
    code = "H" if is_upper_half else _FLOATS.get(tensor.dtype.name, "")
    data = _front(tensor, count) if code and count <= tensor.count else b""
    if len(data) != count * tensor.dtype.bits // 8:
        return ()
    numbers = struct.unpack(f"<{count}{code}", data)
    if not is_upper_half:
        return numbers
    whole = struct.pack(f"<{count}I", *(number << 16 for number in numbers))
    return struct.unpack(f"<{count}f", whole)


def first_codes(tensor: StoredTensor, count: int) -> tuple[int, ...]:
    """The first ``count`` elements of a tensor of 8 bits; none where it has others. Reads them."""
    code = _CODES_OF_BYTES.get(tensor.dtype.name)
    if code is None or count > MAX_BYTES:
        return ()
    if tensor.encoding is Encoding.INT32S:  # as zero points are written
        try:
            return tuple(map(signed, itertools.islice(varints(_payload(tensor)), count)))
        except OnnxParamsError:
            return ()
    data = _front(tensor, count)
    return struct.unpack(f"<{count}{code}", data) if len(data) == count else ()


def has_few_numbers(tensor: StoredTensor, most: int) -> bool:
    """Whether at most ``most`` different elements are in what is read of a tensor: the first
    ``MAX_BYTES``.
    """
    code = _CODES.get(tensor.dtype.bits)
    data = _front(tensor, MAX_BYTES // max(1, tensor.dtype.bits // 8)) if code else b""
    if code is None or not data or sys.byteorder != "little":
        return False
    return len(set(array(code, data))) <= most


def are_written_down(tensor: StoredTensor) -> bool:
    """Whether the numbers of a float32 tensor, of which there are different ones, are all those of
    three digits at most: somebody wrote them down, for numbers that were trained have more. Reads a
    small one.
    """
    if tensor.dtype.name != "float32" or not 1 < tensor.count <= MAX_WRITTEN:
        return False
    numbers = first_numbers(tensor, tensor.count)
    return len(set(numbers)) > 1 and all(map(_has_few_digits, numbers))


def _has_few_digits(number: float) -> bool:
    if not math.isfinite(number):
        return False
    (rounded,) = struct.unpack("<f", struct.pack("<f", float(f"{number:.{DIGITS}g}")))
    return bool(rounded == number)


def repeated_axes(tensor: StoredTensor) -> tuple[int, ...]:
    """The axes longer than one along which all values are the same; none where its elements cannot
    be read so. Reads them.
    """
    data = _whole(tensor)
    width = tensor.dtype.bits // 8
    found = []
    for axis, dim in enumerate(tensor.shape):
        size = math.prod(tensor.shape[axis + 1 :]) * width
        starts = range(0, len(data), size * dim) if dim > 1 and size else ()
        if starts and all(
            data[start : start + size * dim] == data[start : start + size] * dim for start in starts
        ):
            found.append(axis)
    return tuple(found)


def without_repeats(tensor: StoredTensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape of as many axes as a tensor has, with one for each along which all values are the
    same. Reads them.
    """
    gone = repeated_axes(tensor)
    return tuple(1 if axis in gone else dim for axis, dim in enumerate(shape))


def bit_patterns(tensor: StoredTensor) -> Sequence[int]:
    """All elements as the numbers that their bits are, to see which are the same; none where they
    cannot be read so. Reads them.
    """
    code = _CODES.get(tensor.dtype.bits)
    data = _whole(tensor) if code is not None else b""
    if code is None or not data or sys.byteorder != "little":
        return ()
    return array(code, data)


def distinct_lines(tensor: StoredTensor, axis: int) -> int | None:
    """How many different vectors along an axis a tensor has; ``None`` where its elements cannot be
    read so. Reads them.
    """
    values = bit_patterns(tensor)
    if not values:
        return None
    inner = math.prod(tensor.shape[axis + 1 :])
    length = tensor.shape[axis]
    found = {
        tuple(values[start + place : start + length * inner : inner])
        for start in range(0, len(values), length * inner)
        for place in range(inner)
    }
    return len(found)


def distinct_elements(tensor: StoredTensor) -> int | None:
    """How many different elements a tensor has; ``None`` where they cannot be read so. Reads
    them.
    """
    return distinct_lines(tensor._replace(shape=(tensor.count, 1)), 1)  # lines of one
