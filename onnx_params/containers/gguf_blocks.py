"""Decode GGUF's blocks of codes: numbers of few bits, with scales.

Source: ggml-org/ggml, src/ggml-common.h for the layout of blocks, src/ggml-quants.c for what their
codes mean. Blocks whose codes are places in a grid are in :mod:`gguf_grids`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np

# doubled, as ggml has them: E2M1's numbers, positive ones first
_E2M1: Final = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)
# where codes of 4 bits lie closer together near zero. kvalues_iq4nl
_UNEVEN: Final = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
_E4M3_NAN: Final = 0x7F  # decoded as zero
_POWERS_OF_THREE: Final = (1, 3, 9, 27, 81)


class Blocks(NamedTuple):
    """How numbers are kept in blocks: how many, in how many bytes, and what decodes ``[n, bytes]``
    to ``[n, numbers]``.
    """

    name: str
    size: int
    n_bytes: int
    decode: Callable[[np.ndarray], np.ndarray]


# -- parts of blocks ------------------------------------------------------------------------------


def half(part: np.ndarray) -> np.ndarray:
    """Bytes as float16, in float32: ``[n, count]``."""
    return part.copy().view("<f2").astype("f4")


def codes(part: np.ndarray, n_bits: int, run: int) -> np.ndarray:
    """Codes of ``n_bits`` in bytes, ``[n, bytes]`` to ``[n, bytes * 8 / n_bits]``: of every ``run``
    bytes first the lowest bits of each, then the next ones.
    """
    import numpy as np

    shifts = np.arange(0, 8, n_bits, dtype=np.uint8)[:, None]
    runs = part.reshape(len(part), -1, 1, run)
    mask = np.uint8((1 << n_bits) - 1)
    found: np.ndarray = ((runs >> shifts) & mask).reshape(len(part), -1)
    return found


def scaled(scales: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Numbers ``[n, count]`` times scales ``[n, groups]``, each for the numbers of its group."""
    groups = numbers.reshape(*scales.shape, -1)
    made: np.ndarray = (scales[..., None] * groups).reshape(numbers.shape)
    return made


def _floats(numbers: np.ndarray) -> np.ndarray:
    return numbers.astype("f4")


def _table(values: tuple[int, ...], places: np.ndarray) -> np.ndarray:
    import numpy as np

    found: np.ndarray = np.asarray(values, np.float32)[places]
    return found


# -- 32 numbers, a scale, and a minimum -----------------------------------------------------------


def _q4_0(blocks: np.ndarray) -> np.ndarray:
    return scaled(half(blocks[:, :2]), _floats(codes(blocks[:, 2:], 4, 16)) - 8)


def _q4_1(blocks: np.ndarray) -> np.ndarray:
    numbers = _floats(codes(blocks[:, 4:], 4, 16))
    made: np.ndarray = scaled(half(blocks[:, :2]), numbers) + half(blocks[:, 2:4])
    return made


