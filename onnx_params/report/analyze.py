"""Open an artifact and make its report."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from onnx_params.containers.formats import open_checkpoint
from onnx_params.errors import UsageError
from onnx_params.idioms.source_map import read_map
from onnx_params.inventory.opening import gc_paused, open_artifact
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.take import take
from onnx_params.names.architecture import Expected
from onnx_params.report.names_from import is_stranger, named_from
from onnx_params.report.report import Report, build


def analyze(
    source: str | os.PathLike[str] | bytes | BinaryIO | Any,  # Any: onnx, onnx_ir
    *,
    name: str | None = None,
    verify: bool = False,
    reference: str | os.PathLike[str] | None = None,
    like: Sequence[Expected] | None = None,
    names_from: str | os.PathLike[str] | None = None,
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
    weights. ``names_from`` is an export of the same model before it was optimized, or a source map
    of it: its names are found by content, or by structure where the values are others.
    ``strip_prefix`` takes what a wrapper put before every name (``module.``,
    ``_orig_mod.``) off. ``stats`` reads all values and describes them. Raises
    :class:`~onnx_params.errors.OnnxParamsError`.
    """
    with gc_paused():
        opened = open_artifact(source)
        given = None if reference is None else read_map(reference)
        checkpoint = None if reference is None or given is not None else open_checkpoint(reference)
        if names_from is not None:
            inventory = named_from(names_from, opened.model, strip_prefix, progress)
            return _finished(inventory, name or opened.name, stats, progress)
        inventory = take(
            opened.model,
            verify=verify,
            checkpoint=checkpoint,
            like=like,
            source_map=given,
            strip_prefix=strip_prefix,
            progress=progress,
        )
        if checkpoint is not None:
            refuse_stranger(inventory, str(reference))
        return _finished(inventory, name or opened.name, stats, progress)


def _finished(
    inventory: Inventory, name: str, stats: bool, progress: Callable[[int], None]
) -> Report:
    """The report of an inventory, with statistics where they are asked for."""
    report = build(inventory, name)
    if not stats:
        return report
    from onnx_params.report.statistics import by_parameter

    return replace(report, stats=by_parameter(inventory, progress))


def refuse_stranger(inventory: Inventory, reference: str) -> None:
    """Raise :class:`UsageError` where a reference is another model's: hardly any of its tensors is
    in the artifact, and it explains hardly any of the artifact's.
    """
    matched = inventory.matched
    if matched is None or not is_stranger(inventory):
        return
    answers = matched.found.values()
    proved = sum(each.is_proved for each in answers)
    raise UsageError(
        f"{reference}: {proved} of its {len(answers)} tensors are in the artifact: it is"
        " another model's checkpoint, or all values changed; `audit` says what differs"
    )
