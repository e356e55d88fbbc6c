"""Models that tests share: the zoo of ONNX text, and real exports made once a run."""

from __future__ import annotations

from pathlib import Path

import onnx.parser
import pytest
import torch
import transformers
from onnx_params_exporters import from_torch, from_transformers

ZOO = Path(__file__).parent / "models"
SEED_REPORT = Path(__file__).parent / "golden" / "gpt2.md"


def parsed(name: str) -> onnx.ModelProto:
    """One model of the zoo."""
    return onnx.parser.parse_model((ZOO / f"{name}.onnxtxt").read_text())


def distinct(model: torch.nn.Module) -> torch.nn.Module:
    """The same module with every tensor drawn different: exporters merge equal ones."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return model


def build_gpt2(**config: int) -> torch.nn.Module:
    """A GPT-2 with random weights."""
    torch.manual_seed(0)
    return transformers.GPT2Model(transformers.GPT2Config(**config)).eval()


def plain_export(model: torch.nn.Module, path: Path, **options: object) -> None:
    """What a user does without us: torch.onnx.export and nothing else."""
    torch.onnx.export(model, (torch.arange(8)[None],), str(path), kwargs={"use_cache": False}, verbose=False, **options)


@pytest.fixture(scope="session")
def gpt2_artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Full-size GPT-2 by each exporter."""
    folder = tmp_path_factory.mktemp("gpt2")
    paths = {key: folder / key / "gpt2.onnx" for key in ("ours", "ours-torchscript", "fresh", "distinct", "unoptimised", "torchscript")}
    for path in paths.values():
        path.parent.mkdir()
    plain_export(build_gpt2(), paths["fresh"], dynamo=True)
    plain_export(distinct(build_gpt2()), paths["distinct"], dynamo=True)
    plain_export(distinct(build_gpt2()), paths["unoptimised"], dynamo=True, optimize=False)
    from_transformers.export("gpt2", str(paths["ours"]), random_init=True)
    from_transformers.export("gpt2", str(paths["ours-torchscript"]), random_init=True, exporter="torchscript")
    model = distinct(build_gpt2())
    inputs = from_transformers.make_inputs(model)
    with from_torch._flat(model, list(inputs)):
        torch.onnx.export(model, tuple(inputs.values()), str(paths["torchscript"]), dynamo=False, input_names=list(inputs))
    return paths
