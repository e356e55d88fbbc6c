"""Models and settings that neither ``quantizers`` nor ``fresh_quantizers`` has, all held out.

What runs on onnxruntime's CPU provider is compared with the float model: a variant whose outputs
do not follow the float ones is not kept.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from wild import quantizers as known
from wild.fresh_quantizers import _configured, _extra
from wild.fresh_sources import _DECODER, _ENCODER, IMAGE, TOKENS, Seen, _hub
from wild.quantizers import Only, Options, Rows, Tool, _blocks, _chain, _dynamic, _static
from wild.workshop import EXPORTERS, Builder, export, make, shake, tell

# --- source models


def _segments() -> nn.Module:
    """Down and up again, with norms of instances, batches and groups."""
    return nn.Sequential(
        nn.Conv2d(3, 20, 3, padding=1),
        nn.InstanceNorm2d(20, affine=True),
        nn.ReLU(),
        nn.Conv2d(20, 44, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(44),
        nn.LeakyReLU(0.1),
        nn.Conv2d(44, 44, 3, padding=3, dilation=3, groups=11),
        nn.GroupNorm(2, 44),
        nn.ConvTranspose2d(44, 28, 4, stride=2, padding=1),
        nn.BatchNorm2d(28),
        nn.PReLU(28),
        nn.Conv2d(28, 11, (3, 1), padding=(1, 0)),
    )


class Ranker(nn.Module):
    """Tables of users and items beside dense features, a cross layer and a deep one."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(200, 24), nn.Embedding(150, 40)
        self.dense = nn.Linear(16, 32)
        self.cross = nn.ModuleList(nn.Linear(96, 96) for _ in range(2))
        self.deep = nn.Sequential(nn.Linear(96, 160), nn.PReLU(), nn.Linear(160, 64, bias=False))
        self.score = nn.Linear(64, 18)

    def forward(self, users: Any, items: Any, dense: Any) -> Any:
        held = first = torch.cat((self.users(users), self.items(items), self.dense(dense)), -1)
        for layer in self.cross:
            held = first * layer(held) + held
        return self.score(self.deep(held))


def _text(kind: str, task: str = "ForCausalLM", **sizes: Any) -> Callable[[], nn.Module]:
    base = _DECODER if task == "ForCausalLM" else _ENCODER
    return lambda: _hub(kind + task, f"{kind}Config", Only, **{**base, **sizes})


def _picture(kind: str, **sizes: Any) -> Callable[[], nn.Module]:
    every: Options = {"image_size": 16, "patch_size": 2, "num_channels": 3, "num_labels": 30}
    task = f"{kind}ForImageClassification"
    return lambda: _hub(task, f"{kind}Config", Seen, **every, **sizes)


_T5: Options = {"vocab_size": 220, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2}
_T5 |= {"num_heads": 4, "feed_forward_proj": "gated-gelu"}
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "segments": (_segments, IMAGE),
    "squeezed": (_text("SqueezeBert", "ForMaskedLM", embedding_size=64), TOKENS),
    "ranker": (Ranker, (*TOKENS, torch.arange(11)[None], torch.zeros(1, 11, 16))),
    "t5": (lambda: _hub("T5EncoderModel", "T5Config", Only, **_T5), TOKENS),
    "electra": (_text("Electra", "ForMaskedLM", embedding_size=48), TOKENS),
    "neox": (_text("GPTNeoX"), TOKENS),
    "cohere": (_text("Cohere"), TOKENS),
    "starcoder": (_text("Starcoder2", hidden_size=128, intermediate_size=256), TOKENS),
    "convnext": (_picture("ConvNext", num_stages=2, hidden_sizes=[32, 64], depths=[1, 2]), IMAGE),
    "regnet": (_picture("RegNet", hidden_sizes=[24, 48], depths=[1, 1], groups_width=8), IMAGE),
    "swin": (_picture("Swin", embed_dim=32, depths=[2, 1], num_heads=[2, 4], window_size=4), IMAGE),
}


