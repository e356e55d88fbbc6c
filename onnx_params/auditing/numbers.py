"""Find what is wrong with an artifact's numbers:

NaN, zeros, overflow, scales, saturation. Reads all values once, in chunks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from onnx_params.auditing.computed import is_weight
from onnx_params.auditing.policy import Policy
from onnx_params.auditing.rules import Finding
from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.logical import logical
from onnx_params.dataflow.scales import scale_of
from onnx_params.idioms.torchscript import is_result
from onnx_params.inventory.record import Inventory
from onnx_params.roles.role import Role, RuleId
from onnx_params.tensors.stats import Stats, describe_all, zero_lines
from onnx_params.tensors.steps import Dequantize, Key, shape_after
from onnx_params.tensors.stored import StoredTensor

FEW: Final = 16  # numbers that make no many
MANY_SUBNORMAL: Final = 0.01  # share of a tensor
SATURATED: Final = 0.02  # share of 8-bit codes at the ends of their range that is many
FAR_APART: Final = 1e6  # ratio of a tensor's largest scale to its smallest
LARGE_SCALE: Final = 1e3
MAX_LINES: Final = 1 << 28  # bytes of a weight whose lines are looked at


def statistics(
    inventory: Inventory, progress: Callable[[int], None] = lambda n_bytes: None
) -> dict[Key, Stats]:
    """The statistics of parameters, buffers and scales. Reads all their values."""
    wanted = [
        t
        for t, classification in inventory.classified
        if classification.role in (Role.PARAMETER, Role.BUFFER, Role.QUANTIZATION) and t.count
    ]
    return describe_all(wanted, progress)


def check(
    inventory: Inventory, stats: dict[Key, Stats], names: dict[Key, str], policy: Policy
) -> Iterator[Finding | None]:
    """Every finding of these rules."""
    for tensor, classification in inventory.classified:
        found = stats.get(tensor.key)
        if found is None:
            continue
        name = names.get(tensor.key, tensor.name)
        # JAX selects it where a computation has no answer, such as a negative variance
        is_filler = classification.rule is RuleId.MASK_SLOT and found.nans == found.n
        if found.nans and not is_filler:
            yield policy.find(
                "nan", name, f"{found.nans} of {found.n} numbers are NaN", (tensor.name,)
            )
        if classification.role is Role.QUANTIZATION:
            continue
        is_parameter = (
            classification.role is Role.PARAMETER and tensor.key in inventory.parameter_tensors
        )
        is_mask = is_result(tensor.name) and not is_weight(inventory.model, tensor)
        if found.infinite and is_parameter and not is_mask:
            yield policy.find(
                "infinity",
                name,
                f"{found.infinite} of {found.n} numbers are infinite",
                (tensor.name,),
            )
        if is_parameter:
            yield from _parameter(inventory.model, _Weight(tensor, found, name), policy)
    yield from _scales(inventory, stats, names, policy)


class _Weight(NamedTuple):
    """A stored parameter with its statistics, under the name that findings give it."""

    tensor: StoredTensor
    stats: Stats
    name: str

    @property
    def stored(self) -> tuple[str]:
        return (self.tensor.name,)


def _parameter(model: Model, weight: _Weight, policy: Policy) -> Iterator[Finding | None]:
    yield from _constant_lines(weight, policy)
    if weight.tensor.dtype.name == "float16":
        yield from _half_precision(weight, policy)
    yield from _saturated(model, weight, policy)


def _constant_lines(weight: _Weight, policy: Policy) -> Iterator[Finding | None]:
    """A matrix of one number, or with rows or columns of zeros."""
    tensor, stats = weight.tensor, weight.stats
    dims = [dim for dim in tensor.shape if dim > 1]
    if len(dims) < 2:
        return
    if stats.minimum == stats.maximum and not stats.nans:
        message = f"all {stats.n} numbers are {stats.minimum:g}"
        yield policy.find("constant", weight.name, message, weight.stored)
        return
    has_lines = tensor.dtype.is_float and stats.zeros >= min(dims)
    if not has_lines or tensor.n_bytes > MAX_LINES:
        return
    for axis, lines in zero_lines(tensor.read()):
        what = "rows" if axis == 0 else "columns"
        message = f"{lines} of {tensor.shape[axis]} {what} (axis {axis}) are all zero"
        yield policy.find("zero-lines", weight.name, message, weight.stored)


def _half_precision(weight: _Weight, policy: Policy) -> Iterator[Finding | None]:
    """Numbers at both ends of float16's range."""
    stats = weight.stats
    if stats.subnormal > max(FEW, MANY_SUBNORMAL * stats.n):
        message = f"{stats.subnormal / stats.n:.1%} of its numbers are subnormal"
        yield policy.find("subnormal", weight.name, message, weight.stored)
    at_end = stats.n_low + stats.n_high
    if at_end:
        message = f"{at_end} numbers are 65504 or -65504"
        yield policy.find("fp16-overflow", weight.name, message, weight.stored)


