"""Give bytes with an address: in memory, or in a file that is read in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, Protocol

from onnx_params.errors import FormatError, UnreadableError, system_reason

FIRST_WINDOW: Final = 1 << 14  # bytes read after a jump: a tensor's header, a few nodes


class Source(Protocol):
    """Bytes with an address: a file, memory, later a URL."""

    @property
    def label(self) -> str:
        """What error messages call it."""

    @property
    def n_bytes(self) -> int:
        """How long it is."""

    def read(self, offset: int, length: int) -> bytes:
        """Read exactly ``length`` bytes; raises :class:`FormatError` where they are not there.

        Touches the disk.
        """

    def ahead(self, jump: int) -> int:
        """How many bytes to read at once after a jump over ``jump`` bytes, which may be 0."""


class BytesSource:
    """A source in memory."""

    __slots__ = ("data", "label")

    def __init__(self, data: bytes, label: str = "<bytes>") -> None:
        self.data = data
        self.label = label

    @property
    def n_bytes(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        if offset + length > len(self.data):
            raise FormatError(too_short(self.label, offset, length, len(self.data)))
        return self.data[offset : offset + length]

    def ahead(self, jump: int) -> int:
        return FIRST_WINDOW


class FileSource:
    """A source on disk; keeps one descriptor open for as long as it lives."""

    __slots__ = ("_descriptor", "label", "n_bytes", "path")

    def __init__(self, path: str) -> None:
        self._descriptor = -1
        self.label = self.path = path
        try:
            # O_NONBLOCK: opening a FIFO that nobody writes must not hang.
            self._descriptor = os.open(
                path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
            )
            self.n_bytes = os.fstat(self._descriptor).st_size
            os.pread(self._descriptor, 1, 0)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error

    @classmethod
    def of(cls, descriptor: int, label: str) -> FileSource:
        """A source over a descriptor that it then owns; the file need not have a name."""
        source = cls.__new__(cls)
        source._descriptor = descriptor
        source.label = label
        source.path = ""
        source.n_bytes = os.fstat(descriptor).st_size
        return source

    def ahead(self, jump: int) -> int:
        return FIRST_WINDOW

    def read(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._descriptor, length, offset)
            # pread stops at 2 GiB, at a signal and at the end: only the last is an error
            if len(data) < length:
                parts = [data]
                have = len(data)
                while have < length and parts[-1]:
                    parts.append(os.pread(self._descriptor, length - have, offset + have))
                    have += len(parts[-1])
                data = b"".join(parts)
        except OSError as error:
            raise UnreadableError(
                f"{self.label}: cannot be read: {system_reason(error)}"
            ) from error
        if len(data) < length:
            raise FormatError(
                too_short(self.label, offset, length, os.fstat(self._descriptor).st_size)
            )
        return data

    def __del__(self) -> None:
        if self._descriptor >= 0 and os is not None:  # modules are gone when the interpreter ends
            os.close(self._descriptor)


class ComputedSource:
    """A source whose bytes are computed when they are read; the last ones computed are kept."""

    _last: tuple[ComputedSource, bytes] | None = None

    def __init__(self, label: str, n_bytes: int, make: Callable[[], bytes]) -> None:
        self.label = label
        self.n_bytes = n_bytes
        self._make = make

    def ahead(self, jump: int) -> int:
        return 0

    def read(self, offset: int, length: int) -> bytes:
        last = ComputedSource._last
        if last is None or last[0] is not self:
            last = self, self._make()
            ComputedSource._last = last
        data = last[1][offset : offset + length]
        if len(data) < length:
            raise FormatError(
                f"{self.label}: has {self.n_bytes} bytes, {length} were asked for at {offset}"
            )
        return data


def too_short(label: str, offset: int, length: int, n_bytes: int) -> str:
    """The sentence for bytes that should be there and are not."""
    return (
        f"{label}: ends at byte {n_bytes}, {length} bytes were expected at {offset}; was the"
        " download complete?"
    )
