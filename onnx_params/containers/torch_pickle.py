"""Make checkpoints of what torch pickled: choose the dictionaries of tensors, place each tensor in
its storage.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.inert_pickle import InertUnpickler
from onnx_params.containers.pickled_objects import Size
from onnx_params.containers.state_dicts import StateDict, Tensor, state_dicts
from onnx_params.containers.strided import Bytes, Storage, Strided, in_storage
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import BytesSource, Source
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

FindStorage = Callable[[str], Bytes | None]  # key of a storage -> its bytes


class Pickled(NamedTuple):
    """One object of a pickle, and the storages that its tensors name, by key; with their bytes
    where the pickle has these.
    """

    value: Any  # what a stranger pickled
    storages: Mapping[str, Storage]
    held: Mapping[str, bytes]


def load(path: str, file: BinaryIO) -> Pickled:
    """One object of a pickle, where every class is inert.

    Raises :class:`FormatError` where it cannot be read.
    """
    try:
        unpickler = InertUnpickler(file)
        return Pickled(unpickler.load(), unpickler.storages, unpickler.held)
    except Exception as error:  # the unpickler of a stranger's pickle raises of every kind
        raise FormatError(f"{path}: its pickle cannot be read: {type(error).__name__}") from error


def checkpoint(path: str, source: Source, saved: Pickled, storage: FindStorage) -> Checkpoint:
    """The set of weights that is meant, with the others beside it; ``storage`` finds what the
    pickle itself does not have.

    Raises :class:`UnsupportedError` where there is none.
    """

    def find(key: str) -> Bytes | None:
        data = saved.held.get(key)
        return storage(key) if data is None else Bytes(0, len(data), True, partial(bytes, data))

    every = [_of_dict(path, source, each, find) for each in state_dicts(saved.value)]
    if not every:
        raise UnsupportedError(
            f"{path}: contains no tensors that can be read; save model.state_dict()"
        )
    return replace(every[0], others=tuple(every[1:]))


def _of_dict(path: str, source: Source, each: StateDict, storage: FindStorage) -> Checkpoint:
    found: list[StoredTensor] = []
    aliases: list[tuple[str, str]] = []
    seen: dict[Tensor, str] = {}

    def placed(name: str, tensor: Strided) -> StoredTensor:
        place = storage(tensor.storage.key)
        if place is None:
            raise FormatError(f"{path}: tensor '{name}' has no data; was the download complete?")
        return in_storage(path, name, tensor, source, place)

    for name, tensor in each.tensors.items():
        if isinstance(tensor, Size):
            found.append(_of_size(path, name, tensor))
            continue
        if tensor in seen and 0 not in tensor.shape:
            aliases.append((name, seen[tensor]))
        seen.setdefault(tensor, name)
        if isinstance(tensor, Strided):
            found.append(placed(name, tensor))
            continue
        turned = tensor.indices._replace(
            shape=tensor.indices.shape[::-1], strides=tensor.indices.strides[::-1]
        )
        values, indices = placed(name, tensor.values), placed(name, turned)
        n = tensor.values.shape[0]
        found.append(values._replace(shape=tensor.shape, stored=n, indices=indices))
    return Checkpoint(
        path=path, tensors=tuple(found), ordered=True, aliases=tuple(aliases), part=each.where
    )


def _of_size(path: str, name: str, size: Size) -> StoredTensor:
    """A shape as the tensor of its numbers."""
    data = struct.pack(f"<{len(size)}q", *size)
    span = (Span(0, len(data)),)
    int64 = BY_NAME["int64"]
    source = BytesSource(data, path)
    return StoredTensor(name, int64, (len(size),), PLACE, Encoding.RAW, span, source)
