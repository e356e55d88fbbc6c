"""Take stored names at their word, and confirm them by the scope of the node that uses them.

TorchScript's exporter calls nodes ``/h.0/attn/c_attn/Gemm``: the path of the module, then the operator.
Source: torch/onnx/utils.py, ``_set_node_attributes`` and onnx scope naming.
"""

from __future__ import annotations

import re
from typing import Final

from onnx_params.graph import Model
from onnx_params.names.claims import Claim, Evidence
from onnx_params.operators import slot_word
from onnx_params.tensors import StoredTensor
from onnx_params.views import logical

# names that an exporter makes up: counters of values, never a module's word
_MADE_UP: Final = re.compile(r"^(onnx::\w+|val_\d+|_v_\d+|t?\d+|/.*|.*_output_\d+|Constant\w*|reorder(_token_\d+)?|const\w*_\d+|const_fold_opt\w*)$")


def is_made_up(name: str) -> bool:
    """Whether an exporter made the name up: no module's word is in it."""
    return not name or _MADE_UP.match(name) is not None


def claim(model: Model, tensor: StoredTensor) -> Claim:
    """One claim for one stored tensor that holds a parameter."""

    shape, dtype, view = logical(model, tensor)

    def answer(name: str, evidence: Evidence, because: str, *, certain: bool) -> Claim:
        return Claim(
            name=name,
            shape=shape,
            dtype=dtype,
            evidence=evidence,
            certain=certain,
            because=because,
            view=view,
            stored=(tensor.key,),
        )

    scope, word = _scope(model, tensor)
    if not is_made_up(tensor.name):
        owner = tensor.name.rpartition(".")[0]
        if scope is not None and owner and owner == scope:
            return answer(tensor.name, Evidence.STORED_NAME, f"its name, confirmed by the scope of the node '{scope}'", certain=True)
        return answer(tensor.name, Evidence.STORED_NAME, "the name in the file; nothing confirms it", certain=False)
    if scope and word in ("weight", "bias", "operand", "table"):
        leaf = "bias" if word == "bias" else "weight"
        return answer(f"{scope}.{leaf}", Evidence.SCOPE, f"used in scope '{scope}' as {leaf}", certain=False)
    return answer(tensor.name or str(tensor.place), Evidence.NONE, "nothing tells what it was called", certain=False)


def _scope(model: Model, tensor: StoredTensor) -> tuple[str | None, str | None]:
    """The module path of the first node that uses the tensor, and the word for the slot."""
    for use in model.wiring.uses(tensor.key):
        node = use.node
        if node is not None and node.name.startswith("/") and node.name.count("/") > 1:
            return ".".join(node.name.split("/")[1:-1]), slot_word(node.domain, node.op_type, use.slot)
    return None, None
