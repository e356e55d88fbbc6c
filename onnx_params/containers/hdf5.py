"""Read Keras' weights out of HDF5: legacy ``.h5`` files by the names that they list, ``.keras`` and
``.weights.h5`` by layer and place.

Sources: keras/src/legacy/saving/legacy_h5_format.py (``layer_names``, ``weight_names``);
keras/src/saving/saving_lib.py (``layers/<class>_<n>/vars/<k>``, ``config.json`` beside them in the
zip). HDF5 itself is h5py's.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib.util
import json
import math
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.strided import MAX_INFLATED, ZIP_ERRORS
from onnx_params.errors import DependencyError, FormatError, UnsupportedError, system_reason
from onnx_params.io.sources import BytesSource, FileSource, Source
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

WEIGHTS: Final = "model.weights.h5"
# a damaged zip, or one without the entries that Keras writes
_ARCHIVE_ERRORS: Final[tuple[type[Exception], ...]] = (*ZIP_ERRORS, KeyError)
# how long the HDF5 library may take: a listing takes some tenths of a second, what is compressed
# is unpacked at a hundred times this rate
SECONDS: Final = 30
BYTES_A_SECOND: Final = 1_000_000
# the variables of a layer in the order in which it makes them, by its class; a bias may be left out
# at the end
_LEAVES: Final = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "LayerNormalization": ("gamma", "beta"),
    "GroupNormalization": ("gamma", "beta"),
    "RMSNormalization": ("scale",),
    "Normalization": ("mean", "variance", "count"),
    "Embedding": ("embeddings",),
    "PReLU": ("alpha",),
    "SeparableConv1D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
}
# option of a layer -> what it lacks where that is off
_OPTIONS: Final = {"scale": "gamma", "center": "beta"}
ROOT: Final = "model_weights/"  # of layers, in a whole model that Keras saved
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
    return _of(path, None, FileSource(path), None)


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
    except _ARCHIVE_ERRORS as error:
        raise FormatError(f"{path}: is a damaged .keras archive: {type(error).__name__}") from error
    return _of(path, data, BytesSource(data, path), config)


def _of(path: str, data: bytes | None, source: Source, config: Any) -> Checkpoint:  # JSON
    datasets, loose = _listed(path, data, source.n_bytes)
    datasets = _apart(datasets)
    layers = dict(_layers(config))
    if not any(dataset.name for dataset in datasets):
        datasets = _in_order(datasets, layers)
    tensors = [_tensor(path, each, layers, source, loose) for each in datasets]
    if not tensors:
        raise FormatError(f"{path}: contains no Keras weights")
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


class _Layer(NamedTuple):
    """A layer of a configuration: its class, its name, and what its variables are called."""

    kind: str
    name: str
    leaves: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Dataset:
    """A dataset as the worker lists it."""

    place: str  # path in the file
    name: str | None  # what Keras' legacy format calls it
    dtype: str
    shape: tuple[int, ...]
    offset: int | None  # bytes from the start of the file; None: its values are among the loose

    @property
    def n_bytes(self) -> int:
        return BY_NAME[self.dtype].packed_length(math.prod(self.shape))


def _listed(
    path: str, data: bytes | None, n_bytes: int
) -> tuple[list[_Dataset], Mapping[str, bytes]]:
    """The datasets of a file, or of ``data``; the bytes of those without offset by place."""
    if importlib.util.find_spec("h5py") is None:
        raise DependencyError.of("reading HDF5", "h5py", "hdf5")
    written = _run_worker(path, data, SECONDS + n_bytes // BYTES_A_SECOND)
    line, _, rest = written.partition(b"\n")
    document = json.loads(line)
    if "error" in document:
        raise FormatError(f"{path}: its HDF5 cannot be read: {document['error']}")
    datasets = [_Dataset(**{**row, "shape": tuple(row["shape"])}) for row in document["datasets"]]
    for dataset in datasets:
        if dataset.dtype not in BY_NAME:
            raise UnsupportedError(
                f"{path}: '{dataset.name or dataset.place}' is of type {dataset.dtype}, which is"
                " not supported"
            )
    loose: dict[str, bytes] = {}
    at = 0
    for dataset in datasets:
        if dataset.offset is None:
            loose[dataset.place] = rest[at : at + dataset.n_bytes]
            at += dataset.n_bytes
    if at != len(rest):
        raise FormatError(f"{path}: its HDF5 cannot be read: {at} bytes listed, {len(rest)} found")
    return datasets, loose


def _run_worker(path: str, data: bytes | None, seconds: int) -> bytes:
    """What the worker writes. ``-P`` keeps the modules beside it from being imported by mistake."""
    worker = str(Path(__file__).with_name("hdf5_worker.py"))
    try:
        ended = subprocess.run(
            [sys.executable, "-P", worker, path if data is None else "-"],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise FormatError(
            f"{path}: its HDF5 cannot be read: the HDF5 library did not end in {seconds} s"
        ) from error
    except OSError as error:
        raise UnsupportedError(
            f"{path}: reading HDF5 needs a process of its own, which cannot be started:"
            f" {system_reason(error)}"
        ) from error
    if ended.returncode:
        raise FormatError(
            f"{path}: its HDF5 cannot be read: the HDF5 library ended with status"
            f" {ended.returncode}"
        )
    return ended.stdout


def _apart(datasets: list[_Dataset]) -> list[_Dataset]:
    """Datasets under names of their own: where layers call theirs alike, as those do that a tool
    unwrapped (tfmot), each is called by its place.
    """
    counts = collections.Counter(dataset.name for dataset in datasets)
    return [
        dataclasses.replace(each, name=each.place.removeprefix(ROOT))
        if each.name and counts[each.name] > 1
        else each
        for each in datasets
    ]


def _in_order(datasets: list[_Dataset], layers: Mapping[str, _Layer]) -> list[_Dataset]:
    """The datasets in the order of the configuration's layers."""
    order = {place: at for at, place in enumerate(layers)}

    def rank(dataset: _Dataset) -> tuple[int, str]:
        layer = "/".join(dataset.place.split("/")[:2])
        return order.get(layer, len(order)), dataset.place

    return sorted(datasets, key=rank)


