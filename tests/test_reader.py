"""Reading: what onnx says of a model, we say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from support.models import ZOO, parsed
from support.partition import assert_partition

import onnx_params
from onnx_params.containers.onnx.parse import Parser
from onnx_params.io.sources import BytesSource

NAMES = sorted(path.stem for path in ZOO.glob("*.onnxtxt"))


@pytest.mark.parametrize("name", NAMES)
def test_initializers_equal_onnx(name: str) -> None:
    """Names, types, shapes and values of initializers are those that onnx.load gives."""
    proto = parsed(name)
    model = Parser(BytesSource(proto.SerializeToString()), None).model()
    ours = [tensor for tensor in model.main.tensors if tensor.place.kind.value == "initializer"]
    assert [t.name for t in proto.graph.initializer] == [t.name for t in ours]
    for expected, tensor in zip(proto.graph.initializer, ours, strict=True):
        assert expected.data_type == tensor.dtype.code
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(expected), tensor.read())


@pytest.mark.parametrize("name", NAMES)
def test_nodes_equal_onnx(name: str) -> None:
    """Operators, names, inputs and outputs of nodes are those that onnx.load gives."""
    proto = parsed(name)
    model = Parser(BytesSource(proto.SerializeToString()), None).model()
    expected = [(n.op_type, n.name, tuple(n.input), tuple(n.output)) for n in proto.graph.node]
    assert expected == [(n.op_type, n.name, n.inputs, n.outputs) for n in model.main.nodes]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_add_up(name: str, tmp_path: Path) -> None:
    """Tensors and structure are the whole file."""
    path = tmp_path / "model.onnx"
    onnx.save(parsed(name), path)
    assert_partition(onnx_params.analyze(path).inventory)


@pytest.mark.parametrize(
    ("name", "parameters"), [("mlp", 15), ("branches", 12), ("normed", 8), ("quantized", 8)]
)
def test_counts(name: str, parameters: int) -> None:
    """Masks, statistics, scales and shapes are no parameters; weights in branches and behind
    quantization are.
    """
    assert parameters == onnx_params.analyze(parsed(name)).parameters


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_one_error(name: str) -> None:
    """A file cut off at any byte gives our error or a smaller model, never another exception."""
    data = parsed(name).SerializeToString()
    for length in range(len(data)):
        try:
            onnx_params.analyze(data[:length])
        except onnx_params.OnnxParamsError as error:
            assert "\n" not in str(error)
        else:
            pytest.fail(f"{length} of {len(data)} bytes passed for a model")


@pytest.mark.parametrize(
    "dtype", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
)
@pytest.mark.parametrize("raw", [True, False])
def test_values_of_every_type(dtype: int, raw: bool) -> None:
    """Each element type reads as onnx reads it, from raw_data and from typed fields."""
    array = np.array([1, 0, 1, 1, 0]).astype(onnx.helper.tensor_dtype_to_np_dtype(dtype))
    tensor = (
        onnx.numpy_helper.from_array(array, "w")
        if raw
        else onnx.helper.make_tensor("w", dtype, [5], array.tolist())
    )
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    model = Parser(BytesSource(onnx.helper.make_model(graph).SerializeToString()), None).model()
    (ours,) = model.main.tensors
    np.testing.assert_array_equal(
        onnx.numpy_helper.to_array(tensor).astype(np.complex128), ours.read().astype(np.complex128)
    )


def test_external_data_stays_in_its_folder(tmp_path: Path) -> None:
    """A location that leaves the model's folder is refused."""
    tensor = onnx.helper.make_tensor("w", 1, [2], [1.0, 2.0])
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    path = tmp_path / "in" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    (tmp_path / "secret").write_bytes(b"12345678")
    with pytest.raises(onnx_params.FormatError, match="leaves the folder"):
        onnx_params.analyze(path)
