"""Find looked-up tables that lie in an artifact once more, quantized: the head that is tied to an
embedding.

Two matrices are one parameter where the rows at fixed places point the same way in both. Rows of
matrices that were trained apart do not, however alike their distributions are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.errors import OnnxParamsError
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import (
    SWAP,
    Dequantize,
    Key,
    Lookup,
    Placement,
    Shape,
    Steps,
    chain,
    shape_after,
)
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

N_ROWS: Final = 16
MIN_WIDTH: Final = 16  # elements of a row below which chance makes two alike
MIN_DIFFERENT: Final = 4  # rows that are not all zeros
# the least cosine of a row and its quantized copy: four bits, a scale for 128 elements
COSINE: Final = 0.97
LOOKUPS: Final = {"Gather", "GatherBlockQuantized"}


def rounded_copies(model: Model, claims: Iterable[Claim]) -> dict[Key, Key]:
    """Key of each matrix that is a looked-up table once more, one of both being quantized -> the
    key of the table.

    Reads a few rows of both, and the scales of what is quantized.
    """
    found: dict[Key, Key] = {}
    for table, others in _pairs(model, claims):
        rows = _rows(model.stored, table)
        if rows is None:
            continue
        for other in others:
            turns = [turn for turn in ((), (SWAP,)) if _shape(other, turn) == table.shape]
            beside = [_rows(model.stored, other, turn) for turn in turns]
            if any(each is not None and _is_same(rows, each) for each in beside):
                found[other.stored[0]] = table.stored[0]
    return found


def _shape(claim: Claim, turn: Steps) -> Shape:
    return shape_after(claim.shape or (), turn)


def _pairs(model: Model, claims: Iterable[Claim]) -> Iterator[tuple[Claim, list[Claim]]]:
    """Each looked-up table with the matrices of its dimensions that may be its copies."""
    groups: dict[Shape, list[Claim]] = {}
    for claim in claims:
        is_one = len(claim.placements) == 1 and len(claim.stored) == 1
        is_matrix = claim.shape is not None and len(claim.shape) == 2
        if is_one and is_matrix and min(_shape(claim, ())) >= MIN_WIDTH:
            groups.setdefault(tuple(sorted(_shape(claim, ()))), []).append(claim)
    for group in groups.values():
        if len(group) < 2:
            continue
        tables = [claim for claim in group if _is_looked_up(model, claim.stored[0])]
        others = [claim for claim in group if claim not in tables]
        for table in tables:
            is_rounded = _is_quantized(table)
            copies = [claim for claim in others if is_rounded or _is_quantized(claim)]
            if copies:
                yield table, copies


def _is_looked_up(model: Model, key: Key) -> bool:
    """Whether nodes take rows of a stored tensor, of its codes too."""
    found = consumers(model, model.stored[key])
    return any(consumer.node.op_type in LOOKUPS for consumer in found)


def _is_quantized(claim: Claim) -> bool:
    return any(isinstance(step, (Dequantize, Lookup)) for step in claim.steps)


def _rows(held: Mapping[Key, StoredTensor], claim: Claim, turn: Steps = ()) -> np.ndarray | None:
    """Rows at fixed places of a matrix, transposed by ``turn``: ``[N_ROWS, width]``."""
    from onnx_params.matching.places import places
    from onnx_params.tensors.rows import some_rows

    (placed,) = claim.placements
    placement = Placement(placed.key, chain(*placed.steps, *turn))
    try:
        return some_rows(held, placement, places(_shape(claim, turn)[0], N_ROWS))
    except OnnxParamsError:
        return None


def _is_same(rows: np.ndarray, beside: np.ndarray) -> bool:
    """Whether every row points where its copy does."""
    import numpy as np

    with np.errstate(all="ignore"):
        products = (rows * beside).sum(axis=1)
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(beside, axis=1)
        is_there = lengths > 0
        if is_there.sum() < MIN_DIFFERENT:
            return False
        directions = np.unique(np.sign(rows[is_there]), axis=0)
        alike = products[is_there] / lengths[is_there]
    return len(directions) >= MIN_DIFFERENT and bool((alike >= COSINE).all())
