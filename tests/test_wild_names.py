"""Names and counts where exporters, builders, optimizers and quantizers that came up later leave
something of their own: one small artifact each, without a reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file
from support.graphs import Chain, nbits
from torch import nn

import onnx_params

GENAI = "onnxruntime-genai"
TORCH = "pytorch"


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def rows(path: Path, **options: Any) -> dict[str, tuple[int, ...] | None]:
    """Name -> shape of each row."""
    report = onnx_params.analyze(path, **options)
    assert len(report.rows) == len({row.name for row in report.rows}), "a name stands twice"
    return {row.name: row.shape for row in report.rows}


def certain(path: Path, **options: Any) -> set[str]:
    return {row.name for row in onnx_params.analyze(path, **options).rows if row.certain}


def distinct(module: nn.Module) -> nn.Module:
    """The module with parameters and buffers that all differ; exporters merge equal ones."""
    torch.manual_seed(7)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape) + 0.5)
    return module.eval()


def exported(module: nn.Module, path: Path, *inputs: torch.Tensor, dynamo: bool = True) -> Path:
    torch.onnx.export(distinct(module), inputs, path, dynamo=dynamo, external_data=False)
    return path


def truth(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in module.named_parameters()}


# -- builders -------------------------------------------------------------------------------------


def built(tmp_path: Path, mark: str = "") -> Path:
    """A layer as the LLM builder writes it: joined projections, its own names of norms, a bias and a
    norm that fill slots, and a head that the embedding looks up.
    """
    scope = "/model/layers.0"
    chain = Chain()
    head = chain.keep("lm_head.MatMul.weight", draw(0, 16, 40))
    chain.node("Transpose", head, name="/model/embed_tokens/Transpose", perm=[1, 0])
    chain.node("Gather", chain.last, "x", name="/model/embed_tokens/Gather")
    norm = chain.keep("model.layers.0.input_layernorm.weight", draw(1, 16))
    chain.node("RMSNormalization", chain.last, norm, name=f"{scope}/input_layernorm/LayerNorm")
    nbits(chain, "model.layers.0.attn.qkv_proj.MatMul.weight", draw(2, 32, 16))
    bias = np.concatenate([draw(3, 16), np.zeros(8, np.float32), draw(4, 8)])
    added = chain.keep("model.layers.0.attn.qkv_proj.Add.bias", bias)
    chain.node("Add", chain.last, added, name=f"{scope}/attn/qkv_proj/Add")
    heads = {"num_heads": 4, "kv_num_heads": 2, "domain": "com.microsoft"}
    chain.node("GroupQueryAttention", chain.last, name=f"{scope}/attn/GroupQueryAttention", **heads)
    if mark:
        chain.node("Mul", chain.last, chain.keep(mark, draw(5, 16)))
    ones = chain.keep("model.layers.0.attn.v_norm.layernorm.weight", np.ones(8, np.float32))
    chain.node("RMSNormalization", chain.last, ones, name=f"{scope}/attn/v_norm/LayerNorm")
    out = chain.keep("model.layers.0.attn.o_proj.MatMul.weight", draw(6, 16, 16))
    chain.node("MatMul", chain.last, out, name=f"{scope}/attn/o_proj/MatMul")
    last = chain.keep("model.layers.1.final_norm_layernorm.weight", draw(7, 16))
    chain.node("RMSNormalization", chain.last, last, name="/model/layers.1/final_norm_layernorm/N")
    chain.node("MatMul", chain.last, head, name="/lm_head/MatMul")
    return chain.save(tmp_path / "built.onnx", GENAI)


def test_builder_has_the_names_of_checkpoints(tmp_path: Path) -> None:
    """Hugging Face's names, none certain; joined projections in parts; no bias where zeros fill
    its slot, no norm where ones do.
    """
    path = built(tmp_path)
    assert {
        "model.embed_tokens.weight": (40, 16),
        "model.layers.0.input_layernorm.weight": (16,),
        "model.layers.0.self_attn.q_proj.weight": (16, 16),
        "model.layers.0.self_attn.k_proj.weight": (8, 16),
        "model.layers.0.self_attn.v_proj.weight": (8, 16),
        "model.layers.0.self_attn.q_proj.bias": (16,),
        "model.layers.0.self_attn.v_proj.bias": (8,),
        "model.layers.0.self_attn.o_proj.weight": (16, 16),
        "model.norm.weight": (16,),
    } == rows(path)
    assert set() == certain(path)
    found = {row.name: row for row in onnx_params.analyze(path).rows}
    assert ("lm_head.weight",) == found["model.embed_tokens.weight"].aliases
    keys = found["model.layers.0.self_attn.k_proj.weight"]
    assert ("uint4", 8 * 16 // 2) == (keys.dtype, keys.n_bytes)


@pytest.mark.parametrize(
    ("weight", "result"),
    [
        ("_v_12", "/fc/Conv_output_0"),  # onnxsim
        ("/fc/Mul_output_0_weight", "/fc/Mul_output_0"),  # onnxslim
        ("/fc/Add_output_0_weight_fused", "/fc/Conv_output_0"),
        ("/fc/Reshape_output_0", "/fc/Conv_output_0"),  # a standardized weight
        ("ConvMulFusion_Mul_B_onnx::Mul_125", "/fc/Mul_output_0"),  # onnxruntime
        ("fc.weight", "/bn/BatchNormalization_output_0"),  # a norm, under the weight's own name
        ("fc.weight", "getitem_3"),
    ],
)
def test_what_was_put_into_a_weight_is_not_extracted(
    tmp_path: Path, weight: str, result: str
) -> None:
    """The names that optimizers give say that the numbers are no longer the original's."""
    for name, last in ((weight, result), ("fc.weight", "/fc/Conv_output_0")):
        chain = Chain()
        chain.node("Conv", "x", chain.keep(name, draw(0, 4, 3, 1, 1)), name="/fc/Conv")
        chain.nodes[-1].output[0] = chain.last = last
        path = chain.save(tmp_path / "m.onnx", TORCH)
        is_plain = (name, last) != (weight, result)
        (row,) = onnx_params.analyze(path).rows
        assert ("fc.weight", is_plain) == (row.name, "folded" not in row.view)


