"""Pages without a browser: one file that asks for nothing, runs what its policy names, and has the
document as the JSON has it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import pages
from support.graphs import Chain, checkpoint, nbits
from support.models import parsed
from support.process import called

import onnx_params
from onnx_params.auditing.rules import RULES
from onnx_params.render import notebook
from onnx_params.report.kinds import ModuleKind

ROOT = Path(__file__).parent.parent
BUNDLE = ROOT / "onnx_params" / "render" / "page"
COLOURS = (ROOT / "page" / "src" / "colours.ts").read_text(encoding="utf-8")
HOSTILE = (
    "</script><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "\u202eabc\u200f.weight",
    "a." * 5000,
    "=1+1|`x`",
)


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    path = tmp_path / "mlp.onnx"
    onnx.save(parsed("mlp"), path)
    return path


def page_of(*words: str, status: int = 0) -> str:
    """What a command writes as a page."""
    done = called(*words, "--format", "html")
    assert (status, "") == (done.returncode, done.stderr)
    return done.stdout


def test_the_document_is_the_json(mlp: Path) -> None:
    """A page shows what --format json writes."""
    expected = json.loads(called("analyze", str(mlp), "--format", "json").stdout)
    assert expected == pages.document(page_of("analyze", str(mlp)))


def test_several_models_are_one_page(mlp: Path) -> None:
    """Reports of two models are one page with both."""
    made = pages.document(page_of("analyze", str(mlp), str(mlp)))
    assert ("onnx-params/reports/1", 2) == (made["schema"], len(made["reports"]))


def test_the_policy_names_what_runs(mlp: Path) -> None:
    """Scripts and style by hash, each of them; nothing else, from nowhere."""
    page = page_of("analyze", str(mlp))
    parts = pages.blocks(page)
    (loader,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    found = pages.policy(page)
    assert {hash_of(loader), hash_of(parts["script"])} == set(found["script-src"])
    assert [hash_of(parts["style"])] == found["style-src"]
    assert [["'none'"]] * 4 == [
        found[each] for each in ("default-src", "connect-src", "base-uri", "form-action")
    ]


def test_nothing_is_fetched(mlp: Path) -> None:
    """No part of a page names an address of the network."""
    page = page_of("analyze", str(mlp))
    text = page + "".join(value for name, value in pages.blocks(page).items() if name != "data")
    # the namespace of SVG is a name, not an address
    assert {"http://www.w3.org"} >= set(re.findall(r"https?://[\w.]+", text))
    assert [] == re.findall(r"\b(?:src|href)=[\"'](?!data:)", page)


@pytest.fixture
def trio(tmp_path: Path) -> Path:
    """A model, the same in 4 bits, and its checkpoint, in which one number differs."""
    draw = np.random.default_rng(0)
    weights = {
        f"layer.{at}.weight": draw.normal(size=(32, 32)).astype(np.float32) for at in range(3)
    }
    whole, packed = Chain(), Chain()
    for name, weight in weights.items():
        whole.linear(name, weight)
        nbits(packed, name, weight)
    whole.save(tmp_path / "model.onnx")
    packed.save(tmp_path / "model_q4.onnx")
    checkpoint(tmp_path / "model.safetensors", **weights)
    weights["layer.1.weight"] = weights["layer.1.weight"].copy()
    weights["layer.1.weight"][3, 5] += 1
    checkpoint(tmp_path / "other.safetensors", **weights)
    return tmp_path


def test_a_comparison_is_a_page(trio: Path) -> None:
    """The document is the JSON of compare; it differs, so the status is 1."""
    words = "compare", str(trio / "model.onnx"), str(trio / "model_q4.onnx")
    made = pages.document(page_of(*words, status=1))
    assert json.loads(called(*words, "--format", "json").stdout) == made
    assert ["quantized"] * 3 == [pair["relation"] for pair in made["pairs"]]
    assert made["outcome"].startswith("they differ in dtype")


def test_a_comparison_of_three_is_refused(trio: Path) -> None:
    """A page has two sides: in one line, before anything is read."""
    done = called("compare", *["none.onnx"] * 3, "--format", "html")
    assert (2, "onnx-params: compare --format html takes two models\n") == (
        done.returncode,
        done.stderr,
    )


def test_an_audit_is_a_page(trio: Path) -> None:
    """The document is the JSON of audit, with the sentences of the rules that found something."""
    words = "audit", str(trio / "model.onnx"), "--reference", str(trio / "other.safetensors")
    made = pages.document(page_of(*words, status=1))
    assert json.loads(called(*words, "--format", "json").stdout) == made
    assert RULES["changed"].why == made["rules"]["changed"]["why"]


def test_audits_are_one_page(trio: Path) -> None:
    """Of several models an envelope."""
    made = pages.document(page_of("audit", *map(str, sorted(trio.glob("*.onnx")))))
    assert ("onnx-params/audits/1", 2) == (made["schema"], len(made["audits"]))


def test_residuals_are_counted(trio: Path) -> None:
    """Of a quantized tensor the errors of all elements, between the largest on either side."""
    model, reference = trio / "model_q4.onnx", trio / "model.safetensors"
    made = pages.document(page_of("audit", str(model), "--reference", str(reference)))
    for each in made["judgements"]:
        lost = each["quantization"]
        assert 32 * 32 == sum(lost["residuals"]["counts"])
        assert lost["largest_error"] == lost["residuals"]["high"] == -lost["residuals"]["low"]


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "quotes", "direction", "long", "sheet"])
def test_hostile_names_stay_data(tmp_path: Path, name: str) -> None:
    """A name is in the document as it is, and as nothing else."""
    chain = Chain()
    chain.linear(name, np.ones((4, 4), np.float32))
    page = page_of("analyze", str(chain.save(tmp_path / "hostile.onnx")))
    assert name in pages.document(page)["parameters"][0]["stored"]
    assert "alert(1)</script>" not in page and "<img" not in page and "\u202e" not in page
    assert 4 == page.count("</script>")


def test_a_page_is_the_same_each_time(mlp: Path) -> None:
    """The same report gives the same bytes."""
    assert page_of("analyze", str(mlp)) == page_of("analyze", str(mlp))


def test_gpt2_is_small(gpt2: Path) -> None:
    """The page of GPT-2 has less than 100 KB, and shows 148 parameters in 12 equal blocks."""
    page = page_of("analyze", str(gpt2))
    assert len(page.encode()) < 100_000
    rows = pages.document(page)["parameters"]
    assert 148 == len(rows)
    assert {"embedding", "attention", "feed-forward", "norm"} == {row["kind"] for row in rows}


def test_twenty_thousand_rows_are_small(tmp_path: Path) -> None:
    """A page of 20,000 rows has less than 1 MB."""
    chain = Chain()
    ones = np.ones((2, 2), np.float32)
    for at in range(20_000):
        chain.node("MatMul", chain.last, chain.keep(f"layers.{at // 9}.part{at % 9}.weight", ones))
    page = page_of("analyze", str(chain.save(tmp_path / "large.onnx")))
    assert len(page.encode()) < 1_000_000
    assert 20_000 == len(pages.document(page)["parameters"])


def test_a_row_says_where_it_is_stored(mlp: Path) -> None:
    """A parameter has its stored tensors, the steps from each, and the reason of its name."""
    row = onnx_params.analyze(mlp)["fc.weight"]
    (found,) = [
        each
        for each in json.loads(onnx_params.analyze(mlp).to_json())["parameters"]
        if each["name"] == row.name
    ]
    (place,) = found["placements"]
    assert (list(row.stored), [4, 3]) == ([place["stored"]], found["shape"])
    assert row.claim is not None and row.claim.because == found["because"]
    assert place["bytes"] == row.n_bytes and place["rule"] and place["because"]


def test_statistics_have_a_histogram(mlp: Path) -> None:
    """With --stats every finite number of a parameter is counted in an interval."""
    made = pages.document(page_of("analyze", str(mlp), "--stats"))
    for row in made["parameters"]:
        spread = row["stats"]["histogram"]
        assert row["count"] == sum(spread["counts"])
        apart = max(abs(row["stats"]["min"]), abs(row["stats"]["max"])) / 128
        assert spread["low"] <= row["stats"]["min"] + apart
        assert row["stats"]["max"] <= spread["high"] + apart


@pytest.mark.parametrize(
    ("name", "op_type", "shape", "kind"),
    [
        ("a.b.weight", "MatMul", (4, 4), ModuleKind.LINEAR),
        ("a.self_attn.q_proj.weight", "MatMul", (4, 4), ModuleKind.ATTENTION),
        ("a.mlp.up.weight", "MatMul", (4, 4), ModuleKind.FEED_FORWARD),
        ("a.attn.norm.weight", "MatMul", (4, 4), ModuleKind.NORM),
        ("attn.b.weight", "Conv", (4, 4, 1, 1), ModuleKind.CONVOLUTION),
        ("a.b.scale", "Mul", (4,), ModuleKind.NORM),
        ("a.b.thing", "Add", (4,), ModuleKind.OTHER),
    ],
)
def test_kinds_of_modules(
    tmp_path: Path, name: str, op_type: str, shape: tuple[int, ...], kind: ModuleKind
) -> None:
    """Operators say what a module is, and where they could be of any, words do."""
    chain = Chain()
    chain.node(op_type, chain.last, chain.keep(name, np.ones(shape, np.float32)))
    report = onnx_params.analyze(chain.save(tmp_path / "kinds.onnx"))
    assert {name: kind.value} == dict(report.kinds)


def test_a_notebook_has_the_same_without_a_script(mlp: Path) -> None:
    """The heading, a bar by kind of module in the page's colours, and the rows."""
    report = onnx_params.analyze(mlp)
    made = report._repr_html_()
    assert made.startswith(f"<p><b>mlp: {report.parameters} parameters")
    assert "fc.weight" in made and "<script" not in made and "<style" not in made
    assert "flex:" in made
    assert {kind.value for kind in ModuleKind} == set(notebook._KINDS)
    assert all(f'"{colour}"' in COLOURS for colour in notebook._KINDS.values())


def test_the_bundle_is_what_the_sources_give(tmp_path: Path) -> None:
    """``npm run build`` changes no file of the package."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    if not (ROOT / "page" / "node_modules").is_dir():
        pytest.skip("page/node_modules is not there: make page")
    before = {path.name: path.read_bytes() for path in BUNDLE.iterdir() if path.is_file()}
    done = subprocess.run([npm, "run", "build"], cwd=ROOT / "page", capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    assert before == {path.name: path.read_bytes() for path in BUNDLE.iterdir() if path.is_file()}


def test_the_bundle_carries_its_licenses() -> None:
    """Every package in the bundle has its license beside it."""
    text = (BUNDLE / "LICENSES.txt").read_text()
    lock = json.loads((ROOT / "page" / "package-lock.json").read_text())["packages"]
    for name in ("preact", "@preact/signals", "@preact/signals-core", "d3-hierarchy"):
        assert f"{name} {lock[f'node_modules/{name}']['version']}, " in text
    assert 3 <= text.count("Permission") >= 3
