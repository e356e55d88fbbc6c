"""Ask the writers of files what their own words say: one module a writer, behind one interface.

A writer's module has two functions: ``hint`` says what it calls constants and what it calls learned
tensors, ``namings`` what parameters its names represent. A new writer is a module and a row here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from onnx_params.containers.onnx.graph import Model
from onnx_params.idioms import converters, genai, skl2onnx, tf2onnx, trace_constants
from onnx_params.idioms.naming import Hint, Naming
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


class Writer(Protocol):
    """What a module of a writer offers."""

    def hint(self, model: Model, tensor: StoredTensor) -> Hint | None:
        """Whether a tensor was learned, by the writer's word for it; ``None`` where it has none."""

    def namings(self, model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
        """The parameters that stored tensors hold, by key; tensors that no word of the writer's
        names are left out.
        """


# producers that call nodes after the framework's own modules, and tools that change neither.
# Sources: torch/onnx/utils.py; onnxruntime, ``quantization/onnx_model.py``
_KEEPS_NAMES: Final = frozenset({"pytorch", "onnx.quantize"})
WRITERS: Final[tuple[Writer, ...]] = (converters, genai, skl2onnx, tf2onnx, trace_constants)


def keeps_names(model: Model) -> bool:
    """Whether the paths in the names of nodes are the framework's, so that a stored name that
    agrees with one is too: a builder that invents both proves nothing by that.
    """
    return model.producer_name in _KEEPS_NAMES


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """The first writer's word on whether a tensor was learned."""
    for writer in WRITERS:
        found = writer.hint(model, tensor)
        if found is not None:
            return found
    return None


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """What the writers call the parameters in stored tensors; of two the later one wins."""
    listed = list(tensors)
    found: dict[Key, list[Naming]] = {}
    for writer in WRITERS:
        found.update(writer.namings(model, listed))
    return found
