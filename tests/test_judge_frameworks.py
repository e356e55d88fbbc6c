"""What converters of other frameworks and quantizers of modules do to weights is no change; another
checkpoint's weight is, and is named.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.graphs import Arrays, Chain

from onnx_params.auditing.audit import audit

EPSILON = 1e-3


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class Case(NamedTuple):
    """A model, its checkpoint, and the parameters of which other values must be seen."""

    chain: Chain
    held: Arrays
    seen: tuple[str, ...]


def codes(values: np.ndarray, axis: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Signed codes of 8 bits and their scales: one, or one for each line along an axis."""
    others = None if axis is None else tuple(n for n in range(values.ndim) if n != axis)
    scale = np.asarray(np.abs(values).max(axis=others) / 127, np.float32)
    shape = [1] * values.ndim
    if axis is not None:
        shape[axis] = -1
    return np.round(values / scale.reshape(shape)).astype(np.int8), scale


def dequantized(chain: Chain, name: str, values: np.ndarray, axis: int | None = None) -> str:
    """A DequantizeLinear of codes, as onnxruntime's quantizer names both."""
    whole, scale = codes(values, axis)
    inputs = [chain.keep(f"{name}_quantized", whole), chain.keep(f"{name}_scale", scale)]
    attributes = {} if axis is None else {"axis": axis}
    return chain.node("DequantizeLinear", *inputs, **attributes)


# -- channels last --------------------------------------------------------------------------------


def kernel_last(*shape: int) -> Callable[[], Case]:
    """A kernel ``[..., in, out]`` in codes, as operators take it."""

    def made() -> Case:
        kernel, chain = draw(sum(shape), *shape), Chain()
        rank = len(shape)
        turned = kernel.transpose(rank - 1, rank - 2, *range(rank - 2))
        chain.node("Conv", "x", dequantized(chain, "conv_1/ReadVariableOp:0", turned))
        return Case(chain, {"conv/kernel": kernel}, ("conv/kernel",))

    return made


def window_of_one_axis() -> Case:
    """A kernel ``[width, in, out]`` with an axis of one more, as tf2onnx has it."""
    kernel, chain = draw(3, 5, 6, 8), Chain()
    turned = kernel.transpose(2, 1, 0)[:, :, None]
    chain.node("Conv", "x", dequantized(chain, "conv_1/ExpandDims:0", turned))
    return Case(chain, {"conv/kernel": kernel}, ("conv/kernel",))


def depthwise(outputs: int) -> Callable[[], Case]:
    """A kernel for each channel, ``[height, width, channels, outputs]``, with a norm in it."""

    def made() -> Case:
        kernel, chain = draw(4, 3, 3, 8, outputs), Chain()
        norm = {
            "bn/gamma": draw(5, 8 * outputs) * 0.1 + 1,
            "bn/beta": draw(6, 8 * outputs),
            "bn/moving_mean": draw(7, 8 * outputs),
            "bn/moving_variance": np.abs(draw(8, 8 * outputs)) + 0.5,
        }
        factor = norm["bn/gamma"] / np.sqrt(norm["bn/moving_variance"] + EPSILON)
        folded = kernel.reshape(3, 3, -1) * factor
        weight = chain.keep("const_fold_opt__9", folded.transpose(2, 0, 1)[:, None])
        shift = norm["bn/beta"] - norm["bn/moving_mean"] * factor
        chain.node("Conv", "x", weight, chain.keep("bn/add:0", shift), group=8)
        return Case(chain, {"dw/depthwise_kernel": kernel, **norm}, ("dw/depthwise_kernel",))

    return made


def heads() -> Case:
    """Weights and biases of heads, whose axes are one in what is stored."""
    held = {
        "attn/query/kernel": draw(10, 32, 4, 8),
        "attn/query/bias": draw(11, 4, 8),
        "attn/out/kernel": draw(12, 4, 8, 32),
    }
    chain = Chain()
    weight = dequantized(chain, "kernel2d", held["attn/query/kernel"].reshape(32, 32))
    chain.node("MatMul", "x", weight)
    product = chain.last
    bias = dequantized(chain, "bias1d", held["attn/query/bias"].reshape(32))
    chain.node("Add", product, bias)
    entering = chain.last
    weight = dequantized(chain, "Reshape_1:0", held["attn/out/kernel"].reshape(32, 32), 1)
    chain.node("MatMul", entering, weight)
    return Case(chain, held, ("attn/query/kernel", "attn/out/kernel"))


def joined_heads() -> Case:
    """Three of them that an optimizer joined before they were quantized."""
    held = {f"attn/{part}/kernel": draw(20 + n, 32, 4, 8) for n, part in enumerate("qkv")}
    chain = Chain()
    joined = np.concatenate([each.reshape(32, 32) for each in held.values()], axis=1)
    chain.node("MatMul", "x", dequantized(chain, "_v_338", joined))
    return Case(chain, held, ("attn/k/kernel",))


