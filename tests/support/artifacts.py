"""Exports of the zoo's plain modules and of small transformers, as anyone makes them, with their
truth; made once a run.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import numpy as np
import torch
from onnx_params_exporters.inputs import make_inputs
from postprocess import POSTPROCESSORS
from safetensors.torch import save_file
from tiny import tiny
from zoo_build import _export
from zoo_cases import MODULES, distinct


class Case(NamedTuple):
    """A model, its folder with ``weights.safetensors``, and its inputs."""

    model: torch.nn.Module
    folder: Path
    inputs: dict[str, torch.Tensor]

    @property
    def checkpoint(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(parameter.shape) for name, parameter in self.model.named_parameters()}


@cache
def case(name: str) -> Case:
    """A case by its name in the zoo."""
    folder = Path(mkdtemp(prefix=f"{name}-"))
    if name in MODULES:
        torch.manual_seed(0)
        model, values = MODULES[name]()
        model = distinct(model.eval())
        inputs = {f"input_{at}": value for at, value in enumerate(values)}
    else:
        model = tiny(name)
        inputs = make_inputs(model)
    save_file(
        {key: tensor.detach().clone().contiguous() for key, tensor in model.state_dict().items()},
        folder / "weights.safetensors",
    )
    np.savez(folder / "inputs.npz", **{key: value.numpy() for key, value in inputs.items()})
    return Case(model, folder, inputs)


@cache
def artifact(name: str, kind: str) -> Path:
    """The path of an artifact:

    ``dynamo``, ``unoptimized`` or ``torchscript``, then a plus and a post-processor.
    """
    made = case(name)
    exporter, _, process = kind.partition("+")
    path = made.folder / f"{kind}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if process:
            POSTPROCESSORS[process](artifact(name, exporter), path, made.folder / "inputs.npz")
        else:
            _export(made.model, made.inputs, exporter, path)
    return path
