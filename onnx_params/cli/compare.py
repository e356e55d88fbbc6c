"""The commands that set models side by side: compare, rank."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import typer

from onnx_params.cli.formats import ComparisonFormat, RankingFormat
from onnx_params.cli.options import Output, Refused, answer, did_you_mean
from onnx_params.cli.window import window
from onnx_params.errors import UsageError


class ChartBy(enum.StrEnum):
    """What a chart of bytes is split by."""

    DTYPE = "dtype"
    MODULE = "module"


def compare(
    models: Annotated[
        list[str], typer.Argument(metavar="A B...", help="Two or more ONNX files or checkpoints.")
    ],
    format: Annotated[
        ComparisonFormat, typer.Option("--format", help="Format of the comparison.")
    ] = "table",
    output: Output = "",
    full: Annotated[bool, typer.Option("--full", help="Also list equal pairs.")] = False,
    no_values: Annotated[
        bool,
        typer.Option(
            "--no-values", help="Do not read values: pair by names, shapes and places only."
        ),
    ] = False,
    ignore: Annotated[
        str,
        typer.Option(
            "--ignore",
            metavar="WORDS",
            help="Differences to ignore: names, layout, dtype, rounding, folding, values, only.",
        ),
    ] = "",
    chart: Annotated[
        str,
        typer.Option(
            "--chart", metavar="FILE", help="Draw bytes by type side by side: .png, .svg or .pdf."
        ),
    ] = "",
    by: Annotated[
        ChartBy, typer.Option("--by", help="What the chart's bars are split by.")
    ] = ChartBy.DTYPE,
) -> None:
    """Pair the parameters of two or more models and report how they differ.

    The exit status is 1 if they differ.
    """
    from itertools import combinations

    from onnx_params.api import analyze
    from onnx_params.cli.progress import bar
    from onnx_params.comparison.compare import Matrix, of_reports
    from onnx_params.comparison.pairs import WORDS
    from onnx_params.inventory.opening import gc_paused
    from onnx_params.io.atomic import refuse_overwriting
    from onnx_params.render.compare_chart import draw
    from onnx_params.render.registry import render

    ignored = {word.strip() for word in ignore.split(",") if word.strip()}
    if ignored - set(WORDS):
        word = min(ignored - set(WORDS))
        near = did_you_mean(word, WORDS)
        raise UsageError(f"--ignore {word}: there are {', '.join(WORDS)}{near}")
    if len(models) < 2:
        raise UsageError("compare needs two models")
    if format == "html" and len(models) > 2:
        raise UsageError("compare --format html takes two models")
    refuse_overwriting([output, chart], models)
    # looking through a million records for garbage would take a second
    with gc_paused():
        reports = [analyze(model) for model in models]
        inputs = [path for report in reports for path in report.inventory.input_paths()]
        refuse_overwriting([output, chart], inputs)
        made = {}
        for one, two in combinations(range(len(models)), 2):
            with bar("comparing", models[one], models[two]) as progress:
                made[one, two] = of_reports(
                    reports[one], reports[two], values=not no_values, progress=progress
                )
        if len(models) > 2:
            options: dict[str, Any] = {"window": window(output)} if format == "table" else {}
            text = render(Matrix(reports=tuple(reports), made=made), format, **options)
        else:
            (first,) = made.values()
            options = {"full": full} if format in ("table", "markdown") else {}
            if format == "table":
                options["window"] = window(output)
            text = render(first, format, **options)
        if chart:
            draw(reports, chart, by is ChartBy.MODULE)
        answer(text, output, inputs)
    if any(each.differences - ignored for each in made.values()):
        raise typer.Exit(1)


class RankBy(enum.StrEnum):
    """Order of a leaderboard, largest first."""

    PARAMETERS = "parameters"
    BYTES = "bytes"
    BITS = "bits"


def rank(
    models: Annotated[
        list[str],
        typer.Argument(metavar="FILES...", help="ONNX files, or JSON reports that analyze wrote."),
    ],
    format: Annotated[
        RankingFormat, typer.Option("--format", help="Format of the leaderboard.")
    ] = "table",
    output: Output = "",
    by: Annotated[
        RankBy, typer.Option("--by", help="What to rank by, largest first.")
    ] = RankBy.PARAMETERS,
    chart: Annotated[
        str,
        typer.Option(
            "--chart", metavar="FILE", help="Draw a bar for each model: .png, .svg or .pdf."
        ),
    ] = "",
) -> None:
    """Rank models by parameters, bytes, or bits per parameter."""
    from onnx_params.io.atomic import refuse_overwriting
    from onnx_params.ranking.rank import Ranking, entry, ordered
    from onnx_params.render.rank import draw
    from onnx_params.render.registry import render

    refuse_overwriting([output, chart], models)
    refused = Refused(models)
    read = []
    for model in models:
        with refused.skipping():
            read.append(entry(model))
    entries = ordered(read, by.value)
    options: dict[str, Any] = {"window": window(output)} if format == "table" else {}
    text = render(Ranking(entries=tuple(entries)), format, **options)
    inputs = [path for each in entries for path in each.files]
    refuse_overwriting([output, chart], inputs)
    if chart:
        draw(entries, chart, by.value)
    answer(text, output, inputs)
    refused.end()
