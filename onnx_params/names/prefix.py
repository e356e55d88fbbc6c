"""Find what stands before an artifact's names in a reference, and translate by it."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    heads = dict.fromkeys(prefix for name in reference for prefix in _heads(name))
    for head in heads:
        hits = sum(f"{head}{name}" in known for name in names)
        if hits > most:
            best, most = head, hits
    for head in dict.fromkeys(prefix for name in own for prefix in _heads(name)):
        hits = sum(name.startswith(head) and name[len(head) :] in known for name in names)
        if hits > most:
            best, most = f"-{head}", hits
    return best


def _heads(name: str) -> list[str]:
    """The first and the first two segments of a name, with their dots."""
    segments = name.split(".")
    return [".".join(segments[:length]) + "." for length in (1, 2) if length < len(segments)]


def moved(name: str, prefix: str) -> str:
    """An artifact's name as the reference would have it."""
    return name.removeprefix(prefix[1:]) if prefix.startswith("-") else f"{prefix}{name}"
