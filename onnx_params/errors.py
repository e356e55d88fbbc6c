"""Name what can go wrong, so that one class catches it and one line says it.

::

    OnnxParamsError
    ├── UsageError         the call makes no sense: unknown format, no such tensor
    ├── UnreadableError    the file cannot be opened: missing, a folder, no permission
    ├── FormatError        the bytes are not what they should be: truncated, hostile, inconsistent
    ├── MissingDataError   values were asked for, and the file that contains them does not exist
    ├── UnsupportedError   correct, and not handled: the message says what and why
    ├── DependencyError    a package is not installed: the message is the line that installs it
    └── ExportError        an exporter could not make the artifact, or the artifact does not do what
                           the model does
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from onnx_params.plain import plain


class OnnxParamsError(Exception):
    """Base of every error that this package raises on purpose; its text is one line for the user,
    whatever names stand in it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain(message))


class UsageError(OnnxParamsError):
    """The call makes no sense."""


class UnreadableError(OnnxParamsError):
    """The file cannot be opened."""


class FormatError(OnnxParamsError):
    """The bytes are not the ONNX that they should be."""


class MissingDataError(OnnxParamsError):
    """Values were asked for and the file that holds them is not there."""


class UnsupportedError(OnnxParamsError):
    """Correct input that is not handled."""


class DependencyError(OnnxParamsError):
    """A package that this call needs is not installed."""

    @classmethod
    def of(cls, what: str, package: str, extra: str) -> Self:
        """The error that ``what`` needs a package, and how to install it from wherever this was."""
        return cls(f"{what} needs {package}: pip install {package} (the extra '{extra}' has it)")


class ExportError(OnnxParamsError):
    """An exporter could not make the artifact, or the artifact disagrees with its model."""


def system_reason(error: Exception) -> str:
    """What the operating system says of an error, in lower case: ``no such file or directory``."""
    return (getattr(error, "strerror", None) or str(error)).lower()


@contextmanager
def content_errors(where: str) -> Iterator[None]:
    """Turn what NumPy and Python raise on a file's content into :class:`FormatError`.

    ``where`` names the file and the tensor. This is the border: inside it a stranger's numbers are
    evaluated, outside it only errors of :class:`OnnxParamsError` leave.
    """
    try:
        yield
    except (ArithmeticError, BufferError, LookupError, MemoryError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise FormatError(f"{where}: its values cannot be evaluated: {reason}") from error
