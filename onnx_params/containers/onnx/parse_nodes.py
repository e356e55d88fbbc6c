"""Read a NodeProto: names and spans; what is in its attributes is for others.

Field numbers: ``onnx.proto`` of onnx 1.23, NodeProto.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from onnx_params.io.wire import LEN, Window, fields
from onnx_params.tensors.encoding import Span

# tags of the fields that are short strings: input, output, name, op_type, domain
_STRINGS: Final = {number << 3 | LEN: number for number in (1, 2, 3, 4, 7)}
_ATTRIBUTE: Final = 5
_METADATA: Final = 9
_DEFAULT_DOMAIN: Final = "ai.onnx"  # the default domain's other name


@dataclass(slots=True)
class NodeParts:
    """The fields of a node."""

    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    name: str = ""
    op_type: str = ""
    domain: str = ""
    attributes: list[Span] = field(default_factory=list)
    metadata: list[Span] = field(default_factory=list)

    def add(self, number: int, text: str) -> None:
        """Note the value of a field that is a string."""
        if number == 1:
            self.inputs.append(text)
        elif number == 2:
            self.outputs.append(text)
        elif number == 4:
            self.op_type = text
        elif number == 3:
            self.name = text
        elif number == 7:
            self.domain = "" if text == _DEFAULT_DOMAIN else text


def read_node(window: Window, start: int, stop: int) -> NodeParts:
    """Walk a NodeProto."""
    parts = NodeParts()
    at = _short_strings(window, start, stop, parts)
    if at >= stop:
        return parts
    for number, kind, a, b in fields(window, at, stop):
        if kind != LEN:
            continue
        if number == _ATTRIBUTE:
            parts.attributes.append(Span(a, b))
        elif number == _METADATA:
            parts.metadata.append(Span(a, b))
        else:
            parts.add(number, window.text(a, b))
    return parts


def _short_strings(window: Window, start: int, stop: int, parts: NodeParts) -> int:
    """Decode the strings that a node begins with in place; the address of the first field that is
    none.

    Half of the time of reading a model of many small nodes goes by here.
    """
    buf, base = window.view(start, stop)
    if base + len(buf) < stop:
        return start
    at, end = start - base, stop - base
    inputs, outputs = parts.inputs, parts.outputs
    while at < end - 1:
        number = _STRINGS.get(buf[at])
        length = buf[at + 1]
        if number is None or length >= 0x80 or at + 2 + length > end:
            break
        text = buf[at + 2 : at + 2 + length].decode("utf-8", "backslashreplace")
        if number == 1:
            inputs.append(text)
        elif number == 2:
            outputs.append(text)
        else:
            parts.add(number, text)
        at += 2 + length
    return base + at
