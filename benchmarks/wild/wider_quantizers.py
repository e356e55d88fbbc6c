"""Quantizers' ways in and models that no earlier kind has, held out until they had been measured.

Plain settings on architectures of torchvision, torchaudio, timm, diffusers and transformers, then
command-line tools, workflows from a folder of a checkpoint, models that libraries ship quantized,
checkpoints that are pruned or quantized already, and Keras' tools by way of tf2onnx.

Where onnxruntime runs an artifact, its outputs are held against those of the float model; one that
does not follow is not kept. Cases whose names end in ``-tf`` and ``-genai`` are built in
environments of their own.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
import torch
from torch import nn

from wild import quantizers as known
from wild.fresh_sources import _DECODER, _ENCODER, TOKENS, Seen
from wild.quantizers import (
    Only,
    Options,
    Rows,
    Tool,
    _blocks,
    _chain,
    _common_half,
    _dynamic,
    _half,
    _quant_type,
    _static,
)
from wild.unseen_quantizers import _answers, _of
from wild.workshop import EXPORTERS, Builder, export, make, shake, tell

Drawn = tuple[nn.Module, tuple[torch.Tensor, ...]]


# --- source models


class Keywords(nn.Module):
    """A spotter of keywords: convolutions of a spectrogram, a GRU both ways, a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, (7, 5), stride=(2, 2), padding=(3, 2))
        self.bn1 = nn.BatchNorm2d(24)
        self.conv2 = nn.Conv2d(24, 32, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.gru = nn.GRU(32 * 5, 36, num_layers=2, batch_first=True, bidirectional=True)
        self.fc1, self.fc2 = nn.Linear(72, 48), nn.Linear(48, 14)

    def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.bn1(self.conv1(spectrum)))
        held = torch.relu(self.bn2(self.conv2(held)))
        held, _ = self.gru(held.permute(0, 3, 1, 2).flatten(2))
        return self.fc2(torch.relu(self.fc1(held[:, -1])))  # type: ignore[no-any-return]


class Raw(nn.Module):
    """Sound as it is: wide strided kernels of one axis, norms and pools (M5)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(1, 32, 80, stride=16), nn.BatchNorm1d(32)
        self.conv2, self.bn2 = nn.Conv1d(32, 32, 3), nn.BatchNorm1d(32)
        self.conv3, self.bn3 = nn.Conv1d(32, 64, 3), nn.BatchNorm1d(64)
        self.fc1 = nn.Linear(64, 35)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        pool = nn.functional.max_pool1d
        held = pool(torch.relu(self.bn1(self.conv1(sound))), 4)
        held = pool(torch.relu(self.bn2(self.conv2(held))), 2)
        held = torch.relu(self.bn3(self.conv3(held)))
        return self.fc1(held.mean(-1))  # type: ignore[no-any-return]


class Clicks(nn.Module):
    """Recommendations: tables looked up, layers below and above, products of pairs (DLRM)."""

    def __init__(self) -> None:
        super().__init__()
        self.emb_l = nn.ModuleList(nn.Embedding(size, 24) for size in (200, 200, 200))
        self.bot_l = nn.Sequential(nn.Linear(13, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.top_l = nn.Sequential(
            nn.Linear(24 + 6, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, sparse: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        below = self.bot_l(dense)
        looked = [table(sparse[:, at]) for at, table in enumerate(self.emb_l)]
        every = torch.stack([below, *looked], 1)
        pairs = torch.bmm(every, every.transpose(1, 2))
        row, column = torch.tensor([1, 2, 2, 3, 3, 3]), torch.tensor([0, 0, 1, 0, 1, 2])
        return self.top_l(torch.cat([below, pairs[:, row, column]], 1))  # type: ignore


class Sentences(nn.Module):
    """An encoder, its rows averaged, a layer, and length one: what embeds sentences."""

    def __init__(self) -> None:
        super().__init__()
        _declared()
        transformers: Any = importlib.import_module("transformers")
        config: Any = transformers.BertConfig(**_ENCODER)
        config._attn_implementation = "eager"
        self.auto_model = transformers.BertModel(config, add_pooling_layer=False)
        self.dense = nn.Linear(64, 48)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        held = self.auto_model(input_ids, return_dict=False)[0].mean(1)
        return nn.functional.normalize(torch.tanh(self.dense(held)), dim=-1)


class Detector(nn.Module):
    """Maps of three sizes, a pyramid of torchvision's, and its heads, shared by the levels."""

    def __init__(self) -> None:
        super().__init__()
        _declared()
        self.body = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.SiLU(),
            )
            for inputs, outputs in ((3, 24), (24, 40), (40, 64))
        )
        self.fpn = _of("torchvision.ops.FeaturePyramidNetwork")([40, 64], 32)
        head: Any = _of("torchvision.models.detection.retinanet.RetinaNetHead")
        self.head = head(32, 3, 7, norm_layer=partial(nn.GroupNorm, 4))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = {}
        for number, stage in enumerate(self.body):
            image = stage(image)
            if number:
                maps[str(number)] = image
        made = self.head(list(self.fpn(maps).values()))
        return made["cls_logits"], made["bbox_regression"]


