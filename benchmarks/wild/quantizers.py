"""Small models crossed with the tools that quantize and halve ONNX files.

A case is a source model and a tool; its variants are settings of the tool, each on what one of
torch's exporters made of the model (the variant's name says which). brevitas quantizes the model
itself, so a case of it has a model, and so a checkpoint, of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from wild.workshop import EXPORTERS, Builder, export, make, shake, tell

Tool = Callable[[Path, Path], None]  # source file, target file
Options = dict[str, Any]


# --- source models


class Convolutions(nn.Module):
    """Plain, grouped, depthwise and transposed convolutions, most with batch normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(32)
        self.grouped = nn.Conv2d(32, 48, 3, padding=1, groups=4)
        self.grouped_bn = nn.BatchNorm2d(48)
        self.depthwise = nn.Conv2d(48, 48, 5, padding=2, groups=48, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(48)
        self.pointwise = nn.Conv2d(48, 64, 1)
        self.up = nn.ConvTranspose2d(64, 32, 2, stride=2, bias=False)
        self.up_bn = nn.BatchNorm2d(32)
        self.out = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1)
        self.head = nn.Linear(16, 24)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.stem_bn(self.stem(image)))
        held = torch.relu(self.grouped_bn(self.grouped(held)))
        held = torch.nn.functional.relu6(self.depthwise_bn(self.depthwise(held)))
        held = torch.sigmoid(self.pointwise(held)) * self.pointwise(held)
        held = torch.relu(self.up_bn(self.up(held)))
        return self.head(self.out(held).mean((2, 3)))  # type: ignore[no-any-return]


class Layers(nn.Module):
    """Linear layers on rows of a batch (MatMul) and on a batch (Gemm); widths that blocks do not
    fit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(80, 128)
        self.norm = nn.LayerNorm(128)
        self.second = nn.Linear(128, 96, bias=False)
        self.third = nn.Linear(96, 64)
        self.batch_norm = nn.BatchNorm1d(64)
        self.last = nn.Linear(64, 24)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        held = torch.nn.functional.gelu(self.norm(self.first(rows)))
        held = torch.relu(self.second(held)).mean(1)
        return self.last(torch.tanh(self.batch_norm(self.third(held))))  # type: ignore


class Recurrent(nn.Module):
    """An embedding, a bidirectional LSTM of two layers, a GRU and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(200, 32)
        self.lstm = nn.LSTM(32, 48, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(96, 32, batch_first=True)
        self.output = nn.Linear(32, 40)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        held, _ = self.lstm(self.embedding(tokens))
        held, _ = self.gru(held)
        return self.output(held)  # type: ignore[no-any-return]


class Only(nn.Module):
    """A transformers model that answers its first output."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(input_ids)
        held = self.model(input_ids, attention_mask=mask, return_dict=False)
        return held[0]  # type: ignore[no-any-return]


class Encoded(Only):
    """With all of an encoder's inputs: tables looked up at fixed places would be folded."""

    def forward(  # type: ignore[override]
        self, input_ids: torch.Tensor, token_type_ids: torch.Tensor, position_ids: torch.Tensor
    ) -> torch.Tensor:
        held = self.model(
            input_ids,
            attention_mask=torch.ones_like(input_ids),
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            return_dict=False,
        )
        return held[0]  # type: ignore[no-any-return]


def _bert() -> nn.Module:
    import transformers

    config: Any = transformers.BertConfig(
        vocab_size=220,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=128,
    )
    config._attn_implementation = "eager"
    return Encoded(transformers.BertForSequenceClassification(config))


def _llama() -> nn.Module:
    import transformers

    config: Any = transformers.LlamaConfig(
        vocab_size=220,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=160,
        max_position_embeddings=128,
        use_cache=False,
    )
    config._attn_implementation = "eager"
    return Only(transformers.LlamaForCausalLM(config))


TOKENS = (torch.arange(11)[None] * 17 % 200,)
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "cnn": (Convolutions, (torch.zeros(1, 3, 12, 12),)),
    "mlp": (Layers, (torch.zeros(1, 7, 80),)),
    "bert": (_bert, (*TOKENS, torch.arange(11)[None] % 2, torch.arange(11)[None])),
    "llama": (_llama, TOKENS),
    "lstm": (Recurrent, TOKENS),
}


