"""Write a file, whole or not at all, and never over one that is read."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator

from onnx_params.errors import UnreadableError, UsageError, system_reason


def write(path: str, text: str | bytes, inputs: Iterable[str] = ()) -> None:
    """Write ``text`` beside ``path``, then move it there. Raises as :func:`write_bytes` does."""
    write_bytes(path, [text.encode() if isinstance(text, str) else text], inputs)


def write_bytes(path: str, pieces: Iterable[bytes], inputs: Iterable[str] = ()) -> None:
    """Write the pieces as they come beside ``path``, then move the file there; nothing is left
    behind where one of them fails.

    Raises :class:`UsageError` where ``path`` is one of ``inputs``, :class:`UnreadableError` where
    its folder cannot be written.
    """

    def fill(temporary: str) -> None:
        with open(temporary, "wb") as file:
            for piece in pieces:
                file.write(piece)

    write_with(path, fill, inputs)


def seen(pieces: Iterable[bytes], progress: Callable[[int], None]) -> Iterator[bytes]:
    """The pieces, each reported to ``progress`` by its length once it was taken."""
    for piece in pieces:
        yield piece
        progress(len(piece))


def write_with(path: str, fill: Callable[[str], None], inputs: Iterable[str] = ()) -> None:
    """Have ``fill`` write a temporary file with the ending of ``path``, then move that there.

    What is there and is no regular file (a device, a pipe) gets the bytes, and is never replaced.
    Raises as :func:`write_bytes` does.
    """
    refuse_overwriting([path], inputs)
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            _write_through(path, fill)
            return
        handle, temporary = tempfile.mkstemp(
            dir=os.path.dirname(path) or ".",
            prefix=".onnx-params-",
            suffix=os.path.splitext(path)[1].lower(),
        )
        os.close(handle)
        try:
            fill(temporary)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written: {system_reason(error)}") from error


def _write_through(path: str, fill: Callable[[str], None]) -> None:
    """Have ``fill`` write a temporary file, and copy that into a device or a pipe."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, os.path.basename(path) or "out")
        fill(temporary)
        with open(temporary, "rb") as made, open(path, "wb") as device:
            shutil.copyfileobj(made, device)


def refuse_overwriting(outputs: Iterable[str], inputs: Iterable[str]) -> None:
    """Raise :class:`UsageError` where an output is one of the inputs, or two outputs are one file.

    Links, hard ones too, and names that a file system does not tell apart are the same file. Empty
    paths and URLs are passed over.
    """
    listed = [path for path in outputs if path]
    for at, path in enumerate(listed):
        for other in listed[:at]:
            if is_same_file(path, other):
                raise UsageError(
                    f"{path}: is named for two outputs; name a different file for each"
                )
    for path in listed:
        for other in inputs:
            if other and is_same_file(path, other):
                raise UsageError(
                    f"{path}: is an input, which an output never overwrites; name another file"
                )


def is_same_file(one: str, two: str) -> bool:
    """Whether two paths are one file, or would be if the first were written."""
    try:
        return os.path.samefile(one, two)
    except (OSError, ValueError):  # one of them is not there yet
        pass
    folder, name = os.path.split(os.path.realpath(one))
    other_folder, other_name = os.path.split(os.path.realpath(two))
    if not _is_same_folder(folder, other_folder):
        return False
    return name == other_name or (
        name.casefold() == other_name.casefold() and _ignores_case(folder)
    )


def _is_same_folder(one: str, two: str) -> bool:
    try:
        return os.path.samefile(one, two)
    except (OSError, ValueError):
        return one == two


def _ignores_case(folder: str) -> bool:
    """Whether a folder's file system takes names that differ in case alone for one: asked by the
    folder's own name.
    """
    parent, name = os.path.split(folder)
    turned = name.swapcase()
    if turned == name:
        return False
    try:
        return os.path.samefile(folder, os.path.join(parent, turned))
    except OSError:
        return False
