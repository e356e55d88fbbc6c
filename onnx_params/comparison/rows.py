"""Relate the rows of a report to what is stored."""

from __future__ import annotations

import math
from typing import Final

from onnx_params.dataflow.view import View
from onnx_params.inventory.record import Inventory
from onnx_params.report.report import Report
from onnx_params.tensors.steps import Key

# of the largest number: what another order of additions, or another epsilon, does
RELATIVE: Final = 1e-4


def rows_by_key(report: Report) -> dict[Key, list[int]]:
    """Stored tensor -> the positions of the rows that it holds, or holds a part of."""
    found: dict[Key, list[int]] = {}
    for at, claim in enumerate(report.inventory.parameters):
        for key in claim.stored:
            found.setdefault(key, []).append(at)
    return found


def is_stored(inventory: Inventory, at: int) -> bool:
    """Whether a row's numbers, folded ones too, lie in a stored tensor."""
    claim = inventory.parameters[at]
    return bool(claim.placements) or (claim.view is View.FOLDED and len(claim.stored) == 1)


def relative_to(largest: float, size: float) -> float | None:
    """A difference by the largest number of the original."""
    return largest / size if size and math.isfinite(largest) else None