def _drawn(source: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.set_num_threads(1)
    torch.manual_seed(2)
    kind, arguments = SOURCES[source]
    return shake(kind(), 3000 + sum(map(ord, source))), arguments


# --- only what follows the float model is kept


def _answers(path: Path, row: Mapping[str, Any]) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = {value.name: row[value.name] for value in session.get_inputs()}
    for value in session.get_inputs():
        if value.type == "tensor(float16)":
            feeds[value.name] = feeds[value.name].astype(np.float16)
    return session.run(None, feeds)[0].astype(np.float64).ravel()


def _followed(tool: Tool, least: float) -> Tool:
    """The tool, and an error where its outputs do not follow those of its source."""

    def checked(source: Path, target: Path) -> None:
        tool(source, target)
        row = Rows(source).get_first()
        try:
            made = _answers(target, row)
        except Exception as error:  # a type that this provider has not, or inputs of codes
            if type(error).__name__ != "NotImplemented" and "input data type" not in str(error):
                raise
            return
        found = float(np.corrcoef(made, _answers(source, row))[0, 1])
        if not found >= least:
            raise ValueError(f"outputs do not follow the float model: {found:.3f}")

    return checked


def _crossed(source: str, tools: Mapping[str, Tool], least: float = 0.97) -> Builder:
    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        place = partial(known._exported, f"unseen-{source}", model, arguments)
        found = [(each, path) for each in EXPORTERS if (path := place(each)) is not None]
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[(number + len(source)) % len(found)]
            known._run(folder, f"{exporter}-{name}", path, _followed(tool, least))

    return build


# --- tools


def _weighted(source: Path, *kinds: str) -> list[str]:
    """Names of the nodes of these kinds that have a weight."""
    held = onnx.load(source).graph
    names = {value.name for value in held.initializer}
    nodes = (node for node in held.node if node.op_type in kinds)
    return [node.name for node in nodes if names.intersection(node.input[:2])]


def _named(tool: Callable[..., Tool], option: str, *kinds: str, **options: Any) -> Tool:
    """A tool of every second node of these kinds."""

    def named(source: Path, target: Path) -> None:
        tool(**{option: _weighted(source, *kinds)[::2]}, **options)(source, target)

    return named


def _by_node(*choices: Any, **options: Any) -> Tool:
    """Bits, groups and schemes a node, in turn, as Neural Compressor configures them."""

    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization.neural_compressor import weight_only

        words = ("bits", "group_size", "scheme")
        every = {}
        for place, name in enumerate(_weighted(source, "MatMul")):
            choice = choices[place % len(choices)]
            every[name] = choice if choice == "fp32" else dict(zip(words, choice, strict=True))
        run: Any = weight_only.rtn_quantize
        made = run(onnx.load(source), weight_config=every, algorithm="rtn", **options)
        onnx.save(made.model, target)

    return tool


def _customized(algorithm: str, **options: Any) -> Tool:
    """Eight bits for every third node, four for the others."""

    def tool(source: Path, target: Path) -> None:
        every = {name: {"bits": 8} for name in _weighted(source, "MatMul")[::3]}
        _blocks(algorithm, customized_weight_config=every, **options)(source, target)

    return tool


def _of(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _saved(change: Callable[[Any], Any]) -> Tool:
    return lambda source, target: onnx.save(change(onnx.load(source)), target)


def _surgeon(held: Any) -> Any:
    graph = _of("onnx_graphsurgeon.import_onnx")(held)
    return _of("onnx_graphsurgeon.export_onnx")(graph.fold_constants().cleanup().toposort())


_PASSES = ["eliminate_identity", "fuse_bn_into_conv", "fuse_add_bias_into_conv"]
_joined = _saved(lambda held: _of("onnxoptimizer.optimize")(held, _PASSES))
_folded = _saved(_surgeon)
_scripted = _saved(lambda held: _of("onnxscript.optimizer.optimize")(held))
_raised = _saved(lambda held: _of("onnx.version_converter.convert_version")(held, 22))
_slim_half = _saved(lambda held: _of("onnxslim.slim")(held, dtype="fp16"))
_polygraphy = _saved(lambda held: _of("polygraphy.backend.onnx.convert_to_fp16")(held))


# --- models that are quantized before their export


def _taught(backend: str) -> Builder:
    """Training aware of quantization, by torch itself; only torchscript exports its result."""

    def build(folder: Path) -> None:
        quantization = _of("torch.ao.quantization")
        held, arguments = _drawn("ranker")
        model: Any = held.train()
        model.deep[1] = nn.ReLU()
        model.qconfig = quantization.get_default_qat_qconfig(backend, version=0)
        model.users.qconfig = model.items.qconfig = None
        quantization.prepare_qat(model, inplace=True)
        draw = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for _ in range(4):
                model(*arguments[:2], torch.randn(arguments[2].shape, generator=draw))
        model.apply(quantization.disable_observer).eval()
        tell(model, folder)
        make(folder, "torchscript", partial(export, model, arguments, "torchscript"))

    return build


def _sounds() -> nn.Module:
    import brevitas.nn as qnn  # type: ignore[import-not-found]

    held: Options = {"weight_quant": known._quantizer("Int8WeightPerChannelFloat")}
    held |= {"weight_bit_width": 6, "input_quant": known._quantizer("Uint8ActPerTensorFloat")}
    return nn.Sequential(
        qnn.QuantConv1d(6, 40, 5, padding=2, **held),
        nn.BatchNorm1d(40),
        nn.ReLU(),
        qnn.QuantConv1d(40, 40, 3, padding=1, groups=40, **held),
        qnn.QuantConvTranspose1d(40, 24, 4, stride=2, padding=1, **held),
        nn.ReLU(),
        qnn.QuantLinear(24, 56, bias=True, **held),
    )


# --- the cases

U8, S8, U16, S16, S4 = "QUInt8", "QInt8", "QUInt16", "QInt16", "QInt4"
LINEAR = ("MatMul", "Gemm", "Conv")
_AXES = {"Conv": 0, "ConvTranspose": 1, "Gemm": 0, "MatMul": 1}
_W4: Options = {"QDQDisableWeightAdjustForInt32Bias": True, "UseQDQContribOps": True}
_half, _common, _autocast = known._half, known._common_half, known._autocast
_modelopt, _olive, _olive_static = known._modelopt, known._olive, known._olive_static
QDQ: dict[str, Tool] = {
    "some": _named(_static, "nodes_to_quantize", *LINEAR, per_channel=True),
    "others": _named(_static, "nodes_to_exclude", *LINEAR, activations=U8, weights=U8),
    "axes": _static(per_channel=True, **_extra(QDQOpTypePerChannelSupportToAxis=_AXES)),
    "restricted": _static(activations=U8, **_extra(ActivationRestrictedAsymmetric=True)),
    "ranged": _static(activations=U8, weights=U8, **_extra(MinimumRealRange=0.01)),
    "pairs-w8": _static(activations=S16, weights=S8, **_extra(AddQDQPairToWeight=True)),
    "w4-unadjusted": _static(activations=S16, weights=S4, per_channel=True, **_extra(**_W4)),
    "kept": _configured(U16, U8, keep_removable_activations=True, per_channel=True),
}
PREPARED: dict[str, Tool] = {
    "joined-channels": _chain(_joined, _static(per_channel=True)),
    "joined-qoperator": _chain(_joined, _static("QOperator", U8, S8)),
    "folded-dynamic": _chain(_folded, _dynamic(U8, per_channel=True)),
    "raised-w4": _chain(_raised, _static(weights=S4, per_channel=True)),
    "channels-scripted": _chain(_static(per_channel=True), _scripted),
    "int16-folded": _chain(_static(activations=U16, weights=S16), _folded),
    "joined-bfloat16": _chain(_joined, _autocast(low_precision_type="bf16")),
}
DYNAMIC: dict[str, Tool] = {
    "some": _named(_dynamic, "nodes_to_quantize", *LINEAR, per_channel=True),
    "others": _named(_dynamic, "nodes_to_exclude", *LINEAR, weights=U8),
    "forced": _dynamic(U8, **_extra(ForceQuantizeNoInputCheck=True, EnableSubgraph=True)),
}
BLOCKS: dict[str, Tool] = {
    "some": _named(_blocks, "nodes_to_include", "MatMul", block_size=32, bits=8),
    "others": _named(_blocks, "nodes_to_exclude", "MatMul", block_size=16, is_symmetric=True),
    "rtn-customized": _customized("RTN", block_size=16),
    "k-quant-customized": _customized("KQuant", block_size=32),
    "rtn-by-node": _by_node((4, 32, "asym"), (8, 16, "sym"), "fp32"),
    "rtn-by-bits": _by_node((8, 64, "asym"), (4, 16, "sym"), accuracy_level=4),
    "rtn-three": _by_node((3, 32, "sym"), (6, 32, "asym"), (5, 16, "sym")),
    "slim-half": _chain(_blocks(block_size=32, bits=8, is_symmetric=True), _slim_half),
}
HALF: dict[str, Tool] = {
    "some": _named(_half, "node_block_list", *LINEAR, keep_io_types=True),
    "bfloat16-blocked": _half(op_block_list=["Softmax"], force_fp16_initializers=True),
    "common-some": _named(_common, "node_block_list", *LINEAR, keep_io_types=True),
    "autocast-others": _named(_autocast, "nodes_to_exclude", *LINEAR, init_max=1.2),
    "slim": _slim_half,
    "polygraphy": _polygraphy,
}
MODELOPT: dict[str, Tool] = {
    "others": _modelopt("int8", "max", op_types_to_exclude=["Conv"], opset=21),
    "direct": _modelopt("int8", "entropy", direct_io_types=True),
    "by-node": _modelopt("int8", "max", calibrate_per_node=True, passes=[]),
}
_RTN, _EDIT = "OnnxBlockWiseRtnQuantization", "GraphSurgeries"
_SPLIT = [{"surgeon": "GemmToMatMulAdd"}]
OLIVE: dict[str, Tool] = {
    "some": _named(partial(_olive, "OnnxDynamicQuantization"), "nodes_to_exclude", *LINEAR),
    "symmetric": _olive_static(activation_symmetric=True, per_channel=True),
    "level-rtn": _chain(_joined, _olive(_RTN, block_size=32, accuracy_level=4)),
    "gemm-rtn": _chain(_olive(_EDIT, surgeries=_SPLIT), _olive(_RTN, block_size=16, bits=8)),
    "raised-half": _chain(_raised, _olive("OnnxFloatToFloat16", keep_io_types=True)),
}

CASES: dict[str, Builder] = {
    "segments-qdq": _crossed("segments", QDQ),
    "segments-prepared": _crossed("segments", PREPARED),
    "regnet-prepared": _crossed("regnet", PREPARED),
    "ranker-olive": _crossed("ranker", OLIVE),
    "squeezed-qdq": _crossed("squeezed", QDQ),
    "ranker-dynamic": _crossed("ranker", DYNAMIC),
    "ranker-qdq": _crossed("ranker", QDQ),
    "t5-blocks": _crossed("t5", BLOCKS, 0.75),
    "electra-olive": _crossed("electra", OLIVE),
    "neox-blocks": _crossed("neox", BLOCKS, 0.75),
    "cohere-half": _crossed("cohere", HALF),
    "starcoder-blocks": _crossed("starcoder", BLOCKS, 0.75),
    "convnext-modelopt": _crossed("convnext", MODELOPT),
    "swin-qdq": _crossed("swin", QDQ),
    "taught-fbgemm": _taught("fbgemm"),
    "taught-qnnpack": _taught("qnnpack"),
    "brevitas-sound-6": known._brevitas(_sounds, (1, 6, 12)),
}
OPENED: frozenset[str] = frozenset(CASES)  # since it was measured first