def few_numbers() -> Case:
    """A bias of three numbers, which say nothing but beside the weight of its layer."""
    held = {"dense/kernel": draw(30, 16, 3), "dense/bias": draw(31, 3)}
    chain = Chain()
    weight = dequantized(chain, "w", held["dense/kernel"])
    chain.node("MatMul", "x", weight)
    product = chain.last
    chain.node("Add", product, dequantized(chain, "b", held["dense/bias"]))
    return Case(chain, held, ("dense/kernel", "dense/bias"))


def negated() -> Case:
    """Keras' PReLU takes its slope with the other sign, which TensorFlow's name says."""
    held = {"p_re_lu/alpha": draw(40, 12), "dense/kernel": draw(41, 12, 12)}
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("dense/kernel", held["dense/kernel"]))
    chain.node("Mul", chain.last, chain.keep("net/p_re_lu_1/Neg:0", -held["p_re_lu/alpha"]))
    return Case(chain, held, ())


# -- modules of torch -----------------------------------------------------------------------------


def masked() -> Case:
    """Autoregressive layers, whose masks are in no checkpoint."""
    held = {f"made.{at}.weight": draw(50 + at, 16, 16) for at in range(4)}
    chain = Chain()
    for at, weight in enumerate(held.values()):
        chain.linear(f"onnx::Gemm_{1286 + at}", np.tril(weight))
    return Case(chain, held, ())


def with_fixed_inputs() -> Case:
    """A table of relative positions: what a small layer gives for fixed coordinates."""
    held = {
        "mlp.0.weight": draw(60, 64, 2),
        "mlp.0.bias": draw(61, 64),
        "mlp.2.weight": draw(62, 4, 64),
    }
    chain = Chain()
    table = chain.keep("val_79", draw(63, 49, 2) @ held["mlp.0.weight"].T)
    chain.node("Add", table, chain.keep("mlp.0.bias", held["mlp.0.bias"]))
    chain.node("Relu", chain.last)
    chain.node("MatMul", chain.last, chain.keep("val_80", held["mlp.2.weight"].T))
    chain.node("Add", "x", chain.last)
    return Case(chain, held, ("mlp.0.weight",))


def scaled_after() -> Case:
    """torchao's weights of 8 bits: the product of codes, then the scale of each output."""
    held, chain = {"fc.weight": draw(70, 24, 16)}, Chain()
    whole, scale = codes(held["fc.weight"], 0)
    chain.node("Transpose", chain.keep("fc.weight_int", whole), perm=[1, 0])
    chain.node("Cast", chain.last, to=1)
    chain.node("MatMul", "x", chain.last)
    chain.node("Mul", chain.last, chain.keep("view_1", scale))
    return Case(chain, held, ("fc.weight",))


def in_blocks() -> Case:
    """torchao's weights in groups, which a reshape makes."""
    held, chain = {"fc.weight": draw(80, 16, 64)}, Chain()
    blocks = held["fc.weight"].reshape(16, 2, 32)
    scale = (np.abs(blocks).max(axis=2, keepdims=True) / 127).astype(np.float32)
    whole = np.round(blocks / scale).astype(np.int8).reshape(16, 64)
    stored = chain.keep("fc.weight_codes", whole)
    chain.node("Reshape", stored, chain.keep("val_12", np.array([16, 2, 32])))
    chain.node("Cast", chain.last, to=1)
    chain.node("Sub", chain.last, chain.keep("zero", np.zeros((16, 2, 1), np.float32)))
    chain.node("Mul", chain.last, chain.keep("scale", scale))
    chain.node("Reshape", chain.last, chain.keep("val_13", np.array([16, 64])))
    chain.node("Gemm", "x", chain.last, transB=1)
    return Case(chain, held, ("fc.weight",))


def put_together() -> Case:
    """HQQ's codes, of which the rows are unpacked into an empty array."""
    held, chain = {"fc.weight": draw(90, 16, 32)}, Chain()
    scale = (np.abs(held["fc.weight"]).max(axis=1, keepdims=True) / 7).astype(np.float32)
    whole = (np.round(held["fc.weight"] / scale) + 8).astype(np.uint8)
    packed = chain.keep("fc.W_q", (whole[:8] << 4) | whole[8:])
    halves = [
        ("BitShift", chain.keep("four", np.uint8(4)), {"direction": "RIGHT"}),
        ("BitwiseAnd", chain.keep("fifteen", np.uint8(15)), {}),
    ]
    made = chain.keep("empty", np.zeros((16, 32), np.float32))
    for at, (op_type, operand, attributes) in enumerate(halves):
        chain.node(op_type, packed, operand, **attributes)
        chain.node("Cast", chain.last, to=1)
        rows = chain.keep(f"rows_{at}", np.arange(8 * at, 8 * at + 8)[:, None])
        made = chain.node("ScatterND", made, rows, chain.last)
    chain.node("Sub", made, chain.keep("zero", np.full((16, 1), 8, np.float32)))
    chain.node("Mul", chain.last, chain.keep("scale", scale))
    chain.node("Gemm", "x", chain.last, transB=1)
    return Case(chain, held, ("fc.weight",))


