"""Compute what steps make of stored values, where a stranger's file may say anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

from onnx_params.errors import content_errors
from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.steps import (
    Cast,
    Dequantize,
    Key,
    Lookup,
    Permute,
    Placement,
    Reshape,
    Shape,
    Slice,
    Steps,
    Unblock,
    Unpack,
)

if TYPE_CHECKING:
    import numpy as np

    from onnx_params.tensors.stored import StoredTensor

Read = Callable[[Key], "np.ndarray"]


def apply(values: np.ndarray, steps: Steps, read: Read, where: str = "a placement") -> np.ndarray:
    """The values that ``steps`` make of ``values``; ``read`` gives scales and zero points.

    Imports NumPy.

    Raises :class:`FormatError`, which names ``where``, if the steps do not fit the values: a scale
    of another size, axes that are not there.
    """
    if not steps:
        return values
    with content_errors(where):
        return _applied(values, steps, read)


def rearranged(values: np.ndarray, steps: Steps) -> np.ndarray:
    """What ``steps`` that need no scales make of ``values``; see :func:`apply`."""
    return apply(values, steps, _no_scales)


def _no_scales(key: Key) -> np.ndarray:
    raise AssertionError(key)


def _applied(values: np.ndarray, steps: Steps, read: Read) -> np.ndarray:
    import numpy as np

    for step in steps:
        match step:
            case Permute(axes):
                values = values.transpose(axes)
            case Reshape(shape):
                values = values.reshape(shape)
            case Slice(axis, runs):
                index = (slice(None),) * axis
                parts = [values[(*index, slice(start, stop))] for start, stop in runs]
                values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
            case Unpack(bits, high_first):
                values = unpacked(values, bits, high_first)
            case Lookup(codebook):
                values = np.asarray(CODEBOOKS[codebook], np.float32)[values]
            case Unblock():
                values = _unblocked(values, step)
            case Dequantize():
                values = _dequantized(values, step, read)
            case Cast(name):
                values = values.astype(dtype_of(name))
            case _:
                assert_never(step)
    return values


def evaluate(held: Mapping[Key, StoredTensor], placement: Placement) -> np.ndarray:
    """The values of a parameter that a placement holds, in its original layout.

    Reads the stored tensor and what its steps refer to.

    Raises :class:`FormatError` where the steps do not fit what is stored.
    """
    with content_errors(f"'{placement.key[1]}'"):  # a key that is not there
        tensor = held[placement.key]
    return apply(
        tensor.read(),
        placement.steps,
        lambda key: held[key].read(),
        f"{tensor.source.label}: tensor '{tensor.name}'",
    )


def evaluate_all(
    held: Mapping[Key, StoredTensor], placements: Sequence[Placement], axis: int = 0
) -> np.ndarray:
    """The values of a parameter that lies in several placements, joined along an axis. Reads them.

    Raises :class:`FormatError` where they do not fit together.
    """
    import numpy as np

    parts = [evaluate(held, placement) for placement in placements]
    if len(parts) == 1:
        return parts[0]
    names = ", ".join(f"'{placement.key[1]}'" for placement in placements[:3])
    with content_errors(names):
        return np.concatenate(parts, axis)


def dtype_of(name: str) -> np.dtype:
    """The NumPy type of that name, ml_dtypes' where NumPy has none."""
    import numpy as np

    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        found: np.dtype = np.dtype(getattr(ml_dtypes, name))
        return found


