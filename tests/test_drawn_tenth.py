"""What the nineteenth and the twentieth part of the second zoo taught, and chains of optimizers: one
small artifact for each kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.graphs import Chain, audited, changed, coded, dequantized, draw, nbits
from torch import nn

import onnx_params
from onnx_params.errors import UsageError
from onnx_params.matching.computed_copies import computed_copies
from onnx_params.tensors.codebooks import CODEBOOKS

TORCH = "pytorch"


def shapes(chain: Chain, tmp_path: Path) -> dict[str, tuple[int, ...] | None]:
    path = chain.save(tmp_path / "m.onnx", TORCH)
    return {row.name: row.shape for row in onnx_params.analyze(path).rows}


# -- the audit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_columns_that_were_looked_up(is_changed: bool, tmp_path: Path) -> None:
    """A layer without a bias whose inputs are one-hot: distances in buckets, of which the exporter
    looked up a column each.
    """
    weight = draw(0, 4, 24)
    places = np.clip(np.abs(np.arange(-60, 61)) // 3, 0, 20)
    table = np.ascontiguousarray(weight[:, places])
    if is_changed:
        table[2, 7] += 1
    chain = Chain()
    chain.linear("fc.weight", fc := draw(1, 16, 16))
    held = chain.last
    chain.node("Gather", chain.keep("onnx::Gather_5", table), "x", axis=1)
    chain.node("Add", held, chain.last)
    made = audited(chain, tmp_path, {"rel_pos__weight": weight, "fc__weight": fc})
    assert changed(made) == ({"rel_pos.weight"} if is_changed else set())
    assert made.passed is not is_changed


# -- what counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["final_logits_bias", "onnx::Add_9", "fc.bias"])
def test_what_stands_in_the_place_of_a_bias(name: str, tmp_path: Path) -> None:
    """onnxslim puts into a layer what was added to its results: a buffer by its name, or zeros that
    no module named; another may have been learned, though no layer's bias has two axes.
    """
    values = draw(0, 1, 12) if "::" not in name else np.zeros((1, 12), np.float32)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 12, 16), name, values)
    assert (name == "fc.bias") is (len(shapes(chain, tmp_path)) == 2)


@pytest.mark.parametrize("is_mask", [True, False])
def test_a_mask_that_is_looked_up(is_mask: bool, tmp_path: Path) -> None:
    """One number for pairs of places that see each other, and the least for others, of which the
    model chooses lines.
    """
    mask = np.triu(np.full((12, 12), np.finfo(np.float32).min, np.float32), 1)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 12, 12))
    held = chain.last
    chain.node("Gather", chain.keep("val_21", mask if is_mask else draw(0, 12, 12)), "x")
    chain.node("Add", held, chain.last)
    assert is_mask is (len(shapes(chain, tmp_path)) == 1)


def test_a_head_that_an_optimizer_laid_out_again(tmp_path: Path) -> None:
    """onnxslim calls the weight of the layer that it makes after a product: it is the table."""
    table = draw(0, 24, 16)
    chain = Chain()
    chain.node("Gather", chain.keep("embed.weight", table), "x")
    chain.linear("fc.weight", draw(1, 16, 16))
    chain.linear("linear_3_weight", table)
    assert set(shapes(chain, tmp_path)) == {"embed.weight", "fc.weight"}


def test_constants_of_the_code_in_codes(tmp_path: Path) -> None:
    """torch.export lifts a tensor that no module has, and a quantizer makes codes of it."""
    chain = Chain()
    table = chain.node("DequantizeLinear", *coded(chain, "embed.lifted_tensor_0", draw(0, 7, 4)))
    chain.node("Gather", table, "x")
    chain.linear("fc.weight", draw(1, 4, 4))
    assert set(shapes(chain, tmp_path)) == {"fc.weight"}


def test_words_before_waves(tmp_path: Path) -> None:
    """Zeros for words, then sines and cosines for the patches of a picture."""
    angles = np.arange(20)[:, None] * 100.0 ** (-np.arange(8) / 8)
    waves = np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 16, 16))
    table = np.concatenate([np.zeros((7, 16), np.float32), waves])[None]
    chain.node("Add", chain.last, chain.keep("_to_copy_1", table))
    chain.linear("head.weight", draw(2, 16, 16))
    assert set(shapes(chain, tmp_path)) == {"fc.weight", "head.weight"}


@pytest.mark.parametrize("is_learned", [False, True])
def test_an_adapters_buffers(is_learned: bool, tmp_path: Path) -> None:
    """What peft keeps beside the factors of an adapter, in a dictionary of buffers."""
    leaf = "delora_lambdas" if is_learned else "delora_w_norm"
    chain = Chain()
    chain.linear("q.base_layer.weight", draw(1, 16, 16))
    chain.node("Mul", chain.last, chain.keep(f"q.{leaf}.default", draw(0, 16)))
    chain.linear("fc.weight", draw(2, 16, 16))
    assert is_learned is (len(shapes(chain, tmp_path)) == 3)


def test_a_bias_that_is_called_after_a_factor(tmp_path: Path) -> None:
    """onnxruntime's fusion calls it after the constant that multiplied the convolution."""
    chain = Chain()
    weight = chain.keep("ConvMulFusion_W_up.weight", draw(0, 8, 3, 1, 1))
    bias = chain.keep("ConvMulFusion_Mul_B_/up/Constant_output_0", draw(1, 8))
    chain.node("Conv", "x", weight, bias, name="/up/Conv")
    chain.keep("up.other", draw(2, 4))
    assert sorted(shape for shape in shapes(chain, tmp_path).values() if shape) == [
        (4,),
        (8,),
        (8, 3, 1, 1),
    ]


