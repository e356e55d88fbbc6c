"""Local functions that are given codes: put in the place of their calls, as onnx's inliner does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, inliner, numpy_helper
from safetensors.numpy import load_file, save_file

import onnx_params
from onnx_params import apply
from onnx_params.auditing.audit import audit
from onnx_params.dataflow import calls
from onnx_params.errors import OnnxParamsError
from onnx_params.inventory.opening import open_artifact

OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
WIDTH = 16


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def body(name: str, nodes: list[onnx.NodeProto], attributes: tuple[str, ...] = ()) -> object:
    """A function of x, codes and their scale, that gives y."""
    inputs = ["x", "codes", "scale"]
    return helper.make_function("local", name, inputs, ["y"], nodes, OPSETS, list(attributes))


def dense() -> object:
    """A product by what codes stand for."""
    turned = helper.make_node("Transpose", ["w"], ["turned"], perm=[1, 0])
    dequantized = helper.make_node("DequantizeLinear", ["codes", "scale"], ["w"], axis=0)
    return body("Dense", [dequantized, turned, helper.make_node("MatMul", ["x", "turned"], ["y"])])


def outer() -> object:
    """A call of the other one in a function, with a constant beside it."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    return body(
        "Outer",
        [
            helper.make_node("Constant", [], ["one"], value=one),
            helper.make_node("Mul", ["x", "one"], ["times"]),
            helper.make_node("Dense", ["times", "codes", "scale"], ["y"], domain="local"),
        ],
    )


def of_the_caller() -> object:
    """A function whose axis is an attribute of the call."""
    dequantized = helper.make_node("DequantizeLinear", ["codes", "scale"], ["w"])
    attribute = onnx.AttributeProto(name="axis", ref_attr_name="axis", type=onnx.AttributeProto.INT)
    dequantized.attribute.append(attribute)
    turned = helper.make_node("Transpose", ["w"], ["turned"], perm=[1, 0])
    product = helper.make_node("MatMul", ["x", "turned"], ["y"])
    return body("Dense", [dequantized, turned, product], ("axis",))


def written(path: Path, called: str, functions: list[object], **attributes: int) -> onnx.ModelProto:
    """Three layers, each a call, written with the checkpoint beside it."""
    nodes, tensors, held = [], [], {}
    for at in range(3):
        weight = draw(at, WIDTH, WIDTH)
        scale = np.abs(weight).max(axis=1) / 127
        codes = np.round(weight / scale[:, None]).astype(np.int8)
        held[f"layers.{at}.weight"] = weight
        tensors.append(numpy_helper.from_array(codes, f"codes_{at}"))
        tensors.append(numpy_helper.from_array(scale.astype(np.float32), f"scale_{at}"))
        inputs = [f"h{at}", f"codes_{at}", f"scale_{at}"]
        call = helper.make_node(called, inputs, [f"h{at + 1}"], domain="local", **attributes)
        nodes.append(call)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, WIDTH]) for name in ("h0", "h3")
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, functions=functions, opset_imports=OPSETS, ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    save_file(held, path.with_suffix(".safetensors"))
    return model


@pytest.mark.parametrize("called", ["Dense", "Outer"])
def test_a_call_is_the_nodes_of_its_function(called: str, tmp_path: Path) -> None:
    """The same operators with the same constants as onnx's own inliner puts there, and no body is
    left; the layers are audited.
    """
    path = tmp_path / "m.onnx"
    model = written(path, called, [dense(), outer()])
    opened, _ = open_artifact(path)
    inlined = inliner.inline_local_functions(model)
    expected = [node.op_type for node in inlined.graph.node]
    assert expected == [node.op_type for node in opened.main.nodes]
    assert list(range(len(expected))) == [node.position for node in opened.main.nodes]
    n_constants = sum(node.op_type == "Constant" for node in inlined.graph.node)
    assert n_constants == sum(t.place.op_type == "Constant" for t in opened.main.tensors)
    for tensor in opened.main.tensors:
        if tensor.place.node is not None:
            assert tensor.name in opened.main.nodes[tensor.place.node].outputs
    assert audit(path, reference=path.with_suffix(".safetensors")).verdicts == {"quantized": 3}


