"""Modules of sixteen fields, as they are written at work: what ``drawn_eleventh`` exports under
``field-NAME``, each with what its field has beside layers, such as statistics and masks.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional as F

Tensor = torch.Tensor


# --- recommendation


class UserTower(nn.Module):
    """Pools what a user did, with an attention whose query is the last of it."""

    def __init__(self, items: nn.Embedding, num_countries: int, dim: int) -> None:
        super().__init__()
        self.items = items
        self.country = nn.Embedding(num_countries, 16)
        self.action = nn.Embedding(5, dim, padding_idx=0)
        self.recency = nn.Parameter(torch.zeros(32))
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(2 * dim + 16 + 3, 128),
            nn.LayerNorm(128),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(128, dim),
        )

    def forward(self, history: Tensor, actions: Tensor, country: Tensor, dense: Tensor) -> Tensor:
        valid = history != 0
        seen = self.items(history) + self.action(actions)
        last = seen[:, -1]
        scores = (self.query(last)[:, None] * self.key(seen)).sum(-1) / seen.shape[-1] ** 0.5
        scores = scores + self.recency[: history.shape[1]]
        weight = scores.masked_fill(~valid, -1e4).softmax(dim=-1)
        pooled = torch.einsum("bl,bld->bd", weight, seen)
        made: Tensor = self.mlp(torch.cat([pooled, last, self.country(country), dense], dim=-1))
        return made


class RetrievalModel(nn.Module):
    """Two towers that share the table of items; retrieval scores the whole catalogue."""

    log_popularity: Tensor
    dense_mean: Tensor
    dense_std: Tensor
    item_category: Tensor
    is_listed: Tensor

    def __init__(self, num_items: int = 400, num_categories: int = 24, dim: int = 48) -> None:
        super().__init__()
        self.items = nn.Embedding(num_items, dim, padding_idx=0)
        self.category = nn.Embedding(num_categories, dim)
        self.user = UserTower(self.items, 30, dim)
        self.item_mlp = nn.Sequential(nn.Linear(dim, 96), nn.ReLU(), nn.Linear(96, dim))
        self.log_temperature = nn.Parameter(torch.tensor(math.log(0.07)))
        popularity = torch.rand(num_items) + 0.01
        self.register_buffer("log_popularity", (popularity / popularity.sum()).log())
        self.register_buffer("item_category", torch.randint(num_categories, (num_items,)))
        self.register_buffer("is_listed", torch.rand(num_items) > 0.1)
        self.register_buffer("dense_mean", torch.randn(3))
        self.register_buffer("dense_std", torch.rand(3) + 0.5)

    def item_vectors(self) -> Tensor:
        made = self.items.weight + self.category(self.item_category)
        return F.normalize(made + self.item_mlp(made), dim=-1)

    def forward(self, history: Tensor, actions: Tensor, country: Tensor, dense: Tensor) -> Any:
        dense = (dense - self.dense_mean) / self.dense_std
        user = F.normalize(self.user(history, actions, country, dense), dim=-1)
        logits = user @ self.item_vectors().t() / self.log_temperature.exp()
        if self.training:
            logits = logits - self.log_popularity
        logits = logits.masked_fill(~self.is_listed, -1e4)
        return user, logits.softmax(-1)


# --- fraud


class TimeDecay(nn.Module):
    """What a state keeps over the seconds between two transactions."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.zeros(hidden))

    def forward(self, state: Tensor, gap: Tensor) -> Tensor:
        kept: Tensor = torch.exp(-F.softplus(self.rate) * torch.log1p(gap)[:, None])
        return state * kept


class FraudScorer(nn.Module):
    """Scores the last of a card's transactions by those before it."""

    amount_edges: Tensor
    merchant_risk: Tensor
    calibration: Tensor

    def __init__(self, num_merchants: int = 256, num_mcc: int = 60, hidden: int = 64) -> None:
        super().__init__()
        edges = torch.logspace(0, 4, 31) + torch.rand(31)
        self.register_buffer("amount_edges", edges.sort().values)
        self.register_buffer("merchant_risk", torch.rand(num_merchants, 2))
        self.register_buffer("calibration", torch.tensor([0.83, -1.7]))
        self.amount = nn.Embedding(32, 16)
        self.merchant = nn.Embedding(num_merchants, 24)
        self.mcc = nn.Embedding(num_mcc, 12)
        self.channel = nn.Embedding(4, 4)
        self.hour = nn.Linear(2, 8)
        self.project = nn.Linear(16 + 24 + 12 + 4 + 8 + 2, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.decay = TimeDecay(hidden)
        self.cell = nn.GRUCell(hidden, hidden)
        self.start = nn.Parameter(torch.zeros(hidden))
        self.experts = nn.Linear(hidden * 2, 3 * 32)
        self.gate = nn.Linear(hidden, 3)
        self.out = nn.Linear(32, 1)

    def features(self, amount: Tensor, merchant: Tensor, mcc: Tensor, more: Tensor) -> Tensor:
        bucket = (amount[..., None] >= self.amount_edges).sum(-1)
        slot = merchant % self.merchant.num_embeddings
        angle = more[..., 1].to(amount.dtype) * (2 * math.pi / 24)
        hour = self.hour(torch.stack([angle.sin(), angle.cos()], dim=-1))
        parts = [
            self.amount(bucket),
            self.merchant(slot),
            self.mcc(mcc),
            self.channel(more[..., 0]),
            hour,
            self.merchant_risk[slot],
        ]
        made: Tensor = self.norm(self.project(torch.cat(parts, dim=-1))).relu()
        return made

    def forward(
        self, amount: Tensor, merchant: Tensor, mcc: Tensor, more: Tensor, gap: Tensor
    ) -> Any:
        made = self.features(amount.abs() * 100, merchant, mcc, more)
        state = self.start.expand(made.shape[0], -1)
        gaps = gap.abs()
        for step in range(made.shape[1] - 1):
            state = self.cell(made[:, step], self.decay(state, gaps[:, step]))
        last = made[:, -1]
        state = self.decay(state, gaps[:, -1])
        experts = self.experts(torch.cat([last, state], dim=-1)).relu().unflatten(-1, (3, 32))
        mixed = (self.gate(last).softmax(-1).unsqueeze(-1) * experts).sum(1)
        logit = self.out(mixed).squeeze(-1)
        return torch.sigmoid(self.calibration[0] * logit + self.calibration[1]), state


# --- forecasting


class CausalBlock(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.pad = 2 * dilation
        self.conv = nn.Conv1d(channels, 2 * channels, 3, dilation=dilation)
        self.mix = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        filtered, gate = self.conv(F.pad(x, (self.pad, 0))).chunk(2, dim=1)
        residual, skip = self.mix(filtered.tanh() * gate.sigmoid()).chunk(2, dim=1)
        return (x + residual) * 0.5**0.5, skip


class MonotoneQuantiles(nn.Module):
    """The median, and steps from it that are never negative: quantiles do not cross."""

    def __init__(self, features: int, count: int) -> None:
        super().__init__()
        self.middle = count // 2
        self.median = nn.Linear(features, 1)
        self.steps = nn.Linear(features, count - 1)

    def forward(self, x: Tensor) -> Tensor:
        median = self.median(x)
        steps = F.softplus(self.steps(x))
        lower = median - steps[..., : self.middle].flip(-1).cumsum(-1).flip(-1)
        upper = median + steps[..., self.middle :].cumsum(-1)
        return torch.cat([lower, median, upper], dim=-1)


class DemandForecaster(nn.Module):
    """A global model of many series, of a store and a product each."""

    quantiles: Tensor
    weekday: Tensor

    def __init__(self, history: int = 56, horizon: int = 14, channels: int = 32) -> None:
        super().__init__()
        self.horizon = horizon
        self.store = nn.Embedding(40, 8)
        self.product = nn.Embedding(150, 16)
        self.event = nn.Embedding(12, 6, padding_idx=0)
        self.input = nn.Conv1d(1 + 6 + 2, channels, 1)
        self.static = nn.Linear(24, channels)
        self.blocks = nn.ModuleList([CausalBlock(channels, 2**at) for at in range(4)])
        self.future = nn.Linear(6 + 2, channels)
        self.decoder = nn.Sequential(
            nn.Linear(3 * channels, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 48), nn.GELU()
        )
        self.head = MonotoneQuantiles(48, 5)
        self.lead = nn.Parameter(torch.zeros(horizon, channels))
        days = torch.arange(history + horizon) * (2 * math.pi / 7)
        self.register_buffer("weekday", torch.stack([days.sin(), days.cos()], -1), persistent=False)
        self.register_buffer("quantiles", torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]))

    def forward(self, sales: Tensor, events: Tensor, store: Tensor, product: Tensor) -> Any:
        length = sales.shape[1]
        level = sales.abs().mean(dim=1, keepdim=True) + 1.0
        scaled = torch.log1p(sales.abs() / level)
        calendar = self.weekday.expand(sales.shape[0], -1, -1)
        known = torch.cat([self.event(events), calendar], dim=-1)
        x = torch.cat([scaled[..., None], known[:, :length]], dim=-1).transpose(1, 2)
        static = self.static(torch.cat([self.store(store), self.product(product)], dim=-1))
        x = self.input(x) + static[..., None]
        total: Any = 0.0
        for block in self.blocks:
            x, skip = block(x)
            total = total + skip
        summary = total[..., -1].relu()[:, None].expand(-1, self.horizon, -1)
        ahead = self.future(known[:, length:]) + self.lead
        context = torch.cat([summary, ahead, static[:, None].expand_as(summary)], dim=-1)
        made = self.head(self.decoder(context)).clamp(max=6.0).exp() - 1.0
        made = made * level[..., None]
        return made, (made * (self.quantiles / self.quantiles.sum())).sum(-1)


