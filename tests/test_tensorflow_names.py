"""Names and counts of TensorFlow's graphs, as tf2onnx writes them and tools change them later: one
small artifact for each kind.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.graphs import Chain, dequantized, draw

import onnx_params

TF = "tf2onnx"
Shapes = dict[str, tuple[int, ...] | None]


def made(chain: Chain, tmp_path: Path, producer: str = TF) -> Shapes:
    """Name -> shape of each row of a model."""
    path = chain.save(tmp_path / "m.onnx", producer)
    return {row.name: row.shape for row in onnx_params.analyze(path).rows}


def dense(
    chain: Chain, scope: str, seed: int, kernel: str = "MatMul", bias: str = "BiasAdd"
) -> None:
    """A layer of TensorFlow's with 16 inputs and outputs."""
    weight = chain.keep(f"{scope}/{kernel}/ReadVariableOp:0", draw(seed, 16, 16))
    chain.node("MatMul", chain.last, weight, name=f"{scope}/MatMul")
    added = chain.keep(f"{scope}/{bias}/ReadVariableOp:0", draw(seed + 1, 16))
    chain.node("Add", chain.last, added, name=f"{scope}/{bias}")


# -- scopes and their numbers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        # Keras 3 counts every part of a scope
        (["functional_1/dense_1", "functional_1/dense_1_2"], ["dense", "dense_1"]),
        # tf.keras counts none: a number is the layer's own
        (["model/dense", "model/dense_1"], ["dense", "dense_1"]),
        (["resnet/fc", "resnet/fc_1"], ["fc", "fc_1"]),
        # modules in modules are classes, which keep their own name
        (["bert/encoder/layer_0/dense", "bert/pooler/dense"],) * 2,
        # a saved model calls a function
        (["StatefulPartitionedCall/functional_1/a_1", "functional_1/b_1"], ["a", "b"]),
    ],
)
def test_scopes(scopes: list[str], expected: list[str], tmp_path: Path) -> None:
    chain = Chain()
    for seed, scope in enumerate(scopes):
        dense(chain, scope, 2 * seed)
    assert {f"{name}/{leaf}" for name in expected for leaf in ("kernel", "bias")} == set(
        made(chain, tmp_path)
    )


def test_words_of_sonnet(tmp_path: Path) -> None:
    """Sonnet adds by ``tf.add``, and calls variables otherwise than Keras."""
    chain = Chain()
    dense(chain, "mlp/linear_0", 0, bias="Add")
    dense(chain, "mlp/linear_1", 2, bias="Add")
    assert {f"mlp/linear_{at}/{leaf}" for at in (0, 1) for leaf in "wb"} == set(
        made(chain, tmp_path)
    )


# -- after tools ----------------------------------------------------------------------------------


def test_a_quantizer_that_names_itself(tmp_path: Path) -> None:
    """onnxruntime's quantizer puts its name into the file; the scopes tell who wrote it before."""
    chain = Chain()
    for seed, scope in enumerate(["functional_1/dense_1", "functional_1/dense_1_2"]):
        last = chain.last
        weight = dequantized(chain, f"{scope}/Cast/ReadVariableOp:0", draw(seed, 16, 16))
        chain.node("MatMul", last, weight, name=f"{scope}/MatMul")
    expected = {"dense/kernel": (16, 16), "dense_1/kernel": (16, 16)}
    assert expected == made(chain, tmp_path, "onnx.quantize")


def test_kernels_of_a_quantized_convolution(tmp_path: Path) -> None:
    """A kernel in 8 bits is laid out as Keras has it too."""
    chain = Chain()
    name = "functional_1/conv_1/convolution/ReadVariableOp:0"
    weight = dequantized(chain, name, draw(0, 12, 3, 5, 5))
    chain.node("Conv", "x", weight, name="functional_1/conv_1/convolution")
    dense(chain, "functional_1/dense_1", 1)
    assert (5, 5, 3, 12) == made(chain, tmp_path, "onnx.quantize")["conv/kernel"]


def test_names_that_tensorflow_lite_joined(tmp_path: Path) -> None:
    """Its converter joins the names of operators that it fuses; kernels have none."""
    chain = Chain()
    for at in (0, 1):
        node = f"net/fc_{at}/MatMul;net/fc_{at}/Relu;net/fc_{at}/BiasAdd"
        weight = chain.keep(f"const_fold_opt__{at}", draw(at, 16, 16))
        chain.node("MatMul", chain.last, weight, name=node)
        bias = chain.keep(f"net/fc_{at}/Relu;net/fc_{at}/BiasAdd", draw(at + 2, 16))
        chain.node("Add", chain.last, bias, name=f"Add__{at}")
    assert {f"fc_{at}/{leaf}" for at in (0, 1) for leaf in ("kernel", "bias")} == set(
        made(chain, tmp_path)
    )


def test_a_bias_that_was_joined_with_a_sum(tmp_path: Path) -> None:
    """What adds a bias says more than what adds two branches, in whatever order the names are."""
    chain = Chain()
    weight = chain.keep("const_fold_opt__1", draw(0, 16, 16))
    chain.node("MatMul", "x", weight, name="net/fc/MatMul;net/rest/Add;net/fc/BiasAdd")
    bias = chain.keep("net/rest/Add;net/fc/Relu;net/fc/BiasAdd", draw(1, 16))
    chain.node("Add", chain.last, bias, name="Add__1")
    assert {"fc/kernel", "fc/bias"} == set(made(chain, tmp_path))


