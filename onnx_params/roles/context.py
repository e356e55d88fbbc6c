"""Answer what rules ask of a model: which operators it has, who uses a tensor, what is
around a use.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import cached_property
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.dataflow.walk import (
    ANYTHING,
    MAX_USES,
    VALUES,
    WordedUse,
    arrivals,
    only_use,
    stored_behind,
    worded,
)
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import module_of
from onnx_params.idioms.onnxruntime import left_behind
from onnx_params.idioms.torchscript import real_name
from onnx_params.operators.schemas import schema
from onnx_params.roles.numbers import with_numbers
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

_BODIES: Final = frozenset({"Loop", "Scan"})  # operators whose inputs go on inside a body


_ON_CODES: Final = "QLinear"
# onnxruntime's operators on codes whose float ones have no weights
_ELEMENTWISE: Final = frozenset(
    "Add Mul Sigmoid LeakyRelu Softmax Concat Where ReduceMean AveragePool".split()
)
_NUMBERS: Final = frozenset({"operand", "data", "mask"})  # slots whose inputs are no scales
ROUNDS: Final = frozenset({"QuantizeLinear", "DequantizeLinear"})
MAX_ROUNDED: Final = 3  # one after the other: a value, its codes, the number that they stand for


class Subject(NamedTuple):
    """A stored tensor that is to be classified, with its uses behind all that passes it on."""

    tensor: StoredTensor
    uses: tuple[WordedUse, ...]


class Context:
    """A model with what was found out about it once."""

    def __init__(self, model: Model, metadata: ExporterMetadata) -> None:
        self.model = model
        self.metadata = metadata
        self.graph = model.def_use
        self._as_float: dict[int, tuple[Node, tuple[int, ...]]] = {}  # by the identity of a node

    @cached_property
    def op_types(self) -> frozenset[str]:
        """Every operator that occurs."""
        return frozenset(
            node.op_type for graph in self.model.graphs.values() for node in graph.nodes
        )

    @cached_property
    def left_behind(self) -> frozenset[Key]:
        """The originals of quantized tensors that nothing takes any more."""
        return left_behind(self.model)

    @cached_property
    def has_layers(self) -> bool:
        """Whether some operator holds what is learned."""
        return any(is_layer(node) for graph in self.model.graphs.values() for node in graph.nodes)

    @cached_property
    def by_module(self) -> dict[str, list[StoredTensor]]:
        """Module -> the stored tensors that have a name of its; the outermost one has no name."""
        found: dict[str, list[StoredTensor]] = {}
        for tensor in self.model.stored.values():
            name = real_name(tensor.name)
            if name:
                found.setdefault(module_of(name), []).append(tensor)
        return found

    def subject(self, tensor: StoredTensor) -> Subject:
        """The tensor with its uses. Most have one, by an operator that does something with it."""
        only = only_use(self.model, tensor.key)
        if only is not None and only.word is not None:
            assert only.use.node is not None
            if only.use.node.op_type not in _BODIES:
                return Subject(tensor, (only,))
        by_hand = tensor.dtype.is_narrow_integer
        found = arrivals(self.model, tensor.key, ANYTHING, by_hand=by_hand, crosses_borders=True)
        return Subject(tensor, tuple(worded(arrival.use) for arrival in found))

    def producer(self, path: str, name: str) -> Node | None:
        """The node that computes a value."""
        node = self.graph.producer(self.graph.resolve(path, name))
        return None if node is None else self.as_float(node)[0]

    def stored(self, path: str, name: str) -> StoredTensor | None:
        """The stored tensor behind casts, changes of layout and the subtraction of a zero point."""
        return stored_behind(self.model, path, name, VALUES, by_hand=True)

    def numbers(self, tensor: StoredTensor) -> StoredTensor:
        """The tensor with the numbers that its elements stand for, where they are codes."""
        return with_numbers(self.model, tensor)

    def followers(self, use: Use) -> list[Use]:
        """The uses of what the node of a use computes, behind what only rounds it."""
        assert use.node is not None
        found: list[Use] = []
        todo = [(use.graph, output) for output in use.node.outputs]
        for _ in range(MAX_ROUNDED):
            uses = [after for value in todo for after in self.graph.uses(value)[:MAX_USES]]
            todo = [
                (after.graph, output)
                for after in uses
                if after.node is not None and after.node.op_type in ROUNDS and after.slot == 0
                for output in after.node.outputs
            ]
            found += [
                self.float_use(after)
                for after in uses
                if after.node is None or after.node.op_type not in ROUNDS or after.slot != 0
            ]
            if not todo:
                break
        return found

    def as_float(self, node: Node) -> tuple[Node, tuple[int, ...]]:
        """A node of arithmetic on codes as if it took the numbers that they stand for, with the
        slots of these in the node as it is; any other node as it is.
        """
        if not node.op_type.startswith(_ON_CODES):
            return node, ()
        known = self._as_float.get(id(node))
        if known is None:
            known = self._as_float[id(node)] = _as_float(node)
        return known

    def float_use(self, use: Use) -> Use:
        """A use by arithmetic on codes as one by the same on numbers."""
        if use.node is None:
            return use
        node, slots = self.as_float(use.node)
        return Use(use.graph, node, slots.index(use.slot)) if use.slot in slots else use

    def computed_by(self, path: str, name: str) -> Node | None:
        """The node that computes a value, behind what only rounds it."""
        return behind(self.producer, path, name, ROUNDS, MAX_ROUNDED)

    def feeds(self, use: Use, op_type: str) -> bool:
        """Whether the result goes straight to an operator."""
        return any(
            after.node is not None and after.node.op_type == op_type
            for after in self.followers(use)
        )


def _as_float(node: Node) -> tuple[Node, tuple[int, ...]]:
    op_type = node.op_type.removeprefix(_ON_CODES)
    operator = schema(node.domain, node.op_type)
    if op_type not in _ELEMENTWISE or operator is None:
        return node, ()
    words = zip(operator.slots, node.inputs, strict=False)
    slots = tuple(slot for slot, (word, _) in enumerate(words) if word in _NUMBERS)
    inputs = tuple(node.inputs[slot] for slot in slots)
    return node._replace(op_type=op_type, domain="", inputs=inputs), slots


def behind(
    find: Callable[[str, str], Node | None], path: str, name: str, passed: Set[str], most: int
) -> Node | None:
    """The node that ``find`` gives for a value, behind ``most`` operators of the types ``passed``,
    by their first inputs.
    """
    node = find(path, name)
    for _ in range(most):
        if node is None or node.op_type not in passed or not node.inputs:
            break
        node = find(path, node.inputs[0])
    return node


def is_layer(node: Node) -> bool:
    """Whether a node's operator holds what is learned."""
    operator = schema(node.domain, node.op_type)
    return operator is not None and operator.is_layer


def is_in_a_trace(subject: Subject) -> bool:
    """Whether TorchScript's exporter wrote the file, which lifts parameters alone, also those of
    the outermost module: it calls nodes by paths.
    """
    nodes = [use.node for use, _ in subject.uses]
    return bool(nodes) and all(node is not None and node.name[:1] == "/" for node in nodes)


def describe(use: Use) -> str:
    """A use in words: the slot, the operator, the node's name."""
    if use.node is None:
        return f"output {use.slot} of its graph"
    return f"input {use.slot} of {use.node.op_type} '{use.node.name or use.node.position}'"