def test_computed_norms_are_not_extracted(tmp_path: Path) -> None:
    """Where the family's norms add one to their weight, what is stored is not the weight."""
    path = built(tmp_path, "model.layers.0.pre_feedforward_layernorm.weight")
    done = onnx_params.extract(path, tmp_path / "out.safetensors")
    left = {name for name, _ in done.left if "norm" in name}
    assert left == {
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.pre_feedforward_layernorm.weight",
        "model.norm.weight",
    }
    assert not any("norm" in name for name in load_file(tmp_path / "out.safetensors"))


@pytest.mark.parametrize(("producer", "expected"), [(TORCH, {"fc.weight"}), ("builder", set())])
def test_agreeing_with_oneself_proves_nothing(
    producer: str, expected: set[str], tmp_path: Path
) -> None:
    """A stored name that its scope confirms is certain where the writer keeps torch's names."""
    chain = Chain()
    weight = chain.keep("fc.weight", draw(0, 16, 16))
    chain.node("Gemm", chain.last, weight, name="/fc/Gemm", transB=1)
    assert expected == certain(chain.save(tmp_path / "m.onnx", producer))


# -- TorchScript ----------------------------------------------------------------------------------


def test_constants_of_a_trace(tmp_path: Path) -> None:
    """What a trace computed is no parameter where parameters are initializers."""
    chain = Chain()
    value = onnx.numpy_helper.from_array(draw(0, 16))
    chain.nodes.append(helper.make_node("Constant", [], ["/fc/Constant_1_output_0"], value=value))
    weight = chain.keep("fc.weight", draw(1, 16, 16))
    chain.node("Gemm", chain.last, weight, name="/fc/Gemm", transB=1)
    chain.node("LayerNormalization", chain.last, "/fc/Constant_1_output_0", name="/fc/LN")
    assert {"fc.weight": (16, 16)} == rows(chain.save(tmp_path / "m.onnx", TORCH))


def test_frozen_norms_are_buffers(tmp_path: Path) -> None:
    """A factor and a term for each channel of a convolution, both computed."""
    chain = Chain()
    chain.node("Conv", "x", chain.keep("conv.weight", draw(0, 8, 3, 3, 3)), name="/conv/Conv")
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_1", draw(1, 1, 8, 1, 1)), name="/bn/Mul")
    chain.node("Add", chain.last, chain.keep("onnx::Add_2", draw(2, 1, 8, 1, 1)), name="/bn/Add")
    chain.node("Conv", chain.last, chain.keep("next.weight", draw(3, 8, 8, 1, 1)), name="/next/C")
    path = chain.save(tmp_path / "m.onnx", TORCH)
    assert {"conv.weight": (8, 3, 3, 3), "next.weight": (8, 8, 1, 1)} == rows(path)


