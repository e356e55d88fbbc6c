"""Classify a tensor by the slots of the operators that use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Use
from onnx_params.dataflow.scales import scale_of
from onnx_params.dataflow.walk import worded
from onnx_params.idioms.naming import is_path
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torch_dynamo import is_constant_of_code
from onnx_params.idioms.torchscript import LIFTED, is_made_up, is_unnamed, real_name
from onnx_params.idioms.vocabulary import is_unlearned_name
from onnx_params.operators.schemas import schema
from onnx_params.roles import spectra
from onnx_params.roles.context import Context, Subject, describe, is_in_a_trace
from onnx_params.roles.edges import (
    ELEMENTWISE,
    after_the_last_layer,
    before_the_first_layer,
    is_counted,
    is_statistic_of_data,
)
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.roles.rotary import VIEWS
from onnx_params.roles.surroundings import MANY, elementwise, is_bias
from onnx_params.tensors.encoding import Encoding
from onnx_params.tensors.small import MASK_NUMBERS, first_numbers, has_few_numbers
from onnx_params.tensors.stored import StoredTensor

# slot word -> role and rule of a tensor with more than one element
BY_WORD: Final[Mapping[str, tuple[Role, RuleId]]] = {
    "weight": (Role.PARAMETER, RuleId.WEIGHT_SLOT),
    "bias": (Role.PARAMETER, RuleId.BIAS_SLOT),
    "table": (Role.PARAMETER, RuleId.TABLE_SLOT),
    "operand": (Role.PARAMETER, RuleId.OPERAND_SLOT),
    "stat": (Role.BUFFER, RuleId.RUNNING_STATISTICS_SLOT),
    "state": (Role.BUFFER, RuleId.INITIAL_STATE_SLOT),
    "cache": (Role.BUFFER, RuleId.ROTARY_TABLE_SLOT),
    "basis": (Role.BUFFER, RuleId.BASIS_SLOT),
    "scale": (Role.QUANTIZATION, RuleId.SCALE_SLOT),
    "zero": (Role.QUANTIZATION, RuleId.ZERO_POINT_SLOT),
    "mask": (Role.BUFFER, RuleId.MASK_SLOT),
    "index": (Role.CONSTANT, RuleId.INDEX_SLOT),
}
_SURE: Final = frozenset({"weight", "bias"})  # words that say that a tensor was learned
_LIKELY: Final = frozenset({"table", "operand"})  # words that say it of numbers, more than one
MIN_AXES: Final = 3  # of a single number that was laid out for a result
# as Model Optimizer calls the vector of AWQ. Source: modelopt/onnx/quantization/int4.py
_INPUT_SCALE: Final = "_pre_quant_scale"
MAX_VIEWS: Final = 3  # one after the other
_OF_A_WEIGHT: Final = (".weight", ".weight_quantized")
_ARITHMETIC: Final = frozenset({"Mul", "Sub", "Div"})


class _Words(NamedTuple):
    """What the slots say: the first use as something learned, the first as something else that a
    table knows.
    """

    learned: tuple[Use, str] | None
    other: tuple[Use, str] | None


def by_slots(context: Context, subject: Subject) -> Classification | None:
    """What the slots say, the scales of quantization first."""
    for use, word in subject.uses:
        if word in ("scale", "zero") and use.node is not None:
            return Classification(*BY_WORD[word], describe(use))
    by_hand = _scales_by_hand(context, subject)
    if by_hand is not None:
        return by_hand
    if subject.tensor.dtype.is_float and _is_named_scale(context, subject.tensor, of_codes=True):
        return _scale_by_name(subject.tensor)
    if subject.tensor.name.endswith(_INPUT_SCALE):
        because = "a factor for each input of a quantized product, by its name"
        return Classification(Role.QUANTIZATION, RuleId.SCALE_NAME, because)
    unlearned = _unlearned_codes(context, subject)
    if unlearned is not None:
        return unlearned
    words = _words(context, subject)
    if subject.tensor.count <= 1:
        return _scalar(context, subject, words)
    if words.learned is not None:
        return _learned(context, subject, *words.learned)
    if words.other is not None:
        use, word = words.other
        learned = _learned_state(subject, use) if word == "state" else None
        if learned is None and word == "mask" and _is_filled_in(subject, use):
            return None
        return learned or Classification(*BY_WORD[word], describe(use))
    return _integers(context, subject)


def _is_data(context: Context, subject: Subject, use: Use) -> bool:
    """Whether a product multiplies what no module named by a stored weight with a name of its own,
    so that it is data that an exporter computed and an optimizer left.
    """
    node = use.node
    if node is None or use.slot != 0 or node.op_type not in ("MatMul", "Gemm"):
        return False
    # what TorchScript's exporter computed may be what a module learned: queries, prompts
    if len(node.inputs) < 2 or subject.tensor.name.startswith(LIFTED):
        return False
    weight = context.stored(use.graph, node.inputs[1])
    if weight is None or subject.tensor.encoding is Encoding.COMPUTED:
        return weight is not None
    return is_unnamed(subject.tensor.name) and weight.name.endswith(_OF_A_WEIGHT)


def _is_filled_in(subject: Subject, use: Use) -> bool:
    """Whether Where takes a module's different numbers for what is missing: a token of a mask, or a
    vector for what is unknown.
    """
    is_value = use.node is not None and use.node.op_type == "Where" and use.slot > 0
    return is_value and _is_of_a_traced_module(subject)


def _is_of_a_traced_module(subject: Subject) -> bool:
    """Whether a module has a tensor in a trace, or the exporter computed it of what one has, and it
    has different numbers.
    """
    tensor = subject.tensor
    is_a_modules = real_name(tensor.name) is not None or tensor.name.startswith(LIFTED)
    if not is_a_modules or not is_in_a_trace(subject):
        return False
    return tensor.dtype.is_float and not has_few_numbers(tensor, MASK_NUMBERS)


def _learned_state(subject: Subject, use: Use) -> Classification | None:
    """What a recurrent layer begins with in a trace, where it is no zeros and a module has it, or
    the exporter computed it of what one has.
    """
    if not _is_of_a_traced_module(subject):
        return None
    because = f"{describe(use)}: what a module begins with, and no zeros"
    return Classification(Role.PARAMETER, RuleId.LEARNED_STATE, because)


def _unlearned_codes(context: Context, subject: Subject) -> Classification | None:
    """What arithmetic on codes takes, where the arithmetic around it says that no one learned it:
    masks, tables of rotations.
    """
    if not subject.tensor.dtype.is_narrow_integer or subject.tensor.count <= 1:
        return None
    uses = [context.float_use(use) for use, _ in subject.uses]
    as_floats = Subject(subject.tensor, tuple(worded(use) for use in uses))
    for old, (use, _) in zip(subject.uses, as_floats.uses, strict=True):
        if use is old.use or use.node is None or use.node.op_type not in ELEMENTWISE:
            continue
        found = elementwise(context, as_floats, use)
        if found.role is not Role.PARAMETER:
            return found
    return None


def _words(context: Context, subject: Subject) -> _Words:
    dtype = subject.tensor.dtype
    is_number = dtype.is_float or dtype.is_complex or dtype.is_narrow_integer
    if not is_number and dtype.bits == 16:
        is_number = any(map(_is_dequantized, context.graph.uses(subject.tensor.key)))
    learned: tuple[Use, str] | None = None
    other: tuple[Use, str] | None = None
    for use, word in subject.uses:
        if word is None or use.node is None:
            continue
        if word in _SURE or (word in _LIKELY and subject.tensor.count > 1 and is_number):
            learned = learned or (use, word)
        elif other is None and word in BY_WORD and word not in _LIKELY:
            other = use, word
    return _Words(learned, other)


def _is_dequantized(use: Use) -> bool:
    """Whether the operator has a scale for this input: its elements are codes."""
    operator = None if use.node is None else schema(use.node.domain, use.node.op_type)
    return operator is not None and use.slot in operator.scales


def _scales_by_hand(context: Context, subject: Subject) -> Classification | None:
    """A floating-point tensor that multiplies, or is subtracted from, an integer weight behind a
    Cast.
    """
    if not subject.tensor.dtype.is_float:
        return None
    for use, _ in subject.uses:
        node = use.node
        if node is None or node.op_type not in _ARITHMETIC or len(node.inputs) != 2 or use.slot > 1:
            continue
        if node.op_type == "Mul" and _scales_its_input(context, use):
            because = f"{describe(use)}, which multiplies it by the scale of the input"
            return Classification(Role.QUANTIZATION, RuleId.SCALE_BY_HAND, because)
        weight = context.stored(use.graph, node.inputs[1 - use.slot])
        if weight is None:
            continue
        if not (weight.dtype.is_narrow_integer or weight.dtype.is_narrow_float):
            continue
        rule = RuleId.ZERO_POINT_BY_HAND if node.op_type == "Sub" else RuleId.SCALE_BY_HAND
        because = f"{describe(use)}, which dequantizes '{weight.name}'"
        return Classification(Role.QUANTIZATION, rule, because)
    return None


def _scales_its_input(context: Context, use: Use) -> bool:
    """Whether the other factor of a Mul is a scale that DynamicQuantizeLinear found: the product is
    that of an integer product (onnxruntime, ``quantization/operators/matmul.py``).
    """
    assert use.node is not None
    other = use.node.inputs[1 - use.slot]
    producer = context.producer(use.graph, other)
    return (
        producer is not None
        and producer.op_type == "DynamicQuantizeLinear"
        and len(producer.outputs) > 1
        and producer.outputs[1] == other
    )


def _has_axes_of_a_result(tensor: StoredTensor) -> bool:
    """Whether TorchScript's exporter brought one number of a module's to the axes of what it is
    combined with; numbers of the code have none.
    """
    return (
        tensor.name.startswith(LIFTED) and tensor.dtype.is_float and len(tensor.shape) >= MIN_AXES
    )


def _scalar(context: Context, subject: Subject, words: _Words) -> Classification:
    """A tensor of one element, or of none."""
    tensor = subject.tensor
    count = tensor.count
    if count and words.learned is not None:
        because = describe(words.learned[0])
        weight = Classification(Role.PARAMETER, RuleId.WEIGHT_SLOT, because)
        return spectra.basis(context, subject) or weight
    if count and len(tensor.shape) == 2:
        for use, word in subject.uses:
            if word == "operand" and use.node is not None and use.node.op_type == "MatMul":
                return Classification(Role.PARAMETER, RuleId.OPERAND_SLOT, describe(use))
    if count and words.other is not None and words.other[1] in ("stat", "state"):
        use, word = words.other
        return Classification(*BY_WORD[word], describe(use))
    is_number = tensor.dtype.is_float or scale_of(context.model, tensor) is not None
    if count and is_number and tensor.shape:
        for use, _ in subject.uses:
            if is_bias(context, use, tensor):
                return _bias_of_a_layer(use)
    if _is_named_scale(context, tensor):
        return _scale_by_name(tensor)
    if count and is_unlearned_name(tensor.name):
        return spectra.by_name(tensor)
    counted = _counted(context, subject) if count else None
    if counted is not None:
        return counted
    if count and _is_named_scalar(subject):
        because = "one element with a module's name: by its name alone"
        return Classification(Role.PARAMETER, RuleId.NAMED_SCALAR, because)
    if count and _has_axes_of_a_result(tensor):
        because = "one element that the exporter computed of a module's, with axes for its use"
        return Classification(Role.PARAMETER, RuleId.NAMED_SCALAR, because)
    elements = "1 element" if count == 1 else f"{count} elements"
    return Classification(Role.CONSTANT, RuleId.SCALAR, elements)


def _counted(context: Context, subject: Subject) -> Classification | None:
    """A mean or a deviation, by its name, of what the model is given or answers."""
    if not is_statistic_of_data(subject):
        return None
    for use, _ in subject.uses:
        if use.node is None or use.node.op_type not in ELEMENTWISE:
            continue
        found = after_the_last_layer(context, subject, use)
        found = found or before_the_first_layer(context, subject, use)
        if found is not None:
            return found
    return None


def _bias_of_a_layer(use: Use) -> Classification:
    because = f"{describe(use)}, as many numbers as the layer before it has outputs"
    return Classification(Role.PARAMETER, RuleId.BIAS_OF_A_LAYER, because)


def _learned(context: Context, subject: Subject, use: Use, word: str) -> Classification:
    """A tensor in the slot of something learned, unless its name or what is around it says
    otherwise.
    """
    special = spectra.basis(context, subject)
    if special is not None:
        return special
    if word == "operand" and _is_data(context, subject, use):
        because = f"{describe(use)}, beside a stored weight, and no module named it: data"
        return Classification(Role.CONSTANT, RuleId.DATA, because)
    if word in _LIKELY and is_unlearned_name(subject.tensor.name):
        return spectra.by_name(subject.tensor)
    unlearned = _unlearned_table(context, subject, use) if word == "table" else None
    if unlearned is not None:
        return unlearned
    is_norm = use.node is not None and use.node.op_type == "BatchNormalization"
    if is_norm and _is_scaled_again(context, use):
        because = (
            f"{describe(use)}, which numbers by channel multiply right after: those were learned,"
            " as in Caffe's BatchNorm and Scale"
        )
        return Classification(Role.BUFFER, RuleId.NORM_BEFORE_A_SCALE, because)
    return Classification(*BY_WORD[word], describe(use))


def _unlearned_table(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Lines that scale the input, a constant of the code, a mask."""
    tensor = subject.tensor
    for after in _behind_views(context, use) if is_counted(tensor) else ():
        is_used = after.node is not None and after.node.op_type in ELEMENTWISE
        found = before_the_first_layer(context, subject, after) if is_used else None
        if found is not None:
            return found
    if is_constant_of_code(name_before(tensor.name)):
        because = f"{describe(use)}, under a name that torch.export gives what the code holds"
        return Classification(Role.CONSTANT, RuleId.TRACE_CONSTANT, because)
    if is_unnamed(tensor.name) and _is_mask(tensor):
        because = f"{describe(use)}, a few numbers again and again, and no module named it"
        return Classification(Role.CONSTANT, RuleId.SAME_NUMBER, because)
    return None


