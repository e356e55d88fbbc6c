"""Write the list of original parameters into an artifact: names, shapes, types, digests, ties,
order, and where each one is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, NamedTuple

import numpy as np

from onnx_params.containers.onnx.parse import Parser
from onnx_params.errors import OnnxParamsError
from onnx_params.idioms.source_map import KEY as SOURCE_MAP_KEY
from onnx_params.idioms.source_map import SCHEMA
from onnx_params.io.sources import FileSource
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps_json import to_json


class Original(NamedTuple):
    """One parameter or buffer as its framework holds it.

    ``data`` are its little-endian bytes in C order.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: bytes
    aliases: tuple[str, ...] = ()


def write(
    path: str,
    framework: str,
    exporter: str,
    parameters: Iterable[Original],
    buffers: Iterable[Original],
    find: Callable[[], Mapping[str, Claim]] | None = None,
) -> None:
    """Add the source map to ``metadata_props`` of the model at ``path``, beside which its external
    data stays untouched.

    ``find`` says where those lie that are stored under no digest of theirs; it is asked where there
    are such.
    """
    whole, turned = _digests(path)
    originals, buffers = list(parameters), list(buffers)
    digests = {
        original.name: (hashlib.sha256(original.data).hexdigest(), original.shape)
        for original in (*originals, *buffers)
    }
    shared = {key for key, count in Counter(digests.values()).items() if count > 1}

    missing = any(
        digests[original.name] not in whole and digests[original.name] not in turned
        for original in originals
    )
    found = find() if find is not None and missing else {}

    def row(original: Original, places: Mapping[str, Claim]) -> dict[str, Any]:  # JSON
        return _row(original, digests[original.name], whole, turned, shared, places)

    document = {
        "schema": SCHEMA,
        "framework": framework,
        "exporter": exporter,
        "parameters": [row(original, found) for original in originals],
        "buffers": [row(buffer, {}) for buffer in buffers],
    }
    _add(path, document)


def write_claims(
    path: str, framework: str, exporter: str, claims: Iterable[Claim], buffers: Iterable[Claim] = ()
) -> None:
    """Add a source map whose rows were found in the artifact already: each claim's name, shape, and
    where it lies.
    """
    document = {
        "schema": SCHEMA,
        "framework": framework,
        "exporter": exporter,
        "parameters": [_row_of(claim) for claim in claims],
        "buffers": [_row_of(claim) for claim in buffers],
    }
    _add(path, document)


def _row_of(claim: Claim) -> dict[str, Any]:  # JSON
    row: dict[str, Any] = {
        "name": claim.name,
        "shape": None if claim.shape is None else list(claim.shape),
        "dtype": claim.dtype,
        **_place(claim),
    }
    if claim.aliases:
        row["aliases"] = list(claim.aliases)
    if not claim.certain:
        row["certain"] = False
    return row


def _place(claim: Claim) -> dict[str, Any]:  # JSON
    """Where a claim says that a parameter lies."""
    if claim.placements:
        return {
            "view": claim.view.value,
            "axis": claim.axis,
            "pieces": [to_json(placement, {}) for placement in claim.placements],
        }
    return {"view": claim.view.value, **({"stored": claim.stored[0][1]} if claim.stored else {})}


def _add(path: str, document: dict[str, Any]) -> None:  # JSON
    import onnx

    model = onnx.load(path, load_external_data=False)
    onnx.helper.set_model_props(
        model,
        {**{p.key: p.value for p in model.metadata_props}, SOURCE_MAP_KEY: json.dumps(document)},
    )
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        file.write(model.SerializeToString())
    os.replace(temporary, path)


def _digests(
    path: str,
) -> tuple[dict[tuple[str, tuple[int, ...]], str], dict[tuple[str, tuple[int, ...]], str]]:
    """Stored names by (digest, shape), as they lie and transposed."""
    whole: dict[tuple[str, tuple[int, ...]], str] = {}
    turned: dict[tuple[str, tuple[int, ...]], str] = {}
    for tensor in Parser(FileSource(path), path).model().main.tensors:
        if not tensor.dtype.is_float:
            continue
        try:
            values = tensor.read()
        except OnnxParamsError:
            continue
        whole.setdefault(
            (hashlib.sha256(np.ascontiguousarray(values).data).hexdigest(), tensor.shape),
            tensor.name,
        )
        if values.ndim == 2:
            turned.setdefault(
                (
                    hashlib.sha256(np.ascontiguousarray(values.T).data).hexdigest(),
                    tensor.shape[::-1],
                ),
                tensor.name,
            )
    return whole, turned


def _row(
    original: Original,
    key: tuple[str, tuple[int, ...]],
    whole: Mapping[tuple[str, tuple[int, ...]], str],
    turned: Mapping[tuple[str, tuple[int, ...]], str],
    shared: Set[tuple[str, tuple[int, ...]]],
    found: Mapping[str, Claim],
) -> dict[str, Any]:  # JSON
    row: dict[str, Any] = {
        "name": original.name,
        "shape": list(original.shape),
        "dtype": original.dtype,
        "sha256": key[0],
    }
    if original.aliases:
        row["aliases"] = list(original.aliases)
    if key in whole:
        own = whole[key] in (original.name, *original.aliases)
        row |= {"stored": whole[key], "view": "merged" if key in shared and not own else "whole"}
    elif key in turned:
        row |= {"stored": turned[key], "view": "transposed"}
    elif original.name in found and found[original.name].certain:
        row |= _place(found[original.name])
    return row
