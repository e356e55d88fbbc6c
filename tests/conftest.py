"""Fixtures that several test modules use: GPT-2, exported once a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from onnx_params_exporters import from_torch, from_transformers
from support.models import build_gpt2, distinct, plain_export

TINY = {"n_layer": 2, "n_embd": 32, "n_head": 4, "vocab_size": 99, "n_positions": 512}


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Full-size GPT-2 as a user exports it; the weights lie in a file beside it."""
    path = tmp_path_factory.mktemp("gpt2") / "gpt2.onnx"
    plain_export(build_gpt2(), path, dynamo=True)
    return path


@pytest.fixture(scope="session")
def tiny_gpt2_artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small GPT-2 by each exporter."""
    return _exports(tmp_path_factory.mktemp("tiny-gpt2"), TINY)


@pytest.fixture(scope="session")
def gpt2_artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Full-size GPT-2 by each exporter: two minutes, for slow tests."""
    return _exports(tmp_path_factory.mktemp("gpt2-artifacts"), {})


def _exports(folder: Path, config: dict[str, int]) -> dict[str, Path]:
    """One artifact an exporter, by the exporter's word."""
    paths = {
        key: folder / key / "gpt2.onnx"
        for key in ("ours", "ours-torchscript", "fresh", "distinct", "unoptimized", "torchscript")
    }
    for path in paths.values():
        path.parent.mkdir()
    plain_export(build_gpt2(**config), paths["fresh"], dynamo=True)
    plain_export(distinct(build_gpt2(**config)), paths["distinct"], dynamo=True)
    plain_export(distinct(build_gpt2(**config)), paths["unoptimized"], dynamo=True, optimize=False)
    described = transformers.GPT2Config(**config)
    from_transformers.export(described, str(paths["ours"]), random_init=True)
    from_transformers.export(
        described, str(paths["ours-torchscript"]), random_init=True, exporter="torchscript"
    )
    model = distinct(build_gpt2(**config))
    inputs = from_transformers.make_inputs(model)
    with from_torch._flat(model, list(inputs)):
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            str(paths["torchscript"]),
            dynamo=False,
            input_names=list(inputs),
        )
    return paths
