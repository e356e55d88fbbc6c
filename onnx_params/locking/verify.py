"""Compare an artifact with its lock, tensor by tensor, and say how they differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from onnx_params.locking.lock import lock
from onnx_params.locking.record import Lock, Locked
from onnx_params.plain import plain

MAX_SHOWN: Final = 20  # lines of one kind


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an artifact differs from its lock.

    ``same`` says whether it computes the same by every value and the structure.
    """

    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    structure_differs: bool = False
    saved_again: tuple[str, ...] = ()
    n_same: int = 0

    @property
    def same(self) -> bool:
        return not (self.changed or self.gone or self.new or self.structure_differs)


def verify(
    path: str, wanted: Lock, *, progress: Callable[[int], None] = lambda n_bytes: None
) -> Outcome:
    """Digest an artifact and say how it differs from its lock."""
    return differences(wanted, lock(path, progress=progress))


def differences(wanted: Lock, have: Lock) -> Outcome:
    """Pair the tensors of two locks: by place where the structure is the same but for names, else
    by name, then by content.
    """
    same_structure = wanted.structure_without_names == have.structure_without_names
    left, pairs = dict(enumerate(have.tensors)), []
    gone = []
    by_place = {
        (t.graph if not same_structure else "", t.place): at for at, t in left.items() if t.place
    }
    by_name = {(t.graph, t.name): at for at, t in left.items()}
    by_content: dict[tuple[str, tuple[int, ...], str], list[int]] = {}
    for at, each in left.items():
        by_content.setdefault((each.dtype, each.shape, each.sha256), []).append(at)
    for tensor in wanted.tensors:
        at_place = by_place.get(("", tensor.place)) if same_structure and tensor.place else None
        found = at_place if at_place is not None else by_name.get((tensor.graph, tensor.name))
        if found is None or found not in left:
            found = next(
                (
                    n
                    for n in by_content.get((tensor.dtype, tensor.shape, tensor.sha256), ())
                    if n in left
                ),
                None,
            )
        if found is None:
            gone.append(tensor.name)
        else:
            pairs.append((tensor, left.pop(found)))
    changed = [
        describe_change(one, two, wanted)
        for one, two in pairs
        if (one.dtype, one.shape, one.sha256) != (two.dtype, two.shape, two.sha256)
    ]
    saved_again = []
    if wanted.model.get("files") != json.loads(json.dumps(have.model.get("files"))):
        saved_again.append("its files have other names or sizes")
    if wanted.metadata != have.metadata:
        saved_again.append("its metadata differs")
    if wanted.structure != have.structure and same_structure:
        saved_again.append("names of values or nodes differ")
    return Outcome(
        changed=tuple(changed),
        gone=tuple(gone),
        new=tuple(t.name for t in left.values()),
        renamed=tuple((one.name, two.name) for one, two in pairs if one.name != two.name),
        structure_differs=not same_structure,
        saved_again=tuple(saved_again),
        n_same=len(pairs) - len(changed),
    )


def describe_change(one: Locked, two: Locked, wanted: Lock) -> str:
    parameter = next(
        (
            str(row["name"])
            for row in wanted.parameters
            if one.name in row.get("stored", ()) and row["name"] != one.name
        ),
        "",
    )
    name = f"{one.name} ({parameter})" if parameter else one.name
    if (one.dtype, one.shape) != (two.dtype, two.shape):
        return f"{name}: {one.dtype} {list(one.shape)} is now {two.dtype} {list(two.shape)}"
    return f"{name}: other values"


def describe(outcome: Outcome, model: str, locked: str) -> str:
    """The outcome in lines."""
    total = outcome.n_same + len(outcome.changed) + len(outcome.gone)
    lines: list[str] = []

    def some(word: str, listed: tuple[str, ...]) -> None:
        lines.extend(f"{word}: {plain(each)}" for each in listed[:MAX_SHOWN])
        if len(listed) > MAX_SHOWN:
            lines.append(f"{word}: and {len(listed) - MAX_SHOWN} more")

    some("changed", outcome.changed)
    some("gone", outcome.gone)
    some("new", outcome.new)
    some("renamed", tuple(f"{old} -> {new}" for old, new in outcome.renamed))
    if outcome.structure_differs:
        lines.append("structure: nodes, attributes or how they are wired differ")
    some("saved again", outcome.saved_again)
    if outcome.same:
        what = (
            "renamed, every value as it was"
            if outcome.renamed
            else "saved again, every value as it was"
            if outcome.saved_again
            else "exactly that"
        )
        lines.append(
            f"same: {plain(model)} is what {plain(locked)} attests: {what} ({total} tensors,"
            " structure)"
        )
    else:
        lines.append(
            f"DIFFERENT: {plain(model)} is not what {plain(locked)} attests: {outcome.n_same} of"
            f" {total} tensors are as they were"
        )
    return "\n".join(lines) + "\n"
