"""Read Darknet's ``.weights``: numbers without names, in the order of the layers of a ``.cfg``.

Source: https://github.com/AlexeyAB/darknet and pjreddie/darknet, src/parser.c
(load_weights_upto).
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from typing import Final

from onnx_params.containers.checkpoint import PLACE, Checkpoint
from onnx_params.containers.darknet_layers import Part, layers
from onnx_params.errors import FormatError, UnreadableError, UnsupportedError, system_reason
from onnx_params.io.sources import FileSource
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.encoding import Encoding, Span
from onnx_params.tensors.stored import StoredTensor

ENDING: Final = ".weights"
CONFIGURATION: Final = ".cfg"
_LONG_SEEN: Final = 2  # major * 10 + minor from which the number of images has 8 bytes
_TRANSPOSED: Final = 1000  # versions above it have matrices the other way around


def is_it(path: str, head: bytes) -> bool:
    """Whether a file is Darknet's: by its ending, and a version of less than 65536."""
    return path.endswith(ENDING) and len(head) >= 4 and head[2:4] == b"\0\0"


def read(path: str) -> Checkpoint:
    """The tensors of a file of weights, by the layers of the ``.cfg`` in the same folder: the one
    of the same name, or the only one.

    Names are as common PyTorch ports have them, with the layer's index: ``conv_0.weight``,
    ``bn_0.running_mean``, ``fc_5.bias``. Raises :class:`UnreadableError` where there is no
    configuration, :class:`FormatError` where it describes another file, :class:`UnsupportedError`
    for layers that are not known here.
    """
    configuration = _configuration(path)
    source = FileSource(path)
    at = _header_length(path, source)
    tensors: list[StoredTensor] = []
    for parts in layers(configuration):
        found, at = _placed(path, source, parts, at)
        tensors += found
    if at != source.n_bytes:
        raise FormatError(
            f"{path}: has {source.n_bytes - at} bytes after the last layer of"
            f" {os.path.basename(configuration)}; is that its configuration?"
        )
    if not tensors:
        raise UnsupportedError(f"{path}: its configuration has no layers with weights")
    return Checkpoint(path=path, tensors=tuple(tensors), ordered=True)


def _header_length(path: str, source: FileSource) -> int:
    """Bytes before the numbers: version, and how many images were seen."""
    major, minor, _ = struct.unpack("<iii", source.read(0, 12))
    if not 0 <= major <= _TRANSPOSED or not 0 <= minor <= _TRANSPOSED:
        raise UnsupportedError(f"{path}: is of version {major}.{minor}, which is not known here")
    return 20 if major * 10 + minor >= _LONG_SEEN else 16


def _placed(
    path: str, source: FileSource, parts: Sequence[Part], at: int
) -> tuple[list[StoredTensor], int]:
    """The tensors of a layer, in the order in which a framework registers them, and the address
    after them.
    """
    dtype = BY_NAME["float32"]
    found = []
    for name, shape in parts:
        span = Span(at, at + dtype.packed_length(math.prod(shape)))
        if span.stop > source.n_bytes:
            raise FormatError(
                f"{path}: '{name}' {list(shape)} ends at byte {span.stop}, the file has"
                f" {source.n_bytes}; was the download complete, and is the .cfg its own?"
            )
        found.append(StoredTensor(name, dtype, shape, PLACE, Encoding.RAW, (span,), source))
        at = span.stop
    return sorted(found, key=_registered), at


def _registered(tensor: StoredTensor) -> int:
    """The place of a tensor in its layer: the weight of the layer, then the normalization's."""
    kind, _, leaf = tensor.name.partition(".")
    leaves = ("weight", "bias", "running_mean", "running_var")
    return leaves.index(leaf) + len(leaves) * kind.startswith("bn_")


def _configuration(path: str) -> str:
    """The configuration that belongs to a file of weights."""
    own = os.path.splitext(path)[0] + CONFIGURATION
    if os.path.isfile(own):
        return own
    folder = os.path.dirname(path)
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith(CONFIGURATION)]
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {system_reason(error)}") from error
    if len(names) != 1:
        what = "none is" if not names else f"{len(names)} are"
        raise UnreadableError(
            f"{path}: needs the {CONFIGURATION} of its network, and {what} in its folder; put it"
            f" there as {os.path.basename(own)}"
        )
    return os.path.join(folder, names[0])
