"""Read TensorFlow's checkpoints, also those of a SavedModel: a sorted table says which bytes of
which file a tensor has.

Formats: tensorflow/core/util/tensor_bundle (``.index``, ``.data-00000-of-00001``),
core/lib/io/format.cc (the table, LevelDB's), core/protobuf/tensor_bundle.proto and
trackable_object_graph.proto.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, UnreadableError, UnsupportedError
from onnx_params.io.sources import BytesSource, FileSource
from onnx_params.io.wire import LEN, VARINT, Window, fields, varint
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

ENDING: Final = ".index"
MODEL: Final = "saved_model.pb"
MAX_INDEX: Final = 1 << 28  # bytes
MAX_SHARDS: Final = 10_000
_MAGIC: Final = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER: Final = 48  # bytes
_TRAILER: Final = 5  # bytes after a block: how it was compressed, and a checksum
_VALUE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
_GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
_CHECKSUM: Final = 4  # bytes between the lengths of strings and the strings
# what a training keeps beside a model. Source: tensorflow/python/checkpoint
# an optimizer of Keras' lists the model's variables as well, and they are saved there
_NO_WEIGHTS: Final = re.compile(
    r"\.OPTIMIZER_SLOT/|^(save_counter|global_step)\b|^optimizer\b(?!/_trainable_variables/)"
)
# numbers of core/framework/types.proto
_TYPES: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    8: "complex64",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
    24: "float8_e5m2",
    25: "float8_e4m3fn",
}
_STRING: Final = 7


class _Entry(NamedTuple):
    """What the table says of one tensor."""

    kind: int
    shape: Shape
    shard: int
    offset: int
    length: int
    checksum: bytes
    is_sliced: bool

    @property
    def content(self) -> tuple[int, Shape, bytes]:
        """What is equal where the values are: type, shape, and the checksum of the bytes."""
        return self.kind, self.shape, self.checksum


def index_of(path: str) -> str | None:
    """The table of a folder that TensorFlow wrote, a SavedModel's or that of the last step, or of
    the name that files of a checkpoint have in common; ``None`` where there is none.
    """
    if not os.path.isdir(path):
        return path + ENDING if os.path.isfile(path + ENDING) else None
    inner = os.path.join(path, "variables", f"variables{ENDING}")
    if os.path.isfile(os.path.join(path, MODEL)) and os.path.isfile(inner):
        return inner
    stems = [name.removesuffix(ENDING) for name in os.listdir(path) if name.endswith(ENDING)]
    stems = [stem for stem in stems if os.path.isfile(_shard(os.path.join(path, stem), 0, 1))]
    latest = _latest(path)
    if latest in stems:
        return os.path.join(path, latest + ENDING)
    return os.path.join(path, stems[0] + ENDING) if len(stems) == 1 else None


def _latest(path: str) -> str:
    """The name of the last checkpoint in a folder, by the file that TensorFlow keeps of them."""
    try:
        with open(os.path.join(path, "checkpoint"), encoding="utf-8") as file:
            found = re.search(r'^model_checkpoint_path: "([^"/]+)"', file.read(1 << 16), re.M)
    except (OSError, ValueError):
        return ""
    return found[1] if found else ""


def read(path: str) -> Checkpoint:
    """The tensors of a checkpoint whose table is at ``path``, under the names of its variables, or
    by the way to them where those are not distinct.

    Raises :class:`FormatError` where it is damaged, :class:`UnreadableError` where one of its files
    is missing, :class:`UnsupportedError` where it has no tensors.
    """
    table = FileSource(path)
    if table.n_bytes > MAX_INDEX:
        raise FormatError(f"{path}: is too long for names and shapes; refused")
    data = table.read(0, table.n_bytes)
    try:
        entries = dict(_entries(path, data))
        n_shards = _n_shards(path, entries.pop("", b""))
        found = {key: _entry(path, value) for key, value in entries.items()}
    except (IndexError, ValueError) as error:
        raise FormatError(f"{path}: is no TensorFlow checkpoint, or damaged") from error
    files = _Files(path, n_shards)
    weights = {
        key: entry
        for key, entry in found.items()
        if entry.kind != _STRING and not _NO_WEIGHTS.search(key)
    }
    named = _names(path, files, found.get(_GRAPH))
    names = _named_once(weights, named)
    tensors = [_tensor(path, files, name, weights[key]) for key, name in names.items()]
    if not tensors:
        raise UnsupportedError(f"{path}: contains no tensors that can be read")
    is_ordered = not names.keys().isdisjoint(named)
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=is_ordered)


class _Files:
    """The files of values, opened when they are needed."""

    def __init__(self, path: str, n_shards: int) -> None:
        self._stem = path.removesuffix(ENDING)
        self.n_shards = n_shards
        self._open: dict[int, FileSource] = {}

    def of(self, shard: int) -> FileSource:
        if not 0 <= shard < self.n_shards:
            raise FormatError(f"{self._stem}{ENDING}: names a file that is none of its own")
        if shard not in self._open:
            path = _shard(self._stem, shard, self.n_shards)
            if not os.path.isfile(path):
                raise UnreadableError(f"{path}: cannot be read: no such file or directory")
            self._open[shard] = FileSource(path)
        return self._open[shard]


def _shard(stem: str, number: int, count: int) -> str:
    return f"{stem}.data-{number:05d}-of-{count:05d}"


# -- the table ------------------------------------------------------------------------------------


def _entries(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Key and value of every entry, by the blocks that the last block lists."""
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        raise FormatError(f"{path}: is no TensorFlow checkpoint: its end is another file's")
    footer = data[-_FOOTER:]
    _, at = varint(footer, 0)  # of a block about blocks, which is empty
    _, at = varint(footer, at)
    for _, handle in _block(path, data, *_handle(footer, at)):
        for key, value in _block(path, data, *_handle(handle, 0)):
            yield key.decode("utf-8", "backslashreplace"), value


