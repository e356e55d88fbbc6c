"""Recognize one number again and again, under a name that no module gave: no one learned it."""

from __future__ import annotations

from onnx_params.containers.onnx.graph import Use
from onnx_params.idioms.torchscript import real_name
from onnx_params.roles.context import Subject, describe
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.small import distinct_elements
from onnx_params.tensors.stored import StoredTensor


def of_one_number(subject: Subject, use: Use) -> Classification | None:
    """What has no name of its own, and one number again and again."""
    if not is_one_number(subject.tensor):
        return None
    because = f"{describe(use)}, {subject.tensor.count} times the same number"
    return Classification(Role.CONSTANT, RuleId.SAME_NUMBER, because)


def is_one_number(tensor: StoredTensor) -> bool:
    """Whether a tensor without a name of its own has one number again and again. Reads it."""
    if tensor.count < 2 or real_name(tensor.name) is not None:
        return False
    return distinct_elements(tensor) == 1
