"""Read GGUF, llama.cpp's format: names and shapes from the header, values when asked, those in
blocks of codes as float32.

Formats: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; ggml/src/ggml-common.h and
ggml-quants.c for the blocks.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.sources import ComputedSource, FileSource
from onnx_params.io.wire import Window
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

MAX_TENSORS: Final = 1 << 20
MAX_PAIRS: Final = 1 << 20
MAX_TEXT: Final = 1 << 28  # bytes of one text
MAX_AXES: Final = 8
ALIGNMENT: Final = "general.alignment"
_VERSIONS: Final = (2, 3)
_TEXT, _ARRAY = 8, 9
# type of a value -> struct's code
_SCALARS: Final = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
# number of a tensor's type -> ours
_PLAIN: Final = {
    0: "float32",
    1: "float16",
    24: "int8",
    25: "int16",
    26: "int32",
    27: "int64",
    28: "float64",
    30: "bfloat16",
}


class Blocks(NamedTuple):
    """How numbers are kept in blocks: how many, in how many bytes, and what decodes ``[n, bytes]``
    to ``[n, numbers]``.
    """

    name: str
    size: int
    n_bytes: int
    decode: Callable[[np.ndarray], np.ndarray]


def _half(part: np.ndarray) -> np.ndarray:
    """Bytes as float16, in float32: ``[n, count]``."""
    return part.copy().view("<f2").astype("f4")


def _nibbles(part: np.ndarray) -> np.ndarray:
    """Codes of four bits: the low halves of all bytes, then the high ones."""
    import numpy as np

    return np.concatenate([part & 15, part >> 4], axis=1).astype(np.float32)


def _fifth_bits(part: np.ndarray) -> np.ndarray:
    """The highest bits of 32 codes, times 16."""
    import numpy as np

    return np.unpackbits(part, axis=1, bitorder="little").astype(np.float32) * 16


def _q4_0(blocks: np.ndarray) -> np.ndarray:
    made: np.ndarray = _half(blocks[:, :2]) * (_nibbles(blocks[:, 2:]) - 8)
    return made


def _q4_1(blocks: np.ndarray) -> np.ndarray:
    made: np.ndarray = _half(blocks[:, :2]) * _nibbles(blocks[:, 4:]) + _half(blocks[:, 2:4])
    return made


def _q5_0(blocks: np.ndarray) -> np.ndarray:
    codes = _nibbles(blocks[:, 6:]) + _fifth_bits(blocks[:, 2:6])
    made: np.ndarray = _half(blocks[:, :2]) * (codes - 16)
    return made


def _q5_1(blocks: np.ndarray) -> np.ndarray:
    codes = _nibbles(blocks[:, 8:]) + _fifth_bits(blocks[:, 4:8])
    made: np.ndarray = _half(blocks[:, :2]) * codes + _half(blocks[:, 2:4])
    return made


def _q8_0(blocks: np.ndarray) -> np.ndarray:
    made: np.ndarray = _half(blocks[:, :2]) * blocks[:, 2:].view("i1").astype("f4")
    return made


def _scales_and_minima(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The eight scales and minima of six bits in twelve bytes. ``get_scale_min_k4``"""
    import numpy as np

    low, middle, high = (packed[:, at : at + 4] for at in (0, 4, 8))
    scales = np.concatenate([low & 63, (high & 15) | ((low >> 6) << 4)], axis=1)
    minima = np.concatenate([middle & 63, (high >> 4) | ((middle >> 6) << 4)], axis=1)
    return scales.astype(np.float32), minima.astype(np.float32)


