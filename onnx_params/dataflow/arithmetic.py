"""Compute what operators of the standard domain make of arrays: those with which tools unpack and
dequantize a weight in plain nodes.

One row an operator: the shape of its result, which needs no values but those of shapes, and the
result itself. Source: ONNX, ``docs/Operators.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue
from onnx_params.tensors.steps import Shape

if TYPE_CHECKING:
    import numpy as np

Attributes = Mapping[str, AttributeValue]


class Given(NamedTuple):
    """What a node has before it computes: the shapes of its inputs, its attributes, and a function
    that gives the integers of a slot; an input that is left out has the shape ``None``.
    """

    shapes: tuple[Shape | None, ...]
    attributes: Attributes
    integers: Callable[[int], tuple[int, ...]]

    def shape(self, slot: int = 0) -> Shape:
        """The shape of an input.

        Raises ``ValueError`` where it is left out.
        """
        found = self.shapes[slot] if slot < len(self.shapes) else None
        if found is None:
            raise ValueError(f"input {slot} is left out")
        return found

    def axis(self, default: int, rank: int) -> int:
        """The axis that the attribute says, counted from the first."""
        axis = self.attributes.get("axis")
        return (axis if isinstance(axis, int) else default) % max(1, rank)

    def axes(self) -> tuple[int, ...]:
        """The axes of Squeeze and Unsqueeze: an attribute before opset 13, then an input."""
        said = self.attributes.get("axes")
        if isinstance(said, list):
            return tuple(int(axis) for axis in said)
        return self.integers(1) if len(self.shapes) > 1 and self.shapes[1] is not None else ()


Arrays = Sequence["np.ndarray"]


class Operation(NamedTuple):
    """An operator: the shape of its result, the result, and the input whose type it has; ``None``
    where an attribute or the operator says the type.
    """

    shape: Callable[[Given], Shape]
    compute: Callable[[Given, Arrays], np.ndarray]
    typed_by: int | None = 0


# -- shapes ---------------------------------------------------------------------------------------


def _same(given: Given) -> Shape:
    return given.shape()


def _broadcast(given: Given) -> Shape:
    shapes = [shape for shape in given.shapes if shape is not None]
    rank = max(map(len, shapes))
    wide = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    found = []
    for dims in zip(*wide, strict=True):
        sizes = {dim for dim in dims if dim != 1}
        if len(sizes) > 1:
            raise ValueError(f"shapes {shapes} do not fit together")
        found.append(sizes.pop() if sizes else 1)
    return tuple(found)


def _reshaped(given: Given) -> Shape:
    old, new = given.shape(), list(given.integers(1))
    keeps = not given.attributes.get("allowzero")
    new = [old[at] if dim == 0 and keeps else dim for at, dim in enumerate(new)]
    if -1 in new:
        known = math.prod(dim for dim in new if dim != -1)
        new[new.index(-1)] = math.prod(old) // known if known else 0
    if math.prod(new) != math.prod(old) or any(dim < 0 for dim in new):
        raise ValueError(f"{old} is not {new}")
    return tuple(new)


def _transposed(given: Given) -> Shape:
    shape = given.shape()
    return tuple(shape[axis] for axis in _order(given, len(shape)))


def _order(given: Given, rank: int) -> list[int]:
    order = given.attributes.get("perm")
    if not isinstance(order, list):
        return list(range(rank))[::-1]
    if sorted(int(axis) for axis in order) != list(range(rank)):
        raise ValueError(f"{order} are not {rank} axes")
    return [int(axis) for axis in order]


def _unsqueezed(given: Given) -> Shape:
    axes = given.axes()
    rank = len(given.shape()) + len(axes)
    places = {axis % rank for axis in axes}
    rest = iter(given.shape())
    return tuple(1 if at in places else next(rest) for at in range(rank))


def _squeezed(given: Given) -> Shape:
    shape = given.shape()
    places = {axis % len(shape) for axis in given.axes()} if shape else set()
    gone = places or {at for at, dim in enumerate(shape) if dim == 1}
    return tuple(dim for at, dim in enumerate(shape) if at not in gone)


def _flat(given: Given) -> Shape:
    shape = given.shape()
    said = given.attributes.get("axis")
    axis = said if isinstance(said, int) else 1
    axis += len(shape) if axis < 0 else 0
    return math.prod(shape[:axis]), math.prod(shape[axis:])


def _joined(given: Given) -> Shape:
    shapes = [shape for shape in given.shapes if shape is not None]
    axis = given.axis(0, len(shapes[0]))
    return (*shapes[0][:axis], sum(each[axis] for each in shapes), *shapes[0][axis + 1 :])


def _gathered(given: Given) -> Shape:
    shape = given.shape()
    axis = given.axis(0, len(shape))
    return (*shape[:axis], *given.shape(1), *shape[axis + 1 :])


def _expanded(given: Given) -> Shape:
    target = given.integers(1)
    return _broadcast(Given((given.shape(), target), given.attributes, given.integers))


def _tiled(given: Given) -> Shape:
    pairs = zip(given.shape(), given.integers(1), strict=True)
    return tuple(dim * times for dim, times in pairs)


def _sliced(given: Given) -> Shape:
    import numpy as np

    stands_for = np.broadcast_to(np.zeros((), np.uint8), given.shape())
    return tuple(_slice(given, (stands_for,)).shape)


def _second(given: Given) -> Shape:
    return given.shape(1)


def _said(given: Given) -> Shape:
    return given.integers(0)


def _multiplied(given: Given) -> Shape:
    left, right = given.shape(), given.shape(1)
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise ValueError(f"{left} by {right}")
    batch = _broadcast(Given((left[:-2], right[:-2]), {}, given.integers))
    return (*batch, left[-2], right[-1])


# -- values ---------------------------------------------------------------------------------------


def _by(name: str) -> Callable[[Given, Arrays], np.ndarray]:
    """NumPy's function of that name."""

    def compute(given: Given, arrays: Arrays) -> np.ndarray:
        import numpy as np

        made: np.ndarray = getattr(np, name)(*arrays)
        return made

    return compute


