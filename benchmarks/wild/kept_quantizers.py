"""Quantizers, settings and models that no other kind has, all of them held out.

What runs on onnxruntime's CPU provider is compared with the float model, and is not kept where its
outputs do not follow. Steps that change weights on purpose (corrected biases, channels made equal,
scales moved between layers) are turned off: every weight is the checkpoint's, rounded.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from wild import quantizers as known
from wild.fresh_quantizers import _configured, _extra, _without
from wild.fresh_sources import _DECODER, _ENCODER, TOKENS, _hub
from wild.quantizers import (
    Only,
    Options,
    Rows,
    Tool,
    _blocks,
    _chain,
    _dynamic,
    _half,
    _optimized,
    _quant_type,
    _simplified,
    _slim,
    _static,
)
from wild.unseen_quantizers import _answers, _of, _raised, _saved
from wild.workshop import EXPORTERS, Builder, export, make, shake, tell

# --- source models


class Lens(nn.Module):
    """Convolutions of several widths, squeezed channels, a sum, pooling and a transposed one."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 5, padding=2, bias=False)
        self.bn = nn.BatchNorm2d(24)
        self.depth = nn.Conv2d(24, 24, 3, padding=1, groups=24)
        self.point = nn.Conv2d(24, 40, 1, bias=False)
        self.point_bn = nn.BatchNorm2d(40)
        self.squeeze = nn.Conv2d(40, 12, 1)
        self.excite = nn.Conv2d(12, 40, 1)
        self.wide = nn.Conv2d(40, 40, (1, 3), padding=(0, 1), groups=2)
        self.up = nn.ConvTranspose2d(40, 18, 2, stride=2)
        self.fc = nn.Linear(18, 34)
        self.out = nn.Linear(34, 22, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.bn(self.stem(image)))
        held = torch.clamp(self.point_bn(self.point(self.depth(held) + held)), 0, 6)
        gate = self.excite(torch.relu(self.squeeze(held.mean((2, 3), keepdim=True))))
        held = torch.relu(self.wide(held * torch.sigmoid(gate)) + held)
        held = torch.relu(self.up(nn.functional.max_pool2d(held, 2))).mean((2, 3))
        return self.out(torch.relu(self.fc(held)))  # type: ignore[no-any-return]


class Gated(nn.Module):
    """Linear layers with gates between, a norm of layers and one of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = nn.Linear(64, 256)
        self.norm = nn.LayerNorm(128)
        self.middle = nn.Linear(128, 192, bias=False)
        self.narrow = nn.Linear(96, 64)
        self.batch = nn.BatchNorm1d(64)
        self.last = nn.Linear(64, 48, bias=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        held = self.norm(nn.functional.glu(self.inputs(rows)))
        left, right = self.middle(held).chunk(2, -1)
        held = self.narrow(torch.relu(left) * torch.tanh(right)).mean(1)
        return self.last(torch.relu(self.batch(held)))  # type: ignore[no-any-return]


class Heard(nn.Module):
    """Convolutions of one axis, a norm of groups, a GRU of two directions and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(5, 32, 3, padding=1)
        self.norm = nn.GroupNorm(4, 32)
        self.deep = nn.Conv1d(32, 32, 5, padding=4, dilation=2, groups=8, bias=False)
        self.gru = nn.GRU(32, 24, bidirectional=True, batch_first=True)
        self.first, self.second = nn.Linear(48, 64), nn.Linear(64, 32)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.deep(torch.relu(self.norm(self.front(wave)))))
        held, _ = self.gru(held.transpose(1, 2))
        return self.second(torch.tanh(self.first(held)))  # type: ignore[no-any-return]


def _text(kind: str, task: str, **sizes: Any) -> Callable[[], nn.Module]:
    base = _ENCODER if task == "ForMaskedLM" else _DECODER
    return lambda: _hub(kind + task, f"{kind}Config", Only, **{**base, **sizes})


