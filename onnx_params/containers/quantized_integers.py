"""Read the layers of checkpoints whose weights are integers, with scales and zero points.

Sources: Olive, ``common/quant`` (codes in bytes, low bits first); onnxruntime-genai (a code an
element); bitsandbytes (LLM.int8); optimum-quanto,
``tensor/weights/qbytes.py``, ``qbits.py``; torchao, ``Int8Tensor``; HQQ, ``core/quantize.py``
and ``core/bitpack.py``; torch, ``_utils.py`` (``_rebuild_qtensor``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from onnx_params.containers.quantized_layout import Layout, Parts, Settings
from onnx_params.tensors.evaluate import unpacked
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

_TENS: Final = 10  # codes of 3 bits in an int32 of HQQ's
_INTEGERS: Final = ("qweight", "scales", "qzeros")
_SCALED: Final = ("weight._data", "weight._scale")
_HALVES: Final = ("weight._data._data", "weight._scale", "weight._shift")
_SHIFTED: Final = ("_weight_qdata", "_weight_scale")
_SPREAD: Final = ("_weight_codes", "_weight_step", "_weight_zero")
_IN_PARTS: Final = ("W_q", "scale", "zero", "shape")


def _olive_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, scales = parts["qweight"], parts["scales"]
    if codes.dtype.name != "uint8" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    bits = _olive_bits(parts)
    if not bits or codes.shape[0] != scales.shape[0]:
        return None
    return codes.shape[0], codes.shape[1] * 8 // bits


def _olive_bits(parts: Parts) -> int:
    """4 where two zero points share a byte, else 8."""
    groups, packed = parts["scales"].shape[1], parts["qzeros"].shape[-1]
    if packed == groups and groups > 1:
        return 8
    return 4 if packed == -(-groups // 2) else 0


def _olive(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    bits = _olive_bits(parts)
    scales = parts["scales"].read().astype(np.float32)
    codes = unpacked(parts["qweight"].read(), bits).astype(np.float32)
    zeros = unpacked(parts["qzeros"].read(), bits)[:, : scales.shape[1]]
    size = codes.shape[1] // scales.shape[1]
    made: np.ndarray = (codes - zeros.repeat(size, axis=1)) * scales.repeat(size, axis=1)
    return made


def _unpacked_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, scales, zeros = (parts[leaf] for leaf in ("weight", "scales", "zeros"))
    is_split = scales.count and not codes.count % scales.count
    if len(codes.shape) != 2 or scales.count != zeros.count or not is_split:
        return None
    return None if codes.shape[1] % (codes.count // scales.count) else codes.shape


def _one_a_code(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    scales = parts["scales"].read().astype(np.float32).reshape(-1, 1)
    zeros = parts["zeros"].read().astype(np.float32).reshape(-1, 1)
    codes = parts["weight"].read().astype(np.float32)
    made: np.ndarray = (codes.reshape(len(scales), -1) - zeros) * scales
    return made.reshape(codes.shape)


def _rows_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes = parts["weight"]
    is_fit = codes.dtype.name == "int8" and len(codes.shape) == 2
    return codes.shape if is_fit and parts["SCB"].count == codes.shape[0] else None


def _rows(parts: Parts, settings: Settings) -> np.ndarray:
    """bitsandbytes' LLM.int8: 127 is the largest number of a row."""
    import numpy as np

    largest = parts["SCB"].read().astype(np.float32).reshape(-1, 1)
    made: np.ndarray = parts["weight"].read().astype(np.float32) * largest / np.float32(127)
    return made


def _scaled_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, scales = parts[_SCALED[0]], parts[_SCALED[1]]
    is_fit = codes.dtype.name == "int8" and len(scales.shape) in (0, len(codes.shape))
    pairs = zip(scales.shape, codes.shape, strict=False)
    return codes.shape if is_fit and all(size in (1, n) for size, n in pairs) else None


def _scaled(parts: Parts, settings: Settings) -> np.ndarray:
    """optimum-quanto's weights of 8 bits: codes times the scale of their output."""
    import numpy as np

    codes, scales = (parts[leaf].read().astype(np.float32) for leaf in _SCALED)
    made: np.ndarray = codes * scales
    return made


def _in_parts_shape(parts: Parts, settings: Settings) -> Shape | None:
    """The shape that HQQ stores beside the codes, where the codes are so many."""
    codes, scales, zeros, shape = (parts[leaf] for leaf in _IN_PARTS)
    if len(codes.shape) != 2 or shape.dtype.name != "int64":
        return None
    whole = tuple(int(size) for size in shape.read().reshape(-1))
    rows = math.prod(whole) // max(1, codes.shape[1])
    is_scaled = scales.shape == zeros.shape and scales.shape in ((rows, 1), (1, codes.shape[1]))
    return whole if is_scaled and _parts_of_element(codes, rows) else None


