"""Choose an artifact's architecture by its structure, among those that transformers knows.

The words of the names that are left say which model types may be it; their parameters, at the sizes
that the artifact has, which of those fits.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from logging import CRITICAL
from typing import Final, NamedTuple

import numpy as np
import transformers
from transformers.models.auto import configuration_auto, modeling_auto

from onnx_params.errors import UsageError
from onnx_params.idioms.naming import Evidence, pattern_of
from onnx_params.names.architecture import Expected
from onnx_params.names.claim import Claim
from onnx_params.tensors.steps import Shape
from onnx_params_exporters.like_sizes import (
    Known,
    Sizes,
    config_of,
    hidden,
    named,
    parameters_of,
    sizes_of,
)

MAX_TYPES: Final = 80  # whose parameters are listed
MAX_SIZED: Final = 5  # whose sizes are found
NAMED: Final = 0.5  # of the names that are left, which a model type must have
FIT: Final = 0.9  # of the artifact's elements, below which no architecture is chosen
THERE: Final = 0.5  # of the architecture's elements; what was looked up or folded may be gone
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_DIGITS: Final = re.compile(r"\d+")
_PARENT: Final = re.compile(r"^from \.\.(\w+)\.", re.MULTILINE)
_LEAVES: Final = {"weight", "bias"}  # every network has them


class Chosen(NamedTuple):
    """The parameters of an architecture, and why it was chosen."""

    expected: list[Expected]
    because: str


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
        listed = [row.name for row in parameters_of(config_of(kind, {}), None)]
        own = set(map(pattern_of, named(listed, parameters)))
        theirs = set(map(pattern_of, listed))
        n_others = sum(n_layers if "#" in each else 1 for each in theirs - own)
        n_off = abs(n_others - (len(parameters) - len(names)))
        share = len(own & theirs) / len(own)
        if share >= NAMED:
            scored.append((-share, n_off, -derived[_module(kind)], kind))
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


# -- how well one fits ----------------------------------------------------------------------------


def _fits_of(kind: str, parameters: Sequence[Known]) -> Iterator[_Fit]:
    """How well each class of a model type fits, at the sizes of the artifact."""
    tried: list[Sizes] = []
    for heads, turned in product(({}, hidden(kind)), (False, True)):
        sizes = sizes_of(kind, heads, parameters, turned)
        if sizes in tried:
            continue
        tried.append(sizes)
        config = config_of(kind, sizes)
        fits = [
            _fit(listed, parameters, head or f"the bare {kind}")
            for head in (None, *_heads(kind))
            if (listed := parameters_of(config, head))
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
    expected = {row.name: row.shape for row in listed}
    known = named(expected, parameters)
    n_named = sum(expected.get(name) == shape for name, shape in known.items())
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