def halved_norms() -> Case:
    """``1 + w`` in float32 of weights that were halved before."""
    held = {f"layers.{at}.norm.weight": draw(100 + at, 32) * 0.1 for at in range(3)}
    held |= {f"layers.{at}.up.weight": draw(110 + at, 32, 32) for at in range(3)}
    chain = Chain()
    for at in range(3):
        halved = held[f"layers.{at}.norm.weight"].astype(np.float16).astype(np.float32)
        chain.node("Mul", chain.last, chain.keep(f"onnx::Mul_{at}", 1 + halved))
        up = held[f"layers.{at}.up.weight"].astype(np.float16)
        chain.node("Cast", chain.last, to=10)
        chain.node("MatMul", chain.last, chain.keep(f"onnx::MatMul_{at}", up.T))
        chain.node("Cast", chain.last, to=1)
    return Case(chain, held, ("layers.1.norm.weight",))


def without_codes() -> Case:
    """What is left where an optimizer computed what DequantizeLinear gives: the bias, of integers
    of 32 bits, is off by their steps.
    """
    held = {"conv.weight": draw(120, 16, 4, 1, 1), "conv.bias": draw(121, 16)}
    chain = Chain()
    whole, scale = codes(held["conv.weight"], 0)
    values = whole * scale.reshape(-1, 1, 1, 1)
    step = 0.01 * scale
    bias = (np.round(held["conv.bias"] / step) * step).astype(np.float32)
    weight = chain.keep("conv.weight_DequantizeLinear_Output", values)
    chain.node("Conv", "x", weight, chain.keep("conv.bias", bias))
    return Case(chain, held, ("conv.weight", "conv.bias"))


def of_sixteen_bits() -> Case:
    """Steps of 16 bits, which float32 hardly shows."""
    held, chain = {"fc.weight": draw(130, 24, 48)}, Chain()
    step = np.abs(held["fc.weight"]).max(axis=1, keepdims=True) / 32767.3
    chain.linear("fc.weight", (np.round(held["fc.weight"] / step) * step).astype(np.float32))
    return Case(chain, held, ("fc.weight",))


CASES: dict[str, Callable[[], Case]] = {
    "kernel of images": kernel_last(3, 3, 4, 8),
    "kernel of volumes": kernel_last(2, 2, 2, 3, 6),
    "kernel of one place": kernel_last(1, 1, 12, 9),
    "depthwise": depthwise(1),
    "depthwise of two": depthwise(2),
    **{
        each.__name__: each
        for each in (window_of_one_axis, heads, joined_heads, few_numbers, negated, masked)
    },
    **{each.__name__: each for each in (with_fixed_inputs, scaled_after, in_blocks, put_together)},
    **{each.__name__: each for each in (halved_norms, without_codes, of_sixteen_bits)},
}


@pytest.mark.parametrize("case", CASES)
def test_clean_and_changed(case: str, tmp_path: Path) -> None:
    chain, held, seen = CASES[case]()
    path = chain.save(tmp_path / "m.onnx")
    reference = tmp_path / "c.safetensors"
    save_file({name: np.ascontiguousarray(each) for name, each in held.items()}, reference)
    done = audit(path, reference=reference)
    assert [] == [f"{each.rule} {each.name}: {each.message}" for each in done.failing]
    for at, name in enumerate(seen):
        other = held[name] + draw(900 + at, *held[name].shape) * 0.5 * held[name].std()
        changed = {**held, name: other.astype(np.float32)}
        save_file({key: np.ascontiguousarray(each) for key, each in changed.items()}, reference)
        # a lone layer without names has no kin that say which parameter it should be
        assert not audit(path, reference=reference).passed


def test_a_mask_needs_a_witness(tmp_path: Path) -> None:
    """One layer with zeros, beside others without, was changed."""
    held = {f"made.{at}.weight": draw(50 + at, 16, 16) for at in range(4)}
    chain = Chain()
    for at, (name, weight) in enumerate(held.items()):
        chain.linear(name, np.tril(weight) if at == 2 else weight)
    path = chain.save(tmp_path / "m.onnx")
    save_file(held, tmp_path / "c.safetensors")
    failing = audit(path, reference=tmp_path / "c.safetensors").failing
    assert {"made.2.weight"} == {each.name for each in failing}


def test_a_filler_of_nan_is_no_weight(tmp_path: Path) -> None:
    """jax2onnx selects it where a computation has no answer; a norm's variance of NaN is one."""
    chain = Chain()
    chain.linear("fc.weight", draw(0, 8, 8))
    filled = chain.last
    chain.node("IsNaN", filled)
    nans = chain.keep("const_23", np.full((3, 1), np.nan, np.float32))
    chain.node("Where", chain.last, nans, filled)
    path = chain.save(tmp_path / "m.onnx")
    assert audit(path).passed
    chain = Chain()
    numbers = [chain.keep(f"bn.{leaf}", np.ones(4, np.float32)) for leaf in ("weight", "bias")]
    numbers += [chain.keep("bn.running_mean", np.zeros(4, np.float32))]
    numbers += [chain.keep("bn.running_var", np.full(4, np.nan, np.float32))]
    chain.node("BatchNormalization", "x", *numbers)
    failing = audit(chain.save(tmp_path / "n.onnx")).failing
    assert {"nan"} == {each.rule for each in failing}
