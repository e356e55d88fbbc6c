"""Write an attestation as a CycloneDX 1.6 bill of materials: the model as a component, each stored
tensor as a part of it with its digest.

Source: https://cyclonedx.org/docs/1.6/json/ (component, modelCard, hashes, properties). Counts are
properties: the model card has no place for them.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from onnx_params.locking.record import Lock, Locked
from onnx_params.plain import plain
from onnx_params.render.text import json_text
from onnx_params.version import __version__

_PREFIX: Final = "onnx-params"
# of our serial numbers: the same lock gives the same document
_NAMESPACE: Final = uuid.UUID("6f0dc3a1-4c3d-5d3c-9c05-0a7d4b6b7a55")


def render(made: Lock) -> str:
    """The document as text, the same for the same artifact."""
    return json_text(document(made), 1)


def document(made: Lock) -> dict[str, Any]:  # JSON
    tensors = [_tensor(at, tensor) for at, tensor in enumerate(made.tensors)]
    digest = uuid.uuid5(
        _NAMESPACE, "".join([made.structure, *(tensor.sha256 for tensor in made.tensors)])
    )
    producer = f"{made.model['producer_name']} {made.model['producer_version']}".strip()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{digest}",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [
                    {"type": "application", "name": "onnx-params", "version": __version__}
                ]
            }
        },
        "components": [
            {
                "type": "machine-learning-model",
                "bom-ref": "model",
                "name": plain(made.name),
                "hashes": [{"alg": "SHA-256", "content": made.structure}],
                "modelCard": {
                    "modelParameters": {},
                    "properties": _properties(
                        {f"totals:{key}": value for key, value in made.totals.items()}
                    ),
                },
                "properties": _properties(
                    {
                        "ir-version": made.model["ir_version"],
                        "producer": plain(producer),
                        **{
                            f"opset:{plain(row['domain']) or 'ai.onnx'}": row["version"]
                            for row in made.model["opsets"]
                        },
                        "hash-of": "structure: nodes, attributes, names",
                    }
                ),
                "components": tensors,
            }
        ],
    }


def _tensor(at: int, tensor: Locked) -> dict[str, Any]:  # JSON
    return {
        "type": "data",
        "bom-ref": f"tensor-{at}",
        "name": plain(tensor.name) or f"tensor-{at}",
        "hashes": [{"alg": "SHA-256", "content": tensor.sha256}],
        "properties": _properties(
            {
                "role": tensor.role,
                "dtype": tensor.dtype,
                "shape": ",".join(map(str, tensor.shape)),
                "bytes": tensor.n_bytes,
                "graph": plain(tensor.graph),
            }
        ),
    }


def _properties(held: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": f"{_PREFIX}:{key}", "value": str(value)} for key, value in held.items()]
