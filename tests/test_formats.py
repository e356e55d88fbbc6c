"""Every verb in every format: documents fit their schemas, tables fit the window, and colours stand
only where someone asked for them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
import referencing
from referencing.jsonschema import DRAFT202012
from rich.cells import cell_len
from support.graphs import Chain, checkpoint, nbits
from support.process import called, run

SCHEMAS = (
    "report",
    "reports",
    "listing",
    "listings",
    "explanation",
    "explanations",
    "audit",
    "audits",
    "compare",
    "compare-matrix",
    "rank",
    "lock",
    "source-map",
    "apply",
    "emit",
)
FILE = "長名" * 30  # a file's name of 120 cells
WIDTHS = (80, 100, 200)
ESCAPE = "\x1b["
CODES = re.compile(r"\x1b\[[0-9;]*m")
# the options of a view -> its columns of numbers
VIEWS = {
    "": ("count", "bytes", "bits_per_weight"),
    "--stored": ("bytes",),
    "--depth 2": ("tensors", "parameters", "share", "bytes"),
    "--stats": ("min", "p01", "median", "p99", "max", "mean", "std", "count", "zeros", "nan"),
    "--columns name,bytes,count": ("bytes", "count"),
}


def build(folder: Path, name: str, layers: list[str], n: int, *, in_blocks: bool = False) -> None:
    """A model of Gemms, the last one in blocks of 4 bits if so asked, and its checkpoint."""
    random = np.random.default_rng(n)
    chain = Chain()
    arrays: dict[str, np.ndarray] = {}
    for at, layer in enumerate(layers):
        weight = random.standard_normal((n, n)).astype(np.float32)
        bias = random.standard_normal(n).astype(np.float32)
        arrays[f"{layer}.weight"] = weight
        if in_blocks and at == len(layers) - 1:
            nbits(chain, f"{layer}.weight", weight)
            continue
        arrays[f"{layer}.bias"] = bias
        chain.linear(f"{layer}.weight", weight, f"{layer}.bias", bias)
    chain.save(folder / f"{name}.onnx")
    checkpoint(folder / f"{name}.safetensors", **arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small models with their checkpoints; names hold what tables must escape."""
    made = tmp_path_factory.mktemp("formats")
    build(made, "a", ["enc.fc1", "enc.fc2"], 4)
    build(made, "b", ["enc.fc1", "dec.a|b,c", "dec.fc2"], 16, in_blocks=True)
    build(made, "c", ["enc.fc1", "enc.fc2", "enc.fc3"], 4)
    return made


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models whose names take 150 characters, or as many of two cells each."""
    made = tmp_path_factory.mktemp("wide")
    long = "block_with_a_long_name." * 7
    build(made, "long", [f"{word}.{long}"[:143] for word in ("enc", "dec")], 16, in_blocks=True)
    build(made, "cjk", [f"{word}.{'編碼器層' * 36}"[:143] for word in ("一", "二")], 16)
    build(made, FILE, ["fc1"], 4)
    return made


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """Every schema, as the command prints it."""
    assert SCHEMAS == tuple(called("schema").stdout.split())
    return {name: json.loads(called("schema", name).stdout) for name in SCHEMAS}


def answered(*words: str, status: int = 0) -> str:
    """What a command wrote to standard output, after nothing on standard error."""
    done = called(*words)
    assert (status, "") == (done.returncode, done.stderr)
    return done.stdout


def paths(folder: Path, names: str) -> list[str]:
    """The models of these names, one letter each."""
    return [str(folder / f"{name}.onnx") for name in names]


def check(text: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """The document, which is valid by the schema that it names."""

    def retrieve(uri: str) -> referencing.Resource[Any]:
        return DRAFT202012.create_resource(schemas[uri.split("/")[-2]])

    document: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    schema = schemas[document["schema"].split("/")[1]]
    registry: referencing.Registry[Any] = referencing.Registry(retrieve=retrieve)
    jsonschema.Draft202012Validator(schema, registry=registry).validate(document)
    return document


# --- JSON ---


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(schemas: dict[str, Any], name: str) -> None:
    """Each is a valid schema, under the name that documents give."""
    jsonschema.Draft202012Validator.check_schema(schemas[name])
    assert schemas[name]["$id"].endswith(f"/onnx-params/schemas/{name}/1")


@pytest.mark.parametrize("name", ["reports", "listings", "audits"])
def test_references_between_schemas_resolve(schemas: dict[str, Any], name: str) -> None:
    """Envelopes find the schemas inside them by the rules of JSON Schema: against their own $id."""
    registry = referencing.Registry().with_contents(
        (schema["$id"], schema) for schema in schemas.values()
    )
    inner = schemas[name]["properties"][name]["items"]["$ref"]
    resolver = registry.resolver(base_uri=schemas[name]["$id"])
    assert inner == resolver.lookup(inner).contents["$id"]


@pytest.mark.parametrize("models", ["a", "ab"])
@pytest.mark.parametrize("view", VIEWS)
def test_json_of_analyze(folder: Path, schemas: dict[str, Any], models: str, view: str) -> None:
    """One model is a document by itself, several stand in an envelope; all fit their schema."""
    words = [*paths(folder, models), *view.split(), "--format", "json"]
    document = check(answered("analyze", *words), schemas)
    kind = "report" if view in ("", "--stats") else "listing"
    if len(models) == 1:
        assert f"onnx-params/{kind}/1" == document["schema"]
        return
    assert f"onnx-params/{kind}s/1" == document["schema"]
    assert 2 == len(document[f"{kind}s"])


@pytest.mark.parametrize("name", ["enc.fc1.weight", "enc.fc1.bias"])
def test_json_of_explanations(folder: Path, schemas: dict[str, Any], name: str) -> None:
    """--explain writes what its schema says."""
    text = answered("analyze", *paths(folder, "a"), "--explain", name, "--format", "json")
    document = check(text, schemas)
    assert [name] == [each["name"] for each in document["parameters"]]


def test_json_of_explanations_of_two(folder: Path, schemas: dict[str, Any]) -> None:
    """Explanations of two models are a document with a schema, as reports of two are."""
    words = [*paths(folder, "ab"), "--explain", "enc.fc1.weight", "--format", "json"]
    document = json.loads(answered("analyze", *words))
    assert 2 == len(document["explanations"])
    for each in document["explanations"]:
        check(json.dumps(each), schemas)
    assert "schema" in document


@pytest.mark.parametrize("format", ["markdown", "csv", "ndjson", "html", "parquet", "arrow"])
def test_explanations_have_two_formats(folder: Path, tmp_path: Path, format: str) -> None:
    """--explain in another format is refused in one line."""
    out = str(tmp_path / "out")
    words = ["--explain", "enc.fc1.weight", "--format", format, "-o", out]
    done = called("analyze", *paths(folder, "a"), *words)
    assert (2, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n") and done.stderr.startswith("onnx-params: ")


@pytest.mark.parametrize("reference", [False, True])
def test_json_of_an_audit(folder: Path, schemas: dict[str, Any], reference: bool) -> None:
    """An audit fits its schema, with a reference and without."""
    words = ["--reference", str(folder / "a.safetensors")] if reference else []
    document = check(answered("audit", *paths(folder, "a"), *words, "--format", "json"), schemas)
    assert ("onnx-params/audit/1", True) == (document["schema"], document["passed"])


def test_json_of_an_audit_that_fails(folder: Path, schemas: dict[str, Any]) -> None:
    """Findings, differences and roundings fit the schema too; the status is 1."""
    words = ["--reference", str(folder / "b.safetensors"), "--format", "json"]
    document = check(answered("audit", *paths(folder, "b"), *words, status=1), schemas)
    assert document["findings"] and not document["passed"]


def test_json_of_two_audits(folder: Path, schemas: dict[str, Any]) -> None:
    """Two audits stand in an envelope."""
    text = answered("audit", *paths(folder, "ab"), "--format", "json")
    document = check(text, schemas)
    assert ("onnx-params/audits/1", 2) == (document["schema"], len(document["audits"]))


@pytest.mark.parametrize(
    ("models", "name"), [("aa", "compare"), ("ab", "compare"), ("abc", "compare-matrix")]
)
def test_json_of_comparisons(folder: Path, schemas: dict[str, Any], models: str, name: str) -> None:
    """Two models and three fit their schemas; the status says whether they differ."""
    status = int(len(set(models)) > 1)
    words = [*paths(folder, models), "--format", "json"]
    document = check(answered("compare", *words, status=status), schemas)
    assert f"onnx-params/{name}/1" == document["schema"]


@pytest.mark.parametrize("models", ["a", "ab"])
def test_json_of_a_ranking(folder: Path, schemas: dict[str, Any], models: str) -> None:
    """A leaderboard fits its schema."""
    document = check(answered("rank", *paths(folder, models), "--format", "json"), schemas)
    assert len(models) == len(document["models"])


@pytest.mark.parametrize("model", ["a", "b"])
def test_locks_and_source_maps(
    folder: Path, tmp_path: Path, schemas: dict[str, Any], model: str
) -> None:
    """A lock and the map that restore writes fit their schemas."""
    (path,) = paths(folder, model)
    assert "onnx-params/lock/1" == check(answered("lock", path), schemas)["schema"]
    bill = json.loads(answered("lock", path, "--format", "cyclonedx"))
    assert "CycloneDX" == bill["bomFormat"]
    map_path = tmp_path / "map.json"
    answered("restore", path, "--map", str(map_path))
    assert "onnx-params/source-map/1" == check(map_path.read_text(), schemas)["schema"]


def test_weights_that_are_written(tmp_path: Path, schemas: dict[str, Any]) -> None:
    """What apply, link and emit say fits its schema."""
    values = {"fc.weight": np.arange(12, dtype=np.float32).reshape(4, 3)}
    chain = Chain()
    chain.node("MatMul", "x", chain.keep("fc.weight", values["fc.weight"]))
    model = str(chain.save(tmp_path / "model.onnx"))
    weights = str(checkpoint(tmp_path / "new.safetensors", **values))
    words = [model, weights, "--reference", weights]
    said = [
        answered("apply", *words, "--dry-run", "--format", "json"),
        answered("link", *words, "-o", str(tmp_path / "linked.onnx"), "--format", "json"),
    ]
    assert all("onnx-params/apply/1" == check(each, schemas)["schema"] for each in said)
    answered("emit", "json", *words, "-o", str(tmp_path / "places.json"))
    document = check((tmp_path / "places.json").read_text(), schemas)
    assert "onnx-params/emit/1" == document["schema"]


@pytest.mark.parametrize("models", ["a", "ab"])
@pytest.mark.parametrize("view", VIEWS)
def test_ndjson(folder: Path, models: str, view: str) -> None:
    """Each line is an object that says its model; there are as many as rows in the CSV."""
    words = [*paths(folder, models), *view.split(), "--format"]
    rows = [json.loads(line) for line in answered("analyze", *words, "ndjson").splitlines()]
    assert set(paths(folder, models)) == {row["model"] for row in rows}
    assert len(rows) == len(list(csv.DictReader(io.StringIO(answered("analyze", *words, "csv")))))
    assert 1 == len({tuple(row) for row in rows})


# --- sheets ---


@pytest.mark.parametrize("models", ["a", "ab"])
@pytest.mark.parametrize("view", VIEWS)
def test_csv(folder: Path, models: str, view: str) -> None:
    """Rows are as long as the header; numbers are numbers to pandas."""
    text = answered("analyze", *paths(folder, models), *view.split(), "--format", "csv")
    check_csv(text, VIEWS[view])
    assert ("model" in text.splitlines()[0].split(",")) == (len(models) > 1)


def check_csv(text: str, numbers: tuple[str, ...]) -> None:
    """The text is CSV whose rows are as long as its header, with these columns of numbers."""
    header, *rows = csv.reader(io.StringIO(text))
    assert rows and {len(header)} == {len(row) for row in rows}
    frame = pandas.read_csv(io.StringIO(text))
    assert header == list(frame.columns) and len(rows) == len(frame)
    others = [name for name in numbers if not pandas.api.types.is_numeric_dtype(frame[name])]
    assert [] == others


def test_csv_of_audits(folder: Path) -> None:
    """One audit and two; the model stands first where there are two."""
    reference = ["--reference", str(folder / "b.safetensors")]
    numbers = ("sqnr_db", "largest_error", "saturated")
    one = answered("audit", *paths(folder, "b"), *reference, "--format", "csv", status=1)
    check_csv(one, numbers)
    two = answered("audit", *paths(folder, "ab"), "--format", "csv")
    check_csv(two, numbers)
    assert ("kind", "model") == (one.partition(",")[0], two.partition(",")[0])


@pytest.mark.parametrize("models", ["aa", "ac", "ab", "abc"])
def test_csv_of_comparisons(folder: Path, models: str) -> None:
    """A row a pair, or a row for every two of three models."""
    status = int(len(set(models)) > 1)
    text = answered("compare", *paths(folder, models), "--format", "csv", status=status)
    check_csv(text, ("pairs", "equal") if len(models) > 2 else ("largest", "sqnr_db"))


@pytest.mark.parametrize("models", ["aa", "ab"])
def test_bytes_of_comparisons_are_numbers(folder: Path, models: str) -> None:
    """The bytes of pairs are numbers in CSV, without separators of thousands and without units."""
    status = int(len(set(models)) > 1)
    text = answered("compare", *paths(folder, models), "--format", "csv", status=status)
    rows = list(csv.DictReader(io.StringIO(text)))
    sizes = [row[key] for row in rows for key in row if "bytes" in key]
    assert sizes and [] == [size for size in sizes if size and not size.isdigit()]


def test_csv_of_a_ranking(folder: Path) -> None:
    """Ranks, counts and bytes are numbers."""
    text = answered("rank", *paths(folder, "abc"), "--format", "csv")
    check_csv(text, ("rank", "layers", "parameters", "bytes", "bits_per_parameter"))


@pytest.mark.parametrize("models", ["a", "ab"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_columnar(folder: Path, tmp_path: Path, models: str, view: str, format: str) -> None:
    """pyarrow reads as many rows as the CSV has, with typed columns and the model in one."""
    words = [*paths(folder, models), *view.split(), "--format"]
    path = tmp_path / f"out.{format}"
    assert "" == answered("analyze", *words, format, "-o", str(path))
    read = pyarrow.parquet.read_table if format == "parquet" else pyarrow.feather.read_table
    table = read(path)
    frame = pandas.read_csv(io.StringIO(answered("analyze", *words, "csv")))
    assert len(frame) == table.num_rows
    assert set(paths(folder, models)) == set(table["model"].to_pylist())
    for name in VIEWS[view]:
        kind = table.schema.field(name).type
        assert pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)
        assert frame[name].tolist() == pytest.approx(table[name].to_pylist(), rel=1e-4, nan_ok=True)


def test_columns_have_the_same_type_in_every_model(folder: Path, tmp_path: Path) -> None:
    """A model without parameters has the columns of any other: sheets can be joined."""
    chain = Chain()
    chain.node("Relu", "x")
    empty = chain.save(tmp_path / "empty.onnx")
    tables = []
    for at, model in enumerate([*paths(folder, "a"), str(empty)]):
        path = tmp_path / f"{at}.parquet"
        answered("analyze", model, "--format", "parquet", "-o", str(path))
        tables.append(pyarrow.parquet.read_table(path))
    assert tables[0].schema == tables[1].schema


# --- pages ---


class _Page(HTMLParser):
    """The tags that are open, and whether anything can run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.bad: list[str] = []
        self.n_tables = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed"):
            self.bad.append(tag)
        self.bad += [
            name
            for name, value in attributes
            if name.startswith("on") or "javascript:" in (value or "").lower()
        ]
        self.n_tables += tag == "table"
        if tag not in ("br", "img", "meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("models", ["a", "ab"])
@pytest.mark.parametrize("view", ["", "--stats"])
def test_html(folder: Path, models: str, view: str) -> None:
    """A table a model for who has no scripts, every tag closed, nothing that the page did not bring."""
    page = _Page()
    page.feed(answered("analyze", *paths(folder, models), *view.split(), "--format", "html"))
    page.close()
    assert ([], ["script", "script", "script", "script"], len(models)) == (
        page.open,
        page.bad,
        page.n_tables,
    )


@pytest.mark.parametrize("view", ["--stored", "--depth 2", "--columns name,bytes"])
def test_html_of_lists_is_refused(folder: Path, view: str) -> None:
    """Only the report itself is a page."""
    done = called("analyze", *paths(folder, "a"), *view.split(), "--format", "html")
    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))


