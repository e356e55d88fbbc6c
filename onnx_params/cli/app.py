"""Assemble the commands, and end every error in one line and a status."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import typer

from onnx_params.cli import audit, compare
from onnx_params.cli.analyze import analyze
from onnx_params.cli.weights import extract, restore
from onnx_params.errors import OnnxParamsError
from onnx_params.version import __version__

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
    """Source maps for model weights: what is in an ONNX file, under the names that its
    author knew.
    """


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


COMMANDS: Final = (
    analyze,
    restore,
    extract,
    audit.audit,
    audit.lock,
    audit.verify,
    compare.compare,
    compare.rank,
)


for _command in COMMANDS:
    app.command()(_command)


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
