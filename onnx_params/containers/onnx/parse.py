"""Turn ONNX bytes into :class:`~onnx_params.graph.Model`: one walk, no payload loaded.

Field numbers: ``onnx.proto`` of onnx 1.23 (IR 14); each table below names its message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from onnx_params.containers.onnx.attributes import LISTS, scan
from onnx_params.containers.onnx.graph import Graph, Model, Node, read_pairs
from onnx_params.errors import FormatError, UnsupportedError
from onnx_params.io.external import locate
from onnx_params.io.sources import Source
from onnx_params.io.wire import HEADER, LEN, VARINT, Window, fields, signed, varints
from onnx_params.operators.attributes import ATTRIBUTES, OPAQUE, OPAQUE_BYTES
from onnx_params.operators.schemas import KNOWN_DOMAINS
from onnx_params.tensors.dtypes import BY_CODE
from onnx_params.tensors.encoding import Encoding, External, Place, PlaceKind, Span
from onnx_params.tensors.stored import StoredTensor

MAX_DEPTH: Final = 32  # nested graphs, onnxruntime's own cap

# TensorProto: typed fields, by number, with the type of each entry
_TYPED: Final = {
    4: Encoding.FLOATS,
    5: Encoding.INT32S,
    6: Encoding.STRINGS,
    7: Encoding.INT64S,
    9: Encoding.RAW,
    10: Encoding.DOUBLES,
    11: Encoding.UINT64S,
}
# tags of NodeProto's input, output, name, op_type, domain
_NODE_STRINGS: Final = frozenset(number << 3 | LEN for number in (1, 2, 3, 4, 7))
# Attributes of Constant that are numbers: their names in the operator's schema
_CONSTANT: Final = frozenset(
    {"value_float", "value_int", "value_string", "value_floats", "value_ints", "value_strings"}
)
# field of AttributeProto -> element type
_TYPE_OF_FIELD: Final = {2: 1, 3: 7, 4: 8, 7: 1, 8: 7, 9: 8}
# a list of numbers longer than this, of an operator that is in no table, is listed as a stored
# tensor
MIN_NUMBERS: Final = 16


class Parser:
    """One parse of one artifact."""

    def __init__(self, source: Source, path: str | None) -> None:
        self.source = source
        self.path = path
        self.window = Window(source)
        self.graphs: dict[str, Graph] = {}
        self.located: dict[str, object] = {}
        self.repeats: dict[str, int] = {}

    def model(self) -> Model:
        """Walk a ModelProto. Raises :class:`FormatError` where the bytes are none."""
        window, text = self.window, self.window.text
        graph_spans: list[Span] = []
        functions: list[Span] = []
        training: list[Span] = []
        metadata: list[Span] = []
        opsets: list[tuple[str, int]] = []
        ir_version, producer, producer_version = 0, "", ""
        for number, kind, a, b in fields(window, 0, self.source.n_bytes, held=False):
            if kind == VARINT:
                if number == 1:
                    ir_version = a
            elif kind != LEN:
                continue
            elif number == 2:
                producer = text(a, b)
            elif number == 3:
                producer_version = text(a, b)
            elif number == 7:
                graph_spans.append(Span(a, b))
            elif number == 8:
                opsets.append(self._opset(Span(a, b)))
            elif number == 14:
                metadata.append(Span(a, b))
            elif number == 20:
                training.append(Span(a, b))
            elif number == 25:
                functions.append(Span(a, b))
        if not graph_spans:
            raise FormatError(f"{self.source.label}: has no graph: not an ONNX model")
        # required since IR 3; it stands last, and is what a cut-off file lacks
        if ir_version >= 3 and not opsets:
            raise FormatError(
                f"{self.source.label}: names no operator set, which every model since IR 3 must;"
                " was the download complete?"
            )
        self.graph("", None, graph_spans, 0)
        bodies: dict[tuple[str, str], str] = {}
        for span in functions:
            key, path = self.function(span)
            bodies.setdefault(key, path)
        for position, span in enumerate(training):
            for number, kind, a, b in fields(window, *span, held=False):
                if kind == LEN and number in (1, 2):
                    self.graph(
                        f"training[{position}].{'initialization' if number == 1 else 'algorithm'}",
                        "",
                        [Span(a, b)],
                        0,
                    )
        return Model(
            source=self.source,
            path=self.path,
            ir_version=ir_version,
            producer_name=producer,
            producer_version=producer_version,
            opsets=tuple(opsets),
            graphs=self.graphs,
            metadata_spans=tuple(metadata),
            functions=bodies,
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
        builder = _Body(self, path, parent, depth)
        place = Place(kind=PlaceKind.INITIALIZER, graph=path)
        self.graphs[path] = builder.empty()  # keeps its place before its subgraphs
        for span in spans:
            for number, kind, a, b in fields(self.window, *span, held=False):
                if kind != LEN:
                    continue
                if number == 1:
                    builder.node(a, b)
                elif number == 5:
                    builder.tensors.append(self.tensor([Span(a, b)], place))
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
                        self.sparse(
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
        for number, kind, a, b in fields(self.window, *span, held=False):
            if kind == LEN and number == 1:
                name = text(a, b)
            elif kind == LEN and number == 10:
                domain = text(a, b)
        path = f"function {domain}.{name}" if domain else f"function {name}"
        path = self.unused(path)
        builder = _Body(self, path, None, 0)
        builder.name = name
        self.graphs[path] = builder.empty()
        for number, kind, a, b in fields(self.window, *span, held=False):
            if kind != LEN:
                continue
            if number == 4:
                builder.inputs.append(text(a, b))
            elif number == 5:
                builder.outputs.append(text(a, b))
            elif number == 7:
                builder.node(a, b)
            elif number == 11:
                builder.attribute(Span(a, b), -1, "function", domain, name, ())
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

    def sparse(self, spans: Iterable[Span], place: Place) -> StoredTensor:
        """Walk a SparseTensorProto: values 1, indices 2, dims 3."""
        values: list[Span] = []
        indices: list[Span] = []
        dims: list[int] = []
        for span in spans:
            for number, kind, a, b in fields(self.window, *span, held=False):
                if number == 3 and kind == VARINT:
                    dims.append(signed(a))
                elif number == 3 and kind == LEN:
                    dims.extend(map(signed, varints(self.window.bytes(a, b))))
                elif kind == LEN and number in (1, 2):
                    (values if number == 1 else indices).append(Span(a, b))
        return self.tensor(values, place, dense=tuple(dims), indices=self.tensor(indices, place))

    def tensor(
        self,
        spans: Iterable[Span],
        place: Place,
        *,
        name: str | None = None,
        dense: tuple[int, ...] | None = None,
        indices: StoredTensor | None = None,
    ) -> StoredTensor:
        """Walk a TensorProto, step over its payload, check that the payload is as long as its shape
        says.
        """
        dims: list[int] = []
        code, own_name, external = 0, "", False
        payload: list[Span] = []
        pairs: list[Span] = []
        encoding = Encoding.EMPTY
        for span in spans:
            start = span.start
            if code == 0:
                dims, code, own_name, payload, start = self._usual(span)
                encoding = Encoding.RAW if payload else Encoding.EMPTY
            for number, kind, a, b in (
                fields(self.window, start, span.stop, held=False) if start < span.stop else ()
            ):
                if number == 1:
                    dims.extend(
                        [signed(a)]
                        if kind == VARINT
                        else map(signed, varints(self.window.bytes(a, b)))
                    )
                elif number == 2 and kind == VARINT:
                    code = a
                elif number == 8 and kind == LEN:
                    own_name = self.window.text(a, b)
                elif number in _TYPED:
                    if kind == VARINT:  # not packed: the number stands where its field ends
                        payload.append(Span(b - _varint_length(a), b))
                    elif b > a or number == 6:
                        payload.append(Span(a, b))
                    else:
                        continue
                    encoding = _TYPED[number]
                elif number == 13 and kind == LEN:
                    pairs.append(Span(a, b))
                elif number == 14 and kind == VARINT:
                    external = a == 1
                elif number == 3 and kind == LEN:
                    raise UnsupportedError(
                        f"{self.source.label}: a tensor is stored in segments, which no exporter is"
                        " known to write"
                    )
        if code not in BY_CODE:
            raise FormatError(
                f"{self.source.label}: tensor '{own_name}' has the unknown element type {code}"
            )
        if dims and min(dims) < 0:
            raise FormatError(
                f"{self.source.label}: tensor '{own_name}' has a negative dimension: {dims}"
            )
        if external:
            encoding, payload = Encoding.EXTERNAL, []
        elif encoding is Encoding.RAW:  # a scalar field that is there twice: the last one counts
            payload = payload[-1:]
        tensor = StoredTensor(
            name=own_name if name is None else name,
            dtype=BY_CODE[code],
            shape=tuple(dims) if dense is None else dense,
            place=place,
            encoding=encoding,
            spans=tuple(payload),
            source=self.source,
            external=self._external(pairs, own_name) if external else None,
            indices=indices,
            stored=None if dense is None else _product(dims),
        )
        check_length(tensor, self.source.label)
        return tensor

    def _usual(self, span: Span) -> tuple[list[int], int, str, list[Span], int]:
        """What most tensors begin with, and many are: dimensions, type, name, raw data of one or
        two bytes each, in place; the rest is for others.

        Gives the address where it stopped, at the first field that is not so.
        """
        dims: list[int] = []
        code, name, payload = 0, "", []
        start, stop = span
        buf, base = self.window.view(start, min(stop, start + HEADER))
        pos, end = start - base, stop - base
        last = min(end, len(buf)) - HEADER
        while pos <= last:
            tag, value = buf[pos], buf[pos + 1]
            if value >= 0x80:
                more = buf[pos + 2]
                if more >= 0x80:
                    break
                value, after = value & 0x7F | more << 7, pos + 3
            else:
                after = pos + 2
            if tag == 0x08:
                dims.append(value)
            elif tag == 0x10:
                code = value
            elif tag == 0x42 and after + value <= last + HEADER:
                name = buf[after : after + value].decode("utf-8", "backslashreplace")
                after += value
            elif tag == 0x4A and value and after + value <= end:
                payload = [Span(base + after, base + after + value)]
                after += value
            else:
                break
            pos = after
        return dims, code, name, payload, base + pos

    def _external(self, pairs: list[Span], name: str) -> External:
        words = read_pairs(self.source, pairs)
        location = words.get("location", "")
        file = self.located.get(location)
        if file is None:
            file = self.located[location] = locate(location, self.path)
        try:
            offset = int(words.get("offset", "0"))
            length = int(words["length"]) if "length" in words else None
        except ValueError:
            raise FormatError(
                f"{self.source.label}: tensor '{name}': offset or length of its external data is no"
                " number"
            ) from None
        if offset < 0 or (length is not None and length < 0):
            raise FormatError(
                f"{self.source.label}: tensor '{name}': offset or length of its external data is"
                " negative"
            )
        return External(file=file, offset=offset, length=length, checksum=words.get("checksum"))  # type: ignore[arg-type]


class _Body:
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
        self.labels: dict[str, int] = {}  # names given to tensors in attributes

    def empty(self) -> Graph:
        return self.done()

    def done(self) -> Graph:
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
        inputs: list[str] = []
        outputs: list[str] = []
        attributes: list[Span] = []
        metadata: list[Span] = []
        op_type = domain = name = ""
        window = self.parser.window
        buf, base = window.view(start, stop)
        held = base + len(buf) >= stop
        pos, end = start - base, stop - base
        # Short strings, decoded in place: half of the time of reading a model of many small nodes
        # goes by here.
        while (
            held
            and pos < end - 1
            and (tag := buf[pos]) in _NODE_STRINGS
            and (length := buf[pos + 1]) < 0x80
            and pos + 2 + length <= end
        ):
            text = buf[pos + 2 : pos + 2 + length].decode("utf-8", "backslashreplace")
            pos += 2 + length
            if tag == 0x0A:
                inputs.append(text)
            elif tag == 0x12:
                outputs.append(text)
            elif tag == 0x22:
                op_type = text
            elif tag == 0x1A:
                name = text
            else:
                domain = text
        # the rest, or what is not as usual
        for number, kind, a, b in fields(window, base + pos, stop) if pos < end else ():
            if kind != LEN:
                continue
            if number == 5:
                attributes.append(Span(a, b))
            elif number == 9:
                metadata.append(Span(a, b))
            elif number == 1:
                inputs.append(window.text(a, b))
            elif number == 2:
                outputs.append(window.text(a, b))
            elif number == 3:
                name = window.text(a, b)
            elif number == 4:
                op_type = window.text(a, b)
            elif number == 7:
                domain = window.text(a, b)
        index = len(self.nodes)
        if domain == "ai.onnx":  # the default domain's other name
            domain = ""
        subgraphs: list[str] = []
        for span in attributes:
            label = name or f"{op_type}_{index}"
            subgraphs.extend(self.attribute(span, index, op_type, domain, label, tuple(outputs)))
        self.nodes.append(
            Node(
                index,
                op_type,
                domain,
                name,
                tuple(inputs),
                tuple(outputs),
                tuple(attributes),
                tuple(metadata),
                tuple(subgraphs),
                self.parser.source,
            )
        )

    def attribute(
        self,
        span: Span,
        index: int,
        op_type: str,
        domain: str,
        label: str,
        outputs: tuple[str, ...],
    ) -> list[str]:
        """Take the tensors out of an AttributeProto and read its graphs; returns the paths of
        those.
        """
        parser = self.parser
        window = parser.window
        is_constant = op_type == "Constant" and not domain
        wanted = ATTRIBUTES.get((domain, op_type))
        known = domain in KNOWN_DOMAINS and (domain, op_type) not in OPAQUE
        if (is_constant or wanted is not None or not known) and self._numbers(
            span, index, op_type, domain, label, outputs
        ):
            return []
        name = ""
        single: dict[int, list[Span]] = {}  # t 5, sparse_tensor 22, g 6: pieces of one message
        many: list[tuple[int, Span]] = []  # tensors 10, sparse_tensors 23, graphs 11
        for number, kind, a, b in fields(window, *span):
            if kind == LEN:
                if number == 1:
                    name = window.text(a, b)
                elif number in (5, 6, 22):
                    single.setdefault(number, []).append(Span(a, b))
                elif number in (10, 11, 23):
                    many.append((number, Span(a, b)))
        if not (single or many):
            return []
        value = outputs[0] if is_constant and outputs else None
        place = Place(
            kind=PlaceKind.ATTRIBUTE,
            graph=self.path,
            node=index,
            op_type=op_type,
            domain=domain,
            attribute=name,
        )
        graphs: list[str] = []
        pieces = [*single.items(), *((number, [one]) for number, one in many)]
        for position, (number, spans) in enumerate(pieces):
            if number in (6, 11):
                path = f"{self.path}/{label}.{name}" if self.path else f"{label}.{name}"
                path += f"[{position}]" if number == 11 else ""
                path = parser.unused(path)
                parser.graph(path, self.path, spans, self.depth + 1)
                graphs.append(path)
            elif number in (5, 10):
                self.tensors.append(self._named(parser.tensor(spans, place, name=value), label))
            else:
                sparse = parser.sparse(spans, place)
                self.tensors.append(
                    self._named(sparse, label) if value is None else sparse._replace(name=value)
                )
        return graphs

    def _numbers(
        self,
        span: Span,
        index: int,
        op_type: str,
        domain: str,
        label: str,
        outputs: tuple[str, ...],
    ) -> bool:
        """List numbers and strings that an attribute holds itself as a stored tensor, if they are
        data; whether there was anything.
        """
        window = self.parser.window
        if (
            (domain, op_type) not in ATTRIBUTES
            and op_type != "Constant"
            and span.n_bytes < MIN_NUMBERS
        ):
            return False
        name, found = scan(window.bytes(*span), window.source.label)
        for number, runs in found.items():
            count = sum(run.n for run in runs)
            place = Place(
                kind=PlaceKind.ATTRIBUTE,
                graph=self.path,
                node=index,
                op_type=op_type,
                domain=domain,
                attribute=name,
            )
            spans = tuple(Span(span.start + run.start, span.start + run.stop) for run in runs)
            is_list = number in LISTS
            if op_type == "Constant" and not domain:
                is_data = name in _CONSTANT
                own_name = outputs[0] if outputs else ""
            else:
                own_name = f"{label}.{name}"
                if number == 4 and (
                    spans[0].n_bytes >= OPAQUE_BYTES
                    and domain not in KNOWN_DOMAINS
                    or OPAQUE.get((domain, op_type)) == name
                ):
                    self.tensors.append(
                        self._stored(
                            own_name, 2, (spans[0].n_bytes,), place, Encoding.OPAQUE, spans
                        )
                    )
                    continue
                is_data = is_list and (
                    name in ATTRIBUTES.get((domain, op_type), ())
                    or (domain not in KNOWN_DOMAINS and count > MIN_NUMBERS)
                )
            if is_data:
                self.tensors.append(
                    self._stored(
                        own_name,
                        _TYPE_OF_FIELD[number],
                        (count,) if is_list else (),
                        place,
                        Encoding.FIELDS,
                        spans,
                    )
                )
        return bool(found)

    def _named(self, tensor: StoredTensor, label: str) -> StoredTensor:
        """The tensor under a name that no other attribute's tensor of this graph has: attributes
        are no values and need none.
        """
        place = tensor.place
        if place.op_type == "Constant" and not place.domain:
            return tensor
        name = tensor.name or f"{label}.{place.attribute}"
        if name in self.labels:
            count = self.labels[name] = self.labels[name] + 1
            return self._named(tensor._replace(name=f"{name}#{count}"), label)
        self.labels[name] = 1
        return tensor if name == tensor.name else tensor._replace(name=name)

    def _stored(
        self,
        name: str,
        code: int,
        shape: tuple[int, ...],
        place: Place,
        encoding: Encoding,
        spans: tuple[Span, ...],
    ) -> StoredTensor:
        tensor = StoredTensor(
            name=name,
            dtype=BY_CODE[code],
            shape=shape,
            place=place,
            encoding=encoding,
            spans=spans,
            source=self.parser.source,
        )
        return self._named(tensor, name)


def check_length(tensor: StoredTensor, label: str) -> None:
    """Raise :class:`FormatError` where a payload cannot hold the tensor's shape; a tensor without
    any data passes.
    """
    count = tensor.count if tensor.stored is None else tensor.stored
    dtype = tensor.dtype
    if (
        tensor.encoding in (Encoding.EMPTY, Encoding.STRINGS, Encoding.FIELDS, Encoding.OPAQUE)
        or not dtype.bits
    ):
        return
    wanted = dtype.packed_length(count)
    if tensor.external is not None:
        span, size = tensor.external_span, tensor.external.file.n_bytes
        where = tensor.external.file.path
        if span.n_bytes < wanted:
            raise FormatError(
                f"{label}: tensor '{tensor.name}' ({dtype.name} {list(tensor.shape)}) needs"
                f" {wanted} bytes, its external data has {span.n_bytes}; was the model saved whole?"
            )
        if size is not None and span.stop > size:
            raise FormatError(
                f"{where}: tensor '{tensor.name}' ends at byte {span.stop}, the file has {size};"
                " was the download complete?"
            )
        return
    have = (
        tensor.spans[0].n_bytes
        if len(tensor.spans) == 1
        else sum(span.n_bytes for span in tensor.spans)
    )
    if tensor.encoding in (Encoding.RAW, Encoding.FLOATS, Encoding.DOUBLES):
        wrong = have != wanted
    else:  # a varint has 1 to 10 bytes; 4-bit elements come two, 2-bit ones four an entry
        entries = -(-count * dtype.bits // 8) if dtype.bits in (2, 4) else count
        wrong = not entries <= have <= 10 * entries
    if wrong:
        raise FormatError(
            f"{label}: tensor '{tensor.name}' ({dtype.name} {list(tensor.shape)}) needs {wanted}"
            f" bytes, {tensor.encoding.value} has {have}; is the file damaged?"
        )


def _varint_length(value: int) -> int:
    """Bytes of the shortest varint of a value, which is the one that writers write."""
    return max(1, -(-value.bit_length() // 7))


def _product(dims: list[int]) -> int:
    product = 1
    for dim in dims:
        product *= dim
    return product
