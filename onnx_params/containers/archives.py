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
from onnx_params.errors import FormatError, UnsupportedError, system_reason

MAX_MEMBERS: Final = 100_000
MAX_UNPACKED: Final = 1 << 36  # bytes
MAX_RATIO: Final = 64  # how much larger than the archive files may be: weights hardly shrink
_CHUNK: Final = 1 << 20  # bytes
_KEPT: Final[list[tempfile.TemporaryDirectory[str]]] = []  # until the process ends


def read(path: str) -> Checkpoint:
    """The weights of an archive.

    Raises :class:`FormatError` where it is damaged or has none, :class:`UnsupportedError` where
    they are too large to be unpacked.
    """
    try:
        with tarfile.open(path) as archive:
            found = _weights(path, archive)
            folder = tempfile.TemporaryDirectory(prefix="onnx-params-")
            _KEPT.append(folder)
            written = os.stat(path).st_mtime_ns
            for member in found:
                _unpack(archive, member, folder.name, written)
    except (tarfile.TarError, EOFError, OSError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else str(error)
        raise FormatError(f"{path}: is a damaged tar archive: {reason}") from error
    return replace(folders.read(folder.name), path=path)


def _weights(path: str, archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The files of weights in an archive, and the lists of their parts."""
    found = []
    for number, member in enumerate(archive):
        if number > MAX_MEMBERS:
            raise FormatError(f"{path}: has more than {MAX_MEMBERS} files; refused")
        name = os.path.basename(member.name)
        if member.isfile() and folders.is_weights(name):
            found.append(member)
    if not found:
        raise FormatError(f"{path}: is a tar archive without a file of weights")
    names = {os.path.basename(member.name) for member in found}
    if len(names) < len(found):
        raise FormatError(f"{path}: two of its files of weights have one name; unpack it")
    size = sum(member.size for member in found)
    if size > min(MAX_UNPACKED, MAX_RATIO * os.path.getsize(path)):
        raise UnsupportedError(f"{path}: its {size} bytes of weights are too many to be unpacked")
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
