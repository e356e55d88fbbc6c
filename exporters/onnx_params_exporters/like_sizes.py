"""Find the sizes at which an architecture of transformers has an artifact's dimensions.

Each number of a configuration is doubled, to see which dimensions grow with it; as few numbers as
possible are then changed to what makes up for the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import transformers

from onnx_params.names.architecture import Expected
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.steps import Shape
from onnx_params_exporters.like import on_meta

ROUNDS: Final = 3  # of finding sizes
_HEADS: Final = ("heads", "n_head")
_TOKEN: Final = "_token_id"

Path = tuple[str | int, ...]  # of a number in a configuration: words, and places in lists
Sizes = dict[Path, int]


class Known(NamedTuple):
    """A parameter of the artifact; one that has no name left has an empty one."""

    name: str
    shape: Shape


def named(listed: Iterable[str], parameters: Sequence[Known]) -> dict[str, Shape]:
    """The artifact's shapes under the architecture's names, of what has a name left."""
    names = [each.name for each in parameters if each.name]
    prefix = prefixes_between(list(listed), names)[0]
    return {moved(each.name, prefix): each.shape for each in parameters if each.name}


def sizes_of(kind: str, given: Sizes, parameters: Sequence[Known], turned: bool) -> Sizes:
    """The numbers of a configuration at which its parameters have the artifact's dimensions."""
    sizes = given
    for _ in range(ROUNDS):
        found = sizes | _found(kind, sizes, parameters, turned)
        if found == sizes or not parameters_of(config_of(kind, found), None):
            break
        sizes = found
    return sizes


def hidden(kind: str) -> Sizes:
    """The numbers that no shape shows, as they go with all sizes: one head in each attention, which
    any width can be divided by, and the first word of a vocabulary as each token.
    """
    found: Sizes = {}
    for path in _numbers(config_of(kind, {})):
        word = str(path[-1])
        if word.endswith(_HEADS):
            found[path] = 1
        elif word.endswith(_TOKEN):
            found[path] = 0
    return found


def _found(kind: str, sizes: Sizes, parameters: Sequence[Known], turned: bool) -> Sizes:
    """One round: what each number changes, and the numbers that make up for the difference."""
    config = config_of(kind, sizes)
    numbers = _numbers(config)
    now = _shapes(parameters_of(config, None))
    own = _in_order(now, parameters, turned)
    dims = [
        (name, axis)
        for name, shape in now.items()
        if len(own.get(name, ())) == len(shape)
        for axis in range(len(shape))
        if shape[axis] and own[name][axis]
    ]
    wanted = np.array([np.log2(own[name][axis] / now[name][axis]) for name, axis in dims])
    growth: dict[Path, np.ndarray] = {}
    found: Sizes = {}
    for path, number in numbers.items():
        if number < 1 or str(path[-1]).endswith(_TOKEN):
            continue
        doubled = _shapes(parameters_of(config_of(kind, {**sizes, path: 2 * number}), None))
        if not doubled:
            continue
        grown = set(doubled) - set(now)
        if grown:
            n_layers = _n_layers(own, grown, number)
            if n_layers:
                found[path] = n_layers
        else:
            growth[path] = np.array([_growth(now, doubled, *dim) for dim in dims])
    factors = _factors(wanted, growth)
    return found | {path: round(numbers[path] * 2**factor) for path, factor in factors.items()}


def _in_order(
    listed: Mapping[str, Shape], parameters: Sequence[Known], turned: bool
) -> dict[str, Shape]:
    """The artifact's shapes under the architecture's names. Matrices without a name, where they are
    as many as the architecture has besides, are taken in order, ``turned`` or as they are.
    """
    own = named(listed, parameters)
    others = [name for name, shape in listed.items() if name not in own and len(shape) > 1]
    nameless = [each.shape for each in parameters if not each.name and len(each.shape) > 1]
    if len(others) == len(nameless):
        shapes = [shape[::-1] if turned else shape for shape in nameless]
        own |= dict(zip(others, shapes, strict=True))
    return own


def _growth(now: Mapping[str, Shape], doubled: Mapping[str, Shape], name: str, axis: int) -> float:
    """How often a dimension doubled."""
    shape = doubled.get(name, ())
    if len(shape) != len(now[name]) or not shape[axis]:
        return 0.0
    return float(np.log2(shape[axis] / now[name][axis]))


def _factors(wanted: np.ndarray, growth: Mapping[Path, np.ndarray]) -> dict[Path, float]:
    """How often each number has to double: as few of them as explain all dimensions."""
    left, used = wanted.copy(), list[Path]()
    columns = {path: column for path, column in growth.items() if np.any(column)}
    solved = np.zeros(0)
    while np.abs(left).max(initial=0.0) > 1e-6 and len(used) < len(columns):
        gains = {
            path: abs(float(left @ column)) / float(np.linalg.norm(column))
            for path, column in columns.items()
            if path not in used
        }
        best = max(gains, key=lambda path: gains[path])
        if gains[best] < 1e-6:
            break
        used.append(best)
        matrix = np.stack([columns[path] for path in used], axis=1)
        solved = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
        left = wanted - matrix @ solved
    return dict(zip(used, solved.tolist(), strict=True))


def _n_layers(own: Iterable[str], grown: Iterable[str], number: int) -> int:
    """How many layers the artifact has of those that came when a number was doubled."""
    for name in grown:
        at = name.split(".")
        for place, word in enumerate(at):
            if not word.isdigit() or not number <= int(word) < 2 * number:
                continue
            head = at[:place]
            parts = [each.split(".") for each in own]
            there = [
                int(each[place])
                for each in parts
                if each[:place] == head and len(each) > place and each[place].isdigit()
            ]
            if there:
                return max(there) + 1
    return 0


def _numbers(config: transformers.PretrainedConfig | None) -> Sizes:
    """Every number of a configuration, and of those and the lists in it."""
    found: Sizes = {}
    for name, value in config.to_dict().items() if config is not None else ():
        part = getattr(config, name, None)
        if isinstance(part, transformers.PretrainedConfig):
            found.update({(name, *path): number for path, number in _numbers(part).items()})
        elif isinstance(value, (list, tuple)):
            found.update({(name, at): each for at, each in enumerate(value) if type(each) is int})
        elif type(value) is int:
            found[(name,)] = value
    return found


def _shapes(listed: Iterable[Expected]) -> dict[str, Shape]:
    return {row.name: row.shape for row in listed}


def config_of(kind: str, sizes: Sizes) -> transformers.PretrainedConfig | None:
    """A configuration with these numbers; ``None`` where there is none with them."""
    try:
        values = transformers.AutoConfig.for_model(kind).to_dict() if sizes else {}
        given: dict[str, Any] = {}
        for path, number in sizes.items():
            into: Any = given
            was: Any = values
            for name in path[:-1]:
                was = was[name]
                into = into.setdefault(name, list(was) if isinstance(was, (list, tuple)) else {})
            into[path[-1]] = number
        return transformers.AutoConfig.for_model(kind, **given)
    except Exception:  # a check of the configuration's own: any class may raise any error
        return None


def parameters_of(config: transformers.PretrainedConfig | None, head: str | None) -> list[Expected]:
    """The parameters of a class at a configuration; none where it cannot be made so."""
    if config is None:
        return []
    try:
        return on_meta(config, head)
    except Exception:  # code of hundreds of models, at numbers that nobody tried
        return []