# --- speech recognition


class LogMel(nn.Module):
    """Mel features by convolutions with a basis, so that it ships without an FFT."""

    basis: Tensor
    mel: Tensor
    mean: Tensor
    istd: Tensor

    def __init__(self, size: int = 128, hop: int = 64, bins: int = 24, rate: int = 8000) -> None:
        super().__init__()
        self.hop = hop
        time = torch.arange(size)
        turn = 2 * math.pi * torch.arange(size // 2 + 1)[:, None] * time / size
        window = torch.hann_window(size)
        basis = torch.cat([turn.cos(), -turn.sin()]) * window
        self.register_buffer("basis", basis[:, None], persistent=False)
        self.register_buffer("mel", self._filters(size, bins, rate), persistent=False)
        self.register_buffer("mean", torch.randn(bins))
        self.register_buffer("istd", torch.rand(bins) + 0.3)

    @staticmethod
    def _filters(size: int, bins: int, rate: int) -> Tensor:
        top = 2595 * math.log10(1 + rate / 2 / 700)
        edges = 700 * (10 ** (torch.linspace(0, top, bins + 2) / 2595) - 1)
        at = torch.linspace(0, rate / 2, size // 2 + 1)
        up = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
        down = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
        return torch.minimum(up, down).clamp(min=0)

    def forward(self, wave: Tensor) -> Tensor:
        wave = F.pad(wave[:, 1:] - 0.97 * wave[:, :-1], (1, 0))
        real, imaginary = F.conv1d(wave[:, None], self.basis, stride=self.hop).chunk(2, dim=1)
        power = real.square() + imaginary.square()
        seen = torch.matmul(self.mel, power).clamp(min=1e-6).log().transpose(1, 2)
        return (seen - self.mean) * self.istd


class StreamingBlock(nn.Module):
    """Half of a feed-forward, attention within chunks, a causal convolution, the other half."""

    chunk_mask: Tensor

    def __init__(self, dim: int, heads: int, frames: int, chunk: int, left: int) -> None:
        super().__init__()
        self.heads = heads
        self.ff1 = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim)
        )
        self.attn_norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.conv_norm = nn.LayerNorm(dim)
        self.pointwise = nn.Conv1d(dim, 2 * dim, 1)
        self.depthwise = nn.Conv1d(dim, dim, 7, groups=dim, bias=False)
        self.bn = nn.BatchNorm1d(dim)
        self.project = nn.Conv1d(dim, dim, 1)
        self.ff2 = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim)
        )
        self.final = nn.LayerNorm(dim)
        at = torch.arange(frames) // chunk
        far = at[:, None] - at
        self.register_buffer("chunk_mask", (far < 0) | (far > left), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        count, length, dim = x.shape
        x = x + 0.5 * self.ff1(x)
        packed = self.qkv(self.attn_norm(x)).view(count, length, 3, self.heads, -1)
        q, k, v = packed.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (dim // self.heads) ** -0.5
        scores = scores.masked_fill(self.chunk_mask[:length, :length], float("-inf"))
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(count, length, dim)
        x = x + self.out(mixed)
        inner = F.glu(self.pointwise(self.conv_norm(x).transpose(1, 2)), dim=1)
        inner = F.silu(self.bn(self.depthwise(F.pad(inner, (6, 0)))))
        x = x + self.project(inner).transpose(1, 2)
        made: Tensor = self.final(x + 0.5 * self.ff2(x))
        return made


class StreamingRecognizer(nn.Module):
    """Waveform to log-probabilities of characters, with CTC."""

    def __init__(self, dim: int = 64, vocabulary: int = 32, frames: int = 64) -> None:
        super().__init__()
        self.frontend = LogMel()
        self.subsample = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2), nn.ReLU()
        )
        self.embed = nn.Linear(16 * 5, dim)
        self.blocks = nn.ModuleList([StreamingBlock(dim, 4, frames, 4, 2) for _ in range(2)])
        self.ctc = nn.Linear(dim, vocabulary)

    def forward(self, wave: Tensor) -> Any:
        seen = self.subsample(self.frontend(wave)[:, None])
        x = self.embed(seen.transpose(1, 2).flatten(2))
        middle = []
        for block in self.blocks:
            x = block(x)
            middle.append(x)
        return self.ctc(x).log_softmax(-1), self.ctc(middle[0]).softmax(-1)