def _source(name: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kind, arguments = SOURCES[name]
    return shake(kind(), sum(map(ord, name))), arguments


def _exported(
    name: str, model: nn.Module, arguments: tuple[torch.Tensor, ...], exporter: str
) -> Path | None:
    """The file a tool starts from, made once; ``None`` where the exporter cannot."""
    path = Path(tempfile.gettempdir()) / "wild-sources" / f"{name}-{exporter}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            export(model, arguments, exporter, path)
        except Exception:  # each exporter has kinds of its own
            path.unlink(missing_ok=True)
            return None
        held = onnx.load(path)
        if exporter == "torchscript":  # its shapes are others than inference finds in places
            del held.graph.value_info[:]
        onnx.save(held, path)
    return path


def _crossed(source: str, tools: Mapping[str, Tool], every: bool = False) -> Builder:
    """Every tool on what one exporter made, the exporters in turn; or on what each of them made."""

    def build(folder: Path) -> None:
        model, arguments = _source(source)
        tell(model, folder)
        found = {
            exporter: path
            for exporter in EXPORTERS
            if (path := _exported(source, model, arguments, exporter)) is not None
        }
        names = list(found)
        turn = sum(map(ord, folder.name))
        for number, (name, tool) in enumerate(tools.items()):
            for exporter in names if every else [names[(number + turn) % len(names)]]:
                _run(folder, f"{exporter}-{name}", found[exporter], tool)

    return build


def _run(folder: Path, variant: str, source: Path, tool: Tool) -> None:
    """Have the tool work in a folder of its own, then keep what it made."""

    def write(target: Path) -> None:
        place = target.resolve()
        with tempfile.TemporaryDirectory() as work, contextlib.chdir(work):
            made = Path(work) / "made.onnx"
            try:
                tool(source, made)
            except SystemExit as error:
                raise RuntimeError(f"exit {error.code}") from error
            held = onnx.load(made)  # with what lies outside of the file
        onnx.save(held, place)

    make(folder, variant, write)


# --- onnxruntime


class Rows:
    """A few random inputs, as onnxruntime's calibration wants them."""

    LIMITS = (200, 2, 100)  # of token, type and position

    def __init__(self, source: Path, count: int = 4) -> None:
        draw = np.random.default_rng(0)
        self.rows: list[dict[str, Any]] = [
            {
                value.name: self._drawn(draw, value.type.tensor_type, limit)
                for value, limit in zip(onnx.load(source).graph.input, self.LIMITS, strict=False)
            }
            for _ in range(count)
        ]
        self.rewind()

    @staticmethod
    def _drawn(draw: np.random.Generator, kind: Any, limit: int) -> Any:
        shape = [size.dim_value or 1 for size in kind.shape.dim]
        if kind.elem_type == onnx.TensorProto.FLOAT:
            return draw.standard_normal(shape).astype(np.float32)
        return draw.integers(0, limit, shape)

    def rewind(self) -> None:
        self.left: Iterator[dict[str, Any]] = iter(self.rows)

    def get_next(self) -> dict[str, Any] | None:
        return next(self.left, None)

    def get_first(self) -> dict[str, Any]:
        return self.rows[0]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def _quant_type(name: str) -> Any:
    from onnxruntime.quantization import QuantType

    return QuantType[name]


def _prepared(source: Path, target: Path, how: str) -> Path:
    """The source as an optimizer leaves it."""
    import onnxruntime as ort
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path = target.with_name("prepared.onnx")
    if how == "prep":
        quant_pre_process(str(source), str(path), skip_symbolic_shape=True)
        return path
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_ENABLE_{how}")
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return path


def _dynamic(weights: str = "QInt8", before: str = "", **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization import quantize_dynamic

        start = _prepared(source, target, before) if before else source
        quantize_dynamic(start, target, weight_type=_quant_type(weights), **options)

    return tool


def _static(
    form: str = "QDQ",
    activations: str = "QInt8",
    weights: str = "QInt8",
    before: str = "",
    method: str = "MinMax",
    **options: Any,
) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, quantize_static

        quantize_static(
            _prepared(source, target, before) if before else source,
            target,
            Rows(source),
            quant_format=QuantFormat[form],
            activation_type=_quant_type(activations),
            weight_type=_quant_type(weights),
            calibrate_method=CalibrationMethod[method],
            **options,
        )

    return tool


def _whole(**options: Any) -> Tool:
    """``get_qdq_config``: every operator."""

    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization import quantize
        from onnxruntime.quantization.quantize import get_qdq_config

        quantize(source, target, get_qdq_config(source, Rows(source), **options))

    return tool


def _qnn(
    activations: str, weights: str, prepared: bool = False, fuse: bool = False, **options: Any
) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization import quantize
        from onnxruntime.quantization.execution_providers.qnn import (
            get_qnn_qdq_config,
            qnn_preprocess_model,
        )

        start = source
        if prepared:
            path = target.with_name("prepared.onnx")
            if qnn_preprocess_model(str(source), str(path), fuse_layernorm=fuse):
                start = path
        config = get_qnn_qdq_config(
            start,
            Rows(source),
            activation_type=_quant_type(activations),
            weight_type=_quant_type(weights),
            **options,
        )
        quantize(start, target, config)

    return tool


def _blocks(algorithm: str = "", before: str = "", **options: Any) -> Tool:
    """``MatMulNBitsQuantizer``, with its own rounding or with an algorithm's."""

    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization import matmul_nbits_quantizer as kinds

        held = dict(options)
        if "quant_format" in held:
            held["quant_format"] = QuantFormat[held["quant_format"]]
        start = _prepared(source, target, before) if before else source
        general: Options = {}
        config = None
        if algorithm:
            if algorithm == "GPTQ":
                held["calibration_data_reader"] = Rows(source)
            for name in ("block_size", "is_symmetric", "bits"):
                if name in held and algorithm in ("RTN", "KQuant", "GPTQ"):
                    general[name] = held.pop(name)
            config = getattr(kinds, f"{algorithm}WeightOnlyQuantConfig")(**held)
            held = {}
        quantizer = kinds.MatMulNBitsQuantizer(
            str(start) if algorithm == "GPTQ" else onnx.load(start),
            algo_config=config,
            **general,
            **held,
        )
        quantizer.process()
        quantizer.model.save_model_to_file(str(target), False)

    return tool


def _bnb4(kind: str, block_size: int) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer

        number = getattr(MatMulBnb4Quantizer, kind)
        quantizer = MatMulBnb4Quantizer(onnx.load(source), number, block_size)
        quantizer.process()
        quantizer.model.save_model_to_file(str(target), False)

    return tool


# --- halves


def _half(**options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(source), **options), target)

    return tool


def _common_half(**options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from onnxconverter_common.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(source), **options), target)

    return tool


