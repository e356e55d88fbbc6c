"""Tell the constants of a trace from parameters: TorchScript's exporter lifts every parameter to an
initializer, and keeps what its trace computed from none as ``/scope/Constant_3_output_0``; FX calls
values after the operators that made them.

Source: torch/csrc/jit/passes/onnx, lift of parameters to graph inputs and the names of constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from onnx_params.containers.onnx.graph import Model, Use
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.naming import Hint, Naming
from onnx_params.idioms.onnxruntime import is_scaled_bias, name_before
from onnx_params.idioms.torchscript import computed_by, is_made_up
from onnx_params.operators.schemas import schema
from onnx_params.tensors.encoding import PlaceKind
from onnx_params.tensors.small import has_few_numbers
from onnx_params.tensors.steps import Key
from onnx_params.tensors.stored import StoredTensor

_CONSTANT: Final = re.compile(r"/(?:.+/)?Constant(_\d+)?_output_0\d*")
_ROTATES: Final = re.compile(r"(cos|sin)_\d+")  # as FX calls what these give, the second on
MAX_MADE: Final = 2  # different numbers of what an operator makes of nothing
# operators that make a tensor of nothing. Source: torch/fx/graph.py, names follow the operator
_MADE_BY_FX: Final = re.compile(
    r"(new_)?(zeros|ones|full|empty)(_like)?(_\d+)?|(eye|triu|tril)(_\d+)?"
)


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """A constant of the trace, where the file has parameters among its initializers; a frozen
    module has none. What Cos and Sin give is a rotation.
    """
    if is_scaled_bias(tensor.name):
        return None
    name = as_exported(model, name_before(tensor.name))
    if computed_by(name) in ("Cos", "Sin") or _ROTATES.fullmatch(name) is not None:
        return Hint(
            False, "frequencies", "an optimizer computed it, by its name, as an angle's", True
        )
    if computed_by(name) == "Where":
        because = "an optimizer computed it, by its name, and chose some of its numbers"
        return Hint(False, "trace-constant", because)
    if _MADE_BY_FX.fullmatch(name) is not None and has_few_numbers(tensor, MAX_MADE):
        return Hint(False, "trace-constant", "the trace made it of no parameter, by its name")
    # codes under a constant's own name are those of a weight, as quantizers export it
    is_number = tensor.dtype.is_float or (tensor.dtype.is_narrow_integer and name != tensor.name)
    is_constant = _CONSTANT.fullmatch(name) is not None or _is_in_a_node(model, tensor)
    if not is_constant or not is_number:
        return None
    if not any(map(_is_lifted, model.main.tensors)):
        return None
    return Hint(False, "trace-constant", "the trace computed it from no parameter, by its name")


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """None: the names of parameters are their own."""
    return {}


def _is_in_a_node(model: Model, tensor: StoredTensor) -> bool:
    """Whether a Constant node of a trace has a tensor, under a name with a number, and no layer
    takes it.
    """
    is_there = tensor.place.kind is PlaceKind.ATTRIBUTE and tensor.name.startswith("onnx::")
    uses = model.def_use.uses(tensor.key) if is_there else ()
    return is_there and not any(use.slot and _is_by_product(use) for use in uses)


def _is_by_product(use: Use) -> bool:
    """Whether a matrix product or a convolution uses it."""
    operator = None if use.node is None else schema(use.node.domain, use.node.op_type)
    return operator is not None and operator.is_product


def _is_lifted(tensor: StoredTensor) -> bool:
    is_initializer = tensor.place.kind is PlaceKind.INITIALIZER
    return is_initializer and "." in tensor.name and not is_made_up(tensor.name)
