"""Read the zip archives in which torch and NumPy keep tensors: entries in place, a pickle without
running what it names.

Formats: torch/serialization.py (``data.pkl`` beside ``data/<key>``, stored uncompressed),
numpy/lib/_npyio_impl.py and format.py.
"""

from __future__ import annotations

import ast
import io
import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from onnx_params.containers.formats import Checkpoint
from onnx_params.containers.safetensors import PLACE
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.wire import FileSource
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.stored import Encoding, Span, StoredTensor

MAX_PICKLE: Final = 64 << 20  # bytes; a pickle of names and shapes: some hundred bytes a tensor
MAX_ENTRIES: Final = 1 << 20
MAX_INFLATED: Final = 1 << 31  # bytes of one compressed entry, which is unpacked in memory
_STORAGES: Final = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "LongStorage": "int64",
    "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_STATE_KEYS: Final = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "params",
    "weights",
)


class _Storage(NamedTuple):
    key: str
    dtype: str


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class _Inert:
    """Stands for whatever else a pickle names: takes everything, does nothing, and keeps the
    attributes that it is given.
    """

    def __new__(cls, *args: Any, **options: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        self.state: dict[str, Any] = {}

    def __call__(self, *args: Any, **options: Any) -> _Inert:
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass

    def add(self, value: Any) -> None:
        pass


class _Words(pickle._Unpickler):  # in Python: C's allocates what a hostile memo index says
    """An unpickler whose every name is a table's row or inert."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils":
            return {
                "_rebuild_tensor_v2": _rebuild,
                "_rebuild_tensor": _rebuild,
                "_rebuild_parameter": _first,
                "_rebuild_parameter_with_state": _first,
            }.get(name, _Inert)
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if module == "torch" and name in BY_NAME:
            return name
        return _Inert

    def persistent_load(self, saved: Any) -> Any:
        if not isinstance(saved, tuple) or len(saved) < 3 or saved[0] != "storage":
            return _Inert()
        return _Storage(str(saved[2]), saved[1] if isinstance(saved[1], str) else "uint8")


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
    whole = (
        isinstance(storage, _Storage)
        and isinstance(offset, int)
        and isinstance(shape, tuple)
        and isinstance(strides, tuple)
    )
    sound = (
        whole
        and len(shape) == len(strides)
        and all(isinstance(number, int) and number >= 0 for number in (offset, *shape, *strides))
    )
    return _Tensor(storage, offset, shape, strides, storage.dtype) if sound else _Inert()


def _first(value: Any, *_: Any) -> Any:
    return value


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
                    tensors=tuple(_npy(path, source, archive, entry) for entry in entries.values()),
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
    raise UnsupportedError(f"{path}: is a zip of neither torch nor NumPy")


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
        state = _Words(io.BytesIO(archive.read(word))).load()
    except Exception as error:  # the unpickler of a stranger's pickle raises of every kind
        raise FormatError(f"{path}: its pickle cannot be read: {type(error).__name__}") from error
    found: list[StoredTensor] = []
    aliases: list[tuple[str, str]] = []
    seen: dict[_Tensor, str] = {}
    for name, tensor in _state(path, state).items():
        entry = entries.get(f"{folder}data/{tensor.storage.key}")
        if entry is None:
            raise FormatError(f"{path}: tensor '{name}' has no data; was the download complete?")
        if tensor in seen and 0 not in tensor.shape:
            aliases.append((name, seen[tensor]))
        seen.setdefault(tensor, name)
        found.append(_in_storage(path, name, tensor, BY_NAME[tensor.dtype], source, archive, entry))
    return Checkpoint(path=path, tensors=tuple(found), ordered=True, aliases=tuple(aliases))


def _state(path: str, state: Any) -> dict[str, _Tensor]:
    """The dictionary of tensors: what was saved, or one of the words under which people save it."""
    for candidate in (
        (state, *(state.get(key) for key in _STATE_KEYS)) if isinstance(state, dict) else ()
    ):
        if isinstance(candidate, dict):
            tensors = {
                str(name): value for name, value in candidate.items() if isinstance(value, _Tensor)
            }
            if tensors:
                return tensors
    tensors = dict(_of_modules(state))
    if tensors:
        return tensors
    raise UnsupportedError(f"{path}: holds no tensors that are read here: save model.state_dict()")


def _of_modules(root: Any) -> Iterator[tuple[str, _Tensor]]:
    """The tensors of a whole module, with their paths:

    TorchScript keeps attributes, torch.nn.Module three dictionaries of them.
    """
    todo = [("", root)]
    seen: set[int] = set()
    while todo:
        prefix, module = todo.pop()
        if not isinstance(module, _Inert) or id(module) in seen or len(seen) > MAX_ENTRIES:
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
            if isinstance(value, _Tensor):
                yield f"{prefix}{name}", value
            elif isinstance(value, _Inert):
                inner.append((f"{prefix}{name}.", value))
        todo.extend(reversed(inner))


def _in_storage(
    path: str,
    name: str,
    tensor: _Tensor,
    dtype: DType,
    source: FileSource,
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
) -> StoredTensor:
    width = dtype.bits // 8
    count = math.prod(tensor.shape)
    reach = (
        tensor.offset
        + 1
        + sum((dim - 1) * stride for dim, stride in zip(tensor.shape, tensor.strides, strict=True))
        if count
        else 0
    )
    if reach * width > entry.file_size:
        raise FormatError(
            f"{path}: tensor '{name}' ends at element {reach} of a storage of {entry.file_size}"
            " bytes"
        )
    start = _start(path, source, entry)
    if _is_plain(tensor) and entry.compress_type == zipfile.ZIP_STORED:
        span = Span(start + tensor.offset * width, start + (tensor.offset + count) * width)
        return StoredTensor(name, dtype, tensor.shape, PLACE, Encoding.RAW, (span,), source)
    if max(entry.file_size, width * count) > MAX_INFLATED:
        raise UnsupportedError(
            f"{path}: tensor '{name}' is too large to be put in order in memory; save it contiguous"
            " and uncompressed"
        )
    return _ordered(path, name, tensor, dtype, archive.read(entry))


def _is_plain(tensor: _Tensor) -> bool:
    expected = 1
    for dim, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if dim > 1 and stride != expected:
            return False
        expected *= dim
    return True


def _ordered(path: str, name: str, tensor: _Tensor, dtype: DType, data: bytes) -> StoredTensor:
    """A tensor whose elements do not lie side by side, or were compressed: put in order in memory."""
    import numpy as np

    from onnx_params.io.wire import BytesSource

    width = dtype.bits // 8
    plain = np.frombuffer(data, np.dtype((np.void, width)), len(data) // width)
    strides = tuple(stride * width for stride in tensor.strides)
    packed = np.lib.stride_tricks.as_strided(
        plain[tensor.offset :], tensor.shape, strides, writeable=False
    ).tobytes()
    return StoredTensor(
        name,
        dtype,
        tensor.shape,
        PLACE,
        Encoding.RAW,
        (Span(0, len(packed)),),
        BytesSource(packed, path),
    )


def _start(path: str, source: FileSource, entry: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin: after its local header, whose name and extra field may be
    longer than the directory's.
    """
    header = source.read(entry.header_offset, 30)
    if header[:4] != b"PK\x03\x04":
        raise FormatError(
            f"{path}: entry '{entry.filename}' has no header at byte {entry.header_offset}"
        )
    name, extra = struct.unpack("<HH", header[26:30])
    start = int(entry.header_offset) + 30 + int(name) + int(extra)
    if start + entry.compress_size > source.n_bytes:
        raise FormatError(
            f"{path}: entry '{entry.filename}' ends after the file; was the download complete?"
        )
    return start


_NPY_NAMES: Final = {
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "b1": "bool",
    "c8": "complex64",
    "c16": "complex128",
} | {
    f"{sign}{bits // 8}": f"{'u' if sign == 'u' else ''}int{bits}"
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


def _npy(
    path: str, source: FileSource, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
) -> StoredTensor:
    with archive.open(entry) as file:
        head = file.read(12)
        if head[:6] != b"\x93NUMPY" or len(head) < 12:
            raise FormatError(f"{path}: '{entry.filename}' is no NumPy array")
        length, skip = (
            (struct.unpack("<H", head[8:10])[0], 10)
            if head[6] == 1
            else (struct.unpack("<I", head[8:12])[0], 12)
        )
        if length > MAX_PICKLE:
            raise FormatError(f"{path}: '{entry.filename}' has a header of {length} bytes; refused")
        text = head[skip:] + file.read(max(0, length - (12 - skip)))
    try:
        header = ast.literal_eval(text.decode("latin1"))
        kind, fortran = str(header["descr"]), bool(header["fortran_order"])
        shape: tuple[int, ...] = tuple(int(dim) for dim in header["shape"])
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise FormatError(
            f"{path}: '{entry.filename}' has a broken header: {type(error).__name__}"
        ) from error
    name = entry.filename.removesuffix(".npy")
    if kind[:1] not in "<|=" or kind[1:] not in _NPY_NAMES or any(dim < 0 for dim in shape):
        raise UnsupportedError(f"{path}: array '{name}' is of type {kind}, which is not read here")
    dtype = BY_NAME[_NPY_NAMES[kind[1:]]]
    base, width = skip + length, dtype.bits // 8
    strides = [1] * len(shape)
    for at in range(1, len(shape)) if fortran else range(len(shape) - 2, -1, -1):
        strides[at] = (
            strides[at - 1] * shape[at - 1] if fortran else strides[at + 1] * shape[at + 1]
        )
    if base + width * math.prod(shape) > entry.file_size:
        raise FormatError(f"{path}: array '{name}' ends after its entry")
    tensor = _Tensor(_Storage(entry.filename, dtype.name), 0, shape, tuple(strides), dtype.name)
    if _is_plain(tensor) and entry.compress_type == zipfile.ZIP_STORED:
        start = _start(path, source, entry) + base
        return StoredTensor(
            name,
            dtype,
            shape,
            PLACE,
            Encoding.RAW,
            (Span(start, start + width * math.prod(shape)),),
            source,
        )
    if entry.file_size > MAX_INFLATED:
        raise UnsupportedError(
            f"{path}: array '{name}' is too large to be unpacked in memory; save it uncompressed"
        )
    return _ordered(path, name, tensor, dtype, archive.read(entry)[base:])
