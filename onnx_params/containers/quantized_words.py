"""Read the layers of checkpoints whose codes are packed into words of 32 bits.

Sources: AutoGPTQ and GPTQModel, ``qlinear`` (eight codes of 4 bits in an int32 along the inputs,
zero points less one); AutoAWQ, ``utils/packing_utils.py`` (along the outputs, in the order 0 2 4 6
1 3 5 7), and its ``gemv`` (along the inputs); AMD Quark, the same under other names;
compressed-tensors, ``compressors/quantized_compressors``; MLX, ``nn/layers/quantized.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onnx_params.containers.quantized_layout import Layout, Parts, Settings
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

_AWQ_ORDER: Final = (0, 4, 1, 5, 2, 6, 3, 7)  # where the code of each output stands in its word
_WORD: Final = 32  # bits of an int32
_COMPRESSED: Final = ("weight_packed", "weight_scale", "weight_shape")
_INTEGERS: Final = ("qweight", "scales", "qzeros")
_LEAST: Final = ("weight", "scales", "biases")
_LEAST_GROUPS: Final = (64, 32, 128)
_LEAST_BITS: Final = (2, 3, 4, 5, 6, 8)


def _words(tensor: StoredTensor, bits: int) -> np.ndarray:
    """The codes of each int32, low bits first: one more axis."""
    import numpy as np

    shifts = np.arange(0, _WORD, bits, dtype=np.uint32)
    words = tensor.read().view(np.uint32)
    codes: np.ndarray = (words[..., None] >> shifts) & np.uint32((1 << bits) - 1)
    return codes


def _in_rows(words: np.ndarray, bits: int) -> np.ndarray:
    """The codes of rows of int32, low bits first; a code of 3 bits may begin in one word and end in
    the next.
    """
    import numpy as np

    as_bytes = np.ascontiguousarray(words).view(np.uint8)
    apart = np.unpackbits(as_bytes, axis=1, bitorder="little")
    n_codes = apart.shape[1] // bits
    digits = apart[:, : n_codes * bits].reshape(len(words), n_codes, bits)
    codes: np.ndarray = digits @ (1 << np.arange(bits, dtype=np.int64))
    return codes


def _bits(zeros: StoredTensor, outputs: int) -> int:
    """How many bits a code has, by how many words the zero points take."""
    if not outputs or len(zeros.shape) != 2:
        return 0
    bits = _WORD * zeros.shape[1] // outputs
    return bits if bits in (2, 3, 4, 8) else 0


def _gptq_shape(parts: Parts, settings: Settings) -> Shape | None:
    codes, scales, zeros = (parts[leaf] for leaf in ("qweight", "scales", "qzeros"))
    if codes.dtype.name != "int32" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    if settings.method == "awq":
        return None
    outputs = scales.shape[1]
    bits = _bits(zeros, outputs)
    if not bits or codes.shape[1] != outputs:
        return None
    return outputs, codes.shape[0] * _WORD // bits


def _gptq(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    scales = parts["scales"].read().astype(np.float32)
    bits = _bits(parts["qzeros"], scales.shape[1])
    codes = _in_rows(parts["qweight"].read().T, bits).T.astype(np.float32)  # [inputs, outputs]
    zeros = _in_rows(parts["qzeros"].read(), bits)
    if not settings.is_second:
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


def _awq_shape(parts: Parts, settings: Settings) -> Shape | None:
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


def _awq(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    stored, stored_scales, stored_zeros = _named_as_awq(parts)
    scales = stored_scales.read().astype(np.float32)
    codes = _words(stored, 4)[..., _AWQ_ORDER].reshape(stored.shape[0], -1)
    zeros = _words(stored_zeros, 4)[..., _AWQ_ORDER].reshape(len(scales), -1)
    groups = _groups(parts, len(codes), len(scales))
    made: np.ndarray = (codes.astype(np.float32) - zeros[groups]) * scales[groups]
    return made.T


def _awq_rows_shape(parts: Parts, settings: Settings) -> Shape | None:
    """AutoAWQ's layout for products with a vector: an output a row, words along the inputs; scales
    and zero points are filled up.
    """
    codes, scales, zeros = (parts[leaf] for leaf in ("qweight", "scales", "qzeros"))
    if codes.dtype.name != "int32" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    outputs, width = codes.shape
    is_fit = zeros.shape == (outputs, scales.shape[1] // 8) and scales.shape[0] == outputs
    return (outputs, 8 * width) if is_fit and scales.shape[1] else None


def _awq_rows(parts: Parts, settings: Settings) -> np.ndarray:
    import numpy as np

    codes = _words(parts["qweight"], 4)[..., _AWQ_ORDER].reshape(parts["qweight"].shape[0], -1)
    zeros = _words(parts["qzeros"], 4)[..., _AWQ_ORDER].reshape(len(codes), -1)
    scales = parts["scales"].read().astype(np.float32)
    n_groups = int(np.count_nonzero(scales.any(axis=0)))  # what is filled up is zero
    groups = np.arange(codes.shape[1]) // max(1, codes.shape[1] // max(1, n_groups))
    made: np.ndarray = (codes.astype(np.float32) - zeros[:, groups]) * scales[:, groups]
    return made


def _compressed_shape(parts: Parts, settings: Settings) -> Shape | None:
    packed, scales, shape = (parts[leaf] for leaf in _COMPRESSED)
    if packed.dtype.name != "int32" or shape.count != 2 or len(scales.shape) != 2:
        return None
    out, into = map(int, shape.read().reshape(-1))
    bits = _WORD * packed.shape[-1] // into if into else 0
    return (out, into) if bits in (2, 4, 8) and packed.shape[0] == out else None


def _compressed(parts: Parts, settings: Settings) -> np.ndarray:
    """compressed-tensors' ``pack-quantized``: codes along the inputs, zero points along the
    outputs.
    """
    import numpy as np

    out, into = map(int, parts["weight_shape"].read().reshape(-1))
    bits = _WORD * parts["weight_packed"].shape[-1] // into
    codes = _words(parts["weight_packed"], bits).reshape(out, -1)[:, :into].astype(np.float32)
    scales = parts["weight_scale"].read().astype(np.float32)
    zeros = np.full(scales.shape, 1 << (bits - 1), np.float32)
    if "weight_zero_point" in parts:
        words = _words(parts["weight_zero_point"], bits)  # [out / n, groups, n]
        zeros = words.transpose(0, 2, 1).reshape(-1, scales.shape[1])[:out].astype(np.float32)
    groups = np.arange(into) // max(1, into // scales.shape[1])
    if "weight_g_idx" in parts:
        groups = parts["weight_g_idx"].read().reshape(-1).astype(np.int64)
    made: np.ndarray = (codes - zeros[:, groups]) * scales[:, groups]
    return made


def _with_least_shape(parts: Parts, settings: Settings) -> Shape | None:
    """By how many inputs have a scale: as many as the configuration says, or usually have."""
    codes, scales, least = (parts[leaf] for leaf in _LEAST)
    if codes.dtype.name != "uint32" or len(codes.shape) != 2 or len(scales.shape) != 2:
        return None
    if scales.shape != least.shape or scales.shape[0] != codes.shape[0] or not scales.shape[1]:
        return None
    n_bits = _WORD * codes.shape[1] // scales.shape[1]  # of the codes of a group
    sizes = (settings.group, *_LEAST_GROUPS) if settings.group else _LEAST_GROUPS
    for size in sizes:
        if n_bits % size == 0 and n_bits // size in _LEAST_BITS:
            return codes.shape[0], size * scales.shape[1]
    return None


def _with_least(parts: Parts, settings: Settings) -> np.ndarray:
    """MLX: codes in words along the inputs, a step and the least number of a group."""
    import numpy as np

    codes, scales, least = (parts[leaf].read() for leaf in _LEAST)
    shape = _with_least_shape(parts, settings)
    assert shape is not None
    bits = _WORD * codes.shape[1] // shape[1]
    size = shape[1] // scales.shape[1]
    wide = _in_rows(codes, bits).astype(np.float32)
    steps, shifts = (each.astype(np.float32).repeat(size, axis=1) for each in (scales, least))
    made: np.ndarray = wide * steps + shifts
    return made


WORDS: Final = (
    Layout(_INTEGERS, ("g_idx",), "weight", _gptq_shape, _gptq),
    Layout(_INTEGERS, (), "weight", _awq_shape, _awq),
    Layout(("weight", "weight_scale", "weight_zero_point"), (), "weight", _awq_shape, _awq),
    Layout(_INTEGERS, (), "weight", _awq_rows_shape, _awq_rows),
    Layout(_LEAST, (), "weight", _with_least_shape, _with_least),
    Layout(
        _COMPRESSED,
        ("weight_zero_point", "weight_g_idx"),
        "weight",
        _compressed_shape,
        _compressed,
    ),
)
