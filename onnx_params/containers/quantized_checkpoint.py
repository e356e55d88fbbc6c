"""Give the weights of checkpoints that quantizers wrote as the numbers that they stand for: codes,
scales and zero points become one tensor under the layer's own name.

Sources: AutoGPTQ and GPTQModel, ``qlinear`` (eight codes of 4 bits in an int32 along the inputs,
zero points less one); AutoAWQ, ``utils/packing_utils.py`` (along the outputs, in the order 0 2 4 6
1 3 5 7); AMD Quark, the same under other names; Olive, ``common/quant`` (codes in bytes, low bits
first); onnxruntime-genai (a code an element); DeepSeek's FP8 (``weight_scale_inv`` a block);
OpenAI's gpt-oss, ``torch/weights.py`` (MXFP4).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import content_errors
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.codebooks import CODEBOOKS
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.evaluate import unpacked
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int, ...]
Parts = Mapping[str, StoredTensor]  # leaf -> tensor of one layer

_AWQ_ORDER: Final = (0, 4, 1, 5, 2, 6, 3, 7)  # where the code of each output stands in its word
_E8M0_BIAS: Final = 127
_WORD: Final = 32  # bits of an int32


class _Layout(NamedTuple):
    """How a quantizer stores a layer: the leaves that must be there and those that may be, what the
    weight is called, its shape (none where the parts do not fit), and what makes its numbers.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    leaf: str
    shape: Callable[[Parts], Shape | None]
    make: Callable[[Parts, bool], np.ndarray]


