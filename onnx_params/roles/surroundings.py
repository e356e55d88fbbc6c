"""Classify a floating-point tensor by the computation around it, where no slot says what it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Set
from typing import Final

from onnx_params.containers.onnx.graph import Node, Use
from onnx_params.dataflow.consumers import n_outputs
from onnx_params.dataflow.logical import logical
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import LIFTED, computed_by, is_unnamed, real_name, scope_of
from onnx_params.idioms.vocabulary import is_set_by_hand, is_unlearned_name
from onnx_params.operators.record import Passes
from onnx_params.operators.schemas import KNOWN_DOMAINS, schema
from onnx_params.roles import spectra
from onnx_params.roles.context import Context, Subject, describe
from onnx_params.roles.edges import (
    ELEMENTWISE,
    after_the_last_layer,
    before_the_first_layer,
    is_statistic_of_data,
)
from onnx_params.roles.lengths import TO_DIVISION, length_of_a_weight, squared_lengths
from onnx_params.roles.norms import deviation_beside_a_mean
from onnx_params.roles.one_number import is_one_number, of_one_number
from onnx_params.roles.positions import counts, frequencies, knots, positions
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.roles.rotary import rotary_table
from onnx_params.tensors.filters import is_window
from onnx_params.tensors.small import (
    MASK_NUMBERS,
    are_written_down,
    distinct_elements,
    first_numbers,
    has_few_numbers,
)
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import are_in_order, are_straight, has_angles

MAX_BETWEEN: Final = 4  # operators between a layer and the addition of its bias: casts, scales
MIN_SIGNS: Final = 4  # elements, below which ones and zeros may be what a module begins with
MIN_IRREGULAR: Final = 8  # numbers of a few digits under a module's own name
MANY: Final = 64  # elements of a tensor in which two numbers are no chance
MAX_COMPARED: Final = 256  # numbers of a vector that are held against another's
EPSILON: Final = 1e-5  # relative, and absolute for small numbers
_SOFTMAX: Final = ("Softmax", "QLinearSoftmax")
# between an addition and a softmax
_TO_SOFTMAX: Final = frozenset({"Add", "Reshape", "Unsqueeze", "Squeeze", "Cast", "Transpose"})
# between a product of queries and keys, and the softmax of scores
_BETWEEN_SCORES: Final = _TO_SOFTMAX | {"Mul", "Div", "Sub", "Pad", "Slice", "Where", "Concat"}
_PRODUCTS: Final = frozenset({"MatMul", "Einsum"})
MAX_TO_SCORES: Final = 12  # of such operators, one after the other
MAX_AT_ONCE: Final = 16  # values that are followed
N_AXES_OF_HEADS: Final = 4  # a batch, heads, places and features
_WAVES: Final = ("Cos", "Sin")


def by_surroundings(context: Context, subject: Subject) -> Classification:
    """The last rules: always an answer."""
    if is_unlearned_name(subject.tensor.name):
        return spectra.by_name(subject.tensor)
    if is_set_by_hand(subject.tensor.name):
        if are_in_order(subject.tensor):
            because = f"'{subject.tensor.name}' has numbers that rise, as its name says"
            return Classification(Role.BUFFER, RuleId.SAMPLED_FUNCTIONS, because)
        if max(subject.tensor.shape, default=0) == subject.tensor.count:  # a vector
            return spectra.by_name(subject.tensor)
    for use, _ in subject.uses:
        if use.node is not None and use.node.op_type in TO_DIVISION | {"Div"}:
            lengths = length_of_a_weight(context, subject, use)
            if lengths is not None:
                return lengths
        deviation = deviation_beside_a_mean(context, subject, use)
        if deviation is not None:
            return deviation
        inverted = _with_epsilon(context, subject, use)
        if inverted is not None:
            return inverted
        if use.node is not None and use.node.op_type in ELEMENTWISE:
            return elementwise(context, subject, use)
    used_by = {use.node.op_type for use, _ in subject.uses if use.node is not None}
    if used_by.issuperset(_WAVES):
        because = "Cos and Sin use it as it is: angles"
        return Classification(Role.BUFFER, RuleId.FREQUENCIES, because)
    if used_by and has_angles(context.numbers(subject.tensor)):
        because = "its rows are multiples of frequencies: the angles of positions"
        return Classification(Role.BUFFER, RuleId.POSITIONS, because)
    if subject.tensor.name.startswith(LIFTED) and are_straight(subject.tensor):
        because = "its lines have equal steps: distances to points of a grid"
        return Classification(Role.BUFFER, RuleId.SAMPLED_FUNCTIONS, because)
    return _by_type(subject)


def _with_epsilon(context: Context, subject: Subject, use: Use) -> Classification | None:
    """What is divided by, where its module has the same numbers but for an epsilon: a parameter
    that the exporter added one to, as of Snake activations (``1 / (alpha + 1e-9)``).
    """
    tensor = subject.tensor
    is_divisor = use.node is not None and (
        use.node.op_type == "Reciprocal" or (use.node.op_type == "Div" and use.slot == 1)
    )
    if use.node is None or not is_divisor or real_name(tensor.name) is not None:
        return None
    numbers = first_numbers(tensor, min(tensor.count, MAX_COMPARED))
    for other in context.by_module.get(scope_of(use.node) or "", ()) if numbers else ():
        if other.shape != tensor.shape or other.dtype != tensor.dtype:
            continue
        others = first_numbers(other, len(numbers))
        pairs = zip(numbers, others, strict=False)
        if others and all(abs(one - two) <= EPSILON * max(1, abs(two)) for one, two in pairs):
            because = f"{describe(use)}: '{other.name}' with an epsilon"
            return Classification(Role.CONSTANT, RuleId.WITH_EPSILON, because)
    return None


def _by_type(subject: Subject) -> Classification:
    if not subject.uses:
        because = "floating point, and no node uses it: by type alone"
        return Classification(Role.PARAMETER, RuleId.UNUSED_FLOAT, because)
    use = subject.uses[0].use
    if use.node is None:
        return Classification(Role.CONSTANT, RuleId.OUTPUT, "the graph returns it as it is")
    if use.node.domain not in KNOWN_DOMAINS:
        because = (
            f"{describe(use)}, of domain '{use.node.domain}' that no table knows:"
            " by shape and type alone"
        )
        return Classification(Role.PARAMETER, RuleId.UNKNOWN_OPERATOR, because)
    because = f"floating point with {subject.tensor.count} elements, {describe(use)}: by type alone"
    by_default = Classification(Role.PARAMETER, RuleId.FLOAT_BY_DEFAULT, because)
    return of_one_number(subject, use) or by_default


# -- arithmetic, element by element ---------------------------------------------------------------

Rule = Callable[[Context, Subject, Use], Classification | None]


def elementwise(context: Context, subject: Subject, use: Use) -> Classification:
    """The answer of the first rule of arithmetic that has one; else the tensor was learned."""
    for rule in _ELEMENTWISE_RULES:
        found = rule(context, subject, use)
        if found is not None:
            return found
    return Classification(Role.PARAMETER, RuleId.ELEMENTWISE_FLOAT, describe(use))


def _named_in_its_module(context: Context, subject: Subject, use: Use) -> Classification | None:
    name = as_exported(context.model, subject.tensor.name)
    owner, _, leaf = (real_name(name) or "").rpartition(".")
    assert use.node is not None
    if not owner or leaf not in ("weight", "bias") or scope_of(use.node) != owner:
        return None
    because = f"{describe(use)}, in the module of which it is called the {leaf}"
    return Classification(Role.PARAMETER, RuleId.NAMED_IN_ITS_MODULE, because)


def _bias_of_a_layer(context: Context, subject: Subject, use: Use) -> Classification | None:
    if is_statistic_of_data(subject) or not is_bias(context, use, subject.tensor):
        return None
    because = f"{describe(use)}, as many numbers as the layer before it has outputs"
    return Classification(Role.PARAMETER, RuleId.BIAS_OF_A_LAYER, because)


def _same_number(context: Context, subject: Subject, use: Use) -> Classification | None:
    """One number again and again, or two in many elements, as of an identity, a mask or the sines
    of position 0, under the name of an operator's result or one that an exporter made up: it was
    computed, for what was trained has different ones.
    """
    tensor = subject.tensor
    if not is_unnamed(tensor.name):
        return None
    constant = of_one_number(subject, use)
    if constant is not None:
        return constant
    is_array = sum(dim > 1 for dim in tensor.shape) > 1
    if tensor.count < MANY or not (is_array or _has_ones_and_zeros(tensor)):
        return None
    if distinct_elements(tensor) != 2:
        return None
    because = f"{describe(use)}, {tensor.count} times one of two numbers"
    return Classification(Role.CONSTANT, RuleId.SAME_NUMBER, because)


def _has_ones_and_zeros(tensor: StoredTensor) -> bool:
    return set(first_numbers(tensor, tensor.count)) == {0.0, 1.0}


def _written_down(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Signs under whatever name; thresholds and levels under one that an exporter made up, for what
    a module learns may begin with such.
    """
    tensor = subject.tensor
    if not are_written_down(tensor):
        return None
    numbers = set(first_numbers(tensor, tensor.count))
    are_signs = tensor.count >= MIN_SIGNS and numbers <= {-1.0, 0.0, 1.0}
    if real_name(tensor.name) is not None and not are_signs and not _is_irregular(tensor):
        return None
    because = f"{describe(use)}: numbers of a few digits, which somebody wrote down"
    return Classification(Role.BUFFER, RuleId.WRITTEN_DOWN, because)


