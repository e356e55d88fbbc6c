"""Find the rows of a source map by the SHA-256 of their values, where an optimizer gave stored
tensors other names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.source_map import SourceMap
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import SWAP, Placement, Steps
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np


def placed(claims: Sequence[Claim], source_map: SourceMap, model: Model) -> list[Claim]:
    """The claims of a map; those without a place get the stored tensor that has their digest, as it
    lies or transposed.

    Reads the values of all floating-point tensors that no claim has. Raises
    :class:`MissingDataError` where they are not there.
    """
    digests = {row.name: row.sha256 for row in source_map.parameters if row.sha256 is not None}
    open_claims = [claim for claim in claims if not claim.placements and claim.name in digests]
    if not open_claims:
        return list(claims)
    taken = {placement.key for claim in claims for placement in claim.placements}
    loose = (tensor for tensor in model.tensors if tensor.key not in taken)
    found = dict(_by_digest(loose, set(digests.values())))
    return [
        claim if claim.placements else _at(claim, found.get(digests.get(claim.name, "")))
        for claim in claims
    ]


def sha256(values: np.ndarray) -> str:
    """The digest of an array's bytes, little-endian, in C order."""
    import numpy as np

    return hashlib.sha256(
        np.ascontiguousarray(values).view(np.uint8).data if values.size else b""
    ).hexdigest()


def _by_digest(
    tensors: Iterable[StoredTensor], wanted: set[str]
) -> Iterator[tuple[str, tuple[StoredTensor, Steps]]]:
    """Digest -> a stored tensor of it, and the step from there."""
    for tensor in tensors:
        if not tensor.dtype.is_float or not tensor.count:
            continue
        values = tensor.read()
        digest = sha256(values)
        if digest in wanted:
            yield digest, (tensor, ())
        elif values.ndim == 2 and (digest := sha256(values.T)) in wanted:
            yield digest, (tensor, (SWAP,))


def _at(claim: Claim, place: tuple[StoredTensor, Steps] | None) -> Claim:
    if place is None:
        return claim
    tensor, steps = place
    return replace(
        claim,
        view=View.TRANSPOSED if steps else View.WHOLE,
        stored=(tensor.key,),
        placements=(Placement(tensor.key, steps),),
        because=f"{claim.because}; the SHA-256 of '{tensor.name}' agrees",
    )
