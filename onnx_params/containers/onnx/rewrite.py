"""Copy a model with values renamed and metadata set: structure is written anew where a name
changes, payloads are copied as they lie.

Field numbers: ``onnx.proto`` (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto,
SparseTensorProto, ValueInfoProto, TensorAnnotation, StringStringEntryProto).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from onnx_params.io.sources import Source
from onnx_params.io.wire import LEN, Window, fields
from onnx_params.tensors.encoding import Span

CHUNK: Final = 1 << 20  # bytes copied at once
METADATA: Final = 14  # ModelProto.metadata_props
Segment = Span | bytes


class Kind(enum.Enum):
    """The messages in which a value's name can stand."""

    MODEL = "model"
    GRAPH = "graph"
    NODE = "node"
    ATTRIBUTE = "attribute"
    TENSOR = "tensor"
    SPARSE = "sparse tensor"
    VALUE = "value info"
    NAME = "name"


_INSIDE: Final[dict[Kind, dict[int, Kind]]] = {
    Kind.MODEL: {7: Kind.GRAPH},
    Kind.GRAPH: {1: Kind.NODE, 5: Kind.TENSOR, 13: Kind.VALUE, 14: Kind.VALUE, 15: Kind.SPARSE},
    Kind.NODE: {1: Kind.NAME, 2: Kind.NAME, 5: Kind.ATTRIBUTE},
    Kind.ATTRIBUTE: {6: Kind.GRAPH, 11: Kind.GRAPH},
    Kind.TENSOR: {8: Kind.NAME},
    Kind.SPARSE: {1: Kind.TENSOR},
    Kind.VALUE: {1: Kind.NAME},
    Kind.NAME: {},
}


def rewrite(
    source: Source, names: Mapping[str, str], metadata: Mapping[str, str]
) -> Iterator[bytes]:
    """The bytes of the model with the values of its main graph renamed by ``names`` and
    ``metadata`` in place of entries of those keys.

    The caller sees to it that no new name is taken and that no subgraph has a value of an old one.
    Touches the disk.
    """
    renaming = _Renaming(
        Window(source),
        {old.encode(): new.encode() for old, new in names.items()},
        frozenset(metadata),
    )
    segments = renaming.message(Kind.MODEL, 0, source.n_bytes)
    for segment in segments:
        if isinstance(segment, bytes):
            yield segment
        else:
            for start in range(segment.start, segment.stop, CHUNK):
                yield source.read(start, min(CHUNK, segment.stop - start))
    for key, value in metadata.items():
        entry = _field(1, key.encode()) + _field(2, value.encode())
        yield _field(METADATA, entry)


class _Renaming(NamedTuple):
    """The names that change, and the keys of metadata that are left out, in one file."""

    window: Window
    names: Mapping[bytes, bytes]
    replaced: frozenset[str]

    def message(self, kind: Kind, start: int, stop: int) -> list[Segment]:
        """A message's segments; one span of all of it where nothing changes."""
        inside = _INSIDE[kind]
        found: list[Segment] = []
        copied = start  # everything before is in ``found``
        end = start
        for number, wire_type, a, b in fields(
            self.window, start, stop, whole=kind not in (Kind.MODEL, Kind.GRAPH, Kind.TENSOR)
        ):
            begin, end = end, b
            if wire_type != LEN:
                continue
            child = inside.get(number)
            if child is None and not self._is_replaced(kind, number, a, b):
                continue
            body = None if child is None else self._changed(child, a, b)
            if child is not None and body is None:
                continue
            if begin > copied:
                found.append(Span(copied, begin))
            if body is not None:
                found.append(_varint(number << 3 | LEN) + _varint(sum(map(_length, body))))
                found.extend(body)
            copied = b
        if stop > copied:
            found.append(Span(copied, stop))
        return found

    def _is_replaced(self, kind: Kind, number: int, start: int, stop: int) -> bool:
        """Whether a field is an entry of the metadata whose key is written anew."""
        if kind is not Kind.MODEL or number != METADATA:
            return False
        return _key(self.window, start, stop) in self.replaced

    def _changed(self, child: Kind, start: int, stop: int) -> list[Segment] | None:
        """The segments of a field's new content; ``None`` where it stays as it is."""
        if child is Kind.NAME:
            new = self.names.get(self.window.bytes(start, stop))
            return None if new is None else [new]
        body = self.message(child, start, stop)
        is_same = body == [Span(start, stop)] or (not body and start == stop)
        return None if is_same else body


def _key(window: Window, start: int, stop: int) -> str:
    return next(
        (
            window.text(a, b)
            for number, kind, a, b in fields(window, start, stop)
            if number == 1 and kind == LEN
        ),
        "",
    )


def _length(segment: Segment) -> int:
    return segment.n_bytes if isinstance(segment, Span) else len(segment)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | LEN) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
