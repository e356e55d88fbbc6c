"""Read Keras' weights out of HDF5: legacy ``.h5`` files by the names that they list, ``.keras`` and
``.weights.h5`` by layer and place.

Sources: keras/src/legacy/saving/legacy_h5_format.py (``layer_names``, ``weight_names``);
keras/src/saving/saving_lib.py (``layers/<class>_<n>/vars/<k>``, ``config.json`` beside them in the
zip). HDF5 itself is h5py's.
"""

from __future__ import annotations

import collections
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import DependencyError, FormatError, UnsupportedError
from onnx_params.io.sources import BytesSource, FileSource, Source
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

WEIGHTS: Final = "model.weights.h5"
MAX_INFLATED: Final = 1 << 31  # bytes of weights in a zip, which are unpacked in memory
# the variables of a layer in the order in which it makes them, by its class; a bias may be left out
# at the end
_LEAVES: Final = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "LayerNormalization": ("gamma", "beta"),
    "GroupNormalization": ("gamma", "beta"),
    "RMSNormalization": ("scale",),
    "Embedding": ("embeddings",),
    "PReLU": ("alpha",),
    "SeparableConv1D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
}
_OF_CELLS: Final = ("kernel", "recurrent_kernel", "bias")
_CELLS: Final = {"LSTM": "lstm_cell", "GRU": "gru_cell", "SimpleRNN": "simple_rnn_cell"}
_OF_ATTENTION: Final = {
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "attention_output",
}


def read(path: str) -> Checkpoint:
    """The weights of an HDF5 file of Keras'.

    Raises :class:`FormatError`, or :class:`DependencyError` where h5py is not installed.
    """
    return _of(path, path, FileSource(path), None)


def read_keras(path: str) -> Checkpoint:
    """The weights of a ``.keras`` archive, named by its configuration."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(WEIGHTS).file_size > MAX_INFLATED:
                raise UnsupportedError(
                    f"{path}: its weights are too large to be unpacked in memory; save them as"
                    " .weights.h5"
                )
            data = archive.read(WEIGHTS)
            config = json.loads(archive.read("config.json"))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        NotImplementedError,
        ValueError,
        OSError,
        RuntimeError,
        RecursionError,
    ) as error:
        raise FormatError(f"{path}: is a damaged .keras archive: {type(error).__name__}") from error
    return _of(path, io.BytesIO(data), BytesSource(data, path), config)


def _of(path: str, file: Any, source: Source, config: Any) -> Checkpoint:  # what h5py opens; JSON
    try:
        import h5py
    except ImportError as error:
        raise DependencyError("reading HDF5 needs h5py: pip install 'onnx-params[hdf5]'") from error
    try:
        with h5py.File(file, "r") as opened:
            named = list(_legacy(opened)) or list(_by_place(opened, config))
            tensors = [_tensor(path, name, dataset, source) for name, dataset in named]
    except (OSError, KeyError, ValueError, RuntimeError, AttributeError, TypeError) as error:
        raise FormatError(
            f"{path}: its HDF5 cannot be read: {str(error).partition(chr(10))[0]}"
        ) from error
    if not tensors:
        raise FormatError(f"{path}: contains no Keras weights")
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


def _legacy(opened: Any) -> Iterator[tuple[str, Any]]:  # h5py's own types
    group = opened.get("model_weights", opened)
    for layer in group.attrs.get("layer_names", ()):
        word = layer.decode() if isinstance(layer, bytes) else str(layer)
        for name in group[word].attrs.get("weight_names", ()):
            shown = name.decode() if isinstance(name, bytes) else str(name)
            yield shown.removesuffix(":0"), group[word][shown]


def _by_place(opened: Any, config: Any) -> Iterator[tuple[str, Any]]:  # h5py's own types; JSON
    import h5py

    layers = dict(_layers(config))
    found: list[tuple[str, Any]] = []
    opened.visititems(
        lambda name, item: found.append((name, item)) if isinstance(item, h5py.Dataset) else None
    )
    order = {place: at for at, place in enumerate(layers)}
    for name, dataset in sorted(
        found, key=lambda each: (order.get("/".join(each[0].split("/")[:2]), len(order)), each[0])
    ):
        yield _named(name, layers), dataset


def _layers(config: Any) -> Iterator[tuple[str, tuple[str, str]]]:  # JSON of a stranger
    """Group of a layer -> its class and its name: groups are called after the class, with a
    counter.
    """
    counts: collections.Counter[str] = collections.Counter()
    listed = (
        config.get("config", {}).get("layers", ())
        if isinstance(config, dict) and isinstance(config.get("config"), dict)
        else ()
    )
    for layer in listed if isinstance(listed, list) else ():
        kind = str(layer.get("class_name", "")) if isinstance(layer, dict) else ""
        inner = layer.get("config") if isinstance(layer, dict) else None
        if isinstance(inner, dict):
            word = _snake(kind)
            counts[word] += 1
            yield (
                f"layers/{word}{f'_{counts[word] - 1}' if counts[word] > 1 else ''}",
                (
                    kind,
                    str(inner.get("name", word)),
                ),
            )


def _snake(name: str) -> str:
    """As keras/src/utils/naming.py, to_snake_case."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _named(place: str, layers: dict[str, tuple[str, str]]) -> str:
    """``layers/conv2d/vars/0`` as ``stem/kernel``; as it is where no row knows the layer."""
    *owner, word, number = place.split("/")
    kind, name = layers.get("/".join(owner[:2]), ("", ""))
    if word != "vars" or not name or not number.isdigit():
        return place
    at, inner = int(number), owner[2:]
    if kind in _CELLS and inner == ["cell"] and at < len(_OF_CELLS):
        return f"{name}/{_CELLS[kind]}/{_OF_CELLS[at]}"
    if kind == "MultiHeadAttention" and len(inner) == 1 and inner[0] in _OF_ATTENTION and at < 2:
        return f"{name}/{_OF_ATTENTION[inner[0]]}/{('kernel', 'bias')[at]}"
    leaves = _LEAVES.get(kind, ("kernel", "bias"))
    return f"{name}/{leaves[at]}" if not inner and at < len(leaves) else place


def _tensor(path: str, name: str, dataset: Any, source: Source) -> StoredTensor:  # an h5py dataset
    word = str(dataset.dtype)
    if word not in BY_NAME:
        raise UnsupportedError(f"{path}: '{name}' is of type {word}, which is not supported")
    shape = tuple(int(dim) for dim in dataset.shape)
    dtype = BY_NAME[word]
    offset = (
        dataset.id.get_offset()
        if dataset.chunks is None and dataset.dtype.byteorder in ("=", "<", "|")
        else None
    )
    n_bytes = dtype.packed_length(int(dataset.size))
    if offset is not None and offset + n_bytes <= source.n_bytes:
        return StoredTensor(
            name, dtype, shape, PLACE, Encoding.RAW, (Span(offset, offset + n_bytes),), source
        )
    data = dataset[()].astype(dataset.dtype.newbyteorder("<")).tobytes()
    return StoredTensor(
        name, dtype, shape, PLACE, Encoding.RAW, (Span(0, len(data)),), BytesSource(data, path)
    )
