"""Find parameters that lie in an artifact once more in another type, as a quantized head does that
is tied to its embedding, or a weight of which a tool quantized some of the uses.

Two tensors are one parameter where the numbers at fixed places point the same way in both. Rows of
matrices that were trained apart do not, however alike their distributions are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.errors import OnnxParamsError
from onnx_params.idioms.naming import module_of
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import real_name
from onnx_params.names.claim import Claim
from onnx_params.tensors.encoding import Encoding
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
MIN_DIFFERENT: Final = 8  # numbers; what a network begins with has one
# the least cosine of a row and its quantized copy: four bits, a scale for 128 elements
COSINE: Final = 0.97
# of a copy: ``bias0``, ``bias_hh_l012``. Source: onnxruntime, ``quantization/qdq_quantizer.py``
_COPY: Final = re.compile(r"(?P<stem>.*[a-z]\d?)\d+")
MAX_LEFT_OUT: Final = 4  # rows of a table, for padding and masks
MAX_TABLES: Final = 4  # that are compared with one head, or codes with one factor
LOOKUPS: Final = {"Gather", "GatherBlockQuantized"}


def rounded_copies(model: Model, claims: Iterable[Claim]) -> dict[Key, Key]:
    """Key of each tensor that is another one once more, in another type or in other codes -> the
    key of that one.

    Reads a few rows of those that may be, and the scales of what is quantized.
    """
    found: dict[Key, Key] = {}
    single = [claim for claim in claims if len(claim.placements) == len(claim.stored) == 1]
    pairs = (*_by_table(model, single), *_by_name(single), *_by_module(model, single))
    for first, others in pairs:
        copies = [claim for claim in others if _may_be(model, first, claim)]
        rows = _rows(model.stored, first) if copies else None
        if rows is None:
            continue
        for other in copies:
            turns = [turn for turn in ((), (SWAP,)) if _shape(other, turn) == _shape(first)]
            beside = [_rows(model.stored, other, turn) for turn in turns]
            if any(each is not None and _is_same(rows, each) for each in beside):
                found.setdefault(other.stored[0], first.stored[0])
    for head, tables in _with_fewer_rows(model, single):
        if head.stored[0] not in found:
            table = _table_of(model, head, tables)
            if table is not None:
                found[head.stored[0]] = table.stored[0]
    return found


def _with_fewer_rows(
    model: Model, claims: Iterable[Claim]
) -> Iterator[tuple[Claim, Sequence[Claim]]]:
    """Each matrix with the looked-up tables that are as wide and have a few rows more: heads of
    recommenders, which take no rows for padding and masks. No more than a few are asked.
    """
    tables: dict[Shape, list[Claim]] = {}
    others: list[Claim] = []
    for claim in claims:
        if len(_shape(claim)) != 2 or min(_shape(claim)) < MIN_WIDTH:
            continue
        if _is_looked_up(model, claim.stored[0]):
            tables.setdefault(_shape(claim), []).append(claim)
        else:
            others.append(claim)
    for claim in others if tables else ():
        rows, width = _shape(claim)
        longer = range(rows + 1, rows + MAX_LEFT_OUT + 1)
        found = [table for n_rows in longer for table in tables.get((n_rows, width), ())]
        if found:
            yield claim, found[:MAX_TABLES]


def _table_of(model: Model, head: Claim, tables: Sequence[Claim]) -> Claim | None:
    """The table whose rows, one after the other, are those of a matrix."""
    from onnx_params.matching.places import places

    n_rows = _shape(head)[0]
    at = places(n_rows, N_ROWS)
    rows = _rows(model.stored, head, at=at)
    if rows is None:
        return None
    for table in tables:
        shifts = range(_shape(table)[0] - n_rows + 1)
        beside = (_rows(model.stored, table, at=at + shift) for shift in shifts)
        if any(each is not None and _is_same(rows, each) for each in beside):
            return table
    return None


def _shape(claim: Claim, turn: Steps = ()) -> Shape:
    shape = claim.shape or ()
    return shape_after(shape, turn) if len(shape) == 2 else shape


def _by_table(model: Model, claims: Iterable[Claim]) -> Iterator[tuple[Claim, list[Claim]]]:
    """Each looked-up table with the matrices of its dimensions."""
    groups: dict[Shape, list[Claim]] = {}
    for claim in claims:
        if len(_shape(claim)) == 2 and min(_shape(claim)) >= MIN_WIDTH:
            groups.setdefault(tuple(sorted(_shape(claim))), []).append(claim)
    for group in groups.values():
        if len(group) < 2:
            continue
        tables = [claim for claim in group if _is_looked_up(model, claim.stored[0])]
        others = [claim for claim in group if claim not in tables]
        for table in tables if others else ():
            yield table, others


def _by_name(claims: Iterable[Claim]) -> Iterator[tuple[Claim, list[Claim]]]:
    """Each tensor with those that a tool made of it, by their names, or numbered as its copies, and
    with those that would have its name by their place.
    """
    groups: dict[str, list[Claim]] = {}
    named: dict[str, list[Claim]] = {}
    for claim in claims:
        named.setdefault(claim.name, []).append(claim)
        groups.setdefault(name_before(claim.stored[0][1]), []).append(claim)
    numbered: dict[str, list[str]] = {}
    for base in groups:
        match = _COPY.fullmatch(base)
        if match is not None:
            numbered.setdefault(match["stem"], []).append(base)
    for stem, bases in numbered.items():
        for base in bases if stem in groups or len(bases) > 1 else ():
            groups.setdefault(stem, []).extend(groups.pop(base))
    for group in (*groups.values(), *named.values()):
        if len(group) > 1:
            yield group[0], group[1:]


def _by_module(model: Model, claims: Iterable[Claim]) -> Iterator[tuple[Claim, list[Claim]]]:
    """Each tensor with a name of its own that is no codes, with the codes without one of its module
    and its dimensions: a factor that a module multiplies by, and takes the length of.
    """
    named: list[Claim] = []
    coded: dict[tuple[str, Shape], list[Claim]] = {}
    for claim in claims:
        is_coded = _is_quantized(model, claim)
        if is_coded is (real_name(claim.stored[0][1]) is not None):
            continue
        if is_coded:
            key = module_of(claim.name), tuple(sorted(_shape(claim)))
            coded.setdefault(key, []).append(claim)
        else:
            named.append(claim)
    for claim in named if coded else ():
        module = module_of(claim.name)
        dims = tuple(sorted(_shape(claim)))
        for owner in (module, module_of(module)):  # the inner one may be a dictionary's entry
            if owner and len(dims) > 1 and (owner, dims) in coded:
                yield claim, coded[owner, dims][:MAX_TABLES]


def _may_be(model: Model, first: Claim, other: Claim) -> bool:
    """Whether two claims are on one name, or on numbers in other types, or in codes."""
    types = {model.stored[claim.stored[0]].dtype.name for claim in (first, other)}
    is_rounded = first.name == other.name or any(_is_quantized(model, e) for e in (first, other))
    has_dims = sorted(_shape(first)) == sorted(_shape(other))
    return has_dims and math.prod(_shape(first)) >= MIN_DIFFERENT and (is_rounded or len(types) > 1)


def _is_looked_up(model: Model, key: Key) -> bool:
    """Whether nodes take rows of a stored tensor, of its codes too."""
    found = consumers(model, model.stored[key])
    return any(consumer.node.op_type in LOOKUPS for consumer in found)


def _is_quantized(model: Model, claim: Claim) -> bool:
    if model.stored[claim.stored[0]].encoding is Encoding.COMPUTED:
        return True
    return any(isinstance(step, (Dequantize, Lookup)) for step in claim.steps)


def _rows(
    held: Mapping[Key, StoredTensor],
    claim: Claim,
    turn: Steps = (),
    at: np.ndarray | None = None,
) -> np.ndarray | None:
    """Rows of a matrix, transposed by ``turn``: ``[N_ROWS, width]``, at fixed places or ``at``
    those; a vector is one row.
    """
    from onnx_params.matching.places import places
    from onnx_params.tensors.rows import some_rows

    (placed,) = claim.placements
    placement = Placement(placed.key, chain(*placed.steps, *turn))
    shape = _shape(claim, turn)
    if at is None:
        at = places(shape[0], N_ROWS if len(shape) > 1 else shape[0])
    try:
        rows = some_rows(held, placement, at)
    except OnnxParamsError:
        return None
    if rows is None:
        return None
    return rows.reshape(1 if len(shape) == 1 else len(at), -1)


def _is_same(rows: np.ndarray, beside: np.ndarray) -> bool:
    """Whether every row points where its copy does, and they are not all one number."""
    import numpy as np

    with np.errstate(all="ignore"):
        products = (rows * beside).sum(axis=1)
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(beside, axis=1)
        is_there = lengths > 0
        if not is_there.any():
            return False
        alike = products[is_there] / lengths[is_there]
    n_different = len(np.unique(rows[is_there]))
    return n_different >= MIN_DIFFERENT and bool((alike >= COSINE).all())
