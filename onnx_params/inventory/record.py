"""Define the account of an artifact: every stored tensor once, as part of a parameter or as
something else.
"""

from __future__ import annotations

from dataclasses import dataclass

from onnx_params.containers.onnx.graph import Model
from onnx_params.matching import claims as by_content
from onnx_params.names import source_map as mapped
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Classification
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """One file of an artifact: its length, and how much of it stored tensors take; the rest is
    structure or padding.

    ``n_bytes`` is ``None`` where the file is not there; ``tensor_bytes`` is then what the headers
    say.
    """

    path: str
    n_bytes: int | None
    tensor_bytes: int

    @property
    def structure_bytes(self) -> int | None:
        """Bytes that belong to no stored tensor."""
        return None if self.n_bytes is None else self.n_bytes - self.tensor_bytes


@dataclass(frozen=True, kw_only=True, repr=False)
class Inventory:
    """What is in one artifact.

    ``parameters`` are the claims that won, in the original's order where something says it, else
    in file order. ``classified`` has every stored tensor once, in file order. ``others`` are the
    positions in ``classified`` that no parameter's claim covers. ``matched`` is what was
    found of a reference, where one was given; ``verification`` the outcome where values were
    verified.
    """

    model: Model
    classified: tuple[tuple[StoredTensor, Classification], ...]
    parameters: tuple[Claim, ...]
    claims: tuple[Claim, ...]
    parameter_tensors: dict[Key, StoredTensor]
    others: tuple[int, ...]
    files: tuple[FileBytes, ...]
    notes: tuple[str, ...]
    matched: by_content.Matched | None = None
    verification: mapped.Verification | None = None

    def __repr__(self) -> str:
        tensors = f"{len(self.classified)} stored tensors"
        return f"<Inventory: {len(self.parameters)} parameters in {tensors}>"

    def input_paths(self) -> list[str]:
        """Every file that was read: the artifact's, and the reference's where one was given.

        No output may overwrite them.
        """
        paths = [file.path for file in self.files]
        if self.matched is not None:
            paths += [
                self.matched.checkpoint.path,
                *dict.fromkeys(tensor.source.label for tensor in self.matched.checkpoint.tensors),
            ]
        return paths