def test_a_factor_that_is_stored_in_codes_too(tmp_path: Path) -> None:
    """A module takes the lengths of its factor, and multiplies by it: those codes are no other."""
    factor = draw(0, 4, 64)
    chain = Chain()
    chain.node("MatMul", "x", dequantized(chain, "onnx::MatMul_8", factor.T), name="/q/MatMul")
    held = chain.last
    chain.node("ReduceL2", chain.keep("q.factor.default", factor), name="/q/ReduceL2")
    chain.node("Div", held, chain.last, name="/q/Div")
    assert set(shapes(chain, tmp_path)) == {"q.factor.default"}


# -- modules as they are written at work, as TorchScript's exporter has them ------------------------


def traced(module: nn.Module, tmp_path: Path, *inputs: torch.Tensor) -> set[str]:
    """The names of the rows of a module whose parameters are all different."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    torch.onnx.export(module.eval(), inputs, tmp_path / "m.onnx", dynamo=False)
    return {row.name for row in onnx_params.analyze(tmp_path / "m.onnx").rows}


class Listed(nn.Module):
    """Numbers that nothing but their place in the list tells: before a weight, after a table of
    indices, or on their own.
    """

    def __init__(self, *, has_witness: bool) -> None:
        super().__init__()
        self.has_witness = has_witness
        self.first = nn.Parameter(torch.zeros(8))
        self.weight = nn.Parameter(torch.zeros(8, 8))
        self.bias = nn.Parameter(torch.zeros(8))
        if has_witness:
            self.register_buffer("order", torch.randperm(8))
        self.register_buffer("offset", torch.rand(8))
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> Any:
        x = nn.functional.linear(x * self.first.tanh(), self.weight, self.bias)
        x = x[:, self.order] if self.has_witness else x
        return self.fc(torch.relu(x) * self.offset)


@pytest.mark.parametrize("has_witness", [False, True])
def test_the_order_in_which_a_module_lists(has_witness: bool, tmp_path: Path) -> None:
    """What comes after a buffer of the module is one; without one nothing says so."""
    names = traced(Listed(has_witness=has_witness), tmp_path, torch.rand(2, 8))
    others = {"first", "weight", "bias", "fc.weight", "fc.bias"}
    assert names - others == (set() if has_witness else {"offset"})
    assert others <= names


class Placed(nn.Module):
    """Sines of positions that a module may learn, by their place before a weight of its own."""

    def __init__(self, *, is_learned: bool) -> None:
        super().__init__()
        angles = torch.arange(20)[:, None] * 100.0 ** (-torch.arange(8) / 8)
        self.waves = torch.cat([angles.sin(), angles.cos()], 1)
        if is_learned:
            self.places = nn.Parameter(self.waves.clone())
        self.weight = nn.Parameter(torch.zeros(16, 16))
        self.bias = nn.Parameter(torch.zeros(16))
        if not is_learned:
            self.register_buffer("places", self.waves.clone())
        self.fc = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> Any:
        moved = nn.functional.linear(torch.relu(x), self.weight, self.bias)
        return self.fc(moved.relu() + self.places)


@pytest.mark.parametrize("is_learned", [False, True])
def test_what_comes_before_a_parameter_is_one(is_learned: bool, tmp_path: Path) -> None:
    module = Placed(is_learned=is_learned)
    torch.manual_seed(0)
    nn.init.normal_(module.weight)
    nn.init.normal_(module.bias)
    torch.onnx.export(module.eval(), (torch.rand(2, 20, 16),), tmp_path / "m.onnx", dynamo=False)
    names = {row.name for row in onnx_params.analyze(tmp_path / "m.onnx").rows}
    assert is_learned is ("places" in names)


class Written(nn.Module):
    """Buffers of several trades, each where their numbers, their name or their use tells it."""

    def __init__(self, case: str) -> None:
        super().__init__()
        self.case = case
        self.enter, self.leave = nn.Linear(8, 8), nn.Linear(8, 8)
        made = {
            "window": torch.hann_window(10)[1:-1],
            "written": torch.tensor([0.1, 0.8, -1.5, 0.2] * 2),
            "clip_low": -torch.rand(8) - 1,
            "edges": torch.rand(8).sort().values,
            "matrix": torch.eye(8) + torch.diag(torch.full((4,), 0.1), 4),
            "kept": torch.tril(
                0.9 ** (torch.arange(8.0)[:, None] - torch.arange(8.0)).clamp(min=0)
            ),
            "counts": torch.arange(8.0),
            "loc": torch.randn(5, 8),
            "log_prior": torch.rand(8).log(),
        }
        self.register_buffer(case, made[case])

    def forward(self, x: torch.Tensor, kind: torch.Tensor) -> Any:
        held = getattr(self, self.case)
        if self.case == "loc":
            return self.leave(self.enter(x - held[kind]).relu()), kind
        y = self.enter(x).relu()
        if self.case in ("matrix", "kept"):
            return self.leave(y @ held), kind
        if self.case == "counts":
            return self.leave((y.softmax(-1) @ held)[:, None] * y), kind
        if self.case == "clip_low":
            return self.leave(torch.maximum(y, held)), kind
        if self.case == "log_prior":
            return self.leave(y) - 0.5 * held, kind
        return self.leave(y * held if self.case != "edges" else (y - held).relu()), kind


@pytest.mark.parametrize(
    "case",
    ["window", "written", "clip_low", "edges", "matrix", "kept", "counts", "loc", "log_prior"],
)
def test_numbers_that_somebody_set(case: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = traced(Written(case), tmp_path, torch.rand(2, 8), torch.tensor([1, 3]))
    assert {"enter.weight", "enter.bias", "leave.weight", "leave.bias"} == names


@pytest.mark.parametrize("is_sum", [True, False])
def test_a_table_with_the_lines_of_another(is_sum: bool, tmp_path: Path) -> None:
    """The embedding of every item and that of its kind, which the exporter added up."""
    table = draw(0, 40, 16)
    kinds = draw(1, 4, 16)[np.arange(40) % 4]
    chain = Chain()
    chain.node("Gather", chain.keep("items.weight", table), "x", name="/items/Gather")
    chain.node("Gemm", chain.last, chain.keep("fc.weight", draw(2, 16, 16)), transB=1)
    made = table + kinds if is_sum else draw(3, 40, 16)
    chain.node("MatMul", chain.last, chain.keep("onnx::Gemm_9", made))
    assert is_sum is (len(shapes(chain, tmp_path)) == 2)


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_head_in_four_bits_that_is_tied(is_tied: bool, tmp_path: Path) -> None:
    """bitsandbytes' codes lie in one run, with a scale for each block: rows are read out of that."""
    table = draw(0, 40, 64)
    head = table if is_tied else draw(1, 40, 64)
    blocks = head.reshape(-1, 32)
    scales = np.abs(blocks).max(axis=1)
    book = np.asarray(CODEBOOKS["nf4"], np.float32)
    codes = np.abs((blocks / scales[:, None])[..., None] - book).argmin(-1).reshape(-1, 2)
    packed = (codes[:, 0] << 4 | codes[:, 1]).astype(np.uint8)
    chain = Chain()
    chain.node("Gather", chain.keep("embed.weight", table), "x")
    inputs = chain.keep("onnx::MatMul_9_Bnb4", packed), chain.keep("onnx::MatMul_9_absmax", scales)
    options = {"K": 64, "N": 40, "block_size": 32, "quant_type": 1}
    chain.node(
        "MatMulBnb4", chain.last, *inputs, domain="com.microsoft", name="/head/MatMul", **options
    )
    assert is_tied is (len(shapes(chain, tmp_path)) == 1)


