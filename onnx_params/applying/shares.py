"""Say which values of which parameters a stored tensor gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from onnx_params.applying.targets import Chain
from onnx_params.errors import UnsupportedError
from onnx_params.tensors.encode import RAW, VARINTS
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Dequantize, Key, Lookup, Shape, Steps, shape_after
from onnx_params.tensors.stored import StoredTensor

if TYPE_CHECKING:
    import numpy as np

# what can be written, by how it lies
_WRITABLE = RAW | VARINTS


class Part(NamedTuple):
    """The run ``[start, stop)`` of an array along an axis."""

    axis: int
    start: int
    stop: int


class Share(NamedTuple):
    """What a stored tensor gets of one new tensor: ``steps`` lead from storage to it, or to a part
    of it.
    """

    tensor: StoredTensor
    steps: Steps = ()
    part: Part | None = None

    @property
    def name(self) -> str:
        return self.tensor.name

    def read(self) -> np.ndarray:
        """The new values. Touches the disk."""
        values = self.tensor.read()
        if self.part is None:
            return values
        axis, start, stop = self.part
        found: np.ndarray = values[(slice(None),) * axis + (slice(start, stop),)]
        return found


def shares_of(
    stored: Mapping[Key, StoredTensor], chain: Chain, tensor: StoredTensor
) -> Iterator[tuple[Key, Share]]:
    """What each stored tensor of a chain gets of a new tensor.

    Raises :class:`UnsupportedError` where the shapes do not fit, or a stored tensor cannot be
    written.
    """
    shapes = [_shape_of(stored, placement.key, placement.steps) for placement in chain.placements]
    if _joined(shapes, chain.axis) != tensor.shape:
        raise UnsupportedError(
            f"it has the shape {list(tensor.shape)}, the artifact has"
            f" {list(_joined(shapes, chain.axis))}"
        )
    at = 0
    for placement, shape in zip(chain.placements, shapes, strict=True):
        reason = obstacle(stored[placement.key])
        if reason:
            raise UnsupportedError(reason)
        if not _is_fitting(stored[placement.key], placement.steps, tensor):
            raise UnsupportedError(
                f"it is {tensor.dtype.name}, '{placement.key[1]}' is"
                f" {stored[placement.key].dtype.name}, and nothing says a scale"
            )
        part = None
        if len(shapes) > 1:
            part = Part(chain.axis, at, at + shape[chain.axis])
            at += shape[chain.axis]
        yield placement.key, Share(tensor, placement.steps, part)


def _is_fitting(stored: StoredTensor, steps: Steps, tensor: StoredTensor) -> bool:
    """Whether a stored tensor has numbers of the kind that a new tensor has, or codes for them."""
    if any(isinstance(step, (Dequantize, Lookup)) for step in steps):
        return True
    has_fractions = stored.dtype.is_float or stored.dtype.is_complex
    return has_fractions or not (tensor.dtype.is_float or tensor.dtype.is_complex)


def _shape_of(stored: Mapping[Key, StoredTensor], key: Key, steps: Steps) -> Shape:
    try:
        return shape_after(stored[key].shape, steps)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise UnsupportedError(f"the steps from '{key[1]}' to it do not fit") from error


def _joined(shapes: Sequence[Shape], axis: int) -> Shape:
    from onnx_params.tensors.steps import joined_shape

    try:
        return joined_shape(shapes, axis)
    except IndexError as error:
        raise UnsupportedError("its parts do not fit together") from error


def obstacle(tensor: StoredTensor) -> str:
    """Why a stored tensor cannot be written; empty where it can."""
    if tensor.indices is not None:
        return f"'{tensor.name}' is a sparse tensor, whose zeros are not stored"
    if tensor.encoding is Encoding.FIELDS and tensor.dtype.name == "float32":
        return ""
    if tensor.encoding not in _WRITABLE:
        return f"'{tensor.name}' is stored as {tensor.encoding.value}, which has no place for it"
    if tensor.encoding is not Encoding.EXTERNAL and len(tensor.spans) > 1:
        return f"'{tensor.name}' is stored in {len(tensor.spans)} pieces"
    if tensor.external is not None and tensor.external.file.n_bytes is None:
        return f"'{tensor.external.file.location}', which holds '{tensor.name}', does not exist"
    return ""
