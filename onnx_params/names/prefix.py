"""Find what stands before an artifact's names in a reference, and translate by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set

_NUMBER = re.compile(r"(\d+)")


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``layers.10`` after ``layers.9``."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in _NUMBER.split(name)
        if part
    ]


def prefix_between(reference: Sequence[str], own: Sequence[str]) -> str:
    """What stands before the artifact's names in the reference (``bert.``), or with a minus what
    the artifact has in excess (``-model.``).
    """
    known, names = set(reference), set(own)
    best, most = "", len(known & names)
    missing = _votes(reference, names)
    excess = _votes(own, known)
    for votes, sign in ((missing, ""), (excess, "-")):
        for head, hits in votes.items():
            if hits > most:
                best, most = f"{sign}{head}", hits
    return best


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
