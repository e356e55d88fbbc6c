"""Find weights that the graph computes of codes in plain operators: nibbles that are shifted apart,
a table in which codes are looked up, scales that are quantized themselves, signs times powers.

Where no record knows the way from codes to a weight, the value that a layer takes stands among the
stored tensors, as if it had been folded, and is computed when it is read. What it is computed of
belongs to the quantization.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Graph, Model, Node
from onnx_params.dataflow.constants import FILLS, MAX_GROWTH, Behind, Constants, looks_up
from onnx_params.dataflow.logical import logical
from onnx_params.errors import OnnxParamsError
from onnx_params.io.sources import ComputedSource
from onnx_params.tensors.encoding import Encoding, Place, PlaceKind
from onnx_params.tensors.steps import Key, without_ones
from onnx_params.tensors.stored import StoredTensor

FEWEST_BITS: Final = 0.25  # of codes for each element
MOST_FLOATS: Final = 0.5  # of an element's float numbers that are no codes: scales, tables
MAX_TABLE: Final = 256  # numbers that codes of 8 bits may stand for
REPEATS: Final = 16  # times that each of them is looked up, on the average
MIN_SCATTERED: Final = 64  # elements of a weight into which numbers are put; vectors are not sparse
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
    return (dtype.is_narrow_integer or dtype.is_narrow_float) and tensor.count > 1


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
    scatters = [node for node in behind.nodes if node.op_type in _SCATTERS]
    if scatters and not codes and math.prod(constants.shape(name)) < MIN_SCATTERED:
        return None
    # over these: where unpacked codes are put together
    written = {constants.leaf(node.inputs[0]) for node in scatters}
    if not codes and FILLS in op_types and scatters:
        codes = [each for each in behind.leaves if each.dtype.is_float and each.count > 1]
    elif not codes and scatters:
        put = {constants.leaf(node.inputs[2]) for node in scatters} - written
        codes = [each for each in behind.leaves if each.dtype.is_float and each in put]
    if not codes:
        return None
    main = max(codes, key=lambda each: each.n_bytes)
    if any(constants.is_behind(main, each.inputs[0]) for each in behind.nodes if looks_up(each)):
        return None  # rows of a table
    is_one = op_types <= _KNOWN and _n_weights(constants, behind, codes) == 1
    is_known = is_one and not any(_is_moved_before(constants, each) for each in behind.nodes)
    dtype, shape = constants.dtype(name), constants.shape(name)
    if is_known and not _is_reshaped(constants, behind) and logical(model, main).steps:
        return None
    count = math.prod(shape)
    floats = sum(
        each.count
        for each in behind.leaves
        if each.dtype.is_float and each not in codes and each not in written
    )
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


def _places_in_tables(constants: Constants, behind: Behind) -> list[StoredTensor]:
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


def _is_moved_before(constants: Constants, node: Node) -> bool:
    """Whether a node has a scale for each line of codes that lie otherwise in the file."""
    if node.op_type != "DequantizeLinear" or math.prod(constants.shape(node.inputs[1])) == 1:
        return False
    producer = constants.nodes.get(node.inputs[0])
    return producer is not None and producer.op_type in _MOVES


def _is_reshaped(constants: Constants, behind: Behind) -> bool:
    """Whether numbers are put under another shape, but for axes of one."""
    return any(
        node.op_type == "Reshape"
        and without_ones(constants.shape(node.inputs[0]))
        != without_ones(constants.shape(node.outputs[0]))
        for node in behind.nodes
    )


def _n_weights(constants: Constants, behind: Behind, codes: list[StoredTensor]) -> int:
    """How many of the codes are no zero points."""
    zeros = {
        constants.leaf(name)
        for node in behind.nodes
        if node.op_type in ("DequantizeLinear", "Sub")
        for name in node.inputs[_ZERO[node.op_type] :]
    }
    return sum(each not in zeros for each in codes)
