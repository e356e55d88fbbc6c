"""Recognize what scales inputs before the first layer, or results after the last one."""

from __future__ import annotations

import re
from typing import Final

from onnx_params.containers.onnx.graph import Use
from onnx_params.idioms import tf2onnx
from onnx_params.idioms.converters import is_of_jax2onnx
from onnx_params.idioms.naming import is_path, leaf_of, module_of
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_dynamo import (
    KEEPS_ELEMENTS,
    REPEATS,
    SELECTS,
    SLICES,
    TURNS,
    operator_of,
)
from onnx_params.idioms.torchscript import LIFTED, real_name
from onnx_params.roles import spectra
from onnx_params.roles.context import (
    ROUNDS,
    Context,
    Subject,
    behind,
    describe,
    is_in_a_trace,
    is_layer,
)
from onnx_params.roles.norms import is_in_a_norm
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.roles.rotary import VIEWS
from onnx_params.tensors.small import has_few_numbers
from onnx_params.tensors.stored import StoredTensor

ELEMENTWISE: Final = frozenset({"Add", "Sub", "Mul", "Div"})
# what modules call numbers that were counted in data, or follow from sizes. Sources: torchvision's
# transforms, detectron2's ``pixel_mean``, detectors' anchors and strides, scalers of time series,
# ``action_bias`` of policies (CleanRL), levels of forecasts
_COUNTED: Final = re.compile(
    r"(\w+_)?(means?|stds?|stdev|var|variance|mins?|maxs?|offsets?|strides?|anchors?|grids?|bins|range)"
    r"|(in|out|inputs?|outputs?|data|target|actions?)_(scale|shift|loc|bias)|scales?|shifts?|scaler"
    r"|loc|quantiles?|const"
)
_STATISTICS: Final = re.compile(r"(\w+_)?(means?|stds?|stdev|var|variance)")
MAX_FEW: Final = 8  # different numbers of a table that was not learned
MAX_BETWEEN: Final = 4  # operators that only round or lay out anew
_PASSED: Final = VIEWS | ROUNDS | {"Transpose", "Cast"}
_TAKEN: Final = KEEPS_ELEMENTS | SLICES | SELECTS | TURNS | REPEATS
_NORMS: Final = frozenset(
    {"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"}
)
MAX_HOPS: Final = 16  # arithmetic with constants in a chain


