"""Judge an artifact by a source map alone: its SHA-256 digests prove what is exact in storage,
without the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.dataflow.view import View
from onnx_params.errors import UsageError
from onnx_params.idioms.source_map import MapRow, SourceMap
from onnx_params.inventory.by_digest import sha256
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import values_of
from onnx_params.names.claim import Claim
from onnx_params.roles.role import Role
from onnx_params.tensors.steps import Key, is_exact
from onnx_params.tensors.stored import StoredTensor

Found = tuple[StoredTensor, bool]  # a stored tensor, and whether it is turned


def judge(
    inventory: Inventory,
    source_map: SourceMap,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> list[Judgement]:
    """One judgement for each parameter that the map lists.

    Reads all values. Raises :class:`UsageError` where the map has no digests.
    """
    if not source_map.has_digests:
        raise UsageError(
            "the source map has no digests to compare values with; give the checkpoint, or a map"
            " that an exporter of ours wrote"
        )
    own = {name: claim for claim in inventory.parameters for name in (claim.name, *claim.aliases)}
    known = _Known(
        inventory=inventory,
        by_digest=_index(inventory, progress),
        owners={row.sha256: row.name for row in source_map.parameters if row.sha256 is not None},
    )
    return [_judge(known, row, own.get(row.name)) for row in source_map.parameters]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """An inventory, its stored tensors by the digest of their values, and whose each digest of the
    map is.
    """

    inventory: Inventory
    by_digest: dict[str, list[Found]]
    owners: dict[str, str]


def _index(inventory: Inventory, progress: Callable[[int], None]) -> dict[str, list[Found]]:
    """Stored parameters by the digest of their values, as they lie and turned."""
    found: dict[str, list[Found]] = {}
    for tensor, classification in inventory.classified:
        if (
            classification.role in (Role.PARAMETER, Role.BUFFER)
            and tensor.dtype.is_float
            and tensor.count
        ):
            values = tensor.read()
            found.setdefault(sha256(values), []).append((tensor, False))
            if values.ndim == 2:
                found.setdefault(sha256(values.T), []).append((tensor, True))
            progress(tensor.n_bytes)
    return found


def _judge(known: _Known, row: MapRow, claim: Claim | None) -> Judgement:
    if row.sha256 is None:
        return _say(row, Verdict.NOT_COMPARABLE, "the source map has no digest of it")
    if claim is not None and claim.placements:
        return _judge_place(known, row, claim)
    for tensor, turned in known.by_digest.get(row.sha256, ()):
        because = f"the SHA-256 of '{tensor.name}'{' transposed' if turned else ''} agrees"
        made = _say(row, Verdict.MOVED, because, (tensor.key,))
        return made._replace(placed=claim is not None)
    if claim is None:
        because = "nothing says where it is, and no stored tensor has its digest"
        return _say(row, Verdict.NOT_COMPARABLE, because)
    if claim.stored and claim.view in (View.WHOLE, View.TRANSPOSED):
        because = f"the SHA-256 of '{claim.stored[0][1]}' differs"
        return _say(row, Verdict.CHANGED, because, claim.stored)
    return _say(row, Verdict.NOT_COMPARABLE, claim.because)


def _judge_place(known: _Known, row: MapRow, claim: Claim) -> Judgement:
    """Compare what is stored where a claim says that the parameter lies."""
    stored = known.inventory.model.stored
    names = ", ".join(f"'{placement.key[1]}'" for placement in claim.placements)
    is_float = all(stored[placement.key].dtype.is_float for placement in claim.placements)
    if not is_float or not is_exact(claim.steps):
        because = (
            f"{names} was rounded, and a digest proves exact values alone: give the checkpoint"
        )
        return _say(row, Verdict.NOT_COMPARABLE, because, claim.stored)
    values = values_of(known.inventory, claim)
    found = sha256(values)
    if found == row.sha256:
        verdict = Verdict.IDENTICAL if claim.view is View.WHOLE else Verdict.MOVED
        return _say(row, verdict, f"the SHA-256 of {names} agrees", claim.stored)
    if row.dtype and values.dtype.name != row.dtype:
        because = (
            f"{names} is {values.dtype.name}, and the digest is of {row.dtype}: give the checkpoint"
        )
        return _say(row, Verdict.NOT_COMPARABLE, because, claim.stored)
    other = known.owners.get(found, "")
    if other:
        because = f"{names}, which represents it, holds '{other}'"
        return _say(row, Verdict.SWAPPED, because, claim.stored)._replace(other=other)
    return _say(row, Verdict.CHANGED, f"the SHA-256 of {names} differs", claim.stored)


def _say(row: MapRow, verdict: Verdict, because: str, keys: tuple[Key, ...] = ()) -> Judgement:
    stored = tuple(key[1] for key in keys)
    return Judgement(row.name, verdict, because, row.shape, row.dtype or "", stored)
