"""Read Orbax checkpoints, JAX's, by their list of arrays; the arrays are read by tensorstore, one
at a time when asked.

Layouts: orbax-checkpoint 0.11, ``_METADATA`` (``tree_metadata``) beside OCDBT or Zarr files; a
manager's folder has a folder a step, in it one an item.
https://orbax.readthedocs.io/en/latest/guides/checkpoint/checkpoint_format.html
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, Final

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import DependencyError, FormatError, UnsupportedError
from onnx_params.io.sources import too_short
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

LIST: Final = "_METADATA"
MAX_LIST: Final = 256 << 20  # bytes of the list
# bytes of arrays for each byte in the folder: chunks are compressed, and what is all zero is left
# out
MAX_INFLATION: Final = 1024
_STEP: Final = re.compile(r"(?:\w*_)?(\d+)")
# which of several items is the model's
_ITEMS: Final = ("default", "params", "state", "model", "pytree", "train_state")
_NO_ARRAYS: Final = frozenset({"string", "None", "Dict", "List", "Tuple"})
# of a training state: what was learned, what was gathered; the optimizer's own is neither
_LEARNED: Final = "params"
_GATHERED: Final = "batch_stats"


def item(path: str) -> str | None:
    """The folder of arrays that a folder is, or that its last step holds; ``None`` where it is no
    Orbax checkpoint.
    """
    for _ in range(3):  # a manager's folder, a step, an item
        if os.path.isfile(os.path.join(path, LIST)):
            return path
        below = [
            name
            for name in os.listdir(path)
            if os.path.isdir(os.path.join(path, name)) and ".orbax-checkpoint-tmp" not in name
        ]
        items = [name for name in below if os.path.isfile(os.path.join(path, name, LIST))]
        if items:
            chosen = next(
                (name for name in _ITEMS if name in items), items[0] if len(items) == 1 else ""
            )
            if not chosen:
                raise FormatError(
                    f"{path}: contains several items, {', '.join(sorted(items))}; name the"
                    " one that is meant"
                )
            return os.path.join(path, chosen)
        steps = {
            name: int(match[1]) for name in below if (match := _STEP.fullmatch(name)) is not None
        }
        if not steps:
            return None
        path = os.path.join(path, max(steps, key=lambda name: steps[name]))
    return None


def read(path: str) -> Checkpoint:
    """The arrays of an item's folder, under the dotted paths of their tree.

    Opens each, reads no values.

    Raises :class:`FormatError`, or :class:`DependencyError` where tensorstore is not installed.
    """
    listed = os.path.join(path, LIST)
    try:
        if os.path.getsize(listed) > MAX_LIST:
            raise FormatError(f"{listed}: is too long for a list of arrays")
        with open(listed, encoding="utf-8") as file:
            document = json.load(file)
        rows = [_row(entry) for entry in document["tree_metadata"].values()]
        flags = {word: bool(document.get(word)) for word in ("use_zarr3", "use_ocdbt")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{listed}: is not a list of arrays that Orbax wrote: {type(error).__name__}"
        ) from error
    store = _Store(path, **flags)
    found = [
        _tensor(store, own, names)
        for own, names in _named([row for row in rows if row is not None])
    ]
    return Checkpoint(path=path, tensors=tuple(found), ordered=False)


def _row(entry: Any) -> tuple[str, ...] | None:  # JSON of a stranger
    """The keys that lead to an array; ``None`` for what is none."""
    value = entry["value_metadata"]
    keys = tuple(str(key["key"]) for key in entry["key_metadata"])
    if value.get("skip_deserialize") or value["value_type"] in _NO_ARRAYS:
        return None
    # Haiku's names have slashes: mlp/~/linear_0
    if any(part in ("", ".", "..") or "\0" in part for key in keys for part in key.split("/")):
        raise ValueError
    return keys


def _named(rows: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Original name and stored name of each: without the ``params`` of a training state, beside
    which only statistics count, and without NNX's ``value``.
    """
    tops = {row[0] for row in rows if len(row) > 1}
    trained = _LEARNED in tops
    valued = all(row[-1] == "value" for row in rows) and all(len(row) > 1 for row in rows)
    named = []
    for row in rows:
        keys = row
        if trained:
            if keys[0] not in (_LEARNED, _GATHERED):
                continue
            while len(keys) > 1 and keys[0] == _LEARNED:
                keys = keys[1:]
        named.append((".".join(keys[:-1] if valued and len(keys) > 1 else keys), ".".join(row)))
    return named


