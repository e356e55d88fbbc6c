"""Settle what several parameters are stored as one: written once where they are equal, given stored
tensors of their own where they differ now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnx_params.applying.codes import is_quantized
from onnx_params.applying.draft import Draft, is_same, is_zero
from onnx_params.applying.record import Row, Way
from onnx_params.applying.rows import dropped
from onnx_params.applying.shares import Part, Share
from onnx_params.errors import UnsupportedError
from onnx_params.tensors.steps import Key, Slice, Steps


def settle(draft: Draft) -> None:
    """Give what is stored with others and differs from them a stored tensor of its own; what is the
    same is written once.
    """
    for key, shares in draft.shares.items():
        alike: dict[tuple[Steps, Part | None], list[Share]] = {}
        for share in shares:
            alike.setdefault((share.steps, share.part), []).append(share)
        draft.shares[key] = [listed[0] for listed in alike.values()]
        for listed in alike.values():
            others = [share for share in listed[1:] if not is_same(listed[0].tensor, share.tensor)]
            if others:
                _split(draft, key, listed[0], others)
        if len(alike) > 1 and any(_is_all(steps) for steps, _ in alike):
            _refuse(draft, shares, f"several parameters lie over one another in '{key[1]}'")


def _is_all(steps: Steps) -> bool:
    """Whether a parameter takes all of a stored tensor."""
    return not any(isinstance(step, Slice) for step in steps)


def _split(draft: Draft, key: Key, kept: Share, others: Sequence[Share]) -> None:
    """Graft what differs from ``kept``, or refuse it."""
    by_target = {draft.by_name[share.name].name: share for share in others}
    try:
        if not _is_all(kept.steps) or any(map(is_quantized, ([kept], others))):
            raise UnsupportedError(f"it shares a part of '{key[1]}' with '{kept.name}'")
        unused = draft.surgery.split(key, draft.by_name[kept.name].name, by_target)
    except UnsupportedError as error:
        because = f"{error}; the checkpoint's differ"
        _refuse(draft, others, because)
        return
    because = f"it was stored with '{kept.name}', from which it differs now"
    taken = {share.name for name, share in by_target.items() if name not in unused}
    made = {by_target[name].name: _unused(draft, name, by_target[name]) for name in unused}
    draft.rows = [
        replace(row, way=Way.SPLIT, because=because)
        if row.name in taken
        else made.get(row.name, row)
        for row in draft.rows
    ]


def _unused(draft: Draft, name: str, share: Share) -> Row:
    """What was equal to a stored tensor, and what no node takes: it was left out, if it was
    zero.
    """
    target = draft.place.targets[name]
    old = draft.old.get(name)
    if old is not None and is_zero(old):
        return dropped(draft, target, share.tensor)
    because = "no node takes it from where it is stored"
    return Row(
        name=share.name,
        way=Way.REFUSED,
        because=because,
        shape=share.tensor.shape,
        dtype=share.tensor.dtype.name,
    )


def _refuse(draft: Draft, shares: Sequence[Share], because: str) -> None:
    names = {share.name for share in shares}
    draft.rows = [
        replace(row, way=Way.REFUSED, because=because) if row.name in names else row
        for row in draft.rows
    ]