def _behind_views(context: Context, use: Use) -> list[Use]:
    """The uses of a result, behind what only changes its axes."""
    found, todo = [], [use]
    for _ in range(MAX_VIEWS):
        uses = [after for at in todo for after in context.followers(at)]
        todo = [each for each in uses if each.node is not None and each.node.op_type in VIEWS]
        found += [each for each in uses if each not in todo]
    return found


def _is_mask(tensor: StoredTensor) -> bool:
    """Whether many elements have few numbers, of which the first elements are read first."""
    first = first_numbers(tensor, min(tensor.count, MANY))
    if len(first) < MANY or len(set(first)) > MASK_NUMBERS:
        return False
    return has_few_numbers(tensor, MASK_NUMBERS)


def _is_scaled_again(context: Context, use: Use) -> bool:
    """Whether a stored vector multiplies the result, and one is added to that."""
    for after in context.followers(use):
        if after.node is not None and after.node.op_type == "Mul" and _is_by_stored(context, after):
            return any(
                last.node is not None
                and last.node.op_type == "Add"
                and _is_by_stored(context, last)
                for last in context.followers(after)
            )
    return False


def _is_by_stored(context: Context, use: Use) -> bool:
    """Whether another input of the node is stored."""
    assert use.node is not None
    others = [name for slot, name in enumerate(use.node.inputs[:2]) if slot != use.slot]
    return any(context.stored(use.graph, name) is not None for name in others)


