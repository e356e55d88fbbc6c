"""Say what shape and type a stored weight has as its operator uses it."""

from __future__ import annotations

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.nchwc import NCHWC, unblocked
from onnx_params.dataflow.packed import unpacked
from onnx_params.dataflow.scales import scale_of
from onnx_params.dataflow.view import Logical, View
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.steps import Permute
from onnx_params.tensors.stored import StoredTensor

_WIDE_CODES = frozenset({"int32", "int16", "uint16"})  # of biases, and of 16-bit quantization


def logical(model: Model, tensor: StoredTensor) -> Logical:
    """The shape and type of a weight as its operator uses it; as stored where nothing says
    otherwise.

    Reads attributes of quantized weights only.
    """
    dtype = tensor.dtype
    if tensor.encoding is Encoding.COMPUTED:
        codes = model.stored[model.computed[tensor.key][0]]
        return Logical(tensor.shape, codes.dtype.name, View.DEQUANTIZED, ())
    if dtype.is_narrow_integer or dtype.name in _WIDE_CODES:
        return _integer(model, tensor)
    if dtype.is_narrow_float:
        scale = scale_of(model, tensor)
        if scale is not None:
            return Logical(tensor.shape, dtype.name, View.DEQUANTIZED, (scale,))
    elif any(domain == NCHWC for domain, _ in model.opsets):
        plain = unblocked(model, tensor)
        if plain is not None:
            return plain
    return Logical(tensor.shape, dtype.name, View.WHOLE)


def _integer(model: Model, tensor: StoredTensor) -> Logical:
    packed = unpacked(model, tensor)
    if packed is not None:
        return Logical(packed.shape, f"uint{packed.bits}", View.UNPACKED, packed.steps)
    dtype = tensor.dtype.name
    scale = scale_of(model, tensor)
    if scale is None:
        return Logical(tensor.shape, dtype, View.WHOLE)
    if len(tensor.shape) == 3 and _is_of_quantized_lstm(model, tensor):
        # stored [directions, in, 4 * hidden], where LSTM itself has [directions, 4 * hidden, in]
        directions, entering, gates = tensor.shape
        steps = (scale, Permute((0, 2, 1)))
        return Logical((directions, gates, entering), dtype, View.DEQUANTIZED, steps)
    return Logical(tensor.shape, dtype, View.DEQUANTIZED, (scale,))


def _is_of_quantized_lstm(model: Model, tensor: StoredTensor) -> bool:
    uses = model.def_use.uses(tensor.key)
    return any(use.node is not None and use.node.op_type == "DynamicQuantizeLSTM" for use in uses)