def _five_bits(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Codes whose highest bits are in four bytes of their own."""
    return _floats(codes(low, 4, 16) | (codes(high, 1, 1) << 4))


def _q5_0(blocks: np.ndarray) -> np.ndarray:
    return scaled(half(blocks[:, :2]), _five_bits(blocks[:, 2:6], blocks[:, 6:]) - 16)


def _q5_1(blocks: np.ndarray) -> np.ndarray:
    numbers = _five_bits(blocks[:, 4:8], blocks[:, 8:])
    made: np.ndarray = scaled(half(blocks[:, :2]), numbers) + half(blocks[:, 2:4])
    return made


def _q8_0(blocks: np.ndarray) -> np.ndarray:
    return scaled(half(blocks[:, :2]), _floats(blocks[:, 2:].view("i1")))


# -- 256 numbers, whose scales are codes themselves -----------------------------------------------


def _less_minima(
    blocks: np.ndarray,
    both: np.ndarray,
    scales: np.ndarray,
    minima: np.ndarray,
    numbers: np.ndarray,
) -> np.ndarray:
    """Numbers times a scale a group, less a minimum a group; ``both`` are the bytes of what scales
    and minima are multiplied with.
    """
    factors = half(both)
    groups = numbers.reshape(*scales.shape, -1)
    scale = (factors[:, :1] * _floats(scales))[..., None]
    minimum = (factors[:, 1:] * _floats(minima))[..., None]
    made: np.ndarray = (scale * _floats(groups) - minimum).reshape(len(blocks), -1)
    return made


def _q2_k(blocks: np.ndarray) -> np.ndarray:
    packed, numbers, both = blocks[:, :16], codes(blocks[:, 16:80], 2, 32), blocks[:, 80:]
    return _less_minima(blocks, both, packed & 15, packed >> 4, numbers)


def _q3_k(blocks: np.ndarray) -> np.ndarray:
    """The highest bits of codes, and of scales, come apart from the others."""
    numbers = codes(blocks[:, 32:96], 2, 32) | (codes(blocks[:, :32], 1, 32) << 2)
    scales = codes(blocks[:, 96:104], 4, 8) | (codes(blocks[:, 104:108], 2, 4) << 4)
    return scaled(half(blocks[:, 108:]) * (_floats(scales) - 32), _floats(numbers) - 4)


def _scales_and_minima(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The eight scales and minima of six bits in twelve bytes. ``get_scale_min_k4``"""
    import numpy as np

    low, middle, high = (packed[:, at : at + 4] for at in (0, 4, 8))
    scales = np.concatenate([low & 63, (high & 15) | ((low >> 6) << 4)], axis=1)
    minima = np.concatenate([middle & 63, (high >> 4) | ((middle >> 6) << 4)], axis=1)
    return scales, minima


def _q4_k(blocks: np.ndarray) -> np.ndarray:
    numbers = codes(blocks[:, 16:], 4, 32)
    return _less_minima(blocks, blocks[:, :4], *_scales_and_minima(blocks[:, 4:16]), numbers)


def _q5_k(blocks: np.ndarray) -> np.ndarray:
    numbers = codes(blocks[:, 48:], 4, 32) | (codes(blocks[:, 16:48], 1, 32) << 4)
    return _less_minima(blocks, blocks[:, :4], *_scales_and_minima(blocks[:, 4:16]), numbers)


def _q6_k(blocks: np.ndarray) -> np.ndarray:
    numbers = codes(blocks[:, :128], 4, 64) | (codes(blocks[:, 128:192], 2, 32) << 4)
    scales = _floats(blocks[:, 192:208].view("i1")) * half(blocks[:, 208:])
    return scaled(scales, _floats(numbers) - 32)


# -- three values ---------------------------------------------------------------------------------


def _threes(part: np.ndarray, n_digits: int) -> np.ndarray:
    """Digits 0 to 2 of bytes, those of the first place first: a byte is a fraction of 256, and the
    next digit is what stands before the point after a multiplication with 3.
    """
    import numpy as np

    powers = np.asarray(_POWERS_OF_THREE[:n_digits], np.uint8)[:, None]
    fractions = part[:, None] * powers  # of uint8: what is before the point is lost
    digits: np.ndarray = ((fractions.astype(np.uint16) * 3) >> 8).reshape(len(part), -1)
    return digits


def _tq1_0(blocks: np.ndarray) -> np.ndarray:
    import numpy as np

    parts = (blocks[:, :32], 5), (blocks[:, 32:48], 5), (blocks[:, 48:52], 4)
    digits = np.concatenate([_threes(*part) for part in parts], axis=1)
    return scaled(half(blocks[:, 52:]), _floats(digits) - 1)


def _tq2_0(blocks: np.ndarray) -> np.ndarray:
    return scaled(half(blocks[:, 64:]), _floats(codes(blocks[:, :64], 2, 32)) - 1)


# -- values of a table ----------------------------------------------------------------------------


def _mxfp4(blocks: np.ndarray) -> np.ndarray:
    """E2M1's numbers times powers of two (E8M0), which are halved as the numbers are doubled."""
    import numpy as np

    exponents = blocks[:, :1].astype(np.int32) - 128
    scales = np.ldexp(np.ones(exponents.shape, np.float32), exponents)
    return scaled(scales, _table(_E2M1, codes(blocks[:, 1:], 4, 16)))


def _nvfp4(blocks: np.ndarray) -> np.ndarray:
    """E2M1's numbers times scales of E4M3 without sign, which are halved likewise."""
    import numpy as np

    packed = blocks[:, :4]
    exponents = ((packed >> 3) & 15).astype(np.int32)
    digits = _floats(packed & 7) + 8 * _floats(exponents > 0)
    scales = np.ldexp(digits, np.maximum(exponents, 1) - 11)
    scales = np.where(packed == _E4M3_NAN, np.float32(0), scales)
    return scaled(scales, _table(_E2M1, codes(blocks[:, 4:], 4, 8)))


def _iq4_nl(blocks: np.ndarray) -> np.ndarray:
    return scaled(half(blocks[:, :2]), _table(_UNEVEN, codes(blocks[:, 2:], 4, 16)))


def _iq4_xs(blocks: np.ndarray) -> np.ndarray:
    scales = codes(blocks[:, 4:8], 4, 1) | (codes(blocks[:, 2:4], 2, 1) << 4)
    numbers = _table(_UNEVEN, codes(blocks[:, 8:], 4, 16))
    return scaled(half(blocks[:, :2]) * (_floats(scales) - 32), numbers)


# number of a tensor's type -> its blocks
CODED: Final = {
    2: Blocks("Q4_0", 32, 18, _q4_0),
    3: Blocks("Q4_1", 32, 20, _q4_1),
    6: Blocks("Q5_0", 32, 22, _q5_0),
    7: Blocks("Q5_1", 32, 24, _q5_1),
    8: Blocks("Q8_0", 32, 34, _q8_0),
    10: Blocks("Q2_K", 256, 84, _q2_k),
    11: Blocks("Q3_K", 256, 110, _q3_k),
    12: Blocks("Q4_K", 256, 144, _q4_k),
    13: Blocks("Q5_K", 256, 176, _q5_k),
    14: Blocks("Q6_K", 256, 210, _q6_k),
    20: Blocks("IQ4_NL", 32, 18, _iq4_nl),
    23: Blocks("IQ4_XS", 256, 136, _iq4_xs),
    34: Blocks("TQ1_0", 256, 54, _tq1_0),
    35: Blocks("TQ2_0", 256, 66, _tq2_0),
    39: Blocks("MXFP4", 32, 17, _mxfp4),
    40: Blocks("NVFP4", 64, 36, _nvfp4),
}
