"""Say where a stored tensor stands in its file and how its numbers are written there.

Layout of the payload: ``onnx.proto``, TensorProto. ``raw_data`` and external data are little-endian
and packed; so are ``float_data`` and ``double_data``; ``int32_data``, ``int64_data`` and
``uint64_data`` are varints.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from onnx_params.io.external import ExternalFile


class Span(NamedTuple):
    """Where bytes lie in their file: from ``start`` up to, without, ``stop``."""

    start: int
    stop: int

    @property
    def n_bytes(self) -> int:
        return self.stop - self.start


class Encoding(enum.Enum):
    """How the numbers of a stored tensor are written down."""

    RAW = "raw_data"
    FLOATS = "float_data"
    DOUBLES = "double_data"
    INT32S = "int32_data"
    INT64S = "int64_data"
    UINT64S = "uint64_data"
    STRINGS = "string_data"
    EXTERNAL = "external"
    # numbers or strings of an attribute, each in a protobuf field of its own, tags included
    FIELDS = "attribute"
    OPAQUE = "opaque"  # a compiled model in a string
    GENERATED = "generated"  # filled with one value by ConstantOfShape
    COMPUTED = "computed"  # of other stored tensors, by nodes
    DECODED = "decoded"  # numbers for which codes stand
    EMPTY = "no data"


# encodings whose elements lie side by side, each as its type has it
IN_PLACE: Final = frozenset(
    {Encoding.RAW, Encoding.FLOATS, Encoding.DOUBLES, Encoding.EXTERNAL, Encoding.DECODED}
)


class PlaceKind(enum.Enum):
    """Which field of the model a stored tensor stands in."""

    INITIALIZER = "initializer"
    SPARSE_INITIALIZER = "sparse_initializer"
    ATTRIBUTE = "attribute"
    GENERATED = "made by ConstantOfShape"
    COMPUTED = "computed of codes"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the model a stored tensor stands.

    ``graph`` is the path of its graph (``""`` is the main one). ``node`` (index in that graph),
    ``op_type`` and ``attribute`` are set for tensors that are attributes of a node, with the
    operator and its domain.
    """

    kind: PlaceKind
    graph: str = ""
    node: int | None = None
    op_type: str = ""
    domain: str = ""
    attribute: str = ""

    def __str__(self) -> str:
        where = f" in {self.graph}" if self.graph else ""
        if self.kind is PlaceKind.ATTRIBUTE:
            return f"attribute '{self.attribute}' of {self.op_type} node {self.node}{where}"
        return f"{self.kind.value}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A stored tensor's word on where its bytes lie: keys of ``external_data`` as they were
    written.
    """

    file: ExternalFile
    offset: int
    length: int | None
    checksum: str | None
