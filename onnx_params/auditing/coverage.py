"""Say how much of a reference was compared: what is absent, and what could not be compared, are no
proof of anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from onnx_params.auditing.judgements import Judgement, Verdict

MAX_SHOWN: Final = 3  # names in a message


class Coverage(NamedTuple):
    """Parameters of a reference in three parts, each a list of judgements: compared, there but not
    comparable, and absent. Tied ones count once.
    """

    compared: list[Judgement]
    uncompared: list[Judgement]
    absent: list[Judgement]

    @property
    def absent_share(self) -> float:
        """The share of the reference's elements that is nowhere in the artifact."""
        return _share(self.absent, [*self.compared, *self.uncompared, *self.absent])

    @property
    def uncompared_share(self) -> float:
        """The share of the elements that are there and could not be compared."""
        return _share(self.uncompared, [*self.compared, *self.uncompared])


def coverage(judgements: Sequence[Judgement]) -> Coverage:
    """The parts of the reference; extras are none of it."""
    found = Coverage([], [], [])
    for each in judgements:
        if each.verdict is Verdict.EXTRA or not each.is_parameter or each.is_alias:
            continue
        if each.verdict is Verdict.NOT_COMPARABLE:
            (found.uncompared if each.stored else found.absent).append(each)
        elif each.verdict is Verdict.MISSING:
            found.absent.append(each)
        else:
            found.compared.append(each)
    return found


def names_of(judgements: Sequence[Judgement]) -> str:
    """Some names, and how many there are more."""
    shown = ", ".join(f"'{each.name}'" for each in judgements[:MAX_SHOWN])
    more = len(judgements) - MAX_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _share(part: Sequence[Judgement], whole: Sequence[Judgement]) -> float:
    total = sum(_elements(each) for each in whole)
    return sum(_elements(each) for each in part) / total if total else 0.0


def _elements(each: Judgement) -> int:
    return math.prod(each.shape or ())
