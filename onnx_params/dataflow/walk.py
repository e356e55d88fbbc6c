"""Follow a value through the operators that only pass it on: to those that use it, or back to where
it is stored.

There is one walk each way. What an operator passes on is in its record
(:mod:`onnx_params.operators`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.operators.record import Passes
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

MAX_HOPS: Final = 16  # pass-through operators in a chain before it counts as unknown
MAX_USES: Final = (
    256  # uses looked at: what ten thousand nodes share is no clearer after the first of them
)

VALUES: Final = frozenset({Passes.WHOLE, Passes.ROUNDED})  # every element, in whatever type
ANYTHING: Final = frozenset(Passes)
_DEQUANTIZE_BY_HAND: Final = frozenset(
    {"Mul", "Sub", "Div"}
)  # (w - zero) * scale, in plain operators
_UPDATES: Final = 2  # slot of Scatter's updates, which end in its result as its input 0 does


class Arrival(NamedTuple):
    """A use at which a value arrives, and whether an odd number of transpositions lies
    before it.
    """

    use: Use
    is_transposed: bool


class _At(NamedTuple):
    key: Key
    hops: int
    is_transposed: bool
    by_hand: bool


class WordedUse(NamedTuple):
    """A use and the word of its slot; ``None`` where no record knows the operator."""

    use: Use
    word: str | None


def worded(use: Use) -> WordedUse:
    """The use with the word of its slot."""
    if use.node is None:
        return WordedUse(use, None)
    operator = schema(use.node.domain, use.node.op_type)
    return WordedUse(use, None if operator is None else operator.word(use.slot))


def only_use(model: Model, key: Key) -> WordedUse | None:
    """The one use of a value, by a known operator that passes nothing on: no walk is needed, and
    nearly all stored tensors have it. ``None`` for all others.
    """
    uses = model.def_use.uses(key)
    if len(uses) != 1 or (node := uses[0].node) is None:
        return None
    operator = schema(node.domain, node.op_type)
    if operator is None or operator.passes is not None:
        return None
    return WordedUse(uses[0], operator.word(uses[0].slot))


def passes_on(node: Node, slot: int, passes: frozenset[Passes]) -> bool:
    """Whether a node passes on what it has in a slot, to one of these extents."""
    found = schema(node.domain, node.op_type)
    if found is None or found.passes not in passes:
        return False
    return slot == 0 or (slot == _UPDATES and node.op_type.startswith("Scatter"))


def arrivals(
    model: Model,
    key: Key,
    passes: frozenset[Passes] = VALUES,
    *,
    by_hand: bool = False,
    crosses_borders: bool = False,
) -> Iterator[Arrival]:
    """The uses of a value behind all that passes it on, in no certain order; outputs of graphs are
    uses too.

    ``by_hand`` also passes multiplications and subtractions, until a DequantizeLinear: an integer
    weight that plain operators dequantize. ``crosses_borders`` follows values into loops and
    functions and out of branches.
    """
    graph = model.def_use
    seen = {key}
    found = 0
    todo = [_At(key, 0, False, by_hand)]
    while todo and found < MAX_USES:
        at = todo.pop()
        for use in graph.uses(at.key)[:MAX_USES]:
            onward = _onward(model, use, passes, at.by_hand, crosses_borders)
            if not onward:
                found += 1
                yield Arrival(use, at.is_transposed)
                continue
            if at.hops >= MAX_HOPS:
                continue
            node = use.node
            turns = node is not None and node.op_type == "Transpose"
            still_by_hand = at.by_hand and (node is None or node.op_type != "DequantizeLinear")
            for following in onward:
                if following not in seen:
                    seen.add(following)
                    todo.append(
                        _At(following, at.hops + 1, at.is_transposed ^ turns, still_by_hand)
                    )


def _onward(
    model: Model, use: Use, passes: frozenset[Passes], by_hand: bool, crosses_borders: bool
) -> list[Key]:
    """The values under which a used one goes on; none where this use is where it arrives."""
    if crosses_borders:
        crossed = model.def_use.across_border(use)
        if crossed is not None:
            return crossed
    node = use.node
    if node is None:
        return []
    dequantizes = by_hand and use.slot == 0 and node.op_type in _DEQUANTIZE_BY_HAND
    if dequantizes or passes_on(node, use.slot, passes):
        return [(use.graph, output) for output in node.outputs]
    return []


def stored_behind(
    model: Model,
    graph: str,
    name: str,
    passes: frozenset[Passes] = VALUES,
    *,
    by_hand: bool = False,
) -> StoredTensor | None:
    """The stored tensor that a value is, behind what passes it on; ``None`` where it is computed.

    ``by_hand`` also looks behind the subtraction of a zero point.
    """
    if not name:
        return None
    key = model.def_use.resolve(graph, name)
    for _ in range(MAX_HOPS):
        tensor = model.stored.get(key)
        if tensor is not None:
            return tensor
        producer = model.def_use.producer(key)
        if producer is None or not producer.inputs or not producer.inputs[0]:
            return None
        if not passes_on(producer, 0, passes) and not (by_hand and producer.op_type == "Sub"):
            return None
        key = model.def_use.resolve(key[0], producer.inputs[0])
    return None
