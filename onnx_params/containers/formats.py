"""Recognize a checkpoint by its first bytes and read it: a path in, named tensors out.

A format is a module with a function ``read`` and a row in :data:`FORMATS`.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable
from typing import Final, NamedTuple

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.errors import FormatError, UnreadableError, UnsupportedError, system_reason
from onnx_params.io.remote import is_url

# files of one checkpoint; the largest released models have some hundreds
MAX_SHARDS: Final = 10_000
LEGACY: Final = b"\x80\x02\x8a\x0al\xfc\x9cF"  # the pickle of torch's magic number
HEAD: Final = 9  # bytes that are enough to recognize a format
ZERO: Final = "mp_rank_00_model_states.pt"  # of DeepSpeed, runtime/engine.py
MAX_NAME: Final = 4096  # bytes
_STEP: Final = re.compile(r"[A-Za-z_-]+\d+")  # a folder of one step of a training
_RANK: Final = "zero_pp_rank_"  # of DeepSpeed: what one process had
_INDEXES: Final = (".safetensors.index.json", ".bin.index.json")
# in a folder, in this order
_ENDINGS: Final = tuple(
    ".safetensors .bin .pt .pth .npz .keras .h5 .msgpack .pdparams .gguf".split()
)
# how files beside weights begin: what a trainer keeps to go on
_NO_WEIGHTS: Final = (
    "training_args",
    "optimizer",
    "scheduler",
    "sampler",
    "scaler",
    "random_",
    "rng_",
)


class Format(NamedTuple):
    """A kind of checkpoint: how it is recognized by its path and first bytes, and what reads it."""

    name: str
    is_it: Callable[[str, bytes], bool]
    read: Callable[[str], Checkpoint]


def _read_index(path: str) -> Checkpoint:
    return _sharded(path)


def _read_zip(path: str) -> Checkpoint:
    from onnx_params.containers import torch_zip

    return torch_zip.read(path)


def _read_hdf5(path: str) -> Checkpoint:
    from onnx_params.containers import hdf5

    return hdf5.read(path)


def _read_legacy(path: str) -> Checkpoint:
    from onnx_params.containers import torch_legacy

    return torch_legacy.read(path)


def _read_pickle(path: str) -> Checkpoint:
    from onnx_params.containers import numpy_pickle

    return numpy_pickle.read(path)


def _is_pickle(path: str, head: bytes) -> bool:
    begins_so = len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5
    # the length of a safetensors header may begin so too
    is_named = path.endswith((".pkl", ".pickle", ".pdparams"))
    return begins_so and (is_named or not _is_safetensors(path, head))


def _is_safetensors(path: str, head: bytes) -> bool:
    return head[8:9] == b"{"


def _refuse_pointer(path: str) -> Checkpoint:
    raise FormatError(
        f"{path}: is a Git LFS pointer, not the file that it stands for; run `git lfs pull`"
    )


def _is_msgpack(path: str, head: bytes) -> bool:
    """Whether a file begins with a dictionary whose first key is a text."""
    if len(head) <= 5 or _is_safetensors(path, head):
        return False
    if not 0x81 <= head[0] <= 0x8F and head[0] not in (0xDE, 0xDF):
        return False
    first = head[{0xDE: 3, 0xDF: 5}.get(head[0], 1)]
    return 0xA1 <= first <= 0xBF or first == 0xD9


def _read_msgpack(path: str) -> Checkpoint:
    from onnx_params.containers import msgpack

    return msgpack.read(path)


def _is_numpy(path: str, head: bytes) -> bool:
    is_listed = path.endswith(".eqx") and head[:1] == b"{"
    return head.startswith(b"\x93NUMPY") or is_listed


def _read_numpy(path: str) -> Checkpoint:
    from onnx_params.containers import numpy_files

    return numpy_files.read(path)


def _read_gguf(path: str) -> Checkpoint:
    from onnx_params.containers import gguf

    return gguf.read(path)


def _read_tensor_bundle(path: str) -> Checkpoint:
    from onnx_params.containers import tensor_bundle

    return tensor_bundle.read(path)


def _read_safetensors(path: str) -> Checkpoint:
    from onnx_params.containers import safetensors

    return Checkpoint(path=path, tensors=safetensors.read(path), ordered=False)


FORMATS: Final = (
    Format("sharded index", lambda path, head: path.endswith(".json"), _read_index),
    Format("zip", lambda path, head: head.startswith(b"PK\x03\x04"), _read_zip),
    Format("HDF5", lambda path, head: head.startswith(b"\x89HDF\r\n\x1a\n"), _read_hdf5),
    Format("legacy torch", lambda path, head: head.startswith(LEGACY), _read_legacy),
    Format("pickle", _is_pickle, _read_pickle),
    Format("GGUF", lambda path, head: head.startswith(b"GGUF"), _read_gguf),
    Format("NumPy arrays", _is_numpy, _read_numpy),
    Format("MessagePack", _is_msgpack, _read_msgpack),
    Format("TensorFlow index", lambda path, head: path.endswith(".index"), _read_tensor_bundle),
    Format("Git LFS pointer", lambda path, head: head.startswith(b"version h"), _refuse_pointer),
    Format("safetensors", _is_safetensors, _read_safetensors),
)


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Open safetensors, an index of them, a torch zip, an npz, Keras' HDF5 or ``.keras``, Flax'
    MessagePack, a folder of such, an Orbax folder, or TensorFlow's checkpoint or SavedModel.

    Reads headers, no values. Raises :class:`UnreadableError` where there is no such file,
    :class:`FormatError` where it is none of these.
    """
    path = os.fspath(path)
    try:
        if os.path.isdir(path):
            return _folder(path)
        if not os.path.exists(path) and (index := tensor_bundle_index(path)) is not None:
            return _read_tensor_bundle(index)
        if not os.path.isfile(path):
            reason = (
                "is not a regular file" if os.path.exists(path) else "no such file or directory"
            )
            raise UnreadableError(f"{path}: cannot be read: {reason}")
        head = _head(path)
    except OSError as error:
        reason = system_reason(error)
        raise UnreadableError(f"{path}: cannot be read: {reason}") from error
    for each in FORMATS:
        if each.is_it(path, head):
            return each.read(path)
    if tarfile.is_tarfile(path):
        raise FormatError(
            f"{path}: is a tar archive (.nemo?); unpack it and give the weights in it"
        )
    raise FormatError(
        f"{path}: is not a checkpoint that can be read; give safetensors, what torch saves (.bin,"
        " .pt), .npz, .npy, a pickle of tensors or arrays, .h5, .keras, .msgpack, .gguf,"
        " TensorFlow's .index, an index or a folder of them"
    )


