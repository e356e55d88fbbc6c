"""Names written back and the state dict taken out: outputs stay the same, values are the
framework's own.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file
from support.artifacts import artifact, case
from support.process import run

import onnx_params
from onnx_params.extraction.extract import extract
from onnx_params.extraction.restore import restore, write_map


def outputs(path: Path, name: str) -> list[np.ndarray]:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    return session.run(
        None, {key: value.numpy() for key, value in case(name).inputs.items() if key in wanted}
    )


SAME = [
    ("bert", "dynamo"),
    ("bert", "torchscript"),
    ("lstm", "torchscript"),
    ("bert", "torchscript+int8-dynamic"),
    ("llama", "torchscript+int4"),
]


def _named(report: onnx_params.Report) -> list[tuple[object, ...]]:
    """What is said of each parameter that has a name, but for where that comes from and lies."""
    return [
        (row.name, row.shape, row.count, row.dtype, row.n_bytes, row.certain, row.view)
        for row in report.rows
        if row.evidence != "none"
    ]


@pytest.mark.parametrize(("name", "kind"), SAME)
def test_restored_artifact_does_the_same(tmp_path: Path, name: str, kind: str) -> None:
    """The restored artifact passes the checker, gives the same bits, and reads back with the same
    rows.
    """
    path = artifact(name, kind)
    before = onnx_params.analyze(path)
    done = restore(before.inventory, str(tmp_path / "restored.onnx"))
    onnx.checker.check_model(str(tmp_path / "restored.onnx")) if "+" not in kind else None
    for expected, got in zip(
        outputs(path, name), outputs(tmp_path / "restored.onnx", name), strict=True
    ):
        assert expected.tobytes() == got.tobytes()
    after = onnx_params.analyze(tmp_path / "restored.onnx")
    assert _named(before) == _named(after)
    names = {tensor.name for tensor in after.inventory.model.tensors}
    assert set(done.renamed.values()) <= names and not set(done.renamed) & names


def test_every_weight_of_a_torchscript_export_is_renamed(tmp_path: Path) -> None:
    """All names are the parameters' own where each lies in a tensor of its own."""
    restore(
        onnx_params.analyze(artifact("bert", "torchscript")).inventory, str(tmp_path / "x.onnx")
    )
    names = {tensor.name for tensor in onnx.load(tmp_path / "x.onnx").graph.initializer}
    assert set(case("bert").shapes) <= names


def test_external_data_is_kept(tmp_path: Path) -> None:
    """Data beside the model is copied to the other folder, and the restored model runs there."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    onnx.save(
        onnx.load(artifact("bert", "torchscript")),
        tmp_path / "a" / "m.onnx",
        save_as_external_data=True,
        location="m.data",
        size_threshold=0,
    )
    report = onnx_params.analyze(tmp_path / "a" / "m.onnx")
    restore(report.inventory, str(tmp_path / "b" / "m.onnx"))
    assert (tmp_path / "a" / "m.data").read_bytes() == (tmp_path / "b" / "m.data").read_bytes()
    assert (
        outputs(tmp_path / "a" / "m.onnx", "bert")[0].tobytes()
        == outputs(tmp_path / "b" / "m.onnx", "bert")[0].tobytes()
    )
    with pytest.raises(onnx_params.UnreadableError, match="already exists"):
        restore(report.inventory, str(tmp_path / "b" / "n.onnx"))


def test_names_that_are_taken_stay(tmp_path: Path) -> None:
    """A name that another value has, an input's, and one inside a subgraph are left alone, with the
    reason.
    """
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[2,3] x, float[3,3] "onnx::MatMul_9") => (float[2,3] y)
    <float[3,3] "onnx::MatMul_9" = {1,2,3,4,5,6,7,8,9}, float[3] "fc.bias" = {1,2,3}> {
      ["/fc/MatMul"] h = MatMul(x, "onnx::MatMul_9") ["/fc/Add"] y = Add("fc.bias", h) }"""
    report = onnx_params.analyze(onnx.parser.parse_model(text))
    done = restore(report.inventory, str(tmp_path / "x.onnx"))
    assert ({}, "it is an input or output of the model") == (done.renamed, done.kept[0][1])


def test_the_map_alone(tmp_path: Path) -> None:
    """A source map beside the artifact gives the same rows, and what was inferred stays so."""
    path = artifact("bert", "torchscript")
    before = onnx_params.analyze(path)
    write_map(before.inventory, str(tmp_path / "map.json"))
    after = onnx_params.analyze(path, reference=tmp_path / "map.json")
    assert [(row.name, row.shape, row.certain) for row in before.rows] == [
        (row.name, row.shape, row.certain) for row in after.rows
    ]
    assert {"source-map"} == {row.evidence for row in after.rows}
    assert "onnx-params/source-map/1" == json.loads((tmp_path / "map.json").read_text())["schema"]


