"""Pair parameters by their values: one artifact is the reference, the other is searched as an
audit searches, then the rest goes by name and place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from onnx_params.auditing.differences import difference
from onnx_params.auditing.judge import judgements
from onnx_params.auditing.judgements import Judgement, Verdict
from onnx_params.auditing.state import State
from onnx_params.comparison.by_names import in_order
from onnx_params.comparison.pairs import By, Pair, Relation
from onnx_params.comparison.rows import RELATIVE, is_stored, relative_to, rows_by_key
from onnx_params.dataflow.logical import logical
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.inventory.as_checkpoint import of_artifact
from onnx_params.inventory.values import values_of
from onnx_params.matching import claims
from onnx_params.matching.match_state import Found
from onnx_params.report.report import Report, Row
from onnx_params.tensors.evaluate import evaluate
from onnx_params.tensors.steps import Placement

_RELATIONS: Final = {
    Verdict.IDENTICAL: Relation.EQUAL,
    Verdict.MOVED: Relation.VIEW,
    Verdict.CAST: Relation.CAST,
    Verdict.QUANTIZED: Relation.QUANTIZED,
    Verdict.FOLDED: Relation.FOLDED,
    Verdict.CHANGED: Relation.DIFFERENT,
    Verdict.SWAPPED: Relation.DIFFERENT,
}


def pair(one: Report, two: Report, progress: Callable[[int], None]) -> list[Pair]:
    """The pairs of two reports, ``one`` being the more exact; in the order of ``one``, then what
    only ``two`` has. Reads all values of both.
    """
    inventory = two.inventory
    checkpoint = of_artifact(one.inventory, folded=True)
    metadata = ExporterMetadata(model=inventory.model)
    matched = claims.claims(
        inventory.model,
        metadata,
        checkpoint,
        list(inventory.parameters),
        list(inventory.classified),
        progress,
    )
    state = State(inventory, matched, strict=False)
    judged = {each.name: each for each in judgements(state)}
    pairing = _Pairing(one, two)
    for at, row in enumerate(one.rows):
        each = judged.get(row.name)
        relation = _RELATIONS.get(each.verdict) if each is not None else None
        if each is not None and relation is not None:
            pairing.take(at, matched.found[row.name], each, relation)
    pairing.take_rest()
    return pairing.listed()


class _Pairing:
    """The rows of two reports while they are paired: by content first, then by name and place."""

    def __init__(self, one: Report, two: Report) -> None:
        self.one = one
        self.two = two
        self.pairs: dict[int, list[Pair]] = {}  # position in ``one`` -> its pairs
        self.taken: set[int] = set()  # positions in ``two``
        self._by_key = rows_by_key(two)
        self._positions = _positions(two.rows)

    def take(self, at: int, found: Found, judged: Judgement, relation: Relation) -> None:
        """Pair a row with those that hold what was found of it."""
        row = self.one.rows[at]
        named = _named(row, self._positions)
        for place in self._places(found, named):
            self.taken.add(place)
            by = By.NAME if place == named else By.CONTENT
            made = _made(row, self.two.rows[place], by, relation, judged)
            self.pairs.setdefault(at, []).append(_measured(made, self.one, self.two, at, place))

    def _places(self, found: Found, named: int | None) -> list[int]:
        """The rows of the other report that hold what was found: one, or one for each stored
        tensor where it is split over several.
        """
        groups = [self._by_key[key] for key in found.stored if key in self._by_key]
        flat = [place for group in groups for place in group]
        if named is not None and (named in flat or not flat):
            return [named]
        own = [place for place in flat if self._is_placed(place, found)]
        if own:
            return [self._untaken(own)]
        chosen = [self._untaken(group) for group in groups]
        if len(found.placements) > 1 or len(found.stored) > 1:
            return list(dict.fromkeys(chosen))
        return chosen[:1]

    def _is_placed(self, place: int, found: Found) -> bool:
        """Whether a row lies exactly where something was found."""
        placements = self.two.inventory.parameters[place].placements
        return bool(placements) and placements == found.placements

    def _untaken(self, places: list[int]) -> int:
        """The first place that no row has yet, or the first of all."""
        return next((place for place in places if place not in self.taken), places[0])

    def take_rest(self) -> None:
        """Pair what content did not: by name, then by words and place."""
        left_a = [at for at in range(len(self.one.rows)) if at not in self.pairs]
        left_b = [at for at in range(len(self.two.rows)) if at not in self.taken]
        rows_a = [self.one.rows[at] for at in left_a]
        rows_b = [self.two.rows[at] for at in left_b]
        for at_a, at_b, by in _rest(rows_a, rows_b):
            at, place = left_a[at_a], left_b[at_b]
            self.taken.add(place)
            row = self.two.rows[place]
            if is_stored(self.one.inventory, at) or is_stored(self.two.inventory, place):
                how = "one of the two holds no values that could be compared"
            else:
                how = f"in both {row.view}"
            bare = Pair(self.one.rows[at], row, by, Relation.UNREAD, how)
            self.pairs[at] = [_measured(bare, self.one, self.two, at, place)]

    def listed(self) -> list[Pair]:
        """All pairs in the order of ``one``, then what only ``two`` has."""
        found: list[Pair] = []
        for at, row in enumerate(self.one.rows):
            found.extend(self.pairs.get(at) or [_alone(row, None)])
        left = [row for at, row in enumerate(self.two.rows) if at not in self.taken]
        return [*found, *(_alone(None, row) for row in left)]


def _positions(rows: Sequence[Row]) -> dict[str, int]:
    """Name -> the position of its row, aliases too; the last one of a name stands."""
    return {name: at for at, row in enumerate(rows) for name in (row.name, *row.aliases)}


def _named(row: Row, positions: Mapping[str, int]) -> int | None:
    """The position of the row that has one of a row's names."""
    return next((positions[name] for name in (row.name, *row.aliases) if name in positions), None)


