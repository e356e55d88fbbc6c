"""Read the header of a TensorProto: where its payload lies, and that it is as long as its shape
says.

Field numbers: ``onnx.proto`` of onnx 1.23, TensorProto and SparseTensorProto.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from onnx_params.containers.onnx.graph import read_pairs
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.external import ExternalFile, locate
from onnx_params.io.sources import Source
from onnx_params.io.wire import HEADER, LEN, VARINT, Window, fields, signed, varints
from onnx_params.tensors.dtypes import BY_CODE
from onnx_params.tensors.encoding import Encoding, External, Place, Span
from onnx_params.tensors.stored import StoredTensor

# typed fields, by number
_TYPED: Final = {
    4: Encoding.FLOATS,
    5: Encoding.INT32S,
    6: Encoding.STRINGS,
    7: Encoding.INT64S,
    9: Encoding.RAW,
    10: Encoding.DOUBLES,
    11: Encoding.UINT64S,
}
_STRINGS: Final = 6  # an empty string is an element, an empty run of numbers is none
_SEGMENT: Final = 3


@dataclass(slots=True)
class _Header:
    """The fields of a tensor, while they are read."""

    dims: list[int] = field(default_factory=list)
    code: int = 0
    name: str = ""
    payload: list[Span] = field(default_factory=list)
    encoding: Encoding = Encoding.EMPTY
    is_external: bool = False
    pairs: list[Span] = field(default_factory=list)


class TensorReader:
    """Reads the tensors of one artifact; ``path`` is where its external data is looked for."""

    def __init__(self, source: Source, path: str | None) -> None:
        self.source = source
        self.path = path
        self.window = Window(source)
        self._located: dict[str, ExternalFile] = {}

    def sparse(self, spans: Iterable[Span], place: Place) -> StoredTensor:
        """Walk a SparseTensorProto: values 1, indices 2, dims 3."""
        values: list[Span] = []
        indices: list[Span] = []
        dims: list[int] = []
        for span in spans:
            for number, kind, a, b in fields(self.window, *span, whole=False):
                if number == 3 and kind == VARINT:
                    dims.append(signed(a))
                elif number == 3 and kind == LEN:
                    dims.extend(map(signed, varints(self.window.bytes(a, b))))
                elif kind == LEN and number in (1, 2):
                    (values if number == 1 else indices).append(Span(a, b))
        return self.tensor(values, place, dense=tuple(dims), indices=self.tensor(indices, place))

    def tensor(
        self,
        spans: Iterable[Span],
        place: Place,
        *,
        name: str | None = None,
        dense: tuple[int, ...] | None = None,
        indices: StoredTensor | None = None,
    ) -> StoredTensor:
        """Walk a TensorProto, given in one piece or several, and step over its payload.

        Raises :class:`FormatError` where the payload is not as long as the shape says.
        """
        header = _Header()
        for span in spans:
            self._read(header, span)
        self._check(header)
        tensor = StoredTensor(
            name=header.name if name is None else name,
            dtype=BY_CODE[header.code],
            shape=tuple(header.dims) if dense is None else dense,
            place=place,
            encoding=header.encoding,
            spans=tuple(header.payload),
            source=self.source,
            external=self._external(header.pairs, header.name) if header.is_external else None,
            indices=indices,
            stored=None if dense is None else math.prod(header.dims),
        )
        check_length(tensor, self.source.label)
        return tensor

    def _read(self, header: _Header, span: Span) -> None:
        """Add the fields of one piece of a tensor."""
        start = span.start
        if header.code == 0:
            header.dims, header.code, header.name, header.payload, start = self._usual(span)
            header.encoding = Encoding.RAW if header.payload else Encoding.EMPTY
        if start >= span.stop:
            return
        for number, kind, a, b in fields(self.window, start, span.stop, whole=False):
            if number in _TYPED:
                self._add_payload(header, number, kind, a, b)
            elif number == 1:
                packed = kind == LEN
                found = varints(self.window.bytes(a, b)) if packed else (a,)
                header.dims.extend(map(signed, found))
            elif kind == VARINT and number == 2:
                header.code = a
            elif kind == VARINT and number == 14:
                header.is_external = a == 1
            elif kind == LEN:
                self._add_text(header, number, a, b)

    def _add_payload(self, header: _Header, number: int, kind: int, a: int, b: int) -> None:
        if kind == VARINT:  # not packed: the number is where its field ends
            header.payload.append(Span(b - _varint_length(a), b))
        elif b > a or number == _STRINGS:
            header.payload.append(Span(a, b))
        else:
            return
        header.encoding = _TYPED[number]

    def _add_text(self, header: _Header, number: int, a: int, b: int) -> None:
        if number == 8:
            header.name = self.window.text(a, b)
        elif number == 13:
            header.pairs.append(Span(a, b))
        elif number == _SEGMENT:
            raise UnsupportedError(
                f"{self.source.label}: a tensor is stored in segments, which no exporter is known"
                " to write"
            )

    def _check(self, header: _Header) -> None:
        """Settle what the fields mean together; raise :class:`FormatError` where they cannot be."""
        label, name, dims = self.source.label, header.name, header.dims
        if header.code not in BY_CODE:
            raise FormatError(
                f"{label}: tensor '{name}' has the unknown element type {header.code}"
            )
        if dims and min(dims) < 0:
            raise FormatError(f"{label}: tensor '{name}' has a negative dimension: {dims}")
        if header.is_external:
            header.encoding, header.payload = Encoding.EXTERNAL, []
        elif header.encoding is Encoding.RAW:  # a field that is there twice: the last one counts
            header.payload = header.payload[-1:]

    def _usual(self, span: Span) -> tuple[list[int], int, str, list[Span], int]:
        """What most tensors begin with, and many are: dimensions, type, name, raw data of one or
        two bytes each, in place; the rest is for others.

        Gives the address where it stopped, at the first field that is not so.
        """
        dims: list[int] = []
        code, name, payload = 0, "", []
        start, stop = span
        buf, base = self.window.view(start, min(stop, start + HEADER))
        pos, end = start - base, stop - base
        last = min(end, len(buf)) - HEADER
        while pos <= last:
            tag, value = buf[pos], buf[pos + 1]
            if value >= 0x80:
                more = buf[pos + 2]
                if more >= 0x80:
                    break
                value, after = value & 0x7F | more << 7, pos + 3
            else:
                after = pos + 2
            if tag == 0x08:
                dims.append(value)
            elif tag == 0x10:
                code = value
            elif tag == 0x42 and after + value <= last + HEADER:
                name = buf[after : after + value].decode("utf-8", "backslashreplace")
                after += value
            elif tag == 0x4A and value and after + value <= end:
                payload = [Span(base + after, base + after + value)]
                after += value
            else:
                break
            pos = after
        return dims, code, name, payload, base + pos

    def _external(self, pairs: list[Span], name: str) -> External:
        words = read_pairs(self.source, pairs)
        location = words.get("location", "")
        file = self._located.get(location)
        if file is None:
            file = self._located[location] = locate(location, self.path)
        try:
            offset = int(words.get("offset", "0"))
            length = int(words["length"]) if "length" in words else None
        except ValueError:
            raise FormatError(
                f"{self.source.label}: tensor '{name}': offset or length of its external data is no"
                " number"
            ) from None
        if offset < 0 or (length is not None and length < 0):
            raise FormatError(
                f"{self.source.label}: tensor '{name}': offset or length of its external data is"
                " negative"
            )
        return External(file=file, offset=offset, length=length, checksum=words.get("checksum"))


def check_length(tensor: StoredTensor, label: str) -> None:
    """Raise :class:`FormatError` where a payload cannot hold the tensor's shape; a tensor without
    any data passes.
    """
    count = tensor.count if tensor.stored is None else tensor.stored
    dtype = tensor.dtype
    if (
        tensor.encoding in (Encoding.EMPTY, Encoding.STRINGS, Encoding.FIELDS, Encoding.OPAQUE)
        or not dtype.bits
    ):
        return
    wanted = dtype.packed_length(count)
    if tensor.external is not None:
        span, size = tensor.external_span, tensor.external.file.n_bytes
        where = tensor.external.file.path
        if span.n_bytes < wanted:
            raise FormatError(
                f"{label}: tensor '{tensor.name}' ({dtype.name} {list(tensor.shape)}) needs"
                f" {wanted} bytes, its external data has {span.n_bytes}; was the model saved whole?"
            )
        if size is not None and span.stop > size:
            raise FormatError(
                f"{where}: tensor '{tensor.name}' ends at byte {span.stop}, the file has {size};"
                " was the download complete?"
            )
        return
    have = (
        tensor.spans[0].n_bytes
        if len(tensor.spans) == 1
        else sum(span.n_bytes for span in tensor.spans)
    )
    if tensor.encoding in (Encoding.RAW, Encoding.FLOATS, Encoding.DOUBLES):
        wrong = have != wanted
    else:  # a varint has 1 to 10 bytes; 4-bit elements come two, 2-bit ones four an entry
        entries = -(-count * dtype.bits // 8) if dtype.bits in (2, 4) else count
        wrong = not entries <= have <= 10 * entries
    if wrong:
        raise FormatError(
            f"{label}: tensor '{tensor.name}' ({dtype.name} {list(tensor.shape)}) needs {wanted}"
            f" bytes, {tensor.encoding.value} has {have}; is the file damaged?"
        )


def _varint_length(value: int) -> int:
    """Bytes of the shortest varint of a value, which is the one that writers write."""
    return max(1, -(-value.bit_length() // 7))
