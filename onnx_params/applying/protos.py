"""Write the few messages that are new in a model: tensors that point into a file, nodes that change
their layout; find where the main graph's own ones stand.

Field numbers: ``onnx.proto`` (GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from onnx_params.containers.onnx.splice import pair, tagged, varint
from onnx_params.io.sources import Source
from onnx_params.io.wire import LEN, VARINT, Window, fields
from onnx_params.tensors.dtypes import DType
from onnx_params.tensors.encoding import Span

GRAPH: Final = 7  # ModelProto.graph
NODE: Final = 1  # GraphProto.node
INITIALIZER: Final = 5  # GraphProto.initializer
INPUT: Final = 1  # NodeProto.input
_INTS: Final = 7  # AttributeProto.AttributeType.INTS
_INT: Final = 2  # AttributeProto.AttributeType.INT
_INT64: Final = 7  # TensorProto.DataType.INT64
_NAME: Final = 8  # TensorProto.name


class Pointer(NamedTuple):
    """Bytes of a file beside the model."""

    location: str
    offset: int
    length: int


class Anatomy(NamedTuple):
    """Where the parts of the main graph stand: its own content, initializers by name, nodes in
    order, each with its inputs.
    """

    graph: Span
    initializers: dict[str, Span]
    nodes: tuple[tuple[Span, tuple[Span, ...]], ...]


def anatomy(source: Source) -> Anatomy:
    """Where the main graph's parts stand. Walks the structure; a graph in several pieces counts as
    the last one.
    """
    window = Window(source)
    graph = Span(0, 0)
    for number, kind, a, b in fields(window, 0, source.n_bytes, whole=False):
        if number == GRAPH and kind == LEN:
            graph = Span(a, b)
    initializers: dict[str, Span] = {}
    nodes: list[Span] = []
    for number, kind, a, b in fields(window, graph.start, graph.stop, whole=False):
        if kind == LEN and number == INITIALIZER:
            initializers[_name(window, Span(a, b))] = Span(a, b)
        elif kind == LEN and number == NODE:
            nodes.append(Span(a, b))
    with_inputs = tuple((span, tuple(_inputs(window, span))) for span in nodes)
    return Anatomy(graph, initializers, with_inputs)


def _name(window: Window, span: Span) -> str:
    for number, kind, a, b in fields(window, span.start, span.stop, whole=False):
        if kind == LEN and number == _NAME:
            return window.text(a, b)
    return ""


def _inputs(window: Window, span: Span) -> Iterator[Span]:
    for number, kind, a, b in fields(window, span.start, span.stop, whole=False):
        if kind == LEN and number == INPUT:
            yield Span(a, b)


def external_tensor(name: str, dtype: DType, shape: Sequence[int], pointer: Pointer) -> bytes:
    """A TensorProto whose bytes lie in a file."""
    entries = (
        ("location", pointer.location),
        ("offset", str(pointer.offset)),
        ("length", str(pointer.length)),
    )
    located = b"".join(tagged(13, pair(key, value)) for key, value in entries)
    return _head(name, dtype.code, shape) + located + _number(14, 1)


def raw_tensor(name: str, dtype: DType, shape: Sequence[int], data: bytes) -> bytes:
    """A TensorProto that has its bytes itself."""
    return _head(name, dtype.code, shape) + tagged(9, data)


def shape_tensor(name: str, shape: Sequence[int]) -> bytes:
    """A TensorProto of a shape, as Reshape takes it."""
    data = b"".join(dim.to_bytes(8, "little", signed=True) for dim in shape)
    return _head(name, _INT64, (len(shape),)) + tagged(9, data)


def node(
    op_type: str, inputs: Sequence[str], output: str, attributes: Sequence[bytes] = ()
) -> bytes:
    """A NodeProto of the standard domain."""
    made = b"".join(tagged(INPUT, name.encode()) for name in inputs)
    made += tagged(2, output.encode()) + tagged(4, op_type.encode())
    return made + b"".join(tagged(5, attribute) for attribute in attributes)


def ints(name: str, values: Sequence[int]) -> bytes:
    """An AttributeProto of integers."""
    numbers = b"".join(_number(8, value) for value in values)
    return tagged(1, name.encode()) + numbers + _number(20, _INTS)


def integer(name: str, value: int) -> bytes:
    """An AttributeProto of one integer."""
    return tagged(1, name.encode()) + _number(3, value) + _number(20, _INT)


def _head(name: str, code: int, shape: Sequence[int]) -> bytes:
    dims = b"".join(_number(1, dim) for dim in shape)
    return dims + _number(2, code) + tagged(_NAME, name.encode())


def _number(field: int, value: int) -> bytes:
    return varint(field << 3 | VARINT) + varint(value)