def _layers(config: Any) -> Iterator[tuple[str, _Layer]]:  # JSON of a stranger
    """Group of a layer -> the layer: groups are called after the class, with a counter."""
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
            name = str(inner.get("name", word))
            absent = {leaf for option, leaf in _OPTIONS.items() if inner.get(option) is False}
            leaves = tuple(
                leaf for leaf in _LEAVES.get(kind, ("kernel", "bias")) if leaf not in absent
            )
            number = f"_{counts[word] - 1}" if counts[word] > 1 else ""
            yield f"layers/{word}{number}", _Layer(kind, name, leaves)


def _snake(name: str) -> str:
    """As keras/src/utils/naming.py, to_snake_case."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _named(place: str, layers: dict[str, _Layer]) -> str:
    """``layers/conv2d/vars/0`` as ``stem/kernel``; as it is where no row knows the layer."""
    *owner, word, number = place.split("/")
    kind, name, leaves = layers.get("/".join(owner[:2]), _Layer("", "", ()))
    if word != "vars" or not name or not number.isdigit():
        return place
    at, inner = int(number), owner[2:]
    if kind in _CELLS and inner == ["cell"] and at < len(_OF_CELLS):
        return f"{name}/{_CELLS[kind]}/{_OF_CELLS[at]}"
    if kind == "MultiHeadAttention" and len(inner) == 1 and inner[0] in _OF_ATTENTION and at < 2:
        return f"{name}/{_OF_ATTENTION[inner[0]]}/{('kernel', 'bias')[at]}"
    return f"{name}/{leaves[at]}" if not inner and at < len(leaves) else place


def _tensor(
    path: str,
    dataset: _Dataset,
    layers: dict[str, _Layer],
    source: Source,
    loose: Mapping[str, bytes],
) -> StoredTensor:
    name = dataset.name or _named(dataset.place, layers)
    name = name.removesuffix(":0")
    dtype = BY_NAME[dataset.dtype]
    if dataset.offset is None:
        source, start = BytesSource(loose[dataset.place], path), 0
    else:
        start = dataset.offset
    span = Span(start, start + dataset.n_bytes)
    if span.stop > source.n_bytes:
        raise FormatError(f"{path}: '{name}' lies outside the file")
    return StoredTensor(name, dtype, dataset.shape, PLACE, Encoding.RAW, (span,), source)