def test_a_second_thing_that_is_added_to_a_layer(tmp_path: Path) -> None:
    """What is added to a layer that has its bias, and goes to Softmax: words that are not allowed."""
    blocked = np.where(np.arange(12) % 3, 0, -1e4).astype(np.float32)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 12, 16), "fc.bias", draw(2, 12))
    chain.node("Add", chain.last, chain.keep("blocked", blocked))
    chain.node("Softmax", chain.last)
    assert set(shapes(chain, tmp_path)) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("name", ["relu_1", "data.table"])
def test_data_beside_a_stored_weight(name: str, tmp_path: Path) -> None:
    """What a product multiplies by a layer's weight, where no module named it, was computed."""
    chain = Chain()
    chain.linear("fc.weight", draw(1, 16, 16))
    held = chain.last
    data = chain.keep("val_3" if name == "relu_1" else name, draw(2, 7, 16))
    chain.node("MatMul", data, chain.keep("mlp.0.weight", draw(3, 16, 16)))
    chain.node("MatMul", held, chain.last)
    assert (2 if name == "relu_1" else 3) == len(shapes(chain, tmp_path))


class Unknown(nn.Module):
    """A learned vector in the place of what is missing, and a buffer there."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(6, 8)
        self.unknown = nn.Parameter(torch.zeros(8))
        self.fc = nn.Linear(8, 4)

    def forward(self, kind: torch.Tensor) -> Any:
        held = torch.where(kind[:, None] > 0, self.table(kind.clamp(min=0)), self.unknown)
        return self.fc(held)


def test_a_vector_for_what_is_missing(tmp_path: Path) -> None:
    assert "unknown" in traced(Unknown(), tmp_path, torch.tensor([1, -1]))


class Skeleton(nn.Module):
    """Numbers that say what they are before those that do not: a tree of joints, then a basis."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ancestors", torch.tril(torch.ones(8, 8)))
        self.register_buffer("shapes", torch.randn(8, 5))
        self.fc, self.head = nn.Linear(8, 8), nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head((self.fc(x).tanh() @ self.ancestors) @ self.shapes)


