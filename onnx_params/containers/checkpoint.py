"""Define what a checkpoint has: named tensors, in its own order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onnx_params.tensors.encoding import Place, PlaceKind
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint's tensors, in its own order.

    ``ordered`` says whether that is the order in which the framework registered them. ``part`` is
    where in its file they were found, where there are several sets of weights; ``others`` are the
    other sets.
    """

    path: str
    tensors: tuple[StoredTensor, ...]
    ordered: bool
    aliases: tuple[tuple[str, str], ...] = ()
    part: str = ""
    others: tuple[Checkpoint, ...] = ()


PLACE: Final = Place(kind=PlaceKind.CHECKPOINT)
