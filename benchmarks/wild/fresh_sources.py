"""Small models for ``fresh_quantizers``, each with the inputs that an exporter takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from wild.quantizers import Only, Options
from wild.workshop import shake


class Mobile(nn.Module):
    """Inverted residuals with squeezed channels; dilated, strided and grouped kernels that are not
    square; a grouped transposed convolution.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, (3, 5), stride=2, padding=(1, 2), bias=False)
        self.stem_bn = nn.BatchNorm2d(24)
        self.expand = nn.Conv2d(24, 96, 1, bias=False)
        self.expand_bn = nn.BatchNorm2d(96)
        self.depthwise = nn.Conv2d(96, 96, 3, padding=2, dilation=2, groups=96, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(96)
        self.squeeze = nn.Conv2d(96, 16, 1)
        self.excite = nn.Conv2d(16, 96, 1)
        self.project = nn.Conv2d(96, 24, 1, bias=False)
        self.project_bn = nn.BatchNorm2d(24)
        self.slope = nn.PReLU(24)
        self.grouped = nn.Conv2d(24, 48, (1, 3), padding=(0, 1), groups=3)
        self.norm = nn.GroupNorm(4, 48)
        self.up = nn.ConvTranspose2d(48, 36, 3, stride=2, groups=6, bias=False)
        self.head = nn.Linear(36, 30)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        act = nn.functional.hardswish
        held = act(self.stem_bn(self.stem(image)))
        wide = act(self.expand_bn(self.expand(held)))
        wide = torch.relu(self.depthwise_bn(self.depthwise(wide)))
        scale = self.excite(torch.relu(self.squeeze(wide.mean((2, 3), keepdim=True))))
        wide = wide * torch.sigmoid(scale)
        held = self.slope(held + self.project_bn(self.project(wide)))
        held = torch.relu(self.up(torch.relu(self.norm(self.grouped(held)))))
        return self.head(held.mean((2, 3)))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """Bottlenecks with a shortcut of their own, as residual networks have them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16))
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "conv1": nn.Conv2d(size, 16, 1, bias=False),
                    "bn1": nn.BatchNorm2d(16),
                    "conv2": nn.Conv2d(16, 16, 3, padding=1, groups=groups, bias=False),
                    "bn2": nn.BatchNorm2d(16),
                    "conv3": nn.Conv2d(16, 64, 1, bias=False),
                    "bn3": nn.BatchNorm2d(64),
                    "down": nn.Sequential(nn.Conv2d(size, 64, 1, bias=False), nn.BatchNorm2d(64)),
                }
            )
            for size, groups in ((16, 1), (64, 4))
        )
        self.fc = nn.Linear(64, 50)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.stem(image))
        for block in self.blocks:
            step: Any = block
            wide = torch.relu(step["bn1"](step["conv1"](held)))
            wide = torch.relu(step["bn2"](step["conv2"](wide)))
            held = torch.relu(step["bn3"](step["conv3"](wide)) + step["down"](held))
        return self.fc(held.mean((2, 3)))  # type: ignore[no-any-return]


class Wave(nn.Module):
    """Convolutions of one axis, plain, depthwise and transposed, and two GRUs."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(4, 32, 5, padding=2)
        self.depth = nn.Conv1d(32, 32, 3, padding=1, groups=32)
        self.point = nn.Conv1d(32, 48, 1, bias=False)
        self.norm = nn.BatchNorm1d(48)
        self.gru = nn.GRU(48, 32, num_layers=2, bidirectional=True, batch_first=True)
        self.back = nn.ConvTranspose1d(64, 24, 4, stride=2, padding=1)
        self.out = nn.Conv1d(24, 8, 3, padding=1)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.norm(self.point(torch.relu(self.depth(self.front(wave))))))
        held, _ = self.gru(held.transpose(1, 2))
        return self.out(torch.relu(self.back(held.transpose(1, 2))))  # type: ignore


