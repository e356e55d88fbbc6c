"""Artifacts that point into a checkpoint, and arrays for engines that take weights by name."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from safetensors.numpy import save_file
from support.applying import Files, run, stored
from support.graphs import Arrays, Chain, checkpoint, nbits
from support.process import called

import onnx_params
from onnx_params.applying.record import Way
from onnx_params.errors import UnreadableError, UnsupportedError, UsageError

X = {"x": np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)}
SHAPES = {
    "fc__weight": (32, 64),
    "fc__bias": (32,),
    "conv__weight": (16, 32, 1),
    "half__weight": (16, 16),
    "packed__weight": (8, 16),
}


def layers(path: Path, values: Arrays) -> Path:
    """A weight as it is, one transposed, one of another rank, one cast, one in 4 bits."""
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("onnx::MatMul_9", values["fc.weight"].T))
    chain.node("Add", chain.last, chain.keep("fc.bias", values["fc.bias"]))
    squeezed = values["conv.weight"].reshape(16, 32)
    chain.node("Gemm", chain.last, chain.keep("conv.weight", squeezed), transB=1)
    half = values["half.weight"].astype(np.float16)
    cast = chain.last
    chain.node("Cast", chain.keep("half.weight", half), to=1)
    chain.node("MatMul", cast, chain.last)
    nbits(chain, "packed.weight", values["packed.weight"])
    return chain.save(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, layers, **SHAPES)


def link(files: Files, **options: Any) -> onnx_params.Application:
    return onnx_params.link(
        files.model, files.weights, files.out, reference=files.reference, **options
    )


def outside(path: Path) -> dict[str, str]:
    """Initializers that point into a file, with its name."""
    return {
        tensor.name: next(each.value for each in tensor.external_data if each.key == "location")
        for tensor in onnx.load(path, load_external_data=False).graph.initializer
        if tensor.external_data
    }


def test_initializers_point_into_the_checkpoint(files: Files) -> None:
    """As they are, and through nodes; what is packed is written; it does what a fresh export of
    those weights does.
    """
    done = link(files)
    ways = {row.name: row.way for row in done.rows}
    assert Way.QUANTIZED == ways.pop("packed.weight")
    assert {Way.LINKED} == set(ways.values())
    assert {"new.safetensors"} == set(outside(files.out).values())
    added = [node.op_type for node in onnx.load(files.out).graph.node[:3]]
    assert {"Transpose", "Reshape", "Cast"} == set(added)
    assert run(files.fresh(), X)[0].tobytes() == run(files.out, X)[0].tobytes()


def test_another_checkpoint_in_its_place(files: Files) -> None:
    """A file of the same layout under that name is another model, without a new link."""
    link(files, materialize=False)
    before = run(files.out, X)[0]
    other = {name: values * 2 for name, values in files.new.items()}
    other["packed.weight"] = files.new["packed.weight"]
    checkpoint(files.weights, **other)
    after = run(files.out, X)[0]
    assert not np.array_equal(before, after)
    fresh = files.build(files.folder / "other.onnx", other)
    assert np.allclose(run(fresh, X)[0], after, rtol=1e-5)


def test_other_layouts_can_be_written(files: Files) -> None:
    """``materialize`` adds no node."""
    link(files, materialize=True)
    assert {"fc.bias"} == set(outside(files.out))
    nodes = [len(onnx.load(path).graph.node) for path in (files.model, files.out)]
    assert nodes[0] == nodes[1]
    assert run(files.fresh(), X)[0].tobytes() == run(files.out, X)[0].tobytes()


def test_a_checkpoint_of_several_files(files: Files) -> None:
    """Each tensor is found in its own file, below the folder of the result."""
    folder = files.folder / "shards"
    folder.mkdir()
    names = list(files.new)
    for at, part in enumerate((names[:2], names[2:])):
        save_file({name: files.new[name] for name in part}, folder / f"{at}.safetensors")
    where = {name: f"{int(at > 1)}.safetensors" for at, name in enumerate(names)}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    files.weights = index
    link(files)
    assert {"shards/0.safetensors", "shards/1.safetensors"} == set(outside(files.out).values())
    assert run(files.fresh(), X)[0].tobytes() == run(files.out, X)[0].tobytes()


def test_external_data_that_is_left_is_kept_inside(files: Files) -> None:
    """The result needs the checkpoint alone."""
    path = files.folder / "outside.onnx"
    onnx.save(
        onnx.load(files.model),
        path,
        save_as_external_data=True,
        location="outside.data",
        size_threshold=0,
    )
    files.model = path
    link(files)
    os.unlink(files.folder / "outside.data")
    assert {"new.safetensors"} == set(outside(files.out).values())
    assert run(files.fresh(), X)[0].tobytes() == run(files.out, X)[0].tobytes()


def test_a_checkpoint_elsewhere_is_refused(files: Files, tmp_path: Path) -> None:
    """Runtimes read no data outside the model's folder."""
    files.out = tmp_path / "elsewhere" / "out.onnx"
    files.out.parent.mkdir()
    with pytest.raises(UsageError, match="beside the checkpoint"):
        link(files)
    np.savez(tmp_path / "new.npz", **files.new)
    files.weights = tmp_path / "new.npz"
    with pytest.raises((UsageError, UnsupportedError), match=r"no safetensors file|no parameter"):
        link(files)
    assert [] == os.listdir(files.out.parent)