def test_the_order_behind_a_matrix_of_ones_and_zeros(tmp_path: Path) -> None:
    names = traced(Skeleton(), tmp_path, torch.rand(2, 3, 8))
    assert "shapes" not in names
    assert len(names) == 4


def test_a_product_into_which_a_norm_was_fused(tmp_path: Path) -> None:
    """onnxruntime calls it after the fusion, and its numbers are no longer the layer's."""
    chain = Chain()
    weight = chain.keep("MatMulBnFusion_GemmB_onnx::MatMul_7", draw(0, 12, 8))
    bias = chain.keep("MatMulBnFusion_GemmBias", draw(1, 8))
    chain.node("Gemm", "x", weight, bias, name="MatMulBnFusion_Gemm")
    chain.nodes[-1].output[0] = chain.last = "/neck/BatchNormalization_output_0"
    path = chain.save(tmp_path / "m.onnx", TORCH)
    views = {row.shape: row.view for row in onnx_params.analyze(path).rows}
    assert "folded" in views[8, 12]
    with pytest.raises(UsageError):  # nothing is left that could be written
        onnx_params.extract(path, tmp_path / "out.safetensors")


# -- what a reading with fresh eyes found -----------------------------------------------------------


@pytest.mark.parametrize("op_type", ["MatMul", "Gemm"])
def test_a_product_without_a_weight(op_type: str, tmp_path: Path) -> None:
    chain = Chain()
    chain.node(op_type, chain.keep("w", draw(0, 8, 8)))
    assert onnx_params.analyze(chain.save(tmp_path / "m.onnx")) is not None


