"""The main job on real input: GPT-2's report from the artifact alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.models import SEED_REPORT, build_gpt2
from support.partition import assert_partition

import onnx_params

EXPORTERS = ("ours", "ours-torchscript", "fresh", "distinct", "unoptimized", "torchscript")


def test_markdown_equals_the_seed(gpt2: Path) -> None:
    """A plain export gives the framework's own report, to the byte."""
    assert SEED_REPORT.read_text() == onnx_params.analyze(gpt2).to_markdown()


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS)
def test_markdown_of_every_exporter(gpt2_artifacts: dict[str, Path], exporter: str) -> None:
    """So does the artifact of each exporter."""
    assert SEED_REPORT.read_text() == onnx_params.analyze(gpt2_artifacts[exporter]).to_markdown()


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_every_exporter_gives_the_same_table(
    tiny_gpt2_artifacts: dict[str, Path], exporter: str
) -> None:
    """Names, shapes and order are those of ``named_parameters()``, whichever exporter wrote the
    artifact; every byte has a place.
    """
    report = onnx_params.analyze(tiny_gpt2_artifacts[exporter])
    model = build_gpt2(n_layer=2, n_embd=32, n_head=4, vocab_size=99, n_positions=512)
    assert [(name, tuple(p.shape)) for name, p in model.named_parameters()] == [
        (row.name, row.shape) for row in report.rows
    ]
    assert_partition(report.inventory)


def test_bytes_add_up(gpt2: Path) -> None:
    """Tensors and structure are the whole of both files."""
    assert_partition(onnx_params.analyze(gpt2).inventory)


def test_report_without_the_data_file(gpt2: Path, tmp_path: Path) -> None:
    """The .onnx alone gives the same report; only values are refused."""
    path = tmp_path / "gpt2.onnx"
    shutil.copy(gpt2, path)
    report = onnx_params.analyze(path)
    assert SEED_REPORT.read_text() == report.to_markdown()
    tensor = next(t for t in report.inventory.model.tensors if t.external is not None)
    with pytest.raises(onnx_params.MissingDataError):
        tensor.read()


def test_json_fits_its_schema(gpt2: Path) -> None:
    """The JSON document is valid by the schema that ships with the package."""
    import jsonschema

    schema = json.loads((Path(onnx_params.__file__).parent / "schemas" / "report.json").read_text())
    document = json.loads(onnx_params.analyze(gpt2).to_json())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["totals"]["parameters"] == 124_439_808
