"""Evaluate parameters: shape and element type from headers, values when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx_params.errors import content_errors
from onnx_params.inventory.record import Inventory
from onnx_params.names.claim import Claim
from onnx_params.tensors.evaluate import evaluate_all
from onnx_params.tensors.steps import Cast, Dequantize, Shape, joined_shape, shape_after

if TYPE_CHECKING:
    import numpy as np


def values_of(inventory: Inventory, claim: Claim) -> np.ndarray:
    """The values of a parameter, in its original shape and layout. Reads its stored tensors."""
    return evaluate_all(inventory.model.stored, claim.placements, claim.axis)


def shape_of(inventory: Inventory, claim: Claim) -> Shape:
    """The shape that a claim's placements make, from headers alone.

    Raises :class:`FormatError` where their steps do not fit what is stored.
    """
    with content_errors(f"{inventory.model.source.label}: parameter '{claim.name}'"):
        shapes = [
            shape_after(inventory.model.stored[placement.key].shape, placement.steps)
            for placement in claim.placements
        ]
        return joined_shape(shapes, claim.axis)


def dtype_of(inventory: Inventory, claim: Claim) -> str:
    """The element type that a claim's placements make: what the last step says, else what is
    stored.
    """
    for step in reversed(claim.placements[0].steps):
        if isinstance(step, Cast):
            return step.numpy
        if isinstance(step, Dequantize):
            return "float32"
    return inventory.model.stored[claim.placements[0].key].dtype.name