def tensor_bundle_index(path: str) -> str | None:
    """The table of TensorFlow's checkpoint that a folder, or a name without an ending, stands
    for.
    """
    from onnx_params.containers import tensor_bundle

    return tensor_bundle.index_of(path)


def is_checkpoint(path: str) -> bool:
    """Whether a path is a checkpoint by its first bytes: a file of a known format, an index, or a
    folder.
    """
    if is_url(path) or path == "-":
        return False
    if os.path.isdir(path):
        return _has_checkpoint(path)
    if path.endswith(".json"):
        return path.endswith(_INDEXES)
    try:
        head = _head(path) if os.path.isfile(path) else b""
    except OSError:
        return False
    return any(each.is_it(path, head) for each in FORMATS)


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD)


def _has_checkpoint(path: str) -> bool:
    from onnx_params.containers import orbax, torch_distributed

    try:
        names = os.listdir(path)
        is_known = torch_distributed.is_it(path) or orbax.item(path) is not None
        is_known = is_known or tensor_bundle_index(path) is not None
        return is_known or any(name.endswith((*_INDEXES, *_ENDINGS)) for name in names)
    except OSError:
        return False


def _folder(path: str) -> Checkpoint:
    """The checkpoint of a folder as frameworks lay it out: an index, else one file, else all of one
    kind.
    """
    from onnx_params.containers import orbax, torch_distributed

    names = sorted(os.listdir(path))
    if torch_distributed.is_it(path):
        return torch_distributed.read(path)
    iteration = _last_iteration(path)
    if iteration and os.path.isdir(iteration):
        return open_checkpoint(iteration)
    of_jax = orbax.item(path)
    if of_jax is not None:
        return orbax.read(of_jax)
    of_tensorflow = tensor_bundle_index(path)
    if of_tensorflow is not None:
        return _read_tensor_bundle(of_tensorflow)
    for ending in _INDEXES:
        for name in names:
            if name.endswith(ending):
                return _sharded(os.path.join(path, name))
    states = os.path.join(path, _latest(path), ZERO)
    if os.path.isfile(states):
        return open_checkpoint(states)
    if any(name.startswith(_RANK) for name in names):
        raise UnsupportedError(
            f"{path}: holds what each process of ZeRO had; join the parts with zero_to_fp32.py,"
            " which DeepSpeed puts beside them"
        )
    for ending in _ENDINGS:
        found = [
            name for name in names if name.endswith(ending) and not name.startswith(_NO_WEIGHTS)
        ]
        if found:
            return _joined(path, [os.path.join(path, name) for name in found])
    inner = [name for name in names if _has_weights(os.path.join(path, name))]
    if len(inner) == 1 and _STEP.fullmatch(inner[0]):
        return open_checkpoint(os.path.join(path, inner[0]))
    hint = f"; did you mean {' or '.join(inner[:3])} in it?" if inner else ""
    raise FormatError(
        f"{path}: no checkpoint is in this folder (.safetensors, .bin, .pt, .npz, .keras, or what"
        f" Orbax, TensorFlow or torch.distributed writes){hint}"
    )


