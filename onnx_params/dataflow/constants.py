"""Follow the values of a graph that are computed of stored tensors alone: their types and shapes
before anything is read, their numbers when they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from onnx_params.containers.onnx.graph import Graph, Model, Node
from onnx_params.dataflow.arithmetic import COMPARISONS, OPERATIONS
from onnx_params.dataflow.shapes import Given
from onnx_params.errors import content_errors
from onnx_params.tensors.dtypes import BY_CODE, BY_NAME, DType
from onnx_params.tensors.small import integers
from onnx_params.tensors.steps import Key, Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

MAX_NODES: Final = 96  # between codes and a weight
MAX_BOUNDS: Final = 64  # integers that say a shape or the bounds of a part
MAX_GROWTH: Final = 64  # elements of a weight for each byte that it is computed of
FILLS: Final = "ConstantOfShape"


def looks_up(node: Node) -> bool:
    """Whether a node takes rows of a table."""
    return node.op_type == "Gather"


class Behind(NamedTuple):
    """What a value is computed of."""

    nodes: list[Node]
    leaves: list[StoredTensor]


class Constants:
    """The values of a graph that are computed of stored tensors alone, by operators that are
    known.
    """

    def __init__(self, model: Model, graph: Graph) -> None:
        self.model = model
        self.graph = graph
        self.nodes: dict[str, Node] = {}
        for node in graph.nodes:
            is_known = node.op_type in OPERATIONS or node.op_type == FILLS
            if node.domain or not is_known or not node.inputs or not node.outputs:
                continue
            if all(not name or self._is_constant(name) for name in node.inputs):
                self.nodes[node.outputs[0]] = node
        self._fillers = {
            tensor.place.node: tensor for tensor in graph.tensors if tensor.place.op_type == FILLS
        }
        self._shapes: dict[str, Shape] = {}

    def _is_constant(self, name: str) -> bool:
        return name in self.nodes or self._stored(name) is not None

    def _stored(self, name: str) -> StoredTensor | None:
        return self.model.stored.get(self.model.def_use.resolve(self.graph.path, name))

    def frontier(self) -> Iterator[str]:
        """The computed values that go to other nodes than such, or are tables of which such look
        rows up, in the order of the graph.
        """
        for name in self.nodes:
            uses = self.model.def_use.uses((self.graph.path, name))
            if any(
                use.node is None
                or not self._goes_on(use.node)
                or (looks_up(use.node) and use.slot == 0)
                for use in uses
            ):
                yield name

    def _goes_on(self, node: Node) -> bool:
        return bool(node.outputs) and self.nodes.get(node.outputs[0]) is node

    def is_only_for(self, key: Key) -> bool:
        """Whether a stored tensor goes to computed values alone."""
        uses = self.model.def_use.uses(key)
        return all(use.node is not None and self._goes_on(use.node) for use in uses)

    def leaf(self, name: str) -> StoredTensor | None:
        """The stored tensor that a value is, perhaps in another type."""
        node = self.nodes.get(name)
        while node is not None and node.op_type in ("Cast", "Identity"):
            name = node.inputs[0]
            node = self.nodes.get(name)
        return self._stored(name) if node is None else None

    def is_behind(self, tensor: StoredTensor, name: str) -> bool:
        """Whether a value is, or is computed of, a stored tensor."""
        behind = self.behind(name)
        return behind is not None and tensor in behind.leaves

    def behind(self, name: str) -> Behind | None:
        """The nodes and stored tensors behind a value; ``None`` where they are too many."""
        nodes: dict[str, Node] = {}
        leaves: dict[Key, StoredTensor] = {}
        todo = [name]
        while todo:
            at = todo.pop()
            node = self.nodes.get(at)
            tensor = None if node is not None else self._stored(at)
            if tensor is not None:
                leaves[tensor.key] = tensor
            if node is None or at in nodes:
                continue
            nodes[at] = node
            todo.extend(filter(None, node.inputs))
            if len(nodes) > MAX_NODES:
                return None
        return Behind(list(nodes.values()), list(leaves.values()))

    # -- types, shapes and values of computed ones ------------------------------------------------

    def dtype(self, name: str) -> DType:
        """The type of a value.

        Raises ``LookupError`` where it is none of ONNX.
        """
        node = self.nodes.get(name)
        if node is None:
            tensor = self._stored(name)
            if tensor is None:
                raise LookupError(name)
            return tensor.dtype
        if node.op_type == FILLS:
            filler = self._fillers.get(node.position)
            return BY_NAME["float32"] if filler is None else filler.dtype
        typed_by = OPERATIONS[node.op_type].typed_by
        if typed_by is not None:
            return self.dtype(node.inputs[typed_by])
        if node.op_type in COMPARISONS:
            return BY_NAME["bool"]
        code = node.read_attributes().get("to")
        if not isinstance(code, int):
            raise LookupError(f"{node.op_type} says no type")
        return BY_CODE[code]

    def shape(self, name: str) -> Shape:
        """The shape of a value.

        Raises ``ValueError`` or ``LookupError`` where nodes do not fit.
        """
        found = self._shapes.get(name)
        if found is None:
            found = self._shapes[name] = self._shape(name)
        return found

    def _shape(self, name: str) -> Shape:
        node = self.nodes.get(name)
        if node is not None:
            if node.op_type == FILLS:
                return self._integers(node.inputs[0])
            return OPERATIONS[node.op_type].shape(self._given(node))
        tensor = self._stored(name)
        if tensor is None:
            raise LookupError(name)
        return tensor.shape

    def _given(self, node: Node, shapes: Mapping[str, Shape] | None = None) -> Given:
        known = shapes or {}
        return Given(
            tuple(
                (known[each] if each in known else self.shape(each)) if each else None
                for each in node.inputs
            ),
            node.read_attributes(),
            lambda slot: self._integers(node.inputs[slot]),
        )

    def _integers(self, name: str) -> tuple[int, ...]:
        """The numbers of a value that says a shape."""
        tensor = None if name in self.nodes else self._stored(name)
        found = None if tensor is None else integers(tensor, MAX_BOUNDS)
        if found is not None:
            return found
        if math.prod(self.shape(name)) > MAX_BOUNDS:
            raise ValueError(f"'{name}' is no shape")
        return tuple(int(number) for number in self.values(name).reshape(-1))

    def values(self, name: str) -> np.ndarray:
        """The numbers of a value. Reads what it is computed of."""
        import numpy as np

        from onnx_params.tensors.evaluate import dtype_of

        behind = self.behind(name)
        if behind is None:
            raise ValueError(f"'{name}' is computed by too many nodes")
        made: dict[str, np.ndarray] = {}

        def array(each: str) -> np.ndarray:
            if each not in made:
                tensor = self._stored(each)
                if tensor is None:
                    raise LookupError(each)
                made[each] = tensor.read()
            return made[each]

        most = MAX_GROWTH * sum(each.n_bytes for each in behind.leaves) + MAX_GROWTH
        with np.errstate(all="ignore"):
            for node in sorted(behind.nodes, key=lambda each: each.position):
                output = node.outputs[0]
                if node.op_type == FILLS:
                    shape = self._integers(node.inputs[0])
                    filler = self._fillers.get(node.position)
                    number = np.zeros((), np.float32) if filler is None else filler.read()
                    made[output] = np.broadcast_to(number.reshape(-1)[:1], _limited(shape, most))
                    continue
                arrays = [array(each) for each in node.inputs if each]
                shapes = {each: array(each).shape for each in node.inputs if each}
                given = self._given(node, shapes)
                operation = OPERATIONS[node.op_type]
                _limited(operation.shape(given), most)
                dtype = dtype_of(_numpy(self.dtype(output)))
                made[output] = operation.compute(given, arrays).astype(dtype, copy=False)
        return array(name)

    def payload(self, name: str) -> bytes:
        """The numbers of a value as they would be stored."""
        import numpy as np

        with content_errors(f"{self.graph.source.label}: '{name}'"):
            return np.ascontiguousarray(self.values(name)).tobytes()


def _numpy(dtype: DType) -> str:
    """The name of the type that NumPy, or ml_dtypes, has for numbers on the way."""
    if dtype.bits < 8 and not dtype.is_float:
        return "uint8" if dtype.name.startswith("uint") else "int8"
    return dtype.name


def _limited(shape: Shape, most: int) -> Shape:
    if math.prod(shape) > most or any(dim < 0 for dim in shape):
        raise ValueError(f"{shape} has more elements than its codes say")
    return shape
