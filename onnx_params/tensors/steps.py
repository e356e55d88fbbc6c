"""Say how a parameter's values come out of stored ones: a chain of steps, each with its shape from
metadata and its values when asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, assert_never

from onnx_params.errors import content_errors
from onnx_params.tensors.dtypes import BY_NAME

if TYPE_CHECKING:
    import numpy as np

    from onnx_params.tensors.stored import StoredTensor

Key = tuple[str, str]
Shape = tuple[int, ...]
Runs = tuple[tuple[int, int], ...]


class Permute(NamedTuple):
    """Axes in another order, as ``numpy.transpose``."""

    axes: tuple[int, ...]


class Reshape(NamedTuple):
    """The same elements in the same order under another shape."""

    shape: Shape


class Take(NamedTuple):
    """Runs ``[start, stop)`` along one axis, one after the other: a part, or blocks in another
    order.
    """

    axis: int
    runs: Runs


class Unpack(NamedTuple):
    """Elements of fewer than 8 bits out of the bytes of the last axis, low bits first, as
    ``uint8``.
    """

    bits: int


class Unblock(NamedTuple):
    """Convolution weights out of onnxruntime's blocks of channels:

    ``[O/b, I/b, h, w, b, b]`` or ``[O/b, I, h, w, b]`` -> ``[O, I, h, w]``.
    """

    outer: int
    inner: int


class Dequantise(NamedTuple):
    """``(x - zero) * scale`` in float32, per tensor, along ``axis``, or in blocks of ``block``
    elements along it.

    ``second`` is a further scale to multiply by (an int32 bias takes the input's and the weight's).
    ``zero`` may be packed in ``zero_bits``; where there is none, ``offset`` stands for it.
    """

    scale: Key
    zero: Key | None = None
    axis: int | None = None
    block: int = 0
    second: Key | None = None
    zero_bits: int = 0
    offset: int = 0


class Cast(NamedTuple):
    """Another element type; ``numpy`` is its name there or in ml_dtypes."""

    numpy: str


Step = Permute | Reshape | Take | Unpack | Unblock | Dequantise | Cast
Steps = tuple[Step, ...]
Read = Callable[[Key], "np.ndarray"]

SWAP: Final = Permute((1, 0))


class Piece(NamedTuple):
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


def shape_after(shape: Shape, steps: Steps) -> Shape:
    """The shape that ``steps`` make of ``shape``; reads nothing."""
    for step in steps:
        match step:
            case Permute(axes):
                shape = tuple(shape[axis] for axis in axes)
            case Reshape(new):
                shape = new
            case Take(axis, runs):
                shape = (
                    *shape[:axis],
                    sum(stop - start for start, stop in runs),
                    *shape[axis + 1 :],
                )
            case Unpack(bits):
                shape = (*shape[:-1], shape[-1] * 8 // bits)
            case Unblock() | Dequantise() | Cast():
                pass
            case _:
                assert_never(step)
    return shape


def words(steps: Steps) -> tuple[str, ...]:
    """What each step is called in a report."""
    found = []
    for step in steps:
        match step:
            case Permute(axes):
                found.append("transposed" if axes == (1, 0) else "permuted")
            case Reshape():
                found.append("reshaped")
            case Take(_, runs):
                found.append("part" if len(runs) == 1 else "reordered")
            case Unpack():
                found.append("unpacked")
            case Unblock():
                found.append("unblocked")
            case Dequantise():
                found.append("dequantised")
            case Cast():
                found.append("cast")
            case _:
                assert_never(step)
    return tuple(dict.fromkeys(found))


def is_exact(steps: Steps) -> bool:
    """Whether every bit of the original is in storage: nothing was rounded."""
    return not any(isinstance(step, (Dequantise, Cast)) for step in steps)


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


def _applied(values: np.ndarray, steps: Steps, read: Read) -> np.ndarray:
    import numpy as np

    for step in steps:
        match step:
            case Permute(axes):
                values = values.transpose(axes)
            case Reshape(shape):
                values = values.reshape(shape)
            case Take(axis, runs):
                index = (slice(None),) * axis
                parts = [values[(*index, slice(start, stop))] for start, stop in runs]
                values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
            case Unpack(bits):
                values = _unpacked(values, bits)
            case Unblock():
                values = _unblocked(values, step)
            case Dequantise():
                values = _dequantised(values, step, read)
            case Cast(name):
                values = values.astype(dtype_of(name))
            case _:
                assert_never(step)
    return values


def evaluate(held: Mapping[Key, StoredTensor], piece: Piece) -> np.ndarray:
    """The values of a parameter that a piece holds, in its original layout.

    Reads the stored tensor and what its steps refer to.

    Raises :class:`FormatError` where the steps do not fit what is stored.
    """
    with content_errors(f"'{piece.key[1]}'"):  # a key that is not there
        tensor = held[piece.key]
    return apply(
        tensor.read(),
        piece.steps,
        lambda key: held[key].read(),
        f"{tensor.source.label}: tensor '{tensor.name}'",
    )


def dtype_of(name: str) -> np.dtype:
    """The NumPy type of that name, ml_dtypes' where NumPy has none."""
    import numpy as np

    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        found: np.dtype = np.dtype(getattr(ml_dtypes, name))
        return found


