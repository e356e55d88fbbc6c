"""Open what a user has (a path, bytes, a file object, a loaded model) and give its report."""

from __future__ import annotations

import gc
import os
from typing import Any, BinaryIO

from onnx_params.errors import UnreadableError, UsageError
from onnx_params.inventory import take
from onnx_params.report import Report, build
from onnx_params.wire import BytesSource, FileSource, Source


def analyze(source: str | os.PathLike[str] | bytes | BinaryIO | Any, *, name: str | None = None, verify: bool = False) -> Report:  # Any: onnx, onnx_ir
    """Report on an artifact.

    ``source`` is a path, the bytes of a model, a binary file object, an ``onnx.ModelProto`` or an ``onnx_ir.Model``. ``name`` is what the
    report calls it; the file's stem if not given. ``verify`` reads values and holds them against the digests of the source map.
    Raises :class:`~onnx_params.errors.OnnxParamsError`.
    """
    collecting = gc.isenabled()
    gc.disable()  # records are made by the ten thousand and none dies: a third of the time would go into looking for garbage
    try:
        opened, path, own_name = _open(source)
        return build(take(opened, path, verify=verify), name or own_name)
    finally:
        if collecting:
            gc.enable()


def _open(source: Any) -> tuple[Source, str | None, str]:  # see analyze
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if os.path.isdir(path):
            raise UnreadableError(f"{path}: is a folder; name the .onnx file in it")
        return FileSource(path), path, os.path.splitext(os.path.basename(path))[0]
    if isinstance(source, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(source)), None, "model"
    if hasattr(source, "SerializeToString"):
        return BytesSource(source.SerializeToString(), "<ModelProto>"), None, source.graph.name or "model"
    if type(source).__module__.partition(".")[0] == "onnx_ir":
        import onnx_ir

        proto = onnx_ir.to_proto(source)
        return BytesSource(proto.SerializeToString(), "<onnx_ir.Model>"), None, source.graph.name or "model"
    if hasattr(source, "read"):
        return BytesSource(source.read(), getattr(source, "name", "<file>")), None, "model"
    raise UsageError(f"{type(source).__name__} is nothing that can be analysed: give a path, bytes, a file or a model")
