"""What the twelfth and thirteenth parts of the second zoo taught, whose models were drawn by lot: one
small artifact for each kind.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from support.graphs import Arrays, Chain, audited, changed, dequantized, draw
from torch import nn

import onnx_params
from onnx_params.auditing.audit import audit

HALVES = pytest.mark.parametrize(
    "half", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"]
)
EPSILON = np.float32(1e-5)
N_LAYERS = 3


def convolution(at: int) -> Arrays:
    """A kernel and the batch norm behind it, by their names in a checkpoint."""
    return {
        f"l{at}__conv__weight": draw(at, 16, 8, 3, 3),
        f"l{at}__bn__weight": np.abs(draw(30 + at, 16)) + 1,
        f"l{at}__bn__bias": draw(10 + at, 16),
        f"l{at}__bn__running_mean": draw(20 + at, 16),
        f"l{at}__bn__running_var": np.abs(draw(40 + at, 16)) + 1,
    }


def folded(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """What a convolution has of its kernel and the norm behind it: weight and bias."""
    kernel, gamma, bias, mean, variance = arrays.values()
    factor = gamma / np.sqrt(variance + EPSILON)
    return kernel * factor[:, None, None, None], bias - mean * factor


# -- models in half precision ---------------------------------------------------------------------


@HALVES
@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_norms_of_a_halved_model(half: type, is_changed: bool, tmp_path: Path) -> None:
    """No number of what was computed of halves is a half; the biases beside it say that they were.
    A row that is a hundredth larger is seen.
    """
    held: Arrays = {}
    chain = Chain()
    for at in range(N_LAYERS):
        own = convolution(at)
        held |= own
        halves = {name: each.astype(half).astype(np.float32) for name, each in own.items()}
        weight, bias = folded(halves)
        if is_changed and at == 1:
            weight[3] *= np.float32(1.01)
        stored = chain.keep(f"onnx::Conv_{2 * at}", weight)
        chain.node("Conv", f"x{at}", stored, chain.keep(f"onnx::Conv_{2 * at}1", bias))
    for at in range(2):
        held[f"fc{at}__weight"], held[f"fc{at}__bias"] = draw(50 + at, 16, 16), draw(60 + at, 16)
        weight, bias = (held[f"fc{at}__{leaf}"].astype(half) for leaf in ("weight", "bias"))
        chain.node("MatMul", "y", chain.keep(f"fc{at}.weight", weight.astype(np.float32).T))
        chain.node("Add", chain.last, chain.keep(f"fc{at}.bias", bias.astype(np.float32)))
    made = audited(chain, tmp_path, held)
    assert made.passed is not is_changed
    assert ("l1.conv.weight" in changed(made)) is is_changed


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_few_numbers_of_a_halved_model(is_changed: bool, tmp_path: Path) -> None:
    """Two numbers say nothing of their type, the others of their file do."""
    held: Arrays = {"head__weight": draw(8, 2, 16), "head__bias": draw(9, 2)}
    held |= {f"fc{at}__weight": draw(at, 16, 16) for at in range(N_LAYERS)}
    held |= {f"fc{at}__bias": draw(20 + at, 16) for at in range(N_LAYERS)}
    chain = Chain()
    for module in ("fc0", "fc1", "fc2", "head"):
        weight, bias = (
            held[f"{module}__{leaf}"].astype(np.float16).astype(np.float32)
            for leaf in ("weight", "bias")
        )
        if is_changed and module == "head":
            bias = (bias * np.float32(1.01)).astype(np.float16).astype(np.float32)
        chain.linear(f"{module}.weight", weight, f"{module}.bias", bias)
    made = audited(chain, tmp_path, held)
    assert changed(made) == ({"head.bias"} if is_changed else set())


# -- which set of weights it is -------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["state_dict", "state_dict_ema"])
def test_the_set_that_was_quantized(chosen: str, tmp_path: Path) -> None:
    """Raw and averaged weights are near to each other, and none is in codes as it is."""
    raw = {f"layer{at}.weight": torch.from_numpy(draw(at, 32, 32)) for at in range(N_LAYERS)}
    mean = {name: each + 0.05 * torch.from_numpy(draw(9, 32, 32)) for name, each in raw.items()}
    sets = {"state_dict": raw, "state_dict_ema": mean}
    torch.save(sets, tmp_path / "c.pth")
    chain = Chain()
    for name, values in sets[chosen].items():
        chain.node("MatMul", chain.last, dequantized(chain, name, values.numpy().T))
    made = audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.pth")
    assert made.passed
    assert any(f"'{chosen}'" in note.rpartition(";")[2] for note in made.inventory.notes)


# -- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "passes"), [("_v_4229", True), ("onnx::Conv_42", False), ("l1.conv.weight", False)]
)
def test_a_number_before_a_norm(name: str, passes: bool, tmp_path: Path) -> None:
    """onnxsim puts what a convolution's input is multiplied by into the kernel, which has a norm
    in it already; its name says that it did.
    """
    held: Arrays = {}
    chain = Chain()
    for at in range(N_LAYERS):
        own = convolution(at)
        held |= own
        weight, bias = folded(own)
        times = np.float32(0.5 if at == 1 else 1)
        stored = chain.keep(name if at == 1 else f"onnx::Conv_{at}", weight * times)
        chain.node("Conv", f"x{at}", stored, chain.keep(f"onnx::Conv_{at}1", bias))
    assert audited(chain, tmp_path, held).passed is passes


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_a_product_that_was_laid_out_anew(is_changed: bool, tmp_path: Path) -> None:
    """A spline's weights times a number for each line, as the matrix of a product."""
    weight, scale = draw(0, 8, 24, 5), draw(1, 8, 24)
    made = (weight * scale[..., None]).reshape(8, -1).T.copy()
    if is_changed:
        made[3] *= 2
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("permute_9", made))
    held = {"spline__spline_weight": weight, "spline__spline_scaler": scale}
    assert audited(chain, tmp_path, held).passed is not is_changed


