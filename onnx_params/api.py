"""Open what a user has (a path, bytes, a file object, a loaded model) and give its report."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import DependencyError, UsageError
from onnx_params.inventory.inventory import take
from onnx_params.io.opening import is_url, open_bytes, open_path, open_stream
from onnx_params.io.wire import BytesSource, Source
from onnx_params.names.architecture import Expected
from onnx_params.names.source_map import read_map
from onnx_params.report.report import Report, build


def analyze(
    source: str | os.PathLike[str] | bytes | BinaryIO | Any,  # Any: onnx, onnx_ir
    *,
    name: str | None = None,
    verify: bool = False,
    reference: str | os.PathLike[str] | None = None,
    like: Sequence[Expected] | None = None,
    strip_prefix: bool = False,
    stats: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Report:
    """Report on an artifact.

    ``source`` is a path, ``-`` for stdin, a URL that fsspec knows, the bytes of a model, a binary
    file object, an ``onnx.ModelProto`` or an ``onnx_ir.Model``. ``name`` is what the report calls
    it; the file's stem if not given. ``verify`` reads values and holds them against the digests of
    the source map. ``reference`` is a checkpoint (safetensors, an index of them, a torch zip, an
    npz, a folder): names are then its own, found and proved by content; all its values are read,
    and ``progress`` is told how many bytes of them are done. It may also be a source map (JSON)
    that lies beside the artifact. ``like`` lists the parameters of an architecture without weights.
    ``strip_prefix`` takes what a wrapper put before every name (``module.``, ``_orig_mod.``) off.
    ``stats`` reads all values and describes them. Raises
    :class:`~onnx_params.errors.OnnxParamsError`.
    """
    with uncollected():
        opened, path, own_name = open_source(source)
        if reference is not None or stats:
            need_numpy()
        given = None if reference is None else read_map(reference)
        checkpoint = None if reference is None or given is not None else open_checkpoint(reference)
        inventory = take(
            opened,
            path,
            verify=verify,
            checkpoint=checkpoint,
            like=like,
            source_map=given,
            strip_prefix=strip_prefix,
            progress=progress,
        )
        report = build(inventory, name or own_name)
        if not stats:
            return report
        from onnx_params.report.statistics import by_parameter

        return replace(report, stats=by_parameter(inventory, progress))


@contextmanager
def uncollected() -> Iterator[None]:
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
