"""What tools and checkpoint layouts that came up later do to weights: one small artifact each."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from safetensors.numpy import save_file
from support.graphs import Chain, checkpoint, in_blocks

import onnx_params
from onnx_params.auditing.audit import Audit, audit
from onnx_params.containers.formats import open_checkpoint
from onnx_params.containers.quantized_checkpoint import dequantized
from onnx_params.tensors.codebooks import CODEBOOKS

E2M1 = np.asarray(CODEBOOKS["e2m1"], np.float32)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def audited(chain: Chain, tmp_path: Path, **arrays: np.ndarray) -> Audit:
    """An audit of a model against a checkpoint; ``__`` stands for a dot."""
    path = chain.save(tmp_path / "m.onnx")
    return audit(path, reference=checkpoint(tmp_path / "c.safetensors", **arrays))


def failing(done: Audit) -> set[tuple[str, str]]:
    return {(finding.rule, finding.name) for finding in done.failing}


def nibbles(codes: np.ndarray) -> np.ndarray:
    """Codes of 4 bits of the last axis in bytes, the first of two lowest."""
    packed: np.ndarray = (codes[..., ::2] | (codes[..., 1::2] << 4)).astype(np.uint8)
    return packed


# -- operators ------------------------------------------------------------------------------------


def experts(chain: Chain, name: str, weight: np.ndarray, **attributes: Any) -> None:
    """A QMoE whose first matrices are ``weight`` [experts, rows, inputs] in 4 bits."""
    count, rows, inputs = weight.shape
    data, scales = in_blocks(weight.reshape(-1, inputs))
    second = draw(90, count, inputs, rows // 2)
    data_2, scales_2 = in_blocks(second.reshape(-1, rows // 2))
    slots = [
        chain.last,
        chain.keep("router", draw(91, 4, count)),
        chain.keep(f"{name}_Q4", data.reshape(count, rows, -1)),
        chain.keep(f"{name}_scales", scales.reshape(count, rows, -1)),
        "",
        chain.keep("down_Q4", data_2.reshape(count, inputs, -1)),
        chain.keep("down_scales", scales_2.reshape(count, inputs, -1)),
    ]
    options = {"expert_weight_bits": 4, "block_size": 16, "k": 1, **attributes}
    chain.node("QMoE", *slots, domain="com.microsoft", **options)


@pytest.mark.parametrize("fusion", [1, 2])
def test_rows_of_experts_in_pairs(fusion: int, tmp_path: Path) -> None:
    """``swiglu_fusion=1`` takes the rows of gate and up in turn; 2 one after the other."""
    weight = draw(0, 2, 32, 16)
    paired = weight.reshape(2, 2, 16, 16).transpose(0, 2, 1, 3).reshape(weight.shape)
    chain = Chain()
    experts(chain, "a", paired, swiglu_fusion=fusion)
    done = audited(chain, tmp_path, gate_up=weight, down=draw(90, 2, 16, 16))
    judged = {each.name: each.verdict.value for each in done.judgements}
    assert (judged["gate_up"] == "quantized") is (fusion == 1)


def test_nvfp4(tmp_path: Path) -> None:
    """E2M1 codes, a scale of E4M3 for 16 of them, one for all: what the operator says."""
    codes = np.random.default_rng(0).integers(0, 16, (8, 32)).astype(np.uint8)
    scales = (np.abs(draw(1, 8, 2)) + 0.5).astype(ml_dtypes.float8_e4m3fn)
    weight = E2M1[codes] * scales.astype(np.float32).repeat(16, axis=1) * np.float32(0.25)
    chain = Chain()
    slots = [
        chain.keep("up.fp4", nibbles(codes)),
        chain.keep("up.scale", scales.view(np.uint8)),
        chain.keep("up.scale_2", np.asarray([0.25], np.float32)),
    ]
    name = "MatMulBlockQuantizedFp4Weight"
    chain.node(name, chain.last, *slots, domain="com.microsoft", block_size=16)
    done = audited(chain, tmp_path, up__weight=weight)
    assert [each.verdict.value for each in done.judgements] == ["identical"]
    report = onnx_params.analyze(tmp_path / "m.onnx")
    assert report.parameters == weight.size


def test_layout_that_is_not_known(tmp_path: Path) -> None:
    """A packed weight whose layout nobody knows is neither extra nor changed: not compared."""
    weight = draw(0, 32, 64)
    data, scales = in_blocks(weight)
    chain = Chain()
    slots = [chain.keep("a_Q4", data), chain.keep("a_scales", scales)]
    options = {"K": 64, "N": 32, "bits": 4, "block_size": 16, "weight_prepacked": 1}
    chain.node("MatMulNBits", chain.last, *slots, domain="com.microsoft", **options)
    done = audited(chain, tmp_path, proj__weight=weight)
    assert failing(done) == {("uncompared", "")}


def test_two_bits_are_far(tmp_path: Path) -> None:
    """Rounding to 2 bits moves numbers by half their size, and is found all the same."""
    weight = draw(0, 32, 64)
    blocks = weight.reshape(32, 4, 16)
    scales = ((blocks.max(2) - blocks.min(2)) / 3).astype(np.float32)
    zeros = np.clip(np.round(-blocks.min(2) / scales), 0, 3).astype(np.uint8)
    codes = np.clip(np.round(blocks / scales[..., None]) + zeros[..., None], 0, 3).astype(np.uint8)
    data = sum(codes[..., at::4] << (2 * at) for at in range(4))
    packed = sum(zeros[:, at::4] << (2 * at) for at in range(4))
    chain = Chain()
    stored = (("a_Q2", data), ("a_scales", scales), ("a_zero_points", packed))
    slots = [chain.keep(name, np.asarray(values)) for name, values in stored]
    options = {"K": 64, "N": 32, "bits": 2, "block_size": 16}
    chain.node("MatMulNBits", chain.last, *slots, domain="com.microsoft", **options)
    done = audited(chain, tmp_path, proj__weight=weight)
    assert [each.verdict.value for each in done.judgements] == ["quantized"]


# -- formulas -------------------------------------------------------------------------------------


def convolution(seed: int, width: int) -> dict[str, np.ndarray]:
    """A convolution without bias, and the batch norm after it."""
    return {
        "conv.weight": draw(seed, width, 4, 3, 3),
        "bn.weight": draw(seed + 1, width) * 0.1 + 1,
        "bn.bias": draw(seed + 2, width),
        "bn.running_mean": draw(seed + 3, width),
        "bn.running_var": np.abs(draw(seed + 4, width)) + 0.5,
    }


def test_layer_scale_after_a_norm(tmp_path: Path) -> None:
    """What multiplies the result of a batch norm is folded into the convolution after the norm."""
    parts = {f"block.{name}": value for name, value in convolution(0, 8).items()}
    gamma = parts["block.ls.gamma"] = draw(9, 8)
    factor = parts["block.bn.weight"] / np.sqrt(parts["block.bn.running_var"] + 1e-5)
    shift = parts["block.bn.bias"] - parts["block.bn.running_mean"] * factor
    chain = Chain()
    weight = parts["block.conv.weight"] * (factor * gamma)[:, None, None, None]
    slots = [chain.keep("mul_1_weight", weight), chain.keep("mul_1_bias", shift * gamma)]
    chain.node("Conv", chain.last, *slots)
    save_file(parts, tmp_path / "c.safetensors")
    done = audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.safetensors")
    assert done.passed and {each.verdict.value for each in done.judgements} == {"folded"}


@pytest.mark.parametrize("has_lengths", [False, True])
def test_merged_adapter(has_lengths: bool, tmp_path: Path) -> None:
    """A weight with the adapter merged whose factors the checkpoint has, at a scale that it has
    not.
    """
    weight, left, right = draw(0, 24, 16), draw(1, 24, 4) * 0.1, draw(2, 4, 16) * 0.1
    merged = weight + 2 * left @ right
    arrays = {
        "up.base_layer.weight": weight,
        "up.lora_A.default.weight": right,
        "up.lora_B.default.weight": left,
    }
    if has_lengths:
        lengths = arrays["up.lora_magnitude_vector.default.weight"] = np.abs(draw(3, 24)) + 3
        merged = lengths[:, None] * merged / np.linalg.norm(merged, axis=1, keepdims=True)
    save_file(arrays, tmp_path / "c.safetensors")
    chain = Chain()
    chain.linear("up.weight", merged.astype(np.float32))
    done = audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.safetensors")
    assert done.passed and {each.verdict.value for each in done.judgements} == {"folded"}
    chain = Chain()
    chain.linear("up.weight", (merged * 1.01).astype(np.float32))
    assert not audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.safetensors").passed


def test_a_name_that_spells_its_formula(tmp_path: Path) -> None:
    """``neg_exp_A`` says what was computed of ``A_log``; under its own name it is a fault."""
    held = draw(0, 16)
    for name, passes in (("mixer.neg_exp_A", True), ("mixer.A_log", False)):
        chain = Chain()
        chain.node("Mul", chain.last, chain.keep(name, -np.exp(held)))
        assert audited(chain, tmp_path, mixer__A_log=held).passed is passes


def test_numbered_copies(tmp_path: Path) -> None:
    """A converter's copies of a tensor for each use are no extra; one that was changed is named."""
    weight = draw(0, 16, 16)
    for factor in (1.0, 1.5):
        chain = Chain()
        chain.linear("up.weight_1", weight.astype(np.float16))
        chain.linear("up.weight_2", (weight * factor).astype(np.float16))
        done = audited(chain, tmp_path, up__weight=weight)
        assert failing(done) == (set() if factor == 1 else {("changed", "up.weight")})


