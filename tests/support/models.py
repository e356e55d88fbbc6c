"""Small models as text, and GPT-2 in any size."""

from __future__ import annotations

from pathlib import Path

import onnx.parser
import torch
import transformers

TESTS = Path(__file__).resolve().parent.parent
ZOO = TESTS / "models"
SEED_REPORT = TESTS / "golden" / "gpt2.md"


def parsed(name: str) -> onnx.ModelProto:
    """One model of the zoo of ONNX text."""
    return onnx.parser.parse_model((ZOO / f"{name}.onnxtxt").read_text())


def distinct(model: torch.nn.Module) -> torch.nn.Module:
    """The same module with every tensor drawn different: exporters merge equal ones."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return model


def build_gpt2(**config: int) -> torch.nn.Module:
    """A GPT-2 with random weights, full size unless the configuration says otherwise."""
    torch.manual_seed(0)
    return transformers.GPT2Model(transformers.GPT2Config(**config)).eval()


def plain_export(model: torch.nn.Module, path: Path, **options: object) -> None:
    """What a user does without us: torch.onnx.export and nothing else."""
    torch.onnx.export(
        model,
        (torch.arange(8)[None],),
        str(path),
        kwargs={"use_cache": False},
        verbose=False,
        **options,
    )
