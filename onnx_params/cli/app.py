"""Assemble the commands, and end every error in one line and a status."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated, Final

import typer

from onnx_params.cli import audit, compare
from onnx_params.cli.analyze import analyze
from onnx_params.cli.apply import apply, emit, link
from onnx_params.cli.schema import schema
from onnx_params.cli.view import view
from onnx_params.cli.weights import extract, restore
from onnx_params.cli.window import SETTINGS, Colour
from onnx_params.errors import OnnxParamsError, system_reason
from onnx_params.version import __version__

app = typer.Typer(
    name="onnx-params",
    help=(
        "Source maps for model weights: what is in an ONNX file, under the names that its author"
        " knew."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Start with [bold]onnx-params analyze model.onnx[/bold]. Status: 0 done, 1 differences or"
        " findings, 2 not done."
    ),
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
        bool, typer.Option("--debug", help="Show where in the code an error arose.")
    ] = False,
    color: Annotated[
        Colour, typer.Option("--color", help="When answers have colours; NO_COLOR also says never.")
    ] = Colour.AUTO,
    width: Annotated[
        int | None,
        typer.Option(
            "--width",
            min=0,
            help="Columns that answers fit into, 0 for no limit; the terminal's by default.",
        ),
    ] = None,
    no_pager: Annotated[
        bool, typer.Option("--no-pager", help="Write long answers to the terminal at once.")
    ] = False,
) -> None:
    """Source maps for model weights: what is in an ONNX file, under the names that its
    author knew.

    --debug, --color, --width and --no-pager may stand anywhere.
    """
    SETTINGS.colour = color
    SETTINGS.width = width
    SETTINGS.has_pager = not no_pager


LOOK: Final = "Look"
JUDGE: Final = "Judge"
WRITE: Final = "Write"
# each command with its group in the help, and examples
COMMANDS: Final = (
    (
        analyze,
        LOOK,
        "onnx-params analyze model.onnx",
        "onnx-params analyze model_q4.onnx --reference model.safetensors --format csv -o rows.csv",
    ),
    (
        view,
        LOOK,
        "onnx-params view model.onnx",
        "onnx-params view model.onnx model_q4.onnx --reference model.safetensors",
    ),
    (compare.compare, LOOK, "onnx-params compare model.onnx model_q4.onnx"),
    (compare.rank, LOOK, "onnx-params rank models/*.onnx --by bytes"),
    (schema, LOOK, "onnx-params schema report"),
    (
        audit.audit,
        JUDGE,
        "onnx-params audit model_q4.onnx --reference model.safetensors",
        "onnx-params audit model.onnx --policy onnx-params.toml --sarif findings.sarif",
    ),
    (audit.lock, JUDGE, "onnx-params lock model.onnx -o model.lock.json"),
    (audit.verify, JUDGE, "onnx-params verify model.onnx model.lock.json"),
    (extract, WRITE, "onnx-params extract model.onnx -o model.safetensors"),
    (restore, WRITE, "onnx-params restore model.onnx -o named.onnx --map names.json"),
    (
        apply,
        WRITE,
        "onnx-params apply model.onnx finetuned.safetensors -o new.onnx",
        "onnx-params apply model.onnx new.safetensors --reference old.safetensors --dry-run",
    ),
    (link, WRITE, "onnx-params link model.onnx model.safetensors -o linked.onnx"),
    (emit, WRITE, "onnx-params emit ort-initializers model.onnx new.safetensors -o arrays"),
)


for _command, _group, *_examples in COMMANDS:
    _shown = "\n\n".join(f"[dim]$[/dim] {example}" for example in _examples)
    app.command(rich_help_panel=_group, epilog=_shown)(_command)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    help="Export a model to ONNX with its source map.",
    rich_help_panel=WRITE,
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
    signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names that a console cannot show are escaped
            stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    sys.argv[1:] = _common_first(sys.argv[1:])
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
    except Interrupted:
        _fail("interrupted; nothing is half written")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if debug:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(f"standard output: cannot be written: {system_reason(error)}")
    # the last border: no traceback, and no status 1, which means that differences were found
    except Exception as error:
        if debug:
            raise
        reason = str(error).partition("\n")[0]
        _fail(
            f"gave up: {type(error).__name__}{f': {reason}' if reason else ''}; please report it"
            " (--debug shows where)"
        )


class Interrupted(BaseException):
    """The user pressed Ctrl-C; no library below takes this for an error of its own."""


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


def _common_first(words: list[str]) -> list[str]:
    """The words with the common options before the command, wherever they stood."""
    first: list[str] = []
    rest: list[str] = []
    todo = iter(words)
    for word in todo:
        if word == "--":
            rest += [word, *todo]
        elif word in ("--debug", "--no-pager") or word.startswith(("--color=", "--width=")):
            first.append(word)
        elif word in ("--color", "--width"):
            first += [word, *([value] if (value := next(todo, "")) else [])]
        else:
            rest.append(word)
    return [*first, *rest]


def _fail(message: str) -> None:
    from onnx_params.render.text import plain

    print(f"onnx-params: {plain(message)}", file=sys.stderr)
    sys.exit(2)
