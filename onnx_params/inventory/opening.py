"""Open what a user has: a path, a URL, bytes, a file object or a loaded model."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from onnx_params.containers.artifacts import of_checkpoint, read_onnx
from onnx_params.containers.formats import is_checkpoint, open_checkpoint
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow import calls, computed, generated
from onnx_params.errors import UsageError
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


class Opened(NamedTuple):
    """An artifact that was opened, and what a report calls it if nobody says otherwise."""

    model: Model
    name: str


def open_artifact(source: Any) -> Opened:  # whatever a user has
    """Open a path, ``-``, a URL, bytes, a binary file object, a :class:`Source`, an
    ``onnx.ModelProto`` or an ``onnx_ir.Model``.

    A path may also be a checkpoint. Reads structure, no values. Raises
    :class:`~onnx_params.errors.OnnxParamsError`.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if is_checkpoint(path):
            return Opened(of_checkpoint(open_checkpoint(path)), _stem(path))
        return Opened(_onnx(open_path(path), None if path == "-" else path), _stem(path))
    opened, name = _in_memory(source)
    return Opened(_onnx(opened, None), name)


def _onnx(source: Source, path: str | None) -> Model:
    return generated.expand(computed.expand(calls.expand(read_onnx(source, path))))


def _in_memory(source: Any) -> tuple[Source, str]:  # whatever a user has
    if isinstance(source, (bytes, bytearray, memoryview)):
        return open_bytes(bytes(source)), "model"
    if hasattr(source, "SerializeToString"):
        name = source.graph.name or "model"
        return BytesSource(source.SerializeToString(), "<ModelProto>"), name
    if type(source).__module__.partition(".")[0] == "onnx_ir":
        import onnx_ir

        data = onnx_ir.to_proto(source).SerializeToString()
        return BytesSource(data, "<onnx_ir.Model>"), source.graph.name or "model"
    if all(hasattr(source, each) for each in ("label", "n_bytes", "read", "ahead")):
        return source, "model"
    if hasattr(source, "read"):
        return open_stream(source, str(getattr(source, "name", "<file>"))), "model"
    kind = type(source).__name__
    raise UsageError(f"{kind} cannot be analyzed: give a path, bytes, a file or a model")


def _stem(path: str) -> str:
    """The file's name without its endings, and without the query of a URL."""
    if path == "-":
        return "model"
    name = os.path.basename(path.partition("?")[0] if is_url(path) else path.rstrip("/"))
    return os.path.splitext(name.removesuffix(".gz"))[0] or "model"