def _parts_of_element(codes: StoredTensor, rows: int) -> int:
    """How many codes an element has: a byte 1, 2, 4 or 8, an int32 ten of 3 bits; 0 where the rows
    are not so many. The last rows of ten may be filled up.
    """
    stored = codes.shape[0]
    if codes.dtype.name == "int32":
        return _TENS if stored == -(-rows // _TENS) else 0
    is_bytes = codes.dtype.name == "uint8"
    return next((n for n in (1, 2, 4, 8) if is_bytes and stored * n == rows), 0)


def _in_parts(parts: Parts, settings: Settings) -> np.ndarray:
    """HQQ: a group is a row, or a column; the first part of the rows in the high bits of the
    elements.
    """
    import numpy as np

    codes, scales, zeros, shape = (parts[leaf].read() for leaf in _IN_PARTS)
    rows = int(np.prod(shape)) // codes.shape[1]
    n_parts = _parts_of_element(parts["W_q"], rows)
    bits = 3 if n_parts == _TENS else 8 // n_parts
    shifts = range(bits * (n_parts - 1), -1, -bits)
    groups = np.concatenate([codes >> shift & (1 << bits) - 1 for shift in shifts])
    made: np.ndarray = (groups[:rows].astype(np.float32) - zeros) * scales
    return made.reshape(tuple(shape))


def _halves_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, scales, shifts = (parts[leaf] for leaf in _HALVES)
    if codes.dtype.name != "uint8" or len(codes.shape) != 2:
        return None
    rows = 2 * codes.shape[0]
    return (rows, codes.shape[1]) if scales.shape == shifts.shape == (rows, 1) else None


def _halves(parts: Parts, settings: Settings) -> np.ndarray:
    """optimum-quanto's weights of 4 bits: the first half of the rows in the low bits."""
    import numpy as np

    codes, scales, shifts = (parts[leaf].read() for leaf in _HALVES)
    rows = np.concatenate([codes & 15, codes >> 4]).astype(np.float32)
    is_of_codes = shifts.dtype.kind in "iu"
    made: np.ndarray = (rows - shifts) * scales if is_of_codes else rows * scales - shifts
    return made


def _shifted_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, scales = parts[_SHIFTED[0]], parts[_SHIFTED[1]]
    if codes.dtype.name != "int8" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    is_fit = scales.shape[0] == codes.shape[0] and scales.shape[1]
    return codes.shape if is_fit and not codes.shape[1] % scales.shape[1] else None


def _shifted(parts: Parts, settings: Settings) -> np.ndarray:
    """torchao's integers of 8 bits: a scale and a zero point for each row or block of it."""
    import numpy as np

    codes, scales = (parts[leaf].read().astype(np.float32) for leaf in _SHIFTED)
    zeros = np.zeros_like(scales)
    if "_weight_zero_point" in parts:
        zeros = parts["_weight_zero_point"].read().astype(np.float32).reshape(scales.shape)
    size = codes.shape[1] // scales.shape[1]
    made: np.ndarray = (codes - zeros.repeat(size, axis=1)) * scales.repeat(size, axis=1)
    return made


def _spread_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, *others = (parts[leaf] for leaf in _SPREAD)
    pairs = [zip(each.shape, codes.shape, strict=False) for each in others]
    is_fit = all(len(each.shape) == len(codes.shape) for each in others)
    is_spread = all(size in (1, n) for pair in pairs for size, n in pair)
    return codes.shape if is_fit and is_spread else None


def _spread(parts: Parts, settings: Settings) -> np.ndarray:
    """torch's own quantized tensors: a step and a zero point for all codes, or a channel."""
    import numpy as np

    codes, steps, zeros = (parts[leaf].read() for leaf in _SPREAD)
    made: np.ndarray = ((codes - zeros.astype(np.float64)) * steps).astype(np.float32)
    return made


INTEGERS: Final = (
    Layout(_INTEGERS, (), "weight", _olive_shape, _olive),
    Layout(("weight", "scales", "zeros"), (), "weight", _unpacked_shape, _one_a_code),
    Layout(("weight", "SCB"), ("weight_format",), "weight", _rows_shape, _rows),
    Layout(_SCALED, ("input_scale", "output_scale"), "weight", _scaled_shape, _scaled),
    Layout(_HALVES, ("input_scale", "output_scale"), "weight", _halves_shape, _halves),
    Layout(_SHIFTED, ("_weight_zero_point",), "weight", _shifted_shape, _shifted),
    Layout(_SPREAD, ("scale", "zero_point"), "weight", _spread_shape, _spread),
    Layout(_IN_PARTS, (), "weight", _in_parts_shape, _in_parts),
)
