"""Describe the operators of quantizers that bring domains of their own: one record each."""

from __future__ import annotations

from typing import Final

from onnx_params.operators.record import Kind, Operator, Passes, Scale, operators_of

# NVIDIA ModelOpt, onnx/quantization and torch/quantization/export_onnx.py: its own domain for what
# the standard operators could not say when it was written
operator = operators_of("trt")
TENSORRT: Final[tuple[Operator, ...]] = (
    *(
        operator(name, "data scale zero", passes=Passes.ROUNDED)
        for name in ("QuantizeLinear", "TRT_FP8QuantizeLinear", "TRT_INT4QuantizeLinear")
    ),
    *(
        operator(
            name,
            "operand scale zero",
            scales={0: Scale(1, 2, 1, axis_attribute="axis", block_attribute="block_size")},
            passes=Passes.ROUNDED,
        )
        for name in ("DequantizeLinear", "TRT_FP8DequantizeLinear", "TRT_INT4DequantizeLinear")
    ),
)

# AMD Quark, onnx/operators/custom_ops: numbers rounded where it runs, those of weights too
operator = operators_of("com.amd.quark")
QUARK: Final[tuple[Operator, ...]] = (
    operator("ExtendedQuantizeLinear", "data scale zero", passes=Passes.ROUNDED),
    operator(
        "ExtendedDequantizeLinear",
        "operand scale zero",
        scales={0: Scale(1, 2, 1, axis_attribute="axis")},
        passes=Passes.ROUNDED,
    ),
    *(
        operator(name, "operand", passes=Passes.ROUNDED)
        for name in ("BFPQuantizeDequantize", "MXQuantizeDequantize")
    ),
)

# Sony, mct_quantizers: the same
operator = operators_of("mct_quantizers")
MCT: Final[tuple[Operator, ...]] = (
    operator("WeightsSymmetricQuantizer", "operand scale", passes=Passes.ROUNDED),
    operator("WeightsPOTQuantizer", "operand scale", passes=Passes.ROUNDED),
    operator("WeightsUniformQuantizer", "operand scale scale", passes=Passes.ROUNDED),
    *(
        operator(f"Activation{kind}Quantizer", "data", passes=Passes.ROUNDED)
        for kind in ("POT", "Symmetric", "Uniform")
    ),
)

# QONNX, docs/qonnx-custom-ops: Brevitas exports the same operators under a domain of its own
_QUANTIZERS: Final = {
    "Quant": ("operand scale zero index", Passes.ROUNDED),
    "IntQuant": ("operand scale zero index", Passes.ROUNDED),
    "FloatQuant": ("operand scale index index index index index", Passes.ROUNDED),
    "BipolarQuant": ("operand scale", Passes.ROUNDED),
    "Trunc": ("operand scale zero index index index index", None),
    "MultiThreshold": ("data weight", None),
}
QONNX: Final[tuple[Operator, ...]] = tuple(
    operators_of(domain)(name, slots, passes=passes)
    for domain in ("qonnx.custom_op.general", "onnx.brevitas")
    for name, (slots, passes) in _QUANTIZERS.items()
)

operator = operators_of("qonnx.custom_op.channels_last")
CHANNELS_LAST: Final[tuple[Operator, ...]] = (
    operator("Conv", "data weight bias", Kind.CONVOLUTION, weight=1, outputs=0),
)
