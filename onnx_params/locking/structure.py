"""Digest a model's structure twice: with all names, and with values numbered in the order of their
use.

So a rename and a change of the graph are two different answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Set

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

Spot = tuple[Key, int | None, str]


def spot_of(tensor: StoredTensor) -> Spot:
    place = tensor.place
    inside = bool(place.op_type) and (place.op_type != "Constant" or bool(place.domain))
    return tensor.key, place.node if inside else None, place.attribute if inside else ""


def places_of(model: Model) -> dict[Spot, str]:
    """Where each stored tensor stands, without its name: its number in the order of use, or the
    node and attribute that holds it.
    """
    numbers = _Numbers(model)
    for _ in lines_of(model, named=False, numbers=numbers):
        pass
    found: dict[Spot, str] = {}
    graphs = {path: at for at, path in enumerate(model.graphs)}
    for tensor in model.tensors:
        spot = spot_of(tensor)
        if spot[1] is not None:
            found[spot] = f"{graphs[tensor.place.graph]}/{spot[1]}/{spot[2]}"
        elif tensor.key in numbers.of:
            found[spot] = str(numbers.of[tensor.key])
    return found


class _Numbers:
    """Values numbered in the order in which they occur."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.of: dict[Key, int] = {}

    def __call__(self, path: str, name: str) -> str:
        key = self.model.def_use.resolve(path, name)
        return str(self.of.setdefault(key, len(self.of))) if name else "-"


def lines_of(model: Model, *, named: bool, numbers: _Numbers | None = None) -> Iterator[str]:
    """What a digest of the structure is taken of.

    Names of the main graph's inputs and outputs are part of it either way: callers use them.
    """
    value = (lambda path, name: name) if named else (numbers or _Numbers(model))
    yield f"{model.ir_version} {sorted(model.opsets)}"
    stored = {tensor.key for tensor in model.tensors}
    for at, (path, graph) in enumerate(model.graphs.items()):
        true_inputs = [name for name in graph.inputs if (path, name) not in stored]
        yield (
            f"graph {at} {true_inputs if not path else [value(path, name) for name in true_inputs]}"
        )
        for name in true_inputs:
            value(path, name)
        for node in graph.nodes:
            if not _is_tensor(path, node, stored):
                yield _line(path, node, value, named)
        yield (
            f"outputs {list(graph.outputs) if not path else ''}"
            f" {[value(path, name) for name in graph.outputs]}"
        )


def _is_tensor(path: str, node: Node, stored: Set[Key]) -> bool:
    """Whether a node is nothing but a stored tensor, however that is written."""
    if node.op_type != "Constant" or node.domain:
        return False
    return all((path, name) in stored for name in node.outputs)


def _line(path: str, node: Node, value: Callable[[str, str], str], named: bool) -> str:
    inputs = [value(path, name) for name in node.inputs]
    outputs = [value(path, name) for name in node.outputs]
    attributes = sorted((name, repr(value)) for name, value in node.read_attributes().items())
    return (
        f"{node.name if named else ''} {node.domain or 'ai.onnx'} {node.op_type} {inputs} {outputs}"
        f" {attributes}"
    )


def digest_of(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        data = line.encode("utf-8", "backslashreplace")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
