"""Learn from the rest of an artifact how its exporter treats parameters of one kind.

Kin are tensors of a reference whose names differ in numbers only: the same parameter of other
layers. What an exporter, a quantizer or an optimizer did to one it did to the others, so kin say
whether a formula is a fault, and whether a parameter that nothing contains should be there.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import leaf_of, pattern_of
from onnx_params.matching.match_state import Found
from onnx_params.tensors.stored import StoredTensor

AS_IT_IS: Final = "as it is"  # its values are in the artifact, cast or rounded perhaps
UNEXPLAINED: Final = ""
_NUMBER: Final = re.compile(r"-?\d[\d.e+-]*$")
_DIGITS: Final = re.compile(r"\d+")
MIN_OF_PLACE: Final = 2  # others whose names differ in one number alone
MIN_KIN: Final = (1, 2, 2)  # others of each kind that are enough not to ask a wider one


class Kin:
    """What became of the kin of each parameter."""

    def __init__(self, reference: Mapping[str, StoredTensor], found: Mapping[str, Found]) -> None:
        self._reference = reference
        self._became = {name: became(each) for name, each in found.items() if name in reference}
        self._keys: tuple[Callable[[str], object], ...] = (
            self._by_name,
            self._by_shape,
            self._by_rank,
        )
        self._groups = [self._grouped(key) for key in self._keys]

    def _by_name(self, name: str) -> object:
        return pattern_of(name)

    def _by_shape(self, name: str) -> object:
        return leaf_of(name), self._reference[name].shape

    def _by_rank(self, name: str) -> object:
        return leaf_of(name), len(self._reference[name].shape)

    def _grouped(self, key: Callable[[str], object]) -> dict[object, list[str]]:
        groups: dict[object, list[str]] = collections.defaultdict(list)
        for name in self._became:
            groups[key(name)].append(name)
        return groups

    def others(self, name: str) -> list[str]:
        """Its kin by name."""
        return [each for each in self._groups[0].get(self._by_name(name), ()) if each != name]

    def alike(self, name: str) -> list[str]:
        """Those of one leaf and as many axes that are there as they are."""
        every = self._groups[2].get(self._by_rank(name), ())
        return [each for each in every if each != name and self._became[each] == AS_IT_IS]

    def ways(self, name: str, widest: int = 3) -> collections.Counter[str]:
        """What became of its kin, with how many of them each; of the nearest kind that has enough
        of them, of ``widest`` kinds at most.
        """
        counts: collections.Counter[str] = collections.Counter()
        kinds = list(zip(self._keys, self._groups, MIN_KIN, strict=True))
        for key, groups, enough in kinds[:widest]:
            others = [each for each in groups.get(key(name), ()) if each != name]
            counts = collections.Counter(self._became[each] for each in others)
            if len(others) >= enough:
                break
        return counts

    def is_of_one_place(self, name: str, way: str) -> bool:
        """Whether the same was done to all parameters, two at least, whose names differ from its
        own in one number alone: the last convolution of each group of blocks.
        """
        for start, stop in (match.span() for match in _DIGITS.finditer(name)):
            group = self._by_place.get((name[:start], name[stop:]), [])
            others = [each for each in group if each != name]
            if len(others) >= MIN_OF_PLACE and all(self._became[each] == way for each in others):
                return True
        return False

    @cached_property
    def _by_place(self) -> dict[tuple[str, str], list[str]]:
        """What stands before a number of a name and after it -> the names that have that."""
        groups: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        for name in self._became:
            for match in _DIGITS.finditer(name):
                groups[name[: match.start()], name[match.end() :]].append(name)
        return groups

    def share(self, name: str, way: str, widest: int = 3) -> float | None:
        """The share of its kin that became the same; ``None`` where it has none."""
        ways = self.ways(name, widest)
        return ways[way] / ways.total() if ways else None

    def share_of_explained(self, name: str, way: str) -> float | None:
        """The share of those of its kin that are in the artifact; ``None`` where none is."""
        ways = self.ways(name)
        del ways[UNEXPLAINED]
        return ways[way] / ways.total() if ways else None

    def are_explained(self, name: str, widest: int = 3) -> bool:
        """Whether most of its kin are in the artifact, as they are or by a known formula."""
        unexplained = self.share(name, UNEXPLAINED, widest)
        return unexplained is not None and unexplained < 0.5


def family_of(formula: str) -> str:
    """A formula without the number in it."""
    return _NUMBER.sub("#", formula)


def became(found: Found) -> str:
    """What became of a tensor in one word: as it is, a formula, or nothing that is known."""
    if found.formula:
        return found.formula
    if found.view is View.CHANGED or found.view is View.DROPPED:
        return UNEXPLAINED
    if found.placements or found.alias_of or (found.view is View.FOLDED and found.certain):
        return AS_IT_IS
    return UNEXPLAINED
