"""Find kernels that are the sum of parallel branches, each of which may have a batch norm: blocks
that are trained with several convolutions and deployed with one.

The sum of all branches is computed again and held against a stored kernel; smaller kernels stand in
the middle of the larger ones, a norm without a convolution is the identity.

Source: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again"; MobileOne, YOLOv6 to YOLOv9
and FastViT have such blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.idioms.naming import module_of
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.norms import EPSILONS, Norm
from onnx_params.matching.rounded import near, small
from onnx_params.matching.samples import Vectors
from onnx_params.matching.shifts import bias_of
from onnx_params.tensors.stored import StoredTensor

FORMULA: Final = "sum of branches"
MAX_BRANCHES: Final = 16  # of a block
MAX_ABOVE: Final = 3  # modules between a convolution and its block


class _Branch(NamedTuple):
    """A convolution with its norm, one of both alone."""

    kernel: StoredTensor | None
    norm: Norm | None


class _Block(NamedTuple):
    """The branches of a module, and the shape of the kernel that they make together."""

    owner: str
    branches: tuple[_Branch, ...]
    shape: tuple[int, ...]


def branches(state: MatchState) -> None:
    """Answer for open kernels that were added up with others of their block."""
    blocks = list(_blocks(state))
    if not blocks:
        return
    vectors = Vectors(state)
    for epsilon in EPSILONS:
        sums = {
            _first(block): _sum(state, block, epsilon)
            for block in blocks
            if _first(block) not in state.found
        }
        owners = {_first(block): block for block in blocks}
        for tensor, candidate, steps in near(state, {name: both[0] for name, both in sums.items()}):
            kernel, bias = sums[tensor.name]
            if state.values.is_close(kernel, candidate, steps):
                _write(state, vectors, owners[tensor.name], candidate, bias)


def _blocks(state: MatchState) -> Iterator[_Block]:
    """The modules of which all that is open is convolutions of one size and norms of that size."""
    kernels = [tensor for tensor in small(state, state.open()) if len(tensor.shape) > 2]
    if not kernels:
        return
    inside: dict[str, list[StoredTensor | Norm]] = {}
    for tensor in kernels:
        for owner in _above(tensor.name):
            inside.setdefault(owner, []).append(tensor)
    for norm in state.norms:
        for owner in _above(norm.names[3]):
            if owner in inside and norm.names[3] not in state.found:
                inside[owner].append(norm)
    taken: set[str] = set()
    for owner, parts in sorted(inside.items(), key=lambda each: -len(each[0])):
        block = _block(owner, parts) if 1 < len(parts) <= 2 * MAX_BRANCHES else None
        if block is not None and _first(block) not in taken:
            taken.add(_first(block))
            yield block


def _above(name: str) -> list[str]:
    """The modules that a tensor stands in, but for its own."""
    found = [module_of(module_of(name))]
    while found[-1] and len(found) < MAX_ABOVE:
        found.append(module_of(found[-1]))
    return found


def _block(owner: str, parts: list[StoredTensor | Norm]) -> _Block | None:
    """The branches that parts are; ``None`` where they do not fit together."""
    kernels = [part for part in parts if isinstance(part, StoredTensor)]
    norms = [part for part in parts if isinstance(part, Norm)]
    shape = max((kernel.shape for kernel in kernels), key=lambda each: each[2:])
    if any(not _fits_into(kernel.shape, shape) for kernel in kernels):
        return None
    if any(norm.weight.size != shape[0] for norm in norms):
        return None
    by_module = {module_of(module_of(kernel.name)): kernel for kernel in kernels}
    if len(by_module) < len(kernels):
        return None
    made = []
    for norm in norms:
        made.append(_Branch(by_module.pop(module_of(module_of(norm.names[3])), None), norm))
    made += [_Branch(kernel, None) for kernel in by_module.values()]
    identities = [branch for branch in made if branch.kernel is None]
    if len(made) < 2 or len(identities) > 1:
        return None
    return _Block(owner, tuple(made), shape)


def _fits_into(small_one: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    windows = zip(small_one[2:], shape[2:], strict=False)
    is_central = all(size <= most and not (most - size) % 2 for size, most in windows)
    return len(small_one) == len(shape) and small_one[:2] == shape[:2] and is_central


def _first(block: _Block) -> str:
    """The largest kernel, under whose name a block is looked up."""
    kernels = [branch.kernel for branch in block.branches if branch.kernel is not None]
    return next(kernel.name for kernel in kernels if kernel.shape == block.shape)


def _sum(state: MatchState, block: _Block, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """The kernel and the bias that all branches make together."""
    kernel = np.zeros(block.shape)
    bias = np.zeros(block.shape[0])
    for branch in block.branches:
        factor, shift = np.ones(block.shape[0]), np.zeros(block.shape[0])
        if branch.norm is not None:
            factor = branch.norm.factor(epsilon)
            shift = branch.norm.bias - branch.norm.mean * factor
        own = None if branch.kernel is None else state.reference.get(bias_of(branch.kernel.name))
        if own is not None and own.shape == bias.shape:
            shift = shift + own.read().astype(np.float64) * factor
        values = _kernel_of(branch, block.shape)
        kernel += values * factor.reshape(-1, *(1,) * (kernel.ndim - 1))
        bias += shift
    return kernel, bias


def _kernel_of(branch: _Branch, shape: tuple[int, ...]) -> np.ndarray:
    """A kernel in the middle of a larger one; that of the identity without one."""
    made = np.zeros(shape)
    middle = tuple(size // 2 for size in shape[2:])
    if branch.kernel is None:
        for row in range(shape[0]):
            made[(row, row % shape[1], *middle)] = 1
        return made
    values = branch.kernel.read()
    edges = [(most - size) // 2 for size, most in zip(values.shape[2:], shape[2:], strict=True)]
    window = tuple(
        slice(edge, edge + size) for edge, size in zip(edges, values.shape[2:], strict=True)
    )
    made[(slice(None), slice(None), *window)] = values
    return made


def _write(
    state: MatchState, vectors: Vectors, block: _Block, candidate: Candidate, bias: np.ndarray
) -> None:
    because = f"'{candidate.tensor.name}' is the sum of the branches of '{block.owner}'"
    holder = vectors.holding(bias, candidate.key)
    of_kernel = Found(
        view=View.FOLDED,
        because=because,
        stored=(candidate.key,),
        formula=FORMULA,
        by=block.owner,
    )
    state.assigned.setdefault(candidate.key, _first(block))
    keys = () if holder is None else (holder.key,)
    of_bias = Found(
        view=View.FOLDED,
        because=because if keys else f"{because}; no stored tensor is the sum of their biases",
        stored=keys,
        certain=bool(keys) or not np.any(bias),
        formula=FORMULA,
        by=block.owner,
    )
    for branch in block.branches:
        names: tuple[str, ...] = ()
        if branch.kernel is not None:
            state.found.setdefault(branch.kernel.name, of_kernel)
            names = (bias_of(branch.kernel.name),)
        if branch.norm is not None:
            for name in (branch.norm.names[0], branch.norm.names[3]):
                if name:
                    state.found.setdefault(name, of_kernel)
            names = (*names, *branch.norm.names[1:3])
        for name in names:
            if name in state.reference:
                state.found.setdefault(name, of_bias)
    if holder is not None:
        state.assigned.setdefault(holder.key, f"{block.owner}.bias")
