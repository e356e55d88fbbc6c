"""Define what a writer's own words say of a tensor: a name, how it lies in storage, and by what
evidence.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

from onnx_params.dataflow.view import View, view_of
from onnx_params.tensors.steps import Shape, Steps, shape_after
from onnx_params.tensors.stored import StoredTensor

_NUMBER: Final = re.compile(r"_\d+$")
_NUMBERS: Final = re.compile(r"\d+")


def without_number(name: str) -> str:
    """A name without the number that a writer appends to keep names apart: ``weight_4`` ->
    ``weight``.
    """
    return _NUMBER.sub("", name)


def module_of(name: str) -> str:
    """What stands before the last word of a parameter's name, by dots as torch has them, or slashes
    as Keras and Flax do; empty where there is but one word.
    """
    return name[: max(name.rfind("."), name.rfind("/"), 0)]


def leaf_of(name: str) -> str:
    """The last word of a parameter's name."""
    return name[max(name.rfind("."), name.rfind("/")) + 1 :]


def is_path(name: str) -> bool:
    """Whether a name is made of what a module may call its own, with dots between."""
    return all(word.isidentifier() or word.isdigit() for word in name.split("."))


def beside(name: str, leaf: str) -> str:
    """The name of another parameter of the same module."""
    return f"{name[: len(name) - len(leaf_of(name))]}{leaf}"


def pattern_of(name: str) -> str:
    """A name with ``#`` for each number in it, which is alike for one parameter of all layers."""
    return _NUMBERS.sub("#", name)


class Evidence(enum.Enum):
    """Where a claim comes from, in the order in which they are believed."""

    SOURCE_MAP = "source-map"
    SIGNATURE = "signature"
    REFERENCE = "reference"
    STORED_NAME = "stored-name"
    SCOPE = "scope"
    SIBLING = "sibling"
    ARCHITECTURE = "architecture"
    NONE = "none"


class Naming(NamedTuple):
    """One parameter as a writer names it, with further names of the same one; ``steps`` is ``None``
    where its numbers were computed with others, ``dtype`` empty where it is that in storage.
    """

    name: str
    shape: Shape
    steps: Steps | None
    evidence: Evidence
    because: str
    view: View
    aliases: tuple[str, ...] = ()
    dtype: str = ""


def inferred(
    tensor: StoredTensor,
    name: str,
    steps: Steps | None,
    evidence: Evidence,
    because: str,
    shape: Shape | None = None,
) -> Naming:
    """The naming of a parameter that lies in a tensor after ``steps``; the steps give its shape
    unless one is given.
    """
    if steps is None:
        view = View.FOLDED
    else:
        view = view_of(steps) if steps else View.WHOLE
    known = shape_after(tensor.shape, steps or ()) if shape is None else shape
    return Naming(name, known, steps, evidence, because, view)


class Hint(NamedTuple):
    """A writer's word on whether a tensor was learned: the id of the rule, and the reason; of what
    was not, whether the framework has it as a buffer.
    """

    is_learned: bool
    rule: str
    because: str
    is_buffer: bool = False
