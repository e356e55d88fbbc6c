"""Models that no other kind has, all of them held out: modules in the coding styles of public
projects, and those of some forty libraries that no other kind asks. Every weight drawn.

Where onnxruntime runs an artifact, its outputs are held against those of the module: one that does
not follow them is not kept.
"""

from __future__ import annotations

import inspect
import math
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
import torch
from postprocess import POSTPROCESSORS
from torch import nn

from wild.shipping import declare_operators
from wild.steps import Step, channels, halved, shipped
from wild.tables import Inputs, parsed
from wild.workshop import EXPORTERS, Builder, compare, export, make, shake, tell

torch.set_num_threads(1)
F = nn.functional
Tensor = torch.Tensor

# --- language models by hand


class Gpt(nn.Module):
    """Blocks in a dictionary, one matrix for query, key and value, a mask as a buffer, a tied
    head that is asked about the last word only.
    """

    def __init__(self, width: int = 48, heads: int = 4, length: int = 16) -> None:
        super().__init__()
        self.n_head = heads
        head, table = nn.Linear(width, 90, bias=False), nn.Embedding(90, width)
        table.weight = head.weight
        self.transformer: Any = nn.ModuleDict(
            {
                "wte": table,
                "wpe": nn.Embedding(length, width),
                "drop": nn.Dropout(0.1),
                "h": nn.ModuleList(self._block(width, length) for _ in range(2)),
                "ln_f": nn.LayerNorm(width, bias=False),
            }
        )
        self.lm_head = head

    @staticmethod
    def _block(width: int, length: int) -> nn.Module:
        attn = nn.Module()
        attn.c_attn, attn.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        attn.register_buffer("bias", torch.ones(length, length).tril()[None, None])
        mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        parts = {"ln_1": nn.LayerNorm(width), "attn": attn, "ln_2": nn.LayerNorm(width), "mlp": mlp}
        return nn.ModuleDict(parts)

    def forward(self, idx: Tensor) -> Tensor:
        length = idx.shape[1]
        held = self.transformer.drop(
            self.transformer.wte(idx) + self.transformer.wpe(torch.arange(length))
        )
        for block in self.transformer.h:
            attn = block["attn"]
            parts = attn.c_attn(block["ln_1"](held)).split(held.shape[-1], 2)
            q, k, v = (part.unflatten(-1, (self.n_head, -1)).transpose(1, 2) for part in parts)
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.shape[-1]))
            scores = scores.masked_fill(attn.bias[:, :, :length, :length] == 0, float("-inf"))
            seen = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
            held = held + attn.c_proj(seen)
            held = held + block["mlp"](block["ln_2"](held))
        made: Tensor = self.lm_head(self.transformer.ln_f(held)[:, [-1], :])
        return made


