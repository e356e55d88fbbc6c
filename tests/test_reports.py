"""What public reports on exporters describe, and was refused or counted wrong: one small model each,
exported as users do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import onnx_params
from onnx_params.auditing.audit import audit

EXPORTERS = pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "torchscript"])


class Functional(nn.Module):
    """Weights of layers that are never called; what is computed of one is laid out once more."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 3, 1)
        self.fc = nn.Linear(3, 5)

    def forward(self, x: Tensor) -> Tensor:
        mean = functional.conv2d(x, torch.sin(self.conv.weight)).mean((2, 3))
        return mean @ torch.sin(self.fc.weight).t()


class Called(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x))


class WholeNumbers(nn.Module):
    """A table of whole numbers that a product takes."""

    def __init__(self) -> None:
        super().__init__()
        table = torch.arange(-10, 10, dtype=torch.int8).reshape(4, 5)
        self.table = nn.Parameter(table, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.table.float()


class ComplexLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4, dtype=torch.cfloat))
        self.bias = nn.Parameter(torch.randn(1, 6, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        given = torch.complex(x, torch.zeros_like(x))
        return torch.view_as_real(torch.matmul(given, self.weight.T) + self.bias)


class Normed(nn.Module):
    """Spectral norms as parametrizations, a kernel's and a matrix'."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
        self.fc = parametrizations.spectral_norm(nn.Linear(4, 7))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).mean((2, 3)))


class Projected(nn.Module):
    """An LSTM whose results are projected, which no operator of ONNX does."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6, proj_size=3, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


def exported(model: nn.Module, folder: Path, *shape: int, dynamo: bool = True) -> tuple[Path, Path]:
    """The artifact and the checkpoint of a model."""
    path = folder / "m.onnx"
    given = (torch.randn(shape),)
    with torch.no_grad():
        torch.onnx.export(
            model.eval(), given, str(path), dynamo=dynamo, external_data=False, verbose=False
        )
    save_file(dict(model.state_dict()), folder / "c.safetensors")
    return path, folder / "c.safetensors"


def changed(path: Path, name: Callable[[onnx.TensorProto], bool]) -> Path:
    """The artifact with the first number of one stored tensor doubled."""
    model = onnx.load(path)
    (tensor,) = [each for each in model.graph.initializer if name(each)]
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[0] = values.reshape(-1)[0] * 2 + 1
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path.with_name("changed.onnx"))
    return path.with_name("changed.onnx")


@EXPORTERS
def test_layers_that_are_never_called(dynamo: bool, tmp_path: Path) -> None:
    """Their biases are unused: that they are absent is said, and is no fault."""
    path, reference = exported(Functional(), tmp_path, 2, 5, 4, 4, dynamo=dynamo)
    made = audit(path, reference=reference)
    assert made.passed
    assert [finding.rule for finding in made.findings if finding.rule == "absent"] == ["absent"]


@EXPORTERS
def test_a_bias_that_was_dropped(dynamo: bool, tmp_path: Path) -> None:
    path, reference = exported(Called(), tmp_path, 2, 5, 4, 4, dynamo=dynamo)
    model = onnx.load(path)
    (conv,) = [node for node in model.graph.node if node.op_type == "Conv"]
    bias = conv.input.pop()
    (stored,) = [each for each in model.graph.initializer if each.name == bias]
    model.graph.initializer.remove(stored)
    onnx.save(model, path)
    made = audit(path, reference=reference)
    assert ("missing", "conv.bias") in {(each.rule, each.name) for each in made.findings}


def test_whole_numbers_as_floating_point_ones(tmp_path: Path) -> None:
    path, reference = exported(WholeNumbers(), tmp_path, 2, 4)
    assert audit(path, reference=reference).passed
    made = audit(changed(path, lambda each: list(each.dims) == [4, 5]), reference=reference)
    assert [finding.rule for finding in made.findings if finding.rule == "changed"] == ["changed"]


def test_the_matrix_of_a_complex_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path, reference = exported(ComplexLinear(), tmp_path, 2, 4)
    rows = {row.name: (row.shape, row.certain) for row in onnx_params.analyze(path).rows}
    assert rows == {"weight": ((6, 4), False), "bias": ((1, 6), False)}
    assert audit(path, reference=reference).passed
    real = [each.name for each in onnx.load(path).graph.initializer if list(each.dims) == [8, 6]]
    assert len(real) == 2
    assert not audit(changed(path, lambda each: each.name == real[0]), reference=reference).passed


def test_parameters_of_spectral_norms(tmp_path: Path) -> None:
    path, _ = exported(Normed(), tmp_path, 2, 3, 8, 8)
    assert {row.name: row.shape for row in onnx_params.analyze(path).rows} == {
        "conv.bias": (4,),
        "conv.parametrizations.weight.original": (4, 3, 3, 3),
        "fc.bias": (7,),
        "fc.parametrizations.weight.original": (7, 4),
    }


def test_a_projection_that_the_exporter_forgot(tmp_path: Path) -> None:
    """The artifact is not what the checkpoint computes, and no row has a shape for certain."""
    path, reference = exported(Projected(), tmp_path, 2, 5, 4)
    rows = onnx_params.analyze(path).rows
    assert {row.shape for row in rows if row.certain} == {None}
    assert not audit(path, reference=reference).passed


class Fused(nn.Module):
    """A convolution with a norm that has no parameters, and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.normed = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8, affine=False)
        self.plain = nn.Conv2d(8, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(torch.relu(self.norm(self.normed(x))))


def test_a_norm_that_an_activation_hides(tmp_path: Path) -> None:
    """Nothing is extracted under a name whose numbers may have a norm in them."""
    model = Fused()
    model.norm.running_mean.uniform_(-1, 1)
    model.norm.running_var.uniform_(0.5, 2)
    path, _ = exported(model, tmp_path, 2, 3, 12, 12)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "o.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    op_types = {node.op_type for node in onnx.load(tmp_path / "o.onnx").graph.node}
    assert "FusedConv" in op_types
    made = onnx_params.extract(tmp_path / "o.onnx", tmp_path / "e.safetensors")
    assert set(made.written) == {"plain.weight", "plain.bias"}
    assert {name for name, _ in made.left} == {"normed.weight", "normed.bias"}
