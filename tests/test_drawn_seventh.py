"""What the sixteenth part of the second zoo taught: one small artifact for each kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.graphs import Arrays, Chain, audited, draw
from torch import nn

import onnx_params
from onnx_params.report.report import Report

TORCH = "pytorch"


def drawn(module: nn.Module) -> nn.Module:
    """A module whose parameters are all different, as trained ones are."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module.eval()


def traced(module: nn.Module, tmp_path: Path, *inputs: torch.Tensor) -> Report:
    """The report on what TorchScript's exporter makes of a module."""
    path = tmp_path / "m.onnx"
    torch.onnx.export(drawn(module), inputs, path, dynamo=False)
    return onnx_params.analyze(path)


def expected(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(each.shape) for name, each in module.named_parameters()}


def shapes(report: Report) -> dict[str, tuple[int, ...] | None]:
    return {row.name: row.shape for row in report.rows}


# -- attention whose projections are taken apart --------------------------------------------------


class Crossed(nn.Module):
    """Attention to something else: values of it, or values of other places."""

    def __init__(self, width: int, has_places: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.attn = nn.MultiheadAttention(16, 2, kdim=width, vdim=width, batch_first=True)
        self.has_places = has_places

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> Any:
        keys = memory + 1 if self.has_places else memory
        return self.attn(self.embed(x), keys, memory)[0]


@pytest.mark.parametrize("width", [16, 24])
@pytest.mark.parametrize("has_places", [False, True])
def test_projections_that_were_split(width: int, has_places: bool, tmp_path: Path) -> None:
    """Two or three products take what torch has in one tensor, or in three of other widths."""
    module = Crossed(width, has_places)
    report = traced(module, tmp_path, torch.rand(2, 3, 8), torch.rand(2, 5, width))
    assert expected(module) == shapes(report)
    assert not any(row.certain for row in report.rows if "in_proj" in row.name)
    onnx_params.extract(tmp_path / "m.onnx", tmp_path / "out.safetensors")
    torch.save(module.state_dict(), tmp_path / "c.pt")
    found = onnx_params.audit(tmp_path / "out.safetensors", reference=tmp_path / "c.pt")
    assert found.passed


# -- what no one learned --------------------------------------------------------------------------


class WithZeros(nn.Module):
    """A norm that keeps zeros, for torch's function asks for a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(16))
        self.register_buffer("beta", torch.zeros(16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, (16,), self.gamma, self.beta)


def test_zeros_beside_a_scale(tmp_path: Path) -> None:
    layers = [nn.Linear(8, 16), WithZeros(), nn.Linear(16, 16), WithZeros(), nn.Linear(16, 4)]
    module = nn.Sequential(*layers)
    assert expected(module) == shapes(traced(module, tmp_path, torch.rand(2, 8)))


@pytest.mark.parametrize(("scale", "is_learned"), [(1.0, True), (None, False)])
def test_zeros_of_a_fresh_norm_are_learned(
    scale: float | None, is_learned: bool, tmp_path: Path
) -> None:
    """Beside a scale of ones, zeros are what a bias begins with."""
    chain = Chain()
    for at in range(2):
        chain.linear(f"fc.{at}.weight", draw(at, 16, 16))
        gamma = draw(2 + at, 16) if scale is None else np.full(16, scale, np.float32)
        zeros = chain.keep(f"norm.{at}.beta", np.zeros(16, np.float32))
        chain.node("LayerNormalization", chain.last, chain.keep(f"norm.{at}.gamma", gamma), zeros)
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert is_learned is ("norm.0.beta" in shapes(report))


def test_one_norm_of_zeros_says_nothing(tmp_path: Path) -> None:
    """A scale that was drawn beside a bias of zeros is a norm that was just made."""
    chain = Chain()
    chain.linear("fc.weight", draw(0, 16, 16))
    inputs = [chain.keep("norm.gamma", draw(1, 16))]
    inputs.append(chain.keep("norm.beta", np.zeros(16, np.float32)))
    chain.node("LayerNormalization", chain.last, *inputs)
    assert "norm.beta" in shapes(onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH)))


class WrittenOut(nn.Module):
    """A batch norm of a flow: it divides by a deviation, and gives the logarithm of it."""

    def __init__(self) -> None:
        super().__init__()
        self.unconstrained_weight = nn.Parameter(torch.ones(16))
        self.bias = nn.Parameter(torch.zeros(16))
        self.register_buffer("running_mean", torch.rand(16))
        self.register_buffer("running_var", torch.rand(16) + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance = self.running_var + 1e-5
        weight = nn.functional.softplus(self.unconstrained_weight)
        scaled = weight * (x - self.running_mean) / torch.sqrt(variance) + self.bias
        return scaled + (torch.log(weight) - 0.5 * torch.log(variance)).sum()


def test_deviations_of_norms_that_are_written_out(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(8, 16), WrittenOut(), nn.Linear(16, 4))
    assert expected(module) == shapes(traced(module, tmp_path, torch.rand(2, 8)))


DEGREES = np.array([[1, -1, 1], [1, 0, -2], [1, 1, 1]], np.float32) / np.float32(3)
SOBEL = np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]], np.float32) / 8


@pytest.mark.parametrize("is_learned", [False, True])
def test_an_orthogonal_basis(is_learned: bool, tmp_path: Path) -> None:
    """What a module calls a basis is one where its columns are orthogonal."""
    matrix = draw(0, 3, 3) if is_learned else DEGREES
    chain = Chain()
    chain.linear("fc.weight", draw(1, 3, 16))
    chain.node("Einsum", chain.last, chain.keep("basis:(1,1)", matrix), equation="bi,ij->bj")
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert is_learned is ("basis:(1,1)" in shapes(report))


@pytest.mark.parametrize(("name", "is_learned"), [("unsqueeze", False), ("edge.weight", True)])
def test_filters_of_differences(name: str, is_learned: bool, tmp_path: Path) -> None:
    """A few numbers that add up to zero, under a name that is no weight's."""
    chain = Chain()
    chain.node("Conv", "x", chain.keep(name, SOBEL))
    chain.node("Conv", chain.last, chain.keep("conv.weight", draw(0, 4, 1, 3, 3)))
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert is_learned is (name in shapes(report))


def test_zeros_in_the_rows_of_a_bias(tmp_path: Path) -> None:
    """A sum that begins with zeros is put into the first product: no bias has rows."""
    chain = Chain()
    weight = chain.keep("fc.weight", draw(0, 16, 16))
    chain.node("Gemm", "x", weight, chain.keep("onnx::Gemm_5", np.zeros((2, 16), np.float32)))
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert {"fc.weight": (16, 16)} == shapes(report)


@pytest.mark.parametrize("name", ["alias", "split_1_split_0"])
def test_zeros_under_the_names_of_calls(name: str, tmp_path: Path) -> None:
    """Frames that are put before and after others, as an optimizer computed them."""
    chain = Chain()
    chain.linear("fc.weight", draw(0, 16, 16))
    chain.node("Concat", chain.keep(name, np.zeros((1, 16), np.float32)), chain.last, axis=0)
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert {"fc.weight": (16, 16)} == shapes(report)


@pytest.mark.parametrize("n_groups", [1, 4])
def test_fillers_of_a_group_norm(n_groups: int, tmp_path: Path) -> None:
    """What fills the inner part of a group norm, also of one group, whose own scale follows."""
    chain = Chain()
    chain.linear("fc.weight", draw(0, 16, 16))
    fillers = [chain.keep(f"val_{at}", np.full(n_groups, 1 - at, np.float32)) for at in (0, 1)]
    chain.node("InstanceNormalization", chain.last, *fillers)
    chain.node("Reshape", chain.last, chain.keep("val_2", np.array([1, 16, 1], np.int64)))
    chain.node("Mul", chain.last, chain.keep("val_3", draw(1, 16, 1)))
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert {(16, 16), (16, 1)} == set(shapes(report).values())


# -- before the first layer -----------------------------------------------------------------------


class Outermost(nn.Module):
    """Parameters of the module that is exported itself, at its input."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        self.places = nn.Parameter(torch.zeros(6, 16))
        self.gain = nn.Parameter(torch.zeros(16))
        self.fc = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.fc((self.embed(x) + self.places) * self.gain)


class Prepared(nn.Module):
    """Statistics of data, which a module keeps as buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(16))
        self.register_buffer("std", torch.rand(16) + 1)
        self.fc = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.fc((x - self.mean) / self.std)


