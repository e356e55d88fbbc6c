"""Put a parameter together of which parts were taken while the exporter folded constants.

The parts are all that is left of it: its shape is at least that, and inferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import View
from onnx_params.idioms.torch_dynamo import (
    KEEPS_ELEMENTS,
    KEEPS_SHAPE,
    LOOKUPS,
    REPEATS,
    SELECTS,
    SLICES,
    TURNS,
)
from onnx_params.names.claim import Claim
from onnx_params.names.folded_value import Folded
from onnx_params.tensors.small import (
    bit_patterns,
    distinct_elements,
    distinct_lines,
    first_numbers,
)
from onnx_params.tensors.steps import Shape

N_COMPARED: Final = 64  # numbers of two parts of which one may be the other
_COMPLEX: Final = frozenset({"view_as_complex", "view_as_real"})
# parts side by side again, or of another resolution
_JOINS: Final = frozenset({"cat", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_linear1d"})
_WHOLE: Final = KEEPS_ELEMENTS | KEEPS_SHAPE | TURNS
_TAKES: Final = SELECTS | SLICES | _JOINS | _COMPLEX


def by_parts(values: Sequence[Folded]) -> Claim | None:
    """The claim on a parameter of which each of these constants is a part; ``None`` where they are
    not, or other parameters had a share in them.
    """
    parts = [each for each in values if _is_part(each)]
    if not parts:
        return None
    parts = _without_repeated(parts)
    shape = _together(parts)
    if shape is None:
        return None
    besides = f" and {len(parts) - 1} others are" if len(parts) > 1 else " is"
    because = (
        f"'{parts[0].value}'{besides} what was taken of it, if the operators are what they are"
        " called"
    )
    return parts[0].without(shape, View.FOLDED, because)


def _without_repeated(parts: Sequence[Folded]) -> list[Folded]:
    """The parts, each once: those that are stored in one place, or have all the same elements, of
    which there are different ones.
    """
    by_key = {each.location.tensor.key: each for each in parts}
    kept: dict[object, list[Folded]] = {}
    for part in by_key.values():
        tensor = part.location.tensor
        first = (tensor.shape, first_numbers(tensor, min(tensor.count, N_COMPARED)))
        alike = kept.setdefault(first, [])
        if not any(_are_equal(part, other) for other in alike):
            alike.append(part)
    return [part for alike in kept.values() for part in alike]


def _are_equal(one: Folded, other: Folded) -> bool:
    elements = bit_patterns(one.location.tensor)
    return len(set(elements)) > 1 and elements == bit_patterns(other.location.tensor)


def by_states(values: Sequence[Folded]) -> Claim | None:
    """The claim on what recurrent layers begin with, one layer after the other, each for all of the
    batch; ``None`` where no layer takes a constant so.
    """
    states = [each for each in values if _is_state(each)]
    several = len(states) > 1  # else its operators say more
    shape = _joined([each.unrepeated for each in states], is_stacked=False) if several else None
    if shape is None:
        return None
    because = f"{len(states)} recurrent layers begin with what was computed from it"
    return states[0].without(shape, View.FOLDED, because)


def _is_state(folded: Folded) -> bool:
    words = {each.word for each in consumers(folded.table.model, folded.location.tensor)}
    return words == {"state"}


def _is_part(folded: Folded) -> bool:
    operators = set(folded.operators)
    kinds = folded.table.metadata.kinds
    if any(kinds[each] == "PARAMETER" for each in folded.others):
        return False
    if operators & LOOKUPS:
        return True
    return bool(operators & _TAKES) and operators <= _TAKES | _WHOLE


def _together(parts: Sequence[Folded]) -> Shape | None:
    """The shape of what all parts were taken of, as far as they say it."""
    operators = set(parts[0].operators)
    is_repeated = not REPEATS.isdisjoint(operators)
    shapes = [each.unrepeated if is_repeated else each.location.shape for each in parts]
    if operators & LOOKUPS:
        return _table(parts)
    if "view_as_real" in operators:  # real and imaginary parts of each element
        return shapes[0]
    return _joined(shapes, _takes(parts[0]))


def _takes(folded: Folded) -> bool:
    """Whether the last operator took one of an axis."""
    return folded.operators[0] in SELECTS


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
    if _takes(parts[0]):  # a row each, of which all have as many different numbers
        n_rows = distinct_elements(tensor)
        return None if n_rows is None else (len(parts), n_rows)
    if len(parts) > 1 or not TURNS.isdisjoint(parts[0].operators):
        return None
    n_rows = distinct_lines(tensor, len(tensor.shape) - 1)
    return None if n_rows in (None, 1) else (n_rows, tensor.shape[-1])
