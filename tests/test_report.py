"""The report in each of its forms."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import onnx
import pytest
from support.models import ZOO, parsed
from support.process import run
from support.traps import TRAPS, opaque

import onnx_params

NAMES = sorted(path.stem for path in ZOO.glob("*.onnxtxt"))
HOSTILE = 'a|b\n<script>alert(1)</script>\x1b[31mred\u202e"=1+1'


def hostile() -> onnx.ModelProto:
    """The mlp with a weight whose name breaks out of whatever does not mind."""
    proto = parsed("mlp")
    old = proto.graph.initializer[0].name
    proto.graph.initializer[0].name = HOSTILE
    for node in proto.graph.node:
        for at, name in enumerate(node.input):
            if name == old:
                node.input[at] = HOSTILE
    return proto


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    path = tmp_path / "mlp.onnx"
    onnx.save(parsed("mlp"), path)
    return path


def test_sources_agree(mlp: Path) -> None:
    """A path, bytes, a file object, a ModelProto and an onnx_ir.Model give the same rows."""
    import onnx_ir

    expected = onnx_params.analyze(mlp).rows
    with mlp.open("rb") as file:
        sources = [str(mlp), mlp.read_bytes(), file, onnx.load(mlp), onnx_ir.load(mlp)]
        assert [expected] * 5 == [onnx_params.analyze(source).rows for source in sources]
    with pytest.raises(onnx_params.UsageError, match="int"):
        onnx_params.analyze(5)


@pytest.mark.parametrize("name", [*NAMES, *TRAPS, "opaque"])
def test_json_fits_its_schema(name: str) -> None:
    """Every model's JSON is valid by the schema, and its totals are those of its rows."""
    import jsonschema

    schema = json.loads((Path(onnx_params.__file__).parent / "schemas" / "report.json").read_text())
    model = parsed(name) if name in NAMES else opaque() if name == "opaque" else TRAPS[name][1]()
    document = json.loads(onnx_params.analyze(model).to_json())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["totals"]["parameters"] == sum(
        row["count"] or 0 for row in document["parameters"]
    )
    assert document["totals"]["layers"] == len(document["parameters"])


def test_csv_is_one_line_a_row(mlp: Path) -> None:
    """CSV reads back with the columns that the header names."""
    rows = list(csv.DictReader(io.StringIO(onnx_params.analyze(mlp).to_csv())))
    assert [("fc.weight", "4x3", "12"), ("fc.bias", "3", "3")] == [
        (row["name"], row["shape"], row["count"]) for row in rows
    ]


@pytest.mark.parametrize("form", ["table", "markdown", "json", "csv", "html"])
def test_hostile_names_are_harmless(tmp_path: Path, form: str) -> None:
    """Line breaks, markup, terminal escapes and direction marks stay inside their cell, in every
    format.
    """
    path = tmp_path / "x.onnx"
    onnx.save(hostile(), path)
    done = run("analyze", str(path), "--format", form)
    assert (0, "") == (done.returncode, done.stderr)
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
    assert "a|b\n" not in done.stdout
    if form in ("markdown", "html"):
        assert "<script>" not in done.stdout
    stored = run("analyze", str(path), "--stored").stdout
    assert "\x1b" not in stored and "a|b\\u000a" in stored


def test_a_narrow_window_loses_columns(mlp: Path) -> None:
    """No line is wider than the window; what has no room is named, and a mark of doubt stays."""
    for width, missing in ((200, 0), (40, 1)):
        shown = run("analyze", str(mlp), "--width", str(width)).stdout
        assert max(map(len, shown.splitlines())) <= width
        assert "fc.weight ?" in shown or "stored-name ?" in shown
        assert missing == shown.count("no room for")


def test_stored_lists_what_lies_in_the_file(mlp: Path) -> None:
    """--stored: names in the file, with roles; also what is not a parameter."""
    lines = {
        line.split()[0]: line.split()[1]
        for line in run("analyze", str(mlp), "--stored").stdout.splitlines()
        if line
    }
    assert ("parameter", "parameter", "constant") == (
        lines["fc.weight"],
        lines["fc.bias"],
        lines["shape"],
    )


def test_explain(mlp: Path) -> None:
    """--explain: role, rule and claim of a tensor; a name that is not there is status 2."""
    told = run("analyze", str(mlp), "--explain", "fc.weight").stdout
    assert "role: parameter" in told and "stored-name" in told
    assert 2 == run("analyze", str(mlp), "--explain", "nothing").returncode


def test_depth_rolls_up(mlp: Path) -> None:
    """--depth 1: one module, with all of its parameters."""
    line = next(
        line
        for line in run("analyze", str(mlp), "--depth", "1").stdout.splitlines()
        if line.startswith("fc ")
    )
    assert ["fc", "2", "15", "100.00"] == line.split()[:4]


def test_sort_and_filter(mlp: Path) -> None:
    """--sort and --filter change rows and totals, and nothing else."""

    def names(*words: str) -> list[str]:
        return [
            row["name"]
            for row in csv.DictReader(
                run("analyze", str(mlp), *words, "--format", "csv").stdout.splitlines()
            )
        ]

    assert ["fc.bias", "fc.weight"] == names("--sort", "name")
    assert ["fc.weight", "fc.bias"] == names("--sort", "count")
    assert ["fc.bias"] == names("--filter", "*.bias")


def test_several_files_give_several_reports(mlp: Path) -> None:
    """Two files, two tables."""
    assert 2 == run("analyze", str(mlp), str(mlp)).stdout.count("mlp: 15 parameters in 2 tensors")
