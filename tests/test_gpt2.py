"""The main job on real input: GPT-2's report from the artifact alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import SEED_REPORT
from test_reader import assert_partition

import onnx_params


@pytest.mark.parametrize("key", ["ours", "ours-torchscript", "fresh", "distinct", "unoptimised", "torchscript"])
def test_markdown_equals_the_seed(gpt2_artifacts: dict[str, Path], key: str) -> None:
    """Each exporter's artifact gives the framework's own report, to the byte."""
    assert SEED_REPORT.read_text() == onnx_params.analyze(gpt2_artifacts[key]).to_markdown()


@pytest.mark.parametrize("key", ["ours", "fresh", "distinct", "unoptimised", "torchscript"])
def test_bytes_add_up(gpt2_artifacts: dict[str, Path], key: str) -> None:
    """Tensors and structure are the whole of both files."""
    assert_partition(onnx_params.analyze(gpt2_artifacts[key]).inventory)


def test_report_without_the_data_file(gpt2_artifacts: dict[str, Path], tmp_path: Path) -> None:
    """The .onnx alone gives the same report; only values are refused."""
    path = tmp_path / "gpt2.onnx"
    shutil.copy(gpt2_artifacts["fresh"], path)
    report = onnx_params.analyze(path)
    assert SEED_REPORT.read_text() == report.to_markdown()
    tensor = next(t for t in report.inventory.model.tensors if t.external is not None)
    with pytest.raises(onnx_params.MissingDataError):
        tensor.read()


def test_json_fits_its_schema(gpt2_artifacts: dict[str, Path]) -> None:
    """The JSON document is valid by the schema that ships with the package."""
    import jsonschema

    schema = json.loads((Path(onnx_params.__file__).parent / "report.schema.json").read_text())
    document = json.loads(onnx_params.analyze(gpt2_artifacts["fresh"]).to_json())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["totals"]["parameters"] == 124_439_808
