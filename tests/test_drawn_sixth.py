"""What the fifteenth part of the second zoo taught, which has models of widely used libraries: one
small artifact for each kind.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support.graphs import Arrays, Chain, audited, changed, dequantized, draw
from torch import nn

import onnx_params

TORCH = "pytorch"


def made(chain: Chain, tmp_path: Path, producer: str = TORCH) -> dict[str, tuple[int, ...] | None]:
    path = chain.save(tmp_path / "m.onnx", producer)
    return {row.name: row.shape for row in onnx_params.analyze(path).rows}


# -- before the first layer -----------------------------------------------------------------------


def waves(first: int) -> np.ndarray:
    """Sines and cosines of positions from ``first`` on."""
    angles = np.arange(first, first + 12)[:, None] / 10000 ** (np.arange(8) / 8)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


PIXELS = np.array([[0.5], [0.25], [0.75]], np.float32) + np.zeros((3, 16), np.float32)


@pytest.mark.parametrize(
    ("name", "values", "is_learned"),
    [
        ("onnx::Add_9", draw(0, 12, 16), True),  # positions, cut to the length of a text
        ("onnx::Add_9", draw(0, 1, 16), False),  # a number for each channel
        ("onnx::Add_9", waves(0), False),
        ("onnx::Add_9", waves(2), False),  # two places before are for padding
        ("onnx::Add_9", PIXELS, False),  # few different numbers
        ("val_9", draw(0, 12, 16), False),  # not of a module, as far as the name tells
    ],
)
def test_tables_that_an_exporter_computed(
    name: str, values: np.ndarray, is_learned: bool, tmp_path: Path
) -> None:
    """What TorchScript's exporter computes of a parameter, it keeps among the parameters."""
    chain = Chain()
    chain.node("Add", "x", chain.keep(name, values), name="/Add")
    chain.linear("fc.weight", draw(1, 16, 16))
    assert is_learned is (len(made(chain, tmp_path)) == 2)


@pytest.mark.parametrize(("shape", "is_learned"), [((1, 1, 1, 1), True), ((), False)])
def test_single_numbers_with_axes(shape: tuple[int, ...], is_learned: bool, tmp_path: Path) -> None:
    """A module's number is laid out for a result; one of the code has no axes."""
    chain = Chain()
    chain.linear("fc.weight", draw(1, 16, 16))
    number = np.full(shape, 0.3, np.float32)
    chain.node("Add", chain.last, chain.keep("onnx::Add_9", number), name="/attn/Add")
    chain.linear("out.weight", draw(2, 16, 16))
    assert is_learned is (len(made(chain, tmp_path)) == 3)


@pytest.mark.parametrize("is_broadcast", [False, True])
def test_biases_that_jax_broadcast(is_broadcast: bool, tmp_path: Path) -> None:
    """jax2onnx stores a bias in the shape of its result: it counts once."""
    bias = draw(2, 1, 16)
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("const_0", draw(1, 16, 16)))
    chain.node(
        "Add", chain.last, chain.keep("const_1", np.repeat(bias, 3 if is_broadcast else 1, 0))
    )
    shapes = made(chain, tmp_path, "jax2onnx").values()
    assert 16 * 16 + 16 == sum(int(np.prod(shape)) for shape in shapes if shape is not None)


# -- what signals are composed of -----------------------------------------------------------------

STEPS = np.linspace(-0.5, 1.5, 12, dtype=np.float32)
BASES = {
    "powers": np.stack([1.4 * STEPS**power for power in range(4)]),
    "waves": np.stack([np.cos(2 * np.pi * at * STEPS + 1) for at in range(1, 5)]),
    "columns": np.stack([np.cos(2 * np.pi * at * STEPS) for at in range(1, 5)]).T,
}


@pytest.mark.parametrize("kind", [*BASES, "learned"])
def test_sampled_functions(kind: str, tmp_path: Path) -> None:
    """A module's matrix of waves or powers was computed, whatever its name."""
    matrix = BASES.get(kind, draw(0, 4, 12)).astype(np.float32)
    chain = Chain()
    chain.linear("fc.weight", draw(1, len(matrix), 16))
    chain.node("MatMul", chain.last, chain.keep("trend.T_forecast", matrix), name="/trend/MatMul")
    assert (kind == "learned") is ("trend.T_forecast" in made(chain, tmp_path))


# -- composed graphs in codes ---------------------------------------------------------------------


def test_a_prefix_before_codes(tmp_path: Path) -> None:
    """Codes that a quantizer made of a composed graph have the framework's names too, and what the
    trace made is none.
    """
    chain = Chain()
    for at in range(10):
        last = chain.last
        weight = dequantized(chain, f"first/l{at}.weight", draw(at, 16, 16))
        chain.nodes[-1].name = f"first//l{at}/Dequantize"
        chain.node("MatMul", last, weight, name=f"first//l{at}/MatMul")
    table = chain.keep("first//Constant_1_output_0", draw(20, 16, 16))
    chain.node("MatMul", chain.last, table, name="first//MatMul")
    chain.node(
        "Add", chain.last, chain.keep("first/norm.bias", draw(21, 16)), name="first//norm/Add"
    )
    assert {f"l{at}.weight" for at in range(10)} | {"norm.bias"} == set(made(chain, tmp_path))


