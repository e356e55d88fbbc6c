"""Find what stands before an artifact's names in a reference, and translate by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from typing import Final

ENOUGH: Final = 0.5  # of the most votes
MAX_PREFIXES: Final = 8
_NUMBER = re.compile(r"(\d+)")


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``layers.10`` after ``layers.9``."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in _NUMBER.split(name)
        if part
    ]


def prefixes_between(reference: Sequence[str], own: Sequence[str]) -> list[str]:
    """What may stand before the artifact's names in the reference (``bert.``), or with a minus what
    the artifact has in excess (``-model.``): the likeliest first, others where about as many names
    speak for them.
    """
    known, names = set(reference), set(own)
    votes = {"": len(known & names)}
    votes |= _votes(reference, names)
    votes |= {f"-{head}": hits for head, hits in _votes(own, known).items()}
    most = max(votes.values())
    ordered = sorted(votes, key=lambda head: -votes[head])
    return [head for head in ordered if votes[head] >= ENOUGH * most][:MAX_PREFIXES] or [""]


def _votes(longer: Iterable[str], shorter: Set[str]) -> dict[str, int]:
    """What stands before some names -> how many of them are a shorter one with it."""
    votes: dict[str, int] = {}
    for name in dict.fromkeys(longer):
        for head in _heads(name):
            if name[len(head) :] in shorter:
                votes[head] = votes.get(head, 0) + 1
    return votes


def _heads(name: str) -> list[str]:
    """The first and the first two segments of a name, with their dots."""
    segments = name.split(".")
    return [".".join(segments[:length]) + "." for length in (1, 2) if length < len(segments)]


def moved(name: str, prefix: str) -> str:
    """An artifact's name as the reference would have it."""
    return name.removeprefix(prefix[1:]) if prefix.startswith("-") else f"{prefix}{name}"
