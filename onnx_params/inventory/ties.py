"""Join the claims on parameters that lie in an artifact twice, and part those that share
a tensor.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.torchscript import is_made_up
from onnx_params.matching import duplicates
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor


def tied(
    claims: list[Claim], parameter_tensors: dict[Key, StoredTensor], model: Model
) -> list[Claim]:
    """The claims, where what lies in the file twice is one parameter, and what two parameters share
    is two.
    """
    # parts, or several that were folded into one
    shared = {
        key for key, count in Counter(claim.stored[0] for claim in claims).items() if count > 1
    }
    copies = duplicates.transposed(
        parameter_tensors[claim.stored[0]] for claim in claims if claim.stored[0] not in shared
    )
    by_key = {claim.stored[0]: claim for claim in claims if claim.stored[0] not in shared}
    for copy, first in copies.items():
        was, other = by_key[first], by_key[copy]
        because = f"{was.because}; '{other.name}' is a transposed copy of it"
        by_key[first] = replace(
            was, stored=(*was.stored, copy), aliases=(*was.aliases, other.name), because=because
        )
    claims = [
        by_key.get(claim.stored[0], claim) for claim in claims if claim.stored[0] not in copies
    ]
    if not any(
        node.op_type == "Identity" for graph in model.graphs.values() for node in graph.nodes
    ):
        return claims
    found: list[Claim] = []
    for claim in claims:
        key = claim.stored[0]
        twins = duplicates.behind_identities(model, parameter_tensors[key], _is_module_name)
        same = tuple(twin.name for twin in twins if twin.same)
        found.append(replace(claim, aliases=(*claim.aliases, *same)) if same else claim)
        for twin in twins:
            if not twin.same:
                because = (
                    f"an Identity gives it the numbers of '{claim.name}', which are all the same:"
                    " two parameters may well share them"
                )
                found.append(
                    replace(claim, name=twin.name, certain=False, because=because, view=View.MERGED)
                )
    return found


def _is_module_name(name: str) -> bool:
    return "." in name and not is_made_up(name)