def _handle(data: bytes, at: int) -> tuple[int, int]:
    """Where a block is, and its length."""
    offset, at = varint(data, at)
    return offset, varint(data, at)[0]


def _block(path: str, data: bytes, offset: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each entry of a block; a key has its beginning from the one before."""
    block = data[offset : offset + length]
    if len(block) != length or offset + length + _TRAILER > len(data):
        raise FormatError(f"{path}: is cut off; was the download complete?")
    if data[offset + length]:
        raise UnsupportedError(f"{path}: has a compressed table, which TensorFlow does not write")
    n_restarts = int.from_bytes(block[-4:], "little")
    end = length - 4 * (n_restarts + 1)
    key, at = b"", 0
    while at < end:
        n_shared, at = varint(block, at)
        n_own, at = varint(block, at)
        n_value, at = varint(block, at)
        key = key[:n_shared] + block[at : at + n_own]
        at += n_own
        yield key, block[at : at + n_value]
        at += n_value


# -- its messages ---------------------------------------------------------------------------------


def _fields(path: str, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Number, kind, and number or bytes of each field of a message."""
    window = Window(BytesSource(data, path))
    for number, kind, first, second in fields(window, 0, len(data)):
        yield number, kind, first, b"" if kind == VARINT else data[first:second]


def _n_shards(path: str, data: bytes) -> int:
    """How many files of values there are. ``BundleHeaderProto``"""
    count = 0
    for number, kind, value, _ in _fields(path, data):
        if kind == VARINT and number == 1:
            count = value
        if kind == VARINT and number == 2 and value:
            raise UnsupportedError(f"{path}: its numbers begin with the highest byte")
    if not 0 < count <= MAX_SHARDS:
        raise FormatError(f"{path}: claims {count} files of values")
    return count


def _entry(path: str, data: bytes) -> _Entry:
    """What a ``BundleEntryProto`` says."""
    numbers: dict[int, int] = {}
    shape: Shape = ()
    checksum = b""
    is_sliced = False
    for number, kind, value, inner in _fields(path, data):
        if kind == VARINT:
            numbers[number] = value
        elif number == 6:
            checksum = inner
        elif kind == LEN and number == 2:
            shape = tuple(_dims(path, inner))
        elif kind == LEN and number == 7:
            is_sliced = True
    shard, offset, length = (numbers.get(number, 0) for number in (3, 4, 5))
    return _Entry(numbers.get(1, 0), shape, shard, offset, length, checksum, is_sliced)


def _dims(path: str, data: bytes) -> Iterator[int]:
    """The dimensions of a ``TensorShapeProto``."""
    for number, kind, _, inner in _fields(path, data):
        if number == 2 and kind == LEN:
            sizes = [value for at, _, value, _ in _fields(path, inner) if at == 1]
            yield sizes[0] if sizes else 0


def _tensor(path: str, files: _Files, name: str, entry: _Entry) -> StoredTensor:
    label = f"{path}: tensor '{name}'"
    if entry.kind not in _TYPES or entry.is_sliced:
        what = "is in slices" if entry.is_sliced else f"is of type {entry.kind}"
        raise UnsupportedError(f"{label} {what}, which is not supported")
    dtype: DType = BY_NAME[_TYPES[entry.kind]]
    source = files.of(entry.shard)
    stop = entry.offset + entry.length
    if dtype.packed_length(math.prod(entry.shape)) != entry.length or stop > source.n_bytes:
        raise FormatError(f"{label} does not have as many bytes as its shape says")
    span = Span(entry.offset, stop)
    return StoredTensor(name, dtype, entry.shape, PLACE, Encoding.RAW, (span,), source)


def _named_once(weights: dict[str, _Entry], names: dict[str, str]) -> dict[str, str]:
    """Key -> name, in the order of the objects, then of keys. What was saved once more under
    another key is left out; a name of different variables gives way to their keys.
    """
    known = {key: name for key, name in names.items() if key in weights}
    contents: dict[str, set[tuple[int, Shape, bytes]]] = {}
    for key, name in known.items():
        contents.setdefault(name, set()).add(weights[key].content)
    found: dict[str, str] = {}
    shown: set[str] = set()
    for key in (*known, *(key for key in weights if key not in known)):
        name = known.get(key, "")
        if not name or len(contents[name]) > 1:
            name = key.removesuffix(_VALUE)
        if name not in shown:
            found[key] = name
            shown.add(name)
    return found


def _names(path: str, files: _Files, entry: _Entry | None) -> dict[str, str]:
    """Key -> the variable's own name, by the graph of objects that is saved as a text; empty where
    it is not there.
    """
    if entry is None or entry.kind != _STRING:
        return {}
    data = files.of(entry.shard).read(entry.offset, entry.length)
    try:
        n_bytes, at = varint(data, 0)
        graph = data[at + _CHECKSUM : at + _CHECKSUM + n_bytes]
        return dict(_named(path, graph))
    except (FormatError, IndexError, ValueError):
        return {}


def _named(path: str, graph: bytes) -> Iterator[tuple[str, str]]:
    """Key and name of each variable in a ``TrackableObjectGraph``."""
    for number, _, _, node in _fields(path, graph):
        attributes = [inner for at, _, _, inner in _fields(path, node) if at == 2 and number == 1]
        for attribute in attributes:
            words = {
                at: inner.decode() for at, kind, _, inner in _fields(path, attribute) if kind == LEN
            }
            if words.get(2) and words.get(3):
                yield words[3], words[2]