def after_the_last_layer(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Numbers that change what the model answers, such as a mean and a scale."""
    if not context.has_layers or _is_of_a_module(context, subject):
        return None
    if not _is_after_the_last_layer(context, use, is_statistic_of_data(subject)):
        return None
    because = f"{describe(use)}: no layer follows, and none computed the other input"
    return _unless_variable(context, subject, RuleId.AFTER_THE_LAST_LAYER, because)


def before_the_first_layer(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Numbers that change what the model is given, such as the mean of pixels."""
    if not context.has_layers or _is_of_a_module(context, subject):
        return None
    if not _is_before_the_first_layer(context, use) or _is_table(context, subject.tensor):
        return None
    if _changes_a_norm(context, use):
        return None
    because = f"{describe(use)}: the other input comes from the graph's input through no layer"
    return _unless_variable(context, subject, RuleId.BEFORE_THE_FIRST_LAYER, because)


def _is_table(context: Context, tensor: StoredTensor) -> bool:
    """Whether an exporter or an optimizer computed a tensor of one that a module has, or laid it
    out anew, and it has other numbers along two axes, as places or features have that were learned;
    what pixels are scaled by has one. Reads it.
    """
    is_array = sum(dim > 1 for dim in tensor.shape) > 1
    before = name_before(tensor.name)
    is_lifted = before.startswith(LIFTED) or operator_of(before) in _TAKEN
    is_lifted = is_lifted or is_of_jax2onnx(context.model, tensor)
    return is_lifted and is_array and not has_few_numbers(tensor, MAX_FEW)


def is_counted(tensor: StoredTensor) -> bool:
    """Whether a module calls a tensor as numbers that were counted in data or follow from sizes."""
    leaf = leaf_of(real_name(tensor.name) or "")
    return _COUNTED.fullmatch(leaf.lstrip("_")) is not None


def is_statistic_of_data(subject: Subject) -> bool:
    """Whether a module calls a tensor the mean or the deviation of something."""
    return _STATISTICS.fullmatch(_leaf(subject)) is not None


def _leaf(subject: Subject) -> str:
    return leaf_of(real_name(subject.tensor.name) or "")


def _changes_a_norm(context: Context, use: Use) -> bool:
    """Whether the other input is what a norm gives, in another shape or multiplied: a norm of the
    input has a scale and a bias as any other one has.
    """
    assert use.node is not None
    others = [name for slot, name in enumerate(use.node.inputs) if slot != use.slot]
    passed = _PASSED | {"Mul"} if use.node.op_type == "Add" else _PASSED
    producers = [behind(context.producer, use.graph, name, passed, MAX_BETWEEN) for name in others]
    return any(each is not None and each.op_type in _NORMS for each in producers)


def _is_of_a_module(context: Context, subject: Subject) -> bool:
    """Whether one of torch's modules, or the outermost one in a trace, has a tensor under a name
    that is none of those for what was counted in data, or is a norm.
    """
    owner, leaf = module_of(real_name(subject.tensor.name) or ""), _leaf(subject)
    if not is_path(owner or leaf) or not (owner or is_in_a_trace(subject)):
        return False
    return not is_counted(subject.tensor) or is_in_a_norm(context, subject.tensor)


def _unless_variable(
    context: Context, subject: Subject, rule: RuleId, because: str
) -> Classification:
    """A buffer, unless the writer's name for it is that of a variable, or of a norm's vector."""
    if tf2onnx.is_variable(context.model, subject.tensor):
        why = "TensorFlow gives such names to variables, and to a norm's vectors"
        return Classification(Role.PARAMETER, RuleId.NORM_BY_NAME, why)
    return Classification(Role.BUFFER, rule, because)


def _is_after_the_last_layer(context: Context, use: Use, is_counted: bool) -> bool:
    """Whether results go to the graph's outputs through no layer, though no layer computed the
    other input directly, which does not matter where the name says that it was counted in data.
    """
    if use.graph:
        return False
    assert use.node is not None
    others = [name for slot, name in enumerate(use.node.inputs) if slot != use.slot]
    is_subtracted = use.node.op_type == "Sub" and use.slot == 1  # no layer's bias is
    if not (is_counted or is_subtracted) and not all(
        _is_activated(context, use.graph, name) for name in others
    ):
        return False
    return spectra.reaches_outputs_only(context, use)


def _is_activated(context: Context, path: str, name: str) -> bool:
    """Whether a value was computed, but for arithmetic with constants, by what is neither a layer
    nor part of a norm.
    """
    for _ in range(MAX_HOPS):
        producer = behind(context.producer, path, name, _PASSED, MAX_BETWEEN)
        if producer is None or is_layer(producer) or producer.op_type.endswith("Normalization"):
            return False
        if producer.op_type not in ELEMENTWISE:
            return True
        resolve = context.graph.resolve
        moving = [
            each for each in producer.inputs if resolve(path, each) not in context.model.stored
        ]
        if len(moving) != 1:
            return False
        name = moving[0]
    return False


def _is_before_the_first_layer(context: Context, use: Use) -> bool:
    """Whether the other input is a graph input, changed by arithmetic with constants at most. What
    is added to what was looked up in a table may be places; what multiplies it was learned.
    """
    if use.graph:
        return False
    assert use.node is not None
    raw = spectra.raw_values(context, with_lookups=use.node.op_type != "Mul")
    return any(name in raw for slot, name in enumerate(use.node.inputs) if slot != use.slot)
