"""The words after ``onnx-params export``: one command a framework."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from onnx_params.errors import DependencyError

app = typer.Typer(help="Export a model to ONNX with its source map.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


class Exporter(enum.StrEnum):
    """Which of torch's exporters."""

    DYNAMO = "dynamo"
    TORCHSCRIPT = "torchscript"


@app.callback()
def common() -> None:
    """Export a model to ONNX with its source map."""


@app.command()
def transformers(
    model: Annotated[str, typer.Argument(help="A hub name or, with --random-init, a model type such as gpt2.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where the artifact goes.")],
    random_init: Annotated[bool, typer.Option("--random-init", help="Random weights from the configuration class; no hub.")] = False,
    exporter: Annotated[Exporter, typer.Option("--exporter", help="Which of torch's exporters.")] = Exporter.DYNAMO,
    opset: Annotated[int, typer.Option("--opset", help="Operator set; the exporter's own choice if 0.")] = 0,
    fp16: Annotated[bool, typer.Option("--fp16", help="Cast weights to half precision first.")] = False,
) -> None:
    """Export a transformers model."""
    try:
        from onnx_params_exporters.from_transformers import export
    except ImportError as error:
        raise DependencyError(f"{error.name} is not installed: pip install 'onnx-params[transformers]'") from error
    export(model, output, random_init=random_init, exporter=exporter.value, opset=opset or None, half=fp16)