class Volume(nn.Module):
    """Convolutions of three axes."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv3d(2, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm3d(16)
        self.mid = nn.Conv3d(16, 24, (1, 3, 3), groups=2)
        self.up = nn.ConvTranspose3d(24, 12, 2, stride=2)
        self.last = nn.Conv3d(12, 10, 1)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        held = torch.relu(self.mid(torch.relu(self.bn(self.down(volume)))))
        return self.last(torch.relu(self.up(held)))  # type: ignore[no-any-return]


class Tagger(nn.Module):
    """An LSTM of one direction, one without biases, a plain network and a head tied to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(200, 40)
        self.first = nn.LSTM(40, 56, num_layers=3, batch_first=True)
        self.second = nn.LSTM(56, 32, bias=False, bidirectional=True, batch_first=True)
        self.plain = nn.RNN(64, 48, batch_first=True)
        self.head = nn.Linear(48, 64)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        held, _ = self.first(self.embed(tokens))
        held, _ = self.second(held)
        held, _ = self.plain(held)
        return self.head(held)  # type: ignore[no-any-return]


class Mixer(nn.Module):
    """Tokens and channels mixed in turn, with layer scales, on patches of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 64, 4, stride=4)
        self.norm1, self.norm2 = nn.LayerNorm(64), nn.LayerNorm(64)
        self.tokens = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.channels = nn.Sequential(nn.Linear(64, 192), nn.GELU(), nn.Linear(192, 64))
        self.gamma = nn.Parameter(torch.ones(64))
        self.heads = nn.Linear(64, 48, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = self.patch(image).flatten(2).transpose(1, 2)
        held = held + self.tokens(self.norm1(held).transpose(1, 2)).transpose(1, 2)
        held = held + self.gamma * self.channels(self.norm2(held))
        return self.heads(held)  # type: ignore[no-any-return]


class Seen(nn.Module):
    """A vision model of transformers that answers its first output."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values, return_dict=False)[0]  # type: ignore[no-any-return]


def _hub(kind: str, config: str, wrap: Callable[[nn.Module], nn.Module], **sizes: Any) -> nn.Module:
    import transformers

    chosen = getattr(transformers, config)(**sizes)
    chosen._attn_implementation = "eager"
    return wrap(getattr(transformers, kind)(chosen))


_ENCODER: Options = {
    "vocab_size": 220,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "max_position_embeddings": 128,
}
_DECODER: Options = {**_ENCODER, "num_key_value_heads": 2, "use_cache": False}
_SEEN: Options = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "image_size": 16,
    "patch_size": 4,
}
TOKENS = (torch.arange(11)[None] * 17 % 200,)
IMAGE = (torch.zeros(1, 3, 16, 16),)
SOURCES: Mapping[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "mobile": (Mobile, IMAGE),
    "residual": (Residual, IMAGE),
    "wave": (Wave, (torch.zeros(1, 4, 20),)),
    "volume": (Volume, (torch.zeros(1, 2, 4, 6, 6),)),
    "tagger": (Tagger, TOKENS),
    "mixer": (Mixer, IMAGE),
    "vit": (lambda: _hub("ViTForImageClassification", "ViTConfig", Seen, **_SEEN), IMAGE),
    "roberta": (lambda: _hub("RobertaForMaskedLM", "RobertaConfig", Only, **_ENCODER), TOKENS),
    "albert": (
        lambda: _hub("AlbertForMaskedLM", "AlbertConfig", Only, **_ENCODER, embedding_size=32),
        TOKENS,
    ),
    "gpt2": (
        lambda: _hub(
            "GPT2LMHeadModel",
            "GPT2Config",
            Only,
            vocab_size=220,
            n_embd=64,
            n_layer=2,
            n_head=4,
            n_positions=128,
            use_cache=False,
        ),
        TOKENS,
    ),
    "qwen": (
        lambda: _hub("Qwen2ForCausalLM", "Qwen2Config", Only, **_DECODER, tie_word_embeddings=True),
        TOKENS,
    ),
    "phi": (lambda: _hub("PhiForCausalLM", "PhiConfig", Only, **_DECODER), TOKENS),
    "gemma": (
        lambda: _hub("GemmaForCausalLM", "GemmaConfig", Only, **_DECODER, head_dim=16),
        TOKENS,
    ),
    "wide": (
        lambda: _hub(
            "Qwen3ForCausalLM",
            "Qwen3Config",
            Only,
            **{**_DECODER, "hidden_size": 128, "intermediate_size": 256, "head_dim": 32},
        ),
        TOKENS,
    ),
}


def drawn(source: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    kind, arguments = SOURCES[source]
    return shake(kind(), 1000 + sum(map(ord, source))), arguments
