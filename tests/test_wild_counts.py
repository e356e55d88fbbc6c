"""What is a parameter, and of how many elements, where tools changed the graph later: one
small artifact for each kind, without a reference.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from support.graphs import Chain, coded, dequantized, draw
from torch import nn

import onnx_params

TORCH = "pytorch"


def rows(path: Path) -> dict[str, tuple[int, ...] | None]:
    """Name -> shape of each row."""
    return {row.name: row.shape for row in onnx_params.analyze(path).rows}


def made(chain: Chain, tmp_path: Path) -> dict[str, tuple[int, ...] | None]:
    return rows(chain.save(tmp_path / "m.onnx", TORCH))


def projected() -> Chain:
    """A chain that begins with a layer."""
    chain = Chain()
    chain.node("Gemm", "x", chain.keep("q.weight", draw(1, 16, 16)), name="/q/Gemm", transB=1)
    return chain


PROJECTION = {"q.weight": (16, 16)}


# -- graphs that were composed --------------------------------------------------------------------


@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "torchscript"])
@pytest.mark.parametrize("prefix", ["first/", "pre_"])
def test_a_prefix_before_every_name(dynamo: bool, prefix: str, tmp_path: Path) -> None:
    """onnx.compose puts it before nodes and tensors; rows have the framework's names."""
    torch.manual_seed(3)
    module = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 4, bias=False))
    for each in module.parameters():
        nn.init.uniform_(each, 0.5, 1.5)
    plain = tmp_path / "plain.onnx"
    torch.onnx.export(module.eval(), (torch.rand(2, 3, 8),), plain, dynamo=dynamo)
    model = onnx.compose.add_prefix(onnx.load(plain), prefix)
    onnx.save(model, tmp_path / "m.onnx")
    expected = {name: tuple(each.shape) for name, each in module.named_parameters()}
    assert expected == rows(tmp_path / "m.onnx")


# -- before the first layer, and after the last ---------------------------------------------------


def test_a_scale_behind_a_cast_is_the_layers(tmp_path: Path) -> None:
    """Logits are often cast before they are scaled."""
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("onnx::MatMul_1", draw(0, 16, 9)), name="/head/MatMul")
    chain.node("Cast", chain.last, to=TensorProto.FLOAT, name="/head/Cast")
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_2", draw(1, 9)), name="/head/Mul")
    assert [(9,), (9, 16)] == sorted(shape for shape in made(chain, tmp_path).values() if shape)


@pytest.mark.parametrize(("leaf", "is_learned"), [("log_scale", True), ("pixel_std", False)])
def test_vectors_of_a_module_before_the_first_layer(
    leaf: str, is_learned: bool, tmp_path: Path
) -> None:
    """A flow learns what it scales its input by; a preprocessor counted it in data."""
    chain = Chain()
    chain.node("Mul", "x", chain.keep(f"flow.{leaf}", draw(0, 16)), name="/flow/Mul")
    chain.linear("fc.weight", draw(1, 16, 16))
    assert is_learned is (f"flow.{leaf}" in made(chain, tmp_path))


# -- what no one learned --------------------------------------------------------------------------