def _alone(a: Row | None, b: Row | None) -> Pair:
    """What has no partner: where it has no numbers of its own, folded into others or left out,
    nothing could have been one.
    """
    row = a or b
    assert row is not None
    if not row.n_bytes and row.view in ("folded", "dropped", "merged", "tied", "sliced"):
        return Pair(a, b, By.NOTHING, Relation.ERASED, row.view)
    return Pair(a, b, By.NOTHING, Relation.ONLY_A if a is not None else Relation.ONLY_B, row.view)


def _rest(one: list[Row], two: list[Row]) -> list[tuple[int, int, By]]:
    """What content did not pair: by name, then by words and place."""
    pairs: list[tuple[int, int, By]] = []
    names = _positions(two)
    done: set[int] = set()
    for at, row in enumerate(one):
        found = _named(row, names)
        if found is not None and found not in done:
            pairs.append((at, found, By.NAME))
            done.add(found)
    left_a = [at for at in range(len(one)) if at not in {a for a, _, _ in pairs}]
    left_b = [at for at in range(len(two)) if at not in done]
    return [
        *pairs,
        *(
            (left_a[a], left_b[b], by)
            for a, b, by in in_order([one[at] for at in left_a], [two[at] for at in left_b])
        ),
    ]


def _made(a: Row, b: Row, by: By, relation: Relation, judged: Judgement) -> Pair:
    how = (
        b.view
        if relation in (Relation.VIEW, Relation.QUANTIZED) and b.view != "whole"
        else judged.because
    )
    if relation is Relation.VIEW and a.shape == b.shape and a.view == b.view:
        relation, how = Relation.EQUAL, ""  # stored alike, whatever it is called in the file
    # stored alike, and laid out otherwise by their frameworks
    if relation is Relation.EQUAL and a.shape != b.shape:
        relation, how = Relation.VIEW, b.view
    if relation is Relation.EQUAL:
        how = ""
    lost, apart = judged.rounding, judged.difference
    return Pair(
        a,
        b,
        by,
        relation,
        how,
        largest=lost.largest if lost is not None else apart.largest if apart is not None else None,
        sqnr=lost.sqnr if lost is not None and math.isfinite(lost.sqnr) else None,
    )


def _measured(pair: Pair, one: Report, two: Report, at: int, place: int) -> Pair:
    """The pair with its differences in numbers, where both sides hold some of one size."""
    if pair.relation in (Relation.EQUAL, Relation.VIEW, Relation.FOLDED):
        return pair
    left, right = _values(one, at), _values(two, place)
    if left is None or right is None or left.size != right.size or not left.size:
        return pair
    size = float(np.abs(left.astype(np.float64)).max(initial=0.0))
    if pair.largest is not None and pair.relation is Relation.QUANTIZED:
        return pair._replace(relative=relative_to(pair.largest, size))
    ways = (_apart(left, each) for each in _ways(right, left.shape))
    largest, sqnr = min(ways, key=lambda found: found[0])
    relative = relative_to(largest, size)
    made = pair._replace(largest=largest, relative=relative, sqnr=sqnr)
    is_close = relative is not None and relative <= RELATIVE
    if pair.relation is Relation.DIFFERENT and is_close:
        return made._replace(relation=Relation.CLOSE)
    if pair.relation is not Relation.UNREAD:
        return made
    return _related(pair, made, one.rows[at], two.rows[place])


def _related(bare: Pair, made: Pair, a: Row, b: Row) -> Pair:
    """The relation of two rows that name or place alone paired, now that they are measured."""
    is_close = made.relative is not None and made.relative <= RELATIVE
    n_folded = (a.view, b.view).count("folded")
    # of course: one side holds what was computed with others
    if n_folded == 1 and not is_close:
        return bare._replace(
            how="folded on one side, and what it was folded with is not on the other"
        )
    how = ("", "folded on one side", "both folded")[n_folded]
    if made.largest:
        return made._replace(relation=Relation.CLOSE if is_close else Relation.DIFFERENT, how=how)
    return made._replace(relation=Relation.EQUAL if a.shape == b.shape else Relation.VIEW, how=how)


def _values(report: Report, at: int) -> np.ndarray | None:
    inventory = report.inventory
    claim = inventory.parameters[at]
    if claim.placements:
        return values_of(inventory, claim)
    if not is_stored(inventory, at):
        return None
    tensor = inventory.model.stored[claim.stored[0]]
    # folded and then quantized: its numbers are those that the codes represent
    steps = logical(inventory.model, tensor).steps
    return None if steps is None else evaluate(inventory.model.stored, Placement(tensor.key, steps))


def _ways(values: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """An array in every order of axes that has a shape."""
    from itertools import permutations

    ways = [values] if values.shape == shape else []
    if values.ndim == len(shape) <= 4:
        ways.extend(
            values.transpose(axes)
            for axes in permutations(range(values.ndim))
            if tuple(values.shape[axis] for axis in axes) == shape
        )
    return ways or [values.reshape(shape)]


def _apart(one: np.ndarray, two: np.ndarray) -> tuple[float, float | None]:
    """The largest difference, and the signal to noise in decibels."""
    found = difference(one, two)
    if found is None:
        return 0.0, None
    wide = one.astype(np.float64)
    noise = float(((wide - two) ** 2).sum())
    signal = float((wide * wide).sum())
    sqnr = 10 * math.log10(signal / noise) if noise and signal and math.isfinite(noise) else None
    return (found.largest if not found.n_nan else math.inf), sqnr
