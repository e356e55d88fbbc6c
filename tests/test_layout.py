"""Steps from storage to a parameter: shapes without values, values when asked, and the operators'
own results as oracle.
"""

from __future__ import annotations

import json

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import onnx_params
from onnx_params.inventory.values import values_of
from onnx_params.tensors.evaluate import apply
from onnx_params.tensors.steps import (
    SWAP,
    Cast,
    Dequantize,
    Permute,
    Placement,
    Reshape,
    Slice,
    Step,
    Unblock,
    Unpack,
    chain,
    shape_after,
)
from onnx_params.tensors.steps_json import from_json, to_json

ZERO, SCALE = ("", "zero"), ("", "scale")
RNG = np.random.default_rng(0)


def no_scales(key: tuple[str, str]) -> np.ndarray:
    raise AssertionError(key)


@pytest.mark.parametrize(
    ("shape", "steps"),
    [
        ((3, 4), (SWAP,)),
        ((3, 4, 5), (Permute((2, 0, 1)),)),
        ((3, 4), (Reshape((2, 6)), Slice(1, ((4, 6), (0, 1))))),
        (
            (2, 8, 3),
            (Slice(0, ((1, 2),)), Reshape((8, 3)), Slice(0, ((0, 2), (4, 6), (6, 8), (2, 4)))),
        ),
        ((16, 32, 3, 3), (Unblock(16, 16),)),
        ((16, 3, 3, 3), (Unblock(8, 1), Slice(0, ((0, 10),)))),
        ((4, 6), (Cast("float16"),)),
    ],
)
def test_shape_follows_without_values(shape: tuple[int, ...], steps: tuple[Step, ...]) -> None:
    """What shape_after says is what apply makes."""
    assert apply(np.zeros(shape, np.float32), steps, no_scales).shape == shape_after(shape, steps)


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_chain_merges_permutations(first: list[int], second: list[int]) -> None:
    """Two orders of axes are one, and one that is none falls out; the values are the same."""
    values = np.arange(120).reshape(2, 3, 4, 5)
    steps = chain(Permute(tuple(first)), Permute(tuple(second)))
    assert len(steps) <= 1
    assert np.array_equal(
        values.transpose(first).transpose(second), apply(values, steps, no_scales)
    )


def test_unpack_is_low_bits_first() -> None:
    """Two elements of 4 bits in a byte, four of 2."""
    assert [1, 2, 15, 0] == apply(
        np.array([0x21, 0x0F], np.uint8), (Unpack(4),), no_scales
    ).tolist()
    assert [1, 2, 3, 0] == apply(np.array([0b00111001], np.uint8), (Unpack(2),), no_scales).tolist()