@pytest.mark.parametrize("is_turned", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("is_learned", [False, True])
def test_lengths_of_a_codebook(is_turned: bool, is_learned: bool, tmp_path: Path) -> None:
    """Distances to the entries of a codebook add their squared lengths, which were computed."""
    book = draw(0, 10, 16)
    lengths = draw(2, 10) if is_learned else (book**2).sum(1)
    chain = projected()
    held = chain.last
    stored = chain.keep("onnx::MatMul_7", book.T) if not is_turned else chain.keep("e.table", book)
    other = {"transB": 1} if is_turned else {}
    chain.node("Gemm" if is_turned else "MatMul", held, stored, name="/e/MatMul", **other)
    chain.node("Mul", chain.last, chain.keep("/e/Constant_output_0", np.float32(2)), name="/e/Mul")
    product = chain.last
    chain.node("ReduceSum", held, name="/e/ReduceSum")
    chain.node("Add", chain.last, chain.keep("onnx::Add_9", lengths), name="/e/Add")
    chain.node("Sub", chain.last, product, name="/e/Sub")
    chain.linear("fc.weight", draw(3, 10, 10))
    assert (4 if is_learned else 3) == len(made(chain, tmp_path))


def test_what_fx_made_of_nothing(tmp_path: Path) -> None:
    """A state that is zeros at first is no weight, though a product takes it."""
    chain = projected()
    chain.node("MatMul", chain.last, chain.keep("zeros_like", np.zeros((16, 8), np.float32)))
    chain.node("MatMul", chain.last, chain.keep("val_3", draw(2, 8, 4)))
    assert {"q.weight", "val_3"} == set(made(chain, tmp_path))


def test_constants_in_codes(tmp_path: Path) -> None:
    """A quantizer that optimizes puts its words behind the name of a constant of the trace."""
    chain = projected()
    held = chain.last
    name = "/rotary/Constant_5_output_0"
    codes = chain.keep(f"{name}_QuantizeLinear_Output", np.arange(16, dtype=np.int8))
    scale = chain.keep(f"{name}_scale", np.float32(0.1))
    chain.node("DequantizeLinear", codes, scale, name=f"{name}_DequantizeLinear")
    chain.node("Mul", held, chain.last, name="/rotary/Mul")
    chain.linear("fc.weight", draw(3, 16, 16))
    assert {"q.weight", "fc.weight"} == set(made(chain, tmp_path))


def test_a_quantized_layer_is_no_module_of_modules(tmp_path: Path) -> None:
    """Nodes of quantization are called after values, which stand in no module."""
    chain = Chain()
    weight = dequantized(chain, "onnx::MatMul_7", draw(0, 16, 8))
    chain.node("MatMul", "x", weight, name="/mlp/gate/MatMul")
    scale = chain.keep("/mlp/gate/MatMul_output_0_scale", np.float32(0.1))
    for op_type in ("QuantizeLinear", "DequantizeLinear"):
        chain.node(op_type, chain.last, scale, name=f"/mlp/gate/MatMul_output_0_{op_type}/again")
    assert {"mlp.gate.weight": (8, 16)} == made(chain, tmp_path)


def zero_point(chain: Chain) -> str:
    """A stored zero point, which is no raw data."""
    return chain.keep("zero", np.zeros((), np.int8), TensorProto.INT8)


@pytest.mark.parametrize("is_learned", [False, True])
def test_slopes_in_codes(is_learned: bool, tmp_path: Path) -> None:
    """Rules about numbers hold for those for which codes stand."""
    slopes = -np.arange(11) * 0.5 ** np.arange(1, 5)[:, None, None]
    chain = projected()
    held = chain.last
    values = draw(0, 4, 1, 11) if is_learned else slopes
    codes = *coded(chain, "onnx::Add_9", values), zero_point(chain)
    added = chain.node("DequantizeLinear", *codes)
    chain.node("Add", held, added)
    chain.node("Where", "x", chain.last, chain.last)
    chain.node("Softmax", chain.last)
    assert is_learned is (len(made(chain, tmp_path)) == 2)


@pytest.mark.parametrize("is_learned", [False, True])
def test_differences_in_codes(is_learned: bool, tmp_path: Path) -> None:
    """Filters of Sobel, in a convolution of codes."""
    sobel = np.float32([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
    kernel = np.stack([sobel, sobel.T])[:, None]
    chain = projected()
    codes, scale = coded(chain, "unsqueeze", draw(0, 2, 1, 3, 3) if is_learned else kernel)
    x, x_scale, x_zero = (f"{chain.last}_{part}" for part in ("quantized", "scale", "zero_point"))
    chain.nodes.append(
        onnx.helper.make_node("DynamicQuantizeLinear", [chain.last], [x, x_scale, x_zero])
    )
    chain.node("ConvInteger", x, codes, x_zero, zero_point(chain))
    product = chain.node("Cast", chain.last, to=TensorProto.FLOAT)
    chain.node("Mul", product, chain.node("Mul", x_scale, scale))
    assert is_learned is (len(made(chain, tmp_path)) == 2)


@pytest.mark.parametrize("is_learned", [False, True])
def test_rotations_in_codes(is_learned: bool, tmp_path: Path) -> None:
    """Arithmetic on codes says of its tables what that on numbers does."""
    chain = projected()
    scale, zero = chain.keep("s", np.float32(0.1)), chain.keep("z", np.uint8(128))
    table = np.random.default_rng(0).integers(0, 255, (2, 8, 16)).astype(np.uint8)
    cosines, sines = (chain.keep(f"unsqueeze_{at}_quantized", table[at]) for at in range(2))
    held = chain.last
    quantized = chain.node("QuantizeLinear", held, scale, zero)
    half = chain.node("Neg" if not is_learned else "Abs", held)
    chain.node("Concat", half, held, axis=-1)
    turned = chain.node("QuantizeLinear", chain.last, scale, zero)
    products = [
        chain.node(
            "QLinearMul", moved, scale, zero, by, scale, zero, scale, zero, domain="com.microsoft"
        )
        for moved, by in ((quantized, cosines), (turned, sines))
    ]
    both = [name for product in products for name in (product, scale, zero)]
    chain.node("QLinearAdd", *both, scale, zero, domain="com.microsoft")
    chain.node("DequantizeLinear", chain.last, scale, zero)
    chain.linear("fc.weight", draw(2, 16, 16))
    assert (4 if is_learned else 2) == len(made(chain, tmp_path))


@pytest.mark.parametrize("form", ["padded", "brain", "learned"])
def test_tables_of_waves(form: str, tmp_path: Path) -> None:
    """Sines and cosines that are looked up: with a row of zeros for what is padded, or in
    bfloat16.
    """
    angles = np.arange(20)[:, None] * 10000.0 ** (-np.arange(8) / 8)
    table = np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)
    if form == "learned":
        table = draw(0, 20, 16)
    if form == "padded":
        table[1] = 0
    if form == "brain":
        table = (table.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    chain = Chain()
    chain.node("Gather", chain.keep("embed.weights", table), "x", name="/embed/Gather")
    chain.linear("fc.weight", draw(1, 16, 16))
    assert (form == "learned") is ("embed.weights" in made(chain, tmp_path))


@pytest.mark.parametrize("is_learned", [False, True])
def test_slopes_of_heads(is_learned: bool, tmp_path: Path) -> None:
    """What attention takes off for the distance, before a mask is added."""
    slopes = -np.arange(11) * 0.5 ** np.arange(1, 5)[:, None, None]
    chain = projected()
    held = chain.keep("slice_1", draw(0, 4, 1, 11) if is_learned else slopes.astype(np.float32))
    chain.node("Add", chain.last, held)
    chain.node("Where", "x", chain.last, chain.last)
    chain.node("Softmax", chain.last)
    assert is_learned is ("slice_1" in made(chain, tmp_path))


def test_corrections_of_a_router_are_a_buffer(tmp_path: Path) -> None:
    """No gradient reaches them."""
    chain = projected()
    name = "gate.e_score_correction_bias"
    chain.node("Add", chain.last, chain.keep(name, draw(2, 16)), name="/gate/Add")
    chain.linear("fc.weight", draw(3, 16, 16))
    assert name not in made(chain, tmp_path)


def test_scales_by_their_names(tmp_path: Path) -> None:
    """A vector of scales that only the scale of the input multiplies is none the less one."""
    chain = Chain()
    codes = np.random.default_rng(0).integers(-9, 9, (16, 8)).astype(np.int8)
    held = chain.keep("onnx::MatMul_6_quantized", codes)
    rows_of_it = chain.node("Gather", chain.keep("e.weight_quantized", codes.T // 2), "x")
    chain.node("MatMulInteger", rows_of_it, held, name="/fc/MatMul_quant")
    product = chain.node("Cast", chain.last, to=TensorProto.FLOAT)
    of_input = chain.keep("e.weight_scale", np.asarray(0.1, np.float32))
    of_weight = chain.keep("onnx::MatMul_6_scale", np.abs(draw(1, 8)))
    chain.node("Mul", of_input, of_weight, name="/fc/MatMul_quant_scales_mul")
    chain.node("Mul", product, chain.last, name="/fc/MatMul_quant_output_scale_mul")
    assert {"e.weight": (8, 16), "fc.weight": (8, 16)} == made(chain, tmp_path)


# -- what is left of a table ----------------------------------------------------------------------


def places(height: int, width: int, every: int = 1) -> list[tuple[int, int]]:
    return [
        (row, column)
        for row, column in itertools.product(range(height), range(width))
        if not (row % every or column % every)
    ]


@pytest.mark.parametrize(
    ("every", "is_signed", "n_rows"), [(1, True, 49), (1, False, 16), (2, False, 16)]
)
@pytest.mark.parametrize("in_codes", [False, True], ids=["numbers", "codes"])
def test_relative_positions(
    every: int, is_signed: bool, n_rows: int, in_codes: bool, tmp_path: Path
) -> None:
    """A table has as many rows as there are distances in a window of four by four, though codes of
    several may be the same; without signs, and where some places have no query, fewer.
    """
    table = draw(0, 7, 7, 3)
    pairs = itertools.product(places(4, 4, every), places(4, 4))
    steps = [(one[0] - two[0], one[1] - two[1]) for one, two in pairs]
    at = np.asarray(steps if is_signed else np.abs(steps)) + (3 if is_signed else 0)
    bias = table[at[:, 0], at[:, 1]].T.reshape(1, 3, -1, 16)
    chain = projected()
    held = chain.last
    stored = (
        dequantized(chain, "onnx::Add_5", bias) if in_codes else chain.keep("onnx::Add_5", bias)
    )
    chain.node("Add", held, stored, name="/attn/Add")
    chain.node("Softmax", chain.last, name="/attn/Softmax")
    assert {**PROJECTION, "attn.?": (n_rows, 3)} == made(chain, tmp_path)


def test_a_table_of_one_head(tmp_path: Path) -> None:
    """A mask has few numbers, a table has many, also where there is one head."""
    table = draw(0, 15)
    steps = np.arange(8)[:, None] - np.arange(8) + 7
    chain = projected()
    held = chain.keep("onnx::Add_5", table[steps][None, None])
    chain.node("Add", chain.last, held, name="/attn/Add")
    chain.node("Softmax", chain.last, name="/attn/Softmax")
    assert {**PROJECTION, "attn.?": (15, 1)} == made(chain, tmp_path)


def test_lines_that_an_optimizer_looked_up(tmp_path: Path) -> None:
    """The value keeps its name, which has the path of the table's module; how long the table was is
    not known, so that nothing is extracted.
    """
    chain = projected()
    held = chain.keep("/model/embed_positions/Gather_output_0", draw(2, 1, 5, 16))
    chain.node("Add", chain.last, held, name="/model/Add")
    chain.linear("fc.weight", draw(3, 16, 16))
    path = chain.save(tmp_path / "m.onnx", TORCH)
    row = next(each for each in onnx_params.analyze(path).rows if "embed" in each.name)
    assert ("model.embed_positions.weight", (5, 16), "sliced") == (row.name, row.shape, row.view)
    assert not row.certain
    onnx_params.extract(path, tmp_path / "out.safetensors")
    assert "model.embed_positions.weight" not in rows(tmp_path / "out.safetensors")


def test_what_was_repeated_counts_once(tmp_path: Path) -> None:
    """A value for each head that was repeated for each place."""
    chain = projected()
    held = chain.last
    repeated = np.broadcast_to(draw(2, 1, 4, 1, 1), (1, 4, 8, 1))
    stored = dequantized(chain, "expand_4", np.ascontiguousarray(repeated))
    chain.node("Concat", held, stored, axis=-1)
    assert {**PROJECTION, "expand_4_quantized": (1, 4, 1, 1)} == made(chain, tmp_path)


def test_numbered_copies_in_other_codes(tmp_path: Path) -> None:
    """A tool quantized a bias once for each use, with the scale of each, and numbered them."""
    bias = draw(2, 12)
    chain = projected()
    for at in range(3):
        scale = np.float32(0.01 * (at + 1))
        codes = np.round(bias / scale).astype(np.int32)
        held = chain.last
        stored = [
            chain.keep(f"rnn.bias_hh_l0{at}_quantized", codes),
            chain.keep(f"rnn.bias_hh_l0{at}_quantized_scale", scale.reshape(())),
        ]
        chain.node("DequantizeLinear", *stored)
        chain.node("Add", held, chain.last)
    chain.linear("fc.weight", draw(3, 16, 16))
    assert {**PROJECTION, "rnn.bias_hh_l0": (12,), "fc.weight": (16, 16)} == made(chain, tmp_path)


@pytest.mark.parametrize("shape", [(1, 4, 4, 16), (4, 4, 16)], ids=["computed", "learned"])
def test_queries_that_were_computed(shape: tuple[int, ...], tmp_path: Path) -> None:
    """What attention takes with axes for a batch and for heads was computed of parameters."""
    chain = projected()
    held = chain.keep("onnx::MatMul_7", draw(2, *shape))
    chain.node("MatMul", held, chain.last, name="/attn/MatMul")
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_8", np.float32(0.25)), name="/attn/Mul")
    chain.node("Softmax", chain.last, name="/attn/Softmax")
    assert (1 if len(shape) == 4 else 2) == len(made(chain, tmp_path))


@pytest.mark.parametrize("is_learned", [False, True])
@pytest.mark.parametrize("in_codes", [False, True], ids=["numbers", "codes"])
def test_matrices_that_rotate(in_codes: bool, is_learned: bool, tmp_path: Path) -> None:
    """Each two by two has cosines in one diagonal, and sines of both signs in the other."""
    angles = np.arange(20).reshape(1, 5, 4) * 0.1
    turns = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], -1)
    values = draw(2, 1, 5, 4, 2, 2) if is_learned else turns.reshape(1, 5, 4, 2, 2)
    values = values.astype(np.float32)
    chain = projected()
    held = chain.last
    name = "/attn/Unsqueeze_4_output_0"
    stored = dequantized(chain, name, values) if in_codes else chain.keep(name, values)
    chain.node("Mul", held, stored, name="/attn/Mul")
    chain.linear("fc.weight", draw(3, 16, 16))
    assert (3 if is_learned else 2) == len(made(chain, tmp_path))


# -- what is there once more ----------------------------------------------------------------------


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_head_without_the_rows_for_padding(is_tied: bool, tmp_path: Path) -> None:
    """A recommender takes its items' rows, and none for padding."""
    table = draw(0, 42, 16)
    head = table[1:41] if is_tied else draw(1, 40, 16)
    chain = Chain()
    chain.node("Gather", chain.keep("items.weight", table), "x", name="/items/Gather")
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_7", head.T), name="/head/MatMul")
    assert (1 if is_tied else 2) == len(made(chain, tmp_path))


def test_a_recurrent_layer_that_is_called_again(tmp_path: Path) -> None:
    """A trace numbers the scopes of the calls; the weights are the same."""
    chain = Chain()
    stored = [
        chain.keep(f"onnx::GRU_{at}", draw(at, *shape))
        for at, shape in enumerate([(1, 24, 6), (1, 24, 8), (1, 48)])
    ]
    for scope in ("rnn", "rnn_1", "rnn_2"):
        chain.node("GRU", "x", *stored, name=f"/{scope}/GRU", hidden_size=8)
    assert {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"} == {
        name.removeprefix("rnn.") for name in made(chain, tmp_path)
    }


# -- what the numbers are not ---------------------------------------------------------------------


def test_vectors_that_were_computed_are_not_extracted(tmp_path: Path) -> None:
    """TorchScript's exporter keeps the names of vectors, unless it computed them: ``1 + w``."""
    chain = projected()
    scale = chain.keep("onnx::Mul_5", draw(2, 16))
    chain.node("Mul", chain.last, scale, name="/input_layernorm/Mul")
    chain.linear("fc.weight", draw(3, 16, 16))
    path = chain.save(tmp_path / "m.onnx", TORCH)
    assert (16,) == rows(path)["input_layernorm.weight"]
    onnx_params.extract(path, tmp_path / "out.safetensors")
    assert {"q.weight", "fc.weight"} == set(rows(tmp_path / "out.safetensors"))


def test_a_weight_whose_bias_a_fusion_made(tmp_path: Path) -> None:
    """The name of the bias tells that both were changed, whatever the weight is called."""
    chain = Chain()
    weight = chain.keep("reorder_token_3", draw(0, 16, 8, 1, 1))
    chain.node("Conv", "x", weight, chain.keep("c1.weight_bias", draw(1, 16)))
    chain.linear("fc.weight", draw(2, 4, 16))
    path = chain.save(tmp_path / "m.onnx", TORCH)
    assert {"c1.weight", "c1.bias", "fc.weight"} == set(rows(path))
    onnx_params.extract(path, tmp_path / "out.safetensors")
    assert {"fc.weight"} == set(rows(tmp_path / "out.safetensors"))


def test_a_bias_that_took_a_norm_in(tmp_path: Path) -> None:
    """A quantizer took the layer apart; its result is called after the norm that was put in."""
    chain = Chain()
    codes = np.random.default_rng(0).integers(-9, 9, (16, 8, 1, 1)).astype(np.int8)
    chain.node("ConvInteger", "x", chain.keep("c1.weight_quantized", codes))
    chain.node("Cast", chain.last, to=TensorProto.FLOAT)
    chain.node("Add", chain.last, chain.keep("c1.bias", draw(1, 16)))
    chain.nodes[-1].output[0] = chain.last = "getitem_3"
    chain.linear("fc.weight", draw(2, 4, 16))
    path = chain.save(tmp_path / "m.onnx", TORCH)
    onnx_params.extract(path, tmp_path / "out.safetensors")
    assert "c1.bias" not in rows(tmp_path / "out.safetensors")


def test_weights_of_one_number(tmp_path: Path) -> None:
    """A layer with one input and one output, and a bias of one number in codes."""
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("onnx::MatMul_1", draw(0, 8, 1)), name="/a/MatMul")
    held = chain.last
    codes = chain.keep("a.bias_quantized", np.asarray([-128], np.int8))
    scale = chain.keep("a.bias_scale", np.asarray(0.01, np.float32))
    chain.node("DequantizeLinear", codes, scale)
    chain.node("Add", chain.last, held, name="/a/Add")
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_2", draw(1, 1, 1)), name="/b/MatMul")
    found = made(chain, tmp_path)
    assert {"a.weight": (1, 8), "a.bias": (1,), "b.weight": (1, 1)} == found


@pytest.mark.parametrize("is_complete", [True, False])
def test_what_an_optimizer_computed_counts_once(is_complete: bool, tmp_path: Path) -> None:
    """A plain export has all parameters; what an optimizer made of two of them is none beside
    them.
    """
    first, second = draw(0, 16, 16), draw(1, 16, 16)
    head, other = draw(2, 16, 16), draw(3, 16, 16)
    plain, after = Chain(), Chain()
    for name, weight in (("a", first), ("b", second), ("c", head), ("d", other)):
        plain.linear(f"{name}.weight", weight)
        if name in "cd" or is_complete:
            after.linear(f"{name}.weight", weight)
    if not is_complete:
        after.node("MatMul", after.last, after.keep("_v_7", (second @ first).T))
    report = onnx_params.analyze(
        after.save(tmp_path / "after.onnx", TORCH),
        names_from=plain.save(tmp_path / "plain.onnx", TORCH),
    )
    assert ["a.weight", "b.weight", "c.weight", "d.weight"] == [row.name for row in report.rows]
    assert 4 * 256 == report.parameters


def test_codes_of_a_proxy(tmp_path: Path) -> None:
    """A quantizer in a layer made them: the path of the value has the leaf."""
    chain = Chain()
    codes = np.random.default_rng(0).integers(-9, 9, (16, 8, 1, 1)).astype(np.int8)
    path = "/features.1/weight_quant/export_handler"
    stored = [
        chain.keep(f"{path}/Constant_1_output_0", codes),
        chain.keep(f"{path}/Constant_output_0", np.asarray(0.1, np.float32)),
    ]
    chain.node("DequantizeLinear", *stored, name=f"{path}/DequantizeLinear")
    chain.node("Conv", "x", chain.last, name="/features.1/Conv")
    assert {"features.1.weight": (16, 8, 1, 1)} == made(chain, tmp_path)


# -- what speaks against a rule -------------------------------------------------------------------


def test_two_composed_graphs_keep_their_names(tmp_path: Path) -> None:
    """A prefix that most names have, but not nearly all, may be the framework's."""
    chain = Chain()
    for at, owner in enumerate(["text_fc", "text_f2", "img_fc"]):
        prefix, _, rest = owner.partition("_")
        weight = chain.keep(f"{owner}.weight", draw(at, 16, 16))
        chain.node("Gemm", chain.last, weight, name=f"{prefix}_/{rest}/Gemm", transB=1)
    assert {"text_fc.weight", "text_f2.weight", "img_fc.weight"} == set(made(chain, tmp_path))


def test_a_slope_of_one_number(tmp_path: Path) -> None:
    """A scalar that PRelu takes, and an Add."""
    chain = projected()
    slope = chain.keep("onnx::PRelu_5", np.asarray(0.25, np.float32).reshape(()))
    chain.stored[-1].ClearField("dims")
    chain.node("PRelu", chain.last, slope, name="/act/PRelu")
    chain.node("Add", chain.last, slope, name="/act/Add")
    chain.linear("fc.weight", draw(1, 16, 16))
    assert {"q.weight", "fc.weight"} <= set(made(chain, tmp_path))


@pytest.mark.parametrize("name", ["ones", "zeros_1", "full"])
def test_weights_that_are_called_as_what_fx_makes(name: str, tmp_path: Path) -> None:
    """Different numbers were not made of nothing, whatever they are called."""
    chain = projected()
    chain.node("MatMul", chain.last, chain.keep(name, draw(2, 16, 8)))
    assert name in made(chain, tmp_path)


def test_a_learned_table_with_a_row_for_padding(tmp_path: Path) -> None:
    """One column larger than all others does not make waves of them."""
    table = draw(0, 20, 16) * np.float32(0.03)
    table[:, 0] += 2
    table[1] = 0
    table = (table.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    chain = Chain()
    chain.node("Gather", chain.keep("embed.places", table), "x", name="/embed/Gather")
    chain.linear("fc.weight", draw(1, 16, 16))
    assert "embed.places" in made(chain, tmp_path)


def test_layers_of_a_recurrent_module_that_is_called_again(tmp_path: Path) -> None:
    """Calls are not counted as layers."""
    chain = Chain()
    for layer in range(2):
        shapes = [(1, 24, 8), (1, 24, 8), (1, 48)]
        stored = [
            chain.keep(f"onnx::GRU_{layer}{at}", draw(9 * layer + at, *shape))
            for at, shape in enumerate(shapes)
        ]
        for _ in range(2):
            chain.node("GRU", "x", *stored, name="/rnn/GRU", hidden_size=8)
    assert {"rnn.weight_ih_l0", "rnn.weight_ih_l1"} == {
        name for name in made(chain, tmp_path) if "weight_ih" in name
    }


def test_names_with_numbers_are_kept(tmp_path: Path) -> None:
    """Two tensors with the same numbers, one of them in codes, keep what they are called."""
    weight = draw(0, 16, 16)
    chain = Chain()
    chain.linear("conv1", weight)
    held = chain.last
    chain.node("Gemm", held, dequantized(chain, "conv2", weight), transB=1)
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    names = {name for row in report.rows for name in (row.name, *row.aliases)}
    assert {"conv1", "conv2"} == names


@pytest.mark.parametrize(
    ("op_type", "name", "result"),
    [("FusedGemm", "fused node_Gemm_14", "tanh"), ("Gemm", "node_Gemm_14", "getitem_cast_to_fp16")],
)
def test_layers_whose_result_tells_of_a_norm(
    op_type: str, name: str, result: str, tmp_path: Path
) -> None:
    """An activation hides whether a norm was put in; a cast puts a word behind the norm's name."""
    chain = Chain()
    domain = "com.microsoft" if op_type == "FusedGemm" else ""
    held = chain.keep("third.weight", draw(0, 16, 16)), chain.keep("third.bias", draw(1, 16))
    chain.node(op_type, "x", *held, name=name, domain=domain, transB=1)
    chain.nodes[-1].output[0] = chain.last = result
    chain.linear("fc.weight", draw(2, 16, 16))
    onnx_params.extract(chain.save(tmp_path / "m.onnx", TORCH), tmp_path / "out.safetensors")
    assert {"fc.weight"} == set(rows(tmp_path / "out.safetensors"))
