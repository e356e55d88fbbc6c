"""Name what tf2onnx stored as Keras names it: from the name of the TensorFlow operator that read
the variable, its layer's path and its word.

``net_1/stem_1/convolution/ReadVariableOp:0`` is ``stem/kernel``, as Keras lays it out. Every part
of a scope has a counter; the first is the model's, which the paths of functional models leave out.
Sources: tf2onnx 1.17's output for Keras 3.15 on TensorFlow 2.21, layer by layer; tf2onnx 1.9's for
tf.keras 2.2 and for graphs of TensorFlow 1 (``conv1/weights/read:0``), whose operators have other
words; keras/src/layers for the words and layouts (kernel [..., in, out], gates i, f, c, o).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from onnx_params.containers.onnx.graph import Model
from onnx_params.dataflow.consumers import consumers
from onnx_params.idioms import keras
from onnx_params.idioms.naming import Evidence, Hint, Naming, inferred
from onnx_params.idioms.tf2onnx_unnamed import Described, by_consumer, path_of
from onnx_params.tensors.steps import (
    Key,
    Permute,
    Reshape,
    Shape,
    Step,
    Steps,
    shape_after,
    without_ones,
)
from onnx_params.tensors.stored import StoredTensor

PRODUCER: Final = "tf2onnx"
# a graph that JAX wrote: no layer is Keras', and the counters are Flax' own
_JAX: Final = "jax2tf_"
_PRODUCT: Final = re.compile(r"/batchnorm/mul(_1)?(?:__\d+)?(?::0)?$")
_FOLDED_NORM: Final = re.compile(r"^(?P<scope>.+)/batchnorm/sub:0$")
_CONSTANT: Final = re.compile(r"(^|/)Const(_\d+)?(:0|__\d+)?$")
_TO_LAST: Final = keras.TO_LAST[4]


class _Row(NamedTuple):
    """The end of a stored name, the word of Keras' for it, and the step from storage; ``None``
    where the numbers were computed.
    """

    ends: re.Pattern[str]
    leaf: str
    step: Step | None | str


def _row(ends: str, leaf: str, step: Step | None | str = "") -> _Row:
    return _Row(re.compile(rf"^(?P<scope>.*?)/{ends}(?:/resource)?(?::0|__\d+)?$"), leaf, step)


_READ: Final = r"ReadVariableOp(?:_\d+)?"
_ROWS: Final = (
    _row(rf"(?:(?:Cast|split|Cast_1|BiasAdd|MatMul|MatMul_1)/)?{_READ}(?=/resource)", "", "cell"),
    _row(rf"separable_conv2d/{_READ}", "pointwise_kernel", _TO_LAST),
    _row(rf"(?:convolution|conv_transpose|Conv2D|conv2d_transpose)/{_READ}", "kernel", _TO_LAST),
    _row(r"(?:convolution|conv1d)/ExpandDims_1", "kernel", "conv1d"),
    _Row(
        re.compile(
            r"^(?P<scope>.*?)(?:/(?:BiasAdd|Conv2D|convolution|depthwise))?_weights_fused_bn$"
        ),
        "kernel",
        None,
    ),
    _Row(
        re.compile(r"^(?P<scope>.*?)(?:/(?:BiasAdd|Conv2D|convolution|depthwise))?_bias_fused_bn$"),
        "bias",
        None,
    ),
    _row(r"convolution/merged_input", "kernel", None),
    _row(r"separable_conv2d/merged_input", "pointwise_kernel", None),
    _row(rf"(?:Cast|MatMul|Tensordot)/{_READ}", "kernel"),
    _row(rf"(?:BiasAdd|Add)/{_READ}", "bias"),
    _row(r"Squeeze", "bias"),
    _row(r"batchnorm/mul", "gamma", None),
    _row(r"batchnorm/sub", "beta", None),
    _row(rf"(?:GatherV2|embedding_lookup)/(?:{_READ}|\d+)", "embeddings"),
    _row(rf"mul_\d+/{_READ}", "gamma"),
    _row(rf"add/{_READ}", "", "added"),
    _row(_READ, "", "norm"),
    _Row(re.compile(r"^(?P<scope>.+?)/(?P<leaf>\w+)/read(?:__\d+)?:0$"), "", "read"),
    _row(rf"Mul_1/{_READ}", "scale"),
    _row(r"Neg", "alpha", None),
    _row(r"Reshape", "", "reshape"),
    _row(r"Reshape_1", "", "reshape"),
    _row(r"Reshape_2", "", "reshape"),
)


def namings(model: Model, tensors: Iterable[StoredTensor]) -> dict[Key, list[Naming]]:
    """Names of what a row knows, by key; none for other producers.

    All inferred: the names are TensorFlow's operators', not the variables'.
    """
    if model.producer_name != PRODUCER:
        return {}
    listed = [tensor for tensor in tensors if not tensor.name.startswith(_JAX)]
    names = {tensor.name.partition(":")[0] for tensor in listed}
    factors = _have_factors(model)
    found: dict[Key, list[Described]] = {}
    for tensor in listed:
        shown = _described(model, tensor, names)
        if shown is None:
            continue
        found[tensor.key] = [shown]
        name, _, steps = shown
        if factors and steps is None and name.endswith("kernel"):
            gamma = _folded_gamma(model, tensor)
            if gamma is not None:
                found[tensor.key].append(gamma)
    prefix = _model_prefix([name for shown in found.values() for name, _, _ in shown])
    return {
        key: [
            _claim(model.stored[key], name.removeprefix(prefix), shape, steps)
            for name, shape, steps in shown
        ]
        for key, shown in found.items()
    }


def _model_prefix(names: Sequence[str]) -> str:
    """The model's own name at the head of every path, which functional models leave out; empty
    where there is none.
    """
    first = {name.partition("/")[0] for name in names if "/" in name}
    if len(first) != 1 or not all(name.count("/") > 1 for name in names):
        return ""
    prefix = f"{first.pop()}/"
    return "" if prefix.startswith("sequential") else prefix


def _claim(tensor: StoredTensor, name: str, shape: Shape, steps: Steps | None) -> Naming:
    return inferred(
        tensor,
        name,
        steps,
        Evidence.SCOPE,
        f"tf2onnx calls it '{tensor.name}', after the operator that read it",
        shape,
    )


def _described(model: Model, tensor: StoredTensor, names: set[str]) -> Described | None:
    """A name, a shape and the steps to it."""
    for row in _ROWS:
        match = row.ends.match(tensor.name)
        if match is not None:
            return _by_row(model, tensor, row, match["scope"], names)
    return by_consumer(model, tensor)


def _by_row(
    model: Model, tensor: StoredTensor, row: _Row, scope: str, names: set[str]
) -> Described | None:
    path, shape = path_of(scope), tensor.shape
    if row.step is None:
        return _computed(model, tensor, row.leaf, scope)
    if row.step == "read":
        return _variable(model, tensor)
    if row.step == "added":
        return f"{path}/{_added_word(scope, names)}", shape, ()
    if row.step == "norm":
        return _of_norm(model, tensor, path)
    if row.step == "cell":
        return f"{path}/{_of_cell(tensor.name)}", shape, ()
    if row.step == "conv1d" and len(shape) == 4:
        return _of_conv1d(tensor, path)
    if row.step == "reshape":
        return _reshaped(model, tensor, scope, path, names)
    if not isinstance(row.step, Permute):
        return f"{path}/{row.leaf}", shape, ()
    if len(shape) != 4:
        return None
    return f"{path}/{row.leaf}", shape_after(shape, (row.step,)), (row.step,)


def _computed(model: Model, tensor: StoredTensor, leaf: str, scope: str) -> Described | None:
    """What constant folding computed; ``Conv__62`` is tf2onnx's own word, not a layer's."""
    if scope.startswith("Conv__"):
        return None
    path = path_of(scope)
    if leaf.endswith("kernel"):
        return _folded_kernel(model, tensor, path, leaf) if scope else None
    return f"{path}/{leaf}", without_ones(tensor.shape) or (1,), None


def _variable(model: Model, tensor: StoredTensor) -> Described:
    """A variable of TensorFlow 1, under its own name."""
    name = tensor.name.rpartition("/read")[0]
    consumer = next(consumers(model, tensor), None)
    if consumer is None or consumer.slot != 1:
        return name, tensor.shape, ()
    steps = keras.kernel(consumer.node, tensor.shape, False) or ()
    return name, shape_after(tensor.shape, steps), steps


def _of_norm(model: Model, tensor: StoredTensor, path: str) -> Described | None:
    consumer = next(consumers(model, tensor), None)
    if consumer is None or consumer.node.op_type != "BatchNormalization":
        return None
    if consumer.slot not in (1, 2):
        return None
    return f"{path}/{('gamma', 'beta')[consumer.slot - 1]}", tensor.shape, ()


def _of_conv1d(tensor: StoredTensor, path: str) -> Described:
    """A kernel of one dimension that TensorFlow gave a second of 1."""
    added = 2 if tensor.shape[2] == 1 else 3
    without = tuple(dim for axis, dim in enumerate(tensor.shape) if axis != added)
    steps: Steps = (Reshape(without), Permute((2, 1, 0)))
    return f"{path}/kernel", shape_after(tensor.shape, steps), steps


def _added_word(scope: str, names: set[str]) -> str:
    """The word for what a layer adds: a norm's, which multiplies too, or a bias."""
    multiplies = any(f"{scope}/mul_{at}/ReadVariableOp" in names for at in range(10))
    return "beta" if multiplies else "bias"