def _is_irregular(tensor: StoredTensor) -> bool:
    """Whether a vector has many numbers, different ones, up and down: more than what a module may
    begin with, which is even or falls.
    """
    numbers = first_numbers(tensor, tensor.count)
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    is_up_and_down = min(steps, default=0) < 0 < max(steps, default=0)
    return len(numbers) >= MIN_IRREGULAR and len(set(numbers)) >= MASK_NUMBERS and is_up_and_down


def _window(context: Context, subject: Subject, use: Use) -> Classification | None:
    """What a frame of a signal is multiplied by."""
    assert use.node is not None
    if use.node.op_type not in ("Mul", "Div") or not is_window(context.numbers(subject.tensor)):
        return None
    because = f"{describe(use)}: different numbers, the same from both ends"
    return Classification(Role.BUFFER, RuleId.WINDOW, because)


def _looked_up_bias(context: Context, subject: Subject, use: Use) -> Classification | None:
    """What attention adds for each head and pair of positions: rows of a table, where it has many
    different numbers.
    """
    shape = subject.tensor.shape
    if len(shape) < 3 or min(shape[-2:]) <= 1 or not goes_to_softmax(context, use):
        return None
    n_numbers = distinct_elements(subject.tensor)
    if n_numbers is None or n_numbers <= MASK_NUMBERS:
        return None
    because = f"{describe(use)}, whose result goes to Softmax: other numbers for each head"
    return Classification(Role.PARAMETER, RuleId.LOOKED_UP_BIAS, because)


