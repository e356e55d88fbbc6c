"""Rank models: one line each, from an artifact or from a JSON report of one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from onnx_params.errors import FormatError, UnreadableError, system_reason
from onnx_params.report.analyze import analyze
from onnx_params.report.report import SCHEMA


class Entry(NamedTuple):
    """One model's totals; ``report`` is the path of its Markdown report where one lies beside it,
    else empty.
    """

    name: str
    path: str
    layers: int
    parameters: int
    n_bytes: int
    report: str
    files: tuple[str, ...] = ()  # that were read

    @property
    def bits(self) -> float:
        """Stored bits a parameter."""
        return 8 * self.n_bytes / self.parameters if self.parameters else 0.0


def entry(path: str) -> Entry:
    """The totals of an artifact, or of a JSON report.

    Raises :class:`~onnx_params.errors.OnnxParamsError`.
    """
    if not path.endswith(".json"):
        report = analyze(path)
        return Entry(
            report.name,
            path,
            report.layers,
            report.parameters,
            report.n_bytes,
            _report(path),
            tuple(report.inventory.input_paths()),
        )
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        if document["schema"] != SCHEMA:
            raise FormatError(f"{path}: is not a report: its schema is {document['schema']!r}")
        totals = document["totals"]
        return Entry(
            str(document["model"]["name"]),
            path,
            int(totals["layers"]),
            int(totals["parameters"]),
            int(totals["bytes"]),
            _report(path),
        )
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path}: is not a report that analyze wrote: {type(error).__name__}"
        ) from error


def _report(path: str) -> str:
    beside = f"{os.path.splitext(path)[0]}.md"
    return beside if os.path.isfile(beside) else ""


def ordered(entries: Sequence[Entry], by: str) -> list[Entry]:
    """The largest first, by ``parameters``, ``bytes`` or ``bits``; models of one name get their
    folder's name before it.
    """
    names = [each.name for each in entries]
    entries = [
        each._replace(
            name=f"{os.path.basename(os.path.dirname(os.path.abspath(each.path)))}/{each.name}"
        )
        if names.count(each.name) > 1
        else each
        for each in entries
    ]
    keys = {
        "parameters": lambda e: e.parameters,
        "bytes": lambda e: e.n_bytes,
        "bits": lambda e: e.bits,
    }
    return sorted(entries, key=lambda e: (-keys[by](e), e.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Models in order, the largest first."""

    entries: tuple[Entry, ...]
