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
BROKEN: Final = "some of the new values are NaN or infinite"


def cast(values: np.ndarray, dtype: DType) -> np.ndarray:
    """Values as elements of ``dtype``: what is too small for float16 becomes the least number that
    it has, other types as NumPy casts them.

    Raises :class:`UnsupportedError` where fractions would be cut off, and where a value is NaN,
    infinite, or too large for float16: no audit would pass the result.
    """
    if dtype.bits < 8 and not dtype.is_float:
        return values
    if _has_fractions(values.dtype):
        _refuse_broken(values, dtype)
    wanted = numpy_type(dtype)
    if values.dtype == wanted:
        return values
    if _has_fractions(values.dtype) and not (dtype.is_float or dtype.is_complex):
        raise UnsupportedError(f"{values.dtype.name} cannot be stored as {dtype.name}")
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype.name == "float16" and values.dtype.kind == "f" and values.dtype.itemsize > 2:
            values = _half(values)
        return values.astype(wanted)


def _refuse_broken(values: np.ndarray, dtype: DType) -> None:
    """Raise :class:`UnsupportedError` where values cannot be shipped."""
    if not is_fit(values):
        raise UnsupportedError(BROKEN)
    if dtype.name == "float16" and values.size:
        largest = float(np.abs(values).max())
        if largest > GREATEST_HALF:
            raise UnsupportedError(f"its largest number, {largest:g}, is too large for float16")


def is_fit(values: np.ndarray) -> bool:
    """Whether all values are numbers, and finite ones."""
    return not _has_fractions(values.dtype) or bool(np.isfinite(values).all())


def _has_fractions(dtype: np.dtype) -> bool:
    return dtype.kind in "fcV"  # V: the types of ml_dtypes


def _half(values: np.ndarray) -> np.ndarray:
    """Numbers that float16 has: no number that is not zero becomes zero."""
    size = np.abs(values)
    tiny = (size > 0) & (size < LEAST_HALF)
    return np.where(tiny, np.copysign(LEAST_HALF, values), values) if tiny.any() else values
