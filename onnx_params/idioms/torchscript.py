"""Read module paths out of the names of nodes and values.

TorchScript's exporter calls nodes ``/h.0/attn/c_attn/Gemm``: the path of the module, then the
operator. Sources: torch/onnx/utils.py, node scope naming; onnxruntime, ``GenerateNodeName`` in
``core/optimizer``: fusions append ``/MatMulAddFusion`` and the like.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from onnx_params.containers.onnx.graph import Model, Node
from onnx_params.containers.onnx.once import once
from onnx_params.idioms.onnxruntime import SCALED_BIAS, name_before, undo
from onnx_params.idioms.torch_dynamo import KEEPS_ELEMENTS, LIFTED_CONSTANT, operator_of

# names whose answers are kept: each is asked for several times, and once more by a model to compare
# with
NAMES: Final = 1 << 16
# names that an exporter or a post-processor makes up: counters of values, never a module's word
_MADE_UP: Final = re.compile(
    rf"^(onnx::\w+|{SCALED_BIAS}.*|{LIFTED_CONSTANT}|"
    r"(helper|auto)\.\w+\.\d+|p2o\.[\w.]+|"
    r"_?val_\d+(_weight|_bias)?|_frozen_param\d+|_v_\d+|t?\d+|/.*|.*_output_\d+|Constant\w*|reorder(_token_\d+)?|const\w*_\d+|const_fold_opt\w*|\w*_token_\d+"
    r"|(unsqueeze|expand|(_unsafe_)?view|transpose|permute|slice|embedding|gather|index|t|select|cat|mul|add|sub|div|exp|neg|pow|sqrt|reshape|clone|stack"
    r"|where|full|arange|triu|tril|masked_fill|zeros|ones|(zeros|ones|full)_like|squeeze|flatten|alias|detach|roll|flip|getitem|pad|cumsum|clamp|convert_element_type(_default)?|_to_copy|repeat|rsqrt|log)(_\d+)?"
    r"|(split(_with_sizes)?|chunk|unbind)(_\d+)?_split_\d+|(getitem|mul|div)(_\d+)?_(weight|bias)|(linear|addmm|matmul|mm|bmm)_\d+_(weight|bias))$"
)
# names of FX nodes whose result is other numbers than those that went in. Source:
# torch/fx/graph.py, names follow the operator
_COMPUTED: Final = re.compile(
    r"^(mul|add|sub|rsub|div|exp|neg|pow|sqrt|rsqrt|linear|matmul|mm|bmm|addmm|einsum|sin|cos|tanh|sigmoid|softmax|softplus|repeat_interleave|arange|where"
    r"|cumsum|mean|sum|baddbmm|layer_norm|zeros|ones|full|new_full|new_zeros|new_ones|reciprocal|to|abs|sign|log|clamp|outer|masked_fill|triu|tril)(_\w*)?(_\d+)?$"
)
_REORDERED: Final = re.compile(r"reorder(_token_\d+)?")
_OPERATOR: Final = re.compile(r"/([A-Z][A-Za-z]*)(?:_\d+)?$")
_LAYERS: Final = frozenset({"Conv", "Gemm", "MatMul"})
_PREFIX: Final = re.compile(r"^[^/]*[/_.:-](?=/)")  # before a path. Source: onnx, ``compose.py``
_GIVEN_BY_LAYER: Final = re.compile(r"(linear|addmm|matmul|mm|bmm|conv[123]d)(_\d+)?")
# what onnxruntime puts behind the name of a value to call a node of quantization
_AFTER_RESULT: Final = re.compile(r"(?<=_output_\d)[^/]*/.*|(?<=_output_\d\d)[^/]*/.*")
_FUSED: Final = re.compile(r"(/\w*Fusion\w*)?/?$")
# constants that TorchScript's exporter computes when it folds a batch norm into a convolution; it
# leaves what it does not compute its name. Source: torch/csrc/jit/passes/onnx/eval_peephole.cpp,
# fuseConvBatchNorm
_NORM_FOLDED: Final = re.compile(r"^onnx::Conv(Transpose)?_\d+(_quantized|_Q\d)?$")
# what optimizers compute of weights. Sources: onnxsim, which numbers its results ``_v_``; onnxslim,
# ``core/pattern/fusion``, which calls them after the operator that it put into a layer; and
# onnxruntime, ``core/optimizer/nchwc_transformer.cc``, norms as convolutions
_RECOMPUTED: Final = re.compile(
    r"_v_\d+|.*/(Mul|Div|Add|Sub|BatchNormalization)(_\d+)?_output_\d+_(weight|bias)"
    r"|bn_[WB](_token_\d+)?"
)
# how the exporter calls what it computed of what a module has, with the operator that takes it
LIFTED: Final = "onnx::"
# it leaves a Gemm's weight as it is, and calls so what it computed
COMPUTED_FOR_GEMM: Final = f"{LIFTED}Gemm_"
_CAST: Final = re.compile(r"_cast_to_\w+$")  # onnxconverter-common, ``float16.py``
_PUT_INTO: Final = re.compile(r"(getitem|mul|div|_?(native_)?batch_norm\w*?)(_\d+)?")
# values of TorchScript's exporter are called after the operator that makes them; these operators
# change no element
_RESULT: Final = re.compile(r"/([A-Z]\w*?)(?:_\d+)?_output_\d+$")
# what was computed for these is a transposition, or gates in order; Gemm takes a weight as it is
_TAKEN_BY_PRODUCT: Final = re.compile(r"onnx::(MatMul|LSTM|GRU|RNN)_")
_KEEPS_VALUES: Final = frozenset(
    {"Constant", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Cast", "Identity", "Flatten"}
)


def is_made_up(name: str) -> bool:
    """Whether an exporter made the name up: no module's word is in it."""
    return not name or _MADE_UP.match(name) is not None