class Rms(nn.Module):
    """A norm without a mean; some count the weight from one."""

    def __init__(self, width: int, offset: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.offset = offset

    def forward(self, held: Tensor) -> Tensor:
        scale = torch.rsqrt(held.pow(2).mean(-1, keepdim=True) + 1e-6)
        return held * scale * (self.offset + self.weight)


def _turned(held: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Pairs of neighbours turned by angles."""
    even, odd = held[..., ::2], held[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Llama(nn.Module):
    """Fewer keys than queries, three matrices by number, tables of angles kept as buffers."""

    def __init__(self, width: int = 48, heads: int = 6, groups: int = 2) -> None:
        super().__init__()
        self.heads, self.groups, size = heads, groups, width // heads
        self.tok_embeddings = nn.Embedding(101, width)
        self.layers: Any = nn.ModuleList()
        for number in range(2):
            layer: Any = nn.Module()
            layer.attention = nn.ModuleDict(
                {
                    "wq": nn.Linear(width, heads * size, bias=False),
                    "wk": nn.Linear(width, groups * size, bias=False),
                    "wv": nn.Linear(width, groups * size, bias=False),
                    "wo": nn.Linear(heads * size, width, bias=False),
                }
            )
            layer.feed_forward = nn.ModuleDict(
                {f"w{at}": nn.Linear(*sizes, bias=False) for at, sizes in _gated(width, 112)}
            )
            layer.attention_norm, layer.ffn_norm = Rms(width, number), Rms(width, number)
            self.layers.append(layer)
        self.norm = Rms(width)
        self.output = nn.Linear(width, 101, bias=False)
        angles = torch.arange(16)[:, None] / 10000 ** (torch.arange(0, size, 2) / size)
        self.register_buffer("freqs_cos", angles.cos())
        self.register_buffer("freqs_sin", angles.sin())
        self.register_buffer("mask", torch.full((16, 16), -1e4).triu(1), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        kept: Any = self
        length = tokens.shape[1]
        held = self.tok_embeddings(tokens)
        cos, sin = (each[:length, None] for each in (kept.freqs_cos, kept.freqs_sin))
        for layer in self.layers:
            step, told = layer.attention, layer.attention_norm(held)
            q = _turned(step["wq"](told).unflatten(-1, (self.heads, -1)), cos, sin)
            k = _turned(step["wk"](told).unflatten(-1, (self.groups, -1)), cos, sin)
            v = step["wv"](told).unflatten(-1, (self.groups, -1))
            k, v = (x.repeat_interleave(self.heads // self.groups, 2) for x in (k, v))
            scores = torch.einsum("blhd,bmhd->bhlm", q, k) / math.sqrt(q.shape[-1])
            weights = (scores + kept.mask[:length, :length]).float().softmax(-1)
            held = held + step["wo"](torch.einsum("bhlm,bmhd->blhd", weights, v).flatten(2))
            step, told = layer.feed_forward, layer.ffn_norm(held)
            held = held + step["w2"](F.silu(step["w1"](told)) * step["w3"](told))
        made: Tensor = self.output(self.norm(held))
        return made


def _gated(width: int, inner: int) -> Sequence[tuple[int, tuple[int, int]]]:
    return ((1, (width, inner)), (2, (inner, width)), (3, (width, inner)))


class Alibi(nn.Module):
    """Queries, keys and values side by side in each head, slopes for distances, a norm behind the
    table of words.
    """

    def __init__(self, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.word_embeddings = nn.Embedding(77, width)
        self.word_embeddings_layernorm = nn.LayerNorm(width)
        self.h: Any = nn.ModuleList(
            nn.ModuleDict(
                {
                    "input_layernorm": nn.LayerNorm(width),
                    "query_key_value": nn.Linear(width, 3 * width),
                    "dense": nn.Linear(width, width),
                    "post_attention_layernorm": nn.LayerNorm(width),
                    "dense_h_to_4h": nn.Linear(width, 4 * width),
                    "dense_4h_to_h": nn.Linear(4 * width, width),
                }
            )
            for _ in range(2)
        )
        self.ln_f = nn.LayerNorm(width)
        slopes = 2.0 ** (-8.0 / heads * torch.arange(1, heads + 1))
        self.register_buffer("slopes", slopes[:, None, None], persistent=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        kept: Any = self
        length = input_ids.shape[1]
        held = self.word_embeddings_layernorm(self.word_embeddings(input_ids))
        bias = kept.slopes * torch.arange(length) + torch.full(
            (length, length), -1e4, dtype=kept.slopes.dtype
        ).triu(1)
        for block in self.h:
            told = block["input_layernorm"](held)
            fused = block["query_key_value"](told).unflatten(-1, (self.heads, 3, -1))
            q, k, v = fused[..., 0, :], fused[..., 1, :], fused[..., 2, :]
            scores = torch.einsum("blhd,bmhd->bhlm", q, k) / math.sqrt(q.shape[-1]) + bias
            seen = torch.einsum("bhlm,bmhd->blhd", scores.softmax(-1), v).flatten(2)
            held = held + block["dense"](seen)
            told = F.gelu(
                block["dense_h_to_4h"](block["post_attention_layernorm"](held)), approximate="tanh"
            )
            held = held + block["dense_4h_to_h"](told)
        return F.linear(self.ln_f(held), self.word_embeddings.weight)


class Buckets(nn.Module):
    """A bias for each bucket of distances, in the first layer only and for all; gated halves; no
    scale of the scores.
    """

    def __init__(self, width: int = 40, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.shared = nn.Embedding(60, width)
        self.block: Any = nn.ModuleList()
        for number in range(2):
            names = {name: nn.Linear(width, heads * 12, bias=False) for name in ("q", "k", "v")}
            first: Any = nn.ModuleDict({**names, "o": nn.Linear(heads * 12, width, bias=False)})
            if not number:
                first["relative_attention_bias"] = nn.Embedding(8, heads)
            second = nn.ModuleDict(
                {
                    "wi_0": nn.Linear(width, 72, bias=False),
                    "wi_1": nn.Linear(width, 72, bias=False),
                    "wo": nn.Linear(72, width, bias=False),
                }
            )
            layers = [
                nn.ModuleDict({"layer_norm": Rms(width), "inside": part})
                for part in (first, second)
            ]
            self.block.append(nn.ModuleDict({"layer": nn.ModuleList(layers)}))
        self.final_layer_norm = Rms(width)

    def forward(self, input_ids: Tensor) -> Tensor:
        held = self.shared(input_ids)
        places = torch.arange(input_ids.shape[1])
        far = (places - places[:, None]).clamp(-4, 3) + 4
        table = self.block[0]["layer"][0]["inside"]["relative_attention_bias"]
        bias = table(far).permute(2, 0, 1)[None]
        for block in self.block:
            norm, step = (block["layer"][0][name] for name in ("layer_norm", "inside"))
            told = norm(held)
            q, k, v = (
                step[name](told).view(1, -1, self.heads, 12).transpose(1, 2) for name in "qkv"
            )
            weights = (q @ k.transpose(2, 3) + bias).softmax(-1)
            held = held + step["o"]((weights @ v).transpose(1, 2).reshape(*held.shape[:2], -1))
            norm, step = (block["layer"][1][name] for name in ("layer_norm", "inside"))
            told = norm(held)
            held = held + step["wo"](F.gelu(step["wi_0"](told)) * step["wi_1"](told))
        scaled: Tensor = self.final_layer_norm(held) * held.shape[-1] ** -0.5
        return scaled @ self.shared.weight.T


class Latent(nn.Module):
    """Keys and values from a narrow latent: the matrix that widens it is cut into heads, and one
    half of it is absorbed into the queries.
    """

    def __init__(self, width: int = 48, heads: int = 4, rank: int = 20) -> None:
        super().__init__()
        self.heads, self.rank = heads, rank
        self.embed = nn.Embedding(64, width)
        self.wq_a, self.q_norm = nn.Linear(width, 28, bias=False), Rms(28)
        self.wq_b = nn.Linear(28, heads * (8 + 4), bias=False)
        self.wkv_a, self.kv_norm = nn.Linear(width, rank + 4, bias=False), Rms(rank)
        self.wkv_b = nn.Linear(rank, heads * (8 + 10), bias=False)
        self.wo = nn.Linear(heads * 10, width, bias=False)
        self.head = nn.Linear(width, 64, bias=False)
        angles = torch.arange(16)[:, None] / 10000 ** (torch.arange(0, 4, 2) / 4)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        kept: Any = self
        held = self.embed(tokens)
        cos, sin = kept.cos[: tokens.shape[1], None], kept.sin[: tokens.shape[1], None]
        q = self.wq_b(self.q_norm(self.wq_a(held))).unflatten(-1, (self.heads, 12))
        q_nope, q_pe = q.split([8, 4], -1)
        latent, k_pe = self.wkv_a(held).split([self.rank, 4], -1)
        latent, k_pe = self.kv_norm(latent), _turned(k_pe[:, :, None], cos, sin)[:, :, 0]
        wide = self.wkv_b.weight.view(self.heads, 18, self.rank)
        q_nope = torch.einsum("bshd,hdc->bshc", q_nope, wide[:, :8])
        scores = torch.einsum("bshc,btc->bsht", q_nope, latent)
        scores = scores + torch.einsum("bshr,btr->bsht", _turned(q_pe, cos, sin), k_pe)
        seen = torch.einsum("bsht,btc->bshc", (scores / math.sqrt(12)).softmax(-1), latent)
        seen = torch.einsum("bshc,hdc->bshd", seen, wide[:, -10:])
        made: Tensor = self.head(held + self.wo(seen.flatten(2)))
        return made


class Stacked(nn.Module):
    """Experts stacked along the rows of three matrices, each cut out where it is needed, one
    transposed; a gate in a width of its own, one expert for all.
    """

    def __init__(self, width: int = 32, inner: int = 48, experts: int = 4) -> None:
        super().__init__()
        self.experts, self.inner = experts, inner
        self.norm = nn.LayerNorm(width)
        self.router: Any = nn.Sequential(nn.Linear(width, experts, bias=False))
        self.e_score_correction_bias = nn.Parameter(torch.zeros(experts))
        self.w1 = nn.Parameter(torch.zeros(experts * inner, width))
        self.v1 = nn.Parameter(torch.zeros(experts * inner, width))
        self.w2 = nn.Parameter(torch.zeros(experts * inner, width))
        self.shared_gate_up = nn.Parameter(torch.zeros(width, 2 * inner))
        self.shared_down = nn.Parameter(torch.zeros(inner, width))
        self.per_expert_scale = nn.ParameterDict(
            {f"expert_{at}": nn.Parameter(torch.ones(width)) for at in range(experts)}
        )

    def forward(self, rows: Tensor) -> Tensor:
        told = self.norm(rows)
        chances = self.router(told).sigmoid()
        order = (chances + self.e_score_correction_bias).softmax(-1)
        made = rows
        for at in range(self.experts):
            cut = slice(at * self.inner, (at + 1) * self.inner)
            gate = F.silu(F.linear(told, self.w1[cut])) * F.linear(told, self.v1[cut])
            part = gate @ self.w2.view(self.experts, self.inner, -1)[at]
            scale = self.per_expert_scale[f"expert_{at}"]
            made = made + (order * chances)[..., at, None] * part * scale
        gate, up = (told @ self.shared_gate_up).chunk(2, -1)
        both: Tensor = F.gelu(gate) * up
        return made + both @ self.shared_down


class Scan(nn.Module):
    """A selective scan in plain steps, with the logarithm of its decay, and a tied head."""

    def __init__(self, width: int = 24, states: int = 6, rank: int = 4) -> None:
        super().__init__()
        inner = 2 * width
        self.states, self.rank = states, rank
        self.embedding = nn.Embedding(50, width)
        self.layers: Any = nn.ModuleList()
        for _ in range(2):
            mixer: Any = nn.Module()
            mixer.in_proj = nn.Linear(width, 2 * inner, bias=False)
            mixer.conv1d = nn.Conv1d(inner, inner, 4, groups=inner, padding=3)
            mixer.x_proj = nn.Linear(inner, rank + 2 * states, bias=False)
            mixer.dt_proj = nn.Linear(rank, inner)
            mixer.A_log = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(inner, 1))
            mixer.D = nn.Parameter(torch.ones(inner))
            mixer.out_proj = nn.Linear(inner, width, bias=False)
            self.layers.append(nn.ModuleDict({"mixer": mixer, "norm": Rms(width)}))
        self.norm_f = Rms(width)
        self.lm_head = nn.Linear(width, 50, bias=False)
        self.lm_head.weight = self.embedding.weight

    def _mix(self, mixer: Any, told: Tensor) -> Tensor:
        length = told.shape[1]
        x, gate = mixer.in_proj(told).chunk(2, -1)
        x = F.silu(mixer.conv1d(x.transpose(1, 2))[..., :length].transpose(1, 2))
        dt, b, c = mixer.x_proj(x).split([self.rank, self.states, self.states], -1)
        dt = F.softplus(mixer.dt_proj(dt))
        decay = torch.exp(dt[..., None] * -torch.exp(mixer.A_log.float()))
        drive = dt[..., None] * b[:, :, None] * x[..., None]
        state, steps = torch.zeros_like(drive[:, 0]), []
        for at in range(length):
            state = decay[:, at] * state + drive[:, at]
            steps.append((state @ c[:, at, :, None]).squeeze(-1))
        made: Tensor = mixer.out_proj((torch.stack(steps, 1) + x * mixer.D) * F.silu(gate))
        return made

    def forward(self, input_ids: Tensor) -> Tensor:
        held = self.embedding(input_ids)
        for layer in self.layers:
            held = held + self._mix(layer["mixer"], layer["norm"](held))
        made: Tensor = self.lm_head(self.norm_f(held))
        return made


class Diagonal(nn.Module):
    """A gated recurrence whose gates are matrices in blocks, behind a short convolution that is
    written out in shifts.
    """

    def __init__(self, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        size = width // blocks
        self.blocks = blocks
        self.linear_x, self.linear_y = nn.Linear(20, width), nn.Linear(20, width)
        self.conv_w, self.conv_b = (
            nn.Parameter(torch.zeros(4, width)),
            nn.Parameter(torch.zeros(width)),
        )
        for name in ("input_gate", "a_gate"):
            self.register_parameter(f"{name}_w", nn.Parameter(torch.zeros(blocks, size, size)))
            self.register_parameter(f"{name}_b", nn.Parameter(torch.zeros(blocks, size)))
        self.a_param = nn.Parameter(torch.zeros(width))
        self.linear_out = nn.Linear(width, 20)

    def _gate(self, held: Tensor, name: str) -> Tensor:
        weight, bias = (getattr(self, f"{name}_{letter}") for letter in "wb")
        cut = held.view(*held.shape[:2], self.blocks, -1)
        return torch.sigmoid(torch.einsum("blhi,hij->blhj", cut, weight) + bias).flatten(2)

    def forward(self, rows: Tensor) -> Tensor:
        gate = F.gelu(self.linear_y(rows), approximate="tanh")
        held = self.linear_x(rows)
        length = held.shape[1]
        padded = F.pad(held, (0, 0, 3, 0))
        held = self.conv_b + sum(padded[:, at : at + length] * self.conv_w[at] for at in range(4))
        log_a = -8.0 * self._gate(held, "a_gate") * F.softplus(self.a_param)
        drive = held * self._gate(held, "input_gate") * torch.sqrt(1 - torch.exp(2 * log_a) + 1e-6)
        state, steps = torch.zeros_like(drive[:, 0]), []
        for at in range(length):
            state = log_a[:, at].exp() * state + drive[:, at]
            steps.append(state)
        made: Tensor = self.linear_out(torch.stack(steps, 1) * gate)
        return made


class Bits(nn.Linear):
    """A matrix of three values and a scale, made of the kept one when it runs."""

    def forward(self, rows: Tensor) -> Tensor:
        scale = 1.0 / self.weight.abs().mean().clamp(min=1e-5)
        weight = (self.weight * scale).round().clamp(-1, 1) / scale
        return F.linear(rows, weight, self.bias)


class Ternary(nn.Module):
    """Layers of three values between tables and a head of full numbers."""

    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.embed = nn.Embedding(60, width)
        self.up, self.gate, self.down = (
            Bits(width, 96),
            Bits(width, 96),
            Bits(96, width, bias=False),
        )
        self.norm, self.inner_norm = nn.LayerNorm(width), Rms(96)
        self.head = nn.Linear(width, 60)

    def forward(self, tokens: Tensor) -> Tensor:
        held = self.embed(tokens)
        told = self.norm(held)
        inner = self.inner_norm(F.relu(self.gate(told)).square() * self.up(told))
        made: Tensor = self.head(held + self.down(inner))
        return made


class Adapted(nn.Module):
    """Small matrices beside the large ones, not merged: of low rank, of products, of a table, of
    a convolution, and one by magnitude and direction.
    """

    def __init__(self, width: int = 32, rank: int = 4) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, width)
        self.embed_A = nn.Parameter(torch.zeros(rank, 40))
        self.embed_B = nn.Parameter(torch.zeros(width, rank))
        self.fused = nn.Linear(width, 3 * width)
        self.lora_A = nn.ParameterDict({x: nn.Parameter(torch.zeros(rank, width)) for x in "qv"})
        self.lora_B = nn.ParameterDict({x: nn.Parameter(torch.zeros(width, rank)) for x in "qv"})
        self.proj = nn.Linear(width, 48)
        self.lokr_w1 = nn.Parameter(torch.zeros(4, 4))
        self.lokr_w2 = nn.Parameter(torch.zeros(12, 8))
        self.dora = nn.Linear(48, 24, bias=False)
        self.dora_down, self.dora_up = (
            nn.Linear(48, rank, bias=False),
            nn.Linear(rank, 24, bias=False),
        )
        self.magnitude = nn.Parameter(torch.ones(24, 1))
        self.conv = nn.Conv1d(24, 24, 3, padding=1)
        self.conv_down = nn.Conv1d(24, rank, 3, padding=1, bias=False)
        self.conv_up = nn.Conv1d(rank, 24, 1, bias=False)
        self.ia3_l = nn.Parameter(torch.ones(24))

    def _product(self) -> Tensor:
        first, second = self.lokr_w1[:, None, :, None], self.lokr_w2[None, :, None]
        return (first * second).reshape(48, 32)

    def forward(self, tokens: Tensor) -> Tensor:
        held = self.embed(tokens)
        held = held + F.embedding(tokens, self.embed_A.T) @ self.embed_B.T * 2.0
        q, k, v = self.fused(held).chunk(3, -1)
        q = q + held @ self.lora_A["q"].t() @ self.lora_B["q"].t() * 2.0
        v = v + F.linear(F.linear(held, self.lora_A["v"]), self.lora_B["v"]) * 2.0
        held = held + (q @ k.transpose(1, 2) / 6).softmax(-1) @ v
        held = self.proj(held) + F.linear(held, self._product()) * 0.5
        held = F.gelu(held)
        weight = self.dora.weight + self.dora_up.weight @ self.dora_down.weight
        held = F.linear(held, self.magnitude * weight / weight.norm(dim=1, keepdim=True))
        held = held.transpose(1, 2)
        made: Tensor = self.conv(held) + self.conv_up(self.conv_down(held))
        return made * self.ia3_l[:, None]


class Sliced(nn.Module):
    """Weights cut, joined, turned and shared where they are used: no layer runs its own."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out = nn.ParameterList(
            [nn.Parameter(torch.zeros(width, width)), nn.Parameter(torch.zeros(width))]
        )
        self.positions = nn.Parameter(torch.zeros(1, 64, width))
        self.types = nn.Parameter(torch.zeros(2, width))
        self.wq = nn.Parameter(torch.zeros(4, width, 6))
        self.wk = nn.Parameter(torch.zeros(4, width, 6))
        self.wo = nn.Parameter(torch.zeros(4, 6, width))
        self.kernel = nn.Parameter(torch.zeros(3, width, 24))
        self.first, self.second = nn.Linear(24, 40), nn.Linear(24, 40)
        self.encoder = nn.Linear(40, 24)
        self.decoder_bias = nn.Parameter(torch.zeros(40))

    def forward(self, rows: Tensor) -> Tensor:
        width = rows.shape[-1]
        held = rows + self.positions[:, 1 : rows.shape[1] + 1] + self.types[1]
        q = F.linear(held, self.in_proj_weight[:width], self.in_proj_bias[:width])
        k, v = F.linear(held, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, -1)
        held = held + F.linear(
            (q @ k.transpose(-2, -1) / 6).softmax(-1) @ v, self.out[0], self.out[1]
        )
        both = torch.cat((self.wq, self.wk), -1)
        q, k = torch.einsum("bld,hdk->bhlk", held, both).chunk(2, -1)
        seen = (q @ k.transpose(-2, -1)).softmax(-1) @ (held[:, None] @ self.wq)
        held = held + torch.einsum("bhlk,hkd->bld", seen, self.wo)
        held = F.conv1d(held.transpose(-2, -1), self.kernel.permute(2, 1, 0), padding=1).transpose(
            -2, -1
        )
        weight = torch.cat((self.first.weight, self.second.weight))
        gate, value = F.linear(held, weight, torch.cat((self.first.bias, self.second.bias))).chunk(
            2, -1
        )
        code = self.encoder(F.silu(gate) * value)
        return F.linear(code, self.encoder.weight.t(), self.decoder_bias)


# --- sound and speech by hand


class Gained(nn.Module):
    """A norm over channels, whose vectors are called gamma and beta."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, held: Tensor) -> Tensor:
        turned = F.layer_norm(held.transpose(1, -1), self.gamma.shape, self.gamma, self.beta)
        return turned.transpose(1, -1)


class Phones(nn.Module):
    """Attention of convolutions with tables for near distances, and a pair of statistics."""

    def __init__(self, width: int = 32, heads: int = 2, window: int = 3) -> None:
        super().__init__()
        self.heads, self.window, size = heads, window, width // heads
        self.emb, self.emb_tone = nn.Embedding(50, width), nn.Embedding(6, width)
        names = ("attn_layers", "norm_layers_1", "ffn_layers", "norm_layers_2")
        layers: dict[str, Any] = {name: nn.ModuleList() for name in names}
        for _ in range(2):
            attention: Any = nn.Module()
            for letter in "qkvo":
                setattr(attention, f"conv_{letter}", nn.Conv1d(width, width, 1))
            for letter in "kv":
                table = nn.Parameter(torch.zeros(1, 2 * window + 1, size))
                setattr(attention, f"emb_rel_{letter}", table)
            layers["attn_layers"].append(attention)
            feed: Any = nn.Module()
            feed.conv_1 = nn.Conv1d(width, 64, 3, padding=1)
            feed.conv_2 = nn.Conv1d(64, width, 3, padding=1)
            layers["ffn_layers"].append(feed)
            layers["norm_layers_1"].append(Gained(width))
            layers["norm_layers_2"].append(Gained(width))
        self.encoder: Any = nn.ModuleDict(layers)
        self.proj = nn.Conv1d(width, 2 * 24, 1)

    def _table(self, table: Tensor, length: int) -> Tensor:
        lack = max(length - self.window - 1, 0)
        start = max(self.window + 1 - length, 0)
        padded = F.pad(table, (0, 0, lack, lack))
        return padded[:, start : start + 2 * length - 1]

    def _attend(self, layer: Any, held: Tensor) -> Tensor:
        length = held.shape[-1]
        q, k, v = (
            getattr(layer, f"conv_{letter}")(held).unflatten(1, (self.heads, -1)).transpose(2, 3)
            for letter in "qkv"
        )
        q = q / math.sqrt(q.shape[-1])
        far = q @ self._table(layer.emb_rel_k, length)[None].transpose(2, 3)
        far = F.pad(F.pad(far, (0, 1)).flatten(2), (0, length - 1))
        far = far.view(1, self.heads, length + 1, 2 * length - 1)[:, :, :length, length - 1 :]
        weights = (q @ k.transpose(2, 3) + far).softmax(-1)
        turned = F.pad(F.pad(weights, (0, length - 1)).flatten(2), (length, 0))
        turned = turned.view(1, self.heads, length, 2 * length)[..., 1:]
        seen = weights @ v + turned @ self._table(layer.emb_rel_v, length)[None]
        made: Tensor = layer.conv_o(seen.transpose(2, 3).reshape(held.shape))
        return made

    def forward(self, phones: Tensor, tones: Tensor) -> tuple[Tensor, Tensor]:
        held = self.emb(phones) * math.sqrt(self.emb.embedding_dim) + self.emb_tone(tones)
        held = held.transpose(1, 2)
        for layer, norm, feed, last in zip(*self.encoder.values(), strict=True):
            held = norm(held + self._attend(layer, held))
            held = last(held + feed.conv_2(torch.relu(feed.conv_1(held))))
        mean, log = self.proj(held).split(24, 1)
        return mean, log


class Coupled(nn.Module):
    """Couplings of dilated convolutions with normalized weights, each fed a cut of one condition
    and turned around in between; the speaker comes from a table.
    """

    def __init__(self, width: int = 16, inner: int = 24, layers: int = 3) -> None:
        super().__init__()
        norm: Any = nn.utils.weight_norm
        self.inner = inner
        self.emb_g = nn.Embedding(5, 12)
        self.flows: Any = nn.ModuleList()
        for _ in range(2):
            flow: Any = nn.Module()
            flow.pre = nn.Conv1d(width // 2, inner, 1)
            flow.enc = nn.Module()
            flow.enc.cond_layer = norm(nn.Conv1d(12, 2 * inner * layers, 1))
            flow.enc.in_layers = nn.ModuleList(
                norm(nn.Conv1d(inner, 2 * inner, 5, dilation=2**at, padding=2 * 2**at))
                for at in range(layers)
            )
            flow.enc.res_skip_layers = nn.ModuleList(
                norm(nn.Conv1d(inner, inner * (2 if at < layers - 1 else 1), 1))
                for at in range(layers)
            )
            flow.post = nn.Conv1d(inner, width // 2, 1)
            self.flows.append(flow)

    def _net(self, flow: Any, held: Tensor, told: Tensor) -> Tensor:
        out = torch.zeros_like(held)
        every = flow.enc.cond_layer(told)
        pairs = list(zip(flow.enc.in_layers, flow.enc.res_skip_layers, strict=True))
        for at, (layer, skip) in enumerate(pairs):
            cut = every[:, 2 * at * self.inner : 2 * (at + 1) * self.inner]
            value, gate = (layer(held) + cut).chunk(2, 1)
            both = skip(value.tanh() * gate.sigmoid())
            if at < len(pairs) - 1:
                held = held + both[:, : self.inner]
                out = out + both[:, self.inner :]
            else:
                out = out + both
        return out

    def forward(self, latent: Tensor, speaker: Tensor) -> Tensor:
        told = self.emb_g(speaker)[..., None]
        for flow in self.flows:
            latent = latent.flip(1)
            first, second = latent.chunk(2, 1)
            shift = flow.post(self._net(flow, flow.pre(first), told))
            latent = torch.cat((first, second - shift), 1)
        return latent


class Snake(nn.Module):
    """x + sin(ax)^2 / b, on finer steps: widths kept as logarithms, a filter as a buffer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.alpha, self.beta = (nn.Parameter(torch.zeros(width)) for _ in range(2))
        filter_ = torch.kaiser_window(12, beta=4.66, periodic=False) * torch.sinc(
            (torch.arange(12) - 5.5) / 2
        )
        self.register_buffer("filter", (filter_ / filter_.sum())[None, None])

    def forward(self, wave: Tensor) -> Tensor:
        kept: Any = self
        width = self.width
        fine = F.conv_transpose1d(
            F.pad(wave, (5, 5), mode="replicate"),
            kept.filter.expand(width, -1, -1),
            stride=2,
            groups=width,
        )
        fine = 2 * fine[..., 15:-15]
        alpha, beta = (each[None, :, None].exp() for each in (self.alpha, self.beta))
        fine = fine + (1.0 / (beta + 1e-9)) * torch.sin(fine * alpha).pow(2)
        padded = F.pad(fine, (5, 6), mode="replicate")
        return F.conv1d(padded, kept.filter.expand(width, -1, -1), stride=2, groups=width)


class Vocoder(nn.Module):
    """Transposed convolutions and branches of several kernels, all with normalized weights."""

    def __init__(self, width: int = 32, new: bool = False) -> None:
        super().__init__()
        norm: Any = nn.utils.parametrizations.weight_norm if new else nn.utils.weight_norm
        self.conv_pre = norm(nn.Conv1d(10, width, 7, padding=3))
        self.ups: Any = nn.ModuleList()
        self.resblocks: Any = nn.ModuleList()
        for at in range(2):
            low, high = width // 2**at, width // 2 ** (at + 1)
            up = norm(nn.ConvTranspose1d(low, high, 4, 2, padding=1))
            self.ups.append(nn.ModuleList([up]))
            for kernel in (3, 5):
                block: Any = nn.Module()
                for name, dilations in (("convs1", (1, 3)), ("convs2", (1, 1))):
                    layers = [
                        norm(nn.Conv1d(high, high, kernel, 1, d * (kernel - 1) // 2, d))
                        for d in dilations
                    ]
                    setattr(block, name, nn.ModuleList(layers))
                block.activations = nn.ModuleList(Snake(high) for _ in range(4))
                self.resblocks.append(block)
        self.activation_post = Snake(width // 4)
        self.conv_post = norm(nn.Conv1d(width // 4, 1, 7, padding=3, bias=False))

    def forward(self, mel: Tensor) -> Tensor:
        held = self.conv_pre(mel)
        for at, up in enumerate(self.ups):
            held = up[0](held)
            every = []
            for block in self.resblocks[2 * at : 2 * at + 2]:
                part = held
                for step, (first, second) in enumerate(
                    zip(block.convs1, block.convs2, strict=True)
                ):
                    inner = first(block.activations[2 * step](part))
                    part = part + second(block.activations[2 * step + 1](inner))
                every.append(part)
            held = torch.stack(every).mean(0)
        return torch.tanh(self.conv_post(self.activation_post(held)))


# --- images by hand


class Equal(nn.Module):
    """A matrix kept at unit size, and scaled when it runs."""

    def __init__(self, width: int, out: int, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, width) / rate)
        self.bias = nn.Parameter(torch.zeros(out))
        self.scale, self.rate = rate / math.sqrt(width), rate

    def forward(self, rows: Tensor) -> Tensor:
        return F.linear(rows, self.weight * self.scale, self.bias * self.rate)


class Modulated(nn.Module):
    """A convolution whose inputs a style weighs and whose filters are brought to one length."""

    def __init__(self, width: int, out: int, kernel: int, demodulate: bool, up: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out, width, kernel, kernel))
        self.modulation = Equal(12, width)
        self.scale = 1 / math.sqrt(width * kernel**2)
        self.demodulate, self.up = demodulate, up
        row = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("kernel", (row[None] * row[:, None]) / 64 * 4)

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        kept: Any = self
        weight = self.scale * self.weight * self.modulation(style)[:, None, :, None, None]
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.pow(2).sum((2, 3, 4), keepdim=True) + 1e-8)
        if not self.up:
            return F.conv2d(image, weight[0], padding=weight.shape[-1] // 2)
        made = F.conv_transpose2d(image, weight[0].transpose(0, 1), stride=2)
        filters = kept.kernel.expand(made.shape[1], 1, 4, 4)
        return F.conv2d(F.pad(made, (1, 1, 1, 1)), filters, groups=made.shape[1])


class Styled(nn.Module):
    """A constant that styles paint on, with noise kept as buffers and a picture at each size."""

    def __init__(self, width: int = 20) -> None:
        super().__init__()
        self.style = nn.Sequential(Equal(12, 12, 0.01), nn.LeakyReLU(0.2), Equal(12, 12, 0.01))
        self.input: Any = nn.Module()
        self.input.input = nn.Parameter(torch.zeros(1, width, 4, 4))
        self.noises = nn.Module()
        self.convs: Any = nn.ModuleList()
        self.to_rgbs: Any = nn.ModuleList()
        for at, up in enumerate((False, True, False)):
            self.noises.register_buffer(f"noise_{at}", torch.randn(1, 1, *(8 if at else 4,) * 2))
            layer: Any = nn.Module()
            layer.conv = Modulated(width, width, 3, True, up)
            layer.noise = nn.Module()
            layer.noise.weight = nn.Parameter(torch.zeros(1))
            layer.activate = nn.Module()
            layer.activate.bias = nn.Parameter(torch.zeros(1, width, 1, 1))
            self.convs.append(layer)
        for _ in range(2):
            picture: Any = nn.Module()
            picture.conv = Modulated(width, 3, 1, False, False)
            picture.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
            self.to_rgbs.append(picture)

    def forward(self, code: Tensor) -> Tensor:
        code = code * torch.rsqrt(code.pow(2).mean(1, keepdim=True) + 1e-8)
        style = self.style(code)
        held = self.input.input.repeat(code.shape[0], 1, 1, 1)
        skip: Any = 0.0
        for at, layer in enumerate(self.convs):
            noise = getattr(self.noises, f"noise_{at}")
            held = layer.conv(held, style) + layer.noise.weight * noise
            held = F.leaky_relu(held + layer.activate.bias, 0.2) * math.sqrt(2)
            if at != 1:
                picture = self.to_rgbs[at // 2]
                if at:
                    skip = F.interpolate(skip, scale_factor=2.0, mode="bilinear")
                skip = skip + picture.conv(held, style) + picture.bias
        made: Tensor = skip
        return made


def _conv_bn(width: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> Any:
    """A convolution and its norm, by the names that re-parameterized nets give them."""
    conv = nn.Conv2d(width, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    made = nn.Sequential()
    made.add_module("conv", conv)
    made.add_module("bn", nn.BatchNorm2d(out))
    return made


def _joined_norm(branch: Any) -> tuple[Tensor, Tensor]:
    """The kernel and the bias of a convolution with its norm."""
    norm = branch.bn
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight: Tensor = branch.conv.weight * scale[:, None, None, None]
    return weight, norm.bias - norm.running_mean * scale


class Branches(nn.Module):
    """Kernels of three by three, of one, and nothing, each with a norm, added; a squeeze."""

    def __init__(self, width: int, out: int, stride: int = 1, copies: int = 1) -> None:
        super().__init__()
        self.rbr_conv: Any = nn.ModuleList(_conv_bn(width, out, 3, stride) for _ in range(copies))
        self.rbr_scale: Any = _conv_bn(width, out, 1, stride)
        same = width == out and stride == 1
        self.rbr_skip: Any = nn.BatchNorm2d(width) if same else None
        self.se: Any = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(out, out // 4, 1),
            nn.ReLU(),
            nn.Conv2d(out // 4, out, 1),
            nn.Sigmoid(),
        )
        self.reparam: Any = None

    def switch_to_deploy(self) -> None:
        """Join the branches into one convolution, as projects do before they ship."""
        first = self.rbr_conv[0].conv
        conv = nn.Conv2d(first.in_channels, first.out_channels, 3, first.stride, 1)
        kernel, bias = _joined_norm(self.rbr_scale)
        kernel = F.pad(kernel, (1, 1, 1, 1))
        for branch in self.rbr_conv:
            more, shift = _joined_norm(branch)
            kernel, bias = kernel + more, bias + shift
        if self.rbr_skip is not None:
            norm, same = self.rbr_skip, torch.zeros_like(kernel)
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            same[torch.arange(len(scale)), torch.arange(len(scale)), 1, 1] = scale
            kernel, bias = kernel + same, bias + norm.bias - norm.running_mean * scale
        conv.weight.data, conv.bias.data = kernel.detach(), bias.detach()  # type: ignore
        self.reparam = conv
        for name in ("rbr_conv", "rbr_scale", "rbr_skip"):
            delattr(self, name)

    def forward(self, image: Tensor) -> Tensor:
        if self.reparam is not None:
            held = self.reparam(image)
        else:
            held = self.rbr_scale(image) + sum(branch(image) for branch in self.rbr_conv)
            held = held if self.rbr_skip is None else held + self.rbr_skip(image)
        return F.relu(held * self.se(held))


def _branched(copies: int) -> nn.Module:
    return nn.Sequential(
        Branches(3, 24, 2, copies),
        Branches(24, 24, 1, copies),
        Branches(24, 40, 2, copies),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(40, 10),
    )


def _deployed(model: Any) -> None:
    """Have every part that can join its branches do so."""
    for part in list(model.modules()):
        if hasattr(part, "switch_to_deploy"):
            part.switch_to_deploy()


class Repeated(nn.Module):
    """A split, two chains of re-parameterized bottlenecks, all joined, and boxes as expected
    values of a distribution.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        half = width // 2
        self.stem, self.cv1 = _conv_bn(3, width, 3, 2), _conv_bn(width, width)
        self.chains: Any = nn.ModuleList(
            nn.ModuleDict(
                {
                    "conv1": _conv_bn(half, half, 3),
                    "conv2": _conv_bn(half, half, 1),
                    "cv2": _conv_bn(half, half, 3),
                }
            )
            for _ in range(2)
        )
        self.cv4 = _conv_bn(width + 2 * half, 32)
        self.box = nn.Sequential(_conv_bn(32, 32, 3), nn.SiLU(), nn.Conv2d(32, 4 * 8, 1, groups=4))
        self.classes = nn.Sequential(_conv_bn(32, 16, 3), nn.SiLU(), nn.Conv2d(16, 5, 1))
        self.dfl = nn.Conv2d(8, 1, 1, bias=False)
        self.implicit = nn.ParameterList(
            [nn.Parameter(torch.zeros(1, 32, 1, 1)), nn.Parameter(torch.ones(1, 5, 1, 1))]
        )

    def forward(self, image: Tensor) -> Tensor:
        held = F.silu(self.cv1(F.silu(self.stem(image))))
        parts = list(held.chunk(2, 1))
        for chain in self.chains:
            part = F.silu(chain["conv1"](parts[-1]) + chain["conv2"](parts[-1]))
            parts.append(parts[-1] + F.silu(chain["cv2"](part)))
        held = F.silu(self.cv4(torch.cat(parts, 1))) + self.implicit[0]
        boxes = self.box(held).flatten(2).unflatten(1, (4, 8)).transpose(1, 2).softmax(1)
        chances = (self.classes(held) * self.implicit[1]).flatten(2).sigmoid()
        return torch.cat((self.dfl(boxes)[:, 0], chances), 1)


class Linearly(nn.Module):
    """Attention without a softmax over scales that depthwise kernels make, norms in between."""

    def __init__(self, width: int = 32, size: int = 8) -> None:
        super().__init__()
        self.size = size
        self.stem = _conv_bn(3, width, 3, 4)
        self.qkv = nn.ModuleDict({"conv": nn.Conv2d(width, 3 * width, 1, bias=False)})
        self.aggreg: Any = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(3 * width, 3 * width, 5, padding=2, groups=3 * width, bias=False),
                nn.Conv2d(3 * width, 3 * width, 1, groups=3 * width // size, bias=False),
            )
            for _ in range(1)
        )
        self.proj = _conv_bn(2 * width, width)
        self.inverted_conv = nn.Conv2d(width, 4 * width, 1)
        self.depth_conv = nn.Conv2d(4 * width, 4 * width, 3, padding=1, groups=4 * width)
        self.point_conv = _conv_bn(2 * width, width)
        self.head = nn.Sequential(
            nn.Linear(width, 48, bias=False), nn.LayerNorm(48), nn.Hardswish()
        )
        self.last = nn.Linear(48, 7)

    def forward(self, image: Tensor) -> Tensor:
        held = F.hardswish(self.stem(image))
        first = self.qkv["conv"](held)
        every = torch.cat([first] + [layer(first) for layer in self.aggreg], 1)
        every = every.reshape(1, -1, 3 * self.size, every.shape[2] * every.shape[3])
        every = every.transpose(2, 3)
        q, k, v = every.chunk(3, -1)
        q, k, v = F.relu(q), F.relu(k), F.pad(v, (0, 1), value=1.0)
        seen = q @ (k.transpose(2, 3) @ v)
        seen = seen[..., :-1] / (seen[..., -1:] + 1e-4)
        held = held + self.proj(seen.transpose(2, 3).reshape(1, -1, *held.shape[2:]))
        value, gate = self.depth_conv(F.silu(self.inverted_conv(held))).chunk(2, 1)
        held = held + self.point_conv(value * F.silu(gate))
        made: Tensor = self.last(self.head(held.mean((2, 3))))
        return made


class Depth(nn.Module):
    """Patches with registers and scales of layers, read out at two depths, brought to sizes by
    transposed convolutions and refined.
    """

    def __init__(self, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.pretrained: Any = nn.Module()
        self.pretrained.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pretrained.register_tokens = nn.Parameter(torch.zeros(1, 3, width))
        self.pretrained.pos_embed = nn.Parameter(torch.zeros(1, 17, width))
        self.pretrained.mask_token = nn.Parameter(torch.zeros(1, width))
        self.pretrained.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, 8, 8)})
        self.pretrained.blocks = nn.ModuleList(self._block(width) for _ in range(2))
        self.pretrained.norm = nn.LayerNorm(width)
        self.depth_head: Any = nn.Module()
        self.depth_head.projects = nn.ModuleList(nn.Conv2d(width, 24, 1) for _ in range(2))
        self.depth_head.readout_projects = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * width, width), nn.GELU()) for _ in range(2)
        )
        self.depth_head.resize_layers = nn.ModuleList(
            [nn.ConvTranspose2d(24, 24, 2, 2), nn.Identity()]
        )
        self.depth_head.scratch = nn.ModuleDict(
            {
                "layer1_rn": nn.Conv2d(24, 16, 3, padding=1, bias=False),
                "layer2_rn": nn.Conv2d(24, 16, 3, padding=1, bias=False),
                "refinenet": nn.Sequential(
                    nn.ReLU(),
                    nn.Conv2d(16, 16, 3, padding=1),
                    nn.ReLU(),
                    nn.Conv2d(16, 16, 3, padding=1),
                ),
                "out": nn.Sequential(nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1)),
            }
        )

    @staticmethod
    def _block(width: int) -> nn.Module:
        block: Any = nn.Module()
        block.norm1, block.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        block.attn = nn.ModuleDict(
            {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        )
        block.ls1, block.ls2 = (nn.ParameterDict({"gamma": torch.ones(width)}) for _ in range(2))
        block.mlp = nn.ModuleDict({"w12": nn.Linear(width, 128), "w3": nn.Linear(64, width)})
        made: nn.Module = block
        return made

    def forward(self, image: Tensor) -> Tensor:
        kept, head = self.pretrained, self.depth_head
        held = kept.patch_embed["proj"](image).flatten(2).transpose(1, 2)
        held = torch.cat((kept.cls_token, held), 1) + kept.pos_embed
        held = torch.cat((held[:, :1], kept.register_tokens, held[:, 1:]), 1)
        maps = []
        for at, block in enumerate(kept.blocks):
            fused = block.attn["qkv"](block.norm1(held)).unflatten(-1, (3, self.heads, -1))
            q, k, v = fused.permute(2, 0, 3, 1, 4).unbind(0)
            seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            held = held + block.ls1["gamma"] * block.attn["proj"](seen)
            gate, value = block.mlp["w12"](block.norm2(held)).chunk(2, -1)
            held = held + block.ls2["gamma"] * block.mlp["w3"](F.silu(gate) * value)
            told = kept.norm(held)
            both = torch.cat((told[:, 4:], told[:, :1].expand_as(told[:, 4:])), -1)
            grid = head.readout_projects[at](both).transpose(1, 2).unflatten(-1, (4, 4))
            maps.append(head.resize_layers[at](head.projects[at](grid)))
        near, far = (head.scratch[f"layer{at + 1}_rn"](grid) for at, grid in enumerate(maps))
        far = far + head.scratch["refinenet"](far)
        near = near + F.interpolate(far, scale_factor=2.0, mode="bilinear", align_corners=True)
        return F.relu(head.scratch["out"](near))


class Classed(nn.Module):
    """Norms whose gains a class and a cut of the noise give, spectral norms of the old kind, a
    gain of attention.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        norm: Any = nn.utils.spectral_norm
        self.shared = nn.Embedding(6, 8)
        self.linear = norm(nn.Linear(4, width * 16))
        self.blocks: Any = nn.ModuleList()
        for _ in range(2):
            block: Any = nn.Module()
            for at in (1, 2):
                part: Any = nn.Module()
                part.register_buffer("stored_mean", torch.randn(width) * 0.1)
                part.register_buffer("stored_var", torch.rand(width) + 0.5)
                part.gain, part.bias = (norm(nn.Linear(12, width, bias=False)) for _ in range(2))
                setattr(block, f"bn{at}", part)
                setattr(block, f"conv{at}", norm(nn.Conv2d(width, width, 3, padding=1)))
            block.conv_sc = norm(nn.Conv2d(width, width, 1))
            self.blocks.append(block)
        self.theta, self.phi = (norm(nn.Conv2d(width, 4, 1, bias=False)) for _ in range(2))
        self.g, self.o = (norm(nn.Conv2d(width, width, 1, bias=False)) for _ in range(2))
        self.gamma = nn.Parameter(torch.tensor(0.0))
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), norm(nn.Conv2d(width, 3, 3, padding=1))
        )

    def _normed(self, part: Any, held: Tensor, told: Tensor) -> Tensor:
        made = F.batch_norm(held, part.stored_mean, part.stored_var, eps=1e-4)
        gain: Tensor = part.gain(told)[..., None, None]
        bias: Tensor = part.bias(told)[..., None, None]
        return made * (1 + gain) + bias

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        cuts, told = noise.chunk(3, 1), self.shared(label)
        held = self.linear(cuts[0]).view(noise.shape[0], -1, 4, 4)
        for block, cut in zip(self.blocks, cuts[1:], strict=True):
            both = torch.cat((told, cut), 1)
            inner = F.relu(self._normed(block.bn1, held, both))
            inner = block.conv1(F.interpolate(inner, scale_factor=2.0))
            inner = block.conv2(F.relu(self._normed(block.bn2, inner, both)))
            held = inner + block.conv_sc(F.interpolate(held, scale_factor=2.0))
        weights = (
            self.theta(held).flatten(2).transpose(-2, -1) @ self.phi(held).flatten(2)
        ).softmax(-1)
        seen = (self.g(held).flatten(2) @ weights.transpose(-2, -1)).view_as(held)
        return torch.tanh(self.output_layer(held + self.gamma * self.o(seen)))


class Shared(nn.Module):
    """One head for all levels, each with a norm and a scale of its own; one layer run twice."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.backbone: Any = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3 if not at else width, width, 3, 2, 1), nn.GELU())
            for at in range(3)
        )
        lateral = nn.Conv2d(width, width, 1)
        self.lateral: Any = nn.ModuleDict({"p2": lateral, "p3": lateral})
        self.again = nn.Conv2d(width, width, 3, padding=1, groups=4)
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norms: Any = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.scales: Any = nn.ParameterList(nn.Parameter(torch.tensor(1.0)) for _ in range(2))
        self.cls_logits = nn.Conv2d(width, 6, 3, padding=1)
        self.bbox_pred = nn.Conv2d(width, 4, 3, padding=1)
        self.weights = nn.ParameterDict({"p2": torch.ones(2), "p3": torch.ones(2)})

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        every = []
        for layer in self.backbone:
            image = layer(image)
            every.append(image)
        made: list[Tensor] = []
        for at, name in enumerate(("p2", "p3")):
            held = self.lateral[name](every[at + 1])
            held = self.again(F.gelu(self.again(held)))
            mix = F.relu(self.weights[name])
            mix = mix / (mix.sum() + 1e-4)
            held = mix[0] * held + mix[1] * every[at + 1]
            held = F.relu(self.norms[at](self.conv(held)))
            made += [self.cls_logits(held), torch.exp(self.bbox_pred(held) * self.scales[at])]
        return tuple(made)


class Capsules(nn.Module):
    """Groups of numbers that agree on groups above them, in rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 24, 5)
        self.primary: Any = nn.ModuleList(nn.Conv2d(24, 6, 3, stride=2) for _ in range(4))
        self.W = nn.Parameter(torch.zeros(1, 54, 5, 8, 4))
        self.reconstruct = nn.Sequential(nn.Linear(40, 32), nn.ReLU(), nn.Linear(32, 36))

    @staticmethod
    def _squashed(held: Tensor) -> Tensor:
        square = held.pow(2).sum(-1, keepdim=True)
        return square / (1 + square) * held / (square + 1e-6).sqrt()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        held = F.relu(self.conv(image))
        low = torch.stack([layer(held).flatten(1) for layer in self.primary], -1)
        votes = (self.W @ self._squashed(low)[:, :, None, :, None]).squeeze(-1)
        logits = torch.zeros(votes.shape[:3] + (1,))
        for _ in range(3):
            high = self._squashed((logits.softmax(2) * votes).sum(1, keepdim=True))
            logits = logits + (votes * high).sum(-1, keepdim=True)
        return high.norm(dim=-1)[:, 0], self.reconstruct(high.flatten(1))


# --- fields, functions and rows by hand


class Radiance(nn.Module):
    """Grids and planes that are looked up, and a net with its input once more in the middle."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.planes = nn.Parameter(torch.zeros(3, 6, 12, 12))
        self.line_coef = nn.ParameterList(nn.Parameter(torch.zeros(1, 6, 10, 1)) for _ in range(3))
        self.tables: Any = nn.ModuleList(nn.Embedding(32, 2) for _ in range(3))
        self.B = nn.Parameter(torch.zeros(3, 5))
        self.pts_linears: Any = nn.ModuleList(
            nn.Linear(width + (34 if at == 2 else 0) if at else 34, width) for at in range(4)
        )
        self.alpha_linear, self.feature_linear = nn.Linear(width, 1), nn.Linear(width, width)
        self.views_linears: Any = nn.ModuleList([nn.Linear(width + 3, width // 2)])
        self.rgb_linear = nn.Linear(width // 2, 3)

    def forward(self, points: Tensor, views: Tensor) -> Tensor:
        points = torch.tanh(points)
        sides = torch.stack((points[:, [0, 1]], points[:, [0, 2]], points[:, [1, 2]]))
        planes = F.grid_sample(self.planes, sides[:, :, None], align_corners=True)[..., 0]
        lines = [
            F.grid_sample(
                line,
                torch.stack((torch.zeros_like(points[:, at]), points[:, at]), -1)[None, :, None],
                align_corners=True,
            )[0, :, :, 0]
            for at, line in enumerate(self.line_coef)
        ]
        seen = (planes * torch.stack(lines)).flatten(0, 1).T
        cells = [
            table(((points.sum(-1) + 3) * (2 + at)).long() % 32)
            for at, table in enumerate(self.tables)
        ]
        waves = 2 * math.pi * points @ self.B
        told = torch.cat((seen, *cells, waves.sin(), waves.cos()), -1)
        held = told
        for at, layer in enumerate(self.pts_linears):
            held = F.relu(layer(torch.cat((told, held), -1) if at == 2 else held))
        both = torch.cat((self.feature_linear(held), views), -1)
        color = self.rgb_linear(F.relu(self.views_linears[0](both)))
        return torch.cat((color, self.alpha_linear(held)), -1)


class Hyper(nn.Module):
    """A net that writes another one's weights, from a vector for each of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.zeros(12, 40))
        self.b1 = nn.Parameter(torch.zeros(40))
        self.w2 = nn.Parameter(torch.zeros(40, 8 * 8 * 9))
        self.z_list = nn.ParameterList(nn.Parameter(torch.zeros(12)) for _ in range(2))
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.context = nn.Linear(6, 8 * 3 + 3)
        self.final = nn.Linear(8, 4)

    def forward(self, image: Tensor, task: Tensor) -> Tensor:
        held = F.relu(self.conv1(image))
        for z in self.z_list:
            kernel = (torch.tanh(z @ self.w1 + self.b1) @ self.w2).view(8, 8, 3, 3)
            held = held + F.relu(F.conv2d(held, kernel, padding=1))
        pooled = held.mean((2, 3))
        told = self.context(task)[0]
        made = F.linear(pooled, told[:24].view(3, 8), told[24:])
        return torch.cat((made, self.final(pooled)), 1)


class Chebyshev(nn.Module):
    """Layers of polynomials, and of bumps on a grid, with a plain matrix beside the second."""

    def __init__(self, width: int = 9, inner: int = 20, degree: int = 4) -> None:
        super().__init__()
        self.degree = degree
        self.cheby_coeffs = nn.Parameter(torch.zeros(width, inner, degree + 1))
        self.layernorm = nn.LayerNorm(inner)
        self.rbf = nn.Module()
        self.rbf.grid = nn.Parameter(torch.linspace(-2, 2, 6), requires_grad=False)
        self.spline_linear = nn.Linear(inner * 6, 12, bias=False)
        self.base_linear = nn.Linear(inner, 12)
        self.rational = nn.ParameterDict({"p": torch.zeros(4, 12), "q": torch.zeros(2, 12)})

    def forward(self, rows: Tensor) -> Tensor:
        kept: Any = self.rbf
        steps = [torch.ones_like(rows), torch.tanh(rows)]
        for _ in range(self.degree - 1):
            steps.append(2 * steps[1] * steps[-1] - steps[-2])
        held = torch.einsum("bid,iod->bo", torch.stack(steps, -1), self.cheby_coeffs)
        bumps = torch.exp(-(((self.layernorm(held)[..., None] - kept.grid) / 0.8) ** 2))
        held = self.spline_linear(bumps.flatten(1)) + self.base_linear(F.silu(held))
        above = sum(self.rational["p"][at] * held**at for at in range(4))
        below = 1 + sum((self.rational["q"][at] * held ** (at + 1)).abs() for at in range(2))
        made: Tensor = above / below
        return made


class Mirrored(nn.Module):
    """A matrix made symmetric."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class Bounded(nn.Module):
    """A gain that stays positive."""

    def forward(self, weight: Tensor) -> Tensor:
        return F.softplus(weight) + 0.1


class Pruned(nn.Module):
    """A kernel of which a mask keeps a part."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(sum(shape))
        self.register_buffer("mask", (torch.rand(shape, generator=draw) > 0.4).float())

    def forward(self, weight: Tensor) -> Tensor:
        kept: Any = self
        made: Tensor = weight * kept.mask
        return made


class Parametrized(nn.Module):
    """Parametrizations of torch's new kind: symmetric, positive, normalized, and masked."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        made: Any = nn.utils.parametrizations
        register: Any = nn.utils.parametrize.register_parametrization
        self.mirror = register(nn.Linear(width, width), "weight", Mirrored())
        self.gain = register(nn.LayerNorm(width), "weight", Bounded())
        self.normed = made.weight_norm(nn.Linear(width, 40), dim=0)
        self.whole = made.weight_norm(nn.Conv1d(40, 32, 3, padding=1), dim=None)
        self.pruned = register(nn.Conv1d(32, 32, 3, padding=1), "weight", Pruned(32, 32, 3))
        self.rows = nn.ModuleList([nn.Linear(32, 16), nn.Linear(16, 32, bias=False)])
        self.gru = nn.GRU(32, 20, batch_first=True)

    def forward(self, rows: Tensor) -> Tensor:
        held = self.normed(self.gain(rows + self.mirror(rows))).transpose(1, 2)
        held = F.elu(self.pruned(F.elu(self.whole(held)))).transpose(1, 2)
        held = held + self.rows[1](F.relu(self.rows[0](held)))
        made: Tensor = self.gru(held)[0]
        return made


# --- the cases of modules by hand

Make = Callable[[], nn.Module]
Call = Callable[..., Any]  # (the module's own forward, *inputs) -> what it answers


class Case(NamedTuple):
    """A model, its inputs, how to call it with them, and what is done before it is told."""

    build: Make
    inputs: Inputs
    call: Call | None = None
    last: Callable[[Any], None] | None = None


_IDS: Final = torch.tensor([[5, 9, 17, 3, 30, 12, 8, 44]])
_LABEL: Final = torch.tensor([3])
_PIXELS: Final[Inputs] = {"image": (1, 3, 32, 32)}

_MODULES: Final[dict[str, Case]] = {
    "gpt": Case(Gpt, {"idx": _IDS}),
    "llama": Case(Llama, {"tokens": _IDS}),
    "alibi": Case(Alibi, {"input_ids": _IDS}),
    "buckets": Case(Buckets, {"input_ids": _IDS}),
    "latent": Case(Latent, {"tokens": _IDS}),
    "stacked": Case(Stacked, {"rows": (1, 5, 32)}),
    "scan": Case(Scan, {"input_ids": _IDS[:, :6]}),
    "diagonal": Case(Diagonal, {"rows": (1, 6, 20)}),
    "ternary": Case(Ternary, {"tokens": _IDS}),
    "adapted": Case(Adapted, {"tokens": _IDS % 40}),
    "sliced": Case(Sliced, {"rows": (1, 7, 32)}),
    "phones": Case(Phones, {"phones": _IDS, "tones": _IDS % 6}),
    "coupled": Case(Coupled, {"latent": (1, 16, 20), "speaker": _LABEL}),
    "vocoder": Case(Vocoder, {"mel": (1, 10, 12)}),
    "vocoder-new": Case(partial(Vocoder, new=True), {"mel": (1, 10, 12)}),
    "styled": Case(Styled, {"code": (1, 12)}),
    "branched": Case(partial(_branched, 2), _PIXELS),
    "branched-deployed": Case(partial(_branched, 1), _PIXELS, last=_deployed),
    "repeated": Case(Repeated, _PIXELS),
    "linearly": Case(Linearly, _PIXELS),
    "depth": Case(Depth, _PIXELS),
    "classed": Case(Classed, {"noise": (1, 12), "label": _LABEL}),
    "shared": Case(Shared, _PIXELS),
    "capsules": Case(Capsules, {"image": (1, 1, 11, 11)}),
    "radiance": Case(Radiance, {"points": (9, 3), "views": (9, 3)}),
    "hyper": Case(Hyper, {"image": (1, 3, 8, 8), "task": (1, 6)}),
    "chebyshev": Case(Chebyshev, {"rows": (3, 9)}),
    "parametrized": Case(Parametrized, {"rows": (1, 6, 24)}),
}

# --- modules of libraries

_BARE: Final = tuple(
    """
    basicsr basicsr.archs demucs doctr easyocr facenet_pytorch facexlib
    kokoro litgpt neuralforecast neuralforecast.models openunmix pretrainedmodels
    pretrainedmodels.models s3tokenizer schnetpack torch_mimicry torch_mimicry.nets torchreid
    torchreid.reid torchxrayvision
    """.split()
)


def _bare(name: str) -> None:
    """Have a package be there without what it imports at first: servers, trainers, downloads."""
    if name not in sys.modules:
        found = find_spec(name)
        package = ModuleType(name)
        if found is None or found.submodule_search_locations is None:
            raise ModuleNotFoundError(name)
        package.__path__ = list(found.submodule_search_locations)
        package.__spec__ = found
        sys.modules[name] = package


def _get(path: str) -> Any:
    """A function or class of a library, by its path."""
    module, _, name = path.rpartition(".")
    for package in _BARE:
        if module == package or module.startswith(f"{package}."):
            _bare(package)
    return getattr(import_module(module), name)


def _from(path: str, text: str = "", **parts: Callable[[], Any]) -> Make:
    """What a function or class of a library makes, by its path and the options in the text, and
    more that is made first.
    """

    def build() -> nn.Module:
        given = {name: part() for name, part in parts.items()}
        made: nn.Module = _get(path)(**parsed(text), **given)
        return made

    return build


def _config(path: str, text: str) -> Callable[[], Any]:
    return lambda: _get(path)(**parsed(text))


def _yolo(name: str, width: float, kind: str = "DetectionModel") -> Make:
    """A model of ultralytics by its table of layers, narrower; its head as for an export."""

    def build() -> nn.Module:
        table = _get("ultralytics.nn.tasks.yaml_model_load")(name)
        table["scales"] = {"n": [0.33, width, 256]}
        table["scale"] = "n"
        model: Any = _get(f"ultralytics.nn.tasks.{kind}")(table, nc=5, verbose=False)
        for part in model.modules():
            if hasattr(part, "export"):
                part.export, part.format, part.dynamic = True, "onnx", False
        return model  # type: ignore[no-any-return]

    return build


def _fused(model: Any) -> None:
    model.fuse(verbose=False)


def _litgpt(module: str, text: str) -> Make:
    """A model of litgpt by its configuration."""

    def build() -> nn.Module:
        config = _get(f"{module}.Config")(**parsed(text))
        model: nn.Module = _get(f"{module}.GPT")(config)
        return model

    return build


class _Lora(nn.Module):
    """loralib's layers, not merged."""

    def __init__(self) -> None:
        super().__init__()
        rows: Any = {"r": 4, "lora_alpha": 8, "merge_weights": False}
        self.embed = _get("loralib.Embedding")(40, 24, **rows)
        merged = _get("loralib.MergedLinear")
        self.qkv = merged(24, 72, enable_lora=[True, False, True], **rows)
        self.up = _get("loralib.Linear")(24, 48, **rows)
        self.down = _get("loralib.Linear")(48, 24, fan_in_fan_out=True, **rows)
        self.conv = _get("loralib.Conv2d")(1, 6, 3, padding=1, **rows)

    def forward(self, tokens: Tensor) -> Tensor:
        held = self.embed(tokens)
        q, k, v = self.qkv(held).chunk(3, -1)
        held = held + (q @ k.transpose(1, 2) / 5).softmax(-1) @ v
        held = held + self.down(F.gelu(self.up(held)))
        made: Tensor = self.conv(held[:, None])
        return made


class _Decoder(nn.Module):
    """SAM's decoder with its prompts, as it is shipped."""

    def __init__(self) -> None:
        super().__init__()
        kinds = "segment_anything.modeling"
        inner = _get(f"{kinds}.TwoWayTransformer")(2, 32, 2, 48)
        decoder = _get(f"{kinds}.MaskDecoder")(
            transformer_dim=32, transformer=inner, iou_head_depth=2, iou_head_hidden_dim=32
        )
        whole = _get(f"{kinds}.Sam")(
            _get(f"{kinds}.ImageEncoderViT")(64, 16, embed_dim=8, depth=1, num_heads=1),
            _get(f"{kinds}.PromptEncoder")(32, (4, 4), (64, 64), 8),
            decoder,
        )
        del whole.image_encoder
        whole.image_encoder = SimpleNamespace(img_size=64)
        self.onnx: Any = _get("segment_anything.utils.onnx.SamOnnxModel")(whole, True)

    def forward(self, image: Tensor, points: Tensor, labels: Tensor, mask: Tensor) -> Any:
        kept = self.onnx
        return kept.mask_decoder.predict_masks(
            image_embeddings=image,
            image_pe=kept.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=kept._embed_points(points, labels),
            dense_prompt_embeddings=kept._embed_masks(mask, torch.ones(1)),
        )


class _Atoms(nn.Module):
    """A representation of schnetpack."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__()
        basis = _get("schnetpack.nn.GaussianRBF")(n_rbf=8, cutoff=4.0)
        cutoff = _get("schnetpack.nn.CosineCutoff")(4.0)
        self.inner = _get(f"schnetpack.representation.{kind}")(
            radial_basis=basis, cutoff_fn=cutoff, **parsed(text)
        )

    def forward(self, kinds: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Any:
        names = ("_atomic_numbers", "_Rij", "_idx_i", "_idx_j")
        made = self.inner(dict(zip(names, (kinds, vectors, first, second), strict=True)))
        return [made[name] for name in made if name.endswith("representation")]


_PAIRS: Final = [(a, b) for a in range(5) for b in range(5) if a != b]
_ATOMS: Final[Inputs] = {
    "kinds": torch.tensor([6, 1, 1, 8, 7]),
    "vectors": (len(_PAIRS), 3),
    "first": torch.tensor([a for a, _ in _PAIRS]),
    "second": torch.tensor([b for _, b in _PAIRS]),
}


def _window(inner: Any, series: Tensor, more: Tensor | None = None) -> Any:
    """neuralforecast's windows: a series, and what is known of the future."""
    known = dict.fromkeys(("futr_exog", "hist_exog", "stat_exog"))
    mask = torch.ones_like(series)
    return inner({**known, "futr_exog": more, "insample_y": series, "insample_mask": mask})


class _Flows(nn.Module):
    """Two nets of nflows: what they map to, and the logarithm of the volume."""

    def __init__(self) -> None:
        super().__init__()
        self.maf = _get("nflows.flows.autoregressive.MaskedAutoregressiveFlow")(
            features=6, hidden_features=24, num_layers=2, num_blocks_per_layer=2
        )
        self.nvp = _get("nflows.flows.realnvp.SimpleRealNVP")(
            features=6,
            hidden_features=24,
            num_layers=3,
            num_blocks_per_layer=1,
            batch_norm_within_layers=True,
        )

    def forward(self, rows: Tensor) -> Any:
        return self.maf.transform_to_noise(rows), self.nvp.log_prob(rows)


def _waves() -> nn.Module:
    """siren_pytorch's net with its modulator."""
    net = _get("siren_pytorch.SirenNet")(dim_in=2, dim_hidden=32, dim_out=3, num_layers=3)
    model: nn.Module = _get("siren_pytorch.SirenWrapper")(net, 6, 5, latent_dim=12)
    return model


def _by(method: str, make: Make) -> Make:
    """A model that is run by another one of its methods."""

    def build() -> nn.Module:
        model = make()
        model.forward = getattr(model, method)
        return model

    return build


_X64: Final[Inputs] = {"x": (1, 3, 64, 64)}
_X32: Final[Inputs] = {"x": (1, 3, 32, 32)}
_LIBRARIES: Final[dict[str, Case]] = {
    # detectors and readers
    "ultralytics-yolo11": Case(_yolo("yolo11n.yaml", 0.25), _X64),
    "ultralytics-yolo11_seg-fused": Case(
        _yolo("yolo11n-seg.yaml", 0.25, "SegmentationModel"), _X64, last=_fused
    ),
    "ultralytics-yolov9-fused": Case(_yolo("yolov9t.yaml", 0.25), _X64, last=_fused),
    "ultralytics-yolov10": Case(_yolo("yolov10n.yaml", 0.25), _X64),
    "ultralytics-yolo12": Case(_yolo("yolo12n.yaml", 0.25), _X64),
    "doctr-crnn": Case(
        _from(
            "doctr.models.recognition.crnn.pytorch.crnn_mobilenet_v3_small",
            "pretrained=False pretrained_backbone=False exportable=True",
        ),
        {"x": (1, 3, 32, 128)},
    ),
    "doctr-viptr": Case(
        _from(
            "doctr.models.recognition.viptr.pytorch.viptr_tiny",
            "pretrained=False pretrained_backbone=False exportable=True",
        ),
        {"x": (1, 3, 32, 128)},
    ),
    "doctr-fast": Case(
        _from(
            "doctr.models.detection.fast.pytorch.fast_tiny",
            "pretrained=False pretrained_backbone=False exportable=True",
        ),
        _X64,
    ),
    "easyocr-crnn": Case(
        _from(
            "easyocr.model.vgg_model.Model",
            "input_channel=1 output_channel=64 hidden_size=48 num_class=37",
        ),
        {"input": (1, 1, 32, 96)},
        call=lambda inner, image: inner(image, None),
    ),
    "easyocr-resnet": Case(
        _from(
            "easyocr.model.model.Model",
            "input_channel=1 output_channel=64 hidden_size=48 num_class=37",
        ),
        {"input": (1, 1, 32, 96)},
        call=lambda inner, image: inner(image, None),
    ),
    "easyocr-db": Case(
        _from(
            "easyocr.DBNet.decoders.seg_detector.SegDetector",
            "in_channels=[16,24,32,48] inner_channels=32 adaptive=True",
        ),
        {"a": (1, 16, 16, 16), "b": (1, 24, 8, 8), "c": (1, 32, 4, 4), "d": (1, 48, 2, 2)},
        call=lambda inner, *maps: inner(maps),
    ),
    # features of images
    "kornia-hardnet": Case(
        _from("kornia.feature.HardNet", "pretrained=False"), {"x": (2, 1, 32, 32)}
    ),
    "kornia-hynet": Case(_from("kornia.feature.HyNet", "pretrained=False"), {"x": (2, 1, 32, 32)}),
    "kornia-loftr": Case(
        _from(
            "kornia.feature.loftr.loftr_module.transformer.LocalFeatureTransformer",
            config=lambda: {
                "d_model": 32,
                "d_ffn": 32,
                "nhead": 4,
                "layer_names": ["self", "cross"] * 2,
                "attention": "linear",
            },
        ),
        {"left": (1, 12, 32), "right": (1, 15, 32)},
    ),
    "kornia-xfeat": Case(_from("kornia.feature.xfeat.XFeatModel"), {"x": (1, 1, 64, 64)}),
    "kornia-tiny_vit": Case(
        _from(
            "kornia.models.tiny_vit.TinyViT",
            """
                img_size=64 num_classes=10 embed_dims=(16,32,48,64) depths=(1,1,1,1)
                num_heads=(1,2,3,4) window_sizes=(4,4,4,2)
            """,
        ),
        _X64,
    ),
    "efficientnet_pytorch": Case(
        lambda: _get("efficientnet_pytorch.EfficientNet").from_name(
            "efficientnet-b0", width_coefficient=0.35, image_size=64, num_classes=10
        ),
        _X64,
        last=lambda model: model.set_swish(memory_efficient=False),
    ),
    "pretrainedmodels-dpn": Case(
        _from(
            "pretrainedmodels.models.dpn.DPN",
            """
                small=True num_init_features=16 k_r=32 groups=8 k_sec=(1,1,1,1)
                inc_sec=(8,8,8,8) num_classes=10
            """,
        ),
        {"x": (1, 3, 224, 224)},
    ),
    "pretrainedmodels-nasnet_mobile": Case(
        _from(
            "pretrainedmodels.models.nasnet_mobile.NASNetAMobile",
            "num_classes=10 stem_filters=12 penultimate_filters=288 filters_multiplier=2",
        ),
        {"x": (1, 3, 224, 224)},
    ),
    "resnest": Case(
        _from(
            "resnest.torch.resnest.ResNet",
            """
                layers=[1,1,1,1] radix=2 groups=1 bottleneck_width=16 deep_stem=True stem_width=8
                avg_down=True avd=True num_classes=10
            """,
            block=lambda: _get("resnest.torch.resnest.Bottleneck"),
        ),
        _X64,
    ),
    "segment_anything-encoder": Case(
        _from(
            "segment_anything.modeling.ImageEncoderViT",
            """
                img_size=64 patch_size=8 embed_dim=48 depth=2 num_heads=4 out_chans=24
                use_rel_pos=True rel_pos_zero_init=False window_size=3 global_attn_indexes=(1,)
            """,
        ),
        _X64,
    ),
    "segment_anything-decoder": Case(
        _Decoder,
        {
            "image": (1, 32, 4, 4),
            "points": torch.tensor([[[10.0, 20.0], [40.0, 33.0]]]),
            "labels": torch.tensor([[1.0, 0.0]]),
            "mask": (1, 1, 16, 16),
        },
    ),
    "facenet_pytorch-onet": Case(
        _from("facenet_pytorch.models.mtcnn.ONet", "pretrained=False"), {"x": (1, 3, 48, 48)}
    ),
    "torchreid-osnet_ain": Case(
        _from("torchreid.reid.models.osnet_ain.osnet_ain_x0_25", "num_classes=10 pretrained=False"),
        {"x": (1, 3, 64, 32)},
    ),
    "torchxrayvision-densenet": Case(
        _from(
            "torchxrayvision.models.DenseNet",
            "growth_rate=8 block_config=(2,2,2) num_init_features=16 num_classes=6",
        ),
        {"x": (1, 1, 64, 64)},
    ),
    "facexlib-parsenet": Case(
        _from(
            "facexlib.parsing.parsenet.ParseNet",
            "in_size=32 out_size=32 min_feat_size=8 base_ch=16 res_depth=2 ch_range=[16,48]",
        ),
        _X32,
    ),
    # pictures made
    "basicsr-ecbsr": Case(
        _from(
            "basicsr.archs.ecbsr_arch.ECBSR",
            """
                num_in_ch=3 num_out_ch=3 num_block=2 num_channel=16 with_idt=True
                act_type='prelu' scale=2
            """,
        ),
        {"x": (1, 3, 16, 16)},
    ),
    "basicsr-rcan": Case(
        _from(
            "basicsr.archs.rcan_arch.RCAN",
            """
                num_in_ch=3 num_out_ch=3 num_feat=16 num_group=1 num_block=2 squeeze_factor=4
                upscale=2
            """,
        ),
        {"x": (1, 3, 16, 16)},
    ),
    "torch_mimicry-sngan": Case(
        _from("torch_mimicry.nets.sngan.sngan_32.SNGANGenerator32", "nz=16 ngf=24"), {"x": (1, 16)}
    ),
    "torch_mimicry-sagan": Case(
        _from("torch_mimicry.nets.sagan.sagan_32.SAGANDiscriminator32", "num_classes=6 ndf=16"),
        {"x": (1, 3, 32, 32), "y": _LABEL},
    ),
    "denoising_diffusion-unet": Case(
        _from("denoising_diffusion_pytorch.Unet", "dim=16 dim_mults=(1,2) channels=3"),
        {"x": (1, 3, 16, 16), "time": torch.tensor([7])},
    ),
    "denoising_diffusion-unet1d": Case(
        _from("denoising_diffusion_pytorch.Unet1D", "dim=16 dim_mults=(1,2) channels=4"),
        {"x": (1, 4, 16), "time": torch.tensor([7])},
    ),
    "siren_pytorch": Case(
        _waves, {"latent": (12,)}, call=lambda inner, latent: inner(latent=latent)
    ),
    "nflows": Case(_Flows, {"rows": (3, 6)}),
    # words
    "litgpt-neox": Case(
        _litgpt(
            "litgpt.model",
            """
                block_size=16 padded_vocab_size=90 n_layer=2 n_head=4 n_embd=48
                rotary_percentage=0.25 parallel_residual=True lm_head_bias=True
            """,
        ),
        {"idx": _IDS},
    ),
    "litgpt-gemma": Case(
        _litgpt(
            "litgpt.model",
            """
                block_size=16 padded_vocab_size=90 n_layer=2 n_head=4 n_query_groups=2 n_embd=48
                head_size=16 parallel_residual=False bias=False norm_class_name='RMSNorm'
                mlp_class_name='GemmaMLP' intermediate_size=80 scale_embeddings=True
                post_attention_norm=True post_mlp_norm=True
                rotary_percentage=1.0 norm_qk=True sliding_window_size=4
                sliding_window_indices=[0,1]
            """,
        ),
        {"idx": _IDS},
    ),
    "litgpt-lora": Case(
        _litgpt(
            "litgpt.lora",
            """
                block_size=16 padded_vocab_size=90 n_layer=2 n_head=4 n_query_groups=2 n_embd=48
                parallel_residual=False bias=False norm_class_name='RMSNorm'
                mlp_class_name='LLaMAMLP' intermediate_size=80 rotary_percentage=1.0 lora_r=4
                lora_alpha=8 lora_query=True lora_key=False lora_value=True lora_projection=True
                lora_mlp=True lora_head=True
            """,
        ),
        {"idx": _IDS},
    ),
    "litgpt-adapter": Case(
        _litgpt(
            "litgpt.adapter_v2",
            """
                block_size=16 padded_vocab_size=90 n_layer=3 n_head=4 n_embd=48
                parallel_residual=False adapter_prompt_length=3 adapter_start_layer=1
            """,
        ),
        {"idx": _IDS},
    ),
    "loralib": Case(_Lora, {"tokens": _IDS % 40}),
    "mambapy": Case(
        _from(
            "mambapy.mamba.Mamba",
            config=_config(
                "mambapy.mamba.MambaConfig",
                "d_model=24 n_layers=2 d_state=4 pscan=False inner_layernorms=True",
            ),
        ),
        {"x": (1, 6, 24)},
    ),
    "performer": Case(
        _from(
            "performer_pytorch.PerformerLM",
            """
                num_tokens=90 max_seq_len=16 dim=32 depth=2 heads=4 dim_head=8 nb_features=12
                causal=False ff_glu=True use_scalenorm=True tie_embed=True
            """,
        ),
        {"x": _IDS},
    ),
    "reformer": Case(
        _from(
            "reformer_pytorch.ReformerLM",
            """
                num_tokens=90 dim=32 depth=2 max_seq_len=16 heads=4 dim_head=8 bucket_size=4
                use_full_attn=True axial_position_emb=True axial_position_shape=(4,4) ff_chunks=1
                num_mem_kv=2 use_rezero=True emb_dim=24 reverse_thres=64
            """,
        ),
        {"x": _IDS.repeat(1, 2)},
    ),
    "linformer": Case(
        _from(
            "linformer.LinformerLM",
            "num_tokens=90 dim=32 seq_len=8 depth=2 k=6 heads=4 one_kv_head=True share_kv=True",
        ),
        {"x": _IDS},
    ),
    "local_attention": Case(
        _from(
            "local_attention.LocalTransformer",
            """
                num_tokens=90 max_seq_len=16 dim=32 depth=2 local_attn_window_size=4 heads=4
                dim_head=8 use_dynamic_pos_bias=True
            """,
        ),
        {"x": _IDS},
    ),
    "nystrom_attention": Case(
        _from(
            "nystrom_attention.Nystromformer",
            """
                dim=32 depth=2 heads=4 dim_head=8 num_landmarks=4 pinv_iterations=2
                attn_values_residual_conv_kernel=5
            """,
        ),
        {"x": (1, 8, 32)},
    ),
    "megabyte": Case(
        _from(
            "MEGABYTE_pytorch.MEGABYTE",
            "num_tokens=90 dim=(48,32) depth=(1,1) max_seq_len=(4,4) heads=4 dim_head=8",
        ),
        {"ids": _IDS.repeat(1, 2)},
    ),
    "x_clip": Case(
        _from(
            "x_clip.CLIP",
            """
                dim_text=32 dim_image=32 dim_latent=24 num_text_tokens=90 text_enc_depth=1
                text_seq_len=8 text_heads=4 text_dim_head=8 visual_enc_depth=1 visual_heads=4
                visual_dim_head=8 visual_image_size=32 visual_patch_size=8
            """,
        ),
        {"text": _IDS, "image": (1, 3, 32, 32)},
        call=lambda inner, text, image: inner(text, image, return_encodings=True),
    ),
    "axial_attention": Case(
        _from(
            "axial_attention.AxialAttention",
            "dim=24 dim_index=1 heads=4 num_dimensions=2 sum_axial_out=False",
        ),
        {"x": (1, 24, 6, 5)},
    ),
    "lambda_networks": Case(
        _from("lambda_networks.LambdaLayer", "dim=24 dim_out=32 r=5 dim_k=8 heads=4 dim_u=2"),
        {"x": (1, 24, 8, 8)},
    ),
    "product_key_memory": Case(
        _from("product_key_memory.PKM", "dim=32 heads=2 num_keys=8 topk=4 dim_head=16"),
        {"x": (1, 5, 32)},
    ),
    # sound
    "conformer": Case(
        _from("conformer.Conformer", "dim=32 depth=2 heads=4 dim_head=8 conv_kernel_size=7"),
        {"x": (1, 10, 32)},
    ),
    "demucs": Case(
        _from(
            "demucs.demucs.Demucs",
            """
                sources=['a','b'] channels=8 depth=3 resample=False dconv_attn=2 dconv_lstm=2
                norm_starts=1 norm_groups=2 lstm_layers=1
            """,
        ),
        {"mix": (1, 2, 1024)},
    ),
    "openunmix": Case(
        _from("openunmix.model.OpenUnmix", "nb_bins=40 nb_channels=2 hidden_size=32 nb_layers=2"),
        {"x": (1, 2, 40, 6)},
    ),
    "s3tokenizer-encoder": Case(
        _from(
            "s3tokenizer.model.AudioEncoder",
            "n_mels=20 n_ctx=30 n_state=32 n_head=4 n_layer=2 stride=2 use_sdpa=False",
        ),
        {"x": (1, 20, 24), "x_len": torch.tensor([24])},
    ),
    "snac": Case(
        _from(
            "snac.SNAC",
            """
                encoder_dim=16 encoder_rates=[2,2] decoder_dim=64 decoder_rates=[2,2]
                attn_window_size=None codebook_size=16 codebook_dim=4 vq_strides=[2,1] noise=False
            """,
        ),
        {"audio": (1, 1, 32)},
        call=lambda inner, audio: inner(audio)[0],
    ),
    "kokoro-predictor": Case(
        _by(
            "F0Ntrain",
            _from("kokoro.modules.ProsodyPredictor", "style_dim=12 d_hid=32 nlayers=1 max_dur=8"),
        ),
        {"x": (1, 44, 10), "s": (1, 12)},
    ),
    "kokoro-text": Case(
        _from("kokoro.modules.TextEncoder", "channels=24 kernel_size=3 depth=2 n_symbols=60"),
        {"x": _IDS},
        call=lambda inner, x: inner(x, torch.tensor([8]), torch.zeros(1, 8, dtype=torch.bool)),
    ),
    # rows, series, graphs
    "torchfm-xdeepfm": Case(
        _from(
            "torchfm.model.xdfm.ExtremeDeepFactorizationMachineModel",
            """
                field_dims=[20,30,15] embed_dim=8 mlp_dims=(24,16) dropout=0.1
                cross_layer_sizes=(12,12)
            """,
        ),
        {"x": torch.tensor([[3, 7, 2], [19, 0, 14]])},
    ),
    "torchfm-dcn": Case(
        _from(
            "torchfm.model.dcn.DeepCrossNetworkModel",
            "field_dims=[20,30,15] embed_dim=8 num_layers=3 mlp_dims=(24,16) dropout=0.1",
        ),
        {"x": torch.tensor([[3, 7, 2], [19, 0, 14]])},
    ),
    "neuralforecast-nhits": Case(
        _from(
            "neuralforecast.models.nhits.NHITS",
            "h=6 input_size=24 mlp_units=[[32,32],[32,32],[32,32]]",
        ),
        {"series": (2, 24, 1)},
        call=_window,
    ),
    "neuralforecast-tft": Case(
        _from(
            "neuralforecast.models.tft.TFT",
            "h=4 input_size=12 hidden_size=16 n_head=2 futr_exog_list=['a','b']",
        ),
        {"series": (2, 12, 1), "more": (2, 16, 2)},
        call=_window,
    ),
    "neuralforecast-tsmixer": Case(
        _from(
            "neuralforecast.models.tsmixer.TSMixer",
            "h=4 input_size=12 n_series=5 ff_dim=16 revin=True",
        ),
        {"series": (2, 12, 5)},
        call=_window,
    ),
    "neuralforecast-bitcn": Case(
        _from("neuralforecast.models.bitcn.BiTCN", "h=4 input_size=12 hidden_size=12"),
        {"series": (2, 12, 1)},
        call=_window,
    ),
    "neuralforecast-tide": Case(
        _from(
            "neuralforecast.models.tide.TiDE",
            "h=4 input_size=12 hidden_size=24 decoder_output_dim=8 temporal_decoder_dim=16",
        ),
        {"series": (2, 12, 1)},
        call=_window,
    ),
    "schnetpack-schnet": Case(
        partial(_Atoms, "SchNet", "n_atom_basis=24 n_interactions=2"), _ATOMS
    ),
    "schnetpack-painn": Case(partial(_Atoms, "PaiNN", "n_atom_basis=24 n_interactions=2"), _ATOMS),
    "egnn": Case(
        _from("egnn_pytorch.EGNN_Network", "depth=2 dim=24 num_tokens=10 num_positions=8"),
        {"feats": _IDS[:, :6] % 10, "coors": (1, 6, 3)},
    ),
    "lightly-dino_head": Case(
        _from(
            "lightly.models.modules.heads.DINOProjectionHead",
            "input_dim=32 hidden_dim=48 bottleneck_dim=24 output_dim=60 batch_norm=True",
        ),
        {"x": (2, 32)},
    ),
}

# --- build, compare, ship


def _positional(model: nn.Module, names: Sequence[str], call: Call | None) -> None:
    """Have the forward take these inputs in order and answer with tensors only, by replacing it on
    the instance: parameters keep their names.
    """
    inner = model.forward

    def forward(*values: Any) -> tuple[Tensor, ...]:
        return tuple(_tensors(call(inner, *values) if call else inner(*values)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    forward.__signature__ = signature  # type: ignore[attr-defined]
    model.forward = forward


def _tensors(made: Any) -> Iterator[Tensor]:
    if isinstance(made, Tensor):
        yield made
    elif isinstance(made, Mapping):
        for value in made.values():
            yield from _tensors(value)
    elif isinstance(made, list | tuple):
        for value in made:
            yield from _tensors(value)


def _run(path: Path, feeds: Sequence[Any]) -> list[Any] | None:
    """What onnxruntime answers, or ``None`` where it has no kernel."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if type(error).__name__ == "NotImplemented":  # a type of an operator
            return None
        raise
    kinds = {"tensor(float16)": np.float16, "tensor(int64)": np.int64}
    arrays = {
        value.name: np.asarray(feed).astype(kinds.get(value.type, np.asarray(feed).dtype))
        for value, feed in zip(session.get_inputs(), feeds, strict=True)
    }
    return list(session.run(None, arrays))


def _follows(path: Path, feeds: Sequence[Any], wanted: Sequence[Any], slack: float) -> None:
    """Raise an error unless onnxruntime's outputs are the wanted ones; pass where it cannot run."""
    made = _run(path, feeds)
    if made is None:
        return
    compare(made, wanted, slack)


_OPTIONS: Final[Mapping[str, dict[str, Any]]] = {  # of the exporters, by the end of the variant
    "dynamo-opset20": {"opset_version": 20},
    "dynamo-opset24": {"opset_version": 24},
    "dynamo-unoptimized": {"optimize": False},
    "torchscript-no_fold": {"do_constant_folding": False},
    "torchscript-opset13": {"opset_version": 13},
}


def _exported(model: nn.Module, values: Sequence[Any], variant: str, path: Path) -> None:
    """Export with the options that the name of the variant says."""
    given = {"external_data": False, **_OPTIONS[variant]}
    with torch.no_grad():
        torch.onnx.export(
            model, tuple(values), str(path), dynamo="dynamo" in variant, verbose=False, **given
        )


def _dynamic_channels(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    del model.graph.value_info[:]  # shapes that inference finds otherwise
    quantize_dynamic(model, target, per_channel=True, weight_type=QuantType.QInt8)


_STEPS: Final[Mapping[str, Step]] = {
    **POSTPROCESSORS,
    "fp16-common": halved,
    "int8-static-channels": channels,
    "int8-dynamic-channels": _dynamic_channels,
}
_DRAWS: Final = (  # what is done to the exports of a case, drawn by its name: to half of them none
    ("+onnxslim", "+fp16-common", "torchscript-no_fold"),
    ("+ort-basic", "dynamo-opset20", "+int8-dynamic"),
    ("+onnxsim", "+int4", "dynamo-unoptimized"),
    ("+ort-extended", "+int8-static-channels", "torchscript-opset13"),
    ("+ort-all", "+fp16", "dynamo-opset24"),
    ("+onnxsim+ort-extended", "+int8-dynamic-channels", "torchscript-half"),
    ("+onnxslim+int8-qdq", "+int4-qdq", "torchscript-no_fold"),
)
_SLACKS: Final = {"int4": 0.8, "int8": 0.5, "half": 0.1, "fp16": 0.1}  # for what is rounded


def _as_half(model: nn.Module, values: Sequence[Any], path: Path) -> None:
    """The module in half precision, exported; it is brought back after."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    halves = [value.half() if value.is_floating_point() else value for value in values]
    try:
        export(model.half(), tuple(halves), "torchscript", path)
    finally:
        model.float().load_state_dict(state)


def with_values(
    title: str, build: Make, inputs: Inputs, last: Callable[[Any], Any] | None
) -> tuple[nn.Module, list[Tensor]]:
    """A case's module with every weight drawn, and what it is given, by the letters of its title."""
    torch.backends.mha.set_fastpath_enabled(False)  # an operator that no exporter has
    seed = sum(map(ord, title))
    torch.manual_seed(seed)
    model: nn.Module = build().eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    shake(model, seed)
    if last:
        last(model)
    given = inputs.values()
    return model, [torch.randn(each) if isinstance(each, tuple) else each for each in given]


def _build(title: str, case: Case, folder: Path) -> None:
    declare_operators()
    model, values = with_values(title, case.build, case.inputs, case.last)
    _positional(model, list(case.inputs), case.call)
    with torch.no_grad():
        wanted = [part.detach().clone().numpy() for part in model(*values)]
    tell(model, folder)
    feeds = [value.numpy() for value in values]

    def checked(write: Callable[[Path], None], variant: str, path: Path) -> None:
        write(path)
        slack = next((size for word, size in _SLACKS.items() if word in variant), 2e-3)
        _follows(path, feeds, wanted, slack)

    def add(variant: str, write: Callable[[Path], None]) -> bool:
        return make(folder, variant, partial(checked, write, variant)) is not None

    made = {
        exporter: add(exporter, partial(export, model, tuple(values), exporter))
        for exporter in EXPORTERS
    }
    with tempfile.TemporaryDirectory() as work:
        for variant in _drawn(title):
            if variant == "torchscript-half":
                add(variant, partial(_as_half, model, values))
            elif not variant.startswith("+"):
                add(variant, partial(_exported, model, values, variant))
            for exporter in EXPORTERS if variant.startswith("+") else ():
                if made[exporter]:
                    source = folder / exporter / "model.onnx"
                    inputs = Path(work) / f"{exporter}.npz"
                    names = [value.name for value in onnx.load(source).graph.input]
                    np.savez(inputs, **dict(zip(names, feeds, strict=True)))
                    steps = variant[1:].split("+")
                    add(f"{exporter}{variant}", partial(shipped, _STEPS, steps, source, inputs))


def _drawn(title: str) -> Sequence[str]:
    """What is done beside the two exports, by the name of the case."""
    drawn = zlib.crc32(title.encode())
    return _DRAWS[drawn // 2 % len(_DRAWS)] if drawn % 2 else ()


_EVERY: Final = {f"module-{name}": case for name, case in _MODULES.items()} | _LIBRARIES
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, case) for title, case in _EVERY.items()
}
OPENED: Final[frozenset[str]] = frozenset(CASES)