# --- reading


class ConvUnit(nn.Sequential):
    def __init__(self, inside: int, outside: int, **more: Any) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, 3, padding=1, bias=False, **more),
            nn.BatchNorm2d(outside),
            nn.Hardswish(),
        )


class BiRNN(nn.Module):
    def __init__(self, inside: int, hidden: int, outside: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inside, hidden, bidirectional=True, batch_first=True)
        self.embedding = nn.Linear(2 * hidden, outside)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.embedding(self.rnn(x)[0])
        return made


class LineReader(nn.Module):
    """A line of text to its characters; the background is estimated and taken out first."""

    allowed: Tensor

    def __init__(self, characters: int = 70, hidden: int = 48) -> None:
        super().__init__()
        self.contrast = nn.Parameter(torch.ones(1))
        self.brightness = nn.Parameter(torch.zeros(1))
        self.stem = ConvUnit(1, 24, stride=2)
        self.stage1 = nn.Sequential(ConvUnit(24, 48), nn.MaxPool2d((2, 1)))
        self.stage2 = nn.Sequential(ConvUnit(48, 64), ConvUnit(64, 64), nn.MaxPool2d((2, 1)))
        self.shortcut = nn.Conv2d(48, 64, 1, stride=(2, 1))
        self.height = nn.Conv2d(64, 1, 1)
        self.rnn = nn.Sequential(BiRNN(64, hidden, 64), BiRNN(64, hidden, characters + 1))
        self.direction = nn.Linear(64, 2)
        self.register_buffer("allowed", torch.rand(characters + 1) > 0.05)

    def normalize(self, image: Tensor) -> Tensor:
        background = F.avg_pool2d(image, 9, stride=1, padding=4, count_include_pad=False)
        spread = (image - background).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return (image - background) / (spread + 1e-5) * self.contrast + self.brightness

    def forward(self, image: Tensor) -> Any:
        x = self.stage1(self.stem(self.normalize(image)))
        x = F.hardswish(self.stage2(x) + self.shortcut(x))
        weight = self.height(x).softmax(dim=2)
        columns = (x * weight).sum(dim=2).transpose(1, 2)
        logits = self.rnn(columns).masked_fill(~self.allowed, -1e4)
        likely = logits.softmax(-1)
        best, index = likely.max(-1)
        is_text = (index != 0).to(best.dtype)
        confidence = (best * is_text).sum(1) / is_text.sum(1).clamp(min=1)
        return likely, confidence, self.direction(columns.mean(1))


# --- segmentation


class Separable(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            inside, inside, 3, stride, dilation, dilation, groups=inside, bias=False
        )
        self.bn1 = nn.BatchNorm2d(inside)
        self.pointwise = nn.Conv2d(inside, outside, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside, eps=1e-3)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.act(self.bn2(self.pointwise(self.act(self.bn1(self.depthwise(x))))))
        return made


