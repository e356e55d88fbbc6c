"""Read TensorFlow.js' models: a manifest in ``model.json`` says what the files beside it contain.

Source: tfjs-core/src/io/types.ts (WeightsManifestConfig) and io_utils.ts (decodeWeights).
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, UnreadableError, UnsupportedError, system_reason
from onnx_params.io.sources import ComputedSource, FileSource
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

ENDING: Final = ".json"
MANIFEST: Final = "weightsManifest"
OLD_MANIFEST: Final = "weights_manifest.json"  # of the converter before 1.0: the list alone
MAX_JSON: Final = 1 << 26  # bytes
MAX_FILES: Final = 10_000
MAX_AXES: Final = 32
MAX_NAME: Final = 4096  # characters
_BLOCK: Final = 1 << 20  # bytes that are searched at once
_STRING: Final = "string"
_LENGTH: Final = 4  # bytes before each string
_TYPES: Final = ("float32", "int32", "bool", "complex64", "uint8", "float16")
_CODES: Final = ("uint8", "uint16")
_HALF: Final = "float16"
# type of codes -> types that they may stand for
_OF_CODES: Final = {
    "uint8": ("float32", "int32"),
    "uint16": ("float32", "int32"),
    _HALF: ("float32",),
}


class _Quantization(NamedTuple):
    """How numbers were made narrow; a number is ``code * scale + minimum``."""

    dtype: DType
    scale: float
    minimum: float


class _Entry(NamedTuple):
    """What the manifest says of one tensor."""

    name: str
    dtype: str
    shape: Shape
    quantization: _Quantization | None


def is_it(path: str, head: bytes) -> bool:
    """Whether a file is a manifest: a JSON file with the key of one. Touches the disk where the
    ending fits.
    """
    if os.path.basename(path) == OLD_MANIFEST:
        return True
    if not path.endswith(ENDING) or head.lstrip()[:1] != b"{":
        return False
    key, end = f'"{MANIFEST}"'.encode(), b""
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                if key in end + block:
                    return True
                end = block[-len(key) :]
                if file.tell() > MAX_JSON:
                    break
    except OSError:
        pass
    return False


def read(path: str) -> Checkpoint:
    """The tensors that a manifest lists, in its order, without its strings; those with a
    quantization as the numbers that they stand for, computed when they are read.

    Raises :class:`FormatError` where the files are damaged, :class:`UnreadableError` where one is
    missing, :class:`UnsupportedError` where there are no tensors, or one of a type that is not
    known here.
    """
    tensors: list[StoredTensor] = []
    n_files = 0
    for group in _groups(path):
        if not isinstance(group, dict):
            raise FormatError(f"{path}: its manifest has a group that is none")
        names, entries = group.get("paths"), group.get("weights")
        if not isinstance(names, list) or not isinstance(entries, list):
            raise FormatError(f"{path}: its manifest has a group without paths or weights")
        n_files += len(names)
        are_plain = all(map(_is_plain_name, names)) and len(set(names)) == len(names)
        if n_files > MAX_FILES or not are_plain:
            raise FormatError(f"{path}: names files outside its folder, or too many; refused")
        tensors += _tensors(path, _Joined(path, names), [_entry(path, each) for each in entries])
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise FormatError(f"{path}: two tensors have the same name")
    if not tensors:
        raise UnsupportedError(f"{path}: contains no tensors")
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


class _Joined:
    """The files of a group, one after the other."""

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.path = path
        folder = os.path.dirname(path) or "."
        self._files = [FileSource(os.path.join(folder, name)) for name in names]
        lengths = (file.n_bytes for file in self._files)
        self._starts = list(itertools.accumulate(lengths, initial=0))

    @property
    def n_bytes(self) -> int:
        return self._starts[-1]

    def parts(self, span: Span) -> list[tuple[FileSource, Span]]:
        """Where the bytes of a span are: files, and spans of those."""
        found = []
        at = bisect.bisect_right(self._starts, span.start) - 1
        while at < len(self._files) and self._starts[at] < span.stop:
            base, end = self._starts[at], self._starts[at + 1]
            start, stop = max(span.start, base), min(span.stop, end)
            if start < stop:
                found.append((self._files[at], Span(start - base, stop - base)))
            at += 1
        return found

    def read(self, span: Span) -> bytes:
        """Touches the disk."""
        return b"".join(file.read(at, stop - at) for file, (at, stop) in self.parts(span))


# -- the manifest ---------------------------------------------------------------------------------


def _groups(path: str) -> list[Any]:  # JSON
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_JSON + 1)
        if len(text) > MAX_JSON:
            raise FormatError(f"{path}: is too long for names and shapes; refused")
        found = json.loads(text)
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: is no JSON, or damaged: {type(error).__name__}") from error
    groups = found.get(MANIFEST) if isinstance(found, dict) else found
    if not isinstance(groups, list):
        raise FormatError(f"{path}: has no list '{MANIFEST}'; is it a model of TensorFlow.js?")
    return groups


def _is_plain_name(name: object) -> bool:
    """Whether a name is one of a file in the same folder."""
    if not isinstance(name, str) or name in ("", ".", ".."):
        return False
    return not any(sign in name for sign in "/\\\0")


def _entry(path: str, saved: Any) -> _Entry:  # JSON
    name = saved.get("name") if isinstance(saved, dict) else None
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise FormatError(f"{path}: its manifest has a tensor without a name, or with a long one")
    label = f"{path}: tensor '{name}'"
    dtype, shape, codes = saved.get("dtype"), saved.get("shape"), saved.get("quantization")
    is_shape = isinstance(shape, list) and len(shape) <= MAX_AXES and all(map(_is_dim, shape))
    if not is_shape:
        raise FormatError(f"{label} has no shape")
    if dtype not in (*_TYPES, _STRING):
        raise UnsupportedError(f"{label} is of type {str(dtype)[:40]!r}, which is not known here")
    quantization = None if codes is None else _quantization(codes, dtype, label)
    return _Entry(name, dtype, tuple(shape), quantization)


def _is_dim(dim: object) -> bool:
    return isinstance(dim, int) and not isinstance(dim, bool) and 0 <= dim < 1 << 63


def _quantization(saved: Any, dtype: str, label: str) -> _Quantization:  # JSON
    kind = saved.get("dtype") if isinstance(saved, dict) else None
    if not isinstance(kind, str) or dtype not in _OF_CODES.get(kind, ()):
        raise UnsupportedError(
            f"{label} is {dtype} in codes of {str(kind)[:40]!r}, which is not known here"
        )
    scale, minimum = saved.get("scale", 1.0), saved.get("min", 0.0)
    if kind in _CODES and not ("scale" in saved and "min" in saved):
        raise FormatError(f"{label} has codes without a scale or a minimum")
    try:
        numbers = float(scale), float(minimum)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{label} has a scale or a minimum that is no number") from error
    if not all(map(math.isfinite, numbers)):
        raise FormatError(f"{label} has a scale or a minimum that is not finite")
    return _Quantization(BY_NAME[kind], *numbers)


# -- tensors --------------------------------------------------------------------------------------


def _tensors(path: str, data: _Joined, entries: list[_Entry]) -> Iterator[StoredTensor]:
    """The tensors of a group: they lie in its files one after the other."""
    at = 0
    for entry in entries:
        label = f"{path}: tensor '{entry.name}'"
        stop = _stop(data, entry, at, label)
        if stop > data.n_bytes:
            raise FormatError(
                f"{label} ends at byte {stop} of its group, whose files have {data.n_bytes};"
                " was the download complete?"
            )
        if entry.dtype != _STRING:
            yield _tensor(data, entry, Span(at, stop), label)
        at = stop
    if at != data.n_bytes:
        raise FormatError(f"{path}: its manifest describes {at} of {data.n_bytes} bytes of a group")


def _stop(data: _Joined, entry: _Entry, at: int, label: str) -> int:
    """The address after a tensor that begins at ``at``."""
    count = math.prod(entry.shape)
    if entry.quantization is not None:
        return at + entry.quantization.dtype.packed_length(count)
    if entry.dtype != _STRING:
        return at + BY_NAME[entry.dtype].packed_length(count)
    if at + _LENGTH * count > data.n_bytes:
        raise FormatError(f"{label} has more strings than its group has bytes for")
    for _ in range(count):
        if at + _LENGTH > data.n_bytes:
            break
        at += _LENGTH + int.from_bytes(data.read(Span(at, at + _LENGTH)), "little")
    return at


def _tensor(data: _Joined, entry: _Entry, span: Span, label: str) -> StoredTensor:
    """A tensor in place where it lies in one file, else computed."""
    dtype = BY_NAME[entry.dtype]
    parts = data.parts(span)
    if entry.quantization is None and len(parts) == 1:
        source, inner = parts[0]
        return StoredTensor(entry.name, dtype, entry.shape, PLACE, Encoding.RAW, (inner,), source)

    def make() -> bytes:
        found = data.read(span)
        return found if entry.quantization is None else _numbers(found, entry.quantization, dtype)

    computed = ComputedSource(label, dtype.packed_length(math.prod(entry.shape)), make)
    whole = (Span(0, computed.n_bytes),)
    return StoredTensor(entry.name, dtype, entry.shape, PLACE, Encoding.RAW, whole, computed)


def _numbers(data: bytes, quantization: _Quantization, dtype: DType) -> bytes:
    """The numbers that codes stand for: computed in float64, as JavaScript computes."""
    import numpy as np

    codes: np.ndarray = np.frombuffer(data, quantization.dtype.numpy)
    if quantization.dtype.name == _HALF:
        return codes.astype("<f4").tobytes()
    with np.errstate(all="ignore"):  # scales of a damaged manifest
        made = codes.astype(np.float64) * quantization.scale + quantization.minimum
        if dtype.name == "int32":
            made = np.floor(made + 0.5)  # Math.round
        return made.astype(dtype.numpy).tobytes()