def _integers(context: Context, subject: Subject) -> Classification | None:
    dtype = subject.tensor.dtype
    if dtype.is_float or dtype.is_complex or (dtype.is_narrow_integer and subject.uses):
        return None
    if dtype.bits == 16 and any(map(_is_dequantized, context.graph.uses(subject.tensor.key))):
        return None
    if (
        dtype.name == "int32"
        and subject.tensor.count > 1
        and scale_of(context.model, subject.tensor)
    ):
        return None  # a bias that is added to what an integer product gives
    return Classification(Role.CONSTANT, RuleId.INTEGERS, f"elements are {dtype.name}")


def _scale_by_name(tensor: StoredTensor) -> Classification:
    because = f"quantizers give such names to scales: by '{tensor.name}' beside the tensor alone"
    return Classification(Role.QUANTIZATION, RuleId.SCALE_NAME, because)


def _is_named_scale(context: Context, tensor: StoredTensor, *, of_codes: bool = False) -> bool:
    """Whether a quantized tensor of the same base name is stored; ``of_codes`` asks whether it has
    codes.

    Source: onnxruntime, quantization/quant_utils.py.
    """
    base = tensor.name.removesuffix("_scale").removesuffix("_zero_point")
    if base == tensor.name:
        return False
    keys = [(tensor.place.graph, name) for name in (base, f"{base}_quantized")]
    found = [context.model.stored[key] for key in keys if key in context.model.stored]
    return any(each.dtype.is_narrow_integer or not of_codes for each in found)


def _is_named_scalar(subject: Subject) -> bool:
    tensor, name = subject.tensor, subject.tensor.name
    if not tensor.dtype.is_float or tensor.place.op_type or is_made_up(name):
        return False
    if "." not in name and not is_in_a_trace(subject):
        return False
    return is_path(name)
