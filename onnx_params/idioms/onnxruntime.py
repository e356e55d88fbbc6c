"""Undo what post-processors do to a name: the value that a stored tensor was made from, and what
was done to it.

One row a convention; the first that fits is undone, then the rest is looked at again. Sources:
onnxruntime, ``quantization/quant_utils.py`` (TENSOR_NAME_QUANT_SUFFIX),
``quantization/base_quantizer.py`` and ``operators/lstm.py``,
``quantization/matmul_nbits_quantizer.py``, ``matmul_bnb4_quantizer.py``;
``core/optimizer/conv_bn_fusion.cc``, ``conv_mul_fusion.cc``, ``conv_add_fusion.cc``,
``matmul_bn_fusion.cc``; the ``QGemm`` preparation ``gemm_to_matmul`` in
``quantization/onnx_quantizer.py`` (``_Transposed``); optimum, ``onnx/transformations_utils.py``
(``_merged_0``: decoders joined).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.tensors.steps import Key


class Done(enum.Enum):
    """What was done to the values, besides a change of type."""

    NOTHING = "nothing"
    TURNED = "turned"
    FOLDED = "folded"


_ROWS: Final = (
    (re.compile(r"(?P<base>.+)_quantized"), Done.NOTHING),
    (re.compile(r"(?P<base>.+)_dequantized"), Done.NOTHING),  # onnx-shrink-ray, ``shrink.py``
    # ``quantization/qdq_quantizer.py``, where an optimizer computed what the node gives
    (re.compile(r"(?P<base>.+)_(Deq|Q)uantizeLinear_Output"), Done.NOTHING),
    (re.compile(r"(?P<base>.+)_Transposed"), Done.TURNED),
    (re.compile(r"(?P<base>.+?)_(DQ_)?Q[248](G\d+)?"), Done.NOTHING),
    (re.compile(r"(?P<base>.+)_Bnb4"), Done.NOTHING),
    (re.compile(r"(?P<base>.+)_(fp16|float16|bf16)"), Done.NOTHING),
    (re.compile(r"(?P<base>.+)_merged_\d+"), Done.NOTHING),
    (re.compile(r"ConvBnFusion_W_(?P<base>.+)"), Done.FOLDED),
    (re.compile(r"ConvBnFusion_(B|BN_B)_(?P<base>.+)"), Done.FOLDED),
    (re.compile(r"Conv(Mul|Add)Fusion_(W|B|Mul_B|Add_B)_(?P<base>.+)"), Done.FOLDED),
    (re.compile(r"Mat[mM]ulBnFusion_(GemmB(ias)?_)?(?P<base>.+)"), Done.FOLDED),
    # a prefix for all inner names. Source: onnx, ``compose.py``, add_prefix
    (re.compile(r"[^:]+?(?P<base>onnx::\w+)"), Done.NOTHING),
)
# what a name must have for any row to fit
_DEQUANTIZED: Final = ("_dequantized", "_DequantizeLinear_Output")
_CODES: Final = "_QuantizeLinear_Output"
_ENDS: Final = (
    "_quantized",
    *_DEQUANTIZED,
    _CODES,
    "_Transposed",
    "_Bnb4",
    "_fp16",
    "_float16",
    "_bf16",
)
SCALED_BIAS: Final = "ConvMulFusion_Mul_B_"
_PREFIXED: Final = "onnx::"
_STARTS: Final = ("Conv", "MatmulBnFusion_", "MatMulBnFusion_")
# a domain that a model has when onnxruntime saved it, whatever its nodes are. Source:
# ``core/session/inference_session.cc``, every domain that is registered is written down
_SAVED: Final = "com.microsoft.experimental"
MAX_HOPS: Final = 4  # post-processors one after the other


class Hop(NamedTuple):
    """The name before, and whether the values were transposed or changed on the way."""

    base: str
    turned: bool
    folded: bool


def undo(name: str) -> list[Hop]:
    """Every name that a stored name may have had before, the nearest first; none where no
    convention fits.
    """
    found: list[Hop] = []
    is_old = name.endswith(_ENDS) or "_Q" in name or "_merged_" in name
    if not (is_old or name.startswith(_STARTS) or _PREFIXED in name[1:]):
        return found  # nearly all names
    turned = folded = False
    for _ in range(MAX_HOPS):
        for pattern, done in _ROWS:
            match = pattern.fullmatch(name)
            if match is not None:
                name = str(match["base"])
                turned ^= done is Done.TURNED
                folded |= done is Done.FOLDED
                found.append(Hop(name, turned, folded))
                break
        else:
            break
    return found


def left_behind(model: Model) -> frozenset[Key]:
    """The tensors of which a quantizer made others and which it left where nothing takes them."""
    originals = {
        (model.main.path, hop.base)
        for tensor in model.main.tensors
        for hop in undo(tensor.name)
        if model.def_use.uses(tensor.key)
    }
    return frozenset(
        key for key in originals if key in model.stored and not model.def_use.uses(key)
    )


def is_scaled_bias(name: str) -> bool:
    """Whether a fusion called a convolution's bias after the factor that it multiplied it by.

    Source: onnxruntime, ``core/optimizer/conv_mul_fusion.cc``.
    """
    return name.startswith(SCALED_BIAS)


def is_dequantized(name: str) -> bool:
    """Whether a name says that the numbers were computed of codes."""
    return name.endswith(_DEQUANTIZED)


def has_saved(opsets: Iterable[tuple[str, int]]) -> bool:
    """Whether onnxruntime optimized the model and saved it, by the domains that it names."""
    return any(domain == _SAVED for domain, _ in opsets)


def name_before(name: str) -> str:
    """The name before all post-processing; the same where no convention fits."""
    hops = undo(name)
    return hops[-1].base if hops else name