def hostile(folder: Path) -> str:
    """A model whose name of a tensor is markup."""
    chain = Chain()
    ones = np.ones((4, 4), np.float32)
    chain.linear("<script>alert(1)</script>|<img onerror=x>.weight", ones)
    return str(chain.save(folder / "hostile.onnx"))


def test_html_has_no_script(tmp_path: Path) -> None:
    """A name that is markup stays text."""
    page = _Page()
    text = answered("analyze", hostile(tmp_path), "--format", "html")
    page.feed(text)
    assert ["script"] * 4 == page.bad and "&lt;script&gt;" in text


def check_markdown(text: str) -> int:
    """How many tables a page has; every row of one has as many cells as its rule."""
    n_tables = 0
    columns = 0
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if not line.startswith("|"):
            columns = 0
            continue
        n_cells = len(re.findall(r"(?<!\\)\|", line)) - 1
        if not columns:
            columns = n_cells
            assert re.fullmatch(r"\|[\s:|-]+\|\s*", lines[at + 1])
            n_tables += 1
        assert columns == n_cells, line
    return n_tables


@pytest.mark.parametrize("models", ["a", "b", "ab"])
@pytest.mark.parametrize("view", VIEWS)
def test_markdown(folder: Path, models: str, view: str) -> None:
    """Rows of a table have as many cells as its titles; the plain report has three tables."""
    text = answered("analyze", *paths(folder, models), *view.split(), "--format", "markdown")
    assert len(models) * (1 if view else 3) == check_markdown(text)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("audit b --reference b.safetensors", 1),
        ("audit a --reference a.safetensors", 0),
        ("audit a b", 0),
        ("compare a a --full", 0),
        ("compare a b --full", 1),
        ("compare a b c", 1),
        ("rank a b c", 0),
    ],
)
def test_markdown_of_verbs(folder: Path, words: str, status: int) -> None:
    """The same for the other verbs."""
    text = answered(*in_folder(folder, words), "--format", "markdown", status=status)
    check_markdown(text)


