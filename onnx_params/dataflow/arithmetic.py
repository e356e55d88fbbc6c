"""Compute what operators of the standard domain make of arrays: those with which tools unpack and
dequantize a weight in plain nodes.

One row an operator: the shape of its result, and the result itself. Source: ONNX,
``docs/Operators.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from onnx_params.dataflow import shapes
from onnx_params.dataflow.shapes import Given
from onnx_params.tensors.steps import Shape

if TYPE_CHECKING:
    import numpy as np

Arrays = Sequence["np.ndarray"]


class Operation(NamedTuple):
    """An operator: the shape of its result, the result, and the input whose type it has; ``None``
    where an attribute or the operator says the type.
    """

    shape: Callable[[Given], Shape]
    compute: Callable[[Given, Arrays], np.ndarray]
    typed_by: int | None = 0


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
    return arrays[0].reshape(shapes.reshaped(given))


def _transpose(given: Given, arrays: Arrays) -> np.ndarray:
    return arrays[0].transpose(shapes.order(given, arrays[0].ndim))


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

    return np.broadcast_to(arrays[0], shapes.expanded(given))


def _tile(given: Given, arrays: Arrays) -> np.ndarray:
    import numpy as np

    return np.tile(arrays[0], given.integers(1))


def _sliced(given: Given) -> Shape:
    import numpy as np

    stands_for = np.broadcast_to(np.zeros((), np.uint8), given.shape())
    return tuple(_slice(given, (stands_for,)).shape)


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
    **{
        op_type: Operation(shapes.broadcast, _by(name), None)
        for op_type, name in COMPARISONS.items()
    },
    **{
        op_type: Operation(shapes.broadcast, _by(name))
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
        op_type: Operation(shapes.same, _by(name))
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
    "Div": Operation(shapes.broadcast, _divide),
    "BitShift": Operation(shapes.broadcast, _shift),
    "Where": Operation(shapes.broadcast, _by("where"), 1),
    "Cast": Operation(shapes.same, _given, None),
    "CastLike": Operation(shapes.same, _given, 1),
    "Identity": Operation(shapes.same, _given),
    "Clip": Operation(shapes.same, _clip),
    "DequantizeLinear": Operation(shapes.same, _dequantize, 1),
    "Reshape": Operation(shapes.reshaped, _reshape),
    "Transpose": Operation(shapes.transposed, _transpose),
    "Unsqueeze": Operation(shapes.unsqueezed, _into(shapes.unsqueezed)),
    "Squeeze": Operation(shapes.squeezed, _into(shapes.squeezed)),
    "Flatten": Operation(shapes.flat, _into(shapes.flat)),
    "Concat": Operation(shapes.joined, _concat),
    "Gather": Operation(shapes.gathered, _gather),
    "GatherElements": Operation(shapes.second, _gather_elements),
    "Expand": Operation(shapes.expanded, _expand),
    "Tile": Operation(shapes.tiled, _tile),
    "Slice": Operation(_sliced, _slice),
    "ScatterElements": Operation(shapes.same, _scatter_elements),
    "ScatterND": Operation(shapes.same, _scatter_nd),
    "MatMul": Operation(shapes.multiplied, _product),
}
