"""Read binary records that stand one after the other."""

from __future__ import annotations

import struct
from typing import Any

from onnx_params.io.sources import Source
from onnx_params.io.wire import Window


class Cursor:
    """A place in a source that moves on with each record; ``at`` is where it is now.

    Reads through a small window, and never past the end: what a file claims is compared with its
    length before anything is allocated.
    """

    __slots__ = ("_window", "at", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0
        self._window = Window(source)

    def number(self, code: str) -> Any:  # an int, a float or a bool, as struct's code says
        """The number of one of struct's codes, such as ``<I``. Touches the disk.

        Raises ``ValueError`` where the source ends before.
        """
        return struct.unpack(code, self.bytes(struct.calcsize(code)))[0]

    def text(self, length: int) -> str:
        """``length`` bytes as text; what is not UTF-8 is kept as backslash escapes."""
        return self.bytes(length).decode("utf-8", "backslashreplace")

    def bytes(self, length: int) -> bytes:
        """The next ``length`` bytes. Touches the disk; raises ``ValueError`` past the end."""
        start = self.at
        self.step_over(length)
        self._window.view(start, min(start + max(length, 1), self.source.n_bytes))
        return self._window.bytes(start, start + length)

    def step_over(self, length: int) -> None:
        """Move on without reading; raises ``ValueError`` past the end."""
        if length > self.source.n_bytes - self.at:
            raise ValueError(
                f"{length} bytes were expected at byte {self.at}, the file has"
                f" {self.source.n_bytes}; was the download complete?"
            )
        self.at += length
