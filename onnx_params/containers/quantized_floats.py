"""Read the layers of checkpoints whose weights are floating-point codes, or codes of a table.

Sources: DeepSeek's FP8 (``weight_scale_inv`` a block); OpenAI's gpt-oss, ``torch/weights.py``
(MXFP4); ModelOpt and compressed-tensors (NVFP4); bitsandbytes, ``functional.py`` (``QuantState``).
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from onnx_params.containers.quantized_layout import Layout, Parts, Settings
from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.evaluate import unpacked
from onnx_params.tensors.steps import Shape

if TYPE_CHECKING:
    import numpy as np

_E8M0_BIAS: Final = 127
_QUANT_STATES: Final = tuple(f"weight.quant_state.bitsandbytes__{each}" for each in ("nf4", "fp4"))
_OF_TABLES: Final = ("weight.nested_absmax", "weight.nested_quant_map", *_QUANT_STATES)


def _float8_shape(parts: Parts) -> Shape | None:
    codes = parts["weight"]
    is_code = codes.dtype.is_float and codes.dtype.bits == 8 and len(codes.shape) == 2
    return codes.shape if is_code else None


def _float8(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    codes = parts["weight"].read().astype(np.float32)
    scale = next(parts[leaf] for leaf in ("weight_scale_inv", "weight_scale") if leaf in parts)
    scales = scale.read().astype(np.float32)
    if scales.ndim == 1:
        scales = scales.reshape(-1, 1)
    if scales.ndim == 2:
        for axis in (0, 1):
            size = _block(codes.shape[axis], scales.shape[axis])
            if len(settings.blocks) == 2:
                size = settings.blocks[axis]
            scales = scales.repeat(size, axis)
        scales = scales[: codes.shape[0], : codes.shape[1]]
    made: np.ndarray = codes * scales
    return made


def _table_shape(parts: Parts) -> Shape | None:
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
        size = int(state["nested_blocksize"])
        largest = inner * outer.repeat(size)[: len(inner)] + np.float32(state["nested_offset"])
    shape = tuple(state["shape"])
    count = math.prod(shape)
    scales = largest.astype(np.float32).reshape(-1).repeat(int(state["blocksize"]))
    made: np.ndarray = table[codes[:count]] * scales[:count]
    return made.reshape(shape)


def _nvfp4_shape(parts: Parts) -> Shape | None:
    codes = parts.get("weight", parts.get("weight_packed"))
    if codes is None or codes.dtype.name != "uint8" or len(codes.shape) != 2:
        return None
    out, half = codes.shape
    scales = parts["weight_scale"].shape
    return (out, 2 * half) if len(scales) == 2 and scales[0] == out and scales[1] else None


def _nvfp4(parts: Parts, settings: Settings) -> np.ndarray:
    """NVFP4 of ModelOpt, and of compressed-tensors, which divides by the scale of the whole."""
    import numpy as np

    table = np.asarray(CODEBOOKS["e2m1"], np.float32)
    codes = table[unpacked(parts["weight" if "weight" in parts else "weight_packed"].read(), 4)]
    scales = parts["weight_scale"].read().astype(np.float32)
    if "weight_scale_2" in parts:
        scales = scales * parts["weight_scale_2"].read().astype(np.float32).reshape(())
    else:
        scales = scales / parts["weight_global_scale"].read().astype(np.float32).reshape(())
    made: np.ndarray = codes * scales.repeat(codes.shape[1] // scales.shape[1], axis=1)
    return made


def _block(length: int, n_blocks: int) -> int:
    """How long a block is: blocks of one length, or of a power of two with the last one cut."""
    if not length % n_blocks:
        return length // n_blocks
    return 1 << (-(-length // n_blocks) - 1).bit_length()


def _mxfp4_shape(parts: Parts) -> Shape | None:
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
    Layout(("weight", "weight_scale_inv"), (), "weight", _float8_shape, _float8),
    Layout(("weight", "weight_scale"), (), "weight", _float8_shape, _float8),
    Layout(("_blocks", "_scales"), (), "", _mxfp4_shape, _mxfp4),
)