def _of_eight(blocks: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Codes ``[n, 8, 32]`` times a scale each, less a minimum each."""
    scales, minima = _scales_and_minima(blocks[:, 4:16])
    factor = (_half(blocks[:, :2]) * scales)[..., None]
    less = (_half(blocks[:, 2:4]) * minima)[..., None]
    made: np.ndarray = (factor * codes - less).reshape(len(blocks), -1)
    return made


def _q4_k(blocks: np.ndarray) -> np.ndarray:
    pairs = blocks[:, 16:].reshape(len(blocks), 4, 1, 32)
    codes = pairs >> _shifts(0, 4)
    return _of_eight(blocks, (codes & 15).reshape(len(blocks), 8, 32).astype("f4"))


def _q5_k(blocks: np.ndarray) -> np.ndarray:
    pairs = blocks[:, 48:].reshape(len(blocks), 4, 1, 32)
    low = ((pairs >> _shifts(0, 4)) & 15).reshape(len(blocks), 8, 32)
    high = (blocks[:, None, 16:48] >> _shifts(*range(8))) & 1
    return _of_eight(blocks, (low | (high << 4)).astype("f4"))


def _q6_k(blocks: np.ndarray) -> np.ndarray:
    low = blocks[:, :128].reshape(len(blocks), 2, 1, 64) >> _shifts(0, 4)
    high = blocks[:, 128:192].reshape(len(blocks), 2, 1, 32) >> _shifts(0, 2, 4, 6)
    codes = (low & 15).reshape(len(blocks), 8, 32) | (((high & 3) << 4).reshape(len(blocks), 8, 32))
    scales = blocks[:, 192:208].view("i1").astype("f4") * _half(blocks[:, 208:])
    centered = codes.astype("f4").reshape(len(blocks), 16, 16) - 32
    made: np.ndarray = (scales[..., None] * centered).reshape(len(blocks), -1)
    return made


def _shifts(*by: int) -> np.ndarray:
    import numpy as np

    return np.asarray(by, np.uint8)[:, None]


BLOCKS: Final = {
    2: Blocks("Q4_0", 32, 18, _q4_0),
    3: Blocks("Q4_1", 32, 20, _q4_1),
    6: Blocks("Q5_0", 32, 22, _q5_0),
    7: Blocks("Q5_1", 32, 24, _q5_1),
    8: Blocks("Q8_0", 32, 34, _q8_0),
    12: Blocks("Q4_K", 256, 144, _q4_k),
    13: Blocks("Q5_K", 256, 176, _q5_k),
    14: Blocks("Q6_K", 256, 210, _q6_k),
}


def read(path: str) -> Checkpoint:
    """The tensors of a file, in its own order, under llama.cpp's names.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where it has none,
    or a type that is not known here.
    """
    source = FileSource(path)
    header = _Header(path, source)
    try:
        version, n_tensors, n_pairs = (
            header.number("<I", 4),
            header.number("<Q"),
            header.number("<Q"),
        )
        if version not in _VERSIONS or n_tensors > MAX_TENSORS or n_pairs > MAX_PAIRS:
            raise UnsupportedError(f"{path}: is GGUF of version {version}, which is not known here")
        pairs = dict(header.pair() for _ in range(n_pairs))
        listed = [header.tensor() for _ in range(n_tensors)]
    except (struct.error, ValueError) as error:
        raise FormatError(f"{path}: its header is no GGUF header, or cut off: {error}") from error
    alignment = pairs.get(ALIGNMENT, 32)
    step = alignment if isinstance(alignment, int) and alignment > 0 else 32
    base = -(-header.at // step) * step
    if not listed:
        raise UnsupportedError(f"{path}: contains no tensors")
    tensors = tuple(_tensor(path, source, base, *each) for each in listed)
    return Checkpoint(path=path, tensors=tensors, ordered=True)


class _Header:
    """Reads what comes one after the other; ``at`` is where it is now."""

    def __init__(self, path: str, source: FileSource) -> None:
        self.path = path
        self.at = 0
        self._source = source
        self._window = Window(source)

    def number(self, code: str, at: int | None = None) -> Any:
        self.at = self.at if at is None else at
        return struct.unpack(code, self._bytes(struct.calcsize(code)))[0]

    def text(self) -> str:
        length = self.number("<Q")
        if length > MAX_TEXT:
            raise ValueError(f"a text of {length} bytes")
        return self._bytes(length).decode("utf-8", "backslashreplace")

    def pair(self) -> tuple[str, Any]:
        key = self.text()
        return key, self._value(self.number("<I"))

    def tensor(self) -> tuple[str, Shape, int, int]:
        """Name, shape with the outermost axis first, type and offset."""
        name, n_axes = self.text(), self.number("<I")
        if n_axes > MAX_AXES:
            raise ValueError(f"'{name}' has {n_axes} axes")
        shape = tuple(self.number("<Q") for _ in range(n_axes))[::-1]
        return name, shape, self.number("<I"), self.number("<Q")

    def _value(self, kind: int) -> Any:
        """A value of the metadata; of a list nothing but that it is one."""
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.number(_code(kind))
        inner, count = self.number("<I"), self.number("<Q")
        if inner in (_TEXT, _ARRAY):
            for _ in range(count):
                self._value(inner)
        else:
            self._step_over(count * struct.calcsize(_code(inner)))
        return None

    def _step_over(self, length: int) -> None:
        if self.at + length > self._source.n_bytes:
            raise ValueError("the file ends in its header")
        self.at += length

    def _bytes(self, length: int) -> bytes:
        start = self.at
        self._step_over(length)
        self._window.view(start, min(start + max(length, 1), self._source.n_bytes))
        return self._window.bytes(start, start + length)


def _code(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"a value of type {kind}")
    return _SCALARS[kind]


def _tensor(
    path: str, source: FileSource, base: int, name: str, shape: Shape, kind: int, offset: int
) -> StoredTensor:
    start, count = base + offset, math.prod(shape)
    label = f"{path}: tensor '{name}'"
    if kind in _PLAIN:
        dtype = BY_NAME[_PLAIN[kind]]
        span = Span(start, start + dtype.packed_length(count))
        _check(label, span, source)
        return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (span,), source)
    blocks = BLOCKS.get(kind)
    if blocks is None:
        raise UnsupportedError(f"{label} is of type {kind}, which is not known here")
    if not shape or shape[-1] % blocks.size:
        raise FormatError(f"{label} has rows of {shape[-1:]} that are no blocks of {blocks.size}")
    span = Span(start, start + count // blocks.size * blocks.n_bytes)
    _check(label, span, source)

    def make() -> bytes:
        import numpy as np

        data = np.frombuffer(source.read(span.start, span.n_bytes), np.uint8)
        made = blocks.decode(data.reshape(-1, blocks.n_bytes))
        return made.astype("<f4").tobytes()

    dtype = BY_NAME["float32"]
    computed = ComputedSource(label, dtype.packed_length(count), make)
    whole = (Span(0, computed.n_bytes),)
    return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, whole, computed)


def _check(label: str, span: Span, source: FileSource) -> None:
    if span.stop > source.n_bytes:
        raise FormatError(f"{label} ends at byte {span.stop}, the file has {source.n_bytes}")
