"""Write a lock as JSON: the contract ``onnx-params/lock/1``."""

from __future__ import annotations

from typing import Final

from onnx_params.locking.record import SCHEMA, Lock
from onnx_params.locking.verify import Outcome
from onnx_params.render.screen import Block, Line
from onnx_params.render.text import count_of, json_text, plain

MAX_SHOWN: Final = 20  # lines of one kind


def to_json(made: Lock) -> str:
    """A lock by the contract ``onnx-params/lock/1``."""
    document = {
        "schema": SCHEMA,
        "name": made.name,
        "model": made.model,
        "totals": made.totals,
        "structure": {
            "sha256": made.structure,
            "sha256_without_names": made.structure_without_names,
        },
        "metadata": {"sha256": made.metadata},
        "tensors": [
            {
                "name": t.name,
                "graph": t.graph,
                "place": t.place,
                "role": t.role,
                "dtype": t.dtype,
                "shape": t.shape,
                "bytes": t.n_bytes,
                "sha256": t.sha256,
            }
            for t in made.tensors
        ],
        "parameters": list(made.parameters),
    }
    return json_text(document, 1)


def described(outcome: Outcome, model: str, locked: str) -> list[Block]:
    """The outcome of a verification: one line, then what differs."""
    total = outcome.n_same + len(outcome.changed) + len(outcome.gone)
    first = Line(_verdict(outcome, model, locked, total), "good" if outcome.same else "bad")
    renamed = tuple(f"{old} -> {new}" for old, new in outcome.renamed)
    lines = [
        *_some("changed", outcome.changed),
        *_some("gone", outcome.gone),
        *_some("new", outcome.new),
        *_some("renamed", renamed),
    ]
    if outcome.structure_differs:
        lines.append("structure: nodes, attributes or how they are wired differ")
    lines += _some("saved again", outcome.saved_again)
    return [first, *map(Line, lines)]


def _verdict(outcome: Outcome, model: str, locked: str, total: int) -> str:
    """Whether an artifact is what a lock attests, in one line."""
    if not outcome.same:
        return (
            f"DIFFERENT: {plain(model)} is not what {plain(locked)} attests: {outcome.n_same} of"
            f" {total} tensors are as they were"
        )
    what = "exactly that"
    if outcome.renamed:
        what = "renamed, every value as it was"
    elif outcome.saved_again:
        what = "saved again, every value as it was"
    attested = f"{plain(model)} is what {plain(locked)} attests"
    return f"same: {attested}: {what} ({count_of(total, 'tensor')}, structure)"


def _some(word: str, listed: tuple[str, ...]) -> list[str]:
    """Some lines of a kind, and how many there are more."""
    lines = [f"{word}: {plain(each)}" for each in listed[:MAX_SHOWN]]
    if len(listed) > MAX_SHOWN:
        lines.append(f"{word}: and {len(listed) - MAX_SHOWN} more")
    return lines
