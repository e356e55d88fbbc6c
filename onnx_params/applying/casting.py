"""Cast new values to the type that a tensor is stored in, as converters cast."""

from __future__ import annotations

from typing import Final

import numpy as np

from onnx_params.errors import UnsupportedError
from onnx_params.tensors.dtypes import DType
from onnx_params.tensors.encode import numpy_type

# the least number above zero and the greatest of float16, as onnxruntime's converter has them:
# ``transformers/float16.py``, convert_np_to_float16
LEAST_HALF: Final = 5.96e-08
GREATEST_HALF: Final = 65504.0


def cast(values: np.ndarray, dtype: DType) -> np.ndarray:
    """Values as elements of ``dtype``: what does not fit into float16 becomes the nearest number
    that does, other types as NumPy casts them.

    Raises :class:`UnsupportedError` where fractions would be cut off.
    """
    if dtype.bits < 8 and not dtype.is_float:
        return values
    wanted = numpy_type(dtype)
    if values.dtype == wanted:
        return values
    if _has_fractions(values.dtype) and not (dtype.is_float or dtype.is_complex):
        raise UnsupportedError(f"{values.dtype.name} cannot be stored as {dtype.name}")
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype.name == "float16" and values.dtype.kind == "f" and values.dtype.itemsize > 2:
            values = _half(values)
        return values.astype(wanted)


def _has_fractions(dtype: np.dtype) -> bool:
    return dtype.kind in "fcV"  # V: the types of ml_dtypes


def _half(values: np.ndarray) -> np.ndarray:
    """Numbers that float16 has: no number that is not zero becomes zero, none becomes infinite."""
    size = np.abs(values)
    tiny = (size > 0) & (size < LEAST_HALF)
    made = np.where(np.isfinite(values), np.clip(values, -GREATEST_HALF, GREATEST_HALF), values)
    return np.where(tiny, np.copysign(LEAST_HALF, values), made) if tiny.any() else made
