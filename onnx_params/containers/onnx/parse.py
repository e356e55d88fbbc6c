"""Turn ONNX bytes into :class:`~onnx_params.containers.onnx.graph.Model`: one walk, no payload
loaded.

Field numbers: ``onnx.proto`` of onnx 1.23 (IR 14), ModelProto, GraphProto, FunctionProto.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from onnx_params.containers.onnx.attribute_tensors import (
    Labels,
    Owner,
    graph_path,
    is_graph,
    numbers_of,
    parts_of,
    tensor_of,
)
from onnx_params.containers.onnx.graph import Graph, Model, Node
from onnx_params.containers.onnx.parse_nodes import read_node
from onnx_params.containers.onnx.parse_tensors import TensorReader
from onnx_params.errors import FormatError
from onnx_params.io.sources import Source
from onnx_params.io.wire import LEN, VARINT, fields, signed
from onnx_params.tensors.encoding import Place, PlaceKind, Span
from onnx_params.tensors.stored import StoredTensor

MAX_DEPTH: Final = 32  # nested graphs, onnxruntime's own cap
_HAS_OPSETS: Final = 3  # the IR version from which every model names its operator sets
_TRAINING: Final = {1: "initialization", 2: "algorithm"}  # graphs of TrainingInfoProto


@dataclass(slots=True)
class _ModelParts:
    """The fields of a model, while they are read."""

    ir_version: int = 0
    texts: dict[int, str] = field(default_factory=dict)  # producer 2, its version 3
    opsets: list[tuple[str, int]] = field(default_factory=list)
    spans: dict[int, list[Span]] = field(default_factory=dict)

    def of(self, number: int) -> list[Span]:
        """The spans of a field: graph 7, metadata 14, training 20, functions 25."""
        return self.spans.get(number, [])


class Parser:
    """One parse of one artifact."""

    def __init__(self, source: Source, path: str | None) -> None:
        self.source = source
        self.path = path
        self.reader = TensorReader(source, path)
        self.window = self.reader.window
        self.graphs: dict[str, Graph] = {}
        self.repeats: dict[str, int] = {}

    def model(self) -> Model:
        """Walk a ModelProto. Raises :class:`FormatError` where the bytes are none."""
        parts = self._parts()
        self._check(parts)
        self.graph("", None, parts.of(7), 0)
        bodies: dict[tuple[str, str], str] = {}
        for span in parts.of(25):
            key, path = self.function(span)
            bodies.setdefault(key, path)
        for position, span in enumerate(parts.of(20)):
            for number, kind, a, b in fields(self.window, *span, whole=False):
                if kind == LEN and number in _TRAINING:
                    self.graph(f"training[{position}].{_TRAINING[number]}", "", [Span(a, b)], 0)
        return Model(
            source=self.source,
            path=self.path,
            ir_version=parts.ir_version,
            producer_name=parts.texts.get(2, ""),
            producer_version=parts.texts.get(3, ""),
            opsets=tuple(parts.opsets),
            graphs=self.graphs,
            metadata_spans=tuple(parts.of(14)),
            functions=bodies,
        )

    def _parts(self) -> _ModelParts:
        parts = _ModelParts()
        for number, kind, a, b in fields(self.window, 0, self.source.n_bytes, whole=False):
            if kind == VARINT and number == 1:
                parts.ir_version = a
            elif kind == LEN and number in (2, 3):
                parts.texts[number] = self.window.text(a, b)
            elif kind == LEN and number == 8:
                parts.opsets.append(self._opset(Span(a, b)))
            elif kind == LEN:
                parts.spans.setdefault(number, []).append(Span(a, b))
        return parts

    def _check(self, parts: _ModelParts) -> None:
        if not parts.of(7):
            raise FormatError(f"{self.source.label}: has no graph: not an ONNX model")
        if parts.ir_version >= _HAS_OPSETS and not parts.opsets:
            # they stand last, and are what a cut-off file lacks
            raise FormatError(
                f"{self.source.label}: names no operator set, which every model since IR 3 must;"
                " was the download complete?"
            )

    def _opset(self, span: Span) -> tuple[str, int]:
        domain, version = "", 0
        for number, kind, a, b in fields(self.window, *span):
            if number == 1 and kind == LEN:
                domain = self.window.text(a, b)
            elif number == 2 and kind == VARINT:
                version = signed(a)
        return domain, version

    def graph(self, path: str, parent: str | None, spans: Iterable[Span], depth: int) -> None:
        """Walk a GraphProto, given in one piece or several, into ``self.graphs[path]``."""
        if depth > MAX_DEPTH:
            raise FormatError(
                f"{self.source.label}: graphs are nested more than {MAX_DEPTH} deep, which no"
                " runtime runs"
            )
        builder = GraphBuilder(self, path, parent, depth)
        place = Place(kind=PlaceKind.INITIALIZER, graph=path)
        self.graphs[path] = builder.done()  # keeps its place before its subgraphs
        for span in spans:
            for number, kind, a, b in fields(self.window, *span, whole=False):
                if kind != LEN:
                    continue
                if number == 1:
                    builder.node(a, b)
                elif number == 5:
                    builder.tensors.append(self.reader.tensor([Span(a, b)], place))
                elif number == 13:
                    builder.value_info.append(Span(a, b))
                elif number == 11 or number == 12:
                    (builder.inputs if number == 11 else builder.outputs).append(
                        self._first_text(a, b)
                    )
                elif number == 2:
                    builder.name = self.window.text(a, b)
                elif number == 15:
                    builder.tensors.append(
                        self.reader.sparse(
                            [Span(a, b)], Place(kind=PlaceKind.SPARSE_INITIALIZER, graph=path)
                        )
                    )
                elif number == 16:
                    builder.metadata.append(Span(a, b))
        self.graphs[path] = builder.done()

    def function(self, span: Span) -> tuple[tuple[str, str], str]:
        """Walk a FunctionProto into a graph of its own, which counts once however often it is
        called: ``((domain, name), path)``.
        """
        text = self.window.text
        name = domain = ""
        for number, kind, a, b in fields(self.window, *span, whole=False):
            if kind == LEN and number == 1:
                name = text(a, b)
            elif kind == LEN and number == 10:
                domain = text(a, b)
        path = f"function {domain}.{name}" if domain else f"function {name}"
        path = self.unused(path)
        builder = GraphBuilder(self, path, None, 0)
        builder.name = name
        self.graphs[path] = builder.done()
        for number, kind, a, b in fields(self.window, *span, whole=False):
            if kind != LEN:
                continue
            if number == 4:
                builder.inputs.append(text(a, b))
            elif number == 5:
                builder.outputs.append(text(a, b))
            elif number == 7:
                builder.node(a, b)
            elif number == 11:
                builder.attribute(Span(a, b), Owner(path, -1, "function", domain, name, ()))
            elif number == 12:
                builder.value_info.append(Span(a, b))
            elif number == 14:
                builder.metadata.append(Span(a, b))
        self.graphs[path] = builder.done()
        return ("" if domain == "ai.onnx" else domain, name), path

    def unused(self, path: str) -> str:
        """The path, or where a graph has it already, one beside it."""
        if path not in self.graphs:
            return path
        count = self.repeats[path] = self.repeats.get(path, 1) + 1
        return self.unused(f"{path}#{count}")

    def _first_text(self, start: int, stop: int) -> str:
        name = ""
        for number, kind, a, b in fields(self.window, start, stop):
            if number == 1 and kind == LEN:
                name = self.window.text(a, b)
        return name


class GraphBuilder:
    """What a graph or function is made of, while it is being read."""

    def __init__(self, parser: Parser, path: str, parent: str | None, depth: int) -> None:
        self.parser = parser
        self.path = path
        self.parent = parent
        self.depth = depth
        self.name = ""
        self.nodes: list[Node] = []
        self.tensors: list[StoredTensor] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.value_info: list[Span] = []
        self.metadata: list[Span] = []
        self.labels = Labels()

    def done(self) -> Graph:
        """The graph with what was read so far."""
        return Graph(
            path=self.path,
            parent=self.parent,
            name=self.name,
            nodes=tuple(self.nodes),
            tensors=tuple(self.tensors),
            inputs=tuple(self.inputs),
            outputs=tuple(self.outputs),
            value_info_spans=tuple(self.value_info),
            metadata_spans=tuple(self.metadata),
            source=self.parser.source,
        )

    def node(self, start: int, stop: int) -> None:
        """Walk a NodeProto, look into its attributes for tensors and graphs, append it."""
        parts = read_node(self.parser.window, start, stop)
        index = len(self.nodes)
        outputs = tuple(parts.outputs)
        subgraphs: tuple[str, ...] = ()
        if parts.attributes:
            label = parts.name or f"{parts.op_type}_{index}"
            owner = Owner(self.path, index, parts.op_type, parts.domain, label, outputs)
            read = [path for span in parts.attributes for path in self.attribute(span, owner)]
            subgraphs = tuple(read)
        self.nodes.append(
            Node(
                index,
                parts.op_type,
                parts.domain,
                parts.name,
                tuple(parts.inputs),
                outputs,
                tuple(parts.attributes),
                tuple(parts.metadata),
                subgraphs,
                self.parser.source,
            )
        )

    def attribute(self, span: Span, owner: Owner) -> list[str]:
        """Add the tensors in an AttributeProto and read its graphs; returns the paths of those."""
        reader = self.parser.reader
        if owner.may_have_numbers:
            numbers = numbers_of(reader, self.labels, owner, span)
            self.tensors.extend(numbers.tensors)
            if numbers.has_any:
                return []
        name, parts_ = parts_of(reader, span)
        paths: list[str] = []
        for piece in parts_:
            if is_graph(piece):
                path = self.parser.unused(graph_path(owner, name, piece))
                self.parser.graph(path, self.path, piece.spans, self.depth + 1)
                paths.append(path)
            else:
                self.tensors.append(tensor_of(reader, self.labels, owner, name, piece))
        return paths