class Pyramid(nn.Module):
    """The same map at several rates, and the mean of all of it."""

    def __init__(self, inside: int, outside: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([Separable(inside, outside, 1, rate) for rate in rates])
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(inside, outside, 1), nn.ReLU())
        self.fuse = nn.Conv2d(outside * (len(rates) + 1), outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = [branch(x) for branch in self.branches]
        made.append(F.interpolate(self.pool(x), size=x.shape[-2:], mode="nearest"))
        fused: Tensor = self.fuse(torch.cat(made, dim=1))
        return fused


class LandCover(nn.Module):
    """Classes of land from satellite bands, with indices of vegetation beside the bands."""

    band_mean: Tensor
    band_std: Tensor
    log_prior: Tensor

    def __init__(self, bands: int = 6, classes: int = 9) -> None:
        super().__init__()
        self.register_buffer("band_mean", torch.randn(1, bands, 1, 1) * 0.2)
        self.register_buffer("band_std", torch.rand(1, bands, 1, 1) + 0.5)
        prior = torch.rand(classes) + 0.1
        self.register_buffer("log_prior", (prior / prior.sum()).log().view(1, -1, 1, 1))
        self.stem = nn.Sequential(
            nn.Conv2d(bands + 2, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU6()
        )
        self.down1 = nn.Sequential(Separable(24, 32), Separable(32, 32))
        self.down2 = nn.Sequential(Separable(32, 64, stride=2), Separable(64, 64))
        self.down3 = nn.Sequential(Separable(64, 96, stride=2), Separable(96, 96, dilation=2))
        self.context = Pyramid(96, 64, (1, 2, 4))
        self.lateral = nn.ModuleList([nn.Conv2d(64, 24, 1), nn.Conv2d(32, 24, 1)])
        self.merge = nn.ModuleList([Separable(64 + 24, 48), Separable(48 + 24, 48)])
        self.classify = nn.Conv2d(48, classes, 1)
        self.edges = nn.Conv2d(48, 1, 3, padding=1)
        self.auxiliary = nn.Conv2d(96, classes, 1)  # for the loss in training
        self.temperature = nn.Parameter(torch.ones(1))

    def forward(self, bands: Tensor) -> Any:
        red, near, green = bands[:, 2:3], bands[:, 3:4], bands[:, 1:2]
        vegetation = (near - red) / (near.abs() + red.abs() + 1e-3)
        water = (green - near) / (near.abs() + green.abs() + 1e-3)
        x = torch.cat([(bands - self.band_mean) / self.band_std, vegetation, water], dim=1)
        first = self.down1(self.stem(x))
        second = self.down2(first)
        third = self.down3(second)
        x = self.context(third)
        for skip, lateral, merge in zip((second, first), self.lateral, self.merge, strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = merge(torch.cat([x, lateral(skip)], dim=1))
        logits = self.classify(x) / (self.temperature.abs() + 1.0) - 0.5 * self.log_prior
        logits = F.interpolate(logits, size=bands.shape[-2:], mode="bilinear", align_corners=False)
        if self.training:
            return logits, self.edges(x), self.auxiliary(third)
        return logits.softmax(1), self.edges(x).sigmoid()


# --- detection


class Scale(nn.Module):
    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale.exp()


class DistributionToDistance(nn.Module):
    """What a distribution over bins expects as a distance."""

    bins: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.register_buffer("bins", torch.arange(count, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        likely = torch.unflatten(x, -1, (4, self.count)).softmax(-1)
        made: Tensor = likely @ self.bins
        return made


class PartDetector(nn.Module):
    """Finds parts on a conveyor: three levels, heads that are shared but for a scale of each."""

    mean: Tensor
    std: Tensor
    centers: Tensor
    strides: Tensor

    def __init__(self, classes: int = 6, width: int = 32, bins: int = 8, side: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([123.7, 116.3, 103.5]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([58.4, 57.1, 57.4]).view(1, 3, 1, 1))
        sizes = (16, 24, 48, 64, 96)
        self.stages = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.1)
                )
                for a, b in zip((3, *sizes), sizes, strict=False)
            ]
        )
        self.lateral = nn.ModuleList([nn.Conv2d(each, width, 1) for each in sizes[2:]])
        self.smooth = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(3)])
        self.fusion = nn.Parameter(torch.ones(2, 2))
        self.cls_tower = self._tower(width)
        self.box_tower = self._tower(width)
        self.cls = nn.Conv2d(width, classes, 3, padding=1)
        self.box = nn.Conv2d(width, 4 * bins, 3, padding=1)
        self.quality = nn.Conv2d(width, 1, 3, padding=1)
        self.scales = nn.ModuleList([Scale() for _ in range(3)])
        self.distance = DistributionToDistance(bins)
        centers, strides = self._grid(side)
        self.register_buffer("centers", centers, persistent=False)
        self.register_buffer("strides", strides, persistent=False)
        nn.init.constant_(self.cls.bias, -math.log(99))  # type: ignore[arg-type]

    @staticmethod
    def _tower(width: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU()]
        return nn.Sequential(*layers)

    @staticmethod
    def _grid(side: int) -> tuple[Tensor, Tensor]:
        centers, strides = [], []
        for stride in (8, 16, 32):
            at = (torch.arange(side // stride) + 0.5) * stride
            y, x = torch.meshgrid(at, at, indexing="ij")
            centers.append(torch.stack([x, y], -1).reshape(-1, 2))
            strides.append(torch.full((len(centers[-1]), 1), float(stride)))
        return torch.cat(centers), torch.cat(strides)

    def features(self, image: Tensor) -> list[Tensor]:
        x = (image * 50 + 120 - self.mean) / self.std
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        levels = [layer(each) for layer, each in zip(self.lateral, seen[2:], strict=True)]
        weight = self.fusion.relu()
        weight = weight / (weight.sum(-1, keepdim=True) + 1e-4)
        for at in (1, 0):
            up = F.interpolate(levels[at + 1], scale_factor=2.0, mode="nearest")
            levels[at] = weight[at, 0] * levels[at] + weight[at, 1] * up
        return [layer(each) for layer, each in zip(self.smooth, levels, strict=True)]

    def forward(self, image: Tensor) -> Any:
        scores, distances = [], []
        for level, scale in zip(self.features(image), self.scales, strict=True):
            kinds, places = self.cls_tower(level), self.box_tower(level)
            score = self.cls(kinds).sigmoid() * self.quality(places).sigmoid()
            scores.append(score.sqrt().flatten(2).transpose(1, 2))
            distances.append(scale(self.box(places)).flatten(2).transpose(1, 2))
        offsets = self.distance(torch.cat(distances, dim=1)) * self.strides
        low = self.centers - offsets[..., :2]
        high = self.centers + offsets[..., 2:]
        return torch.cat([low, high], dim=-1), torch.cat(scores, dim=1)


# --- tracking


class InstanceBatchNorm(nn.Module):
    """Half of the channels by what is in one crop, half by what is in all of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = channels // 2
        self.instance = nn.InstanceNorm2d(self.shared, affine=True)
        self.batch = nn.BatchNorm2d(channels - self.shared)

    def forward(self, x: Tensor) -> Tensor:
        first, second = torch.split(x, [self.shared, x.shape[1] - self.shared], dim=1)
        return torch.cat([self.instance(first.contiguous()), self.batch(second)], dim=1)


class AppearanceNet(nn.Module):
    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 5, 2, 2, bias=False)
        self.norm1 = InstanceBatchNorm(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False)
        self.norm2 = InstanceBatchNorm(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 3 * width, 3, 2, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(3 * width)
        self.power = nn.Parameter(torch.tensor(3.0))
        self.reduce = nn.Linear(3 * width, dim, bias=False)
        self.neck = nn.BatchNorm1d(dim)
        self.neck.bias.requires_grad_(False)

    def forward(self, crops: Tensor) -> Tensor:
        x = self.norm1(self.conv1(crops)).relu()
        x = self.norm2(self.conv2(x)).relu()
        x = self.norm3(self.conv3(x)).relu()
        power = self.power.abs() + 1.0
        pooled = x.clamp(min=1e-4).pow(power).mean(dim=(2, 3)).pow(1.0 / power)
        return F.normalize(self.neck(self.reduce(pooled)), dim=-1)


class TrackAssociation(nn.Module):
    """What it costs to give each detection to each track, by looks and by motion."""

    transition: Tensor
    measure: Tensor
    process_noise: Tensor
    measure_noise: Tensor

    def __init__(self, width: int = 24, dim: int = 48) -> None:
        super().__init__()
        self.appearance = AppearanceNet(width, dim)
        transition = torch.eye(8)
        transition[:4, 4:] = torch.eye(4) * 0.1
        self.register_buffer("transition", transition)
        self.register_buffer("measure", torch.eye(4, 8))
        self.register_buffer("process_noise", torch.rand(8) * 0.01 + 0.01)
        self.register_buffer("measure_noise", torch.rand(4) * 0.1 + 0.05)
        self.weigh = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
        self.update = nn.GRUCell(dim, dim)
        self.new_track = nn.Parameter(torch.zeros(1))

    def forward(
        self, crops: Tensor, boxes: Tensor, states: Tensor, spread: Tensor, known: Tensor
    ) -> Any:
        looks = self.appearance(crops)
        states = states @ self.transition.t()
        spread = spread.abs() @ self.transition.t().square() + self.process_noise
        expected = states @ self.measure.t()
        variance = spread @ self.measure.t() + self.measure_noise
        gap = expected[:, None] - boxes[None]
        far = (gap.square() / variance[:, None]).sum(-1)
        alike = F.normalize(known, dim=-1) @ looks.t()
        size = torch.stack([far.sqrt(), alike], dim=-1)
        shape = gap[..., 2:].abs()
        age = spread.mean(-1, keepdim=True).expand(-1, boxes.shape[0])[..., None]
        cost = self.weigh(torch.cat([size, shape, age], dim=-1)).squeeze(-1)
        fresh = self.new_track.expand(1, boxes.shape[0])
        given = (-torch.cat([cost, fresh])).softmax(dim=0)
        mixed = given[:-1] @ looks
        return given, states, self.update(mixed, known)


# --- legged robots


class RunningNormalizer(nn.Module):
    """Statistics of what was observed in simulation."""

    mean: Tensor
    var: Tensor
    count: Tensor

    def __init__(self, size: int, limit: float = 5.0) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("mean", torch.randn(size) * 0.2)
        self.register_buffer("var", torch.rand(size) + 0.3)
        self.register_buffer("count", torch.tensor(81920.0))

    def forward(self, x: Tensor) -> Tensor:
        made = (x - self.mean) / torch.sqrt(self.var + 1e-8)
        return made.clamp(-self.limit, self.limit)


class HistoryEncoder(nn.Module):
    """What the last steps say of what is not measured: friction, mass, slopes."""

    def __init__(self, size: int, latent: int) -> None:
        super().__init__()
        self.embed = nn.Linear(size, 32)
        self.conv = nn.Sequential(
            nn.Conv1d(32, 24, 4, stride=2), nn.ELU(), nn.Conv1d(24, 16, 3), nn.ELU()
        )
        self.out = nn.Linear(16 * 5, latent)

    def forward(self, history: Tensor) -> Tensor:
        x = F.elu(self.embed(history)).transpose(1, 2)
        made: Tensor = self.out(self.conv(x).flatten(1))
        return made


class WalkingPolicy(nn.Module):
    """Angles that the joints of a quadruped are asked for, and what the critic expects."""

    default_angles: Tensor
    low: Tensor
    high: Tensor
    action_scale: Tensor
    mirror: Tensor

    def __init__(self, size: int = 45, joints: int = 12, latent: int = 16) -> None:
        super().__init__()
        self.normalizer = RunningNormalizer(size)
        self.height_normalizer = RunningNormalizer(33, 3.0)
        self.history = HistoryEncoder(size, latent)
        self.heights = nn.Sequential(nn.Linear(33, 32), nn.ELU(), nn.Linear(32, 8))
        self.actor = nn.Sequential(
            nn.Linear(size + latent + 8, 128),
            nn.ELU(),
            nn.Linear(128, 64),
            nn.ELU(),
            nn.Linear(64, joints),
        )
        self.critic = nn.Sequential(nn.Linear(size + latent + 8, 64), nn.ELU(), nn.Linear(64, 1))
        self.log_std = nn.Parameter(torch.zeros(joints))
        self.register_buffer("default_angles", torch.tensor([0.1, 0.8, -1.5] * 4))
        self.register_buffer("low", torch.tensor([-0.8, -1.0, -2.7] * 4))
        self.register_buffer("high", torch.tensor([0.8, 4.2, -0.9] * 4))
        self.register_buffer("action_scale", torch.tensor([0.125, 0.25, 0.25] * 4))
        self.register_buffer("mirror", torch.tensor([3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]))

    def forward(self, observed: Tensor, history: Tensor, heights: Tensor) -> Any:
        seen = self.normalizer(observed)
        ground = self.heights(self.height_normalizer(heights))
        hidden = self.history(self.normalizer(history))
        x = torch.cat([seen, F.normalize(hidden, dim=-1), ground], dim=-1)
        action = self.actor(x)
        target = self.default_angles + self.action_scale * action
        target = torch.minimum(torch.maximum(target, self.low), self.high)
        std = self.log_std.clamp(-5.0, 1.0).exp().expand_as(action)
        return target, target[:, self.mirror], std * self.action_scale, self.critic(x)


# --- molecules


class BondMessage(nn.Module):
    """Messages along bonds of a padded molecule, then an update with a gate."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.eps = nn.Parameter(torch.zeros(1))
        self.bond = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim)
        )
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, atoms: Tensor, bonds: Tensor, adjacency: Tensor, mask: Tensor) -> Tensor:
        message = F.relu(atoms[:, None] + self.bond(bonds)) * adjacency[..., None]
        mixed = (1 + self.eps) * atoms + message.sum(dim=2)
        count, length, dim = mixed.shape
        made = self.norm(self.mlp(mixed.reshape(-1, dim))).view(count, length, dim)
        return atoms + F.relu(made) * mask[..., None]