def test_markdown_says_which_model(folder: Path) -> None:
    """Lists of two models say which is whose."""
    text = answered("analyze", *paths(folder, "ab"), "--stored", "--format", "markdown")
    assert "a.onnx" in text and "b.onnx" in text


def test_markdown_of_a_name_that_is_markup(tmp_path: Path) -> None:
    """A name cannot leave its cell."""
    path = hostile(tmp_path)
    for view in ("", "--stored"):
        text = answered("analyze", path, *view.split(), "--format", "markdown")
        assert check_markdown(text) and "<script" not in text


def test_sarif(folder: Path, tmp_path: Path) -> None:
    """--sarif writes the document that --format sarif does."""
    words = [*in_folder(folder, "audit b --reference b.safetensors")]
    path = tmp_path / "findings.sarif"
    answered(*words, "--sarif", str(path), status=1)
    text = answered(*words, "--format", "sarif", status=1)
    assert json.loads(text) == json.loads(path.read_text())


def in_folder(folder: Path, words: str) -> list[str]:
    """The words of a command, models and checkpoints with their folder."""
    made = []
    for word in words.split():
        known = [folder / f"{word}.onnx", folder / word]
        made.append(next((str(path) for path in known if path.is_file()), word))
    return made


# --- screens ---

SCREENS = (
    "analyze MODEL",
    "analyze MODEL --stored",
    "analyze MODEL --depth 1",
    "analyze MODEL --depth 3",
    "analyze MODEL --stats",
    "analyze MODEL --columns name,shape,stored,evidence,bytes",
    "analyze MODEL --explain NAME",
    "audit MODEL",
    "audit MODEL --reference CHECKPOINT",
    "audit MODEL --full --reference CHECKPOINT",
    "compare MODEL MODEL --full",
    "compare MODEL OTHER --full",
    "compare MODEL OTHER MODEL",
    "rank MODEL OTHER",
)


