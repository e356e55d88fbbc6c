"""Describe how a parameter's values come out of stored ones: a chain of steps.

The shape after each step follows from headers; :mod:`onnx_params.tensors.evaluate` computes values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, assert_never

Key = tuple[str, str]


Shape = tuple[int, ...]


Runs = tuple[tuple[int, int], ...]


class Permute(NamedTuple):
    """Axes in another order, as ``numpy.transpose``."""

    axes: tuple[int, ...]


class Reshape(NamedTuple):
    """The same elements in the same order under another shape."""

    shape: Shape


class Slice(NamedTuple):
    """Runs ``[start, stop)`` along one axis, one after the other: a part, or blocks in another
    order.
    """

    axis: int
    runs: Runs


class Unpack(NamedTuple):
    """Elements of fewer than 8 bits out of the bytes of the last axis, as ``uint8``: low bits first
    unless ``high_first``.
    """

    bits: int
    high_first: bool = False


class Lookup(NamedTuple):
    """Codes as the numbers of a table (:mod:`onnx_params.tensors.codebooks`), in float32."""

    codebook: str


class Unblock(NamedTuple):
    """Convolution weights out of onnxruntime's blocks of channels:

    ``[O/b, I/b, h, w, b, b]`` or ``[O/b, I, h, w, b]`` -> ``[O, I, h, w]``.
    """

    outer: int
    inner: int


class Dequantize(NamedTuple):
    """``(x - zero) * scale`` in float32, per tensor, along ``axis``, or in blocks of ``block``
    elements along it.

    ``second`` is a further scale to multiply by (an int32 bias takes the input's and the weight's).
    ``zero`` may be packed in ``zero_bits``; where there is none, ``offset`` represents it. Where
    elements of a block do not stand side by side, ``groups`` has the block of each line of
    ``axis``. ``scale_type`` is the type of which the scale's bytes are numbers, where they are
    stored as ``uint8``.
    """

    scale: Key
    zero: Key | None = None
    axis: int | None = None
    block: int = 0
    second: Key | None = None
    zero_bits: int = 0
    offset: int = 0
    groups: Key | None = None
    scale_type: str = ""


class Cast(NamedTuple):
    """Another element type; ``numpy`` is its name there or in ml_dtypes."""

    numpy: str


Step = Permute | Reshape | Slice | Unpack | Lookup | Unblock | Dequantize | Cast


Steps = tuple[Step, ...]


SWAP: Final = Permute((1, 0))


class Placement(NamedTuple):
    """One stored tensor's share of a parameter."""

    key: Key
    steps: Steps = ()


def chain(*steps: Step) -> Steps:
    """The steps with neighbours merged that are one: two permutations, two reshapes; what changes
    nothing falls out.
    """
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if (
            isinstance(step, Permute)
            and isinstance(last, Permute)
            and len(step.axes) == len(last.axes)
        ):
            found[-1] = Permute(tuple(last.axes[axis] for axis in step.axes))
        elif isinstance(step, Reshape) and isinstance(last, Reshape):
            found[-1] = step
        else:
            found.append(step)
        if isinstance(found[-1], Permute) and found[-1].axes == tuple(range(len(found[-1].axes))):
            found.pop()
    return tuple(found)


def without_ones(shape: Shape) -> Shape:
    """A shape without its axes of one."""
    return tuple(dim for dim in shape if dim != 1)


def shape_after(shape: Shape, steps: Steps) -> Shape:
    """The shape that ``steps`` make of ``shape``; reads nothing.

    Raises ``ValueError`` or ``IndexError`` where they do not fit it.
    """
    for step in steps:
        match step:
            case Permute(axes):
                if len(axes) != len(shape):
                    raise ValueError(f"{len(axes)} axes for the shape {shape}")
                shape = tuple(shape[axis] for axis in axes)
            case Reshape(new):
                shape = new
            case Slice(axis, runs):
                shape = (
                    *shape[:axis],
                    sum(stop - start for start, stop in runs),
                    *shape[axis + 1 :],
                )
            case Unpack(bits, _):
                shape = (*shape[:-1], shape[-1] * 8 // bits)
            case Lookup() | Unblock() | Dequantize() | Cast():
                pass
            case _:
                assert_never(step)
    return shape


def joined_shape(shapes: Sequence[Shape], axis: int) -> Shape:
    """The shape of arrays side by side along an axis.

    Raises ``IndexError`` where there is no such axis.
    """
    first = shapes[0]
    if len(shapes) == 1:
        return first
    return (*first[:axis], sum(each[axis] for each in shapes), *first[axis + 1 :])


def describe(steps: Steps) -> tuple[str, ...]:
    """What each step is called in a report."""
    found = []
    for step in steps:
        match step:
            case Permute(axes):
                found.append("transposed" if axes == (1, 0) else "permuted")
            case Reshape():
                found.append("reshaped")
            case Slice(_, runs):
                found.append("part" if len(runs) == 1 else "reordered")
            case Unpack():
                found.append("unpacked")
            case Unblock():
                found.append("unblocked")
            case Lookup() | Dequantize():
                found.append("dequantized")
            case Cast():
                found.append("cast")
            case _:
                assert_never(step)
    return tuple(dict.fromkeys(found))


def dequantizes(steps: Steps) -> bool:
    """Whether steps make numbers of codes."""
    return any(isinstance(step, Dequantize) for step in steps)


def is_exact(steps: Steps) -> bool:
    """Whether every bit of the original is in storage: nothing was rounded."""
    return not any(isinstance(step, (Lookup, Dequantize, Cast)) for step in steps)
