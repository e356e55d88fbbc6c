"""Quantizers on architectures that no earlier kind has, held out until they had been measured.

What runs on onnxruntime's CPU provider is compared with the float model, and is not kept where its
outputs do not follow; what onnxruntime has no kernel for is asked of onnx's reference. Every weight
is the checkpoint's, rounded, but in cases whose names end in ``-moved``: their steps change
weights on purpose (smoothing, channels made equal, roundings or biases that are corrected).
"""

from __future__ import annotations

import copy
import importlib
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from wild import later_quantizers as later
from wild import quantizers as known
from wild.fresh_quantizers import _configured, _extra, _without
from wild.fresh_sources import _DECODER, _ENCODER, TOKENS, Seen
from wild.kept_quantizers import (
    Coded,
    _aimet,
    _compressed,
    _compressor,
    _compressor_blocks,
    _mixed,
    _nncf,
    _quark,
    _transformers,
)
from wild.later_quantizers import Written, _asked, _followed, _observed, _put, _rows, _wide
from wild.quantizers import (
    Only,
    Options,
    Rows,
    Tool,
    _blocks,
    _bnb4,
    _chain,
    _common_half,
    _dynamic,
    _half,
    _modelopt,
    _modelopt_rows,
    _olive,
    _olive_static,
    _optimized,
    _qnn,
    _quant_type,
    _simplified,
    _slim,
    _static,
)
from wild.unseen_quantizers import _answers, _named, _of, _raised, _saved
from wild.workshop import EXPORTERS, Builder, export, make, shake, tell

# --- source models


class Painter(nn.Module):
    """A generator: rows to images by transposed convolutions with norms of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(40, 48 * 16)
        self.bn0 = nn.BatchNorm1d(48 * 16)
        self.up1 = nn.ConvTranspose2d(48, 36, 4, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(36)
        self.up2 = nn.ConvTranspose2d(36, 24, 5, stride=2, padding=2, output_padding=1)
        self.bn2 = nn.BatchNorm2d(24)
        self.rgb = nn.ConvTranspose2d(24, 3, 3, padding=1)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.bn0(self.fc(noise))).view(-1, 48, 4, 4)
        held = torch.relu(self.bn1(self.up1(held)))
        held = nn.functional.leaky_relu(self.bn2(self.up2(held)), 0.2)
        return torch.tanh(self.rgb(held) * 0.3)


class Outline(nn.Module):
    """Down and up with joined maps between: a net of segments whose ways up are transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.inc, self.down1 = self._twice(3, 16), self._twice(16, 32)
        self.down2 = self._twice(32, 48)
        self.up2 = nn.ConvTranspose2d(48, 32, 2, stride=2)
        self.conv2 = self._twice(64, 32)
        self.up1 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.conv1 = self._twice(32, 16)
        self.outc = nn.Conv2d(16, 5, 1)

    @staticmethod
    def _twice(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        pool = nn.functional.max_pool2d
        first = self.inc(image)
        second = self.down1(pool(first, 2))
        held = self.down2(pool(second, 2))
        held = self.conv2(torch.cat((second, self.up2(held)), 1))
        return self.outc(self.conv1(torch.cat((first, self.up1(held)), 1)))  # type: ignore


class Columns(nn.Module):
    """Categories' tables and numbers of a row, then linear layers with norms of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(200, size) for size in (12, 20))
        self.numbers = nn.BatchNorm1d(32)
        self.layers = nn.Sequential(
            nn.Linear(64, 160),
            nn.BatchNorm1d(160),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(160, 96, bias=False),
            nn.BatchNorm1d(96),
            nn.SiLU(),
            nn.Linear(96, 96),
            nn.BatchNorm1d(96),
            nn.ReLU(),
        )
        self.output = nn.Linear(96, 28)

    def forward(self, kind: torch.Tensor, place: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        looked = [table(each) for table, each in zip(self.tables, (kind, place), strict=True)]
        held = torch.cat((*looked, self.numbers(row)), 1)
        return self.output(self.layers(held))  # type: ignore[no-any-return]


class Pocket(nn.Module):
    """Separable convolutions throughout, of other kernels and strides, as MobileNetV3 has them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish())
        )
        for inputs, wide, outputs, kernel in ((16, 48, 24, 3), (24, 72, 24, 5), (24, 88, 40, 3)):
            self.features.append(
                nn.Sequential(
                    nn.Conv2d(inputs, wide, 1, bias=False),
                    nn.BatchNorm2d(wide),
                    nn.ReLU(),
                    nn.Conv2d(wide, wide, kernel, padding=kernel // 2, groups=wide, bias=False),
                    nn.BatchNorm2d(wide),
                    nn.Hardswish(),
                    nn.Conv2d(wide, outputs, 1, bias=False),
                    nn.BatchNorm2d(outputs),
                )
            )
        self.classifier = nn.Sequential(nn.Linear(40, 64), nn.Hardswish(), nn.Linear(64, 30))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(image).mean((2, 3)))  # type: ignore


class Dense(nn.Module):
    """Every layer takes the maps of all before it; norms come before convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 24, 3, padding=1, bias=False)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm1": nn.BatchNorm2d(24 + 12 * at),
                    "conv1": nn.Conv2d(24 + 12 * at, 48, 1, bias=False),
                    "norm2": nn.BatchNorm2d(48),
                    "conv2": nn.Conv2d(48, 12, 3, padding=1, bias=False),
                }
            )
            for at in range(3)
        )
        self.norm5 = nn.BatchNorm2d(60)
        self.classifier = nn.Linear(60, 26)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = self.conv0(image)
        for each in self.layers:
            layer: Any = each
            new = layer["conv1"](torch.relu(layer["norm1"](held)))
            held = torch.cat((held, layer["conv2"](torch.relu(layer["norm2"](new)))), 1)
        return self.classifier(torch.relu(self.norm5(held)).mean((2, 3)))  # type: ignore


class Marks(nn.Module):
    """A tagger: tables of words and of their shapes, a GRU and an LSTM, scores of transitions."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.forms = nn.Embedding(200, 36), nn.Embedding(8, 12)
        self.gru = nn.GRU(48, 40, num_layers=2, batch_first=True, bidirectional=True)
        self.lstm = nn.LSTM(80, 44, batch_first=True)
        self.tags = nn.Linear(44, 16)
        self.transitions = nn.Parameter(torch.empty(16, 16))

    def forward(self, words: torch.Tensor, forms: torch.Tensor) -> torch.Tensor:
        held, _ = self.gru(torch.cat((self.words(words), self.forms(forms)), -1))
        held, _ = self.lstm(held)
        scores = self.tags(held)
        return scores + torch.softmax(scores, -1) @ self.transitions  # type: ignore


class Twins(nn.Module):
    """Two images by one network, compared; one layer of rows is called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 20, 5, 2, 2), nn.ReLU(), nn.Conv2d(20, 40, 3, 2, 1, bias=False)
        )
        self.norm = nn.BatchNorm2d(40)
        self.step = nn.Linear(40, 40)
        self.far = nn.Linear(80, 32, bias=False)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        both = []
        for image in (left, right):
            held = torch.relu(self.norm(self.trunk(image))).mean((2, 3))
            for _ in range(3):
                held = held + torch.tanh(self.step(held))
            both.append(held)
        return self.far(torch.cat((both[0] - both[1], both[0] * both[1]), -1))  # type: ignore


class Echo(nn.Module):
    """Codes of rows and back by the same weights turned, beside tables that are tied."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(200, 48)
        self.encode = nn.Linear(48, 96)
        self.narrow = nn.Linear(96, 24, bias=False)
        self.back = nn.Parameter(torch.empty(96))
        self.last = nn.Parameter(torch.empty(48))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.encode(self.embed(tokens)))
        held = self.narrow(held) @ self.narrow.weight + self.back
        held = torch.relu(held) @ self.encode.weight + self.last
        return held @ self.embed.weight.T


class Gates(nn.Module):
    """Dilated convolutions of one axis with gates, skips and residuals, as WaveNet has them."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(6, 32, 1)
        self.filters = nn.ModuleList(
            nn.Conv1d(32, 64, 2, dilation=2**at, padding=2**at) for at in range(3)
        )
        self.residuals = nn.ModuleList(nn.Conv1d(32, 32, 1) for _ in range(3))
        self.skips = nn.ModuleList(nn.Conv1d(32, 40, 1, bias=False) for _ in range(3))
        self.post, self.out = nn.Conv1d(40, 48, 1), nn.Conv1d(48, 20, 1)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        held, total = self.front(wave), torch.zeros(())
        for wide, back, skip in zip(self.filters, self.residuals, self.skips, strict=True):
            left, right = wide(held)[..., : held.shape[-1]].chunk(2, 1)
            new = torch.tanh(left) * torch.sigmoid(right)
            held, total = held + back(new), total + skip(new)
        return self.out(torch.relu(self.post(torch.relu(total))))  # type: ignore


class Both(nn.Module):
    """A model of two sequences that answers its logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, decoder_input_ids: torch.Tensor) -> torch.Tensor:
        given = {"decoder_input_ids": decoder_input_ids, "use_cache": False}
        return self.model(input_ids, return_dict=False, **given)[0]  # type: ignore


class Spoken(nn.Module):
    """A model of sound that answers its logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.model(input_values, return_dict=False)[0]  # type: ignore[no-any-return]


class Bare(Only):
    """A model of tokens that takes no mask."""

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids, use_cache=False, return_dict=False)[0]  # type: ignore


class Past(nn.Module):
    """A forecaster that answers its first output."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, past_values: torch.Tensor) -> torch.Tensor:
        return self.model(past_values).prediction_outputs  # type: ignore[no-any-return]


def _hub(kind: str, config: str, wrap: Callable[[nn.Module], nn.Module], **sizes: Any) -> nn.Module:
    import transformers

    chosen: Any = getattr(transformers, config)(**sizes)
    chosen._attn_implementation = "eager"
    chosen._experts_implementation = "batched_mm"
    return wrap(getattr(transformers, kind)(chosen))


def _text(kind: str, task: str = "ForCausalLM", config: str = "", **sizes: Any) -> Any:
    base = _DECODER if task == "ForCausalLM" else _ENCODER
    chosen = config or f"{kind}Config"
    return lambda: _hub(kind + task, chosen, Only, **{**base, **sizes})


def _seen(kind: str, task: str = "ForImageClassification", config: str = "", **sizes: Any) -> Any:
    chosen = config or f"{kind}Config"
    return lambda: _hub(kind + task, chosen, Seen, **{"num_labels": 30, **sizes})


def _detr() -> nn.Module:
    transformers: Any = importlib.import_module("transformers")
    back: Any = transformers.ResNetConfig(
        embedding_size=16, hidden_sizes=[24, 48], depths=[1, 1], out_features=["stage2"]
    )
    config: Any = transformers.DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=back,
        num_queries=6,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_labels=10,
    )
    config._attn_implementation = "eager"
    return Seen(transformers.DetrForObjectDetection(config))


