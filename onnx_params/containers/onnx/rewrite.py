"""Copy a model with values renamed and metadata set: structure is written anew where a name
changes, payloads are copied as they lie.

Field numbers: ``onnx.proto`` (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto,
SparseTensorProto, ValueInfoProto, TensorAnnotation, StringStringEntryProto).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Final

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
    window = Window(source)
    segments = _message(
        window,
        Kind.MODEL,
        0,
        source.n_bytes,
        {old.encode(): new.encode() for old, new in names.items()},
        frozenset(metadata),
    )
    for segment in segments:
        if isinstance(segment, bytes):
            yield segment
        else:
            for start in range(segment.start, segment.stop, CHUNK):
                yield source.read(start, min(CHUNK, segment.stop - start))
    for key, value in metadata.items():
        entry = _field(1, key.encode()) + _field(2, value.encode())
        yield _field(METADATA, entry)


def _message(
    window: Window,
    kind: Kind,
    start: int,
    stop: int,
    names: Mapping[bytes, bytes],
    replaced: frozenset[str],
) -> list[Segment]:
    """A message's segments; one span of all of it where nothing changes."""
    inside = _INSIDE[kind]
    found: list[Segment] = []
    copied = start  # everything before is in ``found``
    end = start
    for number, wire_type, a, b in fields(
        window, start, stop, whole=kind not in (Kind.MODEL, Kind.GRAPH, Kind.TENSOR)
    ):
        begin, end = end, b
        child = inside.get(number) if wire_type == LEN else None
        body: list[Segment]
        if child is Kind.NAME:
            new = names.get(window.bytes(a, b))
            if new is None:
                continue
            body = [new]
        elif child is not None:
            body = _message(window, child, a, b, names, replaced)
            if body == [Span(a, b)] or (not body and a == b):
                continue
        elif (
            kind is Kind.MODEL
            and number == METADATA
            and wire_type == LEN
            and _key(window, a, b) in replaced
        ):
            body = []
        else:
            continue
        if begin > copied:
            found.append(Span(copied, begin))
        if body or child is not None:
            n_bytes = sum(
                segment.n_bytes if isinstance(segment, Span) else len(segment) for segment in body
            )
            found.append(_varint(number << 3 | LEN) + _varint(n_bytes))
            found.extend(body)
        copied = b
    if stop > copied:
        found.append(Span(copied, stop))
    return found


def _key(window: Window, start: int, stop: int) -> str:
    return next(
        (
            window.text(a, b)
            for number, kind, a, b in fields(window, start, stop)
            if number == 1 and kind == LEN
        ),
        "",
    )


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | LEN) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
