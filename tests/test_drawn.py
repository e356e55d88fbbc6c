"""What the tenth part of the second zoo taught, whose models were drawn by lot: one small artifact
for each kind.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import save_file
from support.graphs import Arrays, Chain, audited, changed, checkpoint, dequantized, draw, nbits
from torch import nn

import onnx_params
from onnx_params.auditing.audit import audit
from onnx_params.inventory.opening import open_artifact
from onnx_params.names.placement import locate

SIZES = (64, 96)
N_LAYERS = 4
FACTOR = np.float32(0.17)


@pytest.mark.parametrize("reduces", [False, True], ids=["whole", "reduced"])
@pytest.mark.parametrize("by_channel", [False, True], ids=["tensor", "channels"])
@pytest.mark.parametrize("kind", [QuantType.QInt8, QuantType.QUInt8], ids=["signed", "unsigned"])
@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_half_precision_before_codes(
    half: type, kind: QuantType, by_channel: bool, reduces: bool, tmp_path: Path
) -> None:
    """Weights that were cast to half precision and then quantized are their checkpoint's; where a
    row is a twentieth larger, that one is not.
    """
    weights = {
        f"layer{at}__weight": draw(at, SIZES[at % 2], SIZES[1 - at % 2]) for at in range(N_LAYERS)
    }
    chain = Chain()
    for name, weight in weights.items():
        stored = chain.keep(name.replace("__", "."), weight.astype(half).astype(np.float32).T)
        chain.node("MatMul", chain.last, stored)
    exported, quantized = chain.save(tmp_path / "m.onnx"), tmp_path / "q.onnx"
    quantize_dynamic(
        exported, quantized, weight_type=kind, per_channel=by_channel, reduce_range=reduces
    )
    assert audit(quantized, reference=checkpoint(tmp_path / "c.safetensors", **weights)).passed
    weights["layer1__weight"][7] *= np.float32(1.05)
    made = audit(quantized, reference=checkpoint(tmp_path / "d.safetensors", **weights))
    assert {finding.name for finding in made.findings if finding.rule == "changed"} == {
        "layer1.weight"
    }


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_a_norm_in_half_precision_before_codes(half: type, tmp_path: Path) -> None:
    """Of convolutions with a norm in them no number is of the half type; what was quantized beside
    them says that they were.
    """
    held: Arrays = {}
    chain = Chain()
    for at in range(3):
        kernel, bias, mean = draw(at, 16, 8, 3, 3), draw(10 + at, 16), draw(20 + at, 16)
        gamma, variance = np.abs(draw(30 + at, 16)) + 1, np.abs(draw(40 + at, 16)) + 1
        own = (kernel, gamma, bias, mean, variance)
        leaves = ("conv__weight", "bn__weight", "bn__bias", "bn__running_mean", "bn__running_var")
        held |= {f"l{at}__{leaf}": each for leaf, each in zip(leaves, own, strict=True)}
        kernel, gamma, bias, mean, variance = (x.astype(half).astype(np.float32) for x in own)
        factor = gamma / np.sqrt(variance + np.float32(1e-5))
        folded = dequantized(chain, f"onnx::Conv_{2 * at}", kernel * factor[:, None, None, None])
        chain.node("Conv", f"x{at}", folded, chain.keep(f"onnx::Conv_{at}1", bias - mean * factor))
    for at in range(2):
        held[f"fc{at}__weight"], held[f"fc{at}__bias"] = draw(50 + at, 16, 16), draw(60 + at, 16)
        weight, bias = (held[f"fc{at}__{leaf}"].astype(half) for leaf in ("weight", "bias"))
        chain.node("MatMul", "y", dequantized(chain, f"fc{at}.weight", weight.astype(np.float32).T))
        chain.node("Add", chain.last, chain.keep(f"fc{at}.bias", bias.astype(np.float32)))
    assert [] == [(each.name, each.message) for each in audited(chain, tmp_path, held).failing]
    held["l1__conv__weight"] = held["l1__conv__weight"].copy()
    held["l1__conv__weight"][3] *= np.float32(1.1)
    assert not audited(chain, tmp_path, held).passed


def counted(path: Path) -> int:
    """How many parameters a report has."""
    return sum(math.prod(row.shape or ()) for row in onnx_params.analyze(path).rows)


# -- quantized in parts ---------------------------------------------------------------------------


@pytest.mark.parametrize("other", [None, 2])
def test_experts_that_were_quantized_apart(other: int | None, tmp_path: Path) -> None:
    """Each matrix of a stack is a tensor of its own; where one is another, the stack is named."""
    experts = draw(0, 4, 24, 16)
    chain = Chain()
    for at, matrix in enumerate(experts):
        values = draw(1, 24, 16) if at == other else matrix
        chain.node("MatMul", f"x{at}", dequantized(chain, f"val_{at}", values.T))
    made = audited(chain, tmp_path, {"mlp__experts": experts})
    assert made.passed is (other is None)
    assert ("mlp.experts" in changed(made)) is (other is not None)


@pytest.mark.parametrize("is_changed", [False, True])
def test_kernels_that_were_joined_and_quantized(is_changed: bool, tmp_path: Path) -> None:
    """Convolutions of query, key and value as one, with one scale."""
    parts = {f"conv.{leaf}.weight": draw(at, 16, 1, 4) for at, leaf in enumerate("qkv")}
    chain = Chain()
    joined = np.concatenate(list(parts.values()))
    chain.node("Conv", "x", dequantized(chain, "val_1", joined), group=48)
    if is_changed:
        parts["conv.k.weight"] = draw(7, 16, 1, 4)
    held = {name.replace(".", "__"): each for name, each in parts.items()}
    assert audited(chain, tmp_path, held).passed is not is_changed


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_part_that_is_stored_again(is_changed: bool, tmp_path: Path) -> None:
    """A layer that runs twice has its codes twice, and counts once; other codes are another's."""
    both = draw(0, 64, 32)
    chain = Chain()
    for at in range(2):
        for half, rows in enumerate((both[:32], both[32:])):
            other = is_changed and at == 1 and half == 1
            nbits(chain, f"val_{10 * at + half}", draw(5, 32, 32) if other else rows)
    made = audited(chain, tmp_path, {"layer__up_gate__weight": both})
    assert made.passed is not is_changed
    assert counted(tmp_path / "m.onnx") == both.size + is_changed * 32 * 32


