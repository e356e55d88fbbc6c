"""Find runs of numbers and strings in an attribute: a tree ensemble keeps millions, each a protobuf
field of its own.

``AttributeProto`` is proto2 without ``[packed]``: writers put a tag before every number. A run of
such fields is found and counted by slices and one regular expression, so that the time is C's.
Field numbers: ``onnx.proto``, AttributeProto: f 2, i 3, s 4, floats 7, ints 8, strings 9.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from onnx_params.errors import FormatError
from onnx_params.io.wire import I32, I64, LEN, VARINT, varint

# tag of ints, varint, and so on
_INTS: Final = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++")
_HIGH: Final = bytes(range(0x80, 0x100))  # all bytes but the last of a varint
LISTS: Final = frozenset({7, 8, 9})
SINGLES: Final = frozenset({2, 3, 4})


class Run(NamedTuple):
    """Fields side by side, tags included: bytes ``start`` to ``stop`` of the attribute, ``n``
    entries.
    """

    start: int
    stop: int
    n: int


def scan(data: bytes, label: str) -> tuple[str, dict[int, list[Run]]]:
    """The name of an AttributeProto and its runs by field number.

    Raises :class:`FormatError` where the bytes are broken.
    """
    name = ""
    found: dict[int, list[Run]] = {}
    pos, end = 0, len(data)
    try:
        while pos < end:
            start = pos
            tag, pos = varint(data, pos)
            number, kind = tag >> 3, tag & 7
            count = 1
            # floats, one by one: every fifth byte is the tag; one that is written longer than it
            # need be is no such run
            if data[start] == 0x3D:
                tags = data[start:end:5]
                count = len(tags) - len(tags.lstrip(b"\x3d"))
                pos = start + 5 * count
            elif data[start] == 0x40:
                match = _INTS.match(data, start)
                if match is None:
                    raise ValueError
                pos = match.end()
                count = _entries(data[start:pos]) // 2  # a tag and a last byte each
            elif kind == LEN:
                length, pos = varint(data, pos)
                inner, pos = pos, pos + length
                if number == 1:
                    name = data[inner:pos].decode("utf-8", "backslashreplace")
                elif number == 7:
                    count = length // 4
                elif number == 8:
                    count = _entries(data[inner:pos])
            elif kind == VARINT:
                _, pos = varint(data, pos)
            elif kind in (I32, I64):
                pos += 4 if kind == I32 else 8
            else:
                raise ValueError
            if pos > end:
                raise ValueError
            if number in LISTS:
                runs = found.setdefault(number, [])
                if runs and runs[-1].stop == start:
                    runs[-1] = Run(runs[-1].start, pos, runs[-1].n + count)
                else:
                    runs.append(Run(start, pos, count))
            elif number in SINGLES:
                found[number] = [Run(start, pos, 1)]  # there twice: the last one counts
    except (IndexError, ValueError):
        raise FormatError(
            f"{label}: attribute '{name}' is broken {pos} bytes after its start; the file is"
            " truncated or damaged"
        ) from None
    return name, found


def _entries(data: bytes) -> int:
    """How many varints a run of them holds: each has one byte below 0x80."""
    return len(data.translate(None, _HIGH))