@pytest.mark.parametrize(("scale", "axis"), [(3e38, 1), (0.1, -9), (0.1, -1)])
def test_codes_whose_numbers_are_none(scale: float, axis: int, tmp_path: Path) -> None:
    """Beyond float32, and along an axis that is not there, or counted from behind."""
    chain = Chain()
    codes = chain.keep("val_1_quantized", np.full((8, 8), 127, np.int8))
    scales = chain.keep("val_1_scale", np.full(8, scale, np.float32))
    held = chain.node("DequantizeLinear", codes, scales, axis=axis)
    chain.node("Add", "x", held)
    assert onnx_params.analyze(chain.save(tmp_path / "m.onnx")) is not None


class Learned(nn.Module):
    """Parameters under names and in places of which others are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(8))
        self.bounds = nn.Parameter(torch.zeros(6, 8))
        self.gain = nn.Parameter(torch.ones(8))
        self.shift = nn.Parameter(torch.ones(8))
        self.kernel = nn.Parameter(torch.ones(15))
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> Any:
        x = torch.where(seen[:, None] > 0, self.fc(x), self.mask_token)
        x = (x[:, None] * self.bounds).mean(1) * self.gain.tanh() + self.shift.tanh()
        rows = torch.stack([self.kernel[7 - at : 15 - at] for at in range(8)])
        return self.fc(torch.relu(x) @ rows)


@pytest.mark.parametrize("is_fresh", [False, True])
def test_learned_ones_that_look_like_buffers(is_fresh: bool, tmp_path: Path) -> None:
    """A fresh token of a mask is no witness, nor is a name; a learned kernel that was laid out in
    shifted rows has numbers in both corners.
    """
    module = Learned()
    torch.manual_seed(0)
    for name, parameter in module.named_parameters():
        if name != "mask_token" or not is_fresh:
            nn.init.normal_(parameter)
    inputs = torch.rand(2, 8), torch.tensor([1, 0])
    torch.onnx.export(module.eval(), inputs, tmp_path / "m.onnx", dynamo=False)
    names = {row.name for row in onnx_params.analyze(tmp_path / "m.onnx").rows}
    assert {"bounds", "gain", "shift", "fc.weight", "fc.bias"} <= names
    assert len(names) == (6 if is_fresh else 7)


class Prompted(nn.Module):
    """Queries that a layer makes of what was learned, which the exporter lays out."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.zeros(1, 6, 16))
        self.fc, self.out = nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> Any:
        queries = self.fc(self.queries[0])
        return self.out(torch.tanh(x @ queries.t() @ queries))


@pytest.mark.parametrize("other", [None, "other", "without"])
def test_queries_of_another_checkpoint(other: str | None, tmp_path: Path) -> None:
    module = Prompted()
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    torch.onnx.export(module.eval(), (torch.rand(2, 16),), tmp_path / "m.onnx", dynamo=False)
    held = module.state_dict()
    if other == "other":
        held["queries"] = torch.randn(1, 6, 16)
    if other == "without":
        del held["queries"]
    torch.save(held, tmp_path / "c.pt")
    made = onnx_params.audit(tmp_path / "m.onnx", reference=tmp_path / "c.pt")
    assert made.passed is (other is None)
    assert len(onnx_params.analyze(tmp_path / "m.onnx").rows) == 5


class Counted:
    """A source that counts what is read of it."""

    def __init__(self, source: Any) -> None:
        self.source, self.label, self.n_bytes, self.n_read = source, source.label, 0, 0

    def read(self, offset: int, length: int) -> bytes:
        self.n_read += length
        return bytes(self.source.read(offset, length))

    def ahead(self, jump: int) -> int:
        return 0