@pytest.mark.parametrize("is_changed", [False, True])
def test_two_of_three_projections_in_codes(is_changed: bool, tmp_path: Path) -> None:
    """Query and key alone are left of three, quantized before their scales were halved."""
    joined = draw(0, 192, 64)
    chain = Chain()
    for at in range(2):
        part = draw(9, 64, 64) if is_changed and at else joined[64 * at : 64 * at + 64]
        scale = np.float32(np.abs(part).max() / 127)
        codes = chain.keep(f"val_{at}_quantized", np.round(part.T / scale).astype(np.int8))
        halved = chain.keep(f"val_{at}_scale", np.asarray(scale, np.float16))
        chain.node("DequantizeLinear", codes, halved)
        chain.node("MatMul", f"x{at}", chain.last)
    made = audited(chain, tmp_path, {"attn__in_proj_weight": joined})
    assert made.passed is not is_changed


def test_sines_in_codes(tmp_path: Path) -> None:
    """A table of positions is computed, also where it was quantized."""
    angles = np.arange(8)[:, None] / 10000 ** (np.arange(16) / 16)
    waves = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(8, 32).astype(np.float32)
    weight = draw(0, 32, 32)
    chain = Chain()
    table = dequantized(chain, "tower.positions.weight", waves)
    chain.node("MatMul", "x", table)
    chain.node("MatMul", chain.last, chain.keep("fc.weight", weight))
    assert audited(chain, tmp_path, {"fc__weight": weight}).passed
    chain.stored[0].raw_data = np.round(draw(3, 8, 32) * 30).astype(np.int8).tobytes()
    assert changed(audited(chain, tmp_path, {"fc__weight": weight})) == {"tower.positions.weight"}


