"""Define what an artifact is: a digest of every stored tensor and of the structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

SCHEMA: Final = "onnx-params/lock/1"


class Locked(NamedTuple):
    """One stored tensor:

    ``place`` is its number in the order of use, or where it stands as an attribute; empty where
    nothing uses it.
    """

    name: str
    graph: str
    place: str
    role: str
    dtype: str
    shape: tuple[int, ...]
    n_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Lock:
    """What an artifact is."""

    name: str
    model: dict[str, Any]  # JSON: as in the document
    totals: dict[str, int]
    structure: str
    structure_without_names: str
    metadata: str
    tensors: tuple[Locked, ...]
    parameters: tuple[dict[str, Any], ...]
    files: tuple[str, ...] = ()  # paths that were read; not in the document

    def __repr__(self) -> str:
        return f"<Lock of {self.name}: {len(self.tensors)} tensors>"