def test_bounds_that_the_user_chose(tmp_path: Path) -> None:
    """A converter to float16 raises what is smaller than ``min_positive_val`` to it."""
    weight = draw(0, 64, 64) * 0.01
    low = np.float32(1e-4)
    raised = np.where(np.abs(weight) < low, np.copysign(low, weight), weight).astype(np.float16)
    chain = Chain()
    chain.linear("up.weight", raised)
    assert audited(chain, tmp_path, up__weight=weight).passed
    chain = Chain()
    raised[3, 5] = 0.02
    chain.linear("up.weight", raised)
    assert failing(audited(chain, tmp_path, up__weight=weight)) == {("changed", "up.weight")}


def test_lengths_are_to_blame(tmp_path: Path) -> None:
    """Of a weight norm's parts the one that does not fit is named."""
    arrays: dict[str, np.ndarray] = {}
    chain = Chain()
    for at in range(4):
        length, direction = np.abs(draw(at, 16, 1)) + 0.5, draw(10 + at, 16, 16)
        arrays |= {f"up{at}__weight_g": length, f"up{at}__weight_v": direction}
        made = length * direction / np.linalg.norm(direction, axis=1, keepdims=True)
        chain.linear(f"onnx::Gemm_{20 + at}", made)
    assert audited(chain, tmp_path, **arrays).passed
    arrays["up2__weight_g"] *= np.linspace(1, 2, 16, dtype=np.float32)[:, None]
    assert failing(audited(chain, tmp_path, **arrays)) == {("changed", "up2.weight_g")}


