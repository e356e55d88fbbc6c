"""Quantizers, ways of writing codes and models that no earlier kind has, all of them held out.

What runs on onnxruntime's CPU provider is compared with the float model, and is not kept where its
outputs do not follow; what onnxruntime has no kernel for is asked of onnx's reference. Steps that
change weights on purpose are turned off: every weight is the checkpoint's, rounded.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from wild import quantizers as known
from wild.fresh_quantizers import _configured, _extra, _without
from wild.fresh_sources import _DECODER, _ENCODER, TOKENS, Seen, _hub
from wild.kept_quantizers import Coded, _axes, _transformers
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
from wild.unseen_quantizers import _answers, _raised, _saved
from wild.workshop import EXPORTERS, Builder, export, make, shake, tell

# --- source models


class Shuffled(nn.Module):
    """Channels shuffled between groups, pixels between channels and places, strided depth."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.branch = nn.Sequential(
            nn.Conv2d(32, 64, 1, groups=4, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 32, 1),
        )
        self.rise = nn.Conv2d(32, 72, 3, padding=1)
        self.up = nn.ConvTranspose2d(18, 30, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.last = nn.Conv2d(30, 26, 3, padding=1, bias=False)
        self.classifier = nn.Linear(26, 38)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.bn1(self.conv1(image)))
        held = torch.relu(held + self.branch(nn.functional.channel_shuffle(held, 4)))
        held = torch.relu(nn.functional.pixel_shuffle(self.rise(held), 2))
        held = torch.relu(self.last(torch.relu(self.up(held))))
        return self.classifier(held.mean((2, 3)))  # type: ignore[no-any-return]


