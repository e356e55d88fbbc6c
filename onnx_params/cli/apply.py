"""The commands that take new weights: apply, link, emit."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from onnx_params.cli.formats import ApplicationFormat
from onnx_params.cli.options import Artifact
from onnx_params.cli.progress import bar
from onnx_params.cli.window import show, window
from onnx_params.errors import UsageError

Checkpoint = Annotated[
    str, typer.Argument(metavar="CHECKPOINT", help="A checkpoint of the same model.")
]
Inferred = Annotated[
    bool,
    typer.Option("--accept-inferred", help="Also take places that are inferred, not proved."),
]
Old = Annotated[
    str,
    typer.Option(
        "--reference",
        metavar="OLD",
        help="Checkpoint that the artifact was made of; it proves where everything lies.",
    ),
]


class Engine(enum.StrEnum):
    """Who takes the weights."""

    TRT_REFIT = "trt-refit"
    ORT_INITIALIZERS = "ort-initializers"
    JSON = "json"


def apply(
    model: Artifact,
    checkpoint: Checkpoint,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="ONNX file to write.")
    ] = "",
    reference: Old = "",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="GLOB", help="Write only tensors of these names."),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(
            "--lora",
            metavar="ADAPTER",
            help="Folder of a peft adapter to add, ADAPTER=0.5 for a half of it.",
        ),
    ] = None,
    accept_inferred: Inferred = False,
    keep_scales: Annotated[
        bool, typer.Option("--keep-scales", help="Leave the scales of quantized tensors.")
    ] = False,
    add_dropped: Annotated[
        bool,
        typer.Option("--add-dropped", help="Add biases that were left out because they were zero."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")
    ] = False,
    no_proof: Annotated[bool, typer.Option("--no-proof", help="Do not audit the result.")] = False,
    format: Annotated[
        ApplicationFormat, typer.Option("--format", help="Format of the answer.")
    ] = "table",
) -> None:
    """Write an artifact with a checkpoint's values in every place where a parameter is stored.

    Where a tensor cannot be written, nothing is: the exit status is 2. The result is audited
    against the checkpoint before it is put in place. The exit status of a dry run is 1 if a tensor
    cannot be written.
    """
    from onnx_params.applying.apply import apply as write
    from onnx_params.render.registry import render

    if bool(output) == dry_run:
        raise UsageError("give either -o OUT.onnx or --dry-run")
    with bar("writing", model) as progress:
        made = write(
            model,
            checkpoint,
            output or None,
            reference=reference or None,
            only=only or (),
            lora=lora or (),
            accept_inferred=accept_inferred,
            keep_scales=keep_scales,
            add_dropped=add_dropped,
            proof=not no_proof,
            progress=progress,
        )
    options = {"window": window()} if format == "table" else {}
    show(render(made, format, **options))
    if made.refused:
        raise typer.Exit(1)


def link(
    model: Artifact,
    checkpoint: Checkpoint,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="ONNX file to write.")
    ],
    reference: Old = "",
    accept_inferred: Inferred = False,
    materialize: Annotated[
        bool,
        typer.Option(
            "--materialize", help="Write transposed and cast tensors instead of adding nodes."
        ),
    ] = False,
    no_proof: Annotated[bool, typer.Option("--no-proof", help="Do not audit the result.")] = False,
    format: Annotated[
        ApplicationFormat, typer.Option("--format", help="Format of the answer.")
    ] = "table",
) -> None:
    """Write an artifact whose tensors point into a safetensors file beside it.

    The checkpoint is not copied. Where a tensor can neither be pointed at nor written, nothing is
    written: the exit status is 2.
    """
    from onnx_params.applying.link import link as write
    from onnx_params.render.registry import render

    with bar("writing", model) as progress:
        made = write(
            model,
            checkpoint,
            output,
            reference=reference or None,
            accept_inferred=accept_inferred,
            materialize=materialize,
            proof=not no_proof,
            progress=progress,
        )
    options = {"window": window()} if format == "table" else {}
    show(render(made, format, **options))


def emit(
    engine: Annotated[Engine, typer.Argument(help="Who takes the weights.")],
    model: Artifact,
    checkpoint: Checkpoint,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="PATH", help="Folder to write; a file for json."),
    ],
    reference: Old = "",
    accept_inferred: Inferred = False,
) -> None:
    """Write a checkpoint's values under the names that an engine knows, as arrays with a manifest.

    json writes only which parameter lies where. Where a tensor cannot be written, nothing is: the
    exit status is 2.
    """
    from onnx_params.applying.emit import emit as write
    from onnx_params.render.text import count_of, plain

    with bar("writing", model) as progress:
        made = write(
            engine,
            model,
            checkpoint,
            output,
            reference=reference or None,
            accept_inferred=accept_inferred,
            progress=progress,
        )
    show(f"{plain(output)}: {count_of(len(made.tensors), 'stored tensor')} for {made.engine}\n")
