"""More models crossed with the tools that quantize ONNX files, all of them held out.

Other models than those of ``quantizers``, and other settings of the tools, whose ways of running
are ``quantizers``'.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from wild.fresh_sources import drawn
from wild.quantizers import (
    Options,
    Rows,
    Tool,
    _autocast,
    _autocast_all,
    _blocks,
    _bnb4,
    _brevitas,
    _brevitas_recurrent,
    _chain,
    _common_half,
    _common_mixed,
    _dynamic,
    _exported,
    _fused,
    _half,
    _image_brevitas,
    _modelopt,
    _modelopt_rows,
    _olive,
    _olive_static,
    _optimized,
    _qnn,
    _quant_type,
    _quantizer,
    _run,
    _simplified,
    _slim,
    _static,
)
from wild.workshop import EXPORTERS, Builder, make, tell

# --- tools that quantizers has not


def _crossed(source: str, tools: Mapping[str, Tool]) -> Builder:
    """Every tool on what one exporter made, the exporters in turn."""

    def build(folder: Path) -> None:
        model, arguments = drawn(source)
        tell(model, folder)
        found = [
            (exporter, path)
            for exporter in EXPORTERS
            if (path := _exported(f"fresh-{source}", model, arguments, exporter)) is not None
        ]
        turn = sum(map(ord, folder.name))
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[(number + turn) % len(found)]
            _run(folder, f"{exporter}-{name}", path, tool)

    return build


def _configured(
    activations: str = "QUInt8", weights: str = "QInt8", overrides: bool = False, **options: Any
) -> Tool:
    """``get_qdq_config``; with overrides, the first weight has 16 bits and the last one a scale a
    channel.
    """

    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization import quantize
        from onnxruntime.quantization.quantize import get_qdq_config

        held = onnx.load(source).graph
        names = {value.name for value in held.initializer if len(value.dims) > 1}
        used = [
            node.input[1]
            for node in held.node
            if node.op_type in ("Conv", "MatMul") and node.input[1] in names
        ]
        kinds: dict[str, Any] = {}
        if overrides:
            kinds[used[0]] = [{"quant_type": _quant_type("QInt16")}]
            kinds[used[-1]] = [{"quant_type": _quant_type("QInt8"), "axis": 0, "symmetric": True}]
        config = get_qdq_config(
            source,
            Rows(source),
            activation_type=_quant_type(activations),
            weight_type=_quant_type(weights),
            tensor_quant_overrides=kinds or None,
            **options,
        )
        quantize(source, target, config)

    return tool


def _torch_modelopt(source: str, settings: str) -> Callable[[Path], None]:
    """Model Optimizer on the module itself, and its own export."""

    def write(target: Path) -> None:
        import modelopt.torch.quantization as quantization  # type: ignore[import-not-found]
        from modelopt.torch._deploy.utils import (  # type: ignore[import-not-found]
            OnnxBytes,
            get_onnx_bytes_and_metadata,
        )

        model, arguments = drawn(source)
        draw = torch.Generator().manual_seed(0)
        rows = [
            torch.randn(value.shape, generator=draw) if value.is_floating_point() else value
            for value in arguments
        ]
        held = quantization.quantize(
            model, copy.deepcopy(getattr(quantization, settings)), lambda each: each(*rows)
        )
        made, _ = get_onnx_bytes_and_metadata(held.eval(), arguments, model_name="made")
        files = OnnxBytes.from_bytes(made).onnx_model
        with tempfile.TemporaryDirectory() as work:
            for name, content in files.items():
                (Path(work) / name).write_bytes(content)
            whole = onnx.load(Path(work) / "made.onnx")
        onnx.save(whole, target)

    return write


def _by_module(source: str, *settings: str) -> Builder:
    def build(folder: Path) -> None:
        tell(drawn(source)[0], folder)
        for name in settings:
            variant = name.removesuffix("_CFG").lower().replace("_", "-")
            make(folder, variant, _torch_modelopt(source, name))

    return build


def _attention_brevitas(weight: str, bits: int) -> Builder:
    """Linear layers of brevitas as a transformer's block has them."""

    def model() -> nn.Module:
        import brevitas.nn as qnn  # type: ignore[import-not-found]

        held: Options = {"weight_quant": _quantizer(weight)}
        if bits:
            held["weight_bit_width"] = bits

        class Block(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.norm = nn.LayerNorm(48)
                self.query, self.key, self.value, self.out = (
                    qnn.QuantLinear(48, 48, bias=True, **held) for _ in range(4)
                )
                self.up = qnn.QuantLinear(48, 160, bias=False, **held)
                self.down = qnn.QuantLinear(160, 48, bias=True, **held)

            def forward(self, rows: torch.Tensor) -> torch.Tensor:
                seen = self.norm(rows)
                scores = self.query(seen) @ self.key(seen).transpose(1, 2)
                held = rows + self.out(torch.softmax(scores, -1) @ self.value(seen))
                return held + self.down(torch.relu(self.up(held)))  # type: ignore

        return Block()

    return _brevitas(model, (1, 6, 48))


# --- the cases

U8, S8, U16, S16, U4, S4 = "QUInt8", "QInt8", "QUInt16", "QInt16", "QUInt4", "QInt4"


def _extra(**options: Any) -> Options:
    return {"extra_options": options}


DYNAMIC: dict[str, Tool] = {
    "uint8-asymmetric": _dynamic(U8, **_extra(WeightSymmetric=False)),
    "uint8-symmetric": _dynamic(U8, **_extra(WeightSymmetric=True)),
    "channels-asymmetric": _dynamic(per_channel=True, **_extra(WeightSymmetric=False)),
    "uint8-reduce-range": _dynamic(U8, reduce_range=True, per_channel=True),
    "constant-only": _dynamic(before="BASIC", **_extra(MatMulConstBOnly=False)),
    "all-before": _dynamic(before="ALL", per_channel=True),
    "gather-matmul": _dynamic(op_types_to_quantize=["MatMul", "Gather", "LSTM", "Gemm", "Conv"]),
}
QDQ: dict[str, Tool] = {
    "percentile": _static(method="Percentile", per_channel=True, **_extra(CalibPercentile=99.9)),
    "entropy-channels": _static(method="Entropy", activations=U8, per_channel=True),
    "symmetric-activations": _static(
        per_channel=True, **_extra(ActivationSymmetric=True, CalibTensorRangeSymmetric=True)
    ),
    "uint8-symmetric": _static(activations=U8, weights=U8, **_extra(WeightSymmetric=True)),
    "u8u8-channels": _static(activations=U8, weights=U8, per_channel=True, before="prep"),
    "s8-reduce-range": _static(reduce_range=True, **_extra(WeightSymmetric=False)),
    "a16w8-asymmetric": _static(activations=S16, weights=U8, **_extra(WeightSymmetric=False)),
    "a16w16-channels": _static(activations=U16, weights=S16, per_channel=True),
    "a8w4": _static(activations=U8, weights=S4, **_extra(UseQDQContribOps=True)),
    "a16w4-unsigned": _static(activations=U16, weights=U4, per_channel=True),
    "moving-average": _static(**_extra(CalibMovingAverage=True, DedicatedQDQPair=True)),
    "unadjusted-bias": _static(per_channel=True, **_extra(QDQDisableWeightAdjustForInt32Bias=True)),
    "kept-outputs": _static(
        **_extra(OpTypesToExcludeOutputQuantization=["MatMul", "Conv", "Gemm"])
    ),
    "float8-channels": _static(
        activations="QFLOAT8E4M3FN",
        weights="QFLOAT8E4M3FN",
        method="Distribution",
        **_extra(scenario="p3"),
    ),
    "overrides": _configured(overrides=True),
    "overrides-channels": _configured(U16, overrides=True, per_channel=True),
    "whole-uint8": _configured(weights=U8, activation_symmetric=True),
    "whole-reduce-range": _configured(per_channel=True, reduce_range=True, min_real_range=0.001),
}
QOPERATOR: dict[str, Tool] = {
    "percentile": _static("QOperator", U8, S8, method="Percentile"),
    "entropy-channels": _static("QOperator", U8, S8, method="Entropy", per_channel=True),
    "u8u8-reduce-range": _static("QOperator", U8, U8, reduce_range=True),
    "asymmetric": _static("QOperator", U8, S8, **_extra(WeightSymmetric=False)),
    "symmetric-activations": _static("QOperator", **_extra(ActivationSymmetric=True)),
    "some": _static("QOperator", U8, S8, op_types_to_quantize=["Conv", "MatMul", "Gather"]),
    "extended-before": _static("QOperator", U8, S8, before="EXTENDED", per_channel=True),
}
QNN: dict[str, Tool] = {
    "a16w8-symmetric": _qnn(U16, S8, weight_symmetric=True, activation_symmetric=True),
    "a16w4-prepared": _qnn(U16, S4, prepared=True, per_channel=True),
    "a8w8-channels": _qnn(U8, S8, prepared=True, per_channel=True),
    "a16w16-prepared": _qnn(U16, S16, prepared=True),
}
BOTH = ("MatMul", "Gather")
BLOCKS: dict[str, Tool] = {
    "4-64": _blocks(block_size=64),
    "4-16-level": _blocks(block_size=16, accuracy_level=4),
    "4-256-symmetric": _blocks(block_size=256, is_symmetric=True),
    "4-qdq-64": _blocks(block_size=64, quant_format="QDQ", is_symmetric=True),
    "4-qdq-channels": _blocks(quant_format="QDQ", channel_wised_quantize=True),
    "8-128": _blocks(block_size=128, bits=8),
    "8-16-symmetric": _blocks(block_size=16, bits=8, is_symmetric=True, accuracy_level=4),
    "8-qdq-symmetric": _blocks(block_size=64, bits=8, quant_format="QDQ", is_symmetric=True),
    "2-64": _blocks(block_size=64, bits=2),
    "2-qdq": _blocks(block_size=32, bits=2, quant_format="QDQ"),
    "gather-4-16": _blocks(block_size=16, is_symmetric=True, op_types_to_quantize=BOTH),
    "basic-before": _blocks(before="BASIC", block_size=64, bits=8),
}


def _algorithms(size: int) -> dict[str, Tool]:
    """Blocks of an even number a row, as some of them want it."""
    return {
        "rtn": _blocks("RTN", block_size=size),
        "rtn-8": _blocks("RTN", block_size=size, bits=8, is_symmetric=True),
        "rtn-16-symmetric": _blocks("RTN", block_size=16, is_symmetric=True),
        "k-quant": _blocks("KQuant", block_size=size),
        "k-quant-8": _blocks("KQuant", block_size=size, bits=8),
        "hqq-16": _blocks("HQQ", block_size=16),
        "hqq-64-8": _blocks("HQQ", block_size=64, bits=8),
        "gptq": _blocks("GPTQ", block_size=size),
        "gptq-symmetric": _blocks("GPTQ", block_size=size, is_symmetric=True),
        "gptq-mse": _blocks("GPTQ", block_size=size, mse=True, percdamp=0.05),
        "gptq-tensor": _blocks("GPTQ", block_size=size, perchannel=False),
        "default-64": _blocks("Default", block_size=64, is_symmetric=True, bits=8),
    }


BNB4: dict[str, Tool] = {
    "fp4-32": _bnb4("FP4", 32),
    "nf4-16": _bnb4("NF4", 16),
    "nf4-128": _bnb4("NF4", 128),
    "fp4-256": _bnb4("FP4", 256),
    "nf4-half": _chain(_bnb4("NF4", 64), _half(keep_io_types=True)),
}
HALF: dict[str, Tool] = {
    "ort-outside": _half(),
    "ort-some": _half(keep_io_types=True, op_block_list=["LayerNormalization", "Add", "Conv"]),
    "common-blocked": _common_half(op_block_list=["Softmax", "Gemm", "MatMul"]),
    "common-small": _common_half(min_positive_val=1e-4, max_finite_val=100.0, keep_io_types=True),
    "common-mixed": _common_mixed,
    "autocast-bf16": _autocast(low_precision_type="bf16", keep_io_types=True),
    "autocast-all": _autocast_all(low_precision_type="fp16"),
    "half-blocks": _chain(_half(keep_io_types=True), _blocks(block_size=32)),
    "blocks-half-8": _chain(_blocks(block_size=64, bits=8), _half()),
    "qdq-half": _chain(_static(op_types_to_quantize=["MatMul"]), _half(keep_io_types=True)),
}
CHAINS: dict[str, Tool] = {
    "sim-dynamic-all": _chain(_simplified, _dynamic(), _optimized("ALL")),
    "slim-qdq-sim": _chain(_slim, _static(activations=U8, per_channel=True), _simplified),
    "qdq-extended-slim": _chain(_static(per_channel=True), _optimized("EXTENDED"), _slim),
    "blocks-sim": _chain(_blocks(block_size=64, is_symmetric=True), _simplified),
    "blocks-all": _chain(_blocks(block_size=32), _optimized("ALL")),
    "qoperator-slim": _chain(_static("QOperator", U8, S8, per_channel=True), _slim),
    "half-slim-dynamic": _chain(_half(keep_io_types=True), _slim),
    "int16-sim": _chain(_static(activations=S16, weights=S16), _simplified),
}
MODELOPT: dict[str, Tool] = {
    "int8-entropy-bf16": _modelopt("int8", "entropy", high_precision_dtype="bf16"),
    "int8-dq-only": _modelopt("int8", "max", dq_only=True, high_precision_dtype="fp32"),
    "int8-some": _modelopt("int8", "max", op_types_to_quantize=["Conv", "MatMul"]),
    "fp8-dq-only": _modelopt("fp8", "max", dq_only=True, high_precision_dtype="fp32"),
    "fp8-bf16": _modelopt("fp8", "entropy", high_precision_dtype="bf16"),
    "int4-rtn-64": _modelopt("int4", "rtn_dq", block_size=64),
    "int4-awq-64": _modelopt_rows("awq_lite", block_size=64),
    "int4-awq-clip-16": _modelopt_rows("awq_clip", block_size=16),
}
OLIVE: dict[str, Tool] = {
    "dynamic-reduced": _olive("OnnxDynamicQuantization", reduce_range=True, weight_symmetric=False),
    "static-a16w16": _olive_static(activation_type="int16", precision="int16"),
    "static-channels": _olive_static(per_channel=True, calibrate_method="Percentile"),
    "static-w4": _olive_static(activation_type="uint16", precision="int4", per_channel=True),
    "rtn-64-8": _olive("OnnxBlockWiseRtnQuantization", block_size=64, bits=8, is_symmetric=False),
    "rtn-16": _olive("OnnxBlockWiseRtnQuantization", block_size=16),
    "k-quant-64": _olive("OnnxKQuantQuantization", block_size=64),
    "bnb4-some": _olive("OnnxBnb4Quantization", precision="nf4", nodes_to_exclude=["lm_head"]),
    "half-some": _olive("OnnxFloatToFloat16", op_block_list=["MatMul"]),
    "k-quant-qdq": _chain(
        _olive("OnnxKQuantQuantization", block_size=32), _olive("MatMulNBitsToQDQ", use_int4=True)
    ),
    "rtn-qdq-signed": _chain(
        _olive("OnnxBlockWiseRtnQuantization", block_size=64),
        _olive("MatMulNBitsToQDQ", use_signed_int=True, use_transpose_op=True),
    ),
}
FUSED: dict[str, Tool] = {
    "dynamic": _chain(_fused("bert"), _dynamic(U8)),
    "blocks-8": _chain(_fused("bert"), _blocks(block_size=64, bits=8)),
    "half-bnb4": _chain(_fused("bert"), _bnb4("NF4", 64)),
}


def _without(tools: Mapping[str, Tool], words: str) -> dict[str, Tool]:
    return {name: tool for name, tool in tools.items() if name not in words.split()}


NARROW = "nf4-128 fp4-256 4-256-symmetric 8-128"  # blocks wider than most of a model's rows

CASES: dict[str, Builder] = {
    "mobile-qdq": _crossed("mobile", QDQ),
    "mobile-qoperator": _crossed("mobile", QOPERATOR),
    "mobile-qnn": _crossed("mobile", QNN),
    "mobile-half": _crossed("mobile", _without(HALF, "half-blocks blocks-half-8")),
    "residual-qdq": _crossed("residual", QDQ),
    "residual-chains": _crossed("residual", _without(CHAINS, "blocks-sim blocks-all")),
    "residual-modelopt": _crossed(
        "residual", _without(MODELOPT, "int4-rtn-64 int4-awq-64 int4-awq-clip-16")
    ),
    "wave-dynamic": _crossed("wave", DYNAMIC),
    "wave-qdq": _crossed("wave", _without(QDQ, "overrides overrides-channels")),
    "wave-half": _crossed("wave", _without(HALF, "half-blocks blocks-half-8")),
    "volume-qdq": _crossed("volume", _without(QDQ, "a8w4 float8-channels")),
    "tagger-dynamic": _crossed("tagger", _without(DYNAMIC, "channels-asymmetric")),
    "tagger-chains": _crossed("tagger", CHAINS),
    "mixer-blocks": _crossed("mixer", _without(BLOCKS, NARROW)),
    "mixer-qoperator": _crossed("mixer", QOPERATOR),
    "vit-qdq": _crossed("vit", QDQ),
    "vit-dynamic": _crossed("vit", DYNAMIC),
    "vit-modelopt": _crossed("vit", MODELOPT),
    "roberta-dynamic": _crossed("roberta", DYNAMIC),
    "roberta-fused": _crossed("roberta", FUSED),
    "roberta-algorithms": _crossed("roberta", _algorithms(32)),
    "albert-qdq": _crossed("albert", _without(QDQ, "float8-channels entropy-channels")),
    "albert-blocks": _crossed("albert", _without(BLOCKS, NARROW)),
    "gpt2-dynamic": _crossed("gpt2", DYNAMIC),
    "gpt2-olive": _crossed("gpt2", OLIVE),
    "qwen-blocks": _crossed("qwen", BLOCKS),
    "qwen-half": _crossed("qwen", _without(HALF, "common-blocked")),
    "qwen-qdq": _crossed("qwen", _without(QDQ, "entropy-channels percentile overrides")),
    "phi-algorithms": _crossed("phi", _algorithms(32)),
    "phi-bnb4": _crossed("phi", BNB4),
    "gemma-olive": _crossed("gemma", OLIVE),
    "gemma-chains": _crossed("gemma", CHAINS),
    "wide-blocks": _crossed("wide", BLOCKS),
    "wide-algorithms": _crossed("wide", _algorithms(64)),
    "wide-bnb4": _crossed("wide", BNB4),
    "wide-modelopt": _crossed("wide", MODELOPT),
    "module-mobile": _by_module("mobile", "INT8_DEFAULT_CFG", "FP8_DEFAULT_CFG"),
    "module-mixer": _by_module(
        "mixer", "INT8_WEIGHT_ONLY_CFG", "INT8_DEFAULT_CFG", "FP8_DEFAULT_CFG", "MXFP8_DEFAULT_CFG"
    ),
    "module-wide": _by_module(
        "wide", "INT4_BLOCKWISE_WEIGHT_ONLY_CFG", "NVFP4_DEFAULT_CFG", "FP8_DEFAULT_CFG"
    ),
    "brevitas-block-4": _attention_brevitas("Int8WeightPerChannelFloat", 4),
    "brevitas-block-hqo": _attention_brevitas("ShiftedUint8WeightPerChannelFloatHQO", 8),
    "brevitas-fixed-tensor-4": _image_brevitas("Int8WeightPerTensorFixedPointMSE", 4),
    "brevitas-fixed-mse-5": _image_brevitas("Int8WeightPerChannelFixedPointMSE", 5),
    "brevitas-shifted-mse-3": _image_brevitas("ShiftedUint8WeightPerTensorFloatMSE", 3),
    "brevitas-activations-16": _image_brevitas(
        "Int8WeightPerChannelFloat", 7, "Int8ActPerTensorFixedPoint", "Int16Bias"
    ),
    "brevitas-float8-wide": _attention_brevitas("Fp8e5m2OCPWeightPerChannelFloat", 0),
    "brevitas-lstm-6": _brevitas(lambda: _brevitas_recurrent(6), opset_version=17),
}
OPENED: frozenset[str] = frozenset(CASES)
