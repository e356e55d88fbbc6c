"""More models that no other kind has, held out until they had been measured: modules in the
coding styles of public projects, and those of libraries that no other kind asks. Every weight
drawn; made, compared and shipped as ``later_models`` does.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import nn

from wild import later_models
from wild.later_models import Case, Make, Rms, _from, _get
from wild.tables import parsed
from wild.workshop import Builder

F = nn.functional
Tensor = torch.Tensor

# --- sequences by hand


class Differential(nn.Module):
    """Attention as the difference of two maps, weighed by products of vectors, a norm by head."""

    def __init__(self, width: int = 48, heads: int = 3, depth: int = 2) -> None:
        super().__init__()
        self.heads, size = heads, width // heads // 2
        self.tok = nn.Embedding(70, width)
        self.blocks: Any = nn.ModuleList()
        for _ in range(depth):
            block: Any = nn.Module()
            block.wqkv = nn.Linear(width, 3 * width, bias=False)
            block.wo = nn.Linear(width, width, bias=False)
            for name in ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"):
                block.register_parameter(name, nn.Parameter(torch.zeros(size)))
            block.subln = Rms(2 * size)
            block.norms = nn.ParameterList([nn.Parameter(torch.zeros(width)) for _ in range(2)])
            block.ffn = nn.ModuleDict(
                {
                    "w12": nn.Linear(width, 2 * 80),
                    "w3": nn.Linear(80, width),
                }
            )
            self.blocks.append(block)
        self.out_norm = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, 70, bias=False)

    @staticmethod
    def _norm(held: Tensor, weight: Tensor) -> Tensor:
        return held * torch.rsqrt(held.square().mean(-1, keepdim=True) + 1e-5) * (1 + weight)

    def _attend(self, block: Any, told: Tensor, number: int) -> Tensor:
        length = told.shape[1]
        q, k, v = block.wqkv(told).chunk(3, -1)
        q, k = (x.view(1, length, 2 * self.heads, -1).transpose(1, 2) for x in (q, k))
        v = v.view(1, length, self.heads, -1).transpose(1, 2)
        start = 0.8 - 0.6 * math.exp(-0.3 * number)
        first = torch.exp((block.lambda_q1 * block.lambda_k1).sum())
        second = torch.exp((block.lambda_q2 * block.lambda_k2).sum())
        mask = torch.full((length, length), -1e4).triu(1)
        maps = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + mask.to(q.dtype)).softmax(-1)
        maps = maps.view(1, self.heads, 2, length, length)
        seen = (maps[:, :, 0] - (first - second + start) * maps[:, :, 1]) @ v
        seen = block.subln(seen) * (1 - start)
        made: Tensor = block.wo(seen.transpose(1, 2).flatten(2))
        return made

    def forward(self, tokens: Tensor) -> Tensor:
        held = self.tok(tokens)
        for number, block in enumerate(self.blocks):
            held = held + self._attend(block, self._norm(held, block.norms[0]), number)
            gate, up = block.ffn["w12"](self._norm(held, block.norms[1])).chunk(2, -1)
            held = held + block.ffn["w3"](F.silu(gate) * up)
        made: Tensor = self.out(self._norm(held, self.out_norm))
        return made


class Shifted(nn.Module):
    """Tokens mixed with those before them, a weighted sum with a decay in plain steps, squares in
    the second half of each block.
    """

    def __init__(self, width: int = 32, inner: int = 72) -> None:
        super().__init__()
        self.emb = nn.Embedding(64, width)
        self.ln0 = nn.LayerNorm(width)
        self.blocks: Any = nn.ModuleList()
        for _ in range(2):
            att, ffn = nn.Module(), nn.Module()
            for name in ("time_mix_k", "time_mix_v", "time_mix_r"):
                att.register_parameter(name, nn.Parameter(torch.ones(1, 1, width)))
            att.time_decay = nn.Parameter(torch.zeros(width))
            att.time_first = nn.Parameter(torch.zeros(width))
            for name in ("key", "value", "receptance", "output"):
                att.add_module(name, nn.Linear(width, width, bias=False))
            for name in ("time_mix_k", "time_mix_r"):
                ffn.register_parameter(name, nn.Parameter(torch.ones(1, 1, width)))
            ffn.key = nn.Linear(width, inner, bias=False)
            ffn.receptance = nn.Linear(width, width, bias=False)
            ffn.value = nn.Linear(inner, width, bias=False)
            norms = {"ln1": nn.LayerNorm(width), "ln2": nn.LayerNorm(width)}
            self.blocks.append(nn.ModuleDict({**norms, "att": att, "ffn": ffn}))
        self.ln_out = nn.LayerNorm(width)
        self.head = nn.Linear(width, 64, bias=False)
        self.time_shift = nn.ZeroPad2d((0, 0, 1, -1))

    def _mixed(self, part: Any, held: Tensor, letters: str) -> list[Tensor]:
        before = self.time_shift(held)
        mixes = [getattr(part, f"time_mix_{letter}") for letter in letters]
        return [held * mix + before * (1 - mix) for mix in mixes]

    def _remember(self, att: Any, held: Tensor) -> Tensor:
        xk, xv, xr = self._mixed(att, held, "kvr")
        k, v, r = att.key(xk), att.value(xv), torch.sigmoid(att.receptance(xr))
        decay = torch.exp(-torch.exp(att.time_decay))
        top, low, steps = torch.zeros_like(k[:, 0]), torch.zeros_like(k[:, 0]), []
        for at in range(held.shape[1]):
            now, first = k[:, at].exp(), (k[:, at] + att.time_first).exp()
            steps.append((top + first * v[:, at]) / (low + first))
            top, low = decay * top + now * v[:, at], decay * low + now
        made: Tensor = att.output(r * torch.stack(steps, 1))
        return made

    def forward(self, idx: Tensor) -> Tensor:
        held = self.ln0(self.emb(idx))
        for block in self.blocks:
            held = held + self._remember(block["att"], block["ln1"](held))
            ffn = block["ffn"]
            xk, xr = self._mixed(ffn, block["ln2"](held), "kr")
            inner = torch.square(torch.relu(ffn.key(xk)))
            held = held + torch.sigmoid(ffn.receptance(xr)) * ffn.value(inner)
        made: Tensor = self.head(self.ln_out(held))
        return made


class Routed(nn.Module):
    """A loop over a list of experts, each weighed by what the two best of the router say, with one
    expert for all, and a head that is tied when it is asked.
    """

    def __init__(self, width: int = 32, inner: int = 40, experts: int = 5) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(80, width)
        self.mlp: Any = nn.Module()
        self.mlp.gate = nn.Linear(width, experts, bias=False)
        self.mlp.experts = nn.ModuleList(self._expert(width, inner) for _ in range(experts))
        self.mlp.shared_expert = self._expert(width, 2 * inner)
        self.mlp.shared_expert_gate = nn.Linear(width, 1, bias=False)
        self.input_layernorm, self.norm = Rms(width), Rms(width, 1.0)

    @staticmethod
    def _expert(width: int, inner: int) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "gate_proj": nn.Linear(width, inner, bias=False),
                "up_proj": nn.Linear(width, inner, bias=False),
                "down_proj": nn.Linear(inner, width, bias=False),
            }
        )

    @staticmethod
    def _run(expert: Any, rows: Tensor) -> Tensor:
        gate = F.silu(expert["gate_proj"](rows))
        made: Tensor = expert["down_proj"](gate * expert["up_proj"](rows))
        return made

    @property
    def lm_head(self) -> Tensor:
        """The table of words again."""
        return self.embed_tokens.weight

    def forward(self, input_ids: Tensor) -> Tensor:
        held = self.embed_tokens(input_ids)
        rows = self.input_layernorm(held).flatten(0, 1)
        weights = self.mlp.gate(rows).softmax(-1)
        best, chosen = torch.topk(weights, 2, dim=-1)
        best = best / best.sum(-1, keepdim=True)
        made = torch.zeros_like(rows)
        for number, expert in enumerate(self.mlp.experts):
            share = torch.where(chosen == number, best, torch.zeros_like(best)).sum(-1)
            made = made + self._run(expert, rows) * share[:, None]
        shared = self._run(self.mlp.shared_expert, rows)
        made = made + torch.sigmoid(self.mlp.shared_expert_gate(rows)) * shared
        logits: Tensor = self.norm(held + made.view_as(held)) @ self.lm_head.t()
        return logits


class Streams(nn.Module):
    """Several residual streams, which small matrices read, mix and write, some of them made by
    the streams themselves.
    """

    def __init__(self, width: int = 32, streams: int = 4, depth: int = 3) -> None:
        super().__init__()
        self.streams = streams
        self.embed = nn.Linear(14, width)
        self.layers: Any = nn.ModuleList()
        for number in range(depth):
            layer: Any = nn.Module()
            layer.static_beta = nn.Parameter(torch.ones(streams))
            start = torch.eye(streams)[:, [number % streams]]
            layer.static_alpha = nn.Parameter(torch.cat((start, torch.eye(streams)), 1))
            layer.dynamic_alpha_fn = nn.Parameter(torch.zeros(width, streams + 1))
            layer.dynamic_alpha_scale = nn.Parameter(torch.ones(()) * 0.01)
            layer.dynamic_beta_fn = nn.Parameter(torch.zeros(width))
            layer.dynamic_beta_scale = nn.Parameter(torch.ones(()) * 0.01)
            layer.norm = nn.LayerNorm(width)
            layer.branch = nn.Sequential(
                Rms(width), nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width)
            )
            self.layers.append(layer)
        self.to_out = nn.Linear(width, 10)

    def forward(self, rows: Tensor) -> Tensor:
        held = self.embed(rows)[:, :, None].repeat(1, 1, self.streams, 1)
        for layer in self.layers:
            told = layer.norm(held)
            alpha = torch.tanh(told @ layer.dynamic_alpha_fn) * layer.dynamic_alpha_scale
            alpha = alpha + layer.static_alpha
            beta = torch.tanh(told @ layer.dynamic_beta_fn) * layer.dynamic_beta_scale
            mixed = torch.einsum("blst,blsd->bltd", alpha, held)
            made = layer.branch(mixed[:, :, 0])
            held = mixed[:, :, 1:] + made[:, :, None] * (beta + layer.static_beta)[..., None]
        answer: Tensor = self.to_out(held.sum(2))
        return answer


class Retained(nn.Module):
    """Attention without a softmax, whose decay by distance is a buffer for each head; a norm in
    groups and a gate.
    """

    def __init__(self, width: int = 32, heads: int = 4, length: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Embedding(50, width)
        for name, out in (("q", width), ("k", width), ("v", 2 * width), ("g", 2 * width)):
            self.add_module(f"{name}_proj", nn.Linear(width, out, bias=False))
        self.out_proj = nn.Linear(2 * width, width, bias=False)
        self.group_norm = nn.GroupNorm(heads, 2 * width)
        gamma = 1 - 2.0 ** (-5 - torch.arange(heads))
        far = torch.arange(length)[:, None] - torch.arange(length)
        mask = torch.where(far >= 0, gamma[:, None, None] ** far.clamp(min=0), 0.0)
        self.register_buffer("decay_mask", mask / mask.sum(-1, keepdim=True).sqrt())
        self.layer_scale = nn.Parameter(torch.full((width,), 0.1))
        self.head = nn.Linear(width, 50)

    def forward(self, ids: Tensor) -> Tensor:
        kept: Any = self
        held = self.embed(ids) * math.sqrt(self.embed.embedding_dim)
        q, k, v = (
            getattr(self, f"{name}_proj")(held).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in "qkv"
        )
        scores = (q @ k.transpose(2, 3)) * q.shape[-1] ** -0.5 * kept.decay_mask
        scores = scores / scores.detach().abs().sum(-1, keepdim=True).clamp(min=1.0)
        seen = (scores @ v).transpose(1, 2).flatten(2)
        seen = self.group_norm(seen.flatten(0, 1)).view_as(seen)
        gated = F.silu(kept.g_proj(held)) * seen
        made: Tensor = self.head(held + self.layer_scale * self.out_proj(gated))
        return made


class Unrolled(nn.Module):
    """A cell with norms inside, written out by hand and run both ways by one set of weights, then
    torch's LSTM with a projection each way, and a mixture of normal distributions for the next step.
    """

    def __init__(self, width: int = 20, mixtures: int = 5) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.zeros(4 * width, 9))
        self.weight_hh = nn.Parameter(torch.zeros(4 * width, width))
        self.layernorm_i, self.layernorm_h = nn.LayerNorm(4 * width), nn.LayerNorm(4 * width)
        self.layernorm_c = nn.LayerNorm(width)
        self.h0 = nn.Parameter(torch.zeros(1, width))
        self.c0 = nn.Parameter(torch.zeros(1, width))
        self.rnn = nn.LSTM(2 * width, 14, num_layers=2, batch_first=True, bidirectional=True)
        self.proj_fw, self.proj_bw = (nn.Linear(14, 14, bias=False) for _ in range(2))
        self.pi = nn.Linear(28, mixtures)
        self.normal: Any = nn.ModuleDict(
            {"mu": nn.Linear(28, mixtures * 3), "sigma": nn.Linear(28, mixtures * 3)}
        )

    def _run(self, rows: Tensor) -> Tensor:
        h, c, steps = self.h0, self.c0, []
        for row in rows.unbind(1):
            gates = self.layernorm_i(row @ self.weight_ih.t())
            gates = gates + self.layernorm_h(h @ self.weight_hh.t())
            i, f, g, o = gates.chunk(4, 1)
            c = self.layernorm_c(f.sigmoid() * c + i.sigmoid() * g.tanh())
            h = o.sigmoid() * c.tanh()
            steps.append(h)
        return torch.stack(steps, 1)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        held = torch.cat((self._run(rows), self._run(rows.flip(1)).flip(1)), -1)
        forth, back = self.rnn(held)[0].chunk(2, -1)
        told = torch.cat((self.proj_fw(forth), self.proj_bw(back)), -1)
        mean = self.normal["mu"](told).unflatten(-1, (-1, 3))
        spread = (F.elu(self.normal["sigma"](told)) + 1.0001).view_as(mean)
        return self.pi(told).log_softmax(-1), mean, spread


class Fields(nn.Module):
    """Sums of several tables, one of them in buckets of time; bags with weights; scores against a
    part of the table; parameters by name in nested dictionaries.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.tables: Any = nn.ModuleDict(
            {
                "item": nn.Embedding(120, width, padding_idx=0),
                "side": nn.ModuleDict(
                    {"category": nn.Embedding(11, width), "shop": nn.Embedding(17, width)}
                ),
            }
        )
        self.position = nn.Parameter(torch.zeros(32, width))
        self.register_buffer("edges", torch.tensor([0.1, 0.5, 1.0, 2.0]), persistent=False)
        self.time = nn.Embedding(5, width)
        self.tags = nn.EmbeddingBag(40, width, mode="sum")
        self.film = nn.ParameterDict(
            {
                "scale": nn.Parameter(torch.zeros(width, width)),
                "shift": nn.Parameter(torch.zeros(width, width)),
            }
        )
        self.fm_linear = nn.Embedding(120, 1)
        self.fm_bias = nn.Parameter(torch.zeros(1))
        self.tower: Any = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, 40), nn.PReLU(40)), nn.Linear(40, width)]
        )

    def forward(self, items: Tensor, sides: Tensor, gaps: Tensor, tags: Tensor) -> Tensor:
        kept: Any = self
        bucket = (gaps[..., None] > kept.edges).long().sum(-1)
        held = self.tables["item"](items) + self.tables["side"]["category"](sides % 11)
        held = held + self.tables["side"]["shop"](sides) + self.time(bucket)
        held = held + self.position[: items.shape[1]]
        square = held.sum(1).square() - held.square().sum(1)
        told = self.tags(tags)
        user = held.mean(1) * (1 + told @ self.film["scale"]) + told @ self.film["shift"]
        user = user + 0.5 * square
        user = user + self.tower[1](self.tower[0](user))
        scores = user @ self.tables["item"].weight[1:].t()
        made: Tensor = scores + self.fm_linear.weight[1:].squeeze(-1) + self.fm_bias
        return made


