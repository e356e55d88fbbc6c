"""The Python interface: a report is a sequence, every verb a function, every example runs."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.graphs import Chain

import onnx_params
from onnx_params import api
from onnx_params.auditing import audit as auditing

SHAPES = {"fc.weight": (32, 16), "fc.bias": (16,)}


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model and the checkpoint that the examples have."""
    rng = np.random.default_rng(0)
    arrays = {n: rng.standard_normal(shape).astype(np.float32) for n, shape in SHAPES.items()}
    save_file(arrays, tmp_path / "model.safetensors")
    chain = Chain()
    chain.node("MatMul", chain.last, chain.keep("fc.weight", arrays["fc.weight"]))
    chain.node("Add", chain.last, chain.keep("fc.bias", arrays["fc.bias"]))
    chain.save(tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("module", [api, auditing], ids=lambda each: each.__name__)
def test_examples(module: ModuleType, folder: Path) -> None:
    """Every example of a docstring does what it shows."""
    done = doctest.testmod(module, extraglobs={"onnx_params": onnx_params, "np": np})
    assert done.attempted and not done.failed


def test_all_is_listed() -> None:
    """dir() has every public name, each with a docstring."""
    assert sorted(onnx_params.__all__) == dir(onnx_params)
    names = [name for name in onnx_params.__all__ if name != "__version__"]
    assert all(getattr(onnx_params, name).__doc__ for name in names)


def test_report_is_a_sequence(folder: Path) -> None:
    """By place, by name, by stored name, in slices; what is not there is said."""
    report = onnx_params.analyze("model.onnx")
    weight = report["fc.weight"]
    assert [each.name for each in report] == list(SHAPES) and "fc.bias" in report
    assert report[0] == weight and [each.name for each in report[1:]] == ["fc.bias"]
    expected = load_file("model.safetensors")["fc.weight"]
    np.testing.assert_array_equal(weight.read(), expected)
    with pytest.raises(KeyError, match="no parameter is called"):
        report["fc.wieght"]


def test_reprs_are_short(folder: Path) -> None:
    """What a notebook shows of a record fits into a line."""
    report = onnx_params.analyze("model.onnx")
    records = (
        report,
        report[0],
        report.inventory,
        onnx_params.audit("model.onnx", reference="model.safetensors"),
        onnx_params.compare("model.onnx", "model.onnx"),
        onnx_params.lock("model.onnx"),
    )
    assert all(len(repr(record)) < 120 for record in records)


def test_frames(folder: Path) -> None:
    """A data frame and an Arrow table have the report's columns and numbers."""
    report = onnx_params.analyze("model.onnx")
    frame, table = report.to_dataframe(), report.to_arrow()
    assert frame["count"].sum() == report.parameters == 528
    assert table.column("count").to_pylist() == [512, 16]
    assert table.column("shape").to_pylist() == [[32, 16], [16]]


class Counting:
    """A source of one's own, which counts what is read."""

    label = "mine"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.n_bytes = len(data)
        self.n_read = 0

    def read(self, offset: int, length: int) -> bytes:
        self.n_read += length
        return self._data[offset : offset + length]

    def ahead(self, jump: int) -> int:
        return 256


def test_a_source_of_ones_own(folder: Path) -> None:
    """Anything with the attributes of a source is read in parts."""
    source = Counting((folder / "model.onnx").read_bytes())
    report = onnx_params.analyze(source)
    assert report.parameters == 528 and 0 < source.n_read < source.n_bytes


def test_html_is_safe_and_small(folder: Path) -> None:
    """A hostile name is text, and a long report is cut with what was left out."""
    chain = Chain()
    chain.linear("<script>alert(1)</script>.weight", np.ones((4, 4), np.float32))
    page = onnx_params.analyze(chain.save(folder / "h.onnx"))._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    chain = Chain()
    for at in range(400):
        chain.linear(f"layers.{at}.weight", np.ones((2, 2), np.float32))
    page = onnx_params.analyze(chain.save(folder / "l.onnx"))._repr_html_()
    assert len(page) < 60_000 and "and 300 more" in page


def test_documents_are_typed(folder: Path) -> None:
    """The package says that it has types, and its JSON is a document."""
    assert (Path(onnx_params.__file__).parent / "py.typed").exists()
    assert json.loads(onnx_params.analyze("model.onnx").to_json())["totals"]["parameters"] == 528
