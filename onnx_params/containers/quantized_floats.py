"""Read the layers of checkpoints whose weights are floating-point codes, or codes of a table.

Sources: DeepSeek's FP8 (``weight_scale_inv`` a block); OpenAI's gpt-oss, ``torch/weights.py``
(MXFP4); ModelOpt, Quark and compressed-tensors (NVFP4, MXFP4, MXFP8); bitsandbytes,
``functional.py`` (``QuantState``); AQLM, ``inference_kernels`` (sums of vectors of books).
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from onnx_params.containers.quantized_layout import Layout, Parts, Settings
from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.evaluate import unpacked
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

_E8M0_BIAS: Final = 127
_MX_BLOCK: Final = 32
_BOOKS: Final = ("codes", "codebooks", "scales")
_QUANT_STATES: Final = tuple(f"weight.quant_state.bitsandbytes__{each}" for each in ("nf4", "fp4"))
_OF_TABLES: Final = ("weight.nested_absmax", "weight.nested_quant_map", *_QUANT_STATES)


def _float8_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes = parts["weight"]
    is_code = codes.dtype.is_float and codes.dtype.bits == 8 and len(codes.shape) == 2
    return codes.shape if is_code else None


def _float8(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    codes = parts["weight"].read().astype(np.float32)
    scale = next(parts[leaf] for leaf in ("weight_scale_inv", "weight_scale") if leaf in parts)
    scales = _scales(scale)
    if scales.ndim == 1:
        scales = scales.reshape(-1, 1)
    if scales.ndim == 2:
        for axis in (0, 1):
            size = _block(codes.shape[axis], scales.shape[axis])
            if len(settings.blocks) == 2:
                size = settings.blocks[axis]
            scales = scales.take(np.arange(codes.shape[axis]) // size, axis)
    made: np.ndarray = codes * scales
    return made


def _scales(stored: StoredTensor) -> np.ndarray:
    """Scales as numbers; bytes are exponents of two (E8M0)."""
    import numpy as np

    values = stored.read()
    if values.dtype.name != "uint8":
        return values.astype(np.float32)
    return np.ldexp(np.float32(1), values.astype(np.int32) - _E8M0_BIAS)


def _table_shape(parts: Parts, settings: Settings) -> Shape | None:
    shape = _state_of(parts).get("shape")
    if not isinstance(shape, list) or not all(type(dim) is int and dim >= 0 for dim in shape):
        return None
    is_fit = 0 <= 2 * parts["weight"].count - math.prod(shape) < 2
    return tuple(shape) if is_fit else None


def _state_of(parts: Parts) -> dict[str, Any]:
    """What bitsandbytes wrote of a tensor, as bytes of JSON."""
    stored = next((parts[leaf] for leaf in _QUANT_STATES if leaf in parts), None)
    try:
        found = {} if stored is None else json.loads(stored.read().tobytes())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(parts: Parts, settings: Settings) -> np.ndarray:
    """bitsandbytes' 4 bits: codes of a table, high bits first, the largest number of each block;
    these perhaps codes of a table themselves.
    """
    import numpy as np

    state = _state_of(parts)
    table = parts["weight.quant_map"].read().astype(np.float32)
    codes = unpacked(parts["weight"].read().reshape(-1), 4, True)
    largest = parts["weight.absmax"].read()
    if "weight.nested_absmax" in parts:
        outer = parts["weight.nested_absmax"].read().astype(np.float32)
        inner = parts["weight.nested_quant_map"].read().astype(np.float32)[largest]
        blocks = np.arange(len(inner)) // int(state["nested_blocksize"])
        largest = inner * outer[blocks] + np.float32(state["nested_offset"])
    shape = tuple(state["shape"])
    count = math.prod(shape)
    scales = largest.astype(np.float32).reshape(-1)
    made: np.ndarray = table[codes[:count]] * scales[np.arange(count) // int(state["blocksize"])]
    return made.reshape(shape)


def _nvfp4_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes = parts.get("weight", parts.get("weight_packed"))
    if codes is None or codes.dtype.name != "uint8" or len(codes.shape) != 2:
        return None
    out, half = codes.shape
    scales = parts["weight_scale"].shape
    return (out, 2 * half) if len(scales) == 2 and scales[0] == out and scales[1] else None


def _nvfp4(parts: Parts, settings: Settings) -> np.ndarray:
    """NVFP4 of ModelOpt, and of compressed-tensors, which divides by the scale of the whole; MXFP4
    of both has none.
    """
    import numpy as np

    table = np.asarray(CODEBOOKS["e2m1"], np.float32)
    codes = table[unpacked(parts["weight" if "weight" in parts else "weight_packed"].read(), 4)]
    scales = _scales(parts["weight_scale"])
    if "weight_scale_2" in parts:
        scales = scales * parts["weight_scale_2"].read().astype(np.float32).reshape(())
    elif "weight_global_scale" in parts:
        scales = scales / parts["weight_global_scale"].read().astype(np.float32).reshape(())
    made: np.ndarray = codes * scales.repeat(codes.shape[1] // scales.shape[1], axis=1)
    return made


def _mx_shape(parts: Parts, settings: Settings) -> Shape | None:
    """MXFP4 without a scale of the whole: exponents of two, for blocks of 32."""
    scales = parts["weight_scale"]
    shape = _nvfp4_shape(parts, settings)
    is_power = scales.dtype.name in ("uint8", "float8_e8m0fnu")
    is_block = shape is not None and shape[1] == _MX_BLOCK * scales.shape[1]
    return shape if is_power and is_block else None


def _books_shape(parts: Parts, settings: Settings) -> Shape | None:
    """Of codes ``[out groups, in groups, books]`` and books ``[books, entries, out, in]``."""
    codes, books, scales = (parts[leaf] for leaf in _BOOKS)
    if len(codes.shape) != 3 or len(books.shape) != 4 or codes.shape[2] != books.shape[0]:
        return None
    is_code = codes.dtype.name in ("int8", "int16", "uint8", "uint16")
    if not is_code or scales.count != codes.shape[0] or books.shape[1] != _entries(codes):
        return None
    return codes.shape[0] * books.shape[2], codes.shape[1] * books.shape[3]


def _entries(codes: StoredTensor) -> int:
    """How many vectors a book has."""
    return 1 << codes.dtype.bits


def _books(parts: Parts, settings: Settings) -> np.ndarray:
    """AQLM: the sum of a vector of each book, times the scale of the outputs."""
    import numpy as np

    stored, books, scales = (parts[leaf].read() for leaf in _BOOKS)
    codes = stored.astype(np.int64) & (_entries(parts["codes"]) - 1)
    made = np.zeros((*codes.shape[:2], *books.shape[2:]), np.float32)
    for number, book in enumerate(books.astype(np.float32)):
        made += book[codes[..., number]]
    made *= scales.astype(np.float32).reshape(-1, 1, 1, 1)
    rows = codes.shape[0] * books.shape[2]
    found: np.ndarray = made.transpose(0, 2, 1, 3).reshape(rows, -1)
    return found


def _block(length: int, n_blocks: int) -> int:
    """How long a block is: blocks of one length, or of a power of two with the last one cut."""
    if not length % n_blocks:
        return length // n_blocks
    return 1 << (-(-length // n_blocks) - 1).bit_length()


def _mxfp4_shape(parts: Parts, settings: Settings) -> Shape | None:
    blocks, scales = parts["_blocks"], parts["_scales"]
    if len(blocks.shape) != 4 or blocks.shape[:3] != scales.shape or blocks.dtype.name != "uint8":
        return None
    experts, rows, n_blocks, width = blocks.shape
    return experts, n_blocks * width * 2, rows


def _mxfp4(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    table = np.asarray(CODEBOOKS["e2m1"], np.float32)
    codes = unpacked(parts["_blocks"].read(), 4)
    exponents = parts["_scales"].read().astype(np.int32) - _E8M0_BIAS
    made = np.ldexp(table[codes], exponents[..., None])
    experts, rows = made.shape[:2]
    found: np.ndarray = made.reshape(experts, rows, -1).transpose(0, 2, 1)
    return found


FLOATS: Final = (
    Layout(
        ("weight", "weight.absmax", "weight.quant_map"),
        _OF_TABLES,
        "weight",
        _table_shape,
        _table,
    ),
    Layout(
        ("weight", "weight_scale", "weight_scale_2"),
        ("input_scale",),
        "weight",
        _nvfp4_shape,
        _nvfp4,
    ),
    Layout(
        ("weight_packed", "weight_scale", "weight_global_scale"),
        ("input_global_scale",),
        "weight",
        _nvfp4_shape,
        _nvfp4,
    ),
    Layout(("weight_packed", "weight_scale"), (), "weight", _mx_shape, _nvfp4),
    Layout(("weight", "weight_scale"), (), "weight", _mx_shape, _nvfp4),
    Layout(_BOOKS, (), "weight", _books_shape, _books),
    Layout(("weight", "weight_scale_inv"), (), "weight", _float8_shape, _float8),
    Layout(("weight", "weight_scale"), (), "weight", _float8_shape, _float8),
    Layout(("_blocks", "_scales"), (), "", _mxfp4_shape, _mxfp4),
)
