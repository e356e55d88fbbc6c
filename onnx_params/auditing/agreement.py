"""Say whether an artifact's names are those of its reference."""

from __future__ import annotations

from collections.abc import Mapping

from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found
from onnx_params.names.claim import Claim


def agreeing(named: Mapping[str, Claim], found: Mapping[str, Found]) -> Mapping[str, Claim]:
    """The artifact's claims under the reference's names; none of them where most of the content
    that was found lies elsewhere: the reference is then another implementation's, some of whose
    names are alike by chance.
    """
    right = wrong = 0
    for name, claim in named.items():
        each = found.get(name)
        if each is None or not each.placements or each.view is View.CHANGED:
            continue
        if set(claim.stored).isdisjoint(each.stored):
            wrong += 1
        else:
            right += 1
    # what other names' places hold is content of the reference as well
    proved = (each for each in found.values() if each.placements and _is_found(each))
    places = {key for each in proved for key in each.stored}
    absent = [claim for name, claim in named.items() if not _is_found(found.get(name))]
    wrong += sum(not places.isdisjoint(claim.stored) for claim in absent)
    return named if right >= wrong else {}


def _is_found(found: Found | None) -> bool:
    return found is not None and bool(found.stored) and found.view is not View.CHANGED
