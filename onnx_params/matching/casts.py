"""Cast values in every way that converters cast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from onnx_params.tensors.evaluate import dtype_of

_HALF_BOUNDS: Final = ((5.96e-08, 65504.0), (1e-7, 1e4))
# type -> the coarser ones, the coarsest first, each with how many numbers do not lie on its grid by
# chance
_COARSER: Final = {
    "float32": (("bfloat16", 4), ("float16", 4)),
    "float16": (("bfloat16", 8),),
}
MANTISSAS: Final = {"bfloat16": 8, "float16": 11}  # bits, with the one that is not stored
# bits more that a range may need, which is the sum of two numbers
MORE_OF_FEW: Final = 1
MORE_OF_MANY: Final = 4  # so many bits tell nothing of a single scale
MANY_SCALES: Final = 4
FEWEST_STEPS: Final = 30  # between the outermost codes; fewer hide how numbers were rounded before
MOST_STEPS: Final = 255
ROUNDED: Final = 1.3e-7  # relative: a quotient and a product of float32
MAX_LOW: Final = 1e-3  # a lower bound that someone chooses


def cast_to(values: np.ndarray, name: str) -> np.ndarray:
    """Values as another floating-point type; what is too large becomes infinite, without
    a warning.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype_of(name))


def coarse_type(values: np.ndarray, known: str = "") -> str:
    """The coarser type that values went through: every one of them is a number of it; empty where
    there is none, or they are too few to tell. Of the type that is ``known`` of the others of their
    file there may be any number.
    """
    for name, least in _COARSER.get(values.dtype.name, ()):
        is_enough = values.size >= least or name == known
        if is_enough and np.array_equal(cast_to(values, name).astype(values.dtype), values):
            return name
    return ""


def type_before(scale: np.ndarray, codes: np.ndarray, zero: int) -> str:
    """The coarser type that numbers had before they were quantized to codes, by the largest of them
    that ``scale`` was computed of, or their range; empty where it says none.
    """
    if scale.dtype.name != "float32" or codes.dtype.kind not in "iu" or not codes.size:
        return ""
    if not np.all(np.isfinite(scale) & (scale > 0)):
        return ""
    lowest, highest = int(codes.min()), int(codes.max())
    if not FEWEST_STEPS < highest - lowest <= MOST_STEPS:
        return ""
    more = MORE_OF_MANY if scale.size >= MANY_SCALES else MORE_OF_FEW
    largest, span = max(highest - zero, zero - lowest), highest - lowest
    found = {
        _type_of(scale, n_steps - less, bits)
        for n_steps, bits in ((largest, 0), (span, more))
        for less in (0, 1)  # there is one code more on one side, or by rounding
    }
    return next((name for name in MANTISSAS if name in found), "")


def _type_of(scale: np.ndarray, n_steps: int, more: int) -> str:
    """The coarsest type whose mantissas, or such of some bits more, so many steps of each scale
    have.
    """
    mantissas = np.abs(np.frexp(scale.astype(np.float64) * n_steps)[0])
    for name, n_bits in MANTISSAS.items():
        whole = mantissas * 2.0 ** (n_bits + more)
        if np.all(np.abs(whole - np.round(whole)) <= whole * ROUNDED):
            return name
    return ""


def casts_to(
    values: np.ndarray, name: str, stored: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Values as another type, in every way that converters cast; ``stored`` is what one made of
    them.

    Converters to float16 take numbers whose size is below or above some bounds for those bounds;
    the lower one may be what the user chose (``min_positive_val``), and then is the least number
    that is stored. Sources: onnxruntime, ``transformers/float16.py``, and onnxconverter-common,
    ``float16.py``, both convert_np_to_float16.
    """
    yield cast_to(values, name)
    is_half = name == "float16" and values.dtype.kind == "f"
    for low, high in (*_HALF_BOUNDS, *_chosen(stored)) if is_half else ():
        size = np.abs(values)
        bounded = np.where(
            (size > 0) & (size < low),
            np.copysign(low, values),
            np.where(np.isfinite(values), np.clip(values, -high, high), values),
        )
        yield cast_to(bounded, name)


def _chosen(stored: np.ndarray | None) -> Iterator[tuple[float, float]]:
    """The bounds of a converter whose lower one is the least number that it stored."""
    sizes = np.abs(stored.astype(np.float32)) if stored is not None else np.zeros(0, np.float32)
    least = float(sizes[sizes > 0].min(initial=np.inf))
    if least < MAX_LOW:
        yield least, _HALF_BOUNDS[0][1]