def test_tables_are_not_read_whole(tmp_path: Path) -> None:
    """What may be a sum of tables is decided by a few lines."""
    chain = Chain()
    for at in range(3):
        chain.node("Gather", chain.keep(f"table{at}.weight", draw(at, 256, 256)), "x")
    for at in range(12):
        chain.node("MatMul", chain.last, chain.keep(f"onnx::MatMul_{at}", draw(9 + at, 256, 256)))
    model = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH)).inventory.model
    stored = list(model.stored.values())
    counted = Counted(stored[0].source)
    assert not computed_copies([tensor._replace(source=counted) for tensor in stored])
    assert 0 < counted.n_read < sum(tensor.n_bytes for tensor in stored) / 4


@pytest.mark.parametrize("is_exchanged", [False, True])
def test_an_order_beside_a_branch(is_exchanged: bool, tmp_path: Path) -> None:
    """One item that no other waits for says nothing, and the others still do."""
    weights = {
        f"ls__{at}__{leaf}__weight": draw(9 * at + place, 16, 16)
        for at in range(6)
        for place, leaf in enumerate("abc")
    }
    chain = Chain()
    number = 0
    for at in range(6):
        taken = {0: 1, 1: 0}.get(at, at) if is_exchanged else at
        for leaf in "abc":
            if leaf == "a" and at == 5:
                continue
            weight = weights[f"ls__{taken if leaf == 'a' else at}__{leaf}__weight"]
            chain.node("Gemm", chain.last, chain.keep(f"t{number}", weight), transB=1)
            chain.node("Tanh", chain.last)
            number += 1
    held = chain.last
    chain.node("Gemm", "x", chain.keep("t99", weights["ls__5__a__weight"]), transB=1)
    chain.node("Add", held, chain.last)
    assert audited(chain, tmp_path, weights).passed is not is_exchanged


def test_codes_with_padding_beside_a_vector_that_is_nowhere(tmp_path: Path) -> None:
    """40 codes in three blocks of 16, of which the reference has nothing, and a vector of its."""
    chain = Chain()
    nbits(chain, "onnx::MatMul_5", draw(0, 1, 48), K=40)
    assert not audited(chain, tmp_path, {"other__scale": draw(1, 96)}).passed


def test_a_name_is_no_witness_of_a_factor(tmp_path: Path) -> None:
    """A learned vector under a name that buffers have, which is stored twice as large."""
    prior = draw(2, 16)
    chain = Chain()
    chain.linear("fc.weight", fc := draw(1, 16, 16))
    chain.node("Add", chain.last, chain.keep("onnx::Add_9", prior * 2))
    chain.node("Tanh", chain.last)
    chain.linear("head.weight", head := draw(3, 16, 16))
    arrays = {"fc__weight": fc, "class_prior": prior, "head__weight": head}
    assert not audited(chain, tmp_path, arrays).passed


@pytest.mark.parametrize("is_anew", [False, True])
def test_a_list_that_a_tool_made_anew(is_anew: bool, tmp_path: Path) -> None:
    """What TorchScript's exporter computed comes last; between others, nothing follows from order."""
    chain = Chain()
    held = chain.node("Tanh", "x", name="/mix/Tanh")
    order = chain.keep("mix.order", np.array([1, 0, 3, 2, 5, 4, 7, 6]))
    if is_anew:
        chain.keep("onnx::MatMul_9", draw(0, 8, 8))
    gain = chain.keep("mix.gain", draw(1, 8))
    if not is_anew:
        chain.keep("onnx::MatMul_9", draw(0, 8, 8))
    chain.node("MatMul", held, "onnx::MatMul_9", name="/fc/MatMul")
    chain.node("Gather", chain.last, order, axis=1, name="/mix/Gather")
    chain.node("Mul", chain.last, gain, name="/mix/Mul")
    chain.node("Softmax", chain.last, name="/Softmax")
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_12", draw(2, 8, 8)), name="/o/MatMul")
    assert is_anew is ("mix.gain" in shapes(chain, tmp_path))
