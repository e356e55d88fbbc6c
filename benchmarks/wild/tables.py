"""Make models of several libraries by tables of text: what the kinds that mix libraries share."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from wild.shipping import declare_operators, shown
from wild.workshop import Builder, export_both

Make = Callable[[Any], nn.Module]  # the library -> a model
Inputs = dict[str, Any]  # a shape to draw, or a tensor
Table = Mapping[str, tuple[Make, Inputs]]  # a case -> its model, its inputs
Fixed = Mapping[str, dict[str, Any]]  # a case -> arguments that are no inputs

# their models answer with more than tensors, and take arguments by name
_TAKES_NAMES: Final = frozenset({"diffusers", "transformers", "torchaudio.models"})


def parsed(text: str) -> dict[str, Any]:
    """The options in words of the form ``name=value``."""
    words = (word.partition("=") for word in text.split())
    return {name: literal_eval(value) for name, _, value in words}


def made(text: str) -> Make:
    """What a function or class of a library makes: its name, then options."""
    kind, *rest = text.split()

    def make(library: Any) -> nn.Module:
        model: nn.Module = getattr(library, kind)(**parsed(" ".join(rest)))
        return model

    return make


def builders(tables: Mapping[str, Table], fixed: Fixed) -> dict[str, Builder]:
    """A builder for each case of the tables, which are by library (``torchvision.models``)."""
    return {
        f"{library.partition('.')[0]}-{name}": partial(_build, library, *case, fixed.get(name, {}))
        for library, table in tables.items()
        for name, case in table.items()
    }


def _build(
    library: str, make: Make, inputs: Inputs, fixed: Mapping[str, Any], folder: Path
) -> None:
    declare_operators()
    torch.manual_seed(0)
    model = make(import_module(library)).eval()
    values = tuple(
        torch.randn(value) if isinstance(value, tuple) else value for value in inputs.values()
    )
    if library in _TAKES_NAMES:
        shown(model, list(inputs), **fixed)
    export_both(model, values, folder)
