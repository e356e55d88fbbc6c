"""Open an artifact and make its report."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from onnx_params.containers.formats import open_checkpoint
from onnx_params.idioms.source_map import read_map
from onnx_params.inventory.opening import gc_paused, need_numpy, open_artifact
from onnx_params.inventory.take import take
from onnx_params.names.architecture import Expected
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
    and ``progress`` is called with the bytes of them that are done. It may also be a source map
    (JSON) that lies beside the artifact. ``like`` lists the parameters of an architecture without
    weights. ``strip_prefix`` takes what a wrapper put before every name (``module.``,
    ``_orig_mod.``) off. ``stats`` reads all values and describes them. Raises
    :class:`~onnx_params.errors.OnnxParamsError`.
    """
    with gc_paused():
        opened = open_artifact(source)
        if reference is not None or stats:
            need_numpy()
        given = None if reference is None else read_map(reference)
        checkpoint = None if reference is None or given is not None else open_checkpoint(reference)
        inventory = take(
            opened.model,
            verify=verify,
            checkpoint=checkpoint,
            like=like,
            source_map=given,
            strip_prefix=strip_prefix,
            progress=progress,
        )
        report = build(inventory, name or opened.name)
        if not stats:
            return report
        from onnx_params.report.statistics import by_parameter

        return replace(report, stats=by_parameter(inventory, progress))
