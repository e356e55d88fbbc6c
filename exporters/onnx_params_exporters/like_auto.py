"""Choose an artifact's architecture by its structure, among those that transformers knows.

The words of the names that are left say which model types may be it; their parameters, at the sizes
that the artifact has, which of those fits. Sizes are found by doubling each number of a
configuration, and seeing which dimensions grow with it.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from logging import CRITICAL
from typing import Any, Final, NamedTuple

import numpy as np
import transformers
from transformers.models.auto import configuration_auto, modeling_auto

from onnx_params.errors import UsageError
from onnx_params.idioms.naming import Evidence
from onnx_params.names.architecture import Expected
from onnx_params.names.claim import Claim
from onnx_params.names.prefix import moved, prefixes_between
from onnx_params.tensors.steps import Shape
from onnx_params_exporters.like import on_meta

MAX_TYPES: Final = 80  # whose parameters are listed
MAX_SIZED: Final = 5  # whose sizes are found
NAMED: Final = 0.5  # of the names that are left, which a model type must have
FIT: Final = 0.9  # of the artifact's elements, below which no architecture is chosen
THERE: Final = 0.5  # of the architecture's elements; what was looked up or folded may be gone
ROUNDS: Final = 3  # of finding sizes
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_DIGITS: Final = re.compile(r"\d+")
_PARENT: Final = re.compile(r"^from \.\.(\w+)\.", re.MULTILINE)
_HEADS: Final = ("heads", "n_head")
_TOKEN: Final = "_token_id"
_LEAVES: Final = {"weight", "bias"}  # every network has them


class Chosen(NamedTuple):
    """The parameters of an architecture, and why it was chosen."""

    expected: list[Expected]
    because: str


class Known(NamedTuple):
    """A parameter of the artifact; one that has no name left has an empty one."""

    name: str
    shape: Shape


class _Fit(NamedTuple):
    """How well an architecture fits: the share of the artifact's elements that it has a place for,
    of its names that are there, and of its elements.
    """

    elements: float
    names: float
    there: float
    expected: list[Expected]
    label: str


def chosen(claims: Iterable[Claim]) -> Chosen:
    """The architecture that fits an artifact's own claims best.

    Imports the code of those model types that may be it. Raises :class:`UsageError` where none
    fits.
    """
    parameters = [
        Known("" if claim.evidence is Evidence.NONE else claim.name, claim.shape)
        for claim in claims
        if claim.shape is not None
    ]
    with _quiet():
        fits = [fit for kind in _likely(parameters) for fit in _fits_of(kind, parameters)]
    best = max(fits, key=_score, default=None)
    if best is None or best.elements < FIT or best.there < THERE:
        nearest = ""
        if best is not None:
            share = min(best.elements, best.there)
            nearest = (
                f"; the nearest is {best.label}, which has {share:.0%} of all elements in common"
            )
        raise UsageError(
            f"no architecture of transformers {transformers.__version__} has the parameters of"
            f" this artifact{nearest}; --like takes a model type or a config.json too"
        )
    because = (
        f"the architecture was taken to be {best.label} of transformers {transformers.__version__},"
        f" by structure: {best.elements:.1%} of the artifact's elements fit"
    )
    return Chosen(best.expected, because)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what code says of sizes that nobody asked for."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)


def _score(fit: _Fit) -> tuple[float, float, float]:
    return round(fit.elements, 3), fit.names, fit.there


# -- which model types ----------------------------------------------------------------------------


def _likely(parameters: Sequence[Known]) -> list[str]:
    """The model types whose parameters have the names that are left, and about as many others as
    have none; of several, those first from which most others are derived. None where no name is
    left.
    """
    names = [each.name for each in parameters if each.name]
    if not names:
        return []
    kinds = _by_words(names)
    n_layers = 1 + max(
        (int(digits) for name in names for digits in _DIGITS.findall(name)), default=0
    )
    derived = _derived()
    scored: list[tuple[float, int, int, str]] = []
    for kind in kinds:
        listed = [row.name for row in _parameters(_config(kind, {}), None)]
        prefix = prefixes_between(listed, names)[0]
        own = {_pattern(moved(name, prefix)) for name in names}
        theirs = {_pattern(name) for name in listed}
        n_others = sum(n_layers if "#" in each else 1 for each in theirs - own)
        n_off = abs(n_others - (len(parameters) - len(names)))
        named = len(own & theirs) / len(own)
        if named >= NAMED:
            scored.append((-named, n_off, -derived[_module(kind)], kind))
    return [kind for *_, kind in sorted(scored)[:MAX_SIZED]]


@cache
def _derived() -> Counter[str]:
    """The module of a model type -> how many others are written as changes of it."""
    found: Counter[str] = Counter()
    for folder in files(transformers).joinpath("models").iterdir():
        file = folder.joinpath(f"modular_{folder.name}.py")
        if file.is_file():
            found.update(set(_PARENT.findall(file.read_text(encoding="utf-8"))))
    return found


def _module(kind: str) -> str:
    """The folder in which the code of a model type stands."""
    return str(configuration_auto.model_type_to_module_name(kind))


def _by_words(names: Iterable[str]) -> list[str]:
    """The model types in whose code most of the words of the names stand."""
    words = {word for name in names for word in _WORD.findall(name)} - _LEAVES
    kinds = list(modeling_auto.MODEL_MAPPING_NAMES)
    shares = {kind: len(words & _identifiers(kind)) / max(1, len(words)) for kind in kinds}
    most = max(shares.values())
    derived = _derived()
    kinds = [kind for kind in kinds if shares[kind] >= 0.9 * most]
    return sorted(kinds, key=lambda kind: (-shares[kind], -derived[_module(kind)]))[:MAX_TYPES]


def _identifiers(kind: str) -> set[str]:
    """The words in the code of a model type; none where its code is not a module of its own."""
    folder = files(transformers).joinpath("models", _module(kind))
    found: set[str] = set()
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name.startswith("modeling_"):
            found.update(_WORD.findall(file.read_text(encoding="utf-8")))
    return found


def _pattern(name: str) -> str:
    return _DIGITS.sub("#", name)


# -- how well one fits ----------------------------------------------------------------------------


def _fits_of(kind: str, parameters: Sequence[Known]) -> Iterator[_Fit]:
    """How well each class of a model type fits, at the sizes of the artifact."""
    tried: list[Sizes] = []
    for heads, turned in product(({}, _hidden(kind)), (False, True)):
        sizes = _sizes(kind, heads, parameters, turned)
        if sizes in tried:
            continue
        tried.append(sizes)
        config = _config(kind, sizes)
        fits = [
            _fit(listed, parameters, head or f"the bare {kind}")
            for head in (None, *_heads(kind))
            if (listed := _parameters(config, head))
        ]
        yield from fits
        if any(fit.elements == 1 for fit in fits):
            return


def _heads(kind: str) -> list[str]:
    """The classes of a model type that have a head."""
    found: list[str] = []
    for mapping, kinds in vars(modeling_auto).items():
        if mapping.startswith("MODEL_FOR_") and mapping.endswith("_MAPPING_NAMES"):
            names = kinds.get(kind, ())
            found += [names] if isinstance(names, str) else list(names)
    return sorted(set(found))


def _fit(listed: list[Expected], parameters: Sequence[Known], label: str) -> _Fit:
    """How well these parameters fit, by their dimensions and names."""
    own, theirs = _by_dims(parameters), _by_dims(listed)
    n_common = sum((own & theirs).values())
    names = [each.name for each in parameters if each.name]
    prefix = prefixes_between([row.name for row in listed], names)[0]
    expected = {row.name: row.shape for row in listed}
    n_named = sum(expected.get(moved(each.name, prefix)) == each.shape for each in parameters)
    return _Fit(
        elements=n_common / max(1, sum(own.values())),
        names=n_named / max(1, len(listed)),
        there=n_common / max(1, sum(theirs.values())),
        expected=listed,
        label=label,
    )


def _by_dims(rows: Iterable[Known | Expected]) -> Counter[Shape]:
    """Dimensions, whatever their order -> the elements of all tensors that have them."""
    found: Counter[Shape] = Counter()
    for row in rows:
        found[tuple(sorted(row.shape))] += int(np.prod(row.shape, dtype=np.int64))
    return found


# -- at which sizes -------------------------------------------------------------------------------

Path = tuple[str | int, ...]  # of a number in a configuration: words, and places in lists
Sizes = dict[Path, int]


def _sizes(kind: str, given: Sizes, parameters: Sequence[Known], turned: bool) -> Sizes:
    """The numbers of a configuration at which its parameters have the artifact's dimensions."""
    sizes = given
    for _ in range(ROUNDS):
        found = sizes | _found(kind, sizes, parameters, turned)
        if found == sizes or not _parameters(_config(kind, found), None):
            break
        sizes = found
    return sizes


