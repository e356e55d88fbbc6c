"""Read a few rows of a parameter out of storage, also where it is quantized: cost follows the rows,
not the tensor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from onnx_params.errors import content_errors
from onnx_params.io.sources import BytesSource, FileSource
from onnx_params.tensors.decode import taken
from onnx_params.tensors.encoding import IN_PLACE, Encoding
from onnx_params.tensors.evaluate import dequantized, rearranged, scale_of, zero_of
from onnx_params.tensors.steps import (
    Dequantize,
    Key,
    Lookup,
    Permute,
    Placement,
    Reshape,
    Shape,
    Slice,
    Step,
    Steps,
    Unblock,
    Unpack,
    shape_after,
)
from onnx_params.tensors.stored import StoredTensor

COMPUTED: Final = 1 << 24  # elements of a weight that is computed whole to have some rows of it
SMALL: Final = 1 << 16  # elements that are read whole where single ones cannot be


@dataclass(frozen=True, slots=True)
class _Line:
    """A step, the shape before it, and the axes before and after it along which rows lie."""

    step: Step
    shape: Shape
    before: int
    after: int


def some_rows(
    held: Mapping[Key, StoredTensor], placement: Placement, rows: np.ndarray
) -> np.ndarray | None:
    """Some lines along the first axis of what a placement holds, as float32: ``[rows, ...]``.

    Reads those rows, and the scales and zero points of the whole. ``None`` where they cannot be had
    without many others. Raises :class:`FormatError` where the steps do not fit what is stored.
    """
    tensor = held[placement.key]
    is_in_place = tensor.encoding in IN_PLACE and _is_at_hand(tensor)
    is_computed = tensor.encoding is Encoding.COMPUTED and tensor.count <= COMPUTED
    if not is_in_place and not is_computed and tensor.count > SMALL:
        return None
    with content_errors(f"'{tensor.name}'"):
        lines = _traced(tensor.shape, placement)
        if lines is None:
            return _rows_of_run(held, tensor, placement.steps, rows)
        axis = lines[0].before if lines else 0
        if is_in_place:
            values = taken(tensor, _places(tensor.shape, axis, rows))
        else:
            values = np.take(tensor.read(), rows, axis)
        for line in lines:
            values = _applied(values, line, rows, held)
        return values.astype(np.float32)


def _rows_of_run(
    held: Mapping[Key, StoredTensor], tensor: StoredTensor, steps: Steps, rows: np.ndarray
) -> np.ndarray | None:
    """Rows of codes that are stored one after the other, with a scale for each block of them;
    ``None`` where they are not so.
    """
    *before, last = steps
    if len(tensor.shape) != 1 or not isinstance(last, Reshape) or not _is_at_hand(tensor):
        return None
    width = math.prod(last.shape[1:])
    places = rows[:, None] * width + np.arange(width)
    if not all(map(_is_of_run, before)):
        return None
    in_a_byte = next((8 // step.bits for step in before if isinstance(step, Unpack)), 1)
    if width % in_a_byte:
        return None
    values = taken(tensor, places[:, ::in_a_byte] // in_a_byte)
    for step in before:
        if isinstance(step, Dequantize):
            scale = scale_of(step, lambda key: held[key].read()).reshape(-1)
            values = (values.astype(np.float32) - step.offset) * scale[places // step.block]
        else:
            values = rearranged(values, (step,))
    return values.reshape(len(rows), *last.shape[1:]).astype(np.float32)


def _is_of_run(step: Step) -> bool:
    """Whether a step makes numbers of codes one by one, by a scale for so many of them at most."""
    if isinstance(step, Dequantize):
        has_scale_alone = step.zero is step.second is step.groups is None
        return has_scale_alone and not step.axis and step.block > 0
    return isinstance(step, (Unpack, Lookup))


def _is_at_hand(tensor: StoredTensor) -> bool:
    """Whether single elements can be had cheaply: the file is on disk or in memory."""
    external = tensor.external
    source = tensor.source if external is None else external.file.open()
    return isinstance(source, (FileSource, BytesSource))


def _places(shape: Shape, axis: int, rows: np.ndarray) -> np.ndarray:
    """The flat places of some lines along an axis, in the shape that they have together."""
    n_before, n_after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    lines = np.arange(n_before)[:, None] * shape[axis] + rows
    places: np.ndarray = lines[..., None] * n_after + np.arange(n_after)
    return places.reshape(*shape[:axis], len(rows), *shape[axis + 1 :])


def _traced(shape: Shape, placement: Placement) -> list[_Line] | None:
    """Where rows lie before and after each step; ``None`` where a step does not keep them."""
    shapes = [shape_after(shape, placement.steps[:at]) for at in range(len(placement.steps))]
    axis = 0
    lines = []
    for step, before in reversed(list(zip(placement.steps, shapes, strict=True))):
        was = _axis_before(step, before, axis)
        if was is None:
            return None
        lines.append(_Line(step, before, was, axis))
        axis = was
    return lines[::-1]


def _axis_before(step: Step, shape: Shape, axis: int) -> int | None:
    """The axis of ``shape`` that a step makes the axis ``axis``; ``None`` where it has no such."""
    match step:
        case Permute(axes):
            return axes[axis]
        case Reshape(after):
            return _axis_of_reshaped(shape, after, axis)
        case Unpack():
            return axis if axis < len(shape) - 1 else None
        case Slice(along, _):
            return axis if axis != along else None
        case Unblock():
            return None
        case Dequantize():
            along = (step.axis or 0) % max(1, len(shape))
            is_simple = step.groups is None and not (step.block and along == axis)
            return axis if is_simple else None
        case _:
            return axis


def _axis_of_reshaped(before: Shape, after: Shape, axis: int) -> int | None:
    """The axis of the same length with as many elements of axes before it."""
    leading = math.prod(after[:axis])
    found = [
        at
        for at, dim in enumerate(before)
        if dim == after[axis] and math.prod(before[:at]) == leading
    ]
    return found[0] if found else None


def _applied(
    values: np.ndarray, line: _Line, rows: np.ndarray, held: Mapping[Key, StoredTensor]
) -> np.ndarray:
    """What a step makes of some rows."""
    step = line.step
    if isinstance(step, Reshape):
        shape = (*step.shape[: line.after], len(rows), *step.shape[line.after + 1 :])
        return values.reshape(shape)
    if isinstance(step, Dequantize):
        return _dequantized(values, step, line, rows, held)
    return rearranged(values, (step,))


def _dequantized(
    values: np.ndarray,
    step: Dequantize,
    line: _Line,
    rows: np.ndarray,
    held: Mapping[Key, StoredTensor],
) -> np.ndarray:
    def read(key: Key) -> np.ndarray:
        return held[key].read()

    scale = _of_rows(scale_of(step, read), step, line, rows)
    zero = zero_of(step, line.shape, read)
    if zero is not None:
        zero = _of_rows(zero, step, line, rows)
    return dequantized(values, step, scale, zero, read)


def _of_rows(numbers: np.ndarray, step: Dequantize, line: _Line, rows: np.ndarray) -> np.ndarray:
    """The scales or zero points of some rows, of all of a step's."""
    if numbers.size == 1:
        return numbers
    shape, axis = line.shape, (step.axis or 0) % len(line.shape)
    if not step.block:
        each = numbers.reshape(shape[axis])
        return each[rows] if axis == line.before else each
    blocks = (*shape[:axis], -(-shape[axis] // step.block), *shape[axis + 1 :])
    return np.take(numbers.reshape(-1)[: math.prod(blocks)].reshape(blocks), rows, line.before)
