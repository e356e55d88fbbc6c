"""Compare an artifact with its lock, tensor by tensor, and say how they differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from onnx_params.locking.lock import lock
from onnx_params.locking.record import Lock, Locked


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
    pairing = _paired(wanted, have, same_structure)
    changed = [
        describe_change(one, two, wanted)
        for one, two in pairing.pairs
        if (one.dtype, one.shape, one.sha256) != (two.dtype, two.shape, two.sha256)
    ]
    renamed = [(one.name, two.name) for one, two in pairing.pairs if one.name != two.name]
    return Outcome(
        changed=tuple(changed),
        gone=tuple(tensor.name for tensor in pairing.gone),
        new=tuple(tensor.name for tensor in pairing.new),
        renamed=tuple(renamed),
        structure_differs=not same_structure,
        saved_again=tuple(_saved_again(wanted, have, same_structure)),
        n_same=len(pairing.pairs) - len(changed),
    )


class _Pairing(NamedTuple):
    """The tensors of two locks: those that are one, those of the first alone, those of the
    second alone.
    """

    pairs: tuple[tuple[Locked, Locked], ...]
    gone: tuple[Locked, ...]
    new: tuple[Locked, ...]


def _paired(wanted: Lock, have: Lock, same_structure: bool) -> _Pairing:
    left = dict(enumerate(have.tensors))
    # without the same structure, no place of one lock is one of the other
    by_place = {t.place: at for at, t in left.items() if t.place} if same_structure else {}
    by_name = {(t.graph, t.name): at for at, t in left.items()}
    by_content: dict[tuple[str, tuple[int, ...], str], list[int]] = {}
    for at, each in left.items():
        by_content.setdefault((each.dtype, each.shape, each.sha256), []).append(at)
    pairs: list[tuple[Locked, Locked]] = []
    gone: list[Locked] = []
    for tensor in wanted.tensors:
        found = by_place.get(tensor.place, by_name.get((tensor.graph, tensor.name)))
        if found is None or found not in left:
            equal = by_content.get((tensor.dtype, tensor.shape, tensor.sha256), ())
            found = next((at for at in equal if at in left), None)
        if found is None:
            gone.append(tensor)
        else:
            pairs.append((tensor, left.pop(found)))
    return _Pairing(tuple(pairs), tuple(gone), tuple(left.values()))


def _saved_again(wanted: Lock, have: Lock, same_structure: bool) -> Iterator[str]:
    """What differs without a change of what the artifact computes."""
    if wanted.model.get("files") != json.loads(json.dumps(have.model.get("files"))):
        yield "its files have other names or sizes"
    if wanted.metadata != have.metadata:
        yield "its metadata differs"
    if wanted.structure != have.structure and same_structure:
        yield "names of values or nodes differ"


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
