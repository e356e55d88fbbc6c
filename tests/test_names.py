"""Names from the file alone: exports of real modules, as they are and post-processed, against
named_parameters().
"""

from __future__ import annotations

import json

import onnx.parser
import pytest
from support.artifacts import artifact, case
from support.process import called

import onnx_params
from onnx_params.idioms.onnxruntime import Hop, undo
from onnx_params.idioms.torchscript import real_name, scope_of
from onnx_params.idioms.wrappers import wrapper_prefix

# module, kind of artifact -> parameters that nothing in the file says any more
CASES = {
    ("lstm", "dynamo"): set(),
    ("lstm", "torchscript"): set(),
    ("lstm", "unoptimized"): set(),
    ("lstm", "dynamo+int8-dynamic"): set(),
    ("lstm", "torchscript+int8-dynamic"): set(),
    ("lstm", "torchscript+int4"): set(),
    ("gru", "dynamo"): set(),
    ("gru", "torchscript"): set(),
    ("rnn", "torchscript+ort-extended"): set(),
    ("conv-transpose", "dynamo"): set(),
    ("conv-transpose", "dynamo+int8-qdq"): set(),
    ("conv-transpose", "dynamo+int8-dynamic"): set(),
    # folded: no norm's name is left
    ("conv-transpose", "torchscript"): {"0.bias", "1.weight", "1.bias"},
    ("weight-norm", "dynamo"): set(),
    ("weight-norm", "torchscript"): set(),
    ("group-norm", "dynamo"): set(),
    ("group-norm", "torchscript"): set(),
    ("multihead-attention", "dynamo"): set(),
    ("multihead-attention", "dynamo+int4"): set(),
    ("shared-modules", "dynamo"): set(),
    ("prelu", "torchscript+ort-all"): set(),
    ("bert", "dynamo"): set(),
    ("bert", "dynamo+int8-qdq"): set(),
    # looked up at fixed places
    ("bert", "dynamo+ort-extended"): {
        "embeddings.token_type_embeddings.weight",
        "embeddings.position_embeddings.weight",
    },
    ("bert", "torchscript"): set(),
    ("bert", "torchscript+fp16"): set(),
    ("bert", "torchscript+int8-qoperator"): set(),
    ("llama", "torchscript+int4-qdq"): set(),
    ("llama", "torchscript+ort-extended"): set(),
}


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_names_come_back(name: str, kind: str) -> None:
    """Every parameter but those listed is a row with its name and shape; nothing certain
    is wrong.
    """
    model = case(name).model
    every = {other: tuple(p.shape) for other, p in model.named_parameters(remove_duplicate=False)}
    rows = onnx_params.analyze(artifact(name, kind)).rows
    assert [] == [
        row.name
        for row in rows
        if row.certain and (row.name not in every or row.shape not in (None, every[row.name]))
    ]
    back = {
        other for row in rows for other in (row.name, *row.aliases) if every.get(other) == row.shape
    }
    assert CASES[name, kind] == set(case(name).shapes) - back


@pytest.mark.parametrize(
    "name", ["lstm", "gru", "weight-norm", "group-norm", "conv-transpose", "bert"]
)
def test_dynamo_tables_are_whole_and_in_order(name: str) -> None:
    """The table is named_parameters() itself: all rows, in order."""
    assert list(case(name).shapes.items()) == [
        (row.name, row.shape) for row in onnx_params.analyze(artifact(name, "dynamo")).rows
    ]


def test_torchscript_rows_say_that_they_are_inferred() -> None:
    """A name that only a scope or a sibling implies is not certain; one that its scope
    confirms is.
    """
    rows = {row.name: row for row in onnx_params.analyze(artifact("bert", "torchscript")).rows}
    weight = rows["encoder.layer.0.output.dense.weight"]
    assert ("sibling", False, "transposed") == (weight.evidence, weight.certain, weight.view)
    bias = rows["encoder.layer.0.output.dense.bias"]
    assert ("stored-name", True, "whole") == (bias.evidence, bias.certain, bias.view)


def test_bytes_of_joined_parts_add_up() -> None:
    """The parts of an LSTM's tensors share their bytes: the rows' bytes are those of the
    tensors.
    """
    report = onnx_params.analyze(artifact("lstm", "torchscript"))
    assert (
        sum(tensor.n_bytes for tensor in report.inventory.parameter_tensors.values())
        == report.n_bytes
    )
    assert {32} == {round(row.bits_per_weight or 0) for row in report.rows}