def _unpacked(values: np.ndarray, bits: int) -> np.ndarray:
    import numpy as np

    if bits == 8:
        return values
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
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


def _dequantised(values: np.ndarray, step: Dequantise, read: Read) -> np.ndarray:
    import numpy as np

    scale = read(step.scale).astype(np.float32)
    shape = values.shape

    def spread(numbers: np.ndarray) -> np.ndarray:
        """Scales or zero points beside the elements that they belong to."""
        if numbers.size == 1:
            return numbers.reshape(())
        axis = (step.axis or 0) % len(shape)
        if step.block:
            blocks = (*shape[:axis], -(-shape[axis] // step.block), *shape[axis + 1 :])
            wide = np.repeat(
                numbers.reshape(-1)[: math.prod(blocks)].reshape(blocks), step.block, axis
            )
            return wide[(*(slice(None),) * axis, slice(0, shape[axis]))]
        if numbers.ndim == len(shape) or math.prod(numbers.shape) != shape[axis]:
            return numbers.reshape(
                (*numbers.shape[: len(shape)], *(1,) * (len(shape) - numbers.ndim))
            )
        return numbers.reshape((*(1,) * axis, -1, *(1,) * (len(shape) - axis - 1)))

    zero = np.full((), step.offset, np.float32)
    if step.zero is not None:
        stored = read(step.zero)
        if step.zero_bits and stored.dtype == np.uint8 and stored.size:
            axis = (step.axis or 0) % len(shape)
            rows = shape[0] if axis else 1
            blocks = -(-shape[axis] // step.block)
            stored = _unpacked(stored.reshape(rows, -1), step.zero_bits)[:, :blocks]
        if stored.size:
            zero = spread(stored.astype(np.float32))
    found: np.ndarray = (values.astype(np.float32) - zero) * spread(scale)
    if step.second is not None:
        found = found * read(step.second).astype(np.float32).reshape(())
    return found


_KINDS: Final[dict[str, type[Step]]] = {
    "permute": Permute,
    "reshape": Reshape,
    "take": Take,
    "unpack": Unpack,
    "unblock": Unblock,
    "dequantise": Dequantise,
    "cast": Cast,
}


def to_json(piece: Piece, renamed: dict[str, str]) -> dict[str, Any]:  # JSON
    """A piece as a source map has it; stored names as ``renamed`` changes them in the main graph."""

    def plain(value: Any) -> Any:  # whatever a step holds
        if (
            isinstance(value, tuple)
            and len(value) == 2
            and all(isinstance(part, str) for part in value)
        ):
            return {
                "graph": value[0],
                "name": renamed.get(value[1], value[1]) if not value[0] else value[1],
            }
        return [plain(part) for part in value] if isinstance(value, tuple) else value

    steps = []
    for step in piece.steps:
        kind = next(word for word, cls in _KINDS.items() if type(step) is cls)
        steps.append(
            {"step": kind, **{field: plain(getattr(step, field)) for field in step._fields}}
        )
    return {"stored": plain(piece.key), "steps": steps}


def from_json(row: Any) -> Piece | None:  # JSON of a stranger
    """The piece that a source map's row says, ``None`` where it says none."""

    def made(value: Any) -> Any:  # the same
        if isinstance(value, dict):
            return str(value["graph"]), str(value["name"])
        return tuple(made(part) for part in value) if isinstance(value, list) else value

    try:
        steps = [
            _KINDS[step["step"]](
                **{field: made(value) for field, value in step.items() if field != "step"}
            )
            for step in row["steps"]
        ]
        piece = Piece(made(row["stored"]), tuple(steps))
    except (KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (
        piece
        if all(map(_is_sound, piece.steps)) and isinstance(piece.key, tuple) and len(piece.key) == 2
        else None
    )


def _is_sound(step: Step) -> bool:
    """Whether a step's fields are of the types and signs that it needs."""

    def numbers(values: Any) -> bool:  # a stranger's
        return isinstance(values, tuple) and all(
            type(value) is int and value >= 0 for value in values
        )

    def key(value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and len(value) == 2
            and all(isinstance(part, str) for part in value)
        )

    match step:
        case Permute(axes):
            return numbers(axes) and sorted(axes) == list(range(len(axes)))
        case Reshape(shape):
            return numbers(shape)
        case Take(axis, runs):
            return (
                type(axis) is int
                and axis >= 0
                and isinstance(runs, tuple)
                and all(numbers(run) and len(run) == 2 and run[0] <= run[1] for run in runs)
            )
        case Unpack(bits):
            return bits in (1, 2, 4, 8)
        case Unblock(outer, inner):
            return numbers((outer, inner)) and outer > 0 and inner > 0
        case Dequantise():
            optional = all(value is None or key(value) for value in (step.zero, step.second))
            whole = (
                numbers((step.block, step.zero_bits))
                and type(step.offset) is int
                and (step.axis is None or type(step.axis) is int)
            )
            return key(step.scale) and optional and whole
        case Cast(name):
            return isinstance(name, str) and name in BY_NAME
        case _:
            assert_never(step)
