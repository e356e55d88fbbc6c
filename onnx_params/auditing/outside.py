"""Tell weights that are used without their module: ``F.linear(x, layer.weight)``.

A layer that is never called itself leaves its bias out, and nothing was dropped. Exporters write
down in which module they met a node: TorchScript's in the node's name, dynamo's beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.dataflow.consumers import consumers
from onnx_params.idioms.naming import module_of
from onnx_params.idioms.torch_dynamo import FX_NODE_KEY, SCOPES_KEY, read_list
from onnx_params.idioms.torchscript import scope_of
from onnx_params.tensors.steps import Key


def is_used_outside(model: Model, name: str, stored: Iterable[Key], bias: str) -> bool:
    """Whether every operator that takes a parameter stands outside of the parameter's module, and
    the exporter has not written that it takes the bias as well.
    """
    module = module_of(name).rpartition(".")[2]
    nodes = [each.node for key in stored for each in consumers(model, model.stored[key])]
    return bool(module and nodes) and all(
        _is_outside(node, module) and not _mentions(node, bias) for node in nodes
    )


def _is_outside(node: Node, module: str) -> bool:
    path = _path_of(node)
    return path is not None and module not in path


def _path_of(node: Node) -> list[str] | None:
    """The names of the modules around a node; ``None`` where the exporter did not write it down."""
    scopes = read_list(node.read_metadata().get(SCOPES_KEY, ""))
    if len(scopes) > 1:
        return scopes[-2].split(".")
    scope = scope_of(node)
    return None if scope is None else scope.split(".")


def _mentions(node: Node, bias: str) -> bool:
    """Whether the call that dynamo's exporter met has a bias among its arguments."""
    placeholder = f"%p_{bias.replace('.', '_')}"
    return placeholder.lower() in node.read_metadata().get(FX_NODE_KEY, "").lower()
