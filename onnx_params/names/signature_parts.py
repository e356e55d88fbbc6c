"""Put a parameter together of which parts were taken while the exporter folded constants.

The parts are all that is left of it: its shape is at least that, and inferred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from onnx_params.dataflow.view import View
from onnx_params.idioms.torch_dynamo import KEEPS_ELEMENTS, KEEPS_SHAPE, TURNS
from onnx_params.names.claim import Claim
from onnx_params.names.folded_value import Folded
from onnx_params.tensors.small import distinct_lines
from onnx_params.tensors.steps import Shape

_SELECTS: Final = frozenset({"select", "unbind", "getitem"})  # one of an axis, which is gone
_SLICES: Final = frozenset({"slice", "narrow", "split", "split_with_sizes", "chunk"})
_COMPLEX: Final = frozenset({"view_as_complex", "view_as_real"})
# by positions that were computed; those that ``embedding`` takes are the first of a longer table
_LOOKUPS: Final = frozenset({"index", "_unsafe_index", "index_select", "gather"})
# parts side by side again, or of another resolution
_JOINS: Final = frozenset({"cat", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_linear1d"})
_WHOLE: Final = KEEPS_ELEMENTS | KEEPS_SHAPE | TURNS
_TAKES: Final = _SELECTS | _SLICES | _JOINS | _COMPLEX


def by_parts(values: Sequence[Folded]) -> Claim | None:
    """The claim on a parameter of which each of these constants is a part; ``None`` where they are
    not, or other parameters had a share in them.
    """
    parts = [each for each in values if _is_part(each)]
    if not parts:
        return None
    by_key = {each.location.tensor.key: each for each in parts}
    parts = list(by_key.values())
    shape = _joined([each.location.shape for each in parts], _takes(parts[0]))
    if "view_as_real" in parts[0].operators:  # real and imaginary parts of each element
        shape = parts[0].location.shape
    if not _LOOKUPS.isdisjoint(parts[0].operators):
        shape = _table(parts)
    if shape is None:
        return None
    besides = f" and {len(parts) - 1} others are" if len(parts) > 1 else " is"
    because = (
        f"'{parts[0].value}'{besides} what was taken of it, if the operators are what they are"
        " called"
    )
    return parts[0].without(shape, View.FOLDED, because)


def _is_part(folded: Folded) -> bool:
    operators = set(folded.operators)
    kinds = folded.table.metadata.kinds
    if any(kinds[each] == "PARAMETER" for each in folded.others):
        return False
    return not operators.isdisjoint(_TAKES | _LOOKUPS) and (
        operators <= _TAKES | _WHOLE or not operators.isdisjoint(_LOOKUPS)
    )


def _takes(folded: Folded) -> bool:
    """Whether the last operator took one of an axis."""
    return folded.operators[0] in _SELECTS


def _joined(shapes: Sequence[Shape], is_stacked: bool) -> Shape | None:
    """The shape of parts together: stacked, or side by side along the axis in which they differ."""
    first = shapes[0]
    if len(shapes) == 1:
        return first
    if is_stacked and len(set(shapes)) == 1:
        return (len(shapes), *(dim for dim in first if dim != 1))
    if not first or len({len(shape) for shape in shapes}) > 1:
        return None
    differing = [axis for axis, dims in enumerate(zip(*shapes, strict=True)) if len(set(dims)) > 1]
    if len(differing) > 1:
        return None
    axis = differing[0] if differing else 0
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _table(parts: Sequence[Folded]) -> Shape | None:
    """The shape of a table in which rows were looked up: as many as there are different ones."""
    tensor = parts[0].location.tensor
    if not tensor.dtype.is_float:  # of codes, different rows may be the same
        return None
    if not _takes(parts[0]):
        is_turned = not TURNS.isdisjoint(parts[0].operators)
        n_rows = (
            None if is_turned or len(parts) > 1 else distinct_lines(tensor, len(tensor.shape) - 1)
        )
        return None if n_rows in (None, 1) else (n_rows, tensor.shape[-1])
    flat = tensor._replace(shape=(math.prod(tensor.shape), 1))
    n_rows = distinct_lines(flat, 1)
    return None if n_rows is None else (len(parts), n_rows)