def _folded_kernel(model: Model, tensor: StoredTensor, path: str, word: str) -> Described:
    """A kernel into which a norm was folded: its numbers are others, its shape is Keras' own."""
    consumer = next(consumers(model, tensor), None)
    if consumer is None:
        return f"{path}/{word}", tensor.shape, None
    leaf, shape = keras.folded(consumer.node, tensor.shape)
    return f"{path}/{leaf if word == 'kernel' else word}", shape, None


def _of_cell(name: str) -> str:
    """The word for what a recurrent cell reads: the first product takes the kernel, the second the
    recurrent one.
    """
    if "/Cast/" in name or "/MatMul/" in name:
        return "kernel"
    return "bias" if "/split/" in name or "/BiasAdd/" in name else "recurrent_kernel"


def _reshaped(
    model: Model, tensor: StoredTensor, scope: str, path: str, names: set[str]
) -> Described | None:
    """A norm's vector brought to the rank of its input, or an attention's kernel whose heads were
    joined.
    """
    ending = tensor.name.partition(":")[0].rpartition("/")[2]
    if len(tensor.shape) == 2 and min(tensor.shape) > 1:
        heads = _heads(model, scope)
        if heads is None:
            return f"{path}/kernel", tensor.shape, ()
        shape = (*heads, tensor.shape[1]) if ending == "Reshape_1" else (tensor.shape[0], *heads)
        steps: Steps = (Reshape(shape),)
        return f"{path}/kernel", shape, steps
    size = tensor.count
    order = ["Reshape", "Reshape_1"] if f"{scope}/Reshape" in names else ["Reshape_1", "Reshape_2"]
    if ending not in order:
        return None
    return f"{path}/{('gamma', 'beta')[order.index(ending)]}", (size,), (Reshape((size,)),)


