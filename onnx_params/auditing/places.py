"""Find where content belongs by the rest of the artifact, where no name of its own says so.

A checkpoint's ``layers.0.mlp.up.weight`` runs before ``layers.1.mlp.up.weight`` if that is how the
other weights of these layers run; a square matrix is turned if the other matrices of its kind are.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.view import View
from onnx_params.matching.match_state import Found
from onnx_params.tensors.steps import SWAP, Key, Permute, Shape, Slice, Steps, shape_after

MAX_TAILS: Final = 64  # parameters of one item, of which each two are compared
MIN_VOTES: Final = 2  # others of the kind that must agree


class Slot(NamedTuple):
    """A name with one number in it taken out: the list, the number, what comes after it."""

    head: str
    number: int
    tail: str


def slots(name: str) -> Iterable[Slot]:
    """Every way of reading a name as an item of a list."""
    segments = name.split(".")
    for at, segment in enumerate(segments):
        if segment.isdigit() and 0 < at < len(segments) - 1:
            yield Slot(".".join(segments[:at]), int(segment), ".".join(segments[at + 1 :]))


class Depths:
    """How far from the inputs each node of the main graph runs: the longest way there."""

    def __init__(self, model: Model) -> None:
        self.model = model
        made: dict[str, int] = {}
        self.of: dict[int, int] = {}
        for node in model.main.nodes:
            depth = 1 + max((made.get(name, 0) for name in node.inputs), default=0)
            self.of[node.position] = depth
            made.update(dict.fromkeys(node.outputs, depth))

    def order(self, one: Key, two: Key) -> bool | None:
        """Whether the first weight runs before the second, which depends on what it computes; false
        the other way round, ``None`` where neither depends on the other.
        """
        nodes = [self._node(key) for key in (one, two)]
        if nodes[0] is None or nodes[1] is None:
            return None
        if self._depends(nodes[1], nodes[0]):
            return True
        return False if self._depends(nodes[0], nodes[1]) else None

    def _node(self, key: Key) -> Node | None:
        """The first node that takes a weight."""
        nodes = [
            consumer.node
            for consumer in consumers(self.model, self.model.stored[key])
            if not consumer.graph
        ]
        return min(nodes, key=lambda node: self.of[node.position], default=None)

    def _depends(self, later: Node, earlier: Node) -> bool:
        """Whether a node takes what another one computes, perhaps through others."""
        least = self.of[earlier.position]
        todo, seen = [later], {later.position}
        while todo:
            node = todo.pop()
            for name in node.inputs:
                producer = self.model.def_use.producer(("", name))
                if producer is None or producer.position in seen:
                    continue
                if producer.position == earlier.position:
                    return True
                seen.add(producer.position)
                if self.of.get(producer.position, 0) > least:
                    todo.append(producer)
        return False

    def runs_at(self, key: Key) -> int | None:
        """The depth of the first node that takes a weight."""
        return min(
            (
                self.of[consumer.node.position]
                for consumer in consumers(self.model, self.model.stored[key])
                if not consumer.graph
            ),
            default=None,
        )


def out_of_order(model: Model, found: Mapping[str, Found]) -> dict[str, str]:
    """Parameters whose content runs where another item of their list should -> the parameter whose
    place that is, by what most of the list does.
    """
    depths = Depths(model)
    runs_at = _depths(depths, found)
    shapes = {name: model.stored[found[name].stored[0]].shape for name in runs_at}
    lists: dict[str, dict[str, dict[int, str]]] = collections.defaultdict(
        lambda: collections.defaultdict(dict)
    )
    for name in runs_at:
        for slot in slots(name):
            lists[slot.head][slot.tail][slot.number] = name
    wrong: dict[str, str] = {}
    for tails in lists.values():
        wrong.update(_out_of_order_in(tails, depths, found, runs_at))
        if len(tails) <= MAX_TAILS:
            wrong.update(_exchanged(tails, depths, found, shapes))
    return wrong


def _exchanged(
    tails: Mapping[str, Mapping[int, str]],
    depths: Depths,
    found: Mapping[str, Found],
    shapes: Mapping[str, Shape],
) -> Iterator[tuple[str, str]]:
    """Two weights of one item that run one after the other, in another order than in most other
    items; of all items where these are of two opinions.
    """
    listed = list(tails)
    for place, one in enumerate(listed):
        for two in listed[place + 1 :]:
            is_first: dict[int, bool] = {}
            for number in tails[one].keys() & tails[two].keys():
                names = tails[one][number], tails[two][number]
                shape = shapes[names[0]]
                if len(shape) < 2 or sorted(shape) != sorted(shapes[names[1]]):
                    continue
                order = depths.order(*(found[name].stored[0] for name in names))
                if order is not None:
                    is_first[number] = order
            firsts = sum(is_first.values())
            for number, first in is_first.items():
                agreeing = firsts if first else len(is_first) - firsts
                if 2 * agreeing <= len(is_first) and agreeing < len(is_first):
                    yield tails[one][number], tails[two][number]
                    yield tails[two][number], tails[one][number]


def _depths(depths: Depths, found: Mapping[str, Found]) -> dict[str, int]:
    """Parameter -> the depth at which its content runs, of those that one stored tensor holds."""
    # what several hold, equal constants that were merged, says nothing of an order
    holders = collections.Counter(key for each in found.values() for key in each.stored)
    runs_at: dict[str, int] = {}
    for name, each in found.items():
        is_part = any(isinstance(s, Slice) for p in each.placements for s in p.steps)
        is_alone = len(each.stored) == 1 and (is_part or holders[each.stored[0]] == 1)
        depth = depths.runs_at(each.stored[0]) if is_alone else None
        if depth is not None:
            runs_at[name] = depth
    return runs_at


def _out_of_order_in(
    tails: Mapping[str, Mapping[int, str]],
    depths: Depths,
    found: Mapping[str, Found],
    runs_at: Mapping[str, int],
) -> Iterator[tuple[str, str]]:
    """The parameters of one list that run where others should, and those others.

    ``tails`` are the names of its items' parameters, by what comes after the number.
    """
    orders = {
        tail: sorted(items, key=lambda number: runs_at[items[number]])
        for tail, items in tails.items()
        if _differ(runs_at[name] for name in items.values())
    }
    rising = sum(order == sorted(order) for order in orders.values())
    falling = sum(order == sorted(order, reverse=True) for order in orders.values())
    agreeing = max(rising, falling)
    if agreeing < MIN_VOTES or 3 * agreeing < 2 * (len(orders) - 1):
        return
    for tail, order in orders.items():
        if order == sorted(order, reverse=falling > rising):
            continue
        keys = {number: found[tails[tail][number]].stored[0] for number in order}
        for run in _chains(depths, order, keys):
            usual = sorted(run, reverse=falling > rising)
            for is_at, should in zip(run, usual, strict=True):
                if is_at != should:
                    yield tails[tail][is_at], tails[tail][should]


def _chains(depths: Depths, order: Iterable[int], keys: Mapping[int, Key]) -> list[list[int]]:
    """The items of a list in runs of which each runs on what the one before it computed, for
    branches beside each other may be as deep as they like.
    """
    runs: list[list[int]] = []
    for number in order:
        key = keys[number]
        run = next((run for run in runs if depths.order(keys[run[-1]], key) is not None), None)
        if run is None:
            runs.append([number])
        else:
            run.append(number)
    return runs


def _differ(numbers: Iterable[int]) -> bool:
    listed = list(numbers)
    return len(listed) > 1 and len(set(listed)) == len(listed)


class Turns:
    """Whether matrices lie transposed for the products that use them, beside the reference: a
    product by the transposed matrix, or by it as it is.
    """

    def __init__(self, model: Model, found: Mapping[str, Found]) -> None:
        # operator and leaf -> name -> (turned, whether it is square): a parameter of another word
        # may be multiplied the other way round (``x @ proj`` beside layers)
        self._kinds: dict[tuple[str, str], dict[str, tuple[bool, bool]]] = collections.defaultdict(
            dict
        )
        self._of: dict[str, tuple[str, str]] = {}
        for name, each in found.items():
            if (
                each.view is View.CHANGED
                or len(each.placements) != 1
                or len(each.stored) != 1
                or len(logical(model, model.stored[each.stored[0]]).shape) != 2
            ):
                continue
            tensor = model.stored[each.stored[0]]
            shape = shape_after(tensor.shape, each.placements[0].steps)
            consumer = next((t for t in consumers(model, tensor) if t.is_matrix_product), None)
            if consumer is not None:
                flag = (
                    bool(consumer.node.read_attributes().get("transB"))
                    if consumer.node.op_type != "MatMul"
                    else False
                )
                is_plain = consumer.node.op_type in ("Gemm", "FusedGemm", "FusedMatMul")
                kind = ("MatMul" if is_plain else consumer.node.op_type, _leaf(name))
                self._kinds.setdefault(kind, {})[name] = (
                    _is_swapped(each.placements[0].steps) ^ flag ^ consumer.is_transposed,
                    len(shape) == 2 and shape[0] == shape[1],
                )
                self._of[name] = kind

    def _alike(self, name: str) -> dict[str, tuple[bool, bool]]:
        """The matrices of the kind of one, with what is known of each."""
        return self._kinds.get(self._of.get(name, ("", "")), {})

    def oblong(self, name: str) -> list[str]:
        """The matrices of the kind of one that are not square, whose shapes tell how they lie."""
        kind = self._alike(name)
        return [other for other, (_, is_square) in kind.items() if not is_square]

    def fits(self, name: str) -> bool | None:
        """Whether a square matrix lies as the others of its kind do; ``None`` where they do not
        agree, or are too few.
        """
        kind = self._alike(name)
        if name not in kind or not kind[name][1]:
            return None
        others = [turn for other, turn in kind.items() if other != name]
        for votes in (
            [turned for turned, square in others if not square],
            [turned for turned, _ in others],
        ):
            if len(votes) >= MIN_VOTES and len(set(votes)) == 1:
                return votes[0] == kind[name][0]
        return None

    def is_alone(self, name: str) -> bool:
        """Whether a matrix is one that is multiplied as torch's are, transposed, and too few others
        of its kind are there to say how they lie.
        """
        kind = self._alike(name)
        return name in kind and kind[name][0] and len(kind) <= MIN_VOTES


def _leaf(name: str) -> str:
    """The last word of a name that is no number."""
    words = [word for word in re.split(r"[./]", name) if word and not word.isdecimal()]
    return words[-1] if words else ""


def _is_swapped(steps: Steps) -> bool:
    return sum(isinstance(step, Permute) and step == SWAP for step in steps) % 2 == 1