class _Store:
    """The arrays of one folder; the last that was read is kept, for it is read in pieces."""

    def __init__(self, path: str, *, use_zarr3: bool, use_ocdbt: bool) -> None:
        try:
            import tensorstore
        except ImportError as error:
            raise DependencyError.of("reading Orbax", "tensorstore", "orbax") from error
        self._library = tensorstore
        self.path = path
        self._folder = os.path.realpath(path)
        self._driver = "zarr3" if use_zarr3 else "zarr"
        self._packed = use_ocdbt
        self.most = MAX_INFLATION * sum(
            os.path.getsize(os.path.join(above, name))
            for above, _, names in os.walk(self._folder)
            for name in names
        )
        self._last: tuple[str, bytes] = ("", b"")

    def open(self, name: str) -> Any:  # a tensorstore.TensorStore
        files: dict[str, Any] = {
            "driver": "file",
            "path": f"{self._folder}/" if self._packed else f"{self._folder}/{name}/",
        }
        kvstore = {"driver": "ocdbt", "base": files, "path": f"{name}/"} if self._packed else files
        try:
            return self._library.open(
                {"driver": self._driver, "kvstore": kvstore}, open=True, read=True
            ).result()
        except Exception as error:  # tensorstore raises ValueError and others
            raise FormatError(
                f"{self.path}: '{name}' cannot be read: {str(error).partition(chr(10))[0][:200]}"
            ) from error

    def read(self, name: str) -> bytes:
        """All of an array's bytes, little-endian in C order."""
        last, data = self._last
        if last != name:
            opened = self.open(name)
            try:
                values = opened.read(order="C").result()
            except Exception as error:  # as above
                raise FormatError(
                    f"{self.path}: '{name}' cannot be read:"
                    f" {str(error).partition(chr(10))[0][:200]}"
                ) from error
            data = values.tobytes()
            self._last = name, data
        return data


class _ArraySource:
    """One array as a source of bytes."""

    __slots__ = ("_name", "_store", "label", "n_bytes")

    def __init__(self, store: _Store, name: str, n_bytes: int) -> None:
        self._store, self._name, self.n_bytes = store, name, n_bytes
        self.label = store.path

    def read(self, offset: int, length: int) -> bytes:
        data = self._store.read(self._name)
        if offset + length > len(data):
            raise FormatError(too_short(self.label, offset, length, len(data)))
        return data[offset : offset + length]

    def ahead(self, jump: int) -> int:
        return 0


def _tensor(store: _Store, name: str, stored: str) -> StoredTensor:
    opened = store.open(stored)
    word = str(opened.dtype.name)
    if word not in BY_NAME:
        raise UnsupportedError(f"{store.path}: '{name}' is of type {word}, which is not supported")
    dtype = BY_NAME[word]
    shape = tuple(int(dim) for dim in opened.shape)
    n_bytes = dtype.packed_length(math.prod(shape))
    if n_bytes > store.most:
        raise FormatError(
            f"{store.path}: '{name}' claims {n_bytes} bytes, the whole folder has"
            f" {store.most // MAX_INFLATION}"
        )
    return StoredTensor(
        name,
        dtype,
        shape,
        PLACE,
        Encoding.RAW,
        (Span(0, n_bytes),),
        _ArraySource(store, stored, n_bytes),
    )