class MoleculeProperties(nn.Module):
    """Solubility, permeability and the like of a molecule, in their own units."""

    target_mean: Tensor
    target_std: Tensor
    descriptor_mean: Tensor
    descriptor_std: Tensor

    def __init__(self, dim: int = 48, layers: int = 3, targets: int = 5) -> None:
        super().__init__()
        sizes = (40, 7, 6, 5, 3)  # element, degree, charge, hydrogens, aromatic
        self.atom = nn.ModuleList([nn.Embedding(size, dim) for size in sizes])
        self.bond = nn.ModuleList([nn.Embedding(size, dim) for size in (5, 3, 2)])
        self.layers = nn.ModuleList([BondMessage(dim) for _ in range(layers)])
        self.virtual = nn.Parameter(torch.zeros(dim))
        self.virtual_mlp = nn.ModuleList(
            [nn.Sequential(nn.Linear(dim, dim), nn.LayerNorm(dim), nn.ReLU()) for _ in range(2)]
        )
        self.gate = nn.Linear(dim, 1)
        self.readout = nn.Sequential(
            nn.Linear(2 * dim + 8, 64), nn.PReLU(), nn.Dropout(0.1), nn.Linear(64, 2 * targets)
        )
        self.register_buffer("target_mean", torch.randn(targets))
        self.register_buffer("target_std", torch.rand(targets) + 0.5)
        self.register_buffer("descriptor_mean", torch.randn(8))
        self.register_buffer("descriptor_std", torch.rand(8) + 0.5)

    def forward(self, atoms: Tensor, bonds: Tensor, descriptors: Tensor) -> Any:
        mask = (atoms[..., 0] != 0).to(descriptors.dtype)
        adjacency = (bonds[..., 0] != 0).to(descriptors.dtype)
        x: Any = sum(table(atoms[..., at]) for at, table in enumerate(self.atom))
        edge: Any = sum(table(bonds[..., at]) for at, table in enumerate(self.bond))
        whole = self.virtual.expand(atoms.shape[0], -1)
        for at, layer in enumerate(self.layers):
            x = layer(x + whole[:, None], edge, adjacency, mask)
            if at < len(self.virtual_mlp):
                whole = whole + self.virtual_mlp[at]((x * mask[..., None]).sum(1) + whole)
        score = self.gate(x).squeeze(-1).masked_fill(mask == 0, -1e4)
        pooled = torch.bmm(score.softmax(-1)[:, None], x).squeeze(1)
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        known = (descriptors - self.descriptor_mean) / self.descriptor_std
        out, log_variance = self.readout(torch.cat([pooled, mean, known], -1)).chunk(2, dim=-1)
        spread = F.softplus(log_variance).sqrt() * self.target_std
        return out * self.target_std + self.target_mean, spread


# --- sound events


class EnergyNormalization(nn.Module):
    """A gain that follows how loud each band was, with its numbers learned in their logarithms."""

    smoother: Tensor

    def __init__(self, bands: int, frames: int) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(torch.zeros(bands))
        self.log_delta = nn.Parameter(torch.zeros(bands))
        self.log_root = nn.Parameter(torch.zeros(bands))
        at = torch.arange(frames)
        far = (at[:, None] - at).clamp(min=0).float()
        kept = 0.06 * 0.94**far * (at[:, None] >= at)
        kept[:, 0] += 0.94 ** (at + 1.0)
        self.register_buffer("smoother", kept)

    def forward(self, energy: Tensor) -> Tensor:
        smooth = torch.matmul(energy, self.smoother[: energy.shape[-1], : energy.shape[-1]].t())
        alpha = self.log_alpha.exp().clamp(max=1.0)[:, None]
        delta, root = self.log_delta.exp()[:, None], self.log_root.exp()[:, None] * 0.5
        return (energy / (1e-5 + smooth).pow(alpha) + delta).pow(root) - delta.pow(root)


