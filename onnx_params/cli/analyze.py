"""The command analyze: report the parameters of artifacts."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from onnx_params.cli.formats import ReportFormat
from onnx_params.cli.options import (
    Like,
    NamesFrom,
    Output,
    Reference,
    Refused,
    StripPrefix,
    did_you_mean,
    take,
)
from onnx_params.errors import FormatError, UsageError

if TYPE_CHECKING:
    from onnx_params.api import Report
    from onnx_params.names.source_map import Verification
    from onnx_params.render.listing import Listing
    from onnx_params.render.screen import Window
    from onnx_params.report.report import Row

FORMAT: Final = "What is written, and how"
ROWS: Final = "Which rows, under which names"
CHART: Final = "Charts"


class Names(enum.StrEnum):
    """Framework whose naming the report uses."""

    ORIGINAL = "original"
    TORCH = "torch"
    KERAS = "keras"
    FLAX = "flax"
    STORED = "stored"


class ChartBy(enum.StrEnum):
    """What a chart of one model shows."""

    FORM = "form"
    DTYPE = "dtype"
    MODULE = "module"
    BYTES = "bytes"
    ICICLE = "icicle"


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
        ReportFormat, typer.Option("--format", help="Format of the report.", rich_help_panel=FORMAT)
    ] = "table",
    output: Output = "",
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="WORDS",
            help="Columns to write, with commas between: name, shape, count, evidence, ...",
            rich_help_panel=FORMAT,
        ),
    ] = "",
    name: Annotated[
        str,
        typer.Option(
            "--name", help="Name of the model in the report; by default, the name of the file."
        ),
    ] = "",
    depth: Annotated[
        int,
        typer.Option(
            "--depth",
            min=0,
            help="Sum up modules to this depth of the tree; 0 lists parameters.",
            rich_help_panel=FORMAT,
        ),
    ] = 0,
    sort: Annotated[
        Sort,
        typer.Option(
            "--sort",
            help="Order of rows; for count and bytes, largest first.",
            rich_help_panel=ROWS,
        ),
    ] = Sort.ORIGINAL,
    names: Annotated[
        Names,
        typer.Option(
            "--names",
            help="Show names and shapes as another framework writes them, where the rule is known.",
            rich_help_panel=ROWS,
        ),
    ] = Names.ORIGINAL,
    filter: Annotated[
        str,
        typer.Option(
            "--filter", metavar="GLOB", help="Only rows whose name matches.", rich_help_panel=ROWS
        ),
    ] = "",
    stored: Annotated[
        bool,
        typer.Option(
            "--stored",
            help="List the tensors stored in the file, under their stored names.",
            rich_help_panel=FORMAT,
        ),
    ] = False,
    explain: Annotated[
        str,
        typer.Option(
            "--explain",
            metavar="NAME",
            help="Show everything known about one tensor or parameter.",
            rich_help_panel=FORMAT,
        ),
    ] = "",
    reference: Reference = "",
    like: Like = "",
    names_from: NamesFrom = "",
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
            rich_help_panel=FORMAT,
        ),
    ] = False,
    chart: Annotated[
        str,
        typer.Option(
            "--chart",
            metavar="FILE",
            help="Draw the pie chart by form, with --stats histograms: .png, .svg or .pdf.",
            rich_help_panel=CHART,
        ),
    ] = "",
    by: Annotated[
        ChartBy,
        typer.Option("--by", help="What the chart shows shares of.", rich_help_panel=CHART),
    ] = ChartBy.FORM,
) -> None:
    """Report the parameters of ONNX files or checkpoints: names, shapes, counts."""
    from onnx_params.cli.window import show, window
    from onnx_params.io.atomic import refuse_overwriting, write
    from onnx_params.render.reports import BINARY

    if len(models) > 1 and (chart or name):
        raise UsageError("--chart and --name take a single model")
    if format in BINARY and not output:
        raise UsageError(f"--format {format} is binary: name a file with -o")
    refuse_overwriting([output, chart], [*models, reference, like, names_from])
    choice = _Choice(
        format=format,
        sort=sort,
        names=names,
        filter=filter,
        depth=depth,
        stored=stored,
        explain=explain,
        stats=stats,
        columns=tuple(filter_words(columns)),
        image=_image(chart, output),
    )
    reports: list[Report] = []
    inputs: list[str] = []
    refused = Refused(models)
    for model in models:
        with refused.skipping():
            taken = take(
                model,
                reference,
                like,
                names_from,
                strip_prefix,
                name=name or None,
                verify=verify,
                stats=stats,
            )
            inputs += taken.inventory.input_paths()
            refuse_overwriting([output, chart], inputs)
            reports.append(_arranged(taken, choice))
    if chart and reports:
        _draw(reports[0], chart, by.value, stats)
    if reports:
        text = _document(reports, choice, window(output), len(models) > 1)
        if output:
            write(output, text, inputs)
        else:
            show(str(text))
    refused.end()
    if verify:
        _end_verified([report.inventory.verification for report in reports])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What of a report is asked for, and how it is written."""

    format: str
    sort: Sort
    names: Names
    filter: str
    depth: int
    stored: bool
    explain: str
    stats: bool
    columns: tuple[str, ...]
    image: str

    @property
    def is_plain(self) -> bool:
        """Whether the report itself is asked for, and no view of it."""
        return not (self.explain or self.stored or self.depth or self.stats or self.columns)