def test_fixed_filters_and_tables_of_positions(tmp_path: Path) -> None:
    """A kernel that is the same in every channel, and waves along two axes, were computed."""
    blur = np.tile(np.asarray([1, 2, 1], np.float32) / 4, (8, 1, 1))
    angles = np.arange(16, dtype=np.float32)[:, None] / 3 ** np.arange(8, dtype=np.float32)
    waves = [np.sin(angles), np.cos(angles), np.sin(angles[::-1]), np.cos(angles[::-1])]
    weight = draw(0, 32, 32)
    chain = Chain()
    chain.node("Conv", chain.last, chain.keep("pool.weight", blur), group=8)
    chain.node("Add", chain.last, chain.keep("embed.pos_embed", np.concatenate(waves, 1)))
    chain.linear("up.weight", weight)
    assert audited(chain, tmp_path, up__weight=weight).passed


def on_grid(weight: np.ndarray, scheme: str) -> np.ndarray:
    """A weight rounded to 8 bits and stored as numbers: symmetric for each row, or with a zero of
    its own for blocks of 32.
    """
    if scheme == "rows":
        scale = np.abs(weight).max(axis=1, keepdims=True) / 127
        return np.round(weight / scale).astype(np.float32) * scale
    blocks = weight.reshape(-1, 32)
    scale = (blocks.max(axis=1, keepdims=True) - blocks.min(axis=1, keepdims=True)) / 255
    zero = np.round(-blocks.min(axis=1, keepdims=True) / scale)
    codes = np.clip(np.round(blocks / scale) + zero, 0, 255)
    made: np.ndarray = ((codes - zero) * scale).astype(np.float32).reshape(weight.shape)
    return made


@pytest.mark.parametrize("scheme", ["rows", "blocks"])
def test_rounded_and_stored_as_numbers(scheme: str, tmp_path: Path) -> None:
    """Fake quantization is quantization; a value beside the grid, or on it and too far, is not."""
    weight = draw(0, 24, 64)
    made = on_grid(weight, scheme)
    chain = Chain()
    chain.linear("up.weight", made)
    done = audited(chain, tmp_path, up__weight=weight)
    assert done.passed and [each.verdict.value for each in done.judgements] == ["quantized"]
    made = made.copy()
    made[3, 5] += 4 * np.abs(made[3]).max() / 127
    chain = Chain()
    chain.linear("up.weight", made)
    assert failing(audited(chain, tmp_path, up__weight=weight)) == {("changed", "up.weight")}