class Attended(nn.Module):
    """Down and up again with gates on what is joined, up by transposed kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1, self.enc2 = self._block(1, 16), self._block(16, 32)
        self.mid = self._block(32, 48)
        self.up2, self.up1 = nn.ConvTranspose2d(48, 32, 2, 2), nn.ConvTranspose2d(32, 16, 4, 2, 1)
        self.gate_g, self.gate_x = nn.Conv2d(32, 16, 1), nn.Conv2d(32, 16, 1, bias=False)
        self.psi = nn.Sequential(nn.Conv2d(16, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())
        self.dec2, self.dec1 = self._block(64, 32), self._block(32, 16)
        self.head = nn.Conv2d(16, 4, 1)

    @staticmethod
    def _block(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
            nn.LeakyReLU(0.01),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first = self.enc1(image)
        second = self.enc2(nn.functional.avg_pool2d(first, 2))
        up = self.up2(self.mid(nn.functional.avg_pool2d(second, 2)))
        second = second * self.psi(torch.relu(self.gate_g(up) + self.gate_x(second)))
        held = self.up1(self.dec2(torch.cat((second, up), 1)))
        return self.head(self.dec1(torch.cat((first, held), 1)))  # type: ignore


class First(nn.Module):
    """A model of which the first output counts."""

    def __init__(self, model: nn.Module, **given: Any) -> None:
        super().__init__()
        self.model, self.given = model, given

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        made: Any = self.model(*values, **self.given)
        return made if isinstance(made, torch.Tensor) else made[0]


class Denoiser(nn.Module):
    """A network of diffusion with words beside."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = _of("diffusers.UNet2DConditionModel")(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            layers_per_block=1,
            block_out_channels=(32, 48),
            norm_num_groups=8,
            cross_attention_dim=24,
            attention_head_dim=8,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
        self.unet.set_attn_processor(_of("diffusers.models.attention_processor.AttnProcessor")())

    def forward(
        self, moment: torch.Tensor, sample: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> torch.Tensor:
        given = (sample, moment, encoder_hidden_states)
        return self.unet(*given, return_dict=False)[0]  # type: ignore[no-any-return]


def _declared() -> None:
    _of("wild.shipping.declare_operators")()


if importlib.util.find_spec("torchvision"):  # which transformers imports where it is there
    _declared()


def _vision(path: str, *words: Any, **options: Any) -> nn.Module:
    """A class of torchvision's models."""
    _declared()
    return _of(f"torchvision.models.{path}")(*words, **options)  # type: ignore[no-any-return]


def _timm(name: str, **options: Any) -> Any:
    def build() -> nn.Module:
        _declared()
        return _of("timm.create_model")(name, num_classes=24, **options)  # type: ignore

    return build


def _standard() -> nn.Module:
    """Kernels made to have no mean and a variance of one as they are used, norms of groups."""
    _declared()
    norm = partial(_of("timm.layers.GroupNormAct"), num_groups=8)
    given: Options = {"layers": (1, 1), "channels": (64, 128), "stem_chs": 16, "num_classes": 24}
    kind: Any = _of("timm.models.resnetv2.ResNetV2")
    return kind(**given, stem_type="fixed", norm_layer=norm)  # type: ignore[no-any-return]


def _sound(name: str, **options: Any) -> Any:
    def build() -> nn.Module:
        _declared()
        return First(_of(f"torchaudio.models.{name}")(**options))

    return build


def _mobilenet() -> nn.Module:
    _declared()
    kind: Any = _of("torchvision.models.mobilenetv3.InvertedResidualConfig")
    rows = [
        (16, 3, 16, 16, True, "RE", 2, 1, 1.0),
        (16, 3, 48, 24, False, "RE", 2, 1, 1.0),
        (24, 5, 64, 24, True, "HS", 1, 1, 1.0),
        (24, 5, 72, 40, True, "HS", 1, 2, 1.0),
    ]
    return _vision("mobilenetv3.MobileNetV3", [kind(*row) for row in rows], 96, num_classes=24)


def _efficient() -> nn.Module:
    _declared()
    plain: Any = _of("torchvision.models.efficientnet.MBConvConfig")
    fused: Any = _of("torchvision.models.efficientnet.FusedMBConvConfig")
    rows = [fused(1, 3, 1, 16, 16, 1), fused(4, 3, 2, 16, 24, 1), plain(4, 3, 2, 24, 40, 2)]
    given = {"dropout": 0.0, "last_channel": 96, "num_classes": 24}
    return _vision("efficientnet.EfficientNet", rows, **given)


def _hub(kind: str, config: str, wrap: Callable[[nn.Module], nn.Module], **sizes: Any) -> nn.Module:
    _declared()
    import transformers

    chosen: Any = getattr(transformers, config)(**sizes)
    chosen._attn_implementation = "eager"
    chosen._experts_implementation = "batched_mm"
    return wrap(getattr(transformers, kind)(chosen))


def _text(kind: str, task: str = "ForCausalLM", config: str = "", **sizes: Any) -> Any:
    base = _DECODER if task == "ForCausalLM" else _ENCODER
    chosen = config or f"{kind}Config"
    return lambda: _hub(kind + task, chosen, Only, **{**base, **sizes})


def _seen(kind: str, task: str = "ForImageClassification", **sizes: Any) -> Any:
    return lambda: _hub(kind + task, f"{kind}Config", Seen, **{"num_labels": 24, **sizes})


_MAXVIT: Options = {"input_size": (32, 32), "stem_channels": 16, "partition_size": 4}
_MAXVIT |= {"block_channels": [16, 32], "block_layers": [1, 1], "head_dim": 16}
_MAXVIT |= {"stochastic_depth_prob": 0.0, "num_classes": 24}
_TASNET: Options = {"num_sources": 2, "enc_kernel_size": 8, "enc_num_feats": 32}
_TASNET |= {"msk_kernel_size": 3, "msk_num_feats": 24, "msk_num_hidden_feats": 40}
_TASNET |= {"msk_num_layers": 2, "msk_num_stacks": 2}
_LEVIT: Options = {"img_size": 64, "embed_dim": (32, 48, 64), "key_dim": 8, "depth": (1, 1, 1)}
_LEVIT |= {"num_heads": (2, 3, 4)}
_MPT: Options = {"vocab_size": 220, "d_model": 64, "n_heads": 4, "n_layers": 2, "max_seq_len": 64}
_GPTJ: Options = {"vocab_size": 220, "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8}
_GPTJ |= {"n_positions": 64, "use_cache": False}
_DEEP: Options = {"q_lora_rank": 32, "kv_lora_rank": 24, "qk_rope_head_dim": 8, "v_head_dim": 16}
_DEEP |= {"qk_nope_head_dim": 16, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 2}
_DEEP |= {"topk_group": 1, "moe_intermediate_size": 32, "first_k_dense_replace": 1}
_DEEP |= {"n_shared_experts": 1, "num_key_value_heads": 4}
_XLNET: Options = {"vocab_size": 220, "d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 128}
_PVT: Options = {"image_size": 32, "depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 40, 48]}
_PVT |= {"num_attention_heads": [1, 2, 4, 4], "mlp_ratios": [2, 2, 2, 2]}
_VAE: Options = {"block_out_channels": (24, 32), "norm_num_groups": 8, "sample_size": 16}
_VAE |= {"down_block_types": ("DownEncoderBlock2D",) * 2, "latent_channels": 4}
_VAE |= {"up_block_types": ("UpDecoderBlock2D",) * 2}
SMALL = (torch.zeros(1, 3, 32, 32),)
LARGE = (torch.zeros(1, 3, 64, 64),)
_LATENT = (torch.ones(1), torch.zeros(1, 4, 8, 8), torch.zeros(1, 5, 24))
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "keywords": (Keywords, (torch.zeros(1, 1, 20, 24),)),
    "raw": (Raw, (torch.zeros(1, 1, 1600),)),
    "clicks": (Clicks, (torch.arange(12).reshape(4, 3), torch.zeros(4, 13))),
    "sentences": (Sentences, TOKENS),
    "detector": (Detector, SMALL),
    "attended": (Attended, (torch.zeros(1, 1, 16, 16),)),
    "denoiser": (Denoiser, _LATENT),
    "autoencoder": (
        lambda: First(_of("diffusers.AutoencoderKL")(**_VAE), return_dict=False),
        SMALL,
    ),
    "mobilenet3": (_mobilenet, SMALL),
    "efficient2": (_efficient, SMALL),
    "shufflenet": (
        lambda: _vision("shufflenetv2.ShuffleNetV2", [1, 2, 1], [8, 24, 40, 64, 96], 24),
        SMALL,
    ),
    "maxvit": (lambda: _vision("maxvit.MaxVit", **_MAXVIT), SMALL),
    "levit": (_timm("levit_128s", **_LEVIT), LARGE),
    "standard": (_standard, SMALL),
    "pvt": (_seen("Pvt", **_PVT), SMALL),
    "speech": (
        _sound("DeepSpeech", n_feature=20, n_hidden=48, n_class=16, dropout=0.0),
        (torch.zeros(1, 1, 9, 20),),
    ),
    "tasnet": (_sound("ConvTasNet", **_TASNET), (torch.zeros(1, 1, 160),)),
    "convbert": (_text("ConvBert", "ForMaskedLM", embedding_size=32, conv_kernel_size=5), TOKENS),
    "rembert": (
        _text("RemBert", "ForMaskedLM", input_embedding_size=32, output_embedding_size=96),
        TOKENS,
    ),
    "xlnet": (lambda: _hub("XLNetLMHeadModel", "XLNetConfig", Only, **_XLNET), TOKENS),
    "gptj": (lambda: _hub("GPTJForCausalLM", "GPTJConfig", Only, **_GPTJ), TOKENS),
    "mpt": (lambda: _hub("MptForCausalLM", "MptConfig", Only, **_MPT), TOKENS),
    "helium": (_text("Helium", head_dim=16, hidden_size=64, pad_token_id=0), TOKENS),
    "nemotron": (_text("Nemotron", hidden_size=128, intermediate_size=256), TOKENS),
    "exaone": (_text("Exaone4", hidden_size=128, intermediate_size=192), TOKENS),
    "deepseek": (_text("DeepseekV3", **_DEEP), TOKENS),
}


def _drawn(source: str) -> Drawn:
    torch.set_num_threads(1)
    torch.manual_seed(13)
    kind, arguments = SOURCES[source]
    return _evened(shake(kind(), 31000 + sum(map(ord, source)))), arguments


def _evened(model: nn.Module) -> nn.Module:
    """Weights of many inputs made smaller, so that what goes through a deep model stays small."""
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() > 1:
                inputs = value.numel() / value.shape[0]
                value.mul_(min(1.0, 14.0 / inputs**0.5))
    return model


# --- how a case is built


def _follows(source: Path, target: Path, least: float) -> None:
    """An error where a file's outputs do not follow those of its source; what onnxruntime has no
    kernel for is asked of onnx's reference.
    """
    if any(node.op_type == "NhwcConv" for node in onnx.load(target).graph.node):
        return  # only for CUDA
    row = Rows(source).get_first()
    try:
        made = _answers(target, row)
    except Exception as error:  # onnxruntime's kinds are not importable by name
        words = ("NOT_IMPLEMENTED", "Could not find an implementation", "not supported")
        if not any(word in str(error) for word in words):
            raise
        from onnx.reference import ReferenceEvaluator

        found: Any = ReferenceEvaluator(onnx.load(target)).run(None, row)
        made = found[0].astype(np.float64).ravel()
    close = float(np.corrcoef(made, _answers(source, row))[0, 1])
    if not close >= least:
        raise ValueError(f"outputs do not follow the float model: {close:.3f}")


def _checked(tool: Tool, least: float) -> Tool:
    def checked(source: Path, target: Path) -> None:
        tool(source, target)
        _follows(source, target, least)

    return checked


def _plain(name: str, model: nn.Module, arguments: Any) -> list[tuple[str, Path]]:
    """What each exporter made of a model, once."""
    place = partial(known._exported, f"wider-quant-{name}", model, arguments)
    return [(each, path) for each in EXPORTERS if (path := place(each)) is not None]


def _crossed(
    source: str, tools: Mapping[str, Tool], least: float = 0.95, exporters: str = ""
) -> Builder:
    """Every tool on what one exporter made, the exporters in turn."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        found = _plain(source, model, arguments)
        found = [each for each in found if each[0] in (exporters or each[0])]
        if not found:
            raise RuntimeError("no exporter makes this model")
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[(number + len(folder.name)) % len(found)]
            known._run(folder, f"{exporter}-{name}", path, _checked(tool, least))

    return build


# --- onnxruntime's commands and lower parts


def _runner(*words: str) -> Tool:
    """The command for static quantization, its rows in folders beside the model."""

    def tool(source: Path, target: Path) -> None:
        place = target.with_name("model.onnx")
        shutil.copy(source, place)
        for number, row in enumerate(Rows(source)):
            beside = target.with_name(f"test_data_set_{number}")
            beside.mkdir()
            for at, value in enumerate(row.values()):
                held = onnx.numpy_helper.from_array(value)
                (beside / f"input_{at}.pb").write_bytes(held.SerializeToString())
        run = ["runner", "-i", str(place), "-o", str(target), *words]
        with patch.object(sys, "argv", run):
            _of("onnxruntime.quantization.static_quantize_runner.main")()

    return tool


def _tensorrt(method: str, **options: Any) -> Tool:
    """Ranges by a calibrator, then the quantizer of pairs: as examples for TensorRT have it."""

    def tool(source: Path, target: Path) -> None:
        calibrate: Any = importlib.import_module("onnxruntime.quantization.calibrate")
        made = target.with_name("augmented.onnx")
        kind = getattr(calibrate.CalibrationMethod, method)
        given = {"augmented_model_path": str(made), "calibrate_method": kind}
        held = calibrate.create_calibrator(str(source), [], **given)
        held.set_execution_providers(["CPUExecutionProvider"])
        held.collect_data(Rows(source))
        shaped = onnx.shape_inference.infer_shapes(onnx.load(source))
        quantizer = _of("onnxruntime.quantization.qdq_quantizer.QDQQuantizer")(
            shaped,
            options.pop("per_channel", True),
            False,
            _quant_type(S8),
            _quant_type(S8),
            held.compute_data(),
            [],
            [],
            ["Conv", "MatMul", "Gemm", "Add", "ConvTranspose"],
            {"ActivationSymmetric": True, "WeightSymmetric": True, **options},
        )
        quantizer.quantize_model()
        quantizer.model.save_model_to_file(str(target), False)

    return tool


def _phone(weights: str, **options: Any) -> Tool:
    """QNN's settings, some activations of 16 bits amid those of 8."""

    def tool(source: Path, target: Path) -> None:
        qnn: Any = importlib.import_module("onnxruntime.quantization.execution_providers.qnn")
        start = target.with_name("prepared.onnx")
        if not qnn.qnn_preprocess_model(str(source), str(start), fuse_layernorm=True):
            start = source
        nodes = onnx.load(start).graph.node
        some = [node.output[0] for node in nodes if node.op_type in ("Conv", "MatMul", "Gemm")]
        wide = {name: [{"quant_type": _quant_type(U16)}] for name in some[1::3]}
        config = qnn.get_qnn_qdq_config(
            str(start),
            Rows(source),
            activation_type=_quant_type(U8),
            weight_type=_quant_type(weights),
            init_overrides=wide,
            add_qtype_converts=True,
            **options,
        )
        _of("onnxruntime.quantization.quantize")(str(start), str(target), config)

    return tool


def _fused(kind: str, heads: int = 0, size: int = 0, level: int = 0) -> Tool:
    """onnxruntime.transformers' optimizer for a kind of model."""

    def tool(source: Path, target: Path) -> None:
        run: Any = _of("onnxruntime.transformers.optimizer.optimize_model")
        given = {"model_type": kind, "num_heads": heads, "hidden_size": size, "opt_level": level}
        run(str(source), **given).save_model_to_file(str(target))

    return tool


def _ready(model: nn.Module) -> nn.Module:
    torch.set_num_threads(1)
    return _evened(shake(model, 517))


def _tokenizer() -> Any:
    return _of("wild.other_quantizers._tokenizer")()


# --- brevitas' own models


def _ours(path: str, *words: Any, **options: Any) -> Callable[[], nn.Module]:
    return lambda: _of(f"brevitas_examples.{path}")(*words, **options)


def _binary_net(bits: int, acts: int) -> Callable[[], nn.Module]:
    """CNV, narrow."""

    def build() -> nn.Module:
        path = "brevitas_examples.bnn_pynq.models.CNV"
        pools = (False, True, False, True, False, False)
        widths = (24, 24, 32, 32, 48, 48)
        with (
            patch(f"{path}.CNV_OUT_CH_POOL", list(zip(widths, pools, strict=True))),
            patch(f"{path}.INTERMEDIATE_FC_FEATURES", [(48, 64), (64, 64)]),
            patch(f"{path}.LAST_FC_IN_FEATURES", 64),
        ):
            return _of(f"{path}.CNV")(10, bits, acts, 8, 3)  # type: ignore[no-any-return]

    return build


def _brevitas_case(
    model: Callable[[], nn.Module], shape: tuple[int, ...], older: bool, spread: bool = False
) -> Builder:
    """A model that brevitas ships, its scales learned from rows; each export from one of its own;
    older: only by the exporter of scripts; spread: weights between minus one and one, of which
    scales are fixed.
    """

    def ready() -> tuple[nn.Module, torch.Tensor]:
        torch.set_num_threads(1)
        torch.manual_seed(3)
        held = model()
        draw = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, value in held.named_parameters():
                if name.rpartition(".")[2] in ("weight", "bias") and "quant" not in name:
                    far = 1.0 if value.dim() == 1 and name.endswith("weight") else 0.0
                    values = torch.randn(value.shape, generator=draw) * 0.1
                    if spread and value.dim() > 1:
                        values = torch.rand(value.shape, generator=draw) * 1.8 - 0.9
                    value.copy_(values + far)
            held.train()
            row = torch.rand(shape, generator=draw)
            for _ in range(3):
                held(torch.rand((2, *shape[1:]), generator=draw))
            held.eval()
            held(row)
        return held, row

    def build(folder: Path) -> None:
        tell(ready()[0], folder)

        def write(form: str, options: Options, target: Path) -> None:
            exports: Any = importlib.import_module("brevitas.export")
            held, row = ready()
            with torch.no_grad():
                wanted: Any = held(row)
                wanted = getattr(wanted, "value", wanted)
                getattr(exports, f"export_{form}")(
                    held, args=(row,), export_path=str(target), **options
                )
            if form == "onnx_qcdq":
                made = _answers(target, _row_of(target, row))
                close = float(np.corrcoef(made, wanted.numpy().ravel())[0, 1])
                if not close > 0.9:
                    raise ValueError(f"outputs do not follow the module: {close:.3f}")

        forms: dict[str, tuple[str, Options]] = {
            "qcdq": ("onnx_qcdq", {"dynamo": False, "opset_version": 17}),
            "qonnx": ("qonnx", {"dynamo": False}),
            "qcdq-run": ("onnx_qcdq", {"dynamo": True}),
        }
        for name, (form, options) in forms.items():
            if not (older and options["dynamo"]):
                make(folder, name, partial(write, form, options))

    return build


def _row_of(path: Path, row: torch.Tensor) -> dict[str, Any]:
    held = onnx.load(path).graph
    stored = {value.name for value in held.initializer}
    names = [value.name for value in held.input if value.name not in stored]
    return {names[0]: row.numpy()}


# --- modules that are thinned or quantized before their export

Change = Callable[[nn.Module, tuple[torch.Tensor, ...]], nn.Module]


def _thinned(source: str, change: Change, tools: Mapping[str, Tool], least: float) -> Builder:
    """The checkpoint is that of the changed model: what a user trains on and keeps."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        model = change(model, arguments).eval()
        tell(model, folder)
        found = _plain(folder.name, model, arguments)
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[number % len(found)]
            known._run(folder, f"{exporter}-{name}", path, _checked(tool, least))

    return build


def _fewer(ratio: float, importance: str, **options: Any) -> Change:
    """Torch-Pruning: channels taken away, with all that depends on them."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        library: Any = importlib.import_module("torch_pruning")
        layers = [each for each in model.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
        pruner = library.pruner.BasePruner(
            model,
            arguments,
            importance=getattr(library.importance, importance)(),
            pruning_ratio=ratio,
            ignored_layers=[layers[-1]],
            **options,
        )
        pruner.step()
        return model

    return change


def _wanda(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
    """torchao's sparsifier by what goes through."""
    sparsity: Any = importlib.import_module("torchao.sparsity")
    sparsifier = sparsity.WandaSparsifier(sparsity_level=0.5)
    kinds = [name for name, each in model.named_modules() if type(each) is nn.Linear]
    sparsifier.prepare(model, [{"tensor_fqn": f"{name}.weight"} for name in kinds])
    for _ in range(3):
        model(*[torch.randint(0, 200, each.shape) for each in arguments])
    sparsifier.step()
    sparsifier.squash_mask()
    return model


def _exported_modules(
    source: str, writers: Mapping[str, tuple[str, Change]], least: float, **options: Any
) -> Builder:
    """Each changed module's export, held against the float model, whose checkpoint it is."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        plain = _plain(source, model, arguments)[-1][1]

        def write(exporter: str, change: Change, target: Path) -> None:
            held, given = _drawn(source)
            export(change(held, given), given, exporter, target, **options)
            names = [each.name for each in onnx.load(target).graph.input]
            rows = Rows(plain).get_first()
            row = dict(zip(names, rows.values(), strict=True))
            made, wanted = _answers(target, row), _answers(plain, rows)
            close = float(np.corrcoef(made, wanted)[0, 1])
            if not close >= least:
                raise ValueError(f"outputs do not follow the float model: {close:.3f}")

        for name, (exporter, change) in writers.items():
            make(folder, name, partial(write, exporter, change))

    return build


def _torchao(make_config: Callable[[Any], Any], kind: type = nn.Linear) -> Change:
    """torchao's ``quantize_`` of all layers of a kind but the last."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        library: Any = importlib.import_module("torchao.quantization")
        chosen = make_config(library)
        library.quantize_(
            model, chosen, lambda each, name: type(each) is kind and "head" not in name
        )
        return model

    return change


def _taught(library: Any) -> Any:
    """Fake quantization of weights in groups, as before training."""
    qat: Any = importlib.import_module("torchao.quantization.qat")
    types: Any = torch
    config = qat.IntxFakeQuantizeConfig(types.int4, group_size=32)
    return qat.QATConfig(weight_config=config, step="prepare")


# --- checkpoints that are quantized already, as transformers saves them


def _saved_case(
    config: Callable[[], Any],
    quantized: Callable[[Any, Path, Path], Any],
    tools: Mapping[str, Tool],
    exporter: str = "torchscript",
) -> Builder:
    """``quantized`` takes a float model, its folder and that of the quantized checkpoint, writes
    that, and answers the model as it is loaded from there to be exported.
    """

    def build(folder: Path) -> None:
        _declared()
        transformers: Any = importlib.import_module("transformers")
        torch.manual_seed(2)
        made: Any = _ready(transformers.AutoModelForCausalLM.from_config(config()))
        with tempfile.TemporaryDirectory() as work:
            made.save_pretrained(f"{work}/float")
            _tokenizer().save_pretrained(f"{work}/float")
            tell(made, folder)
            (folder / "ref.safetensors").unlink()
            held = quantized(made, Path(work) / "float", folder / "ref").float().eval()
            held.config._attn_implementation = "eager"
            with torch.no_grad():
                both = [Only(each)(*TOKENS).numpy().ravel() for each in (made, held)]
            if not np.corrcoef(*both)[0, 1] > 0.6:
                raise ValueError("the quantized checkpoint is not the model's")
            source = Path(work) / "source.onnx"
            export(Only(held), TOKENS, exporter, source)
            every: dict[str, Any] = {"plain": shutil.copy, **tools}
            for name, tool in every.items():
                known._run(folder, f"{exporter}-{name}", source, _checked(tool, 0.7))

    return build


def _bits_and_bytes(**options: Any) -> Any:
    """bitsandbytes, saved, and loaded to be taken apart."""

    def quantized(made: Any, plain: Path, place: Path) -> Any:
        transformers: Any = importlib.import_module("transformers")
        given = {"quantization_config": transformers.BitsAndBytesConfig(**options)}
        load: Any = transformers.AutoModelForCausalLM.from_pretrained
        load(plain, device_map="cpu", **given).save_pretrained(place)
        return load(place, device_map="cpu").dequantize()

    return quantized


def _pressed(scheme: str) -> Any:
    """llm-compressor, saved packed, and loaded as floats."""

    def quantized(made: Any, plain: Path, place: Path) -> Any:
        transformers: Any = importlib.import_module("transformers")
        library: Any = importlib.import_module("llmcompressor")
        kinds: Any = importlib.import_module("llmcompressor.modifiers.quantization")
        recipe = kinds.QuantizationModifier(targets="Linear", scheme=scheme, ignore=["lm_head"])
        load: Any = transformers.AutoModelForCausalLM.from_pretrained
        held = load(plain)
        library.oneshot(model=held, recipe=recipe, tokenizer=_tokenizer())
        held.save_pretrained(place, save_compressed=True)
        config = transformers.CompressedTensorsConfig(run_compressed=False)
        return load(place, quantization_config=config)

    return quantized


def _rounded(form: str, **options: Any) -> Any:
    """AutoRound's rounding to the nearest, saved as another tool's checkpoint."""

    def quantized(made: Any, plain: Path, place: Path) -> Any:
        transformers: Any = importlib.import_module("transformers")
        library: Any = importlib.import_module("auto_round")
        place.mkdir(exist_ok=True)
        load: Any = transformers.AutoModelForCausalLM.from_pretrained
        given = {"iters": 0, "disable_opt_rtn": True, "device_map": "cpu", **options}
        rounded = library.AutoRound(load(plain), tokenizer=_tokenizer(), **given)
        found, _ = rounded.quantize()
        kept = copy.deepcopy(found)
        rounded.save_quantized(str(place), format=form)
        for each in place.rglob("*"):  # some releases put it one folder below
            if each.is_file() and each.parent != place:
                shutil.move(str(each), place / each.name)
        return kept

    return quantized


# --- onnxruntime-genai's builder


def _genai_rounded(case: str, variants: Mapping[str, Any]) -> Builder:
    """The checkpoint that AutoRound wrote for another case, by the builder."""

    def build(folder: Path) -> None:
        genai: Any = importlib.import_module("wild.genai")
        other = folder.parent / case
        shutil.copy(other / "truth.json", folder)
        shutil.copytree(other / "ref", folder / "ref", dirs_exist_ok=True)
        family = genai.Family(lambda: None, {})
        with tempfile.TemporaryDirectory() as work:
            source = Path(work) / "tiny"
            shutil.copytree(folder / "ref", source)
            _tokenizer().save_pretrained(source)
            for name, words in variants.items():
                call = genai.Variant(*words)
                make(folder, name, partial(genai.run_builder, source, family, call))

    return build


# --- Olive from a folder of transformers


def _flow(config: Callable[[], Any], flows: Mapping[str, list[Options]]) -> Builder:
    """Workflows of Olive: its passes in turn on a checkpoint's folder."""

    def build(folder: Path) -> None:
        _declared()
        transformers: Any = importlib.import_module("transformers")
        made: Any = _ready(transformers.AutoModelForCausalLM.from_config(config()))
        tell(made, folder)

        def write(passes: list[Options], target: Path) -> None:
            with tempfile.TemporaryDirectory() as work:
                made.save_pretrained(f"{work}/tiny")
                _tokenizer().save_pretrained(f"{work}/tiny")
                source = {
                    "type": "HfModel",
                    "model_path": f"{work}/tiny",
                    "task": "text-generation",
                }
                result = _of("olive.workflows.run")(
                    {
                        "input_model": source,
                        "passes": {f"p{at}": each for at, each in enumerate(passes)},
                        "output_dir": f"{work}/out",
                        "cache_dir": f"{work}/cache",
                        "log_severity_level": 3,
                        "no_artifacts": False,
                    }
                )
                best = result.get_best_candidate() if result else None
                found = [Path(best.model_path)] if best else []
                found = [path / "model.onnx" if path.is_dir() else path for path in found]
                if not found:
                    raise RuntimeError("Olive made no model")
                onnx.save(onnx.load(found[0]), target)

        for name, passes in flows.items():
            make(folder, name, partial(write, passes))

    return build


# --- Keras and TensorFlow Lite, by way of tf2onnx


def _keras_net(kind: str, keras: Any) -> Any:
    """Small models of Keras: separable kernels, a way down and up, or residual blocks."""
    layers = keras.layers
    if kind == "separable":
        image = keras.Input((24, 24, 3), name="image")
        held = layers.Conv2D(16, 3, 2, "same", use_bias=False)(image)
        held = layers.ReLU(6.0)(layers.BatchNormalization()(held))
        for size, step in ((24, 2), (40, 1)):
            held = layers.DepthwiseConv2D(3, step, "same", use_bias=False)(held)
            held = layers.ReLU(6.0)(layers.BatchNormalization()(held))
            held = layers.Conv2D(size, 1, padding="same", use_bias=False)(held)
            held = layers.ReLU(6.0)(layers.BatchNormalization()(held))
        held = layers.Dense(10)(layers.GlobalAveragePooling2D()(held))
        return keras.Model(image, held)
    if kind == "outline":
        image = keras.Input((16, 16, 2), name="image")
        first = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
        held = layers.MaxPooling2D()(first)
        held = layers.Conv2D(32, 3, padding="same", activation="relu")(held)
        held = layers.Conv2DTranspose(16, 2, 2, activation="relu")(held)
        held = layers.Concatenate()([first, held])
        held = layers.Conv2D(16, 3, padding="same", activation="relu")(held)
        return keras.Model(image, layers.Conv2D(4, 1)(held))
    image = keras.Input((16, 16, 3), name="image")
    held = layers.Conv2D(24, 3, padding="same")(image)
    held = layers.ReLU()(layers.BatchNormalization()(held))
    for _ in range(2):
        more = layers.Conv2D(24, 3, padding="same", activation="relu")(held)
        more = layers.BatchNormalization()(layers.Conv2D(24, 3, padding="same")(more))
        held = layers.ReLU()(layers.Add()([held, more]))
    held = layers.Dense(32, activation="relu")(layers.Flatten()(layers.AveragePooling2D(4)(held)))
    return keras.Model(image, layers.Dense(7)(held))


def _drawn_keras(kind: str) -> tuple[Any, list[Any]]:
    """A model of the older Keras, its weights drawn, and rows of what goes in."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    keras: Any = importlib.import_module("tf_keras")
    draw = np.random.default_rng(list(kind.encode()))
    model = _keras_net(kind, keras)
    for variable in model.weights:
        values = draw.standard_normal(variable.shape).astype(np.float32)
        inputs = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 100
        values *= min(0.4, 1.4 * inputs**-0.5)
        if "variance" in variable.name:
            values = np.abs(values) + 0.5
        variable.assign(values + 1 if "gamma" in variable.name else values)
    shape = model.inputs[0].shape[1:]
    return model, [draw.standard_normal((1, *shape)).astype(np.float32) for _ in range(24)]


def _told_keras(model: Any, folder: Path) -> None:
    names = [
        [each.name, [int(size) for size in each.shape], []] for each in model.trainable_weights
    ]
    (folder / "truth.json").write_text(json.dumps(names))
    model.save(str(folder / "ref.h5"))


def _run_tf(*words: str) -> None:
    """tf2onnx's command."""
    with patch.object(sys, "argv", ["tf2onnx", *words]):
        _of("tf2onnx.convert.main")()


def _follows_keras(target: Path, model: Any, row: Any, least: float) -> None:
    import onnxruntime as ort

    session = ort.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    value = session.get_inputs()[0]
    if value.type != "tensor(float)":
        return  # codes go in: what runs it scales them
    if list(value.shape)[1:] != list(row.shape)[1:]:
        row = np.moveaxis(row, -1, 1)
        made = session.run(None, {value.name: row})[0]
    else:
        made = session.run(None, {value.name: row})[0]
    row = row if row.shape[1:] == model.inputs[0].shape[1:] else np.moveaxis(row, 1, -1)
    wanted = np.asarray(model(row, training=False))
    close = float(np.corrcoef(made.ravel(), wanted.ravel())[0, 1])
    if not close >= least:
        raise ValueError(f"outputs do not follow the float model: {close:.3f}")


def _lite(model: Any, rows: list[Any], form: str) -> bytes:
    """What TensorFlow Lite's converter makes: weights only, whole integers, or halves."""
    tf: Any = importlib.import_module("tensorflow")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if form in ("integer", "integer-io"):
        converter.representative_dataset = lambda: ([row] for row in rows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if form == "integer-io":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if form == "half":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()  # type: ignore[no-any-return]


LITE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "integer": ("integer", ("--opset", "17")),
    "integer-io": ("integer-io", ("--opset", "15")),
    "integer-float": ("integer", ("--opset", "16", "--dequantize")),
    "weights": ("weights", ("--opset", "18")),
    "weights-float": ("weights", ("--opset", "13", "--dequantize")),
    "float16": ("half", ("--opset", "17")),
}


def _lite_case(kind: str, taught: bool = False) -> Builder:
    """TensorFlow Lite's files by tf2onnx; taught: of a model with nodes of training."""

    def build(folder: Path) -> None:
        model, rows = _drawn_keras(kind)
        if taught:
            model = _taught_keras(model, rows)
        _told_keras(model, folder)

        def write(form: str, words: tuple[str, ...], target: Path) -> None:
            with tempfile.TemporaryDirectory() as work:
                Path(work, "m.tflite").write_bytes(_lite(model, rows, form))
                _run_tf("--tflite", f"{work}/m.tflite", "--output", str(target), *words)
            _follows_keras(target, model, rows[0], 0.9)

        for name, (form, words) in LITE.items():
            if not taught or form == "integer":
                make(folder, name, partial(write, "weights" if taught else form, words))

    return build


def _taught_keras(model: Any, rows: list[Any]) -> Any:
    """Nodes of training around every layer, their ranges learned from rows."""
    library: Any = importlib.import_module("tensorflow_model_optimization.python.core.api")
    quantize: Any = library.quantization.keras.quantize_model
    keras: Any = importlib.import_module("tf_keras")
    held = quantize(model)
    held.compile(keras.optimizers.SGD(1e-3), "mse")
    every = np.concatenate(rows)
    held.fit(every, np.asarray(model(every)), batch_size=8, epochs=2, verbose=0)
    return held


def _taught_case(kind: str) -> Builder:
    """A model of Keras trained with nodes of quantization, by tf2onnx as it is."""

    def build(folder: Path) -> None:
        model, rows = _drawn_keras(kind)
        held = _taught_keras(model, rows)
        _told_keras(held, folder)
        convert: Any = importlib.import_module("tf2onnx.convert")
        tf: Any = importlib.import_module("tensorflow")
        specs = [tf.TensorSpec((1, *rows[0].shape[1:]), tf.float32, name="image")]

        def write(opset: int, given: Options, target: Path) -> None:
            convert.from_keras(held, specs, opset=opset, output_path=str(target), **given)
            _follows_keras(target, held, rows[0], 0.9)

        def saved(target: Path) -> None:
            with tempfile.TemporaryDirectory() as work:
                held.save(f"{work}/saved", save_format="tf")
                words = ("--saved-model", f"{work}/saved", "--opset", "17")
                _run_tf(*words, "--output", str(target))
            _follows_keras(target, held, rows[0], 0.9)

        make(folder, "opset13", partial(write, 13, {}))
        turned = {"inputs_as_nchw": ["image"]} if len(rows[0].shape) == 4 else {}
        make(folder, "opset18-turned", partial(write, 18, turned))
        make(folder, "saved-model", saved)

    return build


def _thinned_case(kind: str) -> Builder:
    """Keras' pruning to a schedule, or weights in clusters, then quantized after the export."""

    def build(folder: Path) -> None:
        library: Any = importlib.import_module("tensorflow_model_optimization.python.core.api")
        keras: Any = importlib.import_module("tf_keras")
        model, rows = _drawn_keras(kind)
        every = np.concatenate(rows)
        wanted = np.asarray(model(every))
        cluster: Any = library.clustering.keras
        starts: Any = cluster.CentroidInitialization.KMEANS_PLUS_PLUS
        held = cluster.cluster_weights(model, number_of_clusters=16, cluster_centroids_init=starts)
        held.compile(keras.optimizers.SGD(1e-3), "mse")
        held.fit(every, wanted, batch_size=8, epochs=1, verbose=0)
        kept = cluster.strip_clustering(held)
        _told_keras(kept, folder)
        convert: Any = importlib.import_module("tf2onnx.convert")
        tf: Any = importlib.import_module("tensorflow")
        specs = [tf.TensorSpec((1, *rows[0].shape[1:]), tf.float32, name="image")]
        with tempfile.TemporaryDirectory() as work:
            source = Path(work) / "source.onnx"
            convert.from_keras(kept, specs, opset=15, output_path=str(source))
            for name, tool in {"qdq": _static(activations=U8), "dynamic": _dynamic()}.items():
                known._run(folder, name, source, _checked(tool, 0.9))

    return build


# --- the cases

U8, S8, U16, S16, U4, S4 = "QUInt8", "QInt8", "QUInt16", "QInt16", "QUInt4", "QInt4"


def _extra(**options: Any) -> Options:
    return {"extra_options": options}


IMAGES: dict[str, Tool] = {
    "qdq": _static(activations=U8, per_channel=True, before="prep"),
    "qdq-plain": _static(),
    "percentile": _static(
        activations=U8, method="Percentile", per_channel=True, **_extra(CalibPercentile=99.99)
    ),
    "operators": _static("QOperator", U8, U8, before="prep"),
    "dynamic": _dynamic(U8),
    "half": _half(),
}
WORDS: dict[str, Tool] = {
    "dynamic": _dynamic(),
    "dynamic-channels": _dynamic(before="prep", per_channel=True, reduce_range=True),
    "half": _half(keep_io_types=True),
    "qdq": _static(activations=U8, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True),
    "int4": _blocks(block_size=32, is_symmetric=True, accuracy_level=4),
    "int8": _blocks(block_size=32, bits=8),
}
SOUNDS: dict[str, Tool] = {
    "dynamic": _dynamic(U8, per_channel=True),
    "dynamic-linear": _dynamic(op_types_to_quantize=["MatMul", "Gemm", "LSTM", "GRU"]),
    "qdq": _static(activations=U8, weights=U8, before="prep"),
    "qdq-16": _static(activations=U16, per_channel=True),
    "half": _common_half(keep_io_types=True),
}

ASKED: dict[str, Tool] = {
    "command": _runner("--per_channel"),
    "command-u16": _runner(
        "--activation_type", "quint16", "--weight_type", "qint8", "--calib_tensor_range_symmetric"
    ),
    "command-kept": _runner(
        "--qdq_keep_removable_activations",
        "--dedicated_qdq_pair",
        "--disable_quantize_bias",
        "--calibration_method",
        "percentile",
    ),
    "command-operators": _runner("--quant_format", "qoperator", "--calib_moving_average"),
    "tensorrt": _tensorrt("Entropy", QuantizeBias=False, DedicatedQDQPair=True),
    "tensorrt-pairs": _tensorrt("MinMax", AddQDQPairToWeight=True, QuantizeBias=False),
    "phone-mixed": _phone(U8),
    "phone-mixed-channels": _phone(S8, per_channel=True, weight_symmetric=True),
    "half-qdq": _chain(_half(keep_io_types=True), _static(activations=U8, per_channel=True)),
}
UNET: dict[str, Tool] = {
    "qdq": _static(activations=U8, per_channel=True, before="prep"),
    "a16": _static(activations=U16, per_channel=True, op_types_to_quantize=["Conv", "MatMul"]),
    "int4": _blocks(block_size=16, is_symmetric=True),
}
VAE: dict[str, Tool] = {
    "fused-half": _chain(_fused("vae"), _half(keep_io_types=True)),
    "dynamic": _dynamic(U8),
    "operators": _static("QOperator", U8, U8, op_types_to_quantize=["Conv"]),
}
THIN: dict[str, Tool] = {
    "qdq": _static(activations=U8, per_channel=True, before="prep"),
    "dynamic": _dynamic(),
    "half": _half(),
    "operators": _static("QOperator", U8, S8),
}
AO: dict[str, tuple[str, Change]] = {
    "taught-4": ("dynamo", _torchao(_taught)),
}
_TINY: Options = {**_DECODER, "hidden_size": 128, "intermediate_size": 256, "head_dim": 32}


def _config(name: str, **sizes: Any) -> Callable[[], Any]:
    return lambda: _of(f"transformers.{name}")(**{**_TINY, **sizes})


CONVERTED: Options = {"type": "OnnxConversion", "use_dynamo_exporter": True}
FLOWS: Mapping[str, list[Options]] = {
    "dynamo-rtn": [
        {**CONVERTED, "torch_dtype": "float32"},
        {"type": "OnnxBlockWiseRtnQuantization", "block_size": 32, "is_symmetric": True},
    ],
    "hqq": [CONVERTED, {"type": "OnnxHqqQuantization", "block_size": 32}],
}
BLOCKED: dict[str, Tool] = {"int4": _blocks(block_size=32), "dynamic": _dynamic(per_channel=True)}

CASES: dict[str, Builder] = {
    "efficient2-asked": _crossed("efficient2", ASKED, 0.85),
    "attended-asked": _crossed("attended", ASKED, 0.85),
    "pvt-asked": _crossed("pvt", ASKED, 0.85),
    "denoiser-fused": _crossed("denoiser", UNET, 0.85),
    "autoencoder-fused": _crossed("autoencoder", VAE, 0.85),
    "narrow-net": _brevitas_case(_binary_net(2, 2), (1, 3, 32, 32), False, True),
    "upscaler-4": _brevitas_case(
        _ours("super_resolution.models.espcn.quant_espcn_base", 2, 4, 4), (1, 3, 12, 12), False
    ),
    "separable-4": _brevitas_case(
        _ours(
            "imagenet_classification.models.mobilenetv1.MobileNet",
            channels=[[16], [24], [32, 32], [48]],
            first_stage_stride=False,
            act_bit_width=4,
            weight_bit_width=4,
            round_average_pool=True,
            avg_pool_kernel_size=4,
            num_classes=20,
        ),
        (1, 3, 32, 32),
        True,
    ),
    "efficient2-thinned": _thinned(
        "efficient2", _fewer(0.3, "GroupMagnitudeImportance"), THIN, 0.8
    ),
    "attended-thinned": _thinned(
        "attended", _fewer(0.4, "MagnitudeImportance", round_to=4, global_pruning=True), THIN, 0.8
    ),
    "rembert-sparse": _thinned("rembert", _wanda, WORDS, 0.8),
    "nemotron-torchao": _exported_modules("nemotron", AO, 0.8),
    "sentences-torchao": _exported_modules("sentences", AO, 0.8),
    "bits-nf4": _saved_case(
        _config("LlamaConfig"),
        _bits_and_bytes(load_in_4bit=True, bnb_4bit_quant_type="nf4"),
        BLOCKED,
    ),
    "bits-fp4-nested": _saved_case(
        _config("Qwen2Config", tie_word_embeddings=True),
        _bits_and_bytes(load_in_4bit=True, bnb_4bit_use_double_quant=True),
        {"half": _half(keep_io_types=True)},
    ),
    "pressed-w4": _saved_case(_config("Qwen3Config"), _pressed("W4A16"), BLOCKED),
    "pressed-float8": _saved_case(_config("LlamaConfig"), _pressed("FP8_DYNAMIC"), {}),
    "rounded-gptq": _saved_case(
        _config("LlamaConfig"), _rounded("auto_gptq", scheme="W4A16", group_size=32), BLOCKED
    ),
    "rounded-gptq-genai": _genai_rounded(
        "rounded-gptq",
        {
            "int4-cpu": ("int4", "cpu"),
            "int4-cuda": ("int4", "cuda", ("block_size=32",)),
            "int4-qdq": ("int4", "cpu", ("use_qdq=true",)),
        },
    ),
    "helium-flow": _flow(_config("HeliumConfig"), FLOWS),
    "qwen3-flow": _flow(_config("Qwen3Config", tie_word_embeddings=True), FLOWS),
    "separable-lite-tf": _lite_case("separable"),
    "outline-lite-tf": _lite_case("outline"),
    "residual-taught-tf": _taught_case("residual"),
    "residual-taught-lite-tf": _lite_case("residual", taught=True),
    "residual-clustered-tf": _thinned_case("residual"),
    "mobilenet3-plain": _crossed("mobilenet3", IMAGES, 0.85),
    "efficient2-plain": _crossed("efficient2", IMAGES, 0.85),
    "shufflenet-plain": _crossed("shufflenet", IMAGES, 0.85),
    "maxvit-plain": _crossed("maxvit", IMAGES, 0.85),
    "levit-plain": _crossed("levit", IMAGES, 0.85),
    "standard-plain": _crossed("standard", IMAGES, 0.85),
    "detector-plain": _crossed("detector", IMAGES, 0.85),
    "attended-plain": _crossed("attended", IMAGES, 0.85),
    "keywords-plain": _crossed("keywords", SOUNDS, 0.9),
    "raw-plain": _crossed("raw", SOUNDS, 0.9),
    "speech-plain": _crossed("speech", SOUNDS, 0.9),
    "tasnet-plain": _crossed("tasnet", SOUNDS, 0.9),
    "clicks-plain": _crossed("clicks", WORDS, 0.9),
    "sentences-plain": _crossed("sentences", WORDS, 0.9),
    "convbert-plain": _crossed("convbert", WORDS, 0.9),
    "rembert-plain": _crossed("rembert", WORDS, 0.9),
    "xlnet-plain": _crossed("xlnet", WORDS, 0.8),
    "gptj-plain": _crossed("gptj", WORDS, 0.8),
    "mpt-plain": _crossed("mpt", WORDS, 0.8),
    "helium-plain": _crossed("helium", WORDS, 0.8),
    "exaone-plain": _crossed("exaone", WORDS, 0.8),
    "deepseek-plain": _crossed("deepseek", WORDS, 0.8),
}
OPENED = frozenset(CASES)
