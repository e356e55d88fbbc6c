"""Two artifacts of one model pair whole; what differs is named, by how much; models side
by side.
"""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support.artifacts import artifact
from support.packages import fetch, fetch_npm
from support.process import run

import onnx_params
from onnx_params.comparison.compare import compare
from onnx_params.comparison.pairs import By, Relation
from onnx_params.ranking.rank import entry, ordered


@pytest.mark.parametrize(
    ("kind", "relations"),
    [
        ("torchscript", {Relation.EQUAL, Relation.VIEW}),
        ("dynamo+fp16", {Relation.CAST}),
        ("dynamo+int8-dynamic", {Relation.EQUAL, Relation.QUANTIZED}),
        ("dynamo+int8-qdq", {Relation.EQUAL, Relation.QUANTIZED}),
        ("dynamo+int4", {Relation.EQUAL, Relation.QUANTIZED}),
    ],
)
def test_one_model(kind: str, relations: set[Relation]) -> None:
    """Every parameter pairs, in either order, with the relation that its making explains."""
    plain = artifact("bert", "dynamo")
    for a, b in ((plain, artifact("bert", kind)), (artifact("bert", kind), plain)):
        made = compare(a, b)
        assert len(made.pairs) == made.a.layers == made.b.layers
        assert {pair.relation for pair in made.pairs} <= relations
        assert all(
            pair.a is not None and pair.b is not None and pair.a.name == pair.b.name
            for pair in made.pairs
        )


def test_two_roundings_of_one_model() -> None:
    """Half precision beside int8 and int4: both are the original rounded, and neither is called
    another model.
    """
    for kind in ("dynamo+int8-dynamic", "dynamo+int4"):
        made = compare(artifact("bert", "dynamo+fp16"), artifact("bert", kind))
        assert {pair.relation for pair in made.pairs} == {Relation.CAST, Relation.QUANTIZED}


def test_folded_norms_pair() -> None:
    """A batch norm folded by two exporters: the same numbers but for rounding, under the names that
    each left.
    """
    made = compare(artifact("conv-transpose", "dynamo"), artifact("conv-transpose", "torchscript"))
    assert made.differences <= {"names", "rounding", "layout", "folding"}
    assert not [
        pair
        for pair in made.pairs
        if pair.relation in (Relation.DIFFERENT, Relation.ONLY_A, Relation.ONLY_B)
    ]


def test_what_changed_is_named(tmp_path: Path) -> None:
    """One weight by one per cent, one parameter gone: those, with the figure."""
    model = onnx.load(artifact("bert", "torchscript"))
    tensor = next(t for t in model.graph.initializer if t.name == "embeddings.LayerNorm.weight")
    tensor.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.01), tensor.name)
    )
    onnx.save(model, tmp_path / "m.onnx")
    made = compare(artifact("bert", "dynamo"), tmp_path / "m.onnx")
    (different,) = (pair for pair in made.pairs if pair.relation is Relation.DIFFERENT)
    assert "embeddings.LayerNorm.weight" == different.name
    assert 0.01 == pytest.approx(different.relative, rel=0.01)
    done = run(
        "compare",
        str(artifact("bert", "dynamo")),
        str(tmp_path / "m.onnx"),
        "--ignore",
        "layout,names",
    )
    assert (
        1 == done.returncode
        and "embeddings.LayerNorm.weight" in done.stdout
        and "values" in done.stdout.splitlines()[0]
    )


def test_status_and_ignore() -> None:
    a, b = str(artifact("bert", "dynamo")), str(artifact("bert", "dynamo+int8-dynamic"))
    assert 0 == run("compare", a, a).returncode
    assert 1 == run("compare", a, b).returncode
    assert 0 == run("compare", a, b, "--ignore", "dtype").returncode
    done = run("compare", a, b, "--ignore", "colour")
    assert 2 == done.returncode and 1 == done.stderr.count("\n")
    assert 2 == run("compare", a).returncode