def test_one_number_is_no_grid(tmp_path: Path) -> None:
    """A vector of equal numbers is not what others near to it were rounded to."""
    vector = 0.25 + 0.05 * draw(0, 32)
    chain = Chain()
    chain.linear("up.weight", draw(1, 32, 16))
    chain.node("Mul", chain.last, chain.keep("up.scale", np.full(32, 0.25, np.float32)))
    done = audited(chain, tmp_path, up__weight=draw(1, 32, 16), up__scale=vector)
    assert failing(done) == {("changed", "up.scale")}


# -- layouts of checkpoints -----------------------------------------------------------------------


def of_rows(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """bitsandbytes' LLM.int8."""
    largest = np.abs(weight).max(axis=1)
    codes = np.round(weight / largest[:, None] * 127).astype(np.int8)
    made = codes.astype(np.float32) * largest[:, None] / 127
    return {"weight": codes, "SCB": largest, "weight_format": np.uint8(0).reshape(())}, made


def of_a_table(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """bitsandbytes' NF4, blocks of 64, high bits first."""
    table = np.asarray(CODEBOOKS["nf4"], np.float32)
    largest = np.abs(weight.reshape(-1, 64)).max(axis=1)
    near = np.abs(weight.reshape(-1, 64, 1) / largest[:, None, None] - table)
    codes = near.argmin(axis=2).astype(np.uint8).reshape(-1)
    state = json.dumps({"blocksize": 64, "quant_type": "nf4", "shape": list(weight.shape)})
    stored = {
        "weight": ((codes[::2] << 4) | codes[1::2]).reshape(-1, 1),
        "weight.absmax": largest,
        "weight.quant_map": table,
        "weight.quant_state.bitsandbytes__nf4": np.frombuffer(state.encode(), np.uint8),
    }
    made = (table[codes].reshape(-1, 64) * largest[:, None]).reshape(weight.shape)
    return stored, made


def of_words(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """compressed-tensors' pack-quantized: 4 bits, symmetric, groups of 16."""
    blocks = weight.reshape(len(weight), -1, 16)
    scales = (np.abs(blocks).max(axis=2) / 7).astype(np.float32)
    codes = np.round(blocks / scales[..., None]).clip(-8, 7).reshape(weight.shape)
    unsigned = (codes + 8).astype(np.uint32).reshape(len(weight), -1, 8)
    words = (unsigned << (4 * np.arange(8, dtype=np.uint32))).sum(axis=2, dtype=np.uint32)
    stored = {
        "weight_packed": words.view(np.int32),
        "weight_scale": scales,
        "weight_shape": np.asarray(weight.shape, np.int64),
    }
    return stored, codes.astype(np.float32) * scales.repeat(16, axis=1)


def of_blocks(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """ModelOpt's NVFP4."""
    codes = np.random.default_rng(3).integers(0, 16, weight.shape).astype(np.uint8)
    scales = (np.abs(draw(4, len(weight), weight.shape[1] // 16)) + 0.1).astype(np.float32)
    stored = {
        "weight": nibbles(codes),
        "weight_scale": scales,
        "weight_scale_2": np.asarray(0.5, np.float32),
    }
    return stored, E2M1[codes] * scales.repeat(16, axis=1) * np.float32(0.5)


def of_outputs(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """optimum-quanto's weights of 8 bits, and scales of activations."""
    scale = np.abs(weight).max(axis=1, keepdims=True) / 127
    codes = np.round(weight / scale).astype(np.int8)
    one = np.ones((), np.float32)
    stored = {"weight._data": codes, "weight._scale": scale}
    return stored | {"input_scale": one, "output_scale": one}, codes * scale


def of_halves(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """optimum-quanto's weights of 4 bits: the first half of the rows in the low bits."""
    codes = np.random.default_rng(5).integers(0, 16, weight.shape).astype(np.uint8)
    scale, shift = np.abs(draw(6, len(weight), 1)) + 0.1, draw(7, len(weight), 1)
    half = len(weight) // 2
    stored = {"weight._data._data": codes[:half] | codes[half:] << 4}
    return stored | {"weight._scale": scale, "weight._shift": shift}, codes * scale - shift


def of_shifted_rows(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """torchao's integers of 8 bits, a scale and a zero point for blocks of 32."""
    codes = np.random.default_rng(8).integers(-128, 128, weight.shape).astype(np.int8)
    scale = np.abs(draw(9, len(weight), weight.shape[1] // 32)) + 0.1
    zero = np.random.default_rng(10).integers(-8, 8, scale.shape).astype(np.int8)
    wide = codes.astype(np.float32) - zero.repeat(32, axis=1)
    stored = {"_weight_qdata": codes, "_weight_scale": scale, "_weight_zero_point": zero}
    return stored, wide * scale.repeat(32, axis=1)


def of_exponents(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """compressed-tensors' MXFP4: a byte for 32 codes is a power of two."""
    codes = np.random.default_rng(11).integers(0, 16, weight.shape).astype(np.uint8)
    powers = np.random.default_rng(12).integers(120, 130, (len(weight), 2)).astype(np.uint8)
    scales = np.exp2(powers.astype(np.float32) - 127)
    stored = {"weight_packed": nibbles(codes), "weight_scale": powers}
    return stored, E2M1[codes] * scales.repeat(32, axis=1)


def of_bytes_and_exponents(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """compressed-tensors' MXFP8."""
    codes = weight.astype(ml_dtypes.float8_e4m3fn)
    powers = np.random.default_rng(13).integers(120, 130, (len(weight), 2)).astype(np.uint8)
    scales = np.exp2(powers.astype(np.float32) - 127)
    made = codes.astype(np.float32) * scales.repeat(32, axis=1)
    return {"weight": codes, "weight_scale": powers}, made


def of_books(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """AQLM: two books of vectors of eight inputs, whose entries are added up."""
    rng = np.random.default_rng(14)
    codes = rng.integers(0, 256, (len(weight), weight.shape[1] // 8, 2)).astype(np.uint8)
    books, scales = draw(15, 2, 256, 1, 8), draw(16, len(weight), 1, 1, 1)
    made = books[0, codes[..., 0], 0] + books[1, codes[..., 1], 0]
    stored = {"codes": codes.view(np.int8), "codebooks": books, "scales": scales}
    return stored, made.reshape(weight.shape) * scales.reshape(-1, 1)


def of_filled_words(weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """AutoAWQ's rows: words along the inputs in its own order, scales filled up with zeros."""
    rng = np.random.default_rng(17)
    codes, zeros = rng.integers(0, 16, weight.shape), rng.integers(0, 16, (len(weight), 2))
    scales = np.abs(draw(18, len(weight), 2)) + 0.1

    def packed(values: np.ndarray) -> np.ndarray:
        mixed = values.reshape(len(values), -1, 8)[..., [0, 2, 4, 6, 1, 3, 5, 7]]
        words = mixed.astype(np.uint32) << (4 * np.arange(8, dtype=np.uint32))
        return words.sum(axis=2, dtype=np.uint32).view(np.int32)

    stored = {
        "qweight": packed(codes),
        "qzeros": packed(np.pad(zeros, ((0, 0), (0, 30)))),
        "scales": np.pad(scales, ((0, 0), (0, 30))),
    }
    made = (codes - zeros.repeat(32, axis=1)) * scales.repeat(32, axis=1)
    return stored, made.astype(np.float32)


LAYOUTS = [
    of_rows,
    of_a_table,
    of_words,
    of_blocks,
    of_outputs,
    of_halves,
    of_shifted_rows,
    of_exponents,
    of_bytes_and_exponents,
    of_books,
    of_filled_words,
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_quantized_layouts(layout: Any, tmp_path: Path) -> None:
    """The weight that codes, scales and tables stand for, to the bit."""
    stored, made = layout(draw(0, 16, 64))
    arrays = {f"up.{leaf}": np.ascontiguousarray(value) for leaf, value in stored.items()}
    save_file(arrays, tmp_path / "c.safetensors")
    found = dequantized(open_checkpoint(tmp_path / "c.safetensors")).tensors
    assert [each.name for each in found if each.shape == (16, 64)] == ["up.weight"]
    weight = next(each for each in found if each.name == "up.weight")
    np.testing.assert_allclose(weight.read(), made, rtol=1e-6)


WEIGHTS = {f"layers.{at}.weight": draw(at, 16, 16) for at in range(3)}


def names_in(path: Path) -> list[str]:
    return [tensor.name for tensor in open_checkpoint(path).tensors]


def test_a_dictionary_a_layer(tmp_path: Path) -> None:
    """HQQ's groups, the first half of them in the high bits, and the shape beside them."""
    codes = np.random.default_rng(1).integers(0, 16, (32, 32)).astype(np.uint8)  # 16 x 64 weights
    scale, zero = np.abs(draw(2, 32, 1)) + 0.1, np.float32(8) + draw(3, 32, 1)
    layer = {
        "W_q": torch.from_numpy(codes[:16] << 4 | codes[16:]),
        "scale": torch.from_numpy(scale),
        "zero": torch.from_numpy(zero),
        "shape": torch.Size((16, 64)),
        "nbits": 4,
    }
    torch.save({"up": layer, "norm": {"weight": torch.ones(16)}}, tmp_path / "qmodel.pt")
    found = dequantized(open_checkpoint(tmp_path / "qmodel.pt")).tensors
    assert [(each.name, each.shape) for each in found] == [
        ("up.weight", (16, 64)),
        ("norm.weight", (16,)),
    ]
    made = ((codes - zero) * scale).reshape(16, 64)
    np.testing.assert_allclose(made, found[0].read(), rtol=1e-6)


def test_paddle_in_a_dictionary(tmp_path: Path) -> None:
    """Paddle pickles a tensor of a nested dictionary beside its name."""
    weight = draw(0, 4, 3)
    saved = {"model": {"fc.weight": ("linear_0.w_0", weight)}, "epoch": 3}
    with open(tmp_path / "c.pdparams", "wb") as file:
        pickle.dump(saved, file)
    found = open_checkpoint(tmp_path / "c.pdparams").tensors
    assert [each.name for each in found] == ["fc.weight"]
    np.testing.assert_array_equal(weight, found[0].read())


def test_archive_of_an_agent(tmp_path: Path) -> None:
    """Of the files in an archive the largest that torch saved, but for the optimizer's."""
    with zipfile.ZipFile(tmp_path / "agent.zip", "w") as archive:
        archive.writestr("data", "{}")
        for name, more in (("policy.optimizer.pth", 9), ("policy.pth", 0), ("variables.pth", -15)):
            file = io.BytesIO()
            torch.save({"a": torch.arange(16.0 + more), "b": torch.ones(2)}, file)
            archive.writestr(name, file.getvalue())
    found = open_checkpoint(tmp_path / "agent.zip").tensors
    assert [(each.name, each.shape) for each in found] == [("a", (16,)), ("b", (2,))]
    np.testing.assert_array_equal(np.arange(16.0), found[0].read())


def test_folder_of_torch_distributed(tmp_path: Path) -> None:
    """Tensors in pieces, one of two dictionaries, put together when they are read."""
    import torch.distributed.checkpoint as distributed

    state = {name: torch.from_numpy(value) for name, value in WEIGHTS.items()}
    held = {"model": state, "optimizer": {"step": torch.ones(3)}}
    distributed.save(held, checkpoint_id=str(tmp_path / "d"), no_dist=True)  # type: ignore[attr-defined]
    found = open_checkpoint(tmp_path / "d")
    assert [tensor.name for tensor in found.tensors] == list(WEIGHTS)
    for tensor in found.tensors:
        np.testing.assert_array_equal(tensor.read(), WEIGHTS[tensor.name])
    with open(tmp_path / "d" / "__0_0.distcp", "r+b") as file:
        file.truncate(100)
    with pytest.raises(onnx_params.FormatError):
        found.tensors[0].read()


@pytest.mark.parametrize("order", ["C", "F"])
def test_pickled_arrays(order: Any, tmp_path: Path) -> None:
    """A pickle of NumPy arrays, in either order, which nothing of it runs."""
    held = {"model": {name: np.asarray(value, order=order) for name, value in WEIGHTS.items()}}
    (tmp_path / "c.pkl").write_bytes(pickle.dumps({**held, "author": "x"}))
    found = open_checkpoint(tmp_path / "c.pkl")
    for tensor in found.tensors:
        np.testing.assert_array_equal(tensor.read(), WEIGHTS[tensor.name])
    assert names_in(tmp_path / "c.pkl") == list(WEIGHTS)


def test_dictionaries_in_dictionaries(tmp_path: Path) -> None:
    """A model saved module by module has names of all keys."""
    tree = {str(at): {"weight": torch.ones(2, 2) * at} for at in range(3)}
    torch.save({"model": {"layers": tree}, "optimizer": {"a": torch.ones(9)}}, tmp_path / "c.pt")
    assert names_in(tmp_path / "c.pt") == list(WEIGHTS)


@pytest.mark.parametrize("squashed", [False, True])
def test_an_average_beside_the_weights(squashed: bool, tmp_path: Path) -> None:
    """Of weights and their average in one dictionary the artifact says which is meant."""
    rests = [name.replace(".", "") if squashed else name for name in WEIGHTS]
    pairs = zip(rests, WEIGHTS.values(), strict=True)
    state = {f"model.{name}": torch.from_numpy(value * 2) for name, value in WEIGHTS.items()}
    state |= {f"model_ema.{rest}": torch.from_numpy(value) for rest, value in pairs}
    torch.save(state, tmp_path / "c.pt")
    for factor in (1, 2):
        chain = Chain()
        for name, value in WEIGHTS.items():
            chain.linear(name, value * np.float32(factor))
        assert audit(chain.save(tmp_path / "m.onnx"), reference=tmp_path / "c.pt").passed
    assert names_in(tmp_path / "c.pt") == [f"model.{name}" for name in WEIGHTS]


def test_a_training_state_in_an_npz(tmp_path: Path) -> None:
    """Parameters and statistics are one model; the optimizer's are none of it."""
    arrays = {f"params/{name.replace('.', '/')}": value for name, value in WEIGHTS.items()}
    arrays["batch_stats/bn/mean"] = draw(7, 4)
    arrays["opt_state/mu/layers/0/weight"] = draw(8, 16, 16)
    np.savez(tmp_path / "c.npz", **arrays)
    expected = [name.replace(".", "/") for name in WEIGHTS]
    assert names_in(tmp_path / "c.npz") == [*expected, "bn/mean"]


def test_operator_of_tensorrt(tmp_path: Path) -> None:
    """ModelOpt writes its own domain's DequantizeLinear over codes in FP8."""
    weight = draw(0, 16, 16)
    codes = (weight / np.float32(0.01)).astype(ml_dtypes.float8_e4m3fn)
    chain = Chain()
    stored = onnx.helper.make_tensor(
        "w8", TensorProto.FLOAT8E4M3FN, codes.shape, codes.tobytes(), raw=True
    )
    chain.stored.append(stored)
    scale = chain.keep("scale", np.asarray(0.01, np.float32))
    x = chain.last
    chain.node("DequantizeLinear", "w8", scale, domain="trt")
    chain.node("MatMul", x, chain.last)
    done = audited(chain, tmp_path, up__weight=weight.T)
    assert [each.verdict.value for each in done.judgements] == ["quantized"]


def test_layers_that_torch_quantized(tmp_path: Path) -> None:
    """Codes of a convolution by channel, of a linear layer packed with its bias, and the numbers
    that they stand for.
    """
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 5)
    )
    model.qconfig = torch.ao.quantization.get_default_qconfig("x86")
    prepared = torch.ao.quantization.prepare(model.eval())
    prepared(torch.randn(2, 3, 4, 4))
    converted = torch.ao.quantization.convert(prepared)
    torch.save(converted.state_dict(), tmp_path / "c.pt")
    found = {each.name: each for each in dequantized(open_checkpoint(tmp_path / "c.pt")).tensors}
    assert list(found) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for at in (0, 2):
        weight, bias = converted[at].weight(), converted[at].bias()
        np.testing.assert_array_equal(weight.dequantize().numpy(), found[f"{at}.weight"].read())
        np.testing.assert_array_equal(bias.detach().numpy(), found[f"{at}.bias"].read())


# -- weights that were rescaled before they were rounded ------------------------------------------


def in_bytes(chain: Chain, name: str, weight: np.ndarray) -> str:
    """A weight as codes of 8 bits with a scale for each output, behind DequantizeLinear."""
    scale = (np.abs(weight.reshape(len(weight), -1)).max(axis=1) / 127).astype(np.float32)
    steps = scale.reshape(-1, *(1,) * (weight.ndim - 1))
    codes = np.round(weight / steps).astype(np.int8)
    inputs = [
        chain.keep(f"{name}_quantized", codes),
        chain.keep(f"{name}_scale", scale),
        chain.keep(f"{name}_zero_point", np.zeros(len(scale), np.int8)),
    ]
    before = chain.last
    made = chain.node("DequantizeLinear", *inputs, axis=0)
    chain.last = before
    return made


def equalized(
    chain: Chain, arrays: dict[str, np.ndarray], wrong: float, is_float: bool = False
) -> Chain:
    """Three convolutions, of which the second has a kernel for each channel; the channels between
    them are rescaled. One of the third's inputs is off by ``wrong``.
    """
    one, two = np.exp(draw(70, 8)), np.exp(draw(71, 8))
    norm = arrays["bn__weight"] / np.sqrt(arrays["bn__running_var"] + 1e-5)
    first = arrays["a__weight"] * (norm / one).reshape(-1, 1, 1, 1)
    shift = (arrays["bn__bias"] - arrays["bn__running_mean"] * norm) / one
    second = arrays["b__weight"] * (one / two).reshape(-1, 1, 1, 1)
    third = arrays["c__weight"] * two.reshape(1, -1, 1, 1)
    third[:, 3] *= wrong
    keep = chain.keep if is_float else lambda name, weight: in_bytes(chain, name, weight)
    chain.node("Conv", chain.last, keep("a.weight", first), chain.keep("a.bias", shift))
    chain.node("Relu", chain.last)
    bias = chain.keep("b.bias", arrays["b__bias"] / two)
    chain.node("Conv", chain.last, keep("b.weight", second), bias, group=8)
    chain.node("Relu", chain.last)
    chain.node("Conv", chain.last, keep("c.weight", third))
    return chain


OF_CONVOLUTIONS = {
    "a__weight": draw(60, 8, 3, 3, 3),
    "bn__weight": draw(61, 8) ** 2 + 0.5,
    "bn__bias": draw(62, 8),
    "bn__running_mean": draw(63, 8),
    "bn__running_var": draw(64, 8) ** 2 + 0.5,
    "b__weight": draw(65, 8, 1, 3, 3),
    "b__bias": draw(66, 8),
    "c__weight": draw(67, 6, 8, 3, 3),
}


@pytest.mark.parametrize("is_float", [False, True])
def test_equalized_layers(is_float: bool, tmp_path: Path) -> None:
    """Neighbours that agree about the factors of channels are as they were; one that does not
    agree is not.
    """
    done = audited(equalized(Chain(), OF_CONVOLUTIONS, 1.0, is_float), tmp_path, **OF_CONVOLUTIONS)
    assert done.passed and not failing(done)
    done = audited(equalized(Chain(), OF_CONVOLUTIONS, 1.1, is_float), tmp_path, **OF_CONVOLUTIONS)
    assert not done.passed


def smoothed(arrays: dict[str, np.ndarray], wrong: float) -> Chain:
    """A norm divided by factors by which the inputs of two matrices were multiplied."""
    factors = np.exp(draw(72, 16))
    chain = Chain()
    weight = chain.keep("norm.weight", arrays["norm__weight"] / factors)
    bias = chain.keep("norm.bias", arrays["norm__bias"] / factors)
    normed = chain.node("LayerNormalization", chain.last, weight, bias)
    for name in ("q", "k"):
        matrix = arrays[f"{name}__weight"] * factors * (wrong if name == "k" else 1)
        chain.node("Gemm", normed, in_bytes(chain, f"{name}.weight", matrix), transB=1)
    return chain


@pytest.mark.parametrize("wrong", [1.0, 1.01, -1.0])
def test_smoothed_layers(wrong: float, tmp_path: Path) -> None:
    """A norm and the layers behind it that agree about the factors of channels."""
    arrays = {
        "norm__weight": draw(73, 16),
        "norm__bias": draw(74, 16),
        "q__weight": draw(75, 32, 16),
        "k__weight": draw(76, 32, 16),
    }
    done = audited(smoothed(arrays, wrong), tmp_path, **arrays)
    assert done.passed == (wrong == 1.0)


@pytest.mark.parametrize("fault", ["the bias", "a residual", "a clip"])
def test_rescaled_by_half(fault: str, tmp_path: Path) -> None:
    """Neighbours that agree, where a bias, or what else takes the result, was not rescaled."""
    first, bias, second = draw(80, 16, 16), draw(81, 16), draw(82, 16, 16)
    factors = np.exp(draw(83, 16))
    chain = Chain()
    stored = bias if fault == "the bias" else bias * factors
    chain.linear("a.weight", first * factors[:, None], "a.bias", stored)
    made = chain.last
    if fault == "a clip":
        chain.node(
            "Clip", chain.last, chain.keep("l", np.float32(0)), chain.keep("h", np.float32(6))
        )
    else:
        chain.node("Relu", chain.last)
    chain.linear("b.weight", second / factors)
    if fault == "a residual":
        chain.node("Add", chain.last, made)
    arrays = {"a__weight": first, "a__bias": bias, "b__weight": second}
    assert not audited(chain, tmp_path, **arrays).passed