# -- operators without a name ---------------------------------------------------------------------


def test_an_einsum_has_the_name_of_its_bias(tmp_path: Path) -> None:
    """tf2onnx makes a product of it, without a name; the bias has as many axes as heads ask."""
    chain = Chain()
    chain.node(
        "Gemm", "x", chain.keep("const_fold_opt__1", draw(0, 24, 16)), name="Gemm__5", transB=1
    )
    shape = chain.keep("shape__6", np.array([-1, 4, 6]))
    chain.node("Reshape", chain.last, shape, name="Reshape__7")
    bias = chain.keep("net_1/mha_1/query_1/Add/ReadVariableOp:0", draw(1, 4, 6))
    chain.node("Add", chain.last, bias, name="net_1/mha_1/query_1/Add")
    expected = {"mha/query/kernel": (16, 4, 6), "mha/query/bias": (4, 6)}
    assert expected == made(chain, tmp_path)


def test_a_layer_that_runs_both_ways(tmp_path: Path) -> None:
    """One operator has both directions; the recurrent bias, which Keras lacks, does not count."""
    chain = Chain()
    chain.node(
        "Transpose", "x", perm=[1, 0, 2], name="f_1/bidirectional_1/forward_lstm_1/transpose"
    )
    bias = np.concatenate([draw(2, 2, 32), np.zeros((2, 32), np.float32)], axis=1)
    weights = [
        chain.keep("W__1", draw(0, 2, 32, 5)),
        chain.keep("R__2", draw(1, 2, 32, 8)),
        chain.keep("B__3", bias),
    ]
    chain.node(
        "LSTM", chain.last, *weights, hidden_size=8, direction="bidirectional", name="LSTM__4"
    )
    dense(chain, "f_1/dense_1", 5)
    rows = made(chain, tmp_path)
    for way in ("forward", "backward"):
        cell = f"bidirectional/{way}_lstm/lstm_cell"
        assert (5, 32) == rows[f"{cell}/kernel"]
        assert (8, 32) == rows[f"{cell}/recurrent_kernel"]
        assert (32,) == rows[f"{cell}/bias"]


# -- what counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_learned"),
    [
        ("net_1/scale_1/Mul/ReadVariableOp:0", True),
        ("net_1/mul_20/y:0", False),
        ("net_1/norm_1/batchnorm/Rsqrt:0", False),
    ],
)
def test_what_multiplies(name: str, is_learned: bool, tmp_path: Path) -> None:
    """Variables are read; operands have the names of arguments; statistics were computed."""
    chain = Chain()
    dense(chain, "net_1/dense_1", 0)
    chain.node("Mul", chain.last, chain.keep(name, draw(3, 16)), name="net_1/scale_1/mul")
    dense(chain, "net_1/dense_1_2", 4)
    assert is_learned is (len(made(chain, tmp_path)) == 5)


def test_a_variable_before_the_first_and_after_the_last_layer(tmp_path: Path) -> None:
    """What changes the input or the output is a preprocessor's, unless TensorFlow read it."""
    chain = Chain()
    chain.node("Mul", "x", chain.keep("net_1/in_1/Mul/ReadVariableOp:0", draw(0, 16)))
    dense(chain, "net_1/dense_1", 1)
    chain.node("Relu", chain.last)
    chain.node("Mul", chain.last, chain.keep("net_1/out_1/Mul/ReadVariableOp:0", draw(3, 16)))
    assert {"in/scale", "out/scale"} <= set(made(chain, tmp_path))


def test_a_single_number_of_paddle(tmp_path: Path) -> None:
    """Paddle's names tell parameters from constants, which its operators make."""
    chain = Chain()
    chain.linear("linear_0.w_0", draw(0, 16, 16))
    chain.node("Mul", chain.last, chain.keep("create_parameter_0.w_0", draw(1, 1)))
    chain.node(
        "Add", chain.last, chain.keep("p2o.pd_op.full.0.0", np.full((16, 16), 0.5, np.float32))
    )
    chain.linear("linear_1.w_0", draw(2, 16, 16))
    expected = {"linear_0.w_0", "create_parameter_0.w_0", "linear_1.w_0"}
    assert expected == set(made(chain, tmp_path, ""))


@pytest.mark.parametrize("is_computed", [False, True])
def test_slopes_of_heads(is_computed: bool, tmp_path: Path) -> None:
    """Powers of one number for the heads of an attention were not learned."""
    slopes = 0.5 ** np.arange(1, 9, dtype=np.float32) if is_computed else draw(0, 8)
    chain = Chain()
    chain.linear("fc.weight", draw(1, 8, 16))
    chain.node("Mul", chain.last, chain.keep("onnx::Mul_7", slopes), name="/attn/Mul")
    chain.linear("out.weight", draw(2, 8, 8))
    assert is_computed is (len(made(chain, tmp_path, "pytorch")) == 2)
