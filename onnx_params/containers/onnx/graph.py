"""Define a model's structure: graphs, nodes, values, metadata; everything known, nothing loaded.

:mod:`onnx_params.containers.onnx.parse` makes these records; :class:`DefUse` answers who makes a
value and who uses it, across subgraphs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.io.sources import BytesSource, Source
from onnx_params.io.wire import I32, LEN, VARINT, Window, fields, signed, varints
from onnx_params.tensors.encoding import Span
from onnx_params.tensors.stored import StoredTensor

AttributeValue = int | float | str | list[int] | list[float] | list[str] | None


class Node(NamedTuple):
    """One operator call.

    ``attribute_spans`` and ``metadata_spans`` are decoded by the methods, which read the file.
    """

    position: int
    op_type: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attribute_spans: tuple[Span, ...]
    metadata_spans: tuple[Span, ...]
    subgraphs: tuple[str, ...]
    source: Source

    def read_attributes(self) -> dict[str, AttributeValue]:
        """Decode numbers and strings among the attributes; tensors and graphs are ``None`` here.

        Touches the disk.
        """
        return dict(
            _attribute(BytesSource(self.source.read(s.start, s.n_bytes)))
            for s in self.attribute_spans
        )

    def read_metadata(self) -> dict[str, str]:
        """Decode ``metadata_props``. Touches the disk."""
        return read_pairs(self.source, self.metadata_spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph, subgraph or function body.

    ``path`` is ``""`` for the main graph, else the way there.
    """

    path: str
    parent: str | None
    name: str
    nodes: tuple[Node, ...]
    tensors: tuple[StoredTensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    value_info_spans: tuple[Span, ...]
    metadata_spans: tuple[Span, ...]
    source: Source

    def read_metadata(self) -> dict[str, str]:
        """Decode ``metadata_props``. Touches the disk."""
        return read_pairs(self.source, self.metadata_spans)

    def read_value_metadata(self) -> dict[str, dict[str, str]]:
        """Decode the ``metadata_props`` of ``value_info``: value name -> pairs; values without any
        are left out.
        """
        found: dict[str, dict[str, str]] = {}
        window = Window(self.source)
        for span in self.value_info_spans:
            name, pairs = "", []
            for number, kind, a, b in fields(window, *span):
                if number == 1 and kind == LEN:
                    name = window.text(a, b)
                elif number == 4 and kind == LEN:
                    pairs.append(Span(a, b))
            if pairs:
                found.setdefault(name, {}).update(read_pairs(self.source, pairs))
        return found


@dataclass(frozen=True, kw_only=True)
class Model:
    """An artifact's structure.

    ``graphs`` maps paths to graphs, the main one first, in file order; ``functions`` maps domain
    and name of a local function to the path of its body. ``checkpoint`` is set where the artifact
    is one: it then has one graph without nodes. ``computed`` has the stored tensors of which each
    computed weight is made, by keys, ``computed_values`` the values between them. With
    ``calls_in_place``, nodes of local functions stand where those were called: positions of nodes
    are not those in the file.
    """

    source: Source
    path: str | None
    ir_version: int
    producer_name: str
    producer_version: str
    opsets: tuple[tuple[str, int], ...]
    graphs: Mapping[str, Graph]
    metadata_spans: tuple[Span, ...]
    functions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    computed: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    computed_values: frozenset[tuple[str, str]] = frozenset()
    calls_in_place: bool = False

    @property
    def main(self) -> Graph:
        return self.graphs[""]

    @property
    def tensors(self) -> Iterator[StoredTensor]:
        """Every stored tensor, graph by graph in file order."""
        for graph in self.graphs.values():
            yield from graph.tensors

    def read_metadata(self) -> dict[str, str]:
        """Decode the model's ``metadata_props``. Touches the disk."""
        return read_pairs(self.source, self.metadata_spans)

    @cached_property
    def stored(self) -> dict[tuple[str, str], StoredTensor]:
        """Stored tensors by key; of two with one key the last."""
        return {tensor.key: tensor for tensor in self.tensors}

    @cached_property
    def parts_of_computed(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Stored tensors of which a weight is computed -> that weight."""
        return {part: whole for whole, parts in self.computed.items() for part in parts}

    @cached_property
    def def_use(self) -> DefUse:
        """Who makes and who uses each value."""
        return DefUse(self)


class Use(NamedTuple):
    """One use of a value: input ``slot`` of ``node``; ``node`` is ``None`` where the value is an
    output of its graph.
    """

    graph: str
    node: Node | None
    slot: int


class DefUse:
    """Producers and consumers of every value.

    A name inside a subgraph means the nearest graph outwards that defines it.
    """

    def __init__(self, model: Model) -> None:
        self._graphs = model.graphs
        self._functions = model.functions
        # path of a subgraph or function body -> the nodes that run it
        self._owners: dict[str, list[tuple[str, Node]]] = {}
        self._defined: dict[str, set[str]] = {}
        self._uses: dict[tuple[str, str], list[Use]] = {}
        self._producer: dict[tuple[str, str], Node] = {}
        for path, graph in model.graphs.items():
            defined = self._defined[path] = {*graph.inputs, *(t.name for t in graph.tensors)}
            for node in graph.nodes:
                defined.update(node.outputs)
                for name in node.outputs:
                    self._producer[path, name] = node
                for body in node.subgraphs:
                    self._owners.setdefault(body, []).append((path, node))
                if model.functions and (node.domain, node.op_type) in model.functions:
                    self._owners.setdefault(model.functions[node.domain, node.op_type], []).append(
                        (path, node)
                    )
        for path, graph in model.graphs.items():
            own = self._defined[path]
            uses = self._uses
            for node in graph.nodes:
                for slot, name in enumerate(node.inputs):
                    if name:
                        key = (path, name) if name in own else self.resolve(path, name)
                        uses.setdefault(key, []).append(Use(path, node, slot))
            for slot, name in enumerate(graph.outputs):
                uses.setdefault(self.resolve(path, name), []).append(Use(path, None, slot))

    def resolve(self, path: str, name: str) -> tuple[str, str]:
        """The key ``(graph path, name)`` of what ``name`` means inside the graph at ``path``."""
        at: str | None = path
        while at is not None:
            if name in self._defined[at]:
                return at, name
            at = self._graphs[at].parent
        return path, name

    def uses(self, key: tuple[str, str]) -> list[Use]:
        """Who consumes a value, in graph order."""
        return self._uses.get(key, [])

    def across_border(self, use: Use) -> list[tuple[str, str]] | None:
        """The values under which a used one goes on across the border of a graph, ``None`` where
        the use crosses none.

        Into the body of a local function or a loop, out of a branch, a body or a function to the
        outputs of the nodes that run it.
        """
        node, slot = use.node, use.slot
        if node is None:
            crossed: list[tuple[str, str]] = []
            for path, owner in self._owners.get(use.graph, ()):
                # a loop's first output is its condition
                at = slot - 1 if owner.op_type == "Loop" and not owner.domain else slot
                if 0 <= at < len(owner.outputs):
                    crossed.append((path, owner.outputs[at]))
            return crossed
        body = self._functions.get((node.domain, node.op_type))
        if body is None and node.op_type in ("Loop", "Scan") and node.subgraphs:
            body = node.subgraphs[0]
        if body is None:
            return None
        inputs = self._graphs[body].inputs
        return [(body, inputs[slot])] if slot < len(inputs) else []

    def producer(self, key: tuple[str, str]) -> Node | None:
        """The node that makes a value; ``None`` for inputs and initializers."""
        return self._producer.get(key)


def read_pairs(source: Source, spans: tuple[Span, ...] | list[Span]) -> dict[str, str]:
    """Decode ``StringStringEntryProto`` messages; a key that is there twice keeps its
    last value.
    """
    if not spans:
        return {}
    start, stop = spans[0].start, spans[-1].stop  # they lie side by side: one read, not one each
    if stop - start > 2 * sum(span.n_bytes for span in spans) + 64:
        return {k: v for span in spans for k, v in read_pairs(source, [span]).items()}
    window = Window(BytesSource(source.read(start, stop - start), source.label))
    pairs: dict[str, str] = {}
    for span in spans:
        key = value = ""
        for number, kind, a, b in fields(window, span.start - start, span.stop - start):
            if number == 1 and kind == LEN:
                key = window.text(a, b)
            elif number == 2 and kind == LEN:
                value = window.text(a, b)
        pairs[key] = value
    return pairs


def _attribute(source: BytesSource) -> tuple[str, AttributeValue]:
    """Decode one AttributeProto: fields f 2, i 3, s 4, floats 7, ints 8, strings 9."""
    name = ""
    single: AttributeValue = None
    floats: list[float] = []
    ints: list[int] = []
    strings: list[str] = []
    window = Window(source)
    for number, kind, a, b in fields(window, 0, source.n_bytes):
        if number == 1:
            name = window.text(a, b)
        elif kind == VARINT:
            if number == 8:
                ints.append(signed(a))
            elif number == 3:
                single = signed(a)
        elif kind == LEN:
            if number == 4:
                single = window.text(a, b)
            elif number == 7:
                floats.extend(_floats(window.bytes(a, b)))
            elif number == 8:
                ints.extend(map(signed, varints(window.bytes(a, b))))
            elif number == 9:
                strings.append(window.text(a, b))
        elif kind == I32:
            if number == 2:
                single = float(struct.unpack("<f", window.bytes(a, b))[0])
            elif number == 7:
                floats.extend(_floats(window.bytes(a, b)))
    return name, _first(floats, ints, strings) or single


def _floats(data: bytes) -> list[float]:
    """The float32 numbers in bytes; what is left over at the end is none."""
    return [value for (value,) in struct.iter_unpack("<f", data[: len(data) & ~3])]


def _first(
    floats: list[float], ints: list[int], strings: list[str]
) -> list[float] | list[int] | list[str]:
    """The first list that is not empty."""
    return floats or ints or strings
