"""Open what a user names: a file, a pipe, ``-``, gzip, or any URL that fsspec knows."""

from __future__ import annotations

import os
import stat
import sys
from typing import BinaryIO, Final

from onnx_params.errors import FormatError, UnreadableError, system_reason
from onnx_params.io.remote import RemoteSource, is_url
from onnx_params.io.sources import BytesSource, FileSource, Source

GZIP: Final = b"\x1f\x8b"


RATIO: Final = 100  # times its own size that a compressed file may unpack to, and


ALLOWANCE: Final = 1 << 26  # bytes beyond that


CHUNK: Final = 1 << 20


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
        raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error
    if stat.S_ISDIR(mode):
        raise UnreadableError(f"{path}: is a folder; name the .onnx file in it")
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise UnreadableError(f"{path}: is a device or a socket; name a file")
    if stat.S_ISFIFO(mode):
        try:
            with open(path, "rb", opener=_without_waiting) as pipe:
                return open_stream(pipe, path)
        except OSError as error:
            raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error
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
        raise UnreadableError(f"{label}: cannot be read: {system_reason(error)}") from error
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
