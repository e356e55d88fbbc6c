"""Models that no other kind has, all of them held out: modules in the styles of public projects,
timm's of the second half of the alphabet, and those of a dozen more libraries. Every weight drawn.

Where onnxruntime runs an artifact, its outputs are held against those of the module: one that does
not follow them is not kept.
"""

from __future__ import annotations

import math
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from postprocess import POSTPROCESSORS
from torch import nn

from wild.shipping import declare_operators, shown
from wild.tables import Inputs, parsed
from wild.workshop import EXPORTERS, Builder, compare, export, make, shake, tell

torch.set_num_threads(1)
F = nn.functional

# --- modules by hand


class Filtered(nn.Module):
    """Patches whose spectra are multiplied by learned filters, kept as pairs of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 48, 4, stride=4)
        self.pos_embed = nn.Parameter(torch.zeros(1, 8, 8, 48))
        self.filters = nn.ParameterList(nn.Parameter(torch.zeros(8, 5, 48, 2)) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(48) for _ in range(2))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Linear(96, 48)) for _ in range(2)
        )
        self.head = nn.Linear(48, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = self.patch_embed(image).permute(0, 2, 3, 1) + self.pos_embed
        for weights, norm, mlp in zip(self.filters, self.norms, self.mlps, strict=True):
            spectrum = torch.fft.rfft2(norm(held), dim=(1, 2), norm="ortho")
            spectrum = spectrum * torch.view_as_complex(weights)
            held = held + mlp(torch.fft.irfft2(spectrum, s=(8, 8), dim=(1, 2), norm="ortho"))
        return self.head(held.mean((1, 2)))  # type: ignore[no-any-return]


class Modes(nn.Module):
    """Few modes of a field, multiplied by matrices of complex numbers, beside a plain path."""

    def __init__(self) -> None:
        super().__init__()
        self.fc0 = nn.Linear(3, 20)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.zeros(20, 20, 6, dtype=torch.cfloat)) for _ in range(2)
        )
        self.w = nn.ModuleList(nn.Conv1d(20, 20, 1) for _ in range(2))
        self.fc1, self.fc2 = nn.Linear(20, 32), nn.Linear(32, 1)

    def forward(self, field: torch.Tensor) -> torch.Tensor:
        held = self.fc0(field).transpose(1, 2)
        for weight, plain in zip(self.weights, self.w, strict=True):
            modes = torch.view_as_real(torch.fft.rfft(held))[:, :, None, :6]
            parts = torch.view_as_real(weight)
            real = modes[..., 0] * parts[..., 0] - modes[..., 1] * parts[..., 1]
            imaginary = modes[..., 0] * parts[..., 1] + modes[..., 1] * parts[..., 0]
            every = F.pad(torch.stack((real.sum(1), imaginary.sum(1)), -1), (0, 0, 0, 3))
            far = torch.fft.irfft(torch.view_as_complex(every.contiguous()), n=16)
            held = F.gelu(far + plain(held))
        return self.fc2(F.gelu(self.fc1(held.transpose(1, 2))))  # type: ignore[no-any-return]


class Spectral(nn.Module):
    """A recurrence whose states are complex, kept as their parts, and a gate behind it."""

    def __init__(self, width: int = 32, states: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Linear(5, width)
        self.log_dt = nn.Parameter(torch.zeros(width))
        self.log_A_real = nn.Parameter(torch.zeros(width, states))
        self.A_imag = nn.Parameter(torch.zeros(width, states))
        self.C = nn.Parameter(torch.zeros(width, states, 2))
        self.D = nn.Parameter(torch.zeros(width))
        self.output_linear = nn.Conv1d(width, 2 * width, 1)
        self.norm = nn.LayerNorm(width)
        self.decoder = nn.Linear(width, 7)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        held = self.encoder(rows).transpose(1, 2)
        length = rows.shape[1]
        times = torch.arange(length) * self.log_dt.exp()[:, None, None]
        size = torch.exp(-self.log_A_real.exp()[..., None] * times)
        angle = self.A_imag[..., None] * times
        real, imaginary = self.C[..., 0, None], self.C[..., 1, None]
        kernel = (size * (real * angle.cos() - imaginary * angle.sin())).sum(1)
        padded = F.pad(held, (length - 1, 0))
        made = F.conv1d(padded, kernel.flip(-1)[:, None], groups=kernel.shape[0])
        made = F.glu(self.output_linear(F.gelu(made + held * self.D[:, None])), 1)
        return self.decoder(self.norm((made + held).transpose(1, 2)))  # type: ignore


class Speller(nn.Module):
    """A listener of two layers, and cells with normalized weights that attend to it."""

    def __init__(self) -> None:
        super().__init__()
        norm: Any = nn.utils.weight_norm
        self.listener = nn.GRU(12, 24, num_layers=2, bidirectional=True, batch_first=True)
        self.embedding = nn.Embedding(30, 20)
        self.attention = nn.ModuleDict(
            {
                "memory": norm(nn.Linear(48, 16, bias=False)),
                "query": nn.Linear(32, 16),
                "energy": norm(nn.Linear(16, 1, bias=False)),
            }
        )
        self.cell = norm(norm(nn.LSTMCell(68, 32), "weight_ih"), "weight_hh", dim=None)
        self.classifier = norm(nn.Linear(80, 30))

    def forward(self, frames: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        memory, _ = self.listener(frames)
        keys = self.attention["memory"](memory)
        state = (frames.new_zeros(frames.shape[0], 32), frames.new_zeros(frames.shape[0], 32))
        context = memory[:, 0]
        steps = []
        for place in range(3):
            state = self.cell(torch.cat((self.embedding(tokens[:, place]), context), 1), state)
            scores = torch.tanh(keys + self.attention["query"](state[0])[:, None])
            weights = torch.softmax(self.attention["energy"](scores), 1)
            context = (weights * memory).sum(1)
            steps.append(self.classifier(torch.cat((state[0], context), 1)))
        return torch.stack(steps, 1)


class Masked(nn.Conv2d):
    """A convolution that sees what was drawn before: the mask is a buffer."""

    def __init__(self, kind: str, *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.register_buffer("mask", torch.ones_like(self.weight))
        high, wide = self.kernel_size
        self.mask: torch.Tensor
        self.mask[:, :, high // 2, wide // 2 + (kind == "B") :] = 0
        self.mask[:, :, high // 2 + 1 :] = 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(image, self.weight * self.mask, self.bias)  # type: ignore


class Pixels(nn.Module):
    """Gated convolutions of what lies above and to the left, with a class to draw."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Masked("A", 3, 48, 5, padding=2)
        self.classes = nn.Embedding(10, 48)
        self.gates = nn.ModuleList(Masked("B", 24, 48, 3, padding=1, bias=False) for _ in range(3))
        self.skips = nn.ModuleList(nn.Conv2d(24, 24, 1) for _ in range(3))
        self.out = nn.Sequential(nn.ReLU(), nn.Conv2d(24, 3 * 16, 1))

    def forward(self, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        told = self.classes(label)[:, :, None, None]
        value, gate = (self.first(image) + told).chunk(2, 1)
        held = torch.tanh(value) * torch.sigmoid(gate)
        for layer, skip in zip(self.gates, self.skips, strict=True):
            value, gate = (layer(held) + told).chunk(2, 1)
            held = held + skip(torch.tanh(value) * torch.sigmoid(gate))
        return self.out(held)  # type: ignore[no-any-return]


class Bags(nn.Module):
    """Bags of categories beside numbers, their products, and a head with a temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.emb_l = nn.ModuleList(
            nn.EmbeddingBag(size, 16, mode=mode)
            for size, mode in ((40, "sum"), (70, "mean"), (25, "sum"))
        )
        self.bot_l = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
        self.top_l = nn.Sequential(nn.Linear(22, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.weight_bias = nn.Parameter(torch.zeros(1))
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.top = nn.Linear(32, 1)

    def forward(self, dense: torch.Tensor, sparse: torch.Tensor) -> torch.Tensor:
        low = self.bot_l(dense)
        rows = [bag(sparse[:, place]) for place, bag in enumerate(self.emb_l)]
        every = torch.stack([low, *rows], 1)
        products = torch.bmm(every, every.transpose(1, 2))
        pairs = [products[:, a, b] for a in range(4) for b in range(a)]
        held = self.top_l(torch.cat((low, torch.stack(pairs, 1)), 1))
        return torch.sigmoid(self.top(held) / self.log_temperature.exp() + self.weight_bias)


class Standardized(nn.Conv2d):
    """The mean and the deviation of each filter are taken out when it runs."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        center = self.weight.mean((1, 2, 3), keepdim=True)
        wide = self.weight.std((1, 2, 3), keepdim=True) + 1e-5
        weight = (self.weight - center) / wide
        return self._conv_forward(image, weight, self.bias)  # type: ignore[no-any-return]


class Frozen(nn.Module):
    """Batch normalization whose four vectors are buffers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(size)
        for name in ("weight", "bias", "running_mean", "running_var"):
            low = 0.5 if name in ("weight", "running_var") else -0.5
            self.register_buffer(name, torch.rand(size, generator=draw) + low)

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        kept: Any = self
        scale = kept.weight * (kept.running_var + 1e-5).rsqrt()
        shift = kept.bias - kept.running_mean * scale
        made: torch.Tensor = held * scale[:, None, None] + shift[:, None, None]
        return made


class Critic(nn.Module):
    """Standardized and frozen layers, attention with a gain of its own, and a branch that only
    training uses.
    """

    def __init__(self) -> None:
        super().__init__()
        spectral: Any = nn.utils.spectral_norm
        self.stem = Standardized(3, 24, 3, padding=1)
        self.stem_norm = nn.GroupNorm(4, 24)
        self.down = nn.Conv2d(24, 40, 4, stride=2, padding=1, bias=False)
        self.down_norm = Frozen(40)
        self.query_conv, self.key_conv = (spectral(nn.Conv1d(40, 5, 1)) for _ in range(2))
        self.value_conv = spectral(nn.Conv1d(40, 40, 1))
        self.gamma = nn.Parameter(torch.zeros(1))
        self.auxiliary = nn.Sequential(
            nn.Conv2d(24, 16, 1), nn.BatchNorm2d(16), nn.Conv2d(16, 4, 1)
        )
        self.norm = nn.InstanceNorm2d(40, affine=True)
        self.linear = nn.Linear(40, 1)
        self.embed = nn.Embedding(10, 40)

    def forward(self, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        held = F.leaky_relu(self.stem_norm(self.stem(image)), 0.2)
        held = F.leaky_relu(self.down_norm(self.down(held)), 0.2)
        flat = held.flatten(2)
        scores = self.query_conv(flat).transpose(1, 2) @ self.key_conv(flat)
        seen = self.value_conv(flat) @ torch.softmax(scores, -1).transpose(1, 2)
        held = self.norm(held + self.gamma * seen.view(held.shape)).relu().sum((2, 3))
        made: torch.Tensor = self.linear(held) + (self.embed(label) * held).sum(1, keepdim=True)
        return made


class Segments(nn.Module):
    """Attention by content and by distance, two biases for all layers, a memory and a tied head."""

    def __init__(self, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.heads, size = heads, width // heads
        self.word_emb = nn.Embedding(90, width)
        self.r_w_bias = nn.Parameter(torch.zeros(heads, size))
        self.r_r_bias = nn.Parameter(torch.zeros(heads, size))
        self.register_buffer("inv_freq", 1 / 10000 ** (torch.arange(0, width, 2) / width))
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "qkv_net": nn.Linear(width, 3 * width, bias=False),
                    "r_net": nn.Linear(width, width, bias=False),
                    "o_net": nn.Linear(width, width, bias=False),
                    "layer_norm": nn.LayerNorm(width),
                    "core": nn.Sequential(nn.Linear(width, 80), nn.ReLU(), nn.Linear(80, width)),
                    "core_norm": nn.LayerNorm(width),
                }
            )
            for _ in range(2)
        )
        self.out_layer = nn.Linear(width, 90)
        self.out_layer.weight = self.word_emb.weight

    def _split(self, held: torch.Tensor) -> torch.Tensor:
        return held.view(*held.shape[:-1], self.heads, -1)

    def forward(self, tokens: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        held = self.word_emb(tokens) * math.sqrt(self.word_emb.embedding_dim)
        inv_freq: Any = self.inv_freq
        length, whole = tokens.shape[1], tokens.shape[1] + memory.shape[1]
        angles = torch.arange(whole - 1, -1, -1.0)[:, None] * inv_freq
        places = torch.cat((angles.sin(), angles.cos()), -1)
        distance = torch.arange(whole) + length - 1 - torch.arange(length)[:, None]
        later = distance >= whole
        for layer in self.layers:
            step: Any = layer
            query, key, value = step["qkv_net"](torch.cat((memory, held), 1)).chunk(3, -1)
            query, key, value = (
                self._split(query[:, -length:]),
                self._split(key),
                self._split(value),
            )
            far = self._split(step["r_net"](places))
            near = torch.einsum("bihd,bjhd->bhij", query + self.r_w_bias, key)
            away = torch.einsum("bihd,jhd->bhij", query + self.r_r_bias, far)
            index = distance.clamp(max=whole - 1).expand(near.shape)
            scores = (near + away.gather(-1, index)) / math.sqrt(key.shape[-1])
            weights = scores.masked_fill(later, -1e4).softmax(-1)
            seen = torch.einsum("bhij,bjhd->bihd", weights, value).flatten(2)
            held = step["layer_norm"](held + step["o_net"](seen))
            held = step["core_norm"](held + step["core"](held))
        return self.out_layer(held)  # type: ignore[no-any-return]


class Faces(nn.Module):
    """Linear layers with norms of a batch between, slopes, and an angle to every class."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(3 * 64, 96),
            nn.BatchNorm1d(96),
            nn.PReLU(96),
            nn.Linear(96, 64, bias=False),
            nn.BatchNorm1d(64, affine=False),
            nn.PReLU(),
            nn.Linear(64, 40),
            nn.BatchNorm1d(40),
        )
        self.kernel = nn.Parameter(torch.zeros(40, 25))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        angles = F.normalize(self.body(image)) @ F.normalize(self.kernel, dim=0)
        return angles * self.scale.exp()


