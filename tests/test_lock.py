"""A lock says what an artifact is; locating one against it says a change of values from a rename
and a re-save.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from onnx import numpy_helper
from support.artifacts import artifact
from support.models import ZOO
from support.process import run

from onnx_params.errors import FormatError
from onnx_params.locking.document import read_lock
from onnx_params.locking.lock import lock
from onnx_params.locking.verify import differences
from onnx_params.render.lock import to_json


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(artifact("lstm", "torchscript").read_bytes())
    return path


def edited(path: Path, change: object) -> Path:
    loaded = onnx.load(path)
    change(loaded)  # type: ignore[operator]
    target = path.with_name("edited.onnx")
    onnx.save(loaded, target)
    return target


def test_digests_are_of_values(model: Path) -> None:
    """Each digest is SHA-256 of the little-endian values, as anyone computes it."""
    held = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(model).graph.initializer
    }
    for tensor in lock(str(model)).tensors:
        if tensor.name in held:
            assert (
                hashlib.sha256(np.ascontiguousarray(held[tensor.name]).tobytes()).hexdigest()
                == tensor.sha256
            )


def test_same(model: Path, tmp_path: Path) -> None:
    assert 0 == run("lock", str(model), "-o", str(tmp_path / "l.json")).returncode
    done = run("verify", str(model), str(tmp_path / "l.json"))
    assert 0 == done.returncode and "exactly that" in done.stdout


def test_round_trip(model: Path, tmp_path: Path) -> None:
    made = lock(str(model))
    (tmp_path / "l.json").write_text(to_json(made))
    assert to_json(read_lock(str(tmp_path / "l.json"))) == to_json(made)


def test_saved_again(model: Path) -> None:
    """Another encoding, external data, other metadata: said to be just that."""
    before = lock(str(model))

    def as_numbers(loaded: onnx.ModelProto) -> None:
        for tensor in loaded.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                values = numpy_helper.to_array(tensor)
                tensor.ClearField("raw_data")
                tensor.float_data.extend(values.reshape(-1).tolist())
        loaded.metadata_props.add(key="note", value="x")

    outcome = differences(before, lock(str(edited(model, as_numbers))))
    assert outcome.same and not outcome.renamed and outcome.saved_again
    loaded = onnx.load(model)
    target = model.with_name("external.onnx")
    onnx.save(loaded, target, save_as_external_data=True, location="e.data", size_threshold=0)
    assert differences(before, lock(str(target))).same


def test_renamed(model: Path) -> None:
    """Every name in the graph anew, but for inputs and outputs."""

    def rename(loaded: onnx.ModelProto) -> None:
        kept = {value.name for value in (*loaded.graph.input, *loaded.graph.output)}
        new = lambda name: name if name in kept or not name else f"r_{name}"  # noqa: E731
        for tensor in loaded.graph.initializer:
            tensor.name = new(tensor.name)
        for node in loaded.graph.node:
            node.input[:] = map(new, node.input)
            node.output[:] = map(new, node.output)
            node.name = f"n_{node.name}"
        del loaded.graph.value_info[:]

    outcome = differences(lock(str(model)), lock(str(edited(model, rename))))
    assert outcome.same and len(outcome.renamed) > 4
    done = run("verify", str(model.with_name("edited.onnx")), str(_written(model)))
    assert 0 == done.returncode and "renamed, every value as it was" in done.stdout


def _written(model: Path) -> Path:
    target = model.with_name("l.json")
    target.write_text(to_json(lock(str(model))))
    return target


def test_changed(model: Path) -> None:
    """One bit, an attribute, a missing node, two tensors exchanged: named, status 1."""
    before = lock(str(model))

    def bit(loaded: onnx.ModelProto) -> None:
        tensor = next(t for t in loaded.graph.initializer if t.name == "embed.weight")
        data = bytearray(tensor.raw_data)
        data[0] ^= 1
        tensor.raw_data = bytes(data)

    assert ("embed.weight: other values",) == differences(
        before, lock(str(edited(model, bit)))
    ).changed

    def attribute(loaded: onnx.ModelProto) -> None:
        next(node for node in loaded.graph.node if node.op_type == "LSTM").attribute[0].Clear()

    assert differences(before, lock(str(edited(model, attribute)))).structure_differs

    def exchange(loaded: onnx.ModelProto) -> None:
        shapes = [tuple(t.dims) for t in loaded.graph.initializer]
        same = [
            t
            for t in loaded.graph.initializer
            if len(t.dims) == 3 and shapes.count(tuple(t.dims)) > 1
        ]
        assert len(same) > 1
        for node in loaded.graph.node:
            node.input[:] = [
                {same[0].name: same[-1].name, same[-1].name: same[0].name}.get(name, name)
                for name in node.input
            ]

    assert not differences(before, lock(str(edited(model, exchange)))).same
    done = run("verify", str(model.with_name("edited.onnx")), str(_written(model)))
    assert 1 == done.returncode and "DIFFERENT" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"schema": "onnx-params/lock/9"}',
        '{"schema": "onnx-params/lock/1", "tensors": 3}',
    ],
)
def test_no_lock(model: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "l.json").write_text(text)
    with pytest.raises(FormatError):
        read_lock(str(tmp_path / "l.json"))
    done = run("verify", str(model), str(tmp_path / "l.json"))
    assert 2 == done.returncode and 1 == done.stderr.count("\n")


def test_cyclonedx_is_valid(model: Path, tmp_path: Path) -> None:
    """By the official library's strict schema; the same artifact gives the same document; digests
    are in it.
    """
    text = run("lock", str(model), "--format", "cyclonedx").stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert text == run("lock", str(model), "--format", "cyclonedx").stdout
    component = json.loads(text)["components"][0]
    assert {t.sha256 for t in lock(str(model)).tensors} == {
        part["hashes"][0]["content"] for part in component["components"]
    }
    broken = text.replace('"SHA-256"', '"CRC32"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


@pytest.mark.parametrize("path", sorted(ZOO.glob("*.onnxtxt")), ids=lambda path: path.stem)
def test_every_model_of_the_zoo_can_be_locked(path: Path, tmp_path: Path) -> None:
    """Subgraphs, functions, odd types: locked, written, read, and held against themselves."""
    target = tmp_path / "m.onnx"
    onnx.save(onnx.parser.parse_model(path.read_text()), target)
    (tmp_path / "l.json").write_text(to_json(lock(str(target))))
    assert differences(read_lock(str(tmp_path / "l.json")), lock(str(target))).same
