"""Find the stored tensors in a node's attributes: tensors, sparse tensors, and plain numbers that
are data.

Field numbers: ``onnx.proto`` of onnx 1.23, AttributeProto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from onnx_params.containers.onnx.attributes import LISTS, Run, scan
from onnx_params.containers.onnx.parse_tensors import TensorReader
from onnx_params.io.wire import LEN, fields
from onnx_params.operators.attributes import ATTRIBUTES, OPAQUE, OPAQUE_BYTES
from onnx_params.operators.schemas import KNOWN_DOMAINS
from onnx_params.tensors.dtypes import BY_CODE
from onnx_params.tensors.encoding import Encoding, Place, PlaceKind, Span
from onnx_params.tensors.stored import StoredTensor

# attributes of Constant that are numbers, by their names in the operator's schema
_CONSTANT: Final = frozenset(
    {"value_float", "value_int", "value_string", "value_floats", "value_ints", "value_strings"}
)
_TYPE_OF_FIELD: Final = {2: 1, 3: 7, 4: 8, 7: 1, 8: 7, 9: 8}  # field -> element type
_STRING: Final = 4
_BYTES: Final = 2  # element type of what cannot be read
# a list of numbers longer than this, of an operator that is in no table, is a stored tensor
MIN_NUMBERS: Final = 16
_IN_PARTS: Final = (5, 6, 22)  # t, g, sparse_tensor: parts of one message
_REPEATED: Final = (10, 11, 23)  # tensors, graphs, sparse_tensors
_GRAPHS: Final = (6, 11)
_TENSORS: Final = (5, 10)


class Owner(NamedTuple):
    """The node that an attribute is one of; ``label`` is what its tensors are called after."""

    graph: str
    position: int
    op_type: str
    domain: str
    label: str
    outputs: tuple[str, ...]

    @property
    def is_constant(self) -> bool:
        """Whether the node is a Constant, whose attribute is the value that it makes."""
        return self.op_type == "Constant" and not self.domain

    @property
    def may_have_numbers(self) -> bool:
        """Whether plain numbers in its attributes may be data."""
        key = (self.domain, self.op_type)
        is_known = self.domain in KNOWN_DOMAINS and key not in OPAQUE
        return self.is_constant or key in ATTRIBUTES or not is_known

    def place(self, attribute: str) -> Place:
        """Where a tensor in an attribute stands."""
        return Place(
            kind=PlaceKind.ATTRIBUTE,
            graph=self.graph,
            node=self.position,
            op_type=self.op_type,
            domain=self.domain,
            attribute=attribute,
        )


class Part(NamedTuple):
    """A graph or tensor in an attribute: the field it is in, its spans, its number among the
    attribute's.
    """

    field: int
    spans: list[Span]
    position: int


class Labels:
    """Names for tensors in attributes, each once in a graph: attributes are no values and need
    none.
    """

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def named(self, tensor: StoredTensor, label: str) -> StoredTensor:
        """The tensor under a name that no other attribute's tensor has; a Constant's keeps the name
        of its value.
        """
        place = tensor.place
        if place.op_type == "Constant" and not place.domain:
            return tensor
        name = tensor.name or f"{label}.{place.attribute}"
        if name in self._used:
            count = self._used[name] = self._used[name] + 1
            return self.named(tensor._replace(name=f"{name}#{count}"), label)
        self._used[name] = 1
        return tensor if name == tensor.name else tensor._replace(name=name)


def parts_of(reader: TensorReader, span: Span) -> tuple[str, list[Part]]:
    """The name of an attribute, and the graphs and tensors in it."""
    name = ""
    single: dict[int, list[Span]] = {}
    many: list[tuple[int, Span]] = []
    for number, kind, a, b in fields(reader.window, *span):
        if kind != LEN:
            continue
        if number == 1:
            name = reader.window.text(a, b)
        elif number in _IN_PARTS:
            single.setdefault(number, []).append(Span(a, b))
        elif number in _REPEATED:
            many.append((number, Span(a, b)))
    found = [*single.items(), *((number, [one]) for number, one in many)]
    return name, [Part(number, spans, at) for at, (number, spans) in enumerate(found)]


def is_graph(part: Part) -> bool:
    """Whether a part is a subgraph."""
    return part.field in _GRAPHS


def graph_path(owner: Owner, name: str, part: Part) -> str:
    """The path of a subgraph: the way there."""
    path = f"{owner.graph}/{owner.label}.{name}" if owner.graph else f"{owner.label}.{name}"
    return f"{path}[{part.position}]" if part.field == 11 else path


def tensor_of(
    reader: TensorReader, labels: Labels, owner: Owner, name: str, part: Part
) -> StoredTensor:
    """The stored tensor in an attribute."""
    value = owner.outputs[0] if owner.is_constant and owner.outputs else None
    place = owner.place(name)
    if part.field in _TENSORS:
        return labels.named(reader.tensor(part.spans, place, name=value), owner.label)
    sparse = reader.sparse(part.spans, place)
    return labels.named(sparse, owner.label) if value is None else sparse._replace(name=value)


class Numbers(NamedTuple):
    """What plain numbers and strings in an attribute are: whether there are any, and those that are
    data.
    """

    has_any: bool
    tensors: list[StoredTensor]


def numbers_of(reader: TensorReader, labels: Labels, owner: Owner, span: Span) -> Numbers:
    """The numbers and strings that an attribute holds itself, as stored tensors if they
    are data.
    """
    is_listed = (owner.domain, owner.op_type) in ATTRIBUTES
    if not is_listed and owner.op_type != "Constant" and span.n_bytes < MIN_NUMBERS:
        return Numbers(False, [])
    name, found = scan(reader.window.bytes(*span), reader.source.label)
    return Numbers(bool(found), list(_data(reader, labels, owner, span, name, found)))


def _data(
    reader: TensorReader,
    labels: Labels,
    owner: Owner,
    span: Span,
    name: str,
    found: dict[int, list[Run]],
) -> Iterator[StoredTensor]:
    shape: tuple[int, ...]
    for number, runs in found.items():
        spans = tuple(Span(span.start + run.start, span.start + run.stop) for run in runs)
        count = sum(run.n for run in runs)
        if _is_opaque(owner, name, number, spans):
            code, shape, encoding = _BYTES, (spans[0].n_bytes,), Encoding.OPAQUE
        elif _is_data(owner, name, number, count):
            code, encoding = _TYPE_OF_FIELD[number], Encoding.FIELDS
            shape = (count,) if number in LISTS else ()
        else:
            continue
        own_name = f"{owner.label}.{name}"
        if owner.is_constant:
            own_name = owner.outputs[0] if owner.outputs else ""
        tensor = StoredTensor(
            name=own_name,
            dtype=BY_CODE[code],
            shape=shape,
            place=owner.place(name),
            encoding=encoding,
            spans=spans,
            source=reader.source,
        )
        yield labels.named(tensor, own_name)


def _is_opaque(owner: Owner, name: str, number: int, spans: tuple[Span, ...]) -> bool:
    """Whether a string is a compiled model: the schema says so, or it is too long to be a
    setting.
    """
    if number != _STRING or owner.is_constant:
        return False
    if OPAQUE.get((owner.domain, owner.op_type)) == name:
        return True
    return spans[0].n_bytes >= OPAQUE_BYTES and owner.domain not in KNOWN_DOMAINS


def _is_data(owner: Owner, name: str, number: int, count: int) -> bool:
    if owner.is_constant:
        return name in _CONSTANT
    if number not in LISTS:
        return False
    if name in ATTRIBUTES.get((owner.domain, owner.op_type), ()):
        return True
    return owner.domain not in KNOWN_DOMAINS and count > MIN_NUMBERS
