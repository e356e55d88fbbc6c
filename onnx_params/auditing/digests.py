"""Judge an artifact by a source map alone: its SHA-256 digests prove what is exact in storage,
without the checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.dataflow.view import View
from onnx_params.errors import UsageError
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import values_of
from onnx_params.names.claim import Claim
from onnx_params.names.source_map import SCHEMA
from onnx_params.roles.role import Role
from onnx_params.tensors.steps import Key, is_exact
from onnx_params.tensors.stored import StoredTensor

Found = tuple[StoredTensor, bool]  # a stored tensor, and whether it is turned


# JSON
def judge(
    inventory: Inventory,
    source_map: dict[str, Any],
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> list[Judgement]:
    """One judgement for each parameter that the map lists.

    Reads all values. Raises :class:`UsageError` where the map has no digests.
    """
    listed = source_map.get("parameters")
    rows = [
        row
        for row in (listed if isinstance(listed, list) else ())
        if isinstance(row, dict) and isinstance(row.get("name"), str)
    ]
    if source_map.get("schema") != SCHEMA or not any(
        isinstance(row.get("sha256"), str) for row in rows
    ):
        raise UsageError(
            "the source map has no digests to hold values against; give the checkpoint, or a map"
            " that an exporter of ours wrote"
        )
    own = {name: claim for claim in inventory.parameters for name in (claim.name, *claim.aliases)}
    index = _index(inventory, progress)
    owners = {row["sha256"]: row["name"] for row in rows if isinstance(row.get("sha256"), str)}
    return [_judge(inventory, row, own.get(row["name"]), index, owners) for row in rows]


def _index(inventory: Inventory, progress: Callable[[int], None]) -> dict[str, list[Found]]:
    """Stored parameters by the digest of their values, as they lie and turned."""
    found: dict[str, list[Found]] = {}
    for tensor, verdict in inventory.verdicts:
        if verdict.role in (Role.PARAMETER, Role.BUFFER) and tensor.dtype.is_float and tensor.count:
            values = tensor.read()
            found.setdefault(sha256(values), []).append((tensor, False))
            if values.ndim == 2:
                found.setdefault(sha256(values.T), []).append((tensor, True))
            progress(tensor.n_bytes)
    return found


def sha256(values: np.ndarray) -> str:
    """The digest of an array's bytes, little-endian, in C order."""
    return hashlib.sha256(
        np.ascontiguousarray(values).view(np.uint8).data if values.size else b""
    ).hexdigest()


# JSON
def _judge(
    inventory: Inventory,
    row: dict[str, Any],
    claim: Claim | None,
    index: dict[str, list[Found]],
    owners: dict[str, str],
) -> Judgement:
    shape = tuple(row["shape"]) if isinstance(row.get("shape"), list) else None
    dtype = row["dtype"] if isinstance(row.get("dtype"), str) else ""
    digest = row.get("sha256")

    def say(
        verdict: Verdict,
        because: str,
        keys: tuple[Key, ...] = (),
        other: str = "",
        placed: bool = True,
    ) -> Judgement:
        return Judgement(
            row["name"],
            verdict,
            because,
            shape,
            dtype,
            tuple(key[1] for key in keys),
            other=other,
            placed=placed,
        )

    if not isinstance(digest, str):
        return say(Verdict.NOT_COMPARABLE, "the source map has no digest of it")
    if claim is not None and claim.pieces:
        names = ", ".join(f"'{piece.key[1]}'" for piece in claim.pieces)
        if not is_exact(claim.steps) or any(
            not inventory.model.held[piece.key].dtype.is_float for piece in claim.pieces
        ):
            return say(
                Verdict.NOT_COMPARABLE,
                f"{names} was rounded, and a digest proves exact values alone: give the checkpoint",
                claim.stored,
            )
        values = values_of(inventory, claim)
        have = sha256(values)
        if have == digest:
            whole = claim.view is View.WHOLE
            return say(
                Verdict.IDENTICAL if whole else Verdict.MOVED,
                f"the SHA-256 of {names} agrees",
                claim.stored,
            )
        if dtype and values.dtype.name != dtype:
            return say(
                Verdict.NOT_COMPARABLE,
                f"{names} is {values.dtype.name}, and the digest is of {dtype}: give the"
                " checkpoint",
                claim.stored,
            )
        other = owners.get(have, "")
        if other:
            return say(
                Verdict.SWAPPED,
                f"{names}, which stands for it, holds '{other}'",
                claim.stored,
                other,
            )
        return say(Verdict.CHANGED, f"the SHA-256 of {names} differs", claim.stored)
    for tensor, turned in index.get(digest, ()):
        because = f"the SHA-256 of '{tensor.name}'{' transposed' if turned else ''} agrees"
        return say(Verdict.MOVED, because, (tensor.key,), placed=claim is not None)
    if claim is not None and claim.stored and claim.view in (View.WHOLE, View.TRANSPOSED):
        return say(Verdict.CHANGED, f"the SHA-256 of '{claim.stored[0][1]}' differs", claim.stored)
    return say(
        Verdict.NOT_COMPARABLE,
        (
            claim.because
            if claim is not None
            else "nothing tells where it is, and no stored tensor has its digest"
        ),
    )