def filter_words(words: str) -> list[str]:
    """The words of a list with commas."""
    return [word.strip() for word in words.split(",") if word.strip()]


def _image(chart: str, output: str) -> str:
    """The way from the report to its chart, as a link has it; empty where there is none."""
    if not chart:
        return ""
    return os.path.relpath(chart, os.path.dirname(output) or ".").replace(os.sep, "/")


def _arranged(report: Report, choice: _Choice) -> Report:
    """The report with names translated, rows filtered and sorted.

    Raises :class:`UsageError` where the filter lets no row pass.
    """
    if choice.names is not Names.ORIGINAL:
        report = report.named(choice.names.value)
    if choice.filter:
        every = [row.name for row in report.rows]
        report = report.select(lambda row: fnmatchcase(row.name, choice.filter))
        if not report.rows:
            raise FormatError(
                f"{report.name}: no parameter's name matches '{choice.filter}'"
                f"{did_you_mean(choice.filter.strip('*'), every)}"
            )
    if choice.sort is not Sort.ORIGINAL:
        report = report.select(lambda row: True, _SORT_KEYS[choice.sort])
    return report


_SORT_KEYS: Final[Mapping[Sort, Callable[[Row], Any]]] = {  # any sort key
    Sort.NAME: lambda row: row.name,
    Sort.COUNT: lambda row: -(row.count or 0),
    Sort.BYTES: lambda row: -row.n_bytes,
}


def _draw(report: Report, path: str, by: str, stats: bool) -> None:
    from onnx_params.render.chart import draw, histograms

    if stats:
        histograms(report, path)
    else:
        draw(report, path, by)


def _document(reports: list[Report], choice: _Choice, window: Window, several: bool) -> str | bytes:
    """What was asked for of all models, in one document."""
    from onnx_params.render import listing
    from onnx_params.render.reports import of_lists, of_reports

    if choice.explain:
        return _explained(reports, choice, window, several)
    is_whole = choice.is_plain or (choice.stats and choice.format in ("json", "html"))
    if is_whole and choice.format == "markdown" and not several:
        from onnx_params.render.markdown import render

        return render(reports[0], choice.image)
    if is_whole and choice.format != "table":
        return of_reports(reports, choice.format, several)
    lists = [_listing(report, choice) for report in reports]
    if choice.format == "table":
        return "\n".join(listing.render(each, window) for each in lists)
    return of_lists(lists, choice.format, several)


def _listing(report: Report, choice: _Choice) -> Listing:
    """The list that was asked for, with the columns that were."""
    from onnx_params.render import lists

    if choice.stored:
        made = lists.stored(report)
    elif choice.depth:
        made = lists.modules(report, choice.depth)
    elif choice.stats:
        made = lists.statistics(report)
    else:
        made = lists.parameters(report)
    return made.picked(choice.columns) if choice.columns else made


def _explained(reports: list[Report], choice: _Choice, window: Window, several: bool) -> str:
    """All that is known of one name.

    Raises :class:`UsageError` where no model knows it.
    """
    from onnx_params.render import lists
    from onnx_params.render.screen import text
    from onnx_params.render.text import json_text

    found = [lists.explanation(report, choice.explain) for report in reports]
    known = [each for each in found if each["parameters"] or each["stored"]]
    if not known:
        names = [name for report in reports for name in lists.names_known(report)]
        raise UsageError(
            f"{found[0]['model']}: nothing in it is called '{choice.explain}'; --stored lists the"
            f" names in the file{did_you_mean(choice.explain, names)}"
        )
    if choice.format == "json":
        envelope = {"schema": lists.EXPLANATIONS, "explanations": known}
        return json_text(envelope if several else known[0])
    if choice.format != "table":
        raise UsageError(f"--explain with --format {choice.format}: there are table and json")
    return "\n".join(text(lists.explained(each), window) for each in known)


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
