"""Find weights that the graph computes of codes in plain operators: nibbles that are shifted apart,
a table in which codes are looked up, scales that are quantized themselves, signs times powers.

Where no record knows the way from codes to a weight, the value that a layer takes stands among the
stored tensors, as if it had been folded, and is computed when it is read. What it is computed of
belongs to the quantization.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from onnx_params.containers.onnx.graph import Graph, Model, Node
from onnx_params.dataflow.arithmetic import OPERATIONS, Given
from onnx_params.dataflow.logical import logical
from onnx_params.errors import OnnxParamsError, content_errors
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.dtypes import BY_CODE, BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Place, PlaceKind
from onnx_params.tensors.small import integers
from onnx_params.tensors.steps import Key, Shape
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

MAX_NODES: Final = 64  # between codes and a weight
MAX_BOUNDS: Final = 64  # integers that say a shape or the bounds of a part
MAX_GROWTH: Final = 64  # elements of a weight for each byte that it is computed of
FEWEST_BITS: Final = 0.25  # of codes for each element
MOST_FLOATS: Final = 0.5  # of an element's float numbers that are no codes: scales, tables
MAX_TABLE: Final = 256  # numbers that codes of 8 bits may stand for
REPEATS: Final = 16  # times that each of them is looked up, on the average
_FILLS: Final = "ConstantOfShape"
_ZERO: Final = {"DequantizeLinear": 2, "Sub": 1}  # the slot of a zero point
_SCATTERS: Final = frozenset({"ScatterElements", "ScatterND"})  # numbers that are no zeros
_ON_BITS: Final = frozenset({"BitShift", "BitwiseAnd", "BitwiseOr"})
# with these alone, the record of an operator or the name of a scale says the way already
_KNOWN: Final = frozenset(
    {
        *("Cast", "Clip", "DequantizeLinear", "Flatten", "Identity", "Mul"),
        *("Reshape", "Squeeze", "Sub", "Transpose", "Unsqueeze"),
    }
)

_MOVES: Final = frozenset({"Reshape", "Transpose"})


def expand(model: Model) -> Model:
    """The model with the weights that it computes of codes among its stored tensors; the same model
    where there are none.
    """
    graphs: dict[str, Graph] = {}
    parts: dict[Key, tuple[Key, ...]] = {}
    values: set[Key] = set()
    for path, graph in model.graphs.items():
        found = list(_weights(model, graph)) if _may_compute(graph) else []
        if not found:
            graphs[path] = graph
            continue
        after: dict[Key, list[StoredTensor]] = {}
        for weight in found:
            after.setdefault(weight.codes, []).append(weight.tensor)
            parts[weight.tensor.key] = weight.parts
            values |= weight.values
        tensors = [
            each for tensor in graph.tensors for each in (tensor, *after.get(tensor.key, ()))
        ]
        graphs[path] = replace(graph, tensors=tuple(tensors))
    if not parts:
        return model
    return replace(model, graphs=graphs, computed=parts, computed_values=frozenset(values))


class _Weight(NamedTuple):
    """A computed weight: the tensor that stands for it, the codes, what else it is computed of, and
    the values on the way.
    """

    tensor: StoredTensor
    codes: Key
    parts: tuple[Key, ...]
    values: frozenset[Key]


def _may_compute(graph: Graph) -> bool:
    """Whether a graph has what may be codes."""
    if any(_is_narrow(tensor) or _is_word(tensor) for tensor in graph.tensors):
        return True
    if any(node.op_type in _SCATTERS for node in graph.nodes):
        return True
    stored = {tensor.name for tensor in graph.tensors}
    return any(node.op_type == "Gather" and stored.issuperset(node.inputs) for node in graph.nodes)


def _is_narrow(tensor: StoredTensor) -> bool:
    dtype = tensor.dtype
    is_number = dtype.is_narrow_integer or (dtype.is_float and dtype.bits <= 8)
    return is_number and tensor.count > 1


def _weights(model: Model, graph: Graph) -> Iterator[_Weight]:
    constants = Constants(model, graph)
    for name in constants.frontier():
        try:
            weight = _weight(model, constants, name)
        except (ValueError, LookupError, TypeError, OnnxParamsError):  # a node that does not fit
            continue
        if weight is not None:
            yield weight


def _weight(model: Model, constants: Constants, name: str) -> _Weight | None:
    """The weight that a value is; ``None`` where it is computed of no codes, or known already."""
    behind = constants.behind(name)
    if behind is None:
        return None
    op_types = {node.op_type for node in behind.nodes}
    codes = [each for each in behind.leaves if _is_narrow(each)]
    if not _ON_BITS.isdisjoint(op_types):
        codes += [each for each in behind.leaves if _is_word(each)]
    elif "Gather" in op_types:
        codes += _places_in_tables(constants, behind)
    elif "Cast" in op_types:
        count = math.prod(constants.shape(name))
        codes += [each for each in behind.leaves if _is_word(each) and each.count == count]
    if not codes and _FILLS in op_types and not _SCATTERS.isdisjoint(op_types):
        codes = [each for each in behind.leaves if each.dtype.is_float and each.count > 1]
    if not codes:
        return None
    main = max(codes, key=lambda each: each.n_bytes)
    if any(constants.is_behind(main, each.inputs[0]) for each in behind.nodes if _looks_up(each)):
        return None  # rows of a table
    is_one = op_types <= _KNOWN and _n_weights(constants, behind, codes) == 1
    is_known = is_one and not any(_is_moved_before(constants, each) for each in behind.nodes)
    if is_known and logical(model, main).steps:
        return None
    dtype, shape = constants.dtype(name), constants.shape(name)
    count = math.prod(shape)
    floats = sum(each.count for each in behind.leaves if each.dtype.is_float and each not in codes)
    if not dtype.is_float or dtype.bits < 16 or not 1 < count <= MAX_GROWTH * main.n_bytes:
        return None
    if (
        sum(8 * each.n_bytes for each in codes) < FEWEST_BITS * count
        or floats > MOST_FLOATS * count
    ):
        return None
    n_bytes = dtype.packed_length(count)
    label = f"{constants.graph.source.label}: '{name}'"
    node = constants.nodes[name]
    tensor = StoredTensor(
        name=name,
        dtype=dtype,
        shape=shape,
        place=Place(kind=PlaceKind.COMPUTED, graph=constants.graph.path, node=node.position),
        encoding=Encoding.COMPUTED,
        spans=(),
        source=ComputedSource(label, n_bytes, partial(constants.payload, name)),
    )
    path = constants.graph.path
    parts = tuple(
        each.key
        for each in sorted(behind.leaves, key=lambda each: each is not main)
        if (each in codes or each.dtype.is_float) and constants.is_only_for(each.key)
    )
    if main.key not in parts:
        return None
    values = frozenset((path, output) for node in behind.nodes for output in node.outputs)
    return _Weight(tensor, main.key, parts, values)


def _places_in_tables(constants: Constants, behind: _Behind) -> list[StoredTensor]:
    """The integers, of whatever type, by which numbers of a short list are looked up again and
    again.
    """
    found = []
    for node in behind.nodes:
        if node.op_type != "Gather":
            continue
        table, places = (constants.leaf(name) for name in node.inputs[:2])
        if table is None or places is None or not table.dtype.is_float or len(table.shape) != 1:
            continue
        if table.count <= MAX_TABLE and places.count >= REPEATS * table.count:
            found.append(places)
    return [each for each in found if not _is_narrow(each)]


def _is_word(tensor: StoredTensor) -> bool:
    """Whether elements are integers of more bits than a code has: codes are packed in them, or
    stand in each.
    """
    dtype = tensor.dtype
    return tensor.count > 1 and dtype.name.startswith(("int", "uint")) and 8 < dtype.bits < 64


def _looks_up(node: Node) -> bool:
    return node.op_type == "Gather"


def _is_moved_before(constants: Constants, node: Node) -> bool:
    """Whether a node has a scale for each line of codes that lie otherwise in the file."""
    if node.op_type != "DequantizeLinear" or math.prod(constants.shape(node.inputs[1])) == 1:
        return False
    producer = constants.nodes.get(node.inputs[0])
    return producer is not None and producer.op_type in _MOVES


def _n_weights(constants: Constants, behind: _Behind, codes: list[StoredTensor]) -> int:
    """How many of the codes are no zero points."""
    zeros = {
        constants.leaf(name)
        for node in behind.nodes
        if node.op_type in ("DequantizeLinear", "Sub")
        for name in node.inputs[_ZERO[node.op_type] :]
    }
    return sum(each not in zeros for each in codes)


class _Behind(NamedTuple):
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
            is_known = node.op_type in OPERATIONS or node.op_type == _FILLS
            if node.domain or not is_known or not node.inputs or not node.outputs:
                continue
            if all(not name or self._is_constant(name) for name in node.inputs):
                self.nodes[node.outputs[0]] = node
        self._fillers = {
            tensor.place.node: tensor for tensor in graph.tensors if tensor.place.op_type == _FILLS
        }
        self._attributes: dict[str, dict[str, object]] = {}

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
                or (_looks_up(use.node) and use.slot == 0)
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

    def behind(self, name: str) -> _Behind | None:
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
        return _Behind(list(nodes.values()), list(leaves.values()))

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
        if node.op_type == _FILLS:
            filler = self._fillers.get(node.position)
            return BY_NAME["float32"] if filler is None else filler.dtype
        typed_by = OPERATIONS[node.op_type].typed_by
        if typed_by is not None:
            return self.dtype(node.inputs[typed_by])
        code = node.read_attributes().get("to")
        if not isinstance(code, int):
            raise LookupError(f"{node.op_type} says no type")
        return BY_CODE[code]

    def shape(self, name: str) -> Shape:
        """The shape of a value.

        Raises ``ValueError`` or ``LookupError`` where nodes do not fit.
        """
        node = self.nodes.get(name)
        if node is not None:
            if node.op_type == _FILLS:
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
                if node.op_type == _FILLS:
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
