"""Copy a model with some of its fields replaced and others added; the lengths of the messages
around them follow, and everything else is copied as it lies.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from onnx_params.errors import FormatError
from onnx_params.io.patches import Patch, patched
from onnx_params.io.sources import Source
from onnx_params.io.wire import LEN, Window, fields
from onnx_params.tensors.encoding import Span

METADATA: Final = 14  # ModelProto.metadata_props
Segment = Span | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What is to be changed in one file.

    ``replaced`` maps the content of a field that has a length to its new content, ``None`` leaves
    the whole field out; ``first`` and ``last`` map the content of a message to fields that are
    added at its beginning and its end. ``patches`` are runs of bytes that keep their length.
    """

    replaced: Mapping[Span, bytes | None] = field(default_factory=dict)
    first: Mapping[Span, bytes] = field(default_factory=dict)
    last: Mapping[Span, bytes] = field(default_factory=dict)
    patches: Sequence[Patch] = ()


def spliced(source: Source, edits: Edits) -> Iterator[bytes]:
    """The bytes of the model as the edits change it. Touches the disk.

    Raises :class:`FormatError` where an edit is of no field, or reaches into another one.
    """
    splicing = _Splicing(source, edits)
    whole = Span(0, source.n_bytes)
    segments = splicing.message(whole)
    splicing.check()
    patches = list(edits.patches)
    for segment in segments:
        if isinstance(segment, bytes):
            yield segment
            continue
        inside = [patch for patch in patches if segment.start <= patch.start < segment.stop]
        patches = [patch for patch in patches if patch.start >= segment.stop]
        yield from patched(source, segment.start, segment.stop, inside)


def tagged(number: int, content: bytes) -> bytes:
    """A field that has a length: its tag, its length, its content."""
    return varint(number << 3 | LEN) + varint(len(content)) + content


def pair(key: str, value: str) -> bytes:
    """The content of a ``StringStringEntryProto``."""
    return tagged(1, key.encode()) + tagged(2, value.encode())


def varint(value: int) -> bytes:
    """A number as protobuf writes it; negative ones as 64 bits in two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Splicing:
    """One walk through a file, which descends to where edits are."""

    def __init__(self, source: Source, edits: Edits) -> None:
        self.label = source.label
        self.window = Window(source)
        self.edits = edits
        self.done: set[Span] = set()
        self.spots = sorted({*edits.replaced, *edits.first, *edits.last})

    def check(self) -> None:
        left = [spot for spot in self.spots if spot not in self.done]
        if left:
            raise FormatError(f"{self.label}: has no field of its own at byte {left[0].start}")

    def message(self, span: Span) -> list[Segment]:
        """The segments of a message: its own span alone where nothing in it changes."""
        found: list[Segment] = []
        added = self._added(self.edits.first, span)
        if added:
            found.append(added)
        copied = end = span.start
        for number, kind, a, b in fields(self.window, span.start, span.stop, whole=False):
            begin, end = end, b
            if kind != LEN or not self._touches(Span(a, b)):
                continue
            if begin > copied:
                found.append(Span(copied, begin))
            found += self._field(number, begin, Span(a, b))
            copied = b
        if span.stop > copied:
            found.append(Span(copied, span.stop))
        added = self._added(self.edits.last, span)
        return [*found, added] if added else found

    def _touches(self, span: Span) -> bool:
        """Whether an edit is of a field or of one inside it."""
        at = bisect_left(self.spots, span)
        return at < len(self.spots) and self.spots[at].stop <= span.stop

    def _field(self, number: int, begin: int, span: Span) -> list[Segment]:
        """A field with its new content."""
        body: list[Segment]
        if span in self.edits.replaced:
            self.done.add(span)
            new = self.edits.replaced[span]
            if new is None:
                return []
            body = [new]
        else:
            body = self.message(span)
        n_bytes = sum(map(_length, body))
        if n_bytes == span.n_bytes:  # the length as it was written, even where it need not be so
            return [Span(begin, span.start), *body]
        return [varint(number << 3 | LEN) + varint(n_bytes), *body]

    def _added(self, added: Mapping[Span, bytes], span: Span) -> bytes:
        if span not in added:
            return b""
        self.done.add(span)
        return added[span]


def _length(segment: Segment) -> int:
    return segment.n_bytes if isinstance(segment, Span) else len(segment)
