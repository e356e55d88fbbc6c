"""Know the modules of a model by the scopes of its nodes, and where an operator in one of them uses
a stored tensor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import Consumer
from onnx_params.dataflow.view import View
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import containers, is_recomputed, real_name, scope_of
from onnx_params.operators.record import Kind
from onnx_params.tensors.stored import StoredTensor

_RESHAPED: Final = re.compile(r"(/Reshape(_\d+)?_output_\d+|^view(_\d+)?)$")


class Modules:
    """The modules of a model, by the scopes of its nodes."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @cached_property
    def _paths(self) -> dict[str, str]:
        """The beginnings of scopes that are others than those of the modules' names, with these: a
        module has no scope of its own where a list in it has its name.

        By the nodes whose scope ends as the module of a tensor does that they take; beginnings that
        stand for several modules are left out.
        """
        found: dict[str, set[str]] = {}
        for graph in self._model.graphs.values():
            for node in graph.nodes:
                scope = scope_of(node)
                for name in node.inputs if scope else ():
                    owner = (real_name(as_exported(self._model, name)) or "").rpartition(".")[0]
                    if owner and (graph.path, name) in self._model.stored:
                        for beginning, path in _beginnings(scope or "", owner):
                            found.setdefault(beginning, set()).add(path)
        return {
            scope: next(iter(paths))
            for scope, paths in found.items()
            if scope and len(paths) == 1 and scope not in paths
        }

    def path_of(self, scope: str) -> str:
        """The path of a module by its scope: as its neighbors with names say, else the scope."""
        words = scope.split(".")
        for length in range(len(words), 0, -1):
            path = self._paths.get(".".join(words[:length]))
            if path is not None:
                return ".".join(filter(None, [path, *words[length:]]))
        return scope

    def has_children(self, scope: str) -> bool:
        """Whether other modules stand in the module: it is no layer of its framework's."""
        return scope in containers(self._model)


def _beginnings(scope: str, owner: str) -> Iterator[tuple[str, str]]:
    """The beginnings of a scope with those of a module's path that they stand for, by the words
    that both end with; none where they end otherwise.
    """
    one, two = scope.split("."), owner.split(".")
    while one and two and one[-1] == two[-1]:
        one.pop()
        two.pop()
        if one:
            yield ".".join(one), ".".join(two)


class Place(NamedTuple):
    """A stored tensor where an operator uses it."""

    model: Model
    modules: Modules
    tensor: StoredTensor
    consumer: Consumer

    @property
    def scope(self) -> str:
        """The module in which the operator stands; empty where that is not known."""
        return self.modules.path_of(scope_of(self.consumer.node) or "")

    @property
    def is_container(self) -> bool:
        """Whether the operator stands in a module that has modules in it."""
        return self.modules.has_children(scope_of(self.consumer.node) or "")

    @property
    def computed_view(self) -> View | None:
        """That the numbers were computed, where the name of the tensor says so."""
        name = self.tensor.name
        operator = self.consumer.operator
        # no module turns its kernel into another shape without computing something of it
        is_kernel = operator is not None and operator.kind is Kind.CONVOLUTION
        is_reshaped = is_kernel and _RESHAPED.search(name_before(name)) is not None
        return View.FOLDED if is_reshaped or is_recomputed(name) else None