# -- formulas and what witnesses them -------------------------------------------------------------


@pytest.mark.parametrize("is_of_both", [True, False])
def test_a_factor_of_weight_and_bias(is_of_both: bool, tmp_path: Path) -> None:
    """onnxruntime folds a factor into both; a weight alone that was multiplied was changed."""
    weight, bias = draw(0, 8, 4, 3, 3), draw(1, 8)
    chain = Chain()
    times = FACTOR if is_of_both else np.float32(1)
    stored = chain.keep("ConvMulFusion_W_block.conv.weight", weight * FACTOR)
    chain.node("Conv", "x", stored, chain.keep("ConvMulFusion_Mul_B_val_2", bias * times))
    made = audited(chain, tmp_path, {"block__conv__weight": weight, "block__conv__bias": bias})
    assert made.passed is is_of_both


@pytest.mark.parametrize(("name", "passes"), [("A_log", True), ("decay", False)])
def test_a_power_of_a_logarithm(name: str, passes: bool, tmp_path: Path) -> None:
    """A parameter's own name says that its exponential is what the model takes."""
    held = {f"ssm__{name}": draw(0, 8), "fc__weight": draw(1, 8, 8)}
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("fc.weight", held["fc__weight"]))
    chain.node("Mul", chain.last, chain.keep("view_5", np.exp(held[f"ssm__{name}"])))
    assert audited(chain, tmp_path, held).passed is passes


@pytest.mark.parametrize(("factor", "passes"), [(4, True), (7, False)])
def test_a_root_of_the_width(factor: int, passes: bool, tmp_path: Path) -> None:
    """Embeddings are multiplied by the root of their width before they are expanded."""
    held = {"cls_emb": draw(0, 1, 1, 16), "fc__weight": draw(1, 16, 16)}
    chain = Chain()
    chain.node("Concat", "x", chain.keep("expand_1", held["cls_emb"] * np.float32(factor)), axis=1)
    chain.node("MatMul", chain.last, chain.keep("fc.weight", held["fc__weight"]))
    assert audited(chain, tmp_path, held).passed is passes


def test_a_name_that_spells_a_formula(tmp_path: Path) -> None:
    """Few rounded numbers are near to several formulas of small ones; the name says which it is."""
    scale = draw(0, 4, 1, 1) * np.float32(0.02)
    others = {f"layers__{at}__scale": draw(at, 16, 1, 1) * np.float32(0.02) for at in range(1, 4)}
    chain = Chain()
    for at, values in enumerate((scale, *others.values())):
        chain.node("Mul", chain.last, dequantized(chain, f"exp_{at}", np.exp(values)))
    made = audited(chain, tmp_path, {"layers__0__scale": scale, **others})
    assert made.passed


def test_a_formula_that_ends_in_a_sum(tmp_path: Path) -> None:
    """torch's tutorial on parametrizations: a symmetric weight, called after the addition."""
    weight = draw(0, 8, 8)
    symmetric = np.triu(weight) + np.triu(weight, 1).T
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("add", symmetric))
    chain.node("Add", chain.last, chain.keep("a.bias", draw(1, 8)))
    held = {"a__parametrizations__weight__original": weight, "a__bias": draw(1, 8)}
    made = audited(chain, tmp_path, held)
    assert "folded" == next(j.verdict.value for j in made.judgements if j.name.startswith("a.par"))


# -- what torch's exporter computed ---------------------------------------------------------------


def exported(module: nn.Module, tmp_path: Path, *inputs: torch.Tensor) -> Path:
    """By dynamo, every parameter different, with its checkpoint beside it."""
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws))
    path = tmp_path / "m.onnx"
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    save_file(state, tmp_path / "c.safetensors")
    torch.onnx.export(module.eval(), inputs, path, dynamo=True, external_data=False)
    return path