def dequantized(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with quantized layers as float32 tensors, made when they are read; as it is
    where it has none.
    """
    by_name = {tensor.name: tensor for tensor in checkpoint.tensors}
    made: dict[str, StoredTensor] = {}
    gone: set[str] = set()
    is_second = _is_second_format(checkpoint.path)
    for tensor in checkpoint.tensors:
        for layout in _LAYOUTS:
            found = _layer(by_name, tensor.name, layout)
            if found is None:
                continue
            name, parts, shape = found
            made[tensor.name] = _computed(checkpoint.path, name, parts, shape, layout, is_second)
            gone |= {part.name for part in parts.values()}
            break
    if not made:
        return checkpoint
    tensors = [
        made.get(tensor.name, tensor)
        for tensor in checkpoint.tensors
        if tensor.name in made or tensor.name not in gone
    ]
    return replace(checkpoint, tensors=tuple(tensors))


def _layer(
    by_name: Mapping[str, StoredTensor], name: str, layout: _Layout
) -> tuple[str, Parts, Shape] | None:
    """The weight's name, its parts and its shape, where a tensor is the first part of a layer of
    this layout.
    """
    first = layout.needed[0]
    if not name.endswith(first):
        return None
    stem = name.removesuffix(first)
    leaves = (*layout.needed, *layout.optional)
    parts = {leaf: by_name[stem + leaf] for leaf in leaves if stem + leaf in by_name}
    if not all(leaf in parts for leaf in layout.needed):
        return None
    shape = layout.shape(parts)
    return None if shape is None else (f"{stem}{layout.leaf}".removesuffix("."), parts, shape)


def _computed(
    path: str, name: str, parts: Parts, shape: Shape, layout: _Layout, is_second: bool
) -> StoredTensor:
    def make() -> bytes:
        import numpy as np

        with content_errors(f"{path}: tensor '{name}'"):
            values = layout.make(parts, is_second)
            if values.shape != shape:
                raise ValueError(f"shape {values.shape} for {shape}")
            return np.ascontiguousarray(values, np.float32).tobytes()

    dtype = BY_NAME["float32"]
    source = ComputedSource(f"{path}: '{name}'", dtype.packed_length(math.prod(shape)), make)
    span = Span(0, source.n_bytes)
    return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (span,), source)


def _is_second_format(path: str) -> bool:
    """Whether the configuration beside a checkpoint says that zero points are stored as they
    are.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config: Any = json.load(file)
        return bool(config["quantization_config"]["checkpoint_format"] == "gptq_v2")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


# -- packed integers ------------------------------------------------------------------------------


def _words(tensor: StoredTensor, bits: int) -> np.ndarray:
    """The codes of each int32, low bits first: one more axis."""
    import numpy as np

    shifts = np.arange(0, _WORD, bits, dtype=np.uint32)
    words = tensor.read().view(np.uint32)
    codes: np.ndarray = (words[..., None] >> shifts) & np.uint32((1 << bits) - 1)
    return codes


def _bits(zeros: StoredTensor, outputs: int) -> int:
    """How many bits a code has, by how many words the zero points take."""
    if not outputs or len(zeros.shape) != 2:
        return 0
    bits = _WORD * zeros.shape[1] // outputs
    return bits if bits in (2, 4, 8) else 0


def _gptq_shape(parts: Parts) -> Shape | None:
    codes, scales, zeros = (parts[leaf] for leaf in ("qweight", "scales", "qzeros"))
    if codes.dtype.name != "int32" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    outputs = scales.shape[1]
    bits = _bits(zeros, outputs)
    if not bits or codes.shape[1] != outputs:
        return None
    return outputs, codes.shape[0] * _WORD // bits


def _gptq(parts: Parts, is_second: bool) -> np.ndarray:
    import numpy as np

    scales = parts["scales"].read().astype(np.float32)
    bits = _bits(parts["qzeros"], scales.shape[1])
    codes = _words(parts["qweight"], bits)  # [inputs / n, outputs, n]
    codes = codes.transpose(0, 2, 1).reshape(-1, scales.shape[1]).astype(np.float32)
    zeros = _words(parts["qzeros"], bits).reshape(len(scales), -1)
    if not is_second:
        zeros = (zeros + 1) & ((1 << bits) - 1)
    groups = _groups(parts, len(codes), len(scales))
    made: np.ndarray = (codes - zeros[groups]) * scales[groups]
    return made.T


def _groups(parts: Parts, inputs: int, groups: int) -> np.ndarray:
    """The group of each input."""
    import numpy as np

    if "g_idx" in parts:
        found: np.ndarray = parts["g_idx"].read().reshape(-1).astype(np.int64)
        return found
    return np.arange(inputs) // max(1, inputs // max(1, groups))


def _awq_shape(parts: Parts) -> Shape | None:
    codes, scales, zeros = _named_as_awq(parts)
    if codes.dtype.name != "int32" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    outputs = scales.shape[1]
    if _bits(zeros, outputs) != 4 or codes.shape[1] * 8 != outputs:
        return None
    return outputs, codes.shape[0]


def _named_as_awq(parts: Parts) -> tuple[StoredTensor, StoredTensor, StoredTensor]:
    """Codes, scales and zero points, as AWQ or as Quark calls them."""
    if "qweight" in parts:
        return parts["qweight"], parts["scales"], parts["qzeros"]
    return parts["weight"], parts["weight_scale"], parts["weight_zero_point"]


def _awq(parts: Parts, is_second: bool) -> np.ndarray:
    import numpy as np

    stored, stored_scales, stored_zeros = _named_as_awq(parts)
    scales = stored_scales.read().astype(np.float32)
    codes = _words(stored, 4)[..., _AWQ_ORDER].reshape(stored.shape[0], -1)
    zeros = _words(stored_zeros, 4)[..., _AWQ_ORDER].reshape(len(scales), -1)
    groups = _groups(parts, len(codes), len(scales))
    made: np.ndarray = (codes.astype(np.float32) - zeros[groups]) * scales[groups]
    return made.T


def _olive_shape(parts: Parts) -> Shape | None:
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


def _olive(parts: Parts, is_second: bool) -> np.ndarray:
    import numpy as np

    bits = _olive_bits(parts)
    scales = parts["scales"].read().astype(np.float32)
    codes = unpacked(parts["qweight"].read(), bits).astype(np.float32)
    zeros = unpacked(parts["qzeros"].read(), bits)[:, : scales.shape[1]]
    size = codes.shape[1] // scales.shape[1]
    made: np.ndarray = (codes - zeros.repeat(size, axis=1)) * scales.repeat(size, axis=1)
    return made


def _unpacked_shape(parts: Parts) -> Shape | None:
    codes, scales, zeros = (parts[leaf] for leaf in ("weight", "scales", "zeros"))
    is_split = scales.count and not codes.count % scales.count
    if len(codes.shape) != 2 or scales.count != zeros.count or not is_split:
        return None
    return None if codes.shape[1] % (codes.count // scales.count) else codes.shape


def _one_a_code(parts: Parts, is_second: bool) -> np.ndarray:
    import numpy as np

    scales = parts["scales"].read().astype(np.float32).reshape(-1, 1)
    zeros = parts["zeros"].read().astype(np.float32).reshape(-1, 1)
    codes = parts["weight"].read().astype(np.float32)
    made: np.ndarray = (codes.reshape(len(scales), -1) - zeros) * scales
    return made.reshape(codes.shape)


# -- floating-point codes -------------------------------------------------------------------------


def _float8_shape(parts: Parts) -> Shape | None:
    codes = parts["weight"]
    is_code = codes.dtype.is_float and codes.dtype.bits == 8 and len(codes.shape) == 2
    return codes.shape if is_code else None


def _float8(parts: Parts, is_second: bool) -> np.ndarray:
    import numpy as np

    codes = parts["weight"].read().astype(np.float32)
    scale = next(parts[leaf] for leaf in ("weight_scale_inv", "weight_scale") if leaf in parts)
    scales = scale.read().astype(np.float32)
    if scales.ndim == 1:
        scales = scales.reshape(-1, 1)
    if scales.ndim == 2:
        for axis in (0, 1):
            size = -(-codes.shape[axis] // scales.shape[axis])
            scales = scales.repeat(size, axis)
        scales = scales[: codes.shape[0], : codes.shape[1]]
    made: np.ndarray = codes * scales
    return made


def _mxfp4_shape(parts: Parts) -> Shape | None:
    blocks, scales = parts["_blocks"], parts["_scales"]
    if len(blocks.shape) != 4 or blocks.shape[:3] != scales.shape or blocks.dtype.name != "uint8":
        return None
    experts, rows, n_blocks, width = blocks.shape
    return experts, n_blocks * width * 2, rows


def _mxfp4(parts: Parts, is_second: bool) -> np.ndarray:
    import numpy as np

    table = np.asarray(CODEBOOKS["e2m1"], np.float32)
    codes = unpacked(parts["_blocks"].read(), 4)
    exponents = parts["_scales"].read().astype(np.int32) - _E8M0_BIAS
    made = np.ldexp(table[codes], exponents[..., None])
    experts, rows = made.shape[:2]
    found: np.ndarray = made.reshape(experts, rows, -1).transpose(0, 2, 1)
    return found


_INTEGERS: Final = ("qweight", "scales", "qzeros")
_LAYOUTS: Final = (
    _Layout(_INTEGERS, ("g_idx",), "weight", _gptq_shape, _gptq),
    _Layout(_INTEGERS, (), "weight", _awq_shape, _awq),
    _Layout(("weight", "weight_scale", "weight_zero_point"), (), "weight", _awq_shape, _awq),
    _Layout(_INTEGERS, (), "weight", _olive_shape, _olive),
    _Layout(("weight", "scales", "zeros"), (), "weight", _unpacked_shape, _one_a_code),
    _Layout(("weight", "weight_scale_inv"), (), "weight", _float8_shape, _float8),
    _Layout(("weight", "weight_scale"), (), "weight", _float8_shape, _float8),
    _Layout(("_blocks", "_scales"), (), "", _mxfp4_shape, _mxfp4),
)
