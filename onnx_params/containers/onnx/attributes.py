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
_NAME: Final = 1  # field number
_FLOAT: Final = 0x3D  # tag of one of floats; one that is written longer begins no run
_INT: Final = 0x40  # tag of one of ints
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
    at, end = 0, len(data)
    try:
        while at < end:
            start = at
            number, value, at, count = _run(data, start)
            if at > end:
                raise ValueError
            if number == _NAME:
                name = data[value:at].decode("utf-8", "backslashreplace")
            elif number in LISTS:
                _add(found.setdefault(number, []), Run(start, at, count))
            elif number in SINGLES:
                found[number] = [Run(start, at, 1)]  # there twice: the last one counts
    except (IndexError, ValueError):
        raise FormatError(
            f"{label}: attribute '{name}' is broken {at} bytes after its start; the file is"
            " truncated or damaged"
        ) from None
    return name, found


def _run(data: bytes, start: int) -> tuple[int, int, int, int]:
    """A field, or many of one kind side by side: its number, where its value begins, where it ends,
    how many entries.

    Raises ``IndexError`` or ``ValueError`` where the bytes are no field.
    """
    tag, value = varint(data, start)
    number, kind = tag >> 3, tag & 7
    if data[start] == _FLOAT:  # every fifth byte is the tag
        tags = data[start::5]
        count = len(tags) - len(tags.lstrip(bytes([_FLOAT])))
        return number, value, start + 5 * count, count
    if data[start] == _INT:
        match = _INTS.match(data, start)
        if match is None:
            raise ValueError
        return number, value, match.end(), _entries(match[0]) // 2  # a tag and a last byte each
    if kind == LEN:
        length, inner = varint(data, value)
        return number, inner, inner + length, _packed(number, data[inner : inner + length])
    if kind == VARINT:
        return number, value, varint(data, value)[1], 1
    if kind == I32:
        return number, value, value + 4, 1
    if kind == I64:
        return number, value, value + 8, 1
    raise ValueError


def _packed(number: int, data: bytes) -> int:
    """How many entries a packed field has."""
    if number == 7:
        return len(data) // 4
    return _entries(data) if number == 8 else 1


def _add(runs: list[Run], run: Run) -> None:
    """Append a run, or lengthen the last one if it follows it."""
    if runs and runs[-1].stop == run.start:
        runs[-1] = Run(runs[-1].start, run.stop, runs[-1].n + run.n)
    else:
        runs.append(run)


def _entries(data: bytes) -> int:
    """How many varints a run of them holds: each has one byte below 0x80."""
    return len(data.translate(None, _HIGH))
