"""Names by a checkpoint: every parameter is accounted for, every match is proved, and what is not
so is not claimed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file
from support.artifacts import artifact, case

import onnx_params
from onnx_params.inventory.values import values_of

# what is left of each parameter: view -> how many, for the cases that show them
VIEWS = {
    ("lstm", "dynamo"): {"reordered": 16, "whole": 2, "transposed": 1},
    ("lstm", "torchscript"): {"reordered": 16, "whole": 2, "transposed": 1},
    ("conv-transpose", "dynamo"): {"folded": 8},
    ("conv-transpose", "torchscript+ort-all"): {"folded": 8},
    ("weight-norm", "dynamo"): {"folded": 4, "whole": 2},
    ("bert", "torchscript+fp16"): {"cast": 39},
    ("bert", "dynamo+ort-extended"): {"whole": 25, "transposed": 12, "sliced": 2},
    ("bert", "torchscript+int8-dynamic"): {"whole": 23, "dequantized": 16},
    ("bert", "dynamo+int8-qdq"): {"dequantized": 39},
    ("bert", "dynamo+int4"): {"whole": 27, "unpacked": 12},
    ("multihead-attention", "dynamo"): {"whole": 6, "transposed": 1},
}


@pytest.mark.parametrize(("name", "kind"), VIEWS)
def test_everything_is_accounted_for(name: str, kind: str) -> None:
    """Each parameter of the checkpoint is a row under its name and shape, with the view that was
    proved.
    """
    report = onnx_params.analyze(artifact(name, kind), reference=case(name).checkpoint)
    assert set(case(name).shapes.items()) == {(row.name, row.shape) for row in report.rows}
    counted: dict[str, int] = {}
    for claim in report.inventory.parameters:
        counted[claim.view.value] = counted.get(claim.view.value, 0) + 1
    assert VIEWS[name, kind] == counted
    assert len(report.inventory.parameter_tensors) + len(report.inventory.others) == len(
        report.inventory.classified
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lstm", "dynamo"),
        ("bert", "dynamo"),
        ("multihead-attention", "dynamo"),
        ("gru", "torchscript"),
    ],
)
def test_views_give_the_values(name: str, kind: str) -> None:
    """The steps of every exact row lead to the checkpoint's bits."""
    true = load_file(case(name).checkpoint)
    inventory = onnx_params.analyze(artifact(name, kind), reference=case(name).checkpoint).inventory
    for claim in inventory.parameters:
        assert np.array_equal(true[claim.name], values_of(inventory, claim)), claim.name


def test_every_form_of_checkpoint(tmp_path: Path) -> None:
    """safetensors, a torch zip, an npz and a folder give the same rows; a torch zip also
    the order.
    """
    arrays = load_file(case("lstm").checkpoint)
    torch.save(case("lstm").model.state_dict(), tmp_path / "model.bin")
    np.savez(tmp_path / "model.npz", **arrays)
    (tmp_path / "folder").mkdir()
    save_file(arrays, tmp_path / "folder" / "model.safetensors")
    path = artifact("lstm", "torchscript")
    expected = {
        row.name: row for row in onnx_params.analyze(path, reference=case("lstm").checkpoint).rows
    }
    for reference in (tmp_path / "model.bin", tmp_path / "model.npz", tmp_path / "folder"):
        assert expected == {
            row.name: row for row in onnx_params.analyze(path, reference=reference).rows
        }
    assert list(case("lstm").shapes) == [
        row.name for row in onnx_params.analyze(path, reference=tmp_path / "model.bin").rows
    ]


def changed(path: Path, name: str, change: object, target: Path) -> Path:
    """The artifact with one stored tensor changed."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == name:
            values = numpy_helper.to_array(tensor).copy()
            assert callable(change)
            tensor.CopyFrom(numpy_helper.from_array(change(values), name))
    onnx.save(model, target)
    return target


def test_one_flipped_bit_is_no_match(tmp_path: Path) -> None:
    """A weight of which one bit differs is not claimed to be the reference's; all others are."""

    def flip(values: np.ndarray) -> np.ndarray:
        values.reshape(-1).view(np.uint32)[7] ^= 1 << 22
        return values

    name = "encoder.layer.1.output.dense.bias"
    path = changed(artifact("bert", "dynamo"), name, flip, tmp_path / "x.onnx")
    rows = {
        row.name: row for row in onnx_params.analyze(path, reference=case("bert").checkpoint).rows
    }
    assert ("changed", False) == (rows[name].view, rows[name].certain)
    assert {"whole", "transposed"} == {row.view for row in rows.values() if row.name != name}