@pytest.mark.parametrize("inner", [1, 8])
def test_unblock_undoes_blocks_of_channels(inner: int) -> None:
    """[O/b, I/b, h, w, b, b] and [O/b, I, h, w, b] give [O, I, h, w] back."""
    true = RNG.normal(size=(16, 8 if inner == 8 else 3, 3, 2)).astype(np.float32)
    o, i, h, w = true.shape
    whole = true.reshape(o // 8, 8, i // inner, inner, h, w).transpose(0, 2, 4, 5, 3, 1)
    blocked = whole if inner > 1 else whole[..., 0, :]
    assert np.array_equal(true, apply(blocked.reshape(true.shape), (Unblock(8, inner),), no_scales))


@pytest.mark.parametrize(
    ("scale", "zero", "options"),
    [
        (np.float32(0.5), np.int8(3), {}),
        (RNG.random(4).astype(np.float32), RNG.integers(-9, 9, 4).astype(np.int8), {"axis": 0}),
        (RNG.random(6).astype(np.float32), None, {"axis": 1}),
        (
            RNG.random((4, 3)).astype(np.float32),
            RNG.integers(-9, 9, (4, 3)).astype(np.int8),
            {"axis": 1, "block_size": 2},
        ),
        (RNG.random((2, 6)).astype(np.float32), None, {"axis": 0, "block_size": 2}),
    ],
)
def test_dequantize_is_the_operator(
    scale: np.ndarray, zero: np.ndarray | None, options: dict[str, int]
) -> None:
    """Per tensor, per channel, in blocks: onnxruntime's DequantizeLinear gives the same numbers."""
    codes = RNG.integers(-128, 128, (4, 6)).astype(np.int8)
    tensors = {"w": codes, "scale": np.asarray(scale)} | (
        {} if zero is None else {"zero": np.asarray(zero)}
    )
    node = helper.make_node("DequantizeLinear", list(tensors), ["y"], **options)
    graph = helper.make_graph(
        [node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 6])]
    )
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in tensors.items()
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (expected,) = ort.InferenceSession(model.SerializeToString()).run(None, {})
    step = Dequantize(
        SCALE, None if zero is None else ZERO, options.get("axis", 1), options.get("block_size", 0)
    )
    assert np.array_equal(expected, apply(codes, (step,), lambda key: tensors[key[1]]))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_matmulnbits_gives_its_matrix(bits: int, symmetric: bool) -> None:
    """The values of a packed weight are what onnxruntime multiplies by:

    K no multiple of the block, zero points packed.
    """
    k, n, block = 40, 6, 16
    blocks = -(-k // block)
    packed = RNG.integers(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8)
    scales = RNG.random((n, blocks)).astype(np.float32)
    zeros = RNG.integers(0, 256, (n, -(-blocks * bits // 8))).astype(np.uint8)
    names = ["x", "w", "s", *([] if symmetric else ["z"])]
    node = helper.make_node(
        "MatMulNBits", names, ["y"], domain="com.microsoft", K=k, N=n, bits=bits, block_size=block
    )
    x, y = (
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [k, k]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [k, n]),
    )
    graph = helper.make_graph([node], "g", [x], [y])
    graph.initializer.extend(
        numpy_helper.from_array(v, name)
        for name, v in (("w", packed), ("s", scales), *(() if symmetric else (("z", zeros),)))
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    (expected,) = ort.InferenceSession(model.SerializeToString()).run(
        None, {"x": np.eye(k, dtype=np.float32)}
    )
    inventory = onnx_params.analyze(model).inventory
    (claim,) = inventory.parameters
    assert (k, n) == claim.shape
    np.testing.assert_allclose(values_of(inventory, claim), expected, rtol=1e-5, atol=1e-5)


steps = st.one_of(
    st.permutations(range(3)).map(lambda axes: Permute(tuple(axes))),
    st.lists(st.integers(0, 9)).map(lambda shape: Reshape(tuple(shape))),
    st.builds(
        Slice,
        st.integers(0, 3),
        st.lists(st.tuples(st.integers(0, 4), st.integers(4, 9))).map(tuple),
    ),
    st.tuples(
        st.sampled_from([None, ZERO]), st.sampled_from([None, -1, 2]), st.integers(0, 64)
    ).map(lambda given: Dequantize(SCALE, *given)),
    st.sampled_from([Cast("float16"), Unpack(4), Unblock(16, 1)]),
)


@given(st.lists(steps).map(tuple))
def test_json_round_trip(chained: tuple[Step, ...]) -> None:
    """A source map gives back the placement that was written, with renamed tensors under their new
    names.
    """
    row = json.loads(json.dumps(to_json(Placement(("", "old"), chained), {"old": "new"})))
    assert Placement(("", "new"), chained) == from_json(row)


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        {"stored": {"graph": "", "name": "w"}, "steps": [{"step": "permute", "axes": [0, 0]}]},
        {"stored": {"graph": "", "name": "w"}, "steps": [{"step": "reshape", "shape": [-1]}]},
        {
            "stored": {"graph": "", "name": "w"},
            "steps": [{"step": "take", "axis": "x", "runs": []}],
        },
        {"stored": {"graph": "", "name": "w"}, "steps": [{"step": "cast", "numpy": "object"}]},
        {"stored": {"graph": "", "name": "w"}, "steps": [{"step": "eval", "code": "1"}]},
        {"stored": "w", "steps": []},
    ],
)
def test_a_strangers_piece_is_refused(row: object) -> None:
    """What is not a sound step makes no placement, and raises nothing."""
    assert from_json(row) is None