# -- the audit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_changed", [False, True])
def test_biases_in_the_order_of_rotations(is_changed: bool, tmp_path: Path) -> None:
    """Queries and keys of a joined projection are split, and their rows put in another order."""
    weight, bias = draw(0, 96, 32), draw(1, 96)
    order = np.arange(32).reshape(16, 2).T.reshape(-1)
    chain = Chain()
    for at, name in enumerate(("q", "k", "v")):
        rows = np.arange(32 * at, 32 * at + 32)
        rows = rows if name == "v" else rows[order]
        own = bias[rows].copy()
        own[3] += np.float32(0.5 * (is_changed and name == "k"))
        product = chain.keep(f"onnx::MatMul_{at}", weight[rows].T)
        chain.node("MatMul", "x", product, name=f"/attn/{name}_proj/MatMul")
        chain.node("Add", chain.keep(f"attn.{name}_proj.bias", own), chain.last)
    arrays: Arrays = {"attn__in_proj_weight": weight, "attn__in_proj_bias": bias}
    assert is_changed is bool(changed(audited(chain, tmp_path, arrays)))


@pytest.mark.parametrize("power", [-0.5, 0.5])
def test_rows_that_were_scaled(power: float, tmp_path: Path) -> None:
    """The places of a text, by the root of their width, are rows of their table."""
    table = draw(0, 32, 64)
    chain = Chain()
    scaled = table[:13] * np.float32(64**power)
    chain.node("Add", "x", chain.keep("onnx::Add_9", scaled), name="/Add")
    chain.linear("fc.weight", draw(1, 16, 64))
    arrays: Arrays = {"pos_emb__weight": table, "fc__weight": draw(1, 16, 64)}
    made = audited(chain, tmp_path, arrays)
    assert not made.failing
    (found,) = (claim for claim in made.inventory.parameters if claim.name == "pos_emb.weight")
    assert "sqrt(64)" in found.because


def test_a_halved_model_of_which_one_matrix_is_left(tmp_path: Path) -> None:
    """Where all norms were folded, a matrix and its bias say what the model went through."""
    arrays: Arrays = {}
    chain = Chain()
    for at in range(3):
        kernel, gamma, mean = (
            draw(at, 16, 8, 3, 3),
            np.abs(draw(10 + at, 16)) + 1,
            draw(20 + at, 16),
        )
        arrays |= {
            f"l{at}__conv__weight": kernel,
            f"l{at}__bn__weight": gamma,
            f"l{at}__bn__bias": draw(30 + at, 16),
            f"l{at}__bn__running_mean": mean,
            f"l{at}__bn__running_var": np.abs(draw(40 + at, 16)) + 1,
        }
        half = {
            name.rpartition("__")[2]: each.astype(np.float16).astype(np.float32)
            for name, each in arrays.items()
            if name.startswith(f"l{at}__bn")
        }
        factor = half["weight"] / np.sqrt(half["running_var"] + np.float32(1e-5))
        rounded = kernel.astype(np.float16).astype(np.float32)
        weight = chain.keep(f"onnx::Conv_{at}", rounded * factor[:, None, None, None])
        bias = chain.keep(f"onnx::Conv_{at}1", half["bias"] - half["running_mean"] * factor)
        chain.node("Conv", f"x{at}", weight, bias)
    head = draw(50, 32, 16), draw(51, 32)
    arrays |= {"fc__weight": head[0], "fc__bias": head[1]}
    stored = [each.astype(np.float16).astype(np.float32) for each in head]
    chain.linear("fc.weight", stored[0], "fc.bias", stored[1])
    assert audited(chain, tmp_path, arrays).passed


# -- what is extracted ----------------------------------------------------------------------------


class Masked(nn.Linear):
    """A layer of an autoregressive network, which takes some of its inputs."""

    def __init__(self) -> None:
        super().__init__(16, 16)
        self.register_buffer("mask", torch.tril(torch.ones(16, 16)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight * self.mask, self.bias)


def test_a_masked_weight_is_not_extracted(tmp_path: Path) -> None:
    """Gemm takes a weight as it is: one that TorchScript's exporter computed has other values."""
    torch.manual_seed(1)
    module = nn.Sequential(Masked(), nn.ReLU(), nn.Linear(16, 4)).eval()
    path = tmp_path / "m.onnx"
    torch.onnx.export(module, (torch.rand(2, 16),), path, dynamo=False)
    expected = {name: tuple(each.shape) for name, each in module.named_parameters()}
    report = onnx_params.analyze(path)
    assert expected == {row.name: row.shape for row in report.rows}
    onnx_params.extract(path, tmp_path / "out.safetensors")
    written = onnx_params.analyze(tmp_path / "out.safetensors")
    assert {"0.bias", "2.weight", "2.bias"} == {row.name for row in written.rows}
