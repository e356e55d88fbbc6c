"""The command analyze: report the parameters of artifacts."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from onnx_params.cli.options import Like, Reference, StripPrefix, take
from onnx_params.errors import UsageError

if TYPE_CHECKING:
    from onnx_params.api import Report
    from onnx_params.names.source_map import Verification
    from onnx_params.report.report import Row

MAX_SHOWN: Final = 2000  # rows that rich lays out; it takes a millisecond each


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
    from onnx_params.io.atomic import refuse_overwriting, write

    if len(models) > 1 and (chart or name):
        raise UsageError("--chart and --name go with one model")
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
    for model in models:
        report = take(
            model, reference, like, strip_prefix, name=name or None, verify=verify, stats=stats
        )
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
    if verify:
        _end_verified(verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What of a report is asked for, and how it is written."""

    format: Format
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
    if not choice.to_terminal or choice.format is not Format.TABLE or not choice.is_plain:
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
    if choice.stats and choice.format is Format.TABLE:
        return terminal.statistics(report)
    return render(report, choice.format.value)


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