_EXPERTS: Options = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
_T5: Options = {"vocab_size": 220, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 1}
_T5 |= {"num_heads": 4, "feed_forward_proj": "relu", "decoder_start_token_id": 0}
_BART: Options = {"vocab_size": 220, "d_model": 64, "encoder_layers": 1, "decoder_layers": 1}
_BART |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 128}
_BART |= {"decoder_ffn_dim": 128, "max_position_embeddings": 64}
_HEARD: Options = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_HEARD |= {"intermediate_size": 128, "conv_dim": [32, 32], "conv_stride": [5, 4], "vocab_size": 30}
_HEARD |= {"conv_kernel": [10, 4], "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 16}
_HEARD |= {"num_conv_pos_embedding_groups": 4, "layerdrop": 0.0, "mask_time_prob": 0.0}
_SIZED: Options = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_PATCHES: Options = {**_SIZED, "image_size": 16, "patch_size": 4}
_MOBILE: Options = {"hidden_sizes": [32, 48, 64], "neck_hidden_sizes": [8, 16, 24, 32, 48, 64, 96]}
_MOBILE |= {"num_attention_heads": 4, "image_size": 64, "mlp_ratio": 2.0}
_EFFICIENT: Options = {"width_coefficient": 0.3, "depth_coefficient": 0.2, "hidden_dim": 384}
_SEGMENTS: Options = {"depths": [1, 1], "num_encoder_blocks": 2, "sr_ratios": [2, 1]}
_SEGMENTS |= {"hidden_sizes": [32, 64], "num_attention_heads": [2, 4], "decoder_hidden_size": 32}
_SEGMENTS |= {"patch_sizes": [3, 3], "strides": [2, 2], "mlp_ratios": [2, 2], "num_labels": 9}
_SWIN2: Options = {"image_size": 16, "patch_size": 2, "embed_dim": 32, "depths": [1, 1]}
_SWIN2 |= {"num_heads": [2, 4], "window_size": 4}
_MODERN: Options = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "cls_token_id": 1}
_MODERN |= {"sep_token_id": 1, "local_attention": 8, "global_attn_every_n_layers": 2}
_PATCHED: Options = {"num_input_channels": 3, "context_length": 32, "patch_length": 8}
_PATCHED |= {"patch_stride": 8, "prediction_length": 12, "d_model": 64, "num_hidden_layers": 2}
_PATCHED |= {"num_attention_heads": 4, "ffn_dim": 96}
_WAVE = (torch.zeros(1, 400),)
_TWO = (*TOKENS, torch.arange(5)[None] % 2)
IMAGE = (torch.zeros(1, 3, 16, 16),)
WIDE_IMAGE = (torch.zeros(1, 3, 32, 32),)
BIG_IMAGE = (torch.zeros(1, 3, 64, 64),)
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "painter": (Painter, (torch.zeros(2, 40),)),
    "outline": (Outline, IMAGE),
    "columns": (Columns, (torch.arange(4) * 7, torch.arange(4) % 2, torch.zeros(4, 32))),
    "pocket": (Pocket, WIDE_IMAGE),
    "dense": (Dense, IMAGE),
    "marks": (Marks, (*TOKENS, torch.arange(11)[None] % 2)),
    "twins": (Twins, (*IMAGE, *IMAGE)),
    "echo": (Echo, TOKENS),
    "gates": (Gates, (torch.zeros(1, 6, 24),)),
    "mixtral": (_text("Mixtral", num_local_experts=4, intermediate_size=96), TOKENS),
    "qwenmoe": (
        _text("Qwen2Moe", **_EXPERTS, shared_expert_intermediate_size=96, decoder_sparse_step=1),
        TOKENS,
    ),
    "gemma2": (_text("Gemma2", head_dim=16, query_pre_attn_scalar=16), TOKENS),
    "gemma3": (_text("Gemma3", config="Gemma3TextConfig", head_dim=16, hidden_size=96), TOKENS),
    "mistral": (
        _text("Mistral", hidden_size=128, num_key_value_heads=1, intermediate_size=256),
        TOKENS,
    ),
    "falcon": (_text("Falcon", multi_query=True, new_decoder_architecture=False), TOKENS),
    "phi3": (_text("Phi3", pad_token_id=0, hidden_size=128, intermediate_size=128), TOKENS),
    "smol": (_text("SmolLM3", tie_word_embeddings=True, pad_token_id=0), TOKENS),
    "codegen": (
        lambda: _hub(
            "CodeGenForCausalLM",
            "CodeGenConfig",
            Bare,
            vocab_size=220,
            n_embd=64,
            n_layer=2,
            n_head=4,
            rotary_dim=8,
            n_positions=64,
        ),
        TOKENS,
    ),
    "mamba": (
        lambda: _hub(
            "MambaForCausalLM",
            "MambaConfig",
            Bare,
            vocab_size=220,
            hidden_size=64,
            state_size=8,
            num_hidden_layers=2,
            use_mambapy=False,
        ),
        TOKENS,
    ),
    "t5": (lambda: _hub("T5ForConditionalGeneration", "T5Config", Both, **_T5), _TWO),
    "bart": (lambda: _hub("BartForConditionalGeneration", "BartConfig", Both, **_BART), _TWO),
    "modern": (_text("ModernBert", "ForMaskedLM", **_MODERN), TOKENS),
    "deberta": (
        _text("DebertaV2", "ForMaskedLM", relative_attention=True, pos_att_type=["p2c", "c2p"]),
        TOKENS,
    ),
    "mobilebert": (
        _text(
            "MobileBert",
            "ForMaskedLM",
            embedding_size=32,
            intra_bottleneck_size=32,
            intermediate_size=64,
            num_feedforward_networks=2,
        ),
        TOKENS,
    ),
    "xlmr": (_text("XLMRoberta", "ForMaskedLM"), TOKENS),
    "wav2vec": (
        lambda: _hub("Wav2Vec2ForCTC", "Wav2Vec2Config", Spoken, **_HEARD),
        _WAVE,
    ),
    "hubert": (
        lambda: _hub("HubertForCTC", "HubertConfig", Spoken, **_HEARD, do_stable_layer_norm=True),
        _WAVE,
    ),
    "conformer": (
        lambda: _hub("Wav2Vec2ConformerForCTC", "Wav2Vec2ConformerConfig", Spoken, **_HEARD),
        _WAVE,
    ),
    "mobilevit": (_seen("MobileViT", **_MOBILE), BIG_IMAGE),
    "mobilenet": (_seen("MobileNetV2", depth_multiplier=0.25), WIDE_IMAGE),
    "efficient": (_seen("EfficientNet", **_EFFICIENT), WIDE_IMAGE),
    "swin2": (_seen("Swinv2", **_SWIN2), IMAGE),
    "convnext2": (
        _seen("ConvNextV2", num_stages=2, hidden_sizes=[32, 64], depths=[1, 1], patch_size=2),
        IMAGE,
    ),
    "detr": (_detr, WIDE_IMAGE),
    "segments": (_seen("Segformer", "ForSemanticSegmentation", **_SEGMENTS), IMAGE),
    "dino": (_seen("Dinov2", **_PATCHES, mlp_ratio=2), IMAGE),
    "deit": (_seen("DeiT", **_PATCHES, intermediate_size=128), IMAGE),
    "pool": (
        _seen("PoolFormer", depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 48, 64]),
        WIDE_IMAGE,
    ),
    "clip": (
        _seen(
            "CLIPVisionModel",
            "WithProjection",
            config="CLIPVisionConfig",
            **_PATCHES,
            intermediate_size=128,
            projection_dim=40,
        ),
        IMAGE,
    ),
    "patched": (
        lambda: _hub("PatchTSTForPrediction", "PatchTSTConfig", Past, **_PATCHED),
        (torch.zeros(1, 32, 3),),
    ),
}


def _drawn(source: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.set_num_threads(1)
    torch.manual_seed(7)
    kind, arguments = SOURCES[source]
    return shake(kind(), 11000 + sum(map(ord, source))), arguments


def _checked(tool: Tool, least: float) -> Tool:
    """The tool, and an error where its outputs do not follow those of its source. Operators of
    Quark's own are not registered with onnxruntime: what has them is not run.
    """

    def checked(source: Path, target: Path) -> None:
        tool(source, target)
        if not any("quark" in node.domain for node in onnx.load(target).graph.node):
            _followed(lambda source, target: None, least)(source, target)

    return checked


def _crossed(
    source: str,
    tools: Mapping[str, Tool],
    least: float = 0.97,
    opset: int = 0,
    exporters: tuple[str, ...] = EXPORTERS,
) -> Builder:
    """Every tool on what one exporter made, the exporters in turn; opset: only the older one, and
    as that version of the operators.
    """

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        if opset:
            old = Path(tempfile.gettempdir()) / "wild-sources" / f"other-{source}-{opset}.onnx"
            old.parent.mkdir(parents=True, exist_ok=True)
            export(model, arguments, "torchscript", old, opset_version=opset)
            held = onnx.load(old)
            del held.graph.value_info[:]
            onnx.save(held, old)
            found = [("torchscript", old)]
        else:
            place = partial(known._exported, f"other-{source}", model, arguments)
            found = [(each, path) for each in exporters if (path := place(each)) is not None]
        for number, (name, tool) in enumerate(tools.items()):
            exporter, path = found[(number + len(folder.name)) % len(found)]
            variant = f"{exporter}-{name}"
            known._run(folder, variant, path, _checked(tool, least))
            made = folder / variant / "model.onnx"
            if name.endswith("external") and made.exists():
                beside: Options = {"location": "weights.bin", "size_threshold": 256}
                onnx.save(onnx.load(made), made, save_as_external_data=True, **beside)

    return build


def _modules(
    source: str, writers: Mapping[str, Callable[[Path], None]], least: float = 0.97
) -> Builder:
    """Each writer's artifact, held against the float module."""

    def build(folder: Path) -> None:
        model, arguments = _drawn(source)
        tell(model, folder)
        place = partial(known._exported, f"other-{source}", model, arguments)
        plain = place("torchscript") or place("dynamo")
        if plain is None:
            raise RuntimeError("no float model to compare with")

        def checked(write: Callable[[Path], None], target: Path) -> None:
            write(target)
            first = Rows(plain).get_first()
            held = onnx.load(target)
            stored = {value.name for value in held.graph.initializer}
            given = [value for value in held.graph.input if value.name not in stored]
            del held.graph.input[:]
            held.graph.input.extend(given)
            row = dict(zip((value.name for value in given), first.values(), strict=True))
            if any("qonnx" in node.domain for node in held.graph.node):
                wrapped = _of("qonnx.core.modelwrapper.ModelWrapper")(held)
                shapes = _of("qonnx.transformation.infer_shapes.InferShapes")()
                held = wrapped.transform(shapes).model
            with tempfile.TemporaryDirectory() as work:
                bare = Path(work) / "bare.onnx"
                onnx.save(held, bare)
                found = float(np.corrcoef(_asked(bare, row), _answers(plain, first))[0, 1])
            if not found >= least:
                raise ValueError(f"outputs do not follow the float model: {found:.3f}")

        for name, write in writers.items():
            make(folder, name, partial(checked, write))

    return build


# --- onnxruntime, as its other users call it


def _for_the_web(mode: str, **options: Any) -> Tool:
    """The modes in which models for browsers are shipped, as transformers.js's script has them."""

    def tool(source: Path, target: Path) -> None:
        held = onnx.load(source)
        if mode == "q8":
            kinds: Any = importlib.import_module("onnxruntime.quantization.onnx_quantizer")
            words: Any = importlib.import_module("onnxruntime.quantization.registry")
            given = {"per_channel": True, "reduce_range": True, **options}
            quantizer = kinds.ONNXQuantizer(
                onnx.shape_inference.infer_shapes(held),
                given["per_channel"],
                given["reduce_range"],
                mode=_of("onnxruntime.quantization.QuantizationMode").IntegerOps,
                static=False,
                weight_qType=_quant_type(given.get("kind", "QInt8")),
                activation_qType=_quant_type("QUInt8"),
                tensors_range=None,
                nodes_to_quantize=[],
                nodes_to_exclude=[],
                op_types_to_quantize=list(words.IntegerOpsRegistry),
                extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
            )
            quantizer.quantize_model()
            onnx.save(quantizer.model.model, target)
            return
        if mode.startswith("q4"):
            with tempfile.TemporaryDirectory() as work:
                made = Path(work) / "made.onnx"
                given = {"block_size": 32, "is_symmetric": True, **options}
                _blocks(**given)(source, made)
                held = onnx.load(made)
        if mode.endswith("f16"):
            convert = _of("onnxruntime.transformers.float16.convert_float_to_float16")
            blocked = [*_of("onnxruntime.transformers.float16.DEFAULT_OP_BLOCK_LIST"), "Cast"]
            held = convert(held, keep_io_types=True, op_block_list=blocked)
        onnx.save(held, target)

    return tool


def _session(level: str, **entries: str) -> Tool:
    """What a session writes down of its graph, with entries of its configuration."""

    def tool(source: Path, target: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_{level}")
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 4
        for name, value in entries.items():
            options.add_session_config_entry(f"session.{name}", value)
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])

    return tool


