"""Ask what says, besides the numbers, that something was computed from a parameter.

A weight that was replaced by a formula of itself is a fault like any other. A formula counts as the
exporter's where the graph says that something was computed, where the stored name does, or where
the same was done to most parameters of its kind.
"""

from __future__ import annotations

from typing import Final

from onnx_params.auditing.computed import is_known_factor
from onnx_params.auditing.state import State
from onnx_params.dataflow.view import View
from onnx_params.idioms.torchscript import is_made_up, is_result
from onnx_params.matching.match_state import Found

# what is computed with other parameters of the reference: that these fit is a witness
_WITH_OTHERS: Final = frozenset({"", "batch norm", "weight norm", "spectral norm"})
_ENOUGH: Final = 0.5  # share of the kin


def is_witnessed(state: State, name: str, found: Found) -> bool:
    """Whether something besides the numbers says that what was found was computed."""
    if found.formula in _WITH_OTHERS or found.by:
        return True
    share = state.kin.share(name, found.formula, widest=2)
    if share is not None and share >= _ENOUGH:
        return True
    if _graph_says(state, name, found):
        return True
    if not is_known_factor(found.factor) and not _is_family(state, name, found):
        return False
    # kin of which nothing was computed speak against a made-up name
    family = state.kin.family_share(name, found.formula)
    are_alike = family is None or family >= _ENOUGH or not state.kin.are_explained(name, widest=1)
    return are_alike and _name_says(found)


def _graph_says(state: State, name: str, found: Found) -> bool:
    """Whether the exporter's record of the graph says that this stored tensor was computed from the
    parameter.
    """
    claim = state.named.get(name)
    if claim is None or claim.view not in (View.FOLDED, View.SLICED) or not claim.stored:
        return False
    return found.stored[:1] == claim.stored[:1] and is_made_up(found.stored[0][1])


def _is_family(state: State, name: str, found: Found) -> bool:
    """Whether the kin were multiplied by numbers as well."""
    return (state.kin.family_share(name, found.formula) or 0.0) >= _ENOUGH


def _name_says(found: Found) -> bool:
    return bool(found.stored) and all(
        is_result(key[1]) or is_made_up(key[1]) for key in found.stored
    )
