"""List the zoo: architectures by which names are measured; rules were written while looking at one
half, the other stayed out of sight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn

# text encoders, decoders, encoder-decoders, vision, audio, pairs, mixtures of experts, state spaces
SEEN: Final = (
    "bert",
    "gpt2",
    "llama",
    "t5",
    "vit",
    "resnet",
    "wav2vec2",
    "whisper",
    "mamba",
    "mixtral",
    "swin",
    "convnext",
    "albert",
    "deberta-v2",
    "clip",
    "opt",
    "bart",
    "mobilenet_v2",
    "segformer",
    "distilbert",
)
HELD_OUT: Final = (
    "electra",
    "roberta",
    "mpnet",
    "gptj",
    "gpt_neo",
    "bloom",
    "mistral",
    "qwen2",
    "gemma",
    "phi",
    "falcon",
    "gpt_neox",
    "mbart",
    "pegasus",
    "hubert",
    "audio-spectrogram-transformer",
    "siglip",
    "dinov2",
    "deit",
    "regnet",
    "videomae",
    "beit",
    "layoutlm",
    "qwen2_moe",
    "mobilevit",
    "poolformer",
)


class Recurrent(nn.Module):
    """Embedding, a recurrent layer, a head."""

    def __init__(self, kind: Callable[..., nn.RNNBase], **options: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 24)
        self.rnn = kind(24, 16, batch_first=True, **options)
        self.head = nn.Linear(16 * (2 if options.get("bidirectional") else 1), 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.head(self.rnn(self.embed(ids))[0])
        return made


class Attends(nn.Module):
    """MultiheadAttention under a norm, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.norm = nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1))
        made: torch.Tensor = self.attention(y, y, y, need_weights=False)[0]
        return made


class Decodes(nn.Module):
    """A TransformerDecoder."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(32, 4, 48, batch_first=True), 2, norm=nn.LayerNorm(32)
        )

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.decoder(x, memory)
        return made


class Shared(nn.Module):
    """One block under two names, and a parameter list."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(16, 16), nn.GELU(), nn.LayerNorm(16))
        self.second = self.first
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(16)) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(self.first(x) * self.scales[0]) * self.scales[1]
        made: torch.Tensor = x + self.scales[2]
        return made


class Listed(nn.Module):
    """Parameters in a list and a dictionary, multiplied by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.ones(16, 16)) for _ in range(2))
        self.by_name = nn.ParameterDict(
            {"left": nn.Parameter(torch.ones(16)), "right": nn.Parameter(torch.ones(16))}
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for weight in self.weights:
            x = torch.tanh(x @ weight)
        made: torch.Tensor = x * self.by_name["left"] + self.by_name["right"]
        return made


def _weight_norm() -> nn.Module:
    from torch.nn.utils.parametrizations import weight_norm

    return nn.Sequential(weight_norm(nn.Conv1d(4, 8, 3)), nn.ELU(), weight_norm(nn.Conv1d(8, 4, 3)))


Built = tuple[nn.Module, tuple[torch.Tensor, ...]]
_IDS: Final = (torch.arange(8)[None],)
_X: Final = torch.linspace(-1, 1, 128)
MODULES: Final[Mapping[str, Callable[[], Built]]] = {
    "lstm": lambda: (Recurrent(nn.LSTM, num_layers=2, bidirectional=True), _IDS),
    "multihead-attention": lambda: (Attends(), (_X.reshape(1, 4, 32),)),
    "conv-transpose": lambda: (
        nn.Sequential(
            nn.Conv2d(2, 8, 3),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 4, 3),
            nn.BatchNorm2d(4),
        ),
        (_X.reshape(1, 2, 8, 8),),
    ),
    "weight-norm": lambda: (_weight_norm(), (_X.reshape(1, 4, 32),)),
    "parameter-lists": lambda: (Listed(), (_X.reshape(8, 16),)),
    "gru": lambda: (Recurrent(nn.GRU, num_layers=2, bidirectional=True), _IDS),
    "rnn": lambda: (Recurrent(nn.RNN), _IDS),
    "transformer-decoder": lambda: (
        Decodes(),
        (_X.reshape(1, 4, 32), _X.reshape(1, 4, 32).flip(1)),
    ),
    "group-norm": lambda: (
        nn.Sequential(
            nn.Conv2d(2, 8, 3), nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 8, 3, groups=8)
        ),
        (_X.reshape(1, 2, 8, 8),),
    ),
    "prelu": lambda: (
        nn.Sequential(nn.Linear(16, 12), nn.PReLU(12), nn.Linear(12, 6), nn.PReLU()),
        (_X.reshape(8, 16),),
    ),
    "shared-modules": lambda: (Shared(), (_X.reshape(8, 16),)),
}
SEEN_MODULES: Final = (
    "lstm",
    "multihead-attention",
    "conv-transpose",
    "weight-norm",
    "parameter-lists",
)
HELD_OUT_MODULES: Final = tuple(name for name in MODULES if name not in SEEN_MODULES)


def distinct(model: nn.Module) -> nn.Module:
    """The same module with every tensor drawn different: exporters merge equal ones."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
            elif name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.1)
    return model
