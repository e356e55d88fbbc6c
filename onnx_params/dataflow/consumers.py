"""Say which operators use a stored tensor, as what, and how torch's Linear had what they use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.dataflow.walk import MAX_HOPS, arrivals, only_use, worded
from onnx_params.operators.record import Kind, Operator
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import SWAP, Key, Shape, Step
from onnx_params.tensors.stored import StoredTensor

# what scales the result of a product of codes
_SCALES: Final = frozenset({"Mul", "Div", "DequantizeLinear", "QuantizeLinear"})


class Consumer(NamedTuple):
    """An operator that uses a stored tensor: the word of its slot, and whether a Transpose stands
    between them.
    """

    graph: str
    node: Node
    slot: int
    word: str | None
    is_transposed: bool

    @property
    def operator(self) -> Operator | None:
        """The record of the operator."""
        return schema(self.node.domain, self.node.op_type)

    @property
    def is_matrix_product(self) -> bool:
        """Whether the operator multiplies by a matrix."""
        found = self.operator
        return found is not None and found.kind is Kind.MATRIX

    @property
    def is_product(self) -> bool:
        """Whether the operator multiplies by a matrix or a kernel."""
        found = self.operator
        return found is not None and found.is_product


def consumers(model: Model, tensor: StoredTensor) -> Iterator[Consumer]:
    """The operators that use a stored tensor, behind what only passes it on."""
    only = only_use(model, tensor.key)
    if only is not None:
        use, word = only
        assert use.node is not None
        yield Consumer(use.graph, use.node, use.slot, word, False)
        return
    for arrival in arrivals(model, tensor.key):
        use, word = worded(arrival.use)
        if use.node is None:
            continue
        turned = arrival.is_transposed and len(tensor.shape) == 2
        yield Consumer(use.graph, use.node, use.slot, word, turned)


def multiplies_input_of(model: Model, factor: StoredTensor, weight: StoredTensor) -> bool:
    """Whether a stored tensor multiplies the input of a layer that uses another one as its weight,
    perhaps before a cast.
    """
    for consumer in consumers(model, weight):
        inputs = [name for slot, name in enumerate(consumer.node.inputs) if slot != consumer.slot]
        for name in inputs[:1]:
            producer = model.def_use.producer(model.def_use.resolve(consumer.graph, name))
            if producer is not None and producer.op_type == "Cast":
                key = model.def_use.resolve(consumer.graph, producer.inputs[0])
                producer = model.def_use.producer(key)
            if producer is None or producer.op_type != "Mul":
                continue
            keys = [model.def_use.resolve(consumer.graph, each) for each in producer.inputs]
            if factor.key in keys:
                return True
    return False


def transposed_groups(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, int]:
    """The groups of the transposed convolution that takes each tensor as its kernel, where there
    are several. Reads attributes.
    """
    found: dict[Key, int] = {}
    for tensor in tensors:
        for consumer in consumers(model, tensor) if len(tensor.shape) > 2 else ():
            operator = consumer.operator
            if operator is None or not operator.grouped or consumer.word != "weight":
                continue
            groups = consumer.node.read_attributes().get("group", 1)
            if isinstance(groups, int) and groups > 1:
                found[tensor.key] = groups
    return found


def has_outputs_first(node: Node, operator: Operator) -> bool:
    """Whether the first axis of a matrix has an element for each output.

    Reads attributes where they decide.
    """
    first = operator.outputs == 0
    return (
        not first
        if operator.turned_by and node.read_attributes().get(operator.turned_by)
        else first
    )


def n_outputs(node: Node, weight: Shape) -> int | None:
    """How many outputs a layer has, by the shape of its weight; ``None`` where the shape does not
    say it.
    """
    operator = schema(node.domain, node.op_type)
    if operator is None or operator.outputs is None or len(weight) < 2:
        return None
    if operator.turned_by:
        return weight[0 if has_outputs_first(node, operator) else -1]
    if not operator.grouped:
        return weight[operator.outputs]
    groups = node.read_attributes().get("group", 1)
    return weight[operator.outputs] * (groups if isinstance(groups, int) else 1)


def as_torch(consumer: Consumer, shape: Shape) -> tuple[Step, ...]:
    """The step from what a matrix product uses to torch's ``[out, in]``; ``shape`` is the weight's
    as it is used.
    """
    operator = consumer.operator
    if (
        operator is None
        or operator.kind is not Kind.MATRIX
        or consumer.is_transposed
        or len(shape) != 2
    ):
        return ()
    return () if has_outputs_first(consumer.node, operator) else (SWAP,)


def is_beside_product(model: Model, use: Use) -> bool:
    """Whether a product made what the node of a use takes beside it, through what rounds, lays out
    or scales its result; so may one have that was computed and stored.
    """
    inputs = () if use.node is None else use.node.inputs
    name = next((name for slot, name in enumerate(inputs) if slot != use.slot), "")
    for _ in range(MAX_HOPS):
        if not name:
            return False
        key = model.def_use.resolve(use.graph, name)
        node = model.def_use.producer(key)
        if node is None:
            return key in model.stored
        operator = schema(node.domain, node.op_type)
        if operator is not None and operator.is_product:
            return True
        if node.op_type not in _SCALES and (operator is None or operator.passes is None):
            return False
        name = next(iter(node.inputs), "")
    return False
