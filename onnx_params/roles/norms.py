"""Recognize vectors of norms that no one learned: what fills a slot, and the statistics of norms
that are written out.
"""

from __future__ import annotations

from typing import Final

from onnx_params.containers.onnx.graph import Model, Node, Use
from onnx_params.containers.onnx.once import once
from onnx_params.idioms.composed import as_exported
from onnx_params.idioms.naming import module_of
from onnx_params.idioms.torch_modules import is_filler
from onnx_params.idioms.torchscript import LIFTED, real_name, scope_of
from onnx_params.idioms.vocabulary import is_running
from onnx_params.operators.record import Kind
from onnx_params.operators.schemas import schema
from onnx_params.roles.context import Context, Subject, describe
from onnx_params.roles.one_number import of_one_number
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.small import distinct_elements, first_numbers, is_zeros
from onnx_params.tensors.stored import StoredTensor

# operators that take a deviation or a variance which the exporter computed
_OF_DEVIATIONS: Final = frozenset({"Div", "Log"})
N_FIRST: Final = 1024  # numbers of which none is negative


def fills_a_group_norm(context: Context, subject: Subject) -> Classification | None:
    """The scale and bias of the inner part of a group norm."""
    if "InstanceNormalization" not in context.op_types:
        return None
    for use, _ in subject.uses:
        if use.node is None or use.node.op_type != "InstanceNormalization":
            continue
        if is_filler(context.model, use.graph, use.node) or _is_nameless_filler(context, subject):
            because = f"{describe(use)}, the inner part of a group norm, whose own weight follows"
            return Classification(Role.CONSTANT, RuleId.GROUP_NORM_FILLER, because)
    return None


def _is_nameless_filler(context: Context, subject: Subject) -> bool:
    """Whether a tensor without a name of its own has one number throughout; of a norm with one
    group it has one number alone.
    """
    tensor = subject.tensor
    if real_name(as_exported(context.model, tensor.name)) is not None:
        return False
    return tensor.count == 1 or distinct_elements(tensor) == 1


def fills_a_norm(context: Context, subject: Subject) -> Classification | None:
    """One number again and again in a slot of a norm that has no parameters of its own."""
    for use, word in subject.uses:
        operator = None if use.node is None else schema(use.node.domain, use.node.op_type)
        if operator is not None and operator.kind is Kind.NORM and word in ("weight", "bias"):
            return of_one_number(subject, use) or _zeros_beside_a_scale(context, subject, use)
    return None


def _zeros_beside_a_scale(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Zeros that modules call ``beta``, in every norm of several, where its scale has different
    numbers: had both been learned, they would not all be as at first. Reads them.

    Source: norms of transformers that keep a buffer of zeros because torch's function asks for a
    bias. torch's own modules call a bias ``bias``, and it is a parameter.
    """
    tensor = subject.tensor
    assert use.node is not None
    operator = schema(use.node.domain, use.node.op_type)
    if operator is None or not _is_beta(tensor) or not is_zeros(tensor):
        return None
    at = next((slot for slot, word in enumerate(operator.slots) if word == "weight"), None)
    if at is None or at >= len(use.node.inputs) or use.slot == at:
        return None
    scale = context.stored(use.graph, use.node.inputs[at])
    if scale is None or scale.count < 2 or distinct_elements(scale) == 1:
        return None
    if not _are_all_zeros(context.model):
        return None
    because = f"{describe(use)}, zeros, while '{scale.name}' beside it has different numbers"
    return Classification(Role.BUFFER, RuleId.ZEROS_BESIDE_A_SCALE, because)


def _is_beta(tensor: StoredTensor) -> bool:
    return (real_name(tensor.name) or "").endswith(".beta")


@once
def _are_all_zeros(model: Model) -> bool:
    """Whether a model uses what modules call ``beta`` several times, and all of it is zeros; equal
    tensors may be stored once.
    """
    betas = [tensor for tensor in model.stored.values() if _is_beta(tensor)]
    n_uses = sum(len(model.def_use.uses(tensor.key)) for tensor in betas)
    return n_uses > 1 and all(map(is_zeros, betas))


def deviation_beside_a_mean(context: Context, subject: Subject, use: Use) -> Classification | None:
    """What the exporter computed of a variance, in a module that has the mean beside it: norms
    that are written out take the mean off and divide by the root, and flows add its logarithm.
    """
    tensor = subject.tensor
    if use.node is None or use.node.op_type not in _OF_DEVIATIONS:
        return None
    if not tensor.name.startswith(LIFTED):
        return None
    mean = _mean_of(context, use.node)
    if mean is None or mean.shape != tensor.shape:
        return None
    if use.node.op_type == "Div" and not _divides_what_is_left(context, use, mean):
        return None
    if min(first_numbers(tensor, min(tensor.count, N_FIRST)), default=0.0) <= 0:
        return None
    because = f"{describe(use)}: computed of the variance beside '{mean.name}'"
    return Classification(Role.BUFFER, RuleId.DEVIATION, because)


def _divides_what_is_left(context: Context, use: Use, mean: StoredTensor) -> bool:
    """Whether a tensor divides what is left where the mean was taken off, perhaps multiplied."""
    assert use.node is not None
    dividend = context.producer(use.graph, use.node.inputs[0]) if use.slot == 1 else None
    if dividend is None:
        return False
    names = dividend.inputs if dividend.op_type == "Mul" else ()
    for node in (dividend, *(context.producer(use.graph, name) for name in names)):
        taken = node.inputs[1:2] if node is not None and node.op_type == "Sub" else ()
        stored = [context.stored(use.graph, name) for name in taken]
        if any(each is not None and each.key == mean.key for each in stored):
            return True
    return False


def _mean_of(context: Context, node: Node) -> StoredTensor | None:
    """The running mean of a node's module, where no variance is stored beside it."""
    beside = context.by_module.get(scope_of(node) or "", ())
    if any(is_running(each.name, "var") for each in beside):
        return None
    return next((each for each in beside if is_running(each.name, "mean")), None)


def is_in_a_norm(context: Context, tensor: StoredTensor) -> bool:
    """Whether a module that has a running mean has a tensor."""
    owner = module_of(real_name(tensor.name) or "")
    beside = context.by_module.get(owner, ()) if owner else ()
    return any(is_running(each.name, "mean") for each in beside)
