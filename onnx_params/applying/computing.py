"""Compute again what an exporter or optimizer computed from parameters: by the recipe that the old
values and what is stored of them agree on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from onnx_params.applying.given import computed
from onnx_params.applying.lookups import is_told_apart, rows_in, rows_near, run_in
from onnx_params.applying.recipes import Arrays, Compute, Recipe, Reference, recipes
from onnx_params.applying.shares import Share
from onnx_params.applying.targets import Finder
from onnx_params.dataflow.view import View
from onnx_params.matching.candidates import Candidate
from onnx_params.matching.match_state import Found
from onnx_params.tensors.dtypes import BY_NAME
from onnx_params.tensors.steps import Key, Shape, Steps
from onnx_params.tensors.stored import StoredTensor

New = Callable[[str], StoredTensor]


class Computed(NamedTuple):
    """What a stored tensor gets that is computed, and from what."""

    key: Key
    names: tuple[str, ...]
    compute: Compute
    steps: Steps
    shape: Shape

    def share(self, new: New) -> Share:
        """The share of the stored tensor, computed when it is written."""

        def make() -> np.ndarray:
            return self.compute({name: new(name).read() for name in self.names})

        dtype = BY_NAME["float64"]  # what is stored is rounded once, when it is cast
        made = computed(self.names[0], dtype, self.shape, make, "what is computed")
        return Share(made, self.steps)


def all_computed(finder: Finder, old: Reference, found: Mapping[str, Found]) -> dict[Key, Computed]:
    """What can be computed again, by the stored tensor that holds it. Reads the old values."""
    made: dict[Key, Computed] = {}
    listed = list(recipes(old, found))
    likely = _likely(finder, old, listed)
    for recipe in listed:
        if recipe.key in made:
            continue
        tries: Sequence[Compute] = recipe.variants
        if recipe.period > 1 and not _is_fine(finder.model.stored[recipe.key]):
            tries = [*tries[likely :: recipe.period], *tries]
        fitting = _fitting(finder, old, recipe, tries)
        if fitting is not None:
            made[recipe.key] = fitting
    for looked_up in _lookups(finder, old, found):
        made.setdefault(looked_up.key, looked_up)
    return made


def _is_fine(stored: StoredTensor) -> bool:
    """Whether numbers tell one arithmetic from another: they were not rounded to codes."""
    return stored.dtype.is_float and stored.dtype.bits >= 16


def _likely(finder: Finder, old: Reference, listed: Sequence[Recipe]) -> int:
    """Which of the variants that several recipes share comes nearest to all that is stored: a model
    has one epsilon, which numbers that were rounded do not tell apart one by one.
    """
    tally: np.ndarray | None = None
    for recipe in listed:
        if recipe.period == 1 or finder.model.stored[recipe.key].dtype.bits < 16:
            continue
        arrays = {name: old[name].read() for name in recipe.names}
        made = [_numbers(compute, arrays) for compute in recipe.variants[: recipe.period]]
        first = next((values for values in made if values is not None), None)
        steps = None if first is None else finder.way_to(recipe.key, first)
        if steps is None:
            continue
        stored = finder.values.of(recipe.key, steps)
        size = float(np.abs(stored).sum()) or 1.0
        apart = [np.inf if each is None else _apart(stored, each) / size for each in made]
        tally = np.array(apart) if tally is None else tally + apart
    return 0 if tally is None else int(np.argmin(tally))


def _fitting(
    finder: Finder, old: Reference, recipe: Recipe, tries: Sequence[Compute]
) -> Computed | None:
    """The variant of a recipe that comes nearest to what is stored, the first one of those that
    rounding does not tell apart.
    """
    arrays = {name: old[name].read() for name in recipe.names}
    best: Computed | None = None
    least = np.inf
    steps: Steps | None = None
    for compute in tries:
        values = _numbers(compute, arrays)
        if values is None:
            continue
        if steps is None or best is None or best.shape != values.shape:
            steps = finder.way_to(recipe.key, values)
        if steps is None:
            continue
        stored = finder.values.of(recipe.key, steps)
        apart = _apart(stored, values)
        if apart < least:
            best = Computed(recipe.key, recipe.names, compute, steps, values.shape)
            least = apart
        if not apart or not _is_fine(finder.model.stored[recipe.key]):
            break
    return best


def _numbers(compute: Compute, arrays: Arrays) -> np.ndarray | None:
    """What a recipe makes; ``None`` where it makes no numbers."""
    try:
        values = compute(arrays)
    except (ValueError, TypeError):
        return None
    return values if np.isfinite(values).all() else None


def _apart(stored: np.ndarray, values: np.ndarray) -> float:
    """How far values lie from what is stored, as numbers of its type."""
    made = values.astype(stored.dtype).astype(np.float64)
    return float(np.abs(stored.astype(np.float64) - made).sum())


def _lookups(finder: Finder, old: Reference, found: Mapping[str, Found]) -> Iterator[Computed]:
    """Tables of which some rows are stored, and vectors of which all parts are."""
    for name, each in found.items():
        if each.view is not View.SLICED:
            continue
        stored = [finder.model.stored[key] for key in each.stored]
        if len(old[name].shape) > 1:
            yield from _rows(finder, old[name], stored)
        elif all(tensor.dtype.is_float for tensor in stored):
            yield from _parts(old[name], stored)


def _rows(
    finder: Finder, table: StoredTensor, stored: Sequence[StoredTensor]
) -> Iterator[Computed]:
    rows = table.read()
    for tensor in stored:
        candidate = Candidate(finder.model, tensor, 0)
        for steps in candidate.ways:
            values = finder.values.of(tensor.key, steps)
            room = None
            if candidate.is_quantized:
                room = np.broadcast_to(finder.values.half_steps(tensor.key, steps), values.shape)
            ways = list(rows_in(rows, values) if room is None else rows_near(rows, values, room))
            if ways and is_told_apart(rows, ways[0].numbers):
                compute = partial(_looked_up, table.name, ways[0].of, values)
                yield Computed(tensor.key, (table.name,), compute, steps, values.shape)
                break


def _parts(vector: StoredTensor, stored: Sequence[StoredTensor]) -> Iterator[Computed]:
    """The parts of a vector; none where they are not all of it: the rest may be anywhere."""
    starts = [run_in(vector.read(), tensor.read()) for tensor in stored]
    runs = [(at, tensor) for at, tensor in zip(starts, stored, strict=True) if at is not None]
    reached = 0
    for at, tensor in sorted(runs, key=lambda run: run[0]):
        if at > reached:
            return
        reached = max(reached, at + tensor.count)
    if reached < vector.count or len(runs) < len(stored):
        return
    for at, tensor in runs:
        compute = partial(_part, vector.name, at, tensor.shape)
        yield Computed(tensor.key, (vector.name,), compute, (), tensor.shape)


def _part(name: str, at: int, shape: Shape, arrays: Arrays) -> np.ndarray:
    made: np.ndarray = arrays[name][at : at + math.prod(shape)].reshape(shape)
    return made


def _looked_up(
    name: str,
    of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    like: np.ndarray,
    arrays: Arrays,
) -> np.ndarray:
    return of(arrays[name], like)