def test_swapped_layers_are_named_by_content(tmp_path: Path) -> None:
    """Two weights that changed places bear the names of their values, not of their places."""
    model = onnx.load(artifact("bert", "unoptimized"))
    one, two = (
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.1.attention.self.query.weight",
    )
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    tensors[one].name, tensors[two].name = two, one
    onnx.save(model, tmp_path / "x.onnx")
    rows = {
        row.name: row
        for row in onnx_params.analyze(tmp_path / "x.onnx", reference=case("bert").checkpoint).rows
    }
    assert ((two,), (one,)) == (rows[one].stored, rows[two].stored)


def test_equal_tensors_are_settled_and_marked(tmp_path: Path) -> None:
    """Equal tensors: a name of its own settles which is which; without one, order does, and the row
    is not certain.
    """
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[2,4] x) => (float[2,4] y)
    <float[4] {0} = {1.0625, 2.1875, 3.3125, 4.4375}, float[4] {1} = {1.0625, 2.1875, 3.3125, 4.4375}>
    {h = Mul(x, {0}) y = Mul(h, {1})}"""
    arrays = {
        "a.weight": np.arange(1, 5, dtype=np.float32) * 1.125 - 0.0625,
        "b.weight": np.arange(1, 5, dtype=np.float32) * 1.125 - 0.0625,
    }
    save_file(arrays, tmp_path / "w.safetensors")
    for names, sure in ((("a.weight", "b.weight"), True), (("val_1", "val_2"), False)):
        model = onnx.parser.parse_model(
            text.replace("{0}", f'"{names[0]}"')
            .replace("{1}", f'"{names[1]}"')
            .replace("= {1", "= {1")
        )
        rows = onnx_params.analyze(model, reference=tmp_path / "w.safetensors").rows
        assert [("a.weight", (names[0],), sure), ("b.weight", (names[1],), sure)] == [
            (row.name, row.stored, row.certain) for row in rows
        ]


def test_prefix_of_a_larger_model(tmp_path: Path) -> None:
    """A checkpoint of the model with a head has a prefix and more: its names win, and what the
    artifact lacks is said.
    """
    arrays = {f"bert.{name}": values for name, values in load_file(case("bert").checkpoint).items()}
    save_file(
        {**arrays, "cls.predictions.bias": np.ones(99, np.float32)}, tmp_path / "w.safetensors"
    )
    report = onnx_params.analyze(artifact("bert", "dynamo"), reference=tmp_path / "w.safetensors")
    rows = {row.name: row for row in report.rows}
    assert {f"bert.{name}" for name in case("bert").shapes} < set(rows)
    assert ("dropped", False) == (
        rows["cls.predictions.bias"].view,
        rows["cls.predictions.bias"].certain,
    )


def test_another_models_checkpoint_matches_nothing(tmp_path: Path) -> None:
    """Random weights of the same shapes: refused, and an audit says that all is changed."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.normal(size=values.shape).astype(np.float32)
        for name, values in load_file(case("bert").checkpoint).items()
    }
    save_file(arrays, tmp_path / "w.safetensors")
    for kind in ("dynamo", "torchscript+int8-dynamic", "dynamo+int4"):
        with pytest.raises(onnx_params.UsageError, match="0 of its 39 tensors are in"):
            onnx_params.analyze(artifact("bert", kind), reference=tmp_path / "w.safetensors")
        done = onnx_params.audit(artifact("bert", kind), reference=tmp_path / "w.safetensors")
        assert not done.passed
        assert {"changed", "missing", "not comparable", "extra"} >= set(done.verdicts)


def test_missing_data_says_so(tmp_path: Path) -> None:
    """Values that are not there cannot be compared: an error that names the file."""
    model = onnx.load(artifact("lstm", "dynamo"))
    onnx.save(
        model, tmp_path / "x.onnx", save_as_external_data=True, location="x.data", size_threshold=0
    )
    (tmp_path / "x.data").unlink()
    with pytest.raises(onnx_params.MissingDataError, match=r"x\.data"):
        onnx_params.analyze(tmp_path / "x.onnx", reference=case("lstm").checkpoint)
