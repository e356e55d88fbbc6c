"""Exporting: real frameworks, and the artifact gives the framework's own list back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch
from onnx_params_exporters import from_torch, from_transformers
from tiny import tiny

import onnx_params
from onnx_params.idioms.source_map import KEY as SOURCE_MAP_KEY

FAST = ["bert", "t5", "vit", "resnet", "wav2vec2", "whisper"]
# text, text to text, mixtures of experts, state spaces; pictures, films; sound; pairs of two
SLOW = [
    "albert",
    "audio-spectrogram-transformer",
    "bart",
    "bloom",
    "clip",
    "convnext",
    "deberta-v2",
    "deit",
    "dinov2",
    "distilbert",
    "electra",
    "gpt_neo",
    "gptj",
    "hubert",
    "layoutlm",
    "llama",
    "mamba",
    "mistral",
    "mixtral",
    "mobilenet_v2",
    "mpnet",
    "opt",
    "qwen2",
    "regnet",
    "roberta",
    "segformer",
    "siglip",
    "swin",
    "videomae",
]


# TorchScript folds parameters that bare operators of their module take (``-exp(A_log)``, ``x * D``,
# ``+ dt_proj.bias``), and nothing says those names
UNTOLD = {"mamba": 0.7}


def strip_map(path: Path) -> Path:
    """The same artifact without our source map: what anyone else's export looks like."""
    proto = onnx.load(path)
    kept = [entry for entry in proto.metadata_props if entry.key != SOURCE_MAP_KEY]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    bare = path.with_stem(f"{path.stem}-bare")
    onnx.save(proto, bare)
    return bare


def assert_restored(model_type: str, exporter: from_torch.Exporter, folder: Path) -> None:
    model = tiny(model_type)
    path = folder / "model.onnx"
    from_transformers.export(model, str(path), exporter=exporter)
    true = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    report = onnx_params.analyze(path)
    assert true == {row.name: row.shape for row in report.rows}
    assert list(true) == [row.name for row in report.rows]
    # without the map: recall may be less, and nothing certain may be wrong
    names = {
        name: tuple(parameter.shape)
        for name, parameter in model.named_parameters(remove_duplicate=False)
    }
    bare = onnx_params.analyze(strip_map(path)).rows
    assert [] == [
        row.name
        for row in bare
        if row.certain and (row.name not in names or row.shape not in (None, names[row.name]))
    ]
    back = {
        name for row in bare for name in (row.name, *row.aliases) if names.get(name) == row.shape
    }
    # TorchScript leaves no trace of what was folded
    normed = any(name.endswith("running_mean") for name, _ in model.named_buffers())
    most = 0.85 if exporter == "dynamo" or not normed else 0.3
    if exporter == "torchscript":
        most = UNTOLD.get(model_type, most)
    assert len(back & set(true)) > most * len(true)


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
@pytest.mark.parametrize("model_type", FAST)
def test_restored(tmp_path: Path, model_type: str, exporter: from_torch.Exporter) -> None:
    """Text, picture and sound models: names, shapes and order of named_parameters() come out of the
    file.
    """
    assert_restored(model_type, exporter, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
@pytest.mark.parametrize("model_type", SLOW)
def test_restored_more(tmp_path: Path, model_type: str, exporter: from_torch.Exporter) -> None:
    """The same for many more types."""
    assert_restored(model_type, exporter, tmp_path)


class Small(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(4, 3)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.head(left + right)


@pytest.mark.parametrize(
    "inputs",
    [(torch.ones(1, 4), torch.zeros(1, 4)), {"right": torch.ones(1, 4), "left": torch.zeros(1, 4)}],
)
def test_inputs_in_order_or_by_name(tmp_path: Path, inputs: object) -> None:
    """A module of one's own, with its inputs as torch.onnx.export takes them or by name."""
    path = tmp_path / "small.onnx"
    from_torch.export(Small(), inputs, str(path))
    assert [("head.weight", (3, 4)), ("head.bias", (3,))] == [
        (row.name, row.shape) for row in onnx_params.analyze(path).rows
    ]


def test_half_precision(tmp_path: Path) -> None:
    """fp16 weights and inputs: half the bytes, the same names."""
    path = tmp_path / "vit.onnx"
    from_transformers.export(tiny("vit"), str(path), half=True)
    assert {"float16"} == {row.dtype for row in onnx_params.analyze(path).rows}


class Sorted(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(x.numpy()) if x.shape[0] > 5 else torch.linalg.qr(x)[0]


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    """Where torch cannot export, there is an error of ours and no file."""
    with pytest.raises(onnx_params.ExportError, match="torch's dynamo exporter failed"):
        from_torch.export(Sorted(), (torch.ones(2, 2),), str(tmp_path / "x.onnx"))
    assert [] == list(tmp_path.iterdir())


def test_operator_set_that_torch_does_not_write(tmp_path: Path) -> None:
    """Dynamo silently writes 18 where 13 is asked: refused, and nothing is left."""
    with pytest.raises(onnx_params.ExportError, match="operator set"):
        from_torch.export(
            Small(), (torch.ones(1, 4), torch.zeros(1, 4)), str(tmp_path / "x.onnx"), opset=13
        )
    assert [] == list(tmp_path.iterdir())


def test_verify_finds_changed_values(tmp_path: Path) -> None:
    """--verify reads values: a weight that was changed under its name is no longer certain."""
    path = tmp_path / "small.onnx"
    from_torch.export(Small(), (torch.ones(1, 4), torch.zeros(1, 4)), str(path))
    assert all(row.certain for row in onnx_params.analyze(path, verify=True).rows)
    proto = onnx.load(path)
    bias = next(tensor for tensor in proto.graph.initializer if tensor.name == "head.bias")
    bias.raw_data = bytes(12)
    onnx.save(proto, path)
    assert [True, False] == [row.certain for row in onnx_params.analyze(path, verify=True).rows]
    assert [True, True] == [row.certain for row in onnx_params.analyze(path).rows]


def test_missing_framework_names_the_install_line(tmp_path: Path) -> None:
    """Without transformers the answer is the line that installs it."""
    words = ["onnx-params", "export", "transformers", "gpt2", "-o", "x.onnx"]
    code = (
        f"import sys; sys.modules['transformers'] = None; sys.argv = {words}; from onnx_params.cli"
        " import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert "pip install transformers" in done.stderr and done.stderr.count("\n") == 1
