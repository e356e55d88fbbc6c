"""Read the folders that ``torch.distributed.checkpoint`` writes: a pickle that says which pieces a
tensor has, and files of these, each as ``torch.save`` writes a tensor.

Format: torch/distributed/checkpoint/metadata.py and filesystem.py.
"""

from __future__ import annotations

import collections
import io
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.inert_pickle import MAX_PICKLE
from onnx_params.containers.pickled_objects import Inert
from onnx_params.containers.state_dicts import StateDict, state_dicts
from onnx_params.containers.strided import Storage, Strided, is_shape
from onnx_params.containers.torch_pickle import load
from onnx_params.containers.torch_zip import read_tensor
from onnx_params.errors import FormatError, UnsupportedError, content_errors
from onnx_params.io.sources import ComputedSource, FileSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

METADATA: Final = ".metadata"
_MAX_TENSOR: Final = 1 << 36  # elements


class _Piece(NamedTuple):
    """A part of a tensor: where it begins on each axis, and where its bytes are."""

    offsets: tuple[int, ...]
    file: str
    at: int
    length: int


def is_it(folder: str) -> bool:
    """Whether a folder is such a checkpoint."""
    return os.path.isfile(os.path.join(folder, METADATA))


def read(folder: str) -> Checkpoint:
    """The tensors of a folder; of several dictionaries the one that is meant, the others beside it.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where it has no
    tensors.
    """
    path = os.path.join(folder, METADATA)
    source = FileSource(path)
    if source.n_bytes > MAX_PICKLE:
        raise FormatError(f"{path}: is too long for names and shapes; refused")
    saved = load(path, io.BytesIO(source.read(0, source.n_bytes))).value
    state = saved.state if isinstance(saved, Inert) else {}
    tensors = dict(_tensors(_dict(state, "state_dict_metadata")))
    pieces = _pieces(path, folder, _dict(state, "storage_data"))
    nested = _nested(tensors, _dict(state, "planner_data"))
    every = [_checkpoint(folder, each, pieces) for each in state_dicts(nested)]
    if not every:
        raise UnsupportedError(f"{folder}: its metadata lists no tensors")
    return replace(every[0], others=tuple(every[1:]))


def _dict(state: dict[str, Any], key: str) -> dict[Any, Any]:
    found = state.get(key)
    return found if isinstance(found, dict) else {}


def _tensors(listed: dict[Any, Any]) -> Iterator[tuple[str, Strided]]:
    """Name -> a tensor whose storage is called by that name."""
    for name, each in listed.items():
        state = each.state if isinstance(each, Inert) else {}
        shape, properties = state.get("size"), state.get("properties")
        if not isinstance(properties, Inert) or not is_shape(shape):
            continue
        dtype = properties.state.get("dtype", properties.parts[0] if properties.parts else "")
        if not isinstance(dtype, str) or dtype not in BY_NAME or math.prod(shape) > _MAX_TENSOR:
            continue
        strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        yield str(name), Strided(Storage(str(name), dtype), 0, shape, strides, dtype)


def _pieces(path: str, folder: str, listed: dict[Any, Any]) -> dict[str, list[_Piece]]:
    found: dict[str, list[_Piece]] = collections.defaultdict(list)
    for index, place in listed.items():
        if not isinstance(index, Inert) or not isinstance(place, Inert):
            continue
        file = place.state.get("relative_path")
        at, length = place.state.get("offset"), place.state.get("length")
        offsets = index.state.get("offset") or ()
        if not isinstance(file, str) or os.path.basename(file) != file:
            raise FormatError(f"{path}: names a file outside its folder; refused")
        if not isinstance(at, int) or not isinstance(length, int) or not is_shape(offsets):
            raise FormatError(f"{path}: says no place of '{index.state.get('fqn')}'")
        piece = _Piece(tuple(offsets), os.path.join(folder, file), at, length)
        found[str(index.state.get("fqn"))].append(piece)
    return found


def _nested(tensors: dict[str, Strided], paths: dict[Any, Any]) -> dict[str, Any]:
    """The dictionaries that were saved, as the planner flattened them."""
    root: dict[str, Any] = {}
    for name, tensor in tensors.items():
        keys = paths.get(name)
        path = keys if isinstance(keys, tuple) and keys else (name,)
        *outer, leaf = map(str, path)
        at = root
        for key in outer:
            inner = at.setdefault(key, {})
            at = inner if isinstance(inner, dict) else {}
        at[leaf] = tensor
    return root


def _checkpoint(folder: str, each: StateDict, pieces: dict[str, list[_Piece]]) -> Checkpoint:
    tensors = [
        _placed(folder, name, tensor, pieces.get(tensor.storage.key, []))
        for name, tensor in each.tensors.items()
        if isinstance(tensor, Strided)
    ]
    return Checkpoint(path=folder, tensors=tuple(tensors), ordered=True, part=each.where)


def _placed(folder: str, name: str, tensor: Strided, pieces: list[_Piece]) -> StoredTensor:
    """A tensor that is put together when it is read."""
    dtype = BY_NAME[tensor.dtype]
    label = f"{folder}: tensor '{name}'"

    def make() -> bytes:
        import numpy as np

        whole = np.zeros(tensor.shape, np.dtype((np.void, dtype.bits // 8)))
        n_done = 0
        for piece in pieces:
            data = FileSource(piece.file).read(piece.at, piece.length)
            part = read_tensor(label, data)
            with content_errors(label):
                offsets = piece.offsets or (0,) * len(tensor.shape)
                index = tuple(slice(a, a + n) for a, n in zip(offsets, part.shape, strict=True))
                raw = np.frombuffer(part.source.read(0, part.n_bytes), whole.dtype)
                whole[index] = raw.reshape(part.shape)
            n_done += part.count
        if n_done != math.prod(tensor.shape):
            raise FormatError(f"{label}: {n_done} of its elements are there; is a file missing?")
        return whole.tobytes()

    source = ComputedSource(label, dtype.packed_length(math.prod(tensor.shape)), make)
    span = Span(0, source.n_bytes)
    return StoredTensor(name, dtype, tensor.shape, PLACE, Encoding.RAW, (span,), source)
