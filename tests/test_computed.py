"""Weights that nodes compute of codes: each operator against onnxruntime, each way of writing codes
against its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from support.graphs import Chain
from support.graphs import checkpoint as written

import onnx_params
from onnx_params.auditing.audit import audit
from onnx_params.auditing.judgements import Verdict
from onnx_params.dataflow.arithmetic import OPERATIONS
from onnx_params.dataflow.constants import Constants
from onnx_params.inventory.opening import open_artifact
from onnx_params.matching.grids import is_of_many_steps, is_rounded
from onnx_params.tensors.encoding import Encoding

OUT, IN = 24, 32
CODES = np.random.default_rng(0).integers(0, 16, (OUT, IN)).astype(np.uint8)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# -- operators ------------------------------------------------------------------------------------

A, B = draw(0, 3, 4), draw(1, 4)
WORDS = np.arange(12, dtype=np.uint8).reshape(3, 4)
INTS = np.asarray([[2, 0], [1, 1]], np.int64)
CASES: dict[str, tuple[str, list[np.ndarray], dict[str, Any]]] = {
    "add": ("Add", [A, B], {}),
    "sub": ("Sub", [A, A[:, :1]], {}),
    "mul": ("Mul", [A, np.float32(3)], {}),
    "div": ("Div", [A, B], {}),
    "div of integers": ("Div", [np.asarray([-7, 7, 9]), np.asarray([2, -2, 3])], {}),
    "pow": ("Pow", [np.float32(2), np.round(A)], {}),
    "mod": ("Mod", [WORDS, np.uint8(3)], {}),
    "and of bits": ("BitwiseAnd", [WORDS, np.uint8(15)], {}),
    "or of bits": ("BitwiseOr", [WORDS, np.uint8(64)], {}),
    "xor": ("BitwiseXor", [WORDS, WORDS[:1]], {}),
    "not": ("BitwiseNot", [WORDS], {}),
    "shift right": ("BitShift", [WORDS, np.uint8([1])], {"direction": "RIGHT"}),
    "shift left": ("BitShift", [WORDS, np.uint8([2])], {"direction": "LEFT"}),
    "abs": ("Abs", [A], {}),
    "neg": ("Neg", [A], {}),
    "sign": ("Sign", [A], {}),
    "exp": ("Exp", [A], {}),
    "sqrt": ("Sqrt", [np.abs(A)], {}),
    "floor": ("Floor", [A], {}),
    "ceil": ("Ceil", [A], {}),
    "round": ("Round", [A * 3], {}),
    "where": ("Where", [A > 0, A, B], {}),
    "cast": ("Cast", [WORDS], {"to": TensorProto.FLOAT}),
    "cast down": ("Cast", [A], {"to": TensorProto.FLOAT16}),
    "cast like": ("CastLike", [WORDS, A], {}),
    "identity": ("Identity", [A], {}),
    "clip": ("Clip", [A, np.float32(-0.5), np.float32(0.5)], {}),
    "dequantize": ("DequantizeLinear", [WORDS, np.float32(0.1), np.uint8(3)], {}),
    "dequantize columns": ("DequantizeLinear", [WORDS, np.abs(B)], {"axis": 1}),
    "dequantize blocks": (
        "DequantizeLinear",
        [WORDS, np.abs(A[:, :2]), WORDS[:, :2]],
        {"axis": 1, "block_size": 2},
    ),
    "reshape": ("Reshape", [A, np.asarray([2, -1])], {}),
    "reshape by zero": ("Reshape", [A, np.asarray([0, 2, 2])], {}),
    "transpose": ("Transpose", [A], {}),
    "permute": ("Transpose", [A[None]], {"perm": [2, 0, 1]}),
    "unsqueeze": ("Unsqueeze", [A, np.asarray([0, -1])], {}),
    "squeeze": ("Squeeze", [A[None], np.asarray([0])], {}),
    "flatten": ("Flatten", [draw(2, 2, 3, 4)], {"axis": 2}),
    "concat": ("Concat", [A, A[:, :2]], {"axis": -1}),
    "gather": ("Gather", [A, np.asarray([[0, -1], [1, 1]])], {"axis": 1}),
    "gather elements": ("GatherElements", [A, INTS], {"axis": 0}),
    "expand": ("Expand", [A[:, :1], np.asarray([2, 1, 4])], {}),
    "tile": ("Tile", [A, np.asarray([2, 3])], {}),
    "slice": ("Slice", [A, np.asarray([1]), np.asarray([-1]), np.asarray([1])], {}),
    "slice backwards": (
        "Slice",
        [A, np.asarray([-1]), np.asarray([-99]), np.asarray([0]), np.asarray([-1])],
        {},
    ),
    "scatter elements": ("ScatterElements", [A, INTS, draw(3, 2, 2)], {"axis": 1}),
    "scatter": ("ScatterND", [A, INTS, draw(4, 2)], {}),
    "product": ("MatMul", [draw(5, 2, 3, 4), draw(6, 4, 5)], {}),
    **{
        each.lower(): (each, [WORDS, np.uint8(5)], {})
        for each in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal")
    },
    **{each.lower(): (each, [A > 0, B > 0], {}) for each in ("And", "Or")},
}


def test_every_operator_has_a_case() -> None:
    assert OPERATIONS.keys() == {op_type for op_type, _, _ in CASES.values()}


@pytest.mark.parametrize("case", CASES)
def test_operators_are_onnxruntimes(case: str, tmp_path: Path) -> None:
    """The result, its shape and its type, the last two without reading what is large."""
    op_type, inputs, attributes = CASES[case]
    chain = Chain()
    names = [chain.keep(f"c{at}", np.asarray(values)) for at, values in enumerate(inputs)]
    output = chain.node(op_type, *names, **attributes)
    graph = helper.make_graph(
        chain.nodes, "g", [], [helper.make_empty_tensor_value_info(output)], chain.stored
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(onnx.shape_inference.infer_shapes(proto), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {})
    model = open_artifact(str(tmp_path / "m.onnx")).model
    constants = Constants(model, model.main)
    made = constants.values(output)
    assert (expected.shape, expected.dtype) == (constants.shape(output), made.dtype)
    assert made.shape == expected.shape and np.allclose(made, expected, rtol=1e-5, atol=1e-6)


def test_a_value_that_is_taken_twice_is_followed_once(tmp_path: Path) -> None:
    """Sums of a value and itself, forty times over: as many steps, and not two to the fortieth."""
    chain = Chain()
    chain.nodes.append(helper.make_node("Cast", [chain.keep("codes", WORDS)], ["v0"], to=1))
    for at in range(40):
        chain.nodes.append(helper.make_node("Add", [f"v{at}"] * 2, [f"v{at + 1}"]))
    chain.node("Gemm", "x", "v40")
    model, _ = open_artifact(str(chain.save(tmp_path / "m.onnx")))
    assert WORDS.shape == Constants(model, model.main).shape("v40")


def test_sizes_are_limited(tmp_path: Path) -> None:
    """A file that says that a few codes are a weight of a terabyte has no such weight."""
    chain = Chain()
    codes = chain.keep("fc.weight_packed", np.ones((1, 8), np.uint8))
    chain.node("BitwiseAnd", codes, chain.keep("mask", np.uint8([15])))
    chain.node("Cast", chain.last, to=TensorProto.FLOAT)
    chain.node("Expand", chain.last, chain.keep("shape", np.asarray([1 << 20, 1 << 20, 8])))
    chain.node("MatMul", "x", chain.last)
    model = open_artifact(str(chain.save(tmp_path / "m.onnx"))).model
    assert not model.computed
    onnx_params.analyze(tmp_path / "m.onnx")


# -- ways of writing codes ------------------------------------------------------------------------

Written = tuple[Chain, str, np.ndarray]  # a chain, the value that is a weight, the weight


def nibbles() -> Written:
    """Two codes a byte, taken apart by a mask and a shift."""
    chain, scale = Chain(), np.abs(draw(7, OUT, 1)) + 0.1
    pairs = CODES.reshape(-1, 2)
    packed = chain.keep("fc.weight_packed", pairs[:, :1] | pairs[:, 1:] << 4)
    low = chain.node("BitwiseAnd", packed, chain.keep("fc.weight_mask", np.uint8([15])))
    four = chain.keep("fc.weight_four", np.uint8([4]))
    high = chain.node("BitShift", packed, four, direction="RIGHT")
    chain.node("Concat", low, high, axis=1)
    chain.node("Reshape", chain.last, chain.keep("fc.weight_shape", np.asarray([OUT, IN])))
    chain.node("Cast", chain.last, to=TensorProto.FLOAT)
    chain.node("Sub", chain.last, chain.keep("fc.weight_zeros", np.float32([8])))
    chain.node("Mul", chain.last, chain.keep("fc.weight_scales", scale))
    return chain, chain.last, (CODES.astype(np.float32) - 8) * scale


def palette() -> Written:
    """Places in one table."""
    chain, table = Chain(), np.sort(draw(8, 16))
    chain.node("Cast", chain.keep("fc.weight.indices", CODES), to=TensorProto.INT32)
    chain.node("Gather", chain.keep("fc.weight.lut", table), chain.last)
    return chain, chain.last, table[CODES]


def nested() -> Written:
    """Codes whose scales are codes too."""
    chain, inner = Chain(), np.random.default_rng(9).integers(1, 255, (OUT, 1)).astype(np.uint8)
    codes = CODES.astype(np.int8) - 8
    whole = np.float32(0.002)
    scales = chain.node(
        "DequantizeLinear", chain.keep("fc.weight_s8", inner), chain.keep("fc.weight_s32", whole)
    )
    wide = chain.node("Cast", chain.keep("fc.weight_q", codes), to=TensorProto.FLOAT)
    chain.node("Mul", wide, scales)
    return chain, chain.last, codes * (inner * whole)


def powers() -> Written:
    """Signs, and exponents of two."""
    chain, exponents = Chain(), (CODES % 8).astype(np.int8) - 8
    signs = np.where(CODES > 7, 1, -1).astype(np.int8)
    sign = chain.node("Cast", chain.keep("fc.weight/sign", signs), to=TensorProto.FLOAT)
    wide = chain.node("Cast", chain.keep("fc.weight/exponent", exponents), to=TensorProto.FLOAT)
    power = chain.node("Pow", chain.keep("fc.weight/base", np.float32(2)), wide)
    chain.node("Mul", sign, power)
    return chain, chain.last, signs * np.float32(2) ** exponents


def scattered() -> Written:
    """The numbers that are no zeros, and where they stand."""
    chain, weight = Chain(), draw(10, OUT, IN)
    weight[np.abs(weight) < 1] = 0
    places = np.argwhere(weight)
    shape = chain.keep("fc.weight_shape", np.asarray([OUT, IN]))
    chain.node("ConstantOfShape", shape)
    values = chain.keep("fc.weight_values", weight[tuple(places.T)])
    chain.node("ScatterND", chain.last, chain.keep("fc.weight_places", places), values)
    return chain, chain.last, weight


FORMS: dict[str, Callable[[], Written]] = {
    each.__name__: each for each in (nibbles, palette, nested, powers, scattered)
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_in_plain_nodes(form: str, tmp_path: Path) -> None:
    """A weight counts once under the name that its parts have in common, is what the graph makes,
    is extracted, and is proved; another checkpoint's is named.
    """
    chain, made, weight = FORMS[form]()
    chain.node("Gemm", "x", made, chain.keep("fc.bias", draw(11, OUT)), transB=1)
    path = chain.save(tmp_path / "m.onnx")
    report = onnx_params.analyze(path)
    assert {"fc.weight": (OUT, IN), "fc.bias": (OUT,)} == {r.name: r.shape for r in report.rows}
    (row,) = (r for r in report.rows if r.name == "fc.weight")
    assert 0 < row.n_bytes <= 4 * OUT * IN  # those of its codes, or numbers that are no zeros
    (tensor,) = (t for t in open_artifact(str(path)).model.tensors if t.name == made)
    assert tensor.encoding is Encoding.COMPUTED and np.allclose(tensor.read(), weight)
    state = {"fc.weight": weight, "fc.bias": draw(11, OUT)}
    assert audit(path, reference=written(tmp_path / "c.safetensors", **state)).passed
    changed = {**state, "fc.weight": weight[::-1]}
    failed = audit(path, reference=written(tmp_path / "s.safetensors", **changed))
    assert {"fc.weight"} <= {finding.name for finding in failed.failing}


def test_rows_of_a_table_are_no_weight(tmp_path: Path) -> None:
    """What is looked up in codes at fixed places is rows of the table, which counts."""
    chain = Chain()
    codes = chain.keep("pos.weight_quantized", CODES)
    chain.node("Gather", codes, chain.keep("places", np.arange(8)))
    scale, zero = chain.keep("pos.weight_scale", np.float32(0.1)), np.uint8(8)
    chain.node("DequantizeLinear", chain.last, scale, chain.keep("pos.weight_zero_point", zero))
    chain.node("Add", "x", chain.last)
    chain.linear("fc.weight", draw(12, IN, IN))
    shapes = {row.name: row.shape for row in onnx_params.analyze(chain.save(tmp_path / "m")).rows}
    assert {"pos.weight": (OUT, IN), "fc.weight": (IN, IN)} == shapes


# -- numbers that codes stand for -----------------------------------------------------------------


def thirds(w: np.ndarray) -> np.ndarray:
    """None below a part of the mean, and the mean of the others with a sign."""
    over = np.abs(w) > 0.7 * np.abs(w).mean(1, keepdims=True)
    alpha = (np.abs(w) * over).sum(1, keepdims=True) / over.sum(1, keepdims=True)
    return np.asarray(np.sign(w) * over * alpha)


def floats(w: np.ndarray) -> np.ndarray:
    """Three bits of mantissa, and a scale a row."""
    scale = np.abs(w).max(1, keepdims=True) / 448
    mantissa, exponent = np.frexp(w / scale)
    return np.asarray(np.ldexp(np.round(mantissa * 16) / 16, exponent) * scale)


def table(w: np.ndarray) -> np.ndarray:
    """The nearest of some numbers, times the largest of a block."""
    levels = np.asarray([-1, -0.6, -0.3, -0.1, 0, 0.05, 0.2, 0.4, 0.7, 1.0])
    blocks = w.reshape(-1, 16)
    top = np.abs(blocks).max(1, keepdims=True)
    near = np.abs((blocks / top)[..., None] - levels).argmin(-1)
    return np.asarray((levels[near] * top).reshape(w.shape))


ROUNDED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "signs": lambda w: np.sign(w) * np.abs(w).mean(1, keepdims=True),
    "thirds": thirds,
    "powers": lambda w: np.sign(w) * 2.0 ** np.round(np.log2(np.abs(w) + 1e-9)),
    "floats": floats,
    "table": table,
    "fixed point": lambda w: np.round(w * 256) / 256,
    "cut off": lambda w: np.floor(w * 64) / 64,
    "half scales": lambda w: np.round(w / np.float16(0.021)) * np.float16(0.021),
}


@pytest.mark.parametrize("form", ROUNDED)
def test_rounded_numbers(form: str) -> None:
    """Numbers of few bits are those of their weight alone: of no other one, none that is longer or
    has another sign, none of which one element or bit is another.
    """
    weight = draw(13, 64, 64) * np.float32(0.1)
    made = ROUNDED[form](weight.astype(np.float64)).astype(np.float32)
    assert is_rounded(weight, made)
    assert not is_rounded(draw(14, 64, 64) * np.float32(0.1), made)
    assert not is_rounded(weight, -made) and not is_rounded(weight, made * 7)
    for value in (1e30, -1e30, 0.9, -0.9):
        broken = made.copy()
        broken[3, 5] = value
        assert not is_rounded(weight, broken), value


def test_numbers_as_they_are_are_not_rounded() -> None:
    """Floats are no codes, however one of them was changed."""
    weight = draw(15, 64, 64)
    for bit in range(32):
        flipped = weight.copy()
        flipped.reshape(-1).view(np.uint32)[100] ^= np.uint32(1 << bit)
        assert not is_rounded(weight, flipped), bit


@pytest.mark.parametrize("place", [np.s_[2:3], np.s_[:, 1:2], np.s_[1, 1], np.s_[:1, :2]])
@pytest.mark.parametrize("size", [1e3, 1e5, 1e37])
@pytest.mark.parametrize("levels", [0, 20], ids=["numbers", "levels"])
def test_large_numbers_make_no_room(place: Any, size: float, levels: int) -> None:
    """A number beside which all others are little does not make another weight of them."""
    weight = draw(15, 32, 32)
    stored = np.round(weight * levels) / np.float32(levels) if levels else weight.copy()
    stored[place] *= np.float32(size)
    for wrong in (weight * 2, -weight, draw(16, 32, 32)):
        wrong[place] = stored[place]
        assert not is_rounded(wrong, stored)
        assert not is_of_many_steps(wrong, stored)


def test_a_norm_in_a_weight_of_few_levels(tmp_path: Path) -> None:
    """A convolution with its norm, whose numbers are the places in a table."""
    kernel, four = draw(16, 32, 16, 3, 3), [draw(at, 32) for at in range(17, 21)]
    four[3] = np.abs(four[3]) + 1
    factor = four[0] / np.sqrt(four[3] + np.float32(1e-5))
    folded = kernel * factor[:, None, None, None]
    levels = np.linspace(folded.min(), folded.max(), 64).astype(np.float32)
    stored = levels[np.abs(folded[..., None] - levels).argmin(-1)]
    chain = Chain()
    shift = chain.keep("val_2", four[1] - four[2] * factor)
    chain.node("Conv", "x", chain.keep("val_1", stored), shift)
    words = ("weight", "bias", "running_mean", "running_var")
    state = {f"bn.{word}": values for word, values in zip(words, four, strict=True)}
    state["conv.weight"] = kernel
    done = audit(
        chain.save(tmp_path / "m.onnx"), reference=written(tmp_path / "c.safetensors", **state)
    )
    assert done.passed and {Verdict.FOLDED} == {each.verdict for each in done.judgements}
