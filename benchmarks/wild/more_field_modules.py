"""Modules of twenty more fields, as they are written at work: what ``drawn_twelfth`` exports under
``field-NAME``. Each has what its field has beside layers, such as statistics, tables and masks.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Tensor = torch.Tensor


# --- drug dosing


class CovariateModel(nn.Module):
    """What a patient's covariates make of the population's pharmacokinetic parameters."""

    median: Tensor
    scale: Tensor
    allometric: Tensor

    def __init__(self, num_covariates: int, num_params: int) -> None:
        super().__init__()
        self.register_buffer("median", torch.tensor([70.0, 52.0, 0.95, 41.0, 170.0]))
        self.register_buffer("scale", torch.tensor([18.2, 17.5, 0.41, 5.3, 11.9]))
        self.register_buffer("allometric", torch.tensor([0.75, 1.0, 0.75, 1.0, 0.0]))
        self.theta = nn.Parameter(torch.tensor([1.4, 3.3, 1.1, 3.9, 0.2]))
        self.sex_effect = nn.Parameter(torch.zeros(num_params))
        self.net = nn.Sequential(
            nn.Linear(num_covariates, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh()
        )
        self.out = nn.Linear(32, num_params, bias=False)

    def forward(self, covariates: Tensor, sex: Tensor) -> Tensor:
        z = (covariates - self.median) / self.scale
        weight = (covariates[:, :1] / self.median[0]).log() * self.allometric
        effect = self.out(self.net(z)) + self.sex_effect * sex[:, None].to(z.dtype)
        made: Tensor = (self.theta + weight + effect.clamp(-2.0, 2.0)).exp()
        return made


class DosingModel(nn.Module):
    """Two compartments with a depot, integrated over a day; how likely a trough is in range."""

    dose_grid: Tensor
    target: Tensor

    def __init__(self, steps: int = 12, hours: float = 24.0) -> None:
        super().__init__()
        self.steps = steps
        self.dt = hours / steps
        self.individual = CovariateModel(5, 5)
        self.log_omega = nn.Parameter(torch.full((5,), -1.2))
        self.eta_encoder = nn.GRU(3, 24, batch_first=True)
        self.eta_head = nn.Linear(24, 5)
        self.log_sigma_prop = nn.Parameter(torch.tensor(-1.9))
        self.log_sigma_add = nn.Parameter(torch.tensor(-0.7))
        self.register_buffer("dose_grid", torch.tensor([250.0, 500.0, 750.0, 1000.0, 1250.0]))
        self.register_buffer("target", torch.tensor([10.0, 15.0]))

    def rates(self, params: Tensor) -> tuple[Tensor, ...]:
        clearance, central, flow, peripheral, absorption = params.unbind(-1)
        return clearance / central, flow / central, flow / peripheral, absorption

    def forward(self, covariates: Tensor, sex: Tensor, levels: Tensor) -> Any:
        typical = self.individual(covariates, sex)
        _, state = self.eta_encoder(levels)
        eta = torch.tanh(self.eta_head(state[-1])) * self.log_omega.exp()
        params = typical * eta.exp()
        ke, k12, k21, ka = (rate.clamp(max=1.5)[:, None] for rate in self.rates(params))
        depot = self.dose_grid.expand(params.shape[0], -1)
        central = torch.zeros_like(depot)
        outer = torch.zeros_like(depot)
        trace = []
        for _ in range(self.steps):
            absorbed = depot * (1 - torch.exp(-ka * self.dt))
            moved = central * (1 - torch.exp(-(ke + k12) * self.dt))
            back = outer * (1 - torch.exp(-k21 * self.dt))
            depot = depot - absorbed
            central = central + absorbed - moved + back
            outer = outer + moved * k12 / (ke + k12) - back
            trace.append(central / params[:, 1:2])
        levels_at = torch.stack(trace, dim=-1)
        trough = levels_at[..., -1]
        spread = trough * self.log_sigma_prop.exp() + self.log_sigma_add.exp()
        low, high = ((self.target[at] - trough) / (spread * math.sqrt(2)) for at in (0, 1))
        return levels_at, 0.5 * (torch.erf(high) - torch.erf(low))


# --- card limits


class PositiveLinear(nn.Module):
    """A layer whose outputs never fall when an input grows."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.raw_weight = nn.Parameter(torch.randn(out_features, in_features) * 0.1 - 2.0)
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Tensor) -> Tensor:
        weight = F.softplus(self.raw_weight) / self.raw_weight.shape[1]
        return F.linear(x, weight, self.bias)


class LimitAssignment(nn.Module):
    """A limit of the ladder for each account: monotone in income and in months on book, free in
    the rest, and cut where policy says so.
    """

    woe_table: Tensor
    woe_offset: Tensor
    winsor_low: Tensor
    winsor_high: Tensor
    ladder: Tensor
    policy_cap: Tensor

    def __init__(self, n_free: int = 9, n_mono: int = 4, n_tiers: int = 6) -> None:
        super().__init__()
        bins = (7, 5, 12, 9)
        self.register_buffer("woe_table", torch.randn(sum(bins)) * 0.6)
        self.register_buffer("woe_offset", torch.tensor([0, *bins[:-1]]).cumsum(0))
        self.register_buffer("winsor_low", torch.rand(n_free + n_mono) - 2.5)
        self.register_buffer("winsor_high", torch.rand(n_free + n_mono) + 1.5)
        ladder = torch.tensor([500.0, 1000, 2000, 3500, 5000, 7500, 10000, 15000, 20000, 30000])
        self.register_buffer("ladder", ladder)
        self.register_buffer("policy_cap", torch.tensor([10, 9, 8, 6, 4, 2]))
        self.segment_emb = nn.Embedding(n_tiers, 8)
        self.free_net = nn.Sequential(
            nn.Linear(n_free + len(bins) + 8, 64),
            nn.BatchNorm1d(64),
            nn.LeakyReLU(0.1),
            nn.Linear(64, 32),
            nn.BatchNorm1d(32),
            nn.LeakyReLU(0.1),
        )
        self.mono1 = PositiveLinear(n_mono, 24)
        self.mono2 = PositiveLinear(24 + 32, 24)
        self.score = PositiveLinear(24, 1)
        self.cutpoints = nn.Parameter(torch.linspace(-2, 2, len(ladder) - 1))
        self.loss_head = nn.Linear(32, 1)
        self.elasticity = nn.Linear(32 + 8, 1)

    def forward(self, numeric: Tensor, bins: Tensor, segment: Tensor) -> Any:
        x = torch.minimum(torch.maximum(numeric, self.winsor_low), self.winsor_high)
        mono, free = x[:, :4], x[:, 4:]
        woe = self.woe_table[bins + self.woe_offset]
        tier = self.segment_emb(segment)
        hidden = self.free_net(torch.cat([free, woe, tier], dim=1))
        rising = torch.tanh(self.mono1(mono))
        rising = torch.tanh(self.mono2(torch.cat([rising, hidden], dim=1)))
        steps = torch.cat([self.cutpoints[:1], F.softplus(self.cutpoints[1:])]).cumsum(0)
        above = torch.sigmoid(self.score(rising) - steps)
        ones, zeros = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        likely = torch.cat([ones, above], dim=1) - torch.cat([above, zeros], dim=1)
        rank = torch.arange(self.ladder.numel(), device=likely.device)
        allowed = rank < self.policy_cap[segment][:, None]
        likely = likely * allowed
        likely = likely / likely.sum(dim=1, keepdim=True).clamp(min=1e-6)
        pd = torch.sigmoid(self.loss_head(hidden))
        drawn = torch.sigmoid(self.elasticity(torch.cat([hidden, tier], dim=1)))
        expected = (likely * self.ladder).sum(dim=1, keepdim=True)
        return likely, expected * drawn * pd * 0.72


# --- nowcasting


class ConvGRUCell(nn.Module):
    def __init__(self, in_ch: int, hid_ch: int, kernel: int = 3) -> None:
        super().__init__()
        pad = kernel // 2
        self.hid_ch = hid_ch
        self.conv_gates = nn.Conv2d(in_ch + hid_ch, 2 * hid_ch, kernel, padding=pad)
        self.conv_can = nn.Conv2d(in_ch + hid_ch, hid_ch, kernel, padding=pad)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        reset, update = torch.sigmoid(self.conv_gates(torch.cat([x, h], 1))).chunk(2, 1)
        cand = torch.tanh(self.conv_can(torch.cat([x, reset * h], 1)))
        return (1 - update) * h + update * cand