def test_angles_of_positions(tmp_path: Path) -> None:
    """Multiples of frequencies are computed, also under a name of their own."""
    angles = (np.arange(8)[:, None] / 10000 ** (np.arange(6) / 6)).astype(np.float32)
    weight = draw(0, 6, 6)
    chain = Chain()
    chain.node("Cos", chain.keep("model.pos_emb.position_angles", angles))
    chain.node("MatMul", chain.last, chain.keep("fc.weight", weight))
    assert audited(chain, tmp_path, {"fc__weight": weight}).passed
    chain.stored[0].raw_data = draw(3, 8, 6).tobytes()
    made = audited(chain, tmp_path, {"fc__weight": weight})
    assert changed(made) == {"model.pos_emb.position_angles"}


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_a_standardized_weight_in_codes(is_changed: bool, tmp_path: Path) -> None:
    """Its number is what all codes leave room for, for the middle of its rows is not exact."""
    held: Arrays = {}
    chain = Chain()
    for at in range(N_LAYERS):
        weight, gain = draw(at, 48, 192, 1, 1), np.abs(draw(9 + at, 48)) + 1
        held |= {f"l{at}__weight": weight, f"l{at}__gain": gain.reshape(48, 1, 1, 1)}
        lines = weight.reshape(48, -1) - weight.reshape(48, -1).mean(1, keepdims=True)
        lines = lines / np.sqrt((lines**2).mean(1, keepdims=True) + EPSILON)
        values = (lines * (gain * np.float32(0.1290478))[:, None]).reshape(weight.shape)
        if is_changed and at == 1:
            values[5] *= np.float32(1.2)
        chain.node("Conv", f"x{at}", dequantized(chain, f"view_{at}", values.astype(np.float32)))
    made = audited(chain, tmp_path, held)
    assert made.passed is not is_changed


# -- adapters that are no product of two matrices -------------------------------------------------