def test_no_false_leaf(tmp_path: Path) -> None:
    """A matrix that hangs on a module of modules has an unknown leaf; the vector of a norm and a
    scale have their module's words, whatever axes they were given.
    """
    chain = Chain()
    hanging = chain.keep("onnx::MatMul_1", draw(0, 16, 16))
    chain.node("MatMul", "x", hanging, name="/attn/MatMul")
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_2", draw(1, 16, 1, 1)), name="/norm/Mul")
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_3", draw(2, 1, 16)), name="/ls1/Mul")
    proj = chain.keep("attn.proj.weight", draw(3, 16, 16))
    chain.node("Gemm", chain.last, proj, name="/attn/proj/Gemm", transB=1)
    assert {
        "attn.?": (16, 16),
        "norm.weight": (16,),
        "ls1.gamma": (16,),
        "attn.proj.weight": (16, 16),
    } == rows(chain.save(tmp_path / "m.onnx", TORCH))


@pytest.mark.parametrize("is_learned", [True, False])
def test_biases_of_positions(is_learned: bool, tmp_path: Path) -> None:
    """What attention adds for each head is a table of as many rows as differ; a mask of two
    numbers is none.
    """
    table = draw(0, 15, 4) if is_learned else np.asarray([[0.0] * 4] * 7 + [[-1e9] * 4] * 8)
    steps = np.arange(8)[:, None] - np.arange(8) + 7
    bias = table[steps].transpose(2, 0, 1)[None].astype(np.float32)
    chain = Chain()
    chain.node("Gemm", "x", chain.keep("q.weight", draw(1, 16, 16)), name="/q/Gemm", transB=1)
    chain.node("Add", chain.last, chain.keep("onnx::Add_5", bias), name="/attn/Add")
    chain.node("Softmax", chain.last, name="/attn/Softmax")
    found = rows(chain.save(tmp_path / "m.onnx", TORCH))
    expected = {"attn.?": (15, 4)} if is_learned else {}
    assert expected | {"q.weight": (16, 16)} == found


def test_masks_of_windows(tmp_path: Path) -> None:
    """A mask that is added for each window, before the axes of heads are put together again."""
    mask = np.where(draw(0, 1, 4, 1, 8, 8) > 0, 0, -100).astype(np.float32)
    chain = Chain()
    chain.node("Gemm", "x", chain.keep("q.weight", draw(1, 16, 16)), name="/q/Gemm", transB=1)
    chain.node("Add", chain.last, chain.keep("onnx::Add_5", mask), name="/attn/Add")
    chain.node("Reshape", chain.last, chain.keep("onnx::Reshape_6", np.asarray([-1, 8, 8])))
    chain.node("Softmax", chain.last, name="/attn/Softmax")
    assert {"q.weight": (16, 16)} == rows(chain.save(tmp_path / "m.onnx", TORCH))


