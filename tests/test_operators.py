"""One record an operator: what roles, names and values need to know follows from it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.artifacts import artifact, case

import onnx_params
from onnx_params.dataflow.consumers import n_outputs
from onnx_params.inventory.values import values_of
from onnx_params.operators.record import Kind, Passes, Scale, operators_of
from onnx_params.operators.schemas import OPERATORS

# what four modules said in seven sets, before there was one record (release 0.1.0)
LAYERS = (
    "Conv ConvTranspose Gemm MatMul LSTM GRU RNN Gather ConvInteger MatMulInteger QLinearConv"
    " QLinearMatMul Einsum MatMulNBits MatMulBnb4 FusedMatMul FusedGemm FusedConv QGemm"
    " DynamicQuantizeMatMul MatMulIntegerToFloat DynamicQuantizeLSTM GatherBlockQuantized"
    " EmbedLayerNormalization"
).split()
MATRIX_PRODUCTS = (
    "MatMul Gemm FusedMatMul FusedGemm MatMulInteger QLinearMatMul QGemm DynamicQuantizeMatMul"
    " MatMulIntegerToFloat MatMulNBits"
).split()
PRODUCTS = [
    *MATRIX_PRODUCTS,
    *"Conv ConvTranspose ConvInteger QLinearConv FusedConv NhwcConv".split(),
]
PASS_THROUGH = (
    "Identity Cast CastLike ScatterElements ScatterND Transpose Reshape Unsqueeze Squeeze Flatten"
    " DequantizeLinear QuantizeLinear Expand Slice Split Tile Pad Quant IntQuant FloatQuant"
    " BipolarQuant ExpandDims Dropout Clip"
).split()


def names(operators: object) -> set[str]:
    return {each.name for each in operators}  # type: ignore[attr-defined]


def test_derived_sets_hold_what_the_old_ones_held() -> None:
    """Every operator that one of the sets knew is known; what is new was forgotten in them."""
    every = OPERATORS.values()
    layers = names(each for each in every if each.is_layer)
    matrices = names(each for each in every if each.kind is Kind.MATRIX)
    products = names(each for each in every if each.is_product)
    passing = names(each for each in every if each.passes is not None)
    assert set(LAYERS) <= layers and set(MATRIX_PRODUCTS) <= matrices and set(PRODUCTS) <= products
    # what came with the domains of TensorRT, Quark and Sony's toolkit
    later = re.compile("TRT_|(Extended|MX|BFP).*Quantize|(Activation|Weights).*Quantizer", re.I)
    assert set(PASS_THROUGH) == {each for each in passing if not later.match(each)}
    forgotten = {
        "TransposeMatMul",
        "FusedMatMulActivation",
        "GemmFloat8",
        "GemmFastGelu",
        "MatMulBnb4",
        "MatMulFpQ4",
    }
    forgotten |= {"MatMulInteger16", "QOrderedMatMul", "SparseToDenseMatMul"}
    forgotten |= {"MatMulBlockQuantizedFp4Weight", "MatMulBlockQuantizedFp8Weight"}
    assert forgotten == matrices - set(MATRIX_PRODUCTS)


def test_every_record_is_whole() -> None:
    """A weight slot is one of the operator's, products say their outputs, scales stand in slots
    that are called so.
    """
    for each in OPERATORS.values():
        assert each.weight is None or each.weight < len(each.slots) or each.name == "Einsum", (
            each.name
        )
        assert not each.is_product or each.outputs is not None, each.name
        for row in each.scales.values():
            assert row.scale < 0 or each.slots[row.scale] == "scale", each.name
            assert row.zero < 0 or each.slots[row.zero] in ("zero", "scale"), each.name


@pytest.mark.parametrize(
    ("op_type", "attributes", "weight", "outputs"),
    [
        ("Conv", {}, (8, 3, 3, 3), 8),
        ("ConvTranspose", {}, (8, 4, 3, 3), 4),
        ("ConvTranspose", {"group": 2}, (8, 4, 3, 3), 8),
        ("MatMul", {}, (3, 5), 5),
        ("Gemm", {}, (3, 5), 5),
        ("Gemm", {"transB": 1}, (5, 3), 5),
    ],
)
def test_outputs_of_a_layer(
    op_type: str, attributes: dict[str, int], weight: tuple[int, ...], outputs: int
) -> None:
    """The axis that counts outputs, with groups and transB:

    ConvTranspose's is the second, not the last.
    """
    made = onnx_params.analyze(
        model([helper.make_node(op_type, ["x", "w"], ["y"], **attributes)], {"w": weight})
    )
    (node,) = made.inventory.model.main.nodes
    assert outputs == n_outputs(node, weight)


def model(
    nodes: list[onnx.NodeProto], tensors: dict[str, tuple[int, ...] | np.ndarray]
) -> onnx.ModelProto:
    """A model from ``x`` to ``y`` with drawn tensors of these shapes, or with these."""
    rng = np.random.default_rng(0)
    held = [
        numpy_helper.from_array(
            (
                value
                if isinstance(value, np.ndarray)
                else rng.standard_normal(value).astype(np.float32)
            ),
            name,
        )
        for name, value in tensors.items()
    ]
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], held)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets)


BIASED = {
    # nodes from x, w and b to y; the shape of w, in which 6 is the number of outputs
    "MatMul, NhwcConv": (
        [
            helper.make_node("MatMul", ["x", "m"], ["a"]),
            helper.make_node("NhwcConv", ["a", "w"], ["c"], domain="com.microsoft"),
            helper.make_node("Add", ["c", "b"], ["y"]),
        ],
        {"m": (4, 4), "w": (6, 3, 3, 4), "b": (6,)},
    ),
    "MatMul, TransposeMatMul": (
        [
            helper.make_node("MatMul", ["x", "m"], ["a"]),
            helper.make_node("TransposeMatMul", ["a", "w"], ["c"], domain="com.microsoft"),
            helper.make_node("Add", ["c", "b"], ["y"]),
        ],
        {"m": (4, 4), "w": (4, 6), "b": (6,)},
    ),
    "QLinearConv, DequantizeLinear": (
        [
            helper.make_node("QLinearConv", ["x", "s", "z", "w", "s", "z", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["c"]),
            helper.make_node("Add", ["c", "b"], ["y"]),
        ],
        {
            "s": np.array(0.1, np.float32),
            "z": np.array(0, np.int8),
            "w": np.arange(6 * 4 * 9, dtype=np.int8).reshape(6, 4, 3, 3),
            "b": (6, 1, 1),
        },
    ),
    "ConvTranspose": (
        [
            helper.make_node("ConvTranspose", ["x", "w"], ["c"]),
            helper.make_node("Add", ["c", "b"], ["y"]),
        ],
        {"w": (4, 6, 3, 3), "b": (6, 1, 1)},
    ),
}


@pytest.mark.parametrize("name", BIASED)
def test_last_bias_is_a_parameter(name: str) -> None:
    """What is added after the last layer, a number for each of its outputs, was learned, whichever
    operator the layer is.
    """
    nodes, tensors = BIASED[name]
    report = onnx_params.analyze(model(nodes, tensors))
    rules = {t.name: (c.role.value, c.rule.value) for t, c in report.inventory.classified}
    assert ("parameter", "bias-of-a-layer") == rules["b"]


def test_a_quantized_mlp_without_names_counts_all(tmp_path: Path) -> None:
    """Quantized to QLinear operators, with the names of its nodes cleared, a network keeps all its
    parameters.
    """
    plain = onnx.load(artifact("prelu", "torchscript+int8-qoperator"))
    for node in plain.graph.node:
        node.name = ""
    onnx.save(plain, tmp_path / "m.onnx")
    true = sum(int(np.prod(shape)) for shape in case("prelu").shapes.values())
    assert true == onnx_params.analyze(tmp_path / "m.onnx").parameters


@pytest.mark.parametrize("between", ["Reshape", "Unsqueeze"])
def test_a_bias_behind_a_change_of_shape_names_its_weight(between: str) -> None:
    """A bias that is reshaped before it is added says the weight's name as one that is unsqueezed
    does.
    """
    nodes = [
        helper.make_node("Conv", ["x", "onnx::Conv_7"], ["c"]),
        helper.make_node(between, ["block.bias", "shape"], ["r"]),
        helper.make_node("Add", ["c", "r"], ["y"]),
    ]
    shape = np.array([6, 1, 1] if between == "Reshape" else [1, 2], np.int64)
    report = onnx_params.analyze(
        model(nodes, {"onnx::Conv_7": (6, 4, 3, 3), "block.bias": (6,), "shape": shape})
    )
    assert {"block.weight", "block.bias"} == {row.name for row in report.rows}


def test_a_new_matrix_product_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """int8 weights [N, K] with scales [N, K / block]: with the record count, shape, values, name
    and orientation are right.
    """
    n, k, block = 6, 32, 16
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 127, (n, k), np.int8)
    scales = rng.uniform(0.01, 0.1, (n, k // block)).astype(np.float32)
    node = helper.make_node(
        "MatMulInt8", ["x", "fc.weight_Q8", "fc.scales", "fc.bias"], ["y"], domain="com.microsoft"
    )
    made = model([node], {"fc.weight_Q8": codes, "fc.scales": scales, "fc.bias": (n,)})

    record = operators_of("com.microsoft")(
        "MatMulInt8",
        "data weight scale bias",
        Kind.MATRIX,
        weight=1,
        outputs=0,
        scales={1: Scale(2, axis=1, is_blocked=True)},
    )
    monkeypatch.setitem(OPERATORS, ("com.microsoft", "MatMulInt8"), record)

    report = onnx_params.analyze(made)
    assert n * k + n == report.parameters
    assert [("fc.weight", (n, k)), ("fc.bias", (n,))] == [
        (row.name, row.shape) for row in report.rows
    ]
    assert ["quantization"] == [other.role for other in report.others]
    weight = report.inventory.parameters[0]
    expected = codes * np.repeat(scales, block, axis=1)
    np.testing.assert_allclose(expected, values_of(report.inventory, weight), rtol=1e-6)


def test_what_passes_on_is_walked_alike() -> None:
    """Whatever passes a weight on whole, its consumer is found behind it."""
    from onnx_params.dataflow.consumers import consumers

    for operator in OPERATORS.values():
        if operator.passes is not Passes.WHOLE or operator.domain not in ("", "com.microsoft"):
            continue
        nodes = [
            helper.make_node(operator.name, ["w"], ["v"], domain=operator.domain),
            helper.make_node("MatMul", ["x", "v"], ["y"]),
        ]
        found = onnx_params.analyze(model(nodes, {"w": (4, 6)})).inventory.model
        (consumer,) = consumers(found, next(iter(found.tensors)))
        assert "MatMul" == consumer.node.op_type, operator.name
