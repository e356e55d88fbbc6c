"""Tell the shapes of what operators of the standard domain make: this needs no values but those of
shapes.

Source: ONNX, ``docs/Operators.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from onnx_params.containers.onnx.graph import AttributeValue
from onnx_params.tensors.steps import Shape

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


def same(given: Given) -> Shape:
    return given.shape()


def broadcast(given: Given) -> Shape:
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


def reshaped(given: Given) -> Shape:
    old, new = given.shape(), list(given.integers(1))
    keeps = not given.attributes.get("allowzero")
    new = [old[at] if dim == 0 and keeps else dim for at, dim in enumerate(new)]
    if -1 in new:
        known = math.prod(dim for dim in new if dim != -1)
        new[new.index(-1)] = math.prod(old) // known if known else 0
    if math.prod(new) != math.prod(old) or any(dim < 0 for dim in new):
        raise ValueError(f"{old} is not {new}")
    return tuple(new)


def transposed(given: Given) -> Shape:
    shape = given.shape()
    return tuple(shape[axis] for axis in order(given, len(shape)))


def order(given: Given, rank: int) -> list[int]:
    """The axes in the order that Transpose gives them.

    Raises ``ValueError`` where the attribute has others.
    """
    order = given.attributes.get("perm")
    if not isinstance(order, list):
        return list(range(rank))[::-1]
    if sorted(int(axis) for axis in order) != list(range(rank)):
        raise ValueError(f"{order} are not {rank} axes")
    return [int(axis) for axis in order]


def unsqueezed(given: Given) -> Shape:
    axes = given.axes()
    rank = len(given.shape()) + len(axes)
    places = {axis % rank for axis in axes}
    rest = iter(given.shape())
    return tuple(1 if at in places else next(rest) for at in range(rank))


def squeezed(given: Given) -> Shape:
    shape = given.shape()
    places = {axis % len(shape) for axis in given.axes()} if shape else set()
    gone = places or {at for at, dim in enumerate(shape) if dim == 1}
    return tuple(dim for at, dim in enumerate(shape) if at not in gone)


def flat(given: Given) -> Shape:
    shape = given.shape()
    said = given.attributes.get("axis")
    axis = said if isinstance(said, int) else 1
    axis += len(shape) if axis < 0 else 0
    return math.prod(shape[:axis]), math.prod(shape[axis:])


def joined(given: Given) -> Shape:
    shapes = [shape for shape in given.shapes if shape is not None]
    axis = given.axis(0, len(shapes[0]))
    return (*shapes[0][:axis], sum(each[axis] for each in shapes), *shapes[0][axis + 1 :])


def gathered(given: Given) -> Shape:
    shape = given.shape()
    axis = given.axis(0, len(shape))
    return (*shape[:axis], *given.shape(1), *shape[axis + 1 :])


def expanded(given: Given) -> Shape:
    target = given.integers(1)
    return broadcast(Given((given.shape(), target), given.attributes, given.integers))


def tiled(given: Given) -> Shape:
    pairs = zip(given.shape(), given.integers(1), strict=True)
    return tuple(dim * times for dim, times in pairs)


def second(given: Given) -> Shape:
    return given.shape(1)


def multiplied(given: Given) -> Shape:
    left, right = given.shape(), given.shape(1)
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise ValueError(f"{left} by {right}")
    batch = broadcast(Given((left[:-2], right[:-2]), {}, given.integers))
    return (*batch, left[-2], right[-1])
