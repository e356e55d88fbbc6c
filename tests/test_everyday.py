"""Models as they are written at work, through both of torch's exporters: what counts, and what it
was called. One small module for each kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.graphs import Chain, draw
from torch import nn
from torch.nn import functional

import onnx_params
from onnx_params.report.report import Report

TORCH = "pytorch"


def exported(module: nn.Module, tmp_path: Path, dynamo: bool, *inputs: torch.Tensor) -> Report:
    """The report on an export of a module whose parameters are all different."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    path = tmp_path / "m.onnx"
    options: dict[str, Any] = {"external_data": False, "verbose": False} if dynamo else {}
    torch.onnx.export(module.eval(), inputs, path, dynamo=dynamo, **options)
    return onnx_params.analyze(path)


def original(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def names(report: Report) -> set[str]:
    return {row.name for row in report.rows}


# -- what recurrent layers begin with -------------------------------------------------------------


class Begun(nn.Module):
    """A recurrent network whose first states were learned."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(12, 16, 2, bidirectional=True, batch_first=True)
        self.h0 = nn.Parameter(torch.zeros(4, 1, 16))
        self.c0 = nn.Parameter(torch.zeros(4, 1, 16))

    def forward(self, x: torch.Tensor) -> Any:
        n = x.shape[0]
        states = [each.expand(-1, n, -1).contiguous() for each in (self.h0, self.c0)]
        return self.layers(x, tuple(states))[0]


@pytest.mark.parametrize("dynamo", [False, True])
def test_learned_states(dynamo: bool, tmp_path: Path) -> None:
    """States of all layers and directions are one parameter; zeros are none."""
    module = Begun()
    report = exported(module, tmp_path, dynamo, torch.rand(2, 7, 12))
    assert {name: tuple(each.shape) for name, each in module.named_parameters()} == {
        row.name: row.shape for row in report.rows
    }
    plain = nn.LSTM(12, 16, batch_first=True)
    assert original(plain) == exported(plain, tmp_path, dynamo, torch.rand(2, 7, 12)).parameters


# -- what no one learned --------------------------------------------------------------------------

PLACES = torch.arange(7.0)
NEAR = (PLACES[:, None] - PLACES).abs() < 3
SPREAD = (NEAR / NEAR.sum(1, keepdim=True).sqrt() / NEAR.sum(0).sqrt()).float()
COSINES = torch.cos(math.pi / 16 * (torch.arange(16.0) + 0.5) * torch.arange(16.0)[:, None])
LOW = torch.tensor([-0.1294, 0.2241, 0.8365, 0.4830])
WAVELET = torch.stack([LOW, LOW.flip(0) * torch.tensor([1.0, -1.0, 1.0, -1.0])])[:, None]


class Buffered(nn.Module):
    """A module that uses one buffer beside a layer."""

    def __init__(self, values: torch.Tensor, use: Callable[..., Any], layer: nn.Module) -> None:
        super().__init__()
        self.register_buffer("table", values)
        self.use = use
        self.layer = layer

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(self.use(self.table, x))


def halves_of_a_signal(table: torch.Tensor, x: torch.Tensor) -> Any:
    return functional.conv1d(x, table, stride=2)


def colours(table: torch.Tensor, x: torch.Tensor) -> Any:
    return functional.conv2d(x, table)


def features(table: torch.Tensor, x: torch.Tensor) -> Any:
    return torch.relu(torch.tanh(x) @ table.t())


def moved(table: torch.Tensor, x: torch.Tensor) -> Any:
    return torch.tanh(x) @ table


def spread(table: torch.Tensor, x: torch.Tensor) -> Any:
    return table @ torch.tanh(x)


ORTHOGONAL = torch.linalg.qr(torch.randn(16, 16, generator=torch.manual_seed(3)))[0] * 4
COLOURS = torch.rand(3, 3, 1, 1, generator=torch.manual_seed(4))
MOVES = torch.eye(16)[torch.tensor([3, 0, 1, 2, *range(15, 3, -1)])]
CASES = {
    "adjacency": (SPREAD, spread, nn.Linear(8, 4), (7, 8)),
    "cosines": (COSINES, moved, nn.Linear(16, 4), (2, 16)),
    "permutation": (MOVES, moved, nn.Linear(16, 4), (2, 16)),
    "orthogonal features": (ORTHOGONAL, features, nn.Linear(16, 4), (2, 16)),
    "wavelet": (WAVELET, halves_of_a_signal, nn.Conv1d(2, 4, 3), (2, 1, 32)),
    "colours": (COLOURS, colours, nn.Conv2d(3, 4, 3), (2, 3, 8, 8)),
}


@pytest.mark.parametrize("case", CASES)
def test_buffers_that_the_numbers_tell(case: str, tmp_path: Path) -> None:
    """A trace has buffers among the parameters, under names of their own or made-up ones."""
    values, use, layer, shape = CASES[case]
    module = Buffered(values, use, layer)
    report = exported(module, tmp_path, False, torch.rand(*shape))
    assert original(module) == report.parameters
    # what was learned has other numbers
    module = Buffered(torch.randn(values.shape), use, layer)
    if case != "colours":
        learned = exported(module, tmp_path, False, torch.rand(*shape))
        assert original(module) + values.numel() == learned.parameters


def knots(table: torch.Tensor, x: torch.Tensor) -> Any:
    return (x[..., None] - table[:, :-1]).flatten(1)


def decays(table: torch.Tensor, x: torch.Tensor) -> Any:
    return torch.exp(torch.tanh(x) * table[:, None])[0]


@pytest.mark.parametrize(
    ("values", "use", "layer", "shape"),
    [
        ((torch.arange(9) * 0.4 - 1).expand(6, -1), knots, nn.Linear(48, 4), (2, 6)),
        (torch.log(1 - 2.0 ** -torch.arange(5.0, 9.0)), decays, nn.Linear(8, 4), (1, 4, 8)),
        (torch.tensor([0.5, 0.25]), decays, nn.Linear(8, 4), (1, 2, 8)),
        (torch.tensor([1.0, -1.0, 0.0, 1.0]), decays, nn.Linear(8, 4), (1, 4, 8)),
    ],
)
def test_numbers_by_a_formula(
    values: torch.Tensor, use: Callable[..., Any], layer: nn.Module, shape: Any, tmp_path: Path
) -> None:
    """Knots at equal steps, decays and slopes of heads, what somebody wrote down."""
    module = Buffered(values.contiguous(), use, layer)
    report = exported(module, tmp_path, False, torch.rand(*shape))
    assert original(module) == report.parameters


class Policy(nn.Module):
    """A policy that scales what it is given and what it answers, by numbers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
        for name, n in (("obs", 8), ("target", 3)):
            self.register_buffer(f"{name}_mean", torch.rand(n))
            self.register_buffer(f"{name}_std", torch.rand(n) + 1)
        self.register_buffer("action_scale", torch.rand(3))
        self.register_buffer("action_bias", torch.rand(3))
        self.register_buffer("price_std", torch.tensor(12.7))

    def forward(self, x: torch.Tensor) -> Any:
        y = self.body((x - self.obs_mean) / self.obs_std)
        action = torch.tanh(y) * self.action_scale + self.action_bias
        return action, y * self.target_std + self.target_mean, y.sum() * self.price_std


def test_statistics_of_data(tmp_path: Path) -> None:
    """Means and deviations by their names, before the first layer and after the last one."""
    module = Policy()
    assert original(module) == exported(module, tmp_path, False, torch.rand(2, 8)).parameters


# -- what was learned -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op_type", "name", "values"),
    [
        ("Mul", "mix.alpha", np.array([1, 0.5, 0.25, 0.1], np.float32)),  # as at first
        ("Mul", "fuse.w", np.full(4, 0.5, np.float32)),
        ("Mul", "onnx::Mul_7", np.array([0.5, 0.5], np.float32)[[0, 1, 0, 1]] + draw(0, 4)),
    ],
)
def test_what_a_module_may_begin_with(
    op_type: str, name: str, values: np.ndarray, tmp_path: Path
) -> None:
    """Numbers that somebody wrote down under a module's name may be what it learns."""
    chain = Chain()
    chain.linear("a.weight", draw(1, 4, 16))
    chain.node(op_type, chain.last, chain.keep(name, values), name="/mix/Mul")
    chain.linear("b.weight", draw(2, 4, 4))
    assert 3 == len(onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH)).rows)


