"""The command schema: print the JSON Schema of a document."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from onnx_params.cli.options import did_you_mean
from onnx_params.errors import UsageError


def schema(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Which document; without one, all are listed.")
    ] = "",
) -> None:
    """Print the JSON Schema of a document that this tool writes."""
    from onnx_params.schemas import NAMES, text

    if not name:
        sys.stdout.write("".join(f"{each}\n" for each in NAMES))
        return
    if name not in NAMES:
        near = did_you_mean(name, NAMES)
        raise UsageError(f"there is no schema '{name}'{near}; there are {', '.join(NAMES)}")
    sys.stdout.write(text(name))