def is_reordered(name: str) -> bool:
    """Whether onnxruntime gave a name to a weight that it laid out anew, and dropped its own."""
    return _REORDERED.fullmatch(name) is not None


def is_layers_result(name: str) -> bool:
    """Whether a stored tensor is called after what a layer gives: data that was computed, for a
    state that is zero at first.
    """
    return computed_by(name) in _LAYERS or _GIVEN_BY_LAYER.fullmatch(name) is not None


@lru_cache(NAMES)
def real_name(name: str) -> str | None:
    """The name that a module gave: this one, or the one before post-processing; ``None`` where
    there was none.
    """
    names = [hop.base for hop in reversed(undo(name))] or [name]
    for before in names:
        if not is_made_up(before):
            return before
    return None


def is_norm_folded(name: str) -> bool:
    """Whether TorchScript's exporter gave this name to a convolution's weight or bias into which it
    folded a batch norm.
    """
    return _NORM_FOLDED.match(name) is not None


def computed_by(name: str) -> str:
    """The operator whose result a stored tensor is, where an optimizer computed it and kept the
    value's name; empty where the name says none.
    """
    # TorchScript's exporter computed it, and names it after the operator that takes it
    if name.startswith(LIFTED):
        return "" if _TAKEN_BY_PRODUCT.match(name) else "the exporter"
    match = _RESULT.search(name)
    return "" if match is None or match[1] in _KEEPS_VALUES else str(match[1])


def is_laid_out(name: str) -> bool:
    """Whether a stored tensor is called after an operator that changes no element, by either of
    torch's exporters.
    """
    match = _RESULT.search(name)
    by_trace = match is not None and match[1] in _KEEPS_VALUES
    return by_trace or operator_of(name) in KEEPS_ELEMENTS


def is_put_into(output: str) -> bool:
    """Whether the result of a layer is called after a norm or a factor, so that an optimizer put
    that into the layer's weights: it keeps the name of the last result.
    """
    output = _CAST.sub("", output)
    match = _RESULT.search(output)
    if match is not None:
        return match[1] in ("Mul", "Div", "BatchNormalization")
    # FX: a batch norm has several results, of which an item is taken
    return _PUT_INTO.fullmatch(output) is not None


def is_recomputed(name: str) -> bool:
    """Whether an optimizer gave this name to a weight or bias that it computed, of others or of
    what stood behind its layer.
    """
    base = name_before(name)
    if is_fused(name) or is_fused(base):
        return True
    return computed_by(base) != "" or _RECOMPUTED.fullmatch(base) is not None


def is_result(name: str) -> bool:
    """Whether a stored tensor bears the name of an operator's result, so that its numbers were
    computed when it was folded.
    """
    names = {name, *(hop.base for hop in undo(name))}
    return any(
        bool(computed_by(each)) and not each.startswith(LIFTED) or _COMPUTED.match(each) is not None
        for each in names
    )


def is_unnamed(name: str) -> bool:
    """Whether no module named a stored tensor: an exporter made its name up, or called it after the
    operator of which it is the result.
    """
    return real_name(name) is None or is_result(name)


def is_fused(name: str) -> bool:
    """Whether a stored name says that a fusion changed the values: onnxruntime's, or onnxslim's
    (``core/pattern/fusion``).
    """
    ends = ("_weight_fused", "_bias_fused")
    hops = undo(name)
    return name.endswith(ends) or any(hop.folded or hop.base.endswith(ends) for hop in hops)


def scope_of(node: Node) -> str | None:
    """The module path of a node, by its name or by that of its first output; ``None`` where neither
    has one, ``""`` for the root module.

    A container that calls its own items stands in the path twice (``layers/layers.0``), and once in
    the module's name.
    """
    scopes = map(_scope_in, (node.name, *node.outputs[:1]))
    return next((scope for scope in scopes if scope is not None), None)


@once
def containers(model: Model) -> frozenset[str]:
    """The modules with modules in them, by the scopes of nodes, but for the outermost one."""
    found: set[str] = set()
    for graph in model.graphs.values():
        for scope in filter(None, map(scope_of, graph.nodes)):
            parent = scope.rpartition(".")[0]
            while parent and parent not in found:
                found.add(parent)
                parent = parent.rpartition(".")[0]
    return frozenset(found)


def path_of_value(name: str) -> str:
    """The module path in the name of a value; empty where it has none, and for the root module."""
    return _scope_in(name) or ""


def _scope_in(name: str) -> str | None:
    """The module path in a name; ``None`` where it has none, ``""`` for the root module."""
    path = _PREFIX.sub("", name, count=1)
    return _scope(path) if path[:1] == "/" else None


def is_rewritten(node: Node) -> bool:
    """Whether a node is called after another operator, of a convolution and a product: a tool put
    one in the place of the other, and changed the weight's shape.
    """
    match = _OPERATOR.search(node.name)
    named = "" if match is None else match[1]
    return {named, node.op_type} <= _LAYERS and (named == "Conv") is not (node.op_type == "Conv")


@lru_cache(NAMES)
def _scope(name: str) -> str:
    segments = _AFTER_RESULT.sub("", _FUSED.sub("", name, count=1)).split("/")[1:-1]
    kept = [
        segment
        for at, segment in enumerate(segments)
        if at + 1 == len(segments) or not segments[at + 1].startswith(f"{segment}.")
    ]
    return ".".join(kept)
