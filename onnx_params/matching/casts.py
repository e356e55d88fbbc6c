"""Cast values in every way that converters cast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from onnx_params.tensors.evaluate import dtype_of

_HALF_BOUNDS: Final = ((5.96e-08, 65504.0), (1e-7, 1e4))


def cast_to(values: np.ndarray, name: str) -> np.ndarray:
    """Values as another floating-point type; what is too large becomes infinite, without
    a warning.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype_of(name))


def casts_to(values: np.ndarray, name: str) -> Iterator[np.ndarray]:
    """Values as another type, in every way that converters cast.

    Converters to float16 take numbers whose size is below or above some bounds for those bounds.
    Sources: onnxruntime, ``transformers/float16.py``, and onnxconverter-common, ``float16.py``,
    both convert_np_to_float16.
    """
    yield cast_to(values, name)
    for low, high in (
        _HALF_BOUNDS
        if name == "float16" and values.dtype.kind == "f" and values.dtype.itemsize > 2
        else ()
    ):
        size = np.abs(values)
        bounded = np.where(
            (size > 0) & (size < low),
            np.copysign(low, values),
            np.where(np.isfinite(values), np.clip(values, -high, high), values),
        )
        yield cast_to(bounded, name)