def hadamard() -> tuple[Arrays, np.ndarray]:
    """LoHa's factors, and what they change."""
    names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    factors = [draw(at, *((24, 4), (4, 16))[at % 2]) for at in range(4)]
    held = {f"fc__{name}__default": each for name, each in zip(names, factors, strict=True)}
    return held, (factors[0] @ factors[1]) * (factors[2] @ factors[3])


def kronecker() -> tuple[Arrays, np.ndarray]:
    """LoKr's factors, of which one is a product, and what they change."""
    small, left, right = draw(0, 4, 4), draw(1, 6, 2), draw(2, 2, 4)
    held = {"fc__lokr_w1": small, "fc__lokr_w2_a": left, "fc__lokr_w2_b": right}
    return held, np.kron(small, left @ right)


@pytest.mark.parametrize("adapter", [hadamard, kronecker])
@pytest.mark.parametrize("is_merged", [True, False], ids=["merged", "alone"])
@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_adapters_of_products(
    adapter: Callable[[], tuple[Arrays, np.ndarray]],
    is_merged: bool,
    is_changed: bool,
    tmp_path: Path,
) -> None:
    """Whatever the scale is; a row that another one is in place of is seen."""
    factors, change = adapter()
    weight = draw(9, 24, 16)
    scaled = change * np.float32(0.25)
    if is_changed:
        scaled[5] = scaled[7]
    chain = Chain()
    if is_merged:
        chain.node("MatMul", "x", chain.keep("onnx::MatMul_7", (weight + scaled).T.copy()))
    else:
        chain.linear("fc.base_layer.weight", weight)
        chain.node("MatMul", "x", chain.keep("mul_3", scaled.T.copy()))
    made = audited(chain, tmp_path, {"fc__base_layer__weight": weight, **factors})
    assert made.passed is not is_changed


# -- names without a reference --------------------------------------------------------------------


def test_a_window_of_two_by_two(tmp_path: Path) -> None:
    """Nine different rows of sixteen: a table of relative positions was looked up."""
    table = draw(0, 9, 4)
    rows, columns = np.divmod(np.arange(4), 2)
    index = (rows[:, None] - rows + 1) * 3 + columns[:, None] - columns + 1
    chain = Chain()
    chain.node("MatMul", chain.last, chain.keep("attn.qkv.weight", draw(1, 8, 8)))
    bias = chain.keep("onnx::Add_928", table[index].transpose(2, 0, 1)[None])
    chain.node("Add", chain.last, bias, name="/attn/Add")
    chain.node("Softmax", chain.last)
    shapes = {row.shape for row in onnx_params.analyze(chain.save(tmp_path / "m.onnx")).rows}
    assert shapes == {(8, 8), (9, 4)}


@pytest.mark.parametrize(("epsilon", "n_rows"), [(1e-9, 1), (0.25, 2)])
def test_a_parameter_with_an_epsilon(epsilon: float, n_rows: int, tmp_path: Path) -> None:
    """Snake divides by its parameter and an epsilon, which the exporter adds."""
    alpha = np.abs(draw(0, 1, 8, 1)) + np.float32(0.1)
    chain = Chain()
    chain.node("Mul", chain.last, chain.keep("snake.alpha", alpha), name="/snake/Mul")
    added = chain.keep("onnx::Reciprocal_7", (alpha + np.float32(epsilon)).astype(np.float32))
    waves = chain.last
    chain.node("Reciprocal", added, name="/snake/Reciprocal")
    chain.node("Mul", chain.last, waves, name="/snake/Mul_1")
    assert len(onnx_params.analyze(chain.save(tmp_path / "m.onnx")).rows) == n_rows


def test_zeros_that_another_module_adds(tmp_path: Path) -> None:
    """To logits, as encoders and decoders do: no bias of the layer, whose node is in its module."""
    chain = Chain()
    head = chain.keep("onnx::MatMul_1", draw(0, 8, 16))
    chain.node("MatMul", chain.last, head, name="/lm_head/MatMul")
    zeros = chain.keep("onnx::Add_2", np.zeros((1, 16), np.float32))
    chain.node("Add", chain.last, zeros, name="/Add")
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx"))
    assert [row.shape for row in report.rows] == [(16, 8)]


