"""Recognize the tables of rotary position embeddings by the arithmetic around them."""

from __future__ import annotations

from typing import Final

from onnx_params.containers.onnx.graph import Node, Use
from onnx_params.idioms.torchscript import real_name
from onnx_params.roles.context import Context, Subject, behind, describe
from onnx_params.roles.role import Classification, Role, RuleId
from onnx_params.tensors.small import bit_patterns, first_numbers
from onnx_params.tensors.stored import StoredTensor
from onnx_params.tensors.waves import has_one_wave

MAX_BETWEEN: Final = 4  # operators that round, between a half and where it is negated
N_AXES_OF_TURNS: Final = 4  # places, pairs, and a matrix for each
N_TURNS: Final = 16  # matrices that are looked at
VIEWS: Final = frozenset({"Reshape", "Unsqueeze", "Squeeze", "Flatten"})


def rotary_table(context: Context, subject: Subject, use: Use) -> Classification | None:
    """Cosines or sines of angles of positions, by which attention turns pairs of features."""
    assert use.node is not None
    # pairs beside each other are multiplied one by one
    is_wave = (
        use.node.op_type == "Mul" and _is_of_two(context, subject) and _has_wave(context, subject)
    )
    is_turned = "Neg" in context.op_types and _is_rotary(context, use)
    if not is_wave and not is_turned and not _has_turns(subject.tensor):
        return None
    because = f"{describe(use)}, which rotates pairs of features"
    return Classification(Role.BUFFER, RuleId.ROTARY_TABLE, because)


def _is_of_two(context: Context, subject: Subject) -> bool:
    """Whether a tensor multiplies more than one value."""
    factors = [use for use, _ in subject.uses if use.node is not None and use.node.op_type == "Mul"]
    return len(factors) > 1


def _has_wave(context: Context, subject: Subject) -> bool:
    is_made_up = real_name(subject.tensor.name) is None
    return is_made_up and has_one_wave(context.numbers(subject.tensor))


def _has_turns(tensor: StoredTensor) -> bool:
    """Whether the first matrices ``[..., 2, 2]`` are rotations: cosines in the one diagonal, in the
    other sines with both signs. Reads them; of codes, both signs add up to twice the zero point.
    """
    if len(tensor.shape) < N_AXES_OF_TURNS or tensor.shape[-2:] != (2, 2):
        return False
    size = 4 * min(N_TURNS, tensor.count // 4)
    codes = () if tensor.dtype.is_float else bit_patterns(tensor)[:size]
    numbers = codes or first_numbers(tensor, size)
    matrices = [numbers[at : at + 4] for at in range(0, len(numbers), 4)]
    sums = {one + other for _, one, other, _ in matrices}
    if codes:  # the bits of negative ones stand for more
        sums = {number % 2**tensor.dtype.bits for number in sums}
    has_angles = len({first for first, *_ in matrices}) > 1
    are_opposite = len(sums) == 1 if codes else sums == {0}
    return has_angles and are_opposite and all(one[0] == one[3] for one in matrices)


def _is_rotary(context: Context, use: Use) -> bool:
    """x * cos + rotated(x) * sin, where rotated(x) is a Concat of a Neg and another half of x."""
    if use.node is None or use.node.op_type != "Mul":
        return False
    for after in context.followers(use):
        if after.node is None or after.node.op_type not in ("Add", "Sub"):
            continue
        for name in after.node.inputs:
            product = context.computed_by(after.graph, name)
            if product is None or product.op_type != "Mul":
                continue
            if any(_is_rotated(context, after.graph, factor) for factor in product.inputs):
                return True
    return False


def _is_rotated(context: Context, path: str, name: str) -> bool:
    joined = _behind_views(context, path, name)
    if joined is None or joined.op_type != "Concat":
        return False
    halves = [_behind_views(context, path, half) for half in joined.inputs[:4]]
    return any(half is not None and half.op_type == "Neg" for half in halves)


def _behind_views(context: Context, path: str, name: str) -> Node | None:
    """The node that computes a value, behind what only rounds it or changes its axes."""
    return behind(context.computed_by, path, name, VIEWS, MAX_BETWEEN)