def test_inference_is_not_laundered(tmp_path: Path) -> None:
    """Restoring what was inferred does not make it certain in the restored file."""
    restore(
        onnx_params.analyze(artifact("lstm", "torchscript")).inventory, str(tmp_path / "x.onnx")
    )
    rows = onnx_params.analyze(tmp_path / "x.onnx").rows
    assert not any(row.certain for row in rows if row.name.startswith("rnn."))


STRICT = [(name, kind) for name in ("lstm", "bert") for kind in ("dynamo", "torchscript")]
STRICT += [("gru", "dynamo"), ("gpt2", "torchscript"), ("vit", "unoptimized")]


@pytest.mark.parametrize(("name", "kind"), STRICT)
def test_torch_loads_what_was_extracted(tmp_path: Path, name: str, kind: str) -> None:
    """Without folding the state dict comes back whole: to the bit, and strict loading takes it."""
    done = extract(
        onnx_params.analyze(artifact(name, kind)).inventory, str(tmp_path / "x.safetensors")
    )
    assert () == done.left
    got, true = load_file(tmp_path / "x.safetensors"), case(name).model.state_dict()
    assert set(true) == set(got)
    assert [] == [key for key, value in true.items() if not torch.equal(value, got[key])]
    case(name).model.load_state_dict(got, strict=True)


def test_a_folded_norm_is_reported_not_invented(tmp_path: Path) -> None:
    """Batch norms and the convolutions into which they were folded are left out, each with the
    reason.
    """
    with pytest.raises(onnx_params.UsageError, match="batch norm was folded"):
        extract(
            onnx_params.analyze(artifact("conv-transpose", "dynamo")).inventory,
            str(tmp_path / "x.safetensors"),
        )
    assert [] == list(tmp_path.iterdir())


def test_rounded_values_only_when_asked(tmp_path: Path) -> None:
    """int8 weights are not the original: they are written with --dequantize only, near the original
    then.
    """
    inventory = onnx_params.analyze(artifact("bert", "dynamo+int8-dynamic")).inventory
    done = extract(inventory, str(tmp_path / "x.safetensors"))
    assert 16 == len(done.left) and all("rounded" in reason for _, reason in done.left)
    done = extract(inventory, str(tmp_path / "y.safetensors"), dequantize=True)
    got = load_file(tmp_path / "y.safetensors")
    assert (16, ()) == (len(done.lossy), done.left)
    for name, value in case("bert").model.named_parameters():
        assert (value - got[name]).abs().max() < 0.01 * max(1.0, float(value.abs().max()))


def test_nothing_is_left_half(tmp_path: Path) -> None:
    """Where values are missing, there is an error and no file."""
    onnx.save(
        onnx.load(artifact("lstm", "dynamo")),
        tmp_path / "m.onnx",
        save_as_external_data=True,
        location="m.data",
        size_threshold=0,
    )
    (tmp_path / "m.data").unlink()
    with pytest.raises(onnx_params.MissingDataError):
        extract(onnx_params.analyze(tmp_path / "m.onnx").inventory, str(tmp_path / "x.safetensors"))
    assert ["m.onnx"] == [path.name for path in tmp_path.iterdir()]


def test_command_lines(tmp_path: Path) -> None:
    """restore and extract print what they did; status 1 where something could not be had back."""
    path = str(artifact("bert", "torchscript"))
    done = run("restore", path, "-o", str(tmp_path / "r.onnx"), "--map", str(tmp_path / "r.json"))
    assert 0 == done.returncode and "12 stored tensors renamed" in done.stdout
    assert 2 == run("restore", path).returncode
    done = run("extract", path, "-o", str(tmp_path / "x.safetensors"))
    assert 0 == done.returncode and "39 tensors; 0 could not be had back" in done.stdout
    done = run(
        "extract", str(artifact("weight-norm", "dynamo")), "-o", str(tmp_path / "y.safetensors")
    )
    assert 1 == done.returncode and "0.parametrizations.weight.original0: " in done.stdout
    assert 2 == run("extract", path, "-o", str(tmp_path / "none" / "x.safetensors")).returncode
    assert 0 == run("analyze", path, "--reference", str(case("bert").checkpoint)).returncode
    assert 2 == run("analyze", path, "--reference", str(tmp_path / "nothing")).returncode