def _has_weights(path: str) -> bool:
    """Whether a folder has files of weights: a part of a pipeline."""
    if not os.path.isdir(path):
        return False
    try:
        names = os.listdir(path)
    except OSError:
        return False
    return any(name.endswith(ending) for name in names for ending in (*_ENDINGS, *_INDEXES))


def _latest(path: str) -> str:
    """The folder of the last step that DeepSpeed saved, by its file ``latest``, or by that of its
    universal format; empty without.
    """
    for title in ("latest", "latest_universal"):
        name = _line(os.path.join(path, title))
        if name and os.path.basename(name) == name:
            return name
    return ""


def _last_iteration(path: str) -> str:
    """The folder of the last iteration that Megatron saved, by its file of that number; empty
    without. Source: Megatron-LM, megatron/training/checkpointing.py.
    """
    number = _line(os.path.join(path, "latest_checkpointed_iteration.txt"))
    folder = os.path.join(path, f"iter_{int(number):07d}" if number.isdecimal() else number)
    return folder if number and os.path.basename(number) == number else ""


def _line(path: str) -> str:
    """What a short file of text says; empty where it is not there, or none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(MAX_NAME).strip()
    except (OSError, ValueError):
        return ""


def _sharded(path: str) -> Checkpoint:
    """The files that an index names; ``weight_map`` maps tensors to them."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            index = json.load(file)
        mapped = index["weight_map"]
        files = sorted(set(mapped.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{path}: is not an index of a checkpoint: {type(error).__name__}"
        ) from error
    if len(files) > MAX_SHARDS or not all(map(_is_plain_name, files)):
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


def _is_plain_name(name: object) -> bool:
    """Whether a name is one of a file in the same folder."""
    if not isinstance(name, str) or name in ("", ".", ".."):
        return False
    return os.path.basename(name) == name and not name.endswith(".json")


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
