"""See a stored tensor as its writer wrote it, before tools quantized it or gave it another type."""

from __future__ import annotations

import math
from typing import NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.view import View, view_of
from onnx_params.idioms.naming import Evidence, Naming
from onnx_params.idioms.onnxruntime import undo
from onnx_params.tensors.steps import SWAP, Shape, Steps, chain, shape_after
from onnx_params.tensors.stored import StoredTensor


class Written(NamedTuple):
    """A stored tensor with the name and the shape that its writer gave it; ``steps`` lead there
    from storage, ``None`` where the file does not say them, or a tool changed the values.
    """

    stored: StoredTensor
    name: str
    shape: Shape
    dtype: str
    view: View
    steps: Steps | None

    @property
    def n_elements(self) -> int:
        """Elements of what was written."""
        return math.prod(self.shape)

    def naming(
        self, name: str, steps: Steps | None, evidence: Evidence, because: str, shape: Shape
    ) -> Naming:
        """The naming of a parameter that lies in what was written after ``steps``; they are
        ``None`` where its numbers were computed with others.
        """
        if steps is None or self.view is View.FOLDED:
            return Naming(name, shape, None, evidence, because, View.FOLDED, dtype=self.dtype)
        is_moved = self.view is View.WHOLE and bool(steps)
        view = view_of(steps) if is_moved else self.view
        whole = None if self.steps is None else chain(*self.steps, *steps)
        return Naming(name, shape, whole, evidence, because, view, dtype=self.dtype)


def as_written(model: Model, tensor: StoredTensor) -> Written:
    """What a tensor was before post-processing, by its name.

    Reads attributes of quantized weights only.
    """
    taken = logical(model, tensor)
    hops = undo(tensor.name)
    if not hops:
        return Written(tensor, tensor.name, *taken)
    last = hops[-1]
    if last.folded:
        return Written(tensor, last.base, taken.shape, taken.dtype, View.FOLDED, None)
    written = Written(tensor, last.base, *taken)
    if not last.turned or len(taken.shape) != 2:
        return written
    steps = None if taken.steps is None else chain(*taken.steps, SWAP)
    return written._replace(shape=shape_after(taken.shape, (SWAP,)), steps=steps)
