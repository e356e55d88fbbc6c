"""Open an artifact, whatever its format: an ONNX file as graphs, a checkpoint as tensors without a
graph.

This is the seam behind which another format stands: a module that reads it and a row in
:data:`onnx_params.containers.formats.FORMATS`.
"""

from __future__ import annotations

from onnx_params.containers.checkpoint import Checkpoint
from onnx_params.containers.onnx.graph import Graph, Model
from onnx_params.containers.onnx.parse import Parser
from onnx_params.errors import FormatError
from onnx_params.io.sniff import HEAD, recognize
from onnx_params.io.sources import BytesSource, Source


def read_onnx(source: Source, path: str | None) -> Model:
    """The model in an ONNX file.

    Raises :class:`FormatError`, which says what the file is instead where that is known.
    """
    try:
        return Parser(source, path).model()
    except FormatError as error:
        found = recognize(source.read(0, min(HEAD, source.n_bytes)))
        if found is None:
            raise
        raise FormatError(f"{source.label}: is not an ONNX model: it is {found}") from error


def of_checkpoint(checkpoint: Checkpoint) -> Model:
    """A checkpoint as a model of one graph without nodes; further names of tied tensors are no
    tensors of their own.
    """
    aliases = {alias for alias, _ in checkpoint.aliases}
    source = BytesSource(b"", checkpoint.path)
    graph = Graph(
        path="",
        parent=None,
        name="",
        nodes=(),
        tensors=tuple(tensor for tensor in checkpoint.tensors if tensor.name not in aliases),
        inputs=(),
        outputs=(),
        value_info_spans=(),
        metadata_spans=(),
        source=source,
    )
    return Model(
        source=source,
        path=checkpoint.path,
        ir_version=0,
        producer_name="",
        producer_version="",
        opsets=(),
        graphs={"": graph},
        metadata_spans=(),
        checkpoint=checkpoint,
    )