class SqueezeUnit(nn.Module):
    def __init__(self, inside: int, outside: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = 3 * inside
        self.expand = nn.Conv2d(inside, wide, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.depth = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.squeeze = nn.Linear(wide, wide // 4)
        self.excite = nn.Linear(wide // 4, wide)
        self.project = nn.Conv2d(wide, outside, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        self.is_same = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        inner = F.hardswish(self.bn1(self.expand(x)))
        inner = F.hardswish(self.bn2(self.depth(inner)))
        weight = F.hardsigmoid(self.excite(self.squeeze(inner.mean((2, 3))).relu()))
        made: Tensor = self.bn3(self.project(inner * weight[..., None, None]))
        return x + made if self.is_same else made


class SoundEvents(nn.Module):
    """When which sounds occur, each class with an attention over time and a threshold."""

    thresholds: Tensor

    def __init__(self, classes: int = 12, bands: int = 32, frames: int = 48) -> None:
        super().__init__()
        self.pcen = EnergyNormalization(bands, frames)
        self.bn0 = nn.BatchNorm2d(bands)
        self.stem = nn.Conv2d(1, 16, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.units = nn.Sequential(
            SqueezeUnit(16, 24, 3, 2),
            SqueezeUnit(24, 24, 5, 1),
            SqueezeUnit(24, 48, 5, 1),
            SqueezeUnit(48, 48, 3, 1),
        )
        self.fc = nn.Linear(48, 64)
        self.attention = nn.Conv1d(64, classes, 1)
        self.classify = nn.Conv1d(64, classes, 1)
        self.register_buffer("thresholds", torch.rand(classes) * 0.6 + 0.2)

    def forward(self, mel: Tensor) -> Any:
        x = self.pcen(mel.square())
        x = self.bn0(x[..., None]).transpose(1, 3).transpose(2, 3)
        x = self.units(F.hardswish(self.bn(self.stem(x))))
        x = x.mean(dim=2)
        x = F.max_pool1d(x, 3, 1, 1) + F.avg_pool1d(x, 3, 1, 1)
        x = self.fc(x.transpose(1, 2)).relu().transpose(1, 2)
        weight = self.attention(x).clamp(-10, 10).softmax(dim=-1)
        frames = self.classify(x).sigmoid()
        clip = (weight * frames).sum(-1)
        margin = (clip - self.thresholds) / self.thresholds
        return clip, margin, F.interpolate(frames, scale_factor=4.0, mode="nearest")


# --- ranking


class LowRankCross(nn.Module):
    def __init__(self, dim: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(dim, rank, bias=False)
        self.up = nn.Linear(rank, dim)

    def forward(self, first: Tensor, x: Tensor) -> Tensor:
        made: Tensor = first * self.up(self.down(x)) + x
        return made


class TaskHead(nn.Sequential):
    def __init__(self, dim: int) -> None:
        super().__init__(
            nn.Linear(dim, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1)
        )


class SearchRanker(nn.Module):
    """Clicks and orders of the products for a query, from the tables of a feature store."""

    offsets: Tensor
    log_mean: Tensor
    log_std: Tensor
    price_knots: Tensor

    _SIZES: Final = (200, 90, 60, 31, 12, 7)

    def __init__(self, dim: int = 16, dense: int = 14, experts: int = 4) -> None:
        super().__init__()
        self.table = nn.Embedding(sum(self._SIZES), dim)
        offsets = torch.tensor([0, *self._SIZES[:-1]]).cumsum(0)
        self.register_buffer("offsets", offsets)
        self.register_buffer("log_mean", torch.randn(dense))
        self.register_buffer("log_std", torch.rand(dense) + 0.5)
        self.words = nn.Embedding(300, 32, padding_idx=0)
        self.query = nn.Linear(32, 32)
        self.title = nn.Linear(32, 32)
        self.position = nn.Embedding(20, 1)
        width = dim * len(self._SIZES) + dense + 1
        self.input_bn = nn.BatchNorm1d(width)
        self.cross = nn.ModuleList([LowRankCross(width, 24) for _ in range(3)])
        self.deep = nn.Sequential(nn.Linear(width, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU())
        self.experts = nn.ModuleList([nn.Linear(width + 64, 48) for _ in range(experts)])
        self.gates = nn.ModuleList([nn.Linear(width + 64, experts, bias=False) for _ in range(2)])
        self.heads = nn.ModuleDict({"click": TaskHead(48), "order": TaskHead(48)})
        self.blend = nn.Parameter(torch.zeros(2))

    def _bag(self, words: Tensor, layer: nn.Linear) -> Tensor:
        mask = (words != 0).to(layer.weight.dtype)[..., None]
        mean = (self.words(words) * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        return F.normalize(layer(mean), dim=-1)

    def forward(self, kinds: Tensor, dense: Tensor, query: Tensor, title: Tensor) -> Any:
        signed = dense.sign() * torch.log1p(dense.abs())
        numbers = (signed - self.log_mean) / self.log_std
        numbers = torch.nan_to_num(numbers, nan=0.0).clamp(-4.0, 4.0)
        alike = (self._bag(query, self.query) * self._bag(title, self.title)).sum(-1, keepdim=True)
        looked_up = self.table(kinds + self.offsets).flatten(1)
        first = x = self.input_bn(torch.cat([looked_up, numbers, alike], dim=-1))
        for layer in self.cross:
            x = layer(first, x)
        x = torch.cat([x, self.deep(first)], dim=-1)
        made = torch.stack([expert(x).relu() for expert in self.experts], dim=1)
        logits = []
        for gate, head in zip(self.gates, self.heads.values(), strict=True):
            mixed = torch.einsum("be,bed->bd", gate(x).softmax(-1), made)
            logits.append(head(mixed))
        click, order = torch.cat(logits, dim=-1).sigmoid().unbind(-1)
        both = click * order
        weight = self.blend.softmax(0)
        return click, both, weight[0] * click.log() + weight[1] * both.log()


# --- credit


class PiecewiseLinear(nn.Module):
    """How far each number is through each of its bins, and a matrix for each number."""

    edges: Tensor
    widths: Tensor

    def __init__(self, columns: int, bins: int, dim: int) -> None:
        super().__init__()
        edges = torch.randn(columns, bins + 1).sort(-1).values
        self.register_buffer("edges", edges[:, :-1].clone())
        self.register_buffer("widths", edges.diff(dim=-1).clamp(min=1e-2))
        self.weight = nn.Parameter(torch.randn(columns, bins, dim))
        self.bias = nn.Parameter(torch.zeros(columns, dim))

    def forward(self, x: Tensor) -> Tensor:
        passed = ((x[..., None] - self.edges) / self.widths).clamp(0.0, 1.0)
        return torch.einsum("bck,ckd->bcd", passed, self.weight) + self.bias


class ResidualRow(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.first = nn.Linear(width, inner)
        self.second = nn.Linear(inner, width)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.second(self.drop(self.first(self.norm(x)).relu()))
        return made


class CreditRisk(nn.Module):
    """Hazards by month of a loan, from a table with gaps; a few members of one ensemble."""

    medians: Tensor
    clip_low: Tensor
    clip_high: Tensor
    score_table: Tensor

    def __init__(self, numbers: int = 12, width: int = 96, months: int = 12, k: int = 3) -> None:
        super().__init__()
        self.register_buffer("medians", torch.randn(numbers) * 0.3)
        self.register_buffer("clip_low", -torch.rand(numbers) - 1.5)
        self.register_buffer("clip_high", torch.rand(numbers) + 1.5)
        self.encode = PiecewiseLinear(numbers, 8, 10)
        self.missing = nn.Parameter(torch.zeros(numbers, 10))
        self.kinds = nn.ModuleList([nn.Embedding(size, 6) for size in (9, 21, 4, 53)])
        self.input = nn.Linear(numbers * 10 + 24, width)
        self.scale_in = nn.Parameter(torch.ones(k, width))
        self.blocks = nn.Sequential(ResidualRow(width, 128), ResidualRow(width, 128))
        self.scale_out = nn.Parameter(torch.ones(k, width))
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Parameter(torch.randn(k, width, months))
        self.head_bias = nn.Parameter(torch.zeros(k, months))
        self.month = nn.Parameter(torch.zeros(months))
        self.register_buffer("score_table", torch.tensor([600.0, 20.0 / math.log(2)]))

    def forward(self, numbers: Tensor, is_missing: Tensor, kinds: Tensor) -> Any:
        filled = torch.where(is_missing, self.medians, numbers)
        filled = torch.minimum(torch.maximum(filled, self.clip_low), self.clip_high)
        encoded = self.encode(filled).relu() + self.missing * is_missing[..., None]
        named = [table(kinds[:, at]) for at, table in enumerate(self.kinds)]
        x = self.input(torch.cat([encoded.flatten(1), *named], dim=-1))
        count, members = x.shape[0], self.scale_in.shape[0]
        x = (x[:, None] * self.scale_in).flatten(0, 1)
        x = self.norm(self.blocks(x)).relu().view(count, members, -1) * self.scale_out
        logits = torch.einsum("bkw,kwm->bkm", x, self.head) + self.head_bias + self.month
        survival = F.logsigmoid(3.0 - logits).cumsum(-1).exp().mean(1)
        odds = survival[:, -1] / (1 - survival[:, -1])
        return survival, self.score_table[0] + self.score_table[1] * odds.log()


# --- translation


class MultiHead(nn.Module):
    """Attention with one matrix for what is asked, and one for both keys and values."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, dim // heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.o = nn.Linear(dim, dim)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], -1, self.heads, self.size).transpose(1, 2)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        key, value = map(self._split, self.kv(context).chunk(2, dim=-1))
        mixed = F.scaled_dot_product_attention(self._split(self.q(x)), key, value, attn_mask=mask)
        made: Tensor = self.o(mixed.transpose(1, 2).flatten(2))
        return made


class TranslationLayer(nn.Module):
    def __init__(self, dim: int, heads: int, is_decoder: bool) -> None:
        super().__init__()
        self.attn_norm = nn.LayerNorm(dim)
        self.attn = MultiHead(dim, heads)
        self.cross_norm = nn.LayerNorm(dim) if is_decoder else None
        self.cross = MultiHead(dim, heads) if is_decoder else None
        self.ff_norm = nn.LayerNorm(dim)
        self.wi = nn.Linear(dim, 2 * dim)
        self.wo = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, mask: Tensor, context: Any = None, known: Any = None) -> Tensor:
        inner = self.attn_norm(x)
        x = x + self.attn(inner, inner, mask)
        if self.cross is not None and self.cross_norm is not None:
            x = x + self.cross(self.cross_norm(x), context, known)
        made: Tensor = x + self.wo(self.wi(self.ff_norm(x)).relu())
        return made


class Translator(nn.Module):
    """One table of words for both languages, which is the last matrix too."""

    positions: Tensor
    causal: Tensor
    blocked: Tensor

    def __init__(self, words: int = 260, dim: int = 64, depth: int = 2, longest: int = 32) -> None:
        super().__init__()
        self.pad = 0
        self.embed = nn.Embedding(words, dim, padding_idx=0)
        self.language = nn.Embedding(6, dim)
        self.encoder = nn.ModuleList([TranslationLayer(dim, 4, False) for _ in range(depth)])
        self.decoder = nn.ModuleList([TranslationLayer(dim, 4, True) for _ in range(depth)])
        self.encoder_norm = nn.LayerNorm(dim)
        self.decoder_norm = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, words, bias=False)
        self.lm_head.weight = self.embed.weight
        self.final_logits_bias = nn.Parameter(torch.zeros(words))
        self.register_buffer("positions", self._sinusoids(longest, dim), persistent=False)
        causal = torch.ones(longest, longest, dtype=torch.bool).tril()
        self.register_buffer("causal", causal, persistent=False)
        blocked = torch.zeros(words)
        blocked[torch.randperm(words)[:9]] = -1e4
        self.register_buffer("blocked", blocked)

    @staticmethod
    def _sinusoids(longest: int, dim: int) -> Tensor:
        rate = torch.exp(torch.arange(dim // 2) * (-math.log(10000) / (dim // 2 - 1)))
        angle = torch.arange(longest)[:, None] * rate
        return torch.cat([angle.sin(), angle.cos()], dim=-1)

    def _embedded(self, words: Tensor, language: Tensor) -> Tensor:
        made: Tensor = self.embed(words) * self.embed.embedding_dim**0.5
        spoken: Tensor = self.language(language)[:, None]
        return made + self.positions[: words.shape[1]] + spoken

    def forward(self, source: Tensor, target: Tensor, languages: Tensor) -> Any:
        known = (source != self.pad)[:, None, None]
        x = self._embedded(source, languages[:, 0])
        for layer in self.encoder:
            x = layer(x, known)
        context = self.encoder_norm(x)
        length = target.shape[1]
        mask = self.causal[:length, :length] & (target != self.pad)[:, None, None]
        x = self._embedded(target, languages[:, 1])
        for layer in self.decoder:
            x = layer(x, mask, context, known)
        logits = self.lm_head(self.decoder_norm(x)) + self.final_logits_bias + self.blocked
        return logits.softmax(-1), context


# --- anomalies of machines


class NormalMemory(nn.Module):
    """What is usual, as a few patterns; codes are replaced with a mixture of the nearest."""

    def __init__(self, slots: int, dim: int) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.randn(slots, dim))
        self.shrink = 1.0 / slots

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        weight = F.linear(F.normalize(codes, dim=-1), F.normalize(self.slots, dim=-1)).softmax(-1)
        over = (weight - self.shrink).relu()
        weight = over * weight / over.clamp(min=1e-8)
        weight = weight / weight.sum(-1, keepdim=True).clamp(min=1e-6)
        return weight @ self.slots, weight


class MachineMonitor(nn.Module):
    """How unusual a window of a machine's sensors is, for each machine with its own scaling."""

    loc: Tensor
    scale: Tensor
    residual_mean: Tensor
    residual_precision: Tensor
    limit: Tensor
    weight: Tensor

    def __init__(self, machines: int = 8, sensors: int = 10, window: int = 32) -> None:
        super().__init__()
        self.register_buffer("loc", torch.randn(machines, sensors) * 0.3)
        self.register_buffer("scale", torch.rand(machines, sensors) + 0.5)
        self.machine = nn.Embedding(machines, 12)
        self.encoder = nn.Sequential(
            nn.Conv1d(sensors, 32, 5, stride=2, padding=2),
            nn.BatchNorm1d(32),
            nn.LeakyReLU(0.2),
            nn.Conv1d(32, 48, 5, stride=2, padding=2),
            nn.BatchNorm1d(48),
            nn.LeakyReLU(0.2),
        )
        self.film = nn.Linear(12, 96)
        self.memory = NormalMemory(24, 48)
        self.decoder = nn.Sequential(
            nn.ConvTranspose1d(48, 32, 4, stride=2, padding=1),
            nn.BatchNorm1d(32),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(32, sensors, 4, stride=2, padding=1),
        )
        mixed = torch.randn(sensors, sensors) * 0.3
        self.register_buffer("residual_mean", torch.rand(sensors))
        self.register_buffer("residual_precision", mixed @ mixed.t() + torch.eye(sensors))
        self.register_buffer("limit", torch.rand(machines) * 4 + 6)
        self.register_buffer("weight", torch.hann_window(window + 2)[1:-1])

    def forward(self, readings: Tensor, machine: Tensor) -> Any:
        loc, scale = self.loc[machine][:, None], self.scale[machine][:, None]
        x = ((readings - loc) / scale).transpose(1, 2)
        codes = self.encoder(x)
        gain, shift = self.film(self.machine(machine)).chunk(2, dim=-1)
        codes = codes * (1 + gain[..., None]) + shift[..., None]
        normal, used = self.memory(codes.transpose(1, 2))
        rebuilt = self.decoder(normal.transpose(1, 2))
        weight = self.weight / self.weight.sum()
        error = ((x - rebuilt).abs() * weight).sum(-1)
        gap = error - self.residual_mean
        far = torch.einsum("bi,ij,bj->b", gap, self.residual_precision, gap)
        score = far.clamp(min=1e-6).sqrt() / self.limit[machine]
        surprise = -(used * used.clamp(min=1e-9).log()).sum(-1).mean(-1)
        return score, gap, rebuilt.transpose(1, 2) * scale + loc, surprise


# --- control of a process


class ReactorDynamics(nn.Module):
    """Balances that are known, and a network for the rest of them."""

    a: Tensor
    b: Tensor
    state_scale: Tensor
    action_scale: Tensor

    def __init__(self, states: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("a", torch.randn(states, states) * 0.1 - torch.eye(states) * 0.4)
        self.register_buffer("b", torch.randn(states, actions) * 0.2)
        self.register_buffer("state_scale", torch.rand(states) + 0.5)
        self.register_buffer("action_scale", torch.rand(actions) + 0.5)
        self.log_rate = nn.Parameter(torch.zeros(2))
        self.activation_energy = nn.Parameter(torch.zeros(2))
        self.stoichiometry = nn.Parameter(torch.zeros(2, states))
        self.net = nn.Sequential(
            nn.Linear(states + actions, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, states, bias=False),
        )

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        linear = state @ self.a.t() + action @ self.b.t()
        heat = 1.0 + 0.1 * state[:, -1:].tanh()
        speed = torch.exp(self.log_rate - F.softplus(self.activation_energy) / heat)
        reacted = speed * F.softplus(state[:, :2])
        given = torch.cat([state / self.state_scale, action / self.action_scale], dim=-1)
        made: Tensor = linear + reacted @ self.stoichiometry + 0.1 * self.net(given)
        return made


class ReactorController(nn.Module):
    """Plans the inputs of a reactor and says where they lead: a policy rolled out on the model."""

    low: Tensor
    high: Tensor
    cost_state: Tensor
    cost_action: Tensor
    observer_gain: Tensor
    measured: Tensor

    def __init__(self, states: int = 6, actions: int = 3, sensors: int = 4, steps: int = 5) -> None:
        super().__init__()
        self.steps, self.dt = steps, 0.2
        self.dynamics = ReactorDynamics(states, actions, 48)
        self.policy = nn.Sequential(
            nn.Linear(2 * states + 1, 64), nn.LayerNorm(64), nn.SiLU(), nn.Linear(64, actions)
        )
        self.terminal = nn.Linear(states, states, bias=False)
        self.register_buffer("low", -torch.rand(actions) - 0.5)
        self.register_buffer("high", torch.rand(actions) + 0.5)
        self.register_buffer("cost_state", torch.rand(states) + 0.1)
        self.register_buffer("cost_action", torch.rand(actions) * 0.1 + 0.01)
        self.register_buffer("observer_gain", torch.randn(states, sensors) * 0.3)
        measured = torch.eye(states)[:sensors] + torch.randn(sensors, states) * 0.05
        self.register_buffer("measured", measured)
        self.log_discount = nn.Parameter(torch.tensor(-0.05))

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        half = self.dt / 2
        k1 = self.dynamics(state, action)
        k2 = self.dynamics(state + half * k1, action)
        k3 = self.dynamics(state + half * k2, action)
        k4 = self.dynamics(state + self.dt * k3, action)
        made: Tensor = state + self.dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return made

    def forward(self, guess: Tensor, sensed: Tensor, setpoint: Tensor, last: Tensor) -> Any:
        state = guess + (sensed - guess @ self.measured.t()) @ self.observer_gain.t()
        middle, reach = (self.high + self.low) / 2, (self.high - self.low) / 2
        states, actions = [], []
        cost: Any = 0.0
        before = last
        for at in range(self.steps):
            left = torch.full_like(state[:, :1], 1 - at / self.steps)
            asked = self.policy(torch.cat([state, setpoint - state, left], dim=-1))
            action = middle + reach * torch.tanh(asked)
            state = self.step(state, action)
            gap = state - setpoint
            paid = (gap.square() * self.cost_state).sum(-1)
            paid = paid + ((action - before).square() * self.cost_action).sum(-1)
            cost = cost + torch.exp(self.log_discount * at) * paid
            states.append(state)
            actions.append(action)
            before = action
        cost = cost + self.terminal(state - setpoint).square().sum(-1)
        return actions[0], torch.stack(states, dim=1), torch.stack(actions, dim=1), cost
