"""What the eighteenth part of the second zoo taught: one small artifact for each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.graphs import Arrays, Chain, audited, draw
from torch import nn
from torch.nn import functional

import onnx_params

TORCH = "pytorch"


def shapes(chain: Chain, tmp_path: Path) -> dict[str, tuple[int, ...] | None]:
    path = chain.save(tmp_path / "m.onnx", TORCH)
    return {row.name: row.shape for row in onnx_params.analyze(path).rows}


def traced(module: nn.Module, tmp_path: Path, *inputs: torch.Tensor) -> Path:
    """What TorchScript's exporter makes of a module whose parameters are all different."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    torch.onnx.export(module.eval(), inputs, tmp_path / "m.onnx", dynamo=False)
    torch.save(module.state_dict(), tmp_path / "c.pt")
    return tmp_path / "m.onnx"


# -- what counts ----------------------------------------------------------------------------------


class Normed(nn.Module):
    """A layer that divides its weight by a spectral norm of its own making."""

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 8))
        self.register_buffer("u", functional.normalize(torch.rand(n_rows), dim=0))
        self.register_buffer("v", functional.normalize(torch.rand(8), dim=0))

    def forward(self, x: torch.Tensor) -> Any:
        length = (self.weight @ self.v).abs().sum() * self.u.abs().sum()
        return functional.linear(x, self.weight / length)


@pytest.mark.parametrize(("n_rows", "is_learned"), [(6, False), (7, True)])
def test_vectors_of_a_spectral_norm_by_hand(n_rows: int, is_learned: bool, tmp_path: Path) -> None:
    """``u`` and ``v`` are such where they are as long as the weight beside them asks."""
    path = traced(nn.Sequential(nn.Linear(4, 8), Normed(n_rows)), tmp_path, torch.rand(2, 4))
    names = {row.name for row in onnx_params.analyze(path).rows}
    assert is_learned is ("1.v" in names)


@pytest.mark.parametrize(
    ("name", "values", "is_copy"),
    [
        ("onnx::Add_9", draw(0, 12, 16) * np.float32(0.25), True),
        ("onnx::ReduceSum_9", draw(0, 12, 16) ** 2, True),
        ("onnx::Add_9", draw(1, 12, 16), False),
        ("table.scaled", draw(0, 12, 16) * np.float32(0.25), False),
    ],
)
def test_what_was_computed_of_what_is_stored(
    name: str, values: np.ndarray, is_copy: bool, tmp_path: Path
) -> None:
    """A multiple or the square of a table that is there too, as TorchScript's exporter calls it."""
    chain = Chain()
    chain.node("Gather", chain.keep("table.weight", draw(0, 12, 16)), "x")
    chain.linear("fc.weight", draw(2, 16, 16))
    chain.node("Add", chain.last, chain.keep(name, values))
    assert (2 if is_copy else 3) == len(shapes(chain, tmp_path))


def test_lines_of_a_table_in_buckets(tmp_path: Path) -> None:
    """Distances that fall into buckets have the same line of a table again and again."""
    table = draw(0, 4, 8)
    chain = Chain()
    buckets = np.minimum(np.arange(64) // 4, 7)
    chain.node("Gather", chain.keep("onnx::Gather_6", table[:, buckets]), "x", axis=1)
    chain.linear("fc.weight", draw(1, 4, 4))
    assert {(4, 8), (4, 4)} == set(shapes(chain, tmp_path).values())


@pytest.mark.parametrize(("name", "is_learned"), [("unsqueeze_1", False), ("haar.weight", True)])
def test_filters_of_one_number(name: str, is_learned: bool, tmp_path: Path) -> None:
    """Sums and differences of neighbours, as those of Haar's wavelet."""
    filters = np.tile(np.array([0.7071, -0.7071], np.float32), (3, 1))[:, None]
    chain = Chain()
    chain.node("Conv", "x", chain.keep(name, filters), group=3)
    chain.node("Conv", chain.last, chain.keep("conv.weight", draw(0, 4, 3, 3)))
    assert is_learned is (name in shapes(chain, tmp_path))


class Twice(nn.Module):
    """Places of which the same part is taken in two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(4, 16, 8))
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> Any:
        for layer in self.layers:
            x = layer(x) + self.places[:, -12:].clone()
        return x


def test_a_part_that_is_there_twice(tmp_path: Path) -> None:
    """The same lines, folded for two uses, are no more of them."""
    torch.manual_seed(0)
    module = Twice()
    nn.init.normal_(module.places)
    path = tmp_path / "m.onnx"
    inputs = (torch.rand(4, 12, 8),)
    torch.onnx.export(module.eval(), inputs, path, dynamo=True, verbose=False, external_data=False)
    (places,) = (row for row in onnx_params.analyze(path).rows if row.name == "places")
    assert places.shape == (4, 12, 8)
    assert not places.certain


# -- the audit ------------------------------------------------------------------------------------


class Summed(nn.Module):
    """A sum of layers by the shares of a few numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])
        self.shares = nn.Parameter(torch.zeros(3))
        self.head = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> Any:
        results = []
        for layer in self.layers:
            x = layer(x)
            results.append(x)
        shares = functional.softmax(self.shares, -1)
        return self.head((torch.stack(results, 1) * shares.view(-1, 1)).sum(1))


@pytest.mark.parametrize("is_changed", [False, True])
def test_shares_of_a_few_layers(is_changed: bool, tmp_path: Path) -> None:
    """Softmax of a few numbers is computed of them; what else it may be of is not said."""
    path = traced(Summed(), tmp_path, torch.rand(2, 8))
    report = onnx_params.analyze(path)
    assert 4 * 72 + 3 == report.parameters
    if is_changed:
        state = torch.load(tmp_path / "c.pt")
        state["shares"][1] += 0.5
        torch.save(state, tmp_path / "c.pt")
    made = onnx_params.audit(path, reference=tmp_path / "c.pt")
    (found,) = (each for each in made.judgements if each.name == "shares")
    assert ("not comparable" if is_changed else "folded") == found.verdict.value


def test_shares_that_nobody_computed(tmp_path: Path) -> None:
    """Under the parameter's own name they are a change."""
    numbers = draw(0, 5)
    shares = np.exp(numbers) / np.exp(numbers).sum()
    arrays: Arrays = {"fc__weight": draw(1, 5, 16), "mix__gains": numbers}
    chain = Chain()
    chain.linear("fc.weight", arrays["fc__weight"])
    chain.node("Mul", chain.last, chain.keep("mix.gains", shares))
    assert not audited(chain, tmp_path, arrays).passed