def _bounded(high: float, **options: Any) -> Tool:
    """Weights whose ranges are given by hand, a little beyond their greatest number."""

    def tool(source: Path, target: Path) -> None:
        held = onnx.load(source).graph
        values = {each.name: numpy_helper.to_array(each) for each in held.initializer}
        over = {}
        for node in held.node:
            if node.op_type in ("Conv", "MatMul", "Gemm") and node.input[1] in values:
                top = float(np.abs(values[node.input[1]]).max()) * high
                ends = {"rmin": np.float32(-top), "rmax": np.float32(top), "symmetric": True}
                over[node.input[1]] = [{"quant_type": _quant_type("QInt8"), **ends}]
        given = {**options.pop("extra_options", {}), "TensorQuantOverrides": over}
        _static(extra_options=given, **options)(source, target)

    return tool


def _edges(tool: Callable[..., Tool], option: str, **options: Any) -> Tool:
    """All but the first and the last layer, as is often done."""

    def named(source: Path, target: Path) -> None:
        held = onnx.load(source).graph
        kinds = ("Conv", "MatMul", "Gemm", "ConvTranspose")
        names = [node.name for node in held.node if node.op_type in kinds]
        tool(**{option: [names[0], names[-1]]}, **options)(source, target)

    return named


# --- steps before and after

_scripted = _saved(lambda held: _of("onnxscript.optimizer.optimize")(held))
_rewritten = _saved(lambda held: _of("onnxscript.rewriter.rewrite")(held))
_inlined = _saved(lambda held: _of("onnx.inliner.inline_local_functions")(held))
_prefixed = _saved(lambda held: _of("onnx.compose.add_prefix")(held, "net/"))
_every_fusion = _saved(
    lambda held: _of("onnxoptimizer.optimize")(
        held, list(_of("onnxoptimizer.get_fuse_and_elimination_passes")())
    )
)


def _ort_fusions(source: Path, target: Path) -> None:
    """onnxscript's rewriting to onnxruntime's own operators."""
    ir: Any = importlib.import_module("onnx_ir")
    library: Any = importlib.import_module("onnxscript.rewriter.ort_fusions")
    held, _ = library.optimize_for_ort(ir.load(str(source)))
    ir.save(held, str(target))


def _versioned(opset: int) -> Tool:
    """onnxscript's converter of versions."""

    def tool(source: Path, target: Path) -> None:
        ir: Any = importlib.import_module("onnx_ir")
        held = ir.load(str(source))
        _of("onnxscript.version_converter.convert_version")(held, opset, fallback=True)
        ir.save(held, str(target))

    return tool


def _passes(*names: str) -> Tool:
    """Passes of onnx_ir in turn."""

    def tool(source: Path, target: Path) -> None:
        ir: Any = importlib.import_module("onnx_ir")
        common: Any = importlib.import_module("onnx_ir.passes.common")
        held = ir.load(str(source))
        for name in names:
            held = getattr(common, f"{name}Pass")()(held).model
        ir.save(held, str(target))

    return tool


def _extracted(source: Path, target: Path) -> None:
    """What lies between all inputs and all outputs."""
    graph = onnx.load(source).graph
    ends = [[each.name for each in values] for values in (graph.input, graph.output)]
    onnx.utils.extract_model(str(source), str(target), ends[0], ends[1])


def _behind(source: Path, target: Path) -> None:
    """A small graph of preparation before the model, joined to it by onnx.compose."""
    held = onnx.load(source)
    nodes, inputs, outputs, pairs = [], [], [], []
    for value in held.graph.input:
        kind = value.type.tensor_type
        shape = [size.dim_value or 1 for size in kind.shape.dim]
        first, last = f"raw_{value.name}", f"ready_{value.name}"
        nodes.append(helper.make_node("Identity", [first], [last]))
        inputs.append(helper.make_tensor_value_info(first, kind.elem_type, shape))
        outputs.append(helper.make_tensor_value_info(last, kind.elem_type, shape))
        pairs.append((last, value.name))
    before = helper.make_model(helper.make_graph(nodes, "prepare", inputs, outputs))
    before.opset_import[0].version = next(o.version for o in held.opset_import if not o.domain)
    before.ir_version = held.ir_version
    onnx.save(onnx.compose.merge_models(before, held, pairs, prefix2="m_"), target)