def _saturated(model: Model, weight: _Weight, policy: Policy) -> Iterator[Finding | None]:
    """8-bit codes at the ends of their range."""
    tensor, stats = weight.tensor, weight.stats
    if not tensor.dtype.is_narrow_integer or tensor.dtype.bits != 8:
        return
    step = scale_of(model, tensor)
    if step is None or step.scale not in model.stored:
        return
    if logical(model, tensor).dtype != tensor.dtype.name:
        return
    # the extremes that set the scale are there by right
    at_end = stats.n_low + stats.n_high - 2 * model.stored[step.scale].count
    if at_end > max(FEW, SATURATED * stats.n):
        message = f"{at_end / stats.n:.1%} of its codes are the least or the greatest"
        yield policy.find("saturated", weight.name, message, weight.stored)


def _scales(
    inventory: Inventory, stats: dict[Key, Stats], names: dict[Key, str], policy: Policy
) -> Iterator[Finding | None]:
    """Scales by the weights that they belong to."""
    model = inventory.model
    for key, tensor in inventory.parameter_tensors.items():
        taken = logical(model, tensor)
        for at, step in enumerate(taken.steps or ()):
            if not isinstance(step, Dequantize) or step.scale not in model.stored:
                continue
            scale, found = model.stored[step.scale], stats.get(step.scale)
            name = names.get(key, tensor.name)
            if found is None or not scale.dtype.is_float:
                continue
            size = max(abs(found.minimum), abs(found.maximum))
            # a block that is all zero may have a scale of zero
            if found.nans or found.infinite or (found.zeros and not step.block):
                yield policy.find(
                    "scale-broken",
                    name,
                    f"its scale '{scale.name}' has {_broken(found)}",
                    (scale.name,),
                )
            elif size > LARGE_SCALE or (
                found.minimum > 0 and found.maximum / found.minimum > FAR_APART
            ):
                yield policy.find(
                    "scale-absurd",
                    name,
                    f"its scales '{scale.name}' go from {found.minimum:g} to {found.maximum:g}",
                    (scale.name,),
                )
            shape = shape_after(tensor.shape, (taken.steps or ())[:at])
            if not _fits(tensor, shape, step, scale):
                message = (
                    f"its scale '{scale.name}' has the shape {scale.shape}, the weight {shape}"
                )
                yield policy.find("scale-shape", name, message, (scale.name,))


def _broken(stats: Stats) -> str:
    shown = {"NaN": stats.nans, "infinite": stats.infinite, "zero": stats.zeros}
    return ", ".join(f"{n} {word}" for word, n in shown.items() if n)


def _fits(
    tensor: StoredTensor, shape: tuple[int, ...], step: Dequantize, scale: StoredTensor
) -> bool:
    """Whether a scale has one number, one for each line of the axis, or one for each block."""
    if scale.count == 1 or not step.block:
        return (
            scale.count == 1
            or scale.count in (*shape, *tensor.shape)
            or (step.axis is None and scale.count <= tensor.count)
            # one for each line of each direction of a recurrent layer
            or (len(shape) == 3 and scale.shape[:1] == shape[:1] and scale.shape[-1] in shape)
        )
    blocks = [
        math.prod((*shape[:axis], -(-shape[axis] // step.block), *shape[axis + 1 :]))
        for axis in range(len(shape))
    ]
    return scale.count in blocks or scale.count >= min(blocks, default=1)


def budgets(
    inventory: Inventory, policy: Policy, parameters: int, n_bytes: int
) -> Iterator[Finding | None]:
    """What is outside the policy's budgets."""
    if policy.max_parameters is not None and parameters > policy.max_parameters:
        yield policy.find(
            "over-budget", "", f"{parameters:,} parameters, {policy.max_parameters:,} are allowed"
        )
    if policy.max_bytes is not None and n_bytes > policy.max_bytes:
        yield policy.find(
            "over-budget",
            "",
            f"{n_bytes:,} bytes, {policy.max_bytes:,} are allowed",
            (),
            n_bytes - policy.max_bytes,
        )
    others: dict[str, list[str]] = {}
    for claim in inventory.parameters if policy.dtypes else ():
        if claim.dtype is not None and claim.dtype not in policy.dtypes:
            others.setdefault(claim.dtype, []).append(claim.name)
    for dtype, names in sorted(others.items()):
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        allowed = ", ".join(policy.dtypes)
        yield policy.find(
            "over-budget", names[0], f"'{names[0]}'{more}: {dtype}; allowed are {allowed}"
        )
