"""Take names from what the user gives: a reference, an architecture, a prefix to strip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.errors import UsageError
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.wrappers import wrapper_prefix
from onnx_params.inventory.record import Inventory
from onnx_params.names import architecture
from onnx_params.names.architecture import Expected
from onnx_params.names.claim import Claim


def unwrapped(inventory: Inventory, strip: bool) -> Inventory:
    """The inventory with a note on a wrapper's prefix, or without the prefix."""
    prefix = wrapper_prefix(
        claim.name for claim in inventory.parameters if claim.evidence is not Evidence.NONE
    )
    if not prefix:
        return inventory
    if not strip:
        note = (
            f"every name begins with '{prefix}', which a wrapper may have put there; --strip-prefix"
            " takes it off"
        )
        return replace(inventory, notes=(*inventory.notes, note))

    def bare(claim: Claim) -> Claim:
        return replace(
            claim,
            name=claim.name.removeprefix(prefix),
            aliases=tuple(alias.removeprefix(prefix) for alias in claim.aliases),
        )

    notes = (*inventory.notes, f"'{prefix}' was taken off every name")
    return replace(
        inventory,
        parameters=tuple(map(bare, inventory.parameters)),
        claims=tuple(map(bare, inventory.claims)),
        notes=notes,
    )


def by_reference(
    rows: list[Claim], own: list[Claim], notes: list[str]
) -> tuple[list[Claim], list[Claim]]:
    """The reference's parameters, and those of the artifact's own claims on what the reference does
    not have.
    """
    extra = _nowhere(own, rows, "reference", notes)
    changed = sum(claim.view is View.CHANGED for claim in rows)
    if changed:
        notes.append(
            f"parameters with other values in the artifact than in the reference: {changed}"
        )
    gone = sum(not claim.placements and claim.view is not View.CHANGED for claim in rows)
    if gone:
        notes.append(
            f"{gone} parameters of the reference have no values in the artifact that could be"
            " compared: folded, looked up or erased"
        )
    return rows, extra


def by_architecture(
    model: Model, like: Sequence[Expected], own: list[Claim], notes: list[str]
) -> tuple[list[Claim], list[Claim]]:
    """The architecture's parameters, and the artifact's own claims on what the architecture does
    not have.
    """
    rows = architecture.claims(model, like, own)
    found = [claim for claim in rows if claim.stored]
    # by elements too: most of the parameters may be those of folded norms
    is_enough = 2 * len(found) >= len(rows) or 2 * _n_elements(found) >= _n_elements(rows)
    if not is_enough:
        raise UsageError(
            f"{model.source.label}: the architecture does not fit: {len(found)} of its {len(rows)}"
            " parameters could be found by name and shape"
        )
    extra = _nowhere(own, rows, "architecture", notes)
    open_rows = sum(claim.view is View.UNKNOWN for claim in rows)
    if open_rows:
        notes.append(f"{open_rows} parameters of the architecture are nowhere in the artifact")
    return rows, extra


def _n_elements(claims: Iterable[Claim]) -> int:
    return sum(math.prod(claim.shape or ()) for claim in claims)


def _nowhere(own: list[Claim], rows: list[Claim], given: str, notes: list[str]) -> list[Claim]:
    """The artifact's own claims on stored tensors that no row of what was given has; noted."""
    covered = {key for claim in rows for key in claim.stored}
    extra = [claim for claim in own if claim.stored and not covered.intersection(claim.stored)]
    if extra:
        notes.append(f"{len(extra)} parameters of the artifact are nowhere in the {given}")
    return extra
