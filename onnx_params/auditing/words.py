"""Learn what a writer calls each parameter from all pairs of stored and reference names whose
content agrees, and find the pairs that break the rule: two weights that were exchanged under names
that only the writer knows.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from onnx_params.idioms.torchscript import real_name
from onnx_params.matching.match_state import Found
from onnx_params.tensors.steps import Key, Slice
from onnx_params.tensors.stored import StoredTensor


class _Pair(NamedTuple):
    """A parameter and the place where its content lies, both without numbers, and the numbers of
    the place: the layer.
    """

    name: str
    word: str
    place: str
    at: int  # among the parts of that stored tensor
    layer: tuple[str, ...]
    shape: tuple[int, ...]


def exchanged(reference: Mapping[str, StoredTensor], found: Mapping[str, Found]) -> dict[str, str]:
    """Parameters whose content lies under the name that the writer gives to another one -> that
    one. Two of one layer and shape, each in the other's place, are needed.
    """
    pairs = list(_pairs(reference, found))
    votes: dict[tuple[str, int], collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    parts: dict[str, set[str]] = collections.defaultdict(set)
    for pair in pairs:
        votes[pair.place, pair.at][pair.word] += 1
        parts[pair.place].add(pair.word)
    expected = {
        pair.name: _expected(votes[pair.place, pair.at], parts[pair.place], pair) for pair in pairs
    }
    wrong = [pair for pair in pairs if expected[pair.name] not in ("", pair.word)]
    names = {(pair.layer, pair.shape, pair.word): pair.name for pair in wrong}
    belongs = {pair.name: (pair.layer, pair.shape, expected[pair.name]) for pair in wrong}
    return {name: names[place] for name, place in belongs.items() if place in names}


def _expected(votes: collections.Counter[str], parts: set[str], pair: _Pair) -> str:
    """The parameter that belongs in a place by what lies there in most layers; by the words that
    both names share where layers disagree, or by their order in the name of what has several parts.
    Empty where nothing says so.
    """
    most = max(votes.values())
    likely = [word for word, n in votes.items() if n == most]
    if len(likely) == 1:
        return likely[0]
    ordered = _in_order(parts, pair.place)
    if pair.at < len(ordered):
        return ordered[pair.at]
    words = _words(pair.place)
    shared = sorted(((len(words & _words(word)), word) for word in likely), reverse=True)
    return shared[0][1] if shared[0][0] > shared[1][0] else ""


def _in_order(parts: set[str], place: str) -> list[str]:
    """The parameters in the order in which their words stand in a joined one: ``qkv_proj``,
    ``gate_up_proj``. Empty where one does not stand there.
    """
    for segment in place.split("."):
        found: dict[str, int] = {}
        for word in parts:
            stem = word.split(".")[-2].partition("_")[0] if "." in word else ""
            if stem and stem in segment:
                found[word] = segment.index(stem)
        if len(found) == len(parts) and len(set(found.values())) == len(parts):
            return sorted(found, key=found.__getitem__)
    return []


def _words(name: str) -> set[str]:
    return set(re.split(r"[./]", name))


def _pairs(reference: Mapping[str, StoredTensor], found: Mapping[str, Found]) -> Iterable[_Pair]:
    """The pairs whose stored name is a writer's own; parts of a stored tensor by their order."""
    parts = _parts(found)
    for name, each in found.items():
        if name not in reference or len(each.stored) != 1 or not each.is_proved:
            continue
        stored = each.stored[0][1]
        if real_name(stored) is None:
            continue
        at = parts.get(each.stored[0], {}).get(name, 0)
        yield _Pair(
            name,
            _template(name),
            _template(stored),
            at,
            tuple(re.findall(r"\.(\d+)\.", stored)),
            tuple(sorted(reference[name].shape)),
        )


def _template(name: str) -> str:
    """A name without the numbers that stand alone between its dots."""
    return re.sub(r"(?<=\.)\d+(?=\.)", "#", name)


def _parts(found: Mapping[str, Found]) -> dict[Key, dict[str, int]]:
    """Stored tensor -> the parameters that are parts of it, each with its place among them."""
    starts: dict[Key, dict[str, int]] = collections.defaultdict(dict)
    for name, each in found.items():
        for placement in each.placements:
            for step in placement.steps:
                if isinstance(step, Slice) and step.runs:
                    starts[placement.key][name] = step.runs[0][0]
    return {
        key: {name: at for at, name in enumerate(sorted(names, key=names.__getitem__))}
        for key, names in starts.items()
    }