class Symmetric(nn.Module):
    """A layer whose weight is its own transpose, of which the exporter computes it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 8))
        self.bias = nn.Parameter(torch.zeros(8))

    def forward(self, x: torch.Tensor) -> Any:
        return functional.linear(x, (self.weight + self.weight.T) / 2, self.bias)


def test_layers_that_are_symmetric(tmp_path: Path) -> None:
    """What has a bias is a layer, whatever its numbers say."""
    module = nn.Sequential(nn.Linear(4, 8), Symmetric(), nn.Linear(8, 2))
    assert original(module) == exported(module, tmp_path, False, torch.rand(2, 4)).parameters


def test_slopes_that_are_the_same(tmp_path: Path) -> None:
    """Two layers may begin with the same number: they are two parameters."""
    chain = Chain()
    for at in range(2):
        chain.node("Conv", chain.last, chain.keep(f"c{at}.weight", draw(at, 64, 64, 1, 1)))
        slope = chain.keep(f"onnx::PRelu_{at}", np.full((64, 1, 1), 0.25, np.float32))
        chain.node("PRelu", chain.last, slope, name=f"/p{at}/PRelu")
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert 2 * (64 * 64 + 64) == report.parameters


@pytest.mark.parametrize("values", [np.float32(1), np.zeros((0, 3), np.float32)])
def test_kernels_that_are_none(values: Any, tmp_path: Path) -> None:
    """A kernel without axes, or without elements, is read without a traceback."""
    chain = Chain()
    chain.node("Conv", "x", chain.keep("k", np.asarray(values)), name="/Conv")
    chain.linear("fc.weight", draw(0, 4, 4))
    assert onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH)).rows


def test_powers_beyond_all_numbers(tmp_path: Path) -> None:
    """Numbers that grow to infinity are no sampled functions, and no error."""
    with np.errstate(over="ignore"):
        table = np.arange(6, dtype=np.float64) ** np.arange(450)[:, None]
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("m.basis", table), name="/m/MatMul")
    assert onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH)).inventory.classified


class Scaled(nn.Module):
    """Numbers of the outermost module, of one letter too."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(16, 16)
        self.a = nn.Parameter(torch.zeros(1, 16, 1))
        self.s = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> Any:
        y = self.l(x)[..., None]
        return self.s * (y + torch.sin(y * self.a) ** 2 / (self.a + 1e-9))


