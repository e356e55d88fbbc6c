"""Open what an artifact is compared with: a checkpoint, another artifact, or a source map."""

from __future__ import annotations

import os
from typing import Final

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.formats import is_checkpoint, open_checkpoint
from onnx_params.errors import FormatError
from onnx_params.idioms.source_map import SourceMap, read_map
from onnx_params.inventory.as_checkpoint import of_artifact
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.take import take
from onnx_params.io.remote import is_url

# endings of files that are no artifact, whatever is in them
_CHECKPOINTS: Final = tuple(
    ".json .safetensors .npz .npy .bin .pt .pth .ckpt .h5 .keras .eqx .msgpack .gguf .index"
    " .pdparams .pkl .pickle .joblib .nemo .tar .gz .tflite .weights .params".split()
)


def open_reference(path: str | os.PathLike[str]) -> Checkpoint | SourceMap:
    """A checkpoint, the parameters of another artifact as one, or a source map.

    Raises :class:`FormatError` where it is none of them.
    """
    path = os.fspath(path)
    found = read_map(path)
    if found is not None:
        return found
    if path.endswith((".onnx", ".onnx.gz", ".ort")) or is_url(path):
        return _of_artifact(path)
    try:
        return open_checkpoint(path)
    except FormatError:
        if os.path.isdir(path) or path.endswith(_CHECKPOINTS) or is_checkpoint(path):
            raise
        return _of_artifact(path)


def _of_artifact(path: str) -> Checkpoint:
    """What another artifact holds, with the statistics of its norms."""
    return of_artifact(take(open_artifact(path).model), folded=True)
