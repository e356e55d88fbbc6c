"""Read the zip archives in which torch keeps tensors: entries in place.

Format: torch/serialization.py (``data.pkl`` beside ``data/<key>``, stored uncompressed).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.inert_pickle import MAX_ENTRIES, MAX_PICKLE, Inert, InertUnpickler
from onnx_params.containers.npz import read_array
from onnx_params.containers.strided import Strided, in_storage
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import FileSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.stored import StoredTensor

_STATE_KEYS: Final = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "params",
    "weights",
)


def read(path: str) -> Checkpoint:
    """The tensors of a torch zip or an npz.

    Raises :class:`FormatError`, or :class:`UnsupportedError` for zips of another kind.
    """
    source = FileSource(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) > MAX_ENTRIES:
                raise FormatError(f"{path}: has {len(entries)} entries; refused")
            word = next(
                (name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")), None
            )
            if word is not None:
                return _torch(path, source, archive, entries, word)
            if "model.weights.h5" in entries:
                from onnx_params.containers import hdf5

                return hdf5.read_keras(path)
            if entries and all(name.endswith(".npy") for name in entries):
                return Checkpoint(
                    path=path,
                    tensors=tuple(
                        read_array(path, source, archive, entry) for entry in entries.values()
                    ),
                    ordered=True,
                )
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise FormatError(f"{path}: is a damaged zip: {str(error).lower()}") from error
    raise UnsupportedError(f"{path}: is a zip that neither torch nor NumPy wrote")


def _torch(
    path: str,
    source: FileSource,
    archive: zipfile.ZipFile,
    entries: dict[str, zipfile.ZipInfo],
    word: str,
) -> Checkpoint:
    if entries[word].file_size > MAX_PICKLE:
        raise FormatError(
            f"{path}: its pickle has {entries[word].file_size} bytes, too many for names and"
            " shapes; refused"
        )
    folder = word[: -len("data.pkl")]
    order = f"{folder}byteorder"
    if order in entries and archive.read(order).strip() != b"little":
        raise UnsupportedError(f"{path}: was written on a big-endian machine")
    try:
        state = InertUnpickler(io.BytesIO(archive.read(word))).load()
    except Exception as error:  # the unpickler of a stranger's pickle raises of every kind
        raise FormatError(f"{path}: its pickle cannot be read: {type(error).__name__}") from error
    found: list[StoredTensor] = []
    aliases: list[tuple[str, str]] = []
    seen: dict[Strided, str] = {}
    for name, tensor in _state(path, state).items():
        entry = entries.get(f"{folder}data/{tensor.storage.key}")
        if entry is None:
            raise FormatError(f"{path}: tensor '{name}' has no data; was the download complete?")
        if tensor in seen and 0 not in tensor.shape:
            aliases.append((name, seen[tensor]))
        seen.setdefault(tensor, name)
        found.append(in_storage(path, name, tensor, BY_NAME[tensor.dtype], source, archive, entry))
    return Checkpoint(path=path, tensors=tuple(found), ordered=True, aliases=tuple(aliases))


def _state(path: str, state: Any) -> dict[str, Strided]:
    """The dictionary of tensors: what was saved, or one of the words under which people save it."""
    for candidate in (
        (state, *(state.get(key) for key in _STATE_KEYS)) if isinstance(state, dict) else ()
    ):
        if isinstance(candidate, dict):
            tensors = {
                str(name): value for name, value in candidate.items() if isinstance(value, Strided)
            }
            if tensors:
                return tensors
    tensors = dict(_of_modules(state))
    if tensors:
        return tensors
    raise UnsupportedError(f"{path}: contains no tensors that can be read; save model.state_dict()")


def _of_modules(root: Any) -> Iterator[tuple[str, Strided]]:
    """The tensors of a whole module, with their paths:

    TorchScript keeps attributes, torch.nn.Module three dictionaries of them.
    """
    todo = [("", root)]
    seen: set[int] = set()
    while todo:
        prefix, module = todo.pop()
        if not isinstance(module, Inert) or id(module) in seen or len(seen) > MAX_ENTRIES:
            continue
        seen.add(id(module))
        state = module.state
        groups = [
            state[key]
            for key in ("_parameters", "_buffers", "_modules")
            if isinstance(state.get(key), dict)
        ] or [state]
        inner = []
        for name, value in (
            (str(name), value) for group in groups for name, value in group.items()
        ):
            if isinstance(value, Strided):
                yield f"{prefix}{name}", value
            elif isinstance(value, Inert):
                inner.append((f"{prefix}{name}.", value))
        todo.extend(reversed(inner))
