"""The command line: parse, call, print, exit status."""

from __future__ import annotations

import enum
import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from onnx_params import __version__
from onnx_params.errors import OnnxParamsError, UsageError

if TYPE_CHECKING:
    from onnx_params.report import Report

MAX_SHOWN: Final = 2000  # rows that rich lays out; it takes a millisecond each

app = typer.Typer(
    name="onnx-params",
    help="Source maps for model weights: what is in an ONNX file, under the names that its author knew.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Format(enum.StrEnum):
    """How a report is written."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


class Sort(enum.StrEnum):
    """By what rows are sorted."""

    ORIGINAL = "original"
    NAME = "name"
    COUNT = "count"
    BYTES = "bytes"


def _version(asked: bool) -> None:
    if asked:
        print(f"onnx-params {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Source maps for model weights: what is in an ONNX file, under the names that its author knew."""


@app.command()
def analyze(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="ONNX files, URLs, or - for stdin.")],
    format: Annotated[Format, typer.Option("--format", help="How the report is written.")] = Format.TABLE,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write there, not to stdout.")] = "",
    name: Annotated[str, typer.Option("--name", help="What the report calls the model; the file's stem if not given.")] = "",
    depth: Annotated[int, typer.Option("--depth", min=0, help="Roll rows up into a module tree of this depth.")] = 0,
    sort: Annotated[Sort, typer.Option("--sort", help="Order of rows; counts and bytes the largest first.")] = Sort.ORIGINAL,
    filter: Annotated[str, typer.Option("--filter", metavar="GLOB", help="Only rows whose name matches.")] = "",
    stored: Annotated[bool, typer.Option("--stored", help="List what lies in the file, under the names it has there.")] = False,
    explain: Annotated[str, typer.Option("--explain", metavar="NAME", help="Say all that is known of one tensor or parameter.")] = "",
    verify: Annotated[bool, typer.Option("--verify", help="Read values and hold them against the source map's SHA-256 digests.")] = False,
    chart: Annotated[str, typer.Option("--chart", metavar="FILE", help="Draw parameters by form: .png, .svg or .pdf.")] = "",
) -> None:
    """Report the parameters of ONNX files: names, shapes, counts, forms."""
    from fnmatch import fnmatchcase

    from onnx_params.api import analyze as take
    from onnx_params.output import write

    if len(models) > 1 and (chart or name):
        raise UsageError("--chart and --name go with one model")
    documents: list[str] = []
    for model in models:
        report = take(model, name=name or None, verify=verify)
        if filter:
            report = report.select(lambda row: fnmatchcase(row.name, filter))
        if sort is not Sort.ORIGINAL:
            keys = {Sort.NAME: lambda r: r.name, Sort.COUNT: lambda r: -(r.count or 0), Sort.BYTES: lambda r: -r.n_bytes}
            report = report.select(lambda row: True, keys[sort])
        if chart:
            from onnx_params.render.chart import draw

            draw(report, chart)
        if explain:
            from onnx_params.render.terminal import explain as told

            document = told(report, explain)
            if not document:
                raise UsageError(f"{model}: nothing in it is called '{explain}'; --stored lists the names in the file")
        elif stored or depth:
            from onnx_params.render import terminal

            document = terminal.stored(report) if stored else terminal.modules(report, depth)
        elif format is Format.TABLE and not output and sys.stdout.isatty() and report.layers <= MAX_SHOWN:
            from rich.console import Console

            from onnx_params.render.screen import show

            show(report, Console())
            continue
        else:
            document = _document(report, format)
        documents.append(document)
        if not output:
            sys.stdout.write(document if len(documents) == 1 else f"\n{document}")
            sys.stdout.flush()
    if output:
        write(output, "\n".join(documents))


def _document(report: Report, format: Format) -> str:
    if format is Format.MARKDOWN:
        return report.to_markdown()
    if format is Format.JSON:
        return report.to_json()
    if format is Format.CSV:
        return report.to_csv()
    if format is Format.HTML:
        return report._repr_html_()
    from onnx_params.render.terminal import render

    return render(report)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False, help="Export a model to ONNX with its source map."
)
def export(context: typer.Context) -> None:
    """Hand the words on to the exporters, which import frameworks and therefore stand in a package of their own."""
    from importlib import import_module

    exporters = import_module("onnx_params_exporters.cli")
    exporters.app(context.args, prog_name="onnx-params export", standalone_mode=False)


def main() -> None:
    """Run the command line: status 0 done, 1 differences found, 2 not done; no traceback without ``--debug``."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except OnnxParamsError as error:
        if debug:
            raise
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (RecursionError, MemoryError) as error:
        if debug:
            raise
        _fail(f"gave up: {type(error).__name__}")


def _fail(message: str) -> None:
    from onnx_params.render.text import plain

    print(f"onnx-params: {plain(message)}", file=sys.stderr)
    sys.exit(2)
