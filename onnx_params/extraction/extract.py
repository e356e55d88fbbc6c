"""Write the original state dict out of an artifact: each parameter under its own name, shape and
layout, as safetensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from onnx_params.containers.safetensors import DTYPES
from onnx_params.dataflow.consumers import consumers
from onnx_params.dataflow.view import READABLE, View
from onnx_params.errors import UsageError
from onnx_params.idioms.naming import Evidence
from onnx_params.idioms.torch_dynamo import is_made_anew
from onnx_params.idioms.torchscript import is_reordered
from onnx_params.inventory.as_checkpoint import buffers
from onnx_params.inventory.record import Inventory
from onnx_params.inventory.values import dtype_of, shape_of, values_of
from onnx_params.io.atomic import seen, write_bytes
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import is_exact

if TYPE_CHECKING:
    from onnx_params.tensors.stored import StoredTensor

_WITH_ACTIVATION: Final = frozenset({"FusedConv", "FusedGemm"})
_WORDS: Final = {name: word for word, name in DTYPES.items()}


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What was written, in order, and what could not be, with the reason."""

    written: tuple[str, ...]
    lossy: tuple[str, ...]
    left: tuple[tuple[str, str], ...]


def extract(
    inventory: Inventory,
    path: str,
    *,
    dequantize: bool = False,
    progress: Callable[[int], None] = lambda n_bytes: None,
) -> Extraction:
    """Write the parameters and persistent buffers of an artifact to ``path``, whole or not at all;
    values are streamed, a tensor at a time.

    Exact views only, unless ``dequantize`` allows rounded ones. A tied parameter is written under
    each of its names. ``progress`` is called with the bytes that were written. Raises
    :class:`UsageError` where there is nothing to write, :class:`MissingDataError` where values are
    not there.
    """
    rows: dict[str, Claim] = {}
    left: list[tuple[str, str]] = []
    lossy: list[str] = []
    for claim in (*inventory.parameters, *buffers(inventory)):
        reason = _refused(inventory, claim, dequantize)
        names = [claim.name, *claim.aliases]
        if reason:
            left.extend((name, reason) for name in names)
            continue
        if not is_exact(claim.steps):
            lossy.extend(names)
        for name in names:
            rows.setdefault(name, claim)
    if not rows:
        raise UsageError(
            f"{inventory.model.source.label}: nothing in it can be"
            f" extracted{f': {left[0][0]}: {left[0][1]}' if left else ''}"
        )
    pieces = seen(_safetensors(inventory, rows), progress)
    write_bytes(path, pieces, inventory.input_paths())
    return Extraction(written=tuple(rows), lossy=tuple(lossy), left=tuple(left))


def _refused(inventory: Inventory, claim: Claim, dequantize: bool) -> str:
    """Why a parameter is not written; empty where it is."""
    if not claim.placements or claim.view not in READABLE:
        return claim.because
    if claim.evidence is Evidence.NONE:
        return claim.because
    tensor = inventory.model.stored[claim.placements[0].key]
    if claim.evidence is Evidence.STORED_NAME and _may_hold_a_norm(inventory, tensor):
        return (
            "a rewriter made its node anew, as where it puts a norm into a layer, and an activation"
            " hides whether it did"
        )
    if claim.evidence is Evidence.SCOPE and _is_laid_out_for_nchwc(inventory, tensor):
        return "an optimizer laid it out anew: its name is lost, which says whether a norm is in it"
    if (
        not claim.steps
        and tensor.dtype.is_narrow_integer
        and claim.view is View.WHOLE
        and claim.dtype == tensor.dtype.name
    ):
        return f"it is stored as {tensor.dtype.name}, and nothing says its scale"
    if not is_exact(claim.steps) and not dequantize:
        return "its values were rounded; --dequantize writes what is left of them"
    dtype = dtype_of(inventory, claim)
    if dtype not in _WORDS:
        return f"safetensors has no type for {dtype}"
    if claim.shape is not None and shape_of(inventory, claim) != claim.shape:
        return f"its values have the shape {shape_of(inventory, claim)}, not {claim.shape}"
    return ""


def _safetensors(inventory: Inventory, rows: dict[str, Claim]) -> Iterator[bytes]:
    """The file, placement by placement.

    Source of the format: https://github.com/huggingface/safetensors, README.
    """
    import numpy as np

    header: dict[str, object] = {}
    at = 0
    for name, claim in rows.items():
        shape, dtype = shape_of(inventory, claim), dtype_of(inventory, claim)
        n_bytes = math.prod(shape) * _width(dtype)
        header[name] = {"dtype": _WORDS[dtype], "shape": shape, "data_offsets": [at, at + n_bytes]}
        at += n_bytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name, claim in rows.items():
        values = values_of(inventory, claim)
        data = np.ascontiguousarray(values).tobytes()
        expected = header[name]
        assert (
            isinstance(expected, dict)
            and len(data) == expected["data_offsets"][1] - expected["data_offsets"][0]
        ), name
        yield data


def _width(dtype: str) -> int:
    from onnx_params.tensors.dtypes import BY_NAME

    return BY_NAME[dtype].bits // 8


def _may_hold_a_norm(inventory: Inventory, tensor: StoredTensor) -> bool:
    """Whether the layer that takes a stored tensor was made by a rewriter, and bears the name of an
    activation's result: that of a norm's would say that one was folded.

    Sources: onnxruntime, ``conv_activation_fusion.cc``, ``gemm_activation_fusion.cc``.
    """
    return any(
        consumer.node.op_type in _WITH_ACTIVATION and is_made_anew(consumer.node.name)
        for consumer in consumers(inventory.model, tensor)
    )


def _is_laid_out_for_nchwc(inventory: Inventory, tensor: StoredTensor) -> bool:
    """Whether a convolution with a bias takes what onnxruntime laid out for its blocked operators.

    Sources: onnxruntime, ``core/optimizer/nchwc_transformer.cc``; a norm that is folded makes a
    bias.
    """
    return is_reordered(tensor.name) and any(
        consumer.node.op_type == "Conv" and any(consumer.node.inputs[2:3])
        for consumer in consumers(inventory.model, tensor)
    )
