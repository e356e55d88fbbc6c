"""Write a lock as JSON: the contract ``onnx-params/lock/1``."""

from __future__ import annotations

from onnx_params.locking.record import SCHEMA, Lock
from onnx_params.render.text import json_text


def to_json(made: Lock) -> str:
    """A lock by the contract ``onnx-params/lock/1``."""
    document = {
        "schema": SCHEMA,
        "name": made.name,
        "model": made.model,
        "totals": made.totals,
        "structure": {
            "sha256": made.structure,
            "sha256_without_names": made.structure_without_names,
        },
        "metadata": {"sha256": made.metadata},
        "tensors": [
            {
                "name": t.name,
                "graph": t.graph,
                "place": t.place,
                "role": t.role,
                "dtype": t.dtype,
                "shape": t.shape,
                "bytes": t.n_bytes,
                "sha256": t.sha256,
            }
            for t in made.tensors
        ],
        "parameters": list(made.parameters),
    }
    return json_text(document, 1)
