"""Read the weights in a tar archive: what NeMo saves (``.nemo``), and what is shipped to a server
(``model.tar.gz``).

The files of weights are unpacked into a folder that is removed when the process ends; nothing else
of the archive is.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from dataclasses import replace
from typing import Final

from onnx_params.containers import folders
from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.strided import ZIP_ERRORS
from onnx_params.errors import FormatError, OnnxParamsError, UnsupportedError, system_reason

MAX_MEMBERS: Final = 100_000
MAX_UNPACKED: Final = 1 << 36  # bytes
MAX_RATIO: Final = 64  # how much larger than the archive files may be: weights hardly shrink
_MAGIC: Final = b"ustar"
_MAGIC_AT: Final = 257
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
# what tarfile and the decompressors raise of a damaged archive
_DAMAGED: Final[tuple[type[Exception], ...]] = (
    *ZIP_ERRORS,
    tarfile.TarError,
    OverflowError,
    RecursionError,
)
_CHUNK: Final = 1 << 20  # bytes
_KEPT: Final[list[tempfile.TemporaryDirectory[str]]] = []  # until the process ends


def read(path: str) -> Checkpoint:
    """The weights of an archive.

    Raises :class:`FormatError` where it is damaged or has none, :class:`UnsupportedError` where
    they are too large to be unpacked.
    """
    folder = tempfile.TemporaryDirectory(prefix="onnx-params-")
    try:
        with tarfile.open(path) as archive:
            written = os.stat(path).st_mtime_ns
            for member in _weights(path, archive):
                _unpack(archive, member, folder.name, written)
        found = folders.below(folder.name)
    except _DAMAGED as error:
        folder.cleanup()
        reason = system_reason(error) if isinstance(error, OSError) else type(error).__name__
        raise FormatError(f"{path}: is a damaged tar archive: {reason}") from error
    except OnnxParamsError as error:
        folder.cleanup()
        raise type(error)(str(error).replace(folder.name, path)) from error
    _KEPT.append(folder)
    return replace(found, path=path)


def is_it(path: str, head: bytes) -> bool:
    """Whether a file is a tar archive, perhaps a compressed one, by its first bytes; then by what
    it says of its first member.
    """
    with open(path, "rb") as file:
        begins = file.read(_MAGIC_AT + len(_MAGIC))
    is_plain = begins[_MAGIC_AT:] == _MAGIC
    try:
        return is_plain or (head.startswith(_COMPRESSED) and tarfile.is_tarfile(path))
    except _DAMAGED:
        return False


def _weights(path: str, archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The files of weights in an archive, and the lists of their parts."""
    found = []
    most = min(MAX_UNPACKED, MAX_RATIO * os.path.getsize(path))
    for number, member in enumerate(archive):
        if number > MAX_MEMBERS:
            raise FormatError(f"{path}: has more than {MAX_MEMBERS} files; refused")
        if member.offset_data + member.size > most:
            raise UnsupportedError(f"{path}: unpacks to more than {most} bytes; refused")
        name = os.path.basename(member.name)
        if member.isfile() and folders.is_weights(name):
            found.append(member)
    if not found:
        raise FormatError(f"{path}: is a tar archive without a file of weights")
    names = {os.path.basename(member.name) for member in found}
    if len(names) < len(found):
        raise FormatError(f"{path}: two of its files of weights have one name; unpack it")
    return found


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: str, written: int) -> None:
    """Write one file into a folder, under the last part of its name, as old as the archive:
    ``written``, in nanoseconds since 1970.
    """
    source = archive.extractfile(member)
    if source is None:
        raise tarfile.TarError(f"'{member.name}' is no file")
    path = os.path.join(folder, os.path.basename(member.name))
    with source, open(path, "xb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
    os.utime(path, ns=(written, written))
