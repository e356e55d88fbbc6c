"""Say whether an artifact's names are those of its reference."""

from __future__ import annotations

from collections.abc import Mapping

from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Key


def agreeing(named: Mapping[str, Claim], found: Mapping[str, Found]) -> Mapping[str, Claim]:
    """The artifact's claims under the reference's names, or none where the names are another
    network's of the same reference, alike by chance: most places that claims name then hold tensors
    of the reference that no claim names.

    Content that lies in the place of another claimed tensor was exchanged, and says nothing here.
    """
    holders: dict[Key, set[str]] = {}
    for name, each in found.items():
        for key in each.stored if each.placements and each.view is not View.CHANGED else ():
            holders.setdefault(key, set()).add(name)
    right = wrong = 0
    for name, claim in named.items():
        held = {holder for key in claim.stored for holder in holders.get(key, ())}
        if name in held:
            right += 1
        elif held and held.isdisjoint(named):
            wrong += 1
    return {} if wrong > right else named
