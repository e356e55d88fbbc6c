"""Describe the operators of onnxruntime: one record each.

Sources: ``docs/ContribOperators.md`` (com.microsoft) and ``core/optimizer/nchwc_transformer.cc``
(com.microsoft.nchwc).
"""

from __future__ import annotations

from typing import Final

from onnx_params.operators.record import (
    Kind,
    Operator,
    Packing,
    Passes,
    Scale,
    Unpacking,
    operators_of,
)

MAX_CONCATENATED: Final = 32  # inputs of a QLinearConcat that are looked at
_CONCATENATED: Final = range(2, 2 + 3 * MAX_CONCATENATED, 3)
_OF_EXPERTS: Final = frozenset(
    "k activation_type activation_alpha activation_beta swiglu_fusion swiglu_limit"
    " normalize_routing_weights use_sparse_mixer expert_weight_bits block_size quant_type".split()
)


def expert(scale: int, zero: int, second: int) -> Packing:
    """How QMoE packs the matrices of its experts, with the slots of scales, zero points and scales
    of whole experts.
    """
    return Packing(
        "expert_weight_bits",
        steps=Unpacking.EXPERTS,
        scale=scale,
        zero=zero,
        second=second,
        attributes=_OF_EXPERTS,
    )


operator = operators_of("com.microsoft")
MICROSOFT: Final[tuple[Operator, ...]] = (
    operator("Attention", "data weight bias mask state mask index", Kind.ATTENTION, weight=1),
    operator("MultiHeadAttention", "data data data bias mask mask state state index index"),
    operator(
        "DecoderMaskedMultiHeadAttention",
        "data data data mask mask state state index index index bias",
    ),
    operator(
        "DecoderMaskedSelfAttention",
        "data weight bias mask state mask index index index",
        Kind.ATTENTION,
        weight=1,
    ),
    operator(
        "DecoderAttention",
        "data data weight weight bias mask state state mask",
        Kind.ATTENTION,
        weight=3,
    ),
    operator(
        "LongformerAttention", "data weight bias mask weight bias mask", Kind.ATTENTION, weight=1
    ),
    operator("PackedAttention", "data weight bias index index mask", Kind.ATTENTION, weight=1),
    operator("PackedMultiHeadAttention", "data data data bias index index mask"),
    operator(
        "GroupQueryAttention",
        "data data data state state index index cache cache index mask weight scale scale weight"
        " weight index",
    ),
    operator(
        "PagedAttention",
        "data data data state state index index index cache cache index weight weight weight scale"
        " scale index",
    ),
    operator("SparseAttention", "data data data state state index index index index cache cache"),
    operator("LinearAttention", "data data data state data data"),
    operator(
        "CausalConvWithState", "data weight bias state", Kind.CONVOLUTION, weight=1, outputs=0
    ),
    operator("RotaryEmbedding", "data index cache cache"),
    operator("RelativePositionBias", "table index index"),
    operator("GatedRelativePositionBias", "data bias data weight bias weight index"),
    operator(
        "AttnLSTM",
        "data weight weight bias index state state weight weight weight weight data index weight",
        Kind.RECURRENT,
        weight=1,
    ),
    operator("SkipLayerNormalization", "data data weight bias bias", Kind.NORM),
    operator("SkipSimplifiedLayerNormalization", "data data weight bias", Kind.NORM),
    operator(
        "EmbedLayerNormalization",
        "index index table table table weight bias mask index",
        Kind.TABLE,
        weight=2,
    ),
    operator(
        "QEmbedLayerNormalization",
        "index index table table table weight bias mask scale scale scale scale scale zero zero"
        " zero zero zero",
        Kind.TABLE,
        weight=2,
    ),
    operator("LayerNormalization", "data weight bias", Kind.NORM),
    operator("SimplifiedLayerNormalization", "data weight", Kind.NORM),
    operator("GroupNorm", "data weight bias", Kind.NORM),
    operator("SkipGroupNorm", "data weight bias data bias", Kind.NORM),
    operator(
        "FusedMatMul", "operand operand", Kind.MATRIX, weight=1, outputs=-1, turned_by="transB"
    ),
    operator(
        "FusedMatMulActivation",
        "operand operand",
        Kind.MATRIX,
        weight=1,
        outputs=-1,
        turned_by="transB",
    ),
    operator(
        "TransposeMatMul", "operand operand", Kind.MATRIX, weight=1, outputs=-1, turned_by="transB"
    ),
    operator("SparseToDenseMatMul", "operand operand", Kind.MATRIX, weight=1, outputs=-1),
    operator(
        "FusedGemm", "operand operand bias", Kind.MATRIX, weight=1, outputs=-1, turned_by="transB"
    ),
    operator(
        "GemmFloat8",
        "operand operand bias scale scale scale",
        Kind.MATRIX,
        weight=1,
        outputs=-1,
        turned_by="transB",
    ),
    operator("GemmFastGelu", "data weight bias", Kind.MATRIX, weight=1, outputs=-1),
    operator("FusedConv", "data weight bias data", Kind.CONVOLUTION, weight=1, outputs=0),
    operator("NhwcConv", "data weight bias", Kind.CONVOLUTION, weight=1, outputs=0),
    operator("NhwcFusedConv", "data weight bias data", Kind.CONVOLUTION, weight=1, outputs=0),
    operator(
        "ConvTransposeWithDynamicPads",
        "data weight index bias",
        Kind.CONVOLUTION,
        weight=1,
        outputs=1,
        grouped=True,
    ),
    operator("WordConvEmbedding", "index weight bias table", Kind.CONVOLUTION, weight=1, outputs=0),
    operator("BiasGelu", "data bias"),
    operator("BiasAdd", "data bias data"),
    operator("BiasDropout", "data bias data index index"),
    operator("BiasSplitGelu", "data bias"),
    operator("BiasSoftmax", "data mask"),
    operator("FastGelu", "data bias"),
    operator(
        "MoE",
        "data data weight bias weight bias weight bias",
        Kind.EXPERTS,
        weight=2,
        paired=(2, 3),
        paired_by="swiglu_fusion",
    ),
    operator(
        "QMoE",
        "data data weight scale bias weight scale bias weight scale bias zero zero zero data scale"
        " scale scale scale scale scale",
        Kind.EXPERTS,
        weight=2,
        packing={2: expert(3, 11, 15), 5: expert(6, 12, 16), 8: expert(9, 13, 17)},
        paired=(2, 4),
        paired_by="swiglu_fusion",
    ),
    operator(
        "MatMulNBits",
        "data weight scale zero index bias",
        Kind.MATRIX,
        weight=1,
        outputs=-1,
        packing={
            1: Packing(
                "bits",
                by_rows=False,
                steps=Unpacking.BLOCKS_OF_ROWS,
                scale=2,
                zero=3,
                groups=4,
                attributes=frozenset({"K", "N", "bits", "block_size", "accuracy_level"}),
            )
        },
    ),
    operator(
        "MatMulBlockQuantizedFp4Weight",
        "data weight scale scale bias",
        Kind.MATRIX,
        weight=1,
        outputs=0,
        packing={
            1: Packing(
                "bits",
                steps=Unpacking.BLOCKS_OF_CODEBOOK,
                scale=2,
                second=3,
                attributes=frozenset({"block_size"}),
            )
        },
    ),
    operator(
        "MatMulBlockQuantizedFp8Weight",
        "data weight scale bias",
        Kind.MATRIX,
        weight=1,
        outputs=0,
        scales={1: Scale(2, axis=1, block_attribute="block_size")},
    ),
    operator(
        "MatMulBnb4",
        "data weight scale",
        Kind.MATRIX,
        weight=1,
        outputs=-1,
        packing={
            1: Packing(
                "bits",
                by_rows=False,
                steps=Unpacking.CODEBOOK,
                scale=2,
                attributes=frozenset({"K", "N", "block_size", "quant_type", "training_mode"}),
            )
        },
    ),
    operator("MatMulFpQ4", "data weight index", Kind.MATRIX, weight=1, outputs=-1),
    operator(
        "GatherBlockQuantized",
        "weight index scale zero",
        Kind.TABLE,
        weight=0,
        packing={
            0: Packing(
                "bits",
                steps=Unpacking.BLOCKS_OF_AXIS,
                scale=2,
                zero=3,
                attributes=frozenset({"gather_axis", "quantize_axis", "block_size", "bits"}),
            )
        },
        scales={
            0: Scale(
                2,
                3,
                axis=-1,
                axis_attribute="quantize_axis",
                block_attribute="block_size",
                is_blocked=True,
            )
        },
    ),
    operator(
        "DynamicQuantizeMatMul",
        "data weight scale zero bias",
        Kind.MATRIX,
        weight=1,
        outputs=-1,
        scales={1: Scale(2, 3, -1)},
    ),
    operator(
        "MatMulIntegerToFloat",
        "operand operand scale scale zero zero bias",
        Kind.MATRIX,
        weight=1,
        outputs=-1,
        scales={1: Scale(3, 5, -1)},
    ),
    operator("MatMulInteger16", "operand operand", Kind.MATRIX, weight=1, outputs=-1),
    operator(
        "QAttention",
        "data weight bias scale scale mask zero zero state",
        Kind.ATTENTION,
        weight=1,
        scales={1: Scale(4, 7, -1)},
    ),
    operator(
        "DynamicQuantizeLSTM",
        "data weight weight bias index state state weight scale zero scale zero",
        Kind.RECURRENT,
        weight=1,
        scales={1: Scale(8, 9, 2), 2: Scale(10, 11, 2)},
    ),
    operator(
        "QLinearConv",
        "data scale zero weight scale zero scale zero bias",
        Kind.CONVOLUTION,
        weight=3,
        outputs=0,
        scales={3: Scale(4, 5, 0), 8: Scale(4, axis=0, second=1)},
    ),
    operator(
        "QLinearConvTranspose",
        "data scale zero weight scale zero scale zero bias",
        Kind.CONVOLUTION,
        weight=3,
        outputs=1,
        grouped=True,
        scales={3: Scale(4, 5, 1), 8: Scale(4, axis=0, second=1)},
    ),
    operator(
        "QGemm",
        "operand scale zero operand scale zero bias scale zero",
        Kind.MATRIX,
        weight=3,
        outputs=-1,
        turned_by="transB",
        scales={3: Scale(4, 5, -1), 6: Scale(4, axis=0, second=1)},
    ),
    operator(
        "QLinearAdd",
        "operand scale zero operand scale zero scale zero",
        scales={0: Scale(1, 2, 0), 3: Scale(4, 5, 0)},
    ),
    operator(
        "QLinearMul",
        "operand scale zero operand scale zero scale zero",
        scales={0: Scale(1, 2, 0), 3: Scale(4, 5, 0)},
    ),
    operator("QLinearAveragePool", "data scale zero scale zero"),
    operator("QLinearGlobalAveragePool", "data scale zero scale zero"),
    operator("QLinearLeakyRelu", "data scale zero scale zero"),
    operator("QLinearSigmoid", "data scale zero scale zero"),
    operator("QLinearSoftmax", "data scale zero scale zero"),
    operator("QLinearReduceMean", "data scale zero scale zero"),
    operator(
        "QLinearConcat",
        "scale zero" + " operand scale zero" * MAX_CONCATENATED,
        scales={slot: Scale(slot + 1, slot + 2, 0) for slot in _CONCATENATED},
    ),
    operator("QLinearWhere", "mask operand scale zero operand scale zero scale zero"),
    operator(
        "QOrderedMatMul",
        "data scale weight scale scale bias data scale",
        Kind.MATRIX,
        weight=2,
        outputs=-1,
    ),
    operator(
        "QOrderedAttention",
        "data scale scale scale scale weight weight weight scale scale scale bias bias bias scale"
        " scale scale mask state mask",
        Kind.ATTENTION,
        weight=5,
    ),
    operator("QOrderedLayerNormalization", "data scale weight bias scale", Kind.NORM),
    operator("QuantizeLinear", "data scale zero", passes=Passes.ROUNDED),
    operator(
        "DequantizeLinear",
        "operand scale zero",
        scales={0: Scale(1, 2, 1, axis_attribute="axis", block_attribute="block_size")},
        passes=Passes.ROUNDED,
    ),
    operator("ExpandDims", "operand index", passes=Passes.WHOLE),
    operator("CropAndResize", "data data index index"),
)

operator = operators_of("com.microsoft.nchwc")
BLOCKED: Final[tuple[Operator, ...]] = (
    operator("Conv", "data weight bias data", Kind.CONVOLUTION, weight=1, outputs=0),
)
