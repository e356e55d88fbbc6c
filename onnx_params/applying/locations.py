"""Find where a model says in which files its external data lies, so that it can say another one.

Field numbers: ``onnx.proto`` (ModelProto, GraphProto, FunctionProto, TrainingInfoProto, NodeProto,
AttributeProto, SparseTensorProto, TensorProto, StringStringEntryProto).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Final

from onnx_params.containers.onnx.splice import pair
from onnx_params.io.sources import Source
from onnx_params.io.wire import LEN, Window, fields
from onnx_params.tensors.encoding import Span


class _Kind(enum.Enum):
    MODEL = "model"
    GRAPH = "graph"
    FUNCTION = "function"
    TRAINING = "training info"
    NODE = "node"
    ATTRIBUTE = "attribute"
    SPARSE = "sparse tensor"
    TENSOR = "tensor"
    ENTRY = "entry of external data"


_INSIDE: Final[Mapping[_Kind, Mapping[int, _Kind]]] = {
    _Kind.MODEL: {7: _Kind.GRAPH, 20: _Kind.TRAINING, 25: _Kind.FUNCTION},
    _Kind.GRAPH: {1: _Kind.NODE, 5: _Kind.TENSOR, 15: _Kind.SPARSE},
    _Kind.FUNCTION: {7: _Kind.NODE, 11: _Kind.ATTRIBUTE},
    _Kind.TRAINING: {1: _Kind.GRAPH, 2: _Kind.GRAPH},
    _Kind.NODE: {5: _Kind.ATTRIBUTE},
    _Kind.ATTRIBUTE: {
        5: _Kind.TENSOR,
        6: _Kind.GRAPH,
        10: _Kind.TENSOR,
        11: _Kind.GRAPH,
        22: _Kind.SPARSE,
        23: _Kind.SPARSE,
    },
    _Kind.SPARSE: {1: _Kind.TENSOR, 2: _Kind.TENSOR},
    _Kind.TENSOR: {13: _Kind.ENTRY},
    _Kind.ENTRY: {},
}


def relocated(source: Source, renamed: Mapping[str, str]) -> dict[Span, bytes | None]:
    """The entries that name one of the old locations, with what they have to become.

    Walks the whole structure.
    """
    if not renamed:
        return {}
    window = Window(source)
    whole = Span(0, source.n_bytes)
    found: dict[Span, bytes | None] = {}
    for span in _entries(window, _Kind.MODEL, whole):
        key, value = _entry(window, span)
        if key == "location" and value in renamed:
            found[span] = pair(key, renamed[value])
    return found


def _entries(window: Window, kind: _Kind, span: Span) -> Iterator[Span]:
    inside = _INSIDE[kind]
    for number, wire_type, a, b in fields(window, span.start, span.stop, whole=False):
        child = inside.get(number)
        if wire_type != LEN or child is None:
            continue
        if child is _Kind.ENTRY:
            yield Span(a, b)
        else:
            yield from _entries(window, child, Span(a, b))


def _entry(window: Window, span: Span) -> tuple[str, str]:
    key = value = ""
    for number, kind, a, b in fields(window, span.start, span.stop):
        if kind == LEN and number == 1:
            key = window.text(a, b)
        elif kind == LEN and number == 2:
            value = window.text(a, b)
    return key, value
