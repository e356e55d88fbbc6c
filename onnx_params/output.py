"""Write a document to a file, whole or not at all."""

from __future__ import annotations

import os
import tempfile

from onnx_params.errors import UnreadableError


def write(path: str, text: str) -> None:
    """Write ``text`` beside ``path``, then move it there. Raises :class:`UnreadableError` where that folder cannot be written."""
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".")
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
