"""Attest what an artifact is, tensor by tensor.

A lock has the SHA-256 of every stored tensor's values, however they are encoded, and of the
structure, so that a rename, a re-save and a change of values are three different answers.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from onnx_params.errors import UnsupportedError
from onnx_params.inventory.opening import open_artifact
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.take import take
from onnx_params.io.freshness import unchanged
from onnx_params.locking.record import Lock, Locked
from onnx_params.locking.structure import digest_of, lines_of, places_of, spot_of
from onnx_params.report import report
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps_json import to_json as piece_to_json
from onnx_params.tensors.stored import StoredTensor

CHUNK: Final = 1 << 20


def lock(path: str, *, progress: Callable[[int], None] = lambda n_bytes: None) -> Lock:
    """Digest an artifact.

    Reads all values, in chunks. Raises :class:`FormatError` where a file changes meanwhile.
    """
    started = time.time_ns()
    model, name = open_artifact(path)
    inventory = take(model)
    places = places_of(model)
    tensors = []
    for tensor, classification in inventory.classified:
        digest = sha256(tensor)
        progress(tensor.n_bytes)
        row = (
            tensor.name,
            tensor.place.graph,
            places.get(spot_of(tensor), ""),
            classification.role.value,
            tensor.dtype.name,
            tensor.shape,
            tensor.n_bytes,
            digest,
        )
        tensors.append(Locked(*row))
    made = report.build(inventory, name)
    unchanged([path, *(file.path for file in inventory.files)], started)
    return Lock(
        name=name,
        model={
            "ir_version": model.ir_version,
            "producer_name": model.producer_name,
            "producer_version": model.producer_version,
            "opsets": [{"domain": domain, "version": version} for domain, version in model.opsets],
            "files": [
                {"name": os.path.basename(file.path), "bytes": file.n_bytes}
                for file in inventory.files
            ],
        },
        totals={
            "layers": made.layers,
            "parameters": made.parameters,
            "stored_parameters": made.stored_parameters,
            "bytes": made.n_bytes,
        },
        structure=digest_of(lines_of(model, named=True)),
        structure_without_names=digest_of(lines_of(model, named=False)),
        metadata=digest_of(
            f"{key}={value}" for key, value in sorted(model.read_metadata().items())
        ),
        tensors=tuple(tensors),
        parameters=tuple(_parameters(inventory)),
        files=tuple(inventory.input_paths()),
    )


def sha256(tensor: StoredTensor) -> str:
    """The digest of a tensor's values, whatever their encoding: little-endian, a byte for an
    element of fewer than 8 bits. Reads them in chunks.
    """
    import numpy as np

    from onnx_params.tensors import decode
    from onnx_params.tensors.chunks import in_place

    digest = hashlib.sha256()
    place = in_place(tensor)
    if place is not None:
        source, start, dtype = place
        size = tensor.count * dtype.itemsize
        for at in range(0, size, CHUNK):
            digest.update(source.read(start + at, min(CHUNK, size - at)))
        return digest.hexdigest()
    if tensor.encoding is Encoding.OPAQUE:
        digest.update(decode.packed(tensor).tobytes())
        return digest.hexdigest()
    try:
        array = tensor.read()
    except UnsupportedError:
        return digest.hexdigest()
    if array.dtype == object:
        for item in array.reshape(-1):
            digest.update(len(item).to_bytes(8, "little") + bytes(item))
    elif array.size:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _parameters(inventory: Inventory) -> Iterator[dict[str, Any]]:  # JSON
    for claim in inventory.parameters:
        yield {
            "name": claim.name,
            "shape": claim.shape,
            "dtype": claim.dtype,
            "evidence": claim.evidence.value,
            "certain": claim.certain,
            "view": claim.view.value,
            "stored": [key[1] for key in claim.stored],
            "aliases": list(claim.aliases),
            "pieces": [piece_to_json(placement, {}) for placement in claim.placements],
        }