def test_formats(tmp_path: Path) -> None:
    a, b = str(artifact("bert", "dynamo")), str(artifact("bert", "dynamo+int8-dynamic"))
    document = json.loads(run("compare", a, b, "--format", "json").stdout)
    assert "onnx-params/compare/1" == document["schema"] and ["dtype"] == document["differences"]
    rows = list(csv.reader(io.StringIO(run("compare", a, b, "--format", "csv").stdout)))
    assert len(document["pairs"]) + 1 == len(rows) and {len(rows[0])} == {len(row) for row in rows}
    assert "| quantized |" in run("compare", a, b, "--format", "markdown").stdout
    for by in ("dtype", "module"):
        run("compare", a, b, "--chart", str(tmp_path / f"{by}.png"), "--by", by)
        assert b"\x89PNG" == (tmp_path / f"{by}.png").read_bytes()[:4]


def test_without_values(tmp_path: Path) -> None:
    """Names pair; a model whose data is missing can be compared so."""
    made = compare(
        artifact("bert", "dynamo"), artifact("bert", "dynamo+int8-dynamic"), values=False
    )
    assert {By.NAME} == {pair.by for pair in made.pairs} and {Relation.UNREAD} == {
        pair.relation for pair in made.pairs
    }


def test_a_matrix() -> None:
    paths = [str(artifact("bert", kind)) for kind in ("dynamo", "torchscript", "dynamo+fp16")]
    done = run("compare", *paths)
    assert 1 == done.returncode and "39/39" in done.stdout
    paths.append(str(artifact("bert", "dynamo+int8-dynamic")))
    document = json.loads(run("compare", *paths, "--format", "json").stdout)
    assert "onnx-params/compare-matrix/1" == document["schema"] and 4 == len(document["models"])
    assert 6 == len(document["comparisons"]) and all(
        sum(each["relations"].values()) == each["pairs"] for each in document["comparisons"]
    )
    assert "quantized" in run("compare", *paths, "--format", "markdown").stdout
    assert 7 == len(list(csv.reader(io.StringIO(run("compare", *paths, "--format", "csv").stdout))))


def test_a_real_pair(tmp_path: Path) -> None:
    """A wheel's float model and its sequence variant: the same network, LSTM gates in ONNX's order
    in one of them.
    """
    with zipfile.ZipFile(fetch("silero-vad==6.2.3")) as wheel:
        for name in (
            "silero_vad_16k_op15.onnx",
            "silero_vad_16k_sequence.onnx",
            "silero_vad_half.onnx",
        ):
            (tmp_path / name).write_bytes(wheel.read(f"silero_vad/data/{name}"))
    same = compare(tmp_path / "silero_vad_16k_op15.onnx", tmp_path / "silero_vad_16k_sequence.onnx")
    assert not same.count(Relation.DIFFERENT)
    other = compare(tmp_path / "silero_vad_16k_op15.onnx", tmp_path / "silero_vad_half.onnx")
    assert other.count(Relation.DIFFERENT) == other.a.layers


ISNET = (
    "@imgly/background-removal-data",
    "1.4.5",
    "ca7789abb39370727c9a098310b53bce41518d200000423c7107f8c01bbce946",
)


@pytest.fixture(scope="module")
def isnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """ISNet in half precision and in uint8, as a package for browsers ships them: in chunks, in the
    order that its list has.
    """
    folder = tmp_path_factory.mktemp("isnet")
    with tarfile.open(fetch_npm(*ISNET)) as archive:
        read = {member.name: member for member in archive}
        listed = json.load(archive.extractfile(read["package/dist/resources.json"]))
        for name in ("medium", "small"):
            with open(folder / f"{name}.onnx", "wb") as file:
                for chunk in listed[f"/models/{name}"]["chunks"]:
                    file.write(archive.extractfile(read[f"package/dist/{chunk['hash']}"]).read())
    return folder / "medium.onnx", folder / "small.onnx"


