"""Read TensorFlow's GraphDef, a graph whose variables became constants: the values of its nodes.

Source: tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto, tensor.proto,
tensor_shape.proto and types.proto; tensor.cc for lists that are shorter than a tensor.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.errors import FormatError, OnnxParamsError, UnsupportedError
from onnx_params.io.sources import ComputedSource, FileSource
from onnx_params.io.wire import I32, I64, LEN, VARINT, Window, fields, signed, varints
from onnx_params.tensors.dtypes import BY_NAME, DType
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.steps import Shape
from onnx_params.tensors.stored import StoredTensor

ENDING: Final = ".pb"
MAX_AXES: Final = 254  # TensorShape::MaxDimensions
MAX_ATTRIBUTES: Final = 4096  # of a node
MAX_NAME: Final = 4096  # bytes
MAX_FILLED: Final = 1 << 31  # bytes of a tensor that is made of a list of numbers
_CONSTANT, _VALUE = "Const", "value"

# fields of the messages
_GRAPH: Final = {1: LEN, 2: LEN, 3: VARINT, 4: LEN, 5: LEN}  # field -> how it is written
_GRAPH_NODE, _ATTRIBUTE_TENSOR = 1, 8
_NODE_NAME, _NODE_OP, _NODE_ATTRIBUTE = 1, 2, 5
_KEY, _OF_KEY = 1, 2  # of an entry of a map
_TENSOR_TYPE, _TENSOR_SHAPE, _TENSOR_CONTENT = 1, 2, 4
_SHAPE_DIM, _DIM_LENGTH = 2, 1
_N_FIRST: Final = 8  # fields that are looked at to recognize a graph

# names as NodeDef allows them, and those of operators and of functions
_NODE: Final = re.compile(r"[A-Za-z0-9._][A-Za-z0-9_.\\/>-]*")
_OPERATOR: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\\/>-]*")


class _Kind(NamedTuple):
    """A type: ours, and the field of TensorProto with its numbers, if they are in a list."""

    dtype: str
    values: int


# numbers of types.proto; quantized ones are given as the integers that they are
_KINDS: Final = {
    1: _Kind("float32", 5),
    2: _Kind("float64", 6),
    3: _Kind("int32", 7),
    4: _Kind("uint8", 7),
    5: _Kind("int16", 7),
    6: _Kind("int8", 7),
    8: _Kind("complex64", 9),
    9: _Kind("int64", 10),
    10: _Kind("bool", 11),
    11: _Kind("int8", 7),
    12: _Kind("uint8", 7),
    13: _Kind("int32", 7),
    14: _Kind("bfloat16", 13),
    15: _Kind("int16", 7),
    16: _Kind("uint16", 7),
    17: _Kind("uint16", 7),
    18: _Kind("complex128", 12),
    19: _Kind("float16", 13),
    22: _Kind("uint32", 16),
    23: _Kind("uint64", 17),
    24: _Kind("float8_e5m2", 18),
    25: _Kind("float8_e4m3fn", 18),
}
_NO_NUMBERS: Final = (7, 20, 21)  # strings, resources, variants
_AS_THEY_LIE: Final = frozenset({5, 6, 9, 12, 18})  # lists whose numbers are no varints


def is_it(path: str, head: bytes) -> bool:
    """Whether a file is a GraphDef: by its ending, and by a first node with a name and an operator.

    An ONNX model begins with a number, and so does a SavedModel. Touches the disk where ending and
    first byte fit.
    """
    if not path.endswith(ENDING) or not head or _GRAPH.get(head[0] >> 3) != head[0] & 7:
        return False
    try:
        source = FileSource(path)
        return _has_node(Window(source), source.n_bytes)
    except OnnxParamsError:
        return False


def read(path: str) -> Checkpoint:
    """The constants of a graph, in the order of its nodes, under the nodes' names.

    Raises :class:`FormatError` where the file is damaged, :class:`UnsupportedError` where it has no
    constants, or one of a type that is not known here.
    """
    source = FileSource(path)
    try:
        tensors = tuple(_tensors(path, source))
    except FormatError as error:
        raise FormatError(_as_graph(path, error)) from error
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise FormatError(f"{path}: two nodes have the same name")
    if not tensors:
        raise UnsupportedError(f"{path}: contains no constants; freeze the graph's variables")
    return Checkpoint(path=path, tensors=tensors, ordered=True)


def _as_graph(path: str, error: FormatError) -> str:
    """The sentence of an error, without what the walk over protobuf says of ONNX."""
    text = str(error)
    is_generic = "not an ONNX" in text or "not ONNX" in text
    return f"{path}: is no TensorFlow graph, or damaged or cut off" if is_generic else text


def _has_node(window: Window, n_bytes: int) -> bool:
    """Whether one of the first fields of a message is a node, and none is of another message."""
    listed = fields(window, 0, n_bytes, whole=False)
    for number, kind, start, stop in itertools.islice(listed, _N_FIRST):
        if _GRAPH.get(number) != kind:
            return False
        if number == _GRAPH_NODE:
            name, operator, _ = _node(window, start, stop)
            return bool(_NODE.fullmatch(name) and _OPERATOR.fullmatch(operator))
    return False


# -- nodes ----------------------------------------------------------------------------------------


def _tensors(path: str, source: FileSource) -> Iterator[StoredTensor]:
    window = Window(source)
    for number, kind, start, stop in fields(window, 0, source.n_bytes, whole=False):
        if number != _GRAPH_NODE or kind != LEN:
            continue
        name, operator, attributes = _node(window, start, stop)
        if operator != _CONSTANT:
            continue
        value = _attribute(window, attributes, _VALUE)
        if value is None:
            raise FormatError(f"{path}: node '{name}' is a constant without a value")
        tensor = _tensor(window, source, name, value)
        if tensor is not None:
            yield tensor


def _node(window: Window, start: int, stop: int) -> tuple[str, str, list[Span]]:
    """Name, operator and attributes of a node."""
    name = operator = ""
    attributes: list[Span] = []
    for number, kind, first, last in fields(window, start, stop):
        if kind != LEN:
            continue
        if number == _NODE_ATTRIBUTE:
            attributes.append(Span(first, last))
        elif number == _NODE_NAME:
            name = _text(window, first, last)
        elif number == _NODE_OP:
            operator = _text(window, first, last)
        if len(attributes) > MAX_ATTRIBUTES:
            raise FormatError(f"{window.source.label}: a node has too many attributes; refused")
    return name, operator, attributes


def _text(window: Window, start: int, stop: int) -> str:
    if stop - start > MAX_NAME:
        raise FormatError(f"{window.source.label}: a name has {stop - start} bytes; refused")
    return window.text(start, stop)


def _attribute(window: Window, attributes: list[Span], wanted: str) -> Span | None:
    """The TensorProto under a key."""
    for span in attributes:
        key, value = _last(window, span, _KEY), _last(window, span, _OF_KEY)
        if key is None or value is None or key.n_bytes != len(wanted):
            continue
        if window.text(*key) == wanted:
            return _last(window, value, _ATTRIBUTE_TENSOR)
    return None


def _last(window: Window, message: Span, wanted: int) -> Span | None:
    found = None
    for number, kind, start, stop in fields(window, *message):
        if number == wanted and kind == LEN:
            found = Span(start, stop)
    return found


# -- values ---------------------------------------------------------------------------------------


def _tensor(window: Window, source: FileSource, name: str, span: Span) -> StoredTensor | None:
    """The tensor of a TensorProto; ``None`` where it has no numbers."""
    label = f"{source.label}: node '{name}'"
    number, shape, content = _value(window, span, label)
    if number in _NO_NUMBERS:
        return None
    if number not in _KINDS:
        raise UnsupportedError(f"{label} is of type {number}, which is not known here")
    kind = _KINDS[number]
    dtype = BY_NAME[kind.dtype]
    n_bytes = dtype.packed_length(math.prod(shape))
    if content is not None:
        if content.n_bytes != n_bytes:
            raise FormatError(f"{label} of shape {list(shape)} has {content.n_bytes} bytes")
        return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (content,), source)
    if n_bytes > MAX_FILLED:
        raise UnsupportedError(f"{label} is too large to be filled in memory")
    computed = ComputedSource(label, n_bytes, _filler(source, span, kind.values, dtype, n_bytes))
    return StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (Span(0, n_bytes),), computed)


def _value(window: Window, span: Span, label: str) -> tuple[int, Shape, Span | None]:
    """Type, shape and bytes of a TensorProto; no bytes where its numbers are in a list."""
    kind = 0
    shape: Shape = ()
    content = None
    for number, wire, first, last in fields(window, *span, whole=False):
        if number == _TENSOR_TYPE and wire == VARINT:
            kind = first
        elif number == _TENSOR_SHAPE and wire == LEN:
            shape = _shape(window, Span(first, last), label)
        elif number == _TENSOR_CONTENT and wire == LEN and last > first:
            content = Span(first, last)
    return kind, shape, content


def _shape(window: Window, span: Span, label: str) -> Shape:
    shape: list[int] = []
    for number, kind, first, last in fields(window, *span):
        if number != _SHAPE_DIM or kind != LEN:
            continue
        length = 0
        for at, wire, value, _ in fields(window, first, last):
            length = signed(value) if (at, wire) == (_DIM_LENGTH, VARINT) else length
        shape.append(length)
        if shape[-1] < 0 or len(shape) > MAX_AXES:
            raise FormatError(f"{label} has a dimension of {shape[-1]}, or too many")
    return tuple(shape)


def _filler(
    source: FileSource, span: Span, values: int, dtype: DType, n_bytes: int
) -> Callable[[], bytes]:
    """What reads a list of numbers: the last one stands for all that are missing, 0 for all where
    there is none. ``FromProtoField``
    """
    width = dtype.bits // 8

    def make() -> bytes:
        if values in _AS_THEY_LIE:
            listed = _listed(source, span, values)[:n_bytes]
        else:
            listed = _narrowed(_numbers(source, span, values, n_bytes // width), dtype)
        last = listed[-width:] if listed else bytes(width)
        return listed + last * ((n_bytes - len(listed)) // width)

    return make


def _listed(source: FileSource, span: Span, values: int) -> bytes:
    """The numbers of a list that lie side by side, packed or each in a field of its own."""
    window = Window(source)
    runs = fields(window, *span, whole=False)
    return b"".join(
        window.bytes(first, last)
        for number, kind, first, last in runs
        if number == values and kind in (LEN, I32, I64)
    )


def _numbers(source: FileSource, span: Span, values: int, count: int) -> list[int]:
    """The first numbers of a list of varints, packed or each in a field of its own."""
    window = Window(source)
    found: list[int] = []
    for number, kind, first, last in fields(window, *span, whole=False):
        if number != values or len(found) >= count:
            continue
        if kind == VARINT:
            found.append(first)
        elif kind == LEN:
            run = varints(window.bytes(first, last))
            found.extend(itertools.islice(run, count - len(found)))
    return found


def _narrowed(numbers: list[int], dtype: DType) -> bytes:
    """Numbers of 64 bits as their type has them: the low bytes."""
    import numpy as np

    made = np.array(numbers, np.uint64)
    narrow = made != 0 if dtype.name == "bool" else made
    return narrow.astype(f"<u{dtype.bits // 8}").tobytes()
