"""Say what each input slot of an operator is for.

One row an operator: a word for each input, in order; the last word repeats for variadic operators.
Source: the operator schemas of onnx 1.23 (``docs/Operators.md``), and onnxruntime's
``ContribOperators.md`` for ``com.microsoft``.
"""

from __future__ import annotations

from typing import Final

# slot words: data (made by other nodes), operand (could be either), weight, bias, table (looked up
# by indices), scale/zero (quantisation), stat (running statistics), state (initial recurrent
# state), cache (rotary tables), basis (of a transform), mask, index (shapes, axes, positions,
# limits)
_STANDARD: Final = {
    "Conv": "data weight bias",
    "ConvTranspose": "data weight bias",
    "ConvInteger": "data weight zero zero",
    "CausalConvWithState": "data weight bias state",
    "DeformConv": "data weight data bias data",
    "Gemm": "operand operand bias",
    "MatMul": "operand operand",
    "MatMulInteger": "operand operand zero zero",
    "Einsum": "operand",
    "LayerNormalization": "data weight bias",
    "RMSNormalization": "data weight",
    "SimplifiedLayerNormalization": "data weight",  # onnxruntime's, in the default domain
    "GroupNormalization": "data weight bias",
    "InstanceNormalization": "data weight bias",
    "BatchNormalization": "data weight bias stat stat",
    "PRelu": "data weight",
    "LSTM": "data weight weight bias index state state weight",
    "GRU": "data weight weight bias index state",
    "RNN": "data weight weight bias index state",
    "Attention": "data data data mask state state index",
    "RotaryEmbedding": "data cache cache index",
    "LinearAttention": "data data data state data data",
    "Gather": "table index",
    "GatherND": "table index",
    "GatherElements": "table index",
    "Scatter": "operand index data",
    "ScatterND": "operand index data",
    "ScatterElements": "operand index data",
    "TensorScatter": "state data index",
    "QuantizeLinear": "data scale zero",
    "DequantizeLinear": "operand scale zero",
    "QLinearConv": "data scale zero weight scale zero scale zero bias",
    "QLinearMatMul": "operand scale zero operand scale zero scale zero",
    "Reshape": "operand index",
    "Expand": "operand index",
    "Tile": "operand index",
    "Slice": "operand index index index index",
    "Unsqueeze": "operand index",
    "Squeeze": "operand index",
    "Split": "operand index",
    "SplitToSequence": "operand index",
    "Pad": "operand index index index",
    "CenterCropPad": "data index",
    "Resize": "data index index index",
    "Upsample": "data index",
    "AffineGrid": "data index",
    "Col2Im": "data index index",
    "Range": "index index index",
    "ConstantOfShape": "index",
    "OneHot": "index index index",
    "TopK": "data index",
    "CumSum": "data index",
    "CumProd": "data index",
    "Trilu": "operand index",
    "NonMaxSuppression": "data data index index index",
    "RoiAlign": "data data index",
    "MaxUnpool": "data index index",
    "Where": "mask mask mask",
    "ReduceSum": "data index",
    "ReduceMean": "data index",
    "ReduceMax": "data index",
    "ReduceMin": "data index",
    "ReduceProd": "data index",
    "ReduceL2": "data index",
    "ReduceL1": "data index",
    "ReduceLogSum": "data index",
    "ReduceLogSumExp": "data index",
    "ReduceSumSquare": "data index",
    "Clip": "data index index",
    "Dropout": "data index index",
    "Pow": "operand index",
    "Mod": "index index",
    "Equal": "index index",
    "Less": "index index",
    "LessOrEqual": "index index",
    "Greater": "index index",
    "GreaterOrEqual": "index index",
    "And": "mask mask",
    "Or": "mask mask",
    "Xor": "mask mask",
    "Not": "mask",
    "Compress": "data mask",
    "DFT": "data index index",
    "STFT": "data index basis index",
    "MelWeightMatrix": "index",
    "ReverseSequence": "data index",
    "SequenceAt": "data index",
    "SoftmaxCrossEntropyLoss": "data data weight",
    "NegativeLogLikelihoodLoss": "data data weight",
    "Loop": "index index data",
    "If": "index",
}
_ML: Final = {"ArrayFeatureExtractor": "data index"}
_MICROSOFT: Final = {
    "Attention": "data weight bias mask state mask index",
    "MultiHeadAttention": "data data data bias mask mask state state index index",
    "DecoderMaskedMultiHeadAttention": (
        "data data data mask mask state state index index index bias"
    ),
    "DecoderMaskedSelfAttention": "data weight bias mask state mask index index index",
    "DecoderAttention": "data data weight weight bias mask state state mask",
    "LongformerAttention": "data weight bias mask weight bias mask",
    "PackedAttention": "data weight bias index index mask",
    "PackedMultiHeadAttention": "data data data bias index index mask",
    "GroupQueryAttention": (
        "data data data state state index index cache cache index mask weight scale scale weight"
        " weight index"
    ),
    "PagedAttention": (
        "data data data state state index index index cache cache index weight weight weight scale"
        " scale index"
    ),
    "SparseAttention": "data data data state state index index index index cache cache",
    "LinearAttention": "data data data state data data",
    "CausalConvWithState": "data weight bias state",
    "RotaryEmbedding": "data index cache cache",
    "RelativePositionBias": "table index index",
    "GatedRelativePositionBias": "data bias data weight bias weight index",
    "AttnLSTM": (
        "data weight weight bias index state state weight weight weight weight data index weight"
    ),
    "SkipLayerNormalization": "data data weight bias bias",
    "SkipSimplifiedLayerNormalization": "data data weight bias",
    "EmbedLayerNormalization": "index index table table table weight bias mask index",
    "QEmbedLayerNormalization": (
        "index index table table table weight bias mask scale scale scale scale scale zero zero"
        " zero zero zero"
    ),
    "LayerNormalization": "data weight bias",
    "SimplifiedLayerNormalization": "data weight",
    "GroupNorm": "data weight bias",
    "SkipGroupNorm": "data weight bias data bias",
    "FusedMatMul": "operand operand",
    "FusedMatMulActivation": "operand operand",
    "TransposeMatMul": "operand operand",
    "SparseToDenseMatMul": "operand operand",
    "FusedGemm": "operand operand bias",
    "GemmFloat8": "operand operand bias scale scale scale",
    "GemmFastGelu": "data weight bias",
    "FusedConv": "data weight bias data",
    "NhwcConv": "data weight bias",
    "NhwcFusedConv": "data weight bias data",
    "ConvTransposeWithDynamicPads": "data weight index bias",
    "WordConvEmbedding": "index weight bias table",
    "BiasGelu": "data bias",
    "BiasAdd": "data bias data",
    "BiasDropout": "data bias data index index",
    "BiasSplitGelu": "data bias",
    "BiasSoftmax": "data mask",
    "FastGelu": "data bias",
    "MoE": "data data weight bias weight bias weight bias",
    "QMoE": (
        "data data weight scale bias weight scale bias weight scale bias zero zero zero data scale"
        " scale scale scale scale scale"
    ),
    "MatMulNBits": "data weight scale zero index bias",
    "MatMulBnb4": "data weight scale",
    "MatMulFpQ4": "data weight index",
    "GatherBlockQuantized": "weight index scale zero",
    "DynamicQuantizeMatMul": "data weight scale zero bias",
    "MatMulIntegerToFloat": "operand operand scale scale zero zero bias",
    "MatMulInteger16": "operand operand",
    "QAttention": "data weight bias scale scale mask zero zero state",
    "DynamicQuantizeLSTM": "data weight weight bias index state state weight scale zero scale zero",
    "QLinearConv": "data scale zero weight scale zero scale zero bias",
    "QLinearConvTranspose": "data scale zero weight scale zero scale zero bias",
    "QGemm": "operand scale zero operand scale zero bias scale zero",
    "QLinearAdd": "operand scale zero operand scale zero scale zero",
    "QLinearMul": "operand scale zero operand scale zero scale zero",
    "QLinearAveragePool": "data scale zero scale zero",
    "QLinearGlobalAveragePool": "data scale zero scale zero",
    "QLinearLeakyRelu": "data scale zero scale zero",
    "QLinearSigmoid": "data scale zero scale zero",
    "QLinearSoftmax": "data scale zero scale zero",
    "QLinearReduceMean": "data scale zero scale zero",
    "QLinearConcat": "scale zero operand",
    "QLinearWhere": "mask operand scale zero operand scale zero scale zero",
    "QOrderedMatMul": "data scale weight scale scale bias data scale",
    "QOrderedAttention": (
        "data scale scale scale scale weight weight weight scale scale scale bias bias bias scale"
        " scale scale mask state mask"
    ),
    "QOrderedLayerNormalization": "data scale weight bias scale",
    "QuantizeLinear": "data scale zero",
    "DequantizeLinear": "operand scale zero",
    "ExpandDims": "operand index",
    "CropAndResize": "data data index index",
}
_NCHWC: Final = {"Conv": "data weight bias data"}
# QONNX: docs/qonnx-custom-ops; Brevitas exports the same under onnx.brevitas
_QONNX: Final = {
    "Quant": "operand scale zero index",
    "IntQuant": "operand scale zero index",
    "FloatQuant": "operand scale index index index index index",
    "BipolarQuant": "operand scale",
    "Trunc": "operand scale zero index index index index",
    "MultiThreshold": "data weight",
}


