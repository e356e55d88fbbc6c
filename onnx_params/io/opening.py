"""Open what a user names: a file, a pipe, ``-``, gzip, or any URL that fsspec knows, read by
ranges.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Any, BinaryIO, Final

from onnx_params.errors import DependencyError, FormatError, UnreadableError
from onnx_params.io.wire import BytesSource, FileSource, Source, too_short

PAGE: Final = 4096  # bytes: remote ranges begin and end at multiples
FIRST_RANGE: Final = 1 << 16  # bytes of the first request
# after a jump over n bytes, n / SHARE are fetched: less than one per cent of what was skipped
SHARE: Final = 128
LONGEST_AFTER_JUMP: Final = 1 << 17
GZIP: Final = b"\x1f\x8b"
RATIO: Final = 100  # times its own size that a compressed file may unpack to, and
ALLOWANCE: Final = 1 << 26  # bytes beyond that
CHUNK: Final = 1 << 20


class RemoteSource:
    """A file behind a URL. Pages that were fetched are kept, so that nothing is fetched twice."""

    def __init__(self, url: str) -> None:
        self.label = self.url = url
        self.requests = 0
        self.fetched = 0
        self.notes: list[str] = []
        self._pages: dict[int, bytes] = {}
        self._whole: bytes | None = None
        try:
            import fsspec
        except ImportError as error:
            raise DependencyError(
                "remote files need fsspec: pip install 'onnx-params[remote]'"
            ) from error
        try:
            self._system, self._path = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise DependencyError(f"{url}: {str(error).partition(chr(10))[0]}") from error
        except Exception as error:  # each file system has kinds of its own
            raise UnreadableError(f"{url}: cannot be read: {_told(error)}") from error
        size = self._ask(lambda: self._system.info(self._path)).get("size")
        if size is None:
            self._take_whole(self._ask(lambda: self._system.cat_file(self._path)))
        else:
            self.n_bytes = int(size)

    def read(self, offset: int, length: int) -> bytes:
        stop = offset + length
        if stop > self.n_bytes:
            raise FormatError(too_short(self.label, offset, length, self.n_bytes))
        if self._whole is None:
            first, last = offset // PAGE, (max(stop, offset + 1) - 1) // PAGE
            missing = [page for page in range(first, last + 1) if page not in self._pages]
            if missing:
                self._fetch(missing[0] * PAGE, min((missing[-1] + 1) * PAGE, self.n_bytes))
            if self._whole is None:
                data = b"".join(self._pages[page] for page in range(first, last + 1))
                return data[offset - first * PAGE : stop - first * PAGE]
        assert self._whole is not None
        return self._whole[offset:stop]

    def ahead(self, jump: int) -> int:
        return FIRST_RANGE if not jump else max(PAGE, min(LONGEST_AFTER_JUMP, jump // SHARE))

    def _fetch(self, start: int, stop: int) -> None:
        data = self._ask(lambda: self._system.cat_file(self._path, start, stop))
        if len(data) == self.n_bytes != stop - start:
            self._take_whole(data)
            return
        if len(data) != stop - start:
            raise FormatError(
                f"{self.label}: bytes {start} to {stop} were asked for, {len(data)} came; did the"
                " file change?"
            )
        for at in range(0, len(data), PAGE):
            self._pages[(start + at) // PAGE] = data[at : at + PAGE]

    def _take_whole(self, data: bytes) -> None:
        self._whole = data
        self.n_bytes = len(data)
        self.notes.append(f"the server gives no ranges: all {len(data)} bytes were fetched")

    def _ask(self, call: Any) -> Any:  # whatever the file system answers
        self.requests += 1
        try:
            answer = call()
        except Exception as error:  # each file system has kinds of its own
            raise UnreadableError(f"{self.url}: cannot be read: {_told(error)}") from error
        if isinstance(answer, bytes):
            self.fetched += len(answer)
        return answer


def _told(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return str(error).strip().partition("\n")[0] or type(error).__name__


def is_url(path: str) -> bool:
    """Whether a path is for fsspec: a scheme and two slashes."""
    return "://" in path


def open_path(path: str) -> Source:
    """Open a path, ``-`` or a URL; compressed files are unpacked.

    Raises :class:`UnreadableError`, :class:`DependencyError`.
    """
    if path == "-":
        return open_stream(sys.stdin.buffer, "<stdin>")
    if is_url(path):
        return _unpacked(RemoteSource(path))
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise UnreadableError(
            f"{path}: cannot be read: {(getattr(error, 'strerror', None) or str(error)).lower()}"
        ) from error
    if stat.S_ISDIR(mode):
        raise UnreadableError(f"{path}: is a folder; name the .onnx file in it")
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise UnreadableError(f"{path}: is a device or a socket; name a file")
    if stat.S_ISFIFO(mode):
        try:
            with open(path, "rb", opener=_without_waiting) as pipe:
                return open_stream(pipe, path)
        except OSError as error:
            raise UnreadableError(
                f"{path}: cannot be read: {(error.strerror or str(error)).lower()}"
            ) from error
    return _unpacked(FileSource(path))


def _without_waiting(path: str, flags: int) -> int:
    """Open a pipe that no one may be writing to, then wait for what is written."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(descriptor, True)
    return descriptor


def open_stream(stream: BinaryIO, label: str) -> Source:
    """All that a stream has, in memory."""
    try:
        data = stream.read()
    except OSError as error:
        raise UnreadableError(
            f"{label}: cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    if not isinstance(data, bytes):
        raise UnreadableError(f"{label}: gives text, not bytes; open it in binary mode")
    return _unpacked(BytesSource(data, label))


def open_bytes(data: bytes, label: str = "<bytes>") -> Source:
    """Bytes, unpacked if they are compressed."""
    return _unpacked(BytesSource(data, label))


def _unpacked(source: Source) -> Source:
    """The source, or if it is compressed a temporary file without a name that holds what it unpacks
    to.
    """
    if source.n_bytes < 2 or source.read(0, 2) != GZIP:
        return source
    import tempfile
    import zlib  # neither is paid for by a report on a plain file

    limit = RATIO * source.n_bytes + ALLOWANCE
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    done = 0
    with tempfile.TemporaryFile() as file:
        try:
            for start in range(0, source.n_bytes, CHUNK):
                data = source.read(start, min(CHUNK, source.n_bytes - start))
                while data:
                    if unpacker.eof:  # gzip files may follow one another in one
                        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
                    piece = unpacker.decompress(data, CHUNK)
                    data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                    done += file.write(piece)
                    if done > limit:
                        raise FormatError(
                            f"{source.label}: unpacks to more than {RATIO} times its size: refused;"
                            " unpack it first"
                        )
        except zlib.error as error:
            raise FormatError(f"{source.label}: is damaged gzip: {str(error).lower()}") from error
        if not unpacker.eof:
            raise FormatError(
                f"{source.label}: its gzip data ends early; was the download complete?"
            )
        file.flush()
        return FileSource.of(os.dup(file.fileno()), source.label)
