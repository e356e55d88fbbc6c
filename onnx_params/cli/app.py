"""Assemble the commands, and end every error in one line and a status."""

from __future__ import annotations

import enum
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from onnx_params import __version__
from onnx_params.cli import audit, compare
from onnx_params.cli.progress import bar
from onnx_params.errors import DependencyError, OnnxParamsError, UsageError

if TYPE_CHECKING:
    from onnx_params.api import Report
    from onnx_params.names.source_map import Verification

MAX_SHOWN: Final = 2000  # rows that rich lays out; it takes a millisecond each


app = typer.Typer(
    name="onnx-params",
    help=(
        "Source maps for model weights: what is in an ONNX file, under the names that its author"
        " knew."
    ),
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


class Names(enum.StrEnum):
    """In whose words names are shown."""

    ORIGINAL = "original"
    TORCH = "torch"
    KERAS = "keras"
    FLAX = "flax"
    STORED = "stored"


class Sort(enum.StrEnum):
    """By what rows are sorted."""

    ORIGINAL = "original"
    NAME = "name"
    COUNT = "count"
    BYTES = "bytes"


Reference = Annotated[
    str,
    typer.Option(
        "--reference",
        metavar="CHECKPOINT",
        help="Name by content: safetensors, torch zip, npz, a folder of them, or a source map.",
    ),
]


Like = Annotated[
    str,
    typer.Option(
        "--like",
        metavar="CONFIG",
        help="Name by an architecture: a transformers model type or a config.json.",
    ),
]


StripPrefix = Annotated[
    bool,
    typer.Option(
        "--strip-prefix",
        help="Take off what a wrapper put before every name: module., _orig_mod., ...",
    ),
]


def _version(asked: bool) -> None:
    if asked:
        print(f"onnx-params {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show where in the code an error arose. May stand anywhere."),
    ] = False,
) -> None:
    """Source maps for model weights: what is in an ONNX file, under the names that its author knew."""


@app.command()
def analyze(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="ONNX files, URLs, or - for stdin.")
    ],
    format: Annotated[
        Format, typer.Option("--format", help="How the report is written.")
    ] = Format.TABLE,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write there, not to stdout.")
    ] = "",
    name: Annotated[
        str,
        typer.Option(
            "--name", help="What the report calls the model; the file's stem if not given."
        ),
    ] = "",
    depth: Annotated[
        int, typer.Option("--depth", min=0, help="Roll rows up into a module tree of this depth.")
    ] = 0,
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of rows; counts and bytes the largest first.")
    ] = Sort.ORIGINAL,
    names: Annotated[
        Names,
        typer.Option(
            "--names",
            help="Names and shapes in another framework's words, where the rule is known.",
        ),
    ] = Names.ORIGINAL,
    filter: Annotated[
        str, typer.Option("--filter", metavar="GLOB", help="Only rows whose name matches.")
    ] = "",
    stored: Annotated[
        bool,
        typer.Option("--stored", help="List what lies in the file, under the names it has there."),
    ] = False,
    explain: Annotated[
        str,
        typer.Option(
            "--explain", metavar="NAME", help="Say all that is known of one tensor or parameter."
        ),
    ] = "",
    reference: Reference = "",
    like: Like = "",
    strip_prefix: StripPrefix = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Read values and hold them against the source map's SHA-256 digests."
        ),
    ] = False,
    stats: Annotated[
        bool,
        typer.Option(
            "--stats", help="Read values and describe them: extremes, mean, zeros, NaN, quantiles."
        ),
    ] = False,
    chart: Annotated[
        str,
        typer.Option(
            "--chart",
            metavar="FILE",
            help="Draw parameters by form, with --stats a histogram of each: .png, .svg or .pdf.",
        ),
    ] = "",
) -> None:
    """Report the parameters of ONNX files: names, shapes, counts, forms."""
    from fnmatch import fnmatchcase

    from onnx_params.io.atomic import refuse_overwriting, write

    if len(models) > 1 and (chart or name):
        raise UsageError("--chart and --name go with one model")
    refuse_overwriting([output, chart], [*models, reference, like])
    documents: list[str] = []
    inputs: list[str] = []
    verified: list[Verification | None] = []
    for model in models:
        report = _take(
            model, reference, like, strip_prefix, name=name or None, verify=verify, stats=stats
        )
        verified.append(report.inventory.verification)
        inputs += report.inventory.input_paths()
        refuse_overwriting([output, chart], inputs)
        if names is not Names.ORIGINAL:
            report = report.named(names.value)
        if filter:
            report = report.select(lambda row: fnmatchcase(row.name, filter))
        if sort is not Sort.ORIGINAL:
            keys = {
                Sort.NAME: lambda r: r.name,
                Sort.COUNT: lambda r: -(r.count or 0),
                Sort.BYTES: lambda r: -r.n_bytes,
            }
            report = report.select(lambda row: True, keys[sort])
        if chart:
            from onnx_params.render.chart import draw, histograms

            (histograms if stats else draw)(report, chart)
        if explain:
            from onnx_params.render.terminal import explain as told

            document = told(report, explain)
            if not document:
                raise UsageError(
                    f"{model}: nothing in it is called '{explain}'; --stored lists the names in the"
                    " file"
                )
        elif stored or depth:
            from onnx_params.render import terminal

            document = terminal.stored(report) if stored else terminal.modules(report, depth)
        elif stats and format is Format.TABLE:
            from onnx_params.render.terminal import statistics

            document = statistics(report)
        elif (
            format is Format.TABLE
            and not output
            and sys.stdout.isatty()
            and report.layers <= MAX_SHOWN
        ):
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
        write(output, "\n".join(documents), inputs)
    if verify:
        _end_verified(verified)