@pytest.mark.slow
def test_a_real_quantized_pair(isnet: tuple[Path, Path], tmp_path: Path) -> None:
    """Every weight is the other's quantized, every bias the other's cast, and the types and bytes
    are said; a scale that is wrong names its weight.
    """
    half, small = isnet
    made = compare(half, small)
    assert {"dtype"} == made.differences
    assert (119, 119, 238) == (
        made.count(Relation.QUANTIZED),
        made.count(Relation.CAST),
        len(made.pairs),
    )
    done = run("compare", str(half), str(small), "--format", "markdown")
    assert (
        "| float16 | 88.04 MB | - | -100.0 % |" in done.stdout.replace("|   ", "| ")
        and "44.00 MB" in done.stdout
    )
    printed = run("compare", str(half), str(small)).stdout.splitlines()
    assert "they differ in dtype: 238 of 238 pairs of tensors" == printed[0]
    model = onnx.load(small)
    scale = next(
        tensor for tensor in model.graph.initializer if tensor.name == "side1.weight_scale"
    )
    scale.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(1.5), scale.name)
    )
    folded = next(
        tensor
        for tensor in model.graph.initializer
        if tensor.name.startswith("onnx::Conv") and tensor.name.endswith("_scale")
    )
    folded.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(folded) * np.float32(1.5), folded.name)
    )
    onnx.save(model, tmp_path / "wrong.onnx")
    wrong = [
        pair
        for pair in compare(half, tmp_path / "wrong.onnx").pairs
        if pair.relation is Relation.DIFFERENT
    ]
    assert 2 == len(wrong) and "side1.weight" in {pair.name for pair in wrong}
    assert all(0.4 < pair.relative < 0.6 and 5 < pair.sqnr < 7 for pair in wrong)


def test_names_in_other_words() -> None:
    """kernel for weight with its transposition, gamma and beta for norms; nothing for what no rule
    knows.
    """
    report = onnx_params.analyze(artifact("bert", "dynamo"))
    keras = {row.name: row.shape for row in report.named("keras").rows}
    assert (32, 64) == keras["encoder/layer/0/intermediate/dense/kernel"]
    assert (99, 32) == keras["embeddings/word_embeddings/embeddings"]
    assert (
        "encoder/layer/0/output/LayerNorm/gamma" in keras
        and "encoder/layer/0/output/LayerNorm/beta" in keras
    )
    assert {"encoder.layer.0.intermediate.dense.kernel"} <= {
        row.name for row in report.named("flax").rows
    }
    assert report.rows == report.named("torch").rows
    assert "kernel" in run("analyze", str(artifact("bert", "dynamo")), "--names", "keras").stdout


def test_rank(tmp_path: Path) -> None:
    """Artifacts and JSON reports in one table, the largest first, linked to the reports beside
    them.
    """
    for name, kind in (("small", "lstm"), ("large", "bert")):
        report = onnx_params.analyze(artifact(kind, "dynamo"), name=name)
        (tmp_path / f"{name}.json").write_text(report.to_json())
        (tmp_path / f"{name}.md").write_text(report.to_markdown())
    files = [str(tmp_path / "small.json"), str(tmp_path / "large.json")]
    done = run("rank", *files, "--format", "markdown", "--chart", str(tmp_path / "r.png"))
    assert 0 == done.returncode and b"\x89PNG" == (tmp_path / "r.png").read_bytes()[:4]
    assert done.stdout.index("[large](large.md)") < done.stdout.index("[small](small.md)")
    assert ["large", "small"] == [
        each.name for each in ordered([entry(path) for path in files], "bytes")
    ]
    assert 2 == len(json.loads(run("rank", *files, "--format", "json").stdout)["models"])
    (tmp_path / "bad.json").write_text("{}")
    assert 2 == run("rank", str(tmp_path / "bad.json")).returncode