def filled(wide: Path, words: str, model: str, other: str) -> list[str]:
    """A screen's words with paths in their places."""
    names = json.loads(run("analyze", str(wide / f"{model}.onnx"), "--format", "json").stdout)
    places = {
        "MODEL": str(wide / f"{model}.onnx"),
        "OTHER": str(wide / f"{other}.onnx"),
        "CHECKPOINT": str(wide / f"{model}.safetensors"),
        "NAME": names["parameters"][0]["name"],
    }
    return [places.get(word, word) for word in words.split()]


def too_wide(text: str, width: int) -> list[str]:
    """The lines that take more cells than that, as another library counts them."""
    return [line for line in CODES.sub("", text).splitlines() if cell_len(line) > width]


@pytest.mark.parametrize("model", ["long", "cjk", FILE], ids=["long", "cjk", "file"])
@pytest.mark.parametrize("screen", SCREENS)
def test_no_line_is_wider_than_the_window(wide: Path, screen: str, model: str) -> None:
    """With names of 150 characters, and with wide ones, at each width."""
    words = filled(wide, screen, model, "cjk" if model == "long" else "long")
    for width in (40, *WIDTHS):
        done = called(*words, "--width", str(width), "--color", "always")
        assert done.returncode < 2 and "" == done.stderr
        assert [] == too_wide(done.stdout, width)


