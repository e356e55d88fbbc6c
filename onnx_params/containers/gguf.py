"""Read GGUF, llama.cpp's format: names and shapes from the header, values when asked, those in
blocks of codes as float32.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Blocks are decoded by
:mod:`gguf_blocks` and :mod:`gguf_grids`.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.gguf_blocks import CODED
from onnx_params.containers.gguf_grids import GRIDDED
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.cursor import Cursor
from onnx_params.io.sources import ComputedSource, FileSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

MAX_TENSORS: Final = 1 << 20
MAX_PAIRS: Final = 1 << 20
MAX_TEXT: Final = 1 << 28  # bytes of one text
MAX_AXES: Final = 8
MAX_DEPTH: Final = 8  # of lists in lists; llama.cpp has none
ALIGNMENT: Final = "general.alignment"
_MAGIC: Final = 4  # bytes: GGUF
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
# of blocks that are decoded here. Source: ggml-org/ggml, include/ggml.h
BLOCKS: Final = {**CODED, **GRIDDED}
# of those that are not: they are for computing, too new, or gone
_OTHER: Final = {
    4: "Q4_2",
    5: "Q4_3",
    9: "Q8_1",
    15: "Q8_K",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
    41: "Q1_0",
    42: "Q2_0",
}


def read(path: str) -> Checkpoint:
    """The tensors of a file, in its own order, under llama.cpp's names.

    Raises :class:`FormatError` where it is damaged, :class:`UnsupportedError` where it has none,
    or a type that is not known here.
    """
    source = FileSource(path)
    header = _Header(source)
    try:
        header.step_over(_MAGIC)
        version = header.number("<I")
        n_tensors, n_pairs = header.number("<Q"), header.number("<Q")
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


class _Header(Cursor):
    """Reads what the header lists: metadata, then tensors."""

    def string(self) -> str:
        length = self.number("<Q")
        if length > MAX_TEXT:
            raise ValueError(f"a text of {length} bytes")
        return self.text(length)

    def pair(self) -> tuple[str, Any]:
        key = self.string()
        return key, self._value(self.number("<I"))

    def tensor(self) -> tuple[str, Shape, int, int]:
        """Name, shape with the outermost axis first, type and offset."""
        name, n_axes = self.string(), self.number("<I")
        if n_axes > MAX_AXES:
            raise ValueError(f"'{name}' has {n_axes} axes")
        shape = tuple(self.number("<Q") for _ in range(n_axes))[::-1]
        return name, shape, self.number("<I"), self.number("<Q")

    def _value(self, kind: int, depth: int = 0) -> Any:
        """A value of the metadata; of a list nothing but that it is one."""
        if depth > MAX_DEPTH:
            raise ValueError(f"lists in more than {MAX_DEPTH} lists")
        if kind == _TEXT:
            return self.string()
        if kind != _ARRAY:
            return self.number(_code(kind))
        inner, count = self.number("<I"), self.number("<Q")
        if inner in (_TEXT, _ARRAY):
            for _ in range(count):
                self._value(inner, depth + 1)
        else:
            self.step_over(count * struct.calcsize(_code(inner)))
        return None


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
        what = _OTHER.get(kind, "of a type that is not known")
        raise UnsupportedError(f"{label} is {what} (type {kind}), which is not decoded here")
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
