"""Read the zip archives in which torch keeps tensors: entries in place.

Format: torch/serialization.py (``data.pkl`` beside ``data/<key>``, stored uncompressed).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import IO, Any, Final

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.inert_pickle import MAX_ENTRIES, MAX_PICKLE
from onnx_params.containers.npz import learned, read_array
from onnx_params.containers.strided import (
    MAX_INFLATED,
    ZIP_ERRORS,
    Bytes,
    Storage,
    Strided,
    in_entry,
    in_storage,
)
from onnx_params.containers.torch_pickle import checkpoint, load
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import BytesSource, FileSource, Source
from onnx_params.tensors.stored import StoredTensor

PROGRAM: Final = "data/weights/model_weights_config.json"  # in the zip of torch.export.save
_DAMAGED: Final[tuple[type[Exception], ...]] = (KeyError, *ZIP_ERRORS)
# torch/_export/serde/schema.py, ScalarType
_PROGRAM_TYPES: Final = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
    13: "bfloat16",
}


def read(path: str) -> Checkpoint:
    """The tensors of a torch zip, of the one that an archive has among other files, or of an npz.

    Raises :class:`FormatError`, or :class:`UnsupportedError` for zips of another kind.
    """
    return _read(path, FileSource(path), path)


def _read(path: str, source: Source, file: str | IO[bytes]) -> Checkpoint:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) > MAX_ENTRIES:
                raise FormatError(f"{path}: has {len(entries)} entries; refused")
            word = next(
                (name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")), None
            )
            if word is not None:
                return _torch(path, source, archive, entries, word)
            config = next((name for name in entries if name.endswith(PROGRAM)), None)
            if config is not None:
                return _program(path, source, archive, entries, config)
            if "model.weights.h5" in entries:
                from onnx_params.containers import hdf5

                return hdf5.read_keras(path)
            if entries and all(name.endswith(".npy") for name in entries):
                arrays = [read_array(path, source, archive, each) for each in entries.values()]
                return Checkpoint(path=path, tensors=learned(arrays), ordered=True)
            inner = None if path != file else _inner(entries)
            if inner is not None:
                data = archive.read(inner)
                return _read(f"{path}: {inner.filename}", BytesSource(data, path), io.BytesIO(data))
    except ZIP_ERRORS as error:
        raise FormatError(f"{path}: is a damaged zip: {str(error).lower()}") from error
    raise UnsupportedError(f"{path}: is a zip that neither torch nor NumPy wrote")


def _inner(entries: Mapping[str, zipfile.ZipInfo]) -> zipfile.ZipInfo | None:
    """The largest of the files that torch saved into an archive, but for what optimizers keep: an
    agent's policy (Stable-Baselines3, ``common/save_util.py``).
    """
    saved = [
        entry
        for name, entry in entries.items()
        if name.endswith((".pt", ".pth", ".bin")) and "optimizer" not in name
    ]
    largest = max(saved, key=lambda entry: entry.file_size, default=None)
    return largest if largest is not None and largest.file_size <= MAX_INFLATED else None


def read_tensor(label: str, data: bytes) -> StoredTensor:
    """The tensor that ``torch.save`` wrote alone into a zip, in memory.

    Raises :class:`FormatError` where it is damaged, or something else was saved.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            words = [name for name in archive.namelist() if name.endswith("data.pkl")]
            saved = load(label, io.BytesIO(archive.read(words[0]))).value if words else None
            if not isinstance(saved, Strided):
                raise FormatError(f"{label}: is no tensor in its file")
            folder = words[0].removesuffix("data.pkl")
            stored = archive.read(f"{folder}data/{saved.storage.key}")
    except _DAMAGED as error:
        raise FormatError(f"{label}: is damaged in its file: {type(error).__name__}") from error
    place = Bytes(0, len(stored), True, lambda: stored)
    return in_storage(label, "", saved, BytesSource(data, label), place)


def _program(
    path: str,
    source: Source,
    archive: zipfile.ZipFile,
    entries: dict[str, zipfile.ZipInfo],
    config: str,
) -> Checkpoint:
    """What ``torch.export.save`` wrote (torch/export/pt2_archive): a list of weights, one entry of
    the zip each.
    """
    try:
        listed = json.loads(archive.read(config))["config"]
        rows = [(str(name), row["path_name"], row["tensor_meta"]) for name, row in listed.items()]
        folder = config.removesuffix(PROGRAM.rpartition("/")[2])
        tensors = [
            in_storage(
                path,
                name,
                _described(entry, meta),
                source,
                in_entry(path, source, archive, entries[f"{folder}{entry}"]),
            )
            for name, entry, meta in rows
        ]
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise FormatError(f"{path}: its list of weights cannot be read: {error}") from error
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


def _described(entry: str, meta: Any) -> Strided:  # JSON of a stranger
    def numbers(rows: Any) -> tuple[int, ...]:
        return tuple(int(row["as_int"]) for row in rows)

    dtype = _PROGRAM_TYPES[meta["dtype"]]
    offset = int(meta["storage_offset"]["as_int"])
    return Strided(
        Storage(entry, dtype), offset, numbers(meta["sizes"]), numbers(meta["strides"]), dtype
    )


def _torch(
    path: str,
    source: Source,
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
    saved = load(path, io.BytesIO(archive.read(word)))
    keys = {name.removeprefix(f"{folder}data/"): name for name in entries}

    def storage(key: str) -> Bytes | None:
        name = keys.get(key)
        return None if name is None else in_entry(path, source, archive, entries[name])

    return checkpoint(path, source, saved, storage)
