"""Define the record that describes an operator: its inputs, its weight, its scales, what it passes
on.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

AFTER: Final = -1  # of a scale: it is in no slot, a multiplication after the operator applies it


class Kind(enum.Enum):
    """What an operator does with its weight.

    All but norms are layers: they hold most of what is learned.
    """

    CONVOLUTION = "convolution"
    MATRIX = "matrix product"
    CONTRACTION = "contraction"
    TABLE = "lookup in a table"
    RECURRENT = "recurrent layer"
    ATTENTION = "attention with its projections"
    EXPERTS = "mixture of experts"
    NORM = "norm"


class Passes(enum.Enum):
    """How much of its input 0 an operator passes on: what that is, its consumers decide."""

    WHOLE = "every element as it is, perhaps under another shape or order of axes"
    ROUNDED = "every element in another type, or quantized, or dequantized"
    PART = "some elements, or all of them and others"


class Scale(NamedTuple):
    """Where the scale of a quantized input stands.

    ``scale``, ``zero`` and ``second`` are slots; ``second`` is a further scale to multiply by.
    ``axis`` is the axis of the input along which there may be many scales, ``axis_attribute`` the
    attribute that says another. ``block_attribute`` says how many elements of that axis share a
    scale; without it the shape of the scale does.
    """

    scale: int
    zero: int = AFTER
    axis: int = 0
    second: int = AFTER
    axis_attribute: str = ""
    block_attribute: str = ""
    is_blocked: bool = False


class Unpacking(enum.Enum):
    """How packed bytes become numbers; ``UNKNOWN`` where they are no integers, or their layout is
    not documented.
    """

    UNKNOWN = "unknown"
    BLOCKS_OF_ROWS = "rows of K elements in blocks, a scale a block"
    BLOCKS_OF_AXIS = "blocks along quantize_axis, a scale a block"
    EXPERTS = "a matrix [N, K] an expert, a scale a row or a block of it"
    BLOCKS_OF_CODEBOOK = "rows of K codes of E2M1 in blocks, a scale in E4M3 a block"
    CODEBOOK = "codes of a table in blocks of the flattened [N, K], a largest value a block"


class Packing(NamedTuple):
    """How a uint8 input packs elements of fewer bits: the attribute that says how many, and what
    the shape then is.

    With ``by_rows`` the last axis is packed; else the attributes K and N say the shape.
    ``scale`` and ``zero`` are the slots of what dequantizes it, ``second`` that of a further scale,
    ``groups`` that of the block of each line. ``attributes`` are those that say nothing of the
    layout beyond what is read here: where another one is set, the layout is not known.
    """

    bits_attribute: str
    by_rows: bool = True
    steps: Unpacking = Unpacking.UNKNOWN
    scale: int = AFTER
    zero: int = AFTER
    second: int = AFTER
    groups: int = AFTER
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator.

    ``slots`` has a word for each input in order; the last repeats for variadic operators.
    Words: data (computed by other nodes), operand (could be either), weight, bias, table
    (looked up by indices), scale, zero, stat (running statistics), state (initial recurrent state),
    cache (rotary tables), basis (of a transform), mask, index (shapes, axes, positions, limits).

    ``weight`` is the slot of the weight, ``outputs`` the axis of it that has one element for each
    output; where the attribute ``turned_by`` is set that is the other axis, and where it is
    ``grouped`` the attribute ``group`` multiplies. ``scales`` and ``packing`` are by slot.
    Where the attribute ``paired_by`` is 1, the rows of the inputs ``paired`` belong to two matrices
    in turn, which elsewhere lie one after the other.
    """

    domain: str
    name: str
    slots: tuple[str, ...]
    kind: Kind | None = None
    weight: int | None = None
    outputs: int | None = None
    grouped: bool = False
    turned_by: str = ""
    scales: Mapping[int, Scale] = field(default_factory=dict)
    packing: Mapping[int, Packing] = field(default_factory=dict)
    passes: Passes | None = None
    paired: tuple[int, ...] = ()
    paired_by: str = ""

    @property
    def is_layer(self) -> bool:
        """Whether it holds what is learned: what stands before the first or after the last layer
        was not.
        """
        return self.kind is not None and self.kind is not Kind.NORM

    @property
    def is_product(self) -> bool:
        """Whether it multiplies its input by a matrix or a kernel."""
        return self.kind is Kind.MATRIX or self.kind is Kind.CONVOLUTION

    @property
    def weight_slot(self) -> int | None:
        """The input that it multiplies by: the one that is called so, else the one that is for
        this kind.
        """
        named = (slot for slot, word in enumerate(self.slots) if word == "weight")
        return next(named, self.weight)

    def word(self, slot: int) -> str | None:
        """The word for one input slot; ``None`` where the operator has no inputs of its own."""
        return self.slots[min(slot, len(self.slots) - 1)] if self.slots else None


def operators_of(domain: str) -> Callable[..., Operator]:
    """A function that makes the records of one domain."""

    def operator(
        name: str,
        slots: str,
        kind: Kind | None = None,
        *,
        weight: int | None = None,
        outputs: int | None = None,
        grouped: bool = False,
        turned_by: str = "",
        scales: Mapping[int, Scale] | None = None,
        packing: Mapping[int, Packing] | None = None,
        passes: Passes | None = None,
        paired: tuple[int, ...] = (),
        paired_by: str = "",
    ) -> Operator:
        return Operator(
            domain=domain,
            name=name,
            slots=tuple(slots.split()),
            kind=kind,
            weight=weight,
            outputs=outputs,
            grouped=grouped,
            turned_by=turned_by,
            scales=scales or {},
            packing=packing or {},
            passes=passes,
            paired=paired,
            paired_by=paired_by,
        )

    return operator
