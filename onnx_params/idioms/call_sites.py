"""Collect where each original parameter was consumed, by the FX calls that torch's exporter leaves
at nodes.
"""

from __future__ import annotations

from typing import NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.idioms.torch_dynamo import (
    CLASSES_KEY,
    FX_NODE_KEY,
    OPERATORS,
    SCOPES_KEY,
    Call,
    read_call,
    read_list,
)


class Site(NamedTuple):
    """One place where a parameter was consumed: the node, its FX call, the argument's role, the
    module's path and class.
    """

    node: Node
    call: Call
    role: str
    scope: str
    module: str

    @property
    def is_whole(self) -> bool:
        """Whether the node's slots are the call's arguments, and not those of something that was
        fused with it.
        """
        return self.node.op_type.removesuffix("Integer") in OPERATORS.get(self.call.target, ())


class Sites:
    """All places of a model, by what was consumed there, by module path, by call, and by the stored
    tensors of the node.
    """

    def __init__(self, model: Model) -> None:
        self.by_placeholder: dict[str, list[Site]] = {}
        self.by_scope: dict[str, list[Site]] = {}
        self._by_call: dict[str, list[Node]] = {}
        self._by_input: dict[str, list[Site]] = {}
        for node in model.main.nodes:
            if not node.metadata_spans:
                continue
            metadata = node.read_metadata()
            text = metadata.get(FX_NODE_KEY, "")
            if "%p_" not in text:
                continue
            call = read_call(text)
            if call is None:
                continue
            self._by_call.setdefault(call.result, []).append(node)
            scopes = read_list(metadata.get(SCOPES_KEY, ""))
            classes = read_list(metadata.get(CLASSES_KEY, ""))
            roles = call.roles
            for position, argument in enumerate(call.arguments):
                for placeholder in call.placeholders(argument):
                    role = roles[position] if position < len(roles) else ""
                    site = Site(
                        node,
                        call,
                        role,
                        scopes[-2] if len(scopes) > 1 else "",
                        classes[-2] if len(classes) > 1 else "",
                    )
                    self.by_placeholder.setdefault(placeholder, []).append(site)
                    self.by_scope.setdefault(site.scope, []).append(site)
                    for name in node.inputs:
                        self._by_input.setdefault(name, []).append(site)

    def of_call(self, result: str, op_types: tuple[str, ...]) -> list[Node]:
        """The nodes of one call, in graph order."""
        return [node for node in self._by_call.get(result, ()) if node.op_type in op_types]

    def of_node(self, name: str) -> list[Site]:
        """The places whose node takes a value as it is stored."""
        return self._by_input.get(name, [])
