"""Take a large quantized tensor some rows at a time, where rows are quantized by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from onnx_params.applying.codes import Codes, Now
from onnx_params.applying.shares import Share
from onnx_params.containers.onnx.graph import Model
from onnx_params.tensors.chunks import in_place
from onnx_params.tensors.evaluate import apply, scale_of, zero_of
from onnx_params.tensors.steps import SWAP, Reshape, Shape, Slice, Step, Unpack, shape_after
from onnx_params.tensors.stored import StoredTensor

ELEMENTS: Final = 1 << 22  # of a band
LEAST: Final = 1 << 23  # elements of a tensor that is taken in bands


class Bands:
    """The rows of one quantized tensor, with its scales and zero points; ``is_possible`` says
    whether it can be taken so. Reads scales and zero points.
    """

    def __init__(self, model: Model, each: Codes) -> None:
        self.model = model
        self.each = each
        self.tensor = model.stored[each.key]
        self.rows = self.tensor.shape[0] if self.tensor.shape else 0
        self.shape: Shape = shape_after(self.tensor.shape, each.before)

    @property
    def is_possible(self) -> bool:
        each, n = self.each, self.rows
        is_large = math.prod(self.shape) >= LEAST
        if (
            not is_large
            or len(each.shares) != 1
            or each.more
            or each.step.second
            or each.step.groups
        ):
            return False
        if in_place(self.tensor) is None or not all(map(self._keeps_rows, each.before)):
            return False
        scale = self.model.stored[each.step.scale]
        axis = (each.step.axis or 0) % len(self.shape)
        is_by_row = axis > 0 if each.step.block else axis == 0 and scale.count == n
        zero = None if each.step.zero is None else self.model.stored[each.step.zero]
        is_even = zero is None or zero.count in (0, 1) or zero.count % n == 0
        return (
            (scale.count == 1 or (is_by_row and scale.count % n == 0))
            and is_even
            and self._has_rows
        )

    def _keeps_rows(self, step: Step) -> bool:
        match step:
            case Unpack():
                return len(self.tensor.shape) > 1
            case Reshape(shape):
                return shape[:1] == (self.rows,)
            case Slice(axis, _):
                return axis > 0
            case _:
                return False

    @property
    def _has_rows(self) -> bool:
        """Whether new values can be had by rows: as they lie, or by columns."""
        share = self.each.shares[0]
        is_whole = share.part is None and in_place(share.tensor) is not None
        wanted = self.shape[::-1] if share.steps == (SWAP,) else self.shape
        return is_whole and share.steps in ((), (SWAP,)) and share.tensor.shape == wanted

    def numbers(self) -> tuple[np.ndarray, np.ndarray | None]:
        """All scales, and all zero points. Reads them."""
        step = self.each.step
        return scale_of(step, self._read), zero_of(step, self.shape, self._read)

    def _read(self, key: tuple[str, str]) -> np.ndarray:
        return self.model.stored[key].read()

    def __iter__(self) -> Iterator[Now]:
        """Each band as a quantized tensor of its own. Reads the codes and the new values of it."""
        scale, zero = self.numbers()
        height = max(1, ELEMENTS // max(1, math.prod(self.shape[1:])))
        for top in range(0, self.rows, height):
            yield self._band(top, min(self.rows, top + height), scale, zero)

    def _band(self, top: int, bottom: int, scale: np.ndarray, zero: np.ndarray | None) -> Now:
        before = tuple(
            Reshape((bottom - top, *step.shape[1:])) if isinstance(step, Reshape) else step
            for step in self.each.before
        )
        stored = _rows(self.tensor, top, bottom)
        share = self.each.shares[0]
        each = replace(self.each, before=before, shares=(_cut(share, top, bottom),))
        return Now(
            each=each,
            tensor=self.tensor,
            where=f"{self.model.source.label}: tensor '{self.each.key[1]}'",
            read=self._read,
            stored=stored,
            codes=apply(stored, before, self._read),
            scale=self._cut_numbers(scale, top, bottom),
            zero=None if zero is None else self._cut_numbers(zero, top, bottom),
            groups=None,
        )

    def _cut_numbers(self, numbers: np.ndarray, top: int, bottom: int) -> np.ndarray:
        """The scales or zero points of some rows."""
        if numbers.size == 1:
            return numbers
        if numbers.shape[:1] == (self.rows,):
            return numbers[top:bottom]
        return numbers.reshape(self.rows, -1)[top:bottom]


def _rows(tensor: StoredTensor, top: int, bottom: int) -> np.ndarray:
    """Some rows of a tensor whose elements lie side by side."""
    place = in_place(tensor)
    assert place is not None
    source, start, dtype = place
    width = math.prod(tensor.shape[1:]) * dtype.itemsize
    data = source.read(start + top * width, (bottom - top) * width)
    return np.frombuffer(data, dtype).reshape(bottom - top, *tensor.shape[1:])


def _cut(share: Share, top: int, bottom: int) -> Share:
    """The share of some rows, whose values are read when they are needed."""
    from onnx_params.applying.given import computed

    tensor = share.tensor
    if share.steps == (SWAP,):
        shape: Shape = (tensor.shape[0], bottom - top)

        def make() -> np.ndarray:
            return tensor.read(mapped=True)[:, top:bottom]
    else:
        shape = (bottom - top, *tensor.shape[1:])

        def make() -> np.ndarray:
            return _rows(tensor, top, bottom)

    return share._replace(tensor=computed(tensor.name, tensor.dtype, shape, make, "rows"))
