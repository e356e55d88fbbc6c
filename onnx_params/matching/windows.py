"""Find kernels whose windows were combined before they were stored: pixel differences and central
differences subtract the numbers of a window from each other, or add them up.

One rule makes every channel of the result: each number is a sum of numbers of the window, some of
them negated. It is read off the channels, of which there must be more than a window has numbers.

Sources: Su et al., "Pixel Difference Networks for Efficient Edge Detection"; Yu et al., "Searching
Central Difference Convolutional Networks for Face Anti-Spoofing".
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found, MatchState
from onnx_params.matching.rounded import small
from onnx_params.tensors.stored import StoredTensor

FORMULA: Final = "sums of its window"
MAX_WINDOW: Final = 49  # numbers
MIN_MORE: Final = 2  # channels, more than a window has numbers
MIN_KERNELS: Final = 2  # that one rule makes
MAX_ALIKE: Final = 64  # stored kernels of one number of channels that are tried
NEARLY_WHOLE: Final = 0.1  # how far rounding may move a coefficient from -1, 0 or 1


def windows(state: MatchState) -> None:
    """Answer for open kernels of which sums of each window are stored."""
    kernels = [tensor for tensor in small(state, state.open()) if _is_kernel(tensor.shape)]
    if not kernels:
        return
    groups: dict[tuple[int, ...], list[Candidate]] = {}
    for candidate in state.free():
        if (
            (candidate.is_float or candidate.is_quantized)
            and candidate.ways
            and len(candidate.shape) > 2
        ):
            groups.setdefault(candidate.shape[:2], []).append(candidate)
    rules: dict[bytes, list[tuple[StoredTensor, Candidate]]] = {}
    for tensor in kernels:
        for candidate in groups.get(tensor.shape[:2], [])[:MAX_ALIKE]:
            rule = _rule(state, tensor, candidate)
            if rule is not None:
                rules.setdefault(rule.tobytes(), []).append((tensor, candidate))
    for pairs in rules.values():  # one kernel alone may be a faulty one
        if len({tensor.name for tensor, _ in pairs}) >= MIN_KERNELS:
            for tensor, candidate in pairs:
                _write(state, tensor, candidate)


def _write(state: MatchState, tensor: StoredTensor, candidate: Candidate) -> None:
    """Write down one more stored kernel that was made of a parameter."""
    if candidate.key in state.assigned:
        return
    state.assigned[candidate.key] = tensor.name
    was = state.found.get(tensor.name)
    stored = (candidate.key,) if was is None else (*was.stored, candidate.key)
    names = ", ".join(f"'{key[1]}'" for key in stored)
    found = Found(
        view=View.FOLDED,
        because=f"{names}: every channel is sums of numbers of its window, by one rule",
        stored=stored,
        formula=FORMULA,
    )
    if was is None:
        state.found[tensor.name] = found
    else:
        state.found.revise(tensor.name, found)


def _is_kernel(shape: tuple[int, ...]) -> bool:
    """Whether there are channels enough to read a rule off them."""
    window = math.prod(shape[2:])
    return 1 < window <= MAX_WINDOW and math.prod(shape[:2]) >= window + MIN_MORE


def _rule(state: MatchState, tensor: StoredTensor, candidate: Candidate) -> np.ndarray | None:
    """The rule that makes each channel of a stored kernel of that of another one, ``[window,
    result]``; ``None`` where there is none.
    """
    stored = state.values.of(candidate.key, candidate.steps).astype(np.float64)
    rows = tensor.read().astype(np.float64).reshape(-1, math.prod(tensor.shape[2:]))
    results = stored.reshape(len(rows), -1)
    if not np.isfinite(results).all() or not np.isfinite(rows).all():
        return None
    rule, *_ = np.linalg.lstsq(rows, results, rcond=None)  # [window, result]
    whole = np.round(rule)
    is_sum = np.abs(rule - whole).max() <= NEARLY_WHOLE and np.abs(whole).max() <= 1
    if not is_sum or not _is_mixed(whole):
        return None
    made = (rows @ whole).reshape(stored.shape)
    is_it = state.values.is_close(made, candidate, candidate.steps, strictly=True)
    return whole.astype(np.int8) if is_it else None


def _is_mixed(rule: np.ndarray) -> bool:
    """Whether some number of the result is made of several: else the window was turned, or is the
    same one.
    """
    return bool((np.count_nonzero(rule, axis=0) > 1).any())
