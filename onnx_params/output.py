"""Write a file, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

from onnx_params.errors import UnreadableError


def write(path: str, text: str) -> None:
    """Write ``text`` beside ``path``, then move it there. Raises :class:`UnreadableError` where that folder cannot be written."""
    write_bytes(path, [text.encode()])


def write_bytes(path: str, pieces: Iterable[bytes]) -> None:
    """Write the pieces as they come beside ``path``, then move the file there; nothing is left behind where one of them cannot be had."""
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".onnx-params-")
        try:
            with open(handle, "wb") as file:
                for piece in pieces:
                    file.write(piece)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