def test_nothing_to_point_at_is_refused(tmp_path: Path) -> None:
    def build(path: Path, values: Arrays) -> Path:
        chain = Chain()
        nbits(chain, "packed.weight", values["packed.weight"])
        return chain.save(path)

    files = Files(tmp_path, build, packed__weight=(8, 64))
    with pytest.raises(UnsupportedError, match="no parameter of it is stored as"):
        link(files)
    assert not files.out.exists()


def test_inputs_are_never_overwritten(files: Files) -> None:
    for path in (files.model, files.weights, files.reference):
        files.out = path
        with pytest.raises(UsageError, match="is an input"):
            link(files)


# engines


def emit(files: Files, engine: str, output: Path) -> onnx_params.Emission:
    return onnx_params.emit(engine, files.model, files.weights, output, reference=files.reference)


def arrays_of(folder: Path) -> dict[str, ort.OrtValue]:
    """The arrays that were written, by the names of their initializers."""
    rows = json.loads((folder / "manifest.json").read_text())["tensors"]
    return {
        row["name"]: ort.OrtValue.ortvalue_from_numpy(np.load(folder / row["file"])) for row in rows
    }


@pytest.mark.parametrize("is_external", [False, True])
def test_sessions_take_initializers(files: Files, is_external: bool) -> None:
    """onnxruntime loads the old artifact with the new arrays, and does what a fresh export does:
    embedded ones where nothing was optimized with the old, external ones in any case.
    """
    if is_external:
        path = files.folder / "outside.onnx"
        onnx.save(
            onnx.load(files.model), path, save_as_external_data=True, location="d", size_threshold=0
        )
        files.model = path
    emit(files, "ort-initializers", files.folder / "arrays")
    arrays = arrays_of(files.folder / "arrays")
    options = ort.SessionOptions()
    if is_external:
        options.add_external_initializers(list(arrays), list(arrays.values()))
    else:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        for name, value in arrays.items():
            options.add_initializer(name, value)
    session = ort.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
    assert np.allclose(run(files.fresh(), X)[0], session.run(None, X)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ["trt-refit", "ort-initializers"])
def test_arrays_are_those_of_a_fresh_export(files: Files, engine: str) -> None:
    """By the names of the artifact, in its layouts and types; the manifest says of what they are
    made.
    """
    folder = files.folder / "arrays"
    made = emit(files, engine, folder)
    fresh = stored(files.fresh())
    assert set(fresh) == {each.name for each in made.tensors}
    for each in made.tensors:
        got = np.load(folder / each.file)
        assert (fresh[each.name].dtype, fresh[each.name].tobytes()) == (got.dtype, got.tobytes())
    turned = next(each for each in made.tensors if each.name == "onnx::MatMul_9")
    name, place = turned.parameters[0]
    assert ("fc.weight", ["permute"]) == (name, [step["step"] for step in place["steps"]])


def test_places_alone(files: Files) -> None:
    """``json`` writes no array."""
    emit(files, "json", files.folder / "places.json")
    document = json.loads((files.folder / "places.json").read_text())
    assert "onnx-params/emit/1" == document["schema"]
    assert {None} == {row["file"] for row in document["tensors"]}


def test_a_folder_that_is_not_empty_is_refused(files: Files) -> None:
    with pytest.raises(UnreadableError, match="is not empty"):
        emit(files, "trt-refit", files.folder)
    with pytest.raises(UsageError, match="there are trt-refit"):
        emit(files, "tvm", files.folder / "x")


def test_command_line(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each verb answers in a line or a table, and fails in one line with status 2."""
    monkeypatch.chdir(files.folder)
    shutil.copy(files.reference, "old2.safetensors")
    words = ["model.onnx", "new.safetensors", "--reference", "old.safetensors"]
    done = called("link", *words, "-o", "linked.onnx")
    assert (0, "") == (done.returncode, done.stderr)
    assert "proved by an audit: 1 quantized, 4 linked" in done.stdout
    done = called("emit", "ort-initializers", *words, "-o", "arrays")
    assert (0, "arrays: 6 stored tensors for ort-initializers\n") == (done.returncode, done.stdout)
    for verb in (["link"], ["emit", "json"]):
        done = called(*verb, "model.onnx", "none.safetensors", "-o", "x")
        assert (2, 1) == (done.returncode, done.stderr.count("\n"))
