"""Reading: over every model that the onnx package ships, what onnx.load says, we say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
import onnx.numpy_helper
import pytest
from support.partition import assert_partition

import onnx_params
from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.containers.onnx.parse import Parser
from onnx_params.io.sources import BytesSource, FileSource

DATA = Path(onnx.backend.test.__file__).parent / "data"
GROUPS = sorted(path for path in DATA.iterdir() if path.is_dir() and any(path.rglob("*.onnx")))
# parameters without running statistics, as their authors published them or by hand: torchvision
# 0.21's models; SqueezeNet 1.1, ShuffleNet v1 (g = 3)
LIGHT = {
    "light_bvlc_alexnet": 60_965_224,
    "light_densenet121": 7_978_856,
    "light_inception_v1": 6_998_552,
    "light_inception_v2": 11_194_984,
    "light_resnet50": 25_557_032,
    "light_shufflenet": 1_393_320,
    "light_squeezenet": 1_235_496,
    "light_vgg19": 143_667_240,
    "light_zfnet512": 87_250_536,
}


def graphs(proto: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all inside it, in the order of their nodes, each after the one that holds it."""
    yield proto
    for node in proto.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs(inner)


def ours_in_order(model: Model) -> Iterator[str]:
    def walk(path: str) -> Iterator[str]:
        yield path
        for node in model.graphs[path].nodes:
            for inner in node.subgraphs:
                yield from walk(inner)

    yield from walk("")


def domain(node: onnx.NodeProto | Node) -> str:
    return "" if node.domain == "ai.onnx" else node.domain


def assert_equal(proto: onnx.ModelProto, model: Model) -> None:
    """Nodes and tensors, with their values, of all graphs."""
    theirs, ours = list(graphs(proto.graph)), [model.graphs[name] for name in ours_in_order(model)]
    assert len(theirs) == len(ours)
    for their, our in zip(theirs, ours, strict=True):
        assert [
            (n.op_type, domain(n), n.name, tuple(n.input), tuple(n.output)) for n in their.node
        ] == [(n.op_type, domain(n), n.name, n.inputs, n.outputs) for n in our.nodes]
        assert [i.name for i in their.input] == list(our.inputs)
        assert [o.name for o in their.output] == list(our.outputs)
        stored = [t for t in our.tensors if t.place.kind.value == "initializer"]
        assert len(their.initializer) == len(stored)
        constants = [a.t for n in their.node for a in n.attribute if a.HasField("t")]
        held = [
            t
            for t in our.tensors
            if t.place.kind.value == "attribute"
            and t.encoding.value not in ("attribute", "opaque")
            and t.indices is None
        ]
        assert len(constants) == len(held)
        for expected, tensor in zip(
            [*their.initializer, *constants], [*stored, *held], strict=True
        ):
            assert expected.data_type == tensor.dtype.code
            assert tuple(expected.dims) == tensor.shape
            true = onnx.numpy_helper.to_array(expected)
            got = tensor.read()
            if true.dtype == object:
                assert [
                    bytes(v) if isinstance(v, bytes) else str(v).encode() for v in true.flat
                ] == list(got.flat)
            else:
                np.testing.assert_array_equal(true.astype(got.dtype), got)
        assert [t.name for t in their.initializer] == [t.name for t in stored]


@pytest.mark.parametrize("group", GROUPS, ids=lambda path: path.name)
def test_equal_to_onnx(group: Path) -> None:
    """Every model of one group of onnx's test data, also analyzed: no error, and the partition
    holds.
    """
    models = sorted(group.rglob("*.onnx"))
    assert models
    for path in models:
        try:
            assert_equal(onnx.load(path), Parser(FileSource(str(path)), str(path)).model())
            assert_partition(onnx_params.analyze(path).inventory)
        except Exception as error:
            raise AssertionError(path) from error


@pytest.mark.filterwarnings("ignore")
def test_node_models_equal_to_onnx() -> None:
    """The models by which onnx tests each operator in each version of its: nearly two thousand."""
    from onnx.backend.test.case.node import collect_testcases

    cases = collect_testcases(None)
    assert len(cases) > 1500
    for case in cases:
        data = case.model.SerializeToString()
        try:
            assert_equal(case.model, Parser(BytesSource(data), None).model())
            onnx_params.analyze(data).to_json()
        except Exception as error:
            raise AssertionError(case.name) from error


@pytest.mark.parametrize("name", LIGHT)
def test_published_counts(name: str) -> None:
    """Networks whose weights are made by ConstantOfShape have the number of parameters that their
    authors published.
    """
    assert LIGHT[name] == onnx_params.analyze(DATA / "light" / f"{name}.onnx").parameters
