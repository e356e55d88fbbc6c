"""Define what is said of an application: what became of each tensor of the checkpoint, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from onnx_params.tensors.steps import Shape

SCHEMA = "onnx-params/apply/1"


class Way(enum.Enum):
    """How a tensor of the checkpoint gets into the artifact."""

    EXACT = "exact"
    CAST = "cast"
    QUANTIZED = "quantized"
    COMPUTED = "computed"
    LINKED = "linked"
    SPLIT = "split"
    ADDED = "added"
    UNCHANGED = "unchanged"
    ABSENT = "absent"
    REFUSED = "refused"


NOT_WRITTEN = frozenset({Way.UNCHANGED, Way.ABSENT, Way.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tensor of the checkpoint.

    ``stored`` are names in the artifact. ``sqnr`` is the signal to quantization noise in decibels
    of what was written, ``None`` where nothing was rounded to codes.
    """

    name: str
    way: Way
    because: str
    shape: Shape
    dtype: str
    stored: tuple[str, ...] = ()
    certain: bool = True
    sqnr: float | None = None

    @property
    def is_written(self) -> bool:
        return self.way not in NOT_WRITTEN


@dataclass(frozen=True, kw_only=True)
class Application:
    """What was written, or with a dry run would be.

    ``output`` is empty for a dry run. ``n_bytes`` are those of the stored tensors that get new
    values. ``is_proved`` says whether the result was audited against the checkpoint.
    """

    model: str
    checkpoint: str
    output: str
    rows: tuple[Row, ...]
    n_tensors: int = 0
    n_bytes: int = 0
    is_proved: bool = False
    notes: tuple[str, ...] = field(default=())

    def of(self, *ways: Way) -> tuple[Row, ...]:
        """The rows that are one of these ways, in order."""
        return tuple(row for row in self.rows if row.way in ways)

    @property
    def written(self) -> tuple[Row, ...]:
        """The rows whose values are written."""
        return tuple(row for row in self.rows if row.is_written)

    @property
    def refused(self) -> tuple[Row, ...]:
        """The rows that cannot be written."""
        return self.of(Way.REFUSED)

    def __repr__(self) -> str:
        where = self.output or "a dry run"
        return f"<Application of {self.checkpoint}: {len(self.written)} tensors written, {where}>"
