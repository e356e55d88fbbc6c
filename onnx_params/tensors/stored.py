"""Describe one stored tensor, from its header alone; give its values when asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from onnx_params.io.sources import Source
from onnx_params.tensors.dtypes import DType
from onnx_params.tensors.encoding import Encoding, External, Place, Span

if TYPE_CHECKING:
    import numpy as np


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
