"""Account for the bytes of an artifact, file by file."""

from __future__ import annotations

import os

from onnx_params.containers.onnx.graph import Model
from onnx_params.errors import FormatError
from onnx_params.inventory.record import FileBytes
from onnx_params.io.sources import FileSource
from onnx_params.tensors.stored import StoredTensor


def files_of(model: Model, tensors: list[StoredTensor]) -> tuple[tuple[FileBytes, ...], list[str]]:
    """Bytes by file.

    A byte that two tensors share counts once; spans of the model's own file must not overlap.
    """
    if model.checkpoint is not None:
        return _files_of_checkpoint(tensors), []
    own = sum(
        span.n_bytes
        for t in tensors
        for part in (t, t.indices)
        if part is not None
        for span in part.spans
    )
    if own > model.source.n_bytes:
        raise FormatError(
            f"{model.source.label}: its tensors claim {own} bytes, the file has"
            f" {model.source.n_bytes}"
        )
    files = [FileBytes(path=model.source.label, n_bytes=model.source.n_bytes, tensor_bytes=own)]
    external: dict[str, list[tuple[int, int]]] = {}
    sizes: dict[str, int | None] = {}
    for tensor in tensors:
        for part in (tensor, tensor.indices):
            if part is not None and part.external is not None:
                external.setdefault(part.external.file.path, []).append(part.external_span)
                sizes[part.external.file.path] = part.external.file.n_bytes
    missing = []
    for path, spans in external.items():
        files.append(FileBytes(path=path, n_bytes=sizes[path], tensor_bytes=_union(spans)))
        if sizes[path] is None:
            missing.append(path)
    return tuple(files), missing


def _union(spans: list[tuple[int, int]]) -> int:
    total = reached = 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, reached))
        reached = max(reached, stop)
    return total


def _files_of_checkpoint(tensors: list[StoredTensor]) -> tuple[FileBytes, ...]:
    """Bytes by file of a checkpoint; what was unpacked in memory counts as much as its file has at
    most.
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    unpacked: dict[str, int] = {}
    for tensor in tensors:
        label = tensor.source.label
        spans.setdefault(label, [])
        if isinstance(tensor.source, FileSource):
            spans[label].extend(tensor.spans)
        else:
            unpacked[label] = unpacked.get(label, 0) + tensor.n_bytes
    files = []
    for label, each in spans.items():
        size = os.path.getsize(label) if os.path.isfile(label) else None
        used = _union(each) + unpacked.get(label, 0)
        files.append(
            FileBytes(
                path=label, n_bytes=size, tensor_bytes=used if size is None else min(used, size)
            )
        )
    return tuple(files)