@pytest.mark.parametrize("verb", ["verify", "restore", "extract"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_what_writes_is_wider(wide: Path, tmp_path: Path, verb: str, width: int) -> None:
    """The same for what is said of files that were written or verified."""
    model = str(wide / "long.onnx")
    reference = ["--reference", str(wide / "long.safetensors")]
    lock = str(tmp_path / "lock.json")
    answered("lock", str(wide / "cjk.onnx"), "-o", lock)
    words = {
        "verify": ["verify", model, lock],
        "restore": ["restore", model, "-o", "o.onnx", "--map", "m.json", *reference],
        "extract": ["extract", model, "-o", "o.safetensors", *reference],
    }[verb]
    done = subprocess.run(
        [sys.executable, "-m", "onnx_params", *words, "--width", str(width)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode in (0, 1) and done.stdout
    assert [] == too_wide(done.stdout, width)


@pytest.mark.parametrize("model", ["long", "cjk"])
def test_the_mark_of_an_inferred_name_stays(wide: Path, model: str) -> None:
    """Where there is no room for the evidence, a ? stands behind each inferred name."""
    text = answered("analyze", str(wide / f"{model}.onnx"), "--width", "40")
    rows = [line for line in text.splitlines() if ".weight" in line or ".bias" in line]
    assert rows and all(re.search(r"\S \? +\d", row) for row in rows)


@pytest.mark.parametrize("width", ["80", "200"])
def test_an_inferred_name_is_marked_at_any_width(folder: Path, width: str) -> None:
    """The line below the table says "inferred (marked ?)": then the table has the mark."""
    text = answered("analyze", *paths(folder, "a"), "--width", width)
    assert "4 inferred (marked ?)" in text
    rows = [line for line in text.splitlines() if line.startswith("enc.")]
    assert 4 == len(rows) and all("?" in row for row in rows)


def test_a_pipe_has_everything(wide: Path) -> None:
    """Without a width nothing is left out or shortened."""
    text = answered("analyze", str(wide / "long.onnx"))
    assert "no room for" not in text and "..." not in text
    assert text == answered("analyze", str(wide / "long.onnx"), "--width", "0")


# --- colours ---

COLOURED = (
    ("analyze a", 0),
    ("analyze a --stored", 0),
    ("analyze a --depth 2", 0),
    ("analyze a --stats", 0),
    ("audit a", 0),
    ("audit b --full --reference b.safetensors", 1),
    ("compare a b --full", 1),
    ("compare a b c", 1),
    ("rank a b", 0),
)


def run_with(words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """A process whose variables say nothing of colours but these."""
    silent = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in silent}
    return subprocess.run(
        [sys.executable, "-m", "onnx_params", *words],
        capture_output=True,
        text=True,
        env={**kept, **variables},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        pytest.param(*row, marks=[] if at < 2 else [pytest.mark.slow])
        for at, row in enumerate(COLOURED)
    ],
)
def test_colours(folder: Path, words: str, status: int) -> None:
    """The option decides, then NO_COLOR, then FORCE_COLOR; a pipe has none."""
    command = in_folder(folder, words)
    none = run_with(command)
    assert status == none.returncode and ESCAPE not in none.stdout
    for has_colour, option, variables in (
        (True, ["--color", "always"], {}),
        (True, ["--color", "always"], {"NO_COLOR": "1"}),
        (False, ["--color", "never"], {"FORCE_COLOR": "1"}),
        (True, [], {"FORCE_COLOR": "1"}),
        (False, [], {"NO_COLOR": "1"}),
        (False, [], {"NO_COLOR": "1", "FORCE_COLOR": "1"}),
    ):
        done = run_with([*command, *option], **variables)
        assert (status, has_colour) == (done.returncode, ESCAPE in done.stdout)
        assert none.stdout == CODES.sub("", done.stdout)


@pytest.mark.parametrize("format", ["json", "csv", "ndjson", "markdown", "html"])
def test_documents_have_no_colours(folder: Path, format: str) -> None:
    """Colours are the screen's alone."""
    words = ["analyze", *paths(folder, "a"), "--format", format]
    assert answered(*words) == answered(*words, "--color", "always")


def test_files_have_no_colours(folder: Path, tmp_path: Path) -> None:
    """Nor has a table that goes to a file."""
    path = tmp_path / "out.txt"
    answered("analyze", *paths(folder, "a"), "--color", "always", "-o", str(path))
    assert answered("analyze", *paths(folder, "a")) == path.read_text()


def on_a_terminal(words: list[str], **variables: str) -> str:
    """What a command writes to a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "onnx_params", *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        env={**kept, "TERM": "xterm", "COLUMNS": "80", **variables},
    ):
        os.close(theirs)
        text = b"".join(_pieces(ours)).decode()
    os.close(ours)
    return text


def _pieces(descriptor: int) -> Iterator[bytes]:
    """What comes until the other side closes."""
    while True:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError:
            return
        if not piece:
            return
        yield piece


def test_a_terminal_has_colours_unless_it_says_no(folder: Path) -> None:
    """A terminal has colours; NO_COLOR and a dumb one have none; an empty NO_COLOR says nothing."""
    words = ["analyze", *paths(folder, "b")]
    assert ESCAPE in on_a_terminal(words)
    assert ESCAPE in on_a_terminal(words, NO_COLOR="")
    assert ESCAPE not in on_a_terminal(words, NO_COLOR="1")
    assert ESCAPE not in on_a_terminal(words, TERM="dumb")
    assert [] == too_wide(on_a_terminal(words).replace("\r", ""), 80)