def _as_nodes(source: Path, target: Path) -> None:
    """Every stored tensor in a node of its own at the head of the graph."""
    held = onnx.load(source)
    graph = held.graph
    first = [
        helper.make_node("Constant", [], [each.name], name=f"c{at}", value=each)
        for at, each in enumerate(graph.initializer)
    ]
    nodes = [*first, *graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    onnx.save(held, target)


def _numbered(source: Path, target: Path) -> None:
    """Names taken away: every value is a number, inputs and outputs but for their place too."""
    held = onnx.load(source)
    graph = held.graph
    names: dict[str, str] = {"": ""}
    for group in (graph.input, graph.initializer, graph.output):
        for each in group:
            names.setdefault(each.name, str(len(names)))
            each.name = names[each.name]
    for node in graph.node:
        node.name = node.doc_string = ""
        for side in (node.input, node.output):
            for place, name in enumerate(side):
                side[place] = names.setdefault(name, str(len(names)))
    del graph.value_info[:], graph.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
    onnx.save(held, target)


def _surgeon(change: Callable[[Any], Any]) -> Tool:
    """A script of onnx-graphsurgeon."""

    def tool(source: Path, target: Path) -> None:
        graph = _of("onnx_graphsurgeon.import_onnx")(onnx.load(source))
        change(graph)
        graph.cleanup(remove_unused_graph_inputs=False).toposort()
        onnx.save(_of("onnx_graphsurgeon.export_onnx")(graph), target)

    return tool


def _split_bias(graph: Any) -> None:
    """Gemm as MatMul and Add, its weight turned beforehand."""
    library: Any = importlib.import_module("onnx_graphsurgeon")
    for node in [each for each in graph.nodes if each.op == "Gemm"]:
        weight = node.inputs[1].values
        turned = np.ascontiguousarray(weight.T if node.attrs.get("transB") else weight)
        given = [node.inputs[0], library.Constant(f"{node.name}_w", turned)]
        out = library.Variable(f"{node.name}_mm", dtype=np.float32)
        output = node.outputs[0]
        node.outputs.clear()
        graph.nodes.append(library.Node("MatMul", f"{node.name}_MatMul", {}, given, [out]))
        if len(node.inputs) > 2:
            more = [out, node.inputs[2]]
            graph.nodes.append(library.Node("Add", f"{node.name}_Add", {}, more, [output]))
        else:
            graph.nodes.append(library.Node("Identity", f"{node.name}_out", {}, [out], [output]))


def _pinto(name: str, call: str, given: str = "input_onnx_file_path", **options: Any) -> Tool:
    """One of PINTO's simple tools for files."""

    def tool(source: Path, target: Path) -> None:
        run = _of(f"{name}.{call}")
        words = {given: str(source), "output_onnx_file_path": str(target), **options}
        run(non_verbose=True, **words)

    return tool


# --- ways of storing weights


def _spread(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 8 bits times a scale and a least number added: as TensorFlow.js stores them."""
    low = float(weight.min())
    scale = (float(weight.max()) - low) / 255
    codes = np.round((weight - low) / scale).astype(np.uint8)
    held = written.to_float(written.hold("quantized", codes))
    held = written.run("Mul", [held, written.hold("scale", np.array(scale, np.float32))])
    return written.run("Add", [held, written.hold("min", np.array(low, np.float32))])


def _spread_rows(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """The same of every output by itself, the offset first: (codes + offset) * scale."""
    rows = _rows(weight, outputs)
    low, high = rows.min(1), rows.max(1)
    scale = (high - low) / 255
    wide = [_wide(part, weight.ndim, outputs) for part in (scale, low / scale)]
    codes = np.round(weight / wide[0] - wide[1]).astype(np.uint8)
    held = written.to_float(written.hold("data", codes))
    held = written.run("Add", [held, written.hold("offset", wide[1])])
    return written.run("Mul", [written.hold("scale", wide[0]), held])


def _vectors(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """A book of vectors of four numbers, and a place in it for every four."""
    if weight.size % 4 or weight.size < 2048:
        return written.hold("kept", weight)
    draw = np.random.default_rng(3)
    vectors = weight.reshape(-1, 4).astype(np.float64)
    book = vectors[draw.choice(len(vectors), 256, replace=len(vectors) < 256)]
    for _ in range(12):
        near = ((vectors[:, None] - book) ** 2).sum(-1).argmin(1)
        for at in np.unique(near):
            book[at] = vectors[near == at].mean(0)
    near = ((vectors[:, None] - book) ** 2).sum(-1).argmin(1)
    places = written.run(
        "Cast", [written.hold("assignments", near.astype(np.uint8))], to=TensorProto.INT64
    )
    found = written.run("Gather", [written.hold("codebook", book.astype(np.float32)), places])
    return written.shaped(found, weight.shape)


def _outliers(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Four inputs of the greatest numbers in half precision, the others in codes of 8 bits."""
    count = weight.shape[inputs]
    if count < 16:
        return written.hold("kept", weight)
    tops = np.abs(_rows(weight, inputs)).max(1)
    order = np.argsort(-tops)
    first, rest = order[:4], np.sort(order[4:])
    coded = Coded(weight.take(rest, inputs).astype(np.float64), 8, outputs, False, 0)
    codes, scale, _ = coded.parts()
    given = [
        written.hold("int8", codes.astype(np.int8)),
        written.hold("scale", np.asarray(scale, np.float32)),
    ]
    low = written.run("DequantizeLinear", given, axis=outputs)
    high = written.to_float(written.hold("outliers", weight.take(first, inputs).astype(np.float16)))
    joined = written.run("Concat", [low, high], axis=inputs)
    back = np.argsort(np.concatenate([rest, first]))
    return written.run("Gather", [joined, written.hold("order", back)], axis=inputs)


def _low_rank(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 4 bits, and two thin matrices for the most of what those leave."""
    coded = Coded(weight.astype(np.float64), 4, outputs, False, 0)
    codes, scale, _ = coded.parts()
    given = [
        written.hold("qweight", codes.astype(ml_dtypes.int4)),
        written.hold("scale", np.asarray(scale, np.float32)),
    ]
    held = written.run("DequantizeLinear", given, axis=outputs)
    if weight.ndim != 2 or min(weight.shape) < 16:
        return held
    left, values, right = np.linalg.svd(weight - coded.codes * coded.scale, full_matrices=False)
    up = written.hold("lora_up", (left[:, :8] * values[:8]).astype(np.float32))
    down = written.hold("lora_down", right[:8].astype(np.float32))
    return written.run("Add", [held, written.run("MatMul", [up, down])])


def _super_blocks(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Blocks of 32 codes of 4 bits; their scales and least numbers are codes of 6 bits, eight of
    them to a scale in half precision each: GGUF's Q4_K.
    """
    if weight.size % 256:
        return written.hold("f32", weight)
    blocks = weight.reshape(-1, 8, 32).astype(np.float64)
    low = np.minimum(blocks.min(-1), 0)
    scale = (blocks.max(-1) - low) / 15
    whole = [np.float16(part.max(1, keepdims=True) / 63) for part in (scale, -low)]
    parts = [
        np.clip(np.ceil(part / np.maximum(top, np.float16(1e-6))), 0, 63)
        for part, top in zip((scale, -low), whole, strict=True)
    ]
    steps, least = (part * top.astype(np.float64) for part, top in zip(parts, whole, strict=True))
    raised = (blocks + least[..., None]) / np.maximum(steps, 1e-9)[..., None]
    codes = np.clip(np.round(raised), 0, 15)
    made = []
    for word, part, top in zip(("scales", "mins"), parts, whole, strict=True):
        small = written.to_float(written.hold(word, part.astype(np.uint8)))
        wide = written.to_float(written.hold("d" + word[:-1], top))
        axis = written.hold(f"{word}_axis", np.array([2], np.int64))
        made.append(written.run("Unsqueeze", [written.run("Mul", [small, wide]), axis]))
    held = written.to_float(written.hold("qs", codes.astype(np.uint8)))
    held = written.run("Sub", [written.run("Mul", [held, made[0]]), made[1]])
    return written.shaped(held, weight.shape)


def _half_blocks(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Blocks of 32 codes of 8 bits with a scale in half precision: GGUF's Q8_0."""
    if weight.size % 32:
        return written.hold("f32", weight)
    blocks = weight.reshape(-1, 32)
    scale = (np.abs(blocks).max(1, keepdims=True) / 127).astype(np.float16)
    codes = np.round(blocks / scale.astype(np.float32)).astype(np.int8)
    held = written.to_float(written.hold("qs", codes))
    held = written.run("Mul", [held, written.to_float(written.hold("d", scale))])
    return written.shaped(held, weight.shape)


def _planes(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 16 bits as two bytes, the high one signed."""
    scale = float(np.abs(weight).max()) / 32767
    codes = np.round(weight / scale).astype(np.int64)
    high = written.to_float(written.hold("hi", (codes >> 8).astype(np.int8)))
    low = written.to_float(written.hold("lo", (codes & 255).astype(np.uint8)))
    base = written.hold("base", np.array(256, np.float32))
    held = written.run("Add", [written.run("Mul", [high, base]), low])
    return written.run("Mul", [held, written.hold("scale", np.array(scale, np.float32))])


def _repeated(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Scales of groups of 16 inputs, spread over their inputs in the graph."""
    if weight.ndim != 2 or weight.shape[inputs] % 16:
        return written.hold("kept", weight)
    rows = weight if inputs == 1 else weight.T
    groups = rows.reshape(rows.shape[0], -1, 16).astype(np.float64)
    scale = np.abs(groups).max(-1, keepdims=True) / 7
    codes = np.round(groups / scale).astype(np.int8).reshape(rows.shape)
    shape = written.hold("expanded", np.array(groups.shape, np.int64))
    wide = written.run("Expand", [written.hold("scales", scale.astype(np.float32)), shape])
    held = written.to_float(written.hold("qweight", codes))
    made = written.run("Mul", [held, written.shaped(wide, rows.shape)])
    return made if inputs == 1 else written.run("Transpose", [made], perm=[1, 0])


def _exponents(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Floats of 8 bits whose scales are biased exponents in a byte, one for 32 inputs."""
    if weight.ndim != 2 or weight.shape[inputs] % 32:
        return written.hold("kept", weight)
    rows = weight if inputs == 1 else weight.T
    groups = rows.reshape(rows.shape[0], -1, 32)
    power = np.ceil(np.log2(np.abs(groups).max(-1, keepdims=True) / 448))
    codes = (groups / 2.0**power).astype(ml_dtypes.float8_e4m3fn)
    bias = written.hold("bias", np.array(127, np.float32))
    base = written.hold("two", np.array(2, np.float32))
    stored = written.to_float(written.hold("scales", (power + 127).astype(np.uint8)))
    scale = written.run("Pow", [base, written.run("Sub", [stored, bias])])
    held = written.run("Mul", [written.to_float(written.hold("elements", codes)), scale])
    made = written.shaped(held, rows.shape)
    return made if inputs == 1 else written.run("Transpose", [made], perm=[1, 0])


def _padded(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Outputs and inputs filled up to whole sixteens, and cut back in the graph."""
    coded = Coded(weight.astype(np.float64), 8, outputs, False, 0)
    codes, scale, _ = coded.parts()
    more = [-size % 16 if at in (outputs, inputs) else 0 for at, size in enumerate(weight.shape)]
    if not any(more):
        more[outputs] = 16
    filled = np.pad(codes.astype(np.int8), [(0, each) for each in more])
    scales = np.pad(np.asarray(scale, np.float32), (0, more[outputs]), constant_values=1)
    given = [written.hold("padded", filled), written.hold("scales", scales)]
    held = written.run("DequantizeLinear", given, axis=outputs)
    ends = np.array(weight.shape, np.int64)
    return written.run(
        "Slice", [held, written.hold("starts", np.zeros_like(ends)), written.hold("ends", ends)]
    )


def _masks(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Three values chosen by two masks."""
    rows = np.abs(_rows(weight, outputs))
    kept = rows > 0.7 * rows.mean(1, keepdims=True)
    alpha = _wide((rows * kept).sum(1) / kept.sum(1), weight.ndim, outputs)
    over = 0.7 * _wide(rows.mean(1), weight.ndim, outputs)
    zero = written.hold("zero", np.array(0, np.float32))
    high = written.hold("alpha", alpha)
    low = written.run("Neg", [high])
    inner = written.run("Where", [written.hold("minus", weight < -over), low, zero])
    return written.run("Where", [written.hold("plus", weight > over), high, inner])


def _stacked_codes(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes with a row a scale in one tensor of floats: the first column is the scale."""
    rows = _rows(weight, outputs).astype(np.float64)
    scale = np.abs(rows).max(1, keepdims=True) / 127
    joined = np.concatenate([scale, np.round(rows / scale)], 1).astype(np.float32)
    sizes = written.hold("sizes", np.array([1, rows.shape[1]], np.int64))
    name = f"{written.title}_parts"
    parts = [f"{name}_s", f"{name}_q"]
    given = [written.hold("fused", joined), sizes]
    written.nodes.append(helper.make_node("Split", given, parts, axis=1))
    held = written.run("Mul", [parts[1], parts[0]])
    whole = written.shaped(held, np.moveaxis(weight, outputs, 0).shape)
    return whole if outputs == 0 else later._moved(written, whole, weight.ndim, outputs)


def _two_bits(written: Written, weight: Any, outputs: int, inputs: int) -> str:
    """Codes of 2 bits for all but the sixteenth greatest numbers, which are put in as they are."""
    flat = weight.ravel()
    count = max(1, flat.size // 16)
    places = np.sort(np.argpartition(-np.abs(flat), count)[:count])
    rest = flat.copy()
    rest[places] = 0
    coded = Coded(rest.reshape(weight.shape).astype(np.float64), 2, outputs, True, 0)
    held = written.to_float(written.hold("codes", coded.codes.astype(np.uint8)))
    zero = written.hold("zeros", coded.points.astype(np.float32))
    held = written.run("Sub", [held, zero])
    held = written.run("Mul", [held, written.hold("scales", coded.scale.astype(np.float32))])
    one = written.hold("flat", np.array([-1], np.int64))
    given = [written.run("Reshape", [held, one]), written.hold("where", places[:, None])]
    made = written.run("ScatterND", [*given, written.hold("dense", flat[places])])
    return written.shaped(made, weight.shape)


# --- modules that are quantized before their export

Change = Callable[[nn.Module, tuple[torch.Tensor, ...]], Any]  # answers the module to export


def _exported_as(source: str, exporter: str, change: Change, **options: Any) -> Any:
    def write(target: Path) -> None:
        model, arguments = _drawn(source)
        export(change(model, arguments), arguments, exporter, target, **options)

    return write


def _each(source: str, table: Mapping[str, tuple[str, Change]], **options: Any) -> Any:
    return {
        name: _exported_as(source, exporter, change, **options)
        for name, (exporter, change) in table.items()
    }


def _layers(model: nn.Module, but: str = "lm_head") -> list[tuple[str, nn.Linear]]:
    return [
        (name, layer)
        for name, layer in model.named_modules()
        if type(layer) is nn.Linear and not name.endswith(but)
    ]


def _fx(engine: str, taught: bool = False, converted: bool = True) -> Change:
    """torch's quantization of traced graphs; taught: as for training, norms within layers; not
    converted: with the nodes of training.
    """

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        steps: Any = importlib.import_module("torch.ao.quantization.quantize_fx")
        library: Any = importlib.import_module("torch.ao.quantization")
        torch.backends.quantized.engine = "qnnpack" if engine == "qnnpack" else "fbgemm"
        rows = _observed(arguments)
        if taught:
            chosen = library.get_default_qat_qconfig_mapping(engine, version=0)
            held = steps.prepare_qat_fx(model.train(), chosen, rows[0])
            _settle(held)
        else:
            held = steps.prepare_fx(model, library.get_default_qconfig_mapping(engine), rows[0])
        for row in rows:
            held(*row)
        held.apply(library.disable_observer)
        return steps.convert_fx(held) if converted else held.eval()

    return change


def _settle(held: nn.Module) -> None:
    """Statistics stay the checkpoint's while ranges are observed."""
    library: Any = importlib.import_module("torch.ao.nn.intrinsic.qat")
    held.eval()
    held.apply(library.freeze_bn_stats)


def _captured(per_channel: bool, dynamic: bool = False, taught: bool = False) -> Change:
    """XNNPACK's quantizer of captured graphs, as for ExecuTorch."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        steps: Any = importlib.import_module("torchao.quantization.pt2e.quantize_pt2e")
        kinds: Any = importlib.import_module("torchao.testing.pt2e._xnnpack_quantizer")
        given = {"is_per_channel": per_channel, "is_dynamic": dynamic, "is_qat": taught}
        config = kinds.get_symmetric_quantization_config(**given)
        quantizer = kinds.XNNPACKQuantizer().set_global(config)
        rows = _observed(arguments)
        held = steps.prepare_pt2e(torch.export.export(model, rows[0]).module(), quantizer)
        for row in rows:
            held(*row)
        return steps.convert_pt2e(held)

    return change


def _compressed_module(**weights: Any) -> Change:
    """compressed-tensors: what llm-compressor leaves in a model before it is packed."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("compressed_tensors.quantization")
        scheme = library.QuantizationScheme(
            targets=["Linear"], weights=library.QuantizationArgs(**weights)
        )
        config = library.QuantizationConfig(
            config_groups={"group_0": scheme}, ignore=["re:.*lm_head$"]
        )
        library.apply_quantization_config(model, config)
        helpers: Any = importlib.import_module("compressed_tensors.quantization.utils")
        with torch.no_grad():
            for _, layer in _layers(model):
                each: Any = layer
                chosen = each.quantization_scheme.weights
                group = chosen.group_size or layer.in_features
                held = layer.weight
                whole = chosen.strategy == "tensor"
                rows = held.reshape(1, -1) if whole else held.reshape(held.shape[0], -1, group)
                scale, zero = helpers.calculate_qparams(rows.amin(-1), rows.amax(-1), chosen)
                shape = each.weight_scale.shape
                each.weight_scale.data = scale.reshape(shape).float()
                if hasattr(each, "weight_zero_point"):
                    each.weight_zero_point.data = zero.reshape(shape)
        return _with_codes(model)

    return change


def _with_codes(model: nn.Module) -> nn.Module:
    """compressed-tensors' layers as plain ones, whose weights are what their codes stand for."""
    quantized: Any = importlib.import_module("compressed_tensors.quantization.lifecycle.forward")
    with torch.no_grad():
        for _, layer in _layers(model):
            each: Any = layer
            point = getattr(each, "weight_zero_point", None)
            chosen = each.quantization_scheme.weights
            held = quantized.fake_quantize(layer.weight, each.weight_scale, point, chosen)
            layer.weight.data = held
            each.quantization_enabled = False
            vars(layer).pop("forward", None)
    return model


def _core(kind: str, **options: Any) -> Change:
    """coremltools on the module: tables of few numbers or codes, left as floats."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        if kind == "palette":
            library: Any = importlib.import_module("coremltools.optimize.torch.palettization")
            config = library.PostTrainingPalettizerConfig.from_dict({"global_config": options})
            return library.PostTrainingPalettizer(model, config).compress(num_kmeans_workers=1)
        library = importlib.import_module("coremltools.optimize.torch.quantization")
        config = library.PostTrainingQuantizerConfig.from_dict({"global_config": options})
        return library.PostTrainingQuantizer(model, config).compress()

    return change


def _hqq(bits: int, group: int, axis: int = 1) -> Change:
    """HQQ's layers, whose codes are taken apart in the graph."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("hqq.core.quantize")
        settings = library.BaseQuantizeConfig(nbits=bits, group_size=group, axis=axis)
        for name, layer in _layers(model):
            place, _, last = name.rpartition(".")
            made = library.HQQLinear(layer, settings, compute_dtype=torch.float32, device="cpu")
            setattr(model.get_submodule(place), last, made)
        library.HQQLinear.set_backend(library.HQQBackend.PYTORCH)
        return model.eval()

    return change


def _quanto(kind: str, dequantized: bool = False) -> Change:
    """optimum-quanto's frozen layers; dequantized: what they stand for."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("optimum.quanto")
        held = copy.deepcopy(model)
        library.quantize(held, weights=getattr(library, kind))
        library.freeze(held)
        if not dequantized:
            return held
        with torch.no_grad():
            for name, layer in _layers(model, but="?"):
                each: Any = held.get_submodule(name).weight
                if hasattr(each, "dequantize"):
                    layer.weight.copy_(each.dequantize())
        return model

    return change


def _bits_and_bytes(kind: str, size: int, nested: bool = False) -> Change:
    """bitsandbytes' numbers of 4 bits, and back to floats, as a merged model is exported."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("bitsandbytes.functional")
        with torch.no_grad():
            for _, layer in _layers(model):
                packed, state = library.quantize_4bit(
                    layer.weight.data, blocksize=size, compress_statistics=nested, quant_type=kind
                )
                layer.weight.copy_(library.dequantize_4bit(packed, state))
        return model

    return change


def _torchao(settings: str, *words: Any, **options: Any) -> Change:
    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> nn.Module:
        library: Any = importlib.import_module("torchao.quantization")
        chosen = getattr(library, settings)(*words, **options)
        library.quantize_(
            model, chosen, lambda each, name: type(each) is nn.Linear and "lm_head" not in name
        )
        return model

    return change


def _groups(size: int) -> Any:
    return _of("torchao.quantization.granularity.PerGroup")(size)


def _intx(bits: int, size: int, dynamic: bool = False) -> Change:
    """Codes of few bits in groups; dynamic: activations of 8 bits too."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        kind: Any = vars(torch)[f"int{bits}"]
        given = {"weight_dtype": kind}
        given["weight_granularity" if dynamic else "granularity"] = _groups(size)
        name = "Int8DynamicActivationIntxWeightConfig" if dynamic else "IntxWeightOnlyConfig"
        return _torchao(name, **given)(model, arguments)

    return change


def _brevitas(
    source: str, form: str, dynamo: bool = False, layers: bool = False, **options: Any
) -> Callable[[Path], None]:
    """brevitas on a traced graph, or on its layers alone, and its export."""

    def write(target: Path) -> None:
        library: Any = importlib.import_module("brevitas.graph.quantize")
        calibrate: Any = importlib.import_module("brevitas.graph.calibrate")
        exports: Any = importlib.import_module("brevitas.export")
        model, arguments = _drawn(source)
        rows = _observed(arguments)
        if layers:
            held = library.layerwise_quantize(model, **options)
        else:
            held = library.preprocess_for_quantize(model, equalize_iters=0, **options)
            held = library.quantize(held)
        held.eval()
        with torch.no_grad():
            with calibrate.calibration_mode(held):
                for row in rows:
                    held(*row)
            with calibrate.bias_correction_mode(held) if form == "moved" else torch.no_grad():
                held(*rows[0])
            call = exports.export_qonnx if form == "qonnx" else exports.export_onnx_qcdq
            call(held, args=rows[0], export_path=str(target), dynamo=dynamo)

    return write


def _torch_modelopt(source: str, settings: str) -> Callable[[Path], None]:
    """Model Optimizer on the module itself, and its own export."""

    def write(target: Path) -> None:
        library: Any = importlib.import_module("modelopt.torch.quantization")
        deploy: Any = importlib.import_module("modelopt.torch._deploy.utils")
        model, arguments = _drawn(source)
        rows = _observed(arguments)
        chosen = copy.deepcopy(getattr(library, settings))
        held = library.quantize(model, chosen, lambda each: [each(*row) for row in rows])
        made, _ = deploy.get_onnx_bytes_and_metadata(held.eval(), rows[0], model_name="made")
        files = deploy.OnnxBytes.from_bytes(made).onnx_model
        with tempfile.TemporaryDirectory() as work:
            for name, content in files.items():
                (Path(work) / name).write_bytes(content)
            onnx.save(onnx.load(Path(work) / "made.onnx"), target)

    return write


def _tokenizer() -> Any:
    """One that has a word for every number: some tools ask for any."""
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers: Any = importlib.import_module("transformers")
    words = tokenizers.models.WordLevel({str(at): at for at in range(220)}, unk_token="0")
    held = tokenizers.Tokenizer(words)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=held, unk_token="0", pad_token="0")


def _compressor_module(scheme: str) -> Change:
    """llm-compressor's schemes that need no data."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("llmcompressor")
        kinds: Any = importlib.import_module("llmcompressor.modifiers.quantization")
        recipe = kinds.QuantizationModifier(targets="Linear", scheme=scheme, ignore=["lm_head"])
        held: Any = model
        with tempfile.TemporaryDirectory() as work:
            held.model.config.save_pretrained(work)
            held.model.name_or_path = held.model.config._name_or_path = work
            library.oneshot(model=held.model, recipe=recipe, tokenizer=_tokenizer())
        return _with_codes(held).eval()

    return change


def _auto_round(scheme: str) -> Change:
    """AutoRound without steps: rounding to the nearest, left as floats."""

    def change(model: nn.Module, arguments: tuple[torch.Tensor, ...]) -> Any:
        library: Any = importlib.import_module("auto_round")
        held: Any = model
        given = {"tokenizer": _tokenizer(), "iters": 0, "device_map": "cpu"}
        given["disable_opt_rtn"] = True
        rounded = library.AutoRound(held.model, scheme=scheme, **given)
        made, _ = rounded.quantize()
        held.model = made
        return held.float().eval()

    return change


def _modules_of(source: str, *settings: str) -> dict[str, Callable[[Path], None]]:
    return {
        name.removesuffix("_CFG").lower().replace("_", "-"): _torch_modelopt(source, name)
        for name in settings
    }


# --- steps that move weights


def _nncf_moved(smooth: bool = False, fast: bool = True) -> Tool:
    """NNCF as it comes: biases corrected; smooth: scales moved between layers."""

    def tool(source: Path, target: Path) -> None:
        nncf: Any = importlib.import_module("nncf")
        given = {"model_type": nncf.ModelType.TRANSFORMER} if smooth else {}
        rows = nncf.Dataset(list(Rows(source)))
        held = nncf.quantize(
            onnx.load(source), rows, subset_size=4, fast_bias_correction=fast, **given
        )
        onnx.save(held, target)

    return tool


def _quark_moved(name: str, equal: bool = False, **options: Any) -> Tool:
    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("quark.onnx")
        configs: Any = importlib.import_module("quark.onnx.quantization.config.custom_config")
        kind: Any = importlib.import_module("quark.onnx.quantization.config.config").Config
        chosen = copy.deepcopy(getattr(configs, f"{name}_CONFIG"))
        chosen.include_cle = equal
        for option, value in options.items():
            setattr(chosen, option, value)
        fine = chosen.extra_options.get("FastFinetune")
        if fine:
            fine |= {"NumIterations": 20, "DataSize": 4, "BatchSize": 1, "OptimDevice": "cpu"}
            fine |= {"InferDevice": "cpu"}
        library.ModelQuantizer(kind(global_quant_config=chosen)).quantize_model(
            str(source), str(target), Rows(source)
        )

    return tool


def _aimet_moved(equal: bool, rounded: bool = False) -> Tool:
    def tool(source: Path, target: Path) -> None:
        aimet: Any = importlib.import_module("aimet_onnx")
        kinds: Any = importlib.import_module("aimet_onnx.quantsim")
        held = onnx.load(source)
        if equal:
            _of("aimet_onnx.cross_layer_equalization.equalize_model")(held)
        settings = {"param_type": aimet.int8, "activation_type": aimet.int8}
        made = kinds.QuantizationSimModel(held, **settings)
        if rounded:
            _of("aimet_onnx.apply_adaround")(made, list(Rows(source)), 20)
        made.compute_encodings(list(Rows(source)))
        onnx.save(made.to_onnx_qdq(), target)

    return tool


class _Kept(np.ndarray):
    """An array that answers itself where one of a graphics card is asked for."""

    def get(self) -> Any:
        return np.asarray(self)


class _Arrays:
    """NumPy in the place of CuPy."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def asarray(self, values: Any, *words: Any, **options: Any) -> Any:
        return np.asarray(values, *words, **options).view(_Kept)


def _as_on_cards(tool: Tool) -> Tool:
    """Model Optimizer's scales moved into the norms before, which it only does with CuPy."""

    def patched(source: Path, target: Path) -> None:
        with patch("modelopt.onnx.quantization.int4.np", _Arrays()):
            tool(source, target)

    return patched


def _smoothed(**options: Any) -> Tool:
    """SmoothQuant by Neural Compressor for ONNX."""

    def tool(source: Path, target: Path) -> None:
        library: Any = importlib.import_module("onnx_neural_compressor.quantization")
        configs: Any = importlib.import_module("onnx_neural_compressor.quantization.config")
        reader: Any = importlib.import_module("onnx_neural_compressor.data_reader")

        class Reader(reader.CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                self.rows = Rows(source)

            def get_next(self) -> Any:
                return self.rows.get_next()

            def rewind(self) -> None:
                self.rows.rewind()

        config = configs.SmoothQuantConfig(calibration_data_reader=Reader(), **options)
        library.quantize(str(source), str(target), config)

    return tool


# --- the cases

U8, S8, U16, S16, U4, S4 = "QUInt8", "QInt8", "QUInt16", "QInt16", "QUInt4", "QInt4"
PLAIN = ["MatMul", "Gemm"]
BOTH = ("MatMul", "Gather")
WEB: dict[str, Tool] = {
    "q8": _for_the_web("q8"),
    "uint8": _for_the_web("q8", kind=U8, per_channel=False, reduce_range=False),
    "q4": _for_the_web("q4", accuracy_level=4),
    "q4f16": _for_the_web("q4f16"),
    "fp16": _for_the_web("f16"),
    "bnb4": _bnb4("FP4", 64),
}
FUSED_BLOCKS: dict[str, Tool] = {
    "to-nbits": _chain(
        _blocks(block_size=32, quant_format="QDQ", is_symmetric=True),
        _session("ENABLE_EXTENDED", qdq_matmulnbits_accuracy_level="4"),
    ),
    "to-nbits-zero": _chain(_blocks(block_size=16, quant_format="QDQ"), _session("ENABLE_ALL")),
    "axes": _blocks(
        block_size=16,
        is_symmetric=True,
        op_types_to_quantize=BOTH,
        quant_axes=(("MatMul", 0), ("Gather", 1)),
    ),
    "hqq-half": _chain(_blocks("HQQ", block_size=32), _half(keep_io_types=True)),
    "gptq-32-ordered": _blocks("GPTQ", block_size=32, is_symmetric=True, actorder=True),
    "rtn-ratios": _blocks("RTN", block_size=16, ratios={}, bits=8),
    "edges": _edges(_blocks, "nodes_to_exclude", block_size=32, bits=8, is_symmetric=True),
}
FUSIONS: dict[str, Tool] = {
    "blocks": _chain(_ort_fusions, _blocks(block_size=32, is_symmetric=True)),
    "half": _chain(_ort_fusions, _half(keep_io_types=True)),
    "dynamic": _chain(_ort_fusions, _dynamic(S8, per_channel=True)),
    "rewritten-bfloat16": _chain(_rewritten, _put(later._stored_as(ml_dtypes.bfloat16))),
    "blocks-8-versioned": _chain(_blocks(block_size=16, bits=8), _versioned(23)),
}
SHARED = [{"surgeon": "TieWordEmbeddings"}]
SURGEONS: dict[str, Tool] = {
    "embedding-8": _chain(
        _olive("OnnxBlockWiseRtnQuantization", block_size=32, bits=8, is_symmetric=True),
        _olive("GraphSurgeries", surgeries=[{"surgeon": "QuantizeEmbeddingInt8"}]),
    ),
    "tied-rtn": _chain(
        _olive("GraphSurgeries", surgeries=SHARED),
        _olive("OnnxBlockWiseRtnQuantization", block_size=16),
    ),
    "half-embedding": _chain(
        _olive("OnnxFloatToFloat16", keep_io_types=True),
        _olive("GraphSurgeries", surgeries=[{"surgeon": "QuantizeEmbeddingInt8"}]),
    ),
    "k-quant-shared": _chain(
        _olive("OnnxKQuantQuantization", block_size=32),
        _olive(
            "GraphSurgeries",
            surgeries=[
                {"surgeon": "ShareEmbeddingLmHead"},
                {"surgeon": "RemoveGidxFromMatMulNBits"},
            ],
        ),
    ),
    "named-rtn": _chain(
        _olive("OnnxBlockWiseRtnQuantization", block_size=32),
        _olive("GraphSurgeries", surgeries=[{"surgeon": "DeduplicateNodes"}]),
        _olive("MatMulNBitsToQDQ", use_int4=True, use_transpose_op=True),
    ),
}
SURGEONS_STATIC: dict[str, Tool] = {
    "untied-static": _chain(
        _olive("GraphSurgeries", surgeries=[{"surgeon": "MatMulAddToGemm"}]),
        _olive_static(per_channel=True, activation_type="uint8", precision="int8"),
    ),
    "four-axes": _chain(
        _olive("GraphSurgeries", surgeries=[{"surgeon": "ReplaceErfWithTanh"}]),
        _olive_static(activation_type="uint16", precision="uint8"),
    ),
    "no-pairs": _chain(
        _olive_static(precision="int8", per_channel=True),
        _olive("GraphSurgeries", surgeries=[{"surgeon": "RemoveQDQ"}]),
    ),
    "mixed-outside": _chain(
        _olive("OnnxIODataTypeConverter"), _olive("OrtMixedPrecision", atol=1e-3)
    ),
}
DYNAMIC: dict[str, Tool] = {
    "edges-u8": _edges(_dynamic, "nodes_to_exclude", weights=U8, per_channel=True),
    "signed-reduced-shifted": _dynamic(
        S8, per_channel=True, reduce_range=True, **_extra(WeightSymmetric=False)
    ),
    "symmetric-inputs": _dynamic(S8, **_extra(ActivationSymmetric=True, EnableSubgraph=True)),
    "prep-u8-shifted": _dynamic(
        U8, before="prep", per_channel=True, **_extra(WeightSymmetric=False)
    ),
    "all-after": _chain(_dynamic(U8, per_channel=True), _optimized("ALL")),
    "linear": _dynamic(U8, op_types_to_quantize=PLAIN, **_extra(MatMulConstBOnly=True)),
}
STATIC: dict[str, Tool] = {
    "bounded": _bounded(1.05, activations=U8, per_channel=False),
    "few-held": _static(
        activations=U8,
        per_channel=True,
        **_extra(CalibMaxIntermediateOutputs=3, QuantizeBias=False),
    ),
    "edges-a16": _edges(_static, "nodes_to_exclude", activations=U16, per_channel=True),
    "pairs-16-float-bias": _static(
        activations=U16, weights=U16, **_extra(AddQDQPairToWeight=True, QuantizeBias=False)
    ),
    "outputs-kept": _static(
        activations=U8,
        weights=S8,
        per_channel=True,
        reduce_range=True,
        **_extra(OpTypesToExcludeOutputQuantization=["Conv", "ConvTranspose", "Gemm", "MatMul"]),
    ),
    "removable-contrib": _static(
        activations=S16,
        weights=S8,
        **_extra(QDQKeepRemovableActivations=True, UseQDQContribOps=True, WeightSymmetric=True),
    ),
    "no-qdq": _chain(
        _static(activations=U8, per_channel=True),
        _session("ENABLE_EXTENDED", disable_quant_qdq="1"),
    ),
    "integers-allowed": _chain(_static(activations=U8, weights=S8), _session("ENABLE_ALL")),
    "whole-w4-symmetric": _configured(
        U16, U4, per_channel=True, activation_symmetric=True, weight_symmetric=True
    ),
    "qnn-a16w4": _qnn(U16, S4, prepared=True, per_channel=True, weight_symmetric=True),
}
OPERATORS: dict[str, Tool] = {
    "u8s8-channels-shifted": _static(
        "QOperator", U8, S8, per_channel=True, **_extra(WeightSymmetric=False)
    ),
    "edges-s8": _edges(
        _static, "nodes_to_exclude", form="QOperator", activations=S8, weights=S8, per_channel=True
    ),
    "optimizer-first": _chain(_every_fusion, _static("QOperator", U8, U8, per_channel=True)),
    "sim-after": _chain(_static("QOperator", U8, S8, reduce_range=True), _simplified),
    "averaged": _static("QOperator", U8, S8, **_extra(CalibMovingAverage=True)),
}
STORED: dict[str, Tool] = {
    "spread": _put(_spread, "{}/{}"),
    "spread-rows": _put(_spread_rows, "{}.{}"),
    "planes": _put(_planes, "{}_{}"),
    "padded": _put(_padded, "{}:{}"),
    "fused-rows": _put(_stacked_codes, "{1}.{0}"),
    "q8-0": _put(_half_blocks, "{}.{}", constants=True),
}
STORED_WORDS: dict[str, Tool] = {
    "q4-k": _put(_super_blocks, "{}.{}"),
    "outliers": _put(_outliers, "{}_{}"),
    "low-rank": _put(_low_rank, "{}.{}"),
    "repeated": _put(_repeated, "{1}/{0}"),
    "exponents": _put(_exponents, "{}_{}"),
    "q8-0": _put(_half_blocks, "blk.{}.{}"),
}
STORED_FEW: dict[str, Tool] = {
    "vectors": _put(_vectors, "{}.{}"),
    "masks": _put(_masks, "{}_{}"),
    "two-bits": _put(_two_bits, "{}/{}", constants=True),
}
STORED_FLOATS: dict[str, Tool] = {
    "e4m3fnuz": _put(later._stored_as(ml_dtypes.float8_e4m3fnuz, True), "{}.{}"),
    "e5m2fnuz": _put(later._stored_as(ml_dtypes.float8_e5m2fnuz, True)),
    "e4m3-constants": _put(later._stored_as(ml_dtypes.float8_e4m3fn, True), constants=True),
    "bfloat16-numbered": _chain(_put(later._stored_as(ml_dtypes.bfloat16)), _numbered),
    "half-nodes": _chain(_half(keep_io_types=True), _as_nodes),
}
HALVES: dict[str, Tool] = {
    "common-blocked": _common_half(keep_io_types=True, op_block_list=["BatchNormalization"]),
    "some": _named(_half, "node_block_list", "Conv", "Gemm", "MatMul", keep_io_types=True),
    "mixed-files": _mixed,
    "autocast-some": known._autocast(low_precision_type="fp16", keep_io_types=True, init_max=0.45),
    "bfloat16-versioned": _chain(known._autocast_all(low_precision_type="bf16"), _numbered),
    "half-slim-numbered": _chain(_half(), _slim, _numbered),
}
AFTER: dict[str, Tool] = {
    "dynamic-prefixed": _chain(_dynamic(U8, per_channel=True), _prefixed),
    "static-behind": _chain(_static(activations=U8, per_channel=True), _behind),
    "static-nodes": _chain(_static(activations=U8, weights=U8), _as_nodes),
    "static-numbered": _chain(_static(per_channel=True, reduce_range=True), _numbered),
    "operators-extracted": _chain(_static("QOperator", U8, S8), _extracted),
    "dynamic-passes": _chain(
        _dynamic(S8, per_channel=True),
        _passes(
            "LiftConstantsToInitializers",
            "DeduplicateInitializers",
            "CommonSubexpressionElimination",
            "AddDefaultAttributes",
            "ClearMetadataAndDocString",
        ),
    ),
    "static-fused": _chain(_static(activations=S16, per_channel=True), _every_fusion),
    "split-dynamic": _chain(_surgeon(_split_bias), _dynamic(S8, per_channel=True)),
    "static-external": _static(activations=U8, per_channel=True, **_extra(WeightSymmetric=False)),
}
AFTER_BLOCKS: dict[str, Tool] = {
    "blocks-prefixed": _chain(_blocks(block_size=32), _prefixed),
    "blocks-nodes": _chain(_blocks(block_size=16, is_symmetric=True), _as_nodes),
    "blocks-numbered": _chain(_blocks(block_size=32, bits=8), _numbered),
    "blocks-behind": _chain(_blocks(block_size=32, quant_format="QDQ"), _behind),
    "blocks-hashed": _chain(
        _blocks(block_size=16, is_symmetric=True, quant_format="QDQ"),
        _passes("DeduplicateHashedInitializers", "CommonSubexpressionElimination"),
    ),
    "blocks-external": _blocks(block_size=32, is_symmetric=True),
    "bnb4-external": _bnb4("NF4", 32),
}
PINTO: dict[str, Tool] = {
    "shrunk-constants": _chain(
        _dynamic(U8), _pinto("scs4onnx", "shrinking", mode="shrink", disable_auto_downcast=True)
    ),
    "renamed": _chain(
        _static(activations=U8, per_channel=True),
        _pinto("sor4onnx", "rename", old_new=["_quantized", "_q"], search_mode="suffix_match"),
    ),
    "sized": _chain(
        _static("QOperator", U8, S8),
        _pinto("sbi4onnx", "initialize", initialization_character_string="n"),
    ),
}
FUNCTIONS: dict[str, Tool] = {
    "inlined-8": _chain(
        later._functions(is_static=False, weights_only=True, group_size=16), _inlined
    ),
    "inlined-passes": _chain(
        later._functions(
            is_static=False,
            weights_only=True,
            weights_dtype="uint4",
            weights_symmetric=False,
            group_size=16,
        ),
        _passes("Inline", "LiftConstantsToInitializers", "NameFix"),
    ),
    "inlined-channels": _chain(
        later._functions(is_static=False, weights_only=True, group_size=-1),
        _inlined,
        _numbered,
    ),
}
SHRUNK: dict[str, Tool] = {
    "integers-after": _chain(later._shrunk(), _simplified),
    "floats-128": later._shrunk(float_quantization=True, float_levels=128),
    "channels-half": _chain(_half(keep_io_types=True), _slim),
    "channels-nodes": _chain(later._shrunk(per_channel=True), _as_nodes),
}
MODELOPT: dict[str, Tool] = {
    "int8-others": _modelopt(
        "int8", "max", op_types_to_exclude=["MatMul"], high_precision_dtype="fp16"
    ),
    "fp8-fp16": _modelopt("fp8", "entropy", high_precision_dtype="fp16"),
    "int8-slim": _chain(_modelopt("int8", "max", high_precision_dtype="fp32"), _slim),
    "int8-dq-bf16": _modelopt("int8", "max", dq_only=True, high_precision_dtype="bf16"),
    "int8-conv": _modelopt(
        "int8", "entropy", op_types_to_quantize=["Conv"], high_precision_dtype="fp32", opset=19
    ),
}
MODELOPT_WORDS: dict[str, Tool] = {
    "int4-rtn-16": _modelopt("int4", "rtn_dq", block_size=16),
    "int4-rtn-64-half": _modelopt("int4", "rtn", block_size=64, high_precision_dtype="fp16"),
    "fp8-matmul": _modelopt(
        "fp8", "max", op_types_to_quantize=["MatMul"], high_precision_dtype="fp32"
    ),
    "int8-fp32-some": _modelopt(
        "int8", "max", op_types_to_quantize=["MatMul", "Gemm"], high_precision_dtype="fp32"
    ),
}
MODELOPT_MOVED: dict[str, Tool] = {
    "awq-lite": _as_on_cards(_modelopt_rows("awq_lite", block_size=16)),
    "awq-lite-zero": _as_on_cards(_modelopt_rows("awq_lite", block_size=32, use_zero_point=True)),
    "awq-clip": _modelopt_rows("awq_clip", block_size=32),
    "awq-full": _as_on_cards(_modelopt("int4", "awq_lite", block_size=64)),
}
NNCF: dict[str, Tool] = {
    "halves": _nncf("MIXED", overflow_fix="ENABLE", activations={"mode": "symmetric"}),
    "first": _nncf("PERFORMANCE", overflow_fix="FIRST_LAYER"),
    "tensor-mixed": _nncf("MIXED", weights={"per_channel": False}, activations={"num_bits": 8}),
    "slim-after": _chain(_nncf("PERFORMANCE", overflow_fix="DISABLE"), _slim),
}
COMPRESSED: dict[str, Tool] = {
    "int8-all": _chain(_raised, _compressed("INT8_SYM")),
    "int4-backup": _chain(
        _raised,
        _compressed("INT4_SYM", group_size=16, ratio=1.0, backup_mode="INT8_SYM"),
    ),
    "int4-none": _chain(
        _raised, _compressed("INT4_ASYM", group_size=32, ratio=1.0, backup_mode="NONE")
    ),
    "int4-fallback": _chain(
        _raised, _compressed("INT4_SYM", group_size=64, ratio=1.0, all_layers=True)
    ),
}
QUARK: dict[str, Tool] = {
    "cnn": _quark("INT8_CNN_DEFAULT"),
    "s8s8": _quark("S8S8_AAWS"),
    "a8w8": _quark("A8W8"),
    "mixed": _quark("S16S16_MIXED_S8S8"),
    "mxfp6": _quark("MXFP6E3M2"),
    "half": _quark("FP16"),
    "bf16-bfp16": _quark("BF16_BFP16"),
}
QUARK_WORDS: dict[str, Tool] = {
    "transformer": _quark("INT8_TRANSFORMER_DEFAULT"),
    "transformer-16": _quark("INT16_TRANSFORMER_DEFAULT"),
    "nbits": _quark("MATMUL_NBITS"),
    "mxfp8-wide": _quark("MXFP8E5M2"),
    "u16s8": _quark("U16S8_AAWS"),
    "mx6": _quark("MX6"),
}
AIMET: dict[str, Tool] = {
    "4-16": _aimet("int4", "int16"),
    "8-minmax-stored": _aimet("int8", "int8", symmetric=True, prequantize_constants=True),
    "16-8": _aimet("int16", "int8", export_int32_bias=True),
    "float8": _aimet("float8e4m3fn", "float16"),
}
COMPRESSOR: dict[str, Tool] = {
    "static-shifted": _compressor(
        "StaticQuantConfig", quant_format="QDQ", per_channel=True, reduce_range=True
    ),
    "operators": _compressor("StaticQuantConfig", quant_format="QOperator", per_channel=True),
    "dynamic": _compressor("DynamicQuantConfig", per_channel=False),
}
COMPRESSOR_BLOCKS: dict[str, Tool] = {
    "rtn-4-16": _compressor_blocks("RTN", n_bits=4, block_size=16, is_symmetric=True),
    "rtn-8-32": _compressor_blocks("RTN", n_bits=8, block_size=32),
}
BART: dict[str, Tool] = {
    "fused-dynamic": _chain(_transformers("bart", 0), _dynamic(S8, per_channel=True)),
    "fused-half": _chain(_transformers("bart", 1), _half(keep_io_types=True)),
    "fused-blocks": _chain(
        _transformers("bart", 0, use_multi_head_attention=True), _blocks(block_size=16)
    ),
}
T5: dict[str, Tool] = {
    "fused-half": _chain(_transformers("t5", 0), _half(keep_io_types=True)),
    "fused-dynamic": _chain(
        _transformers("t5", 0),
        _dynamic(U8, per_channel=True, **_extra(DefaultTensorType=TensorProto.FLOAT)),
    ),
    "blocks-both": _blocks(block_size=16, bits=8, op_types_to_quantize=BOTH),
    "rewritten-half": _chain(_rewritten, _half(keep_io_types=True)),
}
CONFORMER: dict[str, Tool] = {
    "fused-dynamic": _chain(
        _transformers("conformer", 0),
        _dynamic(U8, per_channel=True, **_extra(DefaultTensorType=TensorProto.FLOAT)),
    ),
    "fused-half": _chain(_transformers("conformer", 0), _half(keep_io_types=True)),
    "static-linear": _static(activations=U8, per_channel=True, op_types_to_quantize=PLAIN),
}
SWIN: dict[str, Tool] = {
    "fused-dynamic": _chain(
        _transformers("swin", 0),
        _dynamic(S8, per_channel=True, **_extra(DefaultTensorType=TensorProto.FLOAT)),
    ),
    "fused-blocks": _chain(_transformers("swin", 1), _blocks(block_size=16)),
}
CLIP: dict[str, Tool] = {
    "fused-half": _chain(_transformers("clip", 0), _half(keep_io_types=True)),
    "fused-blocks": _chain(_transformers("clip", 0), _blocks(block_size=32, bits=8)),
    "fused-dynamic": _chain(_transformers("clip", 1), _dynamic(U8, per_channel=True)),
}
GEMMA: dict[str, Tool] = {
    "gpt-fused-half": _chain(_transformers("gpt2", 0), _half(keep_io_types=True)),
}
BERT: dict[str, Tool] = {
    "fused-static": _chain(
        _transformers("bert", 0, enable_attention=False), _static(activations=U8, per_channel=True)
    ),
    "fused-bnb4": _chain(_transformers("bert", 1), _bnb4("FP4", 32)),
    "fused-q8": _chain(_transformers("bert", 0), _for_the_web("q8")),
    "fused-versioned": _chain(_transformers("bert", 0), _half(), _numbered),
}
INT4: dict[str, tuple[str, Change]] = {
    "groups": ("dynamo", _intx(4, 32)),
    "groups-8": ("dynamo", _intx(8, 16)),
    "dynamic-4": ("dynamo", _intx(4, 32, dynamic=True)),
    "weights-2": ("dynamo", _torchao("Int8WeightOnlyConfig", version=2)),
}
CAPTURED: dict[str, tuple[str, Change]] = {
    "channels": ("dynamo", _captured(True)),
    "tensor": ("dynamo", _captured(False)),
    "taught": ("dynamo", _captured(True, taught=True)),
}
DYNAMICALLY: dict[str, tuple[str, Change]] = {
    "dynamic": ("dynamo", _captured(True, dynamic=True)),
    "x86-dynamic": ("dynamo", later._captured("x86")),
}
TRACED: dict[str, tuple[str, Change]] = {
    "fbgemm": ("torchscript", _fx("x86")),
    "qnnpack": ("torchscript", _fx("qnnpack")),
    "taught": ("torchscript", _fx("fbgemm", taught=True)),
    "taught-nodes": ("torchscript", _fx("qnnpack", taught=True, converted=False)),
}
CORE: dict[str, tuple[str, Change]] = {
    "palette-4": ("torchscript", _core("palette", n_bits=4, granularity="per_tensor")),
    "palette-6": ("dynamo", _core("palette", n_bits=6, granularity="per_tensor")),
    "grouped": (
        "dynamo",
        _core("palette", n_bits=4, granularity="per_grouped_channel", group_size=4),
    ),
    "int8": ("torchscript", _core("codes", weight_dtype="int8", granularity="per_channel")),
    "int4": (
        "dynamo",
        _core("codes", weight_dtype="int4", granularity="per_block", block_size=16),
    ),
}
PACKED: dict[str, tuple[str, Change]] = {
    "hqq-4": ("dynamo", _hqq(4, 32)),
    "hqq-8": ("dynamo", _hqq(8, 64)),
    "hqq-2-outputs": ("dynamo", _hqq(2, 16, 0)),
    "quanto-8": ("dynamo", _quanto("qint8", dequantized=True)),
    "quanto-4": ("dynamo", _quanto("qint4", dequantized=True)),
    "quanto-float8": ("torchscript", _quanto("qfloat8", dequantized=True)),
    "nf4": ("torchscript", _bits_and_bytes("nf4", 64)),
    "fp4-nested": ("dynamo", _bits_and_bytes("fp4", 64, nested=True)),
}
SCHEMES: dict[str, tuple[str, Change]] = {
    "w4": ("dynamo", _compressed_module(num_bits=4, strategy="group", group_size=32)),
    "w4-zero": (
        "torchscript",
        _compressed_module(num_bits=4, strategy="group", group_size=16, symmetric=False),
    ),
    "w8": ("torchscript", _compressed_module(num_bits=8, strategy="channel")),
    "float8": ("dynamo", _compressed_module(num_bits=8, type="float", strategy="channel")),
}
COMPRESSED_MODULES: dict[str, tuple[str, Change]] = {
    "w4": ("torchscript", _compressor_module("W4A16")),
    "w4-zero": ("torchscript", _compressor_module("W4A16_ASYM")),
    "w8": ("torchscript", _compressor_module("W8A16")),
}
ROUNDED_MODULES: dict[str, tuple[str, Change]] = {
    "auto-round-4": ("dynamo", _auto_round("W4A16")),
    "auto-round-8": ("torchscript", _auto_round("W8A16")),
}
NNCF_MODULES: dict[str, tuple[str, Change]] = {
    "mixed": ("torchscript", later._nncf("MIXED")),
    "int8-sym": ("torchscript", later._nncf("", "INT8_SYM")),
    "int4-asym": ("dynamo", later._nncf("", "INT4_ASYM", group_size=16, ratio=1.0)),
    "int4-some": ("torchscript", later._nncf("", "INT4_SYM", group_size=32, ratio=0.5)),
}
MOVED_NNCF: dict[str, Tool] = {
    "fast": _nncf_moved(),
    "exact": _nncf_moved(fast=False),
    "smooth": _nncf_moved(smooth=True),
}
MOVED_EQUAL: dict[str, Tool] = {
    "quark-equal": _quark_moved("U8S8_AAWS", equal=True),
    "quark-powers": _quark_moved("XINT8", equal=True),
    "quark-adaround": _quark_moved("S8S8_AAWS_ADAROUND"),
    "quark-adaquant": _quark_moved("A8W8_ADAQUANT"),
    "aimet-equal": _aimet_moved(True),
    "aimet-adaround": _aimet_moved(False, rounded=True),
}
MOVED_SMOOTH: dict[str, Tool] = {
    "smooth": _smoothed(alpha=0.5),
    "smooth-folded": _smoothed(alpha=0.7, folding=True),
}

CASES: dict[str, Builder] = {
    "mixtral-web": _crossed("mixtral", WEB, 0.75),
    "mixtral-stored": _crossed("mixtral", STORED_WORDS, 0.8),
    "qwenmoe-blocks": _crossed("qwenmoe", FUSED_BLOCKS, 0.6),
    "qwenmoe-dynamic": _crossed("qwenmoe", DYNAMIC),
    "painter-static": _crossed("painter", STATIC, 0.9),
    "outline-static": _crossed("outline", STATIC, 0.9),
    "gemma2-web": _crossed("gemma2", WEB, 0.75),
    "columns-after": _crossed("columns", AFTER),
    "pocket-operators": _crossed("pocket", OPERATORS, 0.9),
    "gemma3-fused": _crossed("gemma3", {**GEMMA, **FUSIONS}, 0.75),
    "mistral-surgeons": _crossed("mistral", SURGEONS, 0.75),
    "bart-fused": _crossed("bart", BART, 0.8),
    "t5-fused": _crossed("t5", T5, 0.9),
    "mamba-dynamic": _crossed("mamba", DYNAMIC, 0.9),
    "mamba-blocks": _crossed("mamba", AFTER_BLOCKS, 0.75),
    "efficient-static": _crossed("efficient", STATIC, 0.9),
    "dense-after": _crossed("dense", AFTER),
    "detr-static": _crossed("detr", STATIC, 0.9),
    "swin2-fused": _crossed("swin2", {**SWIN, **STORED}, 0.9),
    "wav2vec-dynamic": _crossed(
        "wav2vec", {name: _chain(_optimized("BASIC"), tool) for name, tool in DYNAMIC.items()}, 0.9
    ),
    "falcon-surgeons": _crossed("falcon", SURGEONS, 0.75),
    "phi3-fusions": _crossed("phi3", FUSIONS, 0.75),
    "smol-compressed": _crossed("smol", COMPRESSED, 0.75, exporters=("torchscript",)),
    "codegen-blocks": _crossed("codegen", AFTER_BLOCKS, 0.75),
    "xlmr-fused": _crossed("xlmr", BERT, 0.9),
    "conformer-fused": _crossed("conformer", CONFORMER, 0.9),
    "clip-fused": _crossed("clip", CLIP, 0.9),
    "modern-quark": _crossed("modern", QUARK_WORDS, 0.9),
    "mobilenet-quark": _crossed("mobilenet", QUARK, 0.9),
    "mobilevit-modelopt": _crossed("mobilevit", MODELOPT, 0.9),
    "deberta-modelopt": _crossed("deberta", MODELOPT_WORDS, 0.75),
    "segments-nncf": _crossed("segments", NNCF, 0.9),
    "hubert-nncf": _crossed(
        "hubert", {name: _chain(_slim, tool) for name, tool in NNCF.items()}, 0.9
    ),
    "pocket-aimet": _crossed("pocket", AIMET, 0.9),
    "painter-stored": _crossed("painter", STORED, 0.95),
    "twins-half": _crossed("twins", HALVES, 0.95),
    "detr-half": _crossed("detr", HALVES, 0.95),
    "twins-floats": _crossed("twins", STORED_FLOATS, 0.9),
    "echo-stored": _crossed("echo", {**STORED, **STORED_FLOATS}, 0.9),
    "gates-few": _crossed("gates", STORED_FEW, 0.4),
    "convnext2-pinto": _crossed("convnext2", PINTO, 0.9),
    "columns-functions": _crossed("columns", FUNCTIONS, 0.9),
    "mobilebert-shrunk": _crossed("mobilebert", SHRUNK, 0.9),
    "dense-compressor": _crossed("dense", COMPRESSOR, 0.9),
    "mistral-blocks": _crossed("mistral", COMPRESSOR_BLOCKS, 0.75),
    "patched-dynamic": _crossed("patched", DYNAMIC, 0.9, exporters=("dynamo",)),
    "marks-dynamic": _crossed("marks", DYNAMIC),
    "marks-after": _crossed("marks", AFTER, 0.95),
    "pool-surgeons": _crossed("pool", SURGEONS_STATIC, 0.9),
    "pocket-captured": _modules("pocket", _each("pocket", CAPTURED), 0.9),
    "deit-captured": _modules("deit", _each("deit", DYNAMICALLY), 0.9),
    "outline-traced": _modules("outline", _each("outline", TRACED), 0.75),
    "pocket-traced": _modules("pocket", _each("pocket", TRACED), 0.75),
    "outline-core": _modules("outline", _each("outline", CORE), 0.8),
    "mistral-torchao": _modules("mistral", _each("mistral", INT4), 0.8),
    "smol-packed": _modules("smol", _each("smol", PACKED), 0.5),
    "phi3-schemes": _modules("phi3", _each("phi3", SCHEMES), 0.8),
    "dino-nncf": _modules("dino", _each("dino", NNCF_MODULES), 0.8),
    "pocket-brevitas": _modules(
        "pocket",
        {
            "qcdq": _brevitas("pocket", "qcdq"),
            "qonnx": _brevitas("pocket", "qonnx"),
            "layers": _brevitas("pocket", "qcdq", layers=True),
        },
        0.8,
    ),
    "painter-modules": _modules(
        "painter",
        {
            **_modules_of("painter", "INT8_DEFAULT_CFG", "INT8_WEIGHT_ONLY_CFG"),
            "aimet-8": later._aimet(partial(_drawn, "painter"), 8),
            "aimet-4-16": later._aimet(partial(_drawn, "painter"), 4, outputs=16, opset_version=21),
        },
        0.9,
    ),
    "deit-modules": _modules(
        "deit",
        {
            **_modules_of(
                "deit",
                "INT8_WEIGHT_ONLY_CFG",
                "INT8_DEFAULT_CFG",
            ),
            **_each(
                "deit",
                {
                    "quark-4": (
                        "torchscript",
                        later._quark(
                            "Int4PerChannelSpec",
                            symmetric=True,
                            scale_type="float",
                            round_method="half_even",
                            ch_axis=0,
                            is_dynamic=False,
                        ),
                    )
                },
            ),
        },
        0.8,
    ),
    "mistral-compressor": _modules("mistral", _each("mistral", COMPRESSED_MODULES), 0.8),
    "smol-rounded": _modules("smol", _each("smol", ROUNDED_MODULES), 0.8),
    "mobilevit-static": _crossed("mobilevit", STATIC, 0.9),
    "swin2-static": _crossed("swin2", STATIC, 0.9),
    "deberta-dynamic": _crossed("deberta", DYNAMIC, 0.9),
    "hubert-half": _crossed("hubert", HALVES, 0.95),
    "xlmr-operators": _crossed("xlmr", OPERATORS, 0.9),
    "twins-operators": _crossed("twins", OPERATORS, 0.9),
    "bart-blocks": _crossed("bart", FUSED_BLOCKS, 0.6),
    "t5-stored": _crossed("t5", STORED_WORDS, 0.75),
    "mamba-stored": _crossed("mamba", STORED_WORDS, 0.75),
    "falcon-after": _crossed("falcon", AFTER_BLOCKS, 0.75),
    "phi3-few": _crossed("phi3", STORED_FEW, 0.3),
    "codegen-fusions": _crossed("codegen", FUSIONS, 0.75),
    "pool-stored": _crossed("pool", STORED, 0.9),
    "segments-floats": _crossed("segments", STORED_FLOATS, 0.9),
    "conformer-after": _crossed("conformer", AFTER, 0.9),
    "qwenmoe-surgeons": _crossed("qwenmoe", SURGEONS, 0.6),
    "outline-modelopt": _crossed("outline", MODELOPT, 0.9),
    "painter-nncf": _crossed("painter", NNCF, 0.9),
    "marks-floats": _crossed("marks", STORED_FLOATS, 0.9),
    "outline-old": _crossed("outline", {**OPERATORS, **_without(DYNAMIC, "linear")}, 0.9, opset=11),
    "columns-old": _crossed("columns", {**DYNAMIC, **OPERATORS}, 0.9, opset=13),
    "marks-old": _crossed("marks", _without(DYNAMIC, "prep-u8-shifted"), 0.9, opset=12),
    "deit-old": _crossed("deit", {**STATIC, **AFTER}, 0.9, opset=17),
    "gates-captured": _modules("gates", _each("gates", CAPTURED), 0.9),
    "columns-torchao": _modules("columns", _each("columns", INT4), 0.8),
    "dense-core": _modules("dense", _each("dense", CORE), 0.8),
    "mistral-packed": _modules("mistral", _each("mistral", PACKED), 0.5),
    "xlmr-schemes": _modules("xlmr", _each("xlmr", SCHEMES), 0.8),
    "outline-equal-moved": _crossed("outline", MOVED_EQUAL, 0.8),
    "clip-smooth-moved": _crossed("clip", {**MOVED_SMOOTH, **MOVED_NNCF}, 0.8),
    "mobilenet-nncf-moved": _crossed("mobilenet", MOVED_NNCF, 0.8),
    "dense-equal-moved": _crossed("dense", MOVED_EQUAL, 0.8),
    "deit-smooth-moved": _crossed("deit", {**MOVED_SMOOTH, **MOVED_NNCF}, 0.8),
    "mistral-aware-moved": _crossed("mistral", MODELOPT_MOVED, 0.7),
}
OPENED = frozenset(CASES)
