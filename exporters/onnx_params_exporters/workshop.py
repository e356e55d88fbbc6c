"""Make files aside and move them into place when all are done: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from onnx_params.errors import ExportError


@contextmanager
def draft_of(path: str) -> Iterator[str]:
    """A path beside which everything may be written; what lies there in the end goes to the folder
    of ``path``, and nothing where it fails.

    Raises :class:`ExportError` where there is no such folder.
    """
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ExportError(f"{path}: there is no folder {folder}")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as workshop:
        yield os.path.join(workshop, os.path.basename(path))
        # the data first: the model is never there without it
        for name in sorted(os.listdir(workshop), reverse=True):
            os.replace(os.path.join(workshop, name), os.path.join(folder, name))


@contextmanager
def folder_of(path: str) -> Iterator[str]:
    """A folder to fill, which becomes ``path`` in the end, or is gone where it fails.

    Raises :class:`ExportError` where something is there already.
    """
    above = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(above):
        raise ExportError(f"{path}: there is no folder {above}")
    if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise ExportError(f"{path}: already exists and is not an empty folder")
    with tempfile.TemporaryDirectory(dir=above, prefix=".export-") as workshop:
        draft = os.path.join(workshop, "draft")
        os.mkdir(draft)
        yield draft
        os.replace(draft, path)  # over an empty folder too


@contextmanager
def saying(reason: str) -> Iterator[None]:
    """Raise :class:`ExportError` with ``reason`` and the first line of whatever is raised inside,
    by somebody's model or library.
    """
    try:
        yield
    except Exception as error:  # they raise of every kind
        raise ExportError(f"{reason}: {str(error).strip().partition(chr(10))[0]}") from error


def calling(kind: str) -> AbstractContextManager[None]:
    """For what a model does that may refuse the inputs that it was given."""
    return saying(f"{kind}: cannot be called with these inputs")


def running(file: str) -> AbstractContextManager[None]:
    """For what onnxruntime does with an artifact."""
    return saying(f"{file}: onnxruntime cannot run it")


def checked(draft: str, path: str) -> None:
    """Raise :class:`ExportError` where onnx's checker refuses the artifact that is to be at
    ``path``.
    """
    import onnx

    try:
        onnx.checker.check_model(draft)
    except onnx.checker.ValidationError as error:
        raise ExportError(
            f"{path}: onnx's checker refuses it: {str(error).partition(chr(10))[0]}"
        ) from error