def test_a_wrong_code_behind_a_call(tmp_path: Path) -> None:
    """One code of 256 is another: the layer is named."""
    path = tmp_path / "m.onnx"
    model = written(path, "Dense", [dense()])
    codes = numpy_helper.to_array(model.graph.initializer[2]).copy()
    codes[3, 5] ^= 64
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(codes, "codes_1"))
    onnx.save(model, path)
    done = audit(path, reference=path.with_suffix(".safetensors"))
    assert not done.passed
    assert ["layers.1.weight"] == [finding.name for finding in done.failing]


def test_an_attribute_of_the_call_keeps_it(tmp_path: Path) -> None:
    """A function whose nodes do not say all stays one, and its codes are not passed unseen."""
    path = tmp_path / "m.onnx"
    written(path, "Dense", [of_the_caller()], axis=0)
    opened, _ = open_artifact(path)
    assert ["Dense"] * 3 == [node.op_type for node in opened.main.nodes]
    assert "function local.Dense" in opened.graphs


def test_floats_do_not_expand_a_call(tmp_path: Path) -> None:
    """A function without codes counts once, however often it is called."""
    path = tmp_path / "m.onnx"
    model = written(path, "Dense", [dense()])
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    assert ["Dense"] * 3 == [node.op_type for node in open_artifact(path)[0].main.nodes]


def test_functions_that_double_each_other(tmp_path: Path) -> None:
    """Functions that each call the next one eight times stand for more nodes than fit: the calls
    stay calls.
    """

    def eight_times(at: int) -> object:
        following = f"F{at + 1}" if at < calls.MAX_NESTED - 2 else "Dense"
        nodes = [
            helper.make_node(following, ["x", "codes", "scale"], [f"y{one}"], domain="local")
            for one in range(8)
        ]
        return body(f"F{at}", [*nodes, helper.make_node("Identity", ["y0"], ["y"])])

    path = tmp_path / "m.onnx"
    functions = [dense(), *(eight_times(at) for at in range(calls.MAX_NESTED - 1))]
    written(path, "F0", functions)
    opened, _ = open_artifact(path)
    assert ["F0"] * 3 == [node.op_type for node in opened.main.nodes]


def test_codes_behind_a_call_can_be_written(tmp_path: Path) -> None:
    """Another checkpoint's values go into the codes and scales, and the functions stay."""
    path = tmp_path / "m.onnx"
    written(path, "Dense", [dense()])
    other = {f"layers.{at}.weight": draw(10 + at, WIDTH, WIDTH) for at in range(3)}
    save_file(other, tmp_path / "other.safetensors")
    old = path.with_suffix(".safetensors")
    made = tmp_path / "new.onnx"
    apply(path, tmp_path / "other.safetensors", reference=old, output=made)
    assert audit(made, reference=tmp_path / "other.safetensors").passed
    assert ["Dense"] == [function.name for function in onnx.load(made).functions]


def test_no_bias_is_added_behind_a_call(tmp_path: Path) -> None:
    """A bias that was zero and left out: its layer's node is every call's."""
    dequantized = helper.make_node("DequantizeLinear", ["codes", "scale"], ["w"], axis=0)
    product = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    path = tmp_path / "m.onnx"
    written(path, "Dense", [body("Dense", [dequantized, product])])
    old, new = path.with_suffix(".safetensors"), tmp_path / "new.safetensors"
    held = load_file(old) | {"layers.1.bias": np.zeros(WIDTH, np.float32)}
    save_file(held, old)
    save_file(held | {"layers.1.bias": draw(20, WIDTH)}, new)
    with pytest.raises(OnnxParamsError, match="local function"):
        apply(path, new, tmp_path / "x.onnx", reference=old, add_dropped=True)


def test_rows_behind_a_call(tmp_path: Path) -> None:
    """Codes have their own type and bytes, and no name that the call's tool kept is certain."""
    path = tmp_path / "m.onnx"
    written(path, "Dense", [dense()])
    report = onnx_params.analyze(path)
    assert {"int8"} == {row.dtype for row in report.rows}
    assert 3 * WIDTH * WIDTH == report.n_bytes
    assert not any(row.certain for row in report.rows)
