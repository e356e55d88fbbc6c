"""Collect where each original parameter was consumed, by the FX calls that torch's exporter leaves
at nodes.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.idioms.torch_dynamo import (
    BATCH_NORMS,
    CLASSES_KEY,
    FOLDING,
    FX_NODE_KEY,
    MAKES_COMPLEX,
    OPERATORS,
    SCOPES_KEY,
    TAKES_COMPLEX,
    Call,
    read_call,
    read_list,
)

_MAKES_COMPLEX: Final = re.compile("|".join(rf"{re.escape(each)}\." for each in MAKES_COMPLEX))
_NORM: Final = "batch_norm"  # in the text of a call on one


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
        # stored names of weights and biases into which a batch norm was folded
        self.with_norm: set[str] = set()
        # results of calls that are complex numbers, which the file has as pairs of real ones
        self.complex: set[str] = set()
        for node in model.main.nodes:
            if not node.metadata_spans:
                continue
            metadata = node.read_metadata()
            text = metadata.get(FX_NODE_KEY, "")
            self._note_complex(text)
            is_norm = node.op_type in FOLDING and _NORM in text
            if "%p_" not in text and not is_norm:
                continue
            call = read_call(text)
            if call is None:
                continue
            # also one without weights of its own: its call is on buffers alone
            if is_norm and call.target in BATCH_NORMS:
                self.with_norm.update(node.inputs[1:3])
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

    def _note_complex(self, text: str) -> None:
        """Note the result of a call that makes complex numbers, or takes some and makes others."""
        if not self.complex and _MAKES_COMPLEX.search(text) is None:
            return
        call = read_call(text)
        if call is None or call.target in TAKES_COMPLEX:
            return
        if call.target in MAKES_COMPLEX or self.takes_complex(call):
            self.complex.add(call.result)

    def takes_complex(self, call: Call) -> bool:
        """Whether some argument of a call is the complex result of another."""
        return any(argument.removeprefix("%") in self.complex for argument in call.arguments)

    def of_call(self, result: str, op_types: tuple[str, ...]) -> list[Node]:
        """The nodes of one call, in graph order."""
        return [node for node in self._by_call.get(result, ()) if node.op_type in op_types]

    def of_node(self, name: str) -> list[Site]:
        """The places whose node takes a value as it is stored."""
        return self._by_input.get(name, [])
