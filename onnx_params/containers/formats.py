"""Recognize a checkpoint by its first bytes and read it: a path in, named tensors out."""

from __future__ import annotations

import os

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.errors import FormatError, UnreadableError

MAX_SHARDS = 10_000  # files of one checkpoint; the largest released models have some hundreds


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Open safetensors, an index of them, a torch zip, an npz, Keras' HDF5 or ``.keras``, a folder
    of such, or an Orbax folder.

    Reads headers, no values. Raises :class:`UnreadableError` where there is no such file,
    :class:`FormatError` where it is none of these.
    """
    path = os.fspath(path)
    try:
        if os.path.isdir(path):
            return _folder(path)
        if not os.path.isfile(path):
            raise UnreadableError(
                f"{path}: cannot be read:"
                f" {'is no regular file' if os.path.exists(path) else 'no such file or directory'}"
            )
        with open(path, "rb") as file:
            head = file.read(9)
    except OSError as error:
        raise UnreadableError(
            f"{path}: cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    if path.endswith(".json"):
        return _sharded(path)
    if head[:4] == b"PK\x03\x04":
        from onnx_params.containers import torch_zip

        return torch_zip.read(path)
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        from onnx_params.containers import hdf5

        return hdf5.read(path)
    if len(head) == 9 and head[8:9] == b"{":
        from onnx_params.containers import safetensors

        return Checkpoint(path=path, tensors=safetensors.read(path), ordered=False)
    raise FormatError(
        f"{path}: is no checkpoint that can be read; give safetensors, a torch zip (.bin, .pt),"
        " .npz, .h5, .keras, an index or a folder of them"
    )


def _folder(path: str) -> Checkpoint:
    """The checkpoint of a folder as frameworks lay it out: an index, else one file, else all of one
    kind.
    """
    from onnx_params.containers import orbax

    names = sorted(os.listdir(path))
    of_jax = orbax.item(path)
    if of_jax is not None:
        return orbax.read(of_jax)
    for ending in (".safetensors.index.json", ".bin.index.json"):
        for name in names:
            if name.endswith(ending):
                return _sharded(os.path.join(path, name))
    for ending in (".safetensors", ".bin", ".pt", ".pth", ".npz"):
        found = [
            name
            for name in names
            if name.endswith(ending)
            and name not in ("training_args.bin", "optimizer.pt", "scheduler.pt")
        ]
        if found:
            return _joined(path, [os.path.join(path, name) for name in found])
    raise FormatError(
        f"{path}: no checkpoint is in this folder (.safetensors, .bin, .pt, .npz, or what Orbax"
        " writes)"
    )


def _sharded(path: str) -> Checkpoint:
    """The files that an index names; ``weight_map`` maps tensors to them."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            index = json.load(file)
        mapped = index["weight_map"]
        files = sorted(set(mapped.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path}: is no index of a checkpoint: {type(error).__name__}") from error
    if len(files) > MAX_SHARDS or any(
        not isinstance(name, str) or os.path.basename(name) != name or name in ("", ".", "..")
        for name in files
    ):
        raise FormatError(f"{path}: names files outside its folder, or too many; refused")
    whole = _joined(path, [os.path.join(os.path.dirname(path) or ".", name) for name in files])
    known = {tensor.name for tensor in whole.tensors}
    missing = [name for name in mapped if name not in known]
    if missing:
        raise FormatError(
            f"{path}: '{missing[0]}' (and {len(missing) - 1} more) is not in the file that the"
            " index names"
        )
    return whole


def _joined(path: str, files: list[str]) -> Checkpoint:
    parts = [open_checkpoint(file) for file in files]
    tensors = [tensor for part in parts for tensor in part.tensors]
    names = {tensor.name for tensor in tensors}
    if len(names) < len(tensors):
        raise FormatError(
            f"{path}: the same tensor is in more than one file; name the file that is meant"
        )
    return Checkpoint(
        path=path,
        tensors=tuple(tensors),
        ordered=len(parts) == 1 and parts[0].ordered,
        aliases=tuple(alias for part in parts for alias in part.aliases),
    )