@pytest.mark.parametrize(
    ("module", "make"),
    [
        (Outermost(), lambda: torch.randint(0, 30, (2, 6))),
        (Prepared(), lambda: torch.rand(2, 16)),
        (nn.Sequential(nn.GroupNorm(1, 16), nn.Conv1d(16, 4, 1)), lambda: torch.rand(2, 16, 5)),
        (nn.Sequential(nn.GroupNorm(4, 16), nn.Conv1d(16, 4, 1)), lambda: torch.rand(2, 16, 5)),
    ],
)
def test_what_the_input_is_changed_by(
    module: nn.Module, make: Callable[[], torch.Tensor], tmp_path: Path
) -> None:
    """Parameters of the outermost module and of a norm are learned; a mean of data is not."""
    report = traced(module, tmp_path, make())
    assert expected(module) == shapes(report)


# -- what is stored more than once ----------------------------------------------------------------


class Weighted(nn.Module):
    """A weighted sum, whose few weights are used with axes and without."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.weights = nn.Parameter(torch.zeros(2))

    def forward(self, x: torch.Tensor) -> Any:
        layers = torch.stack([self.fc(x), x])
        return (self.weights[:, None, None] * layers).sum(0) / self.weights.sum()


def test_few_numbers_with_axes_and_without(tmp_path: Path) -> None:
    module = Weighted()
    report = traced(module, tmp_path, torch.rand(2, 8))
    assert sum(p.numel() for p in module.parameters()) == report.parameters
    assert expected(module) == shapes(report)


@pytest.mark.parametrize("value", [12.125, None])
def test_round_numbers_are_no_copy(value: float | None, tmp_path: Path) -> None:
    """Two pairs of round numbers may well be two parameters."""
    numbers = draw(0, 2) if value is None else np.array([value, 3.375], np.float32)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 2, 16))
    chain.node("Mul", chain.last, chain.keep("a.gain", numbers))
    chain.linear("b.weight", draw(2, 2, 2))
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_9", numbers[None]))
    chain.linear("c.weight", draw(3, 2, 2))
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert (4 if value is None else 5) == len(report.rows)


def test_lines_that_were_laid_out_again_and_again(tmp_path: Path) -> None:
    """A token for each window, as an optimizer computed it: one line is the parameter."""
    chain = Chain()
    chain.linear("fc.weight", draw(0, 16, 16))
    tokens = np.repeat(draw(1, 1, 16, 1), 4, axis=0)
    chain.node("Concat", chain.keep("view_1", tokens), chain.last, axis=0)
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert 16 * 16 + 16 == report.parameters


def test_a_layer_that_was_fused_once_a_call(tmp_path: Path) -> None:
    """An optimizer puts a norm into a layer wherever it is called: one weight, as often stored."""
    kernel, bias = draw(0, 8, 8, 3, 3), draw(1, 8)
    chain = Chain()
    chain.keep("getitem_bias", bias)
    for at in ("", "_3", "_6"):
        weight = chain.keep(f"getitem{at}_weight", kernel)
        chain.node("Conv", chain.last, weight, "getitem_bias", pads=[1, 1, 1, 1])
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert kernel.size + bias.size == report.parameters


# -- the audit ------------------------------------------------------------------------------------


def test_zeros_of_another_norm_are_no_witness(tmp_path: Path) -> None:
    """A norm that is not used is not there, though another one has the same zeros."""
    zeros = np.zeros(16, np.float32)
    arrays: Arrays = {"fc__weight": draw(0, 16, 16)}
    for at, name in enumerate(("norm", "unused")):
        arrays |= {f"{name}__gamma": draw(1 + at, 16), f"{name}__beta": zeros}
    chain = Chain()
    chain.linear("fc.weight", arrays["fc__weight"])
    inputs = [chain.keep(f"norm.{leaf}", arrays[f"norm__{leaf}"]) for leaf in ("gamma", "beta")]
    chain.node("LayerNormalization", chain.last, *inputs)
    assert audited(chain, tmp_path, arrays).passed


def to_brains(values: np.ndarray) -> np.ndarray:
    """Numbers rounded to bfloat16, as float32."""
    return torch.from_numpy(values).to(torch.bfloat16).float().numpy()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("is_changed", [False, True])
def test_a_model_in_half_precision_of_which_all_was_folded(
    dtype: type[np.generic], is_changed: bool, tmp_path: Path
) -> None:
    """Nothing that is left says what the model went through: the folds of rounded weights do."""
    arrays: Arrays = {}
    chain = Chain()
    for at in range(3):
        norm = {
            "weight": np.abs(draw(10 + at, 16)) + 1,
            "bias": draw(30 + at, 16),
            "running_mean": draw(20 + at, 16),
            "running_var": np.abs(draw(40 + at, 16)) + 1,
        }
        kept = {"conv__weight": draw(at, 16, 8, 3, 3)}
        kept |= {f"bn__{leaf}": values for leaf, values in norm.items()}
        kept = {name: values.astype(dtype) for name, values in kept.items()}
        arrays |= {f"l{at}__{name}": values for name, values in kept.items()}
        half = {name: to_brains(values.astype(np.float32)) for name, values in kept.items()}
        factor = half["bn__weight"] / np.sqrt(half["bn__running_var"] + np.float32(1e-5))
        kernel = half["conv__weight"] * factor[:, None, None, None]
        kernel[3, 2] *= np.float32(1.2 if is_changed and at == 1 else 1)
        bias = half["bn__bias"] - half["bn__running_mean"] * factor
        weight = chain.keep(f"onnx::Conv_{at}", kernel)
        chain.node("Conv", f"x{at}", weight, chain.keep(f"onnx::Conv_{at}1", bias))
    assert is_changed is not audited(chain, tmp_path, arrays).passed


@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_a_variance_with_an_epsilon(factor: float, tmp_path: Path) -> None:
    """What a norm that is written out takes the logarithm of is its variance, and no other one."""
    module = nn.Sequential(nn.Linear(8, 16), WrittenOut(), nn.Linear(16, 4))
    traced(module, tmp_path, torch.rand(2, 8))
    state = module.state_dict()
    state["1.running_var"] *= factor
    torch.save(state, tmp_path / "c.pt")
    made = onnx_params.audit(tmp_path / "m.onnx", reference=tmp_path / "c.pt")
    assert (factor == 1) is made.passed


def test_a_checkpoint_against_another_one(tmp_path: Path) -> None:
    """What has no graph uses all that it holds."""
    module = drawn(nn.Linear(8, 16))
    torch.save(module.state_dict(), tmp_path / "c.pt")
    torch.save(module.state_dict(), tmp_path / "same.pt")
    assert onnx_params.audit(tmp_path / "same.pt", reference=tmp_path / "c.pt").passed
    torch.save({"weight": module.weight.data, "bias": module.bias.data + 1}, tmp_path / "other.pt")
    assert not onnx_params.audit(tmp_path / "other.pt", reference=tmp_path / "c.pt").passed
