"""Say what each input slot of an operator is for.

One row an operator: a word for each input, in order; the last word repeats for variadic operators. Source: the operator
schemas of onnx 1.23 (``docs/Operators.md``), and onnxruntime's ``ContribOperators.md`` for ``com.microsoft``.
"""

from __future__ import annotations

from typing import Final

# slot words: data, operand (could be either), weight, bias, table (looked up by indices), scale/zero (quantisation),
# stat (running statistics), state (initial recurrent state), mask, index (shapes, axes, positions, limits)
_STANDARD: Final = {
    "Conv": "data weight bias",
    "ConvTranspose": "data weight bias",
    "ConvInteger": "data weight zero zero",
    "DeformConv": "data weight data bias data",
    "Gemm": "operand operand bias",
    "MatMul": "operand operand",
    "MatMulInteger": "operand operand zero zero",
    "Einsum": "operand",
    "LayerNormalization": "data weight bias",
    "RMSNormalization": "data weight",
    "GroupNormalization": "data weight bias",
    "InstanceNormalization": "data weight bias",
    "BatchNormalization": "data weight bias stat stat",
    "PRelu": "data weight",
    "LSTM": "data weight weight bias index state state weight",
    "GRU": "data weight weight bias index state",
    "RNN": "data weight weight bias index state",
    "Gather": "table index",
    "GatherND": "table index",
    "GatherElements": "table index",
    "ScatterND": "data index data",
    "ScatterElements": "data index data",
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
    "Pad": "operand index index index",
    "Resize": "data index index index",
    "Upsample": "data index",
    "Range": "index index index",
    "ConstantOfShape": "index",
    "OneHot": "index index index",
    "TopK": "data index",
    "CumSum": "data index",
    "Trilu": "operand index",
    "NonMaxSuppression": "data data index index index",
    "Where": "mask mask mask",
    "ReduceSum": "data index",
    "ReduceMean": "data index",
    "ReduceMax": "data index",
    "ReduceMin": "data index",
    "ReduceProd": "data index",
    "ReduceL2": "data index",
    "ReduceL1": "data index",
    "ReduceLogSumExp": "data index",
    "ReduceSumSquare": "data index",
    "Clip": "data index index",
    "Pow": "operand index",
    "Equal": "index index",
    "Less": "index index",
    "LessOrEqual": "index index",
    "Greater": "index index",
    "GreaterOrEqual": "index index",
    "And": "mask mask",
    "Or": "mask mask",
    "Not": "mask",
    "STFT": "data index basis index",
    "MelWeightMatrix": "index",
    "Loop": "index index data",
    "If": "index",
}
_MICROSOFT: Final = {
    "Attention": "data weight bias mask data mask",
    "SkipLayerNormalization": "data data weight bias bias",
    "SkipSimplifiedLayerNormalization": "data data weight bias",
    "EmbedLayerNormalization": "index index table table table weight bias mask",
    "FusedMatMul": "operand operand",
    "FusedGemm": "operand operand bias",
    "FusedConv": "data weight bias data",
    "BiasGelu": "data bias",
    "FastGelu": "data bias",
    "MatMulNBits": "data weight scale zero index bias",
    "GatherBlockQuantized": "weight index scale zero",
    "DynamicQuantizeMatMul": "data weight scale zero bias",
    "MatMulIntegerToFloat": "data weight scale scale zero zero bias",
    "QAttention": "data weight bias scale scale mask zero zero",
    "DynamicQuantizeLSTM": "data weight weight bias index state state weight scale zero scale zero",
    "QuantizeLinear": "data scale zero",
    "DequantizeLinear": "operand scale zero",
}
SLOTS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    **{("", op): tuple(words.split()) for op, words in _STANDARD.items()},
    **{("com.microsoft", op): tuple(words.split()) for op, words in _MICROSOFT.items()},
}

# operators that hand a value on: what their input is, their consumers say. name -> the slots that carry it
PASS_THROUGH: Final = frozenset(
    {"Identity", "Cast", "CastLike", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "DequantizeLinear", "QuantizeLinear", "Expand", "Slice"}
)


def slot_word(domain: str, op_type: str, slot: int) -> str | None:
    """The word for one input slot, or ``None`` where the table has no row for the operator."""
    row = SLOTS.get((domain, op_type))
    if row is None:
        return None
    return row[min(slot, len(row) - 1)]