def _rows(domain: str, table: dict[str, str]) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(domain, op): tuple(words.split()) for op, words in table.items()}


SLOTS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    **_rows("", _STANDARD),
    **_rows("ai.onnx.ml", _ML),
    **_rows("com.microsoft", _MICROSOFT),
    **_rows("com.microsoft.nchwc", _NCHWC),
    **_rows("qonnx.custom_op.general", _QONNX),
    **_rows("onnx.brevitas", _QONNX),
}
KNOWN_DOMAINS: Final = frozenset(
    {
        "",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview.training",
        *(domain for domain, _ in SLOTS),
    }
)

# What the attributes of a node hold, where its numbers are no arguments. Words: learned; structure
# (which node of a tree is whose child, which feature it asks); label (vocabularies, class names).
# Source: the ai.onnx.ml schemas (docs/Operators-ml.md); TfIdfVectorizer's.
_TREE: Final = {
    **dict.fromkeys(
        (
            "nodes_values",
            "base_values",
            "class_weights",
            "target_weights",
            "nodes_splits",
            "leaf_weights",
            "membership_values",
        ),
        "learned",
    ),
    **dict.fromkeys(
        (
            "nodes_values_as_tensor",
            "base_values_as_tensor",
            "class_weights_as_tensor",
            "target_weights_as_tensor",
        ),
        "learned",
    ),
    **dict.fromkeys(
        (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_modes",
            "nodes_truenodeids",
            "nodes_falsenodeids",
        ),
        "structure",
    ),
    **dict.fromkeys(
        (
            "nodes_missing_value_tracks_true",
            "nodes_hitrates",
            "nodes_hitrates_as_tensor",
            "class_treeids",
            "class_nodeids",
        ),
        "structure",
    ),
    **dict.fromkeys(
        (
            "class_ids",
            "target_treeids",
            "target_nodeids",
            "target_ids",
            "tree_roots",
            "leaf_targetids",
        ),
        "structure",
    ),
    **dict.fromkeys(("nodes_trueleafs", "nodes_falseleafs"), "structure"),
    **dict.fromkeys(("classlabels_int64s", "classlabels_strings"), "label"),
}
_LINEAR: Final = {
    "coefficients": "learned",
    "intercepts": "learned",
    "classlabels_ints": "label",
    "classlabels_strings": "label",
}
_SVM: Final = {
    **dict.fromkeys(("coefficients", "support_vectors", "rho", "prob_a", "prob_b"), "learned"),
    **dict.fromkeys(("vectors_per_class", "kernel_params"), "structure"),
    **dict.fromkeys(("classlabels_ints", "classlabels_strings"), "label"),
}
_LABELS: Final = (
    "keys_strings keys_int64s keys_floats keys_tensor values_strings values_int64s values_floats"
    " values_tensor default_tensor cats_strings cats_int64s string_vocabulary int64_vocabulary"
    " classlabels_int64s classlabels_strings pool_int64s pool_strings ngram_counts ngram_indexes"
)
ATTRIBUTES: Final[dict[tuple[str, str], dict[str, str]]] = {
    **{
        ("ai.onnx.ml", op): _TREE
        for op in ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")
    },
    **{("ai.onnx.ml", op): _LINEAR for op in ("LinearClassifier", "LinearRegressor")},
    **{("ai.onnx.ml", op): _SVM for op in ("SVMClassifier", "SVMRegressor")},
    ("ai.onnx.ml", "Scaler"): {"offset": "learned", "scale": "learned"},
    ("ai.onnx.ml", "Imputer"): {
        "imputed_value_floats": "learned",
        "imputed_value_int64s": "learned",
    },
    **{
        ("ai.onnx.ml", op): dict.fromkeys(_LABELS.split(), "label")
        for op in ("LabelEncoder", "OneHotEncoder", "DictVectorizer", "CategoryMapper", "ZipMap")
    },
    ("", "TfIdfVectorizer"): {"weights": "learned", **dict.fromkeys(_LABELS.split(), "label")},
}
# nodes that hold a compiled model: what is in it cannot be read. Source: onnxruntime,
# docs/execution-providers/EP-Context-Design.md
OPAQUE: Final = {("com.microsoft", "EPContext"): "ep_cache_context"}
# a string attribute this long, of an operator of a domain that is in no table, is no setting
OPAQUE_BYTES: Final = 1024

# operators that hand a value on: what their input 0 is, their consumers say
_PASSED: Final = (
    "Identity Cast CastLike ScatterElements ScatterND Transpose Reshape Unsqueeze Squeeze Flatten"
    " DequantizeLinear QuantizeLinear Expand Slice Split Tile Pad Quant IntQuant FloatQuant"
    " BipolarQuant ExpandDims Dropout"
)
PASS_THROUGH: Final = frozenset(_PASSED.split())


def slot_word(domain: str, op_type: str, slot: int) -> str | None:
    """The word for one input slot, or ``None`` where the table has no row for the operator."""
    row = SLOTS.get((domain, op_type))
    if row is None:
        return None
    return row[min(slot, len(row) - 1)]