def _common_mixed(source: Path, target: Path) -> None:
    from onnxconverter_common.auto_mixed_precision import auto_convert_mixed_precision

    rows = Rows(source).get_first()
    held = auto_convert_mixed_precision(
        onnx.load(source), rows, rtol=0.05, atol=0.05, keep_io_types=True
    )
    onnx.save(held, target)


def _autocast(**options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from modelopt.onnx.autocast import (  # type: ignore[import-not-found]
            convert_to_mixed_precision,
        )

        onnx.save(convert_to_mixed_precision(str(source), **options), target)

    return tool


def _autocast_all(**options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from modelopt.onnx.autocast import convert_to_f16

        onnx.save(convert_to_f16(onnx.load(source), **options), target)

    return tool


# --- one tool after another


def _slim(source: Path, target: Path) -> None:
    import onnxslim

    onnxslim.slim(str(source), str(target))


def _simplified(source: Path, target: Path) -> None:
    import onnxsim

    held, sound = onnxsim.simplify(onnx.load(source))
    if not sound:
        raise ValueError("onnxsim says that its result differs")
    onnx.save(held, target)


def _optimized(level: str) -> Tool:
    def tool(source: Path, target: Path) -> None:
        _prepared(source, target, level).rename(target)

    return tool


def _fused(kind: str, half: bool = False) -> Tool:
    """``onnxruntime.transformers.optimizer``."""

    def tool(source: Path, target: Path) -> None:
        from onnxruntime.transformers import optimizer

        held = optimizer.optimize_model(
            str(source), model_type=kind, num_heads=4, hidden_size=64, opt_level=0
        )
        if half:
            held.convert_float_to_float16(keep_io_types=True)
        held.save_model_to_file(str(target))

    return tool


def _chain(*tools: Tool) -> Tool:
    def tool(source: Path, target: Path) -> None:
        start = source
        for number, step in enumerate(tools):
            with tempfile.TemporaryDirectory() as work:
                made = Path(work) / "made.onnx"
                step(start, made)
                held = onnx.load(made)
            start = target.with_name(f"step{number}.onnx")
            onnx.save(held, start)
        start.rename(target)

    return tool


# --- Olive


def _olive(kind: str, **options: Any) -> Tool:
    """One of Olive's passes, alone."""

    def tool(source: Path, target: Path) -> None:
        _olive_pass(kind, options, source, target)

    return tool


def _olive_pass(kind: str, options: Options, source: Path, target: Path) -> None:
    from olive.model import ONNXModelHandler  # type: ignore[import-not-found]
    from olive.package_config import OlivePackageConfig  # type: ignore[import-not-found]
    from olive.passes.olive_pass import create_pass_from_dict  # type: ignore[import-not-found]

    config = OlivePackageConfig.load_default_config()
    made = create_pass_from_dict(config.import_pass_module(kind), options, disable_search=True)
    result = made.run(ONNXModelHandler(str(source)), str(target.with_name("olive")))
    onnx.save(onnx.load(result.model_path), target)


def _olive_static(**options: Any) -> Tool:
    """Calibrated on inputs in files."""

    def tool(source: Path, target: Path) -> None:
        rows = Rows(source)
        first = rows.get_first()
        for number, row in enumerate(rows):
            for name, value in row.items():
                path = target.with_name("rows") / name / f"{number}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                value.tofile(path)
        data = {
            "name": "rows",
            "type": "RawDataContainer",
            "load_dataset_config": {
                "data_dir": str(target.with_name("rows")),
                "input_names": list(first),
                "input_shapes": [list(value.shape) for value in first.values()],
                "input_types": [str(value.dtype) for value in first.values()],
            },
        }
        held = {"data_config": data, **options}
        _olive_pass("OnnxStaticQuantization", held, source, target)

    return tool


# --- NVIDIA ModelOpt


def _gemms(source: Path) -> list[str]:
    """Names of Gemm: AWQ spoils those whose weight is transposed, so they stay as they are."""
    return [node.name for node in onnx.load(source).graph.node if node.op_type == "Gemm"]


def _modelopt(mode: str, method: str, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        from modelopt.onnx.quantization import quantize  # type: ignore[import-not-found]

        left = _gemms(source) if "awq" in method else None
        quantize(
            str(source),
            quantize_mode=mode,
            calibration_method=method,
            calibration_data=Rows(source).get_first(),
            calibration_eps=["cpu"],
            output_path=str(target),
            log_level="ERROR",
            nodes_to_exclude=left,
            **options,
        )

    return tool


def _modelopt_rows(method: str, **options: Any) -> Tool:
    """Weights of 4 bits, with rows to calibrate on."""

    def tool(source: Path, target: Path) -> None:
        from modelopt.onnx.quantization.int4 import quantize  # type: ignore[import-not-found]

        held = quantize(
            str(source),
            calibration_method=method,
            calibration_data_reader=Rows(source),
            calibration_eps=["cpu"],
            use_external_data_format=False,
            log_level="ERROR",
            nodes_to_exclude=_gemms(source),
            **options,
        )
        held.ir_version = max(held.ir_version, 10)  # the first with codes of 4 bits
        for entry in held.opset_import:
            if not entry.domain:
                entry.version = max(entry.version, 21)
        onnx.save(held, target)

    return tool


# --- brevitas


def _quantizer(name: str) -> Any:
    """A quantizer of brevitas by its class."""
    for kind in ("scaled_int", "shifted_scaled_int", "fixed_point", "ternary", "float"):
        module = importlib.import_module(f"brevitas.quant.{kind}")
        if hasattr(module, name):
            return getattr(module, name)
    return getattr(importlib.import_module("brevitas.quant.experimental.float_quant_ocp"), name)


def _brevitas_layers(weight: str, bits: int, act: str, bias: str) -> nn.Module:
    """Convolutions and linear layers of brevitas; no bits: as many as the quantizer says."""
    import brevitas.nn as qnn  # type: ignore[import-not-found]

    held: Options = {"weight_quant": _quantizer(weight)}
    if bits:
        held["weight_bit_width"] = bits
    if bias:
        held["bias_quant"] = _quantizer(bias)
    first: Any = _quantizer(act) if act else None

    class Quantized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = qnn.QuantConv2d(3, 32, 3, padding=1, input_quant=first, **held)
            self.bn = nn.BatchNorm2d(32)
            self.grouped = qnn.QuantConv2d(32, 48, 3, groups=4, input_quant=first, **held)
            self.up = qnn.QuantConvTranspose2d(48, 32, 2, stride=2, input_quant=first, **held)
            self.first = qnn.QuantLinear(32, 64, bias=True, input_quant=first, **held)
            self.last = qnn.QuantLinear(64, 40, bias=True, input_quant=first, **held)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            held = torch.relu(self.bn(self.stem(image)))
            held = torch.relu(self.up(torch.relu(self.grouped(held))))
            return self.last(torch.relu(self.first(held.mean((2, 3)))))  # type: ignore

    return Quantized()


def _brevitas_recurrent(bits: int) -> nn.Module:
    import brevitas.nn as qnn

    class Quantized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = qnn.QuantEmbedding(200, 32, weight_bit_width=bits)
            self.lstm = qnn.QuantLSTM(
                32,
                48,
                weight_bit_width=bits,
                bias_quant=None,
                io_quant=None,
                gate_acc_quant=None,
                sigmoid_quant=None,
                tanh_quant=None,
                cell_state_quant=None,
            )

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.lstm(self.embedding(tokens))[0]  # type: ignore[no-any-return]

    return Quantized()


def _brevitas(
    model: Callable[[], nn.Module], shape: tuple[int, ...] = (), **options: Any
) -> Builder:
    """A model of brevitas, calibrated on random rows, and its managers of export. No shape: rows
    are of tokens. An export leaves marks in a model, so each starts from one of its own.
    """

    def calibrated() -> tuple[nn.Module, torch.Tensor]:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        held = model()
        _shaken(held)
        row = torch.randn(shape) if shape else torch.arange(11)[:, None] * 17 % 200
        held.train()
        with torch.no_grad():  # activations' scales are learned from the first rows
            for _ in range(3):
                held(row)
            held.eval()
            held(row)
        return held, row

    def build(folder: Path) -> None:
        tell(calibrated()[0], folder)
        for name, more in (
            ("torchscript-qcdq", {"dynamo": False}),
            ("torchscript-qcdq-nodes", {"dynamo": False, "export_weight_q_node": True}),
            ("dynamo-qcdq", {"dynamo": True, "export_weight_q_node": True}),
            ("torchscript-qonnx", {"dynamo": False}),
            ("dynamo-qonnx", {"dynamo": True}),
        ):
            held, row = calibrated()
            _brevitas_export(held, row, folder, name, {**options, **more})

    return build


def _shaken(model: nn.Module) -> None:
    """Weights and biases drawn, but not the scales that are learned."""
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.rpartition(".")[2] in ("weight", "bias") and "quant" not in name:
                center = 1.0 if "bn." in name and name.endswith("weight") else 0.0
                parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.1 + center)


def _brevitas_export(
    model: nn.Module, row: torch.Tensor, folder: Path, name: str, options: Options
) -> None:
    def write(target: Path) -> None:
        from brevitas.export import export_onnx_qcdq, export_qonnx  # type: ignore[import-not-found]

        call = export_qonnx if "qonnx" in name else export_onnx_qcdq
        with torch.no_grad():
            call(model, args=(row,), export_path=str(target), **options)

    make(folder, name, write)


# --- the cases

DYNAMIC: dict[str, Tool] = {
    "qint8": _dynamic(),
    "quint8": _dynamic("QUInt8"),
    "per-channel": _dynamic(per_channel=True),
    "per-channel-quint8": _dynamic("QUInt8", per_channel=True),
    "reduce-range": _dynamic(reduce_range=True),
    "per-channel-reduce-range": _dynamic(per_channel=True, reduce_range=True),
    "asymmetric": _dynamic(extra_options={"WeightSymmetric": False}),
    "ort-extended-before": _dynamic(before="EXTENDED"),
    "prep-per-channel": _dynamic(before="prep", per_channel=True),
    "matmul-only": _dynamic(op_types_to_quantize=["MatMul", "Gemm"]),
}
QDQ: dict[str, Tool] = {
    "int8": _static(),
    "per-channel": _static(per_channel=True),
    "uint8": _static(activations="QUInt8", weights="QUInt8"),
    "u8s8-reduce-range": _static(activations="QUInt8", per_channel=True, reduce_range=True),
    "a16w8": _static(activations="QUInt16", per_channel=True),
    "a16w16": _static(activations="QInt16", weights="QInt16"),
    "a16w16-contrib": _static(
        activations="QUInt16", weights="QUInt16", extra_options={"UseQDQContribOps": True}
    ),
    "int4": _static(weights="QInt4", per_channel=True),
    "uint4": _static(weights="QUInt4"),
    "float8": _static(activations="QFLOAT8E4M3FN", weights="QFLOAT8E4M3FN", method="Distribution"),
    "asymmetric": _static(extra_options={"WeightSymmetric": False}),
    "no-bias": _static(extra_options={"QuantizeBias": False}),
    "dedicated-contrib": _static(
        extra_options={"DedicatedQDQPair": True, "UseQDQContribOps": True}
    ),
    "pair-on-weight": _static(per_channel=True, extra_options={"AddQDQPairToWeight": True}),
    "entropy": _static(method="Entropy", activations="QUInt8"),
    "prep": _static(before="prep", per_channel=True),
    "whole": _whole(),
    "whole-per-channel-symmetric": _whole(per_channel=True, weight_symmetric=True),
}
QOPERATOR: dict[str, Tool] = {
    "int8": _static("QOperator"),
    "uint8": _static("QOperator", "QUInt8", "QUInt8"),
    "u8s8": _static("QOperator", "QUInt8", "QInt8"),
    "per-channel": _static("QOperator", per_channel=True),
    "per-channel-reduce-range": _static(
        "QOperator", "QUInt8", "QInt8", per_channel=True, reduce_range=True
    ),
    "prep": _static("QOperator", "QUInt8", "QInt8", before="prep", per_channel=True),
}
QNN: dict[str, Tool] = {
    "a8w8": _qnn("QUInt8", "QUInt8"),
    "a16w8": _qnn("QUInt16", "QUInt8", prepared=True),
    "a16w8-per-channel": _qnn("QUInt16", "QInt8", per_channel=True),
    "a8w8-prepared": _qnn("QUInt8", "QUInt8", prepared=True, fuse=True),
    "a8s8-symmetric": _qnn("QUInt8", "QInt8", weight_symmetric=True),
    "a16w16": _qnn("QUInt16", "QInt16"),
    "a16w4": _qnn("QUInt16", "QInt4", per_channel=True),
}
BOTH_KINDS = ("MatMul", "Gather")
BLOCKS: dict[str, Tool] = {
    "4": _blocks(block_size=32),
    "4-symmetric": _blocks(block_size=16, is_symmetric=True),
    "4-128": _blocks(block_size=128),
    "4-level-4": _blocks(block_size=32, is_symmetric=True, accuracy_level=4),
    "4-qdq": _blocks(block_size=32, quant_format="QDQ"),
    "4-qdq-symmetric": _blocks(block_size=16, quant_format="QDQ", is_symmetric=True),
    "4-qdq-channels": _blocks(quant_format="QDQ", channel_wised_quantize=True, is_symmetric=True),
    "8": _blocks(block_size=32, bits=8),
    "8-symmetric": _blocks(block_size=64, bits=8, is_symmetric=True),
    "8-qdq": _blocks(block_size=32, bits=8, quant_format="QDQ"),
    "2": _blocks(block_size=32, bits=2),
    "2-symmetric": _blocks(block_size=16, bits=2, is_symmetric=True),
    "rtn": _blocks("RTN", block_size=16),
    "rtn-symmetric": _blocks("RTN", block_size=32, is_symmetric=True),
    "k-quant": _blocks("KQuant", block_size=16),
    "hqq": _blocks("HQQ", block_size=32),
    "hqq-8": _blocks("HQQ", block_size=32, bits=8),
    "gptq": _blocks("GPTQ", block_size=16),
    "gptq-ordered": _blocks("GPTQ", block_size=16, actorder=True, mse=True),
    "gather": _blocks(block_size=32, op_types_to_quantize=BOTH_KINDS),
    "gather-8": _blocks(block_size=32, bits=8, op_types_to_quantize=BOTH_KINDS),
    "ort-extended-before": _blocks(before="EXTENDED", block_size=32, is_symmetric=True),
}
WIDE_BLOCKS: dict[str, Tool] = {  # two blocks in every row: those algorithms want an even number
    **BLOCKS,
    "rtn": _blocks("RTN", block_size=64),
    "k-quant": _blocks("KQuant", block_size=64),
    "gptq": _blocks("GPTQ", block_size=64),
    "gptq-ordered": _blocks("GPTQ", block_size=64, actorder=True, mse=True),
}
BNB4: dict[str, Tool] = {
    "fp4": _bnb4("FP4", 64),
    "nf4": _bnb4("NF4", 64),
    "fp4-16": _bnb4("FP4", 16),
    "nf4-32": _bnb4("NF4", 32),
}
HALF: dict[str, Tool] = {
    "ort": _half(keep_io_types=True),
    "ort-blocked": _half(op_block_list=["MatMul", "Gather", "Conv"], keep_io_types=True),
    "ort-forced": _half(force_fp16_initializers=True),
    "common": _common_half(keep_io_types=True),
    "common-all": _common_half(),
    "common-mixed": _common_mixed,
    "autocast-fp16": _autocast(keep_io_types=True),
    "autocast-bf16": _autocast(low_precision_type="bf16", keep_io_types=True),
    "autocast-all-fp16": _autocast_all(low_precision_type="fp16"),
    "autocast-all-bf16": _autocast_all(low_precision_type="bf16"),
}
CHAINS: dict[str, Tool] = {
    "dynamic-onnxslim": _chain(_dynamic(), _slim),
    "dynamic-onnxsim": _chain(_dynamic(), _simplified),
    "dynamic-ort-extended": _chain(_dynamic(per_channel=True), _optimized("EXTENDED")),
    "qdq-onnxslim": _chain(_static(per_channel=True), _slim),
    "qdq-onnxsim": _chain(_static(), _simplified),
    "qdq-ort-extended": _chain(_static(activations="QUInt8"), _optimized("EXTENDED")),
    "qoperator-ort-all": _chain(_static("QOperator", "QUInt8", "QInt8"), _optimized("ALL")),
    "slim-dynamic": _chain(_slim, _dynamic("QUInt8")),
    "sim-qdq": _chain(_simplified, _static(per_channel=True)),
    "half-onnxslim": _chain(_half(keep_io_types=True), _slim),
    "half-ort-extended": _chain(_half(keep_io_types=True), _optimized("EXTENDED")),
    "blocks-onnxslim": _chain(_blocks(block_size=32), _slim),
    "blocks-half": _chain(_blocks(block_size=32), _half(keep_io_types=True)),
    "blocks-ort-extended": _chain(_blocks(block_size=32, bits=8), _optimized("EXTENDED")),
}
FUSED: dict[str, Tool] = {
    "dynamic": _chain(_fused("bert"), _dynamic(per_channel=True)),
    "half": _fused("bert", half=True),
    "blocks": _chain(_fused("bert"), _blocks(block_size=32)),
    "half-blocks": _chain(_fused("bert", half=True), _blocks(block_size=32, is_symmetric=True)),
}
MODELOPT: dict[str, Tool] = {
    "int8-max": _modelopt("int8", "max"),
    "int8-entropy": _modelopt("int8", "entropy"),
    "int8-fp32": _modelopt("int8", "max", high_precision_dtype="fp32"),
    "int8-bf16": _modelopt("int8", "max", high_precision_dtype="bf16"),
    "int8-simplified": _modelopt("int8", "entropy", simplify=True, high_precision_dtype="fp32"),
    "fp8-max": _modelopt("fp8", "max"),
    "fp8-entropy": _modelopt("fp8", "entropy", high_precision_dtype="fp32"),
    "int4-rtn-dq": _modelopt("int4", "rtn_dq", block_size=32),
    "int4-rtn": _modelopt("int4", "rtn", block_size=32),
    "int4-awq-lite": _modelopt("int4", "awq_lite", block_size=32),
    "int4-awq-clip": _modelopt("int4", "awq_clip", block_size=32),
    "int4-awq-lite-zero": _modelopt_rows("awq_lite", block_size=32, use_zero_point=True),
    "int4-awq-clip-rows": _modelopt_rows("awq_clip", block_size=32),
}
# Not OnnxHqqQuantization: its numbers do not lie as MatMulNBits reads them (0.13).
OLIVE: dict[str, Tool] = {
    "dynamic": _olive("OnnxDynamicQuantization"),
    "dynamic-uint8": _olive("OnnxDynamicQuantization", precision="uint8", per_channel=True),
    "static": _olive_static(),
    "static-a16w8": _olive_static(activation_type="uint16", precision="uint8"),
    "static-qoperator": _olive_static(
        quant_format="QOperator", activation_type="uint8", precision="uint8"
    ),
    "rtn": _olive("OnnxBlockWiseRtnQuantization", block_size=32),
    "rtn-8": _olive("OnnxBlockWiseRtnQuantization", block_size=32, bits=8),
    "rtn-asymmetric": _olive("OnnxBlockWiseRtnQuantization", block_size=16, is_symmetric=False),
    "k-quant": _olive("OnnxKQuantQuantization", block_size=32),
    "k-quant-8": _olive("OnnxKQuantQuantization", block_size=32, bits=8),
    "bnb4-nf4": _olive("OnnxBnb4Quantization", precision="nf4"),
    "bnb4-fp4": _olive("OnnxBnb4Quantization", precision="fp4"),
    "half": _olive("OnnxFloatToFloat16", keep_io_types=True),
    "mixed": _olive("OrtMixedPrecision"),
    "rtn-qdq": _chain(
        _olive("OnnxBlockWiseRtnQuantization", block_size=32), _olive("MatMulNBitsToQDQ")
    ),
    "rtn-qdq-int4": _chain(
        _olive("OnnxBlockWiseRtnQuantization", block_size=32),
        _olive("MatMulNBitsToQDQ", use_int4=True, add_zero_point=True),
    ),
    "peephole-rtn": _chain(
        _olive("OnnxPeepholeOptimizer"), _olive("OnnxBlockWiseRtnQuantization", block_size=32)
    ),
}


def _some(tools: Mapping[str, Tool], words: str) -> dict[str, Tool]:
    return {name: tools[name] for name in words.split()}


def _image_brevitas(weight: str, bits: int, act: str = "", bias: str = "") -> Builder:
    return _brevitas(lambda: _brevitas_layers(weight, bits, act, bias), (1, 3, 10, 10))


CASES: dict[str, Builder] = {
    "bert-dynamic": _crossed("bert", DYNAMIC),
    "cnn-qdq": _crossed("cnn", QDQ),
    "llama-blocks": _crossed("llama", BLOCKS),
    "mlp-dynamic": _crossed("mlp", DYNAMIC),
    "cnn-qoperator": _crossed("cnn", QOPERATOR),
    "mlp-blocks": _crossed("mlp", WIDE_BLOCKS),
    "lstm-dynamic": _crossed("lstm", DYNAMIC),
    "cnn-half": _crossed("cnn", HALF),
    "bert-qdq": _crossed("bert", QDQ),
    "cnn-qnn": _crossed("cnn", QNN),
    "llama-modelopt": _crossed("llama", MODELOPT, every=True),
    "cnn-modelopt": _crossed(
        "cnn",
        _some(MODELOPT, "int8-max int8-entropy int8-fp32 int8-bf16 int8-simplified fp8-max"),
    ),
    "bert-olive": _crossed("bert", OLIVE),
    "brevitas-int8": _image_brevitas("Int8WeightPerTensorFloat", 8),
    "brevitas-int4-channels": _image_brevitas("Int8WeightPerChannelFloat", 4),
    "brevitas-activations": _image_brevitas(
        "Int8WeightPerTensorFloat", 8, "Int8ActPerTensorFloat", "Int32Bias"
    ),
    "brevitas-fixed-point": _image_brevitas(
        "Int8WeightPerTensorFixedPoint", 8, "Int8ActPerTensorFixedPoint"
    ),
    "brevitas-shifted": _image_brevitas("ShiftedUint8WeightPerTensorFloat", 8),
    "brevitas-mse-6": _image_brevitas("Int8WeightPerChannelFloatMSE", 6),
    "brevitas-fixed-channels-2": _image_brevitas("Int8WeightPerChannelFixedPoint", 2),
    "brevitas-shifted-channels": _image_brevitas(
        "ShiftedUint8WeightPerChannelFloat", 8, "ShiftedUint8ActPerTensorFloat", "Int8Bias"
    ),
    "brevitas-lstm-8": _brevitas(lambda: _brevitas_recurrent(8), opset_version=17),
    "brevitas-lstm-4": _brevitas(lambda: _brevitas_recurrent(4), opset_version=17),
    "bert-chains": _crossed("bert", CHAINS),
    "cnn-chains": _crossed("cnn", CHAINS),
    "cnn-dynamic": _crossed("cnn", DYNAMIC),
    "mlp-qdq": _crossed("mlp", QDQ),
    "mlp-qoperator": _crossed("mlp", QOPERATOR),
    "bert-blocks": _crossed("bert", BLOCKS),
    "llama-dynamic": _crossed("llama", DYNAMIC),
    "llama-qdq": _crossed(
        "llama", _some(QDQ, "int8 per-channel a16w8 a16w16-contrib int4 asymmetric prep whole")
    ),
    "lstm-qdq": _crossed(
        "lstm", _some(QDQ, "per-channel a16w8 uint4 pair-on-weight no-bias prep whole")
    ),
    "bert-qoperator": _crossed("bert", QOPERATOR),
    "llama-bnb4": _crossed("llama", BNB4),
    "mlp-bnb4": _crossed("mlp", BNB4),
    "llama-half": _crossed("llama", HALF),
    "bert-half": _crossed("bert", HALF),
    "lstm-half": _crossed("lstm", HALF),
    "bert-qnn": _crossed("bert", QNN),
    "mlp-modelopt": _crossed("mlp", MODELOPT),
    "bert-modelopt": _crossed("bert", MODELOPT),
    "llama-olive": _crossed("llama", OLIVE),
    "cnn-olive": _crossed(
        "cnn", _some(OLIVE, "dynamic static static-a16w8 static-qoperator half mixed peephole-rtn")
    ),
    "mlp-olive": _crossed("mlp", OLIVE),
    "lstm-chains": _crossed("lstm", CHAINS),
    "llama-chains": _crossed("llama", CHAINS),
    "bert-fused": _crossed("bert", FUSED),
    "brevitas-decoupled-4": _image_brevitas("Int4WeightPerTensorFloatDecoupled", 0),
    "brevitas-norm-8": _image_brevitas("Int8WeightNormL2PerChannelFixedPoint", 0),
    "brevitas-hqo-4": _image_brevitas("Int8WeightPerTensorFloatHQO", 4),
    "brevitas-ternary": _image_brevitas("SignedTernaryWeightPerTensorConst", 0),
    "brevitas-float8": _image_brevitas("Fp8e4m3OCPWeightPerTensorFloat", 0),
    "brevitas-float8-channels": _image_brevitas("Fp8e4m3OCPWeightPerChannelFloat", 0),
}

OPENED: frozenset[str] = frozenset(list(CASES)[1::2])