def _hidden(kind: str) -> Sizes:
    """The numbers that no shape shows, as they go with all sizes: one head in each attention, which
    any width can be divided by, and the first word of a vocabulary as each token.
    """
    found: Sizes = {}
    for path in _numbers(_config(kind, {})):
        word = str(path[-1])
        if word.endswith(_HEADS):
            found[path] = 1
        elif word.endswith(_TOKEN):
            found[path] = 0
    return found


def _found(kind: str, sizes: Sizes, parameters: Sequence[Known], turned: bool) -> Sizes:
    """One round: what each number changes, and the numbers that make up for the difference."""
    config = _config(kind, sizes)
    now = _shapes(_parameters(config, None))
    own = _named(list(now.items()), parameters, turned)
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
    for path, number in _numbers(config).items():
        if number < 1 or str(path[-1]).endswith(_TOKEN):
            continue
        doubled = _shapes(_parameters(_config(kind, {**sizes, path: 2 * number}), None))
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
    numbers = _numbers(config)
    return found | {path: round(numbers[path] * 2**factor) for path, factor in factors.items()}


def _named(
    listed: Sequence[tuple[str, Shape]], parameters: Sequence[Known], turned: bool
) -> dict[str, Shape]:
    """The artifact's shapes under the architecture's names. Matrices without a name, where they are
    as many as the architecture has besides, are taken in order, ``turned`` or as they are.
    """
    names = [each.name for each in parameters if each.name]
    prefix = prefixes_between([name for name, _ in listed], names)[0]
    own = {moved(each.name, prefix): each.shape for each in parameters if each.name}
    others = [name for name, shape in listed if name not in own and len(shape) > 1]
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


def _config(kind: str, sizes: Sizes) -> transformers.PretrainedConfig | None:
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


def _parameters(config: transformers.PretrainedConfig | None, head: str | None) -> list[Expected]:
    """The parameters of a class at a configuration; none where it cannot be made so."""
    if config is None:
        return []
    try:
        return on_meta(config, head)
    except Exception:  # code of hundreds of models, at numbers that nobody tried
        return []
