"""Name the tensors of a checkpoint: by the names that they have there, which are the framework's
own.
"""

from __future__ import annotations

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.view import View
from onnx_params.idioms.exporter_metadata import ExporterMetadata
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.vocabulary import is_buffer_name
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import natural
from onnx_params.tensors.steps import Placement
from onnx_params.tensors.stored import StoredTensor


def is_parameter(tensor: StoredTensor) -> bool:
    """Whether a tensor of a state dict was learned, by its type and its name."""
    has_fractions = tensor.dtype.is_float or tensor.dtype.is_complex
    return has_fractions and not is_buffer_name(tensor.name)


def claims(model: Model, metadata: ExporterMetadata) -> list[Claim]:
    """One claim for each parameter of a checkpoint, in its order if it has one; none for an ONNX
    file.
    """
    if model.checkpoint is None:
        return []
    aliases: dict[str, list[str]] = {}
    for alias, name in model.checkpoint.aliases:
        aliases.setdefault(name, []).append(alias)
    tensors = [tensor for tensor in model.tensors if is_parameter(tensor)]
    if not model.checkpoint.ordered:
        tensors.sort(key=lambda tensor: natural(tensor.name))
    return [_claim(tensor, tuple(aliases.get(tensor.name, ()))) for tensor in tensors]


def _claim(tensor: StoredTensor, aliases: tuple[str, ...]) -> Claim:
    return Claim(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype.name,
        evidence=Evidence.STORED_NAME,
        certain=True,
        because="the checkpoint's own name",
        view=View.WHOLE,
        stored=(tensor.key,),
        aliases=aliases,
        placements=(Placement(tensor.key, ()),),
    )
