"""Files that older converters wrote, from weights that are known: what is named is named right, by
value where it can be read.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.models import ZOO

import onnx_params
from onnx_params.inventory.values import values_of
from onnx_params.report.report import Report

Shapes = list[tuple[str, tuple[int, ...]]]


def norm(name: str, size: int) -> Shapes:
    return [
        (f"{name}/{leaf}", (size,)) for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
    ]


# model.weights of the two networks, in order: the seed of each is its position
CNN: Shapes = [
    ("conv1/kernel", (3, 3, 3, 8)),
    ("conv1/bias", (8,)),
    *norm("bn1", 8),
    ("dw/depthwise_kernel", (3, 3, 8, 1)),
    ("dw/bias", (8,)),
    *norm("bn2", 8),
    ("sep/depthwise_kernel", (3, 3, 8, 1)),
    ("sep/pointwise_kernel", (1, 1, 8, 6)),
    ("sep/bias", (6,)),
    ("up/kernel", (2, 2, 4, 6)),
    ("up/bias", (4,)),
    *norm("bn3", 4),
    ("pr/alpha", (1, 1, 4)),
    ("fc1/kernel", (4, 5)),
    ("fc1/bias", (5,)),
    *norm("bn4", 5),
    ("fc2/kernel", (5, 3)),
    ("fc2/bias", (3,)),
]
RNN: Shapes = [
    ("emb/embeddings", (10, 5)),
    ("c1/kernel", (3, 5, 5)),
    ("c1/bias", (5,)),
    ("lstm/lstm_cell/kernel", (5, 16)),
    ("lstm/lstm_cell/recurrent_kernel", (4, 16)),
    ("lstm/lstm_cell/bias", (16,)),
    *(
        (f"bi/{way}/gru_cell/{leaf}", shape)
        for way in ("forward_gru", "backward_gru")
        for leaf, shape in (("kernel", (4, 9)), ("recurrent_kernel", (3, 9)), ("bias", (2, 9)))
    ),
    ("rnn/simple_rnn_cell/kernel", (6, 3)),
    ("rnn/simple_rnn_cell/recurrent_kernel", (3, 3)),
    ("rnn/simple_rnn_cell/bias", (3,)),
]
LAST: Shapes = [("td/kernel", (3, 2)), ("td/bias", (2,))]
LAYER_NORM: Shapes = [("ln/gamma", (3,)), ("ln/beta", (3,))]


def report(name: str) -> Report:
    return onnx_params.analyze(ZOO / "converters" / f"{name}.onnx")


# what no name of that file says: norms folded into convolutions, what was joined by two
# directions, a node's made-up name
@pytest.mark.parametrize(
    ("name", "weights", "untold"),
    [
        ("keras2onnx_cnn", CNN, {*dict(norm("bn1", 0)), *dict(norm("bn2", 0)), "pr/alpha"}),
        (
            "tf2onnx193_cnn",
            CNN,
            {
                *dict(norm("bn1", 0)),
                *dict(norm("bn2", 0)),
                "dw/depthwise_kernel",
                "dw/bias",
                "pr/alpha",
            },
        ),
        ("keras2onnx_rnn", [*RNN, *LAST], {name for name, _ in RNN if name.startswith("bi/")}),
        ("tf2onnx193_rnn", [*RNN, *LAYER_NORM, *LAST], {"td/kernel", "td/bias"}),
    ],
)
def test_keras(name: str, weights: Shapes, untold: set[str]) -> None:
    """Names and shapes are those of ``model.weights``; what is not folded has its values too, in
    Keras' layout.
    """
    found = report(name)
    rows = {row.name: row.shape for row in found.rows}
    statistics = {each for each, _ in weights if "/moving_" in each}
    true = dict(weights)
    assert set(true) - untold - statistics <= set(rows)
    assert len(rows) == len(found.rows) and not any(row.certain for row in found.rows)
    assert all(
        rows[each] == shape for each, shape in true.items() if each in rows and each != "pr/alpha"
    )
    seeds = {each: seed for seed, (each, _) in enumerate(weights)}
    compared = 0
    for claim in found.inventory.parameters:
        if claim.placements and claim.name in seeds:
            values = (
                np.random.RandomState(seeds[claim.name]).randn(*true[claim.name]).astype(np.float32)
            )
            assert np.array_equal(values, values_of(found.inventory, claim)), claim.name
            compared += 1
    assert compared >= 9


@pytest.mark.parametrize(
    ("name", "true"),
    [
        (
            "tf1_reference",
            {
                "conv1/weights": (3, 3, 3, 8),
                "conv1/biases": (8,),
                "conv2/weights": (1, 1, 8, 4),
                "conv2/biases": (4,),
                "conv2/BatchNorm/gamma": (4,),
                "conv2/BatchNorm/beta": (4,),
                "fc/weights": (4, 5),
                "fc/biases": (5,),
            },
        ),
        (
            "chainer",
            {
                "conv1/W": (4, 3, 3, 3),
                "bn1/gamma": (4,),
                "deconv/b": (4,),
                "fc/W": (5, 4),
                "fc2/W": (5, 5),
            },
        ),
        (
            "coreml",
            {
                "convolution/weights": (8, 3, 3, 3),
                "batchnorm/gamma": (8,),
                "innerProduct/weights": (5, 4),
                "innerProduct/bias": (5,),
            },
        ),
        ("cntk_named", {"W": (6, 3), "scale": (8,), "b_0": (6,)}),
        (
            "mxnet_sym",
            {
                "stage1_conv0_weight": (4, 3, 3, 3),
                "stage1_bn0_gamma": (4,),
                "relu0_gamma": (4,),
                "fc1_weight": (3, 144),
            },
        ),
        (
            "paddle_cnn",
            {
                "conv2d_0.w_0": (8, 3, 3, 3),
                "conv2d_0.b_0": (8,),
                "batch_norm2d_0.w_0": (8,),
                "linear_0.w_0": (4, 6),
            },
        ),
    ],
)
def test_words(name: str, true: dict[str, tuple[int, ...]]) -> None:
    """The converter's words are turned back into the framework's, and running statistics are no
    parameters.
    """
    rows = {row.name: row.shape for row in report(name).rows}
    assert true.items() <= rows.items()
    assert not any(
        word in row for row in rows for word in ("mean", "variance", "moving_", "w_1", "w_2")
    )


def test_invented() -> None:
    """Zeros for a bias that a layer does not have, fillers of a norm, constants of TensorFlow: in
    the table of others.
    """
    assert "LinearFunction_1_param_bias" in {other.name for other in report("chainer").others}
    assert {"helper.constant.2", "helper.constant.3"} <= {
        other.name for other in report("paddle_cnn").others
    }
    assert {"seq/rnn/zeros/Const:0", "seq/ln/Const:0"} <= {
        other.name for other in report("tf2onnx193_rnn").others
    }
