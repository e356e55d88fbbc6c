"""Name what can go wrong, so that one class catches it and one line tells it.

OnnxParamsError
├── UsageError         the call makes no sense: unknown format, no such tensor
├── UnreadableError    the file cannot be opened: missing, a folder, no permission
├── FormatError        the bytes are not the ONNX that they should be: truncated, hostile, inconsistent
├── MissingDataError   values were asked for and the file that holds them is not there
├── UnsupportedError   correct, and not handled: the message says what and why
├── DependencyError    a package is not installed: the message is the line that installs it
└── ExportError        an exporter could not make the artifact, or the artifact does not do what the model does
"""

from __future__ import annotations

from onnx_params.plain import plain


class OnnxParamsError(Exception):
    """Base of every error that this package raises on purpose; its text is one line for the user, whatever names stand in it."""

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


class ExportError(OnnxParamsError):
    """An exporter could not make the artifact, or the artifact disagrees with its model."""
