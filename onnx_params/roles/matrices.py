"""Recognize the matrices of products that no one learned: bases, adjacencies, permutations."""

from __future__ import annotations

import re
from typing import Final

from onnx_params.containers.onnx.graph import Use
from onnx_params.dataflow.biases import added
from onnx_params.idioms.naming import leaf_of
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.idioms.torchscript import (
    COMPUTED_FOR_GEMM,
    LIFTED,
    containers,
    real_name,
    scope_of,
)
from onnx_params.roles.context import Context, describe
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.matrices import (
    has_orthogonal_columns,
    is_of_ones_and_zeros,
    is_shifted,
    is_symmetric,
)
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import are_sampled_functions

BY_MATRICES: Final = frozenset({"MatMul", "Gemm", "Einsum", "MatMulInteger", "QLinearMatMul"})
MAX_ELEMENTS: Final = 1 << 16  # of a matrix that is read
_BASIS: Final = re.compile(r"(^|_)basis(_|:|$)")
_OF_LAYERS: Final = frozenset({"weight", "bias"})
_LEARNED: Final = frozenset({"kernel", "w", "W"})  # leaves, beside those with the word weight


def computed_matrix(context: Context, tensor: StoredTensor, use: Use) -> Classification | None:
    """What a product takes that is no layer's weight, by its name or its place, where its numbers
    say that they were computed. Reads it then.
    """
    if tensor.count > MAX_ELEMENTS:
        return None
    is_own = _has_name_of_its_own(context, tensor, use)
    lifted_for = use.node if name_before(tensor.name).startswith(LIFTED) else None
    scope = None if lifted_for is None else scope_of(lifted_for)
    hangs = scope is not None and _has_modules(context, scope)
    is_custom = lifted_for is not None and not hangs and _is_no_layer(context, scope or "")
    if not (is_own or hangs or is_custom or tensor.name.startswith(COMPUTED_FOR_GEMM)):
        return None
    if are_sampled_functions(tensor):
        because = f"{describe(use)}: waves, or powers of a line, at equal steps"
        return Classification(Role.BUFFER, RuleId.SAMPLED_FUNCTIONS, because)
    if is_of_ones_and_zeros(tensor):
        because = f"{describe(use)}: ones and zeros, which take or move elements"
        return Classification(Role.BUFFER, RuleId.ONES_AND_ZEROS, because)
    if is_shifted(tensor):
        because = f"{describe(use)}: each row is the one before it, a place further on"
        return Classification(Role.BUFFER, RuleId.SAMPLED_FUNCTIONS, because)
    # layers may have such weights too: they add a bias, and stand in modules of their own
    if not (is_own or hangs) or _has_bias(context, use):
        return None
    if is_symmetric(tensor):
        because = f"{describe(use)}: it is its own transpose, as the adjacency of places is"
        return Classification(Role.BUFFER, RuleId.SYMMETRIC, because)
    if (hangs or _is_called_a_basis(tensor)) and has_orthogonal_columns(tensor):
        because = f"{describe(use)}: its columns are orthogonal to each other, as a basis has them"
        return Classification(Role.BUFFER, RuleId.ORTHOGONAL_BASIS, because)
    return None


def _has_name_of_its_own(context: Context, tensor: StoredTensor, use: Use) -> bool:
    """Whether a module calls a tensor otherwise than layers call their weights, which need not be
    read. Outside of traces names of one word may be anything.
    """
    owner, _, leaf = (real_name(tensor.name) or "").rpartition(".")
    if not leaf or "weight" in leaf or leaf in _LEARNED:
        return False
    is_traced = use.node is not None and use.node.name.startswith("/")
    return bool(owner) or is_traced or _is_called_a_basis(tensor)


def _has_modules(context: Context, scope: str) -> bool:
    """Whether a module has modules in it, as the outermost one has, so that it is no layer."""
    return not scope or scope in containers(context.model)


def _is_no_layer(context: Context, scope: str) -> bool:
    """Whether a module has vectors of other names than layers have."""
    own = context.by_module.get(scope, ())
    return any(leaf_of(each.name) not in _OF_LAYERS for each in own)


def _has_bias(context: Context, use: Use) -> bool:
    """Whether a stored tensor is added to what the product gives."""
    if use.node is None:
        return False
    in_slot = use.node.inputs[2:3] if use.node.op_type == "Gemm" else ()
    outputs = use.node.outputs[:1]
    return any(in_slot) or next(added(context.model, use.graph, outputs), None) is not None


def _is_called_a_basis(tensor: StoredTensor) -> bool:
    """Source: SE(3)-equivariant transformers, which keep ``basis:(1,1)`` for degrees 1 and 1."""
    leaf = (real_name(tensor.name) or "").rpartition(".")[2]
    return _BASIS.search(leaf) is not None
