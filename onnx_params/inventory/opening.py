"""Open what a user has: a path, a URL, bytes, a file object or a loaded model."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from onnx_params.errors import DependencyError, UsageError
from onnx_params.io.opening import open_bytes, open_path, open_stream
from onnx_params.io.remote import is_url
from onnx_params.io.sources import BytesSource, Source


@contextmanager
def gc_paused() -> Iterator[None]:
    """Look for no garbage meanwhile: records are made by the ten thousand and none dies, and a
    third of the time would go into it.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def need_numpy() -> None:
    """Raise :class:`DependencyError` where NumPy is not installed."""
    try:
        import numpy  # noqa: F401  # for the message: what needs it is imported deep down
    except ImportError as error:
        raise DependencyError(
            "numpy is not installed, and values are to be read: pip install 'onnx-params[values]'"
        ) from error


def open_source(source: Any) -> tuple[Source, str | None, str]:  # see analyze
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return open_path(path), None if path == "-" else path, _stem(path)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return open_bytes(bytes(source)), None, "model"
    if hasattr(source, "SerializeToString"):
        return (
            BytesSource(source.SerializeToString(), "<ModelProto>"),
            None,
            source.graph.name or "model",
        )
    if type(source).__module__.partition(".")[0] == "onnx_ir":
        import onnx_ir

        proto = onnx_ir.to_proto(source)
        return (
            BytesSource(proto.SerializeToString(), "<onnx_ir.Model>"),
            None,
            source.graph.name or "model",
        )
    if hasattr(source, "read"):
        return open_stream(source, str(getattr(source, "name", "<file>"))), None, "model"
    raise UsageError(
        f"{type(source).__name__} is nothing that can be analysed: give a path, bytes, a file or a"
        " model"
    )


def _stem(path: str) -> str:
    """The file's name without its endings, and without the query of a URL."""
    if path == "-":
        return "model"
    name = os.path.basename(path.partition("?")[0] if is_url(path) else path)
    return os.path.splitext(name.removesuffix(".gz"))[0] or "model"
