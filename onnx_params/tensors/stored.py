"""Say what one stored tensor is, from its header alone; give its values when asked.

Layout of the payload: ``onnx.proto``, TensorProto. ``raw_data`` and external data are little-endian
and packed; so are ``float_data``, ``double_data``; ``int32_data``, ``int64_data`` and
``uint64_data`` are varints.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from onnx_params.io.wire import Source
from onnx_params.tensors.dtypes import DType

if TYPE_CHECKING:
    import numpy as np

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
    EMPTY = "no data"


class PlaceKind(enum.Enum):
    """Which field of the model a stored tensor stands in."""

    INITIALIZER = "initializer"
    SPARSE_INITIALIZER = "sparse_initializer"
    ATTRIBUTE = "attribute"
    GENERATED = "made by ConstantOfShape"
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


class StoredTensor(NamedTuple):
    """One constant payload of an artifact; every property comes from headers, only :meth:`read`
    touches values.

    ``shape`` is the shape in storage. ``spans`` are the payload's bytes in the model's own file,
    empty if it is external. ``indices`` is set for a sparse tensor and holds its index tensor;
    ``shape`` is then the dense shape, ``stored`` the number of values that are written down.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    place: Place
    encoding: Encoding
    spans: tuple[Span, ...]
    source: Source
    external: External | None = None
    indices: StoredTensor | None = None
    stored: int | None = None

    @property
    def count(self) -> int:  # type: ignore[override]  # hides tuple.count, which no one misses
        """Elements of the dense tensor."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Bytes of payload, indices of a sparse tensor included."""
        if self.external is not None:
            own = self.external_span.n_bytes
        elif len(self.spans) == 1:  # nearly all
            start, stop = self.spans[0]
            own = stop - start
        else:
            own = sum(span.n_bytes for span in self.spans)
        return own + (self.indices.n_bytes if self.indices is not None else 0)

    @property
    def external_span(self) -> Span:
        """The bytes of an external payload in its file."""
        assert self.external is not None
        length = self.external.length
        if length is None:
            length = self.dtype.packed_length(self.count if self.stored is None else self.stored)
        return Span(self.external.offset, self.external.offset + length)

    @property
    def key(self) -> tuple[str, str]:
        """The value that this tensor is in its graph: ``(graph path, name)``."""
        return self.place.graph, self.name

    def read(self, *, mapped: bool = False) -> np.ndarray:
        """Return the values, shaped ``shape``.

        Touches the disk. ``mapped`` gives a memory map where the bytes lie as NumPy wants them: no
        copy, and a bus error kills the process if someone shortens the file meanwhile; without it a
        file that shrank is a :class:`FormatError`. Raises :class:`MissingDataError` where the
        external file is not there, :class:`UnsupportedError` for element types that need
        ``ml_dtypes`` when it is not installed.
        """
        from onnx_params.tensors.decode import read  # NumPy, 0.1 s that a report does not pay

        return read(self, mapped)