# -- tables that were looked up again and again ---------------------------------------------------


class Positions(nn.Module):
    """Two layers that look up a table of relative positions, as segmentation models do."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ParameterList([torch.randn(7, 16) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.arange(4)[:, None] - torch.arange(4)[None, :] + 3
        for table in self.tables:
            x = x + torch.einsum("bic,ijc->bic", x, table[places])
        return x


def looked_up(tmp_path: Path) -> tuple[onnx.ModelProto, list[onnx.TensorProto], Path]:
    """The exported model, the constants that it has of the tables, and the checkpoint."""
    torch.manual_seed(0)
    module, path = Positions().eval(), tmp_path / "m.onnx"
    inputs = (torch.randn(1, 4, 16),)
    torch.onnx.export(module, inputs, path, dynamo=True, external_data=False, verbose=False)
    torch.save(module.state_dict(), tmp_path / "c.pt")
    model = onnx.load(path)
    tables = [each for each in model.graph.initializer if list(each.dims) == [4, 4, 16]]
    assert len(tables) == 2
    return model, tables, tmp_path / "c.pt"


def test_one_of_the_rows_that_are_there_again(tmp_path: Path) -> None:
    """Every row of the table is there, and one that is none of its."""
    model, tables, reference = looked_up(tmp_path)
    assert audit(tmp_path / "m.onnx", reference=reference).passed
    values = numpy_helper.to_array(tables[1]).copy()
    values[2, 2, 5] += 1
    tables[1].CopyFrom(numpy_helper.from_array(values, tables[1].name))
    onnx.save(model, tmp_path / "m.onnx")
    assert changed(audit(tmp_path / "m.onnx", reference=reference)) == {"tables.1"}


@pytest.mark.parametrize("formula", [np.exp, np.negative, np.tanh])
def test_a_formula_of_what_was_looked_up(
    formula: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    """That the exporter took rows of a table is no word of a formula: the other table's are as they
    are.
    """
    model, tables, reference = looked_up(tmp_path)
    values = formula(numpy_helper.to_array(tables[1]))
    tables[1].CopyFrom(numpy_helper.from_array(values, tables[1].name))
    onnx.save(model, tmp_path / "m.onnx")
    assert changed(audit(tmp_path / "m.onnx", reference=reference)) == {"tables.1"}


# -- what the thirteenth part taught --------------------------------------------------------------


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_a_half_checkpoint_as_bfloat16(is_changed: bool, tmp_path: Path) -> None:
    """The checkpoint's numbers are halves of one type, the artifact's were of the other."""
    held = {f"fc{at}__weight": draw(at, 16, 16).astype(np.float16) for at in range(N_LAYERS)}
    held |= {f"fc{at}__bias": draw(20 + at, 16).astype(np.float16) for at in range(N_LAYERS)}
    chain = Chain()
    for at in range(N_LAYERS):
        weight, bias = (
            held[f"fc{at}__{leaf}"].astype(ml_dtypes.bfloat16).astype(np.float32)
            for leaf in ("weight", "bias")
        )
        if is_changed and at == 1:
            bias[3] *= 2
        chain.linear(f"fc{at}.weight", weight, f"fc{at}.bias", bias)
    made = audited(chain, tmp_path, held)
    assert changed(made) == ({"fc1.bias"} if is_changed else set())


def test_the_smallest_halves(tmp_path: Path) -> None:
    """Converters to float16 raise what is below their bound, of a float16 checkpoint too; all
    numbers of a weight may be so small that they have the bits of bfloat16.
    """
    weight = draw(0, 16, 16).astype(np.float16)
    weight[3, 4] = np.float16(-6e-8)
    small = draw(1, 16, 16) * np.float32(3e-7)
    chain = Chain()
    raised = np.where(weight == weight[3, 4], np.float16(-1e-7), weight)
    chain.linear("a.weight", raised)
    chain.linear("b.weight", small.astype(np.float16))
    assert audited(chain, tmp_path, {"a__weight": weight, "b__weight": small}).passed
    weight[5, 6] = np.float16(1)
    assert not audited(chain, tmp_path, {"a__weight": weight, "b__weight": small}).passed


@pytest.mark.parametrize(
    ("name", "passes"),
    [("mul_166", True), ("onnx::Mul_2651", True), ("first/onnx::Mul_7", True), ("scale", False)],
)
def test_any_number_under_a_products_name(name: str, passes: bool, tmp_path: Path) -> None:
    """A vector that is taken as it is keeps its name: one that is called after a product was
    multiplied, whatever the number is.
    """
    scale, weight = draw(0, 32), draw(1, 16, 32)
    chain = Chain()
    chain.node("MatMul", chain.last, chain.keep("lm_head.weight", weight))
    chain.node("Mul", chain.last, chain.keep(name, scale * np.float32(56.4972)))
    held = {"lm_head__logit_scale": scale, "lm_head__weight": weight}
    assert audited(chain, tmp_path, held).passed is passes


def test_waves_in_half_precision(tmp_path: Path) -> None:
    """Their squares do not add up to one as nearly as those of others."""
    angles = np.arange(64)[:, None] / 10000 ** (np.arange(16) / 16)
    waves = np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(ml_dtypes.bfloat16)
    weight = draw(0, 32, 32)
    chain = Chain()
    chain.node("Gather", chain.keep("embed_positions.weights", waves.astype(np.float32)), "x")
    chain.node("MatMul", chain.last, chain.keep("fc.weight", weight))
    assert audited(chain, tmp_path, {"fc__weight": weight}).passed


class Softened(nn.Module):
    """A weight of which a softplus is taken, then laid out."""

    def __init__(self) -> None:
        super().__init__()
        self.point_weights = nn.Parameter(torch.randn(4))
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) * nn.functional.softplus(self.point_weights).view(1, 4)


@pytest.mark.parametrize(("formula", "passes"), [(None, True), (np.exp, False), (np.tanh, False)])
def test_a_formula_that_the_exporter_wrote_down(
    formula: Callable[[np.ndarray], np.ndarray] | None, passes: bool, tmp_path: Path
) -> None:
    """The constant's name says that it is a view; the exporter's record, what it was computed by."""
    torch.manual_seed(0)
    module, path = Softened().eval(), tmp_path / "m.onnx"
    inputs = (torch.randn(2, 8),)
    torch.onnx.export(module, inputs, path, dynamo=True, external_data=False, verbose=False)
    torch.save(module.state_dict(), tmp_path / "c.pt")
    model = onnx.load(path)
    (stored,) = [each for each in model.graph.initializer if list(each.dims) == [1, 4]]
    if formula is not None:
        values = formula(module.point_weights.detach().numpy()).reshape(1, 4)
        stored.CopyFrom(numpy_helper.from_array(values, stored.name))
        onnx.save(model, path)
    assert audit(path, reference=tmp_path / "c.pt").passed is passes


@HALVES
@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_parts_of_a_halved_model(half: type, is_changed: bool, tmp_path: Path) -> None:
    """A layer of the checkpoint lies in two, in the numbers that a half has."""
    held: Arrays = {}
    chain = Chain()
    for at in range(N_LAYERS):
        weight, bias = draw(at, 32, 16), draw(10 + at, 32)
        held[f"l{at}__both__weight"], held[f"l{at}__both__bias"] = weight, bias
        halves = [each.astype(half).astype(np.float32) for each in (weight, bias)]
        if is_changed and at == 1:
            halves[0][3] *= np.float32(1.01)
        for name, part in (("gate", slice(16)), ("up", slice(16, None))):
            stored = chain.keep(f"l{at}.{name}.weight", halves[0][part])
            chain.node("Gemm", "x", stored, chain.keep(f"l{at}.{name}.bias", halves[1][part]))
    made = audited(chain, tmp_path, held)
    assert made.passed is not is_changed
    assert ("l1.both.weight" in changed(made)) is is_changed