@pytest.mark.parametrize(
    ("name", "hops"),
    [
        ("a.weight_quantized", [Hop("a.weight", False, False)]),
        ("val_37_Q4", [Hop("val_37", False, False)]),
        ("a.weight_DQ_Q4", [Hop("a.weight", False, False)]),
        (
            "a.weight_Transposed_quantized",
            [Hop("a.weight_Transposed", False, False), Hop("a.weight", True, False)],
        ),
        ("ConvBnFusion_W_a.weight", [Hop("a.weight", False, True)]),
        ("a.weight", []),
    ],
)
def test_hops(name: str, hops: list[Hop]) -> None:
    """Each convention of a post-processor is undone, one after the other."""
    assert hops == undo(name)


@pytest.mark.parametrize(
    ("node", "scope"),
    [
        ("/encoder/layer.0/attention/MatMul", "encoder.layer.0.attention"),
        ("/layers/layers.0/layers.0.1/Conv", "layers.0.1"),
        ("/query/MatMul/MatMulAddFusion", "query"),
        ("/MatMul", ""),
        ("node_MatMul_3", None),
    ],
)
def test_scopes(node: str, scope: str | None) -> None:
    """Module paths out of node names: containers that call their items once, fusions' own endings
    away.
    """
    text = '<ir_version: 8, opset_import: ["": 17]> g (float[2] x) => (float[2] y) {y = Relu(x)}'
    model = onnx.parser.parse_model(text)
    model.graph.node[0].name = node
    assert scope == scope_of(onnx_params.analyze(model).inventory.model.main.nodes[0])


def test_made_up_names() -> None:
    """Counters of values are no names, nor are post-processors' endings on them."""
    assert [None, None, None, None] == [
        real_name(name) for name in ("val_3", "onnx::MatMul_7", "val_3_Q4", "/a/b/Add_output_0")
    ]
    assert ["a.weight", "a.weight"] == [
        real_name(name) for name in ("a.weight", "a.weight_quantized")
    ]


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["module.a.weight", "module.b"], "module."),
        (["module._orig_mod.a", "module._orig_mod.b"], "module._orig_mod."),
        (["model.a", "b"], ""),
        (["encoder.a", "encoder.b"], ""),
        (["model"], ""),
        ([], ""),
    ],
)
def test_wrapper_prefix(names: list[str], prefix: str) -> None:
    """Only words that wrappers are known to put before every name, and never the whole of
    a name.
    """
    assert prefix == wrapper_prefix(names)


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_architecture_chosen_by_structure(name: str) -> None:
    """The model type, and the sizes of the artifact, by what an optimizer left of the names."""
    path = artifact(name, "dynamo+ort-extended")
    shown = called("analyze", str(path), "--like", "auto", "--format", "json")
    assert (0, "") == (shown.returncode, shown.stderr)
    report = json.loads(shown.stdout)
    assert f"the bare {name} of transformers" in report["notes"][0]
    found = {row["name"]: row["shape"] for row in report["parameters"]}
    assert {key: list(shape) for key, shape in case(name).shapes.items()}.items() <= found.items()
    assert not any(row["certain"] for row in report["parameters"])


def test_no_architecture_fits() -> None:
    """What transformers has nothing like is refused in a line."""
    plain = artifact("lstm", "dynamo")
    refused = called("analyze", str(plain), "--like", "auto")
    assert 2 == refused.returncode and refused.stderr.startswith("onnx-params: no architecture")


def test_architecture_names_what_nothing_else_does() -> None:
    """Without metadata the weights of a bias-free decoder have no names left; its architecture's
    order gives them, inferred.
    """
    from onnx_params.names.architecture import Expected

    path = artifact("llama", "dynamo+ort-extended")
    bare = onnx_params.analyze(path)
    assert 14 == sum(row.evidence == "none" for row in bare.rows)
    report = onnx_params.analyze(
        path, like=[Expected(name, shape) for name, shape in case("llama").shapes.items()]
    )
    assert list(case("llama").shapes.items()) == [(row.name, row.shape) for row in report.rows]
    assert {("architecture", False)} == {
        (row.evidence, row.certain) for row in report.rows if row.evidence not in ("stored-name",)
    }
    with pytest.raises(onnx_params.UsageError, match="does not fit"):
        onnx_params.analyze(path, like=[Expected("other.weight", (7, 7))])
