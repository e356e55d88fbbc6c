"""Options that several commands have, what they ask to be read, and where the answer goes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from onnx_params.cli.progress import bar, working
from onnx_params.errors import (
    DependencyError,
    FormatError,
    MissingDataError,
    UnreadableError,
    UnsupportedError,
    UsageError,
)
from onnx_params.plain import plain

if TYPE_CHECKING:
    from onnx_params.api import Report
    from onnx_params.names.architecture import Expected

AUTO: Final = "auto"  # the architecture is to be chosen
MAX_KNOWN: Final = 50_000  # names among which a near one is looked for
Artifact = Annotated[str, typer.Argument(metavar="MODEL", help="An ONNX file.")]


Output = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar="FILE", help="File to write to instead of standard output."
    ),
]


Reference = Annotated[
    str,
    typer.Option(
        "--reference",
        metavar="CHECKPOINT",
        help="Checkpoint or source map to take names from, by content.",
    ),
]


Like = Annotated[
    str,
    typer.Option(
        "--like",
        metavar="CONFIG",
        help="Take names from an architecture: a transformers model type, a config.json, or 'auto',"
        " which chooses the model type by structure.",
    ),
]


NamesFrom = Annotated[
    str,
    typer.Option(
        "--names-from",
        metavar="PLAIN",
        help="Export of the same model before it was optimized, or its source map.",
    ),
]


StripPrefix = Annotated[
    bool,
    typer.Option(
        "--strip-prefix",
        help="Remove the prefix that a wrapper put before every name: module., _orig_mod., ...",
    ),
]


def take(
    model: str,
    reference: str,
    like: str,
    names_from: str,
    strip_prefix: bool,
    *,
    name: str | None = None,
    verify: bool = False,
    stats: bool = False,
) -> Report:
    """Analyze, with the names that the options ask for; a bar on stderr where that takes
    reading.
    """
    from onnx_params.api import analyze as take

    if sum(map(bool, (reference, like, names_from))) > 1:
        raise UsageError("of --reference, --like and --names-from only one can be used")
    expected, notes = _architecture(model, like) if like else (None, ())
    options: dict[str, Any] = {
        "name": name,
        "verify": verify,
        "reference": reference or None,
        "like": expected,
        "names_from": names_from or None,
        "strip_prefix": strip_prefix,
        "stats": stats,
    }
    if not reference and not names_from and not stats:
        report = take(model, **options)
    else:
        with bar("reading", reference or names_from, model if stats else "") as progress:
            report = take(model, **options, progress=progress)
    if not notes:
        return report
    inventory = replace(report.inventory, notes=(*notes, *report.inventory.notes))
    return replace(report, inventory=inventory)


def _architecture(model: str, like: str) -> tuple[Sequence[Expected], tuple[str, ...]]:
    """The parameters of the architecture that ``--like`` names, and notes on how it was chosen.

    Raises :class:`DependencyError` where transformers is not there, :class:`UsageError` where it
    knows no such architecture.
    """
    from importlib import import_module

    try:
        if like != AUTO:
            return import_module("onnx_params_exporters.like").expected(like), ()
        choose = import_module("onnx_params_exporters.like_auto").chosen
    except ImportError as error:
        raise DependencyError.of("--like", str(error.name), "transformers") from error
    from onnx_params.api import analyze

    with working("choosing the architecture"):
        expected, because = choose(analyze(model).inventory.parameters)
    return expected, (because,)


def answer(text: str | bytes, output: str, inputs: Iterable[str]) -> None:
    """Write the answer to ``output``, whole or not at all, or to standard output where that is
    empty.

    Raises as :func:`onnx_params.io.atomic.write` does.
    """
    from onnx_params.cli.window import show
    from onnx_params.io.atomic import write

    if output:
        write(output, text, inputs)
    else:
        show(str(text))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where something is nearly called so, else nothing."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(dict.fromkeys(known))[:MAX_KNOWN], n=2, cutoff=0.6)
    shown = " or ".join(f"'{plain(each)}'" for each in found)
    return f"; did you mean {shown}?" if found else ""


class Refused:
    """Models of several that could not be read: each is said where it stands, the others go on."""

    def __init__(self, models: list[str]) -> None:
        self._is_alone = len(models) == 1
        self._found = False

    @contextmanager
    def skipping(self) -> Iterator[None]:
        """Say an error of one model and go on with the next; raise it where there is only one."""
        try:
            yield
        except (UnreadableError, FormatError, MissingDataError, UnsupportedError) as error:
            if self._is_alone:
                raise
            self._found = True
            print(f"onnx-params: {plain(str(error))}", file=sys.stderr)

    def end(self) -> None:
        """End with status 2 where a model could not be read."""
        if self._found:
            raise typer.Exit(2)
