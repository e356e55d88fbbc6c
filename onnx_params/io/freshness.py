"""Notice files that are written to while they are read."""

from __future__ import annotations

import os
from collections.abc import Iterable

from onnx_params.errors import FormatError
from onnx_params.io.remote import is_url


def unchanged(paths: Iterable[str], started: int) -> None:
    """Raise :class:`FormatError` where a local file was written to after ``started`` (nanoseconds
    since 1970).
    """
    for path in dict.fromkeys(paths):
        if not is_url(path) and os.path.isfile(path) and os.stat(path).st_mtime_ns > started:
            raise FormatError(
                f"{path}: changed while it was read; try again when nothing writes to it"
            )