# --- images and fields by hand


class Reversible(nn.Module):
    """Halves of channels that take turns, squeezed out of space; steps of one size each, with a
    convolution that is kept as a triangle, a diagonal and a permutation.
    """

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        half = width // 2
        self.steps: Any = nn.ModuleList()
        for _ in range(3):
            step: Any = nn.Module()
            for name in ("f", "g"):
                branch = nn.Sequential(
                    nn.BatchNorm2d(half),
                    nn.ReLU(),
                    nn.Conv2d(half, 24, 3, padding=1, bias=False),
                    nn.BatchNorm2d(24),
                    nn.ReLU(),
                    nn.Conv2d(24, half, 1),
                )
                step.add_module(name, branch)
            step.loc = nn.Parameter(torch.zeros(1, width, 1, 1))
            step.log_scale = nn.Parameter(torch.zeros(1, width, 1, 1))
            step.lower = nn.Parameter(torch.zeros(width, width))
            step.upper = nn.Parameter(torch.zeros(width, width))
            step.log_s = nn.Parameter(torch.zeros(width))
            step.register_buffer("p", torch.eye(width)[torch.randperm(width)])
            step.register_buffer("l_mask", torch.ones(width, width).tril(-1))
            step.register_buffer("eye", torch.eye(width))
            self.steps.append(step)
        self.head = nn.Conv2d(width, 7, 1)

    def forward(self, image: Tensor) -> Tensor:
        held = F.pixel_unshuffle(image, 2)
        for step in self.steps:
            held = (held + step.loc) * step.log_scale.exp()
            lower = step.lower * step.l_mask + step.eye
            upper = step.upper * step.l_mask.T + step.eye * step.log_s.exp()
            held = F.conv2d(held, (step.p @ lower @ upper)[:, :, None, None])
            first, second = held.chunk(2, 1)
            first = first + step.f(second)
            second = second + step.g(first)
            held = torch.cat((first, second), 1)
        made: Tensor = self.head(held).mean((2, 3))
        return made


