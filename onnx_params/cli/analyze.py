"""The command analyze: report the parameters of artifacts."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from onnx_params.cli.formats import ReportFormat
from onnx_params.cli.options import Like, Output, Reference, Refused, StripPrefix, take
from onnx_params.errors import UsageError

if TYPE_CHECKING:
    from onnx_params.api import Report
    from onnx_params.names.source_map import Verification
    from onnx_params.report.report import Row

MAX_SHOWN: Final = 2000  # rows that rich lays out; it takes a millisecond each


class Names(enum.StrEnum):
    """Framework whose naming the report uses."""

    ORIGINAL = "original"
    TORCH = "torch"
    KERAS = "keras"
    FLAX = "flax"
    STORED = "stored"


class Sort(enum.StrEnum):
    """Order of rows."""

    ORIGINAL = "original"
    NAME = "name"
    COUNT = "count"
    BYTES = "bytes"


def analyze(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="ONNX files or checkpoints, URLs, or - for standard input."
        ),
    ],
    format: Annotated[
        ReportFormat, typer.Option("--format", help="Format of the report.")
    ] = "table",
    output: Output = "",
    name: Annotated[
        str,
        typer.Option(
            "--name", help="Name of the model in the report; by default, the name of the file."
        ),
    ] = "",
    depth: Annotated[
        int,
        typer.Option(
            "--depth", min=0, help="Sum up modules to this depth of the tree; 0 lists parameters."
        ),
    ] = 0,
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of rows; for count and bytes, largest first.")
    ] = Sort.ORIGINAL,
    names: Annotated[
        Names,
        typer.Option(
            "--names",
            help="Show names and shapes as another framework writes them, where the rule is known.",
        ),
    ] = Names.ORIGINAL,
    filter: Annotated[
        str, typer.Option("--filter", metavar="GLOB", help="Only rows whose name matches.")
    ] = "",
    stored: Annotated[
        bool,
        typer.Option(
            "--stored", help="List the tensors stored in the file, under their stored names."
        ),
    ] = False,
    explain: Annotated[
        str,
        typer.Option(
            "--explain", metavar="NAME", help="Show everything known about one tensor or parameter."
        ),
    ] = "",
    reference: Reference = "",
    like: Like = "",
    strip_prefix: StripPrefix = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Read values and compare them with the digests in the source map."
        ),
    ] = False,
    stats: Annotated[
        bool,
        typer.Option(
            "--stats",
            help="Read values and report minimum, maximum, mean, zeros, NaN and quantiles.",
        ),
    ] = False,
    chart: Annotated[
        str,
        typer.Option(
            "--chart",
            metavar="FILE",
            help="Draw the pie chart by form, with --stats histograms: .png, .svg or .pdf.",
        ),
    ] = "",
) -> None:
    """Report the parameters of ONNX files or checkpoints: names, shapes, counts."""
    from onnx_params.io.atomic import refuse_overwriting, write

    if len(models) > 1 and (chart or name):
        raise UsageError("--chart and --name take a single model")
    refuse_overwriting([output, chart], [*models, reference, like])
    choice = _Choice(
        format=format,
        to_terminal=not output and sys.stdout.isatty(),
        sort=sort,
        names=names,
        filter=filter,
        depth=depth,
        stored=stored,
        explain=explain,
        stats=stats,
    )
    documents: list[str] = []
    inputs: list[str] = []
    verified: list[Verification | None] = []
    refused = Refused(models)
    for model in models:
        report = None
        with refused.skipping():
            report = take(
                model, reference, like, strip_prefix, name=name or None, verify=verify, stats=stats
            )
        if report is None:
            continue
        verified.append(report.inventory.verification)
        inputs += report.inventory.input_paths()
        refuse_overwriting([output, chart], inputs)
        report = _arranged(report, choice)
        if chart:
            _draw(report, chart, stats)
        if _is_for_screen(report, choice):
            _show(report)
            continue
        documents.append(_document(report, choice, model))
        if not output:
            sys.stdout.write(documents[-1] if len(documents) == 1 else f"\n{documents[-1]}")
            sys.stdout.flush()
    if output:
        write(output, "\n".join(documents), inputs)
    refused.end()
    if verify:
        _end_verified(verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What of a report is asked for, and how it is written."""

    format: str
    to_terminal: bool
    sort: Sort
    names: Names
    filter: str
    depth: int
    stored: bool
    explain: str
    stats: bool

    @property
    def is_plain(self) -> bool:
        """Whether the report's own table is asked for, and no view of it."""
        return not (self.explain or self.stored or self.depth or self.stats)


def _arranged(report: Report, choice: _Choice) -> Report:
    """The report with names translated, rows filtered and sorted."""
    if choice.names is not Names.ORIGINAL:
        report = report.named(choice.names.value)
    if choice.filter:
        report = report.select(lambda row: fnmatchcase(row.name, choice.filter))
    if choice.sort is not Sort.ORIGINAL:
        report = report.select(lambda row: True, _SORT_KEYS[choice.sort])
    return report


_SORT_KEYS: Final[Mapping[Sort, Callable[[Row], Any]]] = {  # any sort key
    Sort.NAME: lambda row: row.name,
    Sort.COUNT: lambda row: -(row.count or 0),
    Sort.BYTES: lambda row: -row.n_bytes,
}


def _draw(report: Report, path: str, stats: bool) -> None:
    from onnx_params.render.chart import draw, histograms

    if stats:
        histograms(report, path)
    else:
        draw(report, path)


def _is_for_screen(report: Report, choice: _Choice) -> bool:
    """Whether the table is shown with colours, in columns that fit the window."""
    if not choice.to_terminal or choice.format != "table" or not choice.is_plain:
        return False
    return report.layers <= MAX_SHOWN


def _show(report: Report) -> None:
    from rich.console import Console

    from onnx_params.render.screen import show

    show(report, Console())


def _document(report: Report, choice: _Choice, model: str) -> str:
    from onnx_params.render import terminal
    from onnx_params.render.registry import render

    if choice.explain:
        found = terminal.explain(report, choice.explain)
        if not found:
            raise UsageError(
                f"{model}: nothing in it is called '{choice.explain}'; --stored lists the names in"
                " the file"
            )
        return found
    if choice.stored:
        return terminal.stored(report)
    if choice.depth:
        return terminal.modules(report, choice.depth)
    if choice.stats and choice.format == "table":
        return terminal.statistics(report)
    return render(report, choice.format)


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
