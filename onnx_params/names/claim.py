"""Hold one answer to 'what was it called', with who says so and why."""

from __future__ import annotations

import enum
from typing import NamedTuple

from onnx_params.dataflow.logical import View
from onnx_params.tensors.steps import Key, Piece, Steps, words


class Evidence(enum.Enum):
    """Where a claim comes from, in the order in which they are believed."""

    SOURCE_MAP = "source-map"
    SIGNATURE = "signature"
    REFERENCE = "reference"
    STORED_NAME = "stored-name"
    SCOPE = "scope"
    SIBLING = "sibling"
    ARCHITECTURE = "architecture"
    NONE = "none"


class Claim(NamedTuple):
    """One parameter as one source of evidence knows it.

    ``shape`` is the original shape, ``None`` where nothing tells it. ``stored`` are the keys of the
    stored tensors that hold it, none where its numbers are gone. ``aliases`` are further names of
    the same parameter (ties).
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str | None
    evidence: Evidence
    certain: bool
    because: str
    view: View
    stored: tuple[Key, ...] = ()
    aliases: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    axis: int = 0

    @property
    def steps(self) -> Steps:
        """What is done to storage to get the values, all pieces together."""
        return tuple(step for piece in self.pieces for step in piece.steps)

    @property
    def view_words(self) -> tuple[str, ...]:
        """The view in words, the one that matters most first; a chain of several lists each."""
        if not any(piece.steps for piece in self.pieces):  # nearly all
            return (self.view.value,)
        found = dict.fromkeys((self.view.value, *words(self.steps)))
        if len(found) > 1:
            found.pop(View.WHOLE.value, None)
        # how bytes are laid out for their operator is its own affair
        if self.view is View.UNPACKED:
            found.pop(View.RESHAPED.value, None)
            found.pop(View.PART.value, None)
        return tuple(found)
