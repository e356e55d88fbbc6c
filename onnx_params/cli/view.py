"""The command view: show artifacts in a browser, and again when their files change."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from onnx_params.cli.options import Like, NamesFrom, Reference, StripPrefix, take
from onnx_params.errors import UsageError


def view(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="ONNX files or checkpoints.")
    ],
    reference: Reference = "",
    like: Like = "",
    names_from: NamesFrom = "",
    strip_prefix: StripPrefix = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Read values and show how they are spread.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to serve at; 0 takes a free one.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
) -> None:
    """Show ONNX files or checkpoints in a browser, side by side, and again when a file changes.

    The page is served to this machine alone, under an address that nobody can guess, until Ctrl-C.
    """
    import webbrowser

    from onnx_params.cli.server import Page, serve
    from onnx_params.render.html import of_reports

    if "-" in models:
        raise UsageError("view reads its files again when they change: name a file instead of -")

    def read() -> Page:
        reports = [
            take(model, reference, like, names_from, strip_prefix, stats=stats) for model in models
        ]
        paths = [path for report in reports for path in report.inventory.input_paths()]
        text = of_reports(reports, several=len(models) > 1, live="events")
        return Page(text=text, paths=tuple(dict.fromkeys(paths)))

    def opened(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        if not no_browser:
            webbrowser.open(address)

    serve(read, opened, port)
