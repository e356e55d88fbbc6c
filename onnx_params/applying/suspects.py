"""Ask of a parameter that is nowhere in an artifact whether something in it may have been computed
from it: then the artifact would keep a part of the old weights.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Final

import numpy as np

from onnx_params.applying.computing import Computed
from onnx_params.applying.targets import Finder
from onnx_params.auditing.computed import is_wave_table
from onnx_params.inventory.record import Inventory
from onnx_params.matching import folds
from onnx_params.roles.role import Role
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

FEW: Final = 8  # elements below which content says little
MASKED: Final = 3  # different numbers that a mask has at most
CLOSE: Final = 2e-6  # relative; how far a number may lie from what a formula makes
ROUND: Final = 16  # multiples of one over this are numbers that people choose


class Suspects:
    """The stored numbers that no parameter explains."""

    def __init__(self, inventory: Inventory, covered: Container[Key], has_witness: bool) -> None:
        self.has_witness = has_witness
        uses = inventory.model.def_use.uses
        self._every = [
            (tensor, classification.role)
            for tensor, classification in inventory.classified
            if tensor.key not in covered
            and classification.role is not Role.QUANTIZATION
            and tensor.count
            and tensor.dtype.is_float
            and tensor.encoding not in (Encoding.GENERATED, Encoding.COMPUTED)
            and (uses(tensor.key) or tensor.place.op_type)
        ]

    def of(self, tensor: StoredTensor) -> list[StoredTensor]:
        """Those that may have been made of a tensor: with as many numbers as a line of it at
        least, which are no mask, no table of waves and not all the same. Reads them.
        """
        line = min(tensor.count, tensor.shape[-1] if tensor.shape else 1)
        return [
            each
            for each, role in self._every
            if each.count >= max(line, 2) and self._may_be_made(each, role)
        ]

    def _may_be_made(self, tensor: StoredTensor, role: Role) -> bool:
        if role is Role.PARAMETER and not self.has_witness:
            return True
        values = tensor.read()
        if values.dtype.kind == "f" and is_wave_table(values):
            return False
        return len(np.unique(values.reshape(-1))) > min(MASKED, tensor.count - 1)

    def numbers(self, values: np.ndarray) -> list[tuple[StoredTensor, str]]:
        """The stored tensors that are a formula of a few numbers, with the formula; none where the
        result is a number that people choose.
        """
        found: list[tuple[StoredTensor, str]] = []
        for formula in folds.UNARY:
            made = folds.computed(folds.UNARY[formula], values).reshape(-1)
            if not np.isfinite(made).all() or _is_chosen(made):
                continue
            for each, _ in self._every:
                if each.count == made.size and _is_near(each.read().reshape(-1), made):
                    found.append((each, formula))
        return found


def _is_chosen(values: np.ndarray) -> bool:
    return bool(np.all(values * ROUND == np.rint(values * ROUND)))


def _is_near(stored: np.ndarray, made: np.ndarray) -> bool:
    return bool(np.allclose(stored.astype(np.float64), made, rtol=CLOSE, atol=0))


def numbers_computed(
    suspects: Suspects,
    finder: Finder,
    gone: Mapping[str, StoredTensor],
) -> Iterator[tuple[str, Computed]]:
    """What was computed from parameters of a few numbers that nothing holds, where one stored
    tensor alone may be that: a temperature behind an ``exp``. Reads them.
    """
    from onnx_params.applying.recipes import by_function

    for name, tensor in gone.items():
        found = suspects.numbers(tensor.read()) if tensor.count < FEW else []
        if len(found) != 1:
            continue
        stored, formula = found[0]
        compute = by_function(name, folds.UNARY[formula])
        steps = finder.way_to(stored.key, compute({name: tensor.read()}))
        if steps is not None:
            yield name, Computed(stored.key, (name,), compute, steps, tensor.shape)