def test_numbers_of_the_outermost_module(tmp_path: Path) -> None:
    """A scale is learned whatever it is called; a parameter with an epsilon is there once."""
    module = Scaled()
    report = exported(module, tmp_path, False, torch.rand(2, 16))
    assert original(module) == report.parameters
    assert {"a", "s"} <= names(report)


class Windowed(nn.Module):
    """Attention with a bias for each distance in a window, looked up by a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Linear(16, 32)
        self.table = nn.Parameter(torch.zeros(49, 2))
        places = torch.stack(torch.meshgrid(*[torch.arange(4)] * 2, indexing="ij")).flatten(1)
        down, across = places[:, :, None] - places[:, None] + 3
        self.register_buffer("index", down * 7 + across)

    def forward(self, x: torch.Tensor) -> Any:
        scores = self.scores(x).view(-1, 16, 2, 16).transpose(1, 2)
        biases = self.table[self.index.view(-1)].view(16, 16, 2).permute(2, 0, 1)
        return (scores + biases).softmax(-1)


@pytest.mark.parametrize("dynamo", [False, True])
def test_a_table_by_a_buffer_of_indices(dynamo: bool, tmp_path: Path) -> None:
    module = Windowed()
    report = exported(module, tmp_path, dynamo, torch.rand(2, 16, 16))
    assert original(module) == report.parameters


# -- what optimizers computed ---------------------------------------------------------------------


def after_a_layer(tmp_path: Path, op_type: str, name: str, values: np.ndarray) -> set[str]:
    """The parameters of a model in which a layer's result meets what an optimizer computed."""
    chain = Chain()
    chain.linear("fc.weight", draw(0, values.shape[-1], 16))
    chain.node(op_type, chain.last, chain.keep(name, values), name="/encoder/Add")
    chain.linear("out.weight", draw(1, 4, values.shape[-1]))
    path = chain.save(tmp_path / "m.onnx", TORCH)
    return names(onnx_params.analyze(path)) - {"fc.weight", "out.weight"}


def origin() -> np.ndarray:
    """Sines and cosines of the places of a grid of two by two, its two axes side by side."""
    angles = np.array([0, 1])[:, None] / 10 ** np.arange(4)
    axis = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    down, across = np.repeat(axis, 2, axis=0), np.tile(axis, (2, 1))
    return np.concatenate([down, across], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "values", "is_learned"),
    [
        ("/encoder/Unsqueeze_output_0", origin(), False),
        ("/encoder/Unsqueeze_output_0", draw(2, 4, 16), True),
        ("detach_2", origin(), False),
        ("/decoder/Where_7_output_0", draw(2, 4, 16), False),
        ("stack_2", np.tile(np.arange(16, dtype=np.float32), (4, 1)), False),
        ("cos_1", np.cos(draw(2, 4, 16)), False),
        ("split_1_split_0", draw(2, 4, 16), True),
    ],
)
def test_what_an_optimizer_computed(
    name: str, values: np.ndarray, is_learned: bool, tmp_path: Path
) -> None:
    """Places, rotations and choices under the names of their operators."""
    assert is_learned is bool(after_a_layer(tmp_path, "Add", name, values))


def test_what_was_computed_once_more(tmp_path: Path) -> None:
    """A bias that an optimizer also found as the result of a layer on zeros is one parameter."""
    bias = draw(3, 64)
    chain = Chain()
    chain.linear("cell.weight", draw(0, 64, 16), "cell.bias", bias)
    chain.node("Add", chain.last, chain.keep("/cell/Gemm_1_output_0", bias))
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert {"cell.weight", "cell.bias"} == names(report)


def test_rows_that_an_optimizer_looked_up(tmp_path: Path) -> None:
    """Distances between places have as many rows as there are different ones."""
    table = draw(4, 7, 8)
    places = np.arange(4)
    rows = table[places[:, None] - places + 3]
    chain = Chain()
    chain.linear("fc.weight", draw(0, 8, 16))
    chain.node("Einsum", chain.last, chain.keep("index", rows), equation="bd,qkd->bqk")
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert {(8, 16), (7, 8)} == {row.shape for row in report.rows}