def waves(n: int, width: int, form: str) -> np.ndarray:
    """Sines and cosines of positions: beside each other, one after the other, or of a grid after a
    row of zeros for a class token.
    """
    angles = np.arange(n)[:, None] * 10000.0 ** (-np.arange(width // 2) / (width // 2))
    if form == "grid":
        angles = np.arange(4)[:, None] * 100.0 ** (-np.arange(width // 4) / (width // 4))
        half = [np.sin(angles), np.cos(angles)]
        row = np.concatenate([np.tile(each, (4, 1)) for each in half], 1)
        column = np.concatenate([np.repeat(each, 4, 0) for each in half], 1)
        return np.concatenate([np.zeros((1, width)), np.concatenate([column, row], 1)])
    if form == "halves":
        return np.concatenate([np.sin(angles), np.cos(angles)], 1)
    return np.stack([np.sin(angles), np.cos(angles)], 2).reshape(n, width)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("form", ["pairs", "halves", "grid", "learned"])
def test_waves_of_positions(form: str, dtype: type, tmp_path: Path) -> None:
    """Sines and cosines were not learned, whatever they are called; other tables were."""
    table = draw(1, 17, 16) if form == "learned" else waves(17, 16, form)
    chain = Chain()
    chain.node("Gemm", "x", chain.keep("q.weight", draw(0, 16, 16)), name="/q/Gemm", transB=1)
    chain.node("Add", chain.last, chain.keep("enc.where", table.astype(dtype)), name="/enc/Add")
    chain.linear("head.weight", draw(2, 16, 16))
    found = rows(chain.save(tmp_path / "m.onnx", TORCH))
    assert (form == "learned") is ("enc.where" in found)


@pytest.mark.parametrize("is_learned", [True, False])
def test_filters_that_resample(is_learned: bool, tmp_path: Path) -> None:
    """One filter for all channels, the same from both ends, was not learned."""
    one = np.asarray([0.05, 0.25, 0.4, 0.25, 0.05], np.float32)
    kernel = draw(0, 6, 1, 5) if is_learned else np.tile(one, (6, 1, 1))
    chain = Chain()
    chain.node("Conv", "x", chain.keep("up.taps", kernel), name="/up/Conv", group=6)
    chain.node("Gemm", chain.last, chain.keep("fc.weight", draw(1, 4, 4)), name="/fc/Gemm")
    assert is_learned is ("up.taps" in rows(chain.save(tmp_path / "m.onnx", TORCH)))


@pytest.mark.parametrize("is_learned", [True, False])
def test_rotations_of_pairs(is_learned: bool, tmp_path: Path) -> None:
    """A table of cosines, or of sines, that multiplies both halves of each pair is a buffer."""
    angles = np.arange(8)[:, None, None] * 10.0 ** -np.arange(4)
    cosines, sines = (f(angles).astype(np.float32) for f in (np.cos, np.sin))
    if is_learned:
        cosines, sines = draw(0, 8, 1, 4), draw(1, 8, 1, 4)
    chain = Chain()
    chain.node("Gemm", "x", chain.keep("q.weight", draw(2, 16, 16)), name="/q/Gemm", transB=1)
    held = chain.last
    kept = chain.keep("onnx::Mul_5", cosines), chain.keep("onnx::Mul_6", sines)
    for table in (*kept, *kept):
        chain.node("Mul", held, table)
    chain.linear("o.weight", draw(3, 16, 16))
    found = rows(chain.save(tmp_path / "m.onnx", TORCH))
    assert (4 if is_learned else 2) == len(found)


def test_what_a_tool_put_in_is_not_certain(tmp_path: Path) -> None:
    """A tensor before nodes that no exporter wrote, a product that became a convolution, codes of
    which nothing says how they become numbers.
    """
    chain = Chain()
    chain.node("Cast", chain.keep("a.weight_raw", draw(0, 8, 8)), to=TensorProto.FLOAT)
    chain.node("Gemm", "x", chain.last, name="/a/Gemm", transB=1)
    chain.node("Conv", chain.last, chain.keep("b.weight", draw(1, 8, 8, 1, 1)), name="/b/Gemm")
    codes = chain.keep("c.weight", np.ones((8, 8), np.int8))
    chain.node("QGemm", chain.last, codes, name="/c/Gemm", domain="quant")
    chain.node("Gemm", chain.last, chain.keep("d.weight", draw(2, 8, 8)), name="/d/Gemm", transB=1)
    assert {"d.weight"} == certain(chain.save(tmp_path / "m.onnx", TORCH))


def test_lengths_of_a_weight(tmp_path: Path) -> None:
    """What a weight is divided by, its own lengths, which a trace computed, is no parameter."""
    chain = Chain()
    lengths = chain.keep("onnx::Clip_7", draw(0, 16, 1))
    chain.node("Clip", lengths, chain.keep("/fc/Constant_output_0", np.float32(1e-12)))
    chain.node("Expand", chain.last, chain.keep("onnx::Expand_8", np.asarray([16, 16])))
    chain.node("Div", chain.keep("fc.weight", draw(1, 16, 16)), chain.last, name="/fc/Div")
    chain.node("Gemm", "x", chain.last, name="/fc/Gemm", transB=1)
    assert {"fc.weight": (16, 16)} == rows(chain.save(tmp_path / "m.onnx", TORCH))


def norm_by_hand(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
    """A norm over channels and time, as speech separators write it: axes turned for the factors."""
    mean = x.mean((1, 2), keepdim=True)
    centered = x - mean
    normed = centered / (centered.pow(2).mean((1, 2), keepdim=True) + 1e-8).sqrt()
    return (gamma * normed.transpose(1, -1) + beta).transpose(1, -1)


class Separator(nn.Module):
    """Convolutions, and such a norm after the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv1d(8, 8, 3, padding=1)
        self.norm = torch.nn.Module()
        self.norm.gamma = torch.nn.Parameter(torch.rand(8))
        self.norm.beta = torch.nn.Parameter(torch.rand(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gamma, beta = self.norm.gamma, self.norm.beta
        assert isinstance(gamma, torch.Tensor) and isinstance(beta, torch.Tensor)
        return norm_by_hand(self.conv(x), gamma, beta)


@pytest.mark.parametrize("is_optimized", [False, True])
def test_a_norm_by_hand(is_optimized: bool, tmp_path: Path) -> None:
    """The last norm is no rescaling of the output; where onnxruntime moved a transposition, and gave
    its vectors axes, their shape is not certain.
    """
    path = tmp_path / "m.onnx"
    torch.onnx.export(Separator(), (torch.rand(1, 8, 16),), path, dynamo=False, opset_version=17)
    if is_optimized:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    report = onnx_params.analyze(path)
    assert {"conv.weight", "conv.bias", "norm.gamma", "norm.beta"} == {
        row.name for row in report.rows
    }
    assert all(row.shape == (8,) or not row.certain for row in report.rows if "norm" in row.name)


def test_two_layouts_are_one_parameter(tmp_path: Path) -> None:
    """A weight that lies twice, transposed with axes of one, counts once."""
    weight = draw(0, 12, 27)
    chain = Chain()
    chain.node("Add", "x", chain.keep("conv.weight", weight[None]), name="/conv/Add")
    turned = chain.keep("onnx::ReduceMean_3", np.ascontiguousarray(weight.T)[None])
    chain.node("ReduceMean", turned, name="/conv/ReduceMean")
    report = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH))
    assert (weight.size, ()) == (report.parameters, report.rows[0].aliases)


def tied(path: Path, head: np.ndarray, table: np.ndarray) -> Path:
    """A model of a table that is looked up, and a head in 4 bits."""
    chain = Chain()
    chain.node("Gather", chain.keep("model.embed_tokens.weight", table), "x")
    nbits(chain, "lm_head.weight", head)
    return chain.save(path)


def test_a_quantized_head_is_its_table(tmp_path: Path) -> None:
    """A head that is tied to its embedding and quantized counts once, another head for itself."""
    table = draw(0, 96, 64)
    (row,) = onnx_params.analyze(tied(tmp_path / "tied.onnx", table, table)).rows
    assert ("model.embed_tokens.weight", (96, 64)) == (row.name, row.shape)
    assert ("lm_head.weight",) == row.aliases
    other = onnx_params.analyze(tied(tmp_path / "other.onnx", draw(1, 96, 64), table))
    assert (2, 2 * table.size) == (len(other.rows), other.parameters)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", ["int8", "uint4", "int4"])
def test_a_table_in_codes_is_its_head(tmp_path: Path, dtype: str, axis: int) -> None:
    """Codes of either type, with a scale for each row or in blocks, and a head in float."""
    table = draw(0, 96, 64)
    bits, low = int(dtype[-1]), 0 if dtype[0] == "u" else -(1 << (int(dtype[-1]) - 1))
    zero = low + (1 << (bits - 1))
    blocks = table.reshape(96, -1, 16) if axis else table[:, None]
    scales = (np.abs(blocks).max(axis=2) / ((1 << (bits - 1)) - 1)).astype(np.float32)
    codes = np.round(blocks / scales[..., None]).reshape(96, 64) + zero
    chain = Chain()
    scale = chain.keep("embed.weight_scale", scales if axis else scales[:, 0])
    code = chain.keep("embed.weight", codes.astype(int), getattr(TensorProto, dtype.upper()))
    zeros = chain.keep(
        "embed.weight_zero",
        np.full(scales.shape if axis else 96, zero),
        getattr(TensorProto, dtype.upper()),
    )
    options = {"axis": 1, "block_size": 16} if axis else {"axis": 0}
    chain.node("Gather", chain.node("DequantizeLinear", code, scale, zeros, **options), "x")
    chain.node("MatMul", chain.last, chain.keep("onnx::MatMul_7", table.T))
    (row,) = onnx_params.analyze(chain.save(tmp_path / "m.onnx", TORCH)).rows
    assert ("embed.weight", (96, 64)) == (row.name, row.shape)


# -- dynamo ---------------------------------------------------------------------------------------


class Scaled(nn.Module):
    """A vector as a view of four axes, and three biases of which one is a buffer, joined."""

    k_bias: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.gamma = nn.Parameter(torch.ones(8))
        self.q_bias, self.v_bias = (nn.Parameter(torch.ones(8)) for _ in range(2))
        self.register_buffer("k_bias", torch.zeros(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held: torch.Tensor = self.conv(x) * self.gamma.view(1, -1, 1, 1)
        joined = torch.cat((self.q_bias, self.k_bias, self.v_bias))
        return held.mean((2, 3)).repeat(1, 3) + joined


class Standardized(nn.Conv2d):
    """A convolution whose weight is brought to mean 0 and deviation 1, and scaled."""

    def __init__(self) -> None:
        super().__init__(3, 8, 3)
        self.gain = nn.Parameter(torch.ones(8, 1, 1, 1))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        weight = (self.weight - mean) / self.weight.std((1, 2, 3), keepdim=True) * self.gain
        return nn.functional.conv2d(input, weight, self.bias)


class Relative(nn.Module):
    """A table of relative positions, looked up for each pair of them and head."""

    places: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.ones(15, 4))
        steps = torch.arange(8)[:, None] - torch.arange(8) + 7
        self.register_buffer("places", steps, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held = self.table[self.places.reshape(-1)].reshape(8, 8, -1).permute(2, 0, 1)
        return (x + held.unsqueeze(0)).softmax(-1)


class Positions(nn.Module):
    """Embeddings of all positions, which a buffer lists."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 6)
        self.register_buffer("position_ids", torch.arange(10)[None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held: torch.Tensor = x + self.embedding(self.position_ids)
        return held


class Tokens(nn.Module):
    """Tokens for each of a batch, behind a view, and a turned matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.rand(4, 6))
        self.mixed = nn.Parameter(torch.rand(6, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.token.unsqueeze(0).expand(2, -1, -1)
        return torch.cat((tokens, x), 1) * self.mixed.t().reshape(6, 6)


class Selected(nn.Module):
    """A weight for each of three steps, and positions of a class and of patches."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.rand(3, 6))
        self.positions = nn.Parameter(torch.rand(1, 9, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        alpha = self.alpha.sigmoid().view(3, 6, 1, 1)
        for step in range(3):
            x = x * alpha[step]
        held = x.flatten(2).transpose(1, 2)
        return held * self.positions[:, 1:] + self.positions[:, :1]


class Flat(nn.Module):
    """A table of relative positions, looked up for each pair of them, without further axes."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.rand(15, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(8)[:, None] - torch.arange(8) + 7
        return x + self.table[steps.reshape(-1)]


class Layers(nn.Module):
    """Layers of which the first has an input that is known at export."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleDict({"query": nn.Linear(6, 6), "value": nn.Linear(6, 6)}) for _ in range(3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held = torch.zeros(4, 6)
        for layer in self.layers:
            held = layer["query"](held).softmax(-1) + layer["value"](x)
        return held


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (Tokens, (2, 2, 6)),
        (Selected, (1, 6, 2, 4)),
        (Flat, (64, 4)),
        (Layers, (4, 6)),
        (Scaled, (1, 3, 4, 4)),
        (Standardized, (1, 3, 6, 6)),
        (Relative, (1, 4, 8, 8)),
        (Positions, (1, 10, 6)),
    ],
)
def test_what_was_computed_has_a_shape(
    module: Callable[[], nn.Module], shape: tuple[int, ...], tmp_path: Path
) -> None:
    """Every parameter of which the exporter computed a constant is a row with its shape."""
    model = module()
    path = exported(model, tmp_path / "m.onnx", torch.rand(shape))
    assert truth(model) == rows(path)


class Unpacked(nn.Module):
    """Codes, scales and zero points as the weight that they are."""

    def forward(self, codes: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
        return (codes - zero) * scale

    def right_inverse(self, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
        scale = weight.abs().amax(1, keepdim=True) / 7
        return torch.round(weight / scale), scale, torch.zeros_like(scale)


def test_a_weight_that_is_listed_in_parts(tmp_path: Path) -> None:
    """As torchao lists a quantized weight: one row, under the weight's name, inferred."""
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5))
    expected = truth(model)
    for at in (0, 2):
        nn.utils.parametrize.register_parametrization(model[at], "weight", Unpacked())
    path = exported(model, tmp_path / "m.onnx", torch.rand(3, 6))
    assert expected == rows(path)
    assert {"0.bias", "2.bias"} == certain(path)


class Recurrent(nn.Module):
    """A cell whose weights are too large for the exporter to compute at export."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(96, 48, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held: torch.Tensor = self.lstm(x)[0]
        return held


def test_biases_of_a_cell_whose_weights_the_graph_computes(tmp_path: Path) -> None:
    """``hidden_size`` and the joined biases say the parts."""
    model = Recurrent()
    path = exported(model, tmp_path / "m.onnx", torch.rand(1, 5, 96))
    assert truth(model) == rows(path)


class Tagger(nn.Module):
    """Two layers in both directions, and a second module of the kind where asked for."""

    def __init__(self, is_second: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(10, 6, 2, batch_first=True, bidirectional=True)
        self.second = nn.LSTM(12, 6, batch_first=True) if is_second else None
        self.fc = nn.Linear(6 if is_second else 12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        held = self.lstm(x)[0]
        if self.second is not None:
            held = self.second(held)[0]
        made: torch.Tensor = self.fc(held)
        return made


@pytest.mark.parametrize("is_second", [False, True])
def test_cells_that_a_quantizer_wrote_anew(is_second: bool, tmp_path: Path) -> None:
    """Nothing is left that tells of their nodes: the order of layers names them, without values where there
    is more than one module.
    """
    model = Tagger(is_second)
    path = without_values(exported(model, tmp_path / "m.onnx", torch.rand(1, 5, 10)))
    quantized = tmp_path / "q.onnx"
    quantize_dynamic(path, quantized, weight_type=QuantType.QInt8)
    assert truth(model) == rows(quantized)
    done = onnx_params.extract(quantized, tmp_path / "out.safetensors", dequantize=True)
    cells = {name for name in done.written if ".weight_hh_l" in name}
    assert bool(cells) is not is_second


def without_values(path: Path) -> Path:
    """The model without what the exporter says of its values, as some tools leave it."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    onnx.save(model, path)
    return path


def test_listed_weights_by_their_bias_and_by_order(tmp_path: Path) -> None:
    """Where only the list is left, a sibling or the order of the graph gives shapes; by order no
    values are given.
    """
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5, bias=False), nn.Linear(5, 4))
    path = without_values(exported(model, tmp_path / "m.onnx", torch.rand(3, 2, 6)))
    assert truth(model) == rows(path)
    done = onnx_params.extract(path, tmp_path / "out.safetensors")
    written = load_file(tmp_path / "out.safetensors")
    for name in done.written:
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), written[name])


# -- quantizers -----------------------------------------------------------------------------------


def test_codes_have_the_stem_of_their_scale(tmp_path: Path) -> None:
    """``fc.weight_i4`` beside ``fc.weight_scale`` is ``fc.weight``."""
    chain = Chain()
    codes = np.random.default_rng(0).integers(-100, 100, (16, 16)).astype(np.int8)
    stored = [
        chain.keep("fc.weight_i8", codes),
        chain.keep("fc.weight_scale", np.full(1, 0.1, np.float32)),
    ]
    chain.node("DequantizeLinear", *stored, name="fc.weight_DequantizeLinear")
    chain.node("Gemm", "x", chain.last, name="/fc/Gemm", transB=1)
    assert {"fc.weight": (16, 16)} == rows(chain.save(tmp_path / "m.onnx", TORCH))


def test_numbered_copies_are_one(tmp_path: Path) -> None:
    """A tool gave each use a copy with a number."""
    weight = draw(0, 16, 16)
    chain = Chain()
    for number in (1, 2, 3):
        stored = chain.keep(f"fc.weight_{number}", weight)
        chain.node("Gemm", chain.last, stored, transB=1)
    assert {"fc.weight": (16, 16)} == rows(chain.save(tmp_path / "m.onnx", TORCH))


# -- names from a plain export --------------------------------------------------------------------


def optimized(path: Path, target: Path) -> Path:
    """The model as optimizers leave it: metadata gone, every stored tensor under another name, a
    matrix transposed.
    """
    model = onnx.load(path)
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    names = {tensor.name: f"t{at}" for at, tensor in enumerate(model.graph.initializer)}
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
        tensor.name = names[tensor.name]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.name = ""
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, target)
    return target


def plain(tmp_path: Path) -> tuple[nn.Module, Path, Path]:
    model = nn.Sequential(nn.Linear(6, 9), nn.LayerNorm(9), nn.Linear(9, 5))
    path = exported(model, tmp_path / "plain.onnx", torch.rand(3, 2, 6))
    return model, path, optimized(path, tmp_path / "optimized.onnx")


def test_names_from_a_plain_export(tmp_path: Path) -> None:
    """An optimized artifact has the names of the plain one, certain where values prove them."""
    model, path, other = plain(tmp_path)
    assert truth(model) != rows(other)
    assert truth(model) == rows(other, names_from=path)
    assert set(truth(model)) == certain(other, names_from=path)


def test_names_from_a_source_map(tmp_path: Path) -> None:
    """A map's digests find what was renamed or transposed."""
    model, path, other = plain(tmp_path)
    parameters = [
        {
            "name": name,
            "shape": list(value.shape),
            "dtype": "float32",
            "sha256": onnx_params_sha(value),
        }
        for name, value in model.named_parameters()
    ]
    document = {"schema": "onnx-params/source-map/1", "parameters": parameters, "buffers": []}
    (tmp_path / "map.json").write_text(json.dumps(document))
    named = onnx_params.analyze(other, names_from=tmp_path / "map.json")
    assert truth(model) == {row.name: row.shape for row in named.rows}
    assert all(row.stored for row in named.rows)


def onnx_params_sha(value: torch.Tensor) -> str:
    import hashlib

    return hashlib.sha256(value.detach().numpy().tobytes()).hexdigest()


def test_names_from_another_checkpoint(tmp_path: Path) -> None:
    """Where all values are others, structure gives the names, and none is certain."""
    model, path, other = plain(tmp_path)
    changed = onnx.load(other)
    for tensor in changed.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.raw_data = (values * 3 + 1).tobytes()
    onnx.save(changed, other)
    assert truth(model) == rows(other, names_from=path)
    assert set() == certain(other, names_from=path)


@pytest.mark.parametrize("affine", [True, False])
def test_a_norm_folded_into_a_matrix(affine: bool, tmp_path: Path) -> None:
    """The weight that keeps its name holds other values: it is folded, and not extracted; the bias
    that the fold made is no parameter.
    """
    model = nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9, affine=affine), nn.Linear(9, 5))
    path = exported(model, tmp_path / "m.onnx", torch.rand(3, 6))
    assert truth(model) == rows(path)
    views = {row.name: row.view for row in onnx_params.analyze(path).rows}
    assert "folded" == views["0.weight"]
    onnx_params.extract(path, tmp_path / "out.safetensors")
    for name, written in load_file(tmp_path / "out.safetensors").items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), written)