def unpacked(values: np.ndarray, bits: int, high_first: bool = False) -> np.ndarray:
    """The codes in the bytes of the last axis, low bits first unless ``high_first``."""
    import numpy as np

    if bits == 8:
        return values
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    if high_first:
        shifts = shifts[::-1]
    fields = (values[..., None] >> shifts) & ((1 << bits) - 1)
    return fields.reshape(*values.shape[:-1], values.shape[-1] * 8 // bits)


def _unblocked(values: np.ndarray, step: Unblock) -> np.ndarray:
    if values.ndim == 1:
        return values
    out, entering, *window = values.shape
    if step.inner > 1:
        blocks = values.reshape(
            out // step.outer, entering // step.inner, *window, step.inner, step.outer
        )
        return blocks.transpose(0, 5, 1, 4, 2, 3).reshape(values.shape)
    return (
        values.reshape(out // step.outer, entering, *window, step.outer)
        .transpose(0, 4, 1, 2, 3)
        .reshape(values.shape)
    )


def spread(
    numbers: np.ndarray, step: Dequantize, shape: Shape, groups: np.ndarray | None = None
) -> np.ndarray:
    """Scales or zero points of a step beside the elements of ``shape`` that they belong to;
    ``groups`` are the values of the step's own, where it has them.

    The result can be broadcast to ``shape``. Raises ``ValueError`` or ``IndexError`` where they do
    not fit.
    """
    import numpy as np

    if numbers.size == 1:
        return numbers.reshape(())
    axis = (step.axis or 0) % len(shape)
    blocks = (*shape[:axis], -(-shape[axis] // (step.block or 1)), *shape[axis + 1 :])
    if groups is not None:
        return np.take(numbers.reshape(-1)[: math.prod(blocks)].reshape(blocks), groups, axis)
    if step.block:
        wide = np.repeat(numbers.reshape(-1)[: math.prod(blocks)].reshape(blocks), step.block, axis)
        return wide[(*(slice(None),) * axis, slice(0, shape[axis]))]
    if numbers.ndim == 2 < len(shape) and numbers.shape == (shape[0], shape[axis]):
        return numbers.reshape(  # of each direction, along an axis
            (shape[0], *(1,) * (axis - 1), -1, *(1,) * (len(shape) - axis - 1))
        )
    if numbers.ndim == len(shape) or math.prod(numbers.shape) != shape[axis]:
        return numbers.reshape((*numbers.shape[: len(shape)], *(1,) * (len(shape) - numbers.ndim)))
    return numbers.reshape((*(1,) * axis, -1, *(1,) * (len(shape) - axis - 1)))


def scale_of(step: Dequantize, read: Read) -> np.ndarray:
    """The scales of a step as float32. Reads them."""
    import numpy as np

    scale = read(step.scale)
    if step.scale_type:
        scale = scale.view(dtype_of(step.scale_type))
    return scale.astype(np.float32)


def zero_of(step: Dequantize, shape: Shape, read: Read) -> np.ndarray | None:
    """The zero points of a step on codes of ``shape``, unpacked; ``None`` where it has none. Reads
    them.
    """
    import numpy as np

    if step.zero is None:
        return None
    stored = read(step.zero)
    if step.zero_bits and stored.dtype == np.uint8 and stored.size:
        axis = (step.axis or 0) % len(shape)
        rows = math.prod(shape[:axis])
        blocks = -(-shape[axis] // step.block)
        stored = unpacked(stored.reshape(rows, -1), step.zero_bits)[:, :blocks]
    return stored if stored.size else None


def _dequantized(values: np.ndarray, step: Dequantize, read: Read) -> np.ndarray:
    groups = None if step.groups is None else read(step.groups).reshape(-1)
    zero = zero_of(step, values.shape, read)
    return dequantized(values, step, scale_of(step, read), zero, read, groups)


def dequantized(
    values: np.ndarray,
    step: Dequantize,
    scale: np.ndarray,
    zero: np.ndarray | None,
    read: Read,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Codes as numbers, by scales and zero points that were read: those of the step, or of some of
    its lines where the codes are of these.
    """
    import numpy as np

    offset = np.full((), step.offset, np.float32)
    if zero is not None:
        offset = spread(zero.astype(np.float32), step, values.shape, groups)
    beside = spread(scale, step, values.shape, groups)
    with np.errstate(over="ignore", invalid="ignore"):  # scales of damaged files, too, are numbers
        found: np.ndarray = (values.astype(np.float32) - offset) * beside
        if step.second is not None:
            found = found * read(step.second).astype(np.float32).reshape(())
    return found