class Timed(nn.Module):
    """A field with its time as one more channel, followed by steps of the fourth order that all
    use the same weights.
    """

    def __init__(self, width: int = 16, steps: int = 2) -> None:
        super().__init__()
        self.n_steps = steps
        self.downsampling_layers = nn.Sequential(
            nn.Conv2d(3, width, 3, 1),
            nn.GroupNorm(4, width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 4, 2, 1),
        )
        self.odefunc: Any = nn.Module()
        for at in (1, 2):
            self.odefunc.add_module(f"norm{at}", nn.GroupNorm(4, width))
            self.odefunc.add_module(f"conv{at}", nn.Conv2d(width + 1, width, 3, 1, 1))
        self.odefunc.norm3 = nn.GroupNorm(4, width)
        self.fc_layers = nn.Sequential(
            nn.GroupNorm(4, width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.fc = nn.Linear(width, 10)

    def _speed(self, time: float, held: Tensor) -> Tensor:
        func = self.odefunc
        for norm, conv in ((func.norm1, func.conv1), (func.norm2, func.conv2)):
            told = torch.relu(norm(held))
            held = conv(torch.cat((torch.ones_like(told[:, :1]) * time, told), 1))
        made: Tensor = func.norm3(held)
        return made

    def forward(self, image: Tensor) -> Tensor:
        held = self.downsampling_layers(image)
        size = 1.0 / self.n_steps
        for at in range(self.n_steps):
            time = at * size
            k1 = self._speed(time, held)
            k2 = self._speed(time + size / 2, held + size / 2 * k1)
            k3 = self._speed(time + size / 2, held + size / 2 * k2)
            k4 = self._speed(time + size, held + size * k3)
            held = held + size / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        made: Tensor = self.fc(self.fc_layers(held))
        return made


class Squeezing(nn.Module):
    """Blocks that widen, look by channel and narrow, whose gates are convolutions and whose bends
    are written by hand; a wide last layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features: Any = nn.ModuleList()
        rows = ((16, 32, 16, 3, 1, True), (16, 48, 24, 5, 2, False), (24, 96, 24, 5, 1, True))
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16))
        for width, wide, out, kernel, stride, gated in rows:
            block: Any = nn.Module()
            block.expand = nn.Conv2d(width, wide, 1, bias=False)
            block.bn1 = nn.BatchNorm2d(wide, eps=1e-3)
            block.depthwise = nn.Conv2d(
                wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False
            )
            block.bn2 = nn.BatchNorm2d(wide, eps=1e-3, affine=not gated)
            block.project = nn.Conv2d(wide, out, 1, bias=False)
            block.bn3 = nn.BatchNorm2d(out, eps=1e-3)
            if gated:
                names = {"reduce": nn.Conv2d(wide, 8, 1), "expand": nn.Conv2d(8, wide, 1)}
                block.se = nn.ModuleDict(names)
            self.features.append(block)
        self.conv_head = nn.Conv2d(24, 96, 1)
        self.classifier = nn.Linear(96, 20)

    @staticmethod
    def _bent(held: Tensor) -> Tensor:
        return held * F.relu6(held + 3) / 6

    def forward(self, image: Tensor) -> Tensor:
        held = self._bent(self.stem(image))
        for block in self.features:
            told = self._bent(block.bn1(block.expand(held)))
            told = self._bent(block.bn2(block.depthwise(told)))
            if hasattr(block, "se"):
                gate = told.mean((2, 3), keepdim=True)
                gate = block.se["expand"](torch.relu(block.se["reduce"](gate)))
                told = told * (F.relu6(gate + 3) / 6)
            told = block.bn3(block.project(told))
            held = told + held if told.shape == held.shape else told
        held = self._bent(self.conv_head(F.adaptive_avg_pool2d(held, 1)))
        made: Tensor = self.classifier(held.flatten(1))
        return made


class Bank(nn.Module):
    """A signal cut in bands by filters that are buffers, gains for each band and level, and a way
    back by transposed convolutions in groups.
    """

    def __init__(self, levels: int = 3) -> None:
        super().__init__()
        low = torch.tensor([0.4830, 0.8365, 0.2241, -0.1294])
        high = low.flip(0) * torch.tensor([1.0, -1.0, 1.0, -1.0])
        self.register_buffer("analysis", torch.stack((low, high))[:, None])
        self.register_buffer("synthesis", torch.stack((low, high))[:, None], persistent=False)
        self.gains = nn.ParameterList([nn.Parameter(torch.ones(2, 6, 1)) for _ in range(levels)])
        self.mixers = nn.ModuleList(nn.Conv1d(6, 6, 5, padding=2, groups=3) for _ in range(levels))
        self.lift = nn.Conv1d(1, 6, 1)
        self.decoder: Any = nn.Sequential(
            nn.ConvTranspose1d(6, 18, 4, 2, 1, groups=3),
            nn.InstanceNorm1d(18, affine=True),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(18, 6, 5, 2, 2, output_padding=1, groups=6, bias=False),
            nn.Conv1d(6, 1, 3, padding=1, padding_mode="reflect"),
        )

    def forward(self, wave: Tensor) -> Tensor:
        kept: Any = self
        held, details = self.lift(wave), []
        filters = kept.analysis.repeat(6, 1, 1)
        back = kept.synthesis.repeat(6, 1, 1)
        for gain in self.gains:
            bands = F.conv1d(F.pad(held, (1, 1)), filters, stride=2, groups=6)
            held = bands[:, ::2] * gain[0]
            details.append(bands[:, 1::2] * gain[1])
        for detail, mixer in zip(reversed(details), self.mixers, strict=True):
            both = torch.stack((mixer(held), F.softshrink(detail, 0.01)), 2).flatten(1, 2)
            held = F.conv_transpose1d(both, back, stride=2, padding=1, groups=6)
        made: Tensor = self.decoder(held)
        return made


# --- weights that are made when they are used


class Quaternion(nn.Module):
    """Four parts of a weight put together to one matrix, by the rules of quaternions, for rows and
    for pictures; then pairs that are complex numbers.
    """

    def __init__(self, width: int = 6, out: int = 8) -> None:
        super().__init__()
        names = ("r_weight", "i_weight", "j_weight", "k_weight")
        self.conv, self.linear = nn.ParameterDict(), nn.ParameterDict()
        for name in names:
            self.conv[name] = nn.Parameter(torch.zeros(out, width, 3, 3))
            self.linear[name] = nn.Parameter(torch.zeros(out, 5))
        self.conv_bias = nn.Parameter(torch.zeros(4 * out))
        self.real, self.imag = nn.Linear(10, 12, bias=False), nn.Linear(10, 12, bias=False)
        self.bias_real, self.bias_imag = (nn.Parameter(torch.zeros(12)) for _ in range(2))

    @staticmethod
    def _whole(parts: nn.ParameterDict) -> Tensor:
        r, i, j, k = (parts[f"{letter}_weight"] for letter in "rijk")
        rows = ((r, -i, -j, -k), (i, r, -k, j), (j, k, r, -i), (k, -j, i, r))
        return torch.cat([torch.cat(row, 1) for row in rows], 0)

    def forward(self, image: Tensor) -> Tensor:
        held = F.conv2d(image, self._whole(self.conv), self.conv_bias, stride=2, padding=1)
        held = torch.relu(held).mean((2, 3))[:, :20]
        rows = F.linear(held, self._whole(self.linear))[:, :20]
        x, y = rows.chunk(2, -1)
        real = self.real(x) - self.imag(y) + self.bias_real
        imag = self.real(y) + self.imag(x) + self.bias_imag
        return torch.cat((real, imag), -1)


class Composed(nn.Module):
    """Weights that are products, powers, ratios and masked parts of what is kept."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.u, self.v = (
            nn.Parameter(torch.zeros(40, 5)),
            nn.Parameter(torch.zeros(5, width)),
        )
        self.value, self.gate = (nn.Parameter(torch.zeros(32, 40)) for _ in range(2))
        self.weight_mu = nn.Parameter(torch.zeros(28, 32))
        self.weight_rho = nn.Parameter(torch.zeros(28, 32))
        self.made = nn.Linear(28, 28)
        order = torch.arange(28) % 7
        self.register_buffer("mask", (order[:, None] >= order).float())
        self.log_weight = nn.Parameter(torch.zeros(16, 28))
        self.unit = nn.Parameter(torch.zeros(16, 16, 3))
        self.centers = nn.Parameter(torch.zeros(9, 16))
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.bilinear = nn.Bilinear(9, 9, 6)

    def forward(self, rows: Tensor) -> Tensor:
        kept: Any = self
        held = torch.tanh(rows @ (self.u @ self.v).t())
        held = F.linear(held, self.value.tanh() * self.gate.sigmoid())
        held = torch.log(held + torch.sqrt(held.square() + 1))
        mean = F.linear(held, self.weight_mu)
        spread = F.linear(held.square(), F.softplus(self.weight_rho - 3).square())
        held = torch.relu(mean / (1 + spread).sqrt())
        held = F.linear(held, self.made.weight * kept.mask, self.made.bias)
        held = F.linear(held, self.log_weight.exp() / 28).t()[None]
        scale = math.sqrt(2 / (16 * 3))
        held = F.leaky_relu(F.conv1d(held, self.unit * scale, padding=1), 0.2)[0].t()
        near = F.normalize(held, dim=-1) @ F.normalize(self.centers, dim=-1).t()
        near = near * self.log_temperature.exp()
        both = self.bilinear
        made = torch.einsum("bi,oij,bj->bo", near, both.weight, near.softmax(-1))
        return made + both.bias


# --- sets, graphs, proteins by hand


class Inducing(nn.Module):
    """Points seen by way of a few learned ones, pooled by seeds; means of embedded points too."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.enc: Any = nn.ModuleList()
        for size in (3, width):
            block: Any = nn.Module()
            block.I = nn.Parameter(torch.zeros(1, 6, width))
            block.mab0 = self._mab(width, size, width)
            block.mab1 = self._mab(size, width, width)
            self.enc.append(block)
        self.S = nn.Parameter(torch.zeros(1, 2, width))
        self.pma = self._mab(width, width, width)
        self.phi = nn.Sequential(nn.Linear(3, 24), nn.ELU(), nn.Linear(24, 24, bias=False))
        self.gamma, self.lam = nn.Linear(24, width), nn.Linear(24, width, bias=False)
        self.rho = nn.Linear(3 * width, 8)

    @staticmethod
    def _mab(query: int, key: int, width: int) -> nn.Module:
        mab = nn.Module()
        mab.fc_q, mab.fc_k = nn.Linear(query, width), nn.Linear(key, width)
        mab.fc_v, mab.fc_o = nn.Linear(key, width), nn.Linear(width, width)
        mab.ln0 = nn.LayerNorm(width)
        return mab

    def _attend(self, mab: Any, query: Tensor, key: Tensor) -> Tensor:
        q, k, v = mab.fc_q(query), mab.fc_k(key), mab.fc_v(key)
        size = q.shape[-1] // self.heads
        q_, k_, v_ = (torch.cat(x.split(size, 2), 0) for x in (q, k, v))
        weights = (q_.bmm(k_.transpose(1, 2)) / math.sqrt(q.shape[-1])).softmax(2)
        seen = torch.cat((q_ + weights.bmm(v_)).chunk(self.heads, 0), 2)
        seen = mab.ln0(seen)
        made: Tensor = seen + F.relu(mab.fc_o(seen))
        return made

    def forward(self, points: Tensor) -> Tensor:
        held = points
        for block in self.enc:
            held = self._attend(block.mab1, held, self._attend(block.mab0, block.I, held))
        pooled = self._attend(self.pma, self.S, held).flatten(1)
        told = self.phi(points)
        plain = self.gamma(told) - self.lam(told.max(1, keepdim=True)[0])
        made: Tensor = self.rho(torch.cat((pooled, plain.mean(1)), -1))
        return made


class Messages(nn.Module):
    """Edges that make a matrix each for what they carry, sums at the nodes, one cell for all the
    rounds, and a readout that asks in turns.
    """

    def __init__(self, width: int = 12, rounds: int = 3) -> None:
        super().__init__()
        self.rounds, self.width = rounds, width
        self.atom_encoder = nn.ModuleList(nn.Embedding(size, width) for size in (12, 5, 4))
        self.bond_encoder = nn.Embedding(6, 8)
        self.edge_nn = nn.Sequential(
            nn.Linear(8, 20), nn.ReLU(), nn.Linear(20, width * width, bias=False)
        )
        self.root = nn.Parameter(torch.zeros(width, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = nn.Parameter(torch.zeros(1))
        self.gru = nn.GRUCell(width, width)
        self.lstm = nn.LSTMCell(2 * width, width)
        self.lin = nn.Linear(2 * width, 5)

    def forward(self, atoms: Tensor, edges: Tensor, bonds: Tensor) -> Tensor:
        held = torch.zeros(atoms.shape[0], self.width, dtype=self.bias.dtype)
        for number, table in enumerate(self.atom_encoder):
            held = held + table(atoms[:, number])
        matrices = self.edge_nn(self.bond_encoder(bonds)).view(-1, self.width, self.width)
        source, target = edges[0], edges[1]
        for _ in range(self.rounds):
            sent = (held[source][:, None] @ matrices)[:, 0]
            where = target[:, None].expand_as(sent)
            got = torch.zeros_like(held).scatter_add(0, where, sent)
            got = torch.relu(got + (1 + self.eps) * (held @ self.root) + self.bias)
            held = self.gru(got, held)
        query = torch.zeros_like(held[:1]).repeat(1, 2)
        h, c = torch.zeros_like(held[:1]), torch.zeros_like(held[:1])
        for _ in range(2):
            h, c = self.lstm(query, (h, c))
            weights = (held * h).sum(-1, keepdim=True).softmax(0)
            query = torch.cat((h, (weights * held).sum(0, keepdim=True)), -1)
        made: Tensor = self.lin(query)
        return made


class Triangles(nn.Module):
    """Pairs of residues updated by the two other sides of each triangle, a bias of pairs in gated
    attention by rows, and means of outer products.
    """

    def __init__(self, single: int = 24, pair: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.linear_tf_m = nn.Linear(9, single)
        self.left_single, self.right_single = nn.Linear(9, pair), nn.Linear(9, pair)
        self.linear_relpos = nn.Linear(7, pair)
        row: Any = nn.Module()
        row.layer_norm_m, row.layer_norm_z = nn.LayerNorm(single), nn.LayerNorm(pair)
        row.linear_z = nn.Linear(pair, heads, bias=False)
        for letter in "qkv":
            row.add_module(f"linear_{letter}", nn.Linear(single, heads * 6, bias=False))
        row.linear_g, row.linear_o = nn.Linear(single, heads * 6), nn.Linear(heads * 6, single)
        self.msa_att_row = row
        outer: Any = nn.Module()
        outer.layer_norm = nn.LayerNorm(single)
        outer.linear_1, outer.linear_2 = nn.Linear(single, 6), nn.Linear(single, 6)
        outer.linear_out = nn.Linear(36, pair)
        self.outer_product_mean = outer
        for way in ("out", "in"):
            tri: Any = nn.Module()
            for name in ("a_p", "a_g", "b_p", "b_g"):
                tri.add_module(f"linear_{name}", nn.Linear(pair, 12))
            tri.linear_g, tri.linear_z = nn.Linear(pair, pair), nn.Linear(12, pair)
            tri.layer_norm_in, tri.layer_norm_out = nn.LayerNorm(pair), nn.LayerNorm(12)
            self.add_module(f"tri_mul_{way}", tri)
        self.distogram = nn.Linear(pair, 10)

    def _row(self, msa: Tensor, pairs: Tensor) -> Tensor:
        row, told = self.msa_att_row, self.msa_att_row.layer_norm_m(msa)
        q, k, v = (
            getattr(row, f"linear_{x}")(told).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in "qkv"
        )
        bias = row.linear_z(row.layer_norm_z(pairs)).permute(2, 0, 1)[None]
        weights = (q / math.sqrt(6) @ k.transpose(-1, -2) + bias).softmax(-1)
        seen = (weights @ v).transpose(1, 2).flatten(2) * torch.sigmoid(row.linear_g(told))
        made: Tensor = msa + row.linear_o(seen)
        return made

    @staticmethod
    def _triangle(tri: Any, pairs: Tensor, rule: str) -> Tensor:
        told = tri.layer_norm_in(pairs)
        a = torch.sigmoid(tri.linear_a_g(told)) * tri.linear_a_p(told)
        b = torch.sigmoid(tri.linear_b_g(told)) * tri.linear_b_p(told)
        both = tri.linear_z(tri.layer_norm_out(torch.einsum(rule, a, b)))
        made: Tensor = pairs + both * torch.sigmoid(tri.linear_g(told))
        return made

    def forward(self, msa: Tensor) -> Tensor:
        kept: Any = self
        first, length = msa[0], msa.shape[1]
        places = torch.arange(length)
        far = F.one_hot((places[:, None] - places).clamp(-3, 3) + 3, 7).to(msa.dtype)
        pairs = self.left_single(first)[:, None] + self.right_single(first)[None]
        pairs = pairs + self.linear_relpos(far)
        held = self._row(self.linear_tf_m(msa), pairs)
        outer = self.outer_product_mean
        told = outer.layer_norm(held)
        a, b = outer.linear_1(told), outer.linear_2(told)
        product = torch.einsum("sic,sjd->ijcd", a, b).flatten(2) / msa.shape[0]
        pairs = pairs + outer.linear_out(product)
        pairs = self._triangle(kept.tri_mul_out, pairs, "ikc,jkc->ijc")
        pairs = self._triangle(kept.tri_mul_in, pairs, "kic,kjc->ijc")
        logits = self.distogram(pairs)
        made: Tensor = logits + logits.transpose(0, 1)
        return made


_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_MODULES: Final[Mapping[str, Case]] = {
    "differential": Case(Differential, {"tokens": _IDS}),
    "shifted": Case(Shifted, {"idx": _IDS[:, :6]}),
    "routed": Case(Routed, {"input_ids": _IDS}),
    "streams": Case(Streams, {"rows": (1, 6, 14)}),
    "retained": Case(Retained, {"ids": _IDS}),
    "unrolled": Case(Unrolled, {"rows": (1, 5, 9)}),
    "fields": Case(
        Fields,
        {
            "items": _IDS,
            "sides": _IDS % 17,
            "gaps": (1, 8),
            "tags": torch.tensor([[3, 20, 39]]),
        },
    ),
    "reversible": Case(Reversible, {"image": (1, 3, 12, 12)}),
    "timed": Case(Timed, {"image": (1, 3, 14, 14)}),
    "squeezing": Case(Squeezing, {"image": (1, 3, 32, 32)}),
    "bank": Case(Bank, {"wave": (1, 1, 64)}),
    "quaternion": Case(Quaternion, {"image": (1, 24, 8, 8)}),
    "composed": Case(Composed, {"rows": (7, 24)}),
    "inducing": Case(Inducing, {"points": (1, 10, 3)}),
    "messages": Case(
        Messages,
        {
            "atoms": torch.tensor([[6, 1, 0], [1, 0, 3], [8, 4, 2], [7, 2, 1]]),
            "edges": torch.tensor([[0, 1, 0, 2, 2, 3], [1, 0, 2, 0, 3, 2]]),
            "bonds": torch.tensor([0, 0, 5, 5, 2, 2]),
        },
    ),
    "triangles": Case(Triangles, {"msa": (4, 7, 9)}),
}

# --- modules of libraries


def _absent(name: str, **parts: Any) -> None:
    """Have a package that is imported but not run be there."""
    if name not in sys.modules:
        module = ModuleType(name)
        module.__dict__.update(parts)
        sys.modules[name] = module


def _whisper() -> nn.Module:
    _absent("numba", jit=lambda **_: lambda function: function)
    sizes = """
        n_mels=20 n_audio_ctx=12 n_audio_state=32 n_audio_head=4 n_audio_layer=2 n_vocab=90
        n_text_ctx=16 n_text_state=32 n_text_head=4 n_text_layer=2
    """
    model: Any = _get("whisper.model.Whisper")(
        _get("whisper.model.ModelDimensions")(**parsed(sizes))
    )
    _get("whisper.model.MultiHeadAttention").use_sdpa = False
    return model  # type: ignore[no-any-return]


class _Potential(nn.Module):
    """torchani's networks by element, two of each."""

    def __init__(self) -> None:
        super().__init__()
        kinds = [_get("torchani.nn.AtomicNetwork") for _ in range(2)]
        members = []
        for kind in kinds:
            nets = {
                "H": kind((30, 24, 16, 1), activation="celu", bias=True),
                "C": kind((30, 32, 20, 1), activation="celu", bias=True),
                "O": kind((30, 20, 12, 1), activation="gelu", bias=False),
            }
            members.append(_get("torchani.nn.ANINetworks")(nets))
        self.ensemble = _get("torchani.nn.Ensemble")(members)

    def forward(self, kinds: Tensor, environments: Tensor) -> Tensor:
        made: Tensor = self.ensemble(kinds, environments)
        return made


class _Trajectory(nn.Module):
    """torchdiffeq's steps through a net with hyper-networks of time, as in flows."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.ModuleList([nn.Linear(6, 24), nn.Linear(24, 24), nn.Linear(24, 6)])
        self.hyper_gate = nn.ModuleList(nn.Linear(1, size) for size in (24, 24, 6))
        self.hyper_bias = nn.ModuleList(nn.Linear(1, size, bias=False) for size in (24, 24, 6))

    def _speed(self, time: Tensor, held: Tensor) -> Tensor:
        for number, layer in enumerate(self.net):
            now = time.view(1, 1)
            gate, bias = self.hyper_gate[number](now), self.hyper_bias[number](now)
            held = layer(held) * torch.sigmoid(gate) + bias
            held = F.softplus(held) if number < 2 else held
        return held

    def forward(self, rows: Tensor) -> Tensor:
        times = torch.tensor([0.0, 0.5, 1.0])
        options = {"step_size": 0.5}
        solve = _get("torchdiffeq.odeint")
        made: Tensor = solve(self._speed, rows, times, method="rk4", options=options)
        return made[-1]


class _Curated(nn.Module):
    """A decoder of curated_transformers."""

    def __init__(self) -> None:
        super().__init__()
        sizes = """
            hidden_width=32 intermediate_width=72 n_query_heads=4 n_key_value_heads=2
            n_hidden_layers=2 rotary_embedding_fraction=0.5 n_pieces=90
        """
        config = _get("curated_transformers.models.LlamaConfig")(
            dtype=torch.float32, **parsed(sizes)
        )
        self.decoder = _get("curated_transformers.models.LlamaDecoder")(config)

    def forward(self, pieces: Tensor) -> Any:
        mask = _get("curated_transformers.layers.AttentionMask")(torch.ones_like(pieces).bool())
        return self.decoder(pieces, mask).last_hidden_layer_state


class _Quantized(nn.Module):
    """vector_quantize_pytorch's codes: of levels, then of residues that share one narrow table."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(5, 24, 3, padding=1)
        self.levels = _get("vector_quantize_pytorch.FSQ")(levels=[5, 5, 4], dim=24)
        self.residues = _get("vector_quantize_pytorch.ResidualVQ")(
            **parsed("dim=24 codebook_size=16 codebook_dim=8 num_quantizers=2 use_cosine_sim=True")
        )
        self.decoder = nn.ConvTranspose1d(24, 5, 4, 2, 1)

    def forward(self, wave: Tensor) -> Tensor:
        held = self.encoder(wave).transpose(1, 2)
        held = self.levels(held)[0] + self.residues(held)[0]
        made: Tensor = self.decoder(held.transpose(1, 2))
        return made


def _super(path: str, text: str) -> Make:
    """A net of spandrel, whose modules have private names."""
    folder, _, rest = path.partition(".")
    return _from(f"spandrel.architectures.{folder}.__arch.{rest}", text)


_X32: Final = {"x": (1, 3, 32, 32)}
_LIBRARIES: Final[Mapping[str, Case]] = {
    "linear_attention_transformer": Case(
        _from(
            "linear_attention_transformer.LinearAttentionTransformerLM",
            """
                num_tokens=90 dim=32 depth=2 max_seq_len=8 heads=4 dim_head=8 causal=False
                ff_glu=True shift_tokens=True use_rotary_emb=True
            """,
        ),
        {"x": _IDS},
    ),
    "sinkhorn_transformer": Case(
        _from(
            "sinkhorn_transformer.SinkhornTransformerLM",
            """
                num_tokens=90 dim=32 max_seq_len=8 depth=2 heads=4 bucket_size=4 ff_glu=True
                use_rezero=True weight_tie=True sinkhorn_iter=2
            """,
        ),
        {"x": _IDS},
    ),
    "routing_transformer": Case(
        _from(
            "routing_transformer.RoutingTransformerLM",
            """
                num_tokens=90 dim=32 depth=2 max_seq_len=8 heads=4 dim_head=8 window_size=4
                n_local_attn_heads=4 local_attn_window_size=4 emb_dim=16 ff_glu=True
            """,
        ),
        {"x": _IDS},
        call=lambda inner, x: inner(x)[0],
    ),
    "curated_transformers": Case(_Curated, {"pieces": _IDS}),
    "g_mlp": Case(
        _from(
            "g_mlp_pytorch.gMLP",
            "num_tokens=90 dim=32 depth=2 seq_len=8 heads=2 attn_dim=16 causal=True",
        ),
        {"x": _IDS},
    ),
    "perceiver-io": Case(
        _from(
            "perceiver_pytorch.PerceiverIO",
            """
                depth=3 dim=20 queries_dim=24 logits_dim=12 num_latents=6 latent_dim=32
                latent_heads=4 cross_dim_head=8 latent_dim_head=8 weight_tie_layers=True
                decoder_ff=True
            """,
        ),
        {"data": (1, 9, 20), "queries": (1, 4, 24)},
        call=lambda inner, data, queries: inner(data, queries=queries),
    ),
    "soft_moe": Case(
        _from(
            "soft_moe_pytorch.SoftMoE", "dim=32 seq_len=8 num_experts=4 expert_mult=2 geglu=True"
        ),
        {"x": (1, 8, 32)},
    ),
    "mlp_mixer": Case(
        _from(
            "mlp_mixer_pytorch.MLPMixer",
            "image_size=32 channels=3 patch_size=8 dim=32 depth=2 num_classes=10",
        ),
        _X32,
    ),
    "bottleneck_transformer": Case(
        _from(
            "bottleneck_transformer_pytorch.BottleStack",
            """
                dim=24 fmap_size=8 dim_out=48 proj_factor=4 num_layers=2 heads=2 dim_head=8
                rel_pos_emb=True
            """,
        ),
        {"x": (1, 24, 8, 8)},
    ),
    "tab_transformer": Case(
        _from(
            "tab_transformer_pytorch.TabTransformer",
            """
                categories=(10,5,6) num_continuous=4 dim=24 depth=2 heads=4 dim_head=8
                dim_out=2 num_residual_streams=2
            """,
            mlp_act=nn.ReLU,
        ),
        {"x_categ": torch.tensor([[3, 4, 2]]), "x_cont": (1, 4)},
    ),
    "vector_quantize": Case(_Quantized, {"wave": (1, 5, 12)}),
    "spandrel-mosr": Case(
        _super("MoSR.mosr_arch.MoSR", "upscale=2 n_block=2 dim=24 upsampler='ps'"), _X32
    ),
    "spandrel-omnisr": Case(
        _super(
            "OmniSR.OmniSR.OmniSR",
            "num_feat=32 block_num=1 window_size=8 res_num=1 up_scale=2",
        ),
        _X32,
    ),
    "spandrel-real_plksr": Case(
        _super(
            "PLKSR.RealPLKSR.RealPLKSR",
            "dim=24 n_blocks=2 upscaling_factor=2 kernel_size=9 layer_norm=True",
        ),
        _X32,
    ),
    "spandrel-safmn": Case(
        _super("SAFMN.safmn.SAFMN", "dim=24 n_blocks=2 upscaling_factor=2"), _X32
    ),
    "openai_whisper": Case(_whisper, {"mel": (1, 20, 24), "tokens": _IDS}),
    "denoiser": Case(
        _from(
            "denoiser.demucs.Demucs",
            "hidden=8 depth=3 kernel_size=8 stride=4 resample=1 normalize=False",
        ),
        {"mix": (1, 1, 340)},
    ),
    "pytorch_tcn": Case(
        _from(
            "pytorch_tcn.TCN",
            """
                num_inputs=6 num_channels=(16,16,24) kernel_size=3 use_norm='weight_norm'
                use_skip_connections=True output_projection=5 causal=True
            """,
        ),
        {"x": (1, 6, 20)},
    ),
    "torchani": Case(
        _Potential, {"kinds": torch.tensor([[0, 1, 0, 2, 1]]), "environments": (1, 5, 30)}
    ),
    "torchdiffeq": Case(_Trajectory, {"rows": (4, 6)}),
}

# --- build

_DRAWS: Final = (  # what is done to the exports of a case, drawn by its name
    ("+onnxsim", "torchscript-half"),
    ("+onnxslim", "dynamo-opset20"),
    ("+ort-basic", "torchscript-no_fold"),
    ("+ort-extended",),
    ("+ort-all", "dynamo-unoptimized"),
    ("+fp16",),
    ("+onnxslim+fp16-common", "torchscript-opset13"),
    ("+int8-qdq",),
    ("+onnxsim+int8-dynamic",),
    ("+int4", "dynamo-opset24"),
    ("+int4-qdq",),
    ("+int8-static-channels",),
    ("+int8-dynamic-channels", "dynamo-unoptimized"),
)


def _drawn(title: str) -> Sequence[str]:
    return _DRAWS[zlib.crc32(title.encode()) % len(_DRAWS)]


def _build(title: str, case: Case, folder: Path) -> None:
    """As ``later_models`` builds, but something more is done to every case."""
    with patch.object(later_models, "_drawn", _drawn):
        later_models._build(title, case, folder)


_EVERY: Final = {f"module-{name}": case for name, case in _MODULES.items()} | dict(_LIBRARIES)
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, case) for title, case in _EVERY.items()
}
OPENED: Final[frozenset[str]] = frozenset(CASES)