_ROWS = (torch.zeros(2, 7, 64),)
_LENS = (torch.zeros(1, 3, 16, 16),)
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "lens": (Lens, _LENS),
    "gated": (Gated, _ROWS),
    "heard": (Heard, (torch.zeros(1, 5, 14),)),
    "megatron": (_text("MegatronBert", "ForMaskedLM"), TOKENS),
    "arcee": (_text("Arcee", "ForCausalLM", intermediate_size=128), TOKENS),
    "olmo2": (_text("Olmo2", "ForCausalLM", hidden_size=128, intermediate_size=256), TOKENS),
}


def _drawn(source: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.set_num_threads(1)
    torch.manual_seed(4)
    kind, arguments = SOURCES[source]
    return shake(kind(), 7000 + sum(map(ord, source))), arguments


def _followed(tool: Tool, least: float) -> Tool:
    """The tool, and an error where its outputs do not follow those of its source. Operators of
    Quark's own are not registered with onnxruntime: what has them is not run.
    """

    def checked(source: Path, target: Path) -> None:
        tool(source, target)
        if any("quark" in node.domain for node in onnx.load(target).graph.node):
            return
        row = Rows(source).get_first()
        found = float(np.corrcoef(_answers(target, row), _answers(source, row))[0, 1])
        if not found >= least:
            raise ValueError(f"outputs do not follow the float model: {found:.3f}")

    return checked


def _crossed(source: str, tools: Mapping[str, Tool], least: float = 0.97) -> Builder:
    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        place = partial(known._exported, f"kept-{source}", model, arguments)
        found = [(each, path) for each in EXPORTERS if (path := place(each)) is not None]
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[(number + len(source)) % len(found)]
            known._run(folder, f"{exporter}-{name}", path, _followed(tool, least))

    return build


# --- NNCF


def _nncf(preset: str, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        nncf: Any = importlib.import_module("nncf")
        more: Any = importlib.import_module("nncf.quantization.advanced_parameters")
        given = {
            "disable_bias_correction": True,
            "smooth_quant_alphas": more.AdvancedSmoothQuantParameters(convolution=-1, matmul=-1),
            **options,
        }
        if "overflow_fix" in given:
            given["overflow_fix"] = more.OverflowFix[given["overflow_fix"]]
        for name in ("weights", "activations"):
            if name in given:
                chosen = more.QuantizationParameters(**given.pop(name))
                given[f"{name}_quantization_params"] = chosen
        held = nncf.quantize(
            onnx.load(source),
            nncf.Dataset(list(Rows(source))),
            preset=nncf.QuantizationPreset[preset],
            subset_size=4,
            advanced_parameters=more.AdvancedQuantizationParameters(**given),
        )
        onnx.save(held, target)

    return tool


def _compressed(mode: str, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        nncf: Any = importlib.import_module("nncf")
        kind = nncf.CompressWeightsMode[mode]
        given = dict(options)
        if "backup_mode" in given:
            given["backup_mode"] = nncf.BackupMode[given["backup_mode"]]
        onnx.save(nncf.compress_weights(onnx.load(source), mode=kind, **given), target)

    return tool


# --- AMD Quark


def _quark(name: str, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        quark: Any = importlib.import_module("quark.onnx")
        configs: Any = importlib.import_module("quark.onnx.quantization.config.custom_config")
        kind: Any = importlib.import_module("quark.onnx.quantization.config.config").Config
        chosen = copy.deepcopy(getattr(configs, f"{name}_CONFIG"))
        chosen.include_cle = chosen.include_fast_ft = False
        for option, value in options.items():
            setattr(chosen, option, value)
        quantizer = quark.ModelQuantizer(kind(global_quant_config=chosen))
        quantizer.quantize_model(str(source), str(target), Rows(source))

    return tool


# --- AIMET


def _aimet(weights: str, activations: str, symmetric: bool = False, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        aimet: Any = importlib.import_module("aimet_onnx")
        kinds: Any = importlib.import_module("aimet_onnx.quantsim")
        settings = {
            "param_type": getattr(aimet, weights),
            "activation_type": getattr(aimet, activations),
        }
        if symmetric:
            settings["quant_scheme"] = "min_max"
        held = kinds.QuantizationSimModel(onnx.load(source), **settings)
        held.compute_encodings(list(Rows(source)))
        onnx.save(held.to_onnx_qdq(**options), target)

    return tool


# --- Neural Compressor for ONNX


def _compressor(kind: str, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("onnx_neural_compressor.quantization")
        configs: Any = importlib.import_module("onnx_neural_compressor.quantization.config")
        reader: Any = importlib.import_module("onnx_neural_compressor.data_reader")
        given = dict(options)
        if "quant_format" in given:
            given["quant_format"] = library.QuantFormat[given["quant_format"]]

        class Reader(reader.CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                self.rows = Rows(source)

            def get_next(self) -> Any:
                return self.rows.get_next()

            def rewind(self) -> None:
                self.rows.rewind()

        if kind == "StaticQuantConfig":
            given["calibration_data_reader"] = Reader()
        library.quantize(str(source), str(target), getattr(configs, kind)(**given))

    return tool


def _compressor_blocks(algorithm: str = "", **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        path = "onnx_neural_compressor.quantization.matmul_nbits_quantizer"
        kinds: Any = importlib.import_module(path)
        chosen = getattr(kinds, f"{algorithm}WeightOnlyQuantConfig")() if algorithm else None
        held = kinds.MatMulNBitsQuantizer(onnx.load(source), algo_config=chosen, **options)
        held.process()
        onnx.save(getattr(held.model, "model", held.model), target)

    return tool


# --- by hand, as converters of small projects write it


class Coded:
    """Codes, scales and zero points of a weight along an axis, or of blocks along it."""

    def __init__(self, weight: Any, bits: int, axis: int | None, zero: bool, block: int) -> None:
        self.axis, self.block = axis, block
        high = 2 ** (bits - 1) - 1
        if block:
            rows = np.moveaxis(weight, axis or 0, -1)
            held = rows.reshape(*rows.shape[:-1], -1, block)
            over: tuple[int, ...] = (held.ndim - 1,)
        else:
            held = weight
            over = tuple(each for each in range(weight.ndim) if each != axis)
        if zero:
            low, top = held.min(over, keepdims=True), held.max(over, keepdims=True)
            scale = (np.maximum(top, 0) - np.minimum(low, 0)) / (2**bits - 1)
            points = np.round(-np.minimum(low, 0) / scale)
            codes = np.clip(np.round(held / scale) + points, 0, 2**bits - 1)
        else:
            scale = np.abs(held).max(over, keepdims=True) / high
            points = np.zeros_like(scale)
            codes = np.clip(np.round(held / scale), -high, high)
        self.codes, self.scale, self.points = codes, scale, points

    def parts(self) -> tuple[Any, Any, Any]:
        """As DequantizeLinear takes them."""
        if not self.block:
            flat = [part.reshape(-1) for part in (self.scale, self.points)]
            if self.axis is None:
                flat = [part.reshape(()) for part in flat]
            return self.codes, flat[0], flat[1]
        axis = self.axis or 0
        codes = np.moveaxis(self.codes.reshape(*self.codes.shape[:-2], -1), -1, axis)
        scale, points = (np.moveaxis(part[..., 0], -1, axis) for part in (self.scale, self.points))
        return codes, scale, points


def _axes(node: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """The axis of a weight's outputs, and that of its inputs."""
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    if node.op_type in ("MatMul", "Gemm"):
        return (0, 1) if turned else (1, 0)
    return (1, 0) if node.op_type == "ConvTranspose" else (0, 1)


def _by_hand(
    kind: str,
    bits: int = 8,
    by: str = "outputs",
    zero: bool = False,
    block: int = 0,
    form: str = "dq",
    name: str = "{}_quantized",
) -> Tool:
    """Every weight of more than one axis as codes of this type of ONNX.

    ``form``: ``dq``; ``qdq`` with the weight in float before it; ``cast`` for a multiplication;
    ``turned`` for codes the other way round.
    """

    def tool(source: Path, target: Path) -> None:
        held = onnx.version_converter.convert_version(onnx.load(source), 21)
        graph = held.graph
        values = {each.name: each for each in graph.initializer}
        made: dict[str, str] = {}
        new: list[Any] = []
        for node in graph.node:
            for place, used in enumerate(node.input):
                weight = numpy_helper.to_array(values[used]) if used in values else None
                if weight is None or weight.ndim < 2 or weight.dtype != np.float32:
                    continue
                if used not in made:
                    made[used] = name.format(used)
                    new += _coded(graph, node, used, weight, made[used])
                    if form != "qdq":
                        graph.initializer.remove(values[used])
                node.input[place] = f"{made[used]}_float"
        nodes = [*new, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        held.ir_version = max(held.ir_version, 10)
        onnx.checker.check_model(held)
        onnx.save(held, target)

    def _coded(graph: Any, node: Any, used: str, weight: Any, title: str) -> list[Any]:
        outputs, inputs = _axes(node, weight.shape)
        sized = block if block and weight.ndim == 2 and weight.shape[inputs] % block == 0 else 0
        axis = {"tensor": None, "outputs": outputs}[by] if not sized else inputs
        coded = Coded(weight.astype(np.float64), bits, axis, zero, sized)
        codes, scale, points = coded.parts()
        number = getattr(onnx.TensorProto, kind)
        if kind.startswith("FLOAT8"):
            scale = np.abs(weight).max() / 57344 * np.ones_like(scale)
            codes = weight / scale.reshape(-1)[0]
        graph.initializer.extend(
            [
                _stored(title, number, codes.T if form == "turned" else codes),
                numpy_helper.from_array(scale.astype(np.float32), f"{title}_scale"),
            ]
        )
        given = [title, f"{title}_scale"]
        if form == "cast":
            whole = [each if each == axis else 1 for each in range(weight.ndim)]
            sizes = [weight.shape[at] if at == axis else 1 for at in range(len(whole))]
            shaped = scale.astype(np.float32).reshape(sizes)
            graph.initializer.remove(graph.initializer[-1])
            graph.initializer.append(numpy_helper.from_array(shaped, f"{title}_scale"))
            one = helper.make_node("Cast", [title], [f"{title}_cast"], to=onnx.TensorProto.FLOAT)
            two = helper.make_node("Mul", [f"{title}_cast", given[1]], [f"{title}_float"])
            return [one, two]
        if zero or form == "qdq":
            graph.initializer.append(_stored(f"{title}_zero", number, points))
            given.append(f"{title}_zero")
        more: Options = {"block_size": sized} if sized else {}
        if axis is not None:
            more["axis"] = axis if form != "turned" else 1 - axis
        steps = []
        if form == "qdq":
            graph.initializer.remove(next(e for e in graph.initializer if e.name == title))
            first = [used, *given[1:]]
            steps.append(helper.make_node("QuantizeLinear", first, [title], **more))
        out = f"{title}_flat" if form == "turned" else f"{title}_float"
        steps.append(helper.make_node("DequantizeLinear", given, [out], **more))
        if form == "turned":
            steps.append(helper.make_node("Transpose", [out], [f"{title}_float"], perm=[1, 0]))
        return steps

    return tool


def _stored(title: str, number: int, values: Any) -> Any:
    kinds: dict[int, Any] = {
        onnx.TensorProto.INT4: ml_dtypes.int4,
        onnx.TensorProto.UINT4: ml_dtypes.uint4,
        onnx.TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2,
    }
    kind = kinds.get(number) or helper.tensor_dtype_to_np_dtype(number)
    return numpy_helper.from_array(np.ascontiguousarray(values).astype(kind), title)


# --- modules that are quantized before their export


def _captured(source: str, symmetric: bool = False) -> Callable[[Path], None]:
    """torchao's quantizer of captured graphs, for x86."""

    def write(target: Path) -> None:
        steps: Any = importlib.import_module("torchao.quantization.pt2e.quantize_pt2e")
        kinds: Any = importlib.import_module(
            "torchao.quantization.pt2e.quantizer.x86_inductor_quantizer"
        )
        model, arguments = _drawn(source)
        rows = tuple(torch.randn(value.shape) for value in arguments)
        quantizer = kinds.X86InductorQuantizer()
        quantizer.set_global(
            kinds.get_default_x86_inductor_quantization_config(
                is_dynamic=False, reduce_range=symmetric
            )
        )
        held = steps.prepare_pt2e(torch.export.export(model, rows).module(), quantizer)
        for _ in range(3):
            held(*(torch.randn(value.shape) for value in arguments))
        export(steps.convert_pt2e(held), rows, "dynamo", target)

    return write


def _torchao(source: str, settings: str, **options: Any) -> Callable[[Path], None]:
    def write(target: Path) -> None:
        torchao: Any = importlib.import_module("torchao.quantization")
        model, arguments = _drawn(source)
        torchao.quantize_(model, getattr(torchao, settings)(**options))
        export(model, arguments, "dynamo", target)

    return write


def _modules(source: str, writers: Mapping[str, Callable[[Path], None]]) -> Builder:
    """Each writer's artifact, held against the float module."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        plain = known._exported(f"kept-{source}", model, arguments, "torchscript")
        if plain is None:
            raise RuntimeError("no float model to compare with")

        def checked(write: Callable[[Path], None], target: Path) -> None:
            write(target)
            wanted = _answers(plain, Rows(plain).get_first())
            row = dict(zip(_inputs(target), Rows(plain).get_first().values(), strict=True))
            found = float(np.corrcoef(_answers(target, row), wanted)[0, 1])
            if not found >= 0.97:
                raise ValueError(f"outputs do not follow the float model: {found:.3f}")

        for name, write in writers.items():
            make(folder, name, partial(checked, write))

    return build


def _inputs(path: Path) -> list[str]:
    return [value.name for value in onnx.load(path).graph.input]


def _volumes(weight: str, bits: int = 0, **more: str) -> Callable[[], nn.Module]:
    """Layers of brevitas of one, two and no axes of space."""

    def model() -> nn.Module:
        import brevitas.nn as qnn  # type: ignore[import-not-found]

        quantizer: Any = getattr(
            importlib.import_module(f"brevitas.quant.{more['module']}"), weight
        )
        held: Options = {"weight_quant": quantizer}
        if bits:
            held["weight_bit_width"] = bits
        return nn.Sequential(
            qnn.QuantConv2d(3, 20, (3, 5), padding=(1, 2), **held),
            nn.BatchNorm2d(20),
            nn.ReLU(),
            qnn.QuantConv2d(20, 20, 3, groups=20, bias=False, **held),
            nn.PReLU(20),
            nn.Flatten(),
            qnn.QuantLinear(20 * 64, 36, bias=True, **held),
            nn.LayerNorm(36),
            qnn.QuantLinear(36, 28, bias=False, **held),
        )

    return model


# --- onnxruntime's own tools


def _transformers(kind: str, level: int, **options: Any) -> Tool:
    """``onnxruntime.transformers.optimizer`` with onnxruntime's own levels behind it."""

    def tool(source: Path, target: Path) -> None:
        from onnxruntime.transformers import optimizer
        from onnxruntime.transformers.fusion_options import FusionOptions

        chosen = FusionOptions(kind)
        for name, value in options.items():
            setattr(chosen, name, value)
        held = optimizer.optimize_model(
            str(source),
            model_type=kind,
            num_heads=4,
            hidden_size=64,
            optimization_options=chosen,
            opt_level=level,
        )
        held.save_model_to_file(str(target))

    return tool


def _mixed(source: Path, target: Path) -> None:
    """onnxconverter-common's search over files, from a tolerance that some nodes miss."""
    search: Any = importlib.import_module("onnxconverter_common.auto_mixed_precision_model_path")
    search.auto_convert_mixed_precision_model_path(
        str(source),
        Rows(source).get_first(),
        str(target),
        ["CPUExecutionProvider"],
        rtol=1e-2,
        atol=2e-3,
        keep_io_types=True,
    )


def _over(overrides: Callable[[list[str]], dict[str, Any]], **options: Any) -> Tool:
    """Types of some tensors by name, over the general ones."""

    def tool(source: Path, target: Path) -> None:
        held = onnx.load(source).graph
        sizes = {value.name: len(value.dims) for value in held.initializer}
        names = [
            node.input[1]
            for node in held.node
            if node.op_type in ("Conv", "Gemm", "MatMul") and sizes.get(node.input[1], 0) > 1
        ]
        extra = {"TensorQuantOverrides": overrides(names)}
        _static(extra_options=extra, **options)(source, target)

    return tool


def _wider(names: list[str]) -> dict[str, Any]:
    return {name: [{"quant_type": _quant_type("QInt16")}] for name in names[1::2]}


def _shifted(names: list[str]) -> dict[str, Any]:
    held = {"quant_type": _quant_type("QUInt8"), "axis": 0, "symmetric": False}
    return {name: [dict(held)] for name in names[::3]}


# --- the cases

U8, S8, U16, S16, U4, S4 = "QUInt8", "QInt8", "QUInt16", "QInt16", "QUInt4", "QInt4"
PLAIN = ["MatMul", "Gemm"]
_NO_PAIR: Options = {"DedicatedQDQPair": True, "AddQDQPairToWeight": True}
STATIC: dict[str, Tool] = {
    "blocks-w4": _static(weights=S4, op_types_to_quantize=PLAIN, **_extra(BlockSize=16)),
    "blocks-w8": _static(
        activations=U8, weights=U8, op_types_to_quantize=PLAIN, **_extra(BlockSize=2)
    ),
    "blocks-a16": _static(
        activations=U16, weights=U4, op_types_to_quantize=PLAIN, **_extra(BlockSize=32)
    ),
    "channels-shifted": _static(
        activations=U8, weights=U8, per_channel=True, **_extra(WeightSymmetric=False)
    ),
    "percentile-99": _static(
        activations=U8, method="Percentile", reduce_range=True, **_extra(CalibPercentile=99.0)
    ),
    "entropy-reduced": _static(
        method="Entropy", per_channel=True, reduce_range=True, **_extra(ActivationSymmetric=True)
    ),
    "pairs-dedicated": _static(activations=U8, weights=U8, per_channel=True, **_extra(**_NO_PAIR)),
    "wider": _over(_wider, activations=U16),
    "shifted": _over(_shifted, activations=U8, weights=S8),
}
OPERATORS: dict[str, Tool] = {
    "percentile-channels": _static(
        "QOperator", U8, U8, method="Percentile", per_channel=True, **_extra(WeightSymmetric=True)
    ),
    "entropy-shifted": _static(
        "QOperator", U8, U8, method="Entropy", **_extra(WeightSymmetric=False)
    ),
    "configured": _configured(S16, S8, per_channel=True, keep_removable_activations=True),
    "slim-sim": _chain(_slim, _simplified, _static("QOperator", S8, S8, reduce_range=True)),
}
DYNAMIC: dict[str, Tool] = {
    "channels-reduced-shifted": _dynamic(
        U8, per_channel=True, reduce_range=True, **_extra(WeightSymmetric=False)
    ),
    "slim-sim-all": _chain(_slim, _simplified, _dynamic(S8, per_channel=True, before="ALL")),
    "raised-extended": _chain(_raised, _dynamic(U8), _optimized("EXTENDED"), _simplified),
}
BLOCKS: dict[str, Tool] = {
    "4-128": _blocks(block_size=128, is_symmetric=True, accuracy_level=2),
    "8-256": _blocks(block_size=256, bits=8, is_symmetric=True),
    "hqq-128": _blocks("HQQ", block_size=128),
    "4-16-level-1": _blocks(block_size=16, accuracy_level=1),
    "8-qdq-16": _blocks(block_size=16, bits=8, quant_format="QDQ"),
    "8-qdq-channels": _blocks(
        bits=8, quant_format="QDQ", channel_wised_quantize=True, is_symmetric=True
    ),
    "gather": _blocks(block_size=32, is_symmetric=True, op_types_to_quantize=("Gather",)),
    "slim-all": _chain(_slim, _optimized("ALL"), _blocks(block_size=64, bits=8)),
}
NNCF: dict[str, Tool] = {
    "performance": _nncf("PERFORMANCE"),
    "mixed": _nncf("MIXED"),
    "halves": _nncf("MIXED", overflow_fix="ENABLE"),
    "tensor": _nncf("PERFORMANCE", weights={"per_channel": False}),
    "shifted": _nncf("MIXED", overflow_fix="DISABLE", weights={"mode": "asymmetric"}),
}
# Not INT4_ASYM before opset 21: its zero points are not packed as MatMulNBits reads them.
COMPRESSED: dict[str, Tool] = {
    "int8-asym": _compressed("INT8_ASYM"),
    "int8-sym": _chain(_raised, _compressed("INT8_SYM")),
    "int4-sym": _compressed("INT4_SYM", group_size=32, ratio=1.0),
    "int4-raised": _chain(_raised, _compressed("INT4_SYM", group_size=64, ratio=1.0)),
    "int4-channels": _chain(
        _raised, _compressed("INT4_ASYM", group_size=-1, ratio=1.0, all_layers=True)
    ),
}
QUARK: dict[str, Tool] = {
    "powers": _quark("XINT8"),
    "s16s8": _quark("S16S8_ASWS"),
    "u8u8": _quark("U8U8_AAWA"),
    "a16w8": _quark("A16W8"),
    "vint8": _quark("VINT8"),
    "bf16": _quark("BF16"),
    "bfp16": _quark("BFP16"),
    "mx9": _quark("MX9"),
    "mxfp8": _quark("MXFP8E4M3"),
    "mxint8": _quark("MXINT8"),
    "dynamic": _quark("UINT8_DYNAMIC_QUANT"),
}
AIMET: dict[str, Tool] = {
    "8": _aimet("int8", "int8"),
    "8-16-stored": _aimet("int8", "int16", prequantize_constants=True),
    "4-stored": _aimet("int4", "int16", prequantize_constants=True),
    "8-bias": _aimet("int8", "int8", export_int32_bias=True),
    "16": _aimet("int16", "int16", prequantize_constants=True, force_activation_as=None),
}
COMPRESSOR: dict[str, Tool] = {
    "static": _compressor("StaticQuantConfig", quant_format="QDQ", per_channel=True),
    "static-qoperator": _compressor("StaticQuantConfig", quant_format="QOperator"),
    "dynamic": _compressor("DynamicQuantConfig", per_channel=True),
}
COMPRESSOR_BLOCKS: dict[str, Tool] = {
    "rtn": _compressor_blocks("RTN", n_bits=4, block_size=32),
    "rtn-8": _compressor_blocks("RTN", n_bits=8, block_size=64, is_symmetric=True),
    "rtn-3": _compressor_blocks("RTN", n_bits=3, block_size=16, is_symmetric=True),
}
HAND: dict[str, Tool] = {
    "tensor": _by_hand("INT8", by="tensor"),
    "shifted": _by_hand("UINT8", zero=True, name="{}/codes"),
    "blocks-4": _by_hand("INT4", bits=4, block=16),
    "blocks-u4": _by_hand("UINT4", bits=4, block=32, zero=True, name="q.{}"),
    "blocks-8": _by_hand("INT8", block=8),
    "pairs": _by_hand("INT8", form="qdq"),
    "pairs-16": _by_hand("INT16", bits=16, form="qdq", by="tensor"),
    "int16": _by_hand("INT16", bits=16),
    "cast": _by_hand("INT8", form="cast", name="{}_int8"),
}
TURNED: dict[str, Tool] = {
    "turned": _by_hand("INT8", form="turned"),
    "e5m2": _by_hand("FLOAT8E5M2", by="tensor", name="{}.fp8"),
    "cast-tensor": _by_hand("INT8", form="cast", by="tensor"),
}
FUSED: dict[str, Tool] = {
    "half-all": _chain(_transformers("bert", 1), _half(keep_io_types=True), _optimized("BASIC")),
    "separate-blocks": _chain(
        _transformers("bert", 2, enable_skip_layer_norm=False), _blocks(block_size=16, bits=8)
    ),
    "approximate-dynamic": _chain(
        _transformers("bert", 1, enable_attention=False, enable_gelu_approximation=True),
        _dynamic(U8, per_channel=True),
    ),
}
_scripted = _saved(lambda held: _of("onnxscript.optimizer.optimize")(held))
HALF: dict[str, Tool] = {
    "mixed-files": _mixed,
    "raised-blocked": _chain(
        _raised, _half(keep_io_types=True, op_block_list=["MatMul", "Gemm", "Gather"])
    ),
    "half-scripted-blocks": _chain(_half(), _scripted, _blocks(block_size=16, bits=8)),
}

CASES: dict[str, Builder] = {
    "lens-static": _crossed("lens", _without(STATIC, "blocks-w4 blocks-w8 blocks-a16")),
    "gated-static": _crossed("gated", STATIC),
    "lens-operators": _crossed("lens", OPERATORS),
    "megatron-operators": _crossed("megatron", _without(OPERATORS, "entropy-shifted")),
    "heard-dynamic": _crossed("heard", DYNAMIC),
    "arcee-dynamic": _crossed("arcee", DYNAMIC),
    "arcee-blocks": _crossed("arcee", BLOCKS, 0.6),
    "olmo2-blocks": _crossed("olmo2", BLOCKS, 0.6),
    "lens-nncf": _crossed("lens", NNCF),
    "megatron-nncf": _crossed("megatron", _without(NNCF, "halves")),
    "gated-compressed": _crossed("gated", _without(COMPRESSED, "int4-raised"), 0.9),
    "arcee-compressed": _crossed("arcee", COMPRESSED, 0.75),
    "lens-quark": _crossed("lens", QUARK),
    "gated-quark": _crossed("gated", QUARK),
    "lens-aimet": _crossed("lens", AIMET, 0.9),
    "gated-aimet": _crossed("gated", AIMET, 0.9),
    "lens-compressor": _crossed("lens", _without(COMPRESSOR, "dynamic")),
    "gated-compressor": _crossed("gated", _without(COMPRESSOR, "static static-qoperator")),
    "arcee-compressor": _crossed("arcee", COMPRESSOR_BLOCKS, 0.6),
    "lens-hand": _crossed("lens", HAND),
    "megatron-hand": _crossed("megatron", HAND, 0.9),
    "gated-hand": _crossed("gated", TURNED, 0.9),
    "megatron-fused": _crossed("megatron", FUSED),
    "heard-half": _crossed("heard", HALF),
    "olmo2-half": _crossed("olmo2", _without(HALF, "mixed-files")),
    "lens-captured": _modules(
        "lens", {"plain": _captured("lens"), "reduced": _captured("lens", True)}
    ),
    "gated-modules": _modules(
        "gated",
        {
            "captured": _captured("gated"),
            "torchao-int8": _torchao("gated", "Int8WeightOnlyConfig"),
            "torchao-int4": _torchao("gated", "IntxWeightOnlyConfig"),
        },
    ),
    "brevitas-binary": known._brevitas(
        _volumes("SignedBinaryWeightPerTensorConst", module="binary"), (1, 3, 10, 10)
    ),
    "brevitas-mse-3": known._brevitas(
        _volumes("Int8WeightPerTensorFloatMSE", 3, module="scaled_int"), (1, 3, 10, 10)
    ),
    "brevitas-hqo-5": known._brevitas(
        _volumes("Int8WeightPerChannelFloatHQO", 5, module="scaled_int"), (1, 3, 10, 10)
    ),
}
OPENED: frozenset[str] = frozenset(CASES)  # since it was measured first
