"""Take apart the matrices whose rows lie in pairs: a row of the gate, then a row of what it gates.

Sources: onnxruntime, docs/ContribOperators.md (MoE and QMoE, ``swiglu_fusion``); onnxruntime-genai,
``builders/base.py``, which interleaves them.
"""

from __future__ import annotations

from onnx_params.containers.onnx.graph import Model
from onnx_params.operators.schemas import schema
from onnx_params.tensors.steps import Permute, Reshape, Shape, Steps
from onnx_params.tensors.stored import StoredTensor

_IN_PAIRS = 1  # value of the attribute


def unpaired(model: Model, tensor: StoredTensor, shape: Shape) -> Steps:
    """The steps that put all first rows of ``[experts, rows, ...]`` before all second ones; none
    where no operator takes them in pairs. Reads attributes.
    """
    if len(shape) < 2 or shape[1] % 2:
        return ()
    for use in model.def_use.uses(tensor.key):
        found = None if use.node is None else schema(use.node.domain, use.node.op_type)
        if found is None or use.node is None or use.slot not in found.paired:
            continue
        if use.node.read_attributes().get(found.paired_by) == _IN_PAIRS:
            experts, rows, *rest = shape
            split = Reshape((experts, rows // 2, 2, *rest))
            turn = Permute((0, 2, 1, *range(3, 3 + len(rest))))
            return split, turn, Reshape(shape)
    return ()
