"""Recognize a checkpoint by its first bytes and read it: a path in, named tensors out.

A format is a module with a function ``read`` and a row in :data:`FORMATS`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from onnx_params.containers import folders
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.errors import FormatError, UnreadableError, UnsupportedError, system_reason
from onnx_params.io.remote import is_url

LEGACY: Final = b"\x80\x02\x8a\x0al\xfc\x9cF"  # the pickle of torch's magic number
_BEGINNING: Final = 4096  # characters that are enough to recognize JSON
_TREES: Final = r'"(learner|oblivious_trees|features_info|model_info)"'  # keys of XGBoost, CatBoost
_OUTPUT: Final = ":0"
HEAD: Final = 9  # bytes that are enough to recognize a format


class Format(NamedTuple):
    """A kind of checkpoint: how it is recognized by its path and first bytes, and what reads it."""

    name: str
    is_it: Callable[[str, bytes], bool]
    read: Callable[[str], Checkpoint]


def _read_index(path: str) -> Checkpoint:
    return folders.sharded(path)


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
    is_named = path.endswith((".pkl", ".pickle", ".pdparams", ".joblib"))
    return begins_so and (is_named or not _is_safetensors(path, head))


def _is_compressed_pickle(path: str, head: bytes) -> bool:
    return path.endswith((".joblib", ".pkl")) and head[:1] == b"x"


def _read_compressed_pickle(path: str) -> Checkpoint:
    from onnx_params.containers import numpy_pickle

    return numpy_pickle.read_compressed(path)


def _is_safetensors(path: str, head: bytes) -> bool:
    return head[8:9] == b"{"


def _refuse_pointer(path: str) -> Checkpoint:
    raise FormatError(
        f"{path}: is a Git LFS pointer, not the file that it stands for; run `git lfs pull`"
    )


def _is_of_trees(path: str, head: bytes) -> bool:
    """Whether a file is what LightGBM, XGBoost or CatBoost writes of its trees."""
    if path.endswith(".json"):
        with open(path, encoding="utf-8", errors="replace") as file:
            return re.search(_TREES, file.read(_BEGINNING)) is not None
    return head.startswith((b"tree\n", b"CBM1", b"{L\x00\x00\x00\x00"))


def _refuse_trees(path: str) -> Checkpoint:
    raise UnsupportedError(f"{path}: is a model of trees, which has no tensors to compare")


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


def _is_mxnet(path: str, head: bytes) -> bool:
    if head[8:9] != b"\0":  # as nearly all others
        return False
    from onnx_params.containers import mxnet

    return mxnet.is_it(path, head)


def _read_mxnet(path: str) -> Checkpoint:
    from onnx_params.containers import mxnet

    return mxnet.read(path)


def _is_tfjs(path: str, head: bytes) -> bool:
    if not path.endswith(".json"):
        return False
    from onnx_params.containers import tfjs

    return tfjs.is_it(path, head)


def _read_tfjs(path: str) -> Checkpoint:
    from onnx_params.containers import tfjs

    return tfjs.read(path)


def _read_tflite(path: str) -> Checkpoint:
    from onnx_params.containers import tflite

    return tflite.read(path)


def _is_graph(path: str, head: bytes) -> bool:
    if not path.endswith(".pb"):
        return False
    from onnx_params.containers import frozen_graph

    return frozen_graph.is_it(path, head)


def _read_graph(path: str) -> Checkpoint:
    from onnx_params.containers import frozen_graph

    return frozen_graph.read(path)


def _is_darknet(path: str, head: bytes) -> bool:
    if not path.endswith(".weights"):
        return False
    from onnx_params.containers import darknet

    return darknet.is_it(path, head)


def _read_darknet(path: str) -> Checkpoint:
    from onnx_params.containers import darknet

    return darknet.read(path)


def _read_tensor_bundle(path: str) -> Checkpoint:
    from onnx_params.containers import tensor_bundle

    return tensor_bundle.read(path)


def _read_safetensors(path: str) -> Checkpoint:
    from onnx_params.containers import safetensors

    return Checkpoint(path=path, tensors=safetensors.read(path), ordered=False)


FORMATS: Final = (
    Format("TensorFlow.js", _is_tfjs, _read_tfjs),
    Format("trees", _is_of_trees, _refuse_trees),
    Format("sharded index", lambda path, head: path.endswith(".json"), _read_index),
    Format("zip", lambda path, head: head.startswith(b"PK\x03\x04"), _read_zip),
    Format("HDF5", lambda path, head: head.startswith(b"\x89HDF\r\n\x1a\n"), _read_hdf5),
    Format("legacy torch", lambda path, head: head.startswith(LEGACY), _read_legacy),
    Format("pickle", _is_pickle, _read_pickle),
    Format("compressed pickle", _is_compressed_pickle, _read_compressed_pickle),
    Format("TensorFlow Lite", lambda path, head: head[4:8] == b"TFL3", _read_tflite),
    Format("TensorFlow graph", _is_graph, _read_graph),
    Format("GGUF", lambda path, head: head.startswith(b"GGUF"), _read_gguf),
    Format("MXNet", _is_mxnet, _read_mxnet),
    Format("NumPy arrays", _is_numpy, _read_numpy),
    Format("MessagePack", _is_msgpack, _read_msgpack),
    Format("TensorFlow index", lambda path, head: path.endswith(".index"), _read_tensor_bundle),
    Format("Git LFS pointer", lambda path, head: head.startswith(b"version h"), _refuse_pointer),
    Format("Darknet", _is_darknet, _read_darknet),
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
            return folders.read(path)
        if not os.path.exists(path) and (index := folders.tensor_bundle_index(path)) is not None:
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
            return _without_outputs(each.read(path))
    from onnx_params.containers import archives

    if archives.is_it(path, head):
        return _without_outputs(archives.read(path))
    raise FormatError(
        f"{path}: is not a checkpoint that can be read; give safetensors, what torch saves (.bin,"
        " .pt), .npz, .npy, a pickle of tensors or arrays, .h5, .keras, .msgpack, .gguf, .params,"
        " .tflite, .weights, TensorFlow's .index or .pb, an index, a folder or a tar archive of"
        " them"
    )


def _without_outputs(checkpoint: Checkpoint) -> Checkpoint:
    """A checkpoint under the names of its variables, where all are those of TensorFlow's tensors:
    with the number of an operator's output at the end.
    """
    names = [tensor.name for tensor in checkpoint.tensors]
    if not names or not all(name.endswith(_OUTPUT) for name in names):
        return checkpoint
    tensors = [each._replace(name=each.name.removesuffix(_OUTPUT)) for each in checkpoint.tensors]
    aliases = [(a.removesuffix(_OUTPUT), b.removesuffix(_OUTPUT)) for a, b in checkpoint.aliases]
    return replace(checkpoint, tensors=tuple(tensors), aliases=tuple(aliases))


def is_checkpoint(path: str) -> bool:
    """Whether a path is a checkpoint by its first bytes: a file of a known format, an index, or a
    folder.
    """
    if is_url(path) or path == "-":
        return False
    if os.path.isdir(path):
        return folders.has_checkpoint(path)
    try:
        head = _head(path) if os.path.isfile(path) else b""
    except OSError:
        return False
    if path.endswith(".json"):
        return path.endswith(folders.INDEXES) or _is_tfjs(path, head)
    return any(each.is_it(path, head) for each in FORMATS)


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD)