class Paired(nn.Module):
    """A small network of halves: norms of groups, a time embedding, joined and upsampled maps."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(24, 48), nn.SiLU(), nn.Linear(48, 32))
        self.entry = nn.Conv2d(4, 32, 3, padding=1)
        self.norm1, self.conv1 = nn.GroupNorm(8, 32), nn.Conv2d(32, 32, 3, padding=1)
        self.down = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, 64), nn.Conv2d(64, 64, 3, padding=1, groups=2)
        self.up = nn.Conv2d(64, 32, 1, bias=False)
        self.skip = nn.Conv2d(64, 32, 1)
        self.out_norm, self.out = nn.GroupNorm(4, 32), nn.Conv2d(32, 6, 3, padding=1)

    def forward(self, image: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
        act = nn.functional.silu
        first = self.entry(image) + self.time(moment)[..., None, None]
        first = first + self.conv1(act(self.norm1(first)))
        held = self.conv2(act(self.norm2(self.down(first))))
        held = nn.functional.interpolate(self.up(held), scale_factor=2.0, mode="nearest")
        held = self.skip(torch.cat((held, first), 1))
        return self.out(act(self.out_norm(held)))  # type: ignore[no-any-return]


class Experts(nn.Module):
    """Stacked experts behind a gate, a table of tokens and a head tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(200, 64)
        self.gate = nn.Linear(64, 4, bias=False)
        self.w1 = nn.Parameter(torch.empty(4, 64, 96))
        self.w2 = nn.Parameter(torch.empty(4, 96, 64))
        self.shared = nn.Sequential(nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, 64))
        self.ln_f = nn.LayerNorm(64)
        self.lm_head = nn.Linear(64, 200, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        held = self.wte(input_ids)
        share = torch.softmax(self.gate(held), -1).unsqueeze(-1)
        wide = nn.functional.silu(held.unsqueeze(2).transpose(1, 2) @ self.w1)
        mixed = ((wide @ self.w2).transpose(1, 2) * share).sum(2)
        return self.lm_head(self.ln_f(held + mixed + self.shared(held)))  # type: ignore


class Speaker(nn.Module):
    """Dilated convolutions of one axis, an LSTM, a GRU and pooling by attention."""

    def __init__(self) -> None:
        super().__init__()
        self.frame1 = nn.Conv1d(12, 40, 5, padding=2)
        self.frame2 = nn.Conv1d(40, 40, 3, padding=2, dilation=2, bias=False)
        self.bn = nn.BatchNorm1d(40)
        self.lstm = nn.LSTM(40, 36, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(72, 28, batch_first=True, bias=False)
        self.attend = nn.Linear(28, 1)
        self.embed, self.score = nn.Linear(28, 48), nn.Linear(48, 30, bias=False)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.bn(self.frame2(torch.relu(self.frame1(wave)))))
        held, _ = self.lstm(held.transpose(1, 2))
        held, _ = self.gru(held)
        pooled = (torch.softmax(self.attend(held), 1) * held).sum(1)
        return self.score(torch.relu(self.embed(pooled)))  # type: ignore[no-any-return]


class Plain(nn.Module):
    """Layers on a batch of rows: what small quantizers take."""

    def __init__(self) -> None:
        super().__init__()
        self.l1, self.l2 = nn.Linear(96, 128), nn.Linear(128, 64, bias=False)
        self.norm, self.l3 = nn.LayerNorm(64), nn.Linear(64, 160)
        self.l4 = nn.Linear(160, 32)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        held = self.norm(self.l2(torch.relu(self.l1(rows))))
        return self.l4(nn.functional.gelu(self.l3(held)))  # type: ignore[no-any-return]


def _text(kind: str, task: str = "ForCausalLM", **sizes: Any) -> Callable[[], nn.Module]:
    base = _DECODER if task == "ForCausalLM" else _ENCODER
    return lambda: _hub(kind + task, f"{kind}Config", Only, **{**base, **sizes})


def _seen(kind: str, task: str = "ForImageClassification", **sizes: Any) -> Any:
    return lambda: _hub(kind + task, f"{kind}Config", Seen, num_labels=30, **sizes)


_SIZED: Options = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_DISTIL: Options = {"vocab_size": 220, "dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 160}
_BLOOM: Options = {"vocab_size": 220, "hidden_size": 64, "n_layer": 2, "n_head": 4}
_HEARD: Options = {"num_mel_bins": 16, "max_source_positions": 20, "d_model": 64}
_HEARD |= {"encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 128}
_HEARD |= {"classifier_proj_size": 48, "decoder_layers": 1, "num_labels": 30}
_RES: Options = {"embedding_size": 16, "hidden_sizes": [48, 96], "depths": [1, 2]}
_DEPTH: Options = {"depths": [1, 1], "num_encoder_blocks": 2, "sr_ratios": [2, 1]}
_DEPTH |= {"hidden_sizes": [32, 64], "num_attention_heads": [2, 4], "decoder_hidden_size": 32}
_DEPTH |= {"patch_sizes": [3, 3], "strides": [2, 2], "mlp_ratios": [2, 2]}
IMAGE = (torch.zeros(1, 3, 16, 16),)
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "shuffled": (Shuffled, IMAGE),
    "paired": (Paired, (torch.zeros(1, 4, 8, 8), torch.zeros(1, 24))),
    "experts": (Experts, TOKENS),
    "speaker": (Speaker, (torch.zeros(1, 12, 18),)),
    "plain": (Plain, (torch.zeros(3, 96),)),
    "resnet": (_seen("ResNet", **_RES), (torch.zeros(1, 3, 32, 32),)),
    "segformer": (_seen("Segformer", **_DEPTH), IMAGE),
    "beit": (_seen("Beit", **_SIZED, intermediate_size=128, image_size=16, patch_size=4), IMAGE),
    "distil": (_text("DistilBert", "ForMaskedLM", **_DISTIL), TOKENS),
    "mpnet": (_text("MPNet", "ForMaskedLM"), TOKENS),
    "opt": (_text("OPT", ffn_dim=160, word_embed_proj_dim=64), TOKENS),
    "bloom": (_text("Bloom", **_BLOOM), TOKENS),
    "stable": (_text("StableLm", hidden_size=128, intermediate_size=192), TOKENS),
    "granite": (_text("Granite", hidden_size=128, intermediate_size=320), TOKENS),
    "glm": (_text("Glm", head_dim=16, pad_token_id=0), TOKENS),
    "whisper": (
        lambda: _hub("WhisperForAudioClassification", "WhisperConfig", Seen, **_HEARD),
        (torch.zeros(1, 16, 40),),
    ),
}


def _drawn(source: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.set_num_threads(1)
    torch.manual_seed(6)
    kind, arguments = SOURCES[source]
    return shake(kind(), 9000 + sum(map(ord, source))), arguments


def _asked(path: Path, row: Mapping[str, Any]) -> Any:
    """A file's first output by onnxruntime, by QONNX where its operators are in the file, or by
    onnx's reference where onnxruntime has no kernel.
    """
    held = onnx.load(path)
    feeds = dict(zip((value.name for value in held.graph.input), row.values(), strict=True))
    if any("qonnx" in node.domain for node in held.graph.node):
        wrapped = _of("qonnx.core.modelwrapper.ModelWrapper")(held)
        run: Any = _of("qonnx.core.onnx_exec.execute_onnx")
        return next(iter(run(wrapped, feeds).values())).astype(np.float64).ravel()
    if any(node.domain == "mct_quantizers" for node in held.graph.node):
        import onnxruntime as ort

        options: Any = _of("mct_quantizers.get_ort_session_options")()
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return session.run(None, feeds)[0].astype(np.float64).ravel()
    try:
        return _answers(path, feeds)
    except Exception as error:  # onnxruntime's kinds are not importable by name
        words = ("NOT_IMPLEMENTED", "Could not find an implementation", "not supported")
        if type(error).__name__ != "NotImplemented" and not any(w in str(error) for w in words):
            raise
    from onnx.reference import ReferenceEvaluator

    found: Any = ReferenceEvaluator(held).run(None, feeds)
    return found[0].astype(np.float64).ravel()


def _followed(tool: Tool, least: float) -> Tool:
    """The tool, and an error where its outputs do not follow those of its source."""

    def checked(source: Path, target: Path) -> None:
        tool(source, target)
        if any(node.op_type == "NhwcConv" for node in onnx.load(target).graph.node):
            return  # only for CUDA
        row = Rows(source).get_first()
        found = float(np.corrcoef(_asked(target, row), _answers(source, row))[0, 1])
        if not found >= least:
            raise ValueError(f"outputs do not follow the float model: {found:.3f}")

    return checked


def _crossed(
    source: str, tools: Mapping[str, Tool], least: float = 0.97, opset: int = 0
) -> Builder:
    """Every tool on what one exporter made, the exporters in turn; opset: only the older one, and
    as an old version of the operators.
    """

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        if opset:
            old = folder.resolve() / "old.onnx"
            with torch.no_grad():
                torch.onnx.export(model, arguments, str(old), dynamo=False, opset_version=opset)
            found = [("torchscript", old)]
        else:
            place = partial(known._exported, f"later-{source}", model, arguments)
            found = [(each, path) for each in EXPORTERS if (path := place(each)) is not None]
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[(number + len(folder.name)) % len(found)]
            known._run(folder, f"{exporter}-{name}", path, _followed(tool, least))
        if opset:
            found[0][1].unlink()

    return build


def _without_vision() -> None:
    """A stand-in for torchvision, which some tools import and do not need."""
    importlib.import_module("transformers")
    for name in ("", ".transforms", ".transforms.transforms", ".models", ".ops", ".datasets"):
        title = f"torchvision{name}"
        sys.modules.setdefault(title, MagicMock(__spec__=ModuleSpec(title, None), __path__=[]))


def _of(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


# --- optimum


def _optimum(machine: str, **options: Any) -> Tool:
    """``ORTQuantizer`` with the settings for a kind of machine; ranges for those that are static
    are of onnxruntime's calibration.
    """

    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("optimum.onnxruntime")
        settings: Any = importlib.import_module("optimum.onnxruntime.configuration")
        chosen = getattr(settings.AutoQuantizationConfig, machine)(**options)
        ranges = None
        if chosen.is_static:
            calibrate: Any = importlib.import_module("onnxruntime.quantization.calibrate")
            reader = calibrate.create_calibrator(
                str(source), augmented_model_path=str(target.with_name("augmented.onnx"))
            )
            reader.collect_data(Rows(source))
            ranges = reader.compute_data()
        made = library.ORTQuantizer(source).quantize(
            chosen, target.with_name("optimum"), calibration_tensors_range=ranges
        )
        onnx.save(onnx.load(next(Path(made).glob("*.onnx"))), target)

    return tool


def _optimum_level(level: str, config: str, **sizes: Any) -> Tool:
    """``ORTOptimizer`` at a level; the last one halves too."""

    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("optimum.onnxruntime")
        settings: Any = importlib.import_module("optimum.onnxruntime.configuration")
        kind: Any = getattr(importlib.import_module("transformers"), config)
        chosen = getattr(settings.AutoOptimizationConfig, level)(for_gpu=False)
        place = target.with_name("optimum")
        library.ORTOptimizer([source], kind(**sizes)).optimize(chosen, place)
        onnx.save(onnx.load(next(place.glob("*.onnx"))), target)

    return tool


# --- small tools for ONNX files


def _functions(algorithm: Options | None = None, **options: Any) -> Tool:
    """onnx-quantize: every layer is a call of a function that the file itself defines."""

    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("onnx_quantize")
        given = dict(options)
        if algorithm is not None:
            given["algorithm"] = library.GPTQConfig(**algorithm)
        if given.get("is_static", True) or algorithm is not None:
            given["calibration_data"] = next(iter(Rows(source).get_first().values()))
        onnx.save(library.quantize(onnx.load(source), library.QConfig(**given)), target)

    return tool


def _shrunk(**options: Any) -> Tool:
    """onnx-shrink-ray: codes cast, multiplied and moved."""
    return _saved(
        lambda held: _of("onnx_shrink_ray.shrink.quantize_weights")(
            held, min_elements=200, **options
        )
    )


def _ppq(platform: str, writer: str, **options: Any) -> Tool:
    """PPQ in Espressif's version: a platform's rules, and a format's writer."""

    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("esp_ppq.api")
        kinds: Any = importlib.import_module("esp_ppq.core").TargetPlatform
        rows = [
            [torch.from_numpy(value.copy()) for value in row.values()] for row in Rows(source, 8)
        ]
        setting = library.QuantizationSettingFactory.default_setting()
        for name, value in options.items():
            setattr(setting, name, value)
        held = library.quantize_onnx_model(
            str(source),
            rows,
            calib_steps=8,
            input_shape=None,
            inputs=rows[0],
            platform=kinds[platform],
            setting=setting,
            collate_fn=lambda each: each,
            device="cpu",
        )
        library.export_ppq_graph(
            held, kinds[writer], str(target), str(target.with_name("settings.json"))
        )

    return tool


def _xslim(level: int, method: str = "default", **options: Any) -> Tool:
    """SpacemiT's tool: static, dynamic or halved; nothing is tuned or made equal."""

    def tool(source: Path, target: Path) -> None:
        _without_vision()
        library: Any = importlib.import_module("xslim")
        inputs = []
        for name, value in Rows(source).get_first().items():
            listed = target.with_name(f"rows-{name}.txt")
            paths = []
            for number, row in enumerate(Rows(source, 12)):
                paths.append(str(target.with_name(f"row-{name}-{number}.npy")))
                np.save(paths[-1], row[name])
            listed.write_text("\n".join(paths) + "\n")
            inputs.append(
                {
                    "input_name": name,
                    "input_shape": list(value.shape),
                    "file_type": "npy",
                    "dtype": str(value.dtype),
                    "data_list_path": str(listed),
                }
            )
        settings = {
            "model_parameters": {"working_dir": str(target.parent)},
            "calibration_parameters": {
                "calibration_step": 10,
                "calibration_type": method,
                "input_parameters": inputs,
            },
            "quantization_parameters": {
                "precision_level": level,
                "finetune_level": 0,
                "analysis_enable": False,
                **options,
            },
        }
        onnx.save(library.quantize_onnx_model(settings, onnx.load(source)), target)

    return tool


# --- QONNX


def _qonnx(*steps: Callable[[Any], Any]) -> Tool:
    """Clean a file up as QONNX wants it, then its transformations in turn."""

    def tool(source: Path, target: Path) -> None:
        clean: Any = _of("qonnx.util.cleanup.cleanup_model")
        held = clean(_of("qonnx.core.modelwrapper.ModelWrapper")(str(source)))
        for step in steps:
            held = step(held)
        held.save(str(target))

    return tool


def _step(path: str, *words: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda held: held.transform(_of(f"qonnx.transformation.{path}")(*words, **options))


def _fixed(kind: str, rounding: str = "ROUND") -> Callable[[Any], Any]:
    return _step(
        "fixedpt_quantize.FixedPointQuantizeParams",
        kind,
        op_filter=lambda node: node.op_type in ("Conv", "MatMul", "Gemm", "ConvTranspose"),
        rounding_mode=rounding,
    )


def _marked(bits: int) -> Callable[[Any], Any]:
    """A Quant node for each weight of a convolution or a matrix."""

    def step(held: Any) -> Any:
        every = {}
        for node in held.graph.node:
            if node.op_type in ("Conv", "MatMul", "Gemm") and len(node.input) > 1:
                weight = held.get_initializer(node.input[1])
                if weight is not None:
                    scale = float(np.abs(weight).max() / (2 ** (bits - 1) - 1))
                    every[node.name] = [(("input", 1), (scale, 0, bits, 1, 1, "ROUND"))]
        return _step("quantize_graph.QuantizeGraph", {"name": every})(held)

    return step


# --- codes by hand, and the operators that make weights of them


class Written:
    """Nodes and tensors to put before a graph's own, under names that start alike."""

    def __init__(self, title: str, style: str) -> None:
        self.title, self.style = title, style
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self.sparse: list[Any] = []

    def hold(self, word: str, values: Any) -> str:
        name = self.style.format(self.title, word)
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def run(self, kind: str, given: list[str], **options: Any) -> str:
        out = f"{self.title}_{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, given, [out], **options))
        return out

    def to_float(self, name: str) -> str:
        return self.run("Cast", [name], to=TensorProto.FLOAT)

    def shaped(self, name: str, shape: tuple[int, ...]) -> str:
        return self.run("Reshape", [name, self.hold("shape", np.array(shape, np.int64))])


Form = Callable[[Written, Any, int, int], str]  # weight, axes of outputs and inputs -> its name


def _put(form: Form, style: str = "{}_{}", opset: int = 21, constants: bool = False) -> Tool:
    """Every weight of more than one axis as a form makes it; constants: in nodes of the graph."""

    def tool(source: Path, target: Path) -> None:
        held = onnx.version_converter.convert_version(onnx.load(source), opset)
        graph = held.graph
        values = {each.name: each for each in graph.initializer}
        made: dict[str, str] = {}
        first: list[Any] = []
        for node in graph.node:
            kinds = ("Conv", "ConvTranspose", "MatMul", "Gemm", "Gather")
            for used in node.input if node.op_type in kinds else ():
                weight = numpy_helper.to_array(values[used]) if used in values else None
                if weight is None or weight.ndim < 2 or weight.dtype != np.float32:
                    continue
                if used not in made:
                    outputs, inputs = _axes(node, weight.shape)
                    written = Written(used, style)
                    made[used] = form(written, weight, outputs, inputs)
                    graph.initializer.remove(values[used])
                    graph.sparse_initializer.extend(written.sparse)
                    if constants:
                        first += [
                            helper.make_node("Constant", [], [each.name], value=each)
                            for each in written.tensors
                        ]
                    else:
                        graph.initializer.extend(written.tensors)
                    first += written.nodes
        for node in graph.node:
            for place, used in enumerate(node.input):
                node.input[place] = made.get(used, used)
        nodes = [*first, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        held.ir_version = max(held.ir_version, 10)
        onnx.save(held, target)

    return tool


def _wide(part: Any, ndim: int, axis: int) -> Any:
    return np.reshape(part, [-1 if at == axis else 1 for at in range(ndim)]).astype(np.float32)


def _rows(weight: Any, axis: int) -> Any:
    """A row for each output."""
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)


def _palette(bits: int) -> Form:
    """One table for a weight, and the place in it of every value: as Core ML palettizes."""

    def form(written: Written, weight: Any, outputs: int, inputs: int) -> str:
        flat = np.sort(weight.ravel())
        table = np.array([part.mean() for part in np.array_split(flat, 2**bits)])
        for _ in range(12):
            near = np.abs(weight.reshape(-1, 1) - table).argmin(1)
            for at in range(len(table)):
                if (near == at).any():
                    table[at] = weight.ravel()[near == at].mean()
        codes = np.abs(weight[..., None] - table).argmin(-1).astype(np.uint8)
        places = written.run("Cast", [written.hold("indices", codes)], to=TensorProto.INT32)
        return written.run("Gather", [written.hold("lut", table.astype(np.float32)), places])

    return form


def _tables(bits: int) -> Form:
    """A table for every output, as lookups by channel have it."""

    def form(written: Written, weight: Any, outputs: int, inputs: int) -> str:
        rows = _rows(weight, outputs)
        low, high = rows.min(1, keepdims=True), rows.max(1, keepdims=True)
        tables = low + (high - low) * np.linspace(0, 1, 2**bits)
        codes = np.abs(rows[..., None] - tables[:, None]).argmin(-1).astype(np.uint8)
        places = written.run("Cast", [written.hold("codes", codes)], to=TensorProto.INT64)
        table = written.hold("codebook", tables.astype(np.float32))
        found = written.run("GatherElements", [table, places], axis=1)
        moved = np.moveaxis(weight, outputs, 0).shape
        whole = written.shaped(found, moved)
        return whole if outputs == 0 else _moved(written, whole, weight.ndim, outputs)

    return form


def _moved(written: Written, name: str, ndim: int, axis: int) -> str:
    """The first axis moved to its place."""
    order = list(range(1, ndim))
    order.insert(axis, 0)
    return written.run("Transpose", [name], perm=order)


def _nibbles(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Two codes a byte, taken apart in the graph by masks and shifts."""
    coded = Coded(weight.astype(np.float64), 4, outputs, True, 0)
    flat = coded.codes.astype(np.uint8).ravel()
    flat = np.append(flat, np.zeros(flat.size % 2, np.uint8)).reshape(-1, 2)
    packed = written.hold("packed", flat[:, :1] | flat[:, 1:] << 4)
    low = written.run("BitwiseAnd", [packed, written.hold("mask", np.array([15], np.uint8))])
    four = written.hold("four", np.array([4], np.uint8))
    high = written.run("BitShift", [packed, four], direction="RIGHT")
    pairs = written.run("Concat", [low, high], axis=1)
    if weight.size % 2:
        raise ValueError("an odd number of codes")
    codes = written.to_float(written.shaped(pairs, weight.shape))
    zero = written.hold("zeros", coded.points.astype(np.float32))
    scale = written.hold("scales", coded.scale.astype(np.float32))
    return written.run("Mul", [written.run("Sub", [codes, zero]), scale])


def _signs(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """One bit a value, eight a byte: the sign, and each output's mean magnitude."""
    scale = _wide(np.abs(_rows(weight, outputs)).mean(1), weight.ndim, outputs)
    bits = np.packbits((weight >= 0).ravel(), bitorder="little").reshape(-1, 1)
    shifts = written.hold("places", np.arange(8, dtype=np.uint8)[None])
    moved = written.run("BitShift", [written.hold("bits", bits), shifts], direction="RIGHT")
    ones = written.run("BitwiseAnd", [moved, written.hold("one", np.array([1], np.uint8))])
    if weight.size % 8:
        raise ValueError("bits do not fill the last byte")
    held = written.to_float(written.shaped(ones, weight.shape))
    held = written.run("Mul", [held, written.hold("two", np.array(2, np.float32))])
    held = written.run("Sub", [held, written.hold("offset", np.array(1, np.float32))])
    return written.run("Mul", [held, written.hold("alpha", scale)])


def _thirds(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Three values an output: none below a part of the mean, and the mean of the others."""
    rows = np.abs(_rows(weight, outputs))
    kept = rows > 0.7 * rows.mean(1, keepdims=True)
    scale = _wide((rows * kept).sum(1) / kept.sum(1), weight.ndim, outputs)
    over = 0.7 * _wide(rows.mean(1), weight.ndim, outputs)
    codes = (np.sign(weight) * (np.abs(weight) > over)).astype(np.int8)
    held = written.to_float(written.hold("ternary", codes))
    return written.run("Mul", [held, written.hold("alpha", scale)])


def _powers(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """A sign and an exponent: every weight is a power of two."""
    powers = np.clip(np.round(np.log2(np.abs(weight) + 1e-9)), -20, 7).astype(np.int8)
    sign = written.to_float(written.hold("sign", np.where(weight < 0, -1, 1).astype(np.int8)))
    base = written.hold("base", np.array(2, np.float32))
    power = written.run("Pow", [base, written.to_float(written.hold("exponent", powers))])
    return written.run("Mul", [sign, power])


def _stored_as(kind: Any, scaled: bool = False) -> Form:
    """Numbers of another type and a cast; scaled: with a scale an output too."""

    def form(written: Written, weight: Any, outputs: int, inputs: int) -> str:
        if not scaled:
            return written.to_float(written.hold("raw", weight.astype(kind)))
        finest: Any = ml_dtypes.finfo
        top = float(finest(kind).max)
        scale = _wide(np.abs(_rows(weight, outputs)).max(1) / top, weight.ndim, outputs)
        held = written.to_float(written.hold("raw", (weight / scale).astype(kind)))
        return written.run("Mul", [held, written.hold("scale", scale)])

    return form


def _nested(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 8 bits, whose scales are codes of 8 bits themselves."""
    coded = Coded(weight.astype(np.float64), 8, outputs, False, 0)
    whole = np.array(coded.scale.max() / 255, np.float32)
    inner = np.clip(np.ceil(coded.scale / whole), 1, 255)
    codes = np.clip(np.round(weight / (inner * whole)), -127, 127).astype(np.int8)
    scale = written.run(
        "DequantizeLinear",
        [written.hold("scale_codes", inner.astype(np.uint8)), written.hold("scale_scale", whole)],
    )
    return written.run("Mul", [written.to_float(written.hold("codes", codes)), scale])


def _two_steps(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 4 bits and codes of what those leave, added: residual quantization."""
    parts, rest = [], weight.astype(np.float64)
    for word in ("coarse", "fine"):
        coded = Coded(rest, 4, outputs, False, 0)
        rest = rest - coded.codes * coded.scale
        held = written.to_float(written.hold(word, coded.codes.astype(np.int8)))
        scale = written.hold(f"{word}_scale", coded.scale.astype(np.float32))
        parts.append(written.run("Mul", [held, scale]))
    return written.run("Add", parts)


def _divided(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes divided by the inverse of a scale, as some runtimes keep it."""
    coded = Coded(weight.astype(np.float64), 8, outputs, False, 0)
    held = written.to_float(written.hold("int8", coded.codes.astype(np.int8)))
    return written.run("Div", [held, written.hold("iscale", (1 / coded.scale).astype(np.float32))])


def _shares(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Two halves of the outputs, each with a scale of its own, joined in the graph."""
    parts = []
    for number, part in enumerate(np.array_split(weight, 2, outputs)):
        coded = Coded(part.astype(np.float64), 8, None, True, 0)
        given = [
            written.hold(f"part{number}", coded.codes.astype(np.uint8)),
            written.hold(f"scale{number}", coded.scale.reshape(()).astype(np.float32)),
            written.hold(f"zero{number}", coded.points.reshape(()).astype(np.uint8)),
        ]
        parts.append(written.run("DequantizeLinear", given))
    return written.run("Concat", parts, axis=outputs)


def _through_half(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes with scales in half precision, and a cast of what they make."""
    coded = Coded(weight.astype(np.float64), 8, outputs, False, 0)
    codes, scale, _ = coded.parts()
    given = [
        written.hold("q", codes.astype(np.int8)),
        written.hold("s", np.asarray(scale, np.float16)),
    ]
    return written.to_float(written.run("DequantizeLinear", given, axis=outputs))


def _wide_codes(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 8 bits kept as integers of 32 bits, moved by a zero point before the scale."""
    coded = Coded(weight.astype(np.float64), 8, None, True, 0)
    zero = written.hold("zero_point", coded.points.reshape(()).astype(np.int32))
    moved = written.run("Sub", [written.hold("qint", coded.codes.astype(np.int32)), zero])
    scale = written.hold("qscale", coded.scale.reshape(()).astype(np.float32))
    return written.run("Mul", [written.to_float(moved), scale])


def _microscaled(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Floats of 4 bits in blocks of 32 whose scale is a power of two."""
    if weight.ndim != 2 or weight.shape[inputs] % 32:
        return written.hold("kept", weight)
    rows = np.moveaxis(weight, inputs, -1)
    blocks = np.abs(rows.reshape(rows.shape[0], -1, 32)).max(-1)
    scale = 2.0 ** np.ceil(np.log2(blocks / 6))
    codes = (rows / scale.repeat(32, -1)).astype(ml_dtypes.float4_e2m1fn)
    given = [
        written.hold("mx", np.moveaxis(codes, -1, inputs)),
        written.hold("mx_scale", np.moveaxis(scale, -1, inputs).astype(np.float32)),
    ]
    return written.run("DequantizeLinear", given, axis=inputs, block_size=32)


def _sparse(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """What is not zero, and where: the file's own sparse tensors."""
    name = written.style.format(written.title, "sparse")
    flat = weight.ravel()
    places = np.flatnonzero(flat)
    values = numpy_helper.from_array(flat[places], name)
    indices = numpy_helper.from_array(places.astype(np.int64), f"{name}_indices")
    written.sparse.append(helper.make_sparse_tensor(values, indices, list(weight.shape)))
    return name


def _scattered(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """What is not zero put into zeros by its place."""
    flat = weight.ravel()
    places = np.flatnonzero(flat)
    size = written.hold("size", np.array([flat.size], np.int64))
    zero = numpy_helper.from_array(np.zeros(1, np.float32))
    zeros = written.run("ConstantOfShape", [size], value=zero)
    given = [zeros, written.hold("places", places), written.hold("values", flat[places])]
    return written.shaped(written.run("ScatterElements", given, axis=0), weight.shape)


def _halved_by_two(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Two of every four values, as codes, and the places of those two in their four."""
    flat = weight.ravel()
    if flat.size % 4:
        return written.hold("dense", weight)
    fours = flat.reshape(-1, 4)
    places = np.sort(np.argsort(-np.abs(fours), 1, kind="stable")[:, :2], 1)
    kept = np.take_along_axis(fours, places, 1)
    scale = np.abs(kept).max() / 127
    codes = np.round(kept / scale).astype(np.int8)
    held = written.run(
        "DequantizeLinear",
        [written.hold("kept", codes), written.hold("kept_scale", np.array(scale, np.float32))],
    )
    meta = written.run(
        "Cast", [written.hold("meta", places.astype(np.uint8))], to=TensorProto.INT64
    )
    zeros = written.run(
        "ConstantOfShape",
        [written.hold("fours", np.array(fours.shape, np.int64))],
        value=numpy_helper.from_array(np.zeros(1, np.float32)),
    )
    return written.shaped(written.run("ScatterElements", [zeros, meta, held], axis=1), weight.shape)


# --- modules that are quantized, halved or packed before their export

Change = Callable[[nn.Module, tuple[torch.Tensor, ...]], Any]  # answers the module to export


def _exported_as(source: str, exporter: str, change: Change, **options: Any) -> Any:
    def write(target: Path) -> None:
        model, arguments = _drawn(source)
        held = change(model, arguments)
        export(held, arguments, exporter, target, **options)

    return write


def _modules(
    source: str, writers: Mapping[str, Callable[[Path], None]], least: float = 0.97
) -> Builder:
    """Each writer's artifact, held against the float module."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        place = partial(known._exported, f"later-{source}", model, arguments)
        plain = place("torchscript") or place("dynamo")
        if plain is None:
            raise RuntimeError("no float model to compare with")

        def checked(write: Callable[[Path], None], target: Path) -> None:
            write(target)
            first = Rows(plain).get_first()
            names = [value.name for value in onnx.load(target).graph.input]
            row = dict(zip(names, first.values(), strict=True))
            found = float(np.corrcoef(_asked(target, row), _answers(plain, first))[0, 1])
            if not found >= least:
                raise ValueError(f"outputs do not follow the float model: {found:.3f}")

        for name, write in writers.items():
            make(folder, name, partial(checked, write))

    return build


class Cast(nn.Module):
    """A module of narrower numbers, with floats outside."""

    def __init__(self, held: nn.Module, kind: torch.dtype) -> None:
        super().__init__()
        self.held, self.kind = held.to(kind), kind

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        inside = [value.to(self.kind) if value.is_floating_point() else value for value in given]
        return self.held(*inside).float()  # type: ignore[no-any-return]


class Mixed(nn.Module):
    """A module of floats that computes in narrower numbers where torch deems it safe."""

    def __init__(self, held: nn.Module, kind: torch.dtype) -> None:
        super().__init__()
        self.held, self.kind = held, kind

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", self.kind):
            return self.held(*given).float()  # type: ignore[no-any-return]


def _cast(kind: torch.dtype) -> Change:
    return lambda model, arguments: Cast(model, kind)


def _mixed(kind: torch.dtype) -> Change:
    return lambda model, arguments: Mixed(model, kind)


# What a weight is at run time, of the parameter: as papers have it.


def _channels(weight: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return values.reshape(-1, *[1] * (weight.dim() - 1))


def _per_channel(weight: torch.Tensor) -> torch.Tensor:
    """pytorch-quantization's tensor quantizer, whose bounds are in the graph."""
    scale = weight.detach().abs().flatten(1).amax(1) / 127
    zeros = torch.zeros(len(scale), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -128, 127)


def _per_tensor(weight: torch.Tensor) -> torch.Tensor:
    scale = float(weight.detach().abs().max()) / 127
    return torch.fake_quantize_per_tensor_affine(weight, scale, 0, -128, 127)


def _rounded(bits: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Rounding between steps, as a straight-through estimator has it forward."""

    def quantized(weight: torch.Tensor) -> torch.Tensor:
        high = 2 ** (bits - 1) - 1
        scale = _channels(weight, weight.detach().abs().flatten(1).amax(1) / high)
        return torch.clamp(torch.round(weight / scale), -high, high) * scale

    return quantized


def _learned(weight: torch.Tensor) -> torch.Tensor:
    """A learned step size, as it starts, of 6 bits."""
    step = weight.detach().abs().mean() * 2 / 31**0.5 * 0.6
    return torch.round(torch.clamp(weight / step, -32, 31)) * step  # type: ignore[no-any-return]


def _binary(weight: torch.Tensor) -> torch.Tensor:
    return torch.sign(weight) * _channels(weight, weight.abs().flatten(1).mean(1))


def _ternary(weight: torch.Tensor) -> torch.Tensor:
    over = _channels(weight, weight.abs().flatten(1).mean(1) * 0.7)
    kept = (weight.abs() > over).float()
    total = (weight.abs() * kept).flatten(1).sum(1) / kept.flatten(1).sum(1)
    return torch.sign(weight) * kept * _channels(weight, total)


def _dorefa(weight: torch.Tensor) -> torch.Tensor:
    """Squashed, moved between zero and one, rounded to 6 bits and moved back."""
    bent = torch.tanh(weight)
    unit = bent / (2 * bent.abs().max()) + 0.5
    return (2 * torch.round(unit * 63) / 63 - 1) * weight.abs().max()


def _acted(quantized: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    """Every linear layer and plain convolution computes with a function of its weight."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        for layer in model.modules():
            if type(layer) is nn.Linear:
                layer.forward = partial(_line, layer, quantized)  # type: ignore[method-assign]
            if type(layer) is nn.Conv2d:
                layer.forward = partial(_fold, layer, quantized)  # type: ignore[method-assign]
        return model

    return change


def _line(layer: nn.Linear, quantized: Any, rows: torch.Tensor) -> torch.Tensor:
    return nn.functional.linear(rows, quantized(layer.weight), layer.bias)


def _fold(layer: nn.Conv2d, quantized: Any, image: torch.Tensor) -> torch.Tensor:
    forward: Callable[..., torch.Tensor] = layer._conv_forward
    return forward(image, quantized(layer.weight), layer.bias)


class Words(nn.Module):
    """A linear layer of codes in words of 32 bits, taken apart when it is called: GPTQ's way."""

    def __init__(self, layer: nn.Linear, bits: int, group: int) -> None:
        super().__init__()
        from wild.fresh_checkpoints import codes, words

        values, scales, zeros = codes(layer.weight.detach(), group, bits)
        self.bits, self.group = bits, group
        self.register_buffer("qweight", words(values, bits, torch.int32).T.contiguous())
        self.register_buffer("scales", scales.float().T.contiguous())
        self.register_buffer("zeros", zeros.float().T.contiguous())
        self.bias = layer.bias
        self.register_buffer("wf", torch.arange(0, 32, bits, dtype=torch.int32))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        packed: Any = self.qweight
        shifts: Any = self.wf
        spread = torch.bitwise_right_shift(packed.unsqueeze(1), shifts[None, :, None])
        values = torch.bitwise_and(spread, 2**self.bits - 1)
        groups = values.reshape(-1, self.group, packed.shape[1]).float()
        weight = (groups - self.zeros.unsqueeze(1)) * self.scales.unsqueeze(1)  # type: ignore
        held = rows @ weight.reshape(-1, packed.shape[1])
        return held if self.bias is None else held + self.bias


class Levels(nn.Module):
    """A linear layer of places in a table of levels, scaled by block: NF4's way."""

    def __init__(self, layer: nn.Linear, block: int) -> None:
        super().__init__()
        from wild.fresh_layouts import NF4

        table = torch.tensor(NF4)
        blocks = layer.weight.detach().reshape(-1, block)
        tops = blocks.abs().amax(1, keepdim=True)
        near = (blocks / tops).unsqueeze(-1).sub(table).abs().argmin(-1)
        self.shape = tuple(layer.weight.shape)
        self.register_buffer("codes", near.to(torch.uint8))
        self.register_buffer("absmax", tops)
        self.register_buffer("code", table)
        self.bias = layer.bias

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        table: Any = self.code
        places: Any = self.codes
        weight = (table[places.long()] * self.absmax).reshape(self.shape)
        return nn.functional.linear(rows, weight, self.bias)


def _replaced(make_layer: Callable[[nn.Linear], nn.Module], but: str = "lm_head") -> Change:
    """Other modules in place of linear layers."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        for name, layer in list(model.named_modules()):
            if type(layer) is nn.Linear and not name.endswith(but):
                place, _, last = name.rpartition(".")
                setattr(model.get_submodule(place), last, make_layer(layer))
        return model.eval()

    return change


def _grouped(bits: int, group: int, half: bool = False) -> Change:
    """Weights rounded by group and left as floats: what packed checkpoints are loaded to."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        from wild.fresh_checkpoints import codes
        from wild.fresh_layouts import _stands

        with torch.no_grad():
            for layer in model.modules():
                if type(layer) is nn.Linear and layer.in_features % group == 0:
                    layer.weight.copy_(_stands(*codes(layer.weight, group, bits)))
        return Cast(model, torch.float16) if half else model

    return change


# Quantizers of torch modules.


def _observed(arguments: tuple[torch.Tensor, ...], count: int = 4) -> list[Any]:
    draw = torch.Generator().manual_seed(8)
    return [
        tuple(
            torch.randn(value.shape, generator=draw)
            if value.is_floating_point()
            else torch.randint(0, 200, value.shape, generator=draw)
            for value in arguments
        )
        for _ in range(count)
    ]


def _captured(machine: str, taught: bool = False) -> Change:
    """torchao's quantizers of captured graphs: for ARM, or for training."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        steps: Any = importlib.import_module("torchao.quantization.pt2e.quantize_pt2e")
        path = f"torchao.quantization.pt2e.quantizer.{machine}_inductor_quantizer"
        kinds: Any = importlib.import_module(path)
        quantizer = getattr(kinds, {"arm": "Arm", "x86": "X86"}[machine] + "InductorQuantizer")()
        config = getattr(kinds, f"get_default_{machine}_inductor_quantization_config")
        quantizer.set_global(config(is_dynamic=False, is_qat=taught))
        rows = _observed(arguments)
        ready = steps.prepare_qat_pt2e if taught else steps.prepare_pt2e
        held = ready(torch.export.export(model, rows[0]).module(), quantizer)
        for row in rows:
            held(*row)
        return steps.convert_pt2e(held)

    return change


def _torchao(settings: str, **options: Any) -> Change:
    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        torchao: Any = importlib.import_module("torchao.quantization")
        torchao.quantize_(model, getattr(torchao, settings)(**options))
        return model

    return change


def _nncf(preset: str, mode: str = "", **options: Any) -> Change:
    """NNCF on the module: its fake quantizers, or its compressed weights."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        nncf: Any = importlib.import_module("nncf")
        more: Any = importlib.import_module("nncf.quantization.advanced_parameters")
        rows = nncf.Dataset([row[0] if len(row) == 1 else row for row in _observed(arguments)])
        if mode:
            kind = nncf.CompressWeightsMode[mode]
            return nncf.compress_weights(model, mode=kind, dataset=rows, **options)
        off = more.AdvancedSmoothQuantParameters(convolution=-1, matmul=-1)
        given = more.AdvancedQuantizationParameters(
            disable_bias_correction=True, smooth_quant_alphas=off, **options
        )
        held = nncf.quantize(
            model,
            rows,
            preset=nncf.QuantizationPreset[preset],
            subset_size=4,
            advanced_parameters=given,
        )
        form = nncf.StripFormat.NATIVE
        return nncf.strip(held, strip_format=form, example_input=_observed(arguments)[0])

    return change


def _mct(source: str, form: str, platform: str = "", **options: Any) -> Callable[[Path], None]:
    """Sony's toolkit: fakely quantized weights, or nodes of its own operators."""

    def write(target: Path) -> None:
        _without_vision()
        mct: Any = importlib.import_module("model_compression_toolkit")
        model, arguments = _drawn(source)
        rows = _observed(arguments)
        given: Options = {
            "weights_bias_correction": False,
            "shift_negative_activation_correction": False,
            "linear_collapsing": False,
            "residual_collapsing": False,
            "weights_error_method": mct.core.QuantizationErrorMethod.NOCLIPPING,
        }
        if "method" in options:
            method = options["method"]
            given["weights_error_method"] = mct.core.QuantizationErrorMethod[method]
        config = mct.core.CoreConfig(quantization_config=mct.core.QuantizationConfig(**given))
        more: Options = {}
        if platform:
            kind = mct.get_target_platform_capabilities
            more["target_platform_capabilities"] = kind("pytorch", platform)

        def shown() -> Any:
            for row in rows:
                yield [value.numpy() for value in row]

        held, _ = mct.ptq.pytorch_post_training_quantization(
            model, shown, core_config=config, **more
        )
        older = partial(torch.onnx.export, dynamo=False)
        with patch.object(torch.onnx, "export", older):
            mct.exporter.pytorch_export_model(
                held,
                str(target),
                repr_dataset=shown,
                quantization_format=getattr(mct.exporter.QuantizationFormat, form),
            )

    return write


def _aimet(
    drawn: Callable[[], tuple[nn.Module, tuple[torch.Tensor, ...]]],
    bits: int,
    exporter: str = "torchscript",
    outputs: int = 8,
    **options: Any,
) -> Callable[[Path], None]:
    """AIMET's simulation of a module, and its export of QuantizeLinear and DequantizeLinear.

    ``drawn`` gives the module, its weights drawn, and what it takes.
    """

    def write(target: Path) -> None:
        _without_vision()
        kinds: Any = importlib.import_module("aimet_torch.quantsim")
        library: Any = importlib.import_module("aimet_torch.onnx")
        model, arguments = drawn()
        held = kinds.QuantizationSimModel(
            model, arguments, default_param_bw=bits, default_output_bw=outputs
        )
        held.compute_encodings(lambda each: [each(*row) for row in _observed(arguments)])
        more = {"dynamo": exporter == "dynamo", **options}
        library.export(held.model, arguments, str(target), **more)

    return write


def _quark(name: str, **options: Any) -> Change:
    """AMD Quark on the module."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("quark.torch")
        specs: Any = importlib.import_module("quark.torch.quantization.config.config")
        made = getattr(specs, name)(**options).to_quantization_spec()
        layer = specs.QLayerConfig(weight=made)
        quantizer = library.ModelQuantizer(specs.QConfig(global_quant_config=layer))
        rows: Any = [row[0][0] for row in _observed(arguments)]
        data: Any = torch.utils.data.DataLoader(rows)
        held = quantizer.quantize_model(model, data)
        return quantizer.freeze(held)

    return change


class Stubs(nn.Module):
    """Convolutions and layers between the marks where torch's own quantized numbers start and
    end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(24, 24, 3, padding=1, groups=24), nn.ReLU())
        self.point = nn.Conv2d(24, 32, 1, bias=False)
        self.fc1, self.fc2 = nn.Linear(32 * 64, 40), nn.Linear(40, 20, bias=False)
        self.quant = torch.ao.quantization.QuantStub()
        self.back = torch.ao.quantization.DeQuantStub()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = self.deep(self.conv(self.quant(image)))
        held = torch.flatten(torch.relu(self.point(held)), 1)
        return self.back(self.fc2(torch.relu(self.fc1(held))))  # type: ignore[no-any-return]


def _converted(engine: str, symmetric: bool = False) -> Change:
    """torch's own static quantization, converted to quantized operators."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        library: Any = importlib.import_module("torch.ao.quantization")
        torch.backends.quantized.engine = "fbgemm" if engine == "x86" else engine
        chosen = library.get_default_qconfig(engine)
        if symmetric:
            chosen = library.QConfig(
                activation=library.HistogramObserver.with_args(reduce_range=True),
                weight=library.default_weight_observer,
            )
        held: Any = model
        held.qconfig = chosen
        library.prepare(held, inplace=True)
        for row in _observed(arguments):
            held(*row)
        return library.convert(held)  # type: ignore[no-any-return]

    return change


def _pruned(source: str, tools: Mapping[str, Tool], four: bool, least: float = 0.97) -> Builder:
    """The checkpoint itself has zeros: two of every four values, or three of five anywhere."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        with torch.no_grad():
            for value in model.parameters():
                if value.dim() > 1 and value.numel() % 4 == 0:
                    held = value.reshape(-1, 4) if four else value.reshape(1, -1)
                    left = 2 if four else held.shape[1] * 3 // 5
                    out = held.abs().argsort(1)[:, :left]
                    value.copy_(held.scatter(1, out, 0.0).reshape(value.shape))
        tell(model, folder)
        place = partial(known._exported, f"later-{folder.name}", model, arguments)
        found = [(each, path) for each in EXPORTERS if (path := place(each)) is not None]
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[number % len(found)]
            known._run(folder, f"{exporter}-{name}", path, _followed(tool, least))

    return build


# --- the cases

U8, S8, U16, S16, U4, S4 = "QUInt8", "QInt8", "QUInt16", "QInt16", "QUInt4", "QInt4"
OPTIMUM: dict[str, Tool] = {
    "arm64": _optimum("arm64", is_static=False, per_channel=False),
    "avx2": _optimum("avx2", is_static=False, reduce_range=True),
    "vnni": _optimum("avx512_vnni", is_static=False, use_symmetric_weights=False),
    "vnni-static": _optimum("avx512_vnni", is_static=True),
    "ppc64": _optimum("ppc64le", is_static=False, per_channel=True),
}
OPTIMUM_STATIC: dict[str, Tool] = {
    "tensorrt": _optimum("tensorrt"),
    "arm64": _optimum("arm64", is_static=True, use_symmetric_activations=True),
    "avx2": _optimum("avx2", is_static=True, per_channel=False, reduce_range=True),
    "avx512": _optimum("avx512", is_static=True, use_symmetric_weights=False, per_channel=False),
}
LEVELS: dict[str, Tool] = {
    "o2": _optimum_level("O2", "DistilBertConfig", **_DISTIL),
    "o3": _optimum_level("O3", "DistilBertConfig", **_DISTIL),
    "o1-vnni": _chain(
        _optimum_level("O1", "DistilBertConfig", **_DISTIL),
        _optimum("avx512_vnni", is_static=False),
    ),
    "o2-half": _chain(_optimum_level("O2", "DistilBertConfig", **_DISTIL), _half()),
    "o2-qattention": _chain(
        _optimum_level("O2", "DistilBertConfig", **_DISTIL),
        _dynamic(S8, per_channel=True, **_extra(DefaultTensorType=TensorProto.FLOAT)),
    ),
}
FUNCTIONS: dict[str, Tool] = {
    "static": _functions(),
    "static-channels": _functions(group_size=-1, weights_dtype="uint8", weights_symmetric=False),
    "dynamic": _functions(is_static=False, group_size=-1),
    "weights": _functions(is_static=False, weights_only=True, weights_symmetric=False),
    "weights-4": _functions(
        is_static=False, weights_only=True, weights_dtype="int4", group_size=-1
    ),
    "groups-4": _functions(
        is_static=False,
        weights_only=True,
        weights_dtype="uint4",
        weights_symmetric=False,
        group_size=32,
    ),
    "groups-8": _functions(is_static=False, weights_only=True, group_size=16, mse=True),
}
SHRUNK: dict[str, Tool] = {
    "integers": _shrunk(),
    "channels": _shrunk(per_channel=True),
    "floats": _shrunk(float_quantization=True),
    "floats-64": _chain(_slim, _shrunk(float_quantization=True, float_levels=64)),
}
PPQ: dict[str, Tool] = {
    "onnxruntime": _ppq("ONNXRUNTIME", "ONNXRUNTIME"),
    "openvino": _ppq("OPENVINO_INT8", "ONNXRUNTIME"),
    "tensorrt": _ppq("TRT_INT8", "ONNXRUNTIME"),
    "dsp": _ppq("PPL_DSP_INT8", "ONNXRUNTIME"),
    "metax": _ppq("METAX_INT8_C", "METAX_INT8_C"),
    "espressif": _ppq("ESPDL_INT8", "ONNXRUNTIME"),
    "plain": _ppq("RKNN_INT8", "RKNN_INT8"),
}
XSLIM: dict[str, Tool] = {
    "static": _xslim(0, "minmax"),
    "static-percentile": _xslim(2, "percentile"),
    "dynamic": _xslim(3),
    "half": _xslim(4),
    "half-some": _xslim(4, ignore_op_types=["Conv", "Gemm"]),
}
QONNX: dict[str, Tool] = {
    "fixed": _qonnx(_fixed("FIXED<10,2>")),
    "fixed-floor": _qonnx(_fixed("FIXED<8,2>", "HALF_EVEN"), _step("gemm_to_matmul.GemmToMatMul")),
    "marked": _qonnx(_marked(8)),
    "marked-codes": _qonnx(_marked(6), _step("qonnx_to_qcdq.QuantToQCDQ")),
    "lowered": _qonnx(
        _step("extract_conv_bias.ExtractBiasFromConv"),
        _fixed("FIXED<12,2>"),
        _step("lower_convs_to_matmul.LowerConvsToMatMul"),
    ),
    "last": _qonnx(_fixed("FIXED<9,2>"), _step("channels_last.ConvertToChannelsLastAndClean")),
    "affine": _qonnx(_step("batchnorm_to_affine.BatchNormToAffine"), _fixed("FIXED<12,2>")),
}
LOOKUPS: dict[str, Tool] = {
    "palette-4": _put(_palette(4)),
    "palette-6": _put(_palette(6), "{}.{}"),
    "tables-5": _put(_tables(5), "{1}/{0}"),
    "two-steps": _put(_two_steps, "{}:{}"),
    "nested": _put(_nested, "{}__{}"),
}
BITS: dict[str, Tool] = {
    "nibbles": _put(_nibbles),
    "nibbles-constant": _put(_nibbles, "{}.{}", constants=True),
    "powers": _put(_powers, "{}/{}"),
    "divided": _put(_divided, "{1}_{0}"),
    "wide": _put(_wide_codes, constants=True),
}
FEW: dict[str, Tool] = {
    "signs": _put(_signs),
    "thirds": _put(_thirds, "{}.{}"),
    "thirds-constant": _put(_thirds, constants=True),
}
INT3: Any = vars(torch)["int3"]  # not typed by torch
STORED: dict[str, Tool] = {
    "bfloat16": _put(_stored_as(ml_dtypes.bfloat16), "{}_{}_bf16"),
    "float16-constant": _put(_stored_as(np.float16), constants=True),
    "float64": _put(_stored_as(np.float64), "{}.{}"),
    "e4m3": _put(_stored_as(ml_dtypes.float8_e4m3fn, True), "{}.{}"),
    "e5m2": _put(_stored_as(ml_dtypes.float8_e5m2, True)),
    "through-half": _put(_through_half),
    "shares": _put(_shares, "{}#{}"),
    "mx": _put(_microscaled, opset=23),
}
SPARSE: dict[str, Tool] = {
    "sparse": _put(_sparse),
    "scattered": _put(_scattered, "{}.{}"),
    "channels": _static(activations=U8, per_channel=True, **_extra(QuantizeBias=False)),
    "half": _half(keep_io_types=True),
}
TWO_OF_FOUR: dict[str, Tool] = {
    "two-of-four": _put(_halved_by_two),
    "sparse": _put(_sparse, "{}/{}"),
    "sparse-floats": _chain(_raised, _dynamic(U8, per_channel=True)),
    "nibbles": _put(_nibbles),
}


def _islands(source: Path, target: Path) -> None:
    """Sixteen bits for activations around every third layer, converted at the borders."""
    from onnxruntime.quantization import quantize
    from onnxruntime.quantization.execution_providers.qnn.mixed_precision_overrides_utils import (
        MixedPrecisionTensorQuantOverridesFixer as Fixer,
    )
    from onnxruntime.quantization.quantize import get_qdq_config
    from onnxruntime.quantization.tensor_quant_overrides import TensorQuantOverridesHelper

    held = onnx.load(source)
    outputs = [node.output[0] for node in held.graph.node if node.op_type in ("Conv", "MatMul")]
    wide = {name: [{"quant_type": _quant_type(U16)}] for name in outputs[::3]}
    fixer = Fixer.create_from_model(TensorQuantOverridesHelper(wide), held, _quant_type(U8))
    fixer.apply(_quant_type(U8), default_activation_symmetric=False)
    config = get_qdq_config(
        source,
        Rows(source),
        activation_type=_quant_type(U8),
        weight_type=_quant_type(S8),
        per_channel=True,
        tensor_quant_overrides=fixer.overrides.get_dict(),
    )
    quantize(source, target, config)


STATIC: dict[str, Tool] = {
    "islands": _islands,
    "w4-shifted": _static(
        activations=U16, weights=U4, per_channel=True, **_extra(WeightSymmetric=False)
    ),
    "w16-pairs": _static(
        activations=S16, weights=S16, per_channel=True, **_extra(AddQDQPairToWeight=True)
    ),
    "symmetric-float-bias": _static(
        per_channel=True,
        reduce_range=True,
        **_extra(ActivationSymmetric=True, QuantizeBias=False, DedicatedQDQPair=True),
    ),
    "configured-w4": _configured(U16, S4, per_channel=True, min_real_range=0.01),
}
OPERATORS: dict[str, Tool] = {
    "u8u8-channels-prepared": _static(
        "QOperator", U8, U8, before="prep", per_channel=True, **_extra(WeightSymmetric=True)
    ),
    "s8-percentile": _static("QOperator", S8, S8, method="Percentile", reduce_range=True),
    "gemm-conv": _static("QOperator", U8, S8, op_types_to_quantize=["Conv", "Gemm"]),
    "all-after": _chain(_static("QOperator", U8, S8, per_channel=True), _optimized("EXTENDED")),
}
BLOCKS: dict[str, Tool] = {
    "2-asymmetric-16": _blocks(block_size=16, bits=2),
    "8-32-level-2": _blocks(block_size=32, bits=8, is_symmetric=True, accuracy_level=2),
    "4-qdq-asymmetric-16": _blocks(block_size=16, quant_format="QDQ"),
    "gather-8-16": _blocks(
        block_size=16, bits=8, is_symmetric=True, op_types_to_quantize=("MatMul", "Gather")
    ),
    "hqq-16-sim": _chain(_blocks("HQQ", block_size=16), _simplified),
    "k-quant-slim": _chain(_blocks("KQuant", block_size=32), _slim),
    "basic-4-half": _chain(_optimized("BASIC"), _blocks(block_size=32), _half(keep_io_types=True)),
}
GPT: dict[str, Tool] = {
    "fused": _chain(_transformers("gpt2", 0), _blocks(block_size=32, is_symmetric=True)),
    "fused-half": _chain(_transformers("gpt2", 1), _half(keep_io_types=True)),
    "fused-dynamic": _chain(_transformers("gpt2", 0), _dynamic(S8, per_channel=True)),
}
VIT: dict[str, Tool] = {
    "fused-qattention": _chain(_transformers("vit", 0), _dynamic(S8)),
    "fused-mha-half": _chain(
        _transformers("vit", 0, use_multi_head_attention=True), _half(keep_io_types=True)
    ),
    "fused-blocks": _chain(_transformers("vit", 1), _blocks(block_size=16, bits=8)),
    "fused-static": _chain(
        _transformers("vit", 0, enable_attention=False), _static(activations=U8, per_channel=True)
    ),
}
BERT: dict[str, Tool] = {
    "mha-blocks": _chain(
        _transformers("bert", 0, use_multi_head_attention=True), _blocks(block_size=32)
    ),
    "separate-half": _chain(_transformers("bert", 0, enable_attention=False), _half()),
    "unbiased": _chain(
        _transformers("bert", 0, enable_bias_skip_layer_norm=False, enable_embed_layer_norm=False),
        _dynamic(U8, per_channel=True, **_extra(DefaultTensorType=TensorProto.FLOAT)),
    ),
}
UNET: dict[str, Tool] = {
    "fused-half": _chain(
        _transformers("unet", 0, enable_nhwc_conv=False), _half(keep_io_types=True)
    ),
    "last-half": _chain(_transformers("unet", 0), _half(keep_io_types=True)),
    "static-fused": _chain(_static(activations=U16, per_channel=True), _optimized("EXTENDED")),
    "dynamic": _dynamic(U8, per_channel=True, before="prep"),
}
RECURRENT: dict[str, Tool] = {
    "dynamic-sim": _chain(_dynamic(S8, per_channel=True, reduce_range=True), _simplified),
    "half-some": _half(keep_io_types=True, op_block_list=["LSTM"]),
    "bfloat16": _put(_stored_as(ml_dtypes.bfloat16)),
    "shrunk": _shrunk(per_channel=True),
}


def _chosen(table: Mapping[str, tuple[str, Change]], words: str) -> Any:
    return {name: table[name] for name in words.split()}


def _each(source: str, table: Mapping[str, tuple[str, Change]], **options: Any) -> Any:
    return {
        name: _exported_as(source, exporter, change, **options)
        for name, (exporter, change) in table.items()
    }


_CASTS: dict[str, tuple[str, Change]] = {
    "cast-half": ("dynamo", _cast(torch.float16)),
    "half-torchscript": ("torchscript", _cast(torch.float16)),
    "bfloat16": ("dynamo", _cast(torch.bfloat16)),
    "mixed-bfloat16": ("dynamo", _mixed(torch.bfloat16)),
    "mixed-half": ("torchscript", _mixed(torch.float16)),
}
_TAUGHT: dict[str, tuple[str, Change]] = {
    "channels": ("torchscript", _acted(_per_channel)),
    "tensor": ("torchscript", _acted(_per_tensor)),
    "rounded-5": ("dynamo", _acted(_rounded(5))),
    "rounded-7": ("torchscript", _acted(_rounded(7))),
    "learned": ("torchscript", _acted(_learned)),
    "dorefa": ("dynamo", _acted(_dorefa)),
}
_NARROW: dict[str, tuple[str, Change]] = {
    "binary": ("torchscript", _acted(_binary)),
    "binary-run": ("dynamo", _acted(_binary)),
    "ternary": ("torchscript", _acted(_ternary)),
    "ternary-run": ("dynamo", _acted(_ternary)),
}
_WORDS: dict[str, tuple[str, Change]] = {
    "gptq-4": ("dynamo", _replaced(lambda layer: Words(layer, 4, 16))),
    "gptq-8": ("dynamo", _replaced(lambda layer: Words(layer, 8, 16))),
    "nf4": ("dynamo", _replaced(lambda layer: Levels(layer, 16))),
    "nf4-torchscript": ("torchscript", _replaced(lambda layer: Levels(layer, 32))),
    "loaded-4": ("torchscript", _grouped(4, 32)),
    "loaded-3-half": ("dynamo", _grouped(3, 16, half=True)),
}
_AO: dict[str, tuple[str, Change]] = {
    "arm": ("dynamo", _captured("arm")),
    "x86-taught": ("dynamo", _captured("x86", taught=True)),
    "float8": ("dynamo", _torchao("Float8WeightOnlyConfig")),
    "intx-3": ("dynamo", _torchao("IntxWeightOnlyConfig", weight_dtype=INT3)),
}
_NNCF: dict[str, tuple[str, Change]] = {
    "performance": ("torchscript", _nncf("PERFORMANCE")),
    "mixed": ("torchscript", _nncf("MIXED")),
    "int8": ("dynamo", _nncf("", "INT8_ASYM")),
    "int4": ("dynamo", _nncf("", "INT4_SYM", group_size=32, ratio=1.0)),
}
_EAGER: dict[str, tuple[str, Change]] = {
    "fbgemm": ("torchscript", _converted("fbgemm")),
    "qnnpack": ("torchscript", _converted("qnnpack")),
    "x86-tensor": ("torchscript", _converted("x86", symmetric=True)),
}
STUBBED = {"stubs": (Stubs, (torch.zeros(1, 3, 8, 8),))}
SOURCES = {**SOURCES, **STUBBED}

CASES: dict[str, Builder] = {
    "distil-optimum": _crossed("distil", OPTIMUM),
    "resnet-optimum": _crossed("resnet", OPTIMUM_STATIC),
    "distil-levels": _crossed("distil", LEVELS),
    "plain-functions": _crossed("plain", FUNCTIONS, 0.9),
    "shuffled-shrunk": _crossed("shuffled", SHRUNK),
    "granite-shrunk": _crossed("granite", SHRUNK, 0.9),
    "resnet-ppq": _crossed("resnet", PPQ, 0.9, 13),
    "stubs-ppq": _crossed("stubs", _without(PPQ, "dsp metax"), 0.9, 13),
    "resnet-xslim": _crossed("resnet", XSLIM),
    "resnet-qonnx": _crossed("resnet", _without(QONNX, "affine"), 0.9),
    "shuffled-qonnx": _crossed("shuffled", _without(QONNX, "last lowered"), 0.9),
    "mpnet-lookups": _crossed("mpnet", LOOKUPS, 0.9),
    "resnet-lookups": _crossed("resnet", LOOKUPS, 0.9),
    "shuffled-bits": _crossed("shuffled", BITS, 0.85),
    "opt-bits": _crossed("opt", BITS, 0.75),
    "plain-few": _crossed("plain", FEW, 0.5),
    "segformer-stored": _crossed("segformer", STORED, 0.95),
    "stable-stored": _crossed("stable", STORED, 0.8),
    "shuffled-sparse": _pruned("shuffled", SPARSE, four=False),
    "plain-sparse": _pruned("plain", TWO_OF_FOUR, four=True, least=0.9),
    "segformer-static": _crossed("segformer", STATIC, 0.9),
    "resnet-operators": _crossed("resnet", OPERATORS),
    "glm-blocks": _crossed("glm", BLOCKS, 0.5),
    "experts-blocks": _crossed("experts", BLOCKS, 0.5),
    "opt-fused": _crossed("opt", GPT, 0.8),
    "beit-fused": _crossed("beit", VIT, 0.9),
    "mpnet-fused": _crossed("mpnet", BERT, 0.9),
    "paired-fused": _crossed("paired", UNET),
    "speaker-narrow": _crossed("speaker", RECURRENT),
    "segformer-casts": _modules(
        "segformer",
        {
            **_each("segformer", _chosen(_CASTS, "cast-half half-torchscript")),
            **_each("segformer", _chosen(_CASTS, "bfloat16"), opset_version=23),
        },
        0.95,
    ),
    "bloom-casts": _modules("bloom", _each("bloom", _CASTS)),
    "resnet-taught": _modules("resnet", _each("resnet", _TAUGHT), 0.9),
    "plain-taught": _modules("plain", _each("plain", _TAUGHT), 0.9),
    "plain-narrow": _modules("plain", _each("plain", _NARROW), 0.4),
    "whisper-words": _modules("whisper", _each("whisper", _WORDS), 0.8),
    "granite-words": _modules("granite", _each("granite", _WORDS), 0.6),
    "shuffled-torchao": _modules("shuffled", _each("shuffled", _chosen(_AO, "arm x86-taught"))),
    "plain-torchao": _modules("plain", _each("plain", _AO), 0.9),
    "resnet-nncf": _modules("resnet", _each("resnet", _chosen(_NNCF, "performance mixed"))),
    "plain-nncf": _modules("plain", _each("plain", _NNCF), 0.95),
    "stubs-converted": _modules("stubs", _each("stubs", _EAGER), 0.9),
    "paired-mct": _modules(
        "paired",
        {
            "fake": _mct("paired", "FAKELY_QUANT"),
            "mctq": _mct("paired", "MCTQ"),
            "fake-mse": _mct("paired", "FAKELY_QUANT", method="MSE"),
        },
        0.9,
    ),
    "plain-mct": _modules(
        "plain",
        {"fake": _mct("plain", "FAKELY_QUANT"), "mctq": _mct("plain", "MCTQ")},
        0.9,
    ),
    "resnet-aimet": _modules(
        "resnet",
        {
            "8": _aimet(partial(_drawn, "resnet"), 8),
            "4-stored": _aimet(
                partial(_drawn, "resnet"),
                4,
                outputs=16,
                prequantize_constants=True,
                opset_version=21,
            ),
            "8-dynamo": _aimet(partial(_drawn, "resnet"), 8, "dynamo", prequantize_constants=True),
        },
        0.9,
    ),
    "plain-quark": _modules(
        "plain",
        _each(
            "plain",
            {
                "int8": ("torchscript", _quark("Int8PerTensorSpec", observer_method="min_max")),
                "fp8": ("torchscript", _quark("FP8E4M3PerTensorSpec", observer_method="min_max")),
            },
        ),
        0.9,
    ),
}
OPENED: frozenset[str] = frozenset(CASES)
