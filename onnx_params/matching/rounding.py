"""Say whether numbers are others rounded to the codes of a quantizer, by how their residuals are
distributed.

Rounding to the nearest code leaves every number within half a step. Quantizers that search a scale
(k-quant, AWQ's clipping, MSE) cut off what lies beyond the outermost codes; those that correct one
weight's error in the next ones (GPTQ, HQQ) leave residuals of about a step, alike over the whole
tensor. A row, a block or an element whose residual stands out from the others was not rounded: it
was changed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.steps import Dequantize, Lookup, Steps, Unpack

HALF_STEP: Final = 0.5 + 1e-3  # of a quantization step; the rest is float32's rounding
# half a unit in the last place, relative
ROUNDING: Final = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
SCALE_ROUNDING: Final = 4.0  # of these: the scale's own, and the weight's before it was quantized
# share of the codes of so many bits that may be cut off; a bias of 32 bits has the scale of what it
# is added to, which may be too small for it
_CLIPPED: Final = {1: 0.75, 2: 0.75, 3: 0.3, 4: 0.12, 32: 0.5}
_CLIPPED_OF_MORE: Final = 0.03
# what is asked of codes of so many bits that were not rounded to the nearest: the cosine between
# both; a tensor that has nothing to do with it has 0
_COSINE: Final = {2: 0.85, 3: 0.93, 4: 0.97}
HARDLY: Final = (
    1.2  # half steps that a few numbers may be off, as zero points in half precision are
)
_MIN_SHARE: Final = 0.02  # of numbers beyond half a step; fewer are single changes
_MAX_RMS: Final = 1.0  # steps
_MAX_RATIO: Final = 2.5  # of a row's residual to that of the median row
_MAX_SINGLE: Final = 6.0  # root mean squares that one residual may have
_MAX_SHIFT: Final = 0.2  # steps that the mean may be off
_MAX_SLOPE: Final = 0.05


class Rounded(NamedTuple):
    """What is compared: the original, what was made of the codes, the codes, and by how much the
    original may lie from what was made; all of one shape.
    """

    original: np.ndarray
    made: np.ndarray
    codes: np.ndarray
    allowed: np.ndarray
    bits: int


def is_rounded(each: Rounded, tolerance: float, strictly: bool = False) -> bool:
    """Whether the residuals are those of a quantizer; ``tolerance`` is what float32 may change.

    ``strictly`` asks for the nearest codes: for no quantizer that corrects errors.
    """
    difference = each.original.astype(np.float32) - each.made.astype(np.float32)
    # a scale that is not a number is far as well
    far = ~(np.abs(difference) <= each.allowed + tolerance)
    if not far.any():
        return bool(np.any(each.original))
    if not np.isfinite(difference).all():
        return False
    beyond = far & _is_outward(each, difference)
    most = _CLIPPED.get(each.bits, _CLIPPED_OF_MORE)
    rest = far & ~beyond
    hardly = rest & (np.abs(difference) <= HARDLY * each.allowed + tolerance)
    if not strictly and each.bits in _COSINE and hardly.mean() < _MIN_SHARE:
        rest &= ~hardly
    if not rest.any():
        return bool(beyond.mean() <= most)
    return not strictly and _is_corrected(each, np.where(beyond, 0, difference), rest, tolerance)


def _is_outward(each: Rounded, difference: np.ndarray) -> np.ndarray:
    """Whether numbers lie beyond the outermost code that they have."""
    is_end = (each.codes == each.codes.max()) | (each.codes == each.codes.min())
    is_beyond = (np.sign(difference) == np.sign(each.made)) | (each.made == 0)
    found: np.ndarray = is_end & is_beyond
    return found


def _is_corrected(each: Rounded, difference: np.ndarray, far: np.ndarray, tolerance: float) -> bool:
    """Whether residuals are alike over the whole tensor, and small for its codes."""
    least = _COSINE.get(each.bits)
    if least is None or far.mean() < _MIN_SHARE or each.original.ndim < 2:
        return False
    steps = np.abs(difference) / (2 * each.allowed + tolerance)
    rms = float(np.sqrt((steps * steps).mean()))
    # a zero point that is off moves all numbers one way
    shift = abs(float((np.sign(difference) * steps).mean()))
    if shift > _MAX_SHIFT or rms > _MAX_RMS or float(steps.max()) > _MAX_SINGLE * rms:
        return False
    return _is_along(each, least) and _is_even(steps)


def is_left_over(original: np.ndarray, made: np.ndarray) -> bool:
    """Whether residuals are alike over the whole tensor, and small, of codes whose steps nothing
    says: codes of what other codes left, scales that were rounded themselves.
    """
    if original.ndim < 2 or not np.isfinite(made).all():
        return False
    difference = np.abs(original.astype(np.float64) - made)
    rms = float(np.sqrt((difference * difference).mean()))
    if not rms:
        return bool(np.any(original))
    shift = abs(float((original - made).mean()))
    if shift > _MAX_SHIFT * rms or float(difference.max()) > _MAX_SINGLE * rms:
        return False
    each = Rounded(original, made, made, difference, 0)
    return _is_along(each, _COSINE[4]) and _is_even(difference)


def _is_along(each: Rounded, least: float) -> bool:
    """Whether both point the same way and are of one size."""
    one = each.original.reshape(-1).astype(np.float64)
    two = each.made.reshape(-1).astype(np.float64)
    product, size = float(one @ two), float(one @ one) * float(two @ two)
    if size <= 0 or product / np.sqrt(size) < least:
        return False
    return abs(product / float(two @ two) - 1) <= _MAX_SLOPE


def _is_even(steps: np.ndarray) -> bool:
    """Whether no line along either axis has residuals much larger than most lines have."""
    for axis in range(steps.ndim):
        others = tuple(other for other in range(steps.ndim) if other != axis)
        lines = np.sqrt((steps * steps).mean(axis=others))
        if float(lines.max()) > _MAX_RATIO * float(np.median(lines)):
            return False
    return True


def bits_of(codes: np.ndarray, steps: Steps) -> int:
    """How many bits a code has, by the unpacking or by how many codes there are."""
    for step in steps:
        if isinstance(step, Unpack):
            return step.bits
    if codes.dtype.kind not in "iu":
        return 0
    if not codes.size:
        return 8
    span = int(codes.max()) - int(codes.min())
    return max(1, span.bit_length())


def units(codes: np.ndarray, steps: Steps) -> np.ndarray:
    """How far the next code is, at each code: 1 for integers, the spacing of a floating-point type,
    the wider gap in a table.
    """
    codebook = next((step.codebook for step in steps if isinstance(step, Lookup)), "")
    if codebook:
        return _gaps(codes, CODEBOOKS[codebook])
    if codes.dtype.kind in "iub":
        return np.ones(codes.shape, np.float32)
    return _spacing(codes)


def _gaps(values: np.ndarray, codebook: tuple[float, ...]) -> np.ndarray:
    """The wider of both gaps beside a number of a table."""
    table = np.unique(np.asarray(codebook, np.float32))
    gaps = np.diff(table)
    wider = np.maximum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    found: np.ndarray = wider[np.searchsorted(table, values).clip(0, len(table) - 1)]
    return found


def _spacing(values: np.ndarray) -> np.ndarray:
    """The distance to the next number of a floating-point type with few bits."""
    import ml_dtypes

    known = ml_dtypes.finfo(values.dtype)  # type: ignore[no-untyped-call]
    size = np.abs(values.astype(np.float32))
    least = np.float32(known.smallest_subnormal)
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log2(size))
    found: np.ndarray = np.maximum(np.exp2(exponent - known.nmant), least).astype(np.float32)
    return found


def around(steps: Steps) -> tuple[Steps, Steps]:
    """The steps before the first dequantization, and from it on."""
    at = next(at for at, step in enumerate(steps) if isinstance(step, Dequantize))
    return steps[:at], steps[at:]