def computed_for_attention(context: Context, subject: Subject) -> Classification | None:
    """Queries or keys for each head, which an exporter or an optimizer computed of parameters: no
    weight has axes for a batch and for heads.
    """
    tensor = subject.tensor
    is_product = computed_by(name_before(tensor.name)) in _PRODUCTS
    n_axes = N_AXES_OF_HEADS - 1 if is_product else N_AXES_OF_HEADS
    if len(tensor.shape) < n_axes or tensor.shape[-3] <= 1:
        return None
    if real_name(tensor.name) is not None:
        return None
    for use, _ in subject.uses:
        if use.node is None or use.node.op_type not in _PRODUCTS:
            continue
        if _leads_to_softmax(context, use, _BETWEEN_SCORES):
            because = (
                f"{describe(use)}, whose result goes to Softmax, with axes for a batch and heads"
            )
            return Classification(Role.CONSTANT, RuleId.OF_ATTENTION, because)
    return None


def goes_to_softmax(context: Context, use: Use) -> bool:
    """Whether the result of a use goes to a softmax."""
    # written out: numbers less the largest of them, first
    is_written_out = context.feeds(use, "ReduceMax") and context.feeds(use, "Sub")
    return is_written_out or any(context.feeds(use, name) for name in _SOFTMAX)


def _leads_to_softmax(context: Context, use: Use, passed: Set[str] = _TO_SOFTMAX) -> bool:
    """Whether the result goes to a softmax behind what else is added, and changes of axes: masks of
    windows, for each of which attention has heads.
    """
    todo = [use]
    for _ in range(MAX_BETWEEN if passed is _TO_SOFTMAX else MAX_TO_SCORES):
        if any(goes_to_softmax(context, at) for at in todo):
            return True
        todo = [
            after
            for at in todo
            for after in context.followers(at)
            if after.node is not None and after.node.op_type in passed
        ][:MAX_AT_ONCE]
    return any(goes_to_softmax(context, at) for at in todo)


def _attention_mask(context: Context, subject: Subject, use: Use) -> Classification | None:
    assert use.node is not None
    if use.node.op_type == "Mul" and _is_of_pairs(subject.tensor):
        because = f"{describe(use)}: one number or none for each pair of positions"
        return Classification(Role.BUFFER, RuleId.ATTENTION_MASK, because)
    if use.node.op_type not in ("Add", "Sub"):
        return None
    because = f"{describe(use)}, whose result goes to Softmax"
    if goes_to_softmax(context, use):
        return Classification(Role.BUFFER, RuleId.ATTENTION_MASK, because)
    if not _leads_to_softmax(context, use) or not has_few_numbers(subject.tensor, MASK_NUMBERS):
        return None
    because += ", and which has few different numbers"
    return Classification(Role.BUFFER, RuleId.ATTENTION_MASK, because)


