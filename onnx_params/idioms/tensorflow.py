"""Read the names that TensorFlow gives to its operators: which layer's scope an operator stands in,
and by which library's words the layer calls its variables.

Keras 3 puts a counter after every part of a scope (``functional_1/dense_1`` is the layer ``dense``,
``functional_1/dense_1_2`` the layer ``dense_1``); tf.keras, TensorFlow's own layers and Sonnet put
none, and a number there is the layer's own.
Sources: keras/src/backend/common/name_scope.py and what TensorFlow 2.21 makes of it
(``tf.name_scope``); sonnet/src/linear.py (``tf.add``) and layer_norm.py for Sonnet's words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from onnx_params.containers.onnx.graph import Model
from onnx_params.containers.onnx.once import once
from onnx_params.idioms.onnxruntime import name_before
from onnx_params.tensors.steps import Shape, Steps

# a name, the shape that Keras gives, and the steps to it; None where the numbers were computed
Described = tuple[str, Shape, Steps | None]

_READS: Final = "ReadVariableOp"
READ: Final = rf"{_READS}(?:_\d+)?"
PRODUCER: Final = "tf2onnx"
# a graph that JAX wrote: no layer is Keras', and the counters are Flax' own
_JAX: Final = "jax2tf_"
_COUNTER: Final = re.compile(r"_\d+$")
# a call of another graph, before the names of what it calls
_CALLS: Final = re.compile(r"^(?:(?:Stateful)?PartitionedCall(?:_\d+)?/)+")
_OUTPUT: Final = re.compile(r"(?::\d+|__\d+)$")  # of a value; the second is tf2onnx's
# what reads a variable: the scope, and the operator that takes what was read
_READER: Final = re.compile(rf"^(?P<scope>.+)/(?P<operator>[^/]+)/{READ}(?:/resource)?$")
# an operator in its scope; TensorFlow Lite's converter joins the names of what it fuses
_OPERATION: Final = re.compile(
    r"^(?P<scope>.+?)/(?P<operator>FusedBatchNormV3|batchnorm/[a-z]+|[A-Za-z]\w*?[a-zD])"
    r"1?(?:_(?:de|pre)quant)?(?:__\d+)?(?::0)?$"
)
# operators that multiply by a kernel
PRODUCTS: Final = (
    "Conv2D",
    "MatMul",
    "conv2d_transpose",
    "conv_transpose",
    "convolution",
    "depthwise",
    "separable_conv2d",
)
_OF_LAYERS: Final = frozenset({*PRODUCTS, "Add", "BiasAdd"})
_JOINT: Final = ";"
# what layers put into their scopes beside modules
_WITHIN: Final = frozenset({"batchnorm", "einsum", "separable_conv2d", "moments", "Tensordot"})
_HEADS: Final = re.compile(rf"^(?P<scope>.+)/[Aa]dd/{READ}$")
_SONNET: Final[Mapping[str, str]] = {
    "kernel": "w",
    "bias": "b",
    "gamma": "scale",
    "beta": "offset",
}


class Scopes:
    """The names of TensorFlow's operators in the stored tensors of a model."""

    def __init__(self, model: Model) -> None:
        self._tensors, self._nodes = model.main.tensors, model.main.nodes
        self._is_converted = model.producer_name == PRODUCER
        self.is_tensorflow = self._is_converted or any(
            _READS in tensor.name for tensor in self._tensors
        )

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Names of operators whose results are stored -> shapes."""
        return {
            _without_output(name_before(tensor.name)): tensor.shape
            for tensor in self._tensors
            if not is_of_jax(tensor.name)
        }

    @cached_property
    def _read(self) -> set[tuple[str, str]]:
        """The scopes of what reads variables, and the operators that take those."""
        readers = [match for match in map(_READER.match, self.shapes) if match is not None]
        found = {(without_calls(match["scope"]), match["operator"]) for match in readers}
        is_fused = any(map(is_joined, self.shapes))
        if is_fused or (not readers and self._is_converted):
            names = [*self.shapes, *(node.name for node in self._nodes)]
            found |= {
                (without_calls(scope), operator)
                for name in names
                for operator, scope in operations_in(name)
                if operator in _OF_LAYERS
            }
        return found

    @cached_property
    def are_counted(self) -> bool:
        """Whether every part of every scope has a counter, as Keras 3 gives them."""
        parts = {part for scope, _ in self._read for part in scope.split("/")} - _WITHIN
        return all(map(_COUNTER.search, parts))

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Keras' word for a variable -> that of the library that made the graph; empty where that
        is Keras, or layers that have its words.
        """
        multiplied = {scope for scope, operator in self._read if operator == "MatMul"}
        added = {scope for scope, operator in self._read if operator == "Add"}
        return _SONNET if multiplied & added and not self.are_counted else {}

    @cached_property
    def _heads(self) -> Mapping[str, set[tuple[int, int]]]:
        """Scope of an attention, or of a projection in one -> heads and width of one, by the biases
        of projections.
        """
        found: dict[str, set[tuple[int, int]]] = {}
        for name, shape in self.shapes.items():
            match = _HEADS.match(name) if len(shape) == 2 else None
            for scope in (match["scope"], _owner(match["scope"])) if match is not None else ():
                found.setdefault(scope, set()).add((shape[0], shape[1]))
        return found

    def heads(self, scope: str, n: int) -> tuple[int, int] | None:
        """The heads and the width of one of a projection, which have ``n`` numbers together."""
        for each in (scope, _owner(scope)):
            fitting = [pair for pair in self._heads.get(each, ()) if math.prod(pair) == n]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def path(self, scope: str) -> str:
        """The path of the module whose operators stand in a scope."""
        bare = without_calls(scope)
        if not self.are_counted:
            return bare
        return "/".join(_COUNTER.sub("", part) for part in bare.split("/"))

    def name(self, scope: str, leaf: str) -> str:
        """The name of a variable by its module's scope and Keras' word."""
        return f"{self.path(scope)}/{self.words.get(leaf, leaf)}"


@once
def scopes_of(model: Model) -> Scopes:
    """The scopes of a model, read once."""
    return Scopes(model)


def listed(described: Described | None) -> list[Described]:
    """A description as a list of it; of none an empty one."""
    return [] if described is None else [described]


def _owner(scope: str) -> str:
    return scope.rpartition("/")[0]


def without_calls(scope: str) -> str:
    """A scope without the calls of graphs before it."""
    return _CALLS.sub("", f"{scope}/")[:-1]


def is_joined(name: str) -> bool:
    """Whether a name is that of several operators."""
    return _JOINT in name


def operations_in(name: str) -> Iterator[tuple[str, str]]:
    """The operator and the scope of each part of a name, where they are TensorFlow's."""
    for part in name.split(_JOINT):
        match = _OPERATION.match(part)
        if match is not None:
            yield match["operator"], match["scope"]


def is_of_jax(name: str) -> bool:
    """Whether a name is one that JAX gave."""
    return name.startswith(_JAX)


def _without_output(name: str) -> str:
    """The name of an operator by that of its result."""
    return _OUTPUT.sub("", name)
