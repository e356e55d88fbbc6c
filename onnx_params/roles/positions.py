"""Recognize what says where something is: sines of positions, slopes, knots, frequencies."""

from __future__ import annotations

from typing import Final

from onnx_params.containers.onnx.graph import Use
from onnx_params.idioms.torchscript import is_unnamed, real_name
from onnx_params.roles import spectra
from onnx_params.roles.context import Context, Subject, describe
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import (
    are_consecutive,
    are_decays,
    are_powers,
    are_straight,
    begins_at_origin,
    has_slopes,
    has_waves,
)

_WAVES: Final = ("Cos", "Sin")


def counts(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Whole numbers under a name that an exporter made up, one after the other: places."""
    tensor = context.numbers(subject.tensor)
    is_computed = is_unnamed(tensor.name)
    if not is_computed or not tensor.dtype.is_float or not are_consecutive(tensor):
        return None
    because = f"{describe(use)}: whole numbers, one after the other"
    return Classification(Role.CONSTANT, RuleId.SAMPLED_FUNCTIONS, because)


def knots(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Points at equal steps, as an exporter cuts them from a grid: distances to them are taken."""
    assert use.node is not None
    if use.node.op_type not in ("Add", "Sub") or real_name(subject.tensor.name) is not None:
        return None
    if not are_straight(context.numbers(subject.tensor)):
        return None
    because = f"{describe(use)}: points at equal steps"
    return Classification(Role.BUFFER, RuleId.SAMPLED_FUNCTIONS, because)


def positions(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Sines and cosines of positions, which are added to what was embedded, and what is taken off
    for distances.
    """
    assert use.node is not None
    tensor = context.numbers(subject.tensor)
    is_weight = tensor.name.endswith(".weight")  # of a table that a module looks up
    if is_weight or _is_of_listed(context, tensor):
        return None
    if use.node.op_type == "Mul" and are_powers(tensor):
        because = f"{describe(use)}: powers of one number, slopes for heads"
        return Classification(Role.BUFFER, RuleId.POSITIONS, because)
    if use.node.op_type == "Mul" and are_decays(tensor):
        because = f"{describe(use)}: logarithms of one less powers of two, decays for heads"
        return Classification(Role.BUFFER, RuleId.POSITIONS, because)
    if use.node.op_type != "Add":
        return None
    is_computed = is_unnamed(tensor.name)
    if has_waves(tensor) or (is_computed and begins_at_origin(tensor)):
        because = f"{describe(use)}: sines and cosines of positions"
        return Classification(Role.BUFFER, RuleId.POSITIONS, because)
    if has_slopes(tensor):
        because = f"{describe(use)}: so much for each position, with other slopes for other heads"
        return Classification(Role.BUFFER, RuleId.POSITIONS, because)
    return None


def _is_of_listed(context: Context, tensor: StoredTensor) -> bool:
    """Whether the exporter says that a tensor was computed of a parameter."""
    kinds = context.metadata.kinds
    return any(kinds.get(each) == "PARAMETER" for each in context.metadata.folded_from(tensor.name))


def frequencies(context: Context, subject: Subject, use: Use) -> Classification | None:
    if not spectra.reaches_both(context, use, _WAVES):
        return None
    because = f"{describe(use)}, whose result goes to Cos and Sin"
    return Classification(Role.BUFFER, RuleId.FREQUENCIES, because)