def _heads(model: Model, scope: str) -> tuple[int, int] | None:
    """Heads and width of one, by the bias of a projection of the same attention."""
    for owner in (scope, scope.rpartition("/")[0]):
        for tensor in model.main.tensors:
            if (
                tensor.name.startswith(f"{owner}/")
                and tensor.name.endswith("Add/ReadVariableOp:0")
                and len(tensor.shape) == 2
            ):
                return tensor.shape[0], tensor.shape[1]
    return None


def _have_factors(model: Model) -> bool:
    """Whether the model's batch norms have a factor of their own, as Keras' have by default: what
    multiplies the activation is then the second product.

    Source: tensorflow/python/ops/nn_impl.py, ``batch_normalization``: ``inv *= scale`` comes first
    where there is a scale.
    """
    first = False
    for node in model.main.nodes:
        for name in (node.name, *node.outputs):
            match = _PRODUCT.search(name)
            if match is not None and match[1]:
                return True
            first = first or match is not None
    return not first


def _folded_gamma(model: Model, tensor: StoredTensor) -> Described | None:
    """The factor of a norm that was folded into a convolution: the convolution's bias bears the
    norm's name.
    """
    for consumer in consumers(model, tensor):
        bias = (
            consumer.node.inputs[2] if consumer.slot == 1 and len(consumer.node.inputs) > 2 else ""
        )
        match = _FOLDED_NORM.match(bias)
        stored = model.stored.get((consumer.graph, bias))
        if (
            match is not None
            and stored is not None
            and consumer.node.op_type in ("Conv", "ConvTranspose")
        ):
            return f"{path_of(match['scope'])}/gamma", (stored.count,), None
    return None


def hint(model: Model, tensor: StoredTensor) -> Hint | None:
    """What TensorFlow calls a constant: ``zeros/Const:0``; variables are read."""
    if model.producer_name != PRODUCER or tensor.count > 1:
        return None
    if _CONSTANT.search(tensor.name) is None:
        return None
    because = "TensorFlow gives such names to its constants; variables are read"
    return Hint(False, "tensorflow-constant", because)


def is_vector_of_norm(model: Model, tensor: StoredTensor) -> bool:
    """Whether a tensor is named as tf2onnx names a norm's vector that Keras brought to the rank of
    its input.
    """
    ending = tensor.name.partition(":")[0].rpartition("/")[2]
    return (
        model.producer_name == PRODUCER
        and ending in ("Reshape", "Reshape_1", "Reshape_2")
        and sum(dim > 1 for dim in tensor.shape) == 1
    )