def _divide(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    left, right = arrays
    if left.dtype.kind not in "iu":
        return np.asarray(left / right)
    return np.asarray(np.trunc(left / np.where(right, right, 1))).astype(left.dtype)


def _reshape(given: Given, arrays: Arrays) -> np.ndarray:
    return arrays[0].reshape(_reshaped(given))


def _transpose(given: Given, arrays: Arrays) -> np.ndarray:
    return arrays[0].transpose(_order(given, arrays[0].ndim))


def _into(shape: Callable[[Given], Shape]) -> Callable[[Given, Arrays], np.ndarray]:
    """The same elements under the shape that ``shape`` gives."""

    def compute(given: Given, arrays: Arrays) -> np.ndarray:
        return arrays[0].reshape(shape(given))

    return compute


def _concat(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    return np.concatenate(arrays, given.axis(0, arrays[0].ndim))


def _gather(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    return np.take(arrays[0], arrays[1].astype(np.int64), given.axis(0, arrays[0].ndim))


def _gather_elements(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    axis = given.axis(0, arrays[0].ndim)
    places = arrays[1].astype(np.int64)
    return np.take_along_axis(_as_wide(arrays[0], places, axis), places, axis)


def _as_wide(array: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """The part of an array that is as wide as ``places`` along all axes but one."""
    sizes = [slice(None) if at == axis else slice(0, dim) for at, dim in enumerate(places.shape)]
    made: np.ndarray = array[tuple(sizes)]
    return made


def _expand(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    return np.broadcast_to(arrays[0], _expanded(given))


def _tile(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    return np.tile(arrays[0], given.integers(1))


def _slice(given: Given, arrays: Arrays) -> np.ndarray:
    starts, ends, axes, steps = (_bounds(given, word, slot) for slot, word in _BOUNDS)
    axes = axes or tuple(range(len(starts)))
    steps = steps or (1,) * len(starts)
    index: list[slice] = [slice(None)] * arrays[0].ndim
    for start, stop, axis, step in zip(starts, ends, axes, steps, strict=True):
        dim = arrays[0].shape[axis]
        is_before = step < 0 and stop < -dim  # up to the first element, with it
        index[axis] = slice(start, None if is_before else stop, step)
    made: np.ndarray = arrays[0][tuple(index)]
    return made


_BOUNDS: Final = ((1, "starts"), (2, "ends"), (3, "axes"), (4, "steps"))


def _bounds(given: Given, word: str, slot: int) -> tuple[int, ...]:
    """Numbers of Slice: attributes before opset 10, then inputs."""
    said = given.attributes.get(word)
    if isinstance(said, list):
        return tuple(int(number) for number in said)
    is_given = slot < len(given.shapes) and given.shapes[slot] is not None
    return given.integers(slot) if is_given else ()


def _shift(given: Given, arrays: Arrays) -> np.ndarray:
    is_left = given.attributes.get("direction") == "LEFT"
    return arrays[0] << arrays[1] if is_left else arrays[0] >> arrays[1]


def _clip(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    low = given.attributes.get("min", arrays[1] if len(arrays) > 1 else None)
    high = given.attributes.get("max", arrays[2] if len(arrays) > 2 else None)
    return arrays[0] if low is None and high is None else np.clip(arrays[0], low, high)


def _scatter_elements(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    made = np.array(arrays[0])
    axis = given.axis(0, made.ndim)
    places = arrays[1].astype(np.int64) % made.shape[axis]
    np.put_along_axis(_as_wide(made, places, axis), places, arrays[2], axis)
    return made


def _scatter_nd(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    made = np.array(arrays[0])
    made[tuple(np.moveaxis(arrays[1].astype(np.int64), -1, 0))] = arrays[2]
    return made


def _dequantize(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    codes, scale = arrays[0], arrays[1].astype(np.float32)
    zero = arrays[2].astype(np.float32) if len(arrays) > 2 else np.float32(0)
    axis = given.axis(1, codes.ndim)
    block = given.attributes.get("block_size")
    block = block if isinstance(block, int) else 0

    def beside(numbers: np.ndarray) -> np.ndarray:
        if numbers.size == 1:
            return numbers.reshape(())
        if block:
            wide = np.repeat(numbers, block, axis)
            return wide[(*(slice(None),) * axis, slice(0, codes.shape[axis]))]
        return numbers.reshape((*(1,) * axis, -1, *(1,) * (codes.ndim - axis - 1)))

    made: np.ndarray = (codes.astype(np.float32) - beside(np.asarray(zero))) * beside(scale)
    return made.astype(arrays[1].dtype)


def _product(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    made: np.ndarray = np.matmul(arrays[0], arrays[1])
    return made


def _given(given: Given, arrays: Arrays) -> np.ndarray:
    return arrays[0]


COMPARISONS: Final = {  # operators that give truth values -> NumPy's function
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Equal": "equal",
    "And": "logical_and",
    "Or": "logical_or",
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    **{op_type: Operation(_broadcast, _by(name), None) for op_type, name in COMPARISONS.items()},
    **{
        op_type: Operation(_broadcast, _by(name))
        for op_type, name in (
            ("Add", "add"),
            ("Sub", "subtract"),
            ("Mul", "multiply"),
            ("BitwiseAnd", "bitwise_and"),
            ("BitwiseOr", "bitwise_or"),
            ("BitwiseXor", "bitwise_xor"),
            ("Mod", "mod"),
            ("Pow", "power"),
        )
    },
    **{
        op_type: Operation(_same, _by(name))
        for op_type, name in (
            ("Abs", "abs"),
            ("Neg", "negative"),
            ("Sign", "sign"),
            ("Exp", "exp"),
            ("Sqrt", "sqrt"),
            ("Floor", "floor"),
            ("Ceil", "ceil"),
            ("Round", "round"),
            ("BitwiseNot", "invert"),
        )
    },
    "Div": Operation(_broadcast, _divide),
    "BitShift": Operation(_broadcast, _shift),
    "Where": Operation(_broadcast, _by("where"), 1),
    "Cast": Operation(_same, _given, None),
    "CastLike": Operation(_same, _given, 1),
    "Identity": Operation(_same, _given),
    "Clip": Operation(_same, _clip),
    "DequantizeLinear": Operation(_same, _dequantize, 1),
    "Reshape": Operation(_reshaped, _reshape),
    "Transpose": Operation(_transposed, _transpose),
    "Unsqueeze": Operation(_unsqueezed, _into(_unsqueezed)),
    "Squeeze": Operation(_squeezed, _into(_squeezed)),
    "Flatten": Operation(_flat, _into(_flat)),
    "Concat": Operation(_joined, _concat),
    "Gather": Operation(_gathered, _gather),
    "GatherElements": Operation(_second, _gather_elements),
    "Expand": Operation(_expanded, _expand),
    "Tile": Operation(_tiled, _tile),
    "Slice": Operation(_sliced, _slice),
    "ScatterElements": Operation(_same, _scatter_elements),
    "ScatterND": Operation(_same, _scatter_nd),
    "MatMul": Operation(_multiplied, _product),
}