def _end_verified(outcomes: list[Verification | None]) -> None:
    """End with status 1 where values differ from their digests, 2 where there was nothing to
    verify.
    """
    if any(each is not None and each.differed for each in outcomes):
        raise typer.Exit(1)
    if not all(each is not None and each.agreed for each in outcomes):
        raise UsageError(
            "--verify: nothing could be verified: no source map, or none of its digests could be"
            " compared"
        )


def _take(
    model: str,
    reference: str,
    like: str,
    strip_prefix: bool,
    *,
    name: str | None = None,
    verify: bool = False,
    stats: bool = False,
) -> Report:
    """Analyse, with the names that the options ask for; a bar on stderr where that takes reading."""
    from onnx_params.api import analyze as take

    if reference and like:
        raise UsageError(
            "--reference and --like exclude each other: values say more than an architecture"
        )
    expected = None
    if like:
        from importlib import import_module

        try:
            expected = import_module("onnx_params_exporters.like").expected(like)
        except ImportError as error:
            raise DependencyError(
                f"{error.name} is not installed: pip install 'onnx-params[transformers]'"
            ) from error
    options: dict[str, Any] = {
        "name": name,
        "verify": verify,
        "reference": reference or None,
        "like": expected,
        "strip_prefix": strip_prefix,
        "stats": stats,
    }
    if not reference and not stats:
        return take(model, **options)
    with bar("reading", reference, model if stats else "") as progress:
        return take(model, **options, progress=progress)


@app.command()
def restore(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the artifact with restored names goes."
        ),
    ] = "",
    map: Annotated[
        str, typer.Option("--map", metavar="FILE", help="Where the source map goes, as JSON.")
    ] = "",
    reference: Reference = "",
    like: Like = "",
    strip_prefix: StripPrefix = False,
) -> None:
    """Rename stored tensors to their parameters' names, and write a source map; values and outputs
    stay the same.
    """
    from onnx_params.extraction.restore import restore as write_restored
    from onnx_params.extraction.restore import write_map
    from onnx_params.io.atomic import refuse_overwriting
    from onnx_params.render.text import plain

    if not output and not map:
        raise UsageError("say where the result goes: -o OUT.onnx, --map FILE.json, or both")
    refuse_overwriting([output, map], [model, reference])
    report = _take(model, reference, like, strip_prefix)
    if map:
        count = write_map(report.inventory, map)
        print(f"{plain(map)}: the source map of {count} parameters")
    if output:
        done = write_restored(report.inventory, output)
        print(
            f"{plain(output)}: {len(done.renamed)} stored tensors renamed, {len(done.kept)} could"
            f" not be; a source map of {done.mapped} parameters"
        )
        for old, new in done.renamed.items():
            print(f"  {plain(old)} -> {plain(new)}")
        for old, reason in done.kept:
            print(f"  {plain(old)} keeps its name: {plain(reason)}")


@app.command()
def extract(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where the safetensors go.")
    ],
    dequantize: Annotated[
        bool, typer.Option("--dequantize", help="Write rounded values as well.")
    ] = False,
    reference: Reference = "",
    like: Like = "",
    strip_prefix: StripPrefix = False,
) -> None:
    """Write the original state dict as safetensors: names, shapes, layout.

    Status 1 where something cannot be had back.
    """
    from onnx_params.extraction.extract import extract as write_extracted
    from onnx_params.render.text import plain

    done = write_extracted(
        _take(model, reference, like, strip_prefix).inventory, output, dequantize=dequantize
    )
    rounded = f", {len(done.lossy)} of them rounded" if done.lossy else ""
    print(
        f"{plain(output)}: {len(done.written)} tensors{rounded}; {len(done.left)} could not be had"
        " back"
    )
    for name, reason in done.left:
        print(f"  {plain(name)}: {plain(reason)}")
    if done.left:
        raise typer.Exit(1)


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


for _command in (
    audit.audit,
    audit.lock,
    audit.verify,
    compare.compare,
    compare.rank,
):
    app.command()(_command)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    help="Export a model to ONNX with its source map.",
)
def export(context: typer.Context) -> None:
    """Hand the words on to the exporters, which import frameworks and therefore stand in a package
    of their own.
    """
    from importlib import import_module

    exporters = import_module("onnx_params_exporters.cli")
    exporters.app(context.args, prog_name="onnx-params export", standalone_mode=False)


def main() -> None:
    """Run the command line: status 0 done, 1 differences found, 2 not done; no traceback without
    ``--debug``.
    """
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except OnnxParamsError as error:
        if debug:
            raise
        _fail(str(error))
    except (RecursionError, MemoryError) as error:
        if debug:
            raise
        _fail(f"gave up: {type(error).__name__}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    # the last border: no traceback, and no status 1, which means that differences were found
    except Exception as error:
        if debug:
            raise
        reason = str(error).partition("\n")[0]
        _fail(
            f"gave up: {type(error).__name__}{f': {reason}' if reason else ''}; please report it"
            " (--debug shows where)"
        )


def _fail(message: str) -> None:
    from onnx_params.render.text import plain

    print(f"onnx-params: {plain(message)}", file=sys.stderr)
    sys.exit(2)
