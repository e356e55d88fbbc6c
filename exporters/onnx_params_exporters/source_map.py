"""Write the list of original parameters into an artifact: names, shapes, types, digests, ties, order, and where each one is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from onnx_params.errors import OnnxParamsError
from onnx_params.layout import to_json
from onnx_params.names.claims import Claim
from onnx_params.names.source_map import SCHEMA
from onnx_params.names.words import SOURCE_MAP_KEY
from onnx_params.parse import Parser
from onnx_params.wire import FileSource


class Original(NamedTuple):
    """One parameter or buffer as its framework holds it. ``data`` are its little-endian bytes in C order."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: bytes
    aliases: tuple[str, ...] = ()


def write(path: str, framework: str, exporter: str, parameters: Iterable[Original], buffers: Iterable[Original]) -> None:
    """Add the source map to ``metadata_props`` of the model at ``path``, beside which its external data stays untouched."""
    whole, turned = _digests(path)
    document = {
        "schema": SCHEMA,
        "framework": framework,
        "exporter": exporter,
        "parameters": [_row(original, whole, turned) for original in parameters],
        "buffers": [_row(original, whole, turned) for original in buffers],
    }
    _add(path, document)


def write_claims(path: str, framework: str, exporter: str, claims: Iterable[Claim]) -> None:
    """Add a source map whose rows were found in the artifact already: each claim's name, shape, and where it lies."""
    rows: list[dict[str, Any]] = []
    for claim in claims:
        row: dict[str, Any] = {"name": claim.name, "shape": None if claim.shape is None else list(claim.shape), "dtype": claim.dtype, "view": claim.view.value}
        if claim.pieces:
            row["pieces"] = [to_json(piece, {}) for piece in claim.pieces]
        elif claim.stored:
            row["stored"] = claim.stored[0][1]
        if claim.aliases:
            row["aliases"] = list(claim.aliases)
        if not claim.certain:
            row["certain"] = False
        rows.append(row)
    _add(path, {"schema": SCHEMA, "framework": framework, "exporter": exporter, "parameters": rows, "buffers": []})


def _add(path: str, document: dict[str, Any]) -> None:  # JSON
    import onnx

    model = onnx.load(path, load_external_data=False)
    onnx.helper.set_model_props(model, {**{p.key: p.value for p in model.metadata_props}, SOURCE_MAP_KEY: json.dumps(document)})
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        file.write(model.SerializeToString())
    os.replace(temporary, path)


def _digests(path: str) -> tuple[dict[tuple[str, tuple[int, ...]], str], dict[tuple[str, tuple[int, ...]], str]]:
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
        whole.setdefault((hashlib.sha256(np.ascontiguousarray(values)).hexdigest(), tensor.shape), tensor.name)
        if values.ndim == 2:
            turned.setdefault((hashlib.sha256(np.ascontiguousarray(values.T)).hexdigest(), tensor.shape[::-1]), tensor.name)
    return whole, turned


def _row(original: Original, whole: dict[tuple[str, tuple[int, ...]], str], turned: dict[tuple[str, tuple[int, ...]], str]) -> dict[str, Any]:
    digest = hashlib.sha256(original.data).hexdigest()
    row: dict[str, Any] = {"name": original.name, "shape": list(original.shape), "dtype": original.dtype, "sha256": digest}
    if original.aliases:
        row["aliases"] = list(original.aliases)
    key = digest, original.shape
    if key in whole:
        row["stored"] = whole[key]
        row["view"] = "whole" if whole[key] in (original.name, *original.aliases) else "merged"
    elif key in turned:
        row["stored"], row["view"] = turned[key], "transposed"
    return row
