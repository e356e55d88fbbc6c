"""Find what TorchScript's exporter computed of a parameter that it also stores: a multiple, the
square of each element, or a sum with lines of another one. One parameter is there twice then, and
counts once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from onnx_params.errors import OnnxParamsError
from onnx_params.idioms.torchscript import LIFTED, real_name
from onnx_params.tensors.small import first_numbers
from onnx_params.tensors.steps import Key, Shape
from onnx_params.tensors.stored import StoredTensor

N_FIRST: Final = 16  # numbers that are compared before all are
DIGITS: Final = 3  # in which ratios of these agree
CLOSE: Final = 1e-5  # relative, of all
MAX_ADDED_TO: Final = 8  # tables of a shape that are held against one
MAX_LINES: Final = 64  # of a table that are read for that
MIN_LINES: Final = 16  # of a table, below which lines are alike by chance
ROUGH: Final = 1e-4  # of the largest number, within which lines are the same
MIN_COUNT: Final = 8  # elements below which ratios are alike by chance

_Ratios = tuple[float, ...]


def computed_copies(tensors: Iterable[StoredTensor]) -> dict[Key, Key]:
    """Key of each tensor that was computed of one with a name of its own -> the key of that one.
    Reads the first numbers of those of a shape that both have, and candidates whole.
    """
    groups: dict[Shape, list[StoredTensor]] = {}
    for tensor in tensors:
        if tensor.count >= MIN_COUNT and tensor.dtype.name == "float32":
            groups.setdefault(tensor.shape, []).append(tensor)
    found: dict[Key, Key] = {}
    for group in groups.values():
        lifted = [tensor for tensor in group if tensor.name.startswith(LIFTED)]
        named = [tensor for tensor in group if real_name(tensor.name) is not None]
        if not lifted or not named:
            continue
        by_ratios = {_ratios(tensor, 1): tensor for tensor in named}
        by_ratios |= {_ratios(tensor, 2): tensor for tensor in named}
        for tensor in lifted:
            ratios = _ratios(tensor, 1)
            original = by_ratios.get(ratios) if ratios else None
            if original is not None and _is_computed(original, tensor):
                found[tensor.key] = original.key
        open_ones = [tensor for tensor in lifted if tensor.key not in found]
        found.update(_sums(open_ones, named) if len(named) <= MAX_ADDED_TO else ())
    return found


def _sums(
    lifted: Sequence[StoredTensor], named: Sequence[StoredTensor]
) -> Iterator[tuple[Key, Key]]:
    """The keys of each table that is another one plus a few different lines, again and again, none
    of them zero, and of that: the embedding of an item and that of its kind. Reads a few lines of
    all, and more of those that repeat.
    """
    n_lines, width = lifted[0].shape if lifted and len(lifted[0].shape) == 2 else (0, 0)
    if n_lines < MIN_LINES:
        return
    few = {each.key: first_numbers(each, MIN_LINES * width) for each in (*lifted, *named)}
    n_more = min(n_lines, MAX_LINES) * width
    for tensor in lifted:
        for original in named:
            lines = _added(few[original.key], few[tensor.key], width)
            if not lines or len(set(lines)) == len(lines):
                continue
            before, after = first_numbers(original, n_more), first_numbers(tensor, n_more)
            lines = _added(before, after, width)
            different = set(lines)
            if 1 < len(different) <= len(lines) // 2 and all(map(any, different)):
                yield tensor.key, original.key
                break


def _added(before: Sequence[float], after: Sequence[float], width: int) -> list[tuple[int, ...]]:
    """What the lines of a table are more than those of another one, rounded."""
    added = [new - old for new, old in zip(after, before, strict=False)]
    size = max(map(abs, added), default=0.0)
    if not size or not math.isfinite(size):
        return []
    rounded = [round(number / (ROUGH * size)) for number in added]
    return [tuple(rounded[at : at + width]) for at in range(0, len(rounded), width)]


def _ratios(tensor: StoredTensor, power: int) -> _Ratios:
    """The first numbers to a power, by the largest of them; none where they are all the same."""
    numbers = [number**power for number in first_numbers(tensor, min(tensor.count, N_FIRST))]
    largest = max(numbers, key=abs, default=0.0)
    if not largest or len(set(numbers)) < 2:
        return ()
    return tuple(round(number / largest, DIGITS) for number in numbers)


def _is_computed(original: StoredTensor, tensor: StoredTensor) -> bool:
    try:
        import numpy as np

        values, made = (each.read().astype(np.float64).reshape(-1) for each in (original, tensor))
    except (ImportError, OnnxParamsError):
        return False
    if bool(np.allclose(made, values * values, rtol=CLOSE, atol=0)):
        return True
    at = int(np.argmax(np.abs(values)))
    return bool(np.allclose(made, values * (made[at] / values[at]), rtol=CLOSE, atol=0))