class Translator(nn.Module):
    """torch's Transformer; one table for both languages and the head, and a table of waves."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.src_tok_emb = nn.Embedding(80, width)
        self.tgt_tok_emb = nn.Embedding(80, width)
        self.generator = nn.Linear(width, 80)
        self.generator.weight = self.tgt_tok_emb.weight = self.src_tok_emb.weight
        angles = torch.arange(32)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        self.register_buffer("pe", torch.stack((angles.sin(), angles.cos()), -1).flatten(1))
        self.transformer = nn.Transformer(
            width, 4, 2, 2, 96, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        pe: Any = self.pe
        length = target.shape[1]
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        held = self.transformer(
            self.src_tok_emb(source) + pe[: source.shape[1]],
            self.tgt_tok_emb(target) + pe[:length],
            tgt_mask=later,
            tgt_is_causal=True,
        )
        return self.generator(held)  # type: ignore[no-any-return]


class Flow(nn.Module):
    """A flow's step: a scale and a shift, a mixing of channels in triangles, and a coupling."""

    def __init__(self, width: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(width)
        self.loc = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.scale = nn.Parameter(torch.ones(1, width, 1, 1))
        order = torch.eye(width)[torch.randperm(width, generator=draw)]
        self.register_buffer("w_p", order)
        self.register_buffer("u_mask", torch.ones(width, width).triu(1))
        self.register_buffer("l_mask", torch.ones(width, width).tril(-1))
        self.register_buffer("s_sign", torch.randn(width, generator=draw).sign())
        self.w_l = nn.Parameter(torch.zeros(width, width))
        self.w_s = nn.Parameter(torch.zeros(width))
        self.w_u = nn.Parameter(torch.zeros(width, width))
        self.net = nn.Sequential(
            nn.Conv2d(width // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, width, 3, padding=1)
        )
        self.gain = nn.Parameter(torch.zeros(1, width, 1, 1))

    def forward(self, held: torch.Tensor) -> torch.Tensor:
        kept: Any = self
        held = (self.scale.exp() * held) + self.loc
        lower = self.w_l * kept.l_mask + torch.eye(self.w_l.shape[0])
        upper = self.w_u * kept.u_mask + torch.eye(self.w_u.shape[0]) * kept.s_sign * self.w_s.exp()
        held = F.conv2d(held, (kept.w_p @ lower @ upper)[:, :, None, None])
        first, second = held.chunk(2, 1)
        log_s, shift = (self.net(first) * (self.gain * 3).exp()).chunk(2, 1)
        return torch.cat((first, (second + shift) * torch.sigmoid(log_s + 2)), 1)


class Splines(nn.Module):
    """Layers of curves: a plain matrix beside one over a basis on a grid, which is a buffer."""

    def __init__(self, width: int, out: int, order: int = 3, size: int = 5) -> None:
        super().__init__()
        self.order = order
        self.register_buffer("grid", (torch.arange(-order, size + order + 1) * 2 / size - 1))
        self.base_weight = nn.Parameter(torch.zeros(out, width))
        self.spline_weight = nn.Parameter(torch.zeros(out, width, size + order))
        self.spline_scaler = nn.Parameter(torch.zeros(out, width))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        grid: Any = self.grid
        wide = rows[..., None]
        bases = ((wide >= grid[:-1]) & (wide < grid[1:])).to(rows.dtype)
        for step in range(1, self.order + 1):
            left = (wide - grid[: -step - 1]) / (grid[step:-1] - grid[: -step - 1])
            right = (grid[step + 1 :] - wide) / (grid[step + 1 :] - grid[1:-step])
            bases = left * bases[..., :-1] + right * bases[..., 1:]
        weight = self.spline_weight * self.spline_scaler[..., None]
        return F.linear(F.silu(rows), self.base_weight) + F.linear(
            bases.flatten(1), weight.flatten(1)
        )


class Graphs(nn.Module):
    """Attention along edges, with a vector for each end, and sums with a weight of their own."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.lin = nn.Linear(9, 4 * 8, bias=False)
        self.att_src = nn.Parameter(torch.zeros(1, 4, 8))
        self.att_dst = nn.Parameter(torch.zeros(1, 4, 8))
        self.bias = nn.Parameter(torch.zeros(32))
        self.eps = nn.ParameterList(nn.Parameter(torch.zeros(1)) for _ in range(2))
        self.nns = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, width))
            for _ in range(2)
        )
        self.gate_nn = nn.Linear(width, 1)
        self.out = nn.Linear(width, 6)

    def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        held = self.lin(nodes).unflatten(-1, (4, 8))
        ends = (held * self.att_src).sum(-1)[None] + (held * self.att_dst).sum(-1)[:, None]
        scores = F.leaky_relu(ends, 0.2).masked_fill(edges[..., None] == 0, -1e4)
        made = torch.einsum("ijh,jhd->ihd", scores.softmax(1), held).flatten(1) + self.bias
        for eps, net in zip(self.eps, self.nns, strict=True):
            made = F.elu(net((1 + eps) * made + edges @ made))
        return self.out((self.gate_nn(made).softmax(0) * made).sum(0))  # type: ignore


class Slots(nn.Module):
    """Slots that compete for the parts of an image, in rounds, by a cell."""

    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.Conv2d(32, width, 5, stride=2, padding=2)
        )
        self.encoder_pos = nn.Linear(4, width)
        axis = torch.linspace(0, 1, 8)
        rows, columns = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("grid", torch.stack((rows, columns, 1 - rows, 1 - columns), -1))
        self.slots_mu = nn.Parameter(torch.zeros(1, 1, width))
        self.slots_log_sigma = nn.Parameter(torch.zeros(1, 1, width))
        self.slots_noise = nn.Parameter(torch.zeros(1, 5, width))
        self.norm_inputs, self.norm_slots, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.project_q, self.project_k, self.project_v = (
            nn.Linear(width, width, bias=False) for _ in range(3)
        )
        self.gru = nn.GRUCell(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 72), nn.ReLU(), nn.Linear(72, width))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        held = self.encoder(image).flatten(2).transpose(1, 2)
        grid: Any = self.grid
        held = self.norm_inputs(held + self.encoder_pos(grid.flatten(0, 1)))
        keys, values = self.project_k(held), self.project_v(held)
        slots = self.slots_mu + self.slots_log_sigma.exp() * self.slots_noise
        slots = slots.expand(image.shape[0], -1, -1)
        for _ in range(2):
            query = self.project_q(self.norm_slots(slots)) * keys.shape[-1] ** -0.5
            weights = (keys @ query.transpose(1, 2)).softmax(-1) + 1e-8
            weights = weights / weights.sum(1, keepdim=True)
            seen = weights.transpose(1, 2) @ values
            slots = self.gru(seen.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
            slots = slots + self.mlp(self.norm_mlp(slots))
        return slots


class Projected(nn.Module):
    """A cell of which a projection goes on, torch's attention with other keys, and a pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(20)
        self.weight_ih = nn.Parameter(torch.zeros(160, 20))
        self.weight_hh = nn.Parameter(torch.zeros(160, 24))
        self.weight_hr = nn.Parameter(torch.zeros(24, 40))
        self.bias_ih = nn.Parameter(torch.zeros(160))
        self.attention = nn.MultiheadAttention(24, 3, kdim=20, vdim=20, batch_first=True)
        self.query = nn.Parameter(torch.zeros(24))
        self.similarity_weight = nn.Parameter(torch.ones(1))
        self.similarity_bias = nn.Parameter(torch.zeros(1))
        self.linear = nn.Linear(24, 16)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        frames = self.norm(frames)
        every = F.linear(frames, self.weight_ih, self.bias_ih)
        cell, shown = frames.new_zeros(frames.shape[0], 40), frames.new_zeros(frames.shape[0], 24)
        steps = []
        for place in range(5):
            i, f, g, o = (every[:, place] + F.linear(shown, self.weight_hh)).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            shown = F.linear(torch.sigmoid(o) * torch.tanh(cell), self.weight_hr)
            steps.append(shown)
        held = torch.stack(steps, 1)
        seen, _ = self.attention(held, frames, frames)
        pooled = ((held @ self.query).softmax(1)[..., None] * (held + seen)).sum(1)
        rows = F.normalize(self.linear(pooled))
        return rows @ rows.T * self.similarity_weight + self.similarity_bias


class Beats(nn.Module):
    """Blocks that each explain what is left of a series on bases that are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.affine_weight = nn.Parameter(torch.ones(1))
        self.affine_bias = nn.Parameter(torch.zeros(1))
        self.blocks = nn.ModuleList()
        for degree in (3, 5):
            block = nn.Module()
            block.fc = nn.Sequential(
                nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 64), nn.SELU(), nn.LayerNorm(64)
            )
            block.theta_b = nn.Linear(64, degree, bias=False)
            block.theta_f = nn.Linear(64, degree, bias=False)
            powers = torch.arange(degree)[:, None] + 1
            block.register_buffer("basis_b", (torch.arange(24) / 24 * powers).cos())
            block.register_buffer("basis_f", (torch.arange(8) / 8 * powers).sin())
            self.blocks.append(block)
        self.skip = nn.Linear(24, 8)

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        center = series.mean(1, keepdim=True)
        wide = (series.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        left = (series - center) / wide * self.affine_weight + self.affine_bias
        made = self.skip(left)
        for each in self.blocks:
            block: Any = each
            held = block.fc(left)
            left = left - block.theta_b(held) @ block.basis_b
            made = made + block.theta_f(held) @ block.basis_f
        last: torch.Tensor = (made - self.affine_bias) / (self.affine_weight + 1e-5) * wide + center
        return last


class Points(nn.Module):
    """A cloud of points: convolutions of one place, and a small network that turns the cloud."""

    def __init__(self) -> None:
        super().__init__()
        self.stn = nn.ModuleDict(
            {
                "conv1": nn.Conv1d(3, 24, 1),
                "bn1": nn.BatchNorm1d(24),
                "conv2": nn.Conv1d(24, 48, 1),
                "bn2": nn.BatchNorm1d(48),
                "fc1": nn.Linear(48, 32),
                "bn3": nn.BatchNorm1d(32),
                "fc2": nn.Linear(32, 9),
            }
        )
        self.conv1, self.conv2 = nn.Conv1d(3, 32, 1), nn.Conv1d(32, 64, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm1d(32), nn.BatchNorm1d(64)
        self.seg = nn.Conv1d(96, 6, 1)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        step: Any = self.stn
        held = step["bn1"](step["conv1"](points)).relu()
        held = step["bn2"](step["conv2"](held)).relu().amax(2)
        held = step["fc2"](step["bn3"](step["fc1"](held)).relu())
        turn = held.view(-1, 3, 3) + torch.eye(3)
        near = self.bn1(self.conv1(turn @ points)).relu()
        whole = self.bn2(self.conv2(near)).amax(2, keepdim=True)
        return self.seg(torch.cat((near, whole.expand(-1, -1, points.shape[2])), 1))  # type: ignore


class Waves(nn.Module):
    """Sines of drawn frequencies, layers of sines that a code stretches, and their speeds."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("B", torch.randn(2, 16, generator=torch.Generator().manual_seed(3)))
        self.net = nn.ModuleList(nn.Linear(size, 48) for size in (32, 48, 48))
        self.mapping = nn.Sequential(nn.Linear(12, 40), nn.LeakyReLU(0.2), nn.Linear(40, 6 * 48))
        self.omega = nn.Parameter(torch.ones(3))
        self.rgb = nn.Linear(48, 3)
        self.rgb_gain = nn.Parameter(torch.ones(3))

    def forward(self, places: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        table: Any = self.B
        angles = 2 * math.pi * places @ table
        held = torch.cat((angles.sin(), angles.cos()), -1)
        stretch, shift = self.mapping(code)[:, None].unflatten(-1, (2, 3, 48)).unbind(2)
        for place, layer in enumerate(self.net):
            wide = layer(held) * (1 + stretch[:, :, place]) + shift[:, :, place]
            held = torch.sin((1 + self.omega[place]) * wide)
        return torch.sigmoid(self.rgb(held)) * self.rgb_gain


class Clouds(nn.Module):
    """Convolutions that remember, whose gates look at the cell through maps of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.Wx = nn.Conv2d(2, 4 * 12, 3, padding=1)
        self.Wh = nn.Conv2d(12, 4 * 12, 3, padding=1, bias=False)
        self.Wci, self.Wcf, self.Wco = (nn.Parameter(torch.zeros(1, 12, 8, 8)) for _ in range(3))
        self.last = nn.Conv2d(12, 1, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        held = cell = maps.new_zeros(maps.shape[0], 12, 8, 8)
        made = []
        for step in maps.unbind(1):
            i, f, g, o = (self.Wx(step) + self.Wh(held)).chunk(4, 1)
            i, f = torch.sigmoid(i + self.Wci * cell), torch.sigmoid(f + self.Wcf * cell)
            cell = f * cell + i * torch.tanh(g)
            held = torch.sigmoid(o + self.Wco * cell) * torch.tanh(cell)
            made.append(self.last(held))
        return torch.stack(made, 1)


class Codes(nn.Module):
    """An autoencoder over a table of codes, which is a buffer with its own running sums, and keys
    in two halves.
    """

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(11)
        self.enc = nn.Sequential(nn.Conv1d(4, 24, 4, stride=2, padding=1), nn.Mish())
        self.pre = nn.Conv1d(24, 16, 1)
        self.register_buffer("embed", torch.randn(16, 32, generator=draw))
        self.register_buffer("cluster_size", torch.rand(32, generator=draw) * 9)
        self.register_buffer("embed_avg", torch.randn(16, 32, generator=draw))
        self.keys = nn.Parameter(torch.zeros(2, 12, 8))
        self.values = nn.EmbeddingBag(144, 20, mode="sum")
        self.dec = nn.Sequential(nn.ConvTranspose1d(36, 24, 4, stride=2, padding=1), nn.Tanh())
        self.post = nn.Conv1d(24, 4, 3, padding=1, padding_mode="reflect")

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        table: Any = self.embed
        held = self.pre(self.enc(wave)).transpose(1, 2)
        far = held.square().sum(-1, keepdim=True) - 2 * held @ table + table.square().sum(0)
        codes = F.embedding(far.argmin(-1), table.T)
        left, right = held.chunk(2, -1)
        first, place = (left @ self.keys[0].T).max(-1)
        second, other = (right @ self.keys[1].T).max(-1)
        found = (place * 12 + other).flatten()[:, None]
        weights = (first + second).sigmoid().flatten()[:, None]
        rows = self.values(found, per_sample_weights=weights).view(*held.shape[:2], 20)
        made = self.dec(torch.cat((codes, rows), -1).transpose(1, 2))
        return self.post(made)  # type: ignore[no-any-return]


class Experts(nn.Module):
    """Experts in one tensor of three axes, tokens dealt to them softly; layer scales by channel."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.phi = nn.Parameter(torch.zeros(width, 4, 2))
        self.scale = nn.Parameter(torch.ones(1))
        self.w1 = nn.Parameter(torch.zeros(4, width, 56))
        self.b1 = nn.Parameter(torch.zeros(4, 1, 56))
        self.w2 = nn.Parameter(torch.zeros(4, 56, width))
        self.b2 = nn.Parameter(torch.zeros(4, 1, width))
        self.ls = nn.Parameter(torch.ones(width))
        self.g = nn.Parameter(torch.ones(width))
        self.head = nn.Linear(width + 6, 9)

    def forward(self, rows: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        held = torch.cat((self.cls_token.expand(rows.shape[0], -1, -1), rows), 1)
        deal = (F.normalize(held, dim=-1) * self.g) @ F.normalize(self.phi.flatten(1), dim=0)
        deal = deal * self.scale
        slots = deal.softmax(1).transpose(1, 2) @ held
        slots = slots.view(-1, 4, 2, slots.shape[-1])
        made = torch.einsum("besd,edh->besh", slots, self.w1) + self.b1
        made = torch.einsum("besh,ehd->besd", F.gelu(made), self.w2) + self.b2
        held = held + self.ls * (deal.softmax(2) @ made.flatten(1, 2))
        return self.head(torch.cat((held[:, 0], side), 1))  # type: ignore[no-any-return]


_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_MASKED: Final[Inputs] = {"input_ids": _IDS, "attention_mask": torch.ones_like(_IDS)}
_PIXELS: Final[Inputs] = {"pixel_values": (1, 3, 64, 64)}
_STEP: Final = torch.tensor([7])
_LABEL: Final = torch.tensor([3])
_EDGES: Final = (torch.arange(49).view(7, 7) % 3 == 0).float().maximum(torch.eye(7))
Make = Callable[[], nn.Module]
Case = tuple[Make, Inputs]

_MODULES: Final[dict[str, Case]] = {
    "filtered": (Filtered, {"image": (1, 3, 32, 32)}),
    "modes": (Modes, {"field": (1, 16, 3)}),
    "spectral": (Spectral, {"rows": (1, 20, 5)}),
    "speller": (Speller, {"frames": (1, 9, 12), "tokens": _IDS[:, :3] % 30}),
    "pixels": (Pixels, {"image": (1, 3, 8, 8), "label": _LABEL}),
    "bags": (Bags, {"dense": (2, 8), "sparse": torch.arange(24).view(2, 3, 4)}),
    "critic": (Critic, {"image": (1, 3, 8, 8), "label": _LABEL}),
    "segments": (Segments, {"tokens": _IDS, "memory": (1, 6, 48)}),
    "faces": (Faces, {"image": (2, 3, 8, 8)}),
    "translator": (Translator, {"source": _IDS, "target": _IDS[:, :5] + 1}),
    "flow": (lambda: nn.Sequential(Flow(12), Flow(12), Flow(12)), {"input": (1, 12, 6, 6)}),
    "splines": (lambda: nn.Sequential(Splines(10, 16), Splines(16, 4)), {"input": (3, 10)}),
    "graphs": (Graphs, {"nodes": (7, 9), "edges": _EDGES}),
    "slots": (Slots, {"image": (1, 3, 16, 16)}),
    "projected": (Projected, {"frames": (3, 8, 20)}),
    "beats": (Beats, {"series": (2, 24)}),
    "points": (Points, {"points": (2, 3, 20)}),
    "waves": (Waves, {"places": (1, 10, 2), "code": (1, 12)}),
    "clouds": (Clouds, {"maps": (1, 3, 2, 8, 8)}),
    "codes": (Codes, {"wave": (1, 4, 16)}),
    "experts": (Experts, {"rows": (1, 6, 32), "side": (1, 6)}),
}

# --- modules of libraries


def _from(path: str, text: str = "", **more: Any) -> Make:
    """What a function or class of a library makes, by its path and the options in the text."""

    def build() -> nn.Module:
        module, _, name = path.rpartition(".")
        made: nn.Module = getattr(import_module(module), name)(**parsed(text), **more)
        return made

    return build


def _timm(name: str, text: str = "") -> Make:
    given = f"model_name='{name}' pretrained=False num_classes=10 {text}"
    return _from("timm.create_model", given)


def _of(text: str, backbone: str = "", **parts: str) -> Make:
    """The model of a class of transformers, with its own configuration class."""
    kind, *rest = text.split()

    def build() -> nn.Module:
        library: Any = import_module("transformers")
        given = parsed(" ".join(rest)) | {name: parsed(part) for name, part in parts.items()}
        if backbone:
            known, *options = backbone.split()
            given["backbone_config"] = getattr(library, known)(**parsed(" ".join(options)))
        architecture = getattr(library, kind)
        model: nn.Module = architecture(architecture.config_class(**given))
        return model

    return build


def _diffusers(text: str) -> Make:
    kind, *rest = text.split()
    return _from(f"diffusers.{kind}", " ".join(rest))


def _pooled() -> nn.Module:
    kinds: Any = import_module("timm.models.mvitv2")
    settings = kinds.MultiScaleVitCfg(depths=(1, 1, 1, 1), embed_dim=24, num_heads=1)
    model: nn.Module = kinds.MultiScaleVit(settings, img_size=64, num_classes=10)
    return model


def _looks() -> nn.Module:
    kind: Any = import_module("timm.models.volo").VOLO
    model: nn.Module = kind(
        layers=(1, 1, 1, 1),
        img_size=64,
        num_classes=10,
        embed_dims=(32, 48, 48, 48),
        num_heads=(2, 4, 4, 4),
        stem_hidden_dim=16,
    )
    return model


def _transferred() -> nn.Module:
    kinds: Any = import_module("timm.models.resnetv2")
    model: nn.Module = kinds.ResNetV2(
        layers=(1, 1, 1),
        channels=(32, 64, 96),
        num_classes=10,
        stem_chs=32,
        stem_type="fixed",
        conv_layer=partial(kinds.StdConv2d, eps=1e-8),
        norm_layer=partial(kinds.GroupNormAct, num_groups=8),
    )
    return model


_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_TIMM: Final[dict[str, Case]] = {
    "mambaout_femto": (_timm("mambaout_femto", "depths=(1,1,1,1) dims=(16,32,48,64)"), _X64),
    "mvitv2": (_pooled, _X64),
    "pit_ti_224": (_timm("pit_ti_224", "img_size=64 base_dims=(16,16,16) depth=(1,1,1)"), _X64),
    "rdnet_tiny": (
        _timm("rdnet_tiny", "num_init_features=24 growth_rates=(8,16,16,16,16,16,24)"),
        _X64,
    ),
    "repvit_m0_9": (_timm("repvit_m0_9", "embed_dim=(16,32,48,64) depth=(1,1,1,1)"), _X64),
    "resnetv2-bit": (_transferred, _X64),
    "sequencer2d_s": (
        _timm("sequencer2d_s", "layers=(1,1,1,1) embed_dims=(24,32,32,48) hidden_sizes=(6,8,8,12)"),
        _X64,
    ),
    "swinv2_cr_tiny_ns_224": (
        _timm(
            "swinv2_cr_tiny_ns_224",
            "img_size=64 window_size=4 embed_dim=16 depths=(1,1,1,1) num_heads=(2,2,2,2)",
        ),
        _X64,
    ),
    "tnt_s_patch16_224": (
        _timm(
            "tnt_s_patch16_224", "img_size=64 embed_dim=64 inner_dim=16 depth=2 num_heads_outer=4"
        ),
        _X64,
    ),
    "vit_relpos_small_patch16_224": (
        _timm("vit_relpos_small_patch16_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
        _X64,
    ),
    "volo": (_looks, _X64),
    "xcit_nano_12_p16_224": (_timm("xcit_nano_12_p16_224", "embed_dim=64 depth=2"), _X64),
}

_SIZES: Final = "hidden_size=64 num_hidden_layers=2 num_attention_heads=4 intermediate_size=96"
_TEXT: Final = f"{_SIZES} vocab_size=99 max_position_embeddings=64"
_DECODE: Final = f"{_TEXT} num_key_value_heads=2 use_cache=False pad_token_id=0"
_TRANSFORMERS: Final[dict[str, Case]] = {
    "roformer": (_of(f"RoFormerForMaskedLM embedding_size=48 rotary_value=True {_TEXT}"), _MASKED),
    "big_bird": (
        _of(f"BigBirdForMaskedLM attention_type='original_full' rescale_embeddings=True {_TEXT}"),
        _MASKED,
    ),
    "layoutlmv3": (
        _of(f"""
            LayoutLMv3Model input_size=64 patch_size=16 coordinate_size=8 shape_size=16
            max_2d_position_embeddings=64 rel_pos_bins=8 max_rel_pos=16 rel_2d_pos_bins=8
            max_rel_2d_pos=16 has_relative_attention_bias=True has_spatial_attention_bias=True
            {_TEXT}
        """),
        {**_MASKED, "bbox": (torch.arange(32).view(1, 8, 4) % 32).sort(-1)[0], **_PIXELS},
    ),
    "swinv2": (
        _of("""
            Swinv2ForImageClassification image_size=64 embed_dim=16 depths=[1,1] num_heads=[2,2]
            window_size=4 pretrained_window_sizes=[2,0]
        """),
        _PIXELS,
    ),
    "decision_transformer": (
        _of("""
            DecisionTransformerModel state_dim=6 act_dim=3 hidden_size=32 n_layer=2 n_head=4
            max_ep_len=40 n_positions=64 use_cache=False
        """),
        {
            "states": (1, 5, 6),
            "actions": (1, 5, 3),
            "returns_to_go": (1, 5, 1),
            "timesteps": torch.arange(5)[None],
            "attention_mask": torch.ones(1, 5, dtype=torch.long),
        },
    ),
    "umt5": (
        _of("""
            UMT5ForConditionalGeneration vocab_size=99 d_model=64 d_kv=16 d_ff=96 num_layers=2
            num_heads=4 use_cache=False relative_attention_num_buckets=8
        """),
        {"input_ids": _IDS, "decoder_input_ids": _IDS[:, :5]},
    ),
    "helium": (_of(f"HeliumForCausalLM head_dim=16 {_DECODE}"), _MASKED),
    "doge": (_of(f"DogeForCausalLM keep_window_size=64 {_DECODE}"), _MASKED),
    "stablelm": (
        _of(f"StableLmForCausalLM qk_layernorm=True use_parallel_residual=True {_DECODE}"),
        _MASKED,
    ),
    "biogpt": (_of(f"BioGptForCausalLM use_cache=False {_TEXT}"), _MASKED),
    "sew_d": (
        _of(f"""
            SEWDForCTC conv_dim=[32,32,32,32,32,32,32,32,32,32,32,32,32] num_conv_pos_embeddings=16
            num_conv_pos_embedding_groups=4 position_buckets=8 max_position_embeddings=32
            vocab_size=32 squeeze_factor=2 {_SIZES}
        """),
        {"input_values": (1, 4000)},
    ),
    "pp_lcnet": (_of("PPLCNetForImageClassification scale=0.5 num_labels=6"), _PIXELS),
    "informer": (
        _of("""
            InformerModel prediction_length=6 context_length=12 num_time_features=2 d_model=32
            encoder_ffn_dim=48 decoder_ffn_dim=48 use_cache=False attention_type='full'
        """),
        {
            "past_values": (1, 19),
            "past_time_features": (1, 19, 2),
            "past_observed_mask": torch.ones(1, 19),
            "future_values": (1, 6),
            "future_time_features": (1, 6, 2),
        },
    ),
}

_SAID: Final[Inputs] = {"timestep": _STEP, "encoder_hidden_states": (1, 7, 32)}
_DIFFUSERS: Final[dict[str, Case]] = {
    "t2i-adapter": (
        _diffusers("""
            T2IAdapter in_channels=3 channels=[16,24,32] num_res_blocks=1 downscale_factor=4
            adapter_type='light_adapter'
        """),
        {"x": (1, 3, 32, 32)},
    ),
    "cogview3-transformer": (
        _diffusers("""
            CogView3PlusTransformer2DModel in_channels=4 num_layers=2 attention_head_dim=8
            num_attention_heads=4 out_channels=4 text_embed_dim=32 time_embed_dim=16
            condition_dim=8 pos_embed_max_size=8 sample_size=8
        """),
        {
            "hidden_states": (1, 4, 8, 8),
            "encoder_hidden_states": (1, 7, 32),
            "timestep": _STEP,
            "original_size": torch.tensor([[64, 48]]),
            "target_size": torch.tensor([[32, 40]]),
            "crop_coords": torch.tensor([[1, 2]]),
        },
    ),
    "t5-film-decoder": (
        _diffusers("""
            T5FilmDecoder input_dims=12 targets_length=10 d_model=32 num_layers=2 num_heads=4
            d_kv=8 d_ff=48
        """),
        {
            "tokens": (1, 7, 32),
            "mask": torch.ones(1, 7),
            "decoder_input_tokens": (1, 10, 12),
            "decoder_noise_time": torch.tensor([0.4]),
        },
    ),
}


def _video() -> nn.Module:
    library: Any = import_module("torchvision.models.video.resnet")
    stem = nn.Sequential(
        nn.Conv3d(3, 12, (1, 5, 5), stride=(1, 2, 2), padding=(0, 2, 2), bias=False),
        nn.BatchNorm3d(12),
        nn.ReLU(),
        nn.Conv3d(12, 16, (3, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(16),
        nn.ReLU(),
    )
    kind = library.Conv2Plus1D
    every: list[nn.Module] = [stem]
    for width, out in ((16, 24), (24, 32)):
        down = nn.Sequential(nn.Conv3d(width, out, 1, 2, bias=False), nn.BatchNorm3d(out))
        every.append(library.BasicBlock(width, out, kind, stride=2, downsample=down))
    return nn.Sequential(*every, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(32, 10))


def _single_stage() -> nn.Module:
    """One stage of detection over a backbone of which one part is frozen."""
    detection: Any = import_module("torchvision.models.detection")
    norm: Any = import_module("torchvision.ops").FrozenBatchNorm2d
    body = nn.Sequential()
    for place, (width, out) in enumerate(((3, 16), (16, 32), (32, 48))):
        layer = nn.Sequential(nn.Conv2d(width, out, 3, 2, 1, bias=False), norm(out), nn.ReLU())
        draw = torch.Generator().manual_seed(place)
        for name, low in (("weight", 0.5), ("bias", -0.5)):
            getattr(layer[1], name).copy_(torch.rand(out, generator=draw) + low)
        body.add_module(f"layer{place}", layer)
    backbone: Any = detection.backbone_utils.BackboneWithFPN(
        body,
        {"layer1": "0", "layer2": "1"},
        [32, 48],
        32,
        extra_blocks=import_module("torchvision.ops.feature_pyramid_network").LastLevelP6P7(48, 32),
    )
    sizes = ((8,), (16,), (32,), (64,))
    anchors = detection.anchor_utils.AnchorGenerator(sizes, ((1.0,),) * 4)
    head = detection.fcos.FCOSHead(32, 1, 5, num_convs=1)
    model: nn.Module = detection.FCOS(
        backbone, 5, min_size=96, max_size=96, anchor_generator=anchors, head=head, score_thresh=0.0
    )
    return model


def _nodes() -> nn.Module:
    """Attention of graphs, a residual of the first layer, and norms of a graph."""
    library: Any = import_module("torch_geometric.nn")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = library.GATv2Conv(9, 8, heads=4, add_self_loops=False)
            self.conv2 = library.TransformerConv(32, 8, heads=4, beta=True)
            self.norm = library.GraphNorm(32)
            self.conv3 = library.GENConv(32, 24, aggr="softmax", learn_t=True)
            self.jump = library.DenseGraphConv(24, 12)

        def forward(self, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
            held = F.elu(self.conv1(x, edge_index))
            held = F.elu(self.norm(self.conv2(held, edge_index)))
            held = F.elu(self.conv3(held, edge_index))
            return self.jump(held, torch.eye(x.shape[0]))[0]  # type: ignore[no-any-return]

    return Net()


def _clicks() -> nn.Module:
    library: Any = import_module("deepctr_torch.inputs")
    rows = [library.SparseFeat(f"c{at}", 20 + at, embedding_dim=8) for at in range(4)]
    rows += [library.DenseFeat(f"d{at}", 1) for at in range(3)]
    kind = import_module("deepctr_torch.models").AutoInt
    model: nn.Module = kind(rows, rows, dnn_hidden_units=(24, 16), dnn_use_bn=True, init_std=0.01)
    return model


def _attends() -> nn.Module:
    library: Any = import_module("x_transformers")
    layers = library.Decoder(
        dim=48,
        depth=2,
        heads=4,
        attn_dim_head=12,
        rel_pos_bias=True,
        ff_glu=True,
        use_scalenorm=True,
        gate_residual=True,
        attn_num_mem_kv=3,
        attn_qk_norm=True,
        attn_qk_norm_dim_scale=True,
        attn_head_scale=True,
        residual_attn=False,
        shift_tokens=1,
    )
    model: nn.Module = library.TransformerWrapper(
        num_tokens=90, max_seq_len=32, attn_layers=layers, num_memory_tokens=4, tie_embedding=True
    )
    return model


def _rows_of_numbers() -> nn.Module:
    embeddings: Any = import_module("rtdl_num_embeddings")
    numbers = embeddings.PeriodicEmbeddings(5, 8, lite=False)
    kind: Any = import_module("tabm").TabM
    model: nn.Module = kind.make(
        n_num_features=5,
        d_out=3,
        num_embeddings=numbers,
        n_blocks=2,
        d_block=32,
        k=6,
    )
    return model


def _captions() -> nn.Module:
    kind: Any = import_module("open_clip.coca_model").CoCa
    text = parsed("context_length=8 vocab_size=99 width=48 heads=4 layers=2 embed_cls=True")
    more = parsed("output_tokens=True")
    seen = parsed("""
        layers=2 width=48 head_width=12 patch_size=8 image_size=32 attentional_pool=True
        attn_pooler_queries=6 attn_pooler_heads=4 ls_init_value=0.1
    """)
    told = {**text, "attn_pooler_heads": 4, "context_length": 8, "embed_cls": False}
    model: nn.Module = kind(48, told, {**text, **more}, {**seen, **more})
    return model


_OTHERS: Final[dict[str, Case]] = {
    "torchvision-r2plus1d": (_video, {"input": (1, 3, 4, 32, 32)}),
    "torchvision-fcos": (_single_stage, {"images": (3, 96, 96)}),
    "torch_geometric-attention": (
        _nodes,
        {"x": (7, 9), "edge_index": _EDGES.nonzero().T.contiguous()},
    ),
    "deepctr-autoint": (
        _clicks,
        {"X": torch.tensor([[1.0, 7, 3, 12, 0.2, -0.4, 1.1], [5, 2, 9, 0, -1.2, 0.3, 0.8]])},
    ),
    "x_transformers-decoder": (_attends, {"x": _IDS}),
    "tabm": (_rows_of_numbers, {"x_num": (2, 5)}),
    "rtdl-ft_transformer": (
        _from(
            "rtdl_revisiting_models.FTTransformer",
            """
                n_cont_features=5 cat_cardinalities=[4,7] d_out=3 n_blocks=2 d_block=32
                attention_n_heads=4 attention_dropout=0.0 ffn_d_hidden_multiplier=1.5
                ffn_dropout=0.0 residual_dropout=0.0 linformer_kv_compression_ratio=0.5
                linformer_kv_compression_sharing='headwise'
            """,
        ),
        {"x_cont": (2, 5), "x_cat": torch.tensor([[1, 5], [3, 0]])},
    ),
    "tabnet": (
        _from(
            "pytorch_tabnet.tab_network.TabNet",
            """
                input_dim=9 output_dim=3 n_d=8 n_a=8 n_steps=2 cat_idxs=[1,4] cat_dims=[5,7]
                cat_emb_dim=[2,3] mask_type='sparsemax'
            """,
            group_attention_matrix=torch.eye(9),
        ),
        {"x": torch.tensor([[0.3, 1, -0.8, 1.2, 6, 0.1, 0.9, -1.0, 0.4]]).repeat(2, 1)},
    ),
    "open_clip-coca": (
        _captions,
        {"image": (1, 3, 32, 32), "text": _IDS},
    ),
    "vit_pytorch-small": (
        _from(
            "vit_pytorch.vit_for_small_dataset.ViT",
            "image_size=32 patch_size=8 num_classes=10 dim=48 depth=2 heads=4 mlp_dim=96 dim_head=12",
        ),
        {"img": (1, 3, 32, 32)},
    ),
    "vit_pytorch-crossformer": (
        _from(
            "vit_pytorch.crossformer.CrossFormer",
            """
                dim=(32,32,64,64) depth=(1,1,1,1) global_window_size=(4,2,2,1) local_window_size=2
                num_classes=10
            """,
        ),
        {"x": (1, 3, 64, 64)},
    ),
    "pytorchcv-cgnet": (
        _from("pytorchcv.models.cgnet.cgnet_cityscapes", "in_size=(64,64) num_classes=6"),
        {"x": (1, 3, 64, 64)},
    ),
    "pytorchcv-sinet": (
        _from("pytorchcv.models.sinet.sinet_cityscapes", "in_size=(128,128)"),
        {"x": (1, 3, 128, 128)},
    ),
    "monai-segresnet": (
        _from(
            "monai.networks.nets.SegResNet",
            "spatial_dims=3 init_filters=8 in_channels=2 out_channels=3 blocks_down=(1,1,2) "
            "blocks_up=(1,1) upsample_mode='deconv'",
        ),
        {"x": (1, 2, 8, 8, 8)},
    ),
    "monai-attention_unet": (
        _from(
            "monai.networks.nets.AttentionUnet",
            "spatial_dims=2 in_channels=3 out_channels=4 channels=(8,16,24) strides=(2,2)",
        ),
        {"x": (1, 3, 32, 32)},
    ),
    "speechbrain-ecapa": (
        _from(
            "speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN",
            """
                input_size=20 lin_neurons=24 channels=[32,32,32,32,96] attention_channels=16
                res2net_scale=4 se_channels=16
            """,
        ),
        {"x": (1, 30, 20)},
    ),
    "vocos-backbone": (
        _from(
            "vocos.models.VocosBackbone",
            "input_channels=16 dim=48 intermediate_dim=96 num_layers=2 adanorm_num_embeddings=4",
        ),
        {"x": (1, 16, 24), "bandwidth_id": torch.tensor([2])},
    ),
    "segmentation_models-unet": (
        _from(
            "segmentation_models_pytorch.Unet",
            """
                encoder_name='tu-mobilenetv3_small_050' encoder_weights=None encoder_depth=4
                decoder_channels=(64,48,32,16) decoder_attention_type='scse' classes=4
            """,
        ),
        {"x": (1, 3, 64, 64)},
    ),
}

# --- build, compare, ship


def _expected(model: nn.Module, values: Sequence[Any]) -> list[Any]:
    with torch.no_grad():
        made = model(*values)
    parts = made if isinstance(made, tuple | list) else (made,)
    return [part.detach().numpy() for part in parts]


def _follows(path: Path, feeds: Sequence[Any], wanted: Sequence[Any], slack: float) -> None:
    """Raise an error unless onnxruntime's outputs are the wanted ones; pass where it cannot run."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if type(error).__name__ == "NotImplemented":  # a type of an operator
            return
        raise
    kinds = {"tensor(float16)": np.float16, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}
    inputs = session.get_inputs()
    arrays = {
        value.name: np.asarray(feed).astype(kinds.get(value.type, np.asarray(feed).dtype))
        for value, feed in zip(inputs, feeds, strict=True)
    }
    made = session.run(None, arrays)
    compare(made, wanted, slack)


def _joined(source: Path, target: Path) -> None:
    import onnxoptimizer  # type: ignore[import-not-found,unused-ignore]

    names = [
        each for each in onnxoptimizer.get_fuse_and_elimination_passes() if "einsum" not in each
    ]
    onnx.save(onnxoptimizer.optimize(onnx.load(source), names), target)


def _halved(source: Path, target: Path) -> None:
    """Inputs and outputs in half precision too."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source)), target)


def _half_joined(source: Path, target: Path) -> None:
    """The model as the half converter of transformers' tools leaves it, some kinds of nodes not."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    blocked = ["Softmax", "LayerNormalization", "InstanceNormalization", "ReduceMean", "Pow"]
    model = onnx.load(source)
    onnx.save(convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked), target)


_STEPS: Final[Mapping[str, Callable[[Path, Path], None]]] = {
    "joined": _joined,
    "halved": _halved,
    "half-blocked": _half_joined,
    **{
        name: partial(lambda step, source, target: step(source, target, source), step)
        for name, step in POSTPROCESSORS.items()
        if name in ("onnxslim", "onnxsim", "ort-basic", "ort-extended", "ort-all")
    },
}
_CHAINS: Final = (
    ("joined", "onnxslim+halved"),
    ("ort-all", "onnxsim+joined"),
    ("onnxslim+ort-extended", "half-blocked"),
    ("onnxsim+halved+onnxslim", "ort-basic+onnxsim"),
    ("joined+ort-all", "onnxslim+onnxsim+half-blocked"),
)


def _shipped(names: str, source: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        start = source
        for number, name in enumerate(names.split("+")):
            made = Path(work) / f"{number}.onnx"
            _STEPS[name](start, made)
            start = made
        onnx.save(onnx.load(start), target)


def _named(model: nn.Module, name: str, inputs: Inputs) -> Sequence[Any]:
    """Have the forward take these inputs in order; their values."""
    values: list[Any] = [
        torch.randn(value) if isinstance(value, tuple) else value for value in inputs.values()
    ]
    if name == "t5-film-decoder":
        inner = model.forward
        model.forward = lambda tokens, mask, *rest: inner([(tokens, mask)], *rest)
    elif name == "torchvision-fcos":
        shown(model, ["images"])
        return ([values[0]],)
    elif name not in _MODULES and len(inputs) == 1 and next(iter(inputs)) in ("x", "img", "X"):
        return values
    elif name not in _MODULES and name != "torch_geometric-attention":
        shown(model, list(inputs))
    return values


def _build(name: str, case: Case, chains: Sequence[str], folder: Path) -> None:
    declare_operators()
    torch.backends.mha.set_fastpath_enabled(False)  # an operator that no exporter has
    torch.manual_seed(sum(map(ord, name)))
    kind, inputs = case
    model = kind().eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    values = _named(model, name, inputs)
    shake(model, sum(map(ord, name)))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_complex():
                parameter.copy_(torch.randn(parameter.shape, dtype=parameter.dtype) * 0.1)
    tell(model, folder)
    runs = name != "torchvision-fcos"  # whose operators are only declared
    wanted = _expected(model, values) if runs else []
    feeds = [value.numpy() for value in values] if runs else []

    def checked(write: Callable[[Path], None], slack: float, path: Path) -> None:
        write(path)
        if runs:
            _follows(path, feeds, wanted, slack)

    for exporter in EXPORTERS:
        plain = partial(export, model, tuple(values), exporter)
        source = make(folder, exporter, partial(checked, plain, 2e-3))
        for names in chains if source else ():
            ship = partial(_shipped, names, folder / exporter / "model.onnx")
            slack = 0.05 if "hal" in names else 2e-3
            make(folder, f"{exporter}+{names}", partial(checked, ship, slack))


def _chains(title: str) -> Sequence[str]:
    """What is done to the exports of a case: to half of the cases nothing, by their names."""
    drawn = zlib.crc32(title.encode())
    return _CHAINS[drawn // 2 % len(_CHAINS)] if drawn % 2 else ()


_TABLES: Final = {
    "module": _MODULES,
    "timm": _TIMM,
    "transformers": _TRANSFORMERS,
    "diffusers": _DIFFUSERS,
    "": _OTHERS,
}
_EVERY: Final = {
    f"{word}-{name}".lstrip("-"): (name, case)
    for word, table in _TABLES.items()
    for name, case in table.items()
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, name, case, _chains(title)) for title, (name, case) in _EVERY.items()
}
OPENED: Final[frozenset[str]] = frozenset(CASES)  # since it was measured first
