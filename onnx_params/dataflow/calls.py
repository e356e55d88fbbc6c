"""Put the nodes of local functions in the place of their calls, where codes are among the inputs.

A tool may keep what a quantized layer does in a function of the model's own: what dequantizes its
codes then stands in the function, the codes and their scales outside. Put in place, the nodes say
of each call what they would say without a function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from onnx_params.containers.onnx.graph import Graph, Model, Node
from onnx_params.io.sources import BytesSource
from onnx_params.io.wire import LEN, Window, fields
from onnx_params.tensors.stored import StoredTensor

MAX_NODES: Final = 100_000  # that may take the place of calls, all in all
MAX_NESTED: Final = 8  # functions that call each other
_REFERS: Final = 21  # AttributeProto.ref_attr_name: the value is in the attributes of the call


def expand(model: Model) -> Model:
    """The model with each call that is given codes as the nodes of its function; the same model
    where there is none. Functions that nothing calls any more are left out.
    """
    if not model.functions:
        return model
    budget = _Budget(MAX_NODES)
    bodies = set(model.functions.values())
    graphs = {
        path: graph if path in bodies else _expanded(model, graph, budget)
        for path, graph in model.graphs.items()
    }
    if all(graphs[path] is graph for path, graph in model.graphs.items()):
        return model
    kept = _still_called(model, graphs)
    gone = bodies - kept
    return replace(
        model,
        graphs={path: graph for path, graph in graphs.items() if path not in gone},
        functions={key: path for key, path in model.functions.items() if path not in gone},
        calls_in_place=True,
    )


def _still_called(model: Model, graphs: dict[str, Graph]) -> set[str]:
    """The bodies that are called yet, and those that never were."""
    before = {path: _called(model, graph) for path, graph in model.graphs.items()}
    reached: set[str] = set()
    bodies = set(model.functions.values())
    todo = [path for path in graphs if path not in bodies]
    todo += sorted(bodies - set().union(*before.values()))
    while todo:
        path = todo.pop()
        if path in bodies:
            reached.add(path)
        todo.extend(_called(model, graphs[path]) - reached)
    return reached


def _called(model: Model, graph: Graph) -> set[str]:
    calls = {(node.domain, node.op_type) for node in graph.nodes} & model.functions.keys()
    return {model.functions[call] for call in calls}


class _Budget:
    """How many nodes may be put in the place of calls yet: functions that call each other can
    stand for more than a machine holds.
    """

    def __init__(self, n_nodes: int) -> None:
        self.n_left = n_nodes


def _expanded(model: Model, graph: Graph, budget: _Budget) -> Graph:
    """A graph with the calls that are given codes as nodes; the same graph where there are none."""
    codes = {tensor.name for tensor in graph.tensors if _are_codes(tensor)}
    calls = [
        node
        for node in graph.nodes
        if (node.domain, node.op_type) in model.functions and not codes.isdisjoint(node.inputs)
    ]
    if not calls:
        return graph
    nodes: list[Node] = []
    tensors: list[StoredTensor] = []
    moved: dict[int, int] = {}  # positions of the nodes of the graph, before -> after
    positions = {node.position for node in calls}
    for node in graph.nodes:
        made = _inside(model, graph.path, node, budget) if node.position in positions else None
        if made is None:
            moved[node.position] = len(nodes)
            nodes.append(node._replace(position=len(nodes)))
            continue
        tensors += [_placed(tensor, graph.path, len(nodes)) for tensor in made[1]]
        nodes += [each._replace(position=len(nodes) + at) for at, each in enumerate(made[0])]
    if len(nodes) == len(graph.nodes):
        return graph
    own = [_renumbered(tensor, moved) for tensor in graph.tensors]
    return replace(graph, nodes=tuple(nodes), tensors=(*own, *tensors))


def _are_codes(tensor: StoredTensor) -> bool:
    return tensor.dtype.is_narrow_integer and tensor.count > 1


def _renumbered(tensor: StoredTensor, moved: dict[int, int]) -> StoredTensor:
    node = tensor.place.node
    if node is None or moved.get(node, node) == node:
        return tensor
    return tensor._replace(place=replace(tensor.place, node=moved[node]))


def _placed(tensor: StoredTensor, path: str, moved_by: int, name: str = "") -> StoredTensor:
    """A constant of a function, in the graph of a call; its node stands as much further on."""
    node = tensor.place.node
    position = None if node is None else node + moved_by
    place = replace(tensor.place, graph=path, node=position)
    return tensor._replace(name=name or tensor.name, place=place)


_Inside = tuple[list[Node], list[StoredTensor]]


def _inside(
    model: Model, path: str, call: Node, budget: _Budget, nested: int = 0
) -> _Inside | None:
    """The nodes and constants that a call stands for, under names of their own, positions from 0;
    ``None`` where a function's nodes cannot stand anywhere else.
    """
    body = model.graphs[model.functions[call.domain, call.op_type]]
    if nested >= MAX_NESTED or len(body.nodes) > budget.n_left or not _can_move(body):
        return None
    budget.n_left -= len(body.nodes)
    names = _renaming(body, call)
    nodes: list[Node] = []
    tensors: list[StoredTensor] = []
    constants: dict[int, list[StoredTensor]] = {}
    for tensor in body.tensors:
        if tensor.place.node is not None:
            constants.setdefault(tensor.place.node, []).append(tensor)
    for node in body.nodes:
        renamed = node._replace(
            position=len(nodes),
            name=call.name,  # whose module's it is
            inputs=tuple(names(name) for name in node.inputs),
            outputs=tuple(names(name) for name in node.outputs),
        )
        is_call = (node.domain, node.op_type) in model.functions
        made = _inside(model, path, renamed, budget, nested + 1) if is_call else None
        if is_call and made is None:
            return None
        start = len(nodes)
        inner = ([renamed], []) if made is None else made
        nodes += [each._replace(position=start + at) for at, each in enumerate(inner[0])]
        tensors += [_placed(tensor, path, start) for tensor in inner[1]]
        for tensor in constants.get(node.position, ()):
            tensors.append(_placed(tensor, path, start - node.position, names(tensor.name)))
    return nodes, tensors


def _can_move(body: Graph) -> bool:
    """Whether a function's nodes say the same elsewhere: no branches of their own, no attribute
    that the call has.
    """
    if any(node.subgraphs for node in body.nodes):
        return False
    return not any(_refers(node) for node in body.nodes)


def _refers(node: Node) -> bool:
    for span in node.attribute_spans:
        data = node.source.read(span.start, span.n_bytes)
        window = Window(BytesSource(data, node.source.label))
        if any(
            number == _REFERS and kind == LEN and stop > start
            for number, kind, start, stop in fields(window, 0, len(data))
        ):
            return True
    return False


def _renaming(body: Graph, call: Node) -> Callable[[str], str]:
    """What the names of a function are where it is called: made up, by the name of the result."""
    prefix = next((name for name in call.outputs if name), f"node {call.position}")
    prefix = prefix if prefix.startswith("/") else f"/{prefix}"
    outside = {"": ""}
    for inner, outer in ((body.outputs, call.outputs), (body.inputs, call.inputs)):
        for at, name in enumerate(inner):
            given = outer[at] if at < len(outer) else ""
            if given or inner is body.inputs:
                outside[name] = given
    return lambda name: outside.get(name, f"{prefix}_{name}")
