"""Nothing of the user's is lost, and whatever is in a file, the answer is one line and status 2."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.artifacts import artifact, case
from support.fuzzing import attempt_verbs, mutate, seeds
from support.models import parsed
from support.process import run

import onnx_params
from onnx_params.extraction.extract import extract
from onnx_params.extraction.restore import restore, write_map
from onnx_params.inventory.opening import open_artifact

VERBS = (
    "analyze --stats",
    "audit",
    "lock",
    "extract -o out.safetensors --dequantize",
    "compare other.onnx",
)


def saved(path: Path, nodes: list[onnx.NodeProto], tensors: list[TensorProto]) -> Path:
    """A model of these nodes from ``x`` to ``y``."""
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], tensors)
    onnx.save(
        helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)],
        ),
        path,
    )
    return path


def numbers_as_text(path: Path) -> Path:
    """A Constant whose ``value_strings`` is a number on the wire."""
    node = helper.make_node("Constant", [], ["c"], value_strings=["abc"])
    data = node.attribute[0].SerializeToString()
    node.attribute[0].ParseFromString(data.replace(b"J\x03abc", b"H\x05"))
    return saved(path, [node, helper.make_node("Identity", ["x"], ["y"])], [])


def seven_scales(path: Path) -> Path:
    """A DequantizeLinear of [32, 64] with 7 scales."""
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    return saved(
        path,
        nodes,
        [
            numpy_helper.from_array(np.ones((32, 64), np.int8), "w"),
            numpy_helper.from_array(np.ones(7, np.float32), "s"),
        ],
    )


def short_bytes(path: Path) -> Path:
    """A MatMulNBits whose scales are those of another shape."""
    node = helper.make_node(
        "MatMulNBits",
        ["x", "w", "s"],
        ["y"],
        domain="com.microsoft",
        K=64,
        N=8,
        bits=4,
        block_size=16,
    )
    packed, scales = np.ones((8, 4, 8), np.uint8), np.ones(5, np.float32)
    return saved(
        path, [node], [numpy_helper.from_array(packed, "w"), numpy_helper.from_array(scales, "s")]
    )


def sparse_out_of_reach(path: Path) -> Path:
    """A sparse tensor of rank 2 with indices of rank 3."""
    values = numpy_helper.from_array(np.ones(2, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros((2, 3), np.int64), "i")
    saved(path, [helper.make_node("MatMul", ["x", "w"], ["y"])], [])
    model = onnx.load(path)
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 4]))
    onnx.save(model, path)
    return path


def sparse_of_no_type(path: Path) -> Path:
    """A sparse tensor whose values have no element type."""
    sparse_out_of_reach(path)
    model = onnx.load(path)
    model.graph.sparse_initializer[0].values.data_type = onnx.TensorProto.UNDEFINED
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    "broken", [seven_scales, short_bytes, sparse_out_of_reach, sparse_of_no_type, numbers_as_text]
)
@pytest.mark.parametrize("verb", VERBS)
def test_broken_values_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: object, verb: str
) -> None:
    """Values that do not fit together are refused in one line with status 2, or found by a rule of
    the audit; never a traceback.
    """
    monkeypatch.chdir(tmp_path)
    broken(tmp_path / "m.onnx")  # type: ignore[operator]
    onnx.save(parsed("mlp"), tmp_path / "other.onnx")
    word, *options = verb.split()
    done = run(word, "m.onnx", *options)
    assert "Traceback" not in done.stderr and "please report" not in done.stderr
    assert done.returncode in (
        (0, 1) if "scale-shape" in done.stdout or not done.stderr else (2,)
    ), done.stderr
    assert done.stderr.count("\n") <= 1


def test_stats_of_seven_scales(tmp_path: Path) -> None:
    """The message names the file, the tensor and what is wrong."""
    done = run("analyze", "--stats", str(seven_scales(tmp_path / "m.onnx")))
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert "m.onnx: tensor 'w': its values cannot be evaluated" in done.stderr


def test_permutation_of_a_wrong_rank(tmp_path: Path) -> None:
    """A source map that permutes three axes of a matrix is refused where values are read."""
    model = parsed("mlp")
    row = {
        "name": "fc.weight",
        "shape": [4, 3],
        "dtype": "float32",
        "pieces": [{"stored": {"graph": "", "name": "fc.weight"}, "steps": []}],
    }
    row["pieces"][0]["steps"] = [{"step": "permute", "axes": [0, 2, 1]}]  # type: ignore[index]
    text = json.dumps({"schema": "onnx-params/source-map/1", "parameters": [row], "buffers": []})
    model.metadata_props.add(key="onnx-params.source-map", value=text)
    onnx.save(model, tmp_path / "m.onnx")
    done = run("extract", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "x.safetensors"))
    assert "Traceback" not in done.stderr and done.returncode in (0, 1, 2)
    done = run("analyze", "--verify", str(tmp_path / "m.onnx"))
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))


def test_zero_size_tensor_in_a_checkpoint(tmp_path: Path) -> None:
    """Tensors without elements, of any rank, are answered like others."""
    onnx.save(parsed("mlp"), tmp_path / "m.onnx")
    shapes = ([0], [0, 3], [3, 0], [2, 0, 4])
    header = {
        f"empty.{at}": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
        for at, shape in enumerate(shapes)
    }
    text = json.dumps(header).encode()
    (tmp_path / "c.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    for words in (("analyze", "--reference"), ("audit", "--reference")):
        done = run(words[0], str(tmp_path / "m.onnx"), words[1], str(tmp_path / "c.safetensors"))
        assert "Traceback" not in done.stderr and "please report" not in done.stderr


def test_chart_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """One line, status 2."""
    onnx.save(parsed("mlp"), tmp_path / "m.onnx")
    done = run(
        "analyze", str(tmp_path / "m.onnx"), "--chart", str(tmp_path / "nowhere" / "pie.png")
    )
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert "cannot be written" in done.stderr


def test_debug_is_shown_and_works(tmp_path: Path) -> None:
    """--debug is in the help, and shows where an error arose."""
    assert "--debug" in run("--help").stdout
    assert "Traceback" in run("analyze", str(tmp_path / "nothing.onnx"), "--debug").stderr


# -- outputs ----------------------------------------------------------------------------------

SAME = (
    "analyze m.onnx -o m.onnx",
    "analyze m.onnx --format markdown -o link.onnx",
    "analyze m.onnx -o hard.onnx",
    "analyze m.onnx -o m.onnx.data",
    "analyze m.onnx --chart m.png",
    "analyze m.onnx --reference c.safetensors -o c.safetensors",
    "analyze m.onnx -o pie.png --chart pie.png",
    "analyze m.onnx -o pie.png --chart ./sub/../pie.png",
    "restore m.onnx -o m.onnx",
    "restore m.onnx --map m.onnx",
    "restore m.onnx -o r.onnx --map r.onnx",
    "restore m.onnx --reference c.safetensors --map c.safetensors",
    "extract m.onnx -o m.onnx",
    "extract m.onnx -o m.onnx.data",
    "extract m.onnx --reference c.safetensors -o c.safetensors",
    "audit m.onnx -o m.onnx",
    "audit m.onnx --sarif m.onnx",
    "audit m.onnx --reference c.safetensors --sarif c.safetensors",
    "audit m.onnx --policy p.toml -o p.toml",
    "audit m.onnx -o a.json --sarif a.json",
    "lock m.onnx -o m.onnx",
    "lock m.onnx -o m.onnx.data",
    "compare m.onnx o.onnx -o o.onnx",
    "compare m.onnx o.onnx -o a.png --chart a.png",
    "rank m.onnx o.onnx -o o.onnx",
    "rank m.onnx -o m.onnx.data",
)


@pytest.mark.parametrize("line", SAME)
def test_an_output_never_overwrites_an_input(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, by link, by hard link, as data beside the model, as a reference: refused with status
    2, and every file is as it was.
    """
    monkeypatch.chdir(tmp_path)
    model = onnx.load(artifact("lstm", "dynamo"))
    onnx.save(model, "m.onnx", save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    os.link("m.onnx", "m.png")  # a model whose name a chart may have
    shutil.copy(artifact("lstm", "torchscript"), "o.onnx")
    shutil.copy(case("lstm").checkpoint, "c.safetensors")
    os.symlink("m.onnx", "link.onnx")
    os.link("m.onnx", "hard.onnx")
    Path("sub").mkdir()
    Path("p.toml").write_text("")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = run(*line.split())
    assert (2, 1) == (done.returncode, done.stderr.count("\n")), (done.stdout, done.stderr)
    assert "never overwrites" in done.stderr or "two outputs" in done.stderr
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_the_python_api_overwrites_nothing(tmp_path: Path) -> None:
    """Neither does a function that writes."""
    path = tmp_path / "m.onnx"
    shutil.copy(artifact("lstm", "dynamo"), path)
    inventory = onnx_params.analyze(path).inventory
    before = path.read_bytes()
    for write in (
        lambda: extract(inventory, str(path)),
        lambda: restore(inventory, str(path)),
        lambda: write_map(inventory, str(path)),
    ):
        with pytest.raises(onnx_params.UsageError, match="never overwrites"):
            write()
    assert before == path.read_bytes()
    assert ["m.onnx"] == [each.name for each in tmp_path.iterdir()]


# -- what is promised is done -----------------------------------------------------------------


def test_restore_says_how_many_rows_the_map_has(tmp_path: Path) -> None:
    """Parameters whose name nothing says are in no map, and are not counted as if they were."""
    done = run("restore", str(artifact("gru", "torchscript")), "--map", str(tmp_path / "map.json"))
    rows = json.loads((tmp_path / "map.json").read_text())["parameters"]
    assert f"the source map of {len(rows)} parameters" in done.stdout


def test_verify_ends_as_it_found(tiny_gpt2_artifacts: dict[str, Path], tmp_path: Path) -> None:
    """``analyze --verify``: 0 where all agree, 1 where a value differs, 2 where nothing could be
    verified.
    """
    path = tiny_gpt2_artifacts["ours"]
    assert 0 == run("analyze", str(path), "--verify").returncode
    model = onnx.load(path)
    tensor = next(t for t in model.graph.initializer if t.name.endswith("wpe.weight"))
    tensor.raw_data = tensor.raw_data[:-4] + b"\x00\x00\x80\x3f"
    onnx.save(model, tmp_path / "changed.onnx")
    done = run("analyze", str(tmp_path / "changed.onnx"), "--verify")
    assert 1 == done.returncode and "1 differ" in done.stdout
    done = run("analyze", str(tiny_gpt2_artifacts["fresh"]), "--verify")
    assert 2 == done.returncode and "nothing could be verified" in done.stderr


# -- every verb on what is broken -------------------------------------------------------------


def test_every_verb_bears_mutations(tmp_path: Path) -> None:
    """Models and checkpoints gone wrong, through every verb, values included: an error of ours, or
    an answer.
    """
    import collections

    rng = random.Random(os.getpid() if "FUZZ" in os.environ else 1)
    corpus = seeds()
    seen: collections.Counter[str] = collections.Counter()
    for step in range(600):
        data = other = rng.choice(corpus)
        for _ in range(rng.choice((0, 1, 2, 4))):
            data = mutate(data, rng)
        folder = tmp_path / str(step)
        folder.mkdir()
        attempt_verbs(folder, data, other, rng, seen)
        shutil.rmtree(folder)
    assert {line.partition(":")[0] for line in seen} >= {
        "analyze",
        "audit",
        "audit_reference",
        "extract",
        "restore",
        "lock",
        "compare",
        "rank",
    }


@pytest.mark.parametrize("values", [[], [b"a"]])
def test_text_is_read_as_objects(tmp_path: Path, values: list[bytes]) -> None:
    """Strings are an array of objects, one of no elements too."""
    text = helper.make_tensor("words", onnx.TensorProto.STRING, [len(values)], values)
    path = saved(tmp_path / "m.onnx", [helper.make_node("Identity", ["words"], ["y"])], [text])
    found = open_artifact(path).model.stored["", "words"].read()
    assert (found.dtype, found.tolist()) == (np.dtype(object), values)
