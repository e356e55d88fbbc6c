"""Walk protobuf's wire format: a source of bytes in, fields and spans out.

Nothing here knows ONNX. A length-delimited field is yielded as the span that it occupies and is
stepped over, so that the cost of a walk follows the number of fields and not the bytes inside them.
The file is read through small windows with ``pread`` rather than mapped: a mapped file that shrinks
under its reader kills the process (SIGBUS), a window turns the same event into an error, and remote
files are read by the same code.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onnx_params.errors import FormatError
from onnx_params.io.sources import FIRST_WINDOW, BytesSource, Source, too_short

VARINT: Final = 0


I64: Final = 1


LEN: Final = 2


START_GROUP: Final = 3


END_GROUP: Final = 4


I32: Final = 5


# bytes; a message up to this length is whole in one window: nodes, not tensors
WHOLE: Final = 1 << 16


LAST_WINDOW: Final = 1 << 20  # bytes read at once where the walk goes on without jumps


HEADER: Final = 20  # bytes: the longest tag (10) and the longest length (10)


MAX_GROUP_DEPTH: Final = 100  # protobuf's own recursion limit


class Window:
    """The part of a source that is in memory now; moves forward with the walk."""

    __slots__ = ("_growth", "base", "buf", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.base = 0
        self._growth = FIRST_WINDOW
        self.buf = source.data if isinstance(source, BytesSource) else b""

    def view(self, start: int, stop: int) -> tuple[bytes, int]:
        """Return ``(buffer, address of its first byte)``: all of ``start`` to ``stop``, or what is
        at hand if that is long.
        """
        end = self.base + len(self.buf)
        wanted = stop - start
        if wanted > WHOLE:
            wanted = HEADER
        if self.base <= start and start + wanted <= end:
            return self.buf, self.base
        self._growth = (
            min(2 * self._growth, LAST_WINDOW)
            if self.base <= start <= end and end
            else self.source.ahead(max(0, start - end))
        )
        length = min(max(wanted, self._growth), self.source.n_bytes - start)
        if length < wanted:
            raise FormatError(too_short(self.source.label, start, wanted, self.source.n_bytes))
        self.buf = self.source.read(start, length)
        self.base = start
        return self.buf, start

    def bytes(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop``, from memory where they are in the window."""
        at = start - self.base
        if at >= 0 and stop - self.base <= len(self.buf):
            return self.buf[at : stop - self.base]
        return self.source.read(start, stop - start)

    def text(self, start: int, stop: int) -> str:
        """The same bytes as text; what is not UTF-8 is kept as backslash escapes, so that no name
        is lost.
        """
        return self.bytes(start, stop).decode("utf-8", "backslashreplace")


def varint(buf: bytes, pos: int) -> tuple[int, int]:
    """Decode one varint:

    ``(value, position after it)``; raises ``IndexError`` past the end, ``ValueError`` if too long.
    """
    value = buf[pos]
    pos += 1
    if value < 0x80:
        return value, pos
    value &= 0x7F
    shift = 7
    while True:
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
        if shift > 63:
            raise ValueError


def varints(data: bytes) -> Iterator[int]:
    """Decode a packed run of varints. Raises :class:`FormatError` where the last one is cut off."""
    pos = 0
    try:
        while pos < len(data):
            value, pos = varint(data, pos)
            yield value
    except (IndexError, ValueError):
        raise FormatError(
            f"a packed run of numbers is broken {pos} bytes after its start"
        ) from None


def signed(value: int) -> int:
    """The same 64 bits as a two's complement number."""
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(
    window: Window, start: int, stop: int, *, whole: bool = True
) -> Iterator[tuple[int, int, int, int]]:
    """Yield ``(field number, wire type, a, b)`` for each field between ``start`` and ``stop``.

    ``whole`` asks for the whole message in memory at once, if it is short; say no where most of it
    is a payload. ``LEN``, ``I32`` and ``I64`` give the span of the value as addresses ``a`` to
    ``b``; ``VARINT`` gives the value as ``a``. Groups are stepped over. Raises :class:`FormatError`
    where the bytes are no protobuf.
    """
    if start >= stop:
        return
    buf, base = window.view(start, stop if whole else min(stop, start + HEADER))
    pos, end, limit = start - base, stop - base, len(buf)
    try:
        while pos < end:
            if pos + HEADER > limit and limit < end:
                here = base + pos
                buf, base = window.view(here, min(stop, here + HEADER))
                pos, end, limit = here - base, stop - base, len(buf)
            tag = buf[pos]
            pos += 1
            if tag >= 0x80:
                tag, pos = varint(buf, pos - 1)
            kind = tag & 7
            if kind == LEN:
                length = buf[pos]
                pos += 1
                if length >= 0x80:
                    length, pos = varint(buf, pos - 1)
                at = base + pos
                pos += length
                if pos > end:
                    break
                yield tag >> 3, LEN, at, at + length
            elif kind == VARINT:
                value, pos = varint(buf, pos)
                yield tag >> 3, VARINT, value, base + pos
            elif kind in (I32, I64):
                at = base + pos
                pos += 4 if kind == I32 else 8
                if pos > end:
                    break
                yield tag >> 3, kind, at, base + pos
            elif kind == START_GROUP:
                pos = _after_group(window, base + pos, stop, tag >> 3) - base
            else:
                raise FormatError(
                    f"{window.source.label}: is not an ONNX model, or damaged: no protobuf field"
                    f" begins at byte {base + pos - 1}"
                )
            if tag < 8:
                raise FormatError(
                    f"{window.source.label}: is not an ONNX model, or damaged: no protobuf field"
                    f" begins at byte {base + pos - 1}"
                )
    except (IndexError, ValueError):
        pos = end + 1
    if pos > end:
        raise FormatError(
            f"{window.source.label}: a field runs past byte {stop}, where its message ends; the"
            " file is truncated, damaged or not ONNX"
        )


def _after_group(window: Window, start: int, stop: int, number: int) -> int:
    """Step over a group (deprecated, still legal): the address after its end tag."""
    open_groups = [number]
    pos = start
    while open_groups:
        head = window.source.read(pos, min(HEADER, stop - pos))
        tag, used = varint(head, 0)
        kind = tag & 7
        if kind == VARINT:
            _, used = varint(head, used)
        elif kind == LEN:
            length, used = varint(head, used)
            used += length
        elif kind in (I32, I64):
            used += 4 if kind == I32 else 8
        elif kind == START_GROUP and len(open_groups) < MAX_GROUP_DEPTH:
            open_groups.append(tag >> 3)
        elif kind != END_GROUP or open_groups.pop() != tag >> 3:
            raise ValueError
        pos += used
        if pos > stop:
            raise ValueError
    return pos
