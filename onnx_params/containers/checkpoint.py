"""Define what a checkpoint has: named tensors, in its own order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onnx_params.tensors.encoding import Place, PlaceKind
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint's tensors, in its own order.

    ``ordered`` says whether that is the order in which the framework registered them.
    """

    path: str
    tensors: tuple[StoredTensor, ...]
    ordered: bool
    aliases: tuple[tuple[str, str], ...] = ()


PLACE: Final = Place(kind=PlaceKind.CHECKPOINT)
