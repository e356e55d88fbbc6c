"""Read the files that torch wrote before release 1.6, and still does with
``_use_new_zipfile_serialization=False``: five pickles, then the storages one after the other.

Format: torch/serialization.py, ``_legacy_save``: a magic number, the version, what the machine is
like, the object, the keys of the storages; each storage is a count of elements (int64) and these.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from functools import partial
from typing import Any

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.inert_pickle import MAX_ENTRIES, MAX_PICKLE
from onnx_params.containers.strided import Bytes, Storage
from onnx_params.containers.torch_pickle import checkpoint, load
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource
from onnx_params.tensors.dtypes import BY_NAME


class _Limited(io.BufferedReader):
    """A file that gives no more bytes than pickles of names and shapes have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0 or self.tell() + size > MAX_PICKLE:
            raise FormatError("its pickle is too long for names and shapes; refused")
        return super().read(size)


def read(path: str) -> Checkpoint:
    """The tensors of a legacy file.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where its machine was
    big-endian.
    """
    with open(path, "rb", buffering=0) as raw, _Limited(raw) as file:
        load(path, file)  # the magic number
        load(path, file)  # the version of the protocol
        machine = load(path, file).value
        if isinstance(machine, dict) and machine.get("little_endian") is False:
            raise UnsupportedError(f"{path}: was written on a big-endian machine")
        saved = load(path, file)
        keys = load(path, file).value
        end = file.tell()
    source = FileSource(path)
    places = _places(path, source, end, keys, saved.storages)
    return checkpoint(path, source, saved, places.get)


def _places(
    path: str,
    source: FileSource,
    at: int,
    keys: Any,  # what a stranger pickled
    storages: Mapping[str, Storage],
) -> dict[str, Bytes]:
    """Where each storage lies: they stand in the order of the keys."""
    if not isinstance(keys, list) or len(keys) > MAX_ENTRIES:
        raise FormatError(f"{path}: lists no storages")
    found: dict[str, Bytes] = {}
    for key in map(str, keys):
        storage = storages.get(key)
        if storage is None:
            raise FormatError(f"{path}: lists a storage that no tensor uses: '{key}'")
        if at + 8 > source.n_bytes:
            raise FormatError(f"{path}: ends before its storages; was the download complete?")
        (count,) = struct.unpack("<q", source.read(at, 8))
        n_bytes = count * BY_NAME[storage.dtype].bits // 8
        start, at = at + 8, at + 8 + n_bytes
        if count < 0 or at > source.n_bytes:
            raise FormatError(f"{path}: ends before its storages; was the download complete?")
        found[key] = Bytes(start, n_bytes, False, partial(source.read, start, n_bytes))
    return found
