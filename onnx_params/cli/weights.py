"""The commands that write weights or names: restore, extract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from onnx_params.cli.options import Artifact, Like, NamesFrom, Reference, StripPrefix, take
from onnx_params.cli.progress import bar
from onnx_params.cli.window import show, window
from onnx_params.errors import UsageError

if TYPE_CHECKING:
    from onnx_params.render.screen import Line


def map_lines(lines: list[str]) -> list[Line]:
    """Lines as blocks of a screen."""
    from onnx_params.render.screen import Line

    return [Line(line) for line in lines]


def restore(
    model: Artifact,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write the artifact with restored names to.",
        ),
    ] = "",
    map: Annotated[
        str, typer.Option("--map", metavar="FILE", help="File to write the source map to, as JSON.")
    ] = "",
    reference: Reference = "",
    like: Like = "",
    names_from: NamesFrom = "",
    strip_prefix: StripPrefix = False,
) -> None:
    """Write the artifact with its parameters' original names, and a source map.

    Values and outputs stay the same.
    """
    from onnx_params.extraction.restore import restore as write_restored
    from onnx_params.extraction.restore import write_map
    from onnx_params.io.atomic import refuse_overwriting
    from onnx_params.render.screen import text
    from onnx_params.render.text import plain

    if not output and not map:
        raise UsageError("no output is named: give -o OUT.onnx, --map FILE.json, or both")
    refuse_overwriting([output, map], [model, reference, names_from])
    report = take(model, reference, like, names_from, strip_prefix)
    said: list[str] = []
    if map:
        count = write_map(report.inventory, map)
        said.append(f"{plain(map)}: the source map of {count} parameters")
    if output:
        with bar("writing", model) as progress:
            done = write_restored(report.inventory, output, progress=progress)
        said.append(
            f"{plain(output)}: {len(done.renamed)} stored tensors renamed, {len(done.kept)} could"
            f" not be; a source map of {done.mapped} parameters"
        )
        said += [f"  {plain(old)} -> {plain(new)}" for old, new in done.renamed.items()]
        said += [f"  {plain(old)} keeps its name: {plain(reason)}" for old, reason in done.kept]
    show(text(map_lines(said), window()))


def extract(
    model: Artifact,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Safetensors file to write.")
    ],
    dequantize: Annotated[
        bool, typer.Option("--dequantize", help="Also write values that quantization rounded.")
    ] = False,
    reference: Reference = "",
    like: Like = "",
    names_from: NamesFrom = "",
    strip_prefix: StripPrefix = False,
) -> None:
    """Write the original state dict as safetensors: names, shapes, layout.

    The exit status is 1 if a parameter cannot be recovered.
    """
    from onnx_params.extraction.extract import extract as write_extracted
    from onnx_params.io.atomic import refuse_overwriting
    from onnx_params.render.screen import text
    from onnx_params.render.text import plain

    refuse_overwriting([output], [names_from])
    inventory = take(model, reference, like, names_from, strip_prefix).inventory
    with bar("writing", *inventory.input_paths()[:1]) as progress:
        done = write_extracted(inventory, output, dequantize=dequantize, progress=progress)
    rounded = f", {len(done.lossy)} of them rounded" if done.lossy else ""
    said = [
        f"{plain(output)}: {len(done.written)} tensors{rounded}; {len(done.left)} could not be had"
        " back",
        *(f"  {plain(name)}: {plain(reason)}" for name, reason in done.left),
    ]
    show(text(map_lines(said), window()))
    if done.left:
        raise typer.Exit(1)