class Fixed(nn.Module):
    """A layer of fixed inputs beside others, and one that has nothing but zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.time = nn.Linear(16, 16), nn.Linear(4, 16)
        self.last, self.empty = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> Any:
        moved = self.first(x) + nn.functional.silu(self.time(torch.ones(1, 4)))
        return self.last(moved) + self.empty(torch.zeros(1, 16, 16))


def test_layers_of_fixed_inputs(tmp_path: Path) -> None:
    """What a layer makes of fixed inputs is no changed bias; what is left of one that multiplies
    zeros is its bias.
    """
    path = exported(Fixed(), tmp_path, torch.randn(1, 16, 16))
    made = audit(path, reference=tmp_path / "c.safetensors")
    assert [] == [(each.name, each.message) for each in made.failing]


class Scaled(nn.Module):
    """A vector that its module lays out for an image."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(8))

    def forward(self, x: torch.Tensor) -> Any:
        return x * self.gamma.view(1, -1, 1, 1)


class Biased(nn.Module):
    """Attention whose biases were looked up before the export, as LeViT's are."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_biases = nn.Parameter(torch.ones(4, 9))
        self.qkv = nn.Linear(8, 12)
        distances = torch.arange(9)[:, None] - torch.arange(9)[None]
        self.places = distances.abs()

    def train(self, mode: bool = True) -> Biased:
        super().train(mode)
        self.ab = self.attention_biases[:, self.places].detach().clone()
        return self

    def forward(self, x: torch.Tensor) -> Any:
        q, k, v = (part.unflatten(-1, (4, 1)).swapaxes(1, 2) for part in self.qkv(x).chunk(3, -1))
        return (q @ k.swapaxes(-1, -2) + self.ab).softmax(-1) @ v


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.scale, self.attn = nn.Conv2d(3, 8, 3), Scaled(), Biased()

    def forward(self, x: torch.Tensor) -> Any:
        return self.attn(self.scale(self.conv(x)).flatten(2).swapaxes(1, 2))


def test_the_only_open_parameter_of_a_module(tmp_path: Path) -> None:
    """It is in the only stored tensor that hangs on the module, though the exporter's record of
    what was computed of what is gone.
    """
    module = Both()
    path = exported(module, tmp_path, torch.randn(1, 3, 5, 5))
    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)
    rows = {row.name: row.shape for row in onnx_params.analyze(path).rows}
    assert rows == {name: tuple(value.shape) for name, value in module.named_parameters()}


def test_constants_that_were_never_learned(tmp_path: Path) -> None:
    """Ones in the slot of a norm, zeros that are scattered into, an identity that is added."""
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("val_1", draw(0, 64, 64)))
    chain.node("LayerNormalization", chain.last, chain.keep("val_2", np.ones(64, np.float32)))
    chain.node("Add", chain.last, chain.keep("_to_copy_2", np.eye(64, dtype=np.float32)))
    zeros = chain.keep("val_3", np.zeros((64, 64), np.float32))
    places = chain.keep("val_4", np.arange(64).reshape(64, 1))
    chain.node("ScatterND", zeros, places, chain.last)
    assert counted(chain.save(tmp_path / "m.onnx")) == 64 * 64


@pytest.mark.parametrize(("first", "is_sure"), [(0, True), (1, False)])
def test_a_part_of_codes_has_no_certain_name(first: int, is_sure: bool, tmp_path: Path) -> None:
    """What nodes compute of some rows of a table is called after it, and is not it."""
    chain = Chain()
    codes = chain.keep("positions.weight_packed", np.ones((17, 8), np.uint8))
    chain.node("BitwiseAnd", codes, chain.keep("mask", np.uint8([15])))
    chain.node("Cast", chain.last, to=TensorProto.FLOAT)
    starts, ends = (chain.keep(f"at{at}", np.asarray([at])) for at in (first, 17))
    chain.node("Slice", chain.last, starts, ends)
    chain.node("MatMul", "x", chain.last)
    model = open_artifact(str(chain.save(tmp_path / "m.onnx"))).model
    (key,) = model.computed
    assert locate(model, model.stored[key]).sure is is_sure