def _is_of_pairs(tensor: StoredTensor) -> bool:
    """Whether a tensor has two different numbers for all pairs of positions: a causal mask, times
    what the products are divided by. Reads it.
    """
    is_square = len(tensor.shape) > 2 and tensor.shape[-1] == tensor.shape[-2] > 1
    return is_square and tensor.shape[-1] ** 2 == tensor.count and has_few_numbers(tensor, 2)


def _frozen_norm(context: Context, subject: Subject, use: Use) -> Classification | None:
    """A factor for each channel after a convolution, or the number that is added after such: the
    exporter computed both from buffers.
    """
    tensor = subject.tensor
    assert use.node is not None
    if not _is_of_channels(tensor) or use.node.op_type not in ("Mul", "Add"):
        return None
    if len(use.node.inputs) != 2:
        return None
    other = context.producer(use.graph, use.node.inputs[1 - use.slot])
    scaled = use.node if use.node.op_type == "Mul" else other
    if scaled is None or scaled.op_type != "Mul" or not _has_pair(context, use, scaled):
        return None
    moving = [context.producer(use.graph, name) for name in scaled.inputs]
    if not any(each is not None and each.op_type == "Conv" for each in moving):
        return None
    because = f"{describe(use)}: a factor and a number for each channel of a convolution, computed"
    return Classification(Role.BUFFER, RuleId.FROZEN_NORM, because)


def _is_of_channels(tensor: StoredTensor) -> bool:
    """Whether a tensor is ``[1, channels, 1, 1]`` under a name that the exporter made up."""
    shape = tensor.shape
    is_vector = len(shape) > 2 and shape[0] == 1 and max(shape[2:]) == 1 and shape[1] > 1
    return is_vector and tensor.name.startswith("onnx::")


def _has_pair(context: Context, use: Use, scaled: Node) -> bool:
    """Whether a stored factor is followed by one stored number of the same shape."""
    factors = [context.stored(use.graph, name) for name in scaled.inputs]
    factor = next((each for each in factors if each is not None), None)
    if factor is None or not _is_of_channels(factor) or not scaled.outputs:
        return False
    for after in context.graph.uses((use.graph, scaled.outputs[0])):
        if after.node is None or after.node.op_type != "Add":
            return False
        added = context.stored(after.graph, after.node.inputs[1 - after.slot])
        if added is None or added.shape != factor.shape or not _is_of_channels(added):
            return False
    return True


_ELEMENTWISE_RULES: Final[tuple[Rule, ...]] = (
    _named_in_its_module,
    _frozen_norm,
    _bias_of_a_layer,
    _same_number,
    squared_lengths,
    _window,
    _written_down,
    _looked_up_bias,
    _attention_mask,
    counts,
    knots,
    positions,
    rotary_table,
    frequencies,
    after_the_last_layer,
    before_the_first_layer,
)


def is_bias(context: Context, use: Use, tensor: StoredTensor) -> bool:
    """Whether the other input of an Add is a layer's result, and the tensor has one number for each
    of its outputs.
    """
    node = use.node
    if node is None or node.op_type != "Add" or len(node.inputs) != 2:
        return False
    layer = context.producer(use.graph, node.inputs[1 - use.slot])
    for _ in range(MAX_BETWEEN):
        if layer is None or not layer.inputs:
            return False
        operator = schema(layer.domain, layer.op_type)
        passes = operator is not None and operator.passes in (Passes.WHOLE, Passes.ROUNDED)
        if not passes and layer.op_type != "Mul":
            break
        layer = context.producer(use.graph, layer.inputs[0])
    if layer is None:
        return False
    operator = schema(layer.domain, layer.op_type)
    if operator is None or operator.weight is None or operator.weight >= len(layer.inputs):
        return False
    if layer.op_type in ("Gemm", "Conv") and any(layer.inputs[2:]):  # it has its bias already
        return False
    weight = context.stored(use.graph, layer.inputs[operator.weight])
    if weight is None or (scope_of(layer) != scope_of(node) and is_one_number(tensor)):
        return False  # what another module adds, as zeros to logits
    return n_outputs(layer, logical(context.model, weight).shape) == tensor.count