class Casting(nn.Linear):
    """A layer that casts its bias, as openai-whisper's do."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        bias = self.bias.to(torch.float64).to(rows.dtype)
        return nn.functional.linear(rows, self.weight, bias)


class Stacked(nn.Module):
    """A list in a module of the list's own name, which has no scope of its own."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            rows = layer(rows)
        return rows


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = [nn.Sequential(nn.Linear(8, 8, bias=False), nn.LayerNorm(8)) for _ in range(2)]
        self.layers = Stacked([*blocks])
        self.last = Casting(8, 8)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.last(self.layers(rows))
        return made


def test_scopes_and_biases_of_torchscript(tmp_path: Path) -> None:
    """A level that scopes lack, as the norms' names beside tell; a bias that was cast."""
    module = Outer()
    path = exported(module, tmp_path / "m.onnx", torch.ones(2, 3, 8), dynamo=False)
    scopes = {node.name.split("/")[1] for node in onnx.load(path).graph.node}
    assert "layers" in scopes
    assert truth(module) == rows(path)


def test_an_original_that_a_quantizer_left(tmp_path: Path) -> None:
    """The original beside its codes, where no node takes it, is no second parameter; where one
    does, it is.
    """
    chain = Chain()
    nbits(chain, "fc.weight", draw(0, 32, 16))
    left = chain.keep("fc.weight", draw(0, 32, 16).T)
    assert rows(chain.save(tmp_path / "left.onnx")) == {"fc.weight": (16, 32)}
    report = onnx_params.analyze(tmp_path / "left.onnx")
    assert [row.dtype for row in report.rows] == ["uint4"]
    product = chain.node("MatMul", "x", left)
    chain.node("Add", product, chain.nodes[0].output[0])
    assert len(rows(chain.save(tmp_path / "used.onnx"))) == 2