class RainNowcaster(nn.Module):
    """Rain of the next frames: the last one moved along a motion field, with what grows or decays
    added. Reflectivity comes in dBZ, rain leaves in mm/h.
    """

    base_grid: Tensor
    clutter: Tensor
    zr: Tensor
    orography: Tensor

    def __init__(self, height: int = 32, width: int = 32, lead: int = 4) -> None:
        super().__init__()
        self.lead = lead
        self.enc1 = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.SiLU())
        self.gru1 = ConvGRUCell(16, 24)
        self.enc2 = nn.Sequential(nn.Conv2d(24, 32, 3, 2, 1), nn.GroupNorm(4, 32), nn.SiLU())
        self.gru2 = ConvGRUCell(32, 32)
        self.up = nn.ConvTranspose2d(32, 24, 4, 2, 1)
        self.flow_head = nn.Conv2d(24, 2, 3, padding=1)
        self.growth_head = nn.Conv2d(24, 1, 3, padding=1)
        self.decoder_cell = ConvGRUCell(3, 24)
        self.lead_bias = nn.Parameter(torch.zeros(lead, 24))
        ys, xs = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
        grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
        self.register_buffer("base_grid", grid[None], persistent=False)
        self.register_buffer("clutter", (torch.rand(1, 1, height, width) > 0.03).float())
        self.register_buffer("orography", torch.rand(1, 1, height, width) * 2.1)
        self.register_buffer("zr", torch.tensor([200.0, 1.6]))

    def to_rain(self, dbz: Tensor) -> Tensor:
        return (10 ** (dbz / 10) / self.zr[0]) ** (1 / self.zr[1])

    def warp(self, field: Tensor, flow: Tensor) -> Tensor:
        grid = self.base_grid + flow.permute(0, 2, 3, 1)
        return F.grid_sample(field, grid, padding_mode="border", align_corners=True)

    def forward(self, frames: Tensor, quality: Tensor) -> Any:
        batch, time, height, width = frames.shape
        dbz = (frames * 10 + 20).clamp(-10, 60)
        h1 = frames.new_zeros(batch, 24, height // 2, width // 2)
        h2 = frames.new_zeros(batch, 32, height // 4, width // 4)
        land = self.orography.expand(batch, -1, -1, -1)
        masked = dbz[:, -1:]
        for t in range(time):
            masked = dbz[:, t : t + 1] * self.clutter
            x = torch.cat([masked / 35.0, quality[:, t : t + 1].sigmoid(), land], 1)
            h1 = self.gru1(self.enc1(x), h1)
            h2 = self.gru2(self.enc2(h1), h2)
        state = h1 + self.up(h2)
        field, rain = masked, []
        for step in range(self.lead):
            state = state + self.lead_bias[step][None, :, None, None]
            flow = F.interpolate(self.flow_head(state), scale_factor=2.0, mode="bilinear") * 0.1
            growth = F.interpolate(self.growth_head(state), scale_factor=2.0, mode="nearest")
            field = self.warp(field, flow) + growth
            small = F.avg_pool2d(torch.cat([field / 35.0, flow], 1), 2)
            state = self.decoder_cell(small, state)
            rain.append(self.to_rain(field.clamp(-10, 60)))
        return torch.cat(rain, 1)


# --- wind


class PowerCurve(nn.Module):
    """The manufacturer's table, by interpolation, with a correction for each of the types."""

    speeds: Tensor
    power: Tensor

    def __init__(self, num_types: int, knots: int = 26) -> None:
        super().__init__()
        speeds = torch.linspace(0, 25, knots)
        curve = torch.sigmoid((speeds - 8.3) * 0.8)
        self.register_buffer("speeds", speeds)
        self.register_buffer("power", curve + torch.rand(num_types, knots) * 0.02)
        self.correction = nn.Embedding(num_types, knots)

    def forward(self, speed: Tensor, kind: Tensor) -> Tensor:
        table = (self.power + 0.1 * torch.tanh(self.correction.weight))[kind]
        at = (speed / (self.speeds[1] - self.speeds[0])).clamp(0.0, self.speeds.numel() - 1.001)
        low = at.floor().long()
        share = at - low
        below, above = table.gather(1, low), table.gather(1, low + 1)
        return below + share * (above - below)


class WindFarm(nn.Module):
    """Output of each turbine some hours ahead; wakes pass along edges that turn with the wind."""

    rel_pos: Tensor
    curtailed: Tensor
    nwp_mean: Tensor
    nwp_std: Tensor
    cell_index: Tensor

    def __init__(self, turbines: int = 12, hours: int = 8, dim: int = 40) -> None:
        super().__init__()
        place = torch.rand(turbines, 2) * 5
        self.register_buffer("rel_pos", place[:, None] - place)
        self.register_buffer("curtailed", torch.rand(turbines) > 0.9)
        self.register_buffer("cell_index", torch.randint(4, (turbines,)))
        self.register_buffer("nwp_mean", torch.tensor([7.9, 0.3, -0.2, 281.4, 1007.5]))
        self.register_buffer("nwp_std", torch.tensor([3.4, 0.7, 0.7, 7.2, 9.6]))
        self.curve = PowerCurve(3)
        self.turbine = nn.Parameter(torch.zeros(turbines, 12))
        self.hour = nn.Parameter(torch.zeros(hours, dim))
        self.scada = nn.Conv1d(3, dim, 4, stride=4)
        self.input = nn.Linear(5 + 12, dim)
        self.wake = nn.Sequential(nn.Linear(2, 16), nn.ELU(), nn.Linear(16, 2))
        self.message = nn.Linear(dim, 2 * dim, bias=False)
        self.merge = nn.ModuleList([nn.Linear(3 * dim, dim) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(2)])
        self.speed = nn.Linear(dim, 2)
        nn.init.constant_(self.speed.bias, 0.5)

    def forward(self, nwp: Tensor, scada: Tensor, kind: Tensor) -> Any:
        batch, hours = nwp.shape[:2]
        turbines = self.turbine.shape[0]
        z = nwp.clamp(-4, 4)
        raw_speed = (z[..., 0] * self.nwp_std[0] + self.nwp_mean[0]).clamp(min=0)
        local = z[:, :, self.cell_index]
        past = self.scada(scada.flatten(0, 1)).mean(-1).view(batch, 1, turbines, -1)
        identity = self.turbine.expand(batch, hours, -1, -1)
        x = self.input(torch.cat([local, identity], -1)) + past + self.hour[:hours, None]
        toward = F.normalize(z[:, :, :, 1:3].mean(2), dim=-1)
        along = torch.einsum("ijc,bhc->bhij", self.rel_pos, toward)
        far = self.rel_pos.norm(dim=-1).expand_as(along)
        weight = self.wake(torch.stack([along, far], -1))
        weight = weight.masked_fill((along <= 0)[..., None], -1e4).softmax(dim=-2)
        for merge, norm in zip(self.merge, self.norms, strict=True):
            near, wide = self.message(x).chunk(2, -1)
            near = weight[..., 0] @ near
            wide = weight[..., 1] @ wide
            x = norm(x + F.elu(merge(torch.cat([x, near, wide], -1))))
        change = self.speed(x)
        speed = raw_speed[:, :, self.cell_index] * (0.4 * torch.tanh(change[..., 0])).exp()
        power = self.curve(speed.permute(2, 0, 1).flatten(1), kind)
        power = power.view(turbines, batch, hours).permute(1, 2, 0)
        power = torch.where(self.curtailed, power * 0.6, power)
        return power, power.sum(-1), F.softplus(change[..., 1])


# --- EEG


class Conv2dMaxNorm(nn.Conv2d):
    """A convolution whose filters are held to a norm, also when it is asked."""

    def __init__(self, *args: Any, max_norm: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_norm = max_norm

    def forward(self, x: Tensor) -> Tensor:
        norm = self.weight.flatten(1).norm(dim=1).clamp(min=1e-6)
        scale = (self.max_norm / norm).clamp(max=1.0)
        weight = self.weight * scale.view(-1, 1, 1, 1)
        made: Tensor = self._conv_forward(x, weight, self.bias)
        return made


class MotorImageryNet(nn.Module):
    """Imagined movements from EEG: a filter bank, electrodes aligned by subject, temporal and
    spatial filters, variances in windows.
    """

    filter_bank: Tensor
    whiten: Tensor
    channel_mask: Tensor

    def __init__(self, n_chans: int = 22, n_samples: int = 256, n_classes: int = 4) -> None:
        super().__init__()
        rate, taps = 128, 33
        bands = [(4, 8), (8, 12), (12, 16), (16, 24), (24, 32), (32, 40)]
        time = (torch.arange(taps) - taps // 2) / rate
        rows = [
            2 * high / rate * torch.sinc(2 * high * time)
            - 2 * low / rate * torch.sinc(2 * low * time)
            for low, high in bands
        ]
        bank = torch.stack(rows) * torch.hamming_window(taps, periodic=False)
        self.register_buffer("filter_bank", bank[:, None, None])
        self.register_buffer("whiten", torch.eye(n_chans) + 0.05 * torch.randn(n_chans, n_chans))
        self.register_buffer("channel_mask", (torch.arange(n_chans) != 17).float())
        self.reference = nn.Parameter(torch.full((n_chans,), 1.0 / n_chans))
        n_bands, depth = len(bands), 4
        self.spatial = Conv2dMaxNorm(
            n_bands, n_bands * depth, (n_chans, 1), groups=n_bands, bias=False, max_norm=2.0
        )
        self.bn1 = nn.BatchNorm2d(n_bands * depth, momentum=0.01, eps=1e-3)
        self.separable_depth = nn.Conv2d(
            n_bands * depth, n_bands * depth, (1, 15), padding=(0, 7), groups=n_bands * depth
        )
        self.separable_point = nn.Conv2d(n_bands * depth, 32, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(32, momentum=0.01, eps=1e-3)
        self.attn_q = nn.Parameter(torch.zeros(1, 1, 32))
        self.classify = nn.Linear(32 + 32, n_classes)
        self.logit_scale = nn.Parameter(torch.ones(1))
        self.windows = n_samples // 32

    def forward(self, x: Tensor) -> Any:
        x = x * self.channel_mask[:, None]
        x = x - torch.einsum("c,bct->bt", self.reference, x)[:, None]
        x = torch.matmul(self.whiten, x)
        x = F.conv2d(x[:, None], self.filter_bank, padding=(0, 16))
        x = F.elu(self.bn1(self.spatial(x)))
        x = F.elu(self.bn2(self.separable_point(self.separable_depth(x)))).squeeze(2)
        parts = x.reshape(x.shape[0], x.shape[1], self.windows, -1)
        power = parts.var(dim=-1, unbiased=False).clamp(min=1e-5).log().transpose(1, 2)
        weight = (self.attn_q * power).sum(-1).softmax(-1)
        pooled = torch.cat([torch.einsum("bw,bwc->bc", weight, power), power.mean(1)], -1)
        return F.log_softmax(self.classify(pooled) * self.logit_scale, dim=-1), weight


# --- radar


class ComplexDft(nn.Module):
    """A windowed transform by matrices, as the accelerator has no FFT."""

    cos: Tensor
    sin: Tensor

    def __init__(self, size: int, bins: int, shift: bool) -> None:
        super().__init__()
        window = torch.signal.windows.hann(size, sym=True)
        freq = torch.arange(bins) - (bins // 2 if shift else 0)
        angle = 2 * math.pi * torch.arange(size)[:, None] * freq / size
        self.register_buffer("cos", angle.cos() * window[:, None], persistent=False)
        self.register_buffer("sin", angle.sin() * window[:, None], persistent=False)

    def forward(self, re: Tensor, im: Tensor) -> tuple[Tensor, Tensor]:
        return re @ self.cos + im @ self.sin, im @ self.cos - re @ self.sin


class RadarPerception(nn.Module):
    """Raw samples of an FMCW radar to a range-Doppler map, and to objects and free space in it."""

    rx_calibration: Tensor
    noise_floor: Tensor
    cfar_kernel: Tensor
    range_law: Tensor

    def __init__(self, n_rx: int = 4, samples: int = 64, chirps: int = 32) -> None:
        super().__init__()
        n_range = samples // 2
        phase = torch.rand(n_rx) * 2 * math.pi
        gain = 1 + 0.1 * torch.randn(n_rx)
        self.register_buffer(
            "rx_calibration", torch.stack([gain * phase.cos(), gain * phase.sin()])
        )
        self.range_fft = ComplexDft(samples, n_range, shift=False)
        self.doppler_fft = ComplexDft(chirps, chirps, shift=True)
        self.register_buffer("noise_floor", torch.rand(n_range) + 0.5)
        self.register_buffer("range_law", 40 * torch.log10(torch.arange(1, n_range + 1) / n_range))
        kernel = torch.ones(1, 1, 9, 9)
        kernel[..., 3:6, 3:6] = 0
        self.register_buffer("cfar_kernel", kernel / kernel.sum())
        self.cfar_alpha = nn.Parameter(torch.tensor(1.8))
        self.mimo_pre = nn.Conv2d(2 * n_rx, 24, (1, 5), padding=(0, 2), bias=False)
        self.stem = nn.Sequential(nn.BatchNorm2d(24), nn.ReLU6(inplace=True))
        self.block1 = self._block(24 + 2, 32, 2)
        self.block2 = self._block(32, 48, 2)
        self.lateral = nn.Conv2d(32, 24, 1)
        self.top = nn.Conv2d(48, 24, 1)
        self.objectness = nn.Conv2d(24, 1, 1)
        self.box = nn.Conv2d(24, 4, 1)
        self.range_scale = nn.Parameter(torch.ones(4, 1, 1))
        self.free = nn.Linear(24, 3)

    @staticmethod
    def _block(cin: int, cout: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(cin, cout, 3, stride, 1, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU6(inplace=True),
            nn.Conv2d(cout, cout, 3, 1, 1, groups=cout, bias=False),
            nn.BatchNorm2d(cout),
            nn.Conv2d(cout, cout, 1, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU6(inplace=True),
        )

    def forward(self, adc: Tensor) -> Any:
        re, im = adc[:, 0], adc[:, 1]
        c, s = self.rx_calibration[:, :, None, None]
        re, im = re * c - im * s, re * s + im * c
        re, im = re - re.mean(-1, keepdim=True), im - im.mean(-1, keepdim=True)
        re, im = self.range_fft(re, im)
        re, im = self.doppler_fft(re.transpose(2, 3), im.transpose(2, 3))
        power = (re.square() + im.square()).sum(1, keepdim=True)
        db = 10 * torch.log10(power / self.noise_floor[:, None] + 1e-3) + self.range_law[:, None]
        around = F.conv2d(F.pad(db, (4, 4, 4, 4), mode="replicate"), self.cfar_kernel)
        peak = torch.sigmoid(db - around - self.cfar_alpha)
        x = self.stem(self.mimo_pre(torch.cat([re, im], 1) * 0.05))
        low = self.block1(torch.cat([x, db * 0.02, peak], 1))
        high = self.block2(low)
        x = self.lateral(low) + F.interpolate(self.top(high), scale_factor=2.0)
        free = self.free(x.amax(dim=3).transpose(1, 2))
        return self.objectness(x).sigmoid(), self.box(x) * self.range_scale, free, peak


# --- deliveries


class FourierPlace(nn.Module):
    """A place by random frequencies, and by its cell at three zooms, which are hashed."""

    frequencies: Tensor
    primes: Tensor
    center: Tensor

    def __init__(self, slots: int = 512, dim: int = 12) -> None:
        super().__init__()
        self.slots = slots
        self.register_buffer("frequencies", torch.randn(2, 16) * 3)
        self.register_buffer("primes", torch.tensor([73856093, 19349663]))
        self.register_buffer("center", torch.tensor([52.37, 4.90]))
        self.cells = nn.ModuleList([nn.Embedding(slots, dim) for _ in range(3)])

    def forward(self, place: Tensor) -> Tensor:
        near = place - self.center
        parts = [(near @ self.frequencies).sin(), (near @ self.frequencies).cos()]
        for zoom, cell in zip((20.0, 60.0, 180.0), self.cells, strict=True):
            at = (near * zoom).floor().long() + 100_000
            parts.append(cell((at * self.primes).sum(-1).abs() % self.slots))
        return torch.cat(parts, -1)


class DeliveryEta(nn.Module):
    """Minutes until a parcel is there: legs of the route, what stops cost, how busy the depot is.
    The physical estimate is corrected by a factor.
    """

    segment_stats: Tensor
    hour_factor: Tensor
    quantile_shift: Tensor

    def __init__(self, road_types: int = 14, depots: int = 25, dim: int = 48) -> None:
        super().__init__()
        self.place = FourierPlace()
        place_dim = 32 + 36
        self.road_type = nn.Embedding(road_types, 10)
        self.depot = nn.Embedding(depots, 12)
        self.weekday_hour = nn.Embedding(168, 8)
        self.unknown_road = nn.Parameter(torch.zeros(10))
        self.register_buffer("segment_stats", torch.tensor([[1.1, 32.0, 0.4], [0.9, 14.0, 0.3]]))
        self.register_buffer("hour_factor", 1 + 0.4 * torch.rand(168))
        self.register_buffer("quantile_shift", torch.tensor([-0.18, 0.02, 0.31]))
        self.leg = nn.Linear(10 + 3, dim)
        self.encoder = nn.GRU(dim, dim // 2, num_layers=2, bidirectional=True, batch_first=True)
        self.leg_factor = nn.Linear(dim, 1)
        wide = 2 * place_dim + 12 + 8
        self.cross_w = nn.ParameterList([nn.Parameter(torch.zeros(wide)) for _ in range(2)])
        self.cross_b = nn.ParameterList([nn.Parameter(torch.zeros(wide)) for _ in range(2)])
        self.dense = nn.Sequential(nn.Linear(wide + dim, 96), nn.PReLU(96), nn.Linear(96, 48))
        self.stop_minutes = nn.Linear(48, 1)
        self.heads = nn.Linear(48, 3)

    def forward(
        self, ends: Tensor, legs: Tensor, roads: Tensor, depot: Tensor, when: Tensor
    ) -> Any:
        valid = (roads >= 0)[..., None].to(legs.dtype)
        road = torch.where(valid > 0, self.road_type(roads.clamp(min=0)), self.unknown_road)
        scaled = (legs - self.segment_stats[0]) / self.segment_stats[1]
        states, _ = self.encoder(F.gelu(self.leg(torch.cat([road, scaled], -1))) * valid)
        length, speed = legs[..., 0].abs(), legs[..., 1].abs() * 10 + 8
        factor = F.softplus(self.leg_factor(states)).squeeze(-1) + 0.5
        drive = (60 * length / speed * factor * valid.squeeze(-1)).sum(1)
        drive = drive * self.hour_factor[when]
        pooled = (states * valid).sum(1) / valid.sum(1).clamp(min=1)
        places = self.place(ends + self.place.center).flatten(1)
        x0 = torch.cat([places, self.depot(depot), self.weekday_hour(when)], -1)
        x = x0
        for w, b in zip(self.cross_w, self.cross_b, strict=True):
            x = x0 * (x @ w)[:, None] + b + x
        hidden = self.dense(torch.cat([x, pooled], -1))
        minutes = drive + F.relu(self.stop_minutes(hidden)).squeeze(-1)
        spread = F.softplus(self.heads(hidden)).cumsum(-1) * 0.1
        return minutes[:, None] * (1 + spread + self.quantile_shift).clamp(min=0.2), minutes


# --- bidding


class FieldWeightedFm(nn.Module):
    """Pairs of fields, each pair with a weight."""

    rows: Tensor
    cols: Tensor

    def __init__(self, fields: int) -> None:
        super().__init__()
        rows, cols = torch.triu_indices(fields, fields, offset=1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("cols", cols, persistent=False)
        self.pair_weight = nn.Parameter(torch.ones(rows.numel()))

    def forward(self, e: Tensor) -> Tensor:
        dots = (e[:, self.rows] * e[:, self.cols]).sum(-1)
        return dots @ self.pair_weight


class BidModel(nn.Module):
    """What to bid in a first-price auction: click, conversion, the price that wins."""

    offsets: Tensor
    numeric_log_mean: Tensor
    numeric_log_std: Tensor
    isotonic_x: Tensor
    isotonic_y: Tensor
    downsampling: Tensor
    shading: Tensor

    def __init__(self, dim: int = 16) -> None:
        super().__init__()
        sizes = (200, 60, 90, 24, 30, 12, 8)
        self.register_buffer("offsets", torch.tensor([0, *sizes[:-1]]).cumsum(0))
        self.embedding = nn.Embedding(sum(sizes), dim)
        self.linear = nn.Embedding(sum(sizes), 1)
        self.linear_bias = nn.Parameter(torch.tensor([-3.9]))
        self.fm = FieldWeightedFm(len(sizes))
        self.register_buffer("numeric_log_mean", torch.rand(6) * 2)
        self.register_buffer("numeric_log_std", torch.rand(6) + 0.5)
        wide = len(sizes) * dim + 6
        self.bottom = nn.Sequential(
            nn.Linear(wide, 96), nn.ReLU(), nn.BatchNorm1d(96), nn.Linear(96, 64), nn.ReLU()
        )
        self.mask_gate = nn.Sequential(nn.Linear(6 + dim, 32), nn.ReLU(), nn.Linear(32, wide))
        self.ctr_tower = nn.Linear(64, 1)
        self.cvr_tower = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
        self.price = nn.Linear(64, 2)
        knots = torch.rand(20).sort().values
        self.register_buffer("isotonic_x", torch.linspace(0, 1, 20))
        self.register_buffer("isotonic_y", knots * 0.3)
        self.register_buffer("downsampling", torch.tensor(0.05))
        self.register_buffer("shading", torch.linspace(0.3, 1.0, 15))

    def calibrated(self, p: Tensor) -> Tensor:
        p = p / (p + (1 - p) / self.downsampling)
        at = (p.unsqueeze(-1) >= self.isotonic_x).sum(-1).clamp(1, 19)
        x0, x1 = self.isotonic_x[at - 1], self.isotonic_x[at]
        y0, y1 = self.isotonic_y[at - 1], self.isotonic_y[at]
        return y0 + (y1 - y0) * (p - x0) / (x1 - x0)

    def forward(self, ids: Tensor, numeric: Tensor, value: Tensor) -> Any:
        index = ids + self.offsets
        e = self.embedding(index)
        z = (torch.log1p(numeric.abs()) - self.numeric_log_mean) / self.numeric_log_std
        flat = torch.cat([e.flatten(1), z], 1)
        gate = 2 * torch.sigmoid(self.mask_gate(torch.cat([z, e[:, 0]], 1)))
        hidden = self.bottom(flat * gate)
        first = self.linear(index).sum(1).squeeze(-1) + self.linear_bias
        ctr = torch.sigmoid(first + self.fm(e) + self.ctr_tower(hidden).squeeze(-1))
        cvr = torch.sigmoid(self.cvr_tower(hidden)).squeeze(-1)
        worth = self.calibrated(ctr) * cvr * value.abs() * 1000
        mu, log_sigma = self.price(hidden).unbind(-1)
        offers = worth[:, None] * self.shading
        win = torch.sigmoid((offers.clamp(min=1e-4).log() - mu[:, None]) / log_sigma.exp()[:, None])
        surplus = win * (worth[:, None] - offers)
        best = surplus.argmax(1, keepdim=True)
        return offers.gather(1, best).squeeze(1), ctr, cvr, surplus


# --- dialogue


class CharCnn(nn.Module):
    def __init__(self, n_chars: int, dim: int, filters: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(n_chars, dim, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(dim, filters, k, padding=k // 2) for k in (3, 5)])
        self.highway = nn.Linear(2 * filters, 4 * filters)

    def forward(self, chars: Tensor) -> Tensor:
        b, t, c = chars.shape
        x = self.emb(chars.view(b * t, c)).transpose(1, 2)
        x = torch.cat([conv(x).amax(-1) for conv in self.convs], -1)
        h, g = self.highway(x).chunk(2, -1)
        g = torch.sigmoid(g)
        return (g * torch.relu(h) + (1 - g) * x).view(b, t, -1)


class CrfDecoder(nn.Module):
    """The best path, by scores that are added, as it must be exported."""

    forbidden: Tensor

    def __init__(self, n_tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.randn(n_tags, n_tags) * 0.1)
        self.start_transitions = nn.Parameter(torch.zeros(n_tags))
        self.end_transitions = nn.Parameter(torch.zeros(n_tags))
        inside = torch.arange(n_tags) % 2 == 0
        last = torch.arange(n_tags)
        bad = inside[None] & (last[None] > 0) & (last[:, None] != last[None])
        self.register_buffer("forbidden", bad & (last[:, None] != last[None] - 1))

    def forward(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        trans = self.transitions.masked_fill(self.forbidden, -1e4)
        score = self.start_transitions + emissions[:, 0]
        forward = [score]
        for t in range(1, emissions.shape[1]):
            step = (score[:, :, None] + trans).amax(1) + emissions[:, t]
            score = torch.where(mask[:, t, None], step, score)
            forward.append(score)
        return torch.stack(forward, 1), (score + self.end_transitions).amax(-1)


class IntentAndSlots(nn.Module):
    """What a user wants and with which values, given what was said before in the dialogue."""

    intent_prior: Tensor
    intent_thresholds: Tensor
    centroids: Tensor
    precision: Tensor

    def __init__(self, vocab: int = 320, intents: int = 18, tags: int = 15) -> None:
        super().__init__()
        self.word_emb = nn.Embedding(vocab, 48, padding_idx=0)
        self.char_cnn = CharCnn(70, 12, 12)
        self.speaker_emb = nn.Embedding(3, 48)
        self.lstm = nn.LSTM(48 + 24, 40, batch_first=True, bidirectional=True)
        self.prev_intent = nn.Embedding(intents + 1, 16, padding_idx=intents)
        self.attn = nn.MultiheadAttention(80, 4, batch_first=True, add_bias_kv=True)
        self.norm = nn.LayerNorm(80)
        self.pool = nn.Linear(80, 1, bias=False)
        self.intent = nn.Linear(80 + 16, intents)
        self.slot_gate = nn.Linear(80 + 16, 80, bias=False)
        self.slot_v = nn.Parameter(torch.ones(80))
        self.slot = nn.Linear(80, tags)
        self.crf = CrfDecoder(tags)
        self.register_buffer("intent_prior", torch.rand(intents).log_softmax(0))
        self.register_buffer("intent_thresholds", torch.rand(intents) * 0.3)
        self.register_buffer("centroids", torch.randn(intents, 96))
        self.register_buffer("precision", torch.eye(96) * 1.3 + 0.01 * torch.ones(96, 96))

    def forward(self, words: Tensor, chars: Tensor, speaker: Tensor, before: Tensor) -> Any:
        mask = words != 0
        x = self.word_emb(words) + self.speaker_emb(speaker)[:, None]
        x, _ = self.lstm(torch.cat([x, self.char_cnn(chars)], -1))
        mixed, _ = self.attn(x, x, x, key_padding_mask=~mask, need_weights=False)
        x = self.norm(x + mixed)
        weight = self.pool(x).squeeze(-1).masked_fill(~mask, -1e4).softmax(-1)
        sentence = torch.cat([(weight[..., None] * x).sum(1), self.prev_intent(before).sum(1)], -1)
        logits = self.intent(sentence)
        gate = (self.slot_v * torch.tanh(x + self.slot_gate(sentence)[:, None])).sum(-1)
        emissions = self.slot(x * gate[..., None])
        path, best = self.crf(emissions, mask)
        far = sentence[:, None] - self.centroids
        distance = torch.einsum("bkd,de,bke->bk", far, self.precision, far)
        probs = (logits - 0.3 * self.intent_prior).softmax(-1)
        accepted = (probs > self.intent_thresholds).to(probs.dtype)
        return probs * accepted, path, best, distance.amin(-1)


# --- code search


class RelativeBuckets(nn.Module):
    """A bias for each head by the distance of two tokens, in buckets that grow."""

    buckets: Tensor

    def __init__(self, heads: int, length: int, num_buckets: int = 16) -> None:
        super().__init__()
        self.table = nn.Embedding(num_buckets, heads)
        far = torch.arange(length) - torch.arange(length)[:, None]
        half = num_buckets // 2
        large = (far.abs().clamp(min=1).float() / 4).log() / math.log(8) * (half - 4) + 4
        near = torch.where(far.abs() < 4, far.abs(), large.long().clamp(4, half - 1))
        self.register_buffer("buckets", near + half * (far > 0), persistent=False)

    def forward(self, length: int) -> Tensor:
        made: Tensor = self.table(self.buckets[:length, :length]).permute(2, 0, 1)
        return made


class CodeLayer(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln1 = nn.LayerNorm(dim, elementwise_affine=True)
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.kv_proj = nn.Linear(dim, 2 * dim, bias=False)
        self.o_proj = nn.Linear(dim, dim, bias=False)
        self.ln2 = nn.LayerNorm(dim)
        self.wi_0 = nn.Linear(dim, 2 * dim, bias=False)
        self.wi_1 = nn.Linear(dim, 2 * dim, bias=False)
        self.wo = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, length, dim = x.shape
        y = self.ln1(x)
        q = self.q_proj(y).view(n, length, self.heads, -1).transpose(1, 2)
        k, v = (
            each.view(n, length, self.heads, -1).transpose(1, 2)
            for each in self.kv_proj(y).chunk(2, -1)
        )
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + self.o_proj(seen.transpose(1, 2).reshape(n, length, dim))
        y = self.ln2(x)
        made: Tensor = x + self.wo(F.gelu(self.wi_0(y), approximate="tanh") * self.wi_1(y))
        return made


class CodeSearch(nn.Module):
    """Queries and functions by one encoder; tokens of code also by the kind of their node. The
    index is whitened, and its vectors are kept beside the model.
    """

    index_vectors: Tensor
    whiten_mean: Tensor
    whiten_kernel: Tensor
    idf: Tensor

    def __init__(self, vocab: int = 350, dim: int = 64, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocab, dim, padding_idx=0)
        self.ast_embedding = nn.Embedding(40, dim, padding_idx=0)
        self.lang_prefix = nn.Parameter(torch.randn(6, dim))
        self.relative = RelativeBuckets(heads, 32)
        self.layers = nn.ModuleList([CodeLayer(dim, heads) for _ in range(layers)])
        self.final_norm = nn.LayerNorm(dim)
        self.tail = nn.Linear(dim, 48, bias=False)
        self.mlm_bias = nn.Parameter(torch.zeros(vocab))
        self.register_buffer("idf", torch.rand(vocab) * 4 + 0.5)
        self.register_buffer("whiten_mean", torch.randn(48) * 0.1)
        self.register_buffer("whiten_kernel", torch.randn(48, 32) * 0.3)
        self.register_buffer("index_vectors", F.normalize(torch.randn(256, 32), dim=1))
        self.logit_scale = nn.Parameter(torch.tensor(2.7))

    def encode(self, tokens: Tensor, nodes: Tensor, lang: Tensor) -> tuple[Tensor, Tensor]:
        keep = tokens != 0
        x = self.token_embedding(tokens) + self.ast_embedding(nodes)
        x = torch.cat([self.lang_prefix[lang][:, None], x], 1)
        seen = F.pad(keep, (1, 0), value=True)
        bias = self.relative(x.shape[1])[None] + torch.where(seen, 0.0, -1e4)[:, None, None]
        for layer in self.layers:
            x = layer(x, bias)
        x = self.final_norm(x)
        weight = F.pad(self.idf[tokens] * keep, (1, 0), value=1.0)
        pooled = (x * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)
        vector = (self.tail(pooled) - self.whiten_mean) @ self.whiten_kernel
        return F.normalize(vector, dim=-1), x

    def forward(self, query: Tensor, code: Tensor, nodes: Tensor, lang: Tensor) -> Any:
        asked, _ = self.encode(query, torch.zeros_like(query), torch.zeros_like(lang))
        held, states = self.encode(code, nodes, lang)
        pairs = asked @ held.t() * self.logit_scale.exp()
        scores, where = (asked @ self.index_vectors.t()).topk(5, dim=-1)
        likely = F.linear(states[:, 1:], self.token_embedding.weight, self.mlm_bias)
        return pairs, scores, where, likely


# --- music


class HarmonicStacking(nn.Module):
    """The spectrum read at multiples of each center frequency, by triangles whose widths are
    learned.
    """

    fft_freq: Tensor
    center: Tensor

    def __init__(self, bins: int, semitones: int, harmonics: int = 3, rate: int = 16000) -> None:
        super().__init__()
        self.register_buffer("fft_freq", torch.linspace(0, rate / 2, bins), persistent=False)
        f0 = 65.4 * 2 ** (torch.arange(semitones) / 4)
        center = torch.arange(1, harmonics + 1)[:, None] * f0
        self.register_buffer("center", center.clamp(max=rate / 2 - 1))
        self.bw_Q = nn.Parameter(torch.ones(1))

    def forward(self, spec: Tensor) -> Tensor:
        bw = (0.1079 * self.center + 24.7) / (self.bw_Q.abs() + 0.5)
        slope = (self.fft_freq - self.center[..., None]).abs() * 2 / bw[..., None]
        bank = torch.relu(1 - slope / 4)
        return torch.einsum("hsf,bft->bhst", bank, spec)


class ResidualUnit2d(nn.Module):
    def __init__(self, input_channels: int, output_channels: int, stride: int = 2) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(input_channels, output_channels, 3, stride, 1)
        self.bn_1 = nn.BatchNorm2d(output_channels)
        self.conv_2 = nn.Conv2d(output_channels, output_channels, 3, 1, 1)
        self.bn_2 = nn.BatchNorm2d(output_channels)
        self.conv_3 = nn.Conv2d(input_channels, output_channels, 3, stride, 1)
        self.bn_3 = nn.BatchNorm2d(output_channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn_2(self.conv_2(F.relu(self.bn_1(self.conv_1(x)))))
        return F.relu(self.bn_3(self.conv_3(x)) + out)


class MusicTagger(nn.Module):
    """Tags, key and tempo of a clip, from its magnitudes."""

    tag_prior: Tensor
    tag_threshold: Tensor
    co_occurrence: Tensor
    key_profiles: Tensor
    tempo_grid: Tensor

    def __init__(self, bins: int = 129, n_tags: int = 30) -> None:
        super().__init__()
        self.harmonic = HarmonicStacking(bins, 32)
        self.input_bn = nn.BatchNorm2d(3)
        self.layer1 = ResidualUnit2d(3, 24)
        self.layer2 = ResidualUnit2d(24, 32)
        self.layer3 = ResidualUnit2d(32, 48, stride=(2, 1))  # type: ignore[arg-type]
        self.att_conv = nn.Conv1d(48, 64, 1)
        self.cla_conv = nn.Conv1d(48, n_tags, 1)
        self.att_out = nn.Conv1d(64, n_tags, 1, bias=False)
        self.temperature = nn.Parameter(torch.full((n_tags,), 1.0))
        self.register_buffer("tag_prior", torch.rand(n_tags) * 0.2 + 0.01)
        self.register_buffer("tag_threshold", torch.rand(n_tags) * 0.5 + 0.2)
        joint = torch.rand(n_tags, n_tags)
        self.register_buffer("co_occurrence", (joint + joint.t()) / 2 / n_tags)
        major = torch.tensor(
            [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
        )
        rolled = torch.stack([major.roll(at) for at in range(12)])
        self.register_buffer("key_profiles", rolled - rolled.mean(1, keepdim=True))
        self.chroma = nn.Linear(48, 12)
        self.register_buffer("tempo_grid", torch.linspace(60, 180, 25))
        self.tempo_embed = nn.Parameter(torch.zeros(25, 48))

    def forward(self, magnitude: Tensor) -> Any:
        spec = torch.log1p(10 * magnitude.abs())
        x = self.input_bn(self.harmonic(spec))
        x = self.layer3(self.layer2(self.layer1(x))).amax(dim=2)
        att = self.att_out(torch.tanh(self.att_conv(x))).softmax(dim=-1)
        frame = torch.sigmoid(self.cla_conv(x) * self.temperature[:, None])
        clip = (att * frame).sum(-1)
        clip = (1 - 0.2) * clip + 0.2 * clip @ self.co_occurrence
        odds = clip / (1 - clip).clamp(min=1e-4) * (1 - self.tag_prior) / self.tag_prior
        chosen = clip >= self.tag_threshold
        pooled = x.mean(-1)
        key = (self.chroma(pooled).softmax(-1) @ self.key_profiles.t()).softmax(-1)
        tempo = (pooled @ self.tempo_embed.t()).softmax(-1) @ self.tempo_grid
        return clip, torch.log1p(odds), chosen.to(clip.dtype), key, tempo


# --- keywords


class Pcen(nn.Module):
    """Energies normalised in each channel by a smoother, whose state goes in and out."""

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.log_s = nn.Parameter(torch.full((n_mels,), math.log(0.025)))
        self.log_alpha = nn.Parameter(torch.full((n_mels,), math.log(0.98)))
        self.log_delta = nn.Parameter(torch.full((n_mels,), math.log(2.0)))
        self.log_r = nn.Parameter(torch.full((n_mels,), math.log(0.5)))

    def forward(self, mel: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        s = torch.sigmoid(self.log_s)
        smoothed = []
        for t in range(mel.shape[-1]):
            state = (1 - s) * state + s * mel[..., t]
            smoothed.append(state)
        smooth = torch.stack(smoothed, -1)
        alpha, delta, r = (
            each.exp().clamp(max=2.0)[:, None]
            for each in (self.log_alpha, self.log_delta, self.log_r)
        )
        gain = (1e-6 + smooth) ** -alpha
        return (mel * gain + delta) ** r - delta**r, state


class StreamConv(nn.Module):
    """A separable convolution that is given the frames it needs of the last call."""

    def __init__(self, cin: int, cout: int, kernel: int, groups: int = 4) -> None:
        super().__init__()
        self.keep = kernel - 1
        self.groups = groups
        self.dw = nn.Conv1d(cin, cin, kernel, groups=cin, bias=False)
        self.pw = nn.Conv1d(cin, cout, 1, groups=groups, bias=False)
        self.bn = nn.BatchNorm1d(cout)
        self.res = nn.Identity() if cin == cout else nn.Conv1d(cin, cout, 1, bias=False)
        self.ssn_scale = nn.Parameter(torch.ones(1, cout, 1))

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        full = torch.cat([cache, x], dim=-1)
        y = self.bn(self.pw(self.dw(full))) * self.ssn_scale
        n, c, t = y.shape
        y = y.view(n, self.groups, c // self.groups, t).transpose(1, 2).reshape(n, c, t)
        return F.relu(y + self.res(x)), full[..., -self.keep :]


class KeywordSpotter(nn.Module):
    """Some frames at a time: whether one of the keywords has ended, and who said it."""

    mel_offset: Tensor
    smoothing: Tensor
    arm_threshold: Tensor
    enrolled: Tensor

    def __init__(self, n_mels: int = 24, keywords: int = 10, speakers: int = 3) -> None:
        super().__init__()
        self.register_buffer("mel_offset", torch.rand(n_mels) * 0.1)
        self.pcen = Pcen(n_mels)
        self.conv1 = StreamConv(n_mels, 32, 9)
        self.conv2 = StreamConv(32, 32, 9)
        self.conv3 = StreamConv(32, 48, 9)
        self.gru = nn.GRUCell(48, 32)
        self.head = nn.Linear(32, keywords + 2)
        self.speaker = nn.Linear(32, 24, bias=False)
        self.register_buffer("enrolled", F.normalize(torch.randn(speakers, 24), dim=1))
        self.register_buffer("smoothing", torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05]))
        self.register_buffer("arm_threshold", torch.rand(keywords) * 0.4 + 0.4)

    def forward(
        self, mel: Tensor, level: Tensor, c1: Tensor, c2: Tensor, c3: Tensor, h: Tensor
    ) -> Any:
        energy = mel.abs() + self.mel_offset[:, None]
        x, level = self.pcen(energy, level.abs())
        x, c1 = self.conv1(x, c1)
        x, c2 = self.conv2(x, c2)
        x, c3 = self.conv3(x, c3)
        scores = []
        for t in range(x.shape[-1]):
            h = self.gru(x[..., t], h)
            scores.append(self.head(h))
        probs = torch.stack(scores, -1).softmax(1)[:, 2:]
        weight = self.smoothing.view(1, 1, -1).expand(probs.shape[1], -1, -1)
        smooth = F.conv1d(F.pad(probs, (4, 0), mode="replicate"), weight, groups=probs.shape[1])
        fired = (smooth - self.arm_threshold[:, None]).amax(-1)
        voice = F.normalize(self.speaker(h), dim=-1) @ self.enrolled.t()
        return smooth, fired, voice, level, c1, c2, c3, h


# --- hands


class InvertedResidual(nn.Module):
    def __init__(self, inp: int, oup: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inp * expand
        self.use_res = stride == 1 and inp == oup
        self.conv = nn.Sequential(
            nn.Conv2d(inp, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.PReLU(hidden),
            nn.Conv2d(hidden, hidden, 5, stride, 2, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.PReLU(hidden),
            nn.Conv2d(hidden, oup, 1, bias=False),
            nn.BatchNorm2d(oup),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.use_res else y


class HandPose(nn.Module):
    """Twenty-one joints from a crop: heatmaps with depths, then angles along the kinematic tree of
    a hand whose bones have lengths by shape.
    """

    pixel_mean: Tensor
    pixel_std: Tensor
    coords: Tensor
    ancestors: Tensor
    rest_bones: Tensor
    shape_basis: Tensor
    joint_limit: Tensor

    def __init__(self, side: int = 64, joints: int = 21, betas: int = 6) -> None:
        super().__init__()
        self.register_buffer("pixel_mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.PReLU(16)
        )
        self.stage1 = InvertedResidual(16, 24, 2, 4)
        self.stage2 = nn.Sequential(InvertedResidual(24, 40, 2, 4), InvertedResidual(40, 40, 1, 4))
        self.deconv = nn.ConvTranspose2d(40, 32, 4, 2, 1, bias=False)
        self.deconv_bn = nn.BatchNorm2d(32)
        self.skip = nn.Conv2d(24, 32, 1)
        self.heat = nn.Conv2d(32, joints, 1)
        self.depth = nn.Conv2d(32, joints, 1)
        self.beta = nn.Parameter(torch.tensor(10.0))
        size = side // 4
        axis = (torch.arange(size) + 0.5) / size
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(-1, 2)
        self.register_buffer("coords", grid, persistent=False)
        parents = [-1] + [0 if at % 4 == 1 else at - 1 for at in range(1, joints)]
        chain = torch.eye(joints)
        for at in range(1, joints):
            chain[at] += chain[parents[at]]
        self.register_buffer("ancestors", chain)
        self.register_buffer("rest_bones", torch.rand(joints) * 0.03 + 0.015)
        self.register_buffer("shape_basis", torch.randn(betas, joints) * 0.004)
        self.register_buffer("joint_limit", torch.rand(joints, 2) + 0.6)
        self.regress = nn.Linear(40, betas + 2 * joints + 1)
        self.mirror = nn.Linear(40, 1)
        self.skeleton = nn.Parameter(torch.eye(joints))
        self.refine = nn.Linear(3 + 3, 3)

    def forward(self, image: Tensor, is_left: Tensor, camera: Tensor) -> Any:
        x = (image - self.pixel_mean) / self.pixel_std
        flip = is_left.view(-1, 1, 1, 1)
        x = torch.where(flip, x.flip(-1), x)
        low = self.stage1(self.stem(x))
        top = self.stage2(low)
        fine = F.relu(self.deconv_bn(self.deconv(top)) + self.skip(low))
        heat = self.heat(fine).flatten(2)
        likely = (heat * self.beta).softmax(-1)
        uv = likely @ self.coords
        z = (likely * self.depth(fine).flatten(2)).sum(-1, keepdim=True)
        seen = heat.amax(-1).sigmoid()
        pooled = top.mean((2, 3))
        made = self.regress(pooled)
        shape, angles, scale = made.split([6, 42, 1], dim=-1)
        bones = (self.rest_bones + shape @ self.shape_basis).clamp(min=1e-3)
        bend = torch.tanh(angles.unflatten(-1, (-1, 2))) * self.joint_limit
        total = torch.einsum("ij,bjk->bik", self.ancestors, bend)
        a, b = total.unbind(-1)
        direction = torch.stack([a.sin() * b.cos(), -a.cos() * b.cos(), b.sin()], -1)
        kinematic = torch.einsum("ij,bjk->bik", self.ancestors, direction * bones[..., None])
        lifted = torch.cat([(uv - camera[:, None, 2:]) / camera[:, None, :2] * (1 + z), z], -1)
        both = torch.cat([lifted, kinematic * (1 + scale)[..., None]], -1)
        joints = kinematic + self.refine(torch.matmul(self.skeleton.softmax(-1), both))
        joints = torch.where(is_left.view(-1, 1, 1), joints * joints.new_tensor([-1, 1, 1]), joints)
        return joints, uv, seen, self.mirror(pooled).sigmoid()


# --- inspection


class PartInspection(nn.Module):
    """Defects of parts on a line: features against a bank of good ones, after the station's light
    has been corrected; a mask for where the part is, and thresholds by product.
    """

    flat_field: Tensor
    dark_frame: Tensor
    memory_bank: Tensor
    bank_density: Tensor
    pca_mean: Tensor
    pca_components: Tensor
    pca_inv_sqrt: Tensor
    gauss: Tensor
    score_mean: Tensor
    score_std: Tensor
    thresholds: Tensor
    roi: Tensor

    def __init__(self, side: int = 64, bank: int = 300, products: int = 5) -> None:
        super().__init__()
        self.register_buffer("dark_frame", torch.rand(1, 1, side, side) * 0.02)
        self.register_buffer("flat_field", 1 + torch.rand(1, 1, side, side) * 0.3)
        widths = (16, 32, 48)
        self.entry = nn.Conv2d(1, widths[0], 5, 2, 2)
        self.entry_norm = nn.InstanceNorm2d(widths[0], affine=True)
        self.down1 = nn.Conv2d(widths[0], widths[1], 3, 2, 1)
        self.down1_norm = nn.InstanceNorm2d(widths[1], affine=True)
        self.down2 = nn.Conv2d(widths[1], widths[2], 3, 2, 1)
        self.down2_norm = nn.InstanceNorm2d(
            widths[2], affine=True, track_running_stats=True, momentum=0.01
        )
        total, kept = widths[1] + widths[2], 40
        self.register_buffer("pca_mean", torch.randn(total) * 0.1)
        self.register_buffer("pca_components", torch.linalg.qr(torch.randn(total, kept))[0])
        self.register_buffer("pca_inv_sqrt", 1 / (torch.rand(kept) + 0.2))
        self.register_buffer("memory_bank", torch.randn(bank, kept))
        self.register_buffer("bank_density", torch.rand(bank) + 0.5)
        self.product_shift = nn.Embedding(products, kept)
        taps = torch.exp(-((torch.arange(5) - 2.0) ** 2) / 2)
        blur = torch.outer(taps, taps)
        self.register_buffer("gauss", (blur / blur.sum())[None, None])
        self.register_buffer("score_mean", torch.rand(products) + 3)
        self.register_buffer("score_std", torch.rand(products) + 0.5)
        self.register_buffer("thresholds", torch.rand(products, 2) * 2 + 1)
        self.register_buffer("roi", (torch.rand(products, side // 4, side // 4) > 0.15).float())
        self.defect = nn.Conv2d(total + 1, 24, 3, padding=1)
        self.defect_type = nn.Conv2d(24, 6, 1)

    def features(self, image: Tensor) -> Tensor:
        x = (image - self.dark_frame) / (self.flat_field - self.dark_frame).clamp(min=1e-3)
        x = F.leaky_relu(self.entry_norm(self.entry(x)), 0.01)
        one = F.leaky_relu(self.down1_norm(self.down1(x)), 0.01)
        two = F.leaky_relu(self.down2_norm(self.down2(one)), 0.01)
        wide = F.interpolate(two, size=one.shape[-2:], mode="bilinear", align_corners=False)
        return F.avg_pool2d(torch.cat([one, wide], 1), 3, 1, 1)

    def forward(self, image: Tensor, product: Tensor) -> Any:
        maps = self.features(image)
        rows = maps.flatten(2).transpose(1, 2)
        z = (rows - self.pca_mean) @ self.pca_components * self.pca_inv_sqrt
        z = z - self.product_shift(product)[:, None]
        square = z.square().sum(-1, keepdim=True) - 2 * z @ self.memory_bank.t()
        far = (square + self.memory_bank.square().sum(-1)).clamp(min=1e-6).sqrt()
        near, index = (far / self.bank_density).topk(3, dim=-1, largest=False)
        weight = 1 - (near - near.amax(-1, keepdim=True)).softmax(-1)[..., 0]
        score = (near[..., 0] * weight).unflatten(1, maps.shape[-2:])
        score = (score - self.score_mean[product][:, None, None]) * self.roi[product]
        score = score / self.score_std[product][:, None, None]
        smooth = F.conv2d(F.pad(score[:, None], (2, 2, 2, 2), mode="reflect"), self.gauss)
        kind = self.defect_type(F.relu(self.defect(torch.cat([maps, smooth], 1))))
        worst = smooth.flatten(1).amax(-1)
        limits = self.thresholds[product].sort(dim=-1).values
        verdict = (worst[:, None] > limits).sum(-1)
        return smooth, kind.softmax(1).amax((2, 3)), worst, verdict


# --- document layout


class BoxEmbedding(nn.Module):
    """Where a token is on the page, by tables for its sides, its size and its line."""

    def __init__(self, dim: int, steps: int = 128) -> None:
        super().__init__()
        self.steps = steps
        self.x_position = nn.Embedding(steps, dim // 4)
        self.y_position = nn.Embedding(steps, dim // 4)
        self.h_position = nn.Embedding(steps, dim // 8)
        self.w_position = nn.Embedding(steps, dim // 8)
        self.mix = nn.Linear(dim + dim // 4, dim)

    def forward(self, boxes: Tensor) -> Tensor:
        x0, y0, x1, y1 = boxes.unbind(-1)
        parts = [
            self.x_position(x0),
            self.x_position(x1),
            self.y_position(y0),
            self.y_position(y1),
            self.h_position((y1 - y0).clamp(0, self.steps - 1)),
            self.w_position((x1 - x0).clamp(0, self.steps - 1)),
        ]
        made: Tensor = self.mix(torch.cat(parts, -1))
        return made


class DocBlock(nn.Module):
    """Attention with queries, keys and values apart, of which keys have no bias."""

    def __init__(self, d_model: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.Wq = nn.Linear(d_model, d_model)
        self.Wk = nn.Linear(d_model, d_model, bias=False)
        self.Wv = nn.Linear(d_model, d_model)
        self.Wo = nn.Linear(d_model, d_model)
        self.norm_attn = nn.LayerNorm(d_model, eps=1e-12)
        self.fc1 = nn.Linear(d_model, 3 * d_model)
        self.fc2 = nn.Linear(3 * d_model, d_model)
        self.norm_ffn = nn.LayerNorm(d_model, eps=1e-12)
        self.gamma = nn.Parameter(torch.full((2, d_model), 0.5))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = (
            w(x).reshape(b, t, self.n_head, d // self.n_head).permute(0, 2, 1, 3)
            for w in (self.Wq, self.Wk, self.Wv)
        )
        a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // self.n_head) + bias, -1)
        y = self.Wo((a @ v).permute(0, 2, 1, 3).reshape(b, t, d))
        x = self.norm_attn(x + self.gamma[0] * y)
        made: Tensor = self.norm_ffn(x + self.gamma[1] * self.fc2(F.gelu(self.fc1(x))))
        return made


class DocumentLayout(nn.Module):
    """Entities on a page and links between them, from words, boxes and a small picture."""

    label_weights: Tensor
    allowed_links: Tensor

    def __init__(
        self, vocab: int = 300, d_model: int = 64, n_head: int = 4, labels: int = 9
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocab, d_model, padding_idx=0)
        self.boxes = BoxEmbedding(d_model)
        self.position = nn.Embedding(64, d_model)
        self.modality = nn.Parameter(torch.zeros(2, d_model))
        self.visual = nn.Sequential(
            nn.Conv2d(3, 24, 4, 4), nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, d_model, 4, 4)
        )
        self.visual_position = nn.Parameter(torch.zeros(16, d_model))
        self.emb_norm = nn.LayerNorm(d_model, eps=1e-12)
        self.rel_x = nn.Linear(32, n_head, bias=False)
        self.rel_y = nn.Linear(32, n_head, bias=False)
        self.blocks = nn.ModuleList([DocBlock(d_model, n_head) for _ in range(2)])
        self.tagger = nn.Linear(d_model, labels)
        self.head_proj = nn.Linear(d_model, 32)
        self.tail_proj = nn.Linear(d_model, 32)
        self.biaffine = nn.Parameter(torch.zeros(2, 33, 32))
        self.register_buffer("label_weights", torch.rand(labels) + 0.5)
        self.register_buffer("allowed_links", torch.rand(labels, labels) > 0.3)

    def relative(self, boxes: Tensor) -> Tensor:
        total: Any = 0.0
        for axis, proj in ((0, self.rel_x), (1, self.rel_y)):
            at = boxes[..., axis]
            far = at[:, None] - at[:, :, None]
            bucket = (far.abs().float() + 1).log().mul(3).long().clamp(max=15) + 16 * (far > 0)
            total = total + proj(F.one_hot(bucket, 32).to(proj.weight.dtype))
        made: Tensor = total.permute(0, 3, 1, 2)
        return made

    def forward(self, ids: Tensor, boxes: Tensor, image: Tensor) -> Any:
        batch, length = ids.shape
        keep = ids != 0
        x = self.words(ids) + self.boxes(boxes) + self.position.weight[:length] + self.modality[0]
        seen = self.visual(image).flatten(2).transpose(1, 2) + self.visual_position
        x = self.emb_norm(torch.cat([x, seen + self.modality[1]], 1))
        bias = F.pad(self.relative(boxes), (0, 16, 0, 16))
        bias = bias.masked_fill(~F.pad(keep, (0, 16), value=True)[:, None, None], -1e4)
        for block in self.blocks:
            x = block(x, bias)
        text = x[:, :length]
        tags = self.tagger(text) + self.label_weights.log()
        kind = tags.argmax(-1)
        head = F.pad(F.relu(self.head_proj(text)), (0, 1), value=1.0)
        tail = F.relu(self.tail_proj(text))
        links = torch.einsum("bid,kde,bje->bkij", head, self.biaffine, tail)
        allowed = self.allowed_links[kind[:, :, None], kind[:, None]]
        return tags, links.masked_fill(~allowed[:, None], -1e4).softmax(1)


# --- batteries


class OcvTable(nn.Module):
    """Open-circuit voltage by charge and temperature, between the knots of a table."""

    soc_knots: Tensor
    temp_knots: Tensor
    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        soc = torch.linspace(0, 1, 21)
        temp = torch.tensor([-10.0, 0, 10, 25, 45])
        curve = 3.0 + 0.9 * soc + 0.3 * torch.tanh(20 * soc) - 0.05 * torch.exp(-30 * (1 - soc))
        self.register_buffer("soc_knots", soc)
        self.register_buffer("temp_knots", temp)
        self.register_buffer(
            "table", curve + 0.002 * (temp[:, None] - 25) + 0.01 * torch.rand(5, 21)
        )

    def forward(self, soc: Tensor, temp: Tensor) -> Tensor:
        hat_soc = torch.relu(1 - (soc[:, None] - self.soc_knots).abs() * 20)
        right = (temp[:, None] >= self.temp_knots[1:-1]).sum(-1)
        low, high = self.temp_knots[right], self.temp_knots[right + 1]
        share = ((temp - low) / (high - low)).clamp(0, 1)
        by_temp = torch.lerp(self.table[right], self.table[right + 1], share[:, None])
        return (hat_soc * by_temp).sum(-1) / hat_soc.sum(-1).clamp(min=1e-3)


class BatteryObserver(nn.Module):
    """State of charge and of health of a pack: an equivalent circuit with a learned gain, and a
    network for what the circuit has not.
    """

    capacity_nominal: Tensor
    cell_offset: Tensor
    current_gain: Tensor
    charge_stats: Tensor

    def __init__(self, cells: int = 8, chemistries: int = 3, hidden: int = 24) -> None:
        super().__init__()
        self.ocv = OcvTable()
        self.register_buffer("capacity_nominal", torch.tensor([50.0, 62.5, 94.0]))
        self.register_buffer("cell_offset", torch.randn(cells) * 0.002)
        self.register_buffer("current_gain", torch.tensor([1.003, -0.04]))
        self.register_buffer("charge_stats", torch.tensor([[3.7, 0.3], [5.0, 40.0], [22.0, 12.0]]))
        self.log_r0 = nn.Parameter(torch.full((chemistries,), -6.5))
        self.log_r1 = nn.Parameter(torch.full((chemistries,), -7.0))
        self.log_tau = nn.Parameter(torch.full((chemistries,), 3.4))
        self.arrhenius = nn.Parameter(torch.tensor(0.02))
        self.chemistry = nn.Embedding(chemistries, 6)
        self.residual = nn.LSTMCell(4 + 6, hidden)
        self.gain_net = nn.Linear(hidden, 2)
        self.voltage_net = nn.Linear(hidden, 1)
        self.soh = nn.Sequential(nn.Linear(hidden + cells, 32), nn.SELU(), nn.Linear(32, 1))
        self.hidden0 = nn.Parameter(torch.zeros(2, hidden))

    def forward(self, volts: Tensor, amps: Tensor, temp: Tensor, kind: Tensor, soc: Tensor) -> Any:
        batch = volts.shape[0]
        cells = volts * self.charge_stats[0, 1] + self.charge_stats[0, 0] + self.cell_offset
        current = (amps * self.charge_stats[1, 1] - self.current_gain[1]) * self.current_gain[0]
        degrees = temp * self.charge_stats[2, 1] + self.charge_stats[2, 0]
        capacity = self.capacity_nominal[kind] * 3600
        r0, r1 = self.log_r0[kind].clamp(max=-4).exp(), self.log_r1[kind].clamp(max=-4).exp()
        decay = torch.exp(-10.0 / (1 + self.log_tau[kind].exp()))
        static = self.chemistry(kind)
        h, c = (each.expand(batch, -1) for each in self.hidden0)
        u1 = torch.zeros_like(soc)
        soc = torch.sigmoid(soc)
        track, wrong = [], []
        for t in range(volts.shape[1]):
            pack = cells[:, t].mean(-1)
            now, deg = current[:, t], degrees[:, t]
            cold = torch.exp(self.arrhenius * (25 - deg)).clamp(0.3, 3.0)
            soc = (soc - now * 10 / capacity).clamp(0.0, 1.0)
            u1 = decay * u1 + (1 - decay) * r1 * cold * now
            known = torch.stack([soc, u1, amps[:, t], temp[:, t]], -1)
            h, c = self.residual(torch.cat([known, static], -1), (h, c))
            guess = self.ocv(soc, deg) - u1 - r0 * cold * now + 0.05 * self.voltage_net(h)[:, 0]
            error = pack - guess
            gain = torch.sigmoid(self.gain_net(h)) * 0.1
            soc = (soc + gain[:, 0] * error).clamp(0.0, 1.0)
            u1 = u1 + gain[:, 1] * error
            track.append(soc)
            wrong.append(error)
        spread = cells.std(dim=1, unbiased=False) * 10
        health = torch.sigmoid(self.soh(torch.cat([h, spread], -1))).squeeze(-1)
        return torch.stack(track, 1), torch.stack(wrong, 1), health


# --- earthquakes


class PhasePicker(nn.Module):
    """Arrivals of P and S in three components, with the polarity of P and a magnitude that is
    corrected by the station's terms.
    """

    response: Tensor
    taper: Tensor
    station_terms: Tensor
    attenuation: Tensor

    def __init__(self, length: int = 256, stations: int = 20) -> None:
        super().__init__()
        self.register_buffer("response", torch.randn(1, 1, 17) * 0.1)
        ramp = (torch.arange(length).clamp(max=16) / 16 * math.pi / 2).sin()
        self.register_buffer("taper", ramp * ramp.flip(0), persistent=False)
        self.register_buffer("station_terms", torch.randn(stations, 2) * 0.3)
        self.register_buffer("attenuation", torch.tensor([1.11, 0.00189, -2.09]))
        widths = (8, 12, 20, 32)
        self.inc = nn.Conv1d(3, widths[0], 7, padding=3)
        self.in_bn = nn.BatchNorm1d(widths[0], eps=1e-3)
        self.down_branch = nn.ModuleList()
        for cin, cout in zip(widths, widths[1:], strict=False):
            self.down_branch.append(
                nn.ModuleList(
                    [
                        nn.Conv1d(cin, cin, 7, padding=3, bias=False),
                        nn.BatchNorm1d(cin, eps=1e-3),
                        nn.Conv1d(cin, cout, 7, stride=4, padding=3, bias=False),
                        nn.BatchNorm1d(cout, eps=1e-3),
                    ]
                )
            )
        self.bottleneck = nn.GRU(32, 16, batch_first=True, bidirectional=True)
        self.attn = nn.Parameter(torch.zeros(32, 32))
        self.up_branch = nn.ModuleList()
        for cin, cout in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.up_branch.append(
                nn.ModuleList(
                    [
                        nn.ConvTranspose1d(cin, cout, 8, stride=4, padding=2, bias=False),
                        nn.BatchNorm1d(cout, eps=1e-3),
                        nn.Conv1d(2 * cout, cout, 7, padding=3, bias=False),
                        nn.BatchNorm1d(cout, eps=1e-3),
                    ]
                )
            )
        self.out = nn.Conv1d(widths[0], 3, 1)
        self.polarity = nn.Conv1d(widths[0], 2, 1)
        self.station = nn.Embedding(stations, 8)
        self.magnitude = nn.Linear(32 + 8 + 2, 1)

    def forward(self, wave: Tensor, station: Tensor, distance: Tensor) -> Any:
        x = wave - wave.mean(-1, keepdim=True)
        n, c, t = x.shape
        x = F.conv1d(x.reshape(n * c, 1, t), self.response, padding=8).view(n, c, t)
        peak = x.abs().amax((1, 2))
        x = x / x.std(dim=(1, 2), keepdim=True).clamp(min=1e-6) * self.taper
        x = torch.relu(self.in_bn(self.inc(x)))
        skips = []
        down: Any
        for down in self.down_branch:
            same_conv, same_bn, down_conv, down_bn = down
            x = torch.relu(same_bn(same_conv(x)))
            skips.append(x)
            x = torch.relu(down_bn(down_conv(x)))
        states, _ = self.bottleneck(x.transpose(1, 2))
        weight = torch.softmax(states @ self.attn @ states.transpose(1, 2), -1)
        states = states + weight @ states
        x = states.transpose(1, 2)
        up: Any
        for up in self.up_branch:
            up_conv, up_bn, same_conv, same_bn = up
            x = torch.relu(up_bn(up_conv(x)))
            x = torch.relu(same_bn(same_conv(torch.cat([skips.pop(), x], 1))))
        picks = self.out(x).softmax(1)
        polarity = (self.polarity(x).softmax(1) * picks[:, :1]).sum(-1)
        far = distance.abs() * 50 + 5
        a, b, offset = self.attenuation
        known = torch.log10(peak + 1e-3) + a * torch.log10(far) + b * far + offset
        told = torch.cat([states.mean(1), self.station(station), self.station_terms[station]], -1)
        return picks, polarity, known + self.magnitude(told).squeeze(-1)


# --- portfolios


class GroupedLinear(nn.Module):
    """A layer for each asset, all of them at once."""

    def __init__(self, assets: int, inside: int, outside: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(assets, inside, outside) / inside**0.5)
        self.bias = nn.Parameter(torch.zeros(assets, outside))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bai,aio->bao", x, self.weight) + self.bias


class Allocator(nn.Module):
    """Weights of assets within limits of position and sector, net of costs, with the risk of a
    factor model whose covariance decays.
    """

    sector_onehot: Tensor
    loadings: Tensor
    factor_cov_chol: Tensor
    specific_var: Tensor
    half_life: Tensor
    ret_winsor: Tensor
    max_weight: Tensor
    sector_limit: Tensor
    cost_bps: Tensor

    def __init__(self, assets: int = 16, window: int = 40, factors: int = 5) -> None:
        super().__init__()
        sector = torch.arange(assets) % 4
        self.register_buffer("sector_onehot", F.one_hot(sector, 4).float())
        self.register_buffer("loadings", torch.randn(assets, factors) * 0.5)
        tri = torch.randn(factors, factors).tril() * 0.1
        self.register_buffer("factor_cov_chol", tri + 0.2 * torch.eye(factors))
        self.register_buffer("specific_var", torch.rand(assets) * 0.04 + 0.01)
        decay = 0.5 ** (torch.arange(window).flip(0) / 12)
        self.register_buffer("half_life", decay / decay.sum())
        self.register_buffer("ret_winsor", torch.rand(assets) * 0.05 + 0.03)
        self.register_buffer("max_weight", torch.rand(assets) * 0.1 + 0.1)
        self.register_buffer("sector_limit", torch.tensor([0.4, 0.35, 0.3, 0.45]))
        self.register_buffer("cost_bps", torch.rand(assets) * 20 + 2)
        self.temporal = nn.Conv1d(1, 8, 5, padding=2)
        self.temporal2 = nn.Conv1d(8, 8, 5, dilation=2, padding=4)
        self.per_asset = GroupedLinear(assets, 8 + 3, 16)
        self.cross = nn.MultiheadAttention(16, 2, batch_first=True)
        self.asset_embed = nn.Parameter(torch.zeros(assets, 16))
        self.regime = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
        self.expert = nn.Parameter(torch.zeros(3, 16))
        self.log_risk_aversion = nn.Parameter(torch.tensor(1.0))
        self.trade_penalty = nn.Parameter(torch.tensor(0.5))

    def covariance(self, returns: Tensor) -> Tensor:
        half = self.loadings @ self.factor_cov_chol
        eye = torch.eye(self.specific_var.numel(), device=half.device)
        prior = half @ half.t() + eye * self.specific_var
        mean = (returns * self.half_life).sum(-1, keepdim=True)
        far = returns - mean
        sample = torch.einsum("bit,t,bjt->bij", far, self.half_life, far)
        return 0.7 * prior + 0.3 * sample

    def forward(self, returns: Tensor, holdings: Tensor, macro: Tensor) -> Any:
        n, assets, window = returns.shape
        r = torch.tanh(returns) * self.ret_winsor[:, None]
        held = holdings.softmax(-1)
        vol = (r.square() * self.half_life).sum(-1).sqrt() + 1e-4
        z = (r / vol[..., None]).reshape(n * assets, 1, window)
        x = F.silu(self.temporal2(F.silu(self.temporal(z)))).mean(-1).view(n, assets, -1)
        momentum = r[..., -20:].sum(-1) / vol
        more = torch.stack([momentum, vol * 10, held * assets], -1)
        x = F.silu(self.per_asset(torch.cat([x, more], -1))) + self.asset_embed
        mixed, _ = self.cross(x, x, x, need_weights=False)
        x = x + mixed
        mix = self.regime(macro).softmax(-1)
        alpha = torch.einsum("bad,kd,bk->ba", x, self.expert, mix)
        cov = self.covariance(r)
        w = held
        for _ in range(4):
            risk = self.log_risk_aversion.exp() * torch.einsum("bij,bj->bi", cov, w)
            cost = self.trade_penalty.square() * torch.tanh((w - held) * 50) * self.cost_bps * 1e-3
            w = w * torch.exp((alpha - risk - cost).clamp(-3, 3))
            w = torch.minimum(w / w.sum(-1, keepdim=True), self.max_weight)
            total = w @ self.sector_onehot
            shrink = (self.sector_limit / total.clamp(min=1e-6)).clamp(max=1.0)
            w = w * (shrink @ self.sector_onehot.t())
        cash = 1 - w.sum(-1)
        ahead = torch.einsum("bi,bij,bj->b", w, cov, w).clamp(min=1e-8).sqrt() * 252**0.5
        return w, cash, ahead, mix


# --- genomics


class ReverseComplementConv(nn.Module):
    """Motifs on both strands by one set of filters; the better strand counts."""

    background: Tensor

    def __init__(self, filters: int, width: int) -> None:
        super().__init__()
        self.pwm_logits = nn.Parameter(torch.randn(filters, 4, width))
        self.threshold = nn.Parameter(torch.zeros(filters))
        self.register_buffer("background", torch.tensor([0.295, 0.205, 0.205, 0.295]))

    def forward(self, onehot: Tensor) -> Tensor:
        motif = self.pwm_logits.log_softmax(1) - self.background.log()[:, None]
        pad = motif.shape[-1] // 2
        forward = F.conv1d(onehot, motif, padding=pad)
        reverse = F.conv1d(onehot, motif.flip(1, 2), padding=pad)
        return torch.maximum(forward, reverse) - self.threshold[:, None]


class RegulatoryModel(nn.Module):
    """Sequence to signal tracks, with a bias model of the enzyme that is kept fixed, and effects of
    variants by the difference of two sequences.
    """

    enzyme_bias: Tensor
    track_mean: Tensor
    track_scale: Tensor
    blacklist: Tensor
    cell_pca: Tensor

    def __init__(self, length: int = 128, tracks: int = 12, dim: int = 40) -> None:
        super().__init__()
        self.base = nn.Embedding(5, 4)
        self.motif = ReverseComplementConv(32, 11)
        self.stem_bn = nn.BatchNorm1d(32)
        self.project = nn.Conv1d(32, dim, 1)
        self.dilated = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(dim),
                nn.GELU(),
                nn.Conv1d(dim, dim, 3, dilation=2**at, padding=2**at, bias=False),
                nn.BatchNorm1d(dim),
                nn.GELU(),
                nn.Conv1d(dim, dim, 1),
            )
            for at in range(1, 5)
        )
        self.pool_logits = nn.Parameter(torch.eye(dim) * 2)
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim, bias=False)
        self.v = nn.Linear(dim, dim, bias=False)
        self.rel_decay = nn.Parameter(torch.linspace(-3, 0, 4))
        self.out_proj = nn.Linear(dim, dim)
        self.attn_norm = nn.LayerNorm(dim)
        self.cell_head = nn.Linear(10, dim + 1)
        self.register_buffer("cell_pca", torch.randn(tracks, 10))
        self.register_buffer("enzyme_bias", torch.randn(1, 4, 7) * 0.2)
        self.bias_weight = nn.Parameter(torch.ones(tracks))
        self.register_buffer("track_mean", torch.rand(tracks) + 0.1)
        self.register_buffer("track_scale", torch.rand(tracks) * 4 + 1)
        self.register_buffer("blacklist", torch.rand(length // 4) > 0.95)

    def attend(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        y = self.attn_norm(x)
        q, k, v = (w(y).view(b, t, 4, d // 4).transpose(1, 2) for w in (self.q, self.k, self.v))
        at = torch.arange(t, device=x.device)
        far = (at[:, None] - at).abs().to(x.dtype)
        bias = -F.softplus(self.rel_decay)[:, None, None] * far
        a = (q @ k.transpose(-1, -2) * (d // 4) ** -0.5 + bias).softmax(-1)
        made: Tensor = x + self.out_proj((a @ v).transpose(1, 2).flatten(2))
        return made

    def predict(self, bases: Tensor) -> Tensor:
        onehot = self.base(bases).softmax(-1).transpose(1, 2)
        x = self.project(torch.exp(0.1 * self.stem_bn(self.motif(onehot)).clamp(max=20.0)))
        for block in self.dilated:
            x = x + block(x)
        parts = x.unflatten(-1, (-1, 4))
        weight = torch.einsum("bdlp,de->belp", parts, self.pool_logits).softmax(-1)
        x = self.attend((parts * weight).sum(-1).transpose(1, 2))
        head = self.cell_head(self.cell_pca)
        signal = x @ head[:, :-1].t() + head[:, -1]
        enzyme = F.avg_pool1d(F.conv1d(onehot, self.enzyme_bias, padding=3), 4).transpose(1, 2)
        signal = F.softplus(signal + enzyme * self.bias_weight) * self.track_scale
        return signal.masked_fill(self.blacklist[:, None], 0.0)

    def forward(self, reference: Tensor, alternate: Tensor) -> Any:
        both = self.predict(torch.cat([reference, alternate]))
        ref, alt = both.chunk(2)
        change = torch.log2((alt + 1).sum(1)) - torch.log2((ref + 1).sum(1))
        return ref, (ref - self.track_mean) / self.track_scale, change


# --- grasping


class FiLMBlock(nn.Module):
    def __init__(self, ch: int, cond: int) -> None:
        super().__init__()
        self.conv1 = nn.utils.parametrizations.weight_norm(nn.Conv2d(ch, ch, 3, padding=1))
        self.conv2 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(ch)
        self.film = nn.Linear(cond, 2 * ch)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        gamma, beta = self.film(cond)[..., None, None].chunk(2, 1)
        y = F.relu(self.conv1(x))
        return x + F.relu((1 + gamma) * self.bn(self.conv2(y)) + beta)


class GraspPlanner(nn.Module):
    """Grasps for every pixel of a depth image, as quality, angle and width, for one of several
    grippers; the best of them in the frame of the robot.
    """

    inv_intrinsics: Tensor
    hand_eye: Tensor
    depth_bias: Tensor
    workspace: Tensor
    gripper_spec: Tensor
    pixel_grid: Tensor
    sobel: Tensor

    def __init__(self, side: int = 48, instructions: int = 120) -> None:
        super().__init__()
        k = torch.tensor([[58.2, 0, side / 2 - 0.7], [0, 58.4, side / 2 + 0.4], [0, 0, 1]])
        self.register_buffer("inv_intrinsics", torch.linalg.inv(k))
        turn = torch.linalg.qr(torch.randn(3, 3))[0]
        pose = torch.cat([turn, torch.tensor([[0.42], [-0.03], [0.61]])], 1)
        self.register_buffer("hand_eye", torch.cat([pose, torch.tensor([[0.0, 0, 0, 1]])]))
        self.register_buffer("depth_bias", torch.randn(1, 1, side, side) * 0.003)
        self.register_buffer("workspace", torch.tensor([[-0.9, -0.9, -0.6], [0.9, 0.9, 1.4]]))
        self.register_buffer(
            "gripper_spec", torch.tensor([[0.085, 0.02], [0.14, 0.03], [0.05, 0.01]])
        )
        ys, xs = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        pixels = torch.stack([xs, ys, torch.ones_like(xs)]).float().view(3, -1)
        self.register_buffer("pixel_grid", pixels, persistent=False)
        sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
        self.register_buffer("sobel", torch.stack([sobel, sobel.t()])[:, None])
        self.word = nn.EmbeddingBag(instructions, 16, mode="mean")
        self.gripper = nn.Embedding(3, 8)
        self.fill_value = nn.Parameter(torch.tensor(0.7))
        self.entry = nn.Conv2d(4, 24, 5, stride=2, padding=2)
        self.body = nn.ModuleList([FiLMBlock(24, 26) for _ in range(2)])
        self.up = nn.Conv2d(24, 4 * 16, 3, padding=1)
        self.quality = nn.Conv2d(16, 1, 3, padding=1)
        self.cos2 = nn.Conv2d(16, 1, 3, padding=1)
        self.sin2 = nn.Conv2d(16, 1, 3, padding=1)
        self.width = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, depth: Tensor, gripper: Tensor, instruction: Tensor) -> Any:
        z = 0.6 + 0.1 * torch.tanh(depth) - self.depth_bias
        hole = depth < -1.5
        z = torch.where(hole, self.fill_value, z)
        edges = F.conv2d(F.pad(z, (1, 1, 1, 1), mode="replicate"), self.sobel)
        centered = z - z.mean((2, 3), keepdim=True)
        x = F.relu(self.entry(torch.cat([centered, edges, hole.to(z.dtype)], 1)))
        spec = self.gripper_spec[gripper]
        cond = torch.cat([self.gripper(gripper), self.word(instruction), spec * 10], -1)
        for block in self.body:
            x = block(x, cond)
        x = F.relu(F.pixel_shuffle(self.up(x), 2))
        quality = torch.sigmoid(self.quality(x))
        width = torch.sigmoid(self.width(x)) * spec[:, :1, None, None]
        angle = 0.5 * torch.atan2(torch.tanh(self.sin2(x)), torch.tanh(self.cos2(x)))
        rays = self.inv_intrinsics @ self.pixel_grid
        points = rays * z.flatten(2)
        base = torch.einsum("ij,bjp->bip", self.hand_eye[:3, :3], points) + self.hand_eye[:3, 3:]
        inside = (base > self.workspace[0][:, None]) & (base < self.workspace[1][:, None])
        usable = inside.all(1) & ~hole.flatten(1)
        score = torch.where(usable, quality.flatten(1), 0.0)
        best, index = score.topk(4, dim=-1)
        where = base.gather(2, index[:, None].expand(-1, 3, -1))
        return quality, angle.flatten(1).gather(1, index), width, where.transpose(1, 2), best
