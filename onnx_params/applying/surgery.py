"""Give a parameter a stored tensor of its own: one that was stored with an equal one, or left out
because it was zero. New initializers, and nodes that take them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from onnx_params.applying.shares import Share
from onnx_params.applying.targets import Target
from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.errors import UnsupportedError
from onnx_params.idioms.call_sites import Sites
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.tensors.encoding import PlaceKind
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

# operators whose bias is an input that may be missing, with its slot
BIAS_SLOTS: Final[Mapping[str, int]] = {
    "Gemm": 2,
    "Conv": 2,
    "ConvTranspose": 2,
    "LayerNormalization": 2,
}


class Graft(NamedTuple):
    """A new initializer of the main graph: its name, the stored tensor that it is like (in layout
    and type), what it holds, and the node slots that take it.
    """

    name: str
    like: StoredTensor
    share: Share
    slots: tuple[tuple[int, int], ...]  # position of a node, slot
    is_whole: bool  # it has the layout of ``like``, else the parameter's own


@dataclass(slots=True)
class Surgery:
    """Finds what becomes a stored tensor of its own, and who takes it."""

    model: Model
    targets: Mapping[str, Target]
    grafts: list[Graft] = field(default_factory=list)

    def split(self, key: Key, kept: str, others: Mapping[str, Share]) -> list[str]:
        """Give each of ``others``, which are stored with ``kept`` in one tensor, one of its own;
        those that no node takes have none, and are the answer.

        Raises :class:`UnsupportedError` where nothing says which nodes take which.
        """
        owners = _Owners(self.model, self.targets)
        tensor = self.model.stored[key]
        self._check_nodes()
        if key[0] or tensor.place.kind is not PlaceKind.INITIALIZER:
            raise UnsupportedError(f"'{key[1]}', which others share, is no initializer")
        slots: dict[str, list[tuple[int, int]]] = {name: [] for name in (kept, *others)}
        for use in self.model.def_use.uses(key):
            owner = owners.of(use, list(slots))
            if owner is None or use.node is None:
                raise UnsupportedError(
                    f"'{key[1]}' is it and '{kept}', and nothing says which node takes which"
                )
            slots[owner].append((use.node.position, use.slot))
        for name, share in others.items():
            if slots[name]:
                made = Graft(self._unused(name), tensor, share, tuple(slots[name]), True)
                self.grafts.append(made)
        return [name for name in others if not slots[name]]

    def add(self, target: Target, tensor: StoredTensor) -> str:
        """Add a bias that was left out where its layer can take one; the name that it gets.

        Raises :class:`UnsupportedError` where it cannot.
        """
        self._check_nodes()
        owners = _Owners(self.model, self.targets)
        nodes = [node for node in owners.nodes_of(target.name) if node.op_type in BIAS_SLOTS]
        free = [node for node in nodes if _is_free(node)]
        if not free or len(free) < len(nodes):
            raise UnsupportedError(
                "it was zero and left out, and no layer is known that has a free input for it"
            )
        weight = self.model.stored[self.model.def_use.resolve("", free[0].inputs[1])]
        slots = tuple((node.position, BIAS_SLOTS[node.op_type]) for node in free)
        name = self._unused(target.name)
        self.grafts.append(Graft(name, weight, Share(tensor), slots, False))
        return name

    def _check_nodes(self) -> None:
        """Refuse where the nodes are not those of the file, which are to take new tensors."""
        if self.model.calls_in_place:
            raise UnsupportedError(
                "it needs a stored tensor of its own, and its layer is in a local function of the"
                " model, which others share"
            )

    def _unused(self, name: str) -> str:
        """A name that no value of any graph has."""
        taken = self._names | {graft.name for graft in self.grafts}
        while name in taken:
            name = f"{name}.own"
        return name

    @property
    def _names(self) -> set[str]:
        names: set[str] = set()
        for graph in self.model.graphs.values():
            names.update(graph.inputs, graph.outputs, (tensor.name for tensor in graph.tensors))
            for node in graph.nodes:
                names.update(node.outputs)
        return names


def _is_free(node: Node) -> bool:
    slot = BIAS_SLOTS[node.op_type]
    return len(node.inputs) == slot or (len(node.inputs) > slot and not node.inputs[slot])


class _Owners:
    """Says for whom a node takes a value that several parameters share."""

    def __init__(self, model: Model, targets: Mapping[str, Target]) -> None:
        self.model = model
        self.targets = targets
        self.metadata = ExporterMetadata(model=model)

    @cached_property
    def _sites(self) -> Sites:
        return Sites(self.model)

    @cached_property
    def _holders(self) -> dict[Key, set[str]]:
        """Stored tensor -> the parameters in it."""
        found: dict[Key, set[str]] = {}
        for name, target in self.targets.items():
            for key in target.stored:
                found.setdefault(key, set()).add(name)
        return found

    def nodes_of(self, name: str) -> list[Node]:
        """The nodes of a parameter's layer: those that consumed it by the exporter's record, else
        those that take a parameter of its module.
        """
        placeholder = self.metadata.placeholders.get(name, "")
        by_call = {
            site.node.position: site.node
            for site in self._sites.by_placeholder.get(placeholder, ())
        }
        if by_call:
            return list(by_call.values())
        module = _module_of(name)
        found: dict[int, Node] = {}
        for key, holders in self._holders.items():
            if {_module_of(each) for each in holders} == {module} and not key[0]:
                for use in self.model.def_use.uses(key):
                    if use.node is not None and use.graph == "":
                        found[use.node.position] = use.node
        return list(found.values())

    def of(self, use: Use, names: Sequence[str]) -> str | None:
        """The one of ``names`` that a use is of; ``None`` where nothing says it."""
        node = use.node
        if node is None or use.graph:
            return None
        for words in (self._by_call, self._by_identity, self._by_sibling, self._by_scope):
            found = [name for name in names if words(node, name)]
            if len(found) == 1:
                return found[0]
        return None

    def _by_call(self, node: Node, name: str) -> bool:
        sites = self._sites.by_placeholder.get(self.metadata.placeholders.get(name, ""), ())
        return any(site.node.position == node.position for site in sites)

    def _by_identity(self, node: Node, name: str) -> bool:
        return node.op_type == "Identity" and name in node.outputs

    def _by_sibling(self, node: Node, name: str) -> bool:
        holders = [
            self._holders.get(self.model.def_use.resolve("", each), set())
            for each in node.inputs
            if each
        ]
        modules = {_module_of(next(iter(each))) for each in holders if len(each) == 1}
        return _module_of(name) in modules

    def _by_scope(self, node: Node, name: str) -> bool:
        scope = node.name.strip("/").rpartition("/")[0].replace("/", ".")
        return bool(scope) and scope == _module_of(name)


def _module_of(name: str) -> str:
    return name.rpartition(".")[0]
